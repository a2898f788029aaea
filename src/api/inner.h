/* Public functions as other public ones use them: who is refused is told by its own name. */
#ifndef BDA_API_INNER_H
#define BDA_API_INNER_H

#include "alloc/allocator.h"

/* bda_free of a handle that is not 0, by the same short ways. Where it names no live allocation, that is told as by
 * `function`. */
VkResult bda_free_inner(BdaAllocator allocator, BdaHandle handle, const char *function);

/* bda_free_after of a handle that is not 0, and bda_flush: the reason is the caller's to tell. */
VkResult bda_free_after_inner(BdaAllocator allocator, BdaHandle handle, VkSemaphore timeline, uint64_t value,
                              const char **reason);
VkResult bda_flush_inner(BdaAllocator allocator, BdaHandle handle, VkDeviceSize offset, VkDeviceSize size,
                         const char **reason);

#endif
