/* Many allocations over several blocks, with pointers from one to the other that shaders follow. */
#include "work.h"

#include <stdlib.h>
#include <string.h>

static const BdaIntent intents[] = { BDA_INTENT_DEVICE, BDA_INTENT_UPLOAD, BDA_INTENT_READBACK };

/* Blocks so small that a few thousand allocations need several. */
static void use_small_blocks(struct suite *s) {
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.first_block_size = info.max_block_size = info.max_host_visible_block_size = 128 * SUITE_KIB;
    suite_restart(s, &info);
}

static void shuffle(uint32_t *order, uint32_t count) {
    uint32_t random = 12345;
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count; i-- > 1;) {
        uint32_t j = suite_random(&random) % (i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* ---- Lists ---- */

enum { LISTS = 100, NODES_PER_LIST = 120, NODES = LISTS * NODES_PER_LIST };

static BdaAllocation nodes[NODES];
static uint32_t order[NODES];
static BdaAllocInfo infos[NODES];
static BdaHandle handles[NODES];

/* Node order[i] of the shuffled nodes is followed by node order[i + 1], but for the last of its list. */
static struct suite_node link_of(uint32_t i) {
    bool last = i % NODES_PER_LIST == NODES_PER_LIST - 1;
    return (struct suite_node){ .next = last ? 0 : nodes[order[i + 1]].address, .value = i * 7 + 1 };
}

static void write_links(struct suite *s) {
    for (uint32_t i = 0; i < NODES; i++) {
        struct suite_node node = link_of(i);
        suite_write(s, &nodes[order[i]], &node, sizeof node);
    }
}

static void assert_links(struct suite *s) {
    VkDeviceAddress heads[LISTS];
    struct suite_walk walks[LISTS];
    for (uint32_t list = 0; list < LISTS; list++) {
        heads[list] = nodes[order[list * NODES_PER_LIST]].address;
        walks[list] = (struct suite_walk){ 0, NODES_PER_LIST };
        for (uint32_t i = 0; i < NODES_PER_LIST; i++)
            walks[list].sum += link_of(list * NODES_PER_LIST + i).value;
    }
    suite_assert_lists(s, heads, LISTS, walks);
}

static void pointers_lead_from_block_to_block(void **state) {
    struct suite *s = *state;
    use_small_blocks(s);
    shuffle(order, NODES);
    for (uint32_t i = 0; i < NODES; i++) {
        infos[i] = (BdaAllocInfo){ .size = sizeof(struct suite_node) + i % 64, .intent = BDA_INTENT_UPLOAD };
        nodes[i] = suite_alloc(s, &infos[i]);
    }
    assert_true(suite_use(s).block_count >= 4);
    write_links(s);
    assert_links(s);
    for (uint32_t i = 0; i < NODES; i++)
        suite_free(s, &nodes[order[i]]);
    assert_int_equal(suite_use(s).allocation_count, 0);
}

static void pointers_lead_from_one_kind_of_memory_to_another(void **state) {
    enum { COUNT = 90 };
    struct suite *s = *state;
    for (uint32_t i = 0; i < COUNT; i++) {
        const BdaAllocInfo info = { .size = sizeof(struct suite_node),
                                    .intent = intents[i % SUITE_COUNT(intents)],
                                    .usage = SUITE_COPIES };
        nodes[i] = i % 2 == 0 ? suite_alloc(s, &info)
                              : suite_alloc_buffer(s, info.size, SUITE_COPIES,
                                                   &(BdaAllocInfo){ .intent = info.intent, .alignment = 16 });
    }
    struct suite_walk walk = { 0, COUNT };
    for (uint32_t i = 0; i < COUNT; i++) {
        const struct suite_node node = { .next = i + 1 < COUNT ? nodes[i + 1].address : 0, .value = i };
        suite_write(s, &nodes[i], &node, sizeof node);
        walk.sum += i;
    }
    suite_assert_lists(s, &nodes[0].address, 1, &walk);
    for (uint32_t i = 0; i < COUNT; i++)
        suite_free(s, &nodes[i]);
}

static void many_are_allocated_and_freed_in_one_call(void **state) {
    struct suite *s = *state;
    use_small_blocks(s);
    shuffle(order, NODES);
    for (uint32_t i = 0; i < NODES; i++)
        infos[i] = (BdaAllocInfo){ .size = sizeof(struct suite_node), .intent = BDA_INTENT_UPLOAD, .user = i };
    assert_vk(bda_alloc_many(s->allocator, NODES, infos, nodes));
    write_links(s);
    assert_links(s);
    for (uint32_t i = 0; i < NODES; i++) {
        handles[i] = nodes[order[i]].handle;
        assert_int_equal(suite_info(s, handles[i]).user, order[i]);
    }
    handles[5] = 0; /* is skipped */
    assert_vk(bda_free_many(s->allocator, NODES, handles));
    assert_int_equal(suite_use(s).allocation_count, 1);
    suite_free(s, &nodes[order[5]]);
}

static void many_with_one_bad_item_change_nothing(void **state) {
    struct suite *s = *state;
    BdaAllocation out[3];
    BdaAllocInfo three[3] = { { .size = 64 }, { .size = 64 }, { .size = 0 } };
    memset(out, 0xAA, sizeof out);
    assert_refused(bda_alloc_many, (s->allocator, 3, three, out), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_zeroed(out);
    assert_int_equal(suite_use(s).allocation_count, 0);
    three[2].size = 64;
    assert_vk(bda_alloc_many(s->allocator, 3, three, out));
    const BdaHandle twice[4] = { out[0].handle, out[1].handle, out[2].handle, out[0].handle };
    assert_refused(bda_free_many, (s->allocator, 4, twice), VK_ERROR_VALIDATION_FAILED_EXT);
    assert_int_equal(suite_use(s).allocation_count, 3);
    assert_vk(bda_free_many(s->allocator, 3, twice));
}

/* ---- Copies ---- */

/* Hundreds of copy commands, each by its own buffer and offset: what the offsets say must be what the addresses say. */
static void offsets_and_addresses_name_the_same_bytes(void **state) {
    enum { COUNT = 300, WORDS = 25 };
    struct suite *s = *state;
    use_small_blocks(s);
    struct suite_span spans[COUNT];
    BdaAllocInfo info = { .size = WORDS * sizeof(uint32_t), .intent = BDA_INTENT_UPLOAD, .usage = SUITE_COPIES };
    VkCommandBuffer commands = suite_begin(s, s->main);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t words[WORDS];
        info.intent = BDA_INTENT_UPLOAD;
        BdaAllocation from = nodes[i] = suite_alloc(s, &info);
        suite_words(words, WORDS, i);
        assert_vk(bda_write(s->allocator, from.handle, 0, words, sizeof words));
        info.intent = BDA_INTENT_DEVICE;
        BdaAllocation to = nodes[COUNT + i] = suite_alloc(s, &info);
        const VkBufferCopy region = { from.offset, to.offset, info.size };
        vkCmdCopyBuffer(commands, from.buffer, to.buffer, 1, &region);
        spans[i] = suite_span_of(&to, i);
    }
    suite_end(s, s->main, commands);
    suite_assert_filled(s, spans, COUNT);
    for (uint32_t i = 0; i < 2 * COUNT; i++)
        suite_free(s, &nodes[i]);
}

/* ---- Twenty thousand ---- */

enum { MANY = 20000 };

static BdaAllocation many[MANY];
static struct suite_span spans[MANY];
static uint32_t many_order[MANY];

/* Mostly small, now and then large, never quite round. */
static VkDeviceSize random_size(uint32_t *random) {
    uint32_t r = suite_random(random);
    uint32_t words = r % 64 == 0 ? r / 64 % 8192 : r / 64 % 256;
    return (words + 1) * sizeof(uint32_t);
}

static void allocate_some(struct suite *s, uint32_t begin, uint32_t end, uint32_t *random) {
    for (uint32_t i = begin; i < end; i++) {
        const BdaAllocInfo info = { .size = random_size(random),
                                    .alignment = (VkDeviceSize)16 << suite_random(random) % 5 };
        uint32_t at = many_order[i];
        many[at] = suite_alloc(s, &info);
        assert_int_equal(many[at].address % info.alignment, 0);
        spans[at] = suite_span_of(&many[at], suite_random(random));
    }
}

static void free_some(struct suite *s, uint32_t begin, uint32_t end) {
    for (uint32_t i = begin; i < end; i++)
        suite_free(s, &many[many_order[i]]);
}

/* Fills what was allocated last, so that anything that overlaps an older one destroys the older one's bytes. */
static void fill_some(struct suite *s, uint32_t begin, uint32_t end) {
    static struct suite_span some[MANY];
    for (uint32_t i = begin; i < end; i++)
        some[i - begin] = spans[many_order[i]];
    suite_fill(s, some, end - begin);
}

static void twenty_thousand_keep_their_contents(void **state) {
    struct suite *s = *state;
    uint32_t random = 20000;
    shuffle(many_order, MANY);
    allocate_some(s, 0, MANY, &random);
    fill_some(s, 0, MANY);
    suite_assert_filled(s, spans, MANY);
    for (uint32_t round = 0; round < 3; round++) {
        uint32_t begin = round * MANY / 8, end = begin + MANY / 2;
        free_some(s, begin, end);
        assert_vk(bda_check(s->allocator));
        allocate_some(s, begin, end, &random);
        fill_some(s, begin, end);
        suite_assert_filled(s, spans, MANY);
    }
    assert_int_equal(suite_use(s).allocation_count, MANY);
    free_some(s, 0, MANY);
    assert_int_equal(suite_use(s).allocation_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(pointers_lead_from_block_to_block),
        SUITE_TEST(pointers_lead_from_one_kind_of_memory_to_another),
        SUITE_TEST(many_are_allocated_and_freed_in_one_call),
        SUITE_TEST(many_with_one_bad_item_change_nothing),
        SUITE_TEST(offsets_and_addresses_name_the_same_bytes),
        SUITE_TEST(twenty_thousand_keep_their_contents),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
