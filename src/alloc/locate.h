/*
 * From an address to a block, without a lock, and on to the range in it, under the lock of its pool.
 *
 * A *stray* is an own buffer that the driver placed elsewhere than its block's base says, which no driver seen does.
 * Strays stand in no map. Once there was one, look-ups go through all own buffers for them first: the driver's word is
 * what was handed out.
 */
#ifndef BDA_ALLOC_LOCATE_H
#define BDA_ALLOC_LOCATE_H

#include "alloc/range.h"

/* A block has become its pool's, or is about to be no longer; not, where it moves from one shard to another. The locks
 * of the shard and of its head are held. */
void bda_locate_add(BdaAllocator allocator, uint32_t index);
void bda_locate_remove(BdaAllocator allocator, uint32_t index);

/* ---- Blocks ---- */

/* The block that an address lies in, by the map; the last one that begins at it or before, and the first one behind it.
 * False: there is none. No lock, but where the map changes under one's eyes again and again. */
bool bda_locate_block(BdaAllocator allocator, VkDeviceAddress address, struct bda_place *place);
bool bda_locate_below(BdaAllocator allocator, VkDeviceAddress address, struct bda_place *place);
bool bda_locate_above(BdaAllocator allocator, VkDeviceAddress address, struct bda_place *place);

/* The same address as others write it: sign-extended from bit 47 where it was plain, and the other way around. Itself
 * where there is no other form. */
static inline VkDeviceAddress bda_locate_other_form(VkDeviceAddress address) {
    const VkDeviceAddress sign = (VkDeviceAddress)0xFFFF << 48;
    VkDeviceAddress high = address >> 47;
    if (high != 1 && high != 0x1FFFF)
        return address;
    return address ^ sign;
}

/* What an address may be that is told with a precision (a power of two, or 0), in the form in which it touches a block,
 * if it does in either. */
void bda_locate_stretch(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize precision, VkDeviceAddress *first,
                        VkDeviceAddress *last);

/* ---- Ranges ---- */

/* Is shown a range, with the shard that its block is in as its pool. The lock of that is held, so it and all of its
 * block stand still, but for those that go into a thread's cache and come out of it (bda_node_lives_on). */
typedef void bda_visitor(BdaAllocator allocator, const struct bda_live *live, void *context);

/* Shows the range that an address lies in; the last one of its block where the address lies behind all of them. False:
 * the address is in no block. */
bool bda_locate_range(BdaAllocator allocator, VkDeviceAddress address, bda_visitor *visit, void *context);

/* Shows the live stray that holds the address or comes first behind it; false: there is none. */
bool bda_locate_stray(BdaAllocator allocator, VkDeviceAddress address, bda_visitor *visit, void *context);

/* Whether there ever was one. */
BDA_INLINE bool bda_locate_has_strays(BdaAllocator allocator) {
    return atomic_load_explicit(&allocator->strays, memory_order_relaxed);
}

/* What the holder of a pool's lock sees of a range at one moment, whoever is taking it into a cache or out of one. */
struct bda_sight {
    enum bda_node_state state;
    BdaHandle handle;      /* as the present generation makes it */
    VkDeviceAddress begin; /* of a stray: where the driver placed it */
    VkDeviceSize held;     /* bytes */
    VkDeviceSize asked;    /* live: of them; else all */
    uint32_t record;       /* live, pending or quarantined: 0, or its own */
    bool stray;
};
struct bda_sight bda_locate_look(BdaAllocator allocator, const struct bda_live *live);

#endif
