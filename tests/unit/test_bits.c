/* core/bits.h: the few operations on bits, at every bit and its neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/bits.h"

static void floor_log2_is_the_highest_bit(void **state) {
    (void)state;
    for (uint32_t bit = 0; bit < 32; bit++) {
        uint32_t power = 1u << bit;
        assert_int_equal(bda_floor_log2(power), bit);
        assert_int_equal(bda_floor_log2(power | (power - 1)), bit);
    }
}

static void lowest_bit_ignores_what_lies_above(void **state) {
    (void)state;
    for (uint32_t bit = 0; bit < 32; bit++) {
        assert_int_equal(bda_lowest_bit(1u << bit), bit);
        assert_int_equal(bda_lowest_bit(UINT32_MAX << bit), bit);
    }
}

static void the_wider_ones_agree_at_every_bit(void **state) {
    (void)state;
    for (uint32_t bit = 0; bit < 64; bit++) {
        uint64_t power = (uint64_t)1 << bit;
        assert_int_equal(bda_floor_log2_64(power), bit);
        assert_int_equal(bda_floor_log2_64(power | (power - 1)), bit);
        assert_int_equal(bda_lowest_bit64(power), bit);
        assert_int_equal(bda_lowest_bit64(UINT64_MAX << bit), bit);
        assert_int_equal(bda_lowest_bit64(power | (uint64_t)1 << 63), bit);
    }
}

static void only_powers_of_two_are_powers_of_two(void **state) {
    (void)state;
    assert_false(bda_is_power_of_two(0));
    assert_false(bda_is_power_of_two(UINT64_MAX));
    for (uint32_t bit = 0; bit < 64; bit++) {
        uint64_t power = (uint64_t)1 << bit;
        assert_true(bda_is_power_of_two(power));
        if (bit >= 2) {
            assert_false(bda_is_power_of_two(power - 1));
            assert_false(bda_is_power_of_two(power + 1));
        }
    }
}

static void a_multiple_is_aligned_to_itself(void **state) {
    (void)state;
    for (uint32_t bit = 0; bit < 64; bit++) {
        uint64_t alignment = (uint64_t)1 << bit;
        assert_int_equal(bda_align_up(0, alignment), 0);
        assert_int_equal(bda_align_up(alignment, alignment), alignment);
        assert_int_equal(bda_align_down(alignment, alignment), alignment);
    }
}

static void between_two_multiples_up_and_down_enclose(void **state) {
    (void)state;
    for (uint32_t bit = 1; bit < 63; bit++) {
        uint64_t alignment = (uint64_t)1 << bit;
        uint64_t values[] = { alignment + 1, 2 * alignment - 1 };
        for (uint32_t i = 0; i < 2; i++) {
            assert_int_equal(bda_align_down(values[i], alignment), alignment);
            assert_int_equal(bda_align_up(values[i], alignment), 2 * alignment);
        }
    }
}

static void aligning_reaches_the_last_multiple(void **state) {
    (void)state;
    assert_int_equal(bda_align_up(UINT64_MAX - 255, 256), UINT64_MAX - 255);
    assert_int_equal(bda_align_down(UINT64_MAX, 256), UINT64_MAX - 255);
    assert_int_equal(bda_align_down(UINT64_MAX, 1), UINT64_MAX);
}

static void the_larger_and_the_smaller(void **state) {
    (void)state;
    const uint64_t pairs[][2] = { { 0, 1 }, { 7, 7 }, { UINT32_MAX, (uint64_t)UINT32_MAX + 1 }, { 0, UINT64_MAX } };
    for (uint32_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        uint64_t low = pairs[i][0], high = pairs[i][1];
        assert_int_equal(bda_min(low, high), low);
        assert_int_equal(bda_min(high, low), low);
        assert_int_equal(bda_max(low, high), high);
        assert_int_equal(bda_max(high, low), high);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floor_log2_is_the_highest_bit),
        cmocka_unit_test(lowest_bit_ignores_what_lies_above),
        cmocka_unit_test(the_wider_ones_agree_at_every_bit),
        cmocka_unit_test(only_powers_of_two_are_powers_of_two),
        cmocka_unit_test(a_multiple_is_aligned_to_itself),
        cmocka_unit_test(between_two_multiples_up_and_down_enclose),
        cmocka_unit_test(aligning_reaches_the_last_multiple),
        cmocka_unit_test(the_larger_and_the_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
