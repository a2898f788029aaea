/* See refill.h. */
#include "debug/refill.h"

#include "alloc/free.h"
#include "alloc/locate.h"
#include "debug/message.h"

enum { AT_A_TIME = 256 /* ranges under one lock */ };

/* ---- Keeping out ---- */

/* How often this thread does so now: a release, which does from its beginning to its end, tells of blocks that go. */
static _Thread_local uint32_t depth;

void bda_refill_keep_out(struct bda_pointers *pointers) {
    if (depth++ != 0)
        return;
    atomic_fetch_add(&pointers->events, 1);
    while (atomic_load(&pointers->filling)) {
        atomic_fetch_sub(&pointers->events, 1);
        for (uint32_t tries = 0; atomic_load(&pointers->filling); tries++)
            bda_let_others(tries);
        atomic_fetch_add(&pointers->events, 1);
    }
}

void bda_refill_let_in(struct bda_pointers *pointers) {
    if (--depth == 0)
        atomic_fetch_sub(&pointers->events, 1);
}

void bda_refill_hear_release(BdaAllocator allocator, bool begins) {
    if (begins)
        bda_refill_keep_out(allocator->pointers);
    else
        bda_refill_let_in(allocator->pointers);
}

/* False: somebody else is at it. */
static bool begin(struct bda_pointers *pointers) {
    if (atomic_exchange(&pointers->filling, true))
        return false;
    for (uint32_t tries = 0; atomic_load(&pointers->events) != 0; tries++)
        bda_let_others(tries);
    return true;
}

/* ---- What is live ---- */

struct walk {
    VkDeviceAddress at, last; /* in the form of the blocks' addresses */
    uint32_t number, piece;
};

/* An allocation has one colour: that which it has on a page that is known, else a new one. Those before this page are
 * known by now; behind it, it is looked for when the allocation is met first. */
static uint32_t colour_of(BdaAllocator allocator, const struct walk *walk, VkDeviceAddress address, VkDeviceSize size) {
    struct bda_shadow *shadow = &allocator->pointers->shadow;
    const VkDeviceSize page = (VkDeviceSize)1 << BDA_SHADOW_PAGE_LOG2;
    VkDeviceAddress begin = bda_align_down(walk->last, page);
    int colour = address < begin ? bda_shadow_colour(shadow, begin - 1) : -1;
    for (VkDeviceAddress at = begin + page; address >= begin && colour < 0 && at < address + size; at += page)
        colour = bda_shadow_colour(shadow, at);
    return colour >= 0 ? (uint32_t)colour : bda_pointers_next_colour(allocator->pointers);
}

/* What a free is on its way to take off is live until then; what waits for the device as well. */
static bool counts_as_live(enum bda_node_state state) {
    return state == BDA_NODE_LIVE || state == BDA_NODE_PENDING || state == BDA_NODE_RETIRED;
}

/* A bda_visitor. */
static void fill_ranges(BdaAllocator allocator, const struct bda_live *live, void *context) {
    struct walk *walk = context;
    uint32_t index = live->index;
    for (uint32_t i = 0; i < AT_A_TIME && index != 0 && walk->at <= walk->last; i++) {
        struct bda_node *node = bda_node_of(allocator, index);
        VkDeviceAddress address = live->block->region.base + bda_node_start(node);
        if (counts_as_live(bda_node_state(node))) {
            VkDeviceSize size = bda_asked_once(allocator, node);
            bda_shadow_fill(&allocator->pointers->shadow, walk->number, walk->piece, address, size,
                            colour_of(allocator, walk, address, size));
        }
        walk->at = address + bda_node_held(node);
        index = live->block->dedicated_size == 0 ? bda_node_next(node) : 0;
    }
    if (index == 0) /* all of the block */
        walk->at = live->block->region.base + (live->block->backing.size - live->block->memory_offset);
}

/* Where a block has gone there is nothing, and a new one tells what is made in it. */
static void fill_from(BdaAllocator allocator, struct walk *walk) {
    struct bda_place place;
    while (walk->at <= walk->last) {
        VkDeviceAddress before = walk->at;
        if (!bda_locate_block(allocator, walk->at, &place)) {
            if (!bda_locate_above(allocator, walk->at, &place) || place.base > walk->last)
                return;
            walk->at = place.base;
        }
        if (!bda_locate_range(allocator, walk->at, fill_ranges, walk))
            walk->at = place.base + place.length;
        if (walk->at <= before)
            return;
    }
}

static void fill_page(BdaAllocator allocator, uint32_t number, uint32_t piece) {
    VkDeviceAddress first = (VkDeviceAddress)number << BDA_SHADOW_PAGE_LOG2;
    VkDeviceAddress last = first + ((VkDeviceAddress)1 << BDA_SHADOW_PAGE_LOG2) - 1;
    fill_from(allocator, &(struct walk){ first, last, number, piece });
    VkDeviceAddress other_first = bda_locate_other_form(first);
    if (other_first != first)
        fill_from(allocator, &(struct walk){ other_first, bda_locate_other_form(last), number, piece });
}

/* ---- All of it ---- */

static void fill_gaps(BdaAllocator allocator) {
    struct bda_shadow *shadow = &allocator->pointers->shadow;
    uint32_t piece;
    for (uint32_t number = 0; bda_shadow_open_page(shadow, &number, &piece); number++) {
        fill_page(allocator, number, piece);
        bda_shadow_publish(shadow, number, piece);
    }
    bda_shadow_settle(shadow);
}

/* Strays lie in no block that could be walked through, so with them gaps stay. Who keeps others out has to wait for the
 * next time as well. */
void bda_refill(BdaAllocator allocator) {
    struct bda_pointers *pointers = allocator->pointers;
    if (!bda_shadow_has_gaps(&pointers->shadow) || bda_locate_has_strays(allocator) || depth != 0)
        return;
    bda_shadow_secure_gaps(&pointers->shadow);
    if (!begin(pointers))
        return;
    fill_gaps(allocator);
    atomic_store(&pointers->filling, false);
    if (!bda_shadow_has_gaps(&pointers->shadow))
        bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_INFO,
                    "checked pointers: there was memory for the tables by now; all blocks are checked");
}
