/* BDA_CHECK_POISON_BIT and BDA_CHECK_RED_ZONES_BIT, where the CPU reaches the memory: planted faults are found, and
 * correct programs stay unsuspected. */
#include "alloc_support.h"

static const BdaAllocatorInfo red_zones = { .checks = BDA_CHECK_RED_ZONES_BIT };
static const BdaAllocatorInfo poison = { .checks = BDA_CHECK_POISON_BIT };
static const BdaAllocatorInfo all_modes = { .checks = BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT |
                                                      BDA_CHECK_RED_ZONES_BIT };
static const struct fake_config non_coherent = { .machine = FAKE_MACHINE_NON_COHERENT };

static unsigned char *bytes_of(const BdaAllocation *a) {
    assert_non_null(a->mapped);
    return a->mapped;
}

static BdaAllocation take_named(VkDeviceSize size, const char *name) {
    return take((BdaAllocInfo){ .size = size, .intent = BDA_INTENT_UPLOAD, .name = name });
}

static uint64_t broken(void) {
    uint64_t count = 0;
    assert_int_equal(bda_verify(bench.allocator, &count), VK_SUCCESS);
    return count;
}

/* One message that contains both, and the count of what was found is as wanted. */
static void assert_found(uint64_t count, const char *part, const char *other) {
    assert_int_equal(bench.told[BDA_MESSAGE_ERROR], 1);
    if (bench_heard(part) != 1 || bench_heard(other) != 1)
        fail_msg("not \"%s\", \"%s\" but: %s", part, other, bench.text);
    assert_int_equal(broken(), count);
    assert_int_equal(bench.told[BDA_MESSAGE_ERROR], 1);
    bench_hush();
}

static void assert_filled(const unsigned char *bytes, size_t size, int pattern) {
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], pattern);
}

/* ---- What is where ---- */

static void fresh_and_freed_bytes_carry_their_patterns(void **state) {
    (void)state;
    bench_open(NULL, &all_modes);
    BdaAllocation a = take_named(100, "a");
    const unsigned char *bytes = bytes_of(&a);
    assert_filled(bytes, 100, 0xcd);
    assert_filled(bytes + 100, 64, 0xfd);
    assert_filled(bytes - a.offset, a.offset, 0xdd);
    give(a);
    assert_filled(bytes, 164, 0xdd);
    assert_int_equal(broken(), 0);
    bench_close();
}

static void red_zones_leave_fresh_bytes_alone(void **state) {
    (void)state;
    bench_open(NULL, &red_zones);
    BdaAllocation a = take_named(100, "a");
    assert_filled(bytes_of(&a), 100, 0xdd);
    assert_filled(bytes_of(&a) + 100, 64, 0xfd);
    give(a);
    bench_close();
}

static BdaFinding find_one(VkDeviceAddress address, const char *words) {
    BdaFinding finding;
    uint32_t count = 1;
    char text[BDA_FINDING_TEXT_SIZE];
    assert_int_equal(bda_find(bench.allocator, address, 0, &count, &finding), VK_SUCCESS);
    assert_int_equal(bda_describe_finding(&finding, sizeof text, text), VK_SUCCESS);
    if (strstr(text, words) == NULL)
        fail_msg("'%s' is not in '%s'", words, text);
    return finding;
}

/* The bytes that the mode watches are called so, and told from both sides; else they are padding. */
static void a_red_zone_is_told_by_its_name(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_RED_ZONES_BIT, .red_zone = 1000 });
    BdaAllocation a = take_named(112, "a"), b = take_named(100, "b");
    BdaFinding finding = find_one(b.address - 1, "1007 bytes past the end of 'a' (live, 112 bytes");
    (void)find_one(b.address - 1,
                   "), in the red zone of 1008 bytes behind it; 1 byte before the beginning of 'b' (live");
    assert_true(finding.kind == BDA_FINDING_SLACK && finding.red_zone == 1008 && finding.before_begin == 1);
    assert_int_equal(find_one(a.address, "byte 0 of 'a'").red_zone, 0);
    give(a);
    give(b);
    bench_close();
    bench_open(NULL, &poison);
    a = take_named(100, "a");
    assert_int_equal(find_one(a.address + 100, "just past the end of 'a' (live, 100 bytes").red_zone, 0);
    (void)find_one(a.address + 100, "), in its padding");
    give(a);
    bench_close();
}

static void poison_alone_takes_no_room(void **state) {
    (void)state;
    bench_open(NULL, &poison);
    BdaAllocation a = take_named(96, "a"), b = take_named(96, "b");
    assert_int_equal(b.address - a.address, 96);
    give(a);
    give(b);
    bench_close();
}

static void what_is_to_be_zeroed_is_zero(void **state) {
    (void)state;
    bench_open(NULL, &all_modes);
    BdaAllocation a =
        take((BdaAllocInfo){ .size = 100, .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_ZERO_BIT, .name = "zero" });
    assert_is_zeroed(a.mapped, 100);
    give(a);
    assert_int_equal(broken(), 0);
    bench_close();
}

static void the_width_is_the_callers(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_RED_ZONES_BIT, .red_zone = 1000 });
    BdaAllocation a = take_named(16, "a"), b = take_named(16, "b");
    assert_int_equal(b.address - a.address, 16 + 1008);
    bytes_of(&a)[16 + 1007] = 1;
    give(a);
    assert_found(1, "the first 1007 bytes past its end", "'a' (16 bytes");
    give(b);
    bench_close();
}

static void the_width_has_a_bound(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.checks = BDA_CHECK_RED_ZONES_BIT;
    bench.info.red_zone = BDA_RED_ZONE_MAX + 1;
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_create_allocator(&bench.info, &bench.allocator),
                   "bda_create_allocator", "BDA_RED_ZONE_MAX");
    bench.info.red_zone = BDA_RED_ZONE_MAX;
    bench_start();
    give(take_named(16, "a"));
    bench_close();
}

/* ---- Planted faults ---- */

static void a_write_past_the_end_is_found_at_the_free(void **state) {
    (void)state;
    for (VkDeviceSize size = 97; size <= 113; size += 5) {
        bench_open(NULL, &red_zones);
        BdaAllocation a = take_named(size, "victim");
        bytes_of(&a)[size] = 0x41;
        bytes_of(&a)[size + 2] = 0x42;
        give(a);
        assert_found(1, "red zone broken: 2 of ", "the first right behind its end");
        bench_close();
    }
}

static void a_write_before_the_beginning_is_found_at_the_free(void **state) {
    (void)state;
    bench_open(NULL, &red_zones);
    BdaAllocation a = take_named(100, "a"), b = take_named(100, "b");
    bytes_of(&b)[-3] = 0x41; /* in the red zone of 'a' */
    give(b);
    assert_found(1, "in front of 'b' (100 bytes at ", "the last 3 bytes before its beginning");
    b = take_named(100, "b");
    give(a);
    bytes_of(&b)[-64] = 0x41; /* in what was freed */
    give(b);
    assert_found(2, "in front of 'b' (100 bytes at ", "the last 64 bytes before its beginning");
    bench_close();
}

static void a_write_after_the_free_is_found_as_it_leaves_the_quarantine(void **state) {
    (void)state;
    bench_open(NULL,
               &(BdaAllocatorInfo){ .checks = BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT, .quarantine_frees = 1 });
    BdaAllocation a = take_named(100, "old");
    give(a);
    bytes_of(&a)[20] = 0;
    give(take_named(16, "another"));
    assert_found(1, "written after its free: 1 of 112 bytes of 'old'", "the first at byte 20");
    bench_close();
}

static void a_write_after_the_free_is_found_as_it_is_handed_out(void **state) {
    (void)state;
    bench_open(NULL, &poison);
    BdaAllocation a = take_named(112, "old");
    give(a);
    memset(bytes_of(&a) + 32, 0x77, 4);
    BdaAllocation b = take_named(112, "new");
    assert_int_equal(a.address, b.address);
    assert_found(1, "written after its free: 4 of 112 bytes of 'old'", "77 77 77 77 dd dd dd dd, not dd");
    assert_filled(bytes_of(&b), 112, 0xcd);
    give(b);
    bench_close();
}

/* Two that were freed have become one range: each is named, wherever it is found. */
static void writes_to_what_has_merged_name_each_owner(void **state) {
    (void)state;
    for (uint32_t again = 0; again < 2; again++) {
        bench_open(NULL, &(BdaAllocatorInfo){ .checks = BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT });
        BdaAllocation bones = take_named(1024, "bones"), lights = take_named(1000, "lights");
        BdaAllocation last = take_named(64, "last");
        unsigned char *bone = bytes_of(&bones), *light = bytes_of(&lights);
        assert_ptr_equal(light, bone + 1024 + 64);
        give(bones);
        give(lights);
        bone[10] = bone[1000] = 1;
        bone[1024 + 3] = 1; /* what was its red zone is its own still */
        light[20] = 2;
        if (again == 0)
            assert_int_equal(broken(), 2);
        else
            give(take_named(1088 + 1072 - 64, "next"));
        assert_int_equal(bench.told[BDA_MESSAGE_ERROR], 2);
        assert_int_equal(bench_heard("written after its free: 3 of 1088 bytes of 'bones' (1024 bytes"), 1);
        assert_int_equal(bench_heard("written after its free: 1 of 1072 bytes of 'lights' (1000 bytes"), 1);
        assert_int_equal(bench_heard("the first at byte 10 "), 1);
        assert_int_equal(bench_heard("the first at byte 20 "), 1);
        assert_int_equal(broken(), 2);
        bench_hush();
        give(last);
        bench_close();
    }
}

/* A later owner's bytes in the middle of those of an earlier one: what is left of him on either side is his. */
static void a_later_owner_is_told_apart_from_an_earlier_one(void **state) {
    (void)state;
    bench_open(NULL, &poison);
    BdaAllocation large = take_named(4096, "large");
    unsigned char *bytes = bytes_of(&large);
    give(large);
    BdaAllocation front = take_named(1024, "front"), middle = take_named(1024, "middle");
    assert_ptr_equal(bytes_of(&middle), bytes + 1024);
    give(front);
    give(middle);
    for (size_t i = 0; i < 4; i++)
        bytes[i * 1024] = (unsigned char)i;
    assert_int_equal(broken(), 3);
    assert_int_equal(bench_heard("1 of 1024 bytes of 'front'"), 1);
    assert_int_equal(bench_heard("1 of 1024 bytes of 'middle'"), 1);
    assert_int_equal(bench_heard("2 of 2048 bytes of 'large'"), 1);
    assert_int_equal(bench_heard("the first at byte 2048 "), 1);
    bench_hush();
    bench_close();
}

static void a_write_to_what_was_never_handed_out_is_found(void **state) {
    (void)state;
    bench_open(NULL, &poison);
    BdaAllocation a = take_named(16, "a");
    bytes_of(&a)[48] = 0;
    BdaAllocation b = take_named(64, "b");
    assert_found(1, "written after its free: 1 of 64 bytes of nobody", "0x");
    give(a);
    give(b);
    bench_close();
}

static void buffers_and_dedicated_memory_are_looked_after(void **state) {
    (void)state;
    bench_open(NULL, &all_modes);
    BdaAllocation own = take_buffer(100, PLAIN_USAGE, (BdaAllocInfo){ .intent = BDA_INTENT_UPLOAD, .name = "own" });
    bytes_of(&own)[101] = 1;
    give(own);
    assert_found(1, "behind 'own' (100 bytes", "the first 1 byte past its end");
    BdaAllocation alone = take(
        (BdaAllocInfo){ .size = 100, .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_DEDICATED_BIT, .name = "alone" });
    assert_int_equal(broken(), 1);
    bytes_of(&alone)[163] = 1;
    give(alone);
    assert_found(2, "behind 'alone' (100 bytes", "the first 63 bytes past its end");
    bytes_of(&alone)[7] = 1;
    assert_int_equal(broken(), 3);
    bench_hush();
    bench_close();
}

static void what_waits_is_looked_at_when_it_goes(void **state) {
    (void)state;
    bench_open(NULL, &red_zones);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 1);
    BdaAllocation a = take_named(100, "late");
    bytes_of(&a)[100] = 1;
    assert_int_equal(bda_free_after(bench.allocator, a.handle, timeline, 1), VK_SUCCESS);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_found(1, "behind 'late' (100 bytes", "the first right behind its end");
    bench_close();
}

/* ---- On demand, and in reports ---- */

static void it_is_found_on_demand_and_told_once(void **state) {
    (void)state;
    bench_open(NULL, &all_modes);
    BdaAllocation a = take_named(100, "a"), b = take_named(100, "b");
    bytes_of(&a)[101] = 0;
    assert_int_equal(broken(), 1);
    assert_int_equal(bench_heard("found by bda_verify"), 1);
    give(a);
    bytes_of(&a)[5] = 0;
    assert_int_equal(broken(), 2);
    assert_int_equal(bench_heard("written after its free: 1 of 176 bytes of 'a'"), 1);
    bytes_of(&b)[1000] = 0;
    assert_int_equal(broken(), 3);
    assert_int_equal(broken(), 3);
    assert_int_equal(bench.told[BDA_MESSAGE_ERROR], 3);
    give(b);
    bench_hush();
    bench_close();
}

static void more_than_fit_at_a_time_are_all_found(void **state) {
    (void)state;
    bench_open(NULL, &red_zones);
    BdaAllocation all[40];
    for (uint32_t i = 0; i < COUNT_OF(all); i++) {
        all[i] = take_named(32, "many");
        bytes_of(&all[i])[32] = 0;
    }
    assert_int_equal(broken(), COUNT_OF(all));
    give_all(all, COUNT_OF(all));
    assert_int_equal(broken(), COUNT_OF(all));
    bench_close();
}

static void hear_line(void *user, const char *line) {
    (void)strncat(user, line, 8000 - strlen(user));
    (void)strncat(user, "\n", 2);
}

/* Its buffer is exactly what was asked for, and so is what is dedicated to it where the driver insists. */
static void a_buffer_with_memory_of_its_own_has_a_red_zone(void **state) {
    (void)state;
    for (VkDeviceSize required = 0; required < 2; required++) {
        bench_open(&(struct fake_config){ .require_dedicated_from = required, .prefer_dedicated_from = 1 },
                   &(BdaAllocatorInfo){ .checks = BDA_CHECK_RED_ZONES_BIT | BDA_CHECK_POISON_BIT, .red_zone = 256 });
        BdaAllocation a =
            take_buffer(1024, PLAIN_USAGE, (BdaAllocInfo){ .intent = BDA_INTENT_UPLOAD, .name = "alone" });
        assert_true(info_of(a.handle).dedicated);
        assert_int_equal(memory_of(a.buffer).size, required != 0 ? 1024 : 1024 + 256);
        assert_int_equal(memory_of(a.buffer).dedicated, required);
        assert_filled(bytes_of(&a), 1024, 0xcd);
        if (required == 0) {
            bytes_of(&a)[1024 + 255] = 0x41;
            give(a);
            assert_found(1, "red zone broken: 1 of 256 bytes behind 'alone' (1024 bytes",
                         "the first 255 bytes past its end");
        } else {
            give(a);
        }
        bench_close();
    }
}

static void it_stands_in_fault_reports(void **state) {
    (void)state;
    bench_open(NULL, &red_zones);
    BdaAllocation a = take_named(100, "a");
    bytes_of(&a)[104] = 0;
    assert_int_equal(broken(), 1);
    char text[8192] = "";
    BdaFaultAddress address = { .address = a.address + 104 };
    const BdaFaultInfo info = { .address_count = 1, .addresses = &address };
    assert_int_equal(bda_report_fault(bench.allocator, &info, hear_line, text), VK_SUCCESS);
    assert_non_null(strstr(text, "\n  red zone broken: 1 of 76 bytes behind 'a'"));
    text[0] = '\0';
    address.address = a.address + 105;
    assert_int_equal(bda_report_fault(bench.allocator, &info, hear_line, text), VK_SUCCESS);
    assert_null(strstr(text, "broken"));
    text[0] = '\0'; /* nobody has an address: then all that is remembered */
    assert_int_equal(bda_report_fault(bench.allocator, &(BdaFaultInfo){ .next = NULL }, hear_line, text), VK_SUCCESS);
    assert_non_null(strstr(text, "\n  red zone broken: 1 of 76 bytes behind 'a'"));
    give(a);
    bench_close();
}

static void verifying_without_modes_does_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    uint64_t count = 7;
    assert_int_equal(bda_verify(NULL, &count), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(count, 0);
    assert_int_equal(bda_verify(bench.allocator, NULL), VK_SUCCESS);
    bench_close();
}

/* ---- Memory that is not coherent ---- */

static void what_the_cpu_wrote_is_found_unflushed(void **state) {
    (void)state;
    bench_open(&non_coherent, &all_modes);
    BdaAllocation a = take_named(100, "a");
    bytes_of(&a)[100] = 0x41;
    give(a);
    assert_found(1, "behind 'a' (100 bytes", "the first right behind its end");
    bench_close();
}

static void what_the_device_wrote_is_found_uninvalidated(void **state) {
    (void)state;
    bench_open(&non_coherent, &(BdaAllocatorInfo){ .checks = all_modes.checks, .quarantine_frees = 1 });
    BdaAllocation a = take_named(100, "a");
    const unsigned char bad[2] = { 0x41, 0x42 };
    assert_true(fake_device_write(bench.driver, a.address + 101, bad, 2));
    give(a);
    assert_found(1, "behind 'a' (100 bytes", "the first 1 byte past its end");
    assert_true(fake_device_write(bench.driver, a.address + 9, bad, 2));
    give(take_named(16, "b"));
    assert_found(2, "written after its free: 2 of 192 bytes of 'a'", "the first at byte 9");
    bench_close();
}

/* What the neighbours write and have not flushed stays theirs. */
static void neighbours_keep_their_unflushed_bytes(void **state) {
    (void)state;
    bench_open(&non_coherent, &all_modes);
    BdaAllocation a = take_named(100, "a"), b = take_named(100, "b"), c = take_named(100, "c");
    memset(a.mapped, 1, 100);
    memset(c.mapped, 3, 100);
    give(b);
    (void)broken();
    b = take_named(100, "b");
    assert_filled(a.mapped, 100, 1);
    assert_filled(c.mapped, 100, 3);
    give(a);
    give(b);
    give(c);
    assert_int_equal(broken(), 0);
    bench_close();
}

/* Whatever is refused: no false suspicion, and no failure of a free. */
static void refused_flushes_and_invalidations_raise_no_suspicion(void **state) {
    (void)state;
    for (unsigned nth = 1;; nth++) {
        bench_open(&non_coherent, &(BdaAllocatorInfo){ .checks = all_modes.checks, .quarantine_frees = 2 });
        fake_fail(bench.driver, FAKE_CALL_ANY, nth, VK_ERROR_OUT_OF_HOST_MEMORY);
        for (uint32_t i = 0; i < 12; i++) {
            BdaAllocation a;
            const BdaAllocInfo info = { .size = 100 + i, .intent = BDA_INTENT_UPLOAD };
            if (bda_alloc(bench.allocator, &info, &a) == VK_SUCCESS)
                give(a);
        }
        bool done = fake_failed(bench.driver) == 0;
        fake_clear_failures(bench.driver);
        assert_int_equal(broken(), 0);
        bench_close();
        if (done)
            break;
        assert_true(nth < 200);
    }
}

static void refused_host_memory_raises_no_suspicion(void **state) {
    (void)state;
    for (unsigned nth = 1;; nth++) {
        bench_prepare(NULL);
        bench.info.checks = all_modes.checks;
        fake_host_fail(&bench.host, nth, false);
        VkResult made = bda_create_allocator(&bench.info, &bench.allocator);
        for (uint32_t i = 0; i < 4 && made == VK_SUCCESS; i++) {
            BdaAllocation a;
            const BdaAllocInfo info = { .size = 100 + i, .intent = BDA_INTENT_UPLOAD, .name = "x" };
            if (bda_alloc(bench.allocator, &info, &a) == VK_SUCCESS)
                give(a);
        }
        bool done = bench.host.failed == 0;
        fake_host_fail(&bench.host, 0, false);
        if (made == VK_SUCCESS)
            assert_int_equal(broken(), 0);
        else
            bench_start();
        bench_close();
        if (done)
            break;
        assert_true(nth < 200);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_and_freed_bytes_carry_their_patterns),
        cmocka_unit_test(red_zones_leave_fresh_bytes_alone),
        cmocka_unit_test(a_red_zone_is_told_by_its_name),
        cmocka_unit_test(poison_alone_takes_no_room),
        cmocka_unit_test(what_is_to_be_zeroed_is_zero),
        cmocka_unit_test(the_width_is_the_callers),
        cmocka_unit_test(the_width_has_a_bound),
        cmocka_unit_test(a_write_past_the_end_is_found_at_the_free),
        cmocka_unit_test(a_write_before_the_beginning_is_found_at_the_free),
        cmocka_unit_test(a_write_after_the_free_is_found_as_it_leaves_the_quarantine),
        cmocka_unit_test(a_write_after_the_free_is_found_as_it_is_handed_out),
        cmocka_unit_test(writes_to_what_has_merged_name_each_owner),
        cmocka_unit_test(a_later_owner_is_told_apart_from_an_earlier_one),
        cmocka_unit_test(a_write_to_what_was_never_handed_out_is_found),
        cmocka_unit_test(buffers_and_dedicated_memory_are_looked_after),
        cmocka_unit_test(what_waits_is_looked_at_when_it_goes),
        cmocka_unit_test(it_is_found_on_demand_and_told_once),
        cmocka_unit_test(more_than_fit_at_a_time_are_all_found),
        cmocka_unit_test(it_stands_in_fault_reports),
        cmocka_unit_test(a_buffer_with_memory_of_its_own_has_a_red_zone),
        cmocka_unit_test(verifying_without_modes_does_nothing),
        cmocka_unit_test(what_the_cpu_wrote_is_found_unflushed),
        cmocka_unit_test(what_the_device_wrote_is_found_uninvalidated),
        cmocka_unit_test(neighbours_keep_their_unflushed_bytes),
        cmocka_unit_test(refused_flushes_and_invalidations_raise_no_suspicion),
        cmocka_unit_test(refused_host_memory_raises_no_suspicion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
