/* src/alloc/attempts.c: whoever would be refused tries once more while nobody else asks the driver for memory; and what
 * comes of that in requests of each kind. */
#include "gate_support.h"
#include "shard_support.h"

#include "alloc/relief.h"

static struct bda_attempts attempts;
static struct helper first, other;
static struct helper *order[2];
static _Atomic uint32_t arrived;

/* What each begins; `mine` is this thread's. */
static struct bda_attempt mine;
static struct bda_attempt of_first, of_other;

static struct bda_attempt *attempt_of(const struct helper *h) {
    return h == &first ? &of_first : &of_other;
}

static void attempt(struct helper *h) {
    bda_attempt_begin(&attempts, attempt_of(h));
    bda_attempt_end(&attempts, attempt_of(h));
}

static void resort(struct helper *h) {
    bda_last_resort_begin(&attempts, attempt_of(h));
    order[atomic_fetch_add(&arrived, 1)] = h;
    bda_last_resort_end(&attempts, attempt_of(h));
}

/* All in the same heap, and last resorts of its scope. */
static void start(void) {
    bda_attempts_init(&attempts, true);
    atomic_store(&arrived, 0);
    mine = of_first = of_other = (struct bda_attempt){ .heap = 1, .scope = BDA_SCOPE_HEAP };
    bench_open(NULL, NULL);
    hire(&first);
    hire(&other);
}

static void finish(void) {
    dismiss(&first);
    dismiss(&other);
    bench_close();
    bda_attempts_destroy(&attempts);
}

static bool is_done(const struct helper *h, uint32_t round) {
    return atomic_load(&h->done) >= round;
}

/* Comes back when so many last resorts have been asked for. */
static void wait_for_asked(uint32_t count) {
    for (uint32_t asked = 0; asked < count;) {
        asked = 0;
        bda_mutex_lock(&attempts.lock);
        for (const struct bda_attempt *one = attempts.resorts; one != NULL; one = one->next)
            asked++;
        bda_mutex_unlock(&attempts.lock);
    }
}

static void attempts_go_on_beside_each_other(void **state) {
    (void)state;
    start();
    bda_attempt_begin(&attempts, &mine);
    await(&first, begin(&first, attempt));
    assert_true(bda_attempt_try_begin(&attempts, &of_other));
    bda_attempt_end(&attempts, &mine);
    bda_attempt_end(&attempts, &of_other);
    finish();
}

static void who_begins_waits_for_a_last_resort(void **state) {
    (void)state;
    start();
    bda_last_resort_begin(&attempts, &mine);
    uint32_t round = begin(&first, attempt);
    give_it_time(&first, round);
    assert_false(is_done(&first, round));
    assert_false(bda_attempt_try_begin(&attempts, &of_other));
    bda_last_resort_end(&attempts, &mine);
    await(&first, round);
    finish();
}

/* And nobody begins another one meanwhile, or it might wait for ever. */
static void a_last_resort_waits_for_attempts(void **state) {
    (void)state;
    start();
    bda_attempt_begin(&attempts, &mine);
    uint32_t round = begin(&first, resort);
    give_it_time(&first, round);
    assert_false(is_done(&first, round));
    assert_false(bda_attempt_try_begin(&attempts, &of_other));
    bda_attempt_end(&attempts, &mine);
    await(&first, round);
    assert_true(bda_attempt_try_begin(&attempts, &of_other));
    bda_attempt_end(&attempts, &of_other);
    finish();
}

static void last_resorts_come_in_the_order_in_which_they_were_asked_for(void **state) {
    (void)state;
    start();
    bda_last_resort_begin(&attempts, &mine);
    uint32_t round = begin(&first, resort);
    wait_for_asked(2);
    uint32_t later = begin(&other, resort);
    wait_for_asked(3);
    bda_last_resort_end(&attempts, &mine);
    await(&first, round);
    await(&other, later);
    assert_ptr_equal(order[0], &first);
    assert_ptr_equal(order[1], &other);
    finish();
}

/* ---- Who is in whose way ---- */

static struct BdaPool_T pool_a, pool_b;

/* Whether an attempt may go on beside a last resort, and that beside the attempt. */
static void assert_beside(struct bda_attempt resort_of, struct bda_attempt attempt_in, bool beside) {
    mine = resort_of;
    of_first = attempt_in;
    bda_last_resort_begin(&attempts, &mine);
    assert_int_equal(bda_attempt_try_begin(&attempts, &of_first), beside);
    bda_last_resort_end(&attempts, &mine);
    if (beside) {
        bda_last_resort_begin(&attempts, &mine); /* which would wait for ever */
        bda_last_resort_end(&attempts, &mine);
        bda_attempt_end(&attempts, &of_first);
    }
}

static void only_who_counts_where_it_was_refused_is_in_the_way(void **state) {
    (void)state;
    start();
    const struct bda_attempt in_pool = { .pool = &pool_a, .heap = 1, .scope = BDA_SCOPE_POOL };
    const struct bda_attempt in_heap = { .pool = &pool_a, .heap = 1, .scope = BDA_SCOPE_HEAP };
    const struct bda_attempt in_all = { .pool = &pool_a, .heap = 1, .scope = BDA_SCOPE_ALL };
    const struct bda_attempt same_pool = { .pool = &pool_a, .heap = 1 }, same_heap = { .pool = &pool_b, .heap = 1 },
                             elsewhere = { .heap = 2 };
    assert_beside(in_pool, same_pool, false);
    assert_beside(in_pool, same_heap, true);
    assert_beside(in_pool, elsewhere, true);
    assert_beside(in_heap, same_pool, false);
    assert_beside(in_heap, same_heap, false);
    assert_beside(in_heap, elsewhere, true);
    assert_beside(in_all, same_pool, false);
    assert_beside(in_all, same_heap, false);
    assert_beside(in_all, elsewhere, false);
    finish();
}

/* The one asks the driver in the heap that the other one is to be alone in, whoever came first. */
static void a_last_resort_waits_for_one_that_is_in_its_way_or_in_whose_way_it_is(void **state) {
    (void)state;
    start();
    const struct bda_attempt in_pool = { .pool = &pool_a, .heap = 1, .scope = BDA_SCOPE_POOL };
    const struct bda_attempt in_heap = { .pool = &pool_b, .heap = 1, .scope = BDA_SCOPE_HEAP };
    for (uint32_t i = 0; i < 2; i++) {
        mine = i == 0 ? in_pool : in_heap;
        of_first = i == 0 ? in_heap : in_pool;
        of_other = (struct bda_attempt){ .heap = 2, .scope = BDA_SCOPE_HEAP };
        atomic_store(&arrived, 0);
        bda_last_resort_begin(&attempts, &mine);
        uint32_t round = begin(&first, resort);
        wait_for_asked(2);
        await(&other, begin(&other, resort)); /* is in nobody's way */
        give_it_time(&first, round);
        assert_false(is_done(&first, round));
        bda_last_resort_end(&attempts, &mine);
        await(&first, round);
    }
    finish();
}

/* ---- Who waits, and who does not ---- */

static void begin_last_resort(void) {
    mine = (struct bda_attempt){ .scope = BDA_SCOPE_ALL };
    bda_last_resort_begin(&bench.allocator->attempts, &mine);
}

static void who_needs_memory_waits_for_a_last_resort(void **state) {
    (void)state;
    static const BdaAllocInfo wishes[] = { { .size = 100 }, { .size = MIB(1), .flags = BDA_ALLOC_DEDICATED_BIT } };
    for (uint32_t i = 0; i < COUNT_OF(wishes); i++) {
        start();
        begin_last_resort();
        first.wish = wishes[i];
        uint32_t round = begin(&first, take_wish);
        give_it_time(&first, round);
        assert_false(is_done(&first, round));
        bda_last_resort_end(&bench.allocator->attempts, &mine);
        await(&first, round);
        assert_int_equal(first.result, VK_SUCCESS);
        give(first.slots[0]);
        finish();
    }
}

/* Who waited here would do so for ever. */
static void who_has_room_or_may_take_none_does_not_wait(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation some = take((BdaAllocInfo){ .size = 100 });
    begin_last_resort();
    give(take((BdaAllocInfo){ .size = KIB(100) }));
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = MIB(1), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    bda_last_resort_end(&bench.allocator->attempts, &mine);
    give(some);
    bench_close();
}

/* A thread that would have a block of its own now, were there no last resort. */
static void a_block_that_is_only_better_to_have_is_not_waited_for(void **state) {
    (void)state;
    enum { SPARE = 5, PIECES_OF_A_BLOCK = 17 };
    const BdaAllocInfo piece = { .size = KIB(60) };
    open_crowded(NULL, SPARE);
    let_take(piece, SPARE * PIECES_OF_A_BLOCK);
    BdaAllocation taken = take_bytes(KIB(500), BDA_INTENT_DEVICE);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    begin_last_resort();
    for (uint32_t i = 0; i < 4; i++) {
        cache_of_helper()->settlings[bda_pool_stock(head)].lacking = 0; /* it looks for more */
        let_take(piece, 1);
        assert_ptr_equal(pool_of(helper.slots[helper.count - 1].handle), head);
    }
    bda_last_resort_end(&bench.allocator->attempts, &mine);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls);
    cache_of_helper()->settlings[bda_pool_stock(head)].lacking = 0;
    let_take(piece, 1); /* that was no refusal */
    assert_ptr_not_equal(pool_of(helper.slots[helper.count - 1].handle), head);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls + 1);
    let_give();
    give(taken);
    close_crowded();
}

/* ---- What is tried at last ---- */

/* Also where the pool's limit lets it through at last, and then the heap refuses. */
static void it_is_tried_again_while_more_are_in_the_way(void **state) {
    (void)state;
    static const struct {
        VkResult refusal;
        const char *reason;
        enum bda_scope scope; /* NONE: it is not tried again */
    } turns[] = { { VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_pool_limit_is_reached, BDA_SCOPE_POOL },
                  { VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_pool_limit_is_reached, BDA_SCOPE_NONE },
                  { VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_heap_limit_is_reached, BDA_SCOPE_HEAP },
                  { VK_ERROR_OUT_OF_DEVICE_MEMORY, NULL, BDA_SCOPE_NONE },
                  { VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_pool_limit_is_reached, BDA_SCOPE_NONE },
                  { VK_ERROR_OUT_OF_HOST_MEMORY, NULL, BDA_SCOPE_NONE },
                  { VK_ERROR_TOO_MANY_OBJECTS, bda_count_is_reached, BDA_SCOPE_ALL },
                  { VK_ERROR_TOO_MANY_OBJECTS, NULL, BDA_SCOPE_NONE } };
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .limit = MIB(1) });
    struct bda_request request = { .size = 1 };
    struct bda_attempt resort = { .scope = BDA_SCOPE_NONE };
    for (uint32_t i = 0; i < COUNT_OF(turns); i++) {
        request.reason = turns[i].reason;
        bool again = bda_begin_at_last(bench.allocator, pool->ranges, &request, turns[i].refusal, &resort);
        assert_int_equal(again, turns[i].scope != BDA_SCOPE_NONE);
        if (!again)
            continue;
        assert_int_equal(resort.scope, turns[i].scope);
        assert_int_equal(request.refused, turns[i].refusal);
        bda_end_at_last(bench.allocator, &request, &resort);
        assert_int_equal(request.refused, VK_SUCCESS);
    }
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static const BdaPoolInfo mib_64 = { .first_block_size = MIB(64), .max_block_size = MIB(64) };

/* How often the driver is asked for memory, of which there is none. */
static unsigned count_refusals(BdaAllocatorFlags flags) {
    bench_prepare(NULL);
    bench_watch();
    bench.info.flags |= flags;
    bench_start();
    BdaPool pool = make_pool(mib_64);
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 100, .pool = pool });
    assert_int_equal(bench.made_memory.allocationSize, KIB(64));
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    fake_clear_failures(bench.driver);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
    return calls;
}

/* The least block, before and after all has come back; nothing where nobody else can have been in the way. */
static void what_was_refused_in_all_sizes_is_not_asked_in_all_sizes_again(void **state) {
    (void)state;
    const unsigned sizes = 11; /* 64 MiB, and so on down to 64 KiB */
    assert_int_equal(count_refusals(BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT), sizes);
    assert_int_equal(count_refusals(0), sizes + 2);
}

/* Where the count is short, each is as large as it can be. */
static void where_there_are_too_many_objects_the_block_is_large(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool(mib_64);
    fake_fail(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_TOO_MANY_OBJECTS);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .pool = pool });
    assert_int_equal(bench_pool_use(pool).reserved, MIB(64));
    give(a);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void warm_up(struct helper *h) {
    h->result = bda_warm_up(h->allocator, &h->wish, KIB(512));
}

/* It comes while the driver is asked for more in vain. */
static void room_that_has_come_meanwhile_is_enough_for_a_warm_up(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .on_call = hold_in_driver }, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1), .limit = MIB(1) });
    BdaAllocation most = take((BdaAllocInfo){ .size = KIB(400), .pool = pool }),
                  some = take((BdaAllocInfo){ .size = KIB(400), .pool = pool });
    hire(&first);
    first.wish = (BdaAllocInfo){ .size = KIB(4), .pool = pool };
    uint32_t round = begin_and_hold(&first, FAKE_CALL_CREATE_BUFFER, 1, warm_up);
    give(most);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    open_gate();
    await(&first, round);
    assert_int_equal(first.result, VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls);
    dismiss(&first);
    give(some);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* ---- What the request itself has made, or would rather have ---- */

/* The address in there lacks the alignment, and the block takes all that the pool may have. */
static void the_block_that_would_not_do_goes_for_memory_that_does(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .buffer_address_skew = 64 }, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = KIB(64), .limit = KIB(64) });
    BdaAllocation a = take_buffer(KIB(8), PLAIN_USAGE, (BdaAllocInfo){ .alignment = 256, .pool = pool });
    assert_true(info_of(a.handle).dedicated);
    assert_int_equal(a.address % 256, 0);
    give(a);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void trim(struct helper *h) {
    VkDeviceSize released;
    h->result = bda_trim(h->allocator, 0, &released);
}

static void take_aligned(struct helper *h) {
    const VkBufferCreateInfo info = buffer_info(KIB(8), PLAIN_USAGE);
    const BdaAllocInfo wish = { .alignment = 256, .pool = h->wish.pool };
    h->result = bda_alloc_buffer(h->allocator, &info, &wish, &h->slots[0]);
}

/* The same, and the memory is on its way back. */
static void memory_that_does_is_waited_for(void **state) {
    (void)state;
    bench_open(
        &(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .buffer_address_skew = 64, .on_call = hold_in_driver },
        NULL);
    BdaPool pool =
        make_pool((BdaPoolInfo){ .first_block_size = KIB(64), .max_block_size = KIB(128), .limit = KIB(128) });
    BdaAllocation some = take_buffer(KIB(40), PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    give(take_buffer(KIB(40), PLAIN_USAGE, (BdaAllocInfo){ .pool = pool }));
    hire(&first);
    hire(&other);
    other.wish.pool = pool;
    uint32_t trims = begin_and_hold(&first, FAKE_CALL_FREE_MEMORY, 1, trim);
    uint32_t asks = begin(&other, take_aligned);
    give_it_time(&other, asks);
    open_gate();
    await(&other, asks);
    await(&first, trims);
    assert_int_equal(other.result, VK_SUCCESS);
    assert_true(info_of(other.slots[0].handle).dedicated);
    give(other.slots[0]);
    give(some);
    dismiss(&first);
    dismiss(&other);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* Device memory is full, and has no blocks: the buffer that tells where one lies must have memory of its own. */
static void what_prefers_memory_of_its_own_has_it_of_another_type(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_REBAR,
                                      .foreign_use = { GIB(1) },
                                      .prefer_dedicated_from = 1,
                                      .require_dedicated_from = 256 },
               NULL);
    BdaAllocation a = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .flags = BDA_ALLOC_HOST_FALLBACK_BIT });
    assert_int_equal(info_of(a.handle).memory_type, 0); /* the host's */
    give(a);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_go_on_beside_each_other),
        cmocka_unit_test(who_begins_waits_for_a_last_resort),
        cmocka_unit_test(a_last_resort_waits_for_attempts),
        cmocka_unit_test(last_resorts_come_in_the_order_in_which_they_were_asked_for),
        cmocka_unit_test(only_who_counts_where_it_was_refused_is_in_the_way),
        cmocka_unit_test(a_last_resort_waits_for_one_that_is_in_its_way_or_in_whose_way_it_is),
        cmocka_unit_test(who_needs_memory_waits_for_a_last_resort),
        cmocka_unit_test(who_has_room_or_may_take_none_does_not_wait),
        cmocka_unit_test(a_block_that_is_only_better_to_have_is_not_waited_for),
        cmocka_unit_test(it_is_tried_again_while_more_are_in_the_way),
        cmocka_unit_test(what_was_refused_in_all_sizes_is_not_asked_in_all_sizes_again),
        cmocka_unit_test(where_there_are_too_many_objects_the_block_is_large),
        cmocka_unit_test(room_that_has_come_meanwhile_is_enough_for_a_warm_up),
        cmocka_unit_test(the_block_that_would_not_do_goes_for_memory_that_does),
        cmocka_unit_test(memory_that_does_is_waited_for),
        cmocka_unit_test(what_prefers_memory_of_its_own_has_it_of_another_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
