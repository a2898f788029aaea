/*
 * BDA_CHECK_MEMORY_BIT on drivers whose shaders run as host code: under valgrind (suite.memory.*.valgrind) memcheck
 * reports what a shader does out of bounds and after a free, and names whose bytes those are or were; a correct program
 * is not reported. Without valgrind the same programs run, and nobody says anything.
 *
 * Planted faults stay within the block, where nothing else comes to harm.
 */
#include "work.h"

#include "support/memcheck.h"

#include <string.h>

enum { WORDS = 100, FURTHER = 8 };

static void restart(struct suite *s) {
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.checks = BDA_CHECK_MEMORY_BIT;
    suite_restart(s, &info);
}

/* Nothing, where valgrind does not run the program or does not see what the device writes. */
static unsigned wanted(const struct suite *s, unsigned reports) {
    return memcheck_runs() && s->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU ? reports : 0;
}

static void a_correct_program_is_not_reported(void **state) {
    enum { COUNT = 30 };
    struct suite *s = *state;
    BdaAllocation taken[COUNT];
    struct suite_span spans[COUNT];
    uint32_t words[WORDS], seen[WORDS];
    restart(s);
    unsigned before = memcheck_errors();
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            taken[i] = suite_alloc(s, &(BdaAllocInfo){ .size = 4 + (VkDeviceSize)i * 12, .usage = SUITE_COPIES });
            spans[i] = suite_span_of(&taken[i], i);
        }
        suite_fill(s, spans, COUNT);
        suite_assert_filled(s, spans, COUNT);
        for (uint32_t i = 0; i < COUNT; i++)
            suite_free(s, &taken[i]);
    }
    suite_words(words, WORDS, 7);
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = sizeof words, .usage = SUITE_COPIES });
    suite_copy_in(s, &a, words, sizeof words);
    suite_copy_out(s, &a, seen, sizeof seen);
    assert_memory_equal(words, seen, sizeof words);
    suite_free(s, &a);
    assert_int_equal(memcheck_errors() - before, 0);
}

static void each_store_past_the_end_is_reported(void **state) {
    struct suite *s = *state;
    restart(s);
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = WORDS * sizeof(uint32_t), .name = "particles" });
    const struct suite_span span = { a.address, WORDS + FURTHER, 1 };
    unsigned before = memcheck_errors();
    suite_fill(s, &span, 1);
    assert_int_equal(memcheck_errors() - before, wanted(s, FURTHER));
    suite_free(s, &a);
}

/* The bytes themselves are as they were. */
static void each_load_after_the_free_is_reported(void **state) {
    struct suite *s = *state;
    restart(s);
    BdaAllocation stays = suite_alloc(s, &(BdaAllocInfo){ .size = 64 });
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = FURTHER * sizeof(uint32_t), .name = "old bones" });
    const struct suite_span span = suite_span_of(&a, 1);
    suite_fill(s, &span, 1);
    suite_free(s, &a);
    unsigned before = memcheck_errors();
    suite_assert_filled(s, &span, 1);
    assert_int_equal(memcheck_errors() - before, wanted(s, FURTHER));
    suite_free(s, &stays);
}

static void the_cpu_is_watched_too(void **state) {
    struct suite *s = *state;
    restart(s);
    BdaAllocation stays = suite_alloc(s, &(BdaAllocInfo){ .size = 64, .intent = BDA_INTENT_UPLOAD });
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 64, .intent = BDA_INTENT_UPLOAD, .name = "staging" });
    volatile unsigned char *bytes = a.mapped;
    unsigned before = memcheck_errors();
    bytes[0] = 1;
    bytes[63] = 1;
    assert_int_equal(memcheck_errors() - before, 0);
    suite_free(s, &a);
    if (memcheck_runs()) /* the address sanitizer ends the program for this, see unit.memory */
        bytes[5] = 2;
    assert_int_equal(memcheck_errors() - before, memcheck_runs() ? 1 : 0);
    suite_free(s, &stays);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(a_correct_program_is_not_reported),
        SUITE_TEST(each_store_past_the_end_is_reported),
        SUITE_TEST(each_load_after_the_free_is_reported),
        SUITE_TEST(the_cpu_is_watched_too),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
