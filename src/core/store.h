/*
 * A store: an array that grows in chunks and never moves what is in it.
 *
 * An index becomes a pointer without a lock, even a stale index that some other thread gave back long ago: chunks are
 * released only with the store. That is what lets a handle be looked at first and locked for afterwards. Elements
 * are zeroed when their chunk is made; index 0 is never handed out, it means "none" everywhere.
 *
 * Growing costs one allocation of a chunk and copies no element. The directory of chunks doubles now and then; the
 * outgrown ones are kept (half as large each time) because a reader may still hold one.
 *
 * bda_store_grow and bda_store_destroy are for one thread at a time (the store lock of the allocation floor); reading
 * is for any.
 */
#ifndef BDA_CORE_STORE_H
#define BDA_CORE_STORE_H

#include "core/host.h"

#include <stdbool.h>

struct bda_directory {
    struct bda_directory *outgrown;
    uint32_t length; /* chunks it can name */
    /* For each chunk the address that element 0 would have if it lay in a row with this one: an index becomes an
     * address by one look-up, one multiplication and one sum. */
    uintptr_t origins[];
};

struct bda_store {
    struct bda_host *host;
    _Atomic(struct bda_directory *) directory;
    _Atomic uint32_t length; /* indices below it are in use or have been */
    uint32_t element_size;
    uint32_t chunk_log2; /* elements in a chunk */
};

/* Takes no memory yet. */
void bda_store_init(struct bda_store *store, struct bda_host *host, uint32_t element_size, uint32_t chunk_log2);
void bda_store_destroy(struct bda_store *store);

/* Adds up to `wanted` elements (not 0), at least one, without crossing a chunk's end; `first` is the index of the
 * first. Returns how many, 0 when host memory is refused or 32 bits are counted out. A refusal may leave a longer
 * directory behind, for the next try. */
uint32_t bda_store_grow(struct bda_store *store, uint32_t wanted, uint32_t *first);

static inline bool bda_store_has(struct bda_store *store, uint32_t index) {
    return index != 0 && index < atomic_load_explicit(&store->length, memory_order_acquire);
}

/* The address of element `index`, which the store has. The two constants are the store's own, written out so that
 * the compiler sees them. */
static inline void *bda_store_element(struct bda_store *store, uint32_t index, uint32_t chunk_log2,
                                      size_t element_size) {
    struct bda_directory *directory = atomic_load_explicit(&store->directory, memory_order_acquire);
    return (void *)(directory->origins[index >> chunk_log2] + index * element_size);
}

static inline void *bda_store_at(struct bda_store *store, uint32_t index) {
    return bda_store_element(store, index, store->chunk_log2, store->element_size);
}

#endif
