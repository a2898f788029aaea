/*
 * Host memory: the one door through which the library asks for any. The memory floor puts the caller's
 * VkAllocationCallbacks behind it; without them it is malloc.
 *
 * Sizes are given back on release, so that the bytes held are known at any time. Thread-safe as far as the functions
 * behind it are.
 */
#ifndef BDA_CORE_HOST_H
#define BDA_CORE_HOST_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct bda_host {
    /* NULL: malloc. `alignment` is a power of two; the answer is NULL when memory is refused. */
    void *(*allocate)(void *user, size_t size, size_t alignment);
    void (*release)(void *user, void *memory);
    void *user;
    _Atomic uint64_t bytes; /* held now */
};

/* Uninitialised bytes, or NULL. */
void *bda_host_allocate(struct bda_host *host, size_t size, size_t alignment);

/* `size` as it was allocated; NULL does nothing. */
void bda_host_release(struct bda_host *host, void *memory, size_t size);

/* A copy of a string, or NULL; released with bda_host_release_text. */
char *bda_host_copy_text(struct bda_host *host, const char *text);
void bda_host_release_text(struct bda_host *host, char *text);

#endif
