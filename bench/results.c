/* Tables and JSON, see results.h. */
#include "results.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A result with texts of its own. */
struct bench_record {
    char command[24];
    char table[128];
    char column[32];
    char contender[24];
    char unit[8];
    uint64_t live, refused;
    struct bench_spread spread;
};

/* ---- Spreads ---- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct bench_spread bench_spread_of(double *values, uint32_t count) {
    qsort(values, count, sizeof *values, compare);
    double median = count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    return (struct bench_spread){ median, values[0], values[count - 1], count };
}

double bench_percentile(const double *sorted, uint64_t count, double share) {
    return sorted[(uint64_t)((double)(count - 1) * share)];
}

struct bench_spread bench_exactly(double value) {
    return (struct bench_spread){ value, value, value, 1 };
}

/* ---- The list ---- */

static struct bench_record *next_record(struct bench_results *results) {
    if (results->count == results->capacity) {
        uint32_t capacity = results->capacity != 0 ? 2 * results->capacity : 64;
        struct bench_record *all = realloc(results->all, capacity * sizeof *all);
        if (all == NULL) {
            (void)fprintf(stderr, "bda_bench: out of memory\n");
            exit(EXIT_FAILURE);
        }
        results->all = all;
        results->capacity = capacity;
    }
    return &results->all[results->count++];
}

void bench_results_add(struct bench_results *results, const struct bench_result *result) {
    struct bench_record *record = next_record(results);
    record->live = result->live;
    record->refused = result->refused;
    record->spread = result->spread;
    (void)snprintf(record->command, sizeof record->command, "%s", result->command);
    (void)snprintf(record->table, sizeof record->table, "%s", result->table);
    (void)snprintf(record->contender, sizeof record->contender, "%s", result->contender);
    (void)snprintf(record->unit, sizeof record->unit, "%s", result->unit);
    if (result->column != NULL)
        (void)snprintf(record->column, sizeof record->column, "%s", result->column);
    else
        (void)snprintf(record->column, sizeof record->column, "%" PRIu64 " live", result->live);
}

void bench_results_release(struct bench_results *results) {
    free(results->all);
    *results = (struct bench_results){ .count = 0 };
}

/* ---- Tables ---- */

enum { MOST_NAMES = 64 };

/* Distinct texts in the order of their first appearance. */
struct names {
    const char *all[MOST_NAMES];
    uint32_t count;
};

static void note(struct names *names, const char *text) {
    for (uint32_t i = 0; i < names->count; i++)
        if (strcmp(names->all[i], text) == 0)
            return;
    if (names->count < MOST_NAMES)
        names->all[names->count++] = text;
}

/* Results that stand in the same table come from one measurement, so they are among those not printed yet. */
static const struct bench_record *find(const struct bench_results *results, const char *table, const char *row,
                                       const char *column) {
    for (uint32_t i = results->printed; i < results->count; i++) {
        const struct bench_record *record = &results->all[i];
        if (strcmp(record->table, table) == 0 && strcmp(record->contender, row) == 0 &&
            strcmp(record->column, column) == 0)
            return record;
    }
    return NULL;
}

/* A digit behind the point only where it means something, two where it is a ratio; a figure without a spread stands
 * alone. */
static void print_cell(const struct bench_record *record) {
    char text[64] = "-";
    if (record != NULL) {
        const struct bench_spread *s = &record->spread;
        int digits = strcmp(record->unit, "x") == 0 ? 2 : s->median < 100 ? 1 : 0;
        if (s->samples > 1)
            (void)snprintf(text, sizeof text, "%.*f (%.*f-%.*f)", digits, s->median, digits, s->minimum, digits,
                           s->maximum);
        else
            (void)snprintf(text, sizeof text, "%.*f", digits, s->median);
    }
    printf(" %-20s |", text);
}

static void print_head(const char *table, const struct names *columns) {
    printf("\n%s\n\n| %-15s |", table, "");
    for (uint32_t c = 0; c < columns->count; c++)
        printf(" %-20s |", columns->all[c]);
    printf("\n|-----------------|");
    for (uint32_t c = 0; c < columns->count; c++)
        printf("---------------------:|");
    printf("\n");
}

static void print_table(const struct bench_results *results, const char *table) {
    struct names rows = { .count = 0 }, columns = { .count = 0 };
    for (uint32_t i = results->printed; i < results->count; i++)
        if (strcmp(results->all[i].table, table) == 0) {
            note(&rows, results->all[i].contender);
            note(&columns, results->all[i].column);
        }
    print_head(table, &columns);
    for (uint32_t r = 0; r < rows.count; r++) {
        printf("| %-15s |", rows.all[r]);
        for (uint32_t c = 0; c < columns.count; c++)
            print_cell(find(results, table, rows.all[r], columns.all[c]));
        printf("\n");
    }
}

void bench_results_print(struct bench_results *results) {
    struct names tables = { .count = 0 };
    for (uint32_t i = results->printed; i < results->count; i++)
        note(&tables, results->all[i].table);
    for (uint32_t i = 0; i < tables.count; i++)
        print_table(results, tables.all[i]);
    results->printed = results->count;
    (void)fflush(stdout);
}

/* ---- JSON ---- */

static void write_record(FILE *file, const struct bench_record *r, bool last) {
    (void)fprintf(file, "    { \"command\": \"%s\", \"table\": \"%s\", \"column\": \"%s\", \"contender\": \"%s\", ",
                  r->command, r->table, r->column, r->contender);
    (void)fprintf(file, "\"unit\": \"%s\", \"live\": %" PRIu64 ", \"median\": %.6g, \"minimum\": %.6g, ", r->unit,
                  r->live, r->spread.median, r->spread.minimum);
    (void)fprintf(file, "\"maximum\": %.6g, \"samples\": %" PRIu32 ", \"refused\": %" PRIu64 " }%s\n",
                  r->spread.maximum, r->spread.samples, r->refused, last ? "" : ",");
}

static void write_machine(FILE *file, const struct bench_machine *machine) {
    (void)fprintf(file, "  \"machine\": { \"processor\": \"%s\", \"compiler\": \"%s\", \"assertions\": %s },\n",
                  machine->processor, machine->compiler, machine->assertions ? "true" : "false");
}

bool bench_results_write_json(const struct bench_results *results, const struct bench_machine *machine,
                              const char *path) {
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return false;
    }
    (void)fprintf(file, "{\n  \"version\": 1,\n");
    write_machine(file, machine);
    (void)fprintf(file, "  \"results\": [\n");
    for (uint32_t i = 0; i < results->count; i++)
        write_record(file, &results->all[i], i + 1 == results->count);
    (void)fprintf(file, "  ]\n}\n");
    if (fclose(file) == 0)
        return true;
    perror(path);
    return false;
}
