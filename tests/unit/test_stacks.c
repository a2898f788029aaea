/*
 * BDA_CHECK_STACKS_BIT: src/alloc/stacks.c keeps each stack once, and whoever tells of an allocation tells of its
 * stack. The stacks are the tests' own, but for those of the system.
 */
#include "alloc_support.h"

#include "helper_support.h"
#include "platform/platform.h"

#include <stdio.h>

/* What the hook says next: `depth` frames, which are numbers from `place` on. */
static _Thread_local uint32_t place, depth = 3;
static unsigned captures, describes, ill_asked;

static void *frame_of(uint32_t number) {
    return (void *)(uintptr_t)number;
}

static uint32_t capture(void *user, uint32_t max, void **frames) {
    if (user != &captures || bda_locks_held != 0 || max != BDA_STACK_DEPTH)
        ill_asked++;
    captures++;
    for (uint32_t i = 0; i < depth && i < max; i++)
        frames[i] = frame_of(place + i);
    return depth;
}

static void describe(void *user, void *frame, size_t size, char *text) {
    if (user != &captures || bda_locks_held != 0)
        ill_asked++;
    describes++;
    (void)snprintf(text, size, "line %u", (unsigned)(uintptr_t)frame);
}

static void prepare(void) {
    bench_prepare(NULL);
    bench.info.checks = BDA_CHECK_STACKS_BIT;
    bench.info.capture_stack = capture;
    bench.info.describe_frame = describe;
    bench.info.stack_user = &captures;
    captures = ill_asked = 0;
    place = 100;
    depth = 3;
}

static void open_with_stacks(void) {
    prepare();
    bench_start();
}

static void close_well_asked(void) {
    bench_close();
    assert_int_equal(ill_asked, 0);
}

static BdaAllocation take_at(uint32_t where, const char *name) {
    place = where;
    return take((BdaAllocInfo){ .size = 64, .name = name });
}

static BdaStack stack_of(const BdaAllocation *a) {
    return info_of(a->handle).stack;
}

static void assert_frames(BdaStack stack, uint32_t first, uint32_t count) {
    void *frames[BDA_STACK_DEPTH];
    uint32_t room = 0;
    assert_int_equal(bda_get_stack(bench.allocator, stack, &room, NULL), VK_SUCCESS);
    assert_int_equal(room, count);
    assert_int_equal(bda_get_stack(bench.allocator, stack, &room, frames), VK_SUCCESS);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal((uintptr_t)frames[i], first + i);
}

/* ---- Keeping ---- */

static void each_stack_is_kept_once(void **state) {
    (void)state;
    open_with_stacks();
    BdaAllocation a = take_at(100, NULL), b = take_at(200, "named"), c = take_at(100, "too");
    BdaAllocation own = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    BdaAllocation alone = take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal(captures, 5);
    assert_int_equal(stack_of(&a), stack_of(&c));
    assert_int_equal(stack_of(&a), stack_of(&own));
    assert_int_equal(stack_of(&a), stack_of(&alone));
    assert_int_not_equal(stack_of(&a), stack_of(&b));
    assert_frames(stack_of(&a), 100, 3);
    assert_frames(stack_of(&b), 200, 3);
    const BdaAllocation all[] = { a, b, c, own, alone };
    give_all(all, COUNT_OF(all));
    close_well_asked();
}

static void depth_tells_stacks_apart_and_is_bounded(void **state) {
    (void)state;
    open_with_stacks();
    BdaAllocation a = take_at(100, NULL);
    depth = 2;
    BdaAllocation b = take_at(100, NULL);
    depth = BDA_STACK_DEPTH + 9; /* what did not fit is counted, too */
    BdaAllocation c = take_at(100, NULL);
    depth = 0;
    BdaAllocation d = take_at(100, NULL);
    assert_frames(stack_of(&a), 100, 3);
    assert_frames(stack_of(&b), 100, 2);
    assert_frames(stack_of(&c), 100, BDA_STACK_DEPTH);
    assert_int_equal(stack_of(&d), 0);
    const BdaAllocation all[] = { a, b, c, d };
    give_all(all, COUNT_OF(all));
    close_well_asked();
}

static void thousands_of_stacks_are_told_apart(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    static BdaAllocation taken[COUNT];
    open_with_stacks();
    for (uint32_t i = 0; i < COUNT; i++)
        taken[i] = take_at(1000 + i * 7, NULL);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_frames(stack_of(&taken[i]), 1000 + i * 7, 3);
    give_all(taken, COUNT);
    close_well_asked();
}

static void many_at_once_have_theirs(void **state) {
    (void)state;
    open_with_stacks();
    const BdaAllocInfo infos[3] = { { .size = 16 }, { .size = 32 }, { .size = 64, .name = "third" } };
    BdaAllocation taken[3];
    assert_int_equal(bda_alloc_many(bench.allocator, 3, infos, taken), VK_SUCCESS);
    for (uint32_t i = 0; i < 3; i++)
        assert_frames(stack_of(&taken[i]), 100, 3);
    give_all(taken, 3);
    close_well_asked();
}

static void a_new_name_or_value_keeps_the_stack(void **state) {
    (void)state;
    open_with_stacks();
    BdaAllocation a = take_at(100, NULL);
    place = 500;
    assert_int_equal(bda_set_name(bench.allocator, a.handle, "late"), VK_SUCCESS);
    assert_int_equal(bda_set_user(bench.allocator, a.handle, 5), VK_SUCCESS);
    assert_frames(stack_of(&a), 100, 3);
    give(a);
    close_well_asked();
}

static void without_the_mode_there_are_none(void **state) {
    (void)state;
    prepare();
    bench.info.checks = 0;
    bench_start();
    BdaAllocation a = take_at(100, "named");
    uint32_t count = 0;
    assert_int_equal(captures, 0);
    assert_int_equal(stack_of(&a), 0);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_get_stack(bench.allocator, 1, &count, NULL), "bda_get_stack",
                   "no such stack, 1 (");
    give(a);
    close_well_asked();
}

/* ---- Asking ---- */

static void asking_wrongly_is_refused(void **state) {
    (void)state;
    open_with_stacks();
    BdaAllocation a = take_at(100, NULL);
    void *frames[2];
    uint32_t count = 2;
    char text[16];
    assert_int_equal(bda_get_stack(bench.allocator, stack_of(&a), &count, frames), VK_INCOMPLETE);
    assert_int_equal(count, 2);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_get_stack(bench.allocator, 1, NULL, frames), "bda_get_stack",
                   "count is NULL");
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_get_stack(bench.allocator, 0, &count, frames), "bda_get_stack",
                   "no such stack");
    assert_int_equal(count, 0);
    assert_int_equal(bda_get_stack(bench.allocator, UINT32_MAX, &count, frames), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(bda_get_stack(NULL, 1, &count, frames), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_describe_frame(bench.allocator, frames[0], 0, text),
                   "bda_describe_frame", "text is NULL");
    assert_int_equal(bda_describe_frame(bench.allocator, frames[0], 6, text), VK_SUCCESS);
    assert_string_equal(text, "line ");
    assert_int_equal(bda_describe_frame(NULL, frames[0], 6, text), VK_ERROR_VALIDATION_FAILED_EXT);
    give(a);
    bench_hush();
    close_well_asked();
}

static void the_system_has_stacks_of_its_own(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.checks = BDA_CHECK_STACKS_BIT;
    bench_start();
    BdaAllocation a = take_at(0, NULL);
#if defined(__GLIBC__) || defined(__APPLE__) || defined(_WIN32)
    void *frames[BDA_STACK_DEPTH];
    uint32_t count = BDA_STACK_DEPTH;
    char text[256];
    assert_int_equal(bda_get_stack(bench.allocator, stack_of(&a), &count, frames), VK_SUCCESS);
    assert_true(count > 2);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(bda_describe_frame(bench.allocator, frames[i], sizeof text, text), VK_SUCCESS);
        assert_int_not_equal(text[0], '\0');
    }
#endif
    give(a);
    bench_close();
}

/* ---- Telling ---- */

static void leaks_are_listed_with_their_stacks(void **state) {
    (void)state;
    open_with_stacks();
    (void)take_at(100, "forgotten");
    (void)take_at(200, NULL);
    bench_end(VK_INCOMPLETE);
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 1 + 2 * (1 + 3));
    const char *first = strstr(bench.text, "'forgotten'");
    assert_non_null(first);
    assert_non_null(strstr(first, "\n  allocated at: line 100\n  allocated at: line 101\n  allocated at: line 102\n"));
    assert_int_equal(bench_heard("allocated at: line 202"), 1);
    assert_int_equal(ill_asked, 0);
}

static void findings_have_the_stack_of_each_range(void **state) {
    (void)state;
    open_with_stacks();
    BdaAllocation a = take_at(100, "a"), b = take_at(200, "b"), c = take_at(300, "c");
    BdaFinding finding;
    uint32_t count = 1;
    char text[BDA_FINDING_TEXT_SIZE], wanted[64];
    BdaStack stacks[] = { stack_of(&a), stack_of(&b), stack_of(&c) };
    assert_int_equal(bda_find(bench.allocator, b.address, 0, &count, &finding), VK_SUCCESS);
    assert_int_equal(finding.range.stack, stacks[1]);
    assert_int_equal(bda_describe_finding(&finding, sizeof text, text), VK_SUCCESS);
    (void)snprintf(wanted, sizeof wanted, ", stack %u)", (unsigned)stacks[1]);
    assert_non_null(strstr(text, wanted));
    give(b);
    assert_int_equal(bda_find(bench.allocator, b.address, 0, &count, &finding), VK_SUCCESS);
    assert_int_equal(finding.range.stack, 0);
    assert_int_equal(finding.before.stack, stacks[0]);
    assert_int_equal(finding.after.stack, stacks[2]);
    give(a);
    give(c);
    close_well_asked();
}

static void the_history_has_the_stacks_of_past_owners(void **state) {
    (void)state;
    open_with_stacks();
    bda_set_frame(bench.allocator, 7);
    BdaAllocation a = take_at(100, NULL);
    BdaStack stack = stack_of(&a);
    BdaHistory history;
    BdaPastOwner owner;
    uint32_t count = 1;
    give(a);
    assert_int_equal(bda_get_history(bench.allocator, a.address, 0, &history, &count, &owner), VK_SUCCESS);
    assert_int_equal(count, 1);
    assert_int_equal(owner.range.stack, stack);
    assert_int_equal(owner.frame_allocated, 7);
    assert_frames(owner.range.stack, 100, 3);
    close_well_asked();
}

static void a_stack_alone_says_nothing_of_frames(void **state) {
    (void)state;
    open_with_stacks();
    BdaAllocation a = take_at(100, NULL);
    BdaHistory history;
    BdaPastOwner owner;
    uint32_t count = 1;
    give(a);
    bda_set_frame(bench.allocator, ((uint64_t)1 << 32) + 5); /* events keep half of it */
    assert_int_equal(bda_get_history(bench.allocator, a.address, 0, &history, &count, &owner), VK_SUCCESS);
    assert_int_equal(owner.frame_allocated, 0);
    close_well_asked();
}

static char report[4096];

static void write_report(void *user, const char *line) {
    size_t length = strlen(report);
    (void)user;
    (void)snprintf(report + length, sizeof report - length, "%s\n", line);
}

static void reports_say_where_everybody_was_allocated(void **state) {
    (void)state;
    open_with_stacks();
    BdaAllocation stays = take_at(100, "stays"), gone = take_at(200, "gone");
    give(gone);
    BdaFaultAddress address = { .address = gone.address, .access = BDA_FAULT_ACCESS_WRITE };
    const BdaFaultInfo info = { .address_count = 1, .addresses = &address };
    report[0] = '\0';
    assert_int_equal(bda_report_fault(bench.allocator, &info, write_report, NULL), VK_SUCCESS);
    assert_non_null(strstr(report, ", which allocated:\n    line 100\n    line 101\n    line 102\n"));
    assert_non_null(strstr(report, ", which allocated:\n    line 200\n    line 201\n    line 202\n"));
    assert_null(strstr(report, "line 103"));
    give(stays);
    close_well_asked();
}

/* ---- Failures and threads ---- */

/* What is spare of stacks runs out on the way, then what is spare of records, and stacks that are known are not written
 * down either. */
/* Guards against: a red zone found broken in a free put frames into words, which takes memory, and threw them away. */
static void what_is_found_in_a_free_names_stacks_by_number(void **state) {
    (void)state;
    prepare();
    bench.info.checks |= BDA_CHECK_RED_ZONES_BIT;
    bench_start();
    place = 700;
    BdaAllocation a = take((BdaAllocInfo){ .size = 64, .intent = BDA_INTENT_UPLOAD, .name = "victim" });
    char numbered[32];
    (void)snprintf(numbered, sizeof numbered, ", stack %u)", (unsigned)stack_of(&a));
    ((unsigned char *)a.mapped)[64] = 1;
    describes = 0;
    give(a);
    assert_int_equal(bench_heard("red zone broken: 1 of "), 1);
    assert_int_equal(bench_heard(numbered), 1);
    assert_int_equal(describes, 0);
    report[0] = '\0';
    const BdaFaultAddress address = { .address = a.address + 64 };
    assert_int_equal(bda_report_fault(bench.allocator, &(BdaFaultInfo){ .address_count = 1, .addresses = &address },
                                      write_report, NULL),
                     VK_SUCCESS);
    assert_non_null(strstr(report, "line 702"));
    assert_non_null(strstr(report, "red zone broken"));
    close_well_asked();
}

static void refused_host_memory_costs_the_stack_alone(void **state) {
    (void)state;
    enum { COUNT = 220 };
    BdaAllocation taken[COUNT];
    open_with_stacks();
    give(take_at(100, NULL)); /* what every allocation needs is there */
    fake_host_fail(&bench.host, 1, true);
    for (uint32_t i = 0; i < COUNT; i++)
        taken[i] = take_at(i % 2 != 0 ? 100 : 1000 * i, NULL);
    place = 100;
    refuse(VK_ERROR_OUT_OF_HOST_MEMORY, (BdaAllocInfo){ .size = 64, .name = "must be written down" });
    fake_host_fail(&bench.host, 0, false);
    assert_frames(stack_of(&taken[1]), 100, 3);
    assert_frames(stack_of(&taken[2]), 2000, 3);
    assert_int_equal(stack_of(&taken[COUNT - 1]), 0);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_is_sound(&taken[i]);
    give_all(taken, COUNT);
    bench_hush();
    close_well_asked();
}

static void creation_needs_its_table(void **state) {
    (void)state;
    bool created = false;
    for (size_t nth = 1; !created; nth++) {
        prepare();
        fake_host_fail(&bench.host, nth, false);
        VkResult result = bda_create_allocator(&bench.info, &bench.allocator);
        fake_host_fail(&bench.host, 0, false);
        created = result == VK_SUCCESS;
        if (!created) {
            assert_int_equal(result, VK_ERROR_OUT_OF_HOST_MEMORY);
            assert_null(bench.allocator);
            assert_int_equal(bench.host.live_bytes, 0);
            assert_int_equal(fake_destroy(bench.driver), 0);
            assert_int_equal(fake_host_done(&bench.host), 0);
        }
    }
    close_well_asked();
}

enum { THREADS = 4, ROUNDS = 500 };

static uint32_t capture_two(void *user, uint32_t max, void **frames) {
    (void)user;
    (void)max;
    frames[0] = frame_of(place);
    frames[1] = frame_of(1);
    return 2;
}

static void take_here_and_there(struct helper *helper) {
    for (uint32_t i = 0; i < ROUNDS; i++) {
        void *frames[2] = { NULL, NULL };
        uint32_t count = 2;
        BdaAllocation a;
        BdaAllocationInfo info;
        place = 1000 + i % 50 * THREADS + helper->count % 2; /* each is another thread's, too */
        helper->wrong += bda_alloc(helper->allocator, &(BdaAllocInfo){ .size = 64 }, &a) != VK_SUCCESS;
        helper->wrong += bda_get_info(helper->allocator, a.handle, &info) != VK_SUCCESS;
        helper->wrong += bda_get_stack(helper->allocator, info.stack, &count, frames) != VK_SUCCESS;
        helper->wrong += frames[0] != frame_of(place) || frames[1] != frame_of(1);
        helper->wrong += bda_free(helper->allocator, a.handle) != VK_SUCCESS;
    }
}

static void threads_share_the_table(void **state) {
    (void)state;
    static struct helper helpers[THREADS];
    uint32_t rounds[THREADS];
    prepare();
    bench.info.capture_stack = capture_two;
    bench_start();
    for (uint32_t i = 0; i < THREADS; i++) {
        hire(&helpers[i]);
        helpers[i].count = i;
        rounds[i] = begin(&helpers[i], take_here_and_there);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        await(&helpers[i], rounds[i]);
        assert_int_equal(helpers[i].wrong, 0);
        dismiss(&helpers[i]);
    }
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stack_is_kept_once),
        cmocka_unit_test(depth_tells_stacks_apart_and_is_bounded),
        cmocka_unit_test(thousands_of_stacks_are_told_apart),
        cmocka_unit_test(many_at_once_have_theirs),
        cmocka_unit_test(a_new_name_or_value_keeps_the_stack),
        cmocka_unit_test(without_the_mode_there_are_none),
        cmocka_unit_test(asking_wrongly_is_refused),
        cmocka_unit_test(the_system_has_stacks_of_its_own),
        cmocka_unit_test(leaks_are_listed_with_their_stacks),
        cmocka_unit_test(findings_have_the_stack_of_each_range),
        cmocka_unit_test(the_history_has_the_stacks_of_past_owners),
        cmocka_unit_test(a_stack_alone_says_nothing_of_frames),
        cmocka_unit_test(reports_say_where_everybody_was_allocated),
        cmocka_unit_test(what_is_found_in_a_free_names_stacks_by_number),
        cmocka_unit_test(refused_host_memory_costs_the_stack_alone),
        cmocka_unit_test(creation_needs_its_table),
        cmocka_unit_test(threads_share_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
