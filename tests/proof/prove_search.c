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
        GIVEN(!is_free(i) || node->size <= tlsf.free_granules);
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

static uint32_t depths[PROOF_NODES]; /* how many stand before it in its list */

static uint32_t depth_of(uint32_t index) {
    uint32_t depth = 0;
    for (uint32_t i = 1; i < PROOF_NODES; i++) {
        index = index == 0 ? 0 : at(index)->as.list.previous;
        depth += index != 0;
    }
    return depth;
}

/* Free ranges of the class `from` and above that `last` comes to before it comes to this one. */
static uint32_t ranges_before(uint32_t index, uint32_t from) {
    uint32_t count = 0;
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        count += is_free(i) && lists_now[i] >= from * BDA_TLSF_ZONES &&
                 (lists_now[i] < lists_now[index] || (lists_now[i] == lists_now[index] && depths[i] < depths[index]));
    return count;
}

/* Lists of the class `from` and above that `near` comes to before it comes to this range's: as many as have a first
 * range. */
static uint32_t lists_before(uint32_t index, uint32_t from) {
    uint32_t count = 0;
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        count +=
            is_free(i) && depths[i] == 0 && lists_now[i] >= from * BDA_TLSF_ZONES && lists_now[i] < lists_now[index];
    return count;
}

static void ensure_refusal_is_allowed(uint32_t index, uint32_t size, uint64_t alignment) {
    uint32_t class = lists_now[index] / BDA_TLSF_ZONES, from = bda_tlsf_class_of(size);
    uint64_t padded = size + (alignment >> GRANULE_LOG2) - 1;
    bool is_near = depths[index] == 0 && class >= from && lists_now[index] / 64 == from * BDA_TLSF_ZONES / 64 &&
                   lists_before(index, from) < BDA_TLSF_NEAR_TRIES;
    bool is_last = class >= from && ranges_before(index, from) < BDA_TLSF_EXACT_TRIES;
    bool fits_now = holds(nodes[index], size, alignment);
    ENSURE(padded > MOST_GRANULES || class < bda_tlsf_class_above((uint32_t)padded));
    ENSURE(!(is_near && fits_now));
    ENSURE(!(is_last && fits_now));
    REACHES(fits_now); /* the limit is real */
}

/* ---- The whole ---- */

static void any_request(void) {
    any_free_ranges();
    asked_size = nondet_granules();
    asked_alignment = any_alignment();
    GIVEN(asked_size != 0);
}

static bool left_to_the_rest; /* by what looks at the nearest lists alone */

struct bda_taken proof_take_uncommon(struct bda_tlsf *in, uint32_t size, uint64_t alignment) {
    ENSURE(in == &tlsf && size == asked_size && alignment == asked_alignment && taken == 0 && !left_to_the_rest);
    ENSURE(tlsf.free_granules == tlsf_before.free_granules);
    left_to_the_rest = true;
    return (struct bda_taken){ NULL, 0 };
}

void the_first_look_takes_what_holds_the_request(void) {
    any_request();
    struct bda_taken found = bda_tlsf_take(&tlsf, asked_size, asked_alignment);
    ENSURE((taken != 0) != left_to_the_rest);
    ENSURE(found.index == taken && (taken == 0 || found.node == at(taken)));
    ensure_nothing_changed();
    REACHES(taken != 0 && asked_alignment > 1u << GRANULE_LOG2);
    REACHES(left_to_the_rest);
}

void the_search_takes_what_holds_the_request(void) {
    any_request();
    struct bda_taken found = take_uncommon(&tlsf, asked_size, asked_alignment);
    ENSURE(found.index == taken && (taken == 0 || found.node == at(taken)));
    ensure_nothing_changed();
    REACHES(taken != 0 && padding_from(at(taken)->offset, asked_alignment) != 0);
}

enum { ANY_ONE = 1 }; /* what is true of one of them is true of all: names are no more than that */

void the_search_refuses_as_documented(void) {
    any_request();
    take_uncommon(&tlsf, asked_size, asked_alignment);
    GIVEN(taken == 0);
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        depths[i] = depth_of(i);
    if (is_free(ANY_ONE))
        ensure_refusal_is_allowed(ANY_ONE, asked_size, asked_alignment);
}

/* Whatever the base of the region is: its bits are known (claim_sums), so where none of them matters it need not be
 * looked at. */
void padding_is_the_least_that_aligns(void) {
    region.base = nondet_u64();
    tlsf.bases = nondet_u64();
    uint32_t offset = nondet_u32();
    uint64_t alignment = any_alignment();
    GIVEN(region.base % (1u << GRANULE_LOG2) == 0 && (region.base & ~tlsf.bases) == 0);
    GIVEN(region.base <= UINT64_MAX - ((uint64_t)UINT32_MAX << GRANULE_LOG2));
    uint64_t address = region.base + ((uint64_t)offset << GRANULE_LOG2), padding = padding_from(offset, alignment);
    ENSURE(padding < alignment >> GRANULE_LOG2);
    ENSURE((((address >> GRANULE_LOG2) + padding) & ((alignment >> GRANULE_LOG2) - 1)) == 0);
    REACHES(padding != 0);
}
