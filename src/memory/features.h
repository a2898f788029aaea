/*
 * What is enabled on a device. A VkDevice cannot be asked: with a feature off its entry points exist all the same and
 * on some drivers the calls succeed, so everything is read from the VkDeviceCreateInfo that made it.
 */
#ifndef BDA_MEMORY_FEATURES_H
#define BDA_MEMORY_FEATURES_H

#include <bdaalloc/bdaalloc.h>

#include <stdbool.h>

#if VK_HEADER_VERSION < 235
#error "libbdaalloc is compiled with Vulkan headers of 1.3.235 or newer; who only uses it may have older ones"
#endif

enum { BDA_MAX_QUEUE_FAMILIES = 32 };

struct bda_features {
    bool buffer_device_address;
    bool capture_replay;
    bool timeline_semaphore;
    bool acceleration_structure;
    bool ray_tracing_pipeline;
    bool descriptor_buffer;
    bool memory_priority;
    bool memory_budget;
    bool maintenance4;         /* is there: maxBufferSize can be asked for */
    bool maintenance4_enabled; /* its feature: what it promises of requirements holds */
    /* the distinct families of pQueueCreateInfos */
    uint32_t queue_family_count;
    uint32_t queue_families[BDA_MAX_QUEUE_FAMILIES];
};

/* Reads a create info. `api_version` decides whether what 1.2 and 1.3 took in counts without its extension. */
void bda_features_read(struct bda_features *features, const VkDeviceCreateInfo *info, uint32_t api_version);

/* Adds a queue family unless it is there; false when there are more than the library counts. */
bool bda_features_add_family(struct bda_features *features, uint32_t family);

#endif
