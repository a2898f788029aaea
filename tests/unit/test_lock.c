/*
 * src/alloc/lock.h: the thread that made a lock takes it without the mutex, until another one comes; from then on the
 * mutex is all there is, until one thread has taken it many times in a row. (In every order of steps:
 * tests/schedule/test_lock.c. Here with real processors.)
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
    assert_false(bda_lock_try_as_owner(&shared.lock));
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
    assert_non_null(bda_lock_owner(&shared.lock));
    end();
}

static void the_first_other_thread_ends_that(void **state) {
    (void)state;
    for (int barrier = 0; barrier < 2; barrier++) {
        begin(barrier != 0 && bda_barrier_exists(), 0);
        on_another_thread(come_once);
        assert_int_equal(shared.sum, 1);
        assert_null(bda_lock_owner(&shared.lock));
        assert_false(bda_lock_try_as_owner(&shared.lock));
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
    assert_null(bda_lock_owner(&shared.lock));
    bda_lock(&shared.lock);
    on_another_thread(try_once);
    assert_int_equal(shared.sum, 1);
    bda_unlock(&shared.lock);
    end();
}

static void *wait_for_it_in_vain(void *unused) {
    (void)unused;
    assert_false(bda_lock_spin(&shared.lock));
    assert_int_equal(bda_locks_held, 0);
    return NULL;
}

static void *have_it_soon(void *unused) {
    (void)unused;
    assert_true(bda_lock_spin(&shared.lock));
    assert_int_equal(bda_locks_held, 1);
    assert_false(mutex_is_free());
    bda_unlock(&shared.lock);
    return NULL;
}

static void who_waits_a_little_has_it_or_has_not(void **state) {
    (void)state;
    begin(false, 0);
    on_another_thread(come_once); /* from now on it is a mutex */
    bda_lock(&shared.lock);
    on_another_thread(wait_for_it_in_vain);
    bda_unlock(&shared.lock);
    on_another_thread(have_it_soon);
    end();
}

static void where_the_caller_synchronises_nobody_owns_it(void **state) {
    (void)state;
    memset(&shared, 0, sizeof shared);
    bda_lock_init(&shared.lock, false, false);
    assert_null(bda_lock_owner(&shared.lock));
    for (uint32_t i = 0; i < 2 * BDA_LOCK_PATIENCE + 1; i++) { /* nor does anybody become its owner */
        bda_lock(&shared.lock);
        assert_int_equal(bda_locks_held, 1);
        bda_lock_count(&shared.lock, true);
        bda_unlock(&shared.lock);
    }
    assert_null(bda_lock_owner(&shared.lock));
    on_another_thread(come_once);
    assert_int_equal(shared.sum, 1);
    assert_int_equal(bda_locks_held, 0);
    bda_lock_destroy(&shared.lock);
}

/* ---- Anew ---- */

/* As who meets others at a pool's lock does (alloc/pool.h); so many times, `again` as it may be. */
static void take_in_a_row(uint32_t times, bool again) {
    while (times-- > 0) {
        if (!bda_lock_try_as_owner(&shared.lock)) {
            bda_lock_wait(&shared.lock);
            bda_lock_count(&shared.lock, again);
        }
        assert_int_equal(bda_locks_held, 1);
        bda_unlock(&shared.lock);
    }
}

static void who_takes_it_many_times_in_a_row_becomes_the_owner(void **state) {
    (void)state;
    begin(bda_barrier_exists(), 0);
    for (uint32_t patience = BDA_LOCK_PATIENCE; patience <= 4 * BDA_LOCK_PATIENCE; patience *= 2) {
        on_another_thread(come_once);
        take_in_a_row(patience - 1, true);
        assert_null(bda_lock_owner(&shared.lock));
        take_in_a_row(1, true);
        assert_true(bda_lock_is_own(&shared.lock));
        bda_lock(&shared.lock);
        assert_true(mutex_is_free());
        bda_unlock(&shared.lock);
    }
    end();
}

static void others_in_between_begin_anew(void **state) {
    (void)state;
    begin(false, 0);
    on_another_thread(come_once);
    for (uint32_t i = 0; i < 4; i++) {
        take_in_a_row(BDA_LOCK_PATIENCE - 1, true);
        take_in_a_row(1, false);
    }
    assert_null(bda_lock_owner(&shared.lock));
    end();
}

static void patience_has_an_end(void **state) {
    (void)state;
    begin(false, 0);
    on_another_thread(come_once);
    shared.lock.patience = BDA_LOCK_PATIENCE_MOST;
    shared.lock.in_a_row = BDA_LOCK_PATIENCE_MOST - 1;
    take_in_a_row(1, true);
    assert_true(bda_lock_is_own(&shared.lock));
    assert_int_equal(shared.lock.patience, BDA_LOCK_PATIENCE_MOST);
    end();
}

/* Who finds no seat still has the mutex; its own it finds again. */
static void there_are_seats_for_a_few(void **state) {
    (void)state;
    static const char others[BDA_LOCK_SEATS];
    begin(false, 0);
    on_another_thread(come_once);
    for (uint32_t i = 0; i < BDA_LOCK_SEATS; i++)
        shared.lock.seats[i].thread = &others[i];
    take_in_a_row(BDA_LOCK_PATIENCE, true);
    assert_null(bda_lock_owner(&shared.lock));
    assert_true(mutex_is_free());
    shared.lock.seats[BDA_LOCK_SEATS - 1].thread = NULL; /* one is left */
    take_in_a_row(2 * BDA_LOCK_PATIENCE, true);
    assert_true(bda_lock_is_own(&shared.lock));
    assert_ptr_equal(bda_lock_seat(&shared.lock), &shared.lock.seats[BDA_LOCK_SEATS - 1]);
    on_another_thread(come_once);
    take_in_a_row(4 * BDA_LOCK_PATIENCE, true);
    assert_ptr_equal(bda_lock_seat(&shared.lock), &shared.lock.seats[BDA_LOCK_SEATS - 1]);
    end();
}

/* ---- On real processors ---- */

/* Whoever comes twice is the owner. */
static void *add_in_a_row(void *unused) {
    (void)unused;
    for (uint32_t i = 0; i < shared.rounds; i++) {
        if (!bda_lock_try_as_owner(&shared.lock)) {
            bda_lock_wait(&shared.lock);
            shared.lock.patience = 2;
            bda_lock_count(&shared.lock, true);
        }
        shared.sum++;
        bda_unlock(&shared.lock);
    }
    return NULL;
}

static void *add(void *unused) {
    (void)unused;
    for (uint32_t i = 0; i < shared.rounds; i++) {
        bda_lock(&shared.lock);
        shared.sum++;
        bda_unlock(&shared.lock);
    }
    return NULL;
}

/* The first bias ends once in a life, so there are many lives. */
static void all_add_to_one_sum(bool barrier, void *(*what)(void *)) {
    for (uint32_t life = 0; life < 200; life++) {
        pthread_t others[OTHERS];
        begin(barrier, 50);
        for (uint32_t i = 0; i < OTHERS; i++)
            assert_int_equal(pthread_create(&others[i], NULL, what, NULL), 0);
        (void)what(NULL);
        for (uint32_t i = 0; i < OTHERS; i++)
            assert_int_equal(pthread_join(others[i], NULL), 0);
        assert_int_equal(shared.sum, (1 + OTHERS) * shared.rounds);
        end();
    }
}

static void nothing_is_lost_while_the_bias_ends(void **state) {
    (void)state;
    all_add_to_one_sum(false, add);
    all_add_to_one_sum(false, add_in_a_row);
}

static void nor_where_others_bring_the_barrier(void **state) {
    (void)state;
    if (!bda_barrier_exists())
        skip();
    all_add_to_one_sum(true, add);
    all_add_to_one_sum(true, add_in_a_row);
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

/* One that has become the owner cannot sleep as such: it gives that up, and returns to whoever looks again. */
static void who_has_become_the_owner_sleeps_on_the_mutex_too(void **state) {
    (void)state;
    pthread_t thread;
    begin(bda_barrier_exists(), 0);
    on_another_thread(come_once);
    take_in_a_row(BDA_LOCK_PATIENCE, true);
    bda_lock(&shared.lock);
    assert_true(bda_lock_is_own(&shared.lock));
    assert_int_equal(pthread_create(&thread, NULL, make_ready, NULL), 0);
    while (!shared.ready)
        bda_lock_sleep(&shared.lock, &shared.changed);
    assert_null(bda_lock_owner(&shared.lock));
    bda_unlock(&shared.lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_owner_alone_leaves_the_mutex_free),
        cmocka_unit_test(the_first_other_thread_ends_that),
        cmocka_unit_test(who_only_tries_ends_it_too_or_finds_it_taken),
        cmocka_unit_test(who_waits_a_little_has_it_or_has_not),
        cmocka_unit_test(where_the_caller_synchronises_nobody_owns_it),
        cmocka_unit_test(who_takes_it_many_times_in_a_row_becomes_the_owner),
        cmocka_unit_test(others_in_between_begin_anew),
        cmocka_unit_test(patience_has_an_end),
        cmocka_unit_test(there_are_seats_for_a_few),
        cmocka_unit_test(nothing_is_lost_while_the_bias_ends),
        cmocka_unit_test(nor_where_others_bring_the_barrier),
        cmocka_unit_test(the_owner_sleeps_on_the_mutex),
        cmocka_unit_test(who_has_become_the_owner_sleeps_on_the_mutex_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
