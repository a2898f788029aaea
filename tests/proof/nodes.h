/*
 * Nodes for the proofs: a handful of objects instead of chunks of bytes.
 *
 * The library finds a node by arithmetic on addresses, which a checker can follow only byte by byte. So prove.sh puts
 * the functions below in the place of those of the library that do such arithmetic (`replaced` there names them);
 * every look-up then asserts that the index is one of a node. That the true ones do give each index memory of its own
 * is for prove_store.c to show.
 */
#ifndef BDA_TESTS_PROOF_NODES_H
#define BDA_TESTS_PROOF_NODES_H

#include "proof.h"

#ifndef PROOF_NODES /* with the one of index 0, which is nobody's */
#define PROOF_NODES 8
#endif

/* Each an object of its own: then a look-up is a choice between constants, and a write past a node is one past its
 * object. */
static struct bda_node node_0, node_1, node_2, node_3, node_4, node_5, node_6, node_7, node_8, node_9, node_10, node_11,
    node_12, node_13, node_14, node_15;
static struct bda_node *const nodes[16] = {
    &node_0, &node_1, &node_2,  &node_3,  &node_4,  &node_5,  &node_6,  &node_7,
    &node_8, &node_9, &node_10, &node_11, &node_12, &node_13, &node_14, &node_15
};

static struct bda_node *at(uint32_t index) {
    struct bda_node *node = nodes[0];
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        node = index == i ? nodes[i] : node;
    return node;
}

struct bda_node *proof_node_in(bda_node_chunks chunks, uint32_t index) {
    (void)chunks;
    __CPROVER_assert(index < PROOF_NODES, "an index of a node");
    return at(index);
}

struct bda_node *proof_node_behind(bda_node_chunks chunks, bda_link link, bool is_free) {
    __CPROVER_assert(bda_link_is_free(link) == is_free, "a link to a neighbour of the kind expected");
    return proof_node_in(chunks, bda_link_index(link));
}

bda_node_chunks proof_nodes_chunks(struct bda_nodes *from) {
    (void)from;
    return NULL;
}

bool proof_store_has(struct bda_store *store, uint32_t index) {
    (void)store;
    return index != 0 && index < PROOF_NODES;
}

#endif
