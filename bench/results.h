/*
 * Results: what was measured, kept until the end of the run, printed as tables as it comes and as JSON once.
 *
 * A *table* has a row per contender and a column per count of live allocations, or per figure; a *spread* is the
 * median of some rounds with the smallest and the largest.
 */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <stdbool.h>
#include <stdint.h>

struct bench_spread {
    double median, minimum, maximum;
    uint32_t samples;
};

/* Sorts `values`; count is not 0. */
struct bench_spread bench_spread_of(double *values, uint32_t count);

/* Of sorted values, the one that this share of them does not exceed; count is not 0. */
double bench_percentile(const double *sorted, uint64_t count, double share);

/* A figure that has no noise. */
struct bench_spread bench_exactly(double value);

/* One cell of one table. Texts are names and sentences of this program: no quotation marks, no backslashes. */
struct bench_result {
    const char *command;
    const char *table;  /* what the table is about, unit included */
    const char *column; /* NULL: the count of live allocations */
    const char *contender;
    const char *unit;
    uint64_t live;    /* live allocations, 0 where that is not the question */
    uint64_t refused; /* requests, in all rounds together and what came before them */
    struct bench_spread spread;
};

struct bench_record;

struct bench_results {
    struct bench_record *all;
    uint32_t count, capacity, printed;
};

/* Copies everything, texts too (and cuts those that are too long). */
void bench_results_add(struct bench_results *results, const struct bench_result *result);

/* Prints what was added since the last call, in markdown, a table per distinct `table`. */
void bench_results_print(struct bench_results *results);

/* What the figures hold for; shown on top of the output and in the JSON. */
struct bench_machine {
    char processor[96];
    char compiler[64];
    bool assertions;
};

/* False, with a line on stderr, when the file cannot be written. */
bool bench_results_write_json(const struct bench_results *results, const struct bench_machine *machine,
                              const char *path);

void bench_results_release(struct bench_results *results);

#endif
