/* Handles to pools and nodes, see handle.h. */
#include "alloc/handle.h"

static const char stale[] = "the handle is stale: its allocation was freed";

BdaHandle bda_handle_of(BdaAllocator allocator, uint32_t node) {
    uint64_t generation = bda_node_generation(bda_node_of(allocator, node));
    return (BdaHandle)allocator->tag << 56 | generation << 32 | node;
}

/* Whether the node's tag says: live, and in the handle's generation. */
static bool is_live(struct bda_node *node, BdaHandle handle) {
    uint32_t generation = (uint32_t)(handle >> 32) & BDA_GENERATION_SPENT;
    return bda_node_tag(node) == (generation << 8 | (uint32_t)BDA_NODE_LIVE);
}

struct bda_pool *bda_handle_pool(BdaAllocator allocator, BdaHandle handle, const char **reason) {
    if (handle >> 56 != allocator->tag) {
        *reason = handle == 0 ? "the handle is 0" : "the handle belongs to another allocator";
        return NULL;
    }
    if (!bda_store_has(&allocator->nodes.store, bda_handle_index(handle))) {
        *reason = "the handle was never given out";
        return NULL;
    }
    struct bda_node *node = bda_node_of(allocator, bda_handle_index(handle));
    struct bda_pool *pool = NULL;
    if (is_live(node, handle))
        pool = atomic_load_explicit(&bda_block_of(allocator, node)->pool, memory_order_acquire);
    if (pool == NULL)
        *reason = stale;
    return pool;
}

struct bda_node *bda_handle_node(BdaAllocator allocator, struct bda_pool *pool, BdaHandle handle, const char **reason) {
    struct bda_node *node = bda_node_of(allocator, bda_handle_index(handle));
    bool same_pool = atomic_load_explicit(&bda_block_of(allocator, node)->pool, memory_order_relaxed) == pool;
    if (same_pool && is_live(node, handle))
        return node;
    *reason = stale;
    return NULL;
}
