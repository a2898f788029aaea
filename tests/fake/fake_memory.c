/*
 * VkDeviceMemory: the rules of allocating and freeing, heaps, and the addresses that blocks get.
 *
 * Addresses are given first fit from first_address on, with a gap between blocks, so that they are used again after a
 * free as real drivers do.
 */
#include "fake_internal.h"

/* Between two blocks; no driver seen packs them tighter. A wild address just past a block hits nothing. */
#define GAP UINT64_C(0x10000)

#define KNOWN_HANDLE_TYPES                                                                                             \
    ((VkExternalMemoryHandleTypeFlags)(VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT |                                  \
                                       VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT))

struct fake_memory *fake_memory_get(struct fake_driver *driver, VkDeviceMemory handle, const char *rule) {
    return (struct fake_memory *)fake_object_get(driver, FAKE_HANDLE(handle), FAKE_KIND_MEMORY, rule);
}

/* ---- The rules of vkAllocateMemory ------------------------------------------------------------------------------- */

static void check_memory_chain(struct fake_driver *driver, const VkMemoryAllocateInfo *info) {
    bool since_1_1 = driver->version >= VK_API_VERSION_1_1 || fake_enabled(driver, FAKE_EXTENSIONS_OF_1_1);
    const struct fake_link links[] = {
        { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, since_1_1 },
        { VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, since_1_1 },
        { VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO, since_1_1 },
        { VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT, fake_enabled(driver, FAKE_MEMORY_PRIORITY) },
        { VK_STRUCTURE_TYPE_MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO,
          fake_enabled(driver, FAKE_BUFFER_DEVICE_ADDRESS) },
    };
    fake_check_type(driver, info->sType, VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, "VkMemoryAllocateInfo");
    fake_check_chain(driver, info->pNext, links, sizeof links / sizeof *links, "VkMemoryAllocateInfo");
}

static void check_memory_flags(struct fake_driver *driver, const VkMemoryAllocateInfo *info) {
    const VkMemoryAllocateFlagsInfo *flags = fake_find(info->pNext, VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO);
    const VkMemoryOpaqueCaptureAddressAllocateInfo *capture =
        fake_find(info->pNext, VK_STRUCTURE_TYPE_MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO);
    VkMemoryAllocateFlags bits = flags != NULL ? flags->flags : 0u;
    if ((bits & ~7u) != 0) {
        fake_violate(driver, "VUID-VkMemoryAllocateFlagsInfo-flags-parameter", "flags 0x%x", bits);
    }
    if ((bits & VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT) != 0 && !fake_enabled(driver, FAKE_BUFFER_DEVICE_ADDRESS)) {
        fake_violate(driver, "VUID-VkMemoryAllocateInfo-flags-03331", "bufferDeviceAddress is not enabled");
    }
    if ((bits & VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT) != 0 &&
        !fake_enabled(driver, FAKE_CAPTURE_REPLAY)) {
        fake_violate(driver, "VUID-VkMemoryAllocateInfo-flags-03330",
                     "bufferDeviceAddressCaptureReplay is not enabled");
    }
    if (capture != NULL && capture->opaqueCaptureAddress != 0 &&
        (bits & VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT) == 0) {
        fake_violate(driver, "VUID-VkMemoryAllocateInfo-opaqueCaptureAddress-03329",
                     "an opaque capture address without the capture and replay bit");
    }
    if ((bits & VK_MEMORY_ALLOCATE_DEVICE_MASK_BIT) != 0 && flags->deviceMask == 0) {
        fake_violate(driver, "VUID-VkMemoryAllocateFlagsInfo-deviceMask-00676", "deviceMask is 0");
    } else if ((bits & VK_MEMORY_ALLOCATE_DEVICE_MASK_BIT) != 0 && flags->deviceMask != 1) {
        fake_violate(driver, "VUID-VkMemoryAllocateFlagsInfo-deviceMask-00675", "deviceMask 0x%x of one device",
                     flags->deviceMask);
    }
}

static void check_priority_and_export(struct fake_driver *driver, const VkMemoryAllocateInfo *info) {
    const VkMemoryPriorityAllocateInfoEXT *priority =
        fake_find(info->pNext, VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT);
    const VkExportMemoryAllocateInfo *export = fake_find(info->pNext, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
    if (priority != NULL && !(priority->priority >= 0.0f && priority->priority <= 1.0f)) {
        fake_violate(driver, "VUID-VkMemoryPriorityAllocateInfoEXT-priority-02602", "priority %f",
                     (double)priority->priority);
    }
    VkExternalMemoryHandleTypeFlags supported = fake_enabled(driver, FAKE_EXTERNAL_MEMORY_FD) ? KNOWN_HANDLE_TYPES : 0u;
    if (export != NULL && (export->handleTypes & ~supported) != 0) {
        fake_violate(driver, "VUID-VkExportMemoryAllocateInfo-handleTypes-00656",
                     "handle types 0x%x, of which 0x%x are supported", export->handleTypes, supported);
    }
}

static bool check_dedicated(struct fake_driver *driver, const VkMemoryAllocateInfo *info) {
    const VkMemoryDedicatedAllocateInfo *dedicated =
        fake_find(info->pNext, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
    if (dedicated == NULL || (dedicated->buffer == VK_NULL_HANDLE && dedicated->image == VK_NULL_HANDLE)) {
        return true;
    }
    if (dedicated->image != VK_NULL_HANDLE) {
        fake_violate(driver, "VUID-VkMemoryDedicatedAllocateInfo-image-parameter", "the fake knows no images");
        return false;
    }
    struct fake_buffer *buffer =
        fake_buffer_get(driver, dedicated->buffer, "VUID-VkMemoryDedicatedAllocateInfo-buffer-parameter");
    if (buffer == NULL) {
        return false;
    }
    if (buffer->requirements.size != info->allocationSize) {
        fake_violate(driver, "VUID-VkMemoryDedicatedAllocateInfo-buffer-02965 (01435 before)",
                     "allocationSize %" PRIu64 " is not the %" PRIu64 " that the buffer requires", info->allocationSize,
                     buffer->requirements.size);
    }
    if ((buffer->flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT) != 0) {
        fake_violate(driver, "VUID-VkMemoryDedicatedAllocateInfo-buffer-01436", "dedicated to a sparse buffer");
    }
    return true;
}

/* VK_SUCCESS, or the answer to a request so wrong that it cannot be carried out. */
static VkResult check_size_and_type(struct fake_driver *driver, const VkMemoryAllocateInfo *info) {
    const VkPhysicalDeviceMemoryProperties *memory = &driver->config.memory;
    if (info->allocationSize == 0) {
        fake_violate(driver, "VUID-VkMemoryAllocateInfo-allocationSize-00638", "allocationSize is 0");
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    if (info->memoryTypeIndex >= memory->memoryTypeCount) {
        fake_violate(driver, "VUID-vkAllocateMemory-pAllocateInfo-01714", "memoryTypeIndex %u of %u types",
                     info->memoryTypeIndex, memory->memoryTypeCount);
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    VkMemoryType type = memory->memoryTypes[info->memoryTypeIndex];
    if ((type.propertyFlags & VK_MEMORY_PROPERTY_PROTECTED_BIT) != 0 && !fake_enabled(driver, FAKE_PROTECTED_MEMORY)) {
        fake_violate(driver, "VUID-VkMemoryAllocateInfo-memoryTypeIndex-01872", "protectedMemory is not enabled");
    }
    if ((type.propertyFlags & VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD) != 0) {
        fake_violate(driver, "VUID-vkAllocateMemory-deviceCoherentMemory-02790", "deviceCoherentMemory is not enabled");
    }
    if (info->allocationSize > memory->memoryHeaps[type.heapIndex].size) {
        fake_violate(driver, "VUID-vkAllocateMemory-pAllocateInfo-01713", "%" PRIu64 " bytes from a heap of %" PRIu64,
                     info->allocationSize, memory->memoryHeaps[type.heapIndex].size);
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    if (info->allocationSize > driver->config.max_memory_allocation_size) {
        fake_violate(driver, "FAKE-maxMemoryAllocationSize", "%" PRIu64 " bytes are over %" PRIu64,
                     info->allocationSize, driver->config.max_memory_allocation_size);
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    return VK_SUCCESS;
}

/* What a driver may refuse although the request is valid. */
static VkResult check_room(struct fake_driver *driver, const VkMemoryAllocateInfo *info) {
    const VkPhysicalDeviceMemoryProperties *memory = &driver->config.memory;
    uint32_t heap = memory->memoryTypes[info->memoryTypeIndex].heapIndex;
    if (driver->memory_count >= driver->config.limits.maxMemoryAllocationCount) {
        if (!driver->config.allow_unlimited_count) {
            fake_violate(driver, "VUID-vkAllocateMemory-maxMemoryAllocationCount-04101",
                         "%u allocations are live already", driver->config.limits.maxMemoryAllocationCount);
        }
        return VK_ERROR_TOO_MANY_OBJECTS;
    }
    VkDeviceSize taken = driver->heap_used[heap] + driver->config.foreign_use[heap];
    VkDeviceSize size = memory->memoryHeaps[heap].size;
    return taken <= size && info->allocationSize <= size - taken ? VK_SUCCESS : VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

static VkResult check_allocate(struct fake_driver *driver, const VkMemoryAllocateInfo *info) {
    check_memory_chain(driver, info);
    check_memory_flags(driver, info);
    check_priority_and_export(driver, info);
    VkResult result = check_size_and_type(driver, info);
    if (!check_dedicated(driver, info) && result == VK_SUCCESS) {
        result = VK_ERROR_VALIDATION_FAILED_EXT;
    }
    return result == VK_SUCCESS ? check_room(driver, info) : result;
}

/* ---- Addresses --------------------------------------------------------------------------------------------------- */

/* The first base at or above `from` that is as ill-aligned as the config asks. */
static VkDeviceAddress next_base(const struct fake_config *config, VkDeviceAddress from) {
    bool residue = config->base_residue != 0;
    VkDeviceSize stride = residue ? config->base_alignment : config->base_alignment * 2;
    VkDeviceSize rest = residue ? config->base_residue : config->base_alignment;
    return from <= rest ? rest : fake_round_up(from - rest, stride) + rest;
}

/* Where in the sorted list of memories a new one goes, and at which base. */
static size_t find_place(const struct fake_driver *driver, VkDeviceSize size, VkDeviceAddress *base) {
    VkDeviceSize room = size + driver->config.buffer_address_skew + GAP;
    *base = next_base(&driver->config, driver->config.first_address);
    size_t i = 0;
    while (i < driver->memory_count && driver->memories[i]->base - *base < room) {
        const struct fake_memory *memory = driver->memories[i++];
        *base = next_base(&driver->config, memory->base + memory->size + driver->config.buffer_address_skew + GAP);
    }
    return i;
}

static bool reserve_memories(struct fake_driver *driver) {
    if (driver->memory_count < driver->memory_capacity) {
        return true;
    }
    size_t capacity = driver->memory_capacity == 0 ? 64 : driver->memory_capacity * 2;
    struct fake_memory **memories = realloc(driver->memories, capacity * sizeof *memories);
    if (memories == NULL) {
        return false;
    }
    driver->memories = memories;
    driver->memory_capacity = capacity;
    return true;
}

static void list_memory(struct fake_driver *driver, struct fake_memory *memory) {
    size_t place = find_place(driver, memory->size, &memory->base);
    struct fake_memory **at = &driver->memories[place];
    memmove(at + 1, at, (driver->memory_count - place) * sizeof *at);
    *at = memory;
    driver->memory_count++;
    driver->heap_used[memory->heap] += memory->size;
}

/* The last memory whose base is not above `address`, as an index + 1. */
static size_t memory_below(const struct fake_driver *driver, VkDeviceAddress address) {
    size_t low = 0;
    size_t high = driver->memory_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (driver->memories[middle]->base <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct fake_memory *fake_memory_at(const struct fake_driver *driver, VkDeviceAddress address) {
    size_t place = memory_below(driver, address);
    if (place == 0) {
        return NULL;
    }
    struct fake_memory *memory = driver->memories[place - 1];
    return address - memory->base < memory->size ? memory : NULL;
}

static void unlist_memory(struct fake_driver *driver, const struct fake_memory *memory) {
    size_t place = memory_below(driver, memory->base) - 1;
    struct fake_memory **at = &driver->memories[place];
    memmove(at, at + 1, (driver->memory_count - place - 1) * sizeof *at);
    driver->memory_count--;
    driver->heap_used[memory->heap] -= memory->size;
}

/* ---- Allocating -------------------------------------------------------------------------------------------------- */

static void describe(const struct fake_driver *driver, struct fake_memory *memory, const VkMemoryAllocateInfo *info) {
    const VkMemoryAllocateFlagsInfo *flags = fake_find(info->pNext, VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO);
    const VkMemoryDedicatedAllocateInfo *dedicated =
        fake_find(info->pNext, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
    const VkMemoryPriorityAllocateInfoEXT *priority =
        fake_find(info->pNext, VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT);
    const VkExportMemoryAllocateInfo *export = fake_find(info->pNext, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
    VkMemoryType type = driver->config.memory.memoryTypes[info->memoryTypeIndex];
    memory->size = info->allocationSize;
    memory->type = info->memoryTypeIndex;
    memory->heap = type.heapIndex;
    memory->properties = type.propertyFlags;
    memory->flags = flags != NULL ? flags->flags : 0u;
    memory->priority = priority != NULL ? priority->priority : 0.5f;
    memory->export_types = export != NULL ? export->handleTypes : 0u;
    memory->dedicated_to = dedicated != NULL ? FAKE_HANDLE(dedicated->buffer) : 0u;
}

static VkResult make_memory(struct fake_driver *driver, const VkMemoryAllocateInfo *info,
                            const VkAllocationCallbacks *callbacks, VkDeviceMemory *out, struct fake_report *report) {
    VkResult result = check_allocate(driver, info);
    if (result != VK_SUCCESS) {
        return result;
    }
    struct fake_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL || !reserve_memories(driver) ||
        !fake_object_add(driver, &memory->object, FAKE_KIND_MEMORY, callbacks)) {
        free(memory);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    describe(driver, memory, info);
    list_memory(driver, memory);
    *report = fake_report_of(driver, memory, true);
    *out = FAKE_TO_HANDLE(VkDeviceMemory, memory->object.handle);
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL fake_allocate_memory(VkDevice device, const VkMemoryAllocateInfo *info,
                                                    const VkAllocationCallbacks *callbacks, VkDeviceMemory *out) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_ALLOCATE_MEMORY, "vkAllocateMemory");
    VkResult result = fake_injected(driver, FAKE_CALL_ALLOCATE_MEMORY);
    struct fake_report report = { .listener = { NULL, NULL } };
    *out = VK_NULL_HANDLE;
    if (result == VK_SUCCESS) {
        result = make_memory(driver, info, callbacks, out, &report);
    }
    fake_leave(driver);
    fake_report(&report);
    return result;
}

/* ---- Freeing ----------------------------------------------------------------------------------------------------- */

/* Using such a buffer afterwards is undefined; the library shall destroy buffers first. */
static void check_nothing_bound(struct fake_driver *driver, struct fake_memory *memory) {
    while (memory->bound_count > 0) {
        struct fake_buffer *buffer = memory->bound[memory->bound_count - 1];
        fake_violate(driver, "FAKE-vkFreeMemory-bound",
                     "VkBuffer 0x%" PRIx64 " (%s) is still bound to VkDeviceMemory 0x%" PRIx64, buffer->object.handle,
                     buffer->object.name != NULL ? buffer->object.name : "no name", memory->object.handle);
        fake_buffer_unbind(buffer);
    }
}

VKAPI_ATTR void VKAPI_CALL fake_free_memory(VkDevice device, VkDeviceMemory handle,
                                            const VkAllocationCallbacks *callbacks) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_FREE_MEMORY, "vkFreeMemory");
    struct fake_memory *memory =
        handle != VK_NULL_HANDLE ? fake_memory_get(driver, handle, "VUID-vkFreeMemory-memory-parameter") : NULL;
    struct fake_report report = { .listener = { NULL, NULL } };
    if (memory != NULL) {
        report = fake_report_of(driver, memory, false);
        check_nothing_bound(driver, memory);
        unlist_memory(driver, memory);
        fake_object_remove(driver, &memory->object, callbacks);
        fake_bytes_drop(memory);
        free(memory->bound);
        free(memory);
    }
    fake_leave(driver);
    fake_report(&report);
}

/* ---- Questions of tests ------------------------------------------------------------------------------------------ */

unsigned fake_memory_count(struct fake_driver *driver) {
    fake_take(driver);
    unsigned count = (unsigned)driver->memory_count;
    fake_leave(driver);
    return count;
}

bool fake_memory_info(struct fake_driver *driver, VkDeviceMemory handle, struct fake_memory_info *info) {
    fake_take(driver);
    const struct fake_memory *memory = fake_memory_get(driver, handle, NULL);
    if (memory != NULL) {
        *info = (struct fake_memory_info){ .size = memory->size,
                                           .base = memory->base,
                                           .type = memory->type,
                                           .priority = memory->priority,
                                           .mapped = memory->mapped,
                                           .dedicated = memory->dedicated_to != 0,
                                           .flags = memory->flags,
                                           .export_types = memory->export_types,
                                           .bound = (unsigned)memory->bound_count };
    }
    fake_leave(driver);
    return memory != NULL;
}
