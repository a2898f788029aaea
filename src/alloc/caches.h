/*
 * The caches of an allocator: whose they are, and what is done with all of them.
 *
 * A cache is made, and gets a stock for a pool, where an allocation may take host memory for it. A thread that only
 * frees takes none: it leaves a wish. Any thread's next request grants it that looks behind the shelves, brings a name
 * or a value, comes in a list, is for an own buffer, or takes the long way. When a thread ends, what its cache keeps
 * goes back, and the next thread that has none gets the cache.
 */
#ifndef BDA_ALLOC_CACHES_H
#define BDA_ALLOC_CACHES_H

#include "alloc/cache.h"

/* ---- Whose ---- */

/* Finds the calling thread's cache, or makes it where the caller `may` take memory; NULL: there is none. */
struct bda_cache *bda_cache_look_for(BdaAllocator allocator, bool may);

BDA_INLINE struct bda_cache *bda_cache_of_thread(BdaAllocator allocator, bool may) {
    struct bda_cache *cache = bda_cache_at_hand(allocator);
    return cache != NULL ? cache : bda_cache_look_for(allocator, may);
}

/* Makes what was wished for; what host memory is refused for is wished for again. `pool`: where the caller allocates
 * what caches keep, or NULL. */
void bda_caches_grant(BdaAllocator allocator, struct bda_pool *pool);

BDA_INLINE void bda_caches_grant_any(BdaAllocator allocator) {
    if (atomic_load_explicit(&allocator->wishes, memory_order_relaxed))
        bda_caches_grant(allocator, NULL);
}

/* The calling thread's cache, at a free that the shortest way did not keep; or NULL. If it has none at hand,
 * and is not one of the few that have made a request or two, it wishes for one for its ring. No lock is held. */
BDA_INLINE struct bda_cache *bda_cache_or_wish(BdaAllocator allocator) {
    const struct bda_history *history = &allocator->history;
    struct bda_cache *cache = bda_cache_at_hand(allocator);
    if (cache == NULL && history->guests_most != UINT32_MAX &&
        atomic_load_explicit(&history->frees, memory_order_relaxed) >=
            atomic_load_explicit(&history->guests, memory_order_relaxed))
        cache = bda_cache_look_for(allocator, false);
    return cache;
}

/* So many requests have come through. Where the thread has no cache their frees leave events in the ring that such
 * threads share; once more came than that has room for, the thread gets a cache, for its ring. Afterwards and not
 * before, since a refusal changes nothing; where host memory is refused, the next request asks again. No lock is held.
 */
void bda_caches_count_guest(BdaAllocator allocator, uint32_t requests);

BDA_INLINE void bda_caches_after_requests(BdaAllocator allocator, uint32_t requests) {
    bool others = allocator->history.guests_most != UINT32_MAX; /* asked first, since a thread-local is a call away */
    if (others && bda_cache_at_hand(allocator) == NULL)
        bda_caches_count_guest(allocator, requests);
    if (others)
        bda_caches_grant_any(allocator);
}

/* The same for who knows the thread's cache, or that there is none (NULL), and that there may be some. */
BDA_INLINE void bda_caches_after_request_of(BdaAllocator allocator, const struct bda_cache *cache) {
    if (cache == NULL) /* a thread that has just come */
        bda_caches_count_guest(allocator, 1);
    bda_caches_grant_any(allocator);
}

/* A stock for the pool in the calling thread's cache, NULL when host memory is refused. */
struct bda_stock *bda_caches_open_stock(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *pool);

/* Where a thread only frees, the stock that it lacks is made by one that allocates. */
void bda_caches_wish(BdaAllocator allocator, struct bda_cache *cache, const struct bda_pool *pool);

/* Whether one thread at most has a cache: the caller's, if he has one. */
BDA_INLINE bool bda_thread_is_alone(BdaAllocator allocator) {
    return atomic_load_explicit(&allocator->cache_count, memory_order_relaxed) < 2;
}

/* ---- Others ---- */

/* All that is kept of a pool's ranges, whatever their shard, or of every pool's (NULL), goes back to TLSF, whoever
 * keeps it. No lock is held by the caller. */
void bda_caches_drain(BdaAllocator allocator, struct bda_pool *pool);

/* What nobody used since this was last called goes back. */
void bda_caches_drain_idle(BdaAllocator allocator);

/* Keeps every owner out, so that what is kept stands still, and lets them in again. The lock of the caches is held in
 * between. */
void bda_caches_stop(BdaAllocator allocator);
void bda_caches_go(BdaAllocator allocator);

/* What the caches know of a shard beside its own counters, which have every range that TLSF handed out as live: how
 * many of them are kept and not live, the depot's included, and of how many granules; and bytes to add to those in use
 * (modulo 2^64). The pool's lock is held. Exact when no owner is inside. */
struct bda_cached {
    uint64_t count;
    VkDeviceSize used;
    uint64_t granules;
};
struct bda_cached bda_caches_sum(BdaAllocator allocator, struct bda_pool *pool);

/* Its `used` alone, which costs a load for each cache. The shard's lock is held. */
uint64_t bda_caches_used(BdaAllocator allocator, const struct bda_pool *pool);

/* Whether anything is kept of a shard, wherever. The shard's lock is held. */
bool bda_caches_hold(BdaAllocator allocator, struct bda_pool *pool);

/* An allocator's caches come and go with it. */
void bda_caches_init(BdaAllocator allocator, bool off);
void bda_caches_finish(BdaAllocator allocator);

#endif
