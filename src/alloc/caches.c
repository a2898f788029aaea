/* See caches.h. */
#include "alloc/caches.h"

#include <string.h>

BDA_THREAD_LOCAL struct bda_known_cache bda_last_cache;

/* More of them, so that a thread may change between a few allocators: where its serial leads. */
static BDA_THREAD_LOCAL struct bda_known_cache known_caches[BDA_CACHES_KNOWN];

/* ---- Whose cache ---- */

/* Allocators with caches of threads, so that a thread that ends finds those that it leaves behind. Its lock comes
 * before every other. */
static struct bda_mutex registry_lock = BDA_MUTEX_INITIALIZER;
static BdaAllocator registry;

/* So many stocks a cache may have. */
static uint32_t stock_count(BdaAllocator allocator) {
    return atomic_load_explicit(&allocator->stock_count, memory_order_relaxed);
}

/* What the cache keeps of one pool's ranges, whatever their shard, or of all (NULL), goes back. Its owner is out, or
 * the caller. */
static void drain_cache(BdaAllocator allocator, struct bda_cache *cache, const struct bda_pool *only) {
    for (uint32_t i = 0; i < stock_count(allocator); i++) {
        struct bda_stock *stock = bda_cache_stock(cache, i);
        if (stock != NULL && (only == NULL || only == stock->pool->head))
            bda_stock_drain(allocator, stock);
    }
}

static void leave_behind(BdaAllocator allocator) {
    bda_mutex_lock(&allocator->caches_lock);
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    for (; cache != NULL; cache = cache->older)
        if (cache->owner == bda_this_thread()) {
            for (uint32_t i = 0; i < stock_count(allocator); i++) {
                bda_stock_retire(cache->sources[i]);
                cache->sources[i] = NULL;
                cache->settlings[i] = (struct bda_settling){ .settled = false };
            }
            drain_cache(allocator, cache, NULL);
            bda_records_return(allocator, &cache->records);
            cache->owner = NULL;
            atomic_fetch_sub_explicit(&allocator->cache_count, 1, memory_order_relaxed);
        }
    bda_mutex_unlock(&allocator->caches_lock);
}

static void end_thread(void) {
    bda_mutex_lock(&registry_lock);
    for (BdaAllocator allocator = registry; allocator != NULL; allocator = allocator->registered_before)
        leave_behind(allocator);
    memset(known_caches, 0, sizeof known_caches);
    bda_last_cache = known_caches[0];
    bda_mutex_unlock(&registry_lock);
}

/* One that was this thread's (more allocators take turns than a thread remembers), else one that is nobody's. */
static struct bda_cache *find_cache(BdaAllocator allocator) {
    struct bda_cache *found = NULL;
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    for (; cache != NULL; cache = cache->older)
        if (cache->owner == bda_this_thread() || (cache->owner == NULL && found == NULL))
            found = cache;
    return found;
}

/* With its ring behind it. */
static size_t cache_bytes(BdaAllocator allocator) {
    return sizeof(struct bda_cache) + bda_ring_bytes(allocator->history.slots);
}

static struct bda_cache *make_cache(BdaAllocator allocator) {
    struct bda_cache *cache = bda_host_allocate(&allocator->host, cache_bytes(allocator), _Alignof(struct bda_cache));
    if (cache == NULL)
        return NULL;
    memset(cache, 0, cache_bytes(allocator));
    bda_ring_init(&cache->ring, allocator->history.slots, cache + 1);
    bda_claim_init(&cache->claim, allocator->barrier);
    cache->older = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    cache->number = cache->older != NULL ? cache->older->number + 1 : 0;
    atomic_store_explicit(&allocator->newest_cache, cache, memory_order_release);
    return cache;
}

static struct bda_cache *adopt(BdaAllocator allocator, bool may) {
    bool waiting = !may && atomic_load_explicit(&allocator->wishes, memory_order_relaxed);
    if (waiting || !bda_thread_watch(end_thread))
        return NULL;
    bda_mutex_lock(&allocator->caches_lock);
    struct bda_cache *cache = find_cache(allocator);
    if (cache == NULL && may)
        cache = make_cache(allocator);
    if (cache != NULL) {
        if (cache->owner == NULL) /* what others have freed so far is nothing that it waits for */
            cache->ring.clock_seen = bda_clock_turns(bda_clock_now(allocator));
        atomic_fetch_add_explicit(&allocator->cache_count, cache->owner == NULL, memory_order_relaxed);
        cache->owner = bda_this_thread();
        allocator->wish_for_cache = false; /* this thread's, most likely */
    } else {
        allocator->wish_for_cache = true;
        atomic_store_explicit(&allocator->wishes, true, memory_order_relaxed);
    }
    bda_mutex_unlock(&allocator->caches_lock);
    return cache;
}

struct bda_cache *bda_cache_look_for(BdaAllocator allocator, bool may) {
    struct bda_cache *cache = allocator->caches_off ? NULL : adopt(allocator, may);
    if (cache != NULL) {
        bda_last_cache = (struct bda_known_cache){ allocator->serial, cache };
        known_caches[allocator->serial % BDA_CACHES_KNOWN] = bda_last_cache;
    }
    return cache;
}

struct bda_cache *bda_cache_used_before(BdaAllocator allocator) {
    const struct bda_known_cache *known = &known_caches[allocator->serial % BDA_CACHES_KNOWN];
    if (known->serial != allocator->serial)
        return NULL;
    bda_last_cache = *known;
    return known->cache;
}

void bda_caches_count_guest(BdaAllocator allocator, uint32_t requests) {
    struct bda_history *history = &allocator->history;
    if (history->guests_most == UINT32_MAX)
        return;
    uint32_t guests = atomic_load_explicit(&history->guests, memory_order_relaxed);
    if (guests < history->guests_most && requests <= history->guests_most - guests)
        atomic_fetch_add_explicit(&history->guests, requests, memory_order_relaxed);
    else
        (void)bda_cache_look_for(allocator, true);
}

static struct bda_stock *make_stock(BdaAllocator allocator, struct bda_pool *pool) {
    struct bda_stock *stock = bda_host_allocate(&allocator->host, sizeof *stock, _Alignof(struct bda_stock));
    if (stock == NULL)
        return NULL;
    memset(stock, 0, sizeof *stock);
    stock->pool = pool;
    stock->reach = 1;
    for (uint32_t number = 0; number < BDA_SHELVES; number++)
        stock->shelves[number].kept_as = number < BDA_SMALL_SHELVES ? BDA_KEPT_SMALL : BDA_KEPT_LARGER;
    return stock;
}

/* Makes the cache's stock for a pool; the lock of the caches is held. */
static struct bda_stock *open_stock(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *pool) {
    struct bda_stock *stock = bda_cache_stock(cache, bda_pool_stock(pool));
    if (stock != NULL || !bda_pool_has_stock(pool))
        return stock;
    stock = make_stock(allocator, pool);
    atomic_store_explicit(&cache->stocks[bda_pool_stock(pool)], stock, memory_order_release);
    return stock;
}

void bda_caches_wish(BdaAllocator allocator, struct bda_cache *cache, const struct bda_pool *pool) {
    if (!bda_pool_has_stock(pool) || atomic_load_explicit(&allocator->wishes, memory_order_relaxed))
        return;
    bda_mutex_lock(&allocator->caches_lock);
    cache->wishes[bda_pool_stock(pool)] = true;
    bda_mutex_unlock(&allocator->caches_lock);
    atomic_store_explicit(&allocator->wishes, true, memory_order_relaxed);
}

/* A cache that is nobody's, with a stock for the pool, if there is one, for the next thread that only frees. */
static void provide(BdaAllocator allocator, struct bda_pool *pool) {
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    while (cache != NULL && cache->owner != NULL)
        cache = cache->older;
    if (cache == NULL)
        cache = make_cache(allocator);
    if (cache != NULL && pool != NULL)
        (void)open_stock(allocator, cache, pool);
}

void bda_caches_grant(BdaAllocator allocator, struct bda_pool *pool) {
    bda_mutex_lock(&allocator->caches_lock);
    atomic_store_explicit(&allocator->wishes, false, memory_order_relaxed);
    if (allocator->wish_for_cache)
        provide(allocator, pool);
    allocator->wish_for_cache = false;
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    for (; cache != NULL; cache = cache->older) {
        struct bda_pool *wished = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
        for (; wished != NULL; wished = wished->older)
            if (bda_pool_has_stock(wished) && cache->wishes[bda_pool_stock(wished)])
                (void)open_stock(allocator, cache, wished);
        memset(cache->wishes, 0, sizeof cache->wishes);
    }
    bda_mutex_unlock(&allocator->caches_lock);
}

struct bda_stock *bda_caches_open_stock(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *pool) {
    bda_mutex_lock(&allocator->caches_lock);
    struct bda_stock *stock = open_stock(allocator, cache, pool);
    bda_mutex_unlock(&allocator->caches_lock);
    return stock;
}

/* ---- Others ---- */

static bool holds_of(struct bda_cache *cache, const struct bda_pool *shard) {
    const struct bda_stock *stock = bda_cache_stock(cache, bda_pool_stock(shard));
    return stock != NULL && bda_stock_kept(stock) != 0;
}

static bool holds_any(BdaAllocator allocator, struct bda_cache *cache, const struct bda_pool *only) {
    for (uint32_t i = 0; i < stock_count(allocator); i++) {
        const struct bda_stock *stock = bda_cache_stock(cache, i);
        if (stock != NULL && (only == NULL || only == stock->pool->head) && bda_stock_kept(stock) != 0)
            return true;
    }
    return false;
}

/* Whether a cache is to be drained, of a pool or of all (NULL); asked once. */
typedef bool (*choice)(BdaAllocator allocator, struct bda_cache *cache, const struct bda_pool *only);

/* Keeps the owners of the chosen caches out. The lock of the caches is held. */
static void claim_chosen(BdaAllocator allocator, choice choose, const struct bda_pool *only) {
    struct bda_cache *newest = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed), *cache;
    bool any = false;
    for (cache = newest; cache != NULL; cache = cache->older) {
        cache->chosen = choose(allocator, cache, only);
        if (cache->chosen)
            bda_claim_announce(&cache->claim);
        any = any || (cache->chosen && cache->owner != bda_this_thread());
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

static void drain_chosen(BdaAllocator allocator, choice choose, const struct bda_pool *only) {
    bda_mutex_lock(&allocator->caches_lock);
    claim_chosen(allocator, choose, only);
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_relaxed);
    for (; cache != NULL; cache = cache->older)
        if (cache->chosen)
            drain_cache(allocator, cache, only);
    give_back_chosen(allocator);
    bda_mutex_unlock(&allocator->caches_lock);
}

/* All bundles at once, or none where somebody used the depot since it was last asked, and `idle_only`. The shard's lock
 * is held: what has left the depot is in TLSF for all who look. */
static void release_depot(struct bda_pool *shard, bool idle_only) {
    struct bda_depot *depot = &shard->depot;
    struct bda_bundle bundles[BDA_BUNDLES];
    uint32_t count = 0;
    bda_mutex_lock(&depot->lock);
    bool stays = idle_only && depot->used;
    while (bda_depot_filled(depot) != 0 && !stays) {
        bda_bundle_clear(&bundles[count]);
        (void)bda_depot_take(depot, &bundles[count++]);
    }
    depot->used = false;
    bda_mutex_unlock(&depot->lock);
    for (uint32_t i = 0; i < count; i++)
        bda_bundle_release(shard, &bundles[i]);
}

/* `idle_only`: a depot that was used since it was last asked is left alone. Only then is an empty one told by a look
 * without the lock, which may be too early for a bundle that has just been given. */
static void drain_depots(BdaAllocator allocator, const struct bda_pool *only, bool idle_only) {
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older) {
        if ((only != NULL && only != pool->head) || (idle_only && bda_depot_filled(&pool->depot) == 0))
            continue;
        bda_lock(&pool->lock);
        release_depot(pool, idle_only);
        bda_unlock(&pool->lock);
    }
}

void bda_caches_drain(BdaAllocator allocator, struct bda_pool *pool) {
    drain_chosen(allocator, holds_any, pool);
    drain_depots(allocator, pool, false);
}

static bool is_idle(BdaAllocator allocator, struct bda_cache *cache, const struct bda_pool *only) {
    uint64_t use = bda_ring_written(&cache->ring) + atomic_load_explicit(&cache->fetches, memory_order_relaxed);
    bool idle = use == cache->use_seen; /* (what has a name leaves nothing in the ring while it lives) */
    cache->use_seen = use;
    return idle && holds_any(allocator, cache, only);
}

void bda_caches_drain_idle(BdaAllocator allocator) {
    drain_chosen(allocator, is_idle, NULL);
    drain_depots(allocator, NULL, true);
}

static bool is_any(BdaAllocator allocator, struct bda_cache *cache, const struct bda_pool *only) {
    (void)allocator;
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

/* With the depot's lock, as bundles go in and out of it; a cache that comes meanwhile takes out nothing. */
bool bda_caches_hold(BdaAllocator allocator, struct bda_pool *pool) {
    bda_mutex_lock(&pool->depot.lock);
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_acquire);
    bool any = pool->depot.granules != 0;
    for (; cache != NULL && !any; cache = cache->older)
        any = holds_of(cache, pool);
    bda_mutex_unlock(&pool->depot.lock);
    return any;
}

static void add_stock(struct bda_cached *sum, struct bda_cache *cache, const struct bda_pool *pool) {
    const struct bda_stock *stock = bda_cache_stock(cache, bda_pool_stock(pool));
    if (stock == NULL)
        return;
    sum->count += bda_stock_count(stock);
    sum->used += atomic_load_explicit(&stock->used, memory_order_relaxed);
    sum->granules += bda_stock_kept(stock);
}

/* Caches are read one after another: of a range that one thread takes and another one frees meanwhile, only the end may
 * have been seen. */
static uint64_t not_below_zero(uint64_t difference, uint64_t counted) {
    return (int64_t)(counted + difference) < 0 ? 0 - counted : difference;
}

struct bda_cached bda_caches_sum(BdaAllocator allocator, struct bda_pool *pool) {
    bda_mutex_lock(&pool->depot.lock);
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_acquire);
    struct bda_cached sum = { pool->depot.count, 0, pool->depot.granules };
    for (; cache != NULL; cache = cache->older)
        add_stock(&sum, cache, pool);
    bda_mutex_unlock(&pool->depot.lock);
    sum.count = bda_min(sum.count, pool->counters.live_count);
    sum.used = not_below_zero(sum.used, pool->counters.used);
    return sum;
}

uint64_t bda_caches_used(BdaAllocator allocator, const struct bda_pool *pool) {
    uint64_t used = 0;
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_acquire);
    for (; cache != NULL; cache = cache->older) {
        const struct bda_stock *stock = bda_cache_stock(cache, bda_pool_stock(pool));
        if (stock != NULL)
            used += atomic_load_explicit(&stock->used, memory_order_relaxed);
    }
    return not_below_zero(used, pool->counters.used);
}

/* ---- With the allocator ---- */

void bda_caches_init(BdaAllocator allocator, bool off) {
    static _Atomic uint64_t last;
    allocator->serial = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
    allocator->caches_off = off;
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
        bda_host_release(&allocator->host, cache, cache_bytes(allocator));
        cache = older;
    }
    allocator->caches_off = true; /* nor is there one at hand any more */
    bda_mutex_destroy(&allocator->caches_lock);
}
