/* bda_alloc_buffer: a VkBuffer of the caller's making, with its chain honoured, bound where it belongs. */
#include "alloc_support.h"

#define CAPTURE VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT
#define FD      VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT

/* VkBufferUsageFlags2CreateInfo is not in the headers of Debian 12. */
struct usage_flags_2 {
    VkStructureType sType;
    const void *pNext;
    uint64_t usage;
};
#define STRUCTURE_TYPE_USAGE_FLAGS_2 ((VkStructureType)1000470006)

static BdaAllocation make(const VkBufferCreateInfo *info, const BdaAllocInfo *wishes) {
    BdaAllocation a;
    assert_int_equal(bda_alloc_buffer(bench.allocator, info, wishes, &a), VK_SUCCESS);
    return a;
}

/* ---- What is made ---- */

static void buffers_are_sound_on_every_machine(void **state) {
    (void)state;
    const enum fake_machine machines[] = { FAKE_MACHINE_DISCRETE, FAKE_MACHINE_REBAR, FAKE_MACHINE_UNIFIED,
                                           FAKE_MACHINE_NON_COHERENT };
    for (uint32_t i = 0; i < COUNT_OF(machines); i++)
        for (int intent = BDA_INTENT_DEVICE; intent <= BDA_INTENT_SHARED; intent++) {
            bench_open(&(struct fake_config){ .machine = machines[i] }, NULL);
            BdaAllocation taken[6];
            for (uint32_t j = 0; j < COUNT_OF(taken); j++) {
                BdaAllocFlags flags = j == 5 ? BDA_ALLOC_DEDICATED_BIT : 0;
                taken[j] = take_buffer(1 + j * 1000, PLAIN_USAGE,
                                       (BdaAllocInfo){ .intent = (BdaIntent)intent, .flags = flags });
            }
            for (uint32_t j = 0; j < COUNT_OF(taken); j++)
                assert_is_sound(&taken[j]);
            give_all(taken, COUNT_OF(taken));
            bench_close();
        }
}

static void no_info_means_all_defaults(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    const VkBufferCreateInfo info = buffer_info(100, PLAIN_USAGE);
    BdaAllocation a = make(&info, NULL);
    assert_int_equal(a.size, 100);
    assert_int_equal(info_of(a.handle).memory_type, 1);
    assert_true(info_of(a.handle).own_buffer);
    give(a);
    bench_close();
}

static void the_buffer_is_the_callers_with_an_address(void **state) {
    (void)state;
    const uint32_t families[] = { 1, 0 };
    bench_prepare(&(struct fake_config){ .queue_families = 2 });
    bench_watch();
    bench_start();
    BdaAllocation block = take_buffer(16, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    VkBufferCreateInfo info = buffer_info(100, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
    info.sharingMode = VK_SHARING_MODE_CONCURRENT;
    info.queueFamilyIndexCount = 2;
    info.pQueueFamilyIndices = families;
    const VkBufferCreateInfo before = info;
    BdaAllocation a = make(&info, NULL);
    assert_memory_equal(&info, &before, sizeof info);
    assert_int_equal(bench.made_buffer.size, 100);
    assert_int_equal(bench.made_buffer.usage,
                     VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT);
    assert_int_equal(bench.made_buffer.sharingMode, VK_SHARING_MODE_CONCURRENT);
    assert_ptr_equal(bench.made_buffer.pQueueFamilyIndices, families);
    assert_int_not_equal(a.address, 0);
    info.sharingMode = VK_SHARING_MODE_EXCLUSIVE; /* is the caller's choice, too */
    info.queueFamilyIndexCount = 0;
    give(make(&info, NULL));
    assert_int_equal(bench.made_buffer.sharingMode, VK_SHARING_MODE_EXCLUSIVE);
    give(a);
    give(block);
    bench_close();
}

static void buffers_share_a_block_but_never_one_of_ranges(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation range = take_bytes(64, BDA_INTENT_DEVICE);
    BdaAllocation one = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    BdaAllocation two = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(memory_handle_of(one.buffer), memory_handle_of(two.buffer));
    assert_int_not_equal(memory_handle_of(range.buffer), memory_handle_of(one.buffer));
    assert_int_equal(memory_of(one.buffer).bound, 2); /* no spanning buffer is left beneath them */
    unsigned allocations = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    give(two);
    give(take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 }));
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), allocations);
    give(one);
    give(range);
    bench_close();
}

static void a_size_given_twice_must_be_the_same(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    const VkBufferCreateInfo info = buffer_info(100, PLAIN_USAGE);
    give(make(&info, &(BdaAllocInfo){ .size = 100 }));
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .size = 99 });
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .usage = VK_BUFFER_USAGE_INDEX_BUFFER_BIT });
    assert_int_equal(bench_heard("bda_alloc_buffer, 100 bytes: size is neither 0 nor the buffer's, 99 ("), 1);
    assert_int_equal(bench_heard("bda_alloc_buffer, 100 bytes: usage is taken from the VkBufferCreateInfo, and must be "
                                 "0 here, 0x40 ("),
                     1);
    bench_close();
}

/* ---- What the driver wants ---- */

static void requirements_larger_than_the_size_are_held(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED,
                                      .size_rounding = 256,
                                      .requirement_alignment = 256,
                                      .base_alignment = 256 },
               NULL);
    BdaAllocation taken[8];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = take_buffer(1 + i, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    for (uint32_t i = 1; i < COUNT_OF(taken); i++)
        assert_true(memory_offset_of(taken[i].buffer) % 256 == 0 &&
                    memory_offset_of(taken[i].buffer) != memory_offset_of(taken[i - 1].buffer));
    assert_int_equal(bench_use().used, 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8);
    assert_int_equal(bench_use().used + bench_use().wasted, 8 * 256);
    give_all(taken, COUNT_OF(taken));
    bench_close();
}

static void memory_types_are_those_the_buffer_can_have(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .usage_rule_count = 2,
                                      .usage_rules = { { VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT, 1u << 4, 0 },
                                                       { VK_BUFFER_USAGE_INDEX_BUFFER_BIT, 1u << 2, 0 } } },
               NULL);
    BdaAllocation indirect = take_buffer(64, VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(info_of(indirect.handle).memory_type, 4);
    const VkBufferCreateInfo host_only = buffer_info(64, VK_BUFFER_USAGE_INDEX_BUFFER_BIT);
    const struct bench_state before = bench_look();
    refuse_buffer(VK_ERROR_FEATURE_NOT_PRESENT, &host_only, (BdaAllocInfo){ .user = 1 });
    refuse(VK_ERROR_FEATURE_NOT_PRESENT, (BdaAllocInfo){ .size = 64 }); /* no type carries every usage of a block */
    assert_int_equal(bench_heard("no memory type serves"), 2);
    assert_as_before(&before);
    give(indirect);
    bench_close();
}

static void what_the_driver_prefers_dedicated_is(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .prefer_dedicated_from = KIB(64) }, NULL);
    BdaAllocation small = take_buffer(KIB(63), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    BdaAllocation large = take_buffer(KIB(64), PLAIN_USAGE, (BdaAllocInfo){ .name = "large" });
    assert_false(info_of(small.handle).dedicated);
    assert_true(info_of(large.handle).dedicated && memory_of(large.buffer).dedicated);
    assert_is_sound(&large);
    give(small);
    give(large);
    bench_close();
}

static void a_mere_preference_yields_to_a_full_heap_or_the_flag(void **state) {
    (void)state;
    const VkDeviceSize limit = MIB(1);
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .prefer_dedicated_from = KIB(64) },
               &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &limit });
    BdaAllocation small = take_buffer(KIB(1), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 }); /* the block takes the limit */
    BdaAllocation yields = take_buffer(KIB(64), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    BdaAllocation frugal = take_buffer(KIB(64), PLAIN_USAGE, (BdaAllocInfo){ .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    assert_false(info_of(yields.handle).dedicated);
    assert_false(info_of(frugal.handle).dedicated);
    assert_is_sound(&yields);
    give(small);
    give(yields);
    give(frugal);
    bench_close();
}

static void what_the_driver_requires_dedicated_is_or_is_refused(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .require_dedicated_from = MIB(4), .base_alignment = 64 }, NULL);
    BdaAllocation a = take_buffer(MIB(4), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    assert_true(memory_of(a.buffer).dedicated);
    const VkBufferCreateInfo info = buffer_info(MIB(4), PLAIN_USAGE);
    const struct bench_state before = bench_look();
    refuse_buffer(VK_ERROR_OUT_OF_DEVICE_MEMORY, &info, (BdaAllocInfo){ .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    refuse_buffer(VK_ERROR_FEATURE_NOT_PRESENT, &info, (BdaAllocInfo){ .alignment = KIB(4) }); /* VUID 01508, 02965 */
    assert_as_before(&before);
    give(a);
    bench_close();
}

/* ---- Addresses ---- */

static void the_queried_address_is_the_truth(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .buffer_address_skew = MIB(1) }, NULL);
    BdaAllocation a = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .name = "skewed" });
    BdaAllocation b = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .name = "skewed too" });
    assert_int_equal(a.address, memory_of(a.buffer).base + memory_offset_of(a.buffer) + MIB(1));
    assert_false(info_of(a.handle).dedicated);
    assert_int_equal(info_of(b.handle).allocation.address, b.address);
    assert_true(fake_device_write(bench.driver, a.address, "there", 5));
    assert_memory_equal(a.mapped, "there", 5);
    give(a);
    give(b);
    bench_close();
}

static void an_address_that_is_not_aligned_moves_the_buffer_to_memory_of_its_own(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .buffer_address_skew = 64 }, NULL);
    const VkBufferCreateInfo info = buffer_info(KIB(8), PLAIN_USAGE);
    BdaAllocation plain = make(&info, NULL);
    BdaAllocation aligned = make(&info, &(BdaAllocInfo){ .alignment = 256, .name = "aligned", .user = 5 });
    assert_false(info_of(plain.handle).dedicated);
    assert_true(info_of(aligned.handle).dedicated);
    assert_int_equal(aligned.address % 256, 0);
    assert_int_equal(info_of(aligned.handle).user, 5);
    const struct bench_state before = bench_look();
    refuse_buffer(VK_ERROR_FEATURE_NOT_PRESENT, &info,
                  (BdaAllocInfo){ .alignment = 256, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    assert_as_before(&before);
    give(aligned);
    give(plain);
    bench_close();
}

/* ---- The chain ---- */

static void external_memory_is_dedicated_and_exportable(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_EXTERNAL_MEMORY_FD }, NULL);
    const VkExternalMemoryBufferCreateInfo external = { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, NULL,
                                                        FD };
    VkBufferCreateInfo info = buffer_info(100, PLAIN_USAGE);
    info.pNext = &external;
    BdaAllocation a = make(&info, &(BdaAllocInfo){ .name = "exported" });
    assert_int_equal(memory_of(a.buffer).export_types, FD);
    assert_true(memory_of(a.buffer).dedicated && info_of(a.handle).dedicated);
    BdaAllocation aligned = make(&info, &(BdaAllocInfo){ .alignment = KIB(64) });
    assert_int_equal(memory_of(aligned.buffer).export_types, FD);
    BdaAllocation plain = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(memory_of(plain.buffer).export_types, 0);
    assert_int_equal(info_of(a.handle).exportable_memory, memory_handle_of(a.buffer));
    assert_int_equal(info_of(aligned.handle).exportable_memory, memory_handle_of(aligned.buffer));
    assert_int_equal(info_of(plain.handle).exportable_memory, VK_NULL_HANDLE);
    const struct bench_state before = bench_look();
    refuse_buffer(VK_ERROR_OUT_OF_DEVICE_MEMORY, &info, (BdaAllocInfo){ .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    assert_as_before(&before);
    give(a);
    give(aligned);
    give(plain);
    bench_close();
}

static void no_handle_types_is_nothing_external(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    const VkExternalMemoryBufferCreateInfo external = { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, NULL, 0 };
    VkBufferCreateInfo info = buffer_info(100, PLAIN_USAGE);
    info.pNext = &external;
    BdaAllocation a = make(&info, NULL);
    assert_false(info_of(a.handle).dedicated);
    give(a);
    bench_close();
}

static void usage_flags_2_take_the_place_of_usage(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_MAINTENANCE_5,
                                      .limits = { .minUniformBufferOffsetAlignment = 256 },
                                      .base_alignment = 256 },
               NULL);
    struct usage_flags_2 flags = { STRUCTURE_TYPE_USAGE_FLAGS_2, NULL,
                                   VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT };
    VkBufferCreateInfo info = buffer_info(100, 0);
    info.pNext = &flags;
    BdaAllocation first = make(&info, NULL), second = make(&info, NULL);
    assert_true(first.address % 256 == 0 && second.address % 256 == 0);
    flags.usage = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT;
    const struct bench_state before = bench_look();
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(bench_heard("SHADER_DEVICE_ADDRESS"), 1);
    assert_unchanged(&before);
    give(first);
    give(second);
    bench_close();
}

static void an_opaque_capture_address_is_refused(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_CAPTURE_REPLAY }, NULL);
    VkBufferOpaqueCaptureAddressCreateInfo capture = { VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO,
                                                       NULL, 0x10000 };
    VkBufferCreateInfo info = buffer_info(100, PLAIN_USAGE);
    info.flags = CAPTURE;
    info.pNext = &capture;
    const struct bench_state before = bench_look();
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(bench_heard("opaque capture address"), 1);
    assert_unchanged(&before);
    capture.opaqueCaptureAddress = 0; /* is none */
    give(make(&info, NULL));
    bench_close();
}

static void captured_buffers_lie_in_memory_made_for_it_and_no_other_does(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_CAPTURE_REPLAY }, NULL);
    VkBufferCreateInfo info = buffer_info(100, PLAIN_USAGE);
    BdaAllocation plain = make(&info, NULL);
    info.flags = CAPTURE;
    BdaAllocation captured = make(&info, NULL);
    BdaAllocation alone = make(&info, &(BdaAllocInfo){ .flags = BDA_ALLOC_DEDICATED_BIT });
    const VkMemoryAllocateFlags replay = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT;
    assert_int_not_equal(memory_handle_of(plain.buffer), memory_handle_of(captured.buffer));
    assert_int_equal(memory_of(plain.buffer).flags & replay, 0);
    assert_int_equal(memory_of(captured.buffer).flags & replay, replay);
    assert_int_equal(memory_of(alone.buffer).flags & replay, replay);
    give(plain);
    give(captured);
    give(alone);
    bench_close();
}

/* ---- What is refused ---- */

static void sparse_protected_and_captured_are_refused_where_they_cannot_be(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_SPARSE_BINDING | FAKE_PROTECTED_MEMORY }, NULL);
    const struct bench_state before = bench_look();
    const VkBufferCreateFlags flags[] = { VK_BUFFER_CREATE_SPARSE_BINDING_BIT, VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT,
                                          VK_BUFFER_CREATE_SPARSE_ALIASED_BIT, VK_BUFFER_CREATE_PROTECTED_BIT };
    VkBufferCreateInfo info = buffer_info(100, PLAIN_USAGE);
    for (uint32_t i = 0; i < COUNT_OF(flags); i++) {
        info.flags = flags[i];
        refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .size = 0 });
    }
    assert_int_equal(bench_heard("sparse and protected"), COUNT_OF(flags));
    info.flags = CAPTURE;
    refuse_buffer(VK_ERROR_FEATURE_NOT_PRESENT, &info, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(bench_heard("bufferDeviceAddressCaptureReplay is not enabled"), 1);
    assert_unchanged(&before);
    bench_close();
}

static void usage_whose_feature_is_off_never_reaches_the_driver(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    const VkBufferUsageFlags usages[] = { VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR,
                                          VK_BUFFER_USAGE_SHADER_BINDING_TABLE_BIT_KHR,
                                          VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT };
    const struct bench_state before = bench_look();
    for (uint32_t i = 0; i < COUNT_OF(usages); i++) {
        const VkBufferCreateInfo info = buffer_info(100, usages[i]);
        refuse_buffer(VK_ERROR_FEATURE_NOT_PRESENT, &info, (BdaAllocInfo){ .size = 0 });
    }
    assert_as_before(&before);
    bench_close();
}

static void usages_that_ranges_cannot_have_are_fine_for_a_buffer(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_TRANSFORM_FEEDBACK | FAKE_CONDITIONAL_RENDERING }, NULL);
    BdaAllocation a = take_buffer(100, VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT, (BdaAllocInfo){ .user = 1 });
    BdaAllocation b = take_buffer(100, VK_BUFFER_USAGE_CONDITIONAL_RENDERING_BIT_EXT, (BdaAllocInfo){ .user = 1 });
    assert_is_sound(&a);
    give(a);
    give(b);
    bench_close();
}

static void a_failed_step_takes_the_buffer_back(void **state) {
    (void)state;
    const struct {
        enum fake_call call;
        VkResult result;
    } steps[] = { { FAKE_CALL_CREATE_BUFFER, VK_ERROR_OUT_OF_HOST_MEMORY },
                  { FAKE_CALL_BIND_BUFFER_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY },
                  { FAKE_CALL_BIND_BUFFER_MEMORY, VK_ERROR_OUT_OF_HOST_MEMORY } };
    for (uint32_t i = 0; i < COUNT_OF(steps); i++) {
        bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
        give(take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .name = "makes the block" }));
        const struct bench_state before = bench_look();
        const VkBufferCreateInfo info = buffer_info(100, PLAIN_USAGE);
        fake_fail(bench.driver, steps[i].call, 1, steps[i].result);
        refuse_buffer(steps[i].result, &info, (BdaAllocInfo){ .name = "fails" });
        assert_as_before(&before);
        assert_int_equal(bench_stats().host_bytes, before.stats.host_bytes);
        bench_close();
    }
}

/* Guards against binding small buffers into memory that was dedicated to the large one a block begins with. */
static void small_buffers_share_blocks_though_large_ones_must_be_dedicated(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .base_alignment = 4096, .require_dedicated_from = KIB(64) }, NULL);
    BdaAllocation a = take_buffer(KIB(1), PLAIN_USAGE, (BdaAllocInfo){ .intent = BDA_INTENT_UPLOAD });
    BdaAllocation range = take_bytes(KIB(1), BDA_INTENT_UPLOAD);
    assert_is_sound(&a);
    assert_is_sound(&range);
    give(a);
    give(range);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_are_sound_on_every_machine),
        cmocka_unit_test(no_info_means_all_defaults),
        cmocka_unit_test(the_buffer_is_the_callers_with_an_address),
        cmocka_unit_test(buffers_share_a_block_but_never_one_of_ranges),
        cmocka_unit_test(a_size_given_twice_must_be_the_same),
        cmocka_unit_test(requirements_larger_than_the_size_are_held),
        cmocka_unit_test(memory_types_are_those_the_buffer_can_have),
        cmocka_unit_test(what_the_driver_prefers_dedicated_is),
        cmocka_unit_test(a_mere_preference_yields_to_a_full_heap_or_the_flag),
        cmocka_unit_test(what_the_driver_requires_dedicated_is_or_is_refused),
        cmocka_unit_test(the_queried_address_is_the_truth),
        cmocka_unit_test(an_address_that_is_not_aligned_moves_the_buffer_to_memory_of_its_own),
        cmocka_unit_test(external_memory_is_dedicated_and_exportable),
        cmocka_unit_test(no_handle_types_is_nothing_external),
        cmocka_unit_test(usage_flags_2_take_the_place_of_usage),
        cmocka_unit_test(an_opaque_capture_address_is_refused),
        cmocka_unit_test(captured_buffers_lie_in_memory_made_for_it_and_no_other_does),
        cmocka_unit_test(sparse_protected_and_captured_are_refused_where_they_cannot_be),
        cmocka_unit_test(usage_whose_feature_is_off_never_reaches_the_driver),
        cmocka_unit_test(usages_that_ranges_cannot_have_are_fine_for_a_buffer),
        cmocka_unit_test(a_failed_step_takes_the_buffer_back),
        cmocka_unit_test(small_buffers_share_blocks_though_large_ones_must_be_dedicated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
