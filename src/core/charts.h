/*
 * Charts: which ranges begin where in a small part of a region, as somebody once saw it.
 *
 * A chart is a list of offsets in ascending order, and beside each the node of the range that began there. Whoever
 * reads one has no lock: it may be rewritten under his eyes, or have become the chart of another place. So what it says
 * is a hint, to be checked against the node; but the memory stays mapped, and every number in it is the index of a node
 * that there was, or 0. For that, a chart that is given back keeps its room and waits for the next one of that room.
 *
 * Taking and giving back may be done by any thread; writing a chart by one at a time.
 */
#ifndef BDA_CORE_CHARTS_H
#define BDA_CORE_CHARTS_H

#include "core/bits.h"
#include "core/store.h"
#include "platform/platform.h"

enum {
    BDA_CHART_UNIT = 16,         /* bytes; a chart is a number of units in a row */
    BDA_CHART_CHUNK_LOG2 = 11,   /* units in a chunk, so in the largest chart: 32 KiB */
    BDA_CHART_ROOMS = 7 + 4 * 8, /* different ones: each number of units up to 8, then four to a power of two */
};

struct bda_chart {
    _Atomic uint16_t count;
    uint16_t room;              /* entries that fit, from its first day on; an even number */
    uint32_t next;              /* the next spare one of this room */
    _Atomic uint16_t offsets[]; /* as many as there is room for; behind them, as many nodes */
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

static inline struct bda_chart *bda_chart_at(struct bda_charts *charts, uint32_t index) {
    return bda_store_element(&charts->store, index, BDA_CHART_CHUNK_LOG2, BDA_CHART_UNIT);
}

static inline _Atomic uint32_t *bda_chart_nodes(struct bda_chart *chart) {
    return (_Atomic uint32_t *)(chart->offsets + chart->room);
}

static inline uint32_t bda_chart_count(const struct bda_chart *chart) {
    return atomic_load_explicit(&chart->count, memory_order_relaxed);
}

static inline uint32_t bda_chart_node(struct bda_chart *chart, uint32_t entry) {
    return atomic_load_explicit(&bda_chart_nodes(chart)[entry], memory_order_relaxed);
}

static inline uint32_t bda_chart_offset(const struct bda_chart *chart, uint32_t entry) {
    return atomic_load_explicit(&chart->offsets[entry], memory_order_relaxed);
}

/* How many entries begin at `offset` or before it. Which half is next cannot be predicted: no branch hangs on it. */
BDA_INLINE uint32_t bda_chart_entries_up_to(const struct bda_chart *chart, uint32_t offset) {
    const _Atomic uint16_t *const first = chart->offsets, *low = first;
    uint32_t count = bda_chart_count(chart);
    if (count == 0)
        return 0;
    for (uint32_t half; (half = count / 2) != 0; count -= half) {
        uint32_t upper = (uint32_t)(atomic_load_explicit(low + half, memory_order_relaxed) <= offset);
        low += half & (0u - upper);
    }
    return (uint32_t)(low - first) + (atomic_load_explicit(low, memory_order_relaxed) <= offset);
}

/* The node of the last entry up to `offset`, 0 where there is none. */
BDA_INLINE uint32_t bda_chart_guess(struct bda_chart *chart, uint32_t offset) {
    uint32_t entries = bda_chart_entries_up_to(chart, offset);
    return entries != 0 ? bda_chart_node(chart, entries - 1) : 0;
}

static inline void bda_chart_set(struct bda_chart *chart, uint32_t entry, uint32_t offset, uint32_t node) {
    atomic_store_explicit(&chart->offsets[entry], (uint16_t)offset, memory_order_relaxed);
    atomic_store_explicit(&bda_chart_nodes(chart)[entry], node, memory_order_relaxed);
}

static inline void bda_chart_set_count(struct bda_chart *chart, uint32_t count) {
    atomic_store_explicit(&chart->count, (uint16_t)count, memory_order_relaxed);
}

#endif
