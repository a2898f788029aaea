/* Shaders with checked pointers, on a real driver: what is bad is found, exactly, and does not happen; what is good
 * does.
 */
#include "work.h"

#include <string.h>

enum access { LOAD, STORE, ADD, LOAD_16, STORE_16, LOAD_80, STORE_80, LOAD_BYTE, SWAP };

struct suite_access {
    VkDeviceAddress address;
    uint32_t what, tag;
};

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

/* One access that is reported, alone; answers with what it answered. */
static uint32_t assert_bad(struct suite *s, enum suite_kernel kernel, struct suite_access access, uint32_t size,
                           uint32_t bad_offset, BdaFaultAccess kind, BdaBadReason reason) {
    BdaBadAccess found[4];
    uint32_t count = SUITE_COUNT(found), answer;
    uint64_t lost;
    run(s, kernel, &access, 1, &answer);
    assert_vk(bda_take_bad_accesses(s->allocator, &count, found, &lost));
    assert_int_equal(count, 1);
    assert_int_equal(lost, 0);
    assert_int_equal(found[0].address, access.address);
    assert_int_equal(found[0].size, size);
    assert_int_equal(found[0].bad_offset, bad_offset);
    assert_int_equal(found[0].access, kind);
    assert_int_equal(found[0].reason, reason);
    assert_int_equal(found[0].tag, access.tag);
    assert_int_equal(found[0].invocation[0], 0);
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
        uint32_t answer = assert_bad(s, kernels[k], (struct suite_access){ a.address + 1000, LOAD, 5 }, 4, 0,
                                     BDA_FAULT_ACCESS_READ, BDA_BAD_PAST_END);
        assert_int_equal(answer, 0);
        (void)assert_bad(s, kernels[k], (struct suite_access){ a.address + 992, STORE_16, 6 }, 16, 8,
                         BDA_FAULT_ACCESS_WRITE, BDA_BAD_PAST_END);
        (void)assert_bad(s, kernels[k], (struct suite_access){ a.address + 928, STORE_80, 7 }, 80, 72,
                         BDA_FAULT_ACCESS_WRITE, BDA_BAD_PAST_END);
        (void)assert_bad(s, kernels[k], (struct suite_access){ a.address + 1000, LOAD_BYTE, 8 }, 1, 0,
                         BDA_FAULT_ACCESS_READ, BDA_BAD_PAST_END);
        (void)assert_bad(s, kernels[k], (struct suite_access){ c.address + 1024, STORE, 9 }, 4, 0,
                         BDA_FAULT_ACCESS_WRITE, BDA_BAD_NOT_LIVE);
        answer = assert_bad(s, kernels[k], (struct suite_access){ c.address + 1008, LOAD_80, 10 }, 80, 16,
                            BDA_FAULT_ACCESS_READ, BDA_BAD_PAST_END);
        assert_int_equal(answer, 0);
        answer = assert_bad(s, kernels[k], (struct suite_access){ c.address - 16, ADD, 11 }, 4, 0,
                            BDA_FAULT_ACCESS_ATOMIC, BDA_BAD_NOT_LIVE);
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
        (void)assert_bad(s, kernels[k], (struct suite_access){ a.address + 16, STORE, 1 }, 4, 0, BDA_FAULT_ACCESS_WRITE,
                         BDA_BAD_NOT_LIVE);
        (void)assert_bad(s, kernels[k], (struct suite_access){ b.address, LOAD_16, 2 }, 16, 0, BDA_FAULT_ACCESS_READ,
                         BDA_BAD_NOT_LIVE);
        (void)assert_bad(s, kernels[k], (struct suite_access){ 0, LOAD, 3 }, 4, 0, BDA_FAULT_ACCESS_READ, BDA_BAD_NULL);
        (void)assert_bad(s, kernels[k], (struct suite_access){ 24, SWAP, 4 }, 4, 0, BDA_FAULT_ACCESS_ATOMIC,
                         BDA_BAD_NULL);
        (void)assert_bad(s, kernels[k], (struct suite_access){ (VkDeviceAddress)1 << 44, STORE, 5 }, 4, 0,
                         BDA_FAULT_ACCESS_WRITE, BDA_BAD_NOT_OURS);
        (void)assert_bad(s, kernels[k], (struct suite_access){ 0x5A5A5A5A5A5A5A50, STORE_80, 6 }, 80, 0,
                         BDA_FAULT_ACCESS_WRITE, BDA_BAD_NOT_OURS);
        close_checked(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(good_accesses_happen_and_are_silent),
        SUITE_TEST(accesses_past_an_end_do_not_happen),
        SUITE_TEST(freed_and_null_and_foreign_pointers_are_caught),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
