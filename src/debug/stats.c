/* Statistics, see stats.h. */
#include "debug/stats.h"

#include "alloc/shard.h"
#include "debug/pointers.h"

/* Bytes of the empty blocks, and free ones of those but the largest. The pool's lock is held. */
static VkDeviceSize empty_bytes(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize *spare) {
    VkDeviceSize sum = 0, free = 0, largest = 0;
    uint32_t index = bda_tlsf_empty_regions(&pool->tlsf) != 0 ? pool->first_block : 0;
    for (; index != 0; index = bda_block_at(allocator, index)->next) {
        const struct bda_block *block = bda_block_at(allocator, index);
        if (!bda_tlsf_region_is_empty(&pool->tlsf, index))
            continue;
        VkDeviceSize size = (VkDeviceSize)block->region.size << BDA_GRANULE_LOG2;
        sum += block->backing.size;
        free += size;
        largest = bda_max(largest, size);
    }
    *spare = free - largest;
    return sum;
}

/* Free bytes that are not in the longest piece, nor in an empty block other than the largest one (`spare`). */
static VkDeviceSize scattered_bytes(const BdaUse *use, VkDeviceSize spare) {
    VkDeviceSize whole = use->largest_free + spare;
    return use->free > whole ? use->free - whole : 0;
}

static BdaUse use_of(BdaAllocator allocator, struct bda_pool *pool) {
    const struct bda_pool_counters *c = &pool->counters;
    const struct bda_cached caches = bda_caches_sum(allocator, pool);
    VkDeviceSize used = c->used + caches.used, cached = caches.granules << BDA_GRANULE_LOG2;
    VkDeviceSize free = (VkDeviceSize)pool->tlsf.free_granules << BDA_GRANULE_LOG2;
    VkDeviceSize held = c->region_bytes - free; /* by live and waiting allocations in blocks */
    VkDeviceSize dedicated = c->dedicated_used + c->dedicated_pending + c->dedicated_quarantined;
    VkDeviceSize accounted = used + cached + c->pending + c->quarantined - dedicated;
    BdaUse use = {
        .block_count = c->block_count,
        .dedicated_count = c->dedicated_count,
        .empty_count = bda_tlsf_empty_regions(&pool->tlsf),
        .reserved = c->reserved,
        .allocation_count = c->live_count - caches.count,
        .used = used,
        .wasted = held > accounted ? held - accounted : 0,
        .pending_count = c->pending_count,
        .pending = c->pending,
        .cached = cached,
        .quarantined_count = c->quarantined_count,
        .quarantined = c->quarantined,
        .rest = c->reserved - c->region_bytes - dedicated,
        .free = free,
        .largest_free = (VkDeviceSize)bda_tlsf_largest_free(&pool->tlsf) << BDA_GRANULE_LOG2,
    };
    VkDeviceSize spare;
    use.empty = empty_bytes(allocator, pool, &spare);
    use.scattered = scattered_bytes(&use, spare);
    return use;
}

static double share_of(uint64_t part, uint64_t whole) {
    return whole != 0 ? (double)part / (double)whole : 0;
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
    sum->rest += use->rest;
    sum->free += use->free;
    sum->largest_free = bda_max(sum->largest_free, use->largest_free);
    sum->empty += use->empty;
    sum->scattered += use->scattered;
    sum->fragmentation = share_of(sum->scattered, sum->free);
}

/* Adds what a pool's shards hold, and shows it to `look`, if there is one; returns its memory type, which is another
 * one's when a retired pool is used again. */
static uint32_t add_pool(BdaAllocator allocator, struct bda_pool *head, BdaUse *sum, struct bda_look *look) {
    VkDeviceSize before = sum->used;
    bda_lock(&head->lock);
    for (struct bda_pool *shard = head; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        BdaUse use = use_of(allocator, shard);
        bda_shard_unlock_beside_head(shard);
        add(sum, &use);
    }
    if (look != NULL)
        bda_look_at(look, head, sum->used - before);
    const struct bda_pool_peak *peak = head->user != NULL ? &head->user->peak : &head->peak;
    sum->peak_used = bda_peak_or_more(allocator, &peak->peak, sum->used);
    uint32_t type = head->key.memory_type;
    bda_unlock(&head->lock);
    return type;
}

void bda_stats_add_pool(BdaAllocator allocator, struct bda_pool *pool, BdaUse *use) {
    (void)add_pool(allocator, pool, use, NULL);
}

static void gather_heap(BdaAllocator allocator, uint32_t index, BdaHeapStats *stats) {
    struct bda_heap *heap = &allocator->device.budget.heaps[index];
    stats->size = heap->size;
    stats->limit = heap->limit;
    stats->budget = bda_budget_of(heap);
    stats->usage = bda_budget_usage(heap);
    stats->external = atomic_load_explicit(&heap->external, memory_order_relaxed);
    stats->external_count = atomic_load_explicit(&heap->external_count, memory_order_relaxed);
    stats->use.peak_used = bda_peak_see(allocator, &allocator->seen.used_of_heap[index], stats->use.used);
}

/* ---- Quick ---- */

static void note_quick(BdaAllocator allocator, const BdaUse *total) {
    struct bda_seen *seen = &allocator->seen;
    uint64_t frame = atomic_load_explicit(&allocator->history.frame, memory_order_relaxed);
    bda_peak_raise(&seen->used, total->used, frame);
    atomic_store_explicit(&seen->quick.frame, frame, memory_order_relaxed);
    atomic_store_explicit(&seen->quick.allocation_count, total->allocation_count, memory_order_relaxed);
    atomic_store_explicit(&seen->quick.used, total->used, memory_order_relaxed);
    atomic_store_explicit(&seen->quick.wasted, total->wasted, memory_order_relaxed);
    atomic_store_explicit(&seen->quick.pending, total->pending, memory_order_relaxed);
    atomic_store_explicit(&seen->quick.cached, total->cached, memory_order_relaxed);
    atomic_store_explicit(&seen->quick.free, total->free, memory_order_relaxed);
    atomic_store_explicit(&seen->quick.scattered, total->scattered, memory_order_relaxed);
    atomic_store_explicit(&seen->fresh, true, memory_order_relaxed);
}

static void look_for_quick(BdaAllocator allocator) {
    BdaUse total = { .used = 0 };
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool))
        (void)add_pool(allocator, pool, &total, NULL);
    note_quick(allocator, &total);
}

/* Who asks each frame has its figures from here; who does not pays for two flags. */
void bda_stats_look_if_asked(BdaAllocator allocator) {
    struct bda_seen *seen = &allocator->seen;
    if (!atomic_load_explicit(&seen->asked, memory_order_relaxed)) {
        atomic_store_explicit(&seen->fresh, false, memory_order_relaxed);
        return;
    }
    atomic_store_explicit(&seen->asked, false, memory_order_relaxed);
    look_for_quick(allocator);
}

static uint64_t load(const _Atomic uint64_t *value) {
    return atomic_load_explicit(value, memory_order_relaxed);
}

void bda_stats_quick(BdaAllocator allocator, BdaQuickStats *stats) {
    struct bda_budget *budget = &allocator->device.budget;
    struct bda_seen *seen = &allocator->seen;
    if (!atomic_load_explicit(&seen->fresh, memory_order_relaxed))
        look_for_quick(allocator);
    atomic_store_explicit(&seen->asked, true, memory_order_relaxed);
    bda_seen_date_reserved(allocator);
    *stats = (BdaQuickStats){
        .frame = load(&allocator->history.frame),
        .reserved = load(&budget->allocated),
        .block_count = atomic_load_explicit(&budget->count, memory_order_relaxed),
        .host_bytes = load(&allocator->host.bytes),
        .peak_reserved = bda_peak_of(&seen->reserved),
        .seen_frame = load(&seen->quick.frame),
        .allocation_count = load(&seen->quick.allocation_count),
        .used = load(&seen->quick.used),
        .wasted = load(&seen->quick.wasted),
        .pending = load(&seen->quick.pending),
        .cached = load(&seen->quick.cached),
        .free = load(&seen->quick.free),
    };
    stats->fragmentation = share_of(load(&seen->quick.scattered), stats->free);
    stats->peak_used = bda_peak_or_more(allocator, &seen->used, stats->used);
}

/* ---- Everything ---- */

void bda_stats_gather(BdaAllocator allocator, BdaStats *stats) {
    struct bda_device *device = &allocator->device;
    struct bda_seen *seen = &allocator->seen;
    struct bda_look look;
    bda_device_refresh_budget(device);
    stats->heap_count = device->budget.heap_count;
    bda_look_begin(allocator, &look);
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool)) {
        BdaUse use = { .used = 0 };
        uint32_t type = add_pool(allocator, pool, &use, &look);
        add(&stats->heaps[bda_device_heap_of(device, type)].use, &use);
        add(&stats->total, &use);
    }
    bda_look_end(allocator, &look);
    note_quick(allocator, &stats->total);
    for (uint32_t i = 0; i < stats->heap_count; i++)
        gather_heap(allocator, i, &stats->heaps[i]);
    stats->total.peak_used = bda_peak_see(allocator, &seen->used, stats->total.used);
    stats->pool_count = atomic_load_explicit(&allocator->user_pool_count, memory_order_relaxed);
    if (allocator->pointers != NULL) {
        struct bda_shadow *shadow = &allocator->pointers->shadow;
        stats->check_memory = atomic_load_explicit(&shadow->bytes, memory_order_relaxed);
        stats->unchecked = bda_shadow_has_gaps(shadow) ? bda_shadow_unknown(shadow) : 0;
    }
    stats->host_bytes = atomic_load_explicit(&allocator->host.bytes, memory_order_relaxed);
}

/* ---- Intents ---- */

static uint32_t first_type(BdaAllocator allocator, uint32_t intent) {
    const struct bda_type_order *order = &allocator->order[intent][0];
    return order->count != 0 ? order->types[0] : UINT32_MAX;
}

uint32_t bda_stats_intents_of(BdaAllocator allocator, uint32_t memory_type) {
    uint32_t intents = 0;
    for (uint32_t i = 0; i < BDA_INTENT_COUNT; i++)
        intents |= (uint32_t)(first_type(allocator, i) == memory_type) << i;
    return intents;
}

void bda_stats_intent(BdaAllocator allocator, BdaIntent intent, BdaIntentUse *use) {
    uint32_t type = first_type(allocator, (uint32_t)intent);
    if (type == UINT32_MAX)
        return;
    use->served = VK_TRUE;
    use->memory_type = type;
    use->intents = bda_stats_intents_of(allocator, type);
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool)) {
        BdaUse part = { .used = 0 };
        if (add_pool(allocator, pool, &part, NULL) == type)
            add(&use->use, &part);
    }
    use->use.peak_used = bda_peak_see(allocator, &allocator->seen.used_of_type[type], use->use.used);
}
