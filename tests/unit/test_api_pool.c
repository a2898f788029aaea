/* The caller's pools: their parameters, what goes into them, and how they end. (Limits are in test_grow.c, leaks in
 * test_leaks.c, pending frees in test_pending.c.) */
#include "alloc_support.h"

#include "alloc/allocator.h"

#include <inttypes.h>
#include <stdio.h>

static BdaPoolInfo info_of_pool(BdaPool pool) {
    BdaPoolInfo info;
    assert_int_equal(bda_get_pool_info(bench.allocator, pool, &info), VK_SUCCESS);
    return info;
}

/* ---- Parameters ---- */

static void parameters_are_told_back_with_their_defaults(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_MEMORY_PRIORITY, .heap_size = GIB(4) },
               &(BdaAllocatorInfo){ .keep_empty = MIB(3) });
    char name[] = "terrain";
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD,
                                            .flags = BDA_ALLOC_HOST_FALLBACK_BIT,
                                            .usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT,
                                            .priority = 0.75f,
                                            .first_block_size = MIB(2),
                                            .max_block_size = MIB(16),
                                            .limit = MIB(100),
                                            .keep_empty = MIB(5),
                                            .name = name });
    name[0] = 'X';
    const BdaPoolInfo given = info_of_pool(pool);
    assert_null(given.next);
    assert_true(given.intent == BDA_INTENT_UPLOAD && given.flags == BDA_ALLOC_HOST_FALLBACK_BIT);
    assert_true(given.usage == VK_BUFFER_USAGE_VERTEX_BUFFER_BIT && given.priority == 0.75f);
    assert_true(given.first_block_size == MIB(2) && given.max_block_size == MIB(16));
    assert_true(given.limit == MIB(100) && given.keep_empty == MIB(5));
    assert_string_equal(given.name, "terrain");
    const BdaPoolInfo device = info_of_pool(make_pool((BdaPoolInfo){ .next = NULL }));
    const BdaPoolInfo upload = info_of_pool(make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD }));
    assert_true(device.first_block_size == MIB(1) && device.max_block_size == MIB(256));
    assert_true(upload.max_block_size == MIB(64) && device.keep_empty == MIB(3) && device.limit == 0);
    assert_true(device.priority == 0.5f && device.name == NULL);
    assert_int_equal(device.usage & PLAIN_USAGE, PLAIN_USAGE);
    bench_close();
}

/* No larger than what the heap bears, and no smaller than what was asked for first. */
static void the_largest_block_follows_the_first(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .heap_size = GIB(3) }, NULL);
    const VkDeviceSize wanted[] = { MIB(1), MIB(512), GIB(1), GIB(3) };
    const VkDeviceSize largest[] = { MIB(64), MIB(512), GIB(1), GIB(2) };
    for (uint32_t i = 0; i < COUNT_OF(wanted); i++) {
        BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD, .first_block_size = wanted[i] });
        const BdaPoolInfo info = info_of_pool(pool);
        assert_int_equal(info.first_block_size, wanted[i] < largest[i] ? wanted[i] : largest[i]);
        assert_int_equal(info.max_block_size, largest[i]);
    }
    bench_close();
}

static void making_a_pool_makes_no_memory(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "idle" });
    assert_int_equal(bench_stats().pool_count, 1);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    assert_int_equal(bench_stats().pool_count, 0);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    bench_close();
}

static void a_pools_blocks_are_its_own(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool one = make_pool((BdaPoolInfo){ .first_block_size = KIB(128) });
    BdaPool two = make_pool((BdaPoolInfo){ .first_block_size = KIB(256) });
    BdaAllocation a = take((BdaAllocInfo){ .size = 16, .pool = one });
    BdaAllocation b = take((BdaAllocInfo){ .size = 16, .pool = two });
    BdaAllocation c = take_bytes(16, BDA_INTENT_DEVICE);
    BdaAllocation own = take_buffer(16, PLAIN_USAGE, (BdaAllocInfo){ .pool = one });
    assert_true(memory_of(a.buffer).size == KIB(128) && memory_of(b.buffer).size == KIB(256));
    assert_int_equal(memory_of(own.buffer).size, KIB(128));
    assert_true(a.buffer != b.buffer && b.buffer != c.buffer && a.buffer != c.buffer);
    assert_true(info_of(a.handle).pool == one && info_of(own.handle).pool == one && info_of(b.handle).pool == two);
    give(a);
    give(b);
    give(c);
    give(own);
    bench_close();
}

static void a_pool_lies_in_the_best_memory_for_its_intent(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    for (int intent = 0; intent < 4; intent++) {
        BdaPool pool = make_pool((BdaPoolInfo){ .intent = (BdaIntent)intent });
        BdaAllocation same = take((BdaAllocInfo){ .size = 16, .pool = pool, .intent = (BdaIntent)intent });
        BdaAllocation none = take((BdaAllocInfo){ .size = 16, .pool = pool });
        assert_int_equal(info_of(same.handle).memory_type, 1 + intent);
        assert_int_equal(info_of(none.handle).memory_type, 1 + intent);
        give(same);
        give(none);
    }
    bench_close();
}

static void a_pool_is_made_of_host_memory_only_by_the_flag(void **state) {
    (void)state;
    const VkPhysicalDeviceMemoryProperties table = {
        .memoryTypeCount = 2,
        .memoryTypes = { { VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0 },
                         { VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, 1 } },
        .memoryHeapCount = 2,
        .memoryHeaps = { { MIB(256), VK_MEMORY_HEAP_DEVICE_LOCAL_BIT }, { MIB(256), 0 } },
    };
    bench_open(&(struct fake_config){ .memory = table }, NULL);
    BdaPool pool = (BdaPool)&bench;
    const BdaPoolInfo strict = { .intent = BDA_INTENT_SHARED };
    assert_refusal(VK_ERROR_FEATURE_NOT_PRESENT, bda_create_pool(bench.allocator, &strict, &pool), "bda_create_pool",
                   "no memory type serves");
    assert_null(pool);
    pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_SHARED, .flags = BDA_ALLOC_HOST_FALLBACK_BIT });
    BdaAllocation a = take((BdaAllocInfo){ .size = 16, .pool = pool });
    assert_int_equal(info_of(a.handle).heap, 1);
    give(a);
    bench_close();
}

/* ---- What goes in ---- */

static void a_pool_serves_any_part_of_its_usage(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_DESCRIPTOR_BUFFER }, NULL);
    const uint64_t both = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT;
    BdaPool meshes = make_pool((BdaPoolInfo){ .usage = both, .name = "meshes" });
    BdaPool descriptors = make_pool((BdaPoolInfo){ .usage = VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT });
    BdaAllocation a = take((BdaAllocInfo){ .size = 16, .pool = meshes, .usage = VK_BUFFER_USAGE_INDEX_BUFFER_BIT });
    BdaAllocation b = take((BdaAllocInfo){ .size = 16, .pool = meshes });
    BdaAllocation c = take(
        (BdaAllocInfo){ .size = 16, .pool = descriptors, .usage = VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT });
    const struct bench_state before = bench_look();
    refuse(VK_ERROR_VALIDATION_FAILED_EXT,
           (BdaAllocInfo){ .size = 16, .pool = meshes, .usage = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT });
    refuse(VK_ERROR_VALIDATION_FAILED_EXT,
           (BdaAllocInfo){ .size = 16, .pool = descriptors, .usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT });
    assert_int_equal(bench_heard(", pool 'meshes': the pool was not made for this usage, 0x10 ("), 1);
    assert_int_equal(bench_heard("the pool was not made for this usage, 0x80 ("), 1);
    assert_unchanged(&before);
    give(a);
    give(b);
    give(c);
    bench_close();
}

static void a_pools_intent_and_priority_may_be_repeated_not_changed(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_MEMORY_PRIORITY }, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD, .priority = 0.75f, .name = "staging" });
    BdaAllocation a = take((BdaAllocInfo){ .size = 16, .pool = pool, .intent = BDA_INTENT_UPLOAD, .priority = 0.75f });
    assert_true(memory_of(a.buffer).priority == 0.75f);
    const struct bench_state before = bench_look();
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, (BdaAllocInfo){ .size = 16, .pool = pool, .priority = 0.5f });
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, (BdaAllocInfo){ .size = 16, .pool = pool, .intent = BDA_INTENT_SHARED });
    assert_int_equal(bench_heard("bda_alloc, pool 'staging': the pool's priority is 0.75, not 0.5 ("), 1);
    assert_int_equal(bench_heard("bda_alloc, pool 'staging': the pool's intent is upload, not shared ("), 1);
    assert_unchanged(&before);
    give(a);
    bench_close();
}

static void a_pools_memory_must_fit_the_request(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "not mapped" });
    const struct bench_state before = bench_look();
    refuse(VK_ERROR_FEATURE_NOT_PRESENT, (BdaAllocInfo){ .size = 16, .pool = pool, .flags = BDA_ALLOC_ZERO_BIT });
    assert_int_equal(bench_heard("the pool's memory type does not fit"), 1);
    assert_unchanged(&before);
    bench_close();
}

/* Guards against comparing with the default that is used where the feature is off. */
static void the_same_priority_is_the_same_without_the_feature(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .priority = 0.75f });
    give(take((BdaAllocInfo){ .size = 16, .pool = pool, .priority = 0.75f }));
    bench_close();
}

static void exported_and_captured_buffers_do_not_go_into_pools(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_EXTERNAL_MEMORY_FD | FAKE_CAPTURE_REPLAY }, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "pool" });
    const VkExternalMemoryBufferCreateInfo external = { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, NULL,
                                                        VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    VkBufferCreateInfo info = buffer_info(16, PLAIN_USAGE);
    const struct bench_state before = bench_look();
    info.pNext = &external;
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .pool = pool });
    info.pNext = NULL;
    info.flags = VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT;
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .pool = pool });
    assert_unchanged(&before);
    bench_close();
}

/* ---- The end ---- */

static void a_destroyed_pool_is_known_as_such(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "gone" });
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    const struct bench_state before = bench_look();
    const VkResult bad = VK_ERROR_VALIDATION_FAILED_EXT;
    const VkBufferCreateInfo buffer = buffer_info(16, PLAIN_USAGE);
    BdaPoolInfo info;
    BdaUse use;
    char destroyed[64];
    (void)snprintf(destroyed, sizeof destroyed, "the pool was destroyed, 0x%" PRIxPTR " (", (uintptr_t)pool);
    refuse(bad, (BdaAllocInfo){ .size = 16, .pool = pool });
    refuse_buffer(bad, &buffer, (BdaAllocInfo){ .pool = pool });
    assert_int_equal(bench_heard(destroyed), 2);
    assert_refusal(bad, bda_warm_up(bench.allocator, &(BdaAllocInfo){ .pool = pool }, 1), "bda_warm_up", destroyed);
    assert_refusal(bad, bda_get_pool_info(bench.allocator, pool, &info), "bda_get_pool_info", destroyed);
    assert_refusal(bad, bda_get_pool_stats(bench.allocator, pool, &use), "bda_get_pool_stats", destroyed);
    assert_refusal(bad, bda_destroy_pool(bench.allocator, pool), "bda_destroy_pool", destroyed);
    assert_is_zeroed(&info, sizeof info);
    assert_is_zeroed(&use, sizeof use);
    assert_unchanged(&before);
    bench_close();
}

static void a_pool_made_after_one_was_destroyed_is_another(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool old = make_pool((BdaPoolInfo){ .name = "old" });
    BdaAllocation stale = take((BdaAllocInfo){ .size = 16, .pool = old });
    give(stale);
    assert_int_equal(bda_destroy_pool(bench.allocator, old), VK_SUCCESS);
    BdaPool fresh = make_pool((BdaPoolInfo){ .name = "fresh", .intent = BDA_INTENT_UPLOAD });
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, (BdaAllocInfo){ .size = 16, .pool = old });
    BdaAllocation a = take((BdaAllocInfo){ .size = 16, .pool = fresh });
    assert_int_equal(bda_free(bench.allocator, stale.handle), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_string_equal(info_of_pool(fresh).name, "fresh");
    assert_is_sound(&a);
    give(a);
    bench_close();
}

/* Guards against pools whose locks, sizes and lists are never used again. (A tag stays, so that the old is known.) */
static void pools_made_and_destroyed_again_and_again_cost_little(void **state) {
    (void)state;
    enum { PAIRS = 1000, SMALL = 192 };
    bench_open(NULL, NULL);
    BdaPool kept = make_pool((BdaPoolInfo){ .name = "kept" });
    BdaPool first = make_pool((BdaPoolInfo){ .name = "a name that is copied" });
    give(take((BdaAllocInfo){ .size = 16, .pool = first }));
    assert_int_equal(bda_destroy_pool(bench.allocator, first), VK_SUCCESS);
    uint64_t host_bytes = bench_stats().host_bytes;
    for (uint32_t i = 0; i < PAIRS; i++) {
        BdaPool pool = make_pool((BdaPoolInfo){ .intent = (BdaIntent)(i % 4), .name = "a name that is copied" });
        assert_true(pool != first);
        assert_int_equal(bench_stats().pool_count, 2);
        BdaAllocation a = take((BdaAllocInfo){ .size = 16, .pool = pool });
        assert_true(info_of(a.handle).pool == pool);
        give(a);
        assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
        assert_int_equal(bench_stats().pool_count, 1);
    }
    assert_true(bench_stats().host_bytes - host_bytes <= (uint64_t)PAIRS * SMALL);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    assert_string_equal(info_of_pool(kept).name, "kept");
    bench_close();
}

/* Guards against pools of ranges that pay for tables of own buffers. */
static void the_part_for_buffers_costs_nothing_until_it_is_used(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    uint64_t before = bench_stats().host_bytes;
    BdaPool pool =
        make_pool((BdaPoolInfo){ .first_block_size = KIB(128), .max_block_size = KIB(512), .keep_empty = KIB(700) });
    assert_true(bench_stats().host_bytes - before <= sizeof(struct bda_pool) + sizeof(struct BdaPool_T));
    assert_int_equal(bench_pool_use(pool).block_count, 0);
    BdaAllocation own = take_buffer(KIB(1), PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    assert_int_equal(bench_pool_use(pool).reserved, KIB(128));
    const struct bda_pool *buffers = bda_pool_of_buffers(pool);
    assert_non_null(buffers);
    assert_true(buffers->max_block_size == KIB(512) && buffers->keep_empty == KIB(700));
    assert_int_equal(buffers->keep_collects, pool->ranges->keep_collects);
    give(own);
    own = take_buffer(KIB(1), PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    assert_ptr_equal(bda_pool_of_buffers(pool), buffers);
    give(own);
    bench_close();
}

static void a_pool_ends_with_and_without_its_part_for_buffers(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < 4; i++) {
        BdaPool pool = make_pool((BdaPoolInfo){ .limit = KIB(64) });
        if (i % 2 != 0) {
            BdaAllocation own = take_buffer(KIB(1), PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
            refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 16, .pool = pool }); /* one limit for both */
            give(own);
        }
        BdaAllocation range = take((BdaAllocInfo){ .size = 16, .pool = pool });
        const VkBufferCreateInfo made = buffer_info(KIB(1), PLAIN_USAGE);
        refuse_buffer(VK_ERROR_OUT_OF_DEVICE_MEMORY, &made, (BdaAllocInfo){ .pool = pool });
        give(range);
        assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
        assert_int_equal(fake_memory_count(bench.driver), 0);
    }
    bench_close();
}

static void a_part_for_buffers_that_is_refused_changes_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "pool" });
    const VkBufferCreateInfo made = buffer_info(KIB(1), PLAIN_USAGE);
    BdaAllocation own;
    const BdaAllocInfo info = { .pool = pool };
    size_t nth = 1;
    for (;; nth++) {
        const struct bench_state before = bench_look();
        fake_host_fail(&bench.host, nth, false);
        VkResult result = bda_alloc_buffer(bench.allocator, &made, &info, &own);
        fake_host_fail(&bench.host, 0, false);
        if (result == VK_SUCCESS)
            break;
        assert_int_equal(result, VK_ERROR_OUT_OF_HOST_MEMORY);
        assert_is_zeroed(&own, sizeof own);
        assert_as_before(&before);
        assert_int_equal(bench_pool_use(pool).block_count, 0);
    }
    assert_true(nth > 3);
    give(own);
    bench_close();
}

static void another_allocators_pool_is_refused(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocator other = NULL;
    BdaPool foreign = NULL;
    assert_int_equal(bda_create_allocator(&bench.info, &other), VK_SUCCESS);
    assert_int_equal(bda_create_pool(other, &(BdaPoolInfo){ .name = "foreign" }, &foreign), VK_SUCCESS);
    const struct bench_state before = bench_look();
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, (BdaAllocInfo){ .size = 16, .pool = foreign });
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_destroy_pool(bench.allocator, foreign), "bda_destroy_pool",
                   "the pool belongs to another allocator, or is no pool, 0x");
    BdaUse use;
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_get_pool_stats(bench.allocator, foreign, &use),
                   "bda_get_pool_stats", "the pool belongs to another allocator, or is no pool, 0x");
    assert_unchanged(&before);
    assert_int_equal(bda_destroy_pool(other, foreign), VK_SUCCESS);
    assert_int_equal(bda_destroy_allocator(other), VK_SUCCESS);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_told_back_with_their_defaults),
        cmocka_unit_test(the_largest_block_follows_the_first),
        cmocka_unit_test(making_a_pool_makes_no_memory),
        cmocka_unit_test(a_pools_blocks_are_its_own),
        cmocka_unit_test(a_pool_lies_in_the_best_memory_for_its_intent),
        cmocka_unit_test(a_pool_is_made_of_host_memory_only_by_the_flag),
        cmocka_unit_test(a_pool_serves_any_part_of_its_usage),
        cmocka_unit_test(a_pools_intent_and_priority_may_be_repeated_not_changed),
        cmocka_unit_test(a_pools_memory_must_fit_the_request),
        cmocka_unit_test(the_same_priority_is_the_same_without_the_feature),
        cmocka_unit_test(exported_and_captured_buffers_do_not_go_into_pools),
        cmocka_unit_test(a_destroyed_pool_is_known_as_such),
        cmocka_unit_test(a_pool_made_after_one_was_destroyed_is_another),
        cmocka_unit_test(another_allocators_pool_is_refused),
        cmocka_unit_test(pools_made_and_destroyed_again_and_again_cost_little),
        cmocka_unit_test(the_part_for_buffers_costs_nothing_until_it_is_used),
        cmocka_unit_test(a_pool_ends_with_and_without_its_part_for_buffers),
        cmocka_unit_test(a_part_for_buffers_that_is_refused_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
