/* Looking at live allocations, and renaming them. See access.h. */
#include "alloc/access.h"

#include "alloc/allocate.h"
#include "alloc/handle.h"
#include "alloc/own.h"
#include "alloc/prefixes.h"

#include <string.h>

/* A handle that turned out to name nothing. */
static VkResult refuse(const char **reason) {
    *reason = bda_handle_is_dead;
    return VK_ERROR_VALIDATION_FAILED_EXT;
}

VkResult bda_access_view(BdaAllocator allocator, BdaHandle handle, struct bda_view *view, const char **reason) {
    struct bda_live live;
    if (!bda_handle_find(allocator, handle, &live))
        return refuse(reason);
    bda_lock(&live.pool->lock);
    bool holds = bda_handle_holds(allocator, handle, &live);
    if (holds) {
        BDA_YIELD_POINT();
        VkDeviceSize offset = bda_node_start(live.node);
        *view =
            (struct bda_view){ live.block->backing, live.block->memory_offset + offset, bda_asked(allocator, live.node),
                               live.block->mapped != NULL ? live.block->mapped + offset : NULL };
        holds = bda_node_lives_on(live.node, bda_handle_generation(handle));
    }
    bda_unlock(&live.pool->lock);
    return holds ? VK_SUCCESS : refuse(reason);
}

VkResult bda_access_info(BdaAllocator allocator, BdaHandle handle, BdaAllocationInfo *info, const char **reason) {
    struct bda_live live;
    if (!bda_handle_find(allocator, handle, &live))
        return refuse(reason);
    const struct bda_pool *pool = live.pool;
    bda_lock(&live.pool->lock);
    bool holds = bda_handle_holds(allocator, handle, &live);
    if (holds) {
        BDA_YIELD_POINT();
        bda_describe(allocator, live.index, &info->allocation);
        uint32_t index = bda_node_record(live.node);
        const struct bda_record *record = index != 0 ? bda_record_at(allocator, index) : NULL;
        info->pool = pool->user;
        info->memory_type = pool->key.memory_type;
        info->heap = bda_device_heap_of(&allocator->device, pool->key.memory_type);
        info->properties = bda_device_properties_of(&allocator->device, pool->key.memory_type);
        info->dedicated = live.block->dedicated_size != 0;
        info->own_buffer = pool->key.own_buffers;
        if (pool->key.handle_types != 0)
            info->exportable_memory = live.block->backing.memory;
        info->priority = pool->key.priority;
        info->user = record != NULL ? record->user : 0;
        info->name = record != NULL ? bda_record_name(record) : NULL;
        info->stack = record != NULL ? record->stack : 0;
        holds = bda_node_lives_on(live.node, bda_handle_generation(handle));
        if (!holds)
            memset(info, 0, sizeof *info);
    }
    bda_unlock(&live.pool->lock);
    return holds ? VK_SUCCESS : refuse(reason);
}

/* The Vulkan objects that are an allocation's alone, and so can bear its name. Under the pool's lock, or for the owner.
 */
struct objects {
    VkBuffer buffer;
    VkDeviceMemory memory;
};

static struct objects objects_of(BdaAllocator allocator, uint32_t index) {
    const struct bda_block *block = bda_block_of(allocator, bda_node_of(allocator, index));
    if (block->dedicated_size != 0)
        return (struct objects){ block->buffer, block->backing.memory };
    return (struct objects){ block->own ? bda_own_buffer(allocator, index) : VK_NULL_HANDLE, VK_NULL_HANDLE };
}

static void show(BdaAllocator allocator, struct objects objects, const char *name) {
    struct bda_device *device = &allocator->device;
    if (objects.buffer != VK_NULL_HANDLE)
        bda_device_name_object(device, VK_OBJECT_TYPE_BUFFER, (uint64_t)objects.buffer, name);
    if (objects.memory != VK_NULL_HANDLE)
        bda_device_name_object(device, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)objects.memory, name);
}

void bda_access_show_name(BdaAllocator allocator, uint32_t index, const char *name) {
    show(allocator, objects_of(allocator, index), name);
}

/* What is to change in an allocation's record. */
struct change {
    const uint64_t *user;         /* NULL: leave it */
    struct bda_record_name *name; /* goes in, and the old one comes out; NULL: leave it */
    uint32_t prefix;              /* that it belongs to */
    uint32_t spare;               /* a record for an allocation that has none yet; 0 once it is used */
    struct objects objects;       /* out: what bears the name */
};

/* Sees to it that the allocation has a record; false where it is not live any more. The pool's lock is held: what has
 * a record is not freed without it. */
static bool give_record(BdaAllocator allocator, const struct bda_live *live, BdaHandle handle, struct change *change) {
    BDA_YIELD_POINT();
    if (bda_node_record(live->node) != 0)
        return true;
    struct bda_record *spare = bda_record_at(allocator, change->spare);
    bda_record_lend(spare);
    bool good = bda_node_try_set_record(live->node, bda_handle_generation(handle), change->spare);
    bda_record_settle(spare);
    change->spare = good ? 0 : change->spare;
    return good;
}

static VkResult apply(BdaAllocator allocator, BdaHandle handle, struct change *change, const char **reason) {
    struct bda_live live;
    if (!bda_handle_find(allocator, handle, &live))
        return refuse(reason);
    bda_lock(&live.pool->lock);
    bool holds = bda_handle_holds(allocator, handle, &live) && give_record(allocator, &live, handle, change);
    if (holds) {
        uint32_t index = bda_node_record(live.node);
        struct bda_record *record = bda_record_at(allocator, index);
        if (change->user != NULL)
            atomic_store_explicit(&record->user, *change->user, memory_order_release);
        if (change->name != NULL) {
            bda_record_set_name(record, change->name);
            if (allocator->prefixes != NULL)
                bda_prefixes_move(allocator, index, change->prefix, bda_asked(allocator, live.node));
        }
        change->objects = objects_of(allocator, live.index);
    }
    bda_unlock(&live.pool->lock);
    return holds ? VK_SUCCESS : refuse(reason);
}

/* With a record at hand, since under the lock nothing may fail. */
static VkResult apply_with_record(BdaAllocator allocator, BdaHandle handle, struct change *change,
                                  const char **reason) {
    VkResult result = bda_record_create(allocator, 0, NULL, &change->spare);
    if (result == VK_SUCCESS) {
        bda_record_at(allocator, change->spare)->frame = 0; /* it was allocated before */
        result = apply(allocator, handle, change, reason);
    }
    bda_record_destroy(allocator, change->spare);
    return result;
}

VkResult bda_access_set_name(BdaAllocator allocator, BdaHandle handle, const char *name, const char **reason) {
    struct bda_record_name own;
    struct change change = { .name = &own, .prefix = bda_prefixes_find(allocator, name) };
    VkResult result = bda_record_name_prepare(allocator, name, &own);
    if (result != VK_SUCCESS)
        return result;
    result = apply_with_record(allocator, handle, &change, reason);
    if (result == VK_SUCCESS)
        show(allocator, change.objects, name != NULL ? name : "");
    bda_record_name_release(allocator, &own);
    return result;
}

VkResult bda_access_set_user(BdaAllocator allocator, BdaHandle handle, uint64_t user, const char **reason) {
    struct change change = { .user = &user };
    return apply_with_record(allocator, handle, &change, reason);
}
