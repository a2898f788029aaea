/*
 * Latency: percentiles of single calls. Every alloc and every free of the pairs is timed by itself, with fences around
 * the clock, whose own cost (the median of empty readings) is subtracted; so the sum of the medians is more than a pair
 * takes in the other measurements, where neighbouring calls overlap. Percentiles are taken per round; the figure is the
 * median of the rounds. The largest value says what the machine did, rather than what the allocator did.
 */
#include "check.h"
#include "play.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STANDARD_PAIRS = 200000, STANDARD_ROUNDS = 5, CUT_COUNT = 5 };

static const uint64_t standard_counts[] = { 10000, 1000000, 0 };

static const struct {
    const char *name;
    double share;
} cuts[CUT_COUNT] = { { "50 %", 0.5 }, { "90 %", 0.9 }, { "99 %", 0.99 }, { "99.9 %", 0.999 }, { "largest", 1.0 } };

/* What a round showed, in ns: one row each for alloc and free. */
struct round {
    double cuts[2][CUT_COUNT];
};

/* The times of one round's calls. */
struct samples {
    double *alloc, *free;
};

static void sample_pairs(struct bench_player *player, const struct bench_script *script, uint64_t from, uint64_t count,
                         const struct bench_ticker *ticker, const struct samples *samples) {
    const struct contender *contender = player->contender;
    for (uint64_t i = 0; i < count; i++) {
        const struct bench_pair *pair = &script->pairs[from + i];
        struct bench_range *range = &player->ranges[pair->slot];
        struct bench_range old = *range;
        uint64_t start = bench_ticks();
        if (old.handle != 0)
            contender->free(player->self, old);
        uint64_t freed = bench_ticks();
        bool fits = contender->alloc(player->self, pair->size, script->mix->alignment, range);
        uint64_t end = bench_ticks();
        samples->free[i] = bench_ticker_ns(ticker, freed - start);
        samples->alloc[i] = bench_ticker_ns(ticker, end - freed);
        if (fits)
            continue;
        range->handle = 0;
        player->refused++;
    }
}

static void cut(double *values, uint64_t count, double *out) {
    (void)bench_spread_of(values, (uint32_t)count); /* sorts */
    for (uint32_t i = 0; i < CUT_COUNT; i++)
        out[i] = bench_percentile(values, count, cuts[i].share);
}

static void add(struct bench_results *results, const struct bench_player *player, uint64_t live,
                const struct round *of_player, uint32_t rounds) {
    static const char *const names[] = { "alloc", "free" };
    double *values = bench_memory(rounds, sizeof *values);
    for (uint32_t kind = 0; kind < 2; kind++)
        for (uint32_t i = 0; i < CUT_COUNT; i++) {
            char table[96];
            (void)snprintf(table, sizeof table, "latency: ns per %s, %" PRIu64 " live", names[kind], live);
            for (uint32_t round = 0; round < rounds; round++)
                values[round] = of_player[round].cuts[kind][i];
            const struct bench_result result = { .command = "latency",
                                                 .table = table,
                                                 .column = cuts[i].name,
                                                 .contender = player->contender->name,
                                                 .unit = "ns",
                                                 .live = live,
                                                 .refused = player->refused,
                                                 .spread = bench_spread_of(values, rounds) };
            bench_results_add(results, &result);
        }
    free(values);
}

static void measure(const struct bench_settings *settings, const struct bench_field *field,
                    const struct bench_ticker *ticker, uint64_t live, struct bench_results *results) {
    const struct bench_options options = { .device = NULL };
    uint64_t pairs = bench_pairs(settings, STANDARD_PAIRS), warm_up = bench_warm_up(live);
    uint32_t rounds = bench_rounds(settings, STANDARD_ROUNDS);
    struct samples samples = { bench_memory(pairs, sizeof(double)), bench_memory(pairs, sizeof(double)) };
    struct round *all = bench_memory((size_t)rounds * BENCH_MOST_CONTENDERS, sizeof *all);
    struct bench_script script;
    struct bench_players players;
    bench_script_make(&script, &bench_log_uniform, BENCH_RANDOM, live, warm_up + pairs * rounds, settings->seed);
    bench_players_open(&players, field, &script, &options, warm_up);
    for (uint32_t round = 0; round < rounds; round++)
        for (uint32_t i = 0; i < players.count; i++) {
            struct round *out = &all[i * rounds + round];
            sample_pairs(&players.all[i], &script, warm_up + round * pairs, pairs, ticker, &samples);
            cut(samples.alloc, pairs, out->cuts[0]);
            cut(samples.free, pairs, out->cuts[1]);
        }
    for (uint32_t i = 0; i < players.count; i++)
        add(results, &players.all[i], live, all + i * rounds, rounds);
    free(samples.alloc);
    free(samples.free);
    free(all);
    bench_check_players(&players, &script);
    bench_players_close(&players);
    bench_script_release(&script);
}

int bench_latency(const struct bench_settings *settings, struct bench_results *results) {
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, NULL);
    struct bench_ticker ticker = bench_ticker_make();
    printf("latency: reading the clock takes %.1f ns, subtracted; the clock moves in steps of %.1f ns\n",
           (double)ticker.overhead * ticker.ns_per_tick, (double)ticker.step * ticker.ns_per_tick);
    for (uint32_t i = 0; i < counts.count; i++)
        measure(settings, &field, &ticker, counts.all[i], results);
    bench_results_print(results);
    return EXIT_SUCCESS;
}
