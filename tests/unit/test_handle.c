/* src/alloc/handle.c: a handle names its allocation and nothing else, whatever 64 bits somebody made up. */
#include "alloc_support.h"

#include "alloc/handle.h"

#include <stdio.h>

#define STALE "stale"

static void assert_is_no_handle(BdaHandle handle, const char *reason) {
    BdaAllocationInfo info;
    unsigned char byte = 0;
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocator a = bench.allocator;
    const VkResult bad = VK_ERROR_VALIDATION_FAILED_EXT;
    assert_refusal(bad, bda_free(a, handle), "bda_free", reason);
    assert_refusal(bad, bda_free_many(a, 1, &handle), "bda_free_many", reason);
    assert_refusal(bad, bda_free_after(a, handle, timeline, 1), "bda_free_after", reason);
    assert_refusal(bad, bda_get_info(a, handle, &info), "bda_get_info", reason);
    assert_is_zeroed(&info, sizeof info);
    assert_refusal(bad, bda_set_name(a, handle, "name"), "bda_set_name", reason);
    assert_refusal(bad, bda_set_user(a, handle, 1), "bda_set_user", reason);
    assert_refusal(bad, bda_write(a, handle, 0, &byte, 1), "bda_write", reason);
    assert_refusal(bad, bda_read(a, handle, 0, &byte, 1), "bda_read", reason);
    assert_refusal(bad, bda_flush(a, handle, 0, 1), "bda_flush", reason);
    assert_refusal(bad, bda_invalidate(a, handle, 0, 1), "bda_invalidate", reason);
    fake_drop_semaphore(bench.driver, timeline);
}

/* ---- Handles that were good once ---- */

static void a_freed_handle_is_stale_everywhere(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation held = take_bytes(16, BDA_INTENT_UPLOAD);
    const BdaAllocation gone[] = { take_bytes(64, BDA_INTENT_UPLOAD),
                                   take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT }),
                                   take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .intent = BDA_INTENT_UPLOAD }) };
    give_all(gone, COUNT_OF(gone));
    const BdaUse before = bench_use();
    for (uint32_t i = 0; i < COUNT_OF(gone); i++)
        assert_is_no_handle(gone[i].handle, STALE);
    const BdaUse after = bench_use();
    assert_memory_equal(&after, &before, sizeof after);
    give(held);
    bench_close();
}

static void a_handle_stays_stale_when_its_place_is_taken_again(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation old = take_bytes(64, BDA_INTENT_UPLOAD);
    give(old);
    BdaAllocation fresh = take_bytes(64, BDA_INTENT_UPLOAD);
    assert_int_equal(fresh.address, old.address);
    assert_int_not_equal(fresh.handle, old.handle);
    assert_is_no_handle(old.handle, STALE);
    assert_is_sound(&fresh);
    give(fresh);
    bench_close();
}

static void a_pending_handle_is_stale_at_once(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = take_bytes(64, BDA_INTENT_UPLOAD);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    assert_is_no_handle(a.handle, STALE);
    assert_int_equal(bench_use().pending_count, 1);
    bench_close();
}

static void handles_of_a_destroyed_pool_are_stale(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD });
    BdaAllocation range = take((BdaAllocInfo){ .size = 64, .pool = pool });
    BdaAllocation own = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_INCOMPLETE);
    bench_hush();
    assert_is_no_handle(range.handle, STALE);
    assert_is_no_handle(own.handle, STALE);
    bench_close();
}

/* ---- Handles that never were ---- */

static void another_allocators_handle_is_told_as_such(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocator other = NULL;
    BdaAllocation foreign;
    assert_int_equal(bda_create_allocator(&bench.info, &other), VK_SUCCESS);
    assert_int_equal(bda_alloc(other, &(BdaAllocInfo){ .size = 64 }, &foreign), VK_SUCCESS);
    BdaAllocation own = take_bytes(64, BDA_INTENT_DEVICE);
    assert_int_not_equal(own.handle, foreign.handle);
    assert_is_no_handle(foreign.handle, "belongs to another allocator, or is no handle");
    assert_is_no_handle((BdaHandle)255 << 56 | 1, "0xff00000000000001 is no handle");
    assert_int_equal(bda_free(other, foreign.handle), VK_SUCCESS);
    assert_int_equal(bda_destroy_allocator(other), VK_SUCCESS);
    give(own);
    bench_close();
}

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static bool is_one_of(BdaHandle handle, const BdaAllocation *taken, uint32_t count) {
    bool found = false;
    for (uint32_t i = 0; i < count; i++)
        found = found || taken[i].handle == handle;
    return found;
}

/* Bits at random, then ever closer to real ones: the right tag, indices near the last, every generation near by. */
static void forged_handles_never_crash_nor_free(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation taken[40];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = i % 8 == 7 ? take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 })
                              : take_bytes(100, BDA_INTENT_DEVICE);
    const BdaUse before = bench_use();
    uint64_t seed = 0x9E3779B97F4A7C15u;
    const uint64_t tag = taken[0].handle >> 56 << 56;
    for (uint32_t i = 0; i < 200000; i++) {
        uint64_t r = next_random(&seed);
        const BdaHandle forged[] = { r, tag | r >> 8, tag | (r & 0x3FF) | (r >> 20 & 3) << 32,
                                     taken[r % 40].handle ^ (uint64_t)1 << (r >> 8 & 63) };
        BdaHandle handle = forged[i % 4];
        if (handle != 0 && !is_one_of(handle, taken, COUNT_OF(taken)))
            assert_int_equal(bda_free(bench.allocator, handle), VK_ERROR_VALIDATION_FAILED_EXT);
        if (bench.length > sizeof bench.text / 2)
            bench_hush();
    }
    const BdaUse after = bench_use();
    assert_memory_equal(&after, &before, sizeof after);
    give_all(taken, COUNT_OF(taken));
    bench_close();
}

static void indices_out_of_range_were_never_given_out(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
    const uint32_t indices[] = { 0, 1u << 20, UINT32_MAX - 1, UINT32_MAX, 255, 256, 257 };
    for (uint32_t i = 0; i < COUNT_OF(indices); i++) {
        BdaHandle forged = a.handle >> 32 << 32 | indices[i];
        assert_int_equal(bda_free(bench.allocator, forged), VK_ERROR_VALIDATION_FAILED_EXT);
    }
    assert_true(bench_heard("never given out") >= 4);
    give(a);
    bench_close();
}

static void before_the_first_allocation_no_handle_is_good(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    for (uint64_t tag = 0; tag < 256; tag++) {
        assert_int_equal(bda_free(bench.allocator, tag << 56 | 1), VK_ERROR_VALIDATION_FAILED_EXT);
        assert_int_equal(bda_free(bench.allocator, tag << 56 | UINT32_MAX), VK_ERROR_VALIDATION_FAILED_EXT);
    }
    bench_close();
}

/* ---- What is told of them ---- */

static void assert_told(VkResult result, const char *function, const char *format, ...) {
    char wanted[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(wanted, sizeof wanted, format, arguments);
    va_end(arguments);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, result, function, wanted);
}

static void a_stale_handle_has_its_story(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .first_address = 0x7f0000000000 }, NULL);
    BdaAllocator al = bench.allocator;
    bda_set_frame(al, 11);
    BdaAllocation named = take((BdaAllocInfo){ .size = 100, .name = "mesh/a" });
    BdaAllocation others[3];
    for (uint32_t i = 0; i < COUNT_OF(others); i++)
        others[i] = take_bytes(64, BDA_INTENT_DEVICE);
    bda_set_frame(al, 12);
    give(named);
    give_all(others, COUNT_OF(others));
    assert_told(bda_free(al, named.handle), "bda_free",
                "handle 0x%llx is stale: 'mesh/a' (100 bytes at 0x%llx, allocated in frame 11) was freed about 3 frees "
                "ago, in frame 12 (",
                (unsigned long long)named.handle, (unsigned long long)named.address);
    assert_told(bda_free(al, others[0].handle), "bda_free",
                "handle 0x%llx is stale: an unnamed allocation (64 bytes at 0x%llx, allocated in frame 11) was freed "
                "with the last free, in frame 12 (",
                (unsigned long long)others[0].handle, (unsigned long long)others[0].address);
    const BdaHandle handles[] = { 0, others[1].handle };
    assert_told(bda_free_many(al, 2, handles), "bda_free_many, item 1", "handle 0x%llx is stale: an unnamed",
                (unsigned long long)others[1].handle);
    bench_close();
}

static void without_history_a_stale_handle_was_freed(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.history_depth = BDA_HISTORY_NONE;
    bench_start();
    BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
    give(a);
    assert_told(bda_free(bench.allocator, a.handle), "bda_free", "handle 0x%llx is stale: its allocation was freed (",
                (unsigned long long)a.handle);
    bench_close();
}

/* A free that waits is one that somebody has asked for already; once it is through it was freed. */
static void a_free_that_waits_is_told_as_such(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "mesh/a" });
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    assert_told(bda_free(bench.allocator, a.handle), "bda_free",
                ") was already given to bda_free_after with the last free, for semaphore 0x%llx to reach 1, and is not "
                "collected yet (",
                (unsigned long long)timeline);
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_told(bda_free_after(bench.allocator, a.handle, timeline, 1), "bda_free_after",
                "is stale: 'mesh/a' (100 bytes at 0x%llx) was given to bda_free_after with the last free (",
                (unsigned long long)a.address);
    bench_close();
}

/* What waits still has its name when the history has forgotten it; once it is through nobody knows it any more. */
static void a_free_that_waits_keeps_its_name(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.history_depth = BDA_HISTORY_NONE;
    bench_start();
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation old = take((BdaAllocInfo){ .size = 100, .name = "old" });
    give(old);
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .name = "mesh/a" }), b = take_bytes(64, BDA_INTENT_DEVICE);
    assert_int_equal((uint32_t)a.handle, (uint32_t)old.handle);
    assert_int_equal(bda_free_after(bench.allocator, b.handle, timeline, 2), VK_SUCCESS);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 5), VK_SUCCESS);
    assert_told(bda_free(bench.allocator, a.handle), "bda_free",
                "is stale: 'mesh/a' (112 bytes held at 0x%llx) was already given to bda_free_after, for semaphore "
                "0x%llx to reach 5, and is not collected yet (",
                (unsigned long long)a.address, (unsigned long long)timeline);
    assert_told(bda_free(bench.allocator, old.handle), "bda_free", "is stale: its allocation was freed (");
    assert_told(bda_free(bench.allocator, b.handle), "bda_free",
                "is stale: an unnamed allocation (64 bytes held at 0x%llx) was already given to bda_free_after, for "
                "semaphore 0x%llx to reach 2, and is not collected yet (",
                (unsigned long long)b.address, (unsigned long long)timeline);
    fake_signal(bench.driver, timeline, 5);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_told(bda_free(bench.allocator, a.handle), "bda_free", "is stale: its allocation was freed (");
    bench_close();
}

/* Of a good handle whose use is refused: which allocation it is. */
static void a_live_handle_is_told_with_its_name(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .disabled = FAKE_TIMELINE_SEMAPHORE }, NULL);
    BdaAllocator al = bench.allocator;
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "level" });
    BdaAllocation named = take((BdaAllocInfo){ .size = 100, .name = "mesh/a", .pool = pool });
    BdaAllocation plain = take_bytes(1, BDA_INTENT_DEVICE);
    VkSemaphore any = fake_make_semaphore(bench.driver, 0);
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted,
                   "bda_free_after 'mesh/a', 100 bytes, pool 'level', handle 0x%llx: timelineSemaphore is not enabled",
                   (unsigned long long)named.handle);
    assert_refusal(VK_ERROR_FEATURE_NOT_PRESENT, bda_free_after(al, named.handle, any, 1), "bda_free_after", wanted);
    assert_told(bda_get_info(al, plain.handle, NULL), "bda_get_info", "bda_get_info, 1 byte, handle 0x%llx: info is",
                (unsigned long long)plain.handle);
    assert_int_equal(bda_set_name(al, plain.handle, LONG_NAME), VK_SUCCESS);
    assert_told(bda_get_info(al, plain.handle, NULL), "bda_get_info", "bda_get_info '" LONG_NAME "', 1 byte,");
    give(named);
    assert_told(bda_get_info(al, named.handle, NULL), "bda_get_info", "bda_get_info, handle 0x%llx: info is NULL",
                (unsigned long long)named.handle);
    give(plain);
    bench_close();
}

static void what_is_no_handle_is_told_as_what_it_is(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .first_address = 0x7f0000000000 }, NULL);
    BdaAllocator al = bench.allocator;
    BdaAllocation a = take_bytes(64, BDA_INTENT_UPLOAD);
    const uint64_t bit = (uint64_t)1 << 32; /* of the generation */
    BdaAllocationInfo info;
    assert_told(bda_get_info(al, 0, &info), "bda_get_info", "the handle is 0 (");
    assert_told(bda_free(al, 0xdeadbeef), "bda_free", ": 0xdeadbeef is no handle (");
    assert_told(bda_free(al, a.address + 3), "bda_free",
                ": 0x%llx is an address, not a handle: use bda_free_address, or bda_find (",
                (unsigned long long)a.address + 3);
    assert_told(bda_free(al, a.handle + bit), "bda_free", ": handle 0x%llx was never given out (",
                (unsigned long long)(a.handle + bit));
    for (uint32_t i = 1; i < 8; i++) /* nodes that are spare, or free, or not there */
        assert_told(bda_free(al, a.handle + (i << 3)), "bda_free", ": handle 0x%llx was never given out (",
                    (unsigned long long)(a.handle + (i << 3)));
    give(a);
    assert_told(bda_free(al, a.handle + bit), "bda_free", ": handle 0x%llx was never given out (",
                (unsigned long long)(a.handle + bit));
    bench_close();
}

/* Tags are given out one after the other, and what bears none of them is nobody's. Anybody may have made a handle of
 * those; by the time that all are in use, whatever looks like one may be one. */
static void only_tags_that_were_given_out_are_somebodys(void **state) {
    (void)state;
    assert_false(bda_handle_has_tag(1));
    BdaHandle tag = bda_handle_new_tag();
    assert_true(bda_handle_has_tag(tag | 5));
    for (uint32_t i = 0; i < 255; i++) {
        BdaHandle next = bda_handle_new_tag();
        assert_true(next >> 56 == (tag >> 56) % 255 + 1 && bda_handle_has_tag(next));
        tag = next;
    }
    assert_false(bda_handle_has_tag(1));
}

/* ---- Generations ---- */

/* Puts the node of a live allocation near the end of its generations, as sixteen million frees would. */
static void age(BdaAllocation *allocation, uint32_t generation) {
    struct bda_node *node = bda_node_of(bench.allocator, bda_handle_index(allocation->handle));
    bda_node_set_tag(node, generation << BDA_NODE_GENERATION_SHIFT | (uint32_t)BDA_NODE_LIVE);
    allocation->handle = bda_handle_of(bench.allocator, bda_handle_index(allocation->handle), node);
}

static void a_spent_generation_never_begins_anew(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation rows[] = { take_bytes(64, BDA_INTENT_DEVICE),
                             take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 }),
                             take((BdaAllocInfo){ .size = 64, .flags = BDA_ALLOC_DEDICATED_BIT }) };
    for (uint32_t i = 0; i < COUNT_OF(rows); i++) {
        age(&rows[i], BDA_GENERATION_SPENT - 1);
        uint32_t spent = bda_handle_index(rows[i].handle);
        give(rows[i]);
        assert_is_no_handle(rows[i].handle, STALE);
        for (uint32_t again = 0; again < 200; again++) {
            BdaAllocation other =
                i == 1 ? take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 }) : take_bytes(64, BDA_INTENT_DEVICE);
            assert_int_not_equal(bda_handle_index(other.handle), spent);
            give(other);
        }
        assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    }
    bench_close();
}

static void a_pending_free_of_the_last_generation_is_released(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 1);
    BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
    age(&a, BDA_GENERATION_SPENT - 1);
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().pending_count, 0);
    give(take_bytes(64, BDA_INTENT_DEVICE));
    bench_close();
}

static void many_allocators_at_a_time_have_handles_of_their_own(void **state) {
    (void)state;
    enum { MANY = 255 };
    bench_prepare(NULL);
    bench.info.callbacks = NULL; /* five hundred hosts' worth of counting is slow */
    bench_start();
    static BdaAllocator others[MANY];
    static BdaAllocation first[MANY];
    for (uint32_t i = 0; i < MANY - 1; i++) {
        assert_int_equal(bda_create_allocator(&bench.info, &others[i]), VK_SUCCESS);
        assert_int_equal(bda_alloc(others[i], &(BdaAllocInfo){ .size = 16 }, &first[i]), VK_SUCCESS);
        assert_int_equal(bda_free(bench.allocator, first[i].handle), VK_ERROR_VALIDATION_FAILED_EXT);
        assert_true(i == 0 || first[i].handle != first[i - 1].handle);
    }
    for (uint32_t i = 0; i < MANY - 1; i++) {
        assert_int_equal(bda_free(others[i], first[i].handle), VK_SUCCESS);
        assert_int_equal(bda_destroy_allocator(others[i]), VK_SUCCESS);
    }
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_freed_handle_is_stale_everywhere),
        cmocka_unit_test(a_handle_stays_stale_when_its_place_is_taken_again),
        cmocka_unit_test(a_pending_handle_is_stale_at_once),
        cmocka_unit_test(handles_of_a_destroyed_pool_are_stale),
        cmocka_unit_test(another_allocators_handle_is_told_as_such),
        cmocka_unit_test(forged_handles_never_crash_nor_free),
        cmocka_unit_test(indices_out_of_range_were_never_given_out),
        cmocka_unit_test(before_the_first_allocation_no_handle_is_good),
        cmocka_unit_test(a_stale_handle_has_its_story),
        cmocka_unit_test(without_history_a_stale_handle_was_freed),
        cmocka_unit_test(a_free_that_waits_is_told_as_such),
        cmocka_unit_test(a_free_that_waits_keeps_its_name),
        cmocka_unit_test(a_live_handle_is_told_with_its_name),
        cmocka_unit_test(what_is_no_handle_is_told_as_what_it_is),
        cmocka_unit_test(a_spent_generation_never_begins_anew),
        cmocka_unit_test(a_pending_free_of_the_last_generation_is_released),
        cmocka_unit_test(many_allocators_at_a_time_have_handles_of_their_own),
        cmocka_unit_test(only_tags_that_were_given_out_are_somebodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
