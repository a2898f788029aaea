/*
 * What the proofs share: words for "any value", "given that" and "always".
 *
 * A proof reads like a test whose inputs are left open: CBMC turns it into one formula and searches for inputs that
 * break an ENSURE, an array bound, a shift, a pointer. What a GIVEN rules out is not looked at, so every GIVEN is part
 * of what is claimed. REACHES says that something does happen among what is left, so that nobody proves things about
 * no pool at all; it is turned round to be checked, see README.md.
 */
#ifndef BDA_TESTS_PROOF_H
#define BDA_TESTS_PROOF_H

#include "core/tlsf.h"

#define GIVEN(condition) __CPROVER_assume(condition)

#ifdef PROOF_REACH /* claims are taken as given, and a REACHES "fails" where CBMC finds an example of it */
#define ENSURE(condition)  __CPROVER_assume(condition)
#define REACHES(condition) __CPROVER_assert(!(condition), "reached: " #condition)
#else
#define ENSURE(condition)  __CPROVER_assert(condition, #condition)
#define REACHES(condition) ((void)0)
#endif

/* CBMC takes a function of such a name without a body as one that returns anything. */
bool nondet_bool(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);

static inline uint32_t any_below(uint32_t end) {
    uint32_t value = nondet_u32();
    GIVEN(value < end);
    return value;
}

/* The least size of a class, by the definition: sizes below BDA_TLSF_CLASSES have one each, and each power of two from
 * there on has as many, equally wide. */
static inline uint32_t class_begins(uint32_t class) {
    if (class < BDA_TLSF_CLASSES)
        return class;
    uint32_t width_log2 = class / BDA_TLSF_CLASSES - 1;
    return (BDA_TLSF_CLASSES + class % BDA_TLSF_CLASSES) << width_log2;
}

#endif
