/*
 * Nodes: TLSF's records of ranges, kept in host memory since the managed memory may be out of the CPU's reach.
 *
 * A node is half a cache line. Every pool of an allocator takes its nodes from one store, in batches, and a handle
 * is a node's index and generation: there is no other table between a handle and its range.
 *
 * The fields of a node belong to the pool that holds it, under its lock. `tag` and `region` may be read by anyone at
 * any time: that is how a handle finds out which lock to take, and a stale one that it is stale.
 */
#ifndef BDA_CORE_NODE_H
#define BDA_CORE_NODE_H

#include "core/store.h"

enum bda_node_state {
    BDA_NODE_UNUSED,      /* in a list of spare nodes */
    BDA_NODE_FREE,        /* a free range, in TLSF's lists */
    BDA_NODE_LIVE,        /* an allocation */
    BDA_NODE_RETIRED,     /* freed, its handle is dead, on its way back to TLSF */
    BDA_NODE_PENDING,     /* freed, waiting for a timeline semaphore */
    BDA_NODE_CACHED,      /* freed, kept for the next request of its size */
    BDA_NODE_QUARANTINED, /* freed, kept from reuse to catch late accesses */
};

enum { BDA_NODE_CHUNK_LOG2 = 8 }; /* 8 KiB a chunk: a growth step of a microsecond */

#define BDA_GENERATION_SPENT 0xFFFFFFu

struct bda_node {
    uint32_t offset;   /* in granules from the start of its region */
    uint32_t size;     /* in granules */
    uint32_t previous; /* the neighbours by address, 0 at the region's ends */
    uint32_t next;
    union {
        struct { /* free: its list */
            uint32_t previous, next;
        } list;
        struct {             /* live and retired */
            uint32_t slack;  /* bytes of the range beyond what was asked for */
            uint32_t record; /* name, user value, own buffer; 0 none */
        } live;
        struct { /* pending, cached, quarantined: the link takes the place of the slack */
            uint32_t link;
            uint32_t record;
        } waiting;
        uint32_t spare; /* unused: the next spare node */
    } as;
    _Atomic uint32_t tag;    /* generation << 8 | state */
    _Atomic uint32_t region; /* which block it lies in */
};

_Static_assert(sizeof(struct bda_node) == 32, "two nodes to a cache line");

struct bda_node_list {
    uint32_t first;
    uint32_t count;
};

struct bda_nodes {
    struct bda_store store;
    struct bda_node_list spare;
};

void bda_nodes_init(struct bda_nodes *nodes, struct bda_host *host);
void bda_nodes_destroy(struct bda_nodes *nodes);

/* Sees to it that `list` holds at least `count` nodes; when it has to take any it takes a batch, so that the next call
 * is far away. False when host memory is refused; what the list held it still holds. One thread at a time. */
bool bda_nodes_take(struct bda_nodes *nodes, struct bda_node_list *list, uint32_t count);

/* Moves `count` nodes of `list` back. One thread at a time. */
void bda_nodes_give(struct bda_nodes *nodes, struct bda_node_list *list, uint32_t count);

static inline struct bda_node *bda_node_at(struct bda_nodes *nodes, uint32_t index) {
    return bda_store_element(&nodes->store, index, BDA_NODE_CHUNK_LOG2, sizeof(struct bda_node));
}

static inline uint32_t bda_node_tag(struct bda_node *node) {
    return atomic_load_explicit(&node->tag, memory_order_relaxed);
}

static inline enum bda_node_state bda_node_state(struct bda_node *node) {
    return (enum bda_node_state)(bda_node_tag(node) & 0xFFu);
}

static inline uint32_t bda_node_generation(struct bda_node *node) {
    return bda_node_tag(node) >> 8;
}

static inline bool bda_node_is_spent(struct bda_node *node) {
    return bda_node_generation(node) == BDA_GENERATION_SPENT;
}

static inline void bda_node_set_state(struct bda_node *node, enum bda_node_state state) {
    uint32_t tag = (bda_node_tag(node) & ~0xFFu) | (uint32_t)state;
    atomic_store_explicit(&node->tag, tag, memory_order_relaxed);
}

/* Ends a life: the generation moves, so every handle to it is stale, and the state is `state`. */
static inline void bda_node_retire(struct bda_node *node, enum bda_node_state state) {
    uint32_t tag = ((bda_node_generation(node) + 1) << 8) | (uint32_t)state;
    atomic_store_explicit(&node->tag, tag, memory_order_relaxed);
}

/* Takes a retirement back, before anything was made of it. */
static inline void bda_node_revive(struct bda_node *node) {
    uint32_t tag = ((bda_node_generation(node) - 1) << 8) | (uint32_t)BDA_NODE_LIVE;
    atomic_store_explicit(&node->tag, tag, memory_order_relaxed);
}

static inline uint32_t bda_node_region(struct bda_node *node) {
    return atomic_load_explicit(&node->region, memory_order_relaxed);
}

/* Pops a node; the list is not empty. */
static inline uint32_t bda_node_list_pop(struct bda_nodes *nodes, struct bda_node_list *list) {
    uint32_t index = list->first;
    list->first = bda_node_at(nodes, index)->as.spare;
    list->count--;
    return index;
}

/* Pushes a node that nothing refers to any more. One whose generation is spent is left out of every list for good:
 * 32 bytes are lost once in sixteen million frees, and no stale handle ever becomes valid again. */
static inline void bda_node_list_push(struct bda_nodes *nodes, struct bda_node_list *list, uint32_t index) {
    struct bda_node *node = bda_node_at(nodes, index);
    bda_node_set_state(node, BDA_NODE_UNUSED);
    if (bda_node_is_spent(node))
        return;
    node->as.spare = list->first;
    list->first = index;
    list->count++;
}

#endif
