/*
 * Stacks: where allocations were made (BDA_CHECK_STACKS_BIT). Each distinct stack is kept once and never goes, so its
 * number is good as long as the allocator lives; numbers stand in records (record.h) and in the history.
 *
 * A program makes its allocations in some hundred places: chains of a hash are short, and there are no more of them
 * than it takes for ten thousand.
 */
#ifndef BDA_ALLOC_STACKS_H
#define BDA_ALLOC_STACKS_H

#include "core/store.h"

#include <bdaalloc/bdaalloc.h>

enum { BDA_STACK_CHAINS = 1024 };

struct bda_stack {
    uint64_t hash;
    uint32_t next; /* in its chain */
    uint32_t depth;
    void *frames[BDA_STACK_DEPTH]; /* the innermost first */
};

struct bda_stacks {
    BdaCaptureStack capture; /* the caller's, or NULL */
    BdaDescribeFrame describe;
    void *user;
    /* under the store lock: */
    struct bda_store store;
    uint32_t chains[BDA_STACK_CHAINS];
};

/* VK_ERROR_OUT_OF_HOST_MEMORY leaves nothing behind. */
VkResult bda_stacks_init(BdaAllocator allocator, const BdaAllocatorInfo *info);
void bda_stacks_finish(BdaAllocator allocator);

/* Takes the calling thread's stack. Returns its number; 0: none is kept, it cannot be taken, or host memory is refused.
 * No lock may be held. */
BdaStack bda_stack_take(BdaAllocator allocator);

/* Copies up to `most` frames, and returns how many there are; 0: there is no such stack. Takes the store lock. */
uint32_t bda_stack_copy(BdaAllocator allocator, BdaStack stack, uint32_t most, void **frames);

/* A frame in words, in `text`, whose size is not 0. No lock may be held. */
void bda_stack_describe(BdaAllocator allocator, void *frame, size_t size, char *text);

#endif
