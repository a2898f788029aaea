/* src/debug/stats.c: every number is what it says, and the heaps add up to the whole. */
#include "alloc_support.h"

static void add_up(BdaUse *sum, const BdaUse *use) {
    sum->block_count += use->block_count;
    sum->dedicated_count += use->dedicated_count;
    sum->empty_count += use->empty_count;
    sum->reserved += use->reserved;
    sum->allocation_count += use->allocation_count;
    sum->used += use->used;
    sum->wasted += use->wasted;
    sum->pending_count += use->pending_count;
    sum->pending += use->pending;
    sum->free += use->free;
    sum->largest_free = sum->largest_free > use->largest_free ? sum->largest_free : use->largest_free;
    sum->rest += use->rest;
    sum->empty += use->empty;
    sum->scattered += use->scattered;
    sum->fragmentation = sum->free != 0 ? (double)sum->scattered / (double)sum->free : 0;
    sum->peak_used.bytes += use->peak_used.bytes;
}

static void assert_heaps_add_up(void) {
    const BdaStats stats = bench_stats();
    BdaUse sum = { 0 };
    for (uint32_t i = 0; i < VK_MAX_MEMORY_HEAPS; i++) {
        if (i >= stats.heap_count)
            assert_is_zeroed(&stats.heaps[i], sizeof stats.heaps[i]);
        else
            assert_int_equal(stats.heaps[i].use.reserved, fake_heap_used(bench.driver, i));
        add_up(&sum, &stats.heaps[i].use);
    }
    assert_true(stats.total.peak_used.bytes >= stats.total.used); /* heaps have theirs at different times */
    assert_true(stats.total.peak_used.bytes <= sum.peak_used.bytes);
    sum.peak_used = stats.total.peak_used;
    assert_memory_equal(&sum, &stats.total, sizeof sum);
    assert_int_equal(sum.block_count, fake_memory_count(bench.driver));
}

static void an_empty_allocator_has_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    const BdaStats stats = bench_stats();
    assert_null(stats.next);
    assert_is_zeroed(&stats.total, sizeof stats.total);
    assert_int_equal(stats.heap_count, 3);
    assert_int_equal(stats.pool_count, 0);
    assert_int_equal(stats.heaps[0].size, GIB(1));
    assert_int_equal(stats.heaps[2].size, MIB(256));
    assert_int_equal(stats.heaps[0].usage, 0);
    assert_heaps_add_up();
    bench_close();
}

static void each_field_counts_what_it_says(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE), b = take_bytes(16, BDA_INTENT_DEVICE);
    BdaUse use = bench_use();
    assert_true(use.block_count == 1 && use.dedicated_count == 0 && use.empty_count == 0);
    assert_true(use.reserved == MIB(1) && use.allocation_count == 2 && use.used == 116 && use.wasted == 12);
    assert_true(use.pending_count == 0 && use.pending == 0);
    const VkDeviceSize region = use.free + use.used + use.wasted; /* what is left of it for alignment is no use */
    assert_true(region <= MIB(1) && region > MIB(1) - 512);
    assert_int_equal(use.largest_free, use.free);
    give(a);
    use = bench_use();
    assert_true(use.allocation_count == 1 && use.used == 16 && use.wasted == 0);
    assert_true(use.free == region - 16 && use.largest_free == region - 128);
    give(b);
    use = bench_use();
    assert_true(use.empty_count == 1 && use.free == region && use.largest_free == region && use.used == 0);
    bench_close();
}

static void dedicated_memory_is_counted_apart(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation alone = take((BdaAllocInfo){ .size = MIB(2), .flags = BDA_ALLOC_DEDICATED_BIT });
    const BdaUse use = bench_use();
    assert_true(use.block_count == 1 && use.dedicated_count == 1 && use.empty_count == 0);
    assert_true(use.reserved == MIB(2) && use.used == MIB(2) && use.allocation_count == 1);
    assert_true(use.free == 0 && use.largest_free == 0 && use.wasted == 0);
    assert_heaps_add_up();
    give(alone);
    bench_close();
}

static void what_waits_is_counted_as_pending(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE);
    BdaAllocation live = take_bytes(1, BDA_INTENT_DEVICE);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    const BdaUse use = bench_use();
    assert_true(use.pending_count == 1 && use.pending == 112);
    assert_true(use.allocation_count == 1 && use.used == 1 && use.wasted == 15);
    assert_heaps_add_up();
    give(live);
    bench_close();
}

/* Guards against dedicated memory that waits being counted against the waste of blocks. */
static void dedicated_memory_that_waits_hides_no_waste(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation live = take_bytes(1, BDA_INTENT_DEVICE);
    BdaAllocation alone = take((BdaAllocInfo){ .size = MIB(2), .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bda_free_after(bench.allocator, alone.handle, timeline, 1), VK_SUCCESS);
    const BdaUse use = bench_use();
    assert_true(use.pending_count == 1 && use.pending == MIB(2) && use.used == 1);
    assert_int_equal(use.wasted, 15);
    give(live);
    bench_close();
}

static void heaps_and_pools_add_up_to_the_whole(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pools[2] = { make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD }),
                         make_pool((BdaPoolInfo){ .name = "p" }) };
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation taken[60];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++) {
        const BdaAllocInfo info = { .size = 1 + i * 331,
                                    .intent = i % 4 == 1 ? BDA_INTENT_UPLOAD : (BdaIntent)(i % 4),
                                    .flags = i % 7 == 0 ? BDA_ALLOC_DEDICATED_BIT : 0 };
        BdaAllocInfo in_pool = info;
        in_pool.pool = pools[i % 2];
        in_pool.intent = BDA_INTENT_DEVICE;
        taken[i] = i % 5 == 0   ? take(in_pool)
                   : i % 5 == 1 ? take_buffer(in_pool.size, PLAIN_USAGE, (BdaAllocInfo){ .pool = pools[i % 2] })
                                : take(info);
    }
    assert_heaps_add_up();
    for (uint32_t i = 0; i < COUNT_OF(taken); i += 2)
        assert_int_equal(bda_free_after(bench.allocator, taken[i].handle, timeline, i), VK_SUCCESS);
    assert_heaps_add_up();
    const BdaUse in_first = bench_pool_use(pools[0]), in_second = bench_pool_use(pools[1]);
    assert_int_equal(
        in_first.allocation_count + in_first.pending_count + in_second.allocation_count + in_second.pending_count, 24);
    assert_int_equal(bench_stats().pool_count, 2);
    for (uint32_t i = 1; i < COUNT_OF(taken); i += 2)
        give(taken[i]);
    assert_heaps_add_up();
    bench_close();
}

static void a_pools_use_is_both_its_halves(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "both" });
    const BdaUse none = bench_pool_use(pool);
    assert_is_zeroed(&none, sizeof none);
    BdaAllocation range = take((BdaAllocInfo){ .size = 100, .pool = pool });
    BdaAllocation own = take_buffer(200, PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    BdaAllocation elsewhere = take_bytes(1000, BDA_INTENT_DEVICE);
    const BdaUse use = bench_pool_use(pool);
    assert_true(use.block_count == 2 && use.reserved == MIB(2) && use.allocation_count == 2 && use.used == 300);
    give(range);
    give(own);
    give(elsewhere);
    bench_close();
}

static void external_use_is_told_back_and_replaced(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    assert_int_equal(bda_set_external_use(bench.allocator, 1, MIB(7), 3), VK_SUCCESS);
    BdaStats stats = bench_stats();
    assert_true(stats.heaps[1].external == MIB(7) && stats.heaps[1].external_count == 3);
    assert_true(stats.heaps[1].usage == MIB(7) && stats.heaps[0].external == 0);
    assert_int_equal(bda_set_external_use(bench.allocator, 1, MIB(2), 1), VK_SUCCESS);
    BdaAllocation a = take_bytes(16, BDA_INTENT_UPLOAD);
    stats = bench_stats();
    assert_true(stats.heaps[1].external == MIB(2) && stats.heaps[1].external_count == 1);
    assert_int_equal(stats.heaps[1].usage, MIB(3));
    assert_int_equal(stats.heaps[1].use.reserved, MIB(1));
    give(a);
    bench_close();
}

static void the_drivers_usage_is_asked_for(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_MEMORY_BUDGET, .budgets = { MIB(100) }, .foreign_use = { MIB(10) } },
               NULL);
    BdaAllocation a = take_bytes(16, BDA_INTENT_DEVICE);
    unsigned asked = bench_calls(FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
    BdaStats stats = bench_stats();
    assert_int_equal(bench_calls(FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2), asked + 1);
    assert_true(stats.heaps[0].budget == MIB(100) && stats.heaps[0].usage == MIB(11));
    fake_set_budget(bench.driver, 0, MIB(50), MIB(20));
    stats = bench_stats();
    assert_true(stats.heaps[0].budget == MIB(50) && stats.heaps[0].usage == MIB(21));
    give(a);
    bench_close();
}

static void a_budget_has_the_limit_counted_in(void **state) {
    (void)state;
    const VkDeviceSize limits[] = { MIB(64), GIB(8) };
    bench_open(NULL, &(BdaAllocatorInfo){ .heap_limit_count = 2, .heap_limits = limits });
    const BdaStats stats = bench_stats();
    assert_true(stats.heaps[0].limit == MIB(64) && stats.heaps[0].budget == MIB(64));
    assert_true(stats.heaps[1].limit == GIB(8) && stats.heaps[1].budget < GIB(1));
    assert_true(stats.heaps[2].limit == 0);
    bench_close();
}

static void host_bytes_are_those_that_were_asked_for(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench_start();
    BdaAllocation a = take((BdaAllocInfo){ .size = 16, .name = LONG_NAME });
    /* the driver's own: a token for the memory and one for the buffer */
    VkDeviceSize before = bench_stats().host_bytes;
    const VkDeviceSize drivers = bench.host.live_bytes - before;
    assert_true(drivers > 0 && drivers < 256);
    assert_int_equal(bda_set_name(bench.allocator, a.handle, NULL), VK_SUCCESS);
    assert_int_equal(before - bench_stats().host_bytes, sizeof LONG_NAME);
    assert_int_equal(bench.host.live_bytes - bench_stats().host_bytes, drivers);
    give(a);
    bench_close();
}

/* Host memory follows use, and nothing large is taken up front. */
static void an_allocator_with_one_block_holds_less_than_64_kib(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench_start();
    BdaAllocation a = take((BdaAllocInfo){ .size = 16 });
    assert_true(bench_stats().host_bytes < (VkDeviceSize)64 << 10);
    give(a);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_allocator_has_nothing),
        cmocka_unit_test(each_field_counts_what_it_says),
        cmocka_unit_test(dedicated_memory_is_counted_apart),
        cmocka_unit_test(what_waits_is_counted_as_pending),
        cmocka_unit_test(dedicated_memory_that_waits_hides_no_waste),
        cmocka_unit_test(heaps_and_pools_add_up_to_the_whole),
        cmocka_unit_test(a_pools_use_is_both_its_halves),
        cmocka_unit_test(external_use_is_told_back_and_replaced),
        cmocka_unit_test(the_drivers_usage_is_asked_for),
        cmocka_unit_test(a_budget_has_the_limit_counted_in),
        cmocka_unit_test(host_bytes_are_those_that_were_asked_for),
        cmocka_unit_test(an_allocator_with_one_block_holds_less_than_64_kib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
