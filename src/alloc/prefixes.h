/*
 * Prefixes of names that are counted: what is live of each, in bytes and in number, and the most that was. The caller
 * names them at the allocator's creation (BdaAllocatorInfo::prefixes), so each allocation can be told which one is its
 * own when it gets its name, and adds itself as it comes and goes. (debug/prefix.h finds any prefix, in all ranges.)
 *
 * Which prefix, and how many bytes it has added there, stands in the allocation's record (record.h), so whoever takes a
 * record away cannot take off anything else than what was added. Sums are atomics of their own, without a lock.
 *
 *   enter   a live allocation is added, with the prefix that its record has.
 *   leave   it is taken off: it was freed, and waits, or its record goes.
 */
#ifndef BDA_ALLOC_PREFIXES_H
#define BDA_ALLOC_PREFIXES_H

#include "alloc/allocator.h"

struct bda_prefix {
    const char *text;
    size_t length;
    uint32_t shorter; /* the longest one that it begins with itself, counted from 1; 0: none */
    _Atomic uint64_t allocation_count, used;
    struct bda_peak peak; /* of used: exact */
};

struct bda_prefixes {
    size_t bytes; /* of host memory, with the texts behind the table */
    uint32_t count;
    uint8_t sorted[BDA_PREFIXES_MAX]; /* as strcmp does */
    struct bda_prefix all[];          /* in the caller's order */
};

/* From checked texts; none take no memory. VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult bda_prefixes_init(BdaAllocator allocator, uint32_t count, const char *const *texts);
void bda_prefixes_finish(BdaAllocator allocator);

/* The longest prefix that a name (NULL: none) begins with, counted from 1; 0: none of them. No lock. */
uint32_t bda_prefixes_find(BdaAllocator allocator, const char *name);

/* An allocation with a record (its index) enters, under its pool's lock or before it is live: somebody may free it by a
 * guessed handle as soon as it is live and that is given back. What has entered already, or has no prefix, does not. */
void bda_prefixes_add(BdaAllocator allocator, uint32_t index, VkDeviceSize size);

static inline void bda_prefixes_enter(BdaAllocator allocator, uint32_t record, VkDeviceSize size) {
    if (allocator->prefixes != NULL)
        bda_prefixes_add(allocator, record, size);
}

/* Under the pool's lock, or for who has a record alone. What has not entered does not leave. */
void bda_prefixes_take_off(BdaAllocator allocator, struct bda_record *record);

static inline void bda_prefixes_leave(BdaAllocator allocator, struct bda_record *record) {
    if (record->share != 0)
        bda_prefixes_take_off(allocator, record);
}

/* A live allocation's name changed, where there are prefixes. As bda_prefixes_enter. */
void bda_prefixes_move(BdaAllocator allocator, uint32_t index, uint32_t prefix, VkDeviceSize size);

#endif
