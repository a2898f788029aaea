/* tests/fake/fake_object.c and fake_semaphore.c: names of objects, and semaphores. */
#include "fake_support.h"

static VkResult name_object(VkObjectType type, uint64_t handle, const char *name) {
    VkDebugUtilsObjectNameInfoEXT info = { VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT, NULL, type, handle,
                                           name };
    return CALL(vkSetDebugUtilsObjectNameEXT)(fake_device(d), &info);
}

static void names_are_kept_and_checked(void **state) {
    (void)state;
    start((struct fake_config){ .with = FAKE_DEBUG_UTILS });
    VkBuffer buffer = make_addressed(64);
    uint64_t handle = FAKE_HANDLE(buffer);
    char name[] = "particles";
    assert_null(fake_name(d, handle));
    assert_int_equal(name_object(VK_OBJECT_TYPE_BUFFER, handle, name), VK_SUCCESS);
    name[0] = '!';
    assert_string_equal(fake_name(d, handle), "particles");
    assert_int_equal(name_object(VK_OBJECT_TYPE_DEVICE, (uintptr_t)fake_device(d), "device"), VK_SUCCESS);
    (void)name_object(VK_OBJECT_TYPE_DEVICE_MEMORY, handle, "wrong kind");
    expect("VUID-VkDebugUtilsObjectNameInfoEXT-objectType-02590");
    (void)name_object(VK_OBJECT_TYPE_IMAGE, handle, "no such object");
    expect("VUID-VkDebugUtilsObjectNameInfoEXT-objectType-02590");
    (void)name_object(VK_OBJECT_TYPE_UNKNOWN, handle, "unknown");
    expect("VUID-vkSetDebugUtilsObjectNameEXT-pNameInfo-02587");
    (void)name_object(VK_OBJECT_TYPE_BUFFER, 0, "null");
    expect("VUID-vkSetDebugUtilsObjectNameEXT-pNameInfo-02588");
    assert_int_equal(name_object(VK_OBJECT_TYPE_BUFFER, handle, NULL), VK_SUCCESS);
    assert_null(fake_name(d, handle));
    destroy(buffer);
    (void)name_object(VK_OBJECT_TYPE_BUFFER, handle, "gone");
    expect("VUID-VkDebugUtilsObjectNameInfoEXT-objectType-02590");
    finish();
}

static void semaphores_count_up(void **state) {
    (void)state;
    uint64_t value = 0;
    start((struct fake_config){ 0 });
    VkSemaphore semaphore = fake_make_semaphore(d, 1);
    fake_signal(d, semaphore, 5);
    assert_int_equal(CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value), VK_SUCCESS);
    assert_int_equal(value, 5);
    fake_signal(d, semaphore, 5);
    expect("VUID-VkSemaphoreSignalInfo-value-03258");
    fake_drop_semaphore(d, semaphore);
    (void)CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value);
    expect("VUID-vkGetSemaphoreCounterValue-semaphore-parameter");
    fake_signal(d, semaphore, 6);
    expect("FAKE-fake_signal");
    fake_drop_semaphore(d, semaphore);
    expect("FAKE-fake_drop_semaphore");
    CALL(vkDestroySemaphore)(fake_device(d), semaphore, NULL);
    expect("VUID-vkDestroySemaphore-semaphore-parameter");
    finish();
}

static void semaphore_rules_are_told(void **state) {
    (void)state;
    VkSemaphoreTypeCreateInfo type = { VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, NULL, VK_SEMAPHORE_TYPE_BINARY,
                                       1 };
    VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type };
    VkSemaphore semaphore;
    uint64_t value;
    start((struct fake_config){ .disabled = FAKE_TIMELINE_SEMAPHORE });
    (void)CALL(vkCreateSemaphore)(fake_device(d), &info, NULL, &semaphore);
    expect("VUID-VkSemaphoreTypeCreateInfo-semaphoreType-03279");
    (void)CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value);
    assert_true(fake_violated(d, "VUID-vkGetSemaphoreCounterValue-semaphore-03255"));
    assert_true(fake_violated(d, "FAKE-timelineSemaphore"));
    fake_clear_violations(d);
    CALL(vkDestroySemaphore)(fake_device(d), semaphore, NULL);
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    (void)CALL(vkCreateSemaphore)(fake_device(d), &info, NULL, &semaphore);
    expect("VUID-VkSemaphoreTypeCreateInfo-timelineSemaphore-03252");
    CALL(vkDestroySemaphore)(fake_device(d), semaphore, NULL);
    finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_kept_and_checked),
        cmocka_unit_test(semaphores_count_up),
        cmocka_unit_test(semaphore_rules_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
