/*
 * The silence of the layers proves something only where they would have been heard: rules are broken on purpose here,
 * in command buffers that are never submitted, so that no driver comes to harm. And names, which the messages show.
 */
#include "work.h"

#include <string.h>

/* Records what `record` does to `a`; its messages are expected. */
static struct suite_layer_message provoke(struct suite *s, const BdaAllocation *a,
                                          void (*record)(VkCommandBuffer commands, const BdaAllocation *a)) {
    unsigned before = suite_layer_messages().count;
    suite_expect_layer_messages(true);
    VkCommandBuffer commands = suite_begin(s, s->main);
    record(commands, a);
    (void)vkEndCommandBuffer(commands);
    vkFreeCommandBuffers(s->device, s->main->commands, 1, &commands);
    suite_expect_layer_messages(false);
    struct suite_layer_message after = suite_layer_messages();
    after.count -= before;
    return after;
}

/* A buffer that is not for indices (VUID-vkCmdBindIndexBuffer-buffer-00433 or its successor). */
static void bind_wrong_usage(VkCommandBuffer commands, const BdaAllocation *a) {
    vkCmdBindIndexBuffer(commands, a->buffer, 0, VK_INDEX_TYPE_UINT32);
}

/* Two writes to the same bytes with nothing between (SYNC-HAZARD-WRITE-AFTER-WRITE). */
static void write_twice(VkCommandBuffer commands, const BdaAllocation *a) {
    vkCmdFillBuffer(commands, a->buffer, a->offset, 64, 1);
    vkCmdFillBuffer(commands, a->buffer, a->offset, 64, 2);
}

static void a_broken_rule_is_heard(void **state) {
    struct suite *s = *state;
    if (!s->enabled.layers)
        skip();
    BdaAllocation a = suite_alloc_buffer(s, 64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, NULL);
    struct suite_layer_message heard = provoke(s, &a, bind_wrong_usage);
    assert_true(heard.count >= 1);
    assert_non_null(strstr(heard.text, "vkCmdBindIndexBuffer"));
    suite_free(s, &a);
}

static void a_hazard_is_heard(void **state) {
    struct suite *s = *state;
    if (!s->enabled.layers)
        skip();
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 64, .usage = SUITE_COPIES });
    struct suite_layer_message heard = provoke(s, &a, write_twice);
    assert_true(heard.count >= 1);
    assert_non_null(strstr(heard.text, "WRITE-AFTER-WRITE"));
    suite_free(s, &a);
}

/* Two fills of neighbours in one block are no hazard: ranges do not overlap. */
static void neighbours_are_no_hazard(void **state) {
    struct suite *s = *state;
    BdaAllocation all[20];
    VkCommandBuffer commands = suite_begin(s, s->main);
    for (uint32_t i = 0; i < 20; i++) {
        all[i] = suite_alloc(s, &(BdaAllocInfo){ .size = 16 + 4 * (VkDeviceSize)i, .usage = SUITE_COPIES });
        vkCmdFillBuffer(commands, all[i].buffer, all[i].offset, all[i].size, i);
    }
    suite_end(s, s->main, commands);
    for (uint32_t i = 0; i < 20; i++)
        suite_free(s, &all[i]);
}

/* ---- Names ---- */

static void names_are_copied_and_can_be_changed(void **state) {
    struct suite *s = *state;
    char name[] = "first name";
    BdaAllocation all[] = {
        suite_alloc(s, &(BdaAllocInfo){ .size = 64, .name = name }),
        suite_alloc(s, &(BdaAllocInfo){ .size = 64, .name = name, .flags = BDA_ALLOC_DEDICATED_BIT }),
        suite_alloc_buffer(s, 64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, &(BdaAllocInfo){ .name = name }),
    };
    memset(name, '?', sizeof name - 1);
    for (size_t i = 0; i < SUITE_COUNT(all); i++) {
        assert_string_equal(suite_info(s, all[i].handle).name, "first name");
        assert_vk(bda_set_name(s->allocator, all[i].handle, "a second and longer name, mit Umläuten"));
        assert_string_equal(suite_info(s, all[i].handle).name, "a second and longer name, mit Umläuten");
        assert_vk(bda_set_name(s->allocator, all[i].handle, NULL));
        assert_null(suite_info(s, all[i].handle).name);
        suite_free(s, &all[i]);
    }
}

/* The layers show what VK_EXT_debug_utils was told: the only way to read a name back. */
static void names_reach_the_tools(void **state) {
    struct suite *s = *state;
    if (!s->enabled.layers)
        skip();
    BdaAllocation a =
        suite_alloc_buffer(s, 64, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, &(BdaAllocInfo){ .name = "name at birth" });
    assert_non_null(strstr(provoke(s, &a, bind_wrong_usage).objects, "[name at birth]"));
    assert_vk(bda_set_name(s->allocator, a.handle, "name in later life"));
    assert_non_null(strstr(provoke(s, &a, bind_wrong_usage).objects, "[name in later life]"));
    suite_free(s, &a);
}

static void debug_utils_is_found_where_it_is_enabled(void **state) {
    struct suite *s = *state;
    BdaProperties properties;
    assert_vk(bda_get_properties(s->allocator, &properties));
    assert_true(!s->enabled.debug_utils || properties.debug_utils);
}

static void user_values_are_kept(void **state) {
    struct suite *s = *state;
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 64, .user = 0x123456789ABCDEF0u });
    assert_int_equal(suite_info(s, a.handle).user, 0x123456789ABCDEF0u);
    assert_vk(bda_set_user(s->allocator, a.handle, 7));
    assert_int_equal(suite_info(s, a.handle).user, 7);
    suite_free(s, &a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(a_broken_rule_is_heard),   SUITE_TEST(a_hazard_is_heard),
        SUITE_TEST(neighbours_are_no_hazard), SUITE_TEST(names_are_copied_and_can_be_changed),
        SUITE_TEST(names_reach_the_tools),    SUITE_TEST(debug_utils_is_found_where_it_is_enabled),
        SUITE_TEST(user_values_are_kept),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
