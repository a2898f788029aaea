/* Checking a whole allocator, see check.h. */
#include "debug/check.h"

#include "alloc/allocate.h"
#include "alloc/caches.h"

/* What the nodes of a pool add up to, for comparison with its counters. */
struct sums {
    uint64_t blocks, dedicated, live, pending, quarantined;
    VkDeviceSize reserved, used, pending_bytes, region_bytes, dedicated_used, dedicated_pending, cached;
    VkDeviceSize quarantined_bytes, dedicated_quarantined;
    uint64_t large; /* granules, as bda_pool::large */
};

static const char *add_nodes(BdaAllocator allocator, uint32_t index, struct sums *sums) {
    for (; index != 0; index = bda_node_next(bda_node_of(allocator, index))) {
        struct bda_node *node = bda_node_of(allocator, index);
        const struct bda_block *block = bda_block_of(allocator, node);
        VkDeviceSize held = block->dedicated_size != 0 ? block->dedicated_size : bda_node_held(node);
        if (block->dedicated_size == 0 && bda_node_state(node) != BDA_NODE_FREE)
            sums->large += bda_range_large_part(node);
        switch (bda_node_state(node)) {
        case BDA_NODE_PENDING:
            sums->pending++;
            sums->pending_bytes += held;
            sums->dedicated_pending += block->dedicated_size;
            break;
        case BDA_NODE_QUARANTINED:
            sums->quarantined++;
            sums->quarantined_bytes += held;
            sums->dedicated_quarantined += block->dedicated_size;
            break;
        case BDA_NODE_LIVE:
        case BDA_NODE_RETIRED: /* on its way: counted until it is released */
            if (block->dedicated_size == 0 && bda_node_slack(node) >= held)
                return "an allocation is larger than its range";
            sums->live++;
            sums->used += bda_asked(allocator, node);
            sums->dedicated_used += block->dedicated_size;
            break;
        case BDA_NODE_CACHED:
            sums->cached += held;
            break;
        default:
            break;
        }
    }
    return NULL;
}

static const char *check_block(BdaAllocator allocator, struct bda_pool *pool, uint32_t index, struct sums *sums) {
    struct bda_block *block = bda_block_at(allocator, index);
    if (atomic_load_explicit(&block->pool, memory_order_relaxed) != pool)
        return "a block is in the list of another pool";
    if (block->backing.memory == VK_NULL_HANDLE || block->region.first == 0)
        return "a block in use has no memory or no node";
    if (block->next != 0 && bda_block_at(allocator, block->next)->previous != index)
        return "the links of a list of blocks disagree";
    sums->blocks++;
    sums->reserved += block->backing.size;
    sums->region_bytes += (VkDeviceSize)block->region.size << BDA_GRANULE_LOG2;
    return add_nodes(allocator, block->region.first, sums);
}

static const char *check_lists(BdaAllocator allocator, struct bda_pool *pool, struct sums *sums) {
    const char *broken = NULL;
    uint32_t index = pool->first_block;
    for (; index != 0 && broken == NULL; index = bda_block_at(allocator, index)->next)
        broken = check_block(allocator, pool, index, sums);
    VkDeviceSize region_bytes = sums->region_bytes;
    index = pool->first_dedicated;
    for (; index != 0 && broken == NULL; index = bda_block_at(allocator, index)->next) {
        broken = check_block(allocator, pool, index, sums);
        sums->dedicated++;
    }
    sums->region_bytes = region_bytes; /* dedicated blocks have no region */
    return broken;
}

/* The pool's lock is held, and no thread is inside of its cache. */
static const char *compare(BdaAllocator allocator, struct bda_pool *pool, const struct sums *s) {
    const struct bda_pool_counters *c = &pool->counters;
    const struct bda_cached caches = bda_caches_sum(allocator, pool);
    if (c->block_count != s->blocks || c->dedicated_count != s->dedicated)
        return "the count of blocks is wrong";
    if (c->live_count - caches.count != s->live || c->pending_count != s->pending ||
        c->quarantined_count != s->quarantined)
        return "the count of allocations is wrong";
    if (c->reserved != s->reserved || c->region_bytes != s->region_bytes)
        return "the bytes reserved are wrong";
    if (c->used + caches.used != s->used || c->pending != s->pending_bytes || c->dedicated_used != s->dedicated_used ||
        c->dedicated_pending != s->dedicated_pending)
        return "the bytes used are wrong";
    if (c->quarantined != s->quarantined_bytes || c->dedicated_quarantined != s->dedicated_quarantined)
        return "the bytes in quarantine are wrong";
    if (caches.granules << BDA_GRANULE_LOG2 != s->cached)
        return "the bytes kept in caches are wrong";
    if (bda_pool_has_stock(pool) && pool->large != s->large)
        return "the bytes in large ranges are wrong";
    return NULL;
}

/* TLSF wants the list of its regions; there are seldom more than a few dozen blocks. The pool's lock is held. */
static const char *check_tlsf(BdaAllocator allocator, struct bda_pool *pool, uint64_t count, VkResult *result) {
    size_t size = (size_t)(count + 1) * sizeof(uint32_t);
    uint32_t *regions = bda_host_allocate(&allocator->host, size, sizeof(uint32_t));
    if (regions == NULL) {
        *result = VK_ERROR_OUT_OF_HOST_MEMORY;
        return NULL;
    }
    uint32_t found = 0;
    for (uint32_t index = pool->first_block; index != 0; index = bda_block_at(allocator, index)->next)
        regions[found++] = index;
    const char *broken = bda_tlsf_check(&pool->tlsf, regions, found);
    bda_host_release(&allocator->host, regions, size);
    return broken;
}

static const char *check_pool(BdaAllocator allocator, struct bda_pool *pool, VkResult *result) {
    struct sums sums = { .blocks = 0 };
    bda_lock(&pool->lock);
    const char *broken = check_lists(allocator, pool, &sums);
    if (broken == NULL)
        broken = check_tlsf(allocator, pool, sums.blocks - sums.dedicated, result);
    if (broken == NULL)
        broken = compare(allocator, pool, &sums);
    bda_unlock(&pool->lock);
    return broken;
}

const char *bda_check_all(BdaAllocator allocator, VkResult *result) {
    *result = VK_SUCCESS;
    const char *broken = NULL;
    bda_caches_stop(allocator);
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL && broken == NULL; pool = pool->older)
        broken = check_pool(allocator, pool, result);
    bda_caches_go(allocator);
    return broken;
}
