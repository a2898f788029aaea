/* What of the caches is not in the way of every call, see cache.h. */
#include "alloc/cache.h"

#include <string.h>

BDA_THREAD_LOCAL struct bda_known_cache bda_known_caches[BDA_CACHES_KNOWN];

static bool is_alone(BdaAllocator allocator) {
    return atomic_load_explicit(&allocator->cache_count, memory_order_relaxed) < 2;
}

/* ---- Back to TLSF ---- */

/* Gives a list back; returns its granules. The pool's lock is held. */
static uint64_t release_list(BdaAllocator allocator, struct bda_pool *pool, uint32_t list) {
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

static uint64_t release_depot(BdaAllocator allocator, struct bda_pool *pool) {
    uint64_t granules = 0;
    struct bda_list_sum ignored;
    bda_node_chunks chunks = bda_nodes_chunks(&allocator->nodes);
    for (uint32_t shelf = 0; shelf < BDA_SHELVES; shelf++)
        for (uint32_t list;
             (list = bda_depot_take(&pool->depot, chunks, bda_home(bda_pool_stock(pool), shelf), &ignored)) != 0;)
            granules += release_list(allocator, pool, list);
    return granules;
}

/* ---- Shelves; the owner is inside ---- */

static uint32_t full_of(const struct bda_shelf *shelf) {
    return atomic_load_explicit(&shelf->full, memory_order_relaxed);
}

static uint32_t full_count_of(const struct bda_shelf *shelf) {
    return atomic_load_explicit(&shelf->full_count, memory_order_relaxed);
}

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
    uint64_t granules = release_list(allocator, pool, shelf->first) + release_list(allocator, pool, full_of(shelf));
    set_first(stock, number, 0, 0);
    set_full(stock, number, 0, 0);
    return granules;
}

/* Fills an empty shelf: with the full list behind it, or one from the depot. */
static void refill(BdaAllocator allocator, struct bda_stock *stock, uint32_t number) {
    struct bda_shelf *shelf = &stock->shelves[number];
    struct bda_pool *pool = stock->pool;
    uint32_t list = full_of(shelf), count = full_count_of(shelf);
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
    if (live.node->size != bda_shelf_begin(number) || bda_node_zone(live.node) >= stock->zones) {
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
    if (is_alone(allocator) || !atomic_load_explicit(&stock->pool->roomy, memory_order_relaxed) || wanted < 2)
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
        granules = release_list(allocator, pool, list);
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
        if ((shelf->first | full_of(shelf)) == 0)
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
    if (full_of(shelf) != 0)
        hand_over(allocator, stock, number, full_of(shelf));
    uint32_t list = shelf->first, count = bda_shelf_count(shelf);
    set_first(stock, number, 0, 0);
    set_full(stock, number, list, count);
}

/* ---- Whose cache ---- */

/* Allocators with caches of threads, so that a thread that ends finds those that it leaves behind. Its lock comes
 * before every other. */
static struct bda_mutex registry_lock = BDA_MUTEX_INITIALIZER;
static BdaAllocator registry;

/* Names the calling thread among those that live. */
static void *this_thread(void) {
    return bda_known_caches;
}

static uint64_t drain_stock(BdaAllocator allocator, struct bda_pool *pool, struct bda_stock *stock) {
    uint64_t granules = 0;
    bda_mutex_lock(&pool->lock);
    for (uint32_t shelf = 0; shelf < BDA_SHELVES; shelf++)
        granules += release_shelf(allocator, stock, shelf);
    bda_mutex_unlock(&pool->lock);
    bda_stock_keep(stock, 0 - granules);
    return granules;
}

/* What the cache keeps of one pool's ranges, or of all (NULL), goes back. Its owner is out, or the caller. */
static uint64_t drain_cache(BdaAllocator allocator, struct bda_cache *cache, const struct bda_pool *only) {
    uint64_t granules = 0;
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older) {
        struct bda_stock *stock = atomic_load_explicit(&cache->stocks[bda_pool_stock(pool)], memory_order_acquire);
        if (stock != NULL && (only == NULL || only == pool))
            granules += drain_stock(allocator, pool, stock);
    }
    return granules;
}

static void leave_behind(BdaAllocator allocator) {
    bda_mutex_lock(&allocator->caches_lock);
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    for (; cache != NULL; cache = cache->older)
        if (cache->owner == this_thread()) {
            (void)drain_cache(allocator, cache, NULL);
            cache->owner = NULL;
            atomic_fetch_sub_explicit(&allocator->cache_count, 1, memory_order_relaxed);
        }
    bda_mutex_unlock(&allocator->caches_lock);
}

static void end_thread(void) {
    bda_mutex_lock(&registry_lock);
    for (BdaAllocator allocator = registry; allocator != NULL; allocator = allocator->registered_before)
        leave_behind(allocator);
    memset(bda_known_caches, 0, sizeof bda_known_caches);
    bda_mutex_unlock(&registry_lock);
}

/* One that was this thread's (more allocators take turns than a thread remembers), else one that is nobody's. */
static struct bda_cache *find_cache(BdaAllocator allocator) {
    struct bda_cache *found = NULL;
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    for (; cache != NULL; cache = cache->older)
        if (cache->owner == this_thread() || (cache->owner == NULL && found == NULL))
            found = cache;
    return found;
}

static struct bda_cache *make_cache(BdaAllocator allocator) {
    struct bda_cache *cache = bda_host_allocate(&allocator->host, sizeof *cache, _Alignof(struct bda_cache));
    if (cache == NULL)
        return NULL;
    memset(cache, 0, sizeof *cache);
    cache->claim.barrier = allocator->barrier;
    cache->older = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    atomic_store_explicit(&allocator->newest_cache, cache, memory_order_release);
    return cache;
}

/* Finds the calling thread's cache, or makes it where the caller `may` take memory; NULL: there is none. */
static struct bda_cache *adopt(BdaAllocator allocator, bool may) {
    bool waiting = !may && atomic_load_explicit(&allocator->wishes, memory_order_relaxed);
    if (waiting || !bda_thread_watch(end_thread))
        return NULL;
    bda_mutex_lock(&allocator->caches_lock);
    struct bda_cache *cache = find_cache(allocator);
    if (cache == NULL && may)
        cache = make_cache(allocator);
    if (cache != NULL) {
        atomic_fetch_add_explicit(&allocator->cache_count, cache->owner == NULL, memory_order_relaxed);
        cache->owner = this_thread();
        allocator->wish_for_cache = false; /* this thread's, most likely */
    } else {
        allocator->wish_for_cache = true;
        atomic_store_explicit(&allocator->wishes, true, memory_order_relaxed);
    }
    bda_mutex_unlock(&allocator->caches_lock);
    return cache;
}

static struct bda_cache *cache_of_thread(BdaAllocator allocator, bool may) {
    struct bda_cache *cache = bda_cache_at_hand(allocator);
    if (cache != NULL)
        return cache;
    cache = allocator->caches_off ? &allocator->no_cache : adopt(allocator, may);
    if (cache != NULL)
        bda_known_caches[allocator->serial % BDA_CACHES_KNOWN] = (struct bda_known_cache){ allocator->serial, cache };
    return cache;
}

static struct bda_stock *make_stock(BdaAllocator allocator, struct bda_pool *pool) {
    struct bda_stock *stock = bda_host_allocate(&allocator->host, sizeof *stock, _Alignof(struct bda_stock));
    if (stock == NULL)
        return NULL;
    memset(stock, 0, sizeof *stock);
    stock->pool = pool;
    stock->reach = 1;
    for (uint32_t number = 0; number < BDA_SHELVES; number++)
        stock->shelves[number].most = (uint8_t)bda_list_length(number, is_alone(allocator));
    return stock;
}

/* Makes the cache's stock for a pool; the lock of the caches is held. */
static struct bda_stock *open_stock(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *pool) {
    struct bda_stock *stock = bda_cache_stock(cache, bda_pool_stock(pool));
    if (stock != NULL || bda_pool_stock(pool) == BDA_STOCKS || allocator->caches_off)
        return stock;
    stock = make_stock(allocator, pool);
    atomic_store_explicit(&cache->stocks[bda_pool_stock(pool)], stock, memory_order_release);
    return stock;
}

/* Where a thread only frees, what it lacks is made by one that allocates. */
static void wish(BdaAllocator allocator, struct bda_cache *cache, const struct bda_pool *pool) {
    if (bda_pool_stock(pool) == BDA_STOCKS || allocator->caches_off ||
        atomic_load_explicit(&allocator->wishes, memory_order_relaxed))
        return;
    bda_mutex_lock(&allocator->caches_lock);
    cache->wishes |= 1u << bda_pool_stock(pool);
    bda_mutex_unlock(&allocator->caches_lock);
    atomic_store_explicit(&allocator->wishes, true, memory_order_relaxed);
}

/* A cache that is nobody's, with a stock for the pool, for the next thread that only frees. */
static void provide(BdaAllocator allocator, struct bda_pool *pool) {
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    while (cache != NULL && cache->owner != NULL)
        cache = cache->older;
    if (cache == NULL)
        cache = make_cache(allocator);
    if (cache != NULL)
        (void)open_stock(allocator, cache, pool);
}

/* What host memory is refused for is wished for again. */
BDA_COLD void grant_wishes(BdaAllocator allocator, struct bda_pool *pool) {
    bda_mutex_lock(&allocator->caches_lock);
    atomic_store_explicit(&allocator->wishes, false, memory_order_relaxed);
    if (allocator->wish_for_cache)
        provide(allocator, pool);
    allocator->wish_for_cache = false;
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    for (; cache != NULL; cache = cache->older) {
        struct bda_pool *wished = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
        for (; wished != NULL; wished = wished->older)
            if (bda_pool_stock(wished) != BDA_STOCKS && (cache->wishes >> bda_pool_stock(wished) & 1) != 0)
                (void)open_stock(allocator, cache, wished);
        cache->wishes = 0;
    }
    bda_mutex_unlock(&allocator->caches_lock);
}

/* A thread that is not alone has use for a stock before it frees anything: it takes several ranges at a time, and what
 * threads give to the depot that only free. */
static struct bda_stock *stock_of(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *pool) {
    bda_mutex_lock(&allocator->caches_lock);
    struct bda_stock *stock = open_stock(allocator, cache, pool);
    bda_mutex_unlock(&allocator->caches_lock);
    return stock;
}

/* ---- The longer ways of a request and a free ---- */

bool bda_cache_fetch(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                     struct bda_live *live) {
    if (allocator->caches_off)
        return false;
    struct bda_extent extent = bda_range_extent(pool, request);
    struct bda_cache *cache = cache_of_thread(allocator, true);
    if (extent.granules > BDA_CACHED_MOST)
        return false;
    if (atomic_load_explicit(&allocator->wishes, memory_order_relaxed))
        grant_wishes(allocator, pool);
    struct bda_stock *stock = cache != NULL ? bda_cache_stock(cache, bda_pool_stock(pool)) : NULL;
    uint32_t number = bda_shelf_for(extent.granules);
    if (cache != NULL && stock == NULL && bda_pool_stock(pool) != BDA_STOCKS && !is_alone(allocator))
        stock = stock_of(allocator, cache, pool);
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
    struct bda_cache *cache = cache_of_thread(allocator, false);
    uint32_t home = bda_node_home(node);
    if (cache == NULL)
        return false;
    struct bda_stock *stock = bda_cache_stock(cache, bda_home_stock(home));
    if (stock == NULL)
        wish(allocator, cache, pool);
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
    struct bda_cache *cache = cache_of_thread(allocator, false);
    uint32_t number = bda_shelf_of(live->node->size);
    if (cache == NULL)
        return false;
    struct bda_stock *stock = bda_cache_stock(cache, bda_pool_stock(live->pool));
    if (stock == NULL)
        wish(allocator, cache, live->pool);
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

/* ---- Others ---- */

static bool holds_any(struct bda_cache *cache, const struct bda_pool *only) {
    for (uint32_t i = 0; i < BDA_STOCKS; i++) {
        const struct bda_stock *stock = atomic_load_explicit(&cache->stocks[i], memory_order_acquire);
        if (stock != NULL && (only == NULL || bda_pool_stock(only) == i) && bda_stock_kept(stock) != 0)
            return true;
    }
    return false;
}

/* Whether a cache is to be drained; asked once. */
typedef bool (*choice)(struct bda_cache *cache, const struct bda_pool *only);

/* Keeps the owners of the chosen caches out. The lock of the caches is held. */
static void claim_chosen(BdaAllocator allocator, choice choose, const struct bda_pool *only) {
    struct bda_cache *newest = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed), *cache;
    bool any = false;
    for (cache = newest; cache != NULL; cache = cache->older) {
        cache->chosen = choose(cache, only);
        if (cache->chosen)
            bda_claim_announce(&cache->claim);
        any = any || (cache->chosen && cache->owner != this_thread());
    }
    if (any && allocator->barrier)
        bda_barrier_everywhere();
    for (cache = newest; cache != NULL; cache = cache->older)
        if (cache->chosen)
            bda_claim_wait(&cache->claim);
}

static void give_back_chosen(BdaAllocator allocator) {
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    for (; cache != NULL; cache = cache->older)
        if (cache->chosen)
            bda_claim_give_back(&cache->claim);
}

static uint64_t drain_chosen(BdaAllocator allocator, choice choose, const struct bda_pool *only) {
    uint64_t granules = 0;
    bda_mutex_lock(&allocator->caches_lock);
    claim_chosen(allocator, choose, only);
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    for (; cache != NULL; cache = cache->older)
        if (cache->chosen)
            granules += drain_cache(allocator, cache, only);
    give_back_chosen(allocator);
    bda_mutex_unlock(&allocator->caches_lock);
    return granules;
}

/* `idle_only`: a depot that was used since it was last asked is left alone. */
static uint64_t drain_depots(BdaAllocator allocator, const struct bda_pool *only, bool idle_only) {
    uint64_t granules = 0;
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older) {
        if (only != NULL && only != pool)
            continue;
        bda_mutex_lock(&pool->lock);
        if (pool->depot.granules != 0 && !(idle_only && pool->depot.used))
            granules += release_depot(allocator, pool);
        pool->depot.used = false;
        bda_mutex_unlock(&pool->lock);
    }
    return granules;
}

uint64_t bda_caches_drain(BdaAllocator allocator, struct bda_pool *pool) {
    return drain_chosen(allocator, holds_any, pool) + drain_depots(allocator, pool, false);
}

static bool is_idle(struct bda_cache *cache, const struct bda_pool *only) {
    uint32_t turn = atomic_load_explicit(&cache->claim.turn, memory_order_relaxed);
    bool idle = turn == cache->turn_seen;
    cache->turn_seen = turn;
    return idle && holds_any(cache, only);
}

void bda_caches_drain_idle(BdaAllocator allocator) {
    (void)drain_chosen(allocator, is_idle, NULL);
    (void)drain_depots(allocator, NULL, true);
}

static bool is_any(struct bda_cache *cache, const struct bda_pool *only) {
    (void)cache;
    (void)only;
    return true;
}

void bda_caches_stop(BdaAllocator allocator) {
    bda_mutex_lock(&allocator->caches_lock);
    claim_chosen(allocator, is_any, NULL);
}

void bda_caches_go(BdaAllocator allocator) {
    give_back_chosen(allocator);
    bda_mutex_unlock(&allocator->caches_lock);
}

bool bda_caches_hold(BdaAllocator allocator, const struct bda_pool *pool) {
    if (pool->depot.granules != 0)
        return true;
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_acquire);
    for (; cache != NULL; cache = cache->older)
        if (holds_any(cache, pool))
            return true;
    return false;
}

static uint64_t count_in(const struct bda_stock *stock) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < BDA_SHELVES; i++) {
        const struct bda_shelf *shelf = &stock->shelves[i];
        count += bda_shelf_count(shelf) + full_count_of(shelf);
    }
    return count;
}

static void add_stock(struct bda_cached *sum, struct bda_cache *cache, const struct bda_pool *pool) {
    const struct bda_stock *stock = atomic_load_explicit(&cache->stocks[bda_pool_stock(pool)], memory_order_acquire);
    if (stock == NULL)
        return;
    sum->count += count_in(stock);
    sum->used += atomic_load_explicit(&stock->used, memory_order_relaxed);
    sum->granules += bda_stock_kept(stock);
}

/* Caches are read one after another: of a range that one thread takes and another one frees meanwhile, only the end may
 * have been seen. */
static uint64_t not_below_zero(uint64_t difference, uint64_t counted) {
    return (int64_t)(counted + difference) < 0 ? 0 - counted : difference;
}

struct bda_cached bda_caches_sum(BdaAllocator allocator, const struct bda_pool *pool) {
    struct bda_cached sum = { pool->depot.count, 0, pool->depot.granules };
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_acquire);
    for (; cache != NULL; cache = cache->older)
        add_stock(&sum, cache, pool);
    sum.count = bda_min(sum.count, pool->counters.live_count);
    sum.used = not_below_zero(sum.used, pool->counters.used);
    return sum;
}

/* ---- With the allocator ---- */

void bda_caches_init(BdaAllocator allocator, bool off) {
    static _Atomic uint64_t last;
    allocator->serial = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
    allocator->caches_off = off || !allocator->locks;
    allocator->barrier = !allocator->caches_off && bda_barrier_exists();
    bda_mutex_init(&allocator->caches_lock, allocator->locks);
    bda_mutex_lock(&registry_lock);
    allocator->registered_before = registry;
    registry = allocator;
    bda_mutex_unlock(&registry_lock);
}

static void unregister(BdaAllocator allocator) {
    bda_mutex_lock(&registry_lock);
    BdaAllocator *link = &registry;
    while (*link != allocator)
        link = &(*link)->registered_before;
    *link = allocator->registered_before;
    bda_mutex_unlock(&registry_lock);
}

static void release_stocks(BdaAllocator allocator, struct bda_cache *cache) {
    for (uint32_t i = 0; i < BDA_STOCKS; i++)
        bda_host_release(&allocator->host, atomic_load_explicit(&cache->stocks[i], memory_order_relaxed),
                         sizeof(struct bda_stock));
}

void bda_caches_finish(BdaAllocator allocator) {
    unregister(allocator);
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    while (cache != NULL) {
        struct bda_cache *older = cache->older;
        release_stocks(allocator, cache);
        bda_host_release(&allocator->host, cache, sizeof *cache);
        cache = older;
    }
    bda_mutex_destroy(&allocator->caches_lock);
}
