/*
 * The map of blocks: from an address to the block that it lies in, read without a lock.
 *
 * A sorted array of base addresses, and beside it what a reader wants to know of each block, copied, so that it need
 * not look at a record that may be another block's by then. The stretch from the first base to the last is divided into
 * equal *buckets*, a few for each block, and of each is known how many blocks begin before it: where blocks of about
 * one size lie about side by side, which they do, one or none is left to compare, else those of the bucket are
 * bisected. A *sequence* counts the changes, and is odd during one: a reader who finds another number afterwards has
 * read nonsense and reads again. Where the driver gives the address of a block that went to one that came, the two
 * never stand in the map together.
 *
 * The array is as long as there are records of blocks, which is seen to where a record is made (the one step that can
 * fail), and outgrown ones are kept, since somebody may be reading one. So adding and removing never fail.
 *
 * bda_block_map_reserve, _add, _remove, _tell and _destroy are for one thread at a time (the store lock of the
 * allocation floor); reading is for any.
 */
#ifndef BDA_MEMORY_BLOCK_MAP_H
#define BDA_MEMORY_BLOCK_MAP_H

#include "core/bits.h"
#include "core/host.h"

#include <bdaalloc/bdaalloc.h>

struct bda_landmarks;

/* What the map says of a block. */
struct bda_place {
    uint64_t base;         /* address of its first byte */
    uint64_t length;       /* bytes of memory from there on */
    uint64_t buffer_bytes; /* of them, in the buffer below; 0: it has none that is all the block's */
    VkBuffer buffer;
    unsigned char *mapped;           /* CPU address of the first byte, or NULL */
    BdaPool pool;                    /* the caller's that it is of, or NULL */
    struct bda_landmarks *landmarks; /* the block's as of late, or NULL */
    uint32_t block;
    uint32_t memory_type;
    bool own_buffers;  /* cut into ranges that have a buffer each */
    uint32_t sequence; /* of the map when this was read: as long as it stays the same, so does this */
};

struct bda_place_entry {
    _Atomic uint64_t length, buffer_bytes, buffer;
    _Atomic(unsigned char *) mapped;
    _Atomic(BdaPool) pool;
    _Atomic(struct bda_landmarks *) landmarks;
    _Atomic uint32_t block;
    _Atomic uint32_t kind; /* twice the memory type, and 1 for own buffers */
};

/* All but its capacity changes under the eyes of who reads it. */
struct bda_block_table {
    struct bda_block_table *outgrown;
    uint32_t capacity;
    uint32_t buckets; /* in use, for who changes it */
    _Atomic uint32_t count;
    _Atomic uint32_t shift; /* from the distance of an address from the first bucket to its own */
    _Atomic uint64_t start; /* where the first bucket begins, not above any base */
    _Atomic uint64_t last;  /* no base lies in a bucket behind this one, and nothing is said of those behind the next */
    struct bda_place_entry *entries;
    _Atomic uint32_t *before; /* how many blocks begin before each bucket */
    _Atomic uint64_t bases[]; /* in ascending order, and one word more than the capacity; then come the other two */
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

/* A block that is in the map has landmarks, or others than before. Who has read the former ones may use them. */
void bda_block_map_tell(struct bda_block_map *map, uint64_t base, uint32_t block, struct bda_landmarks *landmarks);

enum bda_map_answer { BDA_MAP_NONE, BDA_MAP_FOUND, BDA_MAP_CHANGING /* what was read means nothing */ };

/* Whether nothing came or went since a place was read. What was read between the two, with acquires, then was of the
 * block that the place tells of. */
static inline bool bda_block_map_stands(struct bda_block_map *map, const struct bda_place *place) {
    return atomic_load_explicit(&map->sequence, memory_order_relaxed) == place->sequence;
}

/* ---- Reading ----
 *
 * Every load is an acquire: what a change under way has stored brings along that the sequence was odd. (A fence would
 * do the same once, but the thread sanitizer does not know fences.) */

static inline struct bda_block_table *bda_block_table_of(struct bda_block_map *map) {
    return atomic_load_explicit(&map->table, memory_order_acquire);
}

static inline uint64_t bda_block_base_at(struct bda_block_table *table, uint32_t position) {
    return atomic_load_explicit(&table->bases[position], memory_order_acquire);
}

/* How many blocks of a stretch of the array, and all before it, begin at the address or before it. Which half is next
 * cannot be predicted: no branch hangs on it. */
BDA_INLINE uint32_t bda_block_bisect(struct bda_block_table *table, uint32_t low, uint32_t count, uint64_t address) {
    uint32_t some = count != 0;
    for (; count > 1; count -= count / 2) {
        uint32_t upper = low + count / 2;
        low = bda_block_base_at(table, upper) <= address ? upper : low;
    }
    return low + (some & (uint32_t)(bda_block_base_at(table, low) <= address));
}

/* How many blocks begin at the address or before it. During a change anything, but no more than fit. */
BDA_INLINE uint32_t bda_block_count_up_to(struct bda_block_table *table, uint64_t address) {
    uint64_t start = atomic_load_explicit(&table->start, memory_order_acquire);
    if (address < start)
        return 0;
    uint64_t bucket = (address - start) >> atomic_load_explicit(&table->shift, memory_order_acquire);
    if (bucket > atomic_load_explicit(&table->last, memory_order_acquire))
        return atomic_load_explicit(&table->count, memory_order_acquire);
    uint32_t low = atomic_load_explicit(&table->before[bucket], memory_order_acquire);
    uint32_t count = atomic_load_explicit(&table->before[bucket + 1], memory_order_acquire) - low;
    return count <= table->capacity - low ? bda_block_bisect(table, low, count, address) : 0;
}

BDA_INLINE void bda_block_read_place(struct bda_block_table *table, uint32_t position, struct bda_place *place) {
    struct bda_place_entry *entry = &table->entries[position];
    place->base = bda_block_base_at(table, position);
    place->length = atomic_load_explicit(&entry->length, memory_order_acquire);
    place->buffer_bytes = atomic_load_explicit(&entry->buffer_bytes, memory_order_acquire);
    place->buffer = (VkBuffer)atomic_load_explicit(&entry->buffer, memory_order_acquire);
    place->mapped = atomic_load_explicit(&entry->mapped, memory_order_acquire);
    place->pool = atomic_load_explicit(&entry->pool, memory_order_acquire);
    place->landmarks = atomic_load_explicit(&entry->landmarks, memory_order_acquire);
    place->block = atomic_load_explicit(&entry->block, memory_order_acquire);
    uint32_t kind = atomic_load_explicit(&entry->kind, memory_order_acquire);
    place->memory_type = kind >> 1;
    place->own_buffers = (kind & 1u) != 0;
}

/* The block `back` places before the first one behind the address. */
BDA_INLINE enum bda_map_answer bda_block_map_look(struct bda_block_map *map, uint64_t address, uint32_t back,
                                                  struct bda_place *place) {
    uint32_t sequence = atomic_load_explicit(&map->sequence, memory_order_acquire);
    struct bda_block_table *table = bda_block_table_of(map);
    if ((sequence & 1u) != 0)
        return BDA_MAP_CHANGING;
    if (table == NULL)
        return BDA_MAP_NONE;
    uint32_t position = bda_block_count_up_to(table, address) - back;
    bool found = position < atomic_load_explicit(&table->count, memory_order_acquire); /* -1 is not */
    if (found)
        bda_block_read_place(table, position, place);
    place->sequence = sequence;
    if (atomic_load_explicit(&map->sequence, memory_order_relaxed) != sequence)
        return BDA_MAP_CHANGING;
    return found ? BDA_MAP_FOUND : BDA_MAP_NONE;
}

/* The last block that begins at an address or before it; the first one that begins behind it. */
BDA_INLINE enum bda_map_answer bda_block_map_below(struct bda_block_map *map, uint64_t address,
                                                   struct bda_place *place) {
    return bda_block_map_look(map, address, 1, place);
}

BDA_INLINE enum bda_map_answer bda_block_map_above(struct bda_block_map *map, uint64_t address,
                                                   struct bda_place *place) {
    return bda_block_map_look(map, address, 0, place);
}

#endif
