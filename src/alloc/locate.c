/* See locate.h. */
#include "alloc/locate.h"

#include "alloc/shard.h"
#include "core/landmarks.h"

/* ---- The map ---- */

/* Memory from the block's first byte on. */
static VkDeviceSize length_of(const struct bda_block *block) {
    return block->backing.size - block->memory_offset;
}

static struct bda_place place_of(BdaAllocator allocator, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    const struct bda_pool *pool = atomic_load_explicit(&block->pool, memory_order_relaxed);
    bool dedicated = block->dedicated_size != 0;
    VkDeviceSize bytes = dedicated ? block->dedicated_size : (VkDeviceSize)block->region.size << BDA_GRANULE_LOG2;
    return (struct bda_place){ .base = block->region.base,
                               .length = length_of(block),
                               .buffer_bytes = block->buffer != VK_NULL_HANDLE ? bytes : 0,
                               .buffer = block->buffer,
                               .mapped = block->mapped,
                               .pool = pool->user,
                               .landmarks = atomic_load_explicit(&block->landmarks, memory_order_relaxed),
                               .block = index,
                               .memory_type = pool->key.memory_type,
                               .own_buffers = pool->key.own_buffers };
}

void bda_locate_add(BdaAllocator allocator, uint32_t index) {
    const struct bda_place place = place_of(allocator, index);
    struct bda_block *block = bda_block_at(allocator, index);
    const struct bda_pool *pool = atomic_load_explicit(&block->pool, memory_order_relaxed);
    atomic_store_explicit(&block->head, pool->head, memory_order_relaxed); /* who sees it in the map sees this */
    bda_mutex_lock(&allocator->store_lock);
    bda_block_map_add(&allocator->map, &place);
    bda_mutex_unlock(&allocator->store_lock);
}

void bda_locate_remove(BdaAllocator allocator, uint32_t index) {
    bda_mutex_lock(&allocator->store_lock);
    bda_block_map_remove(&allocator->map, bda_block_at(allocator, index)->region.base, index);
    bda_mutex_unlock(&allocator->store_lock);
}

/* ---- Blocks ---- */

/* A change takes far less time than so many tries: who makes it has lost its processor. */
enum { TRIES = 64 };

typedef enum bda_map_answer map_query(struct bda_block_map *map, uint64_t address, struct bda_place *place);

/* While the lock is held, nobody changes it. */
BDA_COLD bool ask_under_lock(BdaAllocator allocator, map_query *query, VkDeviceAddress address,
                             struct bda_place *place) {
    bda_mutex_lock(&allocator->store_lock);
    enum bda_map_answer answer = query(&allocator->map, address, place);
    bda_mutex_unlock(&allocator->store_lock);
    return answer == BDA_MAP_FOUND;
}

BDA_INLINE bool ask(BdaAllocator allocator, map_query *query, VkDeviceAddress address, struct bda_place *place) {
    for (uint32_t tries = 0; tries < TRIES; tries++) {
        enum bda_map_answer answer = query(&allocator->map, address, place);
        if (answer != BDA_MAP_CHANGING)
            return answer == BDA_MAP_FOUND;
        bda_relax();
    }
    return ask_under_lock(allocator, query, address, place);
}

bool bda_locate_below(BdaAllocator allocator, VkDeviceAddress address, struct bda_place *place) {
    return ask(allocator, bda_block_map_below, address, place);
}

bool bda_locate_above(BdaAllocator allocator, VkDeviceAddress address, struct bda_place *place) {
    return ask(allocator, bda_block_map_above, address, place);
}

bool bda_locate_block(BdaAllocator allocator, VkDeviceAddress address, struct bda_place *place) {
    return bda_locate_below(allocator, address, place) && address - place->base < place->length;
}

/* ---- Ranges ---- */

enum answer { ELSEWHERE, TOO_FAR, SHOWN };

/* How often a look-up lets the lock go for others on its way through a block that was never looked at, or finds that
 * the block it came for has gone. */
enum { LEGS = 1 << 12 };

/* The block's landmarks are where they were not: who has no lock finds them by the map, in which the block is. */
BDA_COLD void tell_landmarks(BdaAllocator allocator, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    struct bda_landmarks *landmarks = atomic_load_explicit(&block->landmarks, memory_order_relaxed);
    bda_mutex_lock(&allocator->store_lock);
    bda_block_map_tell(&allocator->map, block->region.base, index, landmarks);
    bda_mutex_unlock(&allocator->store_lock);
}

/* The node of the range, 0: see bda_landmarks_find. The pool's lock is held. */
static uint32_t node_at(BdaAllocator allocator, uint32_t index, VkDeviceSize offset, bool last) {
    struct bda_block *block = bda_block_at(allocator, index);
    if (block->dedicated_size != 0)
        return block->region.first;
    const struct bda_terrain terrain = { &allocator->host, &allocator->charts, &allocator->nodes, &block->region, index,
                                         &block->landmarks };
    uint64_t granule = bda_min(offset >> BDA_GRANULE_LOG2, block->region.size - 1);
    struct bda_landmarks *before = atomic_load_explicit(&block->landmarks, memory_order_relaxed);
    uint32_t node = bda_landmarks_find(&terrain, (uint32_t)granule, last);
    if (atomic_load_explicit(&block->landmarks, memory_order_relaxed) != before)
        tell_landmarks(allocator, index);
    return node;
}

/* What a look-up wants, and of which block. */
struct question {
    VkDeviceAddress address;
    uint32_t block;
    bool last; /* see bda_landmarks_find */
    bda_visitor *visit;
    void *context;
};

/* The lock of the shard is held. It may have lost the block, or the block its memory, before that. */
static enum answer show(BdaAllocator allocator, struct bda_pool *shard, const struct question *question) {
    struct bda_block *block = bda_block_at(allocator, question->block);
    if (atomic_load_explicit(&block->pool, memory_order_relaxed) != shard ||
        question->address - block->region.base >= length_of(block))
        return ELSEWHERE;
    uint32_t node = node_at(allocator, question->block, question->address - block->region.base, question->last);
    if (node == 0)
        return TOO_FAR;
    const struct bda_live live = { node, bda_node_of(allocator, node), block, shard };
    question->visit(allocator, &live, question->context);
    return SHOWN;
}

static enum answer show_where_it_is(BdaAllocator allocator, const struct question *question) {
    struct bda_block *block = bda_block_at(allocator, question->block);
    struct bda_pool *shard = atomic_load_explicit(&block->pool, memory_order_acquire);
    if (shard == NULL)
        return ELSEWHERE;
    bda_lock(&shard->lock);
    enum answer answer = show(allocator, shard, question);
    bda_unlock(&shard->lock);
    return answer;
}

/* The same of a block that was on its way from one shard to another: under their head's lock none moves. ELSEWHERE: it
 * is not in this pool any more. */
BDA_COLD enum answer show_at_rest(BdaAllocator allocator, const struct question *question) {
    struct bda_block *block = bda_block_at(allocator, question->block);
    struct bda_pool *head = atomic_load_explicit(&block->head, memory_order_relaxed);
    bda_lock(&head->lock);
    struct bda_pool *shard = atomic_load_explicit(&block->pool, memory_order_acquire);
    enum answer answer = ELSEWHERE;
    if (shard != NULL && shard->head == head) {
        bda_shard_lock_beside_head(shard);
        answer = show(allocator, shard, question);
        bda_shard_unlock_beside_head(shard);
    }
    bda_unlock(&head->lock);
    return answer;
}

/* Where blocks went and came at this very address each time, there was none in between. */
bool bda_locate_range(BdaAllocator allocator, VkDeviceAddress address, bda_visitor *visit, void *context) {
    struct bda_place place;
    for (uint32_t leg = 1; leg <= LEGS && bda_locate_block(allocator, address, &place); leg++) {
        const struct question question = { address, place.block, leg == LEGS, visit, context };
        enum answer answer = show_where_it_is(allocator, &question);
        if (answer == ELSEWHERE)
            answer = show_at_rest(allocator, &question);
        if (answer == SHOWN)
            return true;
    }
    return false;
}

/* ---- What is seen ---- */

/* The words that a cache's owner writes without the lock were all of one life if the tag, read last, is that of the
 * beginning. */
struct bda_sight bda_locate_look(BdaAllocator allocator, const struct bda_live *live) {
    const struct bda_block *block = live->block;
    struct bda_node *node = live->node;
    bool dedicated = block->dedicated_size != 0;
    uint32_t tag, slack, record;
    do {
        tag = atomic_load_explicit(&node->tag, memory_order_acquire);
        BDA_YIELD_POINT();
        record = bda_node_record(node);
        slack = atomic_load_explicit(&node->as.taken.slack_or_link, memory_order_acquire);
    } while (bda_node_tag(node) != tag);
    struct bda_sight sight = { .state = (enum bda_node_state)(tag & BDA_NODE_STATE_MASK),
                               .handle =
                                   allocator->tag | (BdaHandle)(tag >> BDA_NODE_GENERATION_SHIFT) << 32 | live->index,
                               .begin = block->region.base + bda_node_start(node),
                               .held = dedicated ? length_of(block) : bda_node_held(node) };
    sight.asked = sight.held;
    if (sight.state == BDA_NODE_LIVE)
        sight.asked = dedicated ? block->dedicated_size : sight.held - slack;
    if (sight.state == BDA_NODE_LIVE || sight.state == BDA_NODE_PENDING || sight.state == BDA_NODE_QUARANTINED)
        sight.record = record;
    VkDeviceAddress address = sight.record != 0 ? bda_record_at(allocator, sight.record)->address : 0;
    sight.stray = address != 0;
    sight.begin = address != 0 ? address : sight.begin;
    return sight;
}

/* ---- Strays ---- */

/* The best of the strays seen so far. */
struct nearest {
    VkDeviceAddress address, begin;
    uint32_t node; /* 0: none */
    BdaHandle handle;
};

static void consider(BdaAllocator allocator, const struct bda_live *live, struct nearest *nearest) {
    const struct bda_sight sight = bda_locate_look(allocator, live);
    if (!sight.stray || sight.state != BDA_NODE_LIVE || sight.begin + sight.asked <= nearest->address)
        return;
    if (nearest->node != 0 && nearest->begin <= sight.begin)
        return;
    nearest->node = live->index;
    nearest->handle = sight.handle;
    nearest->begin = sight.begin;
}

/* The pool's lock is held. */
static void look_through(BdaAllocator allocator, struct bda_pool *pool, struct nearest *nearest) {
    for (uint32_t block = pool->first_block; block != 0; block = bda_block_at(allocator, block)->next) {
        uint32_t index = bda_block_at(allocator, block)->region.first;
        for (; index != 0; index = bda_node_next(bda_node_of(allocator, index))) {
            const struct bda_live live = bda_range_at(allocator, pool, index);
            consider(allocator, &live, nearest);
        }
    }
}

bool bda_locate_stray(BdaAllocator allocator, VkDeviceAddress address, bda_visitor *visit, void *context) {
    struct nearest nearest = { .address = address };
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older) {
        bda_lock(&pool->lock);
        if (pool->key.own_buffers)
            look_through(allocator, pool, &nearest);
        bda_unlock(&pool->lock);
    }
    struct bda_live live;
    if (nearest.node == 0 || !bda_handle_find(allocator, nearest.handle, &live))
        return false;
    bda_lock(&live.pool->lock);
    bool holds = bda_handle_holds(allocator, nearest.handle, &live);
    if (holds)
        visit(allocator, &live, context);
    bda_unlock(&live.pool->lock);
    return holds;
}

/* ---- Stretches ---- */

static bool touches_a_block(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last) {
    struct bda_place place;
    return bda_locate_block(allocator, first, &place) ||
           (bda_locate_above(allocator, first, &place) && place.base <= last);
}

void bda_locate_stretch(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize precision, VkDeviceAddress *first,
                        VkDeviceAddress *last) {
    VkDeviceSize mask = precision != 0 ? precision - 1 : 0;
    *first = address & ~mask;
    *last = address | mask;
    VkDeviceAddress other_first = bda_locate_other_form(*first), other_last = bda_locate_other_form(*last);
    bool whole = other_last - other_first == mask; /* not cut in two by the other form */
    if (other_first == *first || !whole || touches_a_block(allocator, *first, *last) ||
        !touches_a_block(allocator, other_first, other_last))
        return;
    *first = other_first;
    *last = other_last;
}
