/*
 * A fuzz target: TLSF and the model of it (tests/model/tlsf_model.h), with every decision taken by the input. The first
 * byte chooses the plan; each further step takes what bytes it needs, until there are none.
 *
 * After every step the two must agree; a disagreement, like a failed assertion of the library, ends the process.
 */
#include "fuzz.h"
#include "model/tlsf_model.h"

enum { CHECK_EVERY = 8 }; /* steps; to walk all of TLSF's lists takes longer than a step */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct tlsf_model model;
    if (size == 0)
        return 0;
    struct choices choices = { .bytes = data, .left = size };
    const struct tlsf_plan *plan = &tlsf_plans[choose(&choices, TLSF_PLANS)];
    tlsf_model_open(&model, plan, choices, "fuzzed");
    while (!choices_are_spent(&model.choices)) {
        tlsf_model_step(&model, true);
        if (model.step % CHECK_EVERY == 0)
            tlsf_model_check(&model);
        else
            tlsf_model_compare(&model);
    }
    tlsf_model_close(&model);
    return 0;
}
