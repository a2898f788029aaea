/*
 * core/tlsf.h: what the search guarantees. Each sentence of the comment at bda_tlsf_take is held against a naive
 * search that looks at every free range there is, in random states and in ones that are made for the sentence; and the
 * limit is shown, a request that is refused although a range that holds it is free.
 */
#include "core_support.h"

#include <string.h>

/* ---- The naive search ---- */

enum { MOST_FREE = 4096 };

struct free_range {
    uint32_t size, list, depth; /* how many stand before it in its list */
    bool holds;                 /* the request, padding included */
};

struct survey {
    struct free_range ranges[MOST_FREE];
    uint32_t count;
    bool list_is_filled[BDA_TLSF_LISTS];
};

static bool holds(struct arena *arena, uint32_t index, uint32_t size, uint64_t alignment) {
    uint64_t beyond = arena_address(arena, index) % alignment;
    uint64_t padding = beyond == 0 ? 0 : (alignment - beyond) >> arena->tlsf.granule_log2;
    return padding + size <= arena_node(arena, index)->size;
}

/* In the order in which the search comes to them: by class, by zone, by place in the list. */
static void look_at_all(struct arena *arena, uint32_t size, uint64_t alignment, struct survey *survey) {
    survey->count = 0;
    for (uint32_t list = 0; list < BDA_TLSF_LISTS; list++) {
        uint32_t depth = 0;
        for (uint32_t index = arena->tlsf.lists[list].first; index != 0; depth++) {
            const struct bda_node *node = arena_node(arena, index);
            assert_true(survey->count < MOST_FREE);
            survey->ranges[survey->count++] =
                (struct free_range){ node->size, list, depth, holds(arena, index, size, alignment) };
            index = node->as.list.next;
        }
        survey->list_is_filled[list] = depth != 0;
    }
}

static uint32_t first_list_of(uint32_t size) {
    return bda_tlsf_class_of(size) * BDA_TLSF_ZONES;
}

/* The first range of one of the few lists that `near` looks into. */
static bool near_comes_to(const struct survey *survey, const struct free_range *range, uint32_t size) {
    uint32_t from = first_list_of(size), before = 0;
    if (range->list < from || range->list / 64 != from / 64 || range->depth != 0)
        return false;
    for (uint32_t list = from; list < range->list; list++)
        before += survey->list_is_filled[list];
    return before < BDA_TLSF_NEAR_TRIES;
}

static bool low_comes_to(const struct arena *arena, const struct free_range *range, uint32_t size, uint64_t alignment) {
    return range->size >= bda_tlsf_round_up(size + (alignment >> arena->tlsf.granule_log2) - 1);
}

struct verdict {
    bool near, low, last; /* which part of the search must find something */
    bool fits;            /* something, anywhere */
};

static struct verdict judge(struct arena *arena, uint32_t size, uint64_t alignment) {
    static struct survey survey;
    struct verdict verdict = { false, false, false, false };
    uint32_t looked_at = 0;
    look_at_all(arena, size, alignment, &survey);
    for (uint32_t i = 0; i < survey.count; i++) {
        const struct free_range *range = &survey.ranges[i];
        verdict.fits |= range->holds;
        verdict.near |= range->holds && near_comes_to(&survey, range, size);
        verdict.low |= low_comes_to(arena, range, size, alignment);
        if (range->list >= first_list_of(size) && looked_at++ < BDA_TLSF_EXACT_TRIES)
            verdict.last |= range->holds;
    }
    assert_true(verdict.fits || !verdict.low); /* what is as large as that holds the request wherever it lies */
    return verdict;
}

/* Asks for a range and gives it back. A refusal must be allowed and change nothing, an answer must be right. */
static struct verdict probe(struct arena *arena, uint32_t size, uint64_t alignment) {
    struct verdict verdict = judge(arena, size, alignment);
    uint64_t free_granules = arena->tlsf.free_granules;
    uint32_t ranges = arena_linked_nodes(arena), node = arena_alloc(arena, size, alignment);
    if (node == 0) {
        if (verdict.near || verdict.low || verdict.last)
            fail_msg("%u granules at %llu bytes were refused, near %d low %d last %d", size,
                     (unsigned long long)alignment, verdict.near, verdict.low, verdict.last);
        assert_int_equal(arena_linked_nodes(arena), ranges);
    } else {
        assert_true(verdict.fits);
        assert_in_range(arena_node(arena, node)->size, size, size + bda_tlsf_sliver(size));
        assert_int_equal(arena_address(arena, node) % alignment, 0);
        arena_free(arena, node);
    }
    assert_int_equal(arena->tlsf.free_granules, free_granules);
    return verdict;
}

/* ---- Random states ---- */

static uint32_t draw(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* Every power of two of sizes is as likely as the next. */
static uint32_t draw_size(uint64_t *seed, uint32_t most_log2) {
    uint32_t low = 1u << draw(seed) % most_log2;
    return low + draw(seed) % low;
}

static uint64_t draw_alignment(uint64_t *seed) {
    return (uint64_t)GRANULE << draw(seed) % 8;
}

enum { HELD = 512 };

/* Three regions that begin at odd places, filled, and then stirred until they are full of holes. */
static void make_holes(struct arena *arena, uint64_t *seed) {
    uint32_t held[HELD] = { 0 };
    arena_open(arena, GRANULE_LOG2);
    arena_add(arena, 0x12340, 9001);
    arena_add(arena, 0x7F0000000050, 16384);
    arena_add(arena, 0xFFFFF80000000010, 3000);
    for (uint32_t step = 0; step < 12 * HELD; step++) {
        uint32_t slot = draw(seed) % HELD;
        if (held[slot] != 0)
            arena_free(arena, held[slot]);
        held[slot] = arena_alloc(arena, draw_size(seed, 8), draw_alignment(seed));
    }
    assert_arena_is_sound(arena);
}

static void random_states_refuse_nothing_that_the_search_covers(void **state) {
    (void)state;
    uint32_t covered = 0, refusable = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct arena arena;
        uint64_t draws = seed;
        make_holes(&arena, &draws);
        for (uint32_t i = 0; i < 400; i++) {
            struct verdict verdict = probe(&arena, draw_size(&draws, 10), draw_alignment(&draws));
            bool must = verdict.near || verdict.low || verdict.last;
            covered += must;
            refusable += !must;
        }
        arena_close_sound(&arena);
    }
    assert_in_range(covered, 500, 4300); /* both were asked for */
    assert_in_range(refusable, 500, 4300);
}

/* ---- States made for a sentence ---- */

enum { STRIDE = 1024, ALIGNMENT = 128 * GRANULE, SIZE = 320 };

/* Frees a hole of sizes[i] granules, `shift` ones behind the i-th multiple of STRIDE, for each size; all else is taken.
 * The first size comes first in its list. All holes lie in the lowest zone. */
static void open_with_holes(struct arena *arena, const uint32_t *sizes, const uint32_t *shifts, uint32_t count) {
    uint32_t holes[64], region = arena_open_one(arena, 16 * count * STRIDE), end = 0;
    assert_true(count <= 64);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i * STRIDE + shifts[i];
        assert_true(at == end || arena_alloc_at(arena, region, end, at - end) != 0);
        holes[i] = arena_alloc_at(arena, region, at, sizes[i]);
        end = at + sizes[i];
    }
    assert_int_not_equal(arena_alloc_at(arena, region, end, 16 * count * STRIDE - end), 0);
    assert_int_equal(arena->tlsf.free_granules, 0);
    for (uint32_t i = count; i-- > 0;)
        arena_free(arena, holes[i]);
    assert_arena_is_sound(arena);
}

/* Near: one hole in each class from that of SIZE up, and only the one numbered `good` begins aligned. */
static void near_looks_at_the_first_range_of_each_close_list(void **state) {
    (void)state;
    enum { CLOSE = BDA_TLSF_NEAR_TRIES };
    assert_in_range(CLOSE, BDA_TLSF_EXACT_TRIES + 1, BDA_TLSF_CLASSES);
    assert_int_equal(first_list_of(SIZE) / 64, (first_list_of(SIZE) + CLOSE * BDA_TLSF_ZONES - 1) / 64);
    for (uint32_t good = 0; good < CLOSE; good++) {
        struct arena arena;
        uint32_t sizes[CLOSE], shifts[CLOSE];
        for (uint32_t i = 0; i < CLOSE; i++) {
            sizes[i] = i == 0 ? SIZE : (uint32_t)bda_tlsf_round_up(sizes[i - 1] + 1);
            shifts[i] = i == good ? 0 : 1;
            assert_int_equal(bda_tlsf_class_of(sizes[i]), bda_tlsf_class_of(SIZE) + i);
        }
        open_with_holes(&arena, sizes, shifts, CLOSE);
        struct verdict verdict = judge(&arena, SIZE, ALIGNMENT);
        assert_true(verdict.near && !verdict.low);
        assert_true(verdict.last == (good < BDA_TLSF_EXACT_TRIES));
        assert_range(&arena, arena_alloc(&arena, SIZE, ALIGNMENT), good * STRIDE, SIZE);
        arena_close_sound(&arena);
    }
}

/* Low: a single hole of just the size that suffices wherever it lies, at the worst place. */
static void low_finds_whatever_holds_the_request_with_any_padding(void **state) {
    (void)state;
    for (uint32_t size = 1; size < 400; size += 7)
        for (uint64_t alignment = GRANULE; alignment <= ALIGNMENT; alignment *= 2) {
            struct arena arena;
            uint32_t hole = (uint32_t)bda_tlsf_round_up(size + alignment / GRANULE - 1);
            open_with_holes(&arena, &hole, &(uint32_t){ 1 }, 1);
            assert_true(judge(&arena, size, alignment).low);
            uint32_t offset = alignment == GRANULE ? 1 : (uint32_t)(alignment / GRANULE);
            assert_taken(&arena, arena_alloc(&arena, size, alignment), offset, size);
            arena_close_sound(&arena);
        }
}

/* Holes of one class, all but the last a granule too small; the classes from 2 * BDA_TLSF_CLASSES on hold two sizes. */
static void open_with_small_ones_before(struct arena *arena, uint32_t before) {
    uint32_t sizes[64], shifts[64] = { 0 };
    for (uint32_t i = 0; i < before; i++)
        sizes[i] = 2 * BDA_TLSF_CLASSES;
    sizes[before] = 2 * BDA_TLSF_CLASSES + 1;
    assert_int_equal(bda_tlsf_class_of(sizes[0]), bda_tlsf_class_of(sizes[before]));
    open_with_holes(arena, sizes, shifts, before + 1);
}

static void last_looks_at_a_few_ranges_in_order(void **state) {
    (void)state;
    for (uint32_t before = 1; before < BDA_TLSF_EXACT_TRIES; before++) {
        struct arena arena;
        open_with_small_ones_before(&arena, before);
        struct verdict verdict = judge(&arena, 2 * BDA_TLSF_CLASSES + 1, GRANULE);
        assert_true(verdict.last && !verdict.near && !verdict.low);
        uint32_t node = arena_alloc(&arena, 2 * BDA_TLSF_CLASSES + 1, GRANULE);
        assert_range(&arena, node, before * STRIDE, 2 * BDA_TLSF_CLASSES + 1);
        arena_close_sound(&arena);
    }
}

/* The price of the bound: the only range that holds the request is one further down the list than is looked. */
static void what_lies_beyond_the_last_look_is_refused_although_it_fits(void **state) {
    (void)state;
    const uint32_t befores[] = { BDA_TLSF_EXACT_TRIES, BDA_TLSF_EXACT_TRIES + 1, 60 };
    for (uint32_t i = 0; i < COUNT_OF(befores); i++) {
        struct arena arena;
        open_with_small_ones_before(&arena, befores[i]);
        struct verdict verdict = probe(&arena, 2 * BDA_TLSF_CLASSES + 1, GRANULE);
        assert_true(verdict.fits && !verdict.near && !verdict.low && !verdict.last);
        assert_int_equal(arena_take(&arena, 2 * BDA_TLSF_CLASSES + 1), 0);
        uint32_t offset = befores[i] * STRIDE;
        assert_range(&arena, arena_alloc_at(&arena, arena.added[0], offset, 2 * BDA_TLSF_CLASSES + 1), offset,
                     2 * BDA_TLSF_CLASSES + 1);
        arena_close_sound(&arena);
    }
}

/* The same of alignment: of a close list only the first range is looked at, so one behind it that lies well is missed
 * once enough ranges stand before it. */
static void near_misses_what_is_not_first_in_its_list(void **state) {
    (void)state;
    for (uint32_t before = 0; before < 2 * BDA_TLSF_EXACT_TRIES; before++) {
        struct arena arena;
        uint32_t sizes[2 * BDA_TLSF_EXACT_TRIES + 1], shifts[2 * BDA_TLSF_EXACT_TRIES + 1];
        for (uint32_t i = 0; i <= before; i++) {
            sizes[i] = SIZE;
            shifts[i] = i == before ? 0 : 1;
        }
        open_with_holes(&arena, sizes, shifts, before + 1);
        assert_true(probe(&arena, SIZE, ALIGNMENT).fits);
        bool granted = arena_alloc(&arena, SIZE, ALIGNMENT) != 0;
        assert_true(granted == (before < BDA_TLSF_EXACT_TRIES));
        arena_close_sound(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_states_refuse_nothing_that_the_search_covers),
        cmocka_unit_test(near_looks_at_the_first_range_of_each_close_list),
        cmocka_unit_test(low_finds_whatever_holds_the_request_with_any_padding),
        cmocka_unit_test(last_looks_at_a_few_ranges_in_order),
        cmocka_unit_test(what_lies_beyond_the_last_look_is_refused_although_it_fits),
        cmocka_unit_test(near_misses_what_is_not_first_in_its_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
