/*
 * TLSF against a model that anybody can follow: per region a sorted array of the ranges that are taken. Random
 * operations are made on both, and after each of them the two must agree, on what was refused too.
 *
 * A *plan* is a distribution of sizes, alignments and regions. The seed is the first argument, or BDA_SEED, or 1; it is
 * printed, and a failure says plan and step, so that a run can be repeated.
 */
#include "../unit/core_support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MODEL_REGIONS = 6,
    MODEL_RANGES = 4096, /* per region */
    MODEL_NODES = 1 << 16,
    TIDES = 12, /* a plan swings so often between filling its regions and draining them */
};

struct plan {
    const char *name;
    uint32_t granule_log2;
    uint32_t smallest_region, largest_region; /* in granules */
    uint32_t smallest, largest;               /* sizes, in granules */
    enum { ANY, LOGARITHMIC, POWERS_OF_TWO } sizes;
    uint32_t alignments; /* powers of two above the granule that are asked for */
    uint32_t steps, check_every;
};

static const struct plan plans[] = {
    { "small_pool_of_small_ranges", 0, 40, 300, 1, 12, ANY, 7, 20000, 1 },
    { "small_pool_of_powers_of_two", 4, 256, 5000, 1, 512, POWERS_OF_TWO, 10, 20000, 1 },
    { "sizes_that_share_a_class", 8, 300, 4000, 128, 136, ANY, 4, 20000, 1 },
    { "a_few_large_ranges", 16, 1000, 1u << 24, 300, 1u << 23, LOGARITHMIC, 24, 20000, 1 },
    { "regions_of_32_bits", 4, UINT32_MAX - 3, UINT32_MAX, 1, UINT32_MAX, LOGARITHMIC, 59, 20000, 1 },
    { "large_pool_of_bytes", 0, 1u << 14, 1u << 17, 1, 200, LOGARITHMIC, 8, 60000, 1000 },
    { "large_pool_of_buffers", 4, 1u << 18, 1u << 22, 1, 1u << 14, LOGARITHMIC, 16, 60000, 1000 },
    { "large_pool_of_a_terabyte", 16, 1u << 23, 1u << 24, 1, 1u << 17, LOGARITHMIC, 12, 60000, 1000 },
    { "terabytes_of_256_bytes", 8, 1u << 31, UINT32_MAX, 1u << 10, 1u << 24, POWERS_OF_TWO, 20, 60000, 1000 },
};

struct range {
    uint32_t offset, size, node;
};

struct stretch {
    uint32_t region, size, count;
    uint64_t base;
    struct range ranges[MODEL_RANGES]; /* taken, by offset */
};

struct model {
    const struct plan *plan;
    uint64_t random;
    uint32_t step, count, worn;
    uint32_t allocated, refused, at_given, at_refused; /* how often each answer was seen */
    struct arena arena;
    struct stretch *stretches[MODEL_REGIONS];
    uint32_t generations[MODEL_NODES]; /* the lowest that each node may have when it is next handed out */
};

static uint64_t seed = 1;

#define promise(model, holds)                                                                                          \
    do {                                                                                                               \
        if (!(holds))                                                                                                  \
            fail_msg("seed %" PRIu64 ", %s, step %u: broken: %s", seed, (model)->plan->name, (model)->step, #holds);   \
    } while (0)

/* ---- Chance: splitmix64 ---- */

static uint64_t draw(struct model *model) {
    uint64_t z = model->random += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static uint32_t draw_below(struct model *model, uint64_t bound) {
    return (uint32_t)(draw(model) % bound);
}

static uint32_t draw_between(struct model *model, uint32_t low, uint32_t high) {
    return low + draw_below(model, (uint64_t)high - low + 1);
}

static uint32_t draw_size(struct model *model) {
    const struct plan *plan = model->plan;
    uint32_t size = draw_between(model, plan->smallest, plan->largest);
    if (plan->sizes != ANY)
        size = draw_between(model, 1u << 31, UINT32_MAX) >> draw_below(model, 32);
    if (plan->sizes == POWERS_OF_TWO)
        size = 1u << bda_floor_log2(size);
    return size < plan->smallest ? plan->smallest : size > plan->largest ? size % plan->largest + 1 : size;
}

/* A granule, half the time. */
static uint64_t draw_alignment(struct model *model) {
    uint32_t above = draw_below(model, 2) != 0 ? draw_below(model, model->plan->alignments + 1) : 0;
    return (uint64_t)1 << (model->plan->granule_log2 + above);
}

/* ---- The model's side ---- */

static struct stretch *stretch_of(struct model *model, uint32_t region) {
    for (uint32_t i = 0; i < model->count; i++)
        if (model->stretches[i]->region == region)
            return model->stretches[i];
    return NULL;
}

/* The gap in front of taken range `i`; behind the last one, in front of the region's end. */
static struct range gap_before(const struct stretch *stretch, uint32_t i) {
    uint32_t start = i != 0 ? stretch->ranges[i - 1].offset + stretch->ranges[i - 1].size : 0;
    uint32_t end = i < stretch->count ? stretch->ranges[i].offset : stretch->size;
    return (struct range){ .offset = start, .size = end - start };
}

/* The number of the gap that wholly holds [offset, offset + size), or UINT32_MAX. */
static uint32_t gap_holding(const struct stretch *stretch, uint32_t offset, uint32_t size) {
    for (uint32_t i = 0; i <= stretch->count; i++) {
        struct range gap = gap_before(stretch, i);
        if (offset >= gap.offset && (uint64_t)offset + size <= (uint64_t)gap.offset + gap.size)
            return i;
    }
    return UINT32_MAX;
}

static bool gap_fits(struct model *model, const struct stretch *stretch, struct range gap, uint32_t size,
                     uint64_t alignment) {
    uint64_t address = stretch->base + ((uint64_t)gap.offset << model->plan->granule_log2);
    uint64_t beyond = address % alignment;
    uint64_t pad = beyond != 0 ? (alignment - beyond) >> model->plan->granule_log2 : 0;
    return pad <= gap.size && size <= gap.size - pad;
}

/* The guarantee of bda_tlsf_alloc: no gap was sure to fit, and none fitted while few enough were to be looked at. */
static bool may_refuse(struct model *model, uint32_t size, uint64_t alignment) {
    uint64_t padded = size + (alignment >> model->plan->granule_log2) - 1;
    uint32_t candidates = 0, fitting = 0;
    for (uint32_t s = 0; s < model->count; s++) {
        for (uint32_t i = 0; i <= model->stretches[s]->count; i++) {
            struct range gap = gap_before(model->stretches[s], i);
            if (gap.size < size && bda_tlsf_class_of(gap.size) < bda_tlsf_class_of(size))
                continue;
            candidates++;
            fitting += gap_fits(model, model->stretches[s], gap, size, alignment);
            if (padded <= gap.size && bda_tlsf_class_of(gap.size) >= bda_tlsf_class_above((uint32_t)padded))
                return false;
        }
    }
    return fitting == 0 || candidates > BDA_TLSF_EXACT_TRIES;
}

/* ---- Checks ---- */

static void check_totals(struct model *model) {
    uint64_t free_granules = 0;
    uint32_t largest = 0, empty = 0;
    for (uint32_t s = 0; s < model->count; s++) {
        const struct stretch *stretch = model->stretches[s];
        empty += stretch->count == 0;
        promise(model, bda_tlsf_region_is_empty(&model->arena.tlsf, stretch->region) == (stretch->count == 0));
        for (uint32_t i = 0; i <= stretch->count; i++) {
            struct range gap = gap_before(stretch, i);
            free_granules += gap.size;
            largest = gap.size > largest ? gap.size : largest;
        }
    }
    promise(model, model->arena.tlsf.free_granules == free_granules);
    promise(model, model->arena.tlsf.empty_regions == empty);
    promise(model, bda_tlsf_largest_free(&model->arena.tlsf) == largest);
}

static void check_everything(struct model *model) {
    const char *broken = arena_check(&model->arena);
    if (broken != NULL)
        fail_msg("seed %" PRIu64 ", %s, step %u: %s", seed, model->plan->name, model->step, broken);
    check_totals(model);
}

/* A handle, node and generation, is never given to a second allocation. */
static void check_generation(struct model *model, uint32_t index) {
    struct bda_node *node = arena_node(&model->arena, index);
    promise(model, index < MODEL_NODES);
    promise(model, bda_node_state(node) == BDA_NODE_LIVE);
    promise(model, !bda_node_is_spent(node));
    promise(model, bda_node_generation(node) >= model->generations[index]);
}

/* ---- The operations ---- */

/* Notes what TLSF handed out; it was free, it is inside, it is as large as asked. */
static void note_range(struct model *model, uint32_t index, uint32_t size) {
    check_generation(model, index);
    struct bda_node *node = arena_node(&model->arena, index);
    struct stretch *stretch = stretch_of(model, bda_node_region(node));
    promise(model, stretch != NULL && stretch->count < MODEL_RANGES);
    promise(model, node->size == size);
    uint32_t place = gap_holding(stretch, node->offset, size);
    promise(model, place <= stretch->count);
    struct range *at = &stretch->ranges[place];
    memmove(at + 1, at, (stretch->count - place) * sizeof *at);
    *at = (struct range){ .offset = node->offset, .size = size, .node = index };
    stretch->count++;
}

static bool is_full(const struct model *model) {
    for (uint32_t s = 0; s < model->count; s++)
        if (model->stretches[s]->count == MODEL_RANGES)
            return true;
    return false;
}

static void allocate(struct model *model) {
    uint32_t size = draw_size(model);
    uint64_t alignment = draw_alignment(model);
    if (is_full(model))
        return;
    uint32_t index = arena_alloc(&model->arena, size, alignment);
    if (index == 0) {
        model->refused++;
        promise(model, may_refuse(model, size, alignment));
        return;
    }
    model->allocated++;
    promise(model, arena_address(&model->arena, index) % alignment == 0);
    note_range(model, index, size);
}

/* Half the time within a gap. */
static void allocate_at(struct model *model) {
    struct stretch *stretch = model->stretches[draw_below(model, model->count)];
    struct range gap = gap_before(stretch, draw_below(model, stretch->count + 1));
    uint32_t size = draw_size(model), offset = draw_below(model, stretch->size);
    if (is_full(model))
        return;
    if (gap.size >= size && draw_below(model, 2) != 0)
        offset = gap.offset + draw_below(model, (uint64_t)gap.size - size + 1);
    uint32_t place = gap_holding(stretch, offset, size);
    uint32_t index = arena_alloc_at(&model->arena, stretch->region, offset, size);
    promise(model, (index != 0) == (place != UINT32_MAX));
    model->at_refused += index == 0;
    if (index == 0)
        return;
    model->at_given++;
    promise(model, arena_node(&model->arena, index)->offset == offset);
    promise(model, bda_node_region(arena_node(&model->arena, index)) == stretch->region);
    note_range(model, index, size);
}

/* Now and then a node has lived through nearly all of its generations. */
static void retire(struct model *model, uint32_t index) {
    static const enum bda_node_state ways[] = { BDA_NODE_RETIRED, BDA_NODE_PENDING, BDA_NODE_CACHED,
                                                BDA_NODE_QUARANTINED };
    struct bda_node *node = arena_node(&model->arena, index);
    if (draw_below(model, 50) == 0 && bda_node_generation(node) < BDA_GENERATION_SPENT - 2)
        atomic_store(&node->tag, (BDA_GENERATION_SPENT - 2) << 8 | (uint32_t)BDA_NODE_LIVE);
    bda_node_retire(node, ways[draw_below(model, COUNT_OF(ways))]);
    model->generations[index] = bda_node_generation(node);
    model->worn += bda_node_is_spent(node);
}

static void free_one(struct model *model) {
    struct stretch *stretch = model->stretches[draw_below(model, model->count)];
    if (stretch->count == 0)
        return;
    uint32_t place = draw_below(model, stretch->count);
    uint32_t index = stretch->ranges[place].node;
    struct range *at = &stretch->ranges[place];
    memmove(at, at + 1, (stretch->count - place - 1) * sizeof *at);
    stretch->count--;
    retire(model, index);
    arena_free(&model->arena, index);
}

/* Bases are multiples of the granule and of nothing more, half of them in the upper half of the address space. */
static void add_region(struct model *model) {
    if (model->count == MODEL_REGIONS)
        return;
    struct stretch *stretch = calloc(1, sizeof *stretch);
    assert_non_null(stretch);
    uint64_t upper = draw_below(model, 2) != 0 ? 0xFFFF800000000000 : 0;
    stretch->base = bda_align_down(upper | draw(model) >> 18, (uint64_t)1 << model->plan->granule_log2);
    stretch->size = draw_between(model, model->plan->smallest_region, model->plan->largest_region);
    stretch->region = arena_add(&model->arena, stretch->base, stretch->size);
    model->stretches[model->count++] = stretch;
}

static void remove_region(struct model *model, uint32_t s) {
    struct stretch *stretch = model->stretches[s];
    arena_remove(&model->arena, stretch->region);
    model->stretches[s] = model->stretches[--model->count];
    free(stretch);
}

static void remove_some_region(struct model *model) {
    uint32_t s = draw_below(model, model->count);
    if (model->count > 1 && model->stretches[s]->count == 0)
        remove_region(model, s);
}

static void take_a_step(struct model *model) {
    bool filling = model->step / (model->plan->steps / TIDES) % 2 == 0;
    uint32_t chance = draw_below(model, 1000);
    if (chance < 3)
        add_region(model);
    else if (chance < 15)
        remove_some_region(model);
    else if (chance < 60)
        allocate_at(model);
    else if (chance < (filling ? 650u : 400u))
        allocate(model);
    else
        free_one(model);
}

/* ---- The end of a plan ---- */

static void free_all(struct model *model) {
    for (bool taken = true; taken; model->step++) {
        free_one(model);
        taken = false;
        for (uint32_t s = 0; s < model->count; s++)
            taken = taken || model->stretches[s]->count != 0;
    }
    check_everything(model);
    promise(model, model->arena.tlsf.empty_regions == model->count);
}

/* The largest of the regions that are still entirely free. */
static struct stretch *largest_empty(struct model *model) {
    struct stretch *largest = NULL;
    for (uint32_t s = 0; s < model->count; s++) {
        struct stretch *stretch = model->stretches[s];
        if (stretch->count == 0 && (largest == NULL || stretch->size > largest->size))
            largest = stretch;
    }
    return largest;
}

/* After whatever happened each region can be handed out as one range. */
static void take_whole_regions(struct model *model) {
    uint64_t granule = (uint64_t)1 << model->plan->granule_log2;
    for (struct stretch *stretch; (stretch = largest_empty(model)) != NULL;) {
        uint32_t index = arena_alloc(&model->arena, stretch->size, granule);
        promise(model, index != 0);
        note_range(model, index, stretch->size);
        check_everything(model);
    }
    promise(model, model->arena.tlsf.free_granules == 0);
    promise(model, arena_alloc(&model->arena, 1, granule) == 0);
}

/* Every node is spare again, but for those whose generation was spent. */
static void close_model(struct model *model) {
    while (model->count != 0)
        remove_region(model, 0);
    check_everything(model);
    promise(model, arena_lost_nodes(&model->arena) == model->worn);
    arena_close(&model->arena);
}

static void run_plan(void **state) {
    static struct model model;
    model = (struct model){ .plan = *state };
    model.random = seed * 1000 + (uint64_t)(model.plan - plans);
    arena_open(&model.arena, model.plan->granule_log2);
    add_region(&model);
    for (; model.step < model.plan->steps; model.step++) {
        take_a_step(&model);
        if (model.step % model.plan->check_every == 0)
            check_everything(&model);
    }
    free_all(&model);
    take_whole_regions(&model);
    free_all(&model);
    printf("%u allocated, %u refused; at an offset %u and %u; %u worn out\n", model.allocated, model.refused,
           model.at_given, model.at_refused, model.worn);
    close_model(&model);
}

int main(int count, char **arguments) {
    struct CMUnitTest tests[COUNT_OF(plans)];
    const char *chosen = count > 1 ? arguments[1] : getenv("BDA_SEED");
    if (chosen != NULL)
        seed = strtoull(chosen, NULL, 0);
    printf("seed %" PRIu64 "\n", seed);
    for (uint32_t i = 0; i < COUNT_OF(plans); i++)
        tests[i] = (struct CMUnitTest){ plans[i].name, run_plan, NULL, NULL, (void *)(uintptr_t)&plans[i] };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
