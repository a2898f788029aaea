/*
 * Handles: index of the node (32 bits), generation (24), tag of the allocator (8).
 *
 * Looking one up has two steps, since the lock to take is only known from what it protects: bda_handle_find reads the
 * tag and the block of the node without a lock and names the pool; bda_handle_holds looks again under that pool's lock.
 * What is read in between may be stale, never unmapped.
 *
 * Both stand in the header because every free and every look at an allocation begins with them.
 */
#ifndef BDA_ALLOC_HANDLE_H
#define BDA_ALLOC_HANDLE_H

#include "alloc/allocator.h"

/* A live allocation, as a handle leads to it. */
struct bda_live {
    uint32_t index;
    struct bda_node *node;
    struct bda_block *block;
    struct bda_pool *pool; /* whose lock covers it */
};

static inline BdaHandle bda_handle_of(BdaAllocator allocator, uint32_t index, struct bda_node *node) {
    return allocator->tag | (BdaHandle)bda_node_generation(node) << 32 | index;
}

static inline uint32_t bda_handle_index(BdaHandle handle) {
    return (uint32_t)handle;
}

static inline uint32_t bda_handle_generation(BdaHandle handle) {
    return (uint32_t)(handle >> 32) & BDA_GENERATION_SPENT;
}

/* The node that a handle leads to, whatever it is; NULL where it leads to none. */
BDA_INLINE struct bda_node *bda_handle_target(BdaAllocator allocator, BdaHandle handle) {
    uint32_t index = bda_handle_index(handle);
    uint32_t length = atomic_load_explicit(&allocator->nodes.store.length, memory_order_acquire);
    bool good = (handle ^ allocator->tag) >> 56 == 0 && index < length; /* node 0 is there, but never lives */
    return good ? bda_node_of(allocator, index) : NULL;
}

/* The node of the live allocation that a handle names, seen without a lock; NULL where it names none. */
BDA_INLINE struct bda_node *bda_handle_node(BdaAllocator allocator, BdaHandle handle) {
    struct bda_node *node = bda_handle_target(allocator, handle);
    return node != NULL && bda_node_is_live(node, bda_handle_generation(handle)) ? node : NULL;
}

/* The same for who is about to free it, with its tag. Another thread may have been the last to write to it. */
BDA_INLINE struct bda_node *bda_handle_node_to_free(BdaAllocator allocator, BdaHandle handle, uint32_t *tag) {
    struct bda_node *node = bda_handle_target(allocator, handle);
    if (node == NULL)
        return NULL;
    bda_prefetch(node);
    *tag = bda_node_tag(node);
    return bda_tag_is_live(*tag, bda_handle_generation(handle)) ? node : NULL;
}

/* The same with its block and pool. */
BDA_INLINE bool bda_handle_find(BdaAllocator allocator, BdaHandle handle, struct bda_live *live) {
    live->index = bda_handle_index(handle);
    live->node = bda_handle_node(allocator, handle);
    if (live->node == NULL)
        return false;
    live->block = bda_block_of(allocator, live->node);
    live->pool = atomic_load_explicit(&live->block->pool, memory_order_acquire);
    return live->pool != NULL;
}

/* Whether it still leads to the same pool, now that the lock of that is held; `live` is filled anew, and the pool in it
 * is the one that is locked, whatever the answer. */
BDA_INLINE bool bda_handle_holds(BdaAllocator allocator, BdaHandle handle, struct bda_live *live) {
    struct bda_pool *locked = live->pool;
    bool holds = bda_handle_find(allocator, handle, live) && live->pool == locked;
    live->pool = locked;
    return holds;
}

/* Tells a new allocator's handles from those of others, in their highest byte; comes around after 255 of them. */
BdaHandle bda_handle_new_tag(void);

/* Whether any allocator's handles may look like this one. */
bool bda_handle_has_tag(BdaHandle handle);

/* The reason of a refusal whose handle names no live allocation. Why it does not, debug/dead_handle.h finds out for the
 * one who tells: it is this very text, by its address. */
extern const char bda_handle_is_dead[];

#endif
