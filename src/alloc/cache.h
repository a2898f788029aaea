/*
 * Caches: what each thread keeps of the ranges that it freed, for its next requests of about their size. A request that
 * finds its size there, and a free that finds room there, take no lock and wait for nobody.
 *
 * A thread has one cache per allocator. In it, a *stock* for each shard that it takes from or frees into (a pool has
 * one, or several, shard.h), of which one is the *source* of its own requests to the pool and has shelves (shelf.h).
 * What overflows there leaves in bundles, back to TLSF; what comes from other shards leaves in bundles at once, for the
 * shard's depot. What is lacking comes from the depot, then from TLSF.
 *
 * The owner is inside of its cache under a claim (claim.h). Others come for all of it: before a request is refused or a
 * block is opened (but for one of a shard's own, where others have room: bda_grow_shard), in bda_trim, when its thread
 * has ended, when nothing happened between two bda_collect.
 *
 * What is kept has no record, so that nothing but its node is to be touched: that of an allocation with a name or a
 * value goes when it is freed, under the shard's lock, before its range is kept.
 *
 * Where the caller synchronises there are no caches: there is no lock that they could save.
 */
#ifndef BDA_ALLOC_CACHE_H
#define BDA_ALLOC_CACHE_H

#include "alloc/claim.h"
#include "alloc/history.h"
#include "alloc/stock.h"

/* ---- What there is ---- */

/* How a thread stands with the shards of a pool, see shard.h. */
struct bda_settling {
    bool settled;     /* it has chosen one */
    bool is_guest;    /* it shares that, and would rather have a block */
    uint8_t patience; /* requests since then that found nothing kept */
    uint8_t lacking;  /* requests that its shard had no room for */
};

/* What a thread keeps. Lives as long as its allocator; when its thread ends, the next one gets it. */
struct bda_cache {
    _Alignas(64) struct bda_claim claim;                /* covers the shelves */
    struct bda_ring ring;                               /* what the owner freed (history.h); the owner's to write */
    _Atomic(struct bda_stock *) stocks[BDA_STOCKS + 1]; /* by bda_pool::stock; the last one stays NULL */
    struct bda_stock *sources[BDA_STOCKS + 1]; /* the owner's: by the stock of a pool's head, the one of the shard that
                                                  it takes from; NULL: not known yet */
    _Atomic uint64_t fetches;                  /* requests that bda_cache_fetch looked for; the owner alone writes it */
    bool open; /* the owner's: it may keep something; not since a pool began to rest, until any keeps again. (What
                  waits in its bundles then goes as it does without frees: bda_cache_send_waiting) */
    struct bda_settling settlings[BDA_STOCKS + 1]; /* the owner's */
    struct bda_spare_records records;              /* the owner's: for what it allocates with a name or a value */
    /* under the lock of the caches: */
    struct bda_cache *older;
    const void *owner;       /* a thread (bda_this_thread), or NULL */
    uint32_t number;         /* counts the caches */
    bool wishes[BDA_STOCKS]; /* for stocks that frees would have liked to find */
    uint64_t use_seen;       /* its ring's and its fetches, when it was last asked whether it is idle */
    bool chosen;             /* claimed by whoever has the lock */
};

/* ---- A thread's own ---- */

/* A cache that belonged to this thread when it last asked, and whose. Serials start at 1 and are never used again, so
 * what a destroyed allocator leaves behind is never looked at. */
struct bda_known_cache {
    uint64_t serial;
    struct bda_cache *cache; /* never NULL where the serial is an allocator's */
};
extern BDA_THREAD_LOCAL struct bda_known_cache bda_last_cache; /* that it used */
enum { BDA_CACHES_KNOWN = 4 };                                 /* that it remembers */

/* The calling thread's cache, if the allocator is the one that it used last; else NULL. The shortest ways ask no more.
 */
BDA_INLINE struct bda_cache *bda_cache_used_last(BdaAllocator allocator) {
    if (bda_last_cache.serial != allocator->serial)
        return NULL;
    BDA_ASSUME(bda_last_cache.cache != NULL);
    return bda_last_cache.cache;
}

/* The same for one of the few allocators that it used before; from now on it is the last. */
struct bda_cache *bda_cache_used_before(BdaAllocator allocator);

/* The calling thread's cache, or NULL where it has to be looked for (caches.h). */
BDA_INLINE struct bda_cache *bda_cache_at_hand(BdaAllocator allocator) {
    struct bda_cache *cache = bda_cache_used_last(allocator);
    return cache != NULL ? cache : bda_cache_used_before(allocator);
}

/* The same of an allocator that may have none, or has none any more: a thread may still remember one of those. */
BDA_INLINE struct bda_cache *bda_cache_if_any(BdaAllocator allocator) {
    return allocator->caches_off ? NULL : bda_cache_at_hand(allocator);
}

BDA_INLINE struct bda_stock *bda_cache_stock(struct bda_cache *cache, uint32_t stock) {
    return atomic_load_explicit(&cache->stocks[stock], memory_order_acquire); /* another thread may have made it */
}

/* ---- Taking ---- */

/* Serves a request from what the thread has on its shelves: the cache that did; NULL: nothing there, and nothing has
 * changed. No calls, so no registers to save. */
BDA_INLINE struct bda_cache *bda_cache_take(BdaAllocator allocator, struct bda_pool *pool,
                                            const struct bda_request *request, struct bda_live *live) {
    struct bda_extent extent = bda_range_extent(pool, request);
    struct bda_cache *cache = bda_cache_used_last(allocator);
    if (cache == NULL)
        return NULL;
    struct bda_stock *stock = cache->sources[bda_pool_stock(pool)];
    if (stock == NULL || extent.granules > stock->largest || !bda_claim_enter(&cache->claim))
        return NULL;
    uint32_t right = bda_shelf_for(extent.granules);
    uint64_t offers = bda_stock_offers(stock, right);
    bool taken = offers != 0 && bda_shelf_take(allocator, stock, right + bda_lowest_bit64(offers), request->size,
                                               extent.alignment, 0, live);
    bda_claim_leave(&cache->claim);
    return taken ? cache : NULL;
}

/* The same after a look into the depot: `size` bytes, in a range of such an extent, with a record if that is not 0. For
 * what caches keep. (No request is passed: it would have to be laid out in memory for this call.) */
bool bda_cache_fetch(BdaAllocator allocator, struct bda_pool *pool, struct bda_extent extent, VkDeviceSize size,
                     uint32_t record, struct bda_live *live);

/* ---- Keeping ---- */

/* An allocation that may be kept, as it was seen live: its tag, and the home that it had then. */
struct bda_leaver {
    BdaHandle handle;
    struct bda_node *node;
    uint32_t tag, home;
};

/* Retires it. If it has been given a record meanwhile, it lives on: that way is not for it. The owner is inside. */
BDA_INLINE bool bda_cache_retire(const struct bda_leaver *leaver) {
    BDA_YIELD_POINT();
    bool last_life = leaver->tag >= (BDA_GENERATION_SPENT - 1) << BDA_NODE_GENERATION_SHIFT;
    if (last_life || !bda_node_retire_seen(leaver->node, leaver->tag, BDA_NODE_CACHED, true))
        return false;
    BDA_YIELD_POINT();
    bool good = bda_node_has_home(leaver->node, leaver->home);
    if (!good)
        bda_node_revive(leaver->node);
    return good;
}

/* Tells the history of what was retired without the lock: what its node says of a record may be another thread's for a
 * moment. `extent`: bda_history_extent, from before it was kept. */
BDA_INLINE void bda_cache_tell(BdaAllocator allocator, struct bda_cache *cache, BdaHandle handle, struct bda_node *node,
                               uint64_t extent) {
    VkDeviceAddress address = bda_block_of(allocator, node)->region.base + bda_node_start(node);
    bda_history_add(allocator, &cache->ring, handle, address, extent);
}

/* Keeps an allocation on its shelf, which has room. False: others like it have taken all that there is, or it is no
 * longer live, and nothing has changed. The owner is inside. No calls. */
BDA_INLINE bool bda_cache_shelve(BdaAllocator allocator, struct bda_cache *cache, struct bda_stock *stock,
                                 uint32_t number, const struct bda_leaver *leaver) {
    enum bda_kept kept_as = (enum bda_kept)stock->shelves[number].kept_as;
    if (!bda_stock_has_space(stock, kept_as) || !bda_cache_retire(leaver))
        return false;
    uint64_t extent = bda_history_extent(leaver->node);
    bda_stock_count_in(stock, kept_as, extent);
    bda_shelf_push(stock, number, bda_handle_index(leaver->handle), leaver->node);
    bda_cache_tell(allocator, cache, leaver->handle, leaver->node, extent);
    return true;
}

/* The same in the bundle for its shard, if one more may go there. */
BDA_INLINE bool bda_cache_pass(BdaAllocator allocator, struct bda_cache *cache, struct bda_stock *stock,
                               const struct bda_leaver *leaver) {
    if (!bda_bundle_is_open(&stock->outgoing, stock->passed_most) || !bda_stock_has_space(stock, BDA_KEPT_SMALL) ||
        !bda_cache_retire(leaver))
        return false;
    uint64_t extent = bda_history_extent(leaver->node);
    bda_stock_count_in(stock, BDA_KEPT_SMALL, extent);
    bda_bundle_add(&stock->outgoing, bda_handle_index(leaver->handle), bda_node_size(leaver->node));
    bda_cache_tell(allocator, cache, leaver->handle, leaver->node, extent);
    return true;
}

/* Keeps an allocation in one of these ways. */
BDA_INLINE bool bda_cache_put_in(BdaAllocator allocator, struct bda_cache *cache, struct bda_stock *stock,
                                 const struct bda_leaver *leaver) {
    uint32_t number = bda_home_shelf(leaver->home);
    const struct bda_shelf *shelf = &stock->shelves[number];
    if (BDA_LIKELY(bda_shelf_count(shelf) < shelf->most))
        return bda_cache_shelve(allocator, cache, stock, number, leaver);
    return bda_cache_pass(allocator, cache, stock, leaver);
}

/* Whether a cache (NULL: there is none) may keep anything. Asked before the range's home, which is chance. */
BDA_INLINE bool bda_cache_is_open(const struct bda_cache *cache) {
    return cache != NULL && cache->open;
}

/* Frees what `handle` names, which has led to `node`, seen live with this tag, like that. False also where it has no
 * home there. `cache`: the thread's, or NULL. */
BDA_INLINE bool bda_cache_put(BdaAllocator allocator, struct bda_cache *cache, BdaHandle handle, struct bda_node *node,
                              uint32_t tag) {
    if (!bda_cache_is_open(cache))
        return false;
    const struct bda_leaver leaver = { handle, node, tag, bda_node_home(node) };
    if (!bda_home_is_one(leaver.home))
        return false;
    struct bda_stock *stock = bda_cache_stock(cache, bda_home_stock(leaver.home));
    if (stock == NULL || !bda_claim_enter(&cache->claim))
        return false;
    bool put = bda_cache_put_in(allocator, cache, stock, &leaver);
    bda_claim_leave(&cache->claim);
    return put;
}

/* The same with room made for it, unless the pool rests. For what has a home, in this pool. */
bool bda_cache_store(BdaAllocator allocator, struct bda_pool *pool, const struct bda_leaver *leaver);

/* The same for a range that its owner has retired, once the buffer or the record that it had is gone. Nothing is left
 * to fail but room for it, so this makes the room as well. An own buffer's has a home only while it is kept: bda_free
 * would put it there with its buffer, so who takes it from a cache clears that (bda_node_set_record). */
bool bda_cache_keep(BdaAllocator allocator, const struct bda_live *live);

/* ---- Keeping several ---- */

/* The thread's cache with its owner inside, who is to leave it; NULL: there is none, or somebody else is inside. */
struct bda_cache *bda_cache_enter(BdaAllocator allocator);

/* Whether an allocation may be kept, as far as is seen now. Else `lacks` becomes its shard if the cache only lacks a
 * stock for that, to be wished for once its owner has left it. The owner is inside. */
bool bda_cache_may_keep(BdaAllocator allocator, struct bda_cache *cache, struct bda_node *node,
                        struct bda_pool **lacks);

/* Retires such a one, seen live with this tag. False: it takes another way, and nothing has changed. The owner is
 * inside. */
bool bda_cache_retire_one(BdaHandle handle, struct bda_node *node, uint32_t tag);

/* Keeps what that has retired, on a shelf or on its way to the depot, and tells the history of it in any case. False:
 * there is no room for it, and it goes back to TLSF. `bounded` is the stock that the one before went to, NULL at first.
 * The owner is inside. */
bool bda_cache_keep_one(BdaAllocator allocator, struct bda_cache *cache, BdaHandle handle, const struct bda_live *live,
                        struct bda_stock **bounded);

/* What waits in the thread's bundles for shards of a pool that it does not take from, if nothing was added since this
 * was last called. For the owner, from outside; no lock is held. */
void bda_cache_send_waiting(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *head);

#endif
