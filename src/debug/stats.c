/* Statistics, see stats.h. */
#include "debug/stats.h"

#include "alloc/arena.h"
#include "debug/pointers.h"

static BdaUse use_of(BdaAllocator allocator, struct bda_pool *pool) {
    const struct bda_pool_counters *c = &pool->counters;
    const struct bda_cached caches = bda_caches_sum(allocator, pool);
    VkDeviceSize used = c->used + caches.used, cached = caches.granules << BDA_GRANULE_LOG2;
    VkDeviceSize free = (VkDeviceSize)pool->tlsf.free_granules << BDA_GRANULE_LOG2;
    VkDeviceSize held = c->region_bytes - free; /* by live and waiting allocations in blocks */
    VkDeviceSize accounted = used + cached - c->dedicated_used + c->pending - c->dedicated_pending + c->quarantined -
                             c->dedicated_quarantined;
    return (BdaUse){
        .block_count = c->block_count,
        .dedicated_count = c->dedicated_count,
        .empty_count = pool->tlsf.empty_regions,
        .reserved = c->reserved,
        .allocation_count = c->live_count - caches.count,
        .used = used,
        .wasted = held > accounted ? held - accounted : 0,
        .pending_count = c->pending_count,
        .pending = c->pending,
        .cached = cached,
        .quarantined_count = c->quarantined_count,
        .quarantined = c->quarantined,
        .free = free,
        .largest_free = (VkDeviceSize)bda_tlsf_largest_free(&pool->tlsf) << BDA_GRANULE_LOG2,
    };
}

static void add(BdaUse *sum, const BdaUse *use) {
    sum->block_count += use->block_count;
    sum->dedicated_count += use->dedicated_count;
    sum->empty_count += use->empty_count;
    sum->reserved += use->reserved;
    sum->allocation_count += use->allocation_count;
    sum->used += use->used;
    sum->wasted += use->wasted;
    sum->pending_count += use->pending_count;
    sum->pending += use->pending;
    sum->cached += use->cached;
    sum->quarantined_count += use->quarantined_count;
    sum->quarantined += use->quarantined;
    sum->free += use->free;
    sum->largest_free = bda_max(sum->largest_free, use->largest_free);
}

/* Adds what a pool's arenas hold; returns its memory type, which is another one's when a retired pool is used again. */
static uint32_t add_pool(BdaAllocator allocator, struct bda_pool *head, BdaUse *sum) {
    bda_lock(&head->lock);
    for (struct bda_pool *arena = head; arena != NULL; arena = bda_pool_next_arena(arena)) {
        bda_arena_lock_beside_head(arena);
        BdaUse use = use_of(allocator, arena);
        bda_arena_unlock_beside_head(arena);
        add(sum, &use);
    }
    uint32_t type = head->key.memory_type;
    bda_unlock(&head->lock);
    return type;
}

void bda_stats_add_pool(BdaAllocator allocator, struct bda_pool *pool, BdaUse *use) {
    (void)add_pool(allocator, pool, use);
}

static void gather_heap(struct bda_heap *heap, BdaHeapStats *stats) {
    stats->size = heap->size;
    stats->limit = heap->limit;
    stats->budget = bda_budget_of(heap);
    stats->usage = bda_budget_usage(heap);
    stats->external = atomic_load_explicit(&heap->external, memory_order_relaxed);
    stats->external_count = atomic_load_explicit(&heap->external_count, memory_order_relaxed);
}

void bda_stats_gather(BdaAllocator allocator, BdaStats *stats) {
    struct bda_device *device = &allocator->device;
    bda_device_refresh_budget(device);
    stats->heap_count = device->budget.heap_count;
    for (uint32_t i = 0; i < stats->heap_count; i++)
        gather_heap(&device->budget.heaps[i], &stats->heaps[i]);
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool)) {
        BdaUse use = { .used = 0 };
        uint32_t type = add_pool(allocator, pool, &use);
        add(&stats->heaps[bda_device_heap_of(device, type)].use, &use);
        add(&stats->total, &use);
    }
    stats->pool_count = atomic_load_explicit(&allocator->user_pool_count, memory_order_relaxed);
    if (allocator->pointers != NULL)
        stats->check_memory = atomic_load_explicit(&allocator->pointers->shadow.bytes, memory_order_relaxed);
    stats->host_bytes = atomic_load_explicit(&allocator->host.bytes, memory_order_relaxed);
}
