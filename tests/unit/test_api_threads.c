/* Any function from any thread at any time: nothing is lost, nobody waits for another's driver call, and a handle that
 * another thread has freed meanwhile is stale, no more. Meant for the thread sanitizer, too. */
#include "alloc_support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, ROUNDS = 400, SLOTS = 32 };

typedef void *(*thread_body)(void *context);

/* Assertions jump, which only the main thread may do: the others answer how many things went wrong. */
static void run(thread_body body, void *contexts, size_t size, uint32_t count) {
    pthread_t threads[THREADS];
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, (unsigned char *)contexts + i * size), 0);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* ---- Side by side ---- */

struct worker {
    uint32_t seed;
    unsigned wrong;
    BdaPool pool;
    VkSemaphore timeline;
    BdaAllocation slots[SLOTS];
};

static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void expect(struct worker *w, VkResult result) {
    w->wrong += result != VK_SUCCESS ? 1u : 0u;
}

static void fill_slot(struct worker *w, BdaAllocation *slot, uint32_t r) {
    const BdaAllocInfo info = { .size = 1 + r % 3000,
                                .intent = r % 3 ? BDA_INTENT_UPLOAD : BDA_INTENT_DEVICE,
                                .name = r % 5 ? NULL : "thread",
                                .flags = r % 17 ? 0 : BDA_ALLOC_DEDICATED_BIT };
    const BdaAllocInfo in_pool = { .size = 1 + r % 500, .pool = w->pool };
    const VkBufferCreateInfo buffer = buffer_info(1 + r % 2000, PLAIN_USAGE);
    if (r % 7 == 0)
        expect(w, bda_alloc_buffer(bench.allocator, &buffer, NULL, slot));
    else
        expect(w, bda_alloc(bench.allocator, r % 4 ? &info : &in_pool, slot));
    if (slot->mapped != NULL)
        memset(slot->mapped, (int)(w->seed & 0x7F), (size_t)slot->size); /* a neighbour's byte would be a race */
}

static void empty_slot(struct worker *w, BdaAllocation *slot, uint32_t r) {
    if (r % 3 == 0)
        expect(w, bda_free_after(bench.allocator, slot->handle, w->timeline, r % 50));
    else
        expect(w, bda_free(bench.allocator, slot->handle));
    slot->handle = 0;
}

static void *allocate_and_free(void *context) {
    struct worker *w = context;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t r = next_random(&w->seed);
        BdaAllocation *slot = &w->slots[r % SLOTS];
        r = next_random(&w->seed);
        if (slot->handle == 0)
            fill_slot(w, slot, r);
        else
            empty_slot(w, slot, r);
        BdaStats stats;
        if (round % 64 == 0)
            expect(w, bda_get_stats(bench.allocator, &stats));
        if (round % 32 == 0)
            expect(w, bda_collect(bench.allocator));
        if (round % 100 == 0)
            expect(w, bda_trim(bench.allocator, MIB(1), NULL));
    }
    for (uint32_t i = 0; i < SLOTS; i++)
        expect(w, bda_free(bench.allocator, w->slots[i].handle));
    return NULL;
}

static void threads_allocate_and_free_side_by_side(void **state) {
    (void)state;
    static struct worker workers[THREADS];
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_SHARED });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 40);
    for (uint32_t i = 0; i < THREADS; i++)
        workers[i] = (struct worker){ .seed = i + 1, .pool = pool, .timeline = timeline };
    run(allocate_and_free, workers, sizeof workers[0], THREADS);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].wrong, 0);
    assert_int_equal(bench_use().allocation_count, 0);
    fake_signal(bench.driver, timeline, 50);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().pending_count, 0);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

/* ---- One handle, many hands ---- */

struct race {
    _Atomic BdaHandle handle;
    _Atomic unsigned freed;
    _Atomic bool over;
};

static struct race race;

static void *free_what_is_shown(void *context) {
    (void)context;
    while (!atomic_load(&race.over)) {
        BdaHandle handle = atomic_load(&race.handle);
        if (handle != 0 && bda_free(bench.allocator, handle) == VK_SUCCESS)
            atomic_fetch_add(&race.freed, 1);
    }
    return NULL;
}

/* Looks at, renames and describes a handle that may be freed at any moment. */
static void *use_what_is_shown(void *context) {
    (void)context;
    for (uint32_t i = 0; !atomic_load(&race.over); i++) {
        BdaHandle handle = atomic_load(&race.handle);
        BdaAllocationInfo info;
        (void)bda_get_info(bench.allocator, handle, &info);
        (void)bda_set_name(bench.allocator, handle, i % 2 ? "renamed" : NULL);
        (void)bda_set_user(bench.allocator, handle, i);
        (void)bda_flush(bench.allocator, handle, 0, VK_WHOLE_SIZE);
    }
    return NULL;
}

static void race_over_one_handle(thread_body body, uint32_t rounds) {
    pthread_t threads[2];
    race.over = false;
    race.freed = 0;
    race.handle = 0;
    bench_prepare(NULL);
    bench.info.message = NULL; /* thousands of refusals, from several threads */
    bench_start();
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, NULL), 0);
    unsigned freed = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        BdaAllocation a = i % 4 ? take((BdaAllocInfo){ .size = 64, .intent = BDA_INTENT_UPLOAD, .user = i % 2 })
                                : take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
        atomic_store(&race.handle, a.handle);
        freed += bda_free(bench.allocator, a.handle) == VK_SUCCESS ? 1u : 0u;
    }
    atomic_store(&race.over, true);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(freed + race.freed, rounds);
    assert_int_equal(bench_use().allocation_count, 0);
    bench_close();
}

static void each_allocation_is_freed_by_exactly_one_thread(void **state) {
    (void)state;
    race_over_one_handle(free_what_is_shown, 3000);
}

static void a_handle_may_die_while_it_is_looked_at(void **state) {
    (void)state;
    race_over_one_handle(use_what_is_shown, 3000);
}

/* ---- While the driver takes its time ---- */

static _Atomic int driver_state; /* 0: as usual, 1: the next allocation stops, 2: it has stopped, 3: go on */

static void stop_in_allocate(void *user, enum fake_call call) {
    (void)user;
    int expected = 1;
    if (call != FAKE_CALL_ALLOCATE_MEMORY || !atomic_compare_exchange_strong(&driver_state, &expected, 2))
        return;
    while (atomic_load(&driver_state) != 3)
        ;
}

static void *take_a_new_block(void *context) {
    BdaAllocation *a = context;
    if (bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = MIB(3) }, a) != VK_SUCCESS)
        a->handle = 0;
    return NULL;
}

static void nobody_waits_for_anothers_driver_call(void **state) {
    (void)state;
    pthread_t thread;
    BdaAllocation slow = { .handle = 0 };
    driver_state = 0;
    bench_open(&(struct fake_config){ .on_call = stop_in_allocate }, NULL);
    BdaAllocation first = take_bytes(16, BDA_INTENT_DEVICE);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "pool" });
    atomic_store(&driver_state, 1);
    assert_int_equal(pthread_create(&thread, NULL, take_a_new_block, &slow), 0);
    while (atomic_load(&driver_state) != 2)
        ;
    BdaAllocation quick = take((BdaAllocInfo){ .size = 16, .name = "quick" }); /* the same pool, another thread */
    assert_int_equal(bda_set_name(bench.allocator, quick.handle, "renamed"), VK_SUCCESS);
    give(quick);
    BdaAllocation elsewhere = take((BdaAllocInfo){ .size = 16, .pool = pool });
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().allocation_count, 2);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    atomic_store(&driver_state, 3);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_not_equal(slow.handle, 0);
    give(slow);
    give(first);
    give(elsewhere);
    bench_close();
}

/* ---- Limits under pressure ---- */

static void *take_until_the_end(void *context) {
    struct worker *w = context;
    const BdaAllocInfo info = { .size = MIB(1), .flags = BDA_ALLOC_DEDICATED_BIT | BDA_ALLOC_WITHIN_BUDGET_BIT };
    uint32_t count = 0;
    while (count < SLOTS && bda_alloc(bench.allocator, &info, &w->slots[count]) == VK_SUCCESS)
        count++;
    w->wrong = count;
    return NULL;
}

static void limits_hold_when_all_threads_want_the_last_of_it(void **state) {
    (void)state;
    static struct worker workers[THREADS];
    const VkDeviceSize limit = MIB(20);
    bench_prepare(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED });
    bench.info.heap_limit_count = 1;
    bench.info.heap_limits = &limit;
    bench.info.message = NULL; /* every thread is refused in the end */
    bench_start();
    memset(workers, 0, sizeof workers);
    run(take_until_the_end, workers, sizeof workers[0], THREADS);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < THREADS; i++)
        taken += workers[i].wrong;
    assert_int_equal(taken, 20);
    assert_int_equal(fake_heap_used(bench.driver, 0), limit);
    for (uint32_t i = 0; i < THREADS; i++)
        give_all(workers[i].slots, workers[i].wrong);
    bench_close();
}

/* ---- Many that find a pool full at once ---- */

static struct {
    _Atomic unsigned wanted; /* calls of vkAllocateMemory that wait until so many are inside; 0: none waits */
    _Atomic unsigned inside;
} crowd;

static void wait_for_the_crowd(void *user, enum fake_call call) {
    (void)user;
    unsigned wanted = atomic_load(&crowd.wanted);
    if (call != FAKE_CALL_ALLOCATE_MEMORY || wanted == 0)
        return;
    atomic_fetch_add(&crowd.inside, 1);
    while (atomic_load(&crowd.inside) < wanted)
        ;
}

static void *take_a_little(void *context) {
    BdaAllocation *a = context;
    if (bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = KIB(100) }, a) != VK_SUCCESS)
        a->handle = 0;
    return NULL;
}

/* All threads are inside vkAllocateMemory before the first block is there. */
static void grow_as_a_crowd(BdaAllocation *taken) {
    atomic_store(&crowd.inside, 0);
    atomic_store(&crowd.wanted, THREADS);
    run(take_a_little, taken, sizeof taken[0], THREADS);
    atomic_store(&crowd.wanted, 0);
}

/* Guards against a storm of growth: each of many threads opening the large block whose turn it is, for one request. */
static void of_many_threads_that_find_a_pool_full_one_opens_the_large_block(void **state) {
    (void)state;
    BdaAllocation taken[THREADS];
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .on_call = wait_for_the_crowd }, NULL);
    BdaAllocation full = take_bytes(KIB(1000), BDA_INTENT_DEVICE);
    assert_int_equal(bench_use().reserved, MIB(1));
    grow_as_a_crowd(taken);
    unsigned large = 0, small = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_not_equal(taken[i].handle, 0);
        VkDeviceSize made = memory_of(taken[i].buffer).size;
        large += made == MIB(2) ? 1u : 0u;
        small += made == KIB(128) ? 1u : 0u; /* 100 KiB, and whole least blocks of 64 KiB */
    }
    assert_int_equal(large, 1);
    assert_int_equal(small, THREADS - 1);
    assert_int_equal(bench_use().reserved, MIB(3) + (THREADS - 1) * KIB(128));
    give_all(taken, THREADS);
    give(full);
    bench_close();
}

/* Guards against a crowd that leaves the count of those who open behind: all later blocks would be small. */
static void after_a_crowd_blocks_go_on_doubling(void **state) {
    (void)state;
    BdaAllocation taken[THREADS];
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .on_call = wait_for_the_crowd }, NULL);
    BdaAllocation full = take_bytes(KIB(1000), BDA_INTENT_DEVICE);
    grow_as_a_crowd(taken);
    BdaAllocation fills = take_bytes(KIB(1900), BDA_INTENT_DEVICE); /* what is left of 2 MiB, or a block of its own */
    BdaAllocation next = take_bytes(KIB(1900), BDA_INTENT_DEVICE);
    assert_int_equal(memory_of(next.buffer).size, MIB(4));
    give(next);
    give(fills);
    give_all(taken, THREADS);
    give(full);
    bench_close();
}

/* ---- While a semaphore is read ---- */

static _Atomic int reader_state; /* as driver_state, for vkGetSemaphoreCounterValue */

static void stop_in_read(void *user, enum fake_call call) {
    (void)user;
    int expected = 1;
    if (call != FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE || !atomic_compare_exchange_strong(&reader_state, &expected, 2))
        return;
    while (atomic_load(&reader_state) != 3)
        (void)sched_yield();
}

static void *collect_once(void *context) {
    *(VkResult *)context = bda_collect(bench.allocator);
    return NULL;
}

/* A thread in bda_collect that has stopped inside the driver; one free is due, and its pool is full. */
static BdaPool stop_a_collector(pthread_t *thread, VkResult *result, VkSemaphore *timeline) {
    atomic_store(&reader_state, 0);
    bench_open(&(struct fake_config){ .on_call = stop_in_read }, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "pool" });
    *timeline = fake_make_semaphore(bench.driver, 1);
    BdaAllocation due = take((BdaAllocInfo){ .size = KIB(1000), .pool = pool });
    assert_int_equal(bda_free_after(bench.allocator, due.handle, *timeline, 1), VK_SUCCESS);
    atomic_store(&reader_state, 1);
    assert_int_equal(pthread_create(thread, NULL, collect_once, result), 0);
    while (atomic_load(&reader_state) != 2)
        ;
    return pool;
}

/* Guards against an allocation that waits for another thread's query, or that asks a semaphore of its own: the free
 * could then be collected, and its semaphore destroyed by the caller, under the query that is still going on. */
static void an_allocation_does_not_wait_for_anothers_query_and_makes_none(void **state) {
    (void)state;
    pthread_t thread;
    VkSemaphore timeline;
    VkResult result = VK_NOT_READY;
    BdaPool pool = stop_a_collector(&thread, &result, &timeline);
    unsigned asked = bench_calls(FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE);
    BdaAllocation a = take((BdaAllocInfo){ .size = KIB(1000), .pool = pool });
    const BdaAllocInfo no_room = { .size = MIB(9), .pool = pool, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, no_room);
    assert_int_equal(bench_calls(FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE), asked);
    assert_int_equal(bench_use().pending_count, 1);
    assert_int_equal(bench_use().block_count, 2);
    BdaAllocation later = take((BdaAllocInfo){ .size = 16, .pool = pool });
    assert_int_equal(bda_free_after(bench.allocator, later.handle, timeline, 2), VK_SUCCESS); /* nor does this */
    assert_int_equal(bench_use().pending_count, 2);
    atomic_store(&reader_state, 3);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(result, VK_SUCCESS);
    assert_int_equal(bench_use().pending_count, 1);
    give(a);
    bench_close();
}

struct second {
    VkResult result;
    BdaPool pool; /* NULL: collects, else destroys it */
    _Atomic bool begun, done;
};

static void *take_frees_out(void *context) {
    struct second *second = context;
    atomic_store(&second->begun, true);
    second->result =
        second->pool == NULL ? bda_collect(bench.allocator) : bda_destroy_pool(bench.allocator, second->pool);
    atomic_store(&second->done, true);
    return NULL;
}

/* Guards against a collector that returns, so that its caller destroys the semaphore, while another still asks it. */
static void nobody_takes_a_free_out_while_its_semaphore_is_read(void **state) {
    (void)state;
    for (int destroys = 0; destroys < 2; destroys++) {
        pthread_t first, other;
        VkSemaphore timeline;
        VkResult result = VK_NOT_READY;
        BdaPool pool = stop_a_collector(&first, &result, &timeline);
        struct second second = { .result = VK_NOT_READY, .pool = destroys != 0 ? pool : NULL };
        unsigned asked = bench_calls(FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE);
        assert_int_equal(pthread_create(&other, NULL, take_frees_out, &second), 0);
        while (!atomic_load(&second.begun))
            (void)sched_yield();
        for (uint32_t i = 0; i < 2000; i++) { /* time to do it wrong in */
            (void)sched_yield();
            assert_int_equal(bench_use().pending_count, 1);
            assert_int_equal(bench_calls(FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE), asked);
            assert_false(atomic_load(&second.done));
        }
        atomic_store(&reader_state, 3);
        assert_int_equal(pthread_join(first, NULL), 0);
        assert_int_equal(pthread_join(other, NULL), 0);
        assert_int_equal(result, VK_SUCCESS);
        assert_int_equal(second.result, VK_SUCCESS);
        assert_int_equal(bench_use().pending_count, 0);
        bench_close();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_allocate_and_free_side_by_side),
        cmocka_unit_test(each_allocation_is_freed_by_exactly_one_thread),
        cmocka_unit_test(a_handle_may_die_while_it_is_looked_at),
        cmocka_unit_test(nobody_waits_for_anothers_driver_call),
        cmocka_unit_test(limits_hold_when_all_threads_want_the_last_of_it),
        cmocka_unit_test(of_many_threads_that_find_a_pool_full_one_opens_the_large_block),
        cmocka_unit_test(after_a_crowd_blocks_go_on_doubling),
        cmocka_unit_test(an_allocation_does_not_wait_for_anothers_query_and_makes_none),
        cmocka_unit_test(nobody_takes_a_free_out_while_its_semaphore_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
