/* See blocks.h. */
#include "alloc/blocks.h"

#include "core/landmarks.h"
#include "core/names.h"

#include <stdio.h>

/* ---- Records ---- */

/* One record more, and room for its block in the map. */
static uint32_t make_record(BdaAllocator allocator) {
    uint32_t index = 0;
    uint32_t count = atomic_load_explicit(&allocator->blocks.length, memory_order_relaxed) + 1;
    bool made = bda_block_map_reserve(&allocator->map, count) && bda_store_grow(&allocator->blocks, 1, &index) != 0;
    return made ? index : 0;
}

/* An unused record, 0 when host memory is refused. Takes the store lock, as giving it back does. */
static uint32_t take_spare(BdaAllocator allocator) {
    bda_mutex_lock(&allocator->store_lock);
    uint32_t index = allocator->spare_block;
    if (index != 0)
        allocator->spare_block = bda_block_at(allocator, index)->next;
    else
        index = make_record(allocator);
    bda_mutex_unlock(&allocator->store_lock);
    return index;
}

static void give_spare(BdaAllocator allocator, uint32_t index) {
    bda_mutex_lock(&allocator->store_lock);
    bda_block_at(allocator, index)->next = allocator->spare_block;
    allocator->spare_block = index;
    bda_mutex_unlock(&allocator->store_lock);
}

/* ---- Opening and closing ---- */

static struct bda_backing_info backing_info(const struct bda_pool *pool, VkDeviceSize size, BdaAllocFlags flags) {
    return (struct bda_backing_info){
        .size = size,
        .type = pool->key.memory_type,
        .priority = pool->key.priority,
        .handle_types = pool->key.handle_types,
        .capture_replay = pool->key.capture_replay,
        .within_budget = (flags & BDA_ALLOC_WITHIN_BUDGET_BIT) != 0,
        .limit = pool->user != NULL ? &pool->user->limit : NULL,
    };
}

static void tell(BdaAllocator allocator, enum bda_event_kind kind, const struct bda_pool *pool,
                 const struct bda_block *block) {
    if (allocator->event == NULL)
        return;
    const struct bda_event event = {
        .kind = kind,
        .address = block->region.base,
        .size = block->backing.size,
        .mapped = block->backing.mapped,
        .held = block->backing.size,
        .block = block,
        .pool = pool,
    };
    allocator->event(allocator, &event);
}

static void tell_opened(BdaAllocator allocator, const struct bda_pool *pool, uint32_t index, VkBufferUsageFlags usage) {
    if (allocator->hooks != NULL)
        allocator->hooks->opened(allocator, index, usage);
    tell(allocator, BDA_EVENT_BLOCK_OPENED, pool, bda_block_at(allocator, index));
}

/* Tools see blocks, not ranges: they get the pool's name, if it has one, and the block's number. */
static void name_block(BdaAllocator allocator, const struct bda_pool *pool, uint32_t index) {
    struct bda_device *device = &allocator->device;
    const struct bda_block *block = bda_block_at(allocator, index);
    const char *pool_name = pool->user != NULL && pool->user->name != NULL ? pool->user->name : "bda";
    char shown[65], name[96];
    bda_copy_text(shown, sizeof shown, pool_name);
    (void)snprintf(name, sizeof name, "%s block %u", shown, (unsigned)index);
    bda_device_name_object(device, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)block->backing.memory, name);
    if (block->buffer != VK_NULL_HANDLE)
        bda_device_name_object(device, VK_OBJECT_TYPE_BUFFER, (uint64_t)block->buffer, name);
}

/* A record for a new block, which remembers the call that opens it; nothing speaks against it yet. */
static uint32_t take_record(BdaAllocator allocator, struct bda_request *request) {
    uint32_t index = take_spare(allocator);
    request->reason = NULL;
    if (request->call == 0)
        request->call = atomic_fetch_add_explicit(&allocator->last_call, 1, memory_order_relaxed) + 1;
    if (index != 0) {
        bda_block_at(allocator, index)->call = request->call;
        bda_block_at(allocator, index)->plain = false;
        bda_block_at(allocator, index)->own = false;
        bda_block_at(allocator, index)->stock = BDA_STOCKS;
        bda_block_at(allocator, index)->idle = 0;
        bda_block_at(allocator, index)->patterned = false;
    }
    return index;
}

VkResult bda_blocks_open(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize size, struct bda_request *request,
                         uint32_t *index) {
    *index = take_record(allocator, request);
    if (*index == 0)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    struct bda_block *block = bda_block_at(allocator, *index);
    const struct bda_backing_info info = backing_info(pool, size, request->flags);
    VkResult result = bda_block_open(&allocator->device, &info, pool->usage, !pool->key.own_buffers, BDA_GRANULE_LOG2,
                                     block, &request->reason);
    if (result != VK_SUCCESS) {
        give_spare(allocator, *index);
        return result;
    }
    name_block(allocator, pool, *index);
    tell_opened(allocator, pool, *index, pool->usage);
    return VK_SUCCESS;
}

/* The red zone behind an own buffer: more memory, since a larger buffer would be another one to its owner's shaders and
 * commands. Others' hands reach beyond an exported one, and replays want the same memory again. */
static VkDeviceSize zone_behind(BdaAllocator allocator, const struct bda_request *request,
                                const struct bda_requirements *requirements) {
    VkDeviceSize most = allocator->device.limits.max_memory_size;
    bool bare = request->buffer_info == NULL || request->handle_types != 0 || request->capture_replay;
    bool fits = requirements->size <= most && most - requirements->size >= allocator->red_zone;
    return bare || !fits ? 0 : allocator->red_zone;
}

VkResult bda_blocks_open_dedicated(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                                   const VkBufferCreateInfo *buffer_info, VkBuffer buffer,
                                   const struct bda_requirements *requirements, uint32_t *index) {
    struct bda_device *device = &allocator->device;
    *index = take_record(allocator, request);
    if (*index == 0) {
        device->vk.destroy_buffer(device->handle, buffer, device->driver_callbacks);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    struct bda_block *block = bda_block_at(allocator, *index);
    const struct bda_backing_info info = backing_info(pool, requirements->size, request->flags);
    VkResult result = bda_block_open_dedicated(device, &info, buffer_info, buffer, requirements, request->alignment,
                                               zone_behind(allocator, request, requirements), block, &request->reason);
    if (result != VK_SUCCESS) {
        give_spare(allocator, *index);
        return result;
    }
    name_block(allocator, pool, *index);
    tell_opened(allocator, pool, *index, buffer_info->pNext == NULL ? buffer_info->usage : 0);
    return VK_SUCCESS;
}

void bda_blocks_close(BdaAllocator allocator, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    tell(allocator, BDA_EVENT_BLOCK_CLOSED, NULL, block);
    bda_block_close(&allocator->device, block);
    bda_landmarks_forget(&block->landmarks, &allocator->charts);
    give_spare(allocator, index);
}

void bda_blocks_finish(BdaAllocator allocator) {
    uint32_t length = atomic_load_explicit(&allocator->blocks.length, memory_order_relaxed);
    for (uint32_t index = 1; index < length; index++)
        bda_landmarks_destroy(&allocator->host, &bda_block_at(allocator, index)->landmarks);
    bda_store_destroy(&allocator->blocks);
}
