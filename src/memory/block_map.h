/*
 * The map of blocks: from an address to the block that it lies in, read without a lock.
 *
 * A sorted array of base addresses, looked through by bisection, and beside it what a reader wants to know of each
 * block, copied, so that it need not look at a record that may be another block's by then. A *sequence* counts the
 * changes, and is odd during one: a reader who finds another number afterwards has read nonsense and reads again. Where
 * the driver gives the address of a block that went to one that came, the two never stand in the map together.
 *
 * The array is as long as there are records of blocks, which is seen to where a record is made (the one step that can
 * fail), and outgrown ones are kept, since somebody may be reading one. So adding and removing never fail.
 *
 * bda_block_map_reserve, _add, _remove and _destroy are for one thread at a time (the store lock of the allocation
 * floor); reading is for any.
 */
#ifndef BDA_MEMORY_BLOCK_MAP_H
#define BDA_MEMORY_BLOCK_MAP_H

#include "core/bits.h"
#include "core/host.h"

#include <bdaalloc/bdaalloc.h>

struct bda_block;

/* What the map says of a block. */
struct bda_place {
    uint64_t base;         /* address of its first byte */
    uint64_t length;       /* bytes of memory from there on */
    uint64_t buffer_bytes; /* of them, in the buffer below; 0: it has none that is all the block's */
    VkBuffer buffer;
    unsigned char *mapped; /* CPU address of the first byte, or NULL */
    BdaPool pool;          /* the caller's that it is of, or NULL */
    uint32_t block;
    uint32_t memory_type;
    bool own_buffers;  /* cut into ranges that have a buffer each */
    uint32_t sequence; /* of the map when this was read: as long as it stays the same, so does this */
};

struct bda_place_entry {
    _Atomic uint64_t length, buffer_bytes, buffer;
    _Atomic(unsigned char *) mapped;
    _Atomic(BdaPool) pool;
    _Atomic uint32_t block;
    _Atomic uint32_t kind; /* twice the memory type, and 1 for own buffers */
};

struct bda_block_table {
    struct bda_block_table *outgrown;
    uint32_t capacity;
    _Atomic uint32_t count;
    struct bda_place_entry *entries; /* behind the bases */
    _Atomic uint64_t bases[];        /* in ascending order */
};

struct bda_block_map {
    struct bda_host *host;
    _Atomic(struct bda_block_table *) table; /* NULL until the first block */
    _Atomic uint32_t sequence;
};

/* Takes no memory yet. */
void bda_block_map_init(struct bda_block_map *map, struct bda_host *host);
void bda_block_map_destroy(struct bda_block_map *map);

/* Sees to it that the map has room for `count` blocks; false when host memory is refused. */
bool bda_block_map_reserve(struct bda_block_map *map, uint32_t count);

/* A block comes, with room for it reserved, or goes. The block's base is as it was when it came. */
void bda_block_map_add(struct bda_block_map *map, const struct bda_place *place);
void bda_block_map_remove(struct bda_block_map *map, uint64_t base, uint32_t block);

enum bda_map_answer { BDA_MAP_NONE, BDA_MAP_FOUND, BDA_MAP_CHANGING /* what was read means nothing */ };

/* Whether nothing came or went since a place was read. What was read between the two, with acquires, then was of the
 * block that the place tells of. */
static inline bool bda_block_map_stands(struct bda_block_map *map, const struct bda_place *place) {
    return atomic_load_explicit(&map->sequence, memory_order_relaxed) == place->sequence;
}

/* The last block that begins at an address or before it; the first one that begins behind it. */
enum bda_map_answer bda_block_map_below(struct bda_block_map *map, uint64_t address, struct bda_place *place);
enum bda_map_answer bda_block_map_above(struct bda_block_map *map, uint64_t address, struct bda_place *place);

#endif
