/* src/alloc/lifecycle.c: an allocator's beginning and end, and what it resolves on the way. */
#include "alloc_support.h"

#include "alloc/allocator.h"

/* ---- The beginning ---- */

static void a_new_allocator_holds_no_device_memory_and_little_of_the_hosts(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    assert_int_equal(fake_buffer_count(bench.driver), 0);
    assert_true(bench.host.live_bytes < KIB(64));
    assert_int_equal(bench_stats().host_bytes, bench.host.live_bytes);
    assert_int_equal(bench.length, 0);
    bench_close();
}

static void what_is_passed_in_need_not_outlive_the_call(void **state) {
    (void)state;
    bench_prepare(&(struct fake_config){ .queue_families = 3 });
    uint32_t families[2] = { 0, 2 };
    VkDeviceSize limits[1] = { MIB(8) };
    VkAllocationCallbacks callbacks = bench.callbacks;
    VkDeviceCreateInfo device_info = *bench.info.device_info;
    bench.info.queue_family_count = 2;
    bench.info.queue_families = families;
    bench.info.heap_limit_count = 1;
    bench.info.heap_limits = limits;
    bench.info.callbacks = &callbacks;
    bench.info.device_info = &device_info;
    bench_start();
    memset(families, 0xEE, sizeof families);
    memset(limits, 0xEE, sizeof limits);
    memset(&callbacks, 0xEE, sizeof callbacks);
    memset(&device_info, 0xEE, sizeof device_info);
    BdaAllocation a = take_bytes(16, BDA_INTENT_DEVICE);
    assert_int_equal(bench_stats().heaps[0].limit, MIB(8));
    give(a);
    bench_close();
}

static void without_callbacks_host_memory_is_malloced(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.callbacks = NULL;
    bench_start();
    BdaAllocation a = take((BdaAllocInfo){ .size = 16, .name = "name" });
    assert_true(bench_stats().host_bytes > 0);
    give(a);
    assert_int_equal(bench.host.calls, 0);
    bench_close();
}

/* ---- What is resolved ---- */

static void properties_tell_what_the_device_offers(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_ACCELERATION_STRUCTURE | FAKE_RAY_TRACING_PIPELINE |
                                              FAKE_DESCRIPTOR_BUFFER | FAKE_MEMORY_BUDGET | FAKE_MEMORY_PRIORITY |
                                              FAKE_DEBUG_UTILS,
                                      .queue_families = 2,
                                      .limits = { .nonCoherentAtomSize = 128, .maxMemoryAllocationCount = 1000 },
                                      .max_memory_allocation_size = MIB(512),
                                      .max_buffer_size = MIB(256) },
               NULL);
    const BdaProperties p = bench_properties();
    assert_int_equal(p.api_version, VK_API_VERSION_1_3);
    assert_int_equal(p.granule, 16);
    assert_int_equal(p.max_allocation_size, MIB(256));
    assert_true(p.non_coherent_atom == 128 && p.uniform_alignment == 64 && p.storage_alignment == 16);
    assert_true(p.texel_alignment == 16 && p.acceleration_structure_alignment == 256 && p.scratch_alignment == 128);
    assert_true(p.shader_binding_table_alignment == 64 && p.descriptor_buffer_alignment == 64);
    assert_int_equal(p.base_alignment, 256);
    assert_int_equal(p.range_usage & PLAIN_USAGE, PLAIN_USAGE);
    assert_true((p.range_usage & VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR) != 0);
    assert_true((p.range_usage & VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT) != 0);
    assert_int_equal(p.max_memory_count, 1000);
    assert_int_equal(p.queue_family_count, 2);
    assert_true(p.memory_budget && p.memory_priority && p.timeline_semaphore && p.debug_utils);
    bench_close();
}

static void properties_tell_what_is_not_enabled(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_ACCELERATION_STRUCTURE | FAKE_MEMORY_PRIORITY,
                                      .disabled = FAKE_ACCELERATION_STRUCTURE | FAKE_MEMORY_PRIORITY |
                                                  FAKE_TIMELINE_SEMAPHORE },
               NULL);
    const BdaProperties p = bench_properties();
    assert_true(p.acceleration_structure_alignment == 0 && p.scratch_alignment == 0);
    assert_true(p.shader_binding_table_alignment == 0 && p.descriptor_buffer_alignment == 0);
    assert_int_equal(p.range_usage & VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR, 0);
    assert_int_equal(p.queue_family_count, 0);
    assert_false(p.memory_budget || p.memory_priority || p.timeline_semaphore || p.debug_utils);
    bench_close();
}

static void resolved_sizes_do_not_contradict_each_other(void **state) {
    (void)state;
    const BdaAllocatorInfo wishes[] = { { .first_block_size = GIB(1) },
                                        { .first_block_size = MIB(128) },
                                        { .max_block_size = KIB(128) },
                                        { .max_host_visible_block_size = KIB(128) },
                                        { .first_block_size = MIB(2), .max_host_visible_block_size = MIB(1) } };
    for (uint32_t i = 0; i < COUNT_OF(wishes); i++) {
        bench_prepare(NULL);
        bench.info.first_block_size = wishes[i].first_block_size;
        bench.info.max_block_size = wishes[i].max_block_size;
        bench.info.max_host_visible_block_size = wishes[i].max_host_visible_block_size;
        if (bda_create_allocator(&bench.info, &bench.allocator) == VK_SUCCESS) {
            const BdaProperties p = bench_properties();
            assert_true(p.first_block_size <= p.max_block_size);
            give(take_bytes(16, BDA_INTENT_DEVICE));
            give(take_bytes(16, BDA_INTENT_UPLOAD));
            bench_close();
        } else {
            assert_int_equal(bench_heard("bda_create_allocator"), 1);
            assert_int_equal(fake_destroy(bench.driver), 0);
            assert_int_equal(fake_host_done(&bench.host), 0);
        }
    }
}

static void older_versions_serve(void **state) {
    (void)state;
    const struct fake_config configs[] = {
        { .instance_version = VK_API_VERSION_1_2 },
        { .device_version = VK_API_VERSION_1_2 },
        { .instance_version = VK_API_VERSION_1_1, .device_version = VK_API_VERSION_1_1 },
        { .device_version = VK_API_VERSION_1_1, .with = FAKE_KHR_ALIASES },
        { .separate_features = true },
    };
    for (uint32_t i = 0; i < COUNT_OF(configs); i++) {
        bench_open(&configs[i], NULL);
        assert_true(bench_properties().timeline_semaphore);
        VkSemaphore timeline = fake_make_semaphore(bench.driver, 1);
        BdaAllocation a = take_bytes(100, BDA_INTENT_UPLOAD);
        BdaAllocation own = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
        assert_is_sound(&a);
        assert_is_sound(&own);
        assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
        assert_int_equal(bda_free_after(bench.allocator, own.handle, timeline, 1), VK_SUCCESS);
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
        assert_int_equal(bench_use().pending_count, 0);
        bench_close();
    }
}

static void version_zero_means_1_2(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.api_version = 0;
    bench_start();
    assert_int_equal(bench_properties().api_version, VK_API_VERSION_1_2);
    give(take_bytes(16, BDA_INTENT_DEVICE));
    bench_close();
}

/* ---- Queue families ---- */

static void blocks_are_shared_by_all_families_of_the_device(void **state) {
    (void)state;
    bench_prepare(&(struct fake_config){ .queue_families = 3 });
    bench_watch();
    bench_start();
    BdaAllocation a = take_bytes(16, BDA_INTENT_DEVICE);
    assert_int_equal(bench.made_buffer.sharingMode, VK_SHARING_MODE_CONCURRENT);
    assert_int_equal(bench.made_buffer.queueFamilyIndexCount, 3);
    assert_int_equal(bench_properties().queue_family_count, 3);
    assert_int_equal(bench.linked_flags, 1); /* exactly one VkMemoryAllocateFlagsInfo */
    give(a);
    bench_close();
}

static void blocks_are_shared_by_the_families_given(void **state) {
    (void)state;
    const uint32_t families[] = { 2, 0, 2 };
    bench_prepare(&(struct fake_config){ .queue_families = 4 });
    bench.info.queue_family_count = 3; /* one of them twice, which Vulkan refuses */
    bench.info.queue_families = families;
    bench_watch();
    bench_start();
    BdaAllocation a = take_bytes(16, BDA_INTENT_DEVICE);
    assert_int_equal(bench.made_buffer.sharingMode, VK_SHARING_MODE_CONCURRENT);
    assert_int_equal(bench.made_buffer.queueFamilyIndexCount, 2);
    assert_int_equal(bench.made_buffer.pQueueFamilyIndices[0], 2);
    assert_int_equal(bench.made_buffer.pQueueFamilyIndices[1], 0);
    give(a);
    bench_close();
}

static void blocks_of_one_family_are_exclusive(void **state) {
    (void)state;
    const uint32_t family = 1;
    bench_prepare(&(struct fake_config){ .queue_families = 4 });
    bench.info.queue_family_count = 1;
    bench.info.queue_families = &family;
    bench_watch();
    bench_start();
    BdaAllocation a = take_bytes(16, BDA_INTENT_DEVICE);
    assert_int_equal(bench.made_buffer.sharingMode, VK_SHARING_MODE_EXCLUSIVE);
    assert_int_equal(bench_properties().queue_family_count, 0);
    give(a);
    bench_close();
}

/* ---- The caller's own locks ---- */

static void an_externally_synchronized_allocator_does_the_same(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT });
    assert_false(bench.allocator->locks);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 1);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "pool" });
    BdaAllocation a = take((BdaAllocInfo){ .size = 64, .intent = BDA_INTENT_UPLOAD, .name = "a" });
    BdaAllocation own = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    assert_is_sound(&a);
    assert_int_equal(bda_free_after(bench.allocator, own.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    give(a);
    assert_int_equal(bda_free(bench.allocator, a.handle), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* ---- The end ---- */

static void destroying_no_allocator_does_nothing(void **state) {
    (void)state;
    assert_int_equal(bda_destroy_allocator(NULL), VK_SUCCESS);
}

static void destroy_frees_what_is_live_of_every_kind(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "pool" });
    for (uint32_t i = 0; i < 20; i++) {
        (void)take((BdaAllocInfo){ .size = KIB(100), .name = i % 3 ? NULL : "range" });
        (void)take_buffer(KIB(1), PLAIN_USAGE, (BdaAllocInfo){ .pool = pool, .name = "own" });
        (void)take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT, .pool = pool, .user = i });
    }
    bench_end(VK_INCOMPLETE);
}

static void a_failed_creation_leaves_nothing_behind(void **state) {
    (void)state;
    bench_prepare(NULL);
    for (uint32_t round = 0; round < 2; round++) {
        bench.allocator = (BdaAllocator)&bench;
        if (round == 0)
            fake_host_fail(&bench.host, 1, true);
        else
            fake_fail(bench.driver, FAKE_CALL_CREATE_BUFFER, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
        assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY, bda_create_allocator(&bench.info, &bench.allocator),
                       "bda_create_allocator", "host memory was refused");
        assert_null(bench.allocator);
        assert_int_equal(bench.host.live_count, 0);
        fake_host_fail(&bench.host, 0, false);
    }
    bench_start();
    bench_close();
}

static void a_missing_vulkan_function_is_named(void **state) {
    (void)state;
    unsigned refusals = 0;
    bench_prepare(NULL);
    for (unsigned nth = 1; nth < 100; nth++) {
        fake_fail(bench.driver, FAKE_CALL_GET_PROC_ADDR, nth, VK_ERROR_UNKNOWN);
        VkResult result = bda_create_allocator(&bench.info, &bench.allocator);
        unsigned failed = fake_failed(bench.driver);
        fake_clear_failures(bench.driver);
        if (result == VK_SUCCESS) { /* one that can be done without, or no function was missing */
            assert_int_equal(bda_destroy_allocator(bench.allocator), VK_SUCCESS);
        } else {
            assert_refusal(VK_ERROR_FEATURE_NOT_PRESENT, result, "bda_create_allocator", "vk");
            assert_null(bench.allocator);
            refusals++;
        }
        assert_int_equal(bench.host.live_count, 0);
        if (failed == 0)
            break;
    }
    assert_true(refusals >= 12);
    bench_start();
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_allocator_holds_no_device_memory_and_little_of_the_hosts),
        cmocka_unit_test(what_is_passed_in_need_not_outlive_the_call),
        cmocka_unit_test(without_callbacks_host_memory_is_malloced),
        cmocka_unit_test(properties_tell_what_the_device_offers),
        cmocka_unit_test(properties_tell_what_is_not_enabled),
        cmocka_unit_test(resolved_sizes_do_not_contradict_each_other),
        cmocka_unit_test(older_versions_serve),
        cmocka_unit_test(version_zero_means_1_2),
        cmocka_unit_test(blocks_are_shared_by_all_families_of_the_device),
        cmocka_unit_test(blocks_are_shared_by_the_families_given),
        cmocka_unit_test(blocks_of_one_family_are_exclusive),
        cmocka_unit_test(an_externally_synchronized_allocator_does_the_same),
        cmocka_unit_test(destroying_no_allocator_does_nothing),
        cmocka_unit_test(destroy_frees_what_is_live_of_every_kind),
        cmocka_unit_test(a_failed_creation_leaves_nothing_behind),
        cmocka_unit_test(a_missing_vulkan_function_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
