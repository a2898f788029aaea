/*
 * The public suite: what its programs share.
 *
 * Each test_*.c is a program of cmocka tests over the public API alone, on one real Vulkan driver:
 *
 *     int main(void) {
 *         const struct CMUnitTest tests[] = { SUITE_TEST(some_promise_holds), ... };
 *         suite_open();
 *         return suite_close(cmocka_run_group_tests(tests, NULL, NULL));
 *     }
 *
 * Instance, device, queues and kernels live as long as the program; every test gets a fresh allocator (s->allocator)
 * and ends with it destroyed. A test fails, too, when at its end anything is still allocated, the library has sent a
 * warning or an error that was not expected, or the validation layers have said a word.
 *
 * Environment
 *   BDA_DEVICE=<index or part of a name>   which GPU; otherwise a discrete one before an integrated, virtual, CPU one
 *   BDA_VALIDATE=0 / 1                     without the validation layer / even in a build with sanitizers. It is used
 *                                          where it is installed, except in those builds: it is not instrumented.
 * The exit code is 77 where there is no device with bufferDeviceAddress, timelineSemaphore and shaderInt64.
 */
#ifndef SUITE_SUITE_H
#define SUITE_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <volk.h>

#include <bdaalloc/bdaalloc.h>
#include <cmocka.h>
#include <stdbool.h>

enum { SUITE_SKIPPED = 77, SUITE_MAX_FAMILIES = 16 };

#define SUITE_KIB          ((VkDeviceSize)1024)
#define SUITE_MIB          (1024 * SUITE_KIB)
#define SUITE_COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Optional things that the device has, and was made with. */
struct suite_enabled {
    bool layers;       /* the validation layer listens */
    bool gpu_assisted; /* it instruments shaders */
    bool debug_utils;
    bool memory_budget;
    bool memory_priority;
    bool capture_replay;
    bool acceleration_structure;
    bool descriptor_buffer;
    bool external_memory_fd;
    bool maintenance5;
};

/* VkPhysicalDeviceMaintenance5Features, which the headers of Debian 12 do not have. */
struct suite_maintenance5 {
    VkStructureType sType;
    void *pNext;
    VkBool32 maintenance5;
};

/* One queue of each family. */
struct suite_queue {
    uint32_t family;
    VkQueueFlags flags;
    VkQueue queue;
    VkCommandPool commands;
};

/* What the device was made with, for BdaAllocatorInfo::device_info. */
struct suite_device_info {
    VkDeviceCreateInfo base;
    VkPhysicalDeviceFeatures2 features;
    VkPhysicalDeviceVulkan12Features features12;
    VkPhysicalDeviceMemoryPriorityFeaturesEXT memory_priority;
    VkPhysicalDeviceAccelerationStructureFeaturesKHR acceleration_structure;
    VkPhysicalDeviceDescriptorBufferFeaturesEXT descriptor_buffer;
    struct suite_maintenance5 maintenance5;
    const char *extensions[16];
    VkDeviceQueueCreateInfo queues[SUITE_MAX_FAMILIES];
    float priority;
};

enum suite_kernel {
    SUITE_TRANSFORM,
    SUITE_FILL,
    SUITE_CHECKSUM,
    SUITE_CHASE,
    SUITE_BOUND,
    SUITE_CHECKED,       /* any access, through checked pointers */
    SUITE_CHECKED_UVEC2, /* the same without 64-bit integers */
    SUITE_KERNEL_COUNT
};

struct suite {
    VkInstance instance;
    uint32_t api_version; /* of the instance */
    VkDebugUtilsMessengerEXT messenger;
    VkPhysicalDevice physical;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    struct suite_enabled enabled;
    struct suite_device_info device_info;
    VkDevice device;
    uint32_t queue_count;
    struct suite_queue queues[SUITE_MAX_FAMILIES];
    const struct suite_queue *main;   /* computes and copies */
    VkDescriptorSetLayout set_layout; /* of SUITE_BOUND */
    VkPipelineLayout layout;
    VkPipeline kernels[SUITE_KERNEL_COUNT];
    BdaAllocator tools;     /* for what the tests need beside what they test: staging, tables, results */
    BdaAllocator allocator; /* the one under test */
};

/* Opens the device, or ends the program with SUITE_SKIPPED. */
void suite_open(void);
/* Closes it; returns the program's exit code. */
int suite_close(int failed_tests);

int suite_setup(void **state);
int suite_teardown(void **state);
#define SUITE_TEST(test) cmocka_unit_test_setup_teardown(test, suite_setup, suite_teardown)

/* What s->allocator is made of, to be changed and given to suite_restart. */
BdaAllocatorInfo suite_allocator_info(struct suite *s);
/* Another allocator in place of s->allocator. */
void suite_restart(struct suite *s, const BdaAllocatorInfo *info);

/* ---- Messages ------------------------------------------------------------------------------------------------- */

/* Warnings and errors of the layers so far, and the last one's text and object names. */
struct suite_layer_message {
    unsigned count;
    char text[1024];
    char objects[256];
};
struct suite_layer_message suite_layer_messages(void);
/* Messages up to the matching call with false are expected: they are kept, but not printed nor held against the test.
 */
void suite_expect_layer_messages(bool expected);

/* The library's last warning or error, and how many there were since the last call; both are then forgotten. */
struct suite_message {
    unsigned count;
    char text[512];
};
struct suite_message suite_take_message(void);
void suite_message(void *user, BdaMessageSeverity severity, const char *text);

/* True if anybody complained since the last call; what was said has been printed. */
bool suite_complaints(void);

void suite_create_messenger(struct suite *s, VkDebugUtilsMessengerCreateInfoEXT *info);

/* ---- Assertions ----------------------------------------------------------------------------------------------- */

#define assert_vk(call)               suite_assert_vk((call), VK_SUCCESS, #call, __FILE__, __LINE__)
#define assert_result(call, expected) suite_assert_vk((call), (expected), #call, __FILE__, __LINE__)
void suite_assert_vk(VkResult result, VkResult expected, const char *call, const char *file, int line);

/* The call answered as expected, and the library said once why, naming the function. */
#define assert_refused(function, arguments, expected)                                                                  \
    suite_assert_refused((function)arguments, (expected), #function, __FILE__, __LINE__)
void suite_assert_refused(VkResult result, VkResult expected, const char *function, const char *file, int line);

/* Every byte of what a refused call had to zero is zero. */
#define assert_zeroed(object) suite_assert_zeroed(&(object), sizeof(object), __FILE__, __LINE__)
void suite_assert_zeroed(const void *bytes, size_t size, const char *file, int line);

BdaUse suite_use(struct suite *s);
BdaAllocationInfo suite_info(struct suite *s, BdaHandle handle);

/* A generator of numbers that look random, the same in each run. */
uint32_t suite_random(uint32_t *state);

#endif
