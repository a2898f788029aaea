/* What is used under each prefix of names, see bda_get_prefix_stats. */
#ifndef BDA_DEBUG_PREFIX_H
#define BDA_DEBUG_PREFIX_H

#include "alloc/allocator.h"

/* Writes up to `room` (at least 1) of them, the most bytes first; false: the last one stands for several. */
bool bda_prefix_stats(BdaAllocator allocator, char delimiter, uint32_t room, BdaPrefixUse *uses, uint32_t *count);

#endif
