/* The invariants of a whole allocator, executable. */
#ifndef BDA_DEBUG_CHECK_H
#define BDA_DEBUG_CHECK_H

#include "alloc/allocator.h"

/* NULL, or what is broken; VK_ERROR_OUT_OF_HOST_MEMORY through `result` when there is no memory to check with. */
const char *bda_check_all(BdaAllocator allocator, VkResult *result);

#endif
