/* See chance.h. */
#include "schedule/chance.h"

#include <sched.h>
#include <time.h>

_Thread_local uint64_t chance;

uint32_t below(uint32_t bound) {
    uint64_t z = chance += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (uint32_t)((z ^ z >> 31) % bound);
}

void stop_at_times(void) {
    uint32_t dice = below(256);
    if (dice < 24)
        (void)sched_yield();
    else if (dice == 24)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
}
