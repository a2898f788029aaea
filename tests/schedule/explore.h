/*
 * Every order in which a few threads can take their steps, tried out: threads that hand-shake through atomics, on
 * processors whose stores are seen late.
 *
 * Words
 *   actor    one thread: a function made of steps. It must do the same again when its loads answer the same.
 *   step     one atomic load or store, or one of plain data, or an attempt at the lock.
 *   buffer   an actor's stores that nobody else sees yet. When one of them goes to memory is a move of its own.
 *   state    memory, all buffers, and how far each actor is.
 *
 * An actor has no stack between its steps: to make its next one it is run again from its beginning, with the answers
 * that it got before, and left by a jump when that step is done. So a state is some bytes, which can be copied and
 * recognised, and all states that can be reached are visited, each once.
 *
 * What is modelled: stores leave a buffer in order (EXPLORE_TOTAL, as on x86), or overtake those to other places unless
 * they release (EXPLORE_PARTIAL: weaker processors); a sequentially consistent load waits until the actor's own
 * sequentially consistent stores are out; a barrier on all threads reaches one after another. What is not: loads that
 * are made early, and what a compiler reorders.
 */
#ifndef BDA_TESTS_SCHEDULE_EXPLORE_H
#define BDA_TESTS_SCHEDULE_EXPLORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    EXPLORE_ACTORS = 3,
    EXPLORE_PLACES = 10, /* of memory: the first ones are the test's, then */
    EXPLORE_LOCK = 7,
    EXPLORE_DATA = 8, /* two pieces of it */
};

enum explore_stores { EXPLORE_TOTAL, EXPLORE_PARTIAL };

struct explore_actor {
    void (*run)(void);
};

/* How an exploration ended. */
struct explore_result {
    const char *broken; /* NULL: nothing was found */
    uint64_t states;
    uint64_t ends; /* of them, those in which all actors had finished */
};

struct explore_result explore(const struct explore_actor *actors, uint32_t count, enum explore_stores stores);

/* The same in a test, which is told of it; that nothing is found with either kind of stores; that something is, which
 * stands in `what`. */
struct explore_result explore_and_tell(const struct explore_actor *actors, uint32_t count, enum explore_stores stores);
void assert_sound(const struct explore_actor *actors, uint32_t count);
void assert_found(const struct explore_actor *actors, uint32_t count, enum explore_stores stores, const char *what);

/* ---- What actors are made of ---- */

uint32_t explore_load(uint32_t place, memory_order order);
void explore_store(uint32_t place, uint32_t value, memory_order order);

/* The load just made answered nothing to go on with: it is made again when something has changed. */
void explore_spin(void);

/* On all actors, as bda_barrier_everywhere. */
void explore_barrier(void);

/* A lock, which also lets the actor's stores out. */
void explore_lock(void);
void explore_unlock(void);

/* What must hold here. */
void explore_claim(bool holds);

/* From here to explore_leave the actor has a piece of data for itself: nobody else may be inside of it, and it must see
 * all that was written there before. */
void explore_inside(uint32_t piece);
void explore_leave(uint32_t piece);

#endif
