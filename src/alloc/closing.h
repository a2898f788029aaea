/*
 * Closings: memory on its way back, of empty blocks that have left their pool, of pending frees that may be due, and of
 * what checking modes let go.
 *
 * Until it has arrived, limits and counts say that it is taken, while no request finds room in it any more. Who would
 * be refused for that waits for it in his last resort (attempts.h), as long as it takes: in whatever order the two had
 * come one after the other, there would have been room. Nobody else waits for it. What its owner is just freeing is not
 * announced: before that free there was no room. What a batch gives back that is refused is.
 */
#ifndef BDA_ALLOC_CLOSING_H
#define BDA_ALLOC_CLOSING_H

#include "platform/platform.h"

/* One, on the stack of the thread that gives back. */
struct bda_closing {
    struct bda_closing *next;
    uint64_t number;
};

struct bda_closings {
    struct bda_mutex lock; /* taken last */
    struct bda_condition ended;
    struct bda_closing *first; /* of those on their way */
    uint64_t begun;            /* in all */
};

/* `used`: false where the caller synchronises. */
void bda_closings_init(struct bda_closings *closings, bool used);
void bda_closings_destroy(struct bda_closings *closings);

/* Called before the memory leaves its pool, so that whoever no longer finds it there finds it here. */
void bda_closing_begin(struct bda_closings *closings, struct bda_closing *closing);

/* It has arrived. */
void bda_closing_end(struct bda_closings *closings, struct bda_closing *closing);

/* Waits for all that are on their way now, and none that come later. No lock is held by the caller, and nothing of its
 * own is on its way. */
void bda_closings_wait(struct bda_closings *closings);

#endif
