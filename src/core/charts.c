/* See charts.h. */
#include "core/charts.h"

#include <assert.h>

enum {
    UNITS_LEAST = 2,
    UNITS_MOST = 1 << BDA_CHART_CHUNK_LOG2,
    ENTRY = sizeof(uint32_t) + sizeof(uint16_t), /* bytes */
    SINGLE = 8,                                  /* up to so many units each number is a room of its own */
};

#define ENTRIES_MOST (((uint32_t)UNITS_MOST * BDA_CHART_UNIT - (uint32_t)sizeof(struct bda_chart)) / ENTRY & ~1u)

_Static_assert(sizeof(struct bda_chart) == 8, "a chart of two units holds four entries");

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

/* The smallest room of so many units, by its number; a power of two is cut in four. */
static uint32_t room_for(uint32_t units) {
    if (units <= SINGLE)
        return units - UNITS_LEAST;
    uint32_t log2 = bda_floor_log2(units - 1), quarter = (units - 1) >> (log2 - 2) & 3;
    return SINGLE - UNITS_LEAST + 1 + (log2 - 3) * 4 + quarter;
}

static uint32_t units_of(uint32_t room) {
    if (room <= SINGLE - UNITS_LEAST)
        return room + UNITS_LEAST;
    uint32_t above = room - (SINGLE - UNITS_LEAST + 1);
    return (above % 4 + 5) << (above / 4 + 1);
}

static uint32_t entries_in(uint32_t units) {
    return (units * BDA_CHART_UNIT - (uint32_t)sizeof(struct bda_chart)) / ENTRY & ~1u;
}

static uint32_t room_for_entries(uint32_t count) {
    uint64_t bytes = sizeof(struct bda_chart) + bda_min(count, ENTRIES_MOST) * ENTRY;
    return room_for((uint32_t)bda_max((bytes + BDA_CHART_UNIT - 1) / BDA_CHART_UNIT, UNITS_LEAST));
}

bool bda_chart_suits(const struct bda_chart *chart, uint32_t count) {
    return chart->room == entries_in(units_of(room_for_entries(count)));
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
    bda_chart_at(charts, index)->room = (uint16_t)entries_in(units_of(room));
    push(charts, room, index);
}

/* What the end of a chunk has left over, which was too little. */
static void found_rest(struct bda_charts *charts, uint32_t index, uint32_t units) {
    if (units < UNITS_LEAST)
        return;
    uint32_t room = room_for(units);
    found(charts, units_of(room) > units ? room - 1 : room, index);
}

/* Makes one, or the memory for it is refused. */
static bool make(struct bda_charts *charts, uint32_t room) {
    uint32_t units = units_of(room), index = 0, added = bda_store_grow(&charts->store, units, &index);
    if (added != 0 && added < units) {
        found_rest(charts, index, added);
        added = bda_store_grow(&charts->store, units, &index);
    }
    if (added == units)
        found(charts, room, index);
    return added == units;
}

uint32_t bda_charts_take(struct bda_charts *charts, uint32_t count) {
    assert(count != 0);
    uint32_t room = room_for_entries(count), index = 0;
    bda_mutex_lock(&charts->lock);
    if (charts->spare[room] != 0 || make(charts, room))
        index = pop(charts, room);
    bda_mutex_unlock(&charts->lock);
    return index;
}

void bda_charts_give(struct bda_charts *charts, uint32_t index) {
    struct bda_chart *chart = bda_chart_at(charts, index);
    bda_mutex_lock(&charts->lock);
    push(charts, room_for_entries(chart->room), index);
    bda_mutex_unlock(&charts->lock);
}
