/* core/tlsf.h: classes, cutting and merging, alignment, regions. The search is in test_tlsf_lists.c, what happens at
 * the ends of regions and of generations in test_tlsf_ends.c. */
#include "core_support.h"

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
    assert_range(&arena, arena_take(&arena, 39), 30, 39);
    assert_range(&arena, arena_take(&arena, 30), 69, 30);
    assert_layout(&arena, region, 30, 39, 30, -1); /* a granule is the smallest remainder kept */
    assert_range(&arena, arena_take(&arena, 1), 99, 1);
    assert_int_equal(arena.tlsf.free_granules, 0);
    assert_int_equal(arena_take(&arena, 1), 0);
    arena_close_sound(&arena);
}

/* A range that is cut often stays where it is: in its node, and mostly in its list. */
static void the_rest_of_a_cut_range_keeps_its_node(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, 100);
    uint32_t rest = arena_region(&arena, region)->first;
    for (uint32_t taken = 1; taken < 100; taken++) {
        assert_range(&arena, arena_take(&arena, 1), taken - 1, 1);
        assert_int_equal(bda_node_state(arena_node(&arena, rest)), BDA_NODE_FREE);
        assert_int_equal(arena_node(&arena, rest)->offset, taken);
    }
    assert_int_equal(arena_take(&arena, 1), rest); /* the last one is the rest itself */
    arena_close_sound(&arena);
}

/* Whoever has no lock sees that the rest of it is not written yet: of what is cut off, and of what goes whole, the last
 * of its region and another. */
static void what_is_handed_out_has_a_slack_that_nobody_knows(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, 100), nodes[4];
    arena_fill(&arena, region, (const uint32_t[]){ 30, 30, 30, 10 }, 4, nodes);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(bda_node_slack(arena_node(&arena, nodes[i])), BDA_SLACK_UNKNOWN);
    bda_node_set_slack(arena_node(&arena, nodes[1]), 5);
    arena_free(&arena, nodes[1]);
    assert_int_equal(arena_take(&arena, 30), nodes[1]);
    assert_int_equal(bda_node_slack(arena_node(&arena, nodes[1])), BDA_SLACK_UNKNOWN);
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

/* Of the free neighbours the one in front keeps its node, so that it need not leave the list that it is in. */
static void a_merged_range_keeps_the_node_of_a_free_neighbour(void **state) {
    (void)state;
    const struct {
        bool front, back;
        uint32_t kept;
    } cases[] = { { true, false, 0 }, { false, true, 2 }, { true, true, 0 }, { false, false, 1 } };
    for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena;
        uint32_t nodes[5], region = arena_open_one(&arena, 50);
        arena_fill(&arena, region, (const uint32_t[]){ 10, 10, 10, 10, 10 }, 5, nodes);
        if (cases[i].front)
            arena_free(&arena, nodes[1]);
        if (cases[i].back)
            arena_free(&arena, nodes[3]);
        arena_free(&arena, nodes[2]);
        struct bda_node *kept = arena_node(&arena, nodes[1 + cases[i].kept]);
        assert_int_equal(bda_node_state(kept), BDA_NODE_FREE);
        assert_int_equal(kept->offset, cases[i].front ? 10 : 20);
        assert_int_equal(kept->size, 10 + 10 * cases[i].front + 10 * cases[i].back);
        arena_close_sound(&arena);
    }
}

/* Three in a row whose outer two follow each other in one list, which has other members around them. */
static void neighbours_in_space_may_be_neighbours_in_their_list(void **state) {
    (void)state;
    const uint32_t orders[][4] = { { 1, 3, 5, 7 }, { 7, 5, 3, 1 }, { 1, 5, 3, 7 }, { 3, 5, 1, 7 }, { 1, 7, 5, 3 } };
    for (uint32_t order = 0; order < COUNT_OF(orders); order++)
        for (uint32_t middle = 2; middle <= 6; middle += 2) {
            struct arena arena;
            uint32_t nodes[9], region = arena_open_one(&arena, 4096);
            arena_fill(&arena, region, (const uint32_t[]){ 9, 1, 2, 1, 2, 1, 2, 1, 9 }, 9, nodes);
            for (uint32_t i = 0; i < 4; i++)
                arena_free(&arena, nodes[orders[order][i]]);
            arena_free(&arena, nodes[middle]);
            assert_links_are_true(&arena, region);
            assert_range(&arena, arena_take(&arena, 4), 9 + (middle - 2) / 2 * 3, 4);
            arena_close_sound(&arena);
        }
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

/* The `order`th of all orders of five things. */
static void order_five(uint32_t order, uint32_t *out) {
    uint32_t left[5] = { 0, 1, 2, 3, 4 };
    for (uint32_t count = 5; count != 0; count--) {
        uint32_t chosen = order % count;
        order /= count;
        *out++ = left[chosen];
        left[chosen] = left[count - 1];
    }
}

/* All orders of freeing five neighbours end in the one range that there was, in as many nodes; all orders of taking
 * them end in the five; and whichever of them are free, their neighbours know. */
static void links_are_true_through_every_order_of_frees_and_takes(void **state) {
    (void)state;
    struct arena arena;
    const uint32_t sizes[] = { 1, 2, 3, 4, 5 }, offsets[] = { 0, 1, 3, 6, 10 };
    uint32_t nodes[5], turns[5], region = arena_open_one(&arena, 15);
    for (uint32_t order = 0; order < 5 * 4 * 3 * 2; order++) {
        order_five(order, turns);
        for (uint32_t i = 0; i < 5; i++) {
            nodes[turns[i]] = arena_alloc_at(&arena, region, offsets[turns[i]], sizes[turns[i]]);
            assert_range(&arena, nodes[turns[i]], offsets[turns[i]], sizes[turns[i]]);
            assert_links_are_true(&arena, region);
        }
        assert_layout(&arena, region, 1, 2, 3, 4, 5);
        order_five(order * 7 % 120, turns); /* 7 and 120 have no common factor: every order of frees, too */
        for (uint32_t i = 0; i < 5; i++) {
            arena_free(&arena, nodes[turns[i]]);
            assert_arena_is_sound(&arena);
            assert_links_are_true(&arena, region);
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
        for (uint32_t i = 0; i < 4; i++, arena_take(&arena, 2)) /* first in the region, then not */
            assert_int_equal(arena_address(&arena, arena_alloc(&arena, 1, 2 * granule)) % (2 * granule), 0);
        arena_close_sound(&arena);
    }
}

/* Bases whose lowest bits differ: an alignment may hold for the offsets of one region and not of the other, and a range
 * that is near may lie in either. */
static void regions_with_different_bases_keep_every_alignment(void **state) {
    (void)state;
    struct arena arena;
    uint64_t seed = 1;
    uint32_t refused = 0;
    arena_open(&arena, GRANULE_LOG2);
    const uint64_t bases[] = { 0x10000, 0x20040, 0xFFFFF80000000080, 0x7000, 0x90010 };
    for (uint32_t i = 0; i < COUNT_OF(bases); i++)
        arena_add(&arena, bases[i], 400);
    for (uint32_t step = 0; step < 3000; step++) {
        uint64_t alignment = (uint64_t)GRANULE << random_below(&seed, 9);
        uint32_t node = arena_alloc(&arena, 1 + random_below(&seed, 20), alignment);
        assert_true(node == 0 || arena_address(&arena, node) % alignment == 0);
        refused += node == 0;
        for (uint32_t taken; node == 0 && random_below(&seed, 8) != 0;) { /* makes room, here and there */
            taken = arena_first_taken(&arena, arena.added[random_below(&seed, arena.count)]);
            if (taken != 0)
                arena_free(&arena, taken);
        }
        assert_arena_is_sound(&arena);
    }
    assert_in_range(refused, 100, 2900);
    arena_close_sound(&arena);
}

/* What is known of the bases is all the bits there ever were: a region that is gone makes no alignment wrong. */
static void alignments_hold_after_an_odd_region_is_gone(void **state) {
    (void)state;
    struct arena arena;
    uint32_t even = arena_open_one(&arena, 100);
    arena_remove(&arena, arena_add(&arena, 0x10, 50));
    assert_range(&arena, arena_take(&arena, 1), 0, 1);
    assert_range(&arena, arena_alloc(&arena, 8, 256), 16, 8);
    assert_layout(&arena, even, 1, -15, 8, -76);
    assert_int_equal(arena_alloc(&arena, 69, 256), 0);
    assert_range(&arena, arena_alloc(&arena, 68, 256), 32, 68);
    arena_free_everything(&arena);
    arena_remove(&arena, even);
    assert_int_equal(arena.tlsf.bases, 0); /* nothing is left to be careful of */
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_is_in_a_class_of_its_neighbours),
        cmocka_unit_test(classes_rise_with_sizes_and_every_member_of_the_class_above_holds_the_size),
        cmocka_unit_test(the_largest_size_is_in_the_last_class),
        cmocka_unit_test(an_empty_tlsf_refuses),
        cmocka_unit_test(alloc_cuts_from_the_front_and_keeps_the_rest),
        cmocka_unit_test(the_rest_of_a_cut_range_keeps_its_node),
        cmocka_unit_test(what_is_handed_out_has_a_slack_that_nobody_knows),
        cmocka_unit_test(free_merges_the_left_neighbour),
        cmocka_unit_test(free_merges_the_right_neighbour),
        cmocka_unit_test(free_merges_both_neighbours),
        cmocka_unit_test(free_merges_nothing_between_live_neighbours),
        cmocka_unit_test(a_merged_range_keeps_the_node_of_a_free_neighbour),
        cmocka_unit_test(neighbours_in_space_may_be_neighbours_in_their_list),
        cmocka_unit_test(free_takes_any_state_and_merges_no_state_but_free),
        cmocka_unit_test(links_are_true_through_every_order_of_frees_and_takes),
        cmocka_unit_test(what_lies_before_an_aligned_range_stays_free),
        cmocka_unit_test(an_aligned_range_may_end_with_its_region),
        cmocka_unit_test(one_range_is_decided_exactly_for_every_base_and_alignment),
        cmocka_unit_test(alignments_beyond_the_address_space_of_the_region_are_refused),
        cmocka_unit_test(every_granule_serves),
        cmocka_unit_test(regions_with_different_bases_keep_every_alignment),
        cmocka_unit_test(alignments_hold_after_an_odd_region_is_gone),
        cmocka_unit_test(regions_come_and_go),
        cmocka_unit_test(neighbouring_regions_never_merge),
        cmocka_unit_test(empty_regions_are_counted_through_every_change),
        cmocka_unit_test(a_region_of_one_granule_is_a_region),
        cmocka_unit_test(largest_free_is_the_longest_of_its_class),
        cmocka_unit_test(alloc_at_takes_exactly_what_is_free),
        cmocka_unit_test(alloc_at_refuses_every_overlap),
        cmocka_unit_test(alloc_at_refuses_what_reaches_past_the_region),
        cmocka_unit_test(alloc_at_reaches_the_last_granule_of_the_largest_region),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
