#include <vulkan/vulkan.h>
#include <bdaalloc/bdaalloc.h>
#include <stdio.h>
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame);
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame){(void)instance;(void)physical_device;(void)device;(void)device_info;(void)staging;(void)timeline;(void)frame;(void)allocator_;
BdaAllocator allocator=allocator_;
VkResult result = bda_warm_up(allocator, &(BdaAllocInfo){ .intent = BDA_INTENT_UPLOAD }, 16 << 20);
VkBufferCreateInfo like = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 65536,
                            .usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT };
if (result == VK_SUCCESS)
    result = bda_warm_up_buffers(allocator, &like, NULL, 64 << 20);
return result;}
