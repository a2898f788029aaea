/*
 * Caches: what each thread keeps of the ranges that it freed, for its next requests of about their size. A request that
 * finds its size there, and a free that finds room there, take no lock and wait for nobody.
 *
 * A thread has one cache per allocator. In it, a *stock* for each arena that it has freed into (a pool has one, or
 * several, arena.h), of which one is the *source* of its own requests to the pool and has shelves (shelf.h). What
 * overflows there leaves in bundles, back to TLSF; what comes from other arenas leaves in bundles at once, for the
 * arena's depot. What is lacking comes from the depot, then from TLSF.
 *
 * The owner is inside of its cache under a claim (claim.h). Others come for all of it: before a request is refused or a
 * block is opened (but for one of an arena's own, where others have room: bda_grow_arena), in bda_trim, when its thread
 * has ended, when nothing happened between two bda_collect.
 *
 * Only unnamed ranges without a record are kept, so that nothing but their node is to be touched.
 *
 * Where the caller synchronises there are no caches: there is no lock that they could save.
 */
#ifndef BDA_ALLOC_CACHE_H
#define BDA_ALLOC_CACHE_H

#include "alloc/claim.h"
#include "alloc/history.h"
#include "alloc/range.h"

/* ---- What there is ---- */

/* What a cache keeps of one arena. */
struct bda_stock {
    /* Written by whoever is inside, read by statistics. */
    _Alignas(64) _Atomic uint64_t used;    /* to be added to what the pool's counters say, modulo 2^64 */
    _Atomic uint64_t kept[BDA_KEPT_COUNT]; /* granules */
    uint64_t most[BDA_KEPT_COUNT];         /* that may be kept; the owner's */
    uint64_t largest;                      /* range that is kept now, in granules; the owner's */
    uint64_t reach; /* shelves from the right one on that may serve a request, a bit each; as the pool said, too */
    uint64_t filled[BDA_SHELVES / 64 + 2]; /* shelves that are not empty, a bit each; the last word is empty */
    struct bda_pool *pool;
    uint32_t passed_most; /* granules in the bundle below, up to which one more goes there unasked; 0: each is asked
                             for, or goes to a shelf */
    bool source;          /* the owner's: its requests come from here */
    bool alone;           /* no other thread's do, and nobody else frees here, or there is no other; as it was last */
    uint32_t hand[BDA_KEPT_COUNT]; /* the shelf that was emptied last to make space */
    uint32_t fed;                  /* for so many requests more that find nothing, others count as freeing here */
    uint32_t turned_away;          /* ranges that found no space, while alone */
    uint32_t served;               /* requests, and those that were not, while alone: what the shelves are worth */
    uint32_t missed;
    uint32_t rests; /* times in a row that they were found to be worth little */
    uint64_t freed; /* what the cache's ring said when one was last not served */
    struct bda_shelf shelves[BDA_SHELVES];
    uint32_t waiting;           /* ranges in the bundle below, when it was last asked whether they wait */
    struct bda_bundle outgoing; /* on its way to the depot, or back to TLSF */
};

/* How a thread stands with the arenas of a pool, see arena.h. */
struct bda_settling {
    bool settled;     /* it has chosen one */
    bool is_guest;    /* it shares that, and would rather have a block */
    uint8_t patience; /* requests since then that found nothing kept */
    uint8_t lacking;  /* requests that its arena had no room for */
};

/* What a thread keeps. Lives as long as its allocator; when its thread ends, the next one gets it. */
struct bda_cache {
    _Alignas(64) struct bda_claim claim;                /* covers the shelves */
    struct bda_ring ring;                               /* what the owner freed (history.h); the owner's to write */
    _Atomic(struct bda_stock *) stocks[BDA_STOCKS + 1]; /* by bda_pool::stock; the last one stays NULL */
    struct bda_stock *sources[BDA_STOCKS + 1]; /* the owner's: by the stock of a pool's head, the one of the arena that
                                                  it takes from; NULL: not known yet */
    bool open; /* the owner's: it may keep something; not since a pool began to rest, until any keeps again. (What
                  waits in its bundles then goes as it does without frees: bda_cache_send_waiting) */
    struct bda_settling settlings[BDA_STOCKS + 1]; /* the owner's */
    /* under the lock of the caches: */
    struct bda_cache *older;
    const void *owner;       /* a thread (bda_this_thread), or NULL */
    uint32_t number;         /* counts the caches */
    bool wishes[BDA_STOCKS]; /* for stocks that frees would have liked to find */
    uint32_t turn_seen;      /* of the claim, when it was last asked whether it is idle */
    bool chosen;             /* claimed by whoever has the lock */
};

/* ---- A thread's own ---- */

/* The cache that belonged to this thread when it last asked, by allocator. Serials start at 1 and are never used
 * again, so what a destroyed allocator leaves behind is never looked at. */
enum { BDA_CACHES_KNOWN = 4 };
struct bda_known_cache {
    uint64_t serial;
    struct bda_cache *cache;
};
extern BDA_THREAD_LOCAL struct bda_known_cache bda_known_caches[BDA_CACHES_KNOWN];

/* The calling thread's cache, or NULL where it has to be looked for (caches.h). */
BDA_INLINE struct bda_cache *bda_cache_at_hand(BdaAllocator allocator) {
    const struct bda_known_cache *known = &bda_known_caches[allocator->serial % BDA_CACHES_KNOWN];
    return known->serial == allocator->serial ? known->cache : NULL;
}

BDA_INLINE struct bda_stock *bda_cache_stock(struct bda_cache *cache, uint32_t stock) {
    return atomic_load_explicit(&cache->stocks[stock], memory_order_acquire); /* another thread may have made it */
}

/* What the one inside of a stock counts, and statistics read at any time. */
BDA_INLINE void bda_stock_use(struct bda_stock *stock, uint64_t bytes) {
    atomic_store_explicit(&stock->used, atomic_load_explicit(&stock->used, memory_order_relaxed) + bytes,
                          memory_order_relaxed);
}

BDA_INLINE uint64_t bda_stock_kept_of(const struct bda_stock *stock, enum bda_kept which) {
    return atomic_load_explicit(&stock->kept[which], memory_order_relaxed);
}

BDA_INLINE uint64_t bda_stock_kept(const struct bda_stock *stock) {
    return bda_stock_kept_of(stock, BDA_KEPT_SMALL) + bda_stock_kept_of(stock, BDA_KEPT_LARGER);
}

/* So many granules more, modulo 2^64. */
BDA_INLINE void bda_stock_keep(struct bda_stock *stock, enum bda_kept which, uint64_t granules) {
    atomic_store_explicit(&stock->kept[which], bda_stock_kept_of(stock, which) + granules, memory_order_relaxed);
}

BDA_INLINE bool bda_stock_has_space(const struct bda_stock *stock, enum bda_kept which) {
    return bda_stock_kept_of(stock, which) < stock->most[which];
}

BDA_INLINE uint32_t bda_shelf_count(const struct bda_shelf *shelf) {
    return atomic_load_explicit(&shelf->count, memory_order_relaxed);
}

BDA_INLINE void bda_shelf_set_count(struct bda_shelf *shelf, uint32_t count) {
    atomic_store_explicit(&shelf->count, count, memory_order_relaxed);
}

/* ---- Taking ---- */

/* The shelves that may serve a request of so many granules and hold something, the lowest bit being the right shelf.
 * Below 32 granules, 512 bytes, only that one: from there on the seventh step is more than a quarter of the request. */
BDA_INLINE uint64_t bda_stock_offers(const struct bda_stock *stock, uint32_t right) {
    const uint64_t *filled = &stock->filled[right / 64];
    uint64_t from_right_on = filled[0] >> right % 64 | filled[1] << 1 << (63 - right % 64);
    return from_right_on & (right >= BDA_STEPS ? stock->reach : 1);
}

BDA_INLINE void bda_stock_mark(struct bda_stock *stock, uint32_t shelf, bool filled) {
    uint64_t bit = (uint64_t)1 << shelf % 64;
    stock->filled[shelf / 64] = (stock->filled[shelf / 64] & ~bit) | (filled ? bit : 0);
}

/* The range on top of a shelf becomes an allocation, if it is aligned as it lies. The owner is inside. */
BDA_INLINE bool bda_shelf_take(BdaAllocator allocator, struct bda_stock *stock, uint32_t number, VkDeviceSize size,
                               VkDeviceSize alignment, struct bda_live *live) {
    struct bda_shelf *shelf = &stock->shelves[number];
    *live = bda_range_at(allocator, NULL, shelf->first);
    uint32_t granules = bda_node_size(live->node);
    VkDeviceSize address = live->block->region.base + bda_node_start(live->node);
    if ((address & (alignment - 1)) != 0)
        return false;
    shelf->first = bda_node_link(live->node);
    bda_shelf_set_count(shelf, bda_shelf_count(shelf) - 1);
    if (shelf->first == 0)
        bda_stock_mark(stock, number, false);
    bda_stock_use(stock, size);
    bda_stock_keep(stock, (enum bda_kept)shelf->kept_as, 0 - (uint64_t)granules);
    stock->served++;
    bda_node_set_slack(live->node, (granules << BDA_GRANULE_LOG2) - (uint32_t)size);
    bda_node_publish(live->node, bda_node_tag(live->node) - (uint32_t)BDA_NODE_CACHED + (uint32_t)BDA_NODE_LIVE);
    return true;
}

/* Serves a request from what the thread has on its shelves: the cache that did; NULL: nothing there, and nothing has
 * changed. No calls, so no registers to save. */
BDA_INLINE struct bda_cache *bda_cache_take(BdaAllocator allocator, struct bda_pool *pool,
                                            const struct bda_request *request, struct bda_live *live) {
    struct bda_extent extent = bda_range_extent(pool, request);
    struct bda_cache *cache = bda_cache_at_hand(allocator);
    if (cache == NULL)
        return NULL;
    struct bda_stock *stock = cache->sources[bda_pool_stock(pool)];
    if (stock == NULL || extent.granules > stock->largest || !bda_claim_enter(&cache->claim))
        return NULL;
    uint32_t right = bda_shelf_for(extent.granules);
    uint64_t offers = bda_stock_offers(stock, right);
    bool taken = offers != 0 && bda_shelf_take(allocator, stock, right + bda_lowest_bit64(offers), request->size,
                                               extent.alignment, live);
    bda_claim_leave(&cache->claim);
    return taken ? cache : NULL;
}

/* The same after a look into the depot: `size` bytes, in a range of such an extent. For what caches keep. (No
 * request is passed: it would have to be laid out in memory for this call.) */
bool bda_cache_fetch(BdaAllocator allocator, struct bda_pool *pool, struct bda_extent extent, VkDeviceSize size,
                     struct bda_live *live);

/* ---- Keeping ---- */

/* An allocation, just retired, is kept from now on. The owner is inside. */
BDA_INLINE void bda_stock_count_in(struct bda_stock *stock, enum bda_kept which, const struct bda_node *node) {
    uint64_t granules = bda_node_size(node);
    bda_stock_use(stock, bda_node_slack(node) - (granules << BDA_GRANULE_LOG2));
    bda_stock_keep(stock, which, granules);
}

/* A kept range goes onto a shelf. */
BDA_INLINE void bda_shelf_push(struct bda_stock *stock, uint32_t number, uint32_t index, struct bda_node *node) {
    struct bda_shelf *shelf = &stock->shelves[number];
    bda_stock_mark(stock, number, true);
    bda_node_set_link(node, shelf->first);
    shelf->first = index;
    bda_shelf_set_count(shelf, bda_shelf_count(shelf) + 1);
}

/* Retires an allocation that had this home. If it has been given a record meanwhile, it lives on: that way is not
 * for it. The owner is inside. */
BDA_INLINE bool bda_cache_retire(struct bda_node *node, uint32_t generation, uint32_t home) {
    BDA_YIELD_POINT();
    if (generation + 1 == BDA_GENERATION_SPENT || !bda_node_try_retire(node, generation, BDA_NODE_CACHED, true))
        return false;
    BDA_YIELD_POINT();
    bool good = bda_node_has_home(node, home);
    if (!good)
        bda_node_revive(node);
    return good;
}

/* Keeps an allocation that had this home, on its shelf or in the bundle for its arena, and tells the history. False:
 * there is no room, or it is no longer live, and nothing has changed. The owner is inside. No calls. */
BDA_INLINE bool bda_stock_put(BdaAllocator allocator, struct bda_cache *cache, struct bda_stock *stock,
                              BdaHandle handle, struct bda_node *node, uint32_t home) {
    uint32_t number = bda_home_shelf(home);
    const struct bda_shelf *shelf = &stock->shelves[number];
    bool shelved = bda_shelf_count(shelf) < shelf->most;
    enum bda_kept kept_as = (enum bda_kept)(shelf->kept_as & (uint32_t)shelved);
    bool put = (shelved || bda_bundle_is_open(&stock->outgoing, stock->passed_most)) &&
               bda_stock_has_space(stock, kept_as) && bda_cache_retire(node, bda_handle_generation(handle), home);
    if (put) {
        uint64_t extent = bda_history_extent(node);
        bda_stock_count_in(stock, kept_as, node);
        if (shelved)
            bda_shelf_push(stock, number, bda_handle_index(handle), node);
        else
            bda_bundle_add(&stock->outgoing, bda_handle_index(handle), bda_node_size(node));
        VkDeviceAddress address = bda_block_of(allocator, node)->region.base + bda_node_start(node);
        bda_history_add(allocator, &cache->ring, handle, address, extent);
    }
    return put;
}

/* Whether a cache (NULL: there is none) may keep anything. Asked before the range's home, which is chance. */
BDA_INLINE bool bda_cache_is_open(const struct bda_cache *cache) {
    return cache != NULL && cache->open;
}

/* Frees what `handle` names, which has led to `node`, like that. False also where it has no home there. */
BDA_INLINE bool bda_cache_put(BdaAllocator allocator, BdaHandle handle, struct bda_node *node) {
    struct bda_cache *cache = bda_cache_at_hand(allocator);
    if (!bda_cache_is_open(cache))
        return false;
    uint32_t home = bda_node_home(node);
    if (!bda_home_is_one(home))
        return false;
    struct bda_stock *stock = bda_cache_stock(cache, bda_home_stock(home));
    if (stock == NULL || stock->most[BDA_KEPT_SMALL] == 0 || !bda_claim_enter(&cache->claim))
        return false;
    bool put = bda_stock_put(allocator, cache, stock, handle, node, home);
    bda_claim_leave(&cache->claim);
    return put;
}

/* The same with room made for it, unless the pool rests. For what has a home. */
bool bda_cache_store(BdaAllocator allocator, BdaHandle handle, struct bda_node *node, struct bda_pool *pool);

/* The same for an own buffer's range, which its owner has retired, once the buffer is gone. Nothing is left to fail but
 * room for it, so this makes the room as well. Such a range has a home only while it is kept: bda_free would put it
 * there with its buffer, so who takes it from a cache clears that (bda_node_set_record). */
bool bda_cache_keep(BdaAllocator allocator, const struct bda_live *live);

/* ---- Keeping several ---- */

/* The thread's cache with its owner inside, who is to leave it; NULL: there is none, or somebody else is inside. */
struct bda_cache *bda_cache_enter(BdaAllocator allocator);

/* Whether an allocation may be kept, as far as is seen now. Else `lacks` becomes its arena if the cache only lacks a
 * stock for that, to be wished for once its owner has left it. The owner is inside. */
bool bda_cache_may_keep(BdaAllocator allocator, struct bda_cache *cache, struct bda_node *node,
                        struct bda_pool **lacks);

/* Retires such a one. False: it takes another way, and nothing has changed. The owner is inside. */
bool bda_cache_retire_one(BdaHandle handle, struct bda_node *node);

/* Keeps what that has retired, on a shelf or on its way to the depot, and tells the history of it in any case. False:
 * there is no room for it, and it goes back to TLSF. `bounded` is the stock that the one before went to, NULL at first.
 * The owner is inside. */
bool bda_cache_keep_one(BdaAllocator allocator, struct bda_cache *cache, BdaHandle handle, const struct bda_live *live,
                        struct bda_stock **bounded);

/* ---- Back to TLSF ---- */

/* Gives what is in a bundle back, and clears it. The arena's lock is held. */
void bda_bundle_release(struct bda_pool *arena, struct bda_bundle *bundle);

/* The stock becomes the one that the thread's requests come from (NULL is none); or it no longer is, and its shelves
 * take nothing more. For the owner. */
void bda_stock_become_source(BdaAllocator allocator, struct bda_stock *stock);
void bda_stock_retire(struct bda_stock *stock);

/* All that a stock keeps. The caller is inside; the pool's lock is taken. */
void bda_stock_drain(BdaAllocator allocator, struct bda_stock *stock);

/* What waits in the thread's bundles for arenas of a pool that it does not take from, if nothing was added since this
 * was last called. For the owner, from outside; no lock is held. */
void bda_cache_send_waiting(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *head);

#endif
