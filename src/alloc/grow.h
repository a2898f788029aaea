/*
 * Growth: what happens when no block has room. Every function here calls the driver and holds no lock meanwhile; a
 * block is made aside and joins its pool when it is whole.
 */
#ifndef BDA_ALLOC_GROW_H
#define BDA_ALLOC_GROW_H

#include "alloc/allocator.h"

/* Whether a request is too large for the pool's blocks, and wants memory of its own. */
bool bda_grow_is_large(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_request *request);

/* The size of the least block that serves a request which is not large. */
VkDeviceSize bda_grow_least(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_request *request);

/* Makes a block for the pool and takes the request's range from it; or waits for one that another thread is making, if
 * it will have room. What has been freed meanwhile serves too. Near a full heap: empty blocks of the heap go first,
 * then the size is halved down to what the request needs. VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_TOO_MANY_OBJECTS, and
 * so on. */
VkResult bda_grow_pool(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request, uint32_t *node);

/* Makes a block for the calling thread's shard, and takes the request's range from it, although other shards of the
 * pool may have room (bda_shard_wants_block): within the budget, and without giving anything back for it. Whatever
 * refuses it, the request goes on to the others. */
VkResult bda_grow_shard(BdaAllocator allocator, struct bda_pool *head, struct bda_request *request, uint32_t *node);

/* Makes empty blocks until requests like this one, `bytes` of them together, find room. On failure those that were made
 * stay, for bda_reclaim_call. */
VkResult bda_grow_ahead(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *like, VkDeviceSize bytes);

/* Makes empty blocks until a pool that has come below its low-water mark is at it again. VK_INCOMPLETE: no memory
 * within the budget and the limits; errors with their reason, after which it still wants them. What was made stays. */
VkResult bda_grow_to_mark(BdaAllocator allocator, struct bda_pool *pool, const char **reason);

/* Makes memory for one request. `buffer` (own buffers: theirs; ranges: made here, VK_NULL_HANDLE) is destroyed on
 * failure. */
VkResult bda_grow_dedicated(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request, VkBuffer buffer,
                            const struct bda_requirements *requirements, uint32_t *node);

#endif
