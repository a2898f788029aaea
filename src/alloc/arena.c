/* See arena.h. */
#include "alloc/arena.h"

/* ---- Locks ---- */

void bda_arena_lock_beside_head(struct bda_pool *arena) {
    if (arena->head != arena)
        bda_mutex_lock(&arena->lock);
}

void bda_arena_unlock_beside_head(struct bda_pool *arena) {
    if (arena->head != arena)
        bda_mutex_unlock(&arena->lock);
}

uint64_t bda_arenas_free_granules(struct bda_pool *head) {
    uint64_t free = 0;
    for (struct bda_pool *arena = head; arena != NULL; arena = bda_pool_next_arena(arena)) {
        bda_arena_lock_beside_head(arena);
        free += arena->tlsf.free_granules;
        bda_arena_unlock_beside_head(arena);
    }
    return free;
}

/* ---- Blocks that move; the head's lock is held ---- */

/* A block that has left an arena, with a node for its next one: coming may not fail. */
struct moving {
    uint32_t block; /* 0: none */
    uint32_t node;
};

/* Takes an empty block out of an arena: the first that is large enough. */
static struct moving take_out(BdaAllocator allocator, struct bda_pool *arena, uint32_t granules) {
    struct moving moving = { 0, 0 };
    bda_arena_lock_beside_head(arena);
    uint32_t index = arena->tlsf.empty_regions != 0 ? arena->first_block : 0;
    while (index != 0 && !(bda_block_at(allocator, index)->region.size >= granules &&
                           bda_tlsf_region_is_empty(&arena->tlsf, index)))
        index = bda_block_at(allocator, index)->next;
    if (index != 0 && bda_range_secure_nodes(allocator, arena, 1)) {
        bda_pool_remove_block(allocator, arena, index);
        moving = (struct moving){ index, bda_node_list_pop(&allocator->nodes, &arena->tlsf.spare) };
    }
    bda_arena_unlock_beside_head(arena);
    return moving;
}

static void bring_in(BdaAllocator allocator, struct bda_pool *arena, struct moving moving) {
    bda_arena_lock_beside_head(arena);
    bda_node_list_push(&allocator->nodes, &arena->tlsf.spare, moving.node);
    bda_pool_add_block(allocator, arena, moving.block);
    arena->head->atom_skew = bda_max(arena->head->atom_skew, arena->atom_skew);
    bda_arena_unlock_beside_head(arena);
}

/* Brings an empty block of so many granules and more into an arena, if another one has any. */
static bool adopt_block(BdaAllocator allocator, struct bda_pool *arena, uint32_t granules) {
    struct moving moving = { 0, 0 };
    for (struct bda_pool *other = arena->head; other != NULL && moving.block == 0; other = bda_pool_next_arena(other))
        if (other != arena)
            moving = take_out(allocator, other, granules);
    if (moving.block != 0)
        bring_in(allocator, arena, moving);
    return moving.block != 0;
}

/* One that holds a request. */
static bool adopt_block_for(BdaAllocator allocator, struct bda_pool *arena, const struct bda_request *request) {
    struct bda_extent extent = bda_range_extent(arena->head, request);
    uint64_t granules = extent.granules + (extent.alignment >> BDA_GRANULE_LOG2);
    return granules <= UINT32_MAX && adopt_block(allocator, arena, (uint32_t)granules);
}

/* ---- A thread's own ---- */

/* Requests between two looks for a block: a look costs a microsecond. */
enum { PATIENCE = 64 };

/* What a thread keeps of the arena that is its own, by the number of its cache, or NULL (bda_pool_arena). */
static struct bda_stock *find_own(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *head) {
    struct bda_pool *arena = bda_pool_arena(allocator, head, cache->number % BDA_ARENAS);
    return arena != NULL ? bda_caches_open_stock(allocator, cache, arena) : NULL;
}

static bool has_blocks(const struct bda_pool *arena) {
    return atomic_load_explicit(&arena->has_blocks, memory_order_relaxed);
}

/* Whether an arena has blocks, or will have one: no arena is made for nothing. */
static bool is_block_for(struct bda_pool *head, uint32_t number) {
    bool is = false;
    bda_mutex_lock(&head->lock);
    for (struct bda_pool *arena = head; arena != NULL && !is; arena = bda_pool_next_arena(arena)) {
        bda_arena_lock_beside_head(arena);
        is = arena->tlsf.empty_regions != 0 || (arena->arena == number && has_blocks(arena));
        bda_arena_unlock_beside_head(arena);
    }
    bda_mutex_unlock(&head->lock);
    return is;
}

static bool find_block(BdaAllocator allocator, struct bda_pool *arena) {
    bda_mutex_lock(&arena->head->lock);
    bool found = has_blocks(arena) || adopt_block(allocator, arena, 0);
    bda_mutex_unlock(&arena->head->lock);
    return found;
}

/* The thread's requests to a pool come from another stock from now on. What the old one keeps goes back; where somebody
 * else is inside of the cache at this moment, with the next drain. */
static void move_to(BdaAllocator allocator, struct bda_cache *cache, uint32_t head, struct bda_stock *stock) {
    struct bda_stock *before = cache->sources[head];
    if (stock == before)
        return;
    cache->sources[head] = stock;
    if (stock != NULL)
        bda_stock_become_source(allocator, stock);
    if (before == NULL)
        return;
    bda_stock_retire(before);
    if (bda_claim_enter(&cache->claim)) {
        bda_stock_drain(allocator, before);
        bda_claim_leave(&cache->claim);
    }
}

/* Whether the thread takes from its own arena, and that has blocks. */
static bool is_settled(const struct bda_cache *cache, uint32_t head) {
    const struct bda_stock *source = cache->sources[head];
    return source != NULL && source->pool->arena == cache->number % BDA_ARENAS && has_blocks(source->pool);
}

void bda_arena_settle(BdaAllocator allocator, struct bda_pool *head) {
    struct bda_cache *cache = bda_cache_of_thread(allocator, true);
    uint32_t stock = bda_pool_stock(head);
    if (cache == NULL || stock == BDA_STOCKS || is_settled(cache, stock))
        return;
    bool waits = cache->patience[stock] != 0;
    cache->patience[stock] = (uint8_t)(waits ? cache->patience[stock] - 1 : PATIENCE);
    if (waits)
        return;
    uint32_t number = cache->number % BDA_ARENAS;
    struct bda_stock *own = is_block_for(head, number) ? find_own(allocator, cache, head) : NULL;
    if (own != NULL && find_block(allocator, own->pool)) {
        cache->patience[stock] = 0;
        move_to(allocator, cache, stock, own);
    } else {
        move_to(allocator, cache, stock, bda_cache_stock(cache, stock));
    }
}

struct bda_pool *bda_arena_for_block(BdaAllocator allocator, struct bda_pool *head) {
    bool crowded = atomic_load_explicit(&head->crowded, memory_order_relaxed);
    struct bda_cache *cache = crowded ? bda_cache_of_thread(allocator, true) : NULL;
    uint32_t stock = bda_pool_stock(head);
    if (cache == NULL || stock == BDA_STOCKS)
        return head;
    struct bda_stock *own = find_own(allocator, cache, head);
    if (own != NULL)
        move_to(allocator, cache, stock, own);
    return bda_arena_of_thread(allocator, head);
}

/* ---- Taking; the head's lock is held ---- */

static VkResult take_from(BdaAllocator allocator, struct bda_pool *arena, const struct bda_request *request,
                          struct bda_live *live, bool *kept) {
    bda_arena_lock_beside_head(arena);
    VkResult result = bda_range_take(allocator, arena, request, true, live);
    *kept = *kept || (result == VK_ERROR_OUT_OF_DEVICE_MEMORY && bda_caches_hold(allocator, arena));
    bda_arena_unlock_beside_head(arena);
    return result;
}

VkResult bda_arenas_take_locked(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                                struct bda_live *live, bool *kept) {
    *kept = false;
    if (bda_arena_is_alone(head))
        return take_from(allocator, head, request, live, kept);
    struct bda_pool *mine = bda_arena_of_thread(allocator, head);
    VkResult result = take_from(allocator, mine, request, live, kept);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY && adopt_block_for(allocator, mine, request))
        result = take_from(allocator, mine, request, live, kept);
    /* An arena that wants more nodes than there is host memory for may stand beside one that has some. */
    for (struct bda_pool *arena = head; arena != NULL && result != VK_SUCCESS; arena = bda_pool_next_arena(arena)) {
        VkResult other = arena != mine ? take_from(allocator, arena, request, live, kept) : result;
        result = other != VK_ERROR_OUT_OF_DEVICE_MEMORY ? other : result;
    }
    return result;
}

VkResult bda_arenas_take(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                         uint32_t *node, bool *kept) {
    struct bda_live live = { .index = 0 };
    bool any;
    bda_mutex_lock(&head->lock);
    VkResult result = bda_arenas_take_locked(allocator, head, request, &live, &any);
    bda_mutex_unlock(&head->lock);
    if (kept != NULL)
        *kept = any;
    *node = result == VK_SUCCESS ? live.index : 0;
    return result;
}
