/*
 * src/alloc/cache.c, several threads and allocators: whose cache it is, what becomes of it when its thread ends or only
 * frees, who may reach into it, and what host memory it may take.
 */
#include "helper_support.h"

#include "alloc/caches.h"

/* ---- What a helper does ---- */

static void free_all(struct helper *h) {
    for (uint32_t i = 0; i < h->count; i++)
        h->wrong += bda_free(h->allocator, h->slots[i].handle) != VK_SUCCESS ? 1u : 0u;
    h->count = 0;
}

/* `count` ranges of `size`. */
static void take_all(struct helper *h) {
    for (uint32_t i = 0; i < h->count; i++)
        h->wrong += bda_alloc(h->allocator, &(BdaAllocInfo){ .size = h->size }, &h->slots[i]) != VK_SUCCESS ? 1u : 0u;
}

static void take_and_free(struct helper *h) {
    for (uint32_t i = 0; i < 3; i++) {
        h->count = 1;
        h->size = 64;
        take_all(h);
        free_all(h);
    }
}

static VkDeviceSize cached(void) {
    return bench_use().cached;
}

static uint32_t caches_of(BdaAllocator allocator) {
    uint32_t count = 0;
    for (struct bda_cache *cache = atomic_load(&allocator->newest_cache); cache != NULL; cache = cache->older)
        count++;
    return count;
}

/* A block that stays, and a cache of this thread. */
static BdaAllocation open_held(void) {
    bench_open(NULL, NULL);
    BdaAllocation held = take_bytes(64, BDA_INTENT_DEVICE);
    give(take_bytes(64, BDA_INTENT_DEVICE));
    return held;
}

static void close_held(BdaAllocation held) {
    give(held);
    bench_close();
}

/* ---- When a thread ends ---- */

static struct helper helper, other, third;

static void a_thread_that_ends_leaves_nothing_behind(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    tell(&helper, take_and_free);
    assert_int_equal(cached(), 64);
    dismiss(&helper);
    assert_int_equal(cached(), 0);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    close_held(held);
}

static void its_cache_goes_to_the_next_thread(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    size_t host = 0;
    for (uint32_t i = 0; i < 10; i++) {
        hire(&helper);
        tell(&helper, take_and_free);
        dismiss(&helper);
        host = i == 0 ? bench.host.live_count : host;
    }
    assert_int_equal(caches_of(bench.allocator), 2); /* ours, and theirs */
    assert_int_equal(bench.host.live_count, host);
    close_held(held);
}

static void two_threads_at_a_time_have_two_caches(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    hire(&other);
    tell(&helper, take_and_free);
    tell(&other, take_and_free);
    assert_int_equal(caches_of(bench.allocator), 3);
    assert_int_equal(cached(), 128);
    dismiss(&helper);
    assert_int_equal(cached(), 64);
    dismiss(&other);
    close_held(held);
}

/* Guards against an end that looks for the caches of an allocator that is gone. */
static void an_allocator_may_go_before_the_threads_that_used_it(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    tell(&helper, take_and_free);
    close_held(held);
    held = open_held(); /* perhaps in the same place */
    helper.allocator = bench.allocator;
    tell(&helper, take_and_free);
    assert_int_equal(cached(), 64);
    close_held(held);
    dismiss(&helper);
}

/* More allocators than a thread remembers, in turns. */
static void each_allocator_has_one_cache_of_a_thread(void **state) {
    (void)state;
    enum { ALLOCATORS = 2 * BDA_CACHES_KNOWN + 1 };
    BdaAllocator all[ALLOCATORS];
    BdaAllocation held[ALLOCATORS], a, b;
    bench_prepare(NULL);
    for (uint32_t i = 0; i < ALLOCATORS; i++) {
        assert_int_equal(bda_create_allocator(&bench.info, &all[i]), VK_SUCCESS);
        assert_int_equal(bda_alloc(all[i], &(BdaAllocInfo){ .size = 64 }, &held[i]), VK_SUCCESS);
    }
    for (uint32_t round = 0; round < 5; round++)
        for (uint32_t i = 0; i < ALLOCATORS; i++) {
            BdaStats stats;
            assert_int_equal(bda_alloc(all[i], &(BdaAllocInfo){ .size = 64 }, &a), VK_SUCCESS);
            assert_int_equal(bda_free(all[i], a.handle), VK_SUCCESS);
            assert_int_equal(bda_get_stats(all[i], &stats), VK_SUCCESS);
            assert_true(round == 0 || stats.total.cached == 64);
            assert_int_equal(bda_alloc(all[i], &(BdaAllocInfo){ .size = 64 }, &b), VK_SUCCESS);
            assert_int_equal(b.address, a.address);
            assert_int_equal(bda_free(all[i], b.handle), VK_SUCCESS);
            assert_int_equal(caches_of(all[i]), 1);
        }
    for (uint32_t i = 0; i < ALLOCATORS; i++) {
        assert_int_equal(bda_free(all[i], held[i].handle), VK_SUCCESS);
        assert_int_equal(bda_check(all[i]), VK_SUCCESS);
        assert_int_equal(bda_destroy_allocator(all[i]), VK_SUCCESS);
    }
    bench_start();
    bench_close();
}

/* ---- Where the caller synchronises ---- */

static void an_allocator_without_locks_has_no_caches(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT });
    BdaAllocation held = take_bytes(64, BDA_INTENT_DEVICE);
    hire(&helper);
    for (uint32_t i = 0; i < 3; i++) {
        tell(&helper, take_and_free);
        assert_int_equal(caches_of(bench.allocator), 0);
        assert_int_equal(cached(), 0);
    }
    dismiss(&helper);
    close_held(held);
}

/* ---- Who only frees ---- */

static void fill(struct helper *h, uint32_t count, VkDeviceSize size) {
    for (h->count = 0; h->count < count; h->count++)
        h->slots[h->count] = take_bytes(size, BDA_INTENT_DEVICE);
}

static void freeing_takes_no_host_memory(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    fill(&helper, 200, 64);
    size_t calls = bench.host.calls;
    fake_host_fail(&bench.host, 1, true);
    tell(&helper, free_all);
    fake_host_fail(&bench.host, 0, false);
    assert_int_equal(bench.host.calls, calls);
    assert_int_equal(bench_use().allocation_count, 1);
    dismiss(&helper);
    close_held(held);
}

/* First it has no cache, and nothing is kept; the next request of anybody makes it one, the request after that may make
 * it a place for the pool. */
static void a_thread_that_only_frees_gets_its_cache_from_others(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    fill(&helper, 1, 64);
    tell(&helper, free_all);
    assert_int_equal(cached(), 0);
    for (uint32_t i = 0; i < 3 && cached() == 0; i++) {
        fill(&helper, 1, 64);
        tell(&helper, free_all);
    }
    assert_int_equal(cached(), 64);
    assert_int_equal(caches_of(bench.allocator), 2);
    dismiss(&helper);
    assert_int_equal(cached(), 0);
    close_held(held);
}

static BdaAllocation take_own(void) {
    return take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
}

/* The same where all that others allocate are own buffers, from their shelves. */
static void who_frees_own_buffers_gets_a_cache_from_others(void **state) {
    (void)state;
    enum { KEPT = 8 };
    BdaAllocation held = open_held();
    BdaAllocation own = take_own(), all[KEPT];
    for (uint32_t i = 0; i < 3 * KEPT; i++) {
        all[i % KEPT] = take_own();
        if (i % KEPT == KEPT - 1)
            give_all(all, KEPT);
    }
    assert_true(cached() >= (VkDeviceSize)3 * 64);
    hire(&helper);
    for (uint32_t i = 0; i < 3 && caches_of(bench.allocator) == 1; i++) {
        helper.slots[0] = take_own();
        helper.count = 1;
        tell(&helper, free_all);
    }
    assert_int_equal(caches_of(bench.allocator), 2);
    give(own);
    dismiss(&helper);
    close_held(held);
}

static void take_and_free_own_buffers(struct helper *h) {
    const VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 64, .usage = PLAIN_USAGE };
    for (uint32_t i = 0; i < 3 * BDA_LOCK_PATIENCE; i++) {
        BdaAllocation a;
        h->wrong += bda_alloc_buffer(h->allocator, &info, &h->wish, &a) != VK_SUCCESS ? 1u : 0u;
        h->wrong += bda_free(h->allocator, a.handle) != VK_SUCCESS ? 1u : 0u;
    }
}

/* Although nothing is kept of it. */
static void who_is_alone_with_a_pool_of_own_buffers_owns_its_lock(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "buffers" });
    BdaAllocation own = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    struct bda_lock *lock = &bda_pool_of_buffers(pool)->lock;
    assert_true(bda_lock_is_own(lock));
    hire(&helper);
    helper.wish = (BdaAllocInfo){ .pool = pool };
    tell(&helper, take_and_free_own_buffers);
    assert_non_null(bda_lock_owner(lock));
    assert_false(bda_lock_is_own(lock));
    give(own);
    dismiss(&helper);
    close_held(held);
}

/* One frees what another one allocates: through the depot what was freed comes back. */
static void what_one_frees_another_one_gets(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    bool depot_used = false;
    VkDeviceSize reserved = bench_use().reserved;
    for (uint32_t i = 0; i < 40; i++) {
        fill(&helper, 200, 64);
        assert_int_equal(bench_use().allocation_count, 201);
        tell(&helper, free_all);
        BdaUse use = bench_use();
        assert_int_equal(use.allocation_count, 1);
        assert_int_equal(use.used, 64);
        assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
        for (struct bda_pool *pool = bench.allocator->newest_pool; pool != NULL; pool = pool->older)
            depot_used = depot_used || pool->depot.granules != 0;
    }
    assert_true(depot_used);
    assert_int_equal(bench_use().reserved, reserved);
    dismiss(&helper);
    close_held(held);
}

static struct bda_block *block_of(const BdaAllocation *a) {
    return bda_block_of(bench.allocator, bda_node_of(bench.allocator, (uint32_t)a->handle));
}

/* What this thread's requests to the pool of an allocation come from. */
static struct bda_stock *source_of(const BdaAllocation *a) {
    return bda_cache_at_hand(bench.allocator)->sources[bda_pool_stock(block_of(a)->pool)];
}

/* The bundle that somebody has given last, while this thread keeps something, too. */
static struct bda_bundle *fill_depot(const BdaAllocation *of) {
    struct bda_depot *depot = &block_of(of)->pool->depot;
    for (uint32_t i = 0; i < 10 && bda_depot_filled(depot) == 0; i++) {
        fill(&helper, 200, 64);
        give(helper.slots[--helper.count]);
        tell(&helper, free_all);
    }
    assert_int_not_equal(bda_depot_filled(depot), 0);
    assert_int_not_equal(bda_stock_kept(source_of(of)), 0);
    return &depot->bundles[bda_depot_filled(depot) - 1];
}

static void a_bundle_that_does_not_fit_goes_back_by_who_takes(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    const struct bda_bundle *bundle = fill_depot(&held);
    struct bda_stock *stock = source_of(&held);
    struct bda_pool *pool = block_of(&held)->pool;
    uint32_t filled = bda_depot_filled(&pool->depot);
    uint64_t free = pool->tlsf.free_granules, granules = bundle->granules, kept = bda_stock_kept(stock);
    stock->most[BDA_KEPT_SMALL] = kept + granules - 1;
    BdaAllocation a = take_bytes(KIB(2), BDA_INTENT_DEVICE); /* of which nothing is kept */
    assert_int_equal(bda_depot_filled(&pool->depot), filled - 1);
    assert_true(pool->tlsf.free_granules > free && pool->tlsf.free_granules <= free + granules);
    assert_true(bda_stock_kept(stock) <= stock->most[BDA_KEPT_SMALL]);
    give(a);
    dismiss(&helper);
    close_held(held);
}

/* It has not looked yet how much it may keep. */
static void who_has_just_come_to_take_keeps_its_first_bundle(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    const struct bda_bundle *bundle = fill_depot(&held);
    struct bda_stock *stock = source_of(&held);
    uint64_t granules = bundle->granules, kept = bda_stock_kept(stock);
    stock->most[BDA_KEPT_SMALL] = 0;
    BdaAllocation a = take_bytes(KIB(2), BDA_INTENT_DEVICE); /* of which nothing is kept */
    assert_true(bda_stock_kept(stock) >= kept + granules);
    give(a);
    dismiss(&helper);
    close_held(held);
}

static void free_given(struct helper *h) {
    for (uint32_t i = 0; i < h->count; i++)
        h->wrong += bda_free(h->allocator, h->given[i].handle) != VK_SUCCESS ? 1u : 0u;
}

/* Free is less than the low-water mark, and more than that with what threads keep. */
static void what_threads_keep_counts_before_a_block_is_made_ahead(void **state) {
    (void)state;
    static BdaAllocation small[700], named[192];
    bench_open(NULL, &(BdaAllocatorInfo){ .low_water = KIB(300), .max_block_size = MIB(1) });
    for (uint32_t i = 0; i < COUNT_OF(small); i++)
        small[i] = take_bytes(KIB(1), BDA_INTENT_DEVICE);
    hire(&helper);
    tell(&helper, take_and_free);
    helper.given = small;
    helper.count = 256;
    tell(&helper, free_given);
    give_all(&small[256], 144);
    uint32_t count = 0;
    while (!bda_wants_block(bench.allocator) && count < COUNT_OF(named))
        named[count++] = take((BdaAllocInfo){ .size = 5000, .name = "named", .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    const BdaUse before = bench_use();
    assert_true(before.free < KIB(300) && before.free + before.cached >= KIB(300));
    assert_int_equal(bda_prepare(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().block_count, 1);
    assert_int_equal(bench_use().cached, 0);
    assert_false(bda_wants_block(bench.allocator));
    helper.given = &small[400]; /* and the same again: shelves are not emptied for ever */
    helper.count = 256;
    tell(&helper, free_given);
    while (!bda_wants_block(bench.allocator) && count < COUNT_OF(named))
        named[count++] = take((BdaAllocInfo){ .size = 5000, .name = "named", .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    assert_true(bda_wants_block(bench.allocator) && bench_use().cached != 0);
    assert_int_equal(bda_prepare(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().block_count, 2);
    assert_true(bench_use().cached != 0);
    dismiss(&helper);
    give_all(&small[656], COUNT_OF(small) - 656);
    give_all(named, count);
    bench_close();
}

/* Granules that wait in the depot once the helper has freed 200 KiB of the pool. */
static uint64_t waiting_after_frees(struct bda_pool *pool) {
    fill(&helper, 200, KIB(1));
    assert_int_equal(bda_trim(bench.allocator, UINT64_MAX, NULL), VK_SUCCESS);
    assert_int_equal(bda_depot_filled(&pool->depot), 0);
    tell(&helper, free_all);
    return pool->depot.granules;
}

static void more_waits_in_a_depot_for_one_who_takes(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    (void)fill_depot(&held);
    struct bda_pool *pool = block_of(&held)->pool;
    uint64_t waiting = waiting_after_frees(pool);
    assert_in_range(waiting, pool->cached_most[BDA_KEPT_SMALL] + 1,
                    BDA_DEPOT_SHARES * pool->cached_most[BDA_KEPT_SMALL]);
    uint32_t takers = atomic_exchange(&pool->takers, 0);
    waiting = waiting_after_frees(pool);
    assert_in_range(waiting, pool->cached_most[BDA_KEPT_SMALL] / 2, pool->cached_most[BDA_KEPT_SMALL]);
    atomic_store(&pool->takers, takers);
    dismiss(&helper);
    close_held(held);
}

static void a_depot_that_was_used_outlasts_one_collect(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    (void)fill_depot(&held);
    const struct bda_depot *depot = &block_of(&held)->pool->depot;
    uint32_t filled = bda_depot_filled(depot);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bda_depot_filled(depot), filled);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bda_depot_filled(depot), 0);
    dismiss(&helper);
    close_held(held);
}

static void what_a_depot_alone_keeps_comes_before_a_refusal(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    (void)fill_depot(&held);
    struct bda_depot *depot = &block_of(&held)->pool->depot;
    for (uint32_t i = 0; i < 2; i++) {
        depot->used = true;
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS); /* what threads keep goes back */
    }
    assert_int_not_equal(depot->granules, 0);
    assert_int_equal(cached(), depot->granules << BDA_GRANULE_LOG2);
    VkDeviceSize rest = ((VkDeviceSize)block_of(&held)->region.size << BDA_GRANULE_LOG2) - 64;
    give(take((BdaAllocInfo){ .size = rest, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT }));
    dismiss(&helper);
    close_held(held);
}

/* Another thread is inside of bda_set_name, see test_shard.c. */
static void what_comes_in_a_bundle_is_of_its_size_whatever_its_home_says(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    const struct bda_bundle *bundle = fill_depot(&held);
    struct bda_node *node = bda_node_of(bench.allocator, bundle->nodes[0]);
    uint32_t before = atomic_exchange(&node->as.taken.record_or_home, bda_shelf_of(2048));
    for (helper.count = 0; bda_bundle_count(bundle) != 0; helper.count++) {
        assert_in_range(helper.count, 0, 200);
        helper.slots[helper.count] = take_bytes(64, BDA_INTENT_DEVICE);
    }
    BdaAllocation large = take_bytes(KIB(32), BDA_INTENT_DEVICE);
    atomic_store(&node->as.taken.record_or_home, before);
    assert_true(bda_node_of(bench.allocator, (uint32_t)large.handle)->size >= 2048);
    give(large);
    tell(&helper, free_all);
    dismiss(&helper);
    close_held(held);
}

static void what_may_be_kept_is_shared_by_the_threads(void **state) {
    (void)state;
    struct helper *const others[] = { &helper, &other, &third };
    BdaAllocation held = open_held();
    const struct bda_pool *pool = block_of(&held)->pool;
    for (uint32_t i = 0; i < COUNT_OF(others); i++) {
        hire(others[i]);
        tell(others[i], take_and_free);
    }
    give(take_bytes(KIB(2), BDA_INTENT_DEVICE));
    uint64_t all = pool->cached_most[BDA_KEPT_SMALL];
    BdaAllocation a = take_bytes(KIB(3), BDA_INTENT_DEVICE);
    assert_in_range(source_of(&held)->most[BDA_KEPT_SMALL], all / 5, all / 4);
    for (uint32_t i = 0; i < COUNT_OF(others); i++)
        dismiss(others[i]);
    give(take_bytes(KIB(4), BDA_INTENT_DEVICE));
    assert_true(source_of(&held)->most[BDA_KEPT_SMALL] > all / 2);
    give(a);
    close_held(held);
}

static void nothing_is_taken_ahead_among_large_ranges(void **state) {
    (void)state;
    BdaAllocation large[35], some[64];
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(16) });
    BdaAllocation held = take_bytes(64, BDA_INTENT_DEVICE);
    hire(&helper);
    tell(&helper, take_and_free);
    for (uint32_t i = 0; i < COUNT_OF(large); i++)
        large[i] = take_bytes(KIB(300), BDA_INTENT_DEVICE);
    assert_int_equal(bda_trim(bench.allocator, UINT64_MAX, NULL), VK_SUCCESS);
    uint32_t high = 0;
    for (uint32_t i = 0; i < COUNT_OF(some); i++) { /* first what is left beside the one that is held */
        some[i] = take_bytes(64, BDA_INTENT_DEVICE);
        high += bda_node_zone(bda_node_of(bench.allocator, (uint32_t)some[i].handle)) != 0;
    }
    assert_in_range(high, 16, COUNT_OF(some));
    assert_true(block_of(&held)->pool->roomy);
    assert_int_equal(cached(), 0);
    give_all(some, COUNT_OF(some));
    give_all(large, COUNT_OF(large));
    dismiss(&helper);
    close_held(held);
}

/* As a larger range: its node may have come to be another's. */
static bool is_kept(const BdaAllocation *a) {
    struct bda_node *node = bda_node_of(bench.allocator, (uint32_t)a->handle);
    return bda_node_state(node) == BDA_NODE_CACHED && bda_node_size(node) > BDA_SMALL_MOST;
}

/* Larger ones that lie on shelves when room becomes scarce go with the next look at those, which take none from then
 * on. Both threads take: one alone would keep nothing there anyway. */
static void where_there_is_little_room_only_small_ranges_are_kept(void **state) {
    (void)state;
    BdaAllocation large[8];
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(128), .max_block_size = MIB(128) });
    BdaAllocation held = take_bytes(64, BDA_INTENT_DEVICE);
    hire(&helper);
    tell(&helper, take_and_free);
    BdaAllocation before = take_bytes(KIB(100), BDA_INTENT_DEVICE), after = take_bytes(KIB(100), BDA_INTENT_DEVICE);
    BdaAllocation late = take_bytes(KIB(100), BDA_INTENT_DEVICE);
    for (uint32_t i = 0; i < COUNT_OF(large) - 1; i++)
        large[i] = take_bytes(MIB(14), BDA_INTENT_DEVICE);
    give(before);
    assert_true(is_kept(&before));
    large[COUNT_OF(large) - 1] = take_bytes(MIB(14), BDA_INTENT_DEVICE);
    BdaAllocation one; /* from TLSF, which says how much is free */
    assert_int_equal(bda_alloc_many(bench.allocator, 1, &(BdaAllocInfo){ .size = 64 }, &one), VK_SUCCESS);
    assert_false(block_of(&held)->pool->roomy);
    give(after);
    assert_true(is_kept(&after));
    give(take_bytes(KIB(20), BDA_INTENT_DEVICE)); /* of which nothing is there: a look */
    assert_int_not_equal(cached(), 0);
    assert_false(is_kept(&before) || is_kept(&after));
    give(late);
    assert_false(is_kept(&late));
    give(one);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    give_all(large, COUNT_OF(large));
    dismiss(&helper);
    close_held(held);
}

/* In a bundle that was filled while there was much room, for a thread that keeps none by the time it takes it. */
static void larger_ranges_that_come_too_late_go_on(void **state) {
    (void)state;
    BdaAllocation passed[8];
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(128), .max_block_size = MIB(128) });
    BdaAllocation held = take_bytes(64, BDA_INTENT_DEVICE);
    struct bda_pool *pool = block_of(&held)->pool;
    for (uint32_t i = 0; i < COUNT_OF(passed); i++)
        passed[i] = take_bytes(KIB(100), BDA_INTENT_DEVICE);
    hire(&helper);
    helper.given = passed;
    helper.count = 1;
    tell(&helper, free_given); /* there is no place for it yet: a wish */
    give(take_bytes(64, BDA_INTENT_DEVICE));
    give(take_bytes(2000, BDA_INTENT_DEVICE)); /* on the middle way, which grants it */
    helper.given = passed + 1;
    helper.count = COUNT_OF(passed) - 1;
    tell(&helper, free_given);
    assert_int_equal(bda_depot_filled(&pool->depot), 1);
    assert_true(is_kept(&passed[1]));
    bda_cache_at_hand(bench.allocator)->sources[bda_pool_stock(pool)]->largest = BDA_SMALL_MOST;
    pool->roomy = false;
    give(take_bytes(KIB(20), BDA_INTENT_DEVICE));
    assert_int_equal(bda_depot_filled(&pool->depot), 0);
    assert_false(is_kept(&passed[1]));
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    dismiss(&helper);
    close_held(held);
}

/* Where there is much room, and they count as large. */
static void larger_ranges_are_taken_ahead_too(void **state) {
    (void)state;
    static BdaAllocation some[1100]; /* the more is taken, the more may be kept */
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(512), .max_block_size = MIB(512) });
    BdaAllocation held = take_bytes(64, BDA_INTENT_DEVICE);
    hire(&helper);
    tell(&helper, take_and_free);
    bool ahead = false;
    for (uint32_t i = 0; i < COUNT_OF(some); i++) {
        some[i] = take_bytes(KIB(70), BDA_INTENT_DEVICE);
        ahead |= cached() >= KIB(70);
    }
    assert_true(ahead);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    give_all(some, COUNT_OF(some));
    dismiss(&helper);
    close_held(held);
}

/* Much room, and the helper has a cache and a stock, so that what it frees goes into bundles. */
static BdaAllocation open_with_one_who_frees(void) {
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(128), .max_block_size = MIB(128) });
    BdaAllocation held = take_bytes(64, BDA_INTENT_DEVICE);
    give(take_bytes(64, BDA_INTENT_DEVICE));
    hire(&helper);
    for (uint32_t i = 0; i < 4; i++) {
        fill(&helper, 1, 64);
        tell(&helper, free_all);
    }
    return held;
}

/* What comes in bundles is bounded as what the thread frees itself. */
static void larger_ranges_in_bundles_keep_within_bounds(void **state) {
    (void)state;
    static BdaAllocation some[30];
    BdaAllocation held = open_with_one_who_frees();
    uint32_t seed = 1, kept_some = 0;
    for (uint32_t round = 0; round < 200; round++) {
        for (uint32_t i = 0; i < COUNT_OF(some); i++) {
            seed = seed * 1664525 + 1013904223;
            some[i] = take_bytes(KIB(66) + (seed >> 12) % KIB(300), BDA_INTENT_DEVICE);
            const struct bda_stock *stock = source_of(&held);
            assert_true(stock->parts[BDA_KEPT_LARGER] <= stock->most[BDA_KEPT_LARGER] + (KIB(366) >> BDA_GRANULE_LOG2));
            kept_some += stock->parts[BDA_KEPT_LARGER] != 0;
        }
        helper.given = some;
        helper.count = COUNT_OF(some);
        tell(&helper, free_given);
        helper.count = 0;
    }
    assert_true(kept_some != 0);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    dismiss(&helper);
    close_held(held);
}

/* All bundles of a depot, of one size: what the shelf cannot count goes back. */
static void a_shelf_is_filled_no_further_than_it_counts(void **state) {
    (void)state;
    static BdaAllocation some[2 * BDA_SHELF_COUNTS];
    BdaAllocation held = open_with_one_who_frees();
    for (uint32_t i = 0; i < COUNT_OF(some); i++)
        some[i] = take_bytes(64, BDA_INTENT_DEVICE);
    helper.given = some;
    helper.count = COUNT_OF(some);
    tell(&helper, free_given);
    helper.count = 0;
    const struct bda_depot *depot = &block_of(&held)->pool->depot;
    assert_true(bda_depot_filled(depot) * BDA_BUNDLE_MOST > BDA_SHELF_COUNTS + BDA_BUNDLE_MOST);
    BdaAllocation a = take_bytes(KIB(2), BDA_INTENT_DEVICE); /* of which nothing is kept */
    assert_int_equal(bda_depot_filled(depot), 0);
    assert_int_equal(bda_shelf_count(&source_of(&held)->shelves[bda_shelf_of(64 / 16)]), BDA_SHELF_COUNTS);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().allocation_count, 2);
    give(a);
    dismiss(&helper);
    close_held(held);
}

static void a_block_is_used_by_what_is_taken_ahead(void **state) {
    (void)state;
    BdaAllocation held = open_held(), some[64];
    hire(&helper);
    tell(&helper, take_and_free);
    for (uint32_t i = 0; i < COUNT_OF(some); i++) {
        some[i] = take_bytes(64, BDA_INTENT_DEVICE);
        if (i == 8) /* from here on by the dozen */
            block_of(&held)->idle = 7;
    }
    assert_int_equal(block_of(&held)->idle, 0);
    give_all(some, COUNT_OF(some));
    dismiss(&helper);
    close_held(held);
}

static void what_is_taken_ahead_counts_for_the_mark(void **state) {
    (void)state;
    BdaAllocation some[600];
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(1), .low_water = KIB(1000) });
    BdaAllocation held = take_bytes(64, BDA_INTENT_DEVICE);
    hire(&helper);
    tell(&helper, take_and_free);
    for (uint32_t i = 0; i < 8; i++)
        some[i] = take_bytes(64, BDA_INTENT_DEVICE);
    assert_false(bda_wants_block(bench.allocator));
    for (uint32_t i = 8; i < COUNT_OF(some); i++)
        some[i] = take_bytes(64, BDA_INTENT_DEVICE);
    assert_true(bda_wants_block(bench.allocator));
    give_all(some, COUNT_OF(some));
    dismiss(&helper);
    close_held(held);
}

/* Holes of a granule more than is asked for: each is taken whole, and what it is larger by is kept, too. */
static void what_is_taken_ahead_counts_with_its_sliver(void **state) {
    (void)state;
    const VkDeviceSize granule = (VkDeviceSize)1 << BDA_GRANULE_LOG2;
    BdaAllocation held = open_held(), holes[128], some[32];
    hire(&helper);
    tell(&helper, take_and_free);
    for (uint32_t i = 0; i < COUNT_OF(holes); i++)
        holes[i] = take_bytes(33 * granule, BDA_INTENT_DEVICE);
    for (uint32_t i = 0; i < COUNT_OF(holes); i += 2)
        give(holes[i]);
    assert_int_equal(bda_trim(bench.allocator, UINT64_MAX, NULL), VK_SUCCESS);
    assert_int_equal(cached(), 0);
    for (uint32_t i = 0; i < COUNT_OF(some); i++)
        some[i] = take_bytes(32 * granule, BDA_INTENT_DEVICE);
    assert_in_range(cached(), 33 * granule, COUNT_OF(holes) / 2 * 33 * granule);
    assert_int_equal(cached() % (33 * granule), 0);
    give_all(some, COUNT_OF(some));
    for (uint32_t i = 1; i < COUNT_OF(holes); i += 2)
        give(holes[i]);
    dismiss(&helper);
    close_held(held);
}

/* ---- Reaching into another thread's ---- */

static void a_trim_takes_from_threads_that_live_on(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    for (uint32_t i = 0; i < 3; i++) {
        tell(&helper, take_and_free);
        assert_true(cached() >= 64); /* a thread that is not alone takes several at a time */
        assert_int_equal(bda_trim(bench.allocator, UINT64_MAX, NULL), VK_SUCCESS);
        assert_int_equal(cached(), 0);
        assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    }
    dismiss(&helper);
    close_held(held);
}

static void idle_threads_lose_what_they_keep_and_busy_ones_do_not(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    hire(&helper);
    hire(&other);
    tell(&helper, take_and_free);
    for (uint32_t i = 0; i < 3; i++) {
        tell(&other, take_and_free);
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    }
    assert_int_equal(cached(), 64);
    dismiss(&helper);
    assert_int_equal(cached(), 64); /* the other one's */
    dismiss(&other);
    assert_int_equal(cached(), 0);
    close_held(held);
}

static void a_check_keeps_owners_out_and_lets_them_in_again(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    give(take_bytes(64, BDA_INTENT_DEVICE));
    give(take_bytes(64, BDA_INTENT_DEVICE));
    bda_caches_stop(bench.allocator);
    assert_int_equal(cached(), 64);
    hire(&helper);
    BdaAllocation a;
    struct bda_cache *mine = bda_cache_at_hand(bench.allocator);
    assert_false(bda_claim_enter(&mine->claim));
    bda_caches_go(bench.allocator);
    a = take_bytes(64, BDA_INTENT_DEVICE);
    assert_int_equal(cached(), 0);
    give(a);
    dismiss(&helper);
    close_held(held);
}

/* What bda_check compares. */
static void a_check_sees_what_caches_say_wrongly(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    give(take_bytes(64, BDA_INTENT_DEVICE));
    give(take_bytes(64, BDA_INTENT_DEVICE));
    struct bda_cache *mine = bda_cache_at_hand(bench.allocator);
    struct bda_stock *stock = bda_cache_stock(mine, 0);
    atomic_fetch_add(&stock->kept, 1);
    assert_refusal(VK_ERROR_UNKNOWN, bda_check(bench.allocator), "bda_check", "kept in caches");
    atomic_fetch_sub(&stock->kept, 1);
    atomic_fetch_add(&stock->used, 1);
    assert_refusal(VK_ERROR_UNKNOWN, bda_check(bench.allocator), "bda_check", "bytes used");
    atomic_fetch_sub(&stock->used, 1);
    atomic_fetch_sub(&stock->shelves[bda_shelf_of(64 / 16)].count, 1);
    assert_refusal(VK_ERROR_UNKNOWN, bda_check(bench.allocator), "bda_check", "count of allocations");
    atomic_fetch_add(&stock->shelves[bda_shelf_of(64 / 16)].count, 1);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    close_held(held);
}

/* Caches are read one after another: a range that one takes and another one frees may be seen to end only. */
static void no_count_falls_below_zero(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    give(take_bytes(64, BDA_INTENT_DEVICE));
    give(take_bytes(64, BDA_INTENT_DEVICE));
    struct bda_stock *stock = bda_cache_stock(bda_cache_at_hand(bench.allocator), 0);
    atomic_fetch_add(&stock->shelves[0].count, 5);
    atomic_fetch_sub(&stock->used, 500);
    BdaUse use = bench_use();
    assert_int_equal(use.allocation_count, 0);
    assert_int_equal(use.used, 0);
    atomic_fetch_sub(&stock->shelves[0].count, 5);
    atomic_fetch_add(&stock->used, 500);
    assert_int_equal(bench_use().allocation_count, 1);
    close_held(held);
}

/* ---- Misuse ---- */

static void a_kept_range_has_no_handle(void **state) {
    (void)state;
    BdaAllocation held = open_held(), a = { .handle = 0 };
    for (uint32_t i = 0; i < 3; i++)
        give(a = take_bytes(64, BDA_INTENT_DEVICE));
    assert_int_equal(cached(), 64);
    for (uint32_t i = 0; i < 2; i++) { /* kept, and then somebody else's */
        BdaAllocationInfo info;
        const BdaHandle h = a.handle;
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free(bench.allocator, h), "bda_free", "stale");
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free_many(bench.allocator, 1, &h), "bda_free_many", "stale");
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_get_info(bench.allocator, h, &info), "bda_get_info",
                       "stale");
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_set_name(bench.allocator, h, "x"), "bda_set_name", "stale");
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_set_user(bench.allocator, h, 1), "bda_set_user", "stale");
        assert_int_equal(cached(), i == 0 ? 64 : 0);
        if (i == 0)
            helper.slots[0] = take_bytes(64, BDA_INTENT_DEVICE);
    }
    assert_null(info_of(helper.slots[0].handle).name);
    give(helper.slots[0]);
    close_held(held);
}

static struct {
    _Atomic BdaHandle handle;
    _Atomic uint32_t round;
    _Atomic unsigned freed, tried;
} contest;

enum { RIVALS = 3, ROUNDS = 3000 };

static void *free_first(void *unused) {
    (void)unused;
    BdaAllocation a;
    for (uint32_t i = 0; i < 3; i++) /* so that it has a cache */
        if (bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = 64 }, &a) == VK_SUCCESS)
            (void)bda_free(bench.allocator, a.handle);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        while (atomic_load(&contest.round) < round)
            bda_native_yield();
        if (bda_free(bench.allocator, atomic_load(&contest.handle)) == VK_SUCCESS)
            atomic_fetch_add(&contest.freed, 1);
        atomic_fetch_add(&contest.tried, 1);
    }
    return NULL;
}

static void of_threads_that_free_one_handle_one_succeeds(void **state) {
    (void)state;
    pthread_t threads[RIVALS];
    bench_prepare(NULL);
    bench.info.message = NULL;
    bench_start();
    memset(&contest, 0, sizeof contest);
    BdaAllocation held = take_bytes(64, BDA_INTENT_DEVICE);
    for (uint32_t i = 0; i < RIVALS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, free_first, NULL), 0);
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        atomic_store(&contest.handle, take_bytes(64 + round % 64, BDA_INTENT_DEVICE).handle);
        atomic_store(&contest.round, round);
        while (atomic_load(&contest.tried) < round * RIVALS)
            bda_native_yield();
        assert_int_equal(contest.freed, round);
    }
    for (uint32_t i = 0; i < RIVALS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(bench_use().allocation_count, 1);
    close_held(held);
}

/* ---- Host memory ---- */

static void without_host_memory_there_is_no_cache_and_no_refusal(void **state) {
    (void)state;
    BdaAllocation held = open_held();
    give(take_bytes(64, BDA_INTENT_DEVICE)); /* so that there are nodes */
    assert_int_equal(bda_trim(bench.allocator, UINT64_MAX, NULL), VK_SUCCESS);
    hire(&helper);
    fake_host_fail(&bench.host, 1, true);
    for (uint32_t i = 0; i < 3; i++) {
        tell(&helper, take_and_free);
        assert_int_equal(cached(), 0);
    }
    fake_host_fail(&bench.host, 0, false);
    assert_int_equal(caches_of(bench.allocator), 1);
    tell(&helper, take_and_free); /* now it is made after all */
    assert_true(cached() >= 64);
    dismiss(&helper);
    close_held(held);
}

/* The nth allocation of host memory is refused, alone or with all that follow: a cache, or the place for a pool in it,
 * is missing, and nothing else. */
static void no_refusal_of_host_memory_is_seen(void **state) {
    (void)state;
    for (size_t nth = 1, failed = 1; failed != 0; nth++)
        for (int sticky = 0; sticky < 2; sticky++) {
            BdaAllocation held = open_held();
            BdaPool pool = make_pool((BdaPoolInfo){ .name = "pool" });
            BdaAllocation in_pool = take((BdaAllocInfo){ .size = 64, .pool = pool });
            fake_host_fail(&bench.host, nth, sticky != 0);
            for (uint32_t i = 0; i < 4; i++) {
                give(take_bytes(64, BDA_INTENT_DEVICE));
                give(take((BdaAllocInfo){ .size = 64, .pool = pool }));
            }
            failed = bench.host.failed;
            fake_host_fail(&bench.host, 0, false);
            assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
            for (uint32_t i = 0; i < 3; i++) {
                give(take_bytes(64, BDA_INTENT_DEVICE));
                give(take((BdaAllocInfo){ .size = 64, .pool = pool }));
            }
            assert_int_equal(cached(), 128);
            give(in_pool);
            assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
            close_held(held);
        }
}

/* ---- Exact while others run ---- */

static _Atomic bool over;

static void *hammer(void *context) {
    struct helper *h = context;
    for (uint32_t i = 0; !atomic_load(&over); i++) {
        BdaAllocation *a = &h->slots[i * 7 % 64];
        if (a->handle != 0)
            h->wrong += bda_free(bench.allocator, a->handle) != VK_SUCCESS ? 1u : 0u;
        h->wrong += bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = 1 + i % 900 }, a) != VK_SUCCESS ? 1u : 0u;
    }
    for (uint32_t i = 0; i < 64; i++)
        h->wrong += bda_free(bench.allocator, h->slots[i].handle) != VK_SUCCESS ? 1u : 0u;
    return NULL;
}

static void a_check_is_exact_while_others_run(void **state) {
    (void)state;
    static struct helper workers[2];
    BdaAllocation held = open_held();
    memset(workers, 0, sizeof workers);
    atomic_store(&over, false);
    for (uint32_t i = 0; i < COUNT_OF(workers); i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, hammer, &workers[i]), 0);
    VkResult result = VK_SUCCESS;
    for (uint32_t i = 0; i < 300 && result == VK_SUCCESS; i++)
        result = bda_check(bench.allocator);
    /* Statistics do not stop anybody: what a thread is just moving, a bundle out of the depot and a bundle into it, may
     * count as live. */
    const uint64_t most = 1 + 2 * (65 + 2 * BDA_BUNDLE_MOST);
    for (uint32_t i = 0; i < 100; i++) {
        BdaUse use = bench_use();
        assert_true(use.allocation_count <= most && use.used <= use.reserved);
    }
    atomic_store(&over, true);
    for (uint32_t i = 0; i < COUNT_OF(workers); i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
    }
    assert_int_equal(result, VK_SUCCESS);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS); /* what they left for others */
    assert_int_equal(cached(), 0);
    close_held(held);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_that_ends_leaves_nothing_behind),
        cmocka_unit_test(its_cache_goes_to_the_next_thread),
        cmocka_unit_test(two_threads_at_a_time_have_two_caches),
        cmocka_unit_test(an_allocator_may_go_before_the_threads_that_used_it),
        cmocka_unit_test(each_allocator_has_one_cache_of_a_thread),
        cmocka_unit_test(an_allocator_without_locks_has_no_caches),
        cmocka_unit_test(freeing_takes_no_host_memory),
        cmocka_unit_test(a_thread_that_only_frees_gets_its_cache_from_others),
        cmocka_unit_test(who_frees_own_buffers_gets_a_cache_from_others),
        cmocka_unit_test(who_is_alone_with_a_pool_of_own_buffers_owns_its_lock),
        cmocka_unit_test(what_one_frees_another_one_gets),
        cmocka_unit_test(a_bundle_that_does_not_fit_goes_back_by_who_takes),
        cmocka_unit_test(who_has_just_come_to_take_keeps_its_first_bundle),
        cmocka_unit_test(what_threads_keep_counts_before_a_block_is_made_ahead),
        cmocka_unit_test(more_waits_in_a_depot_for_one_who_takes),
        cmocka_unit_test(a_depot_that_was_used_outlasts_one_collect),
        cmocka_unit_test(what_a_depot_alone_keeps_comes_before_a_refusal),
        cmocka_unit_test(what_comes_in_a_bundle_is_of_its_size_whatever_its_home_says),
        cmocka_unit_test(what_may_be_kept_is_shared_by_the_threads),
        cmocka_unit_test(nothing_is_taken_ahead_among_large_ranges),
        cmocka_unit_test(where_there_is_little_room_only_small_ranges_are_kept),
        cmocka_unit_test(larger_ranges_that_come_too_late_go_on),
        cmocka_unit_test(larger_ranges_are_taken_ahead_too),
        cmocka_unit_test(larger_ranges_in_bundles_keep_within_bounds),
        cmocka_unit_test(a_shelf_is_filled_no_further_than_it_counts),
        cmocka_unit_test(a_block_is_used_by_what_is_taken_ahead),
        cmocka_unit_test(what_is_taken_ahead_counts_for_the_mark),
        cmocka_unit_test(what_is_taken_ahead_counts_with_its_sliver),
        cmocka_unit_test(a_trim_takes_from_threads_that_live_on),
        cmocka_unit_test(idle_threads_lose_what_they_keep_and_busy_ones_do_not),
        cmocka_unit_test(a_check_keeps_owners_out_and_lets_them_in_again),
        cmocka_unit_test(a_check_sees_what_caches_say_wrongly),
        cmocka_unit_test(no_count_falls_below_zero),
        cmocka_unit_test(a_kept_range_has_no_handle),
        cmocka_unit_test(of_threads_that_free_one_handle_one_succeeds),
        cmocka_unit_test(without_host_memory_there_is_no_cache_and_no_refusal),
        cmocka_unit_test(no_refusal_of_host_memory_is_seen),
        cmocka_unit_test(a_check_is_exact_while_others_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
