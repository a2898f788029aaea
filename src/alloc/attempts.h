/*
 * Attempts: who asks the driver for memory, and the last resort of who would be refused.
 *
 * Memory that is being asked for counts in limits from before the driver's answer on, and a block that has come has
 * room for nobody else until it has joined its pool. So whoever is refused beside others' attempts may be refused for
 * what none of them keeps. He tries once more while there are none: his last resort. The last resorts come one after
 * the other, in the order in which they were asked for; and who needs new memory waits behind all of them, so that a
 * thread that is refused is not starved by those who ask again and again. Who finds room waits for nobody.
 *
 * In an attempt no thread waits for another one: neither for a block on its way (opening.h), whose owner may be waiting
 * here, nor for what is on its way back (closing.h), nor for a last resort.
 */
#ifndef BDA_ALLOC_ATTEMPTS_H
#define BDA_ALLOC_ATTEMPTS_H

#include "platform/platform.h"

struct bda_attempts {
    struct bda_mutex lock; /* taken last */
    struct bda_condition changed;
    uint32_t running;
    uint64_t asked_for, ended; /* last resorts: each one's turn is when so many have ended as came before it */
};

/* `used`: false where the caller synchronises. */
void bda_attempts_init(struct bda_attempts *attempts, bool used);
void bda_attempts_destroy(struct bda_attempts *attempts);

/* From before the driver is asked until what came has an owner, or has joined its pool. Waits for the last resorts. No
 * lock is held by the caller. */
void bda_attempt_begin(struct bda_attempts *attempts);

/* The same for who can do without; false instead of waiting. */
bool bda_attempt_try_begin(struct bda_attempts *attempts);

void bda_attempt_end(struct bda_attempts *attempts);

/* Waits until it is the caller's turn, and nobody makes an attempt any more; nobody begins one until its end. */
void bda_last_resort_begin(struct bda_attempts *attempts);
void bda_last_resort_end(struct bda_attempts *attempts);

#endif
