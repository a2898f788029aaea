/* Every intent: what the CPU writes a shader reads through the raw address, and the other way round. */
#include "work.h"

#include <string.h>

enum { WORDS = 16 * 1024 };

static uint32_t written[WORDS];
static uint32_t seen[WORDS];

static const BdaIntent intents[] = { BDA_INTENT_DEVICE, BDA_INTENT_UPLOAD, BDA_INTENT_READBACK, BDA_INTENT_SHARED };

static BdaAllocInfo request(BdaIntent intent) {
    return (BdaAllocInfo){ .size = sizeof written, .intent = intent, .usage = SUITE_COPIES };
}

/* The transform kernel on the allocation itself. */
static void transform(struct suite *s, const BdaAllocation *a, uint32_t seed) {
    const struct suite_push push = { a->address, a->address, WORDS, seed };
    suite_dispatch(s, SUITE_TRANSFORM, &push);
}

static void assert_transformed(uint32_t seed) {
    for (uint32_t i = 0; i < WORDS; i++)
        assert_int_equal(seen[i], written[i] * 3 + seed);
}

/* Runs `check` for an allocation of each intent that the device has memory for, not the first one of its block. */
static void for_each_intent(struct suite *s, void (*check)(struct suite *s, const BdaAllocation *a)) {
    for (size_t i = 0; i < SUITE_COUNT(intents); i++) {
        if (!suite_has_memory_for(s, intents[i]))
            continue;
        const BdaAllocInfo info = request(intents[i]);
        BdaAllocation first = suite_alloc(s, &(BdaAllocInfo){ .size = 5000, .intent = intents[i] });
        BdaAllocation a = suite_alloc(s, &info);
        assert_true(a.buffer == first.buffer &&
                    (a.offset >= first.offset + first.size || a.offset + a.size <= first.offset));
        suite_words(written, WORDS, 100 + (uint32_t)i);
        memset(seen, 0, sizeof seen);
        check(s, &a);
        suite_free(s, &first);
        suite_free(s, &a);
    }
}

/* ---- Bytes ---- */

static void write_transform_read(struct suite *s, const BdaAllocation *a) {
    suite_write(s, a, written, sizeof written);
    transform(s, a, 7);
    suite_read(s, a, seen, sizeof seen);
    assert_transformed(7);
}

static void shader_sees_what_was_written_and_writes_what_is_read(void **state) {
    for_each_intent(*state, write_transform_read);
}

static void copy_transform_copy(struct suite *s, const BdaAllocation *a) {
    suite_copy_in(s, a, written, sizeof written);
    transform(s, a, 11);
    suite_copy_out(s, a, seen, sizeof seen);
    assert_transformed(11);
}

static void copies_through_buffer_and_offset_reach_the_same_bytes(void **state) {
    for_each_intent(*state, copy_transform_copy);
}

static void map_transform_map(struct suite *s, const BdaAllocation *a) {
    if (a->mapped == NULL)
        return;
    memcpy(a->mapped, written, sizeof written);
    assert_vk(bda_flush(s->allocator, a->handle, 0, VK_WHOLE_SIZE));
    transform(s, a, 13);
    assert_vk(bda_invalidate(s->allocator, a->handle, 0, VK_WHOLE_SIZE));
    memcpy(seen, a->mapped, sizeof seen);
    assert_transformed(13);
}

static void the_mapped_pointer_reaches_the_same_bytes(void **state) {
    for_each_intent(*state, map_transform_map);
}

static void write_in_pieces(struct suite *s, const BdaAllocation *a) {
    if (a->mapped == NULL)
        return;
    const VkDeviceSize piece = 1000; /* no multiple of any atom */
    for (VkDeviceSize at = 0; at < sizeof written; at += piece) {
        VkDeviceSize size = sizeof written - at < piece ? sizeof written - at : piece;
        assert_vk(bda_write(s->allocator, a->handle, at, (const char *)written + at, size));
    }
    suite_assert_words(s, a->address, written, WORDS);
    transform(s, a, 17);
    for (VkDeviceSize at = 0; at < sizeof seen; at += piece) {
        VkDeviceSize size = sizeof seen - at < piece ? sizeof seen - at : piece;
        assert_vk(bda_read(s->allocator, a->handle, at, (char *)seen + at, size));
    }
    assert_transformed(17);
}

static void pieces_are_written_and_read_in_place(void **state) {
    for_each_intent(*state, write_in_pieces);
}

/* A neighbour's bytes, in the same atom perhaps, survive a flush and an invalidate beside them. */
static void neighbours_do_not_disturb_each_other(void **state) {
    struct suite *s = *state;
    const BdaAllocInfo info = { .size = 20, .intent = BDA_INTENT_READBACK };
    BdaAllocation left = suite_alloc(s, &info), right = suite_alloc(s, &info);
    const uint32_t from_cpu[5] = { 1, 2, 3, 4, 5 };
    assert_vk(bda_write(s->allocator, left.handle, 0, from_cpu, sizeof from_cpu));
    const struct suite_span span = suite_span_of(&right, 3);
    suite_fill(s, &span, 1);
    assert_vk(bda_write(s->allocator, left.handle, 0, from_cpu, sizeof from_cpu));
    uint32_t words[5], expected[5];
    assert_vk(bda_read(s->allocator, right.handle, 0, words, sizeof words));
    suite_words(expected, 5, 3);
    assert_memory_equal(words, expected, sizeof words);
    suite_assert_words(s, left.address, from_cpu, 5);
    suite_free(s, &left);
    suite_free(s, &right);
}

/* ---- The memory that was chosen ---- */

static void memory_is_what_the_intent_requires(void **state) {
    struct suite *s = *state;
    static const VkMemoryPropertyFlags required[] = {
        [BDA_INTENT_DEVICE] = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
        [BDA_INTENT_UPLOAD] = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
        [BDA_INTENT_READBACK] = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
        [BDA_INTENT_SHARED] = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
    };
    for (size_t i = 0; i < SUITE_COUNT(intents); i++) {
        if (!suite_has_memory_for(s, intents[i]))
            continue;
        const BdaAllocInfo info = request(intents[i]);
        BdaAllocation a = suite_alloc(s, &info);
        BdaAllocationInfo chosen = suite_info(s, a.handle);
        print_message("intent %u: memory type %u, properties %#x\n", (unsigned)i, chosen.memory_type,
                      chosen.properties);
        assert_true(chosen.memory_type < s->memory.memoryTypeCount);
        assert_int_equal(chosen.properties, s->memory.memoryTypes[chosen.memory_type].propertyFlags);
        assert_int_equal(chosen.heap, s->memory.memoryTypes[chosen.memory_type].heapIndex);
        assert_int_equal(chosen.properties & required[intents[i]], required[intents[i]]);
        assert_int_equal((chosen.properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0, a.mapped != NULL);
        assert_memory_equal(&chosen.allocation, &a, sizeof a);
        suite_free(s, &a);
    }
}

/* Whether a plain type has what `intent` prefers most beside what it requires. */
static bool has_plain_type(const struct suite *s, VkMemoryPropertyFlags with, VkMemoryPropertyFlags without) {
    const VkMemoryPropertyFlags odd = ~(VkMemoryPropertyFlags)0xF;
    for (uint32_t i = 0; i < s->memory.memoryTypeCount; i++) {
        VkMemoryPropertyFlags flags = s->memory.memoryTypes[i].propertyFlags;
        if ((flags & with) == with && (flags & (without | odd)) == 0)
            return true;
    }
    return false;
}

static void the_first_preference_is_met_where_it_can_be(void **state) {
    struct suite *s = *state;
    static const struct {
        BdaIntent intent;
        VkMemoryPropertyFlags with, without;
    } wishes[] = {
        { BDA_INTENT_DEVICE, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT },
        { BDA_INTENT_UPLOAD, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, 0 },
        { BDA_INTENT_READBACK, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, 0 },
    };
    for (size_t i = 0; i < SUITE_COUNT(wishes); i++) {
        if (!has_plain_type(s, wishes[i].with, wishes[i].without))
            continue;
        const BdaAllocInfo info = request(wishes[i].intent);
        BdaAllocation a = suite_alloc(s, &info);
        VkMemoryPropertyFlags flags = suite_info(s, a.handle).properties;
        assert_int_equal(flags & (wishes[i].with | wishes[i].without), wishes[i].with);
        suite_free(s, &a);
    }
}

static void shared_without_such_memory_is_refused_or_falls_back(void **state) {
    struct suite *s = *state;
    if (suite_has_memory_for(s, BDA_INTENT_SHARED))
        skip();
    BdaAllocInfo info = request(BDA_INTENT_SHARED);
    BdaAllocation a;
    assert_refused(bda_alloc, (s->allocator, &info, &a), VK_ERROR_FEATURE_NOT_PRESENT);
    info.flags = BDA_ALLOC_HOST_FALLBACK_BIT;
    a = suite_alloc(s, &info);
    assert_non_null(a.mapped);
    suite_free(s, &a);
}

/* ---- Zeroed ---- */

/* Leaves the pool full of other bytes. */
static void soil(struct suite *s, BdaIntent intent, VkDeviceSize size) {
    const BdaAllocInfo info = { .size = size, .intent = intent };
    BdaAllocation a = suite_alloc(s, &info);
    const struct suite_span span = suite_span_of(&a, 99);
    suite_fill(s, &span, 1);
    suite_free(s, &a);
}

static void zeroed_memory_is_zero_for_the_gpu(void **state) {
    struct suite *s = *state;
    memset(written, 0, sizeof written);
    for (size_t i = 0; i < SUITE_COUNT(intents); i++) {
        if (!suite_has_memory_for(s, intents[i]) || !suite_has_memory_for(s, BDA_INTENT_SHARED))
            continue;
        soil(s, intents[i], 512 * SUITE_KIB);
        BdaAllocInfo info = { .size = 4000, .intent = intents[i], .flags = BDA_ALLOC_ZERO_BIT };
        BdaAllocation many[32];
        for (size_t j = 0; j < SUITE_COUNT(many); j++) {
            many[j] = suite_alloc(s, &info);
            suite_assert_words(s, many[j].address, written, 1000);
        }
        for (size_t j = 0; j < SUITE_COUNT(many); j++)
            suite_free(s, &many[j]);
    }
}

static void zeroed_device_memory_is_refused_where_the_cpu_cannot_reach_it(void **state) {
    struct suite *s = *state;
    if (suite_has_memory_for(s, BDA_INTENT_SHARED))
        skip();
    const BdaAllocInfo info = { .size = 4096, .flags = BDA_ALLOC_ZERO_BIT };
    BdaAllocation a;
    assert_refused(bda_alloc, (s->allocator, &info, &a), VK_ERROR_FEATURE_NOT_PRESENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(shader_sees_what_was_written_and_writes_what_is_read),
        SUITE_TEST(copies_through_buffer_and_offset_reach_the_same_bytes),
        SUITE_TEST(the_mapped_pointer_reaches_the_same_bytes),
        SUITE_TEST(pieces_are_written_and_read_in_place),
        SUITE_TEST(neighbours_do_not_disturb_each_other),
        SUITE_TEST(memory_is_what_the_intent_requires),
        SUITE_TEST(the_first_preference_is_met_where_it_can_be),
        SUITE_TEST(shared_without_such_memory_is_refused_or_falls_back),
        SUITE_TEST(zeroed_memory_is_zero_for_the_gpu),
        SUITE_TEST(zeroed_device_memory_is_refused_where_the_cpu_cannot_reach_it),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
