/*
 * src/alloc/claim.h: the owner comes in unless somebody else is there, others come in when it is out. (In every order
 * of steps: tests/schedule/test_claim.c. Here with real processors.)
 */
#include "core_support.h"

#include <pthread.h>

#include "alloc/claim.h"

enum { OTHERS = 2 };

static void an_owner_alone_comes_in(void **state) {
    (void)state;
    for (int barrier = 0; barrier < 2; barrier++) {
        struct bda_claim claim;
        bda_claim_init(&claim, barrier != 0);
        assert_int_equal(bda_claim_fenced(&claim) == 0, barrier);
        for (uint32_t i = 0; i < 3; i++) {
            assert_true(bda_claim_enter(&claim));
            assert_int_equal(claim.inside, 1);
            bda_claim_leave(&claim);
            assert_int_equal(claim.inside, 0);
        }
    }
}

static void an_owner_is_kept_out_while_it_is_taken(void **state) {
    (void)state;
    for (int barrier = 0; barrier < 2; barrier++) {
        struct bda_claim claim;
        bda_claim_init(&claim, barrier != 0);
        bda_claim_announce(&claim);
        assert_false(bda_claim_enter(&claim));
        assert_int_equal(claim.inside, 0); /* so nobody waits for it */
        bda_claim_wait(&claim);
        assert_false(bda_claim_enter(&claim));
        bda_claim_give_back(&claim);
        assert_true(bda_claim_enter(&claim));
        bda_claim_leave(&claim);
        assert_int_equal(bda_claim_fenced(&claim) == 0, barrier); /* as it was */
    }
}

/* As after the end of a bias, and before the next one (lock.h). */
static void an_owner_that_was_kept_out_for_good_is_let_in_anew(void **state) {
    (void)state;
    for (int barrier = 0; barrier < 2; barrier++) {
        struct bda_claim claim;
        bda_claim_init(&claim, barrier != 0);
        bda_claim_announce(&claim);
        bda_claim_wait(&claim);
        bda_claim_keep(&claim);
        assert_false(bda_claim_enter(&claim));
        bda_claim_let_in(&claim);
        assert_true(bda_claim_enter(&claim));
        bda_claim_leave(&claim);
        assert_int_equal(bda_claim_fenced(&claim) == 0, barrier);
    }
}

static void who_is_inside_counts_as_holding_a_lock(void **state) {
    (void)state;
    struct bda_claim claim;
    bda_claim_init(&claim, false);
    assert_int_equal(bda_locks_held, 0);
    assert_true(bda_claim_enter(&claim));
    assert_int_equal(bda_locks_held, 1);
    bda_claim_leave(&claim);
    bda_claim_announce(&claim);
    assert_int_equal(bda_locks_held, 0);
    bda_claim_wait(&claim);
    assert_int_equal(bda_locks_held, 1);
    assert_false(bda_claim_enter(&claim));
    assert_int_equal(bda_locks_held, 1);
    bda_claim_give_back(&claim);
    assert_int_equal(bda_locks_held, 0);
}

/* ---- On real processors ---- */

static struct {
    struct bda_claim claim;
    struct bda_mutex lock;      /* of the others */
    uint64_t sum, by_the_owner; /* plain on purpose: the thread sanitizer watches, too */
    uint32_t rounds;
    _Atomic bool over;
} shared;

static void *come_from_outside(void *unused) {
    (void)unused;
    for (uint32_t i = 0; i < shared.rounds; i++) {
        bda_mutex_lock(&shared.lock);
        bda_claim_announce(&shared.claim);
        if (bda_claim_fenced(&shared.claim) == 0)
            bda_barrier_everywhere();
        bda_claim_wait(&shared.claim);
        shared.sum++;
        bda_claim_give_back(&shared.claim);
        bda_mutex_unlock(&shared.lock);
    }
    return NULL;
}

static void *own_it(void *unused) {
    (void)unused;
    while (!atomic_load_explicit(&shared.over, memory_order_relaxed)) {
        if (!bda_claim_enter(&shared.claim))
            continue;
        shared.sum++;
        shared.by_the_owner++;
        bda_claim_leave(&shared.claim);
    }
    return NULL;
}

static void all_add_to_one_sum(bool barrier, uint32_t rounds) {
    pthread_t owner, others[OTHERS];
    memset(&shared, 0, sizeof shared);
    bda_claim_init(&shared.claim, barrier);
    shared.rounds = rounds;
    bda_mutex_init(&shared.lock, true);
    assert_int_equal(pthread_create(&owner, NULL, own_it, NULL), 0);
    for (uint32_t i = 0; i < OTHERS; i++)
        assert_int_equal(pthread_create(&others[i], NULL, come_from_outside, NULL), 0);
    for (uint32_t i = 0; i < OTHERS; i++)
        assert_int_equal(pthread_join(others[i], NULL), 0);
    atomic_store(&shared.over, true);
    assert_int_equal(pthread_join(owner, NULL), 0);
    assert_int_equal(shared.sum, shared.by_the_owner + OTHERS * rounds);
    bda_mutex_destroy(&shared.lock);
}

static void nothing_is_lost_between_owner_and_others(void **state) {
    (void)state;
    all_add_to_one_sum(false, 2000);
}

static void nothing_is_lost_where_others_bring_the_barrier(void **state) {
    (void)state;
    if (!bda_barrier_exists())
        skip();
    all_add_to_one_sum(true, 500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owner_alone_comes_in),
        cmocka_unit_test(an_owner_is_kept_out_while_it_is_taken),
        cmocka_unit_test(an_owner_that_was_kept_out_for_good_is_let_in_anew),
        cmocka_unit_test(who_is_inside_counts_as_holding_a_lock),
        cmocka_unit_test(nothing_is_lost_between_owner_and_others),
        cmocka_unit_test(nothing_is_lost_where_others_bring_the_barrier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
