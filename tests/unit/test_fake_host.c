/* tests/fake/fake_host.c: host memory that is counted, checked, and refused on order. */
#include "fake_support.h"

static void every_object_takes_host_memory_once(void **state) {
    (void)state;
    struct fake_host host;
    fake_host_init(&host);
    VkAllocationCallbacks callbacks = fake_host_callbacks(&host);
    start((struct fake_config){ 0 });
    for (size_t nth = 1; nth <= 3; nth++) {
        fake_host_fail(&host, nth, false);
        assert_int_equal(whole_life(&callbacks), nth <= 2 ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_SUCCESS);
        assert_int_equal(host.failed, nth <= 2);
    }
    assert_int_equal(host.live_count, 0);
    fake_host_fail(&host, 0, false);
    (void)whole_life(&callbacks);
    finish();
    assert_int_equal(fake_host_done(&host), 0);
}

static void callbacks_match_those_of_creation(void **state) {
    (void)state;
    struct fake_host host;
    fake_host_init(&host);
    VkAllocationCallbacks callbacks = fake_host_callbacks(&host);
    VkAllocationCallbacks others = callbacks;
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    VkMemoryAllocateInfo allocate_info = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, NULL, 64, 2 };
    VkBuffer buffer;
    VkDeviceMemory memory;
    start((struct fake_config){ 0 });
    PFN_vkCreateBuffer create = CALL(vkCreateBuffer);
    PFN_vkDestroyBuffer destroy_buffer = CALL(vkDestroyBuffer);
    assert_int_equal(create(fake_device(d), &info, &callbacks, &buffer), VK_SUCCESS);
    destroy_buffer(fake_device(d), buffer, NULL);
    expect("VUID-vkDestroyBuffer-buffer-00923");
    assert_int_equal(create(fake_device(d), &info, NULL, &buffer), VK_SUCCESS);
    destroy_buffer(fake_device(d), buffer, &callbacks);
    expect("VUID-vkDestroyBuffer-buffer-00924");
    others.pfnAllocation = NULL;
    assert_int_equal(create(fake_device(d), &info, &callbacks, &buffer), VK_SUCCESS);
    destroy_buffer(fake_device(d), buffer, &others);
    expect("VUID-vkDestroyBuffer-buffer-00923");
    assert_int_equal(CALL(vkAllocateMemory)(fake_device(d), &allocate_info, &callbacks, &memory), VK_SUCCESS);
    release(memory);
    expect("FAKE-vkFreeMemory-callbacks");
    finish();
    assert_int_equal(fake_host_done(&host), 0);
}

static void *host_take(const VkAllocationCallbacks *callbacks, size_t size, size_t alignment) {
    return callbacks->pfnAllocation(callbacks->pUserData, size, alignment, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
}

static void host_memory_is_counted_and_aligned(void **state) {
    (void)state;
    struct fake_host host;
    fake_host_init(&host);
    VkAllocationCallbacks callbacks = fake_host_callbacks(&host);
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        unsigned char *memory = host_take(&callbacks, 100, alignment);
        assert_int_equal((uintptr_t)memory % (2 * alignment), alignment);
        memset(memory, 1, 100);
        assert_int_equal(host.live_bytes, 100);
        memory = callbacks.pfnReallocation(&host, memory, 200, alignment, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
        assert_int_equal(memory[99], 1);
        assert_int_equal(host.live_bytes, 200);
        assert_null(callbacks.pfnReallocation(&host, memory, 0, alignment, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT));
        assert_int_equal(host.live_count, 0);
    }
    assert_int_equal(host.peak_bytes, 300);
    callbacks.pfnFree(&host, NULL);
    fake_host_fail(&host, 2, true);
    void *memory = callbacks.pfnReallocation(&host, NULL, 8, 8, VK_SYSTEM_ALLOCATION_SCOPE_COMMAND);
    assert_non_null(memory);
    assert_null(host_take(&callbacks, 8, 8));
    assert_null(callbacks.pfnReallocation(&host, memory, 16, 8, VK_SYSTEM_ALLOCATION_SCOPE_COMMAND));
    assert_int_equal(host.failed, 2);
    callbacks.pfnFree(&host, memory);
    assert_int_equal(fake_host_done(&host), 0);
}

static void misuse_of_host_memory_is_a_problem(void **state) {
    (void)state;
    struct fake_host host;
    fake_host_init(&host);
    VkAllocationCallbacks callbacks = fake_host_callbacks(&host);
    unsigned char foreign[64];
    unsigned char *memory = host_take(&callbacks, 10, 8);
    memory[10] = 0; /* one past the end */
    callbacks.pfnFree(&host, memory);
    assert_int_equal(host.problems, 1);
    callbacks.pfnFree(&host, memory);
    assert_int_equal(host.problems, 2);
    callbacks.pfnFree(&host, foreign + 32);
    assert_int_equal(host.problems, 3);
    assert_null(callbacks.pfnReallocation(&host, foreign + 32, 8, 8, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT));
    assert_int_equal(host.problems, 4);
    assert_null(host_take(&callbacks, 0, 8));
    assert_int_equal(host.problems, 5);
    assert_null(host_take(&callbacks, 8, 24));
    assert_int_equal(host.problems, 6);
    assert_null(callbacks.pfnAllocation(&host, 8, 8, (VkSystemAllocationScope)99));
    assert_int_equal(host.problems, 7);
    assert_non_null(host_take(&callbacks, 8, 8)); /* leaked */
    assert_int_equal(fake_host_done(&host), 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_object_takes_host_memory_once),
        cmocka_unit_test(callbacks_match_those_of_creation),
        cmocka_unit_test(host_memory_is_counted_and_aligned),
        cmocka_unit_test(misuse_of_host_memory_is_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
