/* The reader of traces: what a good trace says, what every bad line is answered, and the committed traces. */
#include "trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "bdaalloc-trace 1\nu 1 storage|transfer_dst\n"

static bool read_text(const char *text, struct trace *trace, char *error) {
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_non_null(file);
    bool good = trace_read(file, trace, error);
    (void)fclose(file);
    return good;
}

static void assert_bad(const char *text, const char *expected) {
    struct trace trace;
    char error[TRACE_ERROR_LENGTH] = "";
    assert_false(read_text(text, &trace, error));
    assert_string_equal(error, expected);
    assert_null(trace.events); /* nothing is left to free */
    assert_null(trace.usages);
    assert_int_equal(trace.event_count, 0);
}

/* ---- What is good ---- */

static void a_trace_says_what_was_written(void **state) {
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_LENGTH];
    assert_true(read_text("bdaalloc-trace 1\n# a comment\nu 1 storage|vertex|0x4000000000\n\na 7 1000 64 upload 1\n"
                          "u 2 0\na\t8  24 1   device 2\nf 7\n",
                          &trace, error));
    assert_int_equal(trace.event_count, 3);
    assert_int_equal(trace.alloc_count, 2);
    assert_int_equal(trace.id_count, 9);
    assert_int_equal(trace.usage_count, 2);
    assert_true(trace.usages[0] == 0x40000000A0u && trace.usages[1] == 0);
    const struct trace_event *e = trace.events;
    assert_true(e[0].id == 7 && e[0].size == 1000 && e[0].alignment_log2 == 6 && e[0].intent == TRACE_UPLOAD);
    assert_true(e[1].id == 8 && e[1].size == 24 && e[1].alignment_log2 == 0 && e[1].intent == TRACE_DEVICE);
    assert_true(e[0].usage == 0 && e[1].usage == 1);
    assert_true(e[2].id == 7 && e[2].size == 0);
    trace_free(&trace);
    assert_null(trace.events);
}

static void the_peak_is_that_of_any_moment(void **state) {
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_LENGTH];
    assert_true(read_text(HEAD "a 0 100 4 shared 1\na 1 50 4 shared 1\nf 0\na 2 20 4 shared 1\na 3 5 4 shared 1\n",
                          &trace, error));
    assert_int_equal(trace.peak_bytes, 150);
    assert_int_equal(trace.peak_count, 3);
    trace_free(&trace);
}

static void an_id_may_be_used_again_after_its_end(void **state) {
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_LENGTH];
    assert_true(read_text(HEAD "a 0 1 1 device 1\nf 0\na 0 2 1 device 1\n", &trace, error));
    assert_int_equal(trace.id_count, 1);
    trace_free(&trace);
}

static void lines_may_end_as_on_windows_and_the_last_not_at_all(void **state) {
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_LENGTH];
    assert_true(read_text("bdaalloc-trace 1\r\nu 1 index\r\n\r\na 1 1 1 readback 1\r\nf 1", &trace, error));
    assert_int_equal(trace.event_count, 2);
    trace_free(&trace);
}

static void the_largest_values_are_taken(void **state) {
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_LENGTH];
    assert_true(read_text(HEAD "a 16777215 1099511627775 4294967296 device 1\n", &trace, error));
    assert_int_equal(trace.events[0].size, 1099511627775u);
    assert_int_equal(trace.events[0].alignment_log2, 32);
    trace_free(&trace);
}

static void a_usage_prints_as_it_reads(void **state) {
    (void)state;
    static const uint64_t usages[] = { 0, 0x1, 0xA0, 0x20000, 0x1FFFFF, 0x8000000000000000u, UINT64_MAX };
    char text[TRACE_MAX_USAGE_TEXT], line[TRACE_MAX_USAGE_TEXT + 64], error[TRACE_ERROR_LENGTH];
    struct trace trace;
    for (size_t i = 0; i < sizeof usages / sizeof usages[0]; i++) {
        trace_print_usage(usages[i], text);
        (void)snprintf(line, sizeof line, "bdaalloc-trace 1\nu 1 %s\na 1 1 1 device 1\n", text);
        assert_true(read_text(line, &trace, error));
        assert_true(trace.usages[0] == usages[i]);
        trace_free(&trace);
    }
}

/* ---- What is bad ---- */

static void another_head_is_refused(void **state) {
    (void)state;
    assert_bad("a 1 1 1 device 1\n", "line 1: should be: bdaalloc-trace 1");
    assert_bad("bdaalloc-trace 2\n", "line 1: should be: bdaalloc-trace 1");
    assert_bad("\n", "line 1: should be: bdaalloc-trace 1");
}

static void a_trace_without_events_is_refused(void **state) {
    (void)state;
    assert_bad("bdaalloc-trace 1\n", "line 1: the trace ends and has no event");
    assert_bad(HEAD "# nothing\n", "line 3: the trace ends and has no event");
}

static void an_empty_file_is_refused(void **state) {
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_LENGTH];
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_false(trace_read(file, &trace, error));
    assert_string_equal(error, "line 1: the trace ends and has no event");
    (void)fclose(file);
}

static void each_bad_line_is_told_with_its_number(void **state) {
    (void)state;
    static const struct {
        const char *line;
        const char *error;
    } cases[] = {
        { "x 1", "line 3: 'x' is no operation: a, f or u" },
        { "alloc 1 1 1 device 1", "line 3: 'alloc' is no operation: a, f or u" },
        { "a 1 1 1 device", "line 3: should be: a ID SIZE ALIGNMENT INTENT USAGE" },
        { "a 1 1 1 device 1 1", "line 3: should be: a ID SIZE ALIGNMENT INTENT USAGE" },
        { "a 1 1 1 device 1 1 1 1", "line 3: should be: a ID SIZE ALIGNMENT INTENT USAGE" },
        { "f", "line 3: should be: f ID" },
        { "f 1 2", "line 3: should be: f ID" },
        { "u 2", "line 3: should be: u NUMBER NAMES" },
        { "a x 1 1 device 1", "line 3: 'x' is no id: a number below 16777216" },
        { "a -1 1 1 device 1", "line 3: '-1' is no id: a number below 16777216" },
        { "a 16777216 1 1 device 1", "line 3: '16777216' is no id: a number below 16777216" },
        { "f 99999999999999999999", "line 3: '99999999999999999999' is no id: a number below 16777216" },
        { "a 1 0 1 device 1", "line 3: '0' is no size: a number of bytes from 1, below 2^40" },
        { "a 1 1k 1 device 1", "line 3: '1k' is no size: a number of bytes from 1, below 2^40" },
        { "a 1 1099511627776 1 device 1", "line 3: '1099511627776' is no size: a number of bytes from 1, below 2^40" },
        { "a 1 1 0 device 1", "line 3: '0' is no alignment: a power of two, at most 2^32" },
        { "a 1 1 48 device 1", "line 3: '48' is no alignment: a power of two, at most 2^32" },
        { "a 1 1 8589934592 device 1", "line 3: '8589934592' is no alignment: a power of two, at most 2^32" },
        { "a 1 1 1 gpu 1", "line 3: 'gpu' is no intent: device, upload, readback or shared" },
        { "a 1 1 1 device 2", "line 3: '2' is no usage that a 'u' line above declares" },
        { "a 1 1 1 device 0", "line 3: '0' is no usage that a 'u' line above declares" },
        { "a 1 1 1 device storage", "line 3: 'storage' is no usage that a 'u' line above declares" },
        { "u 1 storage", "line 3: usages are declared in order, this one should be 2" },
        { "u 3 storage", "line 3: usages are declared in order, this one should be 2" },
        { "u 2 storage|shader", "line 3: 'shader' is no usage: names or 0x…, joined by '|'" },
        { "u 2 storage|", "line 3: '' is no usage: names or 0x…, joined by '|'" },
        { "u 2 0x", "line 3: '0x' is no usage: names or 0x…, joined by '|'" },
        { "u 2 0x10000000000000000", "line 3: '0x10000000000000000' is no usage: names or 0x…, joined by '|'" },
        { "f 1", "line 3: id 1 is not alive" },
        { "a 1 1 1 device 1\na 1 2 1 device 1", "line 4: id 1 is alive already" },
        { "a 1 1 1 device 1\n\n# x\nf 1\nf 1", "line 7: id 1 is not alive" },
    };
    char text[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(text, sizeof text, "%s%s\n", HEAD, cases[i].line);
        assert_bad(text, cases[i].error);
    }
}

static void a_line_too_long_is_refused(void **state) {
    (void)state;
    char text[2048] = HEAD "# ";
    size_t length = strlen(text);
    memset(text + length, 'x', 1500);
    text[length + 1500] = '\n';
    assert_bad(text, "line 3: longer than 1022 characters, or no text");
}

static void a_file_with_zero_bytes_is_refused(void **state) {
    (void)state;
    static const char text[] = HEAD "a 1 1\0 1 device 1\n";
    struct trace trace;
    char error[TRACE_ERROR_LENGTH];
    FILE *file = fmemopen((void *)(uintptr_t)text, sizeof text - 1, "r");
    assert_non_null(file);
    assert_false(trace_read(file, &trace, error));
    assert_string_equal(error, "line 3: longer than 1022 characters, or no text");
    (void)fclose(file);
}

/* ---- Files ---- */

static void a_missing_file_is_told_by_name(void **state) {
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_LENGTH];
    assert_false(trace_open("/nonexistent/some.trace", &trace, error));
    assert_string_equal(error, "/nonexistent/some.trace: No such file or directory");
    assert_null(trace.events);
}

static void committed_traces_are_good_and_long(void **state) {
    (void)state;
    static const char *const paths[] = { TRACES "/blender.trace", TRACES "/minetest.trace",
                                         TRACES "/warzone2100.trace" };
    uint32_t events = 0;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct trace trace;
        char error[TRACE_ERROR_LENGTH] = "";
        if (!trace_open(paths[i], &trace, error))
            fail_msg("%s", error);
        assert_true(trace.peak_count > 500); /* a program at work, not its start alone */
        assert_true(trace.event_count - trace.alloc_count > 2000);
        events += trace.event_count;
        trace_free(&trace);
    }
    assert_true(events >= 20000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_says_what_was_written),
        cmocka_unit_test(the_peak_is_that_of_any_moment),
        cmocka_unit_test(an_id_may_be_used_again_after_its_end),
        cmocka_unit_test(lines_may_end_as_on_windows_and_the_last_not_at_all),
        cmocka_unit_test(the_largest_values_are_taken),
        cmocka_unit_test(a_usage_prints_as_it_reads),
        cmocka_unit_test(another_head_is_refused),
        cmocka_unit_test(a_trace_without_events_is_refused),
        cmocka_unit_test(an_empty_file_is_refused),
        cmocka_unit_test(each_bad_line_is_told_with_its_number),
        cmocka_unit_test(a_line_too_long_is_refused),
        cmocka_unit_test(a_file_with_zero_bytes_is_refused),
        cmocka_unit_test(a_missing_file_is_told_by_name),
        cmocka_unit_test(committed_traces_are_good_and_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
