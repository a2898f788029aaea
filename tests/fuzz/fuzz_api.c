/*
 * A fuzz target: the public API on the fake driver and the model of it (tests/model/api_model.h), with every decision
 * taken by the input. The first byte chooses the plan, and caches or none; each further step takes what bytes it needs,
 * until there are none. At the end everything is freed, by the library or by hand, and the driver has seen no leak and
 * no rule broken.
 */
#include "fuzz.h"
#include "model/api_model.h"

enum { CHECK_EVERY = 8 }; /* steps; the whole of it takes longer than a step */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct api_model model;
    if (size == 0)
        return 0;
    struct choices choices = { .bytes = data, .left = size };
    uint64_t first = choose(&choices, 256);
    const struct api_plan *plan = &api_plans[first % API_PLANS];
    api_model_open(&model, plan, choices, true, first / API_PLANS % 4 != 3, "fuzzed");
    while (!choices_are_spent(&model.choices)) {
        api_model_step(&model);
        if (model.step % CHECK_EVERY == 0 || fake_violation_count(model.driver) != 0)
            api_model_check(&model);
    }
    api_model_close(&model);
    return 0;
}
