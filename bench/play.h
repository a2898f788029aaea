/*
 * Scripts and players. A *script* is all that will be asked of an allocator, drawn beforehand, so that no generator is
 * measured: the sizes of a first fill, then *pairs*, each of which frees one slot's range and allocates a range of
 * another size for it. A *player* is a contender with the ranges it holds, playing a script; every player of a run
 * plays the same one.
 */
#ifndef BENCH_PLAY_H
#define BENCH_PLAY_H

#include "bench.h"
#include "mix.h"

struct bench_pair {
    uint32_t size;
    uint32_t slot;
};

struct bench_script {
    const struct bench_mix *mix;
    uint32_t live; /* slots */
    double mean;   /* bytes */
    uint64_t pool_bytes;
    uint32_t *fill; /* a size per slot */
    struct bench_pair *pairs;
    uint64_t count; /* of pairs */
};

enum bench_order { BENCH_RANDOM, BENCH_FIFO };

/* The pool is so large that the mean fill takes 70 % of it. */
void bench_script_make(struct bench_script *script, const struct bench_mix *mix, enum bench_order order, uint64_t live,
                       uint64_t count, uint64_t seed);
void bench_script_release(struct bench_script *script);

struct bench_player {
    const struct contender *contender;
    void *self;
    uint32_t slots;
    struct bench_range *ranges; /* handle 0: the slot is empty, its last request was refused */
    uint64_t refused;
};

/* Makes the contender; its slots are empty. `options` needs no pool_bytes, that is the script's to say. False, with a
 * line on stdout, when it cannot be made or is too large for this machine. */
bool bench_player_open(struct bench_player *player, const struct contender *contender,
                       const struct bench_script *script, const struct bench_options *options);
void bench_player_close(struct bench_player *player);

/* Another player of the same allocator, whose slots are empty: for a thread of its own. It is dropped, the first one
 * closed. */
struct bench_player bench_player_beside(const struct bench_player *player);
void bench_player_drop(struct bench_player *player);

/* Fills every slot with the script's sizes. */
void bench_player_fill(struct bench_player *player, const struct bench_script *script);

/* Empties the slots that `order` names. */
void bench_player_empty(struct bench_player *player, const uint32_t *order, uint32_t count);

/* [0, count) in random order, to be freed. */
uint32_t *bench_shuffled(uint32_t count, uint64_t seed);

/* The players of a field that could be opened; filled, and warmed up by the script's first `warm_up` pairs. */
struct bench_players {
    struct bench_player all[BENCH_MOST_CONTENDERS];
    uint32_t count;
};

void bench_players_open(struct bench_players *players, const struct bench_field *field,
                        const struct bench_script *script, const struct bench_options *options, uint64_t warm_up);
void bench_players_close(struct bench_players *players);

/* Pairs that bring a pool from its first fill, which has no holes, near the state that it will stay in. */
uint64_t bench_warm_up(uint64_t live);

/* Pairs [from, from + count) of the script, by calls through the contender's table. The second is the same function
 * under a name of its own, never inlined, which callgrind is told to count. */
void bench_play(struct bench_player *player, const struct bench_script *script, uint64_t from, uint64_t count);
void bench_measured_pairs(struct bench_player *player, const struct bench_script *script, uint64_t from,
                          uint64_t count);

#endif
