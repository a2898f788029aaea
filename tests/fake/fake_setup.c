/*
 * From the config to a machine: defaults, heaps and memory types, what is supported and enabled, and the
 * VkDeviceCreateInfo that says so.
 */
#include "fake_internal.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define LOCAL    VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define VISIBLE  VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
#define COHERENT VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
#define CACHED   VK_MEMORY_PROPERTY_HOST_CACHED_BIT

/* ---- Heaps and memory types -------------------------------------------------------------------------------------- */

static void add_heap(VkPhysicalDeviceMemoryProperties *memory, VkDeviceSize size, bool local) {
    memory->memoryHeaps[memory->memoryHeapCount++] =
        (VkMemoryHeap){ .size = size, .flags = local ? VK_MEMORY_HEAP_DEVICE_LOCAL_BIT : 0u };
}

static void add_type(VkPhysicalDeviceMemoryProperties *memory, uint32_t heap, VkMemoryPropertyFlags flags) {
    memory->memoryTypes[memory->memoryTypeCount++] = (VkMemoryType){ .propertyFlags = flags, .heapIndex = heap };
}

static void make_discrete(VkPhysicalDeviceMemoryProperties *memory, VkDeviceSize size, bool window) {
    add_heap(memory, size, true);
    add_heap(memory, size, false);
    if (window) {
        add_heap(memory, size / 4, true);
    }
    add_type(memory, 1, 0);
    add_type(memory, 0, LOCAL);
    add_type(memory, 1, VISIBLE | COHERENT);
    add_type(memory, 1, VISIBLE | COHERENT | CACHED);
    add_type(memory, window ? 2 : 0, LOCAL | VISIBLE | COHERENT);
}

static void make_non_coherent(VkPhysicalDeviceMemoryProperties *memory, VkDeviceSize size) {
    add_heap(memory, size, true);
    add_heap(memory, size, false);
    add_type(memory, 0, LOCAL);
    add_type(memory, 1, VISIBLE);
    add_type(memory, 1, VISIBLE | CACHED);
    add_type(memory, 0, LOCAL | VISIBLE);
}

static void make_machine(struct fake_config *config) {
    VkPhysicalDeviceMemoryProperties *memory = &config->memory;
    VkDeviceSize size = config->heap_size;
    memset(memory, 0, sizeof *memory);
    switch (config->machine) {
    case FAKE_MACHINE_UNIFIED:
        add_heap(memory, size, true);
        add_type(memory, 0, LOCAL | VISIBLE | COHERENT | CACHED);
        break;
    case FAKE_MACHINE_UNMAPPABLE:
        add_heap(memory, size, true);
        add_type(memory, 0, LOCAL);
        break;
    case FAKE_MACHINE_NON_COHERENT:
        make_non_coherent(memory, size);
        break;
    default:
        make_discrete(memory, size, config->machine == FAKE_MACHINE_DISCRETE);
        break;
    }
}

/* ---- Defaults ---------------------------------------------------------------------------------------------------- */

static void or_size(VkDeviceSize *value, VkDeviceSize otherwise) {
    *value = *value != 0 ? *value : otherwise;
}

static void or_word(uint32_t *value, uint32_t otherwise) {
    *value = *value != 0 ? *value : otherwise;
}

static void resolve_limits(VkPhysicalDeviceLimits *limits) {
    or_word(&limits->maxMemoryAllocationCount, 4096);
    or_word(&limits->maxUniformBufferRange, 65536);
    or_word(&limits->maxStorageBufferRange, UINT32_MAX);
    or_word(&limits->maxTexelBufferElements, 1u << 27);
    or_size(&limits->bufferImageGranularity, 1024);
    or_size(&limits->nonCoherentAtomSize, 64);
    or_size(&limits->minUniformBufferOffsetAlignment, 64);
    or_size(&limits->minStorageBufferOffsetAlignment, 16);
    or_size(&limits->minTexelBufferOffsetAlignment, 16);
    or_size(&limits->optimalBufferCopyOffsetAlignment, 1);
    or_size(&limits->optimalBufferCopyRowPitchAlignment, 1);
    limits->minMemoryMapAlignment = limits->minMemoryMapAlignment != 0 ? limits->minMemoryMapAlignment : 64;
}

static VkDeviceSize largest_heap(const VkPhysicalDeviceMemoryProperties *memory) {
    VkDeviceSize largest = 0;
    for (uint32_t i = 0; i < memory->memoryHeapCount; i++) {
        largest = memory->memoryHeaps[i].size > largest ? memory->memoryHeaps[i].size : largest;
    }
    return largest;
}

static void resolve_memory(struct fake_config *config) {
    or_size(&config->heap_size, GIB);
    if (config->memory.memoryTypeCount == 0) {
        make_machine(config);
    }
    for (uint32_t i = 0; i < config->memory.memoryHeapCount; i++) {
        or_size(&config->budgets[i], config->memory.memoryHeaps[i].size);
    }
    or_size(&config->max_memory_allocation_size, largest_heap(&config->memory));
    or_size(&config->dirty_bytes, MIB);
}

static void resolve_addresses(struct fake_config *config) {
    or_size(&config->requirement_alignment, 16);
    or_size(&config->size_rounding, 16);
    or_size(&config->base_alignment, 64);
    or_size(&config->first_address, UINT64_C(0x100000000));
}

static uint32_t resolve_features(const struct fake_driver *driver) {
    uint32_t defaults = FAKE_BUFFER_DEVICE_ADDRESS | FAKE_TIMELINE_SEMAPHORE | FAKE_EXTENSIONS_OF_1_1;
    if (driver->version >= VK_API_VERSION_1_3) {
        defaults |= FAKE_MAINTENANCE_4;
    }
    return (defaults | driver->config.with) & ~driver->config.without;
}

void fake_resolve(struct fake_driver *driver) {
    struct fake_config *config = &driver->config;
    or_word(&config->instance_version, VK_API_VERSION_1_3);
    or_word(&config->device_version, VK_API_VERSION_1_3);
    or_word(&config->queue_families, 1);
    or_word(&config->scratch_alignment, 128);
    or_word(&config->shader_group_base_alignment, 64);
    or_size(&config->descriptor_buffer_alignment, 64);
    or_size(&config->max_buffer_size, 1024 * GIB);
    if (config->queue_families > FAKE_MAX_QUEUE_FAMILIES) {
        config->queue_families = FAKE_MAX_QUEUE_FAMILIES;
    }
    resolve_memory(config);
    resolve_limits(&config->limits);
    resolve_addresses(config);
    driver->version =
        config->instance_version < config->device_version ? config->instance_version : config->device_version;
    driver->supported = resolve_features(driver);
    driver->enabled = driver->supported & ~config->disabled;
}

/* ---- Features ---------------------------------------------------------------------------------------------------- */

static VkBool32 bit(uint32_t features, enum fake_feature feature) {
    return (features & (uint32_t)feature) != 0 ? VK_TRUE : VK_FALSE;
}

static void fill_address(VkPhysicalDeviceBufferDeviceAddressFeatures *out, uint32_t features) {
    out->bufferDeviceAddress = bit(features, FAKE_BUFFER_DEVICE_ADDRESS);
    out->bufferDeviceAddressCaptureReplay = bit(features, FAKE_CAPTURE_REPLAY);
    out->bufferDeviceAddressMultiDevice = VK_FALSE;
}

static void fill_vulkan_12(VkPhysicalDeviceVulkan12Features *out, uint32_t features) {
    out->bufferDeviceAddress = bit(features, FAKE_BUFFER_DEVICE_ADDRESS);
    out->bufferDeviceAddressCaptureReplay = bit(features, FAKE_CAPTURE_REPLAY);
    out->timelineSemaphore = bit(features, FAKE_TIMELINE_SEMAPHORE);
}

void fake_fill_features(void *structure, uint32_t features) {
    switch (((VkBaseOutStructure *)structure)->sType) {
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2:
        ((VkPhysicalDeviceFeatures2 *)structure)->features =
            (VkPhysicalDeviceFeatures){ .sparseBinding = bit(features, FAKE_SPARSE_BINDING) };
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES:
        ((VkPhysicalDeviceVulkan11Features *)structure)->protectedMemory = bit(features, FAKE_PROTECTED_MEMORY);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES:
        fill_vulkan_12(structure, features);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES:
        ((VkPhysicalDeviceVulkan13Features *)structure)->maintenance4 = bit(features, FAKE_MAINTENANCE_4);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES:
        fill_address(structure, features);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES:
        ((VkPhysicalDeviceTimelineSemaphoreFeatures *)structure)->timelineSemaphore =
            bit(features, FAKE_TIMELINE_SEMAPHORE);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES:
        ((VkPhysicalDeviceMaintenance4Features *)structure)->maintenance4 = bit(features, FAKE_MAINTENANCE_4);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR:
        ((VkPhysicalDeviceAccelerationStructureFeaturesKHR *)structure)->accelerationStructure =
            bit(features, FAKE_ACCELERATION_STRUCTURE);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_FEATURES_KHR:
        ((VkPhysicalDeviceRayTracingPipelineFeaturesKHR *)structure)->rayTracingPipeline =
            bit(features, FAKE_RAY_TRACING_PIPELINE);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_FEATURES_EXT:
        ((VkPhysicalDeviceDescriptorBufferFeaturesEXT *)structure)->descriptorBuffer =
            bit(features, FAKE_DESCRIPTOR_BUFFER);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT:
        ((VkPhysicalDeviceMemoryPriorityFeaturesEXT *)structure)->memoryPriority = bit(features, FAKE_MEMORY_PRIORITY);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PAGEABLE_DEVICE_LOCAL_MEMORY_FEATURES_EXT:
        ((VkPhysicalDevicePageableDeviceLocalMemoryFeaturesEXT *)structure)->pageableDeviceLocalMemory =
            bit(features, FAKE_PAGEABLE_MEMORY);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT:
        ((VkPhysicalDeviceFaultFeaturesEXT *)structure)->deviceFault = bit(features, FAKE_DEVICE_FAULT);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ADDRESS_BINDING_REPORT_FEATURES_EXT:
        ((VkPhysicalDeviceAddressBindingReportFeaturesEXT *)structure)->reportAddressBinding =
            bit(features, FAKE_ADDRESS_BINDING_REPORT);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_FEATURES_EXT:
        ((VkPhysicalDeviceTransformFeedbackFeaturesEXT *)structure)->transformFeedback =
            bit(features, FAKE_TRANSFORM_FEEDBACK);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_CONDITIONAL_RENDERING_FEATURES_EXT:
        ((VkPhysicalDeviceConditionalRenderingFeaturesEXT *)structure)->conditionalRendering =
            bit(features, FAKE_CONDITIONAL_RENDERING);
        break;
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROTECTED_MEMORY_FEATURES:
        ((VkPhysicalDeviceProtectedMemoryFeatures *)structure)->protectedMemory = bit(features, FAKE_PROTECTED_MEMORY);
        break;
    default:
        if (((VkBaseOutStructure *)structure)->sType == FAKE_STRUCTURE_MAINTENANCE_5_FEATURES) {
            ((struct fake_maintenance_5_features *)structure)->maintenance5 = bit(features, FAKE_MAINTENANCE_5);
        }
        break;
    }
}

/* ---- The device's create info ------------------------------------------------------------------------------------ */

bool fake_extension_on(const struct fake_driver *driver, uint32_t feature, uint32_t core_version) {
    /* These have no feature struct: off means that the extension is not enabled. */
    const uint32_t without_struct = FAKE_MEMORY_BUDGET | FAKE_EXTERNAL_MEMORY_FD | FAKE_DEBUG_UTILS | FAKE_VIDEO;
    uint32_t present = (feature & without_struct) != 0 ? driver->enabled : driver->supported;
    if ((present & feature) == 0) {
        return false;
    }
    return core_version == 0 || driver->version < core_version || (driver->supported & FAKE_KHR_ALIASES) != 0;
}

struct extension {
    const char *name;
    uint32_t feature;
    uint32_t core_version; /* that took it in; 0: none */
};

static const struct extension extensions[] = {
    { "VK_KHR_get_memory_requirements2", FAKE_EXTENSIONS_OF_1_1, VK_API_VERSION_1_1 },
    { "VK_KHR_bind_memory2", FAKE_EXTENSIONS_OF_1_1, VK_API_VERSION_1_1 },
    { "VK_KHR_dedicated_allocation", FAKE_EXTENSIONS_OF_1_1, VK_API_VERSION_1_1 },
    { "VK_KHR_device_group", FAKE_EXTENSIONS_OF_1_1, VK_API_VERSION_1_1 },
    { "VK_KHR_external_memory", FAKE_EXTENSIONS_OF_1_1, VK_API_VERSION_1_1 },
    { "VK_KHR_maintenance3", FAKE_EXTENSIONS_OF_1_1, VK_API_VERSION_1_1 },
    { "VK_KHR_buffer_device_address", FAKE_BUFFER_DEVICE_ADDRESS, VK_API_VERSION_1_2 },
    { "VK_KHR_timeline_semaphore", FAKE_TIMELINE_SEMAPHORE, VK_API_VERSION_1_2 },
    { "VK_KHR_maintenance4", FAKE_MAINTENANCE_4, VK_API_VERSION_1_3 },
    { "VK_KHR_maintenance5", FAKE_MAINTENANCE_5, 0 },
    { "VK_EXT_memory_budget", FAKE_MEMORY_BUDGET, 0 },
    { "VK_EXT_memory_priority", FAKE_MEMORY_PRIORITY, 0 },
    { "VK_EXT_pageable_device_local_memory", FAKE_PAGEABLE_MEMORY, 0 },
    { "VK_KHR_deferred_host_operations", FAKE_ACCELERATION_STRUCTURE, 0 },
    { "VK_KHR_acceleration_structure", FAKE_ACCELERATION_STRUCTURE, 0 },
    { "VK_KHR_ray_tracing_pipeline", FAKE_RAY_TRACING_PIPELINE, 0 },
    { "VK_EXT_descriptor_buffer", FAKE_DESCRIPTOR_BUFFER, 0 },
    { "VK_KHR_external_memory_fd", FAKE_EXTERNAL_MEMORY_FD, 0 },
    { "VK_EXT_transform_feedback", FAKE_TRANSFORM_FEEDBACK, 0 },
    { "VK_EXT_conditional_rendering", FAKE_CONDITIONAL_RENDERING, 0 },
    { "VK_EXT_device_fault", FAKE_DEVICE_FAULT, 0 },
    { "VK_EXT_device_address_binding_report", FAKE_ADDRESS_BINDING_REPORT, 0 },
    { "VK_KHR_video_queue", FAKE_VIDEO, 0 },
    { "VK_KHR_video_decode_queue", FAKE_VIDEO, 0 },
};

static void list_extensions(struct fake_driver *driver) {
    struct fake_setup *setup = &driver->setup;
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        if (fake_extension_on(driver, extensions[i].feature, extensions[i].core_version)) {
            setup->extensions[count++] = extensions[i].name;
        }
    }
    setup->info.enabledExtensionCount = count;
    setup->info.ppEnabledExtensionNames = setup->extensions;
}

static void list_queues(struct fake_driver *driver) {
    struct fake_setup *setup = &driver->setup;
    setup->queue_priority = 1.0f;
    for (uint32_t i = 0; i < driver->config.queue_families; i++) {
        setup->queues[i] = (VkDeviceQueueCreateInfo){ .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                                      .queueFamilyIndex = i,
                                                      .queueCount = 1,
                                                      .pQueuePriorities = &setup->queue_priority };
    }
    setup->info.queueCreateInfoCount = driver->config.queue_families;
    setup->info.pQueueCreateInfos = setup->queues;
}

/* Hangs a feature struct on the chain. */
static void hang(struct fake_driver *driver, void *structure, VkStructureType type) {
    VkBaseOutStructure *link = structure;
    link->sType = type;
    link->pNext = (VkBaseOutStructure *)(uintptr_t)driver->setup.info.pNext;
    driver->setup.info.pNext = link;
    fake_fill_features(structure, driver->enabled);
}

static void hang_if(struct fake_driver *driver, uint32_t feature, void *structure, VkStructureType type) {
    if ((driver->supported & feature) != 0) {
        hang(driver, structure, type);
    }
}

static void hang_promoted(struct fake_driver *driver) {
    struct fake_setup *setup = &driver->setup;
    if (driver->version >= VK_API_VERSION_1_2 && !driver->config.separate_features) {
        hang(driver, &setup->vulkan_12, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    } else {
        hang_if(driver, FAKE_BUFFER_DEVICE_ADDRESS, &setup->address,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES);
        hang_if(driver, FAKE_TIMELINE_SEMAPHORE, &setup->timeline,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES);
    }
    if (driver->version >= VK_API_VERSION_1_3 && !driver->config.separate_features) {
        hang(driver, &setup->vulkan_13, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES);
    } else {
        hang_if(driver, FAKE_MAINTENANCE_4, &setup->maintenance_4,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES);
    }
}

static void hang_extensions(struct fake_driver *driver) {
    struct fake_setup *setup = &driver->setup;
    hang_if(driver, FAKE_ACCELERATION_STRUCTURE, &setup->acceleration_structure,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR);
    hang_if(driver, FAKE_RAY_TRACING_PIPELINE, &setup->ray_tracing,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_FEATURES_KHR);
    hang_if(driver, FAKE_DESCRIPTOR_BUFFER, &setup->descriptor_buffer,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_FEATURES_EXT);
    hang_if(driver, FAKE_MEMORY_PRIORITY, &setup->memory_priority,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT);
    hang_if(driver, FAKE_PAGEABLE_MEMORY, &setup->pageable,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PAGEABLE_DEVICE_LOCAL_MEMORY_FEATURES_EXT);
    hang_if(driver, FAKE_TRANSFORM_FEEDBACK, &setup->transform_feedback,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_FEATURES_EXT);
    hang_if(driver, FAKE_CONDITIONAL_RENDERING, &setup->conditional_rendering,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_CONDITIONAL_RENDERING_FEATURES_EXT);
    hang_if(driver, FAKE_PROTECTED_MEMORY, &setup->protected_memory,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROTECTED_MEMORY_FEATURES);
    hang_if(driver, FAKE_DEVICE_FAULT, &setup->fault, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT);
    hang_if(driver, FAKE_ADDRESS_BINDING_REPORT, &setup->binding_report,
            VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ADDRESS_BINDING_REPORT_FEATURES_EXT);
    hang_if(driver, FAKE_MAINTENANCE_5, &setup->maintenance_5, FAKE_STRUCTURE_MAINTENANCE_5_FEATURES);
}

void fake_make_setup(struct fake_driver *driver) {
    driver->setup.info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
    list_queues(driver);
    list_extensions(driver);
    hang_extensions(driver);
    hang_promoted(driver);
    hang(driver, &driver->setup.features, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
}

const VkDeviceCreateInfo *fake_device_info(const struct fake_driver *driver) {
    return &driver->setup.info;
}

BdaAllocatorInfo fake_allocator_info(struct fake_driver *driver) {
    return (BdaAllocatorInfo){
        .api_version = driver->config.instance_version,
        .instance = fake_instance(driver),
        .physical_device = fake_physical_device(driver),
        .device = fake_device(driver),
        .get_instance_proc_addr = fake_get_instance_proc_addr,
        .device_info = fake_device_info(driver),
    };
}
