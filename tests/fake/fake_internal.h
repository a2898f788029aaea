/*
 * What the files of the fake driver share. Tests include fake_vulkan.h only.
 *
 * Words
 *   object   a VkDeviceMemory, VkBuffer or VkSemaphore. Its handle is no pointer but a slot and a generation, so that
 *            a stale or foreign handle is recognised and not followed.
 *   token    what the driver takes from the caller's VkAllocationCallbacks for one object: once, so that sweeps over
 *            host memory reach every creation.
 *   entry    a row of the dispatch table: a name, and what offers it.
 *
 * Every function here wants the driver's lock, taken by fake_enter or fake_take, unless it says otherwise.
 */
#ifndef FAKE_INTERNAL_H
#define FAKE_INTERNAL_H

#if defined(__MINGW32__) && !defined(__USE_MINGW_ANSI_STDIO)
#define __USE_MINGW_ANSI_STDIO 1
#endif

#include "fake_lock.h"
#include "fake_vulkan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__MINGW32__)
#define FAKE_PRINTF(format_at, from) __attribute__((format(__MINGW_PRINTF_FORMAT, format_at, from)))
#elif defined(__GNUC__)
#define FAKE_PRINTF(format_at, from) __attribute__((format(printf, format_at, from)))
#else
#define FAKE_PRINTF(format_at, from)
#endif

#define FAKE_MAX_TEXTS          256u
#define FAKE_MAX_QUEUE_FAMILIES 40u
#define FAKE_MAX_EXTENSIONS     32u

/* VkBufferUsageFlags2CreateInfoKHR and its feature, which the headers of 2023 do not know. */
#define FAKE_STRUCTURE_MAINTENANCE_5_FEATURES ((VkStructureType)1000470000)
#define FAKE_STRUCTURE_USAGE_FLAGS_2          ((VkStructureType)1000470006)

struct fake_usage_flags_2 {
    VkStructureType sType;
    const void *pNext;
    uint64_t usage;
};

struct fake_maintenance_5_features {
    VkStructureType sType;
    void *pNext;
    VkBool32 maintenance5;
};

/* ---- Handles and objects ----------------------------------------------------------------------------------------- */

enum fake_level {
    FAKE_LEVEL_GLOBAL,
    FAKE_LEVEL_INSTANCE,
    FAKE_LEVEL_PHYSICAL_DEVICE,
    FAKE_LEVEL_DEVICE,
    FAKE_LEVEL_COMMAND_BUFFER
};

/* What VkInstance, VkPhysicalDevice, VkDevice and VkCommandBuffer point to. */
struct fake_dispatchable {
    void *loader; /* the loader's place by its contract with drivers */
    uint64_t magic;
    enum fake_level level;
    struct fake_driver *driver;
};

enum fake_kind { FAKE_KIND_NONE, FAKE_KIND_MEMORY, FAKE_KIND_BUFFER, FAKE_KIND_SEMAPHORE };

struct fake_object {
    enum fake_kind kind;
    uint64_t handle;
    char *name;
    void *token;
    bool has_callbacks;
    VkAllocationCallbacks callbacks;
};

struct fake_buffer;

struct fake_memory {
    struct fake_object object;
    VkDeviceSize size;
    VkDeviceAddress base;
    uint32_t type;
    uint32_t heap;
    VkMemoryPropertyFlags properties;
    VkMemoryAllocateFlags flags;
    VkExternalMemoryHandleTypeFlags export_types;
    float priority;
    uint64_t dedicated_to; /* handle of the buffer; 0: none */
    /* Bound buffers by offset, so that a neighbour tells of an overlap. */
    struct fake_buffer **bound;
    size_t bound_count;
    size_t bound_capacity;
    /* The bytes, made when first needed. In coherent memory both are the same. */
    void *host_raw;
    void *device_raw;
    unsigned char *host;
    unsigned char *device;
    bool mapped;
    VkDeviceSize map_offset;
    VkDeviceSize map_size;
};

struct fake_buffer {
    struct fake_object object;
    VkDeviceSize size;
    uint64_t usage;
    VkBufferCreateFlags flags;
    VkExternalMemoryHandleTypeFlags external_types;
    VkMemoryRequirements requirements;
    bool prefers_dedicated;
    bool requires_dedicated;
    struct fake_memory *memory; /* NULL: not bound, or the memory is gone */
    VkDeviceSize offset;
    bool was_bound;
};

struct fake_semaphore {
    struct fake_object object;
    bool timeline;
    bool of_test;
    uint64_t value;
};

struct fake_slot {
    struct fake_object *object;
    uint32_t generation;
    uint32_t next_free; /* index + 1 */
};

/* ---- The driver -------------------------------------------------------------------------------------------------- */

struct fake_failure {
    unsigned nth; /* 0: none */
    bool sticky;
    VkResult result;
};

#define FAKE_MAX_FAULTS 8u

/* What vkGetDeviceFaultInfoEXT answers. */
struct fake_fault {
    char description[VK_MAX_DESCRIPTION_SIZE];
    uint32_t count;
    VkDeviceFaultAddressInfoEXT addresses[FAKE_MAX_FAULTS];
};

/* Who hears of what is bound. */
struct fake_listener {
    PFN_vkDebugUtilsMessengerCallbackEXT callback; /* NULL: nobody */
    void *user;
};

/* What is told, once the lock is no longer held. */
struct fake_report {
    struct fake_listener listener;
    uint64_t memory;
    VkDeviceAddress base;
    VkDeviceSize size;
    bool bound;
};

/* The VkDeviceCreateInfo that the device "was made with", and all that hangs on it. */
struct fake_setup {
    VkDeviceCreateInfo info;
    float queue_priority;
    VkDeviceQueueCreateInfo queues[FAKE_MAX_QUEUE_FAMILIES];
    const char *extensions[FAKE_MAX_EXTENSIONS];
    VkPhysicalDeviceFeatures2 features;
    VkPhysicalDeviceVulkan12Features vulkan_12;
    VkPhysicalDeviceVulkan13Features vulkan_13;
    VkPhysicalDeviceBufferDeviceAddressFeatures address;
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline;
    VkPhysicalDeviceMaintenance4Features maintenance_4;
    VkPhysicalDeviceAccelerationStructureFeaturesKHR acceleration_structure;
    VkPhysicalDeviceRayTracingPipelineFeaturesKHR ray_tracing;
    VkPhysicalDeviceDescriptorBufferFeaturesEXT descriptor_buffer;
    VkPhysicalDeviceMemoryPriorityFeaturesEXT memory_priority;
    VkPhysicalDevicePageableDeviceLocalMemoryFeaturesEXT pageable;
    VkPhysicalDeviceTransformFeedbackFeaturesEXT transform_feedback;
    VkPhysicalDeviceConditionalRenderingFeaturesEXT conditional_rendering;
    VkPhysicalDeviceProtectedMemoryFeatures protected_memory;
    struct fake_maintenance_5_features maintenance_5;
    VkPhysicalDeviceFaultFeaturesEXT fault;
    VkPhysicalDeviceAddressBindingReportFeaturesEXT binding_report;
};

struct fake_driver {
    struct fake_dispatchable instance;
    struct fake_dispatchable physical_device;
    struct fake_dispatchable device;
    struct fake_lock lock;
    struct fake_config config; /* every default resolved */
    uint32_t version;          /* what device functions may be used by version alone */
    uint32_t supported;        /* enum fake_feature */
    uint32_t enabled;
    struct fake_setup setup;

    const char *entry; /* the entry point that holds the lock */
    unsigned calls[FAKE_CALL_COUNT];
    struct fake_failure failures[FAKE_CALL_COUNT];
    unsigned failed;
    bool lost;
    struct fake_fault fault;
    struct fake_listener listener;

    unsigned violation_count;
    char *texts[FAKE_MAX_TEXTS];

    struct fake_slot *slots;
    uint32_t slot_count;
    uint32_t slot_capacity;
    uint32_t free_slot; /* index + 1 */
    unsigned buffer_count;

    struct fake_memory **memories; /* live, by base */
    size_t memory_count;
    size_t memory_capacity;
    VkDeviceSize heap_used[VK_MAX_MEMORY_HEAPS];
};

/* ---- Entering and leaving, violations, failures (fake_vulkan.c) -------------------------------------------------- */

/* First in every entry point: on_call and the lock rule (both without the lock), then the lock, the counters, and
 * whether the device offers `name` at all. The handle must be one of a fake driver: there is nobody to tell else. */
struct fake_driver *fake_enter(const void *handle, enum fake_level level, enum fake_call call, const char *name);
void fake_leave(struct fake_driver *driver);
/* For the tests' own questions: the lock alone. */
void fake_take(struct fake_driver *driver);

/* Records a broken rule; `rule` is a VUID or FAKE-… */
void fake_violate(struct fake_driver *driver, const char *rule, const char *format, ...) FAKE_PRINTF(3, 4);

/* What the call shall answer by order of the test, VK_SUCCESS for nothing; counts the call down. */
VkResult fake_injected(struct fake_driver *driver, enum fake_call call);

bool fake_enabled(const struct fake_driver *driver, uint32_t features);

/* ---- Objects (fake_object.c) ------------------------------------------------------------------------------------- */

/* Gives the object a slot, a handle and a token; false for want of host memory, and nothing has changed. */
bool fake_object_add(struct fake_driver *driver, struct fake_object *object, enum fake_kind kind,
                     const VkAllocationCallbacks *callbacks);
/* Takes all of that away again, checking the callbacks; the object itself is the caller's to free. */
void fake_object_remove(struct fake_driver *driver, struct fake_object *object, const VkAllocationCallbacks *callbacks);
/* NULL for a handle that is unknown, stale or of another kind; records that as a violation of `rule`, if one is given.
 */
struct fake_object *fake_object_get(struct fake_driver *driver, uint64_t handle, enum fake_kind kind, const char *rule);
const char *fake_kind_name(enum fake_kind kind);
/* Non-dispatchable handles are pointers or integers: both come from the same number. */
#if (VK_USE_64_BIT_PTR_DEFINES == 1)
#define FAKE_TO_HANDLE(type, number) ((type)(uintptr_t)(number))
#else
#define FAKE_TO_HANDLE(type, number) ((type)(number))
#endif

/* ---- Chains (fake_chain.c) --------------------------------------------------------------------------------------- */

/* A struct that a chain may hold, when `allowed`. */
struct fake_link {
    VkStructureType type;
    bool allowed;
};

const void *fake_find(const void *chain, VkStructureType type);
/* Records every struct of the chain that is not allowed or stands there twice; `owner` is the struct it hangs on. */
void fake_check_chain(struct fake_driver *driver, const void *chain, const struct fake_link *links, size_t count,
                      const char *owner);
void fake_check_type(struct fake_driver *driver, VkStructureType is, VkStructureType should, const char *owner);

/* ---- Memory (fake_memory.c, fake_bytes.c) ------------------------------------------------------------------------ */

struct fake_memory *fake_memory_get(struct fake_driver *driver, VkDeviceMemory handle, const char *rule);
/* Live memory whose addresses hold `address`, NULL: none. */
struct fake_memory *fake_memory_at(const struct fake_driver *driver, VkDeviceAddress address);
/* Makes the bytes behind memory; false for want of host memory. */
bool fake_bytes_make(struct fake_driver *driver, struct fake_memory *memory);
void fake_bytes_drop(struct fake_memory *memory);

/* ---- Buffers (fake_buffer.c, fake_bind.c) ------------------------------------------------------------------------ */

struct fake_buffer *fake_buffer_get(struct fake_driver *driver, VkBuffer handle, const char *rule);
void fake_buffer_unbind(struct fake_buffer *buffer);
VkDeviceAddress fake_buffer_address(const struct fake_driver *driver, const struct fake_buffer *buffer);
/* Whether it is for transfers alone: commands may reach the same bytes through another buffer, tools see none of it. */
static inline bool fake_buffer_is_alias(const struct fake_buffer *buffer) {
    return (buffer->usage & ~(uint64_t)(VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT)) == 0;
}

/* ---- Faults and bindings (fake_fault.c) -------------------------------------------------------------------------- */

struct fake_report fake_report_of(const struct fake_driver *driver, const struct fake_memory *memory, bool bound);
/* Tells it; the lock is not held. */
void fake_report(const struct fake_report *report);

/* ---- Configuration (fake_setup.c) -------------------------------------------------------------------------------- */

/* Resolves every default of the config in place, and what is supported and enabled. */
void fake_resolve(struct fake_driver *driver);
void fake_make_setup(struct fake_driver *driver);
/* Whether the extension that brings these features is among the enabled ones. */
bool fake_extension_on(const struct fake_driver *driver, uint32_t feature, uint32_t core_version);
/* Fills the members of a feature struct, known by its sType, from feature bits. */
void fake_fill_features(void *structure, uint32_t features);

static inline VkDeviceSize fake_round_up(VkDeviceSize value, VkDeviceSize multiple) {
    VkDeviceSize rest = value % multiple;
    return rest == 0 ? value : value + (multiple - rest);
}

/* ---- Entry points, for the table in fake_dispatch.c -------------------------------------------------------------- */

VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_properties(VkPhysicalDevice device,
                                                               VkPhysicalDeviceProperties *out);
VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_properties_2(VkPhysicalDevice device,
                                                                 VkPhysicalDeviceProperties2 *out);
VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_properties_2_khr(VkPhysicalDevice device,
                                                                     VkPhysicalDeviceProperties2 *out);
VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_queue_family_properties(VkPhysicalDevice device, uint32_t *count,
                                                                            VkQueueFamilyProperties *out);
VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_memory_properties(VkPhysicalDevice device,
                                                                      VkPhysicalDeviceMemoryProperties *out);
VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_memory_properties_2(VkPhysicalDevice device,
                                                                        VkPhysicalDeviceMemoryProperties2 *out);
VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_memory_properties_2_khr(VkPhysicalDevice device,
                                                                            VkPhysicalDeviceMemoryProperties2 *out);
VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_features_2(VkPhysicalDevice device, VkPhysicalDeviceFeatures2 *out);
VKAPI_ATTR void VKAPI_CALL fake_get_physical_device_features_2_khr(VkPhysicalDevice device,
                                                                   VkPhysicalDeviceFeatures2 *out);

VKAPI_ATTR VkResult VKAPI_CALL fake_allocate_memory(VkDevice device, const VkMemoryAllocateInfo *info,
                                                    const VkAllocationCallbacks *callbacks, VkDeviceMemory *out);
VKAPI_ATTR void VKAPI_CALL fake_free_memory(VkDevice device, VkDeviceMemory handle,
                                            const VkAllocationCallbacks *callbacks);
VKAPI_ATTR VkResult VKAPI_CALL fake_map_memory(VkDevice device, VkDeviceMemory handle, VkDeviceSize offset,
                                               VkDeviceSize size, VkMemoryMapFlags flags, void **out);
VKAPI_ATTR void VKAPI_CALL fake_unmap_memory(VkDevice device, VkDeviceMemory handle);
VKAPI_ATTR VkResult VKAPI_CALL fake_flush(VkDevice device, uint32_t count, const VkMappedMemoryRange *ranges);
VKAPI_ATTR VkResult VKAPI_CALL fake_invalidate(VkDevice device, uint32_t count, const VkMappedMemoryRange *ranges);

VKAPI_ATTR VkResult VKAPI_CALL fake_create_buffer(VkDevice device, const VkBufferCreateInfo *info,
                                                  const VkAllocationCallbacks *callbacks, VkBuffer *out);
VKAPI_ATTR void VKAPI_CALL fake_destroy_buffer(VkDevice device, VkBuffer handle,
                                               const VkAllocationCallbacks *callbacks);
VKAPI_ATTR void VKAPI_CALL fake_get_buffer_requirements(VkDevice device, VkBuffer handle, VkMemoryRequirements *out);
VKAPI_ATTR void VKAPI_CALL fake_get_buffer_requirements_2(VkDevice device, const VkBufferMemoryRequirementsInfo2 *info,
                                                          VkMemoryRequirements2 *out);
VKAPI_ATTR void VKAPI_CALL fake_get_buffer_requirements_2_khr(VkDevice device,
                                                              const VkBufferMemoryRequirementsInfo2 *info,
                                                              VkMemoryRequirements2 *out);
VKAPI_ATTR void VKAPI_CALL fake_get_device_buffer_requirements(VkDevice device,
                                                               const VkDeviceBufferMemoryRequirements *info,
                                                               VkMemoryRequirements2 *out);
VKAPI_ATTR void VKAPI_CALL fake_get_device_buffer_requirements_khr(VkDevice device,
                                                                   const VkDeviceBufferMemoryRequirements *info,
                                                                   VkMemoryRequirements2 *out);
VKAPI_ATTR VkResult VKAPI_CALL fake_bind_buffer(VkDevice device, VkBuffer buffer, VkDeviceMemory memory,
                                                VkDeviceSize offset);
VKAPI_ATTR VkResult VKAPI_CALL fake_bind_buffer_2(VkDevice device, uint32_t count, const VkBindBufferMemoryInfo *infos);
VKAPI_ATTR VkResult VKAPI_CALL fake_bind_buffer_2_khr(VkDevice device, uint32_t count,
                                                      const VkBindBufferMemoryInfo *infos);
VKAPI_ATTR VkDeviceAddress VKAPI_CALL fake_get_buffer_address(VkDevice device, const VkBufferDeviceAddressInfo *info);
VKAPI_ATTR VkDeviceAddress VKAPI_CALL fake_get_buffer_address_khr(VkDevice device,
                                                                  const VkBufferDeviceAddressInfo *info);

VKAPI_ATTR void VKAPI_CALL fake_fill(VkCommandBuffer handle, VkBuffer to, VkDeviceSize offset, VkDeviceSize size,
                                     uint32_t word);
VKAPI_ATTR void VKAPI_CALL fake_copy(VkCommandBuffer handle, VkBuffer from, VkBuffer to, uint32_t count,
                                     const VkBufferCopy *regions);
VKAPI_ATTR void VKAPI_CALL fake_barrier(VkCommandBuffer handle, VkPipelineStageFlags before, VkPipelineStageFlags after,
                                        VkDependencyFlags flags, uint32_t memory_count, const VkMemoryBarrier *memory,
                                        uint32_t buffer_count, const VkBufferMemoryBarrier *buffers,
                                        uint32_t image_count, const VkImageMemoryBarrier *images);
VKAPI_ATTR VkResult VKAPI_CALL fake_create_semaphore(VkDevice device, const VkSemaphoreCreateInfo *info,
                                                     const VkAllocationCallbacks *callbacks, VkSemaphore *out);
VKAPI_ATTR void VKAPI_CALL fake_destroy_semaphore(VkDevice device, VkSemaphore handle,
                                                  const VkAllocationCallbacks *callbacks);
VKAPI_ATTR VkResult VKAPI_CALL fake_get_semaphore_value(VkDevice device, VkSemaphore semaphore, uint64_t *out);
VKAPI_ATTR VkResult VKAPI_CALL fake_get_semaphore_value_khr(VkDevice device, VkSemaphore semaphore, uint64_t *out);
VKAPI_ATTR VkResult VKAPI_CALL fake_set_object_name(VkDevice device, const VkDebugUtilsObjectNameInfoEXT *info);
VKAPI_ATTR VkResult VKAPI_CALL fake_get_device_fault_info(VkDevice device, VkDeviceFaultCountsEXT *counts,
                                                          VkDeviceFaultInfoEXT *info);

/* Whether the configuration offers the entry point (fake_dispatch.c). */
bool fake_offers(const struct fake_driver *driver, const char *name);

#endif
