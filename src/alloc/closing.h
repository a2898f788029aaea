/*
 * Closings: empty blocks that have left their pool, and whose memory is on its way back to the driver.
 *
 * Until it is there, limits and counts say that it is taken, while no request finds room in it any more. Who would be
 * refused for that waits for it, as long as it takes: in whatever order the two had come one after the other, there
 * would have been room. Nobody else waits.
 */
#ifndef BDA_ALLOC_CLOSING_H
#define BDA_ALLOC_CLOSING_H

#include "platform/platform.h"

struct bda_closings {
    struct bda_mutex lock; /* taken last */
    struct bda_condition ended;
    uint32_t count;   /* on their way */
    uint64_t arrived; /* in all */
};

/* `used`: false where the caller synchronises. */
void bda_closings_init(struct bda_closings *closings, bool used);
void bda_closings_destroy(struct bda_closings *closings);

/* A block leaves its pool, whose lock is held: who finds it gone finds it here. */
void bda_closing_begin(struct bda_closings *closings);

/* Its memory has gone back: who waits asks again. */
void bda_closing_end(struct bda_closings *closings);

/* How many have arrived, for who is going to ask for memory. */
uint64_t bda_closings_arrived(struct bda_closings *closings);

/* Waits until more have arrived than `seen`, and says in it how many; false at once where none is on its way. No lock
 * is held by the caller, and it closes nothing itself. */
bool bda_closing_wait(struct bda_closings *closings, uint64_t *seen);

#endif
