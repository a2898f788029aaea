/*
 * Pools of several shards: what a pool promises holds for all of them together, host memory that is refused included,
 * and what threads keep of them is counted and given back.
 */
#include "shard_support.h"

/* ---- What a pool promises ---- */

/* A shard has but a share of what is free, and of the mark. */
static void no_alarm_while_every_shard_has_its_share(void **state) {
    (void)state;
    open_crowded(&(BdaAllocatorInfo){ .low_water = KIB(1000), .keep_empty = MIB(64) }, 1);
    assert_int_equal(bda_prepare(bench.allocator), VK_SUCCESS); /* the blocks there are had been full for a moment */
    /* a block each: some 800 KiB left there, 900 here */
    let_take(large, 2);
    assert_int_equal(head->shards_in_use, 2);
    give(take(large));
    assert_false(bda_wants_block(bench.allocator));
    let_take(large, 4);
    assert_true(bda_wants_block(bench.allocator));
    let_give();
    close_crowded();
}

/* However it is spread. */
static void a_trim_finds_what_is_empty_in_every_shard(void **state) {
    (void)state;
    open_crowded(NULL, 3);
    let_take(large, 18); /* two blocks of its own */
    let_give();
    assert_int_equal(bench_use().empty_count, 3);
    VkDeviceSize released = 0;
    assert_int_equal(bda_trim(bench.allocator, MIB(1), &released), VK_SUCCESS);
    assert_int_equal(released, MIB(2));
    assert_int_equal(bench_use().empty_count, 1);
    assert_int_equal(bda_trim(bench.allocator, 0, &released), VK_SUCCESS);
    assert_int_equal(bench_use().empty_count, 0);
    close_crowded();
}

static void the_low_water_mark_is_that_of_all(void **state) {
    (void)state;
    open_crowded(&(BdaAllocatorInfo){ .low_water = KIB(1500), .keep_empty = MIB(64) }, 3);
    let_take(large, 8); /* leaves a shard that has little, and a pool that has much */
    unsigned made = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    assert_int_equal(bda_prepare(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), made);
    assert_false(bda_wants_block(bench.allocator));
    let_take(large, 16);
    BdaAllocation mine = take((BdaAllocInfo){ .size = KIB(400) });
    assert_true(bda_wants_block(bench.allocator));
    assert_int_equal(bda_prepare(bench.allocator), VK_SUCCESS);
    assert_true(bench_use().free >= KIB(1500));
    assert_true(bench_calls(FAKE_CALL_ALLOCATE_MEMORY) > made);
    assert_false(bda_wants_block(bench.allocator));
    give(mine);
    let_give();
    close_crowded();
}

static void room_ahead_is_counted_in_all(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    let_take(large, 1); /* a block with much room in the helper's shard */
    unsigned made = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    assert_int_equal(bda_warm_up(bench.allocator, &large, 20 * large.size), VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), made);
    let_give();
    close_crowded();
}

/* The same with a pool of the caller's, of which this thread holds `size` bytes. */
static BdaPool open_crowded_pool(BdaPoolInfo info, VkDeviceSize size) {
    bench_open(NULL, NULL);
    BdaPool pool = make_pool(info);
    held = take((BdaAllocInfo){ .size = size, .pool = pool });
    head = pool_of(held.handle);
    give(take((BdaAllocInfo){ .size = 64, .pool = pool }));
    head->crowded = true;
    hire(&helper);
    return pool;
}

static void a_pool_that_goes_takes_its_shards_along(void **state) {
    (void)state;
    BdaPool pool = open_crowded_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1) }, KIB(100));
    let_take((BdaAllocInfo){ .size = KIB(100), .pool = pool }, 15);
    assert_int_equal(head->shard_count, 2);
    assert_int_equal(bench_pool_use(pool).allocation_count, 16);
    assert_int_equal(bench_pool_use(pool).block_count, 2);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_INCOMPLETE);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    assert_int_equal(bench_heard("102400"), 16); /* each leak, wherever it lay */
    helper.count = 0;
    bench_hush();

    BdaPool next = make_pool((BdaPoolInfo){ .first_block_size = MIB(2), .max_block_size = MIB(2), .low_water = 64 });
    held = take((BdaAllocInfo){ .size = KIB(100), .pool = next });
    assert_ptr_equal(pool_of(held.handle), head); /* used again, with all that it has */
    let_take((BdaAllocInfo){ .size = KIB(100), .pool = next }, 30);
    assert_int_equal(bench_pool_use(next).reserved, 2 * MIB(2));
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    let_give();
    give(held);
    dismiss(&helper);
    assert_int_equal(bda_destroy_pool(bench.allocator, next), VK_SUCCESS);
    bench_close();
}

/* Else its thread would look there in vain for each request, and take the long way. */
static void who_had_an_shard_of_a_pool_settles_anew_when_that_is_used_again(void **state) {
    (void)state;
    const BdaPoolInfo info = { .first_block_size = MIB(1), .max_block_size = MIB(1) };
    BdaPool pool = open_crowded_pool(info, KIB(100));
    let_take((BdaAllocInfo){ .size = KIB(100), .pool = pool }, 15);
    assert_ptr_not_equal(pool_of(helper.slots[14].handle), head);
    let_give();
    give(held);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);

    pool = make_pool(info);
    held = take((BdaAllocInfo){ .size = KIB(100), .pool = pool });
    assert_ptr_equal(pool_of(held.handle), head);
    let_take((BdaAllocInfo){ .size = KIB(1), .pool = pool }, 1); /* there is no block but the head's */
    const struct bda_stock *source = cache_of_helper()->sources[bda_pool_stock(head)];
    assert_non_null(source);
    assert_true(source->pool->has_blocks);
    let_give();
    give(held);
    dismiss(&helper);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void make_another(struct helper *h) {
    const BdaPoolInfo info = { .first_block_size = MIB(1), .max_block_size = MIB(1) };
    BdaPool pool;
    h->result = bda_create_pool(bench.allocator, &info, &pool);
    if (h->result == VK_SUCCESS)
        h->result = bda_destroy_pool(bench.allocator, pool);
}

/* Whose lock would be its first thread's no more. */
static void pools_that_come_and_go_leave_the_others_alone(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1) });
    held = take((BdaAllocInfo){ .size = KIB(100), .pool = pool });
    head = pool_of(held.handle);
    hire(&helper);
    for (int i = 0; i < 2; i++) { /* a new one, and one that is used again */
        await(&helper, begin(&helper, make_another));
        assert_int_equal(helper.result, VK_SUCCESS);
    }
    assert_non_null(bda_lock_owner(&head->lock));
    dismiss(&helper);
    give(held);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void an_shard_does_as_its_pool_was_told(void **state) {
    (void)state;
    BdaPool pool = open_crowded_pool(
        (BdaPoolInfo){
            .first_block_size = MIB(1), .max_block_size = MIB(1), .keep_collects = 3, .low_water = KIB(700) },
        KIB(100));
    let_take((BdaAllocInfo){ .size = KIB(100), .pool = pool }, 12);
    const struct bda_pool *shard = pool_of(helper.slots[11].handle);
    assert_ptr_not_equal(shard, head);
    assert_int_equal(shard->keep_collects, 3);
    assert_int_equal(bda_pool_low_water(shard), KIB(700));
    let_give();
    give(held);
    dismiss(&helper);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void pending_frees_of_an_shard_go_with_its_pool(void **state) {
    (void)state;
    BdaPool pool = open_crowded_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1) }, KIB(500));
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    let_take((BdaAllocInfo){ .size = KIB(300), .pool = pool }, 2);
    assert_ptr_not_equal(pool_of(helper.slots[1].handle), head);
    assert_int_equal(bda_free_after(bench.allocator, helper.slots[1].handle, timeline, 5), VK_SUCCESS);
    helper.count = 1;
    let_give();
    give(held);
    dismiss(&helper);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    fake_drop_semaphore(bench.driver, timeline);
    bench_close();
}

/* ---- Where there is none to be had ---- */

/* Each allocation of host memory on the way to a shard in turn. */
static void a_thread_stays_where_host_memory_is_refused(void **state) {
    (void)state;
    size_t failed = 1;
    for (size_t nth = 1; failed != 0; nth++) {
        open_crowded(NULL, 1);
        fake_host_fail(&bench.host, nth, false);
        helper.wish = large;
        await(&helper, begin(&helper, take_one));
        failed = bench.host.failed;
        fake_host_fail(&bench.host, 0, false);
        assert_true(helper.result == VK_SUCCESS || helper.result == VK_ERROR_OUT_OF_HOST_MEMORY);
        assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
        bench_hush();
        let_take(large, 3);
        let_give();
        close_crowded();
        assert_in_range(nth, 1, 100);
    }
}

static void a_pool_that_caches_keep_nothing_of_has_one_shard(void **state) {
    (void)state;
    open_crowded(&(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT, .keep_empty = MIB(64) }, 1);
    let_take(large, 2);
    assert_true(bda_shard_is_alone(head));
    let_give();
    close_crowded();
}

/* Buffers of a pool of the caller's are not kept. */
static void a_pool_without_a_place_in_caches_has_one_shard(void **state) {
    (void)state;
    BdaAllocation fill[3];
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1) });
    const BdaAllocInfo info = { .pool = pool };
    for (uint32_t i = 0; i < COUNT_OF(fill); i++)
        fill[i] = take_buffer(KIB(400), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, info);
    head = pool_of(fill[0].handle);
    assert_int_equal(head->stock, BDA_STOCKS);
    give_all(fill + 1, COUNT_OF(fill) - 1); /* an empty block that could be taken over */
    for (uint32_t i = 0; i < 2; i++)
        give(take_bytes(64, BDA_INTENT_DEVICE));
    assert_non_null(bda_cache_at_hand(bench.allocator)); /* this thread's is the first */
    head->crowded = true;
    hire(&helper);
    helper.wish = (BdaAllocInfo){ .size = KIB(100), .pool = pool };
    for (uint32_t i = 0; i < 4; i++) {
        await(&helper, begin(&helper, take_own));
        assert_int_equal(helper.result, VK_SUCCESS);
    }
    assert_true(bda_shard_is_alone(head));
    let_give();
    give(fill[0]);
    dismiss(&helper);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* One shard has no node left and gets none, and the other no room: it is not for want of room. In a pool of the
 * caller's, since others have memory types to try. */
static void host_memory_that_is_refused_in_one_shard_is_told(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1) });
    BdaAllocInfo wish = { .size = KIB(100), .pool = pool };
    BdaAllocation mine[10];
    for (uint32_t i = 0; i < COUNT_OF(mine); i++)
        mine[i] = take(wish);
    head = pool_of(mine[0].handle);
    give(take((BdaAllocInfo){ .size = 64, .pool = pool }));
    head->crowded = true;
    hire(&helper);
    let_take(wish, 2);
    struct bda_pool *shard = pool_of(helper.slots[1].handle);
    assert_ptr_not_equal(shard, head);
    struct bda_node_list spare = shard->tlsf.spare, store = bench.allocator->nodes.spare;
    shard->tlsf.spare = bench.allocator->nodes.spare = (struct bda_node_list){ 0, 0 };
    uint32_t length = atomic_exchange(&bench.allocator->nodes.store.length, BDA_NODES_MOST);
    helper.wish.flags = BDA_ALLOC_NO_NEW_MEMORY_BIT;
    await(&helper, begin(&helper, take_one));
    atomic_store(&bench.allocator->nodes.store.length, length);
    shard->tlsf.spare = spare;
    bench.allocator->nodes.spare = store;
    assert_int_equal(helper.result, VK_ERROR_OUT_OF_HOST_MEMORY);
    bench_hush();
    give_all(mine, COUNT_OF(mine));
    let_give();
    dismiss(&helper);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* ---- What is kept ---- */

/* Another thread is inside of bda_set_name with a handle that was live a moment ago: for that moment the node's home is
 * a record's index. The shelf overflows, and the first that is taken back is that node. */
static void a_kept_range_is_of_its_size_whatever_its_home_says(void **state) {
    (void)state;
    static BdaAllocation many[BDA_SHELF_MOST + 8];
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(64), .max_block_size = MIB(64) });
    hire(&helper);
    let_take((BdaAllocInfo){ .size = 64 }, 2); /* not alone */
    for (uint32_t i = 0; i < COUNT_OF(many); i++)
        many[i] = take_bytes(64, BDA_INTENT_DEVICE);
    head = pool_of(many[0].handle);
    struct bda_stock *stock = bda_cache_at_hand(bench.allocator)->sources[bda_pool_stock(head)];
    const struct bda_shelf *shelf = &stock->shelves[bda_shelf_of(4)];
    uint32_t next = 0;
    do
        give(many[next++]);
    while (bda_shelf_count(shelf) < shelf->most || shelf->most == 0);
    uint32_t index = shelf->first, record = bda_shelf_of(2048);
    for (uint32_t i = 1; i < (shelf->most + 1u) / 2; i++)
        index = bda_node_link(bda_node_of(bench.allocator, index));
    struct bda_node *node = bda_node_of(bench.allocator, index);
    uint32_t before = atomic_exchange(&node->as.taken.record_or_home, record);
    give(many[next++]);
    BdaAllocation big = take_bytes(KIB(32), BDA_INTENT_DEVICE);
    atomic_store(&node->as.taken.record_or_home, before);
    assert_true(node_of(big.handle)->size >= 2048);
    give(big);
    give_all(many + next, COUNT_OF(many) - next);
    let_give();
    dismiss(&helper);
    bench_close();
}

static BdaAllocation *tiny;
static uint32_t tiny_next, tiny_end;

static void free_tiny(struct helper *h) {
    h->result = VK_SUCCESS;
    for (; tiny_next < tiny_end; tiny_next++)
        if (bda_free(bench.allocator, tiny[tiny_next].handle) != VK_SUCCESS)
            h->result = VK_ERROR_UNKNOWN;
}

/* Bundles bring more of one size than a shelf is filled with by itself. */
static void a_shelf_counts_as_many_as_there_are(void **state) {
    (void)state;
    enum { TINY = 72000, OTHERS = 40000 };
    static BdaAllocation all[TINY], others[OTHERS];
    tiny = all;
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(256), .max_block_size = MIB(256) });
    hire(&helper);
    let_take((BdaAllocInfo){ .size = 64 }, 2);
    let_give();
    for (uint32_t i = 0; i < TINY; i++)
        all[i] = take_bytes(16, BDA_INTENT_DEVICE);
    head = pool_of(all[0].handle);
    uint32_t count = 0;
    for (tiny_next = 0; tiny_next < TINY;) {
        tiny_end = tiny_next + 512 < TINY ? tiny_next + 512 : TINY;
        await(&helper, begin(&helper, free_tiny));
        assert_int_equal(helper.result, VK_SUCCESS);
        while (bda_depot_filled(&head->depot) != 0 && count < OTHERS)
            others[count++] = take_bytes(KIB(1), BDA_INTENT_DEVICE);
    }
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().allocation_count, count);
    give_all(others, count);
    dismiss(&helper);
    bench_close();
}

/* A family that was a pool for ranges becomes one for buffers. */
static void shards_of_buffers_hear_of_the_mark(void **state) {
    (void)state;
    BdaPool pool = open_crowded_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1) }, KIB(500));
    let_take((BdaAllocInfo){ .size = KIB(300), .pool = pool }, 2);
    let_give();
    give(held);
    BdaPool next = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .low_water = KIB(900) });
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    const BdaAllocInfo info = { .pool = next };
    BdaAllocation buffer = take_buffer(KIB(100), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, info);
    assert_ptr_equal(bda_pool_of_buffers(next), head);
    assert_int_equal(bda_pool_next_shard(head)->low_granules, head->low_granules);
    give(buffer);
    dismiss(&helper);
    assert_int_equal(bda_destroy_pool(bench.allocator, next), VK_SUCCESS);
    bench_close();
}

static BdaAllocation crowd[20000];

static void take_crowd(struct helper *h) {
    h->result = VK_SUCCESS;
    for (uint32_t i = 0; i < COUNT_OF(crowd) && h->result == VK_SUCCESS; i++)
        h->result = bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = 64, .name = "x" }, &crowd[i]);
}

static void give_crowd(struct helper *h) {
    for (uint32_t i = 0; i < COUNT_OF(crowd) && h->result == VK_SUCCESS; i++)
        h->result = bda_free(bench.allocator, crowd[i].handle);
}

static void nodes_go_with_the_blocks(void **state) {
    (void)state;
    open_crowded(&(BdaAllocatorInfo){ .keep_collects = 1 }, 0);
    await(&helper, begin(&helper, take_crowd));
    await(&helper, begin(&helper, give_crowd));
    assert_int_equal(helper.result, VK_SUCCESS);
    const struct bda_pool *shard = bda_pool_next_shard(head);
    assert_int_equal(count_blocks(shard), 1);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(count_blocks(shard), 0);
    assert_in_range(shard->tlsf.spare.count, 0, 128);
    close_crowded();
}

/* What shards have free counts for the mark, so that the head may give its surplus back. */
static void surplus_is_told_by_the_whole_pool(void **state) {
    (void)state;
    open_crowded(&(BdaAllocatorInfo){ .keep_collects = 1, .low_water = MIB(3) }, 0);
    let_take(large, 64);
    for (uint32_t i = 0; i < 64; i++)
        if (i % 5 != 2)
            give(helper.slots[i]);
    BdaAllocation big[6];
    for (uint32_t i = 0; i < COUNT_OF(big); i++)
        big[i] = take_bytes(KIB(500), BDA_INTENT_DEVICE);
    give_all(big, COUNT_OF(big));
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_true(bench_use().free >= MIB(3));
    assert_int_equal(bench_use().empty_count, 1);
    for (uint32_t i = 2; i < 64; i += 5)
        give(helper.slots[i]);
    helper.count = 0;
    close_crowded();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_alarm_while_every_shard_has_its_share),
        cmocka_unit_test(a_trim_finds_what_is_empty_in_every_shard),
        cmocka_unit_test(the_low_water_mark_is_that_of_all),
        cmocka_unit_test(room_ahead_is_counted_in_all),
        cmocka_unit_test(a_pool_that_goes_takes_its_shards_along),
        cmocka_unit_test(pending_frees_of_an_shard_go_with_its_pool),
        cmocka_unit_test(who_had_an_shard_of_a_pool_settles_anew_when_that_is_used_again),
        cmocka_unit_test(pools_that_come_and_go_leave_the_others_alone),
        cmocka_unit_test(an_shard_does_as_its_pool_was_told),
        cmocka_unit_test(a_thread_stays_where_host_memory_is_refused),
        cmocka_unit_test(a_pool_that_caches_keep_nothing_of_has_one_shard),
        cmocka_unit_test(a_pool_without_a_place_in_caches_has_one_shard),
        cmocka_unit_test(host_memory_that_is_refused_in_one_shard_is_told),
        cmocka_unit_test(a_kept_range_is_of_its_size_whatever_its_home_says),
        cmocka_unit_test(a_shelf_counts_as_many_as_there_are),
        cmocka_unit_test(shards_of_buffers_hear_of_the_mark),
        cmocka_unit_test(nodes_go_with_the_blocks),
        cmocka_unit_test(surplus_is_told_by_the_whole_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
