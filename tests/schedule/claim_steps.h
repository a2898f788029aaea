/*
 * The atomics of src/alloc/claim.h, and of what is built of claims, as steps (see explore.h). To be included in front
 * of the library's code, by a test that says where each of its words lies and how it stands there.
 */
#ifndef BDA_TESTS_SCHEDULE_CLAIM_STEPS_H
#define BDA_TESTS_SCHEDULE_CLAIM_STEPS_H

#include "explore.h"

#include "core/bits.h"
#include "platform/platform.h"

static uint32_t place_of(const void *object);

/* Memory begins as zeros, and a word perhaps not: a value as it stands there, and back. */
static uint32_t turned(uint32_t place, uint32_t value);

static uint32_t fenced; /* of `taken`: what a claim begins with */

static uint32_t load(const void *object, memory_order order) {
    uint32_t place = place_of(object);
    return turned(place, explore_load(place, order));
}

static void store(const void *object, uint32_t value, memory_order order) {
    uint32_t place = place_of(object);
    explore_store(place, turned(place, value), order);
}

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_signal_fence
#define atomic_load_explicit(object, order)         load(object, order)
#define atomic_store_explicit(object, value, order) store(object, (uint32_t)(value), order)
#define atomic_signal_fence(order)                  ((void)0)
#define bda_let_others(tries)                       ((void)(tries), explore_spin())

#endif
