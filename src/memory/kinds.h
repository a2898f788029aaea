/*
 * Kinds of buffers: what is known of buffers that are alike in flags and usage, so that it is neither worked out nor
 * asked again for every one of them.
 *
 * The driver's requirements are part of it where it promises what they hang on. With maintenance4 enabled
 * (Vulkan, "Resource Memory Association") memory types and alignment are the same for all buffers of the same flags,
 * usage and external handle types, and the size is never more than the buffer's, rounded up to the alignment. Of
 * dedicated memory nothing is promised: a driver may prefer it for large buffers. So what was said of one size is
 * taken to hold for smaller ones, and larger ones are asked about. Without maintenance4 the driver is asked every time.
 *
 * Only plain kinds are remembered: no flags, no chain, a usage that goes into the general pools. The first ones stay;
 * a device sees few. Any thread may look and add, without a lock.
 */
#ifndef BDA_MEMORY_KINDS_H
#define BDA_MEMORY_KINDS_H

#include "core/bits.h"
#include "memory/block.h"

#include <stdatomic.h>

struct bda_kind {
    _Atomic uint32_t key; /* the usage; 0: nothing stands here yet */
    uint32_t type_bits;
    VkDeviceSize usage_alignment;              /* that the usage needs by itself */
    VkDeviceSize alignment;                    /* that the driver requires */
    _Atomic VkDeviceSize most_promised;        /* the requirements of a buffer up to this size need not be asked for */
    _Atomic(struct bda_pool *) first_pools[4]; /* by intent, that such a buffer tries first; the allocation floor's */
};

enum { BDA_KINDS_LOG2 = 5, BDA_KINDS = 1 << BDA_KINDS_LOG2, BDA_KIND_TRIES = 4 };

struct bda_kinds {
    struct bda_kind all[BDA_KINDS + BDA_KIND_TRIES];
};

/* Where the search for a usage begins. */
BDA_INLINE struct bda_kind *bda_kinds_at(struct bda_kinds *kinds, VkBufferUsageFlags usage) {
    return &kinds->all[(usage * 0x9E3779B1u) >> (32 - BDA_KINDS_LOG2)]; /* 2^32 over the golden ratio */
}

/* The kind with a usage, which is not 0; NULL: none is known. */
BDA_INLINE struct bda_kind *bda_kinds_find(struct bda_kinds *kinds, VkBufferUsageFlags usage) {
    if (usage == UINT32_MAX) /* no usage at all, and what stands where one is being written down */
        return NULL;
    struct bda_kind *kind = bda_kinds_at(kinds, usage);
    for (uint32_t i = 0; i < BDA_KIND_TRIES; i++)
        if (atomic_load_explicit(&kind[i].key, memory_order_acquire) == usage)
            return &kind[i];
    return NULL;
}

/* The requirements of a buffer of this size, if they need not be asked for. */
BDA_INLINE bool bda_kind_requires(struct bda_kind *kind, VkDeviceSize size, struct bda_requirements *requirements) {
    if (size > atomic_load_explicit(&kind->most_promised, memory_order_relaxed))
        return false;
    *requirements = (struct bda_requirements){ bda_align_up(size, kind->alignment), kind->alignment, kind->type_bits,
                                               false, false };
    return true;
}

/* Remembers a usage, and what the driver said of a buffer with it. */
void bda_kinds_learn(struct bda_kinds *kinds, const struct bda_device *device, VkBufferUsageFlags usage,
                     VkDeviceSize size, const struct bda_requirements *requirements);

/* Remembers what it said of a larger one. */
void bda_kind_learn(struct bda_kind *kind, const struct bda_device *device, VkDeviceSize size,
                    const struct bda_requirements *requirements);

#endif
