/* Blocks and their ranges in a dump, see dump.h and listing.h. */
#include "debug/dump.h"

#include "debug/listing.h"

static void begin_block(struct bda_json *json, const struct bda_listed_block *block) {
    bda_json_open_line(json, NULL, '{');
    bda_json_hex(json, "address", block->base);
    bda_json_number(json, "size", block->size);
    bda_json_number(json, "before", block->before);
    bda_json_number(json, "pool", bda_dump_pool_number(block->head));
    bda_json_number(json, "shard", block->shard);
    bda_json_number(json, "memory_type", block->memory_type);
    bda_json_bool(json, "own_buffers", block->own_buffers);
    bda_json_bool(json, "dedicated", block->dedicated);
    bda_json_bool(json, "mapped", block->mapped);
}

static const char *state_of(const struct bda_listed_range *range) {
    static const char *const names[] = {
        [BDA_NODE_UNUSED] = "free",
        [BDA_NODE_FREE] = "free",
        [BDA_NODE_LIVE] = "live",
        [BDA_NODE_RETIRED] = "retired",
        [BDA_NODE_PENDING] = "pending",
        [BDA_NODE_CACHED] = "cached",
        [BDA_NODE_QUARANTINED] = "quarantined",
    };
    return range->gone ? "gone" : names[range->state];
}

/* What is known of an allocation. */
static void dump_owner(BdaAllocator allocator, struct bda_json *json, const struct bda_listed_range *range) {
    if (range->state == BDA_NODE_LIVE)
        bda_json_number(json, "asked", range->asked);
    bda_json_hex(json, "handle", range->handle);
    bda_json_text(json, "name", range->name[0] != '\0' ? range->name : NULL);
    if (range->frame != 0)
        bda_json_number(json, "frame", bda_dump_frame(allocator, range->frame));
    else
        bda_json_null(json, "frame");
    if (range->user != 0)
        bda_json_hex(json, "user", range->user);
    if (range->placed != 0)
        bda_json_hex(json, "placed", range->placed);
}

static void dump_range(BdaAllocator allocator, struct bda_json *json, const struct bda_listed_range *range) {
    bda_json_open_line(json, NULL, '{');
    bda_json_hex(json, "address", range->address);
    bda_json_number(json, "size", range->size);
    bda_json_text(json, "state", state_of(range));
    if (range->cut != 0)
        bda_json_number(json, "cut", range->cut);
    if (range->behind != 0)
        bda_json_number(json, "behind", range->behind);
    if (range->handle != 0)
        dump_owner(allocator, json, range);
    bda_json_close(json, '}');
}

static void dump_piece(BdaAllocator allocator, struct bda_json *json, const struct bda_listing *listing) {
    if (listing->begins) {
        begin_block(json, &listing->block);
        bda_json_open(json, "ranges", '[');
    }
    for (uint32_t i = 0; i < listing->count; i++)
        dump_range(allocator, json, &listing->ranges[i]);
    if (!listing->ends)
        return;
    bda_json_close(json, ']');
    bda_json_close(json, '}');
}

void bda_dump_blocks(BdaAllocator allocator, struct bda_json *json, bool ranges) {
    struct bda_listing listing;
    bda_json_open_line(json, "blocks", '[');
    bda_listing_begin(&listing, allocator);
    while (!json->stopped && (ranges ? bda_listing_next(&listing) : bda_listing_next_block(&listing))) {
        if (ranges) {
            dump_piece(allocator, json, &listing);
            continue;
        }
        begin_block(json, &listing.block);
        bda_json_close(json, '}');
    }
    bda_json_close(json, ']');
}
