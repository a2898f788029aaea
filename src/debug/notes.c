/* See notes.h. */
#include "debug/notes.h"

void bda_notes_init(BdaAllocator allocator, struct bda_notes *notes) {
    bda_mutex_init(&notes->lock, allocator->locks);
    bda_words_init(&notes->words, &allocator->host);
}

void bda_notes_finish(struct bda_notes *notes) {
    bda_words_destroy(&notes->words);
    bda_mutex_destroy(&notes->lock);
}

uint64_t bda_note_read(struct bda_notes *notes, uint32_t node) {
    bda_word *word = bda_words_find(&notes->words, node);
    return word != NULL ? atomic_load_explicit(word, memory_order_acquire) : 0;
}

/* The first one of some hundred nodes makes room for theirs. */
static bda_word *secure(struct bda_notes *notes, uint32_t node) {
    bda_mutex_lock(&notes->lock);
    bool secured = bda_words_secure(&notes->words, node);
    bda_mutex_unlock(&notes->lock);
    return secured ? bda_words_find(&notes->words, node) : NULL;
}

bool bda_note_make(struct bda_notes *notes, uint32_t node, uint64_t note) {
    bda_word *word = bda_words_find(&notes->words, node);
    if (word == NULL)
        word = secure(notes, node);
    if (word != NULL)
        atomic_store_explicit(word, note, memory_order_release);
    return word != NULL;
}

void bda_note_change(struct bda_notes *notes, uint32_t node, uint64_t note) {
    bda_word *word = bda_words_find(&notes->words, node);
    if (word != NULL)
        atomic_store_explicit(word, note, memory_order_release);
}
