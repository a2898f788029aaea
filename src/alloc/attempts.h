/*
 * Attempts: who asks the driver for memory, and the last resort of who would be refused.
 *
 * Memory that is being asked for counts in limits from before the driver's answer on, and a block that has come has
 * room for nobody else until it has joined its pool. So whoever is refused beside others' attempts may be refused for
 * what none of them keeps. He tries once more while there are none that could be in his way: his last resort. Last
 * resorts that could be in each other's way come in the order in which they were asked for; and who needs new memory
 * waits behind them, so that a thread that is refused is not starved by those who ask again and again. Who finds room
 * waits for nobody.
 *
 * In an attempt no thread waits for another one: neither for a block on its way (opening.h), whose owner may be waiting
 * here, nor for what is on its way back (closing.h), nor for a last resort.
 */
#ifndef BDA_ALLOC_ATTEMPTS_H
#define BDA_ALLOC_ATTEMPTS_H

#include "platform/platform.h"

#include <bdaalloc/bdaalloc.h>

/* What a refusal is about: whose attempts were in the way, and whose empty blocks help. Each takes in those before it.
 */
enum bda_scope { BDA_SCOPE_NONE, BDA_SCOPE_POOL, BDA_SCOPE_HEAP, BDA_SCOPE_ALL };

/* One, or a last resort, on the stack of the thread that makes it. */
struct bda_attempt {
    struct bda_attempt *next;
    BdaPool pool; /* whose limit it counts in, or NULL */
    uint32_t heap;
    enum bda_scope scope; /* of a last resort */
};

struct bda_attempts {
    struct bda_mutex lock; /* taken last */
    struct bda_condition changed;
    struct bda_attempt *running;
    struct bda_attempt *resorts; /* those that wait and the one whose turn it is, the earliest first */
};

/* `used`: false where the caller synchronises. */
void bda_attempts_init(struct bda_attempts *attempts, bool used);
void bda_attempts_destroy(struct bda_attempts *attempts);

/* From before the driver is asked until what came has an owner, or has joined its pool. Waits for the last resorts that
 * it could be in the way of. No lock is held by the caller. */
void bda_attempt_begin(struct bda_attempts *attempts, struct bda_attempt *attempt);

/* The same for who can do without; false instead of waiting. */
bool bda_attempt_try_begin(struct bda_attempts *attempts, struct bda_attempt *attempt);

void bda_attempt_end(struct bda_attempts *attempts, struct bda_attempt *attempt);

/* Waits until nobody is in the way any more; nobody comes into it until the end. */
void bda_last_resort_begin(struct bda_attempts *attempts, struct bda_attempt *resort);
void bda_last_resort_end(struct bda_attempts *attempts, struct bda_attempt *resort);

#endif
