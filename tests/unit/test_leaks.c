/* src/debug/leaks.c: what is still live at the end is told by name, once, and only that. */
#include "alloc_support.h"

#include <stdio.h>
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
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 5);
    assert_int_equal(strncmp(bench.text, "bda_destroy_allocator: 4 allocations, 1000 bytes still live\n", 60), 0);
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
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 4);
    assert_int_equal(bench_heard("bda_destroy_pool: 3 allocations, 300 bytes still live"), 1);
    assert_true(bench_heard("'tree'") == 1 && bench_heard("'rock'") == 1 && bench_heard("'hill'") == 1);
    assert_int_equal(bench_heard(", pool 'level'"), 3);
    assert_int_equal(bench_use().allocation_count, 1);
    assert_is_sound(&elsewhere);
    bench_hush();
    give(elsewhere);
    bench_close(); /* and they are not told again */
    assert_int_equal(bench.length, 0);
}

/* What is told where there are more leaks than the bench can write down. */
enum { MANY = 20000, ALONE = 500, TOLD = 64 };

static BdaHandle told_handles[TOLD + 1];
static uint32_t told_count;
static unsigned long long told_allocations, told_bytes, told_more;

static void hear_leak(void *user, BdaMessageSeverity severity, const char *text) {
    (void)user;
    const char *at = strstr(text, "handle 0x");
    assert_int_equal(severity, BDA_MESSAGE_WARNING);
    if (at != NULL && told_count < COUNT_OF(told_handles))
        told_handles[told_count++] = strtoull(at + 9, NULL, 16);
    (void)sscanf(text, "bda_destroy_allocator: %llu allocation%*[s,] %llu byte", &told_allocations, &told_bytes);
    (void)sscanf(text, "bda_destroy_pool: %llu allocation%*[s,] %llu byte", &told_allocations, &told_bytes);
    (void)sscanf(text, "and %llu more", &told_more);
}

static void hear_from_here(void) {
    bench_prepare(NULL);
    bench.info.message = hear_leak;
    bench_start();
    told_count = 0;
    told_allocations = told_bytes = told_more = 0;
}

static int compare_handles(const void *a, const void *b) {
    BdaHandle x = *(const BdaHandle *)a, y = *(const BdaHandle *)b;
    return x < y ? -1 : x > y;
}

/* `leaking` are the handles that leak, of 16 bytes each: as many as may be are told, each once. */
static void assert_leaks_are_told(BdaHandle *leaking, uint32_t count) {
    assert_int_equal(told_allocations, count);
    assert_int_equal(told_bytes, 16 * count);
    assert_int_equal(told_count, count < TOLD ? count : TOLD);
    assert_int_equal(told_more, count - told_count);
    qsort(leaking, count, sizeof leaking[0], compare_handles);
    qsort(told_handles, told_count, sizeof told_handles[0], compare_handles);
    for (uint32_t i = 0; i < told_count; i++) {
        assert_non_null(bsearch(&told_handles[i], leaking, count, sizeof leaking[0], compare_handles));
        assert_true(i == 0 || told_handles[i] != told_handles[i - 1]);
    }
}

static void of_twenty_thousand_leaks_some_are_told_and_all_are_counted(void **state) {
    (void)state;
    static BdaHandle leaking[MANY + ALONE];
    for (int pooled = 0; pooled < 2; pooled++) {
        hear_from_here();
        BdaPool pool = make_pool((BdaPoolInfo){ .name = "pool" });
        BdaAllocInfo info = { .size = 16, .pool = pooled != 0 ? pool : NULL };
        for (uint32_t i = 0; i < MANY + ALONE; i++) {
            info.flags = i % ((MANY + ALONE) / ALONE) == 0 ? BDA_ALLOC_DEDICATED_BIT : 0;
            BdaAllocation between = take((BdaAllocInfo){ .size = 16, .pool = info.pool });
            leaking[i] = take(info).handle;
            give(between); /* so that not all neighbours leak */
        }
        if (pooled != 0)
            assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_INCOMPLETE);
        bench_end(pooled != 0 ? VK_SUCCESS : VK_INCOMPLETE);
        assert_leaks_are_told(leaking, MANY + ALONE);
    }
}

/* Whole batches are where a list might end early or go round again. */
static void any_number_of_leaks_is_told_once_each(void **state) {
    (void)state;
    BdaHandle leaking[100];
    for (uint32_t count = 1; count <= COUNT_OF(leaking); count++)
        for (uint32_t alone = 0; alone <= count; alone += 16) {
            hear_from_here();
            for (uint32_t i = 0; i < count; i++)
                leaking[i] = take((BdaAllocInfo){ .size = 16,
                                                  .intent = i % 2 == 0 ? BDA_INTENT_DEVICE : BDA_INTENT_UPLOAD,
                                                  .flags = i < alone ? BDA_ALLOC_DEDICATED_BIT : 0 })
                                 .handle;
            bench_end(VK_INCOMPLETE);
            assert_leaks_are_told(leaking, count);
        }
}

static void leaks_of_pools_that_live_are_listed_with_the_allocators(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "level" });
    (void)take((BdaAllocInfo){ .size = 100, .name = "tree", .pool = pool });
    (void)take((BdaAllocInfo){ .size = 1, .name = "sky" });
    bench_end(VK_INCOMPLETE);
    assert_int_equal(bench_heard("bda_destroy_allocator: 2 allocations, 101 bytes still live"), 1);
    assert_true(bench_heard("'tree'") == 1 && bench_heard("'sky'") == 1);
    assert_int_equal(bench_heard(", pool 'level'"), 1);
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
        cmocka_unit_test(of_twenty_thousand_leaks_some_are_told_and_all_are_counted),
        cmocka_unit_test(any_number_of_leaks_is_told_once_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
