/*
 * Full: how often is the driver asked for memory that it has not got? The tests' driver has no device memory left, and
 * host memory in plenty. 1000 buffers or ranges of 256 B to 64 KiB that may lie in either live there already, in blocks
 * with room; then each pair frees one, and allocates another one in its place. Calls are counted, not timed: what
 * vkAllocateMemory takes to refuse is the real driver's own.
 */
#include "contenders.h"
#include "device.h"
#include "rounds.h"

#include "fake/fake_vulkan.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { STANDARD_PAIRS = 10000 };

#define HEAP ((uint64_t)1 << 32)

static const uint64_t standard_counts[] = { 1000, 0 };

struct calls {
    _Atomic uint64_t memory, all;
};

static void on_call(void *user, enum fake_call call) {
    struct calls *calls = user;
    atomic_fetch_add(&calls->all, 1);
    if (call == FAKE_CALL_ALLOCATE_MEMORY)
        atomic_fetch_add(&calls->memory, 1);
}

static void add(struct bench_results *results, const struct bench_player *player, const char *column, double calls) {
    const struct bench_result result = { .command = "full",
                                         .table = "full: calls of the driver per pair, device memory being full",
                                         .column = column,
                                         .contender = player->contender->name,
                                         .unit = "calls",
                                         .live = player->slots,
                                         .refused = player->refused,
                                         .spread = bench_spread_of(&calls, 1) };
    bench_results_add(results, &result);
}

static void measure(const struct bench_settings *settings, const struct bench_field *field,
                    const struct bench_device *device, struct calls *calls, uint64_t live,
                    struct bench_results *results) {
    const struct bench_options options = { .device = device, .fallback = true };
    uint64_t warm_up = bench_warm_up(live), pairs = bench_pairs(settings, STANDARD_PAIRS);
    struct bench_script script;
    struct bench_players players;
    bench_script_make(&script, &bench_small, BENCH_RANDOM, live, warm_up + pairs, settings->seed);
    bench_players_open(&players, field, &script, &options, warm_up);
    for (uint32_t i = 0; i < players.count; i++) {
        uint64_t memory = atomic_load(&calls->memory), all = atomic_load(&calls->all);
        bench_play(&players.all[i], &script, warm_up, pairs);
        add(results, &players.all[i], "vkAllocateMemory",
            (double)(atomic_load(&calls->memory) - memory) / (double)pairs);
        add(results, &players.all[i], "all calls", (double)(atomic_load(&calls->all) - all) / (double)pairs);
    }
    bench_players_close(&players);
    bench_script_release(&script);
}

/* Whoever stands on a driver. */
static bool can_fall_back(const struct contender *contender) {
    bool makes_buffers = contender->makes_buffers && contender != &bench_driver_share;
    return contender == &bench_public || (makes_buffers && contender->threads == BENCH_ONE_THREAD);
}

int bench_full(const struct bench_settings *settings, struct bench_results *results) {
    struct calls calls = { .memory = 0 };
    const struct fake_config config = { .machine = FAKE_MACHINE_DISCRETE,
                                        .heap_size = HEAP,
                                        .foreign_use = { HEAP, 0, HEAP / 4 },
                                        .base_alignment = 1 << 20,
                                        .on_call = on_call,
                                        .on_call_user = &calls,
                                        .quiet = true };
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, can_fall_back);
    const struct bench_device *device = bench_device_open_fake_as(&config);
    if (device == NULL)
        return EXIT_FAILURE;
    for (uint32_t i = 0; i < counts.count; i++)
        measure(settings, &field, device, &calls, counts.all[i], results);
    bench_results_print(results);
    bench_device_close();
    return EXIT_SUCCESS;
}
