/* Locks on Windows: slim reader/writer locks and condition variables, which need no destruction and never fail. */
#ifndef BDA_PLATFORM_WINDOWS_H
#define BDA_PLATFORM_WINDOWS_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <stdbool.h>
#include <windows.h>

typedef SRWLOCK bda_native_mutex;
#define BDA_NATIVE_MUTEX_INITIALIZER SRWLOCK_INIT

/* Lets another thread run. */
static inline void bda_native_yield(void) {
    (void)SwitchToThread();
}

/* Sleeps as shortly as the system's clock ticks, so that threads of any priority run. */
static inline void bda_native_nap(void) {
    Sleep(1);
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

static inline bool bda_native_mutex_try_lock(bda_native_mutex *mutex) {
    return TryAcquireSRWLockExclusive(mutex) != 0;
}

static inline void bda_native_mutex_unlock(bda_native_mutex *mutex) {
    ReleaseSRWLockExclusive(mutex);
}

typedef CONDITION_VARIABLE bda_native_condition;

static inline void bda_native_condition_init(bda_native_condition *condition) {
    InitializeConditionVariable(condition);
}

static inline void bda_native_condition_destroy(bda_native_condition *condition) {
    (void)condition;
}

static inline void bda_native_condition_wait(bda_native_condition *condition, bda_native_mutex *mutex) {
    (void)SleepConditionVariableSRW(condition, mutex, INFINITE, 0);
}

static inline void bda_native_condition_wake(bda_native_condition *condition) {
    WakeAllConditionVariable(condition);
}

#endif
