/*
 * Backings: memory is mapped once where the CPU can reach it, told what it must be told, synchronised in whole atoms,
 * and given back whatever fails.
 */
#include "memory_support.h"

#include <string.h>

#include "core/bits.h"
#include "memory/backing.h"

/* ---- Words of these tests ---- */

static VkResult make(struct rig *rig, const struct bda_backing_info *info, struct bda_backing *backing) {
    const char *reason = NULL;
    memset(backing, 0xA5, sizeof *backing);
    VkResult result = bda_backing_create(&rig->device, info, backing, &reason);
    assert_null(reason); /* what the driver refuses is not explained */
    return result;
}

static struct bda_backing made(struct rig *rig, const struct bda_backing_info *info) {
    struct bda_backing backing;
    assert_int_equal(make(rig, info, &backing), VK_SUCCESS);
    return backing;
}

static struct fake_memory_info told(struct rig *rig, const struct bda_backing *backing) {
    struct fake_memory_info info;
    assert_true(fake_memory_info(rig->driver, backing->memory, &info));
    return info;
}

/* ---- Mapping ---- */

static void check_type(struct rig *rig, uint32_t type) {
    const struct bda_backing_info info = { .size = 4 * KIB, .type = type };
    unsigned before = fake_call_count(rig->driver, FAKE_CALL_MAP_MEMORY);
    bool visible = (bda_device_properties_of(&rig->device, type) & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
    struct bda_backing backing = made(rig, &info);
    assert_int_equal(backing.size, 4 * KIB);
    assert_int_equal(backing.type, type);
    assert_int_equal(backing.mapped != NULL, visible);
    assert_int_equal(told(rig, &backing).mapped, visible);
    assert_int_equal(told(rig, &backing).type, type);
    assert_int_equal(told(rig, &backing).size, 4 * KIB);
    assert_int_equal(fake_call_count(rig->driver, FAKE_CALL_MAP_MEMORY) - before, visible);
    assert_int_equal(atomic_load(&rig->device.budget.heaps[bda_device_heap_of(&rig->device, type)].allocated), 4 * KIB);
    bda_backing_destroy(&rig->device, &backing);
    assert_true(backing.memory == VK_NULL_HANDLE);
    assert_null(backing.mapped);
}

static void memory_is_mapped_once_where_the_cpu_can_reach_it(void **state) {
    (void)state;
    const enum fake_machine machines[] = { FAKE_MACHINE_DISCRETE, FAKE_MACHINE_REBAR, FAKE_MACHINE_UNIFIED,
                                           FAKE_MACHINE_NON_COHERENT, FAKE_MACHINE_UNMAPPABLE };
    for (size_t i = 0; i < COUNT(machines); i++) {
        struct rig rig;
        rig_open(&rig, (struct fake_config){ .machine = machines[i] });
        for (uint32_t type = 0; type < rig.device.memory.memoryTypeCount; type++)
            check_type(&rig, type);
        rig_close(&rig);
    }
}

static void the_mapping_shows_the_first_byte_and_the_last(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED });
    struct bda_backing backing = made(&rig, &(struct bda_backing_info){ .size = 1000 });
    unsigned char seen[2] = { 0, 0 };
    backing.mapped[0] = 11;
    backing.mapped[999] = 22;
    assert_true(fake_device_read(rig.driver, told(&rig, &backing).base, &seen[0], 1));
    assert_true(fake_device_read(rig.driver, told(&rig, &backing).base + 999, &seen[1], 1));
    assert_int_equal(seen[0], 11);
    assert_int_equal(seen[1], 22);
    bda_backing_destroy(&rig.device, &backing);
    rig_close(&rig);
}

/* ---- What the driver is told ---- */

#define EVERYTHING (FAKE_MEMORY_PRIORITY | FAKE_CAPTURE_REPLAY | FAKE_EXTERNAL_MEMORY_FD)

static void memory_has_addresses_and_nothing_that_was_not_asked_for(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .with = EVERYTHING });
    struct bda_backing backing = made(&rig, &(struct bda_backing_info){ .size = 64, .type = 1, .priority = 0.5f });
    struct fake_memory_info info = told(&rig, &backing);
    assert_int_equal(info.flags, VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT);
    assert_false(info.dedicated);
    assert_int_equal(info.export_types, 0);
    bda_backing_destroy(&rig.device, &backing);
    rig_close(&rig);
}

static void capture_and_replay_is_told_where_asked_for(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .with = EVERYTHING });
    struct bda_backing backing =
        made(&rig, &(struct bda_backing_info){ .size = 64, .type = 1, .capture_replay = true });
    assert_int_equal(told(&rig, &backing).flags,
                     VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT | VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT);
    bda_backing_destroy(&rig.device, &backing);
    rig_close(&rig);
}

static float priority_on(struct fake_config config, float priority) {
    struct rig rig;
    rig_open(&rig, config);
    struct bda_backing backing = made(&rig, &(struct bda_backing_info){ .size = 64, .type = 1, .priority = priority });
    float heard = told(&rig, &backing).priority;
    bda_backing_destroy(&rig.device, &backing);
    rig_close(&rig);
    return heard;
}

/* The fake driver takes the struct for a violation where the feature is off. */
static void priority_is_told_only_where_it_is_enabled(void **state) {
    (void)state;
    const struct fake_config disabled = { .with = FAKE_MEMORY_PRIORITY, .disabled = FAKE_MEMORY_PRIORITY };
    assert_true(priority_on((struct fake_config){ .with = FAKE_MEMORY_PRIORITY }, 0.25f) == 0.25f);
    assert_true(priority_on((struct fake_config){ .with = FAKE_MEMORY_PRIORITY }, 1.0f) == 1.0f);
    assert_true(priority_on((struct fake_config){ 0 }, 0.25f) == 0.5f);
    assert_true(priority_on(disabled, 0.25f) == 0.5f);
}

static VkBuffer make_buffer(struct rig *rig, VkMemoryRequirements2 *requirements) {
    const VkExternalMemoryBufferCreateInfo external = { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, NULL,
                                                        VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    const VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                      .pNext = &external,
                                      .flags = VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT,
                                      .size = 1000,
                                      .usage = VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT };
    VkBuffer buffer = VK_NULL_HANDLE;
    assert_int_equal(rig->device.vk.create_buffer(rig->device.handle, &info, rig->device.driver_callbacks, &buffer),
                     VK_SUCCESS);
    const VkBufferMemoryRequirementsInfo2 question = { VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, NULL,
                                                       buffer };
    *requirements = (VkMemoryRequirements2){ .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2 };
    rig->device.vk.get_buffer_requirements(rig->device.handle, &question, requirements);
    return buffer;
}

static void all_wishes_go_into_one_chain(void **state) {
    (void)state;
    struct rig rig;
    VkMemoryRequirements2 requirements;
    rig_open(&rig, (struct fake_config){ .with = EVERYTHING });
    VkBuffer buffer = make_buffer(&rig, &requirements);
    const struct bda_backing_info info = { .size = requirements.memoryRequirements.size,
                                           .type = 1,
                                           .priority = 0.75f,
                                           .dedicated_to = buffer,
                                           .handle_types = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
                                           .capture_replay = true };
    struct bda_backing backing = made(&rig, &info);
    struct fake_memory_info heard = told(&rig, &backing);
    assert_true(heard.dedicated);
    assert_true(heard.priority == 0.75f);
    assert_int_equal(heard.export_types, VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT);
    assert_int_equal(rig.device.vk.bind_buffer_memory(rig.device.handle, buffer, backing.memory, 0), VK_SUCCESS);
    rig.device.vk.destroy_buffer(rig.device.handle, buffer, rig.device.driver_callbacks);
    bda_backing_destroy(&rig.device, &backing);
    rig_close(&rig);
}

/* ---- The budget ---- */

/* Refused before the driver is asked, with a reason; and nothing stays set aside. */
static void assert_refused(struct rig *rig, const struct bda_backing_info *info, VkResult expected) {
    const char *reason = NULL;
    struct bda_backing backing;
    struct rig_state before = rig_look(rig);
    unsigned calls = fake_call_count(rig->driver, FAKE_CALL_ALLOCATE_MEMORY);
    assert_int_equal(bda_backing_create(&rig->device, info, &backing, &reason), expected);
    assert_non_null(reason);
    assert_int_equal(fake_call_count(rig->driver, FAKE_CALL_ALLOCATE_MEMORY), calls);
    rig_assert_state(rig, &before);
}

static void what_the_budget_refuses_never_reaches_the_driver(void **state) {
    (void)state;
    struct rig rig;
    const VkDeviceSize limit = 100;
    struct bda_backing_info info = { .size = 101, .type = 1 };
    rig_prepare(&rig, (struct fake_config){ .limits = { .maxMemoryAllocationCount = 1 } });
    rig.info.heap_limit_count = 1;
    rig.info.heap_limits = &limit;
    assert_int_equal(rig_start(&rig, NULL), VK_SUCCESS);
    assert_refused(&rig, &info, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    info.size = 100;
    struct bda_backing backing = made(&rig, &info);
    info.type = 2;
    assert_refused(&rig, &info, VK_ERROR_TOO_MANY_OBJECTS);
    struct bda_limit of_pool = { .most = 100 };
    info.limit = &of_pool;
    assert_refused(&rig, &info, VK_ERROR_TOO_MANY_OBJECTS);
    assert_int_equal(of_pool.reserved, 0);
    bda_backing_destroy(&rig.device, &backing);
    rig_close(&rig);
}

static void a_pools_limit_counts_what_its_memory_takes(void **state) {
    (void)state;
    struct rig rig;
    struct bda_limit limit = { .most = 100 };
    const struct bda_backing_info info = { .size = 60, .type = 1, .limit = &limit };
    rig_open(&rig, (struct fake_config){ 0 });
    struct bda_backing backing = made(&rig, &info);
    assert_int_equal(limit.reserved, 60);
    assert_refused(&rig, &info, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(limit.reserved, 60);
    bda_backing_destroy(&rig.device, &backing);
    assert_int_equal(limit.reserved, 0);
    rig_close(&rig);
}

static void what_the_budget_refuses_is_not_counted_against_the_pools_limit(void **state) {
    (void)state;
    struct rig rig;
    struct bda_limit limit = { .most = 1 * MIB };
    rig_open(&rig, (struct fake_config){ .heap_size = 1 * MIB });
    const struct bda_backing_info info = { .size = 1 * MIB, .type = 1, .within_budget = true, .limit = &limit };
    assert_refused(&rig, &info, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(limit.reserved, 0);
    rig_close(&rig);
}

static void the_driver_is_asked_for_its_budget_each_time(void **state) {
    (void)state;
    struct rig rig;
    const struct bda_backing_info info = { .size = 64 * KIB, .type = 1, .within_budget = true };
    rig_open(&rig, (struct fake_config){ .with = FAKE_MEMORY_BUDGET });
    struct bda_backing first = made(&rig, &info);
    fake_set_budget(rig.driver, 0, 128 * KIB, 1); /* one byte of another process */
    assert_refused(&rig, &info, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    fake_set_budget(rig.driver, 0, 128 * KIB, 0);
    struct bda_backing second = made(&rig, &info);
    assert_refused(&rig, &info, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    struct bda_backing third = made(&rig, &(struct bda_backing_info){ .size = 64 * KIB, .type = 1 });
    bda_backing_destroy(&rig.device, &first);
    bda_backing_destroy(&rig.device, &second);
    bda_backing_destroy(&rig.device, &third);
    rig_close(&rig);
}

static void without_the_extension_nobody_is_asked(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .heap_size = 100 * KIB });
    unsigned before = fake_call_count(rig.driver, FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
    struct bda_backing_info info = { .size = 81 * KIB, .type = 1, .within_budget = true };
    assert_refused(&rig, &info, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    info.size = 80 * KIB;
    struct bda_backing backing = made(&rig, &info);
    assert_int_equal(fake_call_count(rig.driver, FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2), before);
    bda_backing_destroy(&rig.device, &backing);
    rig_close(&rig);
}

/* ---- Failures ---- */

static void a_refused_call_of_each_kind_gives_everything_back(void **state) {
    (void)state;
    const enum fake_call calls[] = { FAKE_CALL_ALLOCATE_MEMORY, FAKE_CALL_MAP_MEMORY };
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED });
    struct rig_state before = rig_look(&rig);
    for (size_t i = 0; i < COUNT(calls) * rig_refusal_count; i++) {
        VkResult refusal = rig_refusals[i / COUNT(calls)];
        struct bda_backing backing;
        fake_fail(rig.driver, calls[i % COUNT(calls)], 1, refusal);
        assert_int_equal(make(&rig, &(struct bda_backing_info){ .size = 64 }, &backing), refusal);
        assert_int_equal(fake_failed(rig.driver), 1);
        rig_assert_state(&rig, &before);
    }
    rig_close(&rig);
}

static void whichever_call_fails_nothing_is_left(void **state) {
    (void)state;
    struct rig rig;
    struct bda_limit limit = { .most = 64 };
    const struct bda_backing_info info = { .size = 64, .type = 1, .limit = &limit };
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT, .with = FAKE_MEMORY_BUDGET });
    struct rig_state before = rig_look(&rig);
    for (size_t i = 0; i < rig_refusal_count; i++) {
        for (unsigned nth = 1;; nth++) {
            struct bda_backing backing;
            fake_fail(rig.driver, FAKE_CALL_ANY, nth, rig_refusals[i]);
            VkResult result = make(&rig, &info, &backing);
            assert_int_equal(result, fake_failed(rig.driver) != 0 ? rig_refusals[i] : VK_SUCCESS);
            if (result == VK_SUCCESS)
                bda_backing_destroy(&rig.device, &backing);
            rig_assert_state(&rig, &before);
            assert_int_equal(limit.reserved, 0);
            if (result == VK_SUCCESS)
                break;
        }
    }
    fake_clear_failures(rig.driver);
    rig_close(&rig);
}

static void host_memory_that_runs_out_leaves_nothing(void **state) {
    (void)state;
    struct rig rig;
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED });
    struct rig_state before = rig_look(&rig);
    for (size_t nth = 1; result != VK_SUCCESS; nth++) {
        struct bda_backing backing;
        fake_host_fail(&rig.memory, nth, false);
        result = make(&rig, &(struct bda_backing_info){ .size = 64 }, &backing);
        assert_int_equal(result, rig.memory.failed != 0 ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_SUCCESS);
        if (result == VK_SUCCESS)
            bda_backing_destroy(&rig.device, &backing);
        rig_assert_state(&rig, &before);
    }
    fake_host_fail(&rig.memory, 0, false);
    rig_close(&rig);
}

static VKAPI_ATTR VkResult VKAPI_CALL refuse_with_rubbish(VkDevice device, const VkMemoryAllocateInfo *info,
                                                          const VkAllocationCallbacks *callbacks, VkDeviceMemory *out) {
    (void)device;
    (void)info;
    (void)callbacks;
    *out = FORGED(VkDeviceMemory, 0xDEADBEE0u);
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
}

/* "Return Codes": after an error, output parameters have undefined contents. Whoever closes a block frees what stands
 * there. */
static void what_a_refusing_driver_leaves_in_the_handle_is_not_kept(void **state) {
    (void)state;
    struct rig rig;
    struct bda_backing backing;
    rig_open(&rig, (struct fake_config){ 0 });
    rig.device.vk.allocate_memory = refuse_with_rubbish;
    VkResult result = make(&rig, &(struct bda_backing_info){ .size = 64, .type = 1 }, &backing);
    assert_int_equal(result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_true(backing.memory == VK_NULL_HANDLE);
    assert_null(backing.mapped);
    rig_close(&rig);
}

/* ---- Synchronising ---- */

enum { ODD_SIZE = 1000 }; /* ends within an atom of 64 */

/* One memory of which the CPU and the device see different bytes. */
struct sides {
    struct rig rig;
    struct bda_backing backing;
    VkDeviceAddress base;
    unsigned char device[ODD_SIZE];
};

static void open_sides(struct sides *sides, struct fake_config config, VkDeviceSize size) {
    config.machine = FAKE_MACHINE_NON_COHERENT;
    rig_open(&sides->rig, config);
    sides->backing = made(&sides->rig, &(struct bda_backing_info){ .size = size, .type = 1 });
    sides->base = told(&sides->rig, &sides->backing).base;
}

static void close_sides(struct sides *sides) {
    bda_backing_destroy(&sides->rig.device, &sides->backing);
    rig_close(&sides->rig);
}

/* The CPU sees ones and the device twos. */
static void part_sides(struct sides *sides) {
    size_t size = (size_t)sides->backing.size;
    memset(sides->backing.mapped, 1, size);
    memset(sides->device, 2, size);
    assert_true(fake_device_write(sides->rig.driver, sides->base, sides->device, size));
}

static void sync(struct sides *sides, enum bda_sync direction, VkDeviceSize offset, VkDeviceSize size) {
    part_sides(sides);
    assert_int_equal(bda_backing_sync(&sides->rig.device, &sides->backing, direction, offset, size), VK_SUCCESS);
    assert_true(fake_device_read(sides->rig.driver, sides->base, sides->device, (size_t)sides->backing.size));
}

/* Both sides hold `value` within the atoms of the range, and what they held before outside. */
static void check_sync(struct sides *sides, VkDeviceSize offset, VkDeviceSize size, enum bda_sync direction) {
    VkDeviceSize atom = sides->rig.device.limits.non_coherent_atom;
    VkDeviceSize first = bda_align_down(offset, atom);
    VkDeviceSize end = bda_align_up(offset + size, atom);
    bool flush = direction == BDA_SYNC_FLUSH;
    sync(sides, direction, offset, size);
    for (VkDeviceSize i = 0; i < sides->backing.size; i++) {
        bool inside = i >= first && i < end;
        assert_int_equal(sides->device[i], inside && flush ? 1 : 2);
        assert_int_equal(sides->backing.mapped[i], inside && !flush ? 2 : 1);
    }
}

static void check_all_ranges(struct sides *sides) {
    const VkDeviceSize sizes[] = { 1, 39, 40, 41, 63, 64, 65, 300 };
    VkDeviceSize whole = sides->backing.size;
    for (VkDeviceSize offset = 0; offset < whole; offset += 13)
        for (size_t i = 0; i <= COUNT(sizes); i++) {
            VkDeviceSize size = i < COUNT(sizes) ? bda_min(sizes[i], whole - offset) : whole - offset;
            check_sync(sides, offset, size, BDA_SYNC_FLUSH);
            check_sync(sides, offset, size, BDA_SYNC_INVALIDATE);
        }
    check_sync(sides, whole - 1, 1, BDA_SYNC_FLUSH);
}

static void ranges_are_widened_to_whole_atoms_and_no_further(void **state) {
    (void)state;
    const VkDeviceSize sizes[] = { ODD_SIZE, 960, 64, 30 };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct sides sides;
        open_sides(&sides, (struct fake_config){ 0 }, sizes[i]);
        check_all_ranges(&sides);
        close_sides(&sides);
    }
}

static void atoms_of_any_size_are_kept(void **state) {
    (void)state;
    const VkDeviceSize atoms[] = { 1, 16, 256 };
    for (size_t i = 0; i < COUNT(atoms); i++) {
        struct sides sides;
        open_sides(&sides, (struct fake_config){ .limits = { .nonCoherentAtomSize = atoms[i] } }, ODD_SIZE);
        check_all_ranges(&sides);
        close_sides(&sides);
    }
}

static void nothing_to_synchronise_makes_no_call(void **state) {
    (void)state;
    struct sides sides;
    open_sides(&sides, (struct fake_config){ 0 }, ODD_SIZE);
    unsigned before = fake_call_count(sides.rig.driver, FAKE_CALL_ANY);
    struct bda_device *device = &sides.rig.device;
    assert_int_equal(bda_backing_sync(device, &sides.backing, BDA_SYNC_FLUSH, 0, 0), VK_SUCCESS);
    assert_int_equal(bda_backing_sync(device, &sides.backing, BDA_SYNC_INVALIDATE, ODD_SIZE, 0), VK_SUCCESS);
    assert_int_equal(fake_call_count(sides.rig.driver, FAKE_CALL_ANY), before);
    close_sides(&sides);
}

/* Nor does memory that is not mapped, where a range would break a rule. */
static void coherent_memory_makes_no_call(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .machine = FAKE_MACHINE_DISCRETE });
    for (uint32_t type = 0; type < rig.device.memory.memoryTypeCount; type++) {
        struct bda_backing backing = made(&rig, &(struct bda_backing_info){ .size = 64, .type = type });
        unsigned before = fake_call_count(rig.driver, FAKE_CALL_ANY);
        assert_int_equal(bda_backing_sync(&rig.device, &backing, BDA_SYNC_FLUSH, 0, 64), VK_SUCCESS);
        assert_int_equal(bda_backing_sync(&rig.device, &backing, BDA_SYNC_INVALIDATE, 0, 64), VK_SUCCESS);
        assert_int_equal(fake_call_count(rig.driver, FAKE_CALL_ANY), before);
        bda_backing_destroy(&rig.device, &backing);
    }
    rig_close(&rig);
}

static void what_the_driver_answers_to_a_flush_is_passed_on(void **state) {
    (void)state;
    struct sides sides;
    open_sides(&sides, (struct fake_config){ 0 }, ODD_SIZE);
    struct fake_driver *driver = sides.rig.driver;
    fake_fail(driver, FAKE_CALL_FLUSH, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(bda_backing_sync(&sides.rig.device, &sides.backing, BDA_SYNC_FLUSH, 0, 1),
                     VK_ERROR_OUT_OF_HOST_MEMORY);
    fake_fail(driver, FAKE_CALL_INVALIDATE, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(bda_backing_sync(&sides.rig.device, &sides.backing, BDA_SYNC_INVALIDATE, 0, 1),
                     VK_ERROR_OUT_OF_DEVICE_MEMORY);
    close_sides(&sides);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_mapped_once_where_the_cpu_can_reach_it),
        cmocka_unit_test(the_mapping_shows_the_first_byte_and_the_last),
        cmocka_unit_test(memory_has_addresses_and_nothing_that_was_not_asked_for),
        cmocka_unit_test(capture_and_replay_is_told_where_asked_for),
        cmocka_unit_test(priority_is_told_only_where_it_is_enabled),
        cmocka_unit_test(all_wishes_go_into_one_chain),
        cmocka_unit_test(what_the_budget_refuses_never_reaches_the_driver),
        cmocka_unit_test(a_pools_limit_counts_what_its_memory_takes),
        cmocka_unit_test(what_the_budget_refuses_is_not_counted_against_the_pools_limit),
        cmocka_unit_test(the_driver_is_asked_for_its_budget_each_time),
        cmocka_unit_test(without_the_extension_nobody_is_asked),
        cmocka_unit_test(a_refused_call_of_each_kind_gives_everything_back),
        cmocka_unit_test(whichever_call_fails_nothing_is_left),
        cmocka_unit_test(host_memory_that_runs_out_leaves_nothing),
        cmocka_unit_test(what_a_refusing_driver_leaves_in_the_handle_is_not_kept),
        cmocka_unit_test(ranges_are_widened_to_whole_atoms_and_no_further),
        cmocka_unit_test(atoms_of_any_size_are_kept),
        cmocka_unit_test(nothing_to_synchronise_makes_no_call),
        cmocka_unit_test(coherent_memory_makes_no_call),
        cmocka_unit_test(what_the_driver_answers_to_a_flush_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
