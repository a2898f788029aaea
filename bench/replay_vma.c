/*
 * vmaCreateBuffer as a full allocator for replays, asked for what the intents of bda_alloc_buffer mean: the same kinds
 * of memory, mapped where the CPU reaches it, and the address.
 */
#include "replay.h"

#define VMA_STATIC_VULKAN_FUNCTIONS  0
#define VMA_DYNAMIC_VULKAN_FUNCTIONS 1
#include <vk_mem_alloc.h>

#include <stdlib.h>

struct vma {
    VmaAllocator allocator;
    VkDevice device;
    PFN_vkGetBufferDeviceAddress get_address;
};

static VkResult create_allocator(const struct bench_device *device, PFN_vkGetDeviceProcAddr get,
                                 VmaAllocator *allocator) {
    const VmaVulkanFunctions functions = { .vkGetInstanceProcAddr = device->get_instance_proc_addr,
                                           .vkGetDeviceProcAddr = get };
    const VmaAllocatorCreateInfo info = { .flags = VMA_ALLOCATOR_CREATE_BUFFER_DEVICE_ADDRESS_BIT |
                                                   VMA_ALLOCATOR_CREATE_EXTERNALLY_SYNCHRONIZED_BIT,
                                          .physicalDevice = device->physical_device,
                                          .device = device->device,
                                          .instance = device->instance,
                                          .vulkanApiVersion = device->api_version,
                                          .pVulkanFunctions = &functions };
    return vmaCreateAllocator(&info, allocator);
}

static void *create(const struct bench_device *device) {
    struct vma *vma = calloc(1, sizeof *vma);
    PFN_vkGetDeviceProcAddr get =
        (PFN_vkGetDeviceProcAddr)device->get_instance_proc_addr(device->instance, "vkGetDeviceProcAddr");
    if (vma == NULL)
        return NULL;
    vma->device = device->device;
    vma->get_address = (PFN_vkGetBufferDeviceAddress)get(device->device, "vkGetBufferDeviceAddress");
    if (vma->get_address != NULL && create_allocator(device, get, &vma->allocator) == VK_SUCCESS)
        return vma;
    free(vma);
    return NULL;
}

static void destroy(void *self) {
    struct vma *vma = self;
    vmaDestroyAllocator(vma->allocator);
    free(vma);
}

/* In the order of enum trace_intent. */
static const VmaAllocationCreateInfo infos[TRACE_INTENT_COUNT] = {
    { .usage = VMA_MEMORY_USAGE_AUTO_PREFER_DEVICE, .requiredFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT },
    { .flags = VMA_ALLOCATION_CREATE_HOST_ACCESS_SEQUENTIAL_WRITE_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT,
      .usage = VMA_MEMORY_USAGE_AUTO_PREFER_HOST },
    { .flags = VMA_ALLOCATION_CREATE_HOST_ACCESS_RANDOM_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT,
      .usage = VMA_MEMORY_USAGE_AUTO_PREFER_HOST },
    { .flags = VMA_ALLOCATION_CREATE_HOST_ACCESS_SEQUENTIAL_WRITE_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT,
      .usage = VMA_MEMORY_USAGE_AUTO_PREFER_DEVICE,
      .requiredFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT },
};

static bool alloc_buffer(void *self, const struct trace_event *event, VkBufferUsageFlags usage,
                         struct replay_held *held) {
    struct vma *vma = self;
    const VkBufferCreateInfo buffer_info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                             .size = event->size,
                                             .usage = usage };
    VkBuffer buffer;
    VmaAllocation allocation;
    if (vmaCreateBufferWithAlignment(vma->allocator, &buffer_info, &infos[event->intent],
                                     (VkDeviceSize)1 << event->alignment_log2, &buffer, &allocation,
                                     NULL) != VK_SUCCESS)
        return false;
    const VkBufferDeviceAddressInfo address_info = { .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                                     .buffer = buffer };
    if (vma->get_address(vma->device, &address_info) == 0)
        bench_fail("a buffer without an address");
    *held = (struct replay_held){ (uint64_t)buffer, (uint64_t)(uintptr_t)allocation };
    return true;
}

static void free_one(void *self, const struct replay_held *held) {
    const struct vma *vma = self;
    vmaDestroyBuffer(vma->allocator, (VkBuffer)held->first, (VmaAllocation)(uintptr_t)held->second);
}

const struct replay_full_allocator replay_vma_buffers = { "vmaCreateBuffer", create, destroy, alloc_buffer, free_one };
