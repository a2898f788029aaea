/*
 * A discrete GPU's memory types on a driver that has only one.
 *
 * On a software driver all memory is device-local and host-visible at once, so what a program wanted of a buffer's
 * memory cannot be told from what it got, and programs leave out the staging buffers that they make on a discrete GPU.
 * With BDA_RECORD_MEMORY=discrete the application sees the heaps and types of a discrete GPU of which the CPU can reach
 * a window of 256 MiB, and whichever type it chooses is the driver's only one. This alone changes what the application
 * does; without it the layer only watches.
 */
#ifndef RECORD_DISCRETE_H
#define RECORD_DISCRETE_H

#include <stdbool.h>
#include <stdint.h>

#include <vulkan/vulkan_core.h>

/* Whether it is asked for, and the driver is one to do it with: one heap and one type that has every property. */
bool rec_discrete_wanted(const VkPhysicalDeviceMemoryProperties *real);

/* Turns the driver's properties into those of the discrete GPU. */
void rec_discrete_properties(VkPhysicalDeviceMemoryProperties *memory);

/* The same for the budget in a chain, where there is one. */
void rec_discrete_budget(void *chain);

/* Memory type bits of the driver as the application is to see them. */
uint32_t rec_discrete_bits(uint32_t real_bits);

#endif
