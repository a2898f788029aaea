/*
 * The dispatch table: the right function under the right name, every missing one named, and no name asked for that is
 * neither core nor enabled.
 */
#include "memory_support.h"

#include <string.h>

#include "memory/dispatch.h"

/* ---- What may be asked for ---- */

/* Said again, and not taken from the library: what it needs, and who has it under which name. */
struct expected {
    const char *name;
    size_t offset;   /* in struct bda_dispatch */
    uint32_t since;  /* core version */
    const char *khr; /* before that, if `feature` is on; NULL: none */
    uint32_t feature;
    bool of_instance;
};

#define ROW(name, member) name, offsetof(struct bda_dispatch, member)

/* clang-format off */
static const struct expected table[] = {
    { ROW("vkGetDeviceProcAddr", get_device_proc_addr), VK_API_VERSION_1_0, NULL, 0, true },
    { ROW("vkGetPhysicalDeviceProperties2", get_properties), VK_API_VERSION_1_1, NULL, 0, true },
    { ROW("vkGetPhysicalDeviceMemoryProperties2", get_memory_properties), VK_API_VERSION_1_1, NULL, 0, true },
    { ROW("vkAllocateMemory", allocate_memory), VK_API_VERSION_1_0, NULL, 0, false },
    { ROW("vkFreeMemory", free_memory), VK_API_VERSION_1_0, NULL, 0, false },
    { ROW("vkMapMemory", map_memory), VK_API_VERSION_1_0, NULL, 0, false },
    { ROW("vkFlushMappedMemoryRanges", flush_mapped_ranges), VK_API_VERSION_1_0, NULL, 0, false },
    { ROW("vkInvalidateMappedMemoryRanges", invalidate_mapped_ranges), VK_API_VERSION_1_0, NULL, 0, false },
    { ROW("vkCreateBuffer", create_buffer), VK_API_VERSION_1_0, NULL, 0, false },
    { ROW("vkDestroyBuffer", destroy_buffer), VK_API_VERSION_1_0, NULL, 0, false },
    { ROW("vkGetBufferMemoryRequirements2", get_buffer_requirements), VK_API_VERSION_1_1, NULL, 0, false },
    { ROW("vkBindBufferMemory", bind_buffer_memory), VK_API_VERSION_1_0, NULL, 0, false },
    { ROW("vkGetBufferDeviceAddress", get_buffer_address), VK_API_VERSION_1_2,
      "vkGetBufferDeviceAddressKHR", FAKE_BUFFER_DEVICE_ADDRESS, false },
    { ROW("vkGetSemaphoreCounterValue", get_semaphore_value), VK_API_VERSION_1_2,
      "vkGetSemaphoreCounterValueKHR", FAKE_TIMELINE_SEMAPHORE, false },
};
/* clang-format on */

static const uint32_t versions[] = { VK_API_VERSION_1_1, VK_API_VERSION_1_2, VK_API_VERSION_1_3 };

/* The name that a function goes by, NULL where nobody offers it. */
static const char *name_of(const struct expected *e, uint32_t version, uint32_t features) {
    if (version >= e->since)
        return e->name;
    return (features & e->feature) != 0 ? e->khr : NULL;
}

/* ---- A door that listens ---- */

/* vkGetInstanceProcAddr carries no pointer of the test's. */
static struct {
    const char *withheld; /* answered with NULL */
    const char *asked[64];
    unsigned count;
    bool wrong_handle;
    struct rig *rig;
} door;

static bool hand_out(const char *name) {
    assert_non_null(name);
    assert_true(door.count < COUNT(door.asked));
    door.asked[door.count++] = name;
    return door.withheld == NULL || strcmp(door.withheld, name) != 0;
}

static PFN_vkVoidFunction from_driver(const char *name) {
    PFN_vkVoidFunction get = fake_get_instance_proc_addr(fake_instance(door.rig->driver), "vkGetDeviceProcAddr");
    return ((PFN_vkGetDeviceProcAddr)get)(fake_device(door.rig->driver), name);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL ask_device(VkDevice device, const char *name) {
    door.wrong_handle = door.wrong_handle || device != fake_device(door.rig->driver);
    return hand_out(name) ? from_driver(name) : NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL ask_instance(VkInstance instance, const char *name) {
    door.wrong_handle = door.wrong_handle || instance != fake_instance(door.rig->driver);
    if (!hand_out(name))
        return NULL;
    if (strcmp(name, "vkGetDeviceProcAddr") == 0)
        return (PFN_vkVoidFunction)ask_device;
    return fake_get_instance_proc_addr(instance, name);
}

/* Loads through the door, into a table full of rubbish. */
static const char *load(struct rig *rig, struct bda_dispatch *dispatch, uint32_t version, const char *withheld) {
    struct bda_features features;
    bda_features_read(&features, rig->info.device_info, version);
    memset(&door, 0, sizeof door);
    memset(dispatch, 0xA5, sizeof *dispatch);
    door.rig = rig;
    door.withheld = withheld;
    const char *missing =
        bda_dispatch_load(dispatch, ask_instance, rig->info.instance, rig->info.device, version, &features);
    assert_false(door.wrong_handle);
    return missing;
}

static bool was_asked(const char *name) {
    for (unsigned i = 0; i < door.count; i++)
        if (strcmp(door.asked[i], name) == 0)
            return true;
    return false;
}

static PFN_vkVoidFunction entry(const struct bda_dispatch *dispatch, size_t offset) {
    PFN_vkVoidFunction function = NULL;
    memcpy(&function, (const unsigned char *)dispatch + offset, sizeof function);
    return function;
}

/* ---- Names ---- */

static void check_entries(const struct bda_dispatch *dispatch, uint32_t version, uint32_t features) {
    for (size_t i = 1; i < COUNT(table); i++) { /* the first is the door's own */
        const char *name = name_of(&table[i], version, features);
        assert_non_null(name);
        PFN_vkVoidFunction expected =
            table[i].of_instance ? fake_get_instance_proc_addr(door.rig->info.instance, name) : from_driver(name);
        assert_non_null(expected);
        assert_true(entry(dispatch, table[i].offset) == expected);
    }
}

static void each_function_is_the_one_of_its_name_at_every_version(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct rig rig;
        struct bda_dispatch dispatch;
        rig_prepare(&rig, (struct fake_config){ .instance_version = versions[i] });
        assert_null(load(&rig, &dispatch, versions[i], NULL));
        check_entries(&dispatch, versions[i], FAKE_BUFFER_DEVICE_ADDRESS | FAKE_TIMELINE_SEMAPHORE);
        rig_close(&rig);
    }
}

static void from_1_2_on_the_core_names_are_used_even_beside_the_extensions(void **state) {
    (void)state;
    struct rig rig;
    struct bda_dispatch dispatch;
    rig_prepare(&rig, (struct fake_config){ .with = FAKE_KHR_ALIASES });
    assert_null(load(&rig, &dispatch, VK_API_VERSION_1_3, NULL));
    assert_true(was_asked("vkGetBufferDeviceAddress"));
    assert_false(was_asked("vkGetBufferDeviceAddressKHR"));
    assert_false(was_asked("vkGetSemaphoreCounterValueKHR"));
    rig_close(&rig);
}

static void at_1_1_the_khr_names_are_used(void **state) {
    (void)state;
    struct rig rig;
    struct bda_dispatch dispatch;
    rig_prepare(&rig, (struct fake_config){ .instance_version = VK_API_VERSION_1_1 });
    assert_null(load(&rig, &dispatch, VK_API_VERSION_1_1, NULL));
    assert_true(was_asked("vkGetBufferDeviceAddressKHR"));
    assert_true(was_asked("vkGetSemaphoreCounterValueKHR"));
    assert_false(was_asked("vkGetBufferDeviceAddress"));
    assert_false(was_asked("vkGetSemaphoreCounterValue"));
    rig_close(&rig);
}

/* The version in use decides, also where instance and device have newer ones. */
static void an_older_version_in_use_asks_for_nothing_newer(void **state) {
    (void)state;
    struct rig rig;
    struct bda_dispatch dispatch;
    rig_prepare(&rig, (struct fake_config){ .with = FAKE_KHR_ALIASES });
    assert_null(load(&rig, &dispatch, VK_API_VERSION_1_1, NULL));
    assert_true(was_asked("vkGetBufferDeviceAddressKHR"));
    assert_false(was_asked("vkGetBufferDeviceAddress"));
    rig_close(&rig);
}

/* An instance extension, which VkDeviceCreateInfo does not tell of: the loader answers NULL where it is not enabled. */
static bool may_be_asked_of_any_instance(const char *name) {
    return strcmp(name, "vkSetDebugUtilsObjectNameEXT") == 0;
}

static bool is_offered(const char *name, uint32_t version, uint32_t features) {
    for (size_t i = 0; i < COUNT(table); i++) {
        const char *offered = name_of(&table[i], version, features);
        if (offered != NULL && strcmp(offered, name) == 0)
            return true;
    }
    return may_be_asked_of_any_instance(name);
}

static void check_names(uint32_t version, uint32_t disabled) {
    struct rig rig;
    struct bda_dispatch dispatch;
    uint32_t features = (FAKE_BUFFER_DEVICE_ADDRESS | FAKE_TIMELINE_SEMAPHORE) & ~disabled;
    rig_prepare(&rig, (struct fake_config){ .instance_version = version, .without = disabled });
    (void)load(&rig, &dispatch, version, NULL);
    for (unsigned i = 0; i < door.count; i++)
        if (!is_offered(door.asked[i], version, features))
            fail_msg("%s was asked for at %#x", door.asked[i], (unsigned)version);
    rig_close(&rig);
}

static void no_name_is_asked_for_that_is_neither_core_nor_enabled(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        check_names(versions[i], 0);
        check_names(versions[i], FAKE_TIMELINE_SEMAPHORE);
        check_names(versions[i], FAKE_BUFFER_DEVICE_ADDRESS);
        check_names(versions[i], FAKE_BUFFER_DEVICE_ADDRESS | FAKE_TIMELINE_SEMAPHORE);
    }
}

/* ---- What is missing ---- */

static void check_each_missing(uint32_t version) {
    for (size_t i = 0; i < COUNT(table); i++) {
        struct rig rig;
        struct bda_dispatch dispatch;
        rig_prepare(&rig, (struct fake_config){ .instance_version = version });
        const char *name = name_of(&table[i], version, FAKE_BUFFER_DEVICE_ADDRESS | FAKE_TIMELINE_SEMAPHORE);
        const char *missing = load(&rig, &dispatch, version, name);
        assert_non_null(missing);
        assert_string_equal(missing, table[i].name);
        rig_close(&rig);
    }
}

static void each_required_function_that_is_missing_is_named(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++)
        check_each_missing(versions[i]);
}

/* The sweep by position, so that no question is left out of the table above. One answer may be missing: the name of
 * objects in tools. */
static void whatever_answer_is_missing_is_named_or_optional(void **state) {
    (void)state;
    unsigned optional = 0;
    struct rig rig;
    struct bda_dispatch dispatch;
    struct bda_features features;
    rig_prepare(&rig, (struct fake_config){ .with = FAKE_DEBUG_UTILS });
    bda_features_read(&features, rig.info.device_info, VK_API_VERSION_1_3);
    for (unsigned nth = 1;; nth++) {
        fake_fail(rig.driver, FAKE_CALL_GET_PROC_ADDR, nth, VK_ERROR_UNKNOWN);
        const char *missing = bda_dispatch_load(&dispatch, rig.info.get_instance_proc_addr, rig.info.instance,
                                                rig.info.device, VK_API_VERSION_1_3, &features);
        if (fake_failed(rig.driver) == 0)
            break;
        optional += missing == NULL;
    }
    assert_int_equal(optional, 1);
    rig_close(&rig);
}

static void names_of_objects_are_optional(void **state) {
    (void)state;
    for (unsigned with = 0; with < 2; with++) {
        struct rig rig;
        struct bda_dispatch dispatch;
        rig_prepare(&rig, (struct fake_config){ .with = with != 0 ? FAKE_DEBUG_UTILS : 0u });
        assert_null(load(&rig, &dispatch, VK_API_VERSION_1_2, NULL));
        assert_int_equal(dispatch.set_object_name != NULL, with);
        rig_close(&rig);
    }
}

/* dispatch.h: "NULL without the feature". A driver has the function all the same. */
static void the_value_of_semaphores_is_there_only_with_the_feature(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct rig rig;
        struct bda_dispatch dispatch;
        rig_prepare(&rig, (struct fake_config){ .instance_version = versions[i], .disabled = FAKE_TIMELINE_SEMAPHORE });
        assert_null(load(&rig, &dispatch, versions[i], NULL));
        assert_true(dispatch.get_semaphore_value == NULL);
        rig_close(&rig);
    }
}

static void without_the_feature_a_missing_semaphore_function_is_no_fault(void **state) {
    (void)state;
    struct rig rig;
    struct bda_dispatch dispatch;
    rig_prepare(&rig, (struct fake_config){ .without = FAKE_TIMELINE_SEMAPHORE });
    assert_null(load(&rig, &dispatch, VK_API_VERSION_1_2, "vkGetSemaphoreCounterValue"));
    assert_true(dispatch.get_semaphore_value == NULL);
    rig_close(&rig);
}

/* Nobody enables it for 1.0 instances here: the roof refuses them, and the door says what they would lack. */
static void what_no_version_in_use_offers_is_missing_and_not_asked_for(void **state) {
    (void)state;
    struct rig rig;
    struct bda_dispatch dispatch;
    rig_prepare(&rig, (struct fake_config){ .instance_version = VK_API_VERSION_1_1 });
    const char *missing = load(&rig, &dispatch, VK_API_VERSION_1_0, NULL);
    assert_non_null(missing);
    assert_string_equal(missing, "vkGetBufferMemoryRequirements2");
    assert_false(was_asked("vkGetBufferMemoryRequirements2"));
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_function_is_the_one_of_its_name_at_every_version),
        cmocka_unit_test(from_1_2_on_the_core_names_are_used_even_beside_the_extensions),
        cmocka_unit_test(at_1_1_the_khr_names_are_used),
        cmocka_unit_test(an_older_version_in_use_asks_for_nothing_newer),
        cmocka_unit_test(no_name_is_asked_for_that_is_neither_core_nor_enabled),
        cmocka_unit_test(each_required_function_that_is_missing_is_named),
        cmocka_unit_test(whatever_answer_is_missing_is_named_or_optional),
        cmocka_unit_test(names_of_objects_are_optional),
        cmocka_unit_test(the_value_of_semaphores_is_there_only_with_the_feature),
        cmocka_unit_test(without_the_feature_a_missing_semaphore_function_is_no_fault),
        cmocka_unit_test(what_no_version_in_use_offers_is_missing_and_not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
