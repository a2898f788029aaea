/* See shard_support.h. */
#include "shard_support.h"

struct helper helper;
BdaAllocation held;
struct bda_pool *head;
_Atomic uint32_t steps;
_Thread_local bool counted;

void take_one(struct helper *h) {
    h->result = bda_alloc(bench.allocator, &h->wish, &h->slots[h->count]);
    if (h->result == VK_SUCCESS)
        h->count++;
}

void take_own(struct helper *h) {
    const VkBufferCreateInfo info = buffer_info(h->wish.size, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    const BdaAllocInfo wish = { .pool = h->wish.pool };
    h->result = bda_alloc_buffer(bench.allocator, &info, &wish, &h->slots[h->count]);
    if (h->result == VK_SUCCESS)
        h->count++;
}

void give_slots(struct helper *h) {
    h->result = VK_SUCCESS;
    for (uint32_t i = 0; i < h->count; i++)
        if (bda_free(bench.allocator, h->slots[i].handle) != VK_SUCCESS)
            h->result = VK_ERROR_UNKNOWN;
    h->count = 0;
}

void let_take(BdaAllocInfo wish, uint32_t count) {
    helper.wish = wish;
    while (count-- > 0) {
        await(&helper, begin(&helper, take_one));
        assert_int_equal(helper.result, VK_SUCCESS);
    }
}

void let_give(void) {
    await(&helper, begin(&helper, give_slots));
    assert_int_equal(helper.result, VK_SUCCESS);
}

static void free_given(struct helper *h) {
    h->result = VK_SUCCESS;
    for (uint32_t i = 0; i < h->count; i++)
        if (bda_free(bench.allocator, h->given[i].handle) != VK_SUCCESS)
            h->result = VK_ERROR_UNKNOWN;
    h->count = 0;
}

void let_free(const BdaAllocation *given, uint32_t count) {
    helper.given = given;
    helper.count = count;
    await(&helper, begin(&helper, free_given));
    assert_int_equal(helper.result, VK_SUCCESS);
}

void take_for_helper(BdaAllocation *mine, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        mine[i] = take_bytes(16 + (i % 16) * 16, BDA_INTENT_DEVICE);
    let_free(mine, 1); /* there is no place for it yet: a wish */
    give(take_bytes(64, BDA_INTENT_DEVICE));
    give(take_bytes(2000, BDA_INTENT_DEVICE)); /* on the middle way, which grants it */
}

void count_steps(void) {
    if (counted)
        (void)atomic_fetch_add(&steps, 1);
}

/* ---- Looking inside ---- */

struct bda_node *node_of(BdaHandle handle) {
    return bda_node_of(bench.allocator, (uint32_t)handle);
}

struct bda_pool *pool_of(BdaHandle handle) {
    return bda_block_of(bench.allocator, node_of(handle))->pool;
}

uint32_t count_blocks(const struct bda_pool *shard) {
    return (uint32_t)shard->counters.block_count;
}

struct bda_cache *cache_of_helper(void) {
    struct bda_cache *cache = bench.allocator->newest_cache;
    assert_ptr_not_equal(cache, bda_cache_at_hand(bench.allocator));
    return cache;
}

void make_empty_blocks(uint32_t count) {
    BdaAllocation fill[1 + 2 * 8];
    for (uint32_t i = 0; i < 1 + 2 * count; i++)
        fill[i] = take((BdaAllocInfo){ .size = KIB(500), .user = 1 }); /* two to a block, but one beside `held` */
    give_all(fill, 1 + 2 * count);
    assert_int_equal(bda_tlsf_empty_regions(&head->tlsf), count);
}

void open_crowded(const BdaAllocatorInfo *wishes, uint32_t spare) {
    BdaAllocatorInfo info = wishes != NULL ? *wishes : (BdaAllocatorInfo){ .keep_empty = MIB(64) };
    info.first_block_size = MIB(1);
    info.max_block_size = MIB(1);
    bench_open(NULL, &info);
    held = take_bytes(KIB(100), BDA_INTENT_DEVICE);
    head = pool_of(held.handle);
    make_empty_blocks(spare);
    assert_int_equal(count_blocks(head), 1 + spare);
    give(take_bytes(64, BDA_INTENT_DEVICE)); /* so that this thread's cache is the first */
    head->crowded = true;
    hire(&helper);
}

void close_crowded(void) {
    dismiss(&helper);
    give(held);
    bench_close();
}
