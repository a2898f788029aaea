/* See watch.h. */
#include "debug/watch.h"

#include "debug/events.h"

static void pass_on(BdaAllocator allocator, const struct bda_event *event) {
    if (allocator->logs)
        bda_events_log(allocator, event);
}

void bda_watch_init(BdaAllocator allocator, const BdaAllocatorInfo *info) {
    allocator->logs = (info->flags & BDA_ALLOCATOR_LOG_EVENTS_BIT) != 0;
    allocator->checks = info->checks;
    if ((allocator->checks & BDA_CHECK_ISOLATE_BIT) != 0)
        allocator->gap = BDA_WATCH_GAP;
    if (allocator->logs || allocator->checks != 0)
        allocator->event = pass_on;
}
