/* See watch.h. */
#include "debug/watch.h"

#include "debug/events.h"
#include "debug/memory.h"

/* Bytes are allowed before any other mode touches them, and forbidden after the last one did. */
static void pass_on(BdaAllocator allocator, const struct bda_event *event) {
    bool begins = event->kind == BDA_EVENT_ALLOCATED || event->kind == BDA_EVENT_BLOCK_OPENED;
    if (begins && allocator->marks)
        bda_memory_hear(allocator, event);
    if (allocator->logs)
        bda_events_log(allocator, event);
    if (!begins && allocator->marks)
        bda_memory_hear(allocator, event);
}

VkResult bda_watch_init(BdaAllocator allocator, const BdaAllocatorInfo *info) {
    VkResult result = VK_SUCCESS;
    allocator->logs = (info->flags & BDA_ALLOCATOR_LOG_EVENTS_BIT) != 0;
    allocator->checks = info->checks;
    if ((allocator->checks & (BDA_CHECK_ISOLATE_BIT | BDA_CHECK_MEMORY_BIT)) != 0)
        allocator->gap = BDA_WATCH_GAP;
    if ((allocator->checks & BDA_CHECK_MEMORY_BIT) != 0)
        result = bda_memory_init(allocator);
    if (result == VK_SUCCESS && (allocator->checks & BDA_CHECK_STACKS_BIT) != 0)
        result = bda_stacks_init(allocator, info);
    if (allocator->logs || allocator->checks != 0)
        allocator->event = pass_on;
    return result;
}

void bda_watch_finish(BdaAllocator allocator) {
    bda_stacks_finish(allocator);
    bda_memory_finish(allocator);
}
