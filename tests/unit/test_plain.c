/*
 * src/alloc/plain.h, range.h: the short way of a plain range does what the long way does. A priority of 0.5, the
 * default, is no other request, but only the long way looks at priorities: every request can be made both ways.
 */
#include "alloc_support.h"

#include "alloc/allocator.h"

#include "alloc/range.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

static uint64_t random_state;

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t below(uint64_t limit) {
    return next_random() % limit;
}

/* ---- Both ways ---- */

/* What came of a request, and what the allocator holds more for it. */
struct outcome {
    VkResult result;
    char told[256];
    BdaAllocation allocation;
    BdaAllocationInfo info;
    BdaUse use;
    uint64_t name_hash;
};

static uint64_t hash_of(const char *text) {
    uint64_t hash = 14695981039346656037u;
    for (; text != NULL && *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

static struct outcome try_and_undo(BdaAllocInfo info) {
    struct outcome o;
    memset(&o, 0, sizeof o);
    bench_hush();
    o.result = bda_alloc(bench.allocator, &info, &o.allocation);
    (void)snprintf(o.told, sizeof o.told, "%.250s", bench.text);
    o.use = bench_use();
    if (o.result == VK_SUCCESS) {
        assert_is_sound(&o.allocation);
        assert_int_equal(o.allocation.size, info.size);
        if (info.alignment != 0)
            assert_int_equal(o.allocation.address % info.alignment, 0);
        o.info = info_of(o.allocation.handle);
        o.name_hash = hash_of(o.info.name);
        give(o.allocation);
    } else {
        assert_is_zeroed(&o.allocation, sizeof o.allocation);
    }
    bench_hush();
    return o;
}

/* The place may differ where several are as good. */
static void assert_same_outcome(const struct outcome *a, const struct outcome *b) {
    assert_int_equal(a->result, b->result);
    assert_string_equal(a->told, b->told);
    assert_int_equal(a->use.allocation_count, b->use.allocation_count);
    assert_int_equal(a->use.used, b->use.used);
    if (bench.info.flags & BDA_ALLOCATOR_NO_CACHES_BIT) /* a kept range may be a little larger */
        assert_int_equal(a->use.wasted, b->use.wasted);
    assert_int_equal(a->use.block_count, b->use.block_count);
    assert_ptr_equal(a->info.pool, b->info.pool);
    assert_int_equal(a->info.memory_type, b->info.memory_type);
    assert_int_equal(a->info.dedicated, b->info.dedicated);
    assert_int_equal(a->info.user, b->info.user);
    assert_int_equal(a->name_hash, b->name_hash);
    assert_int_equal(a->allocation.mapped != NULL, b->allocation.mapped != NULL);
}

static void assert_both_ways_agree(BdaAllocInfo info) {
    (void)try_and_undo(info); /* what it needs of new memory is there for both */
    info.priority = 0;
    struct outcome short_way = try_and_undo(info);
    info.priority = 0.5f;
    struct outcome long_way = try_and_undo(info);
    assert_same_outcome(&short_way, &long_way);
}

/* Mostly good requests; each member is now and then one that is refused, or at a limit. */
static BdaAllocInfo random_request(const BdaPool *pools, uint32_t pool_count) {
    static const VkDeviceSize edges[] = { 1, 15, 16, 255, 256, 257, KIB(16), KIB(64), KIB(256), MIB(1) };
    static const uint64_t usages[] = { 0, 0x10, 0x20, 0x4, 0x1FF, 0x100000, 0x400, 0x200000, 0x2000, 1ull << 40 };
    static const BdaAllocFlags flags[] = { 0,
                                           0,
                                           BDA_ALLOC_WITHIN_BUDGET_BIT,
                                           BDA_ALLOC_NO_NEW_MEMORY_BIT,
                                           BDA_ALLOC_HOST_FALLBACK_BIT,
                                           BDA_ALLOC_ZERO_BIT,
                                           0x40000000 };
    BdaAllocInfo info = { .size = 1 + below(5000), .intent = (BdaIntent)below(4) };
    if (below(3) == 0)
        info.size = edges[below(COUNT_OF(edges))] + below(3) - 1;
    if (below(2) == 0)
        info.alignment = (VkDeviceSize)1 << below(20);
    if (below(20) == 0)
        info.alignment += 1 + below(3);
    if (below(2) == 0)
        info.usage = usages[below(COUNT_OF(usages))];
    info.flags = flags[below(COUNT_OF(flags))];
    if (below(3) == 0)
        info.pool = pools[below(pool_count)];
    if (below(5) == 0)
        info.user = next_random();
    if (below(5) == 0)
        info.name = below(2) == 0 ? "a name" : "another";
    return info;
}

static void both_ways_agree_on(const struct fake_config *config, const BdaAllocatorInfo *wishes) {
    bench_open(config, wishes);
    const BdaPool pools[] = {
        make_pool((BdaPoolInfo){ .usage = 0x30 }),
        make_pool((BdaPoolInfo){ .max_block_size = KIB(64), .first_block_size = KIB(64) }),
        make_pool((BdaPoolInfo){ .max_block_size = MIB(1), .intent = BDA_INTENT_UPLOAD }),
    };
    BdaAllocation held[4]; /* blocks are in use */
    for (uint32_t i = 0; i < COUNT_OF(held); i++)
        held[i] = take_bytes(1000, BDA_INTENT_UPLOAD);
    give(held[1]);
    for (uint32_t i = 0; i < 3000; i++)
        assert_both_ways_agree(random_request(pools, COUNT_OF(pools)));
    give(held[0]);
    give(held[2]);
    give(held[3]);
    for (uint32_t i = 0; i < COUNT_OF(pools); i++)
        assert_int_equal(bda_destroy_pool(bench.allocator, pools[i]), VK_SUCCESS);
    bench_close();
}

static void both_ways_agree(void **state) {
    (void)state;
    random_state = 20;
    const uint32_t features = FAKE_ACCELERATION_STRUCTURE | FAKE_RAY_TRACING_PIPELINE | FAKE_DESCRIPTOR_BUFFER;
    both_ways_agree_on(&(struct fake_config){ .machine = FAKE_MACHINE_REBAR }, NULL);
    both_ways_agree_on(&(struct fake_config){ .machine = FAKE_MACHINE_REBAR },
                       &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
    both_ways_agree_on(&(struct fake_config){ .machine = FAKE_MACHINE_REBAR, .with = features }, NULL);
    both_ways_agree_on(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT,
                                              .limits = { .nonCoherentAtomSize = 256 },
                                              .base_alignment = 256,
                                              .base_residue = 64 },
                       &(BdaAllocatorInfo){ .max_block_size = MIB(1) });
    both_ways_agree_on(
        &(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .heap_size = MIB(32) },
        &(BdaAllocatorInfo){ .first_block_size = KIB(64), .flags = BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT });
}

/* ---- When the short way is open ---- */

static struct bda_pool *first_pool(BdaIntent intent) {
    return atomic_load(&bench.allocator->first_pools[intent]);
}

static void an_intent_finds_its_first_pool_without_a_search(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED }, NULL);
    assert_null(first_pool(BDA_INTENT_UPLOAD));
    BdaAllocation a = take_bytes(16, BDA_INTENT_DEVICE);
    for (uint32_t intent = 0; intent < 4; intent++) /* one memory type serves all of them */
        assert_non_null(first_pool((BdaIntent)intent));
    give(a);
    bench_close();
}

static void a_second_choice_does_not_become_the_first(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .heap_size = MIB(1) }, NULL);
    BdaAllocation taken[64];
    VkResult end;
    uint32_t count = take_until_refused((BdaAllocInfo){ .size = KIB(32) }, taken, COUNT_OF(taken), &end);
    assert_int_equal(first_pool(BDA_INTENT_DEVICE)->key.memory_type, info_of(taken[0].handle).memory_type);
    assert_int_not_equal(info_of(taken[count - 1].handle).memory_type, info_of(taken[0].handle).memory_type);
    give_all(taken, count);
    bench_close();
}

static void who_listens_to_events_hears_of_every_range(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_LOG_EVENTS_BIT });
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD });
    for (uint32_t i = 0; i < 4; i++) {
        BdaPool where = i % 2 == 0 ? NULL : pool;
        BdaAllocation many[2];
        bench_hush();
        give(take((BdaAllocInfo){ .size = 64, .pool = where }));
        assert_int_equal(
            bda_alloc_many(bench.allocator, 2,
                           (BdaAllocInfo[]){ { .size = 16, .pool = where }, { .size = 16, .pool = where } }, many),
            VK_SUCCESS);
        assert_int_equal(bda_free_many(bench.allocator, 2, (BdaHandle[]){ many[0].handle, many[1].handle }),
                         VK_SUCCESS);
        assert_int_equal(bench_heard("allocated: "), 3);
        assert_int_equal(bench_heard("freed: "), 3);
    }
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void a_pool_that_is_not_ours_is_refused_although_it_has_room(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocator other = NULL;
    BdaPool foreign = NULL;
    BdaAllocation held;
    assert_int_equal(bda_create_allocator(&bench.info, &other), VK_SUCCESS);
    assert_int_equal(bda_create_pool(other, &(BdaPoolInfo){ .intent = BDA_INTENT_DEVICE }, &foreign), VK_SUCCESS);
    assert_int_equal(bda_alloc(other, &(BdaAllocInfo){ .size = 16, .pool = foreign }, &held), VK_SUCCESS);
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, (BdaAllocInfo){ .size = 16, .pool = foreign });
    bench_hush();
    assert_int_equal(bda_free(other, held.handle), VK_SUCCESS);
    assert_int_equal(bda_destroy_allocator(other), VK_SUCCESS);
    bench_close();
}

static void a_destroyed_pool_is_refused(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_DEVICE });
    give(take((BdaAllocInfo){ .size = 16, .pool = pool }));
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, (BdaAllocInfo){ .size = 16, .pool = pool });
    bench_hush();
    bench_close();
}

/* ---- A second look ---- */

struct late_free {
    BdaHandle handle;
    VkResult result;
};

static void *free_late(void *context) {
    struct late_free *late = context;
    late->result = bda_free(bench.allocator, late->handle);
    return NULL;
}

/* A free that has found its allocation and waits for the lock, while who holds that frees the same. (Should the thread
 * be late, it finds the handle stale at its first look.) */
static void a_handle_that_dies_while_its_lock_is_waited_for_is_stale(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation a = take_bytes(64, BDA_INTENT_DEVICE), neighbour = take_bytes(64, BDA_INTENT_DEVICE);
    struct late_free late = { a.handle, VK_SUCCESS };
    struct bda_live live = { 0, NULL, NULL, NULL };
    pthread_t thread;
    assert_true(bda_handle_find(bench.allocator, a.handle, &live));
    bda_lock(&live.pool->lock);
    assert_int_equal(pthread_create(&thread, NULL, free_late, &late), 0);
    (void)nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    assert_true(bda_node_try_retire(live.node, bda_handle_generation(a.handle), BDA_NODE_RETIRED, true));
    bda_range_free(&live);
    bda_unlock(&live.pool->lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, late.result, "bda_free", "stale");
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().allocation_count, 1);
    give(neighbour);
    bench_close();
}

/* ---- Records ---- */

static void a_name_that_finds_no_host_memory_is_refused_or_kept(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    give(take((BdaAllocInfo){ .size = 64, .name = "warm" }));
    const struct bench_state before = bench_look();
    BdaAllocation a;
    fake_host_fail(&bench.host, 1, true);
    assert_refusal(VK_ERROR_OUT_OF_HOST_MEMORY,
                   bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = 64, .name = LONG_NAME }, &a), "bda_alloc",
                   "host memory");
    fake_host_fail(&bench.host, 0, false);
    assert_is_zeroed(&a, sizeof a);
    assert_as_before(&before);
    bench_close();
}

static void a_named_request_that_finds_no_room_gives_its_record_back(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation first = take_bytes(KIB(512), BDA_INTENT_DEVICE);
    for (uint32_t i = 0; i < 10; i++)
        refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY,
               (BdaAllocInfo){ .size = KIB(700), .name = "none", .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    assert_int_equal(atomic_load(&bench.allocator->records.store.length), 2); /* one, after that which means none */
    bench_hush();
    give(first);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_agree),
        cmocka_unit_test(an_intent_finds_its_first_pool_without_a_search),
        cmocka_unit_test(a_second_choice_does_not_become_the_first),
        cmocka_unit_test(who_listens_to_events_hears_of_every_range),
        cmocka_unit_test(a_pool_that_is_not_ours_is_refused_although_it_has_room),
        cmocka_unit_test(a_destroyed_pool_is_refused),
        cmocka_unit_test(a_handle_that_dies_while_its_lock_is_waited_for_is_stale),
        cmocka_unit_test(a_name_that_finds_no_host_memory_is_refused_or_kept),
        cmocka_unit_test(a_named_request_that_finds_no_room_gives_its_record_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
