/*
 * Shelves, lists and the depot: what freed ranges are kept in for the next requests of about their size.
 *
 * Words: a *shelf* holds ranges of one step of sizes, 32 steps to a power of two; a *list* is a number of ranges of one
 * shelf that change hands together, linked through their nodes; the *depot* of a pool takes full lists from threads
 * that free more than they allocate and gives them to threads that allocate more than they free.
 *
 * A kept range is a taken one to TLSF. Its node is in state cached, so every handle to it is stale.
 */
#ifndef BDA_ALLOC_DEPOT_H
#define BDA_ALLOC_DEPOT_H

#include "core/bits.h"
#include "core/node.h"

enum {
    BDA_STEPS_LOG2 = 5, /* so a range serves requests of its size, and wastes a thirty-second of it at most */
    BDA_STEPS = 1 << BDA_STEPS_LOG2,
    BDA_CACHED_LOG2 = 12, /* the largest range that is kept, in granules: 64 KiB. Larger ones are few, and would hold
                             most of the bytes */
    BDA_CACHED_MOST = 1 << BDA_CACHED_LOG2,
    BDA_CACHED_BYTES = BDA_CACHED_MOST << 4,
    BDA_SHELVES = ((BDA_CACHED_LOG2 - BDA_STEPS_LOG2) << BDA_STEPS_LOG2) + BDA_STEPS + 1,
    BDA_REACH_ROOMY = 0xFF, /* a request is served from the right shelf or one of the next seven, while there is much
                               room: a quarter of its size is wasted at most */
    BDA_LIST_GRANULES_SHARED = 16384, /* the same where a thread is not alone: it comes for the pool's lock seldom */
    BDA_LIST_GRANULES = 4096,         /* in a list, 64 KiB, */
    BDA_LIST_MOST = 32,               /* or so many ranges */
    BDA_GATHER_SHARE = 32,            /* of the space left in a stock may be filled at once */
    BDA_GATHER_MOST = 16,             /* ranges that a thread takes from TLSF at once, where it is not alone */
    BDA_DEPOT_LISTS = 8,              /* of one shelf, in a depot */
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

/* How many ranges make a full list of a shelf. */
static inline uint32_t bda_list_length(uint32_t shelf, bool alone) {
    uint32_t granules = alone ? BDA_LIST_GRANULES : BDA_LIST_GRANULES_SHARED;
    uint32_t length = granules / (uint32_t)bda_max(bda_shelf_begin(shelf), 1);
    return (uint32_t)bda_min(bda_max(length, 1), BDA_LIST_MOST);
}

/* All of it under the pool's lock, but for the counts, which tell anybody whether it is worth taking that. */
struct bda_depot {
    uint64_t granules, count;    /* in all lists */
    bool used;                   /* since it was last asked whether it is idle */
    uint32_t lists[BDA_SHELVES]; /* the first node of a list; the next list stands in the place of its home */
    _Atomic uint8_t counts[BDA_SHELVES];
};

static inline bool bda_depot_has(const struct bda_depot *depot, uint32_t shelf) {
    return atomic_load_explicit(&depot->counts[shelf], memory_order_relaxed) != 0;
}

/* Keeps a full list; false where it has enough, or all of it would be more than `most` granules. */
bool bda_depot_give(struct bda_depot *depot, bda_node_chunks chunks, uint32_t shelf, uint32_t list, uint64_t most);

/* A full list, or 0. `home` is that of its ranges; `sum` becomes what is in it. */
struct bda_list_sum {
    uint64_t granules;
    uint32_t count;
};
uint32_t bda_depot_take(struct bda_depot *depot, bda_node_chunks chunks, uint32_t home, struct bda_list_sum *sum);

#endif
