/* The environment variable BDA_DEBUG. */
#include "alloc_support.h"

#include "debug/modes.h"

#include <stdio.h>
#include <stdlib.h>
#if !defined(_WIN32)
#include <unistd.h>
#endif

#define EVERY ((BdaCheckFlags)0xFF)

/* Heard as by an allocator. */
static void add(const char *text, BdaAllocatorInfo *info, BdaCheckFlags there_are) {
    bench_hush();
    *info = (BdaAllocatorInfo){ .message = bench.info.message, .message_user = bench.info.message_user };
    bda_modes_add(info, text, there_are);
}

static int begin(void **state) {
    (void)state;
    bench_prepare(NULL);
    return 0;
}

static int end(void **state) {
    (void)state;
    return (int)(fake_destroy(bench.driver) + fake_host_done(&bench.host));
}

static void words_name_modes(void **state) {
    (void)state;
    BdaAllocatorInfo info;
    add("quarantine,poison,redzones,isolate,memory,pointers,stacks,history", &info, EVERY);
    assert_int_equal(info.checks, EVERY);
    assert_int_equal(info.quarantine_bytes, 0);
    add("poison", &info, EVERY);
    assert_int_equal(info.checks, BDA_CHECK_POISON_BIT);
    add(" ,redzones ,, poison,", &info, EVERY);
    assert_int_equal(info.checks, BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT);
    add("all", &info, EVERY & ~(BdaCheckFlags)BDA_CHECK_STACKS_BIT);
    assert_int_equal(info.checks, EVERY & ~(BdaCheckFlags)BDA_CHECK_STACKS_BIT);
    assert_int_equal(bench.length, 0);
}

static void nothing_adds_nothing(void **state) {
    (void)state;
    BdaAllocatorInfo info;
    add(NULL, &info, EVERY);
    assert_int_equal(info.checks, 0);
    add("", &info, EVERY);
    assert_int_equal(info.checks, 0);
    assert_int_equal(bench.length, 0);
}

static void sizes_are_read(void **state) {
    (void)state;
    BdaAllocatorInfo info;
    add("quarantine=64M,frees=1000,redzones=128", &info, EVERY);
    assert_int_equal(info.checks, BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_RED_ZONES_BIT);
    assert_int_equal(info.quarantine_bytes, MIB(64));
    assert_int_equal(info.quarantine_frees, 1000);
    assert_int_equal(info.red_zone, 128);
    add("quarantine=2g,redzones=1k", &info, EVERY);
    assert_int_equal(info.quarantine_bytes, GIB(2));
    assert_int_equal(info.red_zone, 1024);
    add("quarantine=99999999999", &info, EVERY);
    assert_int_equal(info.quarantine_bytes, 99999999999);
    assert_int_equal(bench.length, 0);
    add("quarantine=99999999999999999999999G", &info, EVERY); /* more than can be counted: that is told */
    assert_int_equal(info.quarantine_bytes, UINT64_MAX);
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 1);
    assert_int_equal(bench_heard("at most, and is that"), 1);
}

static void what_is_too_large_is_as_large_as_may_be_and_told(void **state) {
    (void)state;
    BdaAllocatorInfo info;
    char wanted[64];
    add("redzones=1G", &info, EVERY);
    assert_int_equal(info.red_zone, BDA_RED_ZONE_MAX);
    (void)snprintf(wanted, sizeof wanted, "BDA_DEBUG: 'redzones' is %u at most", (unsigned)BDA_RED_ZONE_MAX);
    assert_int_equal(bench_heard(wanted), 1);
    add("frees=4294967296", &info, EVERY);
    assert_int_equal(info.quarantine_frees, UINT32_MAX);
    assert_int_equal(bench_heard("'frees' is 4294967295 at most"), 1);
    (void)snprintf(wanted, sizeof wanted, "redzones=%u,frees=4294967295", (unsigned)BDA_RED_ZONE_MAX);
    add(wanted, &info, EVERY);
    assert_int_equal(bench.length, 0);
}

/* In the create info 0 is the default, 64 MiB of quarantine; nobody who writes it here means that. */
static void a_size_of_0_turns_nothing_on_and_is_told(void **state) {
    (void)state;
    static const char *const texts[] = { "quarantine=0", "frees=0", "redzones=0", "redzones=0K" };
    BdaAllocatorInfo info;
    for (uint32_t i = 0; i < COUNT_OF(texts); i++) {
        add(texts[i], &info, EVERY);
        assert_int_equal(info.checks, 0);
        assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 1);
        assert_int_equal(bench_heard("' of 0 is none"), 1);
    }
}

static void lines_and_tabs_separate_as_commas_do(void **state) {
    (void)state;
    BdaAllocatorInfo info;
    add("\tpoison\nredzones=48\r\n\tfrees=7 quarantine=1M\n", &info, EVERY);
    assert_int_equal(info.checks, BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT | BDA_CHECK_QUARANTINE_BIT);
    assert_true(info.red_zone == 48 && info.quarantine_frees == 7 && info.quarantine_bytes == MIB(1));
    assert_int_equal(bench.length, 0);
}

static void what_is_not_understood_is_a_warning(void **state) {
    (void)state;
    static const char *const texts[] = { "nonsense",    "poisonous",      "redzones=",   "redzones=x", "redzones=1X",
                                         "redzones=-1", "quarantine=1KK", "poison=1",    "frees=1,5",  "=",
                                         "POISON",      "poison=",        "redzones=5 k" };
    BdaAllocatorInfo info;
    for (uint32_t i = 0; i < COUNT_OF(texts); i++) {
        add(texts[i], &info, EVERY);
        assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 1);
        assert_int_equal(bench_heard("BDA_DEBUG: '"), 1);
        assert_int_equal(info.red_zone, strncmp(texts[i], "redzones=5", 10) == 0 ? 5 : 0);
    }
}

static void a_mode_that_is_not_there_is_a_warning(void **state) {
    (void)state;
    BdaAllocatorInfo info;
    add("isolate,poison", &info, BDA_CHECK_POISON_BIT);
    assert_int_equal(info.checks, BDA_CHECK_POISON_BIT);
    assert_int_equal(bench_heard("'isolate' is not in this build"), 1);
}

static void help_lists_them(void **state) {
    (void)state;
    BdaAllocatorInfo info;
    add("help", &info, EVERY);
    assert_int_equal(info.checks, 0);
    assert_int_equal(bench.told[BDA_MESSAGE_WARNING], 10); /* many a callback drops what is less */
    assert_int_equal(bench_heard("redzones: [=bytes]"), 1);
}

#if !defined(_WIN32)
static void an_allocator_reads_it(void **state) {
    (void)state;
    assert_int_equal(setenv("BDA_DEBUG", "redzones=32,rubbish", 1), 0);
    bench.info.checks = BDA_CHECK_STACKS_BIT;
    bench_start();
    assert_int_equal(bench_properties().checks, BDA_CHECK_STACKS_BIT | BDA_CHECK_RED_ZONES_BIT);
    assert_int_equal(bench_heard("'rubbish' is no checking mode"), 1);
    BdaAllocation a = take_bytes(16, BDA_INTENT_UPLOAD), b = take_bytes(16, BDA_INTENT_UPLOAD);
    assert_int_equal(b.address - a.address, 48);
    give(a);
    give(b);
    assert_int_equal(bda_destroy_allocator(bench.allocator), VK_SUCCESS);
    assert_int_equal(unsetenv("BDA_DEBUG"), 0);
}

/* What an allocator without a callback of the program's prints, in a life with one misuse. */
static void hear_stderr(size_t size, char *text) {
    FILE *file = tmpfile();
    assert_non_null(file);
    (void)fflush(stderr);
    int before = dup(STDERR_FILENO);
    assert_true(before >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    VkResult created = bda_create_allocator(&bench.info, &bench.allocator);
    VkResult freed = bda_free(bench.allocator, 1);
    VkResult destroyed = bda_destroy_allocator(bench.allocator);
    (void)fflush(stderr);
    assert_true(dup2(before, STDERR_FILENO) >= 0 && close(before) == 0);
    assert_true(created == VK_SUCCESS && freed == VK_ERROR_VALIDATION_FAILED_EXT && destroyed == VK_SUCCESS);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    (void)fclose(file);
}

static void where_the_program_hears_nothing_stderr_does(void **state) {
    (void)state;
    char text[512];
    bench.info.message = NULL;
    hear_stderr(sizeof text, text);
    assert_string_equal(text, "");
    assert_int_equal(setenv("BDA_DEBUG", "", 1), 0);
    hear_stderr(sizeof text, text);
    assert_string_equal(text, "");
    assert_int_equal(setenv("BDA_DEBUG", "rubbish", 1), 0);
    hear_stderr(sizeof text, text);
    assert_int_equal(unsetenv("BDA_DEBUG"), 0);
    assert_non_null(strstr(text, "bdaalloc: warning: BDA_DEBUG: 'rubbish' is no checking mode; 'help' lists them\n"));
    assert_non_null(strstr(text, "\nbdaalloc: error: bda_free: 0x1 is no handle ("));
    assert_int_equal(bench.length, 0);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_name_modes, begin, end),
        cmocka_unit_test_setup_teardown(nothing_adds_nothing, begin, end),
        cmocka_unit_test_setup_teardown(sizes_are_read, begin, end),
        cmocka_unit_test_setup_teardown(what_is_too_large_is_as_large_as_may_be_and_told, begin, end),
        cmocka_unit_test_setup_teardown(a_size_of_0_turns_nothing_on_and_is_told, begin, end),
        cmocka_unit_test_setup_teardown(lines_and_tabs_separate_as_commas_do, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_understood_is_a_warning, begin, end),
        cmocka_unit_test_setup_teardown(a_mode_that_is_not_there_is_a_warning, begin, end),
        cmocka_unit_test_setup_teardown(help_lists_them, begin, end),
#if !defined(_WIN32)
        cmocka_unit_test_setup_teardown(an_allocator_reads_it, begin, end),
        cmocka_unit_test_setup_teardown(where_the_program_hears_nothing_stderr_does, begin, end),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
