/* The middle ways of a request and a free, see cache.h. */
#include "alloc/caches.h"

#include <assert.h>

/* A bundle for a shard that the thread frees into now and then is long on its way to be full, and while it waits the
 * blocks of its ranges are not empty. */
void bda_cache_send_waiting(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *head) {
    if (!bda_claim_enter(&cache->claim))
        return;
    for (struct bda_pool *shard = head; shard != NULL; shard = bda_pool_next_shard(shard)) {
        struct bda_stock *stock = bda_cache_stock(cache, bda_pool_stock(shard));
        if (stock == NULL || stock->source)
            continue;
        if (bda_stock_kept(stock) != 0 && bda_bundle_count(&stock->outgoing) == stock->waiting)
            bda_stock_drain(allocator, stock);
        stock->waiting = bda_bundle_count(&stock->outgoing);
    }
    bda_claim_leave(&cache->claim);
}

/* ---- The middle ways of a request and a free ---- */

static void keep_within_bounds(BdaAllocator allocator, struct bda_cache *cache, struct bda_stock *stock) {
    bda_stock_bound(allocator, stock);
    cache->open |= stock->most[BDA_KEPT_SMALL] != 0;
}

/* What the thread's requests to a pool come from, or NULL. A thread that is not alone has use for a stock before it
 * frees anything: it takes from the depot what threads that only free leave there; and where others take, too, several
 * ranges at a time. */
static struct bda_stock *source_of(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *pool) {
    uint32_t head = bda_pool_stock(pool);
    if (cache->sources[head] != NULL)
        return cache->sources[head];
    struct bda_stock *stock = bda_cache_stock(cache, head);
    if (stock == NULL && head != BDA_STOCKS && !bda_thread_is_alone(allocator))
        stock = bda_caches_open_stock(allocator, cache, pool);
    bda_stock_become_source(allocator, stock);
    cache->sources[head] = stock;
    return stock;
}

/* Nothing that is kept serves a request: what the stock may keep is looked at anew, and some is taken ahead where
 * others take, too. Returns what serves it then. */
static uint64_t look_further(BdaAllocator allocator, struct bda_cache *cache, struct bda_stock *stock, uint32_t number,
                             VkDeviceSize alignment) {
    stock->fed -= stock->fed != 0;
    keep_within_bounds(allocator, cache, stock);
    if (bda_stock_is_of_little_use(stock, atomic_load_explicit(&cache->ring.head, memory_order_relaxed))) {
        bda_stock_rest(allocator, stock);
        cache->open = false; /* or each free would ask for a home that serves nothing */
    }
    if (bda_stock_takers(stock) < 2)
        return 0;
    bda_stock_gather(allocator, stock, number, alignment);
    return bda_stock_offers(stock, number);
}

bool bda_cache_fetch(BdaAllocator allocator, struct bda_pool *pool, struct bda_extent extent, VkDeviceSize size,
                     uint32_t record, struct bda_live *live) {
    struct bda_cache *cache = bda_cache_of_thread(allocator, true);
    if (extent.granules > BDA_CACHED_MOST)
        return false;
    if (atomic_load_explicit(&allocator->wishes, memory_order_relaxed))
        bda_caches_grant(allocator, pool);
    struct bda_stock *stock = cache != NULL ? source_of(allocator, cache, pool) : NULL;
    uint32_t number = bda_shelf_for(extent.granules);
    if (stock == NULL || !bda_claim_enter(&cache->claim))
        return false;
    uint64_t fetches = atomic_load_explicit(&cache->fetches, memory_order_relaxed);
    atomic_store_explicit(&cache->fetches, fetches + 1, memory_order_relaxed);
    /* one that has just become the source, or rested, has no space for a bundle yet, and would lose it */
    if (stock->most[BDA_KEPT_SMALL] == 0 && bda_depot_filled(&stock->pool->depot) != 0)
        keep_within_bounds(allocator, cache, stock);
    if (stock->shelves[number].first == 0)
        bda_stock_refill(allocator, stock, number);
    uint64_t offers = bda_stock_offers(stock, number);
    if (offers == 0)
        offers = look_further(allocator, cache, stock, number, extent.alignment);
    bool taken = offers != 0 && bda_shelf_take(allocator, stock, number + bda_lowest_bit64(offers), size,
                                               extent.alignment, record, live);
    bda_claim_leave(&cache->claim);
    return taken;
}

/* The stock that a free goes to, with its owner inside; NULL: there is none, or somebody else is inside. */
static struct bda_stock *enter(BdaAllocator allocator, struct bda_cache *cache, uint32_t number,
                               const struct bda_pool *shard) {
    struct bda_stock *stock = cache != NULL ? bda_cache_stock(cache, number) : NULL;
    if (cache != NULL && stock == NULL)
        bda_caches_wish(allocator, cache, shard);
    bool enters = stock != NULL && bda_claim_enter(&cache->claim);
    return enters ? stock : NULL;
}

/* Retires an allocation of a shard that the thread does not take from: it leaves with the next bundle. */
static bool pass_on(BdaAllocator allocator, struct bda_cache *cache, struct bda_stock *stock,
                    const struct bda_leaver *leaver) {
    if (!bda_cache_retire(leaver))
        return false;
    uint64_t extent = bda_history_extent(leaver->node);
    bda_cache_tell(allocator, cache, leaver->handle, leaver->node, extent);
    bda_stock_count_in(stock, BDA_KEPT_SMALL, extent);
    bda_stock_put_out(stock, bda_handle_index(leaver->handle), leaver->node);
    return true;
}

static void stop_passing(struct bda_cache *cache, uint32_t number) {
    struct bda_stock *stock = cache != NULL ? bda_cache_stock(cache, number) : NULL;
    if (stock == NULL || stock->passed_most == 0 || !bda_claim_enter(&cache->claim))
        return;
    bda_stock_stop_passing(stock);
    bda_claim_leave(&cache->claim);
}

bool bda_cache_store(BdaAllocator allocator, struct bda_pool *pool, const struct bda_leaver *leaver) {
    struct bda_cache *cache = bda_cache_of_thread(allocator, false);
    const uint32_t number = bda_home_stock(leaver->home), shelf = bda_home_shelf(leaver->home);
    if (bda_pool_rests(pool)) {
        stop_passing(cache, number);
        return false;
    }
    struct bda_stock *stock = enter(allocator, cache, number, pool);
    if (stock == NULL)
        return false;
    keep_within_bounds(allocator, cache, stock);
    bool kept = false;
    if (bda_range_may_be_kept(stock->pool, leaver->node) &&
        bda_stock_has_space(stock, bda_stock_kept_as(stock, shelf))) {
        if (stock->source)
            bda_stock_make_room(allocator, stock, shelf);
        kept = stock->source ? bda_cache_put_in(allocator, cache, stock, leaver)
                             : pass_on(allocator, cache, stock, leaver);
    }
    bda_claim_leave(&cache->claim);
    return kept;
}

/* Whether a retired range goes onto its shelf, or with the next bundle. The owner is inside. */
BDA_INLINE bool has_room_for(const struct bda_stock *stock, uint32_t number, struct bda_node *node) {
    const struct bda_shelf *shelf = &stock->shelves[number];
    return (!stock->source || bda_shelf_count(shelf) < shelf->most) &&
           bda_stock_has_space(stock, bda_stock_kept_as(stock, number)) && bda_range_may_be_kept(stock->pool, node);
}

BDA_INLINE void put(struct bda_stock *stock, uint32_t number, const struct bda_live *live) {
    bda_stock_count_in(stock, bda_stock_kept_as(stock, number), bda_history_extent(live->node));
    if (stock->source)
        bda_shelf_push(stock, number, live->index, live->node);
    else
        bda_stock_put_out(stock, live->index, live->node);
}

/* One that is not kept yet, where there is room. */
BDA_INLINE bool keep(struct bda_stock *stock, uint32_t number, const struct bda_live *live) {
    if (!has_room_for(stock, number, live->node))
        return false;
    bda_node_set_record(live->node, bda_home(bda_pool_stock(stock->pool), number));
    bda_node_set_state(live->node, BDA_NODE_CACHED);
    put(stock, number, live);
    return true;
}

bool bda_cache_keep(BdaAllocator allocator, const struct bda_live *live) {
    struct bda_cache *cache = bda_cache_of_thread(allocator, false);
    uint32_t number = bda_shelf_of(bda_node_size(live->node));
    struct bda_stock *stock = enter(allocator, cache, bda_pool_stock(live->pool), live->pool);
    if (stock == NULL)
        return false;
    bool kept = keep(stock, number, live);
    if (!kept) {
        keep_within_bounds(allocator, cache, stock);
        if (stock->source)
            bda_stock_make_room(allocator, stock, number);
        kept = keep(stock, number, live);
    }
    bda_claim_leave(&cache->claim);
    return kept;
}

/* ---- Several frees ---- */

struct bda_cache *bda_cache_enter(BdaAllocator allocator) {
    struct bda_cache *cache = allocator->caches_off ? NULL : bda_cache_of_thread(allocator, false);
    return cache != NULL && bda_claim_enter(&cache->claim) ? cache : NULL;
}

bool bda_cache_may_keep(BdaAllocator allocator, struct bda_cache *cache, struct bda_node *node,
                        struct bda_pool **lacks) {
    uint32_t home = bda_node_home(node);
    struct bda_pool *shard = atomic_load_explicit(&bda_block_of(allocator, node)->pool, memory_order_acquire);
    if (!bda_home_is_one(home) || shard == NULL || bda_pool_rests(shard))
        return false;
    bool has_stock = bda_cache_stock(cache, bda_home_stock(home)) != NULL;
    if (!has_stock)
        *lacks = shard;
    return has_stock;
}

bool bda_cache_retire_one(BdaHandle handle, struct bda_node *node, uint32_t tag) {
    const struct bda_leaver leaver = { handle, node, tag, bda_node_home(node) };
    return bda_home_is_one(leaver.home) && bda_cache_retire(&leaver);
}

/* Not by a home that its node says, see bda_node_home. */
bool bda_cache_keep_one(BdaAllocator allocator, struct bda_cache *cache, BdaHandle handle, const struct bda_live *live,
                        struct bda_stock **bounded) {
    struct bda_stock *stock = bda_cache_stock(cache, live->block->stock);
    uint32_t number = bda_shelf_of(bda_node_size(live->node));
    bda_cache_tell(allocator, cache, handle, live->node, bda_history_extent(live->node));
    assert(stock != NULL);
    if (stock != *bounded)
        keep_within_bounds(allocator, cache, stock);
    *bounded = stock;
    if (!has_room_for(stock, number, live->node))
        return false;
    put(stock, number, live);
    return true;
}
