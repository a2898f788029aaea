/*
 * VK_LAYER_BDA_record: a Vulkan layer that writes down which buffers a program creates and destroys, as a trace.
 *
 *     VK_LAYER_PATH=<build>/bench/record VK_INSTANCE_LAYERS=VK_LAYER_BDA_record BDA_RECORD_FILE=out.trace program
 *
 * Here are the functions that stand between the application and the next layer: each calls down and tells the recorder
 * (record.h) or, where asked, changes the memory types (discrete.h). How a layer is built and called is the loader's
 * "layer interface" document.
 */
#include "discrete.h"
#include "dispatch.h"
#include "record.h"

#include <stdlib.h>
#include <string.h>

/* ---- Instances and devices ---- */

/* The loader's part of the create info: whom to call next. A layer moves it on before it calls down. */
static VkLayerInstanceCreateInfo *instance_link(const VkInstanceCreateInfo *info) {
    VkLayerInstanceCreateInfo *link = (VkLayerInstanceCreateInfo *)info->pNext;
    while (link != NULL &&
           (link->sType != VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO || link->function != VK_LAYER_LINK_INFO))
        link = (VkLayerInstanceCreateInfo *)link->pNext;
    return link;
}

static VkLayerDeviceCreateInfo *device_link(const VkDeviceCreateInfo *info) {
    VkLayerDeviceCreateInfo *link = (VkLayerDeviceCreateInfo *)info->pNext;
    while (link != NULL &&
           (link->sType != VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO || link->function != VK_LAYER_LINK_INFO))
        link = (VkLayerDeviceCreateInfo *)link->pNext;
    return link;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info,
                                                      const VkAllocationCallbacks *callbacks, VkInstance *instance) {
    VkLayerInstanceCreateInfo *link = instance_link(info);
    if (link == NULL)
        return VK_ERROR_INITIALIZATION_FAILED;
    const VkLayerInstanceLink next = *link->u.pLayerInfo;
    link->u.pLayerInfo = next.pNext;
    PFN_vkCreateInstance create =
        (PFN_vkCreateInstance)next.pfnNextGetInstanceProcAddr(VK_NULL_HANDLE, "vkCreateInstance");
    VkResult result = create != NULL ? create(info, callbacks, instance) : VK_ERROR_INITIALIZATION_FAILED;
    if (result != VK_SUCCESS)
        return result;
    if (rec_add_instance(*instance, next.pfnNextGetInstanceProcAddr, next.pfnNextGetPhysicalDeviceProcAddr) != NULL)
        return VK_SUCCESS;
    ((PFN_vkDestroyInstance)next.pfnNextGetInstanceProcAddr(*instance, "vkDestroyInstance"))(*instance, callbacks);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VKAPI_ATTR void VKAPI_CALL destroy_instance(VkInstance instance, const VkAllocationCallbacks *callbacks) {
    struct rec_instance *own = instance != VK_NULL_HANDLE ? rec_take_instance(instance) : NULL;
    if (own != NULL)
        own->destroy_instance(instance, callbacks);
    free(own);
}

/* What the application knows of the memory, and the name of the GPU. */
static void describe(struct rec_device *device, const struct rec_instance *instance, VkPhysicalDevice physical) {
    VkPhysicalDeviceProperties properties = { .apiVersion = 0 };
    PFN_vkGetPhysicalDeviceProperties get =
        (PFN_vkGetPhysicalDeviceProperties)instance->get_proc_addr(instance->instance, "vkGetPhysicalDeviceProperties");
    get(physical, &properties);
    instance->get_memory_properties(physical, &device->memory);
    device->discrete = rec_discrete_wanted(&device->memory);
    if (device->discrete)
        rec_discrete_properties(&device->memory);
    rec_start(properties.deviceName);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                                                    const VkAllocationCallbacks *callbacks, VkDevice *device) {
    const struct rec_instance *instance = rec_find_instance(physical);
    VkLayerDeviceCreateInfo *link = device_link(info);
    if (instance == NULL || link == NULL)
        return VK_ERROR_INITIALIZATION_FAILED;
    const VkLayerDeviceLink next = *link->u.pLayerInfo;
    link->u.pLayerInfo = next.pNext;
    PFN_vkCreateDevice create =
        (PFN_vkCreateDevice)next.pfnNextGetInstanceProcAddr(instance->instance, "vkCreateDevice");
    VkResult result = create != NULL ? create(physical, info, callbacks, device) : VK_ERROR_INITIALIZATION_FAILED;
    if (result != VK_SUCCESS)
        return result;
    struct rec_device *own = rec_add_device(*device, next.pfnNextGetDeviceProcAddr);
    if (own != NULL) {
        describe(own, instance, physical);
        return VK_SUCCESS;
    }
    ((PFN_vkDestroyDevice)next.pfnNextGetDeviceProcAddr(*device, "vkDestroyDevice"))(*device, callbacks);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VKAPI_ATTR void VKAPI_CALL destroy_device(VkDevice device, const VkAllocationCallbacks *callbacks) {
    struct rec_device *own = device != VK_NULL_HANDLE ? rec_take_device(device) : NULL;
    if (own == NULL)
        return;
    rec_device_destroyed(device);
    own->destroy_device(device, callbacks);
    free(own);
}

/* ---- Memory and buffers ---- */

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice device, const VkMemoryAllocateInfo *info,
                                                      const VkAllocationCallbacks *callbacks, VkDeviceMemory *memory) {
    const struct rec_device *own = rec_find_device(device);
    VkMemoryAllocateInfo real = *info;
    if (own->discrete)
        real.memoryTypeIndex = 0;
    VkResult result = own->allocate_memory(device, &real, callbacks, memory);
    if (result == VK_SUCCESS)
        rec_memory_allocated(device, *memory, own->memory.memoryTypes[info->memoryTypeIndex].propertyFlags);
    return result;
}

static VKAPI_ATTR void VKAPI_CALL free_memory(VkDevice device, VkDeviceMemory memory,
                                              const VkAllocationCallbacks *callbacks) {
    if (memory != VK_NULL_HANDLE)
        rec_memory_freed(device, memory);
    rec_find_device(device)->free_memory(device, memory, callbacks);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice device, const VkBufferCreateInfo *info,
                                                    const VkAllocationCallbacks *callbacks, VkBuffer *buffer) {
    VkResult result = rec_find_device(device)->create_buffer(device, info, callbacks, buffer);
    if (result == VK_SUCCESS)
        rec_buffer_created(device, *buffer, info);
    return result;
}

static VKAPI_ATTR void VKAPI_CALL destroy_buffer(VkDevice device, VkBuffer buffer,
                                                 const VkAllocationCallbacks *callbacks) {
    if (buffer != VK_NULL_HANDLE)
        rec_buffer_destroyed(device, buffer);
    rec_find_device(device)->destroy_buffer(device, buffer, callbacks);
}

/* The driver is asked, since the application may have asked before, or not about this buffer. */
static void tell_bound(const struct rec_device *own, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset) {
    VkMemoryRequirements requirements;
    own->get_buffer_requirements(own->device, buffer, &requirements);
    rec_buffer_bound(own->device, buffer, memory, offset, requirements.alignment);
}

static VKAPI_ATTR VkResult VKAPI_CALL bind_buffer_memory(VkDevice device, VkBuffer buffer, VkDeviceMemory memory,
                                                         VkDeviceSize offset) {
    const struct rec_device *own = rec_find_device(device);
    VkResult result = own->bind_buffer_memory(device, buffer, memory, offset);
    if (result == VK_SUCCESS)
        tell_bound(own, buffer, memory, offset);
    return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL bind_buffer_memory2(VkDevice device, uint32_t count,
                                                          const VkBindBufferMemoryInfo *infos) {
    const struct rec_device *own = rec_find_device(device);
    VkResult result = own->bind_buffer_memory2(device, count, infos);
    for (uint32_t i = 0; result == VK_SUCCESS && i < count; i++)
        tell_bound(own, infos[i].buffer, infos[i].memory, infos[i].memoryOffset);
    return result;
}

/* ---- Memory types: the application's view ---- */

static VKAPI_ATTR void VKAPI_CALL get_memory_properties(VkPhysicalDevice physical,
                                                        VkPhysicalDeviceMemoryProperties *memory) {
    rec_find_instance(physical)->get_memory_properties(physical, memory);
    if (rec_discrete_wanted(memory))
        rec_discrete_properties(memory);
}

static VKAPI_ATTR void VKAPI_CALL get_memory_properties2(VkPhysicalDevice physical,
                                                         VkPhysicalDeviceMemoryProperties2 *memory) {
    rec_find_instance(physical)->get_memory_properties2(physical, memory);
    if (!rec_discrete_wanted(&memory->memoryProperties))
        return;
    rec_discrete_properties(&memory->memoryProperties);
    rec_discrete_budget(memory->pNext);
}

static void show_bits(const struct rec_device *own, uint32_t *bits) {
    if (own->discrete)
        *bits = rec_discrete_bits(*bits);
}

static VKAPI_ATTR void VKAPI_CALL get_buffer_requirements(VkDevice device, VkBuffer buffer,
                                                          VkMemoryRequirements *requirements) {
    const struct rec_device *own = rec_find_device(device);
    own->get_buffer_requirements(device, buffer, requirements);
    show_bits(own, &requirements->memoryTypeBits);
}

static VKAPI_ATTR void VKAPI_CALL get_buffer_requirements2(VkDevice device, const VkBufferMemoryRequirementsInfo2 *info,
                                                           VkMemoryRequirements2 *requirements) {
    const struct rec_device *own = rec_find_device(device);
    own->get_buffer_requirements2(device, info, requirements);
    show_bits(own, &requirements->memoryRequirements.memoryTypeBits);
}

static VKAPI_ATTR void VKAPI_CALL get_image_requirements(VkDevice device, VkImage image,
                                                         VkMemoryRequirements *requirements) {
    const struct rec_device *own = rec_find_device(device);
    own->get_image_requirements(device, image, requirements);
    show_bits(own, &requirements->memoryTypeBits);
}

static VKAPI_ATTR void VKAPI_CALL get_image_requirements2(VkDevice device, const VkImageMemoryRequirementsInfo2 *info,
                                                          VkMemoryRequirements2 *requirements) {
    const struct rec_device *own = rec_find_device(device);
    own->get_image_requirements2(device, info, requirements);
    show_bits(own, &requirements->memoryRequirements.memoryTypeBits);
}

static VKAPI_ATTR void VKAPI_CALL get_device_buffer_requirements(VkDevice device,
                                                                 const VkDeviceBufferMemoryRequirements *info,
                                                                 VkMemoryRequirements2 *requirements) {
    const struct rec_device *own = rec_find_device(device);
    own->get_device_buffer_requirements(device, info, requirements);
    show_bits(own, &requirements->memoryRequirements.memoryTypeBits);
}

static VKAPI_ATTR void VKAPI_CALL get_device_image_requirements(VkDevice device,
                                                                const VkDeviceImageMemoryRequirements *info,
                                                                VkMemoryRequirements2 *requirements) {
    const struct rec_device *own = rec_find_device(device);
    own->get_device_image_requirements(device, info, requirements);
    show_bits(own, &requirements->memoryRequirements.memoryTypeBits);
}

static VKAPI_ATTR VkResult VKAPI_CALL get_memory_fd_properties(VkDevice device, VkExternalMemoryHandleTypeFlagBits type,
                                                               int fd, VkMemoryFdPropertiesKHR *properties) {
    const struct rec_device *own = rec_find_device(device);
    VkResult result = own->get_memory_fd_properties(device, type, fd, properties);
    show_bits(own, &properties->memoryTypeBits);
    return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL get_memory_host_pointer_properties(VkDevice device,
                                                                         VkExternalMemoryHandleTypeFlagBits type,
                                                                         const void *pointer,
                                                                         VkMemoryHostPointerPropertiesEXT *properties) {
    const struct rec_device *own = rec_find_device(device);
    VkResult result = own->get_memory_host_pointer_properties(device, type, pointer, properties);
    show_bits(own, &properties->memoryTypeBits);
    return result;
}

/* ---- How the loader finds all that ---- */

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_instance_proc_addr(VkInstance instance, const char *name);
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc_addr(VkDevice device, const char *name);

struct entry {
    const char *name;
    PFN_vkVoidFunction function;
};

#define ENTRY(name, function)                                                                                          \
    { name, (PFN_vkVoidFunction)(function) }

static const struct entry instance_entries[] = {
    ENTRY("vkGetInstanceProcAddr", get_instance_proc_addr),
    ENTRY("vkCreateInstance", create_instance),
    ENTRY("vkDestroyInstance", destroy_instance),
    ENTRY("vkCreateDevice", create_device),
    ENTRY("vkGetPhysicalDeviceMemoryProperties", get_memory_properties),
    ENTRY("vkGetPhysicalDeviceMemoryProperties2", get_memory_properties2),
    ENTRY("vkGetPhysicalDeviceMemoryProperties2KHR", get_memory_properties2),
    { NULL, NULL },
};

static const struct entry device_entries[] = {
    ENTRY("vkGetDeviceProcAddr", get_device_proc_addr),
    ENTRY("vkDestroyDevice", destroy_device),
    ENTRY("vkAllocateMemory", allocate_memory),
    ENTRY("vkFreeMemory", free_memory),
    ENTRY("vkCreateBuffer", create_buffer),
    ENTRY("vkDestroyBuffer", destroy_buffer),
    ENTRY("vkBindBufferMemory", bind_buffer_memory),
    ENTRY("vkBindBufferMemory2", bind_buffer_memory2),
    ENTRY("vkBindBufferMemory2KHR", bind_buffer_memory2),
    ENTRY("vkGetBufferMemoryRequirements", get_buffer_requirements),
    ENTRY("vkGetBufferMemoryRequirements2", get_buffer_requirements2),
    ENTRY("vkGetBufferMemoryRequirements2KHR", get_buffer_requirements2),
    ENTRY("vkGetImageMemoryRequirements", get_image_requirements),
    ENTRY("vkGetImageMemoryRequirements2", get_image_requirements2),
    ENTRY("vkGetImageMemoryRequirements2KHR", get_image_requirements2),
    ENTRY("vkGetDeviceBufferMemoryRequirements", get_device_buffer_requirements),
    ENTRY("vkGetDeviceBufferMemoryRequirementsKHR", get_device_buffer_requirements),
    ENTRY("vkGetDeviceImageMemoryRequirements", get_device_image_requirements),
    ENTRY("vkGetDeviceImageMemoryRequirementsKHR", get_device_image_requirements),
    ENTRY("vkGetMemoryFdPropertiesKHR", get_memory_fd_properties),
    ENTRY("vkGetMemoryHostPointerPropertiesEXT", get_memory_host_pointer_properties),
    { NULL, NULL },
};

static PFN_vkVoidFunction look_up(const struct entry *entries, const char *name) {
    while (entries->name != NULL && strcmp(entries->name, name) != 0)
        entries++;
    return entries->function;
}

/* Ours stand in only for what is there below: an extension that is not enabled stays away. */
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc_addr(VkDevice device, const char *name) {
    const struct rec_device *own = device != VK_NULL_HANDLE ? rec_find_device(device) : NULL;
    PFN_vkVoidFunction below = own != NULL ? own->get_proc_addr(device, name) : NULL;
    PFN_vkVoidFunction ours = look_up(device_entries, name);
    return below != NULL && ours != NULL ? ours : below;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_instance_proc_addr(VkInstance instance, const char *name) {
    PFN_vkVoidFunction ours = look_up(instance_entries, name);
    if (instance == VK_NULL_HANDLE)
        return ours;
    const struct rec_instance *own = rec_find_instance(instance);
    PFN_vkVoidFunction below = own != NULL ? own->get_proc_addr(instance, name) : NULL;
    if (ours == NULL)
        ours = look_up(device_entries, name);
    return below != NULL && ours != NULL ? ours : below;
}

/* Physical device functions that the loader itself does not know; none of them is ours. */
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_physical_device_proc_addr(VkInstance instance, const char *name) {
    const struct rec_instance *own = rec_find_instance(instance);
    return own != NULL && own->get_physical_device_proc_addr != NULL
               ? own->get_physical_device_proc_addr(instance, name)
               : NULL;
}

/* The one function that is exported. */
VK_LAYER_EXPORT VKAPI_ATTR VkResult VKAPI_CALL
vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *negotiation) {
    if (negotiation->loaderLayerInterfaceVersion < CURRENT_LOADER_LAYER_INTERFACE_VERSION)
        return VK_ERROR_INITIALIZATION_FAILED;
    negotiation->loaderLayerInterfaceVersion = CURRENT_LOADER_LAYER_INTERFACE_VERSION;
    negotiation->pfnGetInstanceProcAddr = get_instance_proc_addr;
    negotiation->pfnGetDeviceProcAddr = get_device_proc_addr;
    negotiation->pfnGetPhysicalDeviceProcAddr = get_physical_device_proc_addr;
    return VK_SUCCESS;
}
