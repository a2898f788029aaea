/* What platform.h does not do in place: the environment, a thread's end, the barrier on all threads, and stacks. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE    /* syscall, secure_getenv, PTHREAD_MUTEX_ADAPTIVE_NP; NOLINT(bugprone-reserved-identifier):     \
                          glibc's own name */
#endif
#include "platform/platform.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

BDA_THREAD_LOCAL char bda_thread_mark;

#ifdef BDA_TRACK_LOCKS
_Thread_local unsigned bda_locks_held;
void (*bda_yield_hook)(void);
#endif

#if defined(__linux__) && !defined(__ANDROID__)
const char *bda_environment(const char *name) {
    return secure_getenv(name);
}
#elif defined(_WIN32)
const char *bda_environment(const char *name) {
    return getenv(name);
}
#else
#include <unistd.h>

const char *bda_environment(const char *name) {
    return getuid() == geteuid() && getgid() == getegid() ? getenv(name) : NULL;
}
#endif

#if defined(_WIN32)

static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static DWORD slot = FLS_OUT_OF_INDEXES;
static void (*thread_end)(void);

static void WINAPI end(void *unused) {
    (void)unused;
    thread_end();
}

static BOOL CALLBACK begin(INIT_ONCE *unused, void *at_end, void **context) {
    (void)unused;
    (void)context;
    thread_end = *(void (**)(void))at_end;
    slot = FlsAlloc(end);
    return TRUE;
}

bool bda_thread_watch(void (*at_end)(void)) {
    (void)InitOnceExecuteOnce(&once, begin, &at_end, NULL);
    return slot != FLS_OUT_OF_INDEXES && FlsSetValue(slot, &slot) != 0; /* whatever is not NULL */
}

bool bda_barrier_exists(void) {
    return true;
}

void bda_barrier_everywhere(void) {
    FlushProcessWriteBuffers();
}

#else

/* No thread can be cancelled on Android. */
#if defined(__ANDROID__)
enum { PTHREAD_CANCEL_DISABLE };
static void pthread_setcancelstate(int state, int *before) {
    *before = state;
}
#endif

void bda_native_nap(void) {
    const struct timespec nap = { .tv_nsec = 20000 };
    int before;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    (void)nanosleep(&nap, NULL);
    (void)pthread_setcancelstate(before, &before);
}

void bda_native_condition_wait(bda_native_condition *condition, bda_native_mutex *mutex) {
    int before;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    (void)pthread_cond_wait(condition, mutex);
    (void)pthread_setcancelstate(before, &before);
}

/* Locks of this library are held for less than it takes to put a thread to sleep: who finds one taken tries again for a
 * little while first, where the system knows how. */
void bda_native_mutex_init(bda_native_mutex *mutex) {
#if defined(__GLIBC__)
    pthread_mutexattr_t adaptive;
    (void)pthread_mutexattr_init(&adaptive);
    (void)pthread_mutexattr_settype(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
    (void)pthread_mutex_init(mutex, &adaptive);
    (void)pthread_mutexattr_destroy(&adaptive);
#else
    (void)pthread_mutex_init(mutex, NULL);
#endif
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_exists;
static _Atomic(void (*)(void)) thread_end; /* always the same one */

static void end(void *unused) {
    (void)unused;
    atomic_load_explicit(&thread_end, memory_order_relaxed)();
}

static void begin(void) {
    key_exists = pthread_key_create(&key, end) == 0;
}

bool bda_thread_watch(void (*at_end)(void)) {
    (void)pthread_once(&once, begin);
    atomic_store_explicit(&thread_end, at_end, memory_order_relaxed);
    return key_exists && pthread_setspecific(key, &key) == 0; /* whatever is not NULL */
}

#if defined(__linux__)

#include <sys/syscall.h>
#include <unistd.h>

/* <linux/membarrier.h> names them, where it is installed. */
enum { MEMBARRIER_PRIVATE_EXPEDITED = 1 << 3, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 1 << 4 };

bool bda_barrier_exists(void) {
    return syscall(SYS_membarrier, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

/* Threads rely on it. It fails only where somebody has forbidden the call since it was registered for. */
void bda_barrier_everywhere(void) {
    if (syscall(SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0, 0) != 0)
        abort();
}

#else

bool bda_barrier_exists(void) {
    return false;
}

void bda_barrier_everywhere(void) {
}

#endif
#endif

/* ---- Stacks ---- */

#if defined(_WIN32)

uint32_t bda_native_stack(uint32_t most, void **frames) {
    return RtlCaptureStackBackTrace(0, most, frames, NULL);
}

#elif defined(__GLIBC__) || defined(__APPLE__)

#include <execinfo.h>

uint32_t bda_native_stack(uint32_t most, void **frames) {
    int count = backtrace(frames, (int)most);
    return count > 0 ? (uint32_t)count : 0;
}

#else

uint32_t bda_native_stack(uint32_t most, void **frames) {
    (void)most;
    (void)frames;
    return 0;
}

#endif

void bda_native_frame(void *frame, size_t size, char *text) {
#if defined(__GLIBC__) || defined(__APPLE__)
    char **words = backtrace_symbols(&frame, 1);
    if (words != NULL) {
        (void)snprintf(text, size, "%s", words[0]);
        free((void *)words);
        return;
    }
#endif
    (void)snprintf(text, size, "%p", frame);
}
