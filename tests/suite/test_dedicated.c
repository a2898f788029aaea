/* Dedicated allocations: a VkDeviceMemory to themselves, by wish or by size, that goes back when they are freed. */
#include "work.h"

static void assert_alone(struct suite *s, const BdaAllocation *a) {
    BdaUse use = suite_use(s);
    assert_true(suite_info(s, a->handle).dedicated);
    assert_int_equal(use.dedicated_count, 1);
    assert_int_equal(use.block_count, 1);
    assert_true(use.reserved >= a->size);
    uint32_t words = (uint32_t)(a->size / sizeof(uint32_t));
    const struct suite_span ends[] = { { a->address, 64, 1 }, { a->address + (words - 64) * 4, 64, 2 } };
    suite_fill(s, ends, 2);
    suite_assert_filled(s, ends, 2);
}

static void assert_gone(struct suite *s) {
    BdaUse use = suite_use(s);
    assert_int_equal(use.block_count, 0);
    assert_int_equal(use.reserved, 0);
}

static void the_flag_gives_a_range_memory_of_its_own(void **state) {
    struct suite *s = *state;
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 5000, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_alone(s, &a);
    suite_free(s, &a);
    assert_gone(s);
}

static void the_flag_gives_an_own_buffer_memory_of_its_own(void **state) {
    struct suite *s = *state;
    const BdaAllocInfo info = { .flags = BDA_ALLOC_DEDICATED_BIT, .name = "alone" };
    BdaAllocation a = suite_alloc_buffer(s, 5000, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, &info);
    assert_true(suite_info(s, a.handle).own_buffer);
    assert_alone(s, &a);
    suite_free(s, &a);
    assert_gone(s);
}

static void a_range_of_more_than_half_a_block_is_dedicated(void **state) {
    struct suite *s = *state;
    BdaAllocatorInfo allocator = suite_allocator_info(s);
    allocator.first_block_size = allocator.max_block_size = allocator.max_host_visible_block_size = SUITE_MIB;
    suite_restart(s, &allocator);
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = SUITE_MIB / 2 + 4 });
    assert_alone(s, &a);
    suite_free(s, &a);
    assert_gone(s);
    a = suite_alloc(s, &(BdaAllocInfo){ .size = SUITE_MIB / 4 });
    assert_false(suite_info(s, a.handle).dedicated);
    suite_free(s, &a);
}

static void a_large_allocation_is_written_and_read_at_both_ends(void **state) {
    struct suite *s = *state;
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 300 * SUITE_MIB });
    assert_alone(s, &a);
    suite_free(s, &a);
    assert_gone(s);
}

static void a_dedicated_own_buffer_may_be_aligned_beyond_what_the_driver_gives(void **state) {
    struct suite *s = *state;
    for (VkDeviceSize alignment = 4096; alignment <= 4 * SUITE_MIB; alignment *= 4) {
        const BdaAllocInfo info = { .alignment = alignment, .flags = BDA_ALLOC_DEDICATED_BIT };
        BdaAllocation a = suite_alloc_buffer(s, 70000, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, &info);
        assert_int_equal(a.address % alignment, 0);
        assert_alone(s, &a);
        suite_free(s, &a);
        assert_gone(s);
    }
}

static void dedicated_is_refused_where_no_new_memory_may_be_taken(void **state) {
    struct suite *s = *state;
    const BdaAllocInfo info = { .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT | BDA_ALLOC_NO_NEW_MEMORY_BIT };
    BdaAllocation a;
    assert_refused(bda_alloc, (s->allocator, &info, &a), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_zeroed(a);
    assert_gone(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(the_flag_gives_a_range_memory_of_its_own),
        SUITE_TEST(the_flag_gives_an_own_buffer_memory_of_its_own),
        SUITE_TEST(a_range_of_more_than_half_a_block_is_dedicated),
        SUITE_TEST(a_large_allocation_is_written_and_read_at_both_ends),
        SUITE_TEST(a_dedicated_own_buffer_may_be_aligned_beyond_what_the_driver_gives),
        SUITE_TEST(dedicated_is_refused_where_no_new_memory_may_be_taken),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
