/*
 * The layer's view of who is below it: for every instance and every device the functions of the next layer or of the
 * driver. The loader marks all dispatchable objects that belong together with one pointer, their first word, and that
 * pointer is the key here.
 */
#ifndef RECORD_DISPATCH_H
#define RECORD_DISPATCH_H

#include <stdbool.h>

#include <vulkan/vk_layer.h>
#include <vulkan/vulkan_core.h>

struct rec_instance {
    struct rec_instance *older;
    void *key;
    VkInstance instance;
    PFN_vkGetInstanceProcAddr get_proc_addr;
    PFN_GetPhysicalDeviceProcAddr get_physical_device_proc_addr; /* NULL in old loaders */
    PFN_vkDestroyInstance destroy_instance;
    PFN_vkGetPhysicalDeviceMemoryProperties get_memory_properties;
    PFN_vkGetPhysicalDeviceMemoryProperties2 get_memory_properties2; /* NULL where there is no 1.1 */
};

/* Those that are newer than 1.0 are NULL where the device has them under neither name. */
struct rec_device {
    struct rec_device *older;
    void *key;
    VkDevice device;
    bool discrete;                           /* see discrete.h */
    VkPhysicalDeviceMemoryProperties memory; /* as the application sees it */
    PFN_vkGetDeviceProcAddr get_proc_addr;
    PFN_vkDestroyDevice destroy_device;
    PFN_vkAllocateMemory allocate_memory;
    PFN_vkFreeMemory free_memory;
    PFN_vkCreateBuffer create_buffer;
    PFN_vkDestroyBuffer destroy_buffer;
    PFN_vkBindBufferMemory bind_buffer_memory;
    PFN_vkBindBufferMemory2 bind_buffer_memory2;
    PFN_vkGetBufferMemoryRequirements get_buffer_requirements;
    PFN_vkGetBufferMemoryRequirements2 get_buffer_requirements2;
    PFN_vkGetImageMemoryRequirements get_image_requirements;
    PFN_vkGetImageMemoryRequirements2 get_image_requirements2;
    PFN_vkGetDeviceBufferMemoryRequirements get_device_buffer_requirements;
    PFN_vkGetDeviceImageMemoryRequirements get_device_image_requirements;
    PFN_vkGetMemoryFdPropertiesKHR get_memory_fd_properties;
    PFN_vkGetMemoryHostPointerPropertiesEXT get_memory_host_pointer_properties;
};

/* Called with what vkCreateInstance and vkCreateDevice of the next layer answered. NULL: out of host memory. */
struct rec_instance *rec_add_instance(VkInstance instance, PFN_vkGetInstanceProcAddr get_proc_addr,
                                      PFN_GetPhysicalDeviceProcAddr get_physical_device_proc_addr);
struct rec_device *rec_add_device(VkDevice device, PFN_vkGetDeviceProcAddr get_proc_addr);

/* By any dispatchable object of the instance (its physical devices) or of the device (its queues). NULL: unknown. */
struct rec_instance *rec_find_instance(void *object);
struct rec_device *rec_find_device(void *object);

/* Takes it out of the list; the caller frees it. */
struct rec_instance *rec_take_instance(void *object);
struct rec_device *rec_take_device(void *object);

#endif
