/*
 * From an address to the live range that it lies in, without a lock: what nearly every look-up is.
 *
 * All of it is here, in one piece: what it costs is the lines it waits for, one after the other, and the processor is
 * at the next look-up's meanwhile if there are few instructions between them.
 */
#ifndef BDA_ALLOC_LOCATE_LIVE_H
#define BDA_ALLOC_LOCATE_LIVE_H

#include "alloc/locate.h"
#include "core/landmarks.h"

/* What is seen of a live range without a lock. It was all of that at one moment while this was called. */
struct bda_live_view {
    struct bda_place place; /* its block */
    BdaHandle handle;
    VkDeviceAddress begin;
    VkDeviceSize asked; /* bytes */
    uint32_t record;    /* 0: it has none */
    struct bda_node *node;
    uint32_t tag;
};

/* Whether it still is that allocation, after more was read that goes with it (by loads that acquire). (A record that it
 * was seen with may have been there for a moment only, see bda_node_try_set_record.) */
BDA_INLINE bool bda_locate_lives_on(const struct bda_live_view *view) {
    return bda_node_record(view->node) == view->record && bda_node_tag(view->node) == view->tag;
}

/* The live range that an address lies in, where a landmark leads to it. False says nothing: bda_locate_range is to be
 * asked. Not of strays. While a range of a block is live, the block does not leave the map: so where that is still as
 * it was, the range lies in the very block that the address led to. */
BDA_INLINE bool bda_locate_live(BdaAllocator allocator, VkDeviceAddress address, struct bda_live_view *view) {
    struct bda_place place;
    if (bda_block_map_below(&allocator->map, address, &place) != BDA_MAP_FOUND || address - place.base >= place.length)
        return false;
    VkDeviceSize offset = address - place.base;
    uint32_t index = bda_landmarks_guess(place.landmarks, &allocator->charts, &allocator->nodes, place.block,
                                         offset >> BDA_GRANULE_LOG2);
    struct bda_node_view node;
    if (index == 0 || !bda_node_view(bda_node_of(allocator, index), place.block, &node) ||
        !bda_block_map_stands(&allocator->map, &place))
        return false;
    VkDeviceSize begin = (VkDeviceSize)node.offset << BDA_GRANULE_LOG2;
    view->place = place;
    view->handle = allocator->tag | (BdaHandle)(node.tag >> BDA_NODE_GENERATION_SHIFT) << 32 | index;
    view->begin = place.base + begin;
    view->asked = ((VkDeviceSize)node.size << BDA_GRANULE_LOG2) - node.slack;
    view->node = bda_node_of(allocator, index);
    view->tag = node.tag;
    view->record = bda_record_in(node.record_or_home);
    return offset - begin < view->asked;
}

#endif
