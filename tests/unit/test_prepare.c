/* The low-water mark: bda_wants_block and bda_prepare. What threads make of it is in test_api_threads.c, failures are
 * in the sweeps. */
#include "alloc_support.h"

#include <stdlib.h>

static void open_with_mark(VkDeviceSize low_water) {
    bench_open(NULL, &(BdaAllocatorInfo){ .low_water = low_water, .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
}

static bool wants(void) {
    return bda_wants_block(bench.allocator) == VK_TRUE;
}

static void prepare(void) {
    assert_int_equal(bda_prepare(bench.allocator), VK_SUCCESS);
    assert_false(wants());
}

/* ---- When a block is wanted ---- */

static void without_a_mark_nothing_is_wanted(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    assert_int_equal(bench_properties().low_water, 0);
    BdaAllocation full = take_bytes(KIB(1023), BDA_INTENT_DEVICE);
    assert_false(wants());
    const struct bench_state before = bench_look();
    prepare();
    assert_unchanged(&before);
    give(full);
    bench_close();
}

static void a_pool_wants_a_block_once_less_is_free_than_its_mark(void **state) {
    (void)state;
    open_with_mark(KIB(300));
    assert_int_equal(bench_properties().low_water, KIB(300));
    assert_false(wants()); /* nobody uses a pool yet */
    BdaAllocation first = take_bytes(KIB(700), BDA_INTENT_DEVICE);
    assert_false(wants());
    BdaAllocation second = take_bytes(KIB(100), BDA_INTENT_DEVICE);
    assert_true(wants());
    prepare();
    assert_int_equal(bench_use().block_count, 2);
    assert_int_equal(bench_use().reserved, MIB(1 + 2)); /* the size whose turn it is */
    assert_true(bench_use().free >= KIB(300));
    give(first);
    give(second);
    bench_close();
}

static void a_mark_of_several_blocks_makes_several(void **state) {
    (void)state;
    open_with_mark(MIB(10));
    BdaAllocation a = take_bytes(16, BDA_INTENT_DEVICE);
    assert_true(wants());
    prepare();
    assert_true(bench_use().free >= MIB(10));
    assert_int_equal(bench_use().reserved, MIB(1 + 2 + 4 + 8));
    give(a);
    bench_close();
}

static void what_was_freed_meanwhile_is_counted(void **state) {
    (void)state;
    open_with_mark(KIB(300));
    BdaAllocation a = take_bytes(KIB(900), BDA_INTENT_DEVICE);
    assert_true(wants());
    give(a);
    const struct bench_state before = bench_look();
    prepare();
    assert_unchanged(&before);
    bench_close();
}

static void each_pool_has_its_mark(void **state) {
    (void)state;
    BdaPoolInfo info;
    open_with_mark(KIB(100));
    BdaPool like_all = make_pool((BdaPoolInfo){ .name = "like all" });
    BdaPool own = make_pool((BdaPoolInfo){ .low_water = KIB(500) + 1 });
    assert_int_equal(bda_get_pool_info(bench.allocator, like_all, &info), VK_SUCCESS);
    assert_int_equal(info.low_water, KIB(100));
    assert_int_equal(bda_get_pool_info(bench.allocator, own, &info), VK_SUCCESS);
    assert_int_equal(info.low_water, KIB(500) + 16); /* whole granules */
    BdaAllocation a = take((BdaAllocInfo){ .size = KIB(600), .pool = like_all });
    assert_false(wants());
    BdaAllocation b = take((BdaAllocInfo){ .size = KIB(600), .pool = own });
    assert_true(wants());
    prepare();
    assert_int_equal(bench_pool_use(like_all).block_count, 1);
    assert_int_equal(bench_pool_use(own).block_count, 2);
    BdaAllocation buffer = take_buffer(KIB(600), PLAIN_USAGE, (BdaAllocInfo){ .pool = own });
    assert_true(wants()); /* the part for own buffers has the same mark */
    prepare();
    assert_int_equal(bench_pool_use(own).block_count, 4);
    give(a);
    give(b);
    give(buffer);
    bench_close();
}

/* Memory of its own says nothing of blocks: a pool that has none wants none. */
static void dedicated_memory_makes_no_pool_want_blocks(void **state) {
    (void)state;
    open_with_mark(MIB(1));
    BdaAllocation a = take((BdaAllocInfo){ .size = KIB(10), .flags = BDA_ALLOC_DEDICATED_BIT });
    prepare();
    assert_int_equal(bench_use().block_count, 1);
    give(a);
    bench_close();
}

/* ---- What it is for ---- */

static void where_blocks_are_prepared_no_request_calls_the_driver(void **state) {
    (void)state;
    enum { COUNT = 6000 };
    open_with_mark(KIB(100));
    BdaAllocation *taken = calloc(COUNT, sizeof *taken);
    assert_non_null(taken);
    taken[0] = take_bytes(KIB(10), BDA_INTENT_UPLOAD); /* the first block is nobody's to foresee */
    for (uint32_t i = 1; i < COUNT; i++) {
        if (wants())
            prepare();
        unsigned calls = bench_calls(FAKE_CALL_ANY);
        taken[i] = take_bytes(KIB(10), BDA_INTENT_UPLOAD);
        assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    }
    assert_true(bench_use().block_count > 4);
    give_all(taken, COUNT);
    free(taken);
    bench_close();
}

static void a_prepared_block_outlasts_collecting(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .low_water = MIB(4), .keep_collects = 1 });
    BdaAllocation a = take_bytes(KIB(10), BDA_INTENT_DEVICE);
    prepare();
    const struct bench_state before = bench_look();
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_unchanged(&before);
    give(a);
    bench_close();
}

/* Guards against a bda_collect and a bda_prepare that undo each other's work. */
static void surplus_below_the_mark_stays(void **state) {
    (void)state;
    bench_open(NULL,
               &(BdaAllocatorInfo){ .low_water = MIB(5), .keep_collects = 1, .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
    BdaAllocation taken[6];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = take_bytes(KIB(900), BDA_INTENT_DEVICE); /* blocks of 1, 2 and 4 MiB */
    give_all(taken, COUNT_OF(taken));
    prepare();
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
        give(take_bytes(KIB(900), BDA_INTENT_DEVICE));
        prepare();
    }
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    assert_int_equal(bench_use().reserved, MIB(7));
    bench_close();
}

static void after_a_trim_a_pool_wants_nothing_until_it_is_used(void **state) {
    (void)state;
    open_with_mark(MIB(4));
    BdaAllocation a = take_bytes(KIB(10), BDA_INTENT_DEVICE);
    prepare();
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(bench_use().block_count, 1);
    assert_false(wants());
    prepare();
    assert_int_equal(bench_use().block_count, 1);
    BdaAllocation b = take_bytes(KIB(10), BDA_INTENT_DEVICE);
    assert_true(wants());
    prepare();
    assert_true(bench_use().free >= MIB(4));
    give(a);
    give(b);
    bench_close();
}

/* ---- What a request that may take no new memory has not found ---- */

static void assert_no_room(BdaAllocInfo info) {
    BdaAllocation none;
    info.flags |= BDA_ALLOC_NO_NEW_MEMORY_BIT;
    assert_int_equal(bda_alloc(bench.allocator, &info, &none), VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

/* Whoever waits for nobody can make no block, so a pool that has none would have none for ever. */
static void a_refusal_makes_a_pool_without_blocks_want_one(void **state) {
    (void)state;
    open_with_mark(KIB(100));
    const BdaAllocInfo infos[] = { { .size = KIB(10) },
                                   { .size = KIB(10), .intent = BDA_INTENT_UPLOAD, .name = "named" },
                                   { .size = KIB(10), .pool = make_pool((BdaPoolInfo){ .name = "level" }) } };
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t again = 0; again < 2; again++) { /* before there is a block, and after it was trimmed */
            assert_no_room(infos[i]);
            assert_true(wants());
            prepare();
            BdaAllocInfo info = infos[i];
            info.flags = BDA_ALLOC_NO_NEW_MEMORY_BIT;
            give(take(info));
            assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
            prepare();
            assert_int_equal(bench_use().block_count, 0);
        }
    }
    assert_no_room(infos[0]); /* the others have what they lacked behind them */
    prepare();
    assert_int_equal(bench_use().block_count, 1);
    bench_close();
}

static void a_refused_buffer_makes_a_pool_want_a_block(void **state) {
    (void)state;
    open_with_mark(KIB(100));
    const VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                        .size = 4096,
                                        .usage = PLAIN_USAGE };
    const BdaAllocInfo info = { .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    BdaAllocation a;
    assert_int_equal(bda_alloc_buffer(bench.allocator, &buffer, &info, &a), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_true(wants());
    prepare();
    assert_int_equal(bda_alloc_buffer(bench.allocator, &buffer, &info, &a), VK_SUCCESS);
    give(a);
    bench_close();
}

/* The room that a request lacks may be there in pieces, or more than any block has: that is no reason for another. */
static void above_its_mark_a_pool_that_refuses_wants_nothing(void **state) {
    (void)state;
    open_with_mark(KIB(100));
    give(take_bytes(16, BDA_INTENT_DEVICE));
    const struct bench_state before = bench_look();
    assert_no_room((BdaAllocInfo){ .size = MIB(200) });
    prepare();
    assert_as_before(&before);
    bench_close();
}

/* The first one it tries is to have room. Of a pool without a mark nobody has asked for blocks ahead of time. */
static void a_refusal_makes_one_pool_want_a_block(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_DISCRETE },
               &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
    BdaPool marked = make_pool((BdaPoolInfo){ .low_water = KIB(100) });
    assert_no_room((BdaAllocInfo){ .size = 16, .flags = BDA_ALLOC_HOST_FALLBACK_BIT });
    assert_false(wants());
    assert_no_room((BdaAllocInfo){ .size = 16, .pool = marked });
    assert_true(wants());
    prepare();
    assert_int_equal(bench_use().block_count, 1);
    bench_close();
    open_with_mark(KIB(100));
    assert_no_room((BdaAllocInfo){ .size = 16, .flags = BDA_ALLOC_HOST_FALLBACK_BIT });
    prepare();
    assert_int_equal(bench_use().block_count, 1);
    give(take((BdaAllocInfo){ .size = 16, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT })); /* and not from the host's memory */
    bench_close();
}

static void assert_no_room_for(const VkBufferCreateInfo *buffer) {
    const BdaAllocInfo info = { .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    BdaAllocation none;
    assert_int_equal(bda_alloc_buffer(bench.allocator, buffer, &info, &none), VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

/* What wants memory of its own is served by no block, so no block is made for it. */
static void a_refusal_that_no_block_would_have_spared_makes_none(void **state) {
    (void)state;
    const struct fake_config configs[] = { { .with = FAKE_EXTERNAL_MEMORY_FD }, { .require_dedicated_from = 1 } };
    const VkExternalMemoryBufferCreateInfo external = { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, NULL,
                                                        VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    for (uint32_t i = 0; i < COUNT_OF(configs); i++) {
        bench_open(&configs[i], &(BdaAllocatorInfo){ .low_water = KIB(300) });
        VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                      .size = 4096,
                                      .usage = PLAIN_USAGE };
        buffer.pNext = i == 0 ? &external : NULL;
        assert_no_room_for(&buffer);
        assert_false(wants());
        prepare();
        assert_int_equal(bench_use().block_count, 0);
        bench_close();
    }
}

/* ---- What it does not do ---- */

/* Nobody needs the block yet: others keep their empty ones, and nobody is told. */
static void a_heap_that_is_full_is_left_as_it_is(void **state) {
    (void)state;
    const VkDeviceSize limit = MIB(3);
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED },
               &(BdaAllocatorInfo){ .low_water = MIB(1), .heap_limit_count = 1, .heap_limits = &limit });
    give(take_bytes(16, BDA_INTENT_UPLOAD));
    BdaPool other = make_pool((BdaPoolInfo){ .first_block_size = MIB(1) + KIB(512) });
    give(take((BdaAllocInfo){ .size = 16, .pool = other })); /* an empty block that would make room */
    BdaAllocation a = take_bytes(KIB(500), BDA_INTENT_UPLOAD);
    assert_true(wants());
    const struct bench_state before = bench_look();
    bench_hush();
    assert_int_equal(bda_prepare(bench.allocator), VK_INCOMPLETE);
    assert_as_before(&before);
    assert_int_equal(bench.length, 0);
    assert_false(wants()); /* it is not asked for again and again, */
    prepare();
    BdaAllocation b = take_bytes(KIB(100), BDA_INTENT_UPLOAD);
    assert_true(wants()); /* until more is taken, */
    assert_int_equal(bda_prepare(bench.allocator), VK_INCOMPLETE);
    assert_no_room((BdaAllocInfo){ .size = KIB(600), .intent = BDA_INTENT_UPLOAD });
    assert_true(wants()); /* or was wanted */
    give(a);
    give(b);
    bench_close();
}

static void a_block_is_prepared_within_the_budget_only(void **state) {
    (void)state;
    bench_open(
        &(struct fake_config){
            .machine = FAKE_MACHINE_UNIFIED, .with = FAKE_MEMORY_BUDGET, .heap_size = MIB(64), .budgets = { MIB(2) } },
        &(BdaAllocatorInfo){ .low_water = KIB(512) });
    BdaAllocation a = take_bytes(KIB(900), BDA_INTENT_UPLOAD);
    assert_true(wants());
    assert_int_equal(bda_prepare(bench.allocator), VK_SUCCESS); /* of half its size: 1 MiB */
    assert_int_equal(fake_heap_used(bench.driver, 0), MIB(2));
    BdaAllocation b = take_bytes(KIB(900), BDA_INTENT_UPLOAD);
    assert_true(wants());
    assert_int_equal(bda_prepare(bench.allocator), VK_INCOMPLETE);
    assert_int_equal(fake_heap_used(bench.driver, 0), MIB(2));
    give(a);
    give(b);
    bench_close();
}

static void one_pool_that_is_full_keeps_no_other_from_its_block(void **state) {
    (void)state;
    open_with_mark(0);
    BdaPool pools[3];
    BdaAllocation taken[3];
    for (uint32_t i = 0; i < 3; i++) {
        pools[i] = make_pool((BdaPoolInfo){ .low_water = KIB(500), .limit = i == 1 ? MIB(1) : 0 });
        taken[i] = take((BdaAllocInfo){ .size = KIB(900), .pool = pools[i] });
    }
    assert_int_equal(bda_prepare(bench.allocator), VK_INCOMPLETE);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(bench_pool_use(pools[i]).block_count, i == 1 ? 1 : 2);
    give_all(taken, 3);
    bench_close();
}

static void an_error_is_told_and_the_block_still_wanted(void **state) {
    (void)state;
    open_with_mark(KIB(500));
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "level", .low_water = KIB(500) });
    BdaAllocation a = take((BdaAllocInfo){ .size = KIB(900), .pool = pool });
    const struct bench_state before = bench_look();
    fake_fail(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY, bda_prepare(bench.allocator), "bda_prepare",
                   "bda_prepare, pool 'level': host memory");
    assert_as_before(&before);
    assert_true(wants());
    prepare();
    assert_int_equal(bench_pool_use(pool).block_count, 2);
    give(a);
    bench_close();
}

static BdaPool going; /* destroyed as soon as the driver is asked for another pool's block */

static void destroy_meanwhile(void *user, enum fake_call call) {
    (void)user;
    BdaPool pool = going;
    if (call != FAKE_CALL_CREATE_BUFFER || pool == NULL || fake_call_count(bench.driver, FAKE_CALL_ALLOCATE_MEMORY) < 3)
        return;
    going = NULL;
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
}

/* Whoever destroys the pool cannot know that another thread prepares it. */
static void a_pool_that_goes_meanwhile_is_told_by_its_name(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .on_call = destroy_meanwhile }, NULL);
    BdaPool pools[2];
    for (uint32_t i = 0; i < 2; i++) {
        pools[i] = make_pool((BdaPoolInfo){ .name = i == 0 ? "stays" : "goes", .low_water = KIB(500) });
        BdaAllocation a = take((BdaAllocInfo){ .size = KIB(900), .pool = pools[i] });
        assert_true(wants());
        give(a);
        assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
        assert_no_room((BdaAllocInfo){ .size = 16, .pool = pools[i] });
    }
    going = pools[1]; /* the newest is prepared first */
    fake_fail(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY, bda_prepare(bench.allocator), "bda_prepare",
                   "bda_prepare, pool 'goes': host memory");
    assert_null(going);
    bench_close();
}

static void one_who_synchronises_may_prepare_too(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .low_water = KIB(500), .flags = BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT });
    BdaAllocation a = take_bytes(KIB(900), BDA_INTENT_DEVICE);
    assert_true(wants());
    prepare();
    assert_int_equal(bench_use().block_count, 2);
    give(a);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_mark_nothing_is_wanted),
        cmocka_unit_test(a_pool_wants_a_block_once_less_is_free_than_its_mark),
        cmocka_unit_test(a_mark_of_several_blocks_makes_several),
        cmocka_unit_test(what_was_freed_meanwhile_is_counted),
        cmocka_unit_test(each_pool_has_its_mark),
        cmocka_unit_test(dedicated_memory_makes_no_pool_want_blocks),
        cmocka_unit_test(where_blocks_are_prepared_no_request_calls_the_driver),
        cmocka_unit_test(a_prepared_block_outlasts_collecting),
        cmocka_unit_test(surplus_below_the_mark_stays),
        cmocka_unit_test(after_a_trim_a_pool_wants_nothing_until_it_is_used),
        cmocka_unit_test(a_refusal_makes_a_pool_without_blocks_want_one),
        cmocka_unit_test(a_refused_buffer_makes_a_pool_want_a_block),
        cmocka_unit_test(a_refusal_that_no_block_would_have_spared_makes_none),
        cmocka_unit_test(above_its_mark_a_pool_that_refuses_wants_nothing),
        cmocka_unit_test(a_refusal_makes_one_pool_want_a_block),
        cmocka_unit_test(a_heap_that_is_full_is_left_as_it_is),
        cmocka_unit_test(a_block_is_prepared_within_the_budget_only),
        cmocka_unit_test(one_pool_that_is_full_keeps_no_other_from_its_block),
        cmocka_unit_test(an_error_is_told_and_the_block_still_wanted),
        cmocka_unit_test(a_pool_that_goes_meanwhile_is_told_by_its_name),
        cmocka_unit_test(one_who_synchronises_may_prepare_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
