/*
 * Landmarks: from an offset in a region to the node of the range that holds it.
 *
 * The ranges of a region are a list in the order of their addresses, and nothing else leads into its middle. A
 * *landmark* is a node from which a walk along that list begins. It is a hint: it may be spare by now, or lie elsewhere
 * in the region, which is seen when it is used. So allocating and freeing never write one and cost what they would cost
 * without. Look-ups leave them behind, for the next ones.
 *
 * Words: an *area* is 2^16 granules of a region in a row, 1 MiB in pools; its *anchor* a landmark that belongs to all
 * of it; its *slots* one landmark each for equal parts of it. An area where walks are long gets about as many slots as
 * it has ranges, so density may differ from one area to the next. That is paid for by the steps that were too many: who
 * took them last counts the area's ranges and sets all of its slots.
 *
 * All of it is under the lock that covers the nodes. The memory is taken where look-ups are made; where it is refused
 * they walk further.
 */
#ifndef BDA_CORE_LANDMARKS_H
#define BDA_CORE_LANDMARKS_H

#include "core/tlsf.h"

enum {
    BDA_AREA_LOG2 = 16,          /* granules in an area */
    BDA_AREA_SLOTS_LOG2 = 15,    /* at most */
    BDA_LANDMARK_WALK = 1 << 12, /* steps of one call: the lock is not held for longer, but to count an area */
};

struct bda_area {
    uint32_t *slots; /* NULL: the anchor is the only one */
    uint32_t anchor;
    uint16_t lost; /* steps that walks in the area took too many, since its slots were set */
    uint8_t slots_log2;
};

struct bda_landmarks {
    uint32_t count;
    struct bda_area areas[];
};

/* A region as a look-up sees it. */
struct bda_terrain {
    struct bda_host *host;
    struct bda_nodes *nodes;
    struct bda_region *region;
    uint32_t index;                   /* of the region */
    struct bda_landmarks **landmarks; /* NULL behind it until the first look-up */
};

/* The node that holds a granule of the region. 0: it is too far from every landmark; what was walked is marked, and the
 * next call goes on from there: the region's ranges divided by BDA_LANDMARK_WALK, and one, calls find it if nothing
 * changes meanwhile. `last`: as far as it is, then; 0 never, while the links are right. */
uint32_t bda_landmarks_find(const struct bda_terrain *terrain, uint32_t offset, bool last);

/* They go with their region. */
void bda_landmarks_release(struct bda_host *host, struct bda_landmarks **landmarks);

/* Bytes that they take. */
uint64_t bda_landmarks_bytes(const struct bda_landmarks *landmarks);

#endif
