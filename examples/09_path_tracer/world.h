/*
 * Brings the records into GPU memory, in one of two ways that hold the same bytes but for the links:
 *   by pointers   each record is an allocation of its own, and links are device addresses;
 *   by indices    all records lie in one allocation, a storage buffer, and links say how many bytes into it.
 */
#ifndef EXAMPLES_WORLD_H
#define EXAMPLES_WORLD_H

#include "records.h"
#include "upload.h"

struct world {
    BdaAllocator allocator;
    BdaAllocation *allocations; /* by pointers: one for each record */
    uint32_t count;
    uint64_t *places; /* of each record; that of number 0 is the root's */
    uint64_t bytes;   /* of all records */
    double allocate_seconds;
};

/* `order` says in which order the records get their places; both ways then have them in the same one. */
void place_by_pointers(struct world *world, const struct records *records, const uint32_t *order,
                       struct upload *upload);
void place_by_indices(struct world *world, const struct records *records, const uint32_t *order, struct upload *upload);

/* Turns the pointer to the root's second child to its first: a valid one, so that the shader misses a part of the scene
 * without leaving it. */
void flip_pointer(const struct world *world, const struct records *records, struct upload *upload);

/* Frees all of its allocations in one call. */
void free_world(struct world *world);

#endif
