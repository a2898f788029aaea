/*
 * Teams: as many threads as are asked for, which live as long as the team and do what it is told, all at once. Who
 * keeps caches by thread finds the same threads in every round.
 */
#ifndef BENCH_TEAM_H
#define BENCH_TEAM_H

#include <stddef.h>
#include <stdint.h>

struct bench_team;

/* One thread's part of a task, `thread` being from 0 to the team's size - 1. Nothing here may fail quietly. */
typedef void bench_part(void *task, uint32_t thread);

struct bench_team *bench_team_make(uint32_t size);
void bench_team_release(struct bench_team *team);

/* Every thread runs `prepare` (may be NULL); when all are ready, `part`. Returns when all are done. */
void bench_team_run(struct bench_team *team, bench_part *prepare, bench_part *part, void *task);

/* With the next run the threads are on other processors, if there are any. */
void bench_team_move(struct bench_team *team);

/* Zeroed memory in cache lines of its own: what different threads write must not share one. */
void *bench_line_memory(size_t count, size_t size);

/* Processors that this program may run on. */
uint32_t bench_processors(void);

#endif
