/*
 * The lock of a pool: a mutex that is biased towards a thread that has it for itself.
 *
 * Many pools have one thread, and shards one each, and to that thread a mutex that nobody else wants still costs two
 * atomic instructions each time, about as much as the search for a range. So a lock begins as a claim (claim.h) of the
 * thread that made it, who goes in and out without any. Another thread that comes ends that: it takes the mutex,
 * announces itself, waits until the owner is out, and from then on everybody takes the mutex. It pays a barrier on all
 * threads for that, a few microseconds. A thread that has taken the mutex many times in a row becomes the owner; each
 * time it takes twice as many, so that the barriers of a lock with two threads come to an end.
 *
 * Each owner has a *seat* of its own in the lock, so that one who is late to see that it is the owner no more writes
 * where nobody else does. There are a few; who finds none takes the mutex.
 *
 * Who waits for a condition under such a lock waits for another thread: what is held then is the mutex.
 */
#ifndef BDA_ALLOC_LOCK_H
#define BDA_ALLOC_LOCK_H

#include "alloc/claim.h"

#include <assert.h>

enum {
    BDA_LOCK_SEATS = 4,
    BDA_LOCK_PATIENCE = 1024, /* times in a row that make a thread the owner, the first time */
    BDA_LOCK_PATIENCE_MOST = 1 << 24,
};

struct bda_seat {
    struct bda_claim claim;
    const void *thread; /* a thread (bda_this_thread), for good, or NULL: nobody's yet. Set under the mutex */
};

struct bda_lock {
    struct bda_mutex mutex;
    _Atomic uint32_t biased; /* the owner's seat, from 1; 0: the mutex alone counts. Written under it */
    struct bda_seat seats[BDA_LOCK_SEATS];
    /* under the mutex: */
    uint32_t in_a_row; /* times that the thread who had it last has taken it since another one had */
    uint32_t patience;
};

/* The calling thread is the owner. `used`: false where the caller synchronises; `barrier`: see claim.h. */
void bda_lock_init(struct bda_lock *lock, bool used, bool barrier);

static inline void bda_lock_destroy(struct bda_lock *lock) {
    bda_mutex_destroy(&lock->mutex);
}

/* Its owner's seat, or NULL. */
BDA_INLINE struct bda_seat *bda_lock_seat(struct bda_lock *lock) {
    uint32_t biased = atomic_load_explicit(&lock->biased, memory_order_acquire);
    return biased != 0 ? &lock->seats[biased - 1] : NULL;
}

/* The owner, or NULL. */
BDA_INLINE const void *bda_lock_owner(struct bda_lock *lock) {
    const struct bda_seat *seat = bda_lock_seat(lock);
    return seat != NULL ? seat->thread : NULL;
}

/* What the owner reads is its own, or that it no longer is the owner. */
BDA_INLINE bool bda_lock_is_own(struct bda_lock *lock) {
    return bda_lock_owner(lock) == bda_this_thread();
}

/* Takes it as its owner does; false for others, and where somebody is about to end the bias. */
BDA_INLINE bool bda_lock_try_as_owner(struct bda_lock *lock) {
    struct bda_seat *seat = bda_lock_seat(lock);
    return seat != NULL && seat->thread == bda_this_thread() && bda_claim_enter(&seat->claim);
}

/* Ends the bias towards the owner in this seat. The mutex is held. */
void bda_lock_unbias(struct bda_lock *lock, struct bda_seat *seat);

/* The calling thread, which holds the mutex, holds the lock as its owner from now on; where there is no seat for it, it
 * still holds the mutex. */
void bda_lock_bias(struct bda_lock *lock);

/* Who has taken the mutex tells whether it had it last, too. Where the caller synchronises that means nothing. */
BDA_INLINE void bda_lock_count(struct bda_lock *lock, bool again) {
    lock->in_a_row = again && lock->mutex.used ? lock->in_a_row + 1 : 0;
    if (lock->in_a_row >= lock->patience)
        bda_lock_bias(lock);
}

/* For who has the mutex, and is not the owner. */
BDA_INLINE void bda_lock_end_bias(struct bda_lock *lock) {
    struct bda_seat *seat = bda_lock_seat(lock);
    if (seat != NULL)
        bda_lock_unbias(lock, seat);
}

BDA_INLINE void bda_lock_wait(struct bda_lock *lock) {
    bda_mutex_lock(&lock->mutex);
    bda_lock_end_bias(lock);
}

/* Takes it as others do, unless somebody has it: for who has tried bda_lock_try_as_owner. */
BDA_INLINE bool bda_lock_try(struct bda_lock *lock) {
    if (!bda_mutex_try_lock(&lock->mutex))
        return false;
    bda_lock_end_bias(lock);
    return true;
}

/* The same for who has seen that somebody has it, and does not mind the processor's time: again and again, for some ten
 * microseconds. Most hold it for one or two, and to sleep and be woken takes longer. */
bool bda_lock_spin(struct bda_lock *lock);

static inline void bda_lock(struct bda_lock *lock) {
    if (!lock->mutex.used)
        bda_mutex_lock(&lock->mutex);
    else if (!bda_lock_try_as_owner(lock))
        bda_lock_wait(lock);
}

/* Who is the owner and has it does not have the mutex: that it would have let go of, or ended the bias. */
static inline void bda_unlock(struct bda_lock *lock) {
    assert(lock != NULL);
    struct bda_seat *seat = bda_lock_seat(lock);
    if (seat != NULL && seat->thread == bda_this_thread())
        bda_claim_leave(&seat->claim);
    else
        bda_mutex_unlock(&lock->mutex);
}

/* As bda_condition_wait. An owner ends its own bias and returns, as if it had been woken for nothing: what it waits for
 * may have come while it changed over. */
void bda_lock_sleep(struct bda_lock *lock, struct bda_condition *condition);

#endif
