/*
 * Memory types: which of a device's VkMemoryTypes serve an intent, and which of them to try first.
 *
 * Knows nothing but the table that the driver reports, so that it can be tested on the tables of devices that nobody
 * here owns. Whether a heap still has room is its caller's to find out: it tries the types in this order.
 *
 * Vulkan: "Memory Allocation", chapter "Device Memory", VkPhysicalDeviceMemoryProperties.
 */
#ifndef BDA_MEMORY_MEMORY_TYPES_H
#define BDA_MEMORY_MEMORY_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

#include <bdaalloc/bdaalloc.h>

/*
 * Orders the memory types in `type_bits` that can serve `intent`, best first, into `order`; returns how many (0: none).
 * Pure. What the intent requires holds for every one of them, unless `host_fallback` is set and the intent requires
 * DEVICE_LOCAL: then host memory follows the proper types, and SHARED keeps HOST_VISIBLE even there.
 */
uint32_t bda_order_memory_types(const VkPhysicalDeviceMemoryProperties *properties, BdaIntent intent,
                                bool host_fallback, uint32_t type_bits, uint32_t order[VK_MAX_MEMORY_TYPES]);

#endif
