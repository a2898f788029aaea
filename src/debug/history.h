/* Reading the history, see bda_get_history: from all rings, while they are written. */
#ifndef BDA_DEBUG_HISTORY_H
#define BDA_DEBUG_HISTORY_H

#include "alloc/allocator.h"

/* Finds the last owners of [first, last], in either form of addresses, the newest first. `owners` has room for `room`
 * of them; returns how many there are. */
uint32_t bda_history_find(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                          BdaPastOwner *owners, BdaHistory *history);

#endif
