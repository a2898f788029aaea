/*
 * Time per pair with a constant number of live allocations: random victims of log-uniform sizes (steady), one size
 * (fixed), the oldest first (fifo). And fill: so many allocations, then as many frees in random order.
 */
#include "rounds.h"

#include <stdlib.h>

enum { STANDARD_FILL_ROUNDS = 5 };

static const uint64_t standard_counts[] = { 1000, 10000, 100000, 1000000, 0 };

static int measure(const struct bench_settings *settings, struct bench_results *results,
                   const struct bench_workload *workload) {
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, NULL);
    for (uint32_t i = 0; i < counts.count; i++)
        bench_time_pairs(settings, workload, &field, counts.all[i], results);
    bench_results_print(results);
    return EXIT_SUCCESS;
}

int bench_steady_bytes(const struct bench_settings *settings, struct bench_results *results) {
    static const struct bench_workload workload = { "steady-bytes",
                                                    "steady: ns per pair, any byte count 256 B-1 MiB, align 256",
                                                    &bench_any_bytes, BENCH_RANDOM, NULL };
    return measure(settings, results, &workload);
}

int bench_steady(const struct bench_settings *settings, struct bench_results *results) {
    static const struct bench_workload workload = { "steady", "steady: ns per pair, log-uniform 256 B-1 MiB, align 256",
                                                    &bench_log_uniform, BENCH_RANDOM, NULL };
    if (settings->any_bytes)
        return bench_steady_bytes(settings, results);
    return measure(settings, results, &workload);
}

int bench_fixed_size(const struct bench_settings *settings, struct bench_results *results) {
    static const struct bench_workload workload = { "fixed", "fixed: ns per pair, 256 B, random victims", &bench_fixed,
                                                    BENCH_RANDOM, NULL };
    return measure(settings, results, &workload);
}

int bench_fifo(const struct bench_settings *settings, struct bench_results *results) {
    static const struct bench_workload workload = { "fifo",
                                                    "fifo: ns per pair, first in first out, log-uniform 256 B-1 MiB",
                                                    &bench_log_uniform, BENCH_FIFO, NULL };
    return measure(settings, results, &workload);
}

/* ---- Fill and empty ---- */

static double time_fill(struct bench_player *player, const struct bench_script *script) {
    double start = bench_seconds();
    bench_player_fill(player, script);
    return (bench_seconds() - start) * 1e9 / (double)script->live;
}

static double time_empty(struct bench_player *player, const struct bench_script *script, const uint32_t *order) {
    double start = bench_seconds();
    bench_player_empty(player, order, script->live);
    return (bench_seconds() - start) * 1e9 / (double)script->live;
}

static void add(struct bench_results *results, const struct bench_player *player, uint64_t live, bool filling,
                struct bench_spread spread) {
    const struct bench_result result = { .command = filling ? "fill" : "empty",
                                         .table = filling ? "fill: ns per allocation into an empty pool"
                                                          : "fill: ns per free until the pool is empty, random order",
                                         .contender = player->contender->name,
                                         .unit = "ns",
                                         .live = live,
                                         .refused = player->refused,
                                         .spread = spread };
    bench_results_add(results, &result);
    if (filling)
        bench_say_refusals(player, live);
}

static void fill_count(const struct bench_settings *settings, const struct bench_field *field, uint64_t live,
                       struct bench_results *results) {
    const struct bench_options options = { .device = NULL };
    struct bench_times fills = bench_times_make(bench_rounds(settings, STANDARD_FILL_ROUNDS));
    struct bench_times empties = bench_times_make(fills.rounds);
    struct bench_script script;
    struct bench_players players;
    bench_script_make(&script, &bench_log_uniform, BENCH_RANDOM, live, 0, settings->seed);
    uint32_t *order = bench_shuffled(script.live, settings->seed);
    bench_players_open(&players, field, &script, &options, 0);
    for (uint32_t i = 0; i < players.count; i++)
        bench_player_empty(&players.all[i], order, script.live);
    for (uint32_t round = 0; round < fills.rounds; round++)
        for (uint32_t i = 0; i < players.count; i++) {
            *bench_times_at(&fills, i, round) = time_fill(&players.all[i], &script);
            *bench_times_at(&empties, i, round) = time_empty(&players.all[i], &script, order);
        }
    for (uint32_t i = 0; i < players.count; i++) {
        add(results, &players.all[i], live, true, bench_times_spread(&fills, i));
        add(results, &players.all[i], live, false, bench_times_spread(&empties, i));
    }
    bench_times_release(&fills);
    bench_times_release(&empties);
    free(order);
    bench_players_close(&players);
    bench_script_release(&script);
}

int bench_fill(const struct bench_settings *settings, struct bench_results *results) {
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, NULL);
    for (uint32_t i = 0; i < counts.count; i++)
        fill_count(settings, &field, counts.all[i], results);
    bench_results_print(results);
    return EXIT_SUCCESS;
}
