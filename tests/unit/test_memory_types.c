/*
 * The choice of memory types: the orders expected on real devices (memory_tables.h), and what holds on every table,
 * real or random. A failing random table prints the seed; BDA_TEST_SEED=<number> runs it again.
 */
#include "memory/memory_types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory_tables.h"

#define ALL UINT32_MAX

enum {
    MAX_EXPECTED = 11,
    RANDOM_TABLES = 20000,
    NEVER_CHOSEN = MT_AMD | MT_LAZY | VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_RDMA_CAPABLE_BIT_NV,
};

/* ---- What holds on every table ---------------------------------------------------------------------------------- */

/* Said in other words than the library's rules, on purpose: -1 where `a` is the better one, 1 where `b` is, else 0. */
static int prefer(VkMemoryPropertyFlags a, VkMemoryPropertyFlags b, VkMemoryPropertyFlags bit, bool wanted) {
    bool a_has = (a & bit) != 0;
    bool b_has = (b & bit) != 0;
    return a_has == b_has ? 0 : (a_has == wanted ? -1 : 1);
}

static int prefer_device(VkMemoryPropertyFlags a, VkMemoryPropertyFlags b) {
    return prefer(a, b, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT, false);
}

static int prefer_upload(VkMemoryPropertyFlags a, VkMemoryPropertyFlags b) {
    int better = prefer(a, b, VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, true);
    better = better ? better : prefer(a, b, VK_MEMORY_PROPERTY_HOST_CACHED_BIT, false);
    return better ? better : prefer(a, b, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, false);
}

static int prefer_readback(VkMemoryPropertyFlags a, VkMemoryPropertyFlags b) {
    int better = prefer(a, b, VK_MEMORY_PROPERTY_HOST_CACHED_BIT, true);
    better = better ? better : prefer(a, b, VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, true);
    return better ? better : prefer(a, b, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, false);
}

static int prefer_for(BdaIntent intent, bool tail, VkMemoryPropertyFlags a, VkMemoryPropertyFlags b) {
    int device = prefer_device(a, b);
    switch (intent) {
    case BDA_INTENT_DEVICE:
        return device || !tail ? device : prefer_upload(a, b);
    case BDA_INTENT_UPLOAD:
        return prefer_upload(a, b);
    case BDA_INTENT_READBACK:
        return prefer_readback(a, b);
    default:
        return tail ? prefer_upload(a, b) : prefer(a, b, VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, true);
    }
}

static bool is_proper(BdaIntent intent, VkMemoryPropertyFlags flags) {
    bool local = (flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) != 0;
    bool visible = (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
    switch (intent) {
    case BDA_INTENT_DEVICE:
        return local;
    case BDA_INTENT_SHARED:
        return local && visible;
    default:
        return visible;
    }
}

static bool is_fallback(BdaIntent intent, VkMemoryPropertyFlags flags) {
    bool host = (flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) == 0;
    bool visible = (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
    return host && (intent == BDA_INTENT_DEVICE || (intent == BDA_INTENT_SHARED && visible));
}

/* The types that belong into the order, as bits. */
static uint32_t expected_types(const VkPhysicalDeviceMemoryProperties *properties, BdaIntent intent, bool host_fallback,
                               uint32_t type_bits) {
    uint32_t expected = 0;
    for (uint32_t type = 0; type < properties->memoryTypeCount; type++) {
        VkMemoryPropertyFlags flags = properties->memoryTypes[type].propertyFlags;
        bool wanted = is_proper(intent, flags) || (host_fallback && is_fallback(intent, flags));
        if (wanted && !(flags & NEVER_CHOSEN) && properties->memoryHeaps[properties->memoryTypes[type].heapIndex].size)
            expected |= UINT32_C(1) << type;
    }
    return expected & type_bits;
}

static void check_neighbours(const VkPhysicalDeviceMemoryProperties *properties, BdaIntent intent, uint32_t earlier,
                             uint32_t later) {
    VkMemoryPropertyFlags a = properties->memoryTypes[earlier].propertyFlags;
    VkMemoryPropertyFlags b = properties->memoryTypes[later].propertyFlags;
    if (is_proper(intent, a) != is_proper(intent, b)) {
        assert_true(is_proper(intent, a));
        return;
    }
    int better = prefer_for(intent, !is_proper(intent, a), a, b);
    assert_true(better <= 0);
    if (better == 0)
        assert_true(earlier < later);
}

static void check_order(const VkPhysicalDeviceMemoryProperties *properties, BdaIntent intent, bool host_fallback,
                        uint32_t type_bits) {
    uint32_t order[VK_MAX_MEMORY_TYPES];
    uint32_t again[VK_MAX_MEMORY_TYPES];
    memset(order, 0xA5, sizeof order);
    memset(again, 0x5A, sizeof again);
    uint32_t count = bda_order_memory_types(properties, intent, host_fallback, type_bits, order);
    assert_int_equal(bda_order_memory_types(properties, intent, host_fallback, type_bits, again), count);
    assert_true(count <= properties->memoryTypeCount);
    assert_memory_equal(order, again, count * sizeof order[0]);

    uint32_t seen = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(order[i] < properties->memoryTypeCount);
        assert_false(seen >> order[i] & 1);
        seen |= UINT32_C(1) << order[i];
        if (i > 0)
            check_neighbours(properties, intent, order[i - 1], order[i]);
    }
    assert_int_equal(seen, expected_types(properties, intent, host_fallback, type_bits));
}

static void check_intents(const VkPhysicalDeviceMemoryProperties *properties, uint32_t type_bits) {
    for (int intent = BDA_INTENT_DEVICE; intent <= BDA_INTENT_SHARED; intent++) {
        check_order(properties, (BdaIntent)intent, false, type_bits);
        check_order(properties, (BdaIntent)intent, true, type_bits);
    }
}

/* ---- Real devices ----------------------------------------------------------------------------------------------- */

struct expectation {
    const struct memory_table *table;
    BdaIntent intent;
    uint32_t type_bits;
    uint32_t proper_count; /* the first so many of `order` are expected without host_fallback, all of them with it */
    uint32_t count;
    uint32_t order[MAX_EXPECTED];
    const char *reason;
};

static const struct expectation expectations[] = {
    { &lavapipe, BDA_INTENT_DEVICE, ALL, 1, 1, { 0 }, "the only type; there is no host memory to fall back to" },
    { &lavapipe, BDA_INTENT_UPLOAD, ALL, 1, 1, { 0 }, "cached and device-local are only disliked" },
    { &lavapipe, BDA_INTENT_READBACK, ALL, 1, 1, { 0 }, "all that is wished" },
    { &lavapipe, BDA_INTENT_SHARED, ALL, 1, 1, { 0 }, "all that is required" },

    { &nvidia_h200, BDA_INTENT_DEVICE, ALL, 2, 5, { 1, 4, 0, 2, 3 }, "unmapped VRAM, mapped VRAM, host likewise" },
    { &nvidia_h200, BDA_INTENT_UPLOAD, ALL, 3, 3, { 2, 4, 3 }, "write-combined: host, then VRAM; cached last" },
    { &nvidia_h200, BDA_INTENT_READBACK, ALL, 3, 3, { 3, 2, 4 }, "cached; reading mapped VRAM is slowest" },
    { &nvidia_h200, BDA_INTENT_SHARED, ALL, 1, 3, { 4, 2, 3 }, "mapped VRAM; the fallback is an upload's" },

    { &nvidia_k620, BDA_INTENT_DEVICE, ALL, 2, 11, { 7, 8, 0, 1, 2, 3, 4, 5, 6, 9, 10 }, "no window: all unmapped" },
    { &nvidia_k620, BDA_INTENT_DEVICE, 0x681, 1, 4, { 7, 0, 9, 10 }, "a resource that takes one type of each kind" },
    { &nvidia_k620, BDA_INTENT_UPLOAD, ALL, 2, 2, { 9, 10 }, "write-combined before cached" },
    { &nvidia_k620, BDA_INTENT_READBACK, ALL, 2, 2, { 10, 9 }, "cached before write-combined" },
    { &nvidia_k620, BDA_INTENT_SHARED, ALL, 0, 2, { 9, 10 }, "no VRAM is visible; only the fallback serves" },

    { &nvidia_gtx_1650, BDA_INTENT_DEVICE, ALL, 2, 5, { 1, 4, 0, 2, 3 }, "the window only when VRAM is full" },
    { &nvidia_gtx_1650, BDA_INTENT_DEVICE, 0x1, 0, 1, { 0 }, "unmapped host memory serves DEVICE as a fallback" },
    { &nvidia_gtx_1650, BDA_INTENT_SHARED, 0x1, 0, 0, { 0 }, "SHARED stays mapped even in the fallback" },
    { &nvidia_gtx_1650,
      BDA_INTENT_UPLOAD,
      ALL,
      3,
      3,
      { 2, 4, 3 },
      "the window is another heap than the cached type's" },
    { &nvidia_gtx_1650, BDA_INTENT_UPLOAD, 0x3, 0, 0, { 0 }, "nothing visible is allowed; no fallback exists" },
    { &nvidia_gtx_1650, BDA_INTENT_READBACK, ALL, 3, 3, { 3, 2, 4 }, "the window is uncached and behind the bus" },
    { &nvidia_gtx_1650, BDA_INTENT_SHARED, ALL, 1, 3, { 4, 2, 3 }, "the window is what SHARED means here" },

    { &nvidia_rtx_3060_ti, BDA_INTENT_DEVICE, ALL, 3, 6, { 1, 2, 5, 0, 3, 4 }, "twins keep the driver's order" },
    { &nvidia_rtx_3060_ti, BDA_INTENT_UPLOAD, ALL, 3, 3, { 3, 5, 4 }, "a large BAR does not draw staging to VRAM" },
    { &nvidia_rtx_3060_ti, BDA_INTENT_READBACK, ALL, 3, 3, { 4, 3, 5 }, "as without resizable BAR" },
    { &nvidia_rtx_3060_ti, BDA_INTENT_SHARED, ALL, 1, 3, { 5, 3, 4 }, "all of VRAM is mapped" },

    { &amd_rx_6600, BDA_INTENT_DEVICE, ALL, 2, 4, { 0, 2, 1, 3 }, "the 256 MiB window last; no coherent variants" },
    { &amd_rx_6600, BDA_INTENT_UPLOAD, ALL, 3, 3, { 1, 2, 3 }, "no coherent variants" },
    { &amd_rx_6600, BDA_INTENT_READBACK, ALL, 3, 3, { 3, 1, 2 }, "no coherent variants" },
    { &amd_rx_6600, BDA_INTENT_SHARED, ALL, 1, 3, { 2, 1, 3 }, "the window" },
    { &amd_rx_6600, BDA_INTENT_DEVICE, 0xF0, 0, 0, { 0 }, "device-coherent types serve nothing" },
    { &amd_rx_6600, BDA_INTENT_READBACK, 0xF0, 0, 0, { 0 }, "device-coherent types serve nothing" },

    { &amd_rx_470_radv, BDA_INTENT_DEVICE, ALL, 4, 7, { 0, 1, 3, 4, 2, 5, 6 }, "twins after their firsts" },
    { &amd_rx_470_radv, BDA_INTENT_UPLOAD, ALL, 5, 5, { 2, 3, 4, 5, 6 }, "the window before cached" },
    { &amd_rx_470_radv, BDA_INTENT_READBACK, ALL, 5, 5, { 5, 6, 2, 3, 4 }, "cached, write-combined, window" },
    { &amd_rx_470_radv, BDA_INTENT_SHARED, ALL, 2, 5, { 3, 4, 2, 5, 6 }, "the window and its twin" },
    { &amd_rx_470_radv, BDA_INTENT_DEVICE, 0x52, 2, 3, { 1, 4, 6 }, "a buffer that is allowed the twins only" },
    { &amd_rx_470_radv, BDA_INTENT_UPLOAD, 0x52, 2, 2, { 4, 6 }, "write-combined host memory has no twin" },
    { &amd_rx_470_radv, BDA_INTENT_READBACK, 0x52, 2, 2, { 6, 4 }, "cached" },
    { &amd_rx_470_radv, BDA_INTENT_SHARED, 0x52, 1, 2, { 4, 6 }, "the window's twin" },

    { &amd_integrated, BDA_INTENT_DEVICE, ALL, 4, 8, { 0, 8, 2, 10, 1, 9, 3, 11 }, "two heaps of one size: unmapped" },
    { &amd_integrated, BDA_INTENT_UPLOAD, ALL, 6, 6, { 1, 9, 2, 10, 3, 11 }, "not out of the small carve-out" },
    { &amd_integrated, BDA_INTENT_READBACK, ALL, 6, 6, { 3, 11, 1, 9, 2, 10 }, "cached host memory" },
    { &amd_integrated, BDA_INTENT_SHARED, ALL, 2, 6, { 2, 10, 1, 9, 3, 11 }, "the fallback has 28 times the room" },

    { &intel_alder_lake, BDA_INTENT_DEVICE, ALL, 3, 3, { 0, 1, 2 }, "unmapped, then the driver's order" },
    { &intel_alder_lake, BDA_INTENT_UPLOAD, ALL, 2, 2, { 1, 2 }, "write-combined" },
    { &intel_alder_lake, BDA_INTENT_READBACK, ALL, 2, 2, { 2, 1 }, "cached" },
    { &intel_alder_lake, BDA_INTENT_SHARED, ALL, 2, 2, { 1, 2 }, "the driver's order: fewer flags first" },

    { &intel_uhd_630, BDA_INTENT_DEVICE, ALL, 3, 3, { 2, 0, 1 }, "unmapped, though the driver lists it last" },
    { &intel_uhd_630, BDA_INTENT_UPLOAD, ALL, 2, 2, { 0, 1 }, "write-combined" },
    { &intel_uhd_630, BDA_INTENT_READBACK, ALL, 2, 2, { 1, 0 }, "cached" },
    { &intel_uhd_630, BDA_INTENT_SHARED, ALL, 2, 2, { 0, 1 }, "the driver's order" },

    { &apple_m2, BDA_INTENT_DEVICE, ALL, 2, 2, { 0, 1 }, "private storage; never the memoryless type" },
    { &apple_m2, BDA_INTENT_UPLOAD, ALL, 1, 1, { 1 }, "the only visible type" },
    { &apple_m2, BDA_INTENT_READBACK, ALL, 1, 1, { 1 }, "the only visible type" },
    { &apple_m2, BDA_INTENT_SHARED, ALL, 1, 1, { 1 }, "the only visible type" },
    { &apple_m2, BDA_INTENT_DEVICE, 0x4, 0, 0, { 0 }, "memoryless storage holds no buffer" },

    { &raspberry_pi_4, BDA_INTENT_DEVICE, ALL, 1, 1, { 0 }, "visible is only disliked" },
    { &raspberry_pi_4, BDA_INTENT_UPLOAD, ALL, 1, 1, { 0 }, "device-local is only disliked" },
    { &raspberry_pi_4, BDA_INTENT_READBACK, ALL, 1, 1, { 0 }, "cached is only wished for: reading is slow, but works" },
    { &raspberry_pi_4, BDA_INTENT_SHARED, ALL, 1, 1, { 0 }, "the only type" },
    { &raspberry_pi_4, BDA_INTENT_DEVICE, 0, 0, 0, { 0 }, "no type is allowed" },
};

static void check_expectation(const struct expectation *expected, bool host_fallback) {
    uint32_t want = host_fallback ? expected->count : expected->proper_count;
    uint32_t order[VK_MAX_MEMORY_TYPES] = { 0 };
    uint32_t count = bda_order_memory_types(&expected->table->properties, expected->intent, host_fallback,
                                            expected->type_bits, order);
    if (count == want && memcmp(order, expected->order, want * sizeof order[0]) == 0)
        return;
    print_error("%s, intent %d, fallback %d, types 0x%x (%s):", expected->table->device, (int)expected->intent,
                host_fallback, expected->type_bits, expected->reason);
    for (uint32_t i = 0; i < count; i++)
        print_error(" %u", order[i]);
    print_error("\n");
    fail();
}

static void real_devices_get_the_expected_order(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
        check_expectation(&expectations[i], false);
        check_expectation(&expectations[i], true);
    }
}

/* A table that is added must also be expected something of, with every intent. */
static void every_real_device_is_expected_something_of_by_every_intent(void **state) {
    (void)state;
    for (size_t table = 0; table < MEMORY_TABLE_COUNT; table++) {
        uint32_t intents = 0;
        for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
            if (expectations[i].table == memory_tables[table] && expectations[i].type_bits == ALL)
                intents |= UINT32_C(1) << expectations[i].intent;
        }
        assert_int_equal(intents, 0xF);
    }
}

static void real_devices_keep_the_rules_whatever_types_are_allowed(void **state) {
    (void)state;
    for (size_t table = 0; table < MEMORY_TABLE_COUNT; table++) {
        const VkPhysicalDeviceMemoryProperties *properties = &memory_tables[table]->properties;
        uint32_t subsets = UINT32_C(1) << properties->memoryTypeCount;
        for (uint32_t type_bits = 0; type_bits < subsets; type_bits++)
            check_intents(properties, type_bits);
        check_intents(properties, ALL);
    }
}

/* ---- Made up, where no real table shows it ---------------------------------------------------------------------- */

static void coherent_memory_comes_before_what_must_be_flushed(void **state) {
    (void)state;
    const VkMemoryPropertyFlags visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
    const VkMemoryPropertyFlags cached = visible | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    const struct memory_table made_up = {
        .device = "made up: two types that must be flushed, two that need not",
        .properties = { .memoryTypeCount = 4,
                        .memoryTypes = { { MT_LOCAL | visible, 0 },
                                         { MT_LOCAL | cached, 0 },
                                         { MT_LOCAL | MT_COHERENT, 0 },
                                         { MT_LOCAL | MT_CACHED, 0 } },
                        .memoryHeapCount = 1,
                        .memoryHeaps = { { 1024, MT_HEAP } } },
    };
    const struct expectation expected[] = {
        { &made_up, BDA_INTENT_UPLOAD, ALL, 4, 4, { 2, 3, 0, 1 }, "coherence outweighs write-combining" },
        { &made_up, BDA_INTENT_READBACK, ALL, 4, 4, { 3, 1, 2, 0 }, "caching outweighs coherence" },
        { &made_up, BDA_INTENT_SHARED, ALL, 4, 4, { 2, 3, 0, 1 }, "coherence, then the driver's order" },
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        check_expectation(&expected[i], false);
}

static void types_of_an_empty_heap_are_never_chosen(void **state) {
    (void)state;
    for (size_t table = 0; table < MEMORY_TABLE_COUNT; table++) {
        VkPhysicalDeviceMemoryProperties properties = memory_tables[table]->properties;
        for (uint32_t heap = 0; heap < properties.memoryHeapCount; heap++) {
            properties.memoryHeaps[heap].size = 0;
            check_intents(&properties, ALL);
        }
        uint32_t order[VK_MAX_MEMORY_TYPES];
        assert_int_equal(bda_order_memory_types(&properties, BDA_INTENT_DEVICE, true, ALL, order), 0);
    }
}

static void flags_that_need_a_feature_take_a_type_out(void **state) {
    (void)state;
    for (uint32_t bit = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT; bit <= VK_MEMORY_PROPERTY_RDMA_CAPABLE_BIT_NV;
         bit *= 2) {
        VkPhysicalDeviceMemoryProperties properties = lavapipe.properties;
        properties.memoryTypes[0].propertyFlags |= bit;
        uint32_t order[VK_MAX_MEMORY_TYPES];
        for (int intent = BDA_INTENT_DEVICE; intent <= BDA_INTENT_SHARED; intent++)
            assert_int_equal(bda_order_memory_types(&properties, (BdaIntent)intent, true, ALL, order), 0);
    }
}

/* ---- Random tables ---------------------------------------------------------------------------------------------- */

/* xorshift64 (Marsaglia 2003): any state but 0. */
static uint32_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

static void make_random_table(uint64_t *random, VkPhysicalDeviceMemoryProperties *properties) {
    memset(properties, 0, sizeof *properties);
    properties->memoryTypeCount = next_random(random) % (VK_MAX_MEMORY_TYPES + 1);
    properties->memoryHeapCount = 1 + next_random(random) % VK_MAX_MEMORY_HEAPS;
    for (uint32_t heap = 0; heap < properties->memoryHeapCount; heap++) /* one in eight is empty */
        properties->memoryHeaps[heap].size = (VkDeviceSize)(next_random(random) % 8) << 28;
    for (uint32_t type = 0; type < properties->memoryTypeCount; type++) {
        uint32_t strange = next_random(random) % 4 == 0 ? 0x1FF : 0xF; /* one in four may have unusable flags */
        properties->memoryTypes[type].propertyFlags = next_random(random) & strange;
        properties->memoryTypes[type].heapIndex = next_random(random) % properties->memoryHeapCount;
    }
}

static void random_tables_keep_the_rules(void **state) {
    (void)state;
    const char *given = getenv("BDA_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : UINT64_C(0x9E3779B97F4A7C15);
    print_message("seed: BDA_TEST_SEED=0x%llx\n", (unsigned long long)seed);
    uint64_t random = seed ? seed : 1;
    for (int i = 0; i < RANDOM_TABLES; i++) {
        VkPhysicalDeviceMemoryProperties properties;
        make_random_table(&random, &properties);
        check_intents(&properties, next_random(&random));
        check_intents(&properties, ALL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_devices_get_the_expected_order),
        cmocka_unit_test(every_real_device_is_expected_something_of_by_every_intent),
        cmocka_unit_test(real_devices_keep_the_rules_whatever_types_are_allowed),
        cmocka_unit_test(coherent_memory_comes_before_what_must_be_flushed),
        cmocka_unit_test(types_of_an_empty_heap_are_never_chosen),
        cmocka_unit_test(flags_that_need_a_feature_take_a_type_out),
        cmocka_unit_test(random_tables_keep_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
