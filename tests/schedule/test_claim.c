/*
 * src/alloc/claim.h: whatever the order of steps, and however late stores are seen, owner and others are never inside
 * together, and each sees what the other wrote. The functions are the library's own: their atomics are steps here (see
 * explore.h). And where one of their halves is missing, that is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "claim_steps.h"

#include "alloc/claim.h"

/* A claim and what it covers: a piece of data each. */
static struct bda_claim claims[2];

static uint32_t place_of(const void *object) {
    const void *const places[] = { &claims[0].inside, &claims[0].taken, &claims[1].inside, &claims[1].taken };
    uint32_t place = 0;
    while (places[place] != object)
        place++;
    return place;
}

/* Of each claim the second place is `taken`. */
static uint32_t turned(uint32_t place, uint32_t value) {
    return place % 2 == 1 ? value ^ fenced : value;
}

/* ---- Who takes part ---- */

static uint32_t rounds; /* that an owner makes */
static uint32_t taken_together;
static bool with_barrier;

typedef bool (*entrance)(struct bda_claim *claim);
typedef void (*exit_way)(struct bda_claim *claim);

static void own(uint32_t which, entrance enter, exit_way leave) {
    for (uint32_t i = 0; i < rounds; i++)
        if (enter(&claims[which])) {
            explore_inside(which);
            explore_leave(which);
            leave(&claims[which]);
        }
}

static bool enter_claim(struct bda_claim *claim) {
    return bda_claim_enter(claim);
}

static void leave_claim(struct bda_claim *claim) {
    bda_claim_leave(claim);
}

static void own_first(void) {
    own(0, enter_claim, leave_claim);
}

static void own_second(void) {
    own(1, enter_claim, leave_claim);
}

/* As claim_chosen, drain_chosen and give_back_chosen do in cache.c. */
static void claim_all(void) {
    explore_lock();
    for (uint32_t i = 0; i < taken_together; i++)
        bda_claim_announce(&claims[i]);
    if (with_barrier)
        explore_barrier();
    for (uint32_t i = 0; i < taken_together; i++)
        bda_claim_wait(&claims[i]);
    for (uint32_t i = 0; i < taken_together; i++) {
        explore_inside(i);
        explore_leave(i);
    }
    for (uint32_t i = 0; i < taken_together; i++)
        bda_claim_give_back(&claims[i]);
    explore_unlock();
}

/* ---- Sound ---- */

struct setting {
    uint32_t rounds, together;
    bool owner_relies; /* on the barrier of others */
    bool others_bring; /* it */
};

static void choose(const struct setting *setting) {
    rounds = setting->rounds;
    taken_together = setting->together;
    with_barrier = setting->others_bring;
    fenced = setting->owner_relies ? 0 : BDA_CLAIM_FENCED;
}

/* Whichever is met first: two inside at once, or one of them reading what the other has not finished. */
#define TOGETHER "two are inside at once, or what was written before is not seen"

static const struct explore_actor one_owner[] = { { own_first }, { claim_all } };
static const struct explore_actor two_others[] = { { own_first }, { claim_all }, { claim_all } };
static const struct explore_actor two_owners[] = { { own_first }, { own_second }, { claim_all } };

#define RELYING   true, true
#define BY_ITSELF false, false

static void owner_and_claimer_are_never_inside_together(void **state) {
    (void)state;
    choose(&(struct setting){ 1, 1, RELYING });
    assert_sound(one_owner, 2);
    choose(&(struct setting){ 4, 1, RELYING });
    assert_sound(one_owner, 2);
}

static void nor_where_there_is_no_barrier_but_sequential_consistency(void **state) {
    (void)state;
    choose(&(struct setting){ 1, 1, BY_ITSELF });
    assert_sound(one_owner, 2);
    choose(&(struct setting){ 4, 1, BY_ITSELF });
    assert_sound(one_owner, 2);
}

static void claimers_come_one_after_another(void **state) {
    (void)state;
    choose(&(struct setting){ 2, 1, RELYING });
    assert_sound(two_others, 3);
    choose(&(struct setting){ 2, 1, BY_ITSELF });
    assert_sound(two_others, 3);
}

static void one_barrier_serves_for_many_claims(void **state) {
    (void)state;
    choose(&(struct setting){ 1, 2, RELYING });
    assert_sound(two_owners, 3);
    choose(&(struct setting){ 1, 2, BY_ITSELF });
    assert_sound(two_owners, 3);
}

/* ---- Found ---- */

static void a_claimer_without_the_barrier_is_found_out(void **state) {
    (void)state;
    const struct setting forgotten = { 1, 1, true, false };
    choose(&forgotten);
    assert_found(one_owner, 2, EXPLORE_TOTAL, TOGETHER);
    assert_found(one_owner, 2, EXPLORE_PARTIAL, TOGETHER);
}

/* The claimer's own half: a barrier before it has said anything is no use. */
static void claim_too_early(void) {
    explore_barrier();
    bda_claim_announce(&claims[0]);
    bda_claim_wait(&claims[0]);
    explore_inside(0);
    explore_leave(0);
    bda_claim_give_back(&claims[0]);
}

static void a_barrier_before_the_announcement_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { own_first }, { claim_too_early } };
    choose(&(struct setting){ 1, 1, RELYING });
    assert_found(actors, 2, EXPLORE_TOTAL, TOGETHER);
}

/* Looks first and then says. */
static bool enter_by_looking(struct bda_claim *claim) {
    uint32_t taken = atomic_load_explicit(&claim->taken, memory_order_acquire);
    atomic_store_explicit(&claim->inside, 1, memory_order_seq_cst);
    if (taken == 0)
        return true;
    atomic_store_explicit(&claim->inside, 0, memory_order_release);
    return false;
}

static void own_by_looking(void) {
    own(0, enter_by_looking, leave_claim);
}

static void an_owner_who_looks_first_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { own_by_looking }, { claim_all } };
    choose(&(struct setting){ 1, 1, RELYING });
    assert_found(actors, 2, EXPLORE_TOTAL, TOGETHER);
}

static void leave_unreleased(struct bda_claim *claim) {
    atomic_store_explicit(&claim->inside, 0, memory_order_relaxed);
}

static void own_and_leave_unreleased(void) {
    own(0, enter_claim, leave_unreleased);
}

/* On x86 every store releases; elsewhere the data may come after the word that it is there. */
static void a_leave_that_releases_nothing_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { own_and_leave_unreleased }, { claim_all } };
    const struct setting setting = { 2, 1, BY_ITSELF };
    choose(&setting);
    assert_null(explore_and_tell(actors, 2, EXPLORE_TOTAL).broken);
    assert_found(actors, 2, EXPLORE_PARTIAL, "what was written before is not seen");
}

/* As on a system without the barrier, with cheaper atomics. */
static bool enter_inconsistently(struct bda_claim *claim) {
    atomic_store_explicit(&claim->inside, 1, memory_order_release);
    if (atomic_load_explicit(&claim->taken, memory_order_acquire) == BDA_CLAIM_FENCED)
        return true;
    atomic_store_explicit(&claim->inside, 0, memory_order_release);
    return false;
}

static void own_inconsistently(void) {
    own(0, enter_inconsistently, leave_claim);
}

static void release_and_acquire_alone_are_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { own_inconsistently }, { claim_all } };
    choose(&(struct setting){ 1, 1, BY_ITSELF });
    assert_found(actors, 2, EXPLORE_TOTAL, TOGETHER);
}

/* Claimers without the lock of theirs: the first one gives back what the second one has, too. */
static void claim_without_lock(void) {
    bda_claim_announce(&claims[0]);
    explore_barrier();
    bda_claim_wait(&claims[0]);
    explore_inside(0);
    explore_leave(0);
    bda_claim_give_back(&claims[0]);
}

static void claimers_without_a_lock_are_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { claim_without_lock }, { claim_without_lock } };
    choose(&(struct setting){ 1, 1, RELYING });
    assert_found(actors, 2, EXPLORE_TOTAL, TOGETHER);
}

/* One who never gives back lets no other claimer go on. */
static void keep_the_lock(void) {
    explore_lock();
}

static void who_waits_for_ever_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { keep_the_lock }, { claim_all } };
    choose(&(struct setting){ 1, 1, RELYING });
    assert_found(actors, 2, EXPLORE_TOTAL, "nobody can go on");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_and_claimer_are_never_inside_together),
        cmocka_unit_test(nor_where_there_is_no_barrier_but_sequential_consistency),
        cmocka_unit_test(claimers_come_one_after_another),
        cmocka_unit_test(one_barrier_serves_for_many_claims),
        cmocka_unit_test(a_claimer_without_the_barrier_is_found_out),
        cmocka_unit_test(a_barrier_before_the_announcement_is_found_out),
        cmocka_unit_test(an_owner_who_looks_first_is_found_out),
        cmocka_unit_test(a_leave_that_releases_nothing_is_found_out),
        cmocka_unit_test(release_and_acquire_alone_are_found_out),
        cmocka_unit_test(claimers_without_a_lock_are_found_out),
        cmocka_unit_test(who_waits_for_ever_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
