/*
 * core/tlsf.h: the zones of free ranges, which are parts of all granules, and the bitmaps that lead to a list by class
 * and by zone.
 */
#include "tlsf_support.h"

static uint32_t zone_of(struct arena *arena, uint32_t node) {
    return bda_node_zone(arena_node(arena, node));
}

/* The zone of one granule that is taken from the middle of a whole. */
static uint32_t zone_of_position(uint64_t position, uint32_t granules) {
    struct arena arena;
    uint32_t region = arena_open_one(&arena, granules);
    uint32_t zone = zone_of(&arena, arena_alloc_at(&arena, region, (uint32_t)position, 1));
    arena_close_sound(&arena);
    return zone;
}

static void zones_are_the_first_eighth_up_to_a_quarter_up_to_a_half_and_the_rest(void **state) {
    (void)state;
    const uint32_t sizes[] = { 1, 2, 7, 8, 9, 15, 16, 17, 100, 1023, 1024, 1025, 1u << 20, 0x80000000, UINT32_MAX };
    for (uint32_t i = 0; i < COUNT_OF(sizes); i++) {
        uint64_t eighth = naive_eighth(sizes[i]);
        const uint64_t positions[] = { 0,          eighth - 1,     eighth,     2 * eighth - 1, 2 * eighth,
                                       4 * eighth, 4 * eighth - 1, 8 * eighth, sizes[i] - 1 };
        for (uint32_t j = 0; j < COUNT_OF(positions); j++)
            if (positions[j] < sizes[i])
                assert_int_equal(zone_of_position(positions[j], sizes[i]), naive_zone(positions[j], sizes[i]));
    }
}

static void assert_zones_are_those_of_positions(struct arena *arena) {
    for (uint32_t i = 0; i < arena->count; i++) {
        struct bda_region *region = arena_region(arena, arena->added[i]);
        for (uint32_t index = region->first; index != 0; index = bda_node_next(arena_node(arena, index))) {
            uint64_t position = region->start + arena_node(arena, index)->offset;
            assert_int_equal(zone_of(arena, index), naive_zone(position, arena->tlsf.granules));
        }
    }
}

/* One range grows and shrinks at both ends through all the zones. */
static void a_range_that_is_cut_and_merged_lies_in_the_zone_it_begins_in(void **state) {
    (void)state;
    enum { SIZE = 64 };
    struct arena arena;
    uint32_t nodes[SIZE], region = arena_open_one(&arena, SIZE);
    for (uint32_t i = 0; i < SIZE; i++) {
        nodes[i] = arena_take(&arena, 1);
        assert_zones_are_those_of_positions(&arena);
    }
    for (uint32_t i = SIZE; i-- > 0;) { /* each merges into the one behind it */
        arena_free(&arena, nodes[i]);
        assert_zones_are_those_of_positions(&arena);
    }
    for (uint32_t i = SIZE; i-- > 0;)
        nodes[i] = arena_alloc_at(&arena, region, i, 1);
    for (uint32_t i = 0; i < SIZE; i++) { /* each merges into the one before it */
        arena_free(&arena, nodes[i]);
        assert_zones_are_those_of_positions(&arena);
    }
    assert_arena_is_sound(&arena);
    arena_close_sound(&arena);
}

/* The second region begins where the first one ends. Its size is that of the first: where a power of two of granules is
 * reached, what lay in a zone before lies in another one. */
static void every_range_of_a_long_life_lies_in_the_zone_it_begins_in(void **state) {
    (void)state;
    struct arena arena;
    uint64_t seed = 2;
    bool filling = true;
    arena_open_one(&arena, 1024);
    arena_add(&arena, 0x12340, 1024);
    for (uint32_t step = 0; step < 5000; step++) {
        live_a_little(&arena, &seed, &filling);
        assert_zones_are_those_of_positions(&arena);
        assert_arena_is_sound(&arena);
    }
    arena_close_sound(&arena);
}

/* The oldest region first, each begins where the one before it ends. */
static void assert_positions_follow_each_other(struct arena *arena) {
    uint64_t end = 0;
    for (uint32_t i = 0; i < arena->count; i++) {
        struct bda_region *region = arena_region(arena, arena->added[i]);
        assert_int_equal(region->start, end);
        end += region->size;
    }
    assert_int_equal(arena->tlsf.granules, end);
}

/* The first, one in the middle, the last, all of them; and one that comes back when others are there. */
static void positions_close_up_when_a_region_goes(void **state) {
    (void)state;
    const uint32_t sizes[] = { 10, 200, 3000, 40000 };
    for (uint32_t gone = 0; gone < COUNT_OF(sizes); gone++) {
        struct arena arena;
        arena_open(&arena, GRANULE_LOG2);
        for (uint32_t i = 0; i < COUNT_OF(sizes); i++)
            arena_add(&arena, i * (uint64_t)GRANULE, sizes[i]);
        assert_positions_follow_each_other(&arena);
        arena_remove(&arena, arena.added[gone]);
        assert_positions_follow_each_other(&arena);
        assert_arena_is_sound(&arena);
        arena_add(&arena, 0, sizes[gone]);
        assert_positions_follow_each_other(&arena);
        while (arena.count != 0) {
            arena_remove(&arena, arena.added[gone % arena.count]);
            assert_positions_follow_each_other(&arena);
            assert_arena_is_sound(&arena);
        }
        arena_close_sound(&arena);
    }
}

static void what_is_cut_after_growth_lies_in_a_zone_of_the_larger_whole(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, 64), nodes[3];
    nodes[0] = arena_alloc_at(&arena, region, 0, 32);
    assert_int_equal(zone_of(&arena, bda_node_next(arena_node(&arena, nodes[0]))), 3);
    uint32_t second = arena_add(&arena, 0, 1024 - 64);
    nodes[1] = arena_alloc_at(&arena, region, 40, 8);
    assert_int_equal(zone_of(&arena, nodes[1]), 0);
    nodes[2] = arena_alloc_at(&arena, second, 512 - 64, 8);
    assert_int_equal(zone_of(&arena, nodes[2]), 3);
    for (uint32_t i = 0; i < 3; i++) {
        arena_free(&arena, nodes[i]);
        assert_arena_is_sound(&arena);
    }
    arena_close_sound(&arena);
}

/* A hole that was there before growth is of the zone it was; both parts of it are not. */
static void a_range_that_is_cut_learns_its_zone_anew(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = open_with_holes(&arena, 64, &(const struct hole){ 40, 20 }, 1);
    arena_add(&arena, 0, 1024 - 64);
    uint32_t node = arena_alloc_at(&arena, region, 40, 8);
    assert_int_equal(zone_of(&arena, node), 0);
    assert_int_equal(zone_of(&arena, bda_node_next(arena_node(&arena, node))), 0);
    uint32_t padded = arena_alloc_at(&arena, region, 50, 4);
    assert_int_equal(zone_of(&arena, bda_node_previous(arena_node(&arena, padded))), 0);
    assert_arena_is_sound(&arena);
    arena_close_sound(&arena);
}

/* It was the last one when it came, and soon is far from that. */
static void the_first_range_of_a_region_learns_its_zone_anew_when_it_is_given_back(void **state) {
    (void)state;
    struct arena arena;
    arena_open_one(&arena, 64);
    uint32_t region = arena_add(&arena, 0, 64);
    uint32_t node = arena_alloc_at(&arena, region, 0, 32), behind = arena_alloc_at(&arena, region, 32, 32);
    assert_int_equal(zone_of(&arena, node), 3);
    arena_add(&arena, 0, 1024 - 128);
    arena_free(&arena, node); /* between live ones, and later before a free one */
    assert_int_equal(zone_of(&arena, arena_region(&arena, region)->first), 0);
    node = arena_alloc_at(&arena, region, 0, 32);
    arena_free(&arena, behind);
    arena_free(&arena, node);
    assert_layout(&arena, region, -64);
    assert_int_equal(zone_of(&arena, arena_region(&arena, region)->first), 0);
    arena_close_sound(&arena);
}

/* Regions are added to and removed from a life that goes on in the others: what was in a list of another zone is found
 * there, whatever became of the zones. */
static void lists_stay_true_while_regions_come_and_go(void **state) {
    (void)state;
    struct arena arena;
    uint64_t seed = 3;
    bool filling = true;
    uint32_t removed = 0;
    arena_open_one(&arena, 300);
    for (uint32_t step = 0; step < 6000; step++) {
        live_a_little(&arena, &seed, &filling);
        if (step % 100 == 0 && arena.count < 6)
            arena_add(&arena, random_below(&seed, 1000) * (uint64_t)GRANULE, 1 + random_below(&seed, 2000));
        uint32_t region = arena.added[random_below(&seed, arena.count)];
        if (arena.count > 1 && bda_tlsf_region_is_empty(&arena.tlsf, region)) {
            arena_remove(&arena, region);
            removed++;
        }
        assert_positions_follow_each_other(&arena);
        assert_arena_is_sound(&arena);
    }
    assert_in_range(removed, 5, 100);
    arena_close_sound(&arena);
}

/* ---- Bitmaps ---- */

/* Which lists there are, from the ranges of all regions. */
static void assert_bitmaps_are_those_of_the_ranges(struct arena *arena) {
    uint64_t filled[BDA_TLSF_WORDS] = { 0 }, words_of_zone[BDA_TLSF_ZONES] = { 0 };
    for (uint32_t i = 0; i < arena->count; i++)
        for (uint32_t index = arena_region(arena, arena->added[i])->first; index != 0;) {
            struct bda_node *node = arena_node(arena, index);
            uint32_t list = list_of(node->size, bda_node_zone(node));
            uint64_t is_free = bda_node_state(node) == BDA_NODE_FREE;
            filled[list / 64] |= is_free << list % 64;
            words_of_zone[bda_node_zone(node)] |= is_free << list / 64;
            index = bda_node_next(node);
        }
    assert_memory_equal(arena->tlsf.filled, filled, sizeof filled);
    for (uint32_t zone = 0; zone < BDA_TLSF_ZONES; zone++) /* it may name too many */
        assert_int_equal(words_of_zone[zone] & ~arena->tlsf.words_of_zone[zone], 0);
}

static void bitmaps_are_true_through_a_long_life(void **state) {
    (void)state;
    struct arena arena;
    uint64_t seed = 4;
    bool filling = true;
    arena_open_one(&arena, 5000);
    arena_add(&arena, 0x12340, 3000);
    for (uint32_t step = 0; step < 10000; step++) {
        live_a_little(&arena, &seed, &filling);
        assert_bitmaps_are_those_of_the_ranges(&arena);
    }
    arena_close_sound(&arena);
}

/* ---- The summary of the zones ---- */

static void claim_every_word(struct arena *arena) {
    for (uint32_t zone = 0; zone < BDA_TLSF_ZONES; zone++)
        arena->tlsf.words_of_zone[zone] = UINT64_MAX >> (64 - BDA_TLSF_WORDS);
}

/* Two lives of the same choices. One is told before each step that every word may hold something: it finds the same. */
static void words_that_are_wrongly_claimed_change_no_answer(void **state) {
    (void)state;
    static struct arena_picture picture;
    struct arena honest, misled;
    uint64_t seeds[2] = { 4, 4 };
    bool filling[2] = { true, true };
    arena_open_one(&honest, 2048);
    arena_open_one(&misled, 2048);
    for (uint32_t step = 0; step < 3000; step++) {
        live_a_little(&honest, &seeds[0], &filling[0]);
        claim_every_word(&misled);
        live_a_little(&misled, &seeds[1], &filling[1]);
        assert_arena_is_sound(&misled);
        assert_int_equal(honest.tlsf.free_granules, misled.tlsf.free_granules);
    }
    arena_take_picture(&honest, &picture);
    picture.tlsf.nodes = &misled.nodes;
    picture.tlsf.regions = &misled.regions;
    assert_arena_is_as_in(&misled, &picture);
    arena_close_sound(&honest);
    arena_close_sound(&misled);
}

/* A search that finds nothing has looked into every word that was claimed, and takes back the claims. */
static void words_that_are_wrongly_claimed_are_taken_back_by_searches(void **state) {
    (void)state;
    struct arena arena;
    arena_open_one(&arena, 100);
    uint32_t all = arena_take(&arena, 100);
    claim_every_word(&arena);
    assert_int_equal(arena_take(&arena, 1), 0);
    for (uint32_t zone = 0; zone < BDA_TLSF_ZONES; zone++)
        assert_int_equal(arena.tlsf.words_of_zone[zone] & ~(uint64_t)1, 0); /* but for the word that it began in */
    arena_free(&arena, all);
    assert_int_equal(arena.tlsf.words_of_zone[0] & ~(uint64_t)1, (uint64_t)1 << list_of(100, 0) / 64);
    arena_close_sound(&arena);
}

/* Each search for a range to break meets a word whose last range in that zone is gone: it goes on, in the same zone and
 * in the next ones. */
static void a_word_that_has_emptied_leads_on_to_the_next(void **state) {
    (void)state;
    struct arena arena;
    const struct hole holes[] = { { 0, 40 }, { 50, 70 }, { 140, 70 }, { 300, 90 }, { 600, 300 } };
    uint32_t region = open_with_holes(&arena, 1024, holes, COUNT_OF(holes));
    for (uint32_t i = 0; i < COUNT_OF(holes); i++) {
        uint32_t node = arena_take(&arena, 3);
        assert_range(&arena, node, holes[i].offset, 3);
        arena_free(&arena, node);
        assert_int_not_equal(arena_alloc_at(&arena, region, holes[i].offset, holes[i].size), 0);
    }
    assert_int_equal(arena_take(&arena, 3), 0);
    arena_close_sound(&arena);
}

/* Of equal regions the oldest is broken first, whichever came last, and although zones were larger, or smaller, before.
 */
static void empty_regions_are_broken_from_the_oldest_on(void **state) {
    (void)state;
    enum { REGIONS = 16, SIZE = 256 };
    struct arena arena;
    uint32_t regions[REGIONS], nodes[REGIONS];
    arena_open(&arena, 4);
    for (uint32_t i = 0; i < REGIONS; i++) {
        regions[i] = arena_add(&arena, (uint64_t)(i + 1) << 32, SIZE);
        assert_zones_are_those_of_positions(&arena);
    }
    for (uint32_t i = REGIONS; i-- > REGIONS / 4;) {
        arena_remove(&arena, regions[i]);
        assert_zones_are_those_of_positions(&arena);
    }
    for (uint32_t i = 0; i < REGIONS / 4; i++) {
        nodes[i] = arena_take(&arena, SIZE);
        assert_int_equal(bda_node_region(arena_node(&arena, nodes[i])), regions[i]);
    }
    for (uint32_t i = 0; i < REGIONS / 4; i++)
        arena_free(&arena, nodes[i]);
    arena_close_sound(&arena);
}

/* One that is in use stands where it is, whatever comes and goes around it. */
static void regions_in_use_are_left_alone(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, 4);
    uint32_t first = arena_add(&arena, (uint64_t)1 << 32, 64);
    uint32_t node = arena_take(&arena, 1), zone = zone_of(&arena, bda_node_next(arena_node(&arena, node)));
    uint32_t second = arena_add(&arena, (uint64_t)2 << 32, 4096), third = arena_add(&arena, (uint64_t)3 << 32, 4096);
    assert_int_equal(bda_node_region(arena_node(&arena, node)), first);
    assert_int_equal(zone_of(&arena, bda_node_next(arena_node(&arena, node))), zone);
    arena_remove(&arena, second);
    arena_remove(&arena, third);
    assert_int_equal(zone_of(&arena, bda_node_next(arena_node(&arena, node))), zone);
    arena_free(&arena, node);
    arena_close_sound(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_are_the_first_eighth_up_to_a_quarter_up_to_a_half_and_the_rest),
        cmocka_unit_test(a_range_that_is_cut_and_merged_lies_in_the_zone_it_begins_in),
        cmocka_unit_test(every_range_of_a_long_life_lies_in_the_zone_it_begins_in),
        cmocka_unit_test(positions_close_up_when_a_region_goes),
        cmocka_unit_test(empty_regions_are_broken_from_the_oldest_on),
        cmocka_unit_test(regions_in_use_are_left_alone),
        cmocka_unit_test(what_is_cut_after_growth_lies_in_a_zone_of_the_larger_whole),
        cmocka_unit_test(a_range_that_is_cut_learns_its_zone_anew),
        cmocka_unit_test(the_first_range_of_a_region_learns_its_zone_anew_when_it_is_given_back),
        cmocka_unit_test(lists_stay_true_while_regions_come_and_go),
        cmocka_unit_test(bitmaps_are_true_through_a_long_life),
        cmocka_unit_test(words_that_are_wrongly_claimed_change_no_answer),
        cmocka_unit_test(words_that_are_wrongly_claimed_are_taken_back_by_searches),
        cmocka_unit_test(a_word_that_has_emptied_leads_on_to_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
