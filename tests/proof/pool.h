/*
 * A pool for the proofs: one TLSF over one region, with a handful of nodes, and what it means that it is sound, in
 * words of their own: bda_tlsf_check is not trusted but shown to follow (prove_check.c).
 *
 * This file takes the source of TLSF in, to see its static functions. Its constants are small ones, see prove.sh.
 */
#ifndef BDA_TESTS_PROOF_POOL_H
#define BDA_TESTS_PROOF_POOL_H

#include "nodes.h"

#include "core/tlsf.c"

#ifndef PROOF_RANGES /* that the pool consists of at most */
#define PROOF_RANGES 3
#endif

#ifndef PROOF_TARGET /* the one that an operation is about: they are numbered from left to right, from 1 */
#define PROOF_TARGET 1
#endif

enum {
    GRANULE_BITS = BDA_TLSF_LEVELS - 1 + BDA_TLSF_CLASSES_LOG2, /* of the largest size that the tables know */
    MOST_GRANULES = (1 << GRANULE_BITS) - 1,
    LEAST_GRANULES = 16,
    GRANULE_LOG2 = 4,
    THE_REGION = 1,
};

/* As wide as the largest value, so that the formula knows that the other bits are 0. */
typedef unsigned __CPROVER_bitvector[GRANULE_BITS] granules;
typedef unsigned __CPROVER_bitvector[4] node_index;
typedef unsigned __CPROVER_bitvector[3] node_state;
typedef unsigned __CPROVER_bitvector[2] generation_number; /* to TLSF it is spent or not */
typedef unsigned __CPROVER_bitvector[BDA_TLSF_ZONES_LOG2] zone_index;
typedef unsigned __CPROVER_bitvector[BDA_TLSF_WORDS] word_bits;
granules nondet_granules(void);
node_index nondet_node_index(void);
node_state nondet_node_state(void);
zone_index nondet_zone_index(void);
generation_number nondet_generation(void);
word_bits nondet_word_bits(void);

static struct bda_nodes the_nodes;
static struct bda_store the_regions;
static struct bda_region region;
static struct bda_tlsf tlsf;

/* ---- In the place of the library's own ---- */

void *proof_store_at(struct bda_store *store, uint32_t index) {
    (void)store;
    __CPROVER_assert(index == THE_REGION, "an index of a region");
    return &region;
}

/* The class by comparison with where each begins; what is larger than the tables know is beyond them. That the true
 * function says the same is what a_class_begins_where_the_proofs_think (prove_classes.c) is for. */
uint32_t proof_class_of(uint32_t size) {
    uint32_t class = 0;
    for (uint32_t i = 1; i <= BDA_TLSF_LEVELS * BDA_TLSF_CLASSES; i++)
        class = size >= class_begins(i) ? i : class;
    return class;
}

/* The list of a class and zone, as tlsf.c has it. */
uint32_t proof_list_for(uint32_t size, uint32_t zone) {
    return proof_class_of(size) * BDA_TLSF_ZONES + zone;
}

/* From the top down, so that the lowest is the last to be seen. */
uint32_t proof_lowest_bit64(uint64_t value) {
    uint32_t lowest = 0;
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t from_the_top = 63 - i;
        lowest = (value >> from_the_top & 1) != 0 ? from_the_top : lowest;
    }
    return lowest;
}

/* ---- Lists as sets ---- */

/* What prove_lists.c shows of the four functions that write to lists is all that the proofs of cuts and merges need to
 * know (PROOF_MEMBERS): which list each range is in. What else is written there is anything. */
enum { NO_LIST = BDA_TLSF_LISTS };
static uint32_t members[PROOF_NODES];

static void anything_in_lists(void) {
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        if (members[i] != NO_LIST) {
            nodes[i]->as.list.previous = nondet_node_index();
            nodes[i]->as.list.next = nondet_node_index();
        }
}

static uint32_t member(uint32_t index) {
    uint32_t list = NO_LIST;
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        list = index == i ? members[i] : list;
    return list;
}

static void set_member(uint32_t index, uint32_t list) {
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        members[i] = index == i ? list : members[i];
}

void proof_link(struct bda_tlsf *in, bda_node_chunks chunks, uint32_t index, struct bda_node *node, uint32_t size,
                uint32_t list) {
    ENSURE(in == &tlsf && node == proof_node_in(chunks, index) && index != 0 && list < BDA_TLSF_LISTS);
    ENSURE(size == node->size && member(index) == NO_LIST);
    set_member(index, list);
    anything_in_lists();
}

void proof_unlink(struct bda_tlsf *in, bda_node_chunks chunks, uint32_t index, const struct bda_node *node,
                  uint32_t list) {
    ENSURE(in == &tlsf && node == proof_node_in(chunks, index) && index != 0);
    ENSURE(list < BDA_TLSF_LISTS && member(index) == list);
    anything_in_lists();
    set_member(index, NO_LIST);
}

void proof_unlink_first(struct bda_tlsf *in, bda_node_chunks chunks, uint32_t index, const struct bda_node *node,
                        uint32_t list) {
    ENSURE(node->as.list.previous == 0);
    proof_unlink(in, chunks, index, node, list);
}

void proof_relink(struct bda_tlsf *in, bda_node_chunks chunks, uint32_t index, struct bda_node *node, uint32_t size,
                  uint32_t old, uint32_t list, bool first) {
    ENSURE(in == &tlsf && node == proof_node_in(chunks, index) && index != 0);
    ENSURE(size == node->size && (!first || node->as.list.previous == 0));
    ENSURE(old < BDA_TLSF_LISTS && list < BDA_TLSF_LISTS && member(index) == old);
    set_member(index, list);
    anything_in_lists();
}

/* ---- What a sound pool is ---- */

/* The same words are what a proof begins with and what it ends with. */
#define CLAIM(given, condition) ((given) ? GIVEN(condition) : ENSURE(condition))

static bool is_range(uint32_t index) {
    return index != 0 && index < PROOF_NODES && bda_node_state(at(index)) != BDA_NODE_UNUSED;
}

static bool is_free(uint32_t index) {
    return index != 0 && index < PROOF_NODES && bda_node_state(at(index)) == BDA_NODE_FREE;
}

static uint32_t lists_now[PROOF_NODES]; /* where each free range belongs */

static uint32_t list_now(uint32_t index) {
    uint32_t list = 0;
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        list = index == i ? lists_now[i] : list;
    return list;
}

static bda_link link_to(uint32_t index) {
    return bda_link_to(index, is_free(index));
}

static void claim_state(bool given, struct bda_node *node) {
    CLAIM(given, bda_node_state(node) <= BDA_NODE_QUARANTINED && node->region == THE_REGION);
    CLAIM(given, !(bda_node_state(node) == BDA_NODE_LIVE && bda_node_is_spent(node)));
}

/* Each range begins where the one before it ends, both say so, and the last one ends with the region. */
static void claim_neighbours(bool given, uint32_t index) {
    struct bda_node *node = nodes[index];
    uint32_t previous = bda_node_previous(node), next = bda_node_next(node);
    CLAIM(given, node->size != 0 && node->offset < region.size && node->size <= region.size - node->offset);
    CLAIM(given, node->previous == link_to(previous) && node->next == link_to(next));
    if (previous == 0)
        CLAIM(given, node->offset == 0 && region.first == index);
    else
        CLAIM(given, is_range(previous) && at(previous)->offset + at(previous)->size == node->offset &&
                         bda_node_next(at(previous)) == index);
    if (next == 0)
        CLAIM(given, node->offset + node->size == region.size);
    else
        CLAIM(given, is_range(next) && bda_node_previous(at(next)) == index);
    CLAIM(given, !(is_free(index) && is_free(previous)));
}

static void claim_ranges(bool given) {
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        if (is_range(i)) {
            claim_state(given, nodes[i]);
            claim_neighbours(given, i);
        }
    CLAIM(given, is_range(region.first) && at(region.first)->previous == 0);
}

/* A free range is in the list of its class and zone: the first there, or behind another of them. */
static void claim_place(bool given, uint32_t index) {
    struct bda_node *node = nodes[index];
    uint32_t list = lists_now[index], previous = node->as.list.previous, next = node->as.list.next;
    CLAIM(given, bda_node_zone(node) < BDA_TLSF_ZONES);
    if (previous == 0)
        CLAIM(given, tlsf.lists[list].first == index && tlsf.lists[list].size == node->size);
    else
        CLAIM(given, is_free(previous) && list_now(previous) == list && at(previous)->as.list.next == index);
    CLAIM(given, next == 0 || (is_free(next) && at(next)->as.list.previous == index));
}

/* No list runs in a circle: going back from any member one comes to the first. */
static void claim_end(bool given, uint32_t index) {
    for (uint32_t i = 0; i < PROOF_NODES; i++)
        index = index == 0 ? 0 : at(index)->as.list.previous;
    CLAIM(given, index == 0);
}

static void claim_heads(bool given) {
    CLAIM(given, BDA_TLSF_LISTS % 64 == 0 || tlsf.filled[BDA_TLSF_WORDS - 1] >> BDA_TLSF_LISTS % 64 == 0);
    for (uint32_t list = 0; list < BDA_TLSF_LISTS; list++) {
        uint32_t first = tlsf.lists[list].first;
        CLAIM(given, (tlsf.filled[list / 64] >> list % 64 & 1) == (first != 0));
        CLAIM(given, first == 0 || (is_free(first) && list_now(first) == list && at(first)->as.list.previous == 0));
    }
    for (uint32_t zone = 0; zone < BDA_TLSF_ZONES; zone++) {
        CLAIM(given, tlsf.words_of_zone[zone] >> BDA_TLSF_WORDS == 0);
        for (uint32_t word = 0; word < BDA_TLSF_WORDS; word++)
            CLAIM(given, (tlsf.words_of_zone[zone] >> word & 1) != 0 || (tlsf.filled[word] & ZONE_BITS << zone) == 0);
    }
}

static void claim_lists(bool given) {
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        lists_now[i] = list_of(nodes[i]);
#ifdef PROOF_MEMBERS
    for (uint32_t i = 1; i < PROOF_NODES; i++) {
        CLAIM(given, !is_free(i) || bda_node_zone(nodes[i]) < BDA_TLSF_ZONES);
        CLAIM(given, members[i] == (is_free(i) ? lists_now[i] : NO_LIST));
    }
#else
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        if (is_free(i)) {
            claim_place(given, i);
            claim_end(given, i);
        }
    claim_heads(given);
#endif
}

/* Every node that is no range and has a generation left is spare. */
static void claim_spare(bool given) {
    uint32_t unused = 0, index = tlsf.spare.first;
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        unused += !is_range(i) && !bda_node_is_spent(nodes[i]);
    CLAIM(given, tlsf.spare.count == unused);
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        if (i <= unused) {
            CLAIM(given, index != 0 && index < PROOF_NODES && !is_range(index) && !bda_node_is_spent(at(index)));
            index = at(index)->as.spare;
        }
    CLAIM(given, index == 0);
}

static void claim_sums(bool given) {
    uint32_t free_granules = 0;
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        free_granules += is_free(i) ? nodes[i]->size : 0;
    CLAIM(given, tlsf.free_granules == free_granules);
    CLAIM(given, tlsf.granules == region.size && region.start == 0);
    CLAIM(given, tlsf.newest_region == THE_REGION && region.older == 0);
    CLAIM(given, tlsf.empty_regions == (free_granules == region.size));
    CLAIM(given, (region.base & ~tlsf.bases) == 0);
}

/* Differences have 32 bits as far as the formula knows. Where they are seen to be small it is told so. */
static void ensure_small(void) {
    for (uint32_t i = 1; i < PROOF_NODES; i++) {
        ENSURE(nodes[i]->offset <= MOST_GRANULES && nodes[i]->size <= MOST_GRANULES);
        nodes[i]->offset &= MOST_GRANULES;
        nodes[i]->size &= MOST_GRANULES;
    }
#ifndef PROOF_MEMBERS
    for (uint32_t list = 0; list < BDA_TLSF_LISTS; list++) {
        ENSURE(tlsf.lists[list].first == 0 || tlsf.lists[list].size <= MOST_GRANULES);
        tlsf.lists[list].size &= MOST_GRANULES;
    }
#endif
}

static void claim_sound(bool given) {
    if (!given)
        ensure_small();
    claim_ranges(given);
    claim_lists(given);
    claim_spare(given);
    claim_sums(given);
}

/* ---- Any sound pool ---- */

static void any_region(void) {
    region.size = nondet_granules();
    region.base = nondet_u64();
    GIVEN(region.size >= LEAST_GRANULES && region.base % (1u << GRANULE_LOG2) == 0);
    /* It may end with the address space, but not beyond. */
    GIVEN(region.base == 0 || region.base - 1 <= UINT64_MAX - ((uint64_t)region.size << GRANULE_LOG2));
}

static uint32_t any_state(bool is_range, bool is_free) {
    uint32_t state = nondet_node_state();
    GIVEN(state >= BDA_NODE_LIVE && state <= BDA_NODE_QUARANTINED);
    return !is_range ? BDA_NODE_UNUSED : is_free ? BDA_NODE_FREE : state;
}

static void any_tag(struct bda_node *node, bool is_range, bool is_free) {
    uint32_t generation = nondet_bool() ? BDA_GENERATION_SPENT : nondet_generation(), zone = nondet_zone_index();
    bda_node_set_tag(node, generation << BDA_NODE_GENERATION_SHIFT | zone << BDA_NODE_STATE_BITS |
                               any_state(is_range, is_free));
}

/* To TLSF an index is a name and no more: it may as well be that node 1 is the first range, node 2 the second, and that
 * the spare ones have the last names, in order. In between are those whose generation is spent. */
static void any_nodes(void) {
    bool free_ones[PROOF_NODES + 1];
    uint32_t ranges = any_below(PROOF_RANGES) + 1;
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        free_ones[i] = nondet_bool();
    for (uint32_t i = 1; i < PROOF_NODES; i++) {
        struct bda_node *node = nodes[i];
        any_tag(node, i <= ranges, free_ones[i]);
        GIVEN(i <= ranges || bda_node_is_spent(node) == (i <= PROOF_RANGES));
        node->offset = nondet_granules();
        node->size = nondet_granules();
        node->previous = i == 1 ? 0 : bda_link_to(i - 1, free_ones[i - 1]);
        node->next = i < ranges ? bda_link_to(i + 1, free_ones[i + 1]) : 0;
        node->as.list.previous = nondet_node_index();
        node->as.list.next = nondet_node_index();
        if (i > PROOF_RANGES)
            node->as.spare = i + 1 < PROOF_NODES ? i + 1 : 0;
        atomic_store_explicit(&node->region, THE_REGION, memory_order_relaxed);
    }
    region.first = 1;
    tlsf.spare.first = PROOF_RANGES + 1 < PROOF_NODES ? PROOF_RANGES + 1 : 0;
    tlsf.spare.count = PROOF_NODES - 1 - PROOF_RANGES;
}

static void any_tables(void) {
    for (uint32_t list = 0; list < BDA_TLSF_LISTS; list++) {
        tlsf.lists[list].first = nondet_node_index();
        tlsf.lists[list].size = nondet_granules();
    }
    for (uint32_t word = 0; word < BDA_TLSF_WORDS; word++)
        tlsf.filled[word] = nondet_u64();
    for (uint32_t zone = 0; zone < BDA_TLSF_ZONES; zone++)
        tlsf.words_of_zone[zone] = nondet_word_bits();
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        members[i] = is_free(i) ? list_of(nodes[i]) : NO_LIST;
}

static void any_numbers(void) {
    any_region();
    tlsf.nodes = &the_nodes;
    tlsf.regions = &the_regions;
    tlsf.granule_log2 = GRANULE_LOG2;
    tlsf.granules = region.size;
    tlsf.newest_region = THE_REGION;
    tlsf.zone_shift = nondet_zone_index();
    tlsf.bases = nondet_u64();
    tlsf.free_granules = nondet_granules();
    tlsf.empty_regions = nondet_bool();
}

static void any_sound_pool(void) {
    any_numbers();
    any_nodes();
    any_tables();
    claim_sound(true);
}

/* ---- Requests ---- */

/* An alignment that a caller may ask for: a power of two, a granule or more. */
static uint64_t any_alignment(void) {
    return (uint64_t)1 << GRANULE_LOG2 << any_below(64 - GRANULE_LOG2);
}

static uint64_t address_of(const struct bda_node *node) {
    return region.base + ((uint64_t)node->offset << GRANULE_LOG2);
}

static bool is_aligned(uint64_t address, uint64_t alignment) {
    return (address & (alignment - 1)) == 0;
}

/* Granules from an offset to the first aligned address from there on, which padding_is_the_least_that_aligns
 * (prove_search.c) says of it. */
static uint64_t padding_from(uint32_t offset, uint64_t alignment) {
    bool with_base = (tlsf.bases & (alignment - 1)) != 0;
    uint64_t granule = offset + (with_base ? region.base >> GRANULE_LOG2 : 0), mask = (alignment >> GRANULE_LOG2) - 1;
    return (granule & mask) == 0 ? 0 : (~granule & mask) + 1;
}

/* Whether a free range holds `size` granules at the alignment. */
static bool holds(const struct bda_node *range, uint32_t size, uint64_t alignment) {
    uint64_t padding = padding_from(range->offset, alignment);
    return padding <= range->size && size <= range->size - padding;
}

/* ---- Before and after ---- */

static struct bda_node before[PROOF_NODES];
static struct bda_tlsf tlsf_before;

static void remember(void) {
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        before[i] = *nodes[i];
    tlsf_before = tlsf;
}

static enum bda_node_state state_before(uint32_t index) {
    return (enum bda_node_state)(before[index].tag & BDA_NODE_STATE_MASK);
}

static bool was_taken(uint32_t index) {
    return state_before(index) != BDA_NODE_FREE && state_before(index) != BDA_NODE_UNUSED;
}

/* Who holds a range does not notice what others do. */
static void ensure_others_are_as_they_were(uint32_t but) {
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        if (i != but && was_taken(i)) {
            ENSURE(nodes[i]->offset == before[i].offset && nodes[i]->size == before[i].size);
            ENSURE(nodes[i]->tag == before[i].tag && nodes[i]->region == before[i].region);
            ENSURE(nodes[i]->as.taken.slack_or_link == before[i].as.taken.slack_or_link);
            ENSURE(nodes[i]->as.taken.record_or_home == before[i].as.taken.record_or_home);
        }
}

static bool lay_in_a_free_range(uint32_t offset, uint32_t size) {
    bool found = false;
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        found |= state_before(i) == BDA_NODE_FREE && before[i].offset <= offset &&
                 offset - before[i].offset <= before[i].size && size <= before[i].size - (offset - before[i].offset);
    return found;
}

#endif
