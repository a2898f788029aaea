/* src/alloc/reclaim.c: which empty blocks go back to the driver, when, and which are kept. */
#include "alloc_support.h"

static const BdaAllocatorInfo at_once = { .keep_collects = 1 };

/* Fills blocks of 1, 2 and 4 MiB in one pool and empties them all. */
static void leave_three_empty_blocks(BdaPool pool) {
    BdaAllocation taken[6];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = take((BdaAllocInfo){ .size = KIB(900), .pool = pool });
    give_all(taken, COUNT_OF(taken));
}

static void freeing_ranges_never_gives_memory_back(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    leave_three_empty_blocks(NULL);
    const BdaUse use = bench_use();
    assert_int_equal(use.block_count, 3);
    assert_int_equal(use.empty_count, 3);
    assert_int_equal(use.reserved, MIB(7));
    assert_int_equal(bench_calls(FAKE_CALL_FREE_MEMORY), 0);
    bench_close();
}

/* ---- Collecting ---- */

static void collect_keeps_one_empty_block_the_smallest(void **state) {
    (void)state;
    bench_open(NULL, &at_once);
    leave_three_empty_blocks(NULL);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().empty_count, 1);
    assert_int_equal(bench_use().reserved, MIB(1));
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    bench_close();
}

static void collect_keeps_the_bytes_it_was_told_to_keep(void **state) {
    (void)state;
    const VkDeviceSize keep[] = { MIB(1), MIB(2), MIB(5), MIB(6), MIB(7), GIB(1) };
    const VkDeviceSize left[] = { MIB(1), MIB(3), MIB(3), MIB(7), MIB(7), MIB(7) };
    for (uint32_t i = 0; i < COUNT_OF(keep); i++) {
        bench_open(NULL, &(BdaAllocatorInfo){ .keep_empty = keep[i], .keep_collects = 1 });
        assert_int_equal(bench_properties().keep_empty, keep[i]);
        leave_three_empty_blocks(NULL);
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
        assert_int_equal(bench_use().reserved, left[i]);
        bench_close();
    }
}

static void each_pool_keeps_its_own(void **state) {
    (void)state;
    bench_open(NULL, &at_once);
    BdaPool thrifty = make_pool((BdaPoolInfo){ .name = "thrifty" });
    BdaPool lavish = make_pool((BdaPoolInfo){ .keep_empty = MIB(16) });
    leave_three_empty_blocks(thrifty);
    leave_three_empty_blocks(lavish);
    leave_three_empty_blocks(NULL);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_pool_use(thrifty).reserved, MIB(1));
    assert_int_equal(bench_pool_use(lavish).reserved, MIB(7));
    assert_int_equal(bench_use().reserved, MIB(9));
    bench_close();
}

static void collect_leaves_blocks_in_use_alone(void **state) {
    (void)state;
    bench_open(NULL, &at_once);
    BdaAllocation taken[6];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = take_bytes(KIB(900), BDA_INTENT_DEVICE);
    give(taken[0]); /* of 1, 2 and 4 MiB only the first is empty */
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().reserved, MIB(7));
    give_all(taken + 1, 5);
    bench_close();
}

static void a_request_that_needs_a_new_block_gives_the_surplus_back(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    leave_three_empty_blocks(NULL);
    BdaAllocation fills = take_bytes(KIB(3900), BDA_INTENT_DEVICE); /* the block of 4 MiB; 1 and 2 MiB stay empty */
    BdaAllocation needs = take_bytes(KIB(3900), BDA_INTENT_DEVICE);
    assert_true(bench_use().empty_count <= 1);
    give(fills);
    give(needs);
    bench_close();
}

/* ---- For how long ---- */

static void collect(uint32_t times) {
    while (times-- > 0)
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
}

static void surplus_goes_once_enough_collects_have_found_it_empty(void **state) {
    (void)state;
    const uint32_t given[] = { 0, 1, 2, 7, 300 };
    for (uint32_t i = 0; i < COUNT_OF(given); i++) {
        bench_open(NULL, &(BdaAllocatorInfo){ .keep_collects = given[i] });
        const uint32_t most = bench_properties().keep_collects;
        assert_int_equal(most, given[i] != 0 ? given[i] : 16);
        leave_three_empty_blocks(NULL);
        const unsigned calls = bench_calls(FAKE_CALL_ANY);
        collect(most - 1);
        assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
        assert_int_equal(bench_use().reserved, MIB(7));
        collect(1);
        assert_int_equal(bench_use().reserved, MIB(1));
        bench_close();
    }
}

static void what_was_used_meanwhile_is_kept_as_long_again(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .keep_collects = 3 });
    leave_three_empty_blocks(NULL);
    collect(2);
    give(take_bytes(KIB(3900), BDA_INTENT_DEVICE)); /* the block of 4 MiB */
    collect(1);
    assert_int_equal(bench_use().empty_count, 1); /* the one that was used: two idle ones went */
    assert_int_equal(bench_use().reserved, MIB(4));
    collect(10);
    assert_int_equal(bench_use().reserved, MIB(4));
    bench_close();
}

static void the_longest_time_is_the_longest_there_is(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .keep_collects = UINT32_MAX });
    assert_int_equal(bench_properties().keep_collects, 65534);
    leave_three_empty_blocks(NULL);
    collect(65533);
    assert_int_equal(bench_use().reserved, MIB(7));
    collect(1);
    assert_int_equal(bench_use().reserved, MIB(1));
    bench_close();
}

static void each_pool_keeps_for_its_own_time(void **state) {
    (void)state;
    BdaPoolInfo info;
    bench_open(NULL, &(BdaAllocatorInfo){ .keep_collects = 5 });
    BdaPool like_all = make_pool((BdaPoolInfo){ .name = "like all" });
    BdaPool hasty = make_pool((BdaPoolInfo){ .keep_collects = 2 });
    assert_int_equal(bda_get_pool_info(bench.allocator, like_all, &info), VK_SUCCESS);
    assert_int_equal(info.keep_collects, 5);
    assert_int_equal(bda_get_pool_info(bench.allocator, hasty, &info), VK_SUCCESS);
    assert_int_equal(info.keep_collects, 2);
    leave_three_empty_blocks(like_all);
    leave_three_empty_blocks(hasty);
    collect(2);
    assert_int_equal(bench_pool_use(like_all).reserved, MIB(7));
    assert_int_equal(bench_pool_use(hasty).reserved, MIB(1));
    collect(3);
    assert_int_equal(bench_pool_use(like_all).reserved, MIB(1));
    bench_close();
}

static void trim_does_not_ask_for_how_long(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .keep_collects = UINT32_MAX, .keep_empty = GIB(1) });
    leave_three_empty_blocks(NULL);
    VkDeviceSize released = 0;
    assert_int_equal(bda_trim(bench.allocator, 0, &released), VK_SUCCESS);
    assert_int_equal(released, MIB(7));
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

/* ---- At a block's edge ---- */

/* Guards against three blocks that come and go with every frame: one empty block alone was kept. */
static void work_that_comes_and_goes_with_each_frame_calls_no_driver(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    leave_three_empty_blocks(NULL);
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    for (uint32_t i = 0; i < 1000; i++) {
        if (i % 4 == 0)
            leave_three_empty_blocks(NULL);
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    }
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    bench_close();
}

static void crossing_the_edge_of_a_block_calls_no_driver(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation full = take_bytes(KIB(1000), BDA_INTENT_DEVICE);
    give(take_bytes(KIB(100), BDA_INTENT_DEVICE)); /* a second block, empty */
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    for (uint32_t i = 0; i < 1000; i++) {
        BdaAllocation over = take_bytes(KIB(100), BDA_INTENT_DEVICE);
        assert_int_not_equal(over.buffer, full.buffer);
        give(over);
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    }
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    give(full);
    bench_close();
}

static void blocks_of_buffers_are_kept_at_their_edge_too(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    give(take_buffer(KIB(100), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 }));
    unsigned memories = bench_calls(FAKE_CALL_ALLOCATE_MEMORY) + bench_calls(FAKE_CALL_FREE_MEMORY);
    for (uint32_t i = 0; i < 20; i++) {
        give(take_buffer(KIB(100), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 }));
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    }
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY) + bench_calls(FAKE_CALL_FREE_MEMORY), memories);
    bench_close();
}

/* ---- Trimming ---- */

static void trim_gives_back_the_largest_first_until_enough_is_gone(void **state) {
    (void)state;
    const VkDeviceSize keep[] = { 0, MIB(1) - 1, MIB(1), MIB(3), MIB(7) - 1, MIB(7), GIB(1) };
    const VkDeviceSize left[] = { 0, 0, MIB(1), MIB(3), MIB(3), MIB(7), MIB(7) };
    for (uint32_t i = 0; i < COUNT_OF(keep); i++) {
        bench_open(NULL, NULL);
        leave_three_empty_blocks(NULL);
        VkDeviceSize released = 77;
        assert_int_equal(bda_trim(bench.allocator, keep[i], &released), VK_SUCCESS);
        assert_int_equal(bench_use().reserved, left[i]);
        assert_int_equal(released, MIB(7) - left[i]);
        bench_close();
    }
}

static void trim_goes_through_all_pools_and_spares_what_is_used(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .keep_empty = GIB(1) });
    leave_three_empty_blocks(pool);
    BdaAllocation upload = take_bytes(16, BDA_INTENT_UPLOAD);
    BdaAllocation own = take_buffer(16, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    give(take_bytes(16, BDA_INTENT_READBACK));
    VkDeviceSize released = 0;
    assert_int_equal(bda_trim(bench.allocator, 0, &released), VK_SUCCESS);
    assert_int_equal(released, MIB(8));
    assert_int_equal(bench_use().block_count, 2);
    assert_int_equal(bench_use().empty_count, 0);
    assert_is_sound(&upload);
    assert_is_sound(&own);
    give(upload);
    give(own);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

static void trim_begins_with_the_largest_block_of_all_pools(void **state) {
    (void)state;
    for (uint32_t larger = 0; larger < 2; larger++) {
        bench_open(NULL, NULL);
        for (uint32_t i = 0; i < 2; i++) {
            VkDeviceSize size = i == larger ? MIB(4) : MIB(1);
            BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = size, .max_block_size = MIB(4) });
            give(take((BdaAllocInfo){ .size = 16, .pool = pool }));
        }
        VkDeviceSize released = 0;
        assert_int_equal(bda_trim(bench.allocator, MIB(1), &released), VK_SUCCESS);
        assert_int_equal(released, MIB(4));
        assert_int_equal(bench_use().reserved, MIB(1));
        bench_close();
    }
}

static void trim_collects_pending_frees_first(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = take_bytes(16, BDA_INTENT_DEVICE);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    VkDeviceSize released = 77;
    assert_int_equal(bda_trim(bench.allocator, 0, &released), VK_SUCCESS);
    assert_int_equal(released, 0);
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_trim(bench.allocator, 0, &released), VK_SUCCESS);
    assert_int_equal(released, MIB(1));
    bench_close();
}

static void after_a_trim_growth_begins_small_again(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    leave_three_empty_blocks(NULL);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    BdaAllocation small = take_bytes(16, BDA_INTENT_DEVICE);
    assert_int_equal(bench_use().reserved, MIB(1));
    give(small);
    bench_close();
}

static void a_full_heap_leaves_the_blocks_of_others_alone(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_DISCRETE, .heap_size = MIB(64) }, NULL);
    give(take_bytes(16, BDA_INTENT_UPLOAD));
    leave_three_empty_blocks(NULL);
    assert_int_equal(bench_use().empty_count, 4);
    BdaAllocation most = take((BdaAllocInfo){ .size = MIB(60), .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bench_use().empty_count, 1);
    BdaAllocation upload = take_bytes(16, BDA_INTENT_UPLOAD);
    assert_int_equal(bench_use().empty_count, 0);
    give(upload);
    give(most);
    bench_close();
}

/* ---- Blocks made ahead of time ---- */

static const BdaAllocInfo small = { .size = KIB(10) };

static void warm_up(VkDeviceSize bytes) {
    assert_int_equal(bda_warm_up(bench.allocator, &small, bytes), VK_SUCCESS);
}

/* Guards against the first bda_collect of a frame undoing a warm-up. */
static void warmed_up_blocks_outlast_collecting_and_growth(void **state) {
    (void)state;
    bench_open(NULL, &at_once);
    warm_up(MIB(6));
    assert_int_equal(bench_use().empty_count, 3);
    assert_int_equal(bench_use().reserved, MIB(7));
    const struct bench_state before = bench_look();
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_unchanged(&before);
    BdaAllocation others[] = { take_bytes(KIB(900), BDA_INTENT_UPLOAD), take_bytes(KIB(900), BDA_INTENT_UPLOAD),
                               take_buffer(KIB(900), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 }),
                               take_bytes(MIB(7), BDA_INTENT_DEVICE), /* more than the pool has room for */
                               take((BdaAllocInfo){ .size = 16, .flags = BDA_ALLOC_DEDICATED_BIT }) };
    assert_int_equal(bench_use().empty_count, 3);
    give_all(others, COUNT_OF(others));
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    static BdaAllocation taken[600];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = take(small);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls); /* which is what it was for */
    give_all(taken, COUNT_OF(taken));
    bench_close();
}

static void warmed_up_blocks_of_buffers_and_pools_last_as_well(void **state) {
    (void)state;
    bench_open(NULL, &at_once);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD });
    const VkBufferCreateInfo like = buffer_info(KIB(10), PLAIN_USAGE);
    const BdaAllocInfo in_pool = { .size = KIB(10), .pool = pool };
    assert_int_equal(bda_warm_up_buffers(bench.allocator, &like, NULL, MIB(6)), VK_SUCCESS);
    assert_int_equal(bda_warm_up(bench.allocator, &in_pool, MIB(6)), VK_SUCCESS);
    const struct bench_state before = bench_look();
    assert_int_equal(before.stats.total.empty_count, 6);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_unchanged(&before);
    bench_close();
}

/* Guards against a warm-up that finds room, makes nothing, and loses that room in the next bda_collect. */
static void empty_blocks_that_a_warm_up_counted_on_last_as_well(void **state) {
    (void)state;
    bench_open(NULL, &at_once);
    leave_three_empty_blocks(NULL);
    const struct bench_state before = bench_look();
    warm_up(MIB(6));
    assert_unchanged(&before);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_unchanged(&before);
    BdaAllocation larger = take_bytes(MIB(7), BDA_INTENT_DEVICE);
    assert_int_equal(bench_use().empty_count, 3);
    give(larger);
    bench_close();
}

/* Guards against memory that no bda_collect ever gives back, because it was warmed up once. */
static void warmed_up_blocks_that_were_used_are_surplus_again(void **state) {
    (void)state;
    bench_open(NULL, &at_once);
    warm_up(MIB(6));
    leave_three_empty_blocks(NULL); /* the same three */
    assert_int_equal(bench_use().reserved, MIB(7));
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().empty_count, 1);
    assert_int_equal(bench_use().reserved, MIB(1));
    bench_close();
}

static void a_block_that_follows_a_warmed_up_one_is_surplus_like_any(void **state) {
    (void)state;
    bench_open(NULL, &at_once);
    warm_up(MIB(6));
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    leave_three_empty_blocks(NULL); /* in the records of those */
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().reserved, MIB(1));
    bench_close();
}

static void trim_takes_warmed_up_blocks_too(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    warm_up(MIB(6));
    VkDeviceSize released = 0;
    assert_int_equal(bda_trim(bench.allocator, MIB(3), &released), VK_SUCCESS);
    assert_int_equal(released, MIB(4));
    assert_int_equal(bda_trim(bench.allocator, 0, &released), VK_SUCCESS);
    assert_int_equal(released, MIB(3));
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

/* Guards against refusing a request while memory lies idle. */
static void an_exhausted_heap_takes_warmed_up_blocks_too(void **state) {
    (void)state;
    const VkDeviceSize limit = MIB(8);
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED },
               &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &limit });
    warm_up(MIB(6));
    BdaAllocation dedicated = take((BdaAllocInfo){ .size = MIB(6), .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bench_use().empty_count, 0);
    give(dedicated);
    warm_up(MIB(6));
    BdaAllocation own = take_buffer(MIB(3), PLAIN_USAGE, (BdaAllocInfo){ .flags = BDA_ALLOC_DEDICATED_BIT });
    give(own);
    bench_close();
    bench_open(&(struct fake_config){ .limits = { .maxMemoryAllocationCount = 3 } }, NULL);
    warm_up(MIB(6));
    assert_int_equal(bench_use().empty_count, 3);
    give(take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT }));
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freeing_ranges_never_gives_memory_back),
        cmocka_unit_test(collect_keeps_one_empty_block_the_smallest),
        cmocka_unit_test(collect_keeps_the_bytes_it_was_told_to_keep),
        cmocka_unit_test(each_pool_keeps_its_own),
        cmocka_unit_test(collect_leaves_blocks_in_use_alone),
        cmocka_unit_test(a_request_that_needs_a_new_block_gives_the_surplus_back),
        cmocka_unit_test(surplus_goes_once_enough_collects_have_found_it_empty),
        cmocka_unit_test(what_was_used_meanwhile_is_kept_as_long_again),
        cmocka_unit_test(the_longest_time_is_the_longest_there_is),
        cmocka_unit_test(each_pool_keeps_for_its_own_time),
        cmocka_unit_test(trim_does_not_ask_for_how_long),
        cmocka_unit_test(work_that_comes_and_goes_with_each_frame_calls_no_driver),
        cmocka_unit_test(crossing_the_edge_of_a_block_calls_no_driver),
        cmocka_unit_test(blocks_of_buffers_are_kept_at_their_edge_too),
        cmocka_unit_test(trim_gives_back_the_largest_first_until_enough_is_gone),
        cmocka_unit_test(trim_goes_through_all_pools_and_spares_what_is_used),
        cmocka_unit_test(trim_begins_with_the_largest_block_of_all_pools),
        cmocka_unit_test(trim_collects_pending_frees_first),
        cmocka_unit_test(after_a_trim_growth_begins_small_again),
        cmocka_unit_test(a_full_heap_leaves_the_blocks_of_others_alone),
        cmocka_unit_test(warmed_up_blocks_outlast_collecting_and_growth),
        cmocka_unit_test(warmed_up_blocks_of_buffers_and_pools_last_as_well),
        cmocka_unit_test(empty_blocks_that_a_warm_up_counted_on_last_as_well),
        cmocka_unit_test(warmed_up_blocks_that_were_used_are_surplus_again),
        cmocka_unit_test(a_block_that_follows_a_warmed_up_one_is_surplus_like_any),
        cmocka_unit_test(trim_takes_warmed_up_blocks_too),
        cmocka_unit_test(an_exhausted_heap_takes_warmed_up_blocks_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
