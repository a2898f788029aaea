/*
 * Shelves: what freed ranges are kept on for the next requests of about their size.
 *
 * A *shelf* holds ranges of one step of sizes, 32 steps to a power of two, linked through their nodes. What one thread
 * keeps of a shard is a *stock* of shelves (stock.h). A kept range is a taken one to TLSF. Its node is in state
 * cached, so every handle to it is stale.
 */
#ifndef BDA_ALLOC_SHELF_H
#define BDA_ALLOC_SHELF_H

#include "core/bits.h"
#include "core/node.h"

enum {
    BDA_GRANULE_LOG2 = 4, /* 16 bytes, as malloc: the least alignment handed out */
    BDA_STEPS_LOG2 = 5, /* so a range serves requests of its size, and wastes a thirty-second of it at most, beside what
                            TLSF has left uncut (tlsf.h) */
    BDA_STEPS = 1 << BDA_STEPS_LOG2,
    BDA_CACHED_LOG2 = 16, /* the largest range that is kept, in granules: 1 MiB. Larger ones are few, and would hold
                             most of the bytes */
    BDA_CACHED_MOST = 1 << BDA_CACHED_LOG2,
    BDA_CACHED_BYTES = BDA_CACHED_MOST << BDA_GRANULE_LOG2,
    BDA_SMALL_LOG2 = 12, /* the largest that is kept where there is not much room: 64 KiB. What is larger and kept then
                            would be in the way of what is larger still */
    BDA_SMALL_MOST = 1 << BDA_SMALL_LOG2,
    BDA_SMALL_BYTES = BDA_SMALL_MOST << BDA_GRANULE_LOG2,
    BDA_SHELVES = ((BDA_CACHED_LOG2 - BDA_STEPS_LOG2) << BDA_STEPS_LOG2) + BDA_STEPS + 1,
    BDA_SMALL_SHELVES = ((BDA_SMALL_LOG2 - BDA_STEPS_LOG2) << BDA_STEPS_LOG2) + BDA_STEPS + 1, /* the first of them */
    BDA_REACH = 0x1F,          /* a request is served from the right shelf or one of the next four, while there is much
                                  room, or where a thread is not alone: a fifth of it is wasted at most */
    BDA_REACH_FAR = 0xFF,      /* where both holds, from the next seven: it comes for a lock others want seldom */
    BDA_REACH_ALONE = 1,       /* where neither does, from the right one only */
    BDA_SHELF_GRANULES = 8192, /* on a shelf, 128 KiB, */
    BDA_SHELF_GRANULES_SHARED = 32768, /* or this where a thread was not alone when it began to take from the shard: it
                                          comes for a lock seldom; */
    BDA_SHELF_MOST = 64,               /* or so many ranges; */
    BDA_SHELF_LEAST = 4,               /* but this many of any size */
    BDA_SHELF_COUNTS = UINT8_MAX,      /* at most, where bundles fill it beyond that */
};

/* Pools and shards whose ranges caches keep; any further pool goes without, and gets no shards. */
enum { BDA_STOCKS = 128 };
_Static_assert(BDA_STOCKS <= UINT8_MAX, "a home and a block name it in a byte, and one that is none");

/* Shelves for sizes of 1 to BDA_CACHED_MOST granules: the one that a range of such a size lies on, and the lowest one
 * where every range holds a request of it. */
static inline uint32_t bda_shelf_of(uint32_t granules) {
    uint32_t step = bda_floor_log2(granules | BDA_STEPS) - BDA_STEPS_LOG2;
    return (step << BDA_STEPS_LOG2) + (granules >> step);
}

static inline uint32_t bda_shelf_begin(uint32_t shelf) { /* in granules, of its smallest range */
    uint32_t step = shelf < 2 * BDA_STEPS ? 0 : (shelf >> BDA_STEPS_LOG2) - 1;
    return (shelf - (step << BDA_STEPS_LOG2)) << step;
}

static inline uint32_t bda_shelf_for(uint32_t granules) {
    uint32_t step = bda_floor_log2(granules | BDA_STEPS) - BDA_STEPS_LOG2;
    return (step << BDA_STEPS_LOG2) + ((granules + (1u << step) - 1) >> step);
}

/* What is kept is bounded by size: the few larger ranges would leave no space for the many small ones. */
enum bda_kept {
    BDA_KEPT_SMALL,  /* and all that is on its way out */
    BDA_KEPT_LARGER, /* on the shelves from BDA_SMALL_SHELVES on */
    BDA_KEPT_COUNT,
};

/* The home of a range: which stock of a cache keeps it and on which shelf, found once when it is taken from TLSF. It
 * stands in its node in the place of a record; what has one is kept once that is gone (bda_plain_free_recorded). */
static inline uint32_t bda_home(uint32_t stock, uint32_t shelf) {
    return BDA_NODE_HOME | stock << 16 | shelf;
}

static inline bool bda_home_is_one(uint32_t word) {
    return (word & BDA_NODE_HOME) != 0;
}

static inline uint32_t bda_home_stock(uint32_t home) {
    return home >> 16 & 0xFF;
}

static inline uint32_t bda_home_shelf(uint32_t home) {
    return home & 0xFFFF;
}

/* How many ranges make a shelf full. For small ones that is set when a thread begins to take from a shard
 * (bda_stock_become_source): whether it was `alone` then holds for its shelves as long as it takes from there, whoever
 * comes or goes. For larger ones when they come to be kept. */
static inline uint32_t bda_shelf_room(uint32_t shelf, bool alone) {
    uint32_t granules = alone ? BDA_SHELF_GRANULES : BDA_SHELF_GRANULES_SHARED;
    uint32_t room = granules / (uint32_t)bda_max(bda_shelf_begin(shelf), 1);
    return (uint32_t)bda_min(bda_max(room, BDA_SHELF_LEAST), BDA_SHELF_MOST);
}

/* Ranges of about one size. */
struct bda_shelf {
    uint32_t first;        /* of its list, the range that was freed last */
    _Atomic uint8_t count; /* in it */
    uint8_t most;          /* what makes it full; 0: the thread does not take from here */
    uint8_t eager;         /* ranges to take from TLSF beside the one that is lacking, when it is empty next */
    uint8_t kept_as;       /* enum bda_kept, of what lies here; set once, since to compute it takes longer */
};
_Static_assert(sizeof(struct bda_shelf) == 8, "where it lies is a shift of its number");

BDA_INLINE uint32_t bda_shelf_count(const struct bda_shelf *shelf) {
    return atomic_load_explicit(&shelf->count, memory_order_relaxed);
}

BDA_INLINE void bda_shelf_set_count(struct bda_shelf *shelf, uint32_t count) {
    atomic_store_explicit(&shelf->count, (uint8_t)count, memory_order_relaxed);
}

#endif
