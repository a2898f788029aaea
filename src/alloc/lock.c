/* The end of a bias, see lock.h. */
#include "alloc/lock.h"

void bda_lock_unbias(struct bda_lock *lock) {
    bda_claim_announce(&lock->claim);
    if (lock->claim.barrier)
        bda_barrier_everywhere();
    bda_claim_wait(&lock->claim);
    atomic_store_explicit(&lock->owner, NULL, memory_order_relaxed);
    bda_claim_keep(&lock->claim);
}
