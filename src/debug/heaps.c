/* See heaps.h. */
#include "debug/heaps.h"

#include "alloc/shard.h"
#include "debug/stats.h"

enum { LOOKED_AT = 256 }; /* ranges of a block, under the lock of its shard */

/* bda_trim leaves quarantined ranges where they are, unless pending frees that it collects push them out (`pushes`). */
static bool holds_block(enum bda_node_state state, bool pushes) {
    return state == BDA_NODE_LIVE || (state == BDA_NODE_QUARANTINED && !pushes);
}

/* Whether nothing is seen to keep a block. */
static bool may_become_empty(BdaAllocator allocator, const struct bda_block *block, bool pushes) {
    uint32_t index = block->region.first;
    for (uint32_t i = 0; i < LOOKED_AT && index != 0; i++) {
        struct bda_node *node = bda_node_of(allocator, index);
        if (holds_block(bda_node_state(node), pushes))
            return false;
        index = bda_node_next(node);
    }
    return true;
}

static VkDeviceSize add_list(BdaAllocator allocator, uint32_t index, bool pushes) {
    VkDeviceSize sum = 0;
    for (; index != 0; index = bda_block_at(allocator, index)->next) {
        const struct bda_block *block = bda_block_at(allocator, index);
        if (may_become_empty(allocator, block, pushes))
            sum += block->backing.size;
    }
    return sum;
}

/* The bytes of those blocks of a pool; its memory type through `type`. */
static VkDeviceSize trim_most_of(BdaAllocator allocator, struct bda_pool *head, bool pushes, uint32_t *type) {
    VkDeviceSize sum = 0;
    bda_lock(&head->lock);
    for (struct bda_pool *shard = head; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        sum += add_list(allocator, shard->first_block, pushes) + add_list(allocator, shard->first_dedicated, pushes);
        bda_shard_unlock_beside_head(shard);
    }
    *type = head->key.memory_type;
    bda_unlock(&head->lock);
    return sum;
}

static void view_heap(BdaAllocator allocator, uint32_t index, const BdaHeapStats *stats, BdaHeapBudget *budget) {
    struct bda_heap *heap = &allocator->device.budget.heaps[index];
    *budget = (BdaHeapBudget){
        .size = stats->size,
        .limit = stats->limit,
        .budget = stats->budget,
        .usage = stats->usage,
        .left = bda_budget_left(heap),
        .told = atomic_load_explicit(&heap->driver_budget, memory_order_relaxed) != 0,
        .external = stats->external,
        .external_count = stats->external_count,
        .reserved = stats->use.reserved,
        .used = stats->use.used,
        .cached = stats->use.cached,
        .pending = stats->use.pending,
        .peak_reserved = bda_peak_of(&allocator->seen.reserved_of_heap[index]),
        .trim_least = stats->use.empty,
    };
}

void bda_heaps_view(BdaAllocator allocator, BdaStats *stats, BdaHeapBudget budgets[VK_MAX_MEMORY_HEAPS]) {
    bda_stats_gather(allocator, stats);
    for (uint32_t i = 0; i < stats->heap_count; i++)
        view_heap(allocator, i, &stats->heaps[i], &budgets[i]);
    for (struct bda_pool *pool = bda_pools_first(allocator); pool != NULL; pool = bda_pools_next(pool)) {
        uint32_t type;
        VkDeviceSize most = trim_most_of(allocator, pool, stats->total.pending_count != 0, &type);
        budgets[bda_device_heap_of(&allocator->device, type)].trim_most += most;
    }
    for (uint32_t i = 0; i < stats->heap_count; i++) /* the two were looked at one after the other */
        budgets[i].trim_most = bda_max(budgets[i].trim_most, budgets[i].trim_least);
}
