/* src/debug/message.c: a message is one line of UTF-8, whatever went into it. */
#include "alloc_support.h"

#include "debug/message.h"

struct heard {
    unsigned count;
    BdaMessageSeverity severity;
    char text[2048];
};

static void hear(void *user, BdaMessageSeverity severity, const char *text) {
    struct heard *heard = user;
    heard->count++;
    heard->severity = severity;
    strncpy(heard->text, text, sizeof heard->text - 1);
}

static void a_message_is_formatted_and_sent_once(void **state) {
    (void)state;
    struct heard heard = { .count = 0 };
    bda_message(hear, &heard, BDA_MESSAGE_WARNING, "%s has %d", "heap", 7);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.severity, BDA_MESSAGE_WARNING);
    assert_string_equal(heard.text, "heap has 7");
}

static void without_a_callback_messages_are_dropped(void **state) {
    (void)state;
    bda_message(NULL, NULL, BDA_MESSAGE_ERROR, "%s", "nobody");
}

static void a_long_message_is_cut(void **state) {
    (void)state;
    struct heard heard = { .count = 0 };
    char name[1500];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    bda_message(hear, &heard, BDA_MESSAGE_INFO, "%s", name);
    assert_int_equal(heard.count, 1);
    assert_true(strlen(heard.text) >= 256 && strlen(heard.text) < sizeof name);
}

/* Whether the text is whole: every lead byte has its followers. For the three-byte letters that the test sends. */
static bool is_whole(const char *text) {
    size_t size = strlen(text), at = 0;
    while (at < size && (unsigned char)text[at] < 0x80)
        at++;
    return (size - at) % 3 == 0;
}

static void a_cut_never_splits_a_letter(void **state) {
    (void)state;
    char name[1501];
    for (size_t i = 0; i + 3 < sizeof name; i += 3)
        memcpy(name + i, "\xE2\x82\xAC", 3); /* the euro sign */
    name[1500] = '\0';
    const char *const leads[] = { "", "a", "ab" };
    for (uint32_t i = 0; i < COUNT_OF(leads); i++) {
        struct heard heard = { .count = 0 };
        bda_message(hear, &heard, BDA_MESSAGE_INFO, "%s%s", leads[i], name);
        assert_true(is_whole(heard.text));
    }
}

static void a_name_of_several_lines_makes_one_line(void **state) {
    (void)state;
    struct heard heard = { .count = 0 };
    bda_message(hear, &heard, BDA_MESSAGE_INFO, "still live: '%s'", "two\nlines\r\n");
    assert_int_equal(heard.count, 1);
    assert_null(strchr(heard.text, '\n'));
    assert_null(strchr(heard.text, '\r'));
    assert_non_null(strstr(heard.text, "lines"));
}

static void leaks_and_events_with_such_names_are_one_line_each(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_LOG_EVENTS_BIT });
    (void)take((BdaAllocInfo){ .size = 16, .name = "two\nlines" });
    bench_end(VK_INCOMPLETE); /* which looks at every message */
}

/* Who may be refused asks again each frame: that is no reason to warn anybody. */
static void refusals_are_errors_and_exhaustion_is_a_warning_unless_it_was_asked_for(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(bench.told[BDA_MESSAGE_ERROR], 1);
    BdaPool bounded = make_pool((BdaPoolInfo){ .limit = KIB(64) });
    BdaAllocInfo info = { .size = KIB(100), .pool = bounded };
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, info);
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 1);
    const BdaAllocFlags flags[] = { BDA_ALLOC_NO_NEW_MEMORY_BIT, BDA_ALLOC_WITHIN_BUDGET_BIT };
    for (uint32_t i = 0; i < 4; i++) { /* the second time the pool has a block, but no room */
        info.flags = flags[i % 2];
        refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, info);
        assert_int_equal(bench.told[BDA_MESSAGE_INFO], i + 1);
        if (i == 1)
            give(take((BdaAllocInfo){ .size = 16, .pool = bounded }));
    }
    info.size = 0;
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, info);
    assert_int_equal(bench.told[BDA_MESSAGE_ERROR], 2);
    give(take_bytes(16, BDA_INTENT_DEVICE));
    assert_int_equal(bench.told[BDA_MESSAGE_INFO], 4);
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 1);
    bench_close();
}

/* What is refused is named, with its size and its pool, and what it is too large for. */
static void a_refused_request_is_named(void **state) {
    (void)state;
    const VkResult bad = VK_ERROR_VALIDATION_FAILED_EXT;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED,
                                      .heap_size = MIB(64),
                                      .max_memory_allocation_size = GIB(1) },
               NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "level", .limit = KIB(64) });
    refuse(bad, (BdaAllocInfo){ .name = "huge", .size = MIB(65) });
    assert_string_equal(bench.text, "bda_alloc 'huge', 68157440 bytes: larger than the heap, 67108864 "
                                    "(VK_ERROR_VALIDATION_FAILED_EXT)\n");
    bench_hush();
    refuse(bad, (BdaAllocInfo){ .size = 1, .alignment = GIB(4) });
    assert_string_equal(bench.text, "bda_alloc, 1 byte: alignment is larger than a block, 268435456: it is 4294967296 "
                                    "(VK_ERROR_VALIDATION_FAILED_EXT)\n");
    bench_hush();
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .name = "tree", .size = KIB(100), .pool = pool });
    assert_string_equal(bench.text,
                        "bda_alloc 'tree', 102400 bytes, pool 'level': the pool's limit is smaller than the "
                        "memory that it takes: the limit is 65536 bytes (VK_ERROR_OUT_OF_DEVICE_MEMORY)\n");
    bench_hush();
    refuse(bad, (BdaAllocInfo){ .name = "odd", .size = 16, .alignment = 48 });
    assert_string_equal(bench.text,
                        "bda_alloc 'odd': alignment is no power of two, 48 (VK_ERROR_VALIDATION_FAILED_EXT)\n");
    bench_hush();
    const BdaAllocInfo many[] = { { .size = 16 }, { .name = "empty", .pool = pool } };
    BdaAllocation out[2];
    assert_refusal(bad, bda_alloc_many(bench.allocator, 2, many, out), "bda_alloc_many, item 1 'empty', pool 'level'",
                   ": size is 0 (");
    const VkBufferCreateInfo made = buffer_info(MIB(65), PLAIN_USAGE);
    refuse_buffer(bad, &made, (BdaAllocInfo){ .name = "own" });
    assert_int_equal(bench_heard("bda_alloc_buffer 'own', 68157440 bytes: larger than the heap, 67108864 ("), 1);
    BdaArena arena = NULL;
    BdaPiece piece;
    const BdaArenaInfo info = { .chunk = { .name = "frame" } };
    assert_int_equal(bda_create_arena(bench.allocator, &info, &arena), VK_SUCCESS);
    assert_refusal(bad, bda_alloc_from_arena(arena, MIB(65), 0, &piece), "bda_alloc_from_arena 'frame', 68157440 bytes",
                   ": larger than the heap, 67108864 (");
    bda_destroy_arena(arena);
    bench_close();
}

static void results_are_named(void **state) {
    (void)state;
    char room[BDA_RESULT_ROOM];
    assert_string_equal(bda_result_name(VK_ERROR_OUT_OF_HOST_MEMORY, room), "VK_ERROR_OUT_OF_HOST_MEMORY");
    assert_string_equal(bda_result_name(VK_ERROR_VALIDATION_FAILED_EXT, room), "VK_ERROR_VALIDATION_FAILED_EXT");
    assert_string_equal(bda_result_name((VkResult)INT32_MIN, room), "VkResult -2147483648");
}

/* Who had it and when comes last, behind the names of neighbours, and was cut off. */
static void a_refused_free_by_address_is_told_whole(void **state) {
    (void)state;
    const char *const long_name = "level/terrain/chunk_0012/vertices/positions and normals and more";
    bench_prepare(&(struct fake_config){ .first_address = 0x7f0000000000 });
    bench.info.flags = BDA_ALLOCATOR_NO_CACHES_BIT;
    bench.info.checks = BDA_CHECK_STACKS_BIT;
    bench_start();
    bda_set_frame(bench.allocator, 123456);
    BdaAllocation all[3];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take((BdaAllocInfo){ .size = 4096, .name = long_name });
    give(all[1]);
    bench_hush();
    assert_int_equal(bda_free_address(bench.allocator, all[1].address), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(bench.told[BDA_MESSAGE_ERROR], 1);
    assert_true(bench.length > 512);
    assert_int_equal(bench_heard("bda_free_address: nothing live begins there; 0x7f"), 1);
    assert_int_equal(bench_heard(") until the last free, in frame 123456 (VK_ERROR_VALIDATION_FAILED_EXT)"), 1);
    bench_hush();
    give(all[0]);
    give(all[2]);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_formatted_and_sent_once),
        cmocka_unit_test(without_a_callback_messages_are_dropped),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(a_cut_never_splits_a_letter),
        cmocka_unit_test(a_name_of_several_lines_makes_one_line),
        cmocka_unit_test(leaks_and_events_with_such_names_are_one_line_each),
        cmocka_unit_test(refusals_are_errors_and_exhaustion_is_a_warning_unless_it_was_asked_for),
        cmocka_unit_test(a_refused_request_is_named),
        cmocka_unit_test(results_are_named),
        cmocka_unit_test(a_refused_free_by_address_is_told_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
