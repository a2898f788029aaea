/* What the tests of TLSF's lists and zones share: holes at chosen places, zones counted slowly, and a life by chance.
 */
#ifndef BDA_TESTS_UNIT_TLSF_SUPPORT_H
#define BDA_TESTS_UNIT_TLSF_SUPPORT_H

#include <stdlib.h>

#include "core_support.h"

/* ---- Holes ---- */

struct hole {
    uint32_t offset, size;
};

/* A region that is taken but for its holes, which are given in the order of their offsets. They are freed from the last
 * to the first, so that the first stands first in its list. */
static inline uint32_t open_with_holes(struct arena *arena, uint32_t size, const struct hole *holes, uint32_t count) {
    uint32_t region = arena_open_one(arena, size), end = 0;
    uint32_t *nodes = malloc((count + 1) * sizeof *nodes);
    assert_non_null(nodes);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(holes[i].offset == end || arena_alloc_at(arena, region, end, holes[i].offset - end) != 0);
        nodes[i] = arena_alloc_at(arena, region, holes[i].offset, holes[i].size);
        assert_int_not_equal(nodes[i], 0);
        end = holes[i].offset + holes[i].size;
    }
    assert_true(end == size || arena_alloc_at(arena, region, end, size - end) != 0);
    for (uint32_t i = count; i-- > 0;)
        arena_free(arena, nodes[i]);
    free(nodes);
    assert_arena_is_sound(arena);
    return region;
}

/* ---- Zones ---- */

static inline uint32_t list_of(uint32_t size, uint32_t zone) {
    return bda_tlsf_class_of(size) * BDA_TLSF_ZONES + zone;
}

/* Eighths are those of the largest power of two that the granules reach. */
static inline uint64_t naive_eighth(uint64_t granules) {
    uint64_t eighth = 1;
    while (eighth * 16 <= granules)
        eighth *= 2;
    return eighth;
}

static inline uint32_t naive_zone(uint64_t position, uint64_t granules) {
    uint64_t eighth = naive_eighth(granules);
    return position < eighth ? 0 : position < 2 * eighth ? 1 : position < 4 * eighth ? 2 : 3;
}

/* ---- A life by chance ---- */

/* Some range that is taken, or 0. */
static inline uint32_t some_taken(struct arena *arena, uint64_t *seed) {
    uint32_t region = arena->added[random_below(seed, arena->count)], left = 1 + random_below(seed, 30), found = 0;
    for (uint32_t index = arena_region(arena, region)->first; index != 0 && left != 0;) {
        struct bda_node *node = arena_node(arena, index);
        if (bda_node_state(node) != BDA_NODE_FREE) {
            found = index;
            left--;
        }
        index = bda_node_next(node);
    }
    return found;
}

/* A step of a life: mostly allocations until there is no room, then mostly frees until there is little left. */
static inline void live_a_little(struct arena *arena, uint64_t *seed, bool *filling) {
    if (*filling || random_below(seed, 4) == 0) {
        uint64_t alignment = (uint64_t)GRANULE << random_below(seed, 6);
        *filling &= arena_alloc(arena, 1 + random_below(seed, 60), alignment) != 0;
        return;
    }
    uint32_t taken = some_taken(arena, seed);
    if (taken != 0)
        arena_free(arena, taken);
    *filling = arena->tlsf.free_granules * 4 > arena->tlsf.granules * 3;
}

#endif
