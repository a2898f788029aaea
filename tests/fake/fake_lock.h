/*
 * The one lock that the fake driver and the counting host allocator need, on POSIX and Windows.
 */
#ifndef FAKE_LOCK_H
#define FAKE_LOCK_H

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

struct fake_lock {
    SRWLOCK lock;
};

static inline void fake_lock_init(struct fake_lock *lock) {
    InitializeSRWLock(&lock->lock);
}

static inline void fake_lock_done(struct fake_lock *lock) {
    (void)lock;
}

static inline void fake_lock_take(struct fake_lock *lock) {
    AcquireSRWLockExclusive(&lock->lock);
}

static inline void fake_lock_leave(struct fake_lock *lock) {
    ReleaseSRWLockExclusive(&lock->lock);
}
#else
#include <pthread.h>

struct fake_lock {
    pthread_mutex_t lock;
};

static inline void fake_lock_init(struct fake_lock *lock) {
    (void)pthread_mutex_init(&lock->lock, NULL);
}

static inline void fake_lock_done(struct fake_lock *lock) {
    (void)pthread_mutex_destroy(&lock->lock);
}

static inline void fake_lock_take(struct fake_lock *lock) {
    (void)pthread_mutex_lock(&lock->lock);
}

static inline void fake_lock_leave(struct fake_lock *lock) {
    (void)pthread_mutex_unlock(&lock->lock);
}
#endif

#endif
