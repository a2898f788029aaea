/* Budgets, limits and what the statistics say of heaps. */
#include "work.h"

#include <string.h>

static BdaStats stats_of(struct suite *s) {
    BdaStats stats;
    assert_vk(bda_get_stats(s->allocator, &stats));
    return stats;
}

/* The heap that allocations of an intent land in. */
static uint32_t heap_of(struct suite *s, BdaIntent intent) {
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 64, .intent = intent });
    uint32_t heap = suite_info(s, a.handle).heap;
    suite_free(s, &a);
    assert_vk(bda_trim(s->allocator, 0, NULL));
    return heap;
}

static void restart_with_limit(struct suite *s, uint32_t heap, VkDeviceSize limit) {
    VkDeviceSize limits[VK_MAX_MEMORY_HEAPS] = { 0 };
    limits[heap] = limit;
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.heap_limits = limits;
    info.heap_limit_count = s->memory.memoryHeapCount;
    suite_restart(s, &info);
}

static void heaps_are_the_devices(void **state) {
    struct suite *s = *state;
    BdaStats stats = stats_of(s);
    assert_int_equal(stats.heap_count, s->memory.memoryHeapCount);
    for (uint32_t i = 0; i < stats.heap_count; i++) {
        assert_int_equal(stats.heaps[i].size, s->memory.memoryHeaps[i].size);
        assert_true(stats.heaps[i].budget > 0 && stats.heaps[i].budget <= stats.heaps[i].size);
        assert_int_equal(stats.heaps[i].limit, 0);
    }
    assert_true(stats.host_bytes > 0 && stats.host_bytes < SUITE_MIB);
}

static void the_budget_is_the_drivers(void **state) {
    struct suite *s = *state;
    if (!s->enabled.memory_budget)
        skip();
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT
    };
    VkPhysicalDeviceMemoryProperties2 memory = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                                 .pNext = &budget };
    vkGetPhysicalDeviceMemoryProperties2(s->physical, &memory);
    BdaStats stats = stats_of(s);
    for (uint32_t i = 0; i < stats.heap_count; i++) { /* other processes come and go meanwhile */
        VkDeviceSize here = budget.heapBudget[i], there = stats.heaps[i].budget;
        assert_true((here > there ? here - there : there - here) <= s->memory.memoryHeaps[i].size / 8);
    }
}

static void usage_moves_with_a_large_allocation(void **state) {
    struct suite *s = *state;
    const VkDeviceSize size = 256 * SUITE_MIB;
    uint32_t heap = heap_of(s, BDA_INTENT_DEVICE);
    BdaStats before = stats_of(s);
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = size });
    BdaStats with = stats_of(s);
    assert_int_equal(with.total.used - before.total.used, size);
    assert_true(with.heaps[heap].use.reserved - before.heaps[heap].use.reserved >= size);
    suite_free(s, &a);
    assert_vk(bda_trim(s->allocator, 0, NULL));
    BdaStats after = stats_of(s);
    assert_int_equal(after.heaps[heap].use.reserved, 0);
    print_message("heap %u: usage %llu, with 256 MiB more %llu, after that %llu\n", heap,
                  (unsigned long long)before.heaps[heap].usage, (unsigned long long)with.heaps[heap].usage,
                  (unsigned long long)after.heaps[heap].usage);
    if (s->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU && s->enabled.memory_budget)
        return; /* the usage of such a driver is the machine's, and no page was touched */
    assert_true(with.heaps[heap].usage >= before.heaps[heap].usage + size / 2);
    assert_true(after.heaps[heap].usage + size / 2 <= with.heaps[heap].usage);
}

static void a_heaps_limit_holds(void **state) {
    struct suite *s = *state;
    uint32_t heap = heap_of(s, BDA_INTENT_DEVICE);
    restart_with_limit(s, heap, 16 * SUITE_MIB);
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 10 * SUITE_MIB, .flags = BDA_ALLOC_DEDICATED_BIT });
    BdaAllocation b;
    const BdaAllocInfo more = { .size = 10 * SUITE_MIB, .flags = BDA_ALLOC_DEDICATED_BIT };
    BdaStats before = stats_of(s);
    assert_int_equal(before.heaps[heap].limit, 16 * SUITE_MIB);
    assert_true(before.heaps[heap].budget <= 16 * SUITE_MIB);
    VkResult result = bda_alloc(s->allocator, &more, &b);
    if (result == VK_SUCCESS) { /* another heap is device-local, too */
        assert_true(suite_info(s, b.handle).heap != heap);
        suite_free(s, &b);
    } else {
        assert_int_equal(result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        assert_int_equal(suite_take_message().count, 1);
        assert_zeroed(b);
    }
    assert_int_equal(stats_of(s).heaps[heap].use.reserved, before.heaps[heap].use.reserved);
    suite_free(s, &a);
}

static void what_was_given_back_can_be_taken_again(void **state) {
    struct suite *s = *state;
    uint32_t heap = heap_of(s, BDA_INTENT_DEVICE);
    restart_with_limit(s, heap, 16 * SUITE_MIB);
    for (uint32_t i = 0; i < 10; i++) {
        BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 10 * SUITE_MIB, .flags = BDA_ALLOC_DEDICATED_BIT });
        BdaAllocation b = suite_alloc(s, &(BdaAllocInfo){ .size = 2 * SUITE_MIB });
        assert_int_equal(suite_info(s, a.handle).heap, heap);
        suite_free(s, &a);
        suite_free(s, &b);
        assert_vk(bda_trim(s->allocator, 0, NULL));
    }
}

static void what_is_used_elsewhere_counts_against_the_limit(void **state) {
    struct suite *s = *state;
    uint32_t heap = heap_of(s, BDA_INTENT_UPLOAD);
    restart_with_limit(s, heap, 16 * SUITE_MIB);
    assert_vk(bda_set_external_use(s->allocator, heap, 10 * SUITE_MIB, 3));
    BdaStats stats = stats_of(s);
    assert_int_equal(stats.heaps[heap].external, 10 * SUITE_MIB);
    assert_int_equal(stats.heaps[heap].external_count, 3);
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 4 * SUITE_MIB, .intent = BDA_INTENT_UPLOAD });
    suite_free(s, &a);
    assert_vk(bda_trim(s->allocator, 0, NULL));
    const BdaAllocInfo large = { .size = 8 * SUITE_MIB, .intent = BDA_INTENT_UPLOAD };
    VkResult result = bda_alloc(s->allocator, &large, &a);
    if (result == VK_SUCCESS) {
        assert_true(suite_info(s, a.handle).heap != heap);
        suite_free(s, &a);
        return;
    }
    assert_int_equal(result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(suite_take_message().count, 1);
    assert_vk(bda_set_external_use(s->allocator, heap, 0, 0));
    a = suite_alloc(s, &large);
    suite_free(s, &a);
}

static void staying_within_the_budget_is_kept_on_every_path(void **state) {
    struct suite *s = *state;
    uint32_t heap = heap_of(s, BDA_INTENT_READBACK);
    const struct {
        VkDeviceSize size;
        BdaAllocFlags flags;
    } paths[] = { { 64, 0 }, { 6 * SUITE_MIB, 0 }, { 6 * SUITE_MIB, BDA_ALLOC_DEDICATED_BIT } };
    restart_with_limit(s, heap, 4 * SUITE_MIB);
    assert_vk(bda_set_external_use(s->allocator, heap, 4 * SUITE_MIB, 1));
    for (size_t i = 0; i < SUITE_COUNT(paths); i++) {
        const BdaAllocInfo info = { .size = paths[i].size,
                                    .flags = paths[i].flags | BDA_ALLOC_WITHIN_BUDGET_BIT,
                                    .intent = BDA_INTENT_READBACK };
        BdaAllocation a;
        VkResult result = bda_alloc(s->allocator, &info, &a);
        if (result == VK_SUCCESS)
            assert_true(suite_info(s, a.handle).heap != heap);
        else
            assert_int_equal(suite_take_message().count, 1);
        assert_vk(bda_free(s->allocator, a.handle));
        assert_int_equal(stats_of(s).heaps[heap].use.block_count, 0);
    }
}

static void the_count_of_memory_objects_is_limited(void **state) {
    struct suite *s = *state;
    assert_vk(bda_set_external_use(s->allocator, 0, 0, s->properties.limits.maxMemoryAllocationCount));
    BdaAllocation a;
    assert_refused(bda_alloc, (s->allocator, &(BdaAllocInfo){ .size = 64 }, &a), VK_ERROR_TOO_MANY_OBJECTS);
    assert_zeroed(a);
    assert_vk(bda_set_external_use(s->allocator, 0, 0, s->properties.limits.maxMemoryAllocationCount - 1));
    a = suite_alloc(s, &(BdaAllocInfo){ .size = 64 });
    suite_free(s, &a);
    assert_refused(bda_set_external_use, (s->allocator, s->memory.memoryHeapCount, 0, 0),
                   VK_ERROR_VALIDATION_FAILED_EXT);
}

static void sums_of_the_statistics_agree(void **state) {
    struct suite *s = *state;
    BdaAllocation all[60];
    for (uint32_t i = 0; i < 60; i++)
        all[i] = suite_alloc(s, &(BdaAllocInfo){ .size = 1000 * i + 1,
                                                 .intent = (BdaIntent)(i % 3),
                                                 .flags = i % 20 == 0 ? BDA_ALLOC_DEDICATED_BIT : 0 });
    BdaStats stats = stats_of(s);
    VkDeviceSize used = 0, reserved = 0;
    for (uint32_t i = 0; i < stats.heap_count; i++) {
        used += stats.heaps[i].use.used;
        reserved += stats.heaps[i].use.reserved;
    }
    assert_int_equal(stats.total.allocation_count, 60);
    assert_int_equal(stats.total.dedicated_count, 3);
    assert_int_equal(stats.total.used, 60 * 59 / 2 * 1000 + 60);
    assert_int_equal(used, stats.total.used);
    assert_int_equal(reserved, stats.total.reserved);
    assert_int_equal(stats.total.used + stats.total.wasted + stats.total.cached + stats.total.free + stats.total.rest,
                     stats.total.reserved);
    for (uint32_t i = 0; i < 60; i++)
        suite_free(s, &all[i]);
    assert_int_equal(stats_of(s).total.wasted, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(heaps_are_the_devices),
        SUITE_TEST(the_budget_is_the_drivers),
        SUITE_TEST(usage_moves_with_a_large_allocation),
        SUITE_TEST(a_heaps_limit_holds),
        SUITE_TEST(what_was_given_back_can_be_taken_again),
        SUITE_TEST(what_is_used_elsewhere_counts_against_the_limit),
        SUITE_TEST(staying_within_the_budget_is_kept_on_every_path),
        SUITE_TEST(the_count_of_memory_objects_is_limited),
        SUITE_TEST(sums_of_the_statistics_agree),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
