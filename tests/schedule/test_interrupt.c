/*
 * One thread stops at each place where another one may come between (BDA_YIELD_POINT: every lock, and between the steps
 * of what needs none), and there another thread makes a whole call. Each call by each other, at each place: whatever
 * comes between what, an allocation is freed by exactly one, nothing is lost, and what is handed out next is whole.
 *
 * If the other call waits for the first one (which stands inside of a lock), that goes on after a moment.
 */
#include "unit/alloc_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "alloc/cache.h"
#include "alloc/handle.h"
#include "platform/platform.h"

/* The block and the other thread's stack are small: they come and go with each place, and the thread sanitizer goes
 * through all of them each time. */
enum { RANGE_SIZE = 208, NEIGHBOURS = 96, PLACES = 400, BLOCK_SIZE = KIB(256), STACK_SIZE = KIB(256) };

/* ---- The calls; each answers whether it succeeded ---- */

static BdaHandle subject; /* what both are about */
static VkSemaphore timeline;
static BdaAllocation taken[2]; /* by each of the two */
static _Atomic unsigned nonsense, frees;

static void free_it(VkResult result) {
    atomic_fetch_add(&frees, result == VK_SUCCESS ? 1u : 0u);
}

static void call_free(uint32_t who) {
    (void)who;
    free_it(bda_free(bench.allocator, subject));
}

static void call_free_many(uint32_t who) {
    (void)who;
    free_it(bda_free_many(bench.allocator, 1, &subject));
}

static void call_free_after(uint32_t who) {
    (void)who;
    free_it(bda_free_after(bench.allocator, subject, timeline, 0));
}

static void call_set_name(uint32_t who) {
    (void)bda_set_name(bench.allocator, subject, who == 0 ? "first" : "second");
}

static void call_set_user(uint32_t who) {
    (void)bda_set_user(bench.allocator, subject, 7 + who);
}

/* What it answers is of the allocation, or it is refused. */
static void call_get_info(uint32_t who) {
    BdaAllocationInfo info;
    (void)who;
    if (bda_get_info(bench.allocator, subject, &info) != VK_SUCCESS)
        return;
    bool whole = info.allocation.size == RANGE_SIZE && info.allocation.handle == subject;
    atomic_fetch_add(&nonsense, whole ? 0u : 1u);
}

/* Its last bytes: were its size not its own, those would be refused, or another's. */
static void call_write(uint32_t who) {
    (void)bda_write(bench.allocator, subject, RANGE_SIZE - 1 - who, "x", 1);
}

static void call_alloc(uint32_t who) {
    if (bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = RANGE_SIZE, .intent = BDA_INTENT_UPLOAD }, &taken[who]) !=
        VK_SUCCESS)
        atomic_fetch_add(&nonsense, 1u);
}

/* More than the block has left: what is kept goes back first, then there is a new one. */
static void call_alloc_much(uint32_t who) {
    if (bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = BLOCK_SIZE - KIB(4), .intent = BDA_INTENT_UPLOAD },
                  &taken[who]) != VK_SUCCESS)
        atomic_fetch_add(&nonsense, 1u);
}

static void call_collect(uint32_t who) {
    (void)who;
    (void)bda_collect(bench.allocator);
    (void)bda_collect(bench.allocator);
}

static void call_trim(uint32_t who) {
    (void)who;
    (void)bda_trim(bench.allocator, 0, NULL);
}

static void call_check(uint32_t who) {
    (void)who;
    atomic_fetch_add(&nonsense, bda_check(bench.allocator) == VK_SUCCESS ? 0u : 1u);
}

static void call_stats(uint32_t who) {
    BdaStats stats;
    (void)who;
    (void)bda_get_stats(bench.allocator, &stats);
    bool possible = stats.total.allocation_count <= NEIGHBOURS + 3 && stats.total.used <= stats.total.reserved;
    atomic_fetch_add(&nonsense, possible ? 0u : 1u);
}

static const struct call {
    const char *name;
    void (*make)(uint32_t who);
} calls[] = {
    { "free", call_free },         { "free_many", call_free_many }, { "free_after", call_free_after },
    { "set_name", call_set_name }, { "set_user", call_set_user },   { "get_info", call_get_info },
    { "write", call_write },       { "alloc", call_alloc },         { "alloc_much", call_alloc_much },
    { "collect", call_collect },   { "trim", call_trim },           { "check", call_check },
    { "stats", call_stats },
};

/* ---- Coming between ---- */

enum turn { NOT_READY, READY, MAKE_IT, LEAVE_IT, DONE };

static struct {
    const struct call *call; /* the other thread's */
    bool prepared;           /* it has a cache of its own */
    _Atomic int turn;        /* enum turn */
} other;

static _Thread_local uint32_t stop_at; /* this place from now; 0: nowhere */

static void give_back_at_once(void) {
    BdaAllocation a;
    for (uint32_t i = 0; i < 2; i++)
        if (bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = RANGE_SIZE, .intent = BDA_INTENT_UPLOAD }, &a) ==
            VK_SUCCESS)
            (void)bda_free(bench.allocator, a.handle);
}

static void *make_other(void *unused) {
    (void)unused;
    if (other.prepared)
        give_back_at_once();
    atomic_store(&other.turn, READY);
    while (atomic_load(&other.turn) == READY)
        bda_native_yield();
    if (atomic_load(&other.turn) == MAKE_IT)
        other.call->make(1);
    atomic_store(&other.turn, DONE);
    return NULL;
}

static void wait_a_moment(void) {
    for (uint32_t i = 0; i < 40 && atomic_load(&other.turn) != DONE; i++)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 25000 }, NULL);
}

static void come_between(void) {
    if (stop_at == 0 || --stop_at != 0)
        return;
    atomic_store(&other.turn, MAKE_IT);
    wait_a_moment();
}

/* Whether the first call had as many places. */
static bool run_with(const struct call *first, uint32_t place) {
    pthread_t thread;
    pthread_attr_t small;
    atomic_store(&other.turn, NOT_READY);
    assert_int_equal(pthread_attr_init(&small), 0);
    assert_int_equal(pthread_attr_setstacksize(&small, STACK_SIZE), 0);
    assert_int_equal(pthread_create(&thread, &small, make_other, NULL), 0);
    assert_int_equal(pthread_attr_destroy(&small), 0);
    while (atomic_load(&other.turn) == NOT_READY)
        bda_native_yield();
    stop_at = place;
    first->make(0);
    bool there = stop_at == 0;
    stop_at = 0;
    if (!there)
        atomic_store(&other.turn, LEAVE_IT);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return there;
}

/* ---- Before and after ---- */

static BdaAllocation neighbours[NEIGHBOURS];

/* The subject lies between others, some of which are freed, a large free range behind them all. `full`: its shelf is
 * full already. */
static void set_up(bool full) {
    bench_prepare(&(struct fake_config){ .machine = FAKE_MACHINE_REBAR });
    bench.info.message = NULL;
    bench.info.first_block_size = BLOCK_SIZE;
    bench_start();
    timeline = fake_make_semaphore(bench.driver, 0);
    for (uint32_t i = 0; i < NEIGHBOURS; i++)
        neighbours[i] = take_bytes(RANGE_SIZE, BDA_INTENT_UPLOAD);
    subject = take_bytes(RANGE_SIZE, BDA_INTENT_UPLOAD).handle;
    give_back_at_once();
    for (uint32_t i = full ? 0 : NEIGHBOURS - 20; i < NEIGHBOURS; i++) {
        give(neighbours[i]);
        neighbours[i].handle = 0;
    }
    memset(taken, 0, sizeof taken);
    nonsense = frees = 0;
}

/* All that is taken now is free of names and values, whole, and nobody else's. */
static void take_all_anew(void) {
    static BdaAllocation all[200];
    for (uint32_t i = 0; i < COUNT_OF(all); i++) {
        all[i] = take_bytes(RANGE_SIZE, BDA_INTENT_UPLOAD);
        const BdaAllocationInfo info = info_of(all[i].handle);
        assert_null(info.name);
        assert_int_equal(info.user, 0);
        for (uint32_t k = 0; k < i; k++)
            assert_true(all[k].address + RANGE_SIZE <= all[i].address || all[i].address + RANGE_SIZE <= all[k].address);
    }
    give_all(all, COUNT_OF(all));
}

static uint64_t spare_records(void) {
    uint64_t count = 0;
    struct bda_cache *cache = atomic_load(&bench.allocator->newest_cache);
    for (; cache != NULL; cache = cache->older)
        count += cache->records.count;
    for (uint32_t i = bench.allocator->records.spare; i != 0; i = (uint32_t)bda_record_at(bench.allocator, i)->user)
        count++;
    return count;
}

static void look_after(void) {
    assert_int_equal(nonsense, 0);
    assert_true(frees <= 1);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    if (frees == 0)
        assert_int_equal(bda_free(bench.allocator, subject), VK_SUCCESS);
    assert_int_equal(bda_free(bench.allocator, subject), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(bda_free(bench.allocator, taken[i].handle), VK_SUCCESS);
    take_all_anew();
    for (uint32_t i = 0; i < NEIGHBOURS; i++)
        assert_int_equal(bda_free(bench.allocator, neighbours[i].handle), VK_SUCCESS);
    const BdaUse use = bench_use();
    assert_int_equal(use.allocation_count, 0);
    assert_int_equal(use.used, 0);
    assert_int_equal(use.wasted, 0);
    uint32_t records = bench.allocator->records.store.length;
    assert_int_equal(spare_records(), records != 0 ? records - 1 : 0);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(bench_use().cached, 0);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

/* ---- All of them ---- */

static uint32_t interrupt_everywhere(const struct call *first, const struct call *second, bool full) {
    other.call = second;
    other.prepared = full;
    for (uint32_t place = 1; place < PLACES; place++) {
        set_up(full);
        bda_yield_hook = come_between;
        bool there = run_with(first, place);
        bda_yield_hook = NULL;
        look_after();
        if (!there)
            return place - 1;
    }
    fail_msg("%s has too many places", first->name);
    return 0;
}

static void any_call_may_come_between(void **state) {
    const struct call *first = *state;
    uint32_t places = 0;
    for (uint32_t i = 0; i < COUNT_OF(calls); i++) {
        places += interrupt_everywhere(first, &calls[i], false);
        places += interrupt_everywhere(first, &calls[i], true);
    }
    assert_true(places != 0);
    print_message("             %u times\n", (unsigned)places);
}

int main(void) {
    struct CMUnitTest tests[COUNT_OF(calls)];
    memset(tests, 0, sizeof tests);
    for (uint32_t i = 0; i < COUNT_OF(calls); i++)
        tests[i] = (struct CMUnitTest){ .name = calls[i].name,
                                        .test_func = any_call_may_come_between,
                                        .initial_state = (void *)(uintptr_t)&calls[i] };
    return _cmocka_run_group_tests("any call may come between", tests, COUNT_OF(tests), NULL, NULL);
}
