/* core/tlsf.h: classes, the search, cutting and merging, regions, spent generations. */
#include "core_support.h"

#include <string.h>

/* ---- Classes ---- */

static void every_size_is_in_a_class_of_its_neighbours(void **state) {
    (void)state;
    for (uint32_t size = 1; size < 1u << 16; size++) {
        uint32_t class = bda_tlsf_class_of(size), next = bda_tlsf_class_of(size + 1);
        assert_true(next == class || next == class + 1);
        if (size < 2 * BDA_TLSF_CLASSES)
            assert_int_equal(next, class + 1);
    }
}

/* The boundary sizes around each power of two and each of its classes. */
static uint32_t boundary(uint32_t exponent, uint32_t within, uint32_t step) {
    uint64_t size = ((uint64_t)1 << exponent) + (((uint64_t)within << exponent) >> BDA_TLSF_CLASSES_LOG2) + step - 1;
    return size > UINT32_MAX ? UINT32_MAX : size == 0 ? 1 : (uint32_t)size;
}

static void assert_class_bounds(uint32_t size, uint32_t *last_size, uint32_t *last_class) {
    uint32_t class = bda_tlsf_class_of(size), above = bda_tlsf_class_above(size);
    assert_true(class < BDA_TLSF_LEVELS * BDA_TLSF_CLASSES);
    assert_true(size < *last_size || class >= *last_class);
    assert_true(above == class || above == class + 1);
    if (above > class) /* `size` itself would not be found in it, nor anything smaller */
        assert_int_equal(bda_tlsf_class_of(size - 1), class);
    else /* every member holds it */
        assert_true(size == 1 || bda_tlsf_class_of(size - 1) < class);
    *last_size = size;
    *last_class = class;
}

static void classes_rise_with_sizes_and_every_member_of_the_class_above_holds_the_size(void **state) {
    (void)state;
    uint32_t last_size = 0, last_class = 0;
    for (uint32_t size = 1; size < 1u << 16; size++)
        assert_class_bounds(size, &last_size, &last_class);
    for (uint32_t exponent = 0; exponent < 32; exponent++)
        for (uint32_t within = 0; within < BDA_TLSF_CLASSES; within++)
            for (uint32_t step = 0; step < 3; step++)
                assert_class_bounds(boundary(exponent, within, step), &last_size, &last_class);
    assert_class_bounds(UINT32_MAX - 1, &last_size, &last_class);
    assert_class_bounds(UINT32_MAX, &last_size, &last_class);
}

static void the_largest_size_is_in_the_last_class(void **state) {
    (void)state;
    assert_int_equal(bda_tlsf_class_of(UINT32_MAX), BDA_TLSF_LEVELS * BDA_TLSF_CLASSES - 1);
    assert_int_equal(bda_tlsf_class_above(UINT32_MAX), BDA_TLSF_LEVELS * BDA_TLSF_CLASSES);
}

/* ---- Cutting and merging ---- */

static void an_empty_tlsf_refuses(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, GRANULE_LOG2);
    assert_int_equal(arena_take(&arena, 1), 0);
    assert_int_equal(arena_take(&arena, UINT32_MAX), 0);
    assert_int_equal(bda_tlsf_largest_free(&arena.tlsf), 0);
    arena_close_sound(&arena);
}

static void alloc_cuts_from_the_front_and_keeps_the_rest(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, 100);
    assert_range(&arena, arena_take(&arena, 30), 0, 30);
    assert_layout(&arena, region, 30, -70);
    assert_range(&arena, arena_take(&arena, 69), 30, 69);
    assert_layout(&arena, region, 30, 69, -1); /* a granule is the smallest remainder kept */
    assert_range(&arena, arena_take(&arena, 1), 99, 1);
    assert_int_equal(arena.tlsf.free_granules, 0);
    assert_int_equal(arena_take(&arena, 1), 0);
    arena_close_sound(&arena);
}

/* The words lie where a free range keeps the links of its list; the one in the middle of its list has both. */
static void a_live_range_begins_without_slack_and_record(void **state) {
    (void)state;
    struct arena arena;
    uint32_t nodes[6], region = arena_open_one(&arena, 60);
    arena_fill(&arena, region, (const uint32_t[]){ 10, 10, 10, 10, 10, 10 }, 6, nodes);
    for (uint32_t i = 0; i < 6; i += 2)
        arena_free(&arena, nodes[i]);
    uint32_t middle = arena_alloc_at(&arena, region, 20, 10);
    assert_int_equal(middle, nodes[2]);
    assert_int_equal(arena_node(&arena, middle)->as.live.slack, 0);
    assert_int_equal(arena_node(&arena, middle)->as.live.record, 0);
    arena_close_sound(&arena);
}

/* A node that lies spare keeps its last life's words and the link of the spare list. */
static void a_reused_node_begins_without_slack_and_record(void **state) {
    (void)state;
    struct arena arena;
    arena_open_one(&arena, 60);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 60; i++) {
            struct bda_node *node = arena_node(&arena, arena_take(&arena, 1));
            assert_int_equal(node->as.live.slack, 0);
            assert_int_equal(node->as.live.record, 0);
            node->as.live.slack = node->as.live.record = UINT32_MAX;
        }
        arena_free_everything(&arena);
    }
    arena_close_sound(&arena);
}

static void free_merges_the_left_neighbour(void **state) {
    (void)state;
    struct arena arena;
    uint32_t nodes[4], region = arena_open_one(&arena, 40);
    arena_fill(&arena, region, (const uint32_t[]){ 10, 10, 10, 10 }, 4, nodes);
    arena_free(&arena, nodes[1]);
    arena_free(&arena, nodes[2]);
    assert_layout(&arena, region, 10, -20, 10);
    arena_close_sound(&arena);
}

static void free_merges_the_right_neighbour(void **state) {
    (void)state;
    struct arena arena;
    uint32_t nodes[4], region = arena_open_one(&arena, 40);
    arena_fill(&arena, region, (const uint32_t[]){ 10, 10, 10, 10 }, 4, nodes);
    arena_free(&arena, nodes[2]);
    arena_free(&arena, nodes[1]);
    assert_layout(&arena, region, 10, -20, 10);
    arena_close_sound(&arena);
}

static void free_merges_both_neighbours(void **state) {
    (void)state;
    struct arena arena;
    uint32_t nodes[5], region = arena_open_one(&arena, 50);
    arena_fill(&arena, region, (const uint32_t[]){ 10, 10, 10, 10, 10 }, 5, nodes);
    arena_free(&arena, nodes[1]);
    arena_free(&arena, nodes[3]);
    assert_layout(&arena, region, 10, -10, 10, -10, 10);
    arena_free(&arena, nodes[2]);
    assert_layout(&arena, region, 10, -30, 10);
    arena_close_sound(&arena);
}

static void free_merges_nothing_between_live_neighbours(void **state) {
    (void)state;
    struct arena arena;
    uint32_t nodes[3], region = arena_open_one(&arena, 30);
    arena_fill(&arena, region, (const uint32_t[]){ 10, 10, 10 }, 3, nodes);
    arena_free(&arena, nodes[1]);
    assert_layout(&arena, region, 10, -10, 10);
    arena_close_sound(&arena);
}

/* Ranges on their way out are taken: whatever their state, only a free neighbour merges. */
static void free_takes_any_state_and_merges_no_state_but_free(void **state) {
    (void)state;
    for (uint32_t other = BDA_NODE_LIVE; other <= BDA_NODE_QUARANTINED; other++) {
        struct arena arena;
        uint32_t nodes[3], region = arena_open_one(&arena, 30);
        arena_fill(&arena, region, (const uint32_t[]){ 10, 10, 10 }, 3, nodes);
        for (uint32_t i = 0; i < 3; i++)
            bda_node_retire(arena_node(&arena, nodes[i]), (enum bda_node_state)other);
        arena_free(&arena, nodes[1]);
        assert_layout(&arena, region, 10, -10, 10);
        arena_free(&arena, nodes[0]);
        arena_free(&arena, nodes[2]);
        assert_layout(&arena, region, -30);
        arena_close_sound(&arena);
    }
}

/* All orders of freeing five neighbours end in the one range that there was, in as many nodes. */
static void every_order_of_frees_ends_in_one_range(void **state) {
    (void)state;
    struct arena arena;
    uint32_t nodes[5], region = arena_open_one(&arena, 15);
    for (uint32_t order = 0; order < 5 * 4 * 3 * 2; order++) {
        uint32_t left[5] = { 0, 1, 2, 3, 4 }, rest = order;
        arena_fill(&arena, region, (const uint32_t[]){ 1, 2, 3, 4, 5 }, 5, nodes);
        for (uint32_t count = 5; count != 0; count--) {
            uint32_t chosen = rest % count;
            rest /= count;
            arena_free(&arena, nodes[left[chosen]]);
            left[chosen] = left[count - 1];
            assert_arena_is_sound(&arena);
        }
        assert_layout(&arena, region, -15);
        assert_int_equal(arena_lost_nodes(&arena), 0);
    }
    arena_close_sound(&arena);
}

/* ---- Alignment ---- */

static void what_lies_before_an_aligned_range_stays_free(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, GRANULE_LOG2);
    uint32_t region = arena_add(&arena, 0x10040, 64);
    uint32_t node = arena_alloc(&arena, 8, 256);
    assert_range(&arena, node, 12, 8);
    assert_layout(&arena, region, -12, 8, -44);
    arena_free(&arena, node);
    assert_layout(&arena, region, -64);
    arena_close_sound(&arena);
}

static void an_aligned_range_may_end_with_its_region(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, GRANULE_LOG2);
    uint32_t region = arena_add(&arena, 0x10040, 20);
    assert_range(&arena, arena_alloc(&arena, 8, 256), 12, 8);
    assert_layout(&arena, region, -12, 8);
    arena_close_sound(&arena);
}

/* Where the one free range of `size` granules at `base` first meets the alignment, in granules; slowly. */
static uint64_t naive_padding(uint64_t base, uint32_t size, uint64_t alignment) {
    uint64_t pad = 0;
    while (pad < size && (base + (pad << GRANULE_LOG2)) % alignment != 0)
        pad++;
    return pad;
}

static void assert_decided_exactly(uint64_t base, uint32_t room, uint32_t size, uint64_t alignment) {
    struct arena arena;
    arena_open(&arena, GRANULE_LOG2);
    arena_add(&arena, base, room);
    uint64_t pad = naive_padding(base, room, alignment);
    uint32_t node = arena_alloc(&arena, size, alignment);
    if (pad + size <= room)
        assert_range(&arena, node, (uint32_t)pad, size);
    else
        assert_int_equal(node, 0);
    assert_true(node == 0 || arena_address(&arena, node) % alignment == 0);
    arena_close_sound(&arena);
}

/* Bases that are aligned to a granule only, in the upper half too, and one whose region ends with the address space.
 * With a single range there is nothing to overlook: the answer must be exact. */
static void one_range_is_decided_exactly_for_every_base_and_alignment(void **state) {
    (void)state;
    const uint64_t bases[] = { GRANULE,
                               0x40,
                               0x12340,
                               0x7FFFFFFFFFF0,
                               0xFFFFF80000000000,
                               0xFFFFF80000000040,
                               0x8000000000000000,
                               UINT64_MAX - 99 * GRANULE - GRANULE + 1 };
    const uint32_t sizes[] = { 1, 5, 32, 33, 96, 97, 100, 101 };
    for (uint32_t i = 0; i < COUNT_OF(bases); i++)
        for (uint32_t j = 0; j < COUNT_OF(sizes); j++)
            for (uint32_t bit = GRANULE_LOG2; bit < 64; bit++)
                assert_decided_exactly(bases[i], 100, sizes[j], (uint64_t)1 << bit);
}

static void alignments_beyond_the_address_space_of_the_region_are_refused(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, 0);
    arena_add(&arena, 0x40, UINT32_MAX);
    assert_int_equal(arena_alloc(&arena, 1, (uint64_t)1 << 40), 0);
    assert_int_equal(arena_alloc(&arena, 1, (uint64_t)1 << 63), 0);
    assert_int_equal(arena_alloc(&arena, UINT32_MAX, (uint64_t)1 << 63), 0);
    assert_int_equal(arena.tlsf.empty_regions, 1);
    assert_range(&arena, arena_alloc(&arena, 1, (uint64_t)1 << 31), 0x7FFFFFC0, 1);
    arena_close_sound(&arena);
}

static void every_granule_serves(void **state) {
    (void)state;
    for (uint32_t log2 = 0; log2 <= 20; log2++) {
        struct arena arena;
        arena_open(&arena, log2);
        uint64_t granule = (uint64_t)1 << log2;
        arena_add(&arena, 3 * granule, 64);
        uint32_t node = arena_alloc(&arena, 7, 16 * granule);
        assert_range(&arena, node, 13, 7);
        assert_int_equal(arena_address(&arena, node), 16 * granule);
        arena_close_sound(&arena);
    }
}

/* ---- The search ---- */

/* Guards against "no space" while there is: the class above the size is empty, the range in its own class fits. */
static void the_only_range_serves_a_request_of_its_own_size(void **state) {
    (void)state;
    for (uint32_t exponent = 0; exponent < 32; exponent++) {
        for (uint32_t within = 0; within < BDA_TLSF_CLASSES; within += 5) {
            for (uint32_t step = 0; step < 3; step++) {
                struct arena arena;
                uint32_t size = boundary(exponent, within, step);
                arena_open_one(&arena, size);
                uint32_t node = arena_take(&arena, size);
                assert_range(&arena, node, 0, size);
                assert_int_equal(arena.tlsf.level_map, 0);
                arena_close_sound(&arena);
            }
        }
    }
}

/* The smaller ranges of its class, freed later, stand before it in the list. */
static void an_exact_fit_is_found_behind_smaller_ranges_of_its_class(void **state) {
    (void)state;
    enum { SMALL = BDA_TLSF_EXACT_TRIES - 1 };
    struct arena arena;
    uint32_t gaps[SMALL + 1], region = arena_open_one(&arena, 64 * SMALL + 65 + SMALL);
    for (uint32_t i = 0, offset = 0; i <= SMALL; i++, offset += 65) {
        gaps[i] = arena_alloc_at(&arena, region, offset, i < SMALL ? 64 : 65);
        assert_true(i == SMALL || arena_alloc_at(&arena, region, offset + 64, 1) != 0);
    }
    assert_int_equal(arena.tlsf.free_granules, 0);
    for (uint32_t i = SMALL + 1; i-- > 0;)
        arena_free(&arena, gaps[i]);
    assert_int_equal(bda_tlsf_class_of(64), bda_tlsf_class_of(65));
    assert_range(&arena, arena_take(&arena, 65), 65 * SMALL, 65);
    arena_close_sound(&arena);
}

/* `before` ranges that hold the size but no aligned place for it stand in the list before one that has it. */
static uint32_t take_aligned_behind(struct arena *arena, uint32_t before) {
    enum { SIZE = 64, STRIDE = 2 * SIZE };
    uint32_t region = arena_open_one(arena, (before + 1) * STRIDE);
    for (uint32_t i = 0; i <= before; i++) { /* live, to be free, live */
        uint32_t offset = i * STRIDE, gap = i == 0 ? 0 : SIZE / 2;
        assert_true(gap == 0 || arena_alloc_at(arena, region, offset, gap) != 0);
        assert_int_not_equal(arena_alloc_at(arena, region, offset + gap, SIZE), 0);
        assert_int_not_equal(arena_alloc_at(arena, region, offset + gap + SIZE, SIZE - gap), 0);
    }
    uint32_t next;
    for (uint32_t index = arena_region(arena, region)->first; index != 0; index = next) {
        next = arena_node(arena, index)->next;
        if (arena_node(arena, index)->size == SIZE && arena_node(arena, index)->offset % STRIDE <= SIZE / 2)
            arena_free(arena, index);
    }
    assert_int_equal(arena->tlsf.free_granules, (before + 1) * SIZE);
    return arena_alloc(arena, SIZE, SIZE * GRANULE);
}

static void the_last_resort_looks_at_few_ranges_however_many_there_are(void **state) {
    (void)state;
    struct arena arena;
    assert_range(&arena, take_aligned_behind(&arena, BDA_TLSF_EXACT_TRIES - 1), 0, 64);
    arena_close_sound(&arena);
    const uint32_t too_many[] = { BDA_TLSF_EXACT_TRIES, BDA_TLSF_EXACT_TRIES + 1, 500 };
    for (uint32_t i = 0; i < COUNT_OF(too_many); i++) {
        assert_int_equal(take_aligned_behind(&arena, too_many[i]), 0);
        assert_range(&arena, arena_alloc_at(&arena, arena.added[0], 0, 64), 0, 64); /* it was there */
        arena_close_sound(&arena);
    }
}

static void the_smaller_of_two_fitting_ranges_is_taken(void **state) {
    (void)state;
    struct arena arena;
    uint32_t nodes[4], region = arena_open_one(&arena, 170);
    arena_fill(&arena, region, (const uint32_t[]){ 100, 10, 50, 10 }, 4, nodes);
    for (uint32_t round = 0; round < 2; round++) { /* whichever was freed last */
        arena_free(&arena, nodes[round == 0 ? 0 : 2]);
        arena_free(&arena, nodes[round == 0 ? 2 : 0]);
        uint32_t chosen = arena_take(&arena, 40);
        assert_range(&arena, chosen, 110, 40);
        arena_free(&arena, chosen);
        arena_fill(&arena, region, (const uint32_t[]){ 100 }, 1, &nodes[0]);
        nodes[2] = arena_alloc_at(&arena, region, 110, 50);
    }
    arena_close_sound(&arena);
}

static void sizes_near_the_last_granule_are_whole_and_refused_in_order(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, UINT32_MAX);
    for (uint32_t less = 0; less < 3; less++) {
        uint32_t node = arena_take(&arena, UINT32_MAX - less);
        assert_range(&arena, node, 0, UINT32_MAX - less);
        assert_int_equal(bda_tlsf_largest_free(&arena.tlsf), less);
        assert_int_equal(arena_take(&arena, UINT32_MAX), 0);
        arena_free(&arena, node);
    }
    assert_range(&arena, arena_take(&arena, 0x80000001), 0, 0x80000001);
    assert_int_equal(arena_take(&arena, 0x80000001), 0);
    assert_range(&arena, arena_take(&arena, 0x7FFFFFFE), 0x80000001, 0x7FFFFFFE);
    assert_false(bda_tlsf_region_is_empty(&arena.tlsf, region));
    arena_close_sound(&arena);
}

/* Size and alignment together exceed 32 bits of granules; the range fits all the same, to the last granule. */
static void a_padded_size_beyond_32_bits_is_still_served(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, GRANULE_LOG2);
    arena_add(&arena, GRANULE, UINT32_MAX);
    assert_int_equal(arena_alloc(&arena, UINT32_MAX - 30, 32 * GRANULE), 0);
    uint32_t node = arena_alloc(&arena, UINT32_MAX - 31, 32 * GRANULE);
    assert_range(&arena, node, 31, UINT32_MAX - 31);
    arena_free(&arena, node);
    assert_int_equal(arena_alloc(&arena, 0x80000000, (uint64_t)1 << 36), 0);
    assert_range(&arena, arena_alloc(&arena, 0x80000000, (uint64_t)1 << 35), 0x7FFFFFFF, 0x80000000);
    arena_close_sound(&arena);
}

/* A free range that the guarantee speaks of: large enough for any padding, rounded up to its class. */
static bool guaranteed(struct arena *arena, uint32_t size, uint64_t alignment) {
    uint64_t padded = size + (alignment >> GRANULE_LOG2) - 1;
    for (uint32_t index = arena_region(arena, arena->added[0])->first; index != 0;) {
        struct bda_node *node = arena_node(arena, index);
        if (bda_node_state(node) == BDA_NODE_FREE && padded <= node->size &&
            bda_tlsf_class_of(node->size) >= bda_tlsf_class_above((uint32_t)padded))
            return true;
        index = node->next;
    }
    return false;
}

/* Gaps of growing sizes at odd places: for every size and alignment, a refusal keeps the promise and changes nothing.
 */
static void a_refusal_keeps_its_guarantee_and_changes_nothing(void **state) {
    (void)state;
    static struct bda_tlsf before;
    struct arena arena;
    uint32_t offset = 0, refused = 0;
    arena_open(&arena, GRANULE_LOG2);
    uint32_t region = arena_add(&arena, 0x1230, 40 * 41 / 2 * 3 + 40);
    for (uint32_t gap = 1; gap <= 40; offset += gap * 3 + 1, gap++)
        assert_true(arena_alloc_at(&arena, region, offset + gap * 3, 1) != 0);
    for (uint32_t size = 1; size < 130; size++) {
        for (uint64_t alignment = GRANULE; alignment <= 1u << 14; alignment *= 2) {
            arena_secure(&arena, BDA_TLSF_NODES_PER_ALLOC);
            memcpy(&before, &arena.tlsf, sizeof before);
            uint32_t node = bda_tlsf_alloc(&arena.tlsf, size, alignment);
            refused += node == 0;
            if (node == 0)
                assert_true(memcmp(&before, &arena.tlsf, sizeof before) == 0 && !guaranteed(&arena, size, alignment));
            else
                arena_free(&arena, node);
        }
        assert_arena_is_sound(&arena);
    }
    assert_in_range(refused, 100, 129 * 11 - 100); /* both answers were seen */
    arena_close_sound(&arena);
}

/* ---- Regions ---- */

static void regions_come_and_go(void **state) {
    (void)state;
    struct arena arena;
    uint32_t first = arena_open_one(&arena, 100);
    uint32_t second = arena_add(&arena, 0xFFFFF80000000040, 200);
    assert_int_equal(arena.tlsf.empty_regions, 2);
    assert_int_equal(arena.tlsf.free_granules, 300);
    uint32_t node = arena_take(&arena, 150);
    assert_int_equal(bda_node_region(arena_node(&arena, node)), second);
    assert_int_equal(arena_address(&arena, node), 0xFFFFF80000000040);
    assert_int_equal(arena.tlsf.empty_regions, 1);
    arena_remove(&arena, first);
    assert_int_equal(arena_region(&arena, first)->first, 0); /* its node may serve another one soon */
    assert_false(bda_tlsf_region_is_empty(&arena.tlsf, first));
    assert_int_equal(arena_take(&arena, 51), 0);
    assert_int_equal(arena_alloc_at(&arena, first, 0, 1), 0);
    assert_int_equal(arena.tlsf.free_granules, 50);
    assert_arena_is_sound(&arena);
    arena_close_sound(&arena);
}

static void neighbouring_regions_never_merge(void **state) {
    (void)state;
    struct arena arena;
    uint32_t first = arena_open_one(&arena, 32);
    uint32_t second = arena_add(&arena, ((uint64_t)1 << 40) + 32 * GRANULE, 32);
    uint32_t low = arena_alloc_at(&arena, first, 0, 32), high = arena_alloc_at(&arena, second, 0, 32);
    arena_free(&arena, low);
    arena_free(&arena, high);
    assert_layout(&arena, first, -32);
    assert_layout(&arena, second, -32);
    assert_int_equal(arena_take(&arena, 33), 0);
    arena_close_sound(&arena);
}

static void empty_regions_are_counted_through_every_change(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, 10);
    const uint32_t pieces[][2] = { { 0, 10 }, { 0, 5 }, { 5, 5 }, { 3, 4 } }; /* whole, front, back, middle */
    for (uint32_t i = 0; i < COUNT_OF(pieces); i++) {
        uint32_t node = arena_alloc_at(&arena, region, pieces[i][0], pieces[i][1]);
        assert_int_equal(arena.tlsf.empty_regions, 0);
        assert_false(bda_tlsf_region_is_empty(&arena.tlsf, region));
        arena_free(&arena, node);
        assert_int_equal(arena.tlsf.empty_regions, 1);
        assert_true(bda_tlsf_region_is_empty(&arena.tlsf, region));
    }
    arena_close_sound(&arena);
}

static void a_region_of_one_granule_is_a_region(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, 1);
    uint32_t node = arena_take(&arena, 1);
    assert_layout(&arena, region, 1);
    assert_int_equal(arena_take(&arena, 1), 0);
    arena_free(&arena, node);
    arena_close_sound(&arena);
}

static void largest_free_is_the_longest_of_its_class(void **state) {
    (void)state;
    struct arena arena;
    uint32_t nodes[5], region = arena_open_one(&arena, 3000);
    arena_fill(&arena, region, (const uint32_t[]){ 1020, 1, 1023, 1, 955 }, 5, nodes);
    assert_int_equal(bda_tlsf_largest_free(&arena.tlsf), 0);
    assert_int_equal(bda_tlsf_class_of(1020), bda_tlsf_class_of(1023));
    arena_free(&arena, nodes[4]);
    assert_int_equal(bda_tlsf_largest_free(&arena.tlsf), 955);
    arena_free(&arena, nodes[2]);
    arena_free(&arena, nodes[0]); /* the shorter one stands first */
    assert_int_equal(bda_tlsf_largest_free(&arena.tlsf), 1023);
    arena_free(&arena, nodes[1]);
    assert_int_equal(bda_tlsf_largest_free(&arena.tlsf), 1020 + 1 + 1023);
    arena_close_sound(&arena);
}

/* ---- At a given offset ---- */

static void alloc_at_takes_exactly_what_is_free(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, 100);
    assert_range(&arena, arena_alloc_at(&arena, region, 40, 20), 40, 20);
    assert_layout(&arena, region, -40, 20, -40);
    assert_range(&arena, arena_alloc_at(&arena, region, 0, 40), 0, 40);
    assert_range(&arena, arena_alloc_at(&arena, region, 90, 10), 90, 10);
    assert_layout(&arena, region, 40, 20, -30, 10);
    assert_range(&arena, arena_alloc_at(&arena, region, 60, 30), 60, 30);
    arena_close_sound(&arena);
}

static void alloc_at_refuses_every_overlap(void **state) {
    (void)state;
    static struct bda_tlsf before;
    struct arena arena;
    const uint32_t overlaps[][2] = { { 40, 20 }, { 39, 2 },  { 59, 2 },        { 45, 5 }, { 30, 40 },
                                     { 0, 100 }, { 0, 41 },  { 59, 41 },       { 40, 1 }, { 59, 1 },
                                     { 40, 60 }, { 30, 30 }, { 0, UINT32_MAX } };
    uint32_t region = arena_open_one(&arena, 100);
    assert_range(&arena, arena_alloc_at(&arena, region, 40, 20), 40, 20);
    arena_secure(&arena, BDA_TLSF_NODES_PER_ALLOC);
    memcpy(&before, &arena.tlsf, sizeof before);
    for (uint32_t i = 0; i < COUNT_OF(overlaps); i++)
        assert_int_equal(bda_tlsf_alloc_at(&arena.tlsf, region, overlaps[i][0], overlaps[i][1]), 0);
    assert_memory_equal(&before, &arena.tlsf, sizeof before);
    assert_layout(&arena, region, -40, 20, -40);
    arena_close_sound(&arena);
}

static void alloc_at_refuses_what_reaches_past_the_region(void **state) {
    (void)state;
    struct arena arena;
    const uint32_t beyond[][2] = { { 100, 1 },        { 99, 2 },
                                   { 0, 101 },        { 50, UINT32_MAX },
                                   { 1, UINT32_MAX }, { UINT32_MAX, 1 },
                                   { UINT32_MAX, 2 }, { UINT32_MAX - 50, 100 },
                                   { 0x80000000, 1 }, { UINT32_MAX, UINT32_MAX } };
    uint32_t region = arena_open_one(&arena, 100);
    for (uint32_t i = 0; i < COUNT_OF(beyond); i++)
        assert_int_equal(arena_alloc_at(&arena, region, beyond[i][0], beyond[i][1]), 0);
    assert_layout(&arena, region, -100);
    arena_close_sound(&arena);
}

static void alloc_at_reaches_the_last_granule_of_the_largest_region(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, UINT32_MAX);
    assert_range(&arena, arena_alloc_at(&arena, region, UINT32_MAX - 1, 1), UINT32_MAX - 1, 1);
    assert_int_equal(arena_alloc_at(&arena, region, UINT32_MAX - 1, 1), 0);
    assert_int_equal(arena_alloc_at(&arena, region, UINT32_MAX, 1), 0);
    assert_int_equal(arena_alloc_at(&arena, region, UINT32_MAX - 2, 2), 0);
    assert_int_equal(arena_alloc_at(&arena, region, 1, UINT32_MAX), 0);
    assert_range(&arena, arena_alloc_at(&arena, region, 0, UINT32_MAX - 1), 0, UINT32_MAX - 1);
    arena_close_sound(&arena);
}

/* ---- Spent generations ---- */

/* Wears out the free range that `index` leads to when it is freed. */
static void free_spent(struct arena *arena, uint32_t index) {
    struct bda_node *node = arena_node(arena, index);
    atomic_store(&node->tag, (BDA_GENERATION_SPENT - 1) << 8 | (uint32_t)BDA_NODE_LIVE);
    bda_node_retire(node, BDA_NODE_RETIRED);
    assert_true(bda_node_is_spent(node));
    arena_free(arena, index);
}

/* Frees what is left; a node was lost, and no more than that one. */
static void close_with_one_lost(struct arena *arena, uint32_t lost) {
    arena_free_everything(arena);
    assert_int_equal(bda_node_state(arena_node(arena, lost)), BDA_NODE_UNUSED);
    assert_int_equal(arena_lost_nodes(arena), 1);
    for (uint32_t i = 0; i < arena_region(arena, arena->added[0])->size; i++)
        assert_int_not_equal(arena_take(arena, 1), lost);
    arena_close(arena);
}

/* At the region's start, in its middle and at its end, taken whole and in part: the links around it move to the fresh
 * one. */
static void a_spent_node_is_replaced_when_it_would_be_taken(void **state) {
    (void)state;
    for (uint32_t place = 0; place < 3; place++) {
        for (uint32_t size = 5; size <= 10; size += 5) {
            struct arena arena;
            uint32_t nodes[3], region = arena_open_one(&arena, 30);
            arena_fill(&arena, region, (const uint32_t[]){ 10, 10, 10 }, 3, nodes);
            free_spent(&arena, nodes[place]);
            uint32_t fresh = arena_take(&arena, size);
            assert_range(&arena, fresh, 10 * place, size);
            assert_int_not_equal(fresh, nodes[place]);
            assert_false(bda_node_is_spent(arena_node(&arena, fresh)));
            close_with_one_lost(&arena, nodes[place]);
        }
    }
}

static void a_spent_whole_region_is_replaced(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, 10);
    uint32_t worn = arena_take(&arena, 10);
    free_spent(&arena, worn);
    assert_int_equal(arena_region(&arena, region)->first, worn);
    uint32_t fresh = arena_take(&arena, 10);
    assert_int_not_equal(fresh, worn);
    assert_int_equal(arena_region(&arena, region)->first, fresh);
    close_with_one_lost(&arena, worn);
}

static void a_spent_node_may_stay_as_the_gap_before_an_aligned_range(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, 64);
    uint32_t worn = arena_take(&arena, 64);
    free_spent(&arena, worn);
    uint32_t node = arena_alloc_at(&arena, region, 16, 16);
    assert_range(&arena, node, 16, 16);
    assert_layout(&arena, region, -16, 16, -32);
    assert_int_equal(arena_lost_nodes(&arena), 0);
    arena_free(&arena, node);
    assert_int_not_equal(arena_take(&arena, 64), worn);
    close_with_one_lost(&arena, worn);
}

static void a_spent_node_that_is_absorbed_or_removed_is_lost(void **state) {
    (void)state;
    struct arena arena;
    uint32_t nodes[2], region = arena_open_one(&arena, 20);
    arena_fill(&arena, region, (const uint32_t[]){ 10, 10 }, 2, nodes);
    free_spent(&arena, nodes[1]);
    arena_free(&arena, nodes[0]);
    assert_layout(&arena, region, -20);
    assert_int_equal(arena_lost_nodes(&arena), 1);
    free_spent(&arena, arena_take(&arena, 20));
    arena_remove(&arena, region);
    assert_int_equal(arena_lost_nodes(&arena), 2);
    arena_close(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_is_in_a_class_of_its_neighbours),
        cmocka_unit_test(classes_rise_with_sizes_and_every_member_of_the_class_above_holds_the_size),
        cmocka_unit_test(the_largest_size_is_in_the_last_class),
        cmocka_unit_test(an_empty_tlsf_refuses),
        cmocka_unit_test(alloc_cuts_from_the_front_and_keeps_the_rest),
        cmocka_unit_test(a_live_range_begins_without_slack_and_record),
        cmocka_unit_test(a_reused_node_begins_without_slack_and_record),
        cmocka_unit_test(free_merges_the_left_neighbour),
        cmocka_unit_test(free_merges_the_right_neighbour),
        cmocka_unit_test(free_merges_both_neighbours),
        cmocka_unit_test(free_merges_nothing_between_live_neighbours),
        cmocka_unit_test(free_takes_any_state_and_merges_no_state_but_free),
        cmocka_unit_test(every_order_of_frees_ends_in_one_range),
        cmocka_unit_test(what_lies_before_an_aligned_range_stays_free),
        cmocka_unit_test(an_aligned_range_may_end_with_its_region),
        cmocka_unit_test(one_range_is_decided_exactly_for_every_base_and_alignment),
        cmocka_unit_test(alignments_beyond_the_address_space_of_the_region_are_refused),
        cmocka_unit_test(every_granule_serves),
        cmocka_unit_test(the_only_range_serves_a_request_of_its_own_size),
        cmocka_unit_test(an_exact_fit_is_found_behind_smaller_ranges_of_its_class),
        cmocka_unit_test(the_last_resort_looks_at_few_ranges_however_many_there_are),
        cmocka_unit_test(the_smaller_of_two_fitting_ranges_is_taken),
        cmocka_unit_test(sizes_near_the_last_granule_are_whole_and_refused_in_order),
        cmocka_unit_test(a_padded_size_beyond_32_bits_is_still_served),
        cmocka_unit_test(a_refusal_keeps_its_guarantee_and_changes_nothing),
        cmocka_unit_test(regions_come_and_go),
        cmocka_unit_test(neighbouring_regions_never_merge),
        cmocka_unit_test(empty_regions_are_counted_through_every_change),
        cmocka_unit_test(a_region_of_one_granule_is_a_region),
        cmocka_unit_test(largest_free_is_the_longest_of_its_class),
        cmocka_unit_test(alloc_at_takes_exactly_what_is_free),
        cmocka_unit_test(alloc_at_refuses_every_overlap),
        cmocka_unit_test(alloc_at_refuses_what_reaches_past_the_region),
        cmocka_unit_test(alloc_at_reaches_the_last_granule_of_the_largest_region),
        cmocka_unit_test(a_spent_node_is_replaced_when_it_would_be_taken),
        cmocka_unit_test(a_spent_whole_region_is_replaced),
        cmocka_unit_test(a_spent_node_may_stay_as_the_gap_before_an_aligned_range),
        cmocka_unit_test(a_spent_node_that_is_absorbed_or_removed_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
