/*
 * Records: what only some allocations have (a name, a user value, an unforeseen address, a stack), so that the others
 * pay nothing for it. Their fields belong to the pool of the allocation, under its lock; taking and giving back a
 * record takes the store lock inside, now and then: each thread with a cache keeps some spare ones there, up to
 * 4 KiB, which no other thread can have until it ends.
 *
 * Look-ups read a record without any lock (bda_record_read): what they want of it stands in atomic words, the beginning
 * of its name too, nearly all of it in the first of its two cache lines. Records never move and stay mapped until the
 * allocator goes. Whether what was read is of the allocation that was looked up, its node's tag says afterwards: that
 * moves before its record may become another's. Whether it is all of one name, the record's count of changes says.
 */
#ifndef BDA_ALLOC_RECORD_H
#define BDA_ALLOC_RECORD_H

#include "core/bits.h"
#include "core/store.h"

#include <bdaalloc/bdaalloc.h>

enum {
    BDA_RECORD_CHUNK_LOG2 = 6, /* 8 KiB a chunk */
    BDA_NAME_BYTES = 80,       /* of a name, a zero at its end if it is shorter: more than any look-up tells */
    BDA_NAME_WORDS = BDA_NAME_BYTES / sizeof(uint64_t),
    BDA_NAME_WORDS_NEAR = 5, /* of them in the first line */
    BDA_NAME_NEAR = BDA_NAME_WORDS_NEAR * sizeof(uint64_t),
    BDA_SHARE_PREFIX_BITS = 8,
};

struct bda_record {
    _Alignas(64) _Atomic uint64_t user;    /* of a spare record in the list of all: the next one */
    _Atomic uint32_t stack;                /* where it was allocated, see stacks.h; 0: not known */
    _Atomic uint32_t frame;                /* the caller's, then, as in the clock (history.h); 0: not known */
    _Atomic uint32_t changes;              /* of the name; odd during one */
    _Atomic uint8_t length;                /* of the name, as far as it stands in the words below; */
    bool named;                            /* it may be empty */
    _Atomic uint64_t text[BDA_NAME_WORDS]; /* its bytes, and zeros behind them as far as these words are used */
    char *long_name;                       /* owned, all of a name that is longer; NULL: it is not */
    VkDeviceAddress address;               /* of an own buffer that does not lie where its block's base says; else 0 */
    /* The lowest 8 bits are the prefix that its name belongs to (prefixes.h), 0: none. Above them the bytes that are
     * counted there, 0: not yet; of a pending allocation, which counts nowhere, its slack, since its node has a link in
     * the place of that. */
    uint64_t share;
};

_Static_assert(sizeof(struct bda_record) == 128, "two lines");

struct bda_records {
    struct bda_store store;
    uint32_t spare; /* the first in the list of all */
};

/* Those of one thread; the last one that it gave back is the first that it takes. */
enum { BDA_SPARE_RECORDS = 32 };
struct bda_spare_records {
    uint32_t count;
    uint32_t all[BDA_SPARE_RECORDS];
};

void bda_records_init(struct bda_records *records, struct bda_host *host);
void bda_records_destroy(struct bda_records *records);

/* Takes a record with a copy of `name` (which may be NULL). VK_ERROR_OUT_OF_HOST_MEMORY leaves nothing behind. */
VkResult bda_record_create(BdaAllocator allocator, uint64_t user, const char *name, uint32_t *index);

/* Gives it and its name back; 0 does nothing. */
void bda_record_destroy(BdaAllocator allocator, uint32_t index);

/* A thread ends: its spare ones become everybody's. The store lock is taken. */
void bda_records_return(BdaAllocator allocator, struct bda_spare_records *spare);

struct bda_record *bda_record_at(BdaAllocator allocator, uint32_t index);

/* ---- Names ---- */

/* A name on its way into a record, under whose lock nothing may fail. */
struct bda_record_name {
    const char *text; /* the caller's; NULL: none */
    char *copy;       /* of all of it, where it is too long for a record; NULL: it is not */
};

/* VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult bda_record_name_prepare(BdaAllocator allocator, const char *text, struct bda_record_name *name);

/* Gives the copy back, whoever's name it is by now. */
void bda_record_name_release(BdaAllocator allocator, struct bda_record_name *name);

/* The record gets the name, and `name` the copy of the old one. */
void bda_record_set_name(struct bda_record *record, struct bda_record_name *name);

/* NULL: it has none. */
static inline const char *bda_record_name(const struct bda_record *record) {
    if (record->long_name != NULL)
        return record->long_name;
    return record->named ? (const char *)record->text : NULL;
}

/* ---- Without a lock ---- */

struct bda_record_view {
    uint32_t changes;
    uint64_t user;
    uint32_t stack, frame;
    uint32_t length; /* of the name, at most BDA_NAME_BYTES - 1 */
    union {          /* with zeros behind it: BDA_NAME_NEAR bytes where it is shorter than that, else all */
        uint64_t words[BDA_NAME_WORDS];
        char bytes[BDA_NAME_BYTES];
    } text;
};

BDA_INLINE void bda_record_read_words(const struct bda_record *record, struct bda_record_view *view, uint32_t first,
                                      uint32_t end) {
    BDA_UNROLL
    for (uint32_t i = first; i < end; i++)
        view->text.words[i] = atomic_load_explicit(&record->text[i], memory_order_acquire);
}

/* Whether it still is what was read. */
BDA_INLINE bool bda_record_stands(const struct bda_record *record, const struct bda_record_view *view) {
    return atomic_load_explicit(&record->changes, memory_order_relaxed) == view->changes;
}

/* Lends a record to an allocation that may turn out to be dead, and takes it back, or gives it for good: meanwhile who
 * reads it without the lock takes it for one that is being renamed. For who has it alone. */
static inline void bda_record_lend(struct bda_record *record) {
    uint32_t changes = atomic_load_explicit(&record->changes, memory_order_relaxed);
    atomic_store_explicit(&record->changes, changes + 1, memory_order_release);
}

static inline void bda_record_settle(struct bda_record *record) {
    bda_record_lend(record); /* even again */
}

/* Most names end in the first line. False: it is being renamed. */
BDA_INLINE bool bda_record_read(const struct bda_record *record, struct bda_record_view *view) {
    view->changes = atomic_load_explicit(&record->changes, memory_order_acquire);
    view->user = atomic_load_explicit(&record->user, memory_order_acquire);
    view->stack = atomic_load_explicit(&record->stack, memory_order_acquire);
    view->frame = atomic_load_explicit(&record->frame, memory_order_acquire);
    view->length = atomic_load_explicit(&record->length, memory_order_acquire);
    bda_record_read_words(record, view, 0, BDA_NAME_WORDS_NEAR);
    if (view->length >= BDA_NAME_NEAR) {
        bda_record_read_words(record, view, BDA_NAME_WORDS_NEAR, BDA_NAME_WORDS);
        view->text.bytes[BDA_NAME_BYTES - 1] = '\0';
    }
    return view->changes % 2 == 0 && bda_record_stands(record, view);
}

#endif
