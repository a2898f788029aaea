/*
 * Landmarks: from an offset in a region to the node of the range that holds it.
 *
 * The ranges of a region are a list in the order of their addresses, and nothing else leads into its middle. A
 * *landmark* is a node from which a walk along that list begins. It is a hint: it may be spare by now, or lie elsewhere
 * in the region, which is seen when it is used. So allocating and freeing never write one and cost what they would cost
 * without. Look-ups leave them behind, for the next ones.
 *
 * Words: an *area* is 2^16 granules of a region in a row, 1 MiB in pools. It has one landmark, or a *chart* (charts.h)
 * of all taken ranges in it. Who looks up what is not where a chart says, or finds that one landmark will not do for an
 * area, pays for the walk; once walks have cost as much as a *survey* of the area's ranges, the last of them makes one,
 * and from that a chart.
 *
 * All of it is under the lock that covers the nodes, but for bda_landmarks_guess: whoever has no lock gets a node from
 * it that may be the right one, and looks. So what he reads stays where it is until bda_landmarks_destroy. Memory is
 * taken where look-ups are made; where it is refused they walk further.
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
    uint16_t *lost;       /* of each, behind the marks: steps that walks in it have cost since its last survey */
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

/* The node that holds a granule of the region. 0: it is too far from every landmark; what was walked is marked, and the
 * next call goes on from there: the region's ranges divided by BDA_LANDMARK_WALK, and one, calls find it if nothing
 * changes meanwhile. `last`: as far as it is, then; 0 never, while the links are right. */
uint32_t bda_landmarks_find(const struct bda_terrain *terrain, uint32_t offset, bool last);

/* The node that held a granule when somebody last looked, or another one; 0: nobody did. Without a lock; `landmarks`
 * may be NULL, or outgrown. */
BDA_INLINE uint32_t bda_landmarks_guess(struct bda_landmarks *landmarks, struct bda_charts *charts, uint64_t offset) {
    if (landmarks == NULL || offset >> BDA_AREA_LOG2 >= landmarks->room)
        return 0;
    uint32_t mark = atomic_load_explicit(&landmarks->marks[offset >> BDA_AREA_LOG2], memory_order_acquire);
    if ((mark & BDA_MARK_IS_CHART) == 0)
        return mark;
    return bda_chart_guess(charts, mark & ~BDA_MARK_IS_CHART, offset & ((1u << BDA_AREA_LOG2) - 1));
}

/* What they say goes with their region: before its nodes may be another's. */
void bda_landmarks_forget(_Atomic(struct bda_landmarks *) *landmarks, struct bda_charts *charts);

/* Their memory goes with the last who may look. */
void bda_landmarks_destroy(struct bda_host *host, _Atomic(struct bda_landmarks *) *landmarks);

#endif
