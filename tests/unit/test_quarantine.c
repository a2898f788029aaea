/* BDA_CHECK_QUARANTINE_BIT: what is freed is held back, and comes back in the end. */
#include "alloc_support.h"

#include <stdio.h>

static const BdaAllocatorInfo four_frees = { .checks = BDA_CHECK_QUARANTINE_BIT, .quarantine_frees = 4 };

static BdaFinding find_at(VkDeviceAddress address) {
    BdaFinding finding;
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, address, 0, &count, &finding), VK_SUCCESS);
    return finding;
}

static void what_is_freed_is_not_handed_out_again(void **state) {
    (void)state;
    bench_open(NULL, &four_frees);
    BdaAllocation freed[4];
    for (uint32_t i = 0; i < 4; i++) {
        freed[i] = take_bytes(64, BDA_INTENT_DEVICE);
        give(freed[i]);
        for (uint32_t j = 0; j < i; j++)
            assert_int_not_equal(freed[i].address, freed[j].address);
    }
    assert_int_equal(bench_use().quarantined_count, 4);
    assert_int_equal(bench_use().quarantined, 4 * 64);
    bench_close();
}

static void it_leaves_after_so_many_frees(void **state) {
    (void)state;
    bench_open(NULL, &four_frees);
    BdaAllocation all[8];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take_bytes(64, BDA_INTENT_DEVICE);
    for (uint32_t i = 0; i < 4; i++)
        give(all[i]);
    assert_int_equal(find_at(all[0].address).kind, BDA_FINDING_QUARANTINED);
    give(all[4]);
    assert_int_equal(find_at(all[0].address).kind, BDA_FINDING_FREE);
    assert_int_equal(find_at(all[1].address).kind, BDA_FINDING_QUARANTINED);
    assert_int_equal(bench_use().quarantined_count, 4);
    give_all(&all[5], 3);
    bench_close();
}

static void it_leaves_after_so_many_bytes(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT, .quarantine_bytes = 1000 });
    BdaAllocation a = take_bytes(512, BDA_INTENT_DEVICE), b = take_bytes(480, BDA_INTENT_DEVICE),
                  c = take_bytes(16, BDA_INTENT_DEVICE), large = take_bytes(1024, BDA_INTENT_DEVICE);
    give(a);
    give(b);
    assert_int_equal(find_at(a.address).kind, BDA_FINDING_QUARANTINED);
    give(c);
    assert_int_equal(find_at(a.address).kind, BDA_FINDING_FREE);
    assert_int_equal(bench_use().quarantined, 496);
    give(large);
    assert_int_equal(bench_use().quarantined_count, 0);
    bench_close();
}

/* What is held has its name still when the history has forgotten it. */
static void its_name_is_known_without_history(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.checks = BDA_CHECK_QUARANTINE_BIT;
    bench.info.history_depth = BDA_HISTORY_NONE;
    bench_start();
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "bones" });
    give(a);
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted, "is stale: 'bones' (112 bytes held at 0x%llx) was freed (",
                   (unsigned long long)a.address);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free(bench.allocator, a.handle), "bda_free", wanted);
    bench_close();
}

static void its_handle_is_stale_and_its_name_is_known(void **state) {
    (void)state;
    bench_open(NULL, &four_frees);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "bones", .user = 7 });
    give(a);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free(bench.allocator, a.handle), "bda_free", "");
    BdaFinding finding = find_at(a.address + 8);
    assert_int_equal(finding.kind, BDA_FINDING_QUARANTINED);
    assert_int_equal(finding.range.handle, a.handle);
    assert_int_equal(finding.range.user, 7);
    assert_int_equal(finding.offset, 8);
    char text[BDA_FINDING_TEXT_SIZE], wanted[128];
    assert_int_equal(bda_describe_finding(&finding, sizeof text, text), VK_SUCCESS);
    (void)snprintf(wanted, sizeof wanted, "byte 8 of 'bones' (freed, in quarantine, 100 bytes at 0x%llx)",
                   (unsigned long long)a.address);
    assert_non_null(strstr(text, wanted));
    bench_close();
}

static void a_buffer_is_destroyed_at_its_free(void **state) {
    (void)state;
    bench_open(NULL, &four_frees);
    BdaAllocation a = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" });
    BdaAllocation b = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    unsigned buffers = fake_buffer_count(bench.driver);
    give(a);
    give(b);
    assert_int_equal(fake_buffer_count(bench.driver), buffers - 2);
    assert_int_equal(find_at(a.address).kind, BDA_FINDING_QUARANTINED);
    assert_int_equal(find_at(b.address).kind, BDA_FINDING_QUARANTINED);
    bench_close();
}

static void dedicated_memory_is_held_too(void **state) {
    (void)state;
    bench_open(NULL, &four_frees);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .flags = BDA_ALLOC_DEDICATED_BIT });
    give(a);
    assert_int_equal(fake_memory_count(bench.driver), 1);
    assert_int_equal(find_at(a.address).kind, BDA_FINDING_QUARANTINED);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    for (uint32_t i = 0; i < 4; i++)
        give(take_bytes(16, BDA_INTENT_UPLOAD));
    assert_int_equal(find_at(a.address).kind, BDA_FINDING_FOREIGN);
    bench_close();
}

static void a_free_that_waits_goes_there_afterwards(void **state) {
    (void)state;
    bench_open(NULL, &four_frees);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(find_at(a.address).kind, BDA_FINDING_PENDING);
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(find_at(a.address).kind, BDA_FINDING_QUARANTINED);
    assert_int_equal(bench_use().quarantined_count, 1);
    bench_close();
}

static void many_at_once_are_held(void **state) {
    (void)state;
    bench_open(NULL, &four_frees);
    BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE), b = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    const BdaHandle handles[] = { a.handle, 0, b.handle };
    assert_int_equal(bda_free_many(bench.allocator, 3, handles), VK_SUCCESS);
    assert_int_equal(bench_use().quarantined_count, 2);
    bench_close();
}

/* Guards against: what bda_alloc_many took back, nobody had seen, and it took the place of what somebody had. */
static void what_was_never_handed_out_goes_back_at_once(void **state) {
    (void)state;
    bench_open(
        &(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT },
        &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT });
    const BdaAllocInfo infos[3] = { { .size = 100, .name = "first" }, { .size = 200, .intent = BDA_INTENT_UPLOAD } };
    BdaAllocation all[3];
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_alloc_many(bench.allocator, 3, infos, all), "bda_alloc_many",
                   "size is 0");
    assert_int_equal(bench_use().quarantined_count, 0);
    assert_int_equal(fake_memory_count(bench.driver), 0); /* so the blocks that it opened could go */
    BdaAllocation keep = take_bytes(16, BDA_INTENT_UPLOAD);
    fake_fail(bench.driver, FAKE_CALL_FLUSH, 2, VK_ERROR_OUT_OF_HOST_MEMORY); /* after that of the patterns */
    refuse(VK_ERROR_OUT_OF_HOST_MEMORY,
           (BdaAllocInfo){ .size = 16, .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_ZERO_BIT });
    assert_int_equal(bench_use().quarantined_count, 0);
    uint32_t owners = 0;
    BdaHistory history;
    assert_int_equal(
        bda_get_history(bench.allocator, keep.address & ~(VkDeviceAddress)0xFFFF, 0x10000, &history, &owners, NULL),
        VK_SUCCESS);
    assert_int_equal(owners, 0);
    give(keep);
    bench_close();
}

/* An allocation in a fresh allocator, where the nth request for host memory is refused, and its free, which asks for
 * none. False: there were fewer requests. */
static bool free_without_memory(size_t nth, BdaAllocInfo info) {
    bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT |
                                                    BDA_CHECK_RED_ZONES_BIT });
    BdaAllocation a;
    fake_host_fail(&bench.host, nth, false);
    VkResult result = bda_alloc(bench.allocator, &info, &a);
    bool failed = bench.host.failed != 0;
    fake_host_fail(&bench.host, 1, true);
    size_t before = bench.host.calls;
    if (result == VK_SUCCESS)
        give(a);
    assert_int_equal(bench.host.calls, before);
    fake_host_fail(&bench.host, 0, false);
    bench_close();
    return failed;
}

/* Guards against: the note of a free was made in the free, where the allocation had got none. */
static void frees_take_no_memory(void **state) {
    (void)state;
    for (size_t nth = 1; free_without_memory(nth, (BdaAllocInfo){ .size = 100, .intent = BDA_INTENT_UPLOAD }); nth++)
        ;
    for (size_t nth = 1; free_without_memory(nth, (BdaAllocInfo){ .size = 100, .name = "a" }); nth++)
        ;
}

static void what_goes_unchecked_is_said_once(void **state) {
    (void)state;
    unsigned said = 0;
    for (size_t nth = 1; nth < 40; nth++) {
        bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_POISON_BIT });
        BdaAllocation a;
        fake_host_fail(&bench.host, nth, false);
        if (bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = 16 }, &a) == VK_SUCCESS)
            give(a);
        fake_host_fail(&bench.host, 0, false);
        said += bench_heard("some allocations go unchecked");
        bench_close();
    }
    assert_true(said == 1 || said == 2); /* the words, and what leads to them */
}

static void trimming_leaves_it_alone(void **state) {
    (void)state;
    bench_open(NULL, &four_frees);
    BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
    give(a);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(find_at(a.address).kind, BDA_FINDING_QUARANTINED);
    bench_close();
}

/* What there is, filled by requests of 16 KiB. */
static uint32_t fill(BdaAllocation *all, uint32_t most, BdaAllocFlags flags) {
    VkResult end;
    return take_until_refused((BdaAllocInfo){ .size = KIB(16), .flags = flags }, all, most, &end);
}

static void a_full_heap_takes_it_back(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .heap_size = MIB(1), .machine = FAKE_MACHINE_UNIFIED },
               &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT, .max_block_size = KIB(256) });
    BdaAllocation all[64];
    uint32_t count = fill(all, 64, 0);
    assert_true(count > 8);
    give_all(all, count);
    assert_int_equal(bench_use().quarantined_count, count);
    assert_int_equal(fill(all, count, 0), count);
    give_all(all, count);
    bench_close();
}

static void what_may_take_no_new_memory_takes_it_back(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT, .first_block_size = KIB(256) });
    BdaAllocation all[64];
    give(take_bytes(64, BDA_INTENT_DEVICE));
    uint32_t count = fill(all, 64, BDA_ALLOC_NO_NEW_MEMORY_BIT);
    assert_true(count > 1);
    give_all(all, count);
    assert_int_equal(bench_use().quarantined_count, count);
    assert_int_equal(fill(all, count, BDA_ALLOC_NO_NEW_MEMORY_BIT), count);
    give_all(all, count);
    bench_close();
}

static void a_pool_at_its_limit_takes_it_back(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT });
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = KIB(256), .max_block_size = KIB(64) });
    for (uint32_t i = 0; i < 100; i++)
        give(take((BdaAllocInfo){ .size = KIB(24), .pool = pool }));
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    assert_int_equal(bench_use().quarantined_count, 0);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

/* Dedicated memory counts with all of its bytes, its bound holds, and it goes before anything is refused: for want of
 * bytes, and for want of allocations. */
static void dedicated_memory_is_bounded_and_refuses_nobody(void **state) {
    (void)state;
    for (uint32_t limited = 0; limited < 3; limited++) {
        struct fake_config config = { .prefer_dedicated_from = 1, .heap_size = MIB(8) };
        if (limited == 1)
            config.limits.maxMemoryAllocationCount = 6;
        bench_open(&config, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT,
                                                 .quarantine_bytes = limited == 2 ? MIB(2) : 0 });
        for (uint32_t i = 0; i < 50; i++) {
            BdaAllocation a = take_buffer(MIB(1), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
            assert_true(info_of(a.handle).dedicated);
            BdaUse use = bench_use();
            assert_true(use.quarantined == use.quarantined_count * MIB(1));
            assert_true(limited != 2 || use.quarantined <= MIB(2));
            assert_int_equal(fake_memory_count(bench.driver), 1 + use.quarantined_count);
            give(a);
            assert_int_equal(find_at(a.address).kind, BDA_FINDING_QUARANTINED);
        }
        bench_close();
    }
}

/* While its buffer is there, layers take a use after the free for a good one. */
static void isolated_memory_goes_at_once_with_its_buffer(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .prefer_dedicated_from = KIB(64) },
               &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_ISOLATE_BIT });
    BdaAllocation alone = take_bytes(KIB(64), BDA_INTENT_DEVICE), small = take_bytes(64, BDA_INTENT_DEVICE);
    unsigned buffers = fake_buffer_count(bench.driver), memories = fake_memory_count(bench.driver);
    give(alone);
    give(small);
    assert_int_equal(fake_buffer_count(bench.driver), buffers - 2);
    assert_int_equal(fake_memory_count(bench.driver), memories - 1);
    assert_int_equal(find_at(alone.address).kind, BDA_FINDING_FOREIGN);
    assert_int_equal(find_at(alone.address).former.range.handle, alone.handle);
    assert_int_equal(find_at(small.address).kind, BDA_FINDING_QUARANTINED);
    bench_close();
}

static void a_pool_takes_its_own_along_and_no_other(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT });
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "p" });
    BdaAllocation other = take_bytes(64, BDA_INTENT_DEVICE);
    give(take((BdaAllocInfo){ .size = 64, .pool = pool }));
    give(take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .pool = pool }));
    give(other);
    (void)take((BdaAllocInfo){ .size = 64, .pool = pool });
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_INCOMPLETE);
    assert_int_equal(bench_use().quarantined_count, 1);
    assert_int_equal(find_at(other.address).kind, BDA_FINDING_QUARANTINED);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_freed_is_not_handed_out_again),
        cmocka_unit_test(it_leaves_after_so_many_frees),
        cmocka_unit_test(it_leaves_after_so_many_bytes),
        cmocka_unit_test(its_handle_is_stale_and_its_name_is_known),
        cmocka_unit_test(its_name_is_known_without_history),
        cmocka_unit_test(a_buffer_is_destroyed_at_its_free),
        cmocka_unit_test(dedicated_memory_is_held_too),
        cmocka_unit_test(a_free_that_waits_goes_there_afterwards),
        cmocka_unit_test(many_at_once_are_held),
        cmocka_unit_test(what_was_never_handed_out_goes_back_at_once),
        cmocka_unit_test(frees_take_no_memory),
        cmocka_unit_test(what_goes_unchecked_is_said_once),
        cmocka_unit_test(trimming_leaves_it_alone),
        cmocka_unit_test(a_full_heap_takes_it_back),
        cmocka_unit_test(what_may_take_no_new_memory_takes_it_back),
        cmocka_unit_test(a_pool_at_its_limit_takes_it_back),
        cmocka_unit_test(a_pool_takes_its_own_along_and_no_other),
        cmocka_unit_test(dedicated_memory_is_bounded_and_refuses_nobody),
        cmocka_unit_test(isolated_memory_goes_at_once_with_its_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
