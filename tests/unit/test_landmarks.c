/* src/core/landmarks.c: every offset leads to its range, whatever became of the landmarks, with memory and without. */
#include "tlsf_support.h"

#include "core/landmarks.h"

#include <pthread.h>

/* Landmarks of each region of an arena, by its index. */
static _Atomic(struct bda_landmarks *) landmarks[ARENA_REGIONS * 4];
static struct bda_charts charts;

static struct bda_terrain terrain_of(struct arena *arena, struct bda_host *host, uint32_t region) {
    return (
        struct bda_terrain){ host, &charts, &arena->nodes, arena_region(arena, region), region, &landmarks[region] };
}

static uint32_t naive_find(struct arena *arena, uint32_t region, uint32_t offset) {
    uint32_t index = arena_region(arena, region)->first;
    while (offset - arena_node(arena, index)->offset >= arena_node(arena, index)->size)
        index = bda_node_next(arena_node(arena, index));
    return index;
}

static uint32_t find(struct arena *arena, struct bda_host *host, uint32_t region, uint32_t offset) {
    const struct bda_terrain terrain = terrain_of(arena, host, region);
    uint32_t index = 0;
    for (uint32_t leg = 0; index == 0; leg++) {
        assert_in_range(leg, 0, 1000);
        index = bda_landmarks_find(&terrain, offset, false);
    }
    return index;
}

/* As somebody without a lock would. */
static uint32_t guess(struct arena *arena, uint32_t region, uint32_t offset) {
    return bda_landmarks_guess(atomic_load(&landmarks[region]), &charts, &arena->nodes, region, offset);
}

/* The chart of an area, which has one. */
static struct bda_chart chart_of(uint32_t region, uint32_t area) {
    uint32_t mark = atomic_load(&atomic_load(&landmarks[region])->marks[area]);
    assert_true((mark & BDA_MARK_IS_CHART) != 0);
    return bda_chart_at(&charts, mark & ~BDA_MARK_IS_CHART);
}

static void make_charts(struct bda_host *host) {
    bda_charts_init(&charts, host, false);
}

static void drop_landmarks(struct bda_host *host) {
    for (uint32_t i = 0; i < COUNT_OF(landmarks); i++)
        bda_landmarks_destroy(host, &landmarks[i]);
    bda_charts_destroy(&charts);
}

/* Puts so many nodes into the store that are nobody's, without the memory for them: all chunks are one. */
enum { PHANTOM_CHUNKS = BDA_CHART_NODES >> BDA_NODE_CHUNK_LOG2 };
static struct bda_directory *add_phantoms(struct arena *arena, uint32_t count) {
    static _Alignas(64) struct bda_node chunk[1 << BDA_NODE_CHUNK_LOG2];
    size_t size = sizeof(struct bda_directory) + 2 * PHANTOM_CHUNKS * sizeof(uintptr_t);
    struct bda_directory *directory = calloc(1, size);
    assert_non_null(directory);
    assert_int_equal(atomic_load(&arena->nodes.store.length), 0);
    directory->length = 2 * PHANTOM_CHUNKS;
    for (uint32_t i = 0; i < count >> BDA_NODE_CHUNK_LOG2; i++)
        directory->origins[i] = (uintptr_t)chunk - i * sizeof chunk;
    atomic_store(&arena->nodes.store.directory, directory);
    atomic_store(&arena->nodes.store.length, count);
    return directory;
}

/* With the nodes that came behind them. */
static void remove_phantoms(struct arena *arena, struct bda_directory *directory, uint32_t count) {
    const size_t size = sizeof(struct bda_node) << BDA_NODE_CHUNK_LOG2;
    uint32_t length = atomic_load(&arena->nodes.store.length);
    for (uint32_t i = count >> BDA_NODE_CHUNK_LOG2; i << BDA_NODE_CHUNK_LOG2 < length; i++)
        bda_host_release(arena->nodes.store.host, (void *)(directory->origins[i] + i * size), size);
    atomic_store(&arena->nodes.store.directory, NULL);
    atomic_store(&arena->nodes.store.length, 0);
    free(directory);
}

/* Looks somewhere up. */
static void look_somewhere(struct arena *arena, struct bda_host *host, uint64_t *seed) {
    uint32_t region = arena->added[random_below(seed, arena->count)];
    uint32_t offset = random_below(seed, arena_region(arena, region)->size);
    assert_int_equal(find(arena, host, region, offset), naive_find(arena, region, offset));
}

/* Regions come and go, nodes go back to the store after every step and come again elsewhere. */
static void live(uint64_t seed, struct bda_host *host, uint32_t steps) {
    struct arena arena;
    bool filling = true;
    arena_open(&arena, GRANULE_LOG2);
    make_charts(host);
    (void)arena_add(&arena, 0, 1 << 18);
    (void)arena_add(&arena, 1 << 30, 5000);
    for (uint32_t step = 0; step < steps; step++) {
        live_a_little(&arena, &seed, &filling);
        for (uint32_t i = 0; i < step % 3; i++)
            look_somewhere(&arena, host, &seed);
        if (step % 500 == 0 && arena.count < 6)
            (void)arena_add(&arena, (uint64_t)step << 32, 300 + random_below(&seed, 100000));
        uint32_t last = arena.added[arena.count - 1];
        if (step % 700 == 0 && arena.count > 1 && bda_tlsf_region_is_empty(&arena.tlsf, last)) {
            bda_landmarks_forget(&landmarks[last], &charts);
            arena_remove(&arena, last);
        }
    }
    assert_arena_is_sound(&arena);
    drop_landmarks(host);
    arena_close(&arena);
}

static void look_ups_agree_with_a_walk_from_the_beginning(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct bda_host host = { 0 };
        live(seed, &host, 12000);
        assert_int_equal(host.bytes, 0);
    }
}

static void they_agree_where_host_memory_is_refused(void **state) {
    (void)state;
    for (uint32_t allowed = 0; allowed < 20; allowed += 1 + allowed / 4) {
        struct limited_host limited;
        limited_host_init(&limited, allowed);
        live(allowed + 100, &limited.host, 3000);
        assert_host_is_empty(&limited);
    }
}

/* Nodes of one pool become those of another, which writes their fields under another lock. */
static void a_landmark_does_not_follow_its_node_to_another_pool(void **state) {
    (void)state;
    struct arena arena;
    struct bda_host host = { 0 };
    struct bda_tlsf other;
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    bda_tlsf_init(&other, &arena.nodes, &arena.regions, GRANULE_LOG2);
    uint32_t region = arena_add(&arena, 0, 1000);
    uint32_t a = arena_take(&arena, 10), b = arena_take(&arena, 10);
    assert_int_equal(find(&arena, &host, region, 15), b);
    arena_free(&arena, b);
    arena_free(&arena, a);
    arena_secure(&arena, 0);
    assert_int_equal(bda_node_region(arena_node(&arena, b)), 0);
    assert_true(bda_nodes_take(&arena.nodes, &other.spare, 8));
    uint32_t index = 0;
    assert_int_equal(bda_store_grow(&arena.regions, 1, &index), 1);
    *arena_region(&arena, index) = (struct bda_region){ .base = 1 << 20, .size = 1000 };
    bda_tlsf_add_region(&other, index);
    while (other.spare.count >= BDA_TLSF_NODES_PER_ALLOC)
        assert_int_not_equal(tlsf_take(&other, 10, GRANULE), 0);
    assert_int_equal(find(&arena, &host, region, 15), arena_region(&arena, region)->first);
    drop_landmarks(&host);
    arena_close(&arena);
}

/* Guards against landmarks that stand, but elsewhere: look-ups then walked through half of the region. */
static void walks_are_short_once_there_are_landmarks(void **state) {
    (void)state;
    struct arena arena;
    struct bda_host host = { 0 };
    uint64_t seed = 5;
    bool filling = true;
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    uint32_t region = arena_add(&arena, 0, 1 << 20);
    for (uint32_t step = 0; step < 60000; step++)
        live_a_little(&arena, &seed, &filling);
    uint32_t ranges = arena_linked_nodes(&arena);
    assert_true(ranges > 20000);
    for (uint32_t offset = 0; offset < 1 << 20; offset += 7)
        (void)find(&arena, &host, region, offset);
    for (uint32_t round = 0; round < 2; round++) {
        uint32_t far = 0;
        for (uint32_t i = 0; i < 10000; i++) {
            const struct bda_terrain terrain = terrain_of(&arena, &host, region);
            far += bda_landmarks_find(&terrain, random_below(&seed, 1 << 20), false) == 0;
        }
        assert_int_equal(far, 0);
        for (uint32_t step = 0; step < 20000; step++)
            live_a_little(&arena, &seed, &filling);
    }
    assert_true(host.bytes < (uint64_t)5 * ranges);
    drop_landmarks(&host);
    arena_close(&arena);
}

/* A look-up in a block that was never looked at lets the lock go now and then. */
static void a_long_way_is_gone_in_legs(void **state) {
    (void)state;
    enum { RANGES = 20000 };
    struct arena arena;
    struct bda_host host = { 0 };
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    uint32_t region = arena_add(&arena, 0, RANGES);
    for (uint32_t i = 0; i < RANGES; i++)
        assert_int_not_equal(arena_take(&arena, 1), 0);
    const struct bda_terrain terrain = terrain_of(&arena, &host, region);
    uint32_t legs = 1;
    while (bda_landmarks_find(&terrain, RANGES - 1, false) == 0)
        legs++;
    assert_int_equal(legs, RANGES / BDA_LANDMARK_WALK + 1);
    bda_landmarks_forget(&landmarks[region], &charts);
    assert_int_not_equal(bda_landmarks_find(&terrain, RANGES - 1, true), 0);
    drop_landmarks(&host);
    arena_close(&arena);
}

/* An area that got its slots when it held few ranges: what a leg has walked is marked where the next one begins, or it
 * would go the same way again and again. */
static void every_leg_begins_where_the_last_one_ended(void **state) {
    (void)state;
    enum { AREA = 1 << BDA_AREA_LOG2, FEW = 8, AREAS = 3 };
    static uint32_t taken[FEW * AREAS];
    struct arena arena;
    struct bda_host host = { 0 };
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    uint32_t region = arena_add(&arena, 0, AREAS * AREA);
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = arena_take(&arena, AREA / FEW);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_not_equal(find(&arena, &host, region, i * 7919 % (AREAS * AREA)), 0);
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        assert_int_equal(guess(&arena, region, i * (AREA / FEW) + 1), taken[i]);
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        arena_free(&arena, taken[i]);
    for (uint32_t i = 0; i < AREAS * AREA; i++)
        assert_int_not_equal(arena_take(&arena, 1), 0);
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t offset = (i * 48611 + i % 2 * AREA) % (AREAS * AREA), legs = 1;
        const struct bda_terrain terrain = terrain_of(&arena, &host, region);
        while (bda_landmarks_find(&terrain, offset, false) == 0 && legs < 1000)
            legs++;
        assert_in_range(legs, 1, AREAS * AREA / BDA_LANDMARK_WALK + 1);
    }
    drop_landmarks(&host);
    arena_close(&arena);
}

/* Whoever has no lock is led there at once, once somebody has looked, whatever changed since then in between. */
static void guesses_are_right_once_somebody_looked(void **state) {
    (void)state;
    struct arena arena;
    struct bda_host host = { 0 };
    uint64_t seed = 9;
    bool filling = true;
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    uint32_t region = arena_add(&arena, 0, 1 << 19);
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t step = 0; step < 20000; step++)
            live_a_little(&arena, &seed, &filling);
        uint32_t taken = 0, right = 0;
        for (uint32_t pass = 0; pass < 4; pass++) { /* what is looked for twice has been put right */
            uint32_t index = arena_region(&arena, region)->first;
            taken = right = 0;
            for (; index != 0; index = bda_node_next(arena_node(&arena, index))) {
                uint32_t offset = bda_node_offset(arena_node(&arena, index));
                if (bda_node_state(arena_node(&arena, index)) == BDA_NODE_FREE)
                    continue;
                taken++;
                right += guess(&arena, region, offset) == index;
                assert_int_equal(find(&arena, &host, region, offset), index);
            }
        }
        assert_true(taken > 1000);
        assert_in_range(right, taken - taken / 20, taken);
    }
    drop_landmarks(&host);
    arena_close(&arena);
}

/* What a chart has no entries for is no entry near the end of its area: look-ups of the last granule of one, and those
 * that come from there into the next, went through all of the region, and took the charts on their way with them. */
static void the_end_of_an_area_is_near_its_last_range(void **state) {
    (void)state;
    enum { AREA = 1 << BDA_AREA_LOG2, AREAS = 8, SIZE = 16 };
    struct arena arena;
    struct bda_host host = { 0 };
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    uint32_t region = arena_add(&arena, 0, AREAS * AREA), right = 0;
    while (arena_take(&arena, SIZE) != 0) {}
    for (uint32_t offset = 0; offset < 2 * AREAS * AREA; offset += SIZE)
        (void)find(&arena, &host, region, offset % (AREAS * AREA));
    const struct bda_terrain terrain = terrain_of(&arena, &host, region);
    for (uint32_t end = AREAS * AREA; end != 0; end -= AREA) {
        uint32_t index = bda_landmarks_find(&terrain, end - 1, false);
        assert_int_not_equal(index, 0);
        assert_int_equal(bda_node_offset(arena_node(&arena, index)), end - SIZE);
    }
    for (uint32_t offset = 0; offset < AREAS * AREA; offset += SIZE)
        right += guess(&arena, region, offset) == find(&arena, &host, region, offset);
    for (uint32_t end = AREA; end <= AREAS * AREA; end += AREA) /* where slots without an entry say that they are */
        assert_int_equal(guess(&arena, region, end - 1), find(&arena, &host, region, end - 1));
    assert_int_equal(right, AREAS * AREA / SIZE);
    drop_landmarks(&host);
    arena_close(&arena);
}

/* By one landmark in their middle, charts of half a line, of one and of leaves. */
static void an_area_has_landmarks_for_all_its_ranges_however_few(void **state) {
    (void)state;
    enum { AREA = 1 << BDA_AREA_LOG2 };
    for (uint32_t count = 2; count <= 200; count++) {
        struct arena arena;
        struct bda_host host = { 0 };
        uint32_t right = 0, size = AREA / count;
        arena_open(&arena, GRANULE_LOG2);
        make_charts(&host);
        uint32_t region = arena_add(&arena, 0, AREA);
        for (uint32_t i = 0; i < count; i++)
            assert_int_not_equal(arena_take(&arena, size), 0);
        for (uint32_t i = 0; i < 200; i++)
            assert_int_not_equal(find(&arena, &host, region, i * 7919 % AREA), 0);
        for (uint32_t i = 0; i < count; i++)
            right += guess(&arena, region, i * size) == find(&arena, &host, region, i * size);
        assert_int_equal(right, count);
        drop_landmarks(&host);
        arena_close(&arena);
    }
}

/* Fills an area with ranges of so many granules, every third of them free, and looks all of it up. `phantoms` are nodes
 * of others. Returns how many of them the area's chart names; `seen`: how many are found without a lock, of `taken`. */
struct charted {
    uint32_t named, seen, taken;
    uint32_t last, mark; /* the last of them, and the area's landmark after it was looked up */
};
static struct charted chart_an_area(uint32_t size, uint32_t phantoms) {
    enum { AREA = 1 << BDA_AREA_LOG2 };
    static uint32_t taken[AREA / 64];
    struct charted result = { .named = 0, .seen = 0, .taken = 0 };
    struct arena arena;
    struct bda_host host = { 0 };
    struct bda_directory *directory = NULL;
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    if (phantoms != 0)
        directory = add_phantoms(&arena, phantoms);
    uint32_t region = arena_add(&arena, 0, AREA), count = AREA / size;
    for (uint32_t i = 0; i < count; i++)
        taken[i] = arena_take(&arena, size);
    for (uint32_t i = 0; i < count; i += 3)
        arena_free(&arena, taken[i]);
    for (uint32_t pass = 0; pass < 4; pass++)
        for (uint32_t i = 0; i < count; i++)
            (void)find(&arena, &host, region, (i * 7 % count) * size);
    for (uint32_t i = 0; i < count; i++) {
        if (i % 3 == 0)
            continue;
        result.taken++;
        result.named += bda_landmarks_named(atomic_load(&landmarks[region]), &charts, i * size) == taken[i];
        result.seen += guess(&arena, region, i * size) == taken[i];
    }
    result.last = taken[count - 1];
    (void)find(&arena, &host, region, (count - 1) * size);
    result.mark = atomic_load(&atomic_load(&landmarks[region])->marks[0]);
    drop_landmarks(&host);
    if (phantoms != 0)
        remove_phantoms(&arena, directory, phantoms);
    arena_close(&arena);
    return result;
}

/* The more nodes there are, the colder they lie, and the more of them stand on charts; all are found near an entry. */
static void a_chart_names_one_range_of_a_stride(void **state) {
    (void)state;
    const struct {
        uint32_t phantoms, stride;
    } cases[] = { { 0, 4 }, { BDA_FEW_NODES, 2 }, { BDA_MANY_NODES, 1 }, { BDA_CHART_NODES / 2, 1 } };
    for (uint32_t i = 0; i < COUNT_OF(cases); i++)
        for (uint32_t size = 64; size <= 512; size *= 2) {
            const struct charted charted = chart_an_area(size, cases[i].phantoms);
            uint32_t wanted = (charted.taken - 1) / cases[i].stride + 1;
            assert_in_range(charted.named, wanted, wanted + wanted / 10);
            assert_int_equal(charted.seen, charted.taken);
        }
}

/* Two words of a chart, read without the lock, may be of two entries. */
static void a_chart_may_say_what_is_no_node(void **state) {
    (void)state;
    enum { COUNT = 20, SIZE = 100 };
    struct arena arena;
    struct bda_host host = { 0 };
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    uint32_t region = arena_add(&arena, 0, COUNT * SIZE);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_not_equal(arena_take(&arena, SIZE), 0);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_not_equal(find(&arena, &host, region, (i * 7 % COUNT) * SIZE), 0);
    const struct bda_chart chart = chart_of(region, 0);
    uint32_t first = bda_chart_node(&chart, 0);
    assert_int_equal(guess(&arena, region, 5), first);
    bda_chart_set(&chart, 0, 0, BDA_CHART_NODES - 1);
    assert_int_equal(guess(&arena, region, 5), 0);
    bda_chart_set(&chart, 0, 0, first);
    drop_landmarks(&host);
    arena_close(&arena);
}

/* What no chart can name is found, by who has the lock. */
static void ranges_of_later_nodes_are_found_by_walks(void **state) {
    (void)state;
    for (uint32_t size = 64; size <= 512; size *= 2) {
        const struct charted charted = chart_an_area(size, BDA_CHART_NODES);
        assert_in_range(charted.named, 0, 1);
        assert_in_range(charted.seen, 1, charted.taken - 1);
        assert_int_equal(charted.mark, charted.last); /* and no survey, which would lead no nearer */
    }
}

static _Atomic bool over;

static void *guess_anywhere(void *context) {
    struct arena *arena = context;
    uint64_t seed = 3;
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        uint32_t index = guess(arena, arena->added[0], random_below(&seed, 1 << 16));
        struct bda_node_view view;
        if (index != 0)
            (void)bda_node_view(arena_node(arena, index), arena->added[0], &view);
    }
    return NULL;
}

/* For the thread sanitizer: an entry may name a node whose chunk came after whoever reads it last met anybody. */
static void whoever_has_no_lock_is_led_to_nodes_that_are_there(void **state) {
    (void)state;
    enum { FIRST = 40, RANGES = 6000, SIZE = 8 };
    struct arena arena;
    struct bda_host host = { 0 };
    pthread_t guesser;
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    uint32_t region = arena_add(&arena, 0, 1 << BDA_AREA_LOG2);
    for (uint32_t i = 0; i < FIRST; i++)
        assert_int_not_equal(arena_take(&arena, SIZE), 0);
    for (uint32_t i = 0; i < FIRST * 4; i++)
        assert_int_not_equal(find(&arena, &host, region, i % FIRST * SIZE), 0);
    assert_int_equal(pthread_create(&guesser, NULL, guess_anywhere, &arena), 0);
    for (uint32_t i = FIRST; i < RANGES; i++) {
        assert_int_not_equal(arena_take(&arena, SIZE), 0);
        (void)find(&arena, &host, region, i * SIZE);
    }
    atomic_store(&over, true);
    assert_int_equal(pthread_join(guesser, NULL), 0);
    drop_landmarks(&host);
    arena_close(&arena);
}

/* One look-up is enough for what has changed: in the place of what was there, beside it, and where the range is another
 * node's; and where so many have come that they are not near any more, as long as there is space for them. */
static void what_a_chart_says_wrong_is_put_right_at_once(void **state) {
    (void)state;
    enum { COUNT = 38 };
    struct arena arena;
    struct bda_host host = { 0 };
    uint32_t taken[COUNT];
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    struct bda_directory *phantoms = add_phantoms(&arena, BDA_MANY_NODES);
    uint32_t region = arena_add(&arena, 0, COUNT * 20);
    for (uint32_t i = 0; i < COUNT; i++)
        taken[i] = arena_take(&arena, 20);
    for (uint32_t i = 0; i < 10 * COUNT; i++)
        (void)find(&arena, &host, region, i * 7 % (COUNT * 20));
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(guess(&arena, region, i * 20 + 19), taken[i]);
    arena_free(&arena, taken[9]);
    arena_free(&arena, taken[17]);
    arena_free(&arena, taken[16]);
    for (uint32_t i = 0; i < 6; i++) { /* of 10 each, in whichever of the holes */
        uint32_t index = arena_take(&arena, 10), offset = bda_node_offset(arena_node(&arena, index));
        assert_int_equal(find(&arena, &host, region, offset + 3), index);
        assert_int_equal(guess(&arena, region, offset + 9), index);
    }
    arena_free(&arena, taken[COUNT - 1]);
    arena_free(&arena, taken[COUNT - 2]);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t index = arena_take(&arena, 4), offset = bda_node_offset(arena_node(&arena, index));
        assert_int_equal(find(&arena, &host, region, offset + 3), index);
        assert_int_equal(guess(&arena, region, offset + 2), index);
    }
    drop_landmarks(&host);
    remove_phantoms(&arena, phantoms, BDA_MANY_NODES);
    arena_close(&arena);
}

/* What lies where many were, and is found by whichever of its bytes. */
static void a_range_over_many_entries_is_led_to_from_each(void **state) {
    (void)state;
    enum { COUNT = 60, SIZE = 20, FIRST = 15, FREED = 30 };
    struct arena arena;
    struct bda_host host = { 0 };
    uint32_t taken[COUNT];
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    struct bda_directory *phantoms = add_phantoms(&arena, BDA_MANY_NODES);
    uint32_t region = arena_add(&arena, 0, COUNT * SIZE);
    for (uint32_t i = 0; i < COUNT; i++)
        taken[i] = arena_take(&arena, SIZE);
    for (uint32_t i = 0; i < 2 * COUNT; i++)
        (void)find(&arena, &host, region, i * 7 % COUNT * SIZE);
    for (uint32_t i = FIRST; i < FIRST + FREED; i++)
        arena_free(&arena, taken[i]);
    uint32_t large = arena_take(&arena, FREED * SIZE), begin = bda_node_offset(arena_node(&arena, large));
    assert_int_equal(begin, FIRST * SIZE);
    for (uint32_t offset = FREED * SIZE; offset-- > 0;) {
        assert_int_equal(find(&arena, &host, region, begin + offset), large);
        assert_int_equal(guess(&arena, region, begin + offset), large);
    }
    drop_landmarks(&host);
    remove_phantoms(&arena, phantoms, BDA_MANY_NODES);
    arena_close(&arena);
}

/* However few they are, and wherever the next size of a chart begins. */
static void free_ranges_between_taken_ones_are_no_hindrance(void **state) {
    (void)state;
    enum { AREA = 1 << BDA_AREA_LOG2, MOST = 80 };
    const uint32_t nodes[] = { 0, BDA_FEW_NODES, BDA_MANY_NODES };
    for (uint32_t i = 0; i < COUNT_OF(nodes); i++)
        for (uint32_t count = 1; count <= MOST; count++) {
            struct arena arena;
            struct bda_host host = { 0 };
            struct bda_directory *phantoms = NULL;
            uint32_t taken[2 * MOST], size = AREA / (2 * count);
            arena_open(&arena, GRANULE_LOG2);
            make_charts(&host);
            if (nodes[i] != 0)
                phantoms = add_phantoms(&arena, nodes[i]);
            uint32_t region = arena_add(&arena, 0, AREA);
            for (uint32_t k = 0; k < 2 * count; k++)
                taken[k] = arena_take(&arena, size);
            for (uint32_t k = 0; k < 2 * count; k += 2)
                arena_free(&arena, taken[k]);
            for (uint32_t k = 0; k < 6 * count; k++)
                (void)find(&arena, &host, region, (k % count * 2 + 1) * size);
            for (uint32_t k = 1; k < 2 * count; k += 2)
                if (guess(&arena, region, k * size) != taken[k])
                    fail_msg("%u nodes, %u ranges: number %u is not seen", nodes[i], count, k / 2);
            drop_landmarks(&host);
            if (phantoms != NULL)
                remove_phantoms(&arena, phantoms, nodes[i]);
            arena_close(&arena);
        }
}

static void a_chart_goes_with_all_that_it_named(void **state) {
    (void)state;
    enum { AREA = 1 << BDA_AREA_LOG2, COUNT = 64, SIZE = AREA / COUNT, AREAS = 3 };
    struct arena arena;
    struct bda_host host = { 0 };
    static uint32_t taken[AREAS * COUNT];
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    uint32_t region = arena_add(&arena, 0, AREAS * AREA);
    for (uint32_t i = 0; i < AREAS * COUNT; i++)
        taken[i] = arena_take(&arena, SIZE);
    for (uint32_t i = 0; i < 2 * AREAS * COUNT; i++)
        (void)find(&arena, &host, region, i % (AREAS * COUNT) * SIZE);
    assert_true(chart_of(region, AREAS - 1).slots >= COUNT / 4);
    for (uint32_t i = 0; i < AREAS * COUNT; i++)
        arena_free(&arena, taken[i]);
    uint32_t whole = find(&arena, &host, region, 2 * AREA + 5);
    assert_int_equal(atomic_load(&atomic_load(&landmarks[region])->marks[2]), whole);
    drop_landmarks(&host);
    arena_close(&arena);
}

/* More ranges than the largest chart has room for: every second one or fewer stand on it. */
static void a_crowded_area_is_charted_in_part(void **state) {
    (void)state;
    enum { RANGES = 1 << BDA_AREA_LOG2 };
    struct arena arena;
    struct bda_host host = { 0 };
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    uint32_t region = arena_add(&arena, 0, RANGES), right = 0;
    for (uint32_t i = 0; i < RANGES; i++)
        assert_int_not_equal(arena_take(&arena, 1), 0);
    for (uint32_t i = 0; i < RANGES; i += 7)
        assert_int_equal(bda_node_offset(arena_node(&arena, find(&arena, &host, region, i))), i);
    for (uint32_t i = 0; i < RANGES - 1; i++) { /* the last one begins at BDA_CHART_NOWHERE */
        uint32_t named = bda_landmarks_named(atomic_load(&landmarks[region]), &charts, i);
        assert_int_not_equal(named, 0);
        assert_in_range(i - bda_node_offset(arena_node(&arena, named)), 0, 32);
        right += bda_node_offset(arena_node(&arena, named)) == i;
    }
    assert_true(right > RANGES / 32);
    const struct bda_chart chart = chart_of(region, 0);
    chart.halves[0].credit = 7;
    for (uint32_t i = 0; i < RANGES - 1; i++) /* nothing is to be gained by another survey, which would take long */
        assert_int_equal(bda_node_offset(arena_node(&arena, find(&arena, &host, region, i))), i);
    assert_int_equal(chart.halves[0].credit, 7);
    drop_landmarks(&host);
    arena_close(&arena);
}

/* No walk turns around, or passes a range twice, so it ends even where links lead in a circle. */
static void a_walk_ends_whatever_the_links_say(void **state) {
    (void)state;
    struct arena arena;
    struct bda_host host = { 0 };
    uint32_t taken[4];
    arena_open(&arena, GRANULE_LOG2);
    make_charts(&host);
    uint32_t region = arena_add(&arena, 0, 1000);
    for (uint32_t i = 0; i < 4; i++)
        taken[i] = arena_take(&arena, 10);
    const struct bda_terrain terrain = terrain_of(&arena, &host, region);
    struct bda_node *third = arena_node(&arena, taken[2]);
    const bda_link next = third->next, previous = third->previous;
    third->next = bda_link_to(taken[0], false);
    assert_int_equal(bda_landmarks_find(&terrain, 500, true), 0);
    third->next = bda_link_to(taken[2], false);
    assert_int_equal(bda_landmarks_find(&terrain, 500, true), 0);
    third->next = next;
    assert_int_equal(bda_landmarks_find(&terrain, 500, true), bda_node_next(arena_node(&arena, taken[3])));
    bda_landmarks_forget(&landmarks[region], &charts);
    assert_int_equal(bda_landmarks_find(&terrain, 35, true), taken[3]);
    third->previous = bda_link_to(taken[3], false);
    assert_int_equal(bda_landmarks_find(&terrain, 5, true), 0);
    third->previous = previous;
    assert_int_equal(bda_landmarks_find(&terrain, 5, true), taken[0]);
    drop_landmarks(&host);
    arena_close(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(look_ups_agree_with_a_walk_from_the_beginning),
        cmocka_unit_test(they_agree_where_host_memory_is_refused),
        cmocka_unit_test(a_landmark_does_not_follow_its_node_to_another_pool),
        cmocka_unit_test(walks_are_short_once_there_are_landmarks),
        cmocka_unit_test(a_long_way_is_gone_in_legs),
        cmocka_unit_test(every_leg_begins_where_the_last_one_ended),
        cmocka_unit_test(the_end_of_an_area_is_near_its_last_range),
        cmocka_unit_test(an_area_has_landmarks_for_all_its_ranges_however_few),
        cmocka_unit_test(a_chart_names_one_range_of_a_stride),
        cmocka_unit_test(a_chart_may_say_what_is_no_node),
        cmocka_unit_test(ranges_of_later_nodes_are_found_by_walks),
        cmocka_unit_test(guesses_are_right_once_somebody_looked),
        cmocka_unit_test(whoever_has_no_lock_is_led_to_nodes_that_are_there),
        cmocka_unit_test(what_a_chart_says_wrong_is_put_right_at_once),
        cmocka_unit_test(a_range_over_many_entries_is_led_to_from_each),
        cmocka_unit_test(free_ranges_between_taken_ones_are_no_hindrance),
        cmocka_unit_test(a_chart_goes_with_all_that_it_named),
        cmocka_unit_test(a_crowded_area_is_charted_in_part),
        cmocka_unit_test(a_walk_ends_whatever_the_links_say),
    };
    return cmocka_run_group_tests_name("landmarks", tests, NULL, NULL);
}
