/* Checking modes on a real driver: what a shader writes where it should not is found, and correct work is not. */
#include "work.h"

#include <string.h>

#define MODES (BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT)

enum { WORDS = 100 };

/* ---- Memory out of the CPU's reach ----
 *
 * A driver with one memory type, which is mapped (lavapipe), is shown to the library with a second one: type 0 is then
 * for the device alone. All calls but these three go to the driver as they are. */

static PFN_vkGetDeviceProcAddr real_device_proc_addr;
static PFN_vkGetPhysicalDeviceMemoryProperties2 real_memory_properties;
static PFN_vkGetBufferMemoryRequirements2 real_requirements;
static PFN_vkAllocateMemory real_allocate;

static VKAPI_ATTR void VKAPI_CALL two_types(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties2 *properties) {
    real_memory_properties(device, properties);
    VkPhysicalDeviceMemoryProperties *memory = &properties->memoryProperties;
    memory->memoryTypeCount = 2;
    memory->memoryTypes[1] = memory->memoryTypes[0];
    memory->memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
}

static VKAPI_ATTR void VKAPI_CALL both_types(VkDevice device, const VkBufferMemoryRequirementsInfo2 *info,
                                             VkMemoryRequirements2 *requirements) {
    real_requirements(device, info, requirements);
    requirements->memoryRequirements.memoryTypeBits |= requirements->memoryRequirements.memoryTypeBits << 1;
}

static VKAPI_ATTR VkResult VKAPI_CALL the_one_type(VkDevice device, const VkMemoryAllocateInfo *info,
                                                   const VkAllocationCallbacks *callbacks, VkDeviceMemory *memory) {
    VkMemoryAllocateInfo real = *info;
    real.memoryTypeIndex = 0;
    return real_allocate(device, &real, callbacks, memory);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc_addr(VkDevice device, const char *name) {
    PFN_vkVoidFunction real = real_device_proc_addr(device, name);
    if (strcmp(name, "vkGetBufferMemoryRequirements2") == 0) {
        real_requirements = (PFN_vkGetBufferMemoryRequirements2)real;
        return (PFN_vkVoidFunction)both_types;
    }
    if (strcmp(name, "vkAllocateMemory") == 0) {
        real_allocate = (PFN_vkAllocateMemory)real;
        return (PFN_vkVoidFunction)the_one_type;
    }
    return real;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_proc_addr(VkInstance instance, const char *name) {
    PFN_vkVoidFunction real = vkGetInstanceProcAddr(instance, name);
    if (strcmp(name, "vkGetDeviceProcAddr") == 0) {
        real_device_proc_addr = (PFN_vkGetDeviceProcAddr)real;
        return (PFN_vkVoidFunction)device_proc_addr;
    }
    if (strcmp(name, "vkGetPhysicalDeviceMemoryProperties2") == 0) {
        real_memory_properties = (PFN_vkGetPhysicalDeviceMemoryProperties2)real;
        return (PFN_vkVoidFunction)two_types;
    }
    return real;
}

/* ---- Words of these tests ---- */

/* `apart`: memory for the device alone is out of the CPU's reach. */
static void restart_with(struct suite *s, BdaCheckFlags checks, bool apart) {
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.checks = checks;
    info.quarantine_frees = 2;
    if (apart && s->memory.memoryTypeCount == 1)
        info.get_instance_proc_addr = instance_proc_addr;
    suite_restart(s, &info);
}

static void restart(struct suite *s, bool apart) {
    restart_with(s, MODES, apart);
}

static BdaAllocation take(struct suite *s, BdaIntent intent, const char *name) {
    return suite_alloc(
        s, &(BdaAllocInfo){ .size = WORDS * sizeof(uint32_t), .intent = intent, .name = name, .user = WORDS });
}

/* The GPU writes so many words at the allocation's address. */
static void write_words(struct suite *s, const BdaAllocation *a, uint32_t words) {
    const struct suite_span span = { .address = a->address, .words = words, .seed = 5 };
    suite_fill(s, &span, 1);
}

static void assert_found(const char *part) {
    struct suite_message message = suite_take_message();
    assert_int_equal(message.count, 1);
    assert_non_null(strstr(message.text, part));
}

static uint64_t broken(struct suite *s) {
    uint64_t count;
    assert_vk(bda_verify(s->allocator, &count));
    return count;
}

static void frame(struct suite *s) {
    uint64_t ticket;
    VkCommandBuffer commands = suite_begin(s, s->main);
    assert_vk(bda_record_checks(s->allocator, commands, &ticket));
    suite_end(s, s->main, commands);
    assert_vk(bda_complete_checks(s->allocator, ticket));
}

/* ---- Tests ---- */

static void a_shader_that_writes_past_an_end_is_found(void **state) {
    struct suite *s = *state;
    restart(s, false);
    BdaAllocation a = take(s, BDA_INTENT_UPLOAD, "short");
    write_words(s, &a, WORDS + 2);
    suite_free(s, &a);
    assert_found("behind 'short' (400 bytes at ");
    assert_int_equal(broken(s), 1);
}

static void a_shader_that_writes_after_a_free_is_found(void **state) {
    struct suite *s = *state;
    restart(s, false);
    BdaAllocation a = take(s, BDA_INTENT_UPLOAD, "old");
    suite_free(s, &a);
    write_words(s, &a, 3);
    for (int i = 0; i < 2; i++) {
        BdaAllocation other = take(s, BDA_INTENT_UPLOAD, "other");
        suite_free(s, &other);
    }
    assert_found("written after its free: 12 of 464 bytes of 'old'");
}

static void write_past_the_end(struct suite *s, const BdaAllocation *a) {
    frame(s);
    write_words(s, a, WORDS + 2);
    frame(s);
    assert_found("behind 'short' (400 bytes at ");
}

static void write_after_the_free(struct suite *s, BdaAllocation *old) {
    frame(s);
    suite_free(s, old);
    frame(s);
    write_words(s, old, 1);
    for (int i = 0; i < 3; i++) {
        BdaAllocation other = take(s, BDA_INTENT_DEVICE, "other");
        suite_free(s, &other);
        frame(s);
    }
    frame(s);
}

/* Each mode finds its own without the others: the end that is written over, or what leaves the quarantine poisoned. */
static void commands_find_the_same_where_nothing_is_mapped(void **state) {
    struct suite *s = *state;
    const BdaCheckFlags both = BDA_CHECK_POISON_BIT | BDA_CHECK_QUARANTINE_BIT;
    const BdaCheckFlags modes[] = { MODES, BDA_CHECK_RED_ZONES_BIT, both, BDA_CHECK_POISON_BIT,
                                    BDA_CHECK_QUARANTINE_BIT };
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        restart_with(s, modes[i], true);
        BdaAllocation a = take(s, BDA_INTENT_DEVICE, "short"), b = take(s, BDA_INTENT_DEVICE, "old");
        bool mapped = a.mapped != NULL; /* on a device with no other memory */
        if (!mapped && (modes[i] & BDA_CHECK_RED_ZONES_BIT) != 0)
            write_past_the_end(s, &a);
        if (!mapped)
            write_after_the_free(s, &b);
        else
            suite_free(s, &b);
        if (!mapped && (modes[i] & both) == both)
            assert_found("written after its free: 4 of 64 bytes of 'old'");
        suite_free(s, &a);
        assert_int_equal(suite_take_message().count, 0);
    }
}

/* Ranges and buffers of all sizes, written by shaders to the last byte, some freed in each frame. */
static void correct_work_is_not_suspected(void **state) {
    enum { LIVE = 24 };
    struct suite *s = *state;
    restart(s, true);
    BdaAllocation all[LIVE] = { { 0 } };
    struct suite_span spans[LIVE];
    uint32_t random = 1;
    for (uint32_t i = 0; i < 12; i++) {
        for (uint32_t j = 0; j < LIVE; j++) {
            if (all[j].handle != 0 && suite_random(&random) % 3 != 0)
                continue;
            suite_free(s, &all[j]);
            VkDeviceSize size = 4 * (VkDeviceSize)(1 + suite_random(&random) % 3000);
            if (j % 2 == 0)
                all[j] = suite_alloc(s, &(BdaAllocInfo){ .size = size });
            else
                all[j] = suite_alloc_buffer(s, size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, NULL);
            spans[j] = suite_span_of(&all[j], i * LIVE + j);
            suite_fill(s, &spans[j], 1);
        }
        frame(s);
        suite_assert_filled(s, spans, LIVE);
        assert_int_equal(broken(s), 0);
    }
    for (uint32_t j = 0; j < LIVE; j++)
        suite_free(s, &all[j]);
    frame(s);
    frame(s);
    assert_int_equal(broken(s), 0);
}

/* ---- Modes together ---- */

enum { KINDS = 6 };

/* Ranges, buffers and dedicated memory, in reach of the CPU and out of it, each written to the last byte by a shader.
 */
static void work_a_frame(struct suite *s, BdaAllocation *all, struct suite_span *spans, uint32_t seed) {
    for (uint32_t i = 0; i < KINDS; i++) {
        const BdaAllocInfo info = { .intent = i % 2 == 0 ? BDA_INTENT_DEVICE : BDA_INTENT_UPLOAD,
                                    .flags = i >= 4 ? BDA_ALLOC_DEDICATED_BIT : 0,
                                    .name = i == 1 ? "named" : NULL };
        BdaAllocInfo range = info;
        range.size = 4 * (VkDeviceSize)(WORDS + seed + i);
        if (all[i].handle != 0)
            suite_free(s, &all[i]);
        all[i] = i == 2 || i == 5 ? suite_alloc_buffer(s, range.size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, &info)
                                  : suite_alloc(s, &range);
        spans[i] = suite_span_of(&all[i], seed + i);
    }
    suite_fill(s, spans, KINDS);
    frame(s);
    suite_assert_filled(s, spans, KINDS);
    assert_int_equal(broken(s), 0);
}

/* A write after the free, in bytes that have a pattern. */
static void plant_after_the_free(struct suite *s, const BdaAllocation *a, uint64_t found) {
    write_words(s, a, 3);
    assert_int_equal(broken(s), found + 1);
    assert_found("written after its free: 12 of ");
}

/* What is planted is found whatever else is on, and by a mode alone. */
static void plant(struct suite *s, BdaCheckFlags checks) {
    BdaAllocation a = take(s, BDA_INTENT_UPLOAD, "short"), freed = a;
    bool zoned = (checks & BDA_CHECK_RED_ZONES_BIT) != 0, poisoned = (checks & BDA_CHECK_POISON_BIT) != 0;
    if (zoned)
        write_words(s, &a, WORDS + 2);
    suite_free(s, &a);
    if (zoned)
        assert_found("behind 'short' (400 bytes at ");
    if (zoned || poisoned)
        plant_after_the_free(s, &freed, zoned);
    BdaAllocation next = take(s, BDA_INTENT_UPLOAD, "next");
    if ((checks & BDA_CHECK_QUARANTINE_BIT) != 0)
        assert_int_not_equal(next.address, freed.address);
    suite_free(s, &next);
    assert_int_equal(suite_take_message().count, 0);
}

static void try_modes(struct suite *s, BdaCheckFlags checks) {
    BdaAllocation all[KINDS] = { { 0 } };
    struct suite_span spans[KINDS];
    restart_with(s, checks, true);
    (void)suite_take_message(); /* a library that can speak to no memory checker says so */
    for (uint32_t i = 0; i < 4; i++)
        work_a_frame(s, all, spans, i * KINDS);
    for (uint32_t i = 0; i < KINDS; i++)
        suite_free(s, &all[i]);
    frame(s);
    frame(s);
    assert_int_equal(broken(s), 0);
    assert_int_equal(suite_use(s).allocation_count, 0);
    assert_vk(bda_check(s->allocator));
    assert_int_equal(suite_take_message().count, 0);
    plant(s, checks);
}

static void modes_bear_each_other(void **state) {
    struct suite *s = *state;
    const BdaCheckFlags every = MODES | BDA_CHECK_ISOLATE_BIT | BDA_CHECK_MEMORY_BIT | BDA_CHECK_POINTERS_BIT |
                                BDA_CHECK_STACKS_BIT | BDA_CHECK_HISTORY_BIT;
    for (BdaCheckFlags one = 1; (one & every) != 0; one <<= 1)
        for (BdaCheckFlags other = one; (other & every) != 0; other <<= 1)
            try_modes(s, one | other);
    try_modes(s, every);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(a_shader_that_writes_past_an_end_is_found),
        SUITE_TEST(a_shader_that_writes_after_a_free_is_found),
        SUITE_TEST(commands_find_the_same_where_nothing_is_mapped),
        SUITE_TEST(correct_work_is_not_suspected),
        SUITE_TEST(modes_bear_each_other),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
