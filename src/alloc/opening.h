/*
 * Openings: blocks on their way, shared by all who find no room meanwhile.
 *
 * Who makes a block announces it. Others *book* what they need of it and wait, without a lock and without a call, until
 * it has come or failed to; then they look for room again. A booking is a forecast, not a claim: the block may come
 * smaller, and who never waited may be faster.
 */
#ifndef BDA_ALLOC_OPENING_H
#define BDA_ALLOC_OPENING_H

#include "alloc/pool.h"

/* A block on its way: in the list of its pool, on the stack of the thread that makes it. Others that want no more than
 * what will be left of it wait for it instead of making one of their own. Under the pool's lock. */
struct bda_opening {
    struct bda_opening *next;
    uint64_t number;     /* tells it apart from every other of the pool */
    VkDeviceSize size;   /* of the memory that is being asked for */
    VkDeviceSize booked; /* of that, by the thread that makes it and by those who wait */
};

/* Announces a block of this size, of which so much is booked. The pool's lock is held. */
void bda_opening_begin(struct bda_pool *pool, struct bda_opening *opening, VkDeviceSize size, VkDeviceSize booked);

/* It turns out smaller, or larger. Who has booked too much looks again when it has come. */
void bda_opening_resize(struct bda_pool *pool, struct bda_opening *opening, VkDeviceSize size);

/* It has come or failed to: who waits for it looks again. */
void bda_opening_end(struct bda_pool *pool, struct bda_opening *opening);

/* Waits for a block that will have room for `bytes`; false at once where there is none. The pool's lock is held, but
 * not meanwhile. */
bool bda_opening_wait(struct bda_pool *pool, VkDeviceSize bytes);

/* Waits for the blocks on their way into a pool that is about to end. No more are wanted: bda_prepare alone may still
 * be at work in it, since its caller names no pool. No lock is held by the caller. */
void bda_opening_finish(struct bda_pool *pool);

/* What nobody has booked yet of the blocks on their way. The pool's lock is held. */
VkDeviceSize bda_opening_unbooked(const struct bda_pool *pool);

#endif
