/* Blocks ahead of time and after: warming up, collecting, trimming, and memory that is used again. */
#include "work.h"

/* Spreads allocations of odd sizes over several blocks. */
static void spread(struct suite *s, BdaAllocation *all, uint32_t count, BdaIntent intent) {
    for (uint32_t i = 0; i < count; i++)
        all[i] = suite_alloc(s, &(BdaAllocInfo){ .size = 10000 + 100 * (VkDeviceSize)i, .intent = intent });
}

static void free_all(struct suite *s, const BdaAllocation *all, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        suite_free(s, &all[(i * 7) % count]);
}

enum { COUNT = 300 }; /* no multiple of 7 */

static BdaAllocation all[COUNT];

static void trim_gives_all_empty_blocks_back(void **state) {
    struct suite *s = *state;
    spread(s, all, COUNT, BDA_INTENT_DEVICE);
    BdaUse full = suite_use(s);
    VkDeviceSize released = 1;
    assert_true(full.block_count >= 2);
    assert_vk(bda_trim(s->allocator, 0, &released));
    assert_int_equal(released, 0); /* nothing was empty */
    free_all(s, all, COUNT);
    VkDeviceSize reserved = suite_use(s).reserved;
    assert_vk(bda_trim(s->allocator, 0, &released));
    assert_int_equal(released, reserved);
    assert_int_equal(suite_use(s).block_count, 0);
    assert_int_equal(suite_use(s).reserved, 0);
}

static void trim_keeps_what_is_asked_for(void **state) {
    struct suite *s = *state;
    spread(s, all, COUNT, BDA_INTENT_DEVICE);
    free_all(s, all, COUNT);
    VkDeviceSize before = suite_use(s).reserved, released = 0;
    assert_vk(bda_trim(s->allocator, SUITE_MIB, &released));
    assert_true(suite_use(s).reserved <= SUITE_MIB);
    assert_int_equal(suite_use(s).reserved + released, before);
    assert_vk(bda_trim(s->allocator, 0, NULL));
    assert_int_equal(suite_use(s).reserved, 0);
}

static void collect_keeps_one_empty_block(void **state) {
    struct suite *s = *state;
    spread(s, all, COUNT, BDA_INTENT_UPLOAD);
    free_all(s, all, COUNT);
    BdaProperties properties;
    assert_vk(bda_get_properties(s->allocator, &properties));
    for (uint32_t i = 0; i < properties.keep_collects; i++)
        assert_vk(bda_collect(s->allocator));
    BdaUse use = suite_use(s);
    assert_int_equal(use.block_count, 1);
    assert_int_equal(use.empty_count, 1);
}

static void memory_that_was_freed_is_used_again(void **state) {
    struct suite *s = *state;
    spread(s, all, COUNT, BDA_INTENT_UPLOAD);
    VkDeviceSize reserved = suite_use(s).reserved;
    for (uint32_t round = 0; round < 20; round++) {
        free_all(s, all, COUNT);
        spread(s, all, COUNT, BDA_INTENT_UPLOAD);
        assert_true(suite_use(s).reserved <= reserved);
    }
    free_all(s, all, COUNT);
}

static void a_block_that_is_prepared_serves_the_next_requests(void **state) {
    struct suite *s = *state;
    const BdaPoolInfo wanted = { .intent = BDA_INTENT_UPLOAD, .low_water = 4 * SUITE_MIB };
    BdaPool pool;
    BdaAllocation first, next;
    assert_vk(bda_create_pool(s->allocator, &wanted, &pool));
    BdaAllocInfo info = { .size = 1000, .pool = pool };
    assert_vk(bda_alloc(s->allocator, &info, &first));
    assert_true(bda_wants_block(s->allocator));
    assert_vk(bda_prepare(s->allocator));
    assert_false(bda_wants_block(s->allocator));
    info.size = SUITE_MIB;
    info.flags = BDA_ALLOC_NO_NEW_MEMORY_BIT;
    assert_vk(bda_alloc(s->allocator, &info, &next));
    assert_vk(bda_free_many(s->allocator, 2, (BdaHandle[]){ first.handle, next.handle }));
    assert_vk(bda_destroy_pool(s->allocator, pool));
}

static void warmed_up_requests_take_no_new_memory(void **state) {
    struct suite *s = *state;
    BdaAllocInfo like = { .size = 10000, .intent = BDA_INTENT_UPLOAD };
    assert_vk(bda_warm_up(s->allocator, &like, COUNT * like.size));
    uint64_t blocks = suite_use(s).block_count;
    assert_true(blocks >= 1);
    like.flags = BDA_ALLOC_NO_NEW_MEMORY_BIT;
    for (uint32_t i = 0; i < COUNT; i++)
        all[i] = suite_alloc(s, &like);
    assert_int_equal(suite_use(s).block_count, blocks);
    free_all(s, all, COUNT);
}

static void warmed_up_buffers_take_no_new_memory(void **state) {
    struct suite *s = *state;
    const VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                        .size = 10000,
                                        .usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT };
    assert_vk(bda_warm_up_buffers(s->allocator, &buffer, NULL, COUNT * buffer.size));
    uint64_t blocks = suite_use(s).block_count;
    const BdaAllocInfo info = { .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    for (uint32_t i = 0; i < COUNT; i++)
        all[i] = suite_alloc_buffer(s, buffer.size, buffer.usage, &info);
    assert_int_equal(suite_use(s).block_count, blocks);
    free_all(s, all, COUNT);
}

static void no_new_memory_means_none(void **state) {
    struct suite *s = *state;
    const BdaAllocInfo info = { .size = 100, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    BdaAllocation a;
    assert_refused(bda_alloc, (s->allocator, &info, &a), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_zeroed(a);
    assert_int_equal(suite_use(s).block_count, 0);
}

static void blocks_grow_from_the_first_to_the_largest(void **state) {
    struct suite *s = *state;
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.first_block_size = 256 * SUITE_KIB;
    info.max_block_size = info.max_host_visible_block_size = SUITE_MIB;
    suite_restart(s, &info);
    spread(s, all, COUNT, BDA_INTENT_DEVICE);
    BdaUse use = suite_use(s);
    assert_true(use.block_count >= 5);
    assert_true(use.reserved >= (use.block_count - 2) * SUITE_MIB); /* 256 KiB, 512 KiB, 1 MiB, 1 MiB, … */
    free_all(s, all, COUNT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(trim_gives_all_empty_blocks_back),
        SUITE_TEST(trim_keeps_what_is_asked_for),
        SUITE_TEST(collect_keeps_one_empty_block),
        SUITE_TEST(memory_that_was_freed_is_used_again),
        SUITE_TEST(a_block_that_is_prepared_serves_the_next_requests),
        SUITE_TEST(warmed_up_requests_take_no_new_memory),
        SUITE_TEST(warmed_up_buffers_take_no_new_memory),
        SUITE_TEST(no_new_memory_means_none),
        SUITE_TEST(blocks_grow_from_the_first_to_the_largest),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
