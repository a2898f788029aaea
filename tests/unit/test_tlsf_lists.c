/*
 * core/tlsf.h: in which order free ranges are found: near ones by class, large ones by zone. A list knows the size of
 * its first range; a search looks at few ranges, however many there are. How few, the tests ask tlsf.h.
 */
#include "tlsf_support.h"

/* Which of the holes serves a request in a fresh arena; and again with all of them a granule further on, since what is
 * first in its region takes another path. */
static void assert_served_at(uint32_t region_size, const struct hole *holes, uint32_t count, uint32_t size,
                             uint32_t offset) {
    struct hole shifted[8];
    assert_in_range(count, 1, COUNT_OF(shifted));
    for (uint32_t shift = 0; shift < 2; shift++) {
        struct arena arena;
        for (uint32_t i = 0; i < count; i++)
            shifted[i] = (struct hole){ holes[i].offset + shift, holes[i].size };
        open_with_holes(&arena, region_size, shifted, count);
        assert_taken(&arena, arena_take(&arena, size), offset + shift, size);
        arena_close_sound(&arena);
    }
}

#define assert_served(region_size, size, offset, ...)                                                                  \
    assert_served_at(region_size, (const struct hole[]){ __VA_ARGS__ },                                                \
                     COUNT_OF(((const struct hole[]){ __VA_ARGS__ })), size, offset)

/* ---- Which range is found ---- */

/* The lower the zone, the larger the hole; and none of them is near. */
static void a_request_that_breaks_a_large_range_breaks_the_one_in_the_lowest_zone(void **state) {
    (void)state;
    const struct hole far[] = { { 10, 100 }, { 140, 90 }, { 270, 80 }, { 520, 70 } };
    assert_true(list_of(16, 0) / 64 < list_of(70, 0) / 64);
    for (uint32_t low = 0; low < 4; low++) {
        assert_served_at(1024, far + low, 4 - low, 5, far[low].offset);
        assert_served_at(1024, far + low, 4 - low, 16, far[low].offset);
    }
}

static void within_a_zone_the_smallest_class_that_surely_holds_the_size_is_broken(void **state) {
    (void)state;
    assert_served(1024, 5, 120, { 10, 100 }, { 120, 40 });
    assert_served(1024, 5, 10, { 10, 40 }, { 120, 100 });
    assert_served(1024, 41, 120, { 10, 40 }, { 120, 100 }, { 600, 300 });
}

static void a_zone_without_a_fitting_range_is_passed_over(void **state) {
    (void)state;
    assert_served(1024, 30, 600, { 0, 20 }, { 600, 200 });
    assert_served(1024, 30, 300, { 0, 29 }, { 140, 20 }, { 300, 200 }, { 600, 100 });
}

/* For what is larger than BDA_TLSF_SMALL: classes are 512 wide from 8192 on, and near up to 16383. */
static void a_range_that_fits_well_is_taken_before_a_large_one_in_a_lower_zone(void **state) {
    (void)state;
    enum { BIG = 2 * BDA_TLSF_SMALL, WIDTH = BIG / BDA_TLSF_CLASSES, REGION = 1 << 20, HIGH = 900000 };
    for (uint32_t above = 0; above < BDA_TLSF_CLASSES; above++)
        assert_served(REGION, BIG, HIGH, { 0, 2 * BIG }, { HIGH, BIG + above * WIDTH });
    assert_served(REGION, BIG, 0, { 0, 3 * BIG }, { HIGH, BIG + BDA_TLSF_CLASSES * WIDTH });
}

static void of_ranges_that_fit_well_the_smallest_class_comes_first_then_the_lowest_zone(void **state) {
    (void)state;
    enum { BIG = 2 * BDA_TLSF_SMALL, WIDTH = BIG / BDA_TLSF_CLASSES, REGION = 1 << 20, HIGH = 900000 };
    assert_served(REGION, BIG, HIGH, { 0, BIG + WIDTH }, { HIGH, BIG });
    assert_served(REGION, BIG, HIGH, { 0, BIG + 2 * WIDTH }, { HIGH, BIG + WIDTH });
    assert_served(REGION, BIG, 0, { 0, BIG + WIDTH }, { HIGH, BIG + 2 * WIDTH });
    assert_served(REGION, BIG, 140000, { 140000, BIG + WIDTH }, { HIGH, BIG + WIDTH });
    assert_served(REGION, BIG, 0, { 0, BIG + WIDTH }, { 140000, BIG + WIDTH }, { HIGH, BIG + WIDTH });
}

/* Wherever a range of its size may be free: a near one of the lowest zone first, then one to break there, then the
 * others, as for what is larger. */
static void what_is_small_gathers_in_the_lowest_zone(void **state) {
    (void)state;
    assert_served(1024, 16, 0, { 0, 17 }, { 900, 16 });
    assert_served(1024, 16, 0, { 0, 100 }, { 900, 16 });
    assert_served(1024, 16, 40, { 0, 17 }, { 40, 16 }, { 900, 16 });
    assert_served(1024, 16, 900, { 0, 15 }, { 900, 16 });
    assert_served(1024, 16, 900, { 140, 17 }, { 900, 16 });
    assert_served(1024, 16, 140, { 140, 17 }, { 900, 17 });
    assert_served(1024, 16, 140, { 140, 100 }, { 900, 32 });
}

/* Sizes 128 to 131 share a class: its first ranges may be too small, in one zone or in several. */
static void ranges_of_the_right_class_but_too_small_are_passed_over(void **state) {
    (void)state;
    assert_int_equal(bda_tlsf_class_of(128), bda_tlsf_class_of(131));
    assert_served(4096, 131, 600, { 0, 130 }, { 600, 131 });
    assert_served(4096, 131, 1100, { 0, 130 }, { 600, 128 }, { 1100, 131 });
    assert_served(4096, 131, 2100, { 0, 130 }, { 600, 128 }, { 1100, 129 }, { 2100, 131 });
    assert_served(4096, 131, 2500, { 0, 130 }, { 600, 128 }, { 1100, 129 }, { 2100, 128 }, { 2500, 140 });
    assert_served(4096, 129, 0, { 0, 130 }, { 600, 129 });
}

/* What only the last resort finds: behind the first range of its list, in a list behind others, and far above the
 * class of the size, but at the right place. Ranges of smaller classes cost it nothing. */
static void a_range_that_no_list_promises_is_found_all_the_same(void **state) {
    (void)state;
    struct arena arena;
    assert_int_equal(bda_tlsf_class_of(136), bda_tlsf_class_of(143));
    assert_int_equal(list_of(135, 0) / 64, list_of(136, 0) / 64);
    assert_served(4096, 143, 300, { 0, 142 }, { 300, 143 });
    assert_served(4096, 143, 900, { 0, 142 }, { 600, 142 }, { 900, 143 });
    assert_served(8192, 143, 900, { 0, 135 }, { 150, 135 }, { 300, 135 }, { 450, 135 }, { 600, 135 }, { 750, 142 },
                  { 900, 143 });
    open_with_holes(&arena, 4096, (const struct hole[]){ { 10, 16 }, { 1024, 100 } }, 2);
    assert_range(&arena, arena_alloc(&arena, 16, 1024 * GRANULE), 1024, 16);
    arena_close_sound(&arena);
}

/* Where no alignment is in the way and the range is not the first of its region; what is asked for by its place is cut
 * exactly. */
static void a_rest_that_is_not_worth_a_cut_goes_with_the_range(void **state) {
    (void)state;
    const uint32_t sizes[] = { 1, 31, 32, 100, 1000, 32 * BDA_TLSF_SLIVER_MOST, 64 * BDA_TLSF_SLIVER_MOST };
    for (uint32_t i = 0; i < COUNT_OF(sizes); i++)
        for (uint32_t more = 0; more < 2; more++) {
            struct arena arena;
            uint32_t size = sizes[i], sliver = bda_tlsf_sliver(size);
            assert_int_equal(sliver, size / 32 < BDA_TLSF_SLIVER_MOST ? size / 32 : BDA_TLSF_SLIVER_MOST);
            const struct hole hole = { 1, size + sliver + more };
            uint32_t region = open_with_holes(&arena, 3 * size + 10, &hole, 1);
            uint32_t node = arena_take(&arena, size);
            assert_range(&arena, node, 1, size + (more != 0 ? 0 : sliver));
            assert_int_equal(arena.tlsf.free_granules, more != 0 ? sliver + 1 : 0);
            arena_free(&arena, node);
            assert_int_equal(arena.tlsf.free_granules, hole.size);
            assert_range(&arena, arena_alloc_at(&arena, region, 1, size), 1, size);
            arena_close_sound(&arena);
        }
}

/* Guards against "no space" while there is: the class above the size is empty, the range in its own class fits. */
static void the_only_range_serves_a_request_of_its_own_size(void **state) {
    (void)state;
    for (uint32_t exponent = 0; exponent < 32; exponent++)
        for (uint32_t within = 0; within < BDA_TLSF_CLASSES; within += 5)
            for (uint32_t step = 0; step < 3; step++) {
                struct arena arena;
                const uint64_t nothing[BDA_TLSF_WORDS] = { 0 };
                uint64_t size = ((uint64_t)1 << exponent) + ((uint64_t)within << exponent >> BDA_TLSF_CLASSES_LOG2);
                size = size + step < 2 ? 1 : size + step - 1;
                arena_open_one(&arena, (uint32_t)size);
                assert_range(&arena, arena_take(&arena, (uint32_t)size), 0, (uint32_t)size);
                assert_memory_equal(arena.tlsf.filled, nothing, sizeof nothing);
                arena_close_sound(&arena);
            }
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

/* ---- What a list knows of its first range ---- */

static void assert_first_of_list(struct arena *arena, uint32_t list, uint32_t offset, uint32_t size) {
    uint32_t first = arena->tlsf.lists[list].first;
    assert_int_not_equal(first, 0);
    assert_int_equal(arena_node(arena, first)->offset, offset);
    assert_int_equal(arena->tlsf.lists[list].size, size);
    assert_arena_is_sound(arena);
}

/* One hole of 131 shrinks to 128 from its front and grows back, all within a class and a zone. What it was is not what
 * it is taken for. */
static void a_range_that_changes_in_place_is_known_by_its_new_size(void **state) {
    (void)state;
    struct arena arena;
    uint32_t cuts[3], list = list_of(131, 0);
    uint32_t region = open_with_holes(&arena, 4096, &(const struct hole){ 100, 131 }, 1);
    assert_first_of_list(&arena, list, 100, 131);
    for (uint32_t i = 0; i < 3; i++) {
        cuts[i] = arena_alloc_at(&arena, region, 100 + i, 1);
        assert_first_of_list(&arena, list, 101 + i, 130 - i);
        assert_int_equal(arena_take(&arena, 131 - i), 0);
    }
    for (uint32_t i = 3; i-- > 0;) { /* each merges into the hole behind it */
        arena_free(&arena, cuts[i]);
        assert_first_of_list(&arena, list, 100 + i, 131 - i);
    }
    assert_range(&arena, arena_take(&arena, 131), 100, 131);
    arena_close_sound(&arena);
}

/* The same at its end, where what is freed merges into the hole in front. */
static void a_range_that_grows_at_its_end_is_known_by_its_new_size(void **state) {
    (void)state;
    struct arena arena;
    uint32_t nodes[3], list = list_of(128, 0);
    uint32_t region = open_with_holes(&arena, 4096, &(const struct hole){ 100, 131 }, 1);
    for (uint32_t i = 0; i < 3; i++)
        nodes[i] = arena_alloc_at(&arena, region, 230 - i, 1);
    for (uint32_t i = 3; i-- > 0;) {
        assert_first_of_list(&arena, list, 100, 130 - i);
        arena_free(&arena, nodes[i]);
    }
    assert_first_of_list(&arena, list, 100, 131);
    assert_range(&arena, arena_take(&arena, 131), 100, 131);
    arena_close_sound(&arena);
}

/* The second hole shrinks and grows where it lies, at its front and at its end. */
static void a_list_does_not_take_another_for_its_first_range(void **state) {
    (void)state;
    struct arena arena;
    uint32_t list = list_of(128, 0);
    const struct hole holes[] = { { 0, 130 }, { 200, 131 } };
    uint32_t region = open_with_holes(&arena, 4096, holes, 2);
    uint32_t front = arena_alloc_at(&arena, region, 200, 1);
    assert_first_of_list(&arena, list, 0, 130);
    arena_free(&arena, front);
    assert_first_of_list(&arena, list, 0, 130);
    uint32_t end = arena_alloc_at(&arena, region, 330, 1);
    assert_first_of_list(&arena, list, 200, 130); /* what lies before a range gets a node of its own */
    arena_free(&arena, arena_alloc_at(&arena, region, 0, 130));
    assert_first_of_list(&arena, list, 0, 130);
    arena_free(&arena, end);
    assert_first_of_list(&arena, list, 0, 130);
    arena_close_sound(&arena);
}

static void the_next_range_becomes_the_first_of_its_list(void **state) {
    (void)state;
    struct arena arena;
    uint32_t list = list_of(128, 0);
    const struct hole holes[] = { { 0, 130 }, { 200, 131 } };
    uint32_t region = open_with_holes(&arena, 4096, holes, 2);
    uint32_t taken = arena_alloc_at(&arena, region, 0, 130);
    assert_first_of_list(&arena, list, 200, 131);
    arena_free(&arena, taken);
    assert_first_of_list(&arena, list, 0, 130);
    assert_int_not_equal(arena_alloc_at(&arena, region, 0, 100), 0); /* the first one leaves for another list */
    assert_first_of_list(&arena, list, 200, 131);
    assert_first_of_list(&arena, list_of(30, 0), 100, 30);
    arena_close_sound(&arena);
}

/* ---- Refusals ---- */

enum { HOLES = 1000, STRIDE = 132 };

/* Holes of `size` granules at odd offsets, with a taken one before each. */
static void many_holes(struct hole *holes, uint32_t count, uint32_t size) {
    for (uint32_t i = 0; i < count; i++)
        holes[i] = (struct hole){ i * STRIDE + 1, size };
}

/* Whatever is asked for: a granule more than each of them holds, or than it holds at an even place. */
static void a_refusal_over_a_thousand_holes_of_its_class_changes_nothing(void **state) {
    (void)state;
    static struct arena_picture before;
    static struct hole holes[HOLES];
    struct arena arena;
    const struct {
        uint32_t size;
        uint64_t alignment;
    } requests[] = { { 131, 1 },        { 132, 1 },      { 130, 2 },        { 128, 4 },
                     { 128, 1u << 31 }, { 1u << 20, 1 }, { UINT32_MAX, 1 }, { UINT32_MAX, (uint64_t)1 << 59 } };
    assert_int_equal(bda_tlsf_class_of(130), bda_tlsf_class_of(131));
    many_holes(holes, HOLES, 130);
    open_with_holes(&arena, HOLES * STRIDE, holes, HOLES);
    for (uint32_t i = 0; i < COUNT_OF(requests); i++) {
        arena_secure(&arena, BDA_TLSF_NODES_PER_ALLOC);
        arena_take_picture(&arena, &before);
        assert_int_equal(tlsf_take(&arena.tlsf, requests[i].size, requests[i].alignment * GRANULE), 0);
        assert_arena_is_as_in(&arena, &before);
    }
    arena_close_sound(&arena);
}

/* `before` holes too small stand first in the list of the lowest zone, one stands first in each of the others, and
 * behind them everywhere are holes that fit. */
static uint32_t take_behind(struct arena *arena, uint32_t before) {
    static struct hole holes[HOLES];
    many_holes(holes, HOLES, 131);
    for (uint32_t i = 0; i < before; i++)
        holes[i].size = 130;
    for (uint32_t i = 0, zone = 0; i < HOLES; i++) {
        uint32_t lies_in = naive_zone(holes[i].offset, HOLES * STRIDE);
        if (lies_in != zone)
            holes[i].size = 130;
        zone = lies_in;
    }
    open_with_holes(arena, HOLES * STRIDE, holes, HOLES);
    return arena_take(arena, 131);
}

static void a_refusal_looks_at_no_more_ranges_than_it_says(void **state) {
    (void)state;
    struct arena arena;
    uint32_t served = BDA_TLSF_EXACT_TRIES - 1;
    assert_range(&arena, take_behind(&arena, served), served * STRIDE + 1, 131);
    arena_close_sound(&arena);
    for (uint32_t before = BDA_TLSF_EXACT_TRIES; before < BDA_TLSF_EXACT_TRIES + 3; before++) {
        assert_int_equal(take_behind(&arena, before), 0);
        assert_int_not_equal(arena_alloc_at(&arena, arena.added[0], before * STRIDE + 1, 131), 0); /* it was there */
        arena_close_sound(&arena);
    }
}

/* The longest of all stands at place `place` of a list that is longer than what is compared. */
static uint32_t largest_with_longest_at(uint32_t place) {
    enum { COUNT = BDA_TLSF_LARGEST_TRIES + 10 };
    static struct hole holes[COUNT];
    struct arena arena;
    many_holes(holes, COUNT, 130);
    holes[place].size = 131;
    open_with_holes(&arena, 16 * COUNT * STRIDE, holes, COUNT); /* all in the lowest zone */
    assert_int_equal(arena.tlsf.lists[list_of(131, 0)].size, holes[0].size);
    uint32_t largest = bda_tlsf_largest_free(&arena.tlsf);
    arena_close_sound(&arena);
    return largest;
}

static void the_longest_range_is_told_of_as_many_as_are_compared(void **state) {
    (void)state;
    assert_int_equal(largest_with_longest_at(0), 131);
    assert_int_equal(largest_with_longest_at(BDA_TLSF_LARGEST_TRIES - 1), 131);
    assert_int_equal(largest_with_longest_at(BDA_TLSF_LARGEST_TRIES), 130);
}

/* What does not gather in the lowest zone. */
enum { NOT_SMALL = 2 * BDA_TLSF_SMALL };

/* `before` lists hold a range that is long enough but lies wrong for the alignment; the one behind them lies right. */
static uint32_t take_aligned_behind(struct arena *arena, uint32_t before) {
    enum { SIZE = NOT_SMALL, PLACE = 4 * SIZE, REGION = 64 * PLACE, WIDTH = SIZE / BDA_TLSF_CLASSES };
    const uint32_t zones[] = { 0, REGION / 8, REGION / 4, REGION / 2 };
    struct hole holes[BDA_TLSF_NEAR_TRIES + 1];
    uint32_t count = 0;
    assert_in_range(before / 4, 0, BDA_TLSF_CLASSES - 1);
    for (uint32_t zone = 0; zone < 4; zone++)
        for (uint32_t i = zone; i <= before; i += 4)
            holes[count++] = (struct hole){ zones[zone] + i / 4 * PLACE + (i != before), SIZE + i / 4 * WIDTH };
    open_with_holes(arena, REGION, holes, count);
    return arena_alloc(arena, SIZE, SIZE * GRANULE);
}

static void an_aligned_request_looks_into_no_more_lists_than_it_says(void **state) {
    (void)state;
    struct arena arena;
    for (uint32_t before = 0; before < BDA_TLSF_NEAR_TRIES; before++) {
        uint32_t node = take_aligned_behind(&arena, before);
        assert_int_not_equal(node, 0);
        assert_int_equal(arena_node(&arena, node)->offset % NOT_SMALL, 0);
        assert_arena_is_sound(&arena);
        arena_close_sound(&arena);
    }
    assert_int_equal(take_aligned_behind(&arena, BDA_TLSF_NEAR_TRIES), 0);
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
        index = bda_node_next(node);
    }
    return false;
}

/* Gaps of growing sizes at odd places: for every size and alignment, a refusal keeps the promise and changes nothing.
 */
static void a_refusal_keeps_its_guarantee_and_changes_nothing(void **state) {
    (void)state;
    static struct arena_picture before;
    struct arena arena;
    uint32_t offset = 0, refused = 0;
    arena_open(&arena, GRANULE_LOG2);
    uint32_t region = arena_add(&arena, 0x1230, 40 * 41 / 2 * 3 + 40);
    for (uint32_t gap = 1; gap <= 40; offset += gap * 3 + 1, gap++)
        assert_true(arena_alloc_at(&arena, region, offset + gap * 3, 1) != 0);
    for (uint32_t size = 1; size < 130; size++) {
        for (uint64_t alignment = GRANULE; alignment <= 1u << 14; alignment *= 2) {
            arena_secure(&arena, BDA_TLSF_NODES_PER_ALLOC);
            arena_take_picture(&arena, &before);
            uint32_t node = tlsf_take(&arena.tlsf, size, alignment);
            refused += node == 0;
            if (node != 0) {
                arena_free(&arena, node);
                continue;
            }
            assert_arena_is_as_in(&arena, &before);
            assert_false(guaranteed(&arena, size, alignment));
        }
        assert_arena_is_sound(&arena);
    }
    assert_in_range(refused, 100, 129 * 11 - 100); /* both answers were seen */
    arena_close_sound(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_breaks_a_large_range_breaks_the_one_in_the_lowest_zone),
        cmocka_unit_test(within_a_zone_the_smallest_class_that_surely_holds_the_size_is_broken),
        cmocka_unit_test(a_zone_without_a_fitting_range_is_passed_over),
        cmocka_unit_test(a_range_that_fits_well_is_taken_before_a_large_one_in_a_lower_zone),
        cmocka_unit_test(of_ranges_that_fit_well_the_smallest_class_comes_first_then_the_lowest_zone),
        cmocka_unit_test(what_is_small_gathers_in_the_lowest_zone),
        cmocka_unit_test(ranges_of_the_right_class_but_too_small_are_passed_over),
        cmocka_unit_test(a_range_that_no_list_promises_is_found_all_the_same),
        cmocka_unit_test(a_rest_that_is_not_worth_a_cut_goes_with_the_range),
        cmocka_unit_test(the_only_range_serves_a_request_of_its_own_size),
        cmocka_unit_test(sizes_near_the_last_granule_are_whole_and_refused_in_order),
        cmocka_unit_test(a_padded_size_beyond_32_bits_is_still_served),
        cmocka_unit_test(a_range_that_changes_in_place_is_known_by_its_new_size),
        cmocka_unit_test(a_range_that_grows_at_its_end_is_known_by_its_new_size),
        cmocka_unit_test(a_list_does_not_take_another_for_its_first_range),
        cmocka_unit_test(the_next_range_becomes_the_first_of_its_list),
        cmocka_unit_test(a_refusal_over_a_thousand_holes_of_its_class_changes_nothing),
        cmocka_unit_test(a_refusal_looks_at_no_more_ranges_than_it_says),
        cmocka_unit_test(the_longest_range_is_told_of_as_many_as_are_compared),
        cmocka_unit_test(an_aligned_request_looks_into_no_more_lists_than_it_says),
        cmocka_unit_test(a_refusal_keeps_its_guarantee_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
