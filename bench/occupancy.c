/*
 * Occupancy: live bytes, as asked for, in percent of the pool.
 *
 *   first failure  the pool is filled to 40 %; then, in 20 n steps (n = pool / mean size), one random live allocation
 * is freed and sizes are allocated until the live bytes reach a target that rises from 40 to 100 %. The figure is what
 * is live at the first refusal. kept full      15 n requests, each of which frees random victims until it fits. The
 * figure is the mean over the last two thirds of them.
 *
 * Seed s draws both from splitmix64(s), each from its beginning; sizes and victims come from the one stream, in the
 * order in which they are needed.
 */
#include "bench.h"
#include "mix.h"

#include <stdio.h>
#include <stdlib.h>

enum { STANDARD_SEEDS = 11, FIRST_PERCENT = 40, STEPS_PER_SLOT = 20, REQUESTS_PER_SLOT = 15 };

struct tenant {
    struct bench_range range;
    uint64_t size;
};

/* A pool with what lives in it. */
struct house {
    const struct contender *contender;
    const struct bench_mix *mix;
    void *self;
    struct tenant *tenants;
    uint32_t count, capacity;
    uint64_t live; /* bytes */
    struct bench_random random;
};

static bool has_pool(const struct contender *contender) {
    return contender->has_pool && !contender->makes_buffers;
}

static void open_house(struct house *house, const struct contender *contender, const struct bench_mix *mix,
                       uint64_t seed) {
    const struct bench_options options = { .pool_bytes = mix->occupancy_pool };
    *house = (struct house){ .contender = contender, .mix = mix, .random = { seed } };
    house->self = contender->create(&options);
    if (house->self == NULL)
        bench_fail("%s could not be made", contender->name);
    house->capacity = (uint32_t)(mix->occupancy_pool / 128); /* more than sizes from 255 bytes up can be */
    house->tenants = malloc(house->capacity * sizeof *house->tenants);
    if (house->tenants == NULL)
        bench_fail("out of memory");
}

static void close_house(struct house *house) {
    house->contender->destroy(house->self);
    free(house->tenants);
}

static bool move_in(struct house *house, uint64_t size) {
    struct bench_range range;
    if (house->count == house->capacity || !house->contender->alloc(house->self, size, house->mix->alignment, &range))
        return false;
    house->tenants[house->count++] = (struct tenant){ range, size };
    house->live += size;
    return true;
}

static void evict_one(struct house *house) {
    if (house->count == 0)
        return;
    uint32_t victim = bench_below(&house->random, house->count);
    house->contender->free(house->self, house->tenants[victim].range);
    house->live -= house->tenants[victim].size;
    house->tenants[victim] = house->tenants[--house->count];
}

/* False at a refusal. */
static bool fill_to(struct house *house, double target) {
    while ((double)house->live < target)
        if (!move_in(house, house->mix->draw(&house->random)))
            return false;
    return true;
}

static double percent(const struct house *house) {
    return (double)house->live * 100 / (double)house->mix->occupancy_pool;
}

static double first_failure(struct house *house, double slots) {
    double pool = (double)house->mix->occupancy_pool;
    uint64_t steps = (uint64_t)(STEPS_PER_SLOT * slots);
    bool fits = fill_to(house, pool * FIRST_PERCENT / 100);
    for (uint64_t i = 0; fits && i < steps; i++) {
        double share = FIRST_PERCENT + (100.0 - FIRST_PERCENT) * (double)(i + 1) / (double)steps;
        evict_one(house);
        fits = fill_to(house, pool * share / 100);
    }
    return percent(house);
}

static double kept_full(struct house *house, double slots) {
    uint64_t requests = (uint64_t)(REQUESTS_PER_SLOT * slots), counted = 0;
    double sum = 0;
    for (uint64_t i = 0; i < requests; i++) {
        uint64_t size = house->mix->draw(&house->random);
        while (!move_in(house, size))
            evict_one(house);
        if (i < requests / 3)
            continue;
        sum += percent(house);
        counted++;
    }
    return sum / (double)counted;
}

typedef double figure(struct house *house, double slots);

static void add(struct bench_results *results, const struct contender *contender, const struct bench_mix *mix,
                const char *what, struct bench_spread spread) {
    char table[128];
    (void)snprintf(table, sizeof table, "occupancy: %% of the pool, %s", mix->what);
    const struct bench_result result = { .command = "occupancy",
                                         .table = table,
                                         .column = what,
                                         .contender = contender->name,
                                         .unit = "%",
                                         .spread = spread };
    bench_results_add(results, &result);
}

static void measure(const struct bench_settings *settings, const struct contender *contender,
                    const struct bench_mix *mix, struct bench_results *results) {
    static const struct {
        const char *what;
        figure *measure;
    } figures[] = { { "first failure", first_failure }, { "kept full", kept_full } };
    uint32_t seeds = settings->seeds != 0 ? settings->seeds : STANDARD_SEEDS;
    double slots = (double)mix->occupancy_pool / bench_mix_mean(mix);
    double *values = bench_memory(seeds, sizeof *values);
    for (size_t f = 0; f < sizeof figures / sizeof *figures; f++) {
        for (uint32_t i = 0; i < seeds; i++) {
            struct house house;
            open_house(&house, contender, mix, settings->seed + i);
            values[i] = figures[f].measure(&house, slots);
            close_house(&house);
        }
        add(results, contender, mix, figures[f].what, bench_spread_of(values, seeds));
    }
    free(values);
}

int bench_occupancy(const struct bench_settings *settings, struct bench_results *results) {
    struct bench_field field = bench_choose(settings, has_pool);
    for (uint32_t m = 0; bench_occupancy_mixes[m] != NULL; m++) {
        for (uint32_t i = 0; i < field.count; i++)
            measure(settings, field.all[i], bench_occupancy_mixes[m], results);
        bench_results_print(results);
    }
    return EXIT_SUCCESS;
}
