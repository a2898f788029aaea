/*
 * Charts: which ranges begin where in a small part of a region, as somebody once saw it.
 *
 * A chart is a list of *entries* in ascending order: an offset, and the node of the range that began there. Whoever
 * reads one has no lock: it may be rewritten under his eyes, or have become the chart of another place. So what it says
 * is a hint, to be checked against the node; but the memory stays mapped, and each node in it is the index of one that
 * there was, or 0. For that, a chart that is given back keeps its room and waits for the next one of that room.
 *
 * It is laid out for a reader who finds none of it in a cache. Up to eight entries are one line with all that belongs
 * to them. More are in *leaves*, a line of ten each, of which the first offsets stand together in front: so he waits
 * for the line of these, if the chart is not asked often, and for one leaf.
 *
 * Taking and giving back may be done by any thread; writing a chart by one at a time.
 */
#ifndef BDA_CORE_CHARTS_H
#define BDA_CORE_CHARTS_H

#include "core/bits.h"
#include "core/store.h"
#include "platform/platform.h"

enum {
    BDA_CHART_UNIT = 16,       /* bytes; a chart is a number of units in a row, and straddles no line needlessly */
    BDA_CHART_CHUNK_LOG2 = 11, /* units in a chunk, so in the largest chart: 32 KiB */
    BDA_CHART_ROOMS = 32,      /* different ones: half a line, up to eight lines, then four to a power of two */
    BDA_CHART_LEAF_ENTRIES = 10,
    BDA_CHART_LEAF_FILL = 9, /* of them when a chart is made: the tenth is for a range that comes */
};

/* Where there is no entry. A range may begin there, too, and is not found by its chart then. */
#define BDA_CHART_NOWHERE UINT16_MAX

struct bda_chart_leaf {
    _Alignas(64) _Atomic uint16_t offsets[BDA_CHART_LEAF_ENTRIES];
    _Atomic uint32_t nodes[BDA_CHART_LEAF_ENTRIES];
};

/* The first two fields are what they are from its first day on. */
struct bda_chart {
    uint16_t slots;             /* for entries; used from the front, of each leaf */
    uint16_t leaves;            /* 0: the slots are here */
    uint32_t next;              /* the next spare one of this room */
    _Atomic uint16_t offsets[]; /* of the slots, with their nodes behind; or of the leaves' first ones, which follow on
                                   the next line */
};

struct bda_charts {
    struct bda_mutex lock;           /* taken last */
    struct bda_store store;          /* of units */
    uint32_t spare[BDA_CHART_ROOMS]; /* by room */
};

/* Takes no memory yet. `locks`: several threads use it. */
void bda_charts_init(struct bda_charts *charts, struct bda_host *host, bool locks);
void bda_charts_destroy(struct bda_charts *charts);

/* A chart for `count` entries (not 0), or for as many as the largest one holds; what it says is left over from another
 * place. 0 when host memory is refused. */
uint32_t bda_charts_take(struct bda_charts *charts, uint32_t count);
void bda_charts_give(struct bda_charts *charts, uint32_t index);

/* Whether one for so many entries would have this chart's room. */
bool bda_chart_suits(const struct bda_chart *chart, uint32_t count);

/* How many entries it holds when it is made. */
static inline uint32_t bda_chart_holds(const struct bda_chart *chart) {
    return chart->leaves != 0 ? chart->leaves * (uint32_t)BDA_CHART_LEAF_FILL : chart->slots;
}

static inline struct bda_chart *bda_chart_at(struct bda_charts *charts, uint32_t index) {
    return bda_store_element(&charts->store, index, BDA_CHART_CHUNK_LOG2, BDA_CHART_UNIT);
}

/* ---- Reading ---- */

static inline struct bda_chart_leaf *bda_chart_leaf(struct bda_chart *chart, uint32_t leaf) {
    size_t front = sizeof(struct bda_chart) + chart->leaves * sizeof(uint16_t);
    unsigned char *first = (unsigned char *)chart + bda_align_up(front, sizeof(struct bda_chart_leaf));
    return (struct bda_chart_leaf *)first + leaf;
}

/* Where the offset of a slot is, and its node. */
static inline _Atomic uint16_t *bda_chart_offset_at(struct bda_chart *chart, uint32_t slot) {
    return chart->leaves == 0
               ? &chart->offsets[slot]
               : &bda_chart_leaf(chart, slot / BDA_CHART_LEAF_ENTRIES)->offsets[slot % BDA_CHART_LEAF_ENTRIES];
}

static inline _Atomic uint32_t *bda_chart_node_at(struct bda_chart *chart, uint32_t slot) {
    return chart->leaves == 0
               ? (_Atomic uint32_t *)(chart->offsets + chart->slots) + slot
               : &bda_chart_leaf(chart, slot / BDA_CHART_LEAF_ENTRIES)->nodes[slot % BDA_CHART_LEAF_ENTRIES];
}

static inline uint32_t bda_chart_offset(struct bda_chart *chart, uint32_t slot) {
    return atomic_load_explicit(bda_chart_offset_at(chart, slot), memory_order_relaxed);
}

/* It brings along that there is such a node, whose chunk may be younger than the chart. */
static inline uint32_t bda_chart_node(struct bda_chart *chart, uint32_t slot) {
    return atomic_load_explicit(bda_chart_node_at(chart, slot), memory_order_acquire);
}

/* How many of a few offsets in ascending order are not beyond one: all are compared, since which is the last to be
 * cannot be predicted. */
BDA_INLINE uint32_t bda_count_up_to(const _Atomic uint16_t *offsets, uint32_t count, uint32_t offset) {
    uint32_t up_to = 0;
    for (uint32_t i = 0; i < count; i++)
        up_to += atomic_load_explicit(&offsets[i], memory_order_relaxed) <= offset;
    return up_to;
}

/* The same of many, by bisection. */
BDA_INLINE uint32_t bda_bisect_up_to(const _Atomic uint16_t *offsets, uint32_t count, uint32_t offset) {
    const _Atomic uint16_t *low = offsets;
    for (uint32_t half; (half = count / 2) != 0; count -= half) {
        uint32_t upper = (uint32_t)(atomic_load_explicit(low + half, memory_order_relaxed) <= offset);
        low += half & (0u - upper);
    }
    return (uint32_t)(low - offsets) + (atomic_load_explicit(low, memory_order_relaxed) <= offset);
}

/* The slot behind the last entry that begins at `offset` or before it; 0: there is none. */
BDA_INLINE uint32_t bda_chart_up_to(struct bda_chart *chart, uint32_t offset) {
    if (chart->leaves == 0)
        return bda_count_up_to(chart->offsets, chart->slots, offset);
    uint32_t leaves = bda_bisect_up_to(chart->offsets, chart->leaves, offset);
    if (leaves == 0)
        return 0;
    uint32_t within = bda_count_up_to(bda_chart_leaf(chart, leaves - 1)->offsets, BDA_CHART_LEAF_ENTRIES, offset);
    return (leaves - 1) * BDA_CHART_LEAF_ENTRIES + within;
}

/* The node of that entry, or 0. */
BDA_INLINE uint32_t bda_chart_guess(struct bda_chart *chart, uint32_t offset) {
    uint32_t up_to = bda_chart_up_to(chart, offset);
    return up_to != 0 ? bda_chart_node(chart, up_to - 1) : 0;
}

/* ---- Writing ---- */

/* Says nothing any more. */
void bda_chart_clear(struct bda_chart *chart);

/* Writes an entry where its place is. */
void bda_chart_set(struct bda_chart *chart, uint32_t slot, uint32_t offset, uint32_t node);

/* Writes the next entry of one that was cleared: the first is number 0, and there are not more than it holds. */
void bda_chart_append(struct bda_chart *chart, uint32_t number, uint32_t offset, uint32_t node);

/* Adds an entry in front of a slot (bda_chart_up_to of its offset); false where there is no space. Who reads it
 * meanwhile sees offsets and nodes that do not go together, and finds that out. */
bool bda_chart_insert(struct bda_chart *chart, uint32_t slot, uint32_t offset, uint32_t node);

#endif
