/*
 * A pool of several shards, no larger than it must be: threads hold together as many ranges as it has room for, hand
 * them to each other, free and take. At each moment when one asks, room for it is free or kept by some cache, but it
 * goes from shard to shard and from TLSF to shelves meanwhile. Nobody is refused it.
 *
 *     schedule_refusal [STEPS [SEED]]      of each thread
 */
#include "schedule/chance.h"
#include "unit/alloc_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "alloc/shard.h"

enum { THREADS = 3, BLOCKS = 8, MOST = 4096 };

static uint64_t steps = 100000, seed = 1;

/* ---- What each does ---- */

static BdaPool pool;
static VkDeviceSize range_size;
static _Atomic BdaHandle shared[MOST]; /* anybody's */
static uint32_t shared_count;
static _Atomic uint64_t taken, refused, lost;

struct worker {
    pthread_t thread;
    uint64_t seed;
    uint32_t count; /* places of its own; all workers' and the shared ones are as many as the pool has room for */
    BdaHandle own[MOST];
};

static struct worker workers[THREADS];

static BdaHandle take_one(void) {
    const BdaAllocInfo info = {
        .size = range_size, .pool = pool, .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT
    };
    BdaAllocation allocation;
    VkResult result = bda_alloc(bench.allocator, &info, &allocation);
    atomic_fetch_add(result == VK_SUCCESS ? &taken : &refused, 1);
    return allocation.handle;
}

static void free_one(BdaHandle handle) {
    atomic_fetch_add(&lost, bda_free(bench.allocator, handle) != VK_SUCCESS ? 1u : 0u);
}

/* An empty place is filled first: so the pool is full most of the time. */
static uint32_t choose(const struct worker *w) {
    for (uint32_t i = 0; i < w->count; i++)
        if (w->own[i] == 0)
            return i;
    return below(w->count);
}

static void *work(void *context) {
    struct worker *w = context;
    chance = w->seed;
    for (uint64_t step = 0; step < steps; step++) {
        BdaHandle *place = &w->own[choose(w)];
        if (*place == 0) {
            *place = take_one();
        } else if (below(2) != 0) { /* what one has taken another one frees */
            *place = atomic_exchange(&shared[below(shared_count)], *place);
        } else {
            free_one(*place);
            *place = 0;
        }
    }
    return NULL;
}

/* ---- The pool ---- */

/* As many as it has room for, and all free again. */
static uint32_t fill_and_empty(void) {
    static BdaAllocation all[MOST];
    VkResult end;
    uint32_t count = take_until_refused((BdaAllocInfo){ .size = range_size, .pool = pool, .intent = BDA_INTENT_UPLOAD },
                                        all, MOST, &end);
    assert_int_equal(end, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    give_all(all, count);
    return count;
}

static void open_pool(VkDeviceSize block) {
    bench_prepare(NULL);
    bench.info.message = NULL;
    bench_start();
    pool = make_pool((BdaPoolInfo){
        .intent = BDA_INTENT_UPLOAD, .first_block_size = block, .max_block_size = block, .limit = BLOCKS * block });
    uint32_t room = fill_and_empty();
    shared_count = room / 8;
    taken = refused = lost = 0;
    for (uint32_t i = 0; i < THREADS; i++)
        workers[i] = (struct worker){ .seed = seed * 1000003 + i * 7919, .count = (room - shared_count) / THREADS };
    atomic_store(&pool->ranges->crowded, true);
}

static void close_pool(void) {
    for (uint32_t i = 0; i < shared_count; i++)
        free_one(atomic_exchange(&shared[i], 0));
    for (uint32_t i = 0; i < THREADS; i++)
        for (uint32_t k = 0; k < workers[i].count; k++)
            free_one(workers[i].own[k]);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void nobody_is_refused(VkDeviceSize size, VkDeviceSize block) {
    range_size = size;
    open_pool(block);
    bda_yield_hook = stop_at_times;
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    bda_yield_hook = NULL;
    assert_true(pool->ranges->shard_count > 1);
    print_message("             %u taken, %u refused\n", (unsigned)taken, (unsigned)refused);
    close_pool();
    assert_int_equal(lost, 0);
    assert_int_equal(refused, 0);
}

static void room_that_goes_from_shelf_to_shelf_is_not_missed(void **state) {
    (void)state;
    nobody_is_refused(256, KIB(64));
}

/* Of a size that caches keep only while there is much room, and here there is none. */
static void room_that_goes_from_shard_to_shard_is_not_missed(void **state) {
    (void)state;
    nobody_is_refused(KIB(80), MIB(1));
}

int main(int count, char **arguments) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(room_that_goes_from_shelf_to_shelf_is_not_missed),
                                        cmocka_unit_test(room_that_goes_from_shard_to_shard_is_not_missed) };
    steps = count > 1 ? strtoull(arguments[1], NULL, 0) : steps;
    seed = count > 2 ? strtoull(arguments[2], NULL, 0) : seed;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
