/* Instance, device and queues: the best device that is here, with everything enabled that the library can make use of.
 */
#include "kernels.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"
/* Not in the headers of Debian 12; the layers know it since the version below. */
#define MAINTENANCE_5                "VK_KHR_maintenance5"
#define STRUCTURE_TYPE_MAINTENANCE_5 1000470000
#define LAYERS_WITH_MAINTENANCE_5    VK_MAKE_API_VERSION(0, 1, 3, 275)
#define SUITE_NEWEST_API             VK_API_VERSION_1_3 /* the newest that the headers of Debian 12 know */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static struct suite suite;
static uint32_t layer_version;

static void skip_all(const char *why) {
    printf("skipped: %s\n", why);
    exit(SUITE_SKIPPED);
}

static void check(VkResult result, const char *what) {
    if (result == VK_SUCCESS)
        return;
    fprintf(stderr, "%s: VkResult %d\n", what, (int)result);
    exit(EXIT_FAILURE);
}

/* ---- Instance ---- */

static bool find_layer(void) {
    VkLayerProperties layers[64];
    uint32_t count = SUITE_COUNT(layers);
    (void)vkEnumerateInstanceLayerProperties(&count, layers);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(layers[i].layerName, VALIDATION_LAYER) == 0) {
            layer_version = layers[i].specVersion;
            return true;
        }
    return false;
}

static bool wants_layer(void) {
    const char *wish = getenv("BDA_VALIDATE");
    if (wish != NULL)
        return strcmp(wish, "0") != 0;
    return !SANITIZED;
}

static bool is_listed(const VkExtensionProperties *list, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(list[i].extensionName, name) == 0)
            return true;
    return false;
}

static bool instance_has(const char *name) {
    VkExtensionProperties list[64];
    uint32_t count = SUITE_COUNT(list);
    (void)vkEnumerateInstanceExtensionProperties(NULL, &count, list);
    return is_listed(list, count, name);
}

/* The layers then instrument shaders, which makes pipelines slow: for the tests that ask for it (tests/CMakeLists.txt).
 */
static bool wants_gpu_assistance(void) {
    return getenv("BDA_GPU_ASSISTED") != NULL;
}

/* A settings file would print the message that test_messenger provokes; our own messenger reports everything. */
static void forget_layer_settings(void) {
#ifdef _WIN32
    (void)_putenv("VK_LAYER_SETTINGS_PATH=");
#else
    (void)unsetenv("VK_LAYER_SETTINGS_PATH");
#endif
}

static void open_instance(struct suite *s) {
    VkApplicationInfo application = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                      .pApplicationName = "bdaalloc suite",
                                      .apiVersion = s->api_version };
    const VkValidationFeatureEnableEXT more[] = { VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT,
                                                  VK_VALIDATION_FEATURE_ENABLE_GPU_ASSISTED_EXT };
    const VkValidationFeaturesEXT validation = { .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                                 .enabledValidationFeatureCount = s->enabled.gpu_assisted ? 2 : 1,
                                                 .pEnabledValidationFeatures = more };
    VkDebugUtilsMessengerCreateInfoEXT messenger;
    suite_create_messenger(s, &messenger);
    messenger.pNext = &validation;
    const char *layers[] = { VALIDATION_LAYER };
    const char *extensions[2] = { VK_EXT_DEBUG_UTILS_EXTENSION_NAME, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME };
    VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                  .pNext = s->enabled.layers ? &messenger : NULL,
                                  .pApplicationInfo = &application,
                                  .enabledLayerCount = s->enabled.layers ? 1 : 0,
                                  .ppEnabledLayerNames = layers,
                                  .enabledExtensionCount = s->enabled.layers        ? 2
                                                           : s->enabled.debug_utils ? 1
                                                                                    : 0,
                                  .ppEnabledExtensionNames = extensions };
    VkResult result = vkCreateInstance(&info, NULL, &s->instance);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        skip_all("no Vulkan driver is installed");
    check(result, "vkCreateInstance");
    volkLoadInstance(s->instance);
    if (s->enabled.layers)
        suite_create_messenger(s, &messenger);
}

/* ---- Choosing a device ---- */

static const char *find_lack(VkPhysicalDevice device, uint32_t version) {
    if (version < VK_API_VERSION_1_2)
        return "the device does not have Vulkan 1.2";
    VkPhysicalDeviceVulkan12Features has12 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES };
    VkPhysicalDeviceFeatures2 has = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &has12 };
    vkGetPhysicalDeviceFeatures2(device, &has);
    if (!has12.bufferDeviceAddress || !has12.timelineSemaphore || !has.features.shaderInt64)
        return "the device does not have bufferDeviceAddress, timelineSemaphore and shaderInt64";
    return NULL;
}

static int rank(VkPhysicalDeviceType type) {
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return 4;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return 3;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return 2;
    default:
        return 1;
    }
}

static bool is_wanted(const char *wish, uint32_t index, const char *name) {
    char *end = NULL;
    unsigned long number = strtoul(wish, &end, 10);
    return *wish != '\0' && *end == '\0' ? number == index : strstr(name, wish) != NULL;
}

static void choose_device(struct suite *s) {
    VkPhysicalDevice devices[16];
    uint32_t count = SUITE_COUNT(devices);
    (void)vkEnumeratePhysicalDevices(s->instance, &count, devices);
    const char *wish = getenv("BDA_DEVICE");
    const char *lack = "there is no (such) device";
    int best = 0;
    for (uint32_t i = 0; i < count; i++) {
        VkPhysicalDeviceProperties properties;
        vkGetPhysicalDeviceProperties(devices[i], &properties);
        if (wish != NULL && !is_wanted(wish, i, properties.deviceName))
            continue;
        const char *lacks = find_lack(devices[i], properties.apiVersion);
        if (lacks != NULL) {
            lack = lacks;
        } else if (rank(properties.deviceType) > best) {
            best = rank(properties.deviceType);
            s->physical = devices[i];
            s->properties = properties;
        }
    }
    if (best == 0)
        skip_all(lack);
    vkGetPhysicalDeviceMemoryProperties(s->physical, &s->memory);
}

/* ---- Features ---- */

static void enable_extension(struct suite_device_info *info, const char *name) {
    info->extensions[info->base.enabledExtensionCount++] = name;
}

/* Puts a feature struct in front of the chain. */
static void link_features(struct suite_device_info *info, void *features, VkStructureType type) {
    VkBaseOutStructure *s = features;
    s->sType = type;
    s->pNext = info->features.pNext;
    info->features.pNext = s;
}

/* The optional extensions that are here; each brings its struct of features, to be filled by the driver. */
static void link_optional(struct suite *s, const VkExtensionProperties *list, uint32_t count) {
    struct suite_device_info *info = &s->device_info;
    uint32_t version = s->properties.apiVersion < s->api_version ? s->properties.apiVersion : s->api_version;
    s->enabled.memory_budget = is_listed(list, count, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    s->enabled.external_memory_fd = is_listed(list, count, VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME);
    if (is_listed(list, count, VK_EXT_MEMORY_PRIORITY_EXTENSION_NAME))
        link_features(info, &info->memory_priority, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PRIORITY_FEATURES_EXT);
    if (is_listed(list, count, VK_KHR_ACCELERATION_STRUCTURE_EXTENSION_NAME) &&
        is_listed(list, count, VK_KHR_DEFERRED_HOST_OPERATIONS_EXTENSION_NAME))
        link_features(info, &info->acceleration_structure,
                      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR);
    if (version < VK_API_VERSION_1_3)
        return; /* what follows stands on parts of 1.3 */
    if (is_listed(list, count, VK_EXT_DESCRIPTOR_BUFFER_EXTENSION_NAME))
        link_features(info, &info->descriptor_buffer, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_FEATURES_EXT);
    if (is_listed(list, count, MAINTENANCE_5) && (!s->enabled.layers || layer_version >= LAYERS_WITH_MAINTENANCE_5))
        link_features(info, &info->maintenance5, (VkStructureType)STRUCTURE_TYPE_MAINTENANCE_5);
}

/* Asks the driver, and keeps of its answers what the suite has a use for. */
static void ask_features(struct suite *s) {
    struct suite_device_info *info = &s->device_info;
    vkGetPhysicalDeviceFeatures2(s->physical, &info->features);
    void *chain = info->features12.pNext;
    s->enabled.capture_replay = info->features12.bufferDeviceAddressCaptureReplay;
    s->enabled.memory_priority = info->memory_priority.memoryPriority;
    s->enabled.acceleration_structure = info->acceleration_structure.accelerationStructure;
    s->enabled.descriptor_buffer = info->descriptor_buffer.descriptorBuffer;
    s->enabled.maintenance5 = info->maintenance5.maintenance5;
    info->features.features = (VkPhysicalDeviceFeatures){ .shaderInt64 = VK_TRUE };
    info->features12 = (VkPhysicalDeviceVulkan12Features){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
        .pNext = chain,
        .timelineSemaphore = VK_TRUE,
        .bufferDeviceAddress = VK_TRUE,
        .bufferDeviceAddressCaptureReplay = s->enabled.capture_replay,
    };
    chain = info->acceleration_structure.pNext;
    info->acceleration_structure = (VkPhysicalDeviceAccelerationStructureFeaturesKHR){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR,
        .pNext = chain,
        .accelerationStructure = s->enabled.acceleration_structure,
    };
    chain = info->descriptor_buffer.pNext;
    info->descriptor_buffer = (VkPhysicalDeviceDescriptorBufferFeaturesEXT){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DESCRIPTOR_BUFFER_FEATURES_EXT,
        .pNext = chain,
        .descriptorBuffer = s->enabled.descriptor_buffer,
    };
}

/* An extension and its struct come together or not at all; what has no feature is taken out of the chain again. */
static void settle_extensions(struct suite *s) {
    struct suite_device_info *info = &s->device_info;
    const struct {
        bool enabled;
        void *features;
        const char *names[2];
    } all[] = {
        { s->enabled.memory_budget, NULL, { VK_EXT_MEMORY_BUDGET_EXTENSION_NAME, NULL } },
        { s->enabled.external_memory_fd, NULL, { VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME, NULL } },
        { s->enabled.memory_priority, &info->memory_priority, { VK_EXT_MEMORY_PRIORITY_EXTENSION_NAME, NULL } },
        { s->enabled.acceleration_structure,
          &info->acceleration_structure,
          { VK_KHR_ACCELERATION_STRUCTURE_EXTENSION_NAME, VK_KHR_DEFERRED_HOST_OPERATIONS_EXTENSION_NAME } },
        { s->enabled.descriptor_buffer, &info->descriptor_buffer, { VK_EXT_DESCRIPTOR_BUFFER_EXTENSION_NAME, NULL } },
        { s->enabled.maintenance5, &info->maintenance5, { MAINTENANCE_5, NULL } },
    };
    info->features.pNext = NULL;
    link_features(info, &info->features12, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    for (size_t i = 0; i < SUITE_COUNT(all); i++) {
        for (size_t name = 0; name < 2 && all[i].enabled && all[i].names[name] != NULL; name++)
            enable_extension(info, all[i].names[name]);
        if (all[i].enabled && all[i].features != NULL)
            link_features(info, all[i].features, ((VkBaseInStructure *)all[i].features)->sType);
    }
}

static void choose_features(struct suite *s) {
    struct suite_device_info *info = &s->device_info;
    uint32_t count = 0;
    check(vkEnumerateDeviceExtensionProperties(s->physical, NULL, &count, NULL), "device extensions");
    VkExtensionProperties *list = calloc(count + 1, sizeof *list);
    if (list == NULL)
        abort();
    check(vkEnumerateDeviceExtensionProperties(s->physical, NULL, &count, list), "device extensions");
    info->features = (VkPhysicalDeviceFeatures2){ .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2 };
    link_features(info, &info->features12, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
    link_optional(s, list, count);
    free(list);
    ask_features(s);
    settle_extensions(s);
}

/* ---- Queues ---- */

/* The family that the most work goes to: computes, and so copies; drawing too if there is such a one. */
static bool is_better(VkQueueFlags flags, const struct suite_queue *than) {
    if ((flags & VK_QUEUE_COMPUTE_BIT) == 0)
        return false;
    return than == NULL || ((than->flags & VK_QUEUE_GRAPHICS_BIT) == 0 && (flags & VK_QUEUE_GRAPHICS_BIT) != 0);
}

/* Families of nothing but video, or of protected work only, are left out: they cannot even copy. */
static void choose_queues(struct suite *s) {
    const VkQueueFlags useful = VK_QUEUE_COMPUTE_BIT | VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_TRANSFER_BIT;
    VkQueueFamilyProperties families[SUITE_MAX_FAMILIES];
    uint32_t count = SUITE_MAX_FAMILIES;
    vkGetPhysicalDeviceQueueFamilyProperties(s->physical, &count, families);
    for (uint32_t family = 0; family < count; family++) {
        if (families[family].queueCount == 0 || (families[family].queueFlags & useful) == 0)
            continue;
        struct suite_queue *queue = &s->queues[s->queue_count];
        queue->family = family;
        queue->flags = families[family].queueFlags;
        s->device_info.queues[s->queue_count++] =
            (VkDeviceQueueCreateInfo){ .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                       .queueFamilyIndex = family,
                                       .queueCount = 1,
                                       .pQueuePriorities = &s->device_info.priority };
        if (is_better(queue->flags, s->main))
            s->main = queue;
    }
    if (s->main == NULL)
        skip_all("the device has no queue that computes");
}

static void open_queues(struct suite *s) {
    for (uint32_t i = 0; i < s->queue_count; i++) {
        struct suite_queue *queue = &s->queues[i];
        vkGetDeviceQueue(s->device, queue->family, 0, &queue->queue);
        const VkCommandPoolCreateInfo info = { .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                               .queueFamilyIndex = queue->family };
        check(vkCreateCommandPool(s->device, &info, NULL, &queue->commands), "vkCreateCommandPool");
    }
}

static void open_device(struct suite *s) {
    struct suite_device_info *info = &s->device_info;
    info->priority = 1.0f;
    choose_features(s);
    choose_queues(s);
    info->base.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
    info->base.pNext = &info->features;
    info->base.queueCreateInfoCount = s->queue_count;
    info->base.pQueueCreateInfos = info->queues;
    info->base.ppEnabledExtensionNames = info->extensions;
    check(vkCreateDevice(s->physical, &info->base, NULL, &s->device), "vkCreateDevice");
    volkLoadDevice(s->device);
    open_queues(s);
}

/* ---- All of it ---- */

static void tell(const struct suite *s) {
    const struct suite_enabled *e = &s->enabled;
    uint32_t version = s->properties.apiVersion;
    printf("device: %s, Vulkan %u.%u.%u, driver %u, %u queue families\n", s->properties.deviceName,
           VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version), VK_API_VERSION_PATCH(version),
           s->properties.driverVersion, s->queue_count);
    printf("with:%s%s%s%s%s%s%s%s%s\n", e->layers ? " layers" : "", e->debug_utils ? " debug_utils" : "",
           e->memory_budget ? " memory_budget" : "", e->memory_priority ? " memory_priority" : "",
           e->capture_replay ? " capture_replay" : "", e->acceleration_structure ? " acceleration_structure" : "",
           e->descriptor_buffer ? " descriptor_buffer" : "", e->external_memory_fd ? " external_memory_fd" : "",
           e->maintenance5 ? " maintenance5" : "");
}

void suite_open(void) {
    struct suite *s = &suite;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* in a log, lines stay in order with those of stderr */
    if (volkInitialize() != VK_SUCCESS)
        skip_all("no Vulkan loader is installed");
    s->api_version = volkGetInstanceVersion() < SUITE_NEWEST_API ? volkGetInstanceVersion() : SUITE_NEWEST_API;
    s->enabled.layers = wants_layer() && find_layer();
    s->enabled.gpu_assisted = s->enabled.layers && wants_gpu_assistance();
    s->enabled.debug_utils = s->enabled.layers || instance_has(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    if (s->enabled.layers)
        forget_layer_settings();
    open_instance(s);
    choose_device(s);
    open_device(s);
    suite_create_kernels(s);
    BdaAllocatorInfo info = suite_allocator_info(s);
    check(bda_create_allocator(&info, &s->tools), "bda_create_allocator");
    tell(s);
}

int suite_close(int failed_tests) {
    struct suite *s = &suite;
    check(bda_destroy_allocator(s->tools), "the suite's own allocator");
    suite_destroy_kernels(s);
    for (uint32_t i = 0; i < s->queue_count; i++)
        vkDestroyCommandPool(s->device, s->queues[i].commands, NULL);
    vkDestroyDevice(s->device, NULL);
    if (s->messenger != VK_NULL_HANDLE)
        vkDestroyDebugUtilsMessengerEXT(s->instance, s->messenger, NULL);
    vkDestroyInstance(s->instance, NULL);
    if (suite_complaints())
        printf("complaints after the last test, see above\n");
    else if (failed_tests == 0)
        return EXIT_SUCCESS;
    return EXIT_FAILURE;
}

/* ---- Each test ---- */

BdaAllocatorInfo suite_allocator_info(struct suite *s) {
    return (BdaAllocatorInfo){ .api_version = s->api_version,
                               .instance = s->instance,
                               .physical_device = s->physical,
                               .device = s->device,
                               .get_instance_proc_addr = vkGetInstanceProcAddr,
                               .device_info = &s->device_info.base,
                               .message = suite_message };
}

int suite_setup(void **state) {
    struct suite *s = *state = &suite;
    BdaAllocatorInfo info = suite_allocator_info(s);
    return bda_create_allocator(&info, &s->allocator) == VK_SUCCESS ? 0 : -1;
}

void suite_restart(struct suite *s, const BdaAllocatorInfo *info) {
    BdaAllocator old = s->allocator;
    s->allocator = NULL;
    assert_vk(bda_destroy_allocator(old));
    assert_vk(bda_create_allocator(info, &s->allocator));
}

int suite_teardown(void **state) {
    struct suite *s = *state;
    (void)vkDeviceWaitIdle(s->device); /* a test that failed may have left work behind */
    bool sound = s->allocator == NULL || bda_check(s->allocator) == VK_SUCCESS;
    VkResult result = bda_destroy_allocator(s->allocator);
    s->allocator = NULL;
    bool silent = !suite_complaints();
    return sound && silent && result == VK_SUCCESS ? 0 : -1;
}
