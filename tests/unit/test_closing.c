/* src/alloc/closing.c: who would be refused for memory that another thread is giving back, or that the driver is about
 * to refuse to another thread, waits for it. */
#include "gate_support.h"

#include "alloc/allocator.h"

static const struct fake_config gated = { .machine = FAKE_MACHINE_UNIFIED, .on_call = hold_in_driver };

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

/* One thread does `what`, and is held inside of a call of the driver's; another one makes a request that there would be
 * room for before, and after. */
static void ask_in_between(enum fake_call call, void (*what)(struct helper *helper), const BdaAllocInfo *first,
                           const BdaAllocInfo *wish) {
    static struct helper closer, asker;
    hire(&closer);
    hire(&asker);
    closer.wish = *first;
    asker.wish = *wish;
    uint32_t closing = begin_and_hold(&closer, call, 1, what);
    uint32_t asking = begin(&asker, take_wish);
    give_it_time(&asker, asking);
    open_gate();
    await(&asker, asking);
    await(&closer, closing);
    assert_int_equal(closer.wrong, 0);
    assert_int_equal(asker.result, VK_SUCCESS);
    give(asker.slots[0]);
    dismiss(&asker);
    dismiss(&closer);
}

/* The only memory goes. */
static void ask_while_memory_goes(void (*what)(struct helper *helper), const BdaAllocInfo *wish) {
    ask_in_between(FAKE_CALL_FREE_MEMORY, what, &(BdaAllocInfo){ .size = KIB(512), .pool = wish->pool }, wish);
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

static void free_when_due(BdaAllocation allocation, VkSemaphore timeline) {
    assert_int_equal(bda_free_after(bench.allocator, allocation.handle, timeline, 1), VK_SUCCESS);
}

/* While one thread asks for values, no other may. */
static void it_waits_for_who_asks_semaphores(void **state) {
    (void)state;
    bench_open(&gated, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaPool pool = make_pool(one_block);
    free_when_due(take((BdaAllocInfo){ .size = MIB(1), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT }), timeline);
    fake_signal(bench.driver, timeline, 1);
    const BdaAllocInfo wish = { .size = 100, .pool = pool };
    ask_in_between(FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE, collect, &wish, &wish);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void destroy_pool(struct helper *helper) {
    helper->wrong += bda_destroy_pool(helper->allocator, helper->wish.pool) != VK_SUCCESS;
}

/* It would have collected what the pool's end takes out of the pending lists. */
static void it_waits_for_who_destroys_a_pool(void **state) {
    (void)state;
    const VkDeviceSize limit = MIB(1);
    bench_open(&gated, &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &limit });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    const BdaAllocInfo first = { .size = MIB(1), .pool = make_pool(one_block), .flags = BDA_ALLOC_DEDICATED_BIT };
    free_when_due(take(first), timeline);
    fake_signal(bench.driver, timeline, 1);
    ask_in_between(FAKE_CALL_FREE_MEMORY, destroy_pool, &first, &(BdaAllocInfo){ .size = KIB(64) });
    bench_close();
}

/* ---- What arrives elsewhere ---- */

static const VkDeviceSize block_and_more = MIB(1) + KIB(64);

/* First 64 KiB go back, in which the thread is held; then a range, which was the only one in a block of 1 MiB. */
static BdaPool free_range_in_block(VkSemaphore timeline) {
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1) });
    BdaAllocation small = take((BdaAllocInfo){ .size = KIB(64), .flags = BDA_ALLOC_DEDICATED_BIT });
    BdaAllocation range = take((BdaAllocInfo){ .size = 100, .pool = pool });
    free_when_due(small, timeline);
    free_when_due(range, timeline);
    fake_signal(bench.driver, timeline, 1);
    return pool;
}

static void ask_while_a_block_becomes_empty(BdaPoolInfo pool_info, BdaAllocInfo wish) {
    bench_open(&gated, &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &block_and_more });
    BdaPool pool = free_range_in_block(fake_make_semaphore(bench.driver, 0));
    wish.pool = make_pool(pool_info);
    ask_while_memory_goes(collect, &wish);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    assert_int_equal(bda_destroy_pool(bench.allocator, wish.pool), VK_SUCCESS);
    bench_close();
}

static void a_block_that_becomes_empty_meanwhile_is_closed(void **state) {
    (void)state;
    const BdaPoolInfo mib = { .first_block_size = MIB(1), .max_block_size = MIB(1) };
    ask_while_a_block_becomes_empty(mib, (BdaAllocInfo){ .size = KIB(400) });
}

static void a_block_that_becomes_empty_meanwhile_is_closed_for_dedicated_memory(void **state) {
    (void)state;
    ask_while_a_block_becomes_empty((BdaPoolInfo){ .limit = 0 },
                                    (BdaAllocInfo){ .size = MIB(1), .flags = BDA_ALLOC_DEDICATED_BIT });
}

/* The range goes from the pending lists into the quarantine. */
static void what_arrives_in_quarantine_is_let_go(void **state) {
    (void)state;
    bench_open(&gated, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaPool pool = make_pool(one_block);
    BdaAllocation own = take_buffer(KIB(4), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, (BdaAllocInfo){ .size = 0 });
    BdaAllocation range = take((BdaAllocInfo){ .size = KIB(900), .pool = pool });
    free_when_due(own, timeline);
    free_when_due(range, timeline);
    fake_signal(bench.driver, timeline, 1);
    const BdaAllocInfo wish = { .size = KIB(400), .pool = pool };
    ask_in_between(FAKE_CALL_DESTROY_BUFFER, collect, &wish, &wish);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* ---- What checking modes hold ---- */

static const BdaPoolInfo mib_of_small_blocks = { .first_block_size = KIB(64),
                                                 .max_block_size = MIB(1),
                                                 .limit = MIB(1) };

/* The first thread has the quarantine let go of all the memory that there may be, and may take none itself. */
static void it_waits_for_who_lets_go(void **state) {
    (void)state;
    bench_open(&gated, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT });
    BdaPool pool = make_pool(mib_of_small_blocks);
    give(take((BdaAllocInfo){ .size = MIB(1), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT }));
    const BdaAllocInfo first = { .size = KIB(4), .pool = pool, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    const BdaAllocInfo wish = { .size = KIB(64), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT };
    ask_in_between(FAKE_CALL_FREE_MEMORY, take_wish, &first, &wish);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* Of two frees it holds one: the first goes with the second. */
static void it_waits_for_what_quarantine_gives_up(void **state) {
    (void)state;
    bench_open(&gated, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT, .quarantine_frees = 1 });
    BdaPool pool = make_pool(mib_of_small_blocks);
    const BdaAllocInfo first = { .size = KIB(64), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT };
    give(take((BdaAllocInfo){ .size = MIB(1) - KIB(64), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT }));
    const BdaAllocInfo wish = { .size = KIB(512), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT };
    ask_in_between(FAKE_CALL_FREE_MEMORY, take_dedicated, &first, &wish);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* ---- What the driver is being asked for ---- */

static const BdaAllocInfo dedicated_mib = { .size = MIB(1), .flags = BDA_ALLOC_DEDICATED_BIT };

/* The first thread has all that a limit allows, until the driver refuses it. */
static void ask_while_the_driver_refuses(BdaPoolInfo info, BdaAllocInfo first, BdaAllocInfo wish) {
    fake_fail(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    first.pool = wish.pool = make_pool(info);
    ask_in_between(FAKE_CALL_ALLOCATE_MEMORY, take_wish, &first, &wish);
    assert_int_equal(bda_destroy_pool(bench.allocator, wish.pool), VK_SUCCESS);
}

static void a_pool_at_its_limit_waits_for_the_driver(void **state) {
    (void)state;
    bench_open(&gated, NULL);
    ask_while_the_driver_refuses(one_block, dedicated_mib, (BdaAllocInfo){ .size = 100 });
    bench_close();
}

static void a_heap_at_its_limit_waits_for_the_driver(void **state) {
    (void)state;
    const VkDeviceSize limit = KIB(64);
    bench_open(&gated, &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &limit });
    const BdaPoolInfo least_blocks = { .first_block_size = KIB(64), .max_block_size = KIB(64) };
    const BdaAllocInfo wish = { .size = KIB(64), .flags = BDA_ALLOC_DEDICATED_BIT };
    ask_while_the_driver_refuses(least_blocks, (BdaAllocInfo){ .size = 100 }, wish);
    bench_close();
}

static void the_last_memory_waits_for_the_driver(void **state) {
    (void)state;
    struct fake_config config = gated;
    config.limits.maxMemoryAllocationCount = 1;
    bench_open(&config, NULL);
    ask_while_the_driver_refuses((BdaPoolInfo){ .limit = 0 }, dedicated_mib, (BdaAllocInfo){ .size = 100 });
    bench_close();
}

/* With the only memory of a pool being asked for, and nobody who opens the gate meanwhile: who waited would do so for
 * ever. */
static void who_needs_no_answer_does_not_wait(void **state) {
    (void)state;
    static struct helper maker;
    bench_open(&gated, NULL);
    BdaPool pool = make_pool(one_block), other = make_pool(one_block);
    BdaAllocation some = take((BdaAllocInfo){ .size = 100, .pool = other });
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    hire(&maker);
    maker.wish = dedicated_mib;
    maker.wish.pool = pool;
    uint32_t making = begin_and_hold(&maker, FAKE_CALL_ALLOCATE_MEMORY, 1, take_wish);
    const BdaAllocInfo old = { .size = 100, .pool = pool, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, old);               /* may take no new memory */
    give(take((BdaAllocInfo){ .size = 100, .pool = other })); /* has room */
    BdaAllocInfo larger = dedicated_mib;
    larger.size = MIB(1) + 1;
    larger.pool = other;
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, larger); /* is larger than a limit */
    larger.size = MIB(1);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, larger); /* is refused by another limit */
    open_gate();
    await(&maker, making);
    assert_int_equal(maker.result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    dismiss(&maker);
    give(some);
    const BdaPool pools[] = { pool, other };
    for (uint32_t i = 0; i < COUNT_OF(pools); i++)
        assert_int_equal(bda_destroy_pool(bench.allocator, pools[i]), VK_SUCCESS);
    bench_close();
}

/* ---- The last look ---- */

struct ones {
    BdaAllocation all[32];
};

static void take_ones(BdaPool pool, struct ones *ones) {
    for (uint32_t i = 0; i < COUNT_OF(ones->all); i++)
        ones->all[i] = take((BdaAllocInfo){ .size = KIB(1), .pool = pool });
}

/* Gives them back, and has them so often that they are kept in the end. */
static void leave_on_shelf(BdaPool pool, struct ones *ones) {
    give_all(ones->all, COUNT_OF(ones->all));
    for (uint32_t round = 0; round < 20; round++) {
        take_ones(pool, ones);
        give_all(ones->all, COUNT_OF(ones->all));
    }
}

/* A request has had back what threads keep, and has asked for blocks in vain; before it is refused the room that it
 * needs comes free, some of it onto this thread's shelf. */
static void what_came_onto_a_shelf_meanwhile_is_taken_back(void **state) {
    (void)state;
    static struct helper asker;
    struct ones ones;
    bench_open(&gated, NULL);
    BdaPool pool = make_pool(one_block);
    take_ones(pool, &ones);
    BdaAllocation range = take((BdaAllocInfo){ .size = KIB(28), .pool = pool });
    BdaAllocation rest[] = { take((BdaAllocInfo){ .size = KIB(500), .pool = pool }),
                             take((BdaAllocInfo){ .size = KIB(460), .pool = pool }) };
    hire(&asker);
    asker.wish = (BdaAllocInfo){ .size = KIB(60), .pool = pool }; /* too small to be dedicated */
    unsigned before = bench_calls(FAKE_CALL_CREATE_BUFFER);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, asker.wish);
    int tries = (int)(bench_calls(FAKE_CALL_CREATE_BUFFER) - before);
    uint32_t asking = begin_and_hold(&asker, FAKE_CALL_CREATE_BUFFER, tries, take_wish);
    for (int i = 1; i < tries; i++) { /* up to the last one */
        open_gate();
        wait_at_gate(i + 1);
    }
    give(range);
    leave_on_shelf(pool, &ones);
    assert_true(bench_pool_use(pool).cached != 0);
    open_gate();
    await(&asker, asking);
    assert_int_equal(asker.result, VK_SUCCESS);
    give(asker.slots[0]);
    give_all(rest, COUNT_OF(rest));
    dismiss(&asker);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* ---- Nobody waits in vain ---- */

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

/* How often the driver is asked for memory until it is given up, beside a free that waits for a semaphore or not. */
static unsigned count_refused_calls(bool pending) {
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = MIB(64), .max_block_size = MIB(64) });
    BdaAllocation some = take((BdaAllocInfo){ .size = 100 });
    if (pending)
        free_when_due(some, timeline);
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    unsigned before = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = KIB(10), .pool = pool });
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY) - before;
    fake_clear_failures(bench.driver);
    if (!pending)
        give(some);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
    return calls;
}

static void a_free_that_is_not_due_is_no_reason_to_ask_again(void **state) {
    (void)state;
    assert_int_equal(count_refused_calls(true), count_refused_calls(false));
}

static struct bda_closings shared;
static struct bda_closing one, two;
static _Atomic bool has_ended;

static void end_both(struct helper *helper) {
    const struct timespec moment = { .tv_nsec = 20000000 };
    (void)helper;
    (void)nanosleep(&moment, NULL);
    bda_closing_end(&shared, &two);
    (void)nanosleep(&moment, NULL);
    atomic_store(&has_ended, true);
    bda_closing_end(&shared, &one);
}

static void all_that_are_on_their_way_are_waited_for(void **state) {
    (void)state;
    static struct helper helper;
    bda_closings_init(&shared, true);
    atomic_store(&has_ended, false);
    bda_closing_begin(&shared, &one);
    bda_closing_begin(&shared, &two);
    hire(&helper);
    uint32_t round = begin(&helper, end_both);
    bda_closings_wait(&shared);
    assert_true(atomic_load(&has_ended));
    await(&helper, round);
    dismiss(&helper);
    bda_closings_destroy(&shared);
}

/* Memory that would not do comes back before a limit refuses more of it. To who took it that is no reason to take it
 * again: else two such requests would keep the memory from each other until both are refused. */
static void what_was_taken_in_vain_comes_back_though_a_limit_refuses(void **state) {
    (void)state;
    bench_open(&gated, NULL);
    BdaAllocInfo first = { .size = KIB(512), .alignment = MIB(1), .flags = BDA_ALLOC_DEDICATED_BIT };
    BdaAllocInfo wish = { .size = KIB(768), .flags = BDA_ALLOC_DEDICATED_BIT };
    first.pool = wish.pool = make_pool((BdaPoolInfo){ .max_block_size = MIB(4), .limit = MIB(1) });
    unsigned asked = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, first);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY) - asked, 1);
    give(take(wish));
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, first);
    ask_in_between(FAKE_CALL_ALLOCATE_MEMORY, take_wish, &first, &wish);
    assert_int_equal(bda_destroy_pool(bench.allocator, wish.pool), VK_SUCCESS);
    bench_close();
}

/* Nor is what was taken in vain of one memory type a reason to ask the next one twice. */
static void each_type_is_asked_once_in_vain(void **state) {
    (void)state;
    enum { TYPES = 5 }; /* that machine has, and all serve the request */
    const VkDeviceSize limits[] = { MIB(1), MIB(1) };
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_REBAR },
               &(BdaAllocatorInfo){ .heap_limit_count = COUNT_OF(limits), .heap_limits = limits });
    const BdaAllocInfo wish = { .size = KIB(512),
                                .alignment = MIB(1),
                                .flags = BDA_ALLOC_DEDICATED_BIT | BDA_ALLOC_HOST_FALLBACK_BIT };
    for (unsigned i = 1; i <= 3; i++) {
        refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, wish);
        assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), TYPES * i);
    }
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_taken_in_vain_comes_back_though_a_limit_refuses),
        cmocka_unit_test(each_type_is_asked_once_in_vain),
        cmocka_unit_test(a_pool_at_its_limit_waits_for_a_trim),
        cmocka_unit_test(a_heap_at_its_limit_waits_for_a_trim),
        cmocka_unit_test(the_last_memory_waits_for_a_trim),
        cmocka_unit_test(dedicated_memory_waits_for_a_trim),
        cmocka_unit_test(it_waits_for_who_makes_room),
        cmocka_unit_test(it_waits_for_who_collects),
        cmocka_unit_test(it_waits_for_who_asks_semaphores),
        cmocka_unit_test(it_waits_for_who_destroys_a_pool),
        cmocka_unit_test(a_block_that_becomes_empty_meanwhile_is_closed),
        cmocka_unit_test(a_block_that_becomes_empty_meanwhile_is_closed_for_dedicated_memory),
        cmocka_unit_test(what_arrives_in_quarantine_is_let_go),
        cmocka_unit_test(it_waits_for_who_lets_go),
        cmocka_unit_test(it_waits_for_what_quarantine_gives_up),
        cmocka_unit_test(a_pool_at_its_limit_waits_for_the_driver),
        cmocka_unit_test(a_heap_at_its_limit_waits_for_the_driver),
        cmocka_unit_test(the_last_memory_waits_for_the_driver),
        cmocka_unit_test(who_needs_no_answer_does_not_wait),
        cmocka_unit_test(what_came_onto_a_shelf_meanwhile_is_taken_back),
        cmocka_unit_test(nobody_waits_where_nothing_goes),
        cmocka_unit_test(a_free_that_is_not_due_is_no_reason_to_ask_again),
        cmocka_unit_test(all_that_are_on_their_way_are_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
