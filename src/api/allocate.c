/* bda_alloc, bda_alloc_many; room ahead: bda_warm_up, bda_wants_block, bda_prepare. */
#include "alloc/allocate.h"

#include "alloc/free.h"
#include "alloc/grow.h"
#include "alloc/plain.h"
#include "alloc/reclaim.h"
#include "api/check.h"
#include "api/request.h"
#include "core/names.h"

#include <stdio.h>
#include <string.h>

/* ---- Ranges ---- */

static VkResult check_range_usage(BdaAllocator allocator, const BdaAllocInfo *info, struct bda_request *request) {
    VkBufferUsageFlags possible = bda_usage_of_class(&allocator->device, request->usage_class);
    if (possible == 0 || (info->usage & ~(uint64_t)possible) != 0) {
        (void)bda_invalid_value(request,
                                "no block carries this usage: its feature is not enabled, it cannot be mixed, or it "
                                "needs bda_alloc_buffer",
                                info->usage, BDA_WRONG_BITS);
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    if (request->pool != NULL) {
        if ((info->usage & ~request->pool->usage) != 0)
            return bda_invalid_value(request, "the pool was not made for this usage",
                                     info->usage & ~request->pool->usage, BDA_WRONG_BITS);
        request->usage_class = request->pool->ranges->key.usage_class;
    }
    request->type_bits &= allocator->range_type_bits[request->usage_class];
    return VK_SUCCESS;
}

/* Under BDA_CHECK_ISOLATE_BIT a range is an own buffer, made like the blocks that it would have been cut from. */
static void isolate(BdaAllocator allocator, VkBufferCreateInfo *own, struct bda_request *request) {
    const struct bda_device *device = &allocator->device;
    *own = bda_block_buffer_info(device, bda_usage_of_class(device, request->usage_class), request->size, false);
    request->buffer_info = own;
}

VkResult bda_check_range(BdaAllocator allocator, const BdaAllocInfo *info, VkBufferCreateInfo *own,
                         struct bda_request *request) {
    VkResult result = bda_check_info(allocator, info, request);
    if (result == VK_SUCCESS)
        result = bda_check_size(allocator, info->size, request);
    if (result == VK_SUCCESS)
        result = bda_check_use(allocator, info->usage, info->alignment, request);
    if (result == VK_SUCCESS)
        result = check_range_usage(allocator, info, request);
    if (result == VK_SUCCESS && (allocator->checks & BDA_CHECK_ISOLATE_BIT) != 0)
        isolate(allocator, own, request);
    return result;
}

BDA_COLD VkResult alloc_the_long_way(BdaAllocator allocator, const BdaAllocInfo *info, BdaAllocation *allocation) {
    const char *const function = "bda_alloc";
    if (allocation == NULL)
        return bda_refuse(allocator, function, VK_ERROR_VALIDATION_FAILED_EXT, "allocation is NULL");
    memset(allocation, 0, sizeof *allocation);
    if (allocator == NULL || info == NULL)
        return bda_refuse(allocator, function, VK_ERROR_VALIDATION_FAILED_EXT, "info is NULL");
    VkBufferCreateInfo own;
    struct bda_request request = { .reason = NULL };
    VkResult result = bda_check_range(allocator, info, &own, &request);
    if (result == VK_SUCCESS)
        result = bda_fulfil(allocator, &request, allocation);
    if (result != VK_SUCCESS)
        return bda_refuse_request(allocator, function, result, &request);
    bda_caches_after_requests(allocator, 1);
    return result;
}

/* What may take no new memory is refused often, where somebody looks whether there is room: that takes one search, if
 * nothing can come of a second. */
BDA_COLD VkResult refuse_or_go_on(BdaAllocator allocator, struct bda_pool *pool, VkResult result,
                                  const BdaAllocInfo *info, BdaAllocation *allocation) {
    bool hopeless = result == VK_ERROR_OUT_OF_DEVICE_MEMORY && (info->flags & BDA_ALLOC_NO_NEW_MEMORY_BIT) != 0 &&
                    bda_plain_is_hopeless(allocator, pool, info);
    if (!hopeless)
        return alloc_the_long_way(allocator, info, allocation);
    memset(allocation, 0, sizeof *allocation);
    bda_pool_lack(pool);
    const struct bda_request refused = {
        .name = bda_name_or_none(info->name),
        .size = info->size,
        .pool = info->pool,
        .flags = info->flags,
        .reason = BDA_NO_ROOM,
    };
    return bda_refuse_request(allocator, "bda_alloc", result, &refused);
}

/* Apart, so that the shortest way saves no registers for it. */
BDA_APART VkResult alloc_the_middle_way(BdaAllocator allocator, struct bda_pool *pool, const BdaAllocInfo *info,
                                        BdaAllocation *allocation) {
    struct bda_request request;
    (void)bda_plain_request(allocator, pool, info, &request); /* again: to hand it over would take a register more */
    VkResult result = bda_plain_alloc_further(allocator, pool, &request, info, allocation);
    return result == VK_SUCCESS ? result : refuse_or_go_on(allocator, pool, result, info, allocation);
}

/* The whole of it where they are left alone (bda_pool_rests). */
BDA_APART VkResult alloc_past_caches(BdaAllocator allocator, struct bda_pool *pool, const BdaAllocInfo *info,
                                     BdaAllocation *allocation) {
    struct bda_request request;
    if (!bda_plain_request(allocator, pool, info, &request))
        return alloc_the_long_way(allocator, info, allocation);
    if (bda_plain_wants_record(info)) {
        VkResult recorded = bda_plain_alloc_recorded(allocator, pool, request.alignment, info, allocation);
        return recorded == VK_SUCCESS ? recorded : refuse_or_go_on(allocator, pool, recorded, info, allocation);
    }
    struct bda_cache *cache = bda_cache_at_hand(allocator);
    VkResult result = bda_plain_alloc_past_caches(allocator, cache, pool, pool, &request, allocation);
    if (result != VK_SUCCESS)
        return refuse_or_go_on(allocator, pool, result, info, allocation);
    bda_caches_after_request_of(allocator, cache);
    return result;
}

/* The whole of it where there are no caches. */
BDA_APART VkResult alloc_without_caches(BdaAllocator allocator, const BdaAllocInfo *info, BdaAllocation *allocation) {
    struct bda_pool *pool = bda_plain_pool(allocator, info);
    struct bda_request request;
    if (pool == NULL || !bda_plain_request(allocator, pool, info, &request))
        return alloc_the_long_way(allocator, info, allocation);
    VkResult result = bda_plain_alloc_uncached(allocator, pool, &request, info, allocation);
    return result == VK_SUCCESS ? result : refuse_or_go_on(allocator, pool, result, info, allocation);
}

/* The ways of a request, the shortest first:
 *
 *   bda_plain_alloc        the thread's own shelves have it: inline, no call, no lock
 *   alloc_the_middle_way   what they lack: the depot, then TLSF under the shard's lock
 *   alloc_past_caches      the pool rests from its caches: TLSF at once
 *   alloc_without_caches   there are none
 *   alloc_the_long_way     not plain, or not served by these: every check, growth, and the reason of a refusal
 */
VkResult bda_alloc(BdaAllocator allocator, const BdaAllocInfo *info, BdaAllocation *allocation) {
    if (allocator == NULL || info == NULL || allocation == NULL)
        return alloc_the_long_way(allocator, info, allocation);
    if (allocator->caches_off)
        return alloc_without_caches(allocator, info, allocation);
    struct bda_pool *pool = bda_plain_pool(allocator, info);
    struct bda_request request;
    if (pool == NULL)
        return alloc_the_long_way(allocator, info, allocation);
    if (bda_shard_rests_alone(pool))
        return alloc_past_caches(allocator, pool, info, allocation);
    if (!bda_plain_request(allocator, pool, info, &request))
        return alloc_the_long_way(allocator, info, allocation);
    if (bda_plain_alloc(allocator, pool, info, &request, allocation))
        return VK_SUCCESS;
    return alloc_the_middle_way(allocator, pool, info, allocation);
}

/* Takes back what a batch has so far, the blocks that it opened too. */
static void undo(BdaAllocator allocator, uint32_t count, BdaAllocation *allocations, uint32_t call) {
    struct bda_closing closing;
    bda_closing_begin(&allocator->closings, &closing);
    while (count-- > 0)
        bda_free_unseen(allocator, allocations[count].handle);
    bda_closing_end(&allocator->closings, &closing);
    bda_reclaim_call(allocator, call);
}

/* Runs of plain requests, and between them what takes the long way. `done` is how many have come through, and
 * `request` the one that did not. */
static VkResult alloc_all(BdaAllocator allocator, uint32_t count, const BdaAllocInfo *infos, BdaAllocation *allocations,
                          uint32_t *done, struct bda_request *request) {
    uint32_t call = 0;
    VkBufferCreateInfo own;
    for (uint32_t i = 0; i < count;) {
        i += bda_plain_run(allocator, count - i, &infos[i], &allocations[i]);
        *done = i;
        if (i == count)
            break;
        *request = (struct bda_request){ .call = call };
        VkResult result = bda_check_range(allocator, &infos[i], &own, request);
        if (result == VK_SUCCESS)
            result = bda_fulfil(allocator, request, &allocations[i]);
        if (result != VK_SUCCESS)
            return result;
        call = request->call;
        i++;
    }
    return VK_SUCCESS;
}

VkResult bda_alloc_many(BdaAllocator allocator, uint32_t count, const BdaAllocInfo *infos, BdaAllocation *allocations) {
    if (count == 0 && allocator != NULL)
        return VK_SUCCESS;
    if (allocations == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "allocations is NULL");
    if (allocator == NULL || infos == NULL) {
        memset(allocations, 0, count * sizeof allocations[0]);
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "infos is NULL");
    }
    uint32_t done = 0;
    struct bda_request request;
    VkResult result = alloc_all(allocator, count, infos, allocations, &done, &request);
    if (result == VK_SUCCESS) {
        bda_caches_after_requests(allocator, count);
        return result;
    }
    undo(allocator, done, allocations, request.call);
    request.undone = done != 0;
    memset(allocations, 0, count * sizeof allocations[0]);
    char where[64];
    (void)snprintf(where, sizeof where, "%s, item %u", __func__, (unsigned)done);
    return bda_refuse_request(allocator, where, result, &request);
}

/* ---- Room ahead ---- */

/* What room is counted in where the caller names no size, but each piece has a gap behind it: smaller ones would be
 * mostly gaps. */
#define GAPPED_PIECE ((VkDeviceSize)4096)

VkResult bda_warm_up(BdaAllocator allocator, const BdaAllocInfo *like, VkDeviceSize bytes) {
    if (allocator == NULL || like == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "like is NULL");
    BdaAllocInfo info = *like;
    if (like->size == 0) /* no size in particular */
        info.size = allocator->guard != 0 ? GAPPED_PIECE : 1;
    VkBufferCreateInfo own;
    struct bda_request request = { .reason = NULL };
    VkResult result = bda_check_range(allocator, &info, &own, &request);
    if (result == VK_SUCCESS && info.size == 1 && like->size == 0) /* pieces of the alignment fill the room best */
        request.size = request.room = request.alignment;
    if (result == VK_SUCCESS) {
        result = bda_make_room_for(allocator, &request, bytes);
        request.size = bytes; /* what the room was asked for */
    }
    return result == VK_SUCCESS ? result : bda_refuse_request(allocator, __func__, result, &request);
}

VkBool32 bda_wants_block(BdaAllocator allocator) {
    return allocator != NULL && atomic_load_explicit(&allocator->some_want, memory_order_relaxed) ? VK_TRUE : VK_FALSE;
}

VkResult bda_prepare(BdaAllocator allocator) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (!atomic_exchange_explicit(&allocator->some_want, false, memory_order_relaxed))
        return VK_SUCCESS;
    VkResult result = VK_SUCCESS;
    const char *reason = NULL;
    char name[BDA_POOL_NAME_ROOM], where[sizeof name + 24];
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool)) {
        const char *why = NULL;
        VkResult one = bda_grow_to_mark(allocator, pool, &why);
        if (result < 0 || one == VK_SUCCESS)
            continue; /* the first error is told, and any error before a heap that is full */
        result = one;
        reason = why;
        bda_lock(&pool->lock); /* it may be destroyed at this moment */
        bda_pool_copy_name(pool, sizeof name, name);
        bda_unlock(&pool->lock);
    }
    if (result >= 0)
        return result;
    atomic_store_explicit(&allocator->some_want, true, memory_order_relaxed);
    (void)snprintf(where, sizeof where, name[0] != '\0' ? "%s, pool '%s'" : "%s", __func__, name);
    return bda_refuse(allocator, where, result, reason);
}
