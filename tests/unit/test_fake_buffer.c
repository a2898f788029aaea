/* tests/fake/fake_buffer.c: the rules of buffers, and what they require. */
#include "fake_support.h"

static void buffers_that_break_rules_are_told(void **state) {
    (void)state;
    const uint32_t same[] = { 0, 0 };
    const uint32_t beyond[] = { 0, 9 };
    const VkExternalMemoryBufferCreateInfo external = { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, NULL,
                                                        VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    const VkExternalMemoryBufferCreateInfo none = { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, NULL, 0 };
    const VkExternalMemoryBufferCreateInfo twice = { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, &none, 0 };
    const VkBufferOpaqueCaptureAddressCreateInfo opaque = { VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO,
                                                            NULL, 0x1000 };
    const struct {
        const char *rule;
        VkBufferCreateInfo info; /* sType and, where 0 is not the point, size and usage are filled in below */
        bool zero_size;
        bool zero_usage;
    } cases[] = {
        { "VUID-VkBufferCreateInfo-size-00912", { 0 }, true, false },
        { "VUID-VkBufferCreateInfo-size-06409", { .size = 1 << 20 }, false, false },
        { "VUID-VkBufferCreateInfo-usage-requiredbitmask", { 0 }, false, true },
        { "VUID-VkBufferCreateInfo-usage-parameter", { .usage = 0x40000000 }, false, false },
        { "VUID-VkBufferCreateInfo-usage-parameter", { .usage = 0x00080000 }, false, false }, /* no acceleration */
        { "VUID-VkBufferCreateInfo-usage-parameter", { .usage = 0x00000400 }, false, false }, /* no ray tracing */
        { "VUID-VkBufferCreateInfo-usage-parameter", { .usage = 0x00400000 }, false, false }, /* no descriptors */
        { "VUID-VkBufferCreateInfo-flags-parameter", { .flags = 0x1000 }, false, false },
        { "VUID-VkBufferCreateInfo-flags-00915", { .flags = 1 }, false, false },
        { "VUID-VkBufferCreateInfo-flags-01887", { .flags = 8 }, false, false },
        { "VUID-VkBufferCreateInfo-flags-03338", { .flags = 16 }, false, false },
        { "VUID-VkBufferCreateInfo-opaqueCaptureAddress-03337", { .pNext = &opaque }, false, false },
        { "VUID-VkBufferCreateInfo-pNext-00920", { .pNext = &external }, false, false },
        { "VUID-VkBufferCreateInfo-sType-unique", { .pNext = &twice }, false, false },
        { "VUID-VkBufferCreateInfo-sharingMode-parameter", { .sharingMode = (VkSharingMode)7 }, false, false },
        { "VUID-VkBufferCreateInfo-sharingMode-00914",
          { .sharingMode = 1, .queueFamilyIndexCount = 1, .pQueueFamilyIndices = same },
          false,
          false },
        { "VUID-VkBufferCreateInfo-sharingMode-00913", { .sharingMode = 1, .queueFamilyIndexCount = 2 }, false, false },
        { "VUID-VkBufferCreateInfo-sharingMode-01419",
          { .sharingMode = 1, .queueFamilyIndexCount = 2, .pQueueFamilyIndices = same },
          false,
          false },
        { "VUID-VkBufferCreateInfo-sharingMode-01419",
          { .sharingMode = 1, .queueFamilyIndexCount = 2, .pQueueFamilyIndices = beyond },
          false,
          false },
    };
    start((struct fake_config){ .queue_families = 2, .max_buffer_size = 65536 });
    for (size_t i = 0; i < COUNT(cases); i++) {
        VkBufferCreateInfo info = cases[i].info;
        info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
        info.size = info.size == 0 && !cases[i].zero_size ? 64 : info.size;
        info.usage = info.usage == 0 && !cases[i].zero_usage ? ADDRESSED : info.usage;
        destroy(make(info));
        expect(cases[i].rule);
    }
    VkBufferCreateInfo untyped = buffer_info(64, ADDRESSED);
    untyped.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    destroy(make(untyped));
    expect("VUID-VkBufferCreateInfo-sType-sType");
    finish();
}

static void wide_usage_wants_maintenance_5_and_then_counts(void **state) {
    (void)state;
    struct {
        VkStructureType type;
        const void *next;
        uint64_t usage;
    } wide = { (VkStructureType)1000470006, NULL, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT };
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    info.pNext = &wide;
    start((struct fake_config){ 0 });
    destroy(make(info));
    expect("VUID-VkBufferCreateInfo-pNext-pNext");
    finish();
    start((struct fake_config){ .with = FAKE_MAINTENANCE_5 });
    VkBuffer buffer = make(info);
    VkDeviceMemory memory = allocate(64, 1);
    assert_int_equal(bind(buffer, memory, 0), VK_SUCCESS);
    (void)address_of(buffer);
    expect("VUID-VkBufferDeviceAddressInfo-buffer-02601");
    destroy(buffer);
    release(memory);
    finish();
}

static void usages_of_enabled_features_are_silent(void **state) {
    (void)state;
    const VkBufferUsageFlags usages[] = { 0x1FF, 0x80000, 0x100000, 0x400, 0x200000, 0x400000, 0x800, 0x200 };
    start((struct fake_config){ .with = FAKE_ACCELERATION_STRUCTURE | FAKE_RAY_TRACING_PIPELINE |
                                        FAKE_DESCRIPTOR_BUFFER | FAKE_TRANSFORM_FEEDBACK | FAKE_CONDITIONAL_RENDERING |
                                        FAKE_VIDEO });
    for (size_t i = 0; i < COUNT(usages); i++) {
        destroy(make(buffer_info(64, usages[i])));
    }
    assert_int_equal(fake_violation_count(d), 0);
    destroy(make(buffer_info(64, VK_BUFFER_USAGE_PUSH_DESCRIPTORS_DESCRIPTOR_BUFFER_BIT_EXT)));
    expect("VUID-VkBufferCreateInfo-usage-08103");
    destroy(make(buffer_info(64, VK_BUFFER_USAGE_VIDEO_DECODE_SRC_BIT_KHR)));
    expect("VUID-VkBufferCreateInfo-usage-04813");
    finish();
    start((struct fake_config){ .disabled = FAKE_BUFFER_DEVICE_ADDRESS });
    destroy(make_addressed(64));
    expect("VUID-VkBufferCreateInfo-usage-parameter");
    finish();
}

static void sparse_and_protected_flags_are_told(void **state) {
    (void)state;
    start((struct fake_config){ .with = FAKE_SPARSE_BINDING | FAKE_PROTECTED_MEMORY });
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    info.flags = VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT;
    destroy(make(info));
    expect("VUID-VkBufferCreateInfo-flags-00918");
    info.flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_PROTECTED_BIT;
    destroy(make(info));
    expect("VUID-VkBufferCreateInfo-None-01888");
    info.flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT;
    VkBuffer sparse = make(info);
    VkMemoryDedicatedAllocateInfo dedicated = { VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, &address_flags,
                                                VK_NULL_HANDLE, sparse };
    VkDeviceMemory memory = VK_NULL_HANDLE;
    (void)try_allocate(&dedicated, 64, 1, &memory);
    expect("VUID-VkMemoryDedicatedAllocateInfo-buffer-01436");
    (void)bind(sparse, memory, 0);
    expect("VUID-vkBindBufferMemory-buffer-01030");
    destroy(sparse);
    release(memory);
    finish();
}

static void buffers_are_destroyed_once(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkBuffer buffer = make_addressed(64);
    destroy(buffer);
    destroy(buffer);
    expect("VUID-vkDestroyBuffer-buffer-parameter");
    (void)requirements(buffer);
    expect("VUID-vkGetBufferMemoryRequirements-buffer-parameter");
    (void)address_of(buffer);
    expect("VUID-VkBufferDeviceAddressInfo-buffer-parameter");
    finish();
}

static void requirements_follow_usage_and_config(void **state) {
    (void)state;
    start((struct fake_config){
        .limits = { .minUniformBufferOffsetAlignment = 256, .minTexelBufferOffsetAlignment = 128 },
        .size_rounding = 4096,
        .prefer_dedicated_from = 100,
        .require_dedicated_from = 200,
        .usage_rule_count = 1,
        .usage_rules = { { VK_BUFFER_USAGE_INDEX_BUFFER_BIT, 0x2, 512 } } });
    const struct {
        VkBufferUsageFlags usage;
        VkDeviceSize alignment;
        uint32_t types;
    } cases[] = { { VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, 16, 0x1F },
                  { VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, 256, 0x1F },
                  { VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT, 128, 0x1F },
                  { VK_BUFFER_USAGE_INDEX_BUFFER_BIT, 512, 0x2 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        VkMemoryDedicatedRequirements dedicated = { .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS };
        VkMemoryRequirements2 out = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, .pNext = &dedicated };
        VkBufferCreateInfo info = buffer_info(50 + 50 * i, cases[i].usage);
        VkDeviceBufferMemoryRequirements question = { VK_STRUCTURE_TYPE_DEVICE_BUFFER_MEMORY_REQUIREMENTS, NULL,
                                                      &info };
        CALL(vkGetDeviceBufferMemoryRequirements)(fake_device(d), &question, &out);
        assert_int_equal(out.memoryRequirements.size, 4096);
        assert_int_equal(out.memoryRequirements.alignment, cases[i].alignment);
        assert_int_equal(out.memoryRequirements.memoryTypeBits, cases[i].types);
        assert_int_equal(dedicated.prefersDedicatedAllocation, info.size >= 100);
        assert_int_equal(dedicated.requiresDedicatedAllocation, info.size >= 200);
        VkMemoryRequirements2 same = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2 };
        VkBuffer buffer = make(info);
        VkBufferMemoryRequirementsInfo2 ask = { VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, NULL, buffer };
        CALL(vkGetBufferMemoryRequirements2)(fake_device(d), &ask, &same);
        assert_same_requirements(&same.memoryRequirements, &out.memoryRequirements);
        destroy(buffer);
    }
    finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_that_break_rules_are_told),
        cmocka_unit_test(wide_usage_wants_maintenance_5_and_then_counts),
        cmocka_unit_test(usages_of_enabled_features_are_silent),
        cmocka_unit_test(sparse_and_protected_flags_are_told),
        cmocka_unit_test(buffers_are_destroyed_once),
        cmocka_unit_test(requirements_follow_usage_and_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
