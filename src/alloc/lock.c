/* The beginning and the end of a bias, see lock.h. */
#include "alloc/lock.h"

void bda_lock_init(struct bda_lock *lock, bool used, bool barrier) {
    bda_mutex_init(&lock->mutex, used);
    for (uint32_t i = 0; i < BDA_LOCK_SEATS; i++) {
        bda_claim_init(&lock->seats[i].claim, barrier);
        lock->seats[i].thread = NULL;
    }
    lock->seats[0].thread = bda_this_thread();
    lock->in_a_row = 0;
    lock->patience = BDA_LOCK_PATIENCE;
    atomic_store_explicit(&lock->biased, used ? 1 : 0, memory_order_relaxed);
}

bool bda_lock_spin(struct bda_lock *lock) {
    enum { TRIES = 16, TURNS = 16 };
    for (uint32_t tries = 0; tries < TRIES; tries++) {
        for (uint32_t turn = 0; turn < TURNS; turn++)
            bda_relax();
        if (bda_lock_try(lock))
            return true;
    }
    return false;
}

void bda_lock_unbias(struct bda_lock *lock, struct bda_seat *seat) {
    bda_claim_announce(&seat->claim);
    if (bda_claim_fenced(&seat->claim) == 0)
        bda_barrier_everywhere();
    bda_claim_wait(&seat->claim);
    atomic_store_explicit(&lock->biased, 0, memory_order_relaxed);
    bda_claim_keep(&seat->claim);
}

/* The calling thread's seat, its number from 1; 0: all are others'. The mutex is held. */
static uint32_t find_seat(struct bda_lock *lock) {
    for (uint32_t i = 0; i < BDA_LOCK_SEATS; i++) {
        if (lock->seats[i].thread == NULL)
            lock->seats[i].thread = bda_this_thread();
        if (lock->seats[i].thread == bda_this_thread())
            return i + 1;
    }
    return 0;
}

void bda_lock_bias(struct bda_lock *lock) {
    uint32_t number = find_seat(lock);
    lock->in_a_row = 0;
    if (number == 0)
        return;
    lock->patience = (uint32_t)bda_min(2 * (uint64_t)lock->patience, BDA_LOCK_PATIENCE_MOST);
    bda_claim_let_in(&lock->seats[number - 1].claim);
    (void)bda_claim_enter(&lock->seats[number - 1].claim); /* nobody announces himself without the mutex */
    atomic_store_explicit(&lock->biased, number, memory_order_release);
    bda_mutex_unlock(&lock->mutex);
}

void bda_lock_sleep(struct bda_lock *lock, struct bda_condition *condition) {
    if (bda_lock_is_own(lock)) {
        bda_unlock(lock);
        bda_lock_wait(lock);
    } else {
        bda_condition_wait(condition, &lock->mutex);
        bda_lock_end_bias(lock); /* somebody may have become the owner meanwhile */
    }
}
