/*
 * Notes: a word beside the node of each allocation, for the modes that look at its bytes. It says how many bytes were
 * asked for, since a node that waits has its link where that stood, and what is known of the bytes.
 */
#ifndef BDA_DEBUG_NOTES_H
#define BDA_DEBUG_NOTES_H

#include "alloc/allocator.h"

#define BDA_NOTE_ARMED  ((uint64_t)1 << 63) /* its red zone carries the pattern */
#define BDA_NOTE_FILLED ((uint64_t)1 << 62) /* it was freed, and all of its bytes carry the pattern */
#define BDA_NOTE_DEVICE ((uint64_t)1 << 61) /* as armed, by commands */
#define BDA_NOTE_ON_WAY ((uint64_t)1 << 60) /* commands that do so are recorded, and not complete */
#define BDA_NOTE_SIZE   (((uint64_t)1 << 56) - 1)

struct bda_notes {
    struct bda_mutex lock; /* covers growth */
    struct bda_words words;
    _Atomic bool refused; /* host memory, once at least */
};

void bda_notes_init(BdaAllocator allocator, struct bda_notes *notes);
void bda_notes_finish(struct bda_notes *notes);

/* 0 where there is none. */
uint64_t bda_note_read(struct bda_notes *notes, uint32_t node);

/* Who reads it sees what was written to the range before. The first is for an allocation, and may make room for the
 * note: false where host memory is refused, and there is none. The other is for whatever comes later, a free among
 * that: it takes no memory, and does nothing where there is no note. */
bool bda_note_make(struct bda_notes *notes, uint32_t node, uint64_t note);
void bda_note_change(struct bda_notes *notes, uint32_t node, uint64_t note);

#endif
