/*
 * `bda_bench replay`: plays recorded traces on every allocator of this build. Here are the command line and what the
 * two kinds of replays share; see replay.h for what they measure.
 */
#include "replay.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STANDARD_ROUNDS = 21 };

#define MOST_PEAK ((uint64_t)1 << 40)

int bench_replay(int argc, char **argv);

/* ---- Shared ---- */

bool replay_wants(const struct replay_options *options, const char *name) {
    size_t length = strlen(name);
    for (const char *at = options->only; at != NULL; at = *at == ',' ? at + 1 : NULL) {
        size_t item = strcspn(at, ",");
        if (item == length && strncmp(at, name, length) == 0)
            return true;
        at += item;
    }
    return options->only == NULL;
}

void replay_add(const struct replay *replay, const char *what, const char *who, const char *column, const char *unit,
                struct bench_spread spread) {
    char table[128];
    (void)snprintf(table, sizeof table, "replay of %.40s: %s", replay->name, what);
    const struct bench_result result = {
        .command = "replay", .table = table, .column = column, .contender = who, .unit = unit, .spread = spread
    };
    bench_results_add(replay->results, &result);
}

double replay_waste(const struct trace *trace, uint64_t held) {
    return ((double)held - (double)trace->peak_bytes) * 100 / (double)trace->peak_bytes;
}

/* ---- The command line ---- */

static const char help[] = "usage: bda_bench replay [options] FILE...\n"
                           "\n"
                           "plays traces (bench/traces/README.md) on every allocator of this build\n"
                           "\n"
                           "  --rounds N        rounds, whose median is taken (21)\n"
                           "  --only A[,B...]   these allocators\n"
                           "  --json FILE       writes the results there too\n"
                           "  --device          times those that use a driver on the machine's Vulkan device\n";

static void read_options(struct replay_options *options, int argc, char **argv) {
    static const struct option known[] = {
        { "rounds", required_argument, NULL, 'r' }, { "only", required_argument, NULL, 'o' },
        { "json", required_argument, NULL, 'j' },   { "device", no_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 }
    };
    *options = (struct replay_options){ .rounds = STANDARD_ROUNDS };
    for (int code; (code = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (code) {
        case 'r':
            options->rounds = (uint32_t)strtoul(optarg, NULL, 10);
            if (options->rounds == 0 || options->rounds > 10000)
                bench_fail("--rounds wants a number from 1 to 10000");
            break;
        case 'o':
            options->only = optarg;
            break;
        case 'j':
            options->json = optarg;
            break;
        case 'd':
            options->real_device = true;
            break;
        case 'h':
            (void)fputs(help, stdout);
            exit(EXIT_SUCCESS);
        default: /* getopt_long has said what is wrong */
            exit(EXIT_FAILURE);
        }
}

/* ---- Running ---- */

/* "minetest" of "somewhere/minetest.trace". What JSON would have to escape becomes '?'. */
static void name_of(const char *path, char *name, size_t room) {
    const char *slash = strrchr(path, '/');
    (void)snprintf(name, room, "%s", slash != NULL ? slash + 1 : path);
    char *end = strrchr(name, '.');
    if (end != NULL && end != name)
        *end = '\0';
    for (char *at = name; *at != '\0'; at++)
        if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ')
            *at = '?';
}

static uint32_t replay_file(const struct replay_options *options, const char *path, struct bench_results *results) {
    char name[64], error[TRACE_ERROR_LENGTH];
    struct replay replay = { .name = name, .options = options, .results = results };
    name_of(path, name, sizeof name);
    if (!trace_open(path, &replay.trace, error))
        bench_fail("%s", error);
    if (replay.trace.peak_bytes > MOST_PEAK)
        bench_fail("%s: %" PRIu64 " bytes at a time are more than any pool here is for", path, replay.trace.peak_bytes);
    printf("\n%s: %" PRIu32 " buffers created, %" PRIu32 " destroyed; at its peak %" PRIu32 " buffers, or %.1f MiB\n",
           name, replay.trace.alloc_count, replay.trace.event_count - replay.trace.alloc_count, replay.trace.peak_count,
           (double)replay.trace.peak_bytes / (1 << 20));
    uint32_t players = replay_pools(&replay) + replay_full(&replay);
    bench_results_print(results);
    trace_free(&replay.trace);
    return players;
}

int bench_replay(int argc, char **argv) {
    struct replay_options options;
    struct bench_results results = { .count = 0 };
    int code = EXIT_SUCCESS;
    read_options(&options, argc, argv);
    if (optind == argc) {
        (void)fputs(help, stderr);
        return EXIT_FAILURE;
    }
    for (int i = optind; i < argc; i++)
        if (replay_file(&options, argv[i], &results) == 0)
            bench_fail("no allocator of this build is named '%s'; bda_bench --list shows the pools", options.only);
    struct bench_machine machine = bench_describe_machine();
    if (options.json != NULL && !bench_results_write_json(&results, &machine, options.json))
        code = EXIT_FAILURE;
    bench_results_release(&results);
    return code;
}
