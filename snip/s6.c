#include <vulkan/vulkan.h>
#include <bdaalloc/bdaalloc.h>
#include <stdio.h>
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame);
VkResult f(BdaAllocator allocator_, VkInstance instance, VkPhysicalDevice physical_device, VkDevice device, VkDeviceCreateInfo device_info, BdaAllocation staging, VkSemaphore timeline, uint64_t frame){(void)instance;(void)physical_device;(void)device;(void)device_info;(void)staging;(void)timeline;(void)frame;(void)allocator_;
BdaAllocator allocator=allocator_;
BdaPoolInfo pool_info = { .intent = BDA_INTENT_DEVICE, .limit = 512 << 20, .name = "streamed meshes" };
BdaPool pool;
VkResult result = bda_create_pool(allocator, &pool_info, &pool);
if (result == VK_SUCCESS) {
    BdaAllocation mesh;
    result = bda_alloc(allocator, &(BdaAllocInfo){ .size = 65536, .pool = pool }, &mesh);
    /* ... */
    result = bda_destroy_pool(allocator, pool); /* VK_INCOMPLETE if something in it was still live */
}
return result;}
