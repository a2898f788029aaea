/* See block_map.h. */
#include "memory/block_map.h"

#include <assert.h>

enum {
    FIRST_CAPACITY = 2,   /* an allocator with one block stays under 64 KiB */
    BUCKETS_PER_BLOCK = 4 /* in most of them none begins */
};

void bda_block_map_init(struct bda_block_map *map, struct bda_host *host) {
    map->host = host;
    atomic_init(&map->table, NULL);
    atomic_init(&map->sequence, 0);
}

static size_t table_size(uint32_t capacity) {
    const size_t per_block = sizeof(uint64_t) + sizeof(struct bda_place_entry) + BUCKETS_PER_BLOCK * sizeof(uint32_t);
    return sizeof(struct bda_block_table) + sizeof(uint64_t) + capacity * per_block + sizeof(uint32_t);
}

void bda_block_map_destroy(struct bda_block_map *map) {
    struct bda_block_table *table = atomic_load_explicit(&map->table, memory_order_relaxed);
    while (table != NULL) {
        struct bda_block_table *outgrown = table->outgrown;
        bda_host_release(map->host, table, table_size(table->capacity));
        table = outgrown;
    }
    atomic_store_explicit(&map->table, NULL, memory_order_relaxed);
}

/* ---- Changing ---- */

/* Every store of a change is a release, see above. */
static void set_place(struct bda_block_table *table, uint32_t position, const struct bda_place *place) {
    struct bda_place_entry *entry = &table->entries[position];
    atomic_store_explicit(&table->bases[position], place->base, memory_order_release);
    atomic_store_explicit(&entry->length, place->length, memory_order_release);
    atomic_store_explicit(&entry->buffer_bytes, place->buffer_bytes, memory_order_release);
    atomic_store_explicit(&entry->buffer, (uint64_t)place->buffer, memory_order_release);
    atomic_store_explicit(&entry->mapped, place->mapped, memory_order_release);
    atomic_store_explicit(&entry->pool, place->pool, memory_order_release);
    atomic_store_explicit(&entry->landmarks, place->landmarks, memory_order_release);
    atomic_store_explicit(&entry->block, place->block, memory_order_release);
    atomic_store_explicit(&entry->kind, place->memory_type << 1 | (uint32_t)place->own_buffers, memory_order_release);
}

static void copy_place(struct bda_block_table *to, uint32_t to_position, struct bda_block_table *from,
                       uint32_t from_position) {
    struct bda_place place;
    bda_block_read_place(from, from_position, &place);
    set_place(to, to_position, &place);
}

/* ---- Buckets ---- */

static uint64_t bucket_of(struct bda_block_table *table, uint64_t base) {
    uint64_t start = atomic_load_explicit(&table->start, memory_order_relaxed);
    return (base - start) >> atomic_load_explicit(&table->shift, memory_order_relaxed);
}

/* Whether a base that has come has a bucket, and there are enough of them for so many. */
static bool has_bucket_for(struct bda_block_table *table, uint64_t base, uint32_t count) {
    return count <= table->buckets / BUCKETS_PER_BLOCK &&
           base >= atomic_load_explicit(&table->start, memory_order_relaxed) && bucket_of(table, base) < table->buckets;
}

static uint32_t before_at(struct bda_block_table *table, uint64_t bucket) {
    return atomic_load_explicit(&table->before[bucket], memory_order_relaxed);
}

static void set_before(struct bda_block_table *table, uint64_t bucket, uint32_t count) {
    atomic_store_explicit(&table->before[bucket], count, memory_order_release);
}

static void set_last(struct bda_block_table *table, uint64_t bucket) {
    atomic_store_explicit(&table->last, bucket, memory_order_release);
}

static uint64_t base_before(struct bda_block_table *table, uint32_t position) {
    return bda_block_base_at(table, position != 0 ? position - 1 : 0);
}

/* Of all bases. A base below the first bucket is not the last one to lie there: as much room as all of them take is
 * made below, and kept. */
static void make_buckets(struct bda_block_table *table, uint32_t count) {
    uint64_t lowest = bda_block_base_at(table, 0), span = base_before(table, count) - lowest, bucket = 0;
    uint64_t old = atomic_load_explicit(&table->start, memory_order_relaxed);
    uint64_t start = lowest - bda_min(lowest < old ? lowest : lowest - old, span);
    uint32_t shift = 0;
    table->buckets = (uint32_t)bda_min(table->capacity, 2 * (uint64_t)count) * BUCKETS_PER_BLOCK;
    while ((lowest - start + span) >> shift >= table->buckets)
        shift++;
    atomic_store_explicit(&table->start, start, memory_order_release);
    atomic_store_explicit(&table->shift, shift, memory_order_release);
    set_before(table, 0, 0);
    for (uint32_t position = 0; position < count; position++)
        while (bucket < bucket_of(table, bda_block_base_at(table, position)))
            set_before(table, ++bucket, position);
    set_before(table, bucket + 1, count);
    set_last(table, bucket);
}

/* A base came, the last of `count`, or lies between others. */
static void count_in(struct bda_block_table *table, uint64_t base, uint32_t count) {
    if (!has_bucket_for(table, base, count)) {
        make_buckets(table, count);
        return;
    }
    uint64_t last = atomic_load_explicit(&table->last, memory_order_relaxed), bucket = bucket_of(table, base);
    for (; last < bucket; last++)
        set_before(table, last + 2, count - 1);
    for (uint64_t behind = bucket + 1; behind <= last + 1; behind++)
        set_before(table, behind, before_at(table, behind) + 1);
    set_last(table, last);
}

/* A base has gone. The last bucket may be empty then, and stays the last: who comes next mostly lies there again. */
static void count_out(struct bda_block_table *table, uint64_t base) {
    uint64_t last = atomic_load_explicit(&table->last, memory_order_relaxed);
    for (uint64_t behind = bucket_of(table, base) + 1; behind <= last + 1; behind++)
        set_before(table, behind, before_at(table, behind) - 1);
}

/* ---- Blocks ---- */

static uint32_t begin_change(struct bda_block_map *map) {
    uint32_t sequence = atomic_load_explicit(&map->sequence, memory_order_relaxed);
    atomic_store_explicit(&map->sequence, sequence + 1, memory_order_relaxed);
    return sequence;
}

static void end_change(struct bda_block_map *map, uint32_t sequence) {
    atomic_store_explicit(&map->sequence, sequence + 2, memory_order_release);
}

/* The larger table says the same as the outgrown one, so readers of either are right until the next change. */
bool bda_block_map_reserve(struct bda_block_map *map, uint32_t count) {
    struct bda_block_table *present = bda_block_table_of(map);
    uint32_t capacity = present != NULL ? present->capacity : 0;
    if (count <= capacity)
        return true;
    capacity = capacity != 0 ? capacity * 2 : FIRST_CAPACITY;
    while (capacity < count)
        capacity *= 2;
    struct bda_block_table *larger =
        bda_host_allocate(map->host, table_size(capacity), _Alignof(struct bda_block_table));
    if (larger == NULL)
        return false;
    uint32_t filled = present != NULL ? atomic_load_explicit(&present->count, memory_order_relaxed) : 0;
    larger->outgrown = present;
    larger->capacity = capacity;
    larger->buckets = 0;
    larger->entries = (struct bda_place_entry *)(larger->bases + capacity + 1);
    larger->before = (_Atomic uint32_t *)(larger->entries + capacity);
    for (uint32_t i = 0; i <= capacity; i++)
        atomic_init(&larger->bases[i], 0);
    for (uint32_t i = 0; i <= capacity * BUCKETS_PER_BLOCK; i++)
        atomic_init(&larger->before[i], 0); /* whatever a reader sees there during a change is no more than there are */
    atomic_init(&larger->start, filled != 0 ? bda_block_base_at(present, 0) : UINT64_MAX);
    atomic_init(&larger->shift, 0);
    atomic_init(&larger->last, 0);
    atomic_init(&larger->count, filled);
    for (uint32_t i = 0; i < filled; i++)
        copy_place(larger, i, present, i);
    if (filled != 0)
        make_buckets(larger, filled);
    atomic_store_explicit(&map->table, larger, memory_order_release);
    return true;
}

void bda_block_map_add(struct bda_block_map *map, const struct bda_place *place) {
    struct bda_block_table *table = bda_block_table_of(map);
    uint32_t count = atomic_load_explicit(&table->count, memory_order_relaxed);
    uint32_t position = bda_block_count_up_to(table, place->base);
    assert(count < table->capacity);
    uint32_t sequence = begin_change(map);
    for (uint32_t i = count; i > position; i--)
        copy_place(table, i, table, i - 1);
    set_place(table, position, place);
    atomic_store_explicit(&table->count, count + 1, memory_order_release);
    count_in(table, place->base, count + 1);
    end_change(map, sequence);
}

static uint32_t position_of(struct bda_block_table *table, uint64_t base, uint32_t block) {
    uint32_t position = bda_block_count_up_to(table, base) - 1;
    while (atomic_load_explicit(&table->entries[position].block, memory_order_relaxed) != block)
        position--; /* no driver gives two blocks one address; nothing here relies on that */
    assert(bda_block_base_at(table, position) == base);
    return position;
}

void bda_block_map_remove(struct bda_block_map *map, uint64_t base, uint32_t block) {
    struct bda_block_table *table = bda_block_table_of(map);
    uint32_t count = atomic_load_explicit(&table->count, memory_order_relaxed);
    uint32_t position = position_of(table, base, block);
    uint32_t sequence = begin_change(map);
    for (uint32_t i = position; i + 1 < count; i++)
        copy_place(table, i, table, i + 1);
    atomic_store_explicit(&table->count, count - 1, memory_order_release);
    count_out(table, base);
    end_change(map, sequence);
}

void bda_block_map_tell(struct bda_block_map *map, uint64_t base, uint32_t block, struct bda_landmarks *landmarks) {
    struct bda_block_table *table = bda_block_table_of(map);
    uint32_t position = position_of(table, base, block);
    atomic_store_explicit(&table->entries[position].landmarks, landmarks, memory_order_release);
}
