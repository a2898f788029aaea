/* The allocator's beginning and end. */
#include "alloc/allocator.h"

#include "alloc/blocks.h"
#include "alloc/caches.h"
#include "alloc/free.h"
#include "alloc/handle.h"
#include "alloc/history.h"
#include "alloc/prefixes.h"
#include "alloc/reclaim.h"
#include "core/bits.h"
#include "memory/memory_types.h"

/* See BdaAllocatorInfo. */
#define FIRST_BLOCK_SIZE            ((VkDeviceSize)1 << 20)
#define MAX_BLOCK_SIZE              ((VkDeviceSize)256 << 20)
#define MAX_HOST_VISIBLE_BLOCK_SIZE ((VkDeviceSize)64 << 20)
#define KEEP_COLLECTS               16 /* longer than any ring of frames, and a quarter of a second at 60 of them */

/* What was asked for, else the default; never below the least that a block has. */
static VkDeviceSize block_size(VkDeviceSize asked, VkDeviceSize otherwise) {
    return bda_max(asked != 0 ? asked : otherwise, BDA_LEAST_BLOCK);
}

static void resolve_sizes(BdaAllocator allocator, const BdaAllocatorInfo *info) {
    VkDeviceSize most = block_size(info->max_block_size, MAX_BLOCK_SIZE);
    VkDeviceSize most_visible =
        block_size(info->max_host_visible_block_size, bda_min(MAX_HOST_VISIBLE_BLOCK_SIZE, most));
    VkDeviceSize first = block_size(info->first_block_size, bda_min(FIRST_BLOCK_SIZE, most_visible));
    allocator->max_block_size = most;
    allocator->max_host_visible_block_size = most_visible;
    allocator->first_block_size = bda_min(first, most);
    allocator->keep_empty = info->keep_empty;
    allocator->low_water = info->low_water;
    allocator->keep_collects = (uint32_t)bda_min(info->keep_collects, BDA_IDLE_MOST);
    if (info->keep_collects == 0)
        allocator->keep_collects = KEEP_COLLECTS;
}

static void order_types(BdaAllocator allocator) {
    for (uint32_t intent = 0; intent < BDA_INTENT_COUNT; intent++)
        for (uint32_t fallback = 0; fallback < 2; fallback++) {
            struct bda_type_order *order = &allocator->order[intent][fallback];
            order->count = bda_order_memory_types(&allocator->device.memory, (BdaIntent)intent, fallback != 0,
                                                  UINT32_MAX, order->types);
        }
}

static void learn_usages(BdaAllocator allocator) {
    allocator->special_usage = ~(uint64_t)bda_usage_of_class(&allocator->device, BDA_USAGE_GENERAL);
    for (uint32_t bit = 0; bit < 32; bit++)
        allocator->usage_alignment[bit] = bda_usage_alignment(&allocator->device, (uint64_t)1 << bit, false);
}

/* The memory types that spanning buffers can be bound to, asked of a short-lived one for each class. */
static VkResult find_range_types(BdaAllocator allocator) {
    struct bda_device *device = &allocator->device;
    for (uint32_t class = 0; class < BDA_USAGE_CLASS_COUNT; class ++) {
        VkBufferUsageFlags usage = bda_usage_of_class(device, (enum bda_usage_class) class);
        if (usage == 0)
            continue;
        const VkBufferCreateInfo info = bda_block_buffer_info(device, usage, BDA_LEAST_BLOCK, false);
        VkBuffer buffer;
        VkResult result = device->vk.create_buffer(device->handle, &info, device->driver_callbacks, &buffer);
        if (result != VK_SUCCESS)
            return result;
        struct bda_requirements requirements;
        bda_block_requirements(device, buffer, &requirements);
        device->vk.destroy_buffer(device->handle, buffer, device->driver_callbacks);
        allocator->range_type_bits[class] = requirements.type_bits;
    }
    return VK_SUCCESS;
}

VkResult bda_allocator_init(BdaAllocator allocator, const BdaAllocatorInfo *info, const char **reason) {
    allocator->tag = bda_handle_new_tag();
    allocator->locks = (info->flags & BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT) == 0;
    allocator->message = info->message;
    allocator->message_user = info->message_user;
    allocator->device.host = &allocator->host;
    VkResult result = bda_device_init(&allocator->device, info, reason);
    if (result != VK_SUCCESS)
        return result;
    bda_host_use_callbacks(&allocator->host, allocator->device.driver_callbacks);
    resolve_sizes(allocator, info);
    order_types(allocator);
    learn_usages(allocator);
    result = find_range_types(allocator);
    if (result != VK_SUCCESS)
        return result;
    bool caches = allocator->locks && (info->flags & BDA_ALLOCATOR_NO_CACHES_BIT) == 0;
    bool rings = caches && info->checks == 0; /* modes have every call take the way that makes no cache */
    result = bda_history_init(allocator, info->history_depth, rings);
    if (result != VK_SUCCESS)
        return result;
    result = bda_prefixes_init(allocator, info->prefix_count, info->prefixes);
    if (result != VK_SUCCESS) {
        bda_history_finish(allocator);
        return result;
    }
    bda_caches_init(allocator, !caches);
    bda_mutex_init(&allocator->store_lock, allocator->locks);
    bda_mutex_init(&allocator->pools_lock, allocator->locks);
    bda_closings_init(&allocator->closings, allocator->locks);
    bda_attempts_init(&allocator->attempts, allocator->locks);
    bda_mutex_init(&allocator->pending.lock, allocator->locks);
    atomic_flag_clear(&allocator->pending.asking);
    bda_nodes_init(&allocator->nodes, &allocator->host);
    bda_records_init(&allocator->records, &allocator->host);
    bda_words_init(&allocator->own_buffers, &allocator->host);
    bda_store_init(&allocator->blocks, &allocator->host, sizeof(struct bda_block), BDA_BLOCK_CHUNK_LOG2);
    bda_block_map_init(&allocator->map, &allocator->host);
    bda_charts_init(&allocator->charts, &allocator->host, allocator->locks);
    return VK_SUCCESS;
}

static void release_pools(BdaAllocator allocator) {
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older)
        bda_release_all(allocator, pool);
    for (pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool))
        (void)bda_reclaim_pool(allocator, pool, 0);
}

static void destroy_pools(BdaAllocator allocator) {
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    while (pool != NULL) {
        struct bda_pool *older = pool->older;
        bda_pool_destroy(allocator, pool);
        pool = older;
    }
    BdaPool user = atomic_load_explicit(&allocator->newest_user_pool, memory_order_acquire);
    while (user != NULL) {
        BdaPool older = user->older;
        bda_host_release_text(&allocator->host, user->name);
        bda_host_release(&allocator->host, user, sizeof *user);
        user = older;
    }
}

void bda_allocator_finish(BdaAllocator allocator) {
    bda_pending_drain(allocator);
    bda_caches_drain(allocator, NULL);
    bda_caches_finish(allocator);
    release_pools(allocator);
    destroy_pools(allocator);
    bda_block_map_destroy(&allocator->map);
    bda_blocks_finish(allocator);
    bda_charts_destroy(&allocator->charts);
    bda_words_destroy(&allocator->own_buffers);
    bda_records_destroy(&allocator->records);
    bda_nodes_destroy(&allocator->nodes);
    bda_prefixes_finish(allocator);
    bda_history_finish(allocator);
    bda_mutex_destroy(&allocator->pending.lock);
    bda_attempts_destroy(&allocator->attempts);
    bda_closings_destroy(&allocator->closings);
    bda_mutex_destroy(&allocator->pools_lock);
    bda_mutex_destroy(&allocator->store_lock);
}
