/* Staging through an arena; see upload.h. */
#include "upload.h"

#include <string.h>

void upload_begin(struct upload *upload, struct ex *ex, BdaAllocator allocator) {
    *upload = (struct upload){ .ex = ex };
    BdaArenaInfo info = { .chunk = { .size = 1 << 20, .intent = BDA_INTENT_UPLOAD, .name = "load/staging" } };
    EX_CHECK(bda_create_arena(allocator, &info, &upload->staging));
    upload->commands = ex_begin(ex);
}

void upload_copy(struct upload *upload, const BdaAllocation *to, const void *data, VkDeviceSize size) {
    BdaPiece piece;
    EX_CHECK(bda_alloc_from_arena(upload->staging, size, 0, &piece));
    memcpy(piece.mapped, data, (size_t)size);
    VkBufferCopy copy = { .srcOffset = piece.offset, .dstOffset = to->offset, .size = size };
    vkCmdCopyBuffer(upload->commands, piece.buffer, to->buffer, 1, &copy);
    upload->bytes += size;
}

void upload_end(struct upload *upload) {
    EX_CHECK(bda_flush_arena(upload->staging));
    ex_end(upload->ex, upload->commands);
    bda_destroy_arena(upload->staging); /* the GPU is done with it */
}
