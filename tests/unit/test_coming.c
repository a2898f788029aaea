/* What is on its way, and would be there in whatever order two threads had come one after the other: nobody is refused
 * for a block that is being made ahead, for room in a block that another request makes, for what is counted twice or
 * set aside for a moment, for what a batch gives back, nor loses a pool's part to whoever destroys another pool. */
#include "gate_support.h"

#include "alloc/allocator.h"
#include "alloc/shard.h"

static struct helper first, asker;

static const BdaAllocInfo dedicated = { .size = MIB(1), .flags = BDA_ALLOC_DEDICATED_BIT };

/* One thread does `what`, and is held inside of a call; another one asks for something meanwhile, and gets it. `held`
 * (or NULL) comes in between. */
static void ask_meanwhile(enum fake_call call, void (*what)(struct helper *), BdaAllocInfo wish, void (*held)(void)) {
    hire(&asker);
    asker.wish = wish;
    uint32_t doing = begin_and_hold(&first, call, 1, what);
    if (held != NULL)
        held();
    uint32_t asking = begin(&asker, take_wish);
    give_it_time(&asker, asking);
    fake_clear_failures(bench.driver);
    open_gate();
    await(&asker, asking);
    await(&first, doing);
    assert_int_equal(asker.result, VK_SUCCESS);
    give(asker.slots[0]);
    dismiss(&asker);
}

/* ---- A block that is made ahead ---- */

static void prepare(struct helper *h) {
    h->result = bda_prepare(h->allocator);
}

static void warm_up(struct helper *h) {
    h->result = bda_warm_up(h->allocator, &h->wish, KIB(900));
}

/* Where there are two blocks in all, the second one is made ahead for a pool, and somebody else needs its memory. It is
 * the driver, or a limit, that has no more. */
static void ask_while_a_block_is_made(enum fake_call call, bool limit, bool warm) {
    const VkDeviceSize most = MIB(2);
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED,
                                      .heap_size = limit ? MIB(64) : most,
                                      .with = FAKE_DEBUG_UTILS,
                                      .on_call = hold_in_driver },
               &(BdaAllocatorInfo){ .heap_limit_count = limit, .heap_limits = &most });
    BdaPool pool = make_pool(
        (BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1), .low_water = warm ? 0 : KIB(512) });
    BdaAllocation held[] = { take((BdaAllocInfo){ .size = KIB(500), .pool = pool }),
                             take((BdaAllocInfo){ .size = KIB(400), .pool = pool }) };
    hire(&first);
    first.wish = (BdaAllocInfo){ .size = KIB(4), .pool = pool };
    ask_meanwhile(call, warm ? warm_up : prepare, dedicated, NULL);
    dismiss(&first);
    give_all(held, COUNT_OF(held));
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void a_block_that_is_prepared_goes_to_who_needs_its_memory(void **state) {
    (void)state;
    ask_while_a_block_is_made(FAKE_CALL_SET_OBJECT_NAME, true, false);
    ask_while_a_block_is_made(FAKE_CALL_BIND_BUFFER_MEMORY, true, false);
    ask_while_a_block_is_made(FAKE_CALL_BIND_BUFFER_MEMORY, false, false);
}

static void a_block_that_warms_up_goes_to_who_needs_its_memory(void **state) {
    (void)state;
    ask_while_a_block_is_made(FAKE_CALL_SET_OBJECT_NAME, true, true);
    ask_while_a_block_is_made(FAKE_CALL_BIND_BUFFER_MEMORY, false, true);
}

/* ---- A block that a request makes ---- */

static void the_heap_is_full(void) {
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

/* It fits exactly, while what is reckoned with is more than that: so it counted on no room in there. */
static void who_is_refused_looks_into_a_block_on_its_way(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .on_call = hold_in_driver }, NULL);
    hire(&first);
    first.wish = (BdaAllocInfo){ .size = 524288 };
    ask_meanwhile(FAKE_CALL_BIND_BUFFER_MEMORY, take_wish, (BdaAllocInfo){ .size = 523000 }, the_heap_is_full);
    assert_int_equal(first.result, VK_SUCCESS);
    give(first.slots[0]);
    dismiss(&first);
    bench_close();
}

static void a_large_request_looks_into_a_block_on_its_way(void **state) {
    (void)state;
    bench_open(
        &(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .with = FAKE_DEBUG_UTILS, .on_call = hold_in_driver },
        NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = MIB(1), .first_block_size = MIB(1), .max_block_size = MIB(1) });
    hire(&first);
    first.wish = (BdaAllocInfo){ .size = KIB(100), .pool = pool };
    ask_meanwhile(FAKE_CALL_SET_OBJECT_NAME, take_wish, (BdaAllocInfo){ .size = KIB(600), .pool = pool }, NULL);
    assert_int_equal(first.result, VK_SUCCESS);
    give(first.slots[0]);
    dismiss(&first);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static _Thread_local bool asks;
static unsigned calls_of_asker, call_to_make_in;
static BdaAllocation in_the_way;

/* In the asker's last try: something is freed, and another thread makes a block of that, which has not come yet. */
static void make_in_call(void *user, enum fake_call call) {
    if (asks && call == FAKE_CALL_CREATE_BUFFER && ++calls_of_asker == call_to_make_in) {
        give(in_the_way);
        (void)begin_and_hold(&first, FAKE_CALL_SET_OBJECT_NAME, 1, take_wish);
    }
    hold_in_driver(user, call);
}

static void ask(struct helper *h) {
    asks = true;
    calls_of_asker = 0;
    take_wish(h);
    asks = false;
}

/* There is room for the asker at every moment: first what is left of the limit, to the byte, then in the block. */
static void who_fits_exactly_looks_into_a_block_on_its_way(void **state) {
    (void)state;
    bench_open(
        &(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .with = FAKE_DEBUG_UTILS, .on_call = make_in_call },
        NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = MIB(2), .first_block_size = MIB(1), .max_block_size = MIB(1) });
    in_the_way = take((BdaAllocInfo){ .size = KIB(768), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT });
    BdaAllocation other = take((BdaAllocInfo){ .size = MIB(1), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT });
    hire(&first);
    hire(&asker);
    first.wish = (BdaAllocInfo){ .size = KIB(100), .pool = pool };
    asker.wish = (BdaAllocInfo){ .size = KIB(256), .pool = pool };
    await(&asker, begin(&asker, ask)); /* how many calls it makes */
    assert_int_equal(asker.result, VK_SUCCESS);
    give(asker.slots[0]);
    assert_true(calls_of_asker > 1);
    call_to_make_in = calls_of_asker;
    uint32_t asking = begin(&asker, ask);
    give_it_time(&asker, asking);
    open_gate();
    await(&asker, asking);
    assert_int_equal(asker.result, VK_SUCCESS);
    call_to_make_in = 0;
    await(&first, 1);
    assert_int_equal(first.result, VK_SUCCESS);
    give(first.slots[0]);
    give(asker.slots[0]);
    give(other);
    dismiss(&first);
    dismiss(&asker);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* ---- What goes while somebody has memory given back ---- */

static void trim(struct helper *h) {
    VkDeviceSize released;
    h->result = bda_trim(h->allocator, 0, &released);
}

static BdaAllocation also_in_the_way;
static bool gives_back;

/* In its last try the asker finds an empty block to give back; while it does that, another thread gives back a second
 * one, which so the asker does not find. */
static void free_in_call(void *user, enum fake_call call) {
    if (asks && call == FAKE_CALL_CREATE_BUFFER && ++calls_of_asker == call_to_make_in)
        give(in_the_way);
    if (asks && call == FAKE_CALL_FREE_MEMORY && gives_back) {
        gives_back = false;
        give(also_in_the_way);
        (void)begin_and_hold(&first, FAKE_CALL_FREE_MEMORY, 1, trim);
    }
    hold_in_driver(user, call);
}

static BdaPool pool_with_block(VkDeviceSize size) {
    return make_pool((BdaPoolInfo){ .first_block_size = size, .max_block_size = size });
}

static void who_has_memory_given_back_waits_for_what_another_thread_gives(void **state) {
    (void)state;
    const VkDeviceSize limit = KIB(192);
    bench_open(
        &(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .on_call = free_in_call },
        &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT, .heap_limit_count = 1, .heap_limits = &limit });
    const BdaPool pools[] = { pool_with_block(KIB(64)), pool_with_block(KIB(128)) };
    in_the_way = take((BdaAllocInfo){ .size = 100, .pool = pools[0] });
    also_in_the_way = take((BdaAllocInfo){ .size = 100, .pool = pools[1] });
    hire(&first);
    hire(&asker);
    asker.wish = (BdaAllocInfo){ .size = 1000, .alignment = KIB(64) }; /* a block of all that the limit allows */
    call_to_make_in = 0;
    await(&asker, begin(&asker, ask)); /* how many calls it makes */
    assert_int_equal(asker.result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    call_to_make_in = calls_of_asker - 1; /* before the last one all that may go is given back */
    gives_back = true;
    uint32_t asking = begin(&asker, ask);
    give_it_time(&asker, asking);
    open_gate();
    await(&asker, asking);
    assert_false(gives_back);
    await(&first, 1);
    assert_int_equal(asker.result, VK_SUCCESS);
    call_to_make_in = 0;
    give(asker.slots[0]);
    dismiss(&first);
    dismiss(&asker);
    for (uint32_t i = 0; i < COUNT_OF(pools); i++)
        assert_int_equal(bda_destroy_pool(bench.allocator, pools[i]), VK_SUCCESS);
    bench_close();
}

/* ---- What is counted ---- */

/* Between the driver being asked for the budget and its answer, another thread's memory comes to be ours. */
static void what_was_ours_meanwhile_counts_once(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED,
                                      .with = FAKE_MEMORY_BUDGET,
                                      .heap_size = MIB(64),
                                      .budgets = { MIB(10) },
                                      .on_call = hold_in_driver },
               NULL);
    hire(&first);
    hire(&asker);
    first.wish = asker.wish =
        (BdaAllocInfo){ .size = MIB(4), .flags = BDA_ALLOC_DEDICATED_BIT | BDA_ALLOC_WITHIN_BUDGET_BIT };
    uint32_t doing = begin_and_hold(&first, FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, 1, take_wish);
    await(&asker, begin(&asker, take_wish));
    open_gate();
    await(&first, doing);
    assert_int_equal(asker.result, VK_SUCCESS);
    assert_int_equal(first.result, VK_SUCCESS);
    give(asker.slots[0]);
    give(first.slots[0]);
    dismiss(&asker);
    dismiss(&first);
    bench_close();
}

static _Atomic bool stop;

static void ask_in_vain(struct helper *h) {
    while (!atomic_load(&stop))
        h->wrong += bda_alloc(h->allocator, &h->wish, &h->slots[0]) == VK_SUCCESS ? 1u : 0u;
}

/* Other threads ask for what they never get, and each time set something aside for a moment; this one alone ever gets
 * what it asks for. */
static void ask_beside(BdaAllocInfo vain, BdaAllocInfo wish) {
    static struct helper others[3];
    uint32_t rounds[COUNT_OF(others)];
    atomic_store(&stop, false);
    for (uint32_t i = 0; i < COUNT_OF(others); i++) {
        hire(&others[i]);
        others[i].wish = vain;
        rounds[i] = begin(&others[i], ask_in_vain);
    }
    uint32_t refused = 0;
    for (uint32_t i = 0; i < 1000; i++) { /* more take minutes under a sanitizer */
        BdaAllocation mine;
        if (bda_alloc(bench.allocator, &wish, &mine) == VK_SUCCESS)
            give(mine);
        else
            refused++;
    }
    atomic_store(&stop, true);
    for (uint32_t i = 0; i < COUNT_OF(others); i++) {
        await(&others[i], rounds[i]);
        assert_int_equal(others[i].wrong, 0);
        dismiss(&others[i]);
    }
    assert_int_equal(refused, 0);
}

static void who_may_not_have_it_sets_a_pools_limit_aside_for_nobody(void **state) {
    (void)state;
    bench_open(
        &(struct fake_config){
            .machine = FAKE_MACHINE_UNIFIED, .heap_size = MIB(64), .with = FAKE_MEMORY_BUDGET, .budgets = { MIB(1) } },
        NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = MIB(4) });
    BdaAllocInfo wish = { .size = MIB(4), .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT }, within = wish;
    within.flags |= BDA_ALLOC_WITHIN_BUDGET_BIT;
    ask_beside(within, wish);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void take_a_while(void *user, enum fake_call call) {
    const struct timespec moment = { .tv_nsec = 50000 };
    (void)user;
    if (call == FAKE_CALL_ALLOCATE_MEMORY)
        (void)nanosleep(&moment, NULL);
}

/* Of the 8 MiB that the limit allows the driver has 5, so it refuses the others; but meanwhile they have 6 set aside.
 */
static void who_is_refused_again_and_again_starves_nobody(void **state) {
    (void)state;
    const VkDeviceSize limit = MIB(8);
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED,
                                      .heap_size = MIB(64),
                                      .foreign_use = { MIB(64) - MIB(5) },
                                      .on_call = take_a_while },
               &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &limit });
    ask_beside((BdaAllocInfo){ .size = MIB(6), .flags = BDA_ALLOC_DEDICATED_BIT },
               (BdaAllocInfo){ .size = MIB(4), .flags = BDA_ALLOC_DEDICATED_BIT });
    bench_close();
}

/* ---- What is due ---- */

static void ask_slowly(void *user, enum fake_call call) {
    const struct timespec moment = { .tv_nsec = 100000 };
    (void)user;
    if (call == FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE)
        (void)nanosleep(&moment, NULL);
}

/* Another thread, which may take no new memory, asks semaphores most of the time, and takes out ranges alone. */
static void what_is_due_is_collected_though_another_thread_asks(void **state) {
    (void)state;
    static struct helper other;
    const VkDeviceSize limit = MIB(1) + KIB(64);
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .on_call = ask_slowly },
               &(BdaAllocatorInfo){ .heap_limit_count = 1, .heap_limits = &limit });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 1);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = KIB(64), .max_block_size = KIB(64) });
    BdaAllocation some = take((BdaAllocInfo){ .size = KIB(60), .pool = pool });
    atomic_store(&stop, false);
    hire(&other);
    other.wish = (BdaAllocInfo){ .size = KIB(30), .pool = pool, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    uint32_t round = begin(&other, ask_in_vain);
    for (uint32_t i = 0; i < 200; i++) {
        BdaAllocation all;
        VkResult result = bda_alloc(bench.allocator, &dedicated, &all);
        if (result == VK_SUCCESS)
            result = bda_free_after(bench.allocator, all.handle, timeline, 1);
        other.count += result != VK_SUCCESS;
        ask_slowly(NULL, FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE); /* as long as that, so that it may be under way */
    }
    atomic_store(&stop, true);
    await(&other, round);
    assert_int_equal(other.wrong, 0);
    assert_int_equal(other.count, 0);
    dismiss(&other);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    give(some);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* ---- What a batch gives back ---- */

static BdaPool pool_of_batch;

static void take_many(struct helper *h) {
    const BdaAllocInfo infos[] = { { .size = MIB(1), .pool = pool_of_batch, .flags = BDA_ALLOC_DEDICATED_BIT },
                                   { .size = MIB(2), .pool = pool_of_batch, .flags = BDA_ALLOC_DEDICATED_BIT } };
    h->result = bda_alloc_many(h->allocator, COUNT_OF(infos), infos, h->slots);
}

static void what_a_batch_gives_back_is_waited_for(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .on_call = hold_in_driver }, NULL);
    pool_of_batch = make_pool((BdaPoolInfo){ .limit = MIB(2) });
    hire(&first);
    ask_meanwhile(FAKE_CALL_FREE_MEMORY, take_many,
                  (BdaAllocInfo){ .size = MIB(2), .pool = pool_of_batch, .flags = BDA_ALLOC_DEDICATED_BIT }, NULL);
    assert_int_equal(first.result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    dismiss(&first);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool_of_batch), VK_SUCCESS);
    bench_close();
}

/* ---- A pool's part ---- */

static struct bda_pool *part;
static BdaPool claimer;

/* As another thread does when the part of a pool that is being destroyed is nobody's any more: it gets it, and a shard
 * beside it. */
static void claim_the_part(void) {
    if (!part->retired || claimer != NULL || bda_locks_held != 0)
        return;
    bda_yield_hook = NULL;
    claimer = make_pool((BdaPoolInfo){ .name = "claimer" });
    assert_ptr_equal(claimer->ranges, part);
    assert_non_null(bda_pool_shard(bench.allocator, part, 1));
}

static void a_part_that_another_pool_has_got_is_left_alone(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "destroyed" });
    part = pool->ranges;
    bda_yield_hook = claim_the_part;
    VkResult result = bda_destroy_pool(bench.allocator, pool);
    bda_yield_hook = NULL;
    assert_int_equal(result, VK_SUCCESS);
    assert_non_null(claimer);
    for (const struct bda_pool *shard = part; shard != NULL; shard = bda_pool_next_shard(shard)) {
        assert_false(shard->retired);
        assert_ptr_equal(shard->user, claimer);
    }
    assert_int_equal(bda_destroy_pool(bench.allocator, claimer), VK_SUCCESS);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_that_is_prepared_goes_to_who_needs_its_memory),
        cmocka_unit_test(a_block_that_warms_up_goes_to_who_needs_its_memory),
        cmocka_unit_test(who_is_refused_looks_into_a_block_on_its_way),
        cmocka_unit_test(a_large_request_looks_into_a_block_on_its_way),
        cmocka_unit_test(who_fits_exactly_looks_into_a_block_on_its_way),
        cmocka_unit_test(who_has_memory_given_back_waits_for_what_another_thread_gives),
        cmocka_unit_test(what_was_ours_meanwhile_counts_once),
        cmocka_unit_test(who_may_not_have_it_sets_a_pools_limit_aside_for_nobody),
        cmocka_unit_test(who_is_refused_again_and_again_starves_nobody),
        cmocka_unit_test(what_is_due_is_collected_though_another_thread_asks),
        cmocka_unit_test(what_a_batch_gives_back_is_waited_for),
        cmocka_unit_test(a_part_that_another_pool_has_got_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
