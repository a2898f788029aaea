/*
 * Shelves, bundles and the depot: what freed ranges are kept in for the next requests of about their size.
 *
 * Words: a *shelf* holds ranges of one step of sizes, 32 steps to a power of two, linked through their nodes; a
 * *bundle* is a number of ranges of any sizes that change hands together; the *depot* of an arena takes bundles from
 * threads that free what is in it and take nothing there, and gives them to those that take.
 *
 * A kept range is a taken one to TLSF. Its node is in state cached, so every handle to it is stale.
 */
#ifndef BDA_ALLOC_DEPOT_H
#define BDA_ALLOC_DEPOT_H

#include "core/bits.h"
#include "core/node.h"
#include "platform/platform.h"

enum {
    BDA_STEPS_LOG2 = 5, /* so a range serves requests of its size, and wastes a thirty-second of it at most, beside what
                            TLSF has left uncut (tlsf.h) */
    BDA_STEPS = 1 << BDA_STEPS_LOG2,
    BDA_CACHED_LOG2 = 16, /* the largest range that is kept, in granules: 1 MiB. Larger ones are few, and would hold
                             most of the bytes */
    BDA_CACHED_MOST = 1 << BDA_CACHED_LOG2,
    BDA_CACHED_BYTES = BDA_CACHED_MOST << 4,
    BDA_SMALL_LOG2 = 12, /* the largest that is kept where there is not much room: 64 KiB. What is larger and kept then
                            would be in the way of what is larger still */
    BDA_SMALL_MOST = 1 << BDA_SMALL_LOG2,
    BDA_SMALL_BYTES = BDA_SMALL_MOST << 4,
    BDA_SHELVES = ((BDA_CACHED_LOG2 - BDA_STEPS_LOG2) << BDA_STEPS_LOG2) + BDA_STEPS + 1,
    BDA_SMALL_SHELVES = ((BDA_SMALL_LOG2 - BDA_STEPS_LOG2) << BDA_STEPS_LOG2) + BDA_STEPS + 1, /* the first of them */
    BDA_REACH_ROOMY = 0xFF,    /* a request is served from the right shelf or one of the next seven, while there is much
                                  room: a quarter of its size is wasted at most */
    BDA_REACH_SHARED = 0x1F,   /* else from one of the next four, where a thread is not alone; */
    BDA_REACH_ALONE = 1,       /* or from the right one only */
    BDA_SHELF_GRANULES = 8192, /* on a shelf, 128 KiB, */
    BDA_SHELF_GRANULES_SHARED = 32768, /* or this where a thread was not alone when it began to take from the arena: it
                                          comes for a lock seldom; */
    BDA_SHELF_MOST = 64,               /* or so many ranges; */
    BDA_SHELF_LEAST = 4,               /* but this many of any size */
    BDA_BUNDLE_GRANULES = 32768,       /* in a bundle, 512 KiB and the range that makes it so many, */
    BDA_BUNDLE_MOST = 64,              /* or so many ranges */
    BDA_BUNDLES = 8,                   /* in a depot */
    BDA_DEPOT_SHARES = 4,              /* as much as so many caches may keep waits there for one who takes */
    BDA_GATHER_SHARE = 32,             /* of the space left in a stock may be filled at once */
    BDA_GATHER_MOST = 16,              /* ranges that a thread takes from TLSF at once, where others take, too */
};

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
 * stands in its node in the place of a record; what has a record is never kept. */
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

/* How many ranges make a shelf full. For small ones that is set when a thread begins to take from an arena
 * (bda_stock_become_source): whether it was `alone` then holds for its shelves as long as it takes from there, whoever
 * comes or goes. For larger ones when they come to be kept. */
static inline uint32_t bda_shelf_room(uint32_t shelf, bool alone) {
    uint32_t granules = alone ? BDA_SHELF_GRANULES : BDA_SHELF_GRANULES_SHARED;
    uint32_t room = granules / (uint32_t)bda_max(bda_shelf_begin(shelf), 1);
    return (uint32_t)bda_min(bda_max(room, BDA_SHELF_LEAST), BDA_SHELF_MOST);
}

/* Kept ranges of one arena, by their nodes, each of which says its home. */
struct bda_bundle {
    _Atomic uint32_t count; /* read by statistics */
    uint32_t granules;
    uint32_t nodes[BDA_BUNDLE_MOST];
};

static inline uint32_t bda_bundle_count(const struct bda_bundle *bundle) {
    return atomic_load_explicit(&bundle->count, memory_order_relaxed);
}

static inline void bda_bundle_clear(struct bda_bundle *bundle) {
    atomic_store_explicit(&bundle->count, 0, memory_order_relaxed);
    bundle->granules = 0;
}

/* One more range; there is room for it. */
static inline void bda_bundle_add(struct bda_bundle *bundle, uint32_t index, uint32_t granules) {
    uint32_t count = bda_bundle_count(bundle);
    bundle->nodes[count] = index;
    bundle->granules += granules;
    atomic_store_explicit(&bundle->count, count + 1, memory_order_relaxed);
}

/* Whether one more leaves room for another; `most` granules make it full, too. */
static inline bool bda_bundle_is_open(const struct bda_bundle *bundle, uint32_t most) {
    return bda_bundle_count(bundle) < BDA_BUNDLE_MOST - 1 && bundle->granules < most;
}

static inline bool bda_bundle_is_full(const struct bda_bundle *bundle) {
    return bda_bundle_count(bundle) == BDA_BUNDLE_MOST || bundle->granules >= BDA_BUNDLE_GRANULES;
}

/* All of it under its lock, but for `filled`, which tells anybody whether it is worth taking that. The lock is not the
 * arena's: that one belongs to who takes from the arena, mostly, and is not to be taken away from it for 64 ranges that
 * it has no need to look at yet. */
struct bda_depot {
    struct bda_mutex lock;
    uint64_t granules, count; /* in all bundles */
    bool used;                /* since it was last asked whether it is idle */
    _Atomic uint32_t filled;  /* bundles */
    struct bda_bundle bundles[BDA_BUNDLES];
};

static inline uint32_t bda_depot_filled(const struct bda_depot *depot) {
    return atomic_load_explicit(&depot->filled, memory_order_relaxed);
}

/* Keeps what is in a bundle, and clears it; false, and nothing has changed, where the depot has enough of them, or all
 * of it would be more than `most` granules. The lock is held. */
bool bda_depot_give(struct bda_depot *depot, struct bda_bundle *bundle, uint64_t most);

/* The bundle that was given last, into one that is empty; false: there is none. The lock is held. */
bool bda_depot_take(struct bda_depot *depot, struct bda_bundle *bundle);

#endif
