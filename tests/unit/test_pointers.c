/* src/debug/shadow.c, src/debug/pointers.c and src/api/pointers.c: what shaders find in the tables, and what comes back
 * from them. */
#include "shader_support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "debug/pointers.h"

#include <glsl_numbers.h>

static void open_checked_on(const struct fake_config *config, BdaAllocatorFlags flags) {
    bench_prepare(config);
    bench.info.flags = flags;
    bench.info.checks = BDA_CHECK_POINTERS_BIT;
    bench.info.first_block_size = KIB(64);
    bench.info.max_block_size = MIB(4);
    bench_start();
}

static void open_checked(void) {
    open_checked_on(NULL, 0);
}

static uint32_t random_next(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* ---- The tables against a naive model ---- */

/* How many bytes of the granule at an address are live. */
static int live_in(const BdaAllocation *all, uint32_t count, VkDeviceAddress granule) {
    for (uint32_t i = 0; i < count; i++)
        if (all[i].handle != 0 && granule >= all[i].address && granule < all[i].address + all[i].size)
            return all[i].address + all[i].size - granule < 16 ? (int)(all[i].address + all[i].size - granule) : 16;
    return 0;
}

/* Looks at all granules of an allocation, and at some before and behind. */
static void assert_told_around(const struct shader *shader, const BdaAllocation *all, uint32_t count,
                               const BdaAllocation *a) {
    for (VkDeviceAddress at = a->address - 64; at < a->address + a->size + 64; at += 16) {
        int said = shader_look(shader, at), live = live_in(all, count, at);
        if ((said > 0 ? (said - 1) % 16 + 1 : 0) != live)
            fail_msg("granule 0x%" PRIx64 ": the table says %d, %d bytes are live", (uint64_t)at, said, live);
    }
}

static void take_slot(BdaAllocation *slot, uint32_t r) {
    VkDeviceSize size = 1 + r % (r % 13 == 0 ? 90000 : 700);
    BdaIntent intent = r % 3 == 0 ? BDA_INTENT_UPLOAD : BDA_INTENT_DEVICE;
    if (r % 5 == 0)
        *slot = take_buffer(size, PLAIN_USAGE, (BdaAllocInfo){ .intent = intent });
    else
        *slot = take((BdaAllocInfo){ .size = size,
                                     .intent = intent,
                                     .alignment = (VkDeviceSize)16 << r % 6,
                                     .flags = r % 11 == 0 ? BDA_ALLOC_DEDICATED_BIT : 0 });
}

static void follow_a_model(const struct fake_config *config, BdaAllocatorFlags flags, uint32_t rounds) {
    enum { SLOTS = 40 };
    BdaAllocation all[SLOTS] = { { .handle = 0 } };
    uint32_t seed = 7;
    open_checked_on(config, flags);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    const struct shader shader = shader_start();
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t r = random_next(&seed);
        BdaAllocation *slot = &all[r % SLOTS], before = *slot;
        r = random_next(&seed);
        if (slot->handle == 0) {
            take_slot(slot, r);
            before = *slot;
        } else if (r % 4 == 0) { /* live until it is collected */
            assert_int_equal(bda_free_after(bench.allocator, slot->handle, timeline, round), VK_SUCCESS);
            assert_told_around(&shader, all, SLOTS, &before);
            fake_signal(bench.driver, timeline, round);
            assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
            slot->handle = 0;
        } else {
            give(*slot);
            slot->handle = 0;
        }
        assert_told_around(&shader, all, SLOTS, &before);
        if (round % 100 == 0)
            assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    }
    for (uint32_t i = 0; i < SLOTS; i++)
        if (all[i].handle != 0)
            give(all[i]);
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING] + bench.told[BDA_MESSAGE_ERROR], 0);
    bench_close();
}

static void the_table_follows_a_model(void **state) {
    (void)state;
    follow_a_model(NULL, 0, 600);
    follow_a_model(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .base_alignment = 4096 },
                   BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT, 200);
}

static void the_table_is_flushed_where_memory_is_not_coherent(void **state) {
    (void)state;
    follow_a_model(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT }, 0, 200);
}

static void high_addresses_are_told_in_either_form(void **state) {
    (void)state;
    follow_a_model(&(struct fake_config){ .first_address = FAKE_ADDRESS_SIGN_EXTENDED }, 0, 100);
    follow_a_model(&(struct fake_config){ .first_address = FAKE_ADDRESS_BIT_47 }, 0, 100);
}

static void own_buffers_are_told_where_the_driver_puts_them(void **state) {
    (void)state;
    open_checked_on(&(struct fake_config){ .buffer_address_skew = MIB(64) }, 0);
    const struct shader shader = shader_start();
    BdaAllocation a = take_buffer(1000, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 });
    assert_told_around(&shader, &a, 1, &a);
    give(a);
    a.handle = 0;
    assert_told_around(&shader, &a, 1, &a);
    bench_close();
}

static void a_closed_block_is_nobodys(void **state) {
    (void)state;
    open_checked();
    const struct shader shader = shader_start();
    BdaAllocation a = take((BdaAllocInfo){ .size = MIB(3), .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal((shader_look(&shader, a.address) - 1) % 16, 15);
    assert_int_equal((shader_look(&shader, a.address + MIB(3) - 1) - 1) % 16, 15);
    give(a);
    assert_int_equal(shader_look(&shader, a.address), -1);
    assert_int_equal(shader_look(&shader, a.address + MIB(3) - 1), -1);
    bench_close();
}

/* The fake driver never gives an address again, so each block has other pages. */
static void pieces_are_used_again(void **state) {
    (void)state;
    open_checked();
    give(take((BdaAllocInfo){ .size = MIB(20), .flags = BDA_ALLOC_DEDICATED_BIT }));
    VkDeviceSize memory = bench_stats().check_memory;
    assert_true(memory != 0);
    for (uint32_t i = 0; i < 100; i++)
        give(take((BdaAllocInfo){ .size = MIB(20), .flags = BDA_ALLOC_DEDICATED_BIT }));
    assert_int_equal(bench_stats().check_memory, memory);
    bench_close();
}

static void the_memory_of_checks_counts_apart(void **state) {
    (void)state;
    open_checked();
    BdaStats stats = bench_stats();
    assert_true(stats.check_memory >= MIB(1) && stats.check_memory <= MIB(2));
    assert_int_equal(stats.total.reserved, 0);
    BdaAllocation a = take_bytes(KIB(512), BDA_INTENT_DEVICE);
    BdaFinding finding;
    const struct shader shader = shader_start();
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, shader.table, 0, &count, &finding), VK_SUCCESS);
    assert_int_equal(finding.kind, BDA_FINDING_FOREIGN);
    assert_int_equal(bench_stats().total.allocation_count, 1);
    give(a);
    bench_close();
}

/* ---- Accesses ---- */

static void an_access_behind_an_end_meets_no_neighbour(void **state) {
    (void)state;
    open_checked();
    struct shader shader = shader_start();
    BdaAllocation all[20];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take_bytes(16 + i, BDA_INTENT_DEVICE);
    for (uint32_t i = 0; i < COUNT_OF(all); i++) {
        VkDeviceAddress end = all[i].address + all[i].size;
        assert_true(shader_access(&shader, 0, end - 1, 1, BDA_FAULT_ACCESS_WRITE));
        for (uint32_t past = 0; past < 16; past++)
            assert_false(shader_access(&shader, 0, end + past, 1, BDA_FAULT_ACCESS_WRITE));
    }
    give_all(all, COUNT_OF(all));
    bench_close();
}

static void an_index_into_a_neighbour_is_told_from_its_base(void **state) {
    (void)state;
    open_checked();
    struct shader shader = shader_start();
    BdaAllocation a = take_bytes(1000, BDA_INTENT_DEVICE), b = take_bytes(1000, BDA_INTENT_DEVICE);
    assert_true(shader_access(&shader, a.address, a.address + 992, 8, BDA_FAULT_ACCESS_WRITE));
    assert_false(shader_access(&shader, a.address, b.address, 8, BDA_FAULT_ACCESS_WRITE));
    assert_true(shader_access(&shader, 0, b.address, 8, BDA_FAULT_ACCESS_WRITE));
    BdaBadAccess found[2];
    uint32_t count = 2;
    uint64_t lost;
    assert_int_equal(bda_take_bad_accesses(bench.allocator, &count, found, &lost), VK_SUCCESS);
    assert_int_equal(count, 1);
    assert_int_equal(found[0].reason, BDA_BAD_OTHER);
    assert_int_equal(found[0].base, a.address);
    assert_int_equal(found[0].address, b.address);
    give(a);
    give(b);
    bench_close();
}

/* ---- Foreign ranges ---- */

static void foreign_ranges_come_and_go(void **state) {
    (void)state;
    open_checked();
    const struct shader shader = shader_start();
    const BdaAllocation range = { .handle = 1, .address = 0x700000FFF0, .size = 1000 };
    const BdaAllocation beside = { .handle = 1, .address = 0x7000000000, .size = 64 };
    assert_int_equal(shader_look(&shader, range.address), -1);
    assert_int_equal(bda_add_checked_range(bench.allocator, range.address, range.size), VK_SUCCESS);
    assert_told_around(&shader, &range, 1, &range);
    assert_int_equal(bda_add_checked_range(bench.allocator, beside.address, beside.size), VK_SUCCESS);
    assert_int_equal(bda_remove_checked_range(bench.allocator, range.address, range.size), VK_SUCCESS);
    assert_told_around(&shader, &beside, 1, &range);
    assert_told_around(&shader, &beside, 1, &beside);
    assert_int_equal(bda_remove_checked_range(bench.allocator, beside.address, beside.size), VK_SUCCESS);
    assert_int_equal(shader_look(&shader, beside.address), -1);
    bench_close();
}

static void bad_ranges_are_refused(void **state) {
    (void)state;
    open_checked();
    const struct {
        VkDeviceAddress address;
        VkDeviceSize size;
        const char *reason;
    } bad[] = {
        { 0x7000000000, 0, ", 0 bytes at 0x7000000000: the range is empty" },
        { UINT64_MAX - 15, 17, "goes over the end" },
        { 0x7000000008, 8, ", 8 bytes at 0x7000000008: the address is no multiple of 16" },
        { 0x1000, 8, "a null pointer" },
        { 0x7000000000, ((VkDeviceSize)1 << 40) + 1, "larger than a TiB" },
    };
    for (uint32_t i = 0; i < COUNT_OF(bad); i++) {
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT,
                       bda_add_checked_range(bench.allocator, bad[i].address, bad[i].size), "bda_add_checked_range",
                       bad[i].reason);
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT,
                       bda_remove_checked_range(bench.allocator, bad[i].address, bad[i].size),
                       "bda_remove_checked_range", bad[i].reason);
    }
    bench_close();
}

/* ---- Records ---- */

static uint32_t take_records(uint32_t room, BdaBadAccess *found, VkResult wanted, uint64_t wanted_lost) {
    uint32_t count = room;
    uint64_t lost = 77;
    assert_int_equal(bda_take_bad_accesses(bench.allocator, &count, found, &lost), wanted);
    assert_int_equal(lost, wanted_lost);
    return count;
}

static void go_wrong(struct shader *shader, uint32_t times) {
    for (uint32_t i = 0; i < times; i++) {
        shader->invocation[0]++;
        assert_false(shader_access(shader, 0, (VkDeviceAddress)4 * shader->invocation[0], 4, BDA_FAULT_ACCESS_READ));
    }
}

static void records_come_back_as_they_were_written(const struct fake_config *config) {
    BdaBadAccess found[4];
    open_checked_on(config, 0);
    struct shader shader = shader_start();
    assert_int_equal(take_records(4, found, VK_SUCCESS, 0), 0);
    BdaAllocation a = take_bytes(100, BDA_INTENT_DEVICE);
    shader.tag = 99;
    shader.invocation[0] = 1;
    shader.invocation[1] = 2;
    shader.invocation[2] = 3;
    assert_false(shader_access(&shader, a.address, a.address + 96, 16, BDA_FAULT_ACCESS_ATOMIC));
    assert_false(shader_access(&shader, 0, 0xABC00000000, 8, BDA_FAULT_ACCESS_WRITE));
    uint32_t count = 0;
    uint64_t lost;
    assert_int_equal(bda_take_bad_accesses(bench.allocator, &count, NULL, &lost), VK_SUCCESS);
    assert_int_equal(count, 2);
    assert_int_equal(take_records(1, found, VK_INCOMPLETE, 0), 1);
    const BdaBadAccess wanted = { a.address + 96,   16, 4,           BDA_FAULT_ACCESS_ATOMIC,
                                  BDA_BAD_PAST_END, 99, { 1, 2, 3 }, a.address };
    assert_memory_equal(&found[0], &wanted, sizeof wanted);
    assert_int_equal(take_records(4, found, VK_SUCCESS, 0), 1);
    assert_int_equal(found[0].reason, BDA_BAD_NOT_OURS);
    assert_int_equal(found[0].address, 0xABC00000000);
    assert_int_equal(take_records(4, found, VK_SUCCESS, 0), 0);
    give(a);
    bench_close();
}

static void records_come_back(void **state) {
    (void)state;
    records_come_back_as_they_were_written(NULL);
    records_come_back_as_they_were_written(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
}

static void what_finds_no_room_is_counted(void **state) {
    (void)state;
    enum { ROUNDS = 3, OVER = 50 };
    static BdaBadAccess found[BDA_BAD_ACCESS_MOST];
    open_checked();
    struct shader shader = shader_start();
    for (uint32_t round = 0; round < ROUNDS; round++) {
        go_wrong(&shader, BDA_BAD_ACCESS_MOST + OVER);
        assert_int_equal(take_records(BDA_BAD_ACCESS_MOST, found, VK_SUCCESS, OVER), BDA_BAD_ACCESS_MOST);
        for (uint32_t i = 0; i < BDA_BAD_ACCESS_MOST; i++)
            assert_int_equal(found[i].invocation[0], round * (BDA_BAD_ACCESS_MOST + OVER) + i + 1);
    }
    bench_close();
}

/* What was looked at is taken in parts; what came meanwhile has no room until then, or follows. */
static void parts_are_taken_in_order(void **state) {
    (void)state;
    static BdaBadAccess found[BDA_BAD_ACCESS_MOST];
    open_checked();
    struct shader shader = shader_start();
    go_wrong(&shader, 1000);
    assert_int_equal(take_records(999, found, VK_INCOMPLETE, 0), 999);
    go_wrong(&shader, 100);
    assert_int_equal(take_records(999, found, VK_SUCCESS, 0), 1);
    assert_int_equal(found[0].invocation[0], 1000);
    assert_int_equal(take_records(999, found, VK_SUCCESS, 76), 24);
    assert_int_equal(found[23].invocation[0], 1024);
    go_wrong(&shader, 1);
    assert_int_equal(take_records(999, found, VK_SUCCESS, 0), 1);
    assert_int_equal(found[0].invocation[0], 1101);
    bench_close();
}

static void a_record_that_is_being_written_is_lost(void **state) {
    (void)state;
    BdaBadAccess found[4];
    open_checked();
    struct shader shader = shader_start();
    go_wrong(&shader, 1);
    shader_begin_record(&shader);
    go_wrong(&shader, 1);
    assert_int_equal(take_records(4, found, VK_SUCCESS, 1), 2);
    bench_close();
}

/* ---- In words ---- */

static struct {
    uint32_t count;
    char text[16384];
} report;

static void write_line(void *user, const char *line) {
    size_t length = strlen(report.text);
    assert_ptr_equal(user, &report);
    (void)snprintf(report.text + length, sizeof report.text - length, "%s\n", line);
    report.count++;
}

/* One call takes whatever there is. */
static void records_stand_in_fault_reports(void **state) {
    (void)state;
    open_checked();
    struct shader shader = shader_start();
    go_wrong(&shader, 2);
    memset(&report, 0, sizeof report);
    assert_int_equal(bda_report_fault(bench.allocator, &(BdaFaultInfo){ .next = NULL }, write_line, &report),
                     VK_SUCCESS);
    assert_non_null(strstr(report.text, " when invocation ("));
    BdaBadAccess found;
    assert_int_equal(take_records(1, &found, VK_SUCCESS, 0), 0);
    bench_close();
}

static uint64_t read_report(void) {
    uint64_t count = 77;
    memset(&report, 0, sizeof report);
    assert_int_equal(bda_report_checks(bench.allocator, write_line, &report, &count), VK_SUCCESS);
    return count;
}

static void assert_says(const char *wanted) {
    if (strstr(report.text, wanted) == NULL)
        fail_msg("'%s' is not in: %s", wanted, report.text);
}

static void bad_accesses_are_explained_by_name(void **state) {
    (void)state;
    open_checked();
    struct shader shader = shader_start();
    bda_set_frame(bench.allocator, 4);
    BdaAllocation a = take((BdaAllocInfo){ .size = 1000, .name = "array" });
    BdaAllocation b = take((BdaAllocInfo){ .size = 64, .name = "gone" });
    BdaAllocation c = take((BdaAllocInfo){ .size = 64, .name = "next" });
    give(b);
    shader.tag = 5;
    for (shader.invocation[0] = 250; shader.invocation[0] < 254; shader.invocation[0]++)
        assert_false(shader_access(&shader, a.address, a.address + (VkDeviceAddress)4 * shader.invocation[0], 4,
                                   BDA_FAULT_ACCESS_WRITE));
    shader.tag = 6;
    assert_false(shader_access(&shader, 0, a.address + 992, 16, BDA_FAULT_ACCESS_WRITE));
    assert_false(shader_access(&shader, 0, b.address + 8, 4, BDA_FAULT_ACCESS_READ));
    assert_false(shader_access(&shader, a.address, c.address, 4, BDA_FAULT_ACCESS_ATOMIC));
    assert_false(shader_access(&shader, 0, 24, 4, BDA_FAULT_ACCESS_READ));
    assert_int_equal(read_report(), 8);
    assert_says("write of 4 bytes at 0x");
    assert_says(": just past the end of 'array' (live, 1000 bytes at 0x");
    assert_says("\n  by an index of 1000 bytes from 0x");
    assert_says(": byte 0 of 'array' (live, 1000 bytes at 0x");
    assert_says("\n  past an end when invocation (250, 0, 0) came, at tag 5; 1 more like it\n");
    assert_says("\n  not live when invocation (252, 0, 0) came, at tag 5; 1 more like it\n");
    assert_says(", from its byte 8 on at 0x");
    assert_says("; the range belonged to 'gone' (64 bytes at 0x");
    assert_says("\n  another's when invocation (254, 0, 0) came, at tag 6\n");
    assert_says(": byte 0 of 'next' (live, 64 bytes at 0x");
    assert_says("read of 4 bytes at 0x18: a null pointer, 24 bytes from its beginning\n");
    assert_says("the history is complete: no free was forgotten\n");
    assert_int_equal(read_report(), 0);
    assert_int_equal(report.count, 0);
    give(a);
    give(c);
    bench_close();
}

static uint32_t lines_with(const char *part) {
    uint32_t count = 0;
    for (const char *at = report.text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

/* Guards against: the report ended twice, and said that there is no address while records told of some. */
static void a_fault_report_ends_once(void **state) {
    (void)state;
    open_checked();
    struct shader shader = shader_start();
    memset(&report, 0, sizeof report);
    assert_false(shader_access(&shader, 0, 16, 4, BDA_FAULT_ACCESS_READ));
    assert_int_equal(bda_report_fault(bench.allocator, &(BdaFaultInfo){ .next = NULL }, write_line, &report),
                     VK_SUCCESS);
    assert_int_equal(lines_with("a null pointer"), 1);
    assert_int_equal(lines_with("no address was reported"), 0);
    assert_int_equal(lines_with("the history is complete"), 1);
    memset(&report, 0, sizeof report);
    assert_int_equal(bda_report_fault(bench.allocator, &(BdaFaultInfo){ .next = NULL }, write_line, &report),
                     VK_SUCCESS);
    assert_int_equal(lines_with("no address was reported"), 1);
    bench_close();
}

/* Guards against: records that could not be read were passed over in silence. */
static void records_that_cannot_be_read_are_told_and_stay(void **state) {
    (void)state;
    open_checked_on(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT }, 0);
    struct shader shader = shader_start();
    const BdaFaultAddress address = { .address = 0x7000 };
    for (uint32_t i = 0; i < 40; i++) { /* of as many kinds, which are read by sixteen */
        shader.tag = i;
        assert_false(shader_access(&shader, 0, 16, 4, BDA_FAULT_ACCESS_READ));
    }
    memset(&report, 0, sizeof report);
    fake_fail(bench.driver, FAKE_CALL_INVALIDATE, 1, VK_ERROR_OUT_OF_HOST_MEMORY);
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY,
                   bda_report_fault(bench.allocator, &(BdaFaultInfo){ .address_count = 1, .addresses = &address },
                                    write_line, &report),
                   "bda_report_fault", "could not be read");
    assert_int_equal(lines_with("access at 0x7000"), 1);
    assert_int_equal(lines_with("could not be read, and stays: VK_ERROR_OUT_OF_HOST_MEMORY"), 1);
    assert_int_equal(lines_with("the history is complete"), 1);
    memset(&report, 0, sizeof report);
    fake_fail(bench.driver, FAKE_CALL_INVALIDATE, 3, VK_ERROR_OUT_OF_HOST_MEMORY); /* two for each sixteen */
    uint64_t count = 0;
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY, bda_report_checks(bench.allocator, write_line, &report, &count),
                   "bda_report_checks", "");
    assert_int_equal(count, 16);
    assert_int_equal(lines_with("a null pointer"), 16);
    assert_int_equal(bda_report_checks(bench.allocator, write_line, &report, &count), VK_SUCCESS);
    assert_int_equal(count, 24);
    bench_close();
}

static void a_flood_is_summed_up(void **state) {
    (void)state;
    open_checked();
    struct shader shader = shader_start();
    for (uint32_t i = 0; i < 1100; i++) {
        shader.tag = i < 40 ? i : 0;
        assert_false(shader_access(&shader, 0, 16, 4, BDA_FAULT_ACCESS_READ));
    }
    assert_int_equal(read_report(), 1100);
    assert_says("at tag 31\n");
    assert_says("and 8 bad accesses of further kinds\n");
    assert_says("came, at tag 0; 984 more like it\n");
    assert_says("and 76 bad accesses that found no room to be written down\n");
    bench_close();
}

/* ---- Off, and misuse ---- */

static void without_the_mode_there_is_nothing(void **state) {
    (void)state;
    BdaBadAccess found;
    VkDeviceAddress table = 77;
    bench_open(NULL, NULL);
    assert_int_equal(bda_get_check_table(bench.allocator, &table), VK_SUCCESS);
    assert_int_equal(table, 0);
    assert_int_equal(take_records(1, &found, VK_SUCCESS, 0), 0);
    assert_int_equal(read_report(), 0);
    assert_int_equal(bda_add_checked_range(bench.allocator, 0x7000000000, 16), VK_SUCCESS);
    assert_int_equal(bda_remove_checked_range(bench.allocator, 0x7000000000, 16), VK_SUCCESS);
    assert_int_equal(bench_stats().check_memory, 0);
    assert_null(bench.allocator->event);
    bench_close();
}

static void misuse_is_refused(void **state) {
    (void)state;
    BdaBadAccess found;
    uint32_t count = 1;
    uint64_t lost;
    open_checked();
    const VkResult misuse = VK_ERROR_VALIDATION_FAILED_EXT;
    assert_refusal(misuse, bda_get_check_table(bench.allocator, NULL), "bda_get_check_table", "NULL");
    assert_refusal(misuse, bda_take_bad_accesses(bench.allocator, NULL, &found, &lost), "bda_take_bad_accesses",
                   "NULL");
    assert_refusal(misuse, bda_take_bad_accesses(bench.allocator, &count, &found, NULL), "bda_take_bad_accesses",
                   "NULL");
    assert_refusal(misuse, bda_report_checks(bench.allocator, NULL, NULL, NULL), "bda_report_checks", "NULL");
    VkDeviceAddress table = 77;
    assert_int_equal(bda_get_check_table(NULL, &table), misuse);
    assert_int_equal(table, 0);
    assert_int_equal(bda_take_bad_accesses(NULL, &count, &found, &lost), misuse);
    assert_int_equal(bda_report_checks(NULL, write_line, NULL, NULL), misuse);
    assert_int_equal(bda_add_checked_range(NULL, 0x7000000000, 16), misuse);
    assert_int_equal(bda_remove_checked_range(NULL, 0x7000000000, 16), misuse);
    bench_close();
}

/* ---- What is refused ---- */

static void what_has_no_memory_is_allowed_with_a_warning(void **state) {
    (void)state;
    open_checked();
    struct shader shader = shader_start();
    BdaAllocation first = take_bytes(1000, BDA_INTENT_DEVICE);
    /* the dedicated memory itself is the first call, what its shadow takes are the next ones */
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 2, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    BdaAllocation a = take((BdaAllocInfo){ .size = MIB(40), .flags = BDA_ALLOC_DEDICATED_BIT });
    fake_clear_failures(bench.driver);
    assert_int_equal(bench_heard("checked pointers: memory for the tables was refused"), 1);
    assert_true(shader_access(&shader, 0, a.address + MIB(40) - 4, 4, BDA_FAULT_ACCESS_WRITE));
    assert_int_equal(shader_look(&shader, a.address + MIB(40) - 4), -2);
    assert_false(shader_access(&shader, 0, first.address + 1000, 4, BDA_FAULT_ACCESS_WRITE));
    VkDeviceAddress address = a.address;
    give(a);
    assert_int_equal(shader_look(&shader, address + MIB(40) - 4), -1);
    a = take((BdaAllocInfo){ .size = MIB(40), .flags = BDA_ALLOC_DEDICATED_BIT });
    assert_int_equal((shader_look(&shader, a.address + MIB(40) - 16) - 1) % 16, 15);
    give(a);
    give(first);
    bench_close();
}

static void a_range_for_which_there_is_no_memory_is_refused(void **state) {
    (void)state;
    open_checked();
    const struct shader shader = shader_start();
    fake_fail_from(bench.driver, FAKE_CALL_ALLOCATE_MEMORY, 1, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_refusal(VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_add_checked_range(bench.allocator, 0x7000000000, MIB(40)),
                   "bda_add_checked_range", "device memory");
    fake_clear_failures(bench.driver);
    assert_int_equal(shader_look(&shader, 0x7000000000), -1);
    assert_int_equal(bda_add_checked_range(bench.allocator, 0x7000000000, MIB(40)), VK_SUCCESS);
    assert_int_equal(bda_remove_checked_range(bench.allocator, 0x7000000000, MIB(40)), VK_SUCCESS);
    bench_close();
}

/* A block comes where host memory is refused for each of its steps in turn: it is told, or it is not known, and a
 * warning was given; never is it taken for nothing. */
static void refused_host_memory_leaves_nothing_unallowed(void **state) {
    (void)state;
    bool failed = true;
    for (size_t nth = 1; failed; nth++) {
        open_checked();
        struct shader shader = shader_start();
        fake_host_fail(&bench.host, nth, false);
        BdaAllocation a;
        VkResult result = bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = 1000 }, &a);
        failed = bench.host.failed != 0;
        fake_host_fail(&bench.host, 0, false);
        if (result == VK_SUCCESS) {
            assert_true(shader_access(&shader, 0, a.address, 4, BDA_FAULT_ACCESS_WRITE));
            bool known = shader_look(&shader, a.address) > 0;
            assert_int_equal(bench_heard("some go unchecked"), known ? 0 : 1);
            give(a);
        }
        bench_close();
    }
}

static void creation_gives_back_what_it_took(void **state) {
    (void)state;
    for (unsigned nth = 1, failed = 1; failed != 0; nth++) {
        bench_prepare(NULL);
        bench.info.checks = BDA_CHECK_POINTERS_BIT;
        fake_fail(bench.driver, FAKE_CALL_ANY, nth, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        VkResult result = bda_create_allocator(&bench.info, &bench.allocator);
        failed = fake_failed(bench.driver);
        fake_clear_failures(bench.driver);
        if (result == VK_SUCCESS) {
            bench_close();
            continue;
        }
        assert_null(bench.allocator);
        assert_int_equal(fake_destroy(bench.driver), 0);
        assert_int_equal(bench.host.live_bytes, 0);
        assert_int_equal(fake_host_done(&bench.host), 0);
    }
}

static void without_mapped_memory_the_mode_is_refused(void **state) {
    (void)state;
    bench_prepare(&(struct fake_config){ .machine = FAKE_MACHINE_UNMAPPABLE });
    bench.info.checks = BDA_CHECK_POINTERS_BIT;
    assert_refusal(VK_ERROR_FEATURE_NOT_PRESENT, bda_create_allocator(&bench.info, &bench.allocator),
                   "bda_create_allocator", "no memory type serves the tables");
    bench.info.checks = 0;
    bench_start();
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_follows_a_model),
        cmocka_unit_test(the_table_is_flushed_where_memory_is_not_coherent),
        cmocka_unit_test(high_addresses_are_told_in_either_form),
        cmocka_unit_test(own_buffers_are_told_where_the_driver_puts_them),
        cmocka_unit_test(a_closed_block_is_nobodys),
        cmocka_unit_test(pieces_are_used_again),
        cmocka_unit_test(the_memory_of_checks_counts_apart),
        cmocka_unit_test(an_access_behind_an_end_meets_no_neighbour),
        cmocka_unit_test(an_index_into_a_neighbour_is_told_from_its_base),
        cmocka_unit_test(foreign_ranges_come_and_go),
        cmocka_unit_test(bad_ranges_are_refused),
        cmocka_unit_test(records_come_back),
        cmocka_unit_test(what_finds_no_room_is_counted),
        cmocka_unit_test(parts_are_taken_in_order),
        cmocka_unit_test(a_record_that_is_being_written_is_lost),
        cmocka_unit_test(bad_accesses_are_explained_by_name),
        cmocka_unit_test(a_fault_report_ends_once),
        cmocka_unit_test(records_that_cannot_be_read_are_told_and_stay),
        cmocka_unit_test(a_flood_is_summed_up),
        cmocka_unit_test(without_the_mode_there_is_nothing),
        cmocka_unit_test(records_stand_in_fault_reports),
        cmocka_unit_test(misuse_is_refused),
        cmocka_unit_test(what_has_no_memory_is_allowed_with_a_warning),
        cmocka_unit_test(a_range_for_which_there_is_no_memory_is_refused),
        cmocka_unit_test(refused_host_memory_leaves_nothing_unallowed),
        cmocka_unit_test(creation_gives_back_what_it_took),
        cmocka_unit_test(without_mapped_memory_the_mode_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
