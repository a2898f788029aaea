/* What a tick is worth, see clock.h. */
#include "clock.h"

#include "results.h"

enum { READINGS = 10001 };

#define CALIBRATION_SECONDS 0.05

/* Ticks go on while other programs run, and so does this clock. */
static double wall_seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double calibrate(void) {
    double start = wall_seconds(), now = start;
    uint64_t first = bench_ticks(), last = first;
    while (now - start < CALIBRATION_SECONDS) {
        now = wall_seconds();
        last = bench_ticks();
    }
    return (now - start) * 1e9 / (double)(last - first);
}

/* `readings` are sorted. */
static uint64_t smallest_step(const double *readings) {
    double step = readings[READINGS - 1];
    for (uint32_t i = 1; i < READINGS; i++) {
        double difference = readings[i] - readings[i - 1];
        if (difference > 0 && difference < step)
            step = difference;
    }
    return (uint64_t)step;
}

struct bench_ticker bench_ticker_make(void) {
    static double readings[READINGS];
    for (uint32_t i = 0; i < READINGS; i++) {
        uint64_t before = bench_ticks();
        readings[i] = (double)(bench_ticks() - before);
    }
    uint64_t overhead = (uint64_t)bench_spread_of(readings, READINGS).median;
    return (struct bench_ticker){ calibrate(), overhead, smallest_step(readings) };
}
