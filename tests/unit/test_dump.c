/* Heap dumps: they are JSON, tile every block, and say of each allocation what its owner knows. */
#include "dump_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "debug/json.h"

static uint32_t below(uint64_t *seed, uint32_t bound) {
    uint64_t z = *seed += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (uint32_t)((z ^ z >> 31) % bound);
}

static void assert_is_sound_dump(const struct dump *dump) {
    assert_true(dump_is_json(dump->text, dump->length));
    assert_true(dump_tiles(dump));
    assert_int_equal(dump->under_lock, 0);
}

/* Takes one that must succeed. */
static struct dump taken(const BdaJsonInfo *info) {
    struct dump dump;
    assert_int_equal(dump_take(&dump, info), VK_SUCCESS);
    assert_is_sound_dump(&dump);
    return dump;
}

static bool find_range(const struct dump *dump, VkDeviceAddress address, struct dumped *range) {
    const char *at = NULL;
    memset(range, 0, sizeof *range);
    while (dump_next(dump, &at, range))
        if (range->address == address)
            return true;
    return false;
}

/* ---- What it says ---- */

static void an_empty_heap_is_a_dump_too(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    struct dump dump = taken(NULL);
    assert_non_null(strstr(dump.text, "\"schema\":\"bdaalloc-heap\",\"version\":1,"));
    assert_non_null(strstr(dump.text, "\"label\":null"));
    assert_non_null(strstr(dump.text, "\"blocks\":[]"));
    dump_free(&dump);
    bench_close();
}

static void each_range_says_whose_it_is(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    bda_set_frame(bench.allocator, 0x100000007);
    BdaAllocation a = take((BdaAllocInfo){ .size = 1000, .name = "mesh/rock", .user = UINT64_MAX });
    BdaAllocation b = take_bytes(50, BDA_INTENT_DEVICE);
    BdaAllocation own = take_buffer(777, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" });
    BdaAllocation alone = take((BdaAllocInfo){ .size = 5000, .flags = BDA_ALLOC_DEDICATED_BIT, .name = "alone" });
    struct dump dump = taken(&(BdaJsonInfo){ .label = "a \"label\"\n" });
    struct dumped range;
    assert_true(find_range(&dump, a.address, &range));
    assert_string_equal(range.state, "live");
    assert_string_equal(range.name, "mesh/rock");
    assert_true(range.handle == a.handle && range.asked == 1000 && range.size >= 1000);
    assert_int_equal(range.frame, 0x100000007);
    assert_non_null(strstr(dump.text, "\"user\":\"0xffffffffffffffff\""));
    assert_true(find_range(&dump, b.address, &range));
    assert_true(range.handle == b.handle && range.asked == 50 && range.frame == 0 && range.name[0] == '\0');
    assert_true(find_range(&dump, own.address, &range));
    assert_true(range.asked == 777 && strcmp(range.name, "own") == 0);
    assert_true(find_range(&dump, alone.address, &range));
    assert_true(range.asked == 5000 && range.block == alone.address && strcmp(range.name, "alone") == 0);
    assert_non_null(strstr(dump.text, "\"label\":\"a \\\"label\\\"\\u000a\""));
    dump_free(&dump);
    give(a);
    give(b);
    give(own);
    give(alone);
    bench_close();
}

static void what_waits_and_what_is_kept_have_states_of_their_own(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation waits = take((BdaAllocInfo){ .size = 100, .name = "waits" });
    for (uint32_t i = 0; i < 4; i++) /* until this thread has a cache, and a place in it */
        give(take_bytes(100, BDA_INTENT_DEVICE));
    BdaAllocation kept = take_bytes(100, BDA_INTENT_DEVICE);
    assert_int_equal(bda_free_after(bench.allocator, waits.handle, timeline, 1), VK_SUCCESS);
    give(kept);
    struct dump dump = taken(NULL);
    struct dumped range;
    assert_true(find_range(&dump, waits.address, &range));
    assert_string_equal(range.state, "pending");
    assert_string_equal(range.name, "waits");
    assert_int_equal(range.handle, waits.handle);
    assert_true(find_range(&dump, kept.address, &range));
    assert_true(strcmp(range.state, "cached") == 0 && range.handle == 0);
    assert_non_null(strstr(dump.text, "\"frees_ago\":"));
    dump_free(&dump);
    dump = taken(&(BdaJsonInfo){ .flags = BDA_JSON_NO_HISTORY_BIT | BDA_JSON_NO_RANGES_BIT });
    assert_null(strstr(dump.text, "\"frees_ago\":"));
    assert_null(strstr(dump.text, "\"ranges\":["));
    assert_non_null(strstr(dump.text, "\"shard\":"));
    dump_free(&dump);
    bench_close();
}

static void what_is_held_back_says_whose_it_was(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT });
    BdaAllocation late = take((BdaAllocInfo){ .size = 100, .name = "late" });
    give(late);
    struct dump dump = taken(NULL);
    struct dumped range;
    assert_true(find_range(&dump, late.address, &range));
    assert_true(strcmp(range.state, "quarantined") == 0 && strcmp(range.name, "late") == 0);
    assert_int_equal(range.handle, late.handle);
    assert_non_null(strstr(dump.text, "\"quarantined_frees\":1,"));
    dump_free(&dump);
    bench_close();
}

/* Wherever the driver puts blocks, and whatever is in them. Guards against bytes that no sum had: those in front of the
 * first aligned address, and those behind the last whole granule. */
static void its_sums_hold_to_the_byte(void **state) {
    (void)state;
    static const struct {
        VkDeviceSize alignment, residue;
    } bases[] = { { 1 << 16, 0 }, { 64, 0 }, { 256, 192 }, { 4096, 64 } };
    const BdaAllocatorInfo infos[] = {
        { .flags = 0 },
        { .flags = BDA_ALLOCATOR_NO_CACHES_BIT, .first_block_size = 100000 },
        { .checks = BDA_CHECK_QUARANTINE_BIT, .quarantine_bytes = MIB(1) },
        { .checks = BDA_CHECK_RED_ZONES_BIT },
    };
    for (uint32_t i = 0; i < COUNT_OF(bases) * COUNT_OF(infos); i++) {
        const uint32_t base = i / COUNT_OF(infos);
        bench_open(
            &(struct fake_config){ .base_alignment = bases[base].alignment, .base_residue = bases[base].residue },
            &infos[i % COUNT_OF(infos)]);
        VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
        BdaAllocation all[48];
        for (uint32_t k = 0; k < COUNT_OF(all); k++) {
            const BdaAllocInfo info = { .size = 1 + 1777 * k, .flags = k % 9 == 8 ? BDA_ALLOC_DEDICATED_BIT : 0 };
            all[k] =
                k % 4 != 3 ? take(info) : take_buffer(info.size, PLAIN_USAGE, (BdaAllocInfo){ .flags = info.flags });
        }
        for (uint32_t k = 0; k < COUNT_OF(all) / 2; k++) {
            const BdaHandle handle = all[2 * k].handle;
            assert_int_equal(k % 4 == 1 || k % 9 == 4 ? bda_free_after(bench.allocator, handle, timeline, 1)
                                                      : bda_free(bench.allocator, handle),
                             VK_SUCCESS);
        }
        struct dump dump = taken(NULL);
        dump_assert_adds_up(&dump);
        dump_free(&dump);
        for (uint32_t k = 0; k < COUNT_OF(all) / 2; k++)
            give(all[2 * k + 1]);
        dump = taken(NULL);
        dump_assert_adds_up(&dump);
        dump_free(&dump);
        bench_close();
    }
}

/* ---- Names ---- */

static void names_are_escaped_and_never_break_the_text(void **state) {
    (void)state;
    static const struct {
        const char *name, *wanted;
    } names[] = {
        { "quote \" and \\", "quote \\\" and \\\\" },
        { "line\nfeed\x01\x7f", "line\\u000afeed\\u0001\\u007f" },
        { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "\xff!", "\\ufffd!" },
        { "\xc3", "\\ufffd" },                                  /* ends within a character */
        { "\xc0\x80", "\\ufffd\\ufffd" },                       /* overlong */
        { "\xe0\x80\x80", "\\ufffd\\ufffd\\ufffd" },            /* overlong */
        { "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" },            /* a surrogate */
        { "\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd" }, /* beyond U+10FFFF */
        { "\xf8\x88\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd" },
    };
    bench_open(NULL, NULL);
    BdaAllocation all[COUNT_OF(names)];
    for (uint32_t i = 0; i < COUNT_OF(names); i++)
        all[i] = take((BdaAllocInfo){ .size = 64, .name = names[i].name });
    struct dump dump = taken(NULL);
    for (uint32_t i = 0; i < COUNT_OF(names); i++) {
        struct dumped range;
        assert_true(find_range(&dump, all[i].address, &range));
        assert_string_equal(range.name, names[i].wanted);
        give(all[i]);
    }
    dump_free(&dump);
    bench_close();
}

static void long_names_are_cut_between_characters(void **state) {
    (void)state;
    char name[200] = "";
    for (uint32_t i = 0; i < 66; i++)
        (void)strcat(name, "\xe2\x82\xac");
    bench_open(NULL, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 64, .name = name });
    struct dump dump = taken(NULL);
    struct dumped range;
    assert_true(find_range(&dump, a.address, &range));
    assert_int_equal(strlen(range.name), 126);
    dump_free(&dump);
    give(a);
    bench_close();
}

static void labels_may_be_long(void **state) {
    (void)state;
    static char label[6000];
    for (uint32_t i = 0; i < 1000; i++)
        (void)strcat(label, i % 7 == 0 ? "\"" : i % 11 == 0 ? "\xff" : "\xe2\x82\xac.");
    bench_open(NULL, NULL);
    struct dump dump = taken(&(BdaJsonInfo){ .label = label });
    assert_true(dump.length > 4000);
    dump_free(&dump);
    bench_close();
}

/* ---- Against a list ---- */

enum { MOST = 3000 };

static BdaAllocation list[MOST];
static char names[MOST][24];

static void allocate(uint64_t *seed, uint32_t i) {
    BdaAllocInfo info = { .size = 1 + below(seed, below(seed, 10) == 0 ? 90000 : 900),
                          .intent = (BdaIntent)below(seed, 4) };
    names[i][0] = '\0';
    if (below(seed, 3) == 0)
        (void)snprintf(names[i], sizeof names[i], "thing/%u", i);
    info.name = names[i][0] != '\0' ? names[i] : NULL;
    info.flags = below(seed, 60) == 0 ? BDA_ALLOC_DEDICATED_BIT : 0;
    if (below(seed, 5) != 0)
        list[i] = take(info);
    else
        list[i] = take_buffer(info.size, PLAIN_USAGE, (BdaAllocInfo){ .name = info.name, .intent = info.intent });
}

static void assert_says_the_same_as_the_list(uint32_t count) {
    struct dump dump = taken(NULL);
    struct dumped range;
    const char *at = NULL;
    uint32_t live = 0;
    for (; dump_next(&dump, &at, &range);)
        live += strcmp(range.state, "live") == 0 ? 1 : 0;
    assert_int_equal(live, count);
    dump_assert_adds_up(&dump);
    at = NULL;
    for (uint32_t seen = 0; seen < 10; seen++) { /* each search is linear */
        uint32_t i = seen * (count / 10);
        assert_true(find_range(&dump, list[i].address, &range));
        assert_true(range.handle == list[i].handle && range.asked == list[i].size);
        assert_string_equal(range.name, names[i]);
    }
    dump_free(&dump);
}

static void chance_agrees_with_a_list(void **state) {
    (void)state;
    const BdaAllocatorFlags flags[] = { 0, BDA_ALLOCATOR_NO_CACHES_BIT, BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT };
    for (uint32_t run = 0; run < COUNT_OF(flags); run++) {
        uint64_t seed = run;
        bench_open(NULL, &(BdaAllocatorInfo){ .flags = flags[run], .first_block_size = KIB(256) });
        for (uint32_t i = 0; i < MOST; i++)
            allocate(&seed, i);
        for (uint32_t i = 0; i < MOST; i++) { /* holes */
            uint32_t other = below(&seed, MOST);
            give(list[other]);
            allocate(&seed, other);
        }
        assert_says_the_same_as_the_list(MOST);
        give_all(list, MOST);
        bench_close();
    }
}

/* ---- What it needs, and what ends it ---- */

static void it_needs_no_host_memory_and_no_live_device(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation all[500];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take((BdaAllocInfo){ .size = 40, .name = i % 7 == 0 ? "seventh" : NULL });
    fake_host_fail(&bench.host, 1, true);
    fake_lose_device(bench.driver);
    struct dump dump = taken(NULL);
    struct dumped range;
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        assert_true(find_range(&dump, all[i].address, &range) && range.handle == all[i].handle);
    dump_free(&dump);
    fake_host_fail(&bench.host, 0, false);
    give_all(all, COUNT_OF(all));
    bench_close();
}

static void the_driver_is_asked_for_nothing_but_its_budget(void **state) {
    (void)state;
    for (int told = 0; told < 2; told++) {
        bench_open(&(struct fake_config){ .with = told != 0 ? FAKE_MEMORY_BUDGET : 0 }, NULL);
        BdaAllocation a = take_bytes(100, BDA_INTENT_UPLOAD);
        unsigned calls = bench_calls(FAKE_CALL_ANY);
        unsigned asked = bench_calls(FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
        struct dump dump = taken(NULL);
        unsigned now = bench_calls(FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
        assert_int_equal(now - asked, told);
        assert_int_equal(bench_calls(FAKE_CALL_ANY) - calls, now - asked);
        dump_free(&dump);
        give(a);
        bench_close();
    }
}

static void a_callback_may_stop_it(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE);
    for (uint32_t most = 1; most < 5; most++) {
        struct dump dump = { .most_pieces = most };
        assert_int_equal(bda_write_json(bench.allocator, NULL, dump_collect, &dump), VK_INCOMPLETE);
        assert_int_equal(dump.pieces, most);
        dump_free(&dump);
    }
    assert_int_equal(bench_heard("bda_write_json"), 0);
    give(a);
    bench_close();
}

static void misuse_is_refused_and_nothing_written(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    struct dump dump = { .text = NULL };
    int chained = 0;
    assert_int_equal(bda_write_json(NULL, NULL, dump_collect, &dump), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_write_json(bench.allocator, NULL, NULL, NULL), "bda_write_json",
                   "write is NULL");
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, dump_take(&dump, &(BdaJsonInfo){ .flags = 0x80 }), "bda_write_json",
                   "unknown flags, 0x80 (");
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, dump_take(&dump, &(BdaJsonInfo){ .next = &chained }),
                   "bda_write_json", "next");
    assert_int_equal(dump.length, 0);
    bench_close();
}

static void pools_say_their_names(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "streaming \"pool\"", .limit = MIB(8) });
    BdaAllocation a = take((BdaAllocInfo){ .size = 16, .pool = pool });
    struct dump dump = taken(NULL);
    assert_non_null(strstr(dump.text, "\"name\":\"streaming \\\"pool\\\"\",\"callers\":true"));
    assert_non_null(strstr(dump.text, "\"limit\":8388608"));
    dump_free(&dump);
    give(a);
    bench_close();
}

/* ---- Beside others ---- */

enum { RESIDENTS = 300, WORKERS = 2, WORK = 6000 };

static _Atomic uint32_t at_work;

static void *work(void *context) {
    uint64_t seed = (uintptr_t)context;
    BdaAllocation mine[64] = { { .handle = 0 } };
    for (uint32_t step = 0; step < WORK; step++) {
        BdaAllocation *a = &mine[below(&seed, COUNT_OF(mine))];
        const BdaAllocInfo info = { .size = 1 + below(&seed, below(&seed, 3) == 0 ? 100000 : 3000),
                                    .name = below(&seed, 3) == 0 ? "worker's" : NULL };
        if (a->handle == 0)
            (void)bda_alloc(bench.allocator, &info, a);
        else if (bda_free(bench.allocator, a->handle) == VK_SUCCESS)
            a->handle = 0;
        if (step % 200 == 0)
            (void)bda_trim(bench.allocator, 0, NULL); /* blocks go while they are listed */
    }
    for (uint32_t i = 0; i < COUNT_OF(mine); i++)
        (void)bda_free(bench.allocator, mine[i].handle);
    atomic_fetch_sub(&at_work, 1);
    return NULL;
}

static uint32_t residents_in(const struct dump *dump) {
    struct dumped range;
    uint32_t count = 0;
    for (const char *at = NULL; dump_next(dump, &at, &range);)
        count += strcmp(range.name, "resident") == 0 ? 1 : 0;
    return count;
}

static void dumps_are_sound_while_others_work(void **state) {
    (void)state;
    pthread_t workers[WORKERS];
    BdaAllocation residents[RESIDENTS];
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = KIB(128), .max_block_size = KIB(512) });
    for (uint32_t i = 0; i < RESIDENTS; i++)
        residents[i] = take((BdaAllocInfo){ .size = 100 + i, .name = "resident" });
    atomic_store(&at_work, WORKERS);
    for (uintptr_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, work, (void *)i), 0);
    do {
        struct dump dump;
        assert_int_equal(dump_take(&dump, NULL), VK_SUCCESS);
        assert_true(dump.under_lock == 0 && dump_is_json(dump.text, dump.length) && dump_tiles(&dump));
        assert_int_equal(residents_in(&dump), RESIDENTS);
        dump_free(&dump);
    } while (atomic_load(&at_work) != 0);
    for (uint32_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_join(workers[i], NULL), 0);
    give_all(residents, RESIDENTS);
    bench_close();
}

/* What a callback does in between, as another thread would. */
struct meddler {
    struct dump dump;
    BdaAllocation *victims;
    uint32_t count, freed;
};

static VkBool32 meddle(void *user, const char *text, size_t size) {
    struct meddler *meddler = user;
    if (meddler->dump.pieces == 6) { /* the listing of ranges has begun */
        give_all(meddler->victims, meddler->count);
        assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
        meddler->freed = 1;
    }
    return dump_collect(&meddler->dump, text, size);
}

static void a_block_that_goes_meanwhile_is_listed_as_gone(void **state) {
    (void)state;
    BdaAllocation all[400];
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take((BdaAllocInfo){ .size = 200 });
    struct meddler meddler = { .victims = all, .count = COUNT_OF(all) };
    assert_int_equal(bda_write_json(bench.allocator, NULL, meddle, &meddler), VK_SUCCESS);
    assert_int_equal(meddler.freed, 1);
    assert_is_sound_dump(&meddler.dump);
    assert_non_null(strstr(meddler.dump.text, "\"state\":\"gone\""));
    dump_free(&meddler.dump);
    bench_close();
}

/* A range that grew over the end of the piece before it. */
static VkBool32 merge(void *user, const char *text, size_t size) {
    struct meddler *meddler = user;
    if (meddler->dump.pieces == 6) {
        for (uint32_t i = 1; i < meddler->count; i++)
            give(meddler->victims[i]);
        meddler->victims[1] = take((BdaAllocInfo){ .size = 60000, .name = "across" });
    }
    return dump_collect(&meddler->dump, text, size);
}

static void a_range_across_pieces_is_cut(void **state) {
    (void)state;
    BdaAllocation all[400];
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take((BdaAllocInfo){ .size = 200 });
    struct meddler meddler = { .victims = all, .count = COUNT_OF(all) };
    assert_int_equal(bda_write_json(bench.allocator, NULL, merge, &meddler), VK_SUCCESS);
    assert_is_sound_dump(&meddler.dump);
    assert_non_null(strstr(meddler.dump.text, "\"cut\":"));
    assert_non_null(strstr(meddler.dump.text, "\"name\":\"across\""));
    dump_free(&meddler.dump);
    give(all[0]);
    give(all[1]);
    bench_close();
}

/* ---- The writer ---- */

static void pieces_end_anywhere_and_nothing_is_lost(void **state) {
    (void)state;
    struct dump dump = { .text = NULL };
    struct bda_json json;
    bda_json_begin(&json, dump_collect, &dump);
    bda_json_open(&json, NULL, '[');
    for (uint32_t i = 0; i < 3000; i++)
        bda_json_number(&json, NULL, UINT64_MAX - i);
    bda_json_fraction(&json, NULL, -1);
    bda_json_fraction(&json, NULL, 0.12345);
    bda_json_fraction(&json, NULL, 2);
    bda_json_close(&json, ']');
    assert_true(bda_json_end(&json));
    assert_true(dump_is_json(dump.text, dump.length) && dump.pieces > 10);
    assert_non_null(strstr(dump.text, "[18446744073709551615,18446744073709551614,"));
    assert_non_null(strstr(dump.text, ",0.0000,0.1235,1.0000]"));
    dump_free(&dump);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_is_a_dump_too),
        cmocka_unit_test(each_range_says_whose_it_is),
        cmocka_unit_test(what_waits_and_what_is_kept_have_states_of_their_own),
        cmocka_unit_test(what_is_held_back_says_whose_it_was),
        cmocka_unit_test(its_sums_hold_to_the_byte),
        cmocka_unit_test(names_are_escaped_and_never_break_the_text),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test(labels_may_be_long),
        cmocka_unit_test(chance_agrees_with_a_list),
        cmocka_unit_test(it_needs_no_host_memory_and_no_live_device),
        cmocka_unit_test(the_driver_is_asked_for_nothing_but_its_budget),
        cmocka_unit_test(a_callback_may_stop_it),
        cmocka_unit_test(misuse_is_refused_and_nothing_written),
        cmocka_unit_test(pools_say_their_names),
        cmocka_unit_test(dumps_are_sound_while_others_work),
        cmocka_unit_test(a_block_that_goes_meanwhile_is_listed_as_gone),
        cmocka_unit_test(a_range_across_pieces_is_cut),
        cmocka_unit_test(pieces_end_anywhere_and_nothing_is_lost),
    };
    return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}
