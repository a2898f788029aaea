/* Bytes and counts, taken and allowed, see budget.h. */
#include "memory/budget.h"

/* The share of a heap that is taken for granted where the driver does not say: the rest is other processes'. */
enum { DEFAULT_BUDGET_PERCENT = 80 };

void bda_budget_init(struct bda_budget *budget, const VkPhysicalDeviceMemoryProperties *properties, uint32_t max_count,
                     uint32_t limit_count, const VkDeviceSize *limits) {
    budget->heap_count = properties->memoryHeapCount;
    budget->max_count = max_count;
    atomic_init(&budget->count, 0);
    for (uint32_t i = 0; i < budget->heap_count; i++) {
        struct bda_heap *heap = &budget->heaps[i];
        heap->size = properties->memoryHeaps[i].size;
        heap->limit = i < limit_count ? limits[i] : 0;
        atomic_init(&heap->reserved, 0);
        atomic_init(&heap->allocated, 0);
        atomic_init(&heap->external, 0);
        atomic_init(&heap->external_count, 0);
        atomic_init(&heap->driver_budget, 0);
        atomic_init(&heap->others, 0);
    }
}

void bda_budget_refresh(struct bda_budget *budget, const VkPhysicalDeviceMemoryBudgetPropertiesEXT *answer) {
    for (uint32_t i = 0; i < budget->heap_count; i++) {
        struct bda_heap *heap = &budget->heaps[i];
        int64_t ours = (int64_t)atomic_load_explicit(&heap->allocated, memory_order_relaxed);
        atomic_store_explicit(&heap->others, (int64_t)answer->heapUsage[i] - ours, memory_order_relaxed);
        atomic_store_explicit(&heap->driver_budget, answer->heapBudget[i], memory_order_relaxed);
    }
}

VkDeviceSize bda_budget_of(struct bda_heap *heap) {
    VkDeviceSize budget = atomic_load_explicit(&heap->driver_budget, memory_order_relaxed);
    if (budget == 0)
        budget = heap->size / 100 * DEFAULT_BUDGET_PERCENT;
    return heap->limit != 0 && heap->limit < budget ? heap->limit : budget;
}

/* What others than the library use: as the driver says, or as the caller told. */
static int64_t others_usage(struct bda_heap *heap) {
    if (atomic_load_explicit(&heap->driver_budget, memory_order_relaxed) != 0)
        return atomic_load_explicit(&heap->others, memory_order_relaxed);
    return (int64_t)atomic_load_explicit(&heap->external, memory_order_relaxed);
}

static VkDeviceSize usage_with(struct bda_heap *heap, uint64_t reserved) {
    int64_t usage = others_usage(heap) + (int64_t)reserved;
    return usage > 0 ? (VkDeviceSize)usage : 0;
}

VkDeviceSize bda_budget_usage(struct bda_heap *heap) {
    return usage_with(heap, atomic_load_explicit(&heap->reserved, memory_order_relaxed));
}

static bool reserve_count(struct bda_budget *budget) {
    uint32_t external = 0;
    for (uint32_t i = 0; i < budget->heap_count; i++)
        external += atomic_load_explicit(&budget->heaps[i].external_count, memory_order_relaxed);
    uint32_t count = atomic_load_explicit(&budget->count, memory_order_relaxed);
    do {
        if ((uint64_t)count + external >= budget->max_count)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&budget->count, &count, count + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static bool reserve_bytes(struct bda_heap *heap, VkDeviceSize size, bool within_budget, const char **reason) {
    uint64_t reserved = atomic_load_explicit(&heap->reserved, memory_order_relaxed);
    do {
        uint64_t external = atomic_load_explicit(&heap->external, memory_order_relaxed);
        if (heap->limit != 0 && reserved + external + size > heap->limit) {
            *reason = "the heap's limit in BdaAllocatorInfo::heap_limits is reached";
            return false;
        }
        if (within_budget && usage_with(heap, reserved) + size > bda_budget_of(heap)) {
            *reason = "the heap's budget is used up";
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&heap->reserved, &reserved, reserved + size, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

VkResult bda_budget_reserve(struct bda_budget *budget, uint32_t heap, VkDeviceSize size, bool within_budget,
                            const char **reason) {
    if (!reserve_count(budget)) {
        *reason = "maxMemoryAllocationCount is reached";
        return VK_ERROR_TOO_MANY_OBJECTS;
    }
    if (!reserve_bytes(&budget->heaps[heap], size, within_budget, reason)) {
        atomic_fetch_sub_explicit(&budget->count, 1, memory_order_relaxed);
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    return VK_SUCCESS;
}

void bda_budget_commit(struct bda_budget *budget, uint32_t heap, VkDeviceSize size) {
    atomic_fetch_add_explicit(&budget->heaps[heap].allocated, size, memory_order_relaxed);
}

void bda_budget_cancel(struct bda_budget *budget, uint32_t heap, VkDeviceSize size) {
    atomic_fetch_sub_explicit(&budget->heaps[heap].reserved, size, memory_order_relaxed);
    atomic_fetch_sub_explicit(&budget->count, 1, memory_order_relaxed);
}

void bda_budget_release(struct bda_budget *budget, uint32_t heap, VkDeviceSize size) {
    atomic_fetch_sub_explicit(&budget->heaps[heap].allocated, size, memory_order_relaxed);
    bda_budget_cancel(budget, heap, size);
}
