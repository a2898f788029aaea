/*
 * Listing: every block of an allocator in the order of addresses, and in each the ranges from its first byte to its
 * last, while others allocate and free. A *piece* of a listing is so many ranges of one block, copied under one lock;
 * between two pieces nothing is held, and anything may happen.
 *
 * What is promised: the ranges listed of a block tile it, none missed and none overlapping, whatever others do. All of
 * a piece is of one moment, but for ranges that threads take into their caches and out of them; two pieces are of two.
 * A range that came to lie across the end of the piece before is listed from there on. A block that goes back to the
 * driver meanwhile is listed to its end as gone.
 */
#ifndef BDA_DEBUG_LISTING_H
#define BDA_DEBUG_LISTING_H

#include "alloc/allocator.h"

enum {
    BDA_LISTED_AT_ONCE = 64, /* ranges under one lock */
    BDA_LISTED_NAME = 128,   /* longer names are cut */
};

struct bda_listed_range {
    enum bda_node_state state;
    bool gone;               /* with its block: nothing else is known */
    VkDeviceAddress address; /* of the first byte that is listed */
    VkDeviceSize size;       /* listed bytes; with the last range, up to the end of the block */
    VkDeviceSize behind;     /* of them, those that nobody can have; with the last range alone */
    VkDeviceSize cut;        /* bytes of the range before them, that were listed as something else */
    VkDeviceSize asked;      /* live: bytes that were asked for */
    BdaHandle handle;        /* live, or as it was: pending, quarantined; else 0 */
    VkDeviceAddress placed;  /* of a live own buffer that the driver placed elsewhere; else 0 */
    uint64_t user;
    uint32_t frame; /* the lowest 32 bits of the one it was allocated in; 0: not known */
    char name[BDA_LISTED_NAME];
};

/* As its first piece found it. */
struct bda_listed_block {
    VkDeviceAddress base;
    VkDeviceSize size;
    VkDeviceSize before;   /* bytes of its memory that lie in front of it */
    struct bda_pool *head; /* its pool; pools are immortal */
    uint32_t shard;
    uint32_t memory_type;
    BdaPool user;
    bool dedicated, own_buffers, mapped;
};

struct bda_listing {
    BdaAllocator allocator;
    VkDeviceAddress at, last; /* the next byte to list, and the last one of its block */
    uint32_t index;           /* of the block's record; 0: between blocks */
    /* the piece */
    struct bda_listed_block block;
    bool begins, ends; /* it is the first one of its block, or the last one */
    uint32_t count;
    struct bda_listed_range ranges[BDA_LISTED_AT_ONCE];
};

void bda_listing_begin(struct bda_listing *listing, BdaAllocator allocator);

/* Fills the next piece; false: there is none. Takes the locks that a look-up takes, and holds none afterwards. */
bool bda_listing_next(struct bda_listing *listing);

/* The same without looking at ranges past the first piece of each block. */
bool bda_listing_next_block(struct bda_listing *listing);

#endif
