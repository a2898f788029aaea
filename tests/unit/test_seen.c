/* src/alloc/seen.c: a peak and its frame are of one moment, whoever raises it meanwhile. */
#include "alloc_support.h"

#include "alloc/allocator.h"

#include <pthread.h>

/* ---- Another thread's raise at each step of one ---- */

static struct {
    struct bda_peak peak;
    uint32_t steps, at; /* of the outer raise; that at which the other one comes */
    uint64_t bytes, frame;
} scene;

static void raise_between(void) {
    if (++scene.steps != scene.at)
        return;
    bda_peak_raise(&scene.peak, scene.bytes, scene.frame); /* its own steps come after `at` */
}

static BdaPeak raise_with_another(uint32_t at, uint64_t bytes, uint64_t frame) {
    scene.peak = (struct bda_peak){ .bytes = 0 };
    scene.steps = 0;
    scene.at = at;
    scene.bytes = bytes;
    scene.frame = frame;
    bda_peak_raise(&scene.peak, 5, 1);
    bda_yield_hook = raise_between;
    bda_peak_raise(&scene.peak, 10, 2);
    bda_yield_hook = NULL;
    return bda_peak_of(&scene.peak);
}

static void a_higher_peak_has_the_frame_of_who_raised_it(void **state) {
    (void)state;
    for (uint32_t at = 1; at <= 4; at++) {
        BdaPeak seen = raise_with_another(at, 20, 9);
        assert_true(scene.steps >= 4);
        assert_true(seen.bytes == 20 && seen.frame == 9);
    }
}

static void a_lower_peak_does_not_take_the_frame(void **state) {
    (void)state;
    for (uint32_t at = 1; at <= 4; at++) {
        BdaPeak seen = raise_with_another(at, 7, 2);
        assert_true(scene.steps >= 4);
        assert_true(seen.bytes == 10 && seen.frame == 2);
    }
}

/* ---- Somebody looks at each step ---- */

static void look_between(void) {
    BdaPeak seen = bda_peak_of(&scene.peak);
    scene.steps++;
    assert_true(seen.bytes == 5 || seen.bytes == 10);
    assert_true(seen.bytes == 5 || seen.frame == 2); /* never an older frame beside the newer peak */
}

static void who_looks_meanwhile_sees_no_older_frame(void **state) {
    (void)state;
    scene.peak = (struct bda_peak){ .bytes = 0 };
    scene.steps = 0;
    bda_peak_raise(&scene.peak, 5, 1);
    bda_yield_hook = look_between;
    bda_peak_raise(&scene.peak, 10, 2);
    bda_yield_hook = NULL;
    assert_int_equal(scene.steps, 4);
}

/* ---- Threads ---- */

static _Atomic uint64_t tickets;
static struct bda_peak shared;

/* Each raise has its bytes for a frame. */
static void *raise_and_look(void *unused) {
    (void)unused;
    BdaPeak before = { 0, 0 };
    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t ticket = atomic_fetch_add(&tickets, 1) + 1;
        bda_peak_raise(&shared, ticket, ticket);
        const BdaPeak seen = bda_peak_of(&shared);
        assert_true(seen.frame >= seen.bytes && seen.bytes >= ticket && seen.bytes >= before.bytes);
        before = seen;
    }
    return NULL;
}

static void peaks_of_many_threads_keep_their_frames(void **state) {
    (void)state;
    pthread_t threads[4];
    for (uint32_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, raise_and_look, NULL), 0);
    for (uint32_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    const BdaPeak last = bda_peak_of(&shared);
    assert_true(last.bytes == atomic_load(&tickets) && last.frame == last.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_higher_peak_has_the_frame_of_who_raised_it),
        cmocka_unit_test(a_lower_peak_does_not_take_the_frame),
        cmocka_unit_test(who_looks_meanwhile_sees_no_older_frame),
        cmocka_unit_test(peaks_of_many_threads_keep_their_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
