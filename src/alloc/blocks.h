/*
 * Blocks of an allocator as they come from the driver and go back to it: with a record, a name for tools, and word to
 * who listens. They belong to no pool yet, or no longer (grow.h, reclaim.h). Every function here calls the driver, and
 * no lock is held meanwhile.
 */
#ifndef BDA_ALLOC_BLOCKS_H
#define BDA_ALLOC_BLOCKS_H

#include "alloc/allocator.h"

/* A block of so many bytes, to be cut into pieces, that belongs to nobody yet. The request says which call opens it. */
VkResult bda_blocks_open(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize size, struct bda_request *request,
                         uint32_t *index);

/* One for one buffer, which is gone if it fails. */
VkResult bda_blocks_open_dedicated(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                                   const VkBufferCreateInfo *buffer_info, VkBuffer buffer,
                                   const struct bda_requirements *requirements, uint32_t *index);

/* Takes an unlinked block apart: its buffer and memory go back to the driver, its record to the spare list. */
void bda_blocks_close(BdaAllocator allocator, uint32_t index);

/* The records' own memory goes, with the allocator: their blocks are closed. */
void bda_blocks_finish(BdaAllocator allocator);

#endif
