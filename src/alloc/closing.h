/*
 * Closings: memory on its way back, of empty blocks that have left their pool, of pending frees that may be due, and of
 * what checking modes let go.
 *
 * Until it has arrived, limits and counts say that it is taken, while no request finds room in it any more. Who would
 * be refused for that waits for it, as long as it takes: in whatever order the two had come one after the other, there
 * would have been room. Nobody else waits. What its owner is just freeing is not announced: before that free there was
 * no room. What is made ahead for nobody in particular is announced until it has joined its pool, where whoever needs
 * its memory has it closed; and so is what a batch gives back that is refused.
 *
 * A second list of the same kind has the attempts: memory that the driver is being asked for. It counts against limits
 * from before the answer on, and where the driver refuses it arrives back there. Who would be refused at a limit waits
 * for that answer; who was refused by the driver does not, since it has nothing to hope for from another's refusal.
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
    uint64_t begun, arrived;   /* in all */
};

/* `used`: false where the caller synchronises. */
void bda_closings_init(struct bda_closings *closings, bool used);
void bda_closings_destroy(struct bda_closings *closings);

/* Called before the memory leaves its pool, so that whoever no longer finds it there finds it here. */
void bda_closing_begin(struct bda_closings *closings, struct bda_closing *closing);

/* It has arrived, and who waits asks again; or there was not `any`, and nobody has a reason to. */
void bda_closing_end(struct bda_closings *closings, struct bda_closing *closing, bool any);

/* How many have arrived, for who is going to ask for memory. */
uint64_t bda_closings_arrived(struct bda_closings *closings);

/* Waits for all that are on their way now, and none that come later. Whether more have arrived than `seen`, which
 * becomes how many. No lock is held by the caller, and nothing of its own is on its way. */
bool bda_closing_wait(struct bda_closings *closings, uint64_t *seen);

#endif
