/* Refusals, see check.h. */
#include "api/check.h"

#include "alloc/handle.h"
#include "debug/dead_handle.h"
#include "debug/live_handle.h"

#include <inttypes.h>

const char *bda_text_of_result(VkResult result) {
    switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
        return "host memory was refused";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return "the driver refused device memory";
    case VK_ERROR_TOO_MANY_OBJECTS:
        return "the driver refused another VkDeviceMemory";
    case VK_ERROR_DEVICE_LOST:
        return "the device is lost";
    default:
        return "the driver refused";
    }
}

static VkResult refuse(BdaMessageCallback message, void *user, BdaMessageSeverity severity, const char *function,
                       VkResult result, const char *reason) {
    char room[BDA_RESULT_ROOM];
    bda_message(message, user, severity, "%s: %s (%s)", function, reason != NULL ? reason : bda_text_of_result(result),
                bda_result_name(result, room));
    return result;
}

VkResult bda_refuse_to(BdaMessageCallback message, void *user, const char *function, VkResult result,
                       const char *reason) {
    bool misuse = result == VK_ERROR_VALIDATION_FAILED_EXT || result == VK_ERROR_FEATURE_NOT_PRESENT ||
                  result == VK_ERROR_UNKNOWN;
    return refuse(message, user, misuse ? BDA_MESSAGE_ERROR : BDA_MESSAGE_WARNING, function, result, reason);
}

VkResult bda_refuse_expected(BdaAllocator allocator, const char *function, VkResult result, const char *reason) {
    return refuse(allocator->message, allocator->message_user, BDA_MESSAGE_INFO, function, result, reason);
}

VkResult bda_refuse(BdaAllocator allocator, const char *function, VkResult result, const char *reason) {
    if (allocator == NULL)
        return result;
    return bda_refuse_to(allocator->message, allocator->message_user, function, result, reason);
}

VkResult bda_refuse_handle(BdaAllocator allocator, const char *function, VkResult result, const char *reason,
                           BdaHandle handle) {
    char dead[BDA_DEAD_HANDLE_TEXT], where[288];
    struct bda_text text;
    if (allocator == NULL || allocator->message == NULL)
        return result;
    if (reason == bda_handle_is_dead) {
        bda_dead_handle_in_words(allocator, handle, sizeof dead, dead);
        return bda_refuse(allocator, function, result, dead);
    }
    bda_text_begin(&text, sizeof where, where);
    bda_text_add(&text, "%s", function);
    bda_add_live_handle(&text, allocator, handle);
    return bda_refuse(allocator, where, result, reason);
}

const char *bda_pool_fault(BdaAllocator allocator, BdaPool pool) {
    if (pool == NULL)
        return "pool is NULL";
    if (pool->allocator != allocator)
        return "the pool belongs to another allocator, or is no pool";
    return atomic_load_explicit(&pool->alive, memory_order_relaxed) ? NULL : "the pool was destroyed";
}

/* The name of one that was destroyed has gone with it; what is left is which it was. */
VkResult bda_refuse_pool(BdaAllocator allocator, const char *function, BdaPool pool, const char *fault) {
    char room[BDA_REASON_ROOM];
    if (pool == NULL)
        return bda_refuse(allocator, function, VK_ERROR_VALIDATION_FAILED_EXT, fault);
    return bda_refuse(allocator, function, VK_ERROR_VALIDATION_FAILED_EXT,
                      bda_reason(room, "%s, 0x%" PRIxPTR, fault, (uintptr_t)pool));
}
