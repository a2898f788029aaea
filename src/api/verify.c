/* Looking at the bytes that are nobody's: now, and by commands. */
#include "debug/verify.h"

#include "api/check.h"
#include "debug/message.h"
#include "debug/watch.h"

#include <inttypes.h>

VkResult bda_verify(BdaAllocator allocator, uint64_t *broken) {
    if (broken != NULL)
        *broken = 0;
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (allocator->watch == NULL)
        return VK_SUCCESS;
    bda_verify_all(allocator);
    if (broken != NULL)
        *broken = atomic_load_explicit(&allocator->watch->broken.count, memory_order_relaxed);
    return VK_SUCCESS;
}

VkResult bda_record_checks(BdaAllocator allocator, VkCommandBuffer commands, uint64_t *ticket) {
    if (ticket == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "ticket is NULL");
    *ticket = 0;
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (commands == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "commands is NULL");
    if (allocator->device.vk.cmd_fill_buffer == NULL) /* no mode fills anything */
        return VK_SUCCESS;
    VkResult result = bda_commands_record(allocator, commands, ticket);
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, NULL);
}

VkResult bda_complete_checks(BdaAllocator allocator, uint64_t ticket) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (ticket == 0)
        return VK_SUCCESS;
    VkResult result = allocator->watch != NULL ? bda_watch_complete(allocator, ticket) : VK_ERROR_VALIDATION_FAILED_EXT;
    if (result == VK_SUCCESS)
        return result;
    char room[BDA_REASON_ROOM];
    return bda_refuse(allocator, __func__, result,
                      bda_reason(room, "ticket %" PRIu64 ": %s", ticket,
                                 result == VK_ERROR_VALIDATION_FAILED_EXT
                                     ? "it is complete already, or none of this allocator's"
                                     : "what was read back could not be invalidated, so nothing was looked at and all "
                                       "is held until the ticket is completed again"));
}
