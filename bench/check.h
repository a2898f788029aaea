/*
 * A checker of what allocators answer: no two live ranges share a byte, and each begins where it was asked to. It is
 * slow, and has no part in anything that is timed; what it finds ends the program.
 */
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H

#include "play.h"

/* The live ranges of one allocator. Zeroed: none. */
struct bench_check {
    const char *who; /* for the sentence that ends the program */
    void *ranges;    /* a tree in the order of addresses */
    uint64_t checked;
};

/* A range was allocated, of `size` bytes; and is about to be freed. */
void bench_check_take(struct bench_check *check, uint64_t address, uint64_t size, uint64_t alignment);
void bench_check_give(struct bench_check *check, uint64_t address);

/* What a player holds after the whole script. */
void bench_check_holdings(struct bench_check *check, const struct bench_player *player,
                          const struct bench_script *script);

void bench_check_release(struct bench_check *check);

/* The last two for each player that has a pool. */
void bench_check_players(const struct bench_players *players, const struct bench_script *script);

#endif
