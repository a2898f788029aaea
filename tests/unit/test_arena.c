/*
 * src/alloc/arena.c: when a pool gets further arenas, whose they are, how blocks come to them and go, and that nobody
 * is refused anything, or makes memory, for what another arena has room for.
 */
#include "alloc_support.h"

#include <pthread.h>
#include <stdatomic.h>

#include "alloc/arena.h"

/* ---- A thread that does what it is told, one thing after another ---- */

struct helper {
    pthread_t thread;
    _Atomic uint32_t asked, done; /* how often */
    void (*what)(struct helper *helper);
    bool ends;
    /* what it works on */
    BdaAllocInfo wish;
    BdaAllocation slots[64];
    const BdaAllocation *given;
    uint32_t count;
    VkResult result;
};

static struct helper helper;

static void *obey(void *context) {
    struct helper *h = context;
    for (uint32_t round = 1;; round++) {
        while (atomic_load_explicit(&h->asked, memory_order_acquire) < round)
            bda_native_yield();
        if (h->ends)
            return NULL;
        h->what(h);
        atomic_store_explicit(&h->done, round, memory_order_release);
    }
}

static void hire(struct helper *h) {
    memset(h, 0, sizeof *h);
    assert_int_equal(pthread_create(&h->thread, NULL, obey, h), 0);
}

static uint32_t begin(struct helper *h, void (*what)(struct helper *helper)) {
    h->what = what;
    return atomic_fetch_add_explicit(&h->asked, 1, memory_order_release) + 1;
}

static void await(struct helper *h, uint32_t round) {
    while (atomic_load_explicit(&h->done, memory_order_acquire) < round)
        bda_native_yield();
}

static void dismiss(struct helper *h) {
    h->ends = true;
    (void)atomic_fetch_add_explicit(&h->asked, 1, memory_order_release);
    assert_int_equal(pthread_join(h->thread, NULL), 0);
}

static void take_one(struct helper *h) {
    h->result = bda_alloc(bench.allocator, &h->wish, &h->slots[h->count]);
    if (h->result == VK_SUCCESS)
        h->count++;
}

static void give_slots(struct helper *h) {
    h->result = VK_SUCCESS;
    for (uint32_t i = 0; i < h->count; i++)
        if (bda_free(bench.allocator, h->slots[i].handle) != VK_SUCCESS)
            h->result = VK_ERROR_UNKNOWN;
    h->count = 0;
}

/* The helper takes ranges; these succeed. */
static void let_take(BdaAllocInfo wish, uint32_t count) {
    helper.wish = wish;
    while (count-- > 0) {
        await(&helper, begin(&helper, take_one));
        assert_int_equal(helper.result, VK_SUCCESS);
    }
}

static void let_give(void) {
    await(&helper, begin(&helper, give_slots));
    assert_int_equal(helper.result, VK_SUCCESS);
}

/* ---- Looking inside ---- */

static struct bda_pool *pool_of(BdaHandle handle) {
    return bda_block_of(bench.allocator, bda_node_of(bench.allocator, (uint32_t)handle))->pool;
}

static uint32_t count_blocks(const struct bda_pool *arena) {
    return (uint32_t)arena->counters.block_count;
}

static struct bda_cache *cache_of_helper(void) {
    struct bda_cache *cache = bench.allocator->newest_cache;
    assert_ptr_not_equal(cache, bda_cache_at_hand(bench.allocator));
    return cache;
}

/* Blocks of 1 MiB, `spare` of them empty beside the one with `held` in it, and a pool that is found crowded. */
static BdaAllocation held;
static struct bda_pool *head;

static void open_crowded(const BdaAllocatorInfo *wishes, uint32_t spare) {
    BdaAllocatorInfo info = wishes != NULL ? *wishes : (BdaAllocatorInfo){ .keep_empty = MIB(64) };
    info.first_block_size = MIB(1);
    info.max_block_size = MIB(1);
    bench_open(NULL, &info);
    BdaAllocation fill[1 + 2 * 8];
    held = take_bytes(KIB(100), BDA_INTENT_DEVICE);
    for (uint32_t i = 0; i < 1 + 2 * spare; i++)
        fill[i] = take_bytes(KIB(500), BDA_INTENT_DEVICE); /* two to a block, but one beside what is held */
    give_all(fill, 1 + 2 * spare);
    head = pool_of(held.handle);
    assert_int_equal(count_blocks(head), 1 + spare);
    give(take_bytes(64, BDA_INTENT_DEVICE)); /* so that this thread's cache is the first */
    head->crowded = true;
    hire(&helper);
}

static void close_crowded(void) {
    dismiss(&helper);
    give(held);
    bench_close();
}

static const BdaAllocInfo large = { .size = 100 << 10 };

/* ---- When ---- */

static void threads_that_do_not_wait_share_one(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    head->crowded = false;
    let_take(large, 8);
    assert_true(bda_arena_is_alone(head));
    assert_int_equal(head->arena_count, 1);
    let_give();
    close_crowded();
}

static _Atomic uint32_t steps;
static _Thread_local bool counted;

static void count_steps(void) {
    if (counted)
        (void)atomic_fetch_add(&steps, 1);
}

static void take_counted(struct helper *h) {
    counted = true;
    take_one(h);
    counted = false;
}

/* The helper has tried to get the lock that we hold, and goes to sleep on it. */
static void make_it_wait(struct bda_pool *arena) {
    atomic_store(&steps, 0);
    bda_mutex_lock(&arena->lock);
    uint32_t round = begin(&helper, take_counted);
    while (atomic_load(&steps) < 2)
        bda_native_yield();
    bda_mutex_unlock(&arena->lock);
    await(&helper, round);
    assert_int_equal(helper.result, VK_SUCCESS);
}

static void a_lock_that_is_waited_for_is_noticed(void **state) {
    (void)state;
    open_crowded(NULL, 4);
    head->crowded = false;
    helper.wish = large;
    bda_yield_hook = count_steps;
    uint32_t waits = 0;
    while (!head->crowded && waits < 64) {
        make_it_wait(head);
        waits++;
        if (helper.count == 16)
            let_give();
    }
    assert_true(head->crowded);
    assert_in_range(waits, 16, 63); /* some of them are forgotten in between, and one or two would be no reason */
    let_take(large, 1);
    bda_yield_hook = NULL;
    assert_ptr_not_equal(pool_of(helper.slots[helper.count - 1].handle), head);
    let_give();
    close_crowded();
}

/* Nobody waits, but what the lock covers goes back and forth. */
static void a_lock_that_goes_from_thread_to_thread_is_noticed(void **state) {
    (void)state;
    open_crowded(NULL, 4);
    head->crowded = false;
    uint32_t turns = 0;
    while (!head->crowded && turns < 1000) {
        let_take(large, 1);
        let_give();
        give(take(large));
        turns++;
    }
    assert_true(head->crowded);
    assert_in_range(turns, 32, 256);
    close_crowded();
}

static void a_thread_that_comes_seldom_is_no_crowd(void **state) {
    (void)state;
    open_crowded(NULL, 4);
    head->crowded = false;
    for (uint32_t turns = 0; turns < 200; turns++) {
        let_take(large, 1);
        let_give();
        for (uint32_t i = 0; i < 10; i++)
            give(take(large));
    }
    assert_false(head->crowded);
    close_crowded();
}

/* A pool that was another one's before may have arenas before it is crowded. */
static void waiting_for_an_arena_is_waiting_for_its_pool(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    let_take(large, 1);
    struct bda_pool *arena = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(arena, head);
    head->crowded = false;
    arena->strain = BDA_STRAIN_MOST - 1;
    helper.wish = large;
    bda_yield_hook = count_steps;
    make_it_wait(arena);
    bda_yield_hook = NULL;
    assert_true(head->crowded);
    let_give();
    close_crowded();
}

static void waits_are_forgotten(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    head->crowded = false;
    head->strain = 100;
    for (uint32_t i = 0; i < 60; i++)
        give(take(large));
    assert_int_equal(head->strain, 0);
    close_crowded();
}

/* ---- Whose ---- */

static void a_thread_gets_an_arena_of_its_own(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    let_take(large, 2);
    struct bda_pool *arena = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(arena, head);
    assert_ptr_equal(arena->head, head);
    assert_ptr_equal(pool_of(helper.slots[1].handle), arena);
    assert_ptr_equal(pool_of(held.handle), head);
    BdaAllocation mine = take(large);
    assert_ptr_equal(pool_of(mine.handle), head);
    assert_int_equal(head->arena_count, 2);
    give(mine);
    let_give();
    close_crowded();
}

static void small_ranges_come_from_it_and_go_back_to_it(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    let_take((BdaAllocInfo){ .size = 512 }, 40);
    struct bda_pool *arena = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(arena, head);
    for (uint32_t i = 0; i < helper.count; i++)
        assert_ptr_equal(pool_of(helper.slots[i].handle), arena);
    let_give();
    assert_true(bench_use().cached >= 512);
    uint32_t again = 20;
    let_take((BdaAllocInfo){ .size = 512 }, again);
    for (uint32_t i = 0; i < again; i++)
        assert_ptr_equal(pool_of(helper.slots[i].handle), arena);
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

static void take_own(struct helper *h) {
    const VkBufferCreateInfo info = buffer_info(h->wish.size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    const BdaAllocInfo wish = { .pool = h->wish.pool };
    h->result = bda_alloc_buffer(bench.allocator, &info, &wish, &h->slots[h->count]);
    if (h->result == VK_SUCCESS)
        h->count++;
}

static void buffers_have_arenas_too(void **state) {
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

static void free_given(struct helper *h) {
    h->result = VK_SUCCESS;
    for (uint32_t i = 0; i < h->count; i++)
        if (bda_free(bench.allocator, h->given[i].handle) != VK_SUCCESS)
            h->result = VK_ERROR_UNKNOWN;
    h->count = 0;
}

static void let_free(const BdaAllocation *given, uint32_t count) {
    helper.given = given;
    helper.count = count;
    await(&helper, begin(&helper, free_given));
    assert_int_equal(helper.result, VK_SUCCESS);
}

/* What a thread frees of another one's arena is of no use to itself: it goes back there, many at a time. */
static void what_others_free_comes_back_in_bundles(void **state) {
    (void)state;
    static BdaAllocation mine[3 * BDA_BUNDLE_MOST];
    open_crowded(NULL, 3);
    give(held); /* among large ranges fewer are kept */
    held = take_bytes(64, BDA_INTENT_DEVICE);
    let_take((BdaAllocInfo){ .size = 512 }, 2);
    let_give();
    for (uint32_t i = 0; i < COUNT_OF(mine); i++)
        mine[i] = take_bytes(16 + (i % 16) * 16, BDA_INTENT_DEVICE);
    let_free(mine, 1); /* there is no place for it yet: a wish */
    give(take_bytes(64, BDA_INTENT_DEVICE));
    give(take_bytes(2000, BDA_INTENT_DEVICE)); /* on the longer way, which grants it */
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

/* What it frees there is of no use to it any more. */
static void who_moves_passes_on_what_it_still_has(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    head->crowded = false;
    let_take((BdaAllocInfo){ .size = 512 }, 8);
    head->crowded = true;
    let_take(large, 1);
    assert_ptr_not_equal(pool_of(helper.slots[8].handle), head);
    let_give();
    struct bda_stock *stock = bda_cache_stock(cache_of_helper(), bda_pool_stock(head));
    assert_in_range(bda_bundle_count(&stock->outgoing), 4, 8);
    assert_int_equal(bda_shelf_count(&stock->shelves[bda_shelf_of(32)]), 0);
    close_crowded();
}

static void who_moves_leaves_nothing_behind(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    head->crowded = false;
    VkDeviceSize before = bench_use().cached;
    for (uint32_t i = 0; i < 3; i++) {
        let_take((BdaAllocInfo){ .size = 4096 }, 20);
        let_give();
    }
    assert_true(bench_use().cached > before);
    head->crowded = true;
    let_take(large, 1); /* on the way that looks */
    assert_int_equal(bench_use().cached, before);
    let_give();
    close_crowded();
}

/* ---- Looked at by address ---- */

static BdaFinding find_at(VkDeviceAddress address) {
    BdaFinding finding = { .kind = BDA_FINDING_FOREIGN };
    uint32_t count = 1;
    if (bda_find(bench.allocator, address, 0, &count, &finding) != VK_SUCCESS || count != 1)
        finding.kind = BDA_FINDING_KIND_MAX_ENUM;
    return finding;
}

/* Bytes of all blocks that look-ups call kept. */
static VkDeviceSize bytes_found_kept(void) {
    static BdaFinding findings[2000];
    uint32_t count = COUNT_OF(findings);
    VkDeviceSize bytes = 0;
    assert_int_equal(bda_find(bench.allocator, held.address, (VkDeviceSize)1 << 40, &count, findings), VK_SUCCESS);
    for (uint32_t i = 0; i < count; i++) {
        if (findings[i].kind != BDA_FINDING_KEPT)
            continue;
        bytes += findings[i].extent;
        assert_int_equal(findings[i].range.handle, 0);
        assert_int_equal(findings[i].range.size, findings[i].extent);
    }
    return bytes;
}

/* On shelves, freed or taken ahead; in bundles of who frees what is another arena's; in the depot. */
static void what_is_cached_is_found_as_that_wherever_it_is(void **state) {
    (void)state;
    static BdaAllocation mine[3 * BDA_BUNDLE_MOST];
    const uint32_t freed = 2 * BDA_BUNDLE_MOST + 5;
    open_crowded(NULL, 3);
    give(held); /* among large ranges fewer are kept */
    held = take_bytes(64, BDA_INTENT_DEVICE);
    head->crowded = false;
    let_take((BdaAllocInfo){ .size = 512 }, 4); /* and more, since it shares the arena */
    assert_true(bench_use().cached != 0);
    assert_int_equal(bytes_found_kept(), bench_use().cached);
    let_give();
    head->crowded = true;
    let_take((BdaAllocInfo){ .size = 2000 }, 2);
    assert_ptr_not_equal(pool_of(helper.slots[1].handle), head);
    let_give();
    for (uint32_t i = 0; i < COUNT_OF(mine); i++)
        mine[i] = take_bytes(16 + (i % 16) * 16, BDA_INTENT_DEVICE);
    let_free(mine, 1); /* there is no place for it yet: a wish */
    give(take_bytes(64, BDA_INTENT_DEVICE));
    give(take_bytes(2000, BDA_INTENT_DEVICE)); /* on the longer way, which grants it */
    let_free(mine + 1, freed);
    assert_int_equal(bda_depot_filled(&head->depot), 2);
    for (uint32_t i = 1; i <= freed; i++)
        assert_int_equal(find_at(mine[i].address).kind, BDA_FINDING_KEPT);
    assert_int_equal(bytes_found_kept(), bench_use().cached);
    give_all(mine + 1 + freed, COUNT_OF(mine) - 1 - freed);
    assert_int_equal(bytes_found_kept(), bench_use().cached);
    assert_int_equal(bda_trim(bench.allocator, MIB(64), NULL), VK_SUCCESS);
    assert_int_equal(bytes_found_kept(), 0);
    close_crowded();
}

static uint32_t block_of(BdaHandle handle) {
    return bda_node_region(bda_node_of(bench.allocator, (uint32_t)handle));
}

/* The block that does not hold `held`, with landmarks in it. It is empty. */
static uint32_t look_into_the_spare_block(void) {
    BdaAllocation fill[3];
    uint32_t block = 0;
    for (uint32_t i = 0; i < 3; i++) {
        fill[i] = take_bytes(KIB(500), BDA_INTENT_DEVICE);
        assert_int_equal(find_at(fill[i].address + 5).range.handle, fill[i].handle);
        block = block_of(fill[i].handle) != block_of(held.handle) ? block_of(fill[i].handle) : block;
    }
    give_all(fill, 3);
    assert_int_not_equal(block, 0);
    assert_non_null(bda_block_at(bench.allocator, block)->landmarks);
    return block;
}

/* Its landmarks were nodes of the arena that it came from, which that one may write at any time. */
static void look_ups_follow_a_block_that_moves(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    uint32_t block = look_into_the_spare_block();
    let_take(large, 3);
    assert_int_equal(block_of(helper.slots[0].handle), block);
    assert_ptr_not_equal(pool_of(helper.slots[0].handle), head);
    assert_null(bda_block_at(bench.allocator, block)->landmarks);
    for (uint32_t i = 0; i < helper.count; i++) {
        BdaFinding finding = find_at(helper.slots[i].address + i);
        assert_true(finding.kind == BDA_FINDING_LIVE && finding.range.handle == helper.slots[i].handle);
        VkBuffer buffer;
        VkDeviceSize offset;
        assert_int_equal(bda_resolve(bench.allocator, helper.slots[i].address, &buffer, &offset), VK_SUCCESS);
        assert_true(buffer == helper.slots[i].buffer && offset == helper.slots[i].offset);
    }
    assert_int_equal(find_at(held.address).range.handle, held.handle);
    assert_int_equal(bda_free_address(bench.allocator, helper.slots[2].address), VK_SUCCESS);
    helper.count = 2;
    let_give();
    assert_int_equal(find_at(helper.slots[0].address).kind, BDA_FINDING_FREE);
    close_crowded();
}

static BdaFinding seen;

static void look_counted(struct helper *h) {
    counted = true;
    seen = find_at(h->given->address);
    counted = false;
}

/* Between two arenas a block is in neither of them. */
static void a_look_up_waits_for_a_block_on_its_way(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    struct bda_block *block = bda_block_of(bench.allocator, bda_node_of(bench.allocator, (uint32_t)held.handle));
    helper.given = &held;
    bda_yield_hook = count_steps;
    atomic_store(&steps, 0);
    bda_mutex_lock(&head->lock);
    atomic_store(&block->pool, NULL);
    uint32_t round = begin(&helper, look_counted);
    while (atomic_load(&steps) == 0)
        bda_native_yield();
    atomic_store(&block->pool, head);
    bda_mutex_unlock(&head->lock);
    await(&helper, round);
    bda_yield_hook = NULL;
    assert_true(seen.kind == BDA_FINDING_LIVE && seen.range.handle == held.handle);
    close_crowded();
}

/* ---- Blocks ---- */

static void an_empty_block_is_taken_over(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    unsigned made = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    let_take(large, 12); /* more than one block holds */
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), made);
    struct bda_pool *arena = pool_of(helper.slots[0].handle);
    assert_int_equal(count_blocks(arena), 2);
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

static void room_in_other_arenas_comes_before_new_memory(void **state) {
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

static void room_in_other_arenas_comes_before_a_refusal(void **state) {
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
static void what_is_kept_of_any_arena_comes_before_a_refusal(void **state) {
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

static void what_threads_keep_of_another_arena_serves_too(void **state) {
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

static void a_new_block_is_the_arenas_whose_thread_made_it(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    let_take(large, 12);
    struct bda_pool *arena = pool_of(helper.slots[11].handle);
    assert_ptr_not_equal(arena, head);
    assert_int_equal(count_blocks(arena), 1);
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
    struct bda_pool *arena = pool_of(helper.slots[29].handle);
    assert_int_equal(bench_use().block_count, 4);
    let_give();
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_true(count_blocks(arena) >= 2);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(count_blocks(arena), 1);
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

static void what_a_failed_call_has_opened_goes_from_any_arena(void **state) {
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

/* What another thread has freed of an arena is in the depot of that. */
static void what_the_depot_of_an_arena_keeps_serves_too(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    BdaAllocation freed[2 * BDA_BUNDLE_MOST];
    for (uint32_t i = 0; i < 2; i++) {
        let_take((BdaAllocInfo){ .size = 512 }, BDA_BUNDLE_MOST);
        memcpy(freed + (size_t)i * BDA_BUNDLE_MOST, helper.slots, sizeof helper.slots);
        helper.count = 0;
    }
    const struct bda_pool *arena = pool_of(freed[COUNT_OF(freed) - 1].handle);
    assert_ptr_not_equal(arena, head);
    give(freed[0]); /* there is no place for it yet: a wish */
    give(take_bytes(2000, BDA_INTENT_DEVICE));
    give_all(freed + 1, COUNT_OF(freed) - 1);
    assert_int_not_equal(bda_depot_filled(&arena->depot), 0);
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
    let_take((BdaAllocInfo){ .size = KIB(900) }, 5); /* blocks of 2 and 4 MiB, the arena's */
    let_give();
    assert_true(bench_use().empty_count >= 2);
    BdaAllocation whole = take((BdaAllocInfo){ .size = KIB(2000) });
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    give(whole);
    close_crowded();
}

/* Without a block, an arena is a detour for each request. */
static void takers_are_counted(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    BdaAllocInfo small = { .size = 256 };
    BdaAllocation mine = take(small);
    assert_int_equal(head->takers, 1);
    let_take(small, 1);
    struct bda_pool *arena = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(arena, head);
    assert_int_equal(head->takers, 1);
    assert_int_equal(arena->takers, 1);
    let_give();
    dismiss(&helper);
    assert_int_equal(arena->takers, 0); /* a thread that ends takes nothing more */
    hire(&helper);
    give(mine);
    close_crowded();
}

/* It would only take it back. */
static void who_takes_from_an_arena_gives_its_depot_nothing(void **state) {
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
    assert_true(bda_arena_is_alone(head)); /* nor is one made */
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
    const struct bda_pool *arena = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(arena, head);
    for (uint32_t i = 0; i < COUNT_OF(others); i++) {
        hire(&others[i]);
        take_large(&others[i]);
    }
    assert_ptr_equal(pool_of(others[0].slots[0].handle), head);
    assert_ptr_equal(pool_of(others[1].slots[0].handle), arena);
    assert_int_equal(bench_use().block_count, 2);
    for (uint32_t i = 0; i < COUNT_OF(others); i++) {
        await(&others[i], begin(&others[i], give_slots));
        dismiss(&others[i]);
    }
    let_give();
    close_crowded();
}

/* Another thread of the same number has been there before. */
static void an_arena_that_has_blocks_gets_no_more_for_a_thread_that_settles(void **state) {
    (void)state;
    open_crowded(NULL, 3);
    let_take(large, 1);
    const struct bda_pool *arena = pool_of(helper.slots[0].handle);
    assert_int_equal(count_blocks(arena), 1);
    cache_of_helper()->sources[bda_pool_stock(head)] = NULL;
    cache_of_helper()->settled[bda_pool_stock(head)] = false;
    let_take(large, 1);
    assert_ptr_equal(pool_of(helper.slots[1].handle), arena);
    assert_int_equal(count_blocks(arena), 1);
    let_give();
    close_crowded();
}

static void who_loses_all_blocks_goes_back_to_the_head(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    let_take(large, 1);
    struct bda_pool *arena = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(arena, head);
    assert_int_equal(head->arenas_in_use, 2);
    let_give();
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_false(arena->has_blocks);
    assert_int_equal(head->arenas_in_use, 1);
    let_take(large, 1);
    assert_ptr_equal(pool_of(helper.slots[0].handle), head);
    const struct bda_stock *source = cache_of_helper()->sources[bda_pool_stock(head)];
    assert_true(source == NULL || source->pool == head);
    let_take(large, 10); /* and where a block is made for it, it settles with that */
    assert_ptr_equal(pool_of(helper.slots[10].handle), arena);
    let_give();
    close_crowded();
}

/* ---- What a pool promises ---- */

/* An arena has but a share of what is free, and of the mark. */
static void no_alarm_while_every_arena_has_its_share(void **state) {
    (void)state;
    open_crowded(&(BdaAllocatorInfo){ .low_water = KIB(1000), .keep_empty = MIB(64) }, 1);
    assert_int_equal(bda_prepare(bench.allocator), VK_SUCCESS); /* the blocks there are had been full for a moment */
    /* a block each: some 800 KiB left there, 900 here */
    let_take(large, 2);
    assert_int_equal(head->arenas_in_use, 2);
    give(take(large));
    assert_false(bda_wants_block(bench.allocator));
    let_take(large, 4);
    assert_true(bda_wants_block(bench.allocator));
    let_give();
    close_crowded();
}

/* However it is spread. */
static void a_trim_finds_what_is_empty_in_every_arena(void **state) {
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
    let_take(large, 8); /* leaves an arena that has little, and a pool that has much */
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

static void assert_found(const BdaAllocation *a) {
    BdaFinding finding;
    memset(&finding, 0, sizeof finding);
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, a->address + 5, 0, &count, &finding), VK_SUCCESS);
    assert_int_equal(finding.kind, BDA_FINDING_LIVE);
    assert_int_equal(finding.range.handle, a->handle);
    assert_int_equal(finding.offset, 5);
}

/* Look-ups remember nodes of a block, which stay behind when it moves. */
static void addresses_are_found_in_blocks_that_move(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    BdaAllocation many[64], other = take_bytes(KIB(950), BDA_INTENT_DEVICE); /* a block for itself */
    give(held);
    held = other;
    for (uint32_t i = 0; i < COUNT_OF(many); i++)
        many[i] = take_bytes(KIB(10), BDA_INTENT_DEVICE);
    for (uint32_t i = 0; i < COUNT_OF(many); i++)
        assert_found(&many[i]);
    give_all(many, COUNT_OF(many));
    assert_int_equal(bda_trim(bench.allocator, MIB(64), NULL), VK_SUCCESS);
    assert_int_equal(bench_use().empty_count, 1);
    let_take((BdaAllocInfo){ .size = KIB(9), .name = "moved" }, 40);
    struct bda_pool *arena = pool_of(helper.slots[0].handle);
    assert_ptr_not_equal(arena, head);
    for (uint32_t i = 0; i < COUNT_OF(many); i++) /* takes the nodes that were left behind */
        many[i] = take_bytes(64, BDA_INTENT_DEVICE);
    for (uint32_t i = 0; i < 40; i++)
        assert_found(&helper.slots[i]);
    for (uint32_t i = 0; i < COUNT_OF(many); i++)
        assert_found(&many[i]);
    assert_found(&held);
    give_all(many, COUNT_OF(many));
    let_give();
    close_crowded();
}

static void room_ahead_is_counted_in_all(void **state) {
    (void)state;
    open_crowded(NULL, 2);
    let_take(large, 1); /* a block with much room in the helper's arena */
    unsigned made = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    assert_int_equal(bda_warm_up(bench.allocator, &large, 20 * large.size), VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), made);
    let_give();
    close_crowded();
}

static void a_pool_that_goes_takes_its_arenas_along(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1) });
    held = take((BdaAllocInfo){ .size = KIB(100), .pool = pool });
    head = pool_of(held.handle);
    give(take((BdaAllocInfo){ .size = 64, .pool = pool }));
    head->crowded = true;
    hire(&helper);
    let_take((BdaAllocInfo){ .size = KIB(100), .pool = pool }, 15);
    assert_int_equal(head->arena_count, 2);
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

static void an_arena_does_as_its_pool_was_told(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){
        .first_block_size = MIB(1), .max_block_size = MIB(1), .keep_collects = 3, .low_water = KIB(700) });
    held = take((BdaAllocInfo){ .size = KIB(100), .pool = pool });
    head = pool_of(held.handle);
    give(take((BdaAllocInfo){ .size = 64, .pool = pool }));
    head->crowded = true;
    hire(&helper);
    let_take((BdaAllocInfo){ .size = KIB(100), .pool = pool }, 12);
    const struct bda_pool *arena = pool_of(helper.slots[11].handle);
    assert_ptr_not_equal(arena, head);
    assert_int_equal(arena->keep_collects, 3);
    assert_int_equal(bda_pool_low_water(arena), KIB(700));
    let_give();
    give(held);
    dismiss(&helper);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void pending_frees_of_an_arena_go_with_its_pool(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1) });
    held = take((BdaAllocInfo){ .size = KIB(500), .pool = pool });
    head = pool_of(held.handle);
    give(take((BdaAllocInfo){ .size = 64, .pool = pool }));
    head->crowded = true;
    hire(&helper);
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

/* Each allocation of host memory on the way to an arena in turn. */
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

static void a_pool_that_caches_keep_nothing_of_has_one_arena(void **state) {
    (void)state;
    open_crowded(&(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT, .keep_empty = MIB(64) }, 1);
    let_take(large, 2);
    assert_true(bda_arena_is_alone(head));
    let_give();
    close_crowded();
}

/* Buffers of a pool of the caller's are not kept. */
static void a_pool_without_a_place_in_caches_has_one_arena(void **state) {
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
    assert_true(bda_arena_is_alone(head));
    let_give();
    give(fill[0]);
    dismiss(&helper);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* One arena has no node left and gets none, and the other no room: it is not for want of room. In a pool of the
 * caller's, since others have memory types to try. */
static void host_memory_that_is_refused_in_one_arena_is_told(void **state) {
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
    struct bda_pool *arena = pool_of(helper.slots[1].handle);
    assert_ptr_not_equal(arena, head);
    struct bda_node_list spare = arena->tlsf.spare, store = bench.allocator->nodes.spare;
    arena->tlsf.spare = bench.allocator->nodes.spare = (struct bda_node_list){ 0, 0 };
    uint32_t length = atomic_exchange(&bench.allocator->nodes.store.length, BDA_NODES_MOST);
    helper.wish.flags = BDA_ALLOC_NO_NEW_MEMORY_BIT;
    await(&helper, begin(&helper, take_one));
    atomic_store(&bench.allocator->nodes.store.length, length);
    arena->tlsf.spare = spare;
    bench.allocator->nodes.spare = store;
    assert_int_equal(helper.result, VK_ERROR_OUT_OF_HOST_MEMORY);
    bench_hush();
    give_all(mine, COUNT_OF(mine));
    let_give();
    dismiss(&helper);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* ---- What a review found ---- */

static struct bda_node *node_of(BdaHandle handle) {
    return bda_node_of(bench.allocator, (uint32_t)handle);
}

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
static void arenas_of_buffers_hear_of_the_mark(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1) });
    held = take((BdaAllocInfo){ .size = KIB(500), .pool = pool });
    head = pool_of(held.handle);
    give(take((BdaAllocInfo){ .size = 64, .pool = pool }));
    head->crowded = true;
    hire(&helper);
    let_take((BdaAllocInfo){ .size = KIB(300), .pool = pool }, 2);
    let_give();
    give(held);
    BdaPool next = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .low_water = KIB(900) });
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    const BdaAllocInfo info = { .pool = next };
    BdaAllocation buffer = take_buffer(KIB(100), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, info);
    assert_ptr_equal(bda_pool_of_buffers(next), head);
    assert_int_equal(bda_pool_next_arena(head)->low_granules, head->low_granules);
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
    const struct bda_pool *arena = bda_pool_next_arena(head);
    assert_int_equal(count_blocks(arena), 1);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(count_blocks(arena), 0);
    assert_in_range(arena->tlsf.spare.count, 0, 128);
    close_crowded();
}

/* What arenas have free counts for the mark, so that the head may give its surplus back. */
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
        cmocka_unit_test(threads_that_do_not_wait_share_one),
        cmocka_unit_test(a_lock_that_is_waited_for_is_noticed),
        cmocka_unit_test(a_lock_that_goes_from_thread_to_thread_is_noticed),
        cmocka_unit_test(a_thread_that_comes_seldom_is_no_crowd),
        cmocka_unit_test(waiting_for_an_arena_is_waiting_for_its_pool),
        cmocka_unit_test(waits_are_forgotten),
        cmocka_unit_test(a_thread_gets_an_arena_of_its_own),
        cmocka_unit_test(small_ranges_come_from_it_and_go_back_to_it),
        cmocka_unit_test(batches_come_from_it),
        cmocka_unit_test(buffers_have_arenas_too),
        cmocka_unit_test(what_others_free_comes_back_in_bundles),
        cmocka_unit_test(the_last_generation_is_not_passed_on),
        cmocka_unit_test(who_moves_passes_on_what_it_still_has),
        cmocka_unit_test(who_moves_leaves_nothing_behind),
        cmocka_unit_test(what_is_cached_is_found_as_that_wherever_it_is),
        cmocka_unit_test(look_ups_follow_a_block_that_moves),
        cmocka_unit_test(a_look_up_waits_for_a_block_on_its_way),
        cmocka_unit_test(an_empty_block_is_taken_over),
        cmocka_unit_test(an_empty_block_that_does_not_hold_an_alignment_stays),
        cmocka_unit_test(room_in_other_arenas_comes_before_new_memory),
        cmocka_unit_test(room_in_other_arenas_comes_before_a_refusal),
        cmocka_unit_test(what_is_kept_of_any_arena_comes_before_a_refusal),
        cmocka_unit_test(what_threads_keep_of_another_arena_serves_too),
        cmocka_unit_test(a_new_block_is_the_arenas_whose_thread_made_it),
        cmocka_unit_test(blocks_that_stay_empty_go_back),
        cmocka_unit_test(what_a_failed_call_has_opened_goes_from_any_arena),
        cmocka_unit_test(what_the_depot_of_an_arena_keeps_serves_too),
        cmocka_unit_test(what_is_too_small_makes_way_for_a_larger_block),
        cmocka_unit_test(takers_are_counted),
        cmocka_unit_test(who_takes_from_an_arena_gives_its_depot_nothing),
        cmocka_unit_test(who_gets_no_block_stays_with_the_head),
        cmocka_unit_test(who_stays_with_the_head_goes_on_to_take_from_its_shelves),
        cmocka_unit_test(who_shares_asks_for_a_block_now_and_then),
        cmocka_unit_test(threads_without_a_block_are_spread_over_those_that_have_one),
        cmocka_unit_test(an_arena_that_has_blocks_gets_no_more_for_a_thread_that_settles),
        cmocka_unit_test(who_loses_all_blocks_goes_back_to_the_head),
        cmocka_unit_test(no_alarm_while_every_arena_has_its_share),
        cmocka_unit_test(a_trim_finds_what_is_empty_in_every_arena),
        cmocka_unit_test(the_low_water_mark_is_that_of_all),
        cmocka_unit_test(addresses_are_found_in_blocks_that_move),
        cmocka_unit_test(room_ahead_is_counted_in_all),
        cmocka_unit_test(a_pool_that_goes_takes_its_arenas_along),
        cmocka_unit_test(pending_frees_of_an_arena_go_with_its_pool),
        cmocka_unit_test(an_arena_does_as_its_pool_was_told),
        cmocka_unit_test(a_thread_stays_where_host_memory_is_refused),
        cmocka_unit_test(a_pool_that_caches_keep_nothing_of_has_one_arena),
        cmocka_unit_test(a_pool_without_a_place_in_caches_has_one_arena),
        cmocka_unit_test(host_memory_that_is_refused_in_one_arena_is_told),
        cmocka_unit_test(a_kept_range_is_of_its_size_whatever_its_home_says),
        cmocka_unit_test(a_shelf_counts_as_many_as_there_are),
        cmocka_unit_test(arenas_of_buffers_hear_of_the_mark),
        cmocka_unit_test(nodes_go_with_the_blocks),
        cmocka_unit_test(surplus_is_told_by_the_whole_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
