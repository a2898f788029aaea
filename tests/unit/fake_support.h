/*
 * The words of the tests of the fake driver: one driver at a time, its entry points by name, one buffer or memory in a
 * line, and what was broken. A rule that cannot fire would be worse than none: each has its case in a test_fake_*.c.
 */
#ifndef BDA_TESTS_UNIT_FAKE_SUPPORT_H
#define BDA_TESTS_UNIT_FAKE_SUPPORT_H

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

/* The driver of the running test. */
static struct fake_driver *d;

static inline void start(struct fake_config config) {
    config.quiet = true;
    d = fake_create(&config);
    assert_non_null(d);
}

static inline void finish(void) {
    const char *text = fake_violation(d, 0);
    if (text != NULL) {
        print_error("%s\n", text);
    }
    assert_int_equal(fake_destroy(d), 0);
    d = NULL;
}

static inline PFN_vkVoidFunction proc(const char *name) {
    PFN_vkVoidFunction function = fake_get_instance_proc_addr(fake_instance(d), name);
    assert_non_null(function);
    return function;
}

/* The entry point of this name, ready to be called. */
#define CALL(name) ((PFN_##name)proc(#name))

/* Exactly one rule was broken, and it is this one. */
static inline void expect(const char *rule) {
    const char *text = fake_violation(d, 0);
    if (fake_violation_count(d) != 1 || strstr(text, rule) == NULL) {
        fail_msg("expected %s alone, got %u, the first: %s", rule, fake_violation_count(d), text ? text : "none");
    }
    fake_clear_violations(d);
}

static inline VkBufferCreateInfo buffer_info(VkDeviceSize size, VkBufferUsageFlags usage) {
    return (VkBufferCreateInfo){ .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = usage };
}

static inline VkBuffer make(VkBufferCreateInfo info) {
    VkBuffer buffer = VK_NULL_HANDLE;
    (void)CALL(vkCreateBuffer)(fake_device(d), &info, NULL, &buffer);
    return buffer;
}

static inline VkBuffer make_addressed(VkDeviceSize size) {
    return make(buffer_info(size, ADDRESSED));
}

static inline void destroy(VkBuffer buffer) {
    CALL(vkDestroyBuffer)(fake_device(d), buffer, NULL);
}

static inline VkResult try_allocate(const void *chain, VkDeviceSize size, uint32_t type, VkDeviceMemory *memory) {
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .pNext = chain, .allocationSize = size, .memoryTypeIndex = type
    };
    return CALL(vkAllocateMemory)(fake_device(d), &info, NULL, memory);
}

static const VkMemoryAllocateFlagsInfo address_flags = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                                         .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT };

static inline VkDeviceMemory allocate(VkDeviceSize size, uint32_t type) {
    VkDeviceMemory memory = VK_NULL_HANDLE;
    assert_int_equal(try_allocate(&address_flags, size, type, &memory), VK_SUCCESS);
    return memory;
}

static inline void release(VkDeviceMemory memory) {
    CALL(vkFreeMemory)(fake_device(d), memory, NULL);
}

static inline VkResult bind(VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset) {
    return CALL(vkBindBufferMemory)(fake_device(d), buffer, memory, offset);
}

static inline VkDeviceAddress address_of(VkBuffer buffer) {
    VkBufferDeviceAddressInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, .buffer = buffer };
    return CALL(vkGetBufferDeviceAddress)(fake_device(d), &info);
}

static inline VkResult map(VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size, void **pointer) {
    return CALL(vkMapMemory)(fake_device(d), memory, offset, size, 0, pointer);
}

static inline void flush(VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size) {
    VkMappedMemoryRange range = { VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, NULL, memory, offset, size };
    assert_int_equal(CALL(vkFlushMappedMemoryRanges)(fake_device(d), 1, &range), VK_SUCCESS);
}

static inline void invalidate(VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size) {
    VkMappedMemoryRange range = { VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, NULL, memory, offset, size };
    assert_int_equal(CALL(vkInvalidateMappedMemoryRanges)(fake_device(d), 1, &range), VK_SUCCESS);
}

static inline VkMemoryRequirements requirements(VkBuffer buffer) {
    VkMemoryRequirements out;
    CALL(vkGetBufferMemoryRequirements)(fake_device(d), buffer, &out);
    return out;
}

/* Field by field: the struct ends with padding. */
static inline void assert_same_requirements(const VkMemoryRequirements *one, const VkMemoryRequirements *other) {
    assert_int_equal(one->size, other->size);
    assert_int_equal(one->alignment, other->alignment);
    assert_int_equal(one->memoryTypeBits, other->memoryTypeBits);
}

static inline VkDeviceAddress base_of(VkDeviceMemory memory) {
    struct fake_memory_info info;
    assert_true(fake_memory_info(d, memory, &info));
    return info.base;
}

/* Create, allocate, bind, map; answers the first failure and leaves nothing behind. */
static inline VkResult whole_life(const VkAllocationCallbacks *callbacks) {
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

#endif
