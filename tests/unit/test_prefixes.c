/* src/alloc/prefixes.c: what is counted under each beginning of names is what is live of it, however it came and went,
 * and its peak is the most that ever was. */
#include "dump_support.h"
#include "prefix_support.h"

#include "alloc/allocator.h"
#include "alloc/prefixes.h"

/* ---- Which one ---- */

static void a_name_belongs_to_the_longest_prefix(void **state) {
    (void)state;
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    BdaAllocation all[] = { prefix_take(100, "mesh/tree"),
                            prefix_take(200, "mesh/rock/7"),
                            prefix_take(40, "mesh/rock/"),
                            prefix_take(1000, "mesh/roc"),
                            prefix_take(30, "textures/wood"),
                            prefix_take(5000, "mes"),
                            prefix_take(5000, ""),
                            take_bytes(5000, 0),
                            prefix_take(5000, " mesh/") };
    prefix_expect(0, 2, 1100, 1100, 0);
    prefix_expect(1, 2, 240, 240, 0);
    prefix_expect(2, 1, 30, 30, 0);
    prefix_expect(3, 0, 0, 0, 0);
    give_all(all, COUNT_OF(all));
    for (uint32_t i = 0; i < PREFIXES; i++)
        assert_true(prefix_now(i).allocation_count == 0 && prefix_now(i).used == 0);
    bench_close();
}

static void prefixes_are_copied(void **state) {
    (void)state;
    char text[] = "mesh/";
    const char *mine[] = { text };
    bench_open(NULL, &(BdaAllocatorInfo){ .prefix_count = 1, .prefixes = mine });
    text[0] = 'X';
    mine[0] = NULL;
    BdaAllocation a = prefix_take(100, "mesh/1");
    BdaCountedPrefix one;
    uint32_t count = 1;
    assert_int_equal(bda_get_counted_prefixes(bench.allocator, &count, &one), VK_SUCCESS);
    assert_true(strcmp(one.prefix, "mesh/") == 0 && one.used == 100);
    give(a);
    bench_close();
}

/* Each longer than the one before, each the beginning of the next. */
static void as_many_as_there_may_be_are_told_apart(void **state) {
    (void)state;
    static char texts[BDA_PREFIXES_MAX][BDA_PREFIXES_MAX + 1];
    const char *all[BDA_PREFIXES_MAX];
    BdaAllocation taken[BDA_PREFIXES_MAX];
    for (uint32_t i = 0; i < BDA_PREFIXES_MAX; i++) {
        memset(texts[i], 'x', i + 1);
        all[(i * 5) % BDA_PREFIXES_MAX] = texts[i];
    }
    bench_open(NULL, &(BdaAllocatorInfo){ .prefix_count = BDA_PREFIXES_MAX, .prefixes = all });
    assert_true(bench.host.live_bytes < KIB(64));
    for (uint32_t i = 0; i < BDA_PREFIXES_MAX; i++)
        taken[i] = prefix_take(i + 1, texts[i]);
    BdaCountedPrefix now[BDA_PREFIXES_MAX];
    uint32_t count = BDA_PREFIXES_MAX;
    assert_int_equal(bda_get_counted_prefixes(bench.allocator, &count, now), VK_SUCCESS);
    for (uint32_t i = 0; i < BDA_PREFIXES_MAX; i++)
        assert_true(now[i].prefix != all[i] && now[i].allocation_count == 1 && now[i].used == strlen(all[i]));
    give_all(taken, COUNT_OF(taken));
    bench_close();
}

/* The word of two letters that a number above 1 spells: its bits below the highest. */
static void spell(uint32_t number, char word[32]) {
    uint32_t length = 0;
    while (number >> (length + 1) != 0)
        length++;
    for (uint32_t i = 0; i < length; i++)
        word[i] = (number >> (length - 1 - i) & 1) != 0 ? 'b' : 'a';
    word[length] = '\0';
}

static uint32_t longest_by_looking_at_all(const char *const *texts, const char *name) {
    uint32_t best = 0;
    for (uint32_t i = 0; i < BDA_PREFIXES_MAX; i++)
        if (strncmp(name, texts[i], strlen(texts[i])) == 0 && (best == 0 || strlen(texts[i]) > strlen(texts[best - 1])))
            best = i + 1;
    return best;
}

/* Half of all words of up to six letters, in no order; then every word of up to eight. */
static void every_name_finds_the_longest_of_many(void **state) {
    (void)state;
    static char words[BDA_PREFIXES_MAX][32];
    const char *texts[BDA_PREFIXES_MAX];
    for (uint32_t pick = 0; pick < 2; pick++) {
        for (uint32_t i = 0; i < BDA_PREFIXES_MAX; i++) {
            spell(2 + (i * 2 + pick) * 37 % 126, words[i]);
            texts[i] = words[i];
        }
        texts[63] = pick == 0 ? "bbbbbbb" : "\xff"; /* 126 words, and so 63 by each pick */
        bench_open(NULL, &(BdaAllocatorInfo){ .prefix_count = BDA_PREFIXES_MAX, .prefixes = texts });
        for (uint32_t number = 1; number < 512; number++) {
            char name[32];
            spell(number, name);
            assert_int_equal(bda_prefixes_find(bench.allocator, name), longest_by_looking_at_all(texts, name));
        }
        assert_int_equal(bda_prefixes_find(bench.allocator, "\xff!"), pick == 0 ? 0 : 64);
        bench_close();
    }
}

/* ---- Coming and going ---- */

static void a_new_name_moves_it(void **state) {
    (void)state;
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    BdaAllocation a = prefix_take(100, "mesh/1"), b = take_bytes(30, BDA_INTENT_DEVICE);
    prefix_rename(a, "mesh/2"); /* stays */
    prefix_expect(0, 1, 100, 100, 0);
    bda_set_frame(bench.allocator, 5);
    prefix_rename(a, "mesh/rock/2");
    prefix_expect(0, 0, 0, 100, 0);
    prefix_expect(1, 1, 100, 100, 5);
    prefix_rename(b, "mesh/rock/3"); /* its first */
    prefix_expect(1, 2, 130, 130, 5);
    prefix_rename(a, NULL);
    prefix_expect(1, 1, 30, 130, 5);
    prefix_rename(a, "nothing in particular");
    prefix_rename(b, "");
    prefix_expect(1, 0, 0, 130, 5);
    give(a);
    give(b);
    bench_close();
}

static void a_value_alone_counts_nowhere(void **state) {
    (void)state;
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .user = UINT64_MAX });
    assert_int_equal(bda_set_user(bench.allocator, a.handle, 3), VK_SUCCESS);
    for (uint32_t i = 0; i < PREFIXES; i++)
        prefix_expect(i, 0, 0, 0, 0);
    prefix_rename(a, "due");
    assert_int_equal(bda_set_user(bench.allocator, a.handle, 4), VK_SUCCESS);
    prefix_expect(3, 1, 100, 100, 0);
    give(a);
    prefix_expect(3, 0, 0, 100, 0);
    bench_close();
}

static void what_waits_for_the_device_counts_no_more(void **state) {
    (void)state;
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = prefix_take(1000, "due/1"), b = prefix_take(MIB(300), "due/2");
    prefix_expect(3, 2, 1000 + MIB(300), 1000 + MIB(300), 0);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(bda_free_after(bench.allocator, b.handle, timeline, 1), VK_SUCCESS);
    prefix_expect(3, 0, 0, 1000 + MIB(300), 0);
    assert_int_equal(bench_use().pending_count, 2);
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    prefix_expect(3, 0, 0, 1000 + MIB(300), 0);
    bench_close();
}

static void what_threads_keep_counts_no_more(void **state) {
    (void)state;
    prefix_open(NULL, (BdaAllocatorInfo){ .first_block_size = 1 << 20 });
    BdaAllocation held = take_bytes(64, BDA_INTENT_DEVICE);
    give(take_bytes(64, BDA_INTENT_DEVICE));
    BdaAllocation first = prefix_take(64, "mesh/first");
    prefix_expect(0, 1, 64, 64, 0);
    give(first);
    prefix_expect(0, 0, 0, 64, 0);
    BdaAllocation second = prefix_take(60, "mesh/second");
    assert_int_equal(second.address, first.address); /* it was kept */
    prefix_expect(0, 1, 60, 64, 0);
    give(second);
    prefix_expect(0, 0, 0, 64, 0);
    give(take_bytes(64, BDA_INTENT_DEVICE));
    prefix_expect(0, 0, 0, 64, 0);
    give(held);
    bench_close();
}

static void what_is_in_quarantine_counts_no_more(void **state) {
    (void)state;
    prefix_open(NULL, (BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 1);
    BdaAllocation a = prefix_take(1000, "due/1"), b = prefix_take(500, "due/2");
    give(a);
    assert_int_equal(bda_free_after(bench.allocator, b.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().quarantined_count, 2);
    prefix_expect(3, 0, 0, 1500, 0);
    bench_close();
}

static void what_a_pool_takes_along_counts_no_more(void **state) {
    (void)state;
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD });
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    const VkBufferCreateInfo buffer = buffer_info(4000, PLAIN_USAGE);
    const BdaAllocInfo info = { .pool = pool, .name = "texture/2" };
    BdaAllocation a = take((BdaAllocInfo){ .size = 1000, .pool = pool, .name = "texture/1" }), b, c;
    assert_int_equal(bda_alloc_buffer(bench.allocator, &buffer, &info, &b), VK_SUCCESS);
    c = take((BdaAllocInfo){ .size = 10, .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT, .name = "texture/3" });
    prefix_expect(2, 3, 5010, 5010, 0);
    assert_int_equal(bda_free_after(bench.allocator, c.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_INCOMPLETE);
    prefix_expect(2, 0, 0, 5010, 0);
    (void)a;
    bench_close();
}

static void chunks_of_an_arena_count_by_its_name(void **state) {
    (void)state;
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    BdaArena arena;
    BdaPiece piece;
    const BdaArenaInfo info = { .chunk = { .size = 4096, .name = "mesh/frame" } };
    assert_int_equal(bda_create_arena(bench.allocator, &info, &arena), VK_SUCCESS);
    assert_int_equal(bda_alloc_from_arena(arena, 100, 0, &piece), VK_SUCCESS);
    prefix_expect(0, 1, 4096, 4096, 0);
    bda_destroy_arena(arena);
    prefix_expect(0, 0, 0, 4096, 0);
    bench_close();
}

/* ---- Peaks ---- */

static void a_peak_is_exact_and_has_its_frame(void **state) {
    (void)state;
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    bda_set_frame(bench.allocator, 7);
    BdaAllocation a = prefix_take(1000, "mesh/1");
    bda_set_frame(bench.allocator, 8); /* and nobody collects */
    give(prefix_take(24, "mesh/2"));
    give(prefix_take(23, "mesh/2"));
    bda_set_frame(bench.allocator, 9);
    give(prefix_take(24, "mesh/2")); /* as much as before */
    prefix_expect(0, 1, 1000, 1024, 8);
    give(a);
    bench_close();
}

static void a_refused_request_is_no_peak(void **state) {
    (void)state;
    prefix_open(&(struct fake_config){ .heap_size = MIB(8) }, (BdaAllocatorInfo){ .flags = 0 });
    BdaAllocation a = prefix_take(1000, "mesh/1");
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = KIB(7900), .name = "mesh/2" });
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY,
           (BdaAllocInfo){ .size = MIB(6), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT, .name = "mesh/2" });
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY,
           (BdaAllocInfo){ .size = KIB(7900), .flags = BDA_ALLOC_DEDICATED_BIT, .name = "mesh/2" });
    prefix_expect(0, 1, 1000, 1000, 0);
    bench_hush();
    give(a);
    bench_close();
}

/* Some of it was there, for a moment. */
static void a_batch_that_is_taken_back_leaves_its_peak_alone(void **state) {
    (void)state;
    prefix_open(&(struct fake_config){ .heap_size = MIB(8) }, (BdaAllocatorInfo){ .flags = 0 });
    const BdaAllocInfo infos[] = { { .size = 1000, .name = "mesh/1" },
                                   { .size = 500, .name = "mesh/2", .flags = BDA_ALLOC_DEDICATED_BIT },
                                   { .size = KIB(8000), .name = "mesh/3" } };
    BdaAllocation a[3];
    assert_int_equal(bda_alloc_many(bench.allocator, 3, infos, a), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    prefix_expect(0, 0, 0, 1500, 0);
    bench_hush();
    bench_close();
}

/* ---- Misuse ---- */

static void a_handle_that_is_refused_changes_nothing(void **state) {
    (void)state;
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    BdaAllocation a = prefix_take(100, "mesh/1"), b = prefix_take(10, "mesh/2");
    const BdaHandle bad[] = { b.handle, a.handle, b.handle };
    assert_int_equal(bda_free_many(bench.allocator, 3, bad), VK_ERROR_VALIDATION_FAILED_EXT);
    prefix_expect(0, 2, 110, 110, 0);
    give(a);
    assert_int_equal(bda_free(bench.allocator, a.handle), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(bda_set_name(bench.allocator, a.handle, "mesh/3"), VK_ERROR_VALIDATION_FAILED_EXT);
    prefix_expect(0, 1, 10, 110, 0);
    bench_hush();
    give(b);
    bench_close();
}

/* Guards against somebody who frees or names by a guessed handle before the call that made it has returned. */
static void a_record_enters_once_and_leaves_once(void **state) {
    (void)state;
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    uint32_t index = 0;
    assert_int_equal(bda_record_create(bench.allocator, 0, "mesh/1", &index), VK_SUCCESS);
    struct bda_record *record = bda_record_at(bench.allocator, index);
    bda_prefixes_leave(bench.allocator, record); /* it never came */
    prefix_expect(0, 0, 0, 0, 0);
    bda_prefixes_enter(bench.allocator, index, 100); /* and now has no prefix */
    bda_prefixes_move(bench.allocator, index, bda_prefixes_find(bench.allocator, "mesh/1"), 100);
    bda_prefixes_enter(bench.allocator, index, 100);
    prefix_expect(0, 1, 100, 100, 0);
    bda_prefixes_leave(bench.allocator, record);
    bda_prefixes_leave(bench.allocator, record);
    prefix_expect(0, 0, 0, 100, 0);
    bda_record_destroy(bench.allocator, index);
    bench_close();
}

static void refuse_to_create(uint32_t count, const char *const *texts, const char *reason) {
    BdaAllocator allocator;
    bench.info.prefix_count = count;
    bench.info.prefixes = texts;
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_create_allocator(&bench.info, &allocator),
                   "bda_create_allocator", reason);
    assert_null(allocator);
}

static void bad_prefixes_make_no_allocator(void **state) {
    (void)state;
    const char *const empty[] = { "mesh", "" }, *const none[] = { "mesh", NULL }, *const twice[] = { "a", "b", "a" };
    const char *many[BDA_PREFIXES_MAX + 1];
    for (uint32_t i = 0; i < COUNT_OF(many); i++)
        many[i] = "x";
    bench_prepare(NULL);
    refuse_to_create(COUNT_OF(many), many, "prefix_count is over BDA_PREFIXES_MAX, 65 (");
    refuse_to_create(UINT32_MAX, many, "BDA_PREFIXES_MAX");
    refuse_to_create(1, NULL, "prefixes is NULL");
    refuse_to_create(2, empty, "prefixes[1] is NULL or empty");
    refuse_to_create(2, none, "NULL or empty");
    refuse_to_create(3, twice, "prefixes has one twice, [0] and [2] (");
    bench.info.prefix_count = 0;
    bench.info.prefixes = NULL;
    bench_start();
    bench_close();
}

static void they_can_be_asked_for_in_part(void **state) {
    (void)state;
    BdaCountedPrefix some[PREFIXES];
    uint32_t count = 77;
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    assert_int_equal(bda_get_counted_prefixes(bench.allocator, &count, NULL), VK_SUCCESS);
    assert_int_equal(count, PREFIXES);
    count = 2;
    memset(some, 0xA5, sizeof some);
    assert_int_equal(bda_get_counted_prefixes(bench.allocator, &count, some), VK_INCOMPLETE);
    assert_true(count == 2 && strcmp(some[1].prefix, prefix_texts[1]) == 0 && some[2].used == 0xA5A5A5A5A5A5A5A5);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_get_counted_prefixes(bench.allocator, NULL, some),
                   "bda_get_counted_prefixes", "count");
    assert_int_equal(bda_get_counted_prefixes(NULL, &count, some), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(count, 0);
    bench_close();
}

static void without_any_there_is_nothing_to_ask(void **state) {
    (void)state;
    BdaCountedPrefix some[1];
    uint32_t count = 1;
    bench_open(NULL, NULL);
    BdaAllocation a = prefix_take(100, "mesh/1");
    assert_int_equal(bda_get_counted_prefixes(bench.allocator, &count, some), VK_SUCCESS);
    assert_int_equal(count, 0);
    prefix_rename(a, "mesh/2");
    give(a);
    bench_close();
}

/* ---- Dumps ---- */

static void a_dump_tells_them(void **state) {
    (void)state;
    struct dump dump = { .text = NULL };
    prefix_open(NULL, (BdaAllocatorInfo){ .flags = 0 });
    bda_set_frame(bench.allocator, 3);
    BdaAllocation a = prefix_take(1000, "mesh/1");
    give(prefix_take(24, "mesh/2"));
    assert_int_equal(dump_take(&dump, NULL), VK_SUCCESS);
    assert_true(dump_is_json(dump.text, dump.length));
    assert_non_null(strstr(dump.text, "{\"prefix\":\"mesh/\",\"allocations\":1,\"used\":1000,"
                                      "\"peak_used\":{\"bytes\":1024,\"frame\":3}}"));
    assert_non_null(strstr(dump.text, "{\"prefix\":\"due\",\"allocations\":0,\"used\":0,"));
    dump_free(&dump);
    give(a);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_belongs_to_the_longest_prefix),
        cmocka_unit_test(prefixes_are_copied),
        cmocka_unit_test(as_many_as_there_may_be_are_told_apart),
        cmocka_unit_test(every_name_finds_the_longest_of_many),
        cmocka_unit_test(a_new_name_moves_it),
        cmocka_unit_test(a_value_alone_counts_nowhere),
        cmocka_unit_test(what_waits_for_the_device_counts_no_more),
        cmocka_unit_test(what_threads_keep_counts_no_more),
        cmocka_unit_test(what_is_in_quarantine_counts_no_more),
        cmocka_unit_test(what_a_pool_takes_along_counts_no_more),
        cmocka_unit_test(chunks_of_an_arena_count_by_its_name),
        cmocka_unit_test(a_peak_is_exact_and_has_its_frame),
        cmocka_unit_test(a_refused_request_is_no_peak),
        cmocka_unit_test(a_batch_that_is_taken_back_leaves_its_peak_alone),
        cmocka_unit_test(a_handle_that_is_refused_changes_nothing),
        cmocka_unit_test(a_record_enters_once_and_leaves_once),
        cmocka_unit_test(bad_prefixes_make_no_allocator),
        cmocka_unit_test(they_can_be_asked_for_in_part),
        cmocka_unit_test(without_any_there_is_nothing_to_ask),
        cmocka_unit_test(a_dump_tells_them),
    };
    return cmocka_run_group_tests_name("prefixes", tests, NULL, NULL);
}
