/* See landmarks.h. */
#include "core/landmarks.h"

#include <assert.h>
#include <string.h>

enum {
    AREA = 1 << BDA_AREA_LOG2,
    FEW_RANGES = 4,   /* for each of a stride: an area of no more needs no chart */
    SLOTS_AROUND = 4, /* looked at on either side where one is of no use */
    CROWD_STEPS = 44, /* to a range that the largest chart has no room for: 22 of them, and as many free ones */
};

/* ---- Memory ---- */

static size_t size_of(uint32_t areas) {
    return sizeof(struct bda_landmarks) + areas * sizeof(uint32_t);
}

/* What is outgrown stays, and is the smaller part. */
static struct bda_landmarks *make(const struct bda_terrain *terrain, struct bda_landmarks *outgrown, uint32_t areas) {
    uint32_t twice = outgrown != NULL ? outgrown->room * 2 : 0, room = areas > twice ? areas : twice;
    struct bda_landmarks *landmarks = bda_host_allocate(terrain->host, size_of(room), _Alignof(struct bda_landmarks));
    if (landmarks == NULL)
        return NULL;
    memset(landmarks, 0, size_of(room));
    landmarks->outgrown = outgrown;
    landmarks->room = room;
    atomic_store_explicit(terrain->landmarks, landmarks, memory_order_release);
    return landmarks;
}

static struct bda_landmarks *landmarks_of(const struct bda_terrain *terrain) {
    struct bda_landmarks *landmarks = atomic_load_explicit(terrain->landmarks, memory_order_relaxed);
    uint32_t areas = ((terrain->region->size - 1) >> BDA_AREA_LOG2) + 1;
    if (landmarks == NULL || landmarks->room < areas)
        landmarks = make(terrain, landmarks, areas);
    if (landmarks != NULL)
        landmarks->count = areas;
    return landmarks;
}

static uint32_t mark_at(struct bda_landmarks *landmarks, uint32_t number) {
    return atomic_load_explicit(&landmarks->marks[number], memory_order_relaxed);
}

static bool is_chart(uint32_t mark) {
    return (mark & BDA_MARK_IS_CHART) != 0;
}

static struct bda_chart chart_of(struct bda_charts *charts, uint32_t mark) {
    return bda_chart_at(charts, mark & ~BDA_MARK_IS_CHART);
}

/* What an area had goes, once nobody is led to it any more. */
static void set_mark(struct bda_charts *charts, struct bda_landmarks *landmarks, uint32_t number, uint32_t mark) {
    uint32_t old = mark_at(landmarks, number);
    atomic_store_explicit(&landmarks->marks[number], mark, memory_order_release);
    if (is_chart(old) && old != mark)
        bda_charts_give(charts, old & ~BDA_MARK_IS_CHART);
}

/* So many steps were lost for want of an entry. Whether they are as many by now as the area has ranges. */
static bool lose(const struct bda_chart *chart, uint32_t steps) {
    uint16_t *credit = &chart->halves[0].credit;
    *credit -= (uint16_t)bda_min(*credit, steps);
    return *credit == 0;
}

void bda_landmarks_forget(_Atomic(struct bda_landmarks *) *landmarks, struct bda_charts *charts) {
    struct bda_landmarks *present = atomic_load_explicit(landmarks, memory_order_relaxed);
    for (uint32_t i = 0; present != NULL && i < present->count; i++)
        set_mark(charts, present, i, 0);
}

void bda_landmarks_destroy(struct bda_host *host, _Atomic(struct bda_landmarks *) *landmarks) {
    struct bda_landmarks *present = atomic_load_explicit(landmarks, memory_order_relaxed);
    while (present != NULL) {
        struct bda_landmarks *outgrown = present->outgrown;
        bda_host_release(host, present, size_of(present->room));
        present = outgrown;
    }
    atomic_store_explicit(landmarks, NULL, memory_order_relaxed);
}

/* ---- Steps ---- */

/* A place in the list of ranges. */
struct spot {
    uint32_t index;
    struct bda_node *node;
};

static struct spot spot_at(const struct bda_terrain *terrain, uint32_t index) {
    return (struct spot){ index, bda_node_at(terrain->nodes, index) };
}

static bool holds(const struct bda_node *node, uint32_t offset) {
    return offset - bda_node_offset(node) < bda_node_size(node); /* wraps where it lies before */
}

/* Whether a landmark still is a range of the region with something in these granules, where it was when it was set. A
 * node that left the pool has lost its region (bda_nodes_give), and one that is spare its state. */
static bool stands(const struct bda_terrain *terrain, uint32_t index, uint32_t start, uint32_t count) {
    if (index == 0)
        return false;
    struct bda_node *node = bda_node_at(terrain->nodes, index);
    return bda_node_region(node) == terrain->index && bda_node_state(node) != BDA_NODE_UNUSED &&
           (bda_node_offset(node) - start < count || holds(node, start));
}

/* The range on one side of another. Offsets fall with every step back and grow with every other, or there is no range
 * there (index 0): so no walk is longer than its region, whatever the links say. */
static struct spot step(const struct bda_terrain *terrain, struct spot spot, bool back) {
    uint32_t index = back ? bda_node_previous(spot.node) : bda_node_next(spot.node);
    const struct spot there = spot_at(terrain, index);
    uint32_t here = bda_node_offset(spot.node), onward = bda_node_offset(there.node);
    return index != 0 && (back ? onward < here : onward > here) ? there : (struct spot){ 0, NULL };
}

/* ---- Where a walk begins ---- */

/* The node of a chart's entry, 0 where there is none that stands. */
static uint32_t entry_at(const struct bda_terrain *terrain, const struct bda_chart *chart, uint32_t number,
                         uint32_t slot) {
    uint32_t index = bda_chart_node(chart, slot);
    return stands(terrain, index, (number << BDA_AREA_LOG2) + bda_chart_offset(chart, slot), 1) ? index : 0;
}

/* The entry for an offset in the area, or one beside it. The area's last granule is where slots without an entry say
 * that they are: they would all come before it. */
static uint32_t entry_near(const struct bda_terrain *terrain, const struct bda_chart *chart, uint32_t number,
                           uint32_t offset) {
    uint32_t up_to = bda_chart_up_to(chart, (uint32_t)bda_min(offset, BDA_CHART_NOWHERE - 1));
    uint32_t slot = up_to != 0 ? up_to - 1 : 0, index = 0;
    for (uint32_t distance = 0; distance <= SLOTS_AROUND && index == 0; distance++) {
        if (distance <= slot)
            index = entry_at(terrain, chart, number, slot - distance);
        if (index == 0 && slot + distance < chart->slots)
            index = entry_at(terrain, chart, number, slot + distance);
    }
    return index;
}

/* A landmark of an area for an offset in it, 0: none stands near it. */
static uint32_t landmark_near(const struct bda_terrain *terrain, struct bda_landmarks *landmarks, uint32_t number,
                              uint32_t offset) {
    uint32_t mark = mark_at(landmarks, number);
    if (!is_chart(mark))
        return stands(terrain, mark, number << BDA_AREA_LOG2, AREA) ? mark : 0;
    const struct bda_chart chart = chart_of(terrain->charts, mark);
    return entry_near(terrain, &chart, number, offset);
}

/* The last one near the ends of the areas up to this one, else where the region begins. */
static uint32_t last_landmark(const struct bda_terrain *terrain, struct bda_landmarks *landmarks, uint32_t number) {
    for (uint32_t i = number + 1; i-- > 0;) {
        uint32_t index = landmark_near(terrain, landmarks, i, AREA - 1);
        if (index != 0)
            return index;
    }
    return terrain->region->first;
}

/* ---- Surveys ---- */

/* An area, and the granules of the region that are its. */
struct ground {
    struct bda_landmarks *landmarks;
    uint32_t number, start, end;
};

static struct ground ground_at(const struct bda_terrain *terrain, struct bda_landmarks *landmarks, uint32_t number) {
    uint32_t start = number << BDA_AREA_LOG2;
    uint64_t end = bda_min((uint64_t)start + AREA, terrain->region->size); /* sizes are below 2^32 */
    return (struct ground){ landmarks, number, start, (uint32_t)end };
}

/* The first range of an area, one that may begin before it. `spot` lies in the area. */
static struct spot first_in(const struct bda_terrain *terrain, struct spot spot, uint32_t start) {
    while (spot.index != 0 && bda_node_offset(spot.node) > start)
        spot = step(terrain, spot, true);
    return spot;
}

static bool is_taken(const struct spot *spot) {
    return bda_node_state(spot->node) != BDA_NODE_FREE;
}

/* Where a range begins, as seen in the area. */
static uint32_t offset_in(const struct ground *ground, const struct bda_node *node) {
    return (uint32_t)bda_max(bda_node_offset(node), ground->start) - ground->start;
}

/* Entries for so many taken ranges. */
static uint32_t entries_for(const struct bda_terrain *terrain, uint32_t taken) {
    return (taken - 1) / bda_landmarks_stride(terrain->nodes) + 1;
}

static bool can_be_charted(const struct spot *spot) {
    return is_taken(spot) && spot->index < BDA_CHART_NODES;
}

/* What there is in an area: ranges, and those of them that a chart can name. */
struct tally {
    uint32_t ranges, charted;
};

static bool is_in(const struct ground *ground, const struct spot *spot) {
    return spot->index != 0 && bda_node_offset(spot->node) < ground->end;
}

static struct tally count_ranges(const struct bda_terrain *terrain, const struct ground *ground, struct spot first) {
    struct tally tally = { 0, 0 };
    for (struct spot spot = first; is_in(ground, &spot); spot = step(terrain, spot, false)) {
        tally.ranges++;
        tally.charted += can_be_charted(&spot);
    }
    return tally;
}

/* Writes as many of the taken ranges onto a chart as it holds, or as it should, in equal distances. */
static void write_chart(const struct bda_terrain *terrain, const struct ground *ground, struct spot first,
                        const struct bda_chart *chart, const struct tally *tally) {
    uint32_t taken = tally->charted, slot = 0, number = 0;
    uint32_t entries = (uint32_t)bda_min(entries_for(terrain, taken), chart->slots);
    bda_chart_clear(chart);
    chart->halves[0].credit = (uint16_t)bda_min(tally->ranges, UINT16_MAX);
    for (struct spot spot = first; is_in(ground, &spot); spot = step(terrain, spot, false)) {
        if (!can_be_charted(&spot))
            continue;
        if (slot < entries && number == (uint64_t)slot * taken / entries)
            bda_chart_set(chart, slot++, offset_in(ground, spot.node), spot.index);
        number++;
    }
}

/* The landmark of an area of few ranges: the one in the middle, or a taken one beside it. */
static uint32_t middle_of(const struct bda_terrain *terrain, struct spot first, const struct tally *tally) {
    struct spot middle = first, before = first;
    for (uint32_t i = 0; i < tally->ranges / 2; i++) {
        before = middle;
        middle = step(terrain, middle, false);
    }
    return is_taken(&middle) ? middle.index : before.index;
}

/* Entries to take a chart for. A small one may be a fifth short, since the next size is twice as large, as long as what
 * lies between two entries is within reach. */
static uint32_t room_for(const struct bda_terrain *terrain, uint32_t taken) {
    uint32_t entries = entries_for(terrain, taken), stride = bda_landmarks_stride(terrain->nodes);
    for (uint32_t slots = BDA_CHART_HALF_ENTRIES; slots <= BDA_CHART_LEAF_ENTRIES; slots *= 2)
        if (entries * 4 / 5 <= slots && taken <= (stride + 1) * slots)
            return (uint32_t)bda_min(entries, slots);
    return entries;
}

/* The area's own chart if it suits so many entries, else a new one; where that is refused, what it has. */
static uint32_t mark_for(const struct bda_terrain *terrain, uint32_t old, uint32_t taken) {
    uint32_t entries = room_for(terrain, taken);
    if (is_chart(old)) {
        const struct bda_chart chart = chart_of(terrain->charts, old);
        if (bda_chart_suits(&chart, entries))
            return old;
    }
    uint32_t number = bda_charts_take(terrain->charts, entries);
    return number != 0 ? number | BDA_MARK_IS_CHART : old;
}

/* Charts an area, or gives it one landmark. `spot` lies in it. */
static void survey(const struct bda_terrain *terrain, const struct ground *ground, struct spot spot) {
    const struct spot first = first_in(terrain, spot, ground->start);
    const struct tally tally = count_ranges(terrain, ground, first);
    bool few = tally.ranges <= FEW_RANGES * bda_landmarks_stride(terrain->nodes) || tally.charted == 0;
    uint32_t old = mark_at(ground->landmarks, ground->number);
    uint32_t mark = few ? middle_of(terrain, first, &tally) : mark_for(terrain, old, tally.charted);
    if (is_chart(mark)) {
        const struct bda_chart chart = chart_of(terrain->charts, mark);
        write_chart(terrain, ground, first, &chart, &tally);
    }
    set_mark(terrain->charts, ground->landmarks, ground->number, mark);
}

/* ---- Look-ups ---- */

/* Walks to `offset`, at most so many steps, and leaves landmarks behind in areas without a chart. Returns where it came
 * to. */
static struct spot walk(const struct bda_terrain *terrain, struct bda_landmarks *landmarks, struct spot spot,
                        uint32_t offset, uint32_t most, uint32_t *steps) {
    const bool back = offset < bda_node_offset(spot.node);
    uint32_t number = bda_node_offset(spot.node) >> BDA_AREA_LOG2;
    for (*steps = 0; *steps < most && spot.index != 0 && !holds(spot.node, offset); ++*steps) {
        spot = step(terrain, spot, back);
        if (landmarks == NULL || spot.index == 0 || bda_node_offset(spot.node) >> BDA_AREA_LOG2 == number)
            continue;
        number = bda_node_offset(spot.node) >> BDA_AREA_LOG2;
        if (!is_chart(mark_at(landmarks, number)))
            set_mark(terrain->charts, landmarks, number, spot.index);
    }
    return spot;
}

/* Whether nothing taken begins any more where an entry says. False where there is no entry. */
static bool is_gone(const struct bda_terrain *terrain, const struct ground *ground, const struct bda_chart *chart,
                    uint32_t slot) {
    const struct spot spot = spot_at(terrain, slot < chart->slots ? bda_chart_node(chart, slot) : 0);
    if (spot.index == 0)
        return false;
    uint32_t offset = bda_chart_offset(chart, slot);
    return !stands(terrain, spot.index, ground->start + offset, 1) || !is_taken(&spot) ||
           offset_in(ground, spot.node) != offset;
}

/* Whether no survey would lead there in fewer steps: of a crowded area the largest chart names one range in 22. */
static bool is_crowded(const struct bda_chart *chart, uint32_t steps) {
    return steps <= CROWD_STEPS && bda_chart_suits(chart, chart->slots + 1);
}

/* What a look-up has found, and how. */
struct find {
    uint32_t offset; /* in its area */
    struct spot spot;
    uint32_t steps;
    bool astray; /* no landmark of the area stood near it */
};

/* Entries between the beginning of a range and what was looked up in it lead to what was there before. */
static void put_aside(const struct bda_chart *chart, uint32_t from, uint32_t offset, uint32_t index) {
    uint32_t end = bda_chart_up_to(chart, (uint32_t)bda_min(offset, BDA_CHART_NOWHERE - 1));
    for (uint32_t slot = from; slot < end; slot++)
        if (bda_chart_node(chart, slot) != 0)
            bda_chart_set(chart, slot, bda_chart_offset(chart, slot), index);
}

/* A taken range was found where a chart did not say. If its entry leads elsewhere, or too far away, it takes the place
 * of one beside it that is gone, else one of its own. What else is wrong is left to the next survey, which is due when
 * there is no space and so many steps were made. */
static void put_right(const struct bda_terrain *terrain, const struct ground *ground, const struct find *find) {
    const struct bda_chart chart = chart_of(terrain->charts, mark_at(ground->landmarks, ground->number));
    uint32_t offset = offset_in(ground, find->spot.node), slot = bda_chart_up_to(&chart, offset);
    put_aside(&chart, slot, find->offset, find->spot.index);
    bool gone = slot != 0 && is_gone(terrain, ground, &chart, slot - 1);
    if (slot != 0 && !gone && find->steps <= bda_landmarks_reach(terrain->nodes))
        return;
    if (gone) {
        bda_chart_set(&chart, slot - 1, offset, find->spot.index);
    } else if (is_gone(terrain, ground, &chart, slot)) {
        bda_chart_set(&chart, slot, offset, find->spot.index);
    } else if (!bda_chart_insert(&chart, slot, offset, find->spot.index) && !is_crowded(&chart, find->steps)) {
        if (lose(&chart, find->steps + 1))
            survey(terrain, ground, find->spot);
    }
}

/* Takes note of it. Of what no chart can name, or is free, there is nothing to note but where the area lies; a chart of
 * which nothing stands there any more gives way to that. */
static void note(const struct bda_terrain *terrain, const struct ground *ground, const struct find *find) {
    uint32_t mark = mark_at(ground->landmarks, ground->number);
    bool beyond = find->steps > bda_landmarks_reach(terrain->nodes), can_be = can_be_charted(&find->spot);
    if (is_chart(mark) && can_be)
        put_right(terrain, ground, find);
    else if (find->astray || (beyond && !can_be && !is_chart(mark)))
        set_mark(terrain->charts, ground->landmarks, ground->number, find->spot.index);
    else if (beyond && !is_chart(mark))
        survey(terrain, ground, find->spot);
}

uint32_t bda_landmarks_find(const struct bda_terrain *terrain, uint32_t offset, bool last) {
    assert(offset < terrain->region->size);
    struct bda_landmarks *landmarks = landmarks_of(terrain);
    uint32_t steps = 0, most = last ? UINT32_MAX : BDA_LANDMARK_WALK;
    if (landmarks == NULL) /* nothing to remember how far one came */
        return walk(terrain, NULL, spot_at(terrain, terrain->region->first), offset, UINT32_MAX, &steps).index;
    uint32_t number = offset >> BDA_AREA_LOG2, within = offset & (AREA - 1);
    uint32_t index = landmark_near(terrain, landmarks, number, within);
    bool astray = index == 0;
    const struct spot from = spot_at(terrain, astray ? last_landmark(terrain, landmarks, number) : index);
    const struct spot spot = walk(terrain, landmarks, from, offset, most, &steps);
    if (spot.index == 0)
        return 0;
    if (holds(spot.node, offset)) {
        const struct ground ground = ground_at(terrain, landmarks, number);
        const struct find find = { within, spot, steps, astray };
        note(terrain, &ground, &find);
        return spot.index;
    }
    /* The next one goes on from here: nothing nearer stands, so neither does what the area had. */
    set_mark(terrain->charts, landmarks, bda_node_offset(spot.node) >> BDA_AREA_LOG2, spot.index);
    return 0;
}
