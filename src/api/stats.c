/* Figures for overlays and panels, and dumps for tools. (bda_get_stats: access.c) */
#include "debug/stats.h"

#include "api/check.h"
#include "debug/dump.h"
#include "debug/heaps.h"
#include "debug/message.h"
#include "debug/prefix.h"

#include <inttypes.h>
#include <string.h>

VkResult bda_get_quick_stats(BdaAllocator allocator, BdaQuickStats *stats) {
    if (stats == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "stats is NULL");
    memset(stats, 0, sizeof *stats);
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    bda_stats_quick(allocator, stats);
    return VK_SUCCESS;
}

VkResult bda_get_intent_stats(BdaAllocator allocator, BdaIntent intent, BdaIntentUse *use) {
    char room[BDA_REASON_ROOM];
    if (use == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "use is NULL");
    memset(use, 0, sizeof *use);
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if ((uint32_t)intent >= BDA_INTENT_COUNT)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT,
                          bda_reason(room, "unknown intent, %" PRIu32, (uint32_t)intent));
    bda_stats_intent(allocator, intent, use);
    return VK_SUCCESS;
}

/* What is asked for in a list: how many there is room for, and so far there are none. `wanted`: false where the caller
 * asks how many there are. */
static VkResult begin_list(BdaAllocator allocator, const char *function, uint32_t *count, bool wanted, uint32_t *room) {
    *room = 0;
    if (count == NULL)
        return bda_refuse(allocator, function, VK_ERROR_VALIDATION_FAILED_EXT, "count is NULL");
    if (wanted)
        *room = *count;
    *count = 0;
    return allocator != NULL ? VK_SUCCESS : VK_ERROR_VALIDATION_FAILED_EXT;
}

VkResult bda_get_prefix_stats(BdaAllocator allocator, char delimiter, uint32_t *count, BdaPrefixUse *uses) {
    uint32_t room;
    VkResult result = begin_list(allocator, __func__, count, uses != NULL, &room);
    if (result != VK_SUCCESS)
        return result;
    if (delimiter == '\0')
        delimiter = '/';
    if (uses == NULL) {
        result = bda_prefix_count(allocator, delimiter, count);
        return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, NULL);
    }
    if (room == 0)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "there is no room for any");
    return bda_prefix_stats(allocator, delimiter, room, uses, count) ? VK_SUCCESS : VK_INCOMPLETE;
}

VkResult bda_get_counted_prefixes(BdaAllocator allocator, uint32_t *count, BdaCountedPrefix *prefixes) {
    uint32_t room;
    VkResult result = begin_list(allocator, __func__, count, prefixes != NULL, &room);
    if (result != VK_SUCCESS)
        return result;
    uint32_t all = bda_counted_prefix_count(allocator);
    *count = prefixes != NULL && room < all ? room : all;
    for (uint32_t i = 0; prefixes != NULL && i < *count; i++)
        bda_counted_prefix(allocator, i, &prefixes[i]);
    return *count == all ? VK_SUCCESS : VK_INCOMPLETE;
}

VkResult bda_get_budget(BdaAllocator allocator, uint32_t *count, BdaHeapBudget *budgets) {
    uint32_t room;
    VkResult result = begin_list(allocator, __func__, count, budgets != NULL, &room);
    if (result != VK_SUCCESS)
        return result;
    uint32_t heaps = allocator->device.budget.heap_count;
    *count = budgets != NULL && room < heaps ? room : heaps;
    if (budgets == NULL)
        return VK_SUCCESS;
    BdaStats stats = { .next = NULL };
    BdaHeapBudget all[VK_MAX_MEMORY_HEAPS];
    bda_heaps_view(allocator, &stats, all);
    memcpy(budgets, all, *count * sizeof *budgets);
    return *count == heaps ? VK_SUCCESS : VK_INCOMPLETE;
}

VkResult bda_write_json(BdaAllocator allocator, const BdaJsonInfo *info, BdaWriteText write, void *user) {
    static const BdaJsonInfo defaults = { .next = NULL };
    char room[BDA_REASON_ROOM];
    const BdaJsonFlags known = BDA_JSON_NO_RANGES_BIT | BDA_JSON_NO_HISTORY_BIT;
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    info = info != NULL ? info : &defaults;
    if (write == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "write is NULL");
    if (info->next != NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "next must be NULL");
    if ((info->flags & ~known) != 0)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT,
                          bda_reason(room, "unknown flags, 0x%" PRIx32, info->flags & ~known));
    struct bda_json json;
    bda_json_begin(&json, write, user);
    bda_dump(allocator, info, &json);
    return bda_json_end(&json) ? VK_SUCCESS : VK_INCOMPLETE;
}
