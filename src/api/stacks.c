/* bda_get_stack, bda_describe_frame. */
#include "alloc/allocator.h"

#include "api/check.h"
#include "debug/message.h"

#include <inttypes.h>

VkResult bda_get_stack(BdaAllocator allocator, BdaStack stack, uint32_t *count, void **frames) {
    if (count == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "count is NULL");
    char reason[BDA_REASON_ROOM];
    uint32_t room = frames != NULL ? *count : 0;
    *count = 0;
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    uint32_t depth = bda_stack_copy(allocator, stack, room, frames);
    if (depth == 0)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT,
                          bda_reason(reason, "the allocator keeps no such stack, %" PRIu32, stack));
    *count = frames != NULL && depth > room ? room : depth;
    return *count == depth ? VK_SUCCESS : VK_INCOMPLETE;
}

VkResult bda_describe_frame(BdaAllocator allocator, void *frame, size_t size, char *text) {
    if (text == NULL || size == 0)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "text is NULL, or its size 0");
    text[0] = '\0';
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    bda_stack_describe(allocator, frame, size, text);
    return VK_SUCCESS;
}
