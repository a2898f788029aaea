/* core/store.h: an array that grows in chunks, never moves, and is read while it grows. */
#include "core_support.h"

#include <pthread.h>

/* A size that divides no cache line. */
struct element {
    uint32_t value;
    uint32_t more[5];
};

enum { MANY = 3000, CHUNK_LOG2 = 2 }; /* 751 chunks: the directory doubles six times */

static void init_store(struct bda_store *store, struct bda_host *host) {
    bda_store_init(store, host, sizeof(struct element), CHUNK_LOG2);
}

static struct element *element_at(struct bda_store *store, uint32_t index) {
    return bda_store_element(store, index, CHUNK_LOG2, sizeof(struct element));
}

/* Grows by one growth step and writes to each element its index. */
static uint32_t grow_and_fill(struct bda_store *store, uint32_t wanted) {
    uint32_t first = 0;
    uint32_t added = bda_store_grow(store, wanted, &first);
    for (uint32_t index = first; index < first + added; index++)
        element_at(store, index)->value = index;
    return added;
}

static void assert_filled(struct bda_store *store) {
    for (uint32_t index = 1; index < store->length; index++)
        assert_int_equal(element_at(store, index)->value, index);
}

static void an_unused_store_holds_nothing(void **state) {
    (void)state;
    struct limited_host limited;
    struct bda_store store;
    limited_host_init(&limited, 0);
    init_store(&store, &limited.host);
    assert_false(bda_store_has(&store, 0));
    assert_false(bda_store_has(&store, 1));
    bda_store_destroy(&store);
    assert_host_is_empty(&limited);
}

/* Every size of a chunk and of the first step, since the first step is the one that has index 0 to skip. */
static void index_zero_is_never_handed_out(void **state) {
    (void)state;
    for (uint32_t chunk_log2 = 0; chunk_log2 < 4; chunk_log2++) {
        for (uint32_t wanted = 1; wanted < 20; wanted++) {
            struct bda_host host = { 0 };
            struct bda_store store;
            bda_store_init(&store, &host, sizeof(struct element), chunk_log2);
            uint32_t first = 0;
            uint32_t added = bda_store_grow(&store, wanted, &first);
            assert_in_range(added, 1, wanted);
            assert_int_equal(first, 1);
            assert_false(bda_store_has(&store, 0));
            bda_store_destroy(&store);
            assert_int_equal(host.bytes, 0);
        }
    }
}

/* Steps of all sizes, in chunks of all sizes, tile the indices from 1 without a gap and without crossing a chunk's end.
 */
static void steps_follow_each_other_within_chunks(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_store store;
    for (uint32_t chunk_log2 = 0; chunk_log2 < 5; chunk_log2++) {
        bda_store_init(&store, &host, sizeof(struct element), chunk_log2);
        uint32_t expected = 1;
        for (uint32_t step = 0; step < 200; step++) {
            uint32_t first = 0;
            uint32_t wanted = step * 7 % 23 + 1;
            uint32_t added = bda_store_grow(&store, wanted, &first);
            assert_in_range(added, 1, wanted);
            assert_int_equal(first, expected);
            assert_int_equal(first >> chunk_log2, (first + added - 1) >> chunk_log2);
            expected = first + added;
        }
        bda_store_destroy(&store);
    }
    assert_int_equal(host.bytes, 0);
}

static void a_store_has_exactly_what_it_handed_out(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_store store;
    init_store(&store, &host);
    for (uint32_t last = 0; last < 50;) {
        last += grow_and_fill(&store, 3);
        assert_false(bda_store_has(&store, 0));
        for (uint32_t index = 1; index <= last; index++)
            assert_true(bda_store_has(&store, index));
        assert_false(bda_store_has(&store, last + 1));
        assert_false(bda_store_has(&store, UINT32_MAX));
    }
    bda_store_destroy(&store);
}

static void elements_never_move_and_keep_their_values(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_store store;
    static struct element *seen[MANY + 1];
    init_store(&store, &host);
    for (uint32_t last = 0; last < MANY; last++) {
        assert_int_equal(grow_and_fill(&store, 1), 1);
        seen[last + 1] = element_at(&store, last + 1);
    }
    for (uint32_t index = 1; index <= MANY; index++)
        assert_ptr_equal(element_at(&store, index), seen[index]);
    assert_filled(&store);
    bda_store_destroy(&store);
    assert_int_equal(host.bytes, 0);
}

static void both_ways_to_an_element_agree(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_store store;
    init_store(&store, &host);
    for (uint32_t last = 0; last < 100;)
        last += grow_and_fill(&store, 100);
    for (uint32_t index = 1; index < store.length; index++)
        assert_ptr_equal(bda_store_at(&store, index), element_at(&store, index));
    bda_store_destroy(&store);
}

/* A reader may hold the directory that it asked for, however much the store grows meanwhile: what it named then it
 * names still. */
static void an_outgrown_directory_still_leads_to_what_it_named(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_store store;
    init_store(&store, &host);
    while (store.length < 50)
        assert_int_not_equal(grow_and_fill(&store, 4), 0);
    struct bda_directory *held = atomic_load(&store.directory);
    uint32_t named = store.length;
    while (store.length < MANY)
        assert_int_not_equal(grow_and_fill(&store, 4), 0);
    assert_ptr_not_equal(held, atomic_load(&store.directory));
    for (uint32_t index = 1; index < named; index++) {
        uintptr_t address = held->origins[index >> CHUNK_LOG2] + index * sizeof(struct element);
        assert_int_equal(address, (uintptr_t)element_at(&store, index));
        assert_int_equal(((struct element *)address)->value, index);
    }
    bda_store_destroy(&store);
    assert_int_equal(host.bytes, 0);
}

/* Directories that grew by a few chunks at a time, all of them kept, would cost the square of what they name. */
static void outgrown_directories_are_few(void **state) {
    (void)state;
    struct limited_host limited;
    struct bda_store store;
    limited_host_init(&limited, UINT32_MAX);
    init_store(&store, &limited.host);
    while (store.length <= MANY)
        assert_int_not_equal(grow_and_fill(&store, UINT32_MAX), 0);
    uint32_t chunks = store.length >> CHUNK_LOG2;
    uint64_t elements = (uint64_t)store.length * sizeof(struct element);
    assert_in_range(limited.held - chunks, 1, 10);
    assert_in_range(limited.host.bytes - elements, 1, 5 * (uint64_t)chunks * sizeof(void *));
    bda_store_destroy(&store);
    assert_host_is_empty(&limited);
}

/* malloc's memory is made dirty first. */
static void elements_begin_zeroed(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_store store;
    const struct element zero = { 0 };
    for (uint32_t round = 0; round < 2; round++) {
        init_store(&store, &host);
        for (uint32_t last = 0; last < 200;) {
            uint32_t first = 0;
            uint32_t added = bda_store_grow(&store, 4, &first);
            for (last += added; added-- != 0; first++) {
                assert_memory_equal(element_at(&store, first), &zero, sizeof zero);
                element_at(&store, first)->value = UINT32_MAX;
            }
        }
        bda_store_destroy(&store);
    }
}

static void chunks_begin_on_a_cache_line(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_store store;
    init_store(&store, &host);
    for (uint32_t last = 0; last < 200;)
        last += grow_and_fill(&store, 4);
    for (uint32_t index = 1u << CHUNK_LOG2; index < store.length; index += 1u << CHUNK_LOG2)
        assert_int_equal((uintptr_t)element_at(&store, index) % 64, 0);
    bda_store_destroy(&store);
}

/* The allocation that is refused is the first, the second, ... until none is; afterwards the store goes on. */
static void refused_growth_leaves_the_store_usable_and_unchanged(void **state) {
    (void)state;
    bool refused = true;
    for (uint32_t allowed = 0; refused; allowed++) {
        struct limited_host limited;
        struct bda_store store;
        limited_host_init(&limited, allowed);
        init_store(&store, &limited.host);
        while (store.length <= 200 && grow_and_fill(&store, 3) != 0)
            assert_filled(&store);
        uint32_t length = store.length;
        refused = length <= 200;
        assert_int_equal(refused ? grow_and_fill(&store, 3) : 0, 0);
        assert_int_equal(store.length, length);
        limited.allowed = UINT32_MAX;
        while (store.length <= 200)
            assert_int_not_equal(grow_and_fill(&store, 3), 0);
        assert_filled(&store);
        bda_store_destroy(&store);
        assert_host_is_empty(&limited);
    }
}

/* A refusal in the middle of the first step must neither hand out index 0 nor lose index 1. */
static void refusals_before_the_first_element_lose_none(void **state) {
    (void)state;
    for (uint32_t chunk_log2 = 0; chunk_log2 < 3; chunk_log2++) {
        for (uint32_t allowed = 0; allowed < 4; allowed++) {
            struct limited_host limited;
            struct bda_store store;
            uint32_t first = 0;
            limited_host_init(&limited, allowed);
            bda_store_init(&store, &limited.host, sizeof(struct element), chunk_log2);
            if (bda_store_grow(&store, 1, &first) == 0) {
                assert_false(bda_store_has(&store, 1));
                limited.allowed = UINT32_MAX;
                assert_int_equal(bda_store_grow(&store, 1, &first), 1);
            }
            assert_int_equal(first, 1);
            bda_store_destroy(&store);
            assert_host_is_empty(&limited);
        }
    }
}

/* The length is set by hand: sixty-four GiB of elements would be a slow test. */
static void growth_past_the_last_index_is_refused(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct bda_store store;
    uint32_t first = 0;
    init_store(&store, &host);
    assert_int_not_equal(grow_and_fill(&store, 3), 0);
    uint32_t length = store.length;
    atomic_store(&store.length, UINT32_MAX);
    assert_int_equal(bda_store_grow(&store, 1, &first), 0);
    assert_int_equal(store.length, UINT32_MAX);
    assert_int_equal(first, 0);
    atomic_store(&store.length, length);
    bda_store_destroy(&store);
    assert_int_equal(host.bytes, 0);
}

/* ---- Readers while one thread grows ---- */

enum { READERS = 3, SHARED_CHUNK_LOG2 = 3, SHARED_LENGTH = 20000 };

struct shared {
    struct bda_store store; /* of _Atomic uint32_t, 0 until the writer sets it to its index */
    atomic_bool done;
    atomic_uint wrong;
};

static _Atomic uint32_t *shared_at(struct shared *shared, uint32_t index) {
    return bda_store_element(&shared->store, index, SHARED_CHUNK_LOG2, sizeof(_Atomic uint32_t));
}

/* Looks at whatever the store says it has, as a stale handle does: no other word passes between the threads. */
static void *read_while_it_grows(void *argument) {
    struct shared *shared = argument;
    uint32_t index = 1;
    do {
        index = index * 1664525u + 1013904223u;
        uint32_t candidate = index >> 16 & 0x7FFFu;
        if (!bda_store_has(&shared->store, candidate))
            continue;
        uint32_t value = atomic_load_explicit(shared_at(shared, candidate), memory_order_relaxed);
        if (value != 0 && value != candidate)
            atomic_fetch_add(&shared->wrong, 1);
    } while (!atomic_load(&shared->done));
    return NULL;
}

static bool grow_shared(struct shared *shared) {
    uint32_t first = 0;
    uint32_t added = bda_store_grow(&shared->store, 5, &first);
    for (uint32_t i = 0; i < added; i++)
        atomic_store_explicit(shared_at(shared, first + i), first + i, memory_order_relaxed);
    return added != 0;
}

static void readers_see_whole_elements_while_it_grows(void **state) {
    (void)state;
    struct bda_host host = { 0 };
    struct shared shared;
    pthread_t readers[READERS];
    bda_store_init(&shared.store, &host, sizeof(_Atomic uint32_t), SHARED_CHUNK_LOG2);
    atomic_init(&shared.done, false);
    atomic_init(&shared.wrong, 0);
    for (uint32_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_while_it_grows, &shared), 0);
    while (shared.store.length < SHARED_LENGTH)
        assert_true(grow_shared(&shared));
    atomic_store(&shared.done, true);
    for (uint32_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    assert_int_equal(shared.wrong, 0);
    bda_store_destroy(&shared.store);
    assert_int_equal(host.bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unused_store_holds_nothing),
        cmocka_unit_test(index_zero_is_never_handed_out),
        cmocka_unit_test(steps_follow_each_other_within_chunks),
        cmocka_unit_test(a_store_has_exactly_what_it_handed_out),
        cmocka_unit_test(elements_never_move_and_keep_their_values),
        cmocka_unit_test(both_ways_to_an_element_agree),
        cmocka_unit_test(an_outgrown_directory_still_leads_to_what_it_named),
        cmocka_unit_test(outgrown_directories_are_few),
        cmocka_unit_test(elements_begin_zeroed),
        cmocka_unit_test(chunks_begin_on_a_cache_line),
        cmocka_unit_test(refused_growth_leaves_the_store_usable_and_unchanged),
        cmocka_unit_test(refusals_before_the_first_element_lose_none),
        cmocka_unit_test(growth_past_the_last_index_is_refused),
        cmocka_unit_test(readers_see_whole_elements_while_it_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
