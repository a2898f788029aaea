/*
 * What the examples share: an instance, a device, one queue, a compute pipeline with push constants, one dispatch at a
 * time. Of libbdaalloc this knows the message callback, what an allocator is told of the device, and the checked
 * variants; every other call of the library stands in the examples.
 *
 * Vulkan comes from volk, or with EXAMPLE_WITH_LOADER from the plain loader that the program is linked to. The sources
 * are the same: vkGetInstanceProcAddr is a function pointer of volk's in one case, the loader's function in the other.
 *
 * Environment variables steer every example:
 *   BDA_DEVICE=<index or part of a name>   which GPU; otherwise a discrete one before an integrated, virtual, CPU one
 *   BDA_VALIDATE=1                         runs under the validation layer, core and synchronization checks; a message
 *                                          of its makes the program fail
 *   BDA_REPEAT=<n>                         repeats the dispatch that an example times
 * A program's exit code is 0 when its check held, 1 when not, 77 (EX_SKIP) when this machine lacks what it needs.
 */
#ifndef EXAMPLES_EXAMPLE_H
#define EXAMPLES_EXAMPLE_H

#ifdef EXAMPLE_WITH_LOADER
#include <vulkan/vulkan.h>
#else
#include <volk.h>
#endif
#include <bdaalloc/bdaalloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#define EX_NORETURN [[noreturn]]
extern "C" {
#else
#define EX_NORETURN _Noreturn
#endif

enum { EX_SKIP = 77 };

/* Device features beyond the ones each example needs: bufferDeviceAddress, shaderInt64 and timelineSemaphore. */
enum {
    EX_ATOMIC_INT64 = 0x1,
    /* Vulkan 1.3 with dynamicRendering and synchronization2, a graphics queue, and indirect draws of many instances:
     * multiDrawIndirect, drawIndirectFirstInstance. */
    EX_GRAPHICS = 0x2,
};

/* What ex_start_with is asked for. */
struct ex_wishes {
    unsigned features;
    const char *const *instance_extensions; /* for a window */
    uint32_t instance_extension_count;
    bool swapchain;
};

/* Must stay where it is once ex_start has filled it: device_info points into it. */
struct ex {
    VkInstance instance;
    VkPhysicalDevice physical_device;
    VkPhysicalDeviceProperties properties;
    VkDevice device;
    /* What the device was made with, for BdaAllocatorInfo::device_info, and what it points at. */
    VkDeviceCreateInfo device_info;
    VkDeviceQueueCreateInfo queue_info;
    VkPhysicalDeviceFeatures2 features;
    VkPhysicalDeviceVulkan12Features features12;
    VkPhysicalDeviceVulkan13Features features13; /* in the chain with EX_GRAPHICS */
    const char *extensions[4];
    uint32_t api_version; /* the instance's, for BdaAllocatorInfo */
    uint32_t queue_family;
    VkQueue queue;
    VkCommandPool commands;
    VkFence fence;
    VkDebugUtilsMessengerEXT messenger;
    VkDebugUtilsMessengerCreateInfoEXT messenger_info;
    uint32_t complaints;     /* of the validation layer and of the library */
    uint32_t check_table[2]; /* of checked pointers, low and high half; and the constants that shaders have of it */
    VkSpecializationMapEntry check_entries[2];
    VkSpecializationInfo check_constants;
};

struct ex_pipeline {
    VkShaderModule module;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    uint32_t push_size;
};

/* Ends the program with the call and its result when that is not VK_SUCCESS. */
#define EX_CHECK(call) ex_check((call), #call, __FILE__, __LINE__)
void ex_check(VkResult result, const char *call, const char *file, int line);

#ifdef __cplusplus
#define EX_NORETURN [[noreturn]]
#else
#define EX_NORETURN _Noreturn
#endif

/* Ends the program with 1 and a sentence. */
EX_NORETURN void ex_fail(const char *format, ...);

/* Ends the program where a model's largest side cannot be calculated with: normals come from areas, of which squares
 * are taken, so the fourth power of a length must be a float, too. */
void ex_check_extent(const char *path, float extent);

/* Prints the title, makes instance, device and queue, prints the device. Ends the program with EX_SKIP when there is no
 * Vulkan or no device with the features. */
void ex_start(struct ex *ex, const char *title, unsigned features);
void ex_start_with(struct ex *ex, const char *title, const struct ex_wishes *wishes);

/* Destroys what ex_start made and returns the exit code: 0 when `passed` and nobody complained. */
int ex_finish(struct ex *ex, bool passed);

/* A BdaMessageCallback whose user is the struct ex: prints, and counts warnings and errors as complaints. */
void ex_message(void *user, BdaMessageSeverity severity, const char *text);

/* ---- Checked variants ----
 *
 * The same programs with shaders that are compiled with BDA_CHECKED, and an allocator that keeps the table for them.
 * Otherwise EX_CHECKS is nothing, the table 0 and the report empty. */
#ifdef EXAMPLE_CHECKED
#define EX_CHECKS BDA_CHECK_POINTERS_BIT
#else
#define EX_CHECKS 0
#endif

/* What the larger examples tell the library of the device, and the modes of their variant; the first ones write it out
 * themselves. `ex` stays where it is. */
static inline BdaAllocatorInfo ex_allocator_info(struct ex *ex) {
    BdaAllocatorInfo info;
    memset(&info, 0, sizeof info); /* in both languages without a warning */
    info.api_version = ex->api_version;
    info.instance = ex->instance;
    info.physical_device = ex->physical_device;
    info.device = ex->device;
    info.get_instance_proc_addr = vkGetInstanceProcAddr;
    info.device_info = &ex->device_info;
    info.message = ex_message;
    info.message_user = ex;
    info.checks = EX_CHECKS;
    return info;
}

enum { EX_CHECK_CONSTANTS = 100 }; /* BDA_CHECK_CONSTANTS of those shaders */

/* Gives the allocator's table to all pipelines that are made from here on: ex_create_pipeline, and whoever passes
 * &ex->check_constants. */
void ex_use_checks(struct ex *ex, BdaAllocator allocator);

/* Prints what shaders have reported; each is a complaint. */
void ex_report_checks(struct ex *ex, BdaAllocator allocator);

/* A compute pipeline that takes push constants only: no descriptors, since everything is reached by pointers. */
void ex_create_pipeline(struct ex *ex, const uint32_t *code, size_t code_size, uint32_t push_size,
                        struct ex_pipeline *pipeline);
void ex_destroy_pipeline(struct ex *ex, struct ex_pipeline *pipeline);

/* A command buffer that has begun. What ended with ex_end before is finished and visible to it. */
VkCommandBuffer ex_begin(struct ex *ex);

/* Records a dispatch of `groups` workgroups, at most 65535. */
void ex_record_dispatch(VkCommandBuffer commands, const struct ex_pipeline *pipeline, const void *push,
                        uint32_t groups);

/* Records that what came before, copies and shaders, has happened and is visible to what comes after and to the CPU. */
void ex_record_barrier(VkCommandBuffer commands);

/* Ends, submits, waits, and frees the command buffer. The CPU may then read what was written. */
void ex_end(struct ex *ex, VkCommandBuffer commands);

/* The four above for a single dispatch. */
void ex_dispatch(struct ex *ex, const struct ex_pipeline *pipeline, const void *push, uint32_t groups);

/* The same for a dispatch that may be repeated, as often as the environment's BDA_REPEAT says or once; returns the
 * median of the seconds that the device took, by its own clock, or 0 where it has none. */
double ex_time_dispatch(struct ex *ex, const struct ex_pipeline *pipeline, const void *push, uint32_t groups);

/* Writes what is in the heap to `prefix`-001.json and so on, for bda_view. With number 1 the heap dumps of such names,
 * up to 999, that an earlier run left go, or they would be taken for this one's; other files stay. Where it cannot,
 * waits for the device and ends the program; no other thread may submit meanwhile. */
void ex_dump_heap(struct ex *ex, BdaAllocator allocator, const char *prefix, uint64_t number, const char *label);

/* Seconds since some moment, for measuring phases. */
double ex_seconds(void);

#ifdef __cplusplus
}
#endif

#endif
