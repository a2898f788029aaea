/* Requests that make sense and are seldom made: every usage, memory to export, capture and replay, large ones. See
 * api_model.h. */
#include "api_model.h"

#include <string.h>

/* Whether a refusal says no more than that the device, or the heap, cannot. */
static bool is_honest(const struct api_model *model, VkResult result) {
    return result == VK_ERROR_FEATURE_NOT_PRESENT || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
           (result == VK_ERROR_TOO_MANY_OBJECTS && model->plan->config.limits.maxMemoryAllocationCount != 0);
}

/* What the limits demand for a use holds for the address, and for the offset in the buffer. */
static void require_usage_alignment(struct api_model *model, const BdaProperties *limits, const BdaAllocInfo *info,
                                    const BdaAllocation *a) {
    const struct {
        uint64_t usage;
        VkDeviceSize alignment;
    } needs[] = {
        { VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, limits->uniform_alignment },
        { VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, limits->storage_alignment },
        { VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT, limits->texel_alignment },
        { VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT, limits->texel_alignment },
        { VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR, limits->acceleration_structure_alignment },
        { VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT, limits->descriptor_buffer_alignment },
    };
    for (uint32_t i = 0; i < COUNT_OF(needs); i++)
        if ((info->usage & needs[i].usage) != 0)
            promise(model, a->address % needs[i].alignment == 0 && a->offset % needs[i].alignment == 0);
    if ((info->flags & BDA_ALLOC_ACCELERATION_STRUCTURE_SCRATCH_BIT) != 0)
        promise(model, a->address % limits->scratch_alignment == 0);
}

/* Any bits at all: what no block carries is refused. */
static void ask_usage(struct api_model *model, BdaAllocInfo *info) {
    BdaProperties properties;
    BdaAllocation a;
    promise(model, bda_get_properties(model->allocator, &properties) == VK_SUCCESS);
    info->usage = api_draw(model, UINT64_MAX) >> api_draw(model, 64);
    if (api_once_in(model, 2))
        info->usage &= properties.range_usage;
    if (api_once_in(model, 4))
        info->flags |= BDA_ALLOC_ACCELERATION_STRUCTURE_SCRATCH_BIT;
    VkResult result = bda_alloc(model->allocator, info, &a);
    if (result == VK_SUCCESS) {
        promise(model, (info->usage & ~properties.range_usage) == 0);
        require_usage_alignment(model, &properties, info, &a);
        (void)api_admit(model, info, false, &a);
    } else {
        promise(model, is_honest(model, result) && api_is_zero(&a, sizeof a));
    }
}

/* Near a heap's size. */
static void ask_much(struct api_model *model, BdaAllocInfo *info) {
    BdaAllocation a;
    info->size = api_draw(model, model->plan->config.heap_size + KIB(4)) + 1;
    VkResult result = bda_alloc(model->allocator, info, &a);
    if (result == VK_SUCCESS)
        (void)api_admit(model, info, false, &a);
    else
        promise(model, is_honest(model, result) || result == VK_ERROR_VALIDATION_FAILED_EXT);
}

/* Memory that others may open, or whose address may be asked for again; only where the device was made for it. */
static void ask_special_buffer(struct api_model *model, BdaAllocInfo *info) {
    const VkExternalMemoryBufferCreateInfo external = {
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
        .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
    };
    VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                  .size = info->size,
                                  .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT };
    BdaAllocation a;
    bool exportable = (model->plan->config.with & FAKE_EXTERNAL_MEMORY_FD) != 0 && api_once_in(model, 2);
    if (exportable)
        buffer.pNext = &external;
    else
        buffer.flags = VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT;
    VkResult result = bda_alloc_buffer(model->allocator, &buffer, info, &a);
    if (result == VK_SUCCESS) {
        const struct thing *thing = api_admit(model, info, true, &a);
        promise(model, (thing->info.exportable_memory != VK_NULL_HANDLE) == exportable);
    } else {
        promise(model, is_honest(model, result) && api_is_zero(&a, sizeof a));
    }
}

void api_odd_usage(struct api_model *model) {
    BdaAllocInfo info = api_request(model);
    if (info.pool != NULL || api_count(model, ABSENT) == 0)
        return;
    switch (api_draw(model, 3)) {
    case 0:
        ask_usage(model, &info);
        break;
    case 1:
        ask_much(model, &info);
        break;
    default:
        ask_special_buffer(model, &info);
        break;
    }
}
