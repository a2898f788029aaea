/* src/debug/check.c: a check is silent about what is sound, and names what is broken. Each invariant is broken once, by
 * hand, and mended again. */
#include "alloc_support.h"

#include "alloc/handle.h"
#include "debug/check.h"

static BdaAllocation range, own, alone;

/* A pool of each sort, with something live and something free in it. */
static void open_furnished(void) {
    bench_open(NULL, NULL);
    range = take_bytes(100, BDA_INTENT_DEVICE);
    own = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    alone = take((BdaAllocInfo){ .size = 100, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench.length, 0);
}

static void close_furnished(void) {
    give(range);
    give(own);
    give(alone);
    bench_close();
}

static struct bda_node *node_of(const BdaAllocation *a) {
    return bda_node_of(bench.allocator, bda_handle_index(a->handle));
}

static struct bda_block *block_of(const BdaAllocation *a) {
    return bda_block_of(bench.allocator, node_of(a));
}

static struct bda_pool *pool_of(const BdaAllocation *a) {
    return atomic_load(&block_of(a)->pool);
}

static void assert_broken(const char *what) {
    assert_refusal(VK_ERROR_UNKNOWN, bda_check(bench.allocator), "bda_check", what);
}

/* ---- What is sound ---- */

static void every_state_of_an_allocator_is_sound(void **state) {
    (void)state;
    open_furnished();
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "pool" });
    BdaAllocation late = take((BdaAllocInfo){ .size = 5, .pool = pool });
    BdaAllocation last = take((BdaAllocInfo){ .size = 5, .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bda_free_after(bench.allocator, late.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(bda_free_after(bench.allocator, last.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    close_furnished();
}

static void a_check_without_host_memory_says_so(void **state) {
    (void)state;
    open_furnished();
    fake_host_fail(&bench.host, 1, true);
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY, bda_check(bench.allocator), "bda_check", "host memory");
    fake_host_fail(&bench.host, 0, false);
    close_furnished();
}

/* ---- What is broken ---- */

static void wrong_counters_are_found(void **state) {
    (void)state;
    open_furnished();
    struct bda_pool_counters *counters = &pool_of(&range)->counters;
    const struct bda_pool_counters sound = *counters;
    uint64_t *const fields[] = { &counters->block_count,   &counters->dedicated_count, &counters->live_count,
                                 &counters->pending_count, &counters->reserved,        &counters->used,
                                 &counters->pending,       &counters->region_bytes };
    for (uint32_t i = 0; i < COUNT_OF(fields); i++) {
        (*fields[i])++;
        assert_broken(i < 4 ? "count" : "bytes");
        *counters = sound;
    }
    counters->dedicated_used++;
    assert_broken("bytes");
    *counters = sound;
    close_furnished();
}

static void a_block_of_another_pool_is_found(void **state) {
    (void)state;
    open_furnished();
    struct bda_pool *right = pool_of(&range);
    atomic_store(&block_of(&range)->pool, pool_of(&own));
    assert_broken("another pool");
    atomic_store(&block_of(&range)->pool, right);
    close_furnished();
}

static void a_block_without_memory_is_found(void **state) {
    (void)state;
    open_furnished();
    VkDeviceMemory memory = block_of(&alone)->backing.memory;
    block_of(&alone)->backing.memory = VK_NULL_HANDLE;
    assert_broken("no memory");
    block_of(&alone)->backing.memory = memory;
    close_furnished();
}

static void broken_links_between_blocks_are_found(void **state) {
    (void)state;
    open_furnished();
    BdaAllocation second = take((BdaAllocInfo){ .size = 100, .flags = BDA_ALLOC_DEDICATED_BIT });
    uint32_t previous = block_of(&alone)->previous;
    assert_int_not_equal(previous, 0);
    block_of(&alone)->previous = 0;
    assert_broken("links");
    block_of(&alone)->previous = previous;
    give(second);
    close_furnished();
}

static void an_allocation_that_outgrew_its_range_is_found(void **state) {
    (void)state;
    open_furnished();
    uint32_t slack = bda_node_slack(node_of(&range));
    bda_node_set_slack(node_of(&range), 4096);
    assert_broken("larger than its range");
    bda_node_set_slack(node_of(&range), slack);
    close_furnished();
}

static void ranges_that_do_not_tile_are_found(void **state) {
    (void)state;
    open_furnished();
    node_of(&range)->size++;
    assert_broken("tile");
    node_of(&range)->size--;
    close_furnished();
}

static void a_range_of_no_valid_state_is_found(void **state) {
    (void)state;
    open_furnished();
    bda_node_set_state(node_of(&own), BDA_NODE_UNUSED);
    assert_broken("");
    bda_node_set_state(node_of(&own), BDA_NODE_LIVE);
    close_furnished();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_of_an_allocator_is_sound),
        cmocka_unit_test(a_check_without_host_memory_says_so),
        cmocka_unit_test(wrong_counters_are_found),
        cmocka_unit_test(a_block_of_another_pool_is_found),
        cmocka_unit_test(a_block_without_memory_is_found),
        cmocka_unit_test(broken_links_between_blocks_are_found),
        cmocka_unit_test(an_allocation_that_outgrew_its_range_is_found),
        cmocka_unit_test(ranges_that_do_not_tile_are_found),
        cmocka_unit_test(a_range_of_no_valid_state_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
