/* What is used under each prefix of names, see bda_get_prefix_stats; and what is counted of some. */
#ifndef BDA_DEBUG_PREFIX_H
#define BDA_DEBUG_PREFIX_H

#include "alloc/allocator.h"

/* Writes up to `room` (at least 1) of them, the most bytes first; false: the last one stands for several. */
bool bda_prefix_stats(BdaAllocator allocator, char delimiter, uint32_t room, BdaPrefixUse *uses, uint32_t *count);

/* How many there are, by host memory that is given back at once. VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult bda_prefix_count(BdaAllocator allocator, char delimiter, uint32_t *count);

/* Those that are counted (alloc/prefixes.h): how many, and each by its place. */
uint32_t bda_counted_prefix_count(BdaAllocator allocator);
void bda_counted_prefix(BdaAllocator allocator, uint32_t index, BdaCountedPrefix *counted);

#endif
