/*
 * What an allocator that knows no threads costs when a mutex makes it safe for them, as most programs do: the core and
 * VMA's virtual block, each behind one. VMA's own pools have a mutex each, too.
 */
#include "contenders.h"

#include <pthread.h>
#include <stdlib.h>

struct guarded {
    pthread_mutex_t mutex;
    const struct contender *who;
    void *inner;
};

static void *create_around(const struct contender *who, const struct bench_options *options) {
    struct guarded *guarded = malloc(sizeof *guarded);
    void *inner = guarded != NULL ? who->create(options) : NULL;
    if (inner == NULL) {
        free(guarded);
        return NULL;
    }
    guarded->who = who;
    guarded->inner = inner;
    (void)pthread_mutex_init(&guarded->mutex, NULL);
    return guarded;
}

static void destroy(void *self) {
    struct guarded *guarded = self;
    guarded->who->destroy(guarded->inner);
    (void)pthread_mutex_destroy(&guarded->mutex);
    free(guarded);
}

static bool alloc(void *self, uint64_t size, uint64_t alignment, struct bench_range *range) {
    struct guarded *guarded = self;
    (void)pthread_mutex_lock(&guarded->mutex);
    bool made = guarded->who->alloc(guarded->inner, size, alignment, range);
    (void)pthread_mutex_unlock(&guarded->mutex);
    return made;
}

static void free_range(void *self, struct bench_range range) {
    struct guarded *guarded = self;
    (void)pthread_mutex_lock(&guarded->mutex);
    guarded->who->free(guarded->inner, range);
    (void)pthread_mutex_unlock(&guarded->mutex);
}

#define BEHIND_A_MUTEX(name_, what_, create_)                                                                          \
    {                                                                                                                  \
        .name = (name_), .what = (what_), .has_pool = true, .threads = BENCH_ONLY_THREADS, .create = (create_),        \
        .destroy = destroy, .alloc = alloc, .free = free_range,                                                        \
    }

static void *create_core(const struct bench_options *options) {
    return create_around(&bench_core, options);
}

const struct contender bench_core_mutex =
    BEHIND_A_MUTEX("core-mutex", "libbdaalloc's TLSF behind one mutex", create_core);

#ifdef BENCH_HAS_VMA
static void *create_vma(const struct bench_options *options) {
    return create_around(&bench_vma, options);
}

const struct contender bench_vma_mutex =
    BEHIND_A_MUTEX("vma-mutex", "VMA's virtual block behind one mutex", create_vma);
#endif
