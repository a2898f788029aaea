/* Leaks: what is still live when its allocator or pool goes, told to the message callback by name. */
#ifndef BDA_DEBUG_LEAKS_H
#define BDA_DEBUG_LEAKS_H

#include "alloc/allocator.h"

/* Lists a pool's live allocations; returns how many there are. Nobody else uses the pool any more. */
uint64_t bda_leaks_list(BdaAllocator allocator, struct bda_pool *pool);

#endif
