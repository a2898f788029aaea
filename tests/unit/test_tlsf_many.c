/*
 * core/tlsf.h: many ranges given back at once. Whatever is looked up ahead, the result must be, to the last byte, what
 * one call after another leaves behind. So everything here is done twice, in two arenas that begin as twins.
 */
#include "core_support.h"

/* From so many nodes on, freeing many looks ahead; the tests go below and far above. */
enum { MANY_NODES = 1 << 16, RANGES = 512 };

struct twins {
    struct arena single, many;
    uint32_t nodes[RANGES]; /* taken, in both the same */
    uint32_t count;
    uint64_t seed;
};

/* Nodes that lie spare count as well. */
static void open_twins(struct twins *twins, bool look_ahead, uint64_t seed) {
    *twins = (struct twins){ .seed = seed };
    struct arena *arenas[] = { &twins->single, &twins->many };
    for (uint32_t i = 0; i < 2; i++) {
        arena_open_one(arenas[i], 4000);
        arena_add(arenas[i], 0x12340, 3000);
        if (look_ahead)
            arena_secure(arenas[i], MANY_NODES);
        arena_secure(arenas[i], 0);
    }
}

/* Takes until there are as many ranges as the list holds, or no room. */
static void fill_twins(struct twins *twins) {
    while (twins->count < RANGES) {
        uint32_t size = 1 + random_below(&twins->seed, 25);
        uint64_t alignment = (uint64_t)GRANULE << random_below(&twins->seed, 4);
        uint32_t node = arena_alloc(&twins->single, size, alignment);
        assert_int_equal(arena_alloc(&twins->many, size, alignment), node);
        if (node == 0)
            return;
        twins->nodes[twins->count++] = node;
    }
}

/* Brings `count` ranges to the end of the list: the last ones taken, turned round, or any in any order. */
enum order { AS_TAKEN, TURNED_ROUND, SHUFFLED, ORDERS };

static void swap(uint32_t *a, uint32_t *b) {
    uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

static void choose_batch(struct twins *twins, uint32_t count, enum order order) {
    uint32_t *nodes = twins->nodes, *batch = nodes + twins->count - count;
    for (uint32_t i = 0; order == SHUFFLED && i < count; i++)
        swap(&batch[i], &nodes[random_below(&twins->seed, twins->count - count + i + 1)]);
    for (uint32_t i = 0; order == TURNED_ROUND && i < count / 2; i++)
        swap(&batch[i], &batch[count - 1 - i]);
}

/* The twin that frees one by one is the model. Behind the list stand indices that lead nowhere: whoever looks ahead of
 * its end falls. */
static void free_batch(struct twins *twins, uint32_t count) {
    enum { BEHIND = 16 };
    uint32_t batch[RANGES + BEHIND];
    twins->count -= count;
    memcpy(batch, twins->nodes + twins->count, count * sizeof batch[0]);
    memset(batch + count, 0xFF, BEHIND * sizeof batch[0]);
    arena_secure(&twins->single, 0);
    arena_secure(&twins->many, 0);
    for (uint32_t i = 0; i < count; i++)
        bda_tlsf_free(&twins->single.tlsf, batch[i]);
    bda_tlsf_free_many(&twins->many.tlsf, count, batch);
}

static void assert_twins_are_equal(struct twins *twins) {
    struct bda_tlsf *a = &twins->single.tlsf, *b = &twins->many.tlsf;
    uint32_t length = twins->single.nodes.store.length;
    assert_arena_is_sound(&twins->many);
    assert_int_equal(twins->many.nodes.store.length, length);
    for (uint32_t i = 1; i < length; i++)
        assert_memory_equal(arena_node(&twins->single, i), arena_node(&twins->many, i), sizeof(struct bda_node));
    for (uint32_t i = 0; i < twins->single.count; i++)
        assert_int_equal(arena_region(&twins->single, twins->single.added[i])->first,
                         arena_region(&twins->many, twins->many.added[i])->first);
    a->nodes = b->nodes; /* the only difference that there may be */
    a->regions = b->regions;
    assert_memory_equal(a, b, sizeof *a);
    a->nodes = &twins->single.nodes;
    a->regions = &twins->single.regions;
}

static void close_twins(struct twins *twins) {
    arena_close_sound(&twins->single);
    arena_close_sound(&twins->many);
}

/* ---- The promises ---- */

/* Lives of many batches of all lengths, the shortest ones more often; between them room is taken again. */
static void assert_batches_equal_single_frees(bool look_ahead, enum order order) {
    static struct twins twins;
    open_twins(&twins, look_ahead, 5 + (uint64_t)order);
    for (uint32_t round = 0; round < 60; round++) {
        fill_twins(&twins);
        uint32_t count = round < 30 ? round : random_below(&twins.seed, twins.count + 1);
        choose_batch(&twins, count, order);
        free_batch(&twins, count);
        assert_twins_are_equal(&twins);
    }
    close_twins(&twins);
}

static void many_frees_equal_as_many_single_ones(void **state) {
    (void)state;
    for (enum order order = AS_TAKEN; order < ORDERS; order++)
        assert_batches_equal_single_frees(false, order);
}

static void many_frees_that_look_ahead_equal_as_many_single_ones(void **state) {
    (void)state;
    for (enum order order = AS_TAKEN; order < ORDERS; order++)
        assert_batches_equal_single_frees(true, order);
}

/* All there is, in all orders: each batch ends with two empty regions. */
static void everything_may_be_given_back_at_once(void **state) {
    (void)state;
    static struct twins twins;
    for (uint32_t i = 0; i < 2 * ORDERS; i++) {
        open_twins(&twins, i % 2 != 0, i);
        fill_twins(&twins);
        choose_batch(&twins, twins.count, (enum order)(i / 2));
        free_batch(&twins, twins.count);
        assert_int_equal(twins.many.tlsf.empty_regions, 2);
        assert_twins_are_equal(&twins);
        close_twins(&twins);
    }
}

/* As the allocation floor hands them over: retired, some of them for the last time. */
static void retired_and_spent_ranges_are_taken_back(void **state) {
    (void)state;
    static struct twins twins;
    open_twins(&twins, true, 6);
    fill_twins(&twins);
    for (uint32_t i = 0; i < twins.count; i++) {
        struct bda_node *nodes[] = { arena_node(&twins.single, twins.nodes[i]),
                                     arena_node(&twins.many, twins.nodes[i]) };
        for (uint32_t j = 0; j < 2; j++) {
            if (i % 5 == 0) /* all bits of the generation but the lowest */
                bda_node_set_tag(nodes[j], bda_node_tag(nodes[j]) | 0xFFFFFEu << BDA_NODE_GENERATION_SHIFT);
            bda_node_retire(nodes[j], BDA_NODE_RETIRED);
            assert_int_equal(bda_node_is_spent(nodes[j]), i % 5 == 0);
        }
    }
    choose_batch(&twins, twins.count, SHUFFLED);
    free_batch(&twins, twins.count);
    assert_twins_are_equal(&twins);
    assert_in_range(arena_lost_nodes(&twins.many), 1, RANGES / 5 + 1);
    arena_close(&twins.single);
    arena_close(&twins.many);
}

static void nothing_may_be_given_back_before_there_is_anything(void **state) {
    (void)state;
    struct arena arena;
    arena_open(&arena, GRANULE_LOG2);
    bda_tlsf_free_many(&arena.tlsf, 0, NULL);
    assert_arena_is_sound(&arena);
    arena_close_sound(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_frees_equal_as_many_single_ones),
        cmocka_unit_test(many_frees_that_look_ahead_equal_as_many_single_ones),
        cmocka_unit_test(everything_may_be_given_back_at_once),
        cmocka_unit_test(retired_and_spent_ranges_are_taken_back),
        cmocka_unit_test(nothing_may_be_given_back_before_there_is_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
