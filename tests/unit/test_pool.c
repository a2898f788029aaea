/* src/alloc/pool.c: what a range amounts to in a pool (alignment, atoms, rounding), and which blocks a pool may have.
 */
#include "alloc_support.h"

#include "alloc/allocator.h"

#include <stdlib.h>

/* ---- Alignment asked for ---- */

/* The promise of BdaAllocInfo::alignment. */
static void assert_is_aligned(const BdaAllocation *allocation, VkDeviceSize alignment) {
    VkDeviceSize base_alignment = bench_properties().base_alignment;
    assert_int_equal(allocation->address % alignment, 0);
    if (alignment <= base_alignment)
        assert_int_equal(allocation->offset % alignment, 0);
}

static void every_alignment_holds(BdaIntent intent, BdaAllocFlags flags, VkDeviceSize most) {
    BdaAllocation taken[64];
    uint32_t count = 0;
    for (VkDeviceSize alignment = 1; alignment <= most; alignment *= 2) {
        BdaAllocInfo info = { .size = 24, .alignment = alignment, .intent = intent, .flags = flags };
        for (uint32_t twice = 0; twice < 2; twice++) {
            taken[count] = take(info);
            assert_is_aligned(&taken[count], alignment);
            assert_is_sound(&taken[count++]);
        }
    }
    give_all(taken, count);
}

static void alignments_hold_from_one_to_the_largest_block(void **state) {
    (void)state;
    const enum fake_machine machines[] = { FAKE_MACHINE_DISCRETE, FAKE_MACHINE_NON_COHERENT };
    for (uint32_t i = 0; i < COUNT_OF(machines); i++) {
        bench_open(&(struct fake_config){ .machine = machines[i] }, &(BdaAllocatorInfo){ .max_block_size = MIB(8) });
        every_alignment_holds(BDA_INTENT_DEVICE, 0, MIB(8));
        every_alignment_holds(BDA_INTENT_UPLOAD, 0, MIB(8));
        every_alignment_holds(BDA_INTENT_READBACK, BDA_ALLOC_DEDICATED_BIT, MIB(8));
        bench_close();
    }
}

static void alignments_hold_in_buffers_of_their_own(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED },
               &(BdaAllocatorInfo){ .max_block_size = MIB(8) });
    BdaAllocation taken[64];
    uint32_t count = 0;
    for (VkDeviceSize alignment = 1; alignment <= MIB(8); alignment *= 2) {
        taken[count] = take_buffer(40, PLAIN_USAGE, (BdaAllocInfo){ .alignment = alignment });
        assert_int_equal(taken[count].address % alignment, 0);
        assert_is_sound(&taken[count++]);
    }
    give_all(taken, count);
    bench_close();
}

static void without_a_wish_addresses_are_multiples_of_sixteen(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation taken[20];
    for (uint32_t i = 0; i < COUNT_OF(taken); i++) {
        taken[i] = take((BdaAllocInfo){ .size = 1 + i, .alignment = i % 3 });
        assert_int_equal(taken[i].address % 16, 0);
    }
    give_all(taken, COUNT_OF(taken));
    bench_close();
}

static void an_alignment_over_the_largest_block_is_refused(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .max_block_size = MIB(1) });
    BdaAllocation most = take((BdaAllocInfo){ .size = 16, .alignment = MIB(1), .pool = pool });
    assert_int_equal(most.address % MIB(1), 0);
    const struct bench_state before = bench_look();
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, (BdaAllocInfo){ .size = 16, .alignment = MIB(2), .pool = pool });
    VkDeviceSize largest = bench_properties().max_block_size;
    refuse(VK_ERROR_VALIDATION_FAILED_EXT, (BdaAllocInfo){ .size = 16, .alignment = largest * 2 });
    assert_int_equal(bench_heard("alignment is larger than a block"), 2);
    assert_unchanged(&before);
    give(most);
    bench_close();
}

/* Guards against asking a heap of N bytes for size + alignment, which is more. */
static void an_alignment_that_the_heap_has_no_room_for_is_refused_quietly(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .heap_size = MIB(64) },
               &(BdaAllocatorInfo){ .max_block_size = MIB(128) });
    const BdaAllocInfo info = { .size = MIB(48), .alignment = MIB(32) };
    BdaAllocation allocation;
    VkResult result = bda_alloc(bench.allocator, &info, &allocation);
    assert_true(result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_VALIDATION_FAILED_EXT);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = MIB(64), .alignment = 4096 });
    bench_close();
}

/* ---- Alignment that a usage needs ---- */

struct need {
    uint64_t usage;
    BdaAllocFlags flags;
    VkDeviceSize alignment;
};

static const struct fake_config demanding = {
    .with = FAKE_ACCELERATION_STRUCTURE | FAKE_RAY_TRACING_PIPELINE | FAKE_DESCRIPTOR_BUFFER,
    .scratch_alignment = 512,
    .shader_group_base_alignment = 128,
    .descriptor_buffer_alignment = 1024,
    .base_alignment = 256, /* as large as buffers require, or no driver could promise their addresses */
    .limits = { .minUniformBufferOffsetAlignment = 256,
                .minStorageBufferOffsetAlignment = 32,
                .minTexelBufferOffsetAlignment = 64 },
};

static const struct need needs[] = {
    { 0, 0, 16 },
    { VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, 0, 16 },
    { VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, 0, 256 },
    { VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, 0, 32 },
    { VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT, 0, 64 },
    { VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT, 0, 64 },
    { VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, 0, 256 },
    { VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR, 0, 256 },
    { VK_BUFFER_USAGE_SHADER_BINDING_TABLE_BIT_KHR, 0, 128 },
    { VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT, 0, 1024 },
    { VK_BUFFER_USAGE_SAMPLER_DESCRIPTOR_BUFFER_BIT_EXT, 0, 1024 },
    { VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, BDA_ALLOC_ACCELERATION_STRUCTURE_SCRATCH_BIT, 512 },
    { 0, BDA_ALLOC_ACCELERATION_STRUCTURE_SCRATCH_BIT, 512 },
};

/* With a byte in front of it and with memory of its own. */
static void the_need_is_met(const struct need *need, BdaAllocFlags more) {
    BdaAllocation disturbance = take((BdaAllocInfo){ .size = 1, .usage = need->usage });
    BdaAllocation range =
        take((BdaAllocInfo){ .size = 40, .usage = need->usage, .flags = need->flags | more, .alignment = 1 });
    assert_int_equal(range.address % need->alignment, 0);
    assert_int_equal(range.offset % need->alignment, 0);
    give(range);
    give(disturbance);
}

static void every_usage_gets_the_alignment_it_needs(void **state) {
    (void)state;
    bench_open(&demanding, NULL);
    assert_int_equal(bench_properties().base_alignment, 1024);
    for (uint32_t i = 0; i < COUNT_OF(needs); i++) {
        the_need_is_met(&needs[i], 0);
        the_need_is_met(&needs[i], BDA_ALLOC_DEDICATED_BIT);
    }
    bench_close();
}

static void every_usage_of_a_buffer_of_its_own_gets_its_alignment(void **state) {
    (void)state;
    bench_open(&demanding, NULL);
    for (uint32_t i = 1; i + 1 < COUNT_OF(needs); i++) {
        BdaAllocation disturbance = take_buffer(1, (VkBufferUsageFlags)needs[i].usage, (BdaAllocInfo){ .size = 1 });
        BdaAllocation own =
            take_buffer(40, (VkBufferUsageFlags)needs[i].usage, (BdaAllocInfo){ .flags = needs[i].flags });
        assert_int_equal(own.address % needs[i].alignment, 0);
        give(own);
        give(disturbance);
    }
    bench_close();
}

static void descriptor_buffers_have_blocks_apart(void **state) {
    (void)state;
    bench_open(&demanding, NULL);
    BdaAllocation plain = take_bytes(64, BDA_INTENT_DEVICE);
    BdaAllocation descriptors =
        take((BdaAllocInfo){ .size = 64, .usage = VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT });
    assert_int_not_equal(plain.buffer, descriptors.buffer);
    give(plain);
    give(descriptors);
    bench_close();
}

/* ---- Atoms ---- */

/* No atom of one allocation's memory holds a byte of another. */
static void assert_owns_its_atoms(const BdaAllocation *a, const BdaAllocation *b, VkDeviceSize atom) {
    if (a->buffer != b->buffer)
        return;
    VkDeviceSize base = memory_offset_of(a->buffer);
    VkDeviceSize first = (base + a->offset) / atom, last = (base + a->offset + a->size - 1) / atom;
    VkDeviceSize other_first = (base + b->offset) / atom, other_last = (base + b->offset + b->size - 1) / atom;
    assert_true(last < other_first || other_last < first);
}

static void atoms_are_owned(const struct fake_config *config, VkDeviceSize atom) {
    bench_open(config, NULL);
    assert_int_equal(bench_properties().non_coherent_atom, atom);
    BdaAllocation taken[24];
    const BdaIntent intents[] = { BDA_INTENT_UPLOAD, BDA_INTENT_READBACK, BDA_INTENT_SHARED };
    for (uint32_t i = 0; i < COUNT_OF(taken); i++)
        taken[i] = take((BdaAllocInfo){ .size = 1 + i * 37, .alignment = 1u << i % 6, .intent = intents[i % 3] });
    for (uint32_t i = 0; i < COUNT_OF(taken); i++) {
        assert_is_sound(&taken[i]);
        for (uint32_t j = 0; j < i; j++)
            assert_owns_its_atoms(&taken[i], &taken[j], atom);
    }
    give_all(taken, COUNT_OF(taken));
    bench_close();
}

static void neighbours_share_no_atom_of_non_coherent_memory(void **state) {
    (void)state;
    for (VkDeviceSize atom = 1; atom <= 256; atom *= 2)
        atoms_are_owned(
            &(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT, .limits = { .nonCoherentAtomSize = atom } },
            atom);
}

/* Bases such as 0x…40 with atoms of 256: aligned addresses then lie behind the atoms. */
static void neighbours_share_no_atom_where_aligned_addresses_miss_them(void **state) {
    (void)state;
    const VkDeviceSize residues[] = { 64, 128, 192 };
    for (uint32_t i = 0; i < COUNT_OF(residues); i++)
        atoms_are_owned(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT,
                                               .limits = { .nonCoherentAtomSize = 256 },
                                               .base_alignment = 256,
                                               .base_residue = residues[i] },
                        256);
}

static void coherent_memory_wastes_nothing_on_atoms(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .limits = { .nonCoherentAtomSize = 256 } }, NULL);
    BdaAllocation small = take_bytes(16, BDA_INTENT_UPLOAD);
    assert_int_equal(bench_use().wasted, 0);
    give(small);
    bench_close();
}

/* ---- Filling a block ---- */

static void a_range_may_span_exactly_a_block(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    give(take_bytes(16, BDA_INTENT_DEVICE));
    VkDeviceSize all = bench_use().largest_free;
    unsigned calls = bench_calls(FAKE_CALL_ANY);
    BdaAllocation whole = take_bytes(all, BDA_INTENT_DEVICE);
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    assert_int_equal(bench_use().free, 0);
    assert_int_equal(bench_use().largest_free, 0);
    give(whole);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = all + 1, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    assert_int_equal(bench_calls(FAKE_CALL_ANY), calls);
    bench_close();
}

static void a_block_is_used_to_its_last_granule(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .first_block_size = KIB(64), .max_block_size = KIB(64) });
    BdaAllocation first = take_bytes(16, BDA_INTENT_DEVICE);
    uint32_t more = (uint32_t)(bench_use().free / 16);
    BdaAllocation *taken = calloc(more, sizeof *taken);
    assert_non_null(taken);
    VkResult end;
    const BdaAllocInfo info = { .size = 16, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    assert_int_equal(take_until_refused(info, taken, more, &end), more);
    assert_int_equal(bench_use().free, 0);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, info);
    give_all(taken, more);
    free(taken);
    give(first);
    bench_close();
}

/* ---- Which blocks ---- */

static void a_heap_smaller_than_the_least_block_is_left_alone(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNIFIED, .heap_size = KIB(48) }, NULL);
    refuse(VK_ERROR_OUT_OF_DEVICE_MEMORY, (BdaAllocInfo){ .size = 16 });
    BdaAllocation dedicated = take((BdaAllocInfo){ .size = 16, .flags = BDA_ALLOC_DEDICATED_BIT });
    give(dedicated);
    bench_close();
}

static void a_pool_of_the_callers_never_asks_for_more_than_its_heap(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .heap_size = MIB(64) }, NULL); /* the window is 16 MiB */
    BdaPool pool =
        make_pool((BdaPoolInfo){ .intent = BDA_INTENT_SHARED, .first_block_size = MIB(32), .max_block_size = MIB(64) });
    BdaAllocation small = take((BdaAllocInfo){ .size = 16, .pool = pool });
    assert_true(bench_pool_use(pool).reserved <= MIB(16));
    give(small);
    bench_close();
}

static void no_block_is_larger_than_the_pools_largest(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .max_block_size = KIB(100) });
    BdaPoolInfo resolved;
    assert_int_equal(bda_get_pool_info(bench.allocator, pool, &resolved), VK_SUCCESS);
    BdaAllocation over = take((BdaAllocInfo){ .size = KIB(40), .alignment = KIB(16), .pool = pool });
    if (!info_of(over.handle).dedicated)
        assert_true(memory_of(over.buffer).size <= resolved.max_block_size);
    give(over);
    bench_close();
}

static void a_pool_is_used_again_with_nothing_of_its_past(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .with = FAKE_MEMORY_PRIORITY }, NULL);
    size_t held = 0;
    for (uint32_t i = 0; i < 20; i++) {
        BdaPoolInfo info = { .intent = i % 2 ? BDA_INTENT_UPLOAD : BDA_INTENT_DEVICE,
                             .priority = 0.25f * (float)(1 + i % 4),
                             .first_block_size = KIB(64) << i % 3 };
        BdaPool pool = make_pool(info);
        BdaAllocation range = take((BdaAllocInfo){ .size = 100, .pool = pool });
        assert_int_equal(memory_of(range.buffer).size, KIB(64) << i % 3);
        assert_true(memory_of(range.buffer).priority == info.priority);
        assert_int_equal(info_of(range.handle).memory_type, i % 2 ? 2 : 1);
        give(range);
        assert_int_equal(bench_pool_use(pool).block_count, 1);
        assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
        assert_int_equal(fake_memory_count(bench.driver), 0);
        size_t now = (size_t)bench_stats().host_bytes; /* after the first few: a name tag each, no pool and no nodes */
        assert_true(i < 4 || now - held < 256);
        held = now;
    }
    bench_close();
}

static void a_pool_that_goes_leaves_its_nodes_to_others(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .first_block_size = KIB(64) });
    give(take((BdaAllocInfo){ .size = 100, .pool = pool }));
    const struct bda_pool *ranges = pool->ranges;
    uint32_t spare = ranges->tlsf.spare.count;
    assert_int_not_equal(spare, 0);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    assert_int_equal(ranges->tlsf.spare.count, 0);
    assert_true(bench.allocator->nodes.spare.count >= spare);
    bench_close();
}

/* ---- Spare nodes ---- */

enum { MANY_NODES = 4000 };

/* Leaves a pool with many spare nodes, having had as many ranges. */
static void come_and_go(BdaIntent intent) {
    static BdaAllocation taken[MANY_NODES];
    for (uint32_t i = 0; i < MANY_NODES; i++)
        taken[i] = take_bytes(48, intent);
    give_all(taken, MANY_NODES);
}

static uint32_t nodes_made(void) {
    return bench.allocator->nodes.store.length;
}

/* Guards against nodes that never leave a pool: intents used in turn each took their own. */
static void after_a_trim_spare_nodes_serve_other_pools(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    come_and_go(BDA_INTENT_DEVICE);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    const uint32_t made = nodes_made();
    const BdaIntent others[] = { BDA_INTENT_UPLOAD, BDA_INTENT_READBACK, BDA_INTENT_DEVICE };
    for (uint32_t i = 0; i < COUNT_OF(others); i++) {
        come_and_go(others[i]);
        assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    }
    assert_true(nodes_made() <= made + COUNT_OF(others) * 256);
    bench_close();
}

/* Also where the pool keeps a block for what still lives in it. */
static void a_trim_leaves_a_pool_few_spare_nodes(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaAllocation stays = take_bytes(48, BDA_INTENT_DEVICE);
    const struct bda_pool *pool = bench.allocator->first_pools[BDA_INTENT_DEVICE];
    come_and_go(BDA_INTENT_DEVICE);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(pool->tlsf.spare.count, 128);
    assert_int_equal(bench_use().block_count, 1);
    come_and_go(BDA_INTENT_DEVICE);
    give(stays);
    bench_close();
}

static void a_block_that_goes_leaves_its_pool_few_spare_nodes(void **state) {
    (void)state;
    bench_open(NULL, &(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT, .keep_collects = 1 });
    come_and_go(BDA_INTENT_DEVICE);
    const struct bda_pool *pool = bench.allocator->first_pools[BDA_INTENT_DEVICE];
    assert_true(pool->tlsf.spare.count > MANY_NODES - 64);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS); /* one empty block is kept */
    assert_true(pool->tlsf.spare.count > MANY_NODES - 64);
    BdaAllocation two[] = { take_bytes(KIB(900), BDA_INTENT_DEVICE), take_bytes(KIB(900), BDA_INTENT_DEVICE) };
    give_all(two, COUNT_OF(two));
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().block_count, 1);
    assert_int_equal(pool->tlsf.spare.count, 128);
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alignments_hold_from_one_to_the_largest_block),
        cmocka_unit_test(alignments_hold_in_buffers_of_their_own),
        cmocka_unit_test(without_a_wish_addresses_are_multiples_of_sixteen),
        cmocka_unit_test(an_alignment_over_the_largest_block_is_refused),
        cmocka_unit_test(an_alignment_that_the_heap_has_no_room_for_is_refused_quietly),
        cmocka_unit_test(every_usage_gets_the_alignment_it_needs),
        cmocka_unit_test(every_usage_of_a_buffer_of_its_own_gets_its_alignment),
        cmocka_unit_test(descriptor_buffers_have_blocks_apart),
        cmocka_unit_test(neighbours_share_no_atom_of_non_coherent_memory),
        cmocka_unit_test(neighbours_share_no_atom_where_aligned_addresses_miss_them),
        cmocka_unit_test(coherent_memory_wastes_nothing_on_atoms),
        cmocka_unit_test(a_range_may_span_exactly_a_block),
        cmocka_unit_test(a_block_is_used_to_its_last_granule),
        cmocka_unit_test(a_heap_smaller_than_the_least_block_is_left_alone),
        cmocka_unit_test(a_pool_of_the_callers_never_asks_for_more_than_its_heap),
        cmocka_unit_test(no_block_is_larger_than_the_pools_largest),
        cmocka_unit_test(a_pool_is_used_again_with_nothing_of_its_past),
        cmocka_unit_test(a_pool_that_goes_leaves_its_nodes_to_others),
        cmocka_unit_test(after_a_trim_spare_nodes_serve_other_pools),
        cmocka_unit_test(a_trim_leaves_a_pool_few_spare_nodes),
        cmocka_unit_test(a_block_that_goes_leaves_its_pool_few_spare_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
