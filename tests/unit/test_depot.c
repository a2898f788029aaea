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

static void assert_list_lengths(bool alone, uint32_t most) {
    for (uint32_t size = 1; size <= BDA_CACHED_MOST; size++) {
        uint32_t shelf = bda_shelf_of(size), length = bda_list_length(shelf, alone);
        uint32_t smallest = size;
        while (smallest > 1 && bda_shelf_of(smallest - 1) == shelf)
            smallest--;
        assert_in_range(length, 1, BDA_LIST_MOST);
        assert_true(length == 1 || length * smallest <= most);
        assert_true(length == BDA_LIST_MOST || (length + 1) * smallest > most);
    }
}

static void a_list_has_at_least_one_range_and_not_too_many_bytes(void **state) {
    (void)state;
    assert_list_lengths(true, BDA_LIST_GRANULES);
    assert_list_lengths(false, BDA_LIST_GRANULES_SHARED);
}

static void a_request_finds_the_lowest_shelf_that_surely_holds_it(void **state) {
    (void)state;
    for (uint32_t size = 1; size <= BDA_CACHED_MOST; size++) {
        uint32_t shelf = bda_shelf_for(size);
        assert_in_range(shelf, bda_shelf_of(size), BDA_SHELVES - 1);
        assert_true(bda_shelf_begin(shelf) >= size);
        assert_true(shelf == 1 || bda_shelf_begin(shelf - 1) < size);
        assert_int_equal(bda_shelf_of(bda_shelf_begin(shelf)), shelf);
    }
}

static void a_home_says_stock_and_shelf(void **state) {
    (void)state;
    for (uint32_t stock = 0; stock < 16; stock++)
        for (uint32_t shelf = 1; shelf < BDA_SHELVES; shelf++) {
            uint32_t home = bda_home(stock, shelf);
            assert_true(bda_home_is_one(home));
            assert_int_equal(bda_home_stock(home), stock);
            assert_int_equal(bda_home_shelf(home), shelf);
        }
    assert_false(bda_home_is_one(0));
    assert_false(bda_home_is_one(BDA_NODE_HOME - 1)); /* the largest record */
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
        bda_node_set_record(node, bda_home(0, bda_shelf_of(size)));
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
        assert_true(bda_home_is_one(bda_node_home(arena_node(&arena, list))));
        arena_free(&arena, list);
        list = next;
    }
}

static void what_is_given_comes_back_whole_the_last_one_first(void **state) {
    (void)state;
    struct bda_list_sum sum = { 0, 0 };
    open_depot();
    uint32_t one = make_list(3, 5), two = make_list(4, 5);
    assert_true(bda_depot_give(&depot, chunks(), 5, one, MOST));
    assert_int_equal(depot.granules, 15);
    assert_true(bda_depot_give(&depot, chunks(), 5, two, MOST));
    assert_int_equal(depot.granules, 35);
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 5), &sum), two);
    assert_int_equal(sum.granules, 20);
    assert_int_equal(length_of(two), 4);
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 5), &sum), one);
    assert_int_equal(sum.granules, 15);
    assert_int_equal(length_of(one), 3);
    assert_int_equal(depot.granules, 0);
    release(one);
    release(two);
    arena_close_sound(&arena);
}

static void an_empty_shelf_gives_nothing(void **state) {
    (void)state;
    struct bda_list_sum sum = { 77, 7 };
    open_depot();
    uint32_t list = make_list(2, 5);
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 5), &sum), 0);
    assert_true(bda_depot_give(&depot, chunks(), 5, list, MOST));
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 6), &sum), 0);
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 4), &sum), 0);
    assert_int_equal(sum.granules, 77);
    assert_true(bda_depot_has(&depot, 5));
    assert_false(bda_depot_has(&depot, 6));
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 5), &sum), list);
    assert_false(bda_depot_has(&depot, 5));
    release(list);
    arena_close_sound(&arena);
}

/* Each shelf has so many places; one that is full takes nothing from another. */
static void a_shelf_takes_so_many_lists(void **state) {
    (void)state;
    struct bda_list_sum sum;
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
        assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 3), &sum), lists[i]);
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 3), &sum), 0);
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 4), &sum), other);
    for (uint32_t i = 0; i < BDA_DEPOT_LISTS; i++)
        release(lists[i]);
    release(more);
    release(other);
    arena_close_sound(&arena);
}

static void all_of_it_is_bounded(void **state) {
    (void)state;
    struct bda_list_sum sum;
    open_depot();
    uint32_t one = make_list(2, 10), two = make_list(2, 20);
    assert_false(bda_depot_give(&depot, chunks(), 10, one, 19));
    assert_int_equal(depot.granules, 0);
    assert_true(bda_depot_give(&depot, chunks(), 10, one, 20));
    assert_false(bda_depot_give(&depot, chunks(), 20, two, 59));
    assert_int_equal(depot.granules, 20);
    assert_true(bda_depot_give(&depot, chunks(), 20, two, 60));
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 10), &sum), one);
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 20), &sum), two);
    release(one);
    release(two);
    arena_close_sound(&arena);
}

static void giving_and_taking_is_use(void **state) {
    (void)state;
    struct bda_list_sum sum;
    open_depot();
    uint32_t list = make_list(1, 10);
    assert_false(bda_depot_give(&depot, chunks(), 10, list, 1));
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 10), &sum), 0);
    assert_false(depot.used);
    assert_true(bda_depot_give(&depot, chunks(), 10, list, MOST));
    assert_true(depot.used);
    depot.used = false;
    assert_int_equal(bda_depot_take(&depot, chunks(), bda_home(0, 10), &sum), list);
    assert_true(depot.used);
    release(list);
    arena_close_sound(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shelf_holds_sizes_that_differ_by_a_thirty_second_at_most),
        cmocka_unit_test(shelves_are_in_order_and_none_is_left_out),
        cmocka_unit_test(a_list_has_at_least_one_range_and_not_too_many_bytes),
        cmocka_unit_test(a_request_finds_the_lowest_shelf_that_surely_holds_it),
        cmocka_unit_test(a_home_says_stock_and_shelf),
        cmocka_unit_test(what_is_given_comes_back_whole_the_last_one_first),
        cmocka_unit_test(an_empty_shelf_gives_nothing),
        cmocka_unit_test(a_shelf_takes_so_many_lists),
        cmocka_unit_test(all_of_it_is_bounded),
        cmocka_unit_test(giving_and_taking_is_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
