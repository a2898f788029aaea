/*
 * Own buffers: allocations with a VkBuffer of their own, bound to a range of a block.
 *
 * The driver is called with no lock held and before the range is anybody else's: the buffer is made before its range is
 * taken and destroyed before that is given back. Which VkBuffer it is stands beside the node (core/words.h).
 *
 * As for ranges (plain.h) there is a short way and a long one. Plain is a buffer of a kind that was seen before
 * (memory/kinds.h), with no name and no value, that wants no memory of its own and finds room. Its range comes from the
 * thread's cache where that has one, and goes there when the buffer is freed.
 */
#ifndef BDA_ALLOC_OWN_H
#define BDA_ALLOC_OWN_H

#include "alloc/range.h"

/* An own buffer on its way into a block. */
struct bda_own {
    VkBuffer buffer; /* VK_NULL_HANDLE: it went with a dedicated try that failed, and is made again */
    struct bda_requirements requirements;
    uint32_t node; /* its place, once it has one */
};

/* ---- The short way ---- */

#define BDA_OWN_IS_NOT_PLAIN VK_NOT_READY /* no answer of the driver's to any of the calls */

/* All of an allocation. BDA_OWN_IS_NOT_PLAIN: it takes the long way from its beginning, and takes the buffer along, if
 * it has been `made` already (else VK_NULL_HANDLE). Any other failure is the driver's, or want of host memory: nothing
 * has changed. */
VkResult bda_own_alloc(BdaAllocator allocator, const VkBufferCreateInfo *buffer_info, const BdaAllocInfo *info,
                       VkBuffer *made, BdaAllocation *allocation);

/* All of a free, of what `handle` names: it has led to this node, and that to a block of own buffers. False: it is no
 * longer live, or somebody listens. `cache`: the thread's, or NULL. */
bool bda_own_free(BdaAllocator allocator, struct bda_cache *cache, BdaHandle handle, struct bda_node *node,
                  struct bda_block *block);

/* ---- The long way ---- */

/* An allocation, from a checked request. The VkBuffer that was made is gone if it fails. */
VkResult bda_own_allocate(BdaAllocator allocator, struct bda_request *request, uint32_t *node);

/* What the driver requires for such a buffer, of which one is made and destroyed; goes into the request, too. */
VkResult bda_own_probe(BdaAllocator allocator, struct bda_request *request, struct bda_requirements *requirements);

/* ---- For both ---- */

/* The buffer of a node in a block of own buffers. For the owner, or under the pool's lock. */
static inline VkBuffer bda_own_buffer(BdaAllocator allocator, uint32_t index) {
    return (VkBuffer)bda_words_read(&allocator->own_buffers, index);
}

/* Destroys the buffer of a node that was retired, and forgets it: for the one who may give its range back. */
void bda_own_release(BdaAllocator allocator, uint32_t index);

/* All that the caller is told of an own buffer of `size` bytes, which begins at its own offset 0. `address` 0: where
 * its range does. */
BDA_INLINE void bda_own_describe(BdaAllocator allocator, const struct bda_live *live, VkBuffer buffer,
                                 VkDeviceAddress address, VkDeviceSize size, BdaAllocation *allocation) {
    if (address == 0)
        address = live->block->region.base + bda_node_start(live->node);
    bda_range_tell(allocator, live, address, buffer, 0, size, allocation);
}

#endif
