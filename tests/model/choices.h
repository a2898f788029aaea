/*
 * Choices: where a model takes its decisions from. Either chance, from a seed, or bytes that somebody hands in. So a
 * fuzzer, which learns what bytes lead to something new, makes the very operations that the models make at random.
 */
#ifndef BDA_TESTS_MODEL_CHOICES_H
#define BDA_TESTS_MODEL_CHOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct choices {
    uint64_t random;            /* the generator's state, where there are no bytes */
    const unsigned char *bytes; /* NULL: chance */
    size_t left;
};

/* splitmix64 */
static inline uint64_t choose_by_chance(struct choices *choices) {
    uint64_t z = choices->random += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

/* As few bytes as name every number below `bound`, and zeros where the bytes have come to their end. */
static inline uint64_t choose_by_bytes(struct choices *choices, uint64_t bound) {
    uint64_t value = 0;
    for (uint64_t most = bound - 1; most != 0 && choices->left != 0; most >>= 8) {
        value = value << 8 | *choices->bytes++;
        choices->left--;
    }
    return value;
}

/* A number below `bound`, which is not 0. */
static inline uint64_t choose(struct choices *choices, uint64_t bound) {
    return (choices->bytes != NULL ? choose_by_bytes(choices, bound) : choose_by_chance(choices)) % bound;
}

/* What is rare is not what zeros choose. */
static inline bool choose_once_in(struct choices *choices, uint64_t times) {
    return choose(choices, times) == times - 1;
}

static inline bool choices_are_spent(const struct choices *choices) {
    return choices->bytes != NULL && choices->left == 0;
}

#endif
