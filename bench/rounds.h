/*
 * Rounds of pairs, timed: the measurement that steady, fixed, fifo and driver have in common.
 *
 * Contenders take turns, a round each, and go on with what they held before; so whatever slows the machine down for
 * a while slows all of them. The figure of a round is the mean of its pairs; that of a contender the median of its
 * rounds.
 */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

#include "play.h"

struct bench_workload {
    const char *command;
    const char *table;
    const struct bench_mix *mix;
    enum bench_order order;
    const struct bench_device *device; /* or NULL */
};

void bench_time_pairs(const struct bench_settings *settings, const struct bench_workload *workload,
                      const struct bench_field *field, uint64_t live, struct bench_results *results);

/* What each contender showed in each round. */
struct bench_times {
    double *all;
    uint32_t rounds;
};

struct bench_times bench_times_make(uint32_t rounds);
void bench_times_release(struct bench_times *times);
double *bench_times_at(const struct bench_times *times, uint32_t contender, uint32_t round);
struct bench_spread bench_times_spread(const struct bench_times *times, uint32_t contender);

/* Says how many requests were refused, if any. */
void bench_say_refusals(const struct bench_player *player, uint64_t live);

#endif
