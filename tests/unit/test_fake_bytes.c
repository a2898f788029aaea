/* tests/fake/fake_bytes.c: mapping, flushing, and what host and device see. */
#include "fake_support.h"

static void mapping_rules_are_told(void **state) {
    (void)state;
    start((struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
    VkDeviceMemory hidden = allocate(1000, 0);
    VkDeviceMemory memory = allocate(1000, 1);
    void *pointer = NULL;
    const struct {
        const char *rule;
        VkDeviceSize offset, size;
    } cases[] = { { "VUID-vkMapMemory-offset-00679", 1000, VK_WHOLE_SIZE },
                  { "VUID-vkMapMemory-size-00681", 1, 1000 },
                  { "VUID-vkMapMemory-size-00680", 0, 0 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(map(memory, cases[i].offset, cases[i].size, &pointer), VK_ERROR_MEMORY_MAP_FAILED);
        expect(cases[i].rule);
    }
    (void)map(hidden, 0, VK_WHOLE_SIZE, &pointer);
    expect("VUID-vkMapMemory-memory-00682");
    (void)CALL(vkMapMemory)(fake_device(d), memory, 0, VK_WHOLE_SIZE, 1, &pointer);
    expect("VUID-vkMapMemory-flags-zerobitmask");
    CALL(vkUnmapMemory)(fake_device(d), memory);
    expect("VUID-vkUnmapMemory-memory-00689");
    assert_int_equal(map(memory, 0, VK_WHOLE_SIZE, &pointer), VK_SUCCESS);
    (void)map(memory, 0, VK_WHOLE_SIZE, &pointer);
    expect("VUID-vkMapMemory-memory-00678");
    release(hidden);
    release(memory);
    (void)map(memory, 0, VK_WHOLE_SIZE, &pointer);
    expect("VUID-vkMapMemory-memory-parameter");
    CALL(vkUnmapMemory)(fake_device(d), memory);
    expect("VUID-vkUnmapMemory-memory-parameter");
    finish();
}

static void flushing_rules_are_told(void **state) {
    (void)state;
    start((struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
    VkDeviceMemory memory = allocate(1000, 1);
    void *pointer = NULL;
    flush(memory, 0, 64);
    expect("VUID-VkMappedMemoryRange-memory-00684");
    assert_int_equal(map(memory, 64, 700, &pointer), VK_SUCCESS);
    const struct {
        const char *rule; /* NULL: right */
        VkDeviceSize offset, size;
    } cases[] = { { NULL, 64, 640 },
                  { "VUID-VkMappedMemoryRange-offset-00687", 72, 64 },
                  { "VUID-VkMappedMemoryRange-size-01390", 64, 65 },
                  { "VUID-VkMappedMemoryRange-size-00685", 0, 64 },
                  { "VUID-VkMappedMemoryRange-size-00685", 704, 128 },
                  { "VUID-VkMappedMemoryRange-size-01389", 64, VK_WHOLE_SIZE } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        flush(memory, cases[i].offset, cases[i].size);
        if (cases[i].rule != NULL) {
            expect(cases[i].rule);
        }
        invalidate(memory, cases[i].offset, cases[i].size);
        if (cases[i].rule != NULL) {
            expect(cases[i].rule);
        }
    }
    CALL(vkUnmapMemory)(fake_device(d), memory);
    assert_int_equal(map(memory, 0, VK_WHOLE_SIZE, &pointer), VK_SUCCESS);
    flush(memory, 960, 40); /* the end of the memory needs no whole atom */
    flush(memory, 1024, VK_WHOLE_SIZE);
    expect("VUID-VkMappedMemoryRange-size-00686");
    assert_int_equal(CALL(vkFlushMappedMemoryRanges)(fake_device(d), 0, NULL), VK_SUCCESS);
    expect("VUID-vkFlushMappedMemoryRanges-memoryRangeCount-arraylength");
    fake_fail(d, FAKE_CALL_FLUSH, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(CALL(vkFlushMappedMemoryRanges)(fake_device(d), 0, NULL), VK_ERROR_OUT_OF_HOST_MEMORY);
    release(memory);
    flush(memory, 0, 64);
    expect("VUID-VkMappedMemoryRange-memory-parameter");
    finish();
}

/* Two neighbours in one memory of 256 bytes, mapped; answers the mapping. */
static unsigned char *neighbours(uint32_t type, VkDeviceMemory *memory, VkDeviceAddress *base) {
    struct fake_memory_info info;
    void *bytes = NULL;
    *memory = allocate(256, type);
    assert_int_equal(map(*memory, 0, VK_WHOLE_SIZE, &bytes), VK_SUCCESS);
    assert_true(fake_memory_info(d, *memory, &info));
    assert_true(info.mapped);
    *base = info.base;
    return bytes;
}

static void without_a_flush_the_device_sees_nothing(void **state) {
    (void)state;
    VkDeviceMemory memory;
    VkDeviceAddress base;
    unsigned char seen = 0;
    start((struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
    unsigned char *bytes = neighbours(1, &memory, &base);
    bytes[64] = 7;
    assert_true(fake_device_read(d, base + 64, &seen, 1));
    assert_int_equal(seen, 0xA5); /* fresh memory is not zero */
    flush(memory, 64, 64);
    assert_true(fake_device_read(d, base + 64, &seen, 1));
    assert_int_equal(seen, 7);
    assert_true(fake_device_write(d, base + 64, "\x09", 1));
    assert_int_equal(bytes[64], 7);
    invalidate(memory, 64, 64);
    assert_int_equal(bytes[64], 9);
    release(memory);
    finish();
}

static void a_wide_flush_tramples_a_neighbour(void **state) {
    (void)state;
    VkDeviceMemory memory;
    VkDeviceAddress base;
    unsigned char seen = 0;
    start((struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
    (void)neighbours(1, &memory, &base);
    assert_true(fake_device_write(d, base + 128, "\x09", 1));
    flush(memory, 64, 64);
    assert_true(fake_device_read(d, base + 128, &seen, 1));
    assert_int_equal(seen, 9);
    flush(memory, 64, 128);
    assert_true(fake_device_read(d, base + 128, &seen, 1));
    assert_int_equal(seen, 0xA5);
    release(memory);
    finish();
}

static void coherent_memory_has_one_copy(void **state) {
    (void)state;
    VkDeviceMemory memory;
    VkDeviceAddress base;
    unsigned char seen = 0;
    start((struct fake_config){ 0 });
    unsigned char *bytes = neighbours(2, &memory, &base);
    bytes[3] = 7;
    assert_true(fake_device_read(d, base + 3, &seen, 1));
    assert_int_equal(seen, 7);
    release(memory);
    finish();
}

static void the_device_reaches_what_the_host_cannot(void **state) {
    (void)state;
    struct fake_memory_info info;
    char seen[4] = { 0 };
    start((struct fake_config){ 0 });
    VkDeviceMemory memory = allocate(100, 1);
    assert_true(fake_memory_info(d, memory, &info));
    assert_true(fake_device_write(d, info.base + 96, "abc", 4));
    assert_true(fake_device_read(d, info.base + 96, seen, 4));
    assert_string_equal(seen, "abc");
    assert_false(fake_device_read(d, info.base + 97, seen, 4));
    expect("FAKE-device-address");
    assert_false(fake_device_read(d, info.base - 1, seen, 1));
    expect("FAKE-device-address");
    release(memory);
    assert_false(fake_device_write(d, info.base, seen, 1));
    expect("FAKE-device-address");
    assert_false(fake_memory_info(d, memory, &info));
    finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mapping_rules_are_told),
        cmocka_unit_test(flushing_rules_are_told),
        cmocka_unit_test(without_a_flush_the_device_sees_nothing),
        cmocka_unit_test(a_wide_flush_tramples_a_neighbour),
        cmocka_unit_test(coherent_memory_has_one_copy),
        cmocka_unit_test(the_device_reaches_what_the_host_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
