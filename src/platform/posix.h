/* Locks on POSIX systems: pthread mutexes, which glibc takes with one atomic when uncontended; and
 * conditions to wait for under them. */
#ifndef BDA_PLATFORM_POSIX_H
#define BDA_PLATFORM_POSIX_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

typedef pthread_mutex_t bda_native_mutex;
#define BDA_NATIVE_MUTEX_INITIALIZER PTHREAD_MUTEX_INITIALIZER

/* Lets another thread run. */
static inline void bda_native_yield(void) {
    (void)sched_yield();
}

/* Sleeps for some 20 microseconds, so that threads of any priority run. Nobody is cancelled meanwhile. */
void bda_native_nap(void);

/* Cannot fail on the systems we know (it allocates nothing on Linux, BSD, macOS). */
void bda_native_mutex_init(bda_native_mutex *mutex);

static inline void bda_native_mutex_destroy(bda_native_mutex *mutex) {
    (void)pthread_mutex_destroy(mutex);
}

static inline void bda_native_mutex_lock(bda_native_mutex *mutex) {
    (void)pthread_mutex_lock(mutex);
}

static inline bool bda_native_mutex_try_lock(bda_native_mutex *mutex) {
    return pthread_mutex_trylock(mutex) == 0;
}

static inline void bda_native_mutex_unlock(bda_native_mutex *mutex) {
    (void)pthread_mutex_unlock(mutex);
}

typedef pthread_cond_t bda_native_condition;

/* As with mutexes, none of these fails for a default condition. */
static inline void bda_native_condition_init(bda_native_condition *condition) {
    (void)pthread_cond_init(condition, NULL);
}

static inline void bda_native_condition_destroy(bda_native_condition *condition) {
    (void)pthread_cond_destroy(condition);
}

/* Who is cancelled while it sleeps goes on to the end of the call first: else it would take the mutex along. */
void bda_native_condition_wait(bda_native_condition *condition, bda_native_mutex *mutex);

static inline void bda_native_condition_wake(bda_native_condition *condition) {
    (void)pthread_cond_broadcast(condition);
}

#endif
