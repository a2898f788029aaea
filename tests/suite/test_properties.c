/* bda_get_properties tells what the device says, and allocators of each api_version work. */
#include "work.h"

#include <stdlib.h>

static bool is_power_of_two(VkDeviceSize value) {
    return value != 0 && (value & (value - 1)) == 0;
}

static BdaProperties properties_of(struct suite *s) {
    BdaProperties properties;
    assert_vk(bda_get_properties(s->allocator, &properties));
    return properties;
}

static void limits_are_the_devices(void **state) {
    struct suite *s = *state;
    const VkPhysicalDeviceLimits *limits = &s->properties.limits;
    BdaProperties p = properties_of(s);
    assert_int_equal(p.non_coherent_atom, limits->nonCoherentAtomSize);
    assert_int_equal(p.uniform_alignment, limits->minUniformBufferOffsetAlignment);
    assert_int_equal(p.storage_alignment, limits->minStorageBufferOffsetAlignment);
    assert_int_equal(p.texel_alignment, limits->minTexelBufferOffsetAlignment);
    assert_int_equal(p.max_memory_count, limits->maxMemoryAllocationCount);
    VkPhysicalDeviceMaintenance3Properties maintenance3 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES
    };
    VkPhysicalDeviceProperties2 properties = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                               .pNext = &maintenance3 };
    vkGetPhysicalDeviceProperties2(s->physical, &properties);
    assert_true(p.max_allocation_size > 0 && p.max_allocation_size <= maintenance3.maxMemoryAllocationSize);
}

static void the_base_alignment_covers_every_offset_limit(void **state) {
    BdaProperties p = properties_of(*state);
    const VkDeviceSize all[] = { p.granule,           p.non_coherent_atom,
                                 p.uniform_alignment, p.storage_alignment,
                                 p.texel_alignment,   p.acceleration_structure_alignment,
                                 p.scratch_alignment, p.descriptor_buffer_alignment };
    assert_true(is_power_of_two(p.base_alignment) && p.base_alignment >= 256);
    for (size_t i = 0; i < SUITE_COUNT(all); i++)
        assert_true(all[i] == 0 || p.base_alignment % all[i] == 0);
}

static void sizes_are_in_order(void **state) {
    BdaProperties p = properties_of(*state);
    assert_true(is_power_of_two(p.granule) && p.granule >= 16);
    assert_true(p.first_block_size > 0 && p.first_block_size <= p.max_block_size);
    assert_true(p.first_block_size <= p.max_host_visible_block_size);
    assert_true(p.max_block_size >= SUITE_MIB);
}

static void what_was_enabled_is_found(void **state) {
    struct suite *s = *state;
    const struct suite_enabled *e = &s->enabled;
    BdaProperties p = properties_of(s);
    assert_true(p.timeline_semaphore);
    assert_int_equal(p.memory_budget, e->memory_budget);
    assert_int_equal(p.memory_priority, e->memory_priority);
    assert_int_equal(p.acceleration_structure_alignment != 0, e->acceleration_structure);
    assert_int_equal(p.scratch_alignment != 0, e->acceleration_structure);
    assert_int_equal(p.descriptor_buffer_alignment != 0, e->descriptor_buffer);
    assert_int_equal(p.shader_binding_table_alignment, 0);
    const uint64_t plain = SUITE_COPIES | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
                           VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT |
                           VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
    assert_int_equal(p.range_usage & plain, plain);
}

static void every_api_version_serves(void **state) {
    struct suite *s = *state;
    const uint32_t versions[] = { 0, VK_API_VERSION_1_2, s->api_version };
    for (size_t i = 0; i < SUITE_COUNT(versions); i++) {
        BdaAllocatorInfo info = suite_allocator_info(s);
        info.api_version = versions[i];
        suite_restart(s, &info);
        assert_true(properties_of(s).api_version <= s->properties.apiVersion);
        assert_true(properties_of(s).api_version >= VK_API_VERSION_1_2);
        BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 10000 });
        const struct suite_span span = suite_span_of(&a, 8);
        suite_fill(s, &span, 1);
        suite_assert_filled(s, &span, 1);
        suite_free(s, &a);
    }
}

static void the_library_is_the_one_of_the_header(void **state) {
    (void)state;
    assert_int_equal(bda_get_version(), BDA_VERSION);
}

/* ---- Host memory ---- */

struct host {
    size_t live;
};

static void *VKAPI_CALL host_allocate(void *user, size_t size, size_t alignment, VkSystemAllocationScope scope) {
    struct host *host = user;
    (void)scope;
    size_t most = alignment < sizeof(void *) ? sizeof(void *) : alignment;
    void *memory = aligned_alloc(most, (size + most - 1) / most * most);
    host->live += memory != NULL;
    return memory;
}

static void VKAPI_CALL host_free(void *user, void *memory) {
    struct host *host = user;
    host->live -= memory != NULL;
    free(memory);
}

static void *VKAPI_CALL host_reallocate(void *user, void *memory, size_t size, size_t alignment,
                                        VkSystemAllocationScope scope) {
    (void)user, (void)memory, (void)size, (void)alignment, (void)scope;
    return NULL; /* buffers and memory have no use for it */
}

static void host_memory_comes_from_the_callbacks_and_goes_back(void **state) {
    struct suite *s = *state;
    struct host host = { 0 };
    const VkAllocationCallbacks callbacks = {
        .pUserData = &host, .pfnAllocation = host_allocate, .pfnReallocation = host_reallocate, .pfnFree = host_free
    };
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.callbacks = &callbacks;
    suite_restart(s, &info);
    assert_true(host.live > 0);
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 5000, .name = "on the caller's heap" });
    BdaAllocation b = suite_alloc_buffer(s, 5000, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, NULL);
    suite_free(s, &a);
    suite_free(s, &b);
    info.callbacks = NULL;
    suite_restart(s, &info);
    assert_int_equal(host.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(limits_are_the_devices),
        SUITE_TEST(the_base_alignment_covers_every_offset_limit),
        SUITE_TEST(sizes_are_in_order),
        SUITE_TEST(what_was_enabled_is_found),
        SUITE_TEST(every_api_version_serves),
        SUITE_TEST(the_library_is_the_one_of_the_header),
        SUITE_TEST(host_memory_comes_from_the_callbacks_and_goes_back),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
