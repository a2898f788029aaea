/* Listing leaks, see leaks.h. */
#include "debug/leaks.h"

#include "alloc/allocate.h"
#include "debug/message.h"

#include <inttypes.h>
#include <stdio.h>

/* What is told of a leak, copied under the pool's lock so that it can be told without. */
struct leak {
    BdaAllocation allocation;
    char name[128];
};

enum { BATCH = 16 };

struct walk {
    uint64_t skip;  /* live allocations told before */
    uint32_t count; /* in `leaks` */
    struct leak leaks[BATCH];
};

static void note(BdaAllocator allocator, uint32_t index, struct walk *walk) {
    if (bda_node_state(bda_node_of(allocator, index)) != BDA_NODE_LIVE || walk->count == BATCH)
        return;
    if (walk->skip != 0) {
        walk->skip--;
        return;
    }
    struct leak *leak = &walk->leaks[walk->count++];
    bda_describe(allocator, index, &leak->allocation);
    uint32_t record = bda_node_of(allocator, index)->as.live.record;
    const char *name = record != 0 ? bda_record_at(allocator, record)->name : NULL;
    (void)snprintf(leak->name, sizeof leak->name, "%s%.120s%s", name != NULL ? "'" : "",
                   name != NULL ? name : "unnamed", name != NULL ? "'" : "");
}

static void walk_blocks(BdaAllocator allocator, uint32_t block, struct walk *walk) {
    for (; block != 0; block = bda_block_at(allocator, block)->next) {
        uint32_t index = bda_block_at(allocator, block)->region.first;
        for (; index != 0; index = bda_node_of(allocator, index)->next)
            note(allocator, index, walk);
    }
}

static void tell(BdaAllocator allocator, const struct leak *leak) {
    bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_WARNING,
                "still live: %s, %" PRIu64 " bytes at address 0x%" PRIx64 ", handle 0x%" PRIx64, leak->name,
                (uint64_t)leak->allocation.size, (uint64_t)leak->allocation.address, (uint64_t)leak->allocation.handle);
}

uint64_t bda_leaks_list(BdaAllocator allocator, struct bda_pool *pool) {
    uint64_t told = 0;
    struct walk walk;
    do {
        walk.skip = told;
        walk.count = 0;
        bda_mutex_lock(&pool->lock);
        walk_blocks(allocator, pool->first_block, &walk);
        walk_blocks(allocator, pool->first_dedicated, &walk);
        bda_mutex_unlock(&pool->lock);
        for (uint32_t i = 0; i < walk.count; i++)
            tell(allocator, &walk.leaks[i]);
        told += walk.count;
    } while (walk.count == BATCH);
    return told;
}
