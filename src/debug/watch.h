/*
 * The annex's watch: the one listener of the allocation floor's events (alloc/hooks.h), which passes each on to
 * whatever is switched on: the log, the checking modes. While nothing is, there is no listener, and allocations take
 * the short ways (alloc/plain.h); while something is, all of them take the long way and no thread keeps ranges.
 */
#ifndef BDA_DEBUG_WATCH_H
#define BDA_DEBUG_WATCH_H

#include "alloc/allocator.h"

/* The checking modes that there are (BdaCheckFlagBits). */
enum { BDA_WATCH_CHECKS = BDA_CHECK_ISOLATE_BIT | BDA_CHECK_MEMORY_BIT | BDA_CHECK_STACKS_BIT };

/* Bytes that stay free behind each allocation where a mode wants it: no two touch, and an index that is a few elements
 * too large does not reach the next one. */
enum { BDA_WATCH_GAP = 256 };

/* Begins to listen, if `info` asks for anything to listen for. VK_ERROR_OUT_OF_HOST_MEMORY: bda_watch_finish takes back
 * what is there. */
VkResult bda_watch_init(BdaAllocator allocator, const BdaAllocatorInfo *info);

/* The end of it, once all that was allocated has been told of as freed. */
void bda_watch_finish(BdaAllocator allocator);

#endif
