/*
 * Mixes: distributions of sizes, and what else belongs to one. The time measurements use the first few; the four that
 * have an occupancy pool are those of the occupancy table.
 */
#ifndef BENCH_MIX_H
#define BENCH_MIX_H

#include "random.h"

struct bench_mix {
    const char *name;        /* for the command line and JSON */
    const char *what;        /* for tables */
    uint64_t alignment;      /* of every request */
    uint64_t occupancy_pool; /* bytes; 0: not measured for occupancy */
    uint64_t (*draw)(struct bench_random *random);
};

extern const struct bench_mix bench_log_uniform; /* 256 B to 1 MiB in steps of 256 B */
extern const struct bench_mix bench_any_bytes;   /* the same of any byte count */
extern const struct bench_mix bench_fixed;       /* 256 B */
extern const struct bench_mix bench_small;       /* 256 B to 64 KiB in steps of 256 B */

/* The mixes of the occupancy table; NULL ends it. */
extern const struct bench_mix *const bench_occupancy_mixes[];

/* The mean size, from a million draws of seed 1: the same number every time. */
double bench_mix_mean(const struct bench_mix *mix);

#endif
