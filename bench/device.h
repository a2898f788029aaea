/*
 * The Vulkan device of the measurements that have one: a real one through the loader, or the fake driver of the tests.
 * Contenders that are made for a device take everything from here.
 */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include <vulkan/vulkan_core.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench_device {
    const char *name;
    VkInstance instance;
    VkPhysicalDevice physical_device;
    VkDevice device;
    PFN_vkGetInstanceProcAddr get_instance_proc_addr;
    const VkDeviceCreateInfo *device_info;
    uint32_t api_version;
};

/* The buffers that every contender makes, but for their size: what a renderer that lives on pointers would ask for. */
#define BENCH_BUFFER_USAGE                                                                                             \
    (VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT)

/* NULL, with a line on stdout, where there is no driver. BDA_DEVICE=<index> chooses one; else a discrete GPU is
 * preferred. One at a time. */
const struct bench_device *bench_device_open(void);
const struct bench_device *bench_device_open_fake(void);
/* One of the caller's making. */
struct fake_config;
const struct bench_device *bench_device_open_fake_as(const struct fake_config *config);
void bench_device_close(void);

#ifdef __cplusplus
}
#endif

#endif
