/* Alignments hold: of the address always, of the offset as far as the base alignment goes, and nothing overlaps. */
#include "work.h"

#include <string.h>

enum { LEAST_LOG2 = 4, MOST_LOG2 = 22 };

static BdaProperties properties_of(struct suite *s) {
    BdaProperties properties;
    assert_vk(bda_get_properties(s->allocator, &properties));
    return properties;
}

static void assert_aligned(struct suite *s, const BdaAllocation *a, VkDeviceSize alignment) {
    VkDeviceSize base = properties_of(s).base_alignment;
    assert_int_equal(a->address % alignment, 0);
    assert_int_equal(a->offset % (alignment < base ? alignment : base), 0);
}

static BdaAllocation allocate(struct suite *s, const BdaAllocInfo *info, bool own_buffer) {
    if (!own_buffer)
        return suite_alloc(s, info);
    BdaAllocInfo rest = *info;
    rest.size = 0;
    return suite_alloc_buffer(s, info->size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, &rest);
}

/* One of each alignment, with odd ones between, all alive at once; the GPU fills them all and finds them unharmed. */
static void check_all_alignments(struct suite *s, BdaIntent intent, BdaAllocFlags flags, bool own_buffer) {
    enum { COUNT = 2 * (MOST_LOG2 - LEAST_LOG2 + 1) };
    BdaAllocation all[COUNT];
    struct suite_span spans[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        VkDeviceSize alignment = i % 2 == 0 ? (VkDeviceSize)1 << (LEAST_LOG2 + i / 2) : 0;
        const BdaAllocInfo info = { .size = 100 + 36 * i, .alignment = alignment, .intent = intent, .flags = flags };
        all[i] = allocate(s, &info, own_buffer);
        assert_aligned(s, &all[i], alignment != 0 ? alignment : 16);
        spans[i] = suite_span_of(&all[i], i);
    }
    suite_fill(s, spans, COUNT);
    suite_assert_filled(s, spans, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        suite_free(s, &all[i]);
}

static void check_all_intents(struct suite *s, BdaAllocFlags flags, bool own_buffer) {
    const BdaIntent intents[] = { BDA_INTENT_DEVICE, BDA_INTENT_UPLOAD, BDA_INTENT_READBACK, BDA_INTENT_SHARED };
    for (size_t i = 0; i < SUITE_COUNT(intents); i++)
        if (suite_has_memory_for(s, intents[i]))
            check_all_alignments(s, intents[i], flags, own_buffer);
}

static void ranges_are_aligned(void **state) {
    check_all_intents(*state, 0, false);
}

static void own_buffers_are_aligned(void **state) {
    check_all_intents(*state, 0, true);
}

static void dedicated_ranges_are_aligned(void **state) {
    check_all_intents(*state, BDA_ALLOC_DEDICATED_BIT, false);
}

static void dedicated_own_buffers_are_aligned(void **state) {
    check_all_intents(*state, BDA_ALLOC_DEDICATED_BIT, true);
}

static void alignments_hold_up_to_the_largest_block(void **state) {
    struct suite *s = *state;
    VkDeviceSize most = properties_of(s).max_host_visible_block_size;
    for (VkDeviceSize alignment = 8 * SUITE_MIB; alignment <= most; alignment *= 2) {
        const BdaAllocInfo info = { .size = 1000, .alignment = alignment, .intent = BDA_INTENT_UPLOAD };
        BdaAllocation a;
        VkResult result = bda_alloc(s->allocator, &info, &a);
        if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY) { /* a machine with little memory is no defect */
            (void)suite_take_message();
            break;
        }
        assert_vk(result);
        assert_aligned(s, &a, alignment);
        const struct suite_span span = suite_span_of(&a, 1);
        suite_fill(s, &span, 1);
        suite_assert_filled(s, &span, 1);
        suite_free(s, &a);
        assert_vk(bda_trim(s->allocator, 0, NULL));
    }
}

static void odd_alignments_are_refused(void **state) {
    struct suite *s = *state;
    BdaProperties properties = properties_of(s);
    VkDeviceSize beyond = properties.max_block_size > properties.max_host_visible_block_size
                              ? properties.max_block_size
                              : properties.max_host_visible_block_size;
    const VkDeviceSize odd[] = { 3, 24, 48, 65535, beyond * 2, (VkDeviceSize)1 << 63, ~(VkDeviceSize)0 };
    for (size_t i = 0; i < SUITE_COUNT(odd); i++) {
        const BdaAllocInfo info = { .size = 64, .alignment = odd[i] };
        BdaAllocation a;
        assert_refused(bda_alloc, (s->allocator, &info, &a), VK_ERROR_VALIDATION_FAILED_EXT);
        assert_zeroed(a);
    }
}

/* ---- Alignments that usages bring ---- */

static void check_usage(struct suite *s, uint64_t usage, VkDeviceSize alignment) {
    if (alignment == 0)
        return;
    for (uint32_t i = 0; i < 20; i++) {
        BdaAllocation between = suite_alloc(s, &(BdaAllocInfo){ .size = 16 * (i % 3 + 1) });
        BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 40, .usage = usage });
        assert_aligned(s, &a, alignment);
        assert_int_equal(a.offset % alignment, 0);
        suite_free(s, &between);
        suite_free(s, &a);
    }
}

static void each_usage_brings_its_alignment(void **state) {
    struct suite *s = *state;
    const VkPhysicalDeviceLimits *limits = &s->properties.limits;
    BdaProperties properties = properties_of(s);
    check_usage(s, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, limits->minUniformBufferOffsetAlignment);
    check_usage(s, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, limits->minStorageBufferOffsetAlignment);
    check_usage(s, VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT, limits->minTexelBufferOffsetAlignment);
    check_usage(s, VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT, limits->minTexelBufferOffsetAlignment);
    if (s->enabled.acceleration_structure)
        check_usage(s, VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR, 256);
    if (s->enabled.descriptor_buffer)
        check_usage(s, VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT, properties.descriptor_buffer_alignment);
}

static void scratch_is_aligned_or_refused(void **state) {
    struct suite *s = *state;
    const BdaAllocInfo info = { .size = 5000, .flags = BDA_ALLOC_ACCELERATION_STRUCTURE_SCRATCH_BIT };
    BdaAllocation a;
    if (!s->enabled.acceleration_structure) {
        assert_refused(bda_alloc, (s->allocator, &info, &a), VK_ERROR_FEATURE_NOT_PRESENT);
        return;
    }
    BdaAllocation between = suite_alloc(s, &(BdaAllocInfo){ .size = 16 });
    a = suite_alloc(s, &info);
    VkDeviceSize alignment = properties_of(s).scratch_alignment;
    assert_true(alignment > 0);
    assert_aligned(s, &a, alignment);
    suite_free(s, &between);
    suite_free(s, &a);
}

static void usages_of_features_that_are_off_are_refused(void **state) {
    struct suite *s = *state;
    const BdaAllocInfo table = { .size = 64, .usage = VK_BUFFER_USAGE_SHADER_BINDING_TABLE_BIT_KHR };
    const BdaAllocInfo descriptors = { .size = 64, .usage = VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT };
    BdaAllocation a;
    assert_refused(bda_alloc, (s->allocator, &table, &a), VK_ERROR_FEATURE_NOT_PRESENT);
    if (!s->enabled.descriptor_buffer)
        assert_refused(bda_alloc, (s->allocator, &descriptors, &a), VK_ERROR_FEATURE_NOT_PRESENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(ranges_are_aligned),
        SUITE_TEST(own_buffers_are_aligned),
        SUITE_TEST(dedicated_ranges_are_aligned),
        SUITE_TEST(dedicated_own_buffers_are_aligned),
        SUITE_TEST(alignments_hold_up_to_the_largest_block),
        SUITE_TEST(odd_alignments_are_refused),
        SUITE_TEST(each_usage_brings_its_alignment),
        SUITE_TEST(scratch_is_aligned_or_refused),
        SUITE_TEST(usages_of_features_that_are_off_are_refused),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
