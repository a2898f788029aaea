/* src/debug/foreign.c: memory of others that checked shaders may follow pointers into. */
#include "shader_support.h"

#include "debug/pointers.h"

#define AT ((VkDeviceAddress)0x7000000000)

static struct shader shader;

static void open_checked(void) {
    bench_prepare(NULL);
    bench.info.checks = BDA_CHECK_POINTERS_BIT;
    bench_start();
    shader = shader_start();
}

static bool is_live(VkDeviceAddress address) {
    int said = shader_look(&shader, address);
    return said > 0;
}

static bool is_reported(VkDeviceAddress address) {
    int said = shader_look(&shader, address);
    return said == 0 || said == -1;
}

static void add(VkDeviceAddress address, VkDeviceSize size) {
    assert_int_equal(bda_add_checked_range(bench.allocator, address, size), VK_SUCCESS);
    assert_true(is_live(address));
}

static void delete (VkDeviceAddress address, VkDeviceSize size) {
    assert_int_equal(bda_remove_checked_range(bench.allocator, address, size), VK_SUCCESS);
    assert_false(is_live(address));
}

static void refuse_add(VkDeviceAddress address, VkDeviceSize size, const char *reason) {
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_add_checked_range(bench.allocator, address, size),
                   "bda_add_checked_range", reason);
}

static void refuse_remove(VkDeviceAddress address, VkDeviceSize size, const char *reason) {
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_remove_checked_range(bench.allocator, address, size),
                   "bda_remove_checked_range", reason);
}

static void what_was_never_added_cannot_be_removed(void **state) {
    (void)state;
    open_checked();
    refuse_remove(AT, 4096, "no range that begins there was added");
    add(AT, 4096);
    refuse_remove(AT + 16, 4096 - 16, "no range that begins there was added");
    delete (AT, 4096);
    refuse_remove(AT, 4096, "or it has been removed");
    bench_close();
}

/* The page of another range went with it, and the shader that used that was told lies. */
static void a_range_goes_with_the_size_it_came_with(void **state) {
    (void)state;
    open_checked();
    add(AT, 4096);
    add(AT + 8192, 64);
    refuse_remove(AT, 4095, "another size");
    refuse_remove(AT, MIB(8), "another size");
    assert_true(is_live(AT) && is_live(AT + 4095) && is_live(AT + 8192));
    delete (AT, 4096);
    assert_true(is_live(AT + 8192));
    delete (AT + 8192, 64);
    bench_close();
}

static void the_librarys_own_memory_is_no_foreign_range(void **state) {
    (void)state;
    open_checked();
    BdaAllocation a = take_bytes(4096, BDA_INTENT_DEVICE);
    VkDeviceAddress before = a.address - a.offset - 16;
    refuse_remove(a.address, 4096, "no range that begins there");
    refuse_add(a.address, 4096, "overlaps memory of this allocator");
    refuse_add(before, 32, "overlaps memory of this allocator");     /* its first bytes alone, */
    refuse_add(before, GIB(1), "overlaps memory of this allocator"); /* and all of them */
    assert_true(is_live(a.address) && is_live(a.address + 4080));
    give(a);
    bench_close();
}

static void ranges_do_not_overlap_each_other(void **state) {
    (void)state;
    open_checked();
    add(AT, 4096);
    refuse_add(AT, 4096, "overlaps one that was added before");
    refuse_add(AT - 16, 17, "overlaps one that was added before");
    refuse_add(AT + 4080, 64, "overlaps one that was added before");
    add(AT - 16, 16);
    add(AT + 4096, 16);
    delete (AT, 4096);
    assert_true(is_live(AT - 16) && is_live(AT + 4096));
    delete (AT - 16, 16);
    delete (AT + 4096, 16);
    bench_close();
}

/* Whichever form it was told in. */
static void sign_extended_addresses_are_the_same(void **state) {
    (void)state;
    open_checked();
    const VkDeviceAddress plain = 0x800000000000, extended = plain | (VkDeviceAddress)0xFFFF << 48;
    add(extended, 64);
    refuse_add(plain, 64, "overlaps one that was added before");
    delete (plain, 64);
    refuse_remove(extended, 64, "no range that begins there");
    bench_close();
}

/* Accesses to it are still reported, and beside it, and it can be added later. This one lies in two tables. */
static void a_refused_one_gives_nothing_up(void **state) {
    (void)state;
    const VkDeviceAddress begin = AT - 4096;
    bool failed = true;
    for (unsigned nth = 1; failed; nth++) {
        open_checked();
        fake_host_fail(&bench.host, nth, false);
        VkResult result = bda_add_checked_range(bench.allocator, begin, 8192);
        failed = bench.host.failed != 0;
        fake_host_fail(&bench.host, 0, false);
        bench_hush();
        if (result != VK_SUCCESS) {
            assert_true(failed && result == VK_ERROR_OUT_OF_HOST_MEMORY);
            assert_true(is_reported(begin) && is_reported(AT) && is_reported(begin - 8192) && is_reported(AT + 8192));
            add(begin, 8192);
        }
        delete (begin, 8192);
        bench_close();
    }
    open_checked(); /* far more than there is memory for */
    assert_int_not_equal(bda_add_checked_range(bench.allocator, AT, GIB(64)), VK_SUCCESS);
    bench_hush();
    assert_true(is_reported(AT) && is_reported(AT + GIB(20)));
    add(AT + GIB(20), 4096);
    delete (AT + GIB(20), 4096);
    bench_close();
}

static void a_refused_one_leaves_nothing_behind(void **state) {
    (void)state;
    bool failed = true;
    for (size_t nth = 1; failed; nth++) {
        open_checked();
        fake_host_fail(&bench.host, nth, false);
        VkResult result = bda_add_checked_range(bench.allocator, AT, 4096);
        failed = bench.host.failed != 0;
        fake_host_fail(&bench.host, 0, false);
        assert_true(result == VK_SUCCESS || (failed && result == VK_ERROR_OUT_OF_HOST_MEMORY));
        bench_hush();
        if (result == VK_SUCCESS)
            delete (AT, 4096);
        else
            refuse_remove(AT, 4096, "no range that begins there");
        assert_int_equal(bda_add_checked_range(bench.allocator, AT + GIB(100), 16), VK_SUCCESS); /* it may stay */
        bench_close();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_never_added_cannot_be_removed),
        cmocka_unit_test(a_range_goes_with_the_size_it_came_with),
        cmocka_unit_test(the_librarys_own_memory_is_no_foreign_range),
        cmocka_unit_test(ranges_do_not_overlap_each_other),
        cmocka_unit_test(sign_extended_addresses_are_the_same),
        cmocka_unit_test(a_refused_one_leaves_nothing_behind),
        cmocka_unit_test(a_refused_one_gives_nothing_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
