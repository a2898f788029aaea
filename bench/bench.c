/*
 * bda_bench: measures libbdaalloc beside its peers. `bda_bench --help` lists the measurements; docs/performance.md says
 * how each is made and what it showed.
 */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef BENCH_HAS_REPLAY
int bench_replay(int argc, char **argv);
int bench_dump(int argc, char **argv);
#endif

struct command {
    const char *name;
    bench_measurement *run;
    const char *what;
};

/* In the order of `all`. Nobody is timed whose answers are wrong. The metadata come last, since they change how malloc
 * behaves. */
static const struct command commands[] = {
    { "verify", bench_verify, "no two ranges overlap and each is aligned; nothing is timed" },
    { "steady", bench_steady, "time per pair, random victims" },
    { "steady-bytes", bench_steady_bytes, "the same with sizes of any byte count; also steady --bytes" },
    { "fixed", bench_fixed_size, "time per pair, 256 B, random victims" },
    { "fifo", bench_fifo, "time per pair, first in first out" },
    { "fill", bench_fill, "time per allocation into an empty pool, and per free until it is empty" },
    { "latency", bench_latency, "percentiles of single calls" },
    { "holes", bench_holes, "time of a request that fits nothing, over many holes almost large enough" },
    { "occupancy", bench_occupancy, "how full a pool gets before a refusal, and how full it can be kept" },
    { "instructions", bench_instructions, "instructions per pair, counted by callgrind" },
    { "cold", bench_cold, "cache lines fetched from memory per call, in callgrind's simulation; takes minutes" },
    { "batch", bench_batch, "time per item of batches beside single calls" },
    { "threads", bench_threads, "time on the wall per pair of 1, 2, 4 ... threads, and how the throughput grows" },
    { "stall", bench_stall, "percentiles of small requests while another thread is in a slow driver" },
    { "full", bench_full, "calls of the driver while device memory is full and host memory serves" },
    { "driver", bench_driver, "ranges and buffers on a Vulkan driver" },
    { "driver-threads", bench_driver_threads, "the same from several threads" },
    { "find", bench_find, "time per look-up of an address, and the host memory that look-ups take" },
    { "frame", bench_frame, "time per piece of what a frame takes and forgets: an arena beside single ranges" },
    { "metadata", bench_metadata, "host memory per live allocation, and the slowest step of its growth" },
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands, MOST_THREADS = 256 };

/* ---- Small things ---- */

void bench_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("bda_bench: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

void *bench_memory(size_t count, size_t size) {
    void *memory = calloc(count != 0 ? count : 1, size);
    if (memory == NULL)
        bench_fail("out of memory");
    return memory;
}

/* ---- Choosing ---- */

/* Whether `name` stands in a list with commas. */
static bool is_listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += at != list || *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

static bool needs_no_driver(const struct contender *contender) {
    return !contender->makes_buffers && contender->threads != BENCH_ONLY_THREADS;
}

struct bench_field bench_choose(const struct bench_settings *settings, bool (*fits)(const struct contender *)) {
    struct bench_field field = { .count = 0 };
    if (fits == NULL)
        fits = needs_no_driver;
    for (uint32_t i = 0; bench_contenders[i] != NULL && field.count < BENCH_MOST_CONTENDERS; i++) {
        const struct contender *contender = bench_contenders[i];
        if (fits(contender) && (settings->only == NULL || is_listed(settings->only, contender->name)))
            field.all[field.count++] = contender;
    }
    return field;
}

struct bench_counts bench_counts_of(const struct bench_settings *settings, const uint64_t *standard) {
    struct bench_counts counts = settings->live;
    while (settings->live.count == 0 && counts.count < BENCH_MOST_COUNTS && standard[counts.count] != 0) {
        counts.all[counts.count] = standard[counts.count];
        counts.count++;
    }
    return counts;
}

uint32_t bench_rounds(const struct bench_settings *settings, uint32_t standard) {
    return settings->rounds != 0 ? settings->rounds : standard;
}

uint64_t bench_pairs(const struct bench_settings *settings, uint64_t standard) {
    return settings->pairs != 0 ? settings->pairs : standard;
}

/* ---- The command line ---- */

enum option_code {
    OPTION_LIVE = 256,
    OPTION_THREADS,
    OPTION_PAIRS,
    OPTION_ROUNDS,
    OPTION_SEED,
    OPTION_SEEDS,
    OPTION_BYTES,
    OPTION_WORKLOAD,
    OPTION_ONLY,
    OPTION_JSON,
    OPTION_KEEP,
    OPTION_FAKE,
    OPTION_LIST,
    OPTION_HELP,
    OPTION_CHILD
};

static const struct option options[] = { { "live", required_argument, NULL, OPTION_LIVE },
                                         { "threads", required_argument, NULL, OPTION_THREADS },
                                         { "pairs", required_argument, NULL, OPTION_PAIRS },
                                         { "rounds", required_argument, NULL, OPTION_ROUNDS },
                                         { "seed", required_argument, NULL, OPTION_SEED },
                                         { "seeds", required_argument, NULL, OPTION_SEEDS },
                                         { "bytes", no_argument, NULL, OPTION_BYTES },
                                         { "workload", required_argument, NULL, OPTION_WORKLOAD },
                                         { "only", required_argument, NULL, OPTION_ONLY },
                                         { "json", required_argument, NULL, OPTION_JSON },
                                         { "keep", required_argument, NULL, OPTION_KEEP },
                                         { "fake", no_argument, NULL, OPTION_FAKE },
                                         { "list", no_argument, NULL, OPTION_LIST },
                                         { "help", no_argument, NULL, OPTION_HELP },
                                         { "child", required_argument, NULL, OPTION_CHILD }, /* for itself only */
                                         { NULL, 0, NULL, 0 } };

static void print_help(void) {
    printf("usage: bda_bench MEASUREMENT [options]\n\nmeasurements:\n");
    for (uint32_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-14s %s\n", commands[i].name, commands[i].what);
    printf("  %-14s %s\n", "all", "all of these");
#ifdef BENCH_HAS_REPLAY
    printf("  %-14s %s\n", "replay", "recorded traces; see bda_bench replay --help");
    printf("  %-14s %s\n", "dump", "what is in the heap while a trace is played: TRACE PREFIX [COUNT]");
#endif
    printf("\noptions:\n"
           "  --live N[,N...]   live allocations\n"
           "  --threads N[,...] threads, driver-threads: so many, one after another\n"
           "  --pairs N         pairs (free and alloc) of a round\n"
           "  --rounds N        rounds, whose median is taken\n"
           "  --seed N          first seed of the generator (1)\n"
           "  --seeds N         occupancy: so many seeds\n"
           "  --bytes           steady: sizes of any byte count\n"
           "  --workload NAME   threads: this one, as tables' titles name it\n"
           "  --only A[,B...]   these contenders\n"
           "  --json FILE       writes the results there too\n"
           "  --keep FOLDER     instructions, cold: keeps callgrind's files there, in a folder that exists\n"
           "  --fake            driver, driver-threads: the fake driver in place of a real one\n"
           "  --list            lists the contenders of this build\n");
}

static void print_list(void) {
    for (uint32_t i = 0; bench_contenders[i] != NULL; i++)
        printf("%-16s %s\n", bench_contenders[i]->name, bench_contenders[i]->what);
}

static uint64_t number(const char *text, char **end) {
    errno = 0;
    uint64_t value = strtoull(text, end, 10);
    if (errno != 0 || *end == text || value == 0)
        bench_fail("'%s' is no number above 0", text);
    return value;
}

static uint64_t whole_number(const char *text) {
    char *end = NULL;
    uint64_t value = number(text, &end);
    if (*end != '\0' || value > UINT32_MAX)
        bench_fail("'%s' is no number above 0 of 32 bits", text);
    return value;
}

static struct bench_counts take_counts(const char *text) {
    struct bench_counts counts = { .count = 0 };
    for (char *end = NULL;; text = end + 1) {
        if (counts.count == BENCH_MOST_COUNTS)
            bench_fail("at most %d counts", BENCH_MOST_COUNTS);
        counts.all[counts.count++] = number(text, &end);
        if (*end == '\0')
            return counts;
        if (*end != ',')
            bench_fail("'%s' has something else than numbers with commas between", text);
    }
}

static struct bench_counts take_threads(const char *text) {
    struct bench_counts counts = take_counts(text);
    for (uint32_t i = 0; i < counts.count; i++)
        if (counts.all[i] > MOST_THREADS)
            bench_fail("at most %d threads", MOST_THREADS);
    return counts;
}

static bool is_contender(const char *name, size_t length) {
    for (uint32_t i = 0; bench_contenders[i] != NULL; i++)
        if (strlen(bench_contenders[i]->name) == length && strncmp(bench_contenders[i]->name, name, length) == 0)
            return true;
    return false;
}

/* A name that no contender has is a mistake better told than ignored. */
static void check_only(const char *names) {
    while (true) {
        size_t length = strcspn(names, ",");
        if (!is_contender(names, length))
            bench_fail("no contender '%.*s' in this build; --list shows them", (int)length, names);
        if (names[length] == '\0')
            return;
        names += length + 1;
    }
}

/* Callgrind would refuse it without a word that is seen here. */
static const char *existing_folder(const char *path) {
    struct stat found;
    if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode))
        bench_fail("'%s' is no folder", path);
    return path;
}

static void take_option(struct bench_settings *settings, int code, const char *argument) {
    switch (code) {
    case OPTION_LIVE:
        settings->live = take_counts(argument);
        break;
    case OPTION_THREADS:
        settings->threads = take_threads(argument);
        break;
    case OPTION_PAIRS:
        settings->pairs = whole_number(argument);
        break;
    case OPTION_ROUNDS:
        settings->rounds = (uint32_t)whole_number(argument);
        break;
    case OPTION_SEED:
        settings->seed = whole_number(argument);
        break;
    case OPTION_SEEDS:
        settings->seeds = (uint32_t)whole_number(argument);
        break;
    case OPTION_BYTES:
        settings->any_bytes = true;
        break;
    case OPTION_WORKLOAD:
        settings->workload = argument;
        break;
    case OPTION_ONLY:
        check_only(argument);
        settings->only = argument;
        break;
    case OPTION_JSON:
        settings->json = argument;
        break;
    case OPTION_KEEP:
        settings->keep = existing_folder(argument);
        break;
    case OPTION_FAKE:
        settings->fake = true;
        break;
    case OPTION_CHILD:
        settings->child = argument;
        break;
    case OPTION_LIST:
        print_list();
        exit(EXIT_SUCCESS);
    case OPTION_HELP:
        print_help();
        exit(EXIT_SUCCESS);
    default: /* getopt_long has said what is wrong */
        exit(EXIT_FAILURE);
    }
}

/* Returns the measurement's name. */
static const char *read_command_line(struct bench_settings *settings, int argc, char **argv) {
    *settings = (struct bench_settings){ .program = argv[0], .seed = 1 };
    for (int code = 0; (code = getopt_long(argc, argv, "", options, NULL)) != -1;)
        take_option(settings, code, optarg);
    if (optind + 1 != argc) {
        print_help();
        exit(EXIT_FAILURE);
    }
    return argv[optind];
}

/* ---- Running ---- */

/* The processor's name where the system tells it, without what JSON would have to escape. */
static void read_processor(char *out, size_t room) {
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    (void)snprintf(out, room, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || value == NULL)
            continue;
        (void)snprintf(out, room, "%.*s", (int)strcspn(value + 2, "\n\"\\"), value + 2);
        break;
    }
    if (file != NULL)
        (void)fclose(file);
}

struct bench_machine bench_describe_machine(void) {
    struct bench_machine machine = { .assertions = false };
    read_processor(machine.processor, sizeof machine.processor);
#if defined(__clang__)
    (void)snprintf(machine.compiler, sizeof machine.compiler, "clang %d.%d", __clang_major__, __clang_minor__);
#elif defined(__GNUC__)
    (void)snprintf(machine.compiler, sizeof machine.compiler, "gcc %d.%d", __GNUC__, __GNUC_MINOR__);
#endif
#ifndef NDEBUG
    machine.assertions = true;
#endif
    return machine;
}

static int run(const struct bench_settings *settings, const char *name, struct bench_results *results) {
    bool known = false;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i].name) != 0 && strcmp(name, "all") != 0)
            continue;
        known = true;
        int code = commands[i].run(settings, results);
        if (code != EXIT_SUCCESS)
            return code;
    }
    if (!known)
        bench_fail("no measurement '%s'; --help lists them", name);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
#ifdef BENCH_HAS_REPLAY
    if (argc > 1 && strcmp(argv[1], "replay") == 0)
        return bench_replay(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "dump") == 0)
        return bench_dump(argc - 1, argv + 1);
#endif
    struct bench_settings settings;
    struct bench_results results = { .count = 0 };
    const char *name = read_command_line(&settings, argc, argv);
    struct bench_machine machine = bench_describe_machine();
    printf("%s, %s%s\n", machine.processor, machine.compiler,
           machine.assertions ? ", with assertions: a Release build is faster" : "");
    int code = run(&settings, name, &results);
    if (code == EXIT_SUCCESS && settings.json != NULL && !bench_results_write_json(&results, &machine, settings.json))
        code = EXIT_FAILURE;
    bench_results_release(&results);
    return code;
}
