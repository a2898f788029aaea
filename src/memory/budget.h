/*
 * The budget: how many bytes and VkDeviceMemory objects are taken, and how many may be.
 *
 * Everything is atomic; there is no lock. Bytes and the count are reserved before the driver is called, so that two
 * threads cannot both take the last of them, and committed or cancelled afterwards. What the driver says of the whole
 * process (VK_EXT_memory_budget) is asked by bda_budget_refresh, before memory is taken and never on the hot path.
 */
#ifndef BDA_MEMORY_BUDGET_H
#define BDA_MEMORY_BUDGET_H

#include <bdaalloc/bdaalloc.h>

#include <stdatomic.h>
#include <stdbool.h>

struct bda_heap {
    VkDeviceSize size;
    VkDeviceSize limit;         /* the caller's, 0 none */
    _Atomic uint64_t reserved;  /* ours, what is being allocated included */
    _Atomic uint64_t allocated; /* ours, what the driver has given */
    _Atomic uint64_t peak;      /* the most of that, ever */
    _Atomic uint64_t external;  /* told by the caller */
    _Atomic uint32_t external_count;
    _Atomic uint64_t driver_budget; /* 0: the driver says nothing, 80 % of the size holds */
    _Atomic uint64_t returned;      /* how often something has come back: ours, or what the caller had told of */
    _Atomic uint64_t others;        /* the process's usage beyond `allocated`, when the driver was asked */
};

struct bda_budget {
    struct bda_heap heaps[VK_MAX_MEMORY_HEAPS];
    uint32_t heap_count;
    uint32_t max_count; /* maxMemoryAllocationCount */
    _Atomic uint32_t count;
    _Atomic uint64_t allocated, peak; /* of all heaps together */
};

/* A limit beside the heap's: of one of the caller's pools. */
struct bda_limit {
    VkDeviceSize most; /* 0: none */
    _Atomic uint64_t reserved;
};

/* Reasons of refusals. Who tells of them knows them by their addresses, and adds the figures (debug/shortage.h). */
extern const char bda_count_is_reached[], bda_memory_is_smaller[];
extern const char bda_heap_is_smaller[], bda_heap_limit_is_smaller[], bda_heap_limit_is_reached[];
extern const char bda_heap_limit_is_below_memory[], bda_budget_is_below_memory[], bda_budget_is_used_up[];
extern const char bda_pool_limit_is_smaller[], bda_pool_limit_is_below_memory[], bda_pool_limit_is_reached[];

/* Whether a reason is that the memory alone is larger than a limit, whatever else is given back. */
bool bda_never_fits(const char *reason);

/* Counts `size` against the limit, unless that is too much; and takes it back. NULL is no limit. */
bool bda_limit_reserve(struct bda_limit *limit, VkDeviceSize size);
void bda_limit_release(struct bda_limit *limit, VkDeviceSize size);

void bda_budget_init(struct bda_budget *budget, const VkPhysicalDeviceMemoryProperties *properties, uint32_t max_count,
                     uint32_t limit_count, const VkDeviceSize *limits);

/* Takes in what the driver answered. What was ours is noted before it is asked: memory that others of our threads take
 * or give back meanwhile then counts as others' until the next time, rather than not at all. */
void bda_budget_note_ours(struct bda_budget *budget, uint64_t ours[VK_MAX_MEMORY_HEAPS]);
void bda_budget_refresh(struct bda_budget *budget, const uint64_t ours[VK_MAX_MEMORY_HEAPS],
                        const VkPhysicalDeviceMemoryBudgetPropertiesEXT *answer);

/* What may be used of a heap, and what is used by all that is known of. A limit of the caller's is for what is ours and
 * what he told of, the rest of the budget for all of the process: so what is left is not the difference of these two.
 */
VkDeviceSize bda_budget_of(struct bda_heap *heap);
VkDeviceSize bda_budget_of_process(struct bda_heap *heap); /* whatever the caller's limit */
VkDeviceSize bda_budget_usage(struct bda_heap *heap);
VkDeviceSize bda_budget_left(struct bda_heap *heap);

/* How many VkDeviceMemory the caller told of. */
uint64_t bda_budget_external_count(struct bda_budget *budget);

/* Raises a peak to what it has reached, which who acquires it finds after all that was written before. */
void bda_budget_raise(_Atomic uint64_t *peak, uint64_t reached);

/* Sets room for one VkDeviceMemory aside. VK_ERROR_OUT_OF_DEVICE_MEMORY or VK_ERROR_TOO_MANY_OBJECTS with `reason`. */
VkResult bda_budget_reserve(struct bda_budget *budget, uint32_t heap, VkDeviceSize size, bool within_budget,
                            const char **reason);
/* The driver gave what was reserved. */
void bda_budget_commit(struct bda_budget *budget, uint32_t heap, VkDeviceSize size);
/* It is about to get it back. */
void bda_budget_uncommit(struct bda_budget *budget, uint32_t heap, VkDeviceSize size);
/* The driver has it; and what anybody else gives back. */
void bda_budget_return(struct bda_budget *budget, uint32_t heap);
/* The reservation ends. */
void bda_budget_cancel(struct bda_budget *budget, uint32_t heap, VkDeviceSize size);

#endif
