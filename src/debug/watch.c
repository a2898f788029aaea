/* See watch.h. */
#include "debug/watch.h"

#include "alloc/free.h"
#include "debug/events.h"
#include "debug/patterns.h"

#include <string.h>

/* Modes that care for the bytes of ranges. */
#define CARES ((BdaCheckFlags)(BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT))

/* Without a size of the caller's: a cache line of most devices. */
#define RED_ZONE ((VkDeviceSize)64)

static void pass_on(BdaAllocator allocator, const struct bda_event *event) {
    if (allocator->logs)
        bda_events_log(allocator, event);
}

/* ---- Hooks ---- */

static void opened(BdaAllocator allocator, uint32_t block, VkBufferUsageFlags usage) {
    (void)usage;
    bda_patterns_opened(allocator, block);
}

static void release(BdaAllocator allocator, struct bda_held *due) {
    for (uint32_t index; (index = bda_held_pop(allocator, due)) != 0;) {
        bda_patterns_leave(allocator, index);
        bda_release_held(allocator, index);
    }
}

static bool hold(BdaAllocator allocator, uint32_t node) {
    bda_patterns_freed(allocator, node);
    if ((allocator->checks & BDA_CHECK_QUARANTINE_BIT) == 0)
        return false;
    if (bda_block_of(allocator, bda_node_of(allocator, node))->own)
        bda_release_buffer(allocator, node);
    struct bda_held due = { .first = 0 };
    bda_hold(allocator, node);
    bda_quarantine_add(allocator, node, &due);
    release(allocator, &due);
    return true;
}

static void let_go(BdaAllocator allocator, const struct bda_pool *pool) {
    struct bda_held due = { .first = 0 };
    bda_quarantine_take(allocator, pool, &due);
    release(allocator, &due);
}

static const struct bda_hooks hooks = { opened, bda_patterns_taken, hold, let_go };

/* ---- Beginning and end ---- */

static VkResult care(BdaAllocator allocator, const BdaAllocatorInfo *info) {
    struct bda_watch *watch = bda_host_allocate(&allocator->host, sizeof *watch, _Alignof(struct bda_watch));
    if (watch == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    memset(watch, 0, sizeof *watch);
    bda_notes_init(allocator, &watch->notes);
    bda_quarantine_init(allocator, &watch->quarantine, info->quarantine_bytes, info->quarantine_frees);
    bda_broken_init(allocator, &watch->broken);
    if ((info->checks & BDA_CHECK_RED_ZONES_BIT) != 0)
        allocator->red_zone = bda_align_up(info->red_zone != 0 ? info->red_zone : RED_ZONE, BDA_LEAST_ALIGNMENT);
    allocator->watch = watch;
    allocator->hooks = &hooks;
    return VK_SUCCESS;
}

VkResult bda_watch_init(BdaAllocator allocator, const BdaAllocatorInfo *info) {
    allocator->logs = (info->flags & BDA_ALLOCATOR_LOG_EVENTS_BIT) != 0;
    allocator->checks = info->checks;
    if (allocator->logs || allocator->checks != 0)
        allocator->event = pass_on;
    return (info->checks & CARES) != 0 ? care(allocator, info) : VK_SUCCESS;
}

void bda_watch_finish(BdaAllocator allocator) {
    struct bda_watch *watch = allocator->watch;
    if (watch == NULL)
        return;
    bda_notes_finish(&watch->notes);
    bda_mutex_destroy(&watch->quarantine.lock);
    bda_mutex_destroy(&watch->broken.lock);
    bda_host_release(&allocator->host, watch, sizeof *watch);
}
