/* New blocks: for a request, ahead of time, and for one allocation alone. See grow.h. */
#include "alloc/grow.h"

#include "alloc/reclaim.h"

#include <stdio.h>

/* ---- Block records ---- */

uint32_t bda_block_take(BdaAllocator allocator) {
    uint32_t index = 0;
    bda_mutex_lock(&allocator->store_lock);
    if (allocator->spare_block != 0) {
        index = allocator->spare_block;
        allocator->spare_block = bda_block_at(allocator, index)->next;
    } else if (bda_store_grow(&allocator->blocks, 1, &index) == 0) {
        index = 0;
    }
    bda_mutex_unlock(&allocator->store_lock);
    return index;
}

void bda_block_give(BdaAllocator allocator, uint32_t index) {
    bda_mutex_lock(&allocator->store_lock);
    bda_block_at(allocator, index)->next = allocator->spare_block;
    allocator->spare_block = index;
    bda_mutex_unlock(&allocator->store_lock);
}

/* ---- The limit of a pool of the caller's ---- */

static bool reserve_limit(struct bda_pool *pool, VkDeviceSize size, const char **reason) {
    if (pool->user == NULL || pool->user->limit == 0)
        return true;
    uint64_t reserved = atomic_load_explicit(&pool->user->reserved, memory_order_relaxed);
    do {
        if (size > pool->user->limit || reserved > pool->user->limit - size) {
            *reason = "the pool's limit is reached";
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&pool->user->reserved, &reserved, reserved + size,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static void release_limit(struct bda_pool *pool, VkDeviceSize size) {
    if (pool->user != NULL && pool->user->limit != 0)
        atomic_fetch_sub_explicit(&pool->user->reserved, size, memory_order_relaxed);
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
    };
}

static void tell(BdaAllocator allocator, enum bda_event_kind kind, const struct bda_block *block) {
    if (allocator->event == NULL)
        return;
    const struct bda_event event = { kind, 0, block->region.base, block->backing.size, NULL };
    allocator->event(allocator, &event);
}

/* Tools see blocks, not ranges: they get the pool's name, if it has one, and the block's number. */
static void name_block(BdaAllocator allocator, const struct bda_pool *pool, uint32_t index) {
    struct bda_device *device = &allocator->device;
    const struct bda_block *block = bda_block_at(allocator, index);
    const char *pool_name = pool->user != NULL && pool->user->name != NULL ? pool->user->name : "bda";
    char name[96];
    (void)snprintf(name, sizeof name, "%.64s block %u", pool_name, (unsigned)index);
    bda_device_name_object(device, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)block->backing.memory, name);
    if (block->buffer != VK_NULL_HANDLE)
        bda_device_name_object(device, VK_OBJECT_TYPE_BUFFER, (uint64_t)block->buffer, name);
}

/* A block that belongs to nobody yet. */
static VkResult open_block(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize size, BdaAllocFlags flags,
                           uint32_t *index, const char **reason) {
    if (!reserve_limit(pool, size, reason))
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    *index = bda_block_take(allocator);
    if (*index == 0) {
        release_limit(pool, size);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    struct bda_block *block = bda_block_at(allocator, *index);
    const struct bda_backing_info info = backing_info(pool, size, flags);
    VkResult result =
        bda_block_open(&allocator->device, &info, pool->usage, !pool->key.own_buffers, BDA_GRANULE_LOG2, block, reason);
    if (result != VK_SUCCESS) {
        bda_block_give(allocator, *index);
        release_limit(pool, size);
        return result;
    }
    if (pool->user != NULL && pool->user->limit != 0) /* the driver may have rounded up */
        atomic_fetch_add_explicit(&pool->user->reserved, block->backing.size - size, memory_order_relaxed);
    name_block(allocator, pool, *index);
    tell(allocator, BDA_EVENT_BLOCK_OPENED, block);
    return VK_SUCCESS;
}

void bda_grow_close(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    tell(allocator, BDA_EVENT_BLOCK_CLOSED, block);
    VkDeviceSize size = block->backing.size;
    bda_block_close(&allocator->device, block);
    release_limit(pool, size);
    bda_block_give(allocator, index);
}

/* ---- Joining a pool ---- */

static void link_block(BdaAllocator allocator, uint32_t *first, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    block->previous = 0;
    block->next = *first;
    if (*first != 0)
        bda_block_at(allocator, *first)->previous = index;
    *first = index;
}

/* How far aligned addresses lie behind the atoms of non-coherent memory. */
static VkDeviceSize skew_of(BdaAllocator allocator, const struct bda_block *block) {
    if (!bda_device_needs_atoms(&allocator->device, block->backing.type))
        return 0;
    return (block->memory_offset - block->region.base) & (allocator->device.limits.non_coherent_atom - 1);
}

/* An open block becomes the pool's. The pool's lock is held, one node is secured. */
static void join(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    VkDeviceSize size = block->backing.size;
    link_block(allocator, &pool->first_block, index);
    bda_tlsf_add_region(&pool->tlsf, index);
    pool->counters.block_count++;
    pool->counters.reserved += size;
    pool->counters.region_bytes += (VkDeviceSize)block->region.size << BDA_GRANULE_LOG2;
    pool->atom_skew = bda_max(pool->atom_skew, skew_of(allocator, block));
    if (size >= pool->next_block_size)
        pool->next_block_size = bda_min(pool->next_block_size * 2, pool->max_block_size);
    atomic_store_explicit(&block->pool, pool, memory_order_release);
}

/* Joins, and takes the request's range from the block before anybody else can. */
static VkResult join_and_take(BdaAllocator allocator, struct bda_pool *pool, uint32_t index,
                              const struct bda_request *request, uint32_t *node) {
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    bda_mutex_lock(&pool->lock);
    if (bda_pool_secure_nodes(allocator, pool, 1 + BDA_TLSF_NODES_PER_ALLOC)) {
        join(allocator, pool, index);
        struct bda_extent extent = bda_pool_extent(allocator, pool, request);
        VkDeviceSize pad = (0 - bda_block_at(allocator, index)->region.base) & (extent.alignment - 1);
        *node = bda_tlsf_alloc_at(&pool->tlsf, index, (uint32_t)(pad >> BDA_GRANULE_LOG2), extent.granules);
        if (*node != 0)
            bda_pool_count_live(allocator, pool, *node, request);
        result = *node != 0 ? VK_SUCCESS : VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    bda_mutex_unlock(&pool->lock);
    return result;
}

/* ---- A block for a request ---- */

/* Memory that surely holds the request, wherever the driver places it. */
static VkDeviceSize needed(BdaAllocator allocator, const struct bda_request *request) {
    const struct bda_limits *limits = &allocator->device.limits;
    VkDeviceSize unit = bda_max(bda_max(request->alignment, limits->base_alignment), limits->non_coherent_atom);
    VkDeviceSize lead = bda_max(request->alignment, limits->base_alignment);
    return bda_align_up(request->room + limits->non_coherent_atom, bda_min(unit, BDA_LEAST_BLOCK)) + 2 * lead;
}

bool bda_grow_is_large(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_request *request) {
    VkDeviceSize most = pool->max_block_size;
    return request->room > most / 2 || request->alignment > most / 2 || needed(allocator, request) > most;
}

static bool is_exhaustion(VkResult result) {
    return result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_TOO_MANY_OBJECTS;
}

/* Whether giving empty blocks back made room for a further try. */
static bool relieve(BdaAllocator allocator, const struct bda_pool *pool, VkResult result) {
    if (result == VK_ERROR_TOO_MANY_OBJECTS)
        return bda_reclaim_down_to(allocator, 0) != 0;
    return bda_reclaim_heap(allocator, bda_device_heap_of(&allocator->device, pool->key.memory_type));
}

static VkDeviceSize next_size(struct bda_pool *pool, VkDeviceSize least) {
    bda_mutex_lock(&pool->lock);
    VkDeviceSize size = pool->next_block_size;
    bda_mutex_unlock(&pool->lock);
    while (size < least)
        size *= 2;
    return bda_max(bda_min(size, pool->max_block_size), least);
}

VkResult bda_grow_pool(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request, uint32_t *node) {
    VkDeviceSize least = bda_align_up(needed(allocator, request), BDA_LEAST_BLOCK);
    VkDeviceSize size = next_size(pool, least);
    bool relieved = false;
    uint32_t index = 0;
    VkResult result;
    while ((result = open_block(allocator, pool, size, request->flags, &index, &request->reason)) != VK_SUCCESS) {
        if (!is_exhaustion(result))
            return result;
        if (!relieved) {
            relieved = true;
            if (relieve(allocator, pool, result))
                continue;
        }
        if (result == VK_ERROR_TOO_MANY_OBJECTS || size == least)
            return result;
        size = bda_max(size / 2, least);
    }
    result = join_and_take(allocator, pool, index, request, node);
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        bda_grow_close(allocator, pool, index);
    return result;
}

/* ---- Blocks ahead of time ---- */

/* Opens blocks aside until they hold `bytes`, linked by `next`; what was opened is in the list on failure too. */
static VkResult open_ahead(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *like, VkDeviceSize bytes,
                           uint32_t *first, uint32_t *count) {
    VkDeviceSize size = next_size(pool, bda_align_up(needed(allocator, like), BDA_LEAST_BLOCK));
    while (bytes != 0) {
        uint32_t index = 0;
        VkResult result = open_block(allocator, pool, size, like->flags, &index, &like->reason);
        if (result != VK_SUCCESS)
            return result;
        struct bda_block *block = bda_block_at(allocator, index);
        block->next = *first;
        *first = index;
        (*count)++;
        VkDeviceSize room = (VkDeviceSize)block->region.size << BDA_GRANULE_LOG2;
        bytes -= bda_min(bytes, room);
        size = bda_max(size, bda_min(size * 2, pool->max_block_size));
    }
    return VK_SUCCESS;
}

VkResult bda_grow_ahead(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *like, VkDeviceSize bytes) {
    uint32_t first = 0, count = 0;
    VkResult result = open_ahead(allocator, pool, like, bytes, &first, &count);
    if (result == VK_SUCCESS) {
        bda_mutex_lock(&pool->lock);
        if (!bda_pool_secure_nodes(allocator, pool, count))
            result = VK_ERROR_OUT_OF_HOST_MEMORY;
        while (result == VK_SUCCESS && first != 0) {
            uint32_t index = first;
            first = bda_block_at(allocator, index)->next;
            join(allocator, pool, index);
        }
        bda_mutex_unlock(&pool->lock);
    }
    while (first != 0) {
        uint32_t index = first;
        first = bda_block_at(allocator, index)->next;
        bda_grow_close(allocator, pool, index);
    }
    return result;
}

/* ---- Dedicated ---- */

static VkResult join_dedicated(BdaAllocator allocator, struct bda_pool *pool, uint32_t index,
                               const struct bda_request *request, uint32_t *node_index) {
    struct bda_block *block = bda_block_at(allocator, index);
    bda_mutex_lock(&pool->lock);
    bool secured = bda_pool_secure_nodes(allocator, pool, 1);
    if (secured) {
        *node_index = bda_node_list_pop(&allocator->nodes, &pool->tlsf.spare);
        struct bda_node *node = bda_node_of(allocator, *node_index);
        node->offset = node->size = node->previous = node->next = 0;
        node->as.live.slack = 0;
        node->as.live.record = request->record;
        atomic_store_explicit(&node->region, index, memory_order_relaxed);
        bda_node_set_state(node, BDA_NODE_LIVE);
        block->region.first = *node_index;
        block->dedicated_size = request->size;
        link_block(allocator, &pool->first_dedicated, index);
        pool->counters.block_count++;
        pool->counters.dedicated_count++;
        pool->counters.live_count++;
        pool->counters.reserved += block->backing.size;
        pool->counters.used += request->size;
        pool->counters.dedicated_used += request->size;
        atomic_store_explicit(&block->pool, pool, memory_order_release);
    }
    bda_mutex_unlock(&pool->lock);
    return secured ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* One try at a block for one buffer; the buffer is gone if it fails. */
static VkResult open_dedicated(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                               const VkBufferCreateInfo *buffer_info, VkBuffer buffer,
                               const struct bda_requirements *requirements, uint32_t *index) {
    struct bda_device *device = &allocator->device;
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    bool reserved = reserve_limit(pool, requirements->size, &request->reason);
    *index = reserved ? bda_block_take(allocator) : 0;
    if (*index == 0) {
        if (reserved) {
            release_limit(pool, requirements->size);
            result = VK_ERROR_OUT_OF_HOST_MEMORY;
        }
        device->vk.destroy_buffer(device->handle, buffer, device->driver_callbacks);
        return result;
    }
    struct bda_block *block = bda_block_at(allocator, *index);
    const struct bda_backing_info info = backing_info(pool, requirements->size, request->flags);
    result = bda_block_open_dedicated(device, &info, buffer_info, buffer, requirements, request->alignment, block,
                                      &request->reason);
    if (result != VK_SUCCESS) {
        bda_block_give(allocator, *index);
        release_limit(pool, requirements->size);
        return result;
    }
    if (pool->user != NULL && pool->user->limit != 0)
        atomic_fetch_add_explicit(&pool->user->reserved, block->backing.size - requirements->size,
                                  memory_order_relaxed);
    name_block(allocator, pool, *index);
    tell(allocator, BDA_EVENT_BLOCK_OPENED, block);
    return VK_SUCCESS;
}

VkResult bda_grow_dedicated(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request, VkBuffer buffer,
                            const struct bda_requirements *requirements, uint32_t *node) {
    struct bda_device *device = &allocator->device;
    const VkBufferCreateInfo spanning =
        bda_block_buffer_info(device, pool->usage, request->room, pool->key.capture_replay);
    const VkBufferCreateInfo *info = request->buffer_info != NULL ? request->buffer_info : &spanning;
    struct bda_requirements needs;
    VkResult result = VK_SUCCESS;
    uint32_t index = 0;
    for (bool relieved = false;; relieved = true) {
        if (buffer == VK_NULL_HANDLE)
            result = device->vk.create_buffer(device->handle, info, device->driver_callbacks, &buffer);
        if (result != VK_SUCCESS)
            return result;
        if (requirements == NULL) {
            bda_block_requirements(device, buffer, &needs);
            requirements = &needs;
        }
        result = open_dedicated(allocator, pool, request, info, buffer, requirements, &index);
        if (result == VK_SUCCESS)
            break;
        buffer = VK_NULL_HANDLE;
        if (relieved || !is_exhaustion(result) || !relieve(allocator, pool, result))
            return result;
        result = VK_SUCCESS;
    }
    result = join_dedicated(allocator, pool, index, request, node);
    if (result != VK_SUCCESS)
        bda_grow_close(allocator, pool, index);
    return result;
}
