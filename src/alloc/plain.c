/* What the short way of plain requests keeps apart, see plain.h: refusals without a second search, requests that want a
 * record, and runs of many. */
#include "alloc/plain.h"

#include "alloc/pending.h"

/* ---- Plain requests that may take no new memory ---- */

/* Whether some shard of a pool has, or threads keep of it, more than a request takes; it may still be in pieces. */
static bool has_free(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize size) {
    bool has = false;
    bda_lock(&pool->lock);
    for (struct bda_pool *shard = pool; shard != NULL && !has; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        has = (VkDeviceSize)shard->tlsf.free_granules << BDA_GRANULE_LOG2 >= size || bda_caches_hold(allocator, shard);
        bda_shard_unlock_beside_head(shard);
    }
    bda_unlock(&pool->lock);
    return has;
}

/* Whether a pool of one of the other memory types that the request may go to could have room. */
static bool others_may_serve(BdaAllocator allocator, const struct bda_pool *pool, const BdaAllocInfo *info) {
    const struct bda_type_order *order = bda_order_of(allocator, info->intent, info->flags);
    for (uint32_t i = 0; info->pool == NULL && i < order->count; i++) {
        struct bda_pool *other =
            atomic_load_explicit(&allocator->pools[order->types[i]][BDA_USAGE_GENERAL][false], memory_order_acquire);
        if (other != NULL && other != pool && has_free(allocator, other, info->size))
            return true;
    }
    return false;
}

bool bda_plain_is_hopeless(BdaAllocator allocator, struct bda_pool *pool, const BdaAllocInfo *info) {
    return !bda_pending_any(&allocator->pending) && !others_may_serve(allocator, pool, info);
}

/* ---- Plain requests with a record ---- */

/* The request, with its record. VK_ERROR_OUT_OF_HOST_MEMORY. */
BDA_INLINE VkResult make_plain_request(BdaAllocator allocator, const BdaAllocInfo *info, VkDeviceSize alignment,
                                       struct bda_request *request) {
    *request = (struct bda_request){ .size = info->size, .room = info->size, .alignment = alignment };
    uint32_t record;
    VkResult result = bda_record_create(allocator, info->user, info->name, &record);
    request->record = result == VK_SUCCESS ? record : 0;
    return result;
}

/* As bda_plain_take; the record goes again where the range is refused. */
BDA_INLINE VkResult take_recorded(BdaAllocator allocator, struct bda_pool *shard, const struct bda_request *request,
                                  bool caches, BdaAllocation *allocation) {
    struct bda_live live;
    VkResult result = bda_range_take(allocator, shard, request, caches, &live);
    if (result == VK_SUCCESS) {
        bda_range_describe(allocator, &live, request->size, allocation);
        bda_prefixes_enter(allocator, request->record, request->size);
    } else {
        bda_record_destroy(allocator, request->record);
    }
    return result;
}

VkResult bda_plain_alloc_recorded(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize alignment,
                                  const BdaAllocInfo *info, BdaAllocation *allocation) {
    struct bda_request request;
    if (make_plain_request(allocator, info, alignment, &request) != VK_SUCCESS)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    bda_shard_settle_if_crowded(allocator, pool);
    const struct bda_cache *cache = bda_cache_at_hand(allocator);
    struct bda_pool *shard = bda_shard_of_cache(cache, pool);
    struct bda_live live;
    if (cache != NULL && bda_pool_is_cached(shard, info->size) &&
        bda_cache_fetch(allocator, pool, bda_range_extent(pool, &request), info->size, request.record, &live)) {
        bda_range_describe(allocator, &live, info->size, allocation);
        return VK_SUCCESS;
    }
    bda_pool_lock(shard);
    VkResult result = take_recorded(allocator, shard, &request, true, allocation);
    result = bda_plain_answer(allocator, pool, shard, result);
    bda_unlock(&shard->lock);
    if (result == VK_SUCCESS)
        bda_caches_after_request_of(allocator, cache);
    return result;
}

/* Under the lock of the shard, since somebody may be looking at the record, or renaming it; that goes when nobody can
 * be. Then the range is its owner's alone, and goes where others go. */
bool bda_plain_free_recorded(BdaAllocator allocator, BdaHandle handle, const struct bda_live *live, uint32_t tag) {
    uint32_t record = 0;
    bda_pool_lock(live->pool);
    bool good = bda_node_retire_seen(live->node, tag, BDA_NODE_RETIRED, true);
    if (good) {
        record = bda_node_record(live->node);
        bda_history_tell(allocator, handle, live->node, 0);
        if (record != 0)
            bda_prefixes_leave(allocator, bda_record_at(allocator, record));
    }
    bda_unlock(&live->pool->lock);
    if (!good)
        return false;
    bda_record_destroy(allocator, record);
    if (!bda_node_is_spent(live->node) && bda_cache_keep(allocator, live))
        return true;
    bda_pool_lock(live->pool);
    bda_range_free(live);
    bda_unlock(&live->pool->lock);
    return true;
}

VkResult bda_plain_alloc_recorded_uncached(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize alignment,
                                           const BdaAllocInfo *info, BdaAllocation *allocation) {
    struct bda_request request;
    if (make_plain_request(allocator, info, alignment, &request) != VK_SUCCESS)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    bda_lock(&pool->lock);
    VkResult result = take_recorded(allocator, pool, &request, false, allocation);
    bda_unlock(&pool->lock);
    return result;
}

/* ---- Many ranges ---- */

/* One of a run that wants a record. The shard's lock is held. */
BDA_APART bool take_one_recorded(BdaAllocator allocator, struct bda_pool *shard, VkDeviceSize alignment,
                                 const BdaAllocInfo *info, BdaAllocation *allocation) {
    struct bda_request request;
    return make_plain_request(allocator, info, alignment, &request) == VK_SUCCESS &&
           take_recorded(allocator, shard, &request, true, allocation) == VK_SUCCESS;
}

/* One of a run, from a shard of the run's pool. The shard's lock is held. */
static bool take_plain(BdaAllocator allocator, struct bda_pool *shard, const BdaAllocInfo *info,
                       BdaAllocation *allocation) {
    struct bda_request request;
    const struct bda_pool *pool = bda_plain_pool(allocator, info);
    if (pool == NULL || pool != shard->head || !bda_plain_request(allocator, pool, info, &request))
        return false;
    if (bda_plain_wants_record(info))
        return take_one_recorded(allocator, shard, request.alignment, info, allocation);
    return bda_plain_take(allocator, shard, &request, true, allocation) == VK_SUCCESS;
}

/* So many of a run are taken under one lock: few enough that another thread waits for microseconds, and enough that
 * the lock costs nothing beside them. */
enum { RUN_MOST = 64 };

/* The first of a run, up to RUN_MOST, under one lock; returns how many. */
static uint32_t take_run(BdaAllocator allocator, struct bda_pool *shard, uint32_t count, const BdaAllocInfo *infos,
                         BdaAllocation *allocations) {
    uint32_t most = count < RUN_MOST ? count : RUN_MOST, done = 0;
    bda_pool_lock(shard);
    while (done < most && take_plain(allocator, shard, &infos[done], &allocations[done]))
        done++;
    bda_unlock(&shard->lock);
    return done;
}

uint32_t bda_plain_run(BdaAllocator allocator, uint32_t count, const BdaAllocInfo *infos, BdaAllocation *allocations) {
    struct bda_pool *pool = bda_plain_pool(allocator, infos);
    if (pool == NULL)
        return 0;
    bda_shard_settle_if_crowded(allocator, pool);
    struct bda_pool *shard = bda_shard_of_thread(allocator, pool);
    bool caches = !allocator->caches_off;
    struct bda_cache *cache = caches ? bda_cache_at_hand(allocator) : NULL;
    uint32_t done = 0, taken;
    do {
        taken = take_run(allocator, shard, count - done, &infos[done], &allocations[done]);
        for (uint32_t i = 0; i < taken; i++)
            bda_plain_tell_made(allocator, cache, caches, allocations[done + i].handle);
        done += taken;
    } while (taken == RUN_MOST && done < count);
    return done;
}
