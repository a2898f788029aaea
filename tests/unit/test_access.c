/* src/alloc/access.c and src/api/access.c: what is known of an allocation, its name, and its bytes from the CPU. */
#include "alloc_support.h"

#include <stdio.h>

/* ---- What is known ---- */

static void a_handle_alone_tells_everything(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_MEMORY_PRIORITY }, NULL);
    BdaAllocation a = take(
        (BdaAllocInfo){ .size = 300, .user = 42, .intent = BDA_INTENT_READBACK, .priority = 0.75f, .name = "results" });
    const BdaAllocationInfo info = info_of(a.handle);
    assert_null(info.next);
    assert_memory_equal(&info.allocation, &a, sizeof a);
    assert_null(info.pool);
    assert_int_equal(info.memory_type, 3);
    assert_int_equal(info.heap, 1);
    assert_int_equal(info.properties, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                                          VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
    assert_false(info.dedicated);
    assert_false(info.own_buffer);
    assert_true(info.priority == 0.75f);
    assert_int_equal(info.user, 42);
    assert_string_equal(info.name, "results");
    give(a);
    bench_close();
}

static void buffers_pools_and_dedicated_memory_are_told(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "pool" });
    BdaAllocation own = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .pool = pool, .user = 7 });
    BdaAllocation alone = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .flags = BDA_ALLOC_DEDICATED_BIT });
    const BdaAllocationInfo of_own = info_of(own.handle), of_alone = info_of(alone.handle);
    assert_true(of_own.own_buffer && !of_own.dedicated && of_own.pool == pool && of_own.user == 7);
    assert_true(of_alone.own_buffer && of_alone.dedicated && of_alone.pool == NULL);
    assert_memory_equal(&of_own.allocation, &own, sizeof own);
    assert_memory_equal(&of_alone.allocation, &alone, sizeof alone);
    give(own);
    give(alone);
    bench_close();
}

/* ---- Names and user values ---- */

static void a_name_can_be_given_changed_and_taken_away(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE);
    char name[] = "first";
    assert_int_equal(bda_set_name(bench.allocator, a.handle, name), VK_SUCCESS);
    name[0] = 'X';
    assert_string_equal(info_of(a.handle).name, "first");
    assert_int_equal(bda_set_name(bench.allocator, a.handle, "second"), VK_SUCCESS);
    assert_string_equal(info_of(a.handle).name, "second");
    assert_int_equal(bda_set_name(bench.allocator, a.handle, info_of(a.handle).name), VK_SUCCESS);
    assert_string_equal(info_of(a.handle).name, "second");
    assert_int_equal(bda_set_name(bench.allocator, a.handle, ""), VK_SUCCESS);
    assert_null(info_of(a.handle).name);
    assert_int_equal(bda_set_name(bench.allocator, a.handle, "third"), VK_SUCCESS);
    assert_int_equal(bda_set_name(bench.allocator, a.handle, NULL), VK_SUCCESS);
    assert_null(info_of(a.handle).name);
    give(a);
    bench_close();
}

static void a_user_value_is_changed_and_the_name_stays(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 64, .name = "named", .user = 1 });
    BdaAllocation plain = take_bytes(64, BDA_INTENT_DEVICE);
    assert_int_equal(bda_set_user(bench.allocator, a.handle, 2), VK_SUCCESS);
    assert_int_equal(bda_set_user(bench.allocator, plain.handle, 3), VK_SUCCESS);
    assert_int_equal(info_of(a.handle).user, 2);
    assert_string_equal(info_of(a.handle).name, "named");
    assert_int_equal(info_of(plain.handle).user, 3);
    assert_int_equal(bda_set_name(bench.allocator, plain.handle, "late"), VK_SUCCESS);
    assert_int_equal(info_of(plain.handle).user, 3);
    give(a);
    give(plain);
    bench_close();
}

static void a_refused_rename_keeps_the_old_name(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 64, .name = "old" });
    fake_host_fail(&bench.host, 1, true);
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY, bda_set_name(bench.allocator, a.handle, LONG_NAME), "bda_set_name",
                   "host memory");
    fake_host_fail(&bench.host, 0, false);
    assert_string_equal(info_of(a.handle).name, "old");
    give(a);
    bench_close();
}

static const char *name_of_buffer(const BdaAllocation *a) {
    return fake_name(bench.driver, FAKE_HANDLE(a->buffer));
}

static const char *name_of_memory(const BdaAllocation *a) {
    return fake_name(bench.driver, FAKE_HANDLE(memory_handle_of(a->buffer)));
}

static void tools_see_the_names_of_what_has_an_object(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_DEBUG_UTILS }, NULL);
    assert_true(bench_properties().debug_utils);
    BdaAllocation own = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" });
    BdaAllocation alone = take((BdaAllocInfo){ .size = 64, .name = "alone", .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_string_equal(name_of_buffer(&own), "own");
    assert_string_equal(name_of_buffer(&alone), "alone");
    assert_string_equal(name_of_memory(&alone), "alone");
    assert_int_equal(bda_set_name(bench.allocator, own.handle, "renamed"), VK_SUCCESS);
    assert_int_equal(bda_set_name(bench.allocator, alone.handle, "moved"), VK_SUCCESS);
    assert_string_equal(name_of_buffer(&own), "renamed");
    assert_string_equal(name_of_memory(&alone), "moved");
    assert_int_equal(bda_set_name(bench.allocator, own.handle, NULL), VK_SUCCESS);
    assert_null(name_of_buffer(&own));
    give(own);
    give(alone);
    bench_close();
}

static void tools_see_blocks_by_the_name_of_their_pool(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_DEBUG_UTILS }, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "terrain" });
    BdaAllocation in_pool = take((BdaAllocInfo){ .size = 64, .pool = pool, .name = "tile" });
    BdaAllocation own = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .pool = pool });
    BdaAllocation plain = take((BdaAllocInfo){ .size = 64, .name = "plain" });
    assert_non_null(strstr(name_of_buffer(&in_pool), "terrain"));
    assert_non_null(strstr(name_of_memory(&in_pool), "terrain"));
    assert_non_null(strstr(name_of_memory(&own), "terrain"));
    assert_non_null(name_of_memory(&plain));
    assert_string_not_equal(name_of_memory(&plain), "plain"); /* a range's name is not its block's */
    unsigned named = bench_calls(FAKE_CALL_SET_OBJECT_NAME);
    assert_int_equal(bda_set_name(bench.allocator, in_pool.handle, "other"), VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_SET_OBJECT_NAME), named);
    give(in_pool);
    give(own);
    give(plain);
    bench_close();
}

static void a_name_that_tools_refuse_is_no_error(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_DEBUG_UTILS }, NULL);
    fake_fail_from(bench.driver, FAKE_CALL_SET_OBJECT_NAME, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    BdaAllocation own = take_buffer(64, PLAIN_USAGE, (BdaAllocInfo){ .name = "own" });
    assert_int_equal(bda_set_name(bench.allocator, own.handle, "renamed"), VK_SUCCESS);
    assert_string_equal(info_of(own.handle).name, "renamed");
    give(own);
    bench_close();
}

/* ---- Bytes ---- */

static void write_and_read_reach_the_device(enum fake_machine machine, BdaIntent intent, BdaAllocFlags flags) {
    bench_open(&(struct fake_config){ .machine = machine }, NULL);
    BdaAllocation a = take((BdaAllocInfo){ .size = 1000, .intent = intent, .flags = flags });
    unsigned char bytes[1000], seen[1000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 13);
    assert_int_equal(bda_write(bench.allocator, a.handle, 0, bytes, sizeof bytes), VK_SUCCESS);
    assert_true(fake_device_read(bench.driver, a.address, seen, sizeof seen));
    assert_memory_equal(seen, bytes, sizeof bytes);
    assert_true(fake_device_write(bench.driver, a.address + 333, "device", 6));
    assert_int_equal(bda_read(bench.allocator, a.handle, 333, seen, 6), VK_SUCCESS);
    assert_memory_equal(seen, "device", 6);
    assert_int_equal(bda_write(bench.allocator, a.handle, 999, "e", 1), VK_SUCCESS);
    assert_true(fake_device_read(bench.driver, a.address + 999, seen, 1));
    assert_int_equal(seen[0], 'e');
    give(a);
    bench_close();
}

static void bytes_travel_both_ways(void **state) {
    (void)state;
    for (int intent = BDA_INTENT_UPLOAD; intent <= BDA_INTENT_SHARED; intent++) {
        write_and_read_reach_the_device(FAKE_MACHINE_DISCRETE, (BdaIntent)intent, 0);
        write_and_read_reach_the_device(FAKE_MACHINE_NON_COHERENT, (BdaIntent)intent, 0);
        write_and_read_reach_the_device(FAKE_MACHINE_NON_COHERENT, (BdaIntent)intent, BDA_ALLOC_DEDICATED_BIT);
    }
}

static void flush_and_invalidate_move_what_was_named(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT }, NULL);
    BdaAllocation a = take_bytes(1000, BDA_INTENT_UPLOAD);
    unsigned char *mapped = a.mapped, seen[1000];
    memset(mapped, 1, 1000);
    assert_int_equal(bda_flush(bench.allocator, a.handle, 0, VK_WHOLE_SIZE), VK_SUCCESS);
    memset(mapped, 2, 1000);
    assert_int_equal(bda_flush(bench.allocator, a.handle, 512, 1), VK_SUCCESS); /* an atom, and no more */
    assert_true(fake_device_read(bench.driver, a.address, seen, sizeof seen));
    assert_true(seen[0] == 1 && seen[447] == 1 && seen[512] == 2 && seen[576] == 1 && seen[999] == 1);
    memset(seen, 3, sizeof seen);
    assert_true(fake_device_write(bench.driver, a.address, seen, sizeof seen));
    assert_int_equal(bda_invalidate(bench.allocator, a.handle, 990, VK_WHOLE_SIZE), VK_SUCCESS);
    assert_true(mapped[0] == 2 && mapped[895] == 2 && mapped[999] == 3);
    give(a);
    bench_close();
}

/* Unflushed bytes of the CPU, and bytes of the device that the CPU has not read, next door. */
static void flushing_tramples_on_no_neighbour(void **state) {
    (void)state;
    for (VkDeviceSize residue = 0; residue < 256; residue += 64) {
        bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT,
                                          .limits = { .nonCoherentAtomSize = 256 },
                                          .base_alignment = residue != 0 ? 256 : 0,
                                          .base_residue = residue },
                   NULL);
        BdaAllocation row[5];
        for (uint32_t i = 0; i < 5; i++)
            row[i] = take_bytes(40 + i * 50, BDA_INTENT_UPLOAD);
        for (uint32_t i = 0; i < 5; i++) { /* each in turn: the device writes to the others only */
            unsigned char theirs[240], seen[240];
            memset(theirs, (int)(0x40 + i), sizeof theirs);
            for (uint32_t j = 0; j < 5; j++)
                assert_true(j == i || fake_device_write(bench.driver, row[j].address, theirs, (size_t)row[j].size));
            memset(row[i].mapped, 0x77, (size_t)row[i].size);
            assert_int_equal(bda_flush(bench.allocator, row[i].handle, 0, VK_WHOLE_SIZE), VK_SUCCESS);
            for (uint32_t j = 0; j < 5; j++) {
                assert_true(fake_device_read(bench.driver, row[j].address, seen, (size_t)row[j].size));
                assert_true(j == i || memcmp(seen, theirs, (size_t)row[j].size) == 0);
            }
        }
        give_all(row, 5);
        bench_close();
    }
}

static void coherent_memory_is_flushed_without_the_driver(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(100, BDA_INTENT_UPLOAD);
    unsigned char bytes[100] = { 1 };
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    assert_int_equal(bda_write(bench.allocator, a.handle, 0, bytes, 100), VK_SUCCESS);
    assert_int_equal(bda_read(bench.allocator, a.handle, 0, bytes, 100), VK_SUCCESS);
    assert_int_equal(bda_flush(bench.allocator, a.handle, 0, 100), VK_SUCCESS);
    assert_int_equal(bda_invalidate(bench.allocator, a.handle, 0, VK_WHOLE_SIZE), VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    give(a);
    bench_close();
}

static void nothing_at_the_end_is_still_within(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT }, NULL);
    BdaAllocation a = take_bytes(100, BDA_INTENT_UPLOAD);
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    assert_int_equal(bda_write(bench.allocator, a.handle, 100, NULL, 0), VK_SUCCESS);
    assert_int_equal(bda_read(bench.allocator, a.handle, 0, NULL, 0), VK_SUCCESS);
    assert_int_equal(bda_flush(bench.allocator, a.handle, 100, VK_WHOLE_SIZE), VK_SUCCESS);
    assert_int_equal(bda_flush(bench.allocator, a.handle, 50, 0), VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    give(a);
    bench_close();
}

static void what_the_driver_answers_is_passed_on(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT }, NULL);
    BdaAllocation a = take_bytes(100, BDA_INTENT_UPLOAD);
    unsigned char bytes[4] = { 9, 9, 9, 9 };
    fake_fail(bench.driver, FAKE_CALL_FLUSH, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_refusal(VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_write(bench.allocator, a.handle, 0, bytes, 4), "bda_write", "");
    fake_fail(bench.driver, FAKE_CALL_INVALIDATE, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY, bda_read(bench.allocator, a.handle, 0, bytes, 4), "bda_read", "");
    fake_fail(bench.driver, FAKE_CALL_FLUSH, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY, bda_flush(bench.allocator, a.handle, 0, 4), "bda_flush", "");
    fake_fail(bench.driver, FAKE_CALL_INVALIDATE, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY, bda_invalidate(bench.allocator, a.handle, 0, 4), "bda_invalidate", "");
    give(a);
    bench_close();
}

/* offset and size that are not within 100 bytes; sums that wrap too. */
static void ranges_past_the_end_are_refused(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT }, NULL);
    BdaAllocation a = take_bytes(100, BDA_INTENT_UPLOAD);
    const VkDeviceSize bad[][2] = { { 0, 101 },
                                    { 100, 1 },
                                    { 101, 0 },
                                    { 50, 51 },
                                    { UINT64_MAX, 1 },
                                    { 1, UINT64_MAX - 1 },
                                    { UINT64_MAX, 2 },
                                    { 101, VK_WHOLE_SIZE },
                                    { 16, UINT64_MAX - 8 } };
    unsigned char bytes[128] = { 0 };
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
        BdaAllocator al = bench.allocator;
        const VkResult wanted = VK_ERROR_VALIDATION_FAILED_EXT;
        assert_refusal(wanted, bda_write(al, a.handle, bad[i][0], bytes, bad[i][1]), "bda_write", "past the end");
        assert_refusal(wanted, bda_read(al, a.handle, bad[i][0], bytes, bad[i][1]), "bda_read", "past the end");
        assert_refusal(wanted, bda_flush(al, a.handle, bad[i][0], bad[i][1]), "bda_flush", "past the end");
        assert_refusal(wanted, bda_invalidate(al, a.handle, bad[i][0], bad[i][1]), "bda_invalidate", "past the end");
    }
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    give(a);
    bench_close();
}

/* Which bytes of which allocation were asked for, and how many it has. */
static void a_range_past_the_end_is_told_with_its_bounds(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocator al = bench.allocator;
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .intent = BDA_INTENT_UPLOAD, .name = "vertices" });
    unsigned char bytes[128] = { 0 };
    char where[80], line[256];
    (void)snprintf(where, sizeof where, "'vertices', 100 bytes, handle 0x%llx", (unsigned long long)a.handle);
    const VkResult bad = VK_ERROR_VALIDATION_FAILED_EXT;
    (void)snprintf(line, sizeof line, "bda_write %s: the range reaches past the end, offset 50, size 51 (", where);
    assert_refusal(bad, bda_write(al, a.handle, 50, bytes, 51), "bda_write", line);
    (void)snprintf(line, sizeof line, "bda_read %s: the offset lies past the end, 101 (", where);
    assert_refusal(bad, bda_read(al, a.handle, 101, bytes, 1), "bda_read", line);
    (void)snprintf(line, sizeof line, "bda_flush %s: the range reaches past the end, offset 1, size 100 (", where);
    assert_refusal(bad, bda_flush(al, a.handle, 1, 100), "bda_flush", line);
    (void)snprintf(line, sizeof line, "bda_invalidate %s: the offset lies past the end, 102 (", where);
    assert_refusal(bad, bda_invalidate(al, a.handle, 102, VK_WHOLE_SIZE), "bda_invalidate", line);
    (void)snprintf(line, sizeof line, "bda_write %s: the range reaches past the end, offset 7, size VK_WHOLE_SIZE (",
                   where);
    assert_refusal(bad, bda_write(al, a.handle, 7, bytes, VK_WHOLE_SIZE), "bda_write", line);
    (void)snprintf(line, sizeof line, "bda_read %s: data is NULL (", where);
    assert_refusal(bad, bda_read(al, a.handle, 0, NULL, 1), "bda_read", line);
    give(a);
    bench_close();
}

static void what_is_not_mapped_cannot_be_touched(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE);
    unsigned char byte = 0;
    assert_null(a.mapped);
    const VkResult wanted = VK_ERROR_VALIDATION_FAILED_EXT;
    assert_refusal(wanted, bda_write(bench.allocator, a.handle, 0, &byte, 1), "bda_write", "not mapped");
    assert_refusal(wanted, bda_read(bench.allocator, a.handle, 0, &byte, 1), "bda_read", "not mapped");
    assert_refusal(wanted, bda_flush(bench.allocator, a.handle, 0, 1), "bda_flush", "not mapped");
    assert_refusal(wanted, bda_invalidate(bench.allocator, a.handle, 0, VK_WHOLE_SIZE), "bda_invalidate", "not mapped");
    give(a);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handle_alone_tells_everything),
        cmocka_unit_test(buffers_pools_and_dedicated_memory_are_told),
        cmocka_unit_test(a_name_can_be_given_changed_and_taken_away),
        cmocka_unit_test(a_user_value_is_changed_and_the_name_stays),
        cmocka_unit_test(a_refused_rename_keeps_the_old_name),
        cmocka_unit_test(tools_see_the_names_of_what_has_an_object),
        cmocka_unit_test(tools_see_blocks_by_the_name_of_their_pool),
        cmocka_unit_test(a_name_that_tools_refuse_is_no_error),
        cmocka_unit_test(bytes_travel_both_ways),
        cmocka_unit_test(flush_and_invalidate_move_what_was_named),
        cmocka_unit_test(flushing_tramples_on_no_neighbour),
        cmocka_unit_test(coherent_memory_is_flushed_without_the_driver),
        cmocka_unit_test(nothing_at_the_end_is_still_within),
        cmocka_unit_test(what_the_driver_answers_is_passed_on),
        cmocka_unit_test(ranges_past_the_end_are_refused),
        cmocka_unit_test(a_range_past_the_end_is_told_with_its_bounds),
        cmocka_unit_test(what_is_not_mapped_cannot_be_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
