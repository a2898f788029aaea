/*
 * Pool contenders play a trace: all buffers of the program in one address space, whatever their intent and usage.
 *
 *   time           in a pool of twice the peak, where nothing is refused. One instance plays all rounds, and what is
 *                  alive at the trace's end is freed between them, not counted; the first round warms up.
 *   smallest pool  found by halving the interval between a pool that is too small and one that is not. What fits into
 *                  some pool need not fit into every larger one, so it is a pool that suffices where one of
 *                  RESOLUTION bytes less does not.
 */
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESOLUTION = 1 << 16, MOST_TIMES_PEAK = 16 };

struct pool_player {
    const struct contender *contender;
    void *self;
    struct bench_range *ranges; /* by id; handle 0: not alive */
    double *times;              /* of each round, in ns per event */
};

/* ---- One play ---- */

/* False at the first refusal. */
static bool play(struct pool_player *player, const struct trace *trace) {
    const struct contender *contender = player->contender;
    for (uint32_t i = 0; i < trace->event_count; i++) {
        const struct trace_event *event = &trace->events[i];
        struct bench_range *range = &player->ranges[event->id];
        if (event->size == 0)
            contender->free(player->self, *range);
        else if (!contender->alloc(player->self, event->size, (uint64_t)1 << event->alignment_log2, range))
            return false;
        if (event->size == 0)
            range->handle = 0;
    }
    return true;
}

static void free_rest(struct pool_player *player, const struct trace *trace) {
    for (uint32_t id = 0; id < trace->id_count; id++)
        if (player->ranges[id].handle != 0)
            player->contender->free(player->self, player->ranges[id]);
    memset(player->ranges, 0, trace->id_count * sizeof *player->ranges);
}

static bool open_player(struct pool_player *player, const struct contender *contender, const struct trace *trace,
                        uint64_t pool_bytes) {
    const struct bench_options options = { .pool_bytes = pool_bytes };
    *player = (struct pool_player){ .contender = contender, .self = contender->create(&options) };
    if (player->self != NULL)
        player->ranges = bench_memory(trace->id_count, sizeof *player->ranges);
    return player->self != NULL;
}

static void close_player(struct pool_player *player, const struct trace *trace) {
    free_rest(player, trace);
    player->contender->destroy(player->self);
    free(player->ranges);
    free(player->times);
}

/* ---- Time ---- */

static void time_round(struct pool_player *player, const struct trace *trace, double *ns) {
    double start = bench_seconds();
    if (!play(player, trace))
        bench_fail("%s refused a request in a pool of twice the peak", player->contender->name);
    *ns = (bench_seconds() - start) * 1e9 / trace->event_count;
    free_rest(player, trace);
}

/* Players take turns, so that what disturbs the machine for a while disturbs all. */
static void time_all(struct pool_player *players, uint32_t count, const struct replay *replay) {
    double warm_up;
    for (uint32_t i = 0; i < count; i++)
        time_round(&players[i], &replay->trace, &warm_up);
    for (uint32_t round = 0; round < replay->options->rounds; round++)
        for (uint32_t i = 0; i < count; i++)
            time_round(&players[i], &replay->trace, &players[i].times[round]);
}

/* ---- The smallest pool ---- */

static bool fits(const struct contender *contender, const struct trace *trace, uint64_t pool_bytes) {
    struct pool_player player;
    if (!open_player(&player, contender, trace, pool_bytes))
        return false;
    bool good = play(&player, trace);
    close_player(&player, trace);
    return good;
}

static uint64_t align(uint64_t bytes) {
    return (bytes + RESOLUTION - 1) / RESOLUTION * RESOLUTION;
}

/* 0: not even MOST_TIMES_PEAK times the peak will do. */
static uint64_t find_smallest(const struct contender *contender, const struct trace *trace) {
    uint64_t too_small = align(trace->peak_bytes) - RESOLUTION, enough = align(trace->peak_bytes);
    while (!fits(contender, trace, enough)) {
        too_small = enough;
        enough = align(enough + enough / 4);
        if (enough / MOST_TIMES_PEAK > trace->peak_bytes)
            return 0;
    }
    while (enough - too_small > RESOLUTION) {
        uint64_t middle = too_small + (enough - too_small) / RESOLUTION / 2 * RESOLUTION;
        if (fits(contender, trace, middle))
            enough = middle;
        else
            too_small = middle;
    }
    return enough;
}

/* ---- The table ---- */

static void report(struct pool_player *player, const struct replay *replay) {
    static const char what[] = "sub-allocation alone";
    const char *who = player->contender->name;
    replay_add(replay, what, who, "ns per event", "ns", bench_spread_of(player->times, replay->options->rounds));
    uint64_t smallest = player->contender->has_pool ? find_smallest(player->contender, &replay->trace) : 0;
    if (smallest == 0)
        return;
    replay_add(replay, what, who, "smallest pool, MiB", "MiB", bench_exactly((double)smallest / (1 << 20)));
    replay_add(replay, what, who, "waste, %", "%", bench_exactly(replay_waste(&replay->trace, smallest)));
}

/* The machine's own memory is no pool, and it would be touched. */
static bool takes_part(const struct contender *contender) {
    return !contender->makes_buffers && !contender->takes_memory;
}

uint32_t replay_pools(const struct replay *replay) {
    const struct bench_settings settings = { .only = replay->options->only };
    struct bench_field field = bench_choose(&settings, takes_part);
    struct pool_player players[BENCH_MOST_CONTENDERS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < field.count; i++)
        if (open_player(&players[count], field.all[i], &replay->trace, align(2 * replay->trace.peak_bytes)))
            players[count++].times = bench_memory(replay->options->rounds, sizeof(double));
    time_all(players, count, replay);
    for (uint32_t i = 0; i < count; i++) {
        report(&players[i], replay);
        close_player(&players[i], &replay->trace);
    }
    return count;
}
