/* Chance for threads that do things at random: a sequence for each, the same for the same seed. */
#ifndef BDA_TESTS_SCHEDULE_CHANCE_H
#define BDA_TESTS_SCHEDULE_CHANCE_H

#include <stdint.h>

/* Where the calling thread's sequence is; set before its first draw. */
extern _Thread_local uint64_t chance;

uint32_t below(uint32_t bound);

/* A hook for yield points: one time in eleven another thread may come between, now and then for longer. */
void stop_at_times(void);

#endif
