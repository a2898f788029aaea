/*
 * bda_node_view of src/core/node.h: whatever the order of steps, and however late stores are seen, who looks at a node
 * without a lock sees one of its lives whole, or nothing. The functions are the library's own: their atomics are steps
 * here (see explore.h). And where one of their halves is missing, that is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "explore.h"

#include "core/bits.h"
#include "core/store.h"

static uint32_t place_of(const void *object);
static uint32_t load(uint32_t place, memory_order order);
static void store(uint32_t place, uint32_t value, memory_order order);

#undef atomic_load_explicit
#undef atomic_store_explicit
#define atomic_load_explicit(object, order)                                                                            \
    _Generic((object), _Atomic(struct bda_directory *) *                                                               \
             : (struct bda_directory *)NULL, default                                                                   \
             : load(place_of(object), order))
#define atomic_store_explicit(object, value, order) store(place_of(object), value, order)

#include "core/node.h"

static struct bda_node node;

enum { TAG, REGION, OFFSET, SIZE, SLACK, RECORD };

static uint32_t place_of(const void *object) {
    const void *const places[] = {
        &node.tag, &node.region, &node.offset, &node.size, &node.as.taken.slack_or_link, &node.as.taken.record_or_home
    };
    uint32_t place = 0;
    while (places[place] != object)
        place++;
    return place;
}

/* Memory is bytes: of a tag the state and the low bits of its generation, of a slack that is not known the highest. */
static uint32_t load(uint32_t place, memory_order order) {
    uint32_t byte = explore_load(place, order);
    if (place == TAG)
        return byte >> 4 << BDA_NODE_GENERATION_SHIFT | (byte & BDA_NODE_STATE_MASK);
    return place == SLACK && byte == UINT8_MAX ? BDA_SLACK_UNKNOWN : byte;
}

static void store(uint32_t place, uint32_t value, memory_order order) {
    uint32_t byte = place == TAG ? value >> BDA_NODE_GENERATION_SHIFT << 4 | (value & BDA_NODE_STATE_MASK) : value;
    explore_store(place, (uint8_t)byte, order);
}

/* ---- Lives ---- */

enum { HERE = 7, ELSEWHERE = 8 };

/* Of a range: what whoever has it wrote. */
struct life {
    uint32_t generation, region, offset, size, slack, record;
};

static const struct life first = { 1, HERE, 20, 8, 3, 5 }, second = { 2, HERE, 40, 2, 1, 6 },
                         third = { 2, ELSEWHERE, 60, 4, 2, 0 };

/* As TLSF and bda_range_count make one of a spare node. */
static void be_born(const struct life *life) {
    bda_node_set_offset(&node, life->offset);
    bda_node_set_size(&node, life->size);
    bda_node_set_region(&node, life->region);
    bda_node_set_slack(&node, BDA_SLACK_UNKNOWN);
    bda_node_publish(&node, bda_tag_of(bda_node_tag(&node), 0, BDA_NODE_LIVE));
    bda_node_set_record(&node, life->record);
    bda_node_set_slack(&node, life->slack);
}

/* As a free, which then links it in TLSF's list, or among spare nodes. */
static void die(void) {
    bda_node_retire(&node, BDA_NODE_RETIRED);
    bda_node_set_state(&node, BDA_NODE_FREE);
    bda_node_set_list_previous(&node, 100);
    bda_node_set_list_next(&node, 101);
}

static bool is(const struct bda_node_view *view, const struct life *life) {
    return view->tag >> BDA_NODE_GENERATION_SHIFT == life->generation && view->offset == life->offset &&
           view->size == life->size && view->slack == life->slack && view->record_or_home == life->record;
}

/* ---- Who takes part ---- */

static const struct life *next;

static void live_twice(void) {
    bda_node_retire(&node, BDA_NODE_RETIRED); /* so that the first life is of generation 1 */
    be_born(&first);
    die();
    be_born(next);
}

static void look(void) {
    struct bda_node_view view;
    if (bda_node_view(&node, HERE, &view))
        explore_claim(is(&view, &first) || (next->region == HERE && is(&view, next)));
}

static const struct explore_actor both[] = { { live_twice }, { look } };

static void a_view_is_of_one_life(void **state) {
    (void)state;
    next = &second;
    assert_sound(both, 2);
}

static void a_node_that_went_elsewhere_is_not_seen_here(void **state) {
    (void)state;
    next = &third;
    assert_sound(both, 2);
}

/* As a thread takes one ahead, keeps it, and makes an allocation of it later (alloc/cache.c). `retires`: its generation
 * moves as it is kept. */
static void live_ahead(bool retires) {
    bda_node_set_offset(&node, second.offset);
    bda_node_set_size(&node, second.size);
    bda_node_set_region(&node, second.region);
    bda_node_set_slack(&node, BDA_SLACK_UNKNOWN);
    bda_node_publish(&node, bda_tag_of(bda_node_tag(&node), 0, BDA_NODE_LIVE));
    if (retires)
        bda_node_retire(&node, BDA_NODE_CACHED);
    else
        bda_node_set_state(&node, BDA_NODE_CACHED);
    bda_node_set_record(&node, second.record);
    bda_node_set_link(&node, 100);
    bda_node_set_slack(&node, second.slack);
    bda_node_publish(&node, bda_node_tag(&node) - (uint32_t)BDA_NODE_CACHED + (uint32_t)BDA_NODE_LIVE);
}

static void live_ahead_retired(void) {
    bda_node_retire(&node, BDA_NODE_RETIRED);
    live_ahead(true);
}

static void what_is_taken_ahead_is_seen_whole(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { live_ahead_retired }, { look } };
    next = &second;
    assert_sound(actors, 2);
}

/* ---- Found ---- */

#define TORN "a claim does not hold"

/* Does not look at the tag again. */
static void look_once(void) {
    struct bda_node_view view = { .tag = bda_node_tag(&node) };
    if ((view.tag & BDA_NODE_STATE_MASK) != (uint32_t)BDA_NODE_LIVE)
        return;
    view.offset = bda_node_offset(&node);
    view.size = bda_node_size(&node);
    view.slack = bda_node_slack(&node);
    view.record_or_home = bda_node_home(&node);
    if (view.slack != BDA_SLACK_UNKNOWN)
        explore_claim(is(&view, &first) || is(&view, &second));
}

static void who_looks_once_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { live_twice }, { look_once } };
    next = &second;
    assert_found(actors, 2, EXPLORE_TOTAL, TORN);
}

/* Says that it is live before what its owner writes is there, and not that this is so. */
static void live_unannounced(void) {
    bda_node_retire(&node, BDA_NODE_RETIRED);
    bda_node_set_offset(&node, first.offset);
    bda_node_set_size(&node, first.size);
    bda_node_set_region(&node, first.region);
    bda_node_publish(&node, bda_tag_of(bda_node_tag(&node), 0, BDA_NODE_LIVE));
    bda_node_set_record(&node, first.record);
    bda_node_set_slack(&node, first.slack);
}

static void a_slack_that_is_not_known_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { live_unannounced }, { look } };
    next = &second;
    assert_found(actors, 2, EXPLORE_TOTAL, TORN);
}

/* Is live, kept and live again under one generation. */
static void live_ahead_unretired(void) {
    bda_node_retire(&node, BDA_NODE_RETIRED);
    bda_node_retire(&node, BDA_NODE_RETIRED);
    live_ahead(false);
}

static void a_generation_that_lives_twice_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { live_ahead_unretired }, { look } };
    next = &second;
    assert_found(actors, 2, EXPLORE_TOTAL, TORN);
}

/* Words that may be seen before the tag that went before them. On x86 none is. */
static void live_twice_unreleased(void) {
    bda_node_retire(&node, BDA_NODE_RETIRED);
    be_born(&first);
    bda_node_retire(&node, BDA_NODE_RETIRED);
    store(OFFSET, second.offset, memory_order_relaxed);
    store(SIZE, second.size, memory_order_relaxed);
}

static void a_word_that_releases_nothing_is_found_out(void **state) {
    (void)state;
    const struct explore_actor actors[] = { { live_twice_unreleased }, { look } };
    next = &second;
    assert_null(explore_and_tell(actors, 2, EXPLORE_TOTAL).broken);
    assert_found(actors, 2, EXPLORE_PARTIAL, TORN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_is_of_one_life),
        cmocka_unit_test(a_node_that_went_elsewhere_is_not_seen_here),
        cmocka_unit_test(what_is_taken_ahead_is_seen_whole),
        cmocka_unit_test(who_looks_once_is_found_out),
        cmocka_unit_test(a_slack_that_is_not_known_is_found_out),
        cmocka_unit_test(a_generation_that_lives_twice_is_found_out),
        cmocka_unit_test(a_word_that_releases_nothing_is_found_out),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
