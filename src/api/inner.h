/* Public functions as other public ones use them: nobody is told of a refusal, whose reason is the caller's to tell by
 * its own name. */
#ifndef BDA_API_INNER_H
#define BDA_API_INNER_H

#include "alloc/allocator.h"

/* bda_free of a handle that is not 0, by the same short ways. False: it names no live allocation. */
bool bda_free_inner(BdaAllocator allocator, BdaHandle handle);

/* bda_free_after of a handle that is not 0. */
VkResult bda_free_after_inner(BdaAllocator allocator, BdaHandle handle, VkSemaphore timeline, uint64_t value,
                              const char **reason);

/* bda_flush. */
VkResult bda_flush_inner(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, VkDeviceSize size,
                         const char **reason);

#endif
