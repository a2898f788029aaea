/* Writes in place or through staging; see upload.h. */
#include "upload.h"

#include <stdlib.h>
#include <string.h>

/* Copies in one command, bounded since a driver puts all of them into the command buffer. */
enum { MAX_COPIES = 4096 };

static void *grow(void *memory, size_t bytes) {
    void *grown = realloc(memory, bytes);
    if (!grown)
        ex_fail("out of memory");
    return grown;
}

static void keep_bytes(struct upload *upload, const void *data, size_t size) {
    if (upload->capacity - upload->size < size) {
        upload->capacity = 2 * upload->capacity + size;
        upload->bytes = grow(upload->bytes, upload->capacity);
    }
    memcpy(upload->bytes + upload->size, data, size);
    upload->size += size;
}

static void keep_piece(struct upload *upload, struct upload_piece piece) {
    if (upload->piece_count == upload->piece_capacity) {
        upload->piece_capacity = upload->piece_capacity ? 2 * upload->piece_capacity : 1024;
        upload->pieces = grow(upload->pieces, upload->piece_capacity * sizeof *upload->pieces);
    }
    upload->pieces[upload->piece_count++] = piece;
}

void upload_write(struct upload *upload, const BdaAllocation *to, VkDeviceSize offset, const void *data, size_t size) {
    if (to->mapped && !upload->always_stage) {
        EX_CHECK(bda_write(upload->allocator, to->handle, offset, data, size));
        return;
    }
    VkBufferCopy copy = { .srcOffset = upload->size, .dstOffset = to->offset + offset, .size = size };
    keep_piece(upload, (struct upload_piece){ .buffer = to->buffer, .copy = copy });
    keep_bytes(upload, data, size);
}

static int compare_pieces(const void *a, const void *b) {
    const struct upload_piece *x = a, *y = b;
    int order = memcmp(&x->buffer, &y->buffer, sizeof x->buffer); /* any order groups them */
    if (order)
        return order;
    return (x->copy.dstOffset > y->copy.dstOffset) - (x->copy.dstOffset < y->copy.dstOffset);
}

/* Copies the bytes of sorted pieces from a on, as many as go to one buffer and into one command, to `staged`, one
 * behind another from `at` on. Pieces that touch at their destination become one copy. Returns where the next piece
 * stands. */
static uint32_t gather(const struct upload *upload, uint32_t a, char *staged, VkDeviceSize at, VkBufferCopy *copies,
                       uint32_t *count) {
    const struct upload_piece *pieces = upload->pieces;
    uint32_t i = a;
    for (*count = 0; i < upload->piece_count && pieces[i].buffer == pieces[a].buffer; i++) {
        VkBufferCopy copy = pieces[i].copy;
        VkBufferCopy *last = *count > 0 ? &copies[*count - 1] : NULL;
        memcpy(staged + at, upload->bytes + copy.srcOffset, (size_t)copy.size);
        copy.srcOffset = at;
        if (last && last->dstOffset + last->size == copy.dstOffset)
            last->size += copy.size;
        else if (*count < MAX_COPIES)
            copies[(*count)++] = copy;
        else
            break;
        at += copy.size;
    }
    return i;
}

static void copy_all(struct upload *upload, const BdaAllocation *staging) {
    VkBufferCopy copies[MAX_COPIES];
    VkDeviceSize at = 0;
    VkCommandBuffer commands = ex_begin(upload->ex);
    qsort(upload->pieces, upload->piece_count, sizeof *upload->pieces, compare_pieces);
    for (uint32_t i = 0, next, count; i < upload->piece_count; i = next) {
        next = gather(upload, i, staging->mapped, at, copies, &count);
        for (uint32_t k = 0; k < count; k++) {
            at += copies[k].size;
            copies[k].srcOffset += staging->offset;
        }
        vkCmdCopyBuffer(commands, staging->buffer, upload->pieces[i].buffer, count, copies);
    }
    EX_CHECK(bda_flush(upload->allocator, staging->handle, 0, VK_WHOLE_SIZE));
    ex_end(upload->ex, commands);
}

size_t upload_flush(struct upload *upload) {
    size_t size = upload->size;
    if (size > 0) {
        BdaAllocInfo info = { .size = size, .intent = BDA_INTENT_UPLOAD, .name = "staging" };
        BdaAllocation staging;
        EX_CHECK(bda_alloc(upload->allocator, &info, &staging));
        copy_all(upload, &staging);
        EX_CHECK(bda_free(upload->allocator, staging.handle));
    }
    free(upload->pieces);
    free(upload->bytes);
    *upload = (struct upload){ .ex = upload->ex, .allocator = upload->allocator, .always_stage = upload->always_stage };
    return size;
}
