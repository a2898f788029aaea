/* See prefix_support.h. */
#include "prefix_support.h"

const char *const prefix_texts[PREFIXES] = { "mesh/", "mesh/rock/", "texture", "due" };

void prefix_open(const struct fake_config *config, BdaAllocatorInfo wishes) {
    wishes.prefix_count = PREFIXES;
    wishes.prefixes = prefix_texts;
    bench_open(config, &wishes);
}

BdaCountedPrefix prefix_now(uint32_t i) {
    BdaCountedPrefix all[PREFIXES];
    uint32_t count = PREFIXES;
    assert_int_equal(bda_get_counted_prefixes(bench.allocator, &count, all), VK_SUCCESS);
    assert_int_equal(count, PREFIXES);
    return all[i];
}

void prefix_expect(uint32_t i, uint64_t live, VkDeviceSize used, VkDeviceSize peak, uint64_t frame) {
    const BdaCountedPrefix now = prefix_now(i);
    assert_string_equal(now.prefix, prefix_texts[i]);
    assert_int_equal(now.allocation_count, live);
    assert_int_equal(now.used, used);
    assert_int_equal(now.peak_used.bytes, peak);
    assert_int_equal(now.peak_used.frame, frame);
}

BdaAllocation prefix_take(VkDeviceSize size, const char *name) {
    return take((BdaAllocInfo){ .size = size, .name = name });
}

void prefix_rename(BdaAllocation a, const char *name) {
    assert_int_equal(bda_set_name(bench.allocator, a.handle, name), VK_SUCCESS);
}
