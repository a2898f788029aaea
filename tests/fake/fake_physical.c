/*
 * What the physical device says of itself: properties, memory, budget, features.
 */
#include "fake_internal.h"

/* ---- Properties -------------------------------------------------------------------------------------------------- */

static void fill_properties(const struct fake_driver *driver, VkPhysicalDeviceProperties *out) {
    memset(out, 0, sizeof *out);
    out->apiVersion = driver->config.device_version;
    out->driverVersion = 1;
    out->vendorID = 0x10000u;
    out->deviceType = VK_PHYSICAL_DEVICE_TYPE_OTHER;
    memcpy(out->deviceName, "fake", sizeof "fake");
    out->limits = driver->config.limits;
}

/* Structs that come with a version or an extension stay untouched where the device has neither, as drivers do. */
static void fill_by_version(const struct fake_driver *driver, VkBaseOutStructure *link) {
    const struct fake_config *config = &driver->config;
    if (link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES &&
        config->device_version >= VK_API_VERSION_1_2) {
        ((VkPhysicalDeviceVulkan11Properties *)link)->maxMemoryAllocationSize = config->max_memory_allocation_size;
    } else if (link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES &&
               (config->device_version >= VK_API_VERSION_1_1 || (driver->supported & FAKE_EXTENSIONS_OF_1_1) != 0)) {
        ((VkPhysicalDeviceMaintenance3Properties *)link)->maxPerSetDescriptors = 1024;
        ((VkPhysicalDeviceMaintenance3Properties *)link)->maxMemoryAllocationSize = config->max_memory_allocation_size;
    } else if (link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES &&
               config->device_version >= VK_API_VERSION_1_3) {
        ((VkPhysicalDeviceVulkan13Properties *)link)->maxBufferSize = config->max_buffer_size;
    } else if (link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES &&
               (config->device_version >= VK_API_VERSION_1_3 || (driver->supported & FAKE_MAINTENANCE_4) != 0)) {
        ((VkPhysicalDeviceMaintenance4Properties *)link)->maxBufferSize = config->max_buffer_size;
    }
}

static void fill_by_extension(const struct fake_driver *driver, VkBaseOutStructure *link) {
    const struct fake_config *config = &driver->config;
    if (link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_PROPERTIES_KHR &&
        (driver->supported & FAKE_ACCELERATION_STRUCTURE) != 0) {
        ((VkPhysicalDeviceAccelerationStructurePropertiesKHR *)link)->minAccelerationStructureScratchOffsetAlignment =
            config->scratch_alignment;
    } else if (link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_PROPERTIES_KHR &&
               (driver->supported & FAKE_RAY_TRACING_PIPELINE) != 0) {
        VkPhysicalDeviceRayTracingPipelinePropertiesKHR *out = (void *)link;
        out->shaderGroupHandleSize = 32;
        out->shaderGroupHandleAlignment = 32;
        out->maxShaderGroupStride = 4096;
        out->shaderGroupBaseAlignment = config->shader_group_base_alignment;
    } else if (link->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_PROPERTIES_EXT &&
               (driver->supported & FAKE_DESCRIPTOR_BUFFER) != 0) {
        VkPhysicalDeviceDescriptorBufferPropertiesEXT *out = (void *)link;
        out->descriptorBufferOffsetAlignment = config->descriptor_buffer_alignment;
        out->bufferlessPushDescriptors = VK_FALSE;
    }
}

VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_properties(VkPhysicalDevice device,
                                                               VkPhysicalDeviceProperties *out) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_PHYSICAL_DEVICE,
                                            FAKE_CALL_GET_PHYSICAL_DEVICE_PROPERTIES, "vkGetPhysicalDeviceProperties");
    fill_properties(driver, out);
    fake_leave(driver);
}

static void get_properties_2(VkPhysicalDevice device, VkPhysicalDeviceProperties2 *out, const char *name) {
    struct fake_driver *driver =
        fake_enter(device, FAKE_LEVEL_PHYSICAL_DEVICE, FAKE_CALL_GET_PHYSICAL_DEVICE_PROPERTIES, name);
    fake_check_type(driver, out->sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, "VkPhysicalDeviceProperties2");
    fill_properties(driver, &out->properties);
    for (VkBaseOutStructure *link = out->pNext; link != NULL; link = link->pNext) {
        fill_by_version(driver, link);
        fill_by_extension(driver, link);
    }
    fake_leave(driver);
}

VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_properties_2(VkPhysicalDevice device,
                                                                 VkPhysicalDeviceProperties2 *out) {
    get_properties_2(device, out, "vkGetPhysicalDeviceProperties2");
}

VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_properties_2_khr(VkPhysicalDevice device,
                                                                     VkPhysicalDeviceProperties2 *out) {
    get_properties_2(device, out, "vkGetPhysicalDeviceProperties2KHR");
}

/* ---- Queue families ---- */

VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_queue_family_properties(VkPhysicalDevice device, uint32_t *count,
                                                                            VkQueueFamilyProperties *out) {
    struct fake_driver *driver =
        fake_enter(device, FAKE_LEVEL_PHYSICAL_DEVICE, FAKE_CALL_GET_PHYSICAL_DEVICE_PROPERTIES,
                   "vkGetPhysicalDeviceQueueFamilyProperties");
    uint32_t families = driver->config.queue_families;
    if (out != NULL && *count < families)
        families = *count;
    for (uint32_t i = 0; out != NULL && i < families; i++)
        out[i] = (VkQueueFamilyProperties){ .queueFlags = VK_QUEUE_COMPUTE_BIT, .queueCount = 1 };
    *count = families;
    fake_leave(driver);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_memory_properties(VkPhysicalDevice device,
                                                                      VkPhysicalDeviceMemoryProperties *out) {
    struct fake_driver *driver =
        fake_enter(device, FAKE_LEVEL_PHYSICAL_DEVICE, FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES,
                   "vkGetPhysicalDeviceMemoryProperties");
    *out = driver->config.memory;
    fake_leave(driver);
}

static void fill_budget(const struct fake_driver *driver, VkPhysicalDeviceMemoryBudgetPropertiesEXT *out) {
    for (uint32_t i = 0; i < VK_MAX_MEMORY_HEAPS; i++) {
        bool exists = i < driver->config.memory.memoryHeapCount;
        out->heapBudget[i] = exists ? driver->config.budgets[i] : 0;
        out->heapUsage[i] = exists ? driver->heap_used[i] + driver->config.foreign_use[i] : 0;
    }
}

static void get_memory_2(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties2 *out, const char *name) {
    struct fake_driver *driver =
        fake_enter(device, FAKE_LEVEL_PHYSICAL_DEVICE, FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, name);
    const struct fake_link links[] = { { VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT,
                                         (driver->supported & FAKE_MEMORY_BUDGET) != 0 } };
    fake_check_type(driver, out->sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                    "VkPhysicalDeviceMemoryProperties2");
    fake_check_chain(driver, out->pNext, links, 1, "VkPhysicalDeviceMemoryProperties2");
    out->memoryProperties = driver->config.memory;
    for (VkBaseOutStructure *link = out->pNext; link != NULL; link = link->pNext) {
        if (link->sType == links[0].type && links[0].allowed) {
            fill_budget(driver, (void *)link);
        }
    }
    fake_leave(driver);
}

VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_memory_properties_2(VkPhysicalDevice device,
                                                                        VkPhysicalDeviceMemoryProperties2 *out) {
    get_memory_2(device, out, "vkGetPhysicalDeviceMemoryProperties2");
}

VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_memory_properties_2_khr(VkPhysicalDevice device,
                                                                            VkPhysicalDeviceMemoryProperties2 *out) {
    get_memory_2(device, out, "vkGetPhysicalDeviceMemoryProperties2KHR");
}

VkDeviceSize fake_heap_used(struct fake_driver *driver, uint32_t heap) {
    fake_take(driver);
    VkDeviceSize used = heap < VK_MAX_MEMORY_HEAPS ? driver->heap_used[heap] : 0;
    fake_leave(driver);
    return used;
}

void fake_set_budget(struct fake_driver *driver, uint32_t heap, VkDeviceSize budget, VkDeviceSize foreign_use) {
    if (heap < VK_MAX_MEMORY_HEAPS) {
        fake_take(driver);
        driver->config.budgets[heap] = budget;
        driver->config.foreign_use[heap] = foreign_use;
        fake_leave(driver);
    }
}

/* ---- Features ---------------------------------------------------------------------------------------------------- */

static void get_features_2(VkPhysicalDevice device, VkPhysicalDeviceFeatures2 *out, const char *name) {
    struct fake_driver *driver =
        fake_enter(device, FAKE_LEVEL_PHYSICAL_DEVICE, FAKE_CALL_GET_PHYSICAL_DEVICE_FEATURES, name);
    fake_check_type(driver, out->sType, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, "VkPhysicalDeviceFeatures2");
    for (VkBaseOutStructure *link = (VkBaseOutStructure *)out; link != NULL; link = link->pNext) {
        fake_fill_features(link, driver->supported);
    }
    fake_leave(driver);
}

VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_features_2(VkPhysicalDevice device,
                                                               VkPhysicalDeviceFeatures2 *out) {
    get_features_2(device, out, "vkGetPhysicalDeviceFeatures2");
}

VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_features_2_khr(VkPhysicalDevice device,
                                                                   VkPhysicalDeviceFeatures2 *out) {
    get_features_2(device, out, "vkGetPhysicalDeviceFeatures2KHR");
}
