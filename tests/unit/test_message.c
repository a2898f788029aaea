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

static void refusals_are_errors_and_exhaustion_is_a_warning(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, (BdaAllocInfo){ .size = 0 });
    assert_int_equal(bench.told[BDA_MESSAGE_ERROR], 1);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 16, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    assert_int_equal(bench.told[BDA_MESSAGE_ERROR], 1);
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 1);
    give(take_bytes(16, BDA_INTENT_DEVICE));
    assert_int_equal(bench.told[BDA_MESSAGE_INFO], 0);
    bench_close();
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
    assert_int_equal(bench_heard(") until the last free, in frame 123456 (VkResult "), 1);
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
        cmocka_unit_test(refusals_are_errors_and_exhaustion_is_a_warning),
        cmocka_unit_test(a_refused_free_by_address_is_told_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
