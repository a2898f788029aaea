/*
 * The annex's watch: the one listener of the allocation floor's events (alloc/hooks.h), which passes each on to
 * whatever is switched on: the log, the checking modes. While nothing is, there is no listener, and allocations take
 * the short ways (alloc/plain.h); while something is, all of them take the long way and no thread keeps ranges.
 */
#ifndef BDA_DEBUG_WATCH_H
#define BDA_DEBUG_WATCH_H

#include "alloc/allocator.h"

/* The checking modes that there are (BdaCheckFlagBits). */
enum { BDA_WATCH_CHECKS = BDA_CHECK_POINTERS_BIT };

/* Begins to listen, if `info` asks for anything to listen for; errors with their reason. To be finished in any case,
 * when nothing is allocated any more. */
VkResult bda_watch_init(BdaAllocator allocator, const BdaAllocatorInfo *info, const char **reason);
void bda_watch_finish(BdaAllocator allocator);

#endif
