/* The mixes, see mix.h. */
#include "mix.h"

#include <math.h>
#include <stddef.h>

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { STEP = 256 }; /* the alignment of every mix, and the unit of those that say so */

static uint64_t round_up(uint64_t size) {
    return (size + STEP - 1) / STEP * STEP;
}

/* Logarithm uniform: as many sizes between 1 and 2 KiB as between 512 KiB and 1 MiB. */
static uint64_t log_uniform(struct bench_random *random, uint64_t least, uint64_t most) {
    double octaves = log2((double)most / (double)least);
    return (uint64_t)((double)least * exp2(bench_unit(random) * octaves));
}

static uint64_t draw_log_uniform(struct bench_random *random) {
    return round_up(log_uniform(random, 256, MIB));
}

static uint64_t draw_any_bytes(struct bench_random *random) {
    return log_uniform(random, 256, MIB);
}

static uint64_t draw_fixed(struct bench_random *random) {
    (void)random;
    return 256;
}

/* Many small things, and a few large ones that hold most of the bytes: of any size between 1 and 32 MiB, equally
 * likely. */
static uint64_t draw_game(struct bench_random *random) {
    if (bench_unit(random) < 0.97)
        return round_up(log_uniform(random, 256, 64 * KIB));
    return MIB + (uint64_t)bench_below(random, 31 * MIB / STEP + 1) * STEP;
}

/* What programs that round up ask for, and what those ask for that then add a header: 2^8 to 2^20, one more, one less.
 */
static uint64_t draw_powers(struct bench_random *random) {
    uint64_t power = (uint64_t)1 << (8 + bench_below(random, 13));
    return power + bench_below(random, 3) - 1;
}

static uint64_t draw_small(struct bench_random *random) {
    return round_up(log_uniform(random, 256, 64 * KIB));
}

const struct bench_mix bench_log_uniform = { "log-uniform", "log-uniform 256 B-1 MiB", STEP, 512 * MIB,
                                             draw_log_uniform };
const struct bench_mix bench_any_bytes = { "any-bytes", "log-uniform 256 B-1 MiB of any byte count", STEP, 0,
                                           draw_any_bytes };
const struct bench_mix bench_fixed = { "fixed", "256 B", STEP, 0, draw_fixed };

const struct bench_mix bench_small = { "small", "log-uniform 256 B-64 KiB", STEP, 64 * MIB, draw_small };

static const struct bench_mix game = { "game", "game (97 % log-uniform 256 B-64 KiB, 3 % uniform 1-32 MiB)", STEP,
                                       2048 * MIB, draw_game };
static const struct bench_mix powers = { "powers", "powers of two 256 B-1 MiB, +-1", STEP, 256 * MIB, draw_powers };

const struct bench_mix *const bench_occupancy_mixes[] = { &bench_log_uniform, &game, &powers, &bench_small, NULL };

double bench_mix_mean(const struct bench_mix *mix) {
    struct bench_random random = { 1 };
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 1000000; i++)
        sum += mix->draw(&random);
    return (double)sum / 1e6;
}
