/*
 * The short way of what is plain, as most allocations and frees are: a range, of a pool that has room.
 *
 * Nothing is refused here. What is not plain, or fails, has changed nothing and takes the long way (allocate.h, free.h)
 * from its beginning, which finds out what is wrong, or does what is wanted. The long way would do the same for a plain
 * request; it only asks more questions before.
 */
#ifndef BDA_ALLOC_PLAIN_H
#define BDA_ALLOC_PLAIN_H

#include "alloc/prefixes.h"
#include "alloc/shard.h"

#include <string.h>

/* Flags that say what may be done when the first pool has no room. */
#define BDA_PLAIN_FLAGS (BDA_ALLOC_WITHIN_BUDGET_BIT | BDA_ALLOC_NO_NEW_MEMORY_BIT | BDA_ALLOC_HOST_FALLBACK_BIT)

/* Bits that are all zero for a priority of 0, which is the pool's own; any other one is looked at on the long way. */
BDA_INLINE uint32_t bda_plain_priority(float priority) {
    uint32_t bits;
    memcpy(&bits, &priority, sizeof bits);
    return bits;
}

/* The caller's pool, if the request goes well with it. */
BDA_INLINE struct bda_pool *bda_plain_pool_of_caller(BdaAllocator allocator, const BdaAllocInfo *info) {
    BdaPool pool = info->pool;
    bool good = pool->allocator == allocator && allocator->event == NULL &&
                atomic_load_explicit(&pool->alive, memory_order_relaxed) &&
                (info->intent == BDA_INTENT_DEVICE || info->intent == pool->intent) &&
                (info->usage & ~pool->usage) == 0;
    return good ? pool->ranges : NULL;
}

/* The pool that a request tries first, or NULL. */
BDA_INLINE struct bda_pool *bda_plain_pool(BdaAllocator allocator, const BdaAllocInfo *info) {
    uint64_t special =
        (uintptr_t)info->next | (info->flags & ~(BdaAllocFlags)BDA_PLAIN_FLAGS) | bda_plain_priority(info->priority);
    if (special != 0 || (uint32_t)info->intent >= BDA_INTENT_COUNT)
        return NULL;
    if (!BDA_LIKELY(info->pool == NULL))
        return bda_plain_pool_of_caller(allocator, info);
    if ((info->usage & allocator->special_usage) != 0)
        return NULL;
    return atomic_load_explicit(&allocator->first_pools[info->intent], memory_order_acquire);
}

/* The request, if it is within what is never refused nor dedicated. */
BDA_INLINE bool bda_plain_request(BdaAllocator allocator, const struct bda_pool *pool, const BdaAllocInfo *info,
                                  struct bda_request *request) {
    VkDeviceSize alignment = info->alignment;
    for (uint32_t bits = (uint32_t)info->usage; bits != 0; bits &= bits - 1)
        alignment = bda_max(alignment, allocator->usage_alignment[bda_lowest_bit(bits)]);
    *request = (struct bda_request){ .size = info->size, .room = info->size, .alignment = alignment };
    return info->size - 1 < pool->most_plain && alignment <= pool->most_plain &&
           (info->alignment & (info->alignment - 1)) == 0;
}

/* Whether the request brings a name or a value, and so needs a record. */
BDA_INLINE bool bda_plain_wants_record(const BdaAllocInfo *info) {
    return ((uintptr_t)info->name | info->user) != 0;
}

/* Takes the range of a request without a record and tells of it. `caches`: false where there are none (range.h). The
 * pool's lock is held. */
BDA_INLINE VkResult bda_plain_take(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                                   bool caches, BdaAllocation *allocation) {
    struct bda_live live;
    VkResult result = bda_range_take(allocator, pool, request, caches, &live);
    if (result == VK_SUCCESS)
        bda_range_describe(allocator, &live, request->size, allocation);
    return result;
}

/* The shortest way of a request: from the thread's own shelves. What wants a record, or over 1 MiB, is not for it. */
BDA_INLINE bool bda_plain_alloc(BdaAllocator allocator, struct bda_pool *pool, const BdaAllocInfo *info,
                                const struct bda_request *request, BdaAllocation *allocation) {
    struct bda_live live;
    struct bda_cache *cache;
    if (bda_plain_wants_record(info) || (cache = bda_cache_take(allocator, pool, request, &live)) == NULL)
        return false;
    bda_range_describe(allocator, &live, request->size, allocation);
    bda_history_made(allocator, &cache->ring, allocation->handle);
    return true;
}

/* ---- The middle ways ----
 *
 * They make calls: what must be kept across those would cost the shorter ones half as much again, so callers keep them
 * apart. They look behind the thread's shelves, then take a range from TLSF, or give one back, under the pool's lock.
 * What the shorter ones found out is passed on. When they fail nothing has changed: it has to be refused, or needs more
 * than that. */

/* Whether one that may take no new memory, and that TLSF has just had no room for in its first pool, would find none
 * anywhere else either: no thread keeps anything of the pool, nothing is pending, and no other pool that it may go to
 * has as many bytes free. Then it can be refused without a second search. (This and the next three are in plain.c.) */
bool bda_plain_is_hopeless(BdaAllocator allocator, struct bda_pool *pool, const BdaAllocInfo *info);

/* Ranges for the first of `count` requests, as long as they are plain, of one pool, and fit: the pool's lock is taken
 * for up to 64 of them at a time. Returns how many; nothing is said of why it ends. */
uint32_t bda_plain_run(BdaAllocator allocator, uint32_t count, const BdaAllocInfo *infos, BdaAllocation *allocations);

/* bda_plain_alloc_further and bda_plain_alloc_uncached (below) for requests that want a record; the same answers.
 * Apart, since that takes host memory anyway, and what has no name is to know nothing of it. */
VkResult bda_plain_alloc_recorded(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize alignment,
                                  const BdaAllocInfo *info, BdaAllocation *allocation);
VkResult bda_plain_alloc_recorded_uncached(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize alignment,
                                           const BdaAllocInfo *info, BdaAllocation *allocation);

/* Tells the history of what was just made; as bda_plain_tell of what was freed. `cache`: the thread's, or NULL. */
BDA_INLINE void bda_plain_tell_made(BdaAllocator allocator, struct bda_cache *cache, bool caches, BdaHandle handle) {
    if (cache == NULL && (caches || allocator->locks))
        bda_history_tell_made(allocator, handle);
    else
        bda_history_made(allocator, cache != NULL ? &cache->ring : &allocator->history.shared, handle);
}

#define BDA_PLAIN_ELSEWHERE VK_NOT_READY /* this shard has no room, but another, or what threads keep, may */

/* A refusal of one shard is no more than that while others may serve. The shard's lock is held. */
BDA_INLINE VkResult bda_plain_answer(BdaAllocator allocator, struct bda_pool *pool, struct bda_pool *shard,
                                     VkResult result) {
    bool others =
        result == VK_ERROR_OUT_OF_DEVICE_MEMORY && (!bda_shard_is_alone(pool) || bda_caches_hold(allocator, shard));
    return others ? BDA_PLAIN_ELSEWHERE : result;
}

/* From a shard's TLSF. VK_ERROR_OUT_OF_DEVICE_MEMORY: the pool has no room for it, and nobody keeps anything of it;
 * BDA_PLAIN_ELSEWHERE; VK_ERROR_OUT_OF_HOST_MEMORY. */
BDA_INLINE VkResult bda_plain_alloc_past_caches(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *pool,
                                                struct bda_pool *shard, const struct bda_request *request,
                                                BdaAllocation *allocation) {
    bda_pool_lock(shard);
    VkResult result = bda_plain_take(allocator, shard, request, true, allocation);
    result = bda_plain_answer(allocator, pool, shard, result);
    bda_unlock(&shard->lock);
    if (result == VK_SUCCESS)
        bda_plain_tell_made(allocator, cache, true, allocation->handle);
    return result;
}

/* The same after a look behind the thread's shelves. */
BDA_INLINE VkResult bda_plain_alloc_further(BdaAllocator allocator, struct bda_pool *pool,
                                            const struct bda_request *request, const BdaAllocInfo *info,
                                            BdaAllocation *allocation) {
    if (bda_plain_wants_record(info))
        return bda_plain_alloc_recorded(allocator, pool, request->alignment, info, allocation);
    bda_shard_settle_if_crowded(allocator, pool);
    struct bda_live live;
    if (bda_pool_is_cached(bda_shard_of_thread(allocator, pool), info->size) &&
        bda_cache_fetch(allocator, pool, bda_range_extent(pool, request), request->size, 0, &live)) {
        bda_range_describe(allocator, &live, request->size, allocation);
        bda_plain_tell_made(allocator, bda_cache_at_hand(allocator), true, allocation->handle);
        return VK_SUCCESS;
    }
    struct bda_cache *cache = bda_cache_at_hand(allocator);
    if (bda_shard_is_guest(cache, pool) && bda_shard_may_get_block(info->size, info->flags))
        return BDA_PLAIN_ELSEWHERE;
    struct bda_pool *shard = bda_shard_of_cache(cache, pool);
    VkResult result = bda_plain_alloc_past_caches(allocator, cache, pool, shard, request, allocation);
    if (result == BDA_PLAIN_ELSEWHERE && (shard = bda_shard_lender(cache, pool)) != NULL)
        result = bda_plain_alloc_past_caches(allocator, cache, pool, shard, request, allocation);
    if (result == VK_SUCCESS && cache == NULL)
        bda_caches_count_guest(allocator, 1);
    return result;
}

/* The same where there are no caches, and so no shards. */
BDA_INLINE VkResult bda_plain_alloc_uncached(BdaAllocator allocator, struct bda_pool *pool,
                                             const struct bda_request *request, const BdaAllocInfo *info,
                                             BdaAllocation *allocation) {
    if (bda_plain_wants_record(info))
        return bda_plain_alloc_recorded_uncached(allocator, pool, request->alignment, info, allocation);
    bda_lock(&pool->lock);
    VkResult result = bda_plain_take(allocator, pool, request, false, allocation);
    bda_unlock(&pool->lock);
    if (result == VK_SUCCESS)
        bda_plain_tell_made(allocator, NULL, false, allocation->handle);
    return result;
}

/* Tells the history of what was just retired. The thread's own ring is written without a call, and so is the one that
 * there is where the caller synchronises. `cache`: the thread's, or NULL. */
BDA_INLINE void bda_plain_tell(BdaAllocator allocator, struct bda_cache *cache, bool caches, BdaHandle handle,
                               const struct bda_live *live, uint32_t record) {
    if (record != 0 || (cache == NULL && (caches || allocator->locks)))
        bda_history_tell(allocator, handle, live->node, 0);
    else
        bda_history_add(allocator, cache != NULL ? &cache->ring : &allocator->history.shared, handle,
                        live->block->region.base + bda_node_start(live->node), bda_history_extent(live->node));
}

/* Gives a range back to TLSF that was seen live with this tag. One that is retired here was live since, and in the same
 * pool. `caches`: false where there are none. */
BDA_INLINE bool bda_plain_give_back(BdaAllocator allocator, struct bda_cache *cache, bool caches, BdaHandle handle,
                                    const struct bda_live *live, uint32_t tag) {
    struct bda_pool *pool = live->pool;
    uint32_t record = 0;
    bda_pool_lock_as(pool, caches);
    bool good = bda_node_retire_seen(live->node, tag, BDA_NODE_RETIRED, allocator->locks);
    if (good) {
        record = bda_node_record(live->node);
        bda_plain_tell(allocator, cache, caches, handle, live, record);
        if (record != 0) /* before somebody else has the bytes, and counts them */
            bda_prefixes_leave(allocator, bda_record_at(allocator, record));
        bda_range_free(live);
    }
    bda_unlock(&pool->lock);
    if (record != 0)
        bda_record_destroy(allocator, record);
    return good;
}

/* Whether an allocation has a record (as its node says: that, or its home), and threads keep ranges like its own. */
BDA_INLINE bool bda_plain_may_keep_recorded(const struct bda_live *live, uint32_t record_or_home) {
    return record_or_home != 0 && !bda_home_is_one(record_or_home) && live->block->stock != BDA_STOCKS &&
           !bda_pool_rests(live->pool) && bda_range_may_be_kept(live->pool, live->node);
}

/* Frees such a one, seen live with this tag. False: it is dead, and nothing has changed. */
bool bda_plain_free_recorded(BdaAllocator allocator, BdaHandle handle, const struct bda_live *live, uint32_t tag);

/* Frees what is plain, and was seen live with this tag: it is kept, or goes back to TLSF. False: it is not plain, or
 * the handle is dead, and nothing has changed. `cache`: the thread's, or NULL; `caches`: false where there are none. */
BDA_INLINE bool bda_plain_free(BdaAllocator allocator, struct bda_cache *cache, bool caches, BdaHandle handle,
                               struct bda_node *node, uint32_t tag) {
    struct bda_block *block = bda_block_of(allocator, node);
    const struct bda_live live = { bda_handle_index(handle), node, block,
                                   atomic_load_explicit(&block->pool, memory_order_acquire) };
    if (live.pool == NULL || !block->plain)
        return false;
    bool may_keep = caches && (bda_cache_is_open(cache) || !bda_pool_rests(live.pool));
    const struct bda_leaver leaver = { handle, node, tag, bda_node_home(node) };
    if (may_keep && cache != NULL && bda_plain_may_keep_recorded(&live, leaver.home))
        return bda_plain_free_recorded(allocator, handle, &live, tag);
    bool kept = may_keep && bda_home_is_one(leaver.home) && bda_cache_store(allocator, live.pool, &leaver);
    return kept || bda_plain_give_back(allocator, cache, caches, handle, &live, tag);
}

#endif
