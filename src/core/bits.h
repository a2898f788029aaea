/* Bits and alignment: the few operations that ISO C does not name. */
#ifndef BDA_CORE_BITS_H
#define BDA_CORE_BITS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

/* Index of the highest set bit; `value` is not zero. */
static inline uint32_t bda_floor_log2(uint32_t value) {
#if defined(_MSC_VER) && !defined(__clang__)
    unsigned long index;
    _BitScanReverse(&index, value);
    return index;
#else
    return 31u - (uint32_t)__builtin_clz(value);
#endif
}

/* Index of the lowest set bit; `value` is not zero. */
static inline uint32_t bda_lowest_bit(uint32_t value) {
#if defined(_MSC_VER) && !defined(__clang__)
    unsigned long index;
    _BitScanForward(&index, value);
    return index;
#else
    return (uint32_t)__builtin_ctz(value);
#endif
}

static inline bool bda_is_power_of_two(uint64_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}

/* The next multiple of `alignment`, a power of two; the caller has seen to it that the sum does not wrap. */
static inline uint64_t bda_align_up(uint64_t value, uint64_t alignment) {
    return (value + alignment - 1) & ~(alignment - 1);
}

static inline uint64_t bda_align_down(uint64_t value, uint64_t alignment) {
    return value & ~(alignment - 1);
}

static inline uint64_t bda_max(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static inline uint64_t bda_min(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

#endif
