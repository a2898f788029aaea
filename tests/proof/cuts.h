/*
 * In the place of the cuts, for proofs of what is done before one is made: each ensures that it is called as its
 * own proof (prove_step.c) supposes, and that it is what was asked for. So the parts and the whole fit together.
 */
#ifndef BDA_TESTS_PROOF_CUTS_H
#define BDA_TESTS_PROOF_CUTS_H

#include "pool.h"

static uint32_t asked_size, asked_offset;
static uint64_t asked_alignment;
static bool at_offset; /* by bda_tlsf_alloc_at, which asks for a place and not for an alignment */
static uint32_t taken; /* the range that was cut, 0 none */

static struct bda_taken ensure_cut_is_right(struct place place, uint32_t pad, uint32_t size) {
    ENSURE(taken == 0 && size == asked_size && tlsf.spare.count >= BDA_TLSF_NODES_PER_ALLOC);
    ENSURE(is_free(place.index) && place.list == list_now(place.index));
    ENSURE(pad <= at(place.index)->size && size <= at(place.index)->size - pad);
    if (at_offset)
        ENSURE(at(place.index)->offset + pad == asked_offset);
    else
        ENSURE(pad == padding_from(at(place.index)->offset, asked_alignment));
    taken = place.index;
    return (struct bda_taken){ at(taken), taken };
}

struct bda_taken proof_take_any(struct bda_tlsf *in, bda_node_chunks chunks, struct place place, uint32_t pad,
                                uint32_t size) {
    (void)chunks;
    ENSURE(in == &tlsf);
    return ensure_cut_is_right(place, pad, size);
}

static void ensure_inner(struct place place, struct bda_node *node) {
    ENSURE(node == at(place.index) && node->previous != 0 && node->as.list.previous == 0 && !bda_node_is_spent(node));
    ENSURE(tlsf.free_granules == tlsf_before.free_granules);
}

/* With a rest that is not worth a cut. */
struct bda_taken proof_take_whole_apart(struct bda_tlsf *in, bda_node_chunks chunks, uint32_t index, uint32_t list,
                                        struct bda_node *node) {
    (void)chunks;
    struct place place = { index, list };
    ensure_inner(place, node);
    ENSURE(in == &tlsf && node->size >= asked_size && node->size - asked_size <= bda_tlsf_sliver(asked_size));
    return ensure_cut_is_right(place, 0, asked_size);
}

struct bda_taken proof_take_front_apart(struct bda_tlsf *in, bda_node_chunks chunks, uint32_t index, uint32_t list,
                                        struct bda_node *node, uint32_t size) {
    (void)chunks;
    struct place place = { index, list };
    ensure_inner(place, node);
    ENSURE(in == &tlsf && node->size > size);
    return ensure_cut_is_right(place, 0, size);
}

#endif
