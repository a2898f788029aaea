/*
 * Stall: does a small request wait while another thread's is inside the driver? On the fake driver, whose
 * vkAllocateMemory is made to take 100 ms, as a real one's may when it evicts or clears.
 *
 *   A   makes large requests until the driver has been asked for memory so often, and trims behind itself
 *   B   frees and allocates 256 B, which always fit where they have just been freed, each call timed by itself
 *
 * Calls of B are told apart by whether any part of them lay within A's time in the driver. Without a stall B runs
 * alone.
 */
#include "contenders.h"
#include "device.h"
#include "play.h"
#include "team.h"

#include "fake/fake_vulkan.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STANDARD_ROUNDS = 5,
    STANDARD_PAIRS = 100000, /* of B alone */
    STALLS = 5,              /* of a round */
    STALL_MS = 100,
    SMALL = 256,
    LIVE = 1000,
    ALIGNMENT = 256,
    MOST_SAMPLES = 1 << 22, /* further calls of a round are made, but not kept */
    MOST_HELD = 64,         /* large ranges; far more than the stalls of a round take */
    CUT_COUNT = 4
};

#define LARGE ((uint64_t)100 << 20)

static const struct {
    const char *name;
    double share;
} cuts[CUT_COUNT] = { { "50 %", 0.5 }, { "99 %", 0.99 }, { "99.9 %", 0.999 }, { "largest", 1.0 } };

/* ---- The slow driver ---- */

struct slow_driver {
    _Atomic bool is_slow;
    _Atomic uint64_t turns; /* odd: a thread is inside vkAllocateMemory */
};

static void on_call(void *user, enum fake_call call) {
    struct slow_driver *slow = user;
    if (call != FAKE_CALL_ALLOCATE_MEMORY || !atomic_load(&slow->is_slow))
        return;
    const struct timespec pause = { 0, STALL_MS * 1000000L };
    atomic_fetch_add(&slow->turns, 1);
    (void)nanosleep(&pause, NULL);
    atomic_fetch_add(&slow->turns, 1);
}

static bool is_within_stall(uint64_t turns_before, uint64_t turns_after) {
    return turns_before % 2 != 0 || turns_after != turns_before;
}

/* ---- The two threads ---- */

struct samples {
    double *ns;
    uint32_t count;
    uint64_t calls;
};

struct scene {
    const struct contender *contender;
    void *self;
    struct slow_driver *slow;
    const struct bench_ticker *ticker;
    uint64_t pairs; /* of B, when it is alone */
    struct bench_random random;
    struct bench_range small[LIVE];
    struct bench_range large[MOST_HELD];
    uint32_t held;
    _Atomic bool over;
    struct samples quiet, stalled;
};

static void keep(struct samples *samples, double ns) {
    samples->calls++;
    if (samples->count < MOST_SAMPLES)
        samples->ns[samples->count++] = ns;
}

/* What ended just now, and began at `start`. */
static void sample(struct scene *scene, uint64_t start, uint64_t turns_before) {
    uint64_t end = bench_ticks();
    bool within = is_within_stall(turns_before, atomic_load(&scene->slow->turns));
    keep(within ? &scene->stalled : &scene->quiet, bench_ticker_ns(scene->ticker, end - start));
}

static void make_small(struct scene *scene, struct bench_range *range) {
    if (!scene->contender->alloc(scene->self, SMALL, ALIGNMENT, range))
        bench_fail("%s refused %d bytes", scene->contender->name, SMALL);
}

static void play_pair(struct scene *scene) {
    struct bench_range *range = &scene->small[bench_below(&scene->random, LIVE)];
    uint64_t turns = atomic_load(&scene->slow->turns), start = bench_ticks();
    scene->contender->free(scene->self, *range);
    sample(scene, start, turns);
    turns = atomic_load(&scene->slow->turns);
    start = bench_ticks();
    make_small(scene, range);
    sample(scene, start, turns);
}

static void make_large(struct scene *scene) {
    if (scene->held == MOST_HELD || !scene->contender->alloc(scene->self, LARGE, ALIGNMENT, &scene->large[scene->held]))
        bench_fail("%s: large requests brought no new memory, or were refused", scene->contender->name);
    scene->held++;
}

static void drop_large(struct scene *scene, uint32_t left) {
    while (scene->held > left)
        scene->contender->free(scene->self, scene->large[--scene->held]);
    if (scene->contender->trim != NULL)
        scene->contender->trim(scene->self);
}

/* The last range of a stall goes, and its block with it, unless B has begun to use it. */
static void play_a(struct scene *scene) {
    uint64_t begin = atomic_load(&scene->slow->turns);
    for (uint64_t seen = begin; seen < begin + 2 * STALLS;) {
        make_large(scene);
        uint64_t now = atomic_load(&scene->slow->turns);
        if (now != seen)
            drop_large(scene, scene->held - 1);
        seen = now;
    }
    atomic_store(&scene->over, true);
}

static void play_alone(void *task, uint32_t thread) {
    struct scene *scene = task;
    for (uint64_t i = 0; thread == 1 && i < scene->pairs; i++)
        play_pair(scene);
}

static void play_beside(void *task, uint32_t thread) {
    struct scene *scene = task;
    if (thread == 0)
        play_a(scene);
    while (thread == 1 && !atomic_load(&scene->over))
        play_pair(scene);
}

/* ---- Rounds ---- */

/* What a round showed. */
struct round {
    double cuts[2][CUT_COUNT]; /* of B alone, and of B beside A */
    double calls;              /* of B in a stall */
};

static void cut(struct samples *samples, double *out) {
    if (samples->count == 0)
        bench_fail("no call was sampled");
    (void)bench_spread_of(samples->ns, samples->count); /* sorts */
    for (uint32_t i = 0; i < CUT_COUNT; i++)
        out[i] = bench_percentile(samples->ns, samples->count, cuts[i].share);
}

static void clear(struct scene *scene) {
    scene->quiet.count = scene->stalled.count = 0;
    scene->quiet.calls = scene->stalled.calls = 0;
}

static void play_round(struct scene *scene, struct bench_team *team, struct round *round) {
    clear(scene);
    bench_team_run(team, NULL, play_alone, scene);
    cut(&scene->quiet, round->cuts[0]);
    clear(scene);
    atomic_store(&scene->over, false);
    atomic_store(&scene->slow->is_slow, true);
    bench_team_run(team, NULL, play_beside, scene);
    atomic_store(&scene->slow->is_slow, false);
    drop_large(scene, 0);
    cut(&scene->stalled, round->cuts[1]);
    round->calls = (double)scene->stalled.calls / STALLS;
}

/* ---- Tables ---- */

static void add(struct bench_results *results, const struct contender *contender, const char *table, const char *column,
                const char *unit, struct bench_spread spread) {
    const struct bench_result result = { .command = "stall",
                                         .table = table,
                                         .column = column,
                                         .contender = contender->name,
                                         .unit = unit,
                                         .live = LIVE,
                                         .spread = spread };
    bench_results_add(results, &result);
}

static void add_rounds(struct bench_results *results, const struct contender *contender, const struct round *all,
                       uint32_t rounds) {
    static const char *const tables[] = { "stall: ns per call that fits, nobody in the driver",
                                          "stall: ns per call that fits, a thread in vkAllocateMemory for 100 ms" };
    double *values = bench_memory(rounds, sizeof *values);
    for (uint32_t t = 0; t < 2; t++)
        for (uint32_t i = 0; i < CUT_COUNT; i++) {
            for (uint32_t r = 0; r < rounds; r++)
                values[r] = all[r].cuts[t][i];
            add(results, contender, tables[t], cuts[i].name, "ns", bench_spread_of(values, rounds));
        }
    for (uint32_t r = 0; r < rounds; r++)
        values[r] = all[r].calls;
    add(results, contender, "stall: calls that fit, made in the 100 ms of a vkAllocateMemory", "calls", "calls",
        bench_spread_of(values, rounds));
    free(values);
}

/* ---- Measuring ---- */

/* False where there is no such allocator. */
static bool open_scene(struct scene *scene, const struct contender *contender, const struct bench_device *device) {
    const struct bench_options options = { .device = device };
    scene->contender = contender;
    scene->self = contender->create(&options);
    if (scene->self == NULL)
        return false;
    scene->quiet.ns = bench_memory(MOST_SAMPLES, sizeof(double));
    scene->stalled.ns = bench_memory(MOST_SAMPLES, sizeof(double));
    for (uint32_t i = 0; i < LIVE; i++)
        make_small(scene, &scene->small[i]);
    return true;
}

static void close_scene(struct scene *scene) {
    for (uint32_t i = 0; i < LIVE; i++)
        scene->contender->free(scene->self, scene->small[i]);
    scene->contender->destroy(scene->self);
    free(scene->quiet.ns);
    free(scene->stalled.ns);
}

static void measure(const struct bench_settings *settings, const struct bench_field *field,
                    const struct bench_device *device, struct slow_driver *slow, struct bench_results *results) {
    uint32_t rounds = bench_rounds(settings, STANDARD_ROUNDS);
    struct bench_ticker ticker = bench_ticker_make();
    struct round *all = bench_memory((size_t)rounds * BENCH_MOST_CONTENDERS, sizeof *all);
    struct scene *scenes = bench_memory(field->count, sizeof *scenes);
    struct bench_team *team = bench_team_make(2);
    for (uint32_t i = 0; i < field->count; i++) {
        scenes[i].slow = slow;
        scenes[i].ticker = &ticker;
        scenes[i].pairs = bench_pairs(settings, STANDARD_PAIRS);
        scenes[i].random.state = settings->seed;
        if (!open_scene(&scenes[i], field->all[i], device))
            bench_fail("%s could not be made", field->all[i]->name);
    }
    for (uint32_t r = 0; r < rounds; r++)
        for (uint32_t i = 0; i < field->count; i++)
            play_round(&scenes[i], team, &all[i * rounds + r]);
    bench_team_release(team);
    for (uint32_t i = 0; i < field->count; i++) {
        add_rounds(results, field->all[i], all + i * rounds, rounds);
        close_scene(&scenes[i]);
    }
    free(scenes);
    free(all);
}

/* Whoever stands on a driver and lets threads in. */
static bool can_stall(const struct contender *contender) {
    return contender == &bench_public_locked || (contender->makes_buffers && contender->threads == BENCH_ONLY_THREADS);
}

int bench_stall(const struct bench_settings *settings, struct bench_results *results) {
    struct slow_driver slow = { .is_slow = false };
    const struct fake_config config = { .heap_size = (uint64_t)1 << 38,
                                        .base_alignment = 1 << 20,
                                        .on_call = on_call,
                                        .on_call_user = &slow,
                                        .quiet = true };
    struct bench_field field = bench_choose(settings, can_stall);
    const struct bench_device *device = bench_device_open_fake_as(&config);
    if (device == NULL)
        return EXIT_FAILURE;
    measure(settings, &field, device, &slow, results);
    bench_results_print(results);
    bench_device_close();
    return EXIT_SUCCESS;
}
