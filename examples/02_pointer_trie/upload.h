/*
 * Gets bytes from the CPU into allocations of any kind. Where an allocation is mapped it is written in place; where
 * not, as with device-local memory on a discrete GPU, the bytes are gathered in one staging allocation and copy
 * commands carry them over, a few per block: this is what BdaAllocation::buffer and ::offset are for.
 */
#ifndef EXAMPLES_UPLOAD_H
#define EXAMPLES_UPLOAD_H

#include "example.h"

/* Bytes that wait in `bytes` for their way to the buffer. */
struct upload_piece {
    VkBuffer buffer;
    VkBufferCopy copy;
};

struct upload {
    struct ex *ex;
    BdaAllocator allocator;
    bool always_stage; /* also into mapped memory, so that the copies can be tested on any driver */
    char *bytes;
    size_t size;
    size_t capacity;
    struct upload_piece *pieces;
    uint32_t piece_count;
    uint32_t piece_capacity;
};

/* Writes to the allocation now, or keeps the bytes until the flush. Offsets and sizes are multiples of 4. */
void upload_write(struct upload *upload, const BdaAllocation *to, VkDeviceSize offset, const void *data, size_t size);

/* Carries over what was kept, waits for it, and returns how many bytes went through staging. */
size_t upload_flush(struct upload *upload);

#endif
