/*
 * Addresses in pools of several shards: what is found of ranges that are kept, and of blocks that move.
 */
#include "shard_support.h"

#include "alloc/locate.h"
#include "core/landmarks.h"

static BdaFinding find_at(VkDeviceAddress address) {
    BdaFinding finding = { .kind = BDA_FINDING_FOREIGN };
    uint32_t count = 1;
    if (bda_find(bench.allocator, address, 0, &count, &finding) != VK_SUCCESS || count != 1)
        finding.kind = BDA_FINDING_KIND_MAX_ENUM;
    return finding;
}

/* Bytes of all blocks that look-ups call kept. */
static VkDeviceSize bytes_found_kept(void) {
    static BdaFinding findings[2000];
    uint32_t count = COUNT_OF(findings);
    VkDeviceSize bytes = 0;
    assert_int_equal(bda_find(bench.allocator, held.address, (VkDeviceSize)1 << 40, &count, findings), VK_SUCCESS);
    for (uint32_t i = 0; i < count; i++) {
        if (findings[i].kind != BDA_FINDING_KEPT)
            continue;
        bytes += findings[i].extent;
        assert_int_equal(findings[i].range.handle, 0);
        assert_int_equal(findings[i].range.size, findings[i].extent);
    }
    return bytes;
}

/* On shelves, freed or taken ahead; in bundles of who frees what is another shard's; in the depot. */
static void what_is_cached_is_found_as_that_wherever_it_is(void **state) {
    (void)state;
    static BdaAllocation mine[3 * BDA_BUNDLE_MOST];
    const uint32_t freed = 2 * BDA_BUNDLE_MOST + 5;
    open_crowded(NULL, 0);
    give(held); /* among large ranges fewer are kept */
    held = take_bytes(64, BDA_INTENT_DEVICE);
    head->crowded = false;
    let_take((BdaAllocInfo){ .size = 512 }, 4); /* and more, since it shares the shard */
    assert_true(bench_use().cached != 0);
    assert_int_equal(bytes_found_kept(), bench_use().cached);
    let_give();
    make_empty_blocks(3);
    head->crowded = true;
    let_take((BdaAllocInfo){ .size = 2000 }, 2);
    assert_ptr_not_equal(pool_of(helper.slots[1].handle), head);
    let_give();
    take_for_helper(mine, COUNT_OF(mine));
    let_free(mine + 1, freed);
    assert_int_equal(bda_depot_filled(&head->depot), 2);
    for (uint32_t i = 1; i <= freed; i++)
        assert_int_equal(find_at(mine[i].address).kind, BDA_FINDING_KEPT);
    assert_int_equal(bytes_found_kept(), bench_use().cached);
    give_all(mine + 1 + freed, COUNT_OF(mine) - 1 - freed);
    assert_int_equal(bytes_found_kept(), bench_use().cached);
    assert_int_equal(bda_trim(bench.allocator, MIB(64), NULL), VK_SUCCESS);
    assert_int_equal(bytes_found_kept(), 0);
    close_crowded();
}

static uint32_t block_of(BdaHandle handle) {
    return bda_node_region(bda_node_of(bench.allocator, (uint32_t)handle));
}

static bool has_landmarks(uint32_t block) {
    return bda_landmarks_named(atomic_load(&bda_block_at(bench.allocator, block)->landmarks), &bench.allocator->charts,
                               0) != 0;
}

/* The block that does not hold `held`, with landmarks in it. It is empty. */
static uint32_t look_into_the_spare_block(void) {
    BdaAllocation fill[3];
    uint32_t block = 0;
    for (uint32_t i = 0; i < 3; i++) {
        fill[i] = take_bytes(KIB(500), BDA_INTENT_DEVICE);
        assert_int_equal(find_at(fill[i].address + 5).range.handle, fill[i].handle);
        block = block_of(fill[i].handle) != block_of(held.handle) ? block_of(fill[i].handle) : block;
    }
    give_all(fill, 3);
    assert_int_not_equal(block, 0);
    assert_true(has_landmarks(block));
    return block;
}

/* Its landmarks were nodes of the shard that it came from, which that one may write at any time. */
static void look_ups_follow_a_block_that_moves(void **state) {
    (void)state;
    open_crowded(NULL, 1);
    uint32_t block = look_into_the_spare_block();
    let_take(large, 3);
    assert_int_equal(block_of(helper.slots[0].handle), block);
    assert_ptr_not_equal(pool_of(helper.slots[0].handle), head);
    assert_false(has_landmarks(block));
    for (uint32_t i = 0; i < helper.count; i++) {
        BdaFinding finding = find_at(helper.slots[i].address + i);
        assert_true(finding.kind == BDA_FINDING_LIVE && finding.range.handle == helper.slots[i].handle);
        VkBuffer buffer;
        VkDeviceSize offset;
        assert_int_equal(bda_resolve(bench.allocator, helper.slots[i].address, &buffer, &offset), VK_SUCCESS);
        assert_true(buffer == helper.slots[i].buffer && offset == helper.slots[i].offset);
    }
    assert_int_equal(find_at(held.address).range.handle, held.handle);
    assert_int_equal(bda_free_address(bench.allocator, helper.slots[2].address), VK_SUCCESS);
    helper.count = 2;
    let_give();
    assert_int_equal(find_at(helper.slots[0].address).kind, BDA_FINDING_FREE);
    close_crowded();
}

static BdaFinding seen;

static void look_counted(struct helper *h) {
    counted = true;
    seen = find_at(h->given->address);
    counted = false;
}

/* Between two shards a block is in neither of them. */
static void a_look_up_waits_for_a_block_on_its_way(void **state) {
    (void)state;
    open_crowded(NULL, 0);
    struct bda_block *block = bda_block_of(bench.allocator, bda_node_of(bench.allocator, (uint32_t)held.handle));
    helper.given = &held;
    bda_yield_hook = count_steps;
    atomic_store(&steps, 0);
    bda_lock(&head->lock);
    atomic_store(&block->pool, NULL);
    uint32_t round = begin(&helper, look_counted);
    while (atomic_load(&steps) == 0)
        bda_native_yield();
    atomic_store(&block->pool, head);
    bda_unlock(&head->lock);
    await(&helper, round);
    bda_yield_hook = NULL;
    assert_true(seen.kind == BDA_FINDING_LIVE && seen.range.handle == held.handle);
    close_crowded();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_cached_is_found_as_that_wherever_it_is),
        cmocka_unit_test(look_ups_follow_a_block_that_moves),
        cmocka_unit_test(a_look_up_waits_for_a_block_on_its_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
