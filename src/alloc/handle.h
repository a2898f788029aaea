/*
 * Handles: index of the node (32 bits), generation (24), tag of the allocator (8).
 *
 * Looking one up has two steps, since the lock to take is only known from what it protects: bda_handle_pool reads the
 * tag and the block of the node without a lock and names the pool; bda_handle_node looks again under that pool's lock.
 * What is read in between may be stale, never unmapped.
 */
#ifndef BDA_ALLOC_HANDLE_H
#define BDA_ALLOC_HANDLE_H

#include "alloc/allocator.h"

BdaHandle bda_handle_of(BdaAllocator allocator, uint32_t node);

static inline uint32_t bda_handle_index(BdaHandle handle) {
    return (uint32_t)handle;
}

/* The pool whose lock covers a live allocation, or NULL and the reason why the handle names none. */
struct bda_pool *bda_handle_pool(BdaAllocator allocator, BdaHandle handle, const char **reason);

/* Under the lock of `pool`: the allocation's node, or NULL and the reason. */
struct bda_node *bda_handle_node(BdaAllocator allocator, struct bda_pool *pool, BdaHandle handle, const char **reason);

#endif
