/*
 * src/alloc/lock.h: the thread that made a lock takes it without the mutex, until another one comes; from then on the
 * mutex is all there is. (In every order of steps: tests/schedule/test_lock.c. Here with real processors.)
 */
#include "core_support.h"

#include <pthread.h>

#include "alloc/lock.h"

enum { OTHERS = 2 };

static struct {
    struct bda_lock lock;
    struct bda_condition changed;
    uint64_t sum; /* plain on purpose: the thread sanitizer watches, too */
    uint32_t rounds;
    bool ready;
} shared;

static void begin(bool barrier, uint32_t rounds) {
    memset(&shared, 0, sizeof shared);
    bda_lock_init(&shared.lock, true, barrier);
    bda_condition_init(&shared.changed, true);
    shared.rounds = rounds;
}

static void end(void) {
    assert_int_equal(bda_locks_held, 0);
    bda_condition_destroy(&shared.changed);
    bda_lock_destroy(&shared.lock);
}

/* Whether the mutex is free, which a lock that is held by its owner leaves it. */
static bool mutex_is_free(void) {
    bool is = bda_mutex_try_lock(&shared.lock.mutex);
    if (is)
        bda_mutex_unlock(&shared.lock.mutex);
    return is;
}

static void on_another_thread(void *(*what)(void *)) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, what, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void *come_once(void *unused) {
    (void)unused;
    assert_false(bda_lock_own(&shared.lock));
    bda_lock(&shared.lock);
    shared.sum++;
    bda_unlock(&shared.lock);
    return NULL;
}

static void its_owner_alone_leaves_the_mutex_free(void **state) {
    (void)state;
    begin(false, 0);
    for (uint32_t i = 0; i < 3; i++) {
        bda_lock(&shared.lock);
        assert_int_equal(bda_locks_held, 1);
        assert_true(mutex_is_free());
        bda_unlock(&shared.lock);
    }
    assert_true(bda_lock_is_biased(&shared.lock));
    end();
}

static void the_first_other_thread_ends_that_for_good(void **state) {
    (void)state;
    for (int barrier = 0; barrier < 2; barrier++) {
        begin(barrier != 0 && bda_barrier_exists(), 0);
        on_another_thread(come_once);
        assert_int_equal(shared.sum, 1);
        assert_false(bda_lock_is_biased(&shared.lock));
        assert_false(bda_lock_own(&shared.lock));
        bda_lock(&shared.lock);
        assert_false(mutex_is_free());
        bda_unlock(&shared.lock);
        assert_true(mutex_is_free());
        on_another_thread(come_once);
        assert_int_equal(shared.sum, 2);
        end();
    }
}

static void *try_once(void *unused) {
    (void)unused;
    if (bda_lock_try(&shared.lock)) {
        shared.sum++;
        bda_unlock(&shared.lock);
    }
    return NULL;
}

static void who_only_tries_ends_it_too_or_finds_it_taken(void **state) {
    (void)state;
    begin(false, 0);
    on_another_thread(try_once);
    assert_int_equal(shared.sum, 1);
    assert_false(bda_lock_is_biased(&shared.lock));
    bda_lock(&shared.lock);
    on_another_thread(try_once);
    assert_int_equal(shared.sum, 1);
    bda_unlock(&shared.lock);
    end();
}

static void where_the_caller_synchronises_nobody_owns_it(void **state) {
    (void)state;
    memset(&shared, 0, sizeof shared);
    bda_lock_init(&shared.lock, false, false);
    assert_false(bda_lock_is_biased(&shared.lock));
    bda_lock(&shared.lock);
    assert_int_equal(bda_locks_held, 1);
    bda_unlock(&shared.lock);
    on_another_thread(come_once);
    assert_int_equal(shared.sum, 1);
    assert_int_equal(bda_locks_held, 0);
    bda_lock_destroy(&shared.lock);
}

/* ---- On real processors ---- */

static void *add(void *unused) {
    (void)unused;
    for (uint32_t i = 0; i < shared.rounds; i++) {
        bda_lock(&shared.lock);
        shared.sum++;
        bda_unlock(&shared.lock);
    }
    return NULL;
}

/* The bias ends once in a life, so there are many lives. */
static void all_add_to_one_sum(bool barrier) {
    for (uint32_t life = 0; life < 200; life++) {
        pthread_t others[OTHERS];
        begin(barrier, 50);
        for (uint32_t i = 0; i < OTHERS; i++)
            assert_int_equal(pthread_create(&others[i], NULL, add, NULL), 0);
        (void)add(NULL);
        for (uint32_t i = 0; i < OTHERS; i++)
            assert_int_equal(pthread_join(others[i], NULL), 0);
        assert_int_equal(shared.sum, (1 + OTHERS) * shared.rounds);
        end();
    }
}

static void nothing_is_lost_while_the_bias_ends(void **state) {
    (void)state;
    all_add_to_one_sum(false);
}

static void nor_where_others_bring_the_barrier(void **state) {
    (void)state;
    if (!bda_barrier_exists())
        skip();
    all_add_to_one_sum(true);
}

static void *make_ready(void *unused) {
    (void)unused;
    bda_lock(&shared.lock);
    shared.ready = true;
    bda_condition_wake(&shared.changed);
    bda_unlock(&shared.lock);
    return NULL;
}

static void the_owner_sleeps_on_the_mutex(void **state) {
    (void)state;
    pthread_t thread;
    begin(false, 0);
    on_another_thread(come_once); /* whoever is waited for has been here */
    bda_lock(&shared.lock);
    assert_int_equal(pthread_create(&thread, NULL, make_ready, NULL), 0);
    while (!shared.ready)
        bda_lock_sleep(&shared.lock, &shared.changed);
    bda_unlock(&shared.lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_owner_alone_leaves_the_mutex_free),
        cmocka_unit_test(the_first_other_thread_ends_that_for_good),
        cmocka_unit_test(who_only_tries_ends_it_too_or_finds_it_taken),
        cmocka_unit_test(where_the_caller_synchronises_nobody_owns_it),
        cmocka_unit_test(nothing_is_lost_while_the_bias_ends),
        cmocka_unit_test(nor_where_others_bring_the_barrier),
        cmocka_unit_test(the_owner_sleeps_on_the_mutex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
