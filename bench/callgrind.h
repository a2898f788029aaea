/*
 * Running this program under valgrind's callgrind: `bda_bench instructions --child=WORKLOAD`, of which only the
 * function bench_measured_pairs is counted, with what it calls.
 */
#ifndef BENCH_CALLGRIND_H
#define BENCH_CALLGRIND_H

#include "bench.h"

enum { BENCH_PATH_ROOM = 512 };

struct bench_callgrind {
    const struct bench_settings *settings;
    const char *workload; /* as `instructions` names it */
    const char *contender;
    uint64_t live, pairs;
    const char *const *options; /* further ones of callgrind's, which NULL ends; NULL: none */
    char out[BENCH_PATH_ROOM - 32];
};

bool bench_has_valgrind(void);

/* False when the child failed. Its counts are in the file `out` until bench_callgrind_done, or for good with --keep. */
bool bench_callgrind_run(struct bench_callgrind *run);
void bench_callgrind_done(const struct bench_callgrind *run);

#endif
