/* See charts.h. */
#include "core/charts.h"

#include <assert.h>

enum {
    LINE_UNITS = 2,
    LINE = LINE_UNITS * BDA_CHART_UNIT, /* bytes */
    LINES_MOST = (1 << BDA_CHART_CHUNK_LOG2) / LINE_UNITS,
    UNITS_MOST = (1 << (BDA_CHART_NUMBER_BITS - BDA_CHART_KIND_BITS)) - (2 << BDA_CHART_CHUNK_LOG2),
};

/* Rooms: half a line and a whole one; with leaves, each number of lines from three up to eight is a room. */
enum { HALF_A_LINE, ONE_LINE, THREE_LINES, SINGLE = 8 };

_Static_assert(LINE == 64, "a leaf is a cache line");
_Static_assert(sizeof(struct bda_chart_half) == BDA_CHART_UNIT, "six entries are half a line");

void bda_charts_init(struct bda_charts *charts, struct bda_host *host, bool locks) {
    bda_mutex_init(&charts->lock, locks);
    bda_store_init(&charts->store, host, BDA_CHART_UNIT, BDA_CHART_CHUNK_LOG2);
    for (uint32_t i = 0; i < BDA_CHART_ROOMS; i++)
        charts->spare[i] = 0;
}

void bda_charts_destroy(struct bda_charts *charts) {
    bda_store_destroy(&charts->store);
    bda_mutex_destroy(&charts->lock);
}

/* ---- Rooms ---- */

/* Two of the smallest are made at a time. */
static uint32_t lines_of(uint32_t room) {
    assert(room < BDA_CHART_ROOMS);
    if (room <= ONE_LINE)
        return 1;
    if (room < SINGLE)
        return room + 1;
    uint32_t above = room - SINGLE;
    return (above % 4 + 5) << (above / 4 + 1);
}

/* The smallest room of so many lines, by its number. */
static uint32_t room_for_lines(uint32_t lines) {
    assert(lines != 0 && lines <= LINES_MOST);
    if (lines <= SINGLE)
        return lines - 1;
    uint32_t log2 = bda_floor_log2(lines - 1), quarter = (lines - 1) >> (log2 - 2) & 3;
    return SINGLE + (log2 - 3) * 4 + quarter;
}

/* Lines that so many leaves take, with what stands in front of them. */
static uint32_t lines_with(uint32_t leaves) {
    uint32_t front = (uint32_t)sizeof(struct bda_chart_front) + leaves * (uint32_t)sizeof(uint16_t);
    return (front + LINE - 1) / LINE + leaves;
}

static uint32_t leaves_in(uint32_t lines) {
    uint32_t leaves = lines - 1;
    while (lines_with(leaves) > lines)
        leaves--;
    return leaves;
}

static uint32_t room_for(uint32_t count) {
    if (count <= BDA_CHART_LEAF_ENTRIES)
        return count <= BDA_CHART_HALF_ENTRIES ? HALF_A_LINE : ONE_LINE;
    uint32_t lines = lines_with((count + BDA_CHART_LEAF_ENTRIES - 1) / BDA_CHART_LEAF_ENTRIES);
    return room_for_lines((uint32_t)bda_min(lines, LINES_MOST));
}

static uint32_t room_of(const struct bda_chart *chart) {
    return room_for(chart->slots);
}

bool bda_chart_suits(const struct bda_chart *chart, uint32_t count) {
    return room_of(chart) == room_for(count);
}

struct bda_chart bda_chart_at(struct bda_charts *charts, uint32_t number) {
    void *unit = bda_chart_unit(charts, number);
    if ((number & BDA_CHART_LEAVES) == 0) {
        uint32_t whole = number & BDA_CHART_WHOLE;
        return (struct bda_chart){ NULL, unit, number, (1 + whole) * BDA_CHART_HALF_ENTRIES };
    }
    struct bda_chart_front *front = unit;
    return (struct bda_chart){ front, bda_chart_halves_behind(front, front->leaves), number,
                               front->leaves * BDA_CHART_LEAF_ENTRIES };
}

/* ---- Slots ---- */

static _Atomic uint16_t *offset_at(const struct bda_chart *chart, uint32_t slot) {
    return &chart->halves[slot / BDA_CHART_HALF_ENTRIES].offsets[slot % BDA_CHART_HALF_ENTRIES];
}

uint32_t bda_chart_offset(const struct bda_chart *chart, uint32_t slot) {
    return atomic_load_explicit(offset_at(chart, slot), memory_order_relaxed);
}

uint32_t bda_chart_node(const struct bda_chart *chart, uint32_t slot) {
    return bda_chart_node_in(&chart->halves[slot / BDA_CHART_HALF_ENTRIES], slot % BDA_CHART_HALF_ENTRIES);
}

static void write_offset(_Atomic uint16_t *where, uint32_t offset) {
    atomic_store_explicit(where, (uint16_t)offset, memory_order_relaxed);
}

/* ---- Spare ones ----
 *
 * Without something in front, a spare chart says where the next one is in two offsets: somebody may still read it, and
 * believes no offset that the node does not confirm. */

static uint32_t next_of(const struct bda_chart *chart) {
    return chart->front != NULL ? chart->front->next : bda_chart_offset(chart, 0) | bda_chart_offset(chart, 1) << 16;
}

static void set_next(const struct bda_chart *chart, uint32_t next) {
    if (chart->front != NULL) {
        chart->front->next = next;
        return;
    }
    write_offset(offset_at(chart, 0), next & UINT16_MAX);
    write_offset(offset_at(chart, 1), next >> 16);
}

static void push(struct bda_charts *charts, uint32_t room, uint32_t number) {
    const struct bda_chart chart = bda_chart_at(charts, number);
    set_next(&chart, charts->spare[room]);
    charts->spare[room] = number;
}

static uint32_t pop(struct bda_charts *charts, uint32_t room) {
    uint32_t number = charts->spare[room];
    if (number == 0)
        return 0;
    const struct bda_chart chart = bda_chart_at(charts, number);
    charts->spare[room] = next_of(&chart);
    return number;
}

/* Whole lines, from a unit on, become a spare chart, from now on and for good; of half a line, two. */
static void found(struct bda_charts *charts, uint32_t room, uint32_t unit) {
    uint32_t number = unit << BDA_CHART_KIND_BITS;
    if (room == HALF_A_LINE) {
        push(charts, room, number);
        push(charts, room, number + (1 << BDA_CHART_KIND_BITS));
        return;
    }
    number |= BDA_CHART_WHOLE;
    if (room != ONE_LINE) {
        number |= BDA_CHART_LEAVES;
        struct bda_chart_front *front = bda_chart_unit(charts, number);
        front->leaves = leaves_in(lines_of(room));
    }
    push(charts, room, number);
}

/* What the end of a chunk has left over, which was too little. */
static void found_rest(struct bda_charts *charts, uint32_t index, uint32_t lines) {
    uint32_t room = room_for_lines(lines);
    if (lines_of(room) > lines)
        room--;
    found(charts, room >= THREE_LINES ? room : ONE_LINE, index);
}

/* Lines begin with an even unit; the store leaves out its first one. */
static bool align(struct bda_charts *charts) {
    uint32_t first;
    return atomic_load_explicit(&charts->store.length, memory_order_relaxed) != 0 ||
           bda_store_grow(&charts->store, LINE_UNITS - 1, &first) == LINE_UNITS - 1;
}

/* Makes one, or two where a line holds as many; false where the memory for it is refused. */
static bool make(struct bda_charts *charts, uint32_t room) {
    uint32_t units = lines_of(room) * LINE_UNITS, index = 0;
    if (!align(charts) || atomic_load_explicit(&charts->store.length, memory_order_relaxed) > UNITS_MOST)
        return false;
    uint32_t added = bda_store_grow(&charts->store, units, &index);
    if (added != 0 && added < units) {
        found_rest(charts, index, added / LINE_UNITS);
        added = bda_store_grow(&charts->store, units, &index);
    }
    if (added == units)
        found(charts, room, index);
    return added == units;
}

uint32_t bda_charts_take(struct bda_charts *charts, uint32_t count) {
    assert(count != 0);
    uint32_t room = room_for(count), number = 0;
    bda_mutex_lock(&charts->lock);
    if (charts->spare[room] != 0 || make(charts, room))
        number = pop(charts, room);
    bda_mutex_unlock(&charts->lock);
    return number;
}

void bda_charts_give(struct bda_charts *charts, uint32_t number) {
    const struct bda_chart chart = bda_chart_at(charts, number);
    bda_mutex_lock(&charts->lock);
    push(charts, room_of(&chart), number);
    bda_mutex_unlock(&charts->lock);
}

/* ---- Entries ---- */

uint32_t bda_chart_up_to(const struct bda_chart *chart, uint32_t offset) {
    void *unit = chart->front != NULL ? (void *)chart->front : chart->halves;
    const struct bda_chart_half *half = bda_chart_half_for(unit, chart->number, offset);
    return (uint32_t)(half - chart->halves) * BDA_CHART_HALF_ENTRIES + bda_chart_count(half, offset);
}

void bda_chart_set(const struct bda_chart *chart, uint32_t slot, uint32_t offset, uint32_t node) {
    if (chart->front != NULL && slot % BDA_CHART_LEAF_ENTRIES == 0)
        write_offset(&chart->front->firsts[slot / BDA_CHART_LEAF_ENTRIES], offset);
    write_offset(offset_at(chart, slot), offset);
    assert(node < BDA_CHART_NODES);
    struct bda_chart_half *half = &chart->halves[slot / BDA_CHART_HALF_ENTRIES];
    atomic_store_explicit(&half->nodes[slot % BDA_CHART_HALF_ENTRIES], (uint16_t)node, memory_order_relaxed);
    atomic_store_explicit(&half->upper[slot % BDA_CHART_HALF_ENTRIES], (uint8_t)(node >> 16), memory_order_relaxed);
}

void bda_chart_clear(const struct bda_chart *chart) {
    for (uint32_t slot = 0; slot < chart->slots; slot++)
        bda_chart_set(chart, slot, BDA_CHART_NOWHERE, 0);
}

/* What lies between a slot and the end of its leaf moves by one. */
bool bda_chart_insert(const struct bda_chart *chart, uint32_t slot, uint32_t offset, uint32_t node) {
    uint32_t end = (slot / BDA_CHART_LEAF_ENTRIES + 1) * BDA_CHART_LEAF_ENTRIES;
    end = (uint32_t)bda_min(end, chart->slots);
    if (slot >= chart->slots || bda_chart_node(chart, end - 1) != 0)
        return false;
    for (uint32_t i = end - 1; i > slot; i--)
        bda_chart_set(chart, i, bda_chart_offset(chart, i - 1), bda_chart_node(chart, i - 1));
    bda_chart_set(chart, slot, offset, node);
    return true;
}
