/* src/alloc/record.c: names, user values and own buffers are kept for those that have one, and for as long. */
#include "alloc_support.h"

#include "alloc/record.h"

#include <stdio.h>

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
    assert_string_equal(info_of(empty.handle).name, "");
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

static void a_refused_copy_leaves_no_record_behind(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation first = take((BdaAllocInfo){ .size = 16, .name = "first" });
    uint32_t index = 0;
    size_t live = bench.host.live_count;
    fake_host_fail(&bench.host, 1, true);
    assert_int_equal(bda_record_create(bench.allocator, 0, "second", &index), VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(bench.host.live_count, live);
    fake_host_fail(&bench.host, 0, false);
    give(first);
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
    assert_null(bda_record_at(bench.allocator, index)->name);
    bda_record_destroy(bench.allocator, index);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_copied),
        cmocka_unit_test(without_a_name_there_is_none),
        cmocka_unit_test(records_are_used_again),
        cmocka_unit_test(names_of_many_allocations_stay_their_own),
        cmocka_unit_test(a_refused_copy_leaves_no_record_behind),
        cmocka_unit_test(giving_back_no_record_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
