/* alloc/own.h: the short way of a buffer gives what the long way gives, and fails as it does. */
#include "alloc_support.h"

#include "alloc/handle.h"
#include "alloc/own.h"
#include "alloc/record.h"

#include <pthread.h>

#define STORAGE VK_BUFFER_USAGE_STORAGE_BUFFER_BIT

/* A buffer that takes the short way once its usage is known. */
static BdaAllocation plain(VkDeviceSize size) {
    return take_buffer(size, STORAGE, (BdaAllocInfo){ .size = 0 });
}

/* Opens the first block and makes STORAGE known, up to this size. */
static void make_known(VkDeviceSize size) {
    give(take_buffer(size, STORAGE, (BdaAllocInfo){ .name = "known" }));
}

/* ---- What is asked ---- */

static void the_driver_is_asked_what_a_usage_requires_once(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    make_known(KIB(4));
    unsigned asked = bench_calls(FAKE_CALL_GET_BUFFER_MEMORY_REQUIREMENTS);
    BdaAllocation taken[50];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++) {
        taken[i] = plain(1 + i * 80);
        assert_is_sound(&taken[i]);
    }
    assert_int_equal(bench_calls(FAKE_CALL_GET_BUFFER_MEMORY_REQUIREMENTS), asked);
    give_all(taken, COUNT_OF(taken));
    give(plain(KIB(4) + 1)); /* larger than any before */
    assert_int_equal(bench_calls(FAKE_CALL_GET_BUFFER_MEMORY_REQUIREMENTS), ++asked);
    give(plain(KIB(4) + 1));
    assert_int_equal(bench_calls(FAKE_CALL_GET_BUFFER_MEMORY_REQUIREMENTS), asked);
    bench_close();
}

static void without_maintenance4_it_is_asked_for_each_buffer(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .without = FAKE_MAINTENANCE_4 }, NULL);
    make_known(KIB(4));
    unsigned asked = bench_calls(FAKE_CALL_GET_BUFFER_MEMORY_REQUIREMENTS);
    for (uint32_t i = 0; i < 5; i++)
        give(plain(100));
    assert_int_equal(bench_calls(FAKE_CALL_GET_BUFFER_MEMORY_REQUIREMENTS), asked + 5);
    bench_close();
}

/* Sizes that are rounded up further than maintenance4 allows, and others that are not: the driver's word counts. */
static void rounded_sizes_are_held_whatever_was_promised(void **state) {
    (void)state;
    for (uint32_t with = 0; with < 2; with++) {
        bench_open(&(struct fake_config){ .size_rounding = 4096, .without = with ? 0 : FAKE_MAINTENANCE_4 }, NULL);
        make_known(100);
        BdaAllocation taken[12];
        for (uint32_t i = 0; i < COUNT_OF(taken); i++)
            taken[i] = plain(1 + i * 341);
        for (uint32_t i = 0; i < COUNT_OF(taken); i++) /* the driver would see buffers that overlap */
            assert_is_sound(&taken[i]);
        give_all(taken, COUNT_OF(taken));
        bench_close();
    }
}

static void each_usage_has_its_own_requirements(void **state) {
    (void)state;
    const VkBufferUsageFlags indirect = VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT, index = VK_BUFFER_USAGE_INDEX_BUFFER_BIT;
    bench_open(&(struct fake_config){ .usage_rule_count = 2,
                                      .usage_rules = { { indirect, 1u << 4, 0 }, { index, 0, 1024 } },
                                      .base_alignment = 4096 },
               NULL);
    BdaAllocation taken[30];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++) {
        VkBufferUsageFlags usage = i % 3 == 0 ? indirect : i % 3 == 1 ? index : STORAGE;
        taken[i] = take_buffer(1 + i * 7, usage, (BdaAllocInfo){ .size = 0 });
        assert_is_sound(&taken[i]);
        assert_int_equal(info_of(taken[i].handle).memory_type, i % 3 == 0 ? 4 : 1);
        assert_int_equal(memory_offset_of(taken[i].buffer) % (i % 3 == 1 ? 1024 : 16), 0);
    }
    give_all(taken, COUNT_OF(taken));
    bench_close();
}

static void a_preference_for_dedicated_memory_is_not_overlooked(void **state) {
    (void)state;
    for (uint32_t with = 0; with < 2; with++) {
        bench_open(&(struct fake_config){ .prefer_dedicated_from = KIB(64), .without = with ? 0 : FAKE_MAINTENANCE_4 },
                   NULL);
        make_known(KIB(63));
        BdaAllocation small = plain(KIB(60)), large = plain(KIB(64)), again = plain(KIB(64));
        assert_false(info_of(small.handle).dedicated);
        assert_true(info_of(large.handle).dedicated && memory_of(large.buffer).dedicated);
        assert_true(info_of(again.handle).dedicated);
        give(small);
        give(large);
        give(again);
        bench_close();
    }
}

/* ---- Both ways ---- */

static void intents_and_alignments_are_as_on_the_long_way(void **state) {
    (void)state;
    const enum fake_machine machines[] = { FAKE_MACHINE_DISCRETE, FAKE_MACHINE_REBAR, FAKE_MACHINE_UNIFIED,
                                           FAKE_MACHINE_NON_COHERENT };
    for (uint32_t i = 0; i < COUNT_OF(machines) * 4; i++) {
        BdaIntent intent = (BdaIntent)(i % 4);
        bench_open(&(struct fake_config){ .machine = machines[i / 4] }, NULL);
        for (VkDeviceSize alignment = 1; alignment <= KIB(8); alignment *= 2) {
            BdaAllocInfo info = { .intent = intent, .alignment = alignment };
            BdaAllocation short_way = take_buffer(777, STORAGE, info); /* from the second turn on */
            info.user = 1;
            BdaAllocation long_way = take_buffer(777, STORAGE, info);
            assert_is_sound(&short_way);
            assert_int_equal(short_way.address % alignment, 0);
            assert_int_equal(info_of(short_way.handle).memory_type, info_of(long_way.handle).memory_type);
            assert_int_equal(info_of(short_way.handle).dedicated, info_of(long_way.handle).dedicated);
            assert_int_equal(short_way.mapped != NULL, long_way.mapped != NULL);
            const BdaAllocationInfo told = info_of(short_way.handle);
            assert_memory_equal(&told.allocation, &short_way, sizeof short_way);
            give(short_way);
            give(long_way);
        }
        bench_close();
    }
}

static void what_is_bad_is_refused_though_the_usage_is_known(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    make_known(MIB(1));
    const struct bench_state before = bench_look();
    VkBufferCreateInfo info = buffer_info(100, STORAGE);
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .alignment = 3 });
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .size = 99 });
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .usage = STORAGE });
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .flags = 0x40000000 });
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .intent = (BdaIntent)4 });
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .priority = -1.0f });
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .next = &info });
    info.size = 0;
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .size = 0 });
    info = buffer_info(100, STORAGE);
    info.flags = VK_BUFFER_CREATE_SPARSE_BINDING_BIT;
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .size = 0 });
    info.flags = 0;
    info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    refuse_buffer(VK_ERROR_VALIDATION_FAILED_EXT, &info, (BdaAllocInfo){ .size = 0 });
    assert_unchanged(&before);
    bench_close();
}

static void a_pool_without_room_grows_with_the_buffer_that_was_made(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
    make_known(KIB(64));
    BdaAllocation taken[64];
    unsigned created = bench_calls(FAKE_CALL_CREATE_BUFFER), blocks = bench_calls(FAKE_CALL_ALLOCATE_MEMORY);
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = plain(KIB(64));
    blocks = bench_calls(FAKE_CALL_ALLOCATE_MEMORY) - blocks;
    assert_in_range(blocks, 1, 8);
    assert_int_equal(bench_calls(FAKE_CALL_CREATE_BUFFER) - created, COUNT_OF(taken) + blocks); /* a probe each */
    const VkBufferCreateInfo info = buffer_info(KIB(64), STORAGE);
    BdaAllocation more[200];
    uint32_t count = 0;
    while (count < COUNT_OF(more) &&
           bda_alloc_buffer(bench.allocator, &info, &(BdaAllocInfo){ .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT },
                            &more[count]) == VK_SUCCESS)
        count++;
    assert_in_range(count, 1, COUNT_OF(more) - 1);
    bench_hush();
    const struct bench_state before = bench_look();
    refuse_buffer(VK_ERROR_OUT_OF_DEVICE_MEMORY, &info, (BdaAllocInfo){ .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    assert_as_before(&before);
    give_all(more, count);
    give_all(taken, COUNT_OF(taken));
    bench_close();
}

/* ---- Addresses that nobody foresaw ---- */

static void a_skewed_address_is_told_and_kept(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .buffer_address_skew = MIB(1) }, NULL);
    make_known(100);
    for (uint32_t i = 0; i < 3; i++) {
        BdaAllocation a = plain(100);
        assert_int_equal(a.address, memory_of(a.buffer).base + memory_offset_of(a.buffer) + MIB(1));
        assert_int_equal(info_of(a.handle).allocation.address, a.address);
        assert_int_equal(bda_set_name(bench.allocator, a.handle, "named"), VK_SUCCESS);
        assert_int_equal(info_of(a.handle).allocation.address, a.address);
        give(a);
    }
    bench_close();
}

static void a_misaligned_address_goes_the_long_way(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .buffer_address_skew = 64 }, NULL);
    make_known(KIB(8));
    BdaAllocation a = take_buffer(KIB(8), STORAGE, (BdaAllocInfo){ .alignment = 256 });
    assert_true(info_of(a.handle).dedicated);
    assert_int_equal(a.address % 256, 0);
    const VkBufferCreateInfo info = buffer_info(KIB(8), STORAGE);
    const BdaAllocInfo frugal = { .alignment = 256, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    for (uint32_t turn = 0; turn < 3; turn++) /* until the thread keeps the range: its block is not empty then */
        refuse_buffer(VK_ERROR_FEATURE_NOT_PRESENT, &info, frugal);
    const struct bench_state before = bench_look();
    bench_hush();
    refuse_buffer(VK_ERROR_FEATURE_NOT_PRESENT, &info, frugal);
    assert_int_equal(bench_heard("lacks the alignment"), 1);
    assert_as_before(&before);
    give(a);
    bench_close();
}

static uint32_t visited, lent; /* a node, and the record that a stranger puts there for a moment; 0: nobody does */

static void visit(void *user, enum fake_call call) {
    (void)user;
    if (lent != 0 && call == FAKE_CALL_GET_BUFFER_DEVICE_ADDRESS)
        bda_node_set_record(bda_node_of(bench.allocator, visited), lent);
}

/* As by who renames with a stale handle (bda_node_try_set_record), while the buffer is on its way. */
static void a_strangers_record_is_not_taken_for_its_own(void **state) {
    (void)state;
    for (int skewed = 0; skewed < 2; skewed++) {
        bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED,
                                          .buffer_address_skew = skewed != 0 ? MIB(1) : 0,
                                          .on_call = visit },
                   NULL);
        make_known(100);
        BdaAllocation a = plain(100);
        visited = (uint32_t)a.handle;
        give(a);
        assert_int_equal(bda_record_create(bench.allocator, 0, NULL, &lent), VK_SUCCESS);
        bda_record_at(bench.allocator, lent)->address = 1;
        const uint32_t strange = lent;
        a = plain(100);
        lent = 0;
        struct bda_node *node = bda_node_of(bench.allocator, visited);
        assert_int_equal((uint32_t)a.handle, visited);
        assert_int_equal(a.address, memory_of(a.buffer).base + memory_offset_of(a.buffer) + (skewed != 0 ? MIB(1) : 0));
        if (skewed != 0)
            assert_int_not_equal(bda_node_record(node), strange);
        else
            bda_node_set_record(node, 0); /* who lent it takes it back */
        bda_record_destroy(bench.allocator, strange);
        assert_int_equal(info_of(a.handle).allocation.address, a.address);
        give(a);
        bench_close();
    }
}

/* ---- Failures ---- */

static void a_failed_step_is_refused_and_changes_nothing(void **state) {
    (void)state;
    const struct {
        enum fake_call call;
        VkResult result;
    } steps[] = { { FAKE_CALL_CREATE_BUFFER, VK_ERROR_OUT_OF_HOST_MEMORY },
                  { FAKE_CALL_CREATE_BUFFER, VK_ERROR_OUT_OF_DEVICE_MEMORY },
                  /* (VK_ERROR_OUT_OF_DEVICE_MEMORY there goes the long way, to another memory type) */
                  { FAKE_CALL_BIND_BUFFER_MEMORY, VK_ERROR_OUT_OF_HOST_MEMORY } };
    for (uint32_t i = 0; i < COUNT_OF(steps); i++) {
        bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
        make_known(100);
        for (uint32_t turn = 0; turn < 3; turn++) /* until all is there that caches want */
            give(plain(100));
        const struct bench_state before = bench_look();
        const VkBufferCreateInfo info = buffer_info(100, STORAGE);
        fake_fail(bench.driver, steps[i].call, 1, steps[i].result);
        refuse_buffer(steps[i].result, &info, (BdaAllocInfo){ .size = 0 });
        assert_as_before(&before);
        assert_int_equal(bench_stats().host_bytes, before.stats.host_bytes);
        bench_close();
    }
}

static void host_memory_that_runs_out_leaves_no_buffer_behind(void **state) {
    (void)state;
    enum { MANY = 1200 }; /* more than one chunk of nodes, and of words beside them */
    static BdaAllocation taken[MANY];
    const VkBufferCreateInfo info = buffer_info(64, STORAGE);
    for (size_t nth = 1;; nth++) {
        bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .buffer_address_skew = MIB(4) }, NULL);
        fake_host_fail(&bench.host, nth, false);
        uint32_t count = 0;
        for (uint32_t i = 0; i < MANY; i++) {
            VkResult result = bda_alloc_buffer(bench.allocator, &info, NULL, &taken[count]);
            if (result != VK_SUCCESS) {
                assert_int_equal(result, VK_ERROR_OUT_OF_HOST_MEMORY);
                assert_is_zeroed(&taken[count], sizeof taken[count]);
                assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
            }
            count += result == VK_SUCCESS ? 1u : 0u;
        }
        bool failed = bench.host.failed != 0;
        assert_int_equal(bench_use().allocation_count, count);
        give_all(taken, count);
        fake_host_fail(&bench.host, 0, false);
        bench_close();
        if (!failed)
            break;
        nth += nth / 8; /* the first few matter most: there are thousands, of the driver's own */
    }
}

/* ---- Freeing ---- */

static void a_freed_buffer_is_destroyed_at_once(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    make_known(100);
    BdaAllocation a = plain(100);
    unsigned destroyed = bench_calls(FAKE_CALL_DESTROY_BUFFER);
    give(a);
    assert_int_equal(bench_calls(FAKE_CALL_DESTROY_BUFFER), destroyed + 1);
    VkResult result = bda_free(bench.allocator, a.handle);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, result, "bda_free", "");
    BdaAllocation b = plain(100); /* on the same place, as likely as not */
    assert_int_not_equal(b.handle, a.handle);
    result = bda_free(bench.allocator, a.handle);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, result, "bda_free", "");
    give(b);
    bench_close();
}

static void a_name_given_later_goes_with_the_buffer(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    make_known(100);
    VkDeviceSize held = 0;
    for (uint32_t i = 0; i < 20; i++) {
        BdaAllocation a = plain(100);
        assert_null(info_of(a.handle).name);
        assert_int_equal(info_of(a.handle).user, 0);
        assert_int_equal(bda_set_name(bench.allocator, a.handle, "later"), VK_SUCCESS);
        assert_int_equal(bda_set_user(bench.allocator, a.handle, 7), VK_SUCCESS);
        give(a);
        held = i == 0 ? bench_stats().host_bytes : held;
    }
    assert_int_equal(bench_stats().host_bytes, held);
    bench_close();
}

static void what_is_kept_goes_back_to_the_driver_when_asked(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    make_known(KIB(4));
    BdaAllocation taken[200];
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < COUNT_OF(taken); i++)
            taken[i] = plain(KIB(1) + i % 3 * KIB(1));
        give_all(taken, COUNT_OF(taken));
    }
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

static void a_callers_pool_gives_its_memory_back_when_it_is_destroyed(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    for (uint32_t round = 0; round < 3; round++) {
        BdaPool pool = make_pool((BdaPoolInfo){ .name = "own buffers" });
        BdaAllocation taken[20];
        for (uint32_t i = 0; i < COUNT_OF(taken); i++) {
            taken[i] = take_buffer(100 + i, STORAGE, (BdaAllocInfo){ .pool = pool });
            assert_ptr_equal(info_of(taken[i].handle).pool, pool);
        }
        give_all(taken, COUNT_OF(taken));
        assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
        assert_int_equal(fake_memory_count(bench.driver), 0);
    }
    bench_close();
}

/* Frees that wait, and batches, of buffers that took the short way. */
static void other_frees_know_the_buffer_too(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    make_known(KIB(4));
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaAllocation pending = plain(100), batched[5];
    BdaHandle handles[COUNT_OF(batched) + 1];
    for (uint32_t i = 0; i < COUNT_OF(batched); i++) {
        batched[i] = plain(1 + i * 100);
        handles[i] = batched[i].handle;
    }
    assert_int_equal(bda_free_after(bench.allocator, pending.handle, timeline, 1), VK_SUCCESS);
    unsigned destroyed = bench_calls(FAKE_CALL_DESTROY_BUFFER);
    handles[COUNT_OF(batched)] = pending.handle; /* is bad by now */
    assert_int_equal(bda_free_many(bench.allocator, COUNT_OF(handles), handles), VK_ERROR_VALIDATION_FAILED_EXT);
    bench_hush();
    assert_int_equal(bench_calls(FAKE_CALL_DESTROY_BUFFER), destroyed);
    assert_is_sound(&batched[2]);
    assert_int_equal(bda_free_many(bench.allocator, COUNT_OF(batched), handles), VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_DESTROY_BUFFER), destroyed + COUNT_OF(batched));
    fake_signal(bench.driver, timeline, 1);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_calls(FAKE_CALL_DESTROY_BUFFER), destroyed + COUNT_OF(batched) + 1);
    bench_close();
}

static void who_listens_hears_of_every_buffer(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_LOG_EVENTS_BIT });
    for (uint32_t i = 0; i < 3; i++) {
        bench_hush();
        give(plain(100));
        assert_int_equal(bench_heard("freed: 100 bytes"), 1);
        assert_int_equal(bench_heard("allocated: 100 bytes"), 1);
    }
    bench_close();
}

/* ---- Threads ---- */

enum { THREADS = 4, SHOWN = 16, TURNS = 2000 };

static _Atomic BdaHandle shown[SHOWN];

struct worker {
    uint32_t seed;
    unsigned made, freed, wrong;
};

/* Puts a buffer up for whoever frees it first, and frees what was there, which another may have freed already. */
static void *exchange(void *context) {
    struct worker *w = context;
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        w->seed = w->seed * 1664525u + 1013904223u;
        const VkBufferCreateInfo info =
            buffer_info(1 + (w->seed >> 8) % 3000, w->seed >> 24 & 1 ? STORAGE : PLAIN_USAGE);
        BdaAllocation a;
        if (bda_alloc_buffer(bench.allocator, &info, NULL, &a) != VK_SUCCESS) {
            w->wrong++;
            continue;
        }
        w->made++;
        BdaHandle there = atomic_load(&shown[turn % SHOWN]); /* several may free it */
        w->freed += there != 0 && bda_free(bench.allocator, there) == VK_SUCCESS ? 1u : 0u;
        there = atomic_exchange(&shown[turn % SHOWN], a.handle);
        w->freed += there != 0 && bda_free(bench.allocator, there) == VK_SUCCESS ? 1u : 0u;
    }
    return NULL;
}

static void each_buffer_is_freed_by_exactly_one_thread(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    bench_prepare(NULL);
    bench.info.message = NULL; /* thousands of refusals, from several threads */
    bench_start();
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .seed = i };
        assert_int_equal(pthread_create(&threads[i], NULL, exchange, &workers[i]), 0);
    }
    unsigned made = 0, freed = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
        made += workers[i].made;
        freed += workers[i].freed;
    }
    for (uint32_t i = 0; i < SHOWN; i++)
        freed += bda_free(bench.allocator, atomic_exchange(&shown[i], 0)) == VK_SUCCESS ? 1u : 0u;
    assert_int_equal(made, freed);
    assert_int_equal(bench_use().allocation_count, 0);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_driver_is_asked_what_a_usage_requires_once),
        cmocka_unit_test(without_maintenance4_it_is_asked_for_each_buffer),
        cmocka_unit_test(rounded_sizes_are_held_whatever_was_promised),
        cmocka_unit_test(each_usage_has_its_own_requirements),
        cmocka_unit_test(a_preference_for_dedicated_memory_is_not_overlooked),
        cmocka_unit_test(intents_and_alignments_are_as_on_the_long_way),
        cmocka_unit_test(what_is_bad_is_refused_though_the_usage_is_known),
        cmocka_unit_test(a_pool_without_room_grows_with_the_buffer_that_was_made),
        cmocka_unit_test(a_skewed_address_is_told_and_kept),
        cmocka_unit_test(a_misaligned_address_goes_the_long_way),
        cmocka_unit_test(a_strangers_record_is_not_taken_for_its_own),
        cmocka_unit_test(a_failed_step_is_refused_and_changes_nothing),
        cmocka_unit_test(host_memory_that_runs_out_leaves_no_buffer_behind),
        cmocka_unit_test(a_freed_buffer_is_destroyed_at_once),
        cmocka_unit_test(a_name_given_later_goes_with_the_buffer),
        cmocka_unit_test(what_is_kept_goes_back_to_the_driver_when_asked),
        cmocka_unit_test(a_callers_pool_gives_its_memory_back_when_it_is_destroyed),
        cmocka_unit_test(other_frees_know_the_buffer_too),
        cmocka_unit_test(who_listens_hears_of_every_buffer),
        cmocka_unit_test(each_buffer_is_freed_by_exactly_one_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
