/* core/tlsf_check.c: a check that cannot fire is a defect. Every corruption is one change to a sound arena, after which
 * the check names the one invariant that it breaks. */
#include "core_support.h"

/* Region A: live a, free b, live c, free d, live e, all of them but a in the last zone; b and d share a list, which d
 * heads. Region B is empty. Two nodes are spare, s and the one behind it. */
struct scene {
    struct arena arena;
    uint32_t a, b, c, d, e, s, region_a, region_b;
};

enum { EIGHTS = 8 * BDA_TLSF_ZONES + BDA_TLSF_ZONES - 1 }; /* the list of sizes of 8 in the last zone */

static void open_scene(struct scene *scene) {
    uint32_t nodes[5];
    scene->region_a = arena_open_one(&scene->arena, 64);
    scene->region_b = arena_add(&scene->arena, 0, 48);
    arena_fill(&scene->arena, scene->region_a, (const uint32_t[]){ 32, 8, 8, 8, 8 }, 5, nodes);
    arena_free(&scene->arena, nodes[1]);
    arena_free(&scene->arena, nodes[3]);
    scene->a = nodes[0], scene->b = nodes[1], scene->c = nodes[2], scene->d = nodes[3], scene->e = nodes[4];
    arena_secure(&scene->arena, 2);
    scene->s = scene->arena.tlsf.spare.first;
    assert_arena_is_sound(&scene->arena);
    assert_int_equal(scene->arena.tlsf.lists[EIGHTS].first, scene->d);
}

struct corruption {
    const char *message;
    void (*corrupt)(struct scene *scene);
};

#define NODE(letter) arena_node(&scene->arena, scene->letter)
#define TLSF         (&scene->arena.tlsf)
#define LINK_NOWHERE bda_link_to(BDA_NODES_MOST, true)
#define LINK_PAST    bda_link_to(scene->arena.nodes.store.length, true)

/* Names a function that does one thing to the scene. */
#define CORRUPTION(name, statement)                                                                                    \
    static void name(struct scene *scene) {                                                                            \
        statement;                                                                                                     \
    }

CORRUPTION(off_granule, arena_region(&scene->arena, scene->region_b)->base++)
CORRUPTION(half_granule, arena_region(&scene->arena, scene->region_a)->base += GRANULE / 2)
CORRUPTION(bases_forgotten, TLSF->bases = 0)
CORRUPTION(base_unknown, arena_region(&scene->arena, scene->region_b)->base = 0x40)
CORRUPTION(link_nowhere, NODE(a)->next = LINK_NOWHERE)
CORRUPTION(link_past_the_last, NODE(a)->next = LINK_PAST)
CORRUPTION(first_nowhere, arena_region(&scene->arena, scene->region_a)->first = UINT32_MAX)
CORRUPTION(other_region, NODE(b)->region = scene->region_b)
CORRUPTION(wrong_offset, NODE(c)->offset++)
CORRUPTION(no_size, NODE(c)->size = 0)
CORRUPTION(no_size_at_the_end, NODE(e)->size = 0)
CORRUPTION(wrong_previous, NODE(c)->previous = bda_link_to(scene->a, true))
CORRUPTION(skipped, NODE(a)->next = bda_link_to(scene->c, false))
CORRUPTION(free_behind_unsaid, NODE(a)->next ^= 1)
CORRUPTION(free_before_unsaid, NODE(c)->previous ^= 1)
CORRUPTION(live_behind_said_free, NODE(b)->next ^= 1)
CORRUPTION(live_before_said_free, NODE(d)->previous ^= 1)
CORRUPTION(first_has_one_before, NODE(a)->previous = 1)
CORRUPTION(last_has_one_behind, NODE(e)->next = 1)
CORRUPTION(became_free_unsaid, bda_node_set_state(NODE(e), BDA_NODE_FREE))
CORRUPTION(became_live_unsaid, bda_node_set_state(NODE(b), BDA_NODE_LIVE))
CORRUPTION(unused_in_region, bda_node_set_state(NODE(c), BDA_NODE_UNUSED))
CORRUPTION(unknown_state, bda_node_set_state(NODE(c), (enum bda_node_state)(BDA_NODE_QUARANTINED + 1)))
CORRUPTION(last_unknown_state, bda_node_set_state(NODE(c), (enum bda_node_state)BDA_NODE_STATE_MASK))
CORRUPTION(in_no_zone, bda_node_set(NODE(d), BDA_NODE_FREE, BDA_TLSF_ZONES))
CORRUPTION(live_in_no_zone, bda_node_set(NODE(a), BDA_NODE_LIVE, BDA_TLSF_ZONES))
CORRUPTION(live_is_spent, bda_node_set_tag(NODE(e), BDA_GENERATION_SPENT << BDA_NODE_GENERATION_SHIFT | BDA_NODE_LIVE))
CORRUPTION(free_beside_free, bda_node_set_state(NODE(c), BDA_NODE_FREE); NODE(b)->next |= 1)
CORRUPTION(too_long, NODE(e)->size++)
CORRUPTION(region_too_short, arena_region(&scene->arena, scene->region_a)->size--)
CORRUPTION(too_short, NODE(e)->size--)
CORRUPTION(ends_early, NODE(c)->next = 0)
CORRUPTION(no_first, arena_region(&scene->arena, scene->region_b)->first = 0)
CORRUPTION(list_nowhere, NODE(b)->as.list.next = UINT32_MAX)
CORRUPTION(list_past_the_last, NODE(b)->as.list.next = scene->arena.nodes.store.length)
CORRUPTION(head_nowhere, TLSF->lists[5].first = UINT32_MAX)
CORRUPTION(live_is_first, TLSF->lists[5].first = scene->a)
CORRUPTION(live_is_next, NODE(b)->as.list.next = scene->c)
CORRUPTION(in_two_lists, TLSF->lists[5].first = scene->b)
CORRUPTION(in_another_zone, bda_node_set(NODE(b), BDA_NODE_FREE, 0))
CORRUPTION(list_previous, NODE(b)->as.list.previous = 0)
CORRUPTION(head_has_previous, NODE(d)->as.list.previous = scene->b)
CORRUPTION(list_cycle, NODE(b)->as.list.next = scene->d)
CORRUPTION(region_unknown, scene->arena.count--)
CORRUPTION(first_is_larger, TLSF->lists[EIGHTS].size++)
CORRUPTION(first_has_no_size, TLSF->lists[EIGHTS].size = 0)
CORRUPTION(list_unmapped, TLSF->filled[0] = 0)
CORRUPTION(list_mapped, TLSF->filled[0] |= 1)
CORRUPTION(last_list_mapped, TLSF->filled[BDA_TLSF_WORDS - 1] |= (uint64_t)1 << (BDA_TLSF_LISTS - 1) % 64)
CORRUPTION(zone_unmapped, TLSF->words_of_zone[BDA_TLSF_ZONES - 1] = 0)
CORRUPTION(word_unmapped, TLSF->words_of_zone[BDA_TLSF_ZONES - 1] &= ~(uint32_t)1)
CORRUPTION(higher_word_unmapped, TLSF->words_of_zone[BDA_TLSF_ZONES - 1] &= 1)
CORRUPTION(word_beyond, TLSF->words_of_zone[0] |= (uint32_t)1 << BDA_TLSF_WORDS)
CORRUPTION(last_word_beyond, TLSF->words_of_zone[BDA_TLSF_ZONES - 1] |= (uint32_t)1 << 31)
CORRUPTION(out_of_list, NODE(d)->as.list.next = 0)
CORRUPTION(wrong_granules, TLSF->granules++)
CORRUPTION(no_newest, TLSF->newest_region = 0)
CORRUPTION(newest_nowhere, TLSF->newest_region = UINT32_MAX)
CORRUPTION(newest_is_oldest, TLSF->newest_region = scene->region_a)
CORRUPTION(no_older, arena_region(&scene->arena, scene->region_b)->older = 0)
CORRUPTION(older_nowhere, arena_region(&scene->arena, scene->region_b)->older = scene->region_b + 1)
CORRUPTION(older_is_itself, arena_region(&scene->arena, scene->region_b)->older = scene->region_b)
CORRUPTION(oldest_has_older, arena_region(&scene->arena, scene->region_a)->older = scene->region_b)
CORRUPTION(starts_late, arena_region(&scene->arena, scene->region_b)->start++)
CORRUPTION(oldest_starts_late, arena_region(&scene->arena, scene->region_a)->start++)
CORRUPTION(wrong_sum, TLSF->free_granules++)
CORRUPTION(wrong_empty, TLSF->empty_regions++)
CORRUPTION(spare_overcounted, TLSF->spare.count++)
CORRUPTION(spare_cut_short, NODE(s)->as.spare = 0)
CORRUPTION(spare_nowhere, NODE(s)->as.spare = UINT32_MAX)
CORRUPTION(spare_head_nowhere, TLSF->spare.first = UINT32_MAX)
CORRUPTION(spare_undercounted, TLSF->spare.count--)
CORRUPTION(spare_uncounted, TLSF->spare.count = 0)
CORRUPTION(spare_is_free, TLSF->spare.first = scene->b)
CORRUPTION(spare_leads_to_live, NODE(s)->as.spare = scene->a)
CORRUPTION(spare_is_retired, bda_node_set_state(NODE(s), BDA_NODE_RETIRED))
CORRUPTION(spare_is_spent, bda_node_set_tag(NODE(s), BDA_GENERATION_SPENT << BDA_NODE_GENERATION_SHIFT))

static const struct corruption corruptions[] = {
    { "a region does not begin on a granule", off_granule },
    { "a region does not begin on a granule", half_granule },
    { "the bits of a region's base are not known", bases_forgotten },
    { "the bits of a region's base are not known", base_unknown },
    { "a link leads to no node", link_nowhere },
    { "a link leads to no node", link_past_the_last },
    { "a link leads to no node", first_nowhere },
    { "a node names another region than the one it is linked in", other_region },
    { "ranges do not tile their region", wrong_offset },
    { "ranges do not tile their region", no_size },
    { "ranges do not tile their region", no_size_at_the_end },
    { "ranges do not tile their region", wrong_previous },
    { "ranges do not tile their region", skipped },
    { "a link is wrong about a neighbour being free", free_behind_unsaid },
    { "a link is wrong about a neighbour being free", free_before_unsaid },
    { "a link is wrong about a neighbour being free", live_behind_said_free },
    { "a link is wrong about a neighbour being free", live_before_said_free },
    { "a link is wrong about a neighbour being free", first_has_one_before },
    { "a link is wrong about a neighbour being free", last_has_one_behind },
    { "a link is wrong about a neighbour being free", became_free_unsaid },
    { "a link is wrong about a neighbour being free", became_live_unsaid },
    { "a range has no valid state", unused_in_region },
    { "a range has no valid state", unknown_state },
    { "a range has no valid state", last_unknown_state },
    { "a range has no valid zone", in_no_zone },
    { "a range has no valid zone", live_in_no_zone },
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
    { "a range that is not free is in a list of free ranges", live_is_first },
    { "a range that is not free is in a list of free ranges", live_is_next },
    { "a free range is in the list of another class or zone", in_two_lists },
    { "a free range is in the list of another class or zone", in_another_zone },
    { "the links of a list of free ranges disagree", list_previous },
    { "the links of a list of free ranges disagree", head_has_previous },
    { "the links of a list of free ranges disagree", list_cycle },
    { "a list of free ranges holds more than there are", region_unknown },
    { "a list is wrong about the size of its first range", first_is_larger },
    { "a list is wrong about the size of its first range", first_has_no_size },
    { "the bitmap of lists lies", list_unmapped },
    { "the bitmap of lists lies", list_mapped },
    { "the bitmap of lists lies", last_list_mapped },
    { "the bitmap of a zone lies", zone_unmapped },
    { "the bitmap of a zone lies", word_unmapped },
    { "the bitmap of a zone lies", higher_word_unmapped },
    { "the bitmap of a zone lies", word_beyond },
    { "the bitmap of a zone lies", last_word_beyond },
    { "a free range is in no list", out_of_list },
    { "the count of granules is wrong", wrong_granules },
    { "there are fewer regions than counted", no_newest },
    { "there are fewer regions than counted", newest_nowhere },
    { "the positions of regions do not follow each other", newest_is_oldest },
    { "there are fewer regions than counted", no_older },
    { "there are fewer regions than counted", older_nowhere },
    { "the positions of regions do not follow each other", older_is_itself },
    { "there are more regions than counted", oldest_has_older },
    { "the positions of regions do not follow each other", starts_late },
    { "the positions of regions do not follow each other", oldest_starts_late },
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
    { "a spare node has no generation left", spare_is_spent },
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
        const uint32_t spent = BDA_GENERATION_SPENT << BDA_NODE_GENERATION_SHIFT;
        atomic_fetch_or(&arena_node(&scene.arena, scene.b)->tag, spent);
        atomic_fetch_or(&arena_node(&scene.arena, scene.c)->tag, spent);
        bda_node_set_state(arena_node(&scene.arena, scene.c), (enum bda_node_state)other);
        assert_arena_is_sound(&scene.arena);
        arena_close(&scene.arena);
    }
}

/* A word that is named in vain costs a search a look, and nothing else. */
static void a_zone_may_name_words_that_hold_none_of_its_lists(void **state) {
    (void)state;
    struct scene scene;
    open_scene(&scene);
    for (uint32_t zone = 0; zone < BDA_TLSF_ZONES; zone++)
        scene.arena.tlsf.words_of_zone[zone] = UINT32_MAX >> (32 - BDA_TLSF_WORDS);
    assert_arena_is_sound(&scene.arena);
    arena_close_sound(&scene.arena);
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
        cmocka_unit_test(a_zone_may_name_words_that_hold_none_of_its_lists),
        cmocka_unit_test(an_arena_without_regions_and_nodes_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
