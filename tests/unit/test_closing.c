/* src/alloc/closing.c: who would be refused for memory that another thread is giving back waits for it. */
#include "helper_support.h"

#include "alloc/closing.h"

#include <time.h>

/* ---- A gate in vkFreeMemory ---- */

static _Atomic bool armed, inside, open;

static void hold_in_free(void *user, enum fake_call call) {
    (void)user;
    if (call != FAKE_CALL_FREE_MEMORY || !atomic_exchange(&armed, false))
        return;
    atomic_store(&inside, true);
    while (!atomic_load(&open))
        bda_native_yield();
}

static const struct fake_config gated = { .machine = FAKE_MACHINE_UNIFIED, .on_call = hold_in_free };

static void trim(struct helper *helper) {
    VkDeviceSize released;
    helper->wrong += bda_trim(helper->allocator, 0, &released) != VK_SUCCESS;
}

/* It has to give the block back for that. The other thread may be faster to take all of it. */
static void take_dedicated(struct helper *helper) {
    helper->wish.flags = BDA_ALLOC_DEDICATED_BIT;
    if (bda_alloc(helper->allocator, &helper->wish, &helper->slots[0]) == VK_SUCCESS)
        helper->wrong += bda_free(helper->allocator, helper->slots[0].handle) != VK_SUCCESS;
}

static void take_one(struct helper *helper) {
    helper->result = bda_alloc(helper->allocator, &helper->wish, &helper->slots[0]);
}

/* Long enough for a refusal, which nothing delays; who waits is not done by then. */
static void give_it_time(struct helper *helper, uint32_t round) {
    const struct timespec moment = { .tv_nsec = 1000000 };
    for (uint32_t i = 0; i < 200 && atomic_load(&helper->done) < round; i++)
        (void)nanosleep(&moment, NULL);
}

/* One thread does `what`, and is inside of vkFreeMemory for the only memory; another one makes a request that there
 * would be room for before, and after. */
static void ask_while_memory_goes(void (*what)(struct helper *helper), const BdaAllocInfo *wish) {
    static struct helper closer, asker;
    hire(&closer);
    hire(&asker);
    closer.wish = (BdaAllocInfo){ .size = KIB(512), .pool = wish->pool };
    asker.wish = *wish;
    atomic_store(&inside, false);
    atomic_store(&open, false);
    atomic_store(&armed, true);
    uint32_t closing = begin(&closer, what);
    while (!atomic_load(&inside))
        bda_native_yield();
    uint32_t asking = begin(&asker, take_one);
    give_it_time(&asker, asking);
    atomic_store(&open, true);
    await(&asker, asking);
    await(&closer, closing);
    assert_int_equal(closer.wrong, 0);
    assert_int_equal(asker.result, VK_SUCCESS);
    give(asker.slots[0]);
    dismiss(&asker);
    dismiss(&closer);
}

static const BdaPoolInfo one_block = { .first_block_size = MIB(1), .max_block_size = MIB(1), .limit = MIB(1) };

static void a_pool_at_its_limit_waits_for_a_trim(void **state) {
    (void)state;
    bench_open(&gated, NULL);
    BdaPool pool = make_pool(one_block);
    const BdaAllocInfo info = { .size = 100, .pool = pool };
    give(take(info));
    ask_while_memory_goes(trim, &info);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void a_heap_at_its_limit_waits_for_a_trim(void **state) {
    (void)state;
    const VkDeviceSize limit = MIB(1);
    bench_open(&gated, &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &limit });
    const BdaAllocInfo info = { .size = 100 };
    give(take(info));
    ask_while_memory_goes(trim, &info);
    bench_close();
}

static void the_last_memory_waits_for_a_trim(void **state) {
    (void)state;
    struct fake_config config = gated;
    config.limits.maxMemoryAllocationCount = 1;
    bench_open(&config, NULL);
    const BdaAllocInfo info = { .size = 100 };
    give(take(info));
    ask_while_memory_goes(trim, &info);
    bench_close();
}

static void dedicated_memory_waits_for_a_trim(void **state) {
    (void)state;
    bench_open(&gated, NULL);
    BdaPool pool = make_pool(one_block);
    const BdaAllocInfo before = { .size = 100, .pool = pool };
    const BdaAllocInfo wish = { .size = MIB(1), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT };
    give(take(before));
    ask_while_memory_goes(trim, &wish);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* The other thread makes room for itself, and would leave enough for this one. */
static void it_waits_for_who_makes_room(void **state) {
    (void)state;
    bench_open(&gated, NULL);
    BdaPool pool = make_pool(one_block);
    const BdaAllocInfo info = { .size = 100, .pool = pool };
    give(take(info));
    ask_while_memory_goes(take_dedicated, &info);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void collect(struct helper *helper) {
    helper->wrong += bda_collect(helper->allocator) != VK_SUCCESS;
}

/* It would have collected that itself. */
static void it_waits_for_who_collects(void **state) {
    (void)state;
    bench_open(&gated, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaPool pool = make_pool(one_block);
    BdaAllocation all = take((BdaAllocInfo){ .size = MIB(1), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bda_free_after(bench.allocator, all.handle, timeline, 1), VK_SUCCESS);
    fake_signal(bench.driver, timeline, 1);
    const BdaAllocInfo info = { .size = 100, .pool = pool };
    ask_while_memory_goes(collect, &info);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void nobody_waits_where_nothing_goes(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool(one_block);
    BdaAllocation all = take((BdaAllocInfo){ .size = KIB(1000), .pool = pool }), more;
    const BdaAllocInfo info = { .size = KIB(100), .pool = pool };
    assert_int_equal(bda_alloc(bench.allocator, &info, &more), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    give(all);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* What has arrived between the look at a limit and the wait is no reason to wait for more. */
static void what_arrived_meanwhile_counts(void **state) {
    (void)state;
    struct bda_closings closings;
    bda_closings_init(&closings, true);
    uint64_t seen = bda_closings_arrived(&closings);
    assert_false(bda_closing_wait(&closings, &seen));
    struct bda_closing one, two;
    bda_closing_begin(&closings, &one);
    bda_closing_begin(&closings, &two);
    bda_closing_end(&closings, &one);
    bda_closing_end(&closings, &two);
    assert_true(bda_closing_wait(&closings, &seen));
    assert_false(bda_closing_wait(&closings, &seen));
    bda_closings_destroy(&closings);
}

static struct bda_closings shared;
static struct bda_closing second;
static _Atomic bool has_ended;

static void end_second(struct helper *helper) {
    const struct timespec moment = { .tv_nsec = 20000000 };
    (void)helper;
    (void)nanosleep(&moment, NULL);
    atomic_store(&has_ended, true);
    bda_closing_end(&shared, &second);
}

static void all_that_are_on_their_way_are_waited_for(void **state) {
    (void)state;
    static struct helper helper;
    struct bda_closing first;
    bda_closings_init(&shared, true);
    atomic_store(&has_ended, false);
    uint64_t seen = bda_closings_arrived(&shared);
    bda_closing_begin(&shared, &second);
    bda_closing_begin(&shared, &first);
    bda_closing_end(&shared, &first);
    hire(&helper);
    uint32_t round = begin(&helper, end_second);
    assert_true(bda_closing_wait(&shared, &seen));
    assert_true(atomic_load(&has_ended));
    await(&helper, round);
    dismiss(&helper);
    bda_closings_destroy(&shared);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_at_its_limit_waits_for_a_trim),
        cmocka_unit_test(a_heap_at_its_limit_waits_for_a_trim),
        cmocka_unit_test(the_last_memory_waits_for_a_trim),
        cmocka_unit_test(dedicated_memory_waits_for_a_trim),
        cmocka_unit_test(it_waits_for_who_makes_room),
        cmocka_unit_test(it_waits_for_who_collects),
        cmocka_unit_test(nobody_waits_where_nothing_goes),
        cmocka_unit_test(all_that_are_on_their_way_are_waited_for),
        cmocka_unit_test(what_arrived_meanwhile_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
