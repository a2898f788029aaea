/*
 * The choice of memory types, as two small tables of rules and a stable sort.
 *
 *   rule   what a type must have and must not have, and what is wished of it, most important first.
 *   price  the wishes that a type leaves unfulfilled, as a number: an earlier wish outweighs all the later ones.
 *
 * Types of one price keep the driver's order, which is no accident: the specification puts a type before every other
 * that has all of its flags and more, and of two with the same flags the one that is no slower first. The size of the
 * heap is therefore no tie breaker: it would put a large slow heap before a small fast one, and a full heap costs
 * only a step to the next type.
 *
 * Vulkan: "Memory Allocation", chapter "Device Memory", VkPhysicalDeviceMemoryProperties.
 */
#include "memory/memory_types.h"

#include <assert.h>

#define LOCAL    VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define VISIBLE  VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
#define COHERENT VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
#define CACHED   VK_MEMORY_PROPERTY_HOST_CACHED_BIT

/*
 * Types with one of these are listed by the driver whether or not they may be used, and serve no intent:
 *   PROTECTED            needs a feature, and only protected buffers on protected queues may use it; the CPU never.
 *   LAZILY_ALLOCATED     is for transient attachments of tiled GPUs, which buffers are not.
 *   RDMA_CAPABLE         needs a feature (NV), and is pinned where other devices reach it.
 *   DEVICE_COHERENT and  need a feature (AMD, VUID-vkAllocateMemory-deviceCoherentMemory-02790), and pass by the
 *   DEVICE_UNCACHED      GPU's caches: made for markers that outlive a crash, slow for anything else.
 */
static const VkMemoryPropertyFlags never_chosen =
    VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
    VK_MEMORY_PROPERTY_RDMA_CAPABLE_BIT_NV | VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD |
    VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD;

/* The bit is to be as in `value`: set, or 0. All zero is no wish. */
struct bda_wish {
    VkMemoryPropertyFlags bit;
    VkMemoryPropertyFlags value;
};

#define WISH_FOR(flag)                                                                                                 \
    { .bit = (flag), .value = (flag) }
#define WISH_WITHOUT(flag)                                                                                             \
    { .bit = (flag), .value = 0 }

enum { BDA_WISH_COUNT = 3 };

struct bda_type_rule {
    VkMemoryPropertyFlags required;
    VkMemoryPropertyFlags refused;
    struct bda_wish wishes[BDA_WISH_COUNT];
};

/* The comments of BdaIntent, in the same order; change both together. */
static const struct bda_type_rule proper_rules[] = {
    [BDA_INTENT_DEVICE] = { .required = LOCAL, .wishes = { WISH_WITHOUT(VISIBLE) } },
    /* Last, not DEVICE_LOCAL: what is staged is copied away, and a window of 256 MiB is soon gone. It comes before
     * cached memory all the same, because it lies in another heap: the cached type shares the one that was full. */
    [BDA_INTENT_UPLOAD] = { .required = VISIBLE,
                            .wishes = { WISH_FOR(COHERENT), WISH_WITHOUT(CACHED), WISH_WITHOUT(LOCAL) } },
    /* Reading uncached memory of the device from the CPU is the slowest thing here: it stays last. */
    [BDA_INTENT_READBACK] = { .required = VISIBLE,
                              .wishes = { WISH_FOR(CACHED), WISH_FOR(COHERENT), WISH_WITHOUT(LOCAL) } },
    [BDA_INTENT_SHARED] = { .required = LOCAL | VISIBLE, .wishes = { WISH_FOR(COHERENT) } },
};

/* Host memory in the place of the device's own, for the intents that require DEVICE_LOCAL. */
static const struct bda_type_rule fallback_rules[] = {
    /* Not visible first, as in the proper rule: nobody asked for a mapping, which costs address space and time and
     * keeps blocks small. NVIDIA has such types; elsewhere host memory is visible, and then UPLOAD's order serves the
     * GPU best: write-combined memory is not snooped. */
    [BDA_INTENT_DEVICE] = { .refused = LOCAL,
                            .wishes = { WISH_WITHOUT(VISIBLE), WISH_FOR(COHERENT), WISH_WITHOUT(CACHED) } },
    /* The caller writes through `mapped`: HOST_VISIBLE stays required. */
    [BDA_INTENT_SHARED] = { .required = VISIBLE,
                            .refused = LOCAL,
                            .wishes = { WISH_FOR(COHERENT), WISH_WITHOUT(CACHED) } },
};

static bool serves(const VkPhysicalDeviceMemoryProperties *properties, const struct bda_type_rule *rule,
                   uint32_t type) {
    VkMemoryPropertyFlags flags = properties->memoryTypes[type].propertyFlags;
    uint32_t heap = properties->memoryTypes[type].heapIndex;
    assert(heap < properties->memoryHeapCount && "the driver names a heap that it does not have");
    return (flags & rule->required) == rule->required && (flags & (rule->refused | never_chosen)) == 0 &&
           properties->memoryHeaps[heap].size > 0; /* nothing can ever be allocated from an empty heap */
}

static uint32_t price_of(const struct bda_type_rule *rule, VkMemoryPropertyFlags flags) {
    uint32_t price = 0;
    for (uint32_t i = 0; i < BDA_WISH_COUNT; i++) {
        bool unfulfilled = (flags & rule->wishes[i].bit) != rule->wishes[i].value;
        price = price * 2 + (unfulfilled ? 1 : 0);
    }
    return price;
}

/* Appends what serves `rule` to the `count` types in `order` and returns the new count. An insertion sort: stable, and
 * there are 32 types at most. */
static uint32_t append_types(const VkPhysicalDeviceMemoryProperties *properties, const struct bda_type_rule *rule,
                             uint32_t type_bits, uint32_t *order, uint32_t count) {
    uint32_t prices[VK_MAX_MEMORY_TYPES];
    uint32_t first = count;
    for (uint32_t type = 0; type < properties->memoryTypeCount; type++) {
        if ((type_bits >> type & 1) == 0 || !serves(properties, rule, type))
            continue;
        uint32_t price = price_of(rule, properties->memoryTypes[type].propertyFlags);
        uint32_t at = count++;
        for (; at > first && prices[at - 1] > price; at--) {
            order[at] = order[at - 1];
            prices[at] = prices[at - 1];
        }
        order[at] = type;
        prices[at] = price;
    }
    return count;
}

uint32_t bda_order_memory_types(const VkPhysicalDeviceMemoryProperties *properties, BdaIntent intent,
                                bool host_fallback, uint32_t type_bits, uint32_t order[VK_MAX_MEMORY_TYPES]) {
    assert(properties->memoryTypeCount <= VK_MAX_MEMORY_TYPES);
    assert((uint32_t)intent <= BDA_INTENT_SHARED && "unknown intents are refused at the roof");
    const struct bda_type_rule *proper = &proper_rules[intent];
    uint32_t count = append_types(properties, proper, type_bits, order, 0);
    /* A fallback refuses what the proper rule requires, so no type is listed twice. */
    if (host_fallback && (proper->required & LOCAL) != 0)
        count = append_types(properties, &fallback_rules[intent], type_bits, order, count);
    return count;
}
