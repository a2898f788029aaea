/* Arenas that outlive their callers' care, see arena.c. */
#ifndef BDA_API_ARENA_H
#define BDA_API_ARENA_H

#include "alloc/allocator.h"

/* Tells of every arena that was not destroyed, and releases its own memory; its chunks are left to the allocator.
 * Returns how many there were. Nobody else uses the allocator. */
uint64_t bda_arenas_finish(BdaAllocator allocator);

#endif
