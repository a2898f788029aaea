/*
 * Pairs of several threads, timed by the clock on the wall: what `threads` and `driver-threads` have in common. How it
 * is done stands in threads.c.
 */
#ifndef BENCH_THREADS_H
#define BENCH_THREADS_H

#include "rounds.h"

struct bench_threads_workload {
    const char *command;
    const char *name; /* in the table's title */
    const struct bench_mix *mix;
    bool hands_over;
    bool in_lists;                     /* what was handed over is freed many at once, by who can */
    uint32_t blocks_each;              /* of the library's pool, for each player; 0: as few for all as can be */
    const struct bench_device *device; /* or NULL */
};

void bench_time_threads(const struct bench_settings *settings, const struct bench_threads_workload *workload,
                        const struct bench_field *field, uint64_t live, struct bench_results *results);

/* How many processors there are, on stdout: more threads than that take turns. */
void bench_say_processors(void);

#endif
