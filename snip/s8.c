#include <vulkan/vulkan.h>
#include <bdaalloc/bdaalloc.h>
#include <stdio.h>
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame);
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame){(void)instance;(void)physical_device;(void)device;(void)device_info;(void)staging;(void)timeline;(void)frame;(void)allocator_;
BdaAllocator allocator=allocator_;
/* This frame is the last to use the memory; the frame's submission signals `frame` on `timeline`. */
VkResult result = bda_free_after(allocator, staging.handle, timeline, frame);

/* Once a frame, anywhere. Never waits. */
if (result == VK_SUCCESS)
    result = bda_collect(allocator);
return result;}
