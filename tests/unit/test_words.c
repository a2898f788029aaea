/* core/words.h: a word beside some of the nodes, which never moves and is read while others come. */
#include "core_support.h"

#include "core/words.h"

#include <pthread.h>

enum { CHUNK = 1 << BDA_WORD_CHUNK_LOG2, MANY = 300 }; /* chunks: the directory doubles five times */

/* Spread over far more nodes than have one. */
static uint32_t place(uint32_t i) {
    return i * CHUNK + i % CHUNK;
}

static void a_node_has_no_word_until_it_is_secured(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_words words;
    bda_words_init(&words, &host);
    assert_null(bda_words_find(&words, 1));
    assert_int_equal(bda_words_read(&words, UINT32_MAX), 0);
    assert_int_equal(host.bytes, 0);
    assert_true(bda_words_secure(&words, CHUNK));
    assert_null(bda_words_find(&words, CHUNK - 1));
    assert_int_equal(bda_words_read(&words, CHUNK), 0);
    assert_non_null(bda_words_find(&words, 2 * CHUNK - 1));
    assert_null(bda_words_find(&words, 2 * CHUNK));
    bda_words_destroy(&words);
    assert_int_equal(host.bytes, 0);
}

static void words_never_move_and_keep_their_values(void **state) {
    (void)state;
    static bda_word *seen[MANY];
    struct bda_host host = { 0 };
    struct bda_words words;
    bda_words_init(&words, &host);
    for (uint32_t i = MANY; i-- > 0;) {
        assert_true(bda_words_secure(&words, place(i)));
        seen[i] = bda_words_find(&words, place(i));
        atomic_store(seen[i], i + 1);
        assert_true(bda_words_secure(&words, place(i))); /* again, which changes nothing */
    }
    for (uint32_t i = 0; i < MANY; i++) {
        assert_ptr_equal(bda_words_find(&words, place(i)), seen[i]);
        assert_int_equal(bda_words_read(&words, place(i)), i + 1);
    }
    bda_words_destroy(&words);
    assert_int_equal(host.bytes, 0);
}

static void chunks_are_made_for_those_that_want_them(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_words words;
    bda_words_init(&words, &host);
    assert_true(bda_words_secure(&words, 100 * CHUNK));
    uint64_t bytes = host.bytes;
    assert_in_range(bytes, CHUNK * sizeof(bda_word), 2 * CHUNK * sizeof(bda_word)); /* one, and the directory */
    for (uint32_t i = 0; i < CHUNK; i++)
        assert_true(bda_words_secure(&words, 100 * CHUNK + i));
    assert_int_equal(host.bytes, bytes);
    bda_words_destroy(&words);
    assert_int_equal(host.bytes, 0);
}

static void refused_host_memory_changes_nothing_that_can_be_seen(void **state) {
    (void)state;
    for (uint32_t allowed = 0; allowed < 12; allowed++) {
        struct limited_host limited;
        struct bda_words words;
        limited_host_init(&limited, allowed);
        bda_words_init(&words, &limited.host);
        for (uint32_t i = 0; i < 40; i += 5) {
            bool secured = bda_words_secure(&words, place(i));
            assert_int_equal(bda_words_find(&words, place(i)) != NULL, secured);
            if (secured)
                atomic_store(bda_words_find(&words, place(i)), i + 1);
        }
        limited.allowed = UINT32_MAX;
        for (uint32_t i = 0; i < 40; i += 5)
            assert_true(bda_words_secure(&words, place(i)));
        for (uint32_t i = 0; i < 40; i += 5)
            assert_true(bda_words_read(&words, place(i)) == 0 || bda_words_read(&words, place(i)) == i + 1);
        bda_words_destroy(&words);
        assert_host_is_empty(&limited);
    }
}

static struct {
    struct bda_words words;
    _Atomic uint32_t there; /* words below are written */
} shared;

static void *read_what_is_there(void *context) {
    unsigned *wrong = context;
    for (uint32_t there = 0; there < MANY;) {
        there = atomic_load_explicit(&shared.there, memory_order_acquire);
        for (uint32_t i = 0; i < there; i++)
            *wrong += bda_words_read(&shared.words, place(i)) != i + 1 ? 1u : 0u;
    }
    return NULL;
}

static void others_read_while_more_are_secured(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    unsigned wrong = 0;
    pthread_t thread;
    bda_words_init(&shared.words, &host);
    assert_int_equal(pthread_create(&thread, NULL, read_what_is_there, &wrong), 0);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(bda_words_secure(&shared.words, place(i)));
        atomic_store_explicit(bda_words_find(&shared.words, place(i)), i + 1, memory_order_relaxed);
        atomic_store_explicit(&shared.there, i + 1, memory_order_release);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(wrong, 0);
    bda_words_destroy(&shared.words);
    assert_int_equal(host.bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_has_no_word_until_it_is_secured),
        cmocka_unit_test(words_never_move_and_keep_their_values),
        cmocka_unit_test(chunks_are_made_for_those_that_want_them),
        cmocka_unit_test(refused_host_memory_changes_nothing_that_can_be_seen),
        cmocka_unit_test(others_read_while_more_are_secured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
