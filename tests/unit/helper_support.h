/* A thread that does what it is told, one thing after another, and lives on in between. */
#ifndef TEST_HELPER_SUPPORT_H
#define TEST_HELPER_SUPPORT_H

#include "alloc_support.h"

#include <pthread.h>
#include <stdatomic.h>

struct helper {
    pthread_t thread;
    _Atomic uint32_t asked, done; /* how often */
    void (*what)(struct helper *helper);
    bool ends;
    /* what it works on, and what came of it; it starts with the bench's allocator */
    BdaAllocator allocator;
    BdaAllocInfo wish;
    BdaAllocation slots[256];
    const BdaAllocation *given;
    uint32_t count;
    VkDeviceSize size;
    unsigned wrong;
    VkResult result;
};

/* Starts the thread, with all of the struct cleared. */
void hire(struct helper *helper);

/* Has it do something; the round is to be awaited before the next. */
uint32_t begin(struct helper *helper, void (*what)(struct helper *helper));
void await(struct helper *helper, uint32_t round);

/* Both, and nothing went wrong. */
void tell(struct helper *helper, void (*what)(struct helper *helper));

/* Ends it. */
void dismiss(struct helper *helper);

#endif
