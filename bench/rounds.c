/* See rounds.h. */
#include "rounds.h"

#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STANDARD_PAIRS = 500000, STANDARD_ROUNDS = 5 };

struct bench_times bench_times_make(uint32_t rounds) {
    return (struct bench_times){ bench_memory((size_t)rounds * BENCH_MOST_CONTENDERS, sizeof(double)), rounds };
}

void bench_times_release(struct bench_times *times) {
    free(times->all);
}

double *bench_times_at(const struct bench_times *times, uint32_t contender, uint32_t round) {
    return &times->all[(size_t)contender * times->rounds + round];
}

struct bench_spread bench_times_spread(const struct bench_times *times, uint32_t contender) {
    return bench_spread_of(bench_times_at(times, contender, 0), times->rounds);
}

void bench_say_refusals(const struct bench_player *player, uint64_t live) {
    if (player->refused != 0)
        printf("%s refused %" PRIu64 " requests at %" PRIu64 " live\n", player->contender->name, player->refused, live);
}

/* The first part of a round is not counted: the other contenders have just used the caches. */
static uint64_t uncounted(uint64_t pairs) {
    return pairs / 10;
}

/* Nanoseconds per pair. */
static double play_round(struct bench_player *player, const struct bench_script *script, uint64_t from,
                         uint64_t pairs) {
    bench_play(player, script, from, uncounted(pairs));
    double start = bench_seconds();
    bench_measured_pairs(player, script, from + uncounted(pairs), pairs);
    return (bench_seconds() - start) * 1e9 / (double)pairs;
}

static void add(struct bench_results *results, const struct bench_workload *workload, const struct bench_player *player,
                uint64_t live, struct bench_spread spread) {
    const struct bench_result result = { .command = workload->command,
                                         .table = workload->table,
                                         .contender = player->contender->name,
                                         .unit = "ns",
                                         .live = live,
                                         .refused = player->refused,
                                         .spread = spread };
    bench_results_add(results, &result);
    bench_say_refusals(player, live);
}

void bench_time_pairs(const struct bench_settings *settings, const struct bench_workload *workload,
                      const struct bench_field *field, uint64_t live, struct bench_results *results) {
    const struct bench_options options = { .device = workload->device };
    uint64_t pairs = bench_pairs(settings, STANDARD_PAIRS), each = uncounted(pairs) + pairs;
    uint64_t warm_up = bench_warm_up(live);
    struct bench_times times = bench_times_make(bench_rounds(settings, STANDARD_ROUNDS));
    struct bench_script script;
    struct bench_players players;
    bench_script_make(&script, workload->mix, workload->order, live, warm_up + each * times.rounds, settings->seed);
    bench_players_open(&players, field, &script, &options, warm_up);
    for (uint32_t round = 0; round < times.rounds; round++)
        for (uint32_t i = 0; i < players.count; i++)
            *bench_times_at(&times, i, round) = play_round(&players.all[i], &script, warm_up + round * each, pairs);
    for (uint32_t i = 0; i < players.count; i++)
        add(results, workload, &players.all[i], live, bench_times_spread(&times, i));
    bench_times_release(&times);
    bench_check_players(&players, &script);
    bench_players_close(&players);
    bench_script_release(&script);
}
