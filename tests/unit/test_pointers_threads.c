/* Checked pointers from many threads: neighbours' bytes share words of the tables, blocks come and go, and records are
 * taken by several at a time. Meant for the thread sanitizer, too. */
#include "shader_support.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 4, ROUNDS = 300, SLOTS = 24 };

struct worker {
    uint32_t seed;
    unsigned wrong;
    BdaAllocation slots[SLOTS];
};

static struct shader shader;

/* Assertions jump, which only the main thread may do: the others answer how many things went wrong. */
static void run(void *(*body)(void *), struct worker *workers) {
    pthread_t threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, &workers[i]), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].wrong, 0);
}

static void open_checked(void) {
    bench_prepare(NULL);
    bench.info.checks = BDA_CHECK_POINTERS_BIT;
    bench.info.first_block_size = KIB(64);
    bench.info.max_block_size = MIB(1);
    bench.info.keep_collects = 1;
    bench_start();
    shader = shader_start();
}

static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void turn_over(struct worker *w, BdaAllocation *slot, uint32_t r) {
    if (slot->handle != 0) {
        w->wrong += bda_free(bench.allocator, slot->handle) != VK_SUCCESS;
        slot->handle = 0;
        return;
    }
    const BdaAllocInfo info = { .size = 1 + r % 200,
                                .intent = r % 2 ? BDA_INTENT_UPLOAD : BDA_INTENT_DEVICE,
                                .flags = r % 19 ? 0 : BDA_ALLOC_DEDICATED_BIT };
    w->wrong += bda_alloc(bench.allocator, &info, slot) != VK_SUCCESS;
}

static void *allocate_and_free(void *context) {
    struct worker *w = context;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t r = next_random(&w->seed);
        turn_over(w, &w->slots[r % SLOTS], next_random(&w->seed));
        if (round % 50 == 0)
            w->wrong += bda_trim(bench.allocator, 0, NULL) != VK_SUCCESS;
    }
    return NULL;
}

static void assert_live_from_end_to_end(const BdaAllocation *a) {
    for (VkDeviceAddress at = a->address; at < a->address + a->size; at += 16) {
        VkDeviceSize rest = a->address + a->size - at;
        assert_int_equal((shader_look(&shader, at) - 1) % 16 + 1, rest < 16 ? rest : 16);
    }
    assert_int_equal(shader_look(&shader, a->address + (a->size + 15) / 16 * 16), 0);
}

static void neighbours_do_not_lose_each_others_bytes(void **state) {
    (void)state;
    struct worker workers[THREADS] = { { .seed = 1 }, { .seed = 2 }, { .seed = 3 }, { .seed = 4 } };
    open_checked();
    run(allocate_and_free, workers);
    for (uint32_t i = 0; i < THREADS; i++)
        for (uint32_t slot = 0; slot < SLOTS; slot++)
            if (workers[i].slots[slot].handle != 0) {
                assert_live_from_end_to_end(&workers[i].slots[slot]);
                give(workers[i].slots[slot]);
            }
    bench_close();
}

/* ---- Ranges and records ---- */

static void *add_and_remove(void *context) {
    struct worker *w = context;
    VkDeviceAddress address = 0x7000000000 + (VkDeviceAddress)w->seed * 0x10000; /* in one page */
    for (uint32_t round = 0; round < ROUNDS; round++) {
        w->wrong += bda_add_checked_range(bench.allocator, address, 1000) != VK_SUCCESS;
        w->wrong += bda_remove_checked_range(bench.allocator, address, 1000) != VK_SUCCESS;
    }
    return NULL;
}

static void pages_come_and_go_under_several_ranges(void **state) {
    (void)state;
    struct worker workers[THREADS] = { { .seed = 1 }, { .seed = 2 }, { .seed = 3 }, { .seed = 4 } };
    open_checked();
    run(add_and_remove, workers);
    assert_int_equal(shader_look(&shader, 0x7000000000), -1);
    bench_close();
}

static _Atomic uint64_t found;

static void *take_some(void *context) {
    struct worker *w = context;
    BdaBadAccess accesses[16];
    for (uint32_t count = 1; count != 0;) {
        uint64_t lost;
        count = COUNT_OF(accesses);
        VkResult result = bda_take_bad_accesses(bench.allocator, &count, accesses, &lost);
        w->wrong += result != VK_SUCCESS && result != VK_INCOMPLETE;
        w->wrong += lost != 0;
        atomic_fetch_add(&found, count);
    }
    return NULL;
}

static void each_record_is_taken_once(void **state) {
    (void)state;
    struct worker workers[THREADS] = { { .seed = 1 } };
    open_checked();
    for (uint32_t i = 0; i < BDA_BAD_ACCESS_MOST; i++)
        assert_false(shader_access(&shader, 0, 16, 4, BDA_FAULT_ACCESS_READ));
    run(take_some, workers);
    assert_int_equal(found, BDA_BAD_ACCESS_MOST);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_do_not_lose_each_others_bytes),
        cmocka_unit_test(pages_come_and_go_under_several_ranges),
        cmocka_unit_test(each_record_is_taken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
