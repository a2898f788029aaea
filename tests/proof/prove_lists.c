/*
 * The lists of free ranges by themselves: whatever is in them, the four functions that write to them keep them sound
 * and write to nothing else. Where the ranges lie does not matter to a list, only how large they are.
 *
 * The proofs of cuts and merges know no more of these four than proof_link and the others in pool.h say, which is what
 * is shown here: the range is in the list that was named, or in none, and every other range is where it was.
 */
#include "pool.h"

enum { THE_RANGE = 1 }; /* any of them: names are no more than that */

/* Any ranges, those that are free being in lists. */
static void any_sound_lists(void) {
    any_numbers();
    for (uint32_t i = 1; i < PROOF_NODES; i++) {
        any_tag(nodes[i], true, nondet_bool());
        nodes[i]->offset = nondet_u32();
        nodes[i]->size = nondet_granules();
        GIVEN(nodes[i]->size != 0);
        nodes[i]->previous = nondet_u32();
        nodes[i]->next = nondet_u32();
        nodes[i]->as.list.previous = nondet_node_index();
        nodes[i]->as.list.next = nondet_node_index();
        nodes[i]->region = nondet_u32();
    }
    any_tables();
    claim_lists(true);
    remember();
}

static void ensure_only_lists_changed(void) {
    for (uint32_t i = 1; i < PROOF_NODES; i++) {
        ENSURE(nodes[i]->offset == before[i].offset && nodes[i]->region == before[i].region);
        ENSURE(nodes[i]->previous == before[i].previous && nodes[i]->next == before[i].next);
        ENSURE(i == THE_RANGE || (nodes[i]->size == before[i].size && nodes[i]->tag == before[i].tag));
        ENSURE(i == THE_RANGE || state_before(i) == BDA_NODE_FREE ||
               (nodes[i]->as.list.previous == before[i].as.list.previous &&
                nodes[i]->as.list.next == before[i].as.list.next));
    }
    ENSURE(tlsf.spare.first == tlsf_before.spare.first && tlsf.spare.count == tlsf_before.spare.count);
    ENSURE(tlsf.free_granules == tlsf_before.free_granules && tlsf.granules == tlsf_before.granules);
    ENSURE(tlsf.empty_regions == tlsf_before.empty_regions && tlsf.zone_shift == tlsf_before.zone_shift);
}

void a_range_becomes_the_first_of_its_list(void) {
    any_sound_lists();
    struct bda_node *node = nodes[THE_RANGE];
    uint32_t zone = nondet_zone_index(), list = list_for(node->size, zone);
    GIVEN(!is_free(THE_RANGE));
    link(&tlsf, NULL, THE_RANGE, node, node->size, list);
    ENSURE(node->size == before[THE_RANGE].size && node->tag == before[THE_RANGE].tag);
    bda_node_set(node, BDA_NODE_FREE, zone);
    claim_lists(false);
    ensure_only_lists_changed();
    ENSURE(tlsf.lists[list].first == THE_RANGE);
    REACHES(node->as.list.next != 0 && at(node->as.list.next)->as.list.next != 0);
}

static void ensure_gone(void) {
    struct bda_node *node = nodes[THE_RANGE];
    ENSURE(node->size == before[THE_RANGE].size && node->tag == before[THE_RANGE].tag);
    bda_node_set_state(node, BDA_NODE_LIVE);
    claim_lists(false);
    ensure_only_lists_changed();
}

void a_range_leaves_its_list(void) {
    any_sound_lists();
    struct bda_node *node = nodes[THE_RANGE];
    GIVEN(is_free(THE_RANGE));
    REACHES(node->as.list.previous != 0 && node->as.list.next != 0);
    REACHES(node->as.list.previous == 0 && node->as.list.next == 0);
    unlink(&tlsf, NULL, THE_RANGE, node, list_now(THE_RANGE));
    ensure_gone();
}

void the_first_range_leaves_its_list(void) {
    any_sound_lists();
    struct bda_node *node = nodes[THE_RANGE];
    GIVEN(is_free(THE_RANGE) && node->as.list.previous == 0);
    REACHES(node->as.list.next != 0);
    REACHES(node->as.list.next == 0);
    unlink_first(&tlsf, NULL, THE_RANGE, node, list_now(THE_RANGE));
    ensure_gone();
}

/* Its size has changed, and its zone will. */
void a_range_of_another_size_finds_its_list(void) {
    any_sound_lists();
    struct bda_node *node = nodes[THE_RANGE];
    uint32_t zone = nondet_zone_index(), size = nondet_granules(), old = list_now(THE_RANGE);
    GIVEN(is_free(THE_RANGE) && size != 0);
    bool first = nondet_bool();
    GIVEN(!first || node->as.list.previous == 0);
    node->size = size;
    relink(&tlsf, NULL, THE_RANGE, node, size, old, list_for(size, zone), first);
    ENSURE(node->size == size && node->tag == before[THE_RANGE].tag);
    bda_node_set(node, BDA_NODE_FREE, zone);
    claim_lists(false);
    ensure_only_lists_changed();
    REACHES(list_now(THE_RANGE) == old && node->as.list.previous != 0);
    REACHES(list_now(THE_RANGE) == old && size != before[THE_RANGE].size && node->as.list.previous == 0);
    REACHES(list_now(THE_RANGE) != old && node->as.list.next != 0);
}
