/* tests/fake/fake_bind.c: the rules of binding buffers to memory. */
#include "fake_support.h"

static void binding_rules_are_told(void **state) {
    (void)state;
    start(
        (struct fake_config){ .usage_rule_count = 1, .usage_rules = { { VK_BUFFER_USAGE_INDEX_BUFFER_BIT, 0x4, 0 } } });
    VkDeviceMemory memory = allocate(4096, 1);
    VkDeviceMemory plain = VK_NULL_HANDLE;
    assert_int_equal(try_allocate(NULL, 4096, 1, &plain), VK_SUCCESS);
    const struct {
        const char *rule;
        VkDeviceSize size;
        VkBufferUsageFlags usage;
        VkDeviceMemory memory;
        VkDeviceSize offset;
        bool bound; /* all the same */
    } cases[] = {
        { "VUID-vkBindBufferMemory-bufferDeviceAddress-03339", 64, ADDRESSED, plain, 0, true },
        { "VUID-vkBindBufferMemory-memoryOffset-01036", 64, ADDRESSED, memory, 8, true },
        { "VUID-vkBindBufferMemory-memoryOffset-01031", 64, ADDRESSED, memory, 4096, false },
        { "VUID-vkBindBufferMemory-size-01037", 64, ADDRESSED, memory, 4080, false },
        { "VUID-vkBindBufferMemory-memory-01035", 64, VK_BUFFER_USAGE_INDEX_BUFFER_BIT, memory, 0, true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        VkBuffer buffer = make(buffer_info(cases[i].size, cases[i].usage));
        VkDeviceMemory at;
        VkDeviceSize offset;
        (void)bind(buffer, cases[i].memory, cases[i].offset);
        expect(cases[i].rule);
        assert_int_equal(fake_binding(d, buffer, &at, &offset), cases[i].bound);
        destroy(buffer);
    }
    VkBuffer buffer = make_addressed(64);
    (void)address_of(buffer);
    expect("VUID-VkBufferDeviceAddressInfo-buffer-02600");
    (void)bind(buffer, VK_NULL_HANDLE, 0);
    expect("VUID-vkBindBufferMemory-memory-parameter");
    (void)bind(VK_NULL_HANDLE, memory, 0);
    expect("VUID-vkBindBufferMemory-buffer-parameter");
    assert_int_equal(bind(buffer, memory, 0), VK_SUCCESS);
    (void)bind(buffer, memory, 64);
    expect("01029");
    destroy(buffer);
    release(memory);
    release(plain);
    finish();
}

static void bound_buffers_must_not_overlap(void **state) {
    (void)state;
    for (int allowed = 0; allowed < 2; allowed++) {
        start((struct fake_config){ .allow_overlap = allowed != 0 });
        VkDeviceMemory memory = allocate(4096, 1);
        VkBuffer middle = make_addressed(1024);
        assert_int_equal(bind(middle, memory, 1024), VK_SUCCESS);
        const struct {
            VkDeviceSize offset, size;
            bool overlaps;
        } cases[] = { { 0, 1024, false }, { 2048, 1024, false }, { 0, 1040, true }, { 2032, 16, true },
                      { 1024, 16, true }, { 0, 4096, true },     { 1008, 32, true } };
        for (size_t i = 0; i < COUNT(cases); i++) {
            VkBuffer buffer = make_addressed(cases[i].size);
            assert_int_equal(bind(buffer, memory, cases[i].offset), VK_SUCCESS);
            if (cases[i].overlaps && !allowed) {
                expect("FAKE-buffer-overlap");
            }
            assert_int_equal(fake_violation_count(d), 0);
            destroy(buffer);
        }
        destroy(middle);
        release(memory);
        finish();
    }
}

static void twins_at_one_offset_part_in_any_order(void **state) {
    (void)state;
    start((struct fake_config){ .allow_overlap = true });
    VkDeviceMemory memory = allocate(64, 1);
    VkBuffer twins[3];
    for (size_t i = 0; i < COUNT(twins); i++) {
        twins[i] = make_addressed(64);
        assert_int_equal(bind(twins[i], memory, 0), VK_SUCCESS);
    }
    for (size_t i = 0; i < COUNT(twins); i++) {
        destroy(twins[i]);
    }
    release(memory);
    finish();
}

static void dedicated_memory_is_for_one_buffer(void **state) {
    (void)state;
    start((struct fake_config){ .size_rounding = 256, .require_dedicated_from = 1 });
    VkBuffer buffer = make_addressed(100);
    VkBuffer other = make_addressed(100);
    VkMemoryDedicatedAllocateInfo dedicated = { VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, &address_flags,
                                                VK_NULL_HANDLE, buffer };
    VkDeviceMemory large = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkDeviceMemory shared = allocate(256, 1);
    (void)try_allocate(&dedicated, 512, 1, &large);
    expect("02965");
    assert_int_equal(try_allocate(&dedicated, 256, 1, &memory), VK_SUCCESS);
    (void)bind(buffer, large, 256);
    expect("VUID-vkBindBufferMemory-memory-01508");
    (void)bind(other, shared, 0);
    expect("VUID-vkBindBufferMemory-buffer-01444");
    destroy(other);
    other = make_addressed(100);
    (void)bind(other, memory, 0);
    assert_int_equal(fake_violation_count(d), 2); /* not its memory, and not dedicated to it */
    assert_true(fake_violated(d, "01508"));
    assert_true(fake_violated(d, "01444"));
    fake_clear_violations(d);
    destroy(buffer);
    destroy(other);
    release(large);
    release(memory);
    release(shared);
    finish();
}

static void capture_and_replay_bits_stand_on_both(void **state) {
    (void)state;
    VkMemoryAllocateFlagsInfo replay = address_flags;
    replay.flags |= VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT;
    start((struct fake_config){ .with = FAKE_CAPTURE_REPLAY });
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    info.flags = VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT;
    VkBuffer first = make(info);
    VkBuffer second = make(info);
    VkDeviceMemory plain = allocate(64, 1);
    VkDeviceMemory memory = VK_NULL_HANDLE;
    assert_int_equal(try_allocate(&replay, 64, 1, &memory), VK_SUCCESS);
    (void)bind(first, plain, 0);
    expect("09200");
    assert_int_equal(bind(second, memory, 0), VK_SUCCESS);
    destroy(first);
    destroy(second);
    release(plain);
    release(memory);
    finish();
}

static void handle_types_stand_on_both(void **state) {
    (void)state;
    const VkExportMemoryAllocateInfo export = { VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO, &address_flags,
                                                VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    const VkExternalMemoryBufferCreateInfo external = { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, NULL,
                                                        VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    start((struct fake_config){ .with = FAKE_EXTERNAL_MEMORY_FD });
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    VkBuffer plain = make(info);
    info.pNext = &external;
    VkBuffer first = make(info);
    VkBuffer second = make(info);
    VkDeviceMemory inner = allocate(64, 1);
    VkDeviceMemory outer = VK_NULL_HANDLE;
    assert_int_equal(try_allocate(&export, 128, 1, &outer), VK_SUCCESS);
    (void)bind(first, inner, 0);
    expect("02726");
    (void)bind(plain, outer, 64);
    expect("02726");
    assert_int_equal(bind(second, outer, 0), VK_SUCCESS);
    destroy(plain);
    destroy(first);
    destroy(second);
    release(inner);
    release(outer);
    finish();
}

static void protected_goes_with_protected(void **state) {
    (void)state;
    start((struct fake_config){ .with = FAKE_PROTECTED_MEMORY,
                                .memory = { .memoryTypeCount = 2,
                                            .memoryTypes = { { VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0 },
                                                             { VK_MEMORY_PROPERTY_PROTECTED_BIT, 0 } },
                                            .memoryHeapCount = 1,
                                            .memoryHeaps = { { 4096, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT } } } });
    VkBufferCreateInfo info = buffer_info(64, ADDRESSED);
    VkBuffer open = make(info);
    info.flags = VK_BUFFER_CREATE_PROTECTED_BIT;
    VkBuffer closed = make(info);
    VkDeviceMemory memories[] = { allocate(64, 0), allocate(64, 1) };
    assert_int_equal(requirements(open).memoryTypeBits, 1);
    assert_int_equal(requirements(closed).memoryTypeBits, 2);
    (void)bind(open, memories[1], 0);
    assert_true(fake_violated(d, "01899"));
    fake_clear_violations(d);
    (void)bind(closed, memories[0], 0);
    assert_true(fake_violated(d, "01898"));
    fake_clear_violations(d);
    destroy(open);
    destroy(closed);
    release(memories[0]);
    release(memories[1]);
    finish();
}

static void several_may_be_bound_at_once(void **state) {
    (void)state;
    start((struct fake_config){ 0 });
    VkBuffer buffers[] = { make_addressed(64), make_addressed(64) };
    VkDeviceMemory memory = allocate(128, 1);
    VkBindBufferMemoryInfo infos[] = {
        { VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO, NULL, buffers[0], memory, 0 },
        { VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO, NULL, buffers[1], memory, 64 },
    };
    assert_int_equal(CALL(vkBindBufferMemory2)(fake_device(d), 2, infos), VK_SUCCESS);
    assert_int_equal(address_of(buffers[1]) - address_of(buffers[0]), 64);
    destroy(buffers[0]);
    destroy(buffers[1]);
    release(memory);
    finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binding_rules_are_told),
        cmocka_unit_test(bound_buffers_must_not_overlap),
        cmocka_unit_test(twins_at_one_offset_part_in_any_order),
        cmocka_unit_test(dedicated_memory_is_for_one_buffer),
        cmocka_unit_test(capture_and_replay_bits_stand_on_both),
        cmocka_unit_test(handle_types_stand_on_both),
        cmocka_unit_test(protected_goes_with_protected),
        cmocka_unit_test(several_may_be_bound_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
