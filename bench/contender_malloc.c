/*
 * The system's malloc, as a yardstick: what the best known problem of this kind costs when the memory is the CPU's own.
 * It has no pool; the alignment asked for is not passed on (16 bytes is what it always gives), and large sizes are
 * shrunk, since this memory exists: a yardstick, not a peer.
 */
#include "contenders.h"

#include <stdlib.h>

static void *create(const struct bench_options *options) {
    static uint32_t shrink_log2;
    shrink_log2 = options->shrink_log2;
    return &shrink_log2;
}

static void destroy(void *self) {
    (void)self;
}

static bool alloc(void *self, uint64_t size, uint64_t alignment, struct bench_range *range) {
    (void)alignment;
    void *memory = malloc(size >> *(const uint32_t *)self);
    if (memory == NULL)
        return false;
    *range = (struct bench_range){ (uint64_t)(uintptr_t)memory, (uint64_t)(uintptr_t)memory };
    return true;
}

static void free_range(void *self, struct bench_range range) {
    (void)self;
    free((void *)(uintptr_t)range.handle);
}

const struct contender bench_malloc = {
    .name = "malloc",
    .what = "the system's malloc: host memory, sizes / 64 where they are large",
    .takes_memory = true,
    .threads = BENCH_ANY_THREADS,
    .create = create,
    .destroy = destroy,
    .alloc = alloc,
    .free = free_range,
};
