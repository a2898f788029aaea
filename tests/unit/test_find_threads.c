/*
 * Look-ups while others allocate, free, name and trim: every finding is of something that was there, blocks whose
 * memory comes again at the same address are told apart, and residents are always found. And what chance does to a
 * single thread, against a naive list.
 */
#include "alloc_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc/allocator.h"

static uint32_t below(uint64_t *seed, uint32_t bound) {
    uint64_t z = *seed += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (uint32_t)((z ^ z >> 31) % bound);
}

/* ---- One thread, against a list ---- */

enum { MOST = 600, STEPS = 30000 };

static BdaAllocation list[MOST];
static uint32_t length;

static const BdaAllocation *naive_owner(VkDeviceAddress address) {
    for (uint32_t i = 0; i < length; i++)
        if (address - list[i].address < list[i].size)
            return &list[i];
    return NULL;
}

static void look_up(VkDeviceAddress address) {
    const BdaAllocation *owner = naive_owner(address);
    BdaFinding finding;
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, address, 1, &count, &finding), VK_SUCCESS);
    assert_int_equal(finding.kind == BDA_FINDING_LIVE, owner != NULL);
    if (owner != NULL) {
        assert_int_equal(finding.range.handle, owner->handle);
        assert_int_equal(finding.range.size, owner->size);
        assert_int_equal(finding.offset, address - owner->address);
    } else if (finding.kind == BDA_FINDING_SLACK) {
        assert_true(naive_owner(finding.before.address) != NULL);
        assert_int_equal(naive_owner(finding.before.address)->handle, finding.before.handle);
    }
    VkBuffer buffer;
    VkDeviceSize offset;
    if (owner == NULL)
        return;
    assert_int_equal(bda_resolve(bench.allocator, address, &buffer, &offset), VK_SUCCESS);
    assert_true(buffer == owner->buffer && offset == owner->offset + (address - owner->address));
}

static void allocate_something(uint64_t *seed) {
    BdaAllocInfo info = { .size = 1 + below(seed, below(seed, 8) == 0 ? 60000 : 700) };
    info.name = below(seed, 4) == 0 ? "some" : NULL;
    info.flags = below(seed, 40) == 0 ? BDA_ALLOC_DEDICATED_BIT : 0;
    list[length++] =
        below(seed, 4) == 0 ? take_buffer(info.size, PLAIN_USAGE, (BdaAllocInfo){ .name = info.name }) : take(info);
}

static void free_something(uint64_t *seed) {
    uint32_t i = below(seed, length);
    BdaAllocation gone = list[i];
    list[i] = list[--length];
    if (below(seed, 2) == 0)
        assert_int_equal(bda_free_address(bench.allocator, gone.address), VK_SUCCESS);
    else
        give(gone);
    look_up(gone.address);
}

static void chance_agrees_with_a_list(void **state) {
    (void)state;
    for (uint64_t run = 0; run < 3; run++) {
        const BdaAllocatorFlags flags[] = { 0, BDA_ALLOCATOR_NO_CACHES_BIT, BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT };
        uint64_t seed = run + 1;
        bench_open(NULL,
                   &(BdaAllocatorInfo){ .flags = flags[run], .first_block_size = KIB(256), .max_block_size = MIB(2) });
        for (uint32_t step = 0; step < STEPS; step++) {
            bool grow = step / 3000 % 2 == 0 ? below(&seed, 3) != 0 : below(&seed, 3) == 0;
            if (grow && length < MOST)
                allocate_something(&seed);
            else if (length != 0)
                free_something(&seed);
            if (length == 0)
                continue;
            const BdaAllocation *a = &list[below(&seed, length)];
            look_up(a->address + below(&seed, (uint32_t)a->size));
            look_up(a->address + a->size + below(&seed, 300));
            look_up(a->address - 1 - below(&seed, 300));
            if (step % 4000 == 0)
                assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
        }
        while (length != 0)
            free_something(&seed);
        bench_close();
    }
}

/* ---- Several ---- */

enum { RESIDENTS = 64, WORKERS = 2, SLOTS = 64, WORK = 6000 };

static BdaAllocation residents[RESIDENTS];
static _Atomic VkDeviceAddress hints[WORKERS * SLOTS]; /* of what workers have, or had */
static _Atomic bool over;
static _Atomic(const char *) broken;

static void note(bool holds, const char *promise) {
    if (!holds)
        atomic_store(&broken, promise);
}
#define NOTE(holds) note(holds, #holds)

static bool find_at(VkDeviceAddress address, BdaFinding *finding) {
    uint32_t count = 1;
    return bda_find(bench.allocator, address, 0, &count, finding) == VK_SUCCESS && count == 1;
}

static VkResult make(uint64_t *seed, const char *name, BdaAllocation *a) {
    BdaAllocInfo info = { .size = 16 + below(seed, 2000), .name = below(seed, 3) == 0 ? name : NULL };
    const VkBufferCreateInfo buffer = buffer_info(info.size, PLAIN_USAGE);
    info.flags = below(seed, 30) == 0 ? BDA_ALLOC_DEDICATED_BIT : 0;
    if (below(seed, 4) != 0)
        return bda_alloc(bench.allocator, &info, a);
    info.size = 0;
    return bda_alloc_buffer(bench.allocator, &buffer, &info, a);
}

/* What is its own is found where it is. */
static void *work(void *context) {
    uint32_t number = (uint32_t)(uintptr_t)context;
    uint64_t seed = number + 10;
    BdaAllocation mine[SLOTS] = { { .handle = 0 } };
    for (uint32_t step = 0; step < WORK; step++) {
        uint32_t slot = below(&seed, SLOTS);
        BdaAllocation *a = &mine[slot];
        if (a->handle == 0) {
            NOTE(make(&seed, "worker's", a) == VK_SUCCESS);
            atomic_store(&hints[number * SLOTS + slot], a->address);
            continue;
        }
        BdaFinding finding;
        VkDeviceSize offset = below(&seed, (uint32_t)a->size);
        NOTE(find_at(a->address + offset, &finding));
        NOTE(finding.kind == BDA_FINDING_LIVE && finding.range.handle == a->handle && finding.offset == offset);
        NOTE(finding.range.size == a->size);
        if (below(&seed, 8) == 0)
            NOTE(bda_set_name(bench.allocator, a->handle, "renamed") == VK_SUCCESS);
        NOTE((below(&seed, 2) == 0 ? bda_free(bench.allocator, a->handle)
                                   : bda_free_address(bench.allocator, a->address)) == VK_SUCCESS);
        a->handle = 0;
        if (step % 500 == 0)
            NOTE(bda_trim(bench.allocator, 0, NULL) == VK_SUCCESS);
    }
    for (uint32_t i = 0; i < SLOTS; i++)
        NOTE(bda_free(bench.allocator, mine[i].handle) == VK_SUCCESS);
    return NULL;
}

/* Others' addresses may be anything by now, but what is said of them fits together. */
static void *look_on(void *context) {
    uint64_t seed = (uintptr_t)context + 100;
    while (!atomic_load(&over)) {
        const BdaAllocation *a = &residents[below(&seed, RESIDENTS)];
        VkDeviceSize offset = below(&seed, (uint32_t)a->size);
        BdaFinding finding, several[8];
        NOTE(find_at(a->address + offset, &finding));
        NOTE(finding.kind == BDA_FINDING_LIVE && finding.range.handle == a->handle && finding.offset == offset);
        NOTE(strcmp(finding.range.name, "resident") == 0);
        VkBuffer buffer;
        NOTE(bda_resolve(bench.allocator, a->address + 5, &buffer, &offset) == VK_SUCCESS);
        NOTE(buffer == a->buffer && offset == a->offset + 5);
        VkDeviceAddress other = atomic_load(&hints[below(&seed, COUNT_OF(hints))]) + below(&seed, 64);
        NOTE(find_at(other, &finding) && finding.address == other);
        if (finding.kind != BDA_FINDING_FOREIGN)
            NOTE(other - finding.range.address == finding.offset && finding.block_size != 0);
        if (finding.kind == BDA_FINDING_LIVE)
            NOTE(finding.offset < finding.range.size);
        NOTE(finding.range.name[0] == '\0' || strcmp(finding.range.name, "worker's") == 0 ||
             strcmp(finding.range.name, "renamed") == 0 || strcmp(finding.range.name, "resident") == 0);
        uint32_t count = COUNT_OF(several);
        VkResult result = bda_find(bench.allocator, other, 4096, &count, several);
        NOTE((result == VK_SUCCESS || result == VK_INCOMPLETE) && count != 0);
        for (uint32_t i = 1; i < count; i++)
            NOTE(several[i].address == several[i - 1].address + several[i - 1].extent);
        char text[BDA_FINDING_TEXT_SIZE];
        NOTE(bda_describe_finding(&several[0], sizeof text, text) == VK_SUCCESS);
        (void)bda_mapped(bench.allocator, other);
    }
    return NULL;
}

/* All workers at once, while another thread looks up whatever they hint at. */
static void run_beside_a_looker(void *(*worker)(void *)) {
    pthread_t workers[WORKERS], looker;
    atomic_store(&over, false);
    assert_int_equal(pthread_create(&looker, NULL, look_on, NULL), 0);
    for (uintptr_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, worker, (void *)i), 0);
    for (uint32_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_join(workers[i], NULL), 0);
    atomic_store(&over, true);
    assert_int_equal(pthread_join(looker, NULL), 0);
    if (atomic_load(&broken) != NULL)
        fail_msg("broken: %s", atomic_load(&broken));
}

static void look_ups_are_right_while_others_work(void **state) {
    (void)state;
    for (int skewed = 0; skewed < 2; skewed++) {
        const struct fake_config config = { .machine = FAKE_MACHINE_UNIFIED,
                                            .buffer_address_skew = skewed != 0 ? MIB(64) : 0 };
        bench_open(&config, &(BdaAllocatorInfo){ .first_block_size = KIB(64), .max_block_size = KIB(256) });
        for (uint32_t i = 0; i < RESIDENTS; i++)
            residents[i] = take((BdaAllocInfo){ .size = 100 + i, .name = "resident" });
        run_beside_a_looker(work);
        give_all(residents, RESIDENTS);
        bench_close();
    }
}

/* ---- Blocks that move ---- */

enum { SPANS = 48, PHASES = 60 };

static _Atomic uint32_t phases[WORKERS]; /* that each has begun */

static struct bda_pool *pool_of(BdaHandle handle) {
    return bda_block_of(bench.allocator, bda_node_of(bench.allocator, (uint32_t)handle))->pool;
}

/* Takes all that it may have, then gives all of it back, while the next one does the opposite: so blocks are empty, and
 * change shards. */
static void *breathe(void *context) {
    uint32_t number = (uint32_t)(uintptr_t)context;
    uint64_t seed = number + 20;
    BdaAllocation mine[SPANS] = { { .handle = 0 } };
    for (uint32_t phase = 0; phase < PHASES; phase++) {
        atomic_store(&phases[number], phase + 1);
        while (atomic_load(&phases[(number + 1) % WORKERS]) < phase)
            bda_native_yield();
        NOTE(bda_trim(bench.allocator, MIB(64), NULL) == VK_SUCCESS); /* no block, but what caches keep of them */
        for (uint32_t i = 0; i < SPANS; i++) {
            BdaAllocation *a = &mine[i];
            const BdaAllocInfo info = { .size = 16 + below(&seed, below(&seed, 2) == 0 ? 60000 : 1000) };
            if ((phase + number) % 2 == 0) {
                NOTE(a->handle != 0 || bda_alloc(bench.allocator, &info, a) == VK_SUCCESS);
                atomic_store(&hints[number * SLOTS + i], a->address);
            }
            BdaFinding finding;
            VkDeviceSize offset = a->handle != 0 ? below(&seed, (uint32_t)a->size) : 0;
            NOTE(a->handle == 0 || (find_at(a->address + offset, &finding) && finding.kind == BDA_FINDING_LIVE &&
                                    finding.range.handle == a->handle && finding.offset == offset));
            if ((phase + number) % 2 != 0) {
                NOTE(bda_free(bench.allocator, a->handle) == VK_SUCCESS);
                a->handle = 0;
            }
        }
    }
    for (uint32_t i = 0; i < SPANS; i++)
        NOTE(bda_free(bench.allocator, mine[i].handle) == VK_SUCCESS);
    return NULL;
}

static void look_ups_are_right_while_blocks_move(void **state) {
    (void)state;
    bench_open(NULL,
               &(BdaAllocatorInfo){ .first_block_size = KIB(128), .max_block_size = KIB(128), .keep_empty = MIB(8) });
    for (uint32_t i = 0; i < RESIDENTS; i++)
        residents[i] = take((BdaAllocInfo){ .size = 100 + i, .name = "resident" });
    struct bda_pool *head = pool_of(residents[0].handle);
    give(take((BdaAllocInfo){ .size = 64 })); /* so that this thread's cache is the first, and the head its shard */
    head->crowded = true;
    run_beside_a_looker(breathe);
    assert_true(head->shard_count > 1);
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    give_all(residents, RESIDENTS);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chance_agrees_with_a_list),
        cmocka_unit_test(look_ups_are_right_while_others_work),
        cmocka_unit_test(look_ups_are_right_while_blocks_move),
    };
    return cmocka_run_group_tests_name("find_threads", tests, NULL, NULL);
}
