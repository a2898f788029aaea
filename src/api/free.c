/* bda_free, bda_free_many, bda_free_after; what gives memory back: bda_collect, bda_trim. */
#include "alloc/free.h"

#include "alloc/caches.h"
#include "alloc/handle.h"
#include "alloc/own.h"
#include "alloc/pending.h"
#include "alloc/plain.h"
#include "alloc/reclaim.h"
#include "api/check.h"
#include "api/inner.h"
#include "debug/message.h"
#include "debug/stats.h"

#include <inttypes.h>
#include <stdio.h>

BDA_COLD VkResult free_the_long_way(BdaAllocator allocator, BdaHandle handle) {
    if (handle == 0)
        return VK_SUCCESS;
    const char *reason = NULL;
    VkResult result = bda_free_handle(allocator, handle, &reason);
    return result == VK_SUCCESS ? result : bda_refuse_handle(allocator, "bda_free", result, reason, handle);
}

BDA_APART VkResult free_own(BdaAllocator allocator, struct bda_cache *cache, BdaHandle handle, struct bda_node *node,
                            struct bda_block *block) {
    bool freed = bda_own_free(allocator, cache, handle, node, block);
    return freed ? VK_SUCCESS : free_the_long_way(allocator, handle);
}

/* Apart, so that the shortest way saves no registers for it. */
BDA_APART VkResult free_the_middle_way(BdaAllocator allocator, BdaHandle handle, struct bda_node *node, uint32_t tag) {
    struct bda_block *block = bda_block_of(allocator, node);
    struct bda_cache *cache = bda_cache_or_wish(allocator);
    if (block->own)
        return free_own(allocator, cache, handle, node, block);
    return bda_plain_free(allocator, cache, true, handle, node, tag) ? VK_SUCCESS
                                                                     : free_the_long_way(allocator, handle);
}

/* The same where there are no caches; what is no own buffer apart from what is, which saves other registers. */
BDA_APART VkResult free_range_without_caches(BdaAllocator allocator, BdaHandle handle, struct bda_node *node,
                                             uint32_t tag) {
    return bda_plain_free(allocator, NULL, false, handle, node, tag) ? VK_SUCCESS
                                                                     : free_the_long_way(allocator, handle);
}

BDA_INLINE VkResult free_without_caches(BdaAllocator allocator, BdaHandle handle, struct bda_node *node, uint32_t tag) {
    struct bda_block *block = bda_block_of(allocator, node);
    if (block->own)
        return free_own(allocator, NULL, handle, node, block);
    return free_range_without_caches(allocator, handle, node, tag);
}

VkResult bda_free(BdaAllocator allocator, BdaHandle handle) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    uint32_t tag;
    struct bda_node *node = bda_handle_node_to_free(allocator, handle, &tag);
    if (node == NULL)
        return free_the_long_way(allocator, handle);
    if (allocator->caches_off)
        return free_without_caches(allocator, handle, node, tag);
    if (bda_cache_put(allocator, bda_cache_used_last(allocator), handle, node, tag))
        return VK_SUCCESS;
    return free_the_middle_way(allocator, handle, node, tag);
}

VkResult bda_free_after_inner(BdaAllocator allocator, BdaHandle handle, VkSemaphore timeline, uint64_t value,
                              const char **reason) {
    if (!allocator->device.features.timeline_semaphore) {
        *reason = "timelineSemaphore is not enabled";
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    if (timeline == VK_NULL_HANDLE) {
        *reason = "timeline is NULL";
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    (void)bda_cache_or_wish(allocator);
    return bda_pending_add(allocator, handle, timeline, value, reason);
}

VkResult bda_free_after(BdaAllocator allocator, BdaHandle handle, VkSemaphore timeline, uint64_t value) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (handle == 0)
        return VK_SUCCESS;
    const char *reason = NULL;
    VkResult result = bda_free_after_inner(allocator, handle, timeline, value, &reason);
    return result == VK_SUCCESS ? result : bda_refuse_handle(allocator, __func__, result, reason, handle);
}

/* Which of a list it was; a handle that is there twice is live, and was good the first time. */
static VkResult refuse_of_many(BdaAllocator allocator, const char *function, const char *reason,
                               const BdaHandle *handles, uint32_t bad) {
    char where[64], room[BDA_REASON_ROOM];
    uint32_t first = 0;
    (void)snprintf(where, sizeof where, "%s, item %" PRIu32, function, bad);
    while (handles[first] != handles[bad])
        first++;
    if (first != bad && reason != bda_handle_is_dead)
        reason = bda_reason(room, "%s, first as item %" PRIu32, reason, first);
    return bda_refuse_handle(allocator, where, VK_ERROR_VALIDATION_FAILED_EXT, reason, handles[bad]);
}

VkResult bda_free_many(BdaAllocator allocator, uint32_t count, const BdaHandle *handles) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (handles == NULL && count != 0)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "handles is NULL");
    const char *reason = NULL;
    uint32_t bad = 0;
    (void)bda_cache_or_wish(allocator);
    if (count == 0 || bda_free_handles(allocator, count, handles, &bad, &reason))
        return VK_SUCCESS;
    return refuse_of_many(allocator, __func__, reason, handles, bad);
}

VkResult bda_collect(BdaAllocator allocator) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    VkDeviceSize bytes;
    VkResult result = bda_pending_collect(allocator, &bytes);
    bda_caches_drain_idle(allocator);
    struct bda_look look;
    bda_look_begin(allocator, &look);
    bda_reclaim_surplus(allocator, &look);
    bda_look_end(allocator, &look);
    bda_stats_look_if_asked(allocator);
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, NULL);
}

VkResult bda_trim(BdaAllocator allocator, VkDeviceSize keep, VkDeviceSize *released) {
    if (released != NULL)
        *released = 0;
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    VkDeviceSize bytes;
    VkResult result = bda_pending_collect(allocator, &bytes);
    bool goes_on = result == VK_SUCCESS || result == VK_ERROR_DEVICE_LOST;
    if (goes_on) {
        bda_caches_drain(allocator, NULL);
        bytes += bda_reclaim_down_to(allocator, keep, 0);
        bda_reclaim_nodes(allocator);
    }
    if (released != NULL)
        *released = bytes;
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, NULL);
}
