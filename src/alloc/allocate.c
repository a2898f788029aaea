/* Allocation, from the request down. See allocate.h. */
#include "alloc/allocate.h"

#include "alloc/free.h"
#include "alloc/grow.h"
#include "alloc/own.h"
#include "alloc/plain.h"
#include "alloc/reclaim.h"
#include "alloc/relief.h"

#include <string.h>

/* ---- What is told ---- */

VkDeviceSize bda_asked(BdaAllocator allocator, struct bda_node *node) {
    const struct bda_block *block = bda_block_of(allocator, node);
    return block->dedicated_size != 0 ? block->dedicated_size : bda_node_asked(node);
}

VkDeviceSize bda_held(BdaAllocator allocator, uint32_t index) {
    struct bda_node *node = bda_node_of(allocator, index);
    const struct bda_block *block = bda_block_of(allocator, node);
    return block->dedicated_size != 0 ? block->backing.size - block->memory_offset : bda_node_held(node);
}

void bda_describe(BdaAllocator allocator, uint32_t index, BdaAllocation *allocation) {
    const struct bda_live live = bda_range_at(allocator, NULL, index);
    VkDeviceSize size = bda_asked(allocator, live.node);
    if (live.block->buffer != VK_NULL_HANDLE) {
        bda_range_describe(allocator, &live, size, allocation);
        return;
    }
    uint32_t record = bda_node_record(live.node);
    VkDeviceAddress address = record != 0 ? bda_record_at(allocator, record)->address : 0;
    bda_own_describe(allocator, &live, bda_own_buffer(allocator, index), address, size, allocation);
}

static void tell(BdaAllocator allocator, const struct bda_request *request, uint32_t node) {
    if (allocator->event == NULL)
        return;
    if (allocator->hooks != NULL)
        allocator->hooks->taken(allocator, node);
    BdaAllocation a;
    bda_describe(allocator, node, &a);
    const struct bda_event event = {
        .kind = BDA_EVENT_ALLOCATED,
        .handle = a.handle,
        .address = a.address,
        .size = a.size,
        .name = request->name,
        .mapped = a.mapped,
        .held = bda_held(allocator, node),
    };
    allocator->event(allocator, &event);
}

void bda_allocate_guard(BdaAllocator allocator, struct bda_request *request) {
    const struct bda_limits *limits = &allocator->device.limits;
    VkDeviceSize most = bda_min(limits->max_buffer_size, limits->max_memory_size);
    if (request->room <= most && most - request->room >= allocator->guard)
        request->room += allocator->guard;
}

/* ---- One pool ---- */

/* How often what threads keep is taken back, while they put more on their shelves. */
enum { DRAINS = 4 };

/* What threads keep comes first, since it costs no call. (Another thread may have been faster to drain it.) */
VkResult bda_take_or_drain(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                           uint32_t *node) {
    bool kept;
    VkResult result = bda_shards_take(allocator, pool, request, node, &kept);
    for (uint32_t drains = 0; result == VK_ERROR_OUT_OF_DEVICE_MEMORY && kept && drains < DRAINS; drains++) {
        bda_caches_drain(allocator, pool);
        result = bda_shards_take(allocator, pool, request, node, &kept);
    }
    return result;
}

/* Then what is due of the pending frees; who takes no new memory gives none back, either. */
static VkResult take_after_collect(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                                   uint32_t *node) {
    if (!bda_pending_any(&allocator->pending))
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    bool ranges_alone = (request->flags & BDA_ALLOC_NO_NEW_MEMORY_BIT) != 0;
    (void)bda_pending_try_collect(allocator, ranges_alone); /* a lost device shows in the calls that follow */
    return bda_shards_take(allocator, pool, request, node, NULL);
}

/* And what checking modes hold, where it is that or a refusal. */
static VkResult take_after_let_go(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                                  uint32_t *node) {
    if (allocator->hooks == NULL)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    bda_let_go(allocator, NULL);
    return bda_shards_take(allocator, pool, request, node, NULL);
}

/* A small request of a thread that has a shard of its own in a pool of several, or is to get one: it tries that shard,
 * then a block for it, before it goes to others, to whom it would have to go again and again. Anything but VK_SUCCESS:
 * others are to serve it. */
static VkResult take_apart(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request, bool may_grow,
                           uint32_t *node) {
    if (!may_grow || bda_is_at_last(request) || !bda_shard_may_get_block(request->room, request->flags))
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    bool guest = bda_shard_take_wish(allocator, pool);
    if (bda_shard_is_alone(pool) && !guest)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    VkResult result = guest ? VK_ERROR_OUT_OF_DEVICE_MEMORY : bda_shard_take_mine(allocator, pool, request, node);
    return result == VK_ERROR_OUT_OF_DEVICE_MEMORY ? bda_grow_shard(allocator, pool, request, node) : result;
}

static VkResult take_or_grow(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request, bool may_grow,
                             uint32_t *node) {
    bda_shard_settle_if_crowded(allocator, pool);
    VkResult result = take_apart(allocator, pool, request, may_grow, node);
    if (result != VK_SUCCESS)
        result = bda_take_or_drain(allocator, pool, request, node);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
        result = take_after_collect(allocator, pool, request, node);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY && !may_grow)
        result = take_after_let_go(allocator, pool, request, node);
    if (result != VK_ERROR_OUT_OF_DEVICE_MEMORY || !may_grow)
        return result;
    return bda_grow_pool(allocator, pool, request, node);
}

/* Dedicated memory; an own buffer that was made already is the dedicated block's from here on. */
static VkResult make_dedicated(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                               struct bda_own *own, uint32_t *node) {
    if (own == NULL)
        return bda_grow_dedicated(allocator, pool, request, VK_NULL_HANDLE, NULL, node);
    VkBuffer buffer = own->buffer;
    own->buffer = VK_NULL_HANDLE;
    return bda_grow_dedicated(allocator, pool, request, buffer, &own->requirements, node);
}

/* Where no block fits, dedicated memory of the request's own size may, since a block has to be larger than the request.
 * If it does not, somebody may have freed meanwhile, or made a block. */
static VkResult make_exact(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                           struct bda_own *own, uint32_t *node) {
    const char *reason = request->reason;
    VkResult result = make_dedicated(allocator, pool, request, own, node);
    if (result == VK_ERROR_FEATURE_NOT_PRESENT) { /* it is a block that was refused, and another type may have one */
        request->reason = reason;
        result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    if (!bda_is_exhaustion(result))
        return result;
    return bda_take_or_drain(allocator, pool, request, node) == VK_SUCCESS ? VK_SUCCESS : result;
}

static bool must_be_dedicated(const struct bda_request *request, const struct bda_own *own) {
    return (request->flags & BDA_ALLOC_DEDICATED_BIT) != 0 || request->handle_types != 0 ||
           (own != NULL && own->requirements.requires_dedicated);
}

static bool is_better_dedicated(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_request *request,
                                const struct bda_own *own) {
    return must_be_dedicated(request, own) || bda_grow_is_large(allocator, pool, request) ||
           (own != NULL && own->requirements.prefers_dedicated);
}

/* If dedicated memory was only preferred, and refused, the blocks there are may still serve; a large request makes none
 * for itself, having just been refused as much. If it was not preferred, it is tried last, for what is no smaller than
 * the least block. */
static VkResult try_pool(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                         struct bda_own *own, uint32_t *node) {
    bool may_grow = (request->flags & BDA_ALLOC_NO_NEW_MEMORY_BIT) == 0;
    bool large = bda_grow_is_large(allocator, pool, request);
    bool preferred = is_better_dedicated(allocator, pool, request, own);
    VkResult refused = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    if (!may_grow) {
        request->reason = BDA_NO_ROOM;
    } else if (preferred) {
        refused = make_dedicated(allocator, pool, request, own, node);
        if (!bda_is_exhaustion(refused))
            return refused;
    }
    if (must_be_dedicated(request, own) || request->room > pool->max_block_size) /* no block would serve it */
        return refused;
    if (!may_grow && request->full == NULL)
        request->full = pool;
    const char *reason = request->reason;
    VkResult result = take_or_grow(allocator, pool, request, may_grow && !large, node);
    if (preferred && result == VK_ERROR_FEATURE_NOT_PRESENT) { /* no block, and what it prefers another type may have */
        request->reason = reason;
        return refused;
    }
    if (result != VK_ERROR_OUT_OF_DEVICE_MEMORY || !may_grow)
        return result;
    if (!preferred && request->size >= BDA_LEAST_BLOCK)
        return make_exact(allocator, pool, request, own, node);
    return large ? refused : result;
}

/* And once more as a last resort. */
static VkResult try_to_the_last(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                                struct bda_own *own, uint32_t *node) {
    struct bda_attempt resort = { .scope = BDA_SCOPE_NONE };
    VkResult result = try_pool(allocator, pool, request, own, node);
    while (bda_begin_at_last(allocator, pool, request, result, &resort)) {
        result = try_pool(allocator, pool, request, own, node);
        bda_end_at_last(allocator, request, &resort);
    }
    return result;
}

/* ---- A full heap ---- */

/* Of new memory, so much would do. */
static VkDeviceSize least_memory(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_request *request,
                                 const struct bda_own *own) {
    bool exact = request->size >= BDA_LEAST_BLOCK || is_better_dedicated(allocator, pool, request, own);
    return exact ? request->room : bda_grow_least(allocator, pool, request);
}

static uint64_t count_returned(BdaAllocator allocator, const struct bda_pool *pool) {
    uint32_t heap = bda_device_heap_of(&allocator->device, pool->key.memory_type);
    return atomic_load_explicit(&allocator->device.budget.heaps[heap].returned, memory_order_acquire);
}

/* Whether something of the heap comes back, or would: of frees that are due, or empty blocks of any pool. Then it is to
 * be asked for. */
static bool has_more(BdaAllocator allocator, const struct bda_pool *pool, uint64_t returned) {
    if (bda_pending_any(&allocator->pending))
        (void)bda_pending_try_collect(allocator, false); /* a lost device shows in the calls that follow */
    return count_returned(allocator, pool) != returned ||
           bda_reclaim_heap_would(allocator, bda_device_heap_of(&allocator->device, pool->key.memory_type));
}

/* Whether the driver need not be asked, since it has just refused as much, and another heap may serve. */
static bool passes_over(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                        const struct bda_own *own) {
    if (!request->others_serve)
        return false;
    VkDeviceSize least = least_memory(allocator, pool, request, own);
    uint64_t returned = count_returned(allocator, pool);
    bool within_budget = (request->flags & BDA_ALLOC_WITHIN_BUDGET_BIT) != 0;
    bda_lock(&pool->lock);
    bool holds = bda_refusal_holds(&pool->refusals[false], least, returned) ||
                 (within_budget && bda_refusal_holds(&pool->refusals[true], least, returned));
    bda_unlock(&pool->lock);
    holds = holds && !has_more(allocator, pool, returned);
    request->passed_over = request->passed_over || holds;
    return holds;
}

static void note_refusal(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                         const struct bda_own *own, uint64_t returned) {
    bool within_budget = (request->flags & BDA_ALLOC_WITHIN_BUDGET_BIT) != 0;
    bda_lock(&pool->lock);
    bda_refusal_note(&pool->refusals[within_budget], least_memory(allocator, pool, request, own), returned);
    bda_unlock(&pool->lock);
}

/* ---- All that is tried of a pool ---- */

VkResult bda_allocate_in(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                         struct bda_own *own, uint32_t *node) {
    if ((request->flags & BDA_ALLOC_NO_NEW_MEMORY_BIT) != 0)
        return try_pool(allocator, pool, request, own, node);
    if (passes_over(allocator, pool, request, own))
        return must_be_dedicated(request, own) ? VK_ERROR_OUT_OF_DEVICE_MEMORY
                                               : bda_shards_take(allocator, pool, request, node, NULL);
    uint64_t returned = count_returned(allocator, pool);
    VkResult result = try_to_the_last(allocator, pool, request, own, node);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
        note_refusal(allocator, pool, request, own, returned);
    return result;
}

VkResult bda_allocate_dedicated(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                                struct bda_own *own, uint32_t *node) {
    struct bda_attempt resort = { .scope = BDA_SCOPE_NONE };
    VkResult result = make_dedicated(allocator, pool, request, own, node);
    while (bda_begin_at_last(allocator, pool, request, result, &resort)) {
        result = make_dedicated(allocator, pool, request, own, node);
        bda_end_at_last(allocator, request, &resort);
    }
    return result;
}

/* ---- The types an intent tries ---- */

static VkResult pool_for(BdaAllocator allocator, const struct bda_request *request, uint32_t type,
                         struct bda_pool **pool) {
    bool own = request->buffer_info != NULL;
    if (request->pool != NULL && own)
        return bda_pool_for_buffers(allocator, request->pool, pool);
    if (request->pool != NULL) {
        *pool = request->pool->ranges;
        return VK_SUCCESS;
    }
    const struct bda_pool_key key = {
        .memory_type = type,
        .usage_class = request->usage_class,
        .own_buffers = own,
        .capture_replay = request->capture_replay,
        .priority = request->priority,
        .handle_types = request->handle_types,
    };
    return bda_pool_get(allocator, &key, pool);
}

static VkResult try_type(BdaAllocator allocator, struct bda_request *request, uint32_t type, bda_try try,
                         void *context) {
    struct bda_pool *pool = NULL;
    VkResult result = pool_for(allocator, request, type, &pool);
    return result == VK_SUCCESS ? try(allocator, pool, request, context) : result;
}

static bool has_type(BdaAllocator allocator, const struct bda_request *request) {
    if (request->pool != NULL)
        return (request->type_bits >> request->pool->ranges->key.memory_type & 1u) != 0;
    const struct bda_type_order *order = bda_order_of(allocator, request->intent, request->flags);
    return bda_first_type(order, request->type_bits) != VK_MAX_MEMORY_TYPES;
}

VkResult bda_check_types(BdaAllocator allocator, struct bda_request *request) {
    if (has_type(allocator, request))
        return VK_SUCCESS;
    if (request->pool != NULL)
        request->reason = "the pool's memory type does not fit the request";
    else if ((request->flags & BDA_ALLOC_ZERO_BIT) != 0)
        request->reason =
            "no memory type serves the intent and the usage and can be mapped, as BDA_ALLOC_ZERO_BIT wants";
    else
        request->reason = "no memory type serves the intent and the usage";
    return VK_ERROR_FEATURE_NOT_PRESENT;
}

static bool serves(const struct bda_request *request, const struct bda_type_order *order, uint32_t i) {
    return (request->type_bits >> order->types[i] & 1u) != 0;
}

/* Whether a type of another heap does that comes after this one: where the heap is full, it is for all of its types. */
static bool another_heap_serves(BdaAllocator allocator, const struct bda_request *request,
                                const struct bda_type_order *order, uint32_t i) {
    uint32_t heap = bda_device_heap_of(&allocator->device, order->types[i]);
    do
        i++;
    while (i < order->count &&
           (!serves(request, order, i) || bda_device_heap_of(&allocator->device, order->types[i]) == heap));
    return i < order->count;
}

/* The next type is for full heaps only; what is answered in the end is what the best type said. `hasty`: a heap that is
 * known to be full is not asked, where another type may serve. */
static VkResult try_each(BdaAllocator allocator, struct bda_request *request, bda_try try, void *context, bool hasty) {
    const struct bda_type_order *order = bda_order_of(allocator, request->intent, request->flags);
    VkResult first = VK_SUCCESS;
    const char *first_reason = NULL;
    for (uint32_t i = 0; i < order->count; i++) {
        if (!serves(request, order, i))
            continue;
        request->others_serve = hasty && another_heap_serves(allocator, request, order, i);
        request->reason = NULL;
        VkResult result = try_type(allocator, request, order->types[i], try, context);
        if (!bda_is_exhaustion(result))
            return result;
        if (first == VK_SUCCESS) {
            first = result;
            first_reason = request->reason;
        }
    }
    request->reason = first_reason;
    return first;
}

static VkResult try_in_order(BdaAllocator allocator, struct bda_request *request, bda_try try, void *context) {
    request->passed_over = false;
    VkResult result = try_each(allocator, request, try, context, true);
    if (result != VK_SUCCESS && request->passed_over) /* whatever the last one has said */
        result = try_each(allocator, request, try, context, false);
    return result;
}

VkResult bda_try_types(BdaAllocator allocator, struct bda_request *request, bda_try try, void *context) {
    VkResult result = bda_check_types(allocator, request);
    if (result != VK_SUCCESS)
        return result;
    if (request->pool != NULL)
        result = try_type(allocator, request, request->pool->ranges->key.memory_type, try, context);
    else
        result = try_in_order(allocator, request, try, context);
    if (bda_is_exhaustion(result) && request->full != NULL)
        bda_pool_lack(request->full);
    return result;
}

/* ---- Both kinds of allocation ---- */

static VkResult try_range(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request, void *node) {
    return bda_allocate_in(allocator, pool, request, NULL, node);
}

/* The record, where it needs one. A stack is no reason to refuse a request that wants nothing else written down. */
static VkResult make_record(BdaAllocator allocator, struct bda_request *request) {
    BdaStack stack = bda_stack_take(allocator);
    bool needed = request->name != NULL || request->user != 0;
    VkResult result = VK_SUCCESS;
    if (needed || stack != 0)
        result = bda_record_create(allocator, request->user, request->name, &request->record);
    if (request->record != 0)
        bda_record_at(allocator, request->record)->stack = stack;
    return needed ? result : VK_SUCCESS;
}

/* Nobody knows of it yet, but handles can be guessed: it is looked at like one that came from the caller. */
static void enter_prefix(BdaAllocator allocator, uint32_t index) {
    struct bda_live live;
    BdaHandle handle = bda_handle_of(allocator, index, bda_node_of(allocator, index));
    if (allocator->prefixes == NULL || !bda_handle_find(allocator, handle, &live))
        return;
    bda_lock(&live.pool->lock);
    uint32_t record = bda_handle_holds(allocator, handle, &live) ? bda_node_record(live.node) : 0;
    if (record != 0)
        bda_prefixes_enter(allocator, record, bda_asked(allocator, live.node));
    bda_unlock(&live.pool->lock);
}

VkResult bda_allocate(BdaAllocator allocator, struct bda_request *request, uint32_t *node) {
    bool own = request->buffer_info != NULL;
    if (!own) /* an own buffer's room is the driver's to say, first */
        bda_allocate_guard(allocator, request);
    VkResult result = make_record(allocator, request);
    if (result != VK_SUCCESS)
        return result;
    result = own ? bda_own_allocate(allocator, request, node) : bda_try_types(allocator, request, try_range, node);
    if (result != VK_SUCCESS) {
        bda_reclaim_call(allocator, request->call);
        bda_record_destroy(allocator, request->record);
        return result;
    }
    if (request->record != 0)
        enter_prefix(allocator, *node);
    tell(allocator, request, *node);
    return VK_SUCCESS;
}

/* ---- Room ahead ---- */

/* Why no pool like this one can hold so many bytes; NULL: it can. */
static const char *find_bound(BdaAllocator allocator, const struct bda_pool *pool, VkDeviceSize bytes) {
    const struct bda_heap *heap =
        &allocator->device.budget.heaps[bda_device_heap_of(&allocator->device, pool->key.memory_type)];
    if (bytes > heap->size)
        return bda_heap_is_smaller;
    if (heap->limit != 0 && bytes > heap->limit)
        return bda_heap_limit_is_smaller;
    bool bounded = pool->user != NULL && pool->user->limit.most != 0;
    return bounded && bytes > pool->user->limit.most ? bda_pool_limit_is_smaller : NULL;
}

static VkResult try_room(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *like, void *context) {
    VkDeviceSize bytes = *(const VkDeviceSize *)context;
    if (bda_grow_is_large(allocator, pool, like)) {
        like->reason = "requests of this size are dedicated, no room can be made ahead for them";
        like->wrong = like->size;
        like->wrong_as = BDA_WRONG_VALUE;
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    like->reason = find_bound(allocator, pool, bytes);
    if (like->reason != NULL) /* rather than to fill the heap and then refuse */
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return bda_grow_ahead(allocator, pool, like, bytes);
}

VkResult bda_make_room(BdaAllocator allocator, struct bda_request *like, VkDeviceSize bytes) {
    if (like->buffer_info != NULL) { /* a buffer is made for its requirements alone */
        struct bda_requirements requirements;
        VkResult result = bda_own_probe(allocator, like, &requirements);
        if (result != VK_SUCCESS)
            return result;
        if (requirements.prefers_dedicated || requirements.requires_dedicated) {
            like->reason = "the driver wants such buffers dedicated, no room can be made ahead for them";
            return VK_ERROR_VALIDATION_FAILED_EXT;
        }
    } else {
        bda_allocate_guard(allocator, like);
    }
    VkResult result = bda_try_types(allocator, like, try_room, &bytes);
    like->undone = result != VK_SUCCESS && like->call != 0;
    if (result != VK_SUCCESS)
        bda_reclaim_call(allocator, like->call);
    return result;
}
