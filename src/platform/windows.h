/* Locks on Windows: slim reader/writer locks, which need no destruction and never fail. */
#ifndef BDA_PLATFORM_WINDOWS_H
#define BDA_PLATFORM_WINDOWS_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

typedef SRWLOCK bda_native_mutex;
#define BDA_NATIVE_MUTEX_INITIALIZER SRWLOCK_INIT

/* Lets another thread run. */
static inline void bda_native_yield(void) {
    (void)SwitchToThread();
}

static inline void bda_native_mutex_init(bda_native_mutex *mutex) {
    InitializeSRWLock(mutex);
}

static inline void bda_native_mutex_destroy(bda_native_mutex *mutex) {
    (void)mutex;
}

static inline void bda_native_mutex_lock(bda_native_mutex *mutex) {
    AcquireSRWLockExclusive(mutex);
}

static inline void bda_native_mutex_unlock(bda_native_mutex *mutex) {
    ReleaseSRWLockExclusive(mutex);
}

#endif
