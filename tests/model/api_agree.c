/* What must hold after each step; see api_model.h. */
#include "api_model.h"

#include <string.h>

bool api_keeps_ranges(const struct api_model *model) {
    const BdaAllocatorFlags never = BDA_ALLOCATOR_NO_CACHES_BIT | BDA_ALLOCATOR_LOG_EVENTS_BIT;
    return ((model->plan->flags | model->more_flags) & never) == 0 && model->plan->checks == 0;
}

/* What rounding, atoms, and a range that served a larger request before, can cost each of them. */
static VkDeviceSize most_waste(const BdaAllocation *a) {
    return a->size / 8 + KIB(8);
}

static void require_use(struct api_model *model, const BdaUse *use, BdaPool pool, bool all) {
    uint64_t live = 0, dedicated = 0;
    VkDeviceSize used = 0, waste = 0, apart = 0;
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct thing *thing = &model->things[i];
        if (thing->state != LIVE || (!all && thing->info.pool != pool))
            continue;
        live++;
        used += thing->info.allocation.size;
        waste += most_waste(&thing->info.allocation);
        dedicated += thing->info.dedicated != VK_FALSE;
        apart += thing->info.dedicated != VK_FALSE ? thing->info.allocation.size : 0;
    }
    promise(model, use->allocation_count == live && use->used == used);
    promise(model, use->dedicated_count >= dedicated);
    promise(model, use->dedicated_count + use->empty_count <= use->block_count);
    promise(model, use->largest_free <= use->free);
    promise(model, use->used + use->wasted + use->cached + use->free <= use->reserved);
    promise(model, use->wasted <= waste);
    promise(model, use->cached == 0 || api_keeps_ranges(model));
    promise(model, use->cached <= use->reserved - apart);
}

/* Whether some dedicated memory waits: for a semaphore, or in a quarantine. */
static bool dedicated_waits(const struct api_model *model, const BdaUse *use) {
    uint64_t live = 0;
    for (uint32_t i = 0; i < THINGS; i++)
        live += model->things[i].state == LIVE && model->things[i].info.dedicated;
    return live != use->dedicated_count;
}

/* What blocks are cut into is used, wasted, cached, pending, quarantined or free, and the same while the blocks are.
 * Dedicated memory that is pending counts as such, so only moments without are compared. */
static void require_whole_blocks(struct api_model *model, const BdaUse *use) {
    unsigned made = fake_call_count(model->driver, FAKE_CALL_ALLOCATE_MEMORY);
    VkDeviceSize whole = use->used + use->wasted + use->cached + use->pending + use->quarantined + use->free;
    bool known = !dedicated_waits(model, use);
    for (uint32_t i = 0; i < THINGS; i++)
        if (model->things[i].state == LIVE && model->things[i].info.dedicated)
            whole -= model->things[i].info.allocation.size;
    bool same_blocks = made == model->made && use->block_count == model->blocks;
    promise(model, !known || !model->whole_is_known || !same_blocks || whole == model->whole);
    model->whole_is_known = known;
    model->whole = whole;
    model->blocks = use->block_count;
    model->made = made;
}

/* Frees that are due may have been collected in an allocation that found no room, all of them at once. */
static void require_pending(struct api_model *model, const BdaStats *stats) {
    uint64_t waiting = api_count(model, PENDING), due = 0;
    for (uint32_t i = 0; i < THINGS; i++)
        due += api_is_due(model, &model->things[i]);
    promise(model, stats->total.pending_count <= waiting && stats->total.pending_count >= waiting - due);
}

/* What others use is what the driver says of them, where it says anything; else what the caller told. */
static void require_heap(struct api_model *model, const BdaHeapStats *heap, uint32_t i) {
    bool driver_knows = (model->plan->config.with & FAKE_MEMORY_BUDGET) != 0;
    promise(model, heap->use.reserved == fake_heap_used(model->driver, i));
    promise(model, heap->limit == 0 || heap->use.reserved <= heap->limit);
    promise(model, heap->external == model->external[i]);
    promise(model, heap->usage == heap->use.reserved + (driver_knows ? model->others[i] : model->external[i]));
}

static void require_heaps(struct api_model *model, const BdaStats *stats) {
    VkDeviceSize reserved = 0, cached = 0;
    uint64_t blocks = 0;
    for (uint32_t i = 0; i < stats->heap_count; i++) {
        require_heap(model, &stats->heaps[i], i);
        cached += stats->heaps[i].use.cached;
        reserved += stats->heaps[i].use.reserved;
        blocks += stats->heaps[i].use.block_count;
    }
    promise(model, reserved == stats->total.reserved && blocks == stats->total.block_count);
    promise(model, cached == stats->total.cached);
    promise(model, stats->total.block_count == fake_memory_count(model->driver));
}

static void require_pools(struct api_model *model, const BdaStats *stats) {
    uint32_t pools = 0;
    for (uint32_t i = 0; i < POOLS; i++) {
        BdaUse use;
        if (model->pools[i] == NULL)
            continue;
        pools++;
        promise(model, bda_get_pool_stats(model->allocator, model->pools[i], &use) == VK_SUCCESS);
        require_use(model, &use, model->pools[i], false);
        promise(model, model->pool_infos[i].limit == 0 || use.reserved <= model->pool_infos[i].limit);
    }
    promise(model, stats->pool_count == pools);
}

/* The place of the longest prefix that a name begins with; PREFIXES: it begins with none. */
static uint32_t prefix_of(const char *name) {
    uint32_t best = PREFIXES;
    for (uint32_t i = 0; i < PREFIXES; i++) {
        size_t length = strlen(api_prefixes[i]);
        bool longer = best == PREFIXES || length > strlen(api_prefixes[best]);
        if (longer && strncmp(name, api_prefixes[i], length) == 0)
            best = i;
    }
    return best;
}

/* Within a step there may have been more than after it. */
static void require_prefixes(struct api_model *model) {
    BdaCountedPrefix counted[PREFIXES];
    VkDeviceSize used[PREFIXES + 1] = { 0 };
    uint64_t live[PREFIXES + 1] = { 0 };
    uint32_t count = PREFIXES;
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct thing *thing = &model->things[i];
        if (thing->state != LIVE)
            continue;
        live[prefix_of(thing->name)]++;
        used[prefix_of(thing->name)] += thing->info.allocation.size;
    }
    promise(model, bda_get_counted_prefixes(model->allocator, &count, counted) == VK_SUCCESS && count == PREFIXES);
    for (uint32_t i = 0; i < PREFIXES; i++) {
        promise(model, strcmp(counted[i].prefix, api_prefixes[i]) == 0);
        promise(model, counted[i].allocation_count == live[i] && counted[i].used == used[i]);
        promise(model, counted[i].peak_used.bytes >= used[i] && counted[i].peak_used.bytes >= model->peaks[i]);
        model->peaks[i] = counted[i].peak_used.bytes;
    }
}

void api_model_check(struct api_model *model) {
    BdaStats stats;
    promise(model, fake_violation_count(model->driver) == 0);
    promise(model, bda_check(model->allocator) == VK_SUCCESS);
    promise(model, bda_get_stats(model->allocator, &stats) == VK_SUCCESS);
    require_use(model, &stats.total, NULL, true);
    require_whole_blocks(model, &stats.total);
    require_pending(model, &stats);
    require_heaps(model, &stats);
    require_pools(model, &stats);
    require_prefixes(model);
    promise(model, stats.host_bytes <= model->host.live_bytes);
}
