/*
 * A stock: what one thread keeps of the ranges of one shard (cache.h): its shelves, and the bundle on its way out.
 *
 * How much that is follows how much of the shard is free. What is too much leaves in bundles, for the depot or back to
 * TLSF; what is lacking comes from the bundle that has not gone yet, the depot, then TLSF. Whoever is inside of the
 * cache (its claim) does all of this; the shard's lock is taken where TLSF is asked.
 */
#ifndef BDA_ALLOC_STOCK_H
#define BDA_ALLOC_STOCK_H

#include "alloc/prefixes.h"
#include "alloc/range.h"

/* What a cache keeps of one shard. */
struct bda_stock {
    /* Written by whoever is inside, read by statistics. */
    _Alignas(64) _Atomic uint64_t used; /* to be added to what the pool's counters say, modulo 2^64 */
    _Atomic uint64_t kept;              /* granules; a range that moves within the stock changes nothing of it */
    uint64_t parts[BDA_KEPT_COUNT];     /* of that; for whoever is inside */
    uint64_t most[BDA_KEPT_COUNT];      /* that may be kept; the owner's */
    uint64_t largest;                   /* range that is kept now, in granules; the owner's */
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

/* ---- Counting ---- */

/* What the one inside of a stock counts, and statistics read at any time. */
BDA_INLINE void bda_stock_use(struct bda_stock *stock, uint64_t bytes) {
    atomic_store_explicit(&stock->used, atomic_load_explicit(&stock->used, memory_order_relaxed) + bytes,
                          memory_order_relaxed);
}

BDA_INLINE uint64_t bda_stock_kept(const struct bda_stock *stock) {
    return atomic_load_explicit(&stock->kept, memory_order_relaxed);
}

/* So many granules more, modulo 2^64. */
BDA_INLINE void bda_stock_keep(struct bda_stock *stock, enum bda_kept which, uint64_t granules) {
    stock->parts[which] += granules;
    atomic_store_explicit(&stock->kept, bda_stock_kept(stock) + granules, memory_order_relaxed);
}

BDA_INLINE bool bda_stock_has_space(const struct bda_stock *stock, enum bda_kept which) {
    return stock->parts[which] < stock->most[which];
}

/* What a range of that shelf counts as when it comes: without a shelf it goes into the bundle. */
BDA_INLINE enum bda_kept bda_stock_kept_as(const struct bda_stock *stock, uint32_t number) {
    return stock->source ? (enum bda_kept)stock->shelves[number].kept_as : BDA_KEPT_SMALL;
}

/* Ranges that one stock keeps, read from anywhere. */
uint64_t bda_stock_count(const struct bda_stock *stock);

/* ---- One range ---- */

/* The shelves that may serve a request of so many granules and hold something, the lowest bit being the right shelf.
 * Below 32 granules, 512 bytes, only that one: the next would be far larger. */
BDA_INLINE uint64_t bda_stock_offers(const struct bda_stock *stock, uint32_t right) {
    const uint64_t *filled = &stock->filled[right / 64];
    uint64_t from_right_on = filled[0] >> right % 64 | filled[1] << 1 << (63 - right % 64);
    return from_right_on & (right >= BDA_STEPS ? stock->reach : 1);
}

BDA_INLINE void bda_stock_mark(struct bda_stock *stock, uint32_t shelf, bool filled) {
    uint64_t bit = (uint64_t)1 << shelf % 64;
    stock->filled[shelf / 64] = (stock->filled[shelf / 64] & ~bit) | (filled ? bit : 0);
}

/* The range on top of a shelf becomes an allocation, if it is aligned as it lies, with a record if that is not 0. The
 * owner is inside. */
BDA_INLINE bool bda_shelf_take(BdaAllocator allocator, struct bda_stock *stock, uint32_t number, VkDeviceSize size,
                               VkDeviceSize alignment, uint32_t record, struct bda_live *live) {
    struct bda_shelf *shelf = &stock->shelves[number];
    *live = bda_range_at(allocator, NULL, shelf->first);
    VkDeviceSize address = live->block->region.base + bda_node_start(live->node);
    if ((address & (alignment - 1)) != 0)
        return false;
    uint32_t granules = bda_node_size(live->node), next = bda_node_link(live->node);
    shelf->first = next;
    bda_shelf_set_count(shelf, bda_shelf_count(shelf) - 1);
    stock->filled[number / 64] ^= (uint64_t)(next == 0) << number % 64; /* set so far; what it becomes is chance */
    bda_stock_use(stock, size);
    bda_stock_keep(stock, (enum bda_kept)shelf->kept_as, 0 - (uint64_t)granules);
    stock->served++;
    bda_node_set_slack(live->node, (granules << BDA_GRANULE_LOG2) - (uint32_t)size);
    if (record != 0) { /* before anybody may free it */
        bda_prefixes_enter(allocator, record, size);
        bda_node_set_record(live->node, record);
    }
    bda_node_publish(live->node, bda_node_tag(live->node) - (uint32_t)BDA_NODE_CACHED + (uint32_t)BDA_NODE_LIVE);
    return true;
}

/* An allocation, just retired, is kept from now on. `extent`: its granules, and in the lower half its slack. */
BDA_INLINE void bda_stock_count_in(struct bda_stock *stock, enum bda_kept which, uint64_t extent) {
    uint64_t granules = extent >> 32;
    bda_stock_use(stock, (uint32_t)extent - (granules << BDA_GRANULE_LOG2));
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

/* A kept range goes out, with a bundle. */
void bda_stock_put_out(struct bda_stock *stock, uint32_t index, const struct bda_node *node);

/* ---- How much ---- */

/* What may be kept is looked at anew, and what is too much goes. */
void bda_stock_bound(BdaAllocator allocator, struct bda_stock *stock);

/* Threads that take from its shard. */
static inline uint32_t bda_stock_takers(const struct bda_stock *stock) {
    return atomic_load_explicit(&stock->pool->takers, memory_order_relaxed);
}

/* Sees to it that the shelf has room for one more. */
void bda_stock_make_room(BdaAllocator allocator, struct bda_stock *stock, uint32_t number);

/* Fills an empty shelf, or those that may serve in its place, with what has been kept before. */
void bda_stock_refill(BdaAllocator allocator, struct bda_stock *stock, uint32_t number);

/* Fills a shelf from TLSF. */
void bda_stock_gather(BdaAllocator allocator, struct bda_stock *stock, uint32_t number, VkDeviceSize alignment);

/* Whether shelves that have just not served a request are worth so little that they should rest. `freed`: what the
 * thread has freed in all. */
bool bda_stock_is_of_little_use(struct bda_stock *stock, uint64_t freed);

/* Empties them, and the shard is left alone for a while. */
void bda_stock_rest(BdaAllocator allocator, struct bda_stock *stock);

/* ---- Whose ---- */

/* Gives what is in a bundle back, and clears it. The shard's lock is held. */
void bda_bundle_release(struct bda_pool *shard, struct bda_bundle *bundle);

/* The stock becomes the one that the thread's requests come from (NULL is none); or it no longer is, and its shelves
 * take nothing more. For the owner. */
void bda_stock_become_source(BdaAllocator allocator, struct bda_stock *stock);
void bda_stock_retire(struct bda_stock *stock);

/* All that a stock keeps. The caller is inside; the pool's lock is taken. */
void bda_stock_drain(BdaAllocator allocator, struct bda_stock *stock);

/* What is on its way to a shard that rests goes back at once: nobody asks the depot there. */
void bda_stock_stop_passing(struct bda_stock *stock);

#endif
