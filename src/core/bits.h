/* Bits and alignment: the few operations that ISO C does not name. */
#ifndef BDA_CORE_BITS_H
#define BDA_CORE_BITS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

/* For the few functions that an allocation or a free consists of: compilers weigh their sizes one by one and leave
 * calls between them, which cost a third of the whole. And for what must not take registers from them,
 * common (apart) or rare (cold). */
#if defined(__GNUC__)
#define BDA_INLINE static inline __attribute__((always_inline))
#define BDA_APART  static __attribute__((noinline))
#define BDA_COLD   static __attribute__((noinline, cold))
#elif defined(_MSC_VER)
#define BDA_INLINE static __forceinline
#define BDA_APART  static __declspec(noinline)
#define BDA_COLD   static __declspec(noinline)
#else
#define BDA_INLINE static inline
#define BDA_APART  static
#define BDA_COLD   static
#endif

/* A condition that nearly always holds, where compilers guess otherwise: after some ten conditions that may each fail
 * they take what follows for rare, and optimise it for size. */
#if defined(__GNUC__)
#define BDA_LIKELY(condition) __builtin_expect((condition), 1)
#else
#define BDA_LIKELY(condition) (condition)
#endif

/* Tells the compiler what it cannot see, so that it is not asked again. */
#if defined(__GNUC__)
#define BDA_ASSUME(condition) ((condition) ? (void)0 : __builtin_unreachable())
#else
#define BDA_ASSUME(condition) ((void)0)
#endif

/* In front of a loop of so few turns, known to the compiler, that counting them costs as much as they do. */
#if defined(__clang__)
#define BDA_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define BDA_UNROLL _Pragma("GCC unroll 16")
#else
#define BDA_UNROLL
#endif

/* Asks for a cache line that will be written soon. One that another processor has written then comes once, to be
 * written; else it would come to be read, and be waited for again with the first write. (Compilers ask to read only,
 * where they are not told that the processor knows the other instruction. Those that do not, do nothing.) */
static inline void bda_prefetch(const void *address) {
#if defined(__GNUC__) && defined(__x86_64__)
    __asm__("prefetchw %0" : : "m"(*(const char *)address));
#elif defined(__GNUC__)
    __builtin_prefetch(address, 1);
#else
    (void)address;
#endif
}

/* Index of the highest set bit; `value` is not zero. */
static inline uint32_t bda_floor_log2(uint32_t value) {
#if defined(_MSC_VER) && !defined(__clang__)
    unsigned long index;
    _BitScanReverse(&index, value);
    return index;
#else
    return 31u ^ (uint32_t)__builtin_clz(value); /* the same as a difference, and one instruction */
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

/* The same of 64 bits. */
static inline uint32_t bda_lowest_bit64(uint64_t value) {
#if defined(_MSC_VER) && !defined(__clang__)
    unsigned long index;
    return _BitScanForward(&index, (uint32_t)value) ? index : 32 + bda_lowest_bit((uint32_t)(value >> 32));
#else
    return (uint32_t)__builtin_ctzll(value);
#endif
}

static inline uint32_t bda_floor_log2_64(uint64_t value) {
#if defined(_MSC_VER) && !defined(__clang__)
    return value >> 32 != 0 ? 32 + bda_floor_log2((uint32_t)(value >> 32)) : bda_floor_log2((uint32_t)value);
#else
    return 63u ^ (uint32_t)__builtin_clzll(value);
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
