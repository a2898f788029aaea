/* Own buffers, see own.h. */
#include "alloc/own.h"
#include "alloc/prefixes.h"

#include "alloc/allocate.h"
#include "alloc/free.h"
#include "alloc/plain.h"
#include "alloc/relief.h"

_Static_assert(BDA_INTENT_COUNT == sizeof((struct bda_kind *)NULL)->first_pools / sizeof(struct bda_pool *),
               "one for each intent");

/* ---- The driver ---- */

static VkResult create(BdaAllocator allocator, const VkBufferCreateInfo *info, VkBuffer *buffer) {
    struct bda_device *device = &allocator->device;
    VkResult result = device->vk.create_buffer(device->handle, info, device->driver_callbacks, buffer);
    if (result != VK_SUCCESS)
        *buffer = VK_NULL_HANDLE;
    return result;
}

static void destroy(BdaAllocator allocator, VkBuffer buffer) {
    struct bda_device *device = &allocator->device;
    if (buffer != VK_NULL_HANDLE)
        device->vk.destroy_buffer(device->handle, buffer, device->driver_callbacks);
}

/* Which buffer it is stands in its node's word, which may be NULL. */
BDA_INLINE VkBuffer buffer_in(bda_word *word) {
    return word != NULL ? (VkBuffer)atomic_load_explicit(word, memory_order_relaxed) : VK_NULL_HANDLE;
}

BDA_INLINE void destroy_and_forget(BdaAllocator allocator, bda_word *word) {
    VkBuffer buffer = buffer_in(word);
    if (buffer == VK_NULL_HANDLE)
        return;
    bda_words_write(word, 0);
    destroy(allocator, buffer);
}

void bda_own_release(BdaAllocator allocator, uint32_t index) {
    destroy_and_forget(allocator, bda_words_find(&allocator->own_buffers, index));
}

/* To every driver we know a buffer's handle is the address of what it keeps of the buffer. That is on its way, then,
 * when the driver is told to destroy it; to ask for a line that is none does nothing. */
BDA_INLINE void prefetch_buffer(bda_word *word) {
    bda_prefetch((const void *)(uintptr_t)buffer_in(word));
}

/* ---- Beside the node ---- */

/* The first buffer of some hundred nodes makes room for theirs. */
BDA_COLD bda_word *secure_word(BdaAllocator allocator, uint32_t index) {
    bda_mutex_lock(&allocator->store_lock);
    bool secured = bda_words_secure(&allocator->own_buffers, index);
    bda_mutex_unlock(&allocator->store_lock);
    return secured ? bda_words_find(&allocator->own_buffers, index) : NULL;
}

/* The driver has another address than the block's base makes expect, which it may; that is kept in the record, that of
 * the request (0: it has none). What stands in the node may be a stranger's for a moment (bda_node_try_set_record).
 * Under the lock, since somebody may be looking for an address at this moment. */
BDA_COLD VkResult keep_address(BdaAllocator allocator, struct bda_node *node, uint32_t record, VkDeviceAddress address,
                               VkDeviceSize alignment) {
    if (address % alignment != 0)
        return VK_ERROR_FEATURE_NOT_PRESENT;
    VkResult result = record == 0 ? bda_record_create(allocator, 0, NULL, &record) : VK_SUCCESS;
    if (result != VK_SUCCESS)
        return result;
    struct bda_pool *pool = bda_pool_of(allocator, node);
    bda_lock(&pool->lock);
    atomic_store_explicit(&allocator->strays, true, memory_order_relaxed);
    bda_record_at(allocator, record)->address = address;
    bda_node_set_record(node, record);
    bda_unlock(&pool->lock);
    return VK_SUCCESS;
}

/* Binds a buffer, to memory aligned as it `requires`, and notes which it is. The address that the driver tells is the
 * truth, whatever the block's base says: VK_ERROR_FEATURE_NOT_PRESENT means that it does not have the `alignment`. Told
 * is 0 where it is what the base says. `record`: the request's. */
BDA_INLINE VkResult bind(BdaAllocator allocator, const struct bda_live *live, VkBuffer buffer, VkDeviceSize requires,
                         uint32_t record, VkDeviceSize alignment, VkDeviceAddress *told) {
    struct bda_device *device = &allocator->device;
    VkDeviceSize start = bda_node_start(live->node);
    VkDeviceSize offset = live->block->memory_offset + start;
    if ((offset & (requires - 1)) != 0)
        return VK_ERROR_FEATURE_NOT_PRESENT;
    bda_word *word = bda_words_find(&allocator->own_buffers, live->index);
    if (word == NULL && (word = secure_word(allocator, live->index)) == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkResult result = device->vk.bind_buffer_memory(device->handle, buffer, live->block->backing.memory, offset);
    if (result != VK_SUCCESS)
        return result;
    VkDeviceAddress address = bda_block_buffer_address(device, buffer);
    *told = 0;
    if (address != live->block->region.base + start) {
        *told = address;
        result = keep_address(allocator, live->node, record, address, alignment);
    }
    if (result == VK_SUCCESS)
        bda_words_write(word, (uint64_t)buffer);
    return result;
}

/* ---- Giving a range back ----
 *
 * What is passed on by address to a function of its own lies in memory on every way, so that gets a copy. */

/* Under the lock, since somebody may be looking at the record; that goes when nobody can be. */
BDA_INLINE void give_back(BdaAllocator allocator, const struct bda_live *live) {
    bda_pool_lock_as(live->pool, !allocator->caches_off);
    uint32_t record = bda_node_record(live->node);
    if (record != 0)
        bda_prefixes_leave(allocator, bda_record_at(allocator, record));
    bda_range_free(live);
    bda_unlock(&live->pool->lock);
    if (record != 0)
        bda_record_destroy(allocator, record);
}

/* Whether the thread would keep a retired range. Caches serve the short way alone: no pool of the caller's, nobody who
 * listens. */
BDA_INLINE bool may_be_kept(const struct bda_live *live) {
    return bda_pool_has_stock(live->pool) && !bda_pool_rests(live->pool) && live->pool->user == NULL &&
           bda_node_last_record(live->node) == 0 && bda_range_may_be_kept(live->pool, live->node) &&
           !bda_node_is_spent(live->node);
}

/* It is kept, or goes back to TLSF. */
BDA_INLINE void let_go(BdaAllocator allocator, const struct bda_live *live) {
    if (may_be_kept(live)) {
        const struct bda_live copy = *live;
        if (bda_cache_keep(allocator, &copy))
            return;
    }
    give_back(allocator, live);
}

/* ---- The short way of an allocation ---- */

/* Whether the library knows without further questions what is asked of it. */
BDA_INLINE bool is_plain(BdaAllocator allocator, const VkBufferCreateInfo *buffer_info, const BdaAllocInfo *info) {
    if (((uintptr_t)buffer_info->pNext | buffer_info->flags) != 0 || allocator->event != NULL ||
        buffer_info->sType != VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO)
        return false;
    if (info == NULL)
        return true;
    uint64_t special = (uintptr_t)info->next | (info->flags & ~(BdaAllocFlags)BDA_PLAIN_FLAGS) |
                       bda_plain_priority(info->priority) | info->usage | (uintptr_t)info->name | info->user |
                       (uintptr_t)info->pool | (info->alignment & (info->alignment - 1));
    return special == 0 && (uint32_t)info->intent < BDA_INTENT_COUNT &&
           (info->size == 0 || info->size == buffer_info->size);
}

/* The first pool of an intent that such buffers can lie in, or NULL. It is the library's own, so it stays what it is.
 */
BDA_COLD struct bda_pool *find_first_pool(BdaAllocator allocator, struct bda_kind *kind, BdaIntent intent) {
    uint32_t type = bda_first_type(bda_order_of(allocator, intent, 0), kind->type_bits);
    if (type == VK_MAX_MEMORY_TYPES)
        return NULL;
    struct bda_pool *pool =
        atomic_load_explicit(&allocator->pools[type][BDA_USAGE_GENERAL][true], memory_order_acquire);
    atomic_store_explicit(&kind->first_pools[intent], pool, memory_order_release);
    return pool;
}

BDA_INLINE struct bda_pool *first_pool(BdaAllocator allocator, struct bda_kind *kind, BdaIntent intent) {
    struct bda_pool *pool = atomic_load_explicit(&kind->first_pools[intent], memory_order_acquire);
    return pool != NULL ? pool : find_first_pool(allocator, kind, intent);
}

/* The buffer, from the caller's info with the address usage added. */
BDA_INLINE VkResult create_addressed(BdaAllocator allocator, const VkBufferCreateInfo *info, VkBuffer *buffer) {
    if ((info->usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) != 0)
        return create(allocator, info, buffer);
    VkBufferCreateInfo addressed = *info;
    addressed.usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
    return create(allocator, &addressed, buffer);
}

/* Asks the driver, and remembers what need not be asked again. */
BDA_APART void ask(BdaAllocator allocator, struct bda_kind *kind, VkDeviceSize size, VkBuffer buffer,
                   struct bda_requirements *requirements) {
    bda_block_requirements(&allocator->device, buffer, requirements);
    bda_kind_learn(kind, &allocator->device, size, requirements);
}

BDA_INLINE struct bda_requirements requirements_of(BdaAllocator allocator, struct bda_kind *kind, VkDeviceSize size,
                                                   VkBuffer buffer) {
    struct bda_requirements known, asked;
    if (bda_kind_requires(kind, size, &known))
        return known;
    ask(allocator, kind, size, buffer, &asked);
    return asked;
}

/* What a plain buffer wants of a pool. */
BDA_INLINE struct bda_request request_for(VkDeviceSize size, VkDeviceSize room, VkDeviceSize alignment) {
    return (struct bda_request){ .size = size, .room = room, .alignment = alignment };
}

/* A range from a cache has no home there while it is an own buffer's, see bda_cache_keep. */
BDA_INLINE void become_own(struct bda_live *live) {
    live->pool = atomic_load_explicit(&live->block->pool, memory_order_relaxed);
    bda_node_set_record(live->node, 0);
}

/* From TLSF; `caches`: false where there are none. */
BDA_INLINE bool take_past_caches(BdaAllocator allocator, struct bda_pool *pool, const struct bda_request *request,
                                 bool caches, struct bda_live *live) {
    bda_pool_lock_as(pool, caches);
    bool taken = bda_range_take(allocator, pool, request, caches, live) == VK_SUCCESS;
    bda_unlock(&pool->lock);
    return taken;
}

/* From the pool's blocks, when the thread's shelves have nothing. */
BDA_APART bool take_further(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize size, VkDeviceSize room,
                            VkDeviceSize alignment, struct bda_live *live) {
    struct bda_request request = request_for(size, room, alignment);
    bda_shard_settle_if_crowded(allocator, pool);
    if (bda_pool_is_cached(bda_shard_of_thread(allocator, pool), room) &&
        bda_cache_fetch(allocator, pool, bda_range_extent(pool, &request), size, 0, live)) {
        become_own(live);
        return true;
    }
    return take_past_caches(allocator, bda_shard_of_thread(allocator, pool), &request, true, live);
}

BDA_INLINE bool take(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize size, VkDeviceSize room,
                     VkDeviceSize alignment, struct bda_live *live) {
    struct bda_request request = request_for(size, room, alignment);
    if (!bda_pool_has_stock(pool) || bda_shard_rests_alone(pool))
        return take_past_caches(allocator, pool, &request, !allocator->caches_off, live);
    if (room <= BDA_CACHED_BYTES && bda_cache_take(allocator, pool, &request, live) != NULL) {
        become_own(live);
        return true;
    }
    struct bda_live further; /* a copy, as above */
    if (!take_further(allocator, pool, size, room, alignment, &further))
        return false;
    *live = further;
    return true;
}

/* Where the address is not aligned, dedicated memory may do, and where memory ran out another type of it: that is for
 * the long way to see. */
BDA_COLD VkResult give_up(BdaAllocator allocator, struct bda_live live, VkBuffer *buffer, VkResult result) {
    destroy(allocator, *buffer);
    *buffer = VK_NULL_HANDLE;
    bda_node_retire(live.node, BDA_NODE_RETIRED);
    let_go(allocator, &live);
    return result == VK_ERROR_FEATURE_NOT_PRESENT || bda_is_exhaustion(result) ? BDA_OWN_IS_NOT_PLAIN : result;
}

VkResult bda_own_alloc(BdaAllocator allocator, const VkBufferCreateInfo *buffer_info, const BdaAllocInfo *info,
                       VkBuffer *made, BdaAllocation *allocation) {
    *made = VK_NULL_HANDLE;
    if (!is_plain(allocator, buffer_info, info))
        return BDA_OWN_IS_NOT_PLAIN;
    VkBufferUsageFlags usage = buffer_info->usage | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
    struct bda_kind *kind = bda_kinds_find(&allocator->kinds, usage);
    if (kind == NULL)
        return BDA_OWN_IS_NOT_PLAIN;
    struct bda_pool *pool = first_pool(allocator, kind, info != NULL ? info->intent : BDA_INTENT_DEVICE);
    VkDeviceSize size = buffer_info->size;
    VkDeviceSize alignment = bda_max(info != NULL ? info->alignment : 0, kind->usage_alignment);
    if (pool == NULL || size - 1 >= pool->most_plain || alignment > pool->most_plain)
        return BDA_OWN_IS_NOT_PLAIN;
    VkResult result = create_addressed(allocator, buffer_info, made);
    if (result != VK_SUCCESS)
        return result;
    VkBuffer buffer = *made;
    const struct bda_requirements r = requirements_of(allocator, kind, size, buffer);
    struct bda_live live;
    VkDeviceAddress told;
    alignment = bda_max(alignment, r.alignment);
    if (r.prefers_dedicated || r.requires_dedicated || r.type_bits != kind->type_bits || r.size > pool->most_plain ||
        alignment > pool->most_plain || !take(allocator, pool, size, r.size, alignment, &live))
        return BDA_OWN_IS_NOT_PLAIN;
    result = bind(allocator, &live, buffer, r.alignment, 0, alignment, &told);
    if (result != VK_SUCCESS)
        return give_up(allocator, live, made, result);
    bda_own_describe(allocator, &live, buffer, told, size, allocation);
    bool caches = !allocator->caches_off;
    struct bda_cache *cache = caches ? bda_cache_at_hand(allocator) : NULL;
    bda_plain_tell_made(allocator, cache, caches, allocation->handle);
    if (caches)
        bda_caches_after_request_of(allocator, cache);
    return VK_SUCCESS;
}

/* ---- A free ---- */

/* Under the lock, since somebody may be renaming it. */
BDA_COLD void tell_history_of_recorded(BdaAllocator allocator, BdaHandle handle, struct bda_live live) {
    bda_pool_lock(live.pool);
    bda_history_tell(allocator, handle, live.node, 0);
    bda_unlock(&live.pool->lock);
}

BDA_INLINE void tell_history(BdaAllocator allocator, struct bda_cache *cache, BdaHandle handle,
                             const struct bda_live *live) {
    if (bda_node_last_record(live->node) != 0)
        tell_history_of_recorded(allocator, handle, *live);
    else
        bda_plain_tell(allocator, cache, !allocator->caches_off, handle, live, 0);
}

bool bda_own_free(BdaAllocator allocator, struct bda_cache *cache, BdaHandle handle, struct bda_node *node,
                  struct bda_block *block) {
    const struct bda_live live = { bda_handle_index(handle), node, block,
                                   atomic_load_explicit(&block->pool, memory_order_acquire) };
    bda_word *word = bda_words_find(&allocator->own_buffers, live.index);
    prefetch_buffer(word);
    if (allocator->event != NULL || live.pool == NULL ||
        !bda_node_try_retire(node, bda_handle_generation(handle), BDA_NODE_RETIRED, allocator->locks))
        return false;
    if (!bda_pool_has_stock(live.pool) ||
        bda_pool_rests(live.pool)) /* it goes to TLSF, after a call that takes a while */
        bda_node_prefetch_neighbours(&allocator->nodes, node);
    tell_history(allocator, cache, handle, &live);
    destroy_and_forget(allocator, word); /* before anybody else can have the range */
    let_go(allocator, &live);
    return true;
}

/* ---- The long way ---- */

/* The driver's wishes go into the request; those of a plain kind are remembered. */
static void ask_requirements(BdaAllocator allocator, struct bda_request *request, struct bda_own *own) {
    const VkBufferCreateInfo *info = request->buffer_info;
    bda_block_requirements(&allocator->device, own->buffer, &own->requirements);
    if (info->pNext == NULL && info->flags == 0 && request->usage_class == BDA_USAGE_GENERAL)
        bda_kinds_learn(&allocator->kinds, &allocator->device, info->usage, info->size, &own->requirements);
}

static void add_requirements(BdaAllocator allocator, struct bda_request *request,
                             const struct bda_requirements *requirements) {
    request->room = requirements->size;
    bda_allocate_guard(allocator, request);
    request->alignment = bda_max(request->alignment, requirements->alignment);
    request->type_bits &= requirements->type_bits;
}

static VkResult bind_own(BdaAllocator allocator, const struct bda_request *request, struct bda_own *own) {
    const struct bda_live live = bda_range_at(allocator, NULL, own->node);
    VkResult result = VK_SUCCESS;
    if (own->buffer == VK_NULL_HANDLE)
        result = create(allocator, request->buffer_info, &own->buffer);
    if (result != VK_SUCCESS)
        return result;
    VkDeviceAddress told; /* who describes it asks the record */
    return bind(allocator, &live, own->buffer, own->requirements.alignment, request->record, request->alignment, &told);
}

/* A dedicated allocation can be aligned at will where a place in a block cannot. */
static VkResult finish_own(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request,
                           struct bda_own *own) {
    struct bda_node *node = bda_node_of(allocator, own->node);
    if (bda_block_of(allocator, node)->dedicated_size != 0)
        return VK_SUCCESS;
    VkResult result = bind_own(allocator, request, own);
    if (result == VK_SUCCESS)
        return VK_SUCCESS;
    destroy(allocator, own->buffer);
    own->buffer = VK_NULL_HANDLE;
    bda_take_back(allocator, own->node);
    own->node = 0;
    request->reason = NULL; /* there was room */
    if (result != VK_ERROR_FEATURE_NOT_PRESENT)
        return result;
    if ((request->flags & BDA_ALLOC_NO_NEW_MEMORY_BIT) != 0) {
        request->reason = "the buffer's address in a block lacks the alignment, and the request may take no new memory";
        return result;
    }
    return bda_allocate_dedicated(allocator, pool, request, own, &own->node);
}

static VkResult try_own(BdaAllocator allocator, struct bda_pool *pool, struct bda_request *request, void *context) {
    struct bda_own *own = context;
    VkResult result = bda_allocate_in(allocator, pool, request, own, &own->node);
    return result == VK_SUCCESS ? finish_own(allocator, pool, request, own) : result;
}

VkResult bda_own_allocate(BdaAllocator allocator, struct bda_request *request, uint32_t *node) {
    struct bda_own own = { .buffer = request->made, .node = 0 };
    VkResult result = VK_SUCCESS;
    if (own.buffer == VK_NULL_HANDLE)
        result = create(allocator, request->buffer_info, &own.buffer);
    if (result != VK_SUCCESS)
        return result;
    /* Asked for anew where the short way knew enough: dedicated memory must have the very size that is required
     * (VUID-VkMemoryDedicatedAllocateInfo-buffer-02965). */
    ask_requirements(allocator, request, &own);
    add_requirements(allocator, request, &own.requirements);
    result = bda_try_types(allocator, request, try_own, &own);
    if (result != VK_SUCCESS)
        destroy(allocator, own.buffer);
    *node = own.node;
    return result;
}

VkResult bda_own_probe(BdaAllocator allocator, struct bda_request *request, struct bda_requirements *requirements) {
    struct bda_own own;
    VkResult result = create(allocator, request->buffer_info, &own.buffer);
    if (result != VK_SUCCESS)
        return result;
    ask_requirements(allocator, request, &own);
    destroy(allocator, own.buffer);
    add_requirements(allocator, request, &own.requirements);
    *requirements = own.requirements;
    return VK_SUCCESS;
}
