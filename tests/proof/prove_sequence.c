#include "pool.h"

#ifndef PROOF_SEQUENCE
#define PROOF_SEQUENCE "AAFAF"
#endif

enum { OPERATIONS = sizeof(PROOF_SEQUENCE) - 1 };

static struct held {
    uint32_t index, offset, size; /* index 0: nothing */
} held[OPERATIONS];

static void fresh_pool(void) {
    any_region();
#ifdef FIX16
    region.size = 16;
#endif
#ifdef BASE0
    region.base = 0;
#endif
#ifdef BASE8
    GIVEN(region.base < 4096);
#endif
    bda_tlsf_init(&tlsf, &the_nodes, &the_regions, GRANULE_LOG2);
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        nodes[i]->as.spare = i + 1 < PROOF_NODES ? i + 1 : 0;
    tlsf.spare = (struct bda_node_list){ 1, PROOF_NODES - 1 };
    bda_tlsf_add_region(&tlsf, THE_REGION);
}

static void hold(uint32_t i, uint32_t index, uint32_t size) {
    held[i] = (struct held){ index, at(index)->offset, size };
}

static void some_alloc(uint32_t i, bool last) {
    uint32_t size = nondet_granules();
    uint64_t alignment = any_alignment();
    GIVEN(size != 0);
#ifdef AL
    alignment = 1u << AL;
#endif
#ifdef ALMAX
    GIVEN(alignment <= 1u << ALMAX);
#endif
    uint32_t index = bda_tlsf_alloc(&tlsf, size, alignment);
    GIVEN(index != 0);
    ENSURE(index < PROOF_NODES);
    if (last) {
        ENSURE(is_aligned(address_of(at(index)), alignment));
    }
    hold(i, index, size);
}

static void some_free(uint32_t i) {
    uint32_t index = 0;
    uint32_t chosen = any_below(i);
    for (uint32_t k = 0; k < i; k++)
        if (chosen == k) {
            GIVEN(held[k].index != 0);
            index = held[k].index;
            held[k].index = 0;
        }
    bda_node_retire(at(index), BDA_NODE_RETIRED);
    bda_tlsf_free(&tlsf, index);
}

static void ensure_held(void) {
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        if (held[i].index == 0)
            continue;
        const struct bda_node *node = at(held[i].index);
        ENSURE(node->offset == held[i].offset && node->size == held[i].size);
        ENSURE((node->tag & BDA_NODE_STATE_MASK) == BDA_NODE_LIVE);
        ENSURE(held[i].offset < region.size && held[i].size <= region.size - held[i].offset);
        for (uint32_t k = 0; k < i; k++)
            if (held[k].index != 0)
            ENSURE(held[i].index != held[k].index && (held[i].offset + held[i].size <= held[k].offset ||
                   held[k].offset + held[k].size <= held[i].offset));
    }
}

void sequence(void) {
    fresh_pool();
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        if (PROOF_SEQUENCE[i] == 'A')
            some_alloc(i, i + 1 == OPERATIONS);
        else
            some_free(i);
        if (i + 1 < OPERATIONS) {
#ifdef LEMMA
        claim_sound(true);
#endif
        }
    }
    claim_sound(false);
    ensure_held();
}
