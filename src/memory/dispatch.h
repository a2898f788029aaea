/*
 * The door to Vulkan: every entry point that the library ever calls, and no other.
 *
 * All of them are reached from the caller's vkGetInstanceProcAddr, so the library links no loader and a test's fake
 * driver comes in by the same door. A function that a Vulkan version has taken in is asked for by its core name where
 * the version is in use, else by its extension name where the extension is enabled: asking for a name that is neither
 * may answer with a pointer that must not be called (Vulkan, "Function Pointers").
 */
#ifndef BDA_MEMORY_DISPATCH_H
#define BDA_MEMORY_DISPATCH_H

#include "memory/features.h"

struct bda_dispatch {
    /* instance */
    PFN_vkGetDeviceProcAddr get_device_proc_addr;
    PFN_vkGetPhysicalDeviceProperties2 get_properties;
    PFN_vkGetPhysicalDeviceMemoryProperties2 get_memory_properties;
    PFN_vkSetDebugUtilsObjectNameEXT set_object_name; /* NULL without VK_EXT_debug_utils */
    /* memory */
    PFN_vkAllocateMemory allocate_memory;
    PFN_vkFreeMemory free_memory;
    PFN_vkMapMemory map_memory;
    PFN_vkFlushMappedMemoryRanges flush_mapped_ranges;
    PFN_vkInvalidateMappedMemoryRanges invalidate_mapped_ranges;
    /* buffers */
    PFN_vkCreateBuffer create_buffer;
    PFN_vkDestroyBuffer destroy_buffer;
    PFN_vkGetBufferMemoryRequirements2 get_buffer_requirements;
    PFN_vkBindBufferMemory bind_buffer_memory;
    PFN_vkGetBufferDeviceAddress get_buffer_address;
    /* commands; NULL where nobody has asked for them */
    PFN_vkCmdFillBuffer cmd_fill_buffer;
    PFN_vkCmdCopyBuffer cmd_copy_buffer;
    PFN_vkCmdPipelineBarrier cmd_pipeline_barrier;
    /* timeline semaphores */
    PFN_vkGetSemaphoreCounterValue get_semaphore_value; /* NULL without the feature */
};

/* Adds the commands, which checking modes alone record, to a table that is filled. NULL, or the name of the first one
 * that is missing. */
const char *bda_dispatch_load_commands(struct bda_dispatch *dispatch, VkDevice device);

/* Fills the table but for commands; NULL, or the name of the first function that is missing. */
const char *bda_dispatch_load(struct bda_dispatch *dispatch, PFN_vkGetInstanceProcAddr get_instance_proc_addr,
                              VkInstance instance, VkDevice device, uint32_t api_version,
                              const struct bda_features *features);

#endif
