/*
 * Nobody: allocates nothing, so that what remains is the loop that calls contenders: two calls through pointers, a slot
 * read and written, the script read. Its time stands in every table and is not subtracted there, since an
 * out-of-order processor overlaps it with an allocator's work.
 */
#include "contenders.h"

static void *create(const struct bench_options *options) {
    static char nobody;
    (void)options;
    return &nobody;
}

static void destroy(void *self) {
    (void)self;
}

static bool alloc(void *self, uint64_t size, uint64_t alignment, struct bench_range *range) {
    (void)self;
    (void)alignment;
    *range = (struct bench_range){ 1, size };
    return true;
}

static void free_range(void *self, struct bench_range range) {
    (void)self;
    (void)range;
}

const struct contender bench_none = {
    .name = "none",
    .what = "nobody: what the measuring loop costs by itself",
    .threads = BENCH_ANY_THREADS,
    .create = create,
    .destroy = destroy,
    .alloc = alloc,
    .free = free_range,
};
