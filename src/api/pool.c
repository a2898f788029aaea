/* The caller's pools. */
#include "alloc/pool.h"

#include "alloc/caches.h"
#include "alloc/free.h"
#include "alloc/opening.h"
#include "alloc/reclaim.h"
#include "api/check.h"
#include "core/names.h"
#include "debug/leaks.h"
#include "debug/message.h"
#include "debug/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *find_fault(const BdaPoolInfo *info, char room[BDA_REASON_ROOM]) {
    if (info->next != NULL)
        return "next must be NULL";
    if ((info->flags & ~(BdaAllocFlags)BDA_ALLOC_HOST_FALLBACK_BIT) != 0)
        return bda_reason(room, "flags may only be BDA_ALLOC_HOST_FALLBACK_BIT, 0x%" PRIx32, info->flags);
    if ((uint32_t)info->intent >= BDA_INTENT_COUNT)
        return bda_reason(room, "unknown intent, %" PRIu32, (uint32_t)info->intent);
    if (!(info->priority >= 0 && info->priority <= 1))
        return bda_reason(room, "priority is not between 0 and 1, %g", (double)info->priority);
    if (info->max_block_size != 0 && info->first_block_size > info->max_block_size)
        return bda_reason(room, "first_block_size is larger than max_block_size: %" PRIu64 " and %" PRIu64,
                          (uint64_t)info->first_block_size, (uint64_t)info->max_block_size);
    if (info->limit != 0 && info->limit < BDA_LEAST_BLOCK)
        return bda_reason(room, "limit is smaller than any block, which has 64 KiB at least, %" PRIu64,
                          (uint64_t)info->limit);
    return NULL;
}

static VkResult choose_key(BdaAllocator allocator, const BdaPoolInfo *info, struct bda_pool_key *key,
                           char room[BDA_REASON_ROOM], const char **reason) {
    *key = (struct bda_pool_key){ .usage_class = bda_usage_class_of(info->usage), .priority = BDA_DEFAULT_PRIORITY };
    if (info->priority > 0 && allocator->device.features.memory_priority)
        key->priority = info->priority;
    uint64_t possible = bda_usage_of_class(&allocator->device, key->usage_class);
    if ((info->usage & ~possible) != 0) {
        *reason = bda_reason(
            room, "no block carries this usage: its feature is not enabled, or it cannot be mixed, 0x%" PRIx64,
            info->usage);
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    key->memory_type = bda_first_type(bda_order_of(allocator, info->intent, info->flags),
                                      allocator->range_type_bits[key->usage_class]);
    if (key->memory_type == VK_MAX_MEMORY_TYPES) {
        *reason = "no memory type serves the intent and the usage";
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    return VK_SUCCESS;
}

/* The caller's pool and its part for ranges; what was made before something failed is given back. */
static VkResult create(BdaAllocator allocator, const BdaPoolInfo *info, const struct bda_pool_key *key, BdaPool *pool) {
    BdaPool created = bda_host_allocate(&allocator->host, sizeof *created, _Alignof(struct BdaPool_T));
    if (created == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    memset(created, 0, sizeof *created);
    created->allocator = allocator;
    created->intent = info->intent;
    created->flags = info->flags;
    created->limit.most = info->limit;
    created->usage = info->usage != 0 ? info->usage : bda_usage_of_class(&allocator->device, key->usage_class);
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    const char *name = bda_name_or_none(info->name);
    if (name == NULL || (created->name = bda_host_copy_text(&allocator->host, name)) != NULL)
        result = bda_pool_create(allocator, key, created, &created->ranges);
    if (result != VK_SUCCESS) {
        bda_host_release_text(&allocator->host, created->name);
        bda_host_release(&allocator->host, created, sizeof *created);
        return result;
    }
    *pool = created;
    return VK_SUCCESS;
}

/* Of one shard: a pool that was another one's before may have several. */
static void set_sizes(BdaAllocator allocator, struct bda_pool *pool, const BdaPoolInfo *info) {
    bda_lock(&pool->lock);
    bda_pool_set_sizes(allocator, pool, info->first_block_size, info->max_block_size);
    if (info->keep_empty != 0)
        pool->keep_empty = info->keep_empty;
    if (info->keep_collects != 0)
        pool->keep_collects = (uint32_t)bda_min(info->keep_collects, BDA_IDLE_MOST);
    if (info->low_water != 0)
        bda_pool_set_low_water(pool, info->low_water);
    bda_unlock(&pool->lock);
}

/* With the name that it was to have. */
static VkResult refuse_to_create(BdaAllocator allocator, const BdaPoolInfo *info, VkResult result, const char *reason) {
    char where[160], name[124];
    if (bda_name_or_none(info->name) == NULL)
        return bda_refuse(allocator, "bda_create_pool", result, reason);
    bda_copy_text(name, sizeof name, info->name);
    (void)snprintf(where, sizeof where, "bda_create_pool '%s'", name);
    return bda_refuse(allocator, where, result, reason);
}

VkResult bda_create_pool(BdaAllocator allocator, const BdaPoolInfo *info, BdaPool *pool) {
    if (pool == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "pool is NULL");
    *pool = NULL;
    if (allocator == NULL || info == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "info is NULL");
    char room[BDA_REASON_ROOM];
    const char *reason = find_fault(info, room);
    if (reason != NULL)
        return refuse_to_create(allocator, info, VK_ERROR_VALIDATION_FAILED_EXT, reason);
    struct bda_pool_key key;
    BdaPool created = NULL;
    VkResult result = choose_key(allocator, info, &key, room, &reason);
    if (result == VK_SUCCESS)
        result = create(allocator, info, &key, &created);
    if (result != VK_SUCCESS)
        return refuse_to_create(allocator, info, result, reason);
    for (struct bda_pool *shard = created->ranges; shard != NULL; shard = bda_pool_next_shard(shard))
        set_sizes(allocator, shard, info);
    atomic_store_explicit(&created->alive, true, memory_order_relaxed);
    atomic_fetch_add_explicit(&allocator->user_pool_count, 1, memory_order_relaxed);
    bda_mutex_lock(&allocator->pools_lock);
    created->older = atomic_load_explicit(&allocator->newest_user_pool, memory_order_relaxed);
    atomic_store_explicit(&allocator->newest_user_pool, created, memory_order_release);
    bda_mutex_unlock(&allocator->pools_lock);
    *pool = created;
    return VK_SUCCESS;
}

/* The shards of its part for ranges, then those of its part for own buffers. */
static struct bda_pool *next_of_pool(const struct bda_pool *shard) {
    struct bda_pool *next = bda_pool_next_shard(shard);
    return next != NULL || shard->key.own_buffers ? next : bda_pool_of_buffers(shard->user);
}

VkResult bda_destroy_pool(BdaAllocator allocator, BdaPool pool) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (pool == NULL)
        return VK_SUCCESS;
    const char *fault = bda_pool_fault(allocator, pool);
    if (fault == NULL && !atomic_exchange_explicit(&pool->alive, false, memory_order_relaxed))
        fault = bda_pool_fault(allocator, pool); /* another thread was faster */
    if (fault != NULL)
        return bda_refuse_pool(allocator, __func__, pool, fault);
    bda_pending_drain_pool(allocator, pool);
    bda_caches_drain(allocator, pool->ranges);
    struct bda_pool *const parts[] = { pool->ranges, bda_pool_of_buffers(pool) };
    for (int i = 0; i < 2 && parts[i] != NULL; i++)
        bda_opening_finish(parts[i]);
    uint64_t live = bda_leaks_tell(allocator, __func__, pool->ranges, next_of_pool);
    for (int i = 0; i < 2 && parts[i] != NULL; i++) {
        for (struct bda_pool *shard = parts[i]; shard != NULL; shard = bda_pool_next_shard(shard))
            bda_release_all(allocator, shard);
        (void)bda_reclaim_pool(allocator, parts[i], 0);
        for (struct bda_pool *shard = parts[i], *next; shard != NULL; shard = next) {
            next = bda_pool_next_shard(shard); /* once the last is retired they are somebody else's */
            bda_pool_retire(allocator, shard);
            BDA_YIELD_POINT();
        }
    }
    atomic_fetch_sub_explicit(&allocator->user_pool_count, 1, memory_order_relaxed);
    bda_host_release_text(&allocator->host, pool->name);
    pool->name = NULL;
    return live == 0 ? VK_SUCCESS : VK_INCOMPLETE;
}

VkResult bda_get_pool_info(BdaAllocator allocator, BdaPool pool, BdaPoolInfo *info) {
    if (info == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "info is NULL");
    memset(info, 0, sizeof *info);
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    const char *fault = bda_pool_fault(allocator, pool);
    if (fault != NULL)
        return bda_refuse_pool(allocator, __func__, pool, fault);
    *info = (BdaPoolInfo){
        .intent = pool->intent,
        .flags = pool->flags,
        .usage = pool->usage,
        .priority = pool->ranges->key.priority,
        .first_block_size = pool->ranges->first_block_size,
        .max_block_size = pool->ranges->max_block_size,
        .limit = pool->limit.most,
        .keep_empty = pool->ranges->keep_empty,
        .keep_collects = pool->ranges->keep_collects,
        .low_water = bda_pool_low_water(pool->ranges),
        .name = pool->name,
    };
    return VK_SUCCESS;
}

VkResult bda_get_pool_stats(BdaAllocator allocator, BdaPool pool, BdaUse *use) {
    if (use == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "use is NULL");
    memset(use, 0, sizeof *use);
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    const char *fault = bda_pool_fault(allocator, pool);
    if (fault != NULL)
        return bda_refuse_pool(allocator, __func__, pool, fault);
    struct bda_pool *buffers = bda_pool_of_buffers(pool);
    bda_stats_add_pool(allocator, pool->ranges, use);
    if (buffers != NULL)
        bda_stats_add_pool(allocator, buffers, use);
    use->peak_used = bda_peak_see(allocator, &pool->peak.peak, use->used);
    return VK_SUCCESS;
}
