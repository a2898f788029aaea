/*
 * src/alloc/depot.c: shelves have sizes in order and are not too large, and a depot gives back the bundles that it
 * took, the last one first, as many as it has room for.
 */
#include "core_support.h"

#include "alloc/allocator.h"
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

static void assert_rooms(bool alone, uint32_t most) {
    for (uint32_t size = 1; size <= BDA_CACHED_MOST; size++) {
        uint32_t shelf = bda_shelf_of(size), room = bda_shelf_room(shelf, alone);
        uint32_t smallest = size;
        while (smallest > 1 && bda_shelf_of(smallest - 1) == shelf)
            smallest--;
        assert_in_range(room, BDA_SHELF_LEAST, BDA_SHELF_MOST);
        assert_true(room == BDA_SHELF_LEAST || room * smallest <= most);
        assert_true(room == BDA_SHELF_MOST || (room + 1) * smallest > most);
    }
}

static void a_shelf_has_room_for_a_few_ranges_and_not_too_many_bytes(void **state) {
    (void)state;
    assert_rooms(true, BDA_SHELF_GRANULES);
    assert_rooms(false, BDA_SHELF_GRANULES_SHARED);
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
    for (uint32_t stock = 0; stock <= BDA_STOCKS; stock++) /* the last one is none, which a pending range has */
        for (uint32_t shelf = 1; shelf < BDA_SHELVES; shelf++) {
            uint32_t home = bda_home(stock, shelf);
            assert_true(bda_home_is_one(home));
            assert_int_equal(bda_home_stock(home), stock);
            assert_int_equal(bda_home_shelf(home), shelf);
        }
    assert_false(bda_home_is_one(0));
    assert_false(bda_home_is_one(BDA_NODE_HOME - 1)); /* the largest record */
}

/* ---- A bundle ---- */

/* `count` ranges of `each` granules, named from `first` on. */
static struct bda_bundle make_bundle(uint32_t first, uint32_t count, uint32_t each) {
    struct bda_bundle bundle;
    bda_bundle_clear(&bundle);
    for (uint32_t i = 0; i < count; i++)
        bda_bundle_add(&bundle, first + i, each);
    return bundle;
}

static void assert_bundle(const struct bda_bundle *bundle, uint32_t first, uint32_t count, uint32_t each) {
    assert_int_equal(bda_bundle_count(bundle), count);
    assert_int_equal(bundle->granules, count * each);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(bundle->nodes[i], first + i);
}

static void a_bundle_is_full_by_ranges_or_by_bytes(void **state) {
    (void)state;
    struct bda_bundle bundle = make_bundle(1, BDA_BUNDLE_MOST - 1, 1);
    assert_false(bda_bundle_is_full(&bundle));
    bda_bundle_add(&bundle, 900, 1);
    assert_true(bda_bundle_is_full(&bundle));
    bundle = make_bundle(1, 1, BDA_BUNDLE_GRANULES - 1);
    assert_false(bda_bundle_is_full(&bundle));
    bda_bundle_add(&bundle, 900, 1);
    assert_true(bda_bundle_is_full(&bundle));
    assert_bundle(&(struct bda_bundle){ .count = 0 }, 0, 0, 0);
}

/* ---- A depot ---- */

static struct bda_depot depot;

static void what_is_given_comes_back_whole_the_last_one_first(void **state) {
    (void)state;
    memset(&depot, 0, sizeof depot);
    struct bda_bundle one = make_bundle(10, 3, 5), two = make_bundle(20, BDA_BUNDLE_MOST, 7),
                      out = make_bundle(0, 0, 0);
    assert_true(bda_depot_give(&depot, &one, MOST));
    assert_int_equal(bda_bundle_count(&one), 0);
    assert_int_equal(one.granules, 0);
    assert_int_equal(depot.granules, 15);
    assert_true(bda_depot_give(&depot, &two, MOST));
    assert_int_equal(depot.granules, 15 + BDA_BUNDLE_MOST * 7);
    assert_int_equal(depot.count, 3 + BDA_BUNDLE_MOST);
    assert_int_equal(bda_depot_filled(&depot), 2);
    assert_true(bda_depot_take(&depot, &out));
    assert_bundle(&out, 20, BDA_BUNDLE_MOST, 7);
    bda_bundle_clear(&out);
    assert_true(bda_depot_take(&depot, &out));
    assert_bundle(&out, 10, 3, 5);
    bda_bundle_clear(&out);
    assert_false(bda_depot_take(&depot, &out));
    assert_bundle(&out, 0, 0, 0);
    assert_int_equal(depot.granules + depot.count + bda_depot_filled(&depot), 0);
}

static void a_depot_takes_so_many_bundles(void **state) {
    (void)state;
    memset(&depot, 0, sizeof depot);
    for (uint32_t i = 0; i < BDA_BUNDLES; i++) {
        struct bda_bundle bundle = make_bundle(100 * i, 2, 3);
        assert_true(bda_depot_give(&depot, &bundle, MOST));
    }
    struct bda_bundle more = make_bundle(7, 2, 3), out = make_bundle(0, 0, 0);
    assert_false(bda_depot_give(&depot, &more, MOST));
    assert_bundle(&more, 7, 2, 3);
    assert_int_equal(depot.granules, BDA_BUNDLES * 6);
    for (uint32_t i = BDA_BUNDLES; i-- > 0; bda_bundle_clear(&out)) {
        assert_true(bda_depot_take(&depot, &out));
        assert_bundle(&out, 100 * i, 2, 3);
    }
}

static void all_of_it_is_bounded(void **state) {
    (void)state;
    memset(&depot, 0, sizeof depot);
    struct bda_bundle one = make_bundle(1, 2, 10), two = make_bundle(5, 2, 20);
    assert_false(bda_depot_give(&depot, &one, 19));
    assert_int_equal(depot.granules, 0);
    assert_false(depot.used);
    assert_true(bda_depot_give(&depot, &one, 20));
    assert_true(depot.used);
    assert_false(bda_depot_give(&depot, &two, 59));
    assert_int_equal(depot.granules, 20);
    assert_true(bda_depot_give(&depot, &two, 60));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shelf_holds_sizes_that_differ_by_a_thirty_second_at_most),
        cmocka_unit_test(shelves_are_in_order_and_none_is_left_out),
        cmocka_unit_test(a_shelf_has_room_for_a_few_ranges_and_not_too_many_bytes),
        cmocka_unit_test(a_request_finds_the_lowest_shelf_that_surely_holds_it),
        cmocka_unit_test(a_home_says_stock_and_shelf),
        cmocka_unit_test(a_bundle_is_full_by_ranges_or_by_bytes),
        cmocka_unit_test(what_is_given_comes_back_whole_the_last_one_first),
        cmocka_unit_test(a_depot_takes_so_many_bundles),
        cmocka_unit_test(all_of_it_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
