/*
 * src/alloc/lock.h: whatever the order of steps, and however late stores are seen, the owner of a biased lock and those
 * who end its bias are never inside together, and each sees what the other wrote. The functions are the library's own:
 * their atomics are steps here (see explore.h). And where one of their halves is missing, that is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "explore.h"

#include "core/bits.h"
#include "platform/platform.h"

static uint32_t place_of(const void *object);

/* Memory begins as zeros: there the owner stands as 0, and that there is none as 1. */
#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_signal_fence
#define atomic_load_explicit(object, order)                                                                            \
    _Generic((object), _Atomic(const void *) *                                                                         \
             : (const void *)(uintptr_t)(explore_load(place_of(object), order) ^ 1u), default                          \
             : explore_load(place_of(object), order))
#define atomic_store_explicit(object, value, order)                                                                    \
    _Generic((object), _Atomic(const void *) *                                                                         \
             : explore_store(place_of(object), (uint32_t)(uintptr_t)(value) ^ 1u, order), default                      \
             : explore_store(place_of(object), (uint32_t)(uintptr_t)(value), order))
#define atomic_signal_fence(order) ((void)0)
#define bda_let_others(tries)      ((void)(tries), explore_spin())
#define bda_mutex_lock(mutex)      explore_lock()
#define bda_mutex_unlock(mutex)    explore_unlock()
#define bda_barrier_everywhere()   (with_barrier ? explore_barrier() : (void)0)
#define bda_this_thread()          ((const void *)(uintptr_t)thread)

static uint32_t thread; /* whose step is made: 1 is the owner */
static bool with_barrier;

#include "alloc/lock.h"

#include "alloc/lock.c"

static struct bda_lock lock = { .mutex = { .used = true } };

static uint32_t place_of(const void *object) {
    const void *const places[] = { &lock.claim.turn, &lock.claim.taken, &lock.owner };
    uint32_t place = 0;
    while (places[place] != object)
        place++;
    return place;
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
    lock.claim.barrier = setting->owner_relies;
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
    bda_claim_announce(&lock.claim);
    bda_barrier_everywhere();
    atomic_store_explicit(&lock.owner, NULL, memory_order_relaxed);
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
    atomic_store_explicit(&lock.owner, NULL, memory_order_relaxed);
    bda_claim_announce(&lock.claim);
    bda_barrier_everywhere();
    bda_claim_wait(&lock.claim);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_and_others_are_never_inside_together),
        cmocka_unit_test(nor_where_there_is_no_barrier_but_sequential_consistency),
        cmocka_unit_test(one_of_several_others_ends_the_bias_for_all),
        cmocka_unit_test(an_end_without_the_barrier_is_found_out),
        cmocka_unit_test(an_end_that_does_not_wait_is_found_out),
        cmocka_unit_test(an_owner_who_is_told_too_early_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
