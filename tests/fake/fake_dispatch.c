/*
 * The dispatch table: every name, what offers it, and vkGet*ProcAddr over it.
 *
 * A function is offered by the api version that took it into the core, or by the extension that a feature bit stands
 * for. vkGetInstanceProcAddr answers what the instance can know of: for functions of the device it goes, as the loader
 * does, by the instance's version and what the physical device supports, so calling one that the device lacks is the
 * caller's mistake and recorded by fake_enter.
 */
#include "fake_internal.h"

/* No version has taken it in. */
#define NEVER UINT32_MAX

struct fake_entry {
    const char *name;
    enum fake_level level;
    uint32_t version;      /* whose core has it */
    uint32_t feature;      /* whose extension has it under this name; 0: none */
    uint32_t core_version; /* from which on that extension is no longer needed */
    PFN_vkVoidFunction function;
};

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc_addr(VkDevice device, const char *name);

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_instance_version(uint32_t *version) {
    *version = VK_API_VERSION_1_3;
    return VK_SUCCESS;
}

#define F(function) ((PFN_vkVoidFunction)(function))
#define V1_0        VK_API_VERSION_1_0
#define V1_1        VK_API_VERSION_1_1
#define V1_2        VK_API_VERSION_1_2
#define V1_3        VK_API_VERSION_1_3
#define PHYSICAL    FAKE_LEVEL_PHYSICAL_DEVICE
#define DEVICE      FAKE_LEVEL_DEVICE
#define OLD         FAKE_EXTENSIONS_OF_1_1
#define ADDRESS     FAKE_BUFFER_DEVICE_ADDRESS
#define TIMELINE    FAKE_TIMELINE_SEMAPHORE

/* clang-format off */
static const struct fake_entry entries[] = {
    { "vkEnumerateInstanceVersion", FAKE_LEVEL_GLOBAL, V1_1, 0, 0, F(enumerate_instance_version) },
    { "vkGetInstanceProcAddr", FAKE_LEVEL_INSTANCE, V1_0, 0, 0, F(fake_get_instance_proc_addr) },
    { "vkGetDeviceProcAddr", DEVICE, V1_0, 0, 0, F(get_device_proc_addr) },
    { "vkGetPhysicalDeviceProperties", PHYSICAL, V1_0, 0, 0, F(fake_get_physical_device_properties) },
    { "vkGetPhysicalDeviceProperties2", PHYSICAL, V1_1, 0, 0, F(fake_get_physical_device_properties_2) },
    { "vkGetPhysicalDeviceProperties2KHR", PHYSICAL, NEVER, OLD, V1_1, F(fake_get_physical_device_properties_2_khr) },
    { "vkGetPhysicalDeviceQueueFamilyProperties", PHYSICAL, V1_0, 0, 0,
      F(fake_get_physical_device_queue_family_properties) },
    { "vkGetPhysicalDeviceMemoryProperties", PHYSICAL, V1_0, 0, 0, F(fake_get_physical_device_memory_properties) },
    { "vkGetPhysicalDeviceMemoryProperties2", PHYSICAL, V1_1, 0, 0, F(fake_get_physical_device_memory_properties_2) },
    { "vkGetPhysicalDeviceMemoryProperties2KHR", PHYSICAL, NEVER, OLD, V1_1,
      F(fake_get_physical_device_memory_properties_2_khr) },
    { "vkGetPhysicalDeviceFeatures2", PHYSICAL, V1_1, 0, 0, F(fake_get_physical_device_features_2) },
    { "vkGetPhysicalDeviceFeatures2KHR", PHYSICAL, NEVER, OLD, V1_1, F(fake_get_physical_device_features_2_khr) },
    { "vkAllocateMemory", DEVICE, V1_0, 0, 0, F(fake_allocate_memory) },
    { "vkFreeMemory", DEVICE, V1_0, 0, 0, F(fake_free_memory) },
    { "vkMapMemory", DEVICE, V1_0, 0, 0, F(fake_map_memory) },
    { "vkUnmapMemory", DEVICE, V1_0, 0, 0, F(fake_unmap_memory) },
    { "vkFlushMappedMemoryRanges", DEVICE, V1_0, 0, 0, F(fake_flush) },
    { "vkInvalidateMappedMemoryRanges", DEVICE, V1_0, 0, 0, F(fake_invalidate) },
    { "vkCreateBuffer", DEVICE, V1_0, 0, 0, F(fake_create_buffer) },
    { "vkDestroyBuffer", DEVICE, V1_0, 0, 0, F(fake_destroy_buffer) },
    { "vkGetBufferMemoryRequirements", DEVICE, V1_0, 0, 0, F(fake_get_buffer_requirements) },
    { "vkGetBufferMemoryRequirements2", DEVICE, V1_1, 0, 0, F(fake_get_buffer_requirements_2) },
    { "vkGetBufferMemoryRequirements2KHR", DEVICE, NEVER, OLD, V1_1, F(fake_get_buffer_requirements_2_khr) },
    { "vkGetDeviceBufferMemoryRequirements", DEVICE, V1_3, 0, 0, F(fake_get_device_buffer_requirements) },
    { "vkGetDeviceBufferMemoryRequirementsKHR", DEVICE, NEVER, FAKE_MAINTENANCE_4, V1_3,
      F(fake_get_device_buffer_requirements_khr) },
    { "vkBindBufferMemory", DEVICE, V1_0, 0, 0, F(fake_bind_buffer) },
    { "vkBindBufferMemory2", DEVICE, V1_1, 0, 0, F(fake_bind_buffer_2) },
    { "vkBindBufferMemory2KHR", DEVICE, NEVER, OLD, V1_1, F(fake_bind_buffer_2_khr) },
    { "vkGetBufferDeviceAddress", DEVICE, V1_2, 0, 0, F(fake_get_buffer_address) },
    { "vkGetBufferDeviceAddressKHR", DEVICE, NEVER, ADDRESS, V1_2, F(fake_get_buffer_address_khr) },
    { "vkCmdFillBuffer", DEVICE, V1_0, 0, 0, F(fake_fill) },
    { "vkCmdCopyBuffer", DEVICE, V1_0, 0, 0, F(fake_copy) },
    { "vkCmdPipelineBarrier", DEVICE, V1_0, 0, 0, F(fake_barrier) },
    { "vkCreateSemaphore", DEVICE, V1_0, 0, 0, F(fake_create_semaphore) },
    { "vkDestroySemaphore", DEVICE, V1_0, 0, 0, F(fake_destroy_semaphore) },
    { "vkGetSemaphoreCounterValue", DEVICE, V1_2, 0, 0, F(fake_get_semaphore_value) },
    { "vkGetSemaphoreCounterValueKHR", DEVICE, NEVER, TIMELINE, V1_2, F(fake_get_semaphore_value_khr) },
    { "vkSetDebugUtilsObjectNameEXT", DEVICE, NEVER, FAKE_DEBUG_UTILS, 0, F(fake_set_object_name) },
    { "vkGetDeviceFaultInfoEXT", DEVICE, NEVER, FAKE_DEVICE_FAULT, 0, F(fake_get_device_fault_info) },
};
/* clang-format on */

static const struct fake_entry *entry_of(const char *name) {
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        if (strcmp(entries[i].name, name) == 0) {
            return &entries[i];
        }
    }
    return NULL;
}

static bool device_offers(const struct fake_driver *driver, const struct fake_entry *entry) {
    if (entry->version != NEVER) {
        return driver->version >= entry->version;
    }
    return fake_extension_on(driver, entry->feature, entry->core_version);
}

/* The loader knows the functions of all core versions that the instance asked for, and of the device's extensions. */
static bool instance_offers(const struct fake_driver *driver, const struct fake_entry *entry) {
    if (entry->level == DEVICE && entry->version != NEVER) {
        return driver->config.instance_version >= entry->version;
    }
    return device_offers(driver, entry);
}

bool fake_offers(const struct fake_driver *driver, const char *name) {
    const struct fake_entry *entry = entry_of(name);
    return entry != NULL && device_offers(driver, entry);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL fake_get_instance_proc_addr(VkInstance instance, const char *name) {
    const struct fake_entry *entry = entry_of(name);
    if (instance == VK_NULL_HANDLE) {
        bool global = entry != NULL && (entry->level == FAKE_LEVEL_GLOBAL ||
                                        entry->function == (PFN_vkVoidFunction)fake_get_instance_proc_addr);
        return global ? entry->function : NULL;
    }
    struct fake_driver *driver =
        fake_enter(instance, FAKE_LEVEL_INSTANCE, FAKE_CALL_GET_PROC_ADDR, "vkGetInstanceProcAddr");
    bool missing = fake_injected(driver, FAKE_CALL_GET_PROC_ADDR) != VK_SUCCESS;
    /* With an instance, the loader answers NULL for the functions that want none. */
    bool known = entry != NULL && entry->level != FAKE_LEVEL_GLOBAL && instance_offers(driver, entry);
    fake_leave(driver);
    return known && !missing ? entry->function : NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc_addr(VkDevice device, const char *name) {
    struct fake_driver *driver = fake_enter(device, DEVICE, FAKE_CALL_GET_PROC_ADDR, "vkGetDeviceProcAddr");
    const struct fake_entry *entry = entry_of(name);
    bool missing = fake_injected(driver, FAKE_CALL_GET_PROC_ADDR) != VK_SUCCESS;
    bool known = entry != NULL && entry->level == DEVICE && device_offers(driver, entry);
    fake_leave(driver);
    return known && !missing ? entry->function : NULL;
}
