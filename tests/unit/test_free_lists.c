/* bda_free_many of few (src/alloc/free.c): what caches may keep goes there, from the caller's shard or another
 * thread's; all of a list is freed or none of it, whoever else frees the same. */
#include "helper_support.h"

#include "alloc/shard.h"

enum { LIST = 64 };

static BdaAllocation all[LIST];
static BdaHandle handles[LIST];

static void take_list(uint32_t count, VkDeviceSize size) {
    for (uint32_t i = 0; i < count; i++) {
        all[i] = take_bytes(size, BDA_INTENT_DEVICE);
        handles[i] = all[i].handle;
    }
}

static void free_list(uint32_t count) {
    assert_int_equal(bda_free_many(bench.allocator, count, handles), VK_SUCCESS);
}

static bool was_in(const BdaAllocation *list, uint32_t count, VkDeviceAddress address) {
    for (uint32_t i = 0; i < count; i++)
        if (list[i].address == address)
            return true;
    return false;
}

static void assert_sound(void) {
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
}

/* ---- One thread ---- */

static void a_list_goes_onto_the_shelves(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < 100; i++) /* so that there are some */
        give(take_bytes(512, BDA_INTENT_DEVICE));
    take_list(8, 512);
    VkDeviceSize kept = bench_use().cached;
    free_list(8);
    assert_int_equal(bench_use().cached, kept + 8 * 512);
    assert_int_equal(bench_use().used, 0);
    assert_sound();
    BdaAllocation before[8];
    memcpy(before, all, sizeof before);
    for (uint32_t i = 0; i < 8; i++)
        assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free(bench.allocator, before[i].handle), "bda_free",
                       "stale");
    take_list(8, 512);
    for (uint32_t i = 0; i < 8; i++)
        assert_true(was_in(before, 8, all[i].address));
    free_list(8);
    bench_close();
}

/* What shelves have no room for, and more than they are asked to take at once, goes back to TLSF. */
static void a_long_list_leaves_caches_alone(void **state) {
    (void)state;
    enum { LONG = 300 };
    static BdaHandle many[LONG];
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < 100; i++)
        give(take_bytes(512, BDA_INTENT_DEVICE));
    for (uint32_t round = 0; round < 2; round++) {
        uint32_t count = round == 0 ? LONG : 250;
        for (uint32_t i = 0; i < count; i++)
            many[i] = take_bytes(512, BDA_INTENT_DEVICE).handle;
        VkDeviceSize left = bench_use().cached;
        assert_int_equal(bda_free_many(bench.allocator, count, many), VK_SUCCESS);
        if (round == 0)
            assert_int_equal(bench_use().cached, left);
        else
            assert_true(bench_use().cached > left && bench_use().cached < (VkDeviceSize)250 * 512);
        assert_int_equal(bench_use().used, 0);
        assert_sound();
    }
    bench_close();
}

static void all_or_none_is_freed(void **state) {
    (void)state;
    enum { COUNT = 12 };
    bench_open(NULL, NULL);
    for (uint32_t i = 0; i < 100; i++)
        give(take_bytes(512, BDA_INTENT_DEVICE));
    BdaAllocation gone = take_bytes(512, BDA_INTENT_DEVICE);
    give(gone);
    take_list(COUNT, 512);
    const BdaUse before = bench_use();
    for (uint32_t bad = 1; bad < COUNT; bad++)
        for (uint32_t kind = 0; kind < 3; kind++) {
            BdaHandle list[COUNT];
            memcpy(list, handles, sizeof list);
            list[bad] = kind == 0 ? list[0] : kind == 1 ? gone.handle : 0x1234;
            if (bad > 2)
                list[1] = 0; /* which is none */
            assert_int_equal(bda_free_many(bench.allocator, COUNT, list), VK_ERROR_VALIDATION_FAILED_EXT);
            assert_int_equal(bench_use().used, before.used);
            assert_int_equal(bench_use().cached, before.cached);
            for (uint32_t i = 0; i < COUNT; i++)
                assert_int_equal(info_of(all[i].handle).allocation.address, all[i].address);
            assert_sound();
        }
    free_list(COUNT);
    bench_close();
}

static void lists_of_all_sorts_are_freed(void **state) {
    (void)state;
    const BdaAllocatorFlags modes[] = { 0, BDA_ALLOCATOR_NO_CACHES_BIT, BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT,
                                        BDA_ALLOCATOR_LOG_EVENTS_BIT };
    for (uint32_t mode = 0; mode < COUNT_OF(modes); mode++) {
        bench_open(NULL, &(BdaAllocatorInfo){ .flags = modes[mode] });
        for (uint32_t i = 0; i < 100; i++)
            give(take_bytes(512, BDA_INTENT_DEVICE));
        for (uint32_t round = 0; round < 3; round++) {
            for (uint32_t i = 0; i < LIST; i++)
                switch ((i + round) % 7) {
                case 0:
                    handles[i] = 0;
                    break;
                case 1:
                    handles[i] = take_bytes(KIB(100), BDA_INTENT_DEVICE).handle;
                    break;
                case 2:
                    handles[i] = take((BdaAllocInfo){ .size = 512, .name = "named" }).handle;
                    break;
                case 3:
                    handles[i] = take_buffer(512, PLAIN_USAGE, (BdaAllocInfo){ .size = 0 }).handle;
                    break;
                case 4:
                    handles[i] = take((BdaAllocInfo){ .size = 512, .flags = BDA_ALLOC_DEDICATED_BIT }).handle;
                    break;
                default:
                    handles[i] = take_bytes(64 + i * 16, i % 2 == 0 ? BDA_INTENT_DEVICE : BDA_INTENT_UPLOAD).handle;
                }
            free_list(LIST);
            assert_int_equal(bench_use().used, 0);
            assert_sound();
        }
        bench_close();
    }
}

/* ---- Several ---- */

static struct helper helper;

static void fill_slots(struct helper *h) {
    h->result = VK_SUCCESS;
    for (h->count = 0; h->count < LIST && h->result == VK_SUCCESS; h->count++)
        h->result = bda_alloc(bench.allocator, &h->wish, &h->slots[h->count]);
}

/* They leave in bundles, and are the other thread's next ones. */
static void what_another_thread_took_goes_to_its_depot(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = MIB(8), .max_block_size = MIB(8) });
    give(take_bytes(64, BDA_INTENT_DEVICE));
    hire(&helper);
    helper.wish = (BdaAllocInfo){ .size = 1000 };
    uint64_t again = 0;
    for (uint32_t round = 0; round < 20; round++) {
        BdaAllocation before[LIST];
        memcpy(before, helper.slots, sizeof before);
        tell(&helper, fill_slots);
        assert_int_equal(helper.count, LIST);
        for (uint32_t i = 0; i < LIST; i++) {
            handles[i] = helper.slots[i].handle;
            again += was_in(before, LIST, helper.slots[i].address);
        }
        free_list(LIST);
        assert_int_equal(bench_use().used, 0);
        assert_sound();
    }
    assert_true(again > 15 * LIST);
    assert_true(bench_use().cached != 0);
    dismiss(&helper);
    bench_close();
}

enum { ROUNDS = 400, SHARED = 24 };

static BdaHandle shared[SHARED];
static _Atomic uint32_t freed;

static void free_shared(struct helper *h) {
    if (bda_free_many(bench.allocator, SHARED, shared) == VK_SUCCESS)
        atomic_fetch_add(&freed, 1);
    h->result = VK_SUCCESS;
}

static void two_who_free_the_same_list_do_not_free_it_twice(void **state) {
    (void)state;
    bench_prepare(NULL);
    bench.info.message = NULL;
    bench_start();
    hire(&helper);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < SHARED; i++)
            shared[i] = take_bytes(512, BDA_INTENT_DEVICE).handle;
        uint32_t before = atomic_load(&freed), asked = begin(&helper, free_shared);
        if (bda_free_many(bench.allocator, SHARED, shared) == VK_SUCCESS)
            atomic_fetch_add(&freed, 1);
        await(&helper, asked);
        assert_int_equal(atomic_load(&freed) - before, 1); /* who has the first one has all */
        assert_int_equal(bench_use().used, 0);
    }
    assert_sound();
    dismiss(&helper);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_goes_onto_the_shelves),
        cmocka_unit_test(a_long_list_leaves_caches_alone),
        cmocka_unit_test(all_or_none_is_freed),
        cmocka_unit_test(lists_of_all_sorts_are_freed),
        cmocka_unit_test(what_another_thread_took_goes_to_its_depot),
        cmocka_unit_test(two_who_free_the_same_list_do_not_free_it_twice),
    };
    return cmocka_run_group_tests_name("free_lists", tests, NULL, NULL);
}
