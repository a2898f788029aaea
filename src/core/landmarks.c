/* See landmarks.h. */
#include "core/landmarks.h"

#include <assert.h>
#include <string.h>

enum {
    AREA = 1 << BDA_AREA_LOG2,
    FREE_STEPS = 2,    /* of a walk are not too many */
    LOST_MOST = 32,    /* steps, and one for each slot, before slots are set anew */
    SLOTS_AROUND = 4,  /* looked at on either side where a slot is of no use */
    RANGES_A_SLOT = 1, /* on average, when slots are set: half as many, up to as many */
};

/* ---- Memory ---- */

static size_t size_of(uint32_t count) {
    return sizeof(struct bda_landmarks) + count * sizeof(struct bda_area);
}

static size_t slots_size(const struct bda_area *area) {
    return sizeof area->slots[0] << area->slots_log2;
}

static struct bda_landmarks *landmarks_of(const struct bda_terrain *terrain) {
    if (*terrain->landmarks != NULL)
        return *terrain->landmarks;
    uint32_t count = ((terrain->region->size - 1) >> BDA_AREA_LOG2) + 1;
    struct bda_landmarks *landmarks = bda_host_allocate(terrain->host, size_of(count), _Alignof(struct bda_landmarks));
    if (landmarks == NULL)
        return NULL;
    memset(landmarks, 0, size_of(count));
    landmarks->count = count;
    *terrain->landmarks = landmarks;
    return landmarks;
}

void bda_landmarks_release(struct bda_host *host, struct bda_landmarks **landmarks) {
    struct bda_landmarks *gone = *landmarks;
    if (gone == NULL)
        return;
    for (uint32_t i = 0; i < gone->count; i++)
        bda_host_release(host, gone->areas[i].slots, slots_size(&gone->areas[i]));
    bda_host_release(host, gone, size_of(gone->count));
    *landmarks = NULL;
}

uint64_t bda_landmarks_bytes(const struct bda_landmarks *landmarks) {
    uint64_t bytes = landmarks != NULL ? size_of(landmarks->count) : 0;
    for (uint32_t i = 0; landmarks != NULL && i < landmarks->count; i++)
        bytes += landmarks->areas[i].slots != NULL ? slots_size(&landmarks->areas[i]) : 0;
    return bytes;
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

/* Whether a landmark still is a range of the region with something in these granules, where it was when it was set. A
 * node that left the pool has lost its region (bda_nodes_give), and one that is spare its state. */
static bool stands(const struct bda_terrain *terrain, uint32_t index, uint32_t start, uint32_t count) {
    if (index == 0)
        return false;
    struct bda_node *node = bda_node_at(terrain->nodes, index);
    return bda_node_region(node) == terrain->index && bda_node_state(node) != BDA_NODE_UNUSED &&
           (node->offset - start < count || start - node->offset < node->size);
}

static bool holds(const struct bda_node *node, uint32_t offset) {
    return offset - node->offset < node->size; /* wraps where it lies before */
}

/* The range on one side of another. Offsets fall with every step back and grow with every other, or there is no range
 * there (index 0): so no walk is longer than its region, whatever the links say. */
static struct spot step(const struct bda_terrain *terrain, struct spot spot, bool back) {
    uint32_t index = back ? bda_node_previous(spot.node) : bda_node_next(spot.node);
    const struct spot there = spot_at(terrain, index);
    bool onward = back ? there.node->offset < spot.node->offset : there.node->offset > spot.node->offset;
    return index != 0 && onward ? there : (struct spot){ 0, NULL };
}

/* ---- Areas ---- */

static uint32_t *slots_of(struct bda_area *area) {
    return area->slots != NULL ? area->slots : &area->anchor;
}

static uint32_t shift_of(const struct bda_area *area) {
    return BDA_AREA_LOG2 - area->slots_log2;
}

/* The landmark in a slot of an area, 0 where it does not stand. */
static uint32_t landmark_in(const struct bda_terrain *terrain, struct bda_area *area, uint32_t number, uint32_t slot) {
    uint32_t index = slots_of(area)[slot], shift = shift_of(area);
    return stands(terrain, index, (number << BDA_AREA_LOG2) + (slot << shift), 1u << shift) ? index : 0;
}

/* One in the slots beside. */
static uint32_t landmark_beside(const struct bda_terrain *terrain, struct bda_area *area, uint32_t number,
                                uint32_t slot) {
    uint32_t count = 1u << area->slots_log2, index = 0;
    for (uint32_t distance = 1; distance <= SLOTS_AROUND && index == 0; distance++) {
        if (slot >= distance)
            index = landmark_in(terrain, area, number, slot - distance);
        if (index == 0 && slot + distance < count)
            index = landmark_in(terrain, area, number, slot + distance);
    }
    return index;
}

/* The last anchor up to an area's, else where the region begins. */
static uint32_t last_anchor(const struct bda_terrain *terrain, const struct bda_landmarks *landmarks, uint32_t number) {
    for (uint32_t i = number + 1; i-- > 0;)
        if (stands(terrain, landmarks->areas[i].anchor, i << BDA_AREA_LOG2, AREA))
            return landmarks->areas[i].anchor;
    return terrain->region->first;
}

/* Where the walk to what is in a slot begins. */
static uint32_t begin(const struct bda_terrain *terrain, struct bda_landmarks *landmarks, uint32_t number,
                      uint32_t slot) {
    struct bda_area *area = &landmarks->areas[number];
    uint32_t index = landmark_in(terrain, area, number, slot);
    if (index == 0)
        index = landmark_beside(terrain, area, number, slot);
    return index != 0 ? index : last_anchor(terrain, landmarks, number);
}

/* How many slots an area of so many ranges gets; 0: its anchor will do. */
static uint8_t slots_log2_for(uint32_t ranges) {
    uint32_t wanted = ranges / RANGES_A_SLOT;
    return wanted <= 2 ? 0 : (uint8_t)bda_min(bda_floor_log2(wanted - 1) + 1, BDA_AREA_SLOTS_LOG2);
}

/* Gives an area so many slots; it keeps those it has where memory is refused. */
static void resize(const struct bda_terrain *terrain, struct bda_area *area, uint8_t slots_log2) {
    if (area->slots_log2 == slots_log2)
        return;
    uint32_t *slots = NULL;
    if (slots_log2 != 0) {
        size_t size = sizeof *slots << slots_log2;
        slots = bda_host_allocate(terrain->host, size, sizeof *slots);
        if (slots == NULL)
            return;
        memset(slots, 0, size);
    }
    bda_host_release(terrain->host, area->slots, slots_size(area));
    area->slots = slots;
    area->slots_log2 = slots_log2;
}

/* The first range of an area, one that may begin before it. `spot` lies in the area. */
static struct spot first_in(const struct bda_terrain *terrain, struct spot spot, uint32_t start) {
    while (spot.index != 0 && spot.node->offset > start)
        spot = step(terrain, spot, true);
    return spot;
}

/* Counts the ranges of an area and sets a landmark in every slot: the last range that begins there, or the one that
 * holds all of it. */
static void survey(const struct bda_terrain *terrain, struct bda_area *area, uint32_t number, struct spot spot) {
    uint32_t start = number << BDA_AREA_LOG2, ranges = 0;
    uint32_t end = (uint32_t)bda_min((uint64_t)start + AREA, terrain->region->size); /* sizes are below 2^32 */
    const struct spot first = first_in(terrain, spot, start);
    for (spot = first; spot.index != 0 && spot.node->offset < end; ranges++)
        spot = step(terrain, spot, false);
    area->lost = 0;
    resize(terrain, area, slots_log2_for(ranges));
    if (area->slots == NULL)
        return;
    uint32_t shift = shift_of(area);
    for (spot = first; spot.index != 0 && spot.node->offset < end;) {
        uint32_t from = (uint32_t)bda_max(spot.node->offset, start) - start;
        uint32_t to = (uint32_t)bda_min((uint64_t)spot.node->offset + spot.node->size, end) - start;
        for (uint32_t slot = from >> shift; slot <= (to - 1) >> shift; slot++)
            area->slots[slot] = spot.index;
        spot = step(terrain, spot, false);
    }
}

/* ---- Look-ups ---- */

/* Walks to `offset`, at most so many steps, and leaves anchors behind. Returns where it came to. */
static struct spot walk(const struct bda_terrain *terrain, struct bda_landmarks *landmarks, struct spot spot,
                        uint32_t offset, uint32_t most, uint32_t *steps) {
    const bool back = offset < spot.node->offset;
    uint32_t area = spot.node->offset >> BDA_AREA_LOG2;
    for (*steps = 0; *steps < most && spot.index != 0 && !holds(spot.node, offset); ++*steps) {
        spot = step(terrain, spot, back);
        if (landmarks == NULL || spot.index == 0 || spot.node->offset >> BDA_AREA_LOG2 == area)
            continue;
        area = spot.node->offset >> BDA_AREA_LOG2;
        landmarks->areas[area].anchor = spot.index;
    }
    return spot;
}

/* Makes a range the landmark of the slot that it begins in, and of its area. A walk that ended here before its end goes
 * on from here: this is nearer than where it began, and begin() found nothing that stands in between. */
static void mark(struct bda_landmarks *landmarks, struct spot spot) {
    struct bda_area *area = &landmarks->areas[spot.node->offset >> BDA_AREA_LOG2];
    area->anchor = spot.index;
    slots_of(area)[(spot.node->offset & (AREA - 1)) >> shift_of(area)] = spot.index;
}

/* Takes note of what a walk has cost, which is much: the area had no slots, or not those it should have. */
static void note(const struct bda_terrain *terrain, struct bda_area *area, uint32_t number, struct spot spot,
                 uint32_t steps) {
    uint32_t most = LOST_MOST + (1u << area->slots_log2);
    uint32_t lost = area->lost + (uint32_t)bda_min(steps - FREE_STEPS, most + 1);
    area->lost = (uint16_t)bda_min(lost, UINT16_MAX);
    if (lost > most)
        survey(terrain, area, number, spot);
}

/* The short way: the landmark of the slot, or one of the next ranges on the side of it. 0: the long way. */
BDA_INLINE uint32_t find_near(const struct bda_terrain *terrain, uint32_t offset) {
    struct bda_landmarks *landmarks = *terrain->landmarks;
    if (landmarks == NULL)
        return 0;
    struct bda_area *area = &landmarks->areas[offset >> BDA_AREA_LOG2];
    uint32_t *slot = &slots_of(area)[(offset & (AREA - 1)) >> shift_of(area)], index = *slot;
    struct bda_node *node = bda_node_at(terrain->nodes, index); /* node 0 is in no region */
    if (bda_node_region(node) != terrain->index || bda_node_state(node) == BDA_NODE_UNUSED)
        return 0;
    for (uint32_t steps = 0; steps <= FREE_STEPS && index != 0; steps++) {
        if (holds(node, offset)) {
            *slot = index;
            return index;
        }
        index = offset < node->offset ? bda_node_previous(node) : bda_node_next(node);
        node = bda_node_at(terrain->nodes, index);
    }
    return 0;
}

BDA_COLD uint32_t find_from_afar(const struct bda_terrain *terrain, uint32_t offset, bool last) {
    struct bda_landmarks *landmarks = landmarks_of(terrain);
    uint32_t steps = 0, most = last ? UINT32_MAX : BDA_LANDMARK_WALK;
    if (landmarks == NULL) /* nothing to remember how far one came */
        return walk(terrain, NULL, spot_at(terrain, terrain->region->first), offset, UINT32_MAX, &steps).index;
    uint32_t number = offset >> BDA_AREA_LOG2;
    struct bda_area *area = &landmarks->areas[number];
    uint32_t slot = (offset & (AREA - 1)) >> shift_of(area);
    const struct spot from = spot_at(terrain, begin(terrain, landmarks, number, slot));
    const struct spot spot = walk(terrain, landmarks, from, offset, most, &steps);
    if (spot.index == 0)
        return 0;
    if (!holds(spot.node, offset)) {
        mark(landmarks, spot);
        return 0;
    }
    if (slots_of(area)[slot] != spot.index)
        slots_of(area)[slot] = spot.index;
    if (steps > FREE_STEPS)
        note(terrain, area, number, spot, steps);
    return spot.index;
}

uint32_t bda_landmarks_find(const struct bda_terrain *terrain, uint32_t offset, bool last) {
    assert(offset < terrain->region->size);
    uint32_t index = find_near(terrain, offset);
    return index != 0 ? index : find_from_afar(terrain, offset, last);
}
