/*
 * src/alloc/cache.c, one thread frees what another one takes: what goes into a bundle unasked, how much the one who
 * takes may keep, and when what may be kept is told anew.
 */
#include "helper_support.h"

#include "alloc/caches.h"

enum { SOME = 200, MISSES = 512 };

static struct helper helper;

static void free_one(struct helper *h) {
    h->count--;
    h->wrong += bda_free(h->allocator, h->slots[h->count].handle) != VK_SUCCESS ? 1u : 0u;
}

static void free_all(struct helper *h) {
    while (h->count != 0)
        free_one(h);
}

static void free_all_twice(struct helper *h) {
    for (uint32_t i = 0; i < h->count; i++) {
        h->wrong += bda_free(h->allocator, h->slots[i].handle) != VK_SUCCESS ? 1u : 0u;
        h->wrong += bda_free(h->allocator, h->slots[i].handle) == VK_SUCCESS ? 1u : 0u;
    }
    h->count = 0;
}

static void take_one_of_its_own(struct helper *h) {
    h->wrong += bda_alloc(h->allocator, &(BdaAllocInfo){ .size = 64 }, &h->slots[0]) != VK_SUCCESS ? 1u : 0u;
    h->count = 1;
}

/* What this thread takes, for the helper to free. */
static void hand_over(uint32_t count, VkDeviceSize size) {
    for (helper.count = 0; helper.count < count; helper.count++)
        helper.slots[helper.count] = take_bytes(size, BDA_INTENT_DEVICE);
}

static struct bda_pool *pool_of(const BdaAllocation *a) {
    return bda_block_of(bench.allocator, bda_node_of(bench.allocator, (uint32_t)a->handle))->pool;
}

static struct bda_stock *source_of(const BdaAllocation *a) {
    return bda_cache_at_hand(bench.allocator)->sources[bda_pool_stock(pool_of(a))];
}

/* Of the newest other cache. */
static struct bda_stock *others_stock(const BdaAllocation *of) {
    struct bda_cache *cache = bench.allocator->newest_cache;
    if (cache == bda_cache_at_hand(bench.allocator))
        cache = cache->older;
    return bda_cache_stock(cache, bda_pool_stock(pool_of(of)));
}

/* One block that stays, and a helper whose frees find a stock. */
static BdaAllocation open_with_helper(VkDeviceSize block) {
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = block, .max_block_size = block });
    BdaAllocation held = take_bytes(64, BDA_INTENT_DEVICE);
    hire(&helper);
    for (uint32_t i = 0; i < 10 && (i < 2 || others_stock(&held) == NULL); i++) {
        hand_over(SOME, 64);
        tell(&helper, free_all);
    }
    assert_non_null(others_stock(&held));
    give(take_bytes(KIB(3), BDA_INTENT_DEVICE)); /* not alone, it has a source now */
    return held;
}

static void close_all(BdaAllocation held) {
    dismiss(&helper);
    give(held);
    bench_close();
}

/* ---- Who frees ---- */

/* The middle way asks how much that may be, and the next ones go there without. */
static void a_bundle_takes_what_it_has_room_for(void **state) {
    (void)state;
    BdaAllocation held = open_with_helper(MIB(4));
    const struct bda_stock *stock = others_stock(&held);
    hand_over(SOME, KIB(4));
    uint32_t sent = 0;
    for (uint32_t before = 0; helper.count != 0; before = bda_bundle_count(&stock->outgoing)) {
        tell(&helper, free_one);
        assert_true(stock->passed_most != 0 && stock->passed_most <= stock->most[BDA_KEPT_SMALL] / 4);
        assert_true(bda_bundle_count(&stock->outgoing) < BDA_BUNDLE_MOST);
        assert_true(stock->outgoing.granules <= stock->most[BDA_KEPT_SMALL] / 4 + (KIB(4) >> BDA_GRANULE_LOG2));
        assert_true(bda_stock_kept(stock) <= stock->most[BDA_KEPT_SMALL] + (KIB(4) >> BDA_GRANULE_LOG2));
        sent += bda_bundle_count(&stock->outgoing) < before;
    }
    assert_true(sent > 2);
    assert_int_equal(bench_use().used, 64);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    close_all(held);
}

/* Small ones: it is full by their number. */
static void a_bundle_holds_no_more_than_it_has_places(void **state) {
    (void)state;
    BdaAllocation held = open_with_helper(MIB(64));
    const struct bda_stock *stock = others_stock(&held);
    hand_over(SOME, 64);
    uint32_t most = 0;
    while (helper.count != 0) {
        tell(&helper, free_one);
        most = (uint32_t)bda_max(most, bda_bundle_count(&stock->outgoing));
        assert_true(bda_bundle_count(&stock->outgoing) < BDA_BUNDLE_MOST);
    }
    assert_int_equal(most, BDA_BUNDLE_MOST - 1);
    assert_int_equal(bench_use().used, 64);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    close_all(held);
}

static void what_is_in_a_bundle_is_dead_and_remembered(void **state) {
    (void)state;
    BdaAllocation held = open_with_helper(MIB(64));
    hand_over(20, 1000);
    BdaAllocation gone[20];
    memcpy(gone, helper.slots, sizeof gone);
    tell(&helper, free_all_twice);
    bench_hush();
    assert_true(bda_bundle_count(&others_stock(&held)->outgoing) >= 19);
    for (uint32_t i = 0; i < COUNT_OF(gone); i++) {
        BdaPastOwner owner;
        uint32_t count = 1;
        BdaHistory history;
        assert_int_equal(bda_get_history(bench.allocator, gone[i].address, 1, &history, &count, &owner), VK_SUCCESS);
        assert_int_equal(count, 1);
        assert_int_equal(owner.range.address, gone[i].address);
        assert_int_equal(owner.range.size, 1000);
    }
    close_all(held);
}

/* The bounds have moved meanwhile: what is on its way is too much. */
static void a_bundle_that_was_begun_in_better_times_leaves(void **state) {
    (void)state;
    BdaAllocation held = open_with_helper(MIB(64));
    const struct bda_stock *stock = others_stock(&held);
    hand_over(SOME, KIB(2));
    for (uint32_t i = 0; i < 10 || bda_bundle_count(&stock->outgoing) < 10; i++)
        tell(&helper, free_one);
    atomic_store(&pool_of(&held)->cached_most[BDA_KEPT_SMALL], 0);
    for (uint32_t i = 0; i < BDA_BUNDLE_MOST; i++)
        tell(&helper, free_one);
    assert_int_equal(stock->most[BDA_KEPT_SMALL], 0);
    assert_int_equal(bda_stock_kept(stock), 0);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    tell(&helper, free_all);
    close_all(held);
}

/* Nobody asks its depot for anything. */
static void what_is_on_its_way_to_a_pool_that_rests_goes_back(void **state) {
    (void)state;
    BdaAllocation held = open_with_helper(MIB(64));
    struct bda_pool *pool = pool_of(&held);
    const struct bda_stock *stock = others_stock(&held);
    hand_over(SOME, 64);
    while (bda_bundle_count(&stock->outgoing) < 10)
        tell(&helper, free_one);
    atomic_store(&pool->rest, 1000);
    uint32_t filled = bda_depot_filled(&pool->depot), count = 0;
    for (; bda_bundle_count(&stock->outgoing) != 0; count++) {
        assert_true(count < BDA_BUNDLE_MOST);
        tell(&helper, free_one);
    }
    assert_int_equal(bda_depot_filled(&pool->depot), filled);
    assert_int_equal(stock->passed_most, 0);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    tell(&helper, free_all);
    close_all(held);
}

/* For the thread sanitizer: nothing orders the two. */
static void a_thread_begins_to_take_while_another_one_trims(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        BdaAllocation held = open_with_helper(MIB(4));
        hand_over(20, 64);
        tell(&helper, free_all);
        uint32_t round = begin(&helper, take_one_of_its_own);
        assert_int_equal(bda_trim(bench.allocator, UINT64_MAX, NULL), VK_SUCCESS);
        await(&helper, round);
        assert_int_equal(helper.wrong, 0);
        tell(&helper, free_all);
        close_all(held);
    }
}

/* Its own frees go to its shelves, which overflow into the same bundle. */
static void who_takes_asks_for_each(void **state) {
    (void)state;
    BdaAllocation held = open_with_helper(MIB(4));
    assert_int_equal(bda_trim(bench.allocator, UINT64_MAX, NULL), VK_SUCCESS);
    assert_true(others_stock(&held)->passed_most != 0);
    others_stock(&held)->fed = 7; /* as an owner of the cache may have left it */
    tell(&helper, take_one_of_its_own);
    assert_true(others_stock(&held)->source);
    assert_int_equal(others_stock(&held)->passed_most, 0);
    assert_int_equal(others_stock(&held)->fed, 0);
    tell(&helper, free_all);
    hand_over(SOME, 64);
    tell(&helper, free_all);
    assert_int_equal(others_stock(&held)->passed_most, 0);
    assert_int_equal(source_of(&held)->passed_most, 0);
    close_all(held);
}

/* Also where its first request is served from the depot, so that nothing is looked at anew. */
static void who_takes_from_the_depot_asks_for_each_too(void **state) {
    (void)state;
    BdaAllocation held = open_with_helper(MIB(4));
    hand_over(SOME, 64);
    tell(&helper, free_all);
    assert_true(bda_depot_filled(&pool_of(&held)->depot) != 0);
    assert_true(others_stock(&held)->passed_most != 0);
    uint32_t filled = bda_depot_filled(&pool_of(&held)->depot) + bda_bundle_count(&others_stock(&held)->outgoing);
    tell(&helper, take_one_of_its_own);
    assert_true(others_stock(&held)->source);
    assert_true(filled > bda_depot_filled(&pool_of(&held)->depot) + bda_bundle_count(&others_stock(&held)->outgoing));
    assert_int_equal(others_stock(&held)->passed_most, 0);
    tell(&helper, free_all);
    close_all(held);
}

/* ---- Who takes ---- */

/* Leaves less than an eighth of the block free. */
static uint32_t crowd(BdaAllocation *large, uint32_t most, const struct bda_pool *pool) {
    uint32_t count = 0;
    while (pool->tlsf.free_granules > pool->tlsf.granules / (BDA_ROOMY_SHARE + 1) && count < most)
        large[count++] = take_bytes(KIB(128), BDA_INTENT_DEVICE);
    assert_true(count < most);
    return count;
}

/* What others free is on its way to it, and a sixteenth of what it may keep would not hold a bundle. */
static void who_takes_what_others_free_is_not_alone(void **state) {
    (void)state;
    BdaAllocation held = open_with_helper(MIB(16)), large[128], some[2 * MISSES];
    struct bda_pool *pool = pool_of(&held);
    uint32_t count = crowd(large, COUNT_OF(large), pool), taken = 0;
    const struct bda_stock *stock = source_of(&held);
    for (uint32_t i = 0; i < 10 && (stock->alone || stock->fed == 0); i++) {
        hand_over(SOME, 64);
        tell(&helper, free_all);
    }
    some[taken++] = take_bytes(KIB(2), BDA_INTENT_DEVICE); /* of which nothing is kept */
    assert_false(pool->roomy);
    assert_false(stock->alone);
    assert_int_equal(stock->most[BDA_KEPT_SMALL], pool->cached_most[BDA_KEPT_SMALL]);
    assert_in_range(stock->fed, 1, MISSES);
    while (stock->fed != 0 && taken < COUNT_OF(some) - 1)
        some[taken++] = take_bytes(KIB(2), BDA_INTENT_DEVICE);
    some[taken++] = take_bytes(KIB(2), BDA_INTENT_DEVICE);
    assert_in_range(taken, MISSES / 2, MISSES + 2);
    assert_true(stock->alone);
    assert_true(stock->most[BDA_KEPT_SMALL] < pool->cached_most[BDA_KEPT_SMALL] / 8);
    give_all(some, taken);
    give_all(large, count);
    close_all(held);
}

/* It takes one range from TLSF at a time: what it takes ahead would come back in bundles, and too many of them. */
static void who_takes_alone_takes_nothing_ahead(void **state) {
    (void)state;
    BdaAllocation held = open_with_helper(MIB(16)), some[64];
    const struct bda_stock *stock = source_of(&held);
    assert_int_not_equal(stock->fed, 0);
    uint64_t kept = bda_stock_kept(stock);
    for (uint32_t i = 0; i < COUNT_OF(some); i++)
        some[i] = take_bytes(KIB(2), BDA_INTENT_DEVICE);
    assert_true(bda_stock_kept(stock) <= kept + BDA_BUNDLE_GRANULES / 16);
    assert_int_equal(bda_shelf_count(&stock->shelves[bda_shelf_for(KIB(2) >> BDA_GRANULE_LOG2)]), 0);
    give_all(some, COUNT_OF(some));
    close_all(held);
}

/* ---- Whether anything is kept ---- */

static struct helper newcomer;

/* In the place of another processor: a thread that has no cache yet takes the last bundle. */
static void let_newcomer_take(void) {
    bda_yield_hook = NULL;
    tell(&newcomer, take_one_of_its_own);
}

/* Who asks holds the arena's lock, and is about to take the depot's. */
static void a_bundle_is_seen_that_somebody_new_takes_out(void **state) {
    (void)state;
    BdaAllocation held = open_with_helper(MIB(4));
    struct bda_pool *pool = pool_of(&held);
    hire(&newcomer);
    for (uint32_t i = 0; i < 10 && bda_depot_filled(&pool->depot) == 0; i++) {
        hand_over(SOME, 64);
        tell(&helper, free_all);
    }
    for (uint32_t i = 0; i < 2; i++) {
        pool->depot.used = true;
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS); /* what threads keep goes back */
    }
    while (bda_depot_filled(&pool->depot) > 1) {
        struct bda_bundle bundle = { .count = 0 };
        assert_true(bda_depot_take(&pool->depot, &bundle));
        bda_lock(&pool->lock);
        bda_bundle_release(pool, &bundle);
        bda_unlock(&pool->lock);
    }
    assert_int_equal(bda_depot_filled(&pool->depot), 1);
    bda_lock(&pool->lock);
    bda_yield_hook = let_newcomer_take;
    bool holds = bda_caches_hold(bench.allocator, pool);
    bda_unlock(&pool->lock);
    assert_null(bda_yield_hook);
    assert_int_equal(bda_depot_filled(&pool->depot), 0);
    assert_int_equal(newcomer.count, 1);
    assert_true(holds);
    tell(&newcomer, free_all);
    dismiss(&newcomer);
    close_all(held);
}

/* ---- What may be kept ---- */

static void bound_to(struct bda_pool *pool, uint64_t free, uint64_t expected) {
    pool->tlsf.free_granules = free * BDA_CACHED_SHARE;
    bda_pool_bound_caches(pool);
    assert_int_equal(pool->cached_most[BDA_KEPT_SMALL], expected);
}

/* Others read it with every free. */
static void what_may_be_kept_is_told_by_steps(void **state) {
    (void)state;
    static struct bda_pool pool;
    pool.tlsf.granules = UINT32_MAX;
    bound_to(&pool, 1600, 1600);
    bound_to(&pool, 1700, 1600);
    bound_to(&pool, 1500, 1600);
    bound_to(&pool, 1701, 1701);
    bound_to(&pool, 1594, 1594);
    bound_to(&pool, 15, 15);
    bound_to(&pool, 14, 14);
    bound_to(&pool, 15, 15);
    bound_to(&pool, 0, 0);
    pool.tlsf.granules = 1000;
    bound_to(&pool, 100, 100);
    assert_true(pool.roomy);
    bound_to(&pool, 10, 10);
    assert_false(pool.roomy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_takes_what_it_has_room_for),
        cmocka_unit_test(a_bundle_holds_no_more_than_it_has_places),
        cmocka_unit_test(what_is_in_a_bundle_is_dead_and_remembered),
        cmocka_unit_test(a_bundle_that_was_begun_in_better_times_leaves),
        cmocka_unit_test(what_is_on_its_way_to_a_pool_that_rests_goes_back),
        cmocka_unit_test(a_thread_begins_to_take_while_another_one_trims),
        cmocka_unit_test(who_takes_asks_for_each),
        cmocka_unit_test(who_takes_from_the_depot_asks_for_each_too),
        cmocka_unit_test(who_takes_what_others_free_is_not_alone),
        cmocka_unit_test(who_takes_alone_takes_nothing_ahead),
        cmocka_unit_test(a_bundle_is_seen_that_somebody_new_takes_out),
        cmocka_unit_test(what_may_be_kept_is_told_by_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
