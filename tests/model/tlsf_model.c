/* The model of TLSF, see tlsf_model.h. */
#include "tlsf_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct tlsf_plan tlsf_plans[TLSF_PLANS] = {
    { "small_pool_of_small_ranges", 0, 40, 300, 1, 12, ANY, 7, 20000, 1, false },
    { "small_pool_of_powers_of_two", 4, 256, 5000, 1, 512, POWERS_OF_TWO, 10, 20000, 1, false },
    { "sizes_that_share_a_class", 8, 300, 4000, 128, 136, ANY, 4, 20000, 1, false },
    { "a_few_large_ranges", 16, 1000, 1u << 24, 300, 1u << 23, LOGARITHMIC, 24, 20000, 1, false },
    { "regions_of_32_bits", 4, UINT32_MAX - 3, UINT32_MAX, 1, UINT32_MAX, LOGARITHMIC, 59, 20000, 1, false },
    { "large_pool_of_bytes", 0, 1u << 14, 1u << 17, 1, 200, LOGARITHMIC, 8, 60000, 1000, false },
    { "large_pool_of_buffers", 4, 1u << 18, 1u << 22, 1, 1u << 14, LOGARITHMIC, 16, 60000, 1000, false },
    { "large_pool_of_a_terabyte", 16, 1u << 23, 1u << 24, 1, 1u << 17, LOGARITHMIC, 12, 60000, 1000, false },
    { "terabytes_of_256_bytes", 8, 1u << 31, UINT32_MAX, 1u << 10, 1u << 24, POWERS_OF_TWO, 20, 60000, 1000, false },
    { "small_ranges_of_many_nodes", 4, 100, 3000, 1, 40, ANY, 6, 20000, 1, true },
};

#define promise(model, holds)                                                                                          \
    do {                                                                                                               \
        if (!(holds))                                                                                                  \
            fail_msg("%s, %s, step %u: broken: %s", (model)->run, (model)->plan->name, (model)->step, #holds);         \
    } while (0)

/* ---- Choices ----------------------------------------------------------------------------------------------------- */

static uint32_t below(struct tlsf_model *model, uint64_t bound) {
    return (uint32_t)choose(&model->choices, bound);
}

static uint32_t between(struct tlsf_model *model, uint32_t low, uint32_t high) {
    return low + below(model, (uint64_t)high - low + 1);
}

static struct tlsf_stretch *some_stretch(struct tlsf_model *model) {
    return model->stretches[below(model, model->count)];
}

/* The gap in front of taken range `i`; behind the last one, in front of the region's end. */
static struct tlsf_range gap_before(const struct tlsf_stretch *stretch, uint32_t i) {
    uint32_t start = i != 0 ? stretch->ranges[i - 1].offset + stretch->ranges[i - 1].size : 0;
    uint32_t end = i < stretch->count ? stretch->ranges[i].offset : stretch->size;
    return (struct tlsf_range){ .offset = start, .size = end - start };
}

static uint32_t planned_size(struct tlsf_model *model) {
    const struct tlsf_plan *plan = model->plan;
    if (plan->sizes == ANY)
        return between(model, plan->smallest, plan->largest);
    uint32_t leading = 1u << 31 | below(model, 1u << 16) << 15 | below(model, 2) * 0x7FFF;
    uint32_t size = leading >> below(model, 32);
    if (plan->sizes == POWERS_OF_TWO)
        size = 1u << bda_floor_log2(size);
    return size < plan->smallest ? plan->smallest : size > plan->largest ? size % plan->largest + 1 : size;
}

/* As planned; or what a gap holds, one granule less or more: there lie the mistakes. */
static uint32_t some_size(struct tlsf_model *model) {
    if (!choose_once_in(&model->choices, 5))
        return planned_size(model);
    const struct tlsf_stretch *stretch = some_stretch(model);
    uint32_t gap = gap_before(stretch, below(model, stretch->count + 1)).size;
    uint32_t size = gap + below(model, 3) - 1;
    return size == 0 || size > UINT32_MAX - 2 ? planned_size(model) : size;
}

/* A granule, half the time. */
static uint64_t some_alignment(struct tlsf_model *model) {
    uint32_t above = choose_once_in(&model->choices, 2) ? below(model, model->plan->alignments + 1) : 0;
    return (uint64_t)1 << (model->plan->granule_log2 + above);
}

/* ---- The model's side -------------------------------------------------------------------------------------------- */

static struct tlsf_stretch *stretch_of(struct tlsf_model *model, uint32_t region) {
    for (uint32_t i = 0; i < model->count; i++)
        if (model->stretches[i]->region == region)
            return model->stretches[i];
    return NULL;
}

/* The number of the gap that wholly holds [offset, offset + size), or UINT32_MAX. */
static uint32_t gap_holding(const struct tlsf_stretch *stretch, uint32_t offset, uint32_t size) {
    for (uint32_t i = 0; i <= stretch->count; i++) {
        struct tlsf_range gap = gap_before(stretch, i);
        if (offset >= gap.offset && (uint64_t)offset + size <= (uint64_t)gap.offset + gap.size)
            return i;
    }
    return UINT32_MAX;
}

static bool gap_fits(struct tlsf_model *model, const struct tlsf_stretch *stretch, struct tlsf_range gap, uint32_t size,
                     uint64_t alignment) {
    uint64_t address = stretch->base + ((uint64_t)gap.offset << model->plan->granule_log2);
    uint64_t beyond = address % alignment;
    uint64_t pad = beyond != 0 ? (alignment - beyond) >> model->plan->granule_log2 : 0;
    return pad <= gap.size && size <= gap.size - pad;
}

/* The guarantee of bda_tlsf_take: no gap was sure to fit, and none fitted while few enough were to be looked at. */
static bool may_refuse(struct tlsf_model *model, uint32_t size, uint64_t alignment) {
    uint64_t padded = size + (alignment >> model->plan->granule_log2) - 1;
    uint32_t candidates = 0, fitting = 0;
    for (uint32_t s = 0; s < model->count; s++) {
        for (uint32_t i = 0; i <= model->stretches[s]->count; i++) {
            struct tlsf_range gap = gap_before(model->stretches[s], i);
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

/* ---- Checks ------------------------------------------------------------------------------------------------------ */

/* The longest gap; where too many share its class, one of about its length. */
static void check_largest(struct tlsf_model *model, uint32_t largest) {
    uint32_t told = bda_tlsf_largest_free(&model->arena.tlsf), rivals = 0;
    for (uint32_t s = 0; s < model->count; s++) {
        for (uint32_t i = 0; i <= model->stretches[s]->count; i++) {
            struct tlsf_range gap = gap_before(model->stretches[s], i);
            rivals += gap.size != 0 && bda_tlsf_class_of(gap.size) == bda_tlsf_class_of(largest);
        }
    }
    promise(model, told <= largest && (told == largest || rivals > BDA_TLSF_LARGEST_TRIES));
    promise(model, largest == 0 || bda_tlsf_class_of(told) == bda_tlsf_class_of(largest));
}

static void check_totals(struct tlsf_model *model) {
    uint64_t free_granules = 0;
    uint32_t largest = 0, empty = 0;
    for (uint32_t s = 0; s < model->count; s++) {
        const struct tlsf_stretch *stretch = model->stretches[s];
        empty += stretch->count == 0;
        promise(model, bda_tlsf_region_is_empty(&model->arena.tlsf, stretch->region) == (stretch->count == 0));
        for (uint32_t i = 0; i <= stretch->count; i++) {
            struct tlsf_range gap = gap_before(stretch, i);
            free_granules += gap.size;
            largest = gap.size > largest ? gap.size : largest;
        }
    }
    promise(model, model->arena.tlsf.free_granules == free_granules);
    promise(model, model->arena.tlsf.empty_regions == empty);
    check_largest(model, largest);
}

/* One free node for each gap that is none of the model's, one live node for each range. */
static void check_ranges(struct tlsf_model *model, const struct tlsf_stretch *stretch) {
    uint32_t index = arena_region(&model->arena, stretch->region)->first;
    for (uint32_t i = 0; i <= stretch->count; i++) {
        struct tlsf_range gap = gap_before(stretch, i);
        struct bda_node *node = arena_node(&model->arena, index);
        if (gap.size != 0) {
            promise(model, index != 0 && bda_node_state(node) == BDA_NODE_FREE);
            promise(model, node->offset == gap.offset && node->size == gap.size);
            index = bda_node_next(node);
            node = arena_node(&model->arena, index);
        }
        if (i == stretch->count)
            break;
        promise(model, index == stretch->ranges[i].node && bda_node_state(node) == BDA_NODE_LIVE);
        promise(model, node->offset == stretch->ranges[i].offset && node->size == stretch->ranges[i].size);
        index = bda_node_next(node);
    }
    promise(model, index == 0);
}

void tlsf_model_compare(struct tlsf_model *model) {
    check_totals(model);
    for (uint32_t s = 0; s < model->count; s++)
        check_ranges(model, model->stretches[s]);
}

void tlsf_model_check(struct tlsf_model *model) {
    const char *broken = arena_check(&model->arena);
    if (broken != NULL)
        fail_msg("%s, %s, step %u: %s", model->run, model->plan->name, model->step, broken);
    tlsf_model_compare(model);
}

/* A handle, node and generation, is never given to a second allocation. */
static void check_generation(struct tlsf_model *model, uint32_t index) {
    struct bda_node *node = arena_node(&model->arena, index);
    promise(model, index < MODEL_NODES);
    promise(model, bda_node_state(node) == BDA_NODE_LIVE);
    promise(model, !bda_node_is_spent(node));
    promise(model, bda_node_generation(node) >= model->generations[index]);
}

/* ---- Allocating -------------------------------------------------------------------------------------------------- */

/* Notes what TLSF handed out; it was free, it is inside, it is as large as asked: or all of a gap that is larger by no
 * more than `sliver`. */
static void note_range(struct tlsf_model *model, uint32_t index, uint32_t size, uint32_t sliver) {
    check_generation(model, index);
    struct bda_node *node = arena_node(&model->arena, index);
    struct tlsf_stretch *stretch = stretch_of(model, bda_node_region(node));
    promise(model, stretch != NULL && stretch->count < MODEL_RANGES);
    uint32_t place = gap_holding(stretch, node->offset, node->size);
    promise(model, place <= stretch->count);
    promise(model, node->size == size || node->size == gap_before(stretch, place).size);
    promise(model, node->size >= size && node->size - size <= sliver);
    struct tlsf_range *at = &stretch->ranges[place];
    memmove(at + 1, at, (stretch->count - place) * sizeof *at);
    *at = (struct tlsf_range){ .offset = node->offset, .size = node->size, .node = index };
    stretch->count++;
}

static bool is_full(const struct tlsf_model *model) {
    for (uint32_t s = 0; s < model->count; s++)
        if (model->stretches[s]->count == MODEL_RANGES)
            return true;
    return false;
}

static void allocate(struct tlsf_model *model) {
    uint32_t size = some_size(model);
    uint64_t alignment = some_alignment(model);
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
    note_range(model, index, size, bda_tlsf_sliver(size));
}

/* Half the time within a gap. */
static void allocate_at(struct tlsf_model *model) {
    struct tlsf_stretch *stretch = some_stretch(model);
    struct tlsf_range gap = gap_before(stretch, below(model, stretch->count + 1));
    uint32_t size = some_size(model), offset = below(model, stretch->size);
    if (is_full(model))
        return;
    if (gap.size >= size && !choose_once_in(&model->choices, 2))
        offset = gap.offset + below(model, (uint64_t)gap.size - size + 1);
    uint32_t place = gap_holding(stretch, offset, size);
    uint32_t index = arena_alloc_at(&model->arena, stretch->region, offset, size);
    promise(model, (index != 0) == (place != UINT32_MAX));
    model->at_refused += index == 0;
    if (index == 0)
        return;
    model->at_given++;
    promise(model, arena_node(&model->arena, index)->offset == offset);
    promise(model, bda_node_region(arena_node(&model->arena, index)) == stretch->region);
    note_range(model, index, size, 0);
}

/* ---- Freeing ----------------------------------------------------------------------------------------------------- */

/* Now and then a node has lived through nearly all of its generations. */
static void retire(struct tlsf_model *model, uint32_t index) {
    static const enum bda_node_state ways[] = { BDA_NODE_RETIRED, BDA_NODE_PENDING, BDA_NODE_CACHED,
                                                BDA_NODE_QUARANTINED };
    struct bda_node *node = arena_node(&model->arena, index);
    uint32_t way = below(model, 50 * COUNT_OF(ways));
    if (way / COUNT_OF(ways) == 49 && bda_node_generation(node) < BDA_GENERATION_SPENT - 2)
        atomic_store(&node->tag, (BDA_GENERATION_SPENT - 2) << 8 | (bda_node_tag(node) & 0xFF));
    model->generations[index] = bda_node_generation(node) + 1;
    bda_node_retire(node, ways[way % COUNT_OF(ways)]);
    model->lost += bda_node_is_spent(node);
}

/* Strikes a range out, and answers its node, which is retired. */
static uint32_t forget(struct tlsf_model *model, struct tlsf_stretch *stretch, uint32_t place) {
    struct tlsf_range *at = &stretch->ranges[place];
    uint32_t index = at->node;
    memmove(at, at + 1, (stretch->count - place - 1) * sizeof *at);
    stretch->count--;
    retire(model, index);
    return index;
}

static void free_one(struct tlsf_model *model) {
    struct tlsf_stretch *stretch = some_stretch(model);
    if (stretch->count != 0)
        arena_free(&model->arena, forget(model, stretch, below(model, stretch->count)));
}

/* Neighbours, mostly, and here and there another. */
static void free_many(struct tlsf_model *model) {
    uint32_t nodes[MODEL_MANY], count = 0, wanted = below(model, MODEL_MANY + 1);
    struct tlsf_stretch *stretch = some_stretch(model);
    uint32_t place = below(model, stretch->count + 1);
    while (count < wanted && stretch->count != 0) {
        place = choose_once_in(&model->choices, 4) ? below(model, stretch->count) : place % stretch->count;
        nodes[count++] = forget(model, stretch, place);
    }
    arena_secure(&model->arena, 0);
    bda_tlsf_free_many(&model->arena.tlsf, count, nodes);
}

static void free_everything(struct tlsf_model *model) {
    for (uint32_t s = 0; s < model->count; s++)
        while (model->stretches[s]->count != 0)
            arena_free(&model->arena, forget(model, model->stretches[s], below(model, model->stretches[s]->count)));
    tlsf_model_check(model);
    promise(model, model->arena.tlsf.empty_regions == model->count);
}

/* ---- Regions ----------------------------------------------------------------------------------------------------- */

/* Bases are multiples of the granule and of nothing more, half of them in the upper half of the address space. */
static void add_region(struct tlsf_model *model) {
    if (model->count == MODEL_REGIONS)
        return;
    struct tlsf_stretch *stretch = calloc(1, sizeof *stretch);
    assert_non_null(stretch);
    uint64_t upper = choose_once_in(&model->choices, 2) ? 0xFFFF800000000000 : 0;
    uint64_t base = choose(&model->choices, (uint64_t)1 << 46);
    stretch->base = bda_align_down(upper | base, (uint64_t)1 << model->plan->granule_log2);
    stretch->size = between(model, model->plan->smallest_region, model->plan->largest_region);
    stretch->region = arena_add(&model->arena, stretch->base, stretch->size);
    model->stretches[model->count++] = stretch;
}

static void remove_region(struct tlsf_model *model, uint32_t s) {
    struct tlsf_stretch *stretch = model->stretches[s];
    arena_remove(&model->arena, stretch->region);
    model->stretches[s] = model->stretches[--model->count];
    free(stretch);
}

static void remove_some_region(struct tlsf_model *model) {
    uint32_t s = below(model, model->count);
    if (model->count > 1 && model->stretches[s]->count == 0)
        remove_region(model, s);
}

/* The largest of the regions that are still entirely free. */
static struct tlsf_stretch *largest_empty(struct tlsf_model *model) {
    struct tlsf_stretch *largest = NULL;
    for (uint32_t s = 0; s < model->count; s++) {
        struct tlsf_stretch *stretch = model->stretches[s];
        if (stretch->count == 0 && (largest == NULL || stretch->size > largest->size))
            largest = stretch;
    }
    return largest;
}

/* After whatever happened each region can be handed out as one range; by name, where there are so many regions of about
 * its size that the search need not find it. */
static void take_whole_regions(struct tlsf_model *model) {
    uint64_t granule = (uint64_t)1 << model->plan->granule_log2;
    for (struct tlsf_stretch *stretch; (stretch = largest_empty(model)) != NULL;) {
        uint32_t index = arena_alloc(&model->arena, stretch->size, granule);
        if (index == 0) {
            promise(model, may_refuse(model, stretch->size, granule));
            index = arena_alloc_at(&model->arena, stretch->region, 0, stretch->size);
        }
        promise(model, index != 0);
        note_range(model, index, stretch->size, 0);
        tlsf_model_compare(model);
    }
    promise(model, model->arena.tlsf.free_granules == 0);
    promise(model, arena_alloc(&model->arena, 1, granule) == 0);
}

/* ---- A run ------------------------------------------------------------------------------------------------------- */

/* Makes nodes that nobody ever gets, which is quicker than to put them into a list. */
static void lose_nodes(struct tlsf_model *model, uint32_t count) {
    uint32_t first;
    while (model->lost < count) {
        uint32_t made = bda_store_grow(&model->arena.nodes.store, count - model->lost, &first);
        assert_int_not_equal(made, 0);
        model->lost += made;
    }
}

void tlsf_model_open(struct tlsf_model *model, const struct tlsf_plan *plan, struct choices choices, const char *run) {
    memset(model, 0, sizeof *model);
    model->plan = plan;
    model->choices = choices;
    (void)snprintf(model->run, sizeof model->run, "%s", run);
    arena_open(&model->arena, plan->granule_log2);
    if (plan->many_nodes)
        lose_nodes(model, MODEL_NODES / 2);
    add_region(model);
}

void tlsf_model_step(struct tlsf_model *model, bool filling) {
    uint32_t chance = below(model, 256);
    model->step++;
    if (chance < (filling ? 155u : 90u))
        allocate(model);
    else if (chance < 230)
        free_one(model);
    else if (chance < 240)
        free_many(model);
    else if (chance < 251)
        allocate_at(model);
    else if (chance < 255)
        remove_some_region(model);
    else
        add_region(model);
}

void tlsf_model_close(struct tlsf_model *model) {
    tlsf_model_check(model);
    free_everything(model);
    take_whole_regions(model);
    free_everything(model);
    while (model->count != 0)
        remove_region(model, 0);
    promise(model, arena_lost_nodes(&model->arena) == model->lost);
    arena_close(&model->arena);
}
