/*
 * Hooks: what the annex (src/debug) may be told of, and may do. The allocation floor owns these pointers and knows
 * nothing of who is behind them; while they are NULL an event costs one predicted branch, on the long ways alone.
 */
#ifndef BDA_ALLOC_HOOKS_H
#define BDA_ALLOC_HOOKS_H

#include <bdaalloc/bdaalloc.h>

#include <stdbool.h>

struct bda_block;
struct bda_pool;

enum bda_event_kind { BDA_EVENT_ALLOCATED, BDA_EVENT_FREED, BDA_EVENT_BLOCK_OPENED, BDA_EVENT_BLOCK_CLOSED };

struct bda_event {
    enum bda_event_kind kind;
    BdaHandle handle; /* 0 for blocks */
    VkDeviceAddress address;
    VkDeviceSize size;
    const char *name;      /* NULL: none; valid during the call */
    unsigned char *mapped; /* the CPU's pointer to the first byte, of blocks to that of their memory; NULL: none */
    VkDeviceSize held;     /* bytes from there on that are its own, with what is beyond `size` */
    /* of blocks, else NULL: */
    const struct bda_block *block;
    const struct bda_pool *pool; /* that it is opened for; NULL where it is closed, since it belongs to none any more */
};

/* Called with no lock held, from whichever thread is at it. */
typedef void (*bda_event_hook)(BdaAllocator allocator, const struct bda_event *event);

/* Called in front of a release and behind it: between what tells of a free and the moment from which no list of ranges
 * shows that any more. With no lock held. */
typedef void (*bda_release_hook)(BdaAllocator allocator, bool begins);

/* What checking modes do with the bytes of ranges. Called with no lock held; none of it can fail. Where there are
 * hooks, there is somebody who listens to events, too. */
struct bda_hooks {
    /* A block was opened, and belongs to nobody yet. `usage`: of its buffer, as far as it is known. */
    void (*opened)(BdaAllocator allocator, uint32_t block, VkBufferUsageFlags usage);
    /* An allocation was made, and its caller does not know of it yet. */
    void (*taken)(BdaAllocator allocator, uint32_t node);
    /* A retired or pending allocation is about to be released. True: it is held back, and whoever did so releases it
     * later (bda_release_held). `seen`: somebody had its address; else it is held for commands alone. `bytes`: of
     * memory that went back to the driver in its place are added. */
    bool (*hold)(BdaAllocator allocator, uint32_t node, bool seen, VkDeviceSize *bytes);
    /* Releases what is held: everything of a pool (its head), which goes; NULL: all that no command may still write
     * to, since memory runs out. */
    void (*let_go)(BdaAllocator allocator, const struct bda_pool *pool);
};

#endif
