#include <volk.h>

#include <bdaalloc/bdaalloc.h>

VkResult make_allocator(VkInstance instance, VkPhysicalDevice physical_device, VkDevice device,
                        const VkDeviceCreateInfo *device_info, BdaAllocator *allocator) {
    BdaAllocatorInfo info = {
        .api_version = VK_API_VERSION_1_2, /* what VkApplicationInfo::apiVersion was */
        .instance = instance,
        .physical_device = physical_device,
        .device = device,
        .get_instance_proc_addr = vkGetInstanceProcAddr,
        .device_info = device_info,
    };
    return bda_create_allocator(&info, allocator);
}
