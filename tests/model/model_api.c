/*
 * Random operations on the public API and on the model of it (api_model.h), plan by plan. The seed is the first
 * argument, or BDA_SEED, or 1, and BDA_STEPS the steps of each plan; a failure prints seed, plan and step, so that a
 * run can be repeated.
 */
#include "api_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS = 2500,    /* of each plan, where BDA_STEPS says nothing */
    LOOK_EVERY = 64, /* steps between two looks at every byte */
};

static uint64_t seed = 1;

static uint64_t number_from(const char *text, uint64_t otherwise) {
    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static void the_api_agrees_with_the_model(void **state) {
    struct api_model *model = calloc(1, sizeof *model);
    struct choices choices = { .random = seed };
    char run[sizeof model->run];
    uint64_t steps = number_from(getenv("BDA_STEPS"), STEPS);
    assert_non_null(model);
    (void)snprintf(run, sizeof run, "seed %" PRIu64, seed);
    const struct api_plan *plan = *state;
    bool caches = (seed + (uint64_t)(plan - api_plans)) % 4 != 0; /* each plan without, with one seed of four */
    api_model_open(model, plan, choices, false, caches, run);
    while (model->step < steps) {
        api_model_step(model);
        api_model_check(model);
        if (model->step % LOOK_EVERY == 0)
            api_model_look(model);
    }
    api_model_close(model);
    print_message("             %u allocated, %u refused, %u freed, %u of them later%s\n", model->allocated,
                  model->refused, model->freed, model->waited, caches ? "" : "; without caches");
    free(model);
}

int main(int count, char **arguments) {
    struct CMUnitTest tests[API_PLANS];
    seed = number_from(count > 1 ? arguments[1] : getenv("BDA_SEED"), seed);
    print_message("seed %" PRIu64 "\n", seed);
    memset(tests, 0, sizeof tests);
    for (uint32_t i = 0; i < API_PLANS; i++)
        tests[i] = (struct CMUnitTest){ .name = api_plans[i].name,
                                        .test_func = the_api_agrees_with_the_model,
                                        .initial_state = (void *)(uintptr_t)&api_plans[i] };
    return _cmocka_run_group_tests("model of the api", tests, COUNT_OF(tests), NULL, NULL);
}
