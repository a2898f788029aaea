/* See watch.h. */
#include "debug/watch.h"

#include "debug/events.h"
#include "debug/pointers.h"

static void pass_on(BdaAllocator allocator, const struct bda_event *event) {
    if (allocator->logs)
        bda_events_log(allocator, event);
    if (allocator->pointers != NULL)
        bda_pointers_hear(allocator, event);
}

VkResult bda_watch_init(BdaAllocator allocator, const BdaAllocatorInfo *info, const char **reason) {
    allocator->logs = (info->flags & BDA_ALLOCATOR_LOG_EVENTS_BIT) != 0;
    allocator->checks = info->checks;
    if (allocator->logs || allocator->checks != 0)
        allocator->event = pass_on;
    if ((allocator->checks & BDA_CHECK_POINTERS_BIT) != 0)
        return bda_pointers_init(allocator, reason);
    return VK_SUCCESS;
}

void bda_watch_finish(BdaAllocator allocator) {
    bda_pointers_finish(allocator);
}
