/* What was freed, and when. */
#include "debug/history.h"

#include "alloc/history.h"
#include "api/check.h"
#include "debug/message.h"

#include <inttypes.h>
#include <string.h>

void bda_set_frame(BdaAllocator allocator, uint64_t frame) {
    if (allocator == NULL)
        return;
    struct bda_history *history = &allocator->history;
    atomic_store_explicit(&history->frame, frame, memory_order_relaxed);
    uint64_t now = bda_clock_now(allocator), next;
    do
        next = (now & ~(uint64_t)UINT32_MAX) | (uint32_t)frame;
    while (
        !atomic_compare_exchange_weak_explicit(&history->now, &now, next, memory_order_relaxed, memory_order_relaxed));
}

VkResult bda_get_history(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize precision, BdaHistory *history,
                         uint32_t *count, BdaPastOwner *owners) {
    char reason[BDA_REASON_ROOM];
    uint32_t room = count != NULL && owners != NULL ? *count : 0;
    if (history != NULL)
        memset(history, 0, sizeof *history);
    if (count != NULL)
        *count = 0;
    if (history == NULL || count == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "history or count is NULL");
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if ((precision & (precision - 1)) != 0)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT,
                          bda_reason(reason, "precision is no power of two, %" PRIu64, (uint64_t)precision));
    VkDeviceSize mask = precision != 0 ? precision - 1 : 0;
    uint32_t found = bda_history_find_all(allocator, address & ~mask, address | mask, room, owners, history);
    *count = owners != NULL && found > room ? room : found;
    return *count == found ? VK_SUCCESS : VK_INCOMPLETE;
}
