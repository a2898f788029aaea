/* See arena.h. */
#include "alloc/arena.h"

/* ---- A thread's own ---- */

static struct bda_stock *find_source(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *head) {
    struct bda_pool *arena = bda_pool_arena(allocator, head, cache->number % BDA_ARENAS);
    return arena != NULL ? bda_caches_open_stock(allocator, cache, arena) : NULL;
}

/* The requests to a pool come from another source from now on. What the old one keeps goes back; where somebody else is
 * inside of the cache at this moment, with the next drain. */
static void move_to(BdaAllocator allocator, struct bda_cache *cache, uint32_t head, struct bda_stock *source) {
    struct bda_stock *before = cache->sources[head];
    cache->sources[head] = source;
    bda_stock_become_source(allocator, source);
    if (before == NULL)
        return;
    bda_stock_retire(before);
    if (bda_claim_enter(&cache->claim)) {
        bda_stock_drain(allocator, before);
        bda_claim_leave(&cache->claim);
    }
}

void bda_arena_settle(BdaAllocator allocator, struct bda_pool *head) {
    struct bda_cache *cache = bda_cache_of_thread(allocator, true);
    uint32_t stock = bda_pool_stock(head);
    bool none_left = atomic_load_explicit(&allocator->stock_count, memory_order_relaxed) == BDA_STOCKS;
    if (cache == NULL || stock == BDA_STOCKS || none_left || cache->settled[stock])
        return;
    struct bda_stock *source = find_source(allocator, cache, head);
    cache->settled[stock] = true;
    if (source != NULL && source != cache->sources[stock])
        move_to(allocator, cache, stock, source);
}

/* ---- Locks ---- */

void bda_arena_lock_beside_head(struct bda_pool *arena) {
    if (arena->head != arena)
        bda_mutex_lock(&arena->lock);
}

void bda_arena_unlock_beside_head(struct bda_pool *arena) {
    if (arena->head != arena)
        bda_mutex_unlock(&arena->lock);
}

void bda_arena_lock(struct bda_pool *arena) {
    bda_mutex_lock(&arena->head->lock);
    bda_arena_lock_beside_head(arena);
}

void bda_arena_unlock(struct bda_pool *arena) {
    bda_arena_unlock_beside_head(arena);
    bda_mutex_unlock(&arena->head->lock);
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

/* Takes an empty block out of an arena: the first that is large and idle enough. */
static struct moving take_out(BdaAllocator allocator, struct bda_pool *arena, uint32_t granules, uint32_t least_idle) {
    struct moving moving = { 0, 0 };
    bda_arena_lock_beside_head(arena);
    uint32_t index = arena->tlsf.empty_regions != 0 ? arena->first_block : 0;
    for (; index != 0; index = bda_block_at(allocator, index)->next) {
        const struct bda_block *block = bda_block_at(allocator, index);
        if (block->region.size >= granules && block->idle >= least_idle &&
            bda_tlsf_region_is_empty(&arena->tlsf, index))
            break;
    }
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

/* Brings an empty block that holds the request into an arena, if another one has any. */
static bool adopt_block(BdaAllocator allocator, struct bda_pool *arena, const struct bda_request *request) {
    struct bda_extent extent = bda_range_extent(arena->head, request);
    uint64_t granules = extent.granules + (extent.alignment >> BDA_GRANULE_LOG2);
    if (granules > UINT32_MAX)
        return false;
    struct moving moving = { 0, 0 };
    for (struct bda_pool *other = arena->head; other != NULL && moving.block == 0; other = bda_pool_next_arena(other))
        if (other != arena)
            moving = take_out(allocator, other, (uint32_t)granules, 0);
    if (moving.block != 0)
        bring_in(allocator, arena, moving);
    return moving.block != 0;
}

void bda_arena_return_blocks(BdaAllocator allocator, struct bda_pool *arena, bool young_ones) {
    struct bda_pool *head = arena->head;
    struct moving moving;
    if (head == arena)
        return;
    bda_mutex_lock(&head->lock);
    uint32_t least_idle = young_ones || head->retired ? 0 : head->keep_collects;
    bool any = false;
    while ((moving = take_out(allocator, arena, 0, least_idle)).block != 0) {
        bring_in(allocator, head, moving);
        any = true;
    }
    bda_mutex_unlock(&head->lock);
    if (any)
        bda_pool_give_nodes(allocator, arena); /* there were more of them while there was more to cut */
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
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY && adopt_block(allocator, mine, request))
        result = take_from(allocator, mine, request, live, kept);
    for (struct bda_pool *arena = head; arena != NULL && result == VK_ERROR_OUT_OF_DEVICE_MEMORY;
         arena = bda_pool_next_arena(arena))
        if (arena != mine)
            result = take_from(allocator, arena, request, live, kept);
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
