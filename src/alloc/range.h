/*
 * Ranges: taken from the blocks of a pool, told of, given back. That is the innermost step of every allocation and
 * every free, so it stands in a header: the compiler makes one piece of it and of the public call.
 */
#ifndef BDA_ALLOC_RANGE_H
#define BDA_ALLOC_RANGE_H

#include "alloc/handle.h"

#include <stddef.h>
#include <string.h>

/* ---- Taking ---- */

/* What a request amounts to in a pool. */
struct bda_extent {
    uint32_t granules;
    VkDeviceSize alignment;
};

BDA_INLINE struct bda_extent bda_range_extent(const struct bda_pool *pool, const struct bda_request *request) {
    VkDeviceSize alignment = bda_max(request->alignment, pool->least_alignment);
    VkDeviceSize skew = atomic_load_explicit(&pool->atom_skew, memory_order_relaxed);
    VkDeviceSize room = bda_align_up(request->room + skew, bda_min(alignment, pool->most_rounding));
    return (struct bda_extent){ (uint32_t)(room >> BDA_GRANULE_LOG2), alignment };
}

/* Sees to it that the pool's TLSF has `count` spare nodes. The pool's lock is held. */
BDA_INLINE bool bda_range_secure_nodes(BdaAllocator allocator, struct bda_pool *pool, uint32_t count) {
    return pool->tlsf.spare.count >= count || bda_pool_fetch_nodes(allocator, pool, count);
}

/* A node that is the pool's, with all that it leads to. */
BDA_INLINE struct bda_live bda_range_at(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    struct bda_node *node = bda_node_of(allocator, index);
    return (struct bda_live){ index, node, bda_block_of(allocator, node), pool };
}

/* The granules of a range that is not small, 0 of a small one. Which it is, is chance: a mask, and no branch. (No range
 * has 2^31 of them.) */
BDA_INLINE uint32_t bda_range_large_part(const struct bda_node *node) {
    uint32_t size = bda_node_size(node);
    return size & (0 - ((BDA_SMALL_MOST - size) >> 31));
}

/* Whether caches keep such a range of its pool, as things are: a small one where small ones gather, a larger one while
 * there is much room. Chance again. */
BDA_INLINE bool bda_range_may_be_kept(const struct bda_pool *pool, struct bda_node *node) {
    uint32_t size = bda_node_size(node), small = size <= BDA_SMALL_MOST, larger = size <= BDA_CACHED_MOST;
    uint32_t in_zone = bda_node_zone(node) < atomic_load_explicit(&pool->kept_zones, memory_order_relaxed);
    uint32_t roomy = bda_pool_is_roomy(pool);
    return ((small & in_zone) | (~small & larger & roomy)) != 0;
}

/* Where caches keep it, 0 where they do not: found whether it is wanted or not, which costs less than a branch. */
BDA_INLINE uint32_t bda_range_home(const struct bda_live *live) {
    uint32_t kept = live->block->stock != BDA_STOCKS;
    kept &= bda_range_may_be_kept(live->pool, live->node);
    return bda_home(live->block->stock, bda_shelf_of(bda_node_size(live->node))) & (0 - kept);
}

/* Counts a range that TLSF has just handed out, and writes down whose it is. `caches`: false where the allocator is
 * known to have none. The pool's lock is held. */
BDA_INLINE void bda_range_count(const struct bda_live *live, const struct bda_request *request, bool caches) {
    if (caches && bda_pool_has_stock(live->pool)) {
        live->pool->large += bda_range_large_part(live->node);
        bda_pool_bound_or_rest(live->pool);
    }
    bda_pool_watch_level(live->pool);
    if (live->block->idle != 0) /* every thread reads that line: it is written as seldom as can be */
        live->block->idle = 0;
    uint32_t home = caches ? bda_range_home(live) : 0;
    bda_node_set_record(live->node, request->record != 0 ? request->record : home);
    bda_node_set_slack(live->node, (uint32_t)(bda_node_held(live->node) - request->size)); /* last: it is all there */
    live->pool->counters.live_count++;
    live->pool->counters.used += request->size;
}

/* Takes a range from the blocks there are. VK_ERROR_OUT_OF_DEVICE_MEMORY: no room; VK_ERROR_OUT_OF_HOST_MEMORY.
 * `caches`: as above. The pool's lock is held. */
BDA_INLINE VkResult bda_range_take(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                                   bool caches, struct bda_live *live) {
    if (!bda_range_secure_nodes(allocator, pool, BDA_TLSF_NODES_PER_ALLOC))
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    struct bda_extent extent = bda_range_extent(pool, request);
    struct bda_taken taken = bda_tlsf_take(&pool->tlsf, extent.granules, extent.alignment);
    if (taken.index == 0) {
        if (caches && bda_pool_has_stock(pool)) /* others see what is left */
            bda_pool_bound_caches(pool);
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    *live = (struct bda_live){ (uint32_t)taken.index, taken.node, bda_block_of(allocator, taken.node), pool };
    bda_range_count(live, request, caches);
    return VK_SUCCESS;
}

/* ---- Telling ---- */

/* Writes two words at once. Callers copy what they are told in vectors as often as not (compilers see to that), and a
 * vector that is read of words which have just been written one by one waits until all that was written before is in
 * the cache. */
BDA_INLINE void bda_write_pair(void *to, uint64_t first, uint64_t second) {
#if defined(__GNUC__) && defined(__x86_64__)
    typedef uint64_t pair __attribute__((vector_size(16), aligned(8), may_alias));
    *(pair *)to = (pair){ first, second };
#else
    const uint64_t words[2] = { first, second };
    memcpy(to, words, sizeof words);
#endif
}

_Static_assert(offsetof(BdaAllocation, handle) == 0 && offsetof(BdaAllocation, address) == 8, "a pair of words");
_Static_assert(offsetof(BdaAllocation, size) == offsetof(BdaAllocation, offset) + 8, "another one");
#if UINTPTR_MAX == UINT64_MAX
_Static_assert(offsetof(BdaAllocation, buffer) == offsetof(BdaAllocation, mapped) + 8 && sizeof(VkBuffer) == 8,
               "and another one");
#endif

/* All that the caller is told of an allocation. */
BDA_INLINE void bda_range_tell(BdaAllocator allocator, const struct bda_live *live, VkDeviceAddress address,
                               VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size, BdaAllocation *allocation) {
    unsigned char *block = live->block->mapped, *mapped = block != NULL ? block + bda_node_start(live->node) : NULL;
    bda_write_pair(&allocation->handle, bda_handle_of(allocator, live->index, live->node), address);
#if UINTPTR_MAX == UINT64_MAX
    bda_write_pair(&allocation->mapped, (uintptr_t)mapped, (uintptr_t)buffer);
#else
    allocation->mapped = mapped;
    allocation->buffer = buffer;
#endif
    bda_write_pair(&allocation->offset, offset, size);
}

/* The same of a range of `size` bytes, in the buffer that its block has over all of it. */
BDA_INLINE void bda_range_describe(BdaAllocator allocator, const struct bda_live *live, VkDeviceSize size,
                                   BdaAllocation *allocation) {
    VkDeviceSize start = bda_node_start(live->node);
    bda_range_tell(allocator, live, live->block->region.base + start, live->block->buffer, start, size, allocation);
}

/* ---- Giving back ---- */

/* Gives a range that is not live any more back to TLSF. The pool's lock is held. */
BDA_INLINE void bda_range_give(struct bda_pool *pool, uint32_t index, struct bda_node *node) {
    if (bda_pool_has_stock(pool))
        pool->large -= bda_range_large_part(node);
    bda_tlsf_free_node(&pool->tlsf, index, node);
}

/* Many of them, which still count as live. */
static inline void bda_range_give_many(struct bda_pool *pool, uint32_t count, const uint32_t *nodes) {
    pool->counters.live_count -= count;
    for (uint32_t i = 0; bda_pool_has_stock(pool) && i < count; i++)
        pool->large -= bda_range_large_part(bda_node_at(pool->tlsf.nodes, nodes[i]));
    bda_tlsf_free_many(&pool->tlsf, count, nodes);
}

/* The same of one that has just been retired, and counted out with this. */
BDA_INLINE void bda_range_free(const struct bda_live *live) {
    live->pool->counters.live_count--;
    live->pool->counters.used -= bda_node_asked(live->node);
    bda_range_give(live->pool, live->index, live->node);
}

#endif
