/* bda_tlsf_check has nothing to say against a sound pool, so the tests that trust it do not cry wolf. */
#include "pool.h"

#include "core/tlsf_check.c"

void check_finds_nothing_wrong_with_a_sound_pool(void) {
    const uint32_t regions[] = { THE_REGION };
    any_sound_pool();
    ENSURE(bda_tlsf_check(&tlsf, regions, 1) == NULL);
    REACHES(tlsf.empty_regions == 0 && tlsf.free_granules != 0);
}
