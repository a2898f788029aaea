/*
 * src/alloc/shard.c: how threads that do the same come to have as much of a pool: what is empty goes where little is
 * free, what waits for nobody goes back, who shares gets a block of its own where that costs little, and who lacks room
 * borrows it.
 */
#include "shard_support.h"

/* On the way that looks. */
static const BdaAllocInfo wish = { .size = 70 << 10 };

/* More requests than it takes to look. */
enum { LOOKS = 32, TEN_OF_A_BLOCK = 10 };

static struct bda_pool *shard_of_helper(void) {
    return pool_of(helper.slots[0].handle);
}

/* So many ranges more come and go, each in front of what stays. */
static void let_look(uint32_t requests) {
    for (uint32_t i = 0; i < requests; i++) {
        let_take(wish, 1);
        helper.count--;
        assert_int_equal(bda_free(bench.allocator, helper.slots[helper.count].handle), VK_SUCCESS);
    }
}

/* ---- Empty blocks ---- */

/* Also one that looks behind its shelves first, which looks there, too. */
static void a_request_that_nothing_kept_serves_counts_once(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    let_take(wish, 2);
    const uint8_t *patience = &cache_of_helper()->settlings[bda_pool_stock(head)].patience;
    const VkDeviceSize sizes[] = { wish.size, KIB(1), KIB(40) };
    for (uint32_t i = 0; i < COUNT_OF(sizes); i++) {
        uint8_t before = *patience;
        let_take((BdaAllocInfo){ .size = sizes[i] }, 1);
        assert_int_equal(*patience, (uint8_t)(before + 1));
    }
    let_give();
    close_crowded();
}

/* It has room for each of its requests, and gets another block nevertheless. */
static void where_little_is_free_an_empty_block_comes_before_it_is_needed(void **state) {
    (void)state;
    open_crowded(NULL, 4);
    let_take(wish, TEN_OF_A_BLOCK + 3);
    struct bda_pool *shard = shard_of_helper();
    assert_ptr_not_equal(shard, head);
    assert_int_equal(count_blocks(shard), 1);
    assert_true(shard->tlsf.free_granules < shard->tlsf.granules / BDA_ROOMY_SHARE);
    let_look(LOOKS);
    assert_int_equal(count_blocks(shard), 2);
    assert_int_equal(count_blocks(head), 3);
    let_look(4 * LOOKS); /* now there is much room */
    assert_int_equal(count_blocks(shard), 2);
    let_give();
    close_crowded();
}

/* It would only change who has little. */
static void who_has_no_more_gives_nothing(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    let_take(wish, TEN_OF_A_BLOCK + 2);
    struct bda_pool *shard = shard_of_helper();
    BdaAllocation mine[TEN_OF_A_BLOCK + 2];
    for (uint32_t i = 0; i < COUNT_OF(mine); i++)
        mine[i] = take(wish); /* beside what is held: its other block is empty still */
    assert_int_equal(bda_tlsf_empty_regions(&head->tlsf), 1);
    assert_ptr_equal(pool_of(mine[TEN_OF_A_BLOCK + 1].handle), head);
    let_look(2 * LOOKS);
    assert_int_equal(count_blocks(shard), 1);
    assert_int_equal(count_blocks(head), 2);
    give_all(mine, COUNT_OF(mine));
    let_look(LOOKS); /* and now it has */
    assert_int_equal(count_blocks(shard), 2);
    let_give();
    close_crowded();
}

/* ---- What waits ---- */

/* What who moves still frees of the head is of no use to it any more: it is on its way in a bundle that nothing will
 * fill. */
static void what_waits_in_a_bundle_goes_after_a_while(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    give(held); /* among large ranges fewer are kept */
    held = take_bytes(64, BDA_INTENT_DEVICE);
    head->crowded = false;
    let_take((BdaAllocInfo){ .size = 512 }, 8);
    make_empty_blocks(2);
    head->crowded = true;
    let_take(wish, 1);
    assert_ptr_not_equal(pool_of(helper.slots[8].handle), head);
    let_give();
    struct bda_stock *stock = bda_cache_stock(cache_of_helper(), bda_pool_stock(head));
    uint32_t waiting = bda_bundle_count(&stock->outgoing);
    assert_in_range(waiting, 4, 8);
    assert_int_equal(bda_shelf_count(&stock->shelves[bda_shelf_of(32)]), 0);
    let_look(LOOKS); /* noticed */
    assert_int_equal(bda_bundle_count(&stock->outgoing), waiting);
    let_look(LOOKS); /* and the same the next time */
    assert_int_equal(bda_bundle_count(&stock->outgoing), 0);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    close_crowded();
}

/* ---- Who shares ---- */

/* One block of 4 MiB, in which both have something; as much may be free for the sake of shards. */
static void open_shared(VkDeviceSize most) {
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(4), .max_block_size = most });
    held = take_bytes(MIB(1), BDA_INTENT_DEVICE);
    give(take_bytes(64, BDA_INTENT_DEVICE)); /* so that this thread's cache is the first */
    head = pool_of(held.handle);
    hire(&helper);
    let_take((BdaAllocInfo){ .size = 512 }, 1);
    assert_ptr_equal(shard_of_helper(), head);
    for (uint32_t i = 0; i < 3; i++)
        give(take_bytes(80, BDA_INTENT_DEVICE));
    assert_int_equal(head->takers, 2);
    assert_false(head->crowded);
    head->crowded = true;
}

static void who_shares_gets_a_block_of_its_own(void **state) {
    (void)state;
    open_shared(MIB(16));
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    let_look(2);
    let_take((BdaAllocInfo){ .size = 60 << 10 }, 2);
    for (uint32_t i = 1; i < 3; i++)
        assert_ptr_not_equal(pool_of(helper.slots[i].handle), head);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls + 1);
    assert_int_equal(head->takers, 1);
    let_give();
    close_crowded();
}

/* Not where it costs more than that, nor for who may take no new memory. */
static void nor_does_it_where_much_is_free(void **state) {
    (void)state;
    open_shared(MIB(4));
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    for (uint32_t i = 0; i < 3 * LOOKS; i++) {
        let_take((BdaAllocInfo){ .size = 4 << 10 }, 1);
        assert_ptr_equal(pool_of(helper.slots[helper.count - 1].handle), head);
    }
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls);
    let_give();
    close_crowded();
    open_shared(MIB(16));
    calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    for (uint32_t i = 0; i < 3 * LOOKS; i++)
        let_take((BdaAllocInfo){ .size = 4 << 10, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT }, 1);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls);
    let_give();
    close_crowded();
}

/* What was made ahead of time is taken first, by whomever. */
static void nor_while_there_is_room_that_was_made_ahead(void **state) {
    (void)state;
    open_shared(MIB(16));
    const BdaAllocInfo like = { .size = 4 << 10 };
    assert_int_equal(bda_warm_up(bench.allocator, &like, KIB(600)), VK_SUCCESS);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    for (uint32_t i = 0; i < 4 * LOOKS; i++)
        let_take(like, 1);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls);
    for (uint32_t i = 0; i < 40; i++)
        let_take(like, 1);
    let_look(LOOKS);
    let_take((BdaAllocInfo){ .size = 60 << 10 }, 1);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls + 1);
    let_give();
    close_crowded();
}

/* Nor where the next block is made by whoever sees to the mark. */
static void nor_where_somebody_sees_to_a_mark(void **state) {
    (void)state;
    open_shared(MIB(16));
    bda_pool_set_low_water(head, 1);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    for (uint32_t i = 0; i < 3 * LOOKS; i++)
        let_take((BdaAllocInfo){ .size = 4 << 10 }, 1);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls);
    let_give();
    close_crowded();
}

/* Requests that get no block do not use the wish up. */
static void large_requests_leave_it_to_small_ones(void **state) {
    (void)state;
    open_shared(MIB(16));
    let_take(wish, 1);
    assert_true(cache_of_helper()->settlings[bda_pool_stock(head)].is_guest);
    let_take(wish, 4);
    let_take((BdaAllocInfo){ .size = wish.size, .priority = 0.5f }, 1); /* on the long way */
    assert_true(cache_of_helper()->settlings[bda_pool_stock(head)].is_guest);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    let_take((BdaAllocInfo){ .size = 60 << 10 }, 1);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls + 1);
    let_give();
    close_crowded();
}

static void collect(struct helper *h) {
    h->result = bda_collect(h->allocator);
}

/* Who gives back what others keep takes nothing himself. */
static void who_drains_is_no_crowd(void **state) {
    (void)state;
    open_crowded(NULL, 3);
    head->crowded = false;
    await(&helper, begin(&helper, collect)); /* the lock is this thread's no more */
    give(take(wish));                        /* but it had it last */
    BdaAllocation some[8];
    for (uint32_t i = 0; i < 3 && bench_use().cached == 0; i++) {
        for (uint32_t k = 0; k < COUNT_OF(some); k++)
            some[k] = take_bytes(512, BDA_INTENT_DEVICE);
        give_all(some, COUNT_OF(some));
    }
    assert_int_not_equal(bench_use().cached, 0);
    await(&helper, begin(&helper, collect));
    await(&helper, begin(&helper, collect));
    assert_int_equal(bench_use().cached, 0);
    assert_false(head->crowded);
    close_crowded();
}

/* The pool is neither crowded nor shared, but the thread that has it is another one, and no room is left. */
static void who_comes_to_a_full_pool_has_an_shard(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1) });
    held = take_bytes(64, BDA_INTENT_DEVICE);
    BdaAllocation mine[3] = { take_bytes(KIB(500), BDA_INTENT_DEVICE), take_bytes(KIB(200), BDA_INTENT_DEVICE),
                              take_bytes(64, BDA_INTENT_DEVICE) };
    assert_non_null(bda_cache_at_hand(bench.allocator)); /* this thread's is the first */
    head = pool_of(held.handle);
    hire(&helper);
    let_take((BdaAllocInfo){ .size = 64 }, 1); /* has a cache, and so is known to be there */
    assert_false(head->crowded);
    assert_in_range(head->takers, 0, 1);
    let_take((BdaAllocInfo){ .size = KIB(512) - 1 }, 1);
    assert_ptr_not_equal(pool_of(helper.slots[1].handle), head);
    let_give();
    give_all(mine, COUNT_OF(mine));
    close_crowded();
}

/* ---- Who lacks room ---- */

/* Where nothing is empty, and no block is to be had, each request but one of sixteen asks one other shard, and nobody
 * else. */
static void who_lacks_room_borrows_it(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    let_take(wish, 2 * TEN_OF_A_BLOCK + 2); /* some are the head's already */
    struct bda_pool *shard = shard_of_helper();
    assert_int_equal(count_blocks(shard), 1);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    cache_of_helper()->settlings[bda_pool_stock(head)].lacking = 1;
    head->refused = 7;
    for (uint32_t i = 0; i < 15; i++) {
        let_take((BdaAllocInfo){ .size = 50 << 10 }, 1);
        helper.count--;
        assert_ptr_equal(pool_of(helper.slots[helper.count].handle), head);
        assert_int_equal(bda_free(bench.allocator, helper.slots[helper.count].handle), VK_SUCCESS);
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    }
    assert_int_equal(head->refused, 7); /* nobody has asked for a block */
    let_take((BdaAllocInfo){ .size = 50 << 10 }, 1);
    assert_int_equal(head->refused, 6);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls);
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 0, VK_SUCCESS);
    let_give();
    close_crowded();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_nothing_kept_serves_counts_once),
        cmocka_unit_test(where_little_is_free_an_empty_block_comes_before_it_is_needed),
        cmocka_unit_test(who_has_no_more_gives_nothing),
        cmocka_unit_test(what_waits_in_a_bundle_goes_after_a_while),
        cmocka_unit_test(who_shares_gets_a_block_of_its_own),
        cmocka_unit_test(nor_does_it_where_much_is_free),
        cmocka_unit_test(nor_while_there_is_room_that_was_made_ahead),
        cmocka_unit_test(nor_where_somebody_sees_to_a_mark),
        cmocka_unit_test(large_requests_leave_it_to_small_ones),
        cmocka_unit_test(who_drains_is_no_crowd),
        cmocka_unit_test(who_comes_to_a_full_pool_has_an_shard),
        cmocka_unit_test(who_lacks_room_borrows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
