/* Chunked arrays that never move, see store.h. */
#include "core/store.h"

#include <assert.h>
#include <string.h>

/* Chunks begin on a cache line, so that elements whose size divides it never straddle two. */
enum { CACHE_LINE = 64, FIRST_DIRECTORY_LENGTH = 16 };

void bda_store_init(struct bda_store *store, struct bda_host *host, uint32_t element_size, uint32_t chunk_log2) {
    store->host = host;
    store->element_size = element_size;
    store->chunk_log2 = chunk_log2;
    atomic_init(&store->directory, NULL);
    atomic_init(&store->length, 0);
}

static size_t directory_size(uint32_t length) {
    return sizeof(struct bda_directory) + length * sizeof(uintptr_t);
}

static size_t chunk_size(const struct bda_store *store) {
    return (size_t)store->element_size << store->chunk_log2;
}

void bda_store_destroy(struct bda_store *store) {
    struct bda_directory *newest = atomic_load_explicit(&store->directory, memory_order_relaxed);
    uint32_t length = atomic_load_explicit(&store->length, memory_order_relaxed);
    uint32_t chunks = (uint32_t)(((uint64_t)length + (1u << store->chunk_log2) - 1) >> store->chunk_log2);
    for (uint32_t i = 0; i < chunks; i++)
        bda_host_release(store->host, (void *)(newest->origins[i] + i * chunk_size(store)), chunk_size(store));
    while (newest != NULL) {
        struct bda_directory *outgrown = newest->outgrown;
        bda_host_release(store->host, newest, directory_size(newest->length));
        newest = outgrown;
    }
}

/* A directory with room for chunk number `chunk`: the present one, or one twice as long that is published at once,
 * since it says the same of everything that anybody may look up. */
static struct bda_directory *directory_for(struct bda_store *store, uint32_t chunk) {
    struct bda_directory *present = atomic_load_explicit(&store->directory, memory_order_relaxed);
    if (present != NULL && chunk < present->length)
        return present;
    uint32_t length = present != NULL ? present->length * 2 : FIRST_DIRECTORY_LENGTH;
    struct bda_directory *larger = bda_host_allocate(store->host, directory_size(length), sizeof(void *));
    if (larger == NULL)
        return NULL;
    larger->outgrown = present;
    larger->length = length;
    if (present != NULL)
        memcpy(larger->origins, present->origins, present->length * sizeof present->origins[0]);
    atomic_store_explicit(&store->directory, larger, memory_order_release);
    return larger;
}

static uint32_t grow(struct bda_store *store, uint32_t wanted, uint32_t *first) {
    uint32_t length = atomic_load_explicit(&store->length, memory_order_relaxed);
    uint32_t per_chunk = 1u << store->chunk_log2;
    uint32_t within = length & (per_chunk - 1);
    uint32_t room = per_chunk - within;
    uint32_t added = wanted < room ? wanted : room;
    added = added < UINT32_MAX - length ? added : UINT32_MAX - length;
    if (added == 0)
        return 0;
    if (within == 0) { /* a fresh chunk */
        struct bda_directory *directory = directory_for(store, length >> store->chunk_log2);
        unsigned char *chunk = directory != NULL ? bda_host_allocate(store->host, chunk_size(store), CACHE_LINE) : NULL;
        if (chunk == NULL)
            return 0;
        memset(chunk, 0, chunk_size(store));
        directory->origins[length >> store->chunk_log2] = (uintptr_t)chunk - (size_t)length * store->element_size;
    }
    *first = length;
    atomic_store_explicit(&store->length, length + added, memory_order_release);
    return added;
}

uint32_t bda_store_grow(struct bda_store *store, uint32_t wanted, uint32_t *first) {
    assert(wanted != 0);
    bool fresh = atomic_load_explicit(&store->length, memory_order_relaxed) == 0;
    if (fresh && grow(store, 1, first) == 0) /* index 0 means "none" and stays behind */
        return 0;
    return grow(store, wanted, first);
}
