/*
 * src/alloc/cache.c, one thread: what is kept, how much of it, for how long, and that it is given back before anything
 * is refused. (Several threads: test_cache_threads.c.)
 */
#include "alloc_support.h"

#include "alloc/cache.h"

/* ---- What the tests see ---- */

static VkDeviceSize cached(void) {
    return bench_use().cached;
}

static BdaAllocation take_small(VkDeviceSize size) {
    return take_bytes(size, BDA_INTENT_DEVICE);
}

static void collect(void) {
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
}

/* Everything that is kept goes back, no block does. */
static void drain(void) {
    assert_int_equal(bda_trim(bench.allocator, UINT64_MAX, NULL), VK_SUCCESS);
    assert_int_equal(cached(), 0);
}

/* The thread has a cache, with a place for the ranges of this pool: the second free finds both. */
static void get_used_to(BdaPool pool, BdaIntent intent) {
    for (int i = 0; i < 2; i++)
        give(take((BdaAllocInfo){ .size = 64, .pool = pool, .intent = intent }));
    drain();
}

static void open_used(const BdaAllocatorInfo *wishes) {
    bench_open(NULL, wishes);
    BdaAllocation held = take_small(64); /* keeps the block */
    get_used_to(NULL, BDA_INTENT_DEVICE);
    give(held);
    drain();
}

static const BdaAllocatorInfo large_block = { .first_block_size = MIB(16) };

static struct bda_pool *pool_of(const BdaAllocation *a) {
    return atomic_load(&bda_block_of(bench.allocator, bda_node_of(bench.allocator, (uint32_t)a->handle))->pool);
}

/* ---- Kept ---- */

static void a_freed_range_serves_the_next_request_of_its_size(void **state) {
    (void)state;
    open_used(NULL);
    BdaAllocation a = take_small(100);
    give(a);
    assert_int_equal(cached(), 112);
    BdaAllocation b = take_small(100);
    assert_int_equal(cached(), 0);
    assert_int_equal(b.address, a.address);
    assert_int_not_equal(b.handle, a.handle);
    assert_is_sound(&b);
    give(b);
    bench_close();
}

/* What would wait for the pool's lock would wait for ever. */
static void it_takes_no_lock(void **state) {
    (void)state;
    open_used(NULL);
    BdaAllocation a = take_small(100);
    struct bda_pool *pool = pool_of(&a);
    bda_mutex_lock(&bench.allocator->caches_lock);
    bda_lock(&pool->lock);
    bda_mutex_lock(&bench.allocator->store_lock);
    for (uint32_t i = 0; i < 100; i++) {
        give(a);
        a = take_small(97 + i % 16);
    }
    bda_mutex_unlock(&bench.allocator->store_lock);
    bda_unlock(&pool->lock);
    bda_mutex_unlock(&bench.allocator->caches_lock);
    give(a);
    bench_close();
}

static void what_is_kept_is_neither_used_nor_free(void **state) {
    (void)state;
    open_used(NULL);
    BdaAllocation a = take_small(100), b = take_small(1000);
    BdaUse before = bench_use();
    assert_int_equal(before.used, 1100);
    assert_int_equal(before.wasted, 12 + 8);
    give(a);
    BdaUse after = bench_use();
    assert_int_equal(after.allocation_count, 1);
    assert_int_equal(after.used, 1000);
    assert_int_equal(after.wasted, 8);
    assert_int_equal(after.cached, 112);
    assert_int_equal(after.free, before.free);
    assert_int_equal(after.empty_count, 0);
    drain();
    after = bench_use();
    assert_int_equal(after.free, before.free + 112);
    assert_int_equal(after.used, 1000);
    assert_int_equal(after.wasted, 8);
    give(b);
    bench_close();
}

static void a_pool_counts_its_own(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool one = make_pool((BdaPoolInfo){ .name = "one" }), two = make_pool((BdaPoolInfo){ .name = "two" });
    get_used_to(one, BDA_INTENT_DEVICE);
    get_used_to(two, BDA_INTENT_DEVICE);
    give(take((BdaAllocInfo){ .size = 64, .pool = one }));
    give(take((BdaAllocInfo){ .size = 640, .pool = two }));
    assert_int_equal(bench_pool_use(one).cached, 64);
    assert_int_equal(bench_pool_use(two).cached, 640);
    assert_int_equal(cached(), 704);
    assert_int_equal(bench_stats().heaps[0].use.cached, 704);
    assert_int_equal(bda_destroy_pool(bench.allocator, one), VK_SUCCESS);
    assert_int_equal(cached(), 640);
    assert_int_equal(bda_destroy_pool(bench.allocator, two), VK_SUCCESS);
    assert_int_equal(cached(), 0);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

/* A range serves what is smaller by a few steps at most, in a pool with much room. */
static void little_is_wasted_by_a_range_that_served_before(void **state) {
    (void)state;
    open_used(&large_block);
    for (VkDeviceSize size = 16; size <= KIB(64); size += 16 + size / 9) {
        give(take_small(size));
        for (VkDeviceSize less = size; less != 0 && size - less < size / 8; less -= 1 + less / 64) {
            BdaAllocation a = take_small(less);
            assert_true(bench_use().wasted <= 15 + size / 4);
            give(a);
        }
        drain();
    }
    bench_close();
}

static void alignments_hold_for_what_is_kept(void **state) {
    (void)state;
    open_used(NULL);
    BdaAllocation held[64];
    uint32_t chance = 1;
    memset(held, 0, sizeof held);
    for (uint32_t i = 0; i < 5000; i++) {
        chance = chance * 1664525u + 1013904223u;
        BdaAllocation *a = &held[chance >> 8 & 63];
        VkDeviceSize alignment = (VkDeviceSize)1 << (chance >> 16) % 10;
        if (a->handle != 0) {
            give(*a);
            a->handle = 0;
            continue;
        }
        *a = take((BdaAllocInfo){ .size = 256, .alignment = alignment });
        assert_int_equal(a->address % (alignment > 16 ? alignment : 16), 0);
    }
    for (uint32_t i = 0; i < COUNT_OF(held); i++)
        give(held[i]);
    bench_close();
}

static void a_range_that_lies_wrong_stays_for_another_request(void **state) {
    (void)state;
    open_used(NULL);
    BdaAllocation a = take_small(16), b = take_small(64); /* 16 bytes behind what is aligned */
    assert_int_not_equal(b.address % 64, 0);
    give(b);
    BdaAllocation aligned = take((BdaAllocInfo){ .size = 64, .alignment = 64 });
    assert_int_not_equal(aligned.address, b.address);
    assert_int_equal(aligned.address % 64, 0);
    assert_int_equal(cached(), 64);
    give(aligned);
    give(a);
    bench_close();
}

/* ---- Not kept ---- */

static void large_ranges_are_not_kept(void **state) {
    (void)state;
    open_used(&large_block);
    BdaAllocation taken = take_small(MIB(8));
    give(take_small(64)); /* what may be kept is asked with it */
    give(take_small(MIB(1)));
    assert_int_equal(cached(), MIB(1));
    drain();
    give(take_small(MIB(1) + 1));
    assert_int_equal(cached(), 0);
    give(taken);
    assert_int_equal(cached(), 0);
    BdaUse use = bench_use();
    assert_int_equal(use.empty_count, 1);
    bench_close();
}

/* Where little is taken it lies together, and larger ranges that are kept would come to lie in between. */
static void of_larger_ranges_less_is_kept_than_is_taken(void **state) {
    (void)state;
    open_used(&large_block);
    BdaAllocation taken[64];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = take_small(KIB(64));
    give(take_small(64));
    drain();
    give(take_small(KIB(300))); /* within an eighth of that before it comes, and a range more */
    assert_int_equal(cached(), KIB(300));
    give(take_small(KIB(400)));
    give(take_small(KIB(500)));
    assert_int_equal(cached(), KIB(700));
    give(take_small(KIB(60))); /* small ones have a bound of their own */
    assert_int_equal(cached(), KIB(760));
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        give(taken[i]);
    bench_close();
}

static void assert_unnamed(BdaAllocation a) {
    BdaAllocationInfo info;
    assert_int_equal(bda_get_info(bench.allocator, a.handle, &info), VK_SUCCESS);
    assert_null(info.name);
    assert_int_equal(info.user, 0);
}

/* The range, not what it was called. */
static void what_had_a_name_or_a_value_is_kept_without(void **state) {
    (void)state;
    open_used(NULL);
    BdaAllocation named = take((BdaAllocInfo){ .size = 64, .name = "name" });
    give(named);
    assert_int_equal(cached(), 64);
    BdaHistory history;
    BdaPastOwner owners[8];
    uint32_t count = COUNT_OF(owners);
    assert_int_equal(bda_get_history(bench.allocator, named.address, 1, &history, &count, owners), VK_SUCCESS);
    assert_int_not_equal(count, 0);
    assert_string_equal(owners[0].range.name, "name");
    assert_int_equal(owners[0].range.size, 64);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free(bench.allocator, named.handle), "bda_free", "stale");
    BdaAllocation next = take_small(64);
    assert_int_equal(next.address, named.address);
    assert_unnamed(next);
    give(next);
    give(take((BdaAllocInfo){ .size = 64, .user = 1 }));
    assert_int_equal(cached(), 64);
    next = take_small(64);
    assert_unnamed(next);
    BdaAllocation later = take_small(64), even_later = take_small(64);
    assert_int_equal(bda_set_name(bench.allocator, later.handle, "late"), VK_SUCCESS);
    assert_int_equal(bda_set_user(bench.allocator, even_later.handle, 7), VK_SUCCESS);
    give(later);
    give(even_later);
    assert_int_equal(cached(), 128);
    give(take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT }));
    assert_int_equal(cached(), 128);
    give(next);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    bench_close();
}

static void what_is_kept_serves_requests_with_a_name_or_a_value(void **state) {
    (void)state;
    open_used(NULL);
    BdaAllocation first = take_small(64);
    give(first);
    BdaAllocation named = take((BdaAllocInfo){ .size = 60, .name = "name", .user = 7 });
    assert_int_equal(named.address, first.address);
    assert_int_equal(cached(), 0);
    BdaAllocationInfo info;
    assert_int_equal(bda_get_info(bench.allocator, named.handle, &info), VK_SUCCESS);
    assert_string_equal(info.name, "name");
    assert_int_equal(info.user, 7);
    assert_int_equal(info.allocation.size, 60);
    BdaFinding finding;
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, named.address + 59, 1, &count, &finding), VK_SUCCESS);
    assert_string_equal(finding.range.name, "name");
    give(named);
    assert_int_equal(cached(), 64);
    assert_int_equal(bda_trim(bench.allocator, UINT64_MAX, NULL), VK_SUCCESS);
    assert_int_equal(cached(), 0);
    bench_close();
}

/* Who has no cache, and makes a few requests with names, is to pay for none. */
static void names_alone_bring_no_cache(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation named = take((BdaAllocInfo){ .size = 64, .name = "name" });
    give(named);
    assert_null(atomic_load(&bench.allocator->newest_cache));
    assert_false(atomic_load(&bench.allocator->wishes));
    bench_close();
}

/* What is taken of TLSF says how much is free; lists go past what is kept. */
static void churn_past_caches(VkDeviceSize size) {
    BdaAllocation a;
    assert_int_equal(bda_alloc_many(bench.allocator, 1, &(BdaAllocInfo){ .size = size }, &a), VK_SUCCESS);
    give(a);
}

/* A kept range has its name while it is live, and no longer. */
static void a_named_request_keeps_its_name(void **state) {
    (void)state;
    open_used(NULL);
    give(take_small(64));
    BdaAllocation named = take((BdaAllocInfo){ .size = 64, .name = "name", .user = 3 });
    assert_string_equal(info_of(named.handle).name, "name");
    assert_int_equal(info_of(named.handle).user, 3);
    give(named);
    BdaAllocation next = take_small(64);
    assert_null(info_of(next.handle).name);
    give(next);
    bench_close();
}

/* The handle that the allocation would have, were it of this generation. */
static BdaHandle age(const BdaAllocation *a, uint32_t generation) {
    struct bda_node *node = bda_node_of(bench.allocator, (uint32_t)a->handle);
    uint32_t low = bda_node_tag(node) & ((1u << BDA_NODE_GENERATION_SHIFT) - 1);
    atomic_store(&node->tag, generation << BDA_NODE_GENERATION_SHIFT | low);
    return bda_handle_of(bench.allocator, (uint32_t)a->handle, node);
}

static void the_last_generation_is_not_kept(void **state) {
    (void)state;
    open_used(NULL);
    BdaAllocation a = take_small(64);
    BdaHandle last_but_one = age(&a, BDA_GENERATION_SPENT - 2);
    assert_int_equal(bda_free(bench.allocator, last_but_one), VK_SUCCESS);
    assert_int_equal(cached(), 64);
    BdaAllocation b = take_small(64);
    assert_int_equal((uint32_t)b.handle, (uint32_t)a.handle);
    assert_int_equal(bda_handle_generation(b.handle), BDA_GENERATION_SPENT - 1);
    give(b);
    assert_int_equal(cached(), 0);
    for (uint32_t k = 0; k < 8; k++) {
        BdaAllocation c = take_small(64);
        assert_int_not_equal((uint32_t)c.handle, (uint32_t)b.handle);
        give(c);
    }
    bench_close();
}

static void an_allocator_without_caches_keeps_nothing(void **state) {
    (void)state;
    for (BdaAllocatorFlags more = 0; more < 2; more++) {
        bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT | more });
        size_t host = 0;
        BdaAllocation held = take_small(64);
        for (uint32_t i = 0; i < 200; i++) {
            give(take_small(64 + i));
            assert_int_equal(cached(), 0);
            if (i == 0)
                host = bench.host.live_count;
        }
        assert_int_equal(bench.host.live_count, host);
        give(held);
        assert_int_equal(bench_use().empty_count, 1);
        bench_close();
    }
}

static void who_listens_to_events_has_nothing_kept(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_LOG_EVENTS_BIT });
    for (uint32_t i = 0; i < 20; i++)
        give(take_small(64));
    assert_int_equal(cached(), 0);
    bench_hush();
    bench_close();
}

/* Places are for the first pools of ranges; own buffers need none. */
static void pools_beyond_the_places_are_served_without(void **state) {
    (void)state;
    BdaPool pools[BDA_STOCKS + 4];
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
    for (uint32_t i = 0; i < COUNT_OF(pools); i++) {
        pools[i] = make_pool((BdaPoolInfo){ .first_block_size = KIB(64) });
        get_used_to(pools[i], BDA_INTENT_DEVICE);
        give(take((BdaAllocInfo){ .size = 64, .pool = pools[i] }));
        assert_int_equal(bench_pool_use(pools[i]).cached, i < BDA_STOCKS ? 64 : 0);
    }
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    for (uint32_t i = 0; i < COUNT_OF(pools); i++)
        assert_int_equal(bda_destroy_pool(bench.allocator, pools[i]), VK_SUCCESS);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

static void a_pool_that_is_made_again_is_kept_of_as_before(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < 3 * BDA_STOCKS; i++) {
        BdaPool pool = make_pool((BdaPoolInfo){ .name = "again" });
        get_used_to(pool, BDA_INTENT_DEVICE);
        BdaAllocation a = take((BdaAllocInfo){ .size = 64, .pool = pool });
        give(a);
        assert_int_equal(bench_pool_use(pool).cached, 64);
        BdaAllocation b = take((BdaAllocInfo){ .size = 64, .pool = pool });
        assert_int_equal(b.address, a.address);
        bool leaves = i % 2 == 0; /* one goes with its pool */
        if (!leaves)
            give(b);
        assert_int_equal(bda_destroy_pool(bench.allocator, pool), leaves ? VK_INCOMPLETE : VK_SUCCESS);
        assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    }
    bench_hush();
    bench_close();
}

/* ---- How much ---- */

/* An eighth of what is free, in the cache, and as much in the depot; a range may be over. */
static VkDeviceSize bound(void) {
    BdaUse use = bench_use();
    return 2 * ((use.free + use.cached) / BDA_CACHED_SHARE) + KIB(64);
}

static void caches_are_bounded_for_one_size(void **state) {
    (void)state;
    static BdaAllocation all[6000];
    open_used(NULL);
    VkDeviceSize most = 0;
    for (uint32_t k = 0; k < COUNT_OF(all); k++)
        all[k] = take_small(256);
    for (uint32_t k = 0; k < COUNT_OF(all); k++) {
        give(all[k]);
        assert_true(cached() <= bound());
        most = most > cached() ? most : cached();
    }
    assert_true(most >= KIB(2));
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    bench_close();
}

static void caches_are_bounded_for_all_sizes(void **state) {
    (void)state;
    static BdaAllocation all[6000];
    open_used(&large_block);
    VkDeviceSize most = 0;
    for (uint32_t k = 0; k < COUNT_OF(all); k++)
        all[k] = take_small(16 + (k * 97) % 16000);
    for (uint32_t k = 0; k < COUNT_OF(all); k++) {
        give(all[k]);
        if (k % 64 == 0)
            churn_past_caches(KIB(100));
        if (k % 8 == 0)
            assert_true(cached() <= bound());
        most = most > cached() ? most : cached();
    }
    assert_true(most >= KIB(64));
    bench_close();
}

/* Alone, what it keeps would cost fit and save no waiting. */
static void a_thread_alone_keeps_nothing_where_there_is_little_space(void **state) {
    (void)state;
    BdaAllocation all[230];
    open_used(NULL);
    for (uint32_t k = 0; k < COUNT_OF(all); k++)
        all[k] = take_small(KIB(4));
    assert_int_equal(bench_use().block_count, 1);
    assert_true(bench_use().free > KIB(64));
    give(all[0]);
    assert_int_equal(cached(), 0);
    give_all(all + 1, COUNT_OF(all) - 1);
    bench_close();
}

/* And of that, no more than a quarter is on its way out. */
static void what_is_on_its_way_out_is_little_where_little_is_kept(void **state) {
    (void)state;
    BdaAllocation all[128];
    open_used(NULL);
    for (uint32_t k = 0; k < COUNT_OF(all); k++)
        all[k] = take_small(KIB(4));
    struct bda_cache *cache = bda_cache_at_hand(bench.allocator);
    const struct bda_stock *stock = cache->sources[bda_pool_stock(pool_of(&all[0]))];
    for (uint32_t k = 0; k < COUNT_OF(all); k++) {
        give(all[k]);
        assert_in_range(stock->outgoing.granules, 0, stock->most[BDA_KEPT_SMALL] / 4);
    }
    bench_close();
}

/* What may be kept follows what is free: a pool that has filled up keeps less. */
static void a_full_pool_keeps_next_to_nothing(void **state) {
    (void)state;
    static BdaAllocation all[20000];
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(4) });
    get_used_to(pool, BDA_INTENT_DEVICE);
    give(take((BdaAllocInfo){ .size = 64, .pool = pool }));
    VkResult end;
    const BdaAllocInfo info = { .size = 64, .pool = pool, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    uint32_t count = take_until_refused(info, all, COUNT_OF(all), &end);
    assert_int_equal(end, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(bench_pool_use(pool).free, 0);
    for (uint32_t i = 0; i < 64; i++) {
        give(all[i]);
        assert_true(bench_pool_use(pool).cached <= 64 + bench_pool_use(pool).free / BDA_CACHED_SHARE);
    }
    for (uint32_t i = 64; i < count; i++)
        give(all[i]);
    bench_hush();
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* Where large ranges hold most of a pool, a small one that is kept among them would break their space up. */
static void among_large_ranges_only_the_lowest_zone_is_kept(void **state) {
    (void)state;
    BdaAllocation large[64];
    open_used(&large_block);
    VkResult end;
    BdaAllocation low = take_small(64);
    uint32_t count =
        take_until_refused((BdaAllocInfo){ .size = KIB(300), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT }, large, 35, &end);
    assert_int_equal(end, VK_SUCCESS);
    BdaAllocation high = take_small(KIB(60));
    assert_int_equal(bda_node_zone(bda_node_of(bench.allocator, (uint32_t)low.handle)), 0);
    assert_int_not_equal(bda_node_zone(bda_node_of(bench.allocator, (uint32_t)high.handle)), 0);
    give(high);
    assert_int_equal(cached(), 0);
    give(low);
    assert_int_equal(cached(), 64);
    give_all(large, count);
    BdaAllocation small[3000]; /* now small ones hold most of it */
    for (uint32_t i = 0; i < COUNT_OF(small); i++)
        small[i] = take_small(KIB(4));
    drain();
    give(small[COUNT_OF(small) - 1]);
    assert_int_equal(cached(), KIB(4));
    give_all(small, COUNT_OF(small) - 1);
    bench_close();
}

/* ---- How long ---- */

static void what_is_idle_for_two_collects_goes_back(void **state) {
    (void)state;
    open_used(NULL);
    give(take_small(64));
    collect();
    assert_int_equal(cached(), 64);
    collect();
    assert_int_equal(cached(), 0);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    bench_close();
}

static void what_is_in_use_stays(void **state) {
    (void)state;
    open_used(NULL);
    for (uint32_t k = 0; k < 10; k++) {
        give(take_small(64));
        collect();
        assert_int_equal(cached(), 64);
    }
    bench_close();
}

/* Who only takes leaves no event in the history; with a name, or where no frame was said, nothing else either. */
static void assert_taking_is_use(uint64_t frame, const char *name) {
    BdaAllocation all[10];
    open_used(NULL);
    bda_set_frame(bench.allocator, frame);
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take_small(64);
    give_all(all, COUNT_OF(all));
    assert_int_equal(cached(), 640);
    for (uint32_t i = 0; i < COUNT_OF(all); i++) {
        collect();
        assert_int_equal(cached(), 640 - 64 * i);
        all[i] = take((BdaAllocInfo){ .size = 64, .name = name });
    }
    assert_int_equal(cached(), 0);
    give_all(all, COUNT_OF(all));
    bench_close();
}

static void what_serves_is_in_use(void **state) {
    (void)state;
    assert_taking_is_use(0, NULL);
    assert_taking_is_use(0, "name");
    assert_taking_is_use(7, NULL);
    assert_taking_is_use(7, "name");
}

static void a_trim_gives_all_back(void **state) {
    (void)state;
    open_used(NULL);
    static BdaAllocation all[1000];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take_small(16 + i);
    give_all(all, COUNT_OF(all));
    assert_true(cached() != 0);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(cached(), 0);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

/* ---- Before anything is refused ---- */

/* Of a block, all that can be asked for in one piece. */
static VkDeviceSize whole_region(const BdaAllocation *a) {
    struct bda_node *node = bda_node_of(bench.allocator, (uint32_t)a->handle);
    return (VkDeviceSize)bda_block_of(bench.allocator, node)->region.size << BDA_GRANULE_LOG2;
}

static void the_whole_block_is_there_for_who_asks(BdaAllocFlags flags) {
    open_used(NULL);
    BdaAllocation all[64];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take_small(512);
    VkDeviceSize whole = whole_region(&all[0]);
    give_all(all, COUNT_OF(all));
    assert_true(cached() != 0);
    BdaAllocation large = take((BdaAllocInfo){ .size = whole, .flags = flags });
    assert_int_equal(bench_use().block_count, 1);
    assert_int_equal(cached(), 0);
    give(large);
    bench_close();
}

static void what_is_kept_goes_back_before_a_request_is_refused(void **state) {
    (void)state;
    the_whole_block_is_there_for_who_asks(BDA_ALLOC_NO_NEW_MEMORY_BIT);
}

static void what_is_kept_goes_back_before_a_block_is_opened(void **state) {
    (void)state;
    the_whole_block_is_there_for_who_asks(0);
}

/* What is kept of one pool keeps a block that another pool needs the memory of. */
static void what_other_pools_keep_goes_back_before_a_heap_is_full(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNMAPPABLE, .heap_size = MIB(8) },
               &(BdaAllocatorInfo){ .first_block_size = MIB(1) });
    BdaPool keeps = make_pool((BdaPoolInfo){ .first_block_size = MIB(4), .max_block_size = MIB(4) });
    get_used_to(keeps, BDA_INTENT_DEVICE);
    give(take((BdaAllocInfo){ .size = 64, .pool = keeps }));
    assert_int_equal(bench_pool_use(keeps).block_count, 1);
    BdaAllocation large = take((BdaAllocInfo){ .size = MIB(6), .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bench_pool_use(keeps).block_count, 0);
    give(large);
    assert_int_equal(bda_destroy_pool(bench.allocator, keeps), VK_SUCCESS);
    bench_close();
}

static void room_ahead_counts_what_was_kept(void **state) {
    (void)state;
    open_used(NULL);
    BdaAllocation all[64];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take_small(512);
    VkDeviceSize whole = whole_region(&all[0]);
    give_all(all, COUNT_OF(all));
    assert_true(cached() > KIB(1));
    assert_int_equal(bda_warm_up(bench.allocator, &(BdaAllocInfo){ .size = 64 }, whole - KIB(1)), VK_SUCCESS);
    assert_int_equal(bench_use().block_count, 1);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_freed_range_serves_the_next_request_of_its_size),
        cmocka_unit_test(it_takes_no_lock),
        cmocka_unit_test(what_is_kept_is_neither_used_nor_free),
        cmocka_unit_test(a_pool_counts_its_own),
        cmocka_unit_test(little_is_wasted_by_a_range_that_served_before),
        cmocka_unit_test(alignments_hold_for_what_is_kept),
        cmocka_unit_test(a_range_that_lies_wrong_stays_for_another_request),
        cmocka_unit_test(large_ranges_are_not_kept),
        cmocka_unit_test(of_larger_ranges_less_is_kept_than_is_taken),
        cmocka_unit_test(what_had_a_name_or_a_value_is_kept_without),
        cmocka_unit_test(what_is_kept_serves_requests_with_a_name_or_a_value),
        cmocka_unit_test(names_alone_bring_no_cache),
        cmocka_unit_test(a_named_request_keeps_its_name),
        cmocka_unit_test(the_last_generation_is_not_kept),
        cmocka_unit_test(an_allocator_without_caches_keeps_nothing),
        cmocka_unit_test(who_listens_to_events_has_nothing_kept),
        cmocka_unit_test(pools_beyond_the_places_are_served_without),
        cmocka_unit_test(a_pool_that_is_made_again_is_kept_of_as_before),
        cmocka_unit_test(caches_are_bounded_for_one_size),
        cmocka_unit_test(caches_are_bounded_for_all_sizes),
        cmocka_unit_test(a_thread_alone_keeps_nothing_where_there_is_little_space),
        cmocka_unit_test(what_is_on_its_way_out_is_little_where_little_is_kept),
        cmocka_unit_test(a_full_pool_keeps_next_to_nothing),
        cmocka_unit_test(among_large_ranges_only_the_lowest_zone_is_kept),
        cmocka_unit_test(what_is_idle_for_two_collects_goes_back),
        cmocka_unit_test(what_is_in_use_stays),
        cmocka_unit_test(what_serves_is_in_use),
        cmocka_unit_test(a_trim_gives_all_back),
        cmocka_unit_test(what_is_kept_goes_back_before_a_request_is_refused),
        cmocka_unit_test(what_is_kept_goes_back_before_a_block_is_opened),
        cmocka_unit_test(what_other_pools_keep_goes_back_before_a_heap_is_full),
        cmocka_unit_test(room_ahead_counts_what_was_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
