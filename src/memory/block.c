/* Opening and closing blocks, see block.h. */
#include "memory/block.h"

/* Of a buffer that is small enough for any driver to share memory. */
#define PROBE_SIZE 256

VkBufferCreateInfo bda_block_buffer_info(const struct bda_device *device, VkBufferUsageFlags usage, VkDeviceSize size,
                                         bool capture_replay) {
    bool concurrent = device->features.queue_family_count > 1;
    return (VkBufferCreateInfo){
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .flags = capture_replay ? VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT : 0,
        .size = size,
        .usage = usage | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT,
        .sharingMode = concurrent ? VK_SHARING_MODE_CONCURRENT : VK_SHARING_MODE_EXCLUSIVE,
        .queueFamilyIndexCount = concurrent ? device->features.queue_family_count : 0,
        .pQueueFamilyIndices = concurrent ? device->features.queue_families : NULL,
    };
}

void bda_block_requirements(struct bda_device *device, VkBuffer buffer, struct bda_requirements *requirements) {
    VkMemoryDedicatedRequirements dedicated = { .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS };
    VkMemoryRequirements2 answer = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, .pNext = &dedicated };
    const VkBufferMemoryRequirementsInfo2 question = { .sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2,
                                                       .buffer = buffer };
    device->vk.get_buffer_requirements(device->handle, &question, &answer);
    *requirements = (struct bda_requirements){
        .size = answer.memoryRequirements.size,
        .alignment = answer.memoryRequirements.alignment,
        .type_bits = answer.memoryRequirements.memoryTypeBits,
        .prefers_dedicated = dedicated.prefersDedicatedAllocation != VK_FALSE,
        .requires_dedicated = dedicated.requiresDedicatedAllocation != VK_FALSE,
    };
}

VkDeviceAddress bda_block_buffer_address(struct bda_device *device, VkBuffer buffer) {
    const VkBufferDeviceAddressInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, .buffer = buffer };
    return device->vk.get_buffer_address(device->handle, &info);
}

/* `buffer` is VK_NULL_HANDLE where it fails. */
static VkResult create_buffer(struct bda_device *device, const VkBufferCreateInfo *info, VkBuffer *buffer) {
    VkResult result = device->vk.create_buffer(device->handle, info, device->driver_callbacks, buffer);
    if (result != VK_SUCCESS)
        *buffer = VK_NULL_HANDLE;
    return result;
}

static void destroy_buffer(struct bda_device *device, struct bda_block *block) {
    device->vk.destroy_buffer(device->handle, block->buffer, device->driver_callbacks);
    block->buffer = VK_NULL_HANDLE;
}

/* Binds the block's buffer `offset` bytes into the backing; the block begins there. */
static VkResult bind(struct bda_device *device, struct bda_block *block, VkDeviceSize offset) {
    VkResult result = device->vk.bind_buffer_memory(device->handle, block->buffer, block->backing.memory, offset);
    if (result != VK_SUCCESS)
        return result;
    block->memory_offset = offset;
    block->mapped = block->backing.mapped != NULL ? block->backing.mapped + offset : NULL;
    block->region.base = bda_block_buffer_address(device, block->buffer);
    return VK_SUCCESS;
}

/* Makes the buffer again, from `info`, and binds it `lead` bytes up, where its address is a multiple of `alignment`. */
static VkResult move_up(struct bda_device *device, const VkBufferCreateInfo *info, VkDeviceSize lead,
                        VkDeviceSize alignment, struct bda_block *block, const char **reason) {
    destroy_buffer(device, block);
    VkResult result = create_buffer(device, info, &block->buffer);
    if (result != VK_SUCCESS)
        return result;
    struct bda_requirements requirements;
    bda_block_requirements(device, block->buffer, &requirements);
    bool fits = lead % requirements.alignment == 0 && lead <= block->backing.size &&
                requirements.size <= block->backing.size - lead;
    result = fits ? bind(device, block, lead) : VK_ERROR_FEATURE_NOT_PRESENT;
    if (result == VK_SUCCESS && block->region.base % alignment != 0)
        result = VK_ERROR_FEATURE_NOT_PRESENT;
    if (result == VK_ERROR_FEATURE_NOT_PRESENT)
        *reason = "the driver places memory so that the alignment cannot be had";
    return result;
}

/* Whether a buffer can be bound where the block begins, in the memory that it has. */
static bool fits_block(struct bda_device *device, const struct bda_block *block, VkBuffer buffer) {
    struct bda_requirements r;
    bda_block_requirements(device, buffer, &r);
    return (r.type_bits >> block->backing.type & 1u) != 0 && !r.requires_dedicated &&
           block->memory_offset % r.alignment == 0 && r.size <= block->backing.size - block->memory_offset;
}

void bda_block_reach(struct bda_device *device, struct bda_block *block) {
    const VkBufferUsageFlags transfers = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    VkBufferCreateInfo info = bda_block_buffer_info(device, transfers, block->reach_size, false);
    info.usage = transfers;
    if (create_buffer(device, &info, &block->reach) != VK_SUCCESS)
        return;
    if (fits_block(device, block, block->reach) &&
        device->vk.bind_buffer_memory(device->handle, block->reach, block->backing.memory, block->memory_offset) ==
            VK_SUCCESS)
        return;
    device->vk.destroy_buffer(device->handle, block->reach, device->driver_callbacks);
    block->reach = VK_NULL_HANDLE;
}

void bda_block_close(struct bda_device *device, struct bda_block *block) {
    if (block->reach != VK_NULL_HANDLE && block->reach != block->buffer)
        device->vk.destroy_buffer(device->handle, block->reach, device->driver_callbacks);
    block->reach = VK_NULL_HANDLE;
    if (block->buffer != VK_NULL_HANDLE)
        destroy_buffer(device, block);
    if (block->backing.memory != VK_NULL_HANDLE)
        bda_backing_destroy(device, &block->backing);
    block->mapped = NULL;
}

/* Memory of exactly the buffer's size, dedicated to it, or with some bytes behind; its address is what it is. */
static VkResult open_exact(struct bda_device *device, const struct bda_backing_info *info,
                           const struct bda_requirements *requirements, VkDeviceSize behind, struct bda_block *block,
                           const char **reason) {
    struct bda_backing_info exact = *info;
    exact.size = requirements->size + behind;
    exact.dedicated_to = behind == 0 ? block->buffer : VK_NULL_HANDLE;
    VkResult result = bda_backing_create(device, &exact, &block->backing, reason);
    return result == VK_SUCCESS ? bind(device, block, 0) : result;
}

/* More memory than the buffer needs, so that an aligned place is in it. */
static VkResult open_larger(struct bda_device *device, const struct bda_backing_info *info,
                            const VkBufferCreateInfo *buffer_info, const struct bda_requirements *requirements,
                            VkDeviceSize alignment, VkDeviceSize behind, struct bda_block *block, const char **reason) {
    struct bda_backing_info larger = *info;
    larger.size = requirements->size + alignment + behind;
    larger.dedicated_to = VK_NULL_HANDLE;
    VkResult result = create_buffer(device, buffer_info, &block->buffer);
    if (result != VK_SUCCESS)
        return result;
    result = bda_backing_create(device, &larger, &block->backing, reason);
    if (result == VK_SUCCESS)
        result = bind(device, block, 0);
    VkDeviceSize lead = (0 - block->region.base) & (alignment - 1);
    if (result != VK_SUCCESS || lead == 0)
        return result;
    return move_up(device, buffer_info, lead, alignment, block, reason);
}

/* Memory for the spanning buffer, which is there already; binds it where the base is aligned. The buffer is shortened
 * for that, or, where the driver rounds sizes up so far that this gains nothing, the memory is enlarged. */
static VkResult span(struct bda_device *device, const struct bda_backing_info *info, VkBufferCreateInfo *buffer_info,
                     struct bda_block *block, const char **reason) {
    struct bda_requirements requirements;
    bda_block_requirements(device, block->buffer, &requirements);
    if ((requirements.type_bits >> info->type & 1u) == 0) {
        *reason = "the memory type cannot carry the usage";
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    struct bda_backing_info exact = *info;
    exact.size = requirements.size;
    exact.dedicated_to = requirements.requires_dedicated ? block->buffer : VK_NULL_HANDLE;
    VkResult result = bda_backing_create(device, &exact, &block->backing, reason);
    if (result == VK_SUCCESS)
        result = bind(device, block, 0);
    VkDeviceSize alignment = bda_max(device->limits.base_alignment, requirements.alignment);
    VkDeviceSize lead = (0 - block->region.base) & (alignment - 1);
    if (result != VK_SUCCESS || lead == 0)
        return result;
    if (requirements.requires_dedicated) {
        *reason = "the driver requires dedicated memory for the block and places it at another alignment";
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    VkBufferCreateInfo shorter = *buffer_info;
    shorter.size = shorter.size > alignment ? bda_align_down(shorter.size - lead, alignment) : 0;
    if (shorter.size != 0) {
        result = move_up(device, &shorter, lead, alignment, block, reason);
        buffer_info->size = result == VK_SUCCESS ? shorter.size : buffer_info->size;
        if (result != VK_ERROR_FEATURE_NOT_PRESENT)
            return result;
    }
    bda_block_close(device, block);
    *reason = NULL;
    return open_larger(device, info, buffer_info, &requirements, alignment, 0, block, reason);
}

/* The buffer over the block's memory may be one that the driver wants dedicated; a small one tells the address as well.
 */
static VkResult shrink_probe(struct bda_device *device, VkBufferCreateInfo *buffer_info, struct bda_block *block,
                             struct bda_requirements *requirements) {
    destroy_buffer(device, block);
    buffer_info->size = PROBE_SIZE;
    VkResult result = create_buffer(device, buffer_info, &block->buffer);
    if (result != VK_SUCCESS)
        return result;
    bda_block_requirements(device, block->buffer, requirements);
    return VK_SUCCESS;
}

/* Memory for own buffers, and the address it begins at, which the buffer tells that is there; then it goes. The region
 * begins where addresses are aligned. */
static VkResult learn_base(struct bda_device *device, const struct bda_backing_info *info,
                           VkBufferCreateInfo *buffer_info, struct bda_block *block, const char **reason) {
    struct bda_requirements requirements;
    bda_block_requirements(device, block->buffer, &requirements);
    VkResult result = VK_SUCCESS;
    if (requirements.requires_dedicated)
        result = shrink_probe(device, buffer_info, block, &requirements);
    if (result != VK_SUCCESS)
        return result;
    if ((requirements.type_bits >> info->type & 1u) == 0 || requirements.requires_dedicated) {
        *reason = "the memory type cannot carry buffers, or only dedicated to them";
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    struct bda_backing_info enough = *info;
    enough.size = bda_max(info->size, requirements.size);
    result = bda_backing_create(device, &enough, &block->backing, reason);
    if (result == VK_SUCCESS)
        result = bind(device, block, 0);
    if (result != VK_SUCCESS)
        return result;
    destroy_buffer(device, block);
    VkDeviceSize alignment = bda_max(device->limits.base_alignment, requirements.alignment);
    VkDeviceSize lead = (0 - block->region.base) & (alignment - 1);
    block->region.base += lead;
    block->memory_offset = lead;
    block->mapped = block->mapped != NULL ? block->mapped + lead : NULL;
    buffer_info->size = info->size > lead ? info->size - lead : 0;
    return VK_SUCCESS;
}

VkResult bda_block_open(struct bda_device *device, const struct bda_backing_info *info, VkBufferUsageFlags usage,
                        bool keep_buffer, uint32_t granule_log2, struct bda_block *block, const char **reason) {
    VkBufferCreateInfo buffer_info = bda_block_buffer_info(device, usage, info->size, info->capture_replay);
    block->dedicated_size = 0;
    block->reach = VK_NULL_HANDLE;
    block->backing.memory = VK_NULL_HANDLE;
    VkResult result = create_buffer(device, &buffer_info, &block->buffer);
    if (result != VK_SUCCESS)
        return result;
    result = keep_buffer ? span(device, info, &buffer_info, block, reason)
                         : learn_base(device, info, &buffer_info, block, reason);
    if (result != VK_SUCCESS) {
        bda_block_close(device, block);
        return result;
    }
    block->region.size = (uint32_t)(buffer_info.size >> granule_log2);
    block->reach_size = (VkDeviceSize)block->region.size << granule_log2;
    if (block->region.size != 0)
        return VK_SUCCESS;
    bda_block_close(device, block);
    *reason = "the block is smaller than its base alignment";
    return VK_ERROR_FEATURE_NOT_PRESENT;
}

VkResult bda_block_open_dedicated(struct bda_device *device, const struct bda_backing_info *info,
                                  const VkBufferCreateInfo *buffer_info, VkBuffer buffer,
                                  const struct bda_requirements *requirements, VkDeviceSize alignment,
                                  VkDeviceSize behind, struct bda_block *block, const char **reason) {
    behind = requirements->requires_dedicated ? 0 : behind;
    block->buffer = buffer;
    block->reach = VK_NULL_HANDLE;
    block->backing.memory = VK_NULL_HANDLE;
    block->dedicated_size = buffer_info->size;
    block->region.size = 0;
    VkResult result = open_exact(device, info, requirements, behind, block, reason);
    if (result == VK_SUCCESS && block->region.base % alignment != 0) {
        bda_block_close(device, block);
        if (requirements->requires_dedicated) {
            *reason = "the driver requires dedicated memory for the buffer and places it at another alignment";
            result = VK_ERROR_FEATURE_NOT_PRESENT;
        } else {
            result = open_larger(device, info, buffer_info, requirements, alignment, behind, block, reason);
        }
    }
    block->reach_size = behind == 0 ? buffer_info->size : block->backing.size - block->memory_offset;
    if (result != VK_SUCCESS)
        bda_block_close(device, block);
    return result;
}
