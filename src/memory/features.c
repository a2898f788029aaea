/* Reading features, extensions and queue families from a VkDeviceCreateInfo, see features.h. */
#include "memory/features.h"

#include <string.h>

static bool has_extension(const VkDeviceCreateInfo *info, const char *name) {
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++)
        if (strcmp(info->ppEnabledExtensionNames[i], name) == 0)
            return true;
    return false;
}

/* One struct of the chain; the features it names are enabled whichever struct says so. */
static void read_struct(struct bda_features *features, const VkBaseInStructure *next) {
    const void *s = next;
    switch ((int)next->sType) {
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES: {
        const VkPhysicalDeviceVulkan12Features *f = s;
        features->buffer_device_address |= f->bufferDeviceAddress != VK_FALSE;
        features->capture_replay |= f->bufferDeviceAddressCaptureReplay != VK_FALSE;
        features->timeline_semaphore |= f->timelineSemaphore != VK_FALSE;
        break;
    }
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES: {
        const VkPhysicalDeviceBufferDeviceAddressFeatures *f = s;
        features->buffer_device_address |= f->bufferDeviceAddress != VK_FALSE;
        features->capture_replay |= f->bufferDeviceAddressCaptureReplay != VK_FALSE;
        break;
    }
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES: {
        const VkPhysicalDeviceTimelineSemaphoreFeatures *f = s;
        features->timeline_semaphore |= f->timelineSemaphore != VK_FALSE;
        break;
    }
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR: {
        const VkPhysicalDeviceAccelerationStructureFeaturesKHR *f = s;
        features->acceleration_structure |= f->accelerationStructure != VK_FALSE;
        break;
    }
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_FEATURES_KHR: {
        const VkPhysicalDeviceRayTracingPipelineFeaturesKHR *f = s;
        features->ray_tracing_pipeline |= f->rayTracingPipeline != VK_FALSE;
        break;
    }
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_FEATURES_EXT: {
        const VkPhysicalDeviceDescriptorBufferFeaturesEXT *f = s;
        features->descriptor_buffer |= f->descriptorBuffer != VK_FALSE;
        break;
    }
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES: {
        const VkPhysicalDeviceVulkan13Features *f = s;
        features->maintenance4_enabled |= f->maintenance4 != VK_FALSE;
        break;
    }
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES: {
        const VkPhysicalDeviceMaintenance4Features *f = s;
        features->maintenance4_enabled |= f->maintenance4 != VK_FALSE;
        break;
    }
    case VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT: {
        const VkPhysicalDeviceMemoryPriorityFeaturesEXT *f = s;
        features->memory_priority |= f->memoryPriority != VK_FALSE;
        break;
    }
    default:
        break;
    }
}

bool bda_features_add_family(struct bda_features *features, uint32_t family) {
    for (uint32_t i = 0; i < features->queue_family_count; i++)
        if (features->queue_families[i] == family)
            return true;
    if (features->queue_family_count == BDA_MAX_QUEUE_FAMILIES)
        return false;
    features->queue_families[features->queue_family_count++] = family;
    return true;
}

void bda_features_read(struct bda_features *features, const VkDeviceCreateInfo *info, uint32_t api_version) {
    memset(features, 0, sizeof *features);
    for (const VkBaseInStructure *next = info->pNext; next != NULL; next = next->pNext)
        read_struct(features, next);
    if (api_version < VK_API_VERSION_1_2) {
        features->buffer_device_address &= has_extension(info, VK_KHR_BUFFER_DEVICE_ADDRESS_EXTENSION_NAME);
        features->timeline_semaphore &= has_extension(info, VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME);
    }
    features->memory_budget = has_extension(info, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    features->maintenance4 =
        api_version >= VK_API_VERSION_1_3 || has_extension(info, VK_KHR_MAINTENANCE_4_EXTENSION_NAME);
    /* More families than the library counts can only be left out here, not answered: no device comes near. */
    for (uint32_t i = 0; i < info->queueCreateInfoCount; i++)
        (void)bda_features_add_family(features, info->pQueueCreateInfos[i].queueFamilyIndex);
}
