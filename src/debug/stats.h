/*
 * Statistics: gathered from the pools' counters on request; nothing is kept for them but those counters, and what was
 * seen last (alloc/seen.h), for those who cannot wait for all pools and threads to be asked.
 */
#ifndef BDA_DEBUG_STATS_H
#define BDA_DEBUG_STATS_H

#include "alloc/allocator.h"

/* Adds one pool's use to `use`: all of its shards', under the lock of the head that is named. */
void bda_stats_add_pool(BdaAllocator allocator, struct bda_pool *pool, BdaUse *use);

/* Everything. Asks the driver for its budget first. */
void bda_stats_gather(BdaAllocator allocator, BdaStats *stats);

/* Looks through all pools for what bda_stats_quick tells, if that was asked for since the last time; from bda_collect,
 * once a frame. */
void bda_stats_look_if_asked(BdaAllocator allocator);
void bda_stats_quick(BdaAllocator allocator, BdaQuickStats *stats);

/* The intents that take a memory type first, 1 << BdaIntent each; and what is used of the type that one takes first. */
uint32_t bda_stats_intents_of(BdaAllocator allocator, uint32_t memory_type);
void bda_stats_intent(BdaAllocator allocator, BdaIntent intent, BdaIntentUse *use);

#endif
