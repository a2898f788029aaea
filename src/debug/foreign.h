/*
 * Foreign ranges: memory that is not the library's and that checked shaders may follow pointers into. They are kept in
 * a list of the host's, so that what overlaps another one or a block of ours is refused, and what was never added
 * cannot be removed: pages of the shadow are counted, and one that goes once too often takes somebody else's bytes with
 * it.
 */
#ifndef BDA_DEBUG_FOREIGN_H
#define BDA_DEBUG_FOREIGN_H

#include "debug/pointers.h"

/* Its bytes become live, or are no longer. Of adding VK_ERROR_OUT_OF_HOST_MEMORY and what bda_shadow_cover answers, and
 * of both VK_ERROR_VALIDATION_FAILED_EXT with a reason; then nothing has changed. */
VkResult bda_foreign_add(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size, const char **reason);
VkResult bda_foreign_remove(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size, const char **reason);

/* Forgets those that were not removed. */
void bda_foreign_finish(BdaAllocator allocator);

#endif
