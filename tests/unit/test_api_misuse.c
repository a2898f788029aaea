/*
 * Bad input, function by function: the documented VkResult, a message that names the function and the reason, outputs
 * zeroed, and nothing changed: not a number of the statistics, not a call of the driver, not a byte of the host's.
 */
#include "alloc_support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#define BAD  VK_ERROR_VALIDATION_FAILED_EXT
#define NONE VK_ERROR_FEATURE_NOT_PRESENT

/* Outputs are full of this before a call. */
#define RUBBISH 0x77

static BdaAllocation held; /* live while the bad input comes in */
static struct bench_state before;

static void open_bench(const struct fake_config *config) {
    bench_open(config, NULL);
    held = take((BdaAllocInfo){ .size = 100, .intent = BDA_INTENT_UPLOAD, .name = "held", .user = 7 });
    for (int i = 0; i < 2; i++) /* the thread's cache is there */
        give(take_bytes(16, BDA_INTENT_UPLOAD));
    before = bench_look();
}

static void close_bench(void) {
    assert_unchanged(&before);
    assert_is_sound(&held);
    assert_string_equal(info_of(held.handle).name, "held");
    give(held);
    bench_close();
}

/* ---- No allocator ---- */

static void without_an_allocator_every_function_refuses(void **state) {
    (void)state;
    const BdaAllocInfo info = { .size = 16 };
    const VkBufferCreateInfo buffer = buffer_info(16, PLAIN_USAGE);
    const BdaHandle handle = 1;
    unsigned char byte = 0;
    assert_int_equal(bda_free(NULL, 1), BAD);
    assert_int_equal(bda_free_many(NULL, 1, &handle), BAD);
    assert_int_equal(bda_free_after(NULL, 1, VK_NULL_HANDLE, 1), BAD);
    assert_int_equal(bda_collect(NULL), BAD);
    assert_int_equal(bda_set_name(NULL, 1, "n"), BAD);
    assert_int_equal(bda_set_user(NULL, 1, 1), BAD);
    assert_int_equal(bda_write(NULL, 1, 0, &byte, 1), BAD);
    assert_int_equal(bda_read(NULL, 1, 0, &byte, 1), BAD);
    assert_int_equal(bda_flush(NULL, 1, 0, 1), BAD);
    assert_int_equal(bda_invalidate(NULL, 1, 0, 1), BAD);
    assert_int_equal(bda_warm_up(NULL, &info, 1), BAD);
    assert_int_equal(bda_prepare(NULL), BAD);
    assert_int_equal(bda_wants_block(NULL), VK_FALSE);
    assert_int_equal(bda_warm_up_buffers(NULL, &buffer, &info, 1), BAD);
    assert_int_equal(bda_set_external_use(NULL, 0, 0, 0), BAD);
    assert_int_equal(bda_destroy_pool(NULL, NULL), BAD);
    assert_int_equal(bda_check(NULL), BAD);
}

/* An answer that is an error, and `size` bytes that are zero. */
static void assert_refused_with_zeros(VkResult result, void *output, size_t size) {
    assert_int_equal(result, BAD);
    assert_is_zeroed(output, size);
    memset(output, RUBBISH, size);
}

static void without_an_allocator_outputs_are_zeroed(void **state) {
    (void)state;
    union {
        BdaAllocation allocation, allocations[3];
        BdaAllocationInfo info;
        BdaPool pool;
        BdaPoolInfo pool_info;
        BdaUse use;
        BdaStats stats;
        BdaProperties properties;
        VkDeviceSize released;
    } out;
    const BdaAllocInfo infos[3] = { { .size = 16 }, { .size = 16 }, { .size = 16 } };
    const VkBufferCreateInfo buffer = buffer_info(16, PLAIN_USAGE);
    const BdaPoolInfo pool = { .next = NULL };
    memset(&out, RUBBISH, sizeof out);
    assert_refused_with_zeros(bda_alloc(NULL, infos, &out.allocation), &out, sizeof out.allocation);
    assert_refused_with_zeros(bda_alloc_buffer(NULL, &buffer, infos, &out.allocation), &out, sizeof out.allocation);
    assert_refused_with_zeros(bda_alloc_many(NULL, 3, infos, out.allocations), &out, sizeof out.allocations);
    assert_refused_with_zeros(bda_get_info(NULL, 1, &out.info), &out, sizeof out.info);
    assert_refused_with_zeros(bda_create_pool(NULL, &pool, &out.pool), &out, sizeof out.pool);
    assert_refused_with_zeros(bda_get_pool_info(NULL, NULL, &out.pool_info), &out, sizeof out.pool_info);
    assert_refused_with_zeros(bda_get_pool_stats(NULL, NULL, &out.use), &out, sizeof out.use);
    assert_refused_with_zeros(bda_get_stats(NULL, &out.stats), &out, sizeof out.stats);
    assert_refused_with_zeros(bda_get_properties(NULL, &out.properties), &out, sizeof out.properties);
    assert_refused_with_zeros(bda_trim(NULL, 0, &out.released), &out, sizeof out.released);
}

/* ---- NULL elsewhere ---- */

static void null_pointers_are_refused_by_name(void **state) {
    (void)state;
    open_bench(NULL);
    BdaAllocator a = bench.allocator;
    BdaAllocation out;
    BdaPool pool;
    BdaPoolInfo pool_info = { .next = NULL };
    const BdaAllocInfo info = { .size = 16 };
    const VkBufferCreateInfo buffer = buffer_info(16, PLAIN_USAGE);
    assert_refusal(BAD, bda_alloc(a, NULL, &out), "bda_alloc", "info is NULL");
    assert_is_zeroed(&out, sizeof out);
    assert_refusal(BAD, bda_alloc(a, &info, NULL), "bda_alloc", "allocation is NULL");
    assert_refusal(BAD, bda_alloc_buffer(a, NULL, &info, &out), "bda_alloc_buffer", "buffer_info is NULL");
    assert_is_zeroed(&out, sizeof out);
    assert_refusal(BAD, bda_alloc_buffer(a, &buffer, &info, NULL), "bda_alloc_buffer", "allocation is NULL");
    assert_refusal(BAD, bda_alloc_many(a, 1, NULL, &out), "bda_alloc_many", "infos is NULL");
    assert_refusal(BAD, bda_alloc_many(a, 1, &info, NULL), "bda_alloc_many", "allocations is NULL");
    assert_refusal(BAD, bda_free_many(a, 1, NULL), "bda_free_many", "handles is NULL");
    assert_refusal(BAD, bda_free_after(a, held.handle, VK_NULL_HANDLE, 1), "bda_free_after", "timeline is NULL");
    assert_refusal(BAD, bda_create_pool(a, NULL, &pool), "bda_create_pool", "info is NULL");
    assert_null(pool);
    assert_refusal(BAD, bda_create_pool(a, &pool_info, NULL), "bda_create_pool", "pool is NULL");
    assert_refusal(BAD, bda_get_info(a, held.handle, NULL), "bda_get_info", "info is NULL");
    assert_refusal(BAD, bda_write(a, held.handle, 0, NULL, 1), "bda_write", "data is NULL");
    assert_refusal(BAD, bda_read(a, held.handle, 0, NULL, 1), "bda_read", "data is NULL");
    assert_refusal(BAD, bda_warm_up(a, NULL, 1), "bda_warm_up", "like is NULL");
    assert_refusal(BAD, bda_warm_up_buffers(a, NULL, &info, 1), "bda_warm_up_buffers", "buffer_like is NULL");
    assert_refusal(BAD, bda_get_stats(a, NULL), "bda_get_stats", "stats is NULL");
    assert_refusal(BAD, bda_get_properties(a, NULL), "bda_get_properties", "properties is NULL");
    close_bench();
}

static void no_pool_has_no_parameters_and_no_use(void **state) {
    (void)state;
    open_bench(NULL);
    BdaPoolInfo info;
    BdaUse use;
    memset(&info, RUBBISH, sizeof info);
    memset(&use, RUBBISH, sizeof use);
    assert_refusal(BAD, bda_get_pool_info(bench.allocator, NULL, &info), "bda_get_pool_info", "pool is NULL");
    assert_refusal(BAD, bda_get_pool_stats(bench.allocator, NULL, &use), "bda_get_pool_stats", "pool is NULL");
    assert_is_zeroed(&info, sizeof info);
    assert_is_zeroed(&use, sizeof use);
    assert_int_equal(bda_destroy_pool(bench.allocator, NULL), VK_SUCCESS); /* as documented */
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "p" });
    assert_refusal(BAD, bda_get_pool_info(bench.allocator, pool, NULL), "bda_get_pool_info", "info is NULL");
    assert_refusal(BAD, bda_get_pool_stats(bench.allocator, pool, NULL), "bda_get_pool_stats", "use is NULL");
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    before.stats.host_bytes = bench_stats().host_bytes; /* a pool's name tag stays, so that it is recognised */
    before.host_count = bench.host.live_count;
    close_bench();
}

/* ---- What an allocation asks for ---- */

struct bad_request {
    BdaAllocInfo info;
    VkResult wanted;
    const char *reason;
};

/* To each function that takes a BdaAllocInfo for ranges. */
static void assert_request_is_refused(const struct bad_request *bad) {
    BdaAllocation out;
    memset(&out, RUBBISH, sizeof out);
    assert_refusal(bad->wanted, bda_alloc(bench.allocator, &bad->info, &out), "bda_alloc", bad->reason);
    assert_is_zeroed(&out, sizeof out);
    memset(&out, RUBBISH, sizeof out);
    assert_refusal(bad->wanted, bda_alloc_many(bench.allocator, 1, &bad->info, &out), "bda_alloc_many", bad->reason);
    assert_is_zeroed(&out, sizeof out);
    if (bad->info.size != 0)
        assert_refusal(bad->wanted, bda_warm_up(bench.allocator, &bad->info, 1000), "bda_warm_up", bad->reason);
    assert_unchanged(&before);
}

static const struct fake_config bounded = { .max_buffer_size = MIB(128), .max_memory_allocation_size = MIB(512) };

static void bad_requests_are_refused(void **state) {
    (void)state;
    open_bench(&bounded);
    const struct bad_request requests[] = {
        { { .size = 0 }, BAD, "size is 0" },
        { { .size = MIB(128) + 1 }, BAD, "maxBufferSize" },
        { { .size = UINT64_MAX }, BAD, "maxBufferSize" },
        { { .size = 16, .next = &held }, BAD, "next must be NULL" },
        { { .size = 16, .flags = 0x41 }, BAD, "unknown flags, 0x40 (" },
        { { .size = 16, .flags = 0x80000000u }, BAD, "unknown flags, 0x80000000 (" },
        { { .size = 16, .intent = (BdaIntent)4 }, BAD, "unknown intent, 4 (" },
        { { .size = 16, .intent = BDA_INTENT_MAX_ENUM }, BAD, "unknown intent" },
        { { .size = 16, .alignment = 3, .name = "odd" }, BAD, " 'odd': alignment is no power of two, 3 (" },
        { { .size = 16, .alignment = UINT64_MAX }, BAD, "power of two, 18446744073709551615 (" },
        { { .size = 16, .alignment = GIB(1) }, BAD, "alignment is larger than a block" },
        { { .size = 16, .alignment = (VkDeviceSize)1 << 63 }, BAD, "alignment is larger than a block" },
        { { .size = 16, .priority = -0.01f }, BAD, "priority" },
        { { .size = 16, .priority = 1.5f }, BAD, "priority is not between 0 and 1, 1.5 (" },
        { { .size = 16, .priority = (float)NAN }, BAD, "priority" },
        { { .size = 16, .priority = (float)INFINITY }, BAD, "priority" },
        { { .size = 16, .priority = -FLT_MIN }, BAD, "priority" },
        { { .size = 16, .flags = BDA_ALLOC_ACCELERATION_STRUCTURE_SCRATCH_BIT }, NONE, "accelerationStructure" },
        { { .size = 16, .usage = VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR }, NONE, "usage" },
        { { .size = 16, .usage = VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT }, NONE, "usage" },
        { { .size = 16, .usage = VK_BUFFER_USAGE_SHADER_BINDING_TABLE_BIT_KHR }, NONE, "not enabled, 0x400 (" },
    };
    for (uint32_t i = 0; i < COUNT_OF(requests); i++)
        assert_request_is_refused(&requests[i]);
    close_bench();
}

/* The header: VALIDATION_FAILED for a usage that no block can carry, whatever is enabled. */
static void usages_that_no_block_carries_are_refused(void **state) {
    (void)state;
    open_bench(&(struct fake_config){ .with = FAKE_DESCRIPTOR_BUFFER | FAKE_VIDEO | FAKE_TRANSFORM_FEEDBACK });
    const uint64_t usages[] = { (uint64_t)1 << 40, VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT,
                                VK_BUFFER_USAGE_VIDEO_DECODE_SRC_BIT_KHR,
                                VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT |
                                    (uint64_t)VK_BUFFER_USAGE_VERTEX_BUFFER_BIT };
    for (uint32_t i = 0; i < COUNT_OF(usages); i++) {
        char bits[32];
        (void)snprintf(bits, sizeof bits, ", 0x%llx (", (unsigned long long)usages[i]);
        assert_request_is_refused(
            &(struct bad_request){ { .size = 16, .usage = usages[i] }, VK_ERROR_FEATURE_NOT_PRESENT, bits });
    }
    close_bench();
}

static void sizes_over_a_memory_or_a_heap_are_refused(void **state) {
    (void)state;
    open_bench(&(struct fake_config){ .max_memory_allocation_size = MIB(64) });
    const struct bad_request memory = { { .size = MIB(64) + 1 }, BAD, "maxMemoryAllocationSize" };
    assert_request_is_refused(&memory);
    close_bench();
    open_bench(&(struct fake_config){ .heap_size = MIB(64), .max_memory_allocation_size = GIB(1) });
    const struct bad_request device = { { .size = MIB(64) + 1 }, BAD, "the heap" };
    const struct bad_request window = { { .size = MIB(16) + 1, .intent = BDA_INTENT_SHARED }, BAD, "the heap" };
    assert_request_is_refused(&device);
    assert_request_is_refused(&window);
    close_bench();
}

static void a_size_that_is_exactly_the_limit_is_none_of_these(void **state) {
    (void)state;
    bench_open(&bounded, NULL);
    give(take_bytes(MIB(128), BDA_INTENT_DEVICE));
    bench_close();
    bench_open(&(struct fake_config){ .heap_size = MIB(64), .max_memory_allocation_size = GIB(1) }, NULL);
    give(take_bytes(MIB(64), BDA_INTENT_DEVICE));
    give(take_bytes(MIB(16), BDA_INTENT_SHARED));
    bench_close();
}

static void bad_buffers_are_refused(void **state) {
    (void)state;
    open_bench(&bounded);
    const VkBufferCreateInfo good = buffer_info(16, PLAIN_USAGE);
    VkBufferCreateInfo no_size = good, too_large = good, no_type = good;
    no_size.size = 0;
    too_large.size = MIB(128) + 1;
    no_type.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO;
    const struct {
        const VkBufferCreateInfo *buffer;
        BdaAllocInfo info;
        const char *reason;
    } bad[] = {
        { &no_size, { .size = 0 }, "size is 0" },
        { &too_large, { .size = 0 }, "maxBufferSize" },
        { &no_type, { .size = 0 }, "buffer_info is no VkBufferCreateInfo, 0 (" },
        { &good, { .size = 17, .name = "b" }, " 'b', 16 bytes: size is neither 0 nor the buffer's, 17 (" },
        { &good, { .usage = PLAIN_USAGE }, "must be 0 here, 0x1ff (" },
        { &good, { .next = &held }, "next" },
        { &good, { .flags = 0x8000 }, "unknown flags, 0x8000 (" },
        { &good, { .intent = (BdaIntent)99 }, "unknown intent, 99 (" },
        { &good, { .alignment = 48 }, "power of two, 48 (" },
        { &good, { .alignment = GIB(1) }, "larger than a block" },
        { &good, { .priority = (float)NAN }, "priority" },
    };
    for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
        BdaAllocation out;
        memset(&out, RUBBISH, sizeof out);
        assert_refusal(BAD, bda_alloc_buffer(bench.allocator, bad[i].buffer, &bad[i].info, &out), "bda_alloc_buffer",
                       bad[i].reason);
        assert_is_zeroed(&out, sizeof out);
        assert_refusal(BAD, bda_warm_up_buffers(bench.allocator, bad[i].buffer, &bad[i].info, 100),
                       "bda_warm_up_buffers", bad[i].reason);
        assert_unchanged(&before);
    }
    close_bench();
}

static void nothing_can_be_warmed_up_for_what_no_block_serves(void **state) {
    (void)state;
    open_bench(NULL);
    const BdaAllocInfo bad[] = { { .size = 16, .flags = BDA_ALLOC_DEDICATED_BIT },
                                 { .size = 16, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT },
                                 { .size = MIB(100), .intent = BDA_INTENT_UPLOAD } };
    for (uint32_t i = 0; i < COUNT_OF(bad); i++)
        assert_refusal(BAD, bda_warm_up(bench.allocator, &bad[i], MIB(1)), "bda_warm_up", "room");
    close_bench();
}

/* ---- Handles (more of them in test_handle.c) ---- */

static void double_frees_are_told(void **state) {
    (void)state;
    open_bench(NULL);
    BdaAllocation a = take_bytes(16, BDA_INTENT_UPLOAD);
    give(a);
    assert_refusal(BAD, bda_free(bench.allocator, a.handle), "bda_free", "stale");
    assert_refusal(BAD, bda_free_many(bench.allocator, 1, &a.handle), "bda_free_many", "stale");
    close_bench();
}

static void zero_is_no_handle_to_ask_about(void **state) {
    (void)state;
    open_bench(NULL);
    BdaAllocator a = bench.allocator;
    BdaAllocationInfo info;
    unsigned char byte = 0;
    memset(&info, RUBBISH, sizeof info);
    assert_refusal(BAD, bda_get_info(a, 0, &info), "bda_get_info", "the handle is 0");
    assert_is_zeroed(&info, sizeof info);
    assert_refusal(BAD, bda_set_name(a, 0, "n"), "bda_set_name", "handle");
    assert_refusal(BAD, bda_set_user(a, 0, 1), "bda_set_user", "handle");
    assert_refusal(BAD, bda_write(a, 0, 0, &byte, 1), "bda_write", "handle");
    assert_refusal(BAD, bda_read(a, 0, 0, &byte, 1), "bda_read", "handle");
    assert_refusal(BAD, bda_flush(a, 0, 0, 1), "bda_flush", "handle");
    assert_refusal(BAD, bda_invalidate(a, 0, 0, 1), "bda_invalidate", "handle");
    assert_as_before(&before); /* a record may have been made ready */
    before = bench_look();
    close_bench();
}

/* As bda_free does with it: a caller need not ask whether there is anything to free. */
static void freeing_nothing_later_succeeds(void **state) {
    (void)state;
    const struct fake_config configs[] = { { .disabled = 0 }, { .disabled = FAKE_TIMELINE_SEMAPHORE } };
    for (uint32_t i = 0; i < COUNT_OF(configs); i++) {
        open_bench(&configs[i]);
        VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
        assert_int_equal(bda_free_after(bench.allocator, 0, timeline, 1), VK_SUCCESS);
        assert_int_equal(bda_free_after(bench.allocator, 0, VK_NULL_HANDLE, 0), VK_SUCCESS);
        assert_int_equal(bench.length, 0);
        assert_int_equal(bench_use().pending_count, 0);
        close_bench();
    }
}

/* Guards against copying UINT64_MAX bytes, and against a size that wraps round with the offset. */
static void whole_size_is_for_flushing_not_for_copying(void **state) {
    (void)state;
    open_bench(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
    BdaAllocator a = bench.allocator;
    unsigned char bytes[100] = { 1 };
    const VkDeviceSize offsets[] = { 0, 1, 99, 100 };
    for (uint32_t i = 0; i < COUNT_OF(offsets); i++) {
        assert_refusal(BAD, bda_write(a, held.handle, offsets[i], bytes, VK_WHOLE_SIZE), "bda_write", "past the end");
        assert_refusal(BAD, bda_read(a, held.handle, offsets[i], bytes, VK_WHOLE_SIZE), "bda_read", "past the end");
        assert_refusal(BAD, bda_flush(a, held.handle, offsets[i], VK_WHOLE_SIZE - 1), "bda_flush", "past the end");
    }
    assert_refusal(BAD, bda_flush(a, held.handle, 101, VK_WHOLE_SIZE), "bda_flush", "past the end");
    assert_refusal(BAD, bda_invalidate(a, held.handle, 101, VK_WHOLE_SIZE), "bda_invalidate", "past the end");
    assert_unchanged(&before);
    for (uint32_t i = 0; i < COUNT_OF(offsets); i++) {
        assert_int_equal(bda_flush(a, held.handle, offsets[i], VK_WHOLE_SIZE), VK_SUCCESS);
        assert_int_equal(bda_invalidate(a, held.handle, offsets[i], VK_WHOLE_SIZE), VK_SUCCESS);
    }
    assert_as_before(&before);
    before = bench_look();
    close_bench();
}

/* ---- Pools ---- */

static void bad_pools_are_refused(void **state) {
    (void)state;
    open_bench(NULL);
    const struct {
        BdaPoolInfo info;
        VkResult wanted;
        const char *reason;
    } bad[] = {
        { { .next = &held }, BAD, "next must be NULL" },
        { { .flags = BDA_ALLOC_DEDICATED_BIT, .name = "p" }, BAD, "bda_create_pool 'p': flags may only be" },
        { { .flags = 0x80000000u }, BAD, "BDA_ALLOC_HOST_FALLBACK_BIT, 0x80000000 (" },
        { { .intent = (BdaIntent)4 }, BAD, "unknown intent, 4 (" },
        { { .priority = -1 }, BAD, "priority is not between 0 and 1, -1 (" },
        { { .priority = 2 }, BAD, "priority" },
        { { .priority = (float)NAN }, BAD, "priority" },
        { { .first_block_size = MIB(2), .max_block_size = MIB(1) }, BAD, "max_block_size: 2097152 and 1048576 (" },
        { { .limit = 1 }, BAD, "limit is smaller than any block, which has 64 KiB at least, 1 (" },
        { { .limit = KIB(64) - 1 }, BAD, "limit is smaller than any block" },
        { { .usage = VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR }, NONE, ", 0x100000 (" },
        { { .usage = VK_BUFFER_USAGE_SAMPLER_DESCRIPTOR_BUFFER_BIT_EXT }, NONE, "usage" },
    };
    for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
        BdaPool pool = (BdaPool)&bench;
        VkResult result = bda_create_pool(bench.allocator, &bad[i].info, &pool);
        assert_refusal(bad[i].wanted, result, "bda_create_pool", bad[i].reason);
        assert_null(pool);
        assert_unchanged(&before);
    }
    close_bench();
}

static void there_is_no_heap_beyond_the_last(void **state) {
    (void)state;
    open_bench(NULL);
    const uint32_t heaps[] = { 3, VK_MAX_MEMORY_HEAPS, UINT32_MAX };
    for (uint32_t i = 0; i < COUNT_OF(heaps); i++) {
        char wanted[48];
        (void)snprintf(wanted, sizeof wanted, "there is no heap %u, of 3 (", (unsigned)heaps[i]);
        assert_refusal(BAD, bda_set_external_use(bench.allocator, heaps[i], 1, 1), "bda_set_external_use", wanted);
    }
    close_bench();
}

/* ---- Creating ---- */

static void spoil_next(BdaAllocatorInfo *info) {
    info->next = &held;
}

static void spoil_flags(BdaAllocatorInfo *info) {
    info->flags = 0x40;
}

static void spoil_version(BdaAllocatorInfo *info) {
    info->api_version = VK_API_VERSION_1_0;
}

static void spoil_instance(BdaAllocatorInfo *info) {
    info->instance = VK_NULL_HANDLE;
}

static void spoil_physical_device(BdaAllocatorInfo *info) {
    info->physical_device = VK_NULL_HANDLE;
}

static void spoil_device(BdaAllocatorInfo *info) {
    info->device = VK_NULL_HANDLE;
}

static void spoil_door(BdaAllocatorInfo *info) {
    info->get_instance_proc_addr = NULL;
}

static void spoil_device_info(BdaAllocatorInfo *info) {
    info->device_info = NULL;
}

static void spoil_callbacks(BdaAllocatorInfo *info) {
    bench.callbacks.pfnFree = NULL;
    info->callbacks = &bench.callbacks;
}

static void spoil_reallocation(BdaAllocatorInfo *info) {
    bench.callbacks.pfnReallocation = NULL;
    info->callbacks = &bench.callbacks;
}

static VKAPI_ATTR void VKAPI_CALL hear_internal(void *user, size_t size, VkInternalAllocationType type,
                                                VkSystemAllocationScope scope) {
    (void)user, (void)size, (void)type, (void)scope;
}

static void spoil_internal_free(BdaAllocatorInfo *info) {
    bench.callbacks.pfnInternalAllocation = hear_internal;
    bench.callbacks.pfnInternalFree = NULL;
    info->callbacks = &bench.callbacks;
}

static void spoil_internal_allocation(BdaAllocatorInfo *info) {
    bench.callbacks.pfnInternalAllocation = NULL;
    bench.callbacks.pfnInternalFree = hear_internal;
    info->callbacks = &bench.callbacks;
}

static void spoil_sizes(BdaAllocatorInfo *info) {
    info->first_block_size = MIB(2);
    info->max_block_size = MIB(1);
}

static void spoil_families(BdaAllocatorInfo *info) {
    info->queue_family_count = 1;
    info->queue_families = NULL;
}

static void spoil_limits(BdaAllocatorInfo *info) {
    info->heap_limit_count = 1;
    info->heap_limits = NULL;
}

static void bad_allocators_are_refused(void **state) {
    (void)state;
    const struct {
        void (*spoil)(BdaAllocatorInfo *info);
        const char *reason;
    } bad[] = {
        { spoil_next, "next" },
        { spoil_flags, "unknown flags, 0x40 (" },
        { spoil_version, "api_version is below 1.1, 0x400000 (" },
        { spoil_instance, "instance" },
        { spoil_physical_device, "physical_device" },
        { spoil_device, "device" },
        { spoil_door, "get_instance_proc_addr" },
        { spoil_device_info, "device_info" },
        { spoil_callbacks, "callbacks" },
        { spoil_reallocation, "pfnReallocation" }, /* the driver is given them, and may use all five */
        { spoil_internal_free, "pfnInternalFree" },
        { spoil_internal_allocation, "pfnInternalAllocation" },
        { spoil_sizes, "first_block_size is larger than max_block_size: 2097152 and 1048576 (" },
        { spoil_families, "queue_families" },
        { spoil_limits, "heap_limits" },
    };
    for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
        bench_prepare(NULL);
        const VkAllocationCallbacks callbacks = bench.callbacks;
        BdaAllocatorInfo info = bench.info;
        bad[i].spoil(&info);
        BdaAllocator allocator = (BdaAllocator)&bench;
        VkResult result = bda_create_allocator(&info, &allocator);
        assert_refusal(BAD, result, "bda_create_allocator", bad[i].reason);
        assert_null(allocator);
        assert_int_equal(bench.host.calls, 0);
        assert_int_equal(bench_calls(FAKE_CALL_ANY), 0);
        bench.callbacks = callbacks;
        bench_start();
        bench_close();
    }
}

static void nothing_is_created_from_nothing(void **state) {
    (void)state;
    bench_prepare(NULL);
    BdaAllocator allocator = (BdaAllocator)&bench;
    assert_int_equal(bda_create_allocator(NULL, &allocator), BAD);
    assert_null(allocator);
    assert_int_equal(bda_create_allocator(NULL, NULL), BAD);
    assert_refusal(BAD, bda_create_allocator(&bench.info, NULL), "bda_create_allocator", "allocator is NULL");
    bench_start();
    bench_close();
}

static void a_device_without_addresses_is_refused(void **state) {
    (void)state;
    const struct fake_config configs[] = {
        { .disabled = FAKE_BUFFER_DEVICE_ADDRESS },
        { .without = FAKE_BUFFER_DEVICE_ADDRESS },
        { .disabled = FAKE_BUFFER_DEVICE_ADDRESS, .separate_features = true },
        { .disabled = FAKE_BUFFER_DEVICE_ADDRESS, .device_version = VK_API_VERSION_1_1 },
    };
    for (uint32_t i = 0; i < COUNT_OF(configs); i++) {
        bench_prepare(&configs[i]);
        BdaAllocator allocator = (BdaAllocator)&bench;
        VkResult result = bda_create_allocator(&bench.info, &allocator);
        assert_refusal(NONE, result, "bda_create_allocator", "bufferDeviceAddress is not enabled");
        assert_null(allocator);
        assert_int_equal(fake_destroy(bench.driver), 0);
        assert_int_equal(fake_host_done(&bench.host), 0);
    }
}

/* Guards against a bare name as the reason, which says nothing of what is the matter with it. */
static void a_function_that_the_driver_lacks_is_told_by_name(void **state) {
    (void)state;
    unsigned lacking = 0, optional = 0;
    for (unsigned nth = 1; optional < 2; nth++) { /* object names; in the end nothing is missing */
        bench_prepare(NULL);
        fake_fail(bench.driver, FAKE_CALL_GET_PROC_ADDR, nth, VK_ERROR_UNKNOWN);
        BdaAllocator allocator = (BdaAllocator)&bench;
        VkResult result = bda_create_allocator(&bench.info, &allocator);
        optional += result == VK_SUCCESS ? 1u : 0u;
        if (result != VK_SUCCESS) {
            lacking++;
            assert_int_equal(bench_heard(": vk"), 1);
            assert_refusal(NONE, result, "bda_create_allocator", " is missing");
            assert_null(allocator);
        }
        assert_int_equal(bda_destroy_allocator(allocator), VK_SUCCESS);
        assert_int_equal(fake_destroy(bench.driver), 0);
        assert_int_equal(fake_host_done(&bench.host), 0);
    }
    assert_true(lacking > 10);
}

static void more_families_than_the_library_counts_are_refused(void **state) {
    (void)state;
    uint32_t families[40];
    for (uint32_t i = 0; i < COUNT_OF(families); i++)
        families[i] = i;
    bench_prepare(&(struct fake_config){ .queue_families = COUNT_OF(families) });
    bench.info.queue_family_count = COUNT_OF(families);
    bench.info.queue_families = families;
    BdaAllocator allocator = (BdaAllocator)&bench;
    assert_refusal(BAD, bda_create_allocator(&bench.info, &allocator), "bda_create_allocator", "queue families");
    assert_null(allocator);
    bench.info.queue_family_count = 0;
    bench_start();
    bench_close();
}

static void without_a_callback_bad_input_is_refused_silently(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.message = NULL;
    BdaAllocator allocator = (BdaAllocator)&bench;
    BdaAllocatorInfo info = bench.info;
    info.flags = 0x80;
    assert_int_equal(bda_create_allocator(&info, &allocator), BAD);
    assert_null(allocator);
    bench_start();
    refuse(BAD, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(bda_free(bench.allocator, 99), BAD);
    bench_close();
}

static void the_version_is_the_headers(void **state) {
    (void)state;
    assert_int_equal(bda_get_version(), BDA_VERSION);
    assert_int_equal(VK_API_VERSION_MAJOR(bda_get_version()), BDA_VERSION_MAJOR);
    assert_int_equal(VK_API_VERSION_MINOR(bda_get_version()), BDA_VERSION_MINOR);
    assert_int_equal(VK_API_VERSION_PATCH(bda_get_version()), BDA_VERSION_PATCH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_allocator_every_function_refuses),
        cmocka_unit_test(without_an_allocator_outputs_are_zeroed),
        cmocka_unit_test(null_pointers_are_refused_by_name),
        cmocka_unit_test(no_pool_has_no_parameters_and_no_use),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(usages_that_no_block_carries_are_refused),
        cmocka_unit_test(sizes_over_a_memory_or_a_heap_are_refused),
        cmocka_unit_test(a_size_that_is_exactly_the_limit_is_none_of_these),
        cmocka_unit_test(bad_buffers_are_refused),
        cmocka_unit_test(nothing_can_be_warmed_up_for_what_no_block_serves),
        cmocka_unit_test(double_frees_are_told),
        cmocka_unit_test(zero_is_no_handle_to_ask_about),
        cmocka_unit_test(bad_pools_are_refused),
        cmocka_unit_test(there_is_no_heap_beyond_the_last),
        cmocka_unit_test(bad_allocators_are_refused),
        cmocka_unit_test(nothing_is_created_from_nothing),
        cmocka_unit_test(a_device_without_addresses_is_refused),
        cmocka_unit_test(more_families_than_the_library_counts_are_refused),
        cmocka_unit_test(without_a_callback_bad_input_is_refused_silently),
        cmocka_unit_test(the_version_is_the_headers),
        cmocka_unit_test(freeing_nothing_later_succeeds),
        cmocka_unit_test(whole_size_is_for_flushing_not_for_copying),
        cmocka_unit_test(a_function_that_the_driver_lacks_is_told_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
