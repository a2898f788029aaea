/*
 * What an allocator that knows no threads costs when a mutex makes it safe for them, as most programs do: the core and
 * VMA's virtual block, each behind one. VMA's own pools have a mutex each, too.
 */
#include "contenders.h"

#include <pthread.h>
#include <stdlib.h>

struct guarded {
    pthread_mutex_t mutex;
    void *inner;
};

static struct guarded *create_around(const struct contender *inner, const struct bench_options *options) {
    struct guarded *guarded = malloc(sizeof *guarded);
    void *made = guarded != NULL ? inner->create(options) : NULL;
    if (made == NULL) {
        free(guarded);
        return NULL;
    }
    guarded->inner = made;
    (void)pthread_mutex_init(&guarded->mutex, NULL);
    return guarded;
}

static void destroy_around(const struct contender *inner, struct guarded *guarded) {
    inner->destroy(guarded->inner);
    (void)pthread_mutex_destroy(&guarded->mutex);
    free(guarded);
}

static inline bool alloc_within(const struct contender *inner, struct guarded *guarded, uint64_t size,
                                uint64_t alignment, struct bench_range *range) {
    (void)pthread_mutex_lock(&guarded->mutex);
    bool made = inner->alloc(guarded->inner, size, alignment, range);
    (void)pthread_mutex_unlock(&guarded->mutex);
    return made;
}

static inline void free_within(const struct contender *inner, struct guarded *guarded, struct bench_range range) {
    (void)pthread_mutex_lock(&guarded->mutex);
    inner->free(guarded->inner, range);
    (void)pthread_mutex_unlock(&guarded->mutex);
}

/* ---- The core ---- */

static void *create_core(const struct bench_options *options) {
    return create_around(&bench_core, options);
}

static void destroy_core(void *self) {
    destroy_around(&bench_core, self);
}

static bool alloc_core(void *self, uint64_t size, uint64_t alignment, struct bench_range *range) {
    return alloc_within(&bench_core, self, size, alignment, range);
}

static void free_core(void *self, struct bench_range range) {
    free_within(&bench_core, self, range);
}

const struct contender bench_core_mutex = {
    .name = "core-mutex",
    .what = "libbdaalloc's TLSF behind one mutex",
    .has_pool = true,
    .threads = BENCH_ONLY_THREADS,
    .create = create_core,
    .destroy = destroy_core,
    .alloc = alloc_core,
    .free = free_core,
};

/* ---- VMA's virtual block ---- */

#ifdef BENCH_HAS_VMA
static void *create_vma(const struct bench_options *options) {
    return create_around(&bench_vma, options);
}

static void destroy_vma(void *self) {
    destroy_around(&bench_vma, self);
}

static bool alloc_vma(void *self, uint64_t size, uint64_t alignment, struct bench_range *range) {
    return alloc_within(&bench_vma, self, size, alignment, range);
}

static void free_vma(void *self, struct bench_range range) {
    free_within(&bench_vma, self, range);
}

const struct contender bench_vma_mutex = {
    .name = "vma-mutex",
    .what = "VMA's virtual block behind one mutex",
    .has_pool = true,
    .threads = BENCH_ONLY_THREADS,
    .create = create_vma,
    .destroy = destroy_vma,
    .alloc = alloc_vma,
    .free = free_vma,
};
#endif
