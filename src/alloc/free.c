/* Retire and release, see free.h. */
#include "alloc/free.h"

#include "alloc/allocate.h"
#include "alloc/grow.h"
#include "alloc/handle.h"

static bool is_dedicated(const struct bda_block *block) {
    return block->dedicated_size != 0;
}

/* What is left of the books when a live or pending allocation goes. The pool's lock is held. */
static void count_gone(BdaAllocator allocator, struct bda_pool *pool, struct bda_node *node) {
    struct bda_pool_counters *counters = &pool->counters;
    VkDeviceSize dedicated = bda_block_of(allocator, node)->dedicated_size;
    if (bda_node_state(node) == BDA_NODE_PENDING) {
        counters->pending_count--;
        counters->pending -= dedicated != 0 ? dedicated : bda_node_held(node);
        counters->dedicated_pending -= dedicated;
    } else {
        counters->live_count--;
        counters->used -= bda_asked(allocator, node);
        counters->dedicated_used -= dedicated;
    }
}

/* A live allocation becomes one that waits. The pool's lock is held. */
static void count_pending(BdaAllocator allocator, struct bda_pool *pool, struct bda_node *node) {
    struct bda_pool_counters *counters = &pool->counters;
    VkDeviceSize dedicated = bda_block_of(allocator, node)->dedicated_size;
    count_gone(allocator, pool, node);
    counters->pending_count++;
    counters->pending += dedicated != 0 ? dedicated : bda_node_held(node);
    counters->dedicated_pending += dedicated;
}

/* Tells who listens of a retired or pending node. Its generation has moved on: the handle is the one before. */
static void tell(BdaAllocator allocator, uint32_t index) {
    if (allocator->event == NULL)
        return;
    struct bda_node *node = bda_node_of(allocator, index);
    const struct bda_block *block = bda_block_of(allocator, node);
    const struct bda_record *record = node->as.live.record != 0 ? bda_record_at(allocator, node->as.live.record) : NULL;
    bool own = record != NULL && record->buffer != VK_NULL_HANDLE;
    VkDeviceSize offset = (VkDeviceSize)node->offset << BDA_GRANULE_LOG2;
    bool pending = bda_node_state(node) == BDA_NODE_PENDING;
    const struct bda_event event = {
        .kind = BDA_EVENT_FREED,
        .handle = bda_handle_of(allocator, index) - ((BdaHandle)1 << 32),
        .address = own ? record->address : block->region.base + offset,
        .size = pending && !is_dedicated(block) ? bda_node_held(node) : bda_asked(allocator, node),
        .name = record != NULL ? record->name : NULL,
    };
    allocator->event(allocator, &event);
}

/* ---- The two steps ---- */

uint32_t bda_retire(BdaAllocator allocator, BdaHandle handle, enum bda_node_state state, const char **reason) {
    struct bda_pool *pool = bda_handle_pool(allocator, handle, reason);
    if (pool == NULL)
        return 0;
    bda_mutex_lock(&pool->lock);
    struct bda_node *node = bda_handle_node(allocator, pool, handle, reason);
    if (node != NULL) {
        if (state == BDA_NODE_PENDING)
            count_pending(allocator, pool, node);
        bda_node_retire(node, state);
    }
    bda_mutex_unlock(&pool->lock);
    return node != NULL ? bda_handle_index(handle) : 0;
}

void bda_unretire(BdaAllocator allocator, uint32_t index) {
    struct bda_node *node = bda_node_of(allocator, index);
    struct bda_pool *pool = bda_block_of(allocator, node)->pool;
    bda_mutex_lock(&pool->lock);
    bda_node_revive(node);
    bda_mutex_unlock(&pool->lock);
}

static void release_dedicated(BdaAllocator allocator, struct bda_pool *pool, uint32_t index, uint32_t block_index) {
    struct bda_block *block = bda_block_at(allocator, block_index);
    bda_mutex_lock(&pool->lock);
    count_gone(allocator, pool, bda_node_of(allocator, index));
    bda_pool_unlink_block(allocator, &pool->first_dedicated, block_index);
    pool->counters.block_count--;
    pool->counters.dedicated_count--;
    pool->counters.reserved -= block->backing.size;
    atomic_store_explicit(&block->pool, NULL, memory_order_release);
    bda_node_list_push(&allocator->nodes, &pool->tlsf.spare, index);
    bda_mutex_unlock(&pool->lock);
    bda_grow_close(allocator, block_index);
}

static void release_range(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    bda_mutex_lock(&pool->lock);
    count_gone(allocator, pool, bda_node_of(allocator, index));
    bda_tlsf_free(&pool->tlsf, index);
    bda_mutex_unlock(&pool->lock);
}

void bda_release(BdaAllocator allocator, uint32_t index) {
    struct bda_node *node = bda_node_of(allocator, index);
    uint32_t block_index = bda_node_region(node);
    struct bda_block *block = bda_block_at(allocator, block_index);
    struct bda_pool *pool = atomic_load_explicit(&block->pool, memory_order_relaxed);
    uint32_t record = node->as.live.record; /* in the same place in every state */
    tell(allocator, index);
    if (is_dedicated(block)) {
        release_dedicated(allocator, pool, index, block_index);
    } else {
        struct bda_device *device = &allocator->device;
        VkBuffer own = record != 0 ? bda_record_at(allocator, record)->buffer : VK_NULL_HANDLE;
        if (own != VK_NULL_HANDLE) /* before anybody else can have the range */
            device->vk.destroy_buffer(device->handle, own, device->driver_callbacks);
        release_range(allocator, pool, index);
    }
    bda_record_destroy(allocator, record);
}

void bda_release_list(BdaAllocator allocator, uint32_t first) {
    while (first != 0) { /* the link is read first: afterwards the node is somebody else's */
        uint32_t next = bda_node_of(allocator, first)->as.waiting.link;
        bda_release(allocator, first);
        first = next;
    }
}

/* Makes the live nodes from `index` on pending, in front of `list`. The pool's lock is held. */
static uint32_t gather(BdaAllocator allocator, struct bda_pool *pool, uint32_t index, uint32_t list) {
    for (; index != 0; index = bda_node_of(allocator, index)->next) {
        struct bda_node *node = bda_node_of(allocator, index);
        if (bda_node_state(node) != BDA_NODE_LIVE)
            continue;
        count_pending(allocator, pool, node);
        bda_node_retire(node, BDA_NODE_PENDING);
        node->as.waiting.link = list;
        list = index;
    }
    return list;
}

void bda_release_all(BdaAllocator allocator, struct bda_pool *pool) {
    uint32_t list = 0;
    bda_mutex_lock(&pool->lock);
    for (uint32_t block = pool->first_block; block != 0; block = bda_block_at(allocator, block)->next)
        list = gather(allocator, pool, bda_block_at(allocator, block)->region.first, list);
    for (uint32_t block = pool->first_dedicated; block != 0; block = bda_block_at(allocator, block)->next)
        list = gather(allocator, pool, bda_block_at(allocator, block)->region.first, list);
    bda_mutex_unlock(&pool->lock);
    bda_release_list(allocator, list);
}

void bda_take_back(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    bda_mutex_lock(&pool->lock);
    struct bda_node *node = bda_node_of(allocator, index);
    count_gone(allocator, pool, node);
    bda_node_retire(node, BDA_NODE_RETIRED);
    bda_tlsf_free(&pool->tlsf, index);
    bda_mutex_unlock(&pool->lock);
}

/* ---- Both at once ---- */

/* A plain range: one lock, no driver. What is not, or is listened to, is only retired here. */
static bool free_plain_range(BdaAllocator allocator, struct bda_pool *pool, struct bda_node *node, uint32_t index) {
    bool plain = !pool->key.own_buffers && !is_dedicated(bda_block_of(allocator, node)) && allocator->event == NULL;
    if (plain)
        count_gone(allocator, pool, node);
    bda_node_retire(node, BDA_NODE_RETIRED);
    if (plain)
        bda_tlsf_free(&pool->tlsf, index);
    return plain;
}

/* Under one lock where that is enough. Returns whether the handle was good; `released` says if anything is left to do.
 */
static bool retire_and_release(BdaAllocator allocator, struct bda_pool *pool, BdaHandle handle, bool *released,
                               uint32_t *record, const char **reason) {
    bda_mutex_lock(&pool->lock);
    struct bda_node *node = bda_handle_node(allocator, pool, handle, reason);
    if (node != NULL) {
        *record = node->as.live.record;
        *released = free_plain_range(allocator, pool, node, bda_handle_index(handle));
    }
    bda_mutex_unlock(&pool->lock);
    return node != NULL;
}

VkResult bda_free_handle(BdaAllocator allocator, BdaHandle handle, const char **reason) {
    struct bda_pool *pool = bda_handle_pool(allocator, handle, reason);
    uint32_t record = 0;
    bool released = false;
    if (pool == NULL || !retire_and_release(allocator, pool, handle, &released, &record, reason))
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (released)
        bda_record_destroy(allocator, record);
    else
        bda_release(allocator, bda_handle_index(handle));
    return VK_SUCCESS;
}
