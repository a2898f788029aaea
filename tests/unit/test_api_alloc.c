/* bda_alloc_many: all of them, or none. (What a single range promises is in test_allocate.c and test_pool.c.) */
#include "alloc_support.h"

#include "core/bits.h"

#include <stdio.h>

enum { MANY = 6 };

static void fill(BdaAllocInfo *infos) {
    for (uint32_t i = 0; i < MANY; i++)
        infos[i] =
            (BdaAllocInfo){ .size = 100 + i, .user = i, .intent = i % 2 ? BDA_INTENT_UPLOAD : BDA_INTENT_DEVICE };
    infos[4].flags = BDA_ALLOC_DEDICATED_BIT;
    infos[5].name = "last";
}

/* Answers the message's reason too. */
static void many_are_refused(VkResult wanted, const BdaAllocInfo *infos, const char *item) {
    BdaAllocation taken[MANY];
    memset(taken, 0x77, sizeof taken);
    VkResult result = bda_alloc_many(bench.allocator, MANY, infos, taken);
    assert_refusal(wanted, result, "bda_alloc_many", item);
    assert_is_zeroed(taken, sizeof taken);
}

static void many_are_taken_as_one_by_one(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocInfo infos[MANY];
    BdaAllocation taken[MANY];
    fill(infos);
    assert_int_equal(bda_alloc_many(bench.allocator, MANY, infos, taken), VK_SUCCESS);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(taken[i].size, 100 + i);
        assert_int_equal(info_of(taken[i].handle).user, i);
        assert_is_sound(&taken[i]);
    }
    assert_true(info_of(taken[4].handle).dedicated);
    assert_string_equal(info_of(taken[5].handle).name, "last");
    give_all(taken, MANY);
    bench_close();
}

static void none_of_none_does_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    const struct bench_state before = bench_look();
    assert_int_equal(bda_alloc_many(bench.allocator, 0, NULL, NULL), VK_SUCCESS);
    assert_unchanged(&before);
    bench_close();
}

static void a_bad_item_is_named_and_nothing_is_taken(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation held = take_bytes(16, BDA_INTENT_READBACK);
    const struct bench_state before = bench_look();
    for (uint32_t bad = 0; bad < MANY; bad++) {
        char item[16] = { 'i', 't', 'e', 'm', ' ', (char)('0' + bad), '\0' };
        BdaAllocInfo infos[MANY];
        fill(infos);
        infos[bad].alignment = 3;
        many_are_refused(VK_ERROR_VALIDATION_FAILED_EXT, infos, item);
        assert_int_equal(bench_use().allocation_count, 1);
        assert_as_before(&before);
    }
    give(held);
    bench_close();
}

static void an_item_that_finds_no_memory_takes_the_others_back(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .heap_size = MIB(64) }, NULL);
    BdaAllocInfo infos[MANY];
    fill(infos);
    BdaAllocation warm[MANY];
    assert_int_equal(bda_alloc_many(bench.allocator, 4, infos, warm), VK_SUCCESS);
    give_all(warm, 4);
    const struct bench_state before = bench_look();
    infos[5] = (BdaAllocInfo){ .size = MIB(63), .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    many_are_refused(VK_ERROR_OUT_OF_DEVICE_MEMORY, infos, "item 5");
    assert_as_before(&before);
    bench_close();
}

static void a_failed_batch_keeps_no_new_block(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    const struct bench_state before = bench_look();
    const BdaAllocInfo infos[MANY] = { { .size = 16 },
                                       { .size = 16, .intent = BDA_INTENT_UPLOAD },
                                       { .size = 16 },
                                       { .size = 16 },
                                       { .size = 16, .intent = BDA_INTENT_READBACK },
                                       { .size = MIB(63), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT } };
    many_are_refused(VK_ERROR_OUT_OF_DEVICE_MEMORY, infos, "item 5");
    assert_as_before(&before);
    bench_close();
}

/* ---- Runs of plain requests, and what interrupts them ---- */

enum { CROWD = 200 };

static BdaAllocInfo one_of_a_crowd(uint32_t i, BdaPool pool) {
    BdaAllocInfo info = { .size = 1 + i * 37, .alignment = i % 3 == 0 ? 256 : 0 };
    if (i % 20 < 10)
        info.intent = BDA_INTENT_UPLOAD;
    if (i % 7 == 0)
        info.name = "named";
    if (i % 23 == 22)
        info = (BdaAllocInfo){ .size = info.size, .pool = pool };
    if (i == 30 || i == 170)
        info.flags = BDA_ALLOC_DEDICATED_BIT;
    if (i == 31)
        info.size = MIB(2); /* finds no room in what there is */
    if (i == 95)
        info = (BdaAllocInfo){ .size = 100, .intent = BDA_INTENT_READBACK, .flags = BDA_ALLOC_ZERO_BIT };
    return info;
}

static void a_crowd_is_taken_as_one_by_one(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_DEVICE });
    BdaAllocInfo infos[CROWD];
    BdaAllocation taken[CROWD];
    VkDeviceSize used = 0;
    for (uint32_t i = 0; i < CROWD; i++) {
        infos[i] = one_of_a_crowd(i, pool);
        used += infos[i].size;
    }
    assert_int_equal(bda_alloc_many(bench.allocator, CROWD, infos, taken), VK_SUCCESS);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().used, used);
    for (uint32_t i = 0; i < CROWD; i++) {
        const BdaAllocationInfo info = info_of(taken[i].handle);
        assert_is_sound(&taken[i]);
        assert_int_equal(taken[i].size, infos[i].size);
        assert_int_equal(taken[i].address % bda_max(infos[i].alignment, 16), 0);
        assert_int_equal(info.dedicated, (infos[i].flags & BDA_ALLOC_DEDICATED_BIT) != 0);
        assert_ptr_equal(info.pool, infos[i].pool);
        assert_int_equal(info.name != NULL, infos[i].name != NULL);
        assert_true(infos[i].intent == BDA_INTENT_DEVICE || taken[i].mapped != NULL);
    }
    give_all(taken, CROWD);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void a_crowd_that_fails_anywhere_takes_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_DEVICE });
    BdaAllocInfo infos[CROWD];
    BdaAllocation taken[CROWD];
    for (uint32_t i = 0; i < CROWD; i++)
        infos[i] = one_of_a_crowd(i, pool);
    assert_int_equal(bda_alloc_many(bench.allocator, CROWD, infos, taken),
                     VK_SUCCESS); /* pools and records are there */
    give_all(taken, CROWD);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    const struct bench_state before = bench_look();
    for (uint32_t bad = 0; bad < CROWD; bad += 13) {
        char item[80];
        (void)snprintf(item, sizeof item, "item %u%s: alignment is no power of two, 3", (unsigned)bad,
                       infos[bad].name != NULL ? " 'named'" : "");
        BdaAllocInfo good = infos[bad];
        infos[bad].alignment = 3;
        VkResult result = bda_alloc_many(bench.allocator, CROWD, infos, taken);
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, result, "bda_alloc_many", item);
        assert_is_zeroed(taken, sizeof taken);
        assert_as_before(&before);
        infos[bad] = good;
    }
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* The lock is taken anew within a run; neither its ends nor a refusal shows where. */
static void runs_of_any_length_are_all_or_none(void **state) {
    (void)state;
    enum { LONGEST = 200 };
    const uint32_t lengths[] = { 1, 63, 64, 65, 127, 128, 129, LONGEST };
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
    BdaAllocation held = take_bytes(16, BDA_INTENT_DEVICE);
    BdaAllocInfo infos[LONGEST];
    BdaAllocation taken[LONGEST];
    for (uint32_t k = 0; k < COUNT_OF(lengths); k++) {
        const uint32_t count = lengths[k];
        for (uint32_t i = 0; i < count; i++)
            infos[i] = (BdaAllocInfo){ .size = 1 + i };
        assert_int_equal(bda_alloc_many(bench.allocator, count, infos, taken), VK_SUCCESS);
        for (uint32_t i = 0; i < count; i++)
            assert_true(taken[i].size == 1 + i && (i == 0 || taken[i].address != taken[i - 1].address));
        give_all(taken, count);
        const struct bench_state before = bench_look();
        char item[16];
        (void)snprintf(item, sizeof item, "item %u", (unsigned)(count - 1));
        infos[count - 1].alignment = 3;
        assert_int_equal(bda_alloc_many(bench.allocator, count, infos, taken), VK_ERROR_VALIDATION_FAILED_EXT);
        assert_is_zeroed(taken, count * sizeof taken[0]);
        assert_int_equal(bench_heard(item), 1);
        assert_as_before(&before);
        bench_hush();
    }
    give(held);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_are_taken_as_one_by_one),
        cmocka_unit_test(none_of_none_does_nothing),
        cmocka_unit_test(a_bad_item_is_named_and_nothing_is_taken),
        cmocka_unit_test(an_item_that_finds_no_memory_takes_the_others_back),
        cmocka_unit_test(a_failed_batch_keeps_no_new_block),
        cmocka_unit_test(runs_of_any_length_are_all_or_none),
        cmocka_unit_test(a_crowd_is_taken_as_one_by_one),
        cmocka_unit_test(a_crowd_that_fails_anywhere_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
