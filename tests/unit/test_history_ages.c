/* How long ago a free was (src/debug/history.c, src/core/ring.c): exact where one thread frees, whatever it frees and
 * whoever keeps it in mind; the clock that several threads share; and how much is kept of threads that only free. */
#include "alloc/history.h"
#include "debug/history.h"
#include "helper_support.h"

static BdaPastOwner owner;
static BdaHistory history;

static uint32_t past_of(VkDeviceAddress address) {
    uint32_t count = 1;
    VkResult result = bda_get_history(bench.allocator, address, 0, &history, &count, &owner);
    assert_true(result == VK_SUCCESS || result == VK_INCOMPLETE);
    return count;
}

static void open_with(BdaAllocatorFlags flags, BdaCheckFlags checks, uint32_t depth) {
    bench_prepare(NULL);
    bench.info.flags = flags;
    bench.info.checks = checks;
    bench.info.history_depth = depth;
    bench_start();
}

/* ---- One thread ---- */

static const char *const names[] = { NULL, "mesh", "a name that is longer than one slot has room for" };

/* Sizes from both sides of what caches keep. */
static BdaAllocation take_one(uint32_t kind) {
    return take((BdaAllocInfo){ .size = kind % 2 == 0 ? 64 : KIB(100), .name = names[kind / 2 % 3] });
}

/* Its bytes stay nobody else's: they are freed last of what is large. */
static void age_after(uint32_t first, uint32_t count, uint32_t kind) {
    for (uint32_t i = 0; i < first; i++)
        give(take_one(kind));
    BdaAllocation marked = take((BdaAllocInfo){ .size = MIB(1), .name = "marked", .flags = BDA_ALLOC_DEDICATED_BIT });
    give(marked);
    for (uint32_t i = 0; i < count; i++)
        give(take_one(kind + (kind >= 6 ? i : 0)));
    assert_true(past_of(marked.address) == 1);
    if (owner.frees_ago != count)
        fail_msg("kind %u, %u frees before, %u since: %llu are told", kind, first, count,
                 (unsigned long long)owner.frees_ago);
}

static void one_threads_frees_are_counted_exactly(void **state) {
    (void)state;
    static const BdaAllocatorFlags flags[] = { 0, BDA_ALLOCATOR_NO_CACHES_BIT,
                                               BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT };
    static const uint32_t counts[] = { 0, 1, 30, 43, 255, 256, 257, 700 };
    for (uint32_t i = 0; i < COUNT_OF(flags); i++)
        for (uint32_t kind = 0; kind <= 6; kind++)
            for (uint32_t first = 0; first < COUNT_OF(counts); first++)
                for (uint32_t k = 0; k < COUNT_OF(counts); k += 1 + first % 2) {
                    open_with(flags[i], 0, 4096);
                    age_after(counts[first], counts[k], kind);
                    bench_close();
                }
}

static void allocations_do_not_count_as_frees(void **state) {
    (void)state;
    for (uint32_t kind = 0; kind <= 6; kind++) {
        open_with(0, BDA_CHECK_HISTORY_BIT, 8192);
        age_after(500, 700, kind);
        bench_close();
    }
}

/* ---- The clock ---- */

static uint64_t lag(void) {
    struct bda_history *past = &bench.allocator->history;
    return atomic_load(&past->turns) - (bda_clock_now(bench.allocator) >> 32);
}

static void who_frees_alone_sets_the_clock_with_each_turn(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    struct bda_ring alone = { .clock_seen = 0 }, gone = { .clock_seen = 0 };
    for (uint32_t i = 0; i < 8; i++) {
        bda_clock_advance(bench.allocator, &alone);
        assert_int_equal(lag(), 0);
    }
    gone.clock_seen = 8;
    bda_clock_advance(bench.allocator, &gone); /* another one frees for a turn */
    assert_int_equal(lag(), 0);
    bda_clock_advance(bench.allocator, &alone); /* leaves this one to the other, which might go on */
    assert_int_equal(lag(), 1);
    for (uint32_t i = 0; i < 8; i++) {
        bda_clock_advance(bench.allocator, &alone);
        assert_int_equal(lag(), 0);
    }
    bench_close();
}

/* Each time it is set, all that free wait for its line. */
static void threads_that_free_alike_set_the_clock_once_for_all(void **state) {
    (void)state;
    enum { RINGS = 16, ROUNDS = 100 };
    bench_open(NULL, NULL);
    struct bda_ring rings[RINGS] = { { .clock_seen = 0 } };
    uint64_t last = bda_clock_now(bench.allocator);
    uint32_t sets = 0;
    for (uint32_t i = 0; i < ROUNDS * RINGS; i++) {
        bda_clock_advance(bench.allocator, &rings[i % RINGS]);
        sets += bda_clock_now(bench.allocator) != last;
        last = bda_clock_now(bench.allocator);
        assert_in_range(lag(), 0, RINGS); /* a turn of each */
    }
    assert_in_range(sets, ROUNDS / 2, ROUNDS + 1);
    bench_close();
}

static struct bda_ring one, another;

static void a_frame_begins(void) {
    bda_yield_hook = NULL;
    bda_set_frame(bench.allocator, 7);
}

static void another_turn_is_complete(void) {
    bda_yield_hook = NULL;
    bda_clock_advance(bench.allocator, &another);
}

static void what_comes_between_is_not_lost(void **state) {
    (void)state;
    void (*const hooks[])(void) = { a_frame_begins, another_turn_is_complete };
    for (uint32_t i = 0; i < COUNT_OF(hooks); i++) {
        bench_open(NULL, NULL);
        one.clock_seen = another.clock_seen = 0;
        bda_yield_hook = hooks[i];
        bda_clock_advance(bench.allocator, &one);
        assert_null(bda_yield_hook);
        assert_int_equal((uint32_t)bda_clock_now(bench.allocator), i == 0 ? 7 : 0);
        assert_int_equal(lag(), 0); /* the later turn counts both */
        bench_close();
    }
}

/* The other one has seen that somebody sets the clock, and leaves its turn to him; who has looked already. */
static void what_comes_between_is_missing_for_two_turns(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    one.clock_seen = 0;
    another.clock_seen = UINT32_MAX;
    bda_yield_hook = another_turn_is_complete;
    bda_clock_advance(bench.allocator, &one);
    assert_int_equal(lag(), 1);
    assert_int_equal(another.clock_seen, 0); /* the clock of before */
    bda_clock_advance(bench.allocator, &another);
    assert_int_equal(lag(), 2);
    bda_clock_advance(bench.allocator, &another);
    assert_int_equal(lag(), 0);
    bench_close();
}

/* ---- Others ---- */

static void *churn(void *kind) {
    for (uint32_t i = 0; i < 700; i++)
        give(take_one(*(uint32_t *)kind));
    return NULL;
}

static void run(void *(*body)(void *), void *context) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, body, context), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void another_threads_frees_are_counted_by_turns(void **state) {
    (void)state;
    for (uint32_t kind = 0; kind < 6; kind++) {
        open_with(0, 0, 4096);
        for (uint32_t i = 0; i < 100; i++) /* a ring of its own */
            give(take_one(kind));
        BdaAllocation marked = take((BdaAllocInfo){ .size = MIB(1), .flags = BDA_ALLOC_DEDICATED_BIT });
        give(marked);
        run(churn, &kind);
        assert_int_equal(past_of(marked.address), 1);
        assert_in_range(owner.frees_ago, 700 - 2 * 256,
                        700 + 256); /* another one may take over a ring that has begun */
        bench_close();
    }
}

static void free_some(struct helper *helper) {
    for (uint32_t i = 0; i < helper->count; i++)
        give(take_one(0));
}

static void threads_that_take_turns_are_counted_within_three_turns(void **state) {
    (void)state;
    static const uint32_t steps[] = { 1, 100, 256, 300, 1000 };
    static struct helper helper;
    for (uint32_t i = 0; i < COUNT_OF(steps); i++) {
        open_with(0, 0, 8192);
        hire(&helper);
        helper.count = steps[i];
        uint32_t since = 0;
        for (uint32_t before = 0; before < 3000; before += 2 * steps[i]) {
            free_some(&helper);
            tell(&helper, free_some);
        }
        BdaAllocation marked = take((BdaAllocInfo){ .size = MIB(1), .flags = BDA_ALLOC_DEDICATED_BIT });
        give(marked);
        for (; since < 3000; since += 2 * steps[i]) {
            tell(&helper, free_some);
            free_some(&helper);
            assert_int_equal(past_of(marked.address), 1);
            uint64_t truth = since + 2 * (uint64_t)steps[i];
            assert_in_range(owner.frees_ago, truth > 768 ? truth - 768 : 0, truth + 768);
        }
        dismiss(&helper);
        bench_close();
    }
}

static struct many {
    uint32_t count;
    BdaAllocation all[1200];
} queue;

static void free_the_next(struct helper *helper) {
    for (uint32_t i = 0; i < helper->count; i++)
        give(queue.all[queue.count++]);
}

/* Though it began as a guest of the ring that all share. */
static void who_frees_alone_is_counted_exactly_whoever_allocates(void **state) {
    (void)state;
    static struct helper helper;
    open_with(0, 0, 4096);
    hire(&helper);
    for (uint32_t i = 0; i < COUNT_OF(queue.all); i++)
        queue.all[i] = take_one(2);
    queue.count = 0;
    helper.count = 300;
    tell(&helper, free_the_next);
    BdaAllocation a = take_one(2); /* gives it a ring of its own */
    tell(&helper, free_the_next);
    helper.count = 1;
    VkDeviceAddress marked = queue.all[queue.count].address;
    tell(&helper, free_the_next);
    for (uint32_t since = 0; since < 500; since += helper.count) {
        assert_int_equal(past_of(marked), 1);
        assert_int_equal(owner.frees_ago, since);
        helper.count = 100;
        tell(&helper, free_the_next);
    }
    give_all(queue.all + queue.count, (uint32_t)COUNT_OF(queue.all) - queue.count);
    give(a);
    dismiss(&helper);
    bench_close();
}

/* However long that is, but for what 32 bits of turns hold. */
static void what_is_old_is_not_new(void **state) {
    (void)state;
    static struct helper helper;
    open_with(0, 0, 4096);
    hire(&helper);
    helper.count = 600;
    tell(&helper, free_some);
    BdaAllocation marked = take((BdaAllocInfo){ .size = MIB(1), .flags = BDA_ALLOC_DEDICATED_BIT });
    give(marked);
    const uint64_t turns = (uint64_t)UINT32_MAX - (1 << 24) - 100;
    atomic_fetch_add(&bench.allocator->history.turns, turns);
    atomic_fetch_add(&bench.allocator->history.now, turns << 32);
    tell(&helper, free_some);
    assert_int_equal(past_of(marked.address), 1);
    assert_in_range(owner.frees_ago, turns << 8, (turns + 10) << 8);
    dismiss(&helper);
    bench_close();
}

/* What comes while rings are read is newer than the count that the search began with. */
static struct helper helpers[2];

enum { BEFORE = 300, MEANWHILE = 800 }; /* frees of each; the second are three turns, the last of which set the clock */

static void free_when_the_first_is_shown(void *shown, const BdaPastOwner *past, VkDeviceSize held) {
    (void)held;
    for (uint32_t i = 0; *(uint32_t *)shown == 0 && i < COUNT_OF(helpers); i++) {
        helpers[i].count = MEANWHILE;
        tell(&helpers[i], free_some);
    }
    ++*(uint32_t *)shown;
    assert_in_range(past->frees_ago, 0, COUNT_OF(helpers) * (BEFORE + MEANWHILE));
}

static void what_is_freed_meanwhile_is_not_old(void **state) {
    (void)state;
    open_with(0, 0, 2048);
    for (uint32_t i = 0; i < COUNT_OF(helpers); i++) {
        hire(&helpers[i]);
        helpers[i].count = BEFORE;
        tell(&helpers[i], free_some);
    }
    uint32_t shown = 0;
    memset(&history, 0, sizeof history);
    bda_history_each(bench.allocator, free_when_the_first_is_shown, &shown, &history);
    assert_int_equal(shown, 2 * BEFORE + MEANWHILE); /* of one ring, the other one was read before */
    for (uint32_t i = 0; i < COUNT_OF(helpers); i++)
        dismiss(&helpers[i]);
    bench_close();
}

/* ---- Threads that only free ---- */

static void *give_them(void *context) {
    struct many *many = context;
    give_all(many->all, many->count);
    return NULL;
}

static void what_others_free_is_kept_as_deep_as_was_asked_for(void **state) {
    (void)state;
    static const uint32_t depths[] = { 64, 512, 1024 };
    static struct many many;
    for (uint32_t i = 0; i < COUNT_OF(depths); i++) {
        open_with(0, 0, depths[i]);
        many.count = depths[i] / 2 - 4; /* a name takes a second slot */
        for (uint32_t k = 0; k < many.count; k++)
            many.all[k] = take((BdaAllocInfo){ .size = 64, .name = "mesh" });
        run(give_them, &many);
        for (uint32_t k = 0; k < many.count; k++) {
            assert_int_equal(past_of(many.all[k].address), 1);
            assert_int_equal(owner.frees_ago, k); /* the last one went first */
        }
        assert_true(history.complete);
        bench_close();
    }
}

static struct many first, others;

static void give_first(struct helper *unused) {
    (void)unused;
    give_all(first.all, first.count);
}

static void give_others(struct helper *unused) {
    (void)unused;
    give_all(others.all, others.count);
}

static void who_only_frees_has_a_ring_when_somebody_has_allocated(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    static struct helper helper;
    hire(&helper);
    first.count = 43;   /* one more than there may be of threads that have made a few requests */
    others.count = 250; /* with a name, 500 slots */
    for (uint32_t k = 0; k < others.count; k++)
        others.all[k] = take((BdaAllocInfo){ .size = KIB(100), .name = "mesh" });
    for (uint32_t k = 0; k < first.count; k++)
        first.all[k] = take_one(2);
    tell(&helper, give_first);
    size_t before = bench.host.calls;
    BdaAllocation a = take_one(2); /* grants the wish */
    assert_true(bench.host.calls > before);
    before = bench.host.calls;
    tell(&helper, give_others);
    assert_int_equal(bench.host.calls, before); /* a free takes no memory */
    for (uint32_t k = 0; k < others.count; k++)
        assert_int_equal(past_of(others.all[k].address), 1);
    assert_true(history.complete);
    give(a);
    dismiss(&helper);
    bench_close();
}

/* ---- Large ones ---- */

static void all_of_a_large_one_has_its_owner(void **state) {
    (void)state;
    static const VkDeviceSize sizes[] = { GIB(16), GIB(32) - 16, GIB(32), GIB(64) - 16, GIB(64), GIB(100) + 5 };
    for (uint32_t i = 0; i < COUNT_OF(sizes); i++) {
        bench_open(&(struct fake_config){ .heap_size = GIB(1024) }, NULL);
        BdaAllocation a = take((BdaAllocInfo){ .size = sizes[i], .name = "weights", .flags = BDA_ALLOC_DEDICATED_BIT });
        give(a);
        const VkDeviceSize at[] = { 0, sizes[i] / 2, sizes[i] - 1 };
        for (uint32_t k = 0; k < COUNT_OF(at); k++) {
            assert_int_equal(past_of(a.address + at[k]), 1);
            assert_int_equal(owner.range.size, sizes[i]);
        }
        assert_int_equal(past_of(a.address + sizes[i] + 16), 0);
        assert_true(a.address == owner.range.address || owner.range.address == 0);
        bench_close();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_threads_frees_are_counted_exactly),
        cmocka_unit_test(allocations_do_not_count_as_frees),
        cmocka_unit_test(who_frees_alone_sets_the_clock_with_each_turn),
        cmocka_unit_test(threads_that_free_alike_set_the_clock_once_for_all),
        cmocka_unit_test(what_comes_between_is_not_lost),
        cmocka_unit_test(what_comes_between_is_missing_for_two_turns),
        cmocka_unit_test(another_threads_frees_are_counted_by_turns),
        cmocka_unit_test(threads_that_take_turns_are_counted_within_three_turns),
        cmocka_unit_test(who_frees_alone_is_counted_exactly_whoever_allocates),
        cmocka_unit_test(what_is_freed_meanwhile_is_not_old),
        cmocka_unit_test(what_is_old_is_not_new),
        cmocka_unit_test(what_others_free_is_kept_as_deep_as_was_asked_for),
        cmocka_unit_test(who_only_frees_has_a_ring_when_somebody_has_allocated),
        cmocka_unit_test(all_of_a_large_one_has_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
