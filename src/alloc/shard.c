/* See shard.h. */
#include "alloc/shard.h"

#include "core/landmarks.h"

/* ---- Locks ---- */

void bda_shard_lock_beside_head(struct bda_pool *shard) {
    if (shard->head != shard)
        bda_lock(&shard->lock);
}

void bda_shard_unlock_beside_head(struct bda_pool *shard) {
    if (shard->head != shard)
        bda_unlock(&shard->lock);
}

/* What all shards of a pool have, and what of that is free. */
struct holdings {
    uint64_t granules, free_granules;
    uint64_t blocks, empty_blocks; /* that are cut into ranges */
};

/* The head's lock is held. */
static struct holdings holdings_of(struct bda_pool *head) {
    struct holdings all = { .granules = 0 };
    for (struct bda_pool *shard = head; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        all.granules += shard->tlsf.granules;
        all.free_granules += shard->tlsf.free_granules;
        all.blocks += shard->counters.block_count - shard->counters.dedicated_count;
        all.empty_blocks += bda_tlsf_empty_regions(&shard->tlsf);
        bda_shard_unlock_beside_head(shard);
    }
    return all;
}

uint64_t bda_shards_free_granules(struct bda_pool *head) {
    return holdings_of(head).free_granules;
}

void bda_shards_promise(struct bda_pool *head, uint64_t granules) {
    struct holdings all = holdings_of(head);
    head->promised = bda_max(head->promised, all.granules - all.free_granules + granules);
}

/* Where most is free, so that the first look elsewhere is mostly the last. What it goes by is read without a lock. */
static struct bda_pool *find_roomiest(struct bda_pool *head) {
    struct bda_pool *best = head;
    for (struct bda_pool *shard = bda_pool_next_shard(head); shard != NULL; shard = bda_pool_next_shard(shard))
        if (atomic_load_explicit(&shard->cached_most[BDA_KEPT_SMALL], memory_order_relaxed) >
            atomic_load_explicit(&best->cached_most[BDA_KEPT_SMALL], memory_order_relaxed))
            best = shard;
    return best;
}

/* ---- Blocks that move; the head's lock is held ---- */

/* A block that has left a shard, with a node for its next one: coming may not fail. */
struct moving {
    uint32_t block; /* 0: none */
    uint32_t node;
};

/* Read without its lock, too. */
static bool has_empty_block(const struct bda_pool *shard) {
    return bda_tlsf_empty_regions(&shard->tlsf) != 0;
}

/* Whether another shard than `mine` has an empty block. Who is to give one is kept waiting only then. */
static bool others_have_any(const struct bda_pool *mine) {
    const struct bda_pool *other = mine->head;
    while (other != NULL && (other == mine || !has_empty_block(other)))
        other = bda_pool_next_shard(other);
    return other != NULL;
}

/* A spare node of a shard, for another one. It loses its region: where a node has one, it is one of the shard that
 * holds it (see landmarks.h). */
static uint32_t give_up_node(BdaAllocator allocator, struct bda_pool *shard) {
    uint32_t index = bda_node_list_pop(&allocator->nodes, &shard->tlsf.spare);
    bda_node_set_region(bda_node_of(allocator, index), 0);
    return index;
}

/* The first empty block of a shard that is large enough, and that it can do without: so many granules are free in the
 * others then. 0: there is none. The shard's lock is held. */
static uint32_t find_spare_block(BdaAllocator allocator, struct bda_pool *shard, uint32_t granules, uint64_t left) {
    uint32_t index = shard->first_block;
    for (; index != 0; index = bda_block_at(allocator, index)->next) {
        uint32_t size = bda_block_at(allocator, index)->region.size;
        if (size >= granules && shard->tlsf.free_granules - size >= left &&
            bda_tlsf_region_is_empty(&shard->tlsf, index))
            break;
    }
    return index;
}

/* Takes one out. Its landmarks are nodes of the shard. */
static struct moving take_out(BdaAllocator allocator, struct bda_pool *shard, uint32_t granules, uint64_t left) {
    struct moving moving = { 0, 0 };
    bda_shard_lock_beside_head(shard);
    uint32_t index = find_spare_block(allocator, shard, granules, left);
    if (index != 0 && bda_range_secure_nodes(allocator, shard, 1)) {
        bda_pool_remove_block(allocator, shard, index);
        bda_landmarks_forget(&bda_block_at(allocator, index)->landmarks, &allocator->charts);
        moving = (struct moving){ index, give_up_node(allocator, shard) };
    }
    bda_shard_unlock_beside_head(shard);
    return moving;
}

static void bring_in(BdaAllocator allocator, struct bda_pool *shard, struct moving moving) {
    bda_shard_lock_beside_head(shard);
    bda_node_list_push(&allocator->nodes, &shard->tlsf.spare, moving.node);
    bda_pool_add_block(allocator, shard, moving.block);
    bda_shard_unlock_beside_head(shard);
}

/* Brings an empty block of so many granules and more into a shard, if another one has any and keeps `left` free. */
static bool adopt_block(BdaAllocator allocator, struct bda_pool *shard, uint32_t granules, uint64_t left) {
    struct moving moving = { 0, 0 };
    for (struct bda_pool *other = shard->head; other != NULL && moving.block == 0; other = bda_pool_next_shard(other))
        if (other != shard && has_empty_block(other))
            moving = take_out(allocator, other, granules, left);
    if (moving.block != 0)
        bring_in(allocator, shard, moving);
    return moving.block != 0;
}

/* One that holds a request. */
static bool adopt_block_for(BdaAllocator allocator, struct bda_pool *shard, const struct bda_request *request) {
    struct bda_extent extent = bda_range_extent(shard->head, request);
    uint64_t granules = extent.granules + (extent.alignment >> BDA_GRANULE_LOG2);
    return granules <= UINT32_MAX && adopt_block(allocator, shard, (uint32_t)granules, 0);
}

/* ---- A thread's own ---- */

/* Whether it should have another shard, or another block, a thread asks once in so many of its requests that find
 * nothing kept; what goes the long way as well counts twice. */
enum { PATIENCE = 32 };

/* What a thread keeps of the shard that is its own, by the number of its cache, or NULL (bda_pool_shard). */
static struct bda_stock *find_own(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *head) {
    struct bda_pool *shard = bda_pool_shard(allocator, head, cache->number % BDA_SHARDS);
    return shard != NULL ? bda_caches_open_stock(allocator, cache, shard) : NULL;
}

static bool has_blocks(const struct bda_pool *shard) {
    return atomic_load_explicit(&shard->has_blocks, memory_order_relaxed);
}

/* A shard of its own is worth while to a thread if it may become half of an even share. In a smaller one it finds
 * little, and comes to the others with each request that it has no room for, which is slower than to share. */
static bool has_blocks_for_one(BdaAllocator allocator, struct bda_pool *head) {
    uint64_t threads = atomic_load_explicit(&allocator->cache_count, memory_order_relaxed);
    if (!has_empty_block(head) && !others_have_any(head))
        return false;
    bda_lock(&head->lock);
    struct holdings all = holdings_of(head);
    bda_unlock(&head->lock);
    return all.empty_blocks != 0 && all.empty_blocks * 2 * threads >= all.blocks;
}

/* The thread's own shard, if it has an empty block, or one comes to it; else NULL. No shard is made for nothing. */
static struct bda_stock *take_over(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *head) {
    struct bda_stock *own = has_blocks_for_one(allocator, head) ? find_own(allocator, cache, head) : NULL;
    if (own == NULL)
        return NULL;
    bda_lock(&head->lock);
    bool taken = has_empty_block(own->pool) || adopt_block(allocator, own->pool, 0, 0);
    bda_unlock(&head->lock);
    return taken ? own : NULL;
}

/* The thread's requests to a pool come from another stock from now on. What the old one keeps goes back; where somebody
 * else is inside of the cache at this moment, with the next drain. */
static void move_to(BdaAllocator allocator, struct bda_cache *cache, uint32_t head, struct bda_stock *stock) {
    struct bda_stock *before = cache->sources[head];
    if (stock == before)
        return;
    cache->sources[head] = stock;
    bda_stock_become_source(allocator, stock);
    bda_stock_retire(before);
    if (before != NULL && bda_claim_enter(&cache->claim)) {
        bda_stock_drain(allocator, before);
        bda_claim_leave(&cache->claim);
    }
}

/* The shard that threads of a number share while there are fewer blocks than threads: one of those that have any. */
static struct bda_pool *find_shared(struct bda_pool *head, uint32_t number) {
    uint32_t count = atomic_load_explicit(&head->shards_in_use, memory_order_relaxed);
    uint32_t wanted = count != 0 ? number % count : 0;
    for (struct bda_pool *shard = head; shard != NULL; shard = bda_pool_next_shard(shard))
        if (has_blocks(shard) && wanted-- == 0)
            return shard;
    return head;
}

static bool is_shared(const struct bda_pool *shard) {
    return atomic_load_explicit(&shard->takers, memory_order_relaxed) > 1;
}

struct bda_pool *bda_shard_own(BdaAllocator allocator, struct bda_pool *head) {
    const struct bda_cache *cache = bda_cache_at_hand(allocator);
    return bda_pool_find_shard(head, cache != NULL ? cache->number % BDA_SHARDS : 0);
}

/* Whether a thread shares what is somebody else's. */
static bool is_guest(const struct bda_cache *cache, struct bda_pool *head) {
    const struct bda_pool *mine = bda_shard_of_cache(cache, head);
    return mine->shard_number != cache->number % BDA_SHARDS && is_shared(mine);
}

/* By so large a part of its own more than it must the other one have left, or they would hand a block back and forth.
 */
enum { MARGIN_SHARE = 8 };

/* A shard in which little is free gets an empty block of one that has more, and still has then: pools are filled by
 * whoever comes first, and threads that do the same should have as much. (In a nearly full shard caches keep little.)
 */
static void even_out(BdaAllocator allocator, struct bda_pool *shard) {
    struct bda_pool *head = shard->head;
    if (atomic_load_explicit(&shard->roomy, memory_order_relaxed) || !others_have_any(shard))
        return;
    bda_lock(&head->lock);
    bda_shard_lock_beside_head(shard);
    uint64_t left = shard->tlsf.free_granules + shard->tlsf.granules / MARGIN_SHARE;
    bda_shard_unlock_beside_head(shard);
    (void)adopt_block(allocator, shard, 0, left);
    bda_unlock(&head->lock);
}

/* Finds a stock for the thread's requests: of its own shard, or one that comes to be; NULL where it is to share. */
static struct bda_stock *find_apart(BdaAllocator allocator, struct bda_cache *cache, struct bda_pool *head) {
    struct bda_pool *own = bda_shard_own(allocator, head);
    return own != NULL && has_blocks(own) ? bda_caches_open_stock(allocator, cache, own)
                                          : take_over(allocator, cache, head);
}

void bda_shard_settle(BdaAllocator allocator, struct bda_pool *head) {
    struct bda_cache *cache = bda_cache_of_thread(allocator, true);
    uint32_t stock = bda_pool_stock(head);
    struct bda_pool *mine = bda_shard_of_cache(cache, head);
    if (cache == NULL || stock == BDA_STOCKS)
        return;
    bool lost = !cache->settlings[stock].settled || !has_blocks(mine);
    if (!lost && cache->settlings[stock].patience++ % PATIENCE != 0)
        return;
    bda_cache_send_waiting(allocator, cache, head);
    struct bda_stock *source = lost || is_shared(mine) ? find_apart(allocator, cache, head) : NULL;
    if (source == NULL && lost)
        source = bda_caches_open_stock(allocator, cache, find_shared(head, cache->number));
    if (source != NULL)
        move_to(allocator, cache, stock, source);
    else
        even_out(allocator, mine);
    cache->settlings[stock].settled = true;
    cache->settlings[stock].is_guest = is_guest(cache, head);
}

bool bda_shard_take_wish(BdaAllocator allocator, const struct bda_pool *head) {
    struct bda_cache *cache = bda_cache_at_hand(allocator);
    bool wishes = bda_shard_is_guest(cache, head);
    if (wishes)
        cache->settlings[bda_pool_stock(head)].is_guest = false;
    return wishes;
}

/* It looks for a block of its own once in so many times, and at once where one is empty. */
enum { BORROWS = 16 };

struct bda_pool *bda_shard_lender(struct bda_cache *cache, struct bda_pool *head) {
    if (cache == NULL || bda_shard_is_alone(head) || cache->settlings[bda_pool_stock(head)].lacking++ % BORROWS == 0)
        return NULL;
    const struct bda_pool *mine = bda_shard_of_cache(cache, head);
    struct bda_pool *roomiest = find_roomiest(head);
    return roomiest != mine && !others_have_any(mine) ? roomiest : NULL;
}

struct bda_pool *bda_shard_for_block(BdaAllocator allocator, struct bda_pool *head) {
    bool others = !bda_thread_is_alone(allocator) && !bda_lock_is_own(&head->lock);
    bool apart = others || bda_pool_is_crowded(head) || is_shared(head) || !bda_shard_is_alone(head);
    struct bda_cache *cache = apart ? bda_cache_of_thread(allocator, true) : NULL;
    uint32_t stock = bda_pool_stock(head);
    if (cache == NULL || stock == BDA_STOCKS)
        return head;
    struct bda_stock *own = find_own(allocator, cache, head);
    if (own != NULL)
        move_to(allocator, cache, stock, own);
    return bda_shard_of_thread(allocator, head);
}

/* ---- More blocks ---- */

enum { SPREAD_SHARE = 4 };

bool bda_shard_wants_block(struct bda_pool *head, VkDeviceSize size) {
    struct holdings all = holdings_of(head);
    uint64_t more = size >> BDA_GRANULE_LOG2, most = (all.granules + more) / SPREAD_SHARE;
    bool sparing = head->low_granules != 0 || (head->user != NULL && head->user->limit.most != 0);
    if (!sparing)
        most = bda_max(most, head->max_block_size >> BDA_GRANULE_LOG2);
    return all.free_granules + more <= most && all.granules - all.free_granules >= head->promised;
}

/* ---- Taking; the head's lock is held ---- */

static VkResult take_from(BdaAllocator allocator, struct bda_pool *shard, const struct bda_request *request,
                          struct bda_live *live) {
    bda_shard_lock_beside_head(shard);
    VkResult result = bda_range_take(allocator, shard, request, true, live);
    bda_shard_unlock_beside_head(shard);
    return result;
}

/* From the thread's shard, if need be from an empty block of another one that comes to it. */
static VkResult take_from_mine(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                               struct bda_live *live) {
    struct bda_pool *mine = bda_shard_of_thread(allocator, head);
    VkResult result = take_from(allocator, mine, request, live);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY && adopt_block_for(allocator, mine, request))
        result = take_from(allocator, mine, request, live);
    return result;
}

/* From the one with most room, if that is another. */
static VkResult take_from_roomiest(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                                   struct bda_live *live) {
    struct bda_pool *roomiest = find_roomiest(head);
    bool other = roomiest != bda_shard_of_thread(allocator, head);
    return other ? take_from(allocator, roomiest, request, live) : VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

/* From any: the last look before a refusal, with the locks of all shards at once, so that room which goes from one to
 * another is not missed. (What goes from shelf to shelf meanwhile may be: see bda_take_or_drain.) Who holds several has
 * the head's. A shard that wants more nodes than there is host memory for may stand beside one that has some. */
static VkResult take_from_all(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                              struct bda_live *live, bool *kept) {
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    struct bda_pool *shards[BDA_SHARDS]; /* another one may be linked in meanwhile; it has no blocks yet */
    uint32_t count = 0;
    for (struct bda_pool *shard = head; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        shards[count++] = shard;
    }
    for (uint32_t i = 0; i < count && result != VK_SUCCESS; i++) {
        VkResult one = bda_range_take(allocator, shards[i], request, true, live);
        if (one != VK_ERROR_OUT_OF_DEVICE_MEMORY)
            result = one;
        else
            *kept = *kept || bda_caches_hold(allocator, shards[i]);
    }
    while (count != 0)
        bda_shard_unlock_beside_head(shards[--count]);
    return result;
}

VkResult bda_shards_take_locked(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                                struct bda_live *live, bool *kept) {
    *kept = false;
    if (!bda_shard_is_alone(head) && (take_from_mine(allocator, head, request, live) == VK_SUCCESS ||
                                      take_from_roomiest(allocator, head, request, live) == VK_SUCCESS))
        return VK_SUCCESS;
    return take_from_all(allocator, head, request, live, kept);
}

VkResult bda_shards_take(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                         uint32_t *node, bool *kept) {
    struct bda_live live = { .index = 0 };
    bool any;
    bda_lock(&head->lock);
    VkResult result = bda_shards_take_locked(allocator, head, request, &live, &any);
    bda_unlock(&head->lock);
    if (kept != NULL)
        *kept = any;
    *node = result == VK_SUCCESS ? live.index : 0;
    return result;
}

VkResult bda_shard_take_mine(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                             uint32_t *node) {
    struct bda_live live = { .index = 0 };
    bda_lock(&head->lock);
    VkResult result = take_from_mine(allocator, head, request, &live);
    bda_unlock(&head->lock);
    *node = result == VK_SUCCESS ? live.index : 0;
    return result;
}
