/* Patterns by commands: bda_record_checks and bda_complete_checks, in memory that the CPU does not reach. */
#include "alloc_support.h"

#include <stdio.h>

#include "alloc/free.h"

#define MODES (BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT)

static const BdaAllocatorInfo all_modes = { .checks = MODES, .quarantine_frees = 2 };
static const BdaAllocatorInfo no_quarantine = { .checks = BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT };

static VkCommandBuffer commands;

static void open_bench(const BdaAllocatorInfo *wishes) {
    bench_open(NULL, wishes);
    commands = fake_make_commands(bench.driver);
    assert_non_null(commands);
}

static void close_bench(void) {
    fake_drop_commands(commands);
    bench_close();
}

static uint64_t record(void) {
    uint64_t ticket = 99;
    assert_int_equal(bda_record_checks(bench.allocator, commands, &ticket), VK_SUCCESS);
    return ticket;
}

static void complete(uint64_t ticket) {
    fake_submit(commands);
    assert_int_equal(bda_complete_checks(bench.allocator, ticket), VK_SUCCESS);
}

/* A frame of a program. */
static void frame(void) {
    complete(record());
}

static BdaAllocation take_named(VkDeviceSize size, const char *name) {
    BdaAllocation a = take((BdaAllocInfo){ .size = size, .name = name });
    assert_null(a.mapped);
    return a;
}

static void assert_holds(VkDeviceAddress address, size_t size, unsigned char pattern) {
    unsigned char bytes[512];
    assert_true(size <= sizeof bytes && fake_device_read(bench.driver, address, bytes, size));
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != pattern)
            fail_msg("byte %u is %02x, not %02x", (unsigned)i, bytes[i], pattern);
}

static void poke(VkDeviceAddress address) {
    assert_true(fake_device_write(bench.driver, address, "\x41", 1));
}

static uint64_t broken(void) {
    uint64_t count = 0;
    assert_int_equal(bda_verify(bench.allocator, &count), VK_SUCCESS);
    return count;
}

static void assert_found(uint64_t count, const char *part, const char *other) {
    if (bench.told[BDA_MESSAGE_ERROR] != 1 || bench_heard(part) != 1 || bench_heard(other) != 1)
        fail_msg("not \"%s\", \"%s\" but: %s", part, other, bench.text);
    assert_int_equal(broken(), count);
    bench_hush();
}

static BdaFindingKind kind_at(VkDeviceAddress address) {
    BdaFinding finding;
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, address, 0, &count, &finding), VK_SUCCESS);
    return finding.kind;
}

/* ---- What is filled ---- */

static void red_zones_are_filled_to_the_byte(void **state) {
    (void)state;
    for (VkDeviceSize size = 97; size <= 101; size++) {
        open_bench(&all_modes);
        BdaAllocation a = take_named(size, "a");
        unsigned char bytes[128];
        memset(bytes, 0x11, sizeof bytes);
        assert_true(fake_device_write(bench.driver, a.address, bytes, (size_t)size));
        frame();
        assert_holds(a.address, (size_t)size, 0x11);
        assert_holds(a.address + size, 64, 0xfd);
        give(a);
        close_bench();
    }
}

static void poison_needs_no_other_mode(void **state) {
    (void)state;
    const BdaAllocatorInfo alone = { .checks = BDA_CHECK_POISON_BIT };
    open_bench(&alone);
    BdaAllocation a = take_named(100, "a");
    frame(); /* nothing to record; but from here on what is freed is held until it is filled */
    give(a);
    assert_int_equal(kind_at(a.address), BDA_FINDING_QUARANTINED);
    frame();
    assert_holds(a.address, 100, 0xdd);
    assert_int_equal(kind_at(a.address), BDA_FINDING_FREE);
    close_bench();
}

static void what_was_freed_is_filled_and_held_meanwhile(void **state) {
    (void)state;
    open_bench(&no_quarantine);
    BdaAllocation a = take_named(100, "a");
    frame();
    give(a);
    assert_int_equal(kind_at(a.address), BDA_FINDING_QUARANTINED);
    uint64_t ticket = record();
    assert_int_equal(kind_at(a.address), BDA_FINDING_QUARANTINED);
    BdaAllocation b = take_named(100, "b");
    assert_int_not_equal(a.address, b.address);
    complete(ticket);
    assert_holds(a.address, 164, 0xdd);
    assert_int_equal(kind_at(a.address), BDA_FINDING_FREE);
    give(b);
    assert_int_equal(broken(), 0);
    close_bench();
}

static void nothing_is_held_before_the_first_recording(void **state) {
    (void)state;
    open_bench(&no_quarantine);
    BdaAllocation a = take_named(100, "a");
    give(a);
    assert_int_equal(kind_at(a.address), BDA_FINDING_FREE);
    assert_int_equal(record(), 0);
    close_bench();
}

static void buffers_and_dedicated_memory_are_filled(void **state) {
    (void)state;
    open_bench(&all_modes);
    BdaAllocation own = take_buffer(99, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, (BdaAllocInfo){ .name = "own" });
    BdaAllocation alone = take((BdaAllocInfo){ .size = 98, .flags = BDA_ALLOC_DEDICATED_BIT, .name = "alone" });
    BdaAllocation both = take_buffer(1001, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                                     (BdaAllocInfo){ .flags = BDA_ALLOC_DEDICATED_BIT, .name = "both" });
    frame();
    assert_holds(own.address + 99, 64, 0xfd);
    assert_holds(alone.address + 98, 60, 0xfd);
    give(own);
    give(alone);
    give(both);
    frame();
    assert_holds(own.address, 160, 0xdd);
    assert_holds(alone.address, 160, 0xdd);
    frame();
    assert_int_equal(broken(), 0);
    close_bench();
}

/* ---- What is found ---- */

static void a_write_past_the_end_is_found_while_it_lives(void **state) {
    (void)state;
    open_bench(&all_modes);
    BdaAllocation a = take_named(99, "a");
    frame();
    poke(a.address + 99);
    frame();
    assert_found(1, "behind 'a' (99 bytes at ", "the first right behind its end");
    frame();
    frame();
    assert_int_equal(bench.told[BDA_MESSAGE_ERROR], 0);
    assert_holds(a.address + 99, 64, 0xfd);
    give(a);
    close_bench();
}

static void a_write_past_the_end_is_found_after_the_free(void **state) {
    (void)state;
    open_bench(&all_modes);
    BdaAllocation a = take_named(100, "a"), b = take_named(100, "b");
    frame();
    poke(a.address + 163);
    give(a);
    give(b);
    frame();
    assert_found(1, "behind 'a' (100 bytes at ", "the first 63 bytes past its end");
    close_bench();
}

static void a_write_after_the_free_is_found_as_it_leaves(void **state) {
    (void)state;
    open_bench(&all_modes);
    BdaAllocation all[6];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take_named(400, i == 0 ? "old" : "other");
    frame();
    give(all[0]);
    frame();
    poke(all[0].address + 3);
    for (uint32_t i = 1; i < 3; i++)
        give(all[i]);
    frame(); /* it comes to the end of the quarantine */
    assert_int_equal(kind_at(all[0].address), BDA_FINDING_QUARANTINED);
    frame(); /* its edges are copied */
    assert_found(1, "written after its free: 1 of 64 bytes of 'old' (400 bytes at ", "the first at byte 3");
    assert_int_equal(kind_at(all[0].address), BDA_FINDING_FREE);
    for (uint32_t i = 3; i < COUNT_OF(all); i++)
        give(all[i]);
    close_bench();
}

/* Without red zones: what was freed is watched all the same. */
static void poison_and_quarantine_find_it_alone(void **state) {
    (void)state;
    const BdaAllocatorInfo wishes = { .checks = BDA_CHECK_POISON_BIT | BDA_CHECK_QUARANTINE_BIT,
                                      .quarantine_frees = 1 };
    open_bench(&wishes);
    BdaAllocation all[3];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        all[i] = take_named(400, i == 0 ? "old" : "other");
    assert_int_equal(all[1].address, all[0].address + 400);
    poke(all[0].address + 400); /* nobody's matter: it is its neighbour's */
    frame();
    give(all[0]);
    frame();
    assert_holds(all[0].address, 400, 0xdd);
    poke(all[0].address + 399);
    give(all[1]);
    frame();
    assert_int_equal(kind_at(all[0].address), BDA_FINDING_QUARANTINED);
    frame();
    assert_found(1, "written after its free: 1 of 64 bytes of 'old' (400 bytes at ", "the first at byte 399");
    give(all[2]);
    close_bench();
}

/* It fills nothing, so it records nothing; and holds what was freed as ever. */
static void quarantine_alone_wants_no_commands(void **state) {
    (void)state;
    const BdaAllocatorInfo wishes = { .checks = BDA_CHECK_QUARANTINE_BIT, .quarantine_frees = 1 };
    open_bench(&wishes);
    BdaAllocation a = take_named(400, "a"), b = take_named(400, "b");
    assert_int_equal(record(), 0);
    poke(a.address);
    give(a);
    assert_int_equal(record(), 0);
    assert_holds(a.address, 1, 0x41);
    assert_int_equal(kind_at(a.address), BDA_FINDING_QUARANTINED);
    poke(a.address + 1); /* unseen, but nobody else has it */
    BdaAllocation c = take_named(400, "c");
    assert_int_not_equal(c.address, a.address);
    give(b);
    assert_int_equal(kind_at(a.address), BDA_FINDING_FREE);
    assert_int_equal(kind_at(b.address), BDA_FINDING_QUARANTINED);
    assert_int_equal(broken(), 0);
    assert_int_equal(bench_calls(FAKE_CALL_CMD_FILL_BUFFER), 0);
    give(c);
    close_bench();
}

static void red_zones_need_no_other_mode(void **state) {
    (void)state;
    const BdaAllocatorInfo alone = { .checks = BDA_CHECK_RED_ZONES_BIT };
    open_bench(&alone);
    BdaAllocation a = take_named(100, "a");
    frame();
    assert_holds(a.address + 100, 64, 0xfd);
    poke(a.address + 110);
    frame();
    assert_found(1, "behind 'a' (100 bytes at ", "the first 10 bytes past its end");
    give(a);
    frame();
    assert_holds(a.address, 164, 0xdd);
    assert_int_equal(kind_at(a.address), BDA_FINDING_FREE);
    close_bench();
}

static void work_without_mistakes(const BdaAllocatorInfo *wishes) {
    open_bench(wishes);
    BdaAllocation all[50];
    memset(all, 0, sizeof all);
    for (uint32_t i = 0; i < 400; i++) {
        BdaAllocation *a = &all[(i * 7) % COUNT_OF(all)];
        unsigned char bytes[300];
        memset(bytes, (int)i, sizeof bytes);
        if (a->handle != 0)
            give(*a);
        if (i % 3 == 0)
            *a = take_buffer(1 + i % 299, PLAIN_USAGE, (BdaAllocInfo){ .user = i });
        else
            *a = take_bytes(1 + i % 299, i % 4 == 0 ? BDA_INTENT_UPLOAD : BDA_INTENT_DEVICE);
        assert_true(fake_device_write(bench.driver, a->address, bytes, (size_t)a->size));
        if (i % 5 == 0)
            frame();
    }
    assert_int_equal(broken(), 0);
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        if (all[i].handle != 0)
            give(all[i]);
    for (uint32_t i = 0; i < 4; i++)
        frame();
    assert_int_equal(broken(), 0);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    close_bench();
}

static void correct_programs_are_not_suspected(void **state) {
    (void)state;
    for (BdaCheckFlags checks = 1; checks <= MODES; checks++)
        work_without_mistakes(&(BdaAllocatorInfo){ .checks = checks, .quarantine_frees = 2 });
}

/* ---- Tickets ---- */

static void several_may_be_outstanding(void **state) {
    (void)state;
    open_bench(&no_quarantine);
    BdaAllocation a = take_named(100, "a"), b = take_named(100, "b");
    frame();
    give(a);
    uint64_t first = record();
    give(b);
    uint64_t second = record();
    assert_int_not_equal(first, second);
    fake_submit(commands);
    assert_int_equal(bda_complete_checks(bench.allocator, first), VK_SUCCESS);
    assert_int_equal(kind_at(a.address), BDA_FINDING_FREE);
    assert_int_equal(kind_at(b.address), BDA_FINDING_QUARANTINED);
    assert_int_equal(bda_complete_checks(bench.allocator, second), VK_SUCCESS);
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, ": ticket %llu: it is complete already", (unsigned long long)second);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_complete_checks(bench.allocator, second), "bda_complete_checks",
                   wanted);
    assert_int_equal(bda_complete_checks(bench.allocator, 0), VK_SUCCESS);
    close_bench();
}

/* What a second recorder gets while the first one is in the driver. */
static uint64_t second_ticket;
static VkResult second_result;

static void record_too(void *user, enum fake_call call) {
    (void)user;
    static bool inside;
    if (call != FAKE_CALL_CMD_PIPELINE_BARRIER || inside || bench.allocator == NULL)
        return;
    inside = true;
    second_result = bda_record_checks(bench.allocator, commands, &second_ticket);
    inside = false;
}

/* Guards against: who came second waited, as for a lock, while the first one was in the driver. */
static void who_comes_while_another_records_does_not_wait(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .on_call = record_too }, &all_modes);
    commands = fake_make_commands(bench.driver);
    second_ticket = 99;
    second_result = VK_NOT_READY;
    BdaAllocation a = take_named(100, "a");
    uint64_t ticket = record();
    assert_int_not_equal(ticket, 0);
    assert_int_equal(second_result, VK_SUCCESS);
    assert_int_equal(second_ticket, 0);
    complete(ticket);
    assert_holds(a.address + 100, 64, 0xfd);
    give(a);
    close_bench();
}

/* A batch that is taken back is held for commands that fill its red zones, and for nothing else. */
static void what_is_taken_back_waits_for_commands_alone(void **state) {
    (void)state;
    open_bench(&all_modes);
    BdaAllocation a = take_named(100, "a"), pair[2];
    frame();
    const BdaAllocInfo infos[2] = { { .size = 100, .name = "b" } };
    assert_int_equal(bda_alloc_many(bench.allocator, 2, infos, pair), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(bench_use().quarantined_count, 0);
    give(a);
    close_bench();
}

/* Commands reach the zone behind a buffer that is exactly what was asked for. */
static void a_buffer_with_memory_of_its_own_has_a_red_zone(void **state) {
    (void)state;
    for (VkDeviceSize size = 101; size <= 104; size++) {
        open_bench(&all_modes);
        BdaAllocation a =
            take_buffer(size, PLAIN_USAGE, (BdaAllocInfo){ .flags = BDA_ALLOC_DEDICATED_BIT, .name = "alone" });
        assert_true(info_of(a.handle).dedicated && a.mapped == NULL);
        frame();
        assert_holds(a.address + size, 64, 0xfd);
        poke(a.address + size + 63);
        frame();
        assert_found(1, "behind 'alone' (", "the first 63 bytes past its end");
        give(a);
        frame();
        close_bench();
    }
}

static void misuse_is_an_answer(void **state) {
    (void)state;
    open_bench(&all_modes);
    uint64_t ticket = 7;
    assert_int_equal(bda_record_checks(NULL, commands, &ticket), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(ticket, 0);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_record_checks(bench.allocator, NULL, &ticket),
                   "bda_record_checks", "commands is NULL");
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_record_checks(bench.allocator, commands, NULL),
                   "bda_record_checks", "ticket is NULL");
    assert_int_equal(bda_complete_checks(NULL, 0), VK_ERROR_VALIDATION_FAILED_EXT);
    close_bench();
}

static void without_modes_nothing_is_recorded(void **state) {
    (void)state;
    open_bench(NULL);
    BdaAllocation a = take_named(100, "a");
    assert_int_equal(record(), 0);
    give(a);
    assert_int_equal(bench_calls(FAKE_CALL_CMD_FILL_BUFFER), 0);
    close_bench();
}

static void pressure_takes_nothing_that_commands_may_touch(void **state) {
    (void)state;
    open_bench(&no_quarantine);
    BdaAllocation a = take_named(100, "a"), b = take_named(100, "b");
    frame();
    give(a);
    uint64_t ticket = record();
    give(b);
    bda_let_go(bench.allocator, NULL);
    assert_int_equal(kind_at(a.address), BDA_FINDING_QUARANTINED);
    assert_int_equal(kind_at(b.address), BDA_FINDING_QUARANTINED);
    complete(ticket);
    bda_let_go(bench.allocator, NULL);
    assert_int_equal(kind_at(b.address), BDA_FINDING_FREE);
    close_bench();
}

static void the_end_takes_everything(void **state) {
    (void)state;
    open_bench(&all_modes);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "p" });
    BdaAllocation a = take((BdaAllocInfo){ .size = 64, .pool = pool }),
                  b = take((BdaAllocInfo){ .size = 64, .pool = pool });
    BdaAllocation c = take_named(64, "c"), d = take_named(64, "d");
    give(a);
    frame();
    give(c);
    uint64_t ticket = record();
    fake_submit(commands);
    give(b);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    assert_int_equal(bda_complete_checks(bench.allocator, ticket), VK_SUCCESS);
    assert_int_not_equal(record(), 0);
    fake_submit(commands);
    give(d);
    assert_int_equal(broken(), 0);
    close_bench();
}

/* ---- Failures ---- */

static void refused_recordings_change_nothing(void **state) {
    (void)state;
    for (unsigned nth = 1;; nth++) {
        open_bench(&all_modes);
        BdaAllocation a = take_named(100, "a"), b = take_named(100, "b");
        frame();
        give(a);
        assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
        unsigned copies = bench_calls(FAKE_CALL_CMD_COPY_BUFFER);
        uint64_t ticket = 9;
        fake_fail(bench.driver, FAKE_CALL_ANY, nth, VK_ERROR_OUT_OF_HOST_MEMORY);
        fake_host_fail(&bench.host, nth, false);
        VkResult result = bda_record_checks(bench.allocator, commands, &ticket);
        bool done = fake_failed(bench.driver) == 0 && bench.host.failed == 0;
        fake_clear_failures(bench.driver);
        fake_host_fail(&bench.host, 0, false);
        if (result != VK_SUCCESS) {
            assert_int_equal(result, VK_ERROR_OUT_OF_HOST_MEMORY);
            assert_int_equal(ticket, 0);
            assert_int_equal(bench_calls(FAKE_CALL_CMD_COPY_BUFFER), copies);
            assert_int_equal(kind_at(a.address), BDA_FINDING_QUARANTINED);
            bench_hush();
            ticket = record();
        }
        complete(ticket);
        assert_holds(a.address, 164, 0xdd);
        give(b);
        assert_int_equal(broken(), 0);
        close_bench();
        if (done)
            break;
        assert_true(nth < 50);
    }
}

/* What was read back cannot be seen yet, and is not taken for whole: the ticket stays, and finds it later. */
static void a_refused_invalidation_is_told_and_can_be_tried_again(void **state) {
    (void)state;
    const VkResult answers[] = { VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_DEVICE_LOST };
    for (uint32_t i = 0; i < COUNT_OF(answers); i++) {
        bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT }, &no_quarantine);
        commands = fake_make_commands(bench.driver);
        BdaAllocation a = take_named(100, "victim"), b = take_named(100, "b");
        frame();
        poke(a.address + 100);
        give(b);
        uint64_t ticket = record();
        fake_submit(commands);
        fake_fail(bench.driver, FAKE_CALL_INVALIDATE, 1, answers[i]);
        assert_refusal(answers[i], bda_complete_checks(bench.allocator, ticket), "bda_complete_checks",
                       "could not be invalidated");
        assert_int_equal(fake_failed(bench.driver), 1);
        fake_clear_failures(bench.driver);
        assert_int_equal(kind_at(b.address), BDA_FINDING_QUARANTINED);
        assert_int_equal(bda_complete_checks(bench.allocator, ticket), VK_SUCCESS);
        assert_found(1, "red zone broken: 1 of 64 bytes behind 'victim'", "by bda_complete_checks");
        assert_int_equal(kind_at(b.address), BDA_FINDING_FREE);
        assert_int_equal(bda_complete_checks(bench.allocator, ticket), VK_ERROR_VALIDATION_FAILED_EXT);
        bench_hush();
        give(a);
        close_bench();
    }
}

/* A driver that refuses the buffer by which commands reach own buffers: those go unlooked at. */
static void blocks_out_of_reach_are_left_alone(void **state) {
    (void)state;
    for (unsigned nth = 1; nth < 8; nth++) {
        open_bench(&all_modes);
        fake_fail(bench.driver, FAKE_CALL_ANY, nth, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        const VkBufferCreateInfo info = buffer_info(100, PLAIN_USAGE);
        BdaAllocation a;
        VkResult result = bda_alloc_buffer(bench.allocator, &info, NULL, &a);
        fake_clear_failures(bench.driver);
        frame();
        if (result == VK_SUCCESS)
            give(a);
        frame();
        frame();
        assert_int_equal(broken(), 0);
        close_bench();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(red_zones_are_filled_to_the_byte),
        cmocka_unit_test(poison_needs_no_other_mode),
        cmocka_unit_test(what_was_freed_is_filled_and_held_meanwhile),
        cmocka_unit_test(nothing_is_held_before_the_first_recording),
        cmocka_unit_test(buffers_and_dedicated_memory_are_filled),
        cmocka_unit_test(a_write_past_the_end_is_found_while_it_lives),
        cmocka_unit_test(a_write_past_the_end_is_found_after_the_free),
        cmocka_unit_test(a_write_after_the_free_is_found_as_it_leaves),
        cmocka_unit_test(poison_and_quarantine_find_it_alone),
        cmocka_unit_test(quarantine_alone_wants_no_commands),
        cmocka_unit_test(red_zones_need_no_other_mode),
        cmocka_unit_test(correct_programs_are_not_suspected),
        cmocka_unit_test(several_may_be_outstanding),
        cmocka_unit_test(misuse_is_an_answer),
        cmocka_unit_test(who_comes_while_another_records_does_not_wait),
        cmocka_unit_test(what_is_taken_back_waits_for_commands_alone),
        cmocka_unit_test(a_buffer_with_memory_of_its_own_has_a_red_zone),
        cmocka_unit_test(without_modes_nothing_is_recorded),
        cmocka_unit_test(pressure_takes_nothing_that_commands_may_touch),
        cmocka_unit_test(the_end_takes_everything),
        cmocka_unit_test(refused_recordings_change_nothing),
        cmocka_unit_test(a_refused_invalidation_is_told_and_can_be_tried_again),
        cmocka_unit_test(blocks_out_of_reach_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
