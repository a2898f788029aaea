/*
 * src/alloc/cache.c: when a thread that is alone leaves its shelves alone (bda_pool_rests), and when it comes back.
 */
#include "helper_support.h"

#include "alloc/caches.h"

/* ---- What the tests see ---- */

static VkDeviceSize cached(void) {
    return bench_use().cached;
}

static BdaAllocation take_small(VkDeviceSize size) {
    return take_bytes(size, BDA_INTENT_DEVICE);
}

static const BdaAllocatorInfo large_block = { .first_block_size = MIB(16) };

static struct bda_pool *pool_of(const BdaAllocation *a) {
    return atomic_load(&bda_block_of(bench.allocator, bda_node_of(bench.allocator, (uint32_t)a->handle))->pool);
}

/* The thread has a cache, with a place for the ranges of the pool: the second free finds both. */
static void open_used(const BdaAllocatorInfo *wishes) {
    bench_open(NULL, wishes);
    for (int i = 0; i < 3; i++)
        give(take_small(64));
    assert_int_equal(cached(), 64);
}

static bool rests(const BdaAllocation *a) {
    return bda_pool_rests(pool_of(a));
}

enum { ENOUGH = 2000 }; /* pairs, to see what shelves are worth */

/* Pairs of sizes that are far apart. */
static void churn_without_a_pattern(uint32_t pairs) {
    BdaAllocation held = take_small(64);
    for (uint32_t i = 0; i < pairs; i++) {
        BdaAllocation next = take_small(64 + (i * (VkDeviceSize)7919) % KIB(60));
        give(held);
        held = next;
    }
    give(held);
}

/* Of three requests two are for a size that recurs, and one is for what is larger than all that was freed. */
static void churn_mostly_served(uint32_t pairs) {
    for (uint32_t i = 0; i < pairs; i++)
        give(take_small(i % 3 != 0 ? KIB(40) : 64 + 16 * (VkDeviceSize)i / 3));
}

/* Nine tenths of the block are taken. */
static void fill_up(BdaAllocation held[4]) {
    for (uint32_t i = 0; i < 4; i++)
        held[i] = take_small(MIB(3) + KIB(640));
}

/* In a pool that is nearly full, where a thread alone may keep nothing, every look behind its shelves is in vain. */
static void shelves_that_serve_nothing_rest(void **state) {
    (void)state;
    open_used(&large_block);
    BdaAllocation held[4];
    fill_up(held);
    churn_without_a_pattern(ENOUGH);
    assert_true(rests(&held[0]));
    assert_int_equal(cached(), 0);
    give(take_small(KIB(1)));
    assert_int_equal(cached(), 0);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    give_all(held, COUNT_OF(held));
    bench_close();
}

/* What had a name is not kept either, whatever the thread keeps of other pools. */
static void nothing_with_a_name_is_kept_of_what_rests(void **state) {
    (void)state;
    open_used(&large_block);
    BdaPool other = make_pool((BdaPoolInfo){ .first_block_size = MIB(16) });
    for (uint32_t i = 0; i < 3; i++)
        give(take((BdaAllocInfo){ .size = 64, .pool = other }));
    BdaAllocation held[4], named = take((BdaAllocInfo){ .size = 64, .name = "name" });
    fill_up(held);
    churn_without_a_pattern(ENOUGH);
    assert_true(rests(&named));
    give(take((BdaAllocInfo){ .size = KIB(2), .pool = other }));
    assert_true(bda_cache_at_hand(bench.allocator)->open);
    VkDeviceSize before = cached();
    give(named);
    assert_int_equal(cached(), before);
    give_all(held, COUNT_OF(held));
    assert_int_equal(bda_destroy_pool(bench.allocator, other), VK_SUCCESS);
    bench_close();
}

static void shelves_that_serve_do_not_rest(void **state) {
    (void)state;
    open_used(&large_block);
    BdaAllocation held = take_small(64);
    churn_mostly_served(3 * ENOUGH);
    assert_false(rests(&held));
    assert_int_not_equal(cached(), 0);
    give(held);
    bench_close();
}

/* While everything is only taken, there is nothing that could serve. */
static void what_is_only_taken_says_nothing_about_them(void **state) {
    (void)state;
    static BdaAllocation all[ENOUGH];
    open_used(&large_block);
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take_small(64 + (i * (VkDeviceSize)7919) % KIB(4));
    assert_false(rests(&all[0]));
    give_all(all, COUNT_OF(all));
    bench_close();
}

/* After so many ranges they are tried again, and serve what recurs by then. */
static void a_rest_ends(void **state) {
    (void)state;
    BdaAllocation held[4];
    open_used(&large_block);
    BdaAllocation one = take_small(KIB(1)), other = take_small(KIB(1));
    fill_up(held);
    churn_without_a_pattern(ENOUGH);
    assert_true(rests(&held[0]));
    give_all(held, COUNT_OF(held));
    give(one);
    assert_int_equal(cached(), 0);
    uint32_t pairs = 0;
    for (; rests(&other); pairs++) {
        assert_in_range(pairs, 0, 100000);
        give(take_small(KIB(1)));
    }
    assert_in_range(pairs, 1000, 100000);
    assert_int_equal(cached(), KIB(1)); /* a free finds that out by itself */
    give(take_small(KIB(2)));
    VkDeviceSize before = cached();
    give(other);
    assert_int_equal(cached(), before + KIB(1));
    bench_close();
}

/* The pool rests, or begins to; how many ranges are taken until it no longer does. */
static uint32_t length_of_rest(const BdaAllocation *a) {
    for (uint32_t i = 0; !rests(a); i++) {
        assert_in_range(i, 0, ENOUGH);
        churn_without_a_pattern(1);
    }
    uint32_t length = 0;
    for (; rests(a); length++)
        give(take_small(64));
    return length;
}

/* What is tried in vain again and again is tried less and less; once shelves have served, a rest is a short one again.
 */
static void rests_in_a_row_become_longer(void **state) {
    (void)state;
    open_used(&large_block);
    BdaAllocation held[4];
    fill_up(held);
    uint32_t first = length_of_rest(&held[0]), before = first;
    for (uint32_t i = 1; i < 7; i++) {
        uint32_t length = length_of_rest(&held[0]), wanted = i <= 4 ? 2 * before : before;
        assert_in_range(length, wanted - 8, wanted + 8);
        before = length;
    }
    give_all(held, COUNT_OF(held));
    BdaAllocation other = take_small(64);
    churn_mostly_served(3 * ENOUGH);
    assert_false(rests(&other));
    assert_int_equal(bda_trim(bench.allocator, MIB(64), NULL), VK_SUCCESS); /* or what is kept is in the way */
    fill_up(held);
    assert_in_range(length_of_rest(&held[0]), first - 8, first + 8);
    give_all(held, COUNT_OF(held));
    give(other);
    bench_close();
}

/* ---- Others ---- */

static struct helper helper;

static void free_the_given(struct helper *h) {
    h->wrong += bda_free(h->allocator, h->given->handle) != VK_SUCCESS ? 1u : 0u;
}

/* Whoever is not alone any more has use for shelves again: they save it waiting. */
static void it_ends_when_another_thread_comes(void **state) {
    (void)state;
    BdaAllocation held[4];
    open_used(&large_block);
    BdaAllocation one = take_small(KIB(1));
    fill_up(held);
    churn_without_a_pattern(ENOUGH);
    assert_true(rests(&held[0]));
    hire(&helper);
    helper.given = &one;
    tell(&helper, free_the_given);
    assert_false(rests(&held[0]));
    dismiss(&helper);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    give_all(held, COUNT_OF(held));
    bench_close();
}

/* Sizes that only grow find nothing in shelves that are full of smaller ones; what is in them goes back first. */
static void nothing_is_left_on_them(void **state) {
    (void)state;
    open_used(&large_block);
    BdaAllocation held = take_small(64);
    VkDeviceSize most = 0;
    for (uint32_t i = 0; i < ENOUGH && !rests(&held); i++) {
        give(take_small(64 + 16 * (VkDeviceSize)i));
        most = most > cached() ? most : cached();
    }
    assert_true(rests(&held));
    assert_in_range(most, KIB(64), MIB(2));
    assert_int_equal(cached(), 0);
    assert_int_equal(bench_use().used, 64);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    give(held);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shelves_that_serve_nothing_rest),
        cmocka_unit_test(nothing_with_a_name_is_kept_of_what_rests),
        cmocka_unit_test(shelves_that_serve_do_not_rest),
        cmocka_unit_test(what_is_only_taken_says_nothing_about_them),
        cmocka_unit_test(a_rest_ends),
        cmocka_unit_test(rests_in_a_row_become_longer),
        cmocka_unit_test(it_ends_when_another_thread_comes),
        cmocka_unit_test(nothing_is_left_on_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
