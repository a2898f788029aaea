/*
 * Landmarks: from an offset in a region to the node of the range that holds it.
 *
 * The ranges of a region are a list in the order of their addresses, and nothing else leads into its middle. A
 * *landmark* is a node from which a walk along that list begins. It is a hint: it may be spare by now, or lie elsewhere
 * in the region, which is seen when it is used. So allocating and freeing never write one and cost what they would cost
 * without. Look-ups leave them behind, for the next ones.
 *
 * Words: an *area* is 2^16 granules of a region in a row, 1 MiB in pools. It has one landmark, which is enough for few
 * ranges, or a *chart* (charts.h) of taken ranges in it, one of each *stride*. What is within *reach* of an entry, two
 * steps for each range of a stride, is found; who looks up what is not pays for the walk. The first of them makes a
 * *survey* of the area's ranges, and from that a chart; the next one is due once walks have cost a step for each range.
 *
 * All of it is under the lock that covers the nodes, but for bda_landmarks_guess: whoever has no lock gets a node from
 * it that may lie near the right one, and looks. So what he reads stays where it is until bda_landmarks_destroy. Memory
 * is taken where look-ups are made; where it is refused they walk further.
 */
#ifndef BDA_CORE_LANDMARKS_H
#define BDA_CORE_LANDMARKS_H

#include "core/charts.h"
#include "core/tlsf.h"

enum {
    BDA_AREA_LOG2 = 16,          /* granules in an area */
    BDA_LANDMARK_WALK = 1 << 12, /* steps of one call: the lock is not held for longer, but to survey an area */
};

/* With the highest bit set the number of a chart, else a node's index, or 0. */
#define BDA_MARK_IS_CHART ((uint32_t)1 << BDA_CHART_NUMBER_BITS)

_Static_assert(BDA_NODES_MOST < BDA_MARK_IS_CHART, "a landmark has a bit to spare");

struct bda_landmarks {
    struct bda_landmarks *outgrown;
    uint32_t room, count; /* areas */
    _Atomic uint32_t marks[];
};

/* A region as a look-up sees it. */
struct bda_terrain {
    struct bda_host *host;
    struct bda_charts *charts;
    struct bda_nodes *nodes;
    struct bda_region *region;
    uint32_t index;                             /* of the region */
    _Atomic(struct bda_landmarks *) *landmarks; /* NULL behind it until the first look-up */
};

/* Of so many taken ranges a chart names one. A step costs little where all nodes fit into a processor's caches, and as
 * much as a chart's line where they do not. */
enum { BDA_FEW_NODES = 1 << 15, BDA_MANY_NODES = 1 << 16 };
BDA_INLINE uint32_t bda_landmarks_stride(const struct bda_nodes *nodes) {
    uint32_t count = atomic_load_explicit(&nodes->store.length, memory_order_relaxed);
    return count < BDA_FEW_NODES ? 4 : count < BDA_MANY_NODES ? 2 : 1;
}

/* Steps from an entry to what lies before the next one: each range that it does not name may have a free one before it.
 */
BDA_INLINE uint32_t bda_landmarks_reach(const struct bda_nodes *nodes) {
    return 2 * bda_landmarks_stride(nodes);
}

/* The node that holds a granule of the region. 0: it is too far from every landmark; what was walked is marked, and the
 * next call goes on from there: the region's ranges divided by BDA_LANDMARK_WALK, and one, calls find it if nothing
 * changes meanwhile. `last`: as far as it is, then; 0 never, while the links are right. */
uint32_t bda_landmarks_find(const struct bda_terrain *terrain, uint32_t offset, bool last);

/* The node that a landmark names, for a granule of the region: of one that may be anywhere by now, or that there never
 * was; 0: there is no landmark. */
BDA_INLINE uint32_t bda_landmarks_named(struct bda_landmarks *landmarks, struct bda_charts *charts, uint64_t offset) {
    if (landmarks == NULL || offset >> BDA_AREA_LOG2 >= landmarks->room)
        return 0;
    uint32_t mark = atomic_load_explicit(&landmarks->marks[offset >> BDA_AREA_LOG2], memory_order_acquire);
    if ((mark & BDA_MARK_IS_CHART) == 0)
        return mark;
    uint32_t within = offset & ((1u << BDA_AREA_LOG2) - 1);
    within -= within == BDA_CHART_NOWHERE; /* where slots without an entry say that they are */
    return bda_chart_guess(charts, mark & ~BDA_MARK_IS_CHART, within);
}

/* The node that holds a granule of region `index`, as far as is seen without a lock, within reach of a landmark; 0:
 * none is seen. What links say may be of another life: they lead somewhere, and the node that they lead to says what it
 * is. `landmarks` may be NULL, or outgrown. */
BDA_INLINE uint32_t bda_landmarks_guess(struct bda_landmarks *landmarks, struct bda_charts *charts,
                                        struct bda_nodes *nodes, uint32_t index, uint64_t offset) {
    uint32_t at = bda_landmarks_named(landmarks, charts, offset), left = bda_landmarks_reach(nodes);
    if (!bda_store_has(&nodes->store, at))
        return 0;
    while (true) {
        const struct bda_node *node = bda_node_at(nodes, at);
        if (BDA_LIKELY(offset - bda_node_offset(node) < bda_node_size(node))) /* wraps where it lies before */
            return at;
        if (left-- == 0 || atomic_load_explicit(&node->region, memory_order_relaxed) != index)
            return 0;
        at = bda_node_neighbour(node, offset < bda_node_offset(node));
        if (at == 0)
            return 0;
    }
}

/* What they say goes with their region: before its nodes may be another's. */
void bda_landmarks_forget(_Atomic(struct bda_landmarks *) *landmarks, struct bda_charts *charts);

/* Their memory goes with the last who may look. */
void bda_landmarks_destroy(struct bda_host *host, _Atomic(struct bda_landmarks *) *landmarks);

#endif
