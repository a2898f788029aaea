/* Reclaim: empty blocks go back to the driver, on request, by policy, or under pressure. No lock is held across the
 * driver. */
#ifndef BDA_ALLOC_RECLAIM_H
#define BDA_ALLOC_RECLAIM_H

#include "alloc/allocator.h"

/* Every pool keeps one empty block and `keep_empty` bytes more of them; what is over that is surplus. Blocks made ahead
 * of time and not used yet are none. */

/* bda_collect: of the surplus, what was found empty `keep_collects` times in a row goes. This is one of them.
 * `look` comes to each pool with it. */
void bda_reclaim_surplus(BdaAllocator allocator, struct bda_look *look);

/* New memory is about to be taken: all of a pool's surplus goes. */
void bda_reclaim_pool_surplus(BdaAllocator allocator, struct bda_pool *pool);

/* In those below, blocks that the public call `but` opened are spared: it would give back what it just took. 0 spares
 * none. */

/* Every empty block of a pool goes. Whether there was one. */
bool bda_reclaim_pool(BdaAllocator allocator, struct bda_pool *pool, uint32_t but);

/* Under pressure: every empty block of one heap goes. Whether there was one. */
bool bda_reclaim_heap(BdaAllocator allocator, uint32_t heap, uint32_t but);

/* Whether there is one. */
bool bda_reclaim_heap_would(BdaAllocator allocator, uint32_t heap);

/* The largest empty blocks go until at most `keep` bytes are left; returns the bytes that went. */
VkDeviceSize bda_reclaim_down_to(BdaAllocator allocator, VkDeviceSize keep, uint32_t but);

/* Spare nodes that pools do not need go back to the store, where any pool finds them. */
void bda_reclaim_nodes(BdaAllocator allocator);

/* A public call failed: the blocks that were opened for it go, those at least that are empty. 0 does nothing. */
void bda_reclaim_call(BdaAllocator allocator, uint32_t call);

#endif
