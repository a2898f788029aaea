/*
 * src/alloc/locate_live.h: what is seen of a live range without a lock, its name and its own buffer too, is of one
 * allocation at one moment, whatever happens in between.
 */
#include "alloc_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "alloc/allocator.h"

static uint32_t points; /* that a look-up passed; each lock is one */

static void count_point(void) {
    points++;
}

static BdaFinding find_at(VkDeviceAddress address) {
    BdaFinding finding;
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, address, 0, &count, &finding), VK_SUCCESS);
    return finding;
}

static VkBuffer resolve(VkDeviceAddress address, VkDeviceSize *offset) {
    VkBuffer buffer;
    assert_int_equal(bda_resolve(bench.allocator, address, &buffer, offset), VK_SUCCESS);
    return buffer;
}

/* ---- No lock ---- */

enum { MANY = 40 };

static void names_and_values_are_seen_without_a_lock(void **state) {
    (void)state;
    const char *names[] = { "short", "", "a name that fills more than a line of the processor's cache holds of it",
                            "one that is longer than all that a record of the library has room for, and then some: "
                            "who looks it up is told its beginning" };
    BdaAllocation all[MANY];
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < MANY; i++)
        all[i] = take((BdaAllocInfo){ .size = 100 + i, .name = names[i % COUNT_OF(names)], .user = i });
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < MANY; i++) {
            const char *name = names[i % COUNT_OF(names)];
            points = 0;
            bda_yield_hook = count_point;
            BdaFinding finding = find_at(all[i].address + i);
            bda_yield_hook = NULL;
            assert_int_equal(finding.range.handle, all[i].handle);
            assert_int_equal(finding.range.user, i);
            assert_int_equal(strncmp(finding.range.name, name, BDA_FOUND_NAME_SIZE - 1), 0);
            assert_in_range(strlen(finding.range.name), 0, BDA_FOUND_NAME_SIZE - 1);
            assert_true(pass == 0 || points == 1);
        }
    give_all(all, MANY);
    bench_close();
}

static void own_buffers_are_seen_without_a_lock(void **state) {
    (void)state;
    BdaAllocation all[MANY];
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < MANY; i++)
        all[i] = take_buffer(1000 + i, PLAIN_USAGE, (BdaAllocInfo){ .name = i % 2 == 0 ? "named" : NULL });
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < MANY; i++) {
            VkDeviceSize offset;
            points = 0;
            bda_yield_hook = count_point;
            assert_true(resolve(all[i].address + i, &offset) == all[i].buffer);
            bda_yield_hook = NULL;
            assert_int_equal(offset, i);
            assert_true(pass == 0 || points == 1);
        }
    give_all(all, MANY);
    bench_close();
}

/* ---- What comes in between ---- */

static BdaAllocation subject, others[2];

static void rename_it(void) {
    bda_yield_hook = NULL;
    assert_int_equal(bda_set_name(bench.allocator, subject.handle, "renamed"), VK_SUCCESS);
}

/* Its record becomes another allocation's, elsewhere; nobody has its range. */
static void give_its_record_away(void) {
    bda_yield_hook = NULL;
    give(subject);
    others[0] = take((BdaAllocInfo){ .size = KIB(300), .name = "stranger" });
}

static void a_name_is_of_the_allocation_that_was_found(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        bench_open(NULL, NULL);
        BdaAllocation before = take((BdaAllocInfo){ .size = KIB(20) });
        subject = take((BdaAllocInfo){ .size = KIB(20), .name = "subject" });
        BdaAllocation behind = take((BdaAllocInfo){ .size = KIB(20) });
        for (uint32_t look = 0; look < 2; look++)
            assert_string_equal(find_at(subject.address).range.name, "subject");
        bda_yield_hook = i == 0 ? rename_it : give_its_record_away;
        BdaFinding finding = find_at(subject.address);
        bda_yield_hook = NULL;
        if (i == 0) {
            assert_string_equal(finding.range.name, "renamed");
            give(subject);
        } else {
            assert_int_not_equal(finding.kind, BDA_FINDING_LIVE);
            assert_string_equal(finding.range.name, "");
            assert_string_equal(find_at(others[0].address).range.name, "stranger");
            give(others[0]);
        }
        give(before);
        give(behind);
        bench_close();
    }
}

static void free_it(void) {
    bda_yield_hook = NULL;
    give(subject);
}

/* Between the look and the free another thread was faster: that is bda_free_address's to tell. */
static void a_free_that_comes_too_late_is_told_by_its_name(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        bench_open(NULL, &(BdaAllocatorInfo){ .flags = i == 0 ? BDA_ALLOCATOR_NO_CACHES_BIT : 0 });
        subject = take((BdaAllocInfo){ .size = KIB(20), .name = "subject" });
        BdaAllocation behind = take((BdaAllocInfo){ .size = KIB(20) });
        for (uint32_t look = 0; look < 2; look++)
            assert_string_equal(find_at(subject.address).range.name, "subject");
        bda_yield_hook = free_it;
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free_address(bench.allocator, subject.address),
                       "bda_free_address", "is stale: 'subject' (20480 bytes at 0x");
        bda_yield_hook = NULL;
        give(behind);
        bench_close();
    }
}

static uint32_t lent;

/* What was lent to the allocation's node for a moment goes back, and becomes another's. */
static void take_the_record_back(void) {
    bda_yield_hook = NULL;
    bda_node_set_record(bda_node_of(bench.allocator, (uint32_t)subject.handle), 0);
    bda_record_destroy(bench.allocator, lent);
    others[0] = take((BdaAllocInfo){ .size = KIB(300), .name = "stranger" });
    assert_int_equal(bda_node_record(bda_node_of(bench.allocator, (uint32_t)others[0].handle)), lent);
}

/* As by who renames with a stale handle (bda_node_try_set_record). */
static void a_record_may_have_been_there_for_a_moment(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    subject = take((BdaAllocInfo){ .size = KIB(100) });
    for (uint32_t look = 0; look < 2; look++)
        assert_string_equal(find_at(subject.address).range.name, "");
    assert_int_equal(bda_record_create(bench.allocator, 0, NULL, &lent), VK_SUCCESS);
    bda_node_set_record(bda_node_of(bench.allocator, (uint32_t)subject.handle), lent);
    bda_yield_hook = take_the_record_back;
    BdaFinding finding = find_at(subject.address);
    bda_yield_hook = NULL;
    assert_int_equal(finding.range.handle, subject.handle);
    assert_string_equal(finding.range.name, "");
    give(subject);
    give(others[0]);
    bench_close();
}

/* Two others come where one was, and the second of them has its node. */
static void put_two_in_its_place(void) {
    bda_yield_hook = NULL;
    give(subject);
    for (uint32_t i = 0; i < 2; i++)
        others[i] = take_buffer(KIB(80), PLAIN_USAGE, (BdaAllocInfo){ .name = "half" });
}

static void a_buffer_is_that_of_the_allocation_that_was_found(void **state) {
    (void)state;
    VkDeviceSize offset;
    bench_open(NULL, NULL);
    BdaAllocation before = take_buffer(KIB(160), PLAIN_USAGE, (BdaAllocInfo){ .name = "before" });
    subject = take_buffer(KIB(160), PLAIN_USAGE, (BdaAllocInfo){ .name = "subject" });
    BdaAllocation behind = take_buffer(KIB(160), PLAIN_USAGE, (BdaAllocInfo){ .name = "behind" });
    VkDeviceAddress address = subject.address + KIB(100);
    for (uint32_t look = 0; look < 2; look++)
        assert_true(resolve(address, &offset) == subject.buffer && offset == KIB(100));
    bda_yield_hook = put_two_in_its_place;
    VkBuffer buffer = resolve(address, &offset);
    bda_yield_hook = NULL;
    assert_int_equal(others[0].address, subject.address); /* or this test shows nothing */
    assert_int_equal((uint32_t)others[1].handle, (uint32_t)subject.handle);
    assert_true(address - others[1].address < KIB(80));
    assert_true(buffer == others[1].buffer && offset == address - others[1].address);
    give_all(others, 2);
    give(before);
    give(behind);
    bench_close();
}

/* A range is its owner's before its buffer is bound. */
static void a_buffer_that_is_gone_is_forgotten(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    give(take_buffer(KIB(4), PLAIN_USAGE, (BdaAllocInfo){ .name = "known" }));
    BdaAllocation a = take_buffer(KIB(2), PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    assert_true((VkBuffer)bda_words_read(&bench.allocator->own_buffers, (uint32_t)a.handle) == a.buffer);
    give(a);
    assert_int_equal(bda_words_read(&bench.allocator->own_buffers, (uint32_t)a.handle), 0);
    bench_close();
}

/* ---- Threads ---- */

enum { RENAMES = 20000, RESIDENTS = 8 };

static BdaAllocation residents[RESIDENTS];
static _Atomic bool over;
static _Atomic uint32_t torn;

/* All of one letter, of a length that goes with the letter. */
static void make_name(char *name, uint32_t number) {
    uint32_t letter = number % 26, length = 1 + letter * 3 % 75;
    memset(name, 'a' + (int)letter, length);
    name[length] = '\0';
}

static bool is_whole(const char *name) {
    char whole[BDA_NAME_BYTES];
    if (name[0] < 'a' || name[0] > 'z')
        return false;
    make_name(whole, (uint32_t)(name[0] - 'a'));
    return strncmp(name, whole, BDA_FOUND_NAME_SIZE - 1) == 0;
}

static void *look(void *context) {
    (void)context;
    for (uint32_t i = 0; !atomic_load(&over); i++) {
        const BdaAllocation *a = &residents[i % RESIDENTS];
        BdaFinding finding;
        uint32_t count = 1;
        bool good = bda_find(bench.allocator, a->address + i % 16, 0, &count, &finding) == VK_SUCCESS &&
                    finding.range.handle == a->handle && is_whole(finding.range.name);
        atomic_fetch_add(&torn, good ? 0 : 1);
    }
    return NULL;
}

static void no_name_is_told_half(void **state) {
    (void)state;
    pthread_t looker;
    char name[BDA_NAME_BYTES];
    bench_open(NULL, NULL);
    make_name(name, 0);
    for (uint32_t i = 0; i < RESIDENTS; i++)
        residents[i] = take((BdaAllocInfo){ .size = 16, .name = name });
    atomic_store(&over, false);
    assert_int_equal(pthread_create(&looker, NULL, look, NULL), 0);
    for (uint32_t i = 0; i < RENAMES; i++) {
        make_name(name, i);
        assert_int_equal(bda_set_name(bench.allocator, residents[i % RESIDENTS].handle, name), VK_SUCCESS);
        if (i % 3 == 0) /* whose record was a resident's spare one a moment ago */
            give(take((BdaAllocInfo){ .size = 16, .name = "UPPER CASE, AND LONGER THAN A LINE OF A CACHE IS" }));
    }
    atomic_store(&over, true);
    assert_int_equal(pthread_join(looker, NULL), 0);
    assert_int_equal(torn, 0);
    give_all(residents, RESIDENTS);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values_are_seen_without_a_lock),
        cmocka_unit_test(own_buffers_are_seen_without_a_lock),
        cmocka_unit_test(a_name_is_of_the_allocation_that_was_found),
        cmocka_unit_test(a_free_that_comes_too_late_is_told_by_its_name),
        cmocka_unit_test(a_record_may_have_been_there_for_a_moment),
        cmocka_unit_test(a_buffer_is_that_of_the_allocation_that_was_found),
        cmocka_unit_test(a_buffer_that_is_gone_is_forgotten),
        cmocka_unit_test(no_name_is_told_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
