/*
 * The search, in any sound pool: what it finds is free, is in the list that it names, and holds the request; and where
 * it finds nothing, the sentence of tlsf.h on refusals is true.
 */
#include "pool.h"

static void ensure_place(struct place place) {
    ENSURE(place.index == 0 || (is_free(place.index) && place.list == list_now(place.index)));
}

/* The hints of which words hold something may have been mended; nothing else was touched. */
static void ensure_nothing_changed(void) {
    claim_heads(false);
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        ENSURE(nodes[i]->offset == before[i].offset && nodes[i]->size == before[i].size &&
               nodes[i]->previous == before[i].previous && nodes[i]->next == before[i].next &&
               nodes[i]->as.list.previous == before[i].as.list.previous &&
               nodes[i]->as.list.next == before[i].as.list.next && nodes[i]->tag == before[i].tag);
    for (uint32_t list = 0; list < BDA_TLSF_LISTS; list++)
        ENSURE(tlsf.lists[list].first == tlsf_before.lists[list].first &&
               tlsf.lists[list].size == tlsf_before.lists[list].size);
    for (uint32_t word = 0; word < BDA_TLSF_WORDS; word++)
        ENSURE(tlsf.filled[word] == tlsf_before.filled[word]);
}

void the_first_look_finds_a_free_range_that_is_large_enough(void) {
    any_sound_pool();
    remember();
    uint32_t size = nondet_granules();
    GIVEN(size != 0);
    struct place place = find_fast(&tlsf, size);
    ensure_place(place);
    ENSURE(place.index == 0 || at(place.index)->size >= size);
    ensure_nothing_changed();
    REACHES(place.index != 0 && bda_tlsf_class_of(at(place.index)->size) == bda_tlsf_class_of(size));
    REACHES(place.index == 0 && tlsf.free_granules > 8);
}

/* ---- What a refusal means ---- */

/* How many stand before it in its list. */
static uint32_t depth_of(uint32_t index) {
    uint32_t depth = 0;
    for (uint32_t i = 0; i < MOST_FREE; i++) {
        index = index == 0 ? 0 : at(index)->as.list.previous;
        depth += index != 0;
    }
    return depth;
}

/* Free ranges of the class `from` and above that `last` comes to before it comes to this one. */
static uint32_t ranges_before(uint32_t index, uint32_t from) {
    uint32_t count = 0;
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        if (is_free(i) && bda_tlsf_class_of(nodes[i]->size) >= from)
            count +=
                lists_now[i] < lists_now[index] || (lists_now[i] == lists_now[index] && depth_of(i) < depth_of(index));
    return count;
}

/* Lists of the class `from` and above that `near` comes to before it comes to this range's. */
static uint32_t lists_before(uint32_t index, uint32_t from) {
    uint32_t count = 0;
    for (uint32_t list = 0; list < BDA_TLSF_LISTS; list++)
        count += tlsf.lists[list].first != 0 && list / BDA_TLSF_ZONES >= from && list < lists_now[index];
    return count;
}

static void ensure_refusal_is_allowed(uint32_t index, uint32_t size, uint64_t alignment) {
    uint32_t class = bda_tlsf_class_of(nodes[index]->size), from = bda_tlsf_class_of(size);
    uint64_t padded = size + (alignment >> GRANULE_LOG2) - 1;
    bool is_near = depth_of(index) == 0 && class >= from && class <= from + BDA_TLSF_NEAR_CLASSES &&
                   lists_now[index] / 64 == from * BDA_TLSF_ZONES / 64 &&
                   lists_before(index, from) < BDA_TLSF_NEAR_TRIES;
    bool is_last = class >= from && ranges_before(index, from) < BDA_TLSF_EXACT_TRIES;
    bool fits_now = holds(nodes[index], size, alignment);
    ENSURE(padded > MOST_GRANULES || class < bda_tlsf_class_above((uint32_t)padded));
    ENSURE(!(is_near && fits_now));
    ENSURE(!(is_last && fits_now));
    REACHES(fits_now); /* the limit is real */
}

void the_search_finds_what_holds_the_request_or_may_refuse(void) {
    any_sound_pool();
    remember();
    uint32_t size = nondet_granules();
    uint64_t alignment = any_alignment();
    GIVEN(size != 0);
    const struct wanted wanted = { size, (alignment >> GRANULE_LOG2) - 1, nondet_bool() };
    GIVEN(wanted.with_base || is_aligned(region.base, alignment));
    struct place place = find(&tlsf, NULL, &wanted);
    ensure_place(place);
    ensure_nothing_changed();
    if (place.index != 0)
        ENSURE(holds(at(place.index), size, alignment));
    else
        for (uint32_t i = 1; i < PROOF_NODES; i++)
            if (is_free(i))
                ensure_refusal_is_allowed(i, size, alignment);
    REACHES(place.index != 0 && !is_aligned(address_of(at(place.index)), alignment));
}
