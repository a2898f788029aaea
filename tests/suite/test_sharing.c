/* Several queue families use the same bytes without ownership transfers. */
#include "work.h"

#include <string.h>

static uint32_t families_of(struct suite *s) {
    BdaProperties properties;
    assert_vk(bda_get_properties(s->allocator, &properties));
    return properties.queue_family_count;
}

static void buffers_are_concurrent_over_the_families_given(void **state) {
    struct suite *s = *state;
    assert_int_equal(families_of(s), s->queue_count > 1 ? s->queue_count : 0);
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.queue_family_count = 1;
    info.queue_families = &s->main->family;
    suite_restart(s, &info);
    assert_int_equal(families_of(s), 0);
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 4096 });
    const struct suite_span span = suite_span_of(&a, 4);
    suite_fill(s, &span, 1);
    suite_assert_filled(s, &span, 1);
    suite_free(s, &a);
}

/* One family copies in, the computing one transforms, and the first copies out. */
static void pass_through(struct suite *s, const struct suite_queue *other, const BdaAllocation *from,
                         const BdaAllocation *device, const BdaAllocation *to) {
    const uint32_t count = (uint32_t)(device->size / sizeof(uint32_t));
    const VkBufferCopy in = { from->offset, device->offset, device->size };
    const VkBufferCopy out = { device->offset, to->offset, device->size };
    const struct suite_push push = { device->address, device->address, count, other->family };
    VkCommandBuffer commands = suite_begin(s, other);
    vkCmdCopyBuffer(commands, from->buffer, device->buffer, 1, &in);
    suite_end(s, other, commands);
    suite_dispatch(s, SUITE_TRANSFORM, &push);
    commands = suite_begin(s, other);
    vkCmdCopyBuffer(commands, device->buffer, to->buffer, 1, &out);
    suite_end(s, other, commands);
}

static void bytes_pass_from_family_to_family(void **state) {
    enum { WORDS = 3000 };
    struct suite *s = *state;
    if (s->queue_count < 2)
        skip();
    static uint32_t words[WORDS], seen[WORDS];
    BdaAllocInfo info = { .size = sizeof words, .usage = SUITE_COPIES, .intent = BDA_INTENT_UPLOAD };
    BdaAllocation from = suite_alloc(s, &info);
    info.intent = BDA_INTENT_READBACK;
    BdaAllocation to = suite_alloc(s, &info);
    info.intent = BDA_INTENT_DEVICE;
    BdaAllocation device = suite_alloc(s, &info);
    for (uint32_t i = 0; i < s->queue_count; i++) {
        suite_words(words, WORDS, i);
        suite_write(s, &from, words, sizeof words);
        pass_through(s, &s->queues[i], &from, &device, &to);
        suite_read(s, &to, seen, sizeof seen);
        for (uint32_t word = 0; word < WORDS; word++)
            assert_int_equal(seen[word], words[word] * 3 + s->queues[i].family);
    }
    suite_free(s, &from);
    suite_free(s, &to);
    suite_free(s, &device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(buffers_are_concurrent_over_the_families_given),
        SUITE_TEST(bytes_pass_from_family_to_family),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
