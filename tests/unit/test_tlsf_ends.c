/*
 * core/tlsf.h: ends. The first and the last range of a region take other paths than those between them, and a node at
 * the end of its generations must not name another allocation, whichever path would hand it out.
 */
#include "core_support.h"

/* ---- Taking ---- */

/* A free range of 16 granules whose first aligned place is its fifth granule. */
enum { HOLE = 16, PAD = 4, SIDE = 8, ALIGNMENT = HOLE * GRANULE };

struct taking {
    uint32_t pad, size;
};

/* From the front or behind a padding, with a rest or without. */
static const struct taking takings[] = { { 0, HOLE }, { 0, 5 }, { PAD, HOLE - PAD }, { PAD, 5 } };

/* Where the hole lies, and what is done with it. */
struct scene {
    struct arena arena;
    bool before, behind; /* there is a live range on that side */
    bool at;             /* taken by bda_tlsf_alloc_at */
    bool spent;          /* its generation is */
    const struct taking *taking;
    uint32_t region, hole, offset;
};

/* Wears out the node of a live range. */
static void wear_out(struct arena *arena, uint32_t index) {
    struct bda_node *node = arena_node(arena, index);
    uint32_t zone = bda_node_zone(node);
    atomic_store(&node->tag, (BDA_GENERATION_SPENT - 1) << BDA_NODE_GENERATION_SHIFT);
    bda_node_set(node, BDA_NODE_LIVE, zone);
    bda_node_retire(node, BDA_NODE_RETIRED);
    assert_true(bda_node_is_spent(node));
}

/* The base puts every multiple of the alignment PAD granules behind the start of the hole. */
static void open_scene(struct scene *scene) {
    struct arena *arena = &scene->arena;
    scene->offset = scene->before ? SIDE : 0;
    uint64_t base = 64 * ALIGNMENT - (scene->offset + PAD) * GRANULE;
    arena_open(arena, GRANULE_LOG2);
    scene->region = arena_add(arena, base, scene->offset + HOLE + (scene->behind ? SIDE : 0));
    assert_true(!scene->before || arena_alloc_at(arena, scene->region, 0, SIDE) != 0);
    scene->hole = arena_alloc_at(arena, scene->region, scene->offset, HOLE);
    assert_true(!scene->behind || arena_alloc_at(arena, scene->region, scene->offset + HOLE, SIDE) != 0);
    if (scene->spent)
        wear_out(arena, scene->hole);
    arena_free(arena, scene->hole);
    assert_int_equal(arena->tlsf.empty_regions, !scene->before && !scene->behind);
}

static uint32_t take_from(struct scene *scene) {
    const struct taking *taking = scene->taking;
    if (scene->at)
        return arena_alloc_at(&scene->arena, scene->region, scene->offset + taking->pad, taking->size);
    return arena_alloc(&scene->arena, taking->size, taking->pad != 0 ? ALIGNMENT : GRANULE);
}

/* Live ranges have positive sizes, free ones negative; what has no size is left out. */
static void assert_layout_around(struct scene *scene, uint32_t pad, uint32_t size) {
    const int all[] = { scene->before ? SIDE : 0, -(int)pad, (int)size, -(int)(HOLE - pad - size),
                        scene->behind ? SIDE : 0 };
    int expected[COUNT_OF(all) + 1] = { 0 };
    for (uint32_t i = 0, count = 0; i < COUNT_OF(all); i++)
        if (all[i] != 0)
            expected[count++] = all[i];
    assert_layout_is(&scene->arena, scene->region, expected);
    assert_links_are_true(&scene->arena, scene->region);
}

/* A spent node goes on as a free range; only one that would be handed out is replaced, and lost. */
static void assert_taken_well(struct scene *scene, uint32_t node) {
    const struct taking *taking = scene->taking;
    struct arena *arena = &scene->arena;
    bool rest = taking->pad + taking->size != HOLE;
    assert_range(arena, node, scene->offset + taking->pad, taking->size);
    assert_false(bda_node_is_spent(arena_node(arena, node)));
    assert_layout_around(scene, taking->pad, taking->size);
    assert_int_equal(arena->tlsf.empty_regions, 0);
    assert_int_equal(arena_lost_nodes(arena), scene->spent && !rest);
    assert_int_equal(node == scene->hole, !rest && !scene->spent);
    assert_int_equal(bda_node_state(arena_node(arena, scene->hole)), rest           ? BDA_NODE_FREE
                                                                     : scene->spent ? BDA_NODE_UNUSED
                                                                                    : BDA_NODE_LIVE);
}

/* Every node that is not lost comes back, and the worn one never does. */
static void close_scene(struct scene *scene) {
    struct arena *arena = &scene->arena;
    arena_free_everything(arena);
    uint32_t size = arena_region(arena, scene->region)->size;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t node = arena_take(arena, 1);
        assert_true(node != 0 && (!scene->spent || node != scene->hole));
    }
    arena_free_everything(arena);
    arena_remove(arena, scene->region);
    assert_int_equal(arena_lost_nodes(arena), scene->spent);
    arena_close(arena);
}

static void play(struct scene *scene) {
    open_scene(scene);
    uint32_t node = take_from(scene);
    assert_taken_well(scene, node);
    arena_free(&scene->arena, node);
    assert_layout_around(scene, 0, 0);
    assert_int_equal(scene->arena.tlsf.empty_regions, !scene->before && !scene->behind);
    close_scene(scene);
}

static void play_everywhere(bool spent) {
    for (uint32_t i = 0; i < COUNT_OF(takings); i++)
        for (uint32_t place = 0; place < 8; place++)
            play(&(struct scene){ .before = (place & 1) != 0,
                                  .behind = (place & 2) != 0,
                                  .at = (place & 4) != 0,
                                  .spent = spent,
                                  .taking = &takings[i] });
}

static void every_way_to_take_works_at_every_place_of_a_region(void **state) {
    (void)state;
    play_everywhere(false);
}

static void no_way_to_take_hands_out_a_spent_node(void **state) {
    (void)state;
    play_everywhere(true);
}

/* ---- Giving back ---- */

enum { PIECES = 3 };

/* A region of up to three ranges: which of them are free already, and whose generations are spent. */
struct giving {
    struct arena arena;
    uint32_t region, count, target, free, spent;
    uint32_t nodes[PIECES];
};

static bool has(uint32_t set, uint32_t i) {
    return (set >> i & 1) != 0;
}

static void open_giving(struct giving *giving) {
    struct arena *arena = &giving->arena;
    const uint32_t sizes[PIECES] = { 3, 5, 7 };
    uint32_t size = 0;
    for (uint32_t i = 0; i < giving->count; i++)
        size += sizes[i];
    giving->region = arena_open_one(arena, size);
    arena_fill(arena, giving->region, sizes, giving->count, giving->nodes);
    for (uint32_t i = 0; i < giving->count; i++)
        if (has(giving->spent, i))
            wear_out(arena, giving->nodes[i]);
    for (uint32_t i = 0; i < giving->count; i++)
        if (has(giving->free, i))
            arena_free(arena, giving->nodes[i]);
}

/* The layout that the sets describe, neighbours that are free in one. */
static void assert_given(struct giving *giving) {
    const int sizes[PIECES] = { 3, 5, 7 };
    int expected[PIECES + 1] = { 0 };
    uint32_t count = 0;
    for (uint32_t i = 0; i < giving->count; i++) {
        bool joins = i != 0 && has(giving->free, i) && has(giving->free, i - 1);
        if (joins)
            expected[count - 1] -= sizes[i];
        else
            expected[count++] = has(giving->free, i) ? -sizes[i] : sizes[i];
    }
    assert_layout_is(&giving->arena, giving->region, expected);
    assert_links_are_true(&giving->arena, giving->region);
    assert_int_equal(giving->arena.tlsf.empty_regions, count == 1 && expected[0] < 0);
}

/* Spent nodes that were merged into others are lost; no others are. */
static void assert_only_spent_nodes_are_lost(struct giving *giving) {
    uint32_t lost = 0;
    for (uint32_t i = 0; i < giving->count; i++)
        lost +=
            has(giving->spent, i) && bda_node_state(arena_node(&giving->arena, giving->nodes[i])) == BDA_NODE_UNUSED;
    assert_int_equal(arena_lost_nodes(&giving->arena), lost);
}

static void give(struct giving *giving) {
    open_giving(giving);
    assert_given(giving);
    arena_free(&giving->arena, giving->nodes[giving->target]);
    giving->free |= 1u << giving->target;
    assert_given(giving);
    assert_only_spent_nodes_are_lost(giving);
    arena_free_everything(&giving->arena);
    assert_true(bda_tlsf_region_is_empty(&giving->arena.tlsf, giving->region));
    assert_only_spent_nodes_are_lost(giving);
    arena_close(&giving->arena);
}

/* Alone, first, in the middle and last, with every set of free and of spent ones. */
static void every_way_to_give_back_works_at_every_place_of_a_region(void **state) {
    (void)state;
    for (uint32_t count = 1; count <= PIECES; count++)
        for (uint32_t target = 0; target < count; target++)
            for (uint32_t sets = 0; sets < 1u << 2 * count; sets++) {
                struct giving giving = { .count = count, .target = target };
                giving.free = sets & ((1u << count) - 1);
                giving.spent = sets >> count;
                if (!has(giving.free, target))
                    give(&giving);
            }
}

/* ---- The end of generations ---- */

/* A life ends each time, and each time the handle would be another one; with the last generation the node is gone. */
static void a_node_serves_to_its_last_generation_but_one(void **state) {
    (void)state;
    struct arena arena;
    arena_open_one(&arena, 8);
    uint32_t first = arena_take(&arena, 8), node = first;
    bda_node_set_tag(arena_node(&arena, node),
                     (BDA_GENERATION_SPENT - 3) << BDA_NODE_GENERATION_SHIFT | (uint32_t)BDA_NODE_LIVE);
    for (uint32_t left = 3; left != 0; left--) {
        assert_int_equal(node, first);
        assert_int_equal(bda_node_generation(arena_node(&arena, node)), BDA_GENERATION_SPENT - left);
        bda_node_retire(arena_node(&arena, node), BDA_NODE_RETIRED);
        arena_free(&arena, node);
        node = arena_take(&arena, 8);
    }
    assert_int_not_equal(node, first);
    assert_int_equal(arena_lost_nodes(&arena), 1);
    arena_free_everything(&arena);
    arena_close(&arena);
}

static void a_spent_node_of_a_removed_region_is_lost(void **state) {
    (void)state;
    struct arena arena;
    uint32_t region = arena_open_one(&arena, 20), node = arena_take(&arena, 20);
    wear_out(&arena, node);
    arena_free(&arena, node);
    assert_int_equal(arena_lost_nodes(&arena), 0);
    arena_remove(&arena, region);
    assert_int_equal(arena_lost_nodes(&arena), 1);
    assert_arena_is_sound(&arena);
    arena_close(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_take_works_at_every_place_of_a_region),
        cmocka_unit_test(no_way_to_take_hands_out_a_spent_node),
        cmocka_unit_test(every_way_to_give_back_works_at_every_place_of_a_region),
        cmocka_unit_test(a_node_serves_to_its_last_generation_but_one),
        cmocka_unit_test(a_spent_node_of_a_removed_region_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
