/* Any function from any thread at any time: nothing is lost, nobody waits for another's driver call, and a handle that
 * another thread has freed meanwhile is stale, no more. Meant for the thread sanitizer, too. */
#include "alloc_support.h"

#include <pthread.h>
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_allocate_and_free_side_by_side),
        cmocka_unit_test(each_allocation_is_freed_by_exactly_one_thread),
        cmocka_unit_test(a_handle_may_die_while_it_is_looked_at),
        cmocka_unit_test(nobody_waits_for_anothers_driver_call),
        cmocka_unit_test(limits_hold_when_all_threads_want_the_last_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
