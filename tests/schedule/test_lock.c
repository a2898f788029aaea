/*
 * src/alloc/lock.h: whatever the order of steps, and however late stores are seen, the owner of a biased lock, those
 * who end its bias and those who become its owners are never inside together, and each sees what the others wrote. The
 * functions are the library's own: their atomics are steps here (see explore.h). And where one of their halves is
 * missing, that is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "claim_steps.h"

#define bda_mutex_lock(mutex)                explore_lock()
#define bda_mutex_unlock(mutex)              explore_unlock()
#define bda_condition_wait(condition, mutex) ((void)(condition), explore_unlock(), explore_lock()) /* for nothing */
#define bda_barrier_everywhere()             (with_barrier ? explore_barrier() : (void)0)
#define bda_this_thread()                    thread_named(thread)

static uint32_t thread; /* whose step is made: 1 is the owner in the beginning */
static bool with_barrier;

static const void *thread_named(uint32_t number) {
    static const char threads[EXPLORE_ACTORS + 1];
    return &threads[number];
}

#include "alloc/lock.h"

#include "alloc/lock.c"

static struct bda_lock lock = { .mutex = { .used = true } };

static uint32_t place_of(const void *object) {
    const void *const places[] = { &lock.biased,
                                   &lock.seats[0].claim.inside,
                                   &lock.seats[0].claim.taken,
                                   &lock.seats[1].claim.inside,
                                   &lock.seats[1].claim.taken,
                                   &lock.seats[2].claim.inside,
                                   &lock.seats[2].claim.taken };
    uint32_t place = 0;
    while (places[place] != object)
        place++;
    return place;
}

/* The first seat's bias stands as 0; of each seat the second place is `taken`. */
static uint32_t turned(uint32_t place, uint32_t value) {
    if (place == 0)
        return value ^ 1u;
    return place % 2 == 0 ? value ^ fenced : value;
}

/* ---- Who takes part ---- */

static uint32_t rounds;

static void take_turns(uint32_t who) {
    thread = who;
    for (uint32_t i = 0; i < rounds; i++) {
        bda_lock(&lock);
        explore_inside(0);
        explore_leave(0);
        bda_unlock(&lock);
    }
}

static void owner(void) {
    take_turns(1);
}

static void other(void) {
    take_turns(2);
}

static void third(void) {
    take_turns(3);
}

/* ---- Sound ---- */

struct setting {
    uint32_t rounds;
    bool owner_relies; /* on the barrier of others */
    bool others_bring; /* it */
};

static void choose(const struct setting *setting) {
    rounds = setting->rounds;
    with_barrier = setting->others_bring;
    fenced = setting->owner_relies ? 0 : BDA_CLAIM_FENCED;
    for (uint32_t i = 0; i < EXPLORE_ACTORS; i++)
        lock.seats[i].thread = thread_named(i + 1);
}

static const struct explore_actor two[] = { { owner }, { other } };
static const struct explore_actor three[] = { { owner }, { other }, { third } };

#define RELYING   true, true
#define BY_ITSELF false, false

static void owner_and_others_are_never_inside_together(void **state) {
    (void)state;
    choose(&(struct setting){ 1, RELYING });
    assert_sound(two, 2);
    choose(&(struct setting){ 3, RELYING });
    assert_sound(two, 2);
}

static void nor_where_there_is_no_barrier_but_sequential_consistency(void **state) {
    (void)state;
    choose(&(struct setting){ 1, BY_ITSELF });
    assert_sound(two, 2);
    choose(&(struct setting){ 3, BY_ITSELF });
    assert_sound(two, 2);
}

static void one_of_several_others_ends_the_bias_for_all(void **state) {
    (void)state;
    choose(&(struct setting){ 2, RELYING });
    assert_sound(three, 3);
    choose(&(struct setting){ 2, BY_ITSELF });
    assert_sound(three, 3);
}

/* Whoever does not find that it is the owner becomes it. */
static void take_and_own(uint32_t who) {
    thread = who;
    for (uint32_t i = 0; i < rounds; i++) {
        if (!bda_lock_try_as_owner(&lock)) {
            bda_lock_wait(&lock);
            bda_lock_bias(&lock);
        }
        explore_inside(0);
        explore_leave(0);
        bda_unlock(&lock);
    }
}

static void first_owner(void) {
    take_and_own(1);
}

static void second_owner(void) {
    take_and_own(2);
}

static void third_owner(void) {
    take_and_own(3);
}

static void owners_that_follow_one_another_are_never_inside_together(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { first_owner }, { second_owner }, { third_owner } };
    const struct explore_actor mixed[] = { { owner }, { second_owner }, { third } };
    for (uint32_t times = 1; times <= 2; times++) {
        choose(&(struct setting){ times, RELYING });
        assert_sound(actors, 2);
        choose(&(struct setting){ times, BY_ITSELF });
        assert_sound(actors, 2);
    }
    choose(&(struct setting){ 1, RELYING });
    assert_sound(actors, 3);
    assert_sound(mixed, 3);
    choose(&(struct setting){ 1, BY_ITSELF });
    assert_sound(actors, 3);
}

/* Comes first, or after the bias has changed hands: when it has slept somebody else may be the owner. */
static void sleep_once(uint32_t who) {
    thread = who;
    bda_lock(&lock);
    bda_lock_sleep(&lock, NULL);
    explore_inside(0);
    explore_leave(0);
    bda_unlock(&lock);
}

static void owner_who_sleeps(void) {
    sleep_once(1);
}

static void other_who_sleeps(void) {
    sleep_once(2);
}

static void who_has_slept_is_inside_alone(void **state) {
    (void)state;
    const struct explore_actor theirs[] = { { first_owner }, { other_who_sleeps } };
    const struct explore_actor its_own[] = { { owner_who_sleeps }, { second_owner } };
    choose(&(struct setting){ 2, RELYING });
    assert_sound(theirs, 2);
    assert_sound(its_own, 2);
    choose(&(struct setting){ 2, BY_ITSELF });
    assert_sound(theirs, 2);
    assert_sound(its_own, 2);
}

/* ---- Found ---- */

#define TOGETHER "two are inside at once, or what was written before is not seen"

static void an_end_without_the_barrier_is_found_out(void **state) {
    (void)state;
    choose(&(struct setting){ 1, true, false });
    assert_found(two, 2, EXPLORE_TOTAL, TOGETHER);
}

/* Tells the owner that it is none, and does not wait until it is out. */
static void end_at_once(void) {
    thread = 2;
    bda_mutex_lock(&lock.mutex);
    bda_claim_announce(&lock.seats[0].claim);
    bda_barrier_everywhere();
    atomic_store_explicit(&lock.biased, 0, memory_order_relaxed);
    explore_inside(0);
    explore_leave(0);
    bda_mutex_unlock(&lock.mutex);
}

static void an_end_that_does_not_wait_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { owner }, { end_at_once } };
    choose(&(struct setting){ 1, RELYING });
    assert_found(actors, 2, EXPLORE_TOTAL, TOGETHER);
}

/* Says that there is no owner before it is out: it would give back a mutex that it does not have. */
static void end_too_early(void) {
    thread = 2;
    bda_mutex_lock(&lock.mutex);
    atomic_store_explicit(&lock.biased, 0, memory_order_relaxed);
    bda_claim_announce(&lock.seats[0].claim);
    bda_barrier_everywhere();
    bda_claim_wait(&lock.seats[0].claim);
    explore_inside(0);
    explore_leave(0);
    bda_mutex_unlock(&lock.mutex);
}

static void an_owner_who_is_told_too_early_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { owner }, { end_too_early } };
    choose(&(struct setting){ 1, RELYING });
    const struct explore_result result = explore_and_tell(actors, 2, EXPLORE_TOTAL);
    assert_non_null(result.broken);
}

/* Wakes up with the mutex, and does not ask whose the bias is by then. */
static void wake_blindly(void) {
    thread = 2;
    bda_lock(&lock);
    bda_condition_wait(NULL, &lock.mutex);
    explore_inside(0);
    explore_leave(0);
    bda_mutex_unlock(&lock.mutex);
}

static void who_wakes_up_and_does_not_look_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { first_owner }, { wake_blindly } };
    choose(&(struct setting){ 2, RELYING });
    assert_found(actors, 2, EXPLORE_TOTAL, TOGETHER);
}

/* Lets itself in where somebody is still inside: as its owner, without having taken the mutex. */
static void own_without_mutex(void) {
    thread = 2;
    bda_claim_let_in(&lock.seats[1].claim);
    (void)bda_claim_enter(&lock.seats[1].claim);
    atomic_store_explicit(&lock.biased, 2, memory_order_release);
    explore_inside(0);
    explore_leave(0);
    bda_claim_leave(&lock.seats[1].claim);
}

static void an_owner_by_its_own_word_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { owner }, { own_without_mutex } };
    choose(&(struct setting){ 1, RELYING });
    assert_found(actors, 2, EXPLORE_TOTAL, TOGETHER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_and_others_are_never_inside_together),
        cmocka_unit_test(nor_where_there_is_no_barrier_but_sequential_consistency),
        cmocka_unit_test(one_of_several_others_ends_the_bias_for_all),
        cmocka_unit_test(owners_that_follow_one_another_are_never_inside_together),
        cmocka_unit_test(who_has_slept_is_inside_alone),
        cmocka_unit_test(an_end_without_the_barrier_is_found_out),
        cmocka_unit_test(an_end_that_does_not_wait_is_found_out),
        cmocka_unit_test(an_owner_who_is_told_too_early_is_found_out),
        cmocka_unit_test(who_wakes_up_and_does_not_look_is_found_out),
        cmocka_unit_test(an_owner_by_its_own_word_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
