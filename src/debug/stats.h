/* Statistics: gathered from the pools' counters on request; nothing is kept for them but those counters. */
#ifndef BDA_DEBUG_STATS_H
#define BDA_DEBUG_STATS_H

#include "alloc/allocator.h"

/* Adds one pool's use to `use`: all of its arenas', under the lock of the head that is named. */
void bda_stats_add_pool(BdaAllocator allocator, struct bda_pool *pool, BdaUse *use);

/* Everything. Asks the driver for its budget first. */
void bda_stats_gather(BdaAllocator allocator, BdaStats *stats);

#endif
