/*
 * Hooks: what the annex (src/debug) may be told of. The allocation floor owns this one pointer and knows nothing of who
 * listens; while it is NULL an event costs one predicted branch.
 */
#ifndef BDA_ALLOC_HOOKS_H
#define BDA_ALLOC_HOOKS_H

#include <bdaalloc/bdaalloc.h>

enum bda_event_kind { BDA_EVENT_ALLOCATED, BDA_EVENT_FREED, BDA_EVENT_BLOCK_OPENED, BDA_EVENT_BLOCK_CLOSED };

struct bda_event {
    enum bda_event_kind kind;
    BdaHandle handle; /* 0 for blocks */
    VkDeviceAddress address;
    VkDeviceSize size;
    const char *name;      /* NULL: none; valid during the call */
    unsigned char *mapped; /* the CPU's pointer to the first byte, of blocks to that of their memory; NULL: none */
    VkDeviceSize held;     /* bytes from there on that are its own, with what is beyond `size` */
};

/* Called with no lock held, from whichever thread is at it. */
typedef void (*bda_event_hook)(BdaAllocator allocator, const struct bda_event *event);

#endif
