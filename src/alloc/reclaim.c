/* Giving empty blocks back, see reclaim.h. */
#include "alloc/reclaim.h"

#include "alloc/grow.h"
#include "alloc/locate.h"

enum scope { ALL_EMPTY, SURPLUS, OLD_SURPLUS };

struct empty {
    uint64_t count;
    VkDeviceSize bytes;
    VkDeviceSize smallest;
    uint32_t largest_block; /* of those that may go */
    VkDeviceSize largest;
};

/* Whether an empty block has not been empty for long. Nobody waits for one of a retired pool to come into use. */
static bool is_young(const struct bda_pool *pool, const struct bda_block *block) {
    return block->idle < pool->keep_collects && !pool->retired;
}

/* Looks through a pool's blocks, unless it is known that none is empty. Blocks of the call `but` do not count, since it
 * would give back what it just took; nor, as surplus, do those made ahead of time. The pool's lock is held. */
static struct empty find_empty(BdaAllocator allocator, struct bda_pool *pool, enum scope scope, uint32_t but) {
    struct empty empty = { 0, 0, 0, 0, 0 };
    if (pool->tlsf.empty_regions == 0)
        return empty;
    for (uint32_t index = pool->first_block; index != 0; index = bda_block_at(allocator, index)->next) {
        const struct bda_block *block = bda_block_at(allocator, index);
        bool spared = (but != 0 && block->call == but) || (scope != ALL_EMPTY && block->idle == BDA_IDLE_AHEAD);
        if (spared || !bda_tlsf_region_is_empty(&pool->tlsf, index))
            continue;
        VkDeviceSize size = bda_block_at(allocator, index)->backing.size;
        empty.smallest = empty.count == 0 ? size : bda_min(empty.smallest, size);
        empty.count++;
        empty.bytes += size;
        if (size > empty.largest && !(scope == OLD_SURPLUS && is_young(pool, block))) {
            empty.largest = size;
            empty.largest_block = index;
        }
    }
    return empty;
}

/* Takes an empty block out of its pool, so that nobody else finds it. The pool's lock is held. */
static void unlink_block(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    bda_tlsf_remove_region(&pool->tlsf, index);
    bda_pool_unlink_block(allocator, &pool->first_block, index);
    bda_locate_remove(allocator, index);
    atomic_store_explicit(&block->pool, NULL, memory_order_release);
    pool->counters.block_count--;
    pool->counters.reserved -= block->backing.size;
    pool->counters.region_bytes -= (VkDeviceSize)block->region.size << BDA_GRANULE_LOG2;
    bda_pool_bound_caches(pool);
    /* The next block need not be as large as the largest ever was. */
    pool->next_block_size = bda_max(pool->first_block_size, pool->next_block_size / 2);
}

/* Whether the largest empty block may go: there is another one, more than `keep_empty` bytes are in all but the
 * smallest, and without it the pool is not below its low-water mark, or it would want another one at once. */
static bool is_surplus(const struct bda_pool *pool, const struct empty *empty) {
    return empty->count > 1 && empty->bytes - empty->smallest > pool->keep_empty &&
           pool->tlsf.free_granules >= pool->low_granules + (empty->largest >> BDA_GRANULE_LOG2);
}

/* Closes the pool's largest empty block, of the surplus only if that is the scope; a retired pool keeps none. Returns
 * its bytes, 0 when there was nothing to close. */
static VkDeviceSize close_largest(BdaAllocator allocator, struct bda_pool *pool, enum scope scope, uint32_t but) {
    bda_mutex_lock(&pool->lock);
    struct empty empty = find_empty(allocator, pool, scope, but);
    bool wanted = empty.largest_block != 0;
    if (scope != ALL_EMPTY)
        wanted = wanted && (pool->retired || is_surplus(pool, &empty));
    if (wanted)
        unlink_block(allocator, pool, empty.largest_block);
    bda_mutex_unlock(&pool->lock);
    if (!wanted)
        return 0;
    bda_grow_close(allocator, empty.largest_block);
    bda_pool_give_nodes(allocator, pool); /* there were more of them while there was more to cut */
    return empty.largest;
}

/* Closes one empty block that a call opened. */
static bool close_opened(BdaAllocator allocator, struct bda_pool *pool, uint32_t call) {
    bda_mutex_lock(&pool->lock);
    uint32_t index = pool->first_block;
    while (index != 0 &&
           !(bda_block_at(allocator, index)->call == call && bda_tlsf_region_is_empty(&pool->tlsf, index)))
        index = bda_block_at(allocator, index)->next;
    if (index != 0)
        unlink_block(allocator, pool, index);
    bda_mutex_unlock(&pool->lock);
    if (index != 0)
        bda_grow_close(allocator, index);
    return index != 0;
}

void bda_reclaim_call(BdaAllocator allocator, uint32_t call) {
    if (call == 0)
        return;
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older)
        while (close_opened(allocator, pool, call))
            ;
}

void bda_reclaim_pool_surplus(BdaAllocator allocator, struct bda_pool *pool) {
    while (close_largest(allocator, pool, SURPLUS, 0) != 0)
        ;
}

/* Counts one bda_collect more for each empty block. */
static void age_empty(BdaAllocator allocator, struct bda_pool *pool) {
    bda_mutex_lock(&pool->lock);
    uint32_t index = pool->tlsf.empty_regions != 0 ? pool->first_block : 0;
    for (; index != 0; index = bda_block_at(allocator, index)->next) {
        struct bda_block *block = bda_block_at(allocator, index);
        if (block->idle < BDA_IDLE_MOST && bda_tlsf_region_is_empty(&pool->tlsf, index))
            block->idle++;
    }
    bda_mutex_unlock(&pool->lock);
}

void bda_reclaim_surplus(BdaAllocator allocator) {
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older) {
        age_empty(allocator, pool);
        while (close_largest(allocator, pool, OLD_SURPLUS, 0) != 0)
            ;
    }
}

bool bda_reclaim_pool(BdaAllocator allocator, struct bda_pool *pool, uint32_t but) {
    bool any = false;
    while (close_largest(allocator, pool, ALL_EMPTY, but) != 0)
        any = true;
    return any;
}

/* A retired pool may be getting another key at this moment, hence the lock. */
static bool lies_in_heap(BdaAllocator allocator, struct bda_pool *pool, uint32_t heap) {
    bda_mutex_lock(&pool->lock);
    uint32_t type = pool->key.memory_type;
    bda_mutex_unlock(&pool->lock);
    return bda_device_heap_of(&allocator->device, type) == heap;
}

bool bda_reclaim_heap(BdaAllocator allocator, uint32_t heap, uint32_t but) {
    bool any = false;
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older)
        if (lies_in_heap(allocator, pool, heap) && bda_reclaim_pool(allocator, pool, but))
            any = true;
    return any;
}

/* The pool with the largest empty block, and how many bytes are in empty blocks altogether. */
static struct bda_pool *survey(BdaAllocator allocator, VkDeviceSize *bytes, uint32_t but) {
    struct bda_pool *best = NULL;
    VkDeviceSize largest = 0;
    *bytes = 0;
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older) {
        bda_mutex_lock(&pool->lock);
        struct empty empty = find_empty(allocator, pool, ALL_EMPTY, but);
        bda_mutex_unlock(&pool->lock);
        *bytes += empty.bytes;
        if (empty.largest > largest) {
            largest = empty.largest;
            best = pool;
        }
    }
    return best;
}

VkDeviceSize bda_reclaim_down_to(BdaAllocator allocator, VkDeviceSize keep, uint32_t but) {
    VkDeviceSize released = 0, bytes;
    struct bda_pool *pool;
    while ((pool = survey(allocator, &bytes, but)) != NULL && bytes > keep) {
        VkDeviceSize closed = close_largest(allocator, pool, ALL_EMPTY, but);
        if (closed == 0)
            break; /* another thread was faster */
        released += closed;
    }
    return released;
}

void bda_reclaim_nodes(BdaAllocator allocator) {
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older)
        bda_pool_give_nodes(allocator, pool);
}
