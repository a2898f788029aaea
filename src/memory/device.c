/* Reading a device, see device.h. */
#include "memory/device.h"

#include "core/bits.h"

#include <inttypes.h>
#include <stdio.h>

/* Vulkan fixes the offset alignment of acceleration structures
 * (VUID-VkAccelerationStructureCreateInfoKHR-offset-03734). */
#define ACCELERATION_STRUCTURE_ALIGNMENT 256
/* Blocks begin on at least this, whatever the limits say: no device's limits are larger today. */
#define LEAST_BASE_ALIGNMENT 256

static void *allocate_by_callbacks(void *user, size_t size, size_t alignment) {
    const VkAllocationCallbacks *callbacks = user;
    return callbacks->pfnAllocation(callbacks->pUserData, size, alignment, VK_SYSTEM_ALLOCATION_SCOPE_DEVICE);
}

static void release_by_callbacks(void *user, void *memory) {
    const VkAllocationCallbacks *callbacks = user;
    callbacks->pfnFree(callbacks->pUserData, memory);
}

void bda_host_use_callbacks(struct bda_host *host, const VkAllocationCallbacks *callbacks) {
    host->allocate = callbacks != NULL ? allocate_by_callbacks : NULL;
    host->release = callbacks != NULL ? release_by_callbacks : NULL;
    host->user = (void *)(uintptr_t)callbacks; /* only ever read through */
}

/* The structs of the properties query; those whose feature is off stay out of the chain. */
struct property_chain {
    VkPhysicalDeviceProperties2 base;
    VkPhysicalDeviceMaintenance3Properties maintenance3;
    VkPhysicalDeviceMaintenance4Properties maintenance4;
    VkPhysicalDeviceAccelerationStructurePropertiesKHR acceleration_structure;
    VkPhysicalDeviceRayTracingPipelinePropertiesKHR ray_tracing_pipeline;
    VkPhysicalDeviceDescriptorBufferPropertiesEXT descriptor_buffer;
};

static void link_struct(struct property_chain *chain, bool wanted, void *pointer, VkStructureType type) {
    VkBaseOutStructure *s = pointer;
    s->sType = type;
    if (!wanted)
        return;
    s->pNext = chain->base.pNext;
    chain->base.pNext = s;
}

static void query_properties(const struct bda_device *device, struct property_chain *chain) {
    const struct bda_features *f = &device->features;
    *chain = (struct property_chain){ .base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2 };
    link_struct(chain, true, &chain->maintenance3, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES);
    link_struct(chain, f->maintenance4, &chain->maintenance4,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES);
    link_struct(chain, f->acceleration_structure, &chain->acceleration_structure,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_PROPERTIES_KHR);
    link_struct(chain, f->ray_tracing_pipeline, &chain->ray_tracing_pipeline,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_PROPERTIES_KHR);
    link_struct(chain, f->descriptor_buffer, &chain->descriptor_buffer,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_PROPERTIES_EXT);
    device->vk.get_properties(device->physical, &chain->base);
}

static void read_limits(struct bda_device *device, const struct property_chain *chain) {
    const VkPhysicalDeviceLimits *from = &chain->base.properties.limits;
    const struct bda_features *f = &device->features;
    struct bda_limits *l = &device->limits;
    l->non_coherent_atom = bda_max(from->nonCoherentAtomSize, 1);
    l->uniform_alignment = bda_max(from->minUniformBufferOffsetAlignment, 1);
    l->storage_alignment = bda_max(from->minStorageBufferOffsetAlignment, 1);
    l->texel_alignment = bda_max(from->minTexelBufferOffsetAlignment, 1);
    l->acceleration_structure_alignment = f->acceleration_structure ? ACCELERATION_STRUCTURE_ALIGNMENT : 0;
    l->scratch_alignment = chain->acceleration_structure.minAccelerationStructureScratchOffsetAlignment;
    l->shader_binding_table_alignment = chain->ray_tracing_pipeline.shaderGroupBaseAlignment;
    l->descriptor_buffer_alignment = chain->descriptor_buffer.descriptorBufferOffsetAlignment;
    /* All of them are powers of two, so the largest is a multiple of the others. */
    VkDeviceSize base = LEAST_BASE_ALIGNMENT;
    const VkDeviceSize all[] = { l->non_coherent_atom,          l->uniform_alignment,
                                 l->storage_alignment,          l->texel_alignment,
                                 l->scratch_alignment,          l->shader_binding_table_alignment,
                                 l->descriptor_buffer_alignment };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        base = bda_max(base, all[i]);
    l->base_alignment = base;
    l->max_memory_size = chain->maintenance3.maxMemoryAllocationSize;
    /* Without maintenance4 nothing bounds a buffer but the memory it is bound to. */
    l->max_buffer_size = f->maintenance4 ? chain->maintenance4.maxBufferSize : l->max_memory_size;
}

/* How many families the device has; so many that none is out of place where that cannot be asked. */
static uint32_t count_families(const BdaAllocatorInfo *info) {
    PFN_vkVoidFunction function =
        info->get_instance_proc_addr(info->instance, "vkGetPhysicalDeviceQueueFamilyProperties");
    uint32_t count = UINT32_MAX;
    if (function != NULL)
        ((PFN_vkGetPhysicalDeviceQueueFamilyProperties)function)(info->physical_device, &count, NULL);
    return count;
}

static VkResult choose_families(struct bda_device *device, const BdaAllocatorInfo *info, const char **reason) {
    struct bda_features *features = &device->features;
    if (info->queue_family_count == 0)
        return VK_SUCCESS;
    uint32_t count = count_families(info);
    for (uint32_t i = 0; i < info->queue_family_count; i++)
        if (info->queue_families[i] >= count) {
            (void)snprintf(device->missing, sizeof device->missing,
                           "queue_families names %" PRIu32 ", and the device has %" PRIu32, info->queue_families[i],
                           count);
            *reason = device->missing;
            return VK_ERROR_VALIDATION_FAILED_EXT;
        }
    features->queue_family_count = 0;
    for (uint32_t i = 0; i < info->queue_family_count; i++)
        if (!bda_features_add_family(features, info->queue_families[i])) {
            *reason = "there are more than 32 queue families";
            return VK_ERROR_VALIDATION_FAILED_EXT;
        }
    return VK_SUCCESS;
}

/* The version in use: no newer than the instance was made for, where the caller's word is taken since an instance
 * cannot be asked, and no newer than the device. 0: not even that can be asked. */
static uint32_t version_in_use(const BdaAllocatorInfo *info) {
    PFN_vkVoidFunction function = info->get_instance_proc_addr(info->instance, "vkGetPhysicalDeviceProperties");
    if (function == NULL)
        return 0;
    VkPhysicalDeviceProperties properties;
    ((PFN_vkGetPhysicalDeviceProperties)function)(info->physical_device, &properties);
    uint32_t given = info->api_version != 0 ? info->api_version : VK_API_VERSION_1_2;
    return given < properties.apiVersion ? given : properties.apiVersion;
}

/* What is enabled, and the functions for it. */
static VkResult load(struct bda_device *device, const BdaAllocatorInfo *info, const char **reason) {
    device->api_version = version_in_use(info);
    *reason = "vkGetPhysicalDeviceProperties is missing";
    if (device->api_version == 0)
        return VK_ERROR_FEATURE_NOT_PRESENT;
    bda_features_read(&device->features, info->device_info, device->api_version);
    *reason = "bufferDeviceAddress is not enabled in device_info";
    if (!device->features.buffer_device_address)
        return VK_ERROR_FEATURE_NOT_PRESENT;
    const char *missing = bda_dispatch_load(&device->vk, info->get_instance_proc_addr, info->instance, info->device,
                                            device->api_version, &device->features);
    if (missing == NULL && (info->checks & (BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT)) != 0)
        missing = bda_dispatch_load_commands(&device->vk, info->device);
    *reason = NULL;
    if (missing == NULL)
        return VK_SUCCESS;
    (void)snprintf(device->missing, sizeof device->missing, "%s is missing%s", missing,
                   info->api_version == 0 ? "; api_version is 0, which means 1.2" : "");
    *reason = device->missing;
    return VK_ERROR_FEATURE_NOT_PRESENT;
}

VkResult bda_device_init(struct bda_device *device, const BdaAllocatorInfo *info, const char **reason) {
    device->handle = info->device;
    device->physical = info->physical_device;
    device->driver_callbacks = NULL;
    if (info->callbacks != NULL) {
        device->callbacks = *info->callbacks;
        device->driver_callbacks = &device->callbacks;
    }
    VkResult result = load(device, info, reason);
    if (result == VK_SUCCESS)
        result = choose_families(device, info, reason);
    if (result != VK_SUCCESS)
        return result;
    struct property_chain chain;
    query_properties(device, &chain);
    read_limits(device, &chain);
    VkPhysicalDeviceMemoryProperties2 memory = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2 };
    device->vk.get_memory_properties(device->physical, &memory);
    device->memory = memory.memoryProperties;
    bda_budget_init(&device->budget, &device->memory, chain.base.properties.limits.maxMemoryAllocationCount,
                    info->heap_limit_count, info->heap_limits);
    return VK_SUCCESS;
}

void bda_device_refresh_budget(struct bda_device *device) {
    if (!device->features.memory_budget)
        return;
    uint64_t ours[VK_MAX_MEMORY_HEAPS];
    bda_budget_note_ours(&device->budget, ours);
    VkPhysicalDeviceMemoryBudgetPropertiesEXT answer = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT
    };
    VkPhysicalDeviceMemoryProperties2 memory = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                                 .pNext = &answer };
    device->vk.get_memory_properties(device->physical, &memory);
    bda_budget_refresh(&device->budget, ours, &answer);
}

void bda_device_name_object(struct bda_device *device, VkObjectType type, uint64_t handle, const char *name) {
    if (device->vk.set_object_name == NULL)
        return;
    const VkDebugUtilsObjectNameInfoEXT info = { .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                                                 .objectType = type,
                                                 .objectHandle = handle,
                                                 .pObjectName = name };
    (void)device->vk.set_object_name(device->handle, &info);
}
