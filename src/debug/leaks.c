/* Listing leaks, see leaks.h. */
#include "debug/leaks.h"

#include "alloc/allocate.h"
#include "debug/message.h"

#include <inttypes.h>
#include <stdio.h>

/* What is told of a leak, copied under the pool's lock so that it can be told without. */
struct leak {
    BdaAllocation allocation;
    BdaStack stack;
    char name[128];
};

enum { BATCH = 16 };

/* How far the list has come: the last live node told, and its block. */
struct cursor {
    uint32_t block, node; /* node 0: before the block's first */
    bool dedicated;       /* in the second list of blocks */
};

static struct cursor start_of(const struct bda_pool *pool) {
    return (struct cursor){ pool->first_block, 0, false };
}

/* Moves on to the next live node; false at the end. The pool's lock is held. */
static bool advance(BdaAllocator allocator, const struct bda_pool *pool, struct cursor *at) {
    for (;;) {
        if (at->block == 0) {
            if (at->dedicated || pool->first_dedicated == 0)
                return false;
            *at = (struct cursor){ pool->first_dedicated, 0, true };
        }
        struct bda_block *block = bda_block_at(allocator, at->block);
        at->node = at->node == 0 ? block->region.first : bda_node_next(bda_node_of(allocator, at->node));
        if (at->node == 0)
            at->block = block->next;
        else if (bda_node_state(bda_node_of(allocator, at->node)) == BDA_NODE_LIVE)
            return true;
    }
}

/* What was told last should still be there, since nobody else uses the pool. If somebody does, the list begins again
 * rather than going astray. */
static bool still_stands(BdaAllocator allocator, const struct bda_pool *pool, const struct cursor *at) {
    struct bda_node *node = bda_node_of(allocator, at->node);
    return bda_node_state(node) == BDA_NODE_LIVE && bda_node_region(node) == at->block &&
           atomic_load_explicit(&bda_block_at(allocator, at->block)->pool, memory_order_relaxed) == pool;
}

static void note(BdaAllocator allocator, uint32_t index, struct leak *leak) {
    bda_describe(allocator, index, &leak->allocation);
    uint32_t record = bda_node_record(bda_node_of(allocator, index));
    const char *name = record != 0 ? bda_record_name(bda_record_at(allocator, record)) : NULL;
    leak->stack = record != 0 ? bda_record_at(allocator, record)->stack : 0;
    char shown[121];
    bda_copy_text(shown, sizeof shown, name != NULL ? name : "unnamed");
    (void)snprintf(leak->name, sizeof leak->name, "%s%s%s", name != NULL ? "'" : "", shown, name != NULL ? "'" : "");
}

/* The next leaks, up to a batch; returns how many. */
static uint32_t next_batch(BdaAllocator allocator, struct bda_pool *pool, struct cursor *at, struct leak *leaks) {
    uint32_t count = 0;
    bda_lock(&pool->lock);
    if (at->node == 0 || !still_stands(allocator, pool, at))
        *at = start_of(pool);
    while (count < BATCH && advance(allocator, pool, at))
        note(allocator, at->node, &leaks[count++]);
    bda_unlock(&pool->lock);
    return count;
}

/* A message for each frame. */
static void tell_stack(BdaAllocator allocator, BdaStack stack) {
    void *frames[BDA_STACK_DEPTH];
    char text[256];
    uint32_t depth = bda_stack_copy(allocator, stack, BDA_STACK_DEPTH, frames);
    for (uint32_t i = 0; i < depth; i++) {
        bda_stack_describe(allocator, frames[i], sizeof text, text);
        bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_WARNING, "  allocated at: %s", text);
    }
}

static void tell(BdaAllocator allocator, const struct bda_pool *pool, const struct leak *leak) {
    const char *name = pool->user != NULL ? pool->user->name : NULL;
    char shown[124];
    bda_copy_text(shown, sizeof shown, name != NULL ? name : "");
    bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_WARNING,
                "still live: %s, %" PRIu64 " %s at address 0x%" PRIx64 ", handle 0x%" PRIx64 "%s%s%s", leak->name,
                (uint64_t)leak->allocation.size, bda_bytes_word(leak->allocation.size),
                (uint64_t)leak->allocation.address, (uint64_t)leak->allocation.handle, name != NULL ? ", pool '" : "",
                shown, name != NULL ? "'" : "");
    if (leak->stack != 0)
        tell_stack(allocator, leak->stack);
}

/* Up to `most` of a pool's; returns how many there were to tell. */
static uint32_t tell_pool(BdaAllocator allocator, struct bda_pool *pool, uint32_t most) {
    struct leak leaks[BATCH];
    struct cursor at = { 0, 0, false };
    uint32_t told = 0, count = BATCH;
    while (count == BATCH && told < most) {
        count = next_batch(allocator, pool, &at, leaks);
        for (uint32_t i = 0; i < count && told < most; i++, told++)
            tell(allocator, pool, &leaks[i]);
    }
    return told;
}

/* ---- All of them ---- */

/* Adds what is live in a pool. */
static void count_pool(BdaAllocator allocator, struct bda_pool *pool, uint64_t *count, uint64_t *bytes) {
    bda_lock(&pool->lock);
    for (struct cursor at = start_of(pool); advance(allocator, pool, &at); ++*count)
        *bytes += bda_asked(allocator, bda_node_of(allocator, at.node));
    bda_unlock(&pool->lock);
}

uint64_t bda_leaks_tell(BdaAllocator allocator, const char *function, struct bda_pool *first,
                        struct bda_pool *(*next)(const struct bda_pool *pool)) {
    uint64_t count = 0, bytes = 0;
    uint32_t told = 0;
    for (struct bda_pool *pool = first; pool != NULL; pool = next(pool))
        count_pool(allocator, pool, &count, &bytes);
    if (count == 0 || allocator->message == NULL)
        return count;
    bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_WARNING,
                "%s: %" PRIu64 " %s, %" PRIu64 " %s still live", function, count,
                count == 1 ? "allocation" : "allocations", bytes, bda_bytes_word(bytes));
    for (struct bda_pool *pool = first; pool != NULL; pool = next(pool))
        told += tell_pool(allocator, pool, BDA_LEAKS_TOLD - told);
    if (count > told)
        bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_WARNING, "and %" PRIu64 " more",
                    count - told);
    return count;
}
