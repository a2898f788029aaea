/*
 * Cold: how many cache lines a free and an alloc fetch from memory, counted by callgrind's simulation of the caches,
 * with first levels of 32 KiB and a last one of 4 MiB. At a million live allocations this is what the time is made of;
 * the counts are the same on every run of a build.
 *
 * A line that is only written is fetched too, but nobody waits for it: reads and writes stand apart. What the loop
 * itself misses (the slot of a random victim) is no part of a pair and stands beside it.
 */
#include "callgrind.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STANDARD_PAIRS = 100000, LINE_ROOM = 4096, MOST_EVENTS = 32 };

static const uint64_t standard_counts[] = { 1000000, 0 };

/* Names and positions are written out in full, so that a few lines of C can read the file. */
static const char *const options[] = { "--cache-sim=yes",
                                       "--I1=32768,8,64",
                                       "--D1=32768,8,64",
                                       "--LL=4194304,16,64",
                                       "--compress-strings=no",
                                       "--compress-pos=no",
                                       NULL };

/* Missed lines of all measured calls. */
struct misses {
    double reads, writes;
};

enum callee { CALLEE_NONE, CALLEE_FREE, CALLEE_ALLOC, CALLEE_COUNT };

/* ---- Callgrind's file ---- */

struct reader {
    uint32_t read_event, write_event; /* places of DLmr and DLmw in a line of costs */
    bool within;                      /* the lines are those of bench_measured_pairs */
    bool is_call;                     /* the next costs are those of what it called */
    enum callee callee;
    struct misses misses[CALLEE_COUNT];
};

static void read_events(struct reader *reader, char *names) {
    uint32_t place = 0;
    for (char *name = strtok(names, " \n"); name != NULL; name = strtok(NULL, " \n"), place++) {
        if (strcmp(name, "DLmr") == 0)
            reader->read_event = place;
        if (strcmp(name, "DLmw") == 0)
            reader->write_event = place;
    }
}

/* "position cost cost ...", where zeros at the end are left out. */
static void read_costs(struct reader *reader, const char *line) {
    struct misses *misses = &reader->misses[reader->is_call ? reader->callee : CALLEE_NONE];
    char *at = NULL;
    (void)strtoull(line, &at, 10);
    for (uint32_t place = 0; place < MOST_EVENTS; place++) {
        char *end = NULL;
        double cost = (double)strtoull(at, &end, 10);
        if (end == at)
            break;
        misses->reads += place == reader->read_event ? cost : 0;
        misses->writes += place == reader->write_event ? cost : 0;
        at = end;
    }
    reader->is_call = false;
}

/* Every contender's own name for its `free` is free_range, so that profiles can be read. */
static void read_line(struct reader *reader, char *line) {
    if (strncmp(line, "events: ", 8) == 0)
        read_events(reader, line + 8);
    else if (strncmp(line, "fn=", 3) == 0)
        reader->within = strncmp(line + 3, "bench_measured_pairs", 20) == 0;
    else if (!reader->within)
        return;
    else if (strncmp(line, "cfn=", 4) == 0)
        reader->callee = strstr(line, "free_range") != NULL ? CALLEE_FREE : CALLEE_ALLOC;
    else if (strncmp(line, "calls=", 6) == 0)
        reader->is_call = true;
    else if (isdigit((unsigned char)line[0]) != 0)
        read_costs(reader, line);
}

static bool read_misses(const char *path, struct reader *reader) {
    FILE *file = fopen(path, "r");
    char line[LINE_ROOM];
    *reader = (struct reader){ .read_event = MOST_EVENTS, .write_event = MOST_EVENTS };
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        read_line(reader, line);
    if (file != NULL)
        (void)fclose(file);
    return reader->read_event != MOST_EVENTS && reader->write_event != MOST_EVENTS;
}

/* ---- Measuring ---- */

static bool has_pool(const struct contender *contender) {
    return contender->has_pool && !contender->makes_buffers && contender->threads != BENCH_ONLY_THREADS;
}

static void add(struct bench_results *results, const struct bench_callgrind *run, const char *column, double misses) {
    char table[96];
    (void)snprintf(table, sizeof table, "cold: lines missed in a last level of 4 MiB, steady, %" PRIu64 " live",
                   run->live);
    const struct bench_result result = { .command = "cold",
                                         .table = table,
                                         .column = column,
                                         .contender = run->contender,
                                         .unit = "x", /* two digits: a hundredth of a line is a thousand misses */
                                         .live = run->live,
                                         .spread = bench_exactly(misses / (double)run->pairs) };
    bench_results_add(results, &result);
}

static void measure(const struct bench_settings *settings, const char *contender, uint64_t live,
                    struct bench_results *results) {
    struct bench_callgrind run = { .settings = settings,
                                   .workload = "steady",
                                   .contender = contender,
                                   .live = live,
                                   .pairs = bench_pairs(settings, STANDARD_PAIRS),
                                   .options = options };
    struct reader reader;
    bool ran = bench_callgrind_run(&run) && read_misses(run.out, &reader);
    bench_callgrind_done(&run);
    if (!ran) {
        printf("%s is left out: it did not run under valgrind\n", contender);
        return;
    }
    const struct misses *of_free = &reader.misses[CALLEE_FREE], *of_alloc = &reader.misses[CALLEE_ALLOC];
    add(results, &run, "free, read", of_free->reads);
    add(results, &run, "free, written", of_free->writes);
    add(results, &run, "alloc, read", of_alloc->reads);
    add(results, &run, "alloc, written", of_alloc->writes);
    add(results, &run, "pair", of_free->reads + of_free->writes + of_alloc->reads + of_alloc->writes);
    add(results, &run, "the loop", reader.misses[CALLEE_NONE].reads + reader.misses[CALLEE_NONE].writes);
}

int bench_cold(const struct bench_settings *settings, struct bench_results *results) {
    if (!bench_has_valgrind()) {
        printf("cold: left out, valgrind is not installed\n");
        return EXIT_SUCCESS;
    }
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, has_pool);
    for (uint32_t c = 0; c < counts.count; c++)
        for (uint32_t i = 0; i < field.count; i++)
            measure(settings, field.all[i]->name, counts.all[c], results);
    bench_results_print(results);
    return EXIT_SUCCESS;
}
