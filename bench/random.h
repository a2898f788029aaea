/*
 * The generator behind every measurement: splitmix64 (Steele, Lea, Flood, OOPSLA 2014). A seed and a short formula are
 * all that somebody else needs to repeat a run, in any language.
 */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stdint.h>

struct bench_random {
    uint64_t state; /* the seed, at first */
};

static inline uint64_t bench_draw(struct bench_random *random) {
    uint64_t z = random->state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

/* Of [0, count); count is not 0 and has 32 bits. The bias is below 2^-32 times count. */
static inline uint32_t bench_below(struct bench_random *random, uint32_t count) {
    return (uint32_t)((bench_draw(random) >> 32) * count >> 32);
}

/* Of [0, 1), with 53 bits. */
static inline double bench_unit(struct bench_random *random) {
    return (double)(bench_draw(random) >> 11) * 0x1p-53;
}

#endif
