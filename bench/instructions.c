/*
 * Instructions per pair, counted by callgrind: no clock, no noise, the same digits on every run of a build.
 *
 * The program runs itself under valgrind once per workload and contender; that child fills its pool, plays a warm-up,
 * and then the measured pairs, the only function that callgrind is told to count (with what it calls). What the loop
 * itself takes is counted with the contender `none` and subtracted: unlike times, counts do add up. Both are shown.
 */
#include "callgrind.h"
#include "play.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contenders.h"

enum { STANDARD_PAIRS = 100000 };

static const uint64_t standard_counts[] = { 10000, 0 };

struct workload {
    const char *name;
    const struct bench_mix *mix;
    enum bench_order order;
};

static const struct workload workloads[] = { { "steady", &bench_log_uniform, BENCH_RANDOM },
                                             { "any-bytes", &bench_any_bytes, BENCH_RANDOM },
                                             { "fixed", &bench_fixed, BENCH_RANDOM },
                                             { "fifo", &bench_log_uniform, BENCH_FIFO } };

enum { WORKLOAD_COUNT = sizeof workloads / sizeof *workloads };

static uint64_t pairs_of(const struct bench_settings *settings) {
    return bench_pairs(settings, STANDARD_PAIRS);
}

/* ---- The child ---- */

static int be_the_child(const struct bench_settings *settings) {
    const struct workload *workload = NULL;
    for (uint32_t i = 0; i < WORKLOAD_COUNT; i++)
        if (strcmp(workloads[i].name, settings->child) == 0)
            workload = &workloads[i];
    struct bench_field field = bench_choose(settings, NULL);
    if (workload == NULL || field.count != 1 || settings->live.count != 1)
        bench_fail("--child is for the program itself");
    const struct bench_options options = { .device = NULL };
    uint64_t warm_up = bench_warm_up(settings->live.all[0]), pairs = pairs_of(settings);
    struct bench_script script;
    struct bench_players players;
    bench_script_make(&script, workload->mix, workload->order, settings->live.all[0], warm_up + pairs, settings->seed);
    bench_players_open(&players, &field, &script, &options, warm_up);
    if (players.count == 0)
        return EXIT_FAILURE;
    bench_measured_pairs(&players.all[0], &script, warm_up, pairs);
    bench_players_close(&players);
    bench_script_release(&script);
    return EXIT_SUCCESS;
}

/* ---- The parent ---- */

/* The line "totals: N" of callgrind's file; 0 when it has none. */
static uint64_t read_total(const char *path) {
    FILE *file = fopen(path, "r");
    char line[256];
    uint64_t total = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "totals: ", 8) == 0)
            total = strtoull(line + 8, NULL, 10);
    if (file != NULL)
        (void)fclose(file);
    return total;
}

/* Instructions of all measured pairs; 0 when the child failed. */
static uint64_t count(const struct bench_settings *settings, const struct workload *workload, const char *contender,
                      uint64_t live) {
    struct bench_callgrind run = { .settings = settings,
                                   .workload = workload->name,
                                   .contender = contender,
                                   .live = live,
                                   .pairs = pairs_of(settings) };
    uint64_t total = bench_callgrind_run(&run) ? read_total(run.out) : 0;
    bench_callgrind_done(&run);
    return total;
}

static void add(struct bench_results *results, const char *table, const char *contender, uint64_t live,
                const char *column, double value) {
    const struct bench_result result = { .command = "instructions",
                                         .table = table,
                                         .column = column,
                                         .contender = contender,
                                         .unit = "instr",
                                         .live = live,
                                         .spread = bench_exactly(value) };
    bench_results_add(results, &result);
}

static void measure(const struct bench_settings *settings, const struct workload *workload,
                    const struct bench_field *field, uint64_t live, struct bench_results *results) {
    char table[96];
    (void)snprintf(table, sizeof table, "instructions per pair: %s, %" PRIu64 " live", workload->name, live);
    double pairs = (double)pairs_of(settings);
    double loop = (double)count(settings, workload, bench_none.name, live) / pairs;
    for (uint32_t i = 0; i < field->count; i++) {
        const char *name = field->all[i]->name;
        if (strcmp(name, bench_none.name) == 0)
            continue;
        double total = (double)count(settings, workload, name, live) / pairs;
        if (total <= 0) {
            printf("%s is left out: it did not run under valgrind\n", name);
            continue;
        }
        add(results, table, name, live, "as counted", total);
        add(results, table, name, live, "without the loop", total - loop);
    }
    add(results, table, bench_none.name, live, "as counted", loop);
}

int bench_instructions(const struct bench_settings *settings, struct bench_results *results) {
    if (settings->child != NULL)
        return be_the_child(settings);
    if (!bench_has_valgrind()) {
        printf("instructions: left out, valgrind is not installed\n");
        return EXIT_SUCCESS;
    }
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, NULL);
    for (uint32_t c = 0; c < counts.count; c++)
        for (uint32_t w = 0; w < WORKLOAD_COUNT; w++)
            measure(settings, &workloads[w], &field, counts.all[c], results);
    bench_results_print(results);
    return EXIT_SUCCESS;
}
