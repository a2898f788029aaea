/*
 * Loading meshes on several threads. A loader makes the vertex and the index buffer and a filled staging allocation,
 * and hands them over; the frame loop copies and uses them.
 */
#ifndef EXAMPLES_MESHES_H
#define EXAMPLES_MESHES_H

#include "example.h"

#include <pthread.h>

enum { LOADERS = 4, MESHES_PER_LOADER = 8, MESHES = LOADERS * MESHES_PER_LOADER };

/* A grid of width * height squares of size 1. */
struct mesh {
    BdaAllocation vertices;
    BdaAllocation indices;
    BdaAllocation staging; /* vertices, and the indices behind them */
    uint32_t triangles;
};

struct loaders {
    BdaAllocator allocator;
    pthread_t threads[LOADERS];
    uint32_t started;
    pthread_mutex_t mutex; /* guards what follows */
    uint32_t next_loader;
    struct mesh arrived[MESHES];
    uint32_t arrived_count;
};

void start_loaders(struct loaders *loaders, BdaAllocator allocator);
void join_loaders(struct loaders *loaders);

/* Appends the meshes that have arrived since the last call to `meshes` and returns how many. */
uint32_t take_arrived(struct loaders *loaders, struct mesh *meshes);

#endif
