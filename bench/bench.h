/*
 * What the measurements share: the settings of a run, the choice of contenders, and a clock.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "clock.h"
#include "contender.h"
#include "results.h"

#include <stddef.h>

enum { BENCH_MOST_COUNTS = 16 };

/* Counts of something, one after another. */
struct bench_counts {
    uint64_t all[BENCH_MOST_COUNTS];
    uint32_t count;
};

/* From the command line; what is 0 there is for each measurement to choose. */
struct bench_settings {
    const char *program;  /* argv[0] */
    const char *only;     /* names with commas between; NULL: every contender that fits */
    const char *workload; /* threads: the one to measure; NULL: all */
    const char *json;
    const char *child; /* instructions: the workload that this process runs under valgrind; verify: a mistake to see */
    const char *keep;  /* instructions, cold: a folder for callgrind's files */
    struct bench_counts live, threads;
    uint64_t pairs;
    uint32_t rounds;
    uint32_t seeds;
    uint64_t seed;
    bool any_bytes;
    bool fake;
};

/* One of the sub-commands. Adds its results and prints them; returns the exit code. */
typedef int bench_measurement(const struct bench_settings *settings, struct bench_results *results);

bench_measurement bench_steady, bench_steady_bytes, bench_fixed_size, bench_fifo, bench_fill, bench_latency,
    bench_holes, bench_occupancy, bench_metadata, bench_instructions, bench_batch, bench_driver, bench_verify,
    bench_threads, bench_stall, bench_full, bench_cold, bench_driver_threads, bench_find, bench_frame;

/* ---- Choosing ---- */

enum { BENCH_MOST_CONTENDERS = 24 };

struct bench_field {
    const struct contender *all[BENCH_MOST_CONTENDERS];
    uint32_t count;
};

/* The contenders that --only names (default: all) and that `fits` accepts (NULL: all that need neither a driver nor
 * threads). */
struct bench_field bench_choose(const struct bench_settings *settings, bool (*fits)(const struct contender *));

/* What --live says, or `standard`, which 0 ends. */
struct bench_counts bench_counts_of(const struct bench_settings *settings, const uint64_t *standard);

/* --rounds and --pairs, or these. */
uint32_t bench_rounds(const struct bench_settings *settings, uint32_t standard);
uint64_t bench_pairs(const struct bench_settings *settings, uint64_t standard);

/* ---- Small things ---- */

/* What the figures of this run hold for. */
struct bench_machine bench_describe_machine(void);

/* Ends the program with a sentence on stderr. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2), noreturn))
#endif
void bench_fail(const char *format, ...);

/* malloc that ends the program when there is no memory. */
void *bench_memory(size_t count, size_t size);

#endif
