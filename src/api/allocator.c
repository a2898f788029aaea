/* Creating, destroying and asking an allocator. */
#include "alloc/allocator.h"

#include "api/arena.h"
#include "api/check.h"
#include "debug/bindings.h"
#include "debug/check.h"
#include "debug/leaks.h"
#include "debug/message.h"
#include "debug/modes.h"
#include "debug/watch.h"

#include <inttypes.h>
#include <string.h>

#define KNOWN_FLAGS                                                                                                    \
    (BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT | BDA_ALLOCATOR_LOG_EVENTS_BIT | BDA_ALLOCATOR_NO_CACHES_BIT)

uint32_t bda_get_version(void) {
    return BDA_VERSION;
}

static const char *find_fault_of_prefixes(uint32_t count, const char *const *prefixes, char room[BDA_REASON_ROOM]) {
    if (count > BDA_PREFIXES_MAX)
        return bda_reason(room, "prefix_count is over BDA_PREFIXES_MAX, %" PRIu32, count);
    if (count != 0 && prefixes == NULL)
        return "prefixes is NULL";
    for (uint32_t i = 0; i < count; i++) {
        if (prefixes[i] == NULL || prefixes[i][0] == '\0')
            return bda_reason(room, "prefixes[%" PRIu32 "] is NULL or empty", i);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(prefixes[i], prefixes[j]) == 0)
                return bda_reason(room, "prefixes has one twice, [%" PRIu32 "] and [%" PRIu32 "]", j, i);
    }
    return NULL;
}

/* What can be said of a create info without asking the driver; NULL: nothing is wrong. */
static const char *find_fault(const BdaAllocatorInfo *info, char room[BDA_REASON_ROOM]) {
    BdaAllocatorFlags unknown = info->flags & ~(BdaAllocatorFlags)KNOWN_FLAGS;
    BdaCheckFlags unknown_checks = info->checks & ~(BdaCheckFlags)BDA_WATCH_CHECKS;
    if (info->next != NULL)
        return "next must be NULL";
    if (unknown != 0)
        return bda_reason(room, "unknown flags, 0x%" PRIx32, unknown);
    if (unknown_checks != 0)
        return bda_reason(room, "unknown checks, 0x%" PRIx32, unknown_checks);
    if (info->instance == VK_NULL_HANDLE || info->physical_device == VK_NULL_HANDLE || info->device == VK_NULL_HANDLE)
        return "instance, physical_device or device is NULL";
    if (info->get_instance_proc_addr == NULL)
        return "get_instance_proc_addr is NULL";
    if (info->device_info == NULL)
        return "device_info is NULL";
    if (info->api_version != 0 && info->api_version < VK_API_VERSION_1_1)
        return bda_reason(room, "api_version is below 1.1, 0x%" PRIx32, info->api_version);
    const VkAllocationCallbacks *c = info->callbacks;
    if (c != NULL && (c->pfnAllocation == NULL || c->pfnReallocation == NULL || c->pfnFree == NULL))
        return "callbacks has no pfnAllocation, no pfnReallocation or no pfnFree";
    if (c != NULL && (c->pfnInternalAllocation == NULL) != (c->pfnInternalFree == NULL))
        return "callbacks has one of pfnInternalAllocation and pfnInternalFree";
    if (info->queue_family_count != 0 && info->queue_families == NULL)
        return "queue_families is NULL";
    if (info->heap_limit_count != 0 && info->heap_limits == NULL)
        return "heap_limits is NULL";
    if (info->max_block_size != 0 && info->first_block_size > info->max_block_size)
        return bda_reason(room, "first_block_size is larger than max_block_size: %" PRIu64 " and %" PRIu64,
                          (uint64_t)info->first_block_size, (uint64_t)info->max_block_size);
    if (info->history_depth > BDA_HISTORY_DEPTH_MAX && info->history_depth != BDA_HISTORY_NONE)
        return bda_reason(room, "history_depth is over BDA_HISTORY_DEPTH_MAX, %" PRIu32, info->history_depth);
    if (info->red_zone > BDA_RED_ZONE_MAX)
        return bda_reason(room, "red_zone is over BDA_RED_ZONE_MAX, %" PRIu64, (uint64_t)info->red_zone);
    return find_fault_of_prefixes(info->prefix_count, info->prefixes, room);
}

/* The allocator's own memory goes last, by callbacks that lie in it. */
static void finish(BdaAllocator allocator) {
    bda_allocator_finish(allocator);
    bda_bindings_finish(allocator);
    bda_watch_finish(allocator);
    VkAllocationCallbacks callbacks = allocator->device.callbacks;
    struct bda_host host = { .allocate = NULL };
    bda_host_use_callbacks(&host, allocator->device.driver_callbacks != NULL ? &callbacks : NULL);
    bda_host_release(&host, allocator, sizeof *allocator);
}

static VkResult refuse(const BdaAllocatorInfo *wishes, VkResult result, const char *reason) {
    return bda_refuse_to(wishes->message, wishes->message_user, "bda_create_allocator", result, reason);
}

VkResult bda_create_allocator(const BdaAllocatorInfo *info, BdaAllocator *allocator) {
    if (allocator != NULL)
        *allocator = NULL;
    if (info == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    BdaAllocatorInfo wishes = *info;
    const char *modes = bda_environment("BDA_DEBUG");
    if (wishes.message == NULL && modes != NULL && modes[0] != '\0')
        wishes.message = bda_message_to_stderr;
    char room[BDA_REASON_ROOM];
    const char *reason = allocator != NULL ? find_fault(info, room) : "allocator is NULL";
    if (reason != NULL)
        return refuse(&wishes, VK_ERROR_VALIDATION_FAILED_EXT, reason);
    bda_modes_add(&wishes, modes, BDA_WATCH_CHECKS);
    struct bda_host host = { .allocate = NULL };
    bda_host_use_callbacks(&host, info->callbacks);
    BdaAllocator created = bda_host_allocate(&host, sizeof *created, _Alignof(struct BdaAllocator_T));
    if (created == NULL)
        return refuse(&wishes, VK_ERROR_OUT_OF_HOST_MEMORY, NULL);
    memset(created, 0, sizeof *created);
    bda_host_use_callbacks(&created->host, info->callbacks);
    atomic_init(&created->host.bytes, sizeof *created);
    VkResult result = bda_allocator_init(created, &wishes, &reason);
    if (result != VK_SUCCESS) {
        (void)refuse(&wishes, result, reason); /* it may lie in `created` */
        bda_host_release(&host, created, sizeof *created);
        return result;
    }
    bda_bindings_init(created);
    result = bda_watch_init(created, &wishes, &reason);
    if (result != VK_SUCCESS) {
        (void)refuse(&wishes, result, reason); /* it may lie in `created` */
        finish(created);
        return result;
    }
    *allocator = created;
    return VK_SUCCESS;
}

static struct bda_pool *older_pool(const struct bda_pool *pool) {
    return pool->older;
}

VkResult bda_destroy_allocator(BdaAllocator allocator) {
    if (allocator == NULL)
        return VK_SUCCESS;
    bda_watch_stop(allocator);
    struct bda_pool *newest = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    uint64_t live = bda_leaks_tell(allocator, __func__, newest, older_pool) + bda_arenas_finish(allocator);
    finish(allocator);
    return live == 0 ? VK_SUCCESS : VK_INCOMPLETE;
}

VkResult bda_get_properties(BdaAllocator allocator, BdaProperties *properties) {
    if (properties == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "properties is NULL");
    memset(properties, 0, sizeof *properties);
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    const struct bda_device *device = &allocator->device;
    const struct bda_limits *limits = &device->limits;
    bool concurrent = device->features.queue_family_count > 1;
    *properties = (BdaProperties){
        .api_version = device->api_version,
        .first_block_size = allocator->first_block_size,
        .max_block_size = allocator->max_block_size,
        .max_host_visible_block_size = allocator->max_host_visible_block_size,
        .keep_empty = allocator->keep_empty,
        .keep_collects = allocator->keep_collects,
        .low_water = allocator->low_water,
        .granule = (VkDeviceSize)1 << BDA_GRANULE_LOG2,
        .base_alignment = limits->base_alignment,
        .max_allocation_size = bda_min(limits->max_memory_size, limits->max_buffer_size),
        .non_coherent_atom = limits->non_coherent_atom,
        .uniform_alignment = limits->uniform_alignment,
        .storage_alignment = limits->storage_alignment,
        .texel_alignment = limits->texel_alignment,
        .acceleration_structure_alignment = limits->acceleration_structure_alignment,
        .scratch_alignment = limits->scratch_alignment,
        .shader_binding_table_alignment = limits->shader_binding_table_alignment,
        .descriptor_buffer_alignment = limits->descriptor_buffer_alignment,
        .range_usage = bda_usage_of_class(device, BDA_USAGE_GENERAL) | bda_usage_of_class(device, BDA_USAGE_DESCRIPTOR),
        .max_memory_count = device->budget.max_count,
        .queue_family_count = concurrent ? device->features.queue_family_count : 0,
        .memory_budget = device->features.memory_budget,
        .memory_priority = device->features.memory_priority,
        .timeline_semaphore = device->features.timeline_semaphore,
        .debug_utils = device->vk.set_object_name != NULL,
        .checks = allocator->checks,
    };
    return VK_SUCCESS;
}

VkResult bda_check(BdaAllocator allocator) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    VkResult result;
    const char *broken = bda_check_all(allocator, &result);
    if (broken != NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_UNKNOWN, broken);
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, NULL);
}
