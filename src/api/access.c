/* Looking at an allocation, and reading and writing it from the CPU. */
#include "alloc/access.h"

#include "api/check.h"
#include "api/inner.h"
#include "core/names.h"
#include "debug/message.h"
#include "debug/stats.h"

#include <inttypes.h>
#include <string.h>

/* ---- What is known ---- */

VkResult bda_get_info(BdaAllocator allocator, BdaHandle handle, BdaAllocationInfo *info) {
    if (info == NULL)
        return bda_refuse_handle(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "info is NULL", handle);
    memset(info, 0, sizeof *info);
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    const char *reason = NULL;
    VkResult result = bda_access_info(allocator, handle, info, &reason);
    return result == VK_SUCCESS ? result : bda_refuse_handle(allocator, __func__, result, reason, handle);
}

VkResult bda_set_name(BdaAllocator allocator, BdaHandle handle, const char *name) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    const char *reason = NULL;
    VkResult result = bda_access_set_name(allocator, handle, bda_name_or_none(name), &reason);
    return result == VK_SUCCESS ? result : bda_refuse_handle(allocator, __func__, result, reason, handle);
}

VkResult bda_set_user(BdaAllocator allocator, BdaHandle handle, uint64_t user) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    const char *reason = NULL;
    VkResult result = bda_access_set_user(allocator, handle, user, &reason);
    return result == VK_SUCCESS ? result : bda_refuse_handle(allocator, __func__, result, reason, handle);
}

/* ---- Bytes ---- */

static const char offset_is_past[] = "the offset lies past the end";
static const char range_is_past[] = "the range reaches past the end";

/* Which bytes it was that cannot be had. */
static VkResult refuse_bytes(BdaAllocator allocator, const char *function, VkResult result, const char *reason,
                             BdaHandle handle, VkDeviceSize offset, VkDeviceSize size) {
    char room[BDA_REASON_ROOM];
    if (reason == offset_is_past)
        reason = bda_reason(room, "%s, %" PRIu64, offset_is_past, (uint64_t)offset);
    else if (reason == range_is_past && size == VK_WHOLE_SIZE)
        reason = bda_reason(room, "%s, offset %" PRIu64 ", size VK_WHOLE_SIZE", range_is_past, (uint64_t)offset);
    else if (reason == range_is_past)
        reason =
            bda_reason(room, "%s, offset %" PRIu64 ", size %" PRIu64, range_is_past, (uint64_t)offset, (uint64_t)size);
    return bda_refuse_handle(allocator, function, result, reason, handle);
}

/* The bytes [offset, offset + size) of a live, mapped allocation. */
static VkResult find_bytes(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, VkDeviceSize size,
                           struct bda_view *view, const char **reason) {
    VkResult result = bda_access_view(allocator, handle, view, reason);
    if (result != VK_SUCCESS)
        return result;
    if (view->mapped == NULL)
        *reason = "the allocation is not mapped";
    else if (offset > view->size)
        *reason = offset_is_past;
    else if (size > view->size - offset)
        *reason = range_is_past;
    else
        return VK_SUCCESS;
    return VK_ERROR_VALIDATION_FAILED_EXT;
}

static VkResult sync(BdaAllocator allocator, const struct bda_view *view, enum bda_sync direction, VkDeviceSize offset,
                     VkDeviceSize size) {
    return bda_backing_sync(&allocator->device, &view->backing, direction, view->memory_offset + offset, size);
}

static VkResult sync_handle(BdaAllocator allocator, BdaHandle handle, enum bda_sync direction, VkDeviceSize offset,
                            VkDeviceSize size, const char **reason) {
    struct bda_view view;
    VkDeviceSize given = size != VK_WHOLE_SIZE ? size : 0; /* the whole of it cannot reach past the end */
    VkResult result = find_bytes(allocator, handle, offset, given, &view, reason);
    if (result != VK_SUCCESS)
        return result;
    return sync(allocator, &view, direction, offset, size != VK_WHOLE_SIZE ? size : view.size - offset);
}

VkResult bda_flush_inner(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, VkDeviceSize size,
                         const char **reason) {
    return sync_handle(allocator, handle, BDA_SYNC_FLUSH, offset, size, reason);
}

VkResult bda_flush(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, VkDeviceSize size) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    const char *reason = NULL;
    VkResult result = bda_flush_inner(allocator, handle, offset, size, &reason);
    return result == VK_SUCCESS ? result : refuse_bytes(allocator, __func__, result, reason, handle, offset, size);
}

VkResult bda_invalidate(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, VkDeviceSize size) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    const char *reason = NULL;
    VkResult result = sync_handle(allocator, handle, BDA_SYNC_INVALIDATE, offset, size, &reason);
    return result == VK_SUCCESS ? result : refuse_bytes(allocator, __func__, result, reason, handle, offset, size);
}

VkResult bda_write(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, const void *data, VkDeviceSize size) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (data == NULL && size != 0)
        return bda_refuse_handle(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "data is NULL", handle);
    struct bda_view view;
    const char *reason = NULL;
    VkResult result = find_bytes(allocator, handle, offset, size, &view, &reason);
    if (result == VK_SUCCESS && size != 0) {
        memcpy(view.mapped + offset, data, (size_t)size);
        result = sync(allocator, &view, BDA_SYNC_FLUSH, offset, size);
    }
    return result == VK_SUCCESS ? result : refuse_bytes(allocator, __func__, result, reason, handle, offset, size);
}

VkResult bda_read(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, void *data, VkDeviceSize size) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (data == NULL && size != 0)
        return bda_refuse_handle(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "data is NULL", handle);
    struct bda_view view;
    const char *reason = NULL;
    VkResult result = find_bytes(allocator, handle, offset, size, &view, &reason);
    if (result == VK_SUCCESS && size != 0) {
        result = sync(allocator, &view, BDA_SYNC_INVALIDATE, offset, size);
        if (result == VK_SUCCESS)
            memcpy(data, view.mapped + offset, (size_t)size);
    }
    return result == VK_SUCCESS ? result : refuse_bytes(allocator, __func__, result, reason, handle, offset, size);
}

/* ---- Use ---- */

VkResult bda_get_stats(BdaAllocator allocator, BdaStats *stats) {
    if (stats == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "stats is NULL");
    memset(stats, 0, sizeof *stats);
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    bda_stats_gather(allocator, stats);
    return VK_SUCCESS;
}

VkResult bda_set_external_use(BdaAllocator allocator, uint32_t heap, VkDeviceSize bytes, uint32_t count) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    char room[BDA_REASON_ROOM];
    struct bda_budget *budget = &allocator->device.budget;
    if (heap >= budget->heap_count)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT,
                          bda_reason(room, "there is no heap %" PRIu32 ", of %" PRIu32, heap, budget->heap_count));
    atomic_store_explicit(&budget->heaps[heap].external, bytes, memory_order_relaxed);
    atomic_store_explicit(&budget->heaps[heap].external_count, count, memory_order_relaxed);
    bda_budget_return(budget, heap);
    return VK_SUCCESS;
}
