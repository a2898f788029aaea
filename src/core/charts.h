/*
 * Charts: which ranges begin where in a small part of a region, as somebody once saw it.
 *
 * A chart is a list of *entries* in ascending order: an offset, and the node of the range that began there. Whoever
 * reads one has no lock: it may be rewritten under his eyes, or have become the chart of another place. So what it says
 * is a hint, to be checked against the node, once it is known that there is one; but the memory stays mapped. For that,
 * a chart that is given back keeps its room and waits for the next one of that room. Of a node it has 24 bits: what
 * lies beyond the first sixteen million (BDA_CHART_NODES) stands in none.
 *
 * It is laid out for a reader who finds none of it in a cache, and has more to do meanwhile if no branch is
 * mispredicted. Entries lie in *halves* of a line of the cache, six to each. A chart is one half, or one line, or a
 * number of lines, its *leaves*, of which the first offsets stand together in front: so he waits for the line of these,
 * if the chart is not asked often, and for one leaf. Which of the three it is the number of the chart says, so he need
 * not see it first.
 *
 * Taking and giving back may be done by any thread; writing a chart by one at a time.
 */
#ifndef BDA_CORE_CHARTS_H
#define BDA_CORE_CHARTS_H

#include "core/bits.h"
#include "core/store.h"
#include "platform/platform.h"

enum {
    BDA_CHART_UNIT = 32,      /* bytes; a chart is a number of units in a row, and straddles no line needlessly */
    BDA_CHART_CHUNK_LOG2 = 9, /* units in a chunk, so in the largest chart: 16 KiB */
    BDA_CHART_ROOMS = 28,     /* different ones: half a line, up to eight lines, then four to a power of two */
    BDA_CHART_HALF_ENTRIES = 6,
    BDA_CHART_LEAF_ENTRIES = 2 * BDA_CHART_HALF_ENTRIES,
};

/* The number of a chart: the index of its first unit, and two bits that say what it is. */
enum {
    BDA_CHART_WHOLE = 1,  /* it is whole lines; else half of one */
    BDA_CHART_LEAVES = 2, /* with something in front */
    BDA_CHART_KIND_BITS = 2,
    BDA_CHART_NUMBER_BITS = 31,
};

/* Where there is no entry. A look-up of this offset finds nothing on most charts. */
#define BDA_CHART_NOWHERE UINT16_MAX

/* Nodes that an entry can name. */
#define BDA_CHART_NODES ((uint32_t)1 << 24)

struct bda_chart_half {
    _Alignas(BDA_CHART_UNIT) _Atomic uint16_t offsets[BDA_CHART_HALF_ENTRIES];
    _Atomic uint16_t nodes[BDA_CHART_HALF_ENTRIES]; /* the lowest 16 bits, */
    _Atomic uint8_t upper[BDA_CHART_HALF_ENTRIES];  /* and the 8 above them */
    uint16_t credit; /* in the first one, for who writes: steps that may be lost before another survey (landmarks.h) */
};

/* What stands in front of leaves, which follow on the next line. The first field is what it is from its first day on.
 */
struct bda_chart_front {
    uint32_t leaves;
    uint32_t next;             /* the next spare one of this room */
    _Atomic uint16_t firsts[]; /* the first offset of each */
};

struct bda_charts {
    struct bda_mutex lock;           /* taken last */
    struct bda_store store;          /* of units */
    uint32_t spare[BDA_CHART_ROOMS]; /* by room, their numbers */
};

/* A chart as it is written: its entries have *slots*, so many as it holds. Those of a leaf are used from its front. */
struct bda_chart {
    struct bda_chart_front *front; /* NULL: it has none */
    struct bda_chart_half *halves;
    uint32_t number, slots;
};

/* Takes no memory yet. `locks`: several threads use it. */
void bda_charts_init(struct bda_charts *charts, struct bda_host *host, bool locks);
void bda_charts_destroy(struct bda_charts *charts);

/* The number of a chart for `count` entries (not 0), or for as many as the largest one holds; what it says is left over
 * from another place. 0 when host memory is refused. */
uint32_t bda_charts_take(struct bda_charts *charts, uint32_t count);
void bda_charts_give(struct bda_charts *charts, uint32_t number);

static inline void *bda_chart_unit(struct bda_charts *charts, uint32_t number) {
    return bda_store_element(&charts->store, number >> BDA_CHART_KIND_BITS, BDA_CHART_CHUNK_LOG2, BDA_CHART_UNIT);
}

static inline struct bda_chart_half *bda_chart_halves_behind(struct bda_chart_front *front, uint32_t leaves) {
    size_t bytes = sizeof(struct bda_chart_front) + leaves * sizeof(uint16_t);
    return (struct bda_chart_half *)((unsigned char *)front + bda_align_up(bytes, 2 * sizeof(struct bda_chart_half)));
}

/* ---- Reading ---- */

/* How many of a half's entries begin at an offset or before it. All are compared, since which is the last to do so
 * cannot be predicted. */
BDA_INLINE uint32_t bda_chart_count(const struct bda_chart_half *half, uint32_t offset) {
    uint32_t up_to = 0;
    BDA_UNROLL
    for (uint32_t i = 0; i < BDA_CHART_HALF_ENTRIES; i++)
        up_to += atomic_load_explicit(&half->offsets[i], memory_order_relaxed) <= offset;
    return up_to;
}

/* Leaves are told apart by their first offsets: `low` and the `count` ones from there on are still in question. */
BDA_INLINE void bda_chart_halve(const _Atomic uint16_t *firsts, uint32_t offset, uint32_t *low, uint32_t *count) {
    uint32_t upper = *low + *count / 2;
    *low = atomic_load_explicit(&firsts[upper], memory_order_relaxed) <= offset ? upper : *low;
    *count -= *count / 2;
}

/* The last leaf that begins at an offset or before it, else the first one. Nearly all charts have sixteen or fewer, and
 * those are halved four times however many they are: how often it need be cannot be predicted. */
BDA_INLINE uint32_t bda_chart_leaf_for(const _Atomic uint16_t *firsts, uint32_t count, uint32_t offset) {
    enum { ALWAYS = 4 };
    uint32_t low = 0;
    BDA_UNROLL
    for (uint32_t i = 0; i < ALWAYS; i++)
        bda_chart_halve(firsts, offset, &low, &count);
    while (count > 1)
        bda_chart_halve(firsts, offset, &low, &count);
    return low;
}

/* The half of a chart to look into for an offset. */
BDA_INLINE struct bda_chart_half *bda_chart_half_for(void *unit, uint32_t kind, uint32_t offset) {
    struct bda_chart_half *half = unit;
    if ((kind & BDA_CHART_LEAVES) != 0) {
        struct bda_chart_front *front = unit;
        half = bda_chart_halves_behind(front, front->leaves) +
               (size_t)2 * bda_chart_leaf_for(front->firsts, front->leaves, offset);
    }
    uint32_t whole = kind & BDA_CHART_WHOLE; /* no branch hangs on the outcome */
    return half + (whole & (uint32_t)(atomic_load_explicit(&half[whole].offsets[0], memory_order_relaxed) <= offset));
}

/* The node of an entry. Its two words may be of two entries for who has no lock. */
BDA_INLINE uint32_t bda_chart_node_in(const struct bda_chart_half *half, uint32_t entry) {
    return atomic_load_explicit(&half->nodes[entry], memory_order_relaxed) |
           (uint32_t)atomic_load_explicit(&half->upper[entry], memory_order_relaxed) << 16;
}

/* The node of the last entry that begins at `offset` or before it, or 0, or any below BDA_CHART_NODES. */
BDA_INLINE uint32_t bda_chart_guess(struct bda_charts *charts, uint32_t number, uint32_t offset) {
    struct bda_chart_half *half = bda_chart_half_for(bda_chart_unit(charts, number), number, offset);
    uint32_t up_to = bda_chart_count(half, offset);
    return up_to != 0 ? bda_chart_node_in(half, up_to - 1) : 0;
}

/* ---- Writing ---- */

struct bda_chart bda_chart_at(struct bda_charts *charts, uint32_t number);

/* Whether one for so many entries would have its room. */
bool bda_chart_suits(const struct bda_chart *chart, uint32_t count);

/* The offset of a slot, and its node. */
uint32_t bda_chart_offset(const struct bda_chart *chart, uint32_t slot);
uint32_t bda_chart_node(const struct bda_chart *chart, uint32_t slot);

/* The slot behind the last entry that begins at `offset` or before it; 0: there is none. */
uint32_t bda_chart_up_to(const struct bda_chart *chart, uint32_t offset);

/* Says nothing any more. */
void bda_chart_clear(const struct bda_chart *chart);

/* Writes an entry where its place is; of a chart that was cleared, from the first slot on. Of a node below
 * BDA_CHART_NODES, as with bda_chart_insert. */
void bda_chart_set(const struct bda_chart *chart, uint32_t slot, uint32_t offset, uint32_t node);

/* Adds an entry in front of a slot (bda_chart_up_to of its offset); false where there is no space. Who reads it
 * meanwhile sees offsets and nodes that do not go together, and finds that out. */
bool bda_chart_insert(const struct bda_chart *chart, uint32_t slot, uint32_t offset, uint32_t node);

#endif
