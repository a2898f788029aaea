/*
 * Where buffers and memory meet: binding, and the addresses that follow from it.
 */
#include "fake_internal.h"

#define SPARSE_FLAGS                                                                                                   \
    ((VkBufferCreateFlags)(VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT |               \
                           VK_BUFFER_CREATE_SPARSE_ALIASED_BIT))

/* ---- The list of a memory's bound buffers ------------------------------------------------------------------------ */

/* The first bound buffer that lies behind `offset`. */
static size_t place_of(const struct fake_memory *memory, VkDeviceSize offset) {
    size_t low = 0;
    size_t high = memory->bound_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memory->bound[middle]->offset <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool reserve_bound(struct fake_memory *memory) {
    if (memory->bound_count < memory->bound_capacity) {
        return true;
    }
    size_t capacity = memory->bound_capacity == 0 ? 8 : memory->bound_capacity * 2;
    struct fake_buffer **bound = realloc(memory->bound, capacity * sizeof *bound);
    if (bound == NULL) {
        return false;
    }
    memory->bound = bound;
    memory->bound_capacity = capacity;
    return true;
}

static void bind(struct fake_memory *memory, struct fake_buffer *buffer, VkDeviceSize offset) {
    struct fake_buffer **at = memory->bound + place_of(memory, offset);
    memmove(at + 1, at, (size_t)(memory->bound + memory->bound_count - at) * sizeof *at);
    *at = buffer;
    memory->bound_count++;
    buffer->memory = memory;
    buffer->offset = offset;
    buffer->was_bound = true;
}

void fake_buffer_unbind(struct fake_buffer *buffer) {
    struct fake_memory *memory = buffer->memory;
    if (memory == NULL) {
        return;
    }
    size_t place = place_of(memory, buffer->offset) - 1;
    while (memory->bound[place] != buffer) {
        place--; /* overlapping buffers may begin at the same offset */
    }
    struct fake_buffer **at = &memory->bound[place];
    memmove(at, at + 1, (memory->bound_count - place - 1) * sizeof *at);
    memory->bound_count--;
    buffer->memory = NULL;
}

/* ---- The rules of binding ---------------------------------------------------------------------------------------- */

static void check_bind_memory(struct fake_driver *driver, const struct fake_buffer *buffer,
                              const struct fake_memory *memory) {
    bool addressed = (buffer->usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) != 0;
    bool replayed = (buffer->flags & VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT) != 0;
    if ((buffer->requirements.memoryTypeBits >> memory->type & 1u) == 0) {
        fake_violate(driver, "VUID-vkBindBufferMemory-memory-01035", "memory of type %u, the buffer wants one of 0x%x",
                     memory->type, buffer->requirements.memoryTypeBits);
    }
    if (addressed && (memory->flags & VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT) == 0) {
        fake_violate(driver, "VUID-vkBindBufferMemory-bufferDeviceAddress-03339",
                     "the memory lacks VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT");
    }
    if (replayed && (memory->flags & VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT) == 0) {
        fake_violate(driver, "VUID-vkBindBufferMemory-bufferDeviceAddressCaptureReplay-09200",
                     "the memory lacks VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT");
    }
    bool wants = (buffer->flags & VK_BUFFER_CREATE_PROTECTED_BIT) != 0;
    bool has = (memory->properties & VK_MEMORY_PROPERTY_PROTECTED_BIT) != 0;
    if (wants != has) {
        fake_violate(driver, wants ? "VUID-vkBindBufferMemory-None-01898" : "VUID-vkBindBufferMemory-None-01899",
                     "only one of buffer and memory is protected");
    }
    if ((buffer->external_types != 0 || memory->export_types != 0) &&
        (buffer->external_types & memory->export_types) == 0) {
        fake_violate(driver, "VUID-vkBindBufferMemory-memory-02726",
                     "handle types 0x%x of the buffer, 0x%x of the memory", buffer->external_types,
                     memory->export_types);
    }
}

static void check_bind_dedicated(struct fake_driver *driver, const struct fake_buffer *buffer,
                                 const struct fake_memory *memory, VkDeviceSize offset) {
    bool matches = memory->dedicated_to == buffer->object.handle;
    if (memory->dedicated_to != 0 && (!matches || offset != 0)) {
        fake_violate(driver, "VUID-vkBindBufferMemory-memory-01508", "%s of memory dedicated to 0x%" PRIx64,
                     matches ? "an offset other than 0" : "another buffer is bound to", memory->dedicated_to);
    }
    if (buffer->requires_dedicated && !matches) {
        fake_violate(driver, "VUID-vkBindBufferMemory-buffer-01444", "the buffer requires a dedicated allocation");
    }
}

/* False: so wrong that it cannot be bound. */
static bool check_bind_place(struct fake_driver *driver, const struct fake_buffer *buffer,
                             const struct fake_memory *memory, VkDeviceSize offset) {
    if (offset % buffer->requirements.alignment != 0) {
        fake_violate(driver, "VUID-vkBindBufferMemory-memoryOffset-01036",
                     "offset %" PRIu64 " is no multiple of %" PRIu64, offset, buffer->requirements.alignment);
    }
    if (offset >= memory->size) {
        fake_violate(driver, "VUID-vkBindBufferMemory-memoryOffset-01031", "offset %" PRIu64 " in memory of %" PRIu64,
                     offset, memory->size);
        return false;
    }
    if (buffer->requirements.size > memory->size - offset) {
        fake_violate(driver, "VUID-vkBindBufferMemory-size-01037",
                     "%" PRIu64 " bytes required at %" PRIu64 " in memory of %" PRIu64, buffer->requirements.size,
                     offset, memory->size);
        return buffer->size <= memory->size - offset;
    }
    return true;
}

/* Buffers for transfers alone may share bytes with others. */
static void check_neighbours(struct fake_driver *driver, const struct fake_buffer *buffer,
                             const struct fake_memory *memory, VkDeviceSize offset) {
    size_t behind = place_of(memory, offset), before = behind;
    const struct fake_buffer *other = NULL;
    while (before > 0 && fake_buffer_is_alias(memory->bound[before - 1])) {
        before--;
    }
    while (behind < memory->bound_count && fake_buffer_is_alias(memory->bound[behind])) {
        behind++;
    }
    if (before > 0 && memory->bound[before - 1]->offset + memory->bound[before - 1]->size > offset) {
        other = memory->bound[before - 1];
    } else if (behind < memory->bound_count && offset + buffer->size > memory->bound[behind]->offset) {
        other = memory->bound[behind];
    }
    if (other != NULL && !fake_buffer_is_alias(buffer) && !driver->config.allow_overlap) {
        fake_violate(driver, "FAKE-buffer-overlap",
                     "%" PRIu64 " bytes at %" PRIu64 " overlap VkBuffer 0x%" PRIx64 " of %" PRIu64 " at %" PRIu64,
                     buffer->size, offset, other->object.handle, other->size, other->offset);
    }
}

static VkResult bind_checked(struct fake_driver *driver, VkBuffer buffer_handle, VkDeviceMemory memory_handle,
                             VkDeviceSize offset) {
    struct fake_buffer *buffer = fake_buffer_get(driver, buffer_handle, "VUID-vkBindBufferMemory-buffer-parameter");
    struct fake_memory *memory = fake_memory_get(driver, memory_handle, "VUID-vkBindBufferMemory-memory-parameter");
    if (buffer == NULL || memory == NULL) {
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    if (buffer->was_bound) {
        fake_violate(driver, "VUID-vkBindBufferMemory-buffer-07459 (01029 before)", "bound already");
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    if ((buffer->flags & SPARSE_FLAGS) != 0) {
        fake_violate(driver, "VUID-vkBindBufferMemory-buffer-01030", "the buffer is sparse");
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    check_bind_memory(driver, buffer, memory);
    check_bind_dedicated(driver, buffer, memory, offset);
    if (!check_bind_place(driver, buffer, memory, offset)) {
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    check_neighbours(driver, buffer, memory, offset);
    if (!reserve_bound(memory)) {
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    bind(memory, buffer, offset);
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL fake_bind_buffer(VkDevice device, VkBuffer buffer, VkDeviceMemory memory,
                                                VkDeviceSize offset) {
    struct fake_driver *driver =
        fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_BIND_BUFFER_MEMORY, "vkBindBufferMemory");
    VkResult result = fake_injected(driver, FAKE_CALL_BIND_BUFFER_MEMORY);
    if (result == VK_SUCCESS) {
        result = bind_checked(driver, buffer, memory, offset);
    }
    fake_leave(driver);
    return result;
}

static VkResult bind_2(VkDevice device, uint32_t count, const VkBindBufferMemoryInfo *infos, const char *name) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_BIND_BUFFER_MEMORY, name);
    VkResult result = fake_injected(driver, FAKE_CALL_BIND_BUFFER_MEMORY);
    for (uint32_t i = 0; i < count && result == VK_SUCCESS; i++) {
        fake_check_type(driver, infos[i].sType, VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO, "VkBindBufferMemoryInfo");
        fake_check_chain(driver, infos[i].pNext, NULL, 0, "VkBindBufferMemoryInfo");
        result = bind_checked(driver, infos[i].buffer, infos[i].memory, infos[i].memoryOffset);
    }
    fake_leave(driver);
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL fake_bind_buffer_2(VkDevice device, uint32_t count,
                                                  const VkBindBufferMemoryInfo *infos) {
    return bind_2(device, count, infos, "vkBindBufferMemory2");
}

VKAPI_ATTR VkResult VKAPI_CALL fake_bind_buffer_2_khr(VkDevice device, uint32_t count,
                                                      const VkBindBufferMemoryInfo *infos) {
    return bind_2(device, count, infos, "vkBindBufferMemory2KHR");
}

bool fake_binding(struct fake_driver *driver, VkBuffer handle, VkDeviceMemory *memory, VkDeviceSize *offset) {
    fake_take(driver);
    const struct fake_buffer *buffer = fake_buffer_get(driver, handle, NULL);
    bool bound = buffer != NULL && buffer->memory != NULL;
    if (bound) {
        *memory = FAKE_TO_HANDLE(VkDeviceMemory, buffer->memory->object.handle);
        *offset = buffer->offset;
    }
    fake_leave(driver);
    return bound;
}

/* ---- Addresses --------------------------------------------------------------------------------------------------- */

VkDeviceAddress fake_buffer_address(const struct fake_driver *driver, const struct fake_buffer *buffer) {
    const struct fake_memory *memory = buffer->memory;
    bool small = buffer->size < memory->size / 2;
    return memory->base + buffer->offset + (small ? driver->config.buffer_address_skew : 0);
}

static VkDeviceAddress checked_address(struct fake_driver *driver, const VkBufferDeviceAddressInfo *info) {
    fake_check_type(driver, info->sType, VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, "VkBufferDeviceAddressInfo");
    fake_check_chain(driver, info->pNext, NULL, 0, "VkBufferDeviceAddressInfo");
    if (!fake_enabled(driver, FAKE_BUFFER_DEVICE_ADDRESS)) {
        fake_violate(driver, "VUID-vkGetBufferDeviceAddress-bufferDeviceAddress-03324",
                     "bufferDeviceAddress is not enabled");
    }
    const struct fake_buffer *buffer =
        fake_buffer_get(driver, info->buffer, "VUID-VkBufferDeviceAddressInfo-buffer-parameter");
    if (buffer == NULL) {
        return 0;
    }
    if ((buffer->usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) == 0) {
        fake_violate(driver, "VUID-VkBufferDeviceAddressInfo-buffer-02601", "usage lacks SHADER_DEVICE_ADDRESS");
    }
    if (buffer->memory == NULL) {
        fake_violate(driver, "VUID-VkBufferDeviceAddressInfo-buffer-02600", "the buffer is not bound");
        return 0;
    }
    return fake_buffer_address(driver, buffer);
}

static VkDeviceAddress get_address(VkDevice device, const VkBufferDeviceAddressInfo *info, const char *name) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_GET_BUFFER_DEVICE_ADDRESS, name);
    VkDeviceAddress address = checked_address(driver, info);
    fake_leave(driver);
    return address;
}

VKAPI_ATTR VkDeviceAddress VKAPI_CALL fake_get_buffer_address(VkDevice device, const VkBufferDeviceAddressInfo *info) {
    return get_address(device, info, "vkGetBufferDeviceAddress");
}

VKAPI_ATTR VkDeviceAddress VKAPI_CALL fake_get_buffer_address_khr(VkDevice device,
                                                                  const VkBufferDeviceAddressInfo *info) {
    return get_address(device, info, "vkGetBufferDeviceAddressKHR");
}
