/*
 * Patterns in the bytes that are nobody's, for the modes that poison and that keep red zones. In a block that is
 * patterned (bda_block) the state of a range says what its bytes are:
 *
 *   free, quarantined   0xdd
 *   live                0xcd as they are handed out, with poison; from then on the owner's
 *   its red zone        0xfd, from the last byte that was asked for to the last one held
 *
 * Only the CPU's share stands here: memory that it does not reach has its patterns by commands (commands.h).
 */
#ifndef BDA_DEBUG_PATTERNS_H
#define BDA_DEBUG_PATTERNS_H

#include "alloc/range.h"
#include "debug/broken.h"

enum bda_pattern { BDA_PATTERN_FRESH = 0xcd, BDA_PATTERN_FREED = 0xdd, BDA_PATTERN_RED_ZONE = 0xfd };

/* A node as modes see it. */
struct bda_watched {
    struct bda_live live;
    VkDeviceSize start; /* from the first byte of its block's region */
    VkDeviceSize held;  /* bytes */
    uint64_t note;
};
struct bda_watched bda_watched_at(BdaAllocator allocator, uint32_t index);

/* What is wrong in bytes that should carry a pattern; false: nothing. */
bool bda_patterns_examine(const unsigned char *bytes, VkDeviceSize size, enum bda_pattern pattern,
                          struct bda_damage *damage);

/* The steps of a block and of a range that hooks tell of. */
void bda_patterns_opened(BdaAllocator allocator, uint32_t index); /* of the block */
void bda_patterns_taken(BdaAllocator allocator, uint32_t index);
void bda_patterns_freed(BdaAllocator allocator, uint32_t index);
void bda_patterns_leave(BdaAllocator allocator, uint32_t index);

/* Compares what is known of a range's bytes, as the CPU sees them, and mends them; how often they were broken: once,
 * but what is free may have been several owners'. What there is no room for stays as it is. The lock of its pool is
 * held. */
uint32_t bda_patterns_look(BdaAllocator allocator, uint32_t index, uint32_t room, struct bda_breakage *breakages);

#endif
