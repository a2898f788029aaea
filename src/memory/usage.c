/* Usage classes and the alignments of usages, see usage.h. */
#include "memory/usage.h"

#include "core/bits.h"

#define DESCRIPTOR_USAGE                                                                                               \
    ((uint64_t)VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT | VK_BUFFER_USAGE_SAMPLER_DESCRIPTOR_BUFFER_BIT_EXT)
/* Decode source and destination, encode destination and source; the latter are behind a beta guard in older headers. */
#define VIDEO_USAGE ((uint64_t)0x2000 | 0x4000 | 0x8000 | 0x10000)

enum bda_usage_class bda_usage_class_of(uint64_t usage) {
    if ((usage & VIDEO_USAGE) != 0)
        return BDA_USAGE_VIDEO;
    return (usage & DESCRIPTOR_USAGE) != 0 ? BDA_USAGE_DESCRIPTOR : BDA_USAGE_GENERAL;
}

bool bda_usage_is_enabled(const struct bda_device *device, uint64_t usage) {
    const struct bda_features *f = &device->features;
    const uint64_t acceleration = VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_BUILD_INPUT_READ_ONLY_BIT_KHR |
                                  VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR;
    return (f->acceleration_structure || (usage & acceleration) == 0) &&
           (f->ray_tracing_pipeline || (usage & VK_BUFFER_USAGE_SHADER_BINDING_TABLE_BIT_KHR) == 0) &&
           (f->descriptor_buffer || (usage & DESCRIPTOR_USAGE) == 0);
}

static VkBufferUsageFlags general_usage(const struct bda_features *features) {
    VkBufferUsageFlags usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                               VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT |
                               VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                               VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_VERTEX_BUFFER_BIT |
                               VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
    if (features->acceleration_structure)
        usage |= VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_BUILD_INPUT_READ_ONLY_BIT_KHR |
                 VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR;
    if (features->ray_tracing_pipeline)
        usage |= VK_BUFFER_USAGE_SHADER_BINDING_TABLE_BIT_KHR;
    return usage;
}

VkBufferUsageFlags bda_usage_of_class(const struct bda_device *device, enum bda_usage_class class) {
    switch (class) {
    case BDA_USAGE_GENERAL:
        return general_usage(&device->features);
    case BDA_USAGE_DESCRIPTOR:
        return device->features.descriptor_buffer
                   ? (VkBufferUsageFlags)DESCRIPTOR_USAGE | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                         VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                         VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT
                   : 0;
    default:
        return 0;
    }
}

VkDeviceSize bda_usage_alignment(const struct bda_device *device, uint64_t usage, bool scratch) {
    const struct bda_limits *limits = &device->limits;
    const struct {
        uint64_t usage;
        VkDeviceSize alignment;
    } needs[] = {
        { VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, limits->uniform_alignment },
        { VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, limits->storage_alignment },
        { VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT,
          limits->texel_alignment },
        { VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR, limits->acceleration_structure_alignment },
        { VK_BUFFER_USAGE_SHADER_BINDING_TABLE_BIT_KHR, limits->shader_binding_table_alignment },
        { DESCRIPTOR_USAGE, limits->descriptor_buffer_alignment },
    };
    VkDeviceSize alignment = scratch ? bda_max(BDA_LEAST_ALIGNMENT, limits->scratch_alignment) : BDA_LEAST_ALIGNMENT;
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if ((usage & needs[i].usage) != 0)
            alignment = bda_max(alignment, needs[i].alignment);
    return alignment;
}
