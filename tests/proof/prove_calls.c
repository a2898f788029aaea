/*
 * What an allocation makes of its parts: the searches and the cuts are replaced by anything that keeps what
 * prove_search.c and prove_step.c have shown, and ensures that it is called as was supposed there. So the parts and the
 * whole fit together.
 */
#include "pool.h"

static uint32_t asked_size, asked_offset;
static uint64_t asked_alignment;
static bool at_offset; /* by bda_tlsf_alloc_at, which asks for a place and not for an alignment */
static uint32_t taken; /* the range that was cut, 0 none */
static bool was_found;

/* ---- In the place of the parts ---- */

static struct place any_found(void) {
    struct place place = { nondet_node_index(), 0 };
    GIVEN(place.index == 0 || is_free(place.index));
    place.list = list_now(place.index);
    return place;
}

struct place proof_find_fast(struct bda_tlsf *in, uint32_t size) {
    ENSURE(in == &tlsf && size == asked_size);
    struct place place = any_found();
    GIVEN(place.index == 0 || at(place.index)->size >= size);
    return place;
}

struct place proof_find(struct bda_tlsf *in, bda_node_chunks chunks, const struct wanted *wanted) {
    (void)chunks;
    ENSURE(in == &tlsf && wanted->size == asked_size);
    ENSURE(wanted->mask == (asked_alignment >> GRANULE_LOG2) - 1);
    ENSURE(wanted->with_base || is_aligned(region.base, asked_alignment));
    struct place place = any_found();
    GIVEN(place.index == 0 || holds(at(place.index), asked_size, asked_alignment));
    was_found = place.index != 0;
    return place;
}

static void ensure_cut_is_right(struct place place, uint32_t pad, uint32_t size) {
    ENSURE(taken == 0 && size == asked_size && tlsf.spare.count >= BDA_TLSF_NODES_PER_ALLOC);
    ENSURE(is_free(place.index) && place.list == list_now(place.index));
    ENSURE(pad <= at(place.index)->size && size <= at(place.index)->size - pad);
    if (at_offset)
        ENSURE(at(place.index)->offset + pad == asked_offset);
    else
        ENSURE(is_aligned(address_of(at(place.index)) + ((uint64_t)pad << GRANULE_LOG2), asked_alignment));
    taken = place.index;
}

uint32_t proof_take_any(struct bda_tlsf *in, bda_node_chunks chunks, struct place place, uint32_t pad, uint32_t size) {
    (void)in, (void)chunks;
    ensure_cut_is_right(place, pad, size);
    return taken;
}

uint32_t proof_take(struct bda_tlsf *in, bda_node_chunks chunks, struct place place, struct bda_node *node,
                    uint32_t size, bool inner) {
    (void)in, (void)chunks;
    ensure_cut_is_right(place, 0, size);
    ENSURE(inner && node == at(place.index) && node->previous != 0 && !bda_node_is_spent(node));
    return taken;
}

/* ---- The whole ---- */

void alloc_cuts_what_it_finds_at_the_alignment(void) {
    any_sound_pool();
    asked_size = nondet_u32();
    asked_alignment = any_alignment();
    GIVEN(asked_size != 0);
    uint32_t index = bda_tlsf_alloc(&tlsf, asked_size, asked_alignment);
    ENSURE(index == taken);
    ENSURE(index != 0 || !was_found);
    REACHES(index == 0);
    REACHES(index != 0 && was_found);
    REACHES(index != 0 && !was_found);
}

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
