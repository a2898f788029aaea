/*
 * TLSF against a model that anybody can follow: per region a sorted array of the ranges that are taken. Operations are
 * made on both, and after each of them the two must agree, on what was refused too.
 *
 * A *plan* is a distribution of sizes, alignments and regions; within it each decision is one of the *choices*.
 * A disagreement ends the test (cmocka's way) with a text that begins with `run`.
 */
#ifndef BDA_TESTS_MODEL_TLSF_MODEL_H
#define BDA_TESTS_MODEL_TLSF_MODEL_H

#include "../unit/core_support.h"

#include "choices.h"

enum {
    MODEL_REGIONS = 6,
    MODEL_RANGES = 4096, /* per region */
    MODEL_NODES = 1 << 16,
    MODEL_MANY = 24, /* freed at once, at most */
};

struct tlsf_plan {
    const char *name;
    uint32_t granule_log2;
    uint32_t smallest_region, largest_region; /* in granules */
    uint32_t smallest, largest;               /* sizes, in granules */
    enum { ANY, LOGARITHMIC, POWERS_OF_TWO } sizes;
    uint32_t alignments; /* powers of two above the granule that are asked for */
    uint32_t steps, check_every;
    bool many_nodes; /* as many as make freeing many ranges look ahead */
};

enum { TLSF_PLANS = 10 };
extern const struct tlsf_plan tlsf_plans[TLSF_PLANS];

struct tlsf_range {
    uint32_t offset, size, node;
};

struct tlsf_stretch {
    uint32_t region, size, count;
    uint64_t base;
    struct tlsf_range ranges[MODEL_RANGES]; /* taken, by offset */
};

struct tlsf_model {
    const struct tlsf_plan *plan;
    char run[64];
    struct choices choices;
    uint32_t step, count;
    uint32_t lost;                                     /* nodes that wore out, or were never in a list */
    uint32_t allocated, refused, at_given, at_refused; /* how often each answer was seen */
    struct arena arena;
    struct tlsf_stretch *stretches[MODEL_REGIONS];
    uint32_t generations[MODEL_NODES]; /* the lowest that each node may have when it is next handed out */
};

/* An arena with one region. `run` says how to repeat it. */
void tlsf_model_open(struct tlsf_model *model, const struct tlsf_plan *plan, struct choices choices, const char *run);

/* One operation, more often an allocation while `filling`. */
void tlsf_model_step(struct tlsf_model *model, bool filling);

/* TLSF's ranges, one by one, are the model's. */
void tlsf_model_compare(struct tlsf_model *model);

/* The same, and every invariant; takes much longer where there are few ranges. */
void tlsf_model_check(struct tlsf_model *model);

/* Frees everything, takes each region as a whole, frees that, and finds nothing lost. */
void tlsf_model_close(struct tlsf_model *model);

#endif
