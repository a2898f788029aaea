/*
 * Quarantine: what was freed is handed out again only after so many bytes, or so many frees, have come after it. A list
 * in the order of the frees, linked through the nodes, so that it takes no memory.
 */
#ifndef BDA_DEBUG_QUARANTINE_H
#define BDA_DEBUG_QUARANTINE_H

#include "alloc/allocator.h"

/* Nodes in state quarantined, linked by bda_node_link. */
struct bda_held {
    uint32_t first, last;
    uint64_t count;
    VkDeviceSize bytes;
};

void bda_held_append(BdaAllocator allocator, struct bda_held *held, uint32_t index);

/* The first one, 0 where there is none. */
uint32_t bda_held_pop(BdaAllocator allocator, struct bda_held *held);

/* Moves the nodes of a pool (its head) to the end of another list; NULL: all of them. */
void bda_held_move(BdaAllocator allocator, struct bda_held *from, const struct bda_pool *pool, struct bda_held *to);

struct bda_quarantine {
    struct bda_mutex lock;   /* taken alone */
    struct bda_held held;    /* the list */
    VkDeviceSize most_bytes; /* in it */
    uint64_t most_frees;
};

/* Defaults for what is 0. */
void bda_quarantine_init(BdaAllocator allocator, struct bda_quarantine *quarantine, VkDeviceSize bytes, uint32_t frees);

/* A held node (bda_hold) comes; the oldest that are too many go into `due`, which is empty. */
void bda_quarantine_add(BdaAllocator allocator, uint32_t index, struct bda_held *due);

/* Those of a pool (NULL: all) go into `due`. */
void bda_quarantine_take(BdaAllocator allocator, const struct bda_pool *pool, struct bda_held *due);

#endif
