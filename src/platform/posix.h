/* Locks on POSIX systems: pthread mutexes, which glibc takes with one atomic when uncontended. */
#ifndef BDA_PLATFORM_POSIX_H
#define BDA_PLATFORM_POSIX_H

#include <pthread.h>
#include <sched.h>

typedef pthread_mutex_t bda_native_mutex;
#define BDA_NATIVE_MUTEX_INITIALIZER PTHREAD_MUTEX_INITIALIZER

/* Lets another thread run. */
static inline void bda_native_yield(void) {
    (void)sched_yield();
}

/* Cannot fail on the systems we know (it allocates nothing on Linux, BSD, macOS). */
void bda_native_mutex_init(bda_native_mutex *mutex);

static inline void bda_native_mutex_destroy(bda_native_mutex *mutex) {
    (void)pthread_mutex_destroy(mutex);
}

static inline void bda_native_mutex_lock(bda_native_mutex *mutex) {
    (void)pthread_mutex_lock(mutex);
}

static inline void bda_native_mutex_unlock(bda_native_mutex *mutex) {
    (void)pthread_mutex_unlock(mutex);
}

#endif
