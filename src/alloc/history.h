/*
 * History: who had an address before. Each allocation that is freed leaves an event in a ring (core/ring.h): its
 * handle, address and size, when it was, and the beginning of its name. What lives tells its own story but for the
 * frame in which it was made, so where the caller says frames an allocation leaves two words, a birth: its handle and
 * the clock. A named one remembers its frame in its record, too, and its event says it. (With BDA_CHECK_HISTORY_BIT
 * allocations leave events, as frees do.)
 *
 * A thread writes into the ring of its cache, which nobody else writes. Threads that have none, and all where there are
 * no caches, share one, under a lock of its own that is taken last. Whoever comes to allocate when a few have done so
 * before gets a cache for its ring, if for nothing else (bda_caches_after_requests in caches.h); whoever only frees
 * wishes for one, as it does where ranges go into caches, and has it after the next request of anybody.
 *
 * When it was is told by a clock that all read and seldom anybody writes: about how many turns (of 256 frees) the rings
 * have made together, and the caller's frame.
 */
#ifndef BDA_ALLOC_HISTORY_H
#define BDA_ALLOC_HISTORY_H

#include "alloc/handle.h"
#include "core/ring.h"

/* An event's words: handle; address, which is a multiple of 16, with flags in its lowest bits; granules held, and
 * bytes of them that were not asked for, or what was asked for and BDA_PAST_LARGE; the clock. Notes: the stack and the
 * frame in which it was allocated (0: not known) and 24 bytes of the name; 32 more. */
enum {
    BDA_PAST_NOTES = 3,     /* how many there are */
    BDA_PAST_PENDING = 4,   /* by bda_free_after: the event is older than the free was due */
    BDA_PAST_ALLOCATED = 8, /* it is an allocation's, with BDA_CHECK_HISTORY_BIT */
    BDA_PAST_NAME = 56,     /* bytes of a name in both notes */
};

/* Of dedicated memory whose granules have no room beside its slack: from 32 GiB on, twice what a block has at most. */
#define BDA_PAST_LARGE ((uint64_t)1 << 63)

/* The clock: turns, above the frame's lowest 32 bits. */
BDA_INLINE uint64_t bda_clock_now(BdaAllocator allocator) {
    return atomic_load_explicit(&allocator->history.now, memory_order_relaxed);
}

/* Of a frame only the lowest 32 bits are kept: the one next to `present` that has them. */
static inline uint64_t bda_clock_whole_frame(uint64_t present, uint32_t low) {
    return present - (uint64_t)(int64_t)(int32_t)((uint32_t)present - low);
}

BDA_INLINE uint32_t bda_clock_turns(uint64_t clock) {
    return (uint32_t)(clock >> 32);
}

/* A ring, the caller's to write, has completed a turn. Each is counted, but the clock, which everybody reads, is set
 * by who has not seen it change since its own last turn: a thread that frees alone sets it each time, and of threads
 * that free as fast as each other one does so for all. (If each of sixteen did, each would wait for the clock's line
 * once in sixteen of its frees.) Two turns of each ring may be missing in it then, and one more of one that has lost
 * its processor here. No calls. */
BDA_INLINE void bda_clock_advance(BdaAllocator allocator, struct bda_ring *ring) {
    struct bda_history *history = &allocator->history;
    (void)atomic_fetch_add_explicit(&history->turns, 1, memory_order_relaxed);
    uint64_t now = bda_clock_now(allocator);
    while (bda_clock_turns(now) == ring->clock_seen) {
        uint64_t turns = atomic_load_explicit(&history->turns, memory_order_relaxed);
        uint64_t next = turns << 32 | (uint32_t)now;
        BDA_YIELD_POINT();
        if (atomic_compare_exchange_weak_explicit(&history->now, &now, next, memory_order_relaxed,
                                                  memory_order_relaxed))
            now = next;
    }
    ring->clock_seen = bda_clock_turns(now);
}

/* An allocation was made, and has no record. Its birth is asked for its frame. No calls. */
BDA_INLINE void bda_history_made(BdaAllocator allocator, struct bda_ring *ring, BdaHandle handle) {
    uint64_t now = bda_clock_now(allocator);
    if ((uint32_t)now != 0)
        bda_ring_write_birth(ring, handle, now);
    else
        bda_ring_count_birth(ring);
}

/* What an event says of a node's size, to be asked for before anybody links it. */
BDA_INLINE uint64_t bda_history_extent(const struct bda_node *node) {
    return (uint64_t)bda_node_size(node) << 32 | bda_node_slack(node);
}

/* A range without a record was freed, and is still where it was. `ring` is the caller's to write. No calls. */
BDA_INLINE void bda_history_add(BdaAllocator allocator, struct bda_ring *ring, BdaHandle handle,
                                VkDeviceAddress address, uint64_t extent) {
    if (bda_ring_write(ring, handle, address, extent, bda_clock_now(allocator)))
        bda_clock_advance(allocator, ring);
}

/* Any allocation was freed, and its record is still there: its owner's, or the pool's lock is held; or it was made, and
 * nobody knows of it. `flags`: 0, BDA_PAST_PENDING or BDA_PAST_ALLOCATED. Takes the ring's lock where the thread has
 * none of its own. */
void bda_history_tell(BdaAllocator allocator, BdaHandle handle, struct bda_node *node, uint32_t flags);

/* Any allocation was made. Takes the ring's lock where the thread has none of its own. */
void bda_history_tell_made(BdaAllocator allocator, BdaHandle handle);

/* VK_ERROR_OUT_OF_HOST_MEMORY leaves nothing behind. `depth`: see BdaAllocatorInfo::history_depth; `caches`: whether
 * threads will have rings of their own. */
VkResult bda_history_init(BdaAllocator allocator, uint32_t depth, bool caches);
void bda_history_finish(BdaAllocator allocator);

#endif
