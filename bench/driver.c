/*
 * With a driver: ranges (no driver call), buffers of one's own, VMA's buffers, and the driver's own share of a buffer,
 * on the machine's Vulkan device or, with --fake, on the tests' driver, which shows that everything runs and means
 * nothing as a time. Sizes are log-uniform from 256 B to 64 KiB. One thread, or several on the same allocator.
 */
#include "device.h"
#include "rounds.h"
#include "threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contenders.h"

static const uint64_t standard_counts[] = { 1000, 10000, 0 };

static bool uses_driver(const struct contender *contender) {
    if (contender->threads == BENCH_ONLY_THREADS)
        return false;
    return contender->makes_buffers || strcmp(contender->name, bench_public.name) == 0 ||
           strcmp(contender->name, bench_public_locked.name) == 0 || strcmp(contender->name, bench_none.name) == 0;
}

static const struct bench_device *open_device(const struct bench_settings *settings) {
    return settings->fake ? bench_device_open_fake() : bench_device_open();
}

int bench_driver(const struct bench_settings *settings, struct bench_results *results) {
    const struct bench_device *device = open_device(settings);
    if (device == NULL)
        return EXIT_SUCCESS;
    char table[128];
    (void)snprintf(table, sizeof table, "driver: ns per pair, log-uniform 256 B-64 KiB, align 256, %s", device->name);
    const struct bench_workload workload = { "driver", table, &bench_small, BENCH_RANDOM, device };
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, uses_driver);
    for (uint32_t i = 0; i < counts.count; i++)
        bench_time_pairs(settings, &workload, &field, counts.all[i], results);
    bench_results_print(results);
    bench_device_close();
    return EXIT_SUCCESS;
}

/* ---- With several threads ---- */

static bool uses_driver_from_threads(const struct contender *contender) {
    if (contender->threads == BENCH_ONE_THREAD)
        return false;
    return contender->makes_buffers || strcmp(contender->name, bench_public_locked.name) == 0 ||
           strcmp(contender->name, bench_none.name) == 0;
}

int bench_driver_threads(const struct bench_settings *settings, struct bench_results *results) {
    static const uint64_t standard[] = { 10000, 0 };
    const struct bench_device *device = open_device(settings);
    if (device == NULL)
        return EXIT_SUCCESS;
    const struct bench_threads_workload workload = {
        "driver-threads", device->name, &bench_small, false, false, 0, device
    };
    struct bench_counts counts = bench_counts_of(settings, standard);
    struct bench_field field = bench_choose(settings, uses_driver_from_threads);
    bench_say_processors();
    for (uint32_t i = 0; i < counts.count; i++)
        bench_time_threads(settings, &workload, &field, counts.all[i], results);
    bench_results_print(results);
    bench_device_close();
    return EXIT_SUCCESS;
}
