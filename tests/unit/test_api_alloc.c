/* bda_alloc_many: all of them, or none. (What a single range promises is in test_allocate.c and test_pool.c.) */
#include "alloc_support.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_are_taken_as_one_by_one),
        cmocka_unit_test(none_of_none_does_nothing),
        cmocka_unit_test(a_bad_item_is_named_and_nothing_is_taken),
        cmocka_unit_test(an_item_that_finds_no_memory_takes_the_others_back),
        cmocka_unit_test(a_failed_batch_keeps_no_new_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
