/*
 * What the tests of src/core share: host memory that can be told to run out, and an arena, which is one TLSF with all
 * that stands around it in the library. Every allocation of an arena is made with exactly the promised number of
 * spare nodes at hand, and every range is given back with none, so that a test of anything tests that too.
 */
#ifndef BDA_TESTS_UNIT_CORE_SUPPORT_H
#define BDA_TESTS_UNIT_CORE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/tlsf.h"

#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof(array)[0]))

/* ---- Chance, from a seed: splitmix64 ---- */

static inline uint32_t random_below(uint64_t *seed, uint32_t bound) {
    uint64_t z = *seed += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (uint32_t)((z ^ z >> 31) % bound);
}

/* ---- Host memory that runs out ---- */

struct limited_host {
    struct bda_host host;
    struct bda_host plain; /* where the memory comes from; its byte count means nothing */
    uint32_t allowed;      /* allocations until the first refusal */
    uint32_t held;         /* allocations not yet released */
};

static inline void *limited_allocate(void *user, size_t size, size_t alignment) {
    struct limited_host *limited = user;
    if (limited->allowed == 0)
        return NULL;
    limited->allowed--;
    limited->held++;
    return bda_host_allocate(&limited->plain, size, alignment);
}

static inline void limited_release(void *user, void *memory) {
    struct limited_host *limited = user;
    limited->held--;
    bda_host_release(&limited->plain, memory, 0);
}

static inline void limited_host_init(struct limited_host *limited, uint32_t allowed) {
    *limited = (struct limited_host){ .allowed = allowed };
    limited->host.allocate = limited_allocate;
    limited->host.release = limited_release;
    limited->host.user = limited;
}

/* What every sweep ends with: nothing is held once everything was given back. */
static inline void assert_host_is_empty(struct limited_host *limited) {
    assert_int_equal(limited->held, 0);
    assert_int_equal(limited->host.bytes, 0);
}

/* ---- An arena ---- */

enum { ARENA_REGIONS = 16, GRANULE_LOG2 = 4, GRANULE = 1 << GRANULE_LOG2 };

struct arena {
    struct bda_host host;
    struct bda_nodes nodes;
    struct bda_store regions;
    struct bda_tlsf tlsf;
    uint32_t added[ARENA_REGIONS]; /* the regions it has now */
    uint32_t count;
};

static inline void arena_open(struct arena *arena, uint32_t granule_log2) {
    memset(arena, 0xA5, sizeof *arena); /* nothing relies on memory that was zero */
    arena->host = (struct bda_host){ 0 };
    arena->count = 0;
    bda_nodes_init(&arena->nodes, &arena->host);
    bda_store_init(&arena->regions, &arena->host, sizeof(struct bda_region), 4);
    bda_tlsf_init(&arena->tlsf, &arena->nodes, &arena->regions, granule_log2);
}

static inline void arena_close(struct arena *arena) {
    bda_nodes_destroy(&arena->nodes);
    bda_store_destroy(&arena->regions);
    assert_int_equal(arena->host.bytes, 0);
}

/* Leaves TLSF exactly `count` spare nodes. */
static inline void arena_secure(struct arena *arena, uint32_t count) {
    struct bda_node_list *spare = &arena->tlsf.spare;
    assert_true(bda_nodes_take(&arena->nodes, spare, count));
    bda_nodes_give(&arena->nodes, spare, spare->count - count);
    assert_int_equal(spare->count, count);
}

static inline struct bda_node *arena_node(struct arena *arena, uint32_t node) {
    return bda_node_at(&arena->nodes, node);
}

static inline struct bda_region *arena_region(struct arena *arena, uint32_t region) {
    return bda_store_at(&arena->regions, region);
}

static inline const char *arena_check(struct arena *arena) {
    return bda_tlsf_check(&arena->tlsf, arena->added, arena->count);
}

static inline void assert_arena_is_sound(struct arena *arena) {
    const char *broken = arena_check(arena);
    if (broken != NULL)
        fail_msg("%s", broken);
}

static inline uint32_t arena_add(struct arena *arena, uint64_t base, uint32_t size) {
    uint32_t index = 0;
    assert_true(arena->count < ARENA_REGIONS);
    assert_int_equal(bda_store_grow(&arena->regions, 1, &index), 1);
    *arena_region(arena, index) = (struct bda_region){ .base = base, .size = size };
    arena_secure(arena, 1);
    bda_tlsf_add_region(&arena->tlsf, index);
    assert_int_equal(arena->tlsf.spare.count, 0);
    arena->added[arena->count++] = index;
    return index;
}

static inline void arena_remove(struct arena *arena, uint32_t region) {
    bda_tlsf_remove_region(&arena->tlsf, region);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < arena->count; i++)
        if (arena->added[i] != region)
            arena->added[kept++] = arena->added[i];
    assert_int_equal(kept, arena->count - 1);
    arena->count = kept;
}

/* A range's node alone. */
static inline uint32_t tlsf_take(struct bda_tlsf *tlsf, uint32_t size, uint64_t alignment) {
    return (uint32_t)bda_tlsf_take(tlsf, size, alignment).index;
}

static inline uint32_t arena_alloc(struct arena *arena, uint32_t size, uint64_t alignment) {
    arena_secure(arena, BDA_TLSF_NODES_PER_ALLOC);
    uint32_t node = tlsf_take(&arena->tlsf, size, alignment);
    assert_true(arena->tlsf.spare.count <= BDA_TLSF_NODES_PER_ALLOC);
    return node;
}

/* Without a wish for an alignment. */
static inline uint32_t arena_take(struct arena *arena, uint32_t size) {
    return arena_alloc(arena, size, (uint64_t)1 << arena->tlsf.granule_log2);
}

static inline uint32_t arena_alloc_at(struct arena *arena, uint32_t region, uint32_t offset, uint32_t size) {
    arena_secure(arena, BDA_TLSF_NODES_PER_ALLOC);
    uint32_t node = bda_tlsf_alloc_at(&arena->tlsf, region, offset, size);
    assert_true(arena->tlsf.spare.count <= BDA_TLSF_NODES_PER_ALLOC);
    return node;
}

static inline void arena_free(struct arena *arena, uint32_t node) {
    arena_secure(arena, 0);
    bda_tlsf_free(&arena->tlsf, node);
}

static inline uint64_t arena_address(struct arena *arena, uint32_t index) {
    struct bda_node *node = arena_node(arena, index);
    uint64_t base = arena_region(arena, bda_node_region(node))->base;
    return base + ((uint64_t)node->offset << arena->tlsf.granule_log2);
}

static inline uint32_t arena_linked_nodes(struct arena *arena) {
    uint32_t linked = 0;
    for (uint32_t i = 0; i < arena->count; i++)
        for (uint32_t node = arena_region(arena, arena->added[i])->first; node != 0;
             node = bda_node_next(arena_node(arena, node)))
            linked++;
    return linked;
}

/* Nodes that are neither spare nor the record of a range: those whose generation was spent. */
static inline uint32_t arena_lost_nodes(struct arena *arena) {
    uint32_t made = arena->nodes.store.length != 0 ? arena->nodes.store.length - 1 : 0;
    return made - arena->nodes.spare.count - arena->tlsf.spare.count - arena_linked_nodes(arena);
}

/* An arena of one region whose base is aligned to everything that a test asks for. */
static inline uint32_t arena_open_one(struct arena *arena, uint32_t size) {
    arena_open(arena, GRANULE_LOG2);
    return arena_add(arena, (uint64_t)1 << 40, size);
}

/* The first range of a region that is not free, or 0. */
static inline uint32_t arena_first_taken(struct arena *arena, uint32_t region) {
    uint32_t index = arena_region(arena, region)->first;
    while (index != 0 && bda_node_state(arena_node(arena, index)) == BDA_NODE_FREE)
        index = bda_node_next(arena_node(arena, index));
    return index;
}

static inline void arena_free_everything(struct arena *arena) {
    for (uint32_t i = 0; i < arena->count; i++)
        for (uint32_t node; (node = arena_first_taken(arena, arena->added[i])) != 0;)
            arena_free(arena, node);
    assert_arena_is_sound(arena);
    assert_int_equal(arena->tlsf.empty_regions, arena->count);
}

/* How a test of a sound arena ends: what is still taken goes back, each region is handed out once more as a whole, no
 * node is lost. */
static inline void arena_close_sound(struct arena *arena) {
    arena_free_everything(arena);
    for (uint32_t i = 0; i < arena->count; i++) {
        uint32_t size = arena_region(arena, arena->added[i])->size;
        uint32_t node = arena_alloc_at(arena, arena->added[i], 0, size);
        assert_int_not_equal(node, 0);
        arena_free(arena, node);
    }
    while (arena->count != 0)
        arena_remove(arena, arena->added[0]);
    assert_arena_is_sound(arena);
    assert_int_equal(arena_lost_nodes(arena), 0);
    arena_close(arena);
}

static inline void assert_range(struct arena *arena, uint32_t node, uint32_t offset, uint32_t size) {
    assert_int_not_equal(node, 0);
    assert_int_equal(arena_node(arena, node)->offset, offset);
    assert_int_equal(arena_node(arena, node)->size, size);
    assert_int_equal(bda_node_state(arena_node(arena, node)), BDA_NODE_LIVE);
    assert_arena_is_sound(arena);
}

/* The same of what a search took: a rest that is not worth a cut may have gone with it. */
static inline void assert_taken(struct arena *arena, uint32_t node, uint32_t offset, uint32_t size) {
    assert_int_not_equal(node, 0);
    uint32_t taken = arena_node(arena, node)->size;
    assert_in_range(taken, size, (uint64_t)size + bda_tlsf_sliver(size));
    assert_range(arena, node, offset, taken);
}

/* Both ends of every link say the same, tell the truth about the neighbour being free, and are 0 at the region's ends.
 * In words of its own: bda_tlsf_check looks at links, too. */
static inline void assert_links_are_true(struct arena *arena, uint32_t region) {
    bda_link expected = 0, next = 0;
    uint32_t last = 0;
    for (uint32_t index = arena_region(arena, region)->first; index != 0; index = bda_link_index(next)) {
        struct bda_node *node = arena_node(arena, index);
        bool is_free = bda_node_state(node) == BDA_NODE_FREE;
        assert_int_equal(node->previous, expected);
        assert_true(last == 0 || next == bda_link_to(index, is_free));
        expected = bda_link_to(index, is_free);
        next = node->next;
        last = index;
    }
    assert_int_equal(next, 0);
}

/* The region's ranges in order: sizes of free ones are negative; the list ends with 0. */
static inline void assert_layout_is(struct arena *arena, uint32_t region, const int *expected) {
    assert_arena_is_sound(arena);
    for (uint32_t index = arena_region(arena, region)->first; index != 0; expected++) {
        struct bda_node *node = arena_node(arena, index);
        int size = (int)node->size;
        assert_int_equal(bda_node_state(node) == BDA_NODE_FREE ? -size : size, *expected);
        index = bda_node_next(node);
    }
    assert_int_equal(*expected, 0);
}

#define assert_layout(arena, region, ...) assert_layout_is(arena, region, (const int[]){ __VA_ARGS__, 0 })

/* ---- What an arena was like ---- */

enum { PICTURE_NODES = 4096 };

struct arena_picture {
    struct bda_tlsf tlsf;
    struct bda_node nodes[PICTURE_NODES];
    uint32_t length;
};

/* Two parts of TLSF may change behind everybody's back: the summary of the zones, which is allowed to say too much and
 * is mended by searches, and the node that is nobody's. */
static inline void arena_take_picture(struct arena *arena, struct arena_picture *picture) {
    memset(picture, 0, sizeof *picture);
    memcpy(&picture->tlsf, &arena->tlsf, sizeof picture->tlsf);
    memset(picture->tlsf.words_of_zone, 0, sizeof picture->tlsf.words_of_zone);
    picture->length = arena->nodes.store.length;
    assert_in_range(picture->length, 0, PICTURE_NODES);
    for (uint32_t index = 1; index < picture->length; index++)
        memcpy(&picture->nodes[index], arena_node(arena, index), sizeof picture->nodes[index]);
}

static inline void assert_arena_is_as_in(struct arena *arena, const struct arena_picture *picture) {
    static struct arena_picture now;
    arena_take_picture(arena, &now);
    assert_memory_equal(&now, picture, sizeof now);
}

/* Fills `region` with ranges of the given sizes from its start, in order. */
static inline void arena_fill(struct arena *arena, uint32_t region, const uint32_t *sizes, uint32_t count,
                              uint32_t *nodes) {
    uint32_t offset = 0;
    for (uint32_t i = 0; i < count; i++) {
        nodes[i] = arena_alloc_at(arena, region, offset, sizes[i]);
        assert_range(arena, nodes[i], offset, sizes[i]);
        offset += sizes[i];
    }
}

#endif
