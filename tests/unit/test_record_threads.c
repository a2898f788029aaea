/* src/alloc/record.c, several threads: each keeps some spare records, and none is lost. */
#include "helper_support.h"
#include "long_name.h"

#include "alloc/caches.h"

#include <time.h>

static struct helper helper;

/* ---- What is done ---- */

static void take_named(BdaAllocator allocator, BdaAllocation *slots, uint32_t count, unsigned *wrong) {
    for (uint32_t i = 0; i < count; i++)
        *wrong += bda_alloc(allocator, &(BdaAllocInfo){ .size = 64, .name = "named" }, &slots[i]) != VK_SUCCESS;
}

static void free_slots(BdaAllocator allocator, const BdaAllocation *slots, uint32_t count, unsigned *wrong) {
    for (uint32_t i = 0; i < count; i++)
        *wrong += bda_free(allocator, slots[i].handle) != VK_SUCCESS;
}

static void take_some(struct helper *h) {
    take_named(h->allocator, h->slots, h->count, &h->wrong);
}

static void free_some(struct helper *h) {
    free_slots(h->allocator, h->slots, h->count, &h->wrong);
}

static void take_and_free(struct helper *h) {
    for (uint32_t i = 0; i < 100; i++) {
        take_some(h);
        free_some(h);
    }
}

/* ---- What there is ---- */

static uint32_t in_list(void) {
    uint32_t count = 0;
    for (uint32_t i = bench.allocator->records.spare; i != 0; i = (uint32_t)bda_record_at(bench.allocator, i)->user)
        count++;
    return count;
}

static uint32_t with_threads(void) {
    uint32_t count = 0;
    struct bda_cache *cache = atomic_load(&bench.allocator->newest_cache);
    for (; cache != NULL; cache = cache->older) {
        assert_true(cache->records.count <= BDA_SPARE_RECORDS);
        count += cache->records.count;
    }
    return count;
}

static uint32_t with_helper(void) {
    return with_threads() - bda_cache_at_hand(bench.allocator)->records.count;
}

/* But for the one that means none. */
static uint32_t in_all(void) {
    return atomic_load(&bench.allocator->records.store.length) - 1;
}

/* ---- The tests ---- */

static void open_with_helper(uint32_t count) {
    bench_open(NULL, NULL);
    hire(&helper);
    helper.count = count;
    tell(&helper, take_and_free); /* until it has a cache */
}

static void close_with_helper(void) {
    dismiss(&helper);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    bench_close();
}

/* The lock is held here, so who wants it would wait. */
static void a_thread_names_without_the_store_lock(void **state) {
    (void)state;
    open_with_helper(8);
    bda_mutex_lock(&bench.allocator->store_lock);
    uint32_t round = begin(&helper, take_and_free);
    for (uint32_t i = 0; i < 5000 && atomic_load(&helper.done) < round; i++)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    bool done = atomic_load(&helper.done) == round;
    bda_mutex_unlock(&bench.allocator->store_lock);
    await(&helper, round);
    assert_true(done);
    assert_int_equal(helper.wrong, 0);
    close_with_helper();
}

/* One takes, another one gives back: they go around. */
static void records_that_change_threads_come_back(void **state) {
    (void)state;
    unsigned wrong = 0;
    open_with_helper(200);
    static BdaAllocation mine[50]; /* so that this thread has a cache, too */
    take_named(bench.allocator, mine, 50, &wrong);
    free_slots(bench.allocator, mine, 50, &wrong);
    uint32_t all = in_all();
    for (uint32_t i = 0; i < 20; i++) {
        tell(&helper, take_some);
        free_slots(bench.allocator, helper.slots, helper.count, &wrong);
        assert_int_equal(in_list() + with_threads(), in_all());
    }
    assert_int_equal(wrong, 0);
    assert_true(in_all() <= all + BDA_SPARE_RECORDS); /* what this thread keeps, the other one cannot have */
    close_with_helper();
}

/* What lies in the list comes by the dozen. */
static void a_thread_takes_several_records_at_once(void **state) {
    (void)state;
    unsigned wrong = 0;
    open_with_helper(200);
    static BdaAllocation mine[50];
    take_named(bench.allocator, mine, 50, &wrong);
    tell(&helper, take_some);
    free_slots(bench.allocator, helper.slots, helper.count, &wrong);
    free_slots(bench.allocator, mine, 50, &wrong);
    assert_int_equal(wrong, 0);
    assert_true(in_list() > BDA_SPARE_RECORDS);
    uint32_t left = with_helper(); /* from before: each is an allocation's now */
    assert_true(left + 1 <= COUNT_OF(mine));
    helper.count = left;
    tell(&helper, take_some);
    assert_int_equal(with_helper(), 0);
    memcpy(mine, helper.slots, left * sizeof mine[0]);
    helper.count = 1;
    tell(&helper, take_some);
    assert_int_equal(with_helper(), BDA_SPARE_RECORDS / 2);
    give(helper.slots[0]);
    give_all(mine, left);
    close_with_helper();
}

static void a_thread_that_ends_leaves_its_records_to_all(void **state) {
    (void)state;
    open_with_helper(8);
    assert_int_not_equal(with_threads(), 0);
    dismiss(&helper);
    assert_int_equal(with_threads(), 0);
    assert_int_equal(in_list(), in_all());
    hire(&helper);
    close_with_helper();
}

/* ---- Handles that are guessed ---- */

static _Atomic BdaHandle told; /* by the allocating thread; the next life of its node is guessed */
static _Atomic bool over;

enum guess { GUESS_LOOKS, GUESS_RENAMES, GUESS_FREES, GUESSES };

static void *guess(void *what) {
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        BdaHandle next = atomic_load_explicit(&told, memory_order_relaxed);
        if (next == 0)
            continue;
        next += (BdaHandle)1 << 32;
        BdaAllocationInfo info;
        if (*(const enum guess *)what == GUESS_LOOKS)
            (void)bda_get_info(bench.allocator, next, &info);
        else if (*(const enum guess *)what == GUESS_RENAMES)
            (void)bda_set_name(bench.allocator, next, "another name");
        else
            (void)bda_free(bench.allocator, next);
    }
    return NULL;
}

/* An allocation from a shelf is live before the call that makes it returns, and no lock covers that. */
static void a_guessed_handle_sees_all_of_a_record_or_nothing(void **state) {
    (void)state;
    static const char *const prefixes[] = { "mesh" };
    for (enum guess what = 0; what < GUESSES; what++) {
        bench_open(NULL, &(BdaAllocatorInfo){ .prefix_count = 1, .prefixes = prefixes });
        bench_hush();
        BdaAllocation held = take((BdaAllocInfo){ .size = 64 }), a;
        give(take((BdaAllocInfo){ .size = 64 }));
        atomic_store(&told, 0);
        atomic_store(&over, false);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, guess, &what), 0);
        for (uint32_t i = 0; i < 40000; i++) {
            const BdaAllocInfo named = { .size = 64, .name = i % 3 != 0 ? "mesh" : LONG_NAME, .user = 3 };
            assert_int_equal(bda_alloc(bench.allocator, &named, &a), VK_SUCCESS);
            atomic_store_explicit(&told, a.handle, memory_order_relaxed);
            VkResult freed = bda_free(bench.allocator, a.handle);
            assert_true(freed == VK_SUCCESS || what == GUESS_FREES);
        }
        atomic_store(&over, true);
        assert_int_equal(pthread_join(thread, NULL), 0);
        BdaCountedPrefix counted;
        uint32_t count = 1;
        assert_int_equal(bda_get_counted_prefixes(bench.allocator, &count, &counted), VK_SUCCESS);
        assert_int_equal(counted.allocation_count, 0);
        assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
        give(held);
        bench_close();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_names_without_the_store_lock),
        cmocka_unit_test(records_that_change_threads_come_back),
        cmocka_unit_test(a_thread_takes_several_records_at_once),
        cmocka_unit_test(a_thread_that_ends_leaves_its_records_to_all),
        cmocka_unit_test(a_guessed_handle_sees_all_of_a_record_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
