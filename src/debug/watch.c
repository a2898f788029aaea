/* See watch.h. */
#include "debug/watch.h"

#include "alloc/free.h"
#include "alloc/history.h"
#include "alloc/own.h"
#include "debug/events.h"
#include "debug/memory.h"
#include "debug/patterns.h"
#include "debug/pointers.h"

#include <string.h>

/* Modes that care for the bytes of ranges. */
#define CARES ((BdaCheckFlags)(BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT))

/* Without a size of the caller's: a cache line of most devices. */
#define RED_ZONE ((VkDeviceSize)64)

#define TRANSFERS ((VkBufferUsageFlags)(VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT))

/* To a memory checker an allocation's bytes are its owner's from before anybody else hears of it until after. Patterns
 * do not count on that order: the bytes that they look at are nobody's, and they pause the checker (patterns.c). */
static void pass_on(BdaAllocator allocator, const struct bda_event *event) {
    if (event->kind == BDA_EVENT_ALLOCATED && (allocator->checks & BDA_CHECK_HISTORY_BIT) != 0)
        bda_history_tell(allocator, event->handle, bda_node_of(allocator, bda_handle_index(event->handle)),
                         BDA_PAST_ALLOCATED);
    bool begins = event->kind == BDA_EVENT_ALLOCATED || event->kind == BDA_EVENT_BLOCK_OPENED;
    if (begins && allocator->marks)
        bda_memory_hear(allocator, event);
    if (allocator->logs)
        bda_events_log(allocator, event);
    if (allocator->pointers != NULL)
        bda_pointers_hear(allocator, event);
    if (!begins && allocator->marks)
        bda_memory_hear(allocator, event);
}

/* ---- Hooks ---- */

/* Through which buffer commands reach the bytes of a block; those that are mapped need none. */
static void opened(BdaAllocator allocator, uint32_t index, VkBufferUsageFlags usage) {
    struct bda_block *block = bda_block_at(allocator, index);
    bda_patterns_opened(allocator, index);
    if (block->mapped != NULL || allocator->more_usage == 0)
        return;
    bool zoned = block->dedicated_size != 0 && block->reach_size > block->dedicated_size;
    if (block->buffer == VK_NULL_HANDLE || zoned)
        bda_block_reach(&allocator->device, block);
    if (block->reach != VK_NULL_HANDLE || block->buffer == VK_NULL_HANDLE || (usage & TRANSFERS) != TRANSFERS)
        return;
    block->reach = block->buffer;
    block->reach_size = zoned ? block->dedicated_size : block->reach_size;
}

/* What a note says of a range ends with it: the node's next one is seen before its own note is written. */
static void forget(BdaAllocator allocator, uint32_t index) {
    bda_note_change(&allocator->watch->notes, index, 0);
}

/* `last`: it must go now. Returns the bytes of memory that went back to the driver. */
static VkDeviceSize release(BdaAllocator allocator, struct bda_held *due, bool last) {
    VkDeviceSize bytes = 0;
    for (uint32_t index; (index = bda_held_pop(allocator, due)) != 0;) {
        bda_patterns_leave(allocator, index);
        if (!last && bda_commands_part(allocator, index))
            continue;
        forget(allocator, index);
        bytes += bda_release_held(allocator, index);
    }
    return bytes;
}

/* What it gives up for that is on its way back from the moment in which nobody can have it let go any more. */
static VkDeviceSize quarantine(BdaAllocator allocator, uint32_t node) {
    struct bda_held due = { .first = 0 };
    struct bda_closing closing;
    bda_closing_begin(&allocator->closings, &closing);
    bda_quarantine_add(allocator, node, &due);
    VkDeviceSize bytes = release(allocator, &due, false);
    bda_closing_end(&allocator->closings, &closing);
    return bytes;
}

/* Whether the quarantine keeps a node. Memory of one isolated buffer goes back at once, since its buffer goes with it:
 * while that is there the layers take a use after the free for a good one, and in memory that is gone there is none. */
static bool is_kept(BdaAllocator allocator, uint32_t node) {
    const struct bda_block *block = bda_block_of(allocator, bda_node_of(allocator, node));
    bool isolated = block->dedicated_size != 0 && (allocator->checks & BDA_CHECK_ISOLATE_BIT) != 0;
    return (allocator->checks & BDA_CHECK_QUARANTINE_BIT) != 0 && !isolated;
}

static bool hold(BdaAllocator allocator, uint32_t node, bool seen, VkDeviceSize *bytes) {
    bool touched = bda_commands_touch(allocator, node);
    bda_patterns_freed(allocator, node);
    if (bda_block_of(allocator, bda_node_of(allocator, node))->own)
        bda_own_release(allocator, node);
    if ((seen || touched) && bda_commands_hold(allocator, node))
        return true;
    if (!is_kept(allocator, node) || !seen) {
        forget(allocator, node);
        return false;
    }
    bda_hold(allocator, node);
    *bytes += quarantine(allocator, node);
    return true;
}

static void let_go(BdaAllocator allocator, const struct bda_pool *pool) {
    struct bda_held due = { .first = 0 };
    bda_quarantine_take(allocator, pool, &due);
    bda_commands_let_go(allocator, pool, &due);
    (void)release(allocator, &due, true);
}

VkResult bda_watch_complete(BdaAllocator allocator, uint64_t ticket) {
    struct bda_held filled = { .first = 0 }, due = { .first = 0 };
    VkResult result = bda_commands_complete(allocator, ticket, &filled, &due);
    if (result != VK_SUCCESS)
        return result;
    for (uint32_t index; (index = bda_held_pop(allocator, &filled)) != 0;) {
        if (is_kept(allocator, index))
            (void)quarantine(allocator, index);
        else
            bda_held_append(allocator, &due, index);
    }
    (void)release(allocator, &due, true);
    return VK_SUCCESS;
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
    allocator->guard = bda_max(allocator->guard, allocator->red_zone);
    bda_commands_init(&watch->commands);
    if ((info->checks & (BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT)) != 0)
        allocator->more_usage = TRANSFERS;
    allocator->watch = watch;
    allocator->hooks = &hooks;
    return VK_SUCCESS;
}

VkResult bda_watch_init(BdaAllocator allocator, const BdaAllocatorInfo *info, const char **reason) {
    VkResult result = VK_SUCCESS;
    allocator->logs = (info->flags & BDA_ALLOCATOR_LOG_EVENTS_BIT) != 0;
    allocator->checks = info->checks;
    if ((allocator->checks & (BDA_CHECK_ISOLATE_BIT | BDA_CHECK_MEMORY_BIT)) != 0)
        allocator->guard = BDA_WATCH_GAP;
    if ((allocator->checks & BDA_CHECK_MEMORY_BIT) != 0)
        result = bda_memory_init(allocator);
    if (result == VK_SUCCESS && (allocator->checks & BDA_CHECK_STACKS_BIT) != 0)
        result = bda_stacks_init(allocator, info);
    if (allocator->logs || allocator->checks != 0)
        allocator->event = pass_on;
    if (result == VK_SUCCESS && (info->checks & CARES) != 0)
        result = care(allocator, info);
    if (result == VK_SUCCESS && (info->checks & BDA_CHECK_POINTERS_BIT) != 0)
        result = bda_pointers_init(allocator, reason);
    return result;
}

void bda_watch_stop(BdaAllocator allocator) {
    if (allocator->watch != NULL)
        bda_commands_stop(allocator);
}

void bda_watch_finish(BdaAllocator allocator) {
    bda_pointers_finish(allocator);
    bda_stacks_finish(allocator);
    bda_memory_finish(allocator);
    struct bda_watch *watch = allocator->watch;
    if (watch == NULL)
        return;
    bda_notes_finish(&watch->notes);
    bda_mutex_destroy(&watch->quarantine.lock);
    bda_mutex_destroy(&watch->broken.lock);
    bda_host_release(&allocator->host, watch, sizeof *watch);
}
