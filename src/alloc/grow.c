/* New blocks: for a request, ahead of time, and for one allocation alone. See grow.h. */
#include "alloc/grow.h"

#include "alloc/allocate.h"
#include "alloc/blocks.h"
#include "alloc/locate.h"
#include "alloc/opening.h"
#include "alloc/reclaim.h"
#include "alloc/relief.h"
#include "alloc/shard.h"

/* ---- Attempts ---- */

static void begin_attempt(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_request *request,
                          struct bda_attempt *attempt) {
    *attempt = bda_attempt_in(allocator, pool);
    if (!bda_is_at_last(request))
        bda_attempt_begin(&allocator->attempts, attempt);
}

static void end_attempt(BdaAllocator allocator, const struct bda_request *request, struct bda_attempt *attempt) {
    if (!bda_is_at_last(request))
        bda_attempt_end(&allocator->attempts, attempt);
}

/* ---- Joining a pool ---- */

/* A new block becomes the pool's. The locks of the pool and of its head are held, one node is secured. */
static void join(BdaAllocator allocator, struct bda_pool *pool, uint32_t index) {
    struct bda_pool *head = pool->head;
    bda_pool_add_block(allocator, pool, index);
    head->drained = false;
    if (bda_block_at(allocator, index)->backing.size >= head->next_block_size)
        head->next_block_size = bda_min(head->next_block_size * 2, head->max_block_size);
    bda_locate_add(allocator, index);
}

/* Joins the calling thread's shard of the pool, and takes the request's range from the block before anybody else can;
 * where host memory is refused it goes again. */
static VkResult join_and_take(BdaAllocator allocator, struct bda_pool *head, uint32_t index,
                              const struct bda_request *request, uint32_t *node) {
    VkResult result = VK_ERROR_OUT_OF_HOST_MEMORY;
    struct bda_pool *pool = bda_shard_for_block(allocator, head);
    bda_lock(&head->lock);
    bda_shard_lock_beside_head(pool);
    if (bda_range_secure_nodes(allocator, pool, 1 + BDA_TLSF_NODES_PER_ALLOC)) {
        join(allocator, pool, index);
        struct bda_extent extent = bda_range_extent(pool, request);
        VkDeviceSize pad = (0 - bda_block_at(allocator, index)->region.base) & (extent.alignment - 1);
        *node = bda_tlsf_alloc_at(&pool->tlsf, index, (uint32_t)(pad >> BDA_GRANULE_LOG2), extent.granules);
        if (*node != 0) {
            const struct bda_live live = bda_range_at(allocator, pool, *node);
            bda_range_count(&live, request, true);
        }
        result = *node != 0 ? VK_SUCCESS : VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    bda_shard_unlock_beside_head(pool);
    bda_unlock(&head->lock);
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY)
        bda_blocks_close(allocator, index);
    return result;
}

/* ---- A block for a request ---- */

/* How often a request waits for blocks of other threads before it makes one of its own: more than once, since who waits
 * beside it may take the room, but a request must not starve where that happens again and again. */
enum { WAITS_MOST = 3 };

/* Memory that surely holds the request, wherever the driver places it. */
static VkDeviceSize needed(BdaAllocator allocator, const struct bda_request *request) {
    const struct bda_limits *limits = &allocator->device.limits;
    VkDeviceSize lead = bda_max(request->alignment, limits->base_alignment);
    VkDeviceSize unit = bda_min(bda_max(lead, limits->non_coherent_atom), BDA_LEAST_BLOCK);
    return bda_align_up(request->room + limits->non_coherent_atom, unit) + 2 * lead;
}

bool bda_grow_is_large(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_request *request) {
    VkDeviceSize most = pool->max_block_size;
    return request->room > most / 2 || request->alignment > most / 2 || needed(allocator, request) > most;
}

VkDeviceSize bda_grow_least(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_request *request) {
    VkDeviceSize least = bda_align_up(needed(allocator, request), BDA_LEAST_BLOCK);
    return bda_min(least, pool->max_block_size); /* not below what is needed: the request is not large */
}

/* Once a pool has grown, the first blocks of so many shards are together about what is its turn; and none is so small
 * that a large pool's blocks, and its memory objects, become many: after four of them a shard is at the pool's turn,
 * too. */
enum { LEAST_PART = 8 };

/* A shard grows by as much as it has, as a pool does, so that whose turn it happens to be does not get more than all
 * others together; but by no less than a part of what is the pool's turn. The head's lock is held. */
static VkDeviceSize next_size_of_shard(BdaAllocator allocator, struct bda_pool *head) {
    VkDeviceSize least = head->next_block_size / LEAST_PART, size = head->first_block_size;
    struct bda_pool *own = bda_shard_own(allocator, head);
    if (own != NULL) {
        bda_shard_lock_beside_head(own);
        least = bda_max(least, own->counters.region_bytes);
        bda_shard_unlock_beside_head(own);
    }
    while (size < least)
        size *= 2;
    return bda_min(size, head->next_block_size);
}

/* The size that is a block's turn, and no less than serves the request. `apart`: the block is a shard's, whether the
 * pool has several or not. The head's lock is held. */
static VkDeviceSize next_size(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                              bool apart) {
    VkDeviceSize least = bda_grow_least(allocator, pool, request);
    VkDeviceSize next =
        apart || !bda_shard_is_alone(pool) ? next_size_of_shard(allocator, pool) : pool->next_block_size;
    while (next < least)
        next *= 2;
    return bda_min(next, pool->max_block_size);
}

/* At last it is the least size, since all larger ones were refused; but where there are too many objects, each is to be
 * as large as it can. */
static VkDeviceSize size_for(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request) {
    return request->refused == VK_ERROR_OUT_OF_DEVICE_MEMORY ? bda_grow_least(allocator, pool, request)
                                                             : next_size(allocator, pool, request, false);
}

/* Opens the block that was announced. Who takes new memory first gives back what is kept too much. Near a full heap,
 * empty blocks go first, then the size is halved. */
static VkResult open_next(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                          struct bda_opening *opening, struct bda_relief relief, uint32_t *index) {
    const VkDeviceSize least = bda_grow_least(allocator, pool, request);
    bda_reclaim_pool_surplus(allocator, pool);
    for (;;) {
        VkResult result = bda_blocks_open(allocator, pool, opening->size, request, index);
        if (!bda_is_exhaustion(result))
            return result;
        if (bda_relieve_once(allocator, pool, request, result, &relief))
            continue;
        if (result == VK_ERROR_TOO_MANY_OBJECTS || opening->size == least)
            return result;
        bda_opening_resize(pool, opening, bda_max(opening->size / 2, least));
    }
}

#define MAKES_ITS_OWN VK_NOT_READY /* there is no room: its block is announced */

/* Looks for room again, since others free and make blocks; waits for those that will have some, but not at last, where
 * who makes one may be waiting for this request. Where there is none the request makes a block of its own, which is
 * announced in the same breath: MAKES_ITS_OWN. */
static VkResult take_or_begin(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                              struct bda_opening *opening, uint32_t *node) {
    VkDeviceSize bytes = needed(allocator, request);
    struct bda_live live;
    bool kept;
    bda_lock(&pool->lock);
    VkResult result = bda_shards_take_locked(allocator, pool, request, &live, &kept);
    uint32_t most = bda_is_at_last(request) ? 0 : WAITS_MOST;
    for (uint32_t waits = 0; result == VK_ERROR_OUT_OF_DEVICE_MEMORY && waits < most; waits++) {
        if (!bda_opening_wait(pool, bytes))
            break;
        result = bda_shards_take_locked(allocator, pool, request, &live, &kept);
    }
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY) {
        bda_opening_begin(pool, opening, size_for(allocator, pool, request), bytes);
        result = MAKES_ITS_OWN;
    }
    bda_unlock(&pool->lock);
    if (result == VK_SUCCESS)
        *node = live.index;
    return result;
}

/* Makes the block that was announced, and takes the range from it. */
static VkResult open_and_take(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                              struct bda_opening *opening, uint32_t *node) {
    uint32_t index = 0;
    struct bda_attempt attempt;
    begin_attempt(allocator, pool, request, &attempt);
    VkResult result = open_next(allocator, pool, request, opening, (struct bda_relief){ BDA_SCOPE_NONE, 0 }, &index);
    if (result == VK_SUCCESS)
        result = join_and_take(allocator, pool, index, request, node);
    end_attempt(allocator, request, &attempt);
    bda_opening_end(pool, opening);
    return result;
}

VkResult bda_grow_pool(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request, uint32_t *node) {
    struct bda_opening opening = { .size = 0 };
    VkResult result = take_or_begin(allocator, pool, request, &opening, node);
    if (result != MAKES_ITS_OWN)
        return result;
    result = open_and_take(allocator, pool, request, &opening, node);
    if (!bda_is_exhaustion(result))
        return result;
    /* What was refused may have been freed since, onto a shelf perhaps; and others' blocks may have come. */
    return bda_take_or_drain(allocator, pool, request, node) == VK_SUCCESS ? VK_SUCCESS : result;
}

/* ---- A block for a shard, where others have room ---- */

/* After a refusal, so many requests ask for none. A full heap stays full for a while, and others have room meanwhile: a
 * request that goes there takes a microsecond at most (design.md, Shards), a refusal some calls of the driver. Even if
 * those take a hundred times as long, they are a tenth of it all; and a thread that asks at such a rate learns within
 * some milliseconds that there is memory again. */
enum { PATIENCE_AFTER_REFUSAL = 1024 };

/* Announces it, if it is wanted, nobody makes one just now, and none was refused of late. */
static bool begin_for_shard(BdaAllocator allocator, struct bda_pool *head, struct bda_opening *opening,
                            const struct bda_request *request) {
    bda_lock(&head->lock);
    VkDeviceSize size = next_size(allocator, head, request, true);
    bool begins = head->openings == NULL && head->refused == 0 && bda_shard_wants_block(head, size);
    head->refused -= head->refused != 0;
    if (begins)
        bda_opening_begin(head, opening, size, needed(allocator, request));
    bda_unlock(&head->lock);
    return begins;
}

static void remember_refusal(struct bda_pool *head) {
    bda_lock(&head->lock);
    head->refused = PATIENCE_AFTER_REFUSAL;
    bda_unlock(&head->lock);
}

/* Opens the block that was announced, and takes the range from it. One try within the budget: nothing is given back for
 * it, since others have room. */
static VkResult open_for_shard(BdaAllocator allocator, struct bda_pool *head, struct bda_request *request,
                               VkDeviceSize size, uint32_t *node) {
    struct bda_request wish = *request;
    wish.flags |= BDA_ALLOC_WITHIN_BUDGET_BIT;
    uint32_t index = 0;
    VkResult result = bda_blocks_open(allocator, head, size, &wish, &index);
    request->call = wish.call;
    if (result == VK_SUCCESS)
        result = join_and_take(allocator, head, index, request, node);
    if (result != VK_SUCCESS)
        remember_refusal(head);
    return result;
}

/* Beside somebody's last resort it is not the time for it, and others have room: nobody waits for that. */
VkResult bda_grow_shard(BdaAllocator allocator, struct bda_pool *head, struct bda_request *request, uint32_t *node) {
    struct bda_opening opening;
    struct bda_attempt attempt = bda_attempt_in(allocator, head);
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    if (!begin_for_shard(allocator, head, &opening, request))
        return result;
    if (bda_attempt_try_begin(&allocator->attempts, &attempt)) {
        result = open_for_shard(allocator, head, request, opening.size, node);
        bda_attempt_end(&allocator->attempts, &attempt);
    }
    bda_opening_end(head, &opening);
    return result;
}

/* ---- Blocks ahead of time ---- */

/* How many ranges of an extent TLSF surely finds in one free range of `bytes`, wherever that begins: each takes a range
 * of the class above its padded size to be found at once. */
static uint64_t count_in(VkDeviceSize bytes, const struct bda_extent *extent) {
    uint64_t padding = (extent->alignment >> BDA_GRANULE_LOG2) - 1;
    VkDeviceSize sure = bda_tlsf_round_up(extent->granules + padding) << BDA_GRANULE_LOG2;
    VkDeviceSize lost = padding << BDA_GRANULE_LOG2;
    VkDeviceSize each = bda_align_up((VkDeviceSize)extent->granules << BDA_GRANULE_LOG2, extent->alignment);
    if (bytes < sure)
        return 0;
    return bytes < sure + lost ? 1 : 1 + (bytes - sure - lost) / each;
}

/* How many more requests like this one a shard has room for. Linear in its ranges. Its lock is held. */
static uint64_t count_room_in(BdaAllocator allocator, struct bda_pool *shard, const struct bda_extent *extent) {
    uint64_t count = 0;
    for (uint32_t block = shard->first_block; block != 0; block = bda_block_at(allocator, block)->next) {
        uint32_t index = bda_block_at(allocator, block)->region.first;
        for (; index != 0; index = bda_node_next(bda_node_of(allocator, index))) {
            struct bda_node *node = bda_node_of(allocator, index);
            if (bda_node_state(node) == BDA_NODE_FREE)
                count += count_in(bda_node_held(node), extent);
        }
    }
    return count;
}

/* The same for a pool, with none of its blocks between two shards. */
static uint64_t count_room(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *like) {
    uint64_t count = 0;
    bda_lock(&pool->lock);
    struct bda_extent extent = bda_range_extent(pool, like);
    for (struct bda_pool *shard = pool; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        count += count_room_in(allocator, shard, &extent);
        bda_shard_unlock_beside_head(shard);
    }
    bda_unlock(&pool->lock);
    return count;
}

/* What is empty was counted on, wherever it came from: it is no surplus until it has been used. And so many granules
 * are promised to requests. */
static void keep_ahead(BdaAllocator allocator, struct bda_pool *pool, uint64_t promised) {
    bda_lock(&pool->lock);
    for (struct bda_pool *shard = pool; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        for (uint32_t index = shard->first_block; index != 0; index = bda_block_at(allocator, index)->next)
            if (bda_tlsf_region_is_empty(&shard->tlsf, index))
                bda_block_at(allocator, index)->idle = BDA_IDLE_AHEAD;
        bda_shard_unlock_beside_head(shard);
    }
    bda_shards_promise(pool, promised);
    bda_unlock(&pool->lock);
}

/* Adds an empty block; `count` becomes how many ranges of the request's extent fit into it. */
static VkResult join_empty(BdaAllocator allocator, struct bda_pool *pool, uint32_t index,
                           const struct bda_request *like, uint64_t *count) {
    struct bda_block *block = bda_block_at(allocator, index);
    bda_lock(&pool->lock);
    bool secured = bda_range_secure_nodes(allocator, pool, 1);
    if (secured) {
        block->idle = BDA_IDLE_AHEAD;
        join(allocator, pool, index);
        struct bda_extent extent = bda_range_extent(pool, like);
        *count = count_in((VkDeviceSize)block->region.size << BDA_GRANULE_LOG2, &extent);
    }
    bda_unlock(&pool->lock);
    if (!secured)
        bda_blocks_close(allocator, index);
    return secured ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* One more block. Threads that find no room meanwhile share it, and what they take is counted anew. What this call has
 * made so far is not given back for it. */
static VkResult open_empty(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *like, uint64_t *count) {
    struct bda_opening opening;
    uint32_t index = 0;
    bda_lock(&pool->lock);
    bda_opening_begin(pool, &opening, size_for(allocator, pool, like), 0);
    bda_unlock(&pool->lock);
    struct bda_attempt attempt;
    begin_attempt(allocator, pool, like, &attempt);
    VkResult result =
        open_next(allocator, pool, like, &opening, (struct bda_relief){ BDA_SCOPE_NONE, like->call }, &index);
    if (result == VK_SUCCESS)
        result = join_empty(allocator, pool, index, like, count);
    end_attempt(allocator, like, &attempt);
    bda_opening_end(pool, &opening);
    return result;
}

/* The same; and at last, where there is still too little room. */
static VkResult open_ahead(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *like, uint64_t wanted,
                           uint64_t *count) {
    struct bda_attempt resort = { .scope = BDA_SCOPE_NONE };
    VkResult result = open_empty(allocator, pool, like, count);
    while (bda_begin_at_last(allocator, pool, like, result, &resort)) {
        bda_caches_drain(allocator, pool);
        result = count_room(allocator, pool, like) < wanted ? open_empty(allocator, pool, like, count) : VK_SUCCESS;
        bda_end_at_last(allocator, like, &resort);
    }
    return result;
}

VkResult bda_grow_ahead(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *like, VkDeviceSize bytes) {
    uint64_t wanted = bytes / like->size + (bytes % like->size != 0);
    uint64_t added = 0;
    bda_caches_drain(allocator, pool);
    /* Counted anew each time: under pressure an empty block that was counted on may have had to go. But other threads
     * may be taking the room as it comes, so twice the wish is enough. */
    while (count_room(allocator, pool, like) < wanted && added < 2 * wanted) {
        uint64_t count = 0;
        VkResult result = open_ahead(allocator, pool, like, wanted, &count);
        if (result != VK_SUCCESS)
            return result;
        added += bda_max(count, 1);
    }
    keep_ahead(allocator, pool, wanted * bda_range_extent(pool, like).granules);
    return VK_SUCCESS;
}

/* ---- The low-water mark ---- */

/* Whether the pool wants a block: some shard has come below the mark, or the pool has refused a request, and all of
 * them are below it together. What is on its way and not booked is as good as free. A pool without blocks that has
 * refused nothing wants none: nobody uses it, or it was trimmed. The head's lock is held. */
static bool is_below_mark(struct bda_pool *pool) {
    uint64_t coming = bda_opening_unbooked(pool) >> BDA_GRANULE_LOG2;
    bool wants = false, any = false;
    for (struct bda_pool *shard = pool; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        wants = wants || shard->wants;
        any = any || shard->first_block != 0;
        bda_shard_unlock_beside_head(shard);
    }
    return ((wants && any) || pool->lacked) && bda_shards_free_granules(pool) + coming < pool->low_granules;
}

/* Nothing more is made until an allocation leaves too little again, or is refused. The head's lock is held. */
static void want_nothing(struct bda_pool *pool) {
    pool->lacked = false;
    for (struct bda_pool *shard = pool; shard != NULL; shard = bda_pool_next_shard(shard)) {
        bda_shard_lock_beside_head(shard);
        shard->wants = false;
        bda_shard_unlock_beside_head(shard);
    }
}

/* What threads keep is room, too, and costs no block; but it comes back once for each block that is made, or a pool at
 * its mark would empty all shelves again and again. */
static void drain_if_below_mark(BdaAllocator allocator, struct bda_pool *pool) {
    bda_lock(&pool->lock);
    bool drains = !pool->drained && is_below_mark(pool);
    pool->drained = pool->drained || drains;
    bda_unlock(&pool->lock);
    if (drains)
        bda_caches_drain(allocator, pool);
}

/* Announces the next block if the pool wants one. */
static bool begin_if_wanted(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *like,
                            struct bda_opening *opening) {
    bda_lock(&pool->lock);
    bool wanted = is_below_mark(pool);
    if (wanted)
        bda_opening_begin(pool, opening, next_size(allocator, pool, like, false), 0);
    else
        want_nothing(pool);
    bda_unlock(&pool->lock);
    return wanted;
}

/* One empty block, within the budget. Nobody needs it yet, so nothing is given back for it, and it does not shrink
 * below half of its size: a heap that is so full is left to those who do. */
static VkResult open_wanted(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *like,
                            struct bda_opening *opening) {
    uint32_t index = 0;
    uint64_t count;
    struct bda_attempt attempt = bda_attempt_in(allocator, pool);
    bda_attempt_begin(&allocator->attempts, &attempt);
    VkResult result = bda_blocks_open(allocator, pool, opening->size, like, &index);
    if (bda_is_exhaustion(result) && opening->size / 2 >= bda_grow_least(allocator, pool, like)) {
        bda_opening_resize(pool, opening, opening->size / 2);
        result = bda_blocks_open(allocator, pool, opening->size, like, &index);
    }
    if (result == VK_SUCCESS)
        result = join_empty(allocator, pool, index, like, &count);
    bda_attempt_end(&allocator->attempts, &attempt);
    bda_opening_end(pool, opening);
    return result;
}

VkResult bda_grow_to_mark(BdaAllocator allocator, struct bda_pool *pool, const char **reason) {
    VkResult result = VK_SUCCESS;
    struct bda_opening opening;
    const struct bda_request least = { .size = 1, .room = 1, .alignment = 1, .flags = BDA_ALLOC_WITHIN_BUDGET_BIT };
    drain_if_below_mark(allocator, pool);
    while (result == VK_SUCCESS && begin_if_wanted(allocator, pool, &least, &opening)) {
        struct bda_request like = least;
        result = open_wanted(allocator, pool, &like, &opening);
        *reason = like.reason;
    }
    bool impossible = result == VK_ERROR_FEATURE_NOT_PRESENT;
    if (!bda_is_exhaustion(result) && !impossible)
        return result;
    bda_lock(&pool->lock);
    want_nothing(pool); /* a full heap is not asked again and again, nor for what the driver cannot do: the next
                           allocation or refusal says what is wanted */
    bda_unlock(&pool->lock);
    return impossible ? result : VK_INCOMPLETE;
}

/* ---- Dedicated ---- */

static VkResult join_dedicated(BdaAllocator allocator, struct bda_pool *pool, uint32_t index,
                               const struct bda_request *request, uint32_t *node_index) {
    struct bda_block *block = bda_block_at(allocator, index);
    bda_lock(&pool->lock);
    bool secured = bda_range_secure_nodes(allocator, pool, 1);
    if (secured) {
        *node_index = bda_node_list_pop(&allocator->nodes, &pool->tlsf.spare);
        struct bda_node *node = bda_node_of(allocator, *node_index);
        bda_node_set_offset(node, 0);
        bda_node_set_size(node, 0);
        bda_node_set_previous(node, 0);
        bda_node_set_next(node, 0);
        bda_node_set_slack(node, 0);
        bda_node_set_record(node, request->record);
        bda_node_set_region(node, index);
        bda_node_publish(node, bda_tag_of(bda_node_tag(node), bda_node_tag(node), BDA_NODE_LIVE));
        block->region.first = *node_index;
        block->dedicated_size = request->size;
        pool->counters.live_count++;
        pool->counters.used += request->size;
        pool->counters.dedicated_used += request->size;
        bda_pool_add_dedicated(allocator, pool, index);
        bda_locate_add(allocator, index);
    }
    bda_unlock(&pool->lock);
    return secured ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* Makes the buffer, where there is none, and the memory for it. */
static VkResult open_dedicated(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                               VkBuffer buffer, const struct bda_requirements *requirements, uint32_t *index) {
    struct bda_device *device = &allocator->device;
    const VkBufferCreateInfo spanning =
        bda_block_buffer_info(device, pool->usage, request->room, pool->key.capture_replay);
    const VkBufferCreateInfo *info = request->buffer_info != NULL ? request->buffer_info : &spanning;
    struct bda_requirements asked;
    struct bda_relief relief = { BDA_SCOPE_NONE, 0 };
    VkResult result = VK_SUCCESS;
    for (;;) {
        request->reason = NULL;
        if (buffer == VK_NULL_HANDLE)
            result = device->vk.create_buffer(device->handle, info, device->driver_callbacks, &buffer);
        if (result != VK_SUCCESS)
            return result;
        if (requirements == NULL) {
            bda_block_requirements(device, buffer, &asked);
            requirements = &asked;
        }
        result = bda_blocks_open_dedicated(allocator, pool, request, info, buffer, requirements, index);
        if (!bda_is_exhaustion(result) || !bda_relieve_once(allocator, pool, request, result, &relief))
            return result;
        buffer = VK_NULL_HANDLE;
        result = VK_SUCCESS;
    }
}

VkResult bda_grow_dedicated(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request, VkBuffer buffer,
                            const struct bda_requirements *requirements, uint32_t *node) {
    uint32_t index = 0;
    struct bda_attempt attempt;
    begin_attempt(allocator, pool, request, &attempt);
    VkResult result = open_dedicated(allocator, pool, request, buffer, requirements, &index);
    if (result == VK_SUCCESS) {
        result = join_dedicated(allocator, pool, index, request, node);
        if (result != VK_SUCCESS)
            bda_blocks_close(allocator, index);
    }
    end_attempt(allocator, request, &attempt);
    return result;
}
