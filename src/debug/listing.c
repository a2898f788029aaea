/* See listing.h. The way to a range is that of look-ups (alloc/locate.h), so there is one way through a block. */
#include "debug/listing.h"

#include "alloc/locate.h"
#include "debug/message.h"

#include <string.h>

void bda_listing_begin(struct bda_listing *listing, BdaAllocator allocator) {
    listing->allocator = allocator;
    listing->last = 0; /* no block begins there */
    listing->index = 0;
}

/* ---- A range ---- */

static void note_record(BdaAllocator allocator, const struct bda_sight *sight, struct bda_listed_range *range) {
    const struct bda_record *record = bda_record_at(allocator, sight->record);
    range->user = record->user;
    range->frame = record->frame;
    if (bda_record_name(record) != NULL)
        bda_copy_text(range->name, sizeof range->name, bda_record_name(record));
}

/* The pool's lock is held: nobody takes the record. */
static void note_range(BdaAllocator allocator, const struct bda_live *live, struct bda_listed_range *range) {
    const struct bda_sight sight = bda_locate_look(allocator, live);
    range->state = sight.state;
    range->gone = false;
    range->asked = sight.state == BDA_NODE_LIVE ? sight.asked : 0;
    range->handle = range->placed = 0;
    range->user = 0;
    range->frame = 0;
    range->name[0] = '\0';
    if (sight.state == BDA_NODE_LIVE)
        range->handle = sight.handle;
    if (sight.state == BDA_NODE_PENDING || sight.state == BDA_NODE_QUARANTINED) /* its generation has moved on */
        range->handle = sight.handle - ((BdaHandle)1 << 32);
    if (sight.stray)
        range->placed = sight.begin;
    if (sight.record != 0)
        note_record(allocator, &sight, range);
}

/* ---- A piece ---- */

static void note_block(struct bda_listing *listing, const struct bda_live *live) {
    const struct bda_block *block = live->block;
    const struct bda_pool *pool = live->pool;
    listing->block = (struct bda_listed_block){ .base = block->region.base,
                                                .size = block->backing.size - block->memory_offset,
                                                .before = block->memory_offset,
                                                .head = pool->head,
                                                .shard = pool->shard_number,
                                                .memory_type = pool->key.memory_type,
                                                .user = pool->user,
                                                .dedicated = block->dedicated_size != 0,
                                                .own_buffers = pool->key.own_buffers,
                                                .mapped = block->mapped != NULL };
    listing->last = listing->block.base + (listing->block.size - 1);
    listing->index = bda_node_region(live->node);
}

/* Whether this is the block that the listing is in. */
static bool is_same(const struct bda_listing *listing, const struct bda_live *live) {
    const struct bda_block *block = live->block;
    return block == bda_block_at(listing->allocator, listing->index) && block->region.base == listing->block.base &&
           block->backing.size - block->memory_offset == listing->block.size;
}

/* The bytes of a range that are its own, from its first one on. Those of a block's last range go on to the block's end,
 * where some are too few for a granule, or are no part of what dedicated memory was asked for. */
static VkDeviceSize own_bytes(const struct bda_live *at) {
    return at->block->dedicated_size != 0 ? at->block->dedicated_size : bda_node_held(at->node);
}

/* A bda_visitor. */
static void note_piece(BdaAllocator allocator, const struct bda_live *live, void *context) {
    struct bda_listing *listing = context;
    if (listing->begins && live->block->region.base == listing->at)
        note_block(listing, live);
    else if (listing->begins || !is_same(listing, live))
        return;
    uint32_t index = live->index;
    while (listing->count < BDA_LISTED_AT_ONCE && index != 0) {
        const struct bda_live at = bda_range_at(allocator, live->pool, index);
        struct bda_listed_range *range = &listing->ranges[listing->count++];
        VkDeviceAddress first = live->block->region.base + bda_node_start(at.node);
        note_range(allocator, &at, range);
        index = bda_node_next(at.node);
        range->address = listing->at;
        range->cut = listing->at - first;
        range->behind = index == 0 ? listing->last - first + 1 - own_bytes(&at) : 0;
        range->size = own_bytes(&at) + range->behind - range->cut;
        listing->at += range->size;
    }
    listing->ends = index == 0;
}

/* What is left of a block that went. */
static void note_gone(struct bda_listing *listing) {
    listing->ranges[0] =
        (struct bda_listed_range){ .gone = true, .address = listing->at, .size = listing->last - listing->at + 1 };
    listing->count = 1;
    listing->ends = true;
}

static void next_piece(struct bda_listing *listing) {
    listing->count = 0;
    listing->ends = false;
    (void)bda_locate_range(listing->allocator, listing->at, note_piece, listing);
    if (listing->count == 0 && !listing->begins)
        note_gone(listing);
    if (listing->ends)
        listing->index = 0;
}

/* A block that went before anything of it was listed is passed over. */
bool bda_listing_next(struct bda_listing *listing) {
    listing->begins = false;
    if (listing->index != 0) {
        next_piece(listing);
        return true;
    }
    listing->begins = true;
    do {
        struct bda_place place;
        if (!bda_locate_above(listing->allocator, listing->last, &place))
            return false;
        listing->index = place.block;
        listing->at = place.base;
        listing->last = place.base + (place.length - 1);
        next_piece(listing);
    } while (listing->count == 0);
    return true;
}

bool bda_listing_next_block(struct bda_listing *listing) {
    listing->index = 0;
    return bda_listing_next(listing);
}
