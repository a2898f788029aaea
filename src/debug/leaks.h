/* Leaks: what is still live when its allocator or pool goes, told to the message callback by name. */
#ifndef BDA_DEBUG_LEAKS_H
#define BDA_DEBUG_LEAKS_H

#include "alloc/allocator.h"

enum { BDA_LEAKS_TOLD = 64 }; /* one by one; of the others, how many there are */

/* Tells what is live in some pools, and returns how many allocations that are. `next` leads from one pool, or shard, to
 * another one, and to NULL from the last. Nobody else uses any of them. */
uint64_t bda_leaks_tell(BdaAllocator allocator, const char *function, struct bda_pool *first,
                        struct bda_pool *(*next)(const struct bda_pool *pool));

#endif
