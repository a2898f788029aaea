/*
 * VkBuffer: the rules of creating one, and what memory it requires.
 */
#include "fake_internal.h"

#define KNOWN_FLAGS                                                                                                    \
    ((VkBufferCreateFlags)(VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT |               \
                           VK_BUFFER_CREATE_SPARSE_ALIASED_BIT | VK_BUFFER_CREATE_PROTECTED_BIT |                      \
                           VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT))
#define SPARSE_FLAGS                                                                                                   \
    ((VkBufferCreateFlags)(VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT |               \
                           VK_BUFFER_CREATE_SPARSE_ALIASED_BIT))
#define TEXEL_USAGE (VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT)
#define DESCRIPTOR_USAGE                                                                                               \
    (VK_BUFFER_USAGE_SAMPLER_DESCRIPTOR_BUFFER_BIT_EXT | VK_BUFFER_USAGE_RESOURCE_DESCRIPTOR_BUFFER_BIT_EXT)

struct fake_buffer *fake_buffer_get(struct fake_driver *driver, VkBuffer handle, const char *rule) {
    return (struct fake_buffer *)fake_object_get(driver, FAKE_HANDLE(handle), FAKE_KIND_BUFFER, rule);
}

/* ---- The rules of vkCreateBuffer --------------------------------------------------------------------------------- */

/* VkBufferUsageFlags2CreateInfoKHR takes the place of `usage` where it is present. */
static uint64_t usage_of(const VkBufferCreateInfo *info) {
    const struct fake_usage_flags_2 *flags = fake_find(info->pNext, FAKE_STRUCTURE_USAGE_FLAGS_2);
    return flags != NULL ? flags->usage : info->usage;
}

static void check_buffer_chain(struct fake_driver *driver, const VkBufferCreateInfo *info) {
    const struct fake_link links[] = {
        { VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
          driver->version >= VK_API_VERSION_1_1 || fake_enabled(driver, FAKE_EXTENSIONS_OF_1_1) },
        { VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO,
          fake_enabled(driver, FAKE_BUFFER_DEVICE_ADDRESS) },
        { VK_STRUCTURE_TYPE_VIDEO_PROFILE_LIST_INFO_KHR, fake_enabled(driver, FAKE_VIDEO) },
        { FAKE_STRUCTURE_USAGE_FLAGS_2, fake_enabled(driver, FAKE_MAINTENANCE_5) },
    };
    fake_check_type(driver, info->sType, VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, "VkBufferCreateInfo");
    fake_check_chain(driver, info->pNext, links, sizeof links / sizeof *links, "VkBufferCreateInfo");
}

struct usage_feature {
    uint64_t usage;
    uint32_t feature; /* 0: none needed */
};

static const struct usage_feature usage_features[] = {
    { 0x1FF, 0 }, /* transfer to indirect */
    { VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT, FAKE_BUFFER_DEVICE_ADDRESS },
    { VK_BUFFER_USAGE_CONDITIONAL_RENDERING_BIT_EXT, FAKE_CONDITIONAL_RENDERING },
    { VK_BUFFER_USAGE_SHADER_BINDING_TABLE_BIT_KHR, FAKE_RAY_TRACING_PIPELINE },
    { VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_BUFFER_BIT_EXT | VK_BUFFER_USAGE_TRANSFORM_FEEDBACK_COUNTER_BUFFER_BIT_EXT,
      FAKE_TRANSFORM_FEEDBACK },
    { VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_BUILD_INPUT_READ_ONLY_BIT_KHR |
          VK_BUFFER_USAGE_ACCELERATION_STRUCTURE_STORAGE_BIT_KHR,
      FAKE_ACCELERATION_STRUCTURE },
    { DESCRIPTOR_USAGE | VK_BUFFER_USAGE_PUSH_DESCRIPTORS_DESCRIPTOR_BUFFER_BIT_EXT, FAKE_DESCRIPTOR_BUFFER },
    { VK_BUFFER_USAGE_VIDEO_DECODE_SRC_BIT_KHR | VK_BUFFER_USAGE_VIDEO_DECODE_DST_BIT_KHR, FAKE_VIDEO },
};

/* Bits of extensions that are not enabled are no valid bits. */
static void check_usage(struct fake_driver *driver, const VkBufferCreateInfo *info) {
    uint64_t usage = usage_of(info);
    uint64_t allowed = 0;
    for (size_t i = 0; i < sizeof usage_features / sizeof *usage_features; i++) {
        allowed |= fake_enabled(driver, usage_features[i].feature) ? usage_features[i].usage : 0;
    }
    if (usage == 0) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-usage-requiredbitmask", "usage is 0");
    }
    if ((usage & ~allowed) != 0) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-usage-parameter",
                     "bits 0x%" PRIx64 " are unknown or their feature is not enabled", usage & ~allowed);
    }
    if ((usage & VK_BUFFER_USAGE_PUSH_DESCRIPTORS_DESCRIPTOR_BUFFER_BIT_EXT) != 0 && (usage & DESCRIPTOR_USAGE) == 0) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-usage-08103",
                     "push descriptors in a buffer of no other descriptors");
    }
    if ((usage & (VK_BUFFER_USAGE_VIDEO_DECODE_SRC_BIT_KHR | VK_BUFFER_USAGE_VIDEO_DECODE_DST_BIT_KHR)) != 0 &&
        fake_find(info->pNext, VK_STRUCTURE_TYPE_VIDEO_PROFILE_LIST_INFO_KHR) == NULL) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-usage-04813", "video usage without its profiles");
    }
}

static void check_flags(struct fake_driver *driver, const VkBufferCreateInfo *info) {
    VkBufferCreateFlags flags = info->flags;
    if ((flags & ~KNOWN_FLAGS) != 0) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-flags-parameter", "flags 0x%x", flags);
    }
    if ((flags & SPARSE_FLAGS) != 0 && !fake_enabled(driver, FAKE_SPARSE_BINDING)) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-flags-00915", "sparseBinding is not enabled");
    }
    if ((flags & SPARSE_FLAGS) != 0 && (flags & VK_BUFFER_CREATE_SPARSE_BINDING_BIT) == 0) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-flags-00918", "flags 0x%x without SPARSE_BINDING", flags);
    }
    if ((flags & VK_BUFFER_CREATE_PROTECTED_BIT) != 0 && !fake_enabled(driver, FAKE_PROTECTED_MEMORY)) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-flags-01887", "protectedMemory is not enabled");
    }
    if ((flags & VK_BUFFER_CREATE_PROTECTED_BIT) != 0 && (flags & SPARSE_FLAGS) != 0) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-None-01888", "protected and sparse");
    }
    bool replay = (flags & VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT) != 0;
    const VkBufferOpaqueCaptureAddressCreateInfo *capture =
        fake_find(info->pNext, VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO);
    if (replay && !fake_enabled(driver, FAKE_CAPTURE_REPLAY)) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-flags-03338", "bufferDeviceAddressCaptureReplay is not enabled");
    }
    if (!replay && capture != NULL && capture->opaqueCaptureAddress != 0) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-opaqueCaptureAddress-03337",
                     "an opaque capture address without the capture and replay bit");
    }
}

static void check_family(struct fake_driver *driver, const VkBufferCreateInfo *info, uint32_t i) {
    uint32_t family = info->pQueueFamilyIndices[i];
    bool twice = false;
    for (uint32_t j = 0; j < i; j++) {
        twice = twice || info->pQueueFamilyIndices[j] == family;
    }
    if (twice || family >= driver->config.queue_families) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-sharingMode-01419", "queue family %u %s", family,
                     twice ? "is given twice" : "does not exist");
    }
}

static void check_sharing(struct fake_driver *driver, const VkBufferCreateInfo *info) {
    if (info->sharingMode == VK_SHARING_MODE_EXCLUSIVE) {
        return;
    }
    if (info->sharingMode != VK_SHARING_MODE_CONCURRENT) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-sharingMode-parameter", "sharingMode %d", (int)info->sharingMode);
    } else if (info->queueFamilyIndexCount < 2) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-sharingMode-00914", "concurrent over %u families",
                     info->queueFamilyIndexCount);
    } else if (info->pQueueFamilyIndices == NULL) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-sharingMode-00913", "pQueueFamilyIndices is NULL");
    } else {
        for (uint32_t i = 0; i < info->queueFamilyIndexCount; i++) {
            check_family(driver, info, i);
        }
    }
}

static void check_external(struct fake_driver *driver, const VkBufferCreateInfo *info) {
    const VkExternalMemoryBufferCreateInfo *external =
        fake_find(info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
    VkExternalMemoryHandleTypeFlags supported =
        fake_enabled(driver, FAKE_EXTERNAL_MEMORY_FD)
            ? VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT | VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT
            : 0u;
    if (external != NULL && (external->handleTypes & ~supported) != 0) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-pNext-00920", "handle types 0x%x, of which 0x%x are supported",
                     external->handleTypes, supported);
    }
}

static VkResult check_buffer(struct fake_driver *driver, const VkBufferCreateInfo *info) {
    check_buffer_chain(driver, info);
    check_usage(driver, info);
    check_flags(driver, info);
    check_sharing(driver, info);
    check_external(driver, info);
    if (info->size == 0) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-size-00912", "size is 0");
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    if (info->size > driver->config.max_buffer_size) {
        fake_violate(driver, "VUID-VkBufferCreateInfo-size-06409", "%" PRIu64 " bytes are over %" PRIu64, info->size,
                     driver->config.max_buffer_size);
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    return VK_SUCCESS;
}

/* ---- Requirements ------------------------------------------------------------------------------------------------ */

static VkDeviceSize larger(VkDeviceSize a, VkDeviceSize b) {
    return a > b ? a : b;
}

/* "Resource Memory Association" makes the alignment a multiple of the offset limits of what the buffer is used for. */
static VkDeviceSize alignment_of(const struct fake_config *config, uint64_t usage) {
    const VkPhysicalDeviceLimits *limits = &config->limits;
    VkDeviceSize alignment = config->requirement_alignment;
    if ((usage & VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT) != 0) {
        alignment = larger(alignment, limits->minUniformBufferOffsetAlignment);
    }
    if ((usage & VK_BUFFER_USAGE_STORAGE_BUFFER_BIT) != 0) {
        alignment = larger(alignment, limits->minStorageBufferOffsetAlignment);
    }
    if ((usage & TEXEL_USAGE) != 0) {
        alignment = larger(alignment, limits->minTexelBufferOffsetAlignment);
    }
    return alignment;
}

/* Protected buffers want protected types, and the others any other. */
static uint32_t types_for(const struct fake_config *config, bool is_protected) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < config->memory.memoryTypeCount; i++) {
        bool type = (config->memory.memoryTypes[i].propertyFlags & VK_MEMORY_PROPERTY_PROTECTED_BIT) != 0;
        bits |= type == is_protected ? 1u << i : 0u;
    }
    return bits;
}

static VkMemoryRequirements requirements_of(const struct fake_config *config, const struct fake_buffer *buffer) {
    VkMemoryRequirements out = {
        .size = fake_round_up(buffer->size, config->size_rounding),
        .alignment = alignment_of(config, buffer->usage),
        .memoryTypeBits = types_for(config, (buffer->flags & VK_BUFFER_CREATE_PROTECTED_BIT) != 0),
    };
    for (uint32_t i = 0; i < config->usage_rule_count && i < FAKE_MAX_USAGE_RULES; i++) {
        const struct fake_usage_rule *rule = &config->usage_rules[i];
        if ((buffer->usage & rule->usage) != 0) {
            out.memoryTypeBits &= rule->memory_type_bits != 0 ? rule->memory_type_bits : UINT32_MAX;
            out.alignment = larger(out.alignment, rule->alignment);
        }
    }
    return out;
}

static void describe(const struct fake_config *config, struct fake_buffer *buffer, const VkBufferCreateInfo *info) {
    const VkExternalMemoryBufferCreateInfo *external =
        fake_find(info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
    buffer->size = info->size;
    buffer->usage = usage_of(info);
    buffer->flags = info->flags;
    buffer->external_types = external != NULL ? external->handleTypes : 0u;
    buffer->requirements = requirements_of(config, buffer);
    buffer->requires_dedicated = config->require_dedicated_from != 0 && info->size >= config->require_dedicated_from;
    buffer->prefers_dedicated = buffer->requires_dedicated ||
                                (config->prefer_dedicated_from != 0 && info->size >= config->prefer_dedicated_from);
}

static void fill_requirements_2(struct fake_driver *driver, const struct fake_buffer *buffer,
                                VkMemoryRequirements2 *out) {
    const struct fake_link links[] = { { VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS, true } };
    fake_check_type(driver, out->sType, VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2, "VkMemoryRequirements2");
    fake_check_chain(driver, out->pNext, links, 1, "VkMemoryRequirements2");
    out->memoryRequirements = buffer->requirements;
    for (VkBaseOutStructure *link = out->pNext; link != NULL; link = link->pNext) {
        if (link->sType == VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS) {
            VkMemoryDedicatedRequirements *dedicated = (void *)link;
            dedicated->prefersDedicatedAllocation = buffer->prefers_dedicated;
            dedicated->requiresDedicatedAllocation = buffer->requires_dedicated;
        }
    }
}

/* ---- Entry points ------------------------------------------------------------------------------------------------ */

static VkResult make_buffer(struct fake_driver *driver, const VkBufferCreateInfo *info,
                            const VkAllocationCallbacks *callbacks, VkBuffer *out) {
    VkResult result = check_buffer(driver, info);
    if (result != VK_SUCCESS) {
        return result;
    }
    struct fake_buffer *buffer = calloc(1, sizeof *buffer);
    if (buffer == NULL || !fake_object_add(driver, &buffer->object, FAKE_KIND_BUFFER, callbacks)) {
        free(buffer);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    describe(&driver->config, buffer, info);
    driver->buffer_count++;
    *out = FAKE_TO_HANDLE(VkBuffer, buffer->object.handle);
    return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL fake_create_buffer(VkDevice device, const VkBufferCreateInfo *info,
                                                  const VkAllocationCallbacks *callbacks, VkBuffer *out) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_CREATE_BUFFER, "vkCreateBuffer");
    VkResult result = fake_injected(driver, FAKE_CALL_CREATE_BUFFER);
    *out = VK_NULL_HANDLE;
    if (result == VK_SUCCESS) {
        result = make_buffer(driver, info, callbacks, out);
    }
    fake_leave(driver);
    return result;
}

VKAPI_ATTR void VKAPI_CALL fake_destroy_buffer(VkDevice device, VkBuffer handle,
                                               const VkAllocationCallbacks *callbacks) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_DESTROY_BUFFER, "vkDestroyBuffer");
    struct fake_buffer *buffer =
        handle != VK_NULL_HANDLE ? fake_buffer_get(driver, handle, "VUID-vkDestroyBuffer-buffer-parameter") : NULL;
    if (buffer != NULL) {
        fake_buffer_unbind(buffer);
        fake_object_remove(driver, &buffer->object, callbacks);
        driver->buffer_count--;
        free(buffer);
    }
    fake_leave(driver);
}

VKAPI_ATTR void VKAPI_CALL fake_get_buffer_requirements(VkDevice device, VkBuffer handle, VkMemoryRequirements *out) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_GET_BUFFER_MEMORY_REQUIREMENTS,
                                            "vkGetBufferMemoryRequirements");
    const struct fake_buffer *buffer =
        fake_buffer_get(driver, handle, "VUID-vkGetBufferMemoryRequirements-buffer-parameter");
    *out = buffer != NULL ? buffer->requirements : (VkMemoryRequirements){ 0 };
    fake_leave(driver);
}

static void get_requirements_2(VkDevice device, const VkBufferMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *out,
                               const char *name) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_GET_BUFFER_MEMORY_REQUIREMENTS, name);
    fake_check_type(driver, info->sType, VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2,
                    "VkBufferMemoryRequirementsInfo2");
    fake_check_chain(driver, info->pNext, NULL, 0, "VkBufferMemoryRequirementsInfo2");
    const struct fake_buffer *buffer =
        fake_buffer_get(driver, info->buffer, "VUID-VkBufferMemoryRequirementsInfo2-buffer-parameter");
    fill_requirements_2(driver, buffer != NULL ? buffer : &(struct fake_buffer){ 0 }, out);
    fake_leave(driver);
}

VKAPI_ATTR void VKAPI_CALL fake_get_buffer_requirements_2(VkDevice device, const VkBufferMemoryRequirementsInfo2 *info,
                                                          VkMemoryRequirements2 *out) {
    get_requirements_2(device, info, out, "vkGetBufferMemoryRequirements2");
}

VKAPI_ATTR void VKAPI_CALL fake_get_buffer_requirements_2_khr(VkDevice device,
                                                              const VkBufferMemoryRequirementsInfo2 *info,
                                                              VkMemoryRequirements2 *out) {
    get_requirements_2(device, info, out, "vkGetBufferMemoryRequirements2KHR");
}

static void get_device_requirements(VkDevice device, const VkDeviceBufferMemoryRequirements *info,
                                    VkMemoryRequirements2 *out, const char *name) {
    struct fake_driver *driver =
        fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_GET_DEVICE_BUFFER_MEMORY_REQUIREMENTS, name);
    struct fake_buffer buffer = { 0 };
    fake_check_type(driver, info->sType, VK_STRUCTURE_TYPE_DEVICE_BUFFER_MEMORY_REQUIREMENTS,
                    "VkDeviceBufferMemoryRequirements");
    fake_check_chain(driver, info->pNext, NULL, 0, "VkDeviceBufferMemoryRequirements");
    if (check_buffer(driver, info->pCreateInfo) == VK_SUCCESS) {
        describe(&driver->config, &buffer, info->pCreateInfo);
    }
    fill_requirements_2(driver, &buffer, out);
    fake_leave(driver);
}

VKAPI_ATTR void VKAPI_CALL fake_get_device_buffer_requirements(VkDevice device,
                                                               const VkDeviceBufferMemoryRequirements *info,
                                                               VkMemoryRequirements2 *out) {
    get_device_requirements(device, info, out, "vkGetDeviceBufferMemoryRequirements");
}

VKAPI_ATTR void VKAPI_CALL fake_get_device_buffer_requirements_khr(VkDevice device,
                                                                   const VkDeviceBufferMemoryRequirements *info,
                                                                   VkMemoryRequirements2 *out) {
    get_device_requirements(device, info, out, "vkGetDeviceBufferMemoryRequirementsKHR");
}

unsigned fake_buffer_count(struct fake_driver *driver) {
    fake_take(driver);
    unsigned count = driver->buffer_count;
    fake_leave(driver);
    return count;
}
