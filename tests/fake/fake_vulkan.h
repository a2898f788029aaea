/*
 * A Vulkan driver for unit tests, made of host memory, that knows the rules.
 *
 * It hands out objects, addresses and bytes as a driver may, as awkwardly as a driver may (block bases such as
 * 0x…40, dedicated-only buffers, separate device copies of non-coherent memory), fails where it is told to, and
 * records every rule that its caller breaks, by VUID where there is one.
 *
 *     struct fake_driver *driver = fake_create(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT });
 *     BdaAllocatorInfo info = fake_allocator_info(driver);
 *     ... bda_create_allocator(&info, &allocator), use it, destroy it ...
 *     assert_int_equal(fake_destroy(driver), 0);          // no violation, no leak
 *
 * Words
 *   violation   a rule that a call broke. It is recorded, and the call goes on as far as that is safe.
 *   problem     a violation, or an object that was still alive at fake_destroy.
 *   offered     an entry point, feature or property that the api versions and extensions of the config provide.
 *   device copy what the GPU would see of memory; for non-coherent memory not the bytes that are mapped.
 *
 * There is no global state: any number of drivers may live at a time, in any threads. Only vkEnumerateInstanceVersion,
 * which takes no handle, belongs to none of them and always answers 1.3. The config is copied.
 */
#ifndef FAKE_VULKAN_H
#define FAKE_VULKAN_H

#include <bdaalloc/bdaalloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_driver;

/* ---- What is called ---------------------------------------------------------------------------------------------- */

/* One per entry point; the KHR names and the …2 forms listed here on one line share a counter. */
enum fake_call {
    FAKE_CALL_ANY, /* every one of them, for fake_fail and fake_call_count */
    FAKE_CALL_GET_PROC_ADDR,
    FAKE_CALL_GET_PHYSICAL_DEVICE_PROPERTIES,        /* and …Properties2, …QueueFamilyProperties */
    FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES, /* without budget */
    FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
    FAKE_CALL_GET_PHYSICAL_DEVICE_FEATURES, /* Features2 */
    FAKE_CALL_ALLOCATE_MEMORY,
    FAKE_CALL_FREE_MEMORY,
    FAKE_CALL_MAP_MEMORY,
    FAKE_CALL_UNMAP_MEMORY,
    FAKE_CALL_FLUSH,
    FAKE_CALL_INVALIDATE,
    FAKE_CALL_CREATE_BUFFER,
    FAKE_CALL_DESTROY_BUFFER,
    FAKE_CALL_GET_BUFFER_MEMORY_REQUIREMENTS,        /* and …Requirements2 */
    FAKE_CALL_GET_DEVICE_BUFFER_MEMORY_REQUIREMENTS, /* the 1.3 query without a buffer */
    FAKE_CALL_BIND_BUFFER_MEMORY,                    /* and …Memory2 */
    FAKE_CALL_GET_BUFFER_DEVICE_ADDRESS,
    FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE,
    FAKE_CALL_CREATE_SEMAPHORE,
    FAKE_CALL_DESTROY_SEMAPHORE,
    FAKE_CALL_SET_OBJECT_NAME,
    FAKE_CALL_GET_DEVICE_FAULT_INFO,
    FAKE_CALL_CMD_FILL_BUFFER,
    FAKE_CALL_CMD_COPY_BUFFER,
    FAKE_CALL_CMD_PIPELINE_BARRIER,
    FAKE_CALL_COUNT
};

/* ---- Configuration ----------------------------------------------------------------------------------------------- */

/* Ready-made heaps and memory types, all of one heap_size where not said otherwise. */
enum fake_machine {
    /* heap 0 the GPU's, heap 1 the host's, heap 2 a window (a quarter) of device-local memory that the CPU can reach.
     * types 0 host, no flags · 1 device · 2 host coherent · 3 host coherent cached · 4 window, coherent (heap 2) */
    FAKE_MACHINE_DISCRETE = 0,
    /* as DISCRETE without heap 2: type 4 lies in heap 0 ("resizable BAR") */
    FAKE_MACHINE_REBAR,
    /* one heap, one type with every flag, coherent and cached (lavapipe, integrated GPUs) */
    FAKE_MACHINE_UNIFIED,
    /* heap 0 the GPU's, heap 1 the host's; types 0 device · 1 host visible · 2 host visible cached · 3 device and host
     * visible (heap 0); none is coherent */
    FAKE_MACHINE_NON_COHERENT,
    /* one heap, one type, device-local only: nothing can be mapped */
    FAKE_MACHINE_UNMAPPABLE
};

/* Features and extensions, as bits. */
enum fake_feature {
    FAKE_BUFFER_DEVICE_ADDRESS = 0x1, /* default */
    FAKE_TIMELINE_SEMAPHORE = 0x2,    /* default */
    FAKE_MAINTENANCE_4 = 0x4,         /* default where the api version is 1.3 */
    FAKE_MEMORY_BUDGET = 0x8,         /* VK_EXT_memory_budget */
    FAKE_MEMORY_PRIORITY = 0x10,
    FAKE_ACCELERATION_STRUCTURE = 0x20,
    FAKE_RAY_TRACING_PIPELINE = 0x40,
    FAKE_DESCRIPTOR_BUFFER = 0x80,
    FAKE_CAPTURE_REPLAY = 0x100, /* bufferDeviceAddressCaptureReplay */
    FAKE_EXTERNAL_MEMORY_FD = 0x200,
    FAKE_DEBUG_UTILS = 0x400, /* of the instance */
    FAKE_TRANSFORM_FEEDBACK = 0x800,
    FAKE_CONDITIONAL_RENDERING = 0x1000,
    FAKE_PAGEABLE_MEMORY = 0x2000, /* VK_EXT_pageable_device_local_memory */
    FAKE_SPARSE_BINDING = 0x4000,
    FAKE_PROTECTED_MEMORY = 0x8000,
    FAKE_VIDEO = 0x10000, /* VK_KHR_video_queue and decoding */
    /* The extensions that 1.1 took in (get_memory_requirements2, bind_memory2, dedicated_allocation, device_group,
     * external_memory, maintenance3, get_physical_device_properties2), for api versions of 1.0. Default. */
    FAKE_EXTENSIONS_OF_1_1 = 0x20000,
    /* The KHR names of what is core already are offered too, and stand among the enabled extensions. */
    FAKE_KHR_ALIASES = 0x40000,
    FAKE_MAINTENANCE_5 = 0x80000, /* VkBufferUsageFlags2CreateInfoKHR */
    FAKE_DEVICE_FAULT = 0x100000,
    FAKE_ADDRESS_BINDING_REPORT = 0x200000
};

/* What buffers with any of `usage` need beyond the ordinary. */
struct fake_usage_rule {
    VkBufferUsageFlags usage;
    uint32_t memory_type_bits; /* 0: all of them */
    VkDeviceSize alignment;    /* of the requirements; 0: nothing beyond the ordinary */
};

#define FAKE_MAX_USAGE_RULES 8

/* Ready values for fake_config::first_address. */
#define FAKE_ADDRESS_BIT_47        0x0000800000000000u
#define FAKE_ADDRESS_SIGN_EXTENDED 0xFFFF800000000000u

/* Zero everywhere is a sane driver. */
struct fake_config {
    /* Memory: `machine` unless memory.memoryTypeCount says that `memory` is filled in. */
    enum fake_machine machine;
    VkDeviceSize heap_size; /* of the machine's heaps; 0: 1 GiB */
    VkPhysicalDeviceMemoryProperties memory;

    /* Versions and features. */
    uint32_t instance_version; /* VkApplicationInfo::apiVersion; 0: 1.3 */
    uint32_t device_version;   /* VkPhysicalDeviceProperties::apiVersion; 0: 1.3 */
    uint32_t with;             /* enum fake_feature, beside the defaults */
    uint32_t without;          /* enum fake_feature, taken from the defaults: not supported */
    uint32_t disabled;         /* enum fake_feature: supported, but not enabled in the VkDeviceCreateInfo */
    bool separate_features;    /* one feature struct each in the chain, not VkPhysicalDeviceVulkan12Features */
    uint32_t queue_families;   /* 0: 1; at most 40 */

    /* Limits. Members of `limits` that are 0 get a default: maxMemoryAllocationCount 4096, nonCoherentAtomSize 64,
     * minUniformBufferOffsetAlignment 64, minStorage… and minTexel… 16, bufferImageGranularity 1024,
     * optimalBufferCopy… 1, minMemoryMapAlignment 64. */
    VkPhysicalDeviceLimits limits;
    VkDeviceSize max_memory_allocation_size;  /* maintenance3; 0: the largest heap */
    VkDeviceSize max_buffer_size;             /* maintenance4; 0: 1 TiB; obeyed also where nothing reports it */
    uint32_t scratch_alignment;               /* acceleration structures; 0: 128 */
    uint32_t shader_group_base_alignment;     /* 0: 64 */
    VkDeviceSize descriptor_buffer_alignment; /* 0: 64 */

    /* Requirements of buffers. */
    VkDeviceSize requirement_alignment; /* 0: 16; the offset limits of the usage are added, as the rules demand */
    VkDeviceSize size_rounding; /* 0: 16; 1: sizes are not rounded; beyond the alignment it breaks what maintenance4
                                   promises, so a driver of the rules has not both */
    uint32_t usage_rule_count;
    struct fake_usage_rule usage_rules[FAKE_MAX_USAGE_RULES];
    VkDeviceSize prefer_dedicated_from; /* buffers of so many bytes or more; 0: none, 1: all */
    VkDeviceSize require_dedicated_from;

    /* Addresses. Every base is an odd multiple of base_alignment, so aligned to no more than that; with a residue
     * instead base % base_alignment == base_residue. */
    VkDeviceSize base_alignment; /* 0: 64, so 0x…40 */
    VkDeviceSize base_residue;
    VkDeviceAddress first_address; /* bases lie above it; 0: 0x100000000 */
    /* Added to the address of every buffer smaller than half of its memory: what no driver seen does, and none
     * promises not to do. A multiple of the alignments that shall survive it. */
    VkDeviceSize buffer_address_skew;

    /* Budgets; a 0 is the whole heap, and no other process. fake_set_budget changes them. */
    VkDeviceSize budgets[VK_MAX_MEMORY_HEAPS];
    VkDeviceSize foreign_use[VK_MAX_MEMORY_HEAPS]; /* other processes; counts in heapUsage and against the heap */

    /* Fresh memory begins with so many bytes of 0xA5, in both copies; the rest is 0. 0: 1 MiB. */
    VkDeviceSize dirty_bytes;

    /* Called first in every entry point, with none of the driver's locks held: may sleep, wait, count. */
    void (*on_call)(void *user, enum fake_call call);
    void *on_call_user;
    /* How many of the library's locks this thread holds; any is a violation naming the entry point. */
    unsigned (*locks_held)(void);

    bool allow_overlap;         /* two bound buffers may share bytes; those for transfers alone always may */
    bool allow_unlimited_count; /* allocating beyond maxMemoryAllocationCount is answered, not a violation */
    bool quiet;                 /* print nothing; for tests of the driver itself */
};

/* ---- Life -------------------------------------------------------------------------------------------------------- */

/* NULL only when the host is out of memory. NULL config: all zeros. */
struct fake_driver *fake_create(const struct fake_config *config);

/* Answers the number of problems: violations, plus objects still alive, which are printed with kind, size and name.
 * The tests' own semaphores are no leaks. NULL is 0 problems. */
unsigned fake_destroy(struct fake_driver *driver);

/* ---- What tests hand to the library ------------------------------------------------------------------------------ */

VkInstance fake_instance(struct fake_driver *driver);
VkPhysicalDevice fake_physical_device(struct fake_driver *driver);
VkDevice fake_device(struct fake_driver *driver);

/* The door: volk's or the loader's vkGetInstanceProcAddr. */
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL fake_get_instance_proc_addr(VkInstance instance, const char *name);

/* What the device was made with, matching the config: features, extensions, queue families. Belongs to the driver. */
const VkDeviceCreateInfo *fake_device_info(const struct fake_driver *driver);

/* Versions, handles, device_info and get_instance_proc_addr filled in; everything else zero. */
BdaAllocatorInfo fake_allocator_info(struct fake_driver *driver);

/* ---- Rules ------------------------------------------------------------------------------------------------------- */

unsigned fake_violation_count(struct fake_driver *driver);
/* The i-th text, "VUID-… or FAKE-…: what, in which call", NULL past the end; valid until cleared or destroyed. At most
 * 256 texts are kept; the count goes on. */
const char *fake_violation(struct fake_driver *driver, unsigned i);
/* Whether one of the texts contains `part`, such as "03339". */
bool fake_violated(struct fake_driver *driver, const char *part);
void fake_clear_violations(struct fake_driver *driver);

/* ---- Calls and failures ------------------------------------------------------------------------------------------ */

/* Since creation; FAKE_CALL_ANY is the total. */
unsigned fake_call_count(struct fake_driver *driver, enum fake_call call);

/* The nth call from now (1 is the next) of this kind answers `result` and does nothing. With FAKE_CALL_ANY only calls
 * that may answer `result` by the specification count, so a sweep is
 *     for (unsigned nth = 1;; nth++) { fake_fail(d, FAKE_CALL_ANY, nth, r); ...; if (!fake_failed(d)) break; }
 * Each call to fake_fail or fake_fail_from replaces what was set for the same `call`. nth 0 takes it away.
 * FAKE_CALL_GET_PROC_ADDR answers NULL, so that each function can be missing in turn. */
void fake_fail(struct fake_driver *driver, enum fake_call call, unsigned nth, VkResult result);
/* The same for the nth and all that follow. */
void fake_fail_from(struct fake_driver *driver, enum fake_call call, unsigned nth, VkResult result);
/* Every call that may answer VK_ERROR_DEVICE_LOST does, from now on. */
void fake_lose_device(struct fake_driver *driver);
/* The same, and vkGetDeviceFaultInfoEXT answers this, of which at most 8 addresses. */
void fake_set_fault(struct fake_driver *driver, const char *description, uint32_t count,
                    const VkDeviceFaultAddressInfoEXT *addresses);
/* Where the binding report is enabled: tells of each VkDeviceMemory that comes or goes, inside of the call that makes
 * or frees it, with none of the driver's locks held. NULL: no longer. */
void fake_report_bindings(struct fake_driver *driver, PFN_vkDebugUtilsMessengerCallbackEXT callback, void *user);
/* How many calls were made to fail since failures were last set or cleared. */
unsigned fake_failed(struct fake_driver *driver);
void fake_clear_failures(struct fake_driver *driver);

/* ---- State ------------------------------------------------------------------------------------------------------- */

VkDeviceSize fake_heap_used(struct fake_driver *driver, uint32_t heap);
unsigned fake_memory_count(struct fake_driver *driver);
unsigned fake_buffer_count(struct fake_driver *driver);
void fake_set_budget(struct fake_driver *driver, uint32_t heap, VkDeviceSize budget, VkDeviceSize foreign_use);

/* The name last given through vkSetDebugUtilsObjectNameEXT, NULL for none or an unknown object; pass a non-dispatchable
 * handle as FAKE_HANDLE(handle). Valid until the object is renamed or destroyed. */
const char *fake_name(struct fake_driver *driver, uint64_t handle);
#define FAKE_HANDLE(handle) ((uint64_t)(handle))

/* The memory and offset that a buffer is bound to; false for an unknown or unbound one. */
bool fake_binding(struct fake_driver *driver, VkBuffer buffer, VkDeviceMemory *memory, VkDeviceSize *offset);

struct fake_memory_info {
    VkDeviceSize size;
    VkDeviceAddress base;
    uint32_t type;
    float priority; /* 0.5 where none was given */
    bool mapped;
    bool dedicated; /* by VkMemoryDedicatedAllocateInfo */
    VkMemoryAllocateFlags flags;
    VkExternalMemoryHandleTypeFlags export_types;
    unsigned bound; /* buffers */
};
/* False for unknown memory. */
bool fake_memory_info(struct fake_driver *driver, VkDeviceMemory memory, struct fake_memory_info *info);

/* Copies between `data` and the device copy, as a shader would; false and a violation when the bytes do not all lie in
 * one live memory. Works for memory that the CPU cannot see, too. */
bool fake_device_write(struct fake_driver *driver, VkDeviceAddress address, const void *data, size_t size);
bool fake_device_read(struct fake_driver *driver, VkDeviceAddress address, void *data, size_t size);

/* Timeline semaphores of the tests' own, freed with the driver or by fake_drop_semaphore. */
VkSemaphore fake_make_semaphore(struct fake_driver *driver, uint64_t value);
void fake_signal(struct fake_driver *driver, VkSemaphore handle, uint64_t value);
void fake_drop_semaphore(struct fake_driver *driver, VkSemaphore handle);

/* ---- Commands ---------------------------------------------------------------------------------------------------- */

/* A command buffer of the tests' own, NULL only when the host is out of memory. Fills, copies and memory barriers are
 * recorded into it, and the rules checked, among them that commands on the same bytes have a barrier between them if
 * one of them writes. */
VkCommandBuffer fake_make_commands(struct fake_driver *driver);
/* Executes what was recorded, in the device copies, and forgets it. */
void fake_submit(VkCommandBuffer handle);
void fake_drop_commands(VkCommandBuffer handle);

/* ---- Host memory ------------------------------------------------------------------------------------------------- */

/*
 * Counting host memory for the library and the driver: fills fresh memory with rubbish, checks what comes back (live,
 * bytes past the end), fails where told. Counters may be read while no call is under way.
 *
 *     struct fake_host host;
 *     fake_host_init(&host);
 *     VkAllocationCallbacks callbacks = fake_host_callbacks(&host);
 *     fake_host_fail(&host, 3, false);
 *     ...
 *     assert_int_equal(fake_host_done(&host), 0);
 */
struct fake_host {
    size_t live_bytes;
    size_t live_count;
    size_t peak_bytes;
    size_t calls;      /* allocations and reallocations asked for */
    size_t failed;     /* of them, refused since fake_host_fail */
    size_t fail_at;    /* counts down to the one that fails; 0: none */
    bool sticky;       /* and all that follow */
    unsigned problems; /* foreign or double frees, overruns, bad alignment or scope */
    void *state;       /* lock and list */
};

void fake_host_init(struct fake_host *host);
VkAllocationCallbacks fake_host_callbacks(struct fake_host *host);
/* The nth allocation from now (1 is the next) answers NULL, `sticky` all that follow too; nth 0: none. */
void fake_host_fail(struct fake_host *host, size_t nth, bool sticky);
/* Answers problems plus allocations still live, and frees those. */
unsigned fake_host_done(struct fake_host *host);

#endif
