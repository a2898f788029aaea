/*
 * Metadata: the host memory that an allocator keeps about its ranges.
 *
 *   empty            bytes held before the first allocation
 *   per live         bytes held with n live, divided by n, after the pairs that bring the pool to its lasting state
 *   largest step     the most bytes that one allocation made it take
 *   slowest step     of the allocations that made it take memory, during the fill, the one that took longest. Every
 * fill is the same, so the time of a step is the median of its times in all rounds, and no interrupt counts.
 */
#include "play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

enum { STANDARD_ROUNDS = 5, MOST_STEPS = 1 << 16 };

static const uint64_t standard_counts[] = { 1000, 10000, 100000, 1000000, 0 };

/* The growth of one fill. */
struct growth {
    uint32_t steps;
    uint64_t largest; /* bytes */
    float *ns;        /* of each step */
};

static bool tells_bytes(const struct contender *contender) {
    return contender->host_bytes != NULL && !contender->makes_buffers;
}

/* Without this, memory that one round gave back would be handed to the next one warm, and later rounds would not pay
 * the page faults that every program pays once. */
static void give_memory_back_at_once(void) {
#if defined(__GLIBC__)
    (void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 128 * 1024);
#endif
}

static void watch_fill(struct bench_player *player, const struct bench_script *script,
                       const struct bench_ticker *ticker, struct growth *growth) {
    const struct contender *contender = player->contender;
    growth->steps = 0;
    growth->largest = 0;
    uint64_t held = contender->host_bytes(player->self);
    for (uint32_t i = 0; i < script->live; i++) {
        uint64_t start = bench_ticks();
        bool fits = contender->alloc(player->self, script->fill[i], script->mix->alignment, &player->ranges[i]);
        uint64_t end = bench_ticks(), now = contender->host_bytes(player->self);
        if (!fits)
            player->ranges[i].handle = 0;
        if (now <= held)
            continue;
        growth->largest = now - held > growth->largest ? now - held : growth->largest;
        held = now;
        if (growth->steps < MOST_STEPS)
            growth->ns[growth->steps++] = (float)bench_ticker_ns(ticker, end - start);
    }
}

/* The slowest of the steps, each by its median over the rounds. */
static struct bench_spread slowest_step(const struct growth *growths, uint32_t rounds) {
    double *times = bench_memory(rounds, sizeof *times);
    struct bench_spread slowest = bench_exactly(0);
    for (uint32_t step = 0; step < growths[0].steps; step++) {
        for (uint32_t round = 0; round < rounds; round++)
            times[round] = growths[round].ns[step];
        struct bench_spread spread = bench_spread_of(times, rounds);
        if (spread.median > slowest.median)
            slowest = spread;
    }
    free(times);
    return slowest;
}

static void add(struct bench_results *results, const struct bench_player *player, const char *table, uint64_t live,
                const char *unit, struct bench_spread spread) {
    const struct bench_result result = { .command = "metadata",
                                         .table = table,
                                         .contender = player->contender->name,
                                         .unit = unit,
                                         .live = live,
                                         .spread = spread };
    bench_results_add(results, &result);
}

static void add_bytes(struct bench_results *results, const struct bench_player *player, uint64_t live, uint64_t empty,
                      const struct growth *growth) {
    double bytes = (double)player->contender->host_bytes(player->self);
    add(results, player, "metadata: host bytes per live allocation", live, "B", bench_exactly(bytes / (double)live));
    add(results, player, "metadata: host bytes of an empty allocator", live, "B", bench_exactly((double)empty));
    add(results, player, "metadata: host bytes of the largest step of growth", live, "B",
        bench_exactly((double)growth->largest));
}

static void measure_contender(const struct bench_settings *settings, const struct contender *contender,
                              const struct bench_script *script, const struct bench_ticker *ticker,
                              struct bench_results *results) {
    const struct bench_options options = { .device = NULL };
    uint32_t rounds = bench_rounds(settings, STANDARD_ROUNDS);
    struct growth *growths = bench_memory(rounds, sizeof *growths);
    struct bench_player player;
    for (uint32_t round = 0; round < rounds; round++) {
        if (!bench_player_open(&player, contender, script, &options))
            bench_fail("%s could be made no more", contender->name);
        growths[round].ns = bench_memory(MOST_STEPS, sizeof *growths[round].ns);
        uint64_t empty = contender->host_bytes(player.self);
        watch_fill(&player, script, ticker, &growths[round]);
        if (round + 1 == rounds) {
            bench_play(&player, script, 0, script->count);
            add_bytes(results, &player, script->live, empty, &growths[0]);
            add(results, &player, "metadata: ns of the slowest step of growth", script->live, "ns",
                slowest_step(growths, rounds));
        }
        bench_player_close(&player);
    }
    for (uint32_t round = 0; round < rounds; round++)
        free(growths[round].ns);
    free(growths);
}

int bench_metadata(const struct bench_settings *settings, struct bench_results *results) {
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, tells_bytes);
    struct bench_ticker ticker = bench_ticker_make();
    give_memory_back_at_once();
    for (uint32_t c = 0; c < counts.count; c++) {
        struct bench_script script;
        bench_script_make(&script, &bench_log_uniform, BENCH_RANDOM, counts.all[c], bench_warm_up(counts.all[c]),
                          settings->seed);
        for (uint32_t i = 0; i < field.count; i++)
            measure_contender(settings, field.all[i], &script, &ticker, results);
        bench_script_release(&script);
    }
    bench_results_print(results);
    return EXIT_SUCCESS;
}
