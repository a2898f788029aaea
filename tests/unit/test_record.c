/* src/alloc/record.c: names, user values and own buffers are kept for those that have one, and for as long. */
#include "alloc_support.h"

#include "alloc/record.h"

#include <stdio.h>
#include <string.h>

static void a_name_is_copied(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    char name[] = "vertices";
    BdaAllocation a = take((BdaAllocInfo){ .size = 16, .name = name });
    name[0] = 'X';
    assert_string_equal(info_of(a.handle).name, "vertices");
    assert_ptr_not_equal(info_of(a.handle).name, name);
    give(a);
    bench_close();
}

static void without_a_name_there_is_none(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation plain = take_bytes(16, BDA_INTENT_DEVICE);
    BdaAllocation with_user = take((BdaAllocInfo){ .size = 16, .user = UINT64_MAX });
    BdaAllocation empty = take((BdaAllocInfo){ .size = 16, .name = "" });
    assert_null(info_of(plain.handle).name);
    assert_int_equal(info_of(plain.handle).user, 0);
    assert_null(info_of(with_user.handle).name);
    assert_int_equal(info_of(with_user.handle).user, UINT64_MAX);
    assert_null(info_of(empty.handle).name); /* nor is an empty one */
    give(plain);
    give(with_user);
    give(empty);
    bench_close();
}

static void records_are_used_again(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    for (int i = 0; i < 2; i++) /* the thread's cache, which the history would want later on */
        give(take((BdaAllocInfo){ .size = 16 }));
    give(take((BdaAllocInfo){ .size = 16, .user = 1 }));
    VkDeviceSize held = bench_stats().host_bytes;
    for (uint32_t i = 0; i < 1000; i++) {
        BdaAllocation a = take((BdaAllocInfo){ .size = 16, .name = "again" });
        assert_int_equal(info_of(a.handle).user, 0); /* nothing is left of the one before */
        give(a);
    }
    assert_int_equal(bench_stats().host_bytes, held);
    bench_close();
}

static void names_of_many_allocations_stay_their_own(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    enum { MANY = 1000 }; /* several chunks of records */
    static BdaAllocation taken[MANY];
    char name[16];
    for (uint32_t i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "n%u", (unsigned)i);
        taken[i] = take((BdaAllocInfo){ .size = 16, .name = name, .user = i });
    }
    for (uint32_t i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "n%u", (unsigned)i);
        assert_string_equal(info_of(taken[i].handle).name, name);
        assert_int_equal(info_of(taken[i].handle).user, i);
    }
    give_all(taken, MANY);
    bench_close();
}

/* The copy of a name that is too long for a record, and the chunk of the record itself. */
static void refused_memory_leaves_no_record_behind(void **state) {
    (void)state;
    char name[BDA_NAME_BYTES + 1];
    memset(name, 'n', sizeof name);
    name[BDA_NAME_BYTES] = '\0';
    for (uint32_t refused = 1; refused <= 2; refused++) {
        uint32_t taken[(1 << BDA_RECORD_CHUNK_LOG2) - 1], index = 0;
        bench_open(NULL, NULL);
        for (uint32_t i = 0; i < COUNT_OF(taken); i++) /* all of a chunk: 0 is none */
            assert_int_equal(bda_record_create(bench.allocator, 0, NULL, &taken[i]), VK_SUCCESS);
        size_t live = bench.host.live_count;
        fake_host_fail(&bench.host, refused, true);
        assert_int_equal(bda_record_create(bench.allocator, 0, name, &index), VK_ERROR_OUT_OF_HOST_MEMORY);
        assert_int_equal(bench.host.live_count, live);
        fake_host_fail(&bench.host, 0, false);
        assert_int_equal(bda_record_create(bench.allocator, 0, name, &index), VK_SUCCESS);
        assert_string_equal(bda_record_name(bda_record_at(bench.allocator, index)), name);
        bda_record_destroy(bench.allocator, index);
        for (uint32_t i = 0; i < COUNT_OF(taken); i++)
            bda_record_destroy(bench.allocator, taken[i]);
        bench_close();
    }
}

/* Of a name of any length, who has the lock gets all, and who has none the beginning; from a record that has had longer
 * ones and shorter ones before. */
static void names_of_all_lengths_are_told(void **state) {
    (void)state;
    char name[3 * BDA_NAME_BYTES] = "";
    bench_open(NULL, NULL);
    uint32_t index = 0;
    assert_int_equal(bda_record_create(bench.allocator, 7, NULL, &index), VK_SUCCESS);
    struct bda_record *record = bda_record_at(bench.allocator, index);
    for (uint32_t i = 0; i < 2 * COUNT_OF(name); i++) {
        uint32_t length = i * 101 % COUNT_OF(name); /* every one of them, in some order */
        struct bda_record_name own;
        struct bda_record_view view;
        memset(name, 'a' + (int)(i % 26), length);
        name[length] = '\0';
        assert_int_equal(bda_record_name_prepare(bench.allocator, name, &own), VK_SUCCESS);
        assert_int_equal(own.copy != NULL, length >= BDA_NAME_BYTES);
        bda_record_set_name(record, &own);
        bda_record_name_release(bench.allocator, &own);
        assert_string_equal(bda_record_name(record), name);
        assert_true(bda_record_read(record, &view));
        assert_int_equal(view.user, 7);
        assert_int_equal(strlen(view.text.bytes), length < BDA_NAME_BYTES ? length : BDA_NAME_BYTES - 1);
        assert_int_equal(strncmp(view.text.bytes, name, strlen(view.text.bytes)), 0);
    }
    bda_record_destroy(bench.allocator, index);
    bench_close();
}

static void a_name_that_is_being_changed_is_not_read(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    uint32_t index = 0;
    struct bda_record_view view;
    assert_int_equal(bda_record_create(bench.allocator, 0, "name", &index), VK_SUCCESS);
    struct bda_record *record = bda_record_at(bench.allocator, index);
    uint32_t changes = atomic_load(&record->changes);
    assert_true(bda_record_read(record, &view));
    atomic_store(&record->changes, changes + 1); /* half done */
    assert_false(bda_record_read(record, &view));
    atomic_store(&record->changes, changes + 2);
    assert_true(bda_record_read(record, &view));
    bda_record_destroy(bench.allocator, index);
    bench_close();
}

static void giving_back_no_record_does_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    bda_record_destroy(bench.allocator, 0);
    uint32_t index = 0;
    assert_int_equal(bda_record_create(bench.allocator, 5, NULL, &index), VK_SUCCESS);
    assert_int_not_equal(index, 0);
    assert_int_equal(bda_record_at(bench.allocator, index)->user, 5);
    assert_null(bda_record_name(bda_record_at(bench.allocator, index)));
    bda_record_destroy(bench.allocator, index);
    bench_close();
}

/* It may be standing in the node of an allocation that has a name. */
static void what_is_lent_is_read_under_the_lock_alone(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    uint32_t index;
    struct bda_record_view view;
    assert_int_equal(bda_record_create(bench.allocator, 7, "name", &index), VK_SUCCESS);
    struct bda_record *record = bda_record_at(bench.allocator, index);
    assert_true(bda_record_read(record, &view));
    bda_record_lend(record);
    assert_false(bda_record_read(record, &view));
    bda_record_settle(record);
    assert_true(bda_record_read(record, &view));
    assert_int_equal(view.user, 7);
    bda_record_destroy(bench.allocator, index);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_copied),
        cmocka_unit_test(without_a_name_there_is_none),
        cmocka_unit_test(records_are_used_again),
        cmocka_unit_test(names_of_many_allocations_stay_their_own),
        cmocka_unit_test(refused_memory_leaves_no_record_behind),
        cmocka_unit_test(names_of_all_lengths_are_told),
        cmocka_unit_test(a_name_that_is_being_changed_is_not_read),
        cmocka_unit_test(giving_back_no_record_does_nothing),
        cmocka_unit_test(what_is_lent_is_read_under_the_lock_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
