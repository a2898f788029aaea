/*
 * The device as the library sees it: functions, features, limits, memory types, budget, host memory. Filled once at
 * creation and only read afterwards, the budget's atomics apart.
 */
#ifndef BDA_MEMORY_DEVICE_H
#define BDA_MEMORY_DEVICE_H

#include "core/host.h"
#include "memory/budget.h"
#include "memory/dispatch.h"

struct bda_limits {
    VkDeviceSize non_coherent_atom;
    VkDeviceSize uniform_alignment;
    VkDeviceSize storage_alignment;
    VkDeviceSize texel_alignment;
    VkDeviceSize acceleration_structure_alignment; /* 0 and below: the feature is not enabled */
    VkDeviceSize scratch_alignment;
    VkDeviceSize shader_binding_table_alignment;
    VkDeviceSize descriptor_buffer_alignment;
    VkDeviceSize base_alignment; /* a multiple of all of these */
    VkDeviceSize max_memory_size;
    VkDeviceSize max_buffer_size;
};

struct bda_device {
    VkDevice handle;
    VkPhysicalDevice physical;
    struct bda_dispatch vk;
    struct bda_features features;
    struct bda_limits limits;
    struct bda_budget budget;
    VkPhysicalDeviceMemoryProperties memory;
    uint32_t api_version;
    char missing[96];                /* the text for a function that the driver lacks, or a queue family */
    VkAllocationCallbacks callbacks; /* a copy of the caller's */
    const VkAllocationCallbacks *driver_callbacks; /* that copy, or NULL: what the driver is given */
    struct bda_host *host;
};

/* Fills everything but `host`, from checked arguments. FEATURE_NOT_PRESENT with `reason` when something is missing. */
VkResult bda_device_init(struct bda_device *device, const BdaAllocatorInfo *info, const char **reason);

/* Makes `host` hand out what `callbacks` allocate (NULL: malloc); the struct must outlive it. */
void bda_host_use_callbacks(struct bda_host *host, const VkAllocationCallbacks *callbacks);

/* Asks the driver for its budget, where it has one to tell. */
void bda_device_refresh_budget(struct bda_device *device);

/* Gives a Vulkan object its name in tools, where VK_EXT_debug_utils is; a name it cannot have is not an error. */
void bda_device_name_object(struct bda_device *device, VkObjectType type, uint64_t handle, const char *name);

static inline uint32_t bda_device_heap_of(const struct bda_device *device, uint32_t memory_type) {
    return device->memory.memoryTypes[memory_type].heapIndex;
}

static inline VkMemoryPropertyFlags bda_device_properties_of(const struct bda_device *device, uint32_t memory_type) {
    return device->memory.memoryTypes[memory_type].propertyFlags;
}

/* The memory types that have all of these properties. */
static inline uint32_t bda_device_types_with(const struct bda_device *device, VkMemoryPropertyFlags flags) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < device->memory.memoryTypeCount; i++)
        if ((device->memory.memoryTypes[i].propertyFlags & flags) == flags)
            bits |= 1u << i;
    return bits;
}

/* Mapped, but not coherent: ranges must own whole atoms. */
static inline bool bda_device_needs_atoms(const struct bda_device *device, uint32_t memory_type) {
    VkMemoryPropertyFlags flags = bda_device_properties_of(device, memory_type);
    return (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0 && (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) == 0;
}

#endif
