/* See charts.h. */
#include "core/charts.h"

#include <assert.h>

enum {
    LINE = sizeof(struct bda_chart_leaf),
    LINE_UNITS = LINE / BDA_CHART_UNIT,
    LINES_MOST = (1 << BDA_CHART_CHUNK_LOG2) / LINE_UNITS,
    ENTRY = sizeof(uint32_t) + sizeof(uint16_t), /* bytes */
    SLOTS_HALF = 4,                              /* of charts without leaves */
    SLOTS_ONE = 8,
};

/* Rooms: half a line and a whole one, without leaves; with leaves, each number of lines up to eight is a room. */
enum { HALF_A_LINE, ONE_LINE, THREE_LINES, SINGLE = 8 };

_Static_assert(LINE == 64, "a leaf is a cache line");
_Static_assert(sizeof(struct bda_chart) + (size_t)SLOTS_HALF * ENTRY <= LINE / 2, "four entries are half a line");
_Static_assert(sizeof(struct bda_chart) + (size_t)SLOTS_ONE * ENTRY <= LINE, "eight entries are a line");

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
    uint32_t front = (uint32_t)sizeof(struct bda_chart) + leaves * (uint32_t)sizeof(uint16_t);
    return (front + LINE - 1) / LINE + leaves;
}

static uint32_t leaves_in(uint32_t lines) {
    uint32_t leaves = lines - 1;
    while (lines_with(leaves) > lines)
        leaves--;
    return leaves;
}

static uint32_t room_for(uint32_t count) {
    if (count <= SLOTS_ONE)
        return count <= SLOTS_HALF ? HALF_A_LINE : ONE_LINE;
    uint32_t lines = lines_with((count + BDA_CHART_LEAF_FILL - 1) / BDA_CHART_LEAF_FILL);
    return room_for_lines((uint32_t)bda_min(bda_max(lines, THREE_LINES + 1), LINES_MOST)); /* no room has two */
}

static uint32_t room_of(const struct bda_chart *chart) {
    return room_for(bda_chart_holds(chart));
}

bool bda_chart_suits(const struct bda_chart *chart, uint32_t count) {
    return room_of(chart) == room_for(count);
}

/* ---- Spare ones ---- */

static void push(struct bda_charts *charts, uint32_t room, uint32_t index) {
    bda_chart_at(charts, index)->next = charts->spare[room];
    charts->spare[room] = index;
}

static uint32_t pop(struct bda_charts *charts, uint32_t room) {
    uint32_t index = charts->spare[room];
    if (index != 0)
        charts->spare[room] = bda_chart_at(charts, index)->next;
    return index;
}

/* Units in a row become a spare chart, from now on and for good. */
static void found(struct bda_charts *charts, uint32_t room, uint32_t index) {
    struct bda_chart *chart = bda_chart_at(charts, index);
    chart->leaves = (uint16_t)(room > ONE_LINE ? leaves_in(lines_of(room)) : 0);
    chart->slots = (uint16_t)(room == HALF_A_LINE ? SLOTS_HALF
                              : room == ONE_LINE  ? SLOTS_ONE
                                                  : chart->leaves * BDA_CHART_LEAF_ENTRIES);
    push(charts, room, index);
}

/* The same of whole lines. */
static void found_in(struct bda_charts *charts, uint32_t room, uint32_t index) {
    found(charts, room, index);
    if (room == HALF_A_LINE)
        found(charts, room, index + LINE_UNITS / 2);
}

/* What the end of a chunk has left over, which was too little. */
static void found_rest(struct bda_charts *charts, uint32_t index, uint32_t lines) {
    uint32_t room = room_for_lines(lines);
    if (lines_of(room) > lines)
        room--;
    found_in(charts, room >= THREE_LINES ? room : ONE_LINE, index);
}

/* Lines begin with a unit that four divides; the store leaves out its first one. */
static bool align(struct bda_charts *charts) {
    uint32_t first;
    return atomic_load_explicit(&charts->store.length, memory_order_relaxed) != 0 ||
           bda_store_grow(&charts->store, LINE_UNITS - 1, &first) == LINE_UNITS - 1;
}

/* Makes one, or two where a line holds as many; false where the memory for it is refused. */
static bool make(struct bda_charts *charts, uint32_t room) {
    uint32_t units = lines_of(room) * LINE_UNITS, index = 0;
    if (!align(charts))
        return false;
    uint32_t added = bda_store_grow(&charts->store, units, &index);
    if (added != 0 && added < units) {
        found_rest(charts, index, added / LINE_UNITS);
        added = bda_store_grow(&charts->store, units, &index);
    }
    if (added == units)
        found_in(charts, room, index);
    return added == units;
}

uint32_t bda_charts_take(struct bda_charts *charts, uint32_t count) {
    assert(count != 0);
    uint32_t room = room_for(count), index = 0;
    bda_mutex_lock(&charts->lock);
    if (charts->spare[room] != 0 || make(charts, room))
        index = pop(charts, room);
    bda_mutex_unlock(&charts->lock);
    return index;
}

void bda_charts_give(struct bda_charts *charts, uint32_t index) {
    bda_mutex_lock(&charts->lock);
    push(charts, room_of(bda_chart_at(charts, index)), index);
    bda_mutex_unlock(&charts->lock);
}

/* ---- Entries ---- */

static void write_offset(_Atomic uint16_t *where, uint32_t offset) {
    atomic_store_explicit(where, (uint16_t)offset, memory_order_relaxed);
}

void bda_chart_set(struct bda_chart *chart, uint32_t slot, uint32_t offset, uint32_t node) {
    if (chart->leaves != 0 && slot % BDA_CHART_LEAF_ENTRIES == 0)
        write_offset(&chart->offsets[slot / BDA_CHART_LEAF_ENTRIES], offset);
    write_offset(bda_chart_offset_at(chart, slot), offset);
    atomic_store_explicit(bda_chart_node_at(chart, slot), node, memory_order_release);
}

void bda_chart_clear(struct bda_chart *chart) {
    for (uint32_t slot = 0; slot < chart->slots; slot++)
        bda_chart_set(chart, slot, BDA_CHART_NOWHERE, 0);
}

void bda_chart_append(struct bda_chart *chart, uint32_t number, uint32_t offset, uint32_t node) {
    assert(number < bda_chart_holds(chart));
    uint32_t leaf = chart->leaves != 0 ? number / BDA_CHART_LEAF_FILL : 0;
    bda_chart_set(chart, leaf * BDA_CHART_LEAF_ENTRIES + (number - leaf * BDA_CHART_LEAF_FILL), offset, node);
}

/* What lies between a slot and the end of its leaf moves by one. */
bool bda_chart_insert(struct bda_chart *chart, uint32_t slot, uint32_t offset, uint32_t node) {
    uint32_t end = chart->leaves != 0 ? (slot / BDA_CHART_LEAF_ENTRIES + 1) * BDA_CHART_LEAF_ENTRIES : chart->slots;
    if (slot >= chart->slots || bda_chart_node(chart, end - 1) != 0)
        return false;
    for (uint32_t i = end - 1; i > slot; i--)
        bda_chart_set(chart, i, bda_chart_offset(chart, i - 1), bda_chart_node(chart, i - 1));
    bda_chart_set(chart, slot, offset, node);
    return true;
}
