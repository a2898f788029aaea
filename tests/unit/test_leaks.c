/* src/debug/leaks.c: what is still live at the end is told by name, once, and only that. */
#include "alloc_support.h"

#include <stdlib.h>

static void leaks_are_listed_by_name_when_the_allocator_goes(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    (void)take((BdaAllocInfo){ .size = 100, .name = "forgotten range" });
    (void)take_buffer(200, PLAIN_USAGE, (BdaAllocInfo){ .name = "forgotten buffer" });
    (void)take((BdaAllocInfo){ .size = 300, .name = "forgotten memory", .flags = BDA_ALLOC_DEDICATED_BIT });
    (void)take_bytes(400, BDA_INTENT_UPLOAD);
    give(take((BdaAllocInfo){ .size = 500, .name = "returned" }));
    bench_end(VK_INCOMPLETE);
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 4);
    assert_int_equal(bench_heard("'forgotten range', 100 bytes"), 1);
    assert_int_equal(bench_heard("'forgotten buffer', 200 bytes"), 1);
    assert_int_equal(bench_heard("'forgotten memory', 300 bytes"), 1);
    assert_int_equal(bench_heard("unnamed, 400 bytes"), 1);
    assert_int_equal(bench_heard("returned"), 0);
}

static void a_pools_leaks_are_listed_when_it_goes(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "level" });
    (void)take((BdaAllocInfo){ .size = 100, .name = "tree", .pool = pool });
    (void)take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .name = "rock", .pool = pool });
    (void)take((BdaAllocInfo){ .size = 100, .name = "hill", .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT });
    BdaAllocation elsewhere = take((BdaAllocInfo){ .size = 100, .name = "sky" });
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_INCOMPLETE);
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 3);
    assert_true(bench_heard("'tree'") == 1 && bench_heard("'rock'") == 1 && bench_heard("'hill'") == 1);
    assert_int_equal(bench_use().allocation_count, 1);
    assert_is_sound(&elsewhere);
    bench_hush();
    give(elsewhere);
    bench_close(); /* and they are not told again */
    assert_int_equal(bench.length, 0);
}

static void leaks_of_pools_that_live_are_listed_with_the_allocators(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "level" });
    (void)take((BdaAllocInfo){ .size = 100, .name = "tree", .pool = pool });
    bench_end(VK_INCOMPLETE);
    assert_int_equal(bench_heard("'tree'"), 1);
}

static void what_waits_or_was_freed_is_no_leak(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "pending" });
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    give(take_bytes(16, BDA_INTENT_DEVICE));
    bench_close();
    assert_int_equal(bench.length, 0);
}

static void a_leak_names_address_and_handle(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    bench_end(VK_INCOMPLETE);
    unsigned long long address = 0, handle = 0;
    const char *at = strstr(bench.text, "address 0x");
    assert_non_null(at);
    address = strtoull(at + 10, NULL, 16);
    at = strstr(bench.text, "handle 0x");
    assert_non_null(at);
    handle = strtoull(at + 9, NULL, 16);
    assert_int_equal(address, a.address);
    assert_int_equal(handle, a.handle);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaks_are_listed_by_name_when_the_allocator_goes),
        cmocka_unit_test(a_pools_leaks_are_listed_when_it_goes),
        cmocka_unit_test(leaks_of_pools_that_live_are_listed_with_the_allocators),
        cmocka_unit_test(what_waits_or_was_freed_is_no_leak),
        cmocka_unit_test(a_leak_names_address_and_handle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
