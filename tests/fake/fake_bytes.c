/*
 * The bytes behind VkDeviceMemory: mapping, flushing, and what the device sees.
 *
 * Non-coherent memory has two copies. Flushing moves bytes from the host's copy to the device's and invalidating the
 * other way, so that a missing call leaves stale bytes and a range too wide tramples on a neighbour's.
 */
#include "fake_internal.h"

/* What fresh memory holds: rubbish that zeroing must be seen to remove. */
#define FRESH 0xA5

/* ---- Copies ------------------------------------------------------------------------------------------------------ */

/* calloc, so that untouched pages of a large block cost nothing; only the first bytes are made dirty. Pointers are
 * aligned to minMemoryMapAlignment and to no more: odd multiples of it. */
static unsigned char *make_copy(const struct fake_driver *driver, VkDeviceSize size, void **raw) {
    size_t alignment = driver->config.limits.minMemoryMapAlignment;
    if (size > SIZE_MAX - 4 * alignment) {
        return NULL;
    }
    *raw = calloc(1, (size_t)size + 3 * alignment);
    if (*raw == NULL) {
        return NULL;
    }
    uintptr_t odd = (uintptr_t)fake_round_up((uintptr_t)*raw, 2 * alignment) + alignment;
    unsigned char *bytes = (unsigned char *)*raw + (odd - (uintptr_t)*raw);
    memset(bytes, FRESH, (size_t)(size < driver->config.dirty_bytes ? size : driver->config.dirty_bytes));
    return bytes;
}

bool fake_bytes_make(struct fake_driver *driver, struct fake_memory *memory) {
    const VkMemoryPropertyFlags mirrored = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    bool two = (memory->properties & mirrored) == VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    if (memory->device != NULL) {
        return true;
    }
    unsigned char *device = make_copy(driver, memory->size, &memory->device_raw);
    unsigned char *host = two && device != NULL ? make_copy(driver, memory->size, &memory->host_raw) : device;
    if (host == NULL) {
        fake_bytes_drop(memory);
        return false;
    }
    memory->device = device;
    memory->host = host;
    return true;
}

void fake_bytes_drop(struct fake_memory *memory) {
    free(memory->host_raw);
    free(memory->device_raw);
    memory->host_raw = NULL;
    memory->device_raw = NULL;
    memory->host = NULL;
    memory->device = NULL;
}

/* ---- Mapping ----------------------------------------------------------------------------------------------------- */

static bool check_map(struct fake_driver *driver, const struct fake_memory *memory, VkDeviceSize offset,
                      VkDeviceSize size, VkMemoryMapFlags flags) {
    unsigned before = driver->violation_count;
    if (flags != 0) {
        fake_violate(driver, "VUID-vkMapMemory-flags-zerobitmask", "flags 0x%x", flags);
    }
    if (memory->mapped) {
        fake_violate(driver, "VUID-vkMapMemory-memory-00678", "mapped already");
    }
    if ((memory->properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) == 0) {
        fake_violate(driver, "VUID-vkMapMemory-memory-00682", "type %u is not host-visible", memory->type);
    }
    if (offset >= memory->size) {
        fake_violate(driver, "VUID-vkMapMemory-offset-00679", "offset %" PRIu64 " in memory of %" PRIu64, offset,
                     memory->size);
    } else if (size != VK_WHOLE_SIZE && size > memory->size - offset) {
        fake_violate(driver, "VUID-vkMapMemory-size-00681", "%" PRIu64 " + %" PRIu64 " in memory of %" PRIu64, offset,
                     size, memory->size);
    }
    if (size == 0) {
        fake_violate(driver, "VUID-vkMapMemory-size-00680", "size is 0");
    }
    return driver->violation_count == before;
}

static VkResult map(struct fake_driver *driver, struct fake_memory *memory, VkDeviceSize offset, VkDeviceSize size,
                    void **out) {
    if (!fake_bytes_make(driver, memory)) {
        return VK_ERROR_MEMORY_MAP_FAILED;
    }
    memory->mapped = true;
    memory->map_offset = offset;
    memory->map_size = size == VK_WHOLE_SIZE ? memory->size - offset : size;
    *out = memory->host + offset;
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL fake_map_memory(VkDevice device, VkDeviceMemory handle, VkDeviceSize offset,
                                               VkDeviceSize size, VkMemoryMapFlags flags, void **out) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_MAP_MEMORY, "vkMapMemory");
    VkResult result = fake_injected(driver, FAKE_CALL_MAP_MEMORY);
    *out = NULL;
    if (result == VK_SUCCESS) {
        struct fake_memory *memory = fake_memory_get(driver, handle, "VUID-vkMapMemory-memory-parameter");
        result = memory != NULL && check_map(driver, memory, offset, size, flags)
                     ? map(driver, memory, offset, size, out)
                     : VK_ERROR_MEMORY_MAP_FAILED;
    }
    fake_leave(driver);
    return result;
}

VKAPI_ATTR void VKAPI_CALL fake_unmap_memory(VkDevice device, VkDeviceMemory handle) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_UNMAP_MEMORY, "vkUnmapMemory");
    struct fake_memory *memory = fake_memory_get(driver, handle, "VUID-vkUnmapMemory-memory-parameter");
    if (memory != NULL && !memory->mapped) {
        fake_violate(driver, "VUID-vkUnmapMemory-memory-00689", "not mapped");
    } else if (memory != NULL) {
        memory->mapped = false;
    }
    fake_leave(driver);
}

/* ---- Flushing and invalidating ----------------------------------------------------------------------------------- */

static void check_end(struct fake_driver *driver, const struct fake_memory *memory, const VkMappedMemoryRange *range) {
    VkDeviceSize atom = driver->config.limits.nonCoherentAtomSize;
    VkDeviceSize end = memory->map_offset + memory->map_size;
    if (range->size == VK_WHOLE_SIZE) {
        if (range->offset < memory->map_offset || range->offset >= end) {
            fake_violate(driver, "VUID-VkMappedMemoryRange-size-00686", "offset %" PRIu64 " is not mapped",
                         range->offset);
        }
        if (end % atom != 0 && end != memory->size) {
            fake_violate(driver, "VUID-VkMappedMemoryRange-size-01389",
                         "the mapping ends at %" PRIu64 ", within an atom of %" PRIu64, end, atom);
        }
        return;
    }
    if (range->offset < memory->map_offset || range->offset > end || range->size > end - range->offset) {
        fake_violate(driver, "VUID-VkMappedMemoryRange-size-00685",
                     "%" PRIu64 " + %" PRIu64 " is not within the mapping %" PRIu64 " + %" PRIu64, range->offset,
                     range->size, memory->map_offset, memory->map_size);
    } else if (range->size % atom != 0 && range->offset + range->size != memory->size) {
        fake_violate(driver, "VUID-VkMappedMemoryRange-size-01390",
                     "%" PRIu64 " + %" PRIu64 " ends within an atom of %" PRIu64, range->offset, range->size, atom);
    }
}

/* NULL: the range breaks a rule. */
static struct fake_memory *checked_range(struct fake_driver *driver, const VkMappedMemoryRange *range) {
    unsigned before = driver->violation_count;
    fake_check_type(driver, range->sType, VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, "VkMappedMemoryRange");
    fake_check_chain(driver, range->pNext, NULL, 0, "VkMappedMemoryRange");
    struct fake_memory *memory = fake_memory_get(driver, range->memory, "VUID-VkMappedMemoryRange-memory-parameter");
    if (memory == NULL) {
        return NULL;
    }
    if (!memory->mapped) {
        fake_violate(driver, "VUID-VkMappedMemoryRange-memory-00684", "not mapped");
        return NULL;
    }
    if (range->offset % driver->config.limits.nonCoherentAtomSize != 0) {
        fake_violate(driver, "VUID-VkMappedMemoryRange-offset-00687", "offset %" PRIu64 " is no multiple of %" PRIu64,
                     range->offset, driver->config.limits.nonCoherentAtomSize);
    }
    check_end(driver, memory, range);
    return driver->violation_count == before ? memory : NULL;
}

static void copy_range(const struct fake_memory *memory, const VkMappedMemoryRange *range, bool to_device) {
    VkDeviceSize end = memory->map_offset + memory->map_size;
    size_t size = (size_t)(range->size == VK_WHOLE_SIZE ? end - range->offset : range->size);
    unsigned char *device = memory->device + range->offset;
    unsigned char *host = memory->host + range->offset;
    if (device != host) {
        memcpy(to_device ? device : host, to_device ? host : device, size);
    }
}

static VkResult move_ranges(struct fake_driver *driver, uint32_t count, const VkMappedMemoryRange *ranges,
                            enum fake_call call) {
    VkResult result = fake_injected(driver, call);
    if (result != VK_SUCCESS) {
        return result;
    }
    if (count == 0) {
        const char *rule = call == FAKE_CALL_FLUSH ? "VUID-vkFlushMappedMemoryRanges-memoryRangeCount-arraylength"
                                                   : "VUID-vkInvalidateMappedMemoryRanges-memoryRangeCount-arraylength";
        fake_violate(driver, rule, "no range is given");
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct fake_memory *memory = checked_range(driver, &ranges[i]);
        if (memory != NULL) {
            copy_range(memory, &ranges[i], call == FAKE_CALL_FLUSH);
        }
    }
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL fake_flush(VkDevice device, uint32_t count, const VkMappedMemoryRange *ranges) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_FLUSH, "vkFlushMappedMemoryRanges");
    VkResult result = move_ranges(driver, count, ranges, FAKE_CALL_FLUSH);
    fake_leave(driver);
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL fake_invalidate(VkDevice device, uint32_t count, const VkMappedMemoryRange *ranges) {
    struct fake_driver *driver =
        fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_INVALIDATE, "vkInvalidateMappedMemoryRanges");
    VkResult result = move_ranges(driver, count, ranges, FAKE_CALL_INVALIDATE);
    fake_leave(driver);
    return result;
}

/* ---- The device's view ------------------------------------------------------------------------------------------- */

/* With skewed addresses a small buffer's own address comes before that of the memory around it. */
static struct fake_memory *skewed_memory(const struct fake_driver *driver, VkDeviceAddress address,
                                         VkDeviceSize *offset) {
    for (size_t i = 0; i < driver->memory_count; i++) {
        struct fake_memory *memory = driver->memories[i];
        for (size_t j = 0; j < memory->bound_count; j++) {
            const struct fake_buffer *buffer = memory->bound[j];
            VkDeviceSize inside = address - fake_buffer_address(driver, buffer);
            if (!fake_buffer_is_alias(buffer) && inside < buffer->size) {
                *offset = buffer->offset + inside;
                return memory;
            }
        }
    }
    return NULL;
}

/* The device copy of `size` bytes at `address`, NULL and a violation where there is none. */
static unsigned char *device_bytes(struct fake_driver *driver, VkDeviceAddress address, size_t size) {
    VkDeviceSize offset = 0;
    struct fake_memory *memory =
        driver->config.buffer_address_skew != 0 ? skewed_memory(driver, address, &offset) : NULL;
    if (memory == NULL) {
        memory = fake_memory_at(driver, address);
        offset = memory != NULL ? address - memory->base : 0;
    }
    if (memory == NULL || size > memory->size - offset) {
        fake_violate(driver, "FAKE-device-address", "%zu bytes at 0x%" PRIx64 " lie in no live memory", size, address);
        return NULL;
    }
    return fake_bytes_make(driver, memory) ? memory->device + offset : NULL;
}

bool fake_device_write(struct fake_driver *driver, VkDeviceAddress address, const void *data, size_t size) {
    fake_take(driver);
    unsigned char *bytes = device_bytes(driver, address, size);
    if (bytes != NULL) {
        memcpy(bytes, data, size);
    }
    fake_leave(driver);
    return bytes != NULL;
}

bool fake_device_read(struct fake_driver *driver, VkDeviceAddress address, void *data, size_t size) {
    fake_take(driver);
    const unsigned char *bytes = device_bytes(driver, address, size);
    if (bytes != NULL) {
        memcpy(data, bytes, size);
    }
    fake_leave(driver);
    return bytes != NULL;
}
