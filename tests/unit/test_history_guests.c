/* Threads without a cache are guests of one ring (src/alloc/history.h), and get their own before that is full. */
#include "alloc_support.h"

#include "alloc/handle.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    DEPTH = 512, /* of each ring, where the caller names none */
    A_FEW = 40,  /* requests whose frees the shared ring holds, whatever their names */
    MANY = 3000,
};

/* Ways that lead past the caches. */
static BdaAllocation take_named(BdaPool pool) {
    (void)pool;
    return take((BdaAllocInfo){ .size = 64, .name = "mesh" });
}

static BdaAllocation take_large(BdaPool pool) {
    (void)pool;
    return take((BdaAllocInfo){ .size = MIB(5) / 4 });
}

static BdaAllocation take_from_pool(BdaPool pool) {
    return take((BdaAllocInfo){ .size = 64, .user = 7, .pool = pool });
}

static BdaAllocation take_dedicated(BdaPool pool) {
    (void)pool;
    return take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT });
}

static BdaAllocation take_large_buffer(BdaPool pool) {
    (void)pool;
    return take_buffer(MIB(5) / 4, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
}

static BdaAllocation take_named_buffer(BdaPool pool) {
    (void)pool;
    return take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" });
}

static BdaAllocation take_in_a_batch(BdaPool pool) {
    (void)pool;
    const BdaAllocInfo info = { .size = 64 };
    BdaAllocation allocation;
    assert_int_equal(bda_alloc_many(bench.allocator, 1, &info, &allocation), VK_SUCCESS);
    return allocation;
}

typedef BdaAllocation taker(BdaPool pool);
static taker *const takers[] = { take_named,        take_large,        take_from_pool, take_dedicated,
                                 take_large_buffer, take_named_buffer, take_in_a_batch };

static BdaHistory look(VkDeviceAddress address, uint32_t *count) {
    BdaHistory history;
    BdaPastOwner owner;
    *count = 1;
    VkResult result = bda_get_history(bench.allocator, address, 0, &history, count, &owner);
    assert_true(result == VK_SUCCESS || result == VK_INCOMPLETE);
    return history;
}

static void churn(taker *take_one, BdaPool pool, uint32_t count) {
    while (count-- > 0)
        give(take_one(pool));
}

/* A name takes a slot beside the event's. */
static void the_depth_is_a_threads_own_whatever_it_allocates(void **state) {
    (void)state;
    for (uint32_t i = 0; i < COUNT_OF(takers); i++) {
        bench_open(NULL, NULL);
        BdaPool pool = make_pool((BdaPoolInfo){ .name = NULL });
        churn(takers[i], pool, MANY);
        uint32_t count;
        BdaHistory history = look(0x1000, &count);
        assert_false(history.complete);
        assert_in_range(history.reach, DEPTH / 2 - 4, DEPTH);
        assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
        bench_close();
    }
}

static void *churn_apart(void *taker_of) {
    churn(*(taker *const *)taker_of, NULL, MANY);
    return NULL;
}

/* Where threads shared a ring one of them drove out what the others freed. */
static void threads_do_not_forget_each_others_frees(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        bench_open(NULL, NULL);
        BdaAllocation mine = takers[i](NULL);
        give(mine);
        taker *other = take_large_buffer; /* in another pool: nobody else gets these bytes */
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, churn_apart, &other), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        uint32_t count;
        (void)look(mine.address, &count);
        assert_int_equal(count, 1);
        bench_close();
    }
}

/* Whichever way it takes. */
static void a_request_counts_once(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation first = take_named(NULL);
    struct bda_node *node = bda_node_of(bench.allocator, bda_handle_index(first.handle));
    struct bda_pool *pool = atomic_load(&bda_block_of(bench.allocator, node)->pool);
    uint32_t guests = atomic_load(&bench.allocator->history.guests);
    give(take_named(NULL));
    assert_int_equal(atomic_load(&bench.allocator->history.guests), guests + 1);
    atomic_store(&pool->rest, 1000); /* caches leave it alone */
    give(take_named(NULL));
    assert_int_equal(atomic_load(&bench.allocator->history.guests), guests + 2);
    give(first);
    bench_close();
}

/* Those that live when the ring comes are freed into it. */
static void what_lives_already_is_remembered_when_it_goes(void **state) {
    (void)state;
    enum { LIVE = 200 };
    static BdaAllocation live[LIVE];
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < LIVE; i++)
        live[i] = take_named(NULL);
    give_all(live, LIVE);
    uint32_t count;
    assert_true(look(live[0].address, &count).complete);
    assert_int_equal(count, 1);
    bench_close();
}

static void a_few_requests_cost_no_ring(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    give(take_named(NULL));
    VkDeviceSize before = bench_stats().host_bytes;
    churn(take_named, NULL, A_FEW);
    assert_int_equal(bench_stats().host_bytes, before);
    uint32_t count;
    assert_true(look(0x1000, &count).complete);
    bench_close();
}

static void without_history_there_is_no_ring(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.history_depth = BDA_HISTORY_NONE;
    bench_start();
    give(take_large(NULL));
    VkDeviceSize before = bench_stats().host_bytes;
    churn(take_large, NULL, MANY);
    assert_int_equal(bench_stats().host_bytes, before);
    bench_close();
}

/* It is no part of the request: a refusal of it is none, and the next request asks again. */
static void a_refused_ring_refuses_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    churn(take_large, NULL, A_FEW);
    fake_host_fail(&bench.host, 1, true);
    churn(take_large, NULL, MANY);
    assert_true(bench.host.failed != 0);
    fake_host_fail(&bench.host, 0, false);
    churn(take_large, NULL, MANY);
    uint32_t count;
    assert_in_range(look(0x1000, &count).reach, DEPTH / 2, DEPTH);
    bench_close();
}

/* A ring of the thread's own that is due comes after a request, so that one that is refused has changed nothing; and
 * never with a free. */
static void neither_a_refusal_nor_a_free_takes_memory_for_it(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    fake_host_fail(&bench.host, 0, false);
    BdaAllocation a = take_large(NULL), b = take_large(NULL);
    churn(take_large, NULL, A_FEW);
    struct bench_state before = bench_look();
    for (uint32_t i = 0; i < MANY; i++)
        refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY,
               (BdaAllocInfo){ .size = GIB(1), .name = "too large", .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    assert_as_before(&before);
    size_t asked = bench.host.calls;
    give(a);
    give(b);
    assert_int_equal(bench.host.calls, asked);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_depth_is_a_threads_own_whatever_it_allocates),
        cmocka_unit_test(threads_do_not_forget_each_others_frees),
        cmocka_unit_test(a_request_counts_once),
        cmocka_unit_test(what_lives_already_is_remembered_when_it_goes),
        cmocka_unit_test(a_few_requests_cost_no_ring),
        cmocka_unit_test(without_history_there_is_no_ring),
        cmocka_unit_test(a_refused_ring_refuses_nothing),
        cmocka_unit_test(neither_a_refusal_nor_a_free_takes_memory_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
