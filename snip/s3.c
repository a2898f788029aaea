#include <vulkan/vulkan.h>
#include <bdaalloc/bdaalloc.h>
#include <stdio.h>
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame);
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame){(void)instance;(void)physical_device;(void)device;(void)device_info;(void)staging;(void)timeline;(void)frame;(void)allocator_;
BdaAllocatorInfo allocator_info = { .api_version = VK_API_VERSION_1_2, .instance = instance,
                                    .physical_device = physical_device, .device = device,
                                    .get_instance_proc_addr = vkGetInstanceProcAddr,
                                    .device_info = &device_info };
BdaAllocator allocator;
VkResult result = bda_create_allocator(&allocator_info, &allocator);
return result;}
