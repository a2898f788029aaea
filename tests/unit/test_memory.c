/*
 * src/debug/memory.c and platform/marks.c: byte for byte, what a memory checker is told of mapped memory. They are seen
 * at work in programs of the address sanitizer, and under valgrind (unit.memory.valgrind); elsewhere there is nobody to
 * tell.
 */
#include "alloc_support.h"

#include "debug/watch.h"
#include "platform/marks.h"

#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

static void open_watched(enum fake_machine machine, BdaCheckFlags more) {
    bench_prepare(&(struct fake_config){ .machine = machine });
    bench.info.checks = BDA_CHECK_MEMORY_BIT | more;
    bench_start();
}

static void skip_unless_heard(void) {
    if (!bda_marks_are_heard())
        skip();
}

static void assert_allowed(const BdaAllocation *a) {
    const unsigned char *bytes = a->mapped;
    for (VkDeviceSize i = 0; i < a->size; i++)
        assert_false(bda_marks_forbidden(bytes + i));
    assert_true(bda_marks_forbidden(bytes + a->size));
}

static void assert_forbidden(const unsigned char *bytes, VkDeviceSize size) {
    for (VkDeviceSize i = 0; i < size; i++)
        assert_true(bda_marks_forbidden(bytes + i));
}

/* ---- Marks by themselves ---- */

static void what_is_forbidden_is_known_byte_by_byte(void **state) {
    (void)state;
    skip_unless_heard();
    _Alignas(16) unsigned char bytes[64] = { 0 };
    bda_marks_forbid(bytes, sizeof bytes);
    assert_forbidden(bytes, sizeof bytes);
    for (size_t size = 1; size < 40; size++) {
        bda_marks_allow(bytes + 8, size, true);
        for (size_t i = 0; i < sizeof bytes; i++)
            assert_int_equal(bda_marks_forbidden(bytes + i), i < 8 || i >= 8 + size);
        bda_marks_forbid(bytes + 8, size);
        assert_forbidden(bytes, sizeof bytes);
    }
    bda_marks_allow(bytes, sizeof bytes, true);
}

static void while_paused_forbidden_bytes_may_be_looked_at_and_written(void **state) {
    (void)state;
    _Alignas(16) unsigned char bytes[64] = { 0 };
    bda_marks_forbid(bytes, sizeof bytes);
    bda_marks_pause(bytes, sizeof bytes);
    memset(bytes, 7, sizeof bytes);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        sum += bytes[i];
    bda_marks_resume(bytes, sizeof bytes);
    assert_int_equal(sum, 7 * sizeof bytes);
    if (bda_marks_are_heard())
        assert_forbidden(bytes, sizeof bytes);
    bda_marks_allow(bytes, sizeof bytes, true);
}

/* ---- Allocations ---- */

static void a_library_that_can_speak_to_nobody_says_so(void **state) {
    (void)state;
    open_watched(FAKE_MACHINE_DISCRETE, 0);
    assert_int_equal(bench_heard("BDA_CHECK_MEMORY_BIT does nothing"), bda_marks_exist() ? 0 : 1);
    give(take_bytes(64, BDA_INTENT_UPLOAD));
    bench_close();
}

static void live_bytes_are_allowed_and_no_others(void **state) {
    (void)state;
    skip_unless_heard();
    open_watched(FAKE_MACHINE_DISCRETE, 0);
    for (VkDeviceSize size = 1; size < 100; size += 7) {
        BdaAllocation a = take_bytes(size, BDA_INTENT_UPLOAD), b = take_bytes(size, BDA_INTENT_UPLOAD);
        assert_allowed(&a);
        assert_allowed(&b);
        assert_forbidden((unsigned char *)a.mapped + size, BDA_WATCH_GAP);
        give(a);
        assert_forbidden(a.mapped, size + BDA_WATCH_GAP);
        assert_allowed(&b);
        give(b);
    }
    bench_close();
}

static void zeroed_memory_can_be_zeroed(void **state) {
    (void)state;
    open_watched(FAKE_MACHINE_DISCRETE, 0);
    BdaAllocation a = take((BdaAllocInfo){ .size = 333, .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_ZERO_BIT });
    assert_is_zeroed(a.mapped, 333);
    assert_is_sound(&a);
    give(a);
    bench_close();
}

static void own_buffers_and_dedicated_memory_too(void **state) {
    (void)state;
    skip_unless_heard();
    open_watched(FAKE_MACHINE_UNIFIED, 0);
    BdaAllocation own = take_buffer(77, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" });
    BdaAllocation alone = take((BdaAllocInfo){ .size = 1001, .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_allowed(&own);
    assert_allowed(&alone);
    assert_int_equal(bda_free(bench.allocator, own.handle), VK_SUCCESS);
    assert_forbidden(own.mapped, 77);
    give(alone);
    bench_close();
}

static void what_is_isolated_too(void **state) {
    (void)state;
    skip_unless_heard();
    open_watched(FAKE_MACHINE_UNIFIED, BDA_CHECK_ISOLATE_BIT);
    BdaAllocation a = take_bytes(50, BDA_INTENT_DEVICE);
    assert_allowed(&a);
    assert_forbidden((unsigned char *)a.mapped + 50, BDA_WATCH_GAP);
    give(a);
    bench_close();
}

static void a_free_that_waits_forbids_when_it_is_collected(void **state) {
    (void)state;
    skip_unless_heard();
    open_watched(FAKE_MACHINE_UNIFIED, 0);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = take_bytes(50, BDA_INTENT_DEVICE);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    assert_allowed(&a);
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_forbidden(a.mapped, 50);
    bench_close();
}

static void many_at_once_too(void **state) {
    (void)state;
    enum { COUNT = 20 };
    skip_unless_heard();
    open_watched(FAKE_MACHINE_UNIFIED, 0);
    BdaAllocInfo infos[COUNT];
    BdaAllocation taken[COUNT];
    BdaHandle handles[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        infos[i] = (BdaAllocInfo){ .size = 1 + i };
    assert_int_equal(bda_alloc_many(bench.allocator, COUNT, infos, taken), VK_SUCCESS);
    for (uint32_t i = 0; i < COUNT; i++) {
        handles[i] = taken[i].handle;
        assert_allowed(&taken[i]);
    }
    assert_int_equal(bda_free_many(bench.allocator, COUNT, handles), VK_SUCCESS);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_forbidden(taken[i].mapped, taken[i].size);
    bench_close();
}

/* What a driver does with memory that was given back is its own affair. */
static void memory_that_goes_back_is_allowed(void **state) {
    (void)state;
    skip_unless_heard();
    open_watched(FAKE_MACHINE_UNIFIED, 0);
    BdaAllocation a = take((BdaAllocInfo){ .size = 5000, .flags = BDA_ALLOC_DEDICATED_BIT });
    give(a);
    a = take_bytes(64, BDA_INTENT_DEVICE);
    give(a);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    bench_close();
}

/* ---- What the sanitizer does of it ---- */

#ifndef _WIN32

/* What a child process says and how it ends that reads one byte. */
static int child_reads(const volatile unsigned char *byte, char *said, size_t size) {
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)*byte;
        _exit(0);
    }
    (void)close(ends[1]);
    size_t length = 0;
    for (ssize_t got; length + 1 < size && (got = read(ends[0], said + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    said[length] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void reading_freed_memory_ends_a_sanitized_program(void **state) {
    (void)state;
    char said[8192];
    if (!bda_marks_are_heard() || bda_marks_have_names())
        skip();
    open_watched(FAKE_MACHINE_UNIFIED, 0);
    BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
    assert_int_equal(child_reads(a.mapped, said, sizeof said), 0);
    assert_int_not_equal(child_reads((unsigned char *)a.mapped + 64, said, sizeof said), 0);
    assert_non_null(strstr(said, "use-after-poison"));
    give(a);
    assert_int_not_equal(child_reads(a.mapped, said, sizeof said), 0);
    assert_non_null(strstr(said, "use-after-poison"));
    bench_close();
}

#endif

/* More names than are kept, over ranges of all sizes. */
static void storms_of_names_are_survived(void **state) {
    (void)state;
    enum { COUNT = 3000, LIVE = 64 };
    BdaAllocation taken[LIVE] = { { .handle = 0 } };
    open_watched(FAKE_MACHINE_UNIFIED, 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        BdaAllocation *a = &taken[i % LIVE];
        if (a->handle != 0)
            give(*a);
        *a = take((BdaAllocInfo){ .size = 1 + i * 7919u % 3000, .name = i % 2 != 0 ? "storm" : NULL });
        memset(a->mapped, (int)i, (size_t)a->size);
    }
    give_all(taken, LIVE);
    bench_close();
}

/* Names are a help: whatever of them is refused, the allocation is not. */
static void refused_host_memory_leaves_ranges_without_names(void **state) {
    (void)state;
    for (size_t nth = 1; nth < 12; nth++) {
        bench_prepare(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED });
        bench.info.checks = BDA_CHECK_MEMORY_BIT;
        bench_start();
        give(take_bytes(64, BDA_INTENT_DEVICE)); /* what every allocation needs is there */
        fake_host_fail(&bench.host, nth, true);
        BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
        memset(a.mapped, 1, 64);
        give(a);
        fake_host_fail(&bench.host, 0, false);
        bench_close();
    }
}

static void room_made_ahead_is_enough(void **state) {
    (void)state;
    enum { COUNT = 256 };
    BdaAllocation taken[COUNT];
    open_watched(FAKE_MACHINE_UNIFIED, 0);
    const BdaAllocInfo like = { .size = 4096 };
    assert_int_equal(bda_warm_up(bench.allocator, &like, COUNT * like.size), VK_SUCCESS);
    unsigned calls = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    for (uint32_t i = 0; i < COUNT; i++)
        taken[i] = take(like);
    assert_int_equal(bench_calls(FAKE_CALL_ALLOCATE_MEMORY), calls);
    give_all(taken, COUNT);
    bench_close();
}

static void the_largest_allocation_is_as_large_as_ever(void **state) {
    (void)state;
    bench_prepare(&(struct fake_config){ .machine = FAKE_MACHINE_UNMAPPABLE, .max_buffer_size = MIB(8) });
    bench.info.checks = BDA_CHECK_MEMORY_BIT;
    bench_start();
    BdaAllocation a = take_bytes(MIB(8), BDA_INTENT_DEVICE);
    assert_int_equal(bda_free(bench.allocator, a.handle), VK_SUCCESS);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_forbidden_is_known_byte_by_byte),
        cmocka_unit_test(while_paused_forbidden_bytes_may_be_looked_at_and_written),
        cmocka_unit_test(a_library_that_can_speak_to_nobody_says_so),
        cmocka_unit_test(live_bytes_are_allowed_and_no_others),
        cmocka_unit_test(zeroed_memory_can_be_zeroed),
        cmocka_unit_test(own_buffers_and_dedicated_memory_too),
        cmocka_unit_test(what_is_isolated_too),
        cmocka_unit_test(a_free_that_waits_forbids_when_it_is_collected),
        cmocka_unit_test(many_at_once_too),
        cmocka_unit_test(memory_that_goes_back_is_allowed),
#ifndef _WIN32
        cmocka_unit_test(reading_freed_memory_ends_a_sanitized_program),
#endif
        cmocka_unit_test(storms_of_names_are_survived),
        cmocka_unit_test(refused_host_memory_leaves_ranges_without_names),
        cmocka_unit_test(room_made_ahead_is_enough),
        cmocka_unit_test(the_largest_allocation_is_as_large_as_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
