/* Scripts and players, see play.h. */
#include "play.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    FULL_PERCENT = 70,
    POOL_STEP = 1 << 16,
    SHRINK_LOG2 = 6,     /* malloc and its like are asked for a sixty-fourth of sizes that are */
    SHRINK_ABOVE = 4096, /* more than this in the mean: memory that exists would not do otherwise */
    MEMORY_SHARE = 5,    /* and may take so little of the machine's memory: a fifth */
};

/* ---- Scripts ---- */

static uint64_t pool_for(double mean, uint64_t live) {
    double bytes = mean * (double)live * 100 / FULL_PERCENT;
    return ((uint64_t)bytes / POOL_STEP + 1) * POOL_STEP;
}

static uint32_t draw_size(const struct bench_mix *mix, struct bench_random *random) {
    return (uint32_t)mix->draw(random);
}

void bench_script_make(struct bench_script *script, const struct bench_mix *mix, enum bench_order order, uint64_t live,
                       uint64_t count, uint64_t seed) {
    if (live == 0 || live > UINT32_MAX)
        bench_fail("%" PRIu64 " live allocations: out of range", live);
    struct bench_random random = { seed };
    *script = (struct bench_script){ .mix = mix, .live = (uint32_t)live, .count = count };
    script->mean = bench_mix_mean(mix);
    script->pool_bytes = pool_for(script->mean, live);
    script->fill = bench_memory(live, sizeof *script->fill);
    script->pairs = bench_memory(count, sizeof *script->pairs);
    for (uint32_t i = 0; i < script->live; i++)
        script->fill[i] = draw_size(mix, &random);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t slot = order == BENCH_FIFO ? (uint32_t)(i % live) : bench_below(&random, script->live);
        script->pairs[i] = (struct bench_pair){ draw_size(mix, &random), slot };
    }
}

void bench_script_release(struct bench_script *script) {
    free(script->fill);
    free(script->pairs);
}

/* ---- Players ---- */

static uint32_t shrink_for(const struct bench_script *script) {
    return script->mean > SHRINK_ABOVE ? SHRINK_LOG2 : 0;
}

static bool is_too_large(const struct contender *contender, const struct bench_script *script, uint32_t shrink_log2) {
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    return contender->takes_memory && script->pool_bytes >> shrink_log2 > machine / MEMORY_SHARE;
}

bool bench_player_open(struct bench_player *player, const struct contender *contender,
                       const struct bench_script *script, const struct bench_options *options) {
    struct bench_options own = *options;
    own.pool_bytes = script->pool_bytes;
    own.shrink_log2 = shrink_for(script);
    *player = (struct bench_player){ .contender = contender };
    if (is_too_large(contender, script, own.shrink_log2)) {
        printf("%s is left out at %" PRIu32 " live: it would take too much of this machine's memory\n", contender->name,
               script->live);
        return false;
    }
    player->self = contender->create(&own);
    if (player->self == NULL) {
        printf("%s is left out at %" PRIu32 " live: it could not be made here\n", contender->name, script->live);
        return false;
    }
    player->slots = script->live;
    player->ranges = bench_memory(script->live, sizeof *player->ranges);
    return true;
}

struct bench_player bench_player_beside(const struct bench_player *player) {
    struct bench_player other = *player;
    other.ranges = bench_memory(other.slots, sizeof *other.ranges);
    return other;
}

static void free_all(struct bench_player *player) {
    for (uint32_t i = 0; i < player->slots; i++)
        if (player->ranges[i].handle != 0)
            player->contender->free(player->self, player->ranges[i]);
}

void bench_player_drop(struct bench_player *player) {
    if (player->contender->takes_memory || player->contender->makes_buffers)
        free_all(player);
    free(player->ranges);
    player->ranges = NULL;
}

void bench_player_close(struct bench_player *player) {
    bench_player_drop(player);
    player->contender->destroy(player->self);
}

void bench_player_fill(struct bench_player *player, const struct bench_script *script) {
    for (uint32_t i = 0; i < script->live; i++)
        if (!player->contender->alloc(player->self, script->fill[i], script->mix->alignment, &player->ranges[i])) {
            player->ranges[i].handle = 0;
            player->refused++;
        }
}

void bench_player_empty(struct bench_player *player, const uint32_t *order, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct bench_range *range = &player->ranges[order[i]];
        if (range->handle != 0)
            player->contender->free(player->self, *range);
        range->handle = 0;
    }
}

uint32_t *bench_shuffled(uint32_t count, uint64_t seed) {
    struct bench_random random = { seed };
    uint32_t *order = bench_memory(count, sizeof *order);
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count; i-- > 1;) {
        uint32_t j = bench_below(&random, i + 1);
        uint32_t slot = order[i];
        order[i] = order[j];
        order[j] = slot;
    }
    return order;
}

uint64_t bench_warm_up(uint64_t live) {
    return 2 * live + 1000;
}

void bench_players_open(struct bench_players *players, const struct bench_field *field,
                        const struct bench_script *script, const struct bench_options *options, uint64_t warm_up) {
    players->count = 0;
    for (uint32_t i = 0; i < field->count; i++) {
        struct bench_player *player = &players->all[players->count];
        if (!bench_player_open(player, field->all[i], script, options))
            continue;
        players->count++;
        bench_player_fill(player, script);
        bench_play(player, script, 0, warm_up);
    }
}

void bench_players_close(struct bench_players *players) {
    while (players->count != 0)
        bench_player_close(&players->all[--players->count]);
}

/* ---- What is measured ---- */

static inline void play(struct bench_player *player, const struct bench_script *script, uint64_t from, uint64_t count) {
    const struct contender *contender = player->contender;
    for (const struct bench_pair *pair = script->pairs + from; count != 0; pair++, count--) {
        struct bench_range *range = &player->ranges[pair->slot];
        if (range->handle != 0)
            contender->free(player->self, *range);
        if (contender->alloc(player->self, pair->size, script->mix->alignment, range))
            continue;
        range->handle = 0;
        player->refused++;
    }
}

void bench_play(struct bench_player *player, const struct bench_script *script, uint64_t from, uint64_t count) {
    play(player, script, from, count);
}

#if defined(__clang__)
__attribute__((noinline))
#elif defined(__GNUC__)
__attribute__((noinline, noclone))
#endif
void bench_measured_pairs(struct bench_player *player, const struct bench_script *script, uint64_t from,
                          uint64_t count) {
    play(player, script, from, count);
}
