/*
 * The lock of a pool: a mutex that is biased towards the thread that made it.
 *
 * Many pools have one thread, and arenas one each, and to that thread a mutex that nobody else wants still costs two
 * atomic instructions each time, about as much as the search for a range. So a lock begins as a claim (claim.h): its
 * owner goes in and out without any. The first other thread to come ends that for good: it takes the mutex, announces
 * itself, waits until the owner is out, and from then on everybody takes the mutex. It pays a barrier on all threads
 * for that, a few microseconds, once in the life of the lock.
 *
 * Who waits for a condition under such a lock waits for another thread, which has been here: what is held then is the
 * mutex.
 */
#ifndef BDA_ALLOC_LOCK_H
#define BDA_ALLOC_LOCK_H

#include "alloc/claim.h"

#include <assert.h>

struct bda_lock {
    struct bda_mutex mutex;
    struct bda_claim claim;
    _Atomic(const void *) owner; /* a thread (bda_this_thread), or NULL: the mutex alone counts. Set to NULL under it */
};

/* The calling thread is the owner. `used`: false where the caller synchronises; `barrier`: see claim.h. */
static inline void bda_lock_init(struct bda_lock *lock, bool used, bool barrier) {
    bda_mutex_init(&lock->mutex, used);
    lock->claim = (struct bda_claim){ .barrier = barrier };
    atomic_store_explicit(&lock->owner, used ? bda_this_thread() : NULL, memory_order_relaxed);
}

static inline void bda_lock_destroy(struct bda_lock *lock) {
    bda_mutex_destroy(&lock->mutex);
}

BDA_INLINE bool bda_lock_is_biased(struct bda_lock *lock) {
    return atomic_load_explicit(&lock->owner, memory_order_relaxed) != NULL;
}

/* Of the owner alone, so what it reads is its own, or that it no longer is the owner. */
BDA_INLINE bool bda_lock_is_own(struct bda_lock *lock) {
    return atomic_load_explicit(&lock->owner, memory_order_relaxed) == bda_this_thread();
}

/* Takes it as its owner does; false for others, and where somebody is about to end the bias. */
BDA_INLINE bool bda_lock_own(struct bda_lock *lock) {
    return bda_lock_is_own(lock) && bda_claim_enter(&lock->claim);
}

/* Ends the bias. The mutex is held. */
void bda_lock_unbias(struct bda_lock *lock);

BDA_INLINE void bda_lock_wait(struct bda_lock *lock) {
    bda_mutex_lock(&lock->mutex);
    if (bda_lock_is_biased(lock))
        bda_lock_unbias(lock);
}

/* Takes it as others do, unless somebody has it: for who has tried bda_lock_own. */
BDA_INLINE bool bda_lock_try(struct bda_lock *lock) {
    if (!bda_mutex_try_lock(&lock->mutex))
        return false;
    if (bda_lock_is_biased(lock))
        bda_lock_unbias(lock);
    return true;
}

static inline void bda_lock(struct bda_lock *lock) {
    if (!lock->mutex.used)
        bda_mutex_lock(&lock->mutex);
    else if (!bda_lock_own(lock))
        bda_lock_wait(lock);
}

/* Who was the owner has the mutex only when it no longer is. */
static inline void bda_unlock(struct bda_lock *lock) {
    if (lock->mutex.used && bda_lock_is_own(lock))
        bda_claim_leave(&lock->claim);
    else
        bda_mutex_unlock(&lock->mutex);
}

/* As bda_condition_wait. */
static inline void bda_lock_sleep(struct bda_lock *lock, struct bda_condition *condition) {
    assert(!bda_lock_is_biased(lock));
    bda_condition_wait(condition, &lock->mutex);
}

#endif
