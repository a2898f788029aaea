/* The longer ways of a request and a free, see cache.h. */
#include "alloc/caches.h"

/* ---- Back to TLSF ---- */

uint64_t bda_list_release(BdaAllocator allocator, struct bda_pool *pool, uint32_t list) {
    uint64_t granules = 0;
    while (list != 0) {
        struct bda_node *node = bda_node_of(allocator, list);
        uint32_t next = bda_node_link(node);
        granules += node->size;
        pool->counters.live_count--;
        bda_tlsf_free_node(&pool->tlsf, list, node);
        list = next;
    }
    return granules;
}

/* ---- Shelves; the owner is inside ---- */

static void set_first(struct bda_stock *stock, uint32_t number, uint32_t list, uint32_t count) {
    struct bda_shelf *shelf = &stock->shelves[number];
    bda_stock_mark(stock, number, list != 0);
    shelf->first = list;
    bda_shelf_set_count(shelf, count);
}

static void set_full(struct bda_stock *stock, uint32_t number, uint32_t list, uint32_t count) {
    struct bda_shelf *shelf = &stock->shelves[number];
    atomic_store_explicit(&shelf->full, list, memory_order_relaxed);
    atomic_store_explicit(&shelf->full_count, (uint16_t)count, memory_order_relaxed);
}

/* Empties a shelf. The pool's lock is held. */
static uint64_t release_shelf(BdaAllocator allocator, struct bda_stock *stock, uint32_t number) {
    const struct bda_shelf *shelf = &stock->shelves[number];
    struct bda_pool *pool = stock->pool;
    uint64_t granules =
        bda_list_release(allocator, pool, shelf->first) + bda_list_release(allocator, pool, bda_shelf_full(shelf));
    set_first(stock, number, 0, 0);
    set_full(stock, number, 0, 0);
    return granules;
}

/* Fills an empty shelf: with the full list behind it, or one from the depot. */
static void refill(BdaAllocator allocator, struct bda_stock *stock, uint32_t number) {
    struct bda_shelf *shelf = &stock->shelves[number];
    struct bda_pool *pool = stock->pool;
    uint32_t list = bda_shelf_full(shelf), count = bda_shelf_full_count(shelf);
    if (list == 0 && bda_depot_has(&pool->depot, number)) {
        bda_node_chunks chunks = bda_nodes_chunks(&allocator->nodes);
        struct bda_list_sum sum = { 0, 0 };
        bda_mutex_lock(&pool->lock);
        list = bda_depot_take(&pool->depot, chunks, bda_home(bda_pool_stock(pool), number), &sum);
        bda_stock_keep(stock, sum.granules); /* at no moment in neither */
        bda_mutex_unlock(&pool->lock);
        count = sum.count;
    }
    set_full(stock, number, 0, 0);
    set_first(stock, number, list, count);
}

/* Takes one range from TLSF for a shelf. The pool's lock is held. */
static bool gather_one(BdaAllocator allocator, struct bda_stock *stock, uint32_t number, VkDeviceSize alignment) {
    struct bda_pool *pool = stock->pool;
    if (!bda_range_secure_nodes(allocator, pool, BDA_TLSF_NODES_PER_ALLOC))
        return false;
    struct bda_taken taken = bda_tlsf_take(&pool->tlsf, bda_shelf_begin(number), alignment);
    if (taken.index == 0)
        return false;
    const struct bda_live live = { (uint32_t)taken.index, taken.node, bda_block_of(allocator, taken.node), pool };
    bda_node_set_state(live.node, BDA_NODE_CACHED);
    if (bda_range_is_large(live.node) || bda_node_zone(live.node) >= stock->zones) {
        bda_tlsf_free_node(&pool->tlsf, live.index, live.node); /* it lies where none is kept */
        return false;
    }
    struct bda_shelf *shelf = &stock->shelves[number];
    if (live.block->idle != 0)
        live.block->idle = 0;
    bda_pool_watch_level(pool);
    pool->counters.live_count++;
    bda_node_set_record(live.node, bda_home(bda_pool_stock(pool), number));
    bda_node_set_link(live.node, shelf->first);
    set_first(stock, number, live.index, bda_shelf_count(shelf) + 1);
    bda_stock_keep(stock, live.node->size);
    return true;
}

/* Fills a shelf from TLSF. A thread that is not alone takes more ranges at once each time that it comes for some, so
 * that it comes for the lock seldom, and their nodes lie side by side in cache lines that are no other thread's. What
 * has to go again before it was asked for makes it modest; and where there is little space, one will do, since what is
 * taken ahead would drive out what is needed. */
static void gather(BdaAllocator allocator, struct bda_stock *stock, uint32_t number, VkDeviceSize alignment) {
    struct bda_shelf *shelf = &stock->shelves[number];
    uint64_t space = stock->most - bda_min(bda_stock_kept(stock), stock->most);
    uint64_t wanted = bda_min(1u + shelf->eager, space / BDA_GATHER_SHARE / bda_shelf_begin(number));
    if (bda_thread_is_alone(allocator) || !atomic_load_explicit(&stock->pool->roomy, memory_order_relaxed) ||
        wanted < 2)
        wanted = 0;
    shelf->eager = (uint8_t)bda_min(1u + shelf->eager, bda_min(shelf->most, BDA_GATHER_MOST) - 1);
    if (wanted == 0)
        return;
    bda_mutex_lock(&stock->pool->lock);
    while (wanted != 0 && gather_one(allocator, stock, number, alignment))
        wanted--;
    if (wanted != 0)
        shelf->eager = 0;
    bda_pool_bound_caches(stock->pool);
    bda_mutex_unlock(&stock->pool->lock);
}

/* A full list leaves: for the depot, or back to TLSF. */
static void hand_over(BdaAllocator allocator, struct bda_stock *stock, uint32_t number, uint32_t list) {
    struct bda_pool *pool = stock->pool;
    struct bda_depot *depot = &pool->depot;
    uint64_t granules, most = atomic_load_explicit(&pool->cached_most, memory_order_relaxed);
    bda_mutex_lock(&pool->lock);
    uint64_t before = depot->granules;
    if (bda_depot_give(depot, bda_nodes_chunks(&allocator->nodes), number, list, most))
        granules = depot->granules - before;
    else
        granules = bda_list_release(allocator, pool, list);
    bda_mutex_unlock(&pool->lock);
    bda_stock_keep(stock, 0 - granules);
}

/* Empties one shelf after another, from where it left off last time, until a quarter of what may be kept is free again.
 */
static void make_space(BdaAllocator allocator, struct bda_stock *stock) {
    uint64_t wanted = stock->most - stock->most / 4;
    for (uint32_t tries = 0; tries < BDA_SHELVES && bda_stock_kept(stock) > wanted; tries++) {
        stock->hand = (stock->hand + 1) % BDA_SHELVES;
        const struct bda_shelf *shelf = &stock->shelves[stock->hand];
        if ((shelf->first | bda_shelf_full(shelf)) == 0)
            continue;
        stock->shelves[stock->hand].eager = 0;
        bda_mutex_lock(&stock->pool->lock);
        uint64_t granules = release_shelf(allocator, stock, stock->hand);
        bda_mutex_unlock(&stock->pool->lock);
        bda_stock_keep(stock, 0 - granules);
    }
}

/* What may be kept follows how much of the pool is free, and is shared by the threads. */
static void keep_within_bounds(BdaAllocator allocator, struct bda_stock *stock) {
    uint64_t caches = bda_max(atomic_load_explicit(&allocator->cache_count, memory_order_relaxed), 1);
    stock->most = atomic_load_explicit(&stock->pool->cached_most, memory_order_relaxed) / caches;
    stock->zones = atomic_load_explicit(&stock->pool->kept_zones, memory_order_relaxed);
    stock->reach = atomic_load_explicit(&stock->pool->roomy, memory_order_relaxed) ? BDA_REACH_ROOMY : 1;
    if (bda_stock_kept(stock) >= stock->most)
        make_space(allocator, stock);
}

/* Sees to it that the shelf has room for one more. */
static void make_room(BdaAllocator allocator, struct bda_stock *stock, uint32_t number) {
    struct bda_shelf *shelf = &stock->shelves[number];
    if (bda_shelf_count(shelf) < shelf->most)
        return;
    if (bda_shelf_full(shelf) != 0)
        hand_over(allocator, stock, number, bda_shelf_full(shelf));
    uint32_t list = shelf->first, count = bda_shelf_count(shelf);
    set_first(stock, number, 0, 0);
    set_full(stock, number, list, count);
}

void bda_stock_drain(BdaAllocator allocator, struct bda_stock *stock) {
    uint64_t granules = 0;
    bda_mutex_lock(&stock->pool->lock);
    for (uint32_t shelf = 0; shelf < BDA_SHELVES; shelf++)
        granules += release_shelf(allocator, stock, shelf);
    bda_mutex_unlock(&stock->pool->lock);
    bda_stock_keep(stock, 0 - granules);
}

/* ---- The longer ways of a request and a free ---- */

bool bda_cache_fetch(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                     struct bda_live *live) {
    struct bda_extent extent = bda_range_extent(pool, request);
    struct bda_cache *cache = bda_cache_of_thread(allocator, true);
    if (extent.granules > BDA_CACHED_MOST)
        return false;
    if (atomic_load_explicit(&allocator->wishes, memory_order_relaxed))
        bda_caches_grant(allocator, pool);
    struct bda_stock *stock = cache != NULL ? bda_cache_stock(cache, bda_pool_stock(pool)) : NULL;
    uint32_t number = bda_shelf_for(extent.granules);
    if (cache != NULL && stock == NULL && bda_pool_stock(pool) != BDA_STOCKS && !bda_thread_is_alone(allocator))
        stock = bda_caches_open_stock(allocator, cache, pool);
    if (stock == NULL || !bda_claim_enter(&cache->claim))
        return false;
    if (stock->shelves[number].first == 0)
        refill(allocator, stock, number);
    uint64_t offers = bda_stock_offers(stock, number);
    if (offers == 0) {
        keep_within_bounds(allocator, stock);
        gather(allocator, stock, number, extent.alignment);
        offers = bda_stock_offers(stock, number);
    }
    bool taken = offers != 0 && bda_shelf_take(allocator, stock, number + bda_lowest_bit64(offers), request->size,
                                               extent.alignment, live);
    bda_claim_leave(&cache->claim);
    return taken;
}

bool bda_cache_store(BdaAllocator allocator, BdaHandle handle, struct bda_node *node, struct bda_pool *pool) {
    struct bda_cache *cache = bda_cache_of_thread(allocator, false);
    uint32_t home = bda_node_home(node);
    if (cache == NULL)
        return false;
    struct bda_stock *stock = bda_cache_stock(cache, bda_home_stock(home));
    if (stock == NULL)
        bda_caches_wish(allocator, cache, pool);
    if (stock == NULL || !bda_claim_enter(&cache->claim))
        return false;
    keep_within_bounds(allocator, stock);
    bool wanted = bda_node_zone(node) < stock->zones;
    if (wanted)
        make_room(allocator, stock, bda_home_shelf(home));
    bda_claim_leave(&cache->claim);
    return wanted && bda_cache_put(allocator, handle, node);
}

/* A retired range goes onto its shelf, where there is room. The owner is inside. */
BDA_INLINE bool keep(struct bda_stock *stock, uint32_t number, const struct bda_live *live) {
    const struct bda_shelf *shelf = &stock->shelves[number];
    if (bda_shelf_count(shelf) >= shelf->most || bda_stock_kept(stock) >= stock->most ||
        bda_node_zone(live->node) >= stock->zones)
        return false;
    bda_node_set_record(live->node, bda_home(bda_pool_stock(stock->pool), number));
    bda_node_set_state(live->node, BDA_NODE_CACHED);
    bda_shelf_put(stock, number, live->index, live->node);
    return true;
}

bool bda_cache_keep(BdaAllocator allocator, const struct bda_live *live) {
    struct bda_cache *cache = bda_cache_of_thread(allocator, false);
    uint32_t number = bda_shelf_of(live->node->size);
    if (cache == NULL)
        return false;
    struct bda_stock *stock = bda_cache_stock(cache, bda_pool_stock(live->pool));
    if (stock == NULL)
        bda_caches_wish(allocator, cache, live->pool);
    if (stock == NULL || !bda_claim_enter(&cache->claim))
        return false;
    bool kept = keep(stock, number, live);
    if (!kept) {
        keep_within_bounds(allocator, stock);
        if (bda_node_zone(live->node) < stock->zones) {
            make_room(allocator, stock, number);
            kept = keep(stock, number, live);
        }
    }
    bda_claim_leave(&cache->claim);
    return kept;
}
