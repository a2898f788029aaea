/* The longer ways of what is plain, see plain.h. */
#include "alloc/plain.h"

bool bda_plain_alloc_shared(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize alignment,
                            const BdaAllocInfo *info, BdaAllocation *allocation) {
    struct bda_request request = { .size = info->size, .room = info->size, .alignment = alignment };
    if (info->size <= BDA_CACHED_BYTES && !bda_plain_wants_record(info)) {
        struct bda_live live;
        if (bda_cache_fetch(allocator, pool, &request, &live)) {
            bda_range_describe(allocator, &live, request.size, allocation);
            return true;
        }
    }
    if (!bda_plain_record(allocator, info, &request))
        return false;
    bda_mutex_lock(&pool->lock);
    bool taken = bda_plain_take(allocator, pool, &request, allocation);
    bda_mutex_unlock(&pool->lock);
    return taken;
}

/* Gives a range back to TLSF. One that is retired here was live since it was found, and in the same pool. */
static bool give_back(BdaAllocator allocator, BdaHandle handle, const struct bda_live *live) {
    struct bda_pool *pool = live->pool;
    uint32_t record = 0;
    bda_mutex_lock(&pool->lock);
    bool good = bda_node_try_retire(live->node, bda_handle_generation(handle), BDA_NODE_RETIRED, allocator->locks);
    if (good) {
        record = bda_node_record(live->node);
        bda_range_free(live);
    }
    bda_mutex_unlock(&pool->lock);
    if (record != 0)
        bda_record_destroy(allocator, record);
    return good;
}

bool bda_plain_free_shared(BdaAllocator allocator, BdaHandle handle, struct bda_node *node) {
    struct bda_block *block = bda_block_of(allocator, node);
    const struct bda_live live = { bda_handle_index(handle), node, block,
                                   atomic_load_explicit(&block->pool, memory_order_acquire) };
    if (live.pool == NULL || !block->plain)
        return false;
    bool kept = bda_home_is_one(bda_node_home(node)) && bda_cache_store(allocator, handle, node, live.pool);
    return kept || give_back(allocator, handle, &live);
}
