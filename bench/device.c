/* The device, see device.h. */
#include <volk.h>

#include "device.h"

#include "fake/fake_vulkan.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_DEVICES = 16 };

/* What device_info points into must stay where it is. */
static struct {
    struct bench_device device;
    char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
    VkDeviceQueueCreateInfo queue_info;
    VkPhysicalDeviceVulkan12Features features12;
    VkPhysicalDeviceMaintenance4Features maintenance4;
    VkDeviceCreateInfo device_info;
    struct fake_driver *fake;
} current;

static const struct bench_device *give_up(const char *why) {
    printf("driver: left out, %s\n", why);
    bench_device_close();
    return NULL;
}

/* ---- A real one ---- */

static VkResult create_instance(void) {
    const VkApplicationInfo application = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                            .pApplicationName = "bda_bench",
                                            .apiVersion = VK_API_VERSION_1_3 };
    const VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                        .pApplicationInfo = &application };
    VkResult result = vkCreateInstance(&info, NULL, &current.device.instance);
    if (result == VK_SUCCESS)
        volkLoadInstance(current.device.instance);
    return result;
}

static bool serves(VkPhysicalDevice device) {
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(device, &properties);
    if (properties.apiVersion < VK_API_VERSION_1_2)
        return false;
    VkPhysicalDeviceVulkan12Features has12 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES };
    VkPhysicalDeviceFeatures2 has = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &has12 };
    vkGetPhysicalDeviceFeatures2(device, &has);
    return has12.bufferDeviceAddress == VK_TRUE;
}

/* Real GPUs before others; the first of equals. */
static int rank(VkPhysicalDevice device) {
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(device, &properties);
    if (properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU)
        return 3;
    return properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ? 2 : 1;
}

static VkPhysicalDevice choose_device(void) {
    VkPhysicalDevice devices[MOST_DEVICES], best = VK_NULL_HANDLE;
    uint32_t count = MOST_DEVICES;
    VkResult result = vkEnumeratePhysicalDevices(current.device.instance, &count, devices);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        return VK_NULL_HANDLE;
    const char *wish = getenv("BDA_DEVICE");
    for (uint32_t i = 0; i < count; i++) {
        if ((wish != NULL && strtoul(wish, NULL, 10) != i) || !serves(devices[i]))
            continue;
        if (best == VK_NULL_HANDLE || rank(devices[i]) > rank(best))
            best = devices[i];
    }
    return best;
}

static bool has_maintenance4(VkPhysicalDevice device) {
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(device, &properties);
    VkPhysicalDeviceMaintenance4Features has4 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES };
    VkPhysicalDeviceFeatures2 has = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &has4 };
    if (properties.apiVersion < VK_API_VERSION_1_3)
        return false;
    vkGetPhysicalDeviceFeatures2(device, &has);
    return has4.maintenance4 == VK_TRUE;
}

/* As an application would make it that is about as new as its driver: it is Vulkan 1.3, and maintenance4 is on, where
 * the driver has them. */
static VkResult create_device(void) {
    bool newer = has_maintenance4(current.device.physical_device);
    static const float priority = 1.0f;
    current.queue_info = (VkDeviceQueueCreateInfo){ .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                                    .queueCount = 1,
                                                    .pQueuePriorities = &priority };
    current.features12 =
        (VkPhysicalDeviceVulkan12Features){ .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                            .bufferDeviceAddress = VK_TRUE };
    current.maintenance4 =
        (VkPhysicalDeviceMaintenance4Features){ .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_FEATURES,
                                                .maintenance4 = VK_TRUE };
    current.features12.pNext = newer ? &current.maintenance4 : NULL;
    current.device.api_version = newer ? VK_API_VERSION_1_3 : VK_API_VERSION_1_2;
    current.device_info = (VkDeviceCreateInfo){ .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                                .pNext = &current.features12,
                                                .queueCreateInfoCount = 1,
                                                .pQueueCreateInfos = &current.queue_info };
    return vkCreateDevice(current.device.physical_device, &current.device_info, NULL, &current.device.device);
}

const struct bench_device *bench_device_open(void) {
    if (volkInitialize() != VK_SUCCESS)
        return give_up("there is no Vulkan loader");
    if (create_instance() != VK_SUCCESS)
        return give_up("there is no Vulkan driver");
    current.device.physical_device = choose_device();
    if (current.device.physical_device == VK_NULL_HANDLE)
        return give_up("no device has bufferDeviceAddress (or the number that BDA_DEVICE says)");
    if (create_device() != VK_SUCCESS)
        return give_up("the device could not be made");
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(current.device.physical_device, &properties);
    (void)snprintf(current.name, sizeof current.name, "%s", properties.deviceName);
    current.device.name = current.name;
    current.device.get_instance_proc_addr = vkGetInstanceProcAddr;
    current.device.device_info = &current.device_info;
    return &current.device;
}

/* ---- The fake one ---- */

const struct bench_device *bench_device_open_fake(void) {
    const struct fake_config config = { .quiet = true };
    return bench_device_open_fake_as(&config);
}

const struct bench_device *bench_device_open_fake_as(const struct fake_config *config) {
    current.fake = fake_create(config);
    if (current.fake == NULL)
        return give_up("out of memory");
    BdaAllocatorInfo info = fake_allocator_info(current.fake);
    current.device = (struct bench_device){ .name = "the fake driver",
                                            .instance = info.instance,
                                            .physical_device = info.physical_device,
                                            .device = info.device,
                                            .get_instance_proc_addr = info.get_instance_proc_addr,
                                            .device_info = info.device_info,
                                            .api_version = info.api_version };
    return &current.device;
}

void bench_device_close(void) {
    if (current.fake != NULL) {
        (void)fake_destroy(current.fake);
    } else {
        if (current.device.device != VK_NULL_HANDLE)
            vkDestroyDevice(current.device.device, NULL);
        if (current.device.instance != VK_NULL_HANDLE)
            vkDestroyInstance(current.device.instance, NULL);
    }
    current.device = (struct bench_device){ .device = VK_NULL_HANDLE };
    current.fake = NULL;
}
