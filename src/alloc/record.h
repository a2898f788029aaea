/*
 * Records: what only some allocations have (a name, a user value, an unforeseen address, a stack), so that the others
 * pay nothing for it. Their fields belong to the pool of the allocation, under its lock; taking and giving back a
 * record takes the store lock inside.
 */
#ifndef BDA_ALLOC_RECORD_H
#define BDA_ALLOC_RECORD_H

#include "core/store.h"

#include <bdaalloc/bdaalloc.h>

struct bda_record {
    union {
        uint64_t user;
        uint32_t spare; /* of a spare record: the next one */
    };
    char *name;              /* owned; NULL: none */
    VkDeviceAddress address; /* of an own buffer that does not lie where its block's base says; else 0 */
    /* The lowest 8 bits are the prefix that its name belongs to (prefixes.h), 0: none. Above them the bytes that are
     * counted there, 0: not yet; of a pending allocation, which counts nowhere, its slack, since its node has a link in
     * the place of that. In one word, since a record has 40 bytes. */
    uint64_t share;
    uint32_t stack; /* where it was allocated, see stacks.h; 0: not known */
    uint32_t frame; /* the caller's, when it was allocated, as in the clock (history.h); 0: not known */
};

enum { BDA_SHARE_PREFIX_BITS = 8 };

enum { BDA_RECORD_CHUNK_LOG2 = 7 };

struct bda_records {
    struct bda_store store;
    uint32_t spare;
};

void bda_records_init(struct bda_records *records, struct bda_host *host);
void bda_records_destroy(struct bda_records *records);

/* Takes a record with a copy of `name` (which may be NULL). VK_ERROR_OUT_OF_HOST_MEMORY leaves nothing behind. */
VkResult bda_record_create(BdaAllocator allocator, uint64_t user, const char *name, uint32_t *index);

/* Gives it and its name back; 0 does nothing. */
void bda_record_destroy(BdaAllocator allocator, uint32_t index);

struct bda_record *bda_record_at(BdaAllocator allocator, uint32_t index);

#endif
