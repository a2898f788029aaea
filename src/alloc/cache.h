/*
 * Caches: what each thread keeps of the ranges that it freed, for its next requests of about their size. A request that
 * finds its size there, and a free that finds room there, take no lock and wait for nobody.
 *
 * A thread has one cache per allocator. In it, a *stock* for each pool that it has freed into; in a stock the shelves
 * (depot.h), each a list that is being filled or emptied and a full one behind it. What overflows goes to the pool's
 * depot, or back to TLSF; what is lacking comes from there.
 *
 * The owner is inside of its cache under a claim (claim.h). Others come for all of it: before a request is
 * refused or a block is opened, in bda_trim, when its thread has ended, when nothing happened between two bda_collect.
 *
 * Only unnamed ranges without a record are kept, so that nothing but their node is to be touched.
 *
 * Where the caller synchronises there is one cache, the allocator's, and no claim.
 */
#ifndef BDA_ALLOC_CACHE_H
#define BDA_ALLOC_CACHE_H

#include "alloc/range.h"

/* ---- A thread's own ---- */

/* The cache that belonged to this thread when it last asked, by allocator. Serials start at 1 and are never used
 * again, so what a destroyed allocator leaves behind is never looked at. */
enum { BDA_CACHES_KNOWN = 4 };
struct bda_known_cache {
    uint64_t serial;
    struct bda_cache *cache; /* NULL: there is none to be had */
};
extern _Thread_local struct bda_known_cache bda_known_caches[BDA_CACHES_KNOWN];

/* `shared` below is allocator->locks, given as a constant where that makes two pieces of code of it: the one without
 * locks has no claim, the other no cache that is everybody's. */

/* The calling thread's cache, or NULL where it has to be looked for. Where there are no caches it is one without
 * stocks. */
BDA_INLINE struct bda_cache *bda_cache_at_hand(BdaAllocator allocator, bool shared) {
    if (!shared)
        return &allocator->only_cache;
    const struct bda_known_cache *known = &bda_known_caches[allocator->serial % BDA_CACHES_KNOWN];
    return known->serial == allocator->serial ? known->cache : NULL;
}

BDA_INLINE struct bda_stock *bda_cache_stock(struct bda_cache *cache, uint32_t stock) {
    return atomic_load_explicit(&cache->stocks[stock], memory_order_relaxed);
}

BDA_INLINE bool bda_cache_enter(struct bda_cache *cache, bool shared) {
    return !shared || bda_claim_enter(&cache->claim);
}

BDA_INLINE void bda_cache_leave(struct bda_cache *cache, bool shared) {
    if (shared)
        bda_claim_leave(&cache->claim);
}

BDA_INLINE void bda_stock_add(_Atomic uint64_t *sum, uint64_t difference) {
    atomic_store_explicit(sum, atomic_load_explicit(sum, memory_order_relaxed) + difference, memory_order_relaxed);
}

BDA_INLINE uint64_t bda_stock_granules(const struct bda_stock *stock) {
    return atomic_load_explicit(&stock->granules, memory_order_relaxed);
}

/* ---- Taking ---- */

/* The range on top of a shelf, if it holds the request as it lies. The owner is inside. */
BDA_INLINE bool bda_shelf_take(BdaAllocator allocator, struct bda_pool *pool, struct bda_shelf *shelf,
                               const struct bda_extent *extent, struct bda_live *live) {
    if (shelf->first == 0)
        return false;
    *live = bda_range_at(allocator, pool, shelf->first);
    VkDeviceSize address = live->block->region.base + bda_node_start(live->node);
    if (live->node->size < extent->granules || (address & (extent->alignment - 1)) != 0)
        return false;
    shelf->first = bda_node_link(live->node);
    shelf->count--;
    return true;
}

/* The one above has only larger ranges, and wastes little where steps are many granules. */
BDA_INLINE bool bda_shelf_lends(uint32_t shelf) {
    return shelf >= BDA_STEPS && shelf + 1 < BDA_SHELVES;
}

/* A kept range becomes an allocation. The owner is inside. */
BDA_INLINE void bda_stock_sell(struct bda_stock *stock, const struct bda_live *live, VkDeviceSize size) {
    uint32_t granules = live->node->size;
    bda_stock_add(&stock->live_count, 1);
    bda_stock_add(&stock->used, size);
    bda_stock_add(&stock->granules, 0 - (uint64_t)granules);
    bda_node_set_slack(live->node, (granules << BDA_GRANULE_LOG2) - (uint32_t)size);
    bda_node_set_state(live->node, BDA_NODE_LIVE);
}

/* Serves a request from what the thread has on its shelves. False: nothing there, and nothing has changed. No calls, so
 * no registers to save. */
BDA_INLINE bool bda_cache_take(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                               bool shared, struct bda_live *live) {
    struct bda_extent extent = bda_range_extent(pool, request);
    struct bda_cache *cache = bda_cache_at_hand(allocator, shared);
    if (cache == NULL || extent.granules > BDA_CACHED_MOST)
        return false;
    struct bda_stock *stock = bda_cache_stock(cache, pool->stock);
    if (stock == NULL || !bda_cache_enter(cache, shared))
        return false;
    uint32_t number = bda_shelf_of(extent.granules);
    struct bda_shelf *shelf = &stock->shelves[number];
    bool taken = bda_shelf_take(allocator, pool, shelf, &extent, live) ||
                 (bda_shelf_lends(number) && bda_shelf_take(allocator, pool, shelf + 1, &extent, live));
    if (taken)
        bda_stock_sell(stock, live, request->size);
    bda_cache_leave(cache, shared);
    return taken;
}

/* The same after a look behind the shelves: full lists, the depot. For what is not large. */
bool bda_cache_fetch(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                     struct bda_live *live);

/* ---- Keeping ---- */

/* An allocation, just retired, goes onto its shelf, where there is room for it. The owner is inside. */
BDA_INLINE void bda_stock_buy(struct bda_stock *stock, struct bda_shelf *shelf, const struct bda_live *live) {
    uint64_t granules = live->node->size, asked = bda_node_asked(live->node);
    bda_stock_add(&stock->live_count, (uint64_t)-1);
    bda_stock_add(&stock->used, 0 - asked);
    bda_stock_add(&stock->granules, granules);
    bda_node_set_link(live->node, shelf->first);
    shelf->first = live->index;
    shelf->count++;
}

/* Whether ranges like this are kept: not too large, no record to destroy, and a generation left for its next handle. */
BDA_INLINE bool bda_cache_wants(const struct bda_live *live, uint32_t generation) {
    return !bda_range_is_large(live->node) && bda_node_record(live->node) == 0 &&
           generation + 1 != BDA_GENERATION_SPENT;
}

/* Frees what `handle` names, as bda_handle_find has found it, onto the thread's shelves. False: it does not go there,
 * or there is no room, or it is no longer live, and nothing has changed. No calls either. */
BDA_INLINE bool bda_cache_put(BdaAllocator allocator, BdaHandle handle, bool shared, const struct bda_live *live) {
    uint32_t generation = bda_handle_generation(handle);
    struct bda_cache *cache = bda_cache_at_hand(allocator, shared);
    if (cache == NULL || !bda_cache_wants(live, generation))
        return false;
    struct bda_stock *stock = bda_cache_stock(cache, live->block->stock);
    if (stock == NULL || !bda_cache_enter(cache, shared))
        return false;
    struct bda_shelf *shelf = &stock->shelves[bda_shelf_of(live->node->size)];
    bool put = shelf->count < shelf->most && bda_stock_granules(stock) < stock->most &&
               bda_node_zone(live->node) < stock->zones &&
               bda_node_try_retire(live->node, generation, BDA_NODE_CACHED, shared);
    if (put)
        bda_stock_buy(stock, shelf, live);
    bda_cache_leave(cache, shared);
    return put;
}

/* The same with room made for it. For what bda_cache_wants. */
bool bda_cache_store(BdaAllocator allocator, BdaHandle handle, const struct bda_live *live);

/* The same for an own buffer's range, which its owner has retired, once the buffer is gone. Nothing is left to fail but
 * room for it, so this makes the room as well. */
bool bda_cache_keep(BdaAllocator allocator, const struct bda_live *live);

/* ---- Others ---- */

/* All that is kept of a pool's ranges, or of every pool's (NULL), goes back to TLSF, whoever keeps it. Returns how many
 * granules that were. No lock is held by the caller. */
uint64_t bda_caches_drain(BdaAllocator allocator, struct bda_pool *pool);

/* What nobody used since this was last called goes back. */
void bda_caches_drain_idle(BdaAllocator allocator);

/* Keeps every owner out, so that what is kept stands still, and lets them in again. The lock of the caches is held in
 * between. */
void bda_caches_stop(BdaAllocator allocator);
void bda_caches_go(BdaAllocator allocator);

/* What the caches know of a pool beside its own counters: allocations and bytes to add to its live ones (modulo 2^64),
 * and granules kept, the depot's included. The pool's lock is held. Exact when no owner is inside. */
struct bda_cached {
    uint64_t live_count;
    VkDeviceSize used;
    uint64_t granules;
};
struct bda_cached bda_caches_sum(BdaAllocator allocator, const struct bda_pool *pool);

/* An allocator's caches come and go with it. */
void bda_caches_init(BdaAllocator allocator, bool off);
void bda_caches_finish(BdaAllocator allocator);

#endif
