/* Where a VkDeviceMemory is born and dies, see backing.h. */
#include "memory/backing.h"

#include "core/bits.h"

/* Everything that vkAllocateMemory may be told, linked as `info` asks. */
static VkResult allocate(struct bda_device *device, const struct bda_backing_info *info, VkDeviceMemory *memory) {
    VkMemoryAllocateFlagsInfo flags = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                        .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT };
    if (info->capture_replay)
        flags.flags |= VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT;
    const void *chain = &flags;
    const VkMemoryDedicatedAllocateInfo dedicated = { .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
                                                      .pNext = chain,
                                                      .buffer = info->dedicated_to };
    if (info->dedicated_to != VK_NULL_HANDLE)
        chain = &dedicated;
    const VkExportMemoryAllocateInfo exported = { .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
                                                  .pNext = chain,
                                                  .handleTypes = info->handle_types };
    if (info->handle_types != 0)
        chain = &exported;
    const VkMemoryPriorityAllocateInfoEXT priority = { .sType = VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT,
                                                       .pNext = chain,
                                                       .priority = info->priority };
    if (device->features.memory_priority)
        chain = &priority;
    const VkMemoryAllocateInfo allocate_info = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                                 .pNext = chain,
                                                 .allocationSize = info->size,
                                                 .memoryTypeIndex = info->type };
    return device->vk.allocate_memory(device->handle, &allocate_info, device->driver_callbacks, memory);
}

/* Room in the limit and in the budget; both or none. */
static VkResult reserve(struct bda_device *device, const struct bda_backing_info *info, uint32_t heap,
                        const char **reason) {
    if (info->size > device->limits.max_memory_size) {
        *reason = bda_memory_is_smaller;
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    if (!bda_limit_reserve(info->limit, info->size)) {
        *reason = info->size > info->limit->most ? bda_pool_limit_is_below_memory : bda_pool_limit_is_reached;
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    VkResult result = bda_budget_reserve(&device->budget, heap, info->size, info->within_budget, reason);
    if (result != VK_SUCCESS)
        bda_limit_release(info->limit, info->size);
    return result;
}

VkResult bda_backing_create(struct bda_device *device, const struct bda_backing_info *info, struct bda_backing *backing,
                            const char **reason) {
    uint32_t heap = bda_device_heap_of(device, info->type);
    *backing = (struct bda_backing){ .size = info->size, .type = info->type, .limit = info->limit };
    bda_device_refresh_budget(device);
    VkResult result = reserve(device, info, heap, reason);
    if (result != VK_SUCCESS)
        return result;
    result = allocate(device, info, &backing->memory);
    if (result != VK_SUCCESS) {
        backing->memory = VK_NULL_HANDLE;
        bda_budget_cancel(&device->budget, heap, info->size);
        bda_limit_release(info->limit, info->size);
        return result;
    }
    bda_budget_commit(&device->budget, heap, info->size);
    if ((bda_device_properties_of(device, info->type) & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) == 0)
        return VK_SUCCESS;
    void *mapped = NULL;
    result = device->vk.map_memory(device->handle, backing->memory, 0, VK_WHOLE_SIZE, 0, &mapped);
    backing->mapped = mapped;
    if (result != VK_SUCCESS)
        bda_backing_destroy(device, backing);
    return result;
}

void bda_backing_destroy(struct bda_device *device, struct bda_backing *backing) {
    /* In this order, so that an answer of the driver's in between makes others look larger, not smaller. */
    uint32_t heap = bda_device_heap_of(device, backing->type);
    bda_budget_uncommit(&device->budget, heap, backing->size);
    device->vk.free_memory(device->handle, backing->memory, device->driver_callbacks);
    bda_budget_cancel(&device->budget, heap, backing->size);
    bda_limit_release(backing->limit, backing->size);
    bda_budget_return(&device->budget, heap);
    backing->memory = VK_NULL_HANDLE;
    backing->mapped = NULL;
}

VkResult bda_backing_sync(struct bda_device *device, const struct bda_backing *backing, enum bda_sync sync,
                          VkDeviceSize offset, VkDeviceSize size) {
    if (!bda_device_needs_atoms(device, backing->type) || size == 0)
        return VK_SUCCESS;
    VkDeviceSize atom = device->limits.non_coherent_atom;
    VkDeviceSize first = bda_align_down(offset, atom);
    VkDeviceSize end = bda_align_up(offset + size, atom);
    const VkMappedMemoryRange range = { .sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
                                        .memory = backing->memory,
                                        .offset = first,
                                        .size = end < backing->size ? end - first : VK_WHOLE_SIZE };
    return sync == BDA_SYNC_FLUSH ? device->vk.flush_mapped_ranges(device->handle, 1, &range)
                                  : device->vk.invalidate_mapped_ranges(device->handle, 1, &range);
}
