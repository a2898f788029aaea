/* core/bits.h, for every value. */
#include "proof.h"

void floor_log2_is_the_highest_bit(void) {
    uint32_t value = nondet_u32();
    GIVEN(value != 0);
    uint32_t index = bda_floor_log2(value);
    ENSURE(index < 32 && value >> index == 1);
}

void floor_log2_64_is_the_highest_bit(void) {
    uint64_t value = nondet_u64();
    GIVEN(value != 0);
    uint32_t index = bda_floor_log2_64(value);
    ENSURE(index < 64 && value >> index == 1);
}

/* What is left when the bits from there on are shifted out is nothing, and the bit itself is set. */
void lowest_bit_is_the_lowest(void) {
    uint32_t value = nondet_u32();
    GIVEN(value != 0);
    uint32_t index = bda_lowest_bit(value);
    ENSURE(index < 32 && (value >> index & 1) == 1 && value << (31 - index) == 0x80000000u);
}

void lowest_bit64_is_the_lowest(void) {
    uint64_t value = nondet_u64();
    GIVEN(value != 0);
    uint32_t index = bda_lowest_bit64(value);
    ENSURE(index < 64 && (value >> index & 1) == 1 && value << (63 - index) == (uint64_t)1 << 63);
}

void a_power_of_two_has_one_bit(void) {
    uint64_t value = nondet_u64();
    bool one_bit = value != 0 && value == (uint64_t)1 << bda_floor_log2_64(value | 1);
    ENSURE(bda_is_power_of_two(value) == one_bit);
}

/* The nearest multiple upwards and downwards; `up` where it does not wrap. */
void aligning_finds_the_nearest_multiple(void) {
    uint64_t value = nondet_u64(), alignment = nondet_u64();
    GIVEN(bda_is_power_of_two(alignment));
    uint64_t down = bda_align_down(value, alignment);
    ENSURE((down & (alignment - 1)) == 0 && down <= value && value - down < alignment);
    GIVEN(value <= UINT64_MAX - (alignment - 1));
    uint64_t up = bda_align_up(value, alignment);
    ENSURE((up & (alignment - 1)) == 0 && up >= value && up - value < alignment);
    REACHES(up != down);
    REACHES(up == value && alignment > 1);
}

void the_larger_and_the_smaller_are_one_of_the_two(void) {
    uint64_t a = nondet_u64(), b = nondet_u64();
    ENSURE(bda_max(a, b) >= a && bda_max(a, b) >= b && (bda_max(a, b) == a || bda_max(a, b) == b));
    ENSURE(bda_min(a, b) <= a && bda_min(a, b) <= b && (bda_min(a, b) == a || bda_min(a, b) == b));
}
