/* src/memory/block_map.c: blocks by address, in order, whoever comes and goes, and readers see none that is not there.
 */
#include "core_support.h"

#include "memory/block_map.h"

#include <pthread.h>

enum { MANY = 500, STRIDE = 1 << 16 };

/* Number i of a hundred shuffled ones: 37 and 500 have no factor in common. */
static uint32_t shuffled(uint32_t i) {
    return i * 37 % MANY;
}

static struct bda_place place_of(uint32_t i) {
    return (struct bda_place){ .base = (uint64_t)(i + 1) * STRIDE,
                               .length = STRIDE - 16,
                               .buffer_bytes = i,
                               .mapped = (unsigned char *)(uintptr_t)(i * 2 + 1),
                               .block = i + 1 };
}

static void assert_is_place(const struct bda_place *place, uint32_t i) {
    const struct bda_place wanted = place_of(i);
    assert_true(place->base == wanted.base && place->length == wanted.length && place->block == wanted.block);
    assert_true(place->buffer_bytes == wanted.buffer_bytes && place->mapped == wanted.mapped);
}

static void fill(struct bda_block_map *map, uint32_t count) {
    assert_true(bda_block_map_reserve(map, count));
    for (uint32_t i = 0; i < MANY; i++) {
        const struct bda_place place = place_of(shuffled(i));
        if (shuffled(i) < count)
            bda_block_map_add(map, &place);
    }
}

static void an_empty_map_has_nothing(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_block_map map;
    struct bda_place place = { 0 };
    bda_block_map_init(&map, &host);
    for (uint32_t turn = 0; turn < 2; turn++) {
        assert_int_equal(bda_block_map_below(&map, UINT64_MAX, &place), BDA_MAP_NONE);
        assert_int_equal(bda_block_map_above(&map, 0, &place), BDA_MAP_NONE);
        assert_true(bda_block_map_reserve(&map, 3));
    }
    bda_block_map_destroy(&map);
    assert_int_equal(host.bytes, 0);
}

static void every_address_finds_the_blocks_below_and_above(void **state) {
    (void)state;
    for (uint32_t count = 1; count <= MANY; count += count < 10 ? 1 : 49) {
        struct bda_host host = { 0 };
        struct bda_block_map map;
        struct bda_place place = { 0 };
        bda_block_map_init(&map, &host);
        fill(&map, count);
        assert_int_equal(bda_block_map_below(&map, STRIDE - 1, &place), BDA_MAP_NONE);
        assert_int_equal(bda_block_map_above(&map, (uint64_t)count * STRIDE, &place), BDA_MAP_NONE);
        for (uint32_t i = 0; i < count; i++) {
            const uint64_t inside[] = { 0, 1, STRIDE - 1 };
            for (uint32_t k = 0; k < COUNT_OF(inside); k++) {
                assert_int_equal(bda_block_map_below(&map, (uint64_t)(i + 1) * STRIDE + inside[k], &place),
                                 BDA_MAP_FOUND);
                assert_is_place(&place, i);
                if (i + 1 == count)
                    continue;
                assert_int_equal(bda_block_map_above(&map, (uint64_t)(i + 1) * STRIDE + inside[k], &place),
                                 BDA_MAP_FOUND);
                assert_is_place(&place, i + 1);
            }
        }
        bda_block_map_destroy(&map);
        assert_int_equal(host.bytes, 0);
    }
}

/* Bases far apart and close together, down to 0 and up to the last address but some: no stretch of them is like
 * another.
 */
static void blocks_lie_wherever_they_lie(void **state) {
    (void)state;
    static uint64_t bases[MANY];
    struct bda_host host = { 0 };
    struct bda_block_map map;
    struct bda_place place = { 0 };
    uint64_t seed = 4, base = 0;
    bda_block_map_init(&map, &host);
    for (uint32_t i = 0; i < MANY; i++) {
        bases[i] = i + 1 < MANY ? base : UINT64_MAX - 15;
        base += 16 + ((uint64_t)random_below(&seed, 1000) << random_below(&seed, i % 100 == 0 ? 46 : 12));
    }
    for (uint32_t turn = 0, count = 0; turn < 3 * MANY; turn++) { /* each comes, goes, and comes again */
        uint32_t i = turn * 37 % MANY;
        assert_true(bda_block_map_reserve(&map, count + 1));
        if (turn / MANY == 1) {
            bda_block_map_remove(&map, bases[i], i + 1);
            count--;
            continue;
        }
        place = (struct bda_place){ .base = bases[i], .length = 16, .block = i + 1 };
        bda_block_map_add(&map, &place);
        count++;
        assert_int_equal(bda_block_map_below(&map, bases[i], &place), BDA_MAP_FOUND);
        assert_int_equal(place.block, i + 1);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(bda_block_map_below(&map, bases[i] + 15, &place), BDA_MAP_FOUND);
        assert_int_equal(place.block, i + 1);
        if (i == 0)
            continue;
        assert_int_equal(bda_block_map_below(&map, bases[i] - 1, &place), BDA_MAP_FOUND);
        assert_int_equal(place.block, i);
        assert_int_equal(bda_block_map_above(&map, bases[i] - 1, &place), BDA_MAP_FOUND);
        assert_int_equal(place.block, i + 1);
    }
    bda_block_map_destroy(&map);
}

static void landmarks_are_those_that_were_told_last(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_block_map map;
    struct bda_place place = { 0 };
    char some[2];
    bda_block_map_init(&map, &host);
    fill(&map, 5);
    for (uint32_t i = 0; i < COUNT_OF(some); i++) {
        bda_block_map_tell(&map, place_of(2).base, place_of(2).block, (struct bda_landmarks *)&some[i]);
        assert_int_equal(bda_block_map_below(&map, place_of(2).base, &place), BDA_MAP_FOUND);
        assert_ptr_equal(place.landmarks, &some[i]);
    }
    bda_block_map_remove(&map, place_of(0).base,
                         place_of(0).block); /* the others move up, with what is known of them */
    for (uint32_t i = 1; i < 5; i++) {
        assert_int_equal(bda_block_map_below(&map, place_of(i).base, &place), BDA_MAP_FOUND);
        assert_ptr_equal(place.landmarks, i == 2 ? &some[1] : NULL);
    }
    bda_block_map_destroy(&map);
}

static void blocks_go_and_their_addresses_come_again(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_block_map map;
    struct bda_place place = { 0 };
    bda_block_map_init(&map, &host);
    fill(&map, MANY);
    for (uint32_t i = 0; i < MANY; i += 2)
        bda_block_map_remove(&map, place_of(i).base, place_of(i).block);
    for (uint32_t i = 1; i < MANY; i += 2) {
        assert_int_equal(bda_block_map_below(&map, place_of(i).base, &place), BDA_MAP_FOUND);
        assert_is_place(&place, i);
        assert_int_equal(bda_block_map_below(&map, place_of(i).base + STRIDE, &place), BDA_MAP_FOUND);
        assert_is_place(&place, i);
    }
    place = place_of(2);
    place.block = 77;
    bda_block_map_add(&map, &place);
    assert_int_equal(bda_block_map_below(&map, place_of(2).base + 5, &place), BDA_MAP_FOUND);
    assert_int_equal(place.block, 77);
    bda_block_map_destroy(&map);
}

/* Two at one address: nothing promises that there are none. */
static void of_two_blocks_at_one_address_the_right_one_goes(void **state) {
    (void)state;
    for (uint32_t gone = 0; gone < 2; gone++) {
        struct bda_host host = { 0 };
        struct bda_block_map map;
        bda_block_map_init(&map, &host);
        assert_true(bda_block_map_reserve(&map, 2));
        struct bda_place place = place_of(1);
        bda_block_map_add(&map, &place);
        place.block = 9;
        bda_block_map_add(&map, &place);
        bda_block_map_remove(&map, place.base, gone == 0 ? 9 : 2);
        assert_int_equal(bda_block_map_below(&map, place.base, &place), BDA_MAP_FOUND);
        assert_int_equal(place.block, gone == 0 ? 2 : 9);
        bda_block_map_destroy(&map);
    }
}

static void refused_host_memory_leaves_the_map_as_it_was(void **state) {
    (void)state;
    struct limited_host limited;
    struct bda_block_map map;
    struct bda_place place = { 0 };
    limited_host_init(&limited, 0);
    bda_block_map_init(&map, &limited.host);
    assert_false(bda_block_map_reserve(&map, 1));
    limited.allowed = 1;
    fill(&map, 8);
    assert_false(bda_block_map_reserve(&map, 9));
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(bda_block_map_below(&map, place_of(i).base, &place), BDA_MAP_FOUND);
        assert_is_place(&place, i);
    }
    bda_block_map_destroy(&map);
    assert_host_is_empty(&limited);
}

/* ---- Threads ---- */

static struct bda_block_map shared;
static _Atomic bool over;
static _Atomic uint32_t seen, wrong;

/* The odd ones stay: they are found always. Of the even ones, none has the word of another. */
static void *read_on(void *context) {
    uint64_t seed = (uintptr_t)context;
    while (!atomic_load(&over)) {
        uint32_t i = random_below(&seed, MANY);
        struct bda_place place = { 0 };
        enum bda_map_answer answer = bda_block_map_below(&shared, place_of(i).base + 5, &place);
        if (answer == BDA_MAP_CHANGING)
            continue;
        bool found = answer == BDA_MAP_FOUND && place.block == i + 1;
        if (i % 2 != 0 && !found)
            atomic_fetch_add(&wrong, 1);
        uint32_t other = answer == BDA_MAP_FOUND ? place.block - 1 : 0;
        if (answer == BDA_MAP_FOUND && (other > i || place.base != place_of(other).base ||
                                        place.buffer_bytes != other || place.mapped != place_of(other).mapped))
            atomic_fetch_add(&wrong, 1);
        atomic_fetch_add(&seen, 1);
    }
    return NULL;
}

static void readers_see_what_was_there_at_some_moment(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    pthread_t threads[2];
    bda_block_map_init(&shared, &host);
    for (uint32_t i = 1; i < MANY; i += 2) {
        const struct bda_place place = place_of(i);
        assert_true(bda_block_map_reserve(&shared, i));
        bda_block_map_add(&shared, &place);
    }
    for (uintptr_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, (void *)(i + 1)), 0);
    for (uint32_t turn = 0; turn < 20000 || (atomic_load(&seen) < 1000 && turn < 10000000); turn++) {
        const struct bda_place place = place_of(shuffled(turn % MANY) & ~1u);
        if (turn % 500 == 0)
            assert_true(bda_block_map_reserve(&shared, MANY + turn % 8000));
        bda_block_map_add(&shared, &place);
        bda_block_map_remove(&shared, place.base, place.block);
    }
    atomic_store(&over, true);
    for (uint32_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(wrong, 0);
    assert_true(seen >= 1000);
    bda_block_map_destroy(&shared);
    assert_int_equal(host.bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(every_address_finds_the_blocks_below_and_above),
        cmocka_unit_test(blocks_lie_wherever_they_lie),
        cmocka_unit_test(landmarks_are_those_that_were_told_last),
        cmocka_unit_test(blocks_go_and_their_addresses_come_again),
        cmocka_unit_test(of_two_blocks_at_one_address_the_right_one_goes),
        cmocka_unit_test(refused_host_memory_leaves_the_map_as_it_was),
        cmocka_unit_test(readers_see_what_was_there_at_some_moment),
    };
    return cmocka_run_group_tests_name("block_map", tests, NULL, NULL);
}
