/*
 * How blocks are spread over the shards of a pool that grows: which shard gets a new one, of what size, and when one is
 * made although others have room.
 */
#include "shard_support.h"

/* The largest that has its shard get a block while others have room. */
static const BdaAllocInfo piece = { .size = 60 << 10 };

enum { SPARE = 5, PIECES_OF_A_BLOCK = 17 };

/* Six blocks: the helper has filled the five that were empty, and of the first one `taken` more bytes are, beside what
 * holds it. Gives what was taken. */
static BdaAllocation open_filled(VkDeviceSize taken) {
    open_crowded(NULL, SPARE);
    let_take(piece, SPARE * PIECES_OF_A_BLOCK);
    struct bda_pool *mine = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(mine, head);
    assert_int_equal(count_blocks(mine), SPARE);
    return take_bytes(taken, BDA_INTENT_DEVICE);
}

static void close_filled(BdaAllocation taken) {
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    let_give();
    give(taken);
    close_crowded();
}

static struct bda_pool *shard_of_last(void) {
    return pool_of(helper.slots[helper.count - 1].handle);
}

static unsigned memory_calls(void) {
    return bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
}

/* Of seven blocks, a quarter and more would be free. */
static void while_much_is_free_others_serve(void **state) {
    (void)state;
    BdaAllocation taken = open_filled(KIB(64));
    unsigned calls = memory_calls();
    let_take(piece, 2);
    assert_ptr_equal(shard_of_last(), head);
    assert_int_equal(memory_calls(), calls);
    close_filled(taken);
}

/* Less than that: the thread need not come to others again and again. */
static void while_little_is_free_an_shard_gets_a_block(void **state) {
    (void)state;
    BdaAllocation taken = open_filled(KIB(500));
    unsigned calls = memory_calls();
    let_take(piece, PIECES_OF_A_BLOCK);
    assert_ptr_not_equal(shard_of_last(), head);
    assert_int_equal(memory_calls(), calls + 1);
    assert_int_equal(count_blocks(shard_of_last()), SPARE + 1);
    close_filled(taken);
}

/* One large request is no reason for a block. */
static void large_requests_go_to_others(void **state) {
    (void)state;
    BdaAllocation taken = open_filled(KIB(500));
    unsigned calls = memory_calls();
    let_take(large, 1);
    assert_ptr_equal(shard_of_last(), head);
    assert_int_equal(memory_calls(), calls);
    close_filled(taken);
}

static void who_may_take_no_new_memory_goes_to_others(void **state) {
    (void)state;
    BdaAllocation taken = open_filled(KIB(500));
    unsigned calls = memory_calls();
    cache_of_helper()->settlings[bda_pool_stock(head)].lacking = 0; /* it would look for more */
    let_take((BdaAllocInfo){ .size = piece.size, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT }, 1);
    assert_ptr_equal(shard_of_last(), head);
    assert_int_equal(memory_calls(), calls);
    close_filled(taken);
}

/* Whatever refuses the block: nothing is given back for it, and the driver is not asked each time. */
static void a_refusal_sends_to_others(void **state) {
    (void)state;
    static const VkResult refusals[] = { VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_OUT_OF_HOST_MEMORY,
                                         VK_ERROR_TOO_MANY_OBJECTS };
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        BdaAllocation taken = open_filled(KIB(500));
        unsigned calls = memory_calls(), freed = bench_calls(FAKE_CALL_FREE_MEMORY);
        fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, refusals[i]);
        for (uint32_t k = 0; k < 4; k++) {
            cache_of_helper()->settlings[bda_pool_stock(head)].lacking = 0; /* it is time to look for more */
            let_take(piece, 1);
        }
        for (uint32_t k = 1; k <= 4; k++)
            assert_ptr_equal(pool_of(helper.slots[helper.count - k].handle), head);
        assert_int_equal(memory_calls(), calls + 1);
        assert_int_equal(bench_calls(FAKE_CALL_FREE_MEMORY), freed);
        fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 0, VK_SUCCESS);
        close_filled(taken);
    }
}

/* Also a limit of the caller's. */
static void a_limit_sends_to_others(void **state) {
    (void)state;
    const VkDeviceSize limit = MIB(1 + SPARE);
    open_crowded(&(BdaAllocatorInfo){ .keep_empty = MIB(64), .heap_limit_count = 1, .heap_limits = &limit }, SPARE);
    let_take(piece, SPARE * PIECES_OF_A_BLOCK);
    BdaAllocation taken = take_bytes(KIB(500), BDA_INTENT_DEVICE);
    let_take(piece, 2);
    assert_ptr_equal(shard_of_last(), head);
    close_filled(taken);
}

/* ---- A pool that two threads take from, and that is not crowded ---- */

/* Blocks of 1, 2, 4 and 8 MiB are the head's, and full; the next one would have 16. The helper has taken a range of
 * them, so it takes from there as well. */
static void open_grown(BdaAllocation taken[15]) {
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(1), .max_block_size = MIB(16) });
    held = take_bytes(64, BDA_INTENT_DEVICE); /* no block is empty */
    give(take_bytes(64, BDA_INTENT_DEVICE));
    give(take_bytes(64, BDA_INTENT_DEVICE));
    hire(&helper);
    let_take((BdaAllocInfo){ .size = 64 }, 2);
    let_give();
    for (uint32_t i = 0; i < 3; i++)
        give(take_bytes(80, BDA_INTENT_DEVICE));
    for (uint32_t i = 0; i < 15; i++)
        taken[i] = take_bytes(KIB(1000), BDA_INTENT_DEVICE);
    head = pool_of(taken[0].handle);
    assert_int_equal(count_blocks(head), 4);
    assert_int_equal(head->next_block_size, MIB(16));
    assert_int_equal(head->takers, 2);
    assert_false(head->crowded);
}

static void close_grown(BdaAllocation taken[15]) {
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    let_give();
    dismiss(&helper);
    give(held);
    give_all(taken, 15);
    bench_close();
}

static VkDeviceSize size_of_last(void) {
    return bda_block_of(bench.allocator, node_of(helper.slots[helper.count - 1].handle))->backing.size;
}

/* The block has to be made anyway, so who makes it need not share it. */
static void who_makes_a_block_has_an_shard_from_then_on(void **state) {
    (void)state;
    BdaAllocation taken[15];
    open_grown(taken);
    let_take((BdaAllocInfo){ .size = MIB(1) }, 1);
    assert_ptr_not_equal(shard_of_last(), head);
    assert_int_equal(count_blocks(shard_of_last()), 1);
    assert_int_equal(size_of_last(), MIB(16)); /* the pool's turn, before there were shards */
    assert_int_equal(head->takers, 1);
    close_grown(taken);
}

/* A shard grows as a pool does: by as much as it has. */
static void an_shard_grows_by_what_it_has(void **state) {
    (void)state;
    BdaAllocation taken[15], mine;
    open_grown(taken);
    head->next_block_size = MIB(2); /* so that the helper's shard begins small */
    let_take((BdaAllocInfo){ .size = MIB(1) }, 1);
    assert_int_equal(size_of_last(), MIB(2));
    head->next_block_size = head->max_block_size;
    let_take((BdaAllocInfo){ .size = KIB(900) }, 1);
    mine = take_bytes(MIB(1), BDA_INTENT_DEVICE); /* this thread's has 15 MiB, and gets as much */
    assert_ptr_equal(pool_of(mine.handle), head);
    assert_int_equal(bda_block_of(bench.allocator, node_of(mine.handle))->backing.size, MIB(16));
    BdaAllocation rest[15];
    for (uint32_t i = 0; i < COUNT_OF(rest); i++)
        rest[i] = take_bytes(KIB(1000), BDA_INTENT_DEVICE);
    let_take((BdaAllocInfo){ .size = KIB(1000) }, 1);
    assert_int_equal(size_of_last(), MIB(2));         /* an eighth of the turn, and as much as it has */
    let_take((BdaAllocInfo){ .size = KIB(1000) }, 2); /* the first of them beside that one */
    assert_int_equal(size_of_last(), MIB(4));
    give_all(rest, COUNT_OF(rest));
    give(mine);
    close_grown(taken);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_much_is_free_others_serve),
        cmocka_unit_test(while_little_is_free_an_shard_gets_a_block),
        cmocka_unit_test(large_requests_go_to_others),
        cmocka_unit_test(who_may_take_no_new_memory_goes_to_others),
        cmocka_unit_test(a_refusal_sends_to_others),
        cmocka_unit_test(a_limit_sends_to_others),
        cmocka_unit_test(who_makes_a_block_has_an_shard_from_then_on),
        cmocka_unit_test(an_shard_grows_by_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
