/* Any function from any thread at any time: nothing is lost, nobody waits for another's driver call, and a handle that
 * another thread has freed meanwhile is stale, no more. Meant for the thread sanitizer, too. */
#include "alloc_support.h"

#include "alloc/allocator.h"
#include "alloc/opening.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, ROUNDS = 400, SLOTS = 32, CROWD = 8 };

typedef void *(*thread_body)(void *context);

/* Assertions jump, which only the main thread may do: the others answer how many things went wrong. */
static void run(thread_body body, void *contexts, size_t size, uint32_t count) {
    pthread_t threads[CROWD];
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

/* Who makes a block stays inside vkAllocateMemory until so many bytes are booked in blocks on their way. */
static _Atomic VkDeviceSize crowd_bytes; /* 0: nobody stays */

static struct bda_pool *crowded_pool(void) {
    return atomic_load(&bench.allocator->first_pools[BDA_INTENT_DEVICE]);
}

static VkDeviceSize booked(struct bda_pool *pool) {
    VkDeviceSize bytes = 0;
    bda_lock(&pool->lock);
    for (const struct bda_opening *opening = pool->openings; opening != NULL; opening = opening->next)
        bytes += opening->booked;
    bda_unlock(&pool->lock);
    return bytes;
}

static uint32_t openings(struct bda_pool *pool) {
    uint32_t count = 0;
    bda_lock(&pool->lock);
    for (const struct bda_opening *opening = pool->openings; opening != NULL; opening = opening->next)
        count++;
    bda_unlock(&pool->lock);
    return count;
}

static void wait_for_the_crowd(void *user, enum fake_call call) {
    (void)user;
    if (call != FAKE_CALL_ALLOCATE_MEMORY)
        return;
    while (atomic_load(&crowd_bytes) != 0 && booked(crowded_pool()) < atomic_load(&crowd_bytes))
        (void)sched_yield();
    atomic_store(&crowd_bytes, 0); /* whoever is inside goes on */
}

struct one_of_many {
    VkDeviceSize size;
    VkResult result;
    BdaAllocation allocation;
};

static void *take_with_others(void *context) {
    struct one_of_many *one = context;
    one->result = bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = one->size }, &one->allocation);
    return NULL;
}

/* All of them find no room before the first block is there. */
static void grow_as_a_crowd(struct one_of_many *many, uint32_t count, VkDeviceSize size) {
    for (uint32_t i = 0; i < count; i++)
        many[i] = (struct one_of_many){ .size = size };
    atomic_store(&crowd_bytes, count * size);
    run(take_with_others, many, sizeof many[0], count);
    assert_int_equal(atomic_load(&crowd_bytes), 0);
    assert_int_equal(openings(crowded_pool()), 0);
}

static uint32_t count_results(const struct one_of_many *many, uint32_t count, VkResult result) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++)
        found += many[i].result == result ? 1u : 0u;
    return found;
}

static void give_what_they_took(const struct one_of_many *many, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        give(many[i].allocation);
}

static BdaAllocation open_crowded_bench(const BdaAllocatorInfo *wishes) {
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .on_call = wait_for_the_crowd }, wishes);
    return take_bytes(KIB(1000), BDA_INTENT_DEVICE); /* of 1 MiB */
}

/* Guards against a storm of growth: each of many threads opening a block for one request. */
static void of_many_threads_that_find_a_pool_full_one_makes_the_block_for_all(void **state) {
    (void)state;
    struct one_of_many many[CROWD];
    BdaAllocation full = open_crowded_bench(NULL);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    grow_as_a_crowd(many, CROWD, KIB(100));
    assert_int_equal(count_results(many, CROWD, VK_SUCCESS), CROWD);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls + 1);
    assert_int_equal(bench_use().reserved, MIB(1 + 2));
    give_what_they_took(many, CROWD);
    give(full);
    bench_close();
}

static void a_crowd_makes_as_many_blocks_as_its_bytes_need(void **state) {
    (void)state;
    struct one_of_many many[CROWD];
    BdaAllocation full = open_crowded_bench(&(BdaAllocatorInfo){ .max_block_size = MIB(1) });
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    grow_as_a_crowd(many, CROWD, KIB(400)); /* two to a block */
    assert_int_equal(count_results(many, CROWD, VK_SUCCESS), CROWD);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls + CROWD / 2);
    give_what_they_took(many, CROWD);
    give(full);
    bench_close();
}

/* Guards against a crowd that leaves something of its openings behind. */
static void after_a_crowd_blocks_go_on_doubling(void **state) {
    (void)state;
    struct one_of_many many[CROWD];
    BdaAllocation full = open_crowded_bench(NULL);
    grow_as_a_crowd(many, CROWD, KIB(100));
    BdaAllocation fills = take_bytes(KIB(1200), BDA_INTENT_DEVICE); /* what is left of 2 MiB */
    BdaAllocation next = take_bytes(KIB(1900), BDA_INTENT_DEVICE);
    assert_int_equal(memory_of(next.buffer).size, MIB(4));
    give(next);
    give(fills);
    give_what_they_took(many, CROWD);
    give(full);
    bench_close();
}

static void of_those_who_wait_in_vain_the_next_makes_a_block_for_the_others(void **state) {
    (void)state;
    struct one_of_many many[CROWD];
    BdaAllocation full = open_crowded_bench(NULL);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    fake_fail(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    grow_as_a_crowd(many, CROWD, KIB(100));
    assert_int_equal(count_results(many, CROWD, VK_ERROR_OUT_OF_HOST_MEMORY), 1);
    assert_int_equal(count_results(many, CROWD, VK_SUCCESS), CROWD - 1);
    assert_true(bench_calls(FAKE_CALL_ALLOCATE_MEMORY) <= calls + 3); /* 2, if nobody begins before all wait again */
    give_what_they_took(many, CROWD);
    give(full);
    bench_close();
}

/* Nobody starves, and nobody takes another's failure for its own. */
static void where_no_block_can_be_made_each_is_refused_for_itself(void **state) {
    (void)state;
    struct one_of_many many[CROWD];
    BdaAllocation full = open_crowded_bench(NULL);
    bench.allocator->message = NULL; /* every thread is refused */
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    grow_as_a_crowd(many, CROWD, KIB(100));
    assert_int_equal(count_results(many, CROWD, VK_ERROR_OUT_OF_DEVICE_MEMORY), CROWD);
    for (uint32_t i = 0; i < CROWD; i++)
        assert_is_zeroed(&many[i].allocation, sizeof many[i].allocation);
    fake_clear_failures(bench.driver);
    give(full);
    bench_close();
}

static void *free_meanwhile(void *context) {
    const BdaAllocation *freed = context;
    while (booked(crowded_pool()) < 2 * KIB(900))
        (void)sched_yield();
    BdaHandle handle = freed->handle;
    (void)bda_free(bench.allocator, handle);
    atomic_store(&crowd_bytes, 0);
    return NULL;
}

/* What is freed while a thread waits serves it, when the block it waits for does not come. */
static void who_waits_in_vain_finds_what_was_freed_meanwhile(void **state) {
    (void)state;
    struct one_of_many many[2] = { { .size = KIB(900) }, { .size = KIB(900) } };
    pthread_t threads[3];
    BdaAllocation full = open_crowded_bench(NULL);
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    atomic_store(&crowd_bytes, UINT64_MAX);
    assert_int_equal(pthread_create(&threads[2], NULL, free_meanwhile, &full), 0);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_with_others, &many[i]), 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(count_results(many, 2, VK_ERROR_OUT_OF_HOST_MEMORY), 1);
    assert_int_equal(count_results(many, 2, VK_SUCCESS), 1);
    fake_clear_failures(bench.driver);
    give_what_they_took(many, 2);
    bench_close();
}

static void *warm_up_a_lot(void *context) {
    *(VkResult *)context = bda_warm_up(bench.allocator, &(BdaAllocInfo){ .size = KIB(100) }, MIB(3));
    return NULL;
}

static void who_finds_no_room_takes_part_in_a_warm_up(void **state) {
    (void)state;
    struct one_of_many one = { .size = KIB(100) };
    pthread_t threads[2];
    VkResult warmed = VK_NOT_READY;
    BdaAllocation full = open_crowded_bench(NULL);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    atomic_store(&crowd_bytes, KIB(100)); /* the warm-up books nothing */
    assert_int_equal(pthread_create(&threads[0], NULL, warm_up_a_lot, &warmed), 0);
    while (openings(crowded_pool()) == 0)
        (void)sched_yield();
    assert_int_equal(pthread_create(&threads[1], NULL, take_with_others, &one), 0);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(warmed, VK_SUCCESS);
    assert_int_equal(one.result, VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls + 2); /* of 2 and 4 MiB, both the warm-up's */
    give(one.allocation);
    give(full);
    bench_close();
}

static void *prepare_once(void *context) {
    *(VkResult *)context = bda_prepare(bench.allocator);
    return NULL;
}

/* One thread is inside the driver for the block that is wanted; it is as good as there for any other. */
static void a_block_below_the_mark_is_made_once(void **state) {
    (void)state;
    struct one_of_many one = { .size = KIB(900) };
    pthread_t threads[2];
    VkResult prepared = VK_NOT_READY;
    BdaAllocation full = open_crowded_bench(&(BdaAllocatorInfo){ .low_water = KIB(500) });
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    assert_true(bda_wants_block(bench.allocator));
    atomic_store(&crowd_bytes, KIB(900));
    assert_int_equal(pthread_create(&threads[0], NULL, prepare_once, &prepared), 0);
    while (openings(crowded_pool()) == 0)
        (void)sched_yield();
    atomic_store(&bench.allocator->some_want, true);
    assert_int_equal(bda_prepare(bench.allocator), VK_SUCCESS); /* and does not wait */
    assert_int_equal(openings(crowded_pool()), 1);
    assert_int_equal(pthread_create(&threads[1], NULL, take_with_others, &one),
                     0); /* finds no room, and waits for it */
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(prepared, VK_SUCCESS);
    assert_int_equal(one.result, VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls + 1);
    give(one.allocation);
    give(full);
    bench_close();
}

static void *destroy_that_pool(void *context) {
    (void)bda_destroy_pool(bench.allocator, context);
    return NULL;
}

/* Who prepares names no pool, so who destroys one cannot know. Guards against a block that joins a pool that has ended.
 */
static void a_pool_may_end_while_a_block_is_made_below_its_mark(void **state) {
    (void)state;
    pthread_t threads[2];
    VkResult prepared = VK_NOT_READY;
    BdaAllocation full = open_crowded_bench(NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .low_water = MIB(1), .name = "ends" });
    give(take((BdaAllocInfo){ .size = KIB(500), .pool = pool }));
    give(full);
    full = take((BdaAllocInfo){ .size = KIB(1000), .pool = pool });
    atomic_store(&crowd_bytes, UINT64_MAX);
    assert_int_equal(pthread_create(&threads[0], NULL, prepare_once, &prepared), 0);
    while (openings(pool->ranges) == 0)
        (void)sched_yield();
    give(full);
    assert_int_equal(pthread_create(&threads[1], NULL, destroy_that_pool, pool), 0);
    while (atomic_load(&pool->alive))
        (void)sched_yield();
    atomic_store(&crowd_bytes, 0);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(prepared, VK_SUCCESS);
    assert_int_equal(bda_trim(bench.allocator, MIB(1), NULL), VK_SUCCESS); /* the block that the first range left */
    assert_int_equal(bench_use().reserved, MIB(1));
    assert_int_equal(bench_stats().pool_count, 0);
    bench_close();
}

/* ---- A pool's part for own buffers, wanted by all at once ---- */

static _Atomic uint32_t at_the_door; /* threads of the round that are about to look for the part */

/* Both have made their buffer, and go on at the same moment. */
static void meet_at_the_door(void *user, enum fake_call call) {
    (void)user;
    if (call != FAKE_CALL_GET_BUFFER_MEMORY_REQUIREMENTS || atomic_load(&at_the_door) >= 2)
        return;
    atomic_fetch_add(&at_the_door, 1);
    for (uint32_t spins = 0; atomic_load(&at_the_door) < 2; spins++)
        if (spins % 4096 == 4095)
            (void)sched_yield();
}

struct buffer_taker {
    BdaPool pool;
    VkResult result;
    BdaAllocation allocation;
};

static void *take_first_buffer(void *context) {
    struct buffer_taker *taker = context;
    const VkBufferCreateInfo made = buffer_info(KIB(1), PLAIN_USAGE);
    const BdaAllocInfo info = { .pool = taker->pool };
    taker->result = bda_alloc_buffer(bench.allocator, &made, &info, &taker->allocation);
    return NULL;
}

static uint32_t parts_of(BdaPool user) {
    uint32_t count = 0;
    for (struct bda_pool *pool = bench.allocator->newest_pool; pool != NULL; pool = pool->older)
        count += pool->user == user ? 1u : 0u;
    return count;
}

static void a_pools_part_for_buffers_is_made_once(void **state) {
    (void)state;
    struct buffer_taker takers[2];
    atomic_store(&at_the_door, 2);
    bench_open(&(struct fake_config){ .on_call = meet_at_the_door }, NULL);
    for (uint32_t round = 0; round < 200; round++) {
        BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD });
        for (uint32_t i = 0; i < 2; i++)
            takers[i] = (struct buffer_taker){ .pool = pool };
        atomic_store(&at_the_door, 0);
        run(take_first_buffer, takers, sizeof takers[0], 2);
        assert_int_equal(parts_of(pool), 2); /* and the one for ranges */
        for (uint32_t i = 0; i < 2; i++) {
            assert_int_equal(takers[i].result, VK_SUCCESS);
            give(takers[i].allocation);
        }
        assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
        assert_int_equal(fake_memory_count(bench.driver), 0);
    }
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
        cmocka_unit_test(of_many_threads_that_find_a_pool_full_one_makes_the_block_for_all),
        cmocka_unit_test(a_crowd_makes_as_many_blocks_as_its_bytes_need),
        cmocka_unit_test(after_a_crowd_blocks_go_on_doubling),
        cmocka_unit_test(of_those_who_wait_in_vain_the_next_makes_a_block_for_the_others),
        cmocka_unit_test(where_no_block_can_be_made_each_is_refused_for_itself),
        cmocka_unit_test(who_waits_in_vain_finds_what_was_freed_meanwhile),
        cmocka_unit_test(who_finds_no_room_takes_part_in_a_warm_up),
        cmocka_unit_test(a_block_below_the_mark_is_made_once),
        cmocka_unit_test(a_pool_may_end_while_a_block_is_made_below_its_mark),
        cmocka_unit_test(a_pools_part_for_buffers_is_made_once),
        cmocka_unit_test(an_allocation_does_not_wait_for_anothers_query_and_makes_none),
        cmocka_unit_test(nobody_takes_a_free_out_while_its_semaphore_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
