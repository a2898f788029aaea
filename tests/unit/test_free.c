/* src/alloc/free.c and bda_free, bda_free_many: what was taken comes back, all of it or none. */
#include "alloc_support.h"

#include <stdio.h>

static void freeing_nothing_does_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(16, BDA_INTENT_DEVICE);
    const struct bench_state before = bench_look();
    const BdaHandle zeros[3] = { 0, 0, 0 };
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    assert_int_equal(bda_free(bench.allocator, 0), VK_SUCCESS);
    assert_int_equal(bda_free_many(bench.allocator, 3, zeros), VK_SUCCESS);
    assert_int_equal(bda_free_many(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(bda_free_after(bench.allocator, 0, timeline, 1), VK_SUCCESS);
    assert_unchanged(&before);
    assert_int_equal(bench.length, 0);
    give(a);
    bench_close();
}

static void freeing_a_range_calls_no_driver(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 16, .name = "named", .user = 3 });
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    give(a);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    bench_close();
}

static void freeing_an_own_buffer_destroys_it_and_keeps_its_block(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation own = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(fake_buffer_count(bench.driver), 1);
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    give(own);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls + 1);
    assert_int_equal(fake_buffer_count(bench.driver), 0);
    assert_int_equal(fake_memory_count(bench.driver), 1);
    bench_close();
}

static void freeing_dedicated_memory_gives_it_back_at_once(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation range = take((BdaAllocInfo){ .size = MIB(3), .flags = BDA_ALLOC_DEDICATED_BIT });
    BdaAllocation own = take_buffer(MIB(3), PLAIN_USAGE, (BdaAllocInfo){ .flags = BDA_ALLOC_DEDICATED_BIT });
    give(range);
    give(own);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    assert_int_equal(fake_buffer_count(bench.driver), 0);
    assert_int_equal(bench_stats().heaps[0].usage, 0);
    bench_close();
}

static void dedicated_blocks_leave_their_list_from_any_place(void **state) {
    (void)state;
    const uint32_t orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 }, { 1, 2, 0 } };
    for (uint32_t i = 0; i < COUNT_OF(orders); i++) {
        bench_open(NULL, NULL);
        BdaAllocation taken[3];
        for (uint32_t j = 0; j < 3; j++)
            taken[j] = take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT });
        for (uint32_t j = 0; j < 3; j++) {
            give(taken[orders[i][j]]);
            assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
            assert_int_equal(bench_use().dedicated_count, 2 - j);
        }
        bench_close();
    }
}

/* The record of a block that is gone serves the next one, of whatever kind. */
static void what_a_block_was_before_does_not_count(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < 4; i++) {
        give(take_bytes(16, BDA_INTENT_DEVICE));
        assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
        BdaAllocation next = i % 2 == 0 ? take((BdaAllocInfo){ .size = 16, .flags = BDA_ALLOC_DEDICATED_BIT })
                                        : take_buffer(16, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
        BdaHandle handles[] = { 0, next.handle };
        if (i < 2)
            give(next);
        else
            assert_int_equal(bda_free_many(bench.allocator, 2, handles), VK_SUCCESS);
        assert_int_equal(fake_buffer_count(bench.driver), 0);
        assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
        assert_int_equal(fake_memory_count(bench.driver), 0);
    }
    bench_close();
}

static void freed_neighbours_become_one_range_again(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    give(take_bytes(16, BDA_INTENT_DEVICE));
    VkDeviceSize all = bench_use().largest_free;
    BdaAllocation taken[64];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = take_bytes(1000 + i, BDA_INTENT_DEVICE);
    for (uint32_t i = 0; i < COUNT_OF(taken); i += 2)
        give(taken[i]);
    for (uint32_t i = 1; i < COUNT_OF(taken); i += 2)
        give(taken[i]);
    assert_int_equal(bench_use().largest_free, all);
    assert_int_equal(bench_use().empty_count, 1);
    bench_close();
}

static void frees_take_no_host_memory_and_survive_its_refusal(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation taken[] = { take((BdaAllocInfo){ .size = 16, .name = "range" }),
                              take_buffer(16, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" }),
                              take((BdaAllocInfo){ .size = 16, .flags = BDA_ALLOC_DEDICATED_BIT, .name = "alone" }),
                              take_bytes(16, BDA_INTENT_UPLOAD) };
    fake_host_fail(&bench.host, 1, true);
    size_t calls = bench.host.calls;
    give(taken[0]);
    const BdaHandle rest[] = { taken[1].handle, taken[2].handle, taken[3].handle };
    assert_int_equal(bda_free_many(bench.allocator, 3, rest), VK_SUCCESS);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(bench.host.calls, calls);
    fake_host_fail(&bench.host, 0, false);
    bench_close();
}

static void frees_and_destroy_work_on_a_lost_device(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation range = take_bytes(16, BDA_INTENT_UPLOAD);
    BdaAllocation own = take_buffer(16, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    BdaAllocation alone = take((BdaAllocInfo){ .size = 16, .flags = BDA_ALLOC_DEDICATED_BIT });
    (void)take_bytes(16, BDA_INTENT_READBACK); /* left to destroy */
    fake_lose_device(bench.driver);
    give(range);
    const BdaHandle rest[] = { own.handle, alone.handle };
    assert_int_equal(bda_free_many(bench.allocator, 2, rest), VK_SUCCESS);
    bench_end(VK_INCOMPLETE);
}

/* ---- Many at once ---- */

static void many_are_freed_with_zeros_between_them(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaHandle handles[9] = { 0 };
    for (uint32_t i = 0; i < COUNT_OF(handles); i += 2)
        handles[i] = i == 4   ? take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" }).handle
                     : i == 6 ? take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT }).handle
                              : take_bytes(64, BDA_INTENT_DEVICE).handle;
    assert_int_equal(bda_free_many(bench.allocator, COUNT_OF(handles), handles), VK_SUCCESS);
    assert_int_equal(bench_use().allocation_count, 0);
    assert_int_equal(bench_use().used, 0);
    bench_close();
}

/* A bad handle in each place of the list: nothing of the rest is freed. */
static void one_bad_handle_frees_none(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation good[] = { take_bytes(64, BDA_INTENT_DEVICE),
                             take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" }),
                             take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT, .user = 9 }),
                             take_bytes(64, BDA_INTENT_UPLOAD) };
    BdaAllocation stale = take_bytes(64, BDA_INTENT_DEVICE);
    give(stale);
    const struct bench_state before = bench_look();
    for (uint32_t bad = 0; bad < 4; bad++) {
        BdaHandle handles[] = { good[0].handle, good[1].handle, good[2].handle, good[3].handle };
        handles[bad] = stale.handle;
        char where[32];
        (void)snprintf(where, sizeof where, "item %u", (unsigned)bad);
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free_many(bench.allocator, 4, handles), "bda_free_many",
                       where);
        assert_unchanged(&before);
        for (uint32_t i = 0; i < COUNT_OF(good); i++)
            assert_is_sound(&good[i]);
        assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    }
    assert_int_equal(info_of(good[2].handle).user, 9);
    give_all(good, COUNT_OF(good));
    bench_close();
}

static void a_handle_given_twice_is_bad(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 64, .name = "twice" }), b = take_bytes(64, BDA_INTENT_DEVICE);
    const BdaHandle handles[] = { b.handle, a.handle, 0, a.handle };
    const struct bench_state before = bench_look();
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted,
                   "item 3 'twice', 64 bytes, handle 0x%llx: the handle is given twice, first as item 1 (",
                   (unsigned long long)a.handle);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free_many(bench.allocator, 4, handles), "bda_free_many", wanted);
    assert_unchanged(&before);
    give(a);
    give(b);
    bench_close();
}

static void handles_stay_good_for_a_second_try(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaHandle handles[] = { take_bytes(64, BDA_INTENT_DEVICE).handle, take_bytes(64, BDA_INTENT_DEVICE).handle, 12345 };
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(bda_free_many(bench.allocator, 3, handles), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(bda_free_many(bench.allocator, 2, handles), VK_SUCCESS);
    bench_close();
}

/* ---- More than a batch ---- */

enum { CROWD = 300 };

/* Two kinds of memory, names, buffers, dedicated memory, all in disorder. */
static void take_crowd(BdaAllocation *crowd, BdaHandle *handles) {
    for (uint32_t i = 0; i < CROWD; i++) {
        BdaAllocInfo info = { .size = 16 + i * 40, .intent = i / 3 % 2 == 0 ? BDA_INTENT_DEVICE : BDA_INTENT_UPLOAD };
        info.name = i % 5 == 0 ? "named" : NULL;
        info.flags = i % 97 == 50 ? BDA_ALLOC_DEDICATED_BIT : 0;
        crowd[i] = i % 31 == 7 ? take_buffer(info.size, PLAIN_USAGE, (BdaAllocInfo){ .name = info.name }) : take(info);
        handles[i * 77 % CROWD] = crowd[i].handle; /* 77 and 300 have no common divisor */
    }
}

static void a_crowd_is_freed_at_once(BdaAllocatorFlags flags) {
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = flags });
    BdaAllocation crowd[CROWD];
    BdaHandle handles[CROWD];
    take_crowd(crowd, handles);
    bench_hush();
    assert_int_equal(bda_free_many(bench.allocator, CROWD, handles), VK_SUCCESS);
    if ((flags & BDA_ALLOCATOR_LOG_EVENTS_BIT) != 0)
        assert_int_equal(bench_heard("freed: "), CROWD);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    const BdaUse use = bench_use();
    assert_int_equal(use.allocation_count, 0);
    assert_int_equal(use.used, 0);
    assert_int_equal(use.dedicated_count, 0);
    assert_int_equal(use.empty_count, use.block_count);
    for (uint32_t i = 0; i < CROWD; i++)
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free(bench.allocator, crowd[i].handle), "bda_free", "stale");
    bench_close();
}

static void many_more_than_a_batch_are_freed(void **state) {
    (void)state;
    a_crowd_is_freed_at_once(0);
    a_crowd_is_freed_at_once(BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT);
    a_crowd_is_freed_at_once(BDA_ALLOCATOR_LOG_EVENTS_BIT);
}

static void a_bad_handle_anywhere_in_a_crowd_frees_none(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation crowd[CROWD];
    BdaHandle handles[CROWD];
    take_crowd(crowd, handles);
    const struct bench_state before = bench_look();
    const BdaHandle bad[] = { 1, UINT64_MAX, handles[3], handles[0] + 1000000 };
    for (uint32_t i = 4; i < CROWD; i += 59) {
        char where[32];
        (void)snprintf(where, sizeof where, i % COUNT_OF(bad) == 2 ? "item %u, " : "item %u:", (unsigned)i);
        BdaHandle good = handles[i];
        handles[i] = bad[i % COUNT_OF(bad)];
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free_many(bench.allocator, CROWD, handles), "bda_free_many",
                       where);
        handles[i] = good;
        assert_unchanged(&before);
    }
    for (uint32_t i = 0; i < CROWD; i++)
        assert_is_sound(&crowd[i]);
    assert_int_equal(bda_free_many(bench.allocator, CROWD, handles), VK_SUCCESS);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freeing_nothing_does_nothing),
        cmocka_unit_test(freeing_a_range_calls_no_driver),
        cmocka_unit_test(freeing_an_own_buffer_destroys_it_and_keeps_its_block),
        cmocka_unit_test(freeing_dedicated_memory_gives_it_back_at_once),
        cmocka_unit_test(dedicated_blocks_leave_their_list_from_any_place),
        cmocka_unit_test(what_a_block_was_before_does_not_count),
        cmocka_unit_test(freed_neighbours_become_one_range_again),
        cmocka_unit_test(frees_take_no_host_memory_and_survive_its_refusal),
        cmocka_unit_test(frees_and_destroy_work_on_a_lost_device),
        cmocka_unit_test(many_are_freed_with_zeros_between_them),
        cmocka_unit_test(one_bad_handle_frees_none),
        cmocka_unit_test(a_handle_given_twice_is_bad),
        cmocka_unit_test(handles_stay_good_for_a_second_try),
        cmocka_unit_test(many_more_than_a_batch_are_freed),
        cmocka_unit_test(a_bad_handle_anywhere_in_a_crowd_frees_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
