/* The budget in one view, see bda_get_budget. */
#ifndef BDA_DEBUG_HEAPS_H
#define BDA_DEBUG_HEAPS_H

#include "alloc/allocator.h"

/* One for each heap of the device, with room for all, and the statistics that they are made from, which are zeroed
 * before. Asks the driver first. */
void bda_heaps_view(BdaAllocator allocator, BdaStats *stats, BdaHeapBudget budgets[VK_MAX_MEMORY_HEAPS]);

#endif
