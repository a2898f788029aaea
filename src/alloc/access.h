/* The CPU's side of an allocation, and what is known and can be changed of it. Handles are checked under the pool's
 * lock; what is done with the memory, and with the driver, is done without. */
#ifndef BDA_ALLOC_ACCESS_H
#define BDA_ALLOC_ACCESS_H

#include "alloc/allocator.h"

/* Where the bytes of a live allocation are. */
struct bda_view {
    struct bda_backing backing; /* a copy */
    VkDeviceSize memory_offset; /* of the first byte, in the backing */
    VkDeviceSize size;
    unsigned char *mapped; /* or NULL */
};

/* VK_ERROR_VALIDATION_FAILED_EXT with the reason. */
VkResult bda_access_view(BdaAllocator allocator, BdaHandle handle, struct bda_view *view, const char **reason);

VkResult bda_access_info(BdaAllocator allocator, BdaHandle handle, BdaAllocationInfo *info, const char **reason);

/* Change the name (NULL takes it away) or the user value. VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_VALIDATION_FAILED_EXT.
 */
VkResult bda_access_set_name(BdaAllocator allocator, BdaHandle handle, const char *name, const char **reason);
VkResult bda_access_set_user(BdaAllocator allocator, BdaHandle handle, uint64_t user, const char **reason);

/* Passes an allocation's name on to tools, if it has a Vulkan object of its own. For its owner. */
void bda_access_show_name(BdaAllocator allocator, uint32_t index, const char *name);

#endif
