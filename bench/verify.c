/*
 * Verify: every contender that has a pool plays a script of each mix with the checker (check.h) beside it, which sees
 * each answer before the next call. Those that make buffers do so on the fake driver. Nothing is timed: a contender
 * that hands out the same bytes twice must not stand in any table.
 *
 * Timed measurements check what is held after their last round, too; there, what went wrong and was freed in between is
 * not seen.
 */
#include "check.h"
#include "device.h"

#include "fake/fake_vulkan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t standard_counts[] = { 1000, 20000, 0 };

static bool has_pool(const struct contender *contender) {
    return contender->has_pool;
}

struct verified {
    struct bench_player *player;
    const struct bench_script *script;
    struct bench_check check;
};

static void free_slot(struct verified *v, uint32_t slot) {
    struct bench_range *range = &v->player->ranges[slot];
    if (range->handle == 0)
        return;
    bench_check_give(&v->check, range->address);
    v->player->contender->free(v->player->self, *range);
    range->handle = 0;
}

static void fill_slot(struct verified *v, uint32_t slot, uint32_t size) {
    struct bench_range *range = &v->player->ranges[slot];
    uint64_t alignment = v->script->mix->alignment;
    if (v->player->contender->alloc(v->player->self, size, alignment, range))
        bench_check_take(&v->check, range->address, size, alignment);
    else
        v->player->refused++;
}

static void play(struct verified *v) {
    const struct bench_script *script = v->script;
    for (uint32_t i = 0; i < script->live; i++)
        fill_slot(v, i, script->fill[i]);
    for (uint64_t i = 0; i < script->count; i++) {
        free_slot(v, script->pairs[i].slot);
        fill_slot(v, script->pairs[i].slot, script->pairs[i].size);
    }
}

/* As many as the library takes at a time; 0: the contender has no batches. */
enum { BATCH = 100 };

/* Some slots are emptied by one call and filled by another. */
static void play_batch(struct verified *v) {
    const struct contender *contender = v->player->contender;
    uint32_t count = v->script->live < BATCH ? v->script->live : BATCH;
    struct bench_range ranges[BATCH];
    uint64_t sizes[BATCH];
    for (uint32_t i = 0; i < count; i++) {
        sizes[i] = v->script->fill[i];
        ranges[i] = v->player->ranges[i];
        if (ranges[i].handle == 0)
            return;
        bench_check_give(&v->check, ranges[i].address);
    }
    contender->free_many(v->player->self, count, ranges);
    for (uint32_t i = 0; i < count; i++)
        v->player->ranges[i].handle = 0;
    if (!contender->alloc_many(v->player->self, count, sizes, v->script->mix->alignment, ranges))
        return;
    for (uint32_t i = 0; i < count; i++) {
        v->player->ranges[i] = ranges[i];
        bench_check_take(&v->check, ranges[i].address, sizes[i], v->script->mix->alignment);
    }
}

static void add(struct bench_results *results, const struct verified *v) {
    char table[96];
    (void)snprintf(table, sizeof table, "verify: answers checked, %" PRIu32 " live", v->script->live);
    const struct bench_result result = { .command = "verify",
                                         .table = table,
                                         .column = v->script->mix->name,
                                         .contender = v->check.who,
                                         .unit = "ranges",
                                         .live = v->script->live,
                                         .refused = v->player->refused,
                                         .spread = bench_exactly((double)v->check.checked) };
    bench_results_add(results, &result);
}

static void verify(const struct contender *contender, const struct bench_script *script,
                   const struct bench_device *device, struct bench_results *results) {
    const struct bench_options options = { .device = contender->makes_buffers ? device : NULL };
    struct bench_player player;
    if (!bench_player_open(&player, contender, script, &options))
        return;
    struct verified v = { &player, script, { .who = contender->name } };
    play(&v);
    if (contender->free_many != NULL)
        play_batch(&v);
    add(results, &v);
    bench_check_release(&v.check);
    bench_player_close(&player);
}

/* The checker must be seen to fail: each of these ends the program. */
static int be_wrong(const char *how) {
    struct bench_check check = { .who = "nobody" };
    bench_check_take(&check, 0x1000, 0x200, 0x100);
    if (strcmp(how, "overlap") == 0)
        bench_check_take(&check, 0x1100, 0x100, 0x100);
    if (strcmp(how, "alignment") == 0)
        bench_check_take(&check, 0x1280, 0x100, 0x100);
    if (strcmp(how, "free") == 0)
        bench_check_give(&check, 0x1100);
    bench_check_release(&check);
    return EXIT_SUCCESS;
}

int bench_verify(const struct bench_settings *settings, struct bench_results *results) {
    static const struct bench_mix *const mixes[] = { &bench_log_uniform, &bench_any_bytes, &bench_small, &bench_fixed };
    if (settings->child != NULL)
        return be_wrong(settings->child);
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, has_pool);
    /* VMA aligns offsets, so a driver whose memories begin at 0x...40 would make it look wrong. */
    const struct fake_config config = { .heap_size = (uint64_t)1 << 38, .base_alignment = 1 << 20, .quiet = true };
    const struct bench_device *device = bench_device_open_fake_as(&config);
    for (uint32_t c = 0; c < counts.count; c++)
        for (uint32_t m = 0; m < sizeof mixes / sizeof *mixes; m++) {
            struct bench_script script;
            bench_script_make(&script, mixes[m], BENCH_RANDOM, counts.all[c], bench_warm_up(counts.all[c]),
                              settings->seed);
            for (uint32_t i = 0; i < field.count; i++)
                verify(field.all[i], &script, device, results);
            bench_script_release(&script);
        }
    bench_results_print(results);
    bench_device_close();
    return EXIT_SUCCESS;
}
