/* See inner.h. A file of its own: were its short way beside that of bda_free, compilers would make them share pieces,
 * and both longer. */
#include "api/inner.h"

#include "alloc/caches.h"
#include "alloc/free.h"
#include "alloc/own.h"
#include "alloc/plain.h"
#include "api/check.h"

BDA_COLD VkResult free_the_long_way(BdaAllocator allocator, BdaHandle handle, const char *function) {
    const char *reason = NULL;
    VkResult result = bda_free_handle(allocator, handle, &reason);
    return result == VK_SUCCESS ? result : bda_refuse_handle(allocator, function, result, reason, handle);
}

/* Apart, so that the shortest way saves no registers for it. */
BDA_APART VkResult free_the_middle_way(BdaAllocator allocator, BdaHandle handle, const char *function,
                                       struct bda_node *node, uint32_t tag) {
    struct bda_block *block = bda_block_of(allocator, node);
    struct bda_cache *cache = allocator->caches_off ? NULL : bda_cache_or_wish(allocator);
    bool freed = block->own ? bda_own_free(allocator, cache, handle, node, block)
                            : bda_plain_free(allocator, cache, !allocator->caches_off, handle, node, tag);
    return freed ? VK_SUCCESS : free_the_long_way(allocator, handle, function);
}

VkResult bda_free_inner(BdaAllocator allocator, BdaHandle handle, const char *function) {
    uint32_t tag;
    struct bda_node *node = bda_handle_node_to_free(allocator, handle, &tag);
    if (node == NULL)
        return free_the_long_way(allocator, handle, function);
    struct bda_cache *cache = allocator->caches_off ? NULL : bda_cache_used_last(allocator);
    if (bda_cache_put(allocator, cache, handle, node, tag))
        return VK_SUCCESS;
    return free_the_middle_way(allocator, handle, function, node, tag);
}
