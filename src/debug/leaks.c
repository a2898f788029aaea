/* Listing leaks, see leaks.h. */
#include "debug/leaks.h"

#include "alloc/allocate.h"
#include "debug/message.h"

#include <inttypes.h>

static void list_one(BdaAllocator allocator, uint32_t index) {
    BdaAllocation a;
    bda_describe(allocator, index, &a);
    uint32_t record = bda_node_of(allocator, index)->as.live.record;
    const char *name = record != 0 ? bda_record_at(allocator, record)->name : NULL;
    bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_WARNING,
                "still live: %s%s%s, %" PRIu64 " bytes at address 0x%" PRIx64 ", handle 0x%" PRIx64,
                name != NULL ? "'" : "", name != NULL ? name : "unnamed", name != NULL ? "'" : "", (uint64_t)a.size,
                (uint64_t)a.address, (uint64_t)a.handle);
}

static uint64_t list_from(BdaAllocator allocator, uint32_t index) {
    uint64_t count = 0;
    for (; index != 0; index = bda_node_of(allocator, index)->next)
        if (bda_node_state(bda_node_of(allocator, index)) == BDA_NODE_LIVE) {
            list_one(allocator, index);
            count++;
        }
    return count;
}

uint64_t bda_leaks_list(BdaAllocator allocator, struct bda_pool *pool) {
    uint64_t count = 0;
    for (uint32_t block = pool->first_block; block != 0; block = bda_block_at(allocator, block)->next)
        count += list_from(allocator, bda_block_at(allocator, block)->region.first);
    for (uint32_t block = pool->first_dedicated; block != 0; block = bda_block_at(allocator, block)->next)
        count += list_from(allocator, bda_block_at(allocator, block)->region.first);
    return count;
}
