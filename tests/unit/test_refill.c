/* src/debug/refill.c and the gaps of src/debug/shadow.c: where memory for the tables of checked pointers was refused,
 * nothing good is reported, what goes unchecked is told, and it is checked once there is memory. */
#include "shader_support.h"

#include "debug/pointers.h"

#include <pthread.h>
#include <stdatomic.h>

static struct shader shader;

static void open_checked_on(const struct fake_config *config) {
    bench_prepare(config);
    bench.info.checks = BDA_CHECK_POINTERS_BIT;
    bench.info.first_block_size = KIB(64);
    bench.info.max_block_size = MIB(4);
    bench_start();
    shader = shader_start();
}

static uint32_t random_next(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void stop_refusing(void) {
    fake_host_fail(&bench.host, 0, false);
    fake_clear_failures(bench.driver);
}

static void ask_again(void) {
    uint64_t count;
    BdaBadAccess access;
    uint32_t room = 1;
    assert_int_equal(bda_take_bad_accesses(bench.allocator, &room, &access, &count), VK_SUCCESS);
}

/* How many bytes of the granule at an address are live. */
static int live_in(const BdaAllocation *all, uint32_t count, VkDeviceAddress granule) {
    for (uint32_t i = 0; i < count; i++)
        if (all[i].handle != 0 && granule >= all[i].address && granule < all[i].address + all[i].size)
            return all[i].address + all[i].size - granule < 16 ? (int)(all[i].address + all[i].size - granule) : 16;
    return 0;
}

/* The next granule to look at: all of what is small, else those where it or a page of the table ends. */
static VkDeviceAddress next_of_interest(const BdaAllocation *a, VkDeviceAddress at) {
    VkDeviceAddress page_end = (at | (MIB(1) - 1)) + 1, tail = (a->address + a->size - 128) & ~(VkDeviceAddress)15;
    bool plain = a->size >= KIB(8) && at >= a->address + 128 && at < tail && at % MIB(1) >= 64 && page_end - at > 64;
    return !plain ? at + 16 : page_end - 64 < tail ? page_end - 64 : tail;
}

/* Each granule around an allocation is told as it is, in one colour, or not known where that is allowed. */
static void assert_told(const BdaAllocation *all, uint32_t count, const BdaAllocation *a, bool known) {
    int colour = -1;
    for (VkDeviceAddress at = a->address - 64; at < a->address + a->size + 64; at = next_of_interest(a, at)) {
        int said = shader_look(&shader, at), live = live_in(all, count, at);
        if (said == -2 && !known)
            continue;
        assert_int_equal(said > 0 ? (said - 1) % 16 + 1 : 0, live);
        if (at < a->address || at >= a->address + a->size || a->handle == 0)
            continue;
        assert_true(colour == -1 || colour == (said - 1) / 16);
        colour = (said - 1) / 16;
    }
}

static void assert_all_told(const BdaAllocation *all, uint32_t count, bool known) {
    for (uint32_t i = 0; i < count; i++)
        if (all[i].handle != 0)
            assert_told(all, count, &all[i], known);
}

/* ---- A leaf ---- */

/* The first block's leaf is refused: the host's mirror of it is the largest piece that the call asks for. */
static bool open_without_leaf(size_t nth, BdaAllocation *a) {
    open_checked_on(NULL);
    fake_host_fail(&bench.host, nth, false);
    VkResult result = bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = 1000 }, a);
    fake_host_fail(&bench.host, 0, false);
    if (result == VK_SUCCESS && shader_look(&shader, a->address) == -2)
        return true;
    if (result == VK_SUCCESS)
        give(*a);
    bench_hush();
    bench_close();
    return false;
}

static void with_a_leaf_refused(void (*then)(BdaAllocation *a)) {
    BdaAllocation a;
    uint32_t met = 0;
    for (size_t nth = 1; nth < 40; nth++)
        if (open_without_leaf(nth, &a)) {
            met++;
            then(&a);
            assert_int_equal(bench_heard("some go unchecked until there is some"), 1);
            bench_hush();
            bench_close();
        }
    assert_true(met != 0);
}

static void is_checked_after_the_next_report(BdaAllocation *a) {
    BdaAllocation all[4] = { *a, take_bytes(500, BDA_INTENT_DEVICE), take_bytes(7, BDA_INTENT_DEVICE) };
    all[3] = take((BdaAllocInfo){ .size = MIB(3) + 5 });
    give(all[2]);
    all[2].handle = 0;
    ask_again();
    assert_int_equal(bench_stats().unchecked, 0);
    assert_all_told(all, 4, true);
    assert_told(all, 4, &all[2], true);
    assert_false(shader_access(&shader, 0, all[0].address + 1000, 4, BDA_FAULT_ACCESS_WRITE));
    VkDeviceAddress at = all[3].address;
    for (uint32_t i = 0; i < 4; i++)
        if (all[i].handle != 0)
            give(all[i]);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(shader_look(&shader, at + MIB(3)), -1);
    assert_int_equal(shader_look(&shader, a->address), -1);
}

static void is_checked_with_the_next_block(BdaAllocation *a) {
    BdaAllocation other = take((BdaAllocInfo){ .size = 100, .flags = BDA_ALLOC_DEDICATED_BIT });
    const BdaAllocation all[2] = { *a, other };
    assert_int_equal(bench_stats().unchecked, 0);
    assert_all_told(all, 2, true);
    give(other);
    give(*a);
}

static void is_nobodys_once_its_blocks_have_gone(BdaAllocation *a) {
    assert_int_equal(bench_stats().unchecked, MIB(1));
    give(*a);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(bench_stats().unchecked, 0);
    assert_int_equal(shader_look(&shader, a->address), -1);
}

static void takes_foreign_ranges(BdaAllocation *a) {
    VkDeviceAddress at = (a->address & ~((VkDeviceAddress)0xFFFFF)) + MIB(64) - 16; /* in the same leaf */
    assert_int_equal(bda_add_checked_range(bench.allocator, at, 100), VK_SUCCESS);
    assert_true(shader_look(&shader, at + 16) > 0);
    assert_told(a, 1, a, true);
    assert_int_equal(bda_remove_checked_range(bench.allocator, at, 100), VK_SUCCESS);
    give(*a);
}

static void a_leaf_that_was_refused_is_made_later(void **state) {
    (void)state;
    with_a_leaf_refused(is_checked_after_the_next_report);
    with_a_leaf_refused(is_checked_with_the_next_block);
    with_a_leaf_refused(is_nobodys_once_its_blocks_have_gone);
    with_a_leaf_refused(takes_foreign_ranges);
}

/* ---- Pages ---- */

static char lines[4096];

static void keep(void *user, const char *line) {
    (void)user;
    (void)strncat(lines, line, sizeof lines - strlen(lines) - 1);
}

static void what_goes_unchecked_is_told_and_checked_later(void **state) {
    (void)state;
    static const struct fake_config configs[] = { { .heap_size = 0 },
                                                  { .machine = FAKE_MACHINE_NON_COHERENT },
                                                  { .first_address = FAKE_ADDRESS_SIGN_EXTENDED },
                                                  { .first_address = FAKE_ADDRESS_BIT_47 } };
    for (uint32_t i = 0; i < COUNT_OF(configs); i++) {
        open_checked_on(i == 0 ? NULL : &configs[i]);
        /* the dedicated memory itself is the first call, what its tables take are the next ones */
        fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 2, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        BdaAllocation a = take((BdaAllocInfo){ .size = MIB(40), .flags = BDA_ALLOC_DEDICATED_BIT });
        VkDeviceSize unchecked = bench_stats().unchecked;
        assert_true(unchecked >= MIB(20) && unchecked <= MIB(42));
        ask_again(); /* in vain */
        assert_int_equal(bench_stats().unchecked, unchecked);
        lines[0] = '\0';
        assert_int_equal(bda_report_fault(bench.allocator, &(BdaFaultInfo){ .address_count = 0 }, keep, NULL),
                         VK_SUCCESS);
        assert_non_null(strstr(lines, "bytes of blocks are not checked now"));
        fake_clear_failures(bench.driver);
        ask_again();
        assert_int_equal(bench_stats().unchecked, 0);
        assert_int_equal(bench_heard("all blocks are checked"), 1);
        assert_told(&a, 1, &a, true);
        VkDeviceAddress at = a.address;
        give(a);
        assert_int_equal(shader_look(&shader, at + MIB(40) - 4), -1);
        a = take((BdaAllocInfo){ .size = MIB(40), .flags = BDA_ALLOC_DEDICATED_BIT }); /* wiped pieces */
        assert_told(&a, 1, &a, true);
        give(a);
        bench_hush();
        bench_close();
    }
}

static void what_waits_for_the_device_is_live(void **state) {
    (void)state;
    open_checked_on(NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 2, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    BdaAllocation a = take((BdaAllocInfo){ .size = MIB(40) + 3, .name = "a", .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    fake_clear_failures(bench.driver);
    ask_again();
    assert_told(&a, 1, &a, true);
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(shader_look(&shader, a.address + MIB(39)), -1);
    bench_hush();
    bench_close();
}

/* A heap that is nearly full has no room for a table twice as large as the one before. */
static void a_smaller_table_does_where_a_larger_one_is_refused(void **state) {
    (void)state;
    open_checked_on(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .heap_size = MIB(20) });
    BdaAllocation first = take((BdaAllocInfo){ .size = MIB(10), .flags = BDA_ALLOC_DEDICATED_BIT });
    VkDeviceSize before = bench_stats().check_memory;
    BdaAllocation a = take((BdaAllocInfo){ .size = MIB(8), .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(bench_stats().unchecked, 0);
    assert_true(bench_stats().check_memory > before && bench_stats().check_memory < before + MIB(1));
    assert_told(&a, 1, &a, true);
    give(a);
    give(first);
    bench_close();
}

/* ---- A model ---- */

static void turn_over(BdaAllocation *slot, uint32_t r) {
    bool large = r % 5 == 0;
    const BdaAllocInfo info = { .size = 1 + r % (large ? MIB(20) : 900),
                                .intent = r % 3 == 0 ? BDA_INTENT_UPLOAD : BDA_INTENT_DEVICE,
                                .flags = large || r % 11 == 0 ? BDA_ALLOC_DEDICATED_BIT : 0 };
    if (slot->handle != 0)
        give(*slot);
    if (slot->handle != 0 || bda_alloc(bench.allocator, &info, slot) != VK_SUCCESS)
        slot->handle = 0;
}

static void the_table_follows_a_model_whatever_is_refused(void **state) {
    (void)state;
    enum { SLOTS = 40 };
    uint32_t gaps = 0;
    for (uint32_t seed = 1; seed <= 10; seed++) {
        BdaAllocation all[SLOTS] = { { .handle = 0 } };
        uint32_t random = seed;
        open_checked_on(NULL);
        for (uint32_t round = 0; round < 100; round++) {
            uint32_t r = random_next(&random);
            if (r % 4 == 0)
                fake_host_fail(&bench.host, 1 + r / 4 % 6, r % 8 == 0);
            else if (r % 4 != 3)
                fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 2, VK_ERROR_OUT_OF_DEVICE_MEMORY);
            turn_over(&all[random_next(&random) % SLOTS], random_next(&random));
            stop_refusing();
            gaps += bench_stats().unchecked != 0;
            assert_all_told(all, SLOTS, bench_stats().unchecked == 0);
            if (r % 5 == 0) {
                ask_again();
                assert_int_equal(bench_stats().unchecked, 0);
                assert_all_told(all, SLOTS, true);
            }
            if (r % 9 == 0)
                assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
        }
        for (uint32_t i = 0; i < SLOTS; i++)
            if (all[i].handle != 0)
                give(all[i]);
        bench_hush();
        bench_close();
    }
    assert_true(gaps > 10);
}

/* ---- While others allocate ---- */

enum { THREADS = 3, ROUNDS = 400 };

static _Atomic uint32_t at_work;

struct worker {
    uint32_t seed;
    unsigned wrong;
};

static void *allocate_and_look(void *context) {
    struct worker *w = context;
    BdaAllocation slots[8] = { { .handle = 0 } };
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t r = random_next(&w->seed);
        BdaAllocation *slot = &slots[r % 8];
        const BdaAllocInfo info = { .size = 1 + r % 3000, .flags = r % 5 ? 0 : BDA_ALLOC_DEDICATED_BIT };
        if (slot->handle != 0)
            w->wrong += bda_free(bench.allocator, slot->handle) != VK_SUCCESS;
        if (slot->handle != 0 || bda_alloc(bench.allocator, &info, slot) != VK_SUCCESS)
            slot->handle = 0;
        for (uint32_t i = 0; i < 8; i++)
            if (slots[i].handle != 0)
                w->wrong += shader_look(&shader, slots[i].address + slots[i].size - 1) == 0 ||
                            shader_look(&shader, slots[i].address) == -1;
    }
    for (uint32_t i = 0; i < 8; i++)
        w->wrong += bda_free(bench.allocator, slots[i].handle) != VK_SUCCESS;
    atomic_fetch_sub(&at_work, 1);
    return NULL;
}

/* The fake driver's failures are set by one thread while others call it, which it allows. */
static void *refuse_and_ask(void *unused) {
    (void)unused;
    while (atomic_load(&at_work) != 0) {
        fake_fail(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        BdaBadAccess access;
        uint32_t room = 1;
        uint64_t lost;
        (void)bda_take_bad_accesses(bench.allocator, &room, &access, &lost);
    }
    return NULL;
}

static void what_others_allocate_meanwhile_is_never_reported(void **state) {
    (void)state;
    struct worker workers[THREADS];
    pthread_t threads[THREADS + 1];
    open_checked_on(NULL);
    atomic_store(&at_work, THREADS);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ i + 1, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, allocate_and_look, &workers[i]), 0);
    }
    assert_int_equal(pthread_create(&threads[THREADS], NULL, refuse_and_ask, NULL), 0);
    for (uint32_t i = 0; i <= THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].wrong, 0);
    fake_clear_failures(bench.driver);
    bench_hush();
    bench_close();
}

/* ---- While a range is released ---- */

static bool armed;

static void ask_while_the_buffer_goes(void *user, enum fake_call call) {
    (void)user;
    if (!armed || call != FAKE_CALL_DESTROY_BUFFER)
        return;
    armed = false;
    ask_again();
}

/* An own buffer's free is told of before its buffer goes, and its range is one until after that. */
static void what_was_told_of_is_not_filled_in_again(void **state) {
    (void)state;
    const struct fake_config config = { .machine = FAKE_MACHINE_UNIFIED, .on_call = ask_while_the_buffer_goes };
    const VkBufferCreateInfo info = buffer_info(3000, PLAIN_USAGE);
    uint32_t met = 0;
    for (size_t nth = 1; nth < 40; nth++) {
        BdaAllocation a;
        open_checked_on(&config);
        fake_host_fail(&bench.host, nth, false);
        VkResult result = bda_alloc_buffer(bench.allocator, &info, &(BdaAllocInfo){ .size = 0 }, &a);
        fake_host_fail(&bench.host, 0, false);
        if (result == VK_SUCCESS) {
            bool unknown = shader_look(&shader, a.address) == -2;
            met += unknown;
            armed = unknown;
            give(a);
            armed = false;
            ask_again();
            assert_int_equal(bench_stats().unchecked, 0);
            assert_int_equal(shader_look(&shader, a.address), 0);
        }
        bench_hush();
        bench_close();
    }
    assert_true(met != 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leaf_that_was_refused_is_made_later),
        cmocka_unit_test(what_goes_unchecked_is_told_and_checked_later),
        cmocka_unit_test(what_waits_for_the_device_is_live),
        cmocka_unit_test(a_smaller_table_does_where_a_larger_one_is_refused),
        cmocka_unit_test(the_table_follows_a_model_whatever_is_refused),
        cmocka_unit_test(what_was_told_of_is_not_filled_in_again),
        cmocka_unit_test(what_others_allocate_meanwhile_is_never_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
