/*
 * One step from anywhere: each operation on any sound pool leaves a sound pool and does what it promises. With the
 * fresh pool being sound, that covers every sequence of operations, however long, on a pool that consists of no more
 * ranges at a time than were looked at here.
 *
 * An allocation is a search, which prove_search.c looks at, and a cut, which is here.
 */
#include "pool.h"

void a_fresh_pool_is_sound(void) {
    any_region();
    bda_tlsf_init(&tlsf, &the_nodes, &the_regions, GRANULE_LOG2);
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        nodes[i]->as.spare = i + 1 < PROOF_NODES ? i + 1 : 0;
    tlsf.spare = (struct bda_node_list){ 1, PROOF_NODES - 1 };
    bda_tlsf_add_region(&tlsf, THE_REGION);
    claim_sound(false);
    ENSURE(bda_tlsf_region_is_empty(&tlsf, THE_REGION));
}

/* All that is left of it is its node, which is spare again if its generation is not spent. */
void a_region_that_is_removed_leaves_nothing(void) {
    any_sound_pool();
    GIVEN(bda_tlsf_region_is_empty(&tlsf, THE_REGION));
    bda_tlsf_remove_region(&tlsf, THE_REGION);
    for (uint32_t list = 0; list < BDA_TLSF_LISTS; list++)
        ENSURE(tlsf.lists[list].first == 0);
    for (uint32_t word = 0; word < BDA_TLSF_WORDS; word++)
        ENSURE(tlsf.filled[word] == 0);
    ENSURE(tlsf.granules == 0 && tlsf.bases == 0 && tlsf.newest_region == 0);
    ENSURE(tlsf.free_granules == 0 && tlsf.empty_regions == 0 && region.first == 0);
    claim_spare(false);
}

/* ---- Taking ---- */

/* The range that is asked for, see PROOF_TARGET, if it is free. */
static struct place the_free_place(void) {
    GIVEN(is_free(PROOF_TARGET));
    return (struct place){ PROOF_TARGET, list_now(PROOF_TARGET) };
}

static void ensure_taken(uint32_t index, uint32_t offset, uint32_t size) {
    claim_sound(false);
    ensure_others_are_as_they_were(0);
    ENSURE(index != 0 && index < PROOF_NODES && !was_taken(index));
    ENSURE(bda_node_state(at(index)) == BDA_NODE_LIVE && at(index)->offset == offset && at(index)->size == size);
    ENSURE(tlsf.free_granules == tlsf_before.free_granules - size);
}

static void take_any_after(uint32_t pad) {
    struct place place = the_free_place();
    uint32_t size = nondet_granules(), offset = at(PROOF_TARGET)->offset + pad;
    GIVEN(size != 0 && pad <= at(PROOF_TARGET)->size && size <= at(PROOF_TARGET)->size - pad);
    struct bda_taken taken = take_any(&tlsf, NULL, place, pad, size);
    ENSURE(taken.index < PROOF_NODES && taken.node == at((uint32_t)taken.index));
    ensure_taken((uint32_t)taken.index, offset, size);
    REACHES(taken.index == PROOF_TARGET);
    REACHES(taken.index > PROOF_RANGES && at(PROOF_TARGET)->size != 0);
}

void the_front_of_any_free_range_can_be_taken(void) {
    any_sound_pool();
    remember();
    take_any_after(0);
}

void any_inner_part_of_any_free_range_can_be_taken(void) {
    any_sound_pool();
    remember();
    uint32_t pad = nondet_granules();
    GIVEN(pad != 0);
    take_any_after(pad);
}

/* What bda_tlsf_take does where it has not to look closely: the first of a list, which is not the first of the region
 * and has a generation left. */
static struct bda_node *the_inner_range(void) {
    struct bda_node *node = at(PROOF_TARGET);
    GIVEN(node->previous != 0 && node->as.list.previous == 0 && !bda_node_is_spent(node));
    return node;
}

void an_inner_range_can_be_taken(void) {
    any_sound_pool();
    remember();
    struct place place = the_free_place();
    struct bda_node *node = the_inner_range();
    uint32_t size = node->size, offset = node->offset;
    struct bda_taken taken = take_whole_apart(&tlsf, NULL, place.index, place.list, node);
    ENSURE(taken.index == PROOF_TARGET && taken.node == node);
    ensure_taken(PROOF_TARGET, offset, size);
    REACHES(bda_node_next(node) == 0);
    REACHES(bda_node_next(node) != 0);
}

void the_front_of_an_inner_range_can_be_taken(void) {
    any_sound_pool();
    remember();
    struct place place = the_free_place();
    struct bda_node *node = the_inner_range();
    uint32_t size = nondet_granules(), offset = node->offset;
    GIVEN(size != 0 && size < node->size);
    struct bda_taken taken = take_front_apart(&tlsf, NULL, place.index, place.list, node, size);
    ENSURE(taken.index < PROOF_NODES && taken.node == at((uint32_t)taken.index));
    ensure_taken((uint32_t)taken.index, offset, size);
    REACHES(list_now(PROOF_TARGET) != place.list);
    REACHES(list_now(PROOF_TARGET) == place.list);
}

/* ---- Giving back ---- */

static bool is_inside_a_free_range(uint32_t offset, uint32_t size) {
    bool found = false;
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        found |= is_free(i) && nodes[i]->offset <= offset && size <= nodes[i]->size &&
                 offset - nodes[i]->offset <= nodes[i]->size - size;
    return found;
}

/* In any state but free, and with no spare node at hand. */
void any_taken_range_can_be_given_back(void) {
    any_sound_pool();
    remember();
    uint32_t index = PROOF_TARGET;
    GIVEN(was_taken(index));
    uint32_t offset = at(index)->offset, size = at(index)->size;
    bda_tlsf_free(&tlsf, index);
    claim_sound(false);
    ensure_others_are_as_they_were(index);
    ENSURE(tlsf.free_granules == tlsf_before.free_granules + size && is_inside_a_free_range(offset, size));
    REACHES(tlsf.spare.count == tlsf_before.spare.count);
    REACHES(tlsf.spare.count == tlsf_before.spare.count + 2);
    REACHES(tlsf.spare.count == tlsf_before.spare.count + 1);
}
