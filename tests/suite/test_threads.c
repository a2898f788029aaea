/* Threads allocate, write, rename and free while another submits, collects, trims and asks for statistics. */
#include "work.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 20000, HELD = 60, MOST_WORDS = 400 };

/* cmocka's assertions belong to the main thread: a worker that finds something wrong writes the line down and ends. */
struct worker {
    struct suite *s;
    pthread_t thread;
    uint32_t number;
    BdaAllocation held[HELD];
    uint32_t seeds[HELD];
    int failed_line; /* 0: none */
    VkResult result;
};

static atomic_int running;

#define WORKER_CHECK(worker, call)                                                                                     \
    do {                                                                                                               \
        if (((worker)->result = (call)) != VK_SUCCESS) {                                                               \
            (worker)->failed_line = __LINE__;                                                                          \
            return false;                                                                                              \
        }                                                                                                              \
    } while (0)

static bool allocate(struct worker *w, uint32_t slot, uint32_t *random) {
    BdaAllocator allocator = w->s->allocator;
    BdaAllocation *a = &w->held[slot];
    uint32_t words[MOST_WORDS], count = suite_random(random) % MOST_WORDS + 1;
    const BdaAllocInfo info = { .size = count * sizeof(uint32_t),
                                .alignment = (VkDeviceSize)16 << suite_random(random) % 6,
                                .intent = suite_random(random) % 2 ? BDA_INTENT_UPLOAD : BDA_INTENT_READBACK,
                                .name = suite_random(random) % 8 == 0 ? "of a thread" : NULL,
                                .flags = suite_random(random) % 128 == 0 ? BDA_ALLOC_DEDICATED_BIT : 0 };
    const VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                        .size = info.size,
                                        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT };
    if (suite_random(random) % 16 == 0)
        WORKER_CHECK(w, bda_alloc_buffer(allocator, &buffer, &info, a));
    else
        WORKER_CHECK(w, bda_alloc(allocator, &info, a));
    w->seeds[slot] = suite_random(random);
    suite_words(words, count, w->seeds[slot]);
    WORKER_CHECK(w, bda_write(allocator, a->handle, 0, words, info.size));
    return true;
}

static bool verify_and_free(struct worker *w, uint32_t slot) {
    BdaAllocation *a = &w->held[slot];
    uint32_t words[MOST_WORDS], expected[MOST_WORDS];
    WORKER_CHECK(w, bda_read(w->s->allocator, a->handle, 0, words, a->size));
    suite_words(expected, (uint32_t)(a->size / sizeof(uint32_t)), w->seeds[slot]);
    WORKER_CHECK(w, memcmp(words, expected, a->size) == 0 ? VK_SUCCESS : VK_ERROR_UNKNOWN);
    WORKER_CHECK(w, bda_free(w->s->allocator, a->handle));
    a->handle = 0;
    return true;
}

static bool look_at(struct worker *w, uint32_t slot) {
    BdaAllocationInfo info;
    WORKER_CHECK(w, bda_get_info(w->s->allocator, w->held[slot].handle, &info));
    WORKER_CHECK(w, info.allocation.address == w->held[slot].address ? VK_SUCCESS : VK_ERROR_UNKNOWN);
    WORKER_CHECK(w, bda_set_user(w->s->allocator, w->held[slot].handle, slot));
    WORKER_CHECK(w, bda_set_name(w->s->allocator, w->held[slot].handle, "renamed"));
    return true;
}

/* Leaves every slot filled, for the GPU to look at. */
static void *work(void *argument) {
    struct worker *w = argument;
    uint32_t random = 1000 + w->number;
    bool well = true;
    for (uint32_t i = 0; i < HELD && well; i++)
        well = allocate(w, i, &random);
    for (uint32_t round = 0; round < ROUNDS && well; round++) {
        uint32_t slot = suite_random(&random) % HELD;
        if (round % 16 == 0)
            well = look_at(w, slot);
        well = well && verify_and_free(w, slot) && allocate(w, slot, &random);
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static void start(struct suite *s, struct worker *workers) {
    atomic_store(&running, THREADS);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .s = s, .number = i };
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
}

/* One frame: its own allocations, a dispatch over them, and what an application does between frames. */
static void frame(struct suite *s, uint32_t number) {
    BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = 4096 + number % 7 * 100 });
    BdaAllocation b = suite_alloc_buffer(s, 4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, NULL);
    const struct suite_span spans[] = { suite_span_of(&a, number), suite_span_of(&b, ~number) };
    suite_fill(s, spans, 2);
    suite_assert_filled(s, spans, 2);
    suite_free(s, &a);
    suite_free(s, &b);
    assert_vk(bda_collect(s->allocator));
    if (number % 4 == 0)
        assert_vk(bda_trim(s->allocator, 0, NULL));
    if (number % 8 == 0)
        assert_vk(bda_check(s->allocator));
    const BdaUse use = suite_use(s); /* of one moment: others make blocks */
    assert_true(use.reserved >= use.free);
}

static void check_workers(struct suite *s, struct worker *workers) {
    static struct suite_span spans[THREADS * HELD];
    for (uint32_t i = 0; i < THREADS; i++) {
        if (workers[i].failed_line != 0)
            print_error("thread %u, line %d: VkResult %d\n", i, workers[i].failed_line, (int)workers[i].result);
        assert_int_equal(workers[i].failed_line, 0);
        for (uint32_t slot = 0; slot < HELD; slot++)
            spans[i * HELD + slot] = suite_span_of(&workers[i].held[slot], workers[i].seeds[slot]);
    }
    assert_int_equal(suite_use(s).allocation_count, THREADS * HELD);
    suite_assert_filled(s, spans, THREADS * HELD);
    for (uint32_t i = 0; i < THREADS * HELD; i++)
        suite_free(s, &workers[i / HELD].held[i % HELD]);
    assert_int_equal(suite_use(s).allocation_count, 0);
}

static void threads_allocate_while_another_submits(void **state) {
    struct suite *s = *state;
    static struct worker workers[THREADS];
    start(s, workers);
    for (uint32_t number = 1; atomic_load(&running) > 0 || number < 10; number++)
        frame(s, number);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    check_workers(s, workers);
}

/* One thread frees what another allocated. */
struct handover {
    struct suite *s;
    _Atomic BdaHandle slots[64];
    atomic_bool done;
    int failures;
};

static void *take_and_free(void *argument) {
    struct handover *h = argument;
    bool last = false;
    do {
        last = atomic_load(&h->done);
        for (size_t i = 0; i < SUITE_COUNT(h->slots); i++) {
            BdaHandle handle = atomic_exchange(&h->slots[i], 0);
            if (handle != 0 && bda_free(h->s->allocator, handle) != VK_SUCCESS)
                h->failures++;
        }
    } while (!last);
    return NULL;
}

static void one_thread_frees_what_another_allocated(void **state) {
    struct suite *s = *state;
    static struct handover h;
    h.s = s;
    atomic_store(&h.done, false);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_and_free, &h), 0);
    for (uint32_t i = 0; i < 20000; i++) {
        BdaAllocation a = suite_alloc(s, &(BdaAllocInfo){ .size = i % 1000 + 1 });
        BdaHandle missed = atomic_exchange(&h.slots[i % SUITE_COUNT(h.slots)], a.handle);
        assert_vk(bda_free(s->allocator, missed));
    }
    atomic_store(&h.done, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(h.failures, 0);
    assert_int_equal(suite_use(s).allocation_count, 0);
}

static void without_locks_one_thread_is_served(void **state) {
    struct suite *s = *state;
    BdaAllocatorInfo info = suite_allocator_info(s);
    info.flags = BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT;
    suite_restart(s, &info);
    for (uint32_t number = 1; number < 10; number++)
        frame(s, number);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SUITE_TEST(threads_allocate_while_another_submits),
        SUITE_TEST(one_thread_frees_what_another_allocated),
        SUITE_TEST(without_locks_one_thread_is_served),
    };
    suite_open();
    return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
}
