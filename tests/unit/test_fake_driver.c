/* The fake driver as a whole: it is silent about what is right, counts what is left at its end, fails and calls back
 * when told to, and serves many threads. */
#include "fake_support.h"

#ifndef _WIN32
#include <pthread.h>
#endif

/* ---- What is right is silent ------------------------------------------------------------------------------------- */

static void one_life_is_silent_on(struct fake_config config) {
    start(config);
    VkPhysicalDeviceMemoryProperties memory_properties;
    CALL(vkGetPhysicalDeviceMemoryProperties)(fake_physical_device(d), &memory_properties);
    for (uint32_t type = 0; type < memory_properties.memoryTypeCount; type++) {
        VkMemoryPropertyFlags flags = memory_properties.memoryTypes[type].propertyFlags;
        VkBuffer buffer = make_addressed(1000);
        VkMemoryRequirements required = requirements(buffer);
        VkDeviceMemory memory = allocate(required.size + required.alignment, type);
        assert_int_equal(bind(buffer, memory, required.alignment), VK_SUCCESS);
        assert_int_not_equal(address_of(buffer), 0);
        if ((flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0) {
            void *bytes = NULL;
            assert_int_equal(map(memory, 0, VK_WHOLE_SIZE, &bytes), VK_SUCCESS);
            memset(bytes, 1, 1000);
            flush(memory, 0, VK_WHOLE_SIZE);
            invalidate(memory, 64, VK_WHOLE_SIZE);
            CALL(vkUnmapMemory)(fake_device(d), memory);
        }
        destroy(buffer);
        release(memory);
    }
    finish();
}

static void right_use_is_silent_on_every_machine(void **state) {
    (void)state;
    const enum fake_machine machines[] = { FAKE_MACHINE_DISCRETE, FAKE_MACHINE_REBAR, FAKE_MACHINE_UNIFIED,
                                           FAKE_MACHINE_NON_COHERENT, FAKE_MACHINE_UNMAPPABLE };
    for (size_t i = 0; i < COUNT(machines); i++) {
        one_life_is_silent_on((struct fake_config){ .machine = machines[i] });
    }
}

static void null_handles_may_be_freed(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    destroy(VK_NULL_HANDLE);
    release(VK_NULL_HANDLE);
    CALL(vkDestroySemaphore)(fake_device(d), VK_NULL_HANDLE, NULL);
    finish();
    assert_int_equal(fake_destroy(NULL), 0);
}

static void leaks_and_violations_are_counted_at_the_end(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    (void)make_addressed(16);
    (void)allocate(64, 1);
    (void)fake_make_semaphore(d, 0); /* the test's own is none */
    destroy(make_addressed(16));
    VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO };
    VkSemaphore semaphore;
    assert_int_equal(CALL(vkCreateSemaphore)(fake_device(d), &info, NULL, &semaphore), VK_SUCCESS);
    (void)make(buffer_info(0, ADDRESSED));
    assert_int_equal(fake_memory_count(d), 1);
    assert_int_equal(fake_buffer_count(d), 1);
    assert_int_equal(fake_destroy(d), 4);
}

/* ---- Failures, hooks --------------------------------------------------------------------------------------------- */

static void the_nth_call_fails_once_or_from_then_on(void **state) {
    (void)state;
    VkDeviceMemory memories[4];
    start((struct fake_config){ 0 });
    fake_fail(d, FAKE_CALL_ALLOCATE_MEMORY, 2, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[0]), VK_SUCCESS);
    assert_int_equal(fake_failed(d), 0);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[1]), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_true(memories[1] == VK_NULL_HANDLE);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[1]), VK_SUCCESS);
    assert_int_equal(fake_failed(d), 1);
    fake_fail_from(d, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[2]), VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[2]), VK_ERROR_OUT_OF_HOST_MEMORY);
    fake_clear_failures(d);
    assert_int_equal(try_allocate(NULL, 64, 1, &memories[2]), VK_SUCCESS);
    assert_int_equal(fake_call_count(d, FAKE_CALL_ALLOCATE_MEMORY), 6);
    fake_fail(d, FAKE_CALL_GET_PROC_ADDR, 1, VK_ERROR_UNKNOWN);
    assert_null(fake_get_instance_proc_addr(fake_instance(d), "vkAllocateMemory"));
    release(memories[0]);
    release(memories[1]);
    release(memories[2]);
    finish();
}

static void a_sweep_reaches_every_call_that_may_fail(void **state) {
    (void)state;
    const struct {
        VkResult result;
        unsigned calls;
    } cases[] = { { VK_ERROR_OUT_OF_HOST_MEMORY, 4 },
                  { VK_ERROR_OUT_OF_DEVICE_MEMORY, 4 },
                  { VK_ERROR_MEMORY_MAP_FAILED, 1 },
                  { VK_ERROR_TOO_MANY_OBJECTS, 1 },
                  { VK_ERROR_DEVICE_LOST, 0 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        start((struct fake_config){ 0 });
        unsigned nth = 0;
        VkResult result;
        do {
            fake_fail(d, FAKE_CALL_ANY, ++nth, cases[i].result);
            result = whole_life(NULL);
            assert_int_equal(result, fake_failed(d) != 0 ? cases[i].result : VK_SUCCESS);
        } while (fake_failed(d) != 0);
        assert_int_equal(nth, cases[i].calls + 1);
        finish();
    }
}

static void a_lost_device_says_so_where_it_may(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkSemaphore semaphore = fake_make_semaphore(d, 0);
    uint64_t value;
    fake_lose_device(d);
    assert_int_equal(CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value), VK_ERROR_DEVICE_LOST);
    assert_int_equal(CALL(vkGetSemaphoreCounterValue)(fake_device(d), semaphore, &value), VK_ERROR_DEVICE_LOST);
    assert_int_equal(whole_life(NULL), VK_SUCCESS);
    finish();
}

static unsigned locks; /* what the "library" holds */

static unsigned locks_now(void) {
    return locks;
}

static void a_lock_held_across_a_call_is_told(void **state) {
    (void)state;
    start((struct fake_config){ .locks_held = locks_now });
    PFN_vkDestroyBuffer function = CALL(vkDestroyBuffer);
    locks = 1;
    function(fake_device(d), VK_NULL_HANDLE, NULL);
    locks = 0;
    expect("in vkDestroyBuffer");
    finish();
}

static void count_call(void *user, enum fake_call call) {
    ((unsigned *)user)[call]++;
}

static void the_hook_sees_every_call(void **state) {
    (void)state;
    unsigned seen[FAKE_CALL_COUNT] = { 0 };
    start((struct fake_config){ .on_call = count_call, .on_call_user = seen });
    assert_int_equal(whole_life(NULL), VK_SUCCESS);
    assert_int_equal(seen[FAKE_CALL_ALLOCATE_MEMORY], 1);
    assert_int_equal(seen[FAKE_CALL_MAP_MEMORY], 1);
    assert_int_equal(seen[FAKE_CALL_GET_PROC_ADDR], fake_call_count(d, FAKE_CALL_GET_PROC_ADDR));
    assert_int_equal(fake_call_count(d, FAKE_CALL_ANY), 6 + seen[FAKE_CALL_GET_PROC_ADDR]);
    finish();
}

static void texts_are_kept_up_to_a_bound(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    for (unsigned i = 0; i < 300; i++) {
        destroy(FORGED(VkBuffer, 99));
    }
    assert_int_equal(fake_violation_count(d), 300);
    assert_non_null(fake_violation(d, 255));
    assert_null(fake_violation(d, 256));
    fake_clear_violations(d);
    assert_null(fake_violation(d, 0));
    finish();
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

#ifndef _WIN32
static void *live_and_die(void *unused) {
    for (int i = 0; i < 200; i++) {
        if (whole_life(NULL) != VK_SUCCESS) {
            return d;
        }
    }
    return unused;
}

static void threads_may_share_a_driver(void **state) {
    (void)state;
    pthread_t threads[4];
    start((struct fake_config){ 0 });
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, live_and_die, NULL), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(fake_call_count(d, FAKE_CALL_CREATE_BUFFER), 800);
    finish();
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_use_is_silent_on_every_machine),
        cmocka_unit_test(null_handles_may_be_freed),
        cmocka_unit_test(leaks_and_violations_are_counted_at_the_end),
        cmocka_unit_test(the_nth_call_fails_once_or_from_then_on),
        cmocka_unit_test(a_sweep_reaches_every_call_that_may_fail),
        cmocka_unit_test(a_lost_device_says_so_where_it_may),
        cmocka_unit_test(a_lock_held_across_a_call_is_told),
        cmocka_unit_test(the_hook_sees_every_call),
        cmocka_unit_test(texts_are_kept_up_to_a_bound),
#ifndef _WIN32
        cmocka_unit_test(threads_may_share_a_driver),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
