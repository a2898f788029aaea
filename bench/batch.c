/*
 * Batches: time per item of bda_free_many and bda_alloc_many beside as many single calls. A batch frees 1000 random
 * live allocations and then allocates as many anew. Handles are gathered before the clock starts and new ranges are put
 * into their slots after it stopped, for batches and single calls alike, so that only the allocator's work is in the
 * figure.
 */
#include "rounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000, STANDARD_ROUNDS = 5, STANDARD_PAIRS = 100000 };

static const uint64_t standard_counts[] = { 10000, 1000000, 0 };

/* What a batch works on. */
struct items {
    uint32_t count;
    const uint32_t *slots;
    struct bench_range ranges[BATCH];
    uint64_t sizes[BATCH];
};

/* Seconds spent so far. */
struct spent {
    double alloc, free;
};

static void run_single(struct bench_player *player, struct items *items, uint64_t alignment, struct spent *spent) {
    const struct contender *contender = player->contender;
    double start = bench_seconds();
    for (uint32_t i = 0; i < items->count; i++)
        if (items->ranges[i].handle != 0)
            contender->free(player->self, items->ranges[i]);
    double freed = bench_seconds();
    for (uint32_t i = 0; i < items->count; i++)
        if (!contender->alloc(player->self, items->sizes[i], alignment, &items->ranges[i])) {
            items->ranges[i].handle = 0;
            player->refused++;
        }
    spent->free += freed - start;
    spent->alloc += bench_seconds() - freed;
}

static void run_many(struct bench_player *player, struct items *items, uint64_t alignment, struct spent *spent) {
    const struct contender *contender = player->contender;
    double start = bench_seconds();
    contender->free_many(player->self, items->count, items->ranges);
    double freed = bench_seconds();
    if (!contender->alloc_many(player->self, items->count, items->sizes, alignment, items->ranges)) {
        memset(items->ranges, 0, sizeof items->ranges);
        player->refused += items->count;
    }
    spent->free += freed - start;
    spent->alloc += bench_seconds() - freed;
}

/* The next batch: distinct slots, whose ranges are gathered. */
static void gather(const struct bench_player *player, const struct bench_script *script, const uint32_t *slots,
                   uint64_t from, uint64_t left, struct items *items) {
    uint64_t count = left < BATCH ? left : BATCH;
    items->count = count < script->live ? (uint32_t)count : script->live;
    items->slots = slots + from % (script->live - items->count + 1);
    for (uint32_t i = 0; i < items->count; i++) {
        items->ranges[i] = player->ranges[items->slots[i]];
        items->sizes[i] = script->pairs[from + i].size;
    }
}

static struct spent play_round(struct bench_player *player, const struct bench_script *script, const uint32_t *slots,
                               uint64_t from, uint64_t count, bool many) {
    struct spent spent = { 0, 0 };
    struct items items;
    for (uint64_t done = 0; done < count; done += items.count) {
        gather(player, script, slots, from + done, count - done, &items);
        if (many)
            run_many(player, &items, script->mix->alignment, &spent);
        else
            run_single(player, &items, script->mix->alignment, &spent);
        for (uint32_t i = 0; i < items.count; i++)
            player->ranges[items.slots[i]] = items.ranges[i];
    }
    return spent;
}

/* Of single calls [0] and of batches [1]. */
struct figures {
    struct bench_times frees[2], allocs[2];
};

static void play_rounds(struct bench_players *players, const struct bench_script *script, const uint32_t *slots,
                        uint64_t pairs, const struct figures *figures) {
    uint64_t from = script->count - 2 * figures->frees[0].rounds * pairs;
    for (uint32_t round = 0; round < figures->frees[0].rounds; round++)
        for (uint32_t many = 0; many < 2; many++, from += pairs)
            for (uint32_t i = 0; i < players->count; i++) {
                if (many != 0 && players->all[i].contender->free_many == NULL)
                    continue;
                struct spent spent = play_round(&players->all[i], script, slots, from, pairs, many != 0);
                *bench_times_at(&figures->frees[many], i, round) = spent.free * 1e9 / (double)pairs;
                *bench_times_at(&figures->allocs[many], i, round) = spent.alloc * 1e9 / (double)pairs;
            }
}

static void add(struct bench_results *results, const struct bench_players *players, uint64_t live, const char *table,
                const struct bench_times *times, bool many) {
    for (uint32_t i = 0; i < players->count; i++) {
        const struct contender *contender = players->all[i].contender;
        const struct bench_result result = { .command = "batch",
                                             .table = table,
                                             .contender = contender->name,
                                             .unit = "ns",
                                             .live = live,
                                             .refused = players->all[i].refused,
                                             .spread = bench_times_spread(times, i) };
        if (!many || contender->free_many != NULL)
            bench_results_add(results, &result);
    }
}

static void measure(const struct bench_settings *settings, const struct bench_field *field, uint64_t live,
                    struct bench_results *results) {
    const struct bench_options options = { .device = NULL };
    uint64_t pairs = bench_pairs(settings, STANDARD_PAIRS), warm_up = bench_warm_up(live);
    uint32_t rounds = bench_rounds(settings, STANDARD_ROUNDS);
    struct figures figures = { { bench_times_make(rounds), bench_times_make(rounds) },
                               { bench_times_make(rounds), bench_times_make(rounds) } };
    struct bench_script script;
    struct bench_players players;
    bench_script_make(&script, &bench_log_uniform, BENCH_RANDOM, live, warm_up + 2 * rounds * pairs, settings->seed);
    uint32_t *slots = bench_shuffled(script.live, settings->seed + 1);
    bench_players_open(&players, field, &script, &options, warm_up);
    play_rounds(&players, &script, slots, pairs, &figures);
    add(results, &players, live, "batch: ns per item freed, single calls", &figures.frees[0], false);
    add(results, &players, live, "batch: ns per item freed, in batches of 1000", &figures.frees[1], true);
    add(results, &players, live, "batch: ns per item allocated, single calls", &figures.allocs[0], false);
    add(results, &players, live, "batch: ns per item allocated, in batches of 1000", &figures.allocs[1], true);
    for (uint32_t many = 0; many < 2; many++) {
        bench_times_release(&figures.frees[many]);
        bench_times_release(&figures.allocs[many]);
    }
    free(slots);
    bench_players_close(&players);
    bench_script_release(&script);
}

int bench_batch(const struct bench_settings *settings, struct bench_results *results) {
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, NULL);
    for (uint32_t i = 0; i < counts.count; i++)
        measure(settings, &field, counts.all[i], results);
    bench_results_print(results);
    return EXIT_SUCCESS;
}
