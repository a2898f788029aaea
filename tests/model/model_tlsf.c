/*
 * Random operations on TLSF and on the model of it (tlsf_model.h), plan by plan. The seed is the first argument, or
 * BDA_SEED, or 1; it is printed, and a failure says seed, plan and step, so that a run can be repeated.
 */
#include "tlsf_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIDES = 12 }; /* a plan swings so often between filling its regions and draining them */

static uint64_t seed = 1;

static void run_plan(void **state) {
    static struct tlsf_model model;
    const struct tlsf_plan *plan = *state;
    struct choices choices = { .random = seed * 1000 + (uint64_t)(plan - tlsf_plans) };
    char run[sizeof model.run];
    (void)snprintf(run, sizeof run, "seed %" PRIu64, seed);
    tlsf_model_open(&model, plan, choices, run);
    while (model.step < plan->steps) {
        tlsf_model_step(&model, model.step / (plan->steps / TIDES) % 2 == 0);
        if (model.step % plan->check_every == 0)
            tlsf_model_check(&model);
    }
    tlsf_model_close(&model);
    print_message("             %u allocated, %u refused; at an offset %u and %u; %u nodes lost\n", model.allocated,
                  model.refused, model.at_given, model.at_refused, model.lost);
}

int main(int count, char **arguments) {
    struct CMUnitTest tests[TLSF_PLANS];
    const char *chosen = count > 1 ? arguments[1] : getenv("BDA_SEED");
    if (chosen != NULL)
        seed = strtoull(chosen, NULL, 0);
    print_message("seed %" PRIu64 "\n", seed);
    for (uint32_t i = 0; i < TLSF_PLANS; i++)
        tests[i] = (struct CMUnitTest){ tlsf_plans[i].name, run_plan, NULL, NULL, (void *)(uintptr_t)&tlsf_plans[i] };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
