/* Runs under callgrind, see callgrind.h. */
#include "callgrind.h"

#include <inttypes.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = 20 };

extern char **environ;

/* Whether the command ran and answered 0; its output is dropped. */
static bool run_quietly(char *const *arguments) {
    posix_spawn_file_actions_t actions;
    pid_t child = 0;
    int status = -1;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0);
    bool ran = posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ) == 0 &&
               waitpid(child, &status, 0) == child && status == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    return ran;
}

bool bench_has_valgrind(void) {
    char *arguments[] = { (char[]){ "valgrind" }, (char[]){ "--version" }, NULL };
    return run_quietly(arguments);
}

/* The command line of a child, its texts in room of their own. */
struct command {
    char texts[MOST_ARGUMENTS][BENCH_PATH_ROOM];
    char *arguments[MOST_ARGUMENTS + 1];
    uint32_t count;
};

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
append(struct command *command, const char *format, ...) {
    if (command->count == MOST_ARGUMENTS)
        bench_fail("too many arguments for valgrind");
    va_list values;
    va_start(values, format);
    (void)vsnprintf(command->texts[command->count], BENCH_PATH_ROOM, format, values);
    va_end(values);
    command->arguments[command->count] = command->texts[command->count];
    command->arguments[++command->count] = NULL;
}

static void name_file(struct bench_callgrind *run) {
    const char *folder = run->settings->keep;
    if (folder != NULL)
        (void)snprintf(run->out, sizeof run->out, "%s/%s.%s.%" PRIu64 ".callgrind", folder, run->workload,
                       run->contender, run->live);
    else
        (void)snprintf(run->out, sizeof run->out, "/tmp/bda_bench.%ld.callgrind", (long)getpid());
}

bool bench_callgrind_run(struct bench_callgrind *run) {
    struct command command = { .count = 0 };
    name_file(run);
    append(&command, "valgrind");
    append(&command, "--tool=callgrind");
    append(&command, "--toggle-collect=bench_measured_pairs");
    append(&command, "--callgrind-out-file=%s", run->out);
    for (const char *const *option = run->options; option != NULL && *option != NULL; option++)
        append(&command, "%s", *option);
    append(&command, "%s", run->settings->program);
    append(&command, "instructions");
    append(&command, "--child=%s", run->workload);
    append(&command, "--only=%s", run->contender);
    append(&command, "--live=%" PRIu64, run->live);
    append(&command, "--pairs=%" PRIu64, run->pairs);
    append(&command, "--seed=%" PRIu64, run->settings->seed);
    return run_quietly(command.arguments);
}

void bench_callgrind_done(const struct bench_callgrind *run) {
    if (run->settings->keep == NULL)
        (void)unlink(run->out);
}
