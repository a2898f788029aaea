/* Checking requests and doing what they say, see request.h. */
#include "api/request.h"

#include "alloc/access.h"
#include "alloc/allocate.h"
#include "alloc/free.h"
#include "alloc/history.h"
#include "alloc/reclaim.h"
#include "alloc/relief.h"
#include "api/check.h"
#include "core/names.h"
#include "debug/shortage.h"

#include <inttypes.h>
#include <string.h>

#define KNOWN_FLAGS                                                                                                    \
    (BDA_ALLOC_DEDICATED_BIT | BDA_ALLOC_WITHIN_BUDGET_BIT | BDA_ALLOC_NO_NEW_MEMORY_BIT |                             \
     BDA_ALLOC_HOST_FALLBACK_BIT | BDA_ALLOC_ZERO_BIT | BDA_ALLOC_ACCELERATION_STRUCTURE_SCRATCH_BIT)

VkResult bda_invalid(struct bda_request *request, const char *reason) {
    request->reason = reason;
    return VK_ERROR_VALIDATION_FAILED_EXT;
}

VkResult bda_invalid_value(struct bda_request *request, const char *reason, uint64_t value, enum bda_wrong wrong_as) {
    request->wrong = value;
    request->wrong_as = wrong_as;
    return bda_invalid(request, reason);
}

static VkResult check_pool(BdaAllocator allocator, const BdaAllocInfo *info, struct bda_request *request) {
    BdaPool pool = info->pool;
    const char *fault = bda_pool_fault(allocator, pool);
    if (fault != NULL)
        return bda_invalid_value(request, fault, (uintptr_t)pool, BDA_WRONG_BITS);
    request->pool = pool;
    float priority = pool->ranges->key.priority;
    if (info->intent != BDA_INTENT_DEVICE && info->intent != pool->intent)
        return bda_invalid_value(request, "the pool's intent is", 0, BDA_WRONG_OTHER_INTENT);
    bool counts = info->priority > 0 && allocator->device.features.memory_priority;
    if (counts && (info->priority < priority || info->priority > priority))
        return bda_invalid_value(request, "the pool's priority is", 0, BDA_WRONG_OTHER_PRIORITY);
    request->intent = pool->intent;
    request->flags |= pool->flags;
    request->priority = priority;
    return VK_SUCCESS;
}

VkResult bda_check_info(BdaAllocator allocator, const BdaAllocInfo *info, struct bda_request *request) {
    BdaAllocFlags unknown = info->flags & ~(BdaAllocFlags)KNOWN_FLAGS;
    request->name = bda_name_or_none(info->name);
    request->priority = info->priority;
    if (info->next != NULL)
        return bda_invalid(request, "next must be NULL");
    if (unknown != 0)
        return bda_invalid_value(request, "unknown flags", unknown, BDA_WRONG_BITS);
    const BdaAllocFlags both = BDA_ALLOC_DEDICATED_BIT | BDA_ALLOC_NO_NEW_MEMORY_BIT;
    if ((info->flags & both) == both)
        return bda_invalid(request, "what is dedicated takes new memory, which BDA_ALLOC_NO_NEW_MEMORY_BIT forbids");
    if ((uint32_t)info->intent >= BDA_INTENT_COUNT)
        return bda_invalid_value(request, "unknown intent", (uint32_t)info->intent, BDA_WRONG_VALUE);
    if (!(info->priority >= 0 && info->priority <= 1)) /* refuses NaN too */
        return bda_invalid_value(request, "priority is not between 0 and 1", 0, BDA_WRONG_PRIORITY);
    if (info->alignment != 0 && !bda_is_power_of_two(info->alignment))
        return bda_invalid_value(request, "alignment is no power of two", info->alignment, BDA_WRONG_VALUE);
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
    const struct bda_type_order *order = bda_order_of(allocator, request->intent, request->flags);
    const struct bda_device *device = &allocator->device;
    VkDeviceSize largest = 0;
    for (uint32_t i = 0; i < order->count; i++) {
        VkDeviceSize size = device->memory.memoryHeaps[bda_device_heap_of(device, order->types[i])].size;
        largest = bda_max(largest, size);
    }
    return largest;
}

static const char over_buffer[] = "larger than maxBufferSize";
static const char over_memory[] = "larger than maxMemoryAllocationSize";
static const char over_heap[] = "larger than the heap";
static const char over_block[] = "alignment is larger than a block";

VkResult bda_check_size(BdaAllocator allocator, VkDeviceSize size, struct bda_request *request) {
    const struct bda_limits *limits = &allocator->device.limits;
    request->size = request->room = size;
    if (size == 0)
        return bda_invalid(request, "size is 0");
    if (size > limits->max_buffer_size)
        return bda_invalid(request, over_buffer);
    if (size > limits->max_memory_size)
        return bda_invalid(request, over_memory);
    VkDeviceSize heap = largest_heap(allocator, request);
    return heap != 0 && size > heap ? bda_invalid(request, over_heap) : VK_SUCCESS;
}

VkResult bda_check_use(BdaAllocator allocator, uint64_t usage, VkDeviceSize alignment, struct bda_request *request) {
    bool scratch = (request->flags & BDA_ALLOC_ACCELERATION_STRUCTURE_SCRATCH_BIT) != 0;
    if (scratch && allocator->device.limits.scratch_alignment == 0) {
        request->reason = "accelerationStructure is not enabled";
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    if (!bda_usage_is_enabled(&allocator->device, usage)) {
        (void)bda_invalid_value(request, "the usage's feature is not enabled", usage, BDA_WRONG_BITS);
        return VK_ERROR_FEATURE_NOT_PRESENT;
    }
    if (alignment > largest_block(allocator, request))
        return bda_invalid_value(request, over_block, alignment, BDA_WRONG_OVER_BOUND);
    request->type_bits = UINT32_MAX;
    if ((request->flags & BDA_ALLOC_ZERO_BIT) != 0) /* the CPU must reach what it is to zero */
        request->type_bits = bda_device_types_with(&allocator->device, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
    request->usage_class = bda_usage_class_of(usage);
    request->alignment = bda_max(alignment, bda_usage_alignment(&allocator->device, usage, scratch));
    return VK_SUCCESS;
}

/* ---- Refusals ---- */

/* What a request is too large for, where that is its reason; else 0. */
static VkDeviceSize bound_of(BdaAllocator allocator, const struct bda_request *request) {
    const struct bda_limits *limits = &allocator->device.limits;
    if (request->reason == over_buffer)
        return limits->max_buffer_size;
    if (request->reason == over_memory)
        return limits->max_memory_size;
    if (request->reason == over_heap)
        return largest_heap(allocator, request);
    return request->reason == over_block ? largest_block(allocator, request) : 0;
}

/* Whether the request asked for no more than a look whether there is room. */
static bool is_expected(VkResult result, const struct bda_request *request) {
    return bda_is_exhaustion(result) &&
           (request->flags & (BDA_ALLOC_WITHIN_BUDGET_BIT | BDA_ALLOC_NO_NEW_MEMORY_BIT)) != 0;
}

/* Of a piece its own size, and its chunk's where that is another; of what is no piece (0), the size. */
static void add_size(struct bda_text *text, VkDeviceSize size, VkDeviceSize piece) {
    VkDeviceSize asked = piece != 0 ? piece : size;
    bda_text_add(text, ", %" PRIu64 " %s", (uint64_t)asked, bda_bytes_word(asked));
    if (asked != size)
        bda_text_add(text, " in a new chunk of %" PRIu64, (uint64_t)size);
}

/* Who asked, and for what. */
static void add_request(struct bda_text *text, const struct bda_request *request, VkDeviceSize piece) {
    char name[124], pool[84];
    if (request->name != NULL) {
        bda_copy_text(name, sizeof name, request->name);
        bda_text_add(text, " '%s'", name);
    }
    if (request->size != 0)
        add_size(text, request->size, piece);
    if (request->pool != NULL && request->pool->name != NULL) {
        bda_copy_text(pool, sizeof pool, request->pool->name);
        bda_text_add(text, ", pool '%s'", pool);
    }
}

static void add_wrong(struct bda_text *text, const struct bda_request *request) {
    static const char *const intents[BDA_INTENT_COUNT] = { "device", "upload", "readback", "shared" };
    switch (request->wrong_as) {
    case BDA_WRONG_VALUE:
        bda_text_add(text, ", %" PRIu64, request->wrong);
        break;
    case BDA_WRONG_OVER_BOUND:
        bda_text_add(text, ": it is %" PRIu64, request->wrong);
        break;
    case BDA_WRONG_BITS:
        bda_text_add(text, ", 0x%" PRIx64, request->wrong);
        break;
    case BDA_WRONG_PRIORITY:
        bda_text_add(text, ", %g", (double)request->priority);
        break;
    case BDA_WRONG_OTHER_INTENT:
        bda_text_add(text, " %s, not %s", intents[request->pool->intent], intents[request->intent]);
        break;
    case BDA_WRONG_OTHER_PRIORITY:
        bda_text_add(text, " %g, not %g", (double)request->pool->ranges->key.priority, (double)request->priority);
        break;
    default:
        break;
    }
}

static VkResult refuse(BdaAllocator allocator, const char *function, VkResult result, const struct bda_request *request,
                       VkDeviceSize piece) {
    char where[320], reason[BDA_REASON_ROOM];
    struct bda_text text;
    if (allocator->message == NULL)
        return result;
    VkDeviceSize bound = bound_of(allocator, request);
    bda_text_begin(&text, sizeof where, where);
    bda_text_add(&text, "%s", function);
    add_request(&text, request, piece);
    bda_text_begin(&text, sizeof reason, reason);
    bda_text_add(&text, "%s", request->reason != NULL ? request->reason : bda_text_of_result(result));
    if (bound != 0)
        bda_text_add(&text, ", %" PRIu64, (uint64_t)bound);
    add_wrong(&text, request);
    bda_add_shortage(&text, allocator, result, request);
    return is_expected(result, request) ? bda_refuse_expected(allocator, where, result, reason)
                                        : bda_refuse(allocator, where, result, reason);
}

VkResult bda_refuse_request(BdaAllocator allocator, const char *function, VkResult result,
                            const struct bda_request *request) {
    return refuse(allocator, function, result, request, 0);
}

VkResult bda_refuse_new_chunk(BdaAllocator allocator, const char *function, VkResult result,
                              const struct bda_request *request, VkDeviceSize piece) {
    return refuse(allocator, function, result, request, piece);
}

/* ---- Doing ---- */

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
VkResult bda_fulfil(BdaAllocator allocator, struct bda_request *request, BdaAllocation *allocation) {
    uint32_t node = 0;
    VkResult result = bda_allocate(allocator, request, &node);
    if (result != VK_SUCCESS)
        return result;
    bda_describe(allocator, node, allocation);
    bda_history_tell_made(allocator, allocation->handle);
    if ((request->flags & BDA_ALLOC_ZERO_BIT) != 0)
        result = zero(allocator, allocation);
    if (result != VK_SUCCESS) {
        bda_free_unseen(allocator, allocation->handle);
        bda_reclaim_call(allocator, request->call);
        memset(allocation, 0, sizeof *allocation);
        return result;
    }
    if (request->name != NULL)
        bda_access_show_name(allocator, node, request->name);
    return VK_SUCCESS;
}

VkResult bda_make_room_for(BdaAllocator allocator, struct bda_request *request, VkDeviceSize bytes) {
    if ((request->flags & (BDA_ALLOC_DEDICATED_BIT | BDA_ALLOC_NO_NEW_MEMORY_BIT)) != 0 || request->handle_types != 0)
        return bda_invalid(request, "no room can be made ahead for what is dedicated, or takes no new memory");
    return bda_make_room(allocator, request, bytes);
}
