/* Host memory, see host.h. */
#include "core/host.h"

#include <stdlib.h>
#include <string.h>

/* malloc knows no alignment and aligned_alloc is not everywhere: the true start is kept in front of the memory. */
static void *allocate_by_malloc(size_t size, size_t alignment) {
    if (size > SIZE_MAX - alignment - sizeof(void *))
        return NULL;
    unsigned char *raw = malloc(size + alignment + sizeof(void *));
    if (raw == NULL)
        return NULL;
    uintptr_t first = (uintptr_t)raw + sizeof(void *);
    size_t gap = sizeof(void *) + (alignment - first % alignment) % alignment;
    void **memory = (void **)(void *)(raw + gap);
    memory[-1] = raw;
    return memory;
}

void *bda_host_allocate(struct bda_host *host, size_t size, size_t alignment) {
    /* The true start in front of the memory must be aligned as a pointer is. */
    if (alignment < sizeof(void *))
        alignment = sizeof(void *);
    void *memory =
        host->allocate != NULL ? host->allocate(host->user, size, alignment) : allocate_by_malloc(size, alignment);
    if (memory != NULL)
        atomic_fetch_add_explicit(&host->bytes, size, memory_order_relaxed);
    return memory;
}

void bda_host_release(struct bda_host *host, void *memory, size_t size) {
    if (memory == NULL)
        return;
    atomic_fetch_sub_explicit(&host->bytes, size, memory_order_relaxed);
    if (host->release != NULL)
        host->release(host->user, memory);
    else
        free(((void **)memory)[-1]);
}

char *bda_host_copy_text(struct bda_host *host, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = bda_host_allocate(host, size, 1);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void bda_host_release_text(struct bda_host *host, char *text) {
    if (text != NULL)
        bda_host_release(host, text, strlen(text) + 1);
}
