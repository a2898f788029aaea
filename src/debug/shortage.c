/* See shortage.h. */
#include "debug/shortage.h"

#include "alloc/allocator.h"
#include "debug/stats.h"

#include <inttypes.h>

static uint64_t now(const _Atomic uint64_t *count) {
    return atomic_load_explicit(count, memory_order_relaxed);
}

/* The heap whose answer it was: that of the first memory type, see bda_try_types. False where there is none yet. */
static bool find_heap(BdaAllocator allocator, const struct bda_request *request, uint32_t *heap) {
    uint32_t type = request->pool != NULL
                        ? request->pool->ranges->key.memory_type
                        : bda_first_type(bda_order_of(allocator, request->intent, request->flags), request->type_bits);
    if (type == VK_MAX_MEMORY_TYPES)
        return false;
    *heap = bda_device_heap_of(&allocator->device, type);
    return true;
}

static void add_reserved(struct bda_text *text, struct bda_heap *heap, uint32_t index, VkDeviceSize most) {
    uint64_t external = now(&heap->external);
    bda_text_add(text, ": %" PRIu64 " of %" PRIu64 " bytes of heap %" PRIu32 " are reserved", now(&heap->reserved),
                 (uint64_t)most, index);
    if (external != 0)
        bda_text_add(text, ", and %" PRIu64 " used beside that (bda_set_external_use)", external);
}

static void add_budget(struct bda_text *text, struct bda_heap *heap, uint32_t index) {
    bda_text_add(text,
                 ": %" PRIu64 " of %" PRIu64 " bytes of heap %" PRIu32 " are in use, %" PRIu64 " of them reserved",
                 (uint64_t)bda_budget_usage(heap), (uint64_t)bda_budget_of_process(heap), index, now(&heap->reserved));
}

static void add_of_heap(struct bda_text *text, struct bda_heap *heap, uint32_t index,
                        const struct bda_request *request) {
    const char *reason = request->reason;
    if (reason == NULL && !request->undone) /* the driver's answer */
        add_reserved(text, heap, index, heap->size);
    else if (reason == bda_heap_limit_is_reached && !request->undone)
        add_reserved(text, heap, index, heap->limit);
    else if (reason == bda_budget_is_used_up && !request->undone)
        add_budget(text, heap, index);
    else if (reason == bda_heap_is_smaller)
        bda_text_add(text, ": heap %" PRIu32 " has %" PRIu64 " bytes", index, (uint64_t)heap->size);
    else if (reason == bda_heap_limit_is_smaller || reason == bda_heap_limit_is_below_memory ||
             reason == bda_heap_limit_is_reached)
        bda_text_add(text, ": the limit of heap %" PRIu32 " is %" PRIu64 " bytes", index, (uint64_t)heap->limit);
    else if (reason == bda_budget_is_below_memory || reason == bda_budget_is_used_up)
        bda_text_add(text, ": the budget of heap %" PRIu32 " is %" PRIu64 " bytes", index,
                     (uint64_t)bda_budget_of_process(heap));
}

static void add_count(struct bda_text *text, struct bda_budget *budget) {
    uint32_t count = atomic_load_explicit(&budget->count, memory_order_relaxed);
    uint64_t external = bda_budget_external_count(budget);
    bda_text_add(text, ": there are %" PRIu32 " VkDeviceMemory of %" PRIu32, count, budget->max_count);
    if (external != 0)
        bda_text_add(text, ", and %" PRIu64 " beside these (bda_set_external_use)", external);
}

/* What is reserved and yet nobody's: free in pieces, or waiting for a semaphore. As statistics count it, under the
 * pool's lock, which nobody holds who tells of a refusal. */
static void add_idle(struct bda_text *text, BdaAllocator allocator, BdaPool pool) {
    struct bda_pool *own_buffers = bda_pool_of_buffers(pool);
    BdaUse use = { .free = 0 };
    bda_stats_add_pool(allocator, pool->ranges, &use);
    if (own_buffers != NULL)
        bda_stats_add_pool(allocator, own_buffers, &use);
    if (use.free != 0)
        bda_text_add(text, ", %" PRIu64 " of them free", (uint64_t)use.free);
    if (use.pending != 0)
        bda_text_add(text, ", %" PRIu64 " pending", (uint64_t)use.pending);
}

static void add_of_pool(struct bda_text *text, BdaAllocator allocator, BdaPool pool,
                        const struct bda_request *request) {
    struct bda_limit *limit = &pool->limit;
    const char *reason = request->reason;
    if (reason == bda_pool_limit_is_reached && !request->undone) {
        bda_text_add(text, ": %" PRIu64 " of %" PRIu64 " bytes are reserved", now(&limit->reserved),
                     (uint64_t)limit->most);
        add_idle(text, allocator, pool);
    } else if (reason == bda_pool_limit_is_smaller || reason == bda_pool_limit_is_below_memory ||
               reason == bda_pool_limit_is_reached) {
        bda_text_add(text, ": the limit is %" PRIu64 " bytes", (uint64_t)limit->most);
    }
}

void bda_add_shortage(struct bda_text *text, BdaAllocator allocator, VkResult result,
                      const struct bda_request *request) {
    uint32_t heap;
    struct bda_budget *budget = &allocator->device.budget;
    if (result == VK_ERROR_TOO_MANY_OBJECTS)
        add_count(text, budget);
    if (result != VK_ERROR_OUT_OF_DEVICE_MEMORY)
        return;
    if (request->reason == bda_memory_is_smaller)
        bda_text_add(text, ", %" PRIu64, (uint64_t)allocator->device.limits.max_memory_size);
    else if (find_heap(allocator, request, &heap))
        add_of_heap(text, &budget->heaps[heap], heap, request);
    if (request->pool != NULL)
        add_of_pool(text, allocator, request->pool, request);
}
