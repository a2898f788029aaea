/* bda_alloc, bda_alloc_buffer, bda_alloc_many, bda_warm_up: from the caller's words to a request. */
#include "alloc/allocate.h"

#include "alloc/access.h"
#include "alloc/free.h"
#include "alloc/grow.h"
#include "alloc/plain.h"
#include "alloc/reclaim.h"
#include "api/check.h"

#include <stdio.h>
#include <string.h>

#define KNOWN_FLAGS                                                                                                    \
    (BDA_ALLOC_DEDICATED_BIT | BDA_ALLOC_WITHIN_BUDGET_BIT | BDA_ALLOC_NO_NEW_MEMORY_BIT |                             \
     BDA_ALLOC_HOST_FALLBACK_BIT | BDA_ALLOC_ZERO_BIT | BDA_ALLOC_ACCELERATION_STRUCTURE_SCRATCH_BIT)

/* Not in the headers of Debian 12. */
#define STRUCTURE_TYPE_BUFFER_USAGE_FLAGS_2 1000470006
struct buffer_usage_flags_2 {
    VkStructureType sType;
    const void *pNext;
    uint64_t usage;
};

static VkResult invalid(struct bda_request *request, const char *reason) {
    request->reason = reason;
    return VK_ERROR_VALIDATION_FAILED_EXT;
}

/* ---- What both kinds share ---- */

static VkResult check_pool(BdaAllocator allocator, const BdaAllocInfo *info, struct bda_request *request) {
    BdaPool pool = info->pool;
    if (!bda_pool_is_alive(allocator, pool))
        return invalid(request, "the pool is not one of this allocator's, or destroyed");
    float priority = pool->ranges->key.priority;
    if (info->intent != BDA_INTENT_DEVICE && info->intent != pool->intent)
        return invalid(request, "the pool has another intent");
    bool counts = info->priority > 0 && allocator->device.features.memory_priority;
    if (counts && (info->priority < priority || info->priority > priority))
        return invalid(request, "the pool has another priority");
    request->pool = pool;
    request->intent = pool->intent;
    request->flags |= pool->flags;
    request->priority = priority;
    return VK_SUCCESS;
}

static VkResult check_info(BdaAllocator allocator, const BdaAllocInfo *info, struct bda_request *request) {
    if (info->next != NULL)
        return invalid(request, "next must be NULL");
    if ((info->flags & ~(BdaAllocFlags)KNOWN_FLAGS) != 0)
        return invalid(request, "unknown flags");
    if ((uint32_t)info->intent >= BDA_INTENT_COUNT)
        return invalid(request, "unknown intent");
    if (!(info->priority >= 0 && info->priority <= 1)) /* refuses NaN too */
        return invalid(request, "priority is not between 0 and 1");
    if (info->alignment != 0 && !bda_is_power_of_two(info->alignment))
        return invalid(request, "alignment is no power of two");
    request->name = info->name;
    request->user = info->user;
    request->intent = info->intent;
    request->flags = info->flags;
    request->priority = BDA_DEFAULT_PRIORITY;
    if (info->priority > 0 && allocator->device.features.memory_priority)
        request->priority = info->priority;
    return info->pool != NULL ? check_pool(allocator, info, request) : VK_SUCCESS;
}

/* The largest block that any memory type of the request could have. */
static VkDeviceSize largest_block(BdaAllocator allocator, const struct bda_request *request) {
    if (request->pool != NULL)
        return request->pool->ranges->max_block_size;
    return bda_max(allocator->max_block_size, allocator->max_host_visible_block_size);
}

static VkDeviceSize largest_heap(BdaAllocator allocator, const struct bda_request *request) {
    const struct bda_type_order *order =
        &allocator->order[request->intent][(request->flags & BDA_ALLOC_HOST_FALLBACK_BIT) != 0];
    const struct bda_device *device = &allocator->device;
    VkDeviceSize largest = 0;
    for (uint32_t i = 0; i < order->count; i++) {
        VkDeviceSize size = device->memory.memoryHeaps[bda_device_heap_of(device, order->types[i])].size;
        largest = bda_max(largest, size);
    }
    return largest;
}

static VkResult check_size(BdaAllocator allocator, VkDeviceSize size, struct bda_request *request) {
    const struct bda_limits *limits = &allocator->device.limits;
    if (size == 0)
        return invalid(request, "size is 0");
    if (size > limits->max_buffer_size)
        return invalid(request, "size is larger than maxBufferSize");
    if (size > limits->max_memory_size)
        return invalid(request, "size is larger than maxMemoryAllocationSize");
    VkDeviceSize heap = largest_heap(allocator, request);
    if (heap != 0 && size > heap)
        return invalid(request, "size is larger than the heap");
    request->size = request->room = size;
    return VK_SUCCESS;
}

static VkResult check_use(BdaAllocator allocator, uint64_t usage, VkDeviceSize alignment, struct bda_request *request) {
    bool scratch = (request->flags & BDA_ALLOC_ACCELERATION_STRUCTURE_SCRATCH_BIT) != 0;
    if (scratch && allocator->device.limits.scratch_alignment == 0) {
        request->reason = "accelerationStructure is not enabled";
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    if (!bda_usage_is_enabled(&allocator->device, usage)) {
        request->reason = "the usage's feature is not enabled";
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    if (alignment > largest_block(allocator, request))
        return invalid(request, "alignment is larger than a block");
    request->type_bits = UINT32_MAX;
    if ((request->flags & BDA_ALLOC_ZERO_BIT) != 0) /* the CPU must reach what it is to zero */
        request->type_bits = bda_device_types_with(&allocator->device, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
    request->usage_class = bda_usage_class_of(usage);
    request->alignment = bda_max(alignment, bda_usage_alignment(&allocator->device, usage, scratch));
    return VK_SUCCESS;
}

/* ---- Ranges ---- */

static VkResult check_range_usage(BdaAllocator allocator, const BdaAllocInfo *info, struct bda_request *request) {
    VkBufferUsageFlags possible = bda_usage_of_class(&allocator->device, request->usage_class);
    if (possible == 0 || (info->usage & ~(uint64_t)possible) != 0) {
        request->reason = "no block carries this usage: its feature is not enabled, it cannot be mixed, or it needs "
                          "bda_alloc_buffer";
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    if (request->pool != NULL) {
        if ((info->usage & ~request->pool->usage) != 0)
            return invalid(request, "the pool was not made for this usage");
        request->usage_class = request->pool->ranges->key.usage_class;
    }
    request->type_bits &= allocator->range_type_bits[request->usage_class];
    return VK_SUCCESS;
}

static VkResult zero(BdaAllocator allocator, const BdaAllocation *allocation) {
    struct bda_view view;
    const char *reason = NULL;
    VkResult result = bda_access_view(allocator, allocation->handle, &view, &reason);
    if (result != VK_SUCCESS)
        return result;
    memset(view.mapped, 0, (size_t)view.size);
    return bda_backing_sync(&allocator->device, &view.backing, BDA_SYNC_FLUSH, view.memory_offset, view.size);
}

/* Allocates what was checked, and does what is left to do with it. */
static VkResult fulfil(BdaAllocator allocator, struct bda_request *request, BdaAllocation *allocation) {
    uint32_t node = 0;
    VkResult result = bda_allocate(allocator, request, &node);
    if (result != VK_SUCCESS)
        return result;
    bda_describe(allocator, node, allocation);
    if ((request->flags & BDA_ALLOC_ZERO_BIT) != 0)
        result = zero(allocator, allocation);
    if (result != VK_SUCCESS) {
        (void)bda_free_handle(allocator, allocation->handle, &request->reason);
        bda_reclaim_call(allocator, request->call);
        memset(allocation, 0, sizeof *allocation);
        return result;
    }
    if (request->name != NULL)
        bda_access_show_name(allocator, node, request->name);
    return VK_SUCCESS;
}

static VkResult request_range(BdaAllocator allocator, const BdaAllocInfo *info, struct bda_request *request) {
    VkResult result = check_info(allocator, info, request);
    if (result == VK_SUCCESS)
        result = check_size(allocator, info->size, request);
    if (result == VK_SUCCESS)
        result = check_use(allocator, info->usage, info->alignment, request);
    if (result == VK_SUCCESS)
        result = check_range_usage(allocator, info, request);
    return result;
}

BDA_COLD VkResult alloc_the_long_way(BdaAllocator allocator, const BdaAllocInfo *info, BdaAllocation *allocation) {
    const char *const function = "bda_alloc";
    if (allocation == NULL)
        return bda_refuse(allocator, function, VK_ERROR_VALIDATION_FAILED_EXT, "allocation is NULL");
    memset(allocation, 0, sizeof *allocation);
    if (allocator == NULL || info == NULL)
        return bda_refuse(allocator, function, VK_ERROR_VALIDATION_FAILED_EXT, "info is NULL");
    struct bda_request request = { .reason = NULL };
    VkResult result = request_range(allocator, info, &request);
    if (result == VK_SUCCESS)
        result = fulfil(allocator, &request, allocation);
    return result == VK_SUCCESS ? result : bda_refuse(allocator, function, result, request.reason);
}

/* What may take no new memory is refused often, where somebody looks whether there is room: without a second search. */
static VkResult alloc_what_is_present(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize alignment,
                                      const BdaAllocInfo *info, BdaAllocation *allocation) {
    VkResult result = bda_allocate_present(allocator, pool, alignment, info, allocation);
    if (result == VK_NOT_READY)
        return alloc_the_long_way(allocator, info, allocation);
    if (result == VK_SUCCESS)
        return result;
    memset(allocation, 0, sizeof *allocation);
    return bda_refuse(allocator, "bda_alloc", result, BDA_NO_ROOM);
}

/* Apart, so that the shortest way saves no registers for it. */
BDA_APART VkResult alloc_the_longer_way(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize alignment,
                                        const BdaAllocInfo *info, BdaAllocation *allocation) {
    if ((info->flags & BDA_ALLOC_NO_NEW_MEMORY_BIT) != 0)
        return alloc_what_is_present(allocator, pool, alignment, info, allocation);
    return bda_plain_alloc_shared(allocator, pool, alignment, info, allocation)
               ? VK_SUCCESS
               : alloc_the_long_way(allocator, info, allocation);
}

BDA_INLINE VkResult alloc(BdaAllocator allocator, const BdaAllocInfo *info, bool shared, BdaAllocation *allocation) {
    struct bda_pool *pool = bda_plain_pool(allocator, info);
    struct bda_request request;
    if (pool == NULL || !bda_plain_request(allocator, pool, info, &request))
        return alloc_the_long_way(allocator, info, allocation);
    if (bda_plain_alloc(allocator, pool, info, &request, shared, allocation))
        return VK_SUCCESS;
    return alloc_the_longer_way(allocator, pool, request.alignment, info, allocation);
}

VkResult bda_alloc(BdaAllocator allocator, const BdaAllocInfo *info, BdaAllocation *allocation) {
    if (allocator == NULL || info == NULL || allocation == NULL)
        return alloc_the_long_way(allocator, info, allocation);
    return allocator->locks ? alloc(allocator, info, true, allocation) : alloc(allocator, info, false, allocation);
}

/* Takes back what a batch has so far, the blocks that it opened too. */
static void undo(BdaAllocator allocator, uint32_t count, BdaAllocation *allocations, uint32_t call) {
    while (count-- > 0)
        (void)bda_free_handle(allocator, allocations[count].handle, &(const char *){ NULL });
    bda_reclaim_call(allocator, call);
}

/* Runs of plain requests, and between them what takes the long way. `done` is how many have come through, and
 * `request` the one that did not. */
static VkResult alloc_all(BdaAllocator allocator, uint32_t count, const BdaAllocInfo *infos, BdaAllocation *allocations,
                          uint32_t *done, struct bda_request *request) {
    uint32_t call = 0;
    for (uint32_t i = 0; i < count;) {
        i += bda_allocate_run(allocator, count - i, &infos[i], &allocations[i]);
        *done = i;
        if (i == count)
            break;
        *request = (struct bda_request){ .call = call };
        VkResult result = request_range(allocator, &infos[i], request);
        if (result == VK_SUCCESS)
            result = fulfil(allocator, request, &allocations[i]);
        if (result != VK_SUCCESS)
            return result;
        call = request->call;
        i++;
    }
    return VK_SUCCESS;
}

VkResult bda_alloc_many(BdaAllocator allocator, uint32_t count, const BdaAllocInfo *infos, BdaAllocation *allocations) {
    if (count == 0 && allocator != NULL)
        return VK_SUCCESS;
    if (allocations == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "allocations is NULL");
    if (allocator == NULL || infos == NULL) {
        memset(allocations, 0, count * sizeof allocations[0]);
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "infos is NULL");
    }
    uint32_t done = 0;
    struct bda_request request;
    VkResult result = alloc_all(allocator, count, infos, allocations, &done, &request);
    if (result == VK_SUCCESS)
        return result;
    undo(allocator, done, allocations, request.call);
    memset(allocations, 0, count * sizeof allocations[0]);
    char where[64];
    (void)snprintf(where, sizeof where, "%s, item %u", __func__, (unsigned)done);
    return bda_refuse(allocator, where, result, request.reason);
}

/* ---- Room ahead ---- */

static VkResult make_room(BdaAllocator allocator, struct bda_request *request, VkDeviceSize bytes) {
    if ((request->flags & (BDA_ALLOC_DEDICATED_BIT | BDA_ALLOC_NO_NEW_MEMORY_BIT)) != 0 || request->handle_types != 0)
        return invalid(request, "no room can be made ahead for what is dedicated, or takes no new memory");
    return bda_make_room(allocator, request, bytes);
}

VkResult bda_warm_up(BdaAllocator allocator, const BdaAllocInfo *like, VkDeviceSize bytes) {
    if (allocator == NULL || like == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "like is NULL");
    BdaAllocInfo info = *like;
    info.size = like->size != 0 ? like->size : 1;
    struct bda_request request = { .reason = NULL };
    VkResult result = request_range(allocator, &info, &request);
    if (like->size == 0) /* no size in particular: pieces of the alignment fill the room best */
        request.size = request.room = request.alignment;
    if (result == VK_SUCCESS)
        result = make_room(allocator, &request, bytes);
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, request.reason);
}

VkBool32 bda_wants_block(BdaAllocator allocator) {
    return allocator != NULL && atomic_load_explicit(&allocator->some_want, memory_order_relaxed) ? VK_TRUE : VK_FALSE;
}

VkResult bda_prepare(BdaAllocator allocator) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (!atomic_exchange_explicit(&allocator->some_want, false, memory_order_relaxed))
        return VK_SUCCESS;
    VkResult result = VK_SUCCESS;
    const char *reason = NULL;
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older) {
        const char *why = NULL;
        VkResult one = bda_grow_to_mark(allocator, pool, &why);
        if (result < 0 || one == VK_SUCCESS)
            continue; /* the first error is told, and any error before a heap that is full */
        result = one;
        reason = why;
    }
    if (result >= 0)
        return result;
    atomic_store_explicit(&allocator->some_want, true, memory_order_relaxed);
    return bda_refuse(allocator, __func__, result, reason);
}

/* ---- Own buffers ---- */

/* What the pNext chain asks of the memory, and the usage that counts. */
static VkResult read_chain(const VkBufferCreateInfo *buffer_info, struct bda_request *request, uint64_t *usage) {
    for (const VkBaseInStructure *next = buffer_info->pNext; next != NULL; next = next->pNext) {
        const void *s = next;
        if ((int)next->sType == STRUCTURE_TYPE_BUFFER_USAGE_FLAGS_2) {
            *usage = ((const struct buffer_usage_flags_2 *)s)->usage;
            if ((*usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) == 0)
                return invalid(request, "VkBufferUsageFlags2CreateInfo::usage lacks SHADER_DEVICE_ADDRESS");
        } else if (next->sType == VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO) {
            request->handle_types = ((const VkExternalMemoryBufferCreateInfo *)s)->handleTypes;
        } else if (next->sType == VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO) {
            if (((const VkBufferOpaqueCaptureAddressCreateInfo *)s)->opaqueCaptureAddress != 0)
                return invalid(request, "buffers at an opaque capture address are not supported");
        }
    }
    return VK_SUCCESS;
}

static VkResult check_buffer_flags(BdaAllocator allocator, VkBufferCreateFlags flags, struct bda_request *request) {
    const VkBufferCreateFlags refused = VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT |
                                        VK_BUFFER_CREATE_SPARSE_ALIASED_BIT | VK_BUFFER_CREATE_PROTECTED_BIT;
    if ((flags & refused) != 0)
        return invalid(request, "sparse and protected buffers are not supported");
    request->capture_replay = (flags & VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT) != 0;
    if (request->capture_replay && !allocator->device.features.capture_replay) {
        request->reason = "bufferDeviceAddressCaptureReplay is not enabled";
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    if (request->pool != NULL && (request->capture_replay || request->handle_types != 0))
        return invalid(request, "buffers to export, or for capture and replay, do not go into a pool");
    return VK_SUCCESS;
}

static VkResult request_buffer(BdaAllocator allocator, const VkBufferCreateInfo *buffer_info, const BdaAllocInfo *info,
                               struct bda_request *request) {
    uint64_t usage = buffer_info->usage;
    if (buffer_info->sType != VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO)
        return invalid(request, "buffer_info is no VkBufferCreateInfo");
    if (info->size != 0 && info->size != buffer_info->size)
        return invalid(request, "size is neither 0 nor the buffer's");
    if (info->usage != 0)
        return invalid(request, "usage is taken from the VkBufferCreateInfo, and must be 0 here");
    VkResult result = check_info(allocator, info, request);
    if (result == VK_SUCCESS)
        result = read_chain(buffer_info, request, &usage);
    if (result == VK_SUCCESS)
        result = check_buffer_flags(allocator, buffer_info->flags, request);
    if (result == VK_SUCCESS)
        result = check_size(allocator, buffer_info->size, request);
    if (result == VK_SUCCESS)
        result = check_use(allocator, usage, info->alignment, request);
    return result;
}

/* The request, and the create info with what the library adds to it; `addressed` must live as long as the request. */
static VkResult request_addressed(BdaAllocator allocator, const VkBufferCreateInfo *buffer_info,
                                  const BdaAllocInfo *info, VkBufferCreateInfo *addressed,
                                  struct bda_request *request) {
    const BdaAllocInfo none = { .next = NULL };
    *addressed = *buffer_info;
    addressed->usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
    request->buffer_info = addressed;
    return request_buffer(allocator, buffer_info, info != NULL ? info : &none, request);
}

VkResult bda_alloc_buffer(BdaAllocator allocator, const VkBufferCreateInfo *buffer_info, const BdaAllocInfo *info,
                          BdaAllocation *allocation) {
    if (allocation == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "allocation is NULL");
    memset(allocation, 0, sizeof *allocation);
    if (allocator == NULL || buffer_info == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "buffer_info is NULL");
    VkBufferCreateInfo addressed;
    struct bda_request request = { .reason = NULL };
    VkResult result = request_addressed(allocator, buffer_info, info, &addressed, &request);
    if (result == VK_SUCCESS)
        result = fulfil(allocator, &request, allocation);
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, request.reason);
}

VkResult bda_warm_up_buffers(BdaAllocator allocator, const VkBufferCreateInfo *buffer_like, const BdaAllocInfo *like,
                             VkDeviceSize bytes) {
    if (allocator == NULL || buffer_like == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "buffer_like is NULL");
    VkBufferCreateInfo addressed;
    struct bda_request request = { .reason = NULL };
    VkResult result = request_addressed(allocator, buffer_like, like, &addressed, &request);
    if (result == VK_SUCCESS)
        result = make_room(allocator, &request, bytes);
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, request.reason);
}
