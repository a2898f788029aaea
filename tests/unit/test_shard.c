/*
 * src/alloc/shard.c: when a pool gets further shards, whose they are, how blocks come to them and go, and that nobody
 * is refused anything, or makes memory, for what another shard has room for.
 */
#include "shard_support.h"

/* ---- When ---- */

static void threads_that_do_not_wait_share_one(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    head->crowded = false;
    let_take(large, 8);
    assert_true(bda_shard_is_alone(head));
    assert_int_equal(head->shard_count, 1);
    let_give();
    close_crowded();
}

static void take_counted(struct helper *h) {
    counted = true;
    take_one(h);
    counted = false;
}

/* The helper has tried to get the lock that we hold, and goes to sleep on it. */
static void make_it_wait(struct bda_pool *shard) {
    atomic_store(&steps, 0);
    bda_lock(&shard->lock);
    uint32_t round = begin(&helper, take_counted);
    while (atomic_load(&steps) < 2)
        bda_native_yield();
    bda_unlock(&shard->lock);
    await(&helper, round);
    assert_int_equal(helper.result, VK_SUCCESS);
}

/* Kept by no cache, and finds room in the block of what is held. */
static const BdaAllocInfo beside = { .size = 70 << 10, .user = 1 };

static void a_lock_that_is_waited_for_is_noticed(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    head->crowded = false;
    helper.wish = beside;
    bda_yield_hook = count_steps;
    uint32_t waits = 0;
    while (!head->crowded && waits < 64) {
        make_it_wait(head);
        waits++;
        if (helper.count == 8)
            let_give();
    }
    assert_true(head->crowded);
    assert_in_range(waits, 16, 63); /* some of them are forgotten in between, and one or two would be no reason */
    bda_yield_hook = NULL;
    let_give();
    close_crowded();
}

/* Nobody waits, but what the lock covers goes back and forth. */
static void a_lock_that_goes_from_thread_to_thread_is_noticed(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    head->crowded = false;
    uint32_t turns = 0;
    while (!head->crowded && turns < 1000) {
        let_take(beside, 1);
        let_give();
        give(take(beside));
        turns++;
    }
    assert_true(head->crowded);
    assert_in_range(turns, 32, 256);
    close_crowded();
}

static void a_thread_that_comes_seldom_is_no_crowd(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    head->crowded = false;
    for (uint32_t turns = 0; turns < 200; turns++) {
        let_take(beside, 1);
        let_give();
        for (uint32_t i = 0; i < 10; i++)
            give(take(beside));
    }
    assert_false(head->crowded);
    close_crowded();
}

/* Two to a block; beside what is held there is room for one. */
static const BdaAllocInfo half = { .size = 500 << 10 };

/* Before everybody's ranges lie in it. */
static void where_a_block_is_empty_to_meet_once_is_enough(void **state) {
    (void)state;
    for (uint32_t spare = 0; spare <= 2; spare++) {
        open_crowded(NULL, spare);
        head->crowded = false;
        let_take(beside, 1);
        assert_ptr_equal(pool_of(helper.slots[0].handle), head);
        assert_int_equal(head->crowded, spare != 0);
        let_take(beside, 1);
        assert_int_equal(pool_of(helper.slots[1].handle) != head, spare != 0);
        let_give();
        close_crowded();
    }
}

static void look(struct helper *h) {
    h->result = VK_SUCCESS;
    (void)bench_use();
}

/* The lock is not one thread's alone any more, but nobody else takes anything. */
static void who_only_looks_is_no_crowd(void **state) {
    (void)state;
    open_crowded(NULL, 3);
    head->crowded = false;
    give(take(beside));
    await(&helper, begin(&helper, look));
    assert_null(bda_lock_owner(&head->lock));
    for (uint32_t i = 0; i < 8; i++)
        give(take(beside));
    assert_false(head->crowded);
    close_crowded();
}

/* One block of eight would be full at once, and each further request a look at all others. */
static void a_single_block_of_many_is_no_reason_to_settle(void **state) {
    (void)state;
    enum { SPARE = 7, BLOCKS = SPARE + 1 };
    for (uint32_t left = 1; left <= 3; left++) {
        BdaAllocation filled[2 * SPARE];
        uint32_t count = 0;
        open_crowded(NULL, SPARE);
        while (head->tlsf.empty_regions > left)
            filled[count++] = take(half);
        assert_int_equal(count_blocks(head), BLOCKS);
        let_take(large, 1);
        bool settles = left * 2 * 2 >= BLOCKS;
        assert_int_equal(pool_of(helper.slots[0].handle) != head, settles);
        let_give();
        give_all(filled, count);
        close_crowded();
    }
}

/* Who has the pool to itself meets nobody. */
static void a_thread_by_itself_breaks_blocks_at_its_leisure(void **state) {
    (void)state;
    open_crowded(NULL, 3);
    head->crowded = false;
    BdaAllocation taken[5];
    for (uint32_t i = 0; i < 5; i++)
        taken[i] = take(half);
    assert_false(head->crowded);
    give_all(taken, 5);
    close_crowded();
}

/* A pool that was another one's before may have shards before it is crowded. */
static void waiting_for_an_shard_is_waiting_for_its_pool(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    let_take(large, 1);
    struct bda_pool *shard = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(shard, head);
    head->crowded = false;
    shard->strain = BDA_STRAIN_MOST - 1;
    helper.wish = large;
    bda_yield_hook = count_steps;
    make_it_wait(shard);
    bda_yield_hook = NULL;
    assert_true(head->crowded);
    let_give();
    close_crowded();
}

static void waits_are_forgotten(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    let_take(large, 1); /* a lock that is one thread's knows of no strain */
    let_give();
    head->crowded = false;
    head->strain = 100;
    for (uint32_t i = 0; i < 60; i++)
        give(take(large));
    assert_int_equal(head->strain, 0);
    close_crowded();
}

/* ---- Whose ---- */

static void a_thread_gets_an_shard_of_its_own(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    let_take(large, 2);
    struct bda_pool *shard = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(shard, head);
    assert_ptr_equal(shard->head, head);
    assert_ptr_equal(pool_of(helper.slots[1].handle), shard);
    assert_ptr_equal(pool_of(held.handle), head);
    BdaAllocation mine = take(large);
    assert_ptr_equal(pool_of(mine.handle), head);
    assert_int_equal(head->shard_count, 2);
    give(mine);
    let_give();
    close_crowded();
}

static void small_ranges_come_from_it_and_go_back_to_it(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    let_take((BdaAllocInfo){ .size = 512 }, 40);
    struct bda_pool *shard = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(shard, head);
    for (uint32_t i = 0; i < helper.count; i++)
        assert_ptr_equal(pool_of(helper.slots[i].handle), shard);
    let_give();
    assert_true(bench_use().cached >= 512);
    uint32_t again = 20;
    let_take((BdaAllocInfo){ .size = 512 }, again);
    for (uint32_t i = 0; i < again; i++)
        assert_ptr_equal(pool_of(helper.slots[i].handle), shard);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    for (uint32_t i = 0; i < helper.count; i++) /* another thread's frees */
        give(helper.slots[i]);
    helper.count = 0;
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().allocation_count, 1);
    close_crowded();
}

static void take_batch(struct helper *h) {
    BdaAllocInfo infos[8];
    for (uint32_t i = 0; i < COUNT_OF(infos); i++)
        infos[i] = h->wish;
    h->result = bda_alloc_many(bench.allocator, COUNT_OF(infos), infos, h->slots);
    h->count = h->result == VK_SUCCESS ? COUNT_OF(infos) : 0;
}

static void batches_come_from_it(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    helper.wish = (BdaAllocInfo){ .size = 512 };
    await(&helper, begin(&helper, take_batch)); /* finds no block there yet, and takes one over on the way */
    let_give();
    await(&helper, begin(&helper, take_batch));
    assert_int_equal(helper.result, VK_SUCCESS);
    for (uint32_t i = 0; i < helper.count; i++)
        assert_ptr_not_equal(pool_of(helper.slots[i].handle), head);
    let_give();
    close_crowded();
}

static void buffers_have_shards_too(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    BdaAllocation mine = take_buffer(KIB(100), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, (BdaAllocInfo){ 0 });
    BdaAllocation fill[3];
    for (uint32_t i = 0; i < 3; i++)
        fill[i] = take_buffer(KIB(500), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, (BdaAllocInfo){ 0 });
    struct bda_pool *buffers = pool_of(mine.handle);
    give_all(fill, 3);
    give(take_buffer(64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, (BdaAllocInfo){ 0 }));
    buffers->crowded = true;
    helper.wish.size = KIB(100);
    for (uint32_t i = 0; i < 4; i++) {
        await(&helper, begin(&helper, take_own));
        assert_int_equal(helper.result, VK_SUCCESS);
    }
    assert_ptr_not_equal(pool_of(helper.slots[3].handle), buffers);
    assert_ptr_equal(pool_of(helper.slots[3].handle)->head, buffers);
    let_give();
    helper.wish.size = 64; /* which caches keep */
    for (uint32_t i = 0; i < 4; i++) {
        await(&helper, begin(&helper, take_own));
        assert_int_equal(helper.result, VK_SUCCESS);
        let_give();
    }
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    give(mine);
    close_crowded();
}

/* What a thread frees of another one's shard is of no use to itself: it goes back there, many at a time. */
static void what_others_free_comes_back_in_bundles(void **state) {
    (void)state;
    static BdaAllocation mine[3 * BDA_BUNDLE_MOST];
    open_crowded(NULL, 3);
    give(held); /* among large ranges fewer are kept */
    held = take_bytes(64, BDA_INTENT_DEVICE);
    let_take((BdaAllocInfo){ .size = 512 }, 2);
    let_give();
    take_for_helper(mine, COUNT_OF(mine));
    VkDeviceSize cached = bench_use().cached;
    let_free(mine + 1, 2 * BDA_BUNDLE_MOST);
    assert_int_equal(bda_depot_filled(&head->depot), 2);
    assert_true(bench_use().cached > cached);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    for (uint32_t i = 1; i < 1 + 2 * BDA_BUNDLE_MOST; i++) {
        mine[i] = take_bytes(16 + (i % 16) * 16, BDA_INTENT_DEVICE);
        assert_ptr_equal(pool_of(mine[i].handle), head);
    }
    assert_int_equal(bda_depot_filled(&head->depot), 0);
    give_all(mine + 1, COUNT_OF(mine) - 1);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    close_crowded();
}

/* Whatever its node is named next is another thread's: the last generation must not come back from there. */
static void the_last_generation_is_not_passed_on(void **state) {
    (void)state;
    open_crowded(NULL, 3);
    give(held);
    held = take_bytes(64, BDA_INTENT_DEVICE);
    let_take((BdaAllocInfo){ .size = 512 }, 2);
    let_give();
    BdaAllocation mine[3];
    for (uint32_t i = 0; i < COUNT_OF(mine); i++)
        mine[i] = take_bytes(100, BDA_INTENT_DEVICE);
    let_free(mine, 1); /* there is no place for it yet: a wish */
    give(take_bytes(2000, BDA_INTENT_DEVICE));
    VkDeviceSize cached = bench_use().cached;
    let_free(mine + 1, 1);
    assert_int_equal(bench_use().cached, cached + 112);
    struct bda_node *node = bda_node_of(bench.allocator, (uint32_t)mine[2].handle);
    uint32_t low = bda_node_tag(node) & ((1u << BDA_NODE_GENERATION_SHIFT) - 1);
    atomic_store(&node->tag, (BDA_GENERATION_SPENT - 1) << BDA_NODE_GENERATION_SHIFT | low);
    mine[2].handle = bda_handle_of(bench.allocator, (uint32_t)mine[2].handle, node);
    let_free(mine + 2, 1);
    assert_int_equal(bench_use().cached, cached + 112);
    assert_int_not_equal(bda_node_state(node), BDA_NODE_CACHED);
    close_crowded();
}

static void who_moves_leaves_nothing_behind(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    give(held); /* among large ranges fewer are kept */
    held = take_bytes(64, BDA_INTENT_DEVICE);
    head->crowded = false;
    let_take((BdaAllocInfo){ .size = 64 }, 1); /* they meet */
    let_give();
    head->crowded = false;
    cache_of_helper()->settlings[bda_pool_stock(head)].settled = false;
    VkDeviceSize before = bench_use().cached;
    for (uint32_t i = 0; i < 3; i++) {
        let_take((BdaAllocInfo){ .size = 4096 }, 20);
        let_give();
    }
    assert_true(bench_use().cached > before);
    head->crowded = true;
    let_take(large, 1); /* on the way that looks */
    assert_in_range(bench_use().cached, 0, before);
    let_give();
    close_crowded();
}

/* ---- Blocks ---- */

static void an_empty_block_is_taken_over(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    unsigned made = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    let_take(large, 12); /* more than one block holds */
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), made);
    struct bda_pool *shard = pool_of(helper.slots[0].handle);
    assert_int_equal(count_blocks(shard), 2);
    assert_int_equal(count_blocks(head), 1);
    assert_int_equal(bench_use().block_count, 3);
    let_give();
    close_crowded();
}

static void an_empty_block_that_does_not_hold_an_alignment_stays(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    let_take(large, 1);
    assert_int_equal(count_blocks(pool_of(helper.slots[0].handle)), 1);
    helper.wish = (BdaAllocInfo){ .size = KIB(1000), .alignment = KIB(64), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    await(&helper, begin(&helper, take_one)); /* blocks of this driver begin at no such address */
    assert_int_equal(helper.result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(count_blocks(head), 2);
    bench_hush();
    let_give();
    close_crowded();
}

static void room_in_other_shards_comes_before_new_memory(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    struct bench_state before = bench_look();
    let_take((BdaAllocInfo){ .size = KIB(100), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT }, 8); /* beside what is held */
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), before.memories);
    assert_ptr_equal(pool_of(helper.slots[7].handle), head);
    helper.wish.size = KIB(200);
    await(&helper, begin(&helper, take_one));
    assert_int_equal(helper.result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    bench_hush();
    let_give();
    close_crowded();
}

static void room_in_other_shards_comes_before_a_refusal(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    let_take(large, 10); /* all that a block of its own holds */
    assert_ptr_not_equal(pool_of(helper.slots[9].handle), head);
    let_take((BdaAllocInfo){ .size = large.size, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT }, 8);
    assert_ptr_equal(pool_of(helper.slots[17].handle), head);
    let_give();
    close_crowded();
}

/* Or in the thread's own: each is asked, and the last that was asked has nothing. */
static void what_is_kept_of_any_shard_comes_before_a_refusal(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    let_take(large, 10);
    BdaAllocation mine[14];
    for (uint32_t i = 0; i < COUNT_OF(mine); i++)
        mine[i] = take_bytes(KIB(44), BDA_INTENT_DEVICE);
    give_all(mine, COUNT_OF(mine));
    assert_true(bench_use().cached != 0);
    give(take((BdaAllocInfo){ .size = KIB(900), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT }));
    let_give();
    close_crowded();
}

static void what_threads_keep_of_another_shard_serves_too(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    let_take((BdaAllocInfo){ .size = KIB(44) }, 16);
    let_give(); /* into the helper's cache, some of them */
    assert_true(bench_use().cached != 0);
    unsigned made = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    give(take((BdaAllocInfo){ .size = KIB(1000), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT })); /* all of a block */
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), made);
    close_crowded();
}

static void a_new_block_is_the_shards_whose_thread_made_it(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    let_take(large, 12);
    struct bda_pool *shard = pool_of(helper.slots[11].handle);
    assert_ptr_not_equal(shard, head);
    assert_int_equal(count_blocks(shard), 1);
    assert_int_equal(count_blocks(head), 1);
    BdaAllocation mine = take(large); /* the head is full: that one has room */
    assert_int_equal(bench_use().block_count, 2);
    give(mine);
    let_give();
    close_crowded();
}

static void blocks_that_stay_empty_go_back(void **state) {
    (void)state;
    open_crowded(&(BdaAllocatorInfo){ .keep_collects = 2 }, 0);
    let_take(large, 30);
    struct bda_pool *shard = pool_of(helper.slots[29].handle);
    assert_int_equal(bench_use().block_count, 4);
    let_give();
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_true(count_blocks(shard) >= 2);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(count_blocks(shard), 1);
    assert_int_equal(bench_use().block_count, 2); /* the one in use, and one that is kept, wherever it is */
    let_take(large, 1);
    assert_int_equal(bench_use().block_count, 2);
    let_give();
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(bench_use().block_count, 1);
    close_crowded();
}

/* All but the last, which is nothing. */
static void take_batch_in_vain(struct helper *h) {
    BdaAllocInfo infos[3] = { h->wish, h->wish, { .size = 0 } };
    BdaAllocation none[COUNT_OF(infos)];
    h->result = bda_alloc_many(bench.allocator, COUNT_OF(infos), infos, none);
}

static void what_a_failed_call_has_opened_goes_from_any_shard(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    BdaAllocation mine[9];
    for (uint32_t i = 0; i < COUNT_OF(mine); i++)
        mine[i] = take(large);
    let_take(large, 10); /* no room anywhere */
    assert_ptr_not_equal(pool_of(helper.slots[9].handle), head);
    unsigned made = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    await(&helper, begin(&helper, take_batch_in_vain));
    assert_int_equal(helper.result, VK_ERROR_VALIDATION_FAILED_EXT);
    bench_hush();
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), made + 1);
    assert_int_equal(bench_use().block_count, 2);
    give_all(mine, COUNT_OF(mine));
    let_give();
    close_crowded();
}

/* What another thread has freed of a shard is in the depot of that. */
static void what_the_depot_of_an_shard_keeps_serves_too(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    BdaAllocation freed[2 * BDA_BUNDLE_MOST];
    for (uint32_t i = 0; i < 2; i++) {
        let_take((BdaAllocInfo){ .size = 512 }, BDA_BUNDLE_MOST);
        memcpy(freed + (size_t)i * BDA_BUNDLE_MOST, helper.slots, BDA_BUNDLE_MOST * sizeof freed[0]);
        helper.count = 0;
    }
    const struct bda_pool *shard = pool_of(freed[COUNT_OF(freed) - 1].handle);
    assert_ptr_not_equal(shard, head);
    give(freed[0]); /* there is no place for it yet: a wish */
    give(take_bytes(2000, BDA_INTENT_DEVICE));
    give_all(freed + 1, COUNT_OF(freed) - 1);
    assert_int_not_equal(bda_depot_filled(&shard->depot), 0);
    give(take((BdaAllocInfo){ .size = KIB(1000), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT })); /* all of its block */
    close_crowded();
}

static void what_is_too_small_makes_way_for_a_larger_block(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(1), .max_block_size = MIB(4) });
    held = take_bytes(KIB(600), BDA_INTENT_DEVICE);
    head = pool_of(held.handle);
    give(take_bytes(64, BDA_INTENT_DEVICE));
    head->crowded = true;
    hire(&helper);
    let_take((BdaAllocInfo){ .size = KIB(900) }, 5); /* blocks of 2 and 4 MiB, the shard's */
    let_give();
    assert_true(bench_use().empty_count >= 2);
    BdaAllocation whole = take((BdaAllocInfo){ .size = KIB(2000) });
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    give(whole);
    close_crowded();
}

/* Without a block, a shard is a detour for each request. */
static void takers_are_counted(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    BdaAllocInfo small = { .size = 256 };
    BdaAllocation mine = take(small);
    assert_int_equal(head->takers, 1);
    let_take(small, 1);
    struct bda_pool *shard = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(shard, head);
    assert_int_equal(head->takers, 1);
    assert_int_equal(shard->takers, 1);
    let_give();
    dismiss(&helper);
    assert_int_equal(shard->takers, 0); /* a thread that ends takes nothing more */
    hire(&helper);
    give(mine);
    close_crowded();
}

/* It would only take it back. */
static void who_takes_from_an_shard_gives_its_depot_nothing(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    head->crowded = false; /* so that both share the head */
    BdaAllocInfo small = { .size = KIB(1) };
    let_take(small, 60);
    BdaAllocation all[600];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take(small);
    assert_int_equal(head->takers, 2);
    give_all(all, COUNT_OF(all));
    assert_int_equal(bda_depot_filled(&head->depot), 0);
    let_give();
    assert_int_equal(bda_depot_filled(&head->depot), 0);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    close_crowded();
}

static void who_gets_no_block_stays_with_the_head(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    BdaAllocInfo small = { .size = 256 };
    let_take(small, 1);
    assert_ptr_equal(pool_of(helper.slots[0].handle), head);
    assert_true(bda_shard_is_alone(head)); /* nor is one made */
    BdaAllocation more[3];
    for (uint32_t i = 0; i < COUNT_OF(more); i++)
        more[i] = take_bytes(KIB(500), BDA_INTENT_DEVICE); /* another block */
    give_all(more, COUNT_OF(more));
    let_give();
    for (uint32_t i = 0; i < 64; i++) { /* it asks again, now and then */
        let_take(large, 1);
        if (i < 63)
            let_give();
    }
    assert_ptr_not_equal(pool_of(helper.slots[0].handle), head);
    let_give();
    close_crowded();
}

static void who_stays_with_the_head_goes_on_to_take_from_its_shelves(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    for (uint32_t i = 0; i < 130; i++) { /* it looks for a block in vain, now and then */
        let_take(large, 1);
        let_take((BdaAllocInfo){ .size = 512 }, 1);
        let_give();
    }
    for (uint32_t i = 0; i < 130; i++)
        give(take(large));
    assert_int_equal(head->takers, 2);
    assert_true(bda_cache_stock(cache_of_helper(), bda_pool_stock(head))->source);
    assert_true(bda_cache_at_hand(bench.allocator)->sources[bda_pool_stock(head)]->source);
    close_crowded();
}

static void who_shares_asks_for_a_block_now_and_then(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    BdaAllocation mine = take_bytes(256, BDA_INTENT_DEVICE), more[3];
    let_take(large, 3);
    assert_int_equal(head->takers, 2);
    for (uint32_t i = 0; i < COUNT_OF(more); i++)
        more[i] = take_bytes(KIB(500), BDA_INTENT_DEVICE); /* another block */
    give_all(more, COUNT_OF(more));
    let_take(large, 3);
    for (uint32_t i = 0; i < helper.count; i++)
        assert_ptr_equal(pool_of(helper.slots[i].handle), head);
    let_give();
    give(mine);
    close_crowded();
}

static void take_large(struct helper *h) {
    h->wish = large;
    await(h, begin(h, take_one));
    assert_int_equal(h->result, VK_SUCCESS);
}

/* Where there are fewer blocks than threads. */
static void threads_without_a_block_are_spread_over_those_that_have_one(void **state) {
    (void)state;
    static struct helper others[2];
    open_crowded(NULL, 1);
    let_take(large, 2);
    const struct bda_pool *shard = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(shard, head);
    for (uint32_t i = 0; i < COUNT_OF(others); i++) {
        hire(&others[i]);
        take_large(&others[i]);
    }
    assert_ptr_equal(pool_of(others[0].slots[0].handle), head);
    assert_ptr_equal(pool_of(others[1].slots[0].handle), shard);
    assert_int_equal(bench_use().block_count, 2);
    for (uint32_t i = 0; i < COUNT_OF(others); i++) {
        await(&others[i], begin(&others[i], give_slots));
        dismiss(&others[i]);
    }
    let_give();
    close_crowded();
}

/* Another thread of the same number has been there before. */
static void an_shard_that_has_blocks_gets_no_more_for_a_thread_that_settles(void **state) {
    (void)state;
    open_crowded(NULL, 3);
    let_take(large, 1);
    const struct bda_pool *shard = pool_of(helper.slots[0].handle);
    assert_int_equal(count_blocks(shard), 1);
    cache_of_helper()->sources[bda_pool_stock(head)] = NULL;
    cache_of_helper()->settlings[bda_pool_stock(head)].settled = false;
    let_take(large, 1);
    assert_ptr_equal(pool_of(helper.slots[1].handle), shard);
    assert_int_equal(count_blocks(shard), 1);
    let_give();
    close_crowded();
}

static void who_loses_all_blocks_goes_back_to_the_head(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    let_take(large, 1);
    struct bda_pool *shard = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(shard, head);
    assert_int_equal(head->shards_in_use, 2);
    let_give();
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_false(shard->has_blocks);
    assert_int_equal(head->shards_in_use, 1);
    let_take(large, 1);
    assert_ptr_equal(pool_of(helper.slots[0].handle), head);
    const struct bda_stock *source = cache_of_helper()->sources[bda_pool_stock(head)];
    assert_true(source == NULL || source->pool == head);
    let_take(large, 10); /* and where a block is made for it, it settles with that */
    assert_ptr_equal(pool_of(helper.slots[10].handle), shard);
    let_give();
    close_crowded();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_do_not_wait_share_one),
        cmocka_unit_test(a_lock_that_is_waited_for_is_noticed),
        cmocka_unit_test(a_lock_that_goes_from_thread_to_thread_is_noticed),
        cmocka_unit_test(a_thread_that_comes_seldom_is_no_crowd),
        cmocka_unit_test(where_a_block_is_empty_to_meet_once_is_enough),
        cmocka_unit_test(who_only_looks_is_no_crowd),
        cmocka_unit_test(a_single_block_of_many_is_no_reason_to_settle),
        cmocka_unit_test(a_thread_by_itself_breaks_blocks_at_its_leisure),
        cmocka_unit_test(waiting_for_an_shard_is_waiting_for_its_pool),
        cmocka_unit_test(waits_are_forgotten),
        cmocka_unit_test(a_thread_gets_an_shard_of_its_own),
        cmocka_unit_test(small_ranges_come_from_it_and_go_back_to_it),
        cmocka_unit_test(batches_come_from_it),
        cmocka_unit_test(buffers_have_shards_too),
        cmocka_unit_test(what_others_free_comes_back_in_bundles),
        cmocka_unit_test(the_last_generation_is_not_passed_on),
        cmocka_unit_test(who_moves_leaves_nothing_behind),
        cmocka_unit_test(an_empty_block_is_taken_over),
        cmocka_unit_test(an_empty_block_that_does_not_hold_an_alignment_stays),
        cmocka_unit_test(room_in_other_shards_comes_before_new_memory),
        cmocka_unit_test(room_in_other_shards_comes_before_a_refusal),
        cmocka_unit_test(what_is_kept_of_any_shard_comes_before_a_refusal),
        cmocka_unit_test(what_threads_keep_of_another_shard_serves_too),
        cmocka_unit_test(a_new_block_is_the_shards_whose_thread_made_it),
        cmocka_unit_test(blocks_that_stay_empty_go_back),
        cmocka_unit_test(what_a_failed_call_has_opened_goes_from_any_shard),
        cmocka_unit_test(what_the_depot_of_an_shard_keeps_serves_too),
        cmocka_unit_test(what_is_too_small_makes_way_for_a_larger_block),
        cmocka_unit_test(takers_are_counted),
        cmocka_unit_test(who_takes_from_an_shard_gives_its_depot_nothing),
        cmocka_unit_test(who_gets_no_block_stays_with_the_head),
        cmocka_unit_test(who_stays_with_the_head_goes_on_to_take_from_its_shelves),
        cmocka_unit_test(who_shares_asks_for_a_block_now_and_then),
        cmocka_unit_test(threads_without_a_block_are_spread_over_those_that_have_one),
        cmocka_unit_test(an_shard_that_has_blocks_gets_no_more_for_a_thread_that_settles),
        cmocka_unit_test(who_loses_all_blocks_goes_back_to_the_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
