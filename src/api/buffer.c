/* bda_alloc_buffer, bda_warm_up_buffers. */
#include "alloc/own.h"

#include "alloc/caches.h"
#include "api/check.h"
#include "api/request.h"
#include "core/names.h"

#include <assert.h>
#include <string.h>

/* Not in the headers of Debian 12. */
#define STRUCTURE_TYPE_BUFFER_USAGE_FLAGS_2 1000470006
struct buffer_usage_flags_2 {
    VkStructureType sType;
    const void *pNext;
    uint64_t usage;
};

/* What the pNext chain asks of the memory, and the usage that counts. */
static VkResult read_chain(const VkBufferCreateInfo *buffer_info, struct bda_request *request, uint64_t *usage) {
    for (const VkBaseInStructure *next = buffer_info->pNext; next != NULL; next = next->pNext) {
        const void *s = next;
        if ((int)next->sType == STRUCTURE_TYPE_BUFFER_USAGE_FLAGS_2) {
            *usage = ((const struct buffer_usage_flags_2 *)s)->usage;
            if ((*usage & VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT) == 0)
                return bda_invalid_value(request, "VkBufferUsageFlags2CreateInfo::usage lacks SHADER_DEVICE_ADDRESS",
                                         *usage, BDA_WRONG_BITS);
        } else if (next->sType == VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO) {
            request->handle_types = ((const VkExternalMemoryBufferCreateInfo *)s)->handleTypes;
        } else if (next->sType == VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO) {
            if (((const VkBufferOpaqueCaptureAddressCreateInfo *)s)->opaqueCaptureAddress != 0)
                return bda_invalid(request, "buffers at an opaque capture address are not supported");
        }
    }
    return VK_SUCCESS;
}

static VkResult check_buffer_flags(BdaAllocator allocator, VkBufferCreateFlags flags, struct bda_request *request) {
    const VkBufferCreateFlags refused = VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT |
                                        VK_BUFFER_CREATE_SPARSE_ALIASED_BIT | VK_BUFFER_CREATE_PROTECTED_BIT;
    if ((flags & refused) != 0)
        return bda_invalid_value(request, "sparse and protected buffers are not supported", flags & refused,
                                 BDA_WRONG_BITS);
    request->capture_replay = (flags & VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT) != 0;
    if (request->capture_replay && !allocator->device.features.capture_replay) {
        request->reason = "bufferDeviceAddressCaptureReplay is not enabled";
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    if (request->pool != NULL && (request->capture_replay || request->handle_types != 0))
        return bda_invalid(request, "buffers to export, or for capture and replay, do not go into a pool");
    return VK_SUCCESS;
}

static VkResult request_buffer(BdaAllocator allocator, const VkBufferCreateInfo *buffer_info, const BdaAllocInfo *info,
                               struct bda_request *request) {
    uint64_t usage = buffer_info->usage;
    request->name = bda_name_or_none(info->name);
    if (buffer_info->sType != VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO)
        return bda_invalid_value(request, "buffer_info is no VkBufferCreateInfo", (uint32_t)buffer_info->sType,
                                 BDA_WRONG_VALUE);
    request->size = buffer_info->size;
    if (info->size != 0 && info->size != buffer_info->size)
        return bda_invalid_value(request, "size is neither 0 nor the buffer's", info->size, BDA_WRONG_VALUE);
    if (info->usage != 0)
        return bda_invalid_value(request, "usage is taken from the VkBufferCreateInfo, and must be 0 here", info->usage,
                                 BDA_WRONG_BITS);
    VkResult result = bda_check_info(allocator, info, request);
    if (result == VK_SUCCESS)
        result = read_chain(buffer_info, request, &usage);
    if (result == VK_SUCCESS)
        result = check_buffer_flags(allocator, buffer_info->flags, request);
    if (result == VK_SUCCESS)
        result = bda_check_size(allocator, buffer_info->size, request);
    if (result == VK_SUCCESS)
        result = bda_check_use(allocator, usage, info->alignment, request);
    return result;
}

/* The request, and the create info with what the library adds to it; `addressed` must live as long as the request. */
static VkResult request_addressed(BdaAllocator allocator, const VkBufferCreateInfo *buffer_info,
                                  const BdaAllocInfo *info, VkBufferCreateInfo *addressed,
                                  struct bda_request *request) {
    const BdaAllocInfo none = { .next = NULL };
    *addressed = *buffer_info;
    addressed->usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT | allocator->more_usage;
    request->buffer_info = addressed;
    return request_buffer(allocator, buffer_info, info != NULL ? info : &none, request);
}

BDA_COLD VkResult alloc_the_long_way(BdaAllocator allocator, const VkBufferCreateInfo *buffer_info,
                                     const BdaAllocInfo *info, VkBuffer made, BdaAllocation *allocation) {
    const char *const function = "bda_alloc_buffer";
    if (allocation == NULL)
        return bda_refuse(allocator, function, VK_ERROR_VALIDATION_FAILED_EXT, "allocation is NULL");
    memset(allocation, 0, sizeof *allocation);
    if (allocator == NULL || buffer_info == NULL)
        return bda_refuse(allocator, function, VK_ERROR_VALIDATION_FAILED_EXT, "buffer_info is NULL");
    VkBufferCreateInfo addressed;
    struct bda_request request = { .made = made };
    VkResult result = request_addressed(allocator, buffer_info, info, &addressed, &request);
    assert(result == VK_SUCCESS || made == VK_NULL_HANDLE); /* what is plain has been checked */
    if (result == VK_SUCCESS)
        result = bda_fulfil(allocator, &request, allocation);
    if (result != VK_SUCCESS)
        return bda_refuse_request(allocator, function, result, &request);
    bda_caches_after_requests(allocator, 1);
    return result;
}

VkResult bda_alloc_buffer(BdaAllocator allocator, const VkBufferCreateInfo *buffer_info, const BdaAllocInfo *info,
                          BdaAllocation *allocation) {
    if (allocator == NULL || buffer_info == NULL || allocation == NULL)
        return alloc_the_long_way(allocator, buffer_info, info, VK_NULL_HANDLE, allocation);
    VkBuffer made;
    VkResult result = bda_own_alloc(allocator, buffer_info, info, &made, allocation);
    if (result == VK_SUCCESS)
        return result;
    if (result == BDA_OWN_IS_NOT_PLAIN)
        return alloc_the_long_way(allocator, buffer_info, info, made, allocation);
    memset(allocation, 0, sizeof *allocation);
    const struct bda_request refused = { .size = buffer_info->size, .flags = info != NULL ? info->flags : 0 };
    return bda_refuse_request(allocator, __func__, result, &refused);
}

VkResult bda_warm_up_buffers(BdaAllocator allocator, const VkBufferCreateInfo *buffer_like, const BdaAllocInfo *like,
                             VkDeviceSize bytes) {
    if (allocator == NULL || buffer_like == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "buffer_like is NULL");
    VkBufferCreateInfo addressed;
    struct bda_request request = { .reason = NULL };
    VkResult result = request_addressed(allocator, buffer_like, like, &addressed, &request);
    if (result == VK_SUCCESS) {
        result = bda_make_room_for(allocator, &request, bytes);
        request.size = bytes; /* what the room was asked for */
    }
    return result == VK_SUCCESS ? result : bda_refuse_request(allocator, __func__, result, &request);
}
