/* See stock.h. */
#include "alloc/caches.h"

#include <string.h>

/* ---- Counting ---- */

uint64_t bda_stock_count(const struct bda_stock *stock) {
    uint64_t count = bda_bundle_count(&stock->outgoing);
    for (uint32_t i = 0; i < BDA_SHELVES; i++)
        count += bda_shelf_count(&stock->shelves[i]);
    return count;
}

/* ---- Back to TLSF ---- */

void bda_bundle_release(struct bda_pool *shard, struct bda_bundle *bundle) {
    bda_range_give_many(shard, bda_bundle_count(bundle), bundle->nodes);
    bda_bundle_clear(bundle);
}

/* Gives the ranges of a list back. The shard's lock is held. */
static void release_list(BdaAllocator allocator, struct bda_pool *shard, uint32_t list) {
    while (list != 0) {
        struct bda_node *node = bda_node_of(allocator, list);
        uint32_t next = bda_node_link(node);
        shard->counters.live_count--;
        bda_range_give(shard, list, node);
        list = next;
    }
}

/* ---- Shelves; the owner is inside ---- */

static void set_list(struct bda_stock *stock, uint32_t number, uint32_t list, uint32_t count) {
    struct bda_shelf *shelf = &stock->shelves[number];
    bda_stock_mark(stock, number, list != 0);
    shelf->first = list;
    bda_shelf_set_count(shelf, count);
}

static enum bda_kept kept_on(const struct bda_stock *stock, uint32_t number) {
    return (enum bda_kept)stock->shelves[number].kept_as;
}

/* A kept range counts as larger, or no longer, since it goes onto this shelf or comes from there. */
static void count_on_shelf(struct bda_stock *stock, uint32_t number, const struct bda_node *node, bool comes) {
    enum bda_kept here = kept_on(stock, number);
    stock->parts[comes ? here : BDA_KEPT_SMALL] += bda_node_size(node);
    stock->parts[comes ? BDA_KEPT_SMALL : here] -= bda_node_size(node);
}

/* The range on top, which is on its way out now; there is one. */
static uint32_t take_from_shelf(BdaAllocator allocator, struct bda_stock *stock, uint32_t number) {
    struct bda_shelf *shelf = &stock->shelves[number];
    uint32_t index = shelf->first;
    struct bda_node *node = bda_node_of(allocator, index);
    set_list(stock, number, bda_node_link(node), bda_shelf_count(shelf) - 1);
    count_on_shelf(stock, number, node, false);
    return index;
}

/* One that was on its way goes there. */
static void put_onto_shelf(struct bda_stock *stock, uint32_t number, uint32_t index, struct bda_node *node) {
    count_on_shelf(stock, number, node, true);
    bda_shelf_push(stock, number, index, node);
}

/* ---- Bundles; the owner is inside ---- */

/* A bundle goes back to TLSF, and is no longer kept. */
static void give_back(struct bda_stock *stock, struct bda_bundle *bundle) {
    uint64_t granules = bundle->granules;
    bda_pool_lock(stock->pool);
    bda_bundle_release(stock->pool, bundle);
    bda_stock_keep(stock, BDA_KEPT_SMALL, 0 - granules);
    bda_unlock(&stock->pool->lock);
}

/* What a taker has too much of, it would only take back. What another thread frees is best left to the one that takes
 * (unpack), if there is one. */
static uint64_t depot_share_of(const struct bda_stock *stock) {
    uint64_t most = atomic_load_explicit(&stock->pool->cached_most[BDA_KEPT_SMALL], memory_order_relaxed);
    bool taken = atomic_load_explicit(&stock->pool->takers, memory_order_relaxed) != 0;
    if (stock->source || stock->alone)
        return 0;
    return taken ? BDA_DEPOT_SHARES * most : most;
}

/* A bundle goes to the depot; false: there is no room. */
static bool hand_in(struct bda_stock *stock, struct bda_bundle *bundle) {
    struct bda_depot *depot = &stock->pool->depot;
    uint64_t granules = bundle->granules, most = depot_share_of(stock);
    if (most < granules)
        return false;
    bda_mutex_lock(&depot->lock);
    bool given = bda_depot_give(depot, bundle, most);
    if (given) /* at no moment in neither */
        bda_stock_keep(stock, BDA_KEPT_SMALL, 0 - granules);
    bda_mutex_unlock(&depot->lock);
    return given;
}

/* A bundle of the depot is kept from now on; false: there is none. */
static bool fetch(struct bda_stock *stock, struct bda_bundle *bundle) {
    struct bda_depot *depot = &stock->pool->depot;
    bda_mutex_lock(&depot->lock);
    bool taken = bda_depot_take(depot, bundle);
    bda_stock_keep(stock, BDA_KEPT_SMALL, bundle->granules);
    bda_mutex_unlock(&depot->lock);
    return taken;
}

/* What is on its way out leaves: for the depot, or for TLSF. */
static void send(struct bda_stock *stock) {
    if (!hand_in(stock, &stock->outgoing))
        give_back(stock, &stock->outgoing);
}

/* What is little for a bundle is much where little may be kept: this part of it. */
enum { BUNDLE_SHARE = 4 };

/* A kept range goes out. */
void bda_stock_put_out(struct bda_stock *stock, uint32_t index, const struct bda_node *node) {
    bda_bundle_add(&stock->outgoing, index, bda_node_size(node));
    if (bda_bundle_is_full(&stock->outgoing) || stock->outgoing.granules > stock->most[BDA_KEPT_SMALL] / BUNDLE_SHARE)
        send(stock);
}

/* Half of a shelf goes out. */
static void put_out_half(BdaAllocator allocator, struct bda_stock *stock, uint32_t number) {
    uint32_t count = (bda_shelf_count(&stock->shelves[number]) + 1) / 2;
    while (count-- > 0) {
        uint32_t index = take_from_shelf(allocator, stock, number);
        bda_stock_put_out(stock, index, bda_node_of(allocator, index));
    }
}

/* Requests that find nothing kept, after which something is looked at anew. */
enum { MISSES_LOOKED_AT = 512 };

/* Whether a range from a bundle goes onto its shelf, full or not, as long as that can count them. Small ones do: there
 * was space for the bundle, as which they count so far. */
static bool stays(const struct bda_stock *stock, uint32_t number, const struct bda_node *node) {
    bool larger = kept_on(stock, number) == BDA_KEPT_LARGER;
    return bda_node_size(node) <= stock->largest && (!larger || bda_stock_has_space(stock, BDA_KEPT_LARGER)) &&
           bda_shelf_count(&stock->shelves[number]) != BDA_SHELF_COUNTS;
}

/* Fills shelves from a bundle of the depot; false: there was none, or no space for it. Then it goes back to TLSF, by
 * who takes from that anyway: the nodes beside those of the bundle are its own, and not of who has filled it. All that
 * are in it were another thread's last, and are asked for before the first is looked at. */
static bool unpack(BdaAllocator allocator, struct bda_stock *stock) {
    struct bda_bundle bundle;
    bda_bundle_clear(&bundle);
    if (!fetch(stock, &bundle))
        return false;
    stock->fed = MISSES_LOOKED_AT;
    for (uint32_t i = 0; i < bda_bundle_count(&bundle); i++)
        bda_prefetch(bda_node_of(allocator, bundle.nodes[i]));
    if (stock->parts[BDA_KEPT_SMALL] > stock->most[BDA_KEPT_SMALL]) {
        give_back(stock, &bundle);
        return false;
    }
    for (uint32_t i = 0; i < bda_bundle_count(&bundle); i++) {
        struct bda_node *node = bda_node_of(allocator, bundle.nodes[i]);
        uint32_t number = bda_shelf_of(bda_node_size(node)); /* not by its home, see bda_node_home */
        if (stays(stock, number, node))
            put_onto_shelf(stock, number, bundle.nodes[i], node);
        else
            bda_stock_put_out(stock, bundle.nodes[i], node);
    }
    return true;
}

/* What went out last may be what is wanted next. */
static bool take_back(BdaAllocator allocator, struct bda_stock *stock, uint32_t number) {
    struct bda_bundle *bundle = &stock->outgoing;
    uint32_t count = bda_bundle_count(bundle);
    while (count != 0) {
        uint32_t index = bundle->nodes[count - 1];
        struct bda_node *node = bda_node_of(allocator, index);
        if (bda_shelf_of(bda_node_size(node)) != number)
            break;
        put_onto_shelf(stock, number, index, node);
        bundle->granules -= bda_node_size(node);
        atomic_store_explicit(&bundle->count, --count, memory_order_relaxed);
    }
    return stock->shelves[number].first != 0;
}

/* Fills an empty shelf, or those that may serve in its place. */
void bda_stock_refill(BdaAllocator allocator, struct bda_stock *stock, uint32_t number) {
    if (take_back(allocator, stock, number))
        return;
    while (bda_depot_filled(&stock->pool->depot) != 0 && bda_stock_offers(stock, number) == 0)
        if (!unpack(allocator, stock))
            return;
}

/* ---- From TLSF ---- */

/* Takes one range from TLSF for a shelf. The pool's lock is held. It was live for a moment, and is to be again: that is
 * another life, or who looks at it without a lock takes its link for what its owner wrote (bda_node_view). */
static bool gather_one(BdaAllocator allocator, struct bda_stock *stock, uint32_t number, VkDeviceSize alignment) {
    struct bda_pool *pool = stock->pool;
    if (!bda_range_secure_nodes(allocator, pool, BDA_TLSF_NODES_PER_ALLOC))
        return false;
    struct bda_taken taken = bda_tlsf_take(&pool->tlsf, bda_shelf_begin(number), alignment);
    if (taken.index == 0)
        return false;
    const struct bda_live live = { (uint32_t)taken.index, taken.node, bda_block_of(allocator, taken.node), pool };
    bda_node_retire(live.node, BDA_NODE_CACHED);
    if (!bda_range_may_be_kept(pool, live.node) || bda_node_is_spent(live.node)) {
        bda_tlsf_free_node(&pool->tlsf, live.index, live.node); /* it lies where none is kept, or has no life left */
        return false;
    }
    if (live.block->idle != 0)
        live.block->idle = 0;
    bda_pool_watch_level(pool);
    pool->counters.live_count++;
    pool->large += bda_range_large_part(live.node);
    bda_node_set_record(live.node, bda_home(bda_pool_stock(pool), number));
    bda_shelf_push(stock, number, live.index, live.node);
    bda_stock_keep(stock, kept_on(stock, number), bda_node_size(live.node));
    return true;
}

/* So much of the space left in a stock may be filled at once, by so many ranges at most. */
enum { GATHER_SHARE = 32, GATHER_MOST = 16 };

/* Fills a shelf from TLSF. One of several threads that take from a shard takes more ranges at once each time that it
 * comes for some, so that it comes for the lock seldom, and their nodes lie side by side in cache lines that are no
 * other thread's. What has to go again before it was asked for makes it modest; and where little may be kept, one will
 * do, since what is taken ahead would drive out what is needed. */
void bda_stock_gather(BdaAllocator allocator, struct bda_stock *stock, uint32_t number, VkDeviceSize alignment) {
    struct bda_shelf *shelf = &stock->shelves[number];
    enum bda_kept which = kept_on(stock, number);
    uint64_t space = stock->most[which] - bda_min(stock->parts[which], stock->most[which]);
    uint64_t wanted = bda_min(1u + shelf->eager, space / GATHER_SHARE / bda_shelf_begin(number));
    if (shelf->most == 0) /* closed: none is kept there now */
        return;
    shelf->eager = (uint8_t)bda_min(1u + shelf->eager, bda_min(shelf->most, GATHER_MOST) - 1);
    if (wanted < 2)
        return;
    bda_pool_lock(stock->pool);
    while (wanted != 0 && gather_one(allocator, stock, number, alignment))
        wanted--;
    if (wanted != 0)
        shelf->eager = 0;
    bda_pool_bound_caches(stock->pool);
    bda_unlock(&stock->pool->lock);
}

/* ---- Bounds ---- */

/* Empties one shelf after another, from where it left off last time, until a quarter of what may be kept is free again.
 */
static void make_space(BdaAllocator allocator, struct bda_stock *stock, enum bda_kept which) {
    bool larger = which == BDA_KEPT_LARGER;
    uint32_t first = larger ? BDA_SMALL_SHELVES : 0, count = larger ? BDA_SHELVES - first : BDA_SMALL_SHELVES;
    uint64_t wanted = stock->most[which] - stock->most[which] / 4;
    uint32_t *hand = &stock->hand[which];
    for (uint32_t tries = 0; tries < count; tries++) {
        uint64_t leaves = larger ? 0 : stock->outgoing.granules;
        if (stock->parts[which] <= wanted + leaves)
            return;
        *hand = (*hand + 1) % count;
        stock->shelves[first + *hand].eager = 0;
        while (stock->shelves[first + *hand].first != 0)
            put_out_half(allocator, stock, first + *hand);
    }
}

/* Of ranges that find no space while the thread is alone, one in so many makes some. */
enum { TURNED_AWAY = 64 };

/* Whether nobody else takes from the stock's shard, nor frees what was taken there. Then there is nobody to pass
 * anything on to, nor to wait for. */
static bool is_alone(BdaAllocator allocator, const struct bda_stock *stock) {
    return (stock->source && bda_stock_takers(stock) < 2 && stock->fed == 0) || bda_thread_is_alone(allocator);
}

/* Alone in its shard, a thread keeps less where that is not roomy: a share of the same, as a power of two. */
enum { ALONE_SHARE_LOG2 = 4 };

/* What may be kept follows how much of the shard is free. Who takes from it shares that with others that do; who only
 * frees there, with all threads, which are spread over all shards. What a thread keeps of a shard where it is alone
 * saves it little waiting, and costs fit where there is little space; where there is no other thread at all it saves
 * none, and there it keeps nothing then. */
static uint64_t share_of(BdaAllocator allocator, const struct bda_stock *stock, bool alone, enum bda_kept which) {
    const struct bda_pool *shard = stock->pool;
    uint64_t most = atomic_load_explicit(&shard->cached_most[which], memory_order_relaxed);
    uint32_t caches = atomic_load_explicit(&allocator->cache_count, memory_order_relaxed);
    uint32_t shards = atomic_load_explicit(&shard->head->shard_count, memory_order_relaxed);
    if (alone && bda_pool_is_roomy(shard))
        return most;
    if (alone)
        return caches < 2 ? 0 : most >> ALONE_SHARE_LOG2;
    return most / bda_max(stock->source ? bda_stock_takers(stock) : caches / shards, 1);
}

/* What there is no space for goes back at once while the thread is alone, which makes space for other sizes only now
 * and then. */
static bool wants_space(struct bda_stock *stock, enum bda_kept which) {
    uint64_t kept = stock->parts[which], most = stock->most[which];
    if (!stock->alone)
        return kept >= most;
    return kept >= most && (kept >= 2 * most || ++stock->turned_away % TURNED_AWAY == 0);
}

/* The largest range that is kept: a small one in any case; while there is much room, what the bounds have room for. */
static uint32_t largest_of(const struct bda_stock *stock) {
    bool roomy = bda_pool_is_roomy(stock->pool);
    uint64_t most = stock->most[BDA_KEPT_LARGER];
    return roomy ? (uint32_t)bda_min(bda_max(most, BDA_SMALL_MOST), BDA_CACHED_MOST) : BDA_SMALL_MOST;
}

/* Shelves of larger ranges take nothing from now on, and what they have goes out, so that nothing is left where small
 * ones alone are kept; those up to there take some again. */
static void keep_up_to(BdaAllocator allocator, struct bda_stock *stock, uint32_t granules) {
    const uint32_t last = bda_shelf_of(granules);
    bool changes = stock->source && granules != stock->largest;
    stock->largest = granules;
    for (uint32_t number = BDA_SMALL_SHELVES; changes && number < BDA_SHELVES; number++) {
        stock->shelves[number].most = (uint8_t)(number <= last ? bda_shelf_room(number, stock->alone) : 0);
        while (number > last && stock->shelves[number].first != 0)
            put_out_half(allocator, stock, number);
    }
    if (changes && bda_bundle_count(&stock->outgoing) != 0)
        send(stock);
}

static uint64_t reach_of(bool roomy, bool alone) {
    if (roomy && !alone)
        return BDA_REACH_FAR;
    return roomy || !alone ? BDA_REACH : BDA_REACH_ALONE;
}

void bda_stock_bound(BdaAllocator allocator, struct bda_stock *stock) {
    bool alone = is_alone(allocator, stock);
    stock->alone = alone;
    for (enum bda_kept which = BDA_KEPT_SMALL; which < BDA_KEPT_COUNT; which++)
        stock->most[which] = share_of(allocator, stock, alone, which);
    uint64_t bundle_most = stock->most[BDA_KEPT_SMALL] / BUNDLE_SHARE;
    stock->passed_most = stock->source ? 0 : (uint32_t)bda_min(bundle_most, BDA_BUNDLE_GRANULES);
    keep_up_to(allocator, stock, largest_of(stock));
    stock->reach = reach_of(bda_pool_is_roomy(stock->pool), alone);
    if (!stock->source && stock->outgoing.granules > bundle_most) /* there was more space before */
        send(stock);
    for (enum bda_kept which = BDA_KEPT_SMALL; which < BDA_KEPT_COUNT; which++)
        if (wants_space(stock, which))
            make_space(allocator, stock, which);
}

/* A thread that is alone waits for nobody: its shelves save it a search and no more, which they do where sizes recur.
 * Where they serve fewer requests than they do not, they cost more than that, and the pool rests from them for a while.
 * Each time in a row it rests for twice as long, up to a bound: to try the shelves costs more than to leave them alone.
 * Asked when they have not served one; that counts where it has freed anything since the one before, not while all is
 * only taken. */
enum { RANGES_OF_A_REST = 1 << 14, RESTS_THAT_GROW = 4 };
bool bda_stock_is_of_little_use(struct bda_stock *stock, uint64_t freed) {
    stock->missed += freed != stock->freed;
    stock->freed = freed;
    if (stock->alone && stock->missed < MISSES_LOOKED_AT)
        return false;
    bool little = stock->alone && stock->served < stock->missed;
    stock->missed = stock->served = 0;
    stock->rests = little ? stock->rests + 1 : 0;
    return little;
}

void bda_stock_rest(BdaAllocator allocator, struct bda_stock *stock) {
    struct bda_pool *shard = stock->pool;
    bda_stock_drain(allocator, stock);
    memset(stock->most, 0, sizeof stock->most); /* until it is looked at again, see bda_stock_bound */
    stock->largest = 0;
    bda_pool_lock(shard);
    uint32_t doubled = (uint32_t)bda_min(stock->rests, RESTS_THAT_GROW + 1) - 1;
    atomic_store_explicit(&shard->rest, RANGES_OF_A_REST << doubled, memory_order_relaxed);
    bda_unlock(&shard->lock);
}

/* Sees to it that the shelf has room for one more. */
void bda_stock_make_room(BdaAllocator allocator, struct bda_stock *stock, uint32_t number) {
    if (bda_shelf_count(&stock->shelves[number]) >= stock->shelves[number].most)
        put_out_half(allocator, stock, number);
}

void bda_stock_become_source(BdaAllocator allocator, struct bda_stock *stock) {
    if (stock == NULL)
        return;
    atomic_fetch_add_explicit(&stock->pool->takers, 1, memory_order_relaxed);
    stock->source = true;
    stock->passed_most = 0;
    stock->fed = 0;
    stock->alone = is_alone(allocator, stock);
    stock->largest = BDA_SMALL_MOST;
    for (uint32_t number = 0; number < BDA_SHELVES; number++) {
        bool small = number < BDA_SMALL_SHELVES; /* the others: keep_up_to */
        stock->shelves[number].most = (uint8_t)(small ? bda_shelf_room(number, stock->alone) : 0);
    }
}

void bda_stock_retire(struct bda_stock *stock) {
    if (stock == NULL)
        return;
    atomic_fetch_sub_explicit(&stock->pool->takers, 1, memory_order_relaxed);
    stock->source = false;
    for (uint32_t number = 0; number < BDA_SHELVES; number++)
        stock->shelves[number].most = 0;
}

void bda_stock_drain(BdaAllocator allocator, struct bda_stock *stock) {
    bda_lock(&stock->pool->lock); /* whoever drains is nobody who wants a range */
    bda_bundle_release(stock->pool, &stock->outgoing);
    for (uint32_t number = 0; number < BDA_SHELVES; number++) {
        release_list(allocator, stock->pool, stock->shelves[number].first);
        set_list(stock, number, 0, 0);
    }
    bda_unlock(&stock->pool->lock);
    for (enum bda_kept which = BDA_KEPT_SMALL; which < BDA_KEPT_COUNT; which++)
        bda_stock_keep(stock, which, 0 - stock->parts[which]);
    stock->missed = stock->served = 0; /* what is lacking now says nothing about them */
}

void bda_stock_stop_passing(struct bda_stock *stock) {
    stock->passed_most = 0;
    if (bda_bundle_count(&stock->outgoing) != 0)
        give_back(stock, &stock->outgoing);
}
