/* src/core/ring.c: the last events of one writer, whole or not at all. */
#include "core_support.h"

#include "core/ring.h"

#include <pthread.h>
#include <stdlib.h>

/* In these tests the second word says how many notes an event has. */
static uint32_t notes_of(const struct bda_ring_slot *event) {
    return (uint32_t)event->words[1] & 3;
}

static void make(struct bda_ring *ring, uint64_t slots) {
    void *words = calloc(1, bda_ring_bytes(slots));
    assert_non_null(words);
    bda_ring_init(ring, slots, words);
}

static bool write_event(struct bda_ring *ring, uint64_t number, uint32_t count) {
    struct bda_ring_slot notes[BDA_RING_NOTES];
    for (uint32_t i = 0; i < BDA_RING_NOTES; i++)
        for (uint32_t k = 0; k < BDA_RING_WORDS; k++)
            notes[i].words[k] = number + 10u * (uint64_t)i;
    const struct bda_ring_slot event = { { number, count, number, number } };
    return count == 0 ? bda_ring_write(ring, number, 0, number, number)
                      : bda_ring_write_noted(ring, event, count, notes, true);
}

static bool is_whole(const struct bda_ring_slot *event, const struct bda_ring_slot *notes) {
    uint64_t number = event->words[0];
    bool whole = event->words[2] == number && event->words[3] == number;
    for (uint32_t i = 0; i < notes_of(event); i++)
        for (uint32_t k = 0; k < BDA_RING_WORDS; k++)
            whole = whole && notes[i].words[k] == number + 10u * (uint64_t)i;
    return whole;
}

/* Reads it all; the events are whole, the newest is `number`, and each is one less. Returns how many. */
static uint32_t read_all(struct bda_ring *ring, uint64_t number) {
    struct bda_ring_slot event, notes[BDA_RING_NOTES];
    struct bda_ring_reader reader;
    uint32_t count = 0;
    bda_ring_read(ring, &reader);
    for (; bda_ring_previous(&reader, notes_of, &event, notes); count++) {
        assert_true(is_whole(&event, notes));
        assert_int_equal(event.words[0], number - count);
    }
    return count;
}

static void what_is_written_is_read_backwards(void **state) {
    (void)state;
    for (uint64_t slots = 8; slots <= 64; slots *= 2)
        for (uint32_t count = 0; count <= BDA_RING_NOTES; count++) {
            struct bda_ring ring;
            make(&ring, slots);
            assert_int_equal(read_all(&ring, 0), 0);
            assert_false(bda_ring_has_lost(&ring));
            for (uint64_t i = 1; i <= 5 * slots; i++) {
                (void)write_event(&ring, i, count);
                uint64_t most = (slots - BDA_RING_NOTES) / (count + 1), fit = i < most ? i : most;
                uint32_t read = read_all(&ring, i);
                assert_true(read <= i && read + 1 >= fit);
                assert_int_equal(bda_ring_has_lost(&ring), read < i);
            }
            free(ring.words);
        }
}

static void events_of_all_lengths_mix(void **state) {
    (void)state;
    struct bda_ring ring;
    make(&ring, 16);
    uint64_t seed = 1;
    for (uint64_t i = 1; i < 1000; i++) {
        (void)write_event(&ring, i, random_below(&seed, BDA_RING_NOTES + 1));
        assert_true(read_all(&ring, i) >= (i < 4 ? i : 4));
    }
    free(ring.words);
}

static void each_turn_is_told_once(void **state) {
    (void)state;
    for (uint32_t count = 0; count <= BDA_RING_NOTES; count++) {
        struct bda_ring ring;
        make(&ring, 32);
        uint32_t told = 0;
        for (uint64_t i = 1; i <= 3000; i++)
            told += write_event(&ring, i, count);
        assert_int_equal(told, 3000 >> BDA_RING_TURN_LOG2);
        free(ring.words);
    }
}

/* Of events of all lengths, and those that do not count; and how many were complete with the last few. */
static void a_turn_is_so_many_events_that_count(void **state) {
    (void)state;
    static uint64_t turns_before[3001];
    struct bda_ring ring;
    struct bda_ring_reader reader;
    make(&ring, 32);
    uint64_t seed = 1, counted = 0, told = 0;
    while (counted < 3000) {
        uint32_t notes = random_below(&seed, BDA_RING_NOTES + 1);
        bool counts = notes == 0 || random_below(&seed, 3) != 0;
        const struct bda_ring_slot none[BDA_RING_NOTES] = { { { 0 } } };
        told += counts && notes == 0 ? bda_ring_write(&ring, 0, 0, 0, 0)
                                     : bda_ring_write_noted(&ring, none[0], notes, none, counts);
        counted += counts;
        turns_before[counted] = told;
        assert_int_equal(told, counted >> BDA_RING_TURN_LOG2);
        bda_ring_read(&ring, &reader);
        assert_int_equal(reader.begun, counted % (1 << BDA_RING_TURN_LOG2));
        for (uint64_t last = 0; last <= counted; last += 1 + last / 16)
            assert_int_equal(bda_ring_turns_in(&reader, last), told - turns_before[counted - last]);
    }
    free(ring.words);
}

static void a_ring_of_no_depth_keeps_nothing(void **state) {
    (void)state;
    struct bda_ring ring;
    make(&ring, 0);
    for (uint64_t i = 1; i <= 100; i++) {
        (void)write_event(&ring, i, (uint32_t)(i % 3));
        assert_int_equal(read_all(&ring, i), 0);
        assert_true(bda_ring_has_lost(&ring));
        uint64_t time = 0;
        bda_ring_write_birth(&ring, i, i);
        assert_false(bda_ring_find_birth(&ring, i, &time));
    }
    free(ring.words);
}

/* ---- While it is written ---- */

enum { EVENTS = 200000 };

static void *write_all(void *ring) {
    for (uint64_t i = 1; i <= EVENTS; i++)
        (void)write_event(ring, i, (uint32_t)(i * 7 % 3));
    return NULL;
}

static void readers_see_whole_events_in_order(void **state) {
    (void)state;
    struct bda_ring ring;
    make(&ring, 8);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_all, &ring), 0);
    uint64_t newest = 0;
    while (newest < EVENTS) {
        struct bda_ring_slot event, notes[BDA_RING_NOTES];
        struct bda_ring_reader reader;
        bda_ring_read(&ring, &reader);
        for (uint64_t last = 0; bda_ring_previous(&reader, notes_of, &event, notes); last = event.words[0]) {
            assert_true(is_whole(&event, notes));
            assert_true(last == 0 || event.words[0] == last - 1);
            newest = event.words[0] > newest ? event.words[0] : newest;
        }
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    free(ring.words);
}

static void births_are_found_by_their_keys(void **state) {
    (void)state;
    for (uint64_t slots = 8; slots <= 64; slots *= 2) {
        struct bda_ring ring;
        uint64_t time = 0;
        make(&ring, slots);
        assert_false(bda_ring_find_birth(&ring, 1, &time));
        for (uint64_t key = 1; key <= 3 * slots; key++) {
            bda_ring_write_birth(&ring, key, key * 7);
            (void)write_event(&ring, key, 0); /* which is no neighbour's */
            for (uint64_t old = 1; old <= key; old++) {
                assert_int_equal(bda_ring_find_birth(&ring, old, &time), key - old < slots / 2);
                assert_true(key - old >= slots / 2 || time == old * 7);
            }
        }
        assert_int_not_equal(read_all(&ring, 3 * slots), 0);
        free(ring.words);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_backwards),
        cmocka_unit_test(events_of_all_lengths_mix),
        cmocka_unit_test(each_turn_is_told_once),
        cmocka_unit_test(a_turn_is_so_many_events_that_count),
        cmocka_unit_test(a_ring_of_no_depth_keeps_nothing),
        cmocka_unit_test(births_are_found_by_their_keys),
        cmocka_unit_test(readers_see_whole_events_in_order),
    };
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
