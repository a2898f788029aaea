/*
 * Locks: they keep others out, cost nothing where the caller promised to synchronise, and are counted in the test
 * build, so that the fake driver can tell a call made under one. And a thread's end, and the barrier on all threads.
 */
#include "memory_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "platform/platform.h"

/* ---- Keeping others out ---- */

enum { THREADS = 4, ROUNDS = 20000 };

struct shared {
    struct bda_mutex mutex;
    uint32_t sum; /* plain on purpose: the thread sanitizer watches too */
    unsigned held_after;
};

static void *add_under_the_lock(void *argument) {
    struct shared *shared = argument;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        bda_mutex_lock(&shared->mutex);
        shared->sum++;
        bda_mutex_unlock(&shared->mutex);
    }
    return NULL;
}

static void a_lock_keeps_others_out(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    struct shared shared = { .sum = 0 };
    bda_mutex_init(&shared.mutex, true);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_under_the_lock, &shared), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(shared.sum, THREADS * ROUNDS);
    bda_mutex_destroy(&shared.mutex);
    assert_int_equal(bda_locks_held, 0);
}

/* A lock that is not used may hold any bytes, and taking it twice waits for nobody. */
static void a_lock_that_is_not_used_locks_nothing(void **state) {
    (void)state;
    struct bda_mutex mutex;
    struct bda_mutex before;
    memset(&mutex, 0xA5, sizeof mutex);
    bda_mutex_init(&mutex, false);
    memcpy(&before, &mutex, sizeof mutex);
    bda_mutex_lock(&mutex);
    bda_mutex_lock(&mutex);
    bda_mutex_unlock(&mutex);
    bda_mutex_unlock(&mutex);
    bda_mutex_destroy(&mutex);
    assert_memory_equal(&mutex, &before, sizeof mutex);
}

/* ---- Counting ---- */

static void the_test_build_counts_the_locks_of_both_kinds(void **state) {
    (void)state;
    struct bda_mutex used;
    struct bda_mutex unused;
    bda_mutex_init(&used, true);
    bda_mutex_init(&unused, false);
    assert_int_equal(bda_locks_held, 0);
    bda_mutex_lock(&used);
    assert_int_equal(bda_locks_held, 1);
    bda_mutex_lock(&unused); /* a lock that would be taken must not be held across a call either */
    assert_int_equal(bda_locks_held, 2);
    bda_mutex_unlock(&used);
    assert_int_equal(bda_locks_held, 1);
    bda_mutex_unlock(&unused);
    assert_int_equal(bda_locks_held, 0);
    bda_mutex_destroy(&unused);
    bda_mutex_destroy(&used);
}

static void *count_in_another_thread(void *argument) {
    struct shared *shared = argument;
    shared->held_after = bda_locks_held;
    return NULL;
}

static void locks_are_counted_for_each_thread(void **state) {
    (void)state;
    pthread_t other;
    struct shared shared = { .held_after = 99 };
    bda_mutex_init(&shared.mutex, true);
    bda_mutex_lock(&shared.mutex);
    assert_int_equal(pthread_create(&other, NULL, count_in_another_thread, &shared), 0);
    assert_int_equal(pthread_join(other, NULL), 0);
    bda_mutex_unlock(&shared.mutex);
    assert_int_equal(shared.held_after, 0);
    bda_mutex_destroy(&shared.mutex);
}

static void the_fake_driver_tells_of_calls_under_a_lock(void **state) {
    (void)state;
    struct bda_mutex mutex;
    struct rig rig;
    bda_mutex_init(&mutex, false);
    rig_open(&rig, (struct fake_config){ .with = FAKE_MEMORY_BUDGET, .quiet = true });
    bda_mutex_lock(&mutex);
    bda_device_refresh_budget(&rig.device);
    bda_mutex_unlock(&mutex);
    assert_int_equal(fake_violation_count(rig.driver), 1);
    assert_true(fake_violated(rig.driver, "FAKE-lock-held"));
    fake_clear_violations(rig.driver);
    bda_device_refresh_budget(&rig.device);
    rig_close(&rig);
}

/* ---- A thread's end ---- */

static _Atomic unsigned ended;
static _Thread_local unsigned asked; /* of this thread */
static _Atomic unsigned asked_of_the_ended;

static void count_end(void) {
    atomic_fetch_add(&ended, 1);
    atomic_fetch_add(&asked_of_the_ended, asked);
}

static void *ask_often(void *argument) {
    uint32_t times = *(const uint32_t *)argument;
    for (uint32_t i = 0; i < times; i++)
        asked += bda_thread_watch(count_end) ? 1u : 0u;
    return NULL;
}

static void ask_in_a_thread(uint32_t times) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_often, &times), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* The thread's own variables are still there: that is how a cache is known by its thread. */
static void a_thread_that_asked_is_told_of_its_end_once(void **state) {
    (void)state;
    ended = asked_of_the_ended = 0;
    ask_in_a_thread(3);
    assert_int_equal(ended, 1);
    assert_int_equal(asked_of_the_ended, 3);
    ask_in_a_thread(1);
    assert_int_equal(ended, 2);
}

static void a_thread_that_did_not_ask_ends_quietly(void **state) {
    (void)state;
    ended = 0;
    ask_in_a_thread(0);
    assert_int_equal(ended, 0);
}

static void no_thread_ends_for_another(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    uint32_t twice = 2;
    ended = 0;
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &twice), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(ended, THREADS);
}

/* ---- The barrier ---- */

/* Two threads each write their own word and read the other's, one of them with nothing but a fence for the compiler
 * between. Without the barrier both may read 0. */
static struct { _Atomic uint32_t go, mine, yours, seen_by_it; } words;

static void *write_then_read(void *argument) {
    uint32_t rounds = *(const uint32_t *)argument;
    for (uint32_t i = 1; i <= rounds; i++) {
        while (atomic_load_explicit(&words.go, memory_order_acquire) < i)
            ;
        atomic_store_explicit(&words.mine, i, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        uint32_t seen = atomic_load_explicit(&words.yours, memory_order_acquire);
        atomic_store_explicit(&words.seen_by_it, i << 1 | (seen == i), memory_order_release);
    }
    return NULL;
}

static void the_barrier_orders_what_other_threads_do_without_one(void **state) {
    (void)state;
    pthread_t thread;
    uint32_t rounds = 300, seen;
    if (!bda_barrier_exists())
        skip();
    memset(&words, 0, sizeof words);
    assert_int_equal(pthread_create(&thread, NULL, write_then_read, &rounds), 0);
    for (uint32_t i = 1; i <= rounds; i++) {
        atomic_store_explicit(&words.go, i, memory_order_release);
        atomic_store_explicit(&words.yours, i, memory_order_relaxed);
        bda_barrier_everywhere();
        bool saw = atomic_load_explicit(&words.mine, memory_order_acquire) == i;
        while ((seen = atomic_load_explicit(&words.seen_by_it, memory_order_acquire)) >> 1 < i)
            bda_native_yield();
        assert_true(saw || (seen & 1) != 0);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void asking_again_whether_there_is_a_barrier_changes_nothing(void **state) {
    (void)state;
    bool exists = bda_barrier_exists();
    assert_int_equal(bda_barrier_exists(), exists);
    bda_barrier_everywhere();
    assert_int_equal(bda_barrier_exists(), exists);
}

/* ---- Yield points ---- */

static unsigned yields;

static void count_yield(void) {
    yields++;
}

static void the_test_build_can_stop_at_every_lock(void **state) {
    (void)state;
    struct bda_mutex mutex;
    bda_mutex_init(&mutex, false);
    bda_yield_hook = count_yield;
    yields = 0;
    bda_mutex_lock(&mutex);
    bda_mutex_unlock(&mutex);
    bda_yield_hook = NULL;
    assert_int_equal(yields, 1);
    bda_mutex_lock(&mutex);
    bda_mutex_unlock(&mutex);
    assert_int_equal(yields, 1);
    bda_mutex_destroy(&mutex);
}

/* ---- Conditions ---- */

struct meeting {
    struct bda_mutex mutex;
    struct bda_condition changed;
    uint32_t waiting, woken;
    bool open;
    unsigned held;
};

static void *wait_for_it(void *argument) {
    struct meeting *meeting = argument;
    bda_mutex_lock(&meeting->mutex);
    meeting->waiting++;
    while (!meeting->open)
        bda_condition_wait(&meeting->changed, &meeting->mutex);
    meeting->woken++;
    meeting->held += bda_locks_held;
    bda_mutex_unlock(&meeting->mutex);
    return NULL;
}

static bool all_wait(struct meeting *meeting) {
    bda_mutex_lock(&meeting->mutex);
    bool all = meeting->waiting == THREADS;
    bda_mutex_unlock(&meeting->mutex);
    return all;
}

static void who_waits_leaves_the_lock_and_has_it_again_when_woken(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    struct meeting meeting = { .open = false };
    bda_mutex_init(&meeting.mutex, true);
    bda_condition_init(&meeting.changed, true);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_it, &meeting), 0);
    while (!all_wait(&meeting)) {}
    bda_mutex_lock(&meeting.mutex);
    meeting.open = true;
    bda_condition_wake(&meeting.changed);
    bda_mutex_unlock(&meeting.mutex);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(meeting.woken, THREADS);
    assert_int_equal(meeting.held, THREADS);
    bda_condition_destroy(&meeting.changed);
    bda_mutex_destroy(&meeting.mutex);
}

/* Who is cancelled in its sleep would end with the mutex, and everybody else would wait for ever. */
static void who_waits_is_not_cancelled(void **state) {
    (void)state;
    pthread_t thread;
    void *end = &thread;
    struct meeting meeting = { .waiting = THREADS - 1 };
    bda_mutex_init(&meeting.mutex, true);
    bda_condition_init(&meeting.changed, true);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &meeting), 0);
    while (!all_wait(&meeting)) {}
    assert_int_equal(pthread_cancel(thread), 0);
    bda_mutex_lock(&meeting.mutex);
    meeting.open = true;
    bda_condition_wake(&meeting.changed);
    bda_mutex_unlock(&meeting.mutex);
    assert_int_equal(pthread_join(thread, &end), 0);
    assert_null(end); /* not PTHREAD_CANCELED */
    assert_int_equal(meeting.woken, 1);
    bda_condition_destroy(&meeting.changed);
    bda_mutex_destroy(&meeting.mutex);
}

static void a_condition_that_is_not_used_touches_nothing(void **state) {
    (void)state;
    struct bda_condition condition;
    struct bda_condition before;
    memset(&condition, 0xA5, sizeof condition);
    bda_condition_init(&condition, false);
    memcpy(&before, &condition, sizeof condition);
    bda_condition_wake(&condition);
    bda_condition_destroy(&condition);
    assert_memory_equal(&condition, &before, sizeof condition);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_keeps_others_out),
        cmocka_unit_test(a_lock_that_is_not_used_locks_nothing),
        cmocka_unit_test(the_test_build_counts_the_locks_of_both_kinds),
        cmocka_unit_test(locks_are_counted_for_each_thread),
        cmocka_unit_test(the_fake_driver_tells_of_calls_under_a_lock),
        cmocka_unit_test(a_thread_that_asked_is_told_of_its_end_once),
        cmocka_unit_test(a_thread_that_did_not_ask_ends_quietly),
        cmocka_unit_test(no_thread_ends_for_another),
        cmocka_unit_test(the_barrier_orders_what_other_threads_do_without_one),
        cmocka_unit_test(asking_again_whether_there_is_a_barrier_changes_nothing),
        cmocka_unit_test(the_test_build_can_stop_at_every_lock),
        cmocka_unit_test(who_waits_leaves_the_lock_and_has_it_again_when_woken),
        cmocka_unit_test(who_waits_is_not_cancelled),
        cmocka_unit_test(a_condition_that_is_not_used_touches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
