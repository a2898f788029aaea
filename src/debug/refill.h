/*
 * Filling gaps: where memory for the tables of checked pointers was refused, it is asked for again later, and what is
 * live there is written down from the blocks themselves.
 *
 * Events (pointers.h) write what they tell of without the pool's lock, and so does who fills a gap while he walks
 * through a block: so the two keep each other out, and so do whole releases, within which events may come. They wait
 * for nothing while there is no gap.
 */
#ifndef BDA_DEBUG_REFILL_H
#define BDA_DEBUG_REFILL_H

#include "debug/pointers.h"

/* What an event says is written down between these. No lock is held. */
void bda_refill_keep_out(struct bda_pointers *pointers);
void bda_refill_let_in(struct bda_pointers *pointers);

/* A bda_release_hook: the same for a whole release, since what was told of is a range until its end. */
void bda_refill_hear_release(BdaAllocator allocator, bool begins);

/* Fills what can be filled now; nothing, mostly. Takes device memory, and the locks of pools. No lock is held. */
void bda_refill(BdaAllocator allocator);

#endif
