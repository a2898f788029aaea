/*
 * The device as the library sees it: limits, versions, families, memory, callbacks, names, and why one is refused.
 */
#include "memory_support.h"

#include <string.h>

#define RAY_FEATURES (FAKE_ACCELERATION_STRUCTURE | FAKE_RAY_TRACING_PIPELINE)
#define ALL_LIMITED  (RAY_FEATURES | FAKE_DESCRIPTOR_BUFFER)

/* ---- Limits ---- */

static const struct fake_config odd_limits = {
    .with = ALL_LIMITED,
    .limits = { .nonCoherentAtomSize = 128,
                .minUniformBufferOffsetAlignment = 256,
                .minStorageBufferOffsetAlignment = 32,
                .minTexelBufferOffsetAlignment = 8,
                .maxMemoryAllocationCount = 77 },
    .scratch_alignment = 512,
    .shader_group_base_alignment = 1024,
    .descriptor_buffer_alignment = 16,
    .max_memory_allocation_size = 5 * ((VkDeviceSize)1 << 20),
    .max_buffer_size = 3 * ((VkDeviceSize)1 << 20),
};

static void limits_are_the_drivers(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, odd_limits);
    const struct bda_limits *limits = &rig.device.limits;
    assert_int_equal(limits->non_coherent_atom, 128);
    assert_int_equal(limits->uniform_alignment, 256);
    assert_int_equal(limits->storage_alignment, 32);
    assert_int_equal(limits->texel_alignment, 8);
    assert_int_equal(limits->acceleration_structure_alignment, 256);
    assert_int_equal(limits->scratch_alignment, 512);
    assert_int_equal(limits->shader_binding_table_alignment, 1024);
    assert_int_equal(limits->descriptor_buffer_alignment, 16);
    assert_int_equal(limits->base_alignment, 1024);
    assert_int_equal(limits->max_memory_size, 5 * MIB);
    assert_int_equal(limits->max_buffer_size, 3 * MIB);
    assert_int_equal(rig.device.budget.max_count, 77);
    rig_close(&rig);
}

static void assert_no_special_limits(const struct fake_config *config) {
    struct rig rig;
    rig_open(&rig, *config);
    const struct bda_limits *limits = &rig.device.limits;
    assert_int_equal(limits->acceleration_structure_alignment, 0);
    assert_int_equal(limits->scratch_alignment, 0);
    assert_int_equal(limits->shader_binding_table_alignment, 0);
    assert_int_equal(limits->descriptor_buffer_alignment, 0);
    assert_int_equal(limits->base_alignment, 256);
    rig_close(&rig);
}

static void limits_of_features_that_are_absent_are_0(void **state) {
    (void)state;
    struct fake_config config = odd_limits;
    config.with = 0;
    assert_no_special_limits(&config);
}

/* The driver would fill their structs in. */
static void limits_of_features_that_are_not_enabled_are_0(void **state) {
    (void)state;
    struct fake_config config = odd_limits;
    config.disabled = ALL_LIMITED;
    assert_no_special_limits(&config);
}

static void each_feature_brings_its_own_limit(void **state) {
    (void)state;
    const uint32_t features[] = { FAKE_ACCELERATION_STRUCTURE, FAKE_RAY_TRACING_PIPELINE, FAKE_DESCRIPTOR_BUFFER };
    for (size_t i = 0; i < COUNT(features); i++) {
        struct rig rig;
        struct fake_config config = odd_limits;
        config.with = features[i];
        rig_open(&rig, config);
        const struct bda_limits *limits = &rig.device.limits;
        assert_int_equal(limits->acceleration_structure_alignment, i == 0 ? 256 : 0);
        assert_int_equal(limits->scratch_alignment, i == 0 ? 512 : 0);
        assert_int_equal(limits->shader_binding_table_alignment, i == 1 ? 1024 : 0);
        assert_int_equal(limits->descriptor_buffer_alignment, i == 2 ? 16 : 0);
        rig_close(&rig);
    }
}

static VkDeviceSize base_alignment_of(const struct fake_config *config) {
    struct rig rig;
    rig_open(&rig, *config);
    VkDeviceSize base = rig.device.limits.base_alignment;
    rig_close(&rig);
    return base;
}

/* Each limit in turn is the largest. */
static void the_base_alignment_covers_every_limit(void **state) {
    (void)state;
    const struct fake_config largest[] = {
        { .limits.nonCoherentAtomSize = 2048 },
        { .limits.minUniformBufferOffsetAlignment = 2048 },
        { .limits.minStorageBufferOffsetAlignment = 2048 },
        { .limits.minTexelBufferOffsetAlignment = 2048 },
        { .with = RAY_FEATURES, .scratch_alignment = 2048 },
        { .with = RAY_FEATURES, .shader_group_base_alignment = 2048 },
        { .with = FAKE_DESCRIPTOR_BUFFER, .descriptor_buffer_alignment = 2048 },
    };
    for (size_t i = 0; i < COUNT(largest); i++)
        assert_int_equal(base_alignment_of(&largest[i]), 2048);
}

static void the_base_alignment_is_at_least_256(void **state) {
    (void)state;
    const struct fake_config small = { .limits = { .nonCoherentAtomSize = 1,
                                                   .minUniformBufferOffsetAlignment = 4,
                                                   .minStorageBufferOffsetAlignment = 4,
                                                   .minTexelBufferOffsetAlignment = 1 } };
    assert_int_equal(base_alignment_of(&small), 256);
    assert_int_equal(base_alignment_of(&(struct fake_config){ .with = ALL_LIMITED }), 256);
}

static VkDeviceSize largest_buffer(uint32_t version, uint32_t with) {
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .instance_version = version,
                                         .with = with,
                                         .max_memory_allocation_size = 5 * MIB,
                                         .max_buffer_size = 3 * MIB });
    VkDeviceSize size = rig.device.limits.max_buffer_size;
    assert_int_equal(rig.device.limits.max_memory_size, 5 * MIB);
    rig_close(&rig);
    return size;
}

static void the_largest_buffer_is_asked_for_where_that_can_be(void **state) {
    (void)state;
    assert_int_equal(largest_buffer(VK_API_VERSION_1_3, 0), 3 * MIB);
    assert_int_equal(largest_buffer(VK_API_VERSION_1_2, FAKE_MAINTENANCE_4), 3 * MIB);
    assert_int_equal(largest_buffer(VK_API_VERSION_1_2, 0), 5 * MIB); /* bounded by its memory */
    assert_int_equal(largest_buffer(VK_API_VERSION_1_1, 0), 5 * MIB);
}

/* ---- Versions ---- */

static uint32_t version_in_use(uint32_t given, uint32_t instance, uint32_t device) {
    struct rig rig;
    const char *reason = NULL;
    rig_prepare(&rig, (struct fake_config){ .instance_version = instance, .device_version = device });
    rig.info.api_version = given;
    if (rig_start(&rig, &reason) != VK_SUCCESS)
        fail_msg("refused: %s", reason);
    uint32_t version = rig.device.api_version;
    rig_close(&rig);
    return version;
}

static void zero_means_1_2(void **state) {
    (void)state;
    assert_int_equal(version_in_use(0, VK_API_VERSION_1_2, VK_API_VERSION_1_2), VK_API_VERSION_1_2);
    assert_int_equal(version_in_use(0, VK_API_VERSION_1_3, VK_API_VERSION_1_3), VK_API_VERSION_1_2);
}

static void nothing_newer_than_the_instance_is_used(void **state) {
    (void)state;
    const uint32_t versions[] = { VK_API_VERSION_1_1, VK_API_VERSION_1_2, VK_API_VERSION_1_3 };
    for (size_t i = 0; i < COUNT(versions); i++)
        assert_int_equal(version_in_use(versions[i], versions[i], VK_API_VERSION_1_3), versions[i]);
}

static void nothing_newer_than_the_device_is_used(void **state) {
    (void)state;
    assert_int_equal(version_in_use(VK_API_VERSION_1_3, VK_API_VERSION_1_3, VK_API_VERSION_1_2), VK_API_VERSION_1_2);
    assert_int_equal(version_in_use(VK_API_VERSION_1_2, VK_API_VERSION_1_2, VK_API_VERSION_1_2), VK_API_VERSION_1_2);
}

/* Guards against asking such a device for functions of 1.2 before its version is known. */
static void a_1_1_device_with_the_extensions_works_under_a_newer_instance(void **state) {
    (void)state;
    assert_int_equal(version_in_use(VK_API_VERSION_1_1, VK_API_VERSION_1_1, VK_API_VERSION_1_1), VK_API_VERSION_1_1);
    assert_int_equal(version_in_use(VK_API_VERSION_1_2, VK_API_VERSION_1_2, VK_API_VERSION_1_1), VK_API_VERSION_1_1);
    assert_int_equal(version_in_use(VK_API_VERSION_1_3, VK_API_VERSION_1_3, VK_API_VERSION_1_1), VK_API_VERSION_1_1);
    assert_int_equal(version_in_use(0, VK_API_VERSION_1_3, VK_API_VERSION_1_1), VK_API_VERSION_1_1);
}

/* maxBufferSize came with 1.3: a 1.2 device is not asked for it, although the instance is newer. */
static void features_are_read_again_for_an_older_device(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .device_version = VK_API_VERSION_1_2, .max_buffer_size = 3 * MIB });
    assert_false(rig.device.features.maintenance4);
    assert_int_equal(rig.device.limits.max_buffer_size, rig.device.limits.max_memory_size);
    rig_close(&rig);
}

/* ---- Refusals ---- */

/* Refused for a reason that contains `part`, with nothing left behind. */
static void assert_refused(struct rig *rig, VkResult expected, const char *part) {
    const char *reason = NULL;
    assert_int_equal(rig_start(rig, &reason), expected);
    assert_non_null(reason);
    if (strstr(reason, part) == NULL)
        fail_msg("the reason is: %s", reason);
    rig_close(rig);
}

static void a_device_without_addresses_is_refused(void **state) {
    (void)state;
    struct rig rig;
    rig_prepare(&rig, (struct fake_config){ .disabled = FAKE_BUFFER_DEVICE_ADDRESS });
    assert_refused(&rig, VK_ERROR_FEATURE_NOT_PRESENT, "bufferDeviceAddress");
    rig_prepare(&rig,
                (struct fake_config){ .instance_version = VK_API_VERSION_1_1, .disabled = FAKE_BUFFER_DEVICE_ADDRESS });
    assert_refused(&rig, VK_ERROR_FEATURE_NOT_PRESENT, "bufferDeviceAddress");
}

/* It may have the extension, and lacks what 1.1 took in. */
static void a_1_0_device_is_refused(void **state) {
    (void)state;
    struct rig rig;
    rig_prepare(&rig, (struct fake_config){ .device_version = VK_API_VERSION_1_0 });
    assert_refused(&rig, VK_ERROR_FEATURE_NOT_PRESENT, "vkGet");
}

static void at_1_1_a_device_without_the_extension_is_refused(void **state) {
    (void)state;
    struct rig rig;
    rig_prepare(&rig, (struct fake_config){ .instance_version = VK_API_VERSION_1_1 });
    VkDeviceCreateInfo without = *rig.info.device_info;
    without.enabledExtensionCount = 0;
    rig.info.device_info = &without;
    assert_refused(&rig, VK_ERROR_FEATURE_NOT_PRESENT, "bufferDeviceAddress");
}

static void a_missing_function_is_named(void **state) {
    (void)state;
    for (unsigned nth = 1;; nth++) {
        struct rig rig;
        const char *reason = NULL;
        rig_prepare(&rig, (struct fake_config){ 0 });
        fake_fail(rig.driver, FAKE_CALL_GET_PROC_ADDR, nth, VK_ERROR_UNKNOWN);
        VkResult result = rig_start(&rig, &reason);
        bool through = fake_failed(rig.driver) == 0;
        if (result != VK_SUCCESS) {
            assert_int_equal(result, VK_ERROR_FEATURE_NOT_PRESENT);
            assert_int_equal(strncmp(reason, "vk", 2), 0);
        }
        rig_close(&rig);
        if (through)
            break;
    }
}

static void more_families_than_can_be_counted_are_refused(void **state) {
    (void)state;
    struct rig rig;
    uint32_t families[BDA_MAX_QUEUE_FAMILIES + 1];
    for (uint32_t i = 0; i < COUNT(families); i++)
        families[i] = i;
    rig_prepare(&rig, (struct fake_config){ .queue_families = COUNT(families) });
    rig.info.queue_family_count = COUNT(families);
    rig.info.queue_families = families;
    assert_refused(&rig, VK_ERROR_VALIDATION_FAILED_EXT, "queue families");
}

static void a_version_that_was_not_given_is_mentioned(void **state) {
    (void)state;
    for (uint32_t given = 0; given < 2; given++) {
        struct rig rig;
        const char *reason = NULL;
        rig_prepare(&rig, (struct fake_config){ .instance_version = VK_API_VERSION_1_1 });
        rig.info.api_version = given == 0 ? 0 : VK_API_VERSION_1_2;
        assert_int_equal(rig_start(&rig, &reason), VK_ERROR_FEATURE_NOT_PRESENT);
        assert_int_equal(strstr(reason, "api_version is 0") != NULL, given == 0);
        rig_close(&rig);
    }
}

static void a_family_that_the_device_does_not_have_is_refused(void **state) {
    (void)state;
    const uint32_t families[] = { 0, 3 };
    for (uint32_t count = 1; count <= 2; count++) {
        struct rig rig;
        rig_prepare(&rig, (struct fake_config){ .queue_families = 3 });
        rig.info.queue_family_count = count;
        rig.info.queue_families = &families[2 - count];
        assert_refused(&rig, VK_ERROR_VALIDATION_FAILED_EXT, "queue_families names 3, and the device has 3");
    }
}

/* A device is made of questions only: there is nothing that could run out. */
static void a_device_costs_no_host_memory_and_no_object(void **state) {
    (void)state;
    struct rig rig;
    rig_prepare(&rig, odd_limits);
    fake_host_fail(&rig.memory, 1, true);
    assert_int_equal(rig_start(&rig, NULL), VK_SUCCESS);
    assert_int_equal(rig.memory.calls, 0);
    assert_int_equal(fake_call_count(rig.driver, FAKE_CALL_CREATE_BUFFER), 0);
    assert_int_equal(fake_call_count(rig.driver, FAKE_CALL_ALLOCATE_MEMORY), 0);
    rig_close(&rig);
}

/* ---- Queue families ---- */

static void assert_families(uint32_t count, const uint32_t *given, uint32_t expected_count, const uint32_t *expected) {
    struct rig rig;
    rig_prepare(&rig, (struct fake_config){ .queue_families = 4 });
    rig.info.queue_family_count = count;
    rig.info.queue_families = given;
    assert_int_equal(rig_start(&rig, NULL), VK_SUCCESS);
    assert_int_equal(rig.device.features.queue_family_count, expected_count);
    assert_memory_equal(rig.device.features.queue_families, expected, expected_count * sizeof *expected);
    rig_close(&rig);
}

static void the_families_are_the_callers_or_all_of_the_device(void **state) {
    (void)state;
    const uint32_t all[] = { 0, 1, 2, 3 };
    const uint32_t given[] = { 3, 1, 3, 3 };
    assert_families(0, NULL, 4, all);
    assert_families(4, given, 2, given);
    assert_families(1, given, 1, given);
}

/* ---- Memory ---- */

static void memory_and_limits_of_heaps_are_taken_over(void **state) {
    (void)state;
    struct rig rig;
    const VkDeviceSize limits[] = { 0, 12345 };
    rig_prepare(&rig, (struct fake_config){ .machine = FAKE_MACHINE_DISCRETE, .heap_size = 64 * MIB });
    rig.info.heap_limit_count = COUNT(limits);
    rig.info.heap_limits = limits;
    assert_int_equal(rig_start(&rig, NULL), VK_SUCCESS);
    const struct bda_budget *budget = &rig.device.budget;
    assert_int_equal(rig.device.memory.memoryTypeCount, 5);
    assert_int_equal(budget->heap_count, 3);
    assert_int_equal(budget->heaps[2].size, 16 * MIB);
    assert_int_equal(budget->heaps[0].limit, 0);
    assert_int_equal(budget->heaps[1].limit, 12345);
    assert_int_equal(budget->heaps[2].limit, 0);
    rig_close(&rig);
}

static void memory_types_are_told_by_their_properties(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_DISCRETE });
    assert_int_equal(bda_device_types_with(&rig.device, 0), 0x1F);
    assert_int_equal(bda_device_types_with(&rig.device, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT), 0x12);
    assert_int_equal(bda_device_types_with(&rig.device, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT), 0x1C);
    assert_int_equal(
        bda_device_types_with(&rig.device, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT),
        0x10);
    assert_int_equal(bda_device_types_with(&rig.device, VK_MEMORY_PROPERTY_PROTECTED_BIT), 0);
    const uint32_t heaps[] = { 1, 0, 1, 1, 2 };
    for (uint32_t type = 0; type < COUNT(heaps); type++) {
        assert_int_equal(bda_device_heap_of(&rig.device, type), heaps[type]);
        assert_false(bda_device_needs_atoms(&rig.device, type));
    }
    rig_close(&rig);
}

static void atoms_matter_where_memory_is_mapped_and_not_coherent(void **state) {
    (void)state;
    struct rig rig;
    const bool needs[] = { false, true, true, true };
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
    for (uint32_t type = 0; type < COUNT(needs); type++)
        assert_int_equal(bda_device_needs_atoms(&rig.device, type), needs[type]);
    rig_close(&rig);
}

/* ---- The budget ---- */

static void the_budget_is_asked_for_only_with_the_extension(void **state) {
    (void)state;
    const struct fake_config configs[] = { { 0 }, { .with = FAKE_MEMORY_BUDGET, .disabled = FAKE_MEMORY_BUDGET } };
    for (size_t i = 0; i < COUNT(configs); i++) {
        struct rig rig;
        rig_open(&rig, configs[i]);
        unsigned before = fake_call_count(rig.driver, FAKE_CALL_ANY);
        bda_device_refresh_budget(&rig.device);
        assert_int_equal(fake_call_count(rig.driver, FAKE_CALL_ANY), before);
        assert_int_equal(bda_budget_of(&rig.device.budget.heaps[0]), rig.device.budget.heaps[0].size / 100 * 80);
        rig_close(&rig);
    }
}

static void the_budget_follows_the_driver(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .with = FAKE_MEMORY_BUDGET, .budgets = { 100, 200 }, .foreign_use = { 7 } });
    bda_device_refresh_budget(&rig.device);
    assert_int_equal(bda_budget_of(&rig.device.budget.heaps[0]), 100);
    assert_int_equal(bda_budget_of(&rig.device.budget.heaps[1]), 200);
    assert_int_equal(bda_budget_usage(&rig.device.budget.heaps[0]), 7);
    assert_int_equal(bda_budget_usage(&rig.device.budget.heaps[1]), 0);
    fake_set_budget(rig.driver, 0, 90, 30);
    assert_int_equal(bda_budget_of(&rig.device.budget.heaps[0]), 100);
    bda_device_refresh_budget(&rig.device);
    assert_int_equal(bda_budget_of(&rig.device.budget.heaps[0]), 90);
    assert_int_equal(bda_budget_usage(&rig.device.budget.heaps[0]), 30);
    rig_close(&rig);
}

/* ---- Host memory ---- */

struct last_call {
    size_t size;
    size_t alignment;
    VkSystemAllocationScope scope;
    void *freed;
    uint64_t room[8];
};

static VKAPI_ATTR void *VKAPI_CALL listen_to_allocation(void *user, size_t size, size_t alignment,
                                                        VkSystemAllocationScope scope) {
    struct last_call *last = user;
    last->size = size;
    last->alignment = alignment;
    last->scope = scope;
    return last->room;
}

static VKAPI_ATTR void VKAPI_CALL listen_to_free(void *user, void *memory) {
    ((struct last_call *)user)->freed = memory;
}

static void host_memory_is_what_the_callbacks_give(void **state) {
    (void)state;
    struct bda_host host = { .allocate = NULL };
    struct last_call last = { .size = 0 };
    const VkAllocationCallbacks callbacks = { .pUserData = &last,
                                              .pfnAllocation = listen_to_allocation,
                                              .pfnFree = listen_to_free };
    bda_host_use_callbacks(&host, &callbacks);
    void *memory = bda_host_allocate(&host, 40, 16);
    assert_ptr_equal(memory, last.room);
    assert_int_equal(last.size, 40);
    assert_int_equal(last.alignment, 16);
    assert_int_equal(last.scope, VK_SYSTEM_ALLOCATION_SCOPE_DEVICE);
    assert_int_equal(host.bytes, 40);
    bda_host_release(&host, memory, 40);
    assert_ptr_equal(last.freed, last.room);
    assert_int_equal(host.bytes, 0);
}

static void what_the_callbacks_refuse_is_refused_and_not_counted(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ 0 });
    fake_host_fail(&rig.memory, 1, false);
    assert_null(bda_host_allocate(&rig.host, 64, 8));
    assert_int_equal(rig.host.bytes, 0);
    void *memory = bda_host_allocate(&rig.host, 64, 8);
    assert_non_null(memory);
    assert_int_equal(rig.memory.live_bytes, 64);
    bda_host_release(&rig.host, memory, 64);
    rig_close(&rig);
}

static void without_callbacks_host_memory_is_malloc(void **state) {
    (void)state;
    struct bda_host host;
    memset(&host, 0, sizeof host);
    bda_host_use_callbacks(&host, &(VkAllocationCallbacks){ .pfnAllocation = listen_to_allocation });
    bda_host_use_callbacks(&host, NULL);
    void *memory = bda_host_allocate(&host, 64, 64);
    assert_non_null(memory);
    bda_host_release(&host, memory, 64);
    assert_int_equal(host.bytes, 0);
}

/* The struct may be gone after creation; what it pointed to may not. */
static void the_driver_is_given_a_copy_of_the_callbacks(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ 0 });
    assert_ptr_equal(rig.device.driver_callbacks, &rig.device.callbacks);
    assert_memory_equal(&rig.device.callbacks, &rig.callbacks, sizeof rig.callbacks);
    rig_close(&rig);
    rig_prepare(&rig, (struct fake_config){ 0 });
    rig.info.callbacks = NULL;
    assert_int_equal(rig_start(&rig, NULL), VK_SUCCESS);
    assert_null(rig.device.driver_callbacks);
    rig_close(&rig);
}

/* ---- Names ---- */

static VkBuffer make_buffer(struct rig *rig) {
    const VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                      .size = 64,
                                      .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT };
    VkBuffer buffer = VK_NULL_HANDLE;
    const VkAllocationCallbacks *callbacks = rig->device.driver_callbacks;
    assert_int_equal(rig->device.vk.create_buffer(rig->device.handle, &info, callbacks, &buffer), VK_SUCCESS);
    return buffer;
}

static void destroy_buffer(struct rig *rig, VkBuffer buffer) {
    rig->device.vk.destroy_buffer(rig->device.handle, buffer, rig->device.driver_callbacks);
}

static void objects_get_their_names_where_tools_can_show_them(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .with = FAKE_DEBUG_UTILS });
    VkBuffer buffer = make_buffer(&rig);
    bda_device_name_object(&rig.device, VK_OBJECT_TYPE_BUFFER, FAKE_HANDLE(buffer), "vertices");
    assert_string_equal(fake_name(rig.driver, FAKE_HANDLE(buffer)), "vertices");
    bda_device_name_object(&rig.device, VK_OBJECT_TYPE_BUFFER, FAKE_HANDLE(buffer), NULL);
    assert_null(fake_name(rig.driver, FAKE_HANDLE(buffer)));
    destroy_buffer(&rig, buffer);
    rig_close(&rig);
}

static void without_debug_utils_nobody_is_told_of_names(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ 0 });
    VkBuffer buffer = make_buffer(&rig);
    unsigned before = fake_call_count(rig.driver, FAKE_CALL_ANY);
    bda_device_name_object(&rig.device, VK_OBJECT_TYPE_BUFFER, FAKE_HANDLE(buffer), "vertices");
    assert_int_equal(fake_call_count(rig.driver, FAKE_CALL_ANY), before);
    destroy_buffer(&rig, buffer);
    rig_close(&rig);
}

static void a_name_that_is_refused_does_no_harm(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .with = FAKE_DEBUG_UTILS });
    VkBuffer buffer = make_buffer(&rig);
    fake_fail(rig.driver, FAKE_CALL_SET_OBJECT_NAME, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    bda_device_name_object(&rig.device, VK_OBJECT_TYPE_BUFFER, FAKE_HANDLE(buffer), "vertices");
    assert_int_equal(fake_failed(rig.driver), 1);
    assert_null(fake_name(rig.driver, FAKE_HANDLE(buffer)));
    destroy_buffer(&rig, buffer);
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_the_drivers),
        cmocka_unit_test(limits_of_features_that_are_absent_are_0),
        cmocka_unit_test(limits_of_features_that_are_not_enabled_are_0),
        cmocka_unit_test(each_feature_brings_its_own_limit),
        cmocka_unit_test(the_base_alignment_covers_every_limit),
        cmocka_unit_test(the_base_alignment_is_at_least_256),
        cmocka_unit_test(the_largest_buffer_is_asked_for_where_that_can_be),
        cmocka_unit_test(zero_means_1_2),
        cmocka_unit_test(nothing_newer_than_the_instance_is_used),
        cmocka_unit_test(nothing_newer_than_the_device_is_used),
        cmocka_unit_test(a_1_1_device_with_the_extensions_works_under_a_newer_instance),
        cmocka_unit_test(features_are_read_again_for_an_older_device),
        cmocka_unit_test(a_device_without_addresses_is_refused),
        cmocka_unit_test(a_1_0_device_is_refused),
        cmocka_unit_test(at_1_1_a_device_without_the_extension_is_refused),
        cmocka_unit_test(a_missing_function_is_named),
        cmocka_unit_test(more_families_than_can_be_counted_are_refused),
        cmocka_unit_test(a_version_that_was_not_given_is_mentioned),
        cmocka_unit_test(a_family_that_the_device_does_not_have_is_refused),
        cmocka_unit_test(a_device_costs_no_host_memory_and_no_object),
        cmocka_unit_test(the_families_are_the_callers_or_all_of_the_device),
        cmocka_unit_test(memory_and_limits_of_heaps_are_taken_over),
        cmocka_unit_test(memory_types_are_told_by_their_properties),
        cmocka_unit_test(atoms_matter_where_memory_is_mapped_and_not_coherent),
        cmocka_unit_test(the_budget_is_asked_for_only_with_the_extension),
        cmocka_unit_test(the_budget_follows_the_driver),
        cmocka_unit_test(host_memory_is_what_the_callbacks_give),
        cmocka_unit_test(what_the_callbacks_refuse_is_refused_and_not_counted),
        cmocka_unit_test(without_callbacks_host_memory_is_malloc),
        cmocka_unit_test(the_driver_is_given_a_copy_of_the_callbacks),
        cmocka_unit_test(objects_get_their_names_where_tools_can_show_them),
        cmocka_unit_test(without_debug_utils_nobody_is_told_of_names),
        cmocka_unit_test(a_name_that_is_refused_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
