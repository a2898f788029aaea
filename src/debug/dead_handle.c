/* See dead_handle.h. */
#include "debug/dead_handle.h"

#include "alloc/handle.h"
#include "alloc/locate.h"
#include "alloc/pending.h"
#include "debug/describe.h"
#include "debug/history.h"
#include "debug/live_handle.h"

#include <inttypes.h>

/* Whether it is an address in a block of the allocator's, as the device writes it or in the other form. */
static bool is_address(BdaAllocator allocator, VkDeviceAddress address) {
    struct bda_place place;
    return bda_locate_block(allocator, address, &place) ||
           bda_locate_block(allocator, bda_locate_other_form(address), &place);
}

/* What a free waits for that was handed to bda_free_after. Whether it still does, only the driver knows; but nobody has
 * collected it. */
static void add_wait(struct bda_text *text, BdaAllocator allocator, BdaHandle handle) {
    struct bda_wait wait;
    if (bda_pending_look(allocator, handle, &wait))
        bda_text_add(text, ", for semaphore 0x%" PRIx64 " to reach %" PRIu64, (uint64_t)wait.timeline, wait.value);
    bda_text_add(text, ", and is not collected yet");
}

/* The history does not know it any more; but what waits, or is in quarantine, still has its name. */
static void add_forgotten(struct bda_text *text, BdaAllocator allocator, BdaHandle handle, bool waits) {
    if (!bda_add_held_handle(text, allocator, handle))
        bda_text_add(text, "its allocation");
    bda_text_add(text, " was %s", waits ? "already given to bda_free_after" : "freed");
}

/* It was good once. A free that waits has told the history already. */
static void add_stale(struct bda_text *text, BdaAllocator allocator, BdaHandle handle, uint32_t tag) {
    const uint32_t waiting = (bda_handle_generation(handle) + 1) << BDA_NODE_GENERATION_SHIFT | BDA_NODE_PENDING;
    bool waits = (tag & ~BDA_NODE_ZONE_MASK) == waiting;
    BdaPastOwner owner;
    bda_text_add(text, "handle 0x%" PRIx64 " is stale: ", (uint64_t)handle);
    if (bda_history_find_handle(allocator, handle, &owner))
        bda_add_freed(text, &owner, waits);
    else
        add_forgotten(text, allocator, handle, waits);
    if (waits)
        add_wait(text, allocator, handle);
}

/* It has the allocator's own tag. */
static void add_own(struct bda_text *text, BdaAllocator allocator, BdaHandle handle) {
    uint32_t index = bda_handle_index(handle), generation = bda_handle_generation(handle);
    bool there = bda_store_has(&allocator->nodes.store, index);
    uint32_t tag = there ? bda_node_tag(bda_node_of(allocator, index)) : 0;
    if (there && generation < tag >> BDA_NODE_GENERATION_SHIFT)
        add_stale(text, allocator, handle, tag);
    else
        bda_text_add(text, "handle 0x%" PRIx64 " was never given out", (uint64_t)handle);
}

void bda_dead_handle_in_words(BdaAllocator allocator, BdaHandle handle, size_t size, char *memory) {
    struct bda_text text;
    bda_text_begin(&text, size, memory);
    if (handle == 0)
        bda_text_add(&text, "the handle is 0");
    else if (is_address(allocator, handle))
        bda_text_add(&text, "0x%" PRIx64 " is an address, not a handle: use bda_free_address, or bda_find",
                     (uint64_t)handle);
    else if ((handle ^ allocator->tag) >> 56 == 0)
        add_own(&text, allocator, handle);
    else if (bda_handle_has_tag(handle))
        bda_text_add(&text, "handle 0x%" PRIx64 " belongs to another allocator, or is no handle", (uint64_t)handle);
    else
        bda_text_add(&text, "0x%" PRIx64 " is no handle", (uint64_t)handle);
    (void)bda_text_end(&text);
}
