#include <vulkan/vulkan.h>
#include <bdaalloc/bdaalloc.h>
#include <stdio.h>
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame);
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame){(void)instance;(void)physical_device;(void)device;(void)device_info;(void)staging;(void)timeline;(void)frame;(void)allocator_;
BdaAllocator allocator=allocator_;
VkBufferCreateInfo buffer_info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                   .size = 1 << 20,
                                   .usage = VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT };
BdaAllocation vertices;
VkResult result = bda_alloc_buffer(allocator, &buffer_info, &(BdaAllocInfo){ .name = "vertices" }, &vertices);
return result;}
