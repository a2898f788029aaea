/* See work.h. Staging, tables and results come from s->tools, so that the allocator under test sees none of it. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A dispatch of the suite takes well under a second, on a software driver with sanitizers a few. */
static const uint64_t patience_ns = 120ull * 1000 * 1000 * 1000;

/* ---- Command buffers ---- */

VkCommandBuffer suite_begin(struct suite *s, const struct suite_queue *queue) {
    const VkCommandBufferAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                               .commandPool = queue->commands,
                                               .commandBufferCount = 1 };
    const VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                             .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT };
    VkCommandBuffer commands = VK_NULL_HANDLE;
    assert_vk(vkAllocateCommandBuffers(s->device, &info, &commands));
    assert_vk(vkBeginCommandBuffer(commands, &begin));
    suite_barrier(commands);
    return commands;
}

void suite_barrier(VkCommandBuffer commands) {
    const VkPipelineStageFlags stages = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT;
    const VkAccessFlags access =
        VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT | VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT;
    const VkMemoryBarrier barrier = { .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                      .srcAccessMask = access,
                                      .dstAccessMask = access };
    vkCmdPipelineBarrier(commands, stages, stages, 0, 1, &barrier, 0, NULL, 0, NULL);
}

void suite_record_dispatch(struct suite *s, VkCommandBuffer commands, enum suite_kernel kernel,
                           const struct suite_push *push) {
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, s->kernels[kernel]);
    vkCmdPushConstants(commands, s->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof *push, push);
    vkCmdDispatch(commands, (push->count + 63) / 64, 1, 1);
}

static void wait_for(struct suite *s, VkFence fence) {
    VkResult result = vkWaitForFences(s->device, 1, &fence, VK_TRUE, patience_ns);
    if (result == VK_SUCCESS)
        return;
    fprintf(stderr, "the GPU does not answer: VkResult %d\n", (int)result);
    _Exit(EXIT_FAILURE); /* nothing can be destroyed any more */
}

void suite_end(struct suite *s, const struct suite_queue *queue, VkCommandBuffer commands) {
    suite_barrier(commands);
    assert_vk(vkEndCommandBuffer(commands));
    const VkFenceCreateInfo fence_info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    const VkSubmitInfo submit = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                  .commandBufferCount = 1,
                                  .pCommandBuffers = &commands };
    VkFence fence = VK_NULL_HANDLE;
    assert_vk(vkCreateFence(s->device, &fence_info, NULL, &fence));
    assert_vk(vkQueueSubmit(queue->queue, 1, &submit, fence));
    wait_for(s, fence);
    vkDestroyFence(s->device, fence, NULL);
    vkFreeCommandBuffers(s->device, queue->commands, 1, &commands);
}

void suite_dispatch(struct suite *s, enum suite_kernel kernel, const struct suite_push *push) {
    VkCommandBuffer commands = suite_begin(s, s->main);
    suite_record_dispatch(s, commands, kernel, push);
    suite_end(s, s->main, commands);
}

/* ---- Bytes ---- */

static BdaAllocation take_tool(struct suite *s, BdaIntent intent, VkDeviceSize size) {
    const BdaAllocInfo info = { .size = size, .intent = intent, .usage = SUITE_COPIES };
    BdaAllocation a;
    assert_vk(bda_alloc(s->tools, &info, &a));
    return a;
}

static void return_tool(struct suite *s, const BdaAllocation *a) {
    assert_vk(bda_free(s->tools, a->handle));
}

static void copy(struct suite *s, const BdaAllocation *from, const BdaAllocation *to, VkDeviceSize size) {
    const VkBufferCopy region = { .srcOffset = from->offset, .dstOffset = to->offset, .size = size };
    VkCommandBuffer commands = suite_begin(s, s->main);
    vkCmdCopyBuffer(commands, from->buffer, to->buffer, 1, &region);
    suite_end(s, s->main, commands);
}

void suite_copy_in(struct suite *s, const BdaAllocation *to, const void *data, VkDeviceSize size) {
    BdaAllocation staging = take_tool(s, BDA_INTENT_UPLOAD, size);
    assert_vk(bda_write(s->tools, staging.handle, 0, data, size));
    copy(s, &staging, to, size);
    return_tool(s, &staging);
}

void suite_copy_out(struct suite *s, const BdaAllocation *from, void *data, VkDeviceSize size) {
    BdaAllocation staging = take_tool(s, BDA_INTENT_READBACK, size);
    copy(s, from, &staging, size);
    assert_vk(bda_read(s->tools, staging.handle, 0, data, size));
    return_tool(s, &staging);
}

void suite_write(struct suite *s, const BdaAllocation *to, const void *data, VkDeviceSize size) {
    if (to->mapped != NULL)
        assert_vk(bda_write(s->allocator, to->handle, 0, data, size));
    else
        suite_copy_in(s, to, data, size);
}

void suite_read(struct suite *s, const BdaAllocation *from, void *data, VkDeviceSize size) {
    if (from->mapped != NULL)
        assert_vk(bda_read(s->allocator, from->handle, 0, data, size));
    else
        suite_copy_out(s, from, data, size);
}

/* ---- A table in, results out ---- */

/* Runs a kernel over `count` elements; `results` may be NULL. */
static void run_over(struct suite *s, enum suite_kernel kernel, const void *table, size_t element, uint32_t count,
                     uint32_t seed, void *results, size_t result) {
    BdaAllocation from = take_tool(s, BDA_INTENT_UPLOAD, element * count);
    BdaAllocation to = take_tool(s, BDA_INTENT_READBACK, result * count);
    const struct suite_push push = { from.address, to.address, count, seed };
    assert_vk(bda_write(s->tools, from.handle, 0, table, element * count));
    suite_dispatch(s, kernel, &push);
    if (results != NULL)
        assert_vk(bda_read(s->tools, to.handle, 0, results, result * count));
    return_tool(s, &from);
    return_tool(s, &to);
}

/* ---- Spans ---- */

uint32_t suite_word(uint32_t seed, uint32_t index) {
    uint32_t x = (seed * 0x9E3779B9u) ^ (index * 0x85EBCA6Bu);
    x = (x ^ (x >> 15)) * 0x2C1B3C6Du;
    return x ^ (x >> 13);
}

static uint32_t fold(uint32_t sum, uint32_t word) {
    return (sum ^ word) * 16777619u;
}

void suite_words(uint32_t *words, uint32_t count, uint32_t seed) {
    for (uint32_t i = 0; i < count; i++)
        words[i] = suite_word(seed, i);
}

struct suite_span suite_span_of(const BdaAllocation *a, uint32_t seed) {
    return (struct suite_span){ a->address, (uint32_t)(a->size / sizeof(uint32_t)), seed };
}

void suite_fill(struct suite *s, const struct suite_span *spans, uint32_t count) {
    run_over(s, SUITE_FILL, spans, sizeof *spans, count, 0, NULL, sizeof(uint32_t));
}

uint32_t suite_sum(uint32_t seed, uint32_t count) {
    uint32_t sum = 2166136261u;
    for (uint32_t i = 0; i < count; i++)
        sum = fold(sum, suite_word(seed, i));
    return sum;
}

void suite_assert_filled(struct suite *s, const struct suite_span *spans, uint32_t count) {
    uint32_t *sums = calloc(count, sizeof *sums);
    assert_non_null(sums);
    run_over(s, SUITE_CHECKSUM, spans, sizeof *spans, count, 0, sums, sizeof *sums);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < count; i++)
        if (sums[i] != suite_sum(spans[i].seed, spans[i].words) && wrong++ == 0)
            print_error("span %u of %u at %llx, %u words: its words are not those of its seed\n", (unsigned)i,
                        (unsigned)count, (unsigned long long)spans[i].address, (unsigned)spans[i].words);
    free(sums);
    assert_int_equal(wrong, 0);
}

void suite_assert_words(struct suite *s, VkDeviceAddress address, const uint32_t *words, uint32_t count) {
    const struct suite_span span = { address, count, 0 };
    uint32_t seen = 0;
    uint32_t sum = 2166136261u;
    for (uint32_t i = 0; i < count; i++)
        sum = fold(sum, words[i]);
    run_over(s, SUITE_CHECKSUM, &span, sizeof span, 1, 0, &seen, sizeof seen);
    assert_int_equal(seen, sum);
}

/* ---- Lists ---- */

void suite_assert_lists(struct suite *s, const VkDeviceAddress *heads, uint32_t count, const struct suite_walk *walks) {
    const uint32_t most_nodes = 1u << 20; /* a list with a loop in it must not hang the GPU */
    struct suite_walk *seen = calloc(count, sizeof *seen);
    assert_non_null(seen);
    run_over(s, SUITE_CHASE, heads, sizeof *heads, count, most_nodes, seen, sizeof *seen);
    int different = memcmp(seen, walks, count * sizeof *seen);
    free(seen);
    assert_int_equal(different, 0);
}

/* ---- Allocating ---- */

BdaAllocation suite_alloc(struct suite *s, const BdaAllocInfo *info) {
    BdaAllocation a;
    assert_vk(bda_alloc(s->allocator, info, &a));
    assert_true(a.handle != 0 && a.address != 0 && a.buffer != VK_NULL_HANDLE);
    assert_true(a.size == info->size);
    return a;
}

BdaAllocation suite_alloc_buffer(struct suite *s, VkDeviceSize size, VkBufferUsageFlags usage,
                                 const BdaAllocInfo *info) {
    const VkBufferCreateInfo buffer_info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                             .size = size,
                                             .usage = usage };
    BdaAllocation a;
    assert_vk(bda_alloc_buffer(s->allocator, &buffer_info, info, &a));
    assert_true(a.handle != 0 && a.address != 0 && a.buffer != VK_NULL_HANDLE);
    assert_true(a.size == size && a.offset == 0);
    return a;
}

void suite_free(struct suite *s, const BdaAllocation *a) {
    assert_vk(bda_free(s->allocator, a->handle));
}

bool suite_has_memory_for(const struct suite *s, BdaIntent intent) {
    static const VkMemoryPropertyFlags required[] = {
        [BDA_INTENT_DEVICE] = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
        [BDA_INTENT_UPLOAD] = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
        [BDA_INTENT_READBACK] = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
        [BDA_INTENT_SHARED] = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
    };
    for (uint32_t i = 0; i < s->memory.memoryTypeCount; i++)
        if ((s->memory.memoryTypes[i].propertyFlags & required[intent]) == required[intent])
            return true;
    return false;
}
