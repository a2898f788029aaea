/* Own buffers: a VkBuffer made for one request, with an address like everything else. */
#include "work.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not in the headers of Debian 12. */
#define STRUCTURE_TYPE_BUFFER_USAGE_FLAGS_2 1000470006
struct usage_flags_2 {
    VkStructureType sType;
    const void *pNext;
    uint64_t usage;
};

static VkBufferCreateInfo buffer_info(VkDeviceSize size, VkBufferUsageFlags usage) {
    return (VkBufferCreateInfo){ .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = usage };
}

static VkDeviceAddress address_of(struct suite *s, VkBuffer buffer) {
    const VkBufferDeviceAddressInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, .buffer = buffer };
    return vkGetBufferDeviceAddress(s->device, &info);
}

/* ---- Bytes ---- */

static void the_address_is_the_drivers(void **state) {
    struct suite *s = *state;
    const VkDeviceSize sizes[] = { 1, 16, 1000, 4096, 100000, 3 * SUITE_MIB + 5 };
    for (size_t i = 0; i < SUITE_COUNT(sizes); i++) {
        BdaAllocation a = suite_alloc_buffer(s, sizes[i], VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, NULL);
        assert_true(a.address == address_of(s, a.buffer));
        BdaAllocationInfo info = suite_info(s, a.handle);
        assert_true(info.own_buffer);
        assert_memory_equal(&info.allocation, &a, sizeof a);
        suite_free(s, &a);
    }
}

static void a_ranges_address_is_its_buffers_and_its_offset(void **state) {
    struct suite *s = *state;
    BdaAllocation ranges[100];
    for (size_t i = 0; i < SUITE_COUNT(ranges); i++) {
        const BdaAllocInfo info = { .size = 100 * i + 1, .intent = i % 2 ? BDA_INTENT_UPLOAD : BDA_INTENT_DEVICE };
        ranges[i] = suite_alloc(s, &info);
        assert_true(ranges[i].address == address_of(s, ranges[i].buffer) + ranges[i].offset);
        assert_false(suite_info(s, ranges[i].handle).own_buffer);
    }
    for (size_t i = 0; i < SUITE_COUNT(ranges); i++)
        suite_free(s, &ranges[i]);
}

static void vertex_and_storage_buffers_are_copied_and_chased(void **state) {
    enum { COUNT = 200, WORDS = 1024 };
    struct suite *s = *state;
    static uint32_t words[WORDS], seen[WORDS];
    BdaAllocation buffers[COUNT];
    struct suite_span spans[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        buffers[i] =
            suite_alloc_buffer(s, (WORDS - i) * sizeof(uint32_t),
                               VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | SUITE_COPIES,
                               &(BdaAllocInfo){ .name = "mesh" });
        spans[i] = suite_span_of(&buffers[i], i);
    }
    suite_fill(s, spans, COUNT);
    for (uint32_t i = 0; i < COUNT; i += 50) { /* the copies see what the shader wrote, and the other way round */
        suite_copy_out(s, &buffers[i], seen, buffers[i].size);
        suite_words(words, WORDS - i, i);
        assert_memory_equal(seen, words, buffers[i].size);
        spans[i].seed = 1000 + i;
        suite_words(words, WORDS - i, spans[i].seed);
        suite_copy_in(s, &buffers[i], words, buffers[i].size);
    }
    suite_assert_filled(s, spans, COUNT);
    assert_true(suite_use(s).block_count < COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        suite_free(s, &buffers[(i * 37) % COUNT]);
    assert_int_equal(suite_use(s).allocation_count, 0);
}

static void mapped_own_buffers_are_written_in_place(void **state) {
    struct suite *s = *state;
    const BdaIntent intents[] = { BDA_INTENT_UPLOAD, BDA_INTENT_READBACK };
    uint32_t words[333];
    for (uint32_t i = 0; i < 20; i++) {
        const BdaAllocInfo info = { .intent = intents[i % 2], .flags = i % 3 == 0 ? BDA_ALLOC_ZERO_BIT : 0 };
        BdaAllocation a = suite_alloc_buffer(s, sizeof words, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, &info);
        assert_non_null(a.mapped);
        memset(words, 0, sizeof words);
        if (i % 3 == 0)
            suite_assert_words(s, a.address, words, SUITE_COUNT(words));
        suite_words(words, SUITE_COUNT(words), i);
        assert_vk(bda_write(s->allocator, a.handle, 0, words, sizeof words));
        suite_assert_words(s, a.address, words, SUITE_COUNT(words));
        suite_free(s, &a);
    }
}

/* ---- Commands that want a buffer and an offset ---- */

/* Three words at `a` are the workgroup counts of a dispatch that doubles nothing but proves that it ran. */
static void dispatch_through(struct suite *s, const BdaAllocation *a) {
    const VkDispatchIndirectCommand groups = { 2, 1, 1 };
    suite_write(s, a, &groups, sizeof groups);
    uint32_t words[128];
    suite_words(words, 128, 5);
    BdaAllocation data = suite_alloc(s, &(BdaAllocInfo){ .size = sizeof words, .intent = BDA_INTENT_UPLOAD });
    assert_vk(bda_write(s->allocator, data.handle, 0, words, sizeof words));
    const struct suite_push push = { data.address, data.address, 128, 9 };
    VkCommandBuffer commands = suite_begin(s, s->main);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, s->kernels[SUITE_TRANSFORM]);
    vkCmdPushConstants(commands, s->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof push, &push);
    vkCmdDispatchIndirect(commands, a->buffer, a->offset);
    suite_end(s, s->main, commands);
    for (uint32_t i = 0; i < 128; i++)
        words[i] = words[i] * 3 + 9;
    suite_assert_words(s, data.address, words, 128);
    suite_free(s, &data);
}

static void indirect_arguments_lie_in_ranges_and_own_buffers(void **state) {
    struct suite *s = *state;
    const VkBufferUsageFlags usage = VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT | SUITE_COPIES;
    BdaAllocation first = suite_alloc(s, &(BdaAllocInfo){ .size = 20 });
    BdaAllocation range = suite_alloc(s, &(BdaAllocInfo){ .size = 12, .usage = usage });
    BdaAllocation own = suite_alloc_buffer(s, 12, usage, NULL);
    dispatch_through(s, &range);
    dispatch_through(s, &own);
    suite_free(s, &first);
    suite_free(s, &range);
    suite_free(s, &own);
}

static void fills_and_updates_reach_the_address(void **state) {
    struct suite *s = *state;
    const BdaAllocInfo info = { .size = 256, .usage = SUITE_COPIES };
    BdaAllocation a = suite_alloc(s, &info), b = suite_alloc(s, &info);
    uint32_t words[64];
    suite_words(words, 64, 21);
    VkCommandBuffer commands = suite_begin(s, s->main);
    vkCmdFillBuffer(commands, a.buffer, a.offset, a.size, 0x01020304);
    vkCmdUpdateBuffer(commands, b.buffer, b.offset, b.size, words);
    suite_end(s, s->main, commands);
    suite_assert_words(s, b.address, words, 64);
    for (uint32_t i = 0; i < 64; i++)
        words[i] = 0x01020304;
    suite_assert_words(s, a.address, words, 64);
    suite_free(s, &a);
    suite_free(s, &b);
}

/* ---- Descriptors ---- */

static VkDescriptorSet write_set(struct suite *s, VkDescriptorPool pool, const BdaAllocation *stored,
                                 const BdaAllocation *scale) {
    const VkDescriptorSetAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                               .descriptorPool = pool,
                                               .descriptorSetCount = 1,
                                               .pSetLayouts = &s->set_layout };
    VkDescriptorSet set = VK_NULL_HANDLE;
    assert_vk(vkAllocateDescriptorSets(s->device, &info, &set));
    const VkDescriptorBufferInfo buffers[] = { { stored->buffer, stored->offset, stored->size },
                                               { scale->buffer, scale->offset, scale->size } };
    const VkDescriptorType types[] = { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER };
    for (uint32_t i = 0; i < 2; i++) {
        const VkWriteDescriptorSet write = { .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                             .dstSet = set,
                                             .dstBinding = i,
                                             .descriptorCount = 1,
                                             .descriptorType = types[i],
                                             .pBufferInfo = &buffers[i] };
        vkUpdateDescriptorSets(s->device, 1, &write, 0, NULL);
    }
    return set;
}

static VkDescriptorPool create_descriptor_pool(struct suite *s, uint32_t sets) {
    const VkDescriptorPoolSize sizes[] = { { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, sets },
                                           { VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, sets } };
    const VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, .maxSets = sets, .poolSizeCount = 2, .pPoolSizes = sizes
    };
    VkDescriptorPool pool = VK_NULL_HANDLE;
    assert_vk(vkCreateDescriptorPool(s->device, &info, NULL, &pool));
    return pool;
}

static void dispatch_bound(struct suite *s, VkDescriptorSet set, VkDeviceAddress to, uint32_t count) {
    const struct suite_push push = { .to = to, .count = count };
    VkCommandBuffer commands = suite_begin(s, s->main);
    vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, s->layout, 0, 1, &set, 0, NULL);
    suite_record_dispatch(s, commands, SUITE_BOUND, &push);
    suite_end(s, s->main, commands);
}

/* Descriptors at the offsets of ranges: the driver's offset alignments hold for the usages that were named. */
static void descriptors_are_bound_at_the_offsets_of_ranges(void **state) {
    enum { ROUNDS = 20, WORDS = 50 };
    struct suite *s = *state;
    VkDescriptorPool pool = create_descriptor_pool(s, ROUNDS);
    BdaAllocation all[ROUNDS][3];
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t words[WORDS], scale[4] = { i * 1000 };
        const BdaAllocInfo stored = { .size = sizeof words,
                                      .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                                      .intent = BDA_INTENT_UPLOAD };
        const BdaAllocInfo uniform = { .size = sizeof scale,
                                       .usage = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT,
                                       .intent = BDA_INTENT_UPLOAD };
        all[i][0] = suite_alloc(s, &stored);
        all[i][1] = suite_alloc(s, &uniform);
        all[i][2] = suite_alloc(s, &(BdaAllocInfo){ .size = sizeof words + 4 * i });
        suite_words(words, WORDS, i);
        suite_write(s, &all[i][0], words, sizeof words);
        suite_write(s, &all[i][1], scale, sizeof scale);
        dispatch_bound(s, write_set(s, pool, &all[i][0], &all[i][1]), all[i][2].address, WORDS);
        for (uint32_t j = 0; j < WORDS; j++)
            words[j] += scale[0];
        suite_assert_words(s, all[i][2].address, words, WORDS);
    }
    for (uint32_t i = 0; i < ROUNDS * 3; i++)
        suite_free(s, &all[i / 3][i % 3]);
    vkDestroyDescriptorPool(s->device, pool, NULL);
}

static void texel_views_are_made_at_the_offsets_of_ranges(void **state) {
    struct suite *s = *state;
    for (uint32_t i = 0; i < 20; i++) {
        BdaAllocation between = suite_alloc(s, &(BdaAllocInfo){ .size = 16 * (i + 1) });
        BdaAllocation a =
            suite_alloc(s, &(BdaAllocInfo){ .size = 64, .usage = VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT });
        const VkBufferViewCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
                                              .buffer = a.buffer,
                                              .format = VK_FORMAT_R32_UINT,
                                              .offset = a.offset,
                                              .range = a.size };
        VkBufferView view = VK_NULL_HANDLE;
        assert_vk(vkCreateBufferView(s->device, &info, NULL, &view));
        vkDestroyBufferView(s->device, view, NULL);
        suite_free(s, &between);
        suite_free(s, &a);
    }
}

/* ---- What the create info asks for ---- */

static void assert_buffer_refused(struct suite *s, const VkBufferCreateInfo *buffer, const BdaAllocInfo *info,
                                  VkResult expected) {
    BdaAllocation a;
    memset(&a, 0xAA, sizeof a);
    assert_refused(bda_alloc_buffer, (s->allocator, buffer, info, &a), expected);
    assert_zeroed(a);
    assert_int_equal(suite_use(s).block_count, 0);
}

static void sparse_and_protected_buffers_are_refused(void **state) {
    struct suite *s = *state;
    const VkBufferCreateFlags flags[] = { VK_BUFFER_CREATE_SPARSE_BINDING_BIT,
                                          VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT,
                                          VK_BUFFER_CREATE_PROTECTED_BIT };
    for (size_t i = 0; i < SUITE_COUNT(flags); i++) {
        VkBufferCreateInfo info = buffer_info(4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
        info.flags = flags[i];
        assert_buffer_refused(s, &info, NULL, VK_ERROR_VALIDATION_FAILED_EXT);
    }
}

static void opaque_addresses_and_contradictions_are_refused(void **state) {
    struct suite *s = *state;
    const VkBufferOpaqueCaptureAddressCreateInfo opaque = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO,
        .opaqueCaptureAddress = 0x10000,
    };
    VkBufferCreateInfo info = buffer_info(4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    info.pNext = &opaque;
    assert_buffer_refused(s, &info, NULL, VK_ERROR_VALIDATION_FAILED_EXT);
    info.pNext = NULL;
    assert_buffer_refused(s, &info, &(BdaAllocInfo){ .size = 4095 }, VK_ERROR_VALIDATION_FAILED_EXT);
    assert_buffer_refused(s, &info, &(BdaAllocInfo){ .usage = 1 }, VK_ERROR_VALIDATION_FAILED_EXT);
    info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    assert_buffer_refused(s, &info, NULL, VK_ERROR_VALIDATION_FAILED_EXT);
    info = buffer_info(0, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    assert_buffer_refused(s, &info, NULL, VK_ERROR_VALIDATION_FAILED_EXT);
}

static void capture_and_replay_is_honoured_or_refused(void **state) {
    struct suite *s = *state;
    VkBufferCreateInfo info = buffer_info(4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    info.flags = VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT;
    if (!s->enabled.capture_replay) {
        assert_buffer_refused(s, &info, NULL, VK_ERROR_FEATURE_NOT_PRESENT);
        return;
    }
    BdaAllocation a;
    assert_vk(bda_alloc_buffer(s->allocator, &info, NULL, &a));
    const VkBufferDeviceAddressInfo question = { .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                                 .buffer = a.buffer };
    /* The layers look at the call; drivers that replay by memory alone (NVIDIA's) answer 0. */
    (void)vkGetBufferOpaqueCaptureAddress(s->device, &question);
    const struct suite_span span = suite_span_of(&a, 1);
    suite_fill(s, &span, 1);
    suite_assert_filled(s, &span, 1);
    suite_free(s, &a);
}

/* Whether the driver can export such buffers as file descriptors. */
static bool exports(struct suite *s) {
    const VkPhysicalDeviceExternalBufferInfo question = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT,
        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
    };
    VkExternalBufferProperties answer = { .sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES };
    vkGetPhysicalDeviceExternalBufferProperties(s->physical, &question, &answer);
    return s->enabled.external_memory_fd &&
           (answer.externalMemoryProperties.externalMemoryFeatures & VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT) != 0;
}

static void assert_exports(struct suite *s, VkDeviceMemory memory) {
    const VkMemoryGetFdInfoKHR info = { .sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
                                        .memory = memory,
                                        .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT };
    int fd = -1;
    assert_true(memory != VK_NULL_HANDLE);
    assert_vk(vkGetMemoryFdKHR(s->device, &info, &fd));
    assert_true(fd >= 0);
    (void)close(fd);
}

static void buffers_to_export_are_dedicated_and_can_be_exported(void **state) {
    struct suite *s = *state;
    if (!exports(s))
        skip();
    const VkExternalMemoryBufferCreateInfo external = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
        .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
    };
    VkBufferCreateInfo info = buffer_info(4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    info.pNext = &external;
    BdaAllocation a;
    assert_vk(bda_alloc_buffer(s->allocator, &info, NULL, &a));
    assert_true(suite_info(s, a.handle).dedicated);
    const struct suite_span span = suite_span_of(&a, 2);
    suite_fill(s, &span, 1);
    suite_assert_filled(s, &span, 1);
    assert_exports(s, suite_info(s, a.handle).exportable_memory);
    suite_free(s, &a);
    assert_int_equal(suite_use(s).block_count, 0);
}

static void usage_of_64_bits_is_read_from_the_chain(void **state) {
    struct suite *s = *state;
    if (!s->enabled.maintenance5)
        skip();
    struct usage_flags_2 flags = { .sType = (VkStructureType)STRUCTURE_TYPE_BUFFER_USAGE_FLAGS_2,
                                   .usage = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT };
    VkBufferCreateInfo info = buffer_info(4096, 0);
    info.pNext = &flags;
    assert_buffer_refused(s, &info, NULL, VK_ERROR_VALIDATION_FAILED_EXT);
    flags.usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT | SUITE_COPIES;
    BdaAllocation a;
    assert_vk(bda_alloc_buffer(s->allocator, &info, NULL, &a));
    BdaProperties properties;
    assert_vk(bda_get_properties(s->allocator, &properties));
    assert_int_equal(a.address % properties.uniform_alignment, 0);
    uint32_t words[1024];
    suite_words(words, 1024, 6);
    suite_copy_in(s, &a, words, sizeof words);
    suite_assert_words(s, a.address, words, 1024);
    suite_free(s, &a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(the_address_is_the_drivers),
        SUITE_TEST(a_ranges_address_is_its_buffers_and_its_offset),
        SUITE_TEST(vertex_and_storage_buffers_are_copied_and_chased),
        SUITE_TEST(mapped_own_buffers_are_written_in_place),
        SUITE_TEST(indirect_arguments_lie_in_ranges_and_own_buffers),
        SUITE_TEST(fills_and_updates_reach_the_address),
        SUITE_TEST(descriptors_are_bound_at_the_offsets_of_ranges),
        SUITE_TEST(texel_views_are_made_at_the_offsets_of_ranges),
        SUITE_TEST(sparse_and_protected_buffers_are_refused),
        SUITE_TEST(opaque_addresses_and_contradictions_are_refused),
        SUITE_TEST(capture_and_replay_is_honoured_or_refused),
        SUITE_TEST(buffers_to_export_are_dedicated_and_can_be_exported),
        SUITE_TEST(usage_of_64_bits_is_read_from_the_chain),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
