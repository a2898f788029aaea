/*
 * The recorder: learns what happens to buffers and memory, and writes the trace. Any thread may call; the trace tells
 * the calls in the order in which they came in here.
 *
 * A buffer enters the trace when it is bound, since only then it is known in what kind of memory it lives; one that is
 * never bound, or bound sparsely, is no event. Buffers bound to the same place are one (Mesa's zink makes two for each
 * of its resources, with different usage): it is alive from the first one's binding to the last one's end.
 * Its size and usage are those of the first. A usage given by VkBufferUsageFlags2CreateInfo alone is not seen.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <vulkan/vulkan_core.h>

/* A device was made. Opens the file that BDA_RECORD_FILE names, at the first one; without it nothing is ever written.
 * BDA_RECORD_EVENTS cuts the trace after so many events. */
void rec_start(const char *device_name);

void rec_memory_allocated(VkDevice device, VkDeviceMemory memory, VkMemoryPropertyFlags properties);
void rec_memory_freed(VkDevice device, VkDeviceMemory memory);

void rec_buffer_created(VkDevice device, VkBuffer buffer, const VkBufferCreateInfo *info);
void rec_buffer_bound(VkDevice device, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset,
                      VkDeviceSize alignment);
/* Before the driver destroys it: from then on another thread may be given the same handle. */
void rec_buffer_destroyed(VkDevice device, VkBuffer buffer);

/* Whatever the application left alive in it is no more; in the trace it stays alive, as it was. */
void rec_device_destroyed(VkDevice device);

#endif
