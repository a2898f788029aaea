/*
 * Copying to memory that the CPU may not reach: the bytes are written to a piece of an arena and copied from there by a
 * command, on every device alike. Where the memory is mapped one could write in place and spare the copy, as
 * 02_pointer_trie does; what is loaded once may cost a copy, and so this way is tested everywhere.
 */
#ifndef EXAMPLES_UPLOAD_H
#define EXAMPLES_UPLOAD_H

#include "example.h"

struct upload {
    struct ex *ex;
    BdaArena staging;
    VkCommandBuffer commands;
    VkDeviceSize bytes;
};

/* Begins; what is allocated and copied meanwhile is there after upload_end, which waits. */
void upload_begin(struct upload *upload, struct ex *ex, BdaAllocator allocator);
void upload_copy(struct upload *upload, const BdaAllocation *to, const void *data, VkDeviceSize size);
void upload_end(struct upload *upload);

#endif
