/*
 * An allocation up to the cut, whatever is free: what is found is free, is in the list that is named, and holds the
 * request where it is cut; and where nothing is found, the sentence of tlsf.h on refusals is true.
 *
 * A search looks at free ranges and lists, so there is nothing else here: the free ranges lie anywhere in the region,
 * even across each other, which is more than there can be in a sound pool.
 */
#include "cuts.h"

static void any_free_ranges(void) {
    any_numbers();
    GIVEN((region.base & ~tlsf.bases) == 0);
    for (uint32_t i = 1; i < PROOF_NODES; i++) {
        struct bda_node *node = nodes[i];
        any_tag(node, nondet_bool(), true);
        node->offset = nondet_granules();
        node->size = nondet_granules();
        GIVEN(node->size != 0 && node->offset < region.size && node->size <= region.size - node->offset);
        node->previous = nondet_node_index();
        node->next = nondet_node_index();
        node->as.list.previous = nondet_node_index();
        node->as.list.next = nondet_node_index();
        node->region = THE_REGION;
    }
    any_tables();
    tlsf.spare.count = BDA_TLSF_NODES_PER_ALLOC;
    claim_lists(true);
    remember();
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

void an_allocation_cuts_what_holds_it_or_may_be_refused(void) {
    any_free_ranges();
    asked_size = nondet_granules();
    asked_alignment = any_alignment();
    GIVEN(asked_size != 0);
    struct bda_taken found = bda_tlsf_take(&tlsf, asked_size, asked_alignment);
    ENSURE(found.index == taken);
    ensure_nothing_changed();
    if (taken == 0)
        for (uint32_t i = 1; i < PROOF_NODES; i++)
            if (is_free(i))
                ensure_refusal_is_allowed(i, asked_size, asked_alignment);
    REACHES(taken != 0 && !is_aligned(address_of(at(taken)), asked_alignment));
    REACHES(taken != 0 && is_aligned(address_of(at(taken)), asked_alignment) && !is_aligned(region.base, asked_alignment));
}
