/* When an allocation without a name was made (src/alloc/history.h, src/core/ring.h): told of what was freed, and in
 * reports of what lives, as far as it is remembered, by whichever way it was made. */
#include "helper_support.h"

#include <stdio.h>

static BdaPastOwner owners[4];

static uint32_t past_of(VkDeviceAddress address) {
    BdaHistory history;
    uint32_t count = COUNT_OF(owners);
    VkResult result = bda_get_history(bench.allocator, address, 0, &history, &count, owners);
    assert_true(result == VK_SUCCESS || result == VK_INCOMPLETE);
    return count;
}

static void open_with(BdaAllocatorFlags flags, uint32_t depth) {
    bench_prepare(NULL);
    bench.info.flags = flags;
    bench.info.history_depth = depth;
    bench_start();
}

static const BdaAllocatorFlags modes[] = { 0, BDA_ALLOCATOR_NO_CACHES_BIT, BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT };

/* From a shelf, if the mode has any; from TLSF; two of a batch; a large one; an own buffer, the first of its usage and
 * a plain one; memory of its own. */
enum { WAYS = 8 };

static void make_each_way(BdaAllocation *made) {
    const BdaAllocInfo two[] = { { .size = 400 }, { .size = 500 } };
    made[0] = take_bytes(64, BDA_INTENT_DEVICE);
    made[1] = take_bytes(3000, BDA_INTENT_DEVICE);
    assert_int_equal(bda_alloc_many(bench.allocator, 2, two, &made[2]), VK_SUCCESS);
    made[4] = take_bytes(KIB(100), BDA_INTENT_UPLOAD);
    made[5] = take_buffer(1000, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    made[6] = take_buffer(900, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    made[7] = take((BdaAllocInfo){ .size = 100, .flags = BDA_ALLOC_DEDICATED_BIT });
}

static void what_was_freed_was_made_in_a_frame(void **state) {
    (void)state;
    for (uint32_t mode = 0; mode < COUNT_OF(modes); mode++)
        for (uint32_t warm = 0; warm < 2; warm++) {
            BdaAllocation made[WAYS];
            open_with(modes[mode], 0);
            for (uint32_t i = 0; i < 100 * warm; i++) /* a cache, and something on its shelves */
                give(take_bytes(64, BDA_INTENT_DEVICE));
            bda_set_frame(bench.allocator, 41);
            make_each_way(made);
            bda_set_frame(bench.allocator, 43);
            give_all(made, WAYS);
            for (uint32_t i = 0; i < WAYS; i++) {
                assert_int_not_equal(past_of(made[i].address), 0);
                assert_int_equal(owners[0].range.handle, made[i].handle);
                assert_int_equal(owners[0].generation, (uint32_t)(made[i].handle >> 32) & 0xFFFFFF);
                if (owners[0].frame_allocated != 41 || owners[0].frame_freed != 43)
                    fail_msg("mode %u, way %u: made in frame %u", mode, i, (unsigned)owners[0].frame_allocated);
            }
            bench_close();
        }
}

/* Each owner of the same bytes has a frame of its own, whatever handles have in common. */
static void owners_after_each_other_are_told_apart(void **state) {
    (void)state;
    open_with(0, 0);
    BdaAllocation a = { .handle = 0 };
    for (uint32_t i = 0; i < 3; i++) {
        bda_set_frame(bench.allocator, 10 + i);
        a = take_bytes(64, BDA_INTENT_DEVICE);
        give(a);
    }
    assert_int_equal(past_of(a.address), 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(owners[i].frame_allocated, 12 - i);
    bench_close();
}

/* Half as many births as frees are remembered. */
static void births_are_forgotten_beyond_half_the_depth(void **state) {
    (void)state;
    enum { DEPTH = 64 };
    for (uint32_t since = DEPTH / 2 - 2; since <= DEPTH / 2 + 1; since++) {
        BdaAllocation others[DEPTH];
        open_with(BDA_ALLOCATOR_NO_CACHES_BIT, DEPTH);
        bda_set_frame(bench.allocator, 5);
        BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
        bda_set_frame(bench.allocator, 6);
        for (uint32_t i = 0; i < since; i++)
            others[i] = take_bytes(64, BDA_INTENT_DEVICE);
        give(a);
        assert_int_equal(past_of(a.address), 1);
        assert_int_equal(owners[0].frame_allocated, since < DEPTH / 2 ? 5 : 0);
        give_all(others, since);
        bench_close();
    }
    open_with(0, BDA_HISTORY_NONE);
    give(take_bytes(64, BDA_INTENT_DEVICE));
    bench_close();
}

/* Then births that stand are not written over by such as say nothing. */
static void without_frames_there_are_no_births(void **state) {
    (void)state;
    static const BdaAllocatorFlags flags[] = { 0, BDA_ALLOCATOR_NO_CACHES_BIT,
                                               BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT };
    for (uint32_t i = 0; i < COUNT_OF(flags); i++) {
        open_with(flags[i], 16);
        for (uint32_t k = 0; k < 100; k++) /* the thread has its ring by then, where it gets one */
            give(take_bytes(64, BDA_INTENT_DEVICE));
        bda_set_frame(bench.allocator, 5);
        BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
        bda_set_frame(bench.allocator, 0);
        for (uint32_t k = 0; k < 100; k++)
            give(take_bytes(64, BDA_INTENT_DEVICE));
        give(a);
        assert_true(past_of(a.address) >= 1);
        assert_true(owners[0].range.handle == a.handle);
        assert_int_equal(owners[0].frame_allocated, 5);
        bench_close();
    }
}

static void no_frame_was_told(void **state) {
    (void)state;
    open_with(0, 0);
    BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
    bda_set_frame(bench.allocator, ((uint64_t)1 << 32) + 5); /* of which events keep half */
    give(a);
    assert_int_equal(past_of(a.address), 1);
    assert_int_equal(owners[0].frame_allocated, 0);
    bench_close();
}

static struct helper helper;

static void take_one(struct helper *h) {
    h->result = bda_alloc(bench.allocator, &h->wish, &h->slots[h->count++]);
}

/* Another thread's, which has a ring of its own. */
static void any_thread_is_asked(void **state) {
    (void)state;
    open_with(0, 0);
    hire(&helper);
    bda_set_frame(bench.allocator, 20);
    helper.wish = (BdaAllocInfo){ .size = 64 };
    for (uint32_t i = 0; i < 60; i++) /* more than guests make */
        tell(&helper, take_one);
    assert_int_equal(helper.count, 60);
    bda_set_frame(bench.allocator, 21);
    for (uint32_t i = 0; i < 60; i++) {
        give(helper.slots[i]);
        assert_int_not_equal(past_of(helper.slots[i].address), 0);
        assert_int_equal(owners[0].frame_allocated, 20);
    }
    dismiss(&helper);
    bench_close();
}

static char lines[1024];

static void keep_line(void *user, const char *line) {
    (void)user;
    (void)strncat(lines, line, sizeof lines - strlen(lines) - 1);
}

static void reports_date_what_lives(void **state) {
    (void)state;
    open_with(0, 0);
    bda_set_frame(bench.allocator, 77);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE);
    bda_set_frame(bench.allocator, 79);
    for (uint32_t i = 0; i < 2; i++) { /* in it, and past its end */
        const BdaFaultAddress told = { a.address + i * 100, 0, BDA_FAULT_ACCESS_WRITE, NULL };
        lines[0] = '\0';
        assert_int_equal(bda_report_fault(bench.allocator, &(BdaFaultInfo){ .address_count = 1, .addresses = &told },
                                          keep_line, NULL),
                         VK_SUCCESS);
        assert_non_null(strstr(lines, "an unnamed allocation (live, 100 bytes at 0x"));
        assert_non_null(strstr(lines, ", since frame 77)"));
    }
    give(a);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_freed_was_made_in_a_frame),
        cmocka_unit_test(owners_after_each_other_are_told_apart),
        cmocka_unit_test(births_are_forgotten_beyond_half_the_depth),
        cmocka_unit_test(without_frames_there_are_no_births),
        cmocka_unit_test(no_frame_was_told),
        cmocka_unit_test(any_thread_is_asked),
        cmocka_unit_test(reports_date_what_lives),
    };
    return cmocka_run_group_tests_name("history_births", tests, NULL, NULL);
}
