/* tests/fake/fake_memory.c: the rules of allocations, and the addresses that they get. */
#include "fake_support.h"

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

struct allocation_case {
    const char *rule;
    const void *chain;
    VkDeviceSize size;
    uint32_t type;
};

static void refuse_allocations(const struct allocation_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        VkDeviceMemory memory = VK_NULL_HANDLE;
        (void)try_allocate(cases[i].chain, cases[i].size, cases[i].type, &memory);
        expect(cases[i].rule);
        release(memory);
    }
}

static void allocations_that_break_rules_are_told(void **state) {
    (void)state;
    const VkMemoryAllocateFlagsInfo twice = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, &address_flags, 0, 0 };
    const VkMemoryAllocateFlagsInfo replay = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, NULL,
                                               VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT, 0 };
    const VkMemoryAllocateFlagsInfo unknown = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, NULL, 0x100, 0 };
    const VkMemoryAllocateFlagsInfo no_mask = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, NULL,
                                                VK_MEMORY_ALLOCATE_DEVICE_MASK_BIT, 0 };
    const VkMemoryAllocateFlagsInfo two = { VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO, NULL,
                                            VK_MEMORY_ALLOCATE_DEVICE_MASK_BIT, 2 };
    const VkMemoryOpaqueCaptureAddressAllocateInfo opaque = {
        VK_STRUCTURE_TYPE_MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO, NULL, 0x1000
    };
    const VkMemoryPriorityAllocateInfoEXT priority = { VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT, NULL,
                                                       0.5f };
    const VkExportMemoryAllocateInfo export = { VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO, NULL,
                                                VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    const VkMemoryDedicatedAllocateInfo foreign = { VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, NULL,
                                                    VK_NULL_HANDLE, FORGED(VkBuffer, 0x123) };
    const VkMemoryDedicatedAllocateInfo image = { VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, NULL,
                                                  FORGED(VkImage, 0x123), VK_NULL_HANDLE };
    const VkBaseInStructure stranger = { VK_STRUCTURE_TYPE_SUBMIT_INFO, NULL };
    const struct allocation_case cases[] = {
        { "VUID-VkMemoryAllocateInfo-allocationSize-00638", NULL, 0, 1 },
        { "VUID-vkAllocateMemory-pAllocateInfo-01713", NULL, 4097, 1 },
        { "FAKE-maxMemoryAllocationSize", NULL, 2049, 1 },
        { "VUID-vkAllocateMemory-pAllocateInfo-01714", NULL, 64, 5 },
        { "VUID-VkMemoryAllocateInfo-sType-unique", &twice, 64, 1 },
        { "VUID-VkMemoryAllocateInfo-pNext-pNext", &stranger, 64, 1 },
        { "VUID-VkMemoryAllocateInfo-pNext-pNext", &priority, 64, 1 },
        { "VUID-VkMemoryAllocateInfo-flags-03330", &replay, 64, 1 },
        { "VUID-VkMemoryAllocateFlagsInfo-flags-parameter", &unknown, 64, 1 },
        { "VUID-VkMemoryAllocateFlagsInfo-deviceMask-00676", &no_mask, 64, 1 },
        { "VUID-VkMemoryAllocateFlagsInfo-deviceMask-00675", &two, 64, 1 },
        { "VUID-VkMemoryAllocateInfo-opaqueCaptureAddress-03329", &opaque, 64, 1 },
        { "VUID-VkExportMemoryAllocateInfo-handleTypes-00656", &export, 64, 1 },
        { "VUID-VkMemoryDedicatedAllocateInfo-buffer-parameter", &foreign, 64, 1 },
        { "VUID-VkMemoryDedicatedAllocateInfo-image-parameter", &image, 64, 1 },
    };
    start((struct fake_config){ .heap_size = 4096, .max_memory_allocation_size = 2048 });
    refuse_allocations(cases, COUNT(cases));
    finish();
}

static void allocation_flags_want_their_feature(void **state) {
    (void)state;
    const struct allocation_case cases[] = { { "VUID-VkMemoryAllocateInfo-flags-03331", &address_flags, 64, 1 } };
    start((struct fake_config){ .disabled = FAKE_BUFFER_DEVICE_ADDRESS });
    refuse_allocations(cases, COUNT(cases));
    finish();
}

static void special_memory_types_want_their_feature(void **state) {
    (void)state;
    const struct allocation_case cases[] = {
        { "VUID-VkMemoryAllocateInfo-memoryTypeIndex-01872", NULL, 64, 0 },
        { "VUID-vkAllocateMemory-deviceCoherentMemory-02790", NULL, 64, 1 },
    };
    start((struct fake_config){ .memory = { .memoryTypeCount = 2,
                                            .memoryTypes = { { VK_MEMORY_PROPERTY_PROTECTED_BIT, 0 },
                                                             { VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD, 0 } },
                                            .memoryHeapCount = 1,
                                            .memoryHeaps = { { 4096, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT } } } });
    refuse_allocations(cases, COUNT(cases));
    finish();
}

static void a_priority_lies_between_0_and_1(void **state) {
    (void)state;
    VkMemoryPriorityAllocateInfoEXT priority = { VK_STRUCTURE_TYPE_MEMORY_PRIORITY_ALLOCATE_INFO_EXT, NULL, 1.5f };
    const struct allocation_case cases[] = { { "VUID-VkMemoryPriorityAllocateInfoEXT-priority-02602", &priority, 64,
                                               1 } };
    start((struct fake_config){ .with = FAKE_MEMORY_PRIORITY });
    refuse_allocations(cases, COUNT(cases));
    priority.priority = 0.25f;
    VkDeviceMemory memory;
    struct fake_memory_info info;
    assert_int_equal(try_allocate(&priority, 64, 1, &memory), VK_SUCCESS);
    assert_true(fake_memory_info(d, memory, &info));
    assert_true(info.priority == 0.25f);
    release(memory);
    finish();
}

static void heaps_and_counts_are_finite(void **state) {
    (void)state;
    start((struct fake_config){ .heap_size = 4096, .limits = { .maxMemoryAllocationCount = 2 } });
    VkDeviceMemory first = allocate(4000, 1);
    VkDeviceMemory other;
    assert_int_equal(fake_heap_used(d, 0), 4000);
    assert_int_equal(try_allocate(NULL, 97, 1, &other), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    VkDeviceMemory second = allocate(96, 1);
    assert_int_equal(try_allocate(NULL, 16, 2, &other), VK_ERROR_TOO_MANY_OBJECTS);
    expect("VUID-vkAllocateMemory-maxMemoryAllocationCount-04101");
    release(first);
    fake_set_budget(d, 0, 4096, 4000);
    assert_int_equal(try_allocate(NULL, 1, 1, &other), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    release(second);
    assert_int_equal(fake_heap_used(d, 0), 0);
    finish();
}

static void memory_is_freed_once_and_empty(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkDeviceMemory memory = allocate(64, 1);
    VkBuffer buffer = make_addressed(64);
    assert_int_equal(bind(buffer, memory, 0), VK_SUCCESS);
    release(memory);
    expect("FAKE-vkFreeMemory-bound");
    release(memory);
    expect("VUID-vkFreeMemory-memory-parameter: VkDeviceMemory");
    assert_int_equal(address_of(buffer), 0);
    expect("VUID-VkBufferDeviceAddressInfo-buffer-02600");
    VkDeviceMemory again = allocate(64, 1); /* another generation of the same slot */
    release(memory);
    expect("destroyed already");
    release(again);
    destroy(buffer);
    finish();
}

static void handles_of_other_kinds_and_drivers_are_told(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkBuffer buffer = make_addressed(64);
    VkBuffer mine = buffer;
    struct fake_driver *first = d;
    CALL(vkFreeMemory)(fake_device(d), FORGED(VkDeviceMemory, FAKE_HANDLE(buffer)), NULL);
    expect("of another kind");
    (void)CALL(vkCreateSemaphore)(fake_device(d),
                                  &(VkSemaphoreCreateInfo){ .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO }, NULL,
                                  &(VkSemaphore){ VK_NULL_HANDLE });
    VkDevice wrong = (VkDevice)(void *)fake_instance(d);
    CALL(vkDestroyBuffer)(wrong, VK_NULL_HANDLE, NULL);
    expect("device-parameter");
    start((struct fake_config){ 0 });
    destroy(mine);
    expect("never made by this device");
    finish();
    d = first;
    destroy(mine);
    assert_int_equal(fake_destroy(d), 1); /* the semaphore */
}

/* ---- Addresses --------------------------------------------------------------------------------------------------- */

static void bases_are_as_ill_aligned_as_asked(void **state) {
    (void)state;
    const struct {
        VkDeviceSize alignment, residue, modulus, rest;
        VkDeviceAddress first;
    } cases[] = { { 0, 0, 128, 64, 0 },
                  { 16, 0, 32, 16, 0 },
                  { 256, 0x90, 256, 0x90, 0 },
                  { 1 << 21, 0, 1 << 22, 1 << 21, 0 },
                  { 0, 0, 128, 64, FAKE_ADDRESS_SIGN_EXTENDED },
                  { 0, 0, 128, 64, FAKE_ADDRESS_BIT_47 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        start((struct fake_config){
            .base_alignment = cases[i].alignment, .base_residue = cases[i].residue, .first_address = cases[i].first });
        VkDeviceMemory memories[8];
        VkDeviceAddress end = cases[i].first;
        for (size_t j = 0; j < COUNT(memories); j++) {
            memories[j] = allocate(1000 * (j + 1), 1);
            VkDeviceAddress base = base_of(memories[j]);
            assert_int_equal(base % cases[i].modulus, cases[i].rest);
            assert_true(base > end);
            end = base + 1000 * (j + 1);
        }
        for (size_t j = 0; j < COUNT(memories); j++) {
            release(memories[j]);
        }
        finish();
    }
}

static void addresses_are_used_again(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkDeviceMemory memories[3] = { allocate(5000, 1), allocate(5000, 1), allocate(5000, 1) };
    VkDeviceAddress middle = base_of(memories[1]);
    release(memories[1]);
    VkDeviceMemory large = allocate(500000, 1);
    assert_true(base_of(large) > base_of(memories[2]));
    memories[1] = allocate(4000, 1);
    assert_int_equal(base_of(memories[1]), middle);
    for (size_t i = 0; i < COUNT(memories); i++) {
        release(memories[i]);
    }
    release(large);
    finish();
}

static void a_skewed_buffer_has_an_address_of_its_own(void **state) {
    (void)state;
    start((struct fake_config){ .buffer_address_skew = 4096 });
    VkDeviceMemory memory = allocate(1024, 1);
    VkBuffer small = make_addressed(64);
    VkBuffer spanning = make_addressed(1024 - 256);
    char seen = 0;
    assert_int_equal(bind(small, memory, 0), VK_SUCCESS);
    assert_int_equal(bind(spanning, memory, 256), VK_SUCCESS);
    assert_int_equal(address_of(small), base_of(memory) + 4096);
    assert_int_equal(address_of(spanning), base_of(memory) + 256);
    assert_true(fake_device_write(d, address_of(small), "x", 1));
    assert_true(fake_device_read(d, base_of(memory), &seen, 1));
    assert_int_equal(seen, 'x');
    destroy(small);
    destroy(spanning);
    release(memory);
    finish();
}

static void the_address_query_has_its_rules(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkBuffer plain = make(buffer_info(64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT));
    VkDeviceMemory memory = allocate(64, 1);
    assert_int_equal(bind(plain, memory, 0), VK_SUCCESS);
    (void)address_of(plain);
    expect("VUID-VkBufferDeviceAddressInfo-buffer-02601");
    destroy(plain);
    release(memory);
    finish();
    start((struct fake_config){ .disabled = FAKE_BUFFER_DEVICE_ADDRESS });
    (void)address_of(VK_NULL_HANDLE);
    assert_true(fake_violated(d, "VUID-vkGetBufferDeviceAddress-bufferDeviceAddress-03324"));
    fake_clear_violations(d);
    finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_that_break_rules_are_told),
        cmocka_unit_test(allocation_flags_want_their_feature),
        cmocka_unit_test(special_memory_types_want_their_feature),
        cmocka_unit_test(a_priority_lies_between_0_and_1),
        cmocka_unit_test(heaps_and_counts_are_finite),
        cmocka_unit_test(memory_is_freed_once_and_empty),
        cmocka_unit_test(handles_of_other_kinds_and_drivers_are_told),
        cmocka_unit_test(bases_are_as_ill_aligned_as_asked),
        cmocka_unit_test(addresses_are_used_again),
        cmocka_unit_test(a_skewed_buffer_has_an_address_of_its_own),
        cmocka_unit_test(the_address_query_has_its_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
