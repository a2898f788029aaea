/* src/alloc/grow.c: new memory: how large, when, within which limits, and what happens when there is none. */
#include "alloc_support.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Growth ---- */

static void blocks_double_until_an_eighth_of_the_heap(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .heap_size = MIB(64) }, NULL);
    static BdaAllocation taken[64];
    VkDeviceSize expected = MIB(1), reserved = 0;
    for (uint32_t i = 0; i < COUNT_OF(taken); i++) {
        taken[i] = take_bytes(KIB(500), BDA_INTENT_DEVICE);
        VkDeviceSize now = bench_use().reserved;
        if (now == reserved)
            continue;
        assert_int_equal(now - reserved, expected);
        expected = expected == MIB(8) ? MIB(8) : expected * 2;
        reserved = now;
    }
    assert_int_equal(reserved, MIB(1 + 2 + 4 + 8 + 8 + 8 + 8));
    assert_int_equal(bench_use().dedicated_count, 0);
    give_all(taken, COUNT_OF(taken));
    bench_close();
}

static VkDeviceSize largest_block_made(BdaIntent intent, VkDeviceSize size, uint32_t count) {
    BdaAllocation *taken = calloc(count, sizeof *taken);
    assert_non_null(taken);
    VkDeviceSize largest = 0;
    for (uint32_t i = 0; i < count; i++) {
        taken[i] = take_bytes(size, intent);
        VkDeviceSize made = memory_of(taken[i].buffer).size;
        largest = made > largest ? made : largest;
        assert_false(info_of(taken[i].handle).dedicated);
    }
    give_all(taken, count);
    free(taken);
    return largest;
}

static void default_blocks_stop_growing_at_their_documented_sizes(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .heap_size = GIB(4) }, NULL);
    const BdaProperties properties = bench_properties();
    assert_int_equal(properties.first_block_size, MIB(1));
    assert_int_equal(properties.max_block_size, MIB(256));
    assert_int_equal(properties.max_host_visible_block_size, MIB(64));
    assert_int_equal(largest_block_made(BDA_INTENT_DEVICE, MIB(30), 30), MIB(256));
    assert_int_equal(largest_block_made(BDA_INTENT_UPLOAD, MIB(15), 20), MIB(64));
    bench_close();
}

static void sizes_given_are_the_sizes_made(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = KIB(256),
                                          .max_block_size = KIB(512),
                                          .max_host_visible_block_size = KIB(256) });
    assert_int_equal(largest_block_made(BDA_INTENT_DEVICE, KIB(100), 20), KIB(512));
    assert_int_equal(largest_block_made(BDA_INTENT_UPLOAD, KIB(100), 20), KIB(256));
    bench_close();
}

static void a_request_larger_than_the_next_block_makes_it_larger(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation big = take_bytes(MIB(5), BDA_INTENT_DEVICE);
    assert_false(info_of(big.handle).dedicated);
    assert_int_equal(memory_of(big.buffer).size, MIB(8));
    give(big);
    bench_close();
}

static void what_the_driver_rounds_up_is_counted(void **state) {
    (void)state;
    bench_open(
        &(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .size_rounding = MIB(2), .base_alignment = 4096 },
        NULL);
    BdaAllocation range = take_bytes(16, BDA_INTENT_DEVICE);
    assert_int_equal(bench_use().reserved, MIB(2));
    assert_int_equal(fake_heap_used(bench.driver, 0), MIB(2));
    assert_int_equal(bench_stats().heaps[0].usage, MIB(2));
    give(range);
    bench_close();
}

/* Guards against a shortened spanning buffer that is rounded up again and no longer fits. */
static void a_driver_that_rounds_up_may_place_blocks_anywhere(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .size_rounding = KIB(64) }, NULL);
    BdaAllocation range = take_bytes(16, BDA_INTENT_DEVICE);
    BdaAllocation own = take_buffer(16, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    assert_is_sound(&range);
    assert_is_sound(&own);
    give(range);
    give(own);
    bench_close();
}

/* ---- Near a full heap ---- */

static void near_a_full_heap_blocks_halve_and_nothing_small_is_dedicated(void **state) {
    (void)state;
    bench_open(
        &(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .heap_size = MIB(16), .foreign_use = { KIB(900) } },
        NULL);
    enum { MOST = 8192 };
    BdaAllocation *taken = calloc(MOST, sizeof *taken);
    assert_non_null(taken);
    VkResult end;
    uint32_t count = take_until_refused((BdaAllocInfo){ .size = KIB(4) }, taken, MOST, &end);
    assert_int_equal(end, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    const BdaUse use = bench_use();
    assert_int_equal(use.dedicated_count, 0);
    assert_true(use.block_count < 24);
    assert_true(use.reserved + KIB(900) + KIB(64 + 1) > MIB(16)); /* less than the least block is left */
    assert_true(count > (MIB(16) - KIB(900)) / KIB(4) * 95 / 100);
    assert_true(bench_heard("bda_alloc") >= 1);
    give_all(taken, count);
    free(taken);
    bench_close();
}

static void a_refused_request_near_a_full_heap_asks_the_driver_seldom(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .foreign_use = { GIB(1) } }, NULL);
    unsigned before = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = KIB(4) });
    assert_true(bench_calls(FAKE_CALL_ALLOCATE_MEMORY) - before <= 8);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

static void empty_blocks_of_other_pools_make_room_in_a_full_heap(void **state) {
    (void)state;
    const VkDeviceSize limit = MIB(4);
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED },
               &(BdaAllocatorInfo){ .first_block_size = MIB(4), .heap_limit_count = 1, .heap_limits = &limit });
    give(take_bytes(16, BDA_INTENT_DEVICE)); /* an empty block of ranges takes the whole limit */
    BdaAllocation own = take_buffer(KIB(100), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(bench_use().block_count, 1);
    give(own);
    BdaAllocation dedicated = take((BdaAllocInfo){ .size = MIB(3), .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bench_use().block_count, 1);
    give(dedicated);
    bench_close();
}

/* ---- The count of memories ---- */

/* First the pool's limit refuses, and its own empty blocks go; then the heap's, and others' go. */
static void empty_blocks_of_others_make_room_behind_a_pools_limit(void **state) {
    (void)state;
    const VkDeviceSize limit = MIB(4);
    const BdaAllocFlags flags[] = { 0, BDA_ALLOC_DEDICATED_BIT };
    for (uint32_t i = 0; i < COUNT_OF(flags); i++) {
        bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED },
                   &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT, /* there is no second try */
                                        .first_block_size = MIB(2),
                                        .heap_limit_count = 1,
                                        .heap_limits = &limit });
        BdaPool pool = make_pool((BdaPoolInfo){ .limit = MIB(3), .first_block_size = MIB(2) });
        give(take_bytes(16, BDA_INTENT_DEVICE));
        give(take((BdaAllocInfo){ .size = 16, .pool = pool }));
        assert_int_equal(bench_use().reserved, MIB(4));
        BdaAllocation most = take((BdaAllocInfo){ .size = MIB(3), .pool = pool, .flags = flags[i] });
        give(most);
        assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
        bench_close();
    }
}

static void the_count_of_memories_is_never_exceeded(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .limits = { .maxMemoryAllocationCount = 5 } }, NULL);
    assert_int_equal(bench_properties().max_memory_count, 5);
    assert_int_equal(bda_set_external_use(bench.allocator, 1, 0, 2), VK_SUCCESS);
    BdaAllocation taken[8];
    VkResult end;
    const BdaAllocInfo info = { .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT };
    uint32_t count = take_until_refused(info, taken, COUNT_OF(taken), &end);
    assert_int_equal(count, 3);
    assert_int_equal(end, VK_ERROR_TOO_MANY_OBJECTS);
    assert_int_equal(bench_heard("maxMemoryAllocationCount is reached: there are 3 VkDeviceMemory of 5, and 2 beside "
                                 "these (bda_set_external_use) (VK_ERROR_TOO_MANY_OBJECTS)"),
                     1);
    assert_int_equal(bda_set_external_use(bench.allocator, 1, 0, 1), VK_SUCCESS);
    taken[count++] = take(info);
    refuse(VK_ERROR_TOO_MANY_OBJECTS, info);
    give_all(taken, count);
    bench_close();
}

static void empty_blocks_go_when_the_count_is_reached(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .limits = { .maxMemoryAllocationCount = 2 } }, NULL);
    give(take_bytes(16, BDA_INTENT_UPLOAD));
    give(take_bytes(16, BDA_INTENT_DEVICE));
    BdaAllocation dedicated = take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT });
    give(dedicated);
    bench_close();
}

/* Guards against sums of 32 bits. */
static void external_counts_of_all_heaps_add_up_without_wrapping(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    assert_int_equal(bda_set_external_use(bench.allocator, 0, 0, UINT32_MAX), VK_SUCCESS);
    assert_int_equal(bda_set_external_use(bench.allocator, 1, 0, 1), VK_SUCCESS);
    refuse(VK_ERROR_TOO_MANY_OBJECTS, (BdaAllocInfo){ .size = 64 });
    bench_close();
}

/* ---- The limit of a pool ---- */

static void a_limit_that_no_block_is_within_is_named(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = KIB(64) });
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = KIB(64) + 16, .pool = pool });
    assert_int_equal(
        bench_heard("the pool's limit is smaller than the memory that it takes: the limit is 65536 bytes ("), 1);
    assert_int_equal(bench_pool_use(pool).reserved, 0);
    bench_close();
}

static void a_pools_limit_holds_with_dedicated_memory_counted_in(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = MIB(4), .name = "bounded" });
    BdaAllocation dedicated = take((BdaAllocInfo){ .size = MIB(2), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT });
    static BdaAllocation taken[64];
    VkResult end;
    uint32_t count = take_until_refused((BdaAllocInfo){ .size = KIB(200), .pool = pool }, taken, COUNT_OF(taken), &end);
    assert_int_equal(end, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_true(count >= 8);
    char wanted[160];
    const BdaUse use = bench_pool_use(pool);
    (void)snprintf(wanted, sizeof wanted,
                   ", pool 'bounded': the pool's limit is reached: %llu of 4194304 bytes are reserved, %llu of them "
                   "free (",
                   (unsigned long long)use.reserved, (unsigned long long)use.free);
    assert_int_equal(bench_heard(wanted), 1);
    const VkBufferCreateInfo made = buffer_info(KIB(200), PLAIN_USAGE);
    refuse_buffer(VK_ERROR_OUT_OF_DEVICE_MEMORY, &made, (BdaAllocInfo){ .pool = pool });
    assert_true(bench_pool_use(pool).reserved <= MIB(4));
    give(dedicated);
    BdaAllocation own = take_buffer(KIB(200), PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    assert_true(bench_pool_use(pool).reserved <= MIB(4));
    give(own);
    give_all(taken, count);
    bench_close();
}

static void a_limit_of_one_block_is_that_of_one_dedicated_allocation(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = KIB(64) });
    BdaAllocation fits = take((BdaAllocInfo){ .size = KIB(64), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT });
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 16, .pool = pool });
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 16, .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT });
    give(fits);
    give(take((BdaAllocInfo){ .size = 16, .pool = pool }));
    bench_close();
}

/* Where `most` is left to have, and one allocation has all of it but what one request takes, that is served; the next
 * one is not. A block for it would be larger than it is. */
static void take_the_last_byte(BdaAllocInfo info, VkDeviceSize most) {
    BdaAllocInfo all_but_one = info;
    all_but_one.size = most - info.size;
    all_but_one.flags |= BDA_ALLOC_DEDICATED_BIT;
    BdaAllocation held[] = { take(all_but_one), take(info) };
    assert_int_equal(bench_use().reserved, most);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, info);
    give_all(held, COUNT_OF(held));
}

static void what_a_pools_limit_leaves_serves_what_fits_exactly(void **state) {
    (void)state;
    const VkDeviceSize sizes[] = { KIB(64), KIB(100), MIB(1), MIB(16) };
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < COUNT_OF(sizes); i++) {
        BdaPool pool = make_pool((BdaPoolInfo){ .limit = MIB(48) });
        take_the_last_byte((BdaAllocInfo){ .size = sizes[i], .pool = pool }, MIB(48));
        assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    }
    bench_close();
}

static void what_a_heap_leaves_serves_what_fits_exactly(void **state) {
    (void)state;
    const VkDeviceSize most = MIB(48);
    const BdaAllocatorInfo large_blocks = { .max_block_size = MIB(64) };
    BdaAllocatorInfo limited = large_blocks;
    limited.heap_limit_count = 1;
    limited.heap_limits = &most;
    struct fake_config machine = { .machine = FAKE_MACHINE_UNIFIED, .heap_size = MIB(512) };
    bench_open(&machine, &limited);
    take_the_last_byte((BdaAllocInfo){ .size = MIB(16) }, most);
    bench_close();
    machine.with = FAKE_MEMORY_BUDGET;
    machine.budgets[0] = most;
    bench_open(&machine, &large_blocks);
    take_the_last_byte((BdaAllocInfo){ .size = MIB(16), .flags = BDA_ALLOC_WITHIN_BUDGET_BIT }, most);
    bench_close();
    machine = (struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .heap_size = most }; /* the driver refuses */
    bench_open(&machine, &large_blocks);
    take_the_last_byte((BdaAllocInfo){ .size = MIB(2) }, most);
    bench_close();
}

static void own_buffers_fit_exactly_into_what_is_left(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = MIB(48) });
    const VkBufferCreateInfo made = buffer_info(MIB(16), PLAIN_USAGE);
    BdaAllocation held = take((BdaAllocInfo){ .size = MIB(32), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT });
    BdaAllocation buffer = take_buffer(MIB(16), PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    assert_int_equal(bench_pool_use(pool).reserved, MIB(48));
    refuse_buffer(VK_ERROR_OUT_OF_DEVICE_MEMORY, &made, (BdaAllocInfo){ .pool = pool });
    give(held);
    give(buffer);
    bench_close();
}

/* Whatever call it is in when somebody frees, for blocks or for memory of its own. */
static BdaHandle freed_in_call;
static unsigned calls_until_free;

static void free_in_call(void *user, enum fake_call call) {
    (void)user;
    if (call == FAKE_CALL_CREATE_BUFFER && calls_until_free != 0 && --calls_until_free == 0)
        give((BdaAllocation){ .handle = freed_in_call });
}

static void what_is_freed_meanwhile_serves_what_no_memory_does(void **state) {
    (void)state;
    const VkDeviceSize most = MIB(1);
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .on_call = free_in_call },
               &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &most });
    unsigned calls = 0;
    do {
        BdaAllocation all[] = { take_bytes(KIB(500), BDA_INTENT_DEVICE), take_bytes(KIB(500), BDA_INTENT_DEVICE) };
        freed_in_call = all[0].handle;
        calls_until_free = ++calls;
        BdaAllocation served;
        const BdaAllocInfo info = { .size = KIB(500) };
        VkResult result = bda_alloc(bench.allocator, &info, &served);
        if (calls_until_free != 0) {
            assert_int_equal(result, VK_ERROR_OUT_OF_DEVICE_MEMORY); /* it makes fewer calls */
            give(all[0]);
        } else {
            assert_int_equal(result, VK_SUCCESS);
            give(served);
        }
        give(all[1]);
    } while (calls_until_free == 0);
    calls_until_free = 0;
    assert_true(calls > 2);
    bench_close();
}

static void what_is_smaller_than_a_block_is_not_dedicated(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = KIB(127) });
    BdaAllocation block = take((BdaAllocInfo){ .size = KIB(60), .pool = pool });
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = KIB(60), .pool = pool });
    give(block);
    bench_close();
}

/* Nor where the driver makes more of it than a block is. */
static void what_is_small_is_not_dedicated_by_what_it_takes(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .size_rounding = KIB(64) }, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = KIB(64) });
    const VkBufferCreateInfo made = buffer_info(100, PLAIN_USAGE);
    refuse_buffer(VK_ERROR_OUT_OF_DEVICE_MEMORY, &made, (BdaAllocInfo){ .pool = pool });
    bench_close();
}

/* A block that a limit refuses sends a request on to the next memory type, whatever memory of its own would meet. */
static void what_cannot_be_dedicated_goes_to_the_next_type(void **state) {
    (void)state;
    const VkDeviceSize limits[] = { KIB(128), 0 };
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_REBAR,
                                      .base_alignment = 4096,
                                      .require_dedicated_from = 1,
                                      .requirement_alignment = 16 },
               &(BdaAllocatorInfo){ .heap_limit_count = 2, .heap_limits = limits });
    BdaAllocation a =
        take((BdaAllocInfo){ .size = KIB(128), .alignment = KIB(64), .flags = BDA_ALLOC_HOST_FALLBACK_BIT });
    assert_int_equal(info_of(a.handle).heap, 1);
    give(a);
    bench_close();
}

static void a_driver_that_rounds_up_does_not_break_a_pools_limit(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .size_rounding = KIB(256), .base_alignment = 4096 }, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = KIB(128), .first_block_size = KIB(64) });
    const BdaAllocInfo info = { .size = 16, .pool = pool };
    BdaAllocation range;
    VkResult result = bda_alloc(bench.allocator, &info, &range);
    assert_true(bench_pool_use(pool).reserved <= KIB(128));
    assert_int_equal(result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    bench_close();
}

static void an_over_aligned_dedicated_request_does_not_break_a_pools_limit(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = MIB(1) });
    const BdaAllocInfo info = { .size = MIB(1), .alignment = KIB(64), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT };
    BdaAllocation range;
    VkResult result = bda_alloc(bench.allocator, &info, &range);
    assert_true(bench_pool_use(pool).reserved <= MIB(1));
    assert_int_equal(result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    bench_close();
}

static void one_pools_limit_costs_the_others_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = KIB(64) });
    give(take_bytes(16, BDA_INTENT_DEVICE)); /* a block that the library's own pool keeps */
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = MIB(1), .pool = pool });
    assert_int_equal(bench_use().empty_count, 1);
    bench_close();
}

/* A pool of two blocks, a range's and an own buffer's, refuses what neither has room for. */
static void assert_idle_is_told(BdaPool pool, const char *pending) {
    char wanted[160];
    const BdaUse use = bench_pool_use(pool);
    (void)snprintf(wanted, sizeof wanted,
                   "the pool's limit is reached: 131072 of 131072 bytes are reserved, %llu of them free%s (",
                   (unsigned long long)use.free, pending);
    bench_hush();
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = KIB(48), .pool = pool });
    assert_int_equal(bench_heard(wanted), 1);
}

/* What would help stands beside the limit: pieces that are free, and what waits for a semaphore, of both kinds. */
static void a_pools_limit_is_told_with_what_is_idle(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = KIB(128), .first_block_size = KIB(64) });
    const BdaAllocInfo part = { .size = KIB(32), .pool = pool };
    BdaAllocation range = take(part), own = take_buffer(KIB(16), PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    VkDeviceSize free = bench_pool_use(pool).free;
    assert_idle_is_told(pool, "");
    assert_int_equal(bda_free_after(bench.allocator, own.handle, timeline, 1), VK_SUCCESS);
    assert_idle_is_told(pool, ", 16384 pending");
    assert_int_equal(bench_pool_use(pool).free, free);
    BdaAllocation second = take((BdaAllocInfo){ .size = KIB(16), .pool = pool });
    assert_idle_is_told(pool, ", 16384 pending");
    give(second);
    give(range);
    bench_close();
}

/* What a batch had made is gone again when it is told of; where it had made nothing the figures are right. */
static void a_batch_is_told_without_figures_of_what_it_had(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = KIB(64) });
    const BdaAllocInfo part = { .size = KIB(32), .pool = pool }, parts[] = { part, part, part };
    BdaAllocation out[3];
    assert_refusal(VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_alloc_many(bench.allocator, 3, parts, out),
                   "bda_alloc_many, item", "the pool's limit is reached: the limit is 65536 bytes (");
    assert_refusal(VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_warm_up(bench.allocator, &part, KIB(64) - 16), "bda_warm_up",
                   "the pool's limit is reached: the limit is 65536 bytes (");
    assert_int_equal(bench_pool_use(pool).reserved, 0);
    BdaAllocation most = take((BdaAllocInfo){ .size = KIB(48), .pool = pool });
    assert_refusal(VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_alloc_many(bench.allocator, 3, parts, out),
                   "bda_alloc_many, item 0", "the pool's limit is reached: 65536 of 65536 bytes are reserved, ");
    give(most);
    bench_close();
}

/* ---- Limits of heaps, and budgets ---- */

static void a_heaps_limit_holds_with_external_use_counted_in(void **state) {
    (void)state;
    const VkDeviceSize limits[] = { MIB(8) };
    bench_open(NULL, &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = limits });
    assert_int_equal(bda_set_external_use(bench.allocator, 0, MIB(3), 1), VK_SUCCESS);
    assert_int_equal(bench_stats().heaps[0].limit, MIB(8));
    BdaAllocation taken[16];
    const BdaAllocInfo info = { .size = MIB(1), .flags = BDA_ALLOC_DEDICATED_BIT };
    BdaPool pool = make_pool((BdaPoolInfo){ .priority = 0 });
    BdaAllocInfo in_pool = info;
    in_pool.pool = pool;
    VkResult end;
    assert_int_equal(take_until_refused(in_pool, taken, COUNT_OF(taken), &end), 5);
    assert_int_equal(end, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(bench_heard("heap_limits is reached: 5242880 of 8388608 bytes of heap 0 are reserved, and 3145728 "
                                 "used beside that (bda_set_external_use) ("),
                     1);
    assert_int_equal(fake_heap_used(bench.driver, 0), MIB(5));
    BdaAllocation elsewhere = take_bytes(MIB(20), BDA_INTENT_UPLOAD); /* heap 1 has no limit */
    give(elsewhere);
    give_all(taken, 5);
    bench_close();
}

/* Where nothing that is given back would help, it is not said that something is used up. */
static void what_no_limit_could_hold_is_told_so(void **state) {
    (void)state;
    const struct fake_config machine = { .machine = FAKE_MACHINE_UNIFIED };
    const VkDeviceSize limit = MIB(8);
    bench_open(&machine, &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &limit });
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = MIB(8) + 1, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bench_heard("heap_limits is smaller than the memory that it takes: the limit of heap 0 is 8388608 "
                                 "bytes ("),
                     1);
    BdaAllocation all = take((BdaAllocInfo){ .size = MIB(8), .flags = BDA_ALLOC_DEDICATED_BIT });
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = MIB(8), .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bench_heard("heap_limits is reached: 8388608 of 8388608 bytes of heap 0 are reserved ("), 1);
    give(all);
    bench_close();
    bench_open(&machine, NULL);
    const BdaAllocFlags flags = BDA_ALLOC_DEDICATED_BIT | BDA_ALLOC_WITHIN_BUDGET_BIT;
    const VkDeviceSize budget = bench_stats().heaps[0].budget;
    char wanted[160];
    (void)snprintf(wanted, sizeof wanted,
                   "the heap's budget is smaller than the memory that it takes: the budget of heap 0 is %llu bytes (",
                   (unsigned long long)budget);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = budget + 1, .flags = flags });
    assert_int_equal(bench_heard(wanted), 1);
    bench_close();
}

static void external_use_beyond_every_limit_refuses_what_is_asked(void **state) {
    (void)state;
    const VkDeviceSize limits[] = { MIB(8), MIB(8), MIB(8) };
    bench_open(NULL, &(BdaAllocatorInfo){ .heap_limit_count = 3, .heap_limits = limits });
    for (uint32_t heap = 0; heap < 3; heap++)
        assert_int_equal(bda_set_external_use(bench.allocator, heap, UINT64_MAX, 0), VK_SUCCESS);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 64 });
    bench_close();
    bench_open(NULL, NULL);
    for (uint32_t heap = 0; heap < 3; heap++)
        assert_int_equal(bda_set_external_use(bench.allocator, heap, UINT64_MAX, 0), VK_SUCCESS);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_WITHIN_BUDGET_BIT });
    bench_close();
}

/* Each way to new memory, with the budget `within`; none of them may use more. */
static void no_path_leaves_the_budget(VkDeviceSize within) {
    const BdaAllocFlags flag = BDA_ALLOC_WITHIN_BUDGET_BIT;
    static BdaAllocation taken[512];
    const BdaAllocInfo ways[] = { { .size = KIB(100), .flags = flag },
                                  { .size = MIB(1), .flags = flag | BDA_ALLOC_DEDICATED_BIT },
                                  { .size = MIB(1), .alignment = KIB(64), .flags = flag | BDA_ALLOC_DEDICATED_BIT },
                                  { .size = MIB(6), .flags = flag } };
    for (uint32_t i = 0; i < COUNT_OF(ways); i++) {
        VkResult end;
        uint32_t count = take_until_refused(ways[i], taken, COUNT_OF(taken), &end);
        assert_int_equal(end, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        assert_true(fake_heap_used(bench.driver, 0) <= within);
        char wanted[160];
        const BdaHeapStats heap = bench_stats().heaps[0];
        (void)snprintf(wanted, sizeof wanted,
                       "the heap's budget is used up: %llu of %llu bytes of heap 0 are in use, %llu of them reserved (",
                       (unsigned long long)heap.usage, (unsigned long long)heap.budget,
                       (unsigned long long)bench_use().reserved);
        assert_true(bench_heard(wanted) >= 1);
        give_all(taken, count);
        assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
        bench_hush();
    }
    const BdaAllocInfo own = { .flags = flag };
    const VkBufferCreateInfo made = buffer_info(KIB(100), PLAIN_USAGE);
    uint32_t count = 0;
    while (bda_alloc_buffer(bench.allocator, &made, &own, &taken[count]) == VK_SUCCESS)
        count++;
    assert_true(fake_heap_used(bench.driver, 0) <= within);
    give_all(taken, count);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(bda_warm_up(bench.allocator, &own, within + 1), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(bda_warm_up_buffers(bench.allocator, &made, &own, within + 1), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(fake_memory_count(bench.driver), 0);
}

static const struct fake_config one_heap = { .machine = FAKE_MACHINE_UNIFIED, .heap_size = MIB(40) };

static void without_the_extension_a_budget_is_four_fifths_of_the_heap(void **state) {
    (void)state;
    bench_open(&one_heap, NULL);
    assert_int_equal(bench_stats().heaps[0].budget / KIB(1), MIB(32) / KIB(1) - 1); /* whole hundredths */
    no_path_leaves_the_budget(MIB(32));
    assert_int_equal(bda_set_external_use(bench.allocator, 0, MIB(20), 1), VK_SUCCESS);
    no_path_leaves_the_budget(MIB(12));
    bench_close();
}

static void with_the_extension_the_driver_says_what_is_left(void **state) {
    (void)state;
    struct fake_config config = one_heap;
    config.with = FAKE_MEMORY_BUDGET;
    config.budgets[0] = MIB(16);
    config.foreign_use[0] = MIB(4);
    bench_open(&config, NULL);
    assert_int_equal(bench_stats().heaps[0].budget, MIB(16));
    assert_int_equal(bench_stats().heaps[0].usage, MIB(4));
    no_path_leaves_the_budget(MIB(12));
    fake_set_budget(bench.driver, 0, MIB(10), MIB(1));
    no_path_leaves_the_budget(MIB(9));
    bench_close();
}

static void the_drivers_word_counts_external_use_once(void **state) {
    (void)state;
    struct fake_config config = one_heap;
    config.with = FAKE_MEMORY_BUDGET;
    bench_open(&config, NULL);
    assert_int_equal(bda_set_external_use(bench.allocator, 0, MIB(30), 1), VK_SUCCESS);
    BdaAllocation range =
        take((BdaAllocInfo){ .size = MIB(16), .flags = BDA_ALLOC_WITHIN_BUDGET_BIT | BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bench_stats().heaps[0].usage, MIB(16));
    give(range);
    bench_close();
}

static void without_the_flag_a_budget_may_be_left(void **state) {
    (void)state;
    bench_open(&one_heap, NULL);
    BdaAllocation range = take((BdaAllocInfo){ .size = MIB(36), .flags = BDA_ALLOC_DEDICATED_BIT });
    give(range);
    bench_close();
}

/* Whose heap is full may be others' doing: what is ours of it is told, and of how much. */
static void a_refusal_of_the_drivers_is_told_with_its_heap(void **state) {
    (void)state;
    bench_open(&one_heap, NULL);
    BdaAllocation most = take((BdaAllocInfo){ .size = MIB(36), .flags = BDA_ALLOC_DEDICATED_BIT });
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY,
           (BdaAllocInfo){ .size = MIB(8), .flags = BDA_ALLOC_DEDICATED_BIT, .name = "late" });
    assert_int_equal(bench_heard("bda_alloc 'late', 8388608 bytes: the driver refused device memory: 37748736 of "
                                 "41943040 bytes of heap 0 are reserved ("),
                     1);
    give(most);
    bench_close();
}

static void room_in_a_block_is_no_new_memory_for_a_budget(void **state) {
    (void)state;
    bench_open(&one_heap, NULL);
    BdaAllocation range = take_bytes(16, BDA_INTENT_DEVICE);
    assert_int_equal(bda_set_external_use(bench.allocator, 0, MIB(40), 1), VK_SUCCESS);
    BdaAllocation next = take((BdaAllocInfo){ .size = 16, .flags = BDA_ALLOC_WITHIN_BUDGET_BIT });
    give(range);
    give(next);
    bench_close();
}

/* ---- Ahead of time ---- */

static void after_a_warm_up_no_request_pays_for(VkDeviceSize size, VkDeviceSize alignment, VkDeviceSize bytes,
                                                enum fake_machine machine, BdaIntent intent) {
    bench_open(&(struct fake_config){ .machine = machine },
               &(BdaAllocatorInfo){ .max_block_size = MIB(1), .max_host_visible_block_size = MIB(1) });
    const BdaAllocInfo like = { .size = size, .alignment = alignment, .intent = intent };
    assert_int_equal(bda_warm_up(bench.allocator, &like, bytes), VK_SUCCESS);
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    uint32_t count = (uint32_t)(bytes / size);
    BdaAllocation *taken = calloc(count, sizeof *taken);
    assert_non_null(taken);
    for (uint32_t i = 0; i < count; i++)
        taken[i] = take(like);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    give_all(taken, count);
    free(taken);
    bench_close();
}

static void warmed_up_requests_call_no_driver(void **state) {
    (void)state;
    const VkDeviceSize sizes[] = { KIB(1), KIB(250), KIB(350), KIB(512), 100, 4097 };
    for (uint32_t i = 0; i < COUNT_OF(sizes); i++) {
        after_a_warm_up_no_request_pays_for(sizes[i], 0, MIB(4), FAKE_MACHINE_DISCRETE, BDA_INTENT_DEVICE);
        after_a_warm_up_no_request_pays_for(sizes[i], 4096, MIB(4), FAKE_MACHINE_DISCRETE, BDA_INTENT_UPLOAD);
        after_a_warm_up_no_request_pays_for(sizes[i], 0, MIB(4), FAKE_MACHINE_NON_COHERENT, BDA_INTENT_READBACK);
    }
}

static void warmed_up_buffers_find_their_memory(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .max_block_size = MIB(1) });
    const VkBufferCreateInfo like = buffer_info(KIB(300), PLAIN_USAGE);
    assert_int_equal(bda_warm_up_buffers(bench.allocator, &like, NULL, MIB(3)), VK_SUCCESS);
    assert_int_equal(fake_buffer_count(bench.driver), 0);
    unsigned allocations = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    BdaAllocation taken[10];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = take_buffer(KIB(300), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), allocations);
    give_all(taken, COUNT_OF(taken));
    bench_close();
}

static void a_second_warm_up_finds_the_room_of_the_first(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    const BdaAllocInfo like = { .size = KIB(10) };
    assert_int_equal(bda_warm_up(bench.allocator, &like, MIB(1)), VK_SUCCESS);
    const struct bench_state before = bench_look();
    assert_int_equal(bda_warm_up(bench.allocator, &like, KIB(900)), VK_SUCCESS);
    assert_int_equal(bda_warm_up(bench.allocator, &like, 0), VK_SUCCESS);
    assert_unchanged(&before);
    bench_close();
}

static void a_warm_up_is_whole_or_nothing(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .heap_size = MIB(64) }, NULL);
    BdaAllocation held = take_bytes(16, BDA_INTENT_DEVICE);
    const struct bench_state before = bench_look();
    const BdaAllocInfo like = { .size = KIB(10) };
    assert_int_equal(bda_warm_up(bench.allocator, &like, MIB(100)), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_as_before(&before);
    fake_fail(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 3, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(bda_warm_up(bench.allocator, &like, MIB(20)), VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_as_before(&before);
    give(held);
    bench_close();
}

static void a_warm_up_fits_into_what_is_left_of_a_heap(void **state) {
    (void)state;
    const VkDeviceSize limit = MIB(10);
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED },
               &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &limit });
    const BdaAllocInfo like = { .size = KIB(10) };
    assert_int_equal(bda_warm_up(bench.allocator, &like, MIB(9)), VK_SUCCESS);
    assert_true(bench_use().reserved <= limit);
    bench_close();
}

/* Guards against filling a heap, or running for hours, before saying that there is not as much. */
static void a_warm_up_of_more_than_there_is_asks_for_nothing(void **state) {
    (void)state;
    const VkDeviceSize limit = MIB(100);
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED },
               &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &limit });
    BdaPool bounded = make_pool((BdaPoolInfo){ .limit = MIB(10) });
    BdaAllocation held = take_bytes(16, BDA_INTENT_DEVICE);
    const VkBufferCreateInfo buffer = buffer_info(KIB(1), PLAIN_USAGE);
    const struct {
        BdaAllocInfo like;
        VkDeviceSize bytes;
        const char *reason;
    } wishes[] = {
        { { .size = 16 }, UINT64_MAX, ": the heap is smaller than that: heap 0 has " },
        { { .size = 16, .intent = BDA_INTENT_UPLOAD }, UINT64_MAX, ": the heap is smaller than that" },
        { { .size = 1000 }, limit + 1, "heap_limits is smaller than that: the limit of heap 0 is 104857600 bytes (" },
        { { .size = 16, .pool = bounded },
          MIB(10) + 1,
          ", 10485761 bytes: the pool's limit is smaller than that: the limit is 10485760 bytes (" }
    };
    const struct bench_state before = bench_look();
    unsigned allocations = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    for (uint32_t i = 0; i < COUNT_OF(wishes); i++) {
        BdaAllocInfo like = wishes[i].like;
        assert_refusal(VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_warm_up(bench.allocator, &like, wishes[i].bytes),
                       "bda_warm_up", wishes[i].reason);
        like.size = 0;
        assert_refusal(VK_ERROR_OUT_OF_DEVICE_MEMORY,
                       bda_warm_up_buffers(bench.allocator, &buffer, &like, wishes[i].bytes), "bda_warm_up_buffers",
                       wishes[i].reason);
    }
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), allocations);
    assert_as_before(&before);
    give(held);
    bench_close();
}

/* Guards against blocks for buffers that never go into one. */
static void nothing_is_warmed_up_for_buffers_that_the_driver_wants_dedicated(void **state) {
    (void)state;
    const struct fake_config configs[] = { { .prefer_dedicated_from = KIB(16) },
                                           { .require_dedicated_from = KIB(16) } };
    for (uint32_t i = 0; i < COUNT_OF(configs); i++) {
        bench_open(&configs[i], NULL);
        const VkBufferCreateInfo like = buffer_info(KIB(16), PLAIN_USAGE);
        unsigned allocations = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_warm_up_buffers(bench.allocator, &like, NULL, MIB(1)),
                       "bda_warm_up_buffers", "dedicated");
        assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), allocations);
        assert_int_equal(fake_buffer_count(bench.driver), 0);
        bench_close();
    }
}

/* Guards against a count of those who open that a refusal leaves behind. */
static void after_a_refused_block_the_next_has_the_same_turn(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
    BdaAllocation full = take_bytes(KIB(1000), BDA_INTENT_DEVICE);
    const VkResult refusals[] = { VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_TOO_MANY_OBJECTS,
                                  VK_ERROR_DEVICE_LOST };
    for (uint32_t i = 0; i < COUNT_OF(refusals); i++) {
        fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, refusals[i]);
        refuse(refusals[i], (BdaAllocInfo){ .size = KIB(100) });
        assert_int_equal(bda_warm_up(bench.allocator, &(BdaAllocInfo){ .size = KIB(100) }, KIB(900)), refusals[i]);
        fake_clear_failures(bench.driver);
    }
    BdaAllocation next = take_bytes(KIB(100), BDA_INTENT_DEVICE);
    assert_int_equal(memory_of(next.buffer).size, MIB(2));
    give(next);
    give(full);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_double_until_an_eighth_of_the_heap),
        cmocka_unit_test(default_blocks_stop_growing_at_their_documented_sizes),
        cmocka_unit_test(sizes_given_are_the_sizes_made),
        cmocka_unit_test(a_request_larger_than_the_next_block_makes_it_larger),
        cmocka_unit_test(what_the_driver_rounds_up_is_counted),
        cmocka_unit_test(a_driver_that_rounds_up_may_place_blocks_anywhere),
        cmocka_unit_test(near_a_full_heap_blocks_halve_and_nothing_small_is_dedicated),
        cmocka_unit_test(a_refused_request_near_a_full_heap_asks_the_driver_seldom),
        cmocka_unit_test(empty_blocks_of_other_pools_make_room_in_a_full_heap),
        cmocka_unit_test(empty_blocks_of_others_make_room_behind_a_pools_limit),
        cmocka_unit_test(the_count_of_memories_is_never_exceeded),
        cmocka_unit_test(empty_blocks_go_when_the_count_is_reached),
        cmocka_unit_test(external_counts_of_all_heaps_add_up_without_wrapping),
        cmocka_unit_test(a_limit_that_no_block_is_within_is_named),
        cmocka_unit_test(a_pools_limit_holds_with_dedicated_memory_counted_in),
        cmocka_unit_test(a_limit_of_one_block_is_that_of_one_dedicated_allocation),
        cmocka_unit_test(what_a_pools_limit_leaves_serves_what_fits_exactly),
        cmocka_unit_test(what_a_heap_leaves_serves_what_fits_exactly),
        cmocka_unit_test(own_buffers_fit_exactly_into_what_is_left),
        cmocka_unit_test(what_is_freed_meanwhile_serves_what_no_memory_does),
        cmocka_unit_test(what_is_smaller_than_a_block_is_not_dedicated),
        cmocka_unit_test(what_is_small_is_not_dedicated_by_what_it_takes),
        cmocka_unit_test(what_cannot_be_dedicated_goes_to_the_next_type),
        cmocka_unit_test(a_driver_that_rounds_up_does_not_break_a_pools_limit),
        cmocka_unit_test(an_over_aligned_dedicated_request_does_not_break_a_pools_limit),
        cmocka_unit_test(one_pools_limit_costs_the_others_nothing),
        cmocka_unit_test(a_pools_limit_is_told_with_what_is_idle),
        cmocka_unit_test(a_batch_is_told_without_figures_of_what_it_had),
        cmocka_unit_test(a_heaps_limit_holds_with_external_use_counted_in),
        cmocka_unit_test(what_no_limit_could_hold_is_told_so),
        cmocka_unit_test(external_use_beyond_every_limit_refuses_what_is_asked),
        cmocka_unit_test(without_the_extension_a_budget_is_four_fifths_of_the_heap),
        cmocka_unit_test(with_the_extension_the_driver_says_what_is_left),
        cmocka_unit_test(the_drivers_word_counts_external_use_once),
        cmocka_unit_test(without_the_flag_a_budget_may_be_left),
        cmocka_unit_test(a_refusal_of_the_drivers_is_told_with_its_heap),
        cmocka_unit_test(room_in_a_block_is_no_new_memory_for_a_budget),
        cmocka_unit_test(warmed_up_requests_call_no_driver),
        cmocka_unit_test(warmed_up_buffers_find_their_memory),
        cmocka_unit_test(a_second_warm_up_finds_the_room_of_the_first),
        cmocka_unit_test(a_warm_up_is_whole_or_nothing),
        cmocka_unit_test(a_warm_up_fits_into_what_is_left_of_a_heap),
        cmocka_unit_test(a_warm_up_of_more_than_there_is_asks_for_nothing),
        cmocka_unit_test(nothing_is_warmed_up_for_buffers_that_the_driver_wants_dedicated),
        cmocka_unit_test(after_a_refused_block_the_next_has_the_same_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
