/*
 * The door between the library and the system: locks, conditions, thread-locals and a thread's end, and one barrier.
 * Atomics are C11's <stdatomic.h>. One header per system stands behind this one.
 *
 * Contract of a lock: bda_mutex_init cannot fail; lock and unlock pair up within one function; locks are not recursive.
 * A `struct bda_mutex` that was initialised as `unused` costs nothing: the caller promised to synchronise.
 */
#ifndef BDA_PLATFORM_PLATFORM_H
#define BDA_PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#include "platform/windows.h"
#else
#include "platform/posix.h"
#endif

struct bda_mutex {
    bda_native_mutex native;
    bool used;
};

/* For the few locks that nobody initialises. */
#define BDA_MUTEX_INITIALIZER                                                                                          \
    { BDA_NATIVE_MUTEX_INITIALIZER, true }

/* The test build counts the locks that a thread holds: the fake driver refuses calls made while it is not zero. */
#ifdef BDA_TRACK_LOCKS
extern _Thread_local unsigned bda_locks_held;
#define BDA_COUNT_LOCK(by) (bda_locks_held += (unsigned)(by))
#else
#define BDA_COUNT_LOCK(by) ((void)0)
#endif

/* And it can have a thread stop wherever another one may come between: at every lock, and between the steps of what
 * needs none. Set while there is one thread. */
#ifdef BDA_TRACK_LOCKS
extern void (*bda_yield_hook)(void);
#define BDA_YIELD_POINT() (bda_yield_hook != NULL ? bda_yield_hook() : (void)0)
#else
#define BDA_YIELD_POINT() ((void)0)
#endif

/* For who has found something taken `tries` times that another thread gives back soon. Yielding alone would wait for
 * ever where that one has less priority, and so never the processor. */
static inline void bda_let_others(uint32_t tries) {
    if (tries < 64)
        bda_native_yield();
    else
        bda_native_nap();
}

/* A turn of a loop that waits for another processor. */
static inline void bda_relax(void) {
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__ volatile("isb");
#elif defined(_MSC_VER)
    YieldProcessor();
#endif
}

static inline void bda_mutex_init(struct bda_mutex *mutex, bool used) {
    mutex->used = used;
    if (used)
        bda_native_mutex_init(&mutex->native);
}

static inline void bda_mutex_destroy(struct bda_mutex *mutex) {
    if (mutex->used)
        bda_native_mutex_destroy(&mutex->native);
}

static inline void bda_mutex_lock(struct bda_mutex *mutex) {
    BDA_YIELD_POINT();
    if (mutex->used)
        bda_native_mutex_lock(&mutex->native);
    BDA_COUNT_LOCK(1);
}

/* Takes it unless another thread has it. */
static inline bool bda_mutex_try_lock(struct bda_mutex *mutex) {
    BDA_YIELD_POINT();
    if (mutex->used && !bda_native_mutex_try_lock(&mutex->native))
        return false;
    BDA_COUNT_LOCK(1);
    return true;
}

static inline void bda_mutex_unlock(struct bda_mutex *mutex) {
    BDA_COUNT_LOCK(-1);
    if (mutex->used)
        bda_native_mutex_unlock(&mutex->native);
}

/* A thread-local of a few bytes that is read without a call, also from a shared library: it takes them from the reserve
 * that the C library keeps for libraries loaded later. */
#if defined(__GNUC__) && defined(__ELF__)
#define BDA_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define BDA_THREAD_LOCAL _Thread_local
#endif

/* Tells the calling thread from all others that live. */
extern BDA_THREAD_LOCAL char bda_thread_mark;
static inline const void *bda_this_thread(void) {
    return &bda_thread_mark;
}

/* A variable of the environment, NULL where there is none, or where the program runs with more rights than whoever
 * started it. Valid until the environment is changed, which no other thread may be doing. */
const char *bda_environment(const char *name);

/* Something that threads wait for under a mutex. Nobody waits for a `bda_condition` that was initialised as `unused`:
 * the caller lets one thread in at a time, and so there is none to wait for. */
struct bda_condition {
    bda_native_condition native;
    bool used;
};

static inline void bda_condition_init(struct bda_condition *condition, bool used) {
    condition->used = used;
    if (used)
        bda_native_condition_init(&condition->native);
}

static inline void bda_condition_destroy(struct bda_condition *condition) {
    if (condition->used)
        bda_native_condition_destroy(&condition->native);
}

/* Sleeps without the mutex, which the caller holds alone and holds again afterwards. It may return for no reason. */
static inline void bda_condition_wait(struct bda_condition *condition, struct bda_mutex *mutex) {
    BDA_COUNT_LOCK(-1);
    bda_native_condition_wait(&condition->native, &mutex->native);
    BDA_COUNT_LOCK(1);
}

/* Wakes everybody who waits. */
static inline void bda_condition_wake(struct bda_condition *condition) {
    if (condition->used)
        bda_native_condition_wake(&condition->native);
}

/* Has `at_end` called when the calling thread ends (on the main thread: perhaps never), once however often it is asked
 * for; every call of the process passes the same function. False when the system has no room for that. */
bool bda_thread_watch(void (*at_end)(void));

/*
 * A barrier that all running threads of the process take part in, so that the other side of a hand-shake needs none:
 * it only must not let the compiler reorder. False: this system has none, and both sides need sequentially consistent
 * atomics. A microsecond or a few.
 */
bool bda_barrier_exists(void);
void bda_barrier_everywhere(void);

/* The return addresses of the calling thread, the innermost first; how many, at most `most`. 0 where the system does
 * not tell. The first call may take memory of the C library's. */
uint32_t bda_native_stack(uint32_t most, void **frames);

/* A return address in words, or at least in digits, in `text`, whose size is not 0. May take memory of the C library's.
 */
void bda_native_frame(void *frame, size_t size, char *text);

#endif
