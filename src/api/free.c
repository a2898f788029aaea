/* bda_free and its kin. */
#include "alloc/free.h"

#include "alloc/handle.h"
#include "alloc/pending.h"
#include "alloc/reclaim.h"
#include "api/check.h"

#include <stdio.h>

VkResult bda_free(BdaAllocator allocator, BdaHandle handle) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (handle == 0)
        return VK_SUCCESS;
    const char *reason = NULL;
    VkResult result = bda_free_handle(allocator, handle, &reason);
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, reason);
}

VkResult bda_free_after(BdaAllocator allocator, BdaHandle handle, VkSemaphore timeline, uint64_t value) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (handle == 0)
        return VK_SUCCESS;
    if (!allocator->device.features.timeline_semaphore)
        return bda_refuse(allocator, __func__, VK_ERROR_FEATURE_NOT_PRESENT, "timelineSemaphore is not enabled");
    if (timeline == VK_NULL_HANDLE)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "timeline is NULL");
    const char *reason = NULL;
    VkResult result = bda_pending_add(allocator, handle, timeline, value, &reason);
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, reason);
}

/* All are retired before any is released: a bad one in the middle then costs nothing but taking the retirements back.
 */
VkResult bda_free_many(BdaAllocator allocator, uint32_t count, const BdaHandle *handles) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (handles == NULL && count != 0)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "handles is NULL");
    const char *reason = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (handles[i] == 0 || bda_retire(allocator, handles[i], BDA_NODE_RETIRED, &reason) != 0)
            continue;
        char where[64];
        (void)snprintf(where, sizeof where, "%s, item %u", __func__, (unsigned)i);
        while (i-- > 0)
            if (handles[i] != 0)
                bda_unretire(allocator, bda_handle_index(handles[i]));
        return bda_refuse(allocator, where, VK_ERROR_VALIDATION_FAILED_EXT, reason);
    }
    for (uint32_t i = 0; i < count; i++)
        if (handles[i] != 0)
            bda_release(allocator, bda_handle_index(handles[i]));
    return VK_SUCCESS;
}

VkResult bda_collect(BdaAllocator allocator) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    VkResult result = bda_pending_collect(allocator);
    bda_reclaim_surplus(allocator);
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, NULL);
}

VkResult bda_trim(BdaAllocator allocator, VkDeviceSize keep, VkDeviceSize *released) {
    if (released != NULL)
        *released = 0;
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    VkResult result = bda_pending_collect(allocator);
    if (result != VK_SUCCESS && result != VK_ERROR_DEVICE_LOST)
        return bda_refuse(allocator, __func__, result, NULL);
    VkDeviceSize bytes = bda_reclaim_down_to(allocator, keep, 0);
    if (released != NULL)
        *released = bytes;
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, NULL);
}
