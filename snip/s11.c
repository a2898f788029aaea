#include <vulkan/vulkan.h>
#include <bdaalloc/bdaalloc.h>
#include <stdio.h>
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame);
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame){(void)instance;(void)physical_device;(void)device;(void)device_info;(void)staging;(void)timeline;(void)frame;(void)allocator_;
BdaAllocator allocator=allocator_;
BdaStats stats;
if (bda_get_stats(allocator, &stats) == VK_SUCCESS)
    printf("%llu allocations, %llu of %llu bytes used\n", (unsigned long long)stats.total.allocation_count,
           (unsigned long long)stats.total.used, (unsigned long long)stats.total.reserved);
VkResult result=VK_SUCCESS;
return result;}
