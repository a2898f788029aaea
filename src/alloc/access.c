/* Looking at live allocations, and renaming them. See access.h. */
#include "alloc/access.h"

#include "alloc/allocate.h"
#include "alloc/handle.h"

VkResult bda_access_view(BdaAllocator allocator, BdaHandle handle, struct bda_view *view, const char **reason) {
    struct bda_pool *pool = bda_handle_pool(allocator, handle, reason);
    if (pool == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    bda_mutex_lock(&pool->lock);
    struct bda_node *node = bda_handle_node(allocator, pool, handle, reason);
    if (node != NULL) {
        const struct bda_block *block = bda_block_of(allocator, node);
        VkDeviceSize offset = (VkDeviceSize)node->offset << BDA_GRANULE_LOG2;
        *view = (struct bda_view){ block->backing, block->memory_offset + offset, bda_asked(allocator, node),
                                   block->mapped != NULL ? block->mapped + offset : NULL };
    }
    bda_mutex_unlock(&pool->lock);
    return node != NULL ? VK_SUCCESS : VK_ERROR_VALIDATION_FAILED_EXT;
}

VkResult bda_access_info(BdaAllocator allocator, BdaHandle handle, BdaAllocationInfo *info, const char **reason) {
    struct bda_pool *pool = bda_handle_pool(allocator, handle, reason);
    if (pool == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    bda_mutex_lock(&pool->lock);
    struct bda_node *node = bda_handle_node(allocator, pool, handle, reason);
    if (node != NULL) {
        bda_describe(allocator, bda_handle_index(handle), &info->allocation);
        uint32_t index = node->as.live.record;
        const struct bda_record *record = index != 0 ? bda_record_at(allocator, index) : NULL;
        info->pool = pool->user;
        info->memory_type = pool->key.memory_type;
        info->heap = bda_device_heap_of(&allocator->device, pool->key.memory_type);
        info->properties = bda_device_properties_of(&allocator->device, pool->key.memory_type);
        info->dedicated = bda_block_of(allocator, node)->dedicated_size != 0;
        info->own_buffer = pool->key.own_buffers;
        info->priority = pool->key.priority;
        info->user = record != NULL ? record->user : 0;
        info->name = record != NULL ? record->name : NULL;
    }
    bda_mutex_unlock(&pool->lock);
    return node != NULL ? VK_SUCCESS : VK_ERROR_VALIDATION_FAILED_EXT;
}

void bda_access_show_name(BdaAllocator allocator, uint32_t index, const char *name) {
    struct bda_node *node = bda_node_of(allocator, index);
    struct bda_block *block = bda_block_of(allocator, node);
    bool dedicated = block->dedicated_size != 0;
    uint32_t record = node->as.live.record;
    VkBuffer own = dedicated ? block->buffer : record != 0 ? bda_record_at(allocator, record)->buffer : VK_NULL_HANDLE;
    if (own == VK_NULL_HANDLE)
        return;
    bda_device_name_object(&allocator->device, VK_OBJECT_TYPE_BUFFER, (uint64_t)own, name);
    if (dedicated)
        bda_device_name_object(&allocator->device, VK_OBJECT_TYPE_DEVICE_MEMORY, (uint64_t)block->backing.memory, name);
}

/* Exchanges the fields of the allocation's record; one that has no record yet gets `spare`, which is then 0. `text`
 * goes in, and the old name comes out. NULL `user` or `text` leave that field alone. */
static VkResult change(BdaAllocator allocator, BdaHandle handle, const uint64_t *user, char **text, uint32_t *spare,
                       const char **reason) {
    struct bda_pool *pool = bda_handle_pool(allocator, handle, reason);
    if (pool == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    bda_mutex_lock(&pool->lock);
    struct bda_node *node = bda_handle_node(allocator, pool, handle, reason);
    if (node != NULL) {
        if (node->as.live.record == 0) {
            node->as.live.record = *spare;
            *spare = 0;
        }
        struct bda_record *record = bda_record_at(allocator, node->as.live.record);
        if (user != NULL)
            record->user = *user;
        if (text != NULL) {
            char *old = record->name;
            record->name = *text;
            *text = old;
        }
    }
    bda_mutex_unlock(&pool->lock);
    return node != NULL ? VK_SUCCESS : VK_ERROR_VALIDATION_FAILED_EXT;
}

VkResult bda_access_set_name(BdaAllocator allocator, BdaHandle handle, const char *name, const char **reason) {
    char *text = NULL;
    uint32_t spare = 0;
    VkResult result = VK_SUCCESS;
    if (name != NULL && (text = bda_host_copy_text(&allocator->host, name)) == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    result = bda_record_create(allocator, 0, NULL, &spare);
    if (result == VK_SUCCESS)
        result = change(allocator, handle, NULL, &text, &spare, reason);
    if (result == VK_SUCCESS)
        bda_access_show_name(allocator, bda_handle_index(handle), name != NULL ? name : "");
    bda_host_release_text(&allocator->host, text);
    bda_record_destroy(allocator, spare);
    return result;
}

VkResult bda_access_set_user(BdaAllocator allocator, BdaHandle handle, uint64_t user, const char **reason) {
    uint32_t spare = 0;
    VkResult result = bda_record_create(allocator, 0, NULL, &spare);
    if (result == VK_SUCCESS)
        result = change(allocator, handle, &user, NULL, &spare, reason);
    bda_record_destroy(allocator, spare);
    return result;
}
