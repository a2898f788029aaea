/*
 * What is enabled on a device, read from its VkDeviceCreateInfo: every struct, every extension, in both spellings.
 */
#include "memory_support.h"

#include <string.h>

/* What was found, as bits that a table can hold. */
enum {
    ADDRESS = 0x1,
    REPLAY = 0x2,
    TIMELINE = 0x4,
    ACCELERATION = 0x8,
    RAY_TRACING = 0x10,
    DESCRIPTOR = 0x20,
    PRIORITY = 0x40,
    BUDGET = 0x80,
    MAINTENANCE_4 = 0x100,
};

static unsigned found(const struct bda_features *features) {
    unsigned bits = 0;
    bits |= features->buffer_device_address ? ADDRESS : 0u;
    bits |= features->capture_replay ? REPLAY : 0u;
    bits |= features->timeline_semaphore ? TIMELINE : 0u;
    bits |= features->acceleration_structure ? ACCELERATION : 0u;
    bits |= features->ray_tracing_pipeline ? RAY_TRACING : 0u;
    bits |= features->descriptor_buffer ? DESCRIPTOR : 0u;
    bits |= features->memory_priority ? PRIORITY : 0u;
    bits |= features->memory_budget ? BUDGET : 0u;
    bits |= features->maintenance4 ? MAINTENANCE_4 : 0u;
    return bits;
}

/* Rubbish before, so that what was not written is seen. */
static struct bda_features read_info(const VkDeviceCreateInfo *info, uint32_t version) {
    struct bda_features features;
    memset(&features, 1, sizeof features);
    bda_features_read(&features, info, version);
    return features;
}

static unsigned read_with(const void *chain, uint32_t version, uint32_t count, const char *const *extensions) {
    const VkDeviceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                      .pNext = chain,
                                      .enabledExtensionCount = count,
                                      .ppEnabledExtensionNames = extensions };
    struct bda_features features = read_info(&info, version);
    assert_int_equal(features.queue_family_count, 0);
    return found(&features);
}

static unsigned read_chain(const void *chain) {
    return read_with(chain, VK_API_VERSION_1_2, 0, NULL);
}

static unsigned read_extension(const char *extension, uint32_t version) {
    return read_with(NULL, version, 1, &extension);
}

/* ---- Structs ---- */

static const VkPhysicalDeviceBufferDeviceAddressFeatures address_on = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES, .bufferDeviceAddress = VK_TRUE
};
static const VkPhysicalDeviceTimelineSemaphoreFeatures timeline_on = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, .timelineSemaphore = VK_TRUE
};

static void nothing_enabled_is_nothing_found(void **state) {
    (void)state;
    assert_int_equal(read_chain(NULL), 0);
}

static void each_member_of_the_1_2_struct_stands_for_itself(void **state) {
    (void)state;
    VkPhysicalDeviceVulkan12Features f = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES };
    assert_int_equal(read_chain(&f), 0);
    f.bufferDeviceAddress = VK_TRUE;
    assert_int_equal(read_chain(&f), ADDRESS);
    f.bufferDeviceAddressCaptureReplay = VK_TRUE;
    assert_int_equal(read_chain(&f), ADDRESS | REPLAY);
    f.bufferDeviceAddress = VK_FALSE;
    f.timelineSemaphore = VK_TRUE;
    assert_int_equal(read_chain(&f), REPLAY | TIMELINE);
    f.bufferDeviceAddressCaptureReplay = VK_FALSE;
    f.bufferDeviceAddressMultiDevice = VK_TRUE;
    assert_int_equal(read_chain(&f), TIMELINE);
}

static void each_struct_of_its_own_stands_for_its_feature(void **state) {
    (void)state;
    const VkPhysicalDeviceBufferDeviceAddressFeatures replay = { .sType = address_on.sType,
                                                                 .bufferDeviceAddressCaptureReplay = VK_TRUE };
    const VkPhysicalDeviceAccelerationStructureFeaturesKHR acceleration = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR, .accelerationStructure = VK_TRUE
    };
    const VkPhysicalDeviceRayTracingPipelineFeaturesKHR ray_tracing = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_FEATURES_KHR, .rayTracingPipeline = VK_TRUE
    };
    const VkPhysicalDeviceDescriptorBufferFeaturesEXT descriptor = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_FEATURES_EXT, .descriptorBuffer = VK_TRUE
    };
    const VkPhysicalDeviceMemoryPriorityFeaturesEXT priority = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT, .memoryPriority = VK_TRUE
    };
    assert_int_equal(read_chain(&address_on), ADDRESS);
    assert_int_equal(read_chain(&replay), REPLAY);
    assert_int_equal(read_chain(&timeline_on), TIMELINE);
    assert_int_equal(read_chain(&acceleration), ACCELERATION);
    assert_int_equal(read_chain(&ray_tracing), RAY_TRACING);
    assert_int_equal(read_chain(&descriptor), DESCRIPTOR);
    assert_int_equal(read_chain(&priority), PRIORITY);
}

/* Each struct's other members are on, and its own is off. */
static void a_struct_whose_feature_is_off_enables_nothing(void **state) {
    (void)state;
    const VkPhysicalDeviceBufferDeviceAddressFeatures address = { .sType = address_on.sType,
                                                                  .bufferDeviceAddressMultiDevice = VK_TRUE };
    const VkPhysicalDeviceTimelineSemaphoreFeatures timeline = { .sType = timeline_on.sType };
    const VkPhysicalDeviceAccelerationStructureFeaturesKHR acceleration = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR,
        .accelerationStructureCaptureReplay = VK_TRUE
    };
    const VkPhysicalDeviceRayTracingPipelineFeaturesKHR ray_tracing = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_FEATURES_KHR,
        .rayTraversalPrimitiveCulling = VK_TRUE
    };
    const VkPhysicalDeviceDescriptorBufferFeaturesEXT descriptor = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_FEATURES_EXT,
        .descriptorBufferCaptureReplay = VK_TRUE
    };
    const VkPhysicalDeviceMemoryPriorityFeaturesEXT priority = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT
    };
    const void *const chains[] = { &address, &timeline, &acceleration, &ray_tracing, &descriptor, &priority };
    for (size_t i = 0; i < COUNT(chains); i++)
        assert_int_equal(read_chain(chains[i]), 0);
}

static void what_one_struct_enables_no_other_takes_back(void **state) {
    (void)state;
    VkPhysicalDeviceVulkan12Features core = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES };
    VkPhysicalDeviceBufferDeviceAddressFeatures address = address_on;
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline = timeline_on;
    address.pNext = &timeline;
    timeline.pNext = &core;
    assert_int_equal(read_chain(&address), ADDRESS | TIMELINE);
    timeline.pNext = NULL;
    core.pNext = &address;
    assert_int_equal(read_chain(&core), ADDRESS | TIMELINE);
}

static void structs_that_are_not_ours_are_passed_over(void **state) {
    (void)state;
    VkPhysicalDeviceBufferDeviceAddressFeatures address = address_on;
    VkPhysicalDeviceVulkan13Features vulkan_13 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
                                                   .pNext = &address,
                                                   .synchronization2 = VK_TRUE };
    VkPhysicalDeviceFeatures2 all = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &vulkan_13 };
    memset(&all.features, 1, sizeof all.features);
    assert_int_equal(read_chain(&all), ADDRESS);
}

/* VK_EXT_buffer_device_address came first: other memory rules, and the KHR functions are not part of it. */
static void the_ext_ancestor_of_device_addresses_does_not_count(void **state) {
    (void)state;
    const VkPhysicalDeviceBufferDeviceAddressFeaturesEXT ancestor = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES_EXT, .bufferDeviceAddress = VK_TRUE
    };
    const char *const extensions[] = { VK_EXT_BUFFER_DEVICE_ADDRESS_EXTENSION_NAME };
    assert_int_equal(read_with(&ancestor, VK_API_VERSION_1_2, 1, extensions), 0);
    assert_int_equal(read_with(&ancestor, VK_API_VERSION_1_1, 1, extensions), 0);
}

/* ---- Versions and extensions ---- */

static void before_1_2_a_promoted_feature_wants_its_extension(void **state) {
    (void)state;
    const char *const names[] = { VK_KHR_BUFFER_DEVICE_ADDRESS_EXTENSION_NAME,
                                  VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME };
    VkPhysicalDeviceBufferDeviceAddressFeatures chain = address_on;
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline = timeline_on;
    chain.pNext = &timeline;
    assert_int_equal(read_with(&chain, VK_API_VERSION_1_1, 0, NULL), 0);
    assert_int_equal(read_with(&chain, VK_API_VERSION_1_1, 1, &names[0]), ADDRESS);
    assert_int_equal(read_with(&chain, VK_API_VERSION_1_1, 1, &names[1]), TIMELINE);
    assert_int_equal(read_with(&chain, VK_API_VERSION_1_1, 2, names), ADDRESS | TIMELINE);
    assert_int_equal(read_with(NULL, VK_API_VERSION_1_1, 2, names), 0);
    assert_int_equal(read_with(&chain, VK_API_VERSION_1_2, 0, NULL), ADDRESS | TIMELINE);
    assert_int_equal(read_with(&chain, VK_API_VERSION_1_3, 0, NULL), ADDRESS | TIMELINE | MAINTENANCE_4);
}

static void the_memory_budget_is_enabled_by_its_extension(void **state) {
    (void)state;
    assert_int_equal(read_extension(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME, VK_API_VERSION_1_1), BUDGET);
    assert_int_equal(read_extension(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME, VK_API_VERSION_1_2), BUDGET);
}

static void the_largest_buffer_can_be_asked_for_from_1_3_on_or_by_extension(void **state) {
    (void)state;
    assert_int_equal(read_with(NULL, VK_API_VERSION_1_2, 0, NULL), 0);
    assert_int_equal(read_with(NULL, VK_API_VERSION_1_3, 0, NULL), MAINTENANCE_4);
    assert_int_equal(read_extension(VK_KHR_MAINTENANCE_4_EXTENSION_NAME, VK_API_VERSION_1_1), MAINTENANCE_4);
}

static void a_name_that_resembles_an_extension_is_another_one(void **state) {
    (void)state;
    const char *const strangers[] = { "",
                                      "VK_EXT_memory",
                                      "VK_EXT_memory_budget2",
                                      "vk_ext_memory_budget",
                                      "VK_KHR_maintenance",
                                      "VK_KHR_maintenance41" };
    assert_int_equal(read_with(NULL, VK_API_VERSION_1_2, COUNT(strangers), strangers), 0);
}

static void every_extension_of_the_list_is_looked_at(void **state) {
    (void)state;
    const char *const names[] = { "VK_KHR_swapchain", VK_KHR_MAINTENANCE_4_EXTENSION_NAME, "VK_KHR_surface",
                                  VK_EXT_MEMORY_BUDGET_EXTENSION_NAME };
    assert_int_equal(read_with(NULL, VK_API_VERSION_1_2, COUNT(names), names), BUDGET | MAINTENANCE_4);
}

/* ---- Whole devices ---- */

static void check_device(uint32_t version, uint32_t with, uint32_t disabled, bool separate, unsigned expected) {
    struct rig rig;
    rig_prepare(&rig, (struct fake_config){ .instance_version = version,
                                            .with = with,
                                            .without = FAKE_MAINTENANCE_4 & ~with,
                                            .disabled = disabled,
                                            .separate_features = separate });
    struct bda_features features = read_info(fake_device_info(rig.driver), version);
    assert_int_equal(found(&features), expected);
    rig_close(&rig);
}

/* The versions that the library serves, in both spellings; what a version brings by itself is always there. */
static void check_everywhere(uint32_t with, uint32_t disabled, unsigned expected) {
    check_device(VK_API_VERSION_1_1, with, disabled, true, expected);
    for (unsigned separate = 0; separate < 2; separate++) {
        check_device(VK_API_VERSION_1_2, with, disabled, separate != 0, expected);
        check_device(VK_API_VERSION_1_3, with, disabled, separate != 0, expected | MAINTENANCE_4);
    }
}

static void devices_of_every_version_and_spelling_are_understood(void **state) {
    (void)state;
    const struct {
        uint32_t fake;
        unsigned bit;
    } features[] = {
        { FAKE_CAPTURE_REPLAY, REPLAY },
        { FAKE_ACCELERATION_STRUCTURE, ACCELERATION },
        { FAKE_RAY_TRACING_PIPELINE, RAY_TRACING },
        { FAKE_DESCRIPTOR_BUFFER, DESCRIPTOR },
        { FAKE_MEMORY_PRIORITY, PRIORITY },
        { FAKE_MEMORY_BUDGET, BUDGET },
        { FAKE_MAINTENANCE_4, MAINTENANCE_4 },
    };
    check_everywhere(0, 0, ADDRESS | TIMELINE);
    check_everywhere(0, FAKE_BUFFER_DEVICE_ADDRESS, TIMELINE);
    check_everywhere(0, FAKE_TIMELINE_SEMAPHORE, ADDRESS);
    check_everywhere(FAKE_KHR_ALIASES, FAKE_TIMELINE_SEMAPHORE, ADDRESS);
    for (size_t i = 0; i < COUNT(features); i++)
        check_everywhere(features[i].fake, 0, ADDRESS | TIMELINE | features[i].bit);
}

static void what_is_supported_but_not_enabled_is_off(void **state) {
    (void)state;
    const uint32_t with = FAKE_CAPTURE_REPLAY | FAKE_ACCELERATION_STRUCTURE | FAKE_RAY_TRACING_PIPELINE |
                          FAKE_DESCRIPTOR_BUFFER | FAKE_MEMORY_PRIORITY | FAKE_MEMORY_BUDGET;
    check_everywhere(with, with, ADDRESS | TIMELINE);
}

/* ---- Queue families ---- */

static struct bda_features read_families(uint32_t count, const uint32_t *families) {
    VkDeviceQueueCreateInfo queues[64];
    memset(queues, 0, sizeof queues);
    for (uint32_t i = 0; i < count; i++)
        queues[i].queueFamilyIndex = families[i];
    const VkDeviceCreateInfo info = { .queueCreateInfoCount = count, .pQueueCreateInfos = queues };
    return read_info(&info, VK_API_VERSION_1_2);
}

static void queue_families_are_taken_once_each_in_order(void **state) {
    (void)state;
    const uint32_t families[] = { 5, 0, 5, 2, 0, 0, 5 };
    const uint32_t expected[] = { 5, 0, 2 };
    struct bda_features features = read_families(COUNT(families), families);
    assert_int_equal(features.queue_family_count, COUNT(expected));
    assert_memory_equal(features.queue_families, expected, sizeof expected);
}

static void a_family_beyond_the_last_place_is_refused_and_known_ones_are_not(void **state) {
    (void)state;
    struct bda_features features = { .queue_family_count = 0 };
    for (uint32_t i = 0; i < BDA_MAX_QUEUE_FAMILIES; i++)
        assert_true(bda_features_add_family(&features, i * 3));
    assert_false(bda_features_add_family(&features, 1));
    assert_true(bda_features_add_family(&features, 0));
    assert_true(bda_features_add_family(&features, (BDA_MAX_QUEUE_FAMILIES - 1) * 3));
    assert_int_equal(features.queue_family_count, BDA_MAX_QUEUE_FAMILIES);
}

static void more_families_than_there_are_places_overflow_nothing(void **state) {
    (void)state;
    uint32_t families[BDA_MAX_QUEUE_FAMILIES + 8];
    for (uint32_t i = 0; i < COUNT(families); i++)
        families[i] = i;
    struct bda_features features = read_families(COUNT(families), families);
    assert_int_equal(features.queue_family_count, BDA_MAX_QUEUE_FAMILIES);
    assert_memory_equal(features.queue_families, families, sizeof features.queue_families);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_enabled_is_nothing_found),
        cmocka_unit_test(each_member_of_the_1_2_struct_stands_for_itself),
        cmocka_unit_test(each_struct_of_its_own_stands_for_its_feature),
        cmocka_unit_test(a_struct_whose_feature_is_off_enables_nothing),
        cmocka_unit_test(what_one_struct_enables_no_other_takes_back),
        cmocka_unit_test(structs_that_are_not_ours_are_passed_over),
        cmocka_unit_test(the_ext_ancestor_of_device_addresses_does_not_count),
        cmocka_unit_test(before_1_2_a_promoted_feature_wants_its_extension),
        cmocka_unit_test(the_memory_budget_is_enabled_by_its_extension),
        cmocka_unit_test(the_largest_buffer_can_be_asked_for_from_1_3_on_or_by_extension),
        cmocka_unit_test(a_name_that_resembles_an_extension_is_another_one),
        cmocka_unit_test(every_extension_of_the_list_is_looked_at),
        cmocka_unit_test(devices_of_every_version_and_spelling_are_understood),
        cmocka_unit_test(what_is_supported_but_not_enabled_is_off),
        cmocka_unit_test(queue_families_are_taken_once_each_in_order),
        cmocka_unit_test(a_family_beyond_the_last_place_is_refused_and_known_ones_are_not),
        cmocka_unit_test(more_families_than_there_are_places_overflow_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
