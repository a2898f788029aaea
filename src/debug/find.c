/*
 * See find.h. A search goes through its stretch of addresses piece by piece. Where it lies in a block, it sees the
 * ranges there under the lock of the pool, a number of them at a time; each becomes a finding.
 */
#include "debug/find.h"

#include "alloc/history.h"
#include "alloc/locate_live.h"
#include "debug/message.h"

#include <string.h>

enum {
    NEIGHBOURS_MOST = 64, /* ranges to look at for the next live one */
    AT_A_TIME = 256,      /* ranges under one lock */
};

struct search {
    VkDeviceAddress at, last; /* the next byte to explain, and the last one */
    VkDeviceAddress until;    /* the last one before the next stray */
    bool done;                /* `last` may be the last address that there is, with none behind it */
    uint32_t count, room;
    BdaFinding *findings;
    BdaFinding *spare; /* for those that are only counted */
};

/* ---- Findings ---- */

/* Of a name the end alone: zeroing all 400 bytes of a finding takes as long as the rest of a look-up. */
static void clear_range(BdaFoundRange *range) {
    range->handle = 0;
    range->address = 0;
    range->size = 0;
    range->user = 0;
    range->frame = 0;
    range->stack = 0;
    range->name[0] = '\0';
}

static void clear_former(BdaPastOwner *former) {
    clear_range(&former->range);
    former->generation = 0;
    former->frees_ago = former->frame_freed = former->frame_allocated = 0;
    former->deferred = former->live = VK_FALSE;
}

/* Says nothing yet but its kind and its first address. */
static void clear(BdaFinding *finding, BdaFindingKind kind, VkDeviceAddress address) {
    finding->next = NULL;
    finding->kind = kind;
    finding->own_buffer = finding->dedicated = VK_FALSE;
    finding->memory_type = 0;
    finding->address = address;
    clear_range(&finding->range);
    finding->offset = 0;
    finding->dated = VK_FALSE;
    finding->frees_since = 0;
    clear_range(&finding->before);
    finding->past_end = 0;
    finding->red_zone = 0;
    clear_range(&finding->after);
    finding->before_begin = 0;
    finding->block_address = 0;
    finding->block_size = 0;
    finding->pool = NULL;
    clear_former(&finding->former);
    finding->history = (BdaHistory){ .next = NULL };
}

/* The next finding. */
static BdaFinding *begin(struct search *search, BdaFindingKind kind) {
    bool kept = search->findings != NULL && search->count < search->room;
    BdaFinding *finding = kept ? &search->findings[search->count] : search->spare;
    clear(finding, kind, search->at);
    search->count++;
    return finding;
}

/* It ends with this byte. */
static void end(struct search *search, BdaFinding *finding, VkDeviceAddress last) {
    last = bda_min(last, search->until);
    finding->extent = last - search->at + 1;
    search->done = last == search->last || (search->findings != NULL && search->count > search->room);
    search->at = last + 1;
}

static void describe_record(BdaAllocator allocator, const struct bda_record_view *record, bool live,
                            BdaFoundRange *range) {
    range->user = record->user;
    range->stack = record->stack;
    if (live && record->frame != 0)
        range->frame =
            bda_clock_whole_frame(atomic_load_explicit(&allocator->history.frame, memory_order_relaxed), record->frame);
    if (record->length < BDA_NAME_NEAR)
        memcpy(range->name, record->text.bytes, BDA_NAME_NEAR);
    else
        bda_copy_text(range->name, sizeof range->name, record->text.bytes);
}

/* The pool's lock is held: nobody takes the record, or changes it. */
static void describe_range(BdaAllocator allocator, const struct bda_sight *sight, BdaFoundRange *range) {
    range->address = sight->begin;
    range->size = sight->asked;
    if (sight->state == BDA_NODE_LIVE)
        range->handle = sight->handle;
    if (sight->state == BDA_NODE_PENDING || sight->state == BDA_NODE_QUARANTINED) /* its generation has moved on */
        range->handle = sight->handle - ((BdaHandle)1 << 32);
    struct bda_record_view record;
    if (sight->record != 0 && bda_record_read(bda_record_at(allocator, sight->record), &record))
        describe_record(allocator, &record, sight->state == BDA_NODE_LIVE, range);
}

static void describe_block(const struct bda_live *live, BdaFinding *finding) {
    const struct bda_pool *pool = live->pool;
    finding->own_buffer = pool->key.own_buffers;
    finding->dedicated = live->block->dedicated_size != 0;
    finding->memory_type = pool->key.memory_type;
    finding->pool = pool->user;
    finding->block_address = live->block->region.base;
    finding->block_size = live->block->backing.size - live->block->memory_offset;
}

/* ---- Neighbours ---- */

/* The nearest live range from `index` on, by address or against it. */
static bool find_live(BdaAllocator allocator, struct bda_pool *pool, uint32_t index, bool forward,
                      struct bda_sight *sight) {
    for (uint32_t tries = 0; index != 0 && tries < NEIGHBOURS_MOST; tries++) {
        const struct bda_live live = bda_range_at(allocator, pool, index);
        *sight = bda_locate_look(allocator, &live);
        if (sight->state == BDA_NODE_LIVE && !sight->stray)
            return true;
        index = forward ? bda_node_next(live.node) : bda_node_previous(live.node);
    }
    return false;
}

static void set_before(BdaAllocator allocator, const struct bda_sight *sight, BdaFinding *finding) {
    describe_range(allocator, sight, &finding->before);
    finding->past_end = finding->address - (sight->begin + sight->asked);
}

static void set_after(BdaAllocator allocator, const struct bda_sight *sight, BdaFinding *finding) {
    describe_range(allocator, sight, &finding->after);
    finding->before_begin = sight->begin - finding->address;
}

/* Of what lies in this range; in the slack of an allocation, that one is before it. */
static void set_neighbours(BdaAllocator allocator, const struct bda_live *live, const struct bda_sight *own,
                           BdaFinding *finding) {
    struct bda_sight sight;
    if (finding->kind == BDA_FINDING_SLACK) {
        set_before(allocator, own, finding);
        finding->red_zone = allocator->red_zone != 0 ? own->held - own->asked : 0;
    } else if (find_live(allocator, live->pool, bda_node_previous(live->node), false, &sight))
        set_before(allocator, &sight, finding);
    if (find_live(allocator, live->pool, bda_node_next(live->node), true, &sight))
        set_after(allocator, &sight, finding);
}

/* ---- In a block ---- */

static BdaFindingKind kind_of(const struct bda_sight *sight) {
    switch (sight->state) {
    case BDA_NODE_LIVE:
        return BDA_FINDING_LIVE;
    case BDA_NODE_PENDING:
        return BDA_FINDING_PENDING;
    case BDA_NODE_QUARANTINED:
        return BDA_FINDING_QUARANTINED;
    case BDA_NODE_RETIRED:
    case BDA_NODE_CACHED:
        return BDA_FINDING_KEPT;
    default:
        return BDA_FINDING_FREE;
    }
}

/* Where the range ends: with the block, where it is the last one, though less than a granule may be beyond it. */
static VkDeviceAddress last_of(const struct bda_live *live, const struct bda_sight *sight, VkDeviceAddress begin) {
    const struct bda_block *block = live->block;
    bool whole = bda_node_next(live->node) == 0;
    VkDeviceAddress block_end = block->region.base + (block->backing.size - block->memory_offset);
    return (whole ? block_end : begin + sight->held) - 1;
}

/* The piece of a range that the search is at. */
static void explain_range(BdaAllocator allocator, struct search *search, const struct bda_live *live) {
    struct bda_sight sight = bda_locate_look(allocator, live);
    VkDeviceAddress first = live->block->region.base + bda_node_start(live->node);
    VkDeviceAddress last = last_of(live, &sight, first);
    BdaFindingKind kind = kind_of(&sight);
    if (sight.stray) { /* these bytes are in nobody's hands: the buffer is elsewhere */
        kind = BDA_FINDING_FREE;
        sight = (struct bda_sight){ .begin = first, .asked = sight.held };
    }
    if (kind == BDA_FINDING_LIVE && search->at - first >= sight.asked)
        kind = BDA_FINDING_SLACK;
    BdaFinding *finding = begin(search, kind);
    describe_block(live, finding);
    describe_range(allocator, &sight, &finding->range);
    finding->offset = search->at - first;
    if (kind == BDA_FINDING_LIVE)
        last = first + sight.asked - 1;
    else
        set_neighbours(allocator, live, &sight, finding);
    end(search, finding, last);
}

/* A bda_visitor: as many ranges as the search needs and one lock bears. */
static void explain_ranges(BdaAllocator allocator, const struct bda_live *live, void *context) {
    struct search *search = context;
    uint32_t index = live->index;
    for (uint32_t i = 0; i < AT_A_TIME && index != 0 && !search->done && search->at <= search->until; i++) {
        const struct bda_live at = bda_range_at(allocator, live->pool, index);
        VkDeviceAddress first = at.block->region.base + bda_node_start(at.node);
        explain_range(allocator, search, &at);
        if (search->at - first >= bda_node_held(at.node)) /* else its slack comes next */
            index = bda_node_next(at.node);
    }
}

/* ---- Elsewhere ---- */

/* Bda_visitors: the last live range of a block below, the first one of a block above. */
static void explain_below(BdaAllocator allocator, const struct bda_live *live, void *context) {
    struct bda_sight sight;
    if (find_live(allocator, live->pool, live->index, false, &sight))
        set_before(allocator, &sight, context);
}

static void explain_above(BdaAllocator allocator, const struct bda_live *live, void *context) {
    struct bda_sight sight;
    if (find_live(allocator, live->pool, live->index, true, &sight))
        set_after(allocator, &sight, context);
}

/* In no block, up to the next one. */
static void explain_foreign(BdaAllocator allocator, struct search *search) {
    BdaFinding *finding = begin(search, BDA_FINDING_FOREIGN);
    VkDeviceAddress last = search->last;
    struct bda_place place;
    if (bda_locate_below(allocator, search->at, &place))
        (void)bda_locate_range(allocator, place.base + place.length - 1, explain_below, finding);
    if (bda_locate_above(allocator, search->at, &place)) {
        last = place.base - 1;
        (void)bda_locate_range(allocator, place.base, explain_above, finding);
    }
    end(search, finding, last);
}

/* ---- Strays ---- */

/* What a bda_visitor is shown of a stray. */
struct stray {
    struct search *search;
    VkDeviceAddress begin;
    bool explained;
};

static void explain_stray(BdaAllocator allocator, const struct bda_live *live, void *context) {
    struct stray *stray = context;
    struct search *search = stray->search;
    const struct bda_sight sight = bda_locate_look(allocator, live);
    stray->begin = sight.begin;
    stray->explained = sight.state == BDA_NODE_LIVE && search->at - sight.begin < sight.asked;
    if (!stray->explained)
        return;
    BdaFinding *finding = begin(search, BDA_FINDING_LIVE);
    describe_block(live, finding);
    describe_range(allocator, &sight, &finding->range);
    finding->offset = search->at - sight.begin;
    end(search, finding, sight.begin + sight.asked - 1);
}

/* Explains the stray that the search is at; false where it is at none. What comes next ends where the next one begins.
 */
static bool pass_stray(BdaAllocator allocator, struct search *search) {
    struct stray stray = { search, 0, false };
    if (bda_locate_stray(allocator, search->at, explain_stray, &stray) && stray.begin > search->at)
        search->until = bda_min(search->last, stray.begin - 1);
    return stray.explained;
}

/* ---- A live byte ---- */

struct live_byte {
    VkDeviceAddress address;
    BdaFinding *finding;
    bool explained;
};

/* A bda_visitor. */
static void explain_live(BdaAllocator allocator, const struct bda_live *live, void *context) {
    struct live_byte *byte = context;
    const struct bda_sight sight = bda_locate_look(allocator, live);
    VkDeviceSize offset = byte->address - sight.begin;
    byte->explained = sight.state == BDA_NODE_LIVE && !sight.stray && offset < sight.asked;
    if (!byte->explained)
        return;
    clear(byte->finding, BDA_FINDING_LIVE, byte->address);
    describe_block(live, byte->finding);
    describe_range(allocator, &sight, &byte->finding->range);
    byte->finding->offset = offset;
    byte->finding->extent = 1;
}

BDA_APART bool find_under_lock(BdaAllocator allocator, VkDeviceAddress address, BdaFinding *finding) {
    struct live_byte byte = { address, finding, false };
    return bda_locate_range(allocator, address, explain_live, &byte) && byte.explained;
}

/* What the record of a range says that was seen without the lock; false where that is no longer its own, or is being
 * changed. */
static bool describe_seen(BdaAllocator allocator, const struct bda_live_view *view, BdaFoundRange *range) {
    const struct bda_record *record = bda_record_at(allocator, view->record);
    struct bda_record_view seen;
    BDA_YIELD_POINT();
    if (!bda_record_read(record, &seen) || !bda_locate_lives_on(view) || !bda_record_stands(record, &seen))
        return false;
    describe_record(allocator, &seen, true, range);
    return true;
}

/* Nearly always landmarks lead to it. */
bool bda_find_live(BdaAllocator allocator, VkDeviceAddress address, BdaFinding *finding) {
    struct bda_live_view view;
    if (bda_locate_has_strays(allocator))
        return false;
    if (!BDA_LIKELY(bda_locate_live(allocator, address, &view)))
        return find_under_lock(allocator, address, finding);
    clear(finding, BDA_FINDING_LIVE, address);
    if (view.record != 0 && !describe_seen(allocator, &view, &finding->range))
        return find_under_lock(allocator, address, finding);
    finding->own_buffer = view.place.own_buffers;
    finding->memory_type = view.place.memory_type;
    finding->pool = view.place.pool;
    finding->block_address = view.place.base;
    finding->block_size = view.place.length;
    finding->range.handle = view.handle;
    finding->range.address = view.begin;
    finding->range.size = view.asked;
    finding->offset = address - view.begin;
    finding->extent = 1;
    return true;
}

/* ---- All of it ---- */

uint32_t bda_find_all(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                      BdaFinding *findings) {
    BdaFinding spare;
    struct search search = { .at = first, .last = last, .room = room, .findings = findings, .spare = &spare };
    while (!search.done) {
        search.until = last;
        if (bda_locate_has_strays(allocator) && pass_stray(allocator, &search))
            continue;
        if (!bda_locate_range(allocator, search.at, explain_ranges, &search))
            explain_foreign(allocator, &search);
    }
    return search.count;
}
