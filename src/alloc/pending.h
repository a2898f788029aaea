/*
 * Frees that wait for a timeline semaphore. They allocate nothing: a waiting allocation is linked through its own node,
 * and the semaphores and values stand in a table of fixed size, sorted by semaphore and value.
 *
 * Where the table is full, two neighbouring groups of one semaphore become one that waits for the later value: a free
 * may come late, never early. The pair is the one that then spans the fewest values, so no free is put off by much more
 * than others (joining the soonest, or the latest, puts the same frees off for ever while new values keep coming).
 */
#ifndef BDA_ALLOC_PENDING_H
#define BDA_ALLOC_PENDING_H

#include "platform/platform.h"

#include <stdatomic.h>

#include <bdaalloc/bdaalloc.h>

enum { BDA_PENDING_GROUPS = 256 };

struct bda_pending_group {
    VkSemaphore timeline;
    uint64_t value;       /* waited for */
    uint64_t lowest;      /* the lowest value that was asked for */
    uint32_t first, last; /* nodes, linked by bda_node_link */
};

struct bda_pending {
    struct bda_mutex lock; /* covers the groups and their lists; taken before a pool's lock */
    struct bda_pending_group groups[BDA_PENDING_GROUPS];
    _Atomic uint32_t group_count; /* 0 lets bda_collect return at once */
    /* A thread is asking semaphores for their values. Their frees must stay pending meanwhile, since the caller may
     * destroy a semaphore once they are gone: nobody else takes frees out. No lock: the driver is called. */
    atomic_flag asking;
};

/* Retires an allocation now and lists it for later. `reason` on VK_ERROR_VALIDATION_FAILED_EXT or
 * VK_ERROR_TOO_MANY_OBJECTS. */
VkResult bda_pending_add(BdaAllocator allocator, BdaHandle handle, VkSemaphore timeline, uint64_t value,
                         const char **reason);

/* What a pending free waits for. */
struct bda_wait {
    VkSemaphore timeline;
    uint64_t value;
};

/* What the free of a handle waits for, for who tells of it; a bounded number of frees is looked through. False: it is
 * not among these, or not pending any more. */
bool bda_pending_look(BdaAllocator allocator, BdaHandle handle, struct bda_wait *wait);

static inline bool bda_pending_any(const struct bda_pending *pending) {
    return atomic_load_explicit(&pending->group_count, memory_order_relaxed) != 0;
}

/* Releases every group whose semaphore has reached its value. A semaphore that cannot be read because the device is
 * lost counts as reached; VK_ERROR_DEVICE_LOST is answered then. Other errors leave the group waiting and are answered.
 * `bytes`: of memory that went back to the driver with dedicated blocks. */
VkResult bda_pending_collect(BdaAllocator allocator, VkDeviceSize *bytes);

/* The same, but does nothing while another thread is at it: for allocations, which do not wait for that here.
 * `ranges_alone`: what has memory of its own waits for another collect, since to give that back takes the driver long.
 */
VkResult bda_pending_try_collect(BdaAllocator allocator, bool ranges_alone);

/* Releases everything, waiting or not; or everything of one pool. */
void bda_pending_drain(BdaAllocator allocator);
void bda_pending_drain_pool(BdaAllocator allocator, BdaPool user);

#endif
