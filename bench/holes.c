/*
 * Holes: how long a refusal takes in a pool full of holes that are almost large enough.
 *
 * The pool is filled with ranges of 16 KiB; then every second one by address is freed, so that n holes are left, none
 * of them with a free neighbour. The request is 16 bytes larger than a hole, which puts it into the class of the holes
 * in any table of up to 1024 classes per power of two, and nothing else is free. An allocator that walks its lists
 * walks all of them.
 */
#include "rounds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOLE = 16384, REQUEST = HOLE + 16, ALIGNMENT = 256, STANDARD_ROUNDS = 5 };

/* Long enough for a clock, short enough for many rounds. */
#define ROUND_SECONDS 0.01

static const uint64_t standard_counts[] = { 1000, 10000, 100000, 500000, 0 };

static bool has_pool(const struct contender *contender) {
    return contender->has_pool && !contender->makes_buffers;
}

static int by_address(const void *a, const void *b) {
    uint64_t x = ((const struct bench_range *)a)->address, y = ((const struct bench_range *)b)->address;
    return (x > y) - (x < y);
}

/* Leaves `holes` holes, or a few less where the contender keeps some of the pool for itself. */
static void *make_holes(const struct contender *contender, uint64_t holes) {
    const struct bench_options options = { .pool_bytes = (2 * holes * HOLE + 0xFFFF) & ~(uint64_t)0xFFFF };
    uint64_t most = options.pool_bytes / HOLE, count = 0;
    void *self = contender->create(&options);
    if (self == NULL)
        return NULL;
    struct bench_range *ranges = bench_memory(most, sizeof *ranges);
    while (count < most && contender->alloc(self, HOLE, ALIGNMENT, &ranges[count]))
        count++;
    qsort(ranges, count, sizeof *ranges, by_address);
    for (uint64_t i = 1; i + 1 < count; i += 2)
        contender->free(self, ranges[i]);
    free(ranges);
    return self;
}

/* Nanoseconds per refusal; below 0 when the request was not refused. */
static double time_refusals(const struct contender *contender, void *self) {
    struct bench_range range;
    double start = bench_seconds(), seconds = 0;
    uint64_t count = 0;
    for (uint64_t step = 1; seconds < ROUND_SECONDS; step *= 2) {
        for (uint64_t i = 0; i < step; i++)
            if (contender->alloc(self, REQUEST, ALIGNMENT, &range))
                return -1;
        count += step;
        seconds = bench_seconds() - start;
    }
    return seconds * 1e9 / (double)count;
}

static void add(struct bench_results *results, const struct contender *contender, uint64_t holes,
                struct bench_spread spread) {
    char column[32];
    (void)snprintf(column, sizeof column, "%" PRIu64 " holes", holes);
    const struct bench_result result = { .command = "holes",
                                         .table = "holes: ns per request that fits none of them",
                                         .column = column,
                                         .contender = contender->name,
                                         .unit = "ns",
                                         .live = holes,
                                         .spread = spread };
    if (spread.minimum < 0)
        printf("%s found room among %" PRIu64 " holes\n", contender->name, holes);
    else
        bench_results_add(results, &result);
}

static void measure(const struct bench_settings *settings, const struct bench_field *field, uint64_t holes,
                    struct bench_results *results) {
    void *selves[BENCH_MOST_CONTENDERS];
    struct bench_times times = bench_times_make(bench_rounds(settings, STANDARD_ROUNDS));
    for (uint32_t i = 0; i < field->count; i++) {
        selves[i] = make_holes(field->all[i], holes);
        if (selves[i] == NULL)
            bench_fail("%s could not be made with %" PRIu64 " holes", field->all[i]->name, holes);
    }
    for (uint32_t round = 0; round < times.rounds; round++)
        for (uint32_t i = 0; i < field->count; i++)
            *bench_times_at(&times, i, round) = time_refusals(field->all[i], selves[i]);
    for (uint32_t i = 0; i < field->count; i++) {
        add(results, field->all[i], holes, bench_times_spread(&times, i));
        field->all[i]->destroy(selves[i]);
    }
    bench_times_release(&times);
}

int bench_holes(const struct bench_settings *settings, struct bench_results *results) {
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, has_pool);
    for (uint32_t i = 0; i < counts.count; i++)
        measure(settings, &field, counts.all[i], results);
    bench_results_print(results);
    return EXIT_SUCCESS;
}
