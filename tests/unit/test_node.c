/* core/node.h: the spare lists of nodes, and the generations that make stale handles stale. */
#include "core_support.h"

#include <pthread.h>
#include <stdlib.h>

struct fixture {
    struct limited_host limited;
    struct bda_nodes nodes;
    struct bda_node_list list;
};

static void open_nodes(struct fixture *fixture, uint32_t allowed) {
    limited_host_init(&fixture->limited, allowed);
    bda_nodes_init(&fixture->nodes, &fixture->limited.host);
    fixture->list = (struct bda_node_list){ 0, 0 };
}

static void close_nodes(struct fixture *fixture) {
    bda_nodes_destroy(&fixture->nodes);
    assert_host_is_empty(&fixture->limited);
}

static uint32_t made(struct fixture *fixture) {
    return fixture->nodes.store.length != 0 ? fixture->nodes.store.length - 1 : 0;
}

static uint32_t pop(struct fixture *fixture) {
    return bda_node_list_pop(&fixture->nodes, &fixture->list);
}

/* One node at the given generation, live. */
static struct bda_node *live_node(struct fixture *fixture, uint32_t *index, uint32_t generation) {
    assert_true(bda_nodes_take(&fixture->nodes, &fixture->list, 1));
    *index = pop(fixture);
    struct bda_node *node = bda_node_at(&fixture->nodes, *index);
    atomic_store(&node->tag, generation << BDA_NODE_GENERATION_SHIFT | (uint32_t)BDA_NODE_LIVE);
    return node;
}

/* A list holds as many nodes as it says, each of them unused and none of them spent. */
static void assert_list_is_sound(struct bda_nodes *nodes, const struct bda_node_list *list) {
    uint32_t index = list->first;
    for (uint32_t i = 0; i < list->count; i++) {
        assert_true(bda_store_has(&nodes->store, index));
        struct bda_node *node = bda_node_at(nodes, index);
        assert_int_equal(bda_node_state(node), BDA_NODE_UNUSED);
        assert_false(bda_node_is_spent(node));
        index = node->as.spare;
    }
}

/* ---- Lists ---- */

static void no_nodes_cost_no_memory(void **state) {
    (void)state;
    struct fixture fixture;
    open_nodes(&fixture, 0);
    assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, 0));
    close_nodes(&fixture);
}

static void take_secures_what_is_asked_for(void **state) {
    (void)state;
    const uint32_t counts[] = { 1, 2, 63, 64, 65, 255, 256, 257, 1000 };
    for (uint32_t i = 0; i < COUNT_OF(counts); i++) {
        struct fixture fixture;
        open_nodes(&fixture, UINT32_MAX);
        assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, counts[i]));
        assert_true(fixture.list.count >= counts[i]);
        assert_list_is_sound(&fixture.nodes, &fixture.list);
        close_nodes(&fixture);
    }
}

static void every_node_is_handed_out_once(void **state) {
    (void)state;
    enum { NODES = 2000 };
    static bool seen[2 * NODES];
    struct fixture fixture;
    open_nodes(&fixture, UINT32_MAX);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, 1));
        uint32_t index = pop(&fixture);
        assert_in_range(index, 1, 2 * NODES - 1);
        assert_false(seen[index]);
        seen[index] = true;
    }
    assert_int_equal(made(&fixture), NODES + fixture.list.count + fixture.nodes.spare.count);
    close_nodes(&fixture);
}

static void fresh_nodes_of_one_step_are_popped_in_the_order_of_their_addresses(void **state) {
    (void)state;
    struct fixture fixture;
    open_nodes(&fixture, UINT32_MAX);
    assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, 1));
    while (fixture.list.count != 0)
        (void)pop(&fixture);
    uint32_t expected = made(&fixture) + 1; /* well within the first chunk: one growth step */
    assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, 1));
    while (fixture.list.count != 0)
        assert_int_equal(pop(&fixture), expected++);
    close_nodes(&fixture);
}

static void given_nodes_are_taken_before_any_is_made(void **state) {
    (void)state;
    struct fixture fixture;
    struct bda_node_list other = { 0, 0 };
    open_nodes(&fixture, UINT32_MAX);
    assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, 300));
    bda_nodes_give(&fixture.nodes, &fixture.list, fixture.list.count);
    assert_int_equal(fixture.list.count, 0);
    assert_list_is_sound(&fixture.nodes, &fixture.nodes.spare);
    uint32_t before = made(&fixture);
    fixture.limited.allowed = 0;
    assert_true(bda_nodes_take(&fixture.nodes, &other, 300));
    assert_int_equal(made(&fixture), before);
    assert_list_is_sound(&fixture.nodes, &other);
    close_nodes(&fixture);
}

static void give_moves_exactly_the_count(void **state) {
    (void)state;
    struct fixture fixture;
    open_nodes(&fixture, UINT32_MAX);
    assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, 100));
    uint32_t held = fixture.list.count;
    bda_nodes_give(&fixture.nodes, &fixture.list, 0);
    assert_int_equal(fixture.list.count, held);
    bda_nodes_give(&fixture.nodes, &fixture.list, 30);
    assert_int_equal(fixture.list.count, held - 30);
    assert_int_equal(fixture.nodes.spare.count, 30);
    assert_list_is_sound(&fixture.nodes, &fixture.list);
    assert_list_is_sound(&fixture.nodes, &fixture.nodes.spare);
    close_nodes(&fixture);
}

/* The allocation that is refused is the first, the second, ... until none is. */
static void a_refused_take_keeps_what_the_list_held(void **state) {
    (void)state;
    bool refused = true;
    for (uint32_t allowed = 0; refused; allowed++) {
        struct fixture fixture;
        open_nodes(&fixture, allowed);
        uint32_t wanted = 0;
        while (wanted < 2000 && bda_nodes_take(&fixture.nodes, &fixture.list, wanted + 100))
            wanted += 100;
        refused = wanted < 2000;
        assert_true(fixture.list.count >= wanted);
        assert_int_equal(made(&fixture), fixture.list.count + fixture.nodes.spare.count);
        assert_list_is_sound(&fixture.nodes, &fixture.list);
        fixture.limited.allowed = UINT32_MAX;
        assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, 2000));
        assert_list_is_sound(&fixture.nodes, &fixture.list);
        close_nodes(&fixture);
    }
}

/* Enough is enough: the few more that a take would like are no reason to fail. */
static void a_take_that_gets_enough_succeeds_though_growth_is_refused(void **state) {
    (void)state;
    struct fixture fixture;
    open_nodes(&fixture, UINT32_MAX);
    assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, 256));
    fixture.limited.allowed = 0;
    while (bda_store_grow(&fixture.nodes.store, 256, &(uint32_t){ 0 }) != 0)
        continue;
    bda_nodes_give(&fixture.nodes, &fixture.list, fixture.list.count);
    fixture.nodes.spare.count = 2; /* nearly nothing is left */
    assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, 2));
    assert_false(bda_nodes_take(&fixture.nodes, &fixture.list, 3));
    assert_int_equal(fixture.list.count, 2);
    close_nodes(&fixture);
}

/* ---- Lives ---- */

static void a_fresh_node_is_unused_at_generation_zero(void **state) {
    (void)state;
    struct fixture fixture;
    open_nodes(&fixture, UINT32_MAX);
    assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, 1));
    struct bda_node *node = bda_node_at(&fixture.nodes, pop(&fixture));
    assert_int_equal(bda_node_state(node), BDA_NODE_UNUSED);
    assert_int_equal(bda_node_generation(node), 0);
    assert_int_equal(bda_node_region(node), 0);
    assert_int_equal((uintptr_t)node % sizeof *node, 0);
    close_nodes(&fixture);
}

static void a_state_leaves_the_generation_alone(void **state) {
    (void)state;
    struct fixture fixture;
    uint32_t index;
    open_nodes(&fixture, UINT32_MAX);
    struct bda_node *node = live_node(&fixture, &index, 0xABCDEF);
    for (uint32_t value = BDA_NODE_UNUSED; value <= BDA_NODE_QUARANTINED; value++) {
        bda_node_set_state(node, (enum bda_node_state)value);
        assert_int_equal(bda_node_state(node), value);
        assert_int_equal(bda_node_generation(node), 0xABCDEF);
    }
    close_nodes(&fixture);
}

/* The three parts of a tag: each is set without a trace in the others. */
static void a_zone_leaves_the_generation_and_states_leave_the_zone_alone(void **state) {
    (void)state;
    struct fixture fixture;
    uint32_t index;
    open_nodes(&fixture, UINT32_MAX);
    struct bda_node *node = live_node(&fixture, &index, 0xABCDEF);
    for (uint32_t zone = 0; zone < 1u << BDA_NODE_ZONE_BITS; zone++)
        for (uint32_t value = BDA_NODE_UNUSED; value <= BDA_NODE_QUARANTINED; value++) {
            bda_node_set(node, (enum bda_node_state)value, zone);
            assert_int_equal(bda_node_state(node), value);
            assert_int_equal(bda_node_zone(node), zone);
            assert_int_equal(bda_node_generation(node), 0xABCDEF);
            bda_node_set_state(node, BDA_NODE_LIVE);
            bda_node_retire(node, BDA_NODE_CACHED);
            assert_int_equal(bda_node_zone(node), zone);
            bda_node_revive(node);
            assert_int_equal(bda_node_zone(node), zone);
            assert_int_equal(bda_node_generation(node), 0xABCDEF);
        }
    close_nodes(&fixture);
}

/* A handle knows nothing of zones. */
static void what_is_live_is_live_in_every_zone_at_one_generation(void **state) {
    (void)state;
    struct fixture fixture;
    uint32_t index;
    open_nodes(&fixture, UINT32_MAX);
    struct bda_node *node = live_node(&fixture, &index, 7);
    for (uint32_t zone = 0; zone < 1u << BDA_NODE_ZONE_BITS; zone++)
        for (uint32_t value = BDA_NODE_UNUSED; value <= BDA_NODE_QUARANTINED; value++) {
            bda_node_set(node, (enum bda_node_state)value, zone);
            assert_int_equal(bda_node_is_live(node, 7), value == BDA_NODE_LIVE);
            assert_false(bda_node_is_live(node, 6));
            assert_false(bda_node_is_live(node, 8));
        }
    close_nodes(&fixture);
}

static void retiring_moves_the_generation_and_reviving_takes_it_back(void **state) {
    (void)state;
    const uint32_t generations[] = { 0, 1, 0xFF, 0xFFFF, BDA_GENERATION_SPENT - 1 };
    struct fixture fixture;
    open_nodes(&fixture, UINT32_MAX);
    for (uint32_t i = 0; i < COUNT_OF(generations); i++) {
        uint32_t index;
        struct bda_node *node = live_node(&fixture, &index, generations[i]);
        uint32_t before = bda_node_tag(node);
        bda_node_retire(node, BDA_NODE_PENDING);
        assert_int_equal(bda_node_generation(node), generations[i] + 1);
        assert_int_equal(bda_node_state(node), BDA_NODE_PENDING);
        bda_node_revive(node);
        assert_int_equal(bda_node_tag(node), before);
    }
    close_nodes(&fixture);
}

static void only_the_last_generation_is_spent(void **state) {
    (void)state;
    struct fixture fixture;
    uint32_t index;
    open_nodes(&fixture, UINT32_MAX);
    struct bda_node *node = live_node(&fixture, &index, BDA_GENERATION_SPENT - 2);
    bda_node_retire(node, BDA_NODE_RETIRED);
    assert_false(bda_node_is_spent(node));
    bda_node_retire(node, BDA_NODE_RETIRED);
    assert_true(bda_node_is_spent(node));
    close_nodes(&fixture);
}

static void a_pushed_node_keeps_its_generation_and_comes_back_first(void **state) {
    (void)state;
    struct fixture fixture;
    uint32_t index;
    open_nodes(&fixture, UINT32_MAX);
    struct bda_node *node = live_node(&fixture, &index, 41);
    bda_node_retire(node, BDA_NODE_RETIRED);
    uint32_t held = fixture.list.count;
    bda_node_list_push(&fixture.nodes, &fixture.list, index);
    assert_int_equal(fixture.list.count, held + 1);
    assert_list_is_sound(&fixture.nodes, &fixture.list);
    assert_int_equal(pop(&fixture), index);
    assert_int_equal(bda_node_generation(node), 42);
    close_nodes(&fixture);
}

/* Guards against a handle that becomes valid again after sixteen million frees. */
static void a_spent_node_is_left_out_of_lists(void **state) {
    (void)state;
    struct fixture fixture;
    uint32_t index;
    open_nodes(&fixture, UINT32_MAX);
    struct bda_node *node = live_node(&fixture, &index, BDA_GENERATION_SPENT - 1);
    bda_node_retire(node, BDA_NODE_RETIRED);
    struct bda_node_list before = fixture.list;
    bda_node_list_push(&fixture.nodes, &fixture.list, index);
    assert_memory_equal(&fixture.list, &before, sizeof before);
    assert_int_equal(bda_node_state(node), BDA_NODE_UNUSED);
    while (fixture.list.count != 0)
        assert_int_not_equal(pop(&fixture), index);
    close_nodes(&fixture);
}

/* ---- Links and indices ---- */

static void a_link_keeps_an_index_and_whether_it_is_free(void **state) {
    (void)state;
    const uint32_t indices[] = { 0, 1, 2, 1u << BDA_NODE_CHUNK_LOG2, 0x55555555, BDA_NODES_MOST - 1, BDA_NODES_MOST };
    for (uint32_t i = 0; i < COUNT_OF(indices); i++) {
        struct bda_node node = { .previous = bda_link_to(indices[i], false), .next = bda_link_to(indices[i], true) };
        assert_int_equal(bda_node_previous(&node), indices[i]);
        assert_int_equal(bda_node_next(&node), indices[i]);
        assert_false(bda_link_is_free(node.previous));
        assert_true(bda_link_is_free(node.next));
    }
    assert_int_equal(bda_link_to(0, false), 0); /* what a region's ends have */
}

/* An operation asks for the chunks once; nodes that others make meanwhile do not disturb it. */
static void chunks_lead_to_their_nodes_however_many_are_made_later(void **state) {
    (void)state;
    enum { EARLY = 3000, LATE = 40000 };
    struct fixture fixture;
    open_nodes(&fixture, UINT32_MAX);
    assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, EARLY));
    bda_node_chunks chunks = bda_nodes_chunks(&fixture.nodes);
    struct bda_node *last = bda_node_in(chunks, EARLY);
    assert_true(bda_nodes_take(&fixture.nodes, &fixture.list, LATE));
    assert_ptr_not_equal(chunks, bda_nodes_chunks(&fixture.nodes));
    for (uint32_t index = 1; index <= EARLY; index++)
        assert_ptr_equal(bda_node_in(chunks, index), bda_node_at(&fixture.nodes, index));
    assert_ptr_equal(last, bda_node_in(chunks, EARLY));
    close_nodes(&fixture);
}

/* A store that seems to hold nearly all nodes that there can be: of its chunks only the last one is there. */
struct full_store {
    struct limited_host limited;
    struct bda_nodes nodes;
    struct bda_directory *directory;
    struct bda_node *chunk;
};

enum { CHUNK = 1 << BDA_NODE_CHUNK_LOG2 };

static void open_full(struct full_store *full, uint32_t length) {
    const uint32_t chunks = (BDA_NODES_MOST >> BDA_NODE_CHUNK_LOG2) + 1;
    limited_host_init(&full->limited, 0);
    bda_nodes_init(&full->nodes, &full->limited.host);
    full->directory = calloc(1, sizeof *full->directory + chunks * sizeof(uintptr_t));
    full->chunk = calloc(CHUNK, sizeof *full->chunk);
    assert_true(full->directory != NULL && full->chunk != NULL);
    full->directory->length = chunks;
    full->directory->origins[chunks - 1] = (uintptr_t)full->chunk - (size_t)(chunks - 1) * CHUNK * sizeof *full->chunk;
    atomic_store(&full->nodes.store.directory, full->directory);
    atomic_store(&full->nodes.store.length, length);
}

static void close_full(struct full_store *full) {
    assert_int_equal(full->limited.held, 0);
    free(full->chunk);
    free(full->directory);
}

/* The index of the last of them fits a link, and there is no next one. */
static void no_node_is_made_whose_index_a_link_cannot_hold(void **state) {
    (void)state;
    struct full_store full;
    struct bda_node_list list = { 0, 0 };
    uint32_t taken = 0, last = 0;
    open_full(&full, BDA_NODES_MOST - CHUNK / 2);
    for (; bda_nodes_take(&full.nodes, &list, 1); taken++) {
        last = bda_node_list_pop(&full.nodes, &list);
        assert_true(last <= BDA_NODES_MOST && bda_link_index(bda_link_to(last, true)) == last);
        assert_ptr_equal(bda_node_at(&full.nodes, last), full.chunk + last % CHUNK);
    }
    assert_int_equal(list.count, 0);
    assert_in_range(taken, CHUNK / 2 - 64, CHUNK / 2); /* all but a few that do not fill a batch */
    assert_true(full.nodes.store.length <= BDA_NODES_MOST);
    close_full(&full);
}

/* Whatever is asked for: a count that the rest does not hold, that no index can, that wraps. */
static void a_count_beyond_the_last_index_is_refused(void **state) {
    (void)state;
    const uint32_t counts[] = { CHUNK, BDA_NODES_MOST, BDA_NODES_MOST + 1, UINT32_MAX };
    for (uint32_t i = 0; i < COUNT_OF(counts); i++) {
        struct full_store full;
        struct bda_node_list list = { 0, 0 };
        open_full(&full, BDA_NODES_MOST - CHUNK / 2);
        assert_false(bda_nodes_take(&full.nodes, &list, counts[i]));
        assert_true(full.nodes.store.length <= BDA_NODES_MOST);
        assert_list_is_sound(&full.nodes, &list);
        close_full(&full);
    }
}

/* ---- Stale handles ---- */

enum { LIVES = 100000 };

struct watched {
    struct bda_nodes *nodes;
    uint32_t index;
    atomic_uint backwards;
};

/* What a stale handle does without a lock; generations only ever rise. */
static void *watch_generations(void *argument) {
    struct watched *watched = argument;
    uint32_t last = 0;
    while (last < LIVES) {
        struct bda_node *node = bda_node_at(watched->nodes, watched->index);
        uint32_t now = bda_node_generation(node);
        if (now < last || bda_node_region(node) > LIVES)
            atomic_fetch_add(&watched->backwards, 1);
        last = now;
    }
    return NULL;
}

static void tags_may_be_read_while_nodes_live_and_die(void **state) {
    (void)state;
    struct fixture fixture;
    open_nodes(&fixture, UINT32_MAX);
    struct watched watched = { .nodes = &fixture.nodes };
    pthread_t watcher;
    struct bda_node *node = live_node(&fixture, &watched.index, 0);
    assert_int_equal(pthread_create(&watcher, NULL, watch_generations, &watched), 0);
    for (uint32_t life = 0; life < LIVES; life++) {
        bda_node_retire(node, BDA_NODE_RETIRED);
        bda_node_list_push(&fixture.nodes, &fixture.list, watched.index);
        assert_int_equal(pop(&fixture), watched.index);
        atomic_store_explicit(&node->region, life, memory_order_relaxed);
        bda_node_set_state(node, BDA_NODE_LIVE);
    }
    assert_int_equal(pthread_join(watcher, NULL), 0);
    assert_int_equal(watched.backwards, 0);
    close_nodes(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_nodes_cost_no_memory),
        cmocka_unit_test(take_secures_what_is_asked_for),
        cmocka_unit_test(every_node_is_handed_out_once),
        cmocka_unit_test(fresh_nodes_of_one_step_are_popped_in_the_order_of_their_addresses),
        cmocka_unit_test(given_nodes_are_taken_before_any_is_made),
        cmocka_unit_test(give_moves_exactly_the_count),
        cmocka_unit_test(a_refused_take_keeps_what_the_list_held),
        cmocka_unit_test(a_take_that_gets_enough_succeeds_though_growth_is_refused),
        cmocka_unit_test(a_fresh_node_is_unused_at_generation_zero),
        cmocka_unit_test(a_state_leaves_the_generation_alone),
        cmocka_unit_test(a_zone_leaves_the_generation_and_states_leave_the_zone_alone),
        cmocka_unit_test(what_is_live_is_live_in_every_zone_at_one_generation),
        cmocka_unit_test(retiring_moves_the_generation_and_reviving_takes_it_back),
        cmocka_unit_test(only_the_last_generation_is_spent),
        cmocka_unit_test(a_pushed_node_keeps_its_generation_and_comes_back_first),
        cmocka_unit_test(a_spent_node_is_left_out_of_lists),
        cmocka_unit_test(a_link_keeps_an_index_and_whether_it_is_free),
        cmocka_unit_test(chunks_lead_to_their_nodes_however_many_are_made_later),
        cmocka_unit_test(no_node_is_made_whose_index_a_link_cannot_hold),
        cmocka_unit_test(a_count_beyond_the_last_index_is_refused),
        cmocka_unit_test(tags_may_be_read_while_nodes_live_and_die),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
