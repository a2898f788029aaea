/*
 * Refusals: what a pool knows of a full heap.
 *
 * A request that types of other heaps serve, too, does not ask for new memory again that has just been refused: that
 * would be some calls of the driver each time, with all given back that threads and pools keep, only to come to the
 * other heap in the end. It takes what blocks have, and goes on. That ends when something of the heap has come back, or
 * would, of what is due or empty, and after some requests, as other processes may have given something back. A request
 * that nothing else serves always asks.
 */
#ifndef BDA_ALLOC_REFUSAL_H
#define BDA_ALLOC_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

/* Under the lock of its pool. */
struct bda_refusal {
    uint64_t least;    /* bytes of memory that were refused; 0: none were */
    uint64_t returned; /* how often something of the heap had come back before that */
    uint32_t believed; /* by so many requests more */
};

/* So much was refused; `returned` is from before it was asked for. */
void bda_refusal_note(struct bda_refusal *refusal, uint64_t bytes, uint64_t returned);

/* Whether so much would be; counts as one of those who believe it. `returned`: now. */
bool bda_refusal_holds(struct bda_refusal *refusal, uint64_t bytes, uint64_t returned);

#endif
