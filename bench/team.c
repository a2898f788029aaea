/* Teams of threads, see team.h. */
#include "team.h"

#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct member {
    struct bench_team *team;
    pthread_t thread;
    uint32_t number;
};

/* Barriers order everything: what is told stands before `told`, what was done before `done`. Between the two parts of a
 * task nobody sleeps, for being woken takes as long as hundreds of pairs. */
struct bench_team {
    uint32_t size;
    bench_part *prepare, *part;
    void *task; /* with part NULL: the threads end */
    pthread_barrier_t told, done;
    _Atomic uint64_t ready; /* threads that were, in all runs together */
    uint64_t ready_goal;
    uint32_t place; /* the processor of the first one, the others are on those that follow */
    struct member *members;
};

static void wait_for_all(struct bench_team *team) {
    atomic_fetch_add(&team->ready, 1);
    while (atomic_load(&team->ready) < team->ready_goal)
        (void)sched_yield();
}

/* Each thread has a processor of its own, of those that the main thread may use: one that wakes elsewhere finds nothing
 * of its own in the caches there, and how often that happens is chance. Where there are fewer they go without, since
 * who waits for another would keep it from its processor. */
static void pin(uint32_t number, uint32_t place, uint32_t size) {
#if defined(__linux__)
    cpu_set_t allowed, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(getpid(), sizeof allowed, &allowed) != 0 || (uint32_t)CPU_COUNT(&allowed) < size)
        return;
    uint32_t left = (number + place) % (uint32_t)CPU_COUNT(&allowed);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && left-- == 0) {
            CPU_SET(cpu, &one);
            (void)pthread_setaffinity_np(pthread_self(), sizeof one, &one);
            return;
        }
#else
    (void)number, (void)place, (void)size;
#endif
}

static void *live(void *argument) {
    struct member *member = argument;
    struct bench_team *team = member->team;
    uint32_t place = UINT32_MAX; /* none yet */
    while (true) {
        (void)pthread_barrier_wait(&team->told);
        if (team->part == NULL)
            return NULL;
        if (place != team->place)
            pin(member->number, team->place, team->size);
        place = team->place;
        if (team->prepare != NULL)
            team->prepare(team->task, member->number);
        wait_for_all(team);
        team->part(team->task, member->number);
        (void)pthread_barrier_wait(&team->done);
    }
}

void *bench_line_memory(size_t count, size_t size) {
    void *memory = NULL;
    if (posix_memalign(&memory, 64, count * size) != 0)
        bench_fail("out of memory");
    return memset(memory, 0, count * size);
}

struct bench_team *bench_team_make(uint32_t size) {
    struct bench_team *team = bench_memory(1, sizeof *team);
    team->size = size;
    team->members = bench_memory(size, sizeof *team->members);
    (void)pthread_barrier_init(&team->told, NULL, size + 1);
    (void)pthread_barrier_init(&team->done, NULL, size + 1);
    for (uint32_t i = 0; i < size; i++) {
        team->members[i] = (struct member){ .team = team, .number = i };
        if (pthread_create(&team->members[i].thread, NULL, live, &team->members[i]) != 0)
            bench_fail("thread %u of %u could not be made", i + 1, size);
    }
    return team;
}

void bench_team_release(struct bench_team *team) {
    team->part = NULL;
    (void)pthread_barrier_wait(&team->told);
    for (uint32_t i = 0; i < team->size; i++)
        (void)pthread_join(team->members[i].thread, NULL);
    (void)pthread_barrier_destroy(&team->told);
    (void)pthread_barrier_destroy(&team->done);
    free(team->members);
    free(team);
}

void bench_team_move(struct bench_team *team) {
    uint32_t count = bench_processors();
    team->place = (team->place + team->size + (team->size % count == 0)) % count;
}

void bench_team_run(struct bench_team *team, bench_part *prepare, bench_part *part, void *task) {
    team->prepare = prepare;
    team->part = part;
    team->task = task;
    team->ready_goal += team->size;
    (void)pthread_barrier_wait(&team->told);
    (void)pthread_barrier_wait(&team->done);
}

uint32_t bench_processors(void) {
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(getpid(), sizeof allowed, &allowed) == 0)
        return (uint32_t)CPU_COUNT(&allowed);
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint32_t)count : 1;
}
