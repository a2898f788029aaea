/* src/alloc/pending.c: frees that wait for a timeline semaphore: never early, never lost, never in need of memory. */
#include "alloc_support.h"

enum { GROUPS = 256 }; /* as bda_free_after says */

static VkSemaphore timeline_at(uint64_t value) {
    VkSemaphore timeline = fake_make_semaphore(bench.driver, value);
    assert_true(timeline != VK_NULL_HANDLE);
    return timeline;
}

static void free_later(BdaAllocation allocation, VkSemaphore timeline, uint64_t value) {
    assert_int_equal(bda_free_after(bench.allocator, allocation.handle, timeline, value), VK_SUCCESS);
}

static void collect(void) {
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
}

/* ---- Waiting ---- */

static void a_free_waits_for_its_value_and_no_longer(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(3);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE), b = take_bytes(100, BDA_INTENT_DEVICE);
    free_later(a, timeline, 5);
    free_later(b, timeline, 7);
    collect();
    assert_int_equal(bench_use().pending_count, 2);
    assert_int_equal(bench_use().pending, 224);
    assert_int_equal(bench_use().allocation_count, 0);
    fake_signal(bench.driver, timeline, 4);
    collect();
    assert_int_equal(bench_use().pending_count, 2);
    fake_signal(bench.driver, timeline, 5);
    collect();
    assert_int_equal(bench_use().pending_count, 1);
    fake_signal(bench.driver, timeline, 100);
    collect();
    assert_int_equal(bench_use().pending_count, 0);
    assert_int_equal(bench_use().pending, 0);
    bench_close();
}

static void a_value_that_is_reached_already_is_collected_at_once(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(3);
    free_later(take_bytes(100, BDA_INTENT_DEVICE), timeline, 3);
    free_later(take_bytes(100, BDA_INTENT_DEVICE), timeline, 0);
    assert_int_equal(bench_use().pending_count, 2);
    collect();
    assert_int_equal(bench_use().pending_count, 0);
    bench_close();
}

static void a_pending_range_is_not_handed_out(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(0);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE);
    free_later(a, timeline, 1);
    BdaAllocation others[100];
    for (uint32_t i = 0; i < COUNT_OF(others); i++) {
        others[i] = take_bytes(16, BDA_INTENT_DEVICE);
        assert_true(others[i].address + 16 <= a.address || others[i].address >= a.address + 100);
    }
    give_all(others, COUNT_OF(others));
    bench_close();
}

/* Who takes no new memory does not wait for the driver: the ranges that are due are taken, among them those of one list
 * with what has memory of its own, which waits for somebody who may. */
static void without_new_memory_none_is_given_back(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
    VkSemaphore timeline = timeline_at(0);
    const BdaAllocInfo own = { .size = KIB(64), .flags = BDA_ALLOC_DEDICATED_BIT };
    BdaAllocation rest = take_bytes(KIB(500), BDA_INTENT_DEVICE), due = take_bytes(KIB(500), BDA_INTENT_DEVICE);
    free_later(take(own), timeline, 1);
    free_later(due, timeline, 1);
    free_later(take(own), timeline, 1);
    free_later(take(own), timeline, 2);
    fake_signal(bench.driver, timeline, 2);
    unsigned freed = bench_calls(FAKE_CALL_FREE_MEMORY);
    const BdaAllocInfo info = { .size = KIB(500), .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    BdaAllocation again = take(info), none;
    assert_int_equal(again.address, due.address);
    assert_int_equal(bda_alloc(bench.allocator, &info, &none), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(bench_calls(FAKE_CALL_FREE_MEMORY), freed);
    assert_int_equal(bench_use().pending_count, 3);
    collect();
    assert_int_equal(bench_calls(FAKE_CALL_FREE_MEMORY), freed + 3);
    assert_int_equal(bench_use().pending_count, 0);
    give(rest);
    give(again);
    bench_close();
}

static void semaphores_are_told_apart(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore one = timeline_at(0), other = timeline_at(0);
    free_later(take_bytes(100, BDA_INTENT_DEVICE), one, 1);
    free_later(take_bytes(100, BDA_INTENT_DEVICE), other, 1);
    free_later(take_bytes(100, BDA_INTENT_DEVICE), other, 1);
    fake_signal(bench.driver, other, 1);
    unsigned asked = bench_calls(FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE);
    collect();
    assert_int_equal(bench_calls(FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE), asked + 2);
    assert_int_equal(bench_use().pending_count, 1);
    fake_drop_semaphore(bench.driver, other); /* its frees are collected */
    collect();
    assert_int_equal(bench_use().pending_count, 1);
    bench_close();
}

static void every_kind_of_allocation_can_wait(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(0);
    free_later(take((BdaAllocInfo){ .size = 100, .name = "range" }), timeline, 1);
    free_later(take((BdaAllocInfo){ .size = MIB(2), .flags = BDA_ALLOC_DEDICATED_BIT }), timeline, 1);
    free_later(take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" }), timeline, 1);
    free_later(take_buffer(MIB(2), PLAIN_USAGE, (BdaAllocInfo){ .flags = BDA_ALLOC_DEDICATED_BIT }), timeline, 1);
    unsigned buffers = fake_buffer_count(bench.driver), memories = fake_memory_count(bench.driver);
    assert_int_equal(memories, 4);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    fake_signal(bench.driver, timeline, 1);
    collect();
    assert_int_equal(fake_buffer_count(bench.driver), buffers - 3);
    assert_int_equal(fake_memory_count(bench.driver), memories - 2);
    assert_int_equal(bench_use().pending_count, 0);
    bench_close();
}

/* ---- Cost ---- */

static void waiting_takes_no_host_memory_and_no_driver_call(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(0);
    static BdaAllocation taken[1000];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = take((BdaAllocInfo){ .size = 32, .name = i % 2 ? "n" : NULL });
    BdaAllocation own = take_buffer(32, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    fake_host_fail(&bench.host, 1, true);
    size_t host_calls = bench.host.calls;
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        free_later(taken[i], timeline, i / 2);
    free_later(own, timeline, 7);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    fake_signal(bench.driver, timeline, 1000);
    collect();
    assert_int_equal(bench.host.calls, host_calls);
    assert_int_equal(bench_use().pending_count, 0);
    fake_host_fail(&bench.host, 0, false);
    bench_close();
}

static void with_nothing_pending_collect_asks_nobody(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(1);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timeline, 1);
    collect();
    fake_drop_semaphore(bench.driver, timeline);
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    collect();
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    bench_close();
}

/* ---- More values and semaphores than groups ---- */

static void more_values_than_groups_are_released_late_but_never_early(void **state) {
    (void)state;
    enum { VALUES = 1000 };
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(0);
    for (uint32_t i = 1; i <= VALUES; i++)
        free_later(take_bytes(16, BDA_INTENT_DEVICE), timeline, i);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    for (uint32_t value = 1; value <= VALUES; value++) {
        fake_signal(bench.driver, timeline, value);
        collect();
        assert_true(bench_use().pending_count >= VALUES - value);
    }
    assert_int_equal(bench_use().pending_count, 0);
    bench_close();
}

/* The oldest wait must not be put off again and again while newer values come in. */
static void old_frees_are_released_while_new_ones_keep_coming(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(0);
    for (uint64_t frame = 1; frame <= 2000; frame++) {
        free_later(take_bytes(16, BDA_INTENT_DEVICE), timeline, frame);
        if (frame > 400) {
            fake_signal(bench.driver, timeline, frame - 400);
            collect();
            assert_true(bench_use().pending_count <= 800);
        }
    }
    bench_close();
}

static void values_in_falling_order_are_all_released(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(0);
    for (uint64_t value = 600; value > 0; value--)
        free_later(take_bytes(16, BDA_INTENT_DEVICE), timeline, value);
    fake_signal(bench.driver, timeline, 300);
    collect();
    assert_true(bench_use().pending_count >= 300);
    fake_signal(bench.driver, timeline, 600);
    collect();
    assert_int_equal(bench_use().pending_count, 0);
    bench_close();
}

static void fill_with_semaphores(VkSemaphore *timelines) {
    for (uint32_t i = 0; i < GROUPS; i++) {
        timelines[i] = timeline_at(0);
        free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[i], 10);
    }
}

static void signal_all(const VkSemaphore *timelines, uint32_t count, uint64_t value) {
    for (uint32_t i = 0; i < count; i++)
        fake_signal(bench.driver, timelines[i], value);
}

static void one_semaphore_too_many_changes_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timelines[GROUPS];
    fill_with_semaphores(timelines);
    BdaAllocation a = take_bytes(16, BDA_INTENT_UPLOAD);
    VkSemaphore last = timeline_at(0);
    const struct bench_state before = bench_look();
    assert_refusal(VK_ERROR_TOO_MANY_OBJECTS, bda_free_after(bench.allocator, a.handle, last, 1), "bda_free_after",
                   "256 other semaphores");
    assert_unchanged(&before);
    assert_is_sound(&a);
    signal_all(timelines, 1, 10);
    collect();
    free_later(a, last, 1);
    signal_all(timelines + 1, GROUPS - 1, 10);
    fake_signal(bench.driver, last, 1);
    collect();
    assert_int_equal(bench_use().pending_count, 0);
    bench_close();
}

/* Only 255 others are waited for: that is not too many. */
static void a_known_semaphore_is_never_one_too_many(void **state) {
    (void)state;
    const uint64_t values[] = { 11, 9, 10, 500 };
    for (uint32_t i = 0; i < COUNT_OF(values); i++) {
        bench_open(NULL, NULL);
        VkSemaphore timelines[GROUPS];
        fill_with_semaphores(timelines);
        free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[7], values[i]);
        signal_all(timelines, GROUPS, values[i] > 10 ? values[i] - 1 : 9);
        if (values[i] > 9) {
            collect();
            assert_true(bench_use().pending_count >= 1); /* the one that waits for values[i], at least */
        }
        signal_all(timelines, GROUPS, 1000);
        collect();
        assert_int_equal(bench_use().pending_count, 0);
        bench_close();
    }
}

/* Makes room for two groups in place of those that fill_with_semaphores made for these. */
static void make_room(const VkSemaphore *timelines) {
    signal_all(timelines, 2, 10);
    collect();
}

/* How many frees a semaphore's next value lets go. */
static uint64_t let_go_by(VkSemaphore timeline, uint64_t value) {
    uint64_t before = bench_use().pending_count;
    fake_signal(bench.driver, timeline, value);
    collect();
    return before - bench_use().pending_count;
}

/* Where no semaphore has two groups, an earlier value joins the one of its semaphore, which spans more then. */
static void an_earlier_value_that_joined_a_group_counts(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timelines[GROUPS];
    fill_with_semaphores(timelines);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[0], 5); /* spans 5 to 10 */
    make_room(timelines + 100);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[0], 11); /* with that 6, and without the earlier value 1 */
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[1], 14); /* 4: these two join */
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[2], 1000);
    assert_int_equal(let_go_by(timelines[1], 10), 0);
    assert_int_equal(let_go_by(timelines[1], 14), 2);
    assert_int_equal(let_go_by(timelines[0], 10), 2);
    assert_int_equal(let_go_by(timelines[0], 11), 1);
    signal_all(timelines, GROUPS, 1000);
    collect();
    bench_close();
}

/* A value between those that a group took in makes a group before it. */
static void a_value_amid_a_groups_own_spans_what_that_does(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timelines[GROUPS];
    fill_with_semaphores(timelines);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[0], 20); /* spans 10 to 20 */
    make_room(timelines + 100);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[0], 18); /* with that 10, by their last values 2 */
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[1], 17); /* 7: these two join */
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[2], 1000);
    assert_int_equal(let_go_by(timelines[1], 10), 0);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[3], 1000); /* now those of 10, and 10 is the lowest still */
    make_room(timelines + 102);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[0], 24); /* 14 */
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[1], 23); /* 13: these join */
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timelines[4], 1000);
    assert_int_equal(let_go_by(timelines[0], 20), 3);
    signal_all(timelines, GROUPS, 2000);
    collect();
    bench_close();
}

static void a_full_table_makes_room_by_merging_another_semaphores_values(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore busy = timeline_at(0), fresh = timeline_at(0);
    for (uint64_t value = 1; value <= GROUPS; value++)
        free_later(take_bytes(16, BDA_INTENT_DEVICE), busy, value);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), fresh, 1);
    fake_signal(bench.driver, fresh, 1);
    collect();
    assert_int_equal(bench_use().pending_count, GROUPS);
    fake_signal(bench.driver, busy, GROUPS);
    collect();
    assert_int_equal(bench_use().pending_count, 0);
    bench_close();
}

/* A refusal changes nothing: neither what waits for what, nor the answer. */
static void a_bad_handle_puts_no_other_free_off(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(0);
    BdaAllocation stale = take_bytes(16, BDA_INTENT_DEVICE);
    give(stale);
    for (uint64_t value = 1; value <= GROUPS; value++)
        free_later(take_bytes(16, BDA_INTENT_DEVICE), timeline, value);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free_after(bench.allocator, stale.handle, timeline, 1000),
                   "bda_free_after", "stale");
    fake_signal(bench.driver, timeline, 1);
    collect();
    assert_int_equal(bench_use().pending_count, GROUPS - 1);
    bench_close();
}

/* ---- Trouble ---- */

static void a_lost_device_counts_as_finished_and_is_told(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(0), other = timeline_at(0);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timeline, 10);
    free_later(take_buffer(16, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 }), other, UINT64_MAX);
    fake_lose_device(bench.driver);
    assert_refusal(VK_ERROR_DEVICE_LOST, bda_collect(bench.allocator), "bda_collect", "the device is lost");
    assert_int_equal(bench_use().pending_count, 0);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), timeline, 11);
    VkDeviceSize released = 0;
    assert_refusal(VK_ERROR_DEVICE_LOST, bda_trim(bench.allocator, 0, &released), "bda_trim", "lost");
    assert_int_equal(released, MIB(2));
    bench_close();
}

static void a_semaphore_that_cannot_be_read_keeps_its_frees(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore first = timeline_at(1), second = timeline_at(1);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), first, 1);
    free_later(take_bytes(16, BDA_INTENT_DEVICE), second, 1);
    fake_fail(bench.driver, FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY, bda_collect(bench.allocator), "bda_collect", "host memory");
    assert_int_equal(bench_use().pending_count, 1);
    collect();
    assert_int_equal(bench_use().pending_count, 0);
    bench_close();
}

static void an_allocation_succeeds_though_a_semaphore_cannot_be_read(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(1);
    free_later(take_bytes(KIB(900), BDA_INTENT_DEVICE), timeline, 1);
    fake_fail(bench.driver, FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    give(take_bytes(KIB(900), BDA_INTENT_DEVICE));
    assert_int_equal(bench_use().block_count, 2);
    bench_close();
}

/* Guards against the loss being overwritten by the next semaphore's answer, and against asking on, which a lost driver
 * may answer with anything. */
static void whichever_semaphore_tells_of_the_loss_all_are_released(void **state) {
    (void)state;
    enum { TIMELINES = 5 };
    for (unsigned nth = 1; nth <= TIMELINES; nth++) {
        bench_open(NULL, NULL);
        for (uint32_t i = 0; i < TIMELINES; i++) {
            VkSemaphore timeline = timeline_at(0);
            free_later(take_bytes(16, BDA_INTENT_DEVICE), timeline, 1);
            free_later(take_bytes(16, BDA_INTENT_DEVICE), timeline, UINT64_MAX);
        }
        unsigned asked = bench_calls(FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE);
        fake_fail(bench.driver, FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE, nth, VK_ERROR_DEVICE_LOST);
        assert_refusal(VK_ERROR_DEVICE_LOST, bda_collect(bench.allocator), "bda_collect", "the device is lost");
        assert_int_equal(bench_calls(FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE), asked + nth);
        assert_int_equal(bench_use().pending_count, 0);
        assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
        collect();
        bench_close();
    }
}

/* Guards against the lesser trouble being what is answered. */
static void a_loss_is_told_though_another_semaphore_could_not_be_read(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < 3; i++)
        free_later(take_bytes(16, BDA_INTENT_DEVICE), timeline_at(0), 1);
    fake_lose_device(bench.driver); /* unless it is told to answer otherwise */
    fake_fail(bench.driver, FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_refusal(VK_ERROR_DEVICE_LOST, bda_collect(bench.allocator), "bda_collect", "the device is lost");
    assert_int_equal(bench_use().pending_count, 0);
    bench_close();
}

/* ---- The end of pools and allocators ---- */

static void destroying_a_pool_releases_what_waits_in_it_and_no_more(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(0), other = timeline_at(0);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "pool" });
    for (uint32_t i = 0; i < 6; i++) {
        BdaAllocInfo info = { .size = 64, .pool = i % 2 ? pool : NULL };
        free_later(take(info), timeline, 1);
        free_later(take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .pool = info.pool }), i < 3 ? other : timeline, 2);
    }
    BdaAllocInfo alone = { .size = 64, .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT };
    free_later(take(alone), other, 3);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    assert_int_equal(bench_use().pending_count, 6);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    fake_signal(bench.driver, timeline, 2);
    fake_signal(bench.driver, other, 2);
    collect();
    assert_int_equal(bench_use().pending_count, 0);
    bench_close();
}

static void destroying_the_allocator_releases_without_asking(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = timeline_at(0);
    for (uint64_t value = 1; value <= 300; value++)
        free_later(take_bytes(64, BDA_INTENT_DEVICE), timeline, value);
    free_later(take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" }), timeline, 1);
    free_later(take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT }), timeline, 1);
    fake_fail_from(bench.driver, FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 0);
    bench_close();
}

static void without_the_feature_nothing_can_wait(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .disabled = FAKE_TIMELINE_SEMAPHORE }, NULL);
    assert_false(bench_properties().timeline_semaphore);
    BdaAllocation a = take_bytes(64, BDA_INTENT_UPLOAD);
    VkSemaphore timeline = timeline_at(0);
    const struct bench_state before = bench_look();
    assert_refusal(VK_ERROR_FEATURE_NOT_PRESENT, bda_free_after(bench.allocator, a.handle, timeline, 1),
                   "bda_free_after", "timelineSemaphore is not enabled");
    assert_unchanged(&before);
    assert_is_sound(&a);
    give(a);
    collect();
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_free_waits_for_its_value_and_no_longer),
        cmocka_unit_test(a_value_that_is_reached_already_is_collected_at_once),
        cmocka_unit_test(a_pending_range_is_not_handed_out),
        cmocka_unit_test(without_new_memory_none_is_given_back),
        cmocka_unit_test(semaphores_are_told_apart),
        cmocka_unit_test(every_kind_of_allocation_can_wait),
        cmocka_unit_test(waiting_takes_no_host_memory_and_no_driver_call),
        cmocka_unit_test(with_nothing_pending_collect_asks_nobody),
        cmocka_unit_test(more_values_than_groups_are_released_late_but_never_early),
        cmocka_unit_test(old_frees_are_released_while_new_ones_keep_coming),
        cmocka_unit_test(values_in_falling_order_are_all_released),
        cmocka_unit_test(one_semaphore_too_many_changes_nothing),
        cmocka_unit_test(a_known_semaphore_is_never_one_too_many),
        cmocka_unit_test(an_earlier_value_that_joined_a_group_counts),
        cmocka_unit_test(a_value_amid_a_groups_own_spans_what_that_does),
        cmocka_unit_test(a_full_table_makes_room_by_merging_another_semaphores_values),
        cmocka_unit_test(a_bad_handle_puts_no_other_free_off),
        cmocka_unit_test(a_lost_device_counts_as_finished_and_is_told),
        cmocka_unit_test(a_semaphore_that_cannot_be_read_keeps_its_frees),
        cmocka_unit_test(an_allocation_succeeds_though_a_semaphore_cannot_be_read),
        cmocka_unit_test(destroying_a_pool_releases_what_waits_in_it_and_no_more),
        cmocka_unit_test(destroying_the_allocator_releases_without_asking),
        cmocka_unit_test(without_the_feature_nothing_can_wait),
        cmocka_unit_test(whichever_semaphore_tells_of_the_loss_all_are_released),
        cmocka_unit_test(a_loss_is_told_though_another_semaphore_could_not_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
