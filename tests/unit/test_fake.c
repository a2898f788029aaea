/*
 * tests/fake: the fake driver notices every rule that is broken, and is silent about what is right. A rule that cannot
 * fire would be worse than none: each has its case here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fake/fake_vulkan.h"

#define ADDRESSED (VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT)
#define COUNT(a)  (sizeof(a) / sizeof(a)[0])

/* Handles that no driver made. */
#if (VK_USE_64_BIT_PTR_DEFINES == 1)
#define FORGED(type, number) ((type)(uintptr_t)(number))
#else
#define FORGED(type, number) ((type)(number))
#endif

/* ---- Words of these tests ------------------------------------------------------------------------------------------
 */

/* The driver of the running test. */
static struct fake_driver *d;

static void start(struct fake_config config) {
    config.quiet = true;
    d = fake_create(&config);
    assert_non_null(d);
}

static void finish(void) {
    const char *text = fake_violation(d, 0);
    if (text != NULL) {
        print_error("%s\n", text);
    }
    assert_int_equal(fake_destroy(d), 0);
    d = NULL;
}

static PFN_vkVoidFunction proc(const char *name) {
    PFN_vkVoidFunction function = fake_get_instance_proc_addr(fake_instance(d), name);
    assert_non_null(function);
    return function;
}

/* The entry point of this name, ready to be called. */
#define CALL(name) ((PFN_##name)proc(#name))

/* Exactly one rule was broken, and it is this one. */
static void expect(const char *rule) {
    const char *text = fake_violation(d, 0);
    if (fake_violation_count(d) != 1 || strstr(text, rule) == NULL) {
        fail_msg("expected %s alone, got %u, the first: %s", rule, fake_violation_count(d), text ? text : "none");
    }
    fake_clear_violations(d);
}

static VkBufferCreateInfo buffer_info(VkDeviceSize size, VkBufferUsageFlags usage) {
    return (VkBufferCreateInfo){ .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = usage };
}

static VkBuffer make(VkBufferCreateInfo info) {
    VkBuffer buffer = VK_NULL_HANDLE;
    (void)CALL(vkCreateBuffer)(fake_device(d), &info, NULL, &buffer);
    return buffer;
}

static VkBuffer make_addressed(VkDeviceSize size) {
    return make(buffer_info(size, ADDRESSED));
}

static void destroy(VkBuffer buffer) {
    CALL(vkDestroyBuffer)(fake_device(d), buffer, NULL);
}

static VkResult try_allocate(const void *chain, VkDeviceSize size, uint32_t type, VkDeviceMemory *memory) {
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .pNext = chain, .allocationSize = size, .memoryTypeIndex = type
    };
    return CALL(vkAllocateMemory)(fake_device(d), &info, NULL, memory);
}

static const VkMemoryAllocateFlagsInfo address_flags = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                                         .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT };

static VkDeviceMemory allocate(VkDeviceSize size, uint32_t type) {
    VkDeviceMemory memory = VK_NULL_HANDLE;
    assert_int_equal(try_allocate(&address_flags, size, type, &memory), VK_SUCCESS);
    return memory;
}

static void release(VkDeviceMemory memory) {
    CALL(vkFreeMemory)(fake_device(d), memory, NULL);
}

static VkResult bind(VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset) {
    return CALL(vkBindBufferMemory)(fake_device(d), buffer, memory, offset);
}

static VkDeviceAddress address_of(VkBuffer buffer) {
    VkBufferDeviceAddressInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, .buffer = buffer };
    return CALL(vkGetBufferDeviceAddress)(fake_device(d), &info);
}

static VkResult map(VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size, void *pointer) {
    return CALL(vkMapMemory)(fake_device(d), memory, offset, size, 0, (void **)pointer);
}

static void flush(VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size) {
    VkMappedMemoryRange range = { VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, NULL, memory, offset, size };
    assert_int_equal(CALL(vkFlushMappedMemoryRanges)(fake_device(d), 1, &range), VK_SUCCESS);
}

static void invalidate(VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size) {
    VkMappedMemoryRange range = { VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, NULL, memory, offset, size };
    assert_int_equal(CALL(vkInvalidateMappedMemoryRanges)(fake_device(d), 1, &range), VK_SUCCESS);
}

static VkMemoryRequirements requirements(VkBuffer buffer) {
    VkMemoryRequirements out;
    CALL(vkGetBufferMemoryRequirements)(fake_device(d), buffer, &out);
    return out;
}

/* ---- What is right is silent
 * ------------------------------------------------------------------------------------------ */

static void one_life_is_silent_on(struct fake_config config) {
    start(config);
    VkPhysicalDeviceMemoryProperties memory_properties;
    CALL(vkGetPhysicalDeviceMemoryProperties)(fake_physical_device(d), &memory_properties);
    for (uint32_t type = 0; type < memory_properties.memoryTypeCount; type++) {
        VkMemoryPropertyFlags flags = memory_properties.memoryTypes[type].propertyFlags;
        VkBuffer buffer = make_addressed(1000);
        VkMemoryRequirements required = requirements(buffer);
        VkDeviceMemory memory = allocate(required.size + required.alignment, type);
        assert_int_equal(bind(buffer, memory, required.alignment), VK_SUCCESS);
        assert_int_not_equal(address_of(buffer), 0);
        if ((flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0) {
            unsigned char *bytes = NULL;
            assert_int_equal(map(memory, 0, VK_WHOLE_SIZE, &bytes), VK_SUCCESS);
            bytes[0] = 1;
            flush(memory, 0, VK_WHOLE_SIZE);
            invalidate(memory, 64, VK_WHOLE_SIZE);
            CALL(vkUnmapMemory)(fake_device(d), memory);
        }
        destroy(buffer);
        release(memory);
    }
    finish();
}

static void right_use_is_silent_on_every_machine(void **state) {
    (void)state;
    const enum fake_machine machines[] = { FAKE_MACHINE_DISCRETE, FAKE_MACHINE_REBAR, FAKE_MACHINE_UNIFIED,
                                           FAKE_MACHINE_NON_COHERENT, FAKE_MACHINE_UNMAPPABLE };
    for (size_t i = 0; i < COUNT(machines); i++) {
        one_life_is_silent_on((struct fake_config){ .machine = machines[i] });
    }
}

static void null_handles_may_be_freed(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    destroy(VK_NULL_HANDLE);
    release(VK_NULL_HANDLE);
    CALL(vkDestroySemaphore)(fake_device(d), VK_NULL_HANDLE, NULL);
    finish();
    assert_int_equal(fake_destroy(NULL), 0);
}

static void leaks_and_violations_are_counted_at_the_end(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    (void)make_addressed(16);
    (void)allocate(64, 1);
    (void)fake_make_semaphore(d, 0); /* the test's own is none */
    destroy(make_addressed(16));
    VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO };
    VkSemaphore semaphore;
    assert_int_equal(CALL(vkCreateSemaphore)(fake_device(d), &info, NULL, &semaphore), VK_SUCCESS);
    (void)make(buffer_info(0, ADDRESSED));
    assert_int_equal(fake_memory_count(d), 1);
    assert_int_equal(fake_buffer_count(d), 1);
    assert_int_equal(fake_destroy(d), 4);
}

/* ---- Memory
 * -------------------------------------------------------------------------------------------------------------- */

struct allocation_case {
    const char *rule;
    const void *chain;
    VkDeviceSize size;
    uint32_t type;
};

static void refuse_allocations(const struct allocation_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        VkDeviceMemory memory = VK_NULL_HANDLE;
        (void)try_allocate(cases[i].chain, cases[i].size, cases[i].type, &memory);
        expect(cases[i].rule);
        release(memory);
    }
}

static void allocations_that_break_rules_are_told(void **state) {
    (void)state;
    const VkMemoryAllocateFlagsInfo twice = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, &address_flags, 0, 0 };
    const VkMemoryAllocateFlagsInfo replay = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, NULL,
                                               VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT, 0 };
    const VkMemoryAllocateFlagsInfo unknown = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, NULL, 0x100, 0 };
    const VkMemoryAllocateFlagsInfo no_mask = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, NULL,
                                                VK_MEMORY_ALLOCATE_DEVICE_MASK_BIT, 0 };
    const VkMemoryAllocateFlagsInfo two = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, NULL,
                                            VK_MEMORY_ALLOCATE_DEVICE_MASK_BIT, 2 };
    const VkMemoryOpaqueCaptureAddressAllocateInfo opaque = {
        VK_STRUCTURE_TYPE_MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO, NULL, 0x1000
    };
    const VkMemoryPriorityAllocateInfoEXT priority = { VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT, NULL,
                                                       0.5f };
    const VkExportMemoryAllocateInfo export = { VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO, NULL,
                                                VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    const VkMemoryDedicatedAllocateInfo foreign = { VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, NULL,
                                                    VK_NULL_HANDLE, FORGED(VkBuffer, 0x123) };
    const VkBaseInStructure stranger = { VK_STRUCTURE_TYPE_SUBMIT_INFO, NULL };
    const struct allocation_case cases[] = {
        { "VUID-VkMemoryAllocateInfo-allocationSize-00638", NULL, 0, 1 },
        { "VUID-vkAllocateMemory-pAllocateInfo-01713", NULL, 4097, 1 },
        { "FAKE-maxMemoryAllocationSize", NULL, 2049, 1 },
        { "VUID-vkAllocateMemory-pAllocateInfo-01714", NULL, 64, 5 },
        { "VUID-VkMemoryAllocateInfo-sType-unique", &twice, 64, 1 },
        { "VUID-VkMemoryAllocateInfo-pNext-pNext", &stranger, 64, 1 },
        { "VUID-VkMemoryAllocateInfo-pNext-pNext", &priority, 64, 1 },
        { "VUID-VkMemoryAllocateInfo-flags-03330", &replay, 64, 1 },
        { "VUID-VkMemoryAllocateFlagsInfo-flags-parameter", &unknown, 64, 1 },
        { "VUID-VkMemoryAllocateFlagsInfo-deviceMask-00676", &no_mask, 64, 1 },
        { "VUID-VkMemoryAllocateFlagsInfo-deviceMask-00675", &two, 64, 1 },
        { "VUID-VkMemoryAllocateInfo-opaqueCaptureAddress-03329", &opaque, 64, 1 },
        { "VUID-VkExportMemoryAllocateInfo-handleTypes-00656", &export, 64, 1 },
        { "VUID-VkMemoryDedicatedAllocateInfo-buffer-parameter", &foreign, 64, 1 },
    };
    start((struct fake_config){ .heap_size = 4096, .max_memory_allocation_size = 2048 });
    refuse_allocations(cases, COUNT(cases));
    finish();
}

static void allocation_flags_want_their_feature(void **state) {
    (void)state;
    const struct allocation_case cases[] = { { "VUID-VkMemoryAllocateInfo-flags-03331", &address_flags, 64, 1 } };
    start((struct fake_config){ .disabled = FAKE_BUFFER_DEVICE_ADDRESS });
    refuse_allocations(cases, COUNT(cases));
    finish();
}

static void special_memory_types_want_their_feature(void **state) {
    (void)state;
    const struct allocation_case cases[] = {
        { "VUID-VkMemoryAllocateInfo-memoryTypeIndex-01872", NULL, 64, 0 },
        { "VUID-vkAllocateMemory-deviceCoherentMemory-02790", NULL, 64, 1 },
    };
    start((struct fake_config){ .memory = { .memoryTypeCount = 2,
                                            .memoryTypes = { { VK_MEMORY_PROPERTY_PROTECTED_BIT, 0 },
                                                             { VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD, 0 } },
                                            .memoryHeapCount = 1,
                                            .memoryHeaps = { { 4096, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT } } } });
    refuse_allocations(cases, COUNT(cases));
    finish();
}

static void a_priority_lies_between_0_and_1(void **state) {
    (void)state;
    VkMemoryPriorityAllocateInfoEXT priority = { VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT, NULL, 1.5f };
    const struct allocation_case cases[] = { { "VUID-VkMemoryPriorityAllocateInfoEXT-priority-02602", &priority, 64,
                                               1 } };
    start((struct fake_config){ .with = FAKE_MEMORY_PRIORITY });
    refuse_allocations(cases, COUNT(cases));
    priority.priority = 0.25f;
    VkDeviceMemory memory;
    struct fake_memory_info info;
    assert_int_equal(try_allocate(&priority, 64, 1, &memory), VK_SUCCESS);
    assert_true(fake_memory_info(d, memory, &info));
    assert_true(info.priority == 0.25f);
    release(memory);
    finish();
}

static void heaps_and_counts_are_finite(void **state) {
    (void)state;
    start((struct fake_config){ .heap_size = 4096, .limits = { .maxMemoryAllocationCount = 2 } });
    VkDeviceMemory first = allocate(4000, 1);
    VkDeviceMemory other;
    assert_int_equal(fake_heap_used(d, 0), 4000);
    assert_int_equal(try_allocate(NULL, 97, 1, &other), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    VkDeviceMemory second = allocate(96, 1);
    assert_int_equal(try_allocate(NULL, 16, 2, &other), VK_ERROR_TOO_MANY_OBJECTS);
    expect("VUID-vkAllocateMemory-maxMemoryAllocationCount-04101");
    release(first);
    fake_set_budget(d, 0, 4096, 4000);
    assert_int_equal(try_allocate(NULL, 1, 1, &other), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    release(second);
    assert_int_equal(fake_heap_used(d, 0), 0);
    finish();
}

static void memory_is_freed_once_and_empty(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkDeviceMemory memory = allocate(64, 1);
    VkBuffer buffer = make_addressed(64);
    assert_int_equal(bind(buffer, memory, 0), VK_SUCCESS);
    release(memory);
    expect("FAKE-vkFreeMemory-bound");
    release(memory);
    expect("VUID-vkFreeMemory-memory-parameter: VkDeviceMemory");
    assert_int_equal(address_of(buffer), 0);
    expect("VUID-VkBufferDeviceAddressInfo-buffer-02600");
    VkDeviceMemory again = allocate(64, 1); /* another generation of the same slot */
    release(memory);
    expect("destroyed already");
    release(again);
    destroy(buffer);
    finish();
}

static void handles_of_other_kinds_and_drivers_are_told(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkBuffer buffer = make_addressed(64);
    VkBuffer mine = buffer;
    struct fake_driver *first = d;
    CALL(vkFreeMemory)(fake_device(d), FORGED(VkDeviceMemory, FAKE_HANDLE(buffer)), NULL);
    expect("of another kind");
    (void)CALL(vkCreateSemaphore)(fake_device(d),
                                  &(VkSemaphoreCreateInfo){ .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO }, NULL,
                                  &(VkSemaphore){ VK_NULL_HANDLE });
    VkDevice wrong = (VkDevice)(void *)fake_instance(d);
    CALL(vkDestroyBuffer)(wrong, VK_NULL_HANDLE, NULL);
    expect("device-parameter");
    start((struct fake_config){ 0 });
    destroy(mine);
    expect("never made by this device");
    finish();
    d = first;
    destroy(mine);
    assert_int_equal(fake_destroy(d), 1); /* the semaphore */
}

/* ---- Buffers
 * --------------------------------------------------------------------------------------------------------------- */

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
        assert_memory_equal(&same.memoryRequirements, &out.memoryRequirements, sizeof same.memoryRequirements);
        destroy(buffer);
    }
    finish();
}

/* ---- Binding
 * --------------------------------------------------------------------------------------------------------------- */

static void binding_rules_are_told(void **state) {
    (void)state;
    start(
        (struct fake_config){ .usage_rule_count = 1, .usage_rules = { { VK_BUFFER_USAGE_INDEX_BUFFER_BIT, 0x4, 0 } } });
    VkDeviceMemory memory = allocate(4096, 1);
    VkDeviceMemory plain = VK_NULL_HANDLE;
    assert_int_equal(try_allocate(NULL, 4096, 1, &plain), VK_SUCCESS);
    const struct {
        const char *rule;
        VkDeviceSize size;
        VkBufferUsageFlags usage;
        VkDeviceMemory memory;
        VkDeviceSize offset;
        bool bound; /* all the same */
    } cases[] = {
        { "VUID-vkBindBufferMemory-bufferDeviceAddress-03339", 64, ADDRESSED, plain, 0, true },
        { "VUID-vkBindBufferMemory-memoryOffset-01036", 64, ADDRESSED, memory, 8, true },
        { "VUID-vkBindBufferMemory-memoryOffset-01031", 64, ADDRESSED, memory, 4096, false },
        { "VUID-vkBindBufferMemory-size-01037", 64, ADDRESSED, memory, 4080, false },
        { "VUID-vkBindBufferMemory-memory-01035", 64, VK_BUFFER_USAGE_INDEX_BUFFER_BIT, memory, 0, true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        VkBuffer buffer = make(buffer_info(cases[i].size, cases[i].usage));
        VkDeviceMemory at;
        VkDeviceSize offset;
        (void)bind(buffer, cases[i].memory, cases[i].offset);
        expect(cases[i].rule);
        assert_int_equal(fake_binding(d, buffer, &at, &offset), cases[i].bound);
        destroy(buffer);
    }
    VkBuffer buffer = make_addressed(64);
    (void)address_of(buffer);
    expect("VUID-VkBufferDeviceAddressInfo-buffer-02600");
    (void)bind(buffer, VK_NULL_HANDLE, 0);
    expect("VUID-vkBindBufferMemory-memory-parameter");
    (void)bind(VK_NULL_HANDLE, memory, 0);
    expect("VUID-vkBindBufferMemory-buffer-parameter");
    assert_int_equal(bind(buffer, memory, 0), VK_SUCCESS);
    (void)bind(buffer, memory, 64);
    expect("01029");
    destroy(buffer);
    release(memory);
    release(plain);
    finish();
}

static void bound_buffers_must_not_overlap(void **state) {
    (void)state;
    for (int allowed = 0; allowed < 2; allowed++) {
        start((struct fake_config){ .allow_overlap = allowed != 0 });
        VkDeviceMemory memory = allocate(4096, 1);
        VkBuffer middle = make_addressed(1024);
        assert_int_equal(bind(middle, memory, 1024), VK_SUCCESS);
        const struct {
            VkDeviceSize offset, size;
            bool overlaps;
        } cases[] = { { 0, 1024, false }, { 2048, 1024, false }, { 0, 1040, true }, { 2032, 16, true },
                      { 1024, 16, true }, { 0, 4096, true },     { 1008, 32, true } };
        for (size_t i = 0; i < COUNT(cases); i++) {
            VkBuffer buffer = make_addressed(cases[i].size);
            assert_int_equal(bind(buffer, memory, cases[i].offset), VK_SUCCESS);
            if (cases[i].overlaps && !allowed) {
                expect("FAKE-buffer-overlap");
            }
            assert_int_equal(fake_violation_count(d), 0);
            destroy(buffer);
        }
        destroy(middle);
        release(memory);
        finish();
    }
}

static void dedicated_memory_is_for_one_buffer(void **state) {
    (void)state;
    start((struct fake_config){ .size_rounding = 256, .require_dedicated_from = 1 });
    VkBuffer buffer = make_addressed(100);
    VkBuffer other = make_addressed(100);
    VkMemoryDedicatedAllocateInfo dedicated = { VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, &address_flags,
                                                VK_NULL_HANDLE, buffer };
    VkDeviceMemory large = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkDeviceMemory shared = allocate(256, 1);
    (void)try_allocate(&dedicated, 512, 1, &large);
    expect("02965");
    assert_int_equal(try_allocate(&dedicated, 256, 1, &memory), VK_SUCCESS);
    (void)bind(buffer, large, 256);
    expect("VUID-vkBindBufferMemory-memory-01508");
    (void)bind(other, shared, 0);
    expect("VUID-vkBindBufferMemory-buffer-01444");
    destroy(other);
    other = make_addressed(100);
    (void)bind(other, memory, 0);
    assert_int_equal(fake_violation_count(d), 2); /* not its memory, and not dedicated to it */
    assert_true(fake_violated(d, "01508"));
    assert_true(fake_violated(d, "01444"));
    fake_clear_violations(d);
    destroy(buffer);
    destroy(other);
    release(large);
    release(memory);
    release(shared);
    finish();
}

static void capture_and_replay_bits_stand_on_both(void **state) {
    (void)state;
    VkMemoryAllocateFlagsInfo replay = address_flags;
    replay.flags |= VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT;
    start((struct fake_config){ .with = FAKE_CAPTURE_REPLAY });
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    info.flags = VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT;
    VkBuffer first = make(info);
    VkBuffer second = make(info);
    VkDeviceMemory plain = allocate(64, 1);
    VkDeviceMemory memory = VK_NULL_HANDLE;
    assert_int_equal(try_allocate(&replay, 64, 1, &memory), VK_SUCCESS);
    (void)bind(first, plain, 0);
    expect("09200");
    assert_int_equal(bind(second, memory, 0), VK_SUCCESS);
    destroy(first);
    destroy(second);
    release(plain);
    release(memory);
    finish();
}

static void handle_types_stand_on_both(void **state) {
    (void)state;
    const VkExportMemoryAllocateInfo export = { VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO, &address_flags,
                                                VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    const VkExternalMemoryBufferCreateInfo external = { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, NULL,
                                                        VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    start((struct fake_config){ .with = FAKE_EXTERNAL_MEMORY_FD });
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    VkBuffer plain = make(info);
    info.pNext = &external;
    VkBuffer first = make(info);
    VkBuffer second = make(info);
    VkDeviceMemory inner = allocate(64, 1);
    VkDeviceMemory outer = VK_NULL_HANDLE;
    assert_int_equal(try_allocate(&export, 128, 1, &outer), VK_SUCCESS);
    (void)bind(first, inner, 0);
    expect("02726");
    (void)bind(plain, outer, 64);
    expect("02726");
    assert_int_equal(bind(second, outer, 0), VK_SUCCESS);
    destroy(plain);
    destroy(first);
    destroy(second);
    release(inner);
    release(outer);
    finish();
}

static void protected_goes_with_protected(void **state) {
    (void)state;
    start((struct fake_config){ .with = FAKE_PROTECTED_MEMORY,
                                .memory = { .memoryTypeCount = 2,
                                            .memoryTypes = { { VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0 },
                                                             { VK_MEMORY_PROPERTY_PROTECTED_BIT, 0 } },
                                            .memoryHeapCount = 1,
                                            .memoryHeaps = { { 4096, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT } } } });
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    VkBuffer open = make(info);
    info.flags = VK_BUFFER_CREATE_PROTECTED_BIT;
    VkBuffer closed = make(info);
    VkDeviceMemory memories[] = { allocate(64, 0), allocate(64, 1) };
    assert_int_equal(requirements(open).memoryTypeBits, 1);
    assert_int_equal(requirements(closed).memoryTypeBits, 2);
    (void)bind(open, memories[1], 0);
    assert_true(fake_violated(d, "01899"));
    fake_clear_violations(d);
    (void)bind(closed, memories[0], 0);
    assert_true(fake_violated(d, "01898"));
    fake_clear_violations(d);
    destroy(open);
    destroy(closed);
    release(memories[0]);
    release(memories[1]);
    finish();
}

static void several_may_be_bound_at_once(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkBuffer buffers[] = { make_addressed(64), make_addressed(64) };
    VkDeviceMemory memory = allocate(128, 1);
    VkBindBufferMemoryInfo infos[] = {
        { VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO, NULL, buffers[0], memory, 0 },
        { VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO, NULL, buffers[1], memory, 64 },
    };
    assert_int_equal(CALL(vkBindBufferMemory2)(fake_device(d), 2, infos), VK_SUCCESS);
    assert_int_equal(address_of(buffers[1]) - address_of(buffers[0]), 64);
    destroy(buffers[0]);
    destroy(buffers[1]);
    release(memory);
    finish();
}

/* ---- Mapping and bytes
 * ------------------------------------------------------------------------------------------------- */

static void mapping_rules_are_told(void **state) {
    (void)state;
    start((struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
    VkDeviceMemory hidden = allocate(1000, 0);
    VkDeviceMemory memory = allocate(1000, 1);
    void *pointer = NULL;
    const struct {
        const char *rule;
        VkDeviceSize offset, size;
    } cases[] = { { "VUID-vkMapMemory-offset-00679", 1000, VK_WHOLE_SIZE },
                  { "VUID-vkMapMemory-size-00681", 1, 1000 },
                  { "VUID-vkMapMemory-size-00680", 0, 0 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(map(memory, cases[i].offset, cases[i].size, &pointer), VK_ERROR_MEMORY_MAP_FAILED);
        expect(cases[i].rule);
    }
    (void)map(hidden, 0, VK_WHOLE_SIZE, &pointer);
    expect("VUID-vkMapMemory-memory-00682");
    (void)CALL(vkMapMemory)(fake_device(d), memory, 0, VK_WHOLE_SIZE, 1, &pointer);
    expect("VUID-vkMapMemory-flags-zerobitmask");
    CALL(vkUnmapMemory)(fake_device(d), memory);
    expect("VUID-vkUnmapMemory-memory-00689");
    assert_int_equal(map(memory, 0, VK_WHOLE_SIZE, &pointer), VK_SUCCESS);
    (void)map(memory, 0, VK_WHOLE_SIZE, &pointer);
    expect("VUID-vkMapMemory-memory-00678");
    release(hidden);
    release(memory);
    (void)map(memory, 0, VK_WHOLE_SIZE, &pointer);
    expect("VUID-vkMapMemory-memory-parameter");
    CALL(vkUnmapMemory)(fake_device(d), memory);
    expect("VUID-vkUnmapMemory-memory-parameter");
    finish();
}

static void flushing_rules_are_told(void **state) {
    (void)state;
    start((struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
    VkDeviceMemory memory = allocate(1000, 1);
    void *pointer = NULL;
    flush(memory, 0, 64);
    expect("VUID-VkMappedMemoryRange-memory-00684");
    assert_int_equal(map(memory, 64, 700, &pointer), VK_SUCCESS);
    const struct {
        const char *rule; /* NULL: right */
        VkDeviceSize offset, size;
    } cases[] = { { NULL, 64, 640 },
                  { "VUID-VkMappedMemoryRange-offset-00687", 72, 64 },
                  { "VUID-VkMappedMemoryRange-size-01390", 64, 65 },
                  { "VUID-VkMappedMemoryRange-size-00685", 0, 64 },
                  { "VUID-VkMappedMemoryRange-size-00685", 704, 128 },
                  { "VUID-VkMappedMemoryRange-size-01389", 64, VK_WHOLE_SIZE } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        flush(memory, cases[i].offset, cases[i].size);
        if (cases[i].rule != NULL) {
            expect(cases[i].rule);
        }
        invalidate(memory, cases[i].offset, cases[i].size);
        if (cases[i].rule != NULL) {
            expect(cases[i].rule);
        }
    }
    CALL(vkUnmapMemory)(fake_device(d), memory);
    assert_int_equal(map(memory, 0, VK_WHOLE_SIZE, &pointer), VK_SUCCESS);
    flush(memory, 960, 40); /* the end of the memory needs no whole atom */
    flush(memory, 1024, VK_WHOLE_SIZE);
    expect("VUID-VkMappedMemoryRange-size-00686");
    assert_int_equal(CALL(vkFlushMappedMemoryRanges)(fake_device(d), 0, NULL), VK_SUCCESS);
    expect("VUID-vkFlushMappedMemoryRanges-memoryRangeCount-arraylength");
    release(memory);
    flush(memory, 0, 64);
    expect("VUID-VkMappedMemoryRange-memory-parameter");
    finish();
}

/* Two neighbours in one memory of 256 bytes, mapped; answers the mapping. */
static unsigned char *neighbours(uint32_t type, VkDeviceMemory *memory, VkDeviceAddress *base) {
    struct fake_memory_info info;
    unsigned char *bytes = NULL;
    *memory = allocate(256, type);
    assert_int_equal(map(*memory, 0, VK_WHOLE_SIZE, &bytes), VK_SUCCESS);
    assert_true(fake_memory_info(d, *memory, &info));
    assert_true(info.mapped);
    *base = info.base;
    return bytes;
}

static void without_a_flush_the_device_sees_nothing(void **state) {
    (void)state;
    VkDeviceMemory memory;
    VkDeviceAddress base;
    unsigned char seen = 0;
    start((struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
    unsigned char *bytes = neighbours(1, &memory, &base);
    bytes[64] = 7;
    assert_true(fake_device_read(d, base + 64, &seen, 1));
    assert_int_equal(seen, 0xA5); /* fresh memory is not zero */
    flush(memory, 64, 64);
    assert_true(fake_device_read(d, base + 64, &seen, 1));
    assert_int_equal(seen, 7);
    assert_true(fake_device_write(d, base + 64, "\x09", 1));
    assert_int_equal(bytes[64], 7);
    invalidate(memory, 64, 64);
    assert_int_equal(bytes[64], 9);
    release(memory);
    finish();
}

static void a_wide_flush_tramples_a_neighbour(void **state) {
    (void)state;
    VkDeviceMemory memory;
    VkDeviceAddress base;
    unsigned char seen = 0;
    start((struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
    (void)neighbours(1, &memory, &base);
    assert_true(fake_device_write(d, base + 128, "\x09", 1));
    flush(memory, 64, 64);
    assert_true(fake_device_read(d, base + 128, &seen, 1));
    assert_int_equal(seen, 9);
    flush(memory, 64, 128);
    assert_true(fake_device_read(d, base + 128, &seen, 1));
    assert_int_equal(seen, 0xA5);
    release(memory);
    finish();
}

static void coherent_memory_has_one_copy(void **state) {
    (void)state;
    VkDeviceMemory memory;
    VkDeviceAddress base;
    unsigned char seen = 0;
    start((struct fake_config){ 0 });
    unsigned char *bytes = neighbours(2, &memory, &base);
    bytes[3] = 7;
    assert_true(fake_device_read(d, base + 3, &seen, 1));
    assert_int_equal(seen, 7);
    release(memory);
    finish();
}

static void the_device_reaches_what_the_host_cannot(void **state) {
    (void)state;
    struct fake_memory_info info;
    char seen[4] = { 0 };
    start((struct fake_config){ 0 });
    VkDeviceMemory memory = allocate(100, 1);
    assert_true(fake_memory_info(d, memory, &info));
    assert_true(fake_device_write(d, info.base + 96, "abc", 4));
    assert_true(fake_device_read(d, info.base + 96, seen, 4));
    assert_string_equal(seen, "abc");
    assert_false(fake_device_read(d, info.base + 97, seen, 4));
    expect("FAKE-device-address");
    assert_false(fake_device_read(d, info.base - 1, seen, 1));
    expect("FAKE-device-address");
    release(memory);
    assert_false(fake_device_write(d, info.base, seen, 1));
    expect("FAKE-device-address");
    assert_false(fake_memory_info(d, memory, &info));
    finish();
}

/* ---- Addresses
 * ----------------------------------------------------------------------------------------------------------- */

static VkDeviceAddress base_of(VkDeviceMemory memory) {
    struct fake_memory_info info;
    assert_true(fake_memory_info(d, memory, &info));
    return info.base;
}

static void bases_are_as_ill_aligned_as_asked(void **state) {
    (void)state;
    const struct {
        VkDeviceSize alignment, residue, modulus, rest;
        VkDeviceAddress first;
    } cases[] = { { 0, 0, 128, 64, 0 },
                  { 16, 0, 32, 16, 0 },
                  { 256, 0x90, 256, 0x90, 0 },
                  { 1 << 21, 0, 1 << 22, 1 << 21, 0 },
                  { 0, 0, 128, 64, FAKE_ADDRESS_SIGN_EXTENDED },
                  { 0, 0, 128, 64, FAKE_ADDRESS_BIT_47 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        start((struct fake_config){
            .base_alignment = cases[i].alignment, .base_residue = cases[i].residue, .first_address = cases[i].first });
        VkDeviceMemory memories[8];
        VkDeviceAddress end = cases[i].first;
        for (size_t j = 0; j < COUNT(memories); j++) {
            memories[j] = allocate(1000 * (j + 1), 1);
            VkDeviceAddress base = base_of(memories[j]);
            assert_int_equal(base % cases[i].modulus, cases[i].rest);
            assert_true(base > end);
            end = base + 1000 * (j + 1);
        }
        for (size_t j = 0; j < COUNT(memories); j++) {
            release(memories[j]);
        }
        finish();
    }
}

static void addresses_are_used_again(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkDeviceMemory memories[3] = { allocate(5000, 1), allocate(5000, 1), allocate(5000, 1) };
    VkDeviceAddress middle = base_of(memories[1]);
    release(memories[1]);
    VkDeviceMemory large = allocate(500000, 1);
    assert_true(base_of(large) > base_of(memories[2]));
    memories[1] = allocate(4000, 1);
    assert_int_equal(base_of(memories[1]), middle);
    for (size_t i = 0; i < COUNT(memories); i++) {
        release(memories[i]);
    }
    release(large);
    finish();
}

static void a_skewed_buffer_has_an_address_of_its_own(void **state) {
    (void)state;
    start((struct fake_config){ .buffer_address_skew = 4096 });
    VkDeviceMemory memory = allocate(1024, 1);
    VkBuffer small = make_addressed(64);
    VkBuffer spanning = make_addressed(1024 - 256);
    char seen = 0;
    assert_int_equal(bind(small, memory, 0), VK_SUCCESS);
    assert_int_equal(bind(spanning, memory, 256), VK_SUCCESS);
    assert_int_equal(address_of(small), base_of(memory) + 4096);
    assert_int_equal(address_of(spanning), base_of(memory) + 256);
    assert_true(fake_device_write(d, address_of(small), "x", 1));
    assert_true(fake_device_read(d, base_of(memory), &seen, 1));
    assert_int_equal(seen, 'x');
    destroy(small);
    destroy(spanning);
    release(memory);
    finish();
}

static void the_address_query_has_its_rules(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkBuffer plain = make(buffer_info(64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT));
    VkDeviceMemory memory = allocate(64, 1);
    assert_int_equal(bind(plain, memory, 0), VK_SUCCESS);
    (void)address_of(plain);
    expect("VUID-VkBufferDeviceAddressInfo-buffer-02601");
    destroy(plain);
    release(memory);
    finish();
    start((struct fake_config){ .disabled = FAKE_BUFFER_DEVICE_ADDRESS });
    (void)address_of(VK_NULL_HANDLE);
    assert_true(fake_violated(d, "VUID-vkGetBufferDeviceAddress-bufferDeviceAddress-03324"));
    fake_clear_violations(d);
    finish();
}

/* ---- What is offered
 * ------------------------------------------------------------------------------------------------------- */

static bool device_has(const char *name) {
    return CALL(vkGetDeviceProcAddr)(fake_device(d), name) != NULL;
}

static void names_go_by_version_and_extension(void **state) {
    (void)state;
    const struct {
        uint32_t device_version, with;
        bool core_1_1, core_1_2, core_1_3, address_khr, maintenance_4_khr, bind_2_khr;
    } cases[] = {
        { VK_API_VERSION_1_0, 0, false, false, false, true, false, true },
        { VK_API_VERSION_1_1, 0, true, false, false, true, false, false },
        { VK_API_VERSION_1_2, 0, true, true, false, false, false, false },
        { VK_API_VERSION_1_2, FAKE_MAINTENANCE_4, true, true, false, false, true, false },
        { VK_API_VERSION_1_3, 0, true, true, true, false, false, false },
        { VK_API_VERSION_1_3, FAKE_KHR_ALIASES, true, true, true, true, true, true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        start((struct fake_config){ .device_version = cases[i].device_version, .with = cases[i].with });
        assert_true(device_has("vkAllocateMemory"));
        assert_false(device_has("vkGetPhysicalDeviceProperties"));
        assert_false(device_has("vkNoSuchFunction"));
        assert_int_equal(device_has("vkGetBufferMemoryRequirements2"), cases[i].core_1_1);
        assert_int_equal(device_has("vkGetBufferDeviceAddress"), cases[i].core_1_2);
        assert_int_equal(device_has("vkGetSemaphoreCounterValue"), cases[i].core_1_2);
        assert_int_equal(device_has("vkGetDeviceBufferMemoryRequirements"), cases[i].core_1_3);
        assert_int_equal(device_has("vkGetBufferDeviceAddressKHR"), cases[i].address_khr);
        assert_int_equal(device_has("vkGetDeviceBufferMemoryRequirementsKHR"), cases[i].maintenance_4_khr);
        assert_int_equal(device_has("vkBindBufferMemory2KHR"), cases[i].bind_2_khr);
        assert_false(device_has("vkSetDebugUtilsObjectNameEXT"));
        finish();
    }
}

static void without_an_instance_only_global_names_answer(void **state) {
    (void)state;
    PFN_vkEnumerateInstanceVersion get =
        (PFN_vkEnumerateInstanceVersion)fake_get_instance_proc_addr(NULL, "vkEnumerateInstanceVersion");
    uint32_t version = 0;
    assert_int_equal(get(&version), VK_SUCCESS);
    assert_int_equal(version, VK_API_VERSION_1_3);
    assert_null(fake_get_instance_proc_addr(NULL, "vkAllocateMemory"));
    assert_non_null(fake_get_instance_proc_addr(NULL, "vkGetInstanceProcAddr"));
}

static void calling_what_the_device_lacks_is_told(void **state) {
    (void)state;
    start((struct fake_config){ .device_version = VK_API_VERSION_1_1 });
    VkSemaphore semaphore = fake_make_semaphore(d, 3);
    uint64_t value;
    /* The loader knows 1.3; the device does not. */
    assert_int_equal(CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value), VK_SUCCESS);
    expect("FAKE-not-offered");
    assert_int_equal(CALL(vkGetSemaphoreCounterValueKHR)(fake_device(d), semaphore, &value), VK_SUCCESS);
    assert_int_equal(value, 3);
    finish();
}

static bool names_extension(const VkDeviceCreateInfo *info, const char *name) {
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++) {
        if (strcmp(info->ppEnabledExtensionNames[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static const void *find_struct(const VkDeviceCreateInfo *info, VkStructureType type) {
    const VkBaseInStructure *link = info->pNext;
    while (link != NULL && link->sType != type) {
        link = link->pNext;
    }
    return link;
}

static void the_device_info_says_what_is_enabled(void **state) {
    (void)state;
    start((struct fake_config){ .with = FAKE_ACCELERATION_STRUCTURE | FAKE_MEMORY_BUDGET | FAKE_MEMORY_PRIORITY,
                                .disabled = FAKE_MEMORY_PRIORITY,
                                .queue_families = 3 });
    const VkDeviceCreateInfo *info = fake_device_info(d);
    const VkPhysicalDeviceVulkan12Features *core =
        find_struct(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    const VkPhysicalDeviceMemoryPriorityFeaturesEXT *priority =
        find_struct(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT);
    assert_true(core->bufferDeviceAddress && core->timelineSemaphore);
    assert_false(priority->memoryPriority); /* supported, not enabled */
    assert_true(names_extension(info, "VK_EXT_memory_budget"));
    assert_true(names_extension(info, "VK_KHR_acceleration_structure"));
    assert_false(names_extension(info, "VK_KHR_buffer_device_address"));
    assert_int_equal(info->queueCreateInfoCount, 3);
    VkPhysicalDeviceMemoryPriorityFeaturesEXT asked = { .sType = priority->sType };
    VkPhysicalDeviceFeatures2 features = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &asked };
    CALL(vkGetPhysicalDeviceFeatures2)(fake_physical_device(d), &features);
    assert_true(asked.memoryPriority);
    finish();
}

static void old_devices_enable_by_extension(void **state) {
    (void)state;
    start((struct fake_config){ .device_version = VK_API_VERSION_1_1 });
    const VkDeviceCreateInfo *info = fake_device_info(d);
    const VkPhysicalDeviceBufferDeviceAddressFeatures *address =
        find_struct(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES);
    assert_true(address->bufferDeviceAddress);
    assert_null(find_struct(info, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES));
    assert_true(names_extension(info, "VK_KHR_buffer_device_address"));
    assert_true(names_extension(info, "VK_KHR_timeline_semaphore"));
    assert_false(names_extension(info, "VK_KHR_device_group"));
    finish();
    start((struct fake_config){ .without = FAKE_BUFFER_DEVICE_ADDRESS | FAKE_TIMELINE_SEMAPHORE });
    const VkPhysicalDeviceVulkan12Features *core =
        find_struct(fake_device_info(d), VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    assert_false(core->bufferDeviceAddress || core->timelineSemaphore);
    finish();
}

static void the_allocator_info_leads_to_the_driver(void **state) {
    (void)state;
    start((struct fake_config){ .instance_version = VK_API_VERSION_1_2 });
    BdaAllocatorInfo info = fake_allocator_info(d);
    assert_int_equal(info.api_version, VK_API_VERSION_1_2);
    assert_ptr_equal(info.device, fake_device(d));
    assert_ptr_equal(info.device_info, fake_device_info(d));
    assert_non_null(info.get_instance_proc_addr(info.instance, "vkGetDeviceProcAddr"));
    assert_int_equal(fake_call_count(d, FAKE_CALL_GET_PROC_ADDR), 1);
    finish();
}

static void properties_come_from_the_config(void **state) {
    (void)state;
    VkPhysicalDeviceDescriptorBufferPropertiesEXT descriptors = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_PROPERTIES_EXT
    };
    VkPhysicalDeviceRayTracingPipelinePropertiesKHR rays = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_PROPERTIES_KHR, .pNext = &descriptors
    };
    VkPhysicalDeviceAccelerationStructurePropertiesKHR scratch = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_PROPERTIES_KHR, .pNext = &rays
    };
    VkPhysicalDeviceMaintenance4Properties four = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES,
                                                    .pNext = &scratch };
    VkPhysicalDeviceMaintenance3Properties three = { .sType =
                                                         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
                                                     .pNext = &four };
    VkPhysicalDeviceProperties2 all = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &three };
    VkPhysicalDeviceProperties plain;
    start((struct fake_config){ .with = FAKE_ACCELERATION_STRUCTURE | FAKE_RAY_TRACING_PIPELINE,
                                .limits = { .nonCoherentAtomSize = 256 },
                                .max_memory_allocation_size = 12345,
                                .max_buffer_size = 54321,
                                .scratch_alignment = 512,
                                .shader_group_base_alignment = 32 });
    CALL(vkGetPhysicalDeviceProperties2)(fake_physical_device(d), &all);
    CALL(vkGetPhysicalDeviceProperties)(fake_physical_device(d), &plain);
    assert_int_equal(plain.limits.nonCoherentAtomSize, 256);
    assert_int_equal(all.properties.limits.maxMemoryAllocationCount, 4096);
    assert_int_equal(three.maxMemoryAllocationSize, 12345);
    assert_int_equal(four.maxBufferSize, 54321);
    assert_int_equal(scratch.minAccelerationStructureScratchOffsetAlignment, 512);
    assert_int_equal(rays.shaderGroupBaseAlignment, 32);
    assert_int_equal(descriptors.descriptorBufferOffsetAlignment, 0); /* not supported, so untouched */
    finish();
}

static void budgets_follow_use(void **state) {
    (void)state;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT
    };
    VkPhysicalDeviceMemoryProperties2 out = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                              .pNext = &budget };
    start((struct fake_config){ .with = FAKE_MEMORY_BUDGET, .budgets = { 5000 }, .foreign_use = { 100 } });
    VkDeviceMemory memory = allocate(64, 1);
    CALL(vkGetPhysicalDeviceMemoryProperties2)(fake_physical_device(d), &out);
    assert_int_equal(budget.heapBudget[0], 5000);
    assert_int_equal(budget.heapUsage[0], 164);
    fake_set_budget(d, 0, 6000, 0);
    CALL(vkGetPhysicalDeviceMemoryProperties2)(fake_physical_device(d), &out);
    assert_int_equal(budget.heapBudget[0], 6000);
    assert_int_equal(budget.heapUsage[0], 64);
    release(memory);
    finish();
    start((struct fake_config){ 0 });
    CALL(vkGetPhysicalDeviceMemoryProperties2)(fake_physical_device(d), &out);
    expect("VUID-VkPhysicalDeviceMemoryProperties2-pNext-pNext");
    finish();
}

/* ---- Names and semaphores
 * --------------------------------------------------------------------------------------------------- */

static VkResult name_object(VkObjectType type, uint64_t handle, const char *name) {
    VkDebugUtilsObjectNameInfoEXT info = { VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT, NULL, type, handle,
                                           name };
    return CALL(vkSetDebugUtilsObjectNameEXT)(fake_device(d), &info);
}

static void names_are_kept_and_checked(void **state) {
    (void)state;
    start((struct fake_config){ .with = FAKE_DEBUG_UTILS });
    VkBuffer buffer = make_addressed(64);
    uint64_t handle = FAKE_HANDLE(buffer);
    char name[] = "particles";
    assert_null(fake_name(d, handle));
    assert_int_equal(name_object(VK_OBJECT_TYPE_BUFFER, handle, name), VK_SUCCESS);
    name[0] = '!';
    assert_string_equal(fake_name(d, handle), "particles");
    assert_int_equal(name_object(VK_OBJECT_TYPE_DEVICE, (uintptr_t)fake_device(d), "device"), VK_SUCCESS);
    (void)name_object(VK_OBJECT_TYPE_DEVICE_MEMORY, handle, "wrong kind");
    expect("VUID-VkDebugUtilsObjectNameInfoEXT-objectType-02590");
    (void)name_object(VK_OBJECT_TYPE_IMAGE, handle, "no such object");
    expect("VUID-VkDebugUtilsObjectNameInfoEXT-objectType-02590");
    (void)name_object(VK_OBJECT_TYPE_UNKNOWN, handle, "unknown");
    expect("VUID-vkSetDebugUtilsObjectNameEXT-pNameInfo-02587");
    (void)name_object(VK_OBJECT_TYPE_BUFFER, 0, "null");
    expect("VUID-vkSetDebugUtilsObjectNameEXT-pNameInfo-02588");
    assert_int_equal(name_object(VK_OBJECT_TYPE_BUFFER, handle, NULL), VK_SUCCESS);
    assert_null(fake_name(d, handle));
    destroy(buffer);
    (void)name_object(VK_OBJECT_TYPE_BUFFER, handle, "gone");
    expect("VUID-VkDebugUtilsObjectNameInfoEXT-objectType-02590");
    finish();
}

static void semaphores_count_up(void **state) {
    (void)state;
    uint64_t value = 0;
    start((struct fake_config){ 0 });
    VkSemaphore semaphore = fake_make_semaphore(d, 1);
    fake_signal(d, semaphore, 5);
    assert_int_equal(CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value), VK_SUCCESS);
    assert_int_equal(value, 5);
    fake_signal(d, semaphore, 5);
    expect("VUID-VkSemaphoreSignalInfo-value-03258");
    fake_drop_semaphore(d, semaphore);
    (void)CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value);
    expect("VUID-vkGetSemaphoreCounterValue-semaphore-parameter");
    fake_signal(d, semaphore, 6);
    expect("FAKE-fake_signal");
    fake_drop_semaphore(d, semaphore);
    expect("FAKE-fake_drop_semaphore");
    CALL(vkDestroySemaphore)(fake_device(d), semaphore, NULL);
    expect("VUID-vkDestroySemaphore-semaphore-parameter");
    finish();
}

static void semaphore_rules_are_told(void **state) {
    (void)state;
    VkSemaphoreTypeCreateInfo type = { VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, NULL, VK_SEMAPHORE_TYPE_BINARY,
                                       1 };
    VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type };
    VkSemaphore semaphore;
    uint64_t value;
    start((struct fake_config){ .disabled = FAKE_TIMELINE_SEMAPHORE });
    (void)CALL(vkCreateSemaphore)(fake_device(d), &info, NULL, &semaphore);
    expect("VUID-VkSemaphoreTypeCreateInfo-semaphoreType-03279");
    (void)CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value);
    assert_true(fake_violated(d, "VUID-vkGetSemaphoreCounterValue-semaphore-03255"));
    assert_true(fake_violated(d, "FAKE-timelineSemaphore"));
    fake_clear_violations(d);
    CALL(vkDestroySemaphore)(fake_device(d), semaphore, NULL);
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    (void)CALL(vkCreateSemaphore)(fake_device(d), &info, NULL, &semaphore);
    expect("VUID-VkSemaphoreTypeCreateInfo-timelineSemaphore-03252");
    CALL(vkDestroySemaphore)(fake_device(d), semaphore, NULL);
    finish();
}

/* ---- Failures, hooks
 * ----------------------------------------------------------------------------------------------------------- */

static void the_nth_call_fails_once_or_from_then_on(void **state) {
    (void)state;
    VkDeviceMemory memories[4];
    start((struct fake_config){ 0 });
    fake_fail(d, FAKE_CALL_ALLOCATE_MEMORY, 2, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[0]), VK_SUCCESS);
    assert_int_equal(fake_failed(d), 0);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[1]), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_true(memories[1] == VK_NULL_HANDLE);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[1]), VK_SUCCESS);
    assert_int_equal(fake_failed(d), 1);
    fake_fail_from(d, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[2]), VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[2]), VK_ERROR_OUT_OF_HOST_MEMORY);
    fake_clear_failures(d);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[2]), VK_SUCCESS);
    assert_int_equal(fake_call_count(d, FAKE_CALL_ALLOCATE_MEMORY), 6);
    fake_fail(d, FAKE_CALL_GET_PROC_ADDR, 1, VK_ERROR_UNKNOWN);
    assert_null(fake_get_instance_proc_addr(fake_instance(d), "vkAllocateMemory"));
    release(memories[0]);
    release(memories[1]);
    release(memories[2]);
    finish();
}

/* Create, allocate, bind, map; answers the first failure and leaves nothing behind. */
static VkResult whole_life(const VkAllocationCallbacks *callbacks) {
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    VkMemoryAllocateInfo allocate_info = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &address_flags, 64, 2 };
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    void *pointer;
    VkResult result = CALL(vkCreateBuffer)(fake_device(d), &info, callbacks, &buffer);
    if (result == VK_SUCCESS) {
        result = CALL(vkAllocateMemory)(fake_device(d), &allocate_info, callbacks, &memory);
    }
    if (result == VK_SUCCESS) {
        result = bind(buffer, memory, 0);
    }
    if (result == VK_SUCCESS) {
        result = map(memory, 0, VK_WHOLE_SIZE, &pointer);
    }
    CALL(vkDestroyBuffer)(fake_device(d), buffer, callbacks);
    CALL(vkFreeMemory)(fake_device(d), memory, callbacks);
    return result;
}

static void a_sweep_reaches_every_call_that_may_fail(void **state) {
    (void)state;
    const struct {
        VkResult result;
        unsigned calls;
    } cases[] = { { VK_ERROR_OUT_OF_HOST_MEMORY, 4 },
                  { VK_ERROR_OUT_OF_DEVICE_MEMORY, 4 },
                  { VK_ERROR_MEMORY_MAP_FAILED, 1 },
                  { VK_ERROR_TOO_MANY_OBJECTS, 1 },
                  { VK_ERROR_DEVICE_LOST, 0 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        start((struct fake_config){ 0 });
        unsigned nth = 0;
        VkResult result;
        do {
            fake_fail(d, FAKE_CALL_ANY, ++nth, cases[i].result);
            result = whole_life(NULL);
            assert_int_equal(result, fake_failed(d) != 0 ? cases[i].result : VK_SUCCESS);
        } while (fake_failed(d) != 0);
        assert_int_equal(nth, cases[i].calls + 1);
        finish();
    }
}

static void a_lost_device_says_so_where_it_may(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkSemaphore semaphore = fake_make_semaphore(d, 0);
    uint64_t value;
    fake_lose_device(d);
    assert_int_equal(CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value), VK_ERROR_DEVICE_LOST);
    assert_int_equal(CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value), VK_ERROR_DEVICE_LOST);
    assert_int_equal(whole_life(NULL), VK_SUCCESS);
    finish();
}

static unsigned locks; /* what the "library" holds */

static unsigned locks_now(void) {
    return locks;
}

static void a_lock_held_across_a_call_is_told(void **state) {
    (void)state;
    start((struct fake_config){ .locks_held = locks_now });
    PFN_vkDestroyBuffer function = CALL(vkDestroyBuffer);
    locks = 1;
    function(fake_device(d), VK_NULL_HANDLE, NULL);
    locks = 0;
    expect("in vkDestroyBuffer");
    finish();
}

static void count_call(void *user, enum fake_call call) {
    ((unsigned *)user)[call]++;
}

static void the_hook_sees_every_call(void **state) {
    (void)state;
    unsigned seen[FAKE_CALL_COUNT] = { 0 };
    start((struct fake_config){ .on_call = count_call, .on_call_user = seen });
    assert_int_equal(whole_life(NULL), VK_SUCCESS);
    assert_int_equal(seen[FAKE_CALL_ALLOCATE_MEMORY], 1);
    assert_int_equal(seen[FAKE_CALL_MAP_MEMORY], 1);
    assert_int_equal(seen[FAKE_CALL_GET_PROC_ADDR], fake_call_count(d, FAKE_CALL_GET_PROC_ADDR));
    assert_int_equal(fake_call_count(d, FAKE_CALL_ANY), 6 + seen[FAKE_CALL_GET_PROC_ADDR]);
    finish();
}

static void texts_are_kept_up_to_a_bound(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    for (unsigned i = 0; i < 300; i++) {
        destroy(FORGED(VkBuffer, 99));
    }
    assert_int_equal(fake_violation_count(d), 300);
    assert_non_null(fake_violation(d, 255));
    assert_null(fake_violation(d, 256));
    fake_clear_violations(d);
    assert_null(fake_violation(d, 0));
    finish();
}

/* ---- Host memory
 * ------------------------------------------------------------------------------------------------------------------ */

static void every_object_takes_host_memory_once(void **state) {
    (void)state;
    struct fake_host host;
    fake_host_init(&host);
    VkAllocationCallbacks callbacks = fake_host_callbacks(&host);
    start((struct fake_config){ 0 });
    for (size_t nth = 1; nth <= 3; nth++) {
        fake_host_fail(&host, nth, false);
        assert_int_equal(whole_life(&callbacks), nth <= 2 ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_SUCCESS);
        assert_int_equal(host.failed, nth <= 2);
    }
    assert_int_equal(host.live_count, 0);
    fake_host_fail(&host, 0, false);
    (void)whole_life(&callbacks);
    finish();
    assert_int_equal(fake_host_done(&host), 0);
}

static void callbacks_match_those_of_creation(void **state) {
    (void)state;
    struct fake_host host;
    fake_host_init(&host);
    VkAllocationCallbacks callbacks = fake_host_callbacks(&host);
    VkAllocationCallbacks others = callbacks;
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    VkMemoryAllocateInfo allocate_info = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, NULL, 64, 2 };
    VkBuffer buffer;
    VkDeviceMemory memory;
    start((struct fake_config){ 0 });
    PFN_vkCreateBuffer create = CALL(vkCreateBuffer);
    PFN_vkDestroyBuffer destroy_buffer = CALL(vkDestroyBuffer);
    assert_int_equal(create(fake_device(d), &info, &callbacks, &buffer), VK_SUCCESS);
    destroy_buffer(fake_device(d), buffer, NULL);
    expect("VUID-vkDestroyBuffer-buffer-00923");
    assert_int_equal(create(fake_device(d), &info, NULL, &buffer), VK_SUCCESS);
    destroy_buffer(fake_device(d), buffer, &callbacks);
    expect("VUID-vkDestroyBuffer-buffer-00924");
    others.pfnAllocation = NULL;
    assert_int_equal(create(fake_device(d), &info, &callbacks, &buffer), VK_SUCCESS);
    destroy_buffer(fake_device(d), buffer, &others);
    expect("VUID-vkDestroyBuffer-buffer-00923");
    assert_int_equal(CALL(vkAllocateMemory)(fake_device(d), &allocate_info, &callbacks, &memory), VK_SUCCESS);
    release(memory);
    expect("FAKE-vkFreeMemory-callbacks");
    finish();
    assert_int_equal(fake_host_done(&host), 0);
}

static void *host_take(const VkAllocationCallbacks *callbacks, size_t size, size_t alignment) {
    return callbacks->pfnAllocation(callbacks->pUserData, size, alignment, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
}

static void host_memory_is_counted_and_aligned(void **state) {
    (void)state;
    struct fake_host host;
    fake_host_init(&host);
    VkAllocationCallbacks callbacks = fake_host_callbacks(&host);
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        unsigned char *memory = host_take(&callbacks, 100, alignment);
        assert_int_equal((uintptr_t)memory % (2 * alignment), alignment);
        memset(memory, 1, 100);
        assert_int_equal(host.live_bytes, 100);
        memory = callbacks.pfnReallocation(&host, memory, 200, alignment, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
        assert_int_equal(memory[99], 1);
        assert_int_equal(host.live_bytes, 200);
        assert_null(callbacks.pfnReallocation(&host, memory, 0, alignment, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT));
        assert_int_equal(host.live_count, 0);
    }
    assert_int_equal(host.peak_bytes, 300);
    callbacks.pfnFree(&host, NULL);
    fake_host_fail(&host, 2, true);
    void *memory = callbacks.pfnReallocation(&host, NULL, 8, 8, VK_SYSTEM_ALLOCATION_SCOPE_COMMAND);
    assert_non_null(memory);
    assert_null(host_take(&callbacks, 8, 8));
    assert_null(callbacks.pfnReallocation(&host, memory, 16, 8, VK_SYSTEM_ALLOCATION_SCOPE_COMMAND));
    assert_int_equal(host.failed, 2);
    callbacks.pfnFree(&host, memory);
    assert_int_equal(fake_host_done(&host), 0);
}

static void misuse_of_host_memory_is_a_problem(void **state) {
    (void)state;
    struct fake_host host;
    fake_host_init(&host);
    VkAllocationCallbacks callbacks = fake_host_callbacks(&host);
    unsigned char foreign[64];
    unsigned char *memory = host_take(&callbacks, 10, 8);
    memory[10] = 0; /* one past the end */
    callbacks.pfnFree(&host, memory);
    assert_int_equal(host.problems, 1);
    callbacks.pfnFree(&host, memory);
    assert_int_equal(host.problems, 2);
    callbacks.pfnFree(&host, foreign + 32);
    assert_int_equal(host.problems, 3);
    assert_null(callbacks.pfnReallocation(&host, foreign + 32, 8, 8, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT));
    assert_int_equal(host.problems, 4);
    assert_null(host_take(&callbacks, 0, 8));
    assert_int_equal(host.problems, 5);
    assert_null(host_take(&callbacks, 8, 24));
    assert_int_equal(host.problems, 6);
    assert_null(callbacks.pfnAllocation(&host, 8, 8, (VkSystemAllocationScope)99));
    assert_int_equal(host.problems, 7);
    assert_non_null(host_take(&callbacks, 8, 8)); /* leaked */
    assert_int_equal(fake_host_done(&host), 8);
}

/* ---- Threads
 * -------------------------------------------------------------------------------------------------------------------------
 */

#ifndef _WIN32
#include <pthread.h>

static void *live_and_die(void *unused) {
    for (int i = 0; i < 200; i++) {
        if (whole_life(NULL) != VK_SUCCESS) {
            return d;
        }
    }
    return unused;
}

static void threads_may_share_a_driver(void **state) {
    (void)state;
    pthread_t threads[4];
    start((struct fake_config){ 0 });
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, live_and_die, NULL), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(fake_call_count(d, FAKE_CALL_CREATE_BUFFER), 800);
    finish();
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_use_is_silent_on_every_machine),
        cmocka_unit_test(null_handles_may_be_freed),
        cmocka_unit_test(leaks_and_violations_are_counted_at_the_end),
        cmocka_unit_test(allocations_that_break_rules_are_told),
        cmocka_unit_test(allocation_flags_want_their_feature),
        cmocka_unit_test(special_memory_types_want_their_feature),
        cmocka_unit_test(a_priority_lies_between_0_and_1),
        cmocka_unit_test(heaps_and_counts_are_finite),
        cmocka_unit_test(memory_is_freed_once_and_empty),
        cmocka_unit_test(handles_of_other_kinds_and_drivers_are_told),
        cmocka_unit_test(buffers_that_break_rules_are_told),
        cmocka_unit_test(wide_usage_wants_maintenance_5_and_then_counts),
        cmocka_unit_test(usages_of_enabled_features_are_silent),
        cmocka_unit_test(sparse_and_protected_flags_are_told),
        cmocka_unit_test(buffers_are_destroyed_once),
        cmocka_unit_test(requirements_follow_usage_and_config),
        cmocka_unit_test(binding_rules_are_told),
        cmocka_unit_test(bound_buffers_must_not_overlap),
        cmocka_unit_test(dedicated_memory_is_for_one_buffer),
        cmocka_unit_test(capture_and_replay_bits_stand_on_both),
        cmocka_unit_test(handle_types_stand_on_both),
        cmocka_unit_test(protected_goes_with_protected),
        cmocka_unit_test(several_may_be_bound_at_once),
        cmocka_unit_test(mapping_rules_are_told),
        cmocka_unit_test(flushing_rules_are_told),
        cmocka_unit_test(without_a_flush_the_device_sees_nothing),
        cmocka_unit_test(a_wide_flush_tramples_a_neighbour),
        cmocka_unit_test(coherent_memory_has_one_copy),
        cmocka_unit_test(the_device_reaches_what_the_host_cannot),
        cmocka_unit_test(bases_are_as_ill_aligned_as_asked),
        cmocka_unit_test(addresses_are_used_again),
        cmocka_unit_test(a_skewed_buffer_has_an_address_of_its_own),
        cmocka_unit_test(the_address_query_has_its_rules),
        cmocka_unit_test(names_go_by_version_and_extension),
        cmocka_unit_test(without_an_instance_only_global_names_answer),
        cmocka_unit_test(calling_what_the_device_lacks_is_told),
        cmocka_unit_test(the_device_info_says_what_is_enabled),
        cmocka_unit_test(old_devices_enable_by_extension),
        cmocka_unit_test(the_allocator_info_leads_to_the_driver),
        cmocka_unit_test(properties_come_from_the_config),
        cmocka_unit_test(budgets_follow_use),
        cmocka_unit_test(names_are_kept_and_checked),
        cmocka_unit_test(semaphores_count_up),
        cmocka_unit_test(semaphore_rules_are_told),
        cmocka_unit_test(the_nth_call_fails_once_or_from_then_on),
        cmocka_unit_test(a_sweep_reaches_every_call_that_may_fail),
        cmocka_unit_test(a_lost_device_says_so_where_it_may),
        cmocka_unit_test(a_lock_held_across_a_call_is_told),
        cmocka_unit_test(the_hook_sees_every_call),
        cmocka_unit_test(texts_are_kept_up_to_a_bound),
        cmocka_unit_test(every_object_takes_host_memory_once),
        cmocka_unit_test(callbacks_match_those_of_creation),
        cmocka_unit_test(host_memory_is_counted_and_aligned),
        cmocka_unit_test(misuse_of_host_memory_is_a_problem),
#ifndef _WIN32
        cmocka_unit_test(threads_may_share_a_driver),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
