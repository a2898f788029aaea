/* See block_map.h. */
#include "memory/block_map.h"

#include <assert.h>

enum { FIRST_CAPACITY = 2 }; /* an allocator with one block stays under 64 KiB */

void bda_block_map_init(struct bda_block_map *map, struct bda_host *host) {
    map->host = host;
    atomic_init(&map->table, NULL);
    atomic_init(&map->sequence, 0);
}

static size_t table_size(uint32_t capacity) {
    return sizeof(struct bda_block_table) + capacity * (sizeof(uint64_t) + sizeof(struct bda_place_entry));
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

/* ---- Reading ----
 *
 * Every load is an acquire: what a change under way has stored brings along that the sequence was odd. (A fence would
 * do the same once, but the thread sanitizer does not know fences.) */

static struct bda_block_table *table_of(struct bda_block_map *map) {
    return atomic_load_explicit(&map->table, memory_order_acquire);
}

static uint64_t base_at(struct bda_block_table *table, uint32_t position) {
    return atomic_load_explicit(&table->bases[position], memory_order_acquire);
}

/* How many blocks begin at the address or before it. Which half is next cannot be predicted: no branch hangs on it. */
BDA_INLINE uint32_t count_below(struct bda_block_table *table, uint32_t count, uint64_t address) {
    uint32_t low = 0;
    if (count == 0)
        return 0;
    while (count > 1) {
        uint32_t half = count / 2;
        low += half & (0u - (uint32_t)(base_at(table, low + half) <= address));
        count -= half;
    }
    return low + (base_at(table, low) <= address);
}

BDA_INLINE void read_place(struct bda_block_table *table, uint32_t position, struct bda_place *place) {
    struct bda_place_entry *entry = &table->entries[position];
    place->base = base_at(table, position);
    place->length = atomic_load_explicit(&entry->length, memory_order_acquire);
    place->buffer_bytes = atomic_load_explicit(&entry->buffer_bytes, memory_order_acquire);
    place->buffer = (VkBuffer)atomic_load_explicit(&entry->buffer, memory_order_acquire);
    place->mapped = atomic_load_explicit(&entry->mapped, memory_order_acquire);
    place->pool = atomic_load_explicit(&entry->pool, memory_order_acquire);
    place->block = atomic_load_explicit(&entry->block, memory_order_acquire);
    uint32_t kind = atomic_load_explicit(&entry->kind, memory_order_acquire);
    place->memory_type = kind >> 1;
    place->own_buffers = (kind & 1u) != 0;
}

/* The block `back` places before the first one behind the address. */
BDA_INLINE enum bda_map_answer look(struct bda_block_map *map, uint64_t address, uint32_t back,
                                    struct bda_place *place) {
    uint32_t sequence = atomic_load_explicit(&map->sequence, memory_order_acquire);
    struct bda_block_table *table = table_of(map);
    if ((sequence & 1u) != 0)
        return BDA_MAP_CHANGING;
    if (table == NULL)
        return BDA_MAP_NONE;
    uint32_t count = atomic_load_explicit(&table->count, memory_order_acquire);
    uint32_t position = count_below(table, count, address) - back;
    bool found = position < count; /* -1 is not */
    if (found)
        read_place(table, position, place);
    place->sequence = sequence;
    if (atomic_load_explicit(&map->sequence, memory_order_relaxed) != sequence)
        return BDA_MAP_CHANGING;
    return found ? BDA_MAP_FOUND : BDA_MAP_NONE;
}

enum bda_map_answer bda_block_map_below(struct bda_block_map *map, uint64_t address, struct bda_place *place) {
    return look(map, address, 1, place);
}

enum bda_map_answer bda_block_map_above(struct bda_block_map *map, uint64_t address, struct bda_place *place) {
    return look(map, address, 0, place);
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
    atomic_store_explicit(&entry->block, place->block, memory_order_release);
    atomic_store_explicit(&entry->kind, place->memory_type << 1 | (uint32_t)place->own_buffers, memory_order_release);
}

static void copy_place(struct bda_block_table *to, uint32_t to_position, struct bda_block_table *from,
                       uint32_t from_position) {
    struct bda_place place;
    read_place(from, from_position, &place);
    set_place(to, to_position, &place);
}

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
    struct bda_block_table *present = table_of(map);
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
    larger->entries = (struct bda_place_entry *)(larger->bases + capacity);
    atomic_init(&larger->count, filled);
    for (uint32_t i = 0; i < filled; i++)
        copy_place(larger, i, present, i);
    atomic_store_explicit(&map->table, larger, memory_order_release);
    return true;
}

void bda_block_map_add(struct bda_block_map *map, const struct bda_place *place) {
    struct bda_block_table *table = table_of(map);
    uint32_t count = atomic_load_explicit(&table->count, memory_order_relaxed);
    uint32_t position = count_below(table, count, place->base);
    assert(count < table->capacity);
    uint32_t sequence = begin_change(map);
    for (uint32_t i = count; i > position; i--)
        copy_place(table, i, table, i - 1);
    set_place(table, position, place);
    atomic_store_explicit(&table->count, count + 1, memory_order_release);
    end_change(map, sequence);
}

void bda_block_map_remove(struct bda_block_map *map, uint64_t base, uint32_t block) {
    struct bda_block_table *table = table_of(map);
    uint32_t count = atomic_load_explicit(&table->count, memory_order_relaxed);
    uint32_t position = count_below(table, count, base) - 1;
    while (atomic_load_explicit(&table->entries[position].block, memory_order_relaxed) != block)
        position--; /* no driver gives two blocks one address; nothing here relies on that */
    assert(position < count && base_at(table, position) == base);
    uint32_t sequence = begin_change(map);
    for (uint32_t i = position; i + 1 < count; i++)
        copy_place(table, i, table, i + 1);
    atomic_store_explicit(&table->count, count - 1, memory_order_release);
    end_change(map, sequence);
}
