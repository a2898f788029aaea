/* Giving empty blocks back, see reclaim.h. */
#include "alloc/reclaim.h"

#include "alloc/blocks.h"
#include "alloc/locate.h"
#include "alloc/shard.h"

enum scope { ALL_EMPTY, SURPLUS, OLD_SURPLUS };

struct empty {
    uint64_t count;
    VkDeviceSize bytes;
    VkDeviceSize smallest;
    struct bda_pool *shard; /* with the largest of those that may go */
    uint32_t largest_block;
    VkDeviceSize largest;
};

/* Whether an empty block has not been empty for long. Nobody waits for one of a retired pool to come into use. */
static bool is_young(const struct bda_pool *pool, const struct bda_block *block) {
    return block->idle < pool->keep_collects && !pool->retired;
}

/* Looks through a shard's blocks, unless it is known that none is empty. Blocks of the call `but` do not count, since
 * it would give back what it just took; nor, as surplus, do those made ahead of time. The shard's lock is held. */
static void add_empty(BdaAllocator allocator, struct bda_pool *shard, enum scope scope, uint32_t but,
                      struct empty *empty) {
    uint32_t index = bda_tlsf_empty_regions(&shard->tlsf) != 0 ? shard->first_block : 0;
    for (; index != 0; index = bda_block_at(allocator, index)->next) {
        const struct bda_block *block = bda_block_at(allocator, index);
        bool spared = (but != 0 && block->call == but) || (scope != ALL_EMPTY && block->idle == BDA_IDLE_AHEAD);
        if (spared || !bda_tlsf_region_is_empty(&shard->tlsf, index))
            continue;
        VkDeviceSize size = block->backing.size;
        empty->smallest = empty->count == 0 ? size : bda_min(empty->smallest, size);
        empty->count++;
        empty->bytes += size;
        if (size > empty->largest && !(scope == OLD_SURPLUS && is_young(shard, block))) {
            empty->largest = size;
            empty->largest_block = index;
            empty->shard = shard;
        }
    }
}

/* The same in all shards of a pool. The head's lock is held, so none moves from one to another. */
static struct empty find_empty(BdaAllocator allocator, struct bda_pool *head, enum scope scope, uint32_t but) {
    struct empty empty = { .count = 0 };
    for (struct bda_pool *shard = head; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        add_empty(allocator, shard, scope, but, &empty);
        bda_shard_unlock_beside_head(shard);
    }
    return empty;
}

/* Takes a block out of its pool, so that nobody else finds it, if it is still empty: it is to be closed. The head's
 * lock is held. */
static bool unlink_empty(BdaAllocator allocator, struct bda_pool *shard, uint32_t index, struct bda_closing *closing) {
    struct bda_pool *head = shard->head;
    bda_shard_lock_beside_head(shard);
    bool is_empty = bda_tlsf_region_is_empty(&shard->tlsf, index);
    if (is_empty) {
        bda_closing_begin(&allocator->closings, closing);
        bda_locate_remove(allocator, index);
        bda_pool_remove_block(allocator, shard, index);
        /* The next block need not be as large as the largest ever was. */
        head->next_block_size = bda_max(head->first_block_size, head->next_block_size / 2);
    }
    bda_shard_unlock_beside_head(shard);
    return is_empty;
}

/* Whether the largest empty block may go: there is another one, more than `keep_empty` bytes are in all but the
 * smallest, and without it the pool is not below its low-water mark, or it would want another one at once. */
static bool is_surplus(struct bda_pool *head, const struct empty *empty) {
    return empty->count > 1 && empty->bytes - empty->smallest > head->keep_empty &&
           bda_shards_free_granules(head) >= head->low_granules + (empty->largest >> BDA_GRANULE_LOG2);
}

/* The largest empty block, out of its pool; of the surplus only if that is the scope; a retired pool keeps none.
 * `largest_block` is 0 where there is none. */
static struct empty unlink_largest(BdaAllocator allocator, struct bda_pool *head, enum scope scope, uint32_t but,
                                   struct bda_closing *closing) {
    struct empty empty;
    bda_lock(&head->lock);
    do { /* another thread may be taking from it at this moment */
        empty = find_empty(allocator, head, scope, but);
        if (scope != ALL_EMPTY && !head->retired && !is_surplus(head, &empty))
            empty.largest_block = 0;
    } while (empty.largest_block != 0 && !unlink_empty(allocator, empty.shard, empty.largest_block, closing));
    bda_unlock(&head->lock);
    return empty;
}

static void close_unlinked(BdaAllocator allocator, uint32_t index, struct bda_closing *closing) {
    bda_blocks_close(allocator, index);
    bda_closing_end(&allocator->closings, closing);
}

/* Closes it. Returns its bytes, 0 when there was nothing to close. */
static VkDeviceSize close_largest(BdaAllocator allocator, struct bda_pool *head, enum scope scope, uint32_t but) {
    struct bda_closing closing;
    struct empty empty = unlink_largest(allocator, head, scope, but, &closing);
    if (empty.largest_block == 0)
        return 0;
    close_unlinked(allocator, empty.largest_block, &closing);
    bda_pool_give_nodes(allocator, empty.shard); /* there were more of them while there was more to cut */
    return empty.largest;
}

/* An empty block of a shard that a call opened, or 0. The shard's lock is held. */
static uint32_t find_opened(BdaAllocator allocator, struct bda_pool *shard, uint32_t call) {
    uint32_t index = bda_tlsf_empty_regions(&shard->tlsf) != 0 ? shard->first_block : 0;
    while (index != 0 &&
           !(bda_block_at(allocator, index)->call == call && bda_tlsf_region_is_empty(&shard->tlsf, index)))
        index = bda_block_at(allocator, index)->next;
    return index;
}

/* Closes one of them, wherever in the pool it is. */
static bool close_opened(BdaAllocator allocator, struct bda_pool *head, uint32_t call) {
    struct bda_closing closing;
    uint32_t index = 0;
    bda_lock(&head->lock);
    for (struct bda_pool *shard = head; shard != NULL && index == 0; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        index = find_opened(allocator, shard, call);
        bda_shard_unlock_beside_head(shard);
        if (index != 0 && !unlink_empty(allocator, shard, index, &closing))
            index = 0; /* somebody has use for it */
    }
    bda_unlock(&head->lock);
    if (index != 0)
        close_unlinked(allocator, index, &closing);
    return index != 0;
}

/* ---- Pools ---- */

void bda_reclaim_call(BdaAllocator allocator, uint32_t call) {
    if (call == 0)
        return;
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool))
        while (close_opened(allocator, pool, call))
            ;
}

void bda_reclaim_pool_surplus(BdaAllocator allocator, struct bda_pool *pool) {
    while (close_largest(allocator, pool, SURPLUS, 0) != 0)
        ;
}

/* Counts one bda_collect more for each empty block of a shard. Its lock is held. */
static void age_empty(BdaAllocator allocator, struct bda_pool *shard) {
    uint32_t index = bda_tlsf_empty_regions(&shard->tlsf) != 0 ? shard->first_block : 0;
    for (; index != 0; index = bda_block_at(allocator, index)->next) {
        struct bda_block *block = bda_block_at(allocator, index);
        if (block->idle < BDA_IDLE_MOST && bda_tlsf_region_is_empty(&shard->tlsf, index))
            block->idle++;
    }
}

/* The same for a pool, at which `look` looks, too. Whether it may have surplus: it keeps one empty block anyway. */
static bool age_pool(BdaAllocator allocator, struct bda_pool *head, struct bda_look *look) {
    VkDeviceSize used = 0;
    uint64_t empty = 0;
    bda_lock(&head->lock);
    for (struct bda_pool *shard = head; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        age_empty(allocator, shard);
        empty += bda_tlsf_empty_regions(&shard->tlsf);
        used += shard->counters.used + bda_caches_used(allocator, shard);
        bda_shard_unlock_beside_head(shard);
    }
    bda_look_at(look, head, used);
    bool retired = head->retired;
    bda_unlock(&head->lock);
    return empty > 1 || retired;
}

void bda_reclaim_surplus(BdaAllocator allocator, struct bda_look *look) {
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool))
        if (age_pool(allocator, pool, look))
            while (close_largest(allocator, pool, OLD_SURPLUS, 0) != 0)
                ;
}

bool bda_reclaim_pool(BdaAllocator allocator, struct bda_pool *pool, uint32_t but) {
    bool any = false;
    while (close_largest(allocator, pool, ALL_EMPTY, but) != 0)
        any = true;
    return any;
}

/* A retired pool may be getting another key at this moment, hence the lock. */
static bool lies_in_heap(BdaAllocator allocator, struct bda_pool *pool, uint32_t heap) {
    bda_lock(&pool->lock);
    uint32_t type = pool->key.memory_type;
    bda_unlock(&pool->lock);
    return bda_device_heap_of(&allocator->device, type) == heap;
}

bool bda_reclaim_heap(BdaAllocator allocator, uint32_t heap, uint32_t but) {
    bool any = false;
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool))
        if (lies_in_heap(allocator, pool, heap) && bda_reclaim_pool(allocator, pool, but))
            any = true;
    return any;
}

bool bda_reclaim_heap_would(BdaAllocator allocator, uint32_t heap) {
    bool any = false;
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL && !any; pool = bda_pools_next(pool)) {
        if (!lies_in_heap(allocator, pool, heap))
            continue;
        bda_lock(&pool->lock);
        any = find_empty(allocator, pool, ALL_EMPTY, 0).count != 0;
        bda_unlock(&pool->lock);
    }
    return any;
}

/* The pool with the largest empty block, and how many bytes are in empty blocks altogether. */
static struct bda_pool *survey(BdaAllocator allocator, VkDeviceSize *bytes, uint32_t but) {
    struct bda_pool *best = NULL;
    VkDeviceSize largest = 0;
    *bytes = 0;
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool)) {
        bda_lock(&pool->lock);
        struct empty empty = find_empty(allocator, pool, ALL_EMPTY, but);
        bda_unlock(&pool->lock);
        *bytes += empty.bytes;
        if (empty.largest > largest) {
            largest = empty.largest;
            best = pool;
        }
    }
    return best;
}

/* What another thread takes between the survey and the closing is looked for no further; it is in use. */
VkDeviceSize bda_reclaim_down_to(BdaAllocator allocator, VkDeviceSize keep, uint32_t but) {
    VkDeviceSize released = 0, bytes;
    struct bda_pool *pool;
    while ((pool = survey(allocator, &bytes, but)) != NULL && bytes > keep)
        released += close_largest(allocator, pool, ALL_EMPTY, but);
    return released;
}

void bda_reclaim_nodes(BdaAllocator allocator) {
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older)
        bda_pool_give_nodes(allocator, pool);
}
