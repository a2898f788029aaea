/* Words beside nodes, see words.h. */
#include "core/words.h"

#include <string.h>

enum { FIRST_LENGTH = 16, CACHE_LINE = 64, CHUNK_SIZE = sizeof(bda_word) << BDA_WORD_CHUNK_LOG2 };

void bda_words_init(struct bda_words *words, struct bda_host *host) {
    words->host = host;
    atomic_init(&words->directory, NULL);
}

static size_t directory_size(uint32_t length) {
    return sizeof(struct bda_word_directory) + length * sizeof(_Atomic(bda_word *));
}

void bda_words_destroy(struct bda_words *words) {
    struct bda_word_directory *newest = atomic_load_explicit(&words->directory, memory_order_relaxed);
    for (uint32_t i = 0; newest != NULL && i < newest->length; i++)
        bda_host_release(words->host, (void *)atomic_load_explicit(&newest->chunks[i], memory_order_relaxed),
                         CHUNK_SIZE);
    while (newest != NULL) {
        struct bda_word_directory *outgrown = newest->outgrown;
        bda_host_release(words->host, newest, directory_size(newest->length));
        newest = outgrown;
    }
}

/* A directory with a place for a chunk. A longer one says the same as the one before, so it is published at once. */
static struct bda_word_directory *directory_for(struct bda_words *words, uint32_t chunk) {
    struct bda_word_directory *present = atomic_load_explicit(&words->directory, memory_order_relaxed);
    uint32_t length = present != NULL ? present->length : FIRST_LENGTH;
    if (present != NULL && chunk < length)
        return present;
    while (length <= chunk)
        length *= 2;
    struct bda_word_directory *longer = bda_host_allocate(words->host, directory_size(length), sizeof(void *));
    if (longer == NULL)
        return NULL;
    longer->outgrown = present;
    longer->length = length;
    for (uint32_t i = 0; i < length; i++) {
        bda_word *known = present != NULL && i < present->length
                              ? atomic_load_explicit(&present->chunks[i], memory_order_relaxed)
                              : NULL;
        atomic_init(&longer->chunks[i], known);
    }
    atomic_store_explicit(&words->directory, longer, memory_order_release);
    return longer;
}

bool bda_words_secure(struct bda_words *words, uint32_t index) {
    uint32_t number = index >> BDA_WORD_CHUNK_LOG2;
    struct bda_word_directory *directory = directory_for(words, number);
    if (directory == NULL)
        return false;
    if (atomic_load_explicit(&directory->chunks[number], memory_order_relaxed) != NULL)
        return true;
    void *chunk = bda_host_allocate(words->host, CHUNK_SIZE, CACHE_LINE);
    if (chunk == NULL)
        return false;
    memset(chunk, 0, CHUNK_SIZE);
    atomic_store_explicit(&directory->chunks[number], (bda_word *)chunk, memory_order_release);
    return true;
}
