/*
 * src/alloc/depot.c: shelves have sizes in order and lists that are not too large, and a depot gives back the lists
 * that it took, the last one first, as many as it has room for.
 */
#include "core_support.h"

#include "alloc/depot.h"

#define MOST UINT64_MAX

/* ---- Shelves ---- */

static void a_shelf_holds_sizes_that_differ_by_a_thirty_second_at_most(void **state) {
    (void)state;
    uint32_t smallest = 1;
    for (uint32_t size = 1; size <= BDA_CACHED_MOST; size++) {
        if (bda_shelf_of(size) != bda_shelf_of(smallest))
            smallest = size;
        assert_true((size - smallest) * BDA_STEPS < smallest);
    }
}

static void shelves_are_in_order_and_none_is_left_out(void **state) {
    (void)state;
    assert_int_equal(bda_shelf_of(1), 1);
    for (uint32_t size = 2; size <= BDA_CACHED_MOST; size++)
        assert_in_range(bda_shelf_of(size), bda_shelf_of(size - 1), bda_shelf_of(size - 1) + 1);
    assert_int_equal(bda_shelf_of(BDA_CACHED_MOST), BDA_SHELVES - 1);
}

static void a_list_has_at_least_one_range_and_not_too_many_bytes(void **state) {
    (void)state;
    for (uint32_t size = 1; size <= BDA_CACHED_MOST; size++) {
        uint32_t length = bda_list_length(bda_shelf_of(size)), shelf = bda_shelf_of(size);
        uint32_t smallest = size;
        while (smallest > 1 && bda_shelf_of(smallest - 1) == shelf)
            smallest--;
        assert_in_range(length, 1, BDA_LIST_MOST);
        assert_true(length == 1 || length * smallest <= BDA_LIST_GRANULES);
        assert_true(length == BDA_LIST_MOST || (length + 1) * smallest > BDA_LIST_GRANULES);
    }
}

/* ---- A depot ---- */

static struct arena arena;
static struct bda_depot depot;

static void open_depot(void) {
    (void)arena_open_one(&arena, 4096);
    memset(&depot, 0, sizeof depot);
}

static bda_node_chunks chunks(void) {
    return bda_nodes_chunks(&arena.nodes);
}

/* A list of `count` ranges of `size`, taken of the arena and kept. */
static uint32_t make_list(uint32_t count, uint32_t size) {
    uint32_t list = 0;
    while (count-- > 0) {
        uint32_t index = arena_take(&arena, size);
        struct bda_node *node = arena_node(&arena, index);
        assert_int_not_equal(index, 0);
        bda_node_set_record(node, 0);
        bda_node_retire(node, BDA_NODE_CACHED);
        bda_node_set_link(node, list);
        list = index;
    }
    return list;
}

static uint32_t length_of(uint32_t list) {
    uint32_t length = 0;
    for (; list != 0; list = bda_node_link(arena_node(&arena, list)))
        length++;
    return length;
}

static void release(uint32_t list) {
    while (list != 0) {
        uint32_t next = bda_node_link(arena_node(&arena, list));
        assert_int_equal(bda_node_record(arena_node(&arena, list)), 0);
        arena_free(&arena, list);
        list = next;
    }
}

static void what_is_given_comes_back_whole_the_last_one_first(void **state) {
    (void)state;
    uint64_t granules = 0;
    open_depot();
    uint32_t one = make_list(3, 5), two = make_list(4, 5);
    assert_true(bda_depot_give(&depot, chunks(), 5, one, MOST));
    assert_int_equal(depot.granules, 15);
    assert_true(bda_depot_give(&depot, chunks(), 5, two, MOST));
    assert_int_equal(depot.granules, 35);
    assert_int_equal(bda_depot_take(&depot, chunks(), 5, &granules), two);
    assert_int_equal(granules, 20);
    assert_int_equal(length_of(two), 4);
    assert_int_equal(bda_depot_take(&depot, chunks(), 5, &granules), one);
    assert_int_equal(granules, 15);
    assert_int_equal(length_of(one), 3);
    assert_int_equal(depot.granules, 0);
    release(one);
    release(two);
    arena_close_sound(&arena);
}

static void an_empty_shelf_gives_nothing(void **state) {
    (void)state;
    uint64_t granules = 77;
    open_depot();
    uint32_t list = make_list(2, 5);
    assert_int_equal(bda_depot_take(&depot, chunks(), 5, &granules), 0);
    assert_true(bda_depot_give(&depot, chunks(), 5, list, MOST));
    assert_int_equal(bda_depot_take(&depot, chunks(), 6, &granules), 0);
    assert_int_equal(bda_depot_take(&depot, chunks(), 4, &granules), 0);
    assert_int_equal(granules, 77);
    assert_true(bda_depot_has(&depot, 5));
    assert_false(bda_depot_has(&depot, 6));
    assert_int_equal(bda_depot_take(&depot, chunks(), 5, &granules), list);
    assert_false(bda_depot_has(&depot, 5));
    release(list);
    arena_close_sound(&arena);
}

/* Each shelf has so many places; one that is full takes nothing from another. */
static void a_shelf_takes_so_many_lists(void **state) {
    (void)state;
    uint64_t granules;
    uint32_t lists[BDA_DEPOT_LISTS];
    open_depot();
    for (uint32_t i = 0; i < BDA_DEPOT_LISTS; i++) {
        lists[i] = make_list(2, 3);
        assert_true(bda_depot_give(&depot, chunks(), 3, lists[i], MOST));
    }
    uint32_t more = make_list(2, 3), other = make_list(2, 4);
    assert_false(bda_depot_give(&depot, chunks(), 3, more, MOST));
    assert_int_equal(depot.granules, BDA_DEPOT_LISTS * 6);
    assert_int_equal(length_of(more), 2);
    assert_true(bda_depot_give(&depot, chunks(), 4, other, MOST));
    for (uint32_t i = BDA_DEPOT_LISTS; i-- > 0;)
        assert_int_equal(bda_depot_take(&depot, chunks(), 3, &granules), lists[i]);
    assert_int_equal(bda_depot_take(&depot, chunks(), 3, &granules), 0);
    assert_int_equal(bda_depot_take(&depot, chunks(), 4, &granules), other);
    for (uint32_t i = 0; i < BDA_DEPOT_LISTS; i++)
        release(lists[i]);
    release(more);
    release(other);
    arena_close_sound(&arena);
}

static void all_of_it_is_bounded(void **state) {
    (void)state;
    uint64_t granules;
    open_depot();
    uint32_t one = make_list(2, 10), two = make_list(2, 20);
    assert_false(bda_depot_give(&depot, chunks(), 10, one, 19));
    assert_int_equal(depot.granules, 0);
    assert_true(bda_depot_give(&depot, chunks(), 10, one, 20));
    assert_false(bda_depot_give(&depot, chunks(), 20, two, 59));
    assert_int_equal(depot.granules, 20);
    assert_true(bda_depot_give(&depot, chunks(), 20, two, 60));
    assert_int_equal(bda_depot_take(&depot, chunks(), 10, &granules), one);
    assert_int_equal(bda_depot_take(&depot, chunks(), 20, &granules), two);
    release(one);
    release(two);
    arena_close_sound(&arena);
}

static void giving_and_taking_is_use(void **state) {
    (void)state;
    uint64_t granules;
    open_depot();
    uint32_t list = make_list(1, 10);
    assert_false(bda_depot_give(&depot, chunks(), 10, list, 1));
    assert_int_equal(bda_depot_take(&depot, chunks(), 10, &granules), 0);
    assert_false(depot.used);
    assert_true(bda_depot_give(&depot, chunks(), 10, list, MOST));
    assert_true(depot.used);
    depot.used = false;
    assert_int_equal(bda_depot_take(&depot, chunks(), 10, &granules), list);
    assert_true(depot.used);
    release(list);
    arena_close_sound(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shelf_holds_sizes_that_differ_by_a_thirty_second_at_most),
        cmocka_unit_test(shelves_are_in_order_and_none_is_left_out),
        cmocka_unit_test(a_list_has_at_least_one_range_and_not_too_many_bytes),
        cmocka_unit_test(what_is_given_comes_back_whole_the_last_one_first),
        cmocka_unit_test(an_empty_shelf_gives_nothing),
        cmocka_unit_test(a_shelf_takes_so_many_lists),
        cmocka_unit_test(all_of_it_is_bounded),
        cmocka_unit_test(giving_and_taking_is_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
