/* What callers do wrong is answered on a real driver as anywhere: a code, a message, zeroed outputs, nothing changed.
 */
#include "work.h"

#include <stdlib.h>
#include <string.h>

/* A request that must be refused. */
static void assert_bad(struct suite *s, BdaAllocInfo info, VkResult expected) {
    BdaUse before = suite_use(s);
    BdaAllocation a;
    memset(&a, 0xAA, sizeof a);
    assert_refused(bda_alloc, (s->allocator, &info, &a), expected);
    assert_zeroed(a);
    BdaUse after = suite_use(s);
    assert_memory_equal(&before, &after, sizeof before);
}

static void bad_requests_are_refused(void **state) {
    struct suite *s = *state;
    BdaAllocation kept = suite_alloc(s, &(BdaAllocInfo){ .size = 64 });
    const VkDeviceSize huge[] = { (VkDeviceSize)1 << 50, ~(VkDeviceSize)0, (~(VkDeviceSize)0) - 100 };
    for (size_t i = 0; i < SUITE_COUNT(huge); i++)
        assert_bad(s, (BdaAllocInfo){ .size = huge[i] }, VK_ERROR_VALIDATION_FAILED_EXT);
    assert_bad(s, (BdaAllocInfo){ .size = 0 }, VK_ERROR_VALIDATION_FAILED_EXT);
    assert_bad(s, (BdaAllocInfo){ .size = 64, .next = s }, VK_ERROR_VALIDATION_FAILED_EXT);
    assert_bad(s, (BdaAllocInfo){ .size = 64, .flags = 0x40 }, VK_ERROR_VALIDATION_FAILED_EXT);
    assert_bad(s, (BdaAllocInfo){ .size = 64, .intent = (BdaIntent)4 }, VK_ERROR_VALIDATION_FAILED_EXT);
    assert_bad(s, (BdaAllocInfo){ .size = 64, .priority = 1.5f }, VK_ERROR_VALIDATION_FAILED_EXT);
    assert_bad(s, (BdaAllocInfo){ .size = 64, .priority = -1.0f }, VK_ERROR_VALIDATION_FAILED_EXT);
    suite_free(s, &kept);
}

static void sizes_over_the_devices_limits_are_refused(void **state) {
    struct suite *s = *state;
    BdaProperties properties;
    assert_vk(bda_get_properties(s->allocator, &properties));
    VkDeviceSize largest_heap = 0;
    for (uint32_t i = 0; i < s->memory.memoryHeapCount; i++)
        if (s->memory.memoryHeaps[i].size > largest_heap)
            largest_heap = s->memory.memoryHeaps[i].size;
    assert_bad(s, (BdaAllocInfo){ .size = properties.max_allocation_size + 1 }, VK_ERROR_VALIDATION_FAILED_EXT);
    assert_bad(s, (BdaAllocInfo){ .size = largest_heap + 1 }, VK_ERROR_VALIDATION_FAILED_EXT);
}

static void null_is_refused(void **state) {
    struct suite *s = *state;
    BdaAllocation a;
    BdaStats stats;
    assert_refused(bda_alloc, (s->allocator, NULL, &a), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_alloc, (s->allocator, &(BdaAllocInfo){ .size = 64 }, NULL), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_alloc_buffer, (s->allocator, NULL, NULL, &a), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_get_stats, (s->allocator, NULL), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_get_properties, (s->allocator, NULL), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_result(bda_alloc(NULL, &(BdaAllocInfo){ .size = 64 }, &a), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_result(bda_get_stats(NULL, &stats), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_result(bda_free(NULL, 1), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_result(bda_destroy_allocator(NULL), VK_SUCCESS);
}

/* ---- Handles ---- */

/* Every function that takes a handle refuses this one. */
static void assert_dead(struct suite *s, BdaHandle handle) {
    BdaAllocationInfo info;
    uint32_t word = 0;
    assert_refused(bda_free, (s->allocator, handle), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_free_many, (s->allocator, 1, &handle), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_get_info, (s->allocator, handle, &info), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_zeroed(info);
    assert_refused(bda_set_name, (s->allocator, handle, "x"), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_set_user, (s->allocator, handle, 1), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_write, (s->allocator, handle, 0, &word, 4), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_read, (s->allocator, handle, 0, &word, 4), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_flush, (s->allocator, handle, 0, 4), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_invalidate, (s->allocator, handle, 0, 4), VK_ERROR_VALIDATION_FAILED_EXT);
}

static void handles_die_with_their_allocation(void **state) {
    struct suite *s = *state;
    const BdaAllocInfo plain = { .size = 64 }, dedicated = { .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT };
    BdaAllocation all[] = { suite_alloc(s, &plain), suite_alloc(s, &dedicated),
                            suite_alloc_buffer(s, 64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, NULL) };
    for (size_t i = 0; i < SUITE_COUNT(all); i++) {
        suite_free(s, &all[i]);
        assert_dead(s, all[i].handle);
    }
    BdaAllocation again[] = { suite_alloc(s, &plain), suite_alloc(s, &dedicated) }; /* in the same place */
    for (size_t i = 0; i < SUITE_COUNT(all); i++)
        assert_dead(s, all[i].handle);
    suite_free(s, &again[0]);
    suite_free(s, &again[1]);
}

static void handles_of_another_allocator_are_refused(void **state) {
    struct suite *s = *state;
    const BdaAllocInfo info = { .size = 64 };
    BdaAllocation foreign, own = suite_alloc(s, &info);
    assert_vk(bda_alloc(s->tools, &info, &foreign));
    assert_dead(s, foreign.handle);
    assert_vk(bda_free(s->tools, foreign.handle));
    suite_free(s, &own);
}

static void made_up_handles_are_refused(void **state) {
    struct suite *s = *state;
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 64 });
    const BdaHandle made_up[] = { 1,
                                  ~(BdaHandle)0,
                                  a.handle ^ 1,
                                  a.handle ^ ((BdaHandle)1 << 31),
                                  a.handle ^ ((BdaHandle)1 << 32),
                                  a.handle ^ ((BdaHandle)1 << 60) };
    for (size_t i = 0; i < SUITE_COUNT(made_up); i++)
        assert_dead(s, made_up[i]);
    assert_vk(bda_free(s->allocator, 0));
    suite_free(s, &a);
}

/* ---- Bytes ---- */

static void bytes_past_the_end_are_refused(void **state) {
    struct suite *s = *state;
    const BdaAllocInfo info = { .size = 100, .intent = BDA_INTENT_UPLOAD };
    BdaAllocation a = suite_alloc(s, &info);
    char bytes[128] = { 0 };
    assert_vk(bda_write(s->allocator, a.handle, 50, bytes, 50));
    assert_refused(bda_write, (s->allocator, a.handle, 50, bytes, 51), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_write, (s->allocator, a.handle, 101, bytes, 1), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_write, (s->allocator, a.handle, ~(VkDeviceSize)0, bytes, 2), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_write, (s->allocator, a.handle, 0, NULL, 1), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_read, (s->allocator, a.handle, 1, bytes, 100), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_flush, (s->allocator, a.handle, 0, 101), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_vk(bda_flush(s->allocator, a.handle, 99, VK_WHOLE_SIZE));
    suite_free(s, &a);
}

static void memory_that_is_not_mapped_is_not_written(void **state) {
    struct suite *s = *state;
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 64 });
    uint32_t word = 1;
    if (a.mapped == NULL) {
        assert_refused(bda_write, (s->allocator, a.handle, 0, &word, 4), VK_ERROR_VALIDATION_FAILED_EXT);
        assert_refused(bda_read, (s->allocator, a.handle, 0, &word, 4), VK_ERROR_VALIDATION_FAILED_EXT);
        assert_refused(bda_flush, (s->allocator, a.handle, 0, 4), VK_ERROR_VALIDATION_FAILED_EXT);
    }
    suite_free(s, &a);
}

/* ---- Allocators ---- */

static void assert_no_allocator(const BdaAllocatorInfo *info, VkResult expected) {
    BdaAllocator allocator = (BdaAllocator)(uintptr_t)1;
    assert_refused(bda_create_allocator, (info, &allocator), expected);
    assert_null(allocator);
}

static void bad_allocators_are_refused(void **state) {
    struct suite *s = *state;
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.device = VK_NULL_HANDLE;
    assert_no_allocator(&info, VK_ERROR_VALIDATION_FAILED_EXT);
    info = suite_allocator_info(s);
    info.get_instance_proc_addr = NULL;
    assert_no_allocator(&info, VK_ERROR_VALIDATION_FAILED_EXT);
    info = suite_allocator_info(s);
    info.device_info = NULL;
    assert_no_allocator(&info, VK_ERROR_VALIDATION_FAILED_EXT);
    info = suite_allocator_info(s);
    info.flags = 0x80;
    assert_no_allocator(&info, VK_ERROR_VALIDATION_FAILED_EXT);
    info = suite_allocator_info(s);
    info.first_block_size = 2 * SUITE_MIB;
    info.max_block_size = SUITE_MIB;
    assert_no_allocator(&info, VK_ERROR_VALIDATION_FAILED_EXT);
    BdaAllocator allocator;
    assert_result(bda_create_allocator(NULL, &allocator), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_create_allocator, (&info, NULL), VK_ERROR_VALIDATION_FAILED_EXT);
}

static void a_device_without_addresses_is_refused(void **state) {
    struct suite *s = *state;
    VkDeviceCreateInfo without = s->device_info.base;
    without.pNext = NULL;
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.device_info = &without;
    assert_no_allocator(&info, VK_ERROR_FEATURE_NOT_PRESENT);
}

static void a_device_without_timelines_frees_nothing_later(void **state) {
    struct suite *s = *state;
    VkPhysicalDeviceBufferDeviceAddressFeatures addresses = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES, .bufferDeviceAddress = VK_TRUE
    };
    VkDeviceCreateInfo without = s->device_info.base;
    without.pNext = &addresses;
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.device_info = &without;
    suite_restart(s, &info);
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 64 });
    VkSemaphore any = (VkSemaphore)(uintptr_t)1;
    assert_refused(bda_free_after, (s->allocator, a.handle, any, 1), VK_ERROR_FEATURE_NOT_PRESENT);
    suite_free(s, &a);
}

static void destroy_lists_and_frees_what_lives(void **state) {
    struct suite *s = *state;
    (void)suite_alloc(s, &(BdaAllocInfo){ .size = 64, .name = "left behind" });
    (void)suite_alloc(s, &(BdaAllocInfo){ .size = 64, .name = "left behind", .flags = BDA_ALLOC_DEDICATED_BIT });
    (void)suite_alloc_buffer(s, 64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, &(BdaAllocInfo){ .name = "left behind" });
    assert_result(bda_destroy_allocator(s->allocator), VK_INCOMPLETE);
    s->allocator = NULL;
    struct suite_message message = suite_take_message();
    assert_true(message.count >= 3);
    assert_non_null(strstr(message.text, "left behind"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(bad_requests_are_refused),
        SUITE_TEST(sizes_over_the_devices_limits_are_refused),
        SUITE_TEST(null_is_refused),
        SUITE_TEST(handles_die_with_their_allocation),
        SUITE_TEST(handles_of_another_allocator_are_refused),
        SUITE_TEST(made_up_handles_are_refused),
        SUITE_TEST(bytes_past_the_end_are_refused),
        SUITE_TEST(memory_that_is_not_mapped_is_not_written),
        SUITE_TEST(bad_allocators_are_refused),
        SUITE_TEST(a_device_without_addresses_is_refused),
        SUITE_TEST(a_device_without_timelines_frees_nothing_later),
        SUITE_TEST(destroy_lists_and_frees_what_lives),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
