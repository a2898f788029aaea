/*
 * Work for the GPU: copies, dispatches of the kernels in shaders/, and whole checks made of them.
 *
 *   span   an address and a number of 32-bit words there; its seed decides what is written to it (suite_word).
 *   node   16 bytes of a list that the chase kernel walks by raw pointers.
 */
#ifndef SUITE_WORK_H
#define SUITE_WORK_H

#include "suite.h"

/* The kernels' push constants; each says in its first lines what it makes of them. */
struct suite_push {
    VkDeviceAddress from;
    VkDeviceAddress to;
    uint32_t count;
    uint32_t seed;
};

struct suite_span {
    VkDeviceAddress address;
    uint32_t words;
    uint32_t seed;
};

struct suite_node {
    VkDeviceAddress next;
    uint32_t value;
    uint32_t unused;
};

struct suite_walk {
    uint32_t sum;
    uint32_t nodes;
};

/* ---- Command buffers ---- */

/* A command buffer that has begun; what ended before is visible to it. */
VkCommandBuffer suite_begin(struct suite *s, const struct suite_queue *queue);
/* Everything before has happened and is visible to everything after, and to the CPU. */
void suite_barrier(VkCommandBuffer commands);
void suite_record_dispatch(struct suite *s, VkCommandBuffer commands, enum suite_kernel kernel,
                           const struct suite_push *push);
/* Ends, submits, waits, frees. A GPU that does not answer within two minutes ends the program. */
void suite_end(struct suite *s, const struct suite_queue *queue, VkCommandBuffer commands);
/* All of it for one dispatch. */
void suite_dispatch(struct suite *s, enum suite_kernel kernel, const struct suite_push *push);

/* ---- Bytes ---- */

/* By vkCmdCopyBuffer through the allocation's buffer and offset, whether it is mapped or not. */
void suite_copy_in(struct suite *s, const BdaAllocation *to, const void *data, VkDeviceSize size);
void suite_copy_out(struct suite *s, const BdaAllocation *from, void *data, VkDeviceSize size);
/* By the CPU where the allocation is mapped, by a copy where it is not. */
void suite_write(struct suite *s, const BdaAllocation *to, const void *data, VkDeviceSize size);
void suite_read(struct suite *s, const BdaAllocation *from, void *data, VkDeviceSize size);

/* ---- Spans ---- */

uint32_t suite_word(uint32_t seed, uint32_t index);
/* What the checksum kernel makes of `count` words of a seed. */
uint32_t suite_sum(uint32_t seed, uint32_t count);
void suite_words(uint32_t *words, uint32_t count, uint32_t seed);
struct suite_span suite_span_of(const BdaAllocation *a, uint32_t seed);
/* The GPU writes, and the GPU reads: the spans hold the words of their seeds. */
void suite_fill(struct suite *s, const struct suite_span *spans, uint32_t count);
void suite_assert_filled(struct suite *s, const struct suite_span *spans, uint32_t count);
/* The same for the words that stand in `words`, one span only. */
void suite_assert_words(struct suite *s, VkDeviceAddress address, const uint32_t *words, uint32_t count);

/* ---- Lists ---- */

/* Walks the lists beginning at `heads`, on the GPU; each must have `nodes` nodes with values that sum up to `sum`. */
void suite_assert_lists(struct suite *s, const VkDeviceAddress *heads, uint32_t count, const struct suite_walk *walks);

/* ---- Allocating, with the expectation that it works ---- */

BdaAllocation suite_alloc(struct suite *s, const BdaAllocInfo *info);
BdaAllocation suite_alloc_buffer(struct suite *s, VkDeviceSize size, VkBufferUsageFlags usage,
                                 const BdaAllocInfo *info);
void suite_free(struct suite *s, const BdaAllocation *a);
/* Whether the device has a memory type that `intent` requires. */
bool suite_has_memory_for(const struct suite *s, BdaIntent intent);

#define SUITE_COPIES (VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT)

#endif
