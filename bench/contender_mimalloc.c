/*
 * mimalloc, host memory with thread caches: the best of its kind. A yardstick as malloc is (contender_malloc.c).
 *
 * The distribution's library also defines malloc and free, and would take the place of the system's for the whole
 * program if it were linked (and is packaged as a shared library only); so it is opened at run time, in a scope of its
 * own. CMake puts a copy beside the program, so that a program carried to another machine need not find it installed
 * there; the path that CMake found, a developer's link, is no more than the second choice.
 */
#include "contenders.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static struct {
    void *library;
    void *(*malloc)(size_t size);
    void (*free)(void *memory);
    uint32_t shrink_log2;
} mi;

static const char *const places[] = { BENCH_MIMALLOC_COPY, BENCH_MIMALLOC, "libmimalloc.so.2", "libmimalloc.so.3" };

enum {
    PLACE_COUNT = sizeof places / sizeof *places,
#ifdef RTLD_DEEPBIND
    HOW = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND
#else
    HOW = RTLD_NOW | RTLD_LOCAL
#endif
};

static bool find(const char *name, void *function, size_t size) {
    void *found = dlsym(mi.library, name);
    memcpy(function, &found, size);
    return found != NULL;
}

/* From the first place that has it; where none does, stdout has every reason. */
static bool open_library(void) {
    char why[PLACE_COUNT][256];
    for (uint32_t i = 0; i < PLACE_COUNT && mi.library == NULL; i++) {
        mi.library = dlopen(places[i], HOW);
        if (mi.library == NULL)
            (void)snprintf(why[i], sizeof why[i], "%s", dlerror());
    }
    for (uint32_t i = 0; i < PLACE_COUNT && mi.library == NULL; i++)
        printf("mimalloc: %s\n", why[i]);
    return mi.library != NULL;
}

static void *create(const struct bench_options *options) {
    mi.shrink_log2 = options->shrink_log2;
    bool whole =
        open_library() && find("mi_malloc", &mi.malloc, sizeof mi.malloc) && find("mi_free", &mi.free, sizeof mi.free);
    return whole ? &mi : NULL;
}

/* The library stays open: its threads' ends would call into it. */
static void destroy(void *self) {
    (void)self;
}

static bool alloc(void *self, uint64_t size, uint64_t alignment, struct bench_range *range) {
    (void)self;
    (void)alignment;
    void *memory = mi.malloc(size >> mi.shrink_log2);
    if (memory == NULL)
        return false;
    *range = (struct bench_range){ (uint64_t)(uintptr_t)memory, (uint64_t)(uintptr_t)memory };
    return true;
}

static void free_range(void *self, struct bench_range range) {
    (void)self;
    mi.free((void *)(uintptr_t)range.handle);
}

const struct contender bench_mimalloc = {
    .name = "mimalloc",
    .what = "mimalloc: host memory, sizes / 64 where they are large",
    .takes_memory = true,
    .threads = BENCH_ANY_THREADS,
    .create = create,
    .destroy = destroy,
    .alloc = alloc,
    .free = free_range,
};
