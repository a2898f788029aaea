/* The caller's pools: their limit, priority, block sizes and end, with real memory in them. */
#include "work.h"

#include <string.h>

static BdaPool create_pool(struct suite *s, const BdaPoolInfo *info) {
    BdaPool pool = NULL;
    assert_vk(bda_create_pool(s->allocator, info, &pool));
    assert_non_null(pool);
    return pool;
}

static BdaUse use_of(struct suite *s, BdaPool pool) {
    BdaUse use;
    assert_vk(bda_get_pool_stats(s->allocator, pool, &use));
    return use;
}

static void check_bytes(struct suite *s, const BdaAllocation *a) {
    const struct suite_span span = suite_span_of(a, 31);
    suite_fill(s, &span, 1);
    suite_assert_filled(s, &span, 1);
}

static void memory_of_a_pool_of_each_intent_is_memory(void **state) {
    struct suite *s = *state;
    const BdaIntent intents[] = { BDA_INTENT_DEVICE, BDA_INTENT_UPLOAD, BDA_INTENT_READBACK, BDA_INTENT_SHARED };
    for (size_t i = 0; i < SUITE_COUNT(intents); i++) {
        if (!suite_has_memory_for(s, intents[i]))
            continue;
        BdaPool pool = create_pool(s, &(BdaPoolInfo){ .intent = intents[i], .name = "pool of an intent" });
        BdaAllocation range = suite_alloc(s, &(BdaAllocInfo){ .size = 3000, .pool = pool });
        BdaAllocation own = suite_alloc_buffer(s, 3000, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                                               &(BdaAllocInfo){ .pool = pool, .intent = intents[i] });
        check_bytes(s, &range);
        check_bytes(s, &own);
        assert_ptr_equal(suite_info(s, range.handle).pool, pool);
        assert_ptr_equal(suite_info(s, own.handle).pool, pool);
        assert_int_equal(use_of(s, pool).allocation_count, 2);
        assert_int_equal(use_of(s, pool).block_count, suite_use(s).block_count);
        suite_free(s, &range);
        suite_free(s, &own);
        assert_vk(bda_destroy_pool(s->allocator, pool));
        assert_int_equal(suite_use(s).block_count, 0);
    }
}

static void the_limit_holds_for_blocks_and_dedicated_memory(void **state) {
    enum { MOST = 64 };
    struct suite *s = *state;
    BdaPool pool = create_pool(s, &(BdaPoolInfo){ .limit = 2 * SUITE_MIB,
                                                  .first_block_size = 256 * SUITE_KIB,
                                                  .max_block_size = 512 * SUITE_KIB });
    BdaAllocation all[MOST];
    uint32_t count = 0;
    VkResult result = VK_SUCCESS;
    for (; count < MOST && result == VK_SUCCESS; count += result == VK_SUCCESS) {
        const BdaAllocInfo info = { .size = 100 * SUITE_KIB,
                                    .pool = pool,
                                    .flags = count % 4 == 3 ? BDA_ALLOC_DEDICATED_BIT : 0 };
        result = bda_alloc(s->allocator, &info, &all[count]);
        assert_true(use_of(s, pool).reserved <= 2 * SUITE_MIB);
    }
    assert_int_equal(result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(suite_take_message().count, 1);
    assert_true(count >= 10 && count < MOST);
    for (uint32_t i = 0; i < count; i++)
        suite_free(s, &all[i]);
    BdaAllocation again = suite_alloc(s, &(BdaAllocInfo){ .size = 100 * SUITE_KIB, .pool = pool });
    suite_free(s, &again);
    assert_vk(bda_destroy_pool(s->allocator, pool));
}

/* A block for the last of it would be larger than that. */
static void what_the_limit_leaves_can_be_had_to_the_last_byte(void **state) {
    struct suite *s = *state;
    const VkDeviceSize last = 192 * SUITE_KIB, limit = 4 * SUITE_MIB;
    BdaPool pool = create_pool(s, &(BdaPoolInfo){ .limit = limit });
    BdaAllocation rest =
        suite_alloc(s, &(BdaAllocInfo){ .size = limit - last, .pool = pool, .flags = BDA_ALLOC_DEDICATED_BIT });
    BdaAllocation range = suite_alloc(s, &(BdaAllocInfo){ .size = last, .pool = pool });
    check_bytes(s, &range);
    assert_true(use_of(s, pool).reserved <= limit);
    suite_free(s, &range);
    BdaAllocation own =
        suite_alloc_buffer(s, last, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, &(BdaAllocInfo){ .pool = pool });
    check_bytes(s, &own);
    assert_true(use_of(s, pool).reserved <= limit);
    suite_free(s, &own);
    suite_free(s, &rest);
    assert_vk(bda_destroy_pool(s->allocator, pool));
}

static void priority_is_kept_where_the_device_knows_it(void **state) {
    struct suite *s = *state;
    BdaPool pool = create_pool(s, &(BdaPoolInfo){ .priority = 0.9f });
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 256, .pool = pool });
    BdaAllocation b = suite_alloc(s, &(BdaAllocInfo){ .size = 256, .priority = 0.25f });
    BdaAllocation c = suite_alloc(s, &(BdaAllocInfo){ .size = 256 });
    float of_pool = suite_info(s, a.handle).priority, of_request = suite_info(s, b.handle).priority;
    float of_default = suite_info(s, c.handle).priority;
    bool known = s->enabled.memory_priority;
    assert_true(known ? of_pool > 0.89f && of_pool < 0.91f : of_pool > 0.49f && of_pool < 0.51f);
    assert_true(known ? of_request > 0.24f && of_request < 0.26f : of_request > 0.49f && of_request < 0.51f);
    assert_true(of_default > 0.49f && of_default < 0.51f);
    assert_true(!known || b.buffer != c.buffer);
    check_bytes(s, &a);
    check_bytes(s, &b);
    suite_free(s, &a);
    suite_free(s, &b);
    suite_free(s, &c);
    assert_vk(bda_destroy_pool(s->allocator, pool));
}

static void defaults_are_resolved_and_can_be_asked_for(void **state) {
    struct suite *s = *state;
    BdaPool pool = create_pool(s, &(BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD, .limit = SUITE_MIB, .name = "asked" });
    BdaPoolInfo info;
    assert_vk(bda_get_pool_info(s->allocator, pool, &info));
    assert_int_equal(info.intent, BDA_INTENT_UPLOAD);
    assert_int_equal(info.limit, SUITE_MIB);
    assert_true(info.first_block_size > 0 && info.first_block_size <= info.max_block_size);
    assert_true(info.usage != 0 && info.priority > 0);
    assert_string_equal(info.name, "asked");
    assert_vk(bda_destroy_pool(s->allocator, pool));
}

static void blocks_have_the_sizes_asked_for(void **state) {
    struct suite *s = *state;
    BdaPool pool = create_pool(s, &(BdaPoolInfo){ .first_block_size = SUITE_MIB, .max_block_size = 2 * SUITE_MIB });
    BdaAllocation all[20];
    for (uint32_t i = 0; i < 20; i++) {
        all[i] = suite_alloc(s, &(BdaAllocInfo){ .size = 300 * SUITE_KIB, .pool = pool });
        BdaUse use = use_of(s, pool);
        assert_true(use.reserved >= SUITE_MIB * (2 * use.block_count - 1)); /* 1, 2, 2, 2, … MiB */
        assert_true(use.reserved <= SUITE_MIB * (2 * use.block_count));
    }
    for (uint32_t i = 0; i < 20; i++)
        suite_free(s, &all[i]);
    assert_vk(bda_destroy_pool(s->allocator, pool));
}

static void a_pool_that_is_destroyed_lists_and_frees_what_lives(void **state) {
    struct suite *s = *state;
    BdaPool pool = create_pool(s, &(BdaPoolInfo){ .name = "short-lived" });
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 256, .pool = pool, .name = "forgotten thing" });
    assert_result(bda_destroy_pool(s->allocator, pool), VK_INCOMPLETE);
    struct suite_message message = suite_take_message();
    assert_true(message.count > 0);
    assert_non_null(strstr(message.text, "forgotten thing"));
    assert_refused(bda_free, (s->allocator, a.handle), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_alloc, (s->allocator, &(BdaAllocInfo){ .size = 256, .pool = pool }, &a),
                   VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(suite_use(s).block_count, 0);
}

static void usage_beyond_the_pools_is_refused(void **state) {
    struct suite *s = *state;
    BdaPool pool = create_pool(s, &(BdaPoolInfo){ .usage = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | SUITE_COPIES });
    BdaAllocInfo info = { .size = 256, .pool = pool, .usage = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT };
    BdaAllocation a = suite_alloc(s, &info);
    suite_free(s, &a);
    info.usage = VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;
    assert_refused(bda_alloc, (s->allocator, &info, &a), VK_ERROR_VALIDATION_FAILED_EXT);
    info = (BdaAllocInfo){ .size = 256, .pool = pool, .intent = BDA_INTENT_READBACK };
    assert_refused(bda_alloc, (s->allocator, &info, &a), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_vk(bda_destroy_pool(s->allocator, pool));
}

static void descriptor_buffers_have_pools_of_their_own(void **state) {
    struct suite *s = *state;
    if (!s->enabled.descriptor_buffer)
        skip();
    const BdaAllocInfo info = { .size = 1024,
                                .usage = VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT,
                                .intent = BDA_INTENT_UPLOAD };
    BdaAllocation descriptors = suite_alloc(s, &info);
    BdaAllocation plain = suite_alloc(s, &(BdaAllocInfo){ .size = 1024, .intent = BDA_INTENT_UPLOAD });
    assert_true(descriptors.buffer != plain.buffer);
    check_bytes(s, &descriptors);
    suite_free(s, &descriptors);
    suite_free(s, &plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(memory_of_a_pool_of_each_intent_is_memory),
        SUITE_TEST(the_limit_holds_for_blocks_and_dedicated_memory),
        SUITE_TEST(what_the_limit_leaves_can_be_had_to_the_last_byte),
        SUITE_TEST(priority_is_kept_where_the_device_knows_it),
        SUITE_TEST(defaults_are_resolved_and_can_be_asked_for),
        SUITE_TEST(blocks_have_the_sizes_asked_for),
        SUITE_TEST(a_pool_that_is_destroyed_lists_and_frees_what_lives),
        SUITE_TEST(usage_beyond_the_pools_is_refused),
        SUITE_TEST(descriptor_buffers_have_pools_of_their_own),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
