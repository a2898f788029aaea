/* src/debug/events.c: with BDA_ALLOCATOR_LOG_EVENTS_BIT every allocation, free and block is told, once. */
#include "alloc_support.h"

#include <inttypes.h>
#include <stdio.h>

static const BdaAllocatorInfo logging = { .flags = BDA_ALLOCATOR_LOG_EVENTS_BIT };

/* One line says all of this, and no other line names the handle. */
static void assert_told(const char *verb, const BdaAllocation *a, const char *name) {
    char line[256], handle[64];
    (void)snprintf(handle, sizeof handle, "handle 0x%" PRIx64, (uint64_t)a->handle);
    (void)snprintf(line, sizeof line, "%s: %" PRIu64 " bytes at address 0x%" PRIx64 ", %s%s%s%s", verb,
                   (uint64_t)a->size, (uint64_t)a->address, handle, name ? ", '" : "", name ? name : "",
                   name ? "'" : "");
    if (bench_heard(line) != 1 || bench_heard(handle) != 1)
        fail_msg("wanted one '%s' in: %s", line, bench.text);
    bench_hush();
}

static void allocations_and_frees_are_told(void **state) {
    (void)state;
    bench_open(NULL, &logging);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "mesh" });
    assert_int_equal(bench_heard("block opened: 1048576 bytes"), 1);
    assert_told("allocated", &a, "mesh");
    BdaAllocation plain = take_bytes(33, BDA_INTENT_DEVICE);
    assert_told("allocated", &plain, NULL);
    give(a);
    assert_told("freed", &a, "mesh");
    give(plain);
    assert_told("freed", &plain, NULL);
    bench_close();
}

static void buffers_and_dedicated_memory_are_told(void **state) {
    (void)state;
    bench_open(NULL, &logging);
    BdaAllocation own = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" });
    assert_told("allocated", &own, "own");
    BdaAllocation alone = take((BdaAllocInfo){ .size = 100, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bench_heard("block opened: 112 bytes"), 1);
    assert_told("allocated", &alone, NULL);
    give(own);
    assert_told("freed", &own, "own");
    give(alone);
    assert_int_equal(bench_heard("block closed: 112 bytes"), 1);
    assert_told("freed", &alone, NULL);
    bench_close();
}

static void many_freed_at_once_are_told_one_by_one(void **state) {
    (void)state;
    bench_open(NULL, &logging);
    BdaAllocation a = take_bytes(16, BDA_INTENT_DEVICE), b = take_buffer(16, PLAIN_USAGE, (BdaAllocInfo){ .user = 1 });
    const BdaHandle handles[] = { a.handle, 0, b.handle };
    bench_hush();
    assert_int_equal(bda_free_many(bench.allocator, 3, handles), VK_SUCCESS);
    assert_int_equal(bench_heard("freed: "), 2);
    bench_close();
}

static void a_free_that_waits_is_told_once_with_its_own_handle(void **state) {
    (void)state;
    bench_open(NULL, &logging);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 1);
    BdaAllocation a = take((BdaAllocInfo){ .size = 32, .name = "late" });
    bench_hush();
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_told("freed", &a, "late");
    bench_close();
}

/* Guards against: a pending free told of what it held, since its link stands where its slack was. */
static void a_free_that_waits_tells_what_was_asked_for(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_LOG_EVENTS_BIT,
                                          .checks = BDA_CHECK_RED_ZONES_BIT,
                                          .red_zone = BDA_RED_ZONE_MAX });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 1);
    const BdaAllocInfo infos[] = { { .size = 33, .name = "named" },
                                   { .size = 33 },
                                   { .size = 33, .user = 1 },
                                   { .size = 33, .flags = BDA_ALLOC_DEDICATED_BIT } };
    for (uint32_t i = 0; i < COUNT_OF(infos); i++) {
        BdaAllocation a = take(infos[i]);
        bench_hush();
        assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free(bench.allocator, a.handle), "bda_free", "");
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
        assert_told("freed", &a, infos[i].name);
    }
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "p" });
    BdaAllocation left = take((BdaAllocInfo){ .size = 33, .pool = pool });
    bench_hush();
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_INCOMPLETE);
    assert_int_equal(bench_heard("freed: 33 bytes"), 1);
    (void)left;
    bench_close();
}

static void blocks_that_come_and_go_are_told(void **state) {
    (void)state;
    bench_open(NULL, &logging);
    assert_int_equal(bda_warm_up(bench.allocator, &(BdaAllocInfo){ .size = 16 }, KIB(100)), VK_SUCCESS);
    assert_int_equal(bench_heard("block opened: "), 1);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(bench_heard("block closed: "), 1);
    assert_int_equal(bench.told[BDA_MESSAGE_INFO], 2);
    bench_close();
}

/* Who reads the log sees what a block is for; a block has no handle. */
static void blocks_are_told_with_their_memory_and_their_pool(void **state) {
    (void)state;
    bench_open(NULL, &logging);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "level", .intent = BDA_INTENT_UPLOAD });
    BdaAllocation a = take((BdaAllocInfo){ .size = 16, .pool = pool });
    const BdaAllocationInfo info = info_of(a.handle);
    char line[64];
    (void)snprintf(line, sizeof line, ", memory type %" PRIu32 ", heap %" PRIu32 ", pool 'level'\n", info.memory_type,
                   info.heap);
    assert_int_equal(bench_heard("block opened: "), 1);
    assert_non_null(strstr(bench.text, line));
    give(a);
    bench_hush();
    a = take_buffer(16, PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    assert_int_equal(bench_heard(", for own buffers, pool 'level'"), 1);
    give(a);
    a = take_buffer(16, PLAIN_USAGE, (BdaAllocInfo){ .flags = BDA_ALLOC_DEDICATED_BIT });
    give(a);
    assert_int_equal(bench_heard(", dedicated"), 2); /* as it comes and as it goes */
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    assert_int_equal(bench_heard("block closed: "), 3);
    assert_int_equal(bench_heard("handle 0x0"), 0);
    bench_close();
}

static void what_is_taken_back_is_told_on_both_sides(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT }, &logging);
    fake_fail(bench.driver, FAKE_CALL_FLUSH, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    refuse(VK_ERROR_OUT_OF_HOST_MEMORY,
           (BdaAllocInfo){ .size = 16, .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_ZERO_BIT });
    assert_int_equal(bench_heard("allocated: "), bench_heard("freed: "));
    bench_close();
}

static void without_the_flag_nothing_is_told(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    give(take_bytes(16, BDA_INTENT_DEVICE));
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(bench.length, 0);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_and_frees_are_told),
        cmocka_unit_test(buffers_and_dedicated_memory_are_told),
        cmocka_unit_test(many_freed_at_once_are_told_one_by_one),
        cmocka_unit_test(a_free_that_waits_is_told_once_with_its_own_handle),
        cmocka_unit_test(a_free_that_waits_tells_what_was_asked_for),
        cmocka_unit_test(blocks_that_come_and_go_are_told),
        cmocka_unit_test(blocks_are_told_with_their_memory_and_their_pool),
        cmocka_unit_test(what_is_taken_back_is_told_on_both_sides),
        cmocka_unit_test(without_the_flag_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
