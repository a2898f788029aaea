/* src/alloc/refusal.c: a full heap is not asked again and again where another memory type serves; and nobody is refused
 * for that, nor goes elsewhere when something has come back. */
#include "alloc_support.h"

#include "alloc/pool.h"

/* ---- What is remembered ---- */

static void what_is_no_smaller_is_refused_too(void **state) {
    (void)state;
    struct bda_refusal refusal = { .least = 0 };
    assert_false(bda_refusal_holds(&refusal, 100, 0));
    bda_refusal_note(&refusal, 100, 7);
    assert_true(bda_refusal_holds(&refusal, 100, 7));
    assert_true(bda_refusal_holds(&refusal, UINT64_MAX, 7));
    assert_false(bda_refusal_holds(&refusal, 99, 7));
    bda_refusal_note(&refusal, 200, 7); /* is no news */
    assert_true(bda_refusal_holds(&refusal, 100, 7));
    bda_refusal_note(&refusal, 50, 7);
    assert_true(bda_refusal_holds(&refusal, 50, 7));
}

static void what_has_come_back_ends_it(void **state) {
    (void)state;
    struct bda_refusal refusal = { .least = 0 };
    bda_refusal_note(&refusal, 100, 7);
    assert_false(bda_refusal_holds(&refusal, 100, 8));
    bda_refusal_note(&refusal, 200, 8);
    assert_false(bda_refusal_holds(&refusal, 100, 8));
    assert_true(bda_refusal_holds(&refusal, 200, 8));
}

static void it_is_believed_for_a_while(void **state) {
    (void)state;
    struct bda_refusal refusal = { .least = 0 };
    for (unsigned round = 0; round < 2; round++) {
        bda_refusal_note(&refusal, 100, 7);
        assert_false(bda_refusal_holds(&refusal, 10, 7)); /* which counts for nothing */
        for (unsigned i = 0; i < 1024; i++)
            assert_true(bda_refusal_holds(&refusal, 100, 7));
        assert_false(bda_refusal_holds(&refusal, 100, 7));
    }
}

/* ---- Requests ---- */

enum { DEVICE_TYPE = 1, HOST_TYPE = 0 }; /* of the machine below; each with a heap of 64 MiB */

static const BdaAllocInfo small = { .size = 1000, .flags = BDA_ALLOC_HOST_FALLBACK_BIT };

/* Others have all of the device's memory but so much. */
static void leave(VkDeviceSize bytes) {
    fake_set_budget(bench.driver, 0, 0, MIB(64) - bytes);
}

static void open_with_left(VkDeviceSize bytes, const VkDeviceSize *limits) {
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_REBAR, .heap_size = MIB(64) },
               &(BdaAllocatorInfo){ .heap_limit_count = limits != NULL ? 2 : 0, .heap_limits = limits });
    leave(bytes);
}

static BdaAllocInfo dedicated(VkDeviceSize size) {
    return (BdaAllocInfo){ .size = size, .flags = BDA_ALLOC_DEDICATED_BIT | BDA_ALLOC_HOST_FALLBACK_BIT };
}

static BdaAllocation take_from(uint32_t type, BdaAllocInfo info) {
    BdaAllocation a = take(info);
    assert_int_equal(info_of(a.handle).memory_type, type);
    return a;
}

static void give_from(uint32_t type, BdaAllocInfo info) {
    give(take_from(type, info));
}

static void a_full_heap_is_not_asked_each_time(void **state) {
    (void)state;
    open_with_left(0, NULL);
    BdaAllocation some = take_from(HOST_TYPE, small), more[100];
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    for (uint32_t i = 0; i < COUNT_OF(more); i++)
        more[i] = take_from(HOST_TYPE, small);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    give_all(more, COUNT_OF(more));
    give(some);
    bench_close();
}

/* For these the driver is asked for what the other type has to give. */
static void nor_is_it_for_memory_or_a_buffer_of_ones_own(void **state) {
    (void)state;
    open_with_left(0, NULL);
    const BdaAllocInfo info = { .flags = BDA_ALLOC_HOST_FALLBACK_BIT };
    give_from(HOST_TYPE, dedicated(MIB(1)));
    BdaAllocation some = take_buffer(100, PLAIN_USAGE, info);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    for (uint32_t i = 0; i < 10; i++) {
        give_from(HOST_TYPE, dedicated(MIB(1)));
        give(take_buffer(100, PLAIN_USAGE, info));
    }
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY) - calls, 10);
    give(some);
    bench_close();
}

static void give_buffer_from(uint32_t type, BdaAllocFlags flags) {
    BdaAllocation a =
        take_buffer(KIB(100), PLAIN_USAGE,
                    (BdaAllocInfo){ .name = "goes the long way", .flags = BDA_ALLOC_HOST_FALLBACK_BIT | flags });
    assert_int_equal(info_of(a.handle).memory_type, type);
    give(a);
}

/* The blocks that the device's memory has are looked at all the same. */
static void what_has_room_serves(void **state) {
    (void)state;
    open_with_left(MIB(1), NULL);
    BdaAllocation first = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    leave(0);
    give_buffer_from(HOST_TYPE, BDA_ALLOC_DEDICATED_BIT);
    give_buffer_from(DEVICE_TYPE, 0);
    give_buffer_from(HOST_TYPE, BDA_ALLOC_DEDICATED_BIT);
    give(first);
    bench_close();
}

/* Where all are known to be full, it is the last one that is asked. */
static void the_last_type_is_asked(void **state) {
    (void)state;
    open_with_left(0, NULL);
    fake_set_budget(bench.driver, 1, 0, MIB(64));
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, dedicated(MIB(1)));
    fake_set_budget(bench.driver, 1, 0, 0);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    give_from(HOST_TYPE, dedicated(MIB(1)));
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls + 1);
    bench_close();
}

static void what_comes_back_is_taken_at_once(void **state) {
    (void)state;
    open_with_left(MIB(1), NULL);
    BdaAllocation all = take_from(DEVICE_TYPE, dedicated(MIB(1)));
    give_from(HOST_TYPE, small);
    give(all);
    give_from(DEVICE_TYPE, small);
    bench_close();
}

static void so_is_what_the_caller_no_longer_uses_himself(void **state) {
    (void)state;
    const VkDeviceSize limits[] = { MIB(1), MIB(64) };
    open_with_left(MIB(64), limits);
    assert_int_equal(bda_set_external_use(bench.allocator, 0, MIB(1), 1), VK_SUCCESS);
    give_from(HOST_TYPE, small);
    assert_int_equal(bda_set_external_use(bench.allocator, 0, 0, 0), VK_SUCCESS);
    give_from(DEVICE_TYPE, small);
    bench_close();
}

static void what_other_processes_give_back_is_found_after_a_while(void **state) {
    (void)state;
    open_with_left(0, NULL);
    BdaAllocation a = take(small);
    leave(MIB(64));
    uint32_t elsewhere = 0;
    for (; info_of(a.handle).memory_type == HOST_TYPE && elsewhere <= 1024; elsewhere++) {
        give(a);
        a = take(small);
    }
    assert_in_range(elsewhere, 2, 1025);
    assert_int_equal(info_of(a.handle).memory_type, DEVICE_TYPE);
    give(a);
    bench_close();
}

static void what_is_smaller_is_asked_for(void **state) {
    (void)state;
    open_with_left(MIB(2), NULL);
    give_from(HOST_TYPE, dedicated(MIB(4)));
    give_from(DEVICE_TYPE, dedicated(MIB(1)));
    leave(KIB(100)); /* a block has 64 KiB at least */
    BdaAllocation most = take_from(DEVICE_TYPE, dedicated(KIB(60)));
    give_from(HOST_TYPE, small);
    give_from(DEVICE_TYPE, dedicated(KIB(20)));
    give(most);
    bench_close();
}

/* What is aligned higher takes more. */
static void what_is_aligned_less_is_asked_for(void **state) {
    (void)state;
    open_with_left(MIB(1), NULL);
    BdaAllocInfo aligned = dedicated(KIB(768));
    aligned.alignment = MIB(1);
    give_from(HOST_TYPE, aligned);
    give_from(DEVICE_TYPE, dedicated(KIB(768)));
    bench_close();
}

/* The other type is full now, and this one has got some memory. */
static void nobody_is_refused_for_what_was_refused_before(void **state) {
    (void)state;
    const VkDeviceSize limits[] = { MIB(64), MIB(2) };
    open_with_left(0, limits);
    BdaAllocation first = take_from(HOST_TYPE, dedicated(MIB(1)));
    BdaAllocation second = take_from(HOST_TYPE, dedicated(MIB(1)));
    leave(MIB(1));
    give_from(DEVICE_TYPE, dedicated(MIB(1)));
    give(first);
    give(second);
    bench_close();
}

/* Nor for what the last type has to say, whatever that is. */
static void nobody_is_refused_for_what_another_type_answers(void **state) {
    (void)state;
    open_with_left(0, NULL);
    give_from(HOST_TYPE, dedicated(MIB(1)));
    leave(MIB(64));
    fake_fail(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    give_from(DEVICE_TYPE, dedicated(MIB(1)));
    bench_close();
}

static void frees_that_are_due_are_collected_first(void **state) {
    (void)state;
    open_with_left(MIB(1), NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation all = take_from(DEVICE_TYPE, dedicated(MIB(1)));
    BdaAllocation some = take_from(HOST_TYPE, small);
    assert_int_equal(bda_free_after(bench.allocator, all.handle, timeline, 1), VK_SUCCESS);
    give_from(HOST_TYPE, dedicated(MIB(1)));
    fake_signal(bench.driver, timeline, 1);
    give_from(DEVICE_TYPE, dedicated(MIB(1)));
    give(some);
    bench_close();
}

/* They are another pool's, of ranges, and would not go by themselves. */
static void what_is_empty_elsewhere_serves(void **state) {
    (void)state;
    open_with_left(MIB(64), NULL);
    BdaAllocation all[64];
    VkResult end;
    uint32_t count = take_until_refused((BdaAllocInfo){ .size = MIB(1) }, all, COUNT_OF(all), &end);
    leave(bench_use().reserved);
    give_buffer_from(HOST_TYPE, 0);
    give_buffer_from(HOST_TYPE, 0);
    give_all(all, count);
    give_buffer_from(DEVICE_TYPE, 0);
    bench_close();
}

/* That the budget is used up is nothing to who may go beyond it; what the heap has not got, it has for nobody. */
static void the_budget_refuses_those_alone_who_keep_within_it(void **state) {
    (void)state;
    bench_open(
        &(struct fake_config){
            .machine = FAKE_MACHINE_REBAR, .with = FAKE_MEMORY_BUDGET, .heap_size = MIB(64), .budgets = { KIB(16) } },
        NULL);
    BdaAllocInfo within = small;
    within.flags |= BDA_ALLOC_WITHIN_BUDGET_BIT;
    BdaAllocation some = take_from(HOST_TYPE, within);
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    give_from(HOST_TYPE, within);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    give_from(DEVICE_TYPE, small);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    leave(0);
    give_from(HOST_TYPE, small);
    calls = bench_calls(FAKE_CALL_ANY);
    give_from(HOST_TYPE, within);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    give(some);
    bench_close();
}

/* The library has the part of a pool that was destroyed for another one of its own. */
static void what_another_pool_was_refused_is_forgotten(void **state) {
    (void)state;
    open_with_left(0, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = 0 });
    const struct bda_pool *part = pool->ranges;
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 1000, .pool = pool });
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    leave(MIB(64));
    give_from(DEVICE_TYPE, small);
    assert_null(part->user);
    assert_int_equal(part->key.memory_type, DEVICE_TYPE);
    bench_close();
}

/* Without another type it is asked each time. */
static void who_has_nowhere_else_to_go_asks(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .heap_size = MIB(64) }, NULL);
    leave(0);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 1000 });
    leave(MIB(1));
    give(take((BdaAllocInfo){ .size = 1000 }));
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_smaller_is_refused_too),
        cmocka_unit_test(what_has_come_back_ends_it),
        cmocka_unit_test(it_is_believed_for_a_while),
        cmocka_unit_test(a_full_heap_is_not_asked_each_time),
        cmocka_unit_test(nor_is_it_for_memory_or_a_buffer_of_ones_own),
        cmocka_unit_test(what_has_room_serves),
        cmocka_unit_test(the_last_type_is_asked),
        cmocka_unit_test(what_comes_back_is_taken_at_once),
        cmocka_unit_test(so_is_what_the_caller_no_longer_uses_himself),
        cmocka_unit_test(what_other_processes_give_back_is_found_after_a_while),
        cmocka_unit_test(what_is_smaller_is_asked_for),
        cmocka_unit_test(what_is_aligned_less_is_asked_for),
        cmocka_unit_test(nobody_is_refused_for_what_was_refused_before),
        cmocka_unit_test(nobody_is_refused_for_what_another_type_answers),
        cmocka_unit_test(frees_that_are_due_are_collected_first),
        cmocka_unit_test(what_is_empty_elsewhere_serves),
        cmocka_unit_test(the_budget_refuses_those_alone_who_keep_within_it),
        cmocka_unit_test(what_another_pool_was_refused_is_forgotten),
        cmocka_unit_test(who_has_nowhere_else_to_go_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
