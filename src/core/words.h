/*
 * Words beside nodes: 64 bits for some of the nodes, found by a node's index, so that those without pay nothing.
 *
 * The words of 512 nodes in a row share a chunk, made when the first of them wants its word: allocations that have one
 * come from pools of their own, whose nodes are taken from the store in batches and used again. Like the
 * store (store.h) it grows without moving anything, and a word is found without a lock, even a stale one.
 *
 * bda_words_secure and bda_words_destroy are for one thread at a time (the store lock of the allocation floor).
 */
#ifndef BDA_CORE_WORDS_H
#define BDA_CORE_WORDS_H

#include "core/bits.h"
#include "core/host.h"

#include <stdbool.h>

typedef _Atomic uint64_t bda_word;

enum { BDA_WORD_CHUNK_LOG2 = 9 }; /* 4 KiB */

struct bda_word_directory {
    struct bda_word_directory *outgrown; /* kept, since somebody may be reading it */
    uint32_t length;
    _Atomic(bda_word *) chunks[];
};

struct bda_words {
    struct bda_host *host;
    _Atomic(struct bda_word_directory *) directory;
};

/* Takes no memory yet. */
void bda_words_init(struct bda_words *words, struct bda_host *host);
void bda_words_destroy(struct bda_words *words);

/* Sees to it that a node has its word; false when host memory is refused. */
bool bda_words_secure(struct bda_words *words, uint32_t index);

/* A node's word, or NULL where it was never secured (as far as this thread knows). */
BDA_INLINE bda_word *bda_words_find(struct bda_words *words, uint32_t index) {
    struct bda_word_directory *directory = atomic_load_explicit(&words->directory, memory_order_acquire);
    uint32_t chunk = index >> BDA_WORD_CHUNK_LOG2;
    if (directory == NULL || chunk >= directory->length)
        return NULL;
    bda_word *first = atomic_load_explicit(&directory->chunks[chunk], memory_order_acquire);
    return first != NULL ? &first[index & ((1u << BDA_WORD_CHUNK_LOG2) - 1)] : NULL;
}

/* The word of a node, 0 where it has none. (Who looks at a node without a lock reads its tag afterwards, see
 * bda_words_write.) */
BDA_INLINE uint64_t bda_words_read(struct bda_words *words, uint32_t index) {
    bda_word *word = bda_words_find(words, index);
    return word != NULL ? atomic_load_explicit(word, memory_order_acquire) : 0;
}

/* Who sees it sees what was done to the node before. */
BDA_INLINE void bda_words_write(bda_word *word, uint64_t value) {
    atomic_store_explicit(word, value, memory_order_release);
}

#endif
