/*
 * BDA_CHECK_ISOLATE_BIT: allocations are buffers of their own, shaders and copies reach them as ever, and validation
 * layers that instrument shaders (BDA_GPU_ASSISTED) see a store that leaves its allocation. Those stores stay within
 * the block, so nothing else could.
 */
#include "work.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 100, FURTHER = 8 };

static void restart(struct suite *s, BdaCheckFlags checks) {
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.checks = checks;
    suite_restart(s, &info);
}

static void each_is_a_buffer_of_its_own(void **state) {
    enum { COUNT = 100 };
    struct suite *s = *state;
    BdaAllocation taken[COUNT];
    struct suite_span spans[COUNT];
    restart(s, BDA_CHECK_ISOLATE_BIT);
    for (uint32_t i = 0; i < COUNT; i++) {
        const BdaAllocInfo info = { .size = 4 + (VkDeviceSize)i * 12, .intent = BDA_INTENT_UPLOAD };
        taken[i] = suite_alloc(s, &info);
        spans[i] = suite_span_of(&taken[i], i);
        assert_true(taken[i].offset == 0 && suite_info(s, taken[i].handle).own_buffer);
    }
    suite_fill(s, spans, COUNT);
    suite_assert_filled(s, spans, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        suite_free(s, &taken[i]);
}

static void copies_reach_them_by_their_buffers(void **state) {
    struct suite *s = *state;
    uint32_t words[WORDS], seen[WORDS];
    restart(s, BDA_CHECK_ISOLATE_BIT);
    suite_words(words, WORDS, 7);
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = sizeof words, .usage = SUITE_COPIES });
    suite_copy_in(s, &a, words, sizeof words);
    suite_copy_out(s, &a, seen, sizeof seen);
    assert_memory_equal(words, seen, sizeof words);
    suite_free(s, &a);
}

/* What the layers say while the GPU fills `words` words of an allocation that has WORDS of them. */
static unsigned reports_of_a_fill(struct suite *s, uint32_t words) {
    BdaAllocation before = suite_alloc(s, &(BdaAllocInfo){ .size = 4096 });
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = WORDS * sizeof(uint32_t), .name = "particles" });
    BdaAllocation behind = suite_alloc(s, &(BdaAllocInfo){ .size = 4096 });
    const struct suite_span span = { a.address, words, 1 };
    unsigned count = suite_layer_messages().count;
    suite_expect_layer_messages(true);
    suite_fill(s, &span, 1);
    suite_expect_layer_messages(false);
    count = suite_layer_messages().count - count;
    suite_free(s, &before);
    suite_free(s, &a);
    suite_free(s, &behind);
    return count;
}

static void skip_without_assistance(const struct suite *s) {
    if (!s->enabled.gpu_assisted)
        skip();
}

static void a_store_within_an_allocation_is_not_reported(void **state) {
    struct suite *s = *state;
    skip_without_assistance(s);
    restart(s, BDA_CHECK_ISOLATE_BIT);
    assert_int_equal(reports_of_a_fill(s, WORDS), 0);
}

static void a_store_past_an_allocation_is_reported(void **state) {
    struct suite *s = *state;
    skip_without_assistance(s);
    restart(s, BDA_CHECK_ISOLATE_BIT);
    assert_int_not_equal(reports_of_a_fill(s, WORDS + FURTHER), 0);
    assert_non_null(strstr(suite_layer_messages().text, "out of bounds"));
}

static void a_store_into_a_freed_allocation_is_reported(void **state) {
    struct suite *s = *state;
    skip_without_assistance(s);
    restart(s, BDA_CHECK_ISOLATE_BIT);
    BdaAllocation stays = suite_alloc(s, &(BdaAllocInfo){ .size = 4096 });
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 4096 });
    const struct suite_span span = suite_span_of(&a, 1);
    suite_free(s, &a);
    unsigned count = suite_layer_messages().count;
    suite_expect_layer_messages(true);
    suite_fill(s, &span, 1);
    suite_expect_layer_messages(false);
    assert_int_not_equal(suite_layer_messages().count, count);
    suite_free(s, &stays);
}

/* Which is what isolation is for. */
static void without_isolation_nobody_sees_it(void **state) {
    struct suite *s = *state;
    skip_without_assistance(s);
    assert_int_equal(reports_of_a_fill(s, WORDS + FURTHER), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(each_is_a_buffer_of_its_own),
        SUITE_TEST(copies_reach_them_by_their_buffers),
        SUITE_TEST(a_store_within_an_allocation_is_not_reported),
        SUITE_TEST(a_store_past_an_allocation_is_reported),
        SUITE_TEST(a_store_into_a_freed_allocation_is_reported),
        SUITE_TEST(without_isolation_nobody_sees_it),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
