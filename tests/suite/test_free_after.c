/* bda_free_after and bda_collect: memory stays until a timeline semaphore says that the GPU is through with it. */
#include "work.h"

#include <stdlib.h>

static VkSemaphore create_timeline(struct suite *s) {
    const VkSemaphoreTypeCreateInfo type = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                             .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE };
    const VkSemaphoreCreateInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type };
    VkSemaphore semaphore = VK_NULL_HANDLE;
    assert_vk(vkCreateSemaphore(s->device, &info, NULL, &semaphore));
    return semaphore;
}

static void destroy_timeline(struct suite *s, VkSemaphore semaphore) {
    vkDestroySemaphore(s->device, semaphore, NULL);
}

static void signal(struct suite *s, VkSemaphore semaphore, uint64_t value) {
    const VkSemaphoreSignalInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
                                         .semaphore = semaphore,
                                         .value = value };
    assert_vk(vkSignalSemaphore(s->device, &info));
}

static void wait_for(struct suite *s, VkSemaphore semaphore, uint64_t value) {
    const uint64_t patience_ns = 120ull * 1000 * 1000 * 1000;
    const VkSemaphoreWaitInfo info = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                       .semaphoreCount = 1,
                                       .pSemaphores = &semaphore,
                                       .pValues = &value };
    assert_vk(vkWaitSemaphores(s->device, &info, patience_ns));
}

static uint64_t value_of(struct suite *s, VkSemaphore semaphore) {
    uint64_t value = 0;
    assert_vk(vkGetSemaphoreCounterValue(s->device, semaphore, &value));
    return value;
}

/* Submits without waiting: begins when `gate` (if any) has reached 1, ends with `done` reaching `value`. */
static void submit(struct suite *s, VkCommandBuffer commands, VkSemaphore gate, VkSemaphore done, uint64_t value) {
    suite_barrier(commands);
    assert_vk(vkEndCommandBuffer(commands));
    const uint64_t opened = 1;
    const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
    const VkTimelineSemaphoreSubmitInfo values = { .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                                   .waitSemaphoreValueCount = gate != VK_NULL_HANDLE ? 1 : 0,
                                                   .pWaitSemaphoreValues = &opened,
                                                   .signalSemaphoreValueCount = 1,
                                                   .pSignalSemaphoreValues = &value };
    const VkSubmitInfo info = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                .pNext = &values,
                                .waitSemaphoreCount = values.waitSemaphoreValueCount,
                                .pWaitSemaphores = &gate,
                                .pWaitDstStageMask = &stage,
                                .commandBufferCount = 1,
                                .pCommandBuffers = &commands,
                                .signalSemaphoreCount = 1,
                                .pSignalSemaphores = &done };
    assert_vk(vkQueueSubmit(s->main->queue, 1, &info, VK_NULL_HANDLE));
}

static BdaAllocation upload(struct suite *s, VkDeviceSize size, BdaAllocFlags flags) {
    return suite_alloc(s, &(BdaAllocInfo){ .size = size, .intent = BDA_INTENT_UPLOAD, .flags = flags });
}

/* ---- A real submission ---- */

/* What a submission still waits for. A test that fails leaves it closed, and the device would never be idle. */
static VkSemaphore closed_gate;

static void open_gate(struct suite *s) {
    VkSemaphore gate = closed_gate;
    closed_gate = VK_NULL_HANDLE;
    if (gate != VK_NULL_HANDLE)
        signal(s, gate, 1);
}

static int open_gate_and_tear_down(void **state) {
    open_gate(*state);
    return suite_teardown(state);
}

/* Takes what room there is and overwrites it, so that memory that was given back too early is destroyed. */
static void overwrite_everything_free(struct suite *s, BdaAllocation *others, uint32_t count) {
    static uint32_t words[1000];
    suite_words(words, 1000, 77);
    for (uint32_t i = 0; i < count; i++) {
        others[i] = upload(s, sizeof words, 0);
        assert_vk(bda_write(s->allocator, others[i].handle, 0, words, sizeof words));
    }
}

static void memory_stays_until_the_gpu_has_signalled(void **state) {
    enum { WORDS = 1000, OTHERS = 300 };
    struct suite *s = *state;
    static BdaAllocation others[OTHERS];
    VkSemaphore gate = create_timeline(s), done = create_timeline(s);
    BdaAllocation from[3] = { upload(s, WORDS * 4, 0), upload(s, WORDS * 4, BDA_ALLOC_DEDICATED_BIT),
                              suite_alloc_buffer(s, WORDS * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                                                 &(BdaAllocInfo){ .intent = BDA_INTENT_UPLOAD }) };
    BdaAllocation to = suite_alloc(s, &(BdaAllocInfo){ .size = 3 * WORDS * 4, .intent = BDA_INTENT_READBACK });
    static uint32_t words[WORDS], seen[3 * WORDS];
    VkCommandBuffer commands = suite_begin(s, s->main);
    for (uint32_t i = 0; i < 3; i++) {
        suite_words(words, WORDS, i);
        assert_vk(bda_write(s->allocator, from[i].handle, 0, words, sizeof words));
        const struct suite_push push = { from[i].address, to.address + i * sizeof words, WORDS, 5 };
        suite_record_dispatch(s, commands, SUITE_TRANSFORM, &push);
    }
    submit(s, commands, gate, done, 1);
    closed_gate = gate;

    BdaAllocationInfo info;
    for (uint32_t i = 0; i < 3; i++) {
        assert_vk(bda_free_after(s->allocator, from[i].handle, done, 1));
        assert_refused(bda_get_info, (s->allocator, from[i].handle, &info), VK_ERROR_VALIDATION_FAILED_EXT);
    }
    assert_vk(bda_collect(s->allocator));
    assert_int_equal(suite_use(s).pending_count, 3);
    assert_true(suite_use(s).pending >= 3 * sizeof words);
    overwrite_everything_free(s, others, OTHERS);
    assert_int_equal(value_of(s, done), 0);
    open_gate(s);
    wait_for(s, done, 1);

    assert_vk(bda_collect(s->allocator));
    assert_int_equal(suite_use(s).pending_count, 0);
    assert_int_equal(suite_use(s).pending, 0);
    assert_vk(bda_read(s->allocator, to.handle, 0, seen, sizeof seen));
    for (uint32_t i = 0; i < 3 * WORDS; i++)
        assert_int_equal(seen[i], suite_word(i / WORDS, i % WORDS) * 3 + 5);
    for (uint32_t i = 0; i < OTHERS; i++)
        suite_free(s, &others[i]);
    suite_free(s, &to);
    vkFreeCommandBuffers(s->device, s->main->commands, 1, &commands);
    destroy_timeline(s, gate);
    destroy_timeline(s, done);
}

/* How a renderer uses it: memory of a frame is freed behind the frame, two frames are under way. */
static void frames_free_behind_themselves(void **state) {
    enum { FRAMES = 100, WORDS = 2000, UNDER_WAY = 2 };
    struct suite *s = *state;
    VkSemaphore done = create_timeline(s);
    BdaAllocation sums = suite_alloc(s, &(BdaAllocInfo){ .size = FRAMES * 4, .intent = BDA_INTENT_READBACK });
    static VkCommandBuffer commands[FRAMES + 1];
    static uint32_t words[WORDS];
    for (uint32_t frame = 1; frame <= FRAMES; frame++) {
        if (frame > UNDER_WAY)
            wait_for(s, done, frame - UNDER_WAY);
        assert_vk(bda_collect(s->allocator));
        BdaAllocation data = upload(s, sizeof words, 0), table = upload(s, sizeof(struct suite_span), 0);
        const struct suite_span span = suite_span_of(&data, frame);
        suite_words(words, WORDS, frame);
        assert_vk(bda_write(s->allocator, data.handle, 0, words, sizeof words));
        assert_vk(bda_write(s->allocator, table.handle, 0, &span, sizeof span));
        const struct suite_push push = { table.address, sums.address + (frame - 1) * 4, 1, 0 };
        commands[frame] = suite_begin(s, s->main);
        suite_record_dispatch(s, commands[frame], SUITE_CHECKSUM, &push);
        submit(s, commands[frame], VK_NULL_HANDLE, done, frame);
        assert_vk(bda_free_after(s->allocator, data.handle, done, frame));
        assert_vk(bda_free_after(s->allocator, table.handle, done, frame));
        assert_true(suite_use(s).pending_count <= 2 * (UNDER_WAY + 1));
    }
    wait_for(s, done, FRAMES);
    static uint32_t seen[FRAMES];
    assert_vk(bda_read(s->allocator, sums.handle, 0, seen, sizeof seen));
    for (uint32_t frame = 1; frame <= FRAMES; frame++)
        assert_int_equal(seen[frame - 1], suite_sum(frame, WORDS));
    vkFreeCommandBuffers(s->device, s->main->commands, FRAMES, commands + 1);
    assert_vk(bda_collect(s->allocator));
    suite_free(s, &sums);
    assert_true(suite_use(s).block_count <= 2); /* one for each intent did for all frames */
    destroy_timeline(s, done);
}

/* ---- Semaphores and values ---- */

static void each_value_is_collected_when_it_is_reached(void **state) {
    enum { COUNT = 20 };
    struct suite *s = *state;
    VkSemaphore timeline = create_timeline(s);
    for (uint64_t value = COUNT; value > 0; value--) {
        BdaAllocation a = upload(s, 100, value % 7 == 0 ? BDA_ALLOC_DEDICATED_BIT : 0);
        assert_vk(bda_free_after(s->allocator, a.handle, timeline, value));
    }
    for (uint64_t value = 1; value <= COUNT; value++) {
        signal(s, timeline, value);
        assert_int_equal(suite_use(s).pending_count, COUNT - value + 1);
        assert_vk(bda_collect(s->allocator));
        assert_int_equal(suite_use(s).pending_count, COUNT - value);
    }
    destroy_timeline(s, timeline);
}

static void semaphores_do_not_wait_for_each_other(void **state) {
    enum { COUNT = 10 };
    struct suite *s = *state;
    VkSemaphore timelines[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        timelines[i] = create_timeline(s);
        BdaAllocation a = upload(s, 100, 0);
        assert_vk(bda_free_after(s->allocator, a.handle, timelines[i], 5));
    }
    for (uint32_t i = COUNT; i-- > 0;) {
        signal(s, timelines[i], 6);
        assert_vk(bda_collect(s->allocator));
        assert_int_equal(suite_use(s).pending_count, i);
    }
    for (uint32_t i = 0; i < COUNT; i++)
        destroy_timeline(s, timelines[i]);
}

static void more_values_than_groups_are_never_collected_early(void **state) {
    enum { COUNT = 1000 };
    struct suite *s = *state;
    VkSemaphore timeline = create_timeline(s);
    for (uint64_t value = 1; value <= COUNT; value++) {
        BdaAllocation a = upload(s, 48, 0);
        assert_vk(bda_free_after(s->allocator, a.handle, timeline, value));
    }
    for (uint64_t value = 100; value < COUNT; value += 100) {
        signal(s, timeline, value);
        assert_vk(bda_collect(s->allocator));
        assert_true(suite_use(s).pending_count >= COUNT - value);
    }
    signal(s, timeline, COUNT);
    assert_vk(bda_collect(s->allocator));
    assert_int_equal(suite_use(s).pending_count, 0);
    destroy_timeline(s, timeline);
}

static void the_257th_semaphore_is_refused_and_nothing_changes(void **state) {
    enum { MOST = 256 };
    struct suite *s = *state;
    VkSemaphore timelines[MOST + 1];
    BdaAllocation last = upload(s, 100, 0);
    for (uint32_t i = 0; i <= MOST; i++)
        timelines[i] = create_timeline(s);
    for (uint32_t i = 0; i < MOST; i++) {
        BdaAllocation a = upload(s, 100, 0);
        assert_vk(bda_free_after(s->allocator, a.handle, timelines[i], 1));
    }
    assert_refused(bda_free_after, (s->allocator, last.handle, timelines[MOST], 1), VK_ERROR_TOO_MANY_OBJECTS);
    assert_int_equal(suite_use(s).pending_count, MOST);
    suite_free(s, &last);
    for (uint32_t i = 0; i <= MOST; i++)
        signal(s, timelines[i], 1);
    assert_vk(bda_collect(s->allocator));
    assert_int_equal(suite_use(s).pending_count, 0);
    for (uint32_t i = 0; i <= MOST; i++)
        destroy_timeline(s, timelines[i]);
}

/* ---- Collecting without being asked ---- */

static void an_allocation_that_finds_no_room_collects_first(void **state) {
    struct suite *s = *state;
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.first_block_size = info.max_block_size = info.max_host_visible_block_size = 256 * SUITE_KIB;
    suite_restart(s, &info);
    VkSemaphore timeline = create_timeline(s);
    BdaAllocation a = upload(s, 100 * SUITE_KIB, 0), b = upload(s, 100 * SUITE_KIB, 0);
    assert_vk(bda_free_after(s->allocator, a.handle, timeline, 1));
    assert_vk(bda_free_after(s->allocator, b.handle, timeline, 1));
    const BdaAllocInfo again = { .size = 100 * SUITE_KIB,
                                 .intent = BDA_INTENT_UPLOAD,
                                 .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    assert_refused(bda_alloc, (s->allocator, &again, &a), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    signal(s, timeline, 1);
    a = suite_alloc(s, &again);
    assert_int_equal(suite_use(s).block_count, 1);
    suite_free(s, &a);
    destroy_timeline(s, timeline);
}

static void what_is_pending_is_drained_at_destroy(void **state) {
    struct suite *s = *state;
    VkSemaphore never = create_timeline(s);
    BdaAllocation all[] = { upload(s, 100, 0), upload(s, 100, BDA_ALLOC_DEDICATED_BIT),
                            suite_alloc_buffer(s, 100, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, NULL) };
    for (size_t i = 0; i < SUITE_COUNT(all); i++)
        assert_vk(bda_free_after(s->allocator, all[i].handle, never, 1));
    BdaAllocatorInfo info = suite_allocator_info(s);
    suite_restart(s, &info);
    destroy_timeline(s, never);
}

static void what_is_pending_in_a_pool_is_drained_with_it(void **state) {
    struct suite *s = *state;
    VkSemaphore never = create_timeline(s);
    BdaPool pool = NULL;
    assert_vk(bda_create_pool(s->allocator, &(BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD }, &pool));
    BdaAllocation inside = suite_alloc(s, &(BdaAllocInfo){ .size = 100, .pool = pool });
    BdaAllocation outside = upload(s, 100, 0);
    assert_vk(bda_free_after(s->allocator, inside.handle, never, 1));
    assert_vk(bda_free_after(s->allocator, outside.handle, never, 1));
    assert_vk(bda_destroy_pool(s->allocator, pool));
    BdaUse use = suite_use(s);
    assert_int_equal(use.pending_count, 1);
    assert_int_equal(use.block_count, 1);
    signal(s, never, 1);
    assert_vk(bda_collect(s->allocator));
    assert_int_equal(suite_use(s).pending_count, 0);
    destroy_timeline(s, never);
}

static void misuse_is_refused(void **state) {
    struct suite *s = *state;
    VkSemaphore timeline = create_timeline(s);
    BdaAllocation a = upload(s, 100, 0);
    assert_refused(bda_free_after, (s->allocator, a.handle, VK_NULL_HANDLE, 1), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_vk(bda_free_after(s->allocator, 0, timeline, 1));
    assert_vk(bda_free_after(s->allocator, a.handle, timeline, 1));
    assert_refused(bda_free_after, (s->allocator, a.handle, timeline, 1), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_refused(bda_free, (s->allocator, a.handle), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(suite_use(s).pending_count, 1);
    signal(s, timeline, 1);
    assert_vk(bda_collect(s->allocator));
    destroy_timeline(s, timeline);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_stays_until_the_gpu_has_signalled, suite_setup, open_gate_and_tear_down),
        SUITE_TEST(frames_free_behind_themselves),
        SUITE_TEST(each_value_is_collected_when_it_is_reached),
        SUITE_TEST(semaphores_do_not_wait_for_each_other),
        SUITE_TEST(more_values_than_groups_are_never_collected_early),
        SUITE_TEST(the_257th_semaphore_is_refused_and_nothing_changes),
        SUITE_TEST(an_allocation_that_finds_no_room_collects_first),
        SUITE_TEST(what_is_pending_is_drained_at_destroy),
        SUITE_TEST(what_is_pending_in_a_pool_is_drained_with_it),
        SUITE_TEST(misuse_is_refused),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
