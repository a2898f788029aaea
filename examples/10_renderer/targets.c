/* Images with memory of their own; see targets.h. */
#include "targets.h"

enum { TARGETS = 4 };

static uint32_t find_memory_type(struct ex *ex, uint32_t allowed, uint32_t *heap) {
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(ex->physical_device, &memory);
    for (uint32_t i = 0; i < memory.memoryTypeCount; i++)
        if ((allowed >> i & 1) && (memory.memoryTypes[i].propertyFlags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT)) {
            *heap = memory.memoryTypes[i].heapIndex;
            return i;
        }
    ex_fail("no device-local memory for an image");
    return 0;
}

static void bind_memory(struct ex *ex, struct target *target) {
    VkMemoryRequirements needs;
    vkGetImageMemoryRequirements(ex->device, target->image, &needs);
    VkMemoryAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                  .allocationSize = needs.size,
                                  .memoryTypeIndex = find_memory_type(ex, needs.memoryTypeBits, &target->heap) };
    EX_CHECK(vkAllocateMemory(ex->device, &info, NULL, &target->memory));
    EX_CHECK(vkBindImageMemory(ex->device, target->image, target->memory, 0));
    target->size = needs.size;
}

static struct target create_target(struct ex *ex, VkExtent2D extent, VkFormat format, VkSampleCountFlagBits samples,
                                   VkImageUsageFlags usage) {
    struct target target = { .size = 0 };
    VkImageCreateInfo info = { .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                               .imageType = VK_IMAGE_TYPE_2D,
                               .format = format,
                               .extent = { extent.width, extent.height, 1 },
                               .mipLevels = 1,
                               .arrayLayers = 1,
                               .samples = samples,
                               .usage = usage };
    EX_CHECK(vkCreateImage(ex->device, &info, NULL, &target.image));
    bind_memory(ex, &target);
    VkImageAspectFlags aspect = format == DEPTH_FORMAT ? VK_IMAGE_ASPECT_DEPTH_BIT : VK_IMAGE_ASPECT_COLOR_BIT;
    VkImageViewCreateInfo view_info = { .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
                                        .image = target.image,
                                        .viewType = VK_IMAGE_VIEW_TYPE_2D,
                                        .format = format,
                                        .subresourceRange = { aspect, 0, 1, 0, 1 } };
    EX_CHECK(vkCreateImageView(ex->device, &view_info, NULL, &target.view));
    return target;
}

/* Replaces what was told before, so it is summed for each heap. */
static void tell_external_use(BdaAllocator allocator, const struct targets *targets) {
    const struct target *all[TARGETS] = { &targets->samples, &targets->depth, &targets->colour, &targets->shadow };
    VkDeviceSize bytes[VK_MAX_MEMORY_HEAPS] = { 0 };
    uint32_t counts[VK_MAX_MEMORY_HEAPS] = { 0 };
    for (uint32_t i = 0; i < TARGETS; i++) {
        bytes[all[i]->heap] += all[i]->size;
        counts[all[i]->heap] += all[i]->size > 0;
    }
    for (uint32_t i = 0; i < TARGETS; i++)
        EX_CHECK(bda_set_external_use(allocator, all[i]->heap, bytes[all[i]->heap], counts[all[i]->heap]));
}

void targets_create(struct targets *targets, struct ex *ex, BdaAllocator allocator, VkExtent2D extent,
                    uint32_t shadow_size) {
    const VkImageUsageFlags colour = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
    const VkImageUsageFlags depth = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT;
    const VkImageUsageFlags copied = VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
    targets->extent = extent;
    targets->shadow_extent = (VkExtent2D){ shadow_size, shadow_size };
    targets->samples = create_target(ex, extent, COLOUR_FORMAT, (VkSampleCountFlagBits)SAMPLES, colour);
    targets->depth = create_target(ex, extent, DEPTH_FORMAT, (VkSampleCountFlagBits)SAMPLES, depth);
    targets->colour = create_target(ex, extent, COLOUR_FORMAT, VK_SAMPLE_COUNT_1_BIT, colour | copied);
    targets->shadow = create_target(ex, targets->shadow_extent, DEPTH_FORMAT, VK_SAMPLE_COUNT_1_BIT, depth | copied);
    tell_external_use(allocator, targets);
}

void targets_destroy(struct targets *targets, struct ex *ex, BdaAllocator allocator) {
    struct target *all[TARGETS] = { &targets->samples, &targets->depth, &targets->colour, &targets->shadow };
    for (uint32_t i = 0; i < TARGETS; i++) {
        vkDestroyImageView(ex->device, all[i]->view, NULL);
        vkDestroyImage(ex->device, all[i]->image, NULL);
        vkFreeMemory(ex->device, all[i]->memory, NULL);
        all[i]->size = 0;
    }
    tell_external_use(allocator, targets);
}
