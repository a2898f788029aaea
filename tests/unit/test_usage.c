/*
 * Usage: which uses share blocks, what a block's buffer may be used for, and which alignment each use needs.
 */
#include "memory_support.h"

#include <string.h>

#include "core/bits.h"
#include "memory/usage.h"

#define DESCRIPTORS                                                                                                    \
    ((uint64_t)(VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT | VK_BUFFER_USAGE_SAMPLER_DESCRIPTOR_BUFFER_BIT_EXT))
#define VIDEO (UINT64_C(0xF) << 13) /* decode source and destination, encode destination and source */
#define ALWAYS                                                                                                         \
    ((VkBufferUsageFlags)(VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |                        \
                          VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT |        \
                          VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |                    \
                          VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_VERTEX_BUFFER_BIT |                       \
                          VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT))
#define ACCELERATION                                                                                                   \
    ((VkBufferUsageFlags)(VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_BUILD_INPUT_READ_ONLY_BIT_KHR |                       \
                          VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR))
#define BINDING_TABLE ((VkBufferUsageFlags)VK_BUFFER_USAGE_SHADER_BINDING_TABLE_BIT_KHR)

#define RAY_FEATURES (FAKE_ACCELERATION_STRUCTURE | FAKE_RAY_TRACING_PIPELINE)
#define ALL_FEATURES (RAY_FEATURES | FAKE_DESCRIPTOR_BUFFER)

/* ---- Classes ---- */

static void each_usage_has_its_class(void **state) {
    (void)state;
    assert_int_equal(bda_usage_class_of(0), BDA_USAGE_GENERAL);
    for (unsigned i = 0; i < 64; i++) {
        uint64_t usage = UINT64_C(1) << i;
        enum bda_usage_class expected = (usage & VIDEO) != 0         ? BDA_USAGE_VIDEO
                                        : (usage & DESCRIPTORS) != 0 ? BDA_USAGE_DESCRIPTOR
                                                                     : BDA_USAGE_GENERAL;
        assert_int_equal(bda_usage_class_of(usage), expected);
    }
}

static void one_special_use_decides_the_class(void **state) {
    (void)state;
    assert_int_equal(bda_usage_class_of(ALWAYS), BDA_USAGE_GENERAL);
    assert_int_equal(bda_usage_class_of(ALWAYS | ACCELERATION | BINDING_TABLE), BDA_USAGE_GENERAL);
    assert_int_equal(bda_usage_class_of(ALWAYS | VK_BUFFER_USAGE_SAMPLER_DESCRIPTOR_BUFFER_BIT_EXT),
                     BDA_USAGE_DESCRIPTOR);
    assert_int_equal(bda_usage_class_of(ALWAYS | VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT),
                     BDA_USAGE_DESCRIPTOR);
    assert_int_equal(bda_usage_class_of(ALWAYS | UINT64_C(0x2000)), BDA_USAGE_VIDEO);
    assert_int_equal(bda_usage_class_of(DESCRIPTORS | UINT64_C(0x10000)), BDA_USAGE_VIDEO);
}

/* ---- What blocks are made for ---- */

static VkBufferUsageFlags general_of(uint32_t features) {
    return ALWAYS | ((features & FAKE_ACCELERATION_STRUCTURE) != 0 ? ACCELERATION : 0u) |
           ((features & FAKE_RAY_TRACING_PIPELINE) != 0 ? BINDING_TABLE : 0u);
}

static VkBufferUsageFlags descriptor_of(uint32_t features) {
    const VkBufferUsageFlags usage = (VkBufferUsageFlags)DESCRIPTORS | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                     VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                     VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
    return (features & FAKE_DESCRIPTOR_BUFFER) != 0 ? usage : 0u;
}

/* The fake driver knows which usages the enabled features allow. */
static void make_buffer_of(struct rig *rig, VkBufferUsageFlags usage) {
    const VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 64, .usage = usage };
    VkBuffer buffer = VK_NULL_HANDLE;
    assert_int_equal(rig->device.vk.create_buffer(rig->info.device, &info, &rig->callbacks, &buffer), VK_SUCCESS);
    rig->device.vk.destroy_buffer(rig->info.device, buffer, &rig->callbacks);
}

static void check_unions(uint32_t with, uint32_t disabled) {
    struct rig rig;
    uint32_t enabled = with & ~disabled;
    rig_open(&rig, (struct fake_config){ .with = with, .disabled = disabled });
    assert_int_equal(bda_usage_of_class(&rig.device, BDA_USAGE_GENERAL), general_of(enabled));
    assert_int_equal(bda_usage_of_class(&rig.device, BDA_USAGE_DESCRIPTOR), descriptor_of(enabled));
    assert_int_equal(bda_usage_of_class(&rig.device, BDA_USAGE_VIDEO), 0);
    make_buffer_of(&rig, bda_usage_of_class(&rig.device, BDA_USAGE_GENERAL));
    if (descriptor_of(enabled) != 0)
        make_buffer_of(&rig, bda_usage_of_class(&rig.device, BDA_USAGE_DESCRIPTOR));
    rig_close(&rig);
}

static const uint32_t feature_sets[] = { 0,
                                         FAKE_ACCELERATION_STRUCTURE,
                                         FAKE_RAY_TRACING_PIPELINE,
                                         RAY_FEATURES,
                                         FAKE_DESCRIPTOR_BUFFER,
                                         FAKE_DESCRIPTOR_BUFFER | FAKE_ACCELERATION_STRUCTURE,
                                         FAKE_DESCRIPTOR_BUFFER | FAKE_RAY_TRACING_PIPELINE,
                                         ALL_FEATURES };

static void blocks_are_made_for_all_of_the_class_that_is_enabled(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(feature_sets); i++)
        check_unions(feature_sets[i], 0);
}

static void what_is_supported_but_not_enabled_stays_out(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(feature_sets); i++)
        check_unions(ALL_FEATURES, feature_sets[i]);
}

/* Transform feedback, conditional rendering, video, push descriptors: enabled or not, no range is used so. */
static void what_no_range_is_used_for_stays_out(void **state) {
    (void)state;
    check_unions(ALL_FEATURES | FAKE_TRANSFORM_FEEDBACK | FAKE_CONDITIONAL_RENDERING | FAKE_VIDEO, 0);
}

static void each_usage_of_a_union_is_of_its_class(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .with = ALL_FEATURES });
    uint64_t descriptors = bda_usage_of_class(&rig.device, BDA_USAGE_DESCRIPTOR);
    assert_int_equal(bda_usage_class_of(bda_usage_of_class(&rig.device, BDA_USAGE_GENERAL)), BDA_USAGE_GENERAL);
    assert_int_equal(bda_usage_class_of(descriptors), BDA_USAGE_DESCRIPTOR);
    rig_close(&rig);
}

/* ---- Alignments ---- */

/* All different, none the largest by accident of order. */
static const struct fake_config odd_limits = {
    .with = ALL_FEATURES,
    .limits = { .minUniformBufferOffsetAlignment = 128,
                .minStorageBufferOffsetAlignment = 32,
                .minTexelBufferOffsetAlignment = 64 },
    .scratch_alignment = 512,
    .shader_group_base_alignment = 1024,
    .descriptor_buffer_alignment = 2048,
};

static const struct {
    uint64_t usage;
    VkDeviceSize alignment;
} needs[] = {
    { VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, 128 },
    { VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, 32 },
    { VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT, 64 },
    { VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT, 64 },
    { VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR, 256 },
    { VK_BUFFER_USAGE_SHADER_BINDING_TABLE_BIT_KHR, 1024 },
    { VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT, 2048 },
    { VK_BUFFER_USAGE_SAMPLER_DESCRIPTOR_BUFFER_BIT_EXT, 2048 },
};

static VkDeviceSize needed_by(uint64_t usage) {
    VkDeviceSize alignment = 16;
    for (size_t i = 0; i < COUNT(needs); i++)
        if ((usage & needs[i].usage) != 0)
            alignment = bda_max(alignment, needs[i].alignment);
    return alignment;
}

static void each_use_gets_the_alignment_it_needs(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, odd_limits);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(bda_usage_alignment(&rig.device, UINT64_C(1) << i, false), needed_by(UINT64_C(1) << i));
    rig_close(&rig);
}

static void uses_together_get_what_the_strictest_needs(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, odd_limits);
    for (unsigned set = 0; set < 1u << COUNT(needs); set++) {
        uint64_t usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT;
        for (size_t i = 0; i < COUNT(needs); i++)
            usage |= (set >> i & 1u) != 0 ? needs[i].usage : 0;
        VkDeviceSize plain = bda_usage_alignment(&rig.device, usage, false);
        assert_int_equal(plain, needed_by(usage));
        assert_int_equal(bda_usage_alignment(&rig.device, usage, true), bda_max(plain, 512));
        assert_int_equal(rig.device.limits.base_alignment % plain, 0);
    }
    rig_close(&rig);
}

static void pointers_alone_are_aligned_for_any_vector(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .limits = { .minUniformBufferOffsetAlignment = 4,
                                                     .minStorageBufferOffsetAlignment = 4,
                                                     .minTexelBufferOffsetAlignment = 1 } });
    assert_int_equal(bda_usage_alignment(&rig.device, 0, false), 16);
    assert_int_equal(bda_usage_alignment(&rig.device, ALWAYS, false), 16);
    rig_close(&rig);
}

static void features_that_are_off_ask_for_nothing(void **state) {
    (void)state;
    struct rig rig;
    struct fake_config config = odd_limits;
    config.disabled = ALL_FEATURES;
    rig_open(&rig, config);
    assert_int_equal(bda_usage_alignment(&rig.device, 0, true), 16);
    assert_int_equal(bda_usage_alignment(&rig.device, ACCELERATION | BINDING_TABLE | DESCRIPTORS, true), 16);
    rig_close(&rig);
}

static void small_scratch_alignments_are_16_all_the_same(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .with = RAY_FEATURES, .scratch_alignment = 4 });
    assert_int_equal(bda_usage_alignment(&rig.device, 0, true), 16);
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_usage_has_its_class),
        cmocka_unit_test(one_special_use_decides_the_class),
        cmocka_unit_test(blocks_are_made_for_all_of_the_class_that_is_enabled),
        cmocka_unit_test(what_is_supported_but_not_enabled_stays_out),
        cmocka_unit_test(what_no_range_is_used_for_stays_out),
        cmocka_unit_test(each_usage_of_a_union_is_of_its_class),
        cmocka_unit_test(each_use_gets_the_alignment_it_needs),
        cmocka_unit_test(uses_together_get_what_the_strictest_needs),
        cmocka_unit_test(pointers_alone_are_aligned_for_any_vector),
        cmocka_unit_test(features_that_are_off_ask_for_nothing),
        cmocka_unit_test(small_scratch_alignments_are_16_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
