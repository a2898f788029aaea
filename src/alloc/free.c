/* Retire and release, see free.h. */
#include "alloc/free.h"

#include "alloc/allocate.h"
#include "alloc/blocks.h"
#include "alloc/history.h"
#include "alloc/locate.h"
#include "alloc/own.h"
#include "alloc/plain.h"

#include <assert.h>

static bool is_dedicated(const struct bda_block *block) {
    return block->dedicated_size != 0;
}

/* A live allocation goes. The pool's lock is held. */
static void count_dead(BdaAllocator allocator, struct bda_pool *pool, struct bda_node *node) {
    struct bda_pool_counters *counters = &pool->counters;
    counters->live_count--;
    counters->used -= bda_asked(allocator, node);
    counters->dedicated_used -= bda_block_of(allocator, node)->dedicated_size;
}

/* What was retired or held back goes. The pool's lock is held. */
static void count_gone(BdaAllocator allocator, struct bda_pool *pool, struct bda_node *node) {
    struct bda_pool_counters *counters = &pool->counters;
    VkDeviceSize dedicated = bda_block_of(allocator, node)->dedicated_size;
    VkDeviceSize held = dedicated != 0 ? dedicated : bda_node_held(node);
    switch (bda_node_state(node)) {
    case BDA_NODE_PENDING:
        counters->pending_count--;
        counters->pending -= held;
        counters->dedicated_pending -= dedicated;
        break;
    case BDA_NODE_QUARANTINED:
        counters->quarantined_count--;
        counters->quarantined -= held;
        counters->dedicated_quarantined -= dedicated;
        break;
    default:
        count_dead(allocator, pool, node);
        break;
    }
}

/* What waits or is held back keeps its record, and counts under no prefix any more. The pool's lock is held. */
static void leave_prefix(BdaAllocator allocator, const struct bda_node *node) {
    uint32_t record = bda_node_record(node);
    if (record != 0)
        bda_prefixes_leave(allocator, bda_record_at(allocator, record));
}

/* A live allocation becomes one that waits. The pool's lock is held. */
static void count_pending(BdaAllocator allocator, struct bda_pool *pool, struct bda_node *node) {
    struct bda_pool_counters *counters = &pool->counters;
    VkDeviceSize dedicated = bda_block_of(allocator, node)->dedicated_size;
    count_dead(allocator, pool, node);
    leave_prefix(allocator, node);
    counters->pending_count++;
    counters->pending += dedicated != 0 ? dedicated : bda_node_held(node);
    counters->dedicated_pending += dedicated;
}

/* And one that a checking mode holds. The pool's lock is held. */
static void count_quarantined(struct bda_pool *pool, const struct bda_node *node, VkDeviceSize dedicated) {
    struct bda_pool_counters *counters = &pool->counters;
    counters->quarantined_count++;
    counters->quarantined += dedicated != 0 ? dedicated : bda_node_held(node);
    counters->dedicated_quarantined += dedicated;
}

/* The slack of what waits, in the place of a record: a home in no stock (alloc/shelf.h), which is what whoever takes it
 * for a home finds. It is some rounding and a guard, far below 8 MiB. */
static uint32_t home_of_slack(uint32_t slack) {
    assert(slack >> 23 == 0);
    return BDA_NODE_HOME | slack >> 16 << 24 | (uint32_t)BDA_STOCKS << 16 | (slack & 0xFFFF);
}

static uint32_t slack_of_home(uint32_t home) {
    return (home & ~BDA_NODE_HOME) >> 24 << 16 | (home & 0xFFFF);
}

/* What waits has its link where its slack stood: that moves to its record, or into the place of one. For whoever
 * listens; the others have no use for it. The pool's lock is held. */
static void keep_slack(BdaAllocator allocator, struct bda_node *node) {
    uint32_t record = bda_node_record(node), slack = bda_node_slack(node);
    if (allocator->event == NULL)
        return;
    if (record != 0)
        bda_record_at(allocator, record)->share = (uint64_t)slack << BDA_SHARE_PREFIX_BITS;
    else
        bda_node_set_record(node, home_of_slack(slack));
}

VkDeviceSize bda_asked_once(BdaAllocator allocator, struct bda_node *node) {
    uint32_t record = bda_node_record(node);
    if (bda_node_state(node) != BDA_NODE_PENDING || is_dedicated(bda_block_of(allocator, node)))
        return bda_asked(allocator, node);
    return bda_node_held(node) - (record != 0 ? bda_record_at(allocator, record)->share >> BDA_SHARE_PREFIX_BITS
                                              : slack_of_home(bda_node_home(node)));
}

/* Tells who listens of a retired or pending node: its generation has moved on, the handle is the one before. */
static void tell_freed(BdaAllocator allocator, uint32_t index) {
    if (allocator->event == NULL)
        return;
    struct bda_node *node = bda_node_of(allocator, index);
    const struct bda_block *block = bda_block_of(allocator, node);
    const struct bda_record *record =
        bda_node_record(node) != 0 ? bda_record_at(allocator, bda_node_record(node)) : NULL;
    const struct bda_event event = {
        .kind = BDA_EVENT_FREED,
        .handle = bda_handle_of(allocator, index, node) - ((BdaHandle)1 << 32),
        .address = record != NULL && record->address != 0 ? record->address : block->region.base + bda_node_start(node),
        .size = bda_asked_once(allocator, node),
        .name = record != NULL ? bda_record_name(record) : NULL,
        .mapped = block->mapped != NULL ? block->mapped + bda_node_start(node) : NULL,
        .held = bda_held(allocator, index),
    };
    allocator->event(allocator, &event);
}

/* ---- The two steps ---- */

/* The pool's lock is held; but a range may be going into some thread's cache without it. */
static bool retire(BdaAllocator allocator, BdaHandle handle, const struct bda_live *live, enum bda_node_state state) {
    return bda_node_try_retire(live->node, bda_handle_generation(handle), state, allocator->locks);
}

uint32_t bda_retire(BdaAllocator allocator, BdaHandle handle, enum bda_node_state state, const char **reason) {
    struct bda_live live;
    bool good = bda_handle_find(allocator, handle, &live);
    if (good) {
        bda_lock(&live.pool->lock);
        good = bda_handle_holds(allocator, handle, &live) && retire(allocator, handle, &live, state);
        if (good)
            bda_history_tell(allocator, handle, live.node, state == BDA_NODE_PENDING ? BDA_PAST_PENDING : 0);
        if (good && state == BDA_NODE_PENDING) {
            count_pending(allocator, live.pool, live.node);
            keep_slack(allocator, live.node);
        }
        bda_unlock(&live.pool->lock);
    }
    if (!good)
        *reason = bda_handle_is_dead;
    return good ? live.index : 0;
}

/* Takes a retirement back; the handle is good again. From the state retired, or cached (bda_cache_retire_one), before
 * anything else. */
static void unretire(BdaAllocator allocator, uint32_t index) {
    struct bda_node *node = bda_node_of(allocator, index);
    struct bda_pool *pool = bda_pool_of(allocator, node);
    bda_lock(&pool->lock);
    bda_node_revive(node);
    bda_unlock(&pool->lock);
}

/* Returns the bytes of memory that go. */
static VkDeviceSize release_dedicated(BdaAllocator allocator, struct bda_pool *pool, uint32_t index,
                                      uint32_t block_index) {
    struct bda_block *block = bda_block_at(allocator, block_index);
    VkDeviceSize bytes = block->backing.size;
    bda_lock(&pool->lock);
    count_gone(allocator, pool, bda_node_of(allocator, index));
    leave_prefix(allocator, bda_node_of(allocator, index));
    bda_locate_remove(allocator, block_index);
    bda_pool_remove_dedicated(allocator, pool, block_index);
    bda_node_list_push(&allocator->nodes, &pool->tlsf.spare, index);
    bda_unlock(&pool->lock);
    bda_blocks_close(allocator, block_index);
    return bytes;
}

static void release_range(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    bda_lock(&pool->lock);
    struct bda_node *node = bda_node_of(allocator, index);
    count_gone(allocator, pool, node);
    leave_prefix(allocator, node); /* before somebody else has the bytes, and counts them */
    bda_range_give(pool, index, node);
    bda_unlock(&pool->lock);
}

void bda_hold(BdaAllocator allocator, uint32_t index) {
    struct bda_node *node = bda_node_of(allocator, index);
    struct bda_pool *pool = bda_pool_of(allocator, node);
    bda_lock(&pool->lock);
    count_gone(allocator, pool, node);
    leave_prefix(allocator, node);
    count_quarantined(pool, node, bda_block_of(allocator, node)->dedicated_size);
    bda_node_set_state(node, BDA_NODE_QUARANTINED);
    bda_unlock(&pool->lock);
}

VkDeviceSize bda_release_held(BdaAllocator allocator, uint32_t index) {
    struct bda_node *node = bda_node_of(allocator, index);
    uint32_t block_index = bda_node_region(node);
    struct bda_block *block = bda_block_at(allocator, block_index);
    struct bda_pool *pool = atomic_load_explicit(&block->pool, memory_order_relaxed);
    uint32_t record = bda_node_record(node);
    VkDeviceSize bytes = 0;
    if (is_dedicated(block)) {
        bytes = release_dedicated(allocator, pool, index, block_index);
    } else {
        if (block->own)
            bda_own_release(allocator, index);
        release_range(allocator, pool, index);
    }
    bda_record_destroy(allocator, record);
    return bytes;
}

/* The second step, for a retired or pending node; a checking mode may hold it back. `seen`: its caller has heard of it.
 * Returns the bytes of memory that go, see bda_release_list. */
static VkDeviceSize release(BdaAllocator allocator, uint32_t index, bool seen) {
    VkDeviceSize bytes = 0;
    if (allocator->releasing != NULL)
        allocator->releasing(allocator, true);
    tell_freed(allocator, index);
    if (allocator->hooks == NULL || !allocator->hooks->hold(allocator, index, seen, &bytes))
        bytes = bda_release_held(allocator, index);
    if (allocator->releasing != NULL)
        allocator->releasing(allocator, false);
    return bytes;
}

void bda_let_go(BdaAllocator allocator, const struct bda_pool *pool) {
    if (allocator->hooks == NULL)
        return;
    struct bda_closing closing;
    bda_closing_begin(&allocator->closings, &closing);
    allocator->hooks->let_go(allocator, pool);
    bda_closing_end(&allocator->closings, &closing);
}

VkDeviceSize bda_release_list(BdaAllocator allocator, uint32_t first) {
    VkDeviceSize bytes = 0;
    while (first != 0) { /* the link is read first: afterwards the node is somebody else's */
        uint32_t next = bda_node_link(bda_node_of(allocator, first));
        bytes += release(allocator, first, true);
        first = next;
    }
    return bytes;
}

/* Makes the live nodes from `index` on pending, in front of `list`. The pool's lock is held. */
static uint32_t gather(BdaAllocator allocator, struct bda_pool *pool, uint32_t index, uint32_t list) {
    for (; index != 0; index = bda_node_next(bda_node_of(allocator, index))) {
        struct bda_node *node = bda_node_of(allocator, index);
        if (bda_node_state(node) != BDA_NODE_LIVE)
            continue;
        bda_history_tell(allocator, bda_handle_of(allocator, index, node), node, 0);
        count_pending(allocator, pool, node);
        keep_slack(allocator, node);
        bda_node_retire(node, BDA_NODE_PENDING);
        bda_node_set_link(node, list);
        list = index;
    }
    return list;
}

void bda_release_all(BdaAllocator allocator, struct bda_pool *pool) {
    uint32_t list = 0;
    bda_lock(&pool->lock);
    for (uint32_t block = pool->first_block; block != 0; block = bda_block_at(allocator, block)->next)
        list = gather(allocator, pool, bda_block_at(allocator, block)->region.first, list);
    for (uint32_t block = pool->first_dedicated; block != 0; block = bda_block_at(allocator, block)->next)
        list = gather(allocator, pool, bda_block_at(allocator, block)->region.first, list);
    bda_unlock(&pool->lock);
    (void)bda_release_list(allocator, list);
    bda_let_go(allocator, pool->head);
}

void bda_take_back(BdaAllocator allocator, uint32_t index) {
    struct bda_node *node = bda_node_of(allocator, index);
    struct bda_pool *pool = bda_pool_of(allocator, node);
    bda_lock(&pool->lock);
    count_gone(allocator, pool, node);
    bda_node_retire(node, BDA_NODE_RETIRED);
    bda_range_give(pool, index, node);
    bda_unlock(&pool->lock);
}

VkResult bda_free_handle(BdaAllocator allocator, BdaHandle handle, const char **reason) {
    uint32_t index = bda_retire(allocator, handle, BDA_NODE_RETIRED, reason);
    if (index == 0)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    (void)release(allocator, index, true);
    return VK_SUCCESS;
}

void bda_free_unseen(BdaAllocator allocator, BdaHandle handle) {
    struct bda_live live;
    if (!bda_handle_find(allocator, handle, &live))
        return;
    bda_lock(&live.pool->lock);
    bool good = bda_handle_holds(allocator, handle, &live) && retire(allocator, handle, &live, BDA_NODE_RETIRED);
    bda_unlock(&live.pool->lock);
    if (good)
        (void)release(allocator, live.index, false);
}

/* ---- Many at once ---- */

/* Far more live allocations than caches hold make every look at a node a miss, and so does another thread that was the
 * last to write it: the next ones are asked for while one is looked at. */
enum { AHEAD = 16 };

static void prefetch_node(BdaAllocator allocator, BdaHandle handle) {
    if (bda_store_has(&allocator->nodes.store, bda_handle_index(handle)))
        bda_prefetch(bda_node_of(allocator, bda_handle_index(handle)));
}

static void prefetch_first(BdaAllocator allocator, uint32_t count, const BdaHandle *handles) {
    for (uint32_t i = 0; i < AHEAD && i < count; i++)
        prefetch_node(allocator, handles[i]);
}

static void prefetch_ahead(BdaAllocator allocator, uint32_t left, const BdaHandle *handles) {
    if (left > AHEAD)
        prefetch_node(allocator, handles[AHEAD]);
}

/* So many at most go into caches: what comes and goes by the thousand would only wash through them. */
enum { KEPT_AT_ONCE = 256 };

/* Frees that belong together: all of them happen, or none. */
struct frees {
    uint32_t count;
    const BdaHandle *handles;
    struct bda_cache *cache;          /* the thread's own, with its owner inside; NULL: it takes no part */
    uint64_t kept[KEPT_AT_ONCE / 64]; /* which of them it has retired, a bit each */
    struct bda_pool *lacks;           /* what the cache would have liked to have a stock for */
};

static bool is_kept(const struct frees *frees, uint32_t i) {
    return frees->cache != NULL && (frees->kept[i / 64] >> i % 64 & 1u) != 0;
}

/* Whether the thread's cache may keep what a handle has led to. */
static bool may_keep(BdaAllocator allocator, struct frees *frees, struct bda_node *node) {
    return frees->cache != NULL && bda_cache_may_keep(allocator, frees->cache, node, &frees->lacks);
}

/* Retires the first ones that the thread's cache may keep, without the lock; returns how many. */
static uint32_t retire_kept(BdaAllocator allocator, struct frees *frees, uint32_t from) {
    uint32_t i = from;
    for (; i < frees->count; i++) {
        BdaHandle handle = frees->handles[i];
        prefetch_ahead(allocator, frees->count - i, frees->handles + i);
        if (handle == 0)
            continue;
        uint32_t tag;
        struct bda_node *node = bda_handle_node_to_free(allocator, handle, &tag);
        if (node == NULL || !may_keep(allocator, frees, node) || !bda_cache_retire_one(handle, node, tag))
            break;
        frees->kept[i / 64] |= (uint64_t)1 << i % 64;
    }
    return i - from;
}

/* Retires what lies in the pool of the first one, up to one that does not, or that the cache may keep, under one lock;
 * returns how many. */
static uint32_t retire_run(BdaAllocator allocator, struct frees *frees, uint32_t from) {
    struct bda_live live;
    if (!bda_handle_find(allocator, frees->handles[from], &live))
        return 0;
    struct bda_pool *pool = live.pool;
    uint32_t i = from;
    bda_lock(&pool->lock);
    for (; i < frees->count; i++) {
        BdaHandle handle = frees->handles[i];
        prefetch_ahead(allocator, frees->count - i, frees->handles + i);
        if (handle == 0)
            continue;
        if (!bda_handle_find(allocator, handle, &live) || live.pool != pool)
            break;
        if (i != from && may_keep(allocator, frees, live.node))
            break;
        if (!retire(allocator, handle, &live, BDA_NODE_RETIRED))
            break;
    }
    bda_unlock(&pool->lock);
    return i - from;
}

/* Retires all; returns how many, fewer than there are where the next one is bad. */
static uint32_t retire_many(BdaAllocator allocator, struct frees *frees) {
    uint32_t done = retire_kept(allocator, frees, 0);
    while (done < frees->count) {
        uint32_t run = retire_run(allocator, frees, done);
        if (run == 0)
            break;
        done += run;
        done += retire_kept(allocator, frees, done);
    }
    return done;
}

/* Ranges of one pool that are retired and go back together. */
struct batch {
    struct bda_pool *pool;
    uint32_t count;
    uint32_t nodes[64];
    VkDeviceSize used; /* bytes asked for */
};

static void release_batch(struct batch *batch) {
    if (batch->count == 0)
        return;
    struct bda_pool *pool = batch->pool;
    bda_lock(&pool->lock);
    pool->counters.used -= batch->used;
    bda_range_give_many(pool, batch->count, batch->nodes);
    bda_unlock(&pool->lock);
    batch->count = 0;
    batch->used = 0;
}

static void add_to_batch(struct batch *batch, const struct bda_live *live) {
    if (batch->pool != live->pool || batch->count == sizeof batch->nodes / sizeof batch->nodes[0])
        release_batch(batch);
    batch->pool = live->pool;
    batch->nodes[batch->count++] = live->index;
    batch->used += bda_node_asked(live->node);
}

/* The second step of what the thread's cache has retired: kept, or back to TLSF. */
static void release_kept(BdaAllocator allocator, const struct frees *frees) {
    struct batch batch = { .count = 0, .used = 0 };
    struct bda_stock *bounded = NULL;
    for (uint32_t i = 0; frees->cache != NULL && i < frees->count; i++) {
        BdaHandle handle = frees->handles[i];
        if (!is_kept(frees, i))
            continue;
        struct bda_live live = bda_range_at(allocator, NULL, bda_handle_index(handle));
        live.pool = atomic_load_explicit(&live.block->pool, memory_order_relaxed);
        if (!bda_cache_keep_one(allocator, frees->cache, handle, &live, &bounded))
            add_to_batch(&batch, &live);
    }
    release_batch(&batch);
}

/* The second step of the others: what is more than a range goes alone. */
static void release_many(BdaAllocator allocator, const struct frees *frees) {
    struct batch batch = { .count = 0, .used = 0 };
    for (uint32_t i = 0; i < frees->count; i++) {
        BdaHandle handle = frees->handles[i];
        if (handle == 0 || is_kept(frees, i))
            continue;
        prefetch_ahead(allocator, frees->count - i, frees->handles + i);
        struct bda_live live = bda_range_at(allocator, NULL, bda_handle_index(handle));
        live.pool = atomic_load_explicit(&live.block->pool, memory_order_relaxed);
        bda_history_tell(allocator, handle, live.node, 0);
        if (!live.block->plain) {
            (void)release(allocator, live.index, true);
            continue;
        }
        bda_record_destroy(allocator, bda_node_record(live.node));
        add_to_batch(&batch, &live);
    }
    release_batch(&batch);
}

static bool is_among(BdaHandle handle, uint32_t count, const BdaHandle *handles) {
    while (count != 0 && handles[count - 1] != handle)
        count--;
    return count != 0;
}

bool bda_free_handles(BdaAllocator allocator, uint32_t count, const BdaHandle *handles, uint32_t *bad,
                      const char **reason) {
    struct frees frees = { .count = count, .handles = handles };
    if (count <= KEPT_AT_ONCE && allocator->event == NULL)
        frees.cache = bda_cache_enter(allocator);
    prefetch_first(allocator, count, handles);
    uint32_t retired = retire_many(allocator, &frees);
    bool good = retired == count;
    if (good)
        release_kept(allocator, &frees);
    for (uint32_t i = good ? 0 : retired; i-- > 0;)
        if (handles[i] != 0)
            unretire(allocator, bda_handle_index(handles[i]));
    if (frees.cache != NULL)
        bda_claim_leave(&frees.cache->claim);
    if (frees.lacks != NULL)
        bda_caches_wish(allocator, frees.cache, frees.lacks);
    if (good) {
        release_many(allocator, &frees);
        return true;
    }
    *bad = retired;
    *reason = is_among(handles[retired], retired, handles) ? "the handle is given twice" : bda_handle_is_dead;
    return false;
}
