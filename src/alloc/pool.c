/* Pools: finding and making them, their blocks and their spare nodes. See pool.h. */
#include "alloc/allocator.h"
#include "alloc/grow.h"
#include "alloc/shard.h"
#include "core/names.h"

#include <string.h>

/* Keeps every size in a block far from the 2^32 granules that a node can count. */
#define BDA_MOST_BLOCK ((VkDeviceSize)16 << 30)

/* Alignments up to this are also rounded up to in size, so that neighbours of one alignment stay aligned without gaps.
 */
#define ROUNDED_ALIGNMENT 256

/* ---- Finding and making ---- */

static bool same_key(const struct bda_pool_key *a, const struct bda_pool_key *b) {
    return a->memory_type == b->memory_type && a->usage_class == b->usage_class && a->own_buffers == b->own_buffers &&
           a->capture_replay == b->capture_replay && !(a->priority < b->priority || a->priority > b->priority) &&
           a->handle_types == b->handle_types;
}

/* Most pools are of default priority and hold nothing special: those are found without a search. */
static bool is_plain(const struct bda_pool_key *key) {
    return !key->capture_replay && key->handle_types == 0 && !(key->priority < BDA_DEFAULT_PRIORITY) &&
           !(key->priority > BDA_DEFAULT_PRIORITY);
}

static VkDeviceSize power_of_two_below(VkDeviceSize size) {
    VkDeviceSize power = 1;
    while (power <= size / 2)
        power *= 2;
    return power;
}

/* The size and the alignment up to which a request is certainly no large one: never refused for its size, never
 * dedicated. 0: blocks are too small to say. */
static VkDeviceSize most_plain(BdaAllocator allocator, const struct bda_pool *pool) {
    VkDeviceSize most = pool->max_block_size / 4;
    while (most != 0 &&
           bda_grow_is_large(allocator, pool, &(struct bda_request){ .size = most, .room = most, .alignment = most }))
        most /= 2;
    return most;
}

void bda_pool_set_sizes(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize first, VkDeviceSize most) {
    const struct bda_device *device = &allocator->device;
    uint32_t type = pool->key.memory_type;
    bool visible = (bda_device_properties_of(device, type) & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
    VkDeviceSize heap = device->memory.memoryHeaps[bda_device_heap_of(device, type)].size;
    VkDeviceSize limit =
        bda_min(bda_min(device->limits.max_memory_size, device->limits.max_buffer_size), BDA_MOST_BLOCK);
    if (most == 0) {
        most = visible ? allocator->max_host_visible_block_size : allocator->max_block_size;
        most = bda_max(bda_min(most, power_of_two_below(bda_max(heap / 8, BDA_LEAST_BLOCK))), first);
    }
    most = bda_max(bda_min(most, power_of_two_below(bda_min(limit, heap))), BDA_LEAST_BLOCK);
    if (first == 0)
        first = allocator->first_block_size;
    pool->max_block_size = most;
    pool->first_block_size = bda_min(bda_max(first, BDA_LEAST_BLOCK), most);
    pool->next_block_size = pool->first_block_size;
    pool->most_plain = most_plain(allocator, pool);
}

void bda_pool_set_low_water(struct bda_pool *pool, VkDeviceSize bytes) {
    VkDeviceSize mask = ((VkDeviceSize)1 << BDA_GRANULE_LOG2) - 1;
    pool->low_granules = (bytes >> BDA_GRANULE_LOG2) + ((bytes & mask) != 0);
}

void bda_pool_lack(struct bda_pool *head) {
    bda_lock(&head->lock);
    if (head->low_granules != 0) {
        head->lacked = true;
        atomic_store_explicit(head->some_want, true, memory_order_relaxed);
    }
    bda_unlock(&head->lock);
}

/* What another pool was told of sizes and of empty blocks. */
static void behave_like(BdaAllocator allocator, struct bda_pool *pool, const struct bda_pool *like) {
    bda_pool_set_sizes(allocator, pool, like->first_block_size, like->max_block_size);
    pool->keep_empty = like->keep_empty;
    pool->keep_collects = like->keep_collects;
    pool->low_granules = like->low_granules;
}

/* Gives an empty pool its key and sizes. The pools lock is held. */
static void prepare(BdaAllocator allocator, struct bda_pool *pool, const struct bda_pool_key *key) {
    pool->key = *key;
    /* What own buffers are used for is theirs to say; the block's address can be learned with no usage at all. */
    pool->usage = key->own_buffers ? 0 : bda_usage_of_class(&allocator->device, key->usage_class);
    pool->keep_empty = allocator->keep_empty;
    pool->keep_collects = allocator->keep_collects;
    pool->some_want = &allocator->some_want;
    pool->wants = pool->lacked = false;
    pool->peak = (struct bda_pool_peak){ .look = 0 };
    pool->crowded = bda_pool_next_shard(pool) != NULL; /* whose shard has no blocks any more is to settle anew */
    bda_pool_set_low_water(pool, allocator->low_water);
    pool->atom_skew = 0;
    pool->rest = 0;
    pool->last_thread = NULL;
    pool->strain = 0;
    pool->refused = 0;
    memset(pool->refusals, 0, sizeof pool->refusals);
    pool->promised = 0;
    pool->least_alignment = BDA_LEAST_ALIGNMENT;
    if (bda_device_needs_atoms(&allocator->device, key->memory_type))
        pool->least_alignment = bda_max(BDA_LEAST_ALIGNMENT, allocator->device.limits.non_coherent_atom);
    pool->most_rounding = bda_max(ROUNDED_ALIGNMENT, pool->least_alignment);
    bool cached = !key->own_buffers || pool->user == NULL; /* see own.h */
    if (cached && pool->stock == BDA_STOCKS && allocator->stock_count < BDA_STOCKS && !allocator->caches_off)
        pool->stock = allocator->stock_count++;
    bda_pool_set_sizes(allocator, pool, 0, 0);
}

/* The library's own pool of a key. The pools lock is held, without which no pool gets or loses key or user. */
static struct bda_pool *find_pool(BdaAllocator allocator, const struct bda_pool_key *key) {
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_relaxed);
    while (pool != NULL && (pool->head != pool || pool->user != NULL || pool->retired || !same_key(&pool->key, key)))
        pool = pool->older;
    return pool;
}

/* Whether no thread is still giving the last blocks of a retired pool back. Under the head's lock, so that none moves
 * from one shard to another meanwhile. */
static bool is_left(struct bda_pool *head) {
    bool left = true;
    bda_lock(&head->lock);
    for (struct bda_pool *shard = head; shard != NULL && left; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        left = shard->retired && shard->counters.block_count == 0;
        bda_shard_unlock_beside_head(shard);
    }
    bda_unlock(&head->lock);
    return left;
}

/* A retired pool gets a new key, and its shards with it. The pools lock is held. */
static bool claim(BdaAllocator allocator, struct bda_pool *pool, const struct bda_pool_key *key, BdaPool user) {
    if (pool->head != pool || !pool->retired || !is_left(pool)) /* locks only where it may be */
        return false;
    for (struct bda_pool *shard = pool; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_lock(&shard->lock);
        shard->retired = false;
        shard->user = user;
        prepare(allocator, shard, key);
        bda_unlock(&shard->lock);
    }
    return true;
}

/* A new pool, its own head. The pools lock is held. */
static struct bda_pool *make_new(BdaAllocator allocator, const struct bda_pool_key *key, BdaPool user) {
    struct bda_pool *pool = bda_host_allocate(&allocator->host, sizeof *pool, _Alignof(struct bda_pool));
    if (pool == NULL)
        return NULL;
    memset(pool, 0, sizeof *pool);
    bda_lock_init(&pool->lock, allocator->locks, allocator->barrier);
    bda_condition_init(&pool->opened, allocator->locks);
    bda_mutex_init(&pool->depot.lock, allocator->locks);
    bda_tlsf_init(&pool->tlsf, &allocator->nodes, &allocator->blocks, BDA_GRANULE_LOG2);
    pool->head = pool;
    pool->shard_count = 1;
    pool->user = user;
    pool->stock = BDA_STOCKS;
    prepare(allocator, pool, key);
    return pool;
}

static void publish(BdaAllocator allocator, struct bda_pool *pool) {
    pool->older = atomic_load_explicit(&allocator->newest_pool, memory_order_relaxed);
    atomic_store_explicit(&allocator->newest_pool, pool, memory_order_release);
}

/* A pool that a key gets: one that is retired, or a new one. The pools lock is held. */
static struct bda_pool *make_pool(BdaAllocator allocator, const struct bda_pool_key *key, BdaPool user) {
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_relaxed);
    while (pool != NULL && !claim(allocator, pool, key, user))
        pool = pool->older;
    if (pool == NULL && (pool = make_new(allocator, key, user)) != NULL)
        publish(allocator, pool);
    return pool;
}

struct bda_pool *bda_pool_find_shard(struct bda_pool *head, uint32_t number) {
    struct bda_pool *shard = head;
    while (shard != NULL && shard->shard_number != number)
        shard = bda_pool_next_shard(shard);
    return shard;
}

static struct bda_pool *add_shard(BdaAllocator allocator, struct bda_pool *head, uint32_t number) {
    bda_mutex_lock(&allocator->pools_lock);
    struct bda_pool *shard = bda_pool_find_shard(head, number); /* another thread may have been faster */
    bool has_place = allocator->stock_count < BDA_STOCKS;
    if (shard == NULL && has_place && (shard = make_new(allocator, &head->key, head->user)) != NULL) {
        shard->head = head;
        shard->shard_number = number;
        behave_like(allocator, shard, head);
        publish(allocator, shard);
        shard->next_shard = bda_pool_next_shard(head);
        atomic_store_explicit(&head->next_shard, shard, memory_order_release);
        atomic_fetch_add_explicit(&head->shard_count, 1, memory_order_relaxed);
    }
    bda_mutex_unlock(&allocator->pools_lock);
    return shard;
}

struct bda_pool *bda_pool_shard(BdaAllocator allocator, struct bda_pool *head, uint32_t number) {
    struct bda_pool *shard = bda_pool_find_shard(head, number);
    return shard != NULL ? shard : add_shard(allocator, head, number);
}

/* The intents that would try this pool of general ranges first find it without a search from now on. */
static void become_first(BdaAllocator allocator, uint32_t memory_type, struct bda_pool *pool) {
    for (uint32_t intent = 0; intent < BDA_INTENT_COUNT; intent++) {
        const struct bda_type_order *order = bda_order_of(allocator, (BdaIntent)intent, 0);
        if (bda_first_type(order, allocator->range_type_bits[BDA_USAGE_GENERAL]) == memory_type)
            atomic_store_explicit(&allocator->first_pools[intent], pool, memory_order_release);
    }
}

VkResult bda_pool_get(BdaAllocator allocator, const struct bda_pool_key *key, struct bda_pool **pool) {
    _Atomic(struct bda_pool *) *quick = &allocator->pools[key->memory_type][key->usage_class][key->own_buffers];
    bool plain = is_plain(key);
    *pool = plain ? atomic_load_explicit(quick, memory_order_acquire) : NULL;
    if (*pool != NULL)
        return VK_SUCCESS;
    bda_mutex_lock(&allocator->pools_lock);
    *pool = find_pool(allocator, key);
    if (*pool == NULL)
        *pool = make_pool(allocator, key, NULL);
    if (plain)
        atomic_store_explicit(quick, *pool, memory_order_release);
    if (plain && key->usage_class == BDA_USAGE_GENERAL && !key->own_buffers && allocator->event == NULL)
        become_first(allocator, key->memory_type, *pool);
    bda_mutex_unlock(&allocator->pools_lock);
    return *pool != NULL ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

VkResult bda_pool_create(BdaAllocator allocator, const struct bda_pool_key *key, BdaPool user, struct bda_pool **pool) {
    bda_mutex_lock(&allocator->pools_lock);
    *pool = make_pool(allocator, key, user);
    bda_mutex_unlock(&allocator->pools_lock);
    return *pool != NULL ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* A pool of the same memory and the same wishes as another. The pools lock is held. */
static struct bda_pool *make_like(BdaAllocator allocator, const struct bda_pool *like, BdaPool user) {
    struct bda_pool_key key = like->key;
    key.own_buffers = true;
    struct bda_pool *pool = make_pool(allocator, &key, user);
    if (pool == NULL)
        return NULL;
    for (struct bda_pool *shard = pool; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_lock(&shard->lock);
        behave_like(allocator, shard, like);
        bda_unlock(&shard->lock);
    }
    return pool;
}

VkResult bda_pool_for_buffers(BdaAllocator allocator, BdaPool user, struct bda_pool **pool) {
    *pool = bda_pool_of_buffers(user);
    if (*pool != NULL)
        return VK_SUCCESS;
    bda_mutex_lock(&allocator->pools_lock);
    *pool = bda_pool_of_buffers(user); /* another thread may have been faster */
    if (*pool == NULL) {
        *pool = make_like(allocator, user->ranges, user);
        atomic_store_explicit(&user->own_buffers, *pool, memory_order_release);
    }
    bda_mutex_unlock(&allocator->pools_lock);
    return *pool != NULL ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

void bda_pool_copy_name(const struct bda_pool *pool, size_t size, char *name) {
    const char *text = pool->user != NULL ? pool->user->name : NULL;
    bda_copy_text(name, size, text != NULL ? text : "");
}

void bda_pool_retire(BdaAllocator allocator, struct bda_pool *pool) {
    bda_mutex_lock(&allocator->pools_lock);
    bda_lock(&pool->lock);
    pool->user = NULL;
    pool->retired = true;
    bda_mutex_lock(&allocator->store_lock);
    bda_nodes_give(&allocator->nodes, &pool->tlsf.spare, pool->tlsf.spare.count);
    bda_mutex_unlock(&allocator->store_lock);
    bda_unlock(&pool->lock);
    bda_mutex_unlock(&allocator->pools_lock);
}

void bda_pool_destroy(BdaAllocator allocator, struct bda_pool *pool) {
    bda_mutex_destroy(&pool->depot.lock);
    bda_condition_destroy(&pool->opened);
    bda_lock_destroy(&pool->lock);
    bda_host_release(&allocator->host, pool, sizeof *pool);
}

static void link_block(BdaAllocator allocator, uint32_t *first, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    block->previous = 0;
    block->next = *first;
    if (*first != 0)
        bda_block_at(allocator, *first)->previous = index;
    *first = index;
}

static void unlink_block(BdaAllocator allocator, uint32_t *first, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    if (block->previous != 0)
        bda_block_at(allocator, block->previous)->next = block->next;
    else
        *first = block->next;
    if (block->next != 0)
        bda_block_at(allocator, block->next)->previous = block->previous;
}

/* ---- Its blocks ---- */

/* How far aligned addresses lie behind the atoms of non-coherent memory. */
static VkDeviceSize skew_of(BdaAllocator allocator, const struct bda_block *block) {
    if (!bda_device_needs_atoms(&allocator->device, block->backing.type))
        return 0;
    return (block->memory_offset - block->region.base) & (allocator->device.limits.non_coherent_atom - 1);
}

/* After its list of blocks has changed. */
static void note_use(struct bda_pool *pool) {
    bool has_blocks = pool->first_block != 0;
    if (has_blocks == atomic_load_explicit(&pool->has_blocks, memory_order_relaxed))
        return;
    atomic_store_explicit(&pool->has_blocks, has_blocks, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool->head->shards_in_use, has_blocks ? 1 : UINT32_MAX, memory_order_relaxed);
}

void bda_pool_add_block(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    link_block(allocator, &pool->first_block, index);
    note_use(pool);
    bda_tlsf_add_region(&pool->tlsf, index);
    pool->counters.block_count++;
    pool->counters.reserved += block->backing.size;
    pool->counters.region_bytes += (VkDeviceSize)block->region.size << BDA_GRANULE_LOG2;
    bda_pool_bound_caches(pool);
    pool->atom_skew = bda_max(pool->atom_skew, skew_of(allocator, block));
    pool->head->atom_skew = bda_max(pool->head->atom_skew, pool->atom_skew);
    block->plain = !pool->key.own_buffers && allocator->event == NULL;
    block->own = pool->key.own_buffers;
    block->stock = (uint8_t)(block->plain ? pool->stock : BDA_STOCKS);
    atomic_store_explicit(&block->pool, pool, memory_order_release);
}

void bda_pool_remove_block(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    bda_tlsf_remove_region(&pool->tlsf, index);
    unlink_block(allocator, &pool->first_block, index);
    note_use(pool);
    atomic_store_explicit(&block->pool, NULL, memory_order_release);
    pool->counters.block_count--;
    pool->counters.reserved -= block->backing.size;
    pool->counters.region_bytes -= (VkDeviceSize)block->region.size << BDA_GRANULE_LOG2;
    bda_pool_bound_caches(pool);
}

void bda_pool_add_dedicated(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    link_block(allocator, &pool->first_dedicated, index);
    pool->counters.block_count++;
    pool->counters.dedicated_count++;
    pool->counters.reserved += block->backing.size;
    atomic_store_explicit(&block->pool, pool, memory_order_release);
}

void bda_pool_remove_dedicated(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    unlink_block(allocator, &pool->first_dedicated, index);
    atomic_store_explicit(&block->pool, NULL, memory_order_release);
    pool->counters.block_count--;
    pool->counters.dedicated_count--;
    pool->counters.reserved -= block->backing.size;
}

/* ---- Spare nodes ---- */

/* Spare nodes that a pool keeps when it gives others back: twice what it takes from the store at once. */
enum { SPARE_KEPT = 128, GIVEN_AT_ONCE = 256 };

void bda_pool_give_nodes(BdaAllocator allocator, struct bda_pool *pool) {
    VkDeviceSize given;
    do {
        bda_lock(&pool->lock);
        struct bda_node_list *spare = &pool->tlsf.spare;
        given = spare->count > SPARE_KEPT ? bda_min(spare->count - SPARE_KEPT, GIVEN_AT_ONCE) : 0;
        if (given != 0) {
            bda_mutex_lock(&allocator->store_lock);
            bda_nodes_give(&allocator->nodes, spare, (uint32_t)given);
            bda_mutex_unlock(&allocator->store_lock);
        }
        bda_unlock(&pool->lock);
    } while (given == GIVEN_AT_ONCE); /* a lock of this kind is not held for a million of them */
}

bool bda_pool_fetch_nodes(BdaAllocator allocator, struct bda_pool *pool, uint32_t count) {
    bda_mutex_lock(&allocator->store_lock);
    bool fetched = bda_nodes_take(&allocator->nodes, &pool->tlsf.spare, count);
    bda_mutex_unlock(&allocator->store_lock);
    return fetched;
}
