/*
 * Bundles and the depot: how freed ranges change hands between threads.
 *
 * A *bundle* is a number of kept ranges (shelf.h) of any sizes that move together; the *depot* of a shard takes
 * bundles from threads that free what is in it and take nothing there, and gives them to those that take.
 */
#ifndef BDA_ALLOC_DEPOT_H
#define BDA_ALLOC_DEPOT_H

#include "alloc/shelf.h"
#include "platform/platform.h"

enum {
    BDA_BUNDLE_GRANULES = 32768, /* in a bundle, 512 KiB and the range that makes it so many, */
    BDA_BUNDLE_MOST = 64,        /* or so many ranges */
    BDA_BUNDLES = 8,             /* in a depot */
    BDA_DEPOT_SHARES = 4,        /* as much as so many caches may keep waits there for one who takes */
};

/* Kept ranges of one shard, by their nodes, each of which says its home. */
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
 * shard's: that one belongs to who takes from the shard, mostly, and is not to be taken away from it for 64 ranges that
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
