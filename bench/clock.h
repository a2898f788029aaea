/*
 * Three clocks: seconds of processor time for whole rounds, on the wall for those of several threads, and ticks for
 * single calls. A tick is one of the processor's
 * time-stamp counter where there is one, read with fences so that the call in between is wholly in between; elsewhere a
 * nanosecond.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#define BENCH_HAS_TIME_STAMP_COUNTER 1
#endif

/* Of processor time that this thread has had: what other programs take of a round does not count. */
static inline double bench_seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* On the wall: a thread that waits for another does not use its processor, but it is what the program pays. */
static inline double bench_wall_seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline uint64_t bench_ticks(void) {
#ifdef BENCH_HAS_TIME_STAMP_COUNTER
    _mm_lfence();
    uint64_t ticks = __rdtsc();
    _mm_lfence();
    return ticks;
#else
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

struct bench_ticker {
    double ns_per_tick;
    uint64_t overhead; /* ticks between two readings with nothing between them: the median of many */
    uint64_t step;     /* the fewest ticks by which two such readings differ: virtual machines may count in steps */
};

/* Measures them; takes a twentieth of a second. */
struct bench_ticker bench_ticker_make(void);

/* Nanoseconds of what took so many ticks from reading to reading. */
static inline double bench_ticker_ns(const struct bench_ticker *ticker, uint64_t ticks) {
    return ticks > ticker->overhead ? (double)(ticks - ticker->overhead) * ticker->ns_per_tick : 0;
}

#endif
