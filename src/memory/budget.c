/* Bytes and counts, taken and allowed, see budget.h. */
#include "memory/budget.h"

/* The share of a heap that is taken for granted where the driver does not say: the rest is other processes'. */
enum { DEFAULT_BUDGET_PERCENT = 80 };

const char bda_count_is_reached[] = "maxMemoryAllocationCount is reached";
const char bda_memory_is_smaller[] = "maxMemoryAllocationSize is smaller than that";
const char bda_heap_is_smaller[] = "the heap is smaller than that";
const char bda_heap_limit_is_smaller[] = "the heap's limit in BdaAllocatorInfo::heap_limits is smaller than that";
const char bda_heap_limit_is_reached[] = "the heap's limit in BdaAllocatorInfo::heap_limits is reached";
const char bda_heap_limit_is_below_memory[] =
    "the heap's limit in BdaAllocatorInfo::heap_limits is smaller than the memory that it takes";
const char bda_budget_is_below_memory[] = "the heap's budget is smaller than the memory that it takes";
const char bda_budget_is_used_up[] = "the heap's budget is used up";
const char bda_pool_limit_is_smaller[] = "the pool's limit is smaller than that";
const char bda_pool_limit_is_below_memory[] = "the pool's limit is smaller than the memory that it takes";
const char bda_pool_limit_is_reached[] = "the pool's limit is reached";

bool bda_never_fits(const char *reason) {
    return reason == bda_memory_is_smaller || reason == bda_heap_is_smaller || reason == bda_heap_limit_is_smaller ||
           reason == bda_heap_limit_is_below_memory || reason == bda_budget_is_below_memory ||
           reason == bda_pool_limit_is_smaller || reason == bda_pool_limit_is_below_memory;
}

void bda_budget_init(struct bda_budget *budget, const VkPhysicalDeviceMemoryProperties *properties, uint32_t max_count,
                     uint32_t limit_count, const VkDeviceSize *limits) {
    budget->heap_count = properties->memoryHeapCount;
    budget->max_count = max_count;
    atomic_init(&budget->count, 0);
    atomic_init(&budget->allocated, 0);
    atomic_init(&budget->peak, 0);
    for (uint32_t i = 0; i < budget->heap_count; i++) {
        struct bda_heap *heap = &budget->heaps[i];
        heap->size = properties->memoryHeaps[i].size;
        heap->limit = i < limit_count ? limits[i] : 0;
        atomic_init(&heap->reserved, 0);
        atomic_init(&heap->allocated, 0);
        atomic_init(&heap->peak, 0);
        atomic_init(&heap->returned, 0);
        atomic_init(&heap->external, 0);
        atomic_init(&heap->external_count, 0);
        atomic_init(&heap->driver_budget, 0);
        atomic_init(&heap->others, 0);
    }
}

void bda_budget_note_ours(struct bda_budget *budget, uint64_t ours[VK_MAX_MEMORY_HEAPS]) {
    for (uint32_t i = 0; i < budget->heap_count; i++)
        ours[i] = atomic_load_explicit(&budget->heaps[i].allocated, memory_order_relaxed);
}

void bda_budget_refresh(struct bda_budget *budget, const uint64_t ours[VK_MAX_MEMORY_HEAPS],
                        const VkPhysicalDeviceMemoryBudgetPropertiesEXT *answer) {
    for (uint32_t i = 0; i < budget->heap_count; i++) {
        struct bda_heap *heap = &budget->heaps[i];
        VkDeviceSize usage = answer->heapUsage[i];
        uint64_t least = atomic_load_explicit(&heap->allocated, memory_order_relaxed);
        least = least < ours[i] ? least : ours[i];
        atomic_store_explicit(&heap->others, usage > least ? usage - least : 0, memory_order_relaxed);
        atomic_store_explicit(&heap->driver_budget, answer->heapBudget[i], memory_order_relaxed);
    }
}

VkDeviceSize bda_budget_of_process(struct bda_heap *heap) {
    VkDeviceSize budget = atomic_load_explicit(&heap->driver_budget, memory_order_relaxed);
    return budget != 0 ? budget : heap->size / 100 * DEFAULT_BUDGET_PERCENT;
}

VkDeviceSize bda_budget_of(struct bda_heap *heap) {
    VkDeviceSize budget = bda_budget_of_process(heap);
    return heap->limit != 0 && heap->limit < budget ? heap->limit : budget;
}

/* The caller may tell any number: sums stop at the largest there is. */
static uint64_t add_capped(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* With what others than the library use: as the driver says, or as the caller told. */
static VkDeviceSize usage_with(struct bda_heap *heap, uint64_t reserved) {
    bool driver_knows = atomic_load_explicit(&heap->driver_budget, memory_order_relaxed) != 0;
    _Atomic uint64_t *others = driver_knows ? &heap->others : &heap->external;
    return add_capped(atomic_load_explicit(others, memory_order_relaxed), reserved);
}

VkDeviceSize bda_budget_usage(struct bda_heap *heap) {
    return usage_with(heap, atomic_load_explicit(&heap->reserved, memory_order_relaxed));
}

static VkDeviceSize rest(VkDeviceSize most, VkDeviceSize taken) {
    return most > taken ? most - taken : 0;
}

VkDeviceSize bda_budget_left(struct bda_heap *heap) {
    VkDeviceSize left = rest(bda_budget_of_process(heap), bda_budget_usage(heap));
    if (heap->limit == 0)
        return left;
    uint64_t reserved = atomic_load_explicit(&heap->reserved, memory_order_relaxed);
    uint64_t external = atomic_load_explicit(&heap->external, memory_order_relaxed);
    VkDeviceSize within_limit = rest(heap->limit, add_capped(reserved, external));
    return within_limit < left ? within_limit : left;
}

uint64_t bda_budget_external_count(struct bda_budget *budget) {
    uint64_t external = 0;
    for (uint32_t i = 0; i < budget->heap_count; i++)
        external += atomic_load_explicit(&budget->heaps[i].external_count, memory_order_relaxed);
    return external;
}

static bool reserve_count(struct bda_budget *budget) {
    uint64_t external = bda_budget_external_count(budget);
    uint32_t count = atomic_load_explicit(&budget->count, memory_order_relaxed);
    do {
        if (count + external >= budget->max_count)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&budget->count, &count, count + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

/* New memory that is larger than all of it is told so, however much is taken at the moment. */
static const char *reason_at_limit(const struct bda_heap *heap, VkDeviceSize size) {
    return size > heap->limit ? bda_heap_limit_is_below_memory : bda_heap_limit_is_reached;
}

static const char *reason_at_budget(struct bda_heap *heap, VkDeviceSize size) {
    return size > bda_budget_of_process(heap) ? bda_budget_is_below_memory : bda_budget_is_used_up;
}

static bool reserve_bytes(struct bda_heap *heap, VkDeviceSize size, bool within_budget, const char **reason) {
    if (size > heap->size) { /* VUID-vkAllocateMemory-pAllocateInfo-01713 */
        *reason = bda_heap_is_smaller;
        return false;
    }
    uint64_t reserved = atomic_load_explicit(&heap->reserved, memory_order_relaxed);
    do {
        uint64_t external = atomic_load_explicit(&heap->external, memory_order_relaxed);
        if (heap->limit != 0 && add_capped(reserved + size, external) > heap->limit) {
            *reason = reason_at_limit(heap, size);
            return false;
        }
        if (within_budget && usage_with(heap, reserved + size) > bda_budget_of_process(heap)) {
            *reason = reason_at_budget(heap, size);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&heap->reserved, &reserved, reserved + size, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

VkResult bda_budget_reserve(struct bda_budget *budget, uint32_t heap, VkDeviceSize size, bool within_budget,
                            const char **reason) {
    if (!reserve_count(budget)) {
        *reason = bda_count_is_reached;
        return VK_ERROR_TOO_MANY_OBJECTS;
    }
    if (!reserve_bytes(&budget->heaps[heap], size, within_budget, reason)) {
        atomic_fetch_sub_explicit(&budget->count, 1, memory_order_relaxed);
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    return VK_SUCCESS;
}

void bda_budget_raise(_Atomic uint64_t *peak, uint64_t reached) {
    uint64_t before = atomic_load_explicit(peak, memory_order_relaxed);
    while (before < reached)
        if (atomic_compare_exchange_weak_explicit(peak, &before, reached, memory_order_release, memory_order_relaxed))
            return;
}

static void add_and_raise(_Atomic uint64_t *allocated, _Atomic uint64_t *peak, VkDeviceSize size) {
    uint64_t before = atomic_fetch_add_explicit(allocated, size, memory_order_relaxed);
    bda_budget_raise(peak, before + size);
}

void bda_budget_commit(struct bda_budget *budget, uint32_t heap, VkDeviceSize size) {
    add_and_raise(&budget->heaps[heap].allocated, &budget->heaps[heap].peak, size);
    add_and_raise(&budget->allocated, &budget->peak, size);
}

void bda_budget_return(struct bda_budget *budget, uint32_t heap) {
    atomic_fetch_add_explicit(&budget->heaps[heap].returned, 1, memory_order_release);
}

void bda_budget_cancel(struct bda_budget *budget, uint32_t heap, VkDeviceSize size) {
    atomic_fetch_sub_explicit(&budget->heaps[heap].reserved, size, memory_order_relaxed);
    atomic_fetch_sub_explicit(&budget->count, 1, memory_order_relaxed);
}

void bda_budget_uncommit(struct bda_budget *budget, uint32_t heap, VkDeviceSize size) {
    atomic_fetch_sub_explicit(&budget->heaps[heap].allocated, size, memory_order_relaxed);
    atomic_fetch_sub_explicit(&budget->allocated, size, memory_order_relaxed);
}

static bool has_room(const struct bda_limit *limit, uint64_t reserved, VkDeviceSize size) {
    return limit->most == 0 || (size <= limit->most && reserved <= limit->most - size);
}

bool bda_limit_reserve(struct bda_limit *limit, VkDeviceSize size) {
    if (limit == NULL)
        return true;
    uint64_t reserved = atomic_load_explicit(&limit->reserved, memory_order_relaxed);
    do {
        if (!has_room(limit, reserved, size))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&limit->reserved, &reserved, reserved + size, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

void bda_limit_release(struct bda_limit *limit, VkDeviceSize size) {
    if (limit != NULL)
        atomic_fetch_sub_explicit(&limit->reserved, size, memory_order_relaxed);
}
