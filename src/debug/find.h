/* Looking addresses up: what each byte of a stretch of addresses is, see bda_find. */
#ifndef BDA_DEBUG_FIND_H
#define BDA_DEBUG_FIND_H

#include "alloc/allocator.h"

/* Explains [first, last]. `findings` has room for `room` of them; NULL: they are only counted. Returns how many there
 * are, or one more than `room` where there are more than that. */
uint32_t bda_find_all(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                      BdaFinding *findings);

/* The short way of what is asked most: whose this byte is. False: in no live allocation, or not as easily said; then
 * what stands in `finding` means nothing. */
bool bda_find_live(BdaAllocator allocator, VkDeviceAddress address, BdaFinding *finding);

#endif
