/* Shaders with checked pointers, on a real driver: what is bad is found, exactly, and does not happen; what is good
 * does.
 */
#include "work.h"

#include <string.h>

enum access { LOAD, STORE, ADD, LOAD_16, STORE_16, LOAD_80, STORE_80, LOAD_BYTE, SWAP, STORE_500TH };

struct suite_access {
    VkDeviceAddress address;
    uint32_t what, tag;
};

#define BAD(bytes, kind, ...)                                                                                          \
    (BdaBadAccess) {                                                                                                   \
        .size = bytes, .access = BDA_FAULT_ACCESS_##kind, .reason = BDA_BAD_##__VA_ARGS__                              \
    }

enum { MOST = 32, PATTERN = 0x5A };

struct program {
    VkDeviceAddress table, unused;
    struct suite_access accesses[MOST];
};

/* ---- Running accesses ---- */

/* What run needs, taken first: it must not get a range that a test has freed, which would be live again. */
static BdaAllocation program, answers;

static BdaAllocation take(struct suite *s, VkDeviceSize size, BdaIntent intent, const char *name) {
    return suite_alloc(s, &(BdaAllocInfo){ .size = size, .intent = intent, .name = name });
}

static void open_checked(struct suite *s) {
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.checks = BDA_CHECK_POINTERS_BIT;
    suite_restart(s, &info);
    program = take(s, sizeof(struct program), BDA_INTENT_UPLOAD, "program");
    answers = take(s, MOST * sizeof(uint32_t), BDA_INTENT_READBACK, "answers");
}

static void close_checked(struct suite *s) {
    suite_free(s, &program);
    suite_free(s, &answers);
}

static void run(struct suite *s, enum suite_kernel kernel, const struct suite_access *accesses, uint32_t count,
                uint32_t *words) {
    struct program text = { .unused = 0 };
    assert_true(count <= MOST);
    assert_vk(bda_get_check_table(s->allocator, &text.table));
    memcpy(text.accesses, accesses, count * sizeof *accesses);
    assert_vk(bda_write(s->allocator, program.handle, 0, &text, sizeof text));
    suite_dispatch(s, kernel, &(struct suite_push){ program.address, answers.address, count, 0 });
    assert_vk(bda_read(s->allocator, answers.handle, 0, words, count * sizeof(uint32_t)));
}

static void assert_no_bad_access(struct suite *s) {
    BdaBadAccess found[4];
    uint32_t count = SUITE_COUNT(found);
    uint64_t lost;
    assert_vk(bda_take_bad_accesses(s->allocator, &count, found, &lost));
    if (count != 0)
        print_error("reported: %u bytes at 0x%llx, reason %u, tag %u\n", (unsigned)found[0].size,
                    (unsigned long long)found[0].address, (unsigned)found[0].reason, (unsigned)found[0].tag);
    assert_true(count == 0 && lost == 0);
}

/* One access that is reported, alone, at its own address unless another is wanted; answers with what it answered. */
static uint32_t assert_bad(struct suite *s, enum suite_kernel kernel, struct suite_access access, BdaBadAccess wanted) {
    BdaBadAccess found[4];
    uint32_t count = SUITE_COUNT(found), answer;
    uint64_t lost;
    run(s, kernel, &access, 1, &answer);
    assert_vk(bda_take_bad_accesses(s->allocator, &count, found, &lost));
    assert_int_equal(count, 1);
    assert_int_equal(lost, 0);
    wanted.address = wanted.address != 0 ? wanted.address : access.address;
    wanted.tag = access.tag;
    assert_memory_equal(&found[0], &wanted, sizeof wanted);
    return answer;
}

static void fill(struct suite *s, const BdaAllocation *a) {
    unsigned char bytes[4096];
    assert_true(a->size <= sizeof bytes);
    memset(bytes, PATTERN, sizeof bytes);
    suite_write(s, a, bytes, a->size);
}

static void assert_untouched(struct suite *s, const BdaAllocation *a) {
    unsigned char bytes[4096];
    suite_read(s, a, bytes, a->size);
    for (VkDeviceSize i = 0; i < a->size; i++)
        assert_int_equal(bytes[i], PATTERN);
}

static const enum suite_kernel kernels[] = { SUITE_CHECKED, SUITE_CHECKED_UVEC2 };

/* ---- What is good ---- */

static void good_accesses_happen_and_are_silent(void **state) {
    struct suite *s = *state;
    for (size_t k = 0; k < SUITE_COUNT(kernels); k++) {
        open_checked(s);
        for (int intent = BDA_INTENT_DEVICE; intent <= BDA_INTENT_READBACK; intent++) {
            BdaAllocation a = take(s, 999, (BdaIntent)intent, "good");
            BdaAllocation b = suite_alloc_buffer(s, 160, SUITE_COPIES, &(BdaAllocInfo){ .intent = (BdaIntent)intent });
            BdaAllocation c = suite_alloc(
                s, &(BdaAllocInfo){ .size = 96, .intent = (BdaIntent)intent, .flags = BDA_ALLOC_DEDICATED_BIT });
            fill(s, &a);
            fill(s, &b);
            fill(s, &c);
            const struct suite_access accesses[] = {
                { a.address, LOAD, 1 },       { a.address + 992, LOAD, 2 },    { a.address + 998, LOAD_BYTE, 3 },
                { a.address + 16, STORE, 4 }, { a.address + 912, LOAD_80, 5 }, { b.address + 144, LOAD_16, 6 },
                { b.address, STORE_80, 7 },   { c.address + 16, LOAD_80, 8 },  { c.address + 80, STORE_16, 9 },
                { a.address + 32, ADD, 10 },  { a.address + 36, SWAP, 11 },
            };
            uint32_t words[SUITE_COUNT(accesses)];
            run(s, kernels[k], accesses, SUITE_COUNT(accesses), words);
            assert_no_bad_access(s);
            assert_int_equal(words[0], 0x5A5A5A5A);
            assert_int_equal(words[2], 0x5A);
            assert_int_equal(words[4], 20 * 0x5A5A5A5Au);
            assert_int_equal(words[9], 0x5A5A5A5A);
            unsigned char bytes[999];
            suite_read(s, &a, bytes, sizeof bytes);
            assert_true(bytes[16] == 0xAB && bytes[19] == 0xAB && bytes[20] == PATTERN && bytes[32] == 0x5B);
            suite_free(s, &a);
            suite_free(s, &b);
            suite_free(s, &c);
        }
        close_checked(s);
    }
}

/* ---- What is bad ---- */

static void accesses_past_an_end_do_not_happen(void **state) {
    struct suite *s = *state;
    for (size_t k = 0; k < SUITE_COUNT(kernels); k++) {
        open_checked(s);
        BdaAllocation a = take(s, 1000, BDA_INTENT_DEVICE, "array");
        BdaAllocation b = take(s, 1000, BDA_INTENT_DEVICE, "behind");
        BdaAllocation c = take(s, 1024, BDA_INTENT_DEVICE, "whole granules");
        BdaAllocation d = take(s, 1024, BDA_INTENT_DEVICE, "behind, too");
        fill(s, &a);
        fill(s, &b);
        fill(s, &c);
        fill(s, &d);
        uint32_t answer =
            assert_bad(s, kernels[k], (struct suite_access){ a.address + 1000, LOAD, 5 }, BAD(4, READ, PAST_END));
        assert_int_equal(answer, 0);
        (void)assert_bad(s, kernels[k], (struct suite_access){ a.address + 992, STORE_16, 6 },
                         BAD(16, WRITE, PAST_END, .bad_offset = 8));
        (void)assert_bad(s, kernels[k], (struct suite_access){ a.address + 928, STORE_80, 7 },
                         BAD(80, WRITE, PAST_END, .bad_offset = 72));
        (void)assert_bad(s, kernels[k], (struct suite_access){ a.address + 1000, LOAD_BYTE, 8 },
                         BAD(1, READ, PAST_END, .base = a.address + 1000));
        (void)assert_bad(s, kernels[k], (struct suite_access){ c.address + 1024, STORE, 9 }, BAD(4, WRITE, NOT_LIVE));
        answer = assert_bad(s, kernels[k], (struct suite_access){ c.address + 1008, LOAD_80, 10 },
                            BAD(80, READ, PAST_END, .bad_offset = 16));
        assert_int_equal(answer, 0);
        answer = assert_bad(s, kernels[k], (struct suite_access){ c.address - 16, ADD, 11 }, BAD(4, ATOMIC, NOT_LIVE));
        assert_int_equal(answer, 0);
        assert_untouched(s, &a);
        assert_untouched(s, &b);
        assert_untouched(s, &c);
        assert_untouched(s, &d);
        suite_free(s, &a);
        suite_free(s, &b);
        suite_free(s, &c);
        suite_free(s, &d);
        close_checked(s);
    }
}

static void freed_and_null_and_foreign_pointers_are_caught(void **state) {
    struct suite *s = *state;
    for (size_t k = 0; k < SUITE_COUNT(kernels); k++) {
        open_checked(s);
        BdaAllocation a = take(s, 64, BDA_INTENT_DEVICE, "freed");
        BdaAllocation b = suite_alloc_buffer(s, 64, SUITE_COPIES, NULL);
        BdaAllocation c = suite_alloc(s, &(BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT });
        suite_free(s, &a);
        suite_free(s, &b);
        suite_free(s, &c);
        (void)assert_bad(s, kernels[k], (struct suite_access){ a.address + 16, STORE, 1 }, BAD(4, WRITE, NOT_LIVE));
        (void)assert_bad(s, kernels[k], (struct suite_access){ b.address, LOAD_16, 2 }, BAD(16, READ, NOT_LIVE));
        (void)assert_bad(s, kernels[k], (struct suite_access){ 0, LOAD, 3 }, BAD(4, READ, NULL));
        (void)assert_bad(s, kernels[k], (struct suite_access){ 24, SWAP, 4 }, BAD(4, ATOMIC, NULL));
        (void)assert_bad(s, kernels[k], (struct suite_access){ (VkDeviceAddress)1 << 44, STORE, 5 },
                         BAD(4, WRITE, NOT_OURS));
        (void)assert_bad(s, kernels[k], (struct suite_access){ 0x5A5A5A5A5A5A5A50, STORE_80, 6 },
                         BAD(80, WRITE, NOT_OURS));
        close_checked(s);
    }
}

static void an_index_into_a_neighbour_and_a_bad_alignment_are_caught(void **state) {
    struct suite *s = *state;
    for (size_t k = 0; k < SUITE_COUNT(kernels); k++) {
        open_checked(s);
        BdaAllocation a = take(s, 1000, BDA_INTENT_DEVICE, "array");
        BdaAllocation b = take(s, 2000, BDA_INTENT_DEVICE, "behind");
        fill(s, &b);
        assert_true(a.address + 2000 >= b.address && a.address + 2000 < b.address + b.size);
        (void)assert_bad(s, kernels[k], (struct suite_access){ a.address, STORE_500TH, 1 },
                         BAD(4, WRITE, OTHER, .base = a.address, .address = a.address + 2000));
        (void)assert_bad(s, kernels[k], (struct suite_access){ a.address + 8, STORE_16, 2 }, BAD(16, WRITE, ALIGNMENT));
        assert_untouched(s, &b);
        suite_free(s, &a);
        suite_free(s, &b);
        close_checked(s);
    }
}

/* ---- Memory of others ---- */

static void ranges_that_were_added_may_be_followed(void **state) {
    struct suite *s = *state;
    open_checked(s);
    BdaAllocation foreign;
    assert_vk(bda_alloc(s->tools, &(BdaAllocInfo){ .size = 100, .intent = BDA_INTENT_UPLOAD }, &foreign));
    const struct suite_access access = { foreign.address + 96, STORE, 1 };
    uint32_t answer;
    assert_vk(bda_add_checked_range(s->allocator, foreign.address, foreign.size));
    run(s, SUITE_CHECKED, &access, 1, &answer);
    assert_no_bad_access(s);
    assert_vk(bda_remove_checked_range(s->allocator, foreign.address, foreign.size));
    run(s, SUITE_CHECKED, &access, 1, &answer);
    BdaBadAccess found[2];
    uint32_t count = 2;
    uint64_t lost;
    assert_vk(bda_take_bad_accesses(s->allocator, &count, found, &lost));
    assert_int_equal(count, 1);
    assert_true(found[0].reason == BDA_BAD_NOT_OURS || found[0].reason == BDA_BAD_NOT_LIVE);
    assert_vk(bda_free(s->tools, foreign.handle));
    close_checked(s);
}

/* ---- More than there is room for ---- */

/* Of accesses that are all zero the first 32 load through a null pointer; every further invocation reads its access
 * past the end, which answers zeros, then loads through that null pointer, and writes its answer past the end. */
static void a_flood_is_counted_exactly(void **state) {
    enum { INVOCATIONS = 2000, BAD = MOST + 3 * (INVOCATIONS - MOST) };
    static BdaBadAccess found[BDA_BAD_ACCESS_MOST];
    struct suite *s = *state;
    struct program text = { .unused = 0 };
    open_checked(s);
    assert_vk(bda_get_check_table(s->allocator, &text.table));
    assert_vk(bda_write(s->allocator, program.handle, 0, &text, sizeof text));
    for (uint32_t round = 0; round < 3; round++) {
        suite_dispatch(s, SUITE_CHECKED, &(struct suite_push){ program.address, answers.address, INVOCATIONS, 0 });
        uint32_t count = BDA_BAD_ACCESS_MOST;
        uint64_t lost;
        assert_vk(bda_take_bad_accesses(s->allocator, &count, found, &lost));
        assert_int_equal(count, BDA_BAD_ACCESS_MOST);
        assert_int_equal(count + lost, BAD);
        for (uint32_t i = 0; i < count; i++) /* which of them stand there is chance */
            assert_true(found[i].invocation[0] < INVOCATIONS && found[i].size >= 4);
    }
    assert_no_bad_access(s);
    close_checked(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(good_accesses_happen_and_are_silent),
        SUITE_TEST(accesses_past_an_end_do_not_happen),
        SUITE_TEST(freed_and_null_and_foreign_pointers_are_caught),
        SUITE_TEST(an_index_into_a_neighbour_and_a_bad_alignment_are_caught),
        SUITE_TEST(ranges_that_were_added_may_be_followed),
        SUITE_TEST(a_flood_is_counted_exactly),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
