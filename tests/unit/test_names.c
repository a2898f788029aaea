/* src/core/names.c, and who uses it: a name that is cut stays whole characters, an empty one is none. */
#include "alloc_support.h"

#include "core/names.h"

#define UMLAUT "\xC3\xA4" /* two bytes */

static void a_copy_ends_before_a_cut_character(void **state) {
    (void)state;
    char copy[8];
    bda_copy_text(copy, sizeof copy, "123456" UMLAUT);
    assert_string_equal(copy, "123456");
    bda_copy_text(copy, sizeof copy, "12345" UMLAUT);
    assert_string_equal(copy, "12345" UMLAUT);
    bda_copy_text(copy, sizeof copy, "12345" UMLAUT "6");
    assert_string_equal(copy, "12345" UMLAUT);
    bda_copy_text(copy, sizeof copy, "");
    assert_string_equal(copy, "");
}

/* So many letters, then one of two bytes, then enough to be cut. */
static void fill_name(char name[200], size_t letters) {
    memset(name, 'a', 199);
    memcpy(name + letters, UMLAUT, 2);
    name[199] = '\0';
}

static void a_leaks_name_is_cut_between_characters(void **state) {
    (void)state;
    char name[200];
    for (size_t letters = 118; letters <= 119; letters++) {
        bench_open(NULL, NULL);
        fill_name(name, letters);
        (void)take((BdaAllocInfo){ .size = 100, .name = name });
        bench_end(VK_INCOMPLETE);
        assert_int_equal(bench_heard(letters == 118 ? "a" UMLAUT "', 100 bytes" : "aa', 100 bytes"), 1);
    }
}

static void a_blocks_name_is_cut_between_characters(void **state) {
    (void)state;
    char name[200], wanted[96];
    bench_open(&(struct fake_config){ .with = FAKE_DEBUG_UTILS }, NULL);
    fill_name(name, 63);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = name });
    BdaAllocation a = take((BdaAllocInfo){ .size = 100, .pool = pool });
    memset(wanted, 'a', 63);
    strcpy(wanted + 63, " block 1");
    assert_string_equal(fake_name(bench.driver, FAKE_HANDLE(a.buffer)), wanted);
    give(a);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

/* Refused by the short way, and by the long one. */
static void a_refusal_tells_no_empty_names(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool =
        make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1), .limit = MIB(1), .name = "" });
    BdaAllocation most = take((BdaAllocInfo){ .size = KIB(1000), .pool = pool });
    const BdaAllocFlags ways[] = { BDA_ALLOC_NO_NEW_MEMORY_BIT, 0 };
    for (uint32_t i = 0; i < COUNT_OF(ways); i++) {
        BdaAllocation none;
        const BdaAllocInfo wish = { .size = KIB(100), .pool = pool, .name = "", .flags = ways[i] };
        assert_refusal(VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_alloc(bench.allocator, &wish, &none),
                       "bda_alloc, 102400 bytes", "o");
    }
    give(most);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void what_has_an_empty_name_has_none(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPoolInfo info;
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "" });
    assert_int_equal(bda_get_pool_info(bench.allocator, pool, &info), VK_SUCCESS);
    assert_null(info.name);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    BdaArena arena;
    assert_int_equal(bda_create_arena(bench.allocator, &(BdaArenaInfo){ .chunk = { .name = "" } }, &arena), VK_SUCCESS);
    bench_end(VK_INCOMPLETE);
    assert_int_equal(bench_heard("an arena was not destroyed: unnamed"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_ends_before_a_cut_character),
        cmocka_unit_test(a_leaks_name_is_cut_between_characters),
        cmocka_unit_test(a_blocks_name_is_cut_between_characters),
        cmocka_unit_test(a_refusal_tells_no_empty_names),
        cmocka_unit_test(what_has_an_empty_name_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
