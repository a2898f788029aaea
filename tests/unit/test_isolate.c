/* BDA_CHECK_ISOLATE_BIT: every allocation is a VkBuffer of its own, and no two of them touch. */
#include "alloc_support.h"

#include "debug/watch.h"

static void open_isolated(const struct fake_config *config) {
    bench_prepare(config);
    bench.info.checks = BDA_CHECK_ISOLATE_BIT;
    bench_watch();
    bench_start();
}

static void a_range_has_a_buffer_of_exactly_its_size(void **state) {
    (void)state;
    open_isolated(NULL);
    give(take_bytes(16, BDA_INTENT_UPLOAD)); /* opens the block, for which buffers are made, too */
    unsigned before = fake_buffer_count(bench.driver);
    BdaAllocation a = take((BdaAllocInfo){ .size = 1001, .intent = BDA_INTENT_UPLOAD, .name = "mesh" });
    assert_int_equal(fake_buffer_count(bench.driver), before + 1);
    assert_int_equal(a.offset, 0);
    assert_int_equal(bench.made_buffer.size, 1001);
    assert_int_equal(bench.made_buffer.usage, bench_properties().range_usage);
    assert_is_sound(&a);
    assert_true(info_of(a.handle).own_buffer);
    give(a);
    assert_int_equal(fake_buffer_count(bench.driver), before);
    bench_close();
}

static void no_two_allocations_touch(void **state) {
    (void)state;
    enum { COUNT = 40 };
    BdaAllocation taken[COUNT];
    open_isolated(NULL);
    for (uint32_t i = 0; i < COUNT; i++)
        taken[i] = i % 3 != 0 ? take((BdaAllocInfo){ .size = 1 + i * 37, .alignment = (VkDeviceSize)16 << i % 5 })
                              : take_buffer(1 + i * 37, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    for (uint32_t i = 0; i < COUNT; i++)
        for (uint32_t j = 0; j < COUNT; j++)
            if (i != j && taken[i].address < taken[j].address)
                assert_true(taken[i].address + taken[i].size + BDA_WATCH_GAP <= taken[j].address);
    give_all(taken, COUNT);
    bench_close();
}

static void usage_classes_keep_their_usage(void **state) {
    (void)state;
    open_isolated(&(struct fake_config){ .with = FAKE_DESCRIPTOR_BUFFER });
    const BdaAllocInfo info = { .size = 64, .usage = VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT };
    give(take(info));
    BdaAllocation a = take(info);
    assert_true((bench.made_buffer.usage & VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT) != 0);
    assert_true((bench.made_buffer.usage & VK_BUFFER_USAGE_VERTEX_BUFFER_BIT) == 0);
    give(a);
    bench_close();
}

static void zeroed_memory_is_zeroed(void **state) {
    (void)state;
    open_isolated(NULL);
    for (int i = 0; i < 2; i++) {
        BdaAllocation a = take((BdaAllocInfo){ .size = 333, .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_ZERO_BIT });
        assert_is_zeroed(a.mapped, 333);
        memset(a.mapped, 0x55, 333);
        give(a);
    }
    bench_close();
}

static void pools_of_the_callers_serve_them(void **state) {
    (void)state;
    open_isolated(NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD, .limit = 256 << 10 });
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .pool = pool });
    assert_ptr_equal(info_of(a.handle).pool, pool);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 300 << 10, .pool = pool });
    give(a);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void dedicated_memory_is_as_without(void **state) {
    (void)state;
    open_isolated(NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 5000, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_true(info_of(a.handle).dedicated);
    assert_int_equal(bench.made_buffer.size, 5000);
    BdaAllocation large = take((BdaAllocInfo){ .size = (VkDeviceSize)200 << 20 });
    assert_true(info_of(large.handle).dedicated);
    assert_is_sound(&a);
    give(a);
    give(large);
    bench_close();
}

static void many_at_once_are_isolated_each(void **state) {
    (void)state;
    enum { COUNT = 70 };
    BdaAllocInfo infos[COUNT];
    BdaAllocation taken[COUNT];
    BdaHandle handles[COUNT];
    open_isolated(NULL);
    for (uint32_t i = 0; i < COUNT; i++)
        infos[i] = (BdaAllocInfo){ .size = 64 };
    assert_int_equal(bda_alloc_many(bench.allocator, COUNT, infos, taken), VK_SUCCESS);
    for (uint32_t i = 0; i < COUNT; i++) {
        handles[i] = taken[i].handle;
        for (uint32_t j = 0; j < i; j++)
            assert_true(taken[i].buffer != taken[j].buffer);
    }
    assert_int_equal(bda_free_many(bench.allocator, COUNT, handles), VK_SUCCESS);
    infos[COUNT - 1].alignment = 3;
    assert_int_equal(bda_alloc_many(bench.allocator, COUNT, infos, taken), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(bench_use().allocation_count, 0);
    bench_close();
}

static void pointers_alone_are_isolated(void **state) {
    (void)state;
    open_isolated(NULL);
    VkDeviceAddress a = bda_malloc(bench.allocator, 100, BDA_INTENT_DEVICE);
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceSize offset = 0;
    assert_int_equal(bda_resolve(bench.allocator, a + 99, &buffer, &offset), VK_SUCCESS);
    assert_int_equal(offset, 99);
    assert_int_equal(bda_resolve(bench.allocator, a + 100, &buffer, &offset), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(bda_free_address(bench.allocator, a), VK_SUCCESS);
    bench_close();
}

static void room_made_ahead_serves_what_is_isolated(void **state) {
    (void)state;
    enum { COUNT = 256 };
    BdaAllocation taken[COUNT];
    open_isolated(NULL);
    const BdaAllocInfo like = { .size = 4096 };
    assert_int_equal(bda_warm_up(bench.allocator, &like, COUNT * like.size), VK_SUCCESS);
    assert_int_equal(bda_warm_up(bench.allocator, &(BdaAllocInfo){ .size = 0 }, COUNT * like.size), VK_SUCCESS);
    VkDeviceSize reserved = bench_use().reserved;
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    for (uint32_t i = 0; i < COUNT; i++)
        taken[i] = take(like);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls);
    assert_true(reserved <= (VkDeviceSize)4 << 20);
    give_all(taken, COUNT);
    bench_close();
}

static void the_low_water_mark_is_that_of_their_pool(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.checks = BDA_CHECK_ISOLATE_BIT;
    bench.info.low_water = 512 << 10;
    bench_start();
    BdaAllocation a = take_bytes(100 << 10, BDA_INTENT_DEVICE);
    assert_false(bda_wants_block(bench.allocator));
    BdaAllocation b = take_bytes(450 << 10, BDA_INTENT_DEVICE);
    assert_true(bda_wants_block(bench.allocator));
    assert_int_equal(bda_prepare(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().block_count, 2);
    give(a);
    give(b);
    bench_close();
}

static void a_free_that_waits_destroys_its_buffer_when_collected(void **state) {
    (void)state;
    open_isolated(NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
    unsigned buffers = fake_buffer_count(bench.driver);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(fake_buffer_count(bench.driver), buffers);
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(fake_buffer_count(bench.driver), buffers - 1);
    fake_drop_semaphore(bench.driver, timeline);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_has_a_buffer_of_exactly_its_size),
        cmocka_unit_test(no_two_allocations_touch),
        cmocka_unit_test(usage_classes_keep_their_usage),
        cmocka_unit_test(zeroed_memory_is_zeroed),
        cmocka_unit_test(pools_of_the_callers_serve_them),
        cmocka_unit_test(dedicated_memory_is_as_without),
        cmocka_unit_test(many_at_once_are_isolated_each),
        cmocka_unit_test(pointers_alone_are_isolated),
        cmocka_unit_test(room_made_ahead_serves_what_is_isolated),
        cmocka_unit_test(the_low_water_mark_is_that_of_their_pool),
        cmocka_unit_test(a_free_that_waits_destroys_its_buffer_when_collected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
