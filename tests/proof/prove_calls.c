/*
 * What a public function makes of its parts: the parts are replaced by what ensures that they are called as their own
 * proofs suppose. bda_tlsf_take is in prove_search.c.
 */
#include "cuts.h"

/* ---- One at a place ---- */

/* Any offset and size of 32 bits. */
void alloc_at_cuts_exactly_what_is_asked_for(void) {
    any_sound_pool();
    remember();
    at_offset = true;
    asked_offset = nondet_u32(), asked_size = nondet_u32();
    GIVEN(asked_size != 0);
    uint32_t index = bda_tlsf_alloc_at(&tlsf, THE_REGION, asked_offset, asked_size);
    ENSURE(index == taken);
    ENSURE((index != 0) == lay_in_a_free_range(asked_offset, asked_size));
    REACHES(index != 0 && asked_offset > at(index)->offset);
    REACHES(index == 0 && asked_offset < region.size);
}

/* ---- Many ---- */

enum { MANY = 6 };

static uint32_t given[MANY], given_count;

void proof_free_node(struct bda_tlsf *in, uint32_t index, struct bda_node *node) {
    ENSURE(in == &tlsf && given_count < MANY && index == given[given_count] && node == at(index));
    given_count++;
}

/* And whatever is looked at ahead of time is there: every look-up ensures that. */
void free_many_frees_each_in_order(void) {
    any_sound_pool();
    the_nodes.store.length = nondet_bool() ? CACHED_NODES : 0;
    uint32_t count = any_below(MANY + 1);
    for (uint32_t i = 0; i < MANY; i++) {
        given[i] = nondet_node_index();
        GIVEN(is_range(given[i]) && !is_free(given[i]));
    }
    bda_tlsf_free_many(&tlsf, count, given);
    ENSURE(given_count == count);
    REACHES(count == MANY && the_nodes.store.length == CACHED_NODES);
}
