/* See depot.h. */
#include "alloc/depot.h"

#include <string.h>

/* What was in one bundle is in another. */
static void move(struct bda_bundle *to, struct bda_bundle *from) {
    uint32_t count = bda_bundle_count(from);
    memcpy(to->nodes, from->nodes, count * sizeof to->nodes[0]);
    to->granules = from->granules;
    atomic_store_explicit(&to->count, count, memory_order_relaxed);
    bda_bundle_clear(from);
}

static void count(struct bda_depot *depot, uint32_t filled) {
    atomic_store_explicit(&depot->filled, filled, memory_order_relaxed);
    depot->used = true;
}

bool bda_depot_give(struct bda_depot *depot, struct bda_bundle *bundle, uint64_t most) {
    uint32_t filled = bda_depot_filled(depot);
    if (filled == BDA_BUNDLES || depot->granules + bundle->granules > most)
        return false;
    depot->granules += bundle->granules;
    depot->count += bda_bundle_count(bundle);
    move(&depot->bundles[filled], bundle);
    count(depot, filled + 1);
    return true;
}

bool bda_depot_take(struct bda_depot *depot, struct bda_bundle *bundle) {
    uint32_t filled = bda_depot_filled(depot);
    if (filled == 0)
        return false;
    move(bundle, &depot->bundles[filled - 1]);
    depot->granules -= bundle->granules;
    depot->count -= bda_bundle_count(bundle);
    count(depot, filled - 1);
    return true;
}
