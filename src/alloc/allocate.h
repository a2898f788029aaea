/* From a checked request to a live node: the types an intent tries, the pool of each, its blocks, new memory. */
#ifndef BDA_ALLOC_ALLOCATE_H
#define BDA_ALLOC_ALLOCATE_H

#include "alloc/allocator.h"

struct bda_own; /* own.h */

/* An allocation of either kind (request->buffer_info says which). Its record and its name are made here. */
VkResult bda_allocate(BdaAllocator allocator, struct bda_request *request, uint32_t *node);

#define BDA_NO_ROOM "no block has room, and the request may take no new memory"

/* Whether any memory type serves a checked request. VK_ERROR_FEATURE_NOT_PRESENT, and why, if none does. */
VkResult bda_check_types(BdaAllocator allocator, struct bda_request *request);

/* What is done with a pool of each memory type in turn; `context` is its own. */
typedef VkResult (*bda_try)(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request, void *context);

/* Tries the pool of each type that serves the request, in the intent's order, until one is not refused for want of
 * memory. */
VkResult bda_try_types(BdaAllocator allocator, struct bda_request *request, bda_try try, void *context);

/* Dedicated memory where it is wanted, else a place in a block of the pool; and once more as a last resort. `own`: the
 * buffer that it is for, or NULL; a dedicated try that fails takes its VkBuffer along. */
VkResult bda_allocate_in(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                         struct bda_own *own, uint32_t *node);

/* Dedicated memory, whether it is wanted or not, the same way. */
VkResult bda_allocate_dedicated(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                                struct bda_own *own, uint32_t *node);

/* A range from the blocks there are, and where none has room from what threads keep for themselves, which comes back.
 * VK_ERROR_OUT_OF_DEVICE_MEMORY: no room; VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult bda_take_or_drain(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                           uint32_t *node);

/* All that the caller is told of an allocation. For its owner, or under its pool's lock. */
void bda_describe(BdaAllocator allocator, uint32_t index, BdaAllocation *allocation);

/* Makes room ahead: blocks until ranges like `like` amount to `bytes`. */
VkResult bda_make_room(BdaAllocator allocator, struct bda_request *like, VkDeviceSize bytes);

/* Adds the guard that checking modes want to the room that a request takes; to none whose buffer or memory would break
 * a limit. */
void bda_allocate_guard(BdaAllocator allocator, struct bda_request *request);

/* Bytes from its first one on that are an allocation's alone. As above; for pending nodes, too. */
VkDeviceSize bda_held(BdaAllocator allocator, uint32_t index);

/* What was asked for. For the owner, or under the pool's lock; not for pending nodes. */
VkDeviceSize bda_asked(BdaAllocator allocator, struct bda_node *node);

#endif
