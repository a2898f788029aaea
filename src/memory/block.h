/*
 * Blocks: a backing, the buffer over it, and the address at which it begins.
 *
 * Three kinds, which never mix:
 *
 * - Range blocks keep one spanning VkBuffer; ranges are offsets in it.
 * - Own-buffer blocks keep none, since a second VkBuffer over the same bytes confuses tools and some commands. The
 *   address they begin at is learned through a short-lived buffer. No rule promises that an own buffer's
 *   address follows from it, so that is asked for as well.
 * - Dedicated blocks hold one allocation, at their first byte.
 *
 * Drivers promise little about the address of a VkDeviceMemory. Where it is no multiple of the base alignment, the
 * spanning buffer is made again, a little shorter, and bound as much further up: then one alignment serves address and
 * buffer offset alike.
 */
#ifndef BDA_MEMORY_BLOCK_H
#define BDA_MEMORY_BLOCK_H

#include "core/tlsf.h"
#include "memory/backing.h"

#include <stddef.h>

struct bda_pool;

/* Immortal (see core/store.h): a record is used again for another block, but its memory stays. What a free reads before
 * it knows that its handle is not stale is atomic: the record may be another block's by then. */
struct bda_block {
    /* in one cache line, all that taking a plain range and giving it back look at: */
    _Alignas(64) struct bda_region region; /* what TLSF hands out; first of all members, see core/tlsf.h */
    _Atomic(struct bda_pool *) pool;       /* whose it is; NULL while unused */
    unsigned char *mapped;                 /* CPU address of the region's first byte, or NULL */
    VkBuffer buffer;                       /* spanning, or the dedicated allocation's; none in own-buffer blocks */
    _Atomic uint8_t stock;                 /* where caches keep its ranges, see alloc/cache.h */
    _Atomic bool plain;                    /* cut into ranges that nobody listens to: a free is TLSF's work alone */
    _Atomic bool own;                      /* cut into ranges for own buffers */
    uint16_t idle;                         /* how often bda_collect found it empty since it was last used */
    /* what the rest of a block's life needs: */
    uint32_t call;               /* which public call opened it; see bda_reclaim_call */
    VkDeviceSize dedicated_size; /* bytes asked for by the one allocation; 0: not dedicated */
    VkDeviceSize memory_offset;  /* of the region's first byte in the backing */
    struct bda_backing backing;
    _Atomic(struct bda_landmarks *) landmarks; /* of the region, for look-ups; NULL: there never was one */
    _Atomic(struct bda_pool *) head; /* of its pool, whichever shard it is in; set while the map shows the block */
    _Atomic bool patterned;          /* its bytes that are nobody's carry a pattern (debug/patterns.h) */
    VkBuffer reach;                  /* by which commands reach its bytes: `buffer`, or one for them alone; or none */
    VkDeviceSize reach_size;         /* bytes from the region's first one that it may reach */
    uint32_t previous, next;         /* in the pool's list; next also links spare records */
};

_Static_assert(offsetof(struct bda_block, call) <= 64, "what plain ranges need lies in one cache line");

enum {
    BDA_BLOCK_CHUNK_LOG2 = 3,       /* 1.5 KiB a chunk: an allocator with one block stays under 64 KiB */
    BDA_IDLE_AHEAD = UINT16_MAX,    /* bda_block::idle of one made ahead of time and not used yet: no surplus */
    BDA_IDLE_MOST = UINT16_MAX - 1, /* no more is counted */
};

/* What a buffer of a block is made like. `info` is the caller's for own buffers, else bda_block_buffer_info's. */
VkBufferCreateInfo bda_block_buffer_info(const struct bda_device *device, VkBufferUsageFlags usage, VkDeviceSize size,
                                         bool capture_replay);

/* What the driver wants for a buffer. */
struct bda_requirements {
    VkDeviceSize size;
    VkDeviceSize alignment;
    uint32_t type_bits;
    bool prefers_dedicated;
    bool requires_dedicated;
};
void bda_block_requirements(struct bda_device *device, VkBuffer buffer, struct bda_requirements *requirements);

/*
 * Opens a block that will be cut into pieces. `info->size` bytes of memory are taken; the region is as large, or
 * smaller by up to the base alignment. `usage` is the spanning buffer's, kept or not. Sets region.base and region.size,
 * not region.first.
 */
VkResult bda_block_open(struct bda_device *device, const struct bda_backing_info *info, VkBufferUsageFlags usage,
                        bool keep_buffer, uint32_t granule_log2, struct bda_block *block, const char **reason);

/*
 * Opens a block for one buffer, whose address is a multiple of `alignment`. `buffer` was made from `buffer_info` and
 * has these requirements; it belongs to the block from now on and is destroyed if this fails (it may be made anew: the
 * one to use is block->buffer). Over-aligned memory cannot be dedicated in Vulkan's sense
 * (VUID-VkMemoryDedicatedAllocateInfo-buffer-02965, VUID-vkBindBufferMemory-memory-01508), nor can memory with `behind`
 * bytes more behind the buffer, which are left out where the driver requires it to be.
 */
VkResult bda_block_open_dedicated(struct bda_device *device, const struct bda_backing_info *info,
                                  const VkBufferCreateInfo *buffer_info, VkBuffer buffer,
                                  const struct bda_requirements *requirements, VkDeviceSize alignment,
                                  VkDeviceSize behind, struct bda_block *block, const char **reason);

/* Gives a block a buffer for transfers alone, over `reach_size` bytes and without an address, so that tools take it for
 * nobody's range; where the driver does not bear one there, it goes without. */
void bda_block_reach(struct bda_device *device, struct bda_block *block);

/* Destroys the buffers and gives the memory back. */
void bda_block_close(struct bda_device *device, struct bda_block *block);

VkDeviceAddress bda_block_buffer_address(struct bda_device *device, VkBuffer buffer);

#endif
