/* core/tlsf_check.c: a check that cannot fire is a defect. Every corruption is one change to a sound arena, after which
 * the check names the one invariant that it breaks. */
#include "core_support.h"

#include <string.h>

/* Region A: live a, free b, live c, free d, live e; b and d share a list, which d heads. Region B is empty.
 * Two nodes are spare, s and the one behind it. */
struct scene {
    struct arena arena;
    uint32_t a, b, c, d, e, s, region_a, region_b;
};

static void open_scene(struct scene *scene) {
    uint32_t nodes[5];
    scene->region_a = arena_open_one(&scene->arena, 64);
    scene->region_b = arena_add(&scene->arena, 0, 48);
    arena_fill(&scene->arena, scene->region_a, (const uint32_t[]){ 8, 8, 8, 8, 32 }, 5, nodes);
    arena_free(&scene->arena, nodes[1]);
    arena_free(&scene->arena, nodes[3]);
    scene->a = nodes[0], scene->b = nodes[1], scene->c = nodes[2], scene->d = nodes[3], scene->e = nodes[4];
    arena_secure(&scene->arena, 2);
    scene->s = scene->arena.tlsf.spare.first;
    assert_arena_is_sound(&scene->arena);
    assert_int_equal(scene->arena.tlsf.first[8], scene->d);
}

struct corruption {
    const char *message;
    void (*corrupt)(struct scene *scene);
};

#define NODE(letter) arena_node(&scene->arena, scene->letter)

/* Names a function that does one thing to the scene. */
#define CORRUPTION(name, statement)                                                                                    \
    static void name(struct scene *scene) {                                                                            \
        statement;                                                                                                     \
    }

CORRUPTION(off_granule, arena_region(&scene->arena, scene->region_b)->base++)
CORRUPTION(half_granule, arena_region(&scene->arena, scene->region_a)->base += GRANULE / 2)
CORRUPTION(link_nowhere, NODE(a)->next = UINT32_MAX)
CORRUPTION(link_past_the_last, NODE(a)->next = scene->arena.nodes.store.length)
CORRUPTION(first_nowhere, arena_region(&scene->arena, scene->region_a)->first = UINT32_MAX)
CORRUPTION(other_region, NODE(b)->region = scene->region_b)
CORRUPTION(wrong_offset, NODE(c)->offset++)
CORRUPTION(no_size, NODE(c)->size = 0)
CORRUPTION(no_size_at_the_end, NODE(e)->size = 0)
CORRUPTION(wrong_previous, NODE(c)->previous = scene->a)
CORRUPTION(skipped, NODE(a)->next = scene->c)
CORRUPTION(unused_in_region, bda_node_set_state(NODE(c), BDA_NODE_UNUSED))
CORRUPTION(unknown_state, bda_node_set_state(NODE(c), (enum bda_node_state)(BDA_NODE_QUARANTINED + 1)))
CORRUPTION(live_is_spent, atomic_store(&NODE(e)->tag, BDA_GENERATION_SPENT << 8 | (uint32_t)BDA_NODE_LIVE))
CORRUPTION(free_beside_free, bda_node_set_state(NODE(c), BDA_NODE_FREE))
CORRUPTION(too_long, NODE(e)->size++)
CORRUPTION(region_too_short, arena_region(&scene->arena, scene->region_a)->size--)
CORRUPTION(too_short, NODE(e)->size--)
CORRUPTION(ends_early, NODE(c)->next = 0)
CORRUPTION(no_first, arena_region(&scene->arena, scene->region_b)->first = 0)
CORRUPTION(list_nowhere, NODE(b)->as.list.next = UINT32_MAX)
CORRUPTION(list_past_the_last, NODE(b)->as.list.next = scene->arena.nodes.store.length)
CORRUPTION(head_nowhere, scene->arena.tlsf.first[5] = UINT32_MAX)
CORRUPTION(live_in_list, bda_node_set_state(NODE(b), BDA_NODE_LIVE))
CORRUPTION(live_is_first, scene->arena.tlsf.first[5] = scene->a)
CORRUPTION(in_two_lists, scene->arena.tlsf.first[5] = scene->b)
CORRUPTION(list_previous, NODE(b)->as.list.previous = 0)
CORRUPTION(list_cycle, NODE(b)->as.list.next = scene->d)
CORRUPTION(region_unknown, scene->arena.count--)
CORRUPTION(class_unmapped, scene->arena.tlsf.class_map[0] = 0)
CORRUPTION(class_mapped, scene->arena.tlsf.class_map[27] |= 1u << 31)
CORRUPTION(level_unmapped, scene->arena.tlsf.level_map &= ~1u)
CORRUPTION(level_mapped, scene->arena.tlsf.level_map |= 1u << 27)
CORRUPTION(level_beyond, scene->arena.tlsf.level_map |= 1u << 31)
CORRUPTION(level_just_beyond, scene->arena.tlsf.level_map |= 1u << BDA_TLSF_LEVELS)
CORRUPTION(out_of_list, NODE(d)->as.list.next = 0)
CORRUPTION(wrong_sum, scene->arena.tlsf.free_granules++)
CORRUPTION(wrong_empty, scene->arena.tlsf.empty_regions++)
CORRUPTION(spare_overcounted, scene->arena.tlsf.spare.count++)
CORRUPTION(spare_cut_short, NODE(s)->as.spare = 0)
CORRUPTION(spare_nowhere, NODE(s)->as.spare = UINT32_MAX)
CORRUPTION(spare_head_nowhere, scene->arena.tlsf.spare.first = UINT32_MAX)
CORRUPTION(spare_undercounted, scene->arena.tlsf.spare.count--)
CORRUPTION(spare_uncounted, scene->arena.tlsf.spare.count = 0)
CORRUPTION(spare_is_free, scene->arena.tlsf.spare.first = scene->b)
CORRUPTION(spare_leads_to_live, NODE(s)->as.spare = scene->a)
CORRUPTION(spare_is_retired, bda_node_set_state(NODE(s), BDA_NODE_RETIRED))

static const struct corruption corruptions[] = {
    { "a region does not begin on a granule", off_granule },
    { "a region does not begin on a granule", half_granule },
    { "a link leads to no node", link_nowhere },
    { "a link leads to no node", link_past_the_last },
    { "a link leads to no node", first_nowhere },
    { "a node names another region than the one it is linked in", other_region },
    { "ranges do not tile their region", wrong_offset },
    { "ranges do not tile their region", no_size },
    { "ranges do not tile their region", no_size_at_the_end },
    { "ranges do not tile their region", wrong_previous },
    { "ranges do not tile their region", skipped },
    { "a range has no valid state", unused_in_region },
    { "a range has no valid state", unknown_state },
    { "an allocation has a generation that no handle can name", live_is_spent },
    { "two free ranges lie side by side", free_beside_free },
    { "ranges reach past their region", too_long },
    { "ranges reach past their region", region_too_short },
    { "ranges do not fill their region", too_short },
    { "ranges do not fill their region", ends_early },
    { "ranges do not fill their region", no_first },
    { "a link leads to no node", list_nowhere },
    { "a link leads to no node", list_past_the_last },
    { "a link leads to no node", head_nowhere },
    { "a range that is not free is in a list of free ranges", live_in_list },
    { "a range that is not free is in a list of free ranges", live_is_first },
    { "a free range is in the list of another class", in_two_lists },
    { "the links of a list of free ranges disagree", list_previous },
    { "the links of a list of free ranges disagree", list_cycle },
    { "a list of free ranges holds more than there are", region_unknown },
    { "a class bitmap lies", class_unmapped },
    { "a class bitmap lies", class_mapped },
    { "the level bitmap lies", level_unmapped },
    { "the level bitmap lies", level_mapped },
    { "the level bitmap lies", level_beyond },
    { "the level bitmap lies", level_just_beyond },
    { "a free range is in no list", out_of_list },
    { "the count of free granules is wrong", wrong_sum },
    { "the count of empty regions is wrong", wrong_empty },
    { "there are fewer spare nodes than counted", spare_overcounted },
    { "there are fewer spare nodes than counted", spare_cut_short },
    { "there are fewer spare nodes than counted", spare_nowhere },
    { "there are fewer spare nodes than counted", spare_head_nowhere },
    { "there are more spare nodes than counted", spare_undercounted },
    { "there are more spare nodes than counted", spare_uncounted },
    { "a spare node is in use", spare_is_free },
    { "a spare node is in use", spare_leads_to_live },
    { "a spare node is in use", spare_is_retired },
};

static void the_check_names_every_single_corruption(void **state) {
    (void)state;
    for (uint32_t i = 0; i < COUNT_OF(corruptions); i++) {
        struct scene scene;
        open_scene(&scene);
        corruptions[i].corrupt(&scene);
        const char *broken = arena_check(&scene.arena);
        if (broken == NULL || strcmp(broken, corruptions[i].message) != 0)
            fail_msg("row %u: \"%s\" in place of \"%s\"", i, broken != NULL ? broken : "sound", corruptions[i].message);
        arena_close(&scene.arena);
    }
}

/* Only a handle must not have the last generation: a range that was retired to it is sound until it is replaced. */
static void whatever_is_not_live_may_have_spent_its_generation(void **state) {
    (void)state;
    for (uint32_t other = BDA_NODE_RETIRED; other <= BDA_NODE_QUARANTINED; other++) {
        struct scene scene;
        open_scene(&scene);
        atomic_store(&arena_node(&scene.arena, scene.c)->tag, BDA_GENERATION_SPENT << 8 | other);
        atomic_store(&arena_node(&scene.arena, scene.b)->tag, BDA_GENERATION_SPENT << 8 | (uint32_t)BDA_NODE_FREE);
        assert_arena_is_sound(&scene.arena);
        arena_close(&scene.arena);
    }
}

/* Nodes that were never made, regions that are not there. */
static void an_arena_without_regions_and_nodes_is_sound(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, GRANULE_LOG2);
    assert_arena_is_sound(&arena);
    arena.tlsf.spare.count = 1;
    assert_string_equal(arena_check(&arena), "there are fewer spare nodes than counted");
    arena_close(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_check_names_every_single_corruption),
        cmocka_unit_test(whatever_is_not_live_may_have_spent_its_generation),
        cmocka_unit_test(an_arena_without_regions_and_nodes_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
