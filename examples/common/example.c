/* Implements example.h: Vulkan's beginnings, as short as checking every result allows. */
#include "example.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char validation_layer[] = "VK_LAYER_KHRONOS_validation";

/* A dispatch of an example takes well under a second, on a software driver under sanitizers a few; one that takes this
 * long will never end. */
static const uint64_t patience_ns = 120ull * 1000 * 1000 * 1000;

void ex_check(VkResult result, const char *call, const char *file, int line) {
    if (result == VK_SUCCESS)
        return;
    fprintf(stderr, "%s:%d: %s returned VkResult %d\n", file, line, call, (int)result);
    exit(EXIT_FAILURE);
}

void ex_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

static const float least_extent = 1e-6f, most_extent = 1e6f;

void ex_check_extent(const char *path, float extent) {
    if (!(extent >= least_extent && extent <= most_extent))
        ex_fail("the model of %s has an extent of %g; %g to %g can be drawn", path, (double)extent,
                (double)least_extent, (double)most_extent);
}

static void skip(const char *why, const char *what) {
    printf("skipped: %s%s\n", why, what);
    exit(EX_SKIP);
}

void ex_message(void *user, BdaMessageSeverity severity, const char *text) {
    struct ex *ex = (struct ex *)user;
    if (severity != BDA_MESSAGE_INFO)
        ex->complaints++;
    fprintf(stderr, "bdaalloc: %s\n", text);
}

static VKAPI_ATTR VkBool32 VKAPI_CALL on_validation(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                    VkDebugUtilsMessageTypeFlagsEXT types,
                                                    const VkDebugUtilsMessengerCallbackDataEXT *data, void *user) {
    struct ex *ex = user;
    (void)severity;
    (void)types;
    ex->complaints++;
    fprintf(stderr, "validation: %s\n", data->pMessage);
    return VK_FALSE;
}

/* ---- Instance ------------------------------------------------------------------------------------------------- */

static bool has_extension(const VkExtensionProperties *list, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(list[i].extensionName, name) == 0)
            return true;
    return false;
}

static bool has_layer(const char *name) {
    VkLayerProperties layers[64];
    uint32_t count = 64;
    VkResult result = vkEnumerateInstanceLayerProperties(&count, layers);
    for (uint32_t i = 0; (result == VK_SUCCESS || result == VK_INCOMPLETE) && i < count; i++)
        if (strcmp(layers[i].layerName, name) == 0)
            return true;
    return false;
}

static bool instance_has_extension(const char *name) {
    VkExtensionProperties list[64];
    uint32_t count = 64;
    VkResult result = vkEnumerateInstanceExtensionProperties(NULL, &count, list);
    return (result == VK_SUCCESS || result == VK_INCOMPLETE) && has_extension(list, count, name);
}

static void start_instance(struct ex *ex, const char *title, const struct ex_wishes *wishes) {
    const char *wish = getenv("BDA_VALIDATE");
    bool validate = wish && strcmp(wish, "1") == 0;
    if (validate && !has_layer(validation_layer))
        skip("BDA_VALIDATE=1 wants a layer that is not installed, ", validation_layer);

    VkApplicationInfo application = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                      .pApplicationName = title,
                                      .apiVersion = ex->api_version };
    VkValidationFeatureEnableEXT enable[] = { VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT };
    VkValidationFeaturesEXT checks = { .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                       .enabledValidationFeatureCount = 1,
                                       .pEnabledValidationFeatures = enable };
    ex->messenger_info = (VkDebugUtilsMessengerCreateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .pNext = &checks, /* in the instance's chain only, where it also reports what happens before and after */
        .messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_validation,
        .pUserData = ex,
    };
    const char *layers[] = { validation_layer };
    const char *extensions[16];
    uint32_t extension_count = 0;
    for (uint32_t i = 0; i < wishes->instance_extension_count && i < 8; i++)
        extensions[extension_count++] = wishes->instance_extensions[i];
    if (validate || instance_has_extension(VK_EXT_DEBUG_UTILS_EXTENSION_NAME))
        extensions[extension_count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    if (validate)
        extensions[extension_count++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
    VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                  .pNext = validate ? &ex->messenger_info : NULL,
                                  .pApplicationInfo = &application,
                                  .enabledLayerCount = validate ? 1 : 0,
                                  .ppEnabledLayerNames = layers,
                                  .enabledExtensionCount = extension_count,
                                  .ppEnabledExtensionNames = extensions };
    VkResult result = vkCreateInstance(&info, NULL, &ex->instance);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        skip("no Vulkan driver is installed", "");
    EX_CHECK(result);
#ifndef EXAMPLE_WITH_LOADER
    volkLoadInstance(ex->instance);
#endif
    if (validate) {
        PFN_vkCreateDebugUtilsMessengerEXT create =
            (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(ex->instance, "vkCreateDebugUtilsMessengerEXT");
        ex->messenger_info.pNext = NULL;
        EX_CHECK(create(ex->instance, &ex->messenger_info, NULL, &ex->messenger));
    }
}

/* ---- Device --------------------------------------------------------------------------------------------------- */

static uint32_t find_family(VkPhysicalDevice device, unsigned needs) {
    VkQueueFlags wanted = VK_QUEUE_COMPUTE_BIT | ((needs & EX_GRAPHICS) ? VK_QUEUE_GRAPHICS_BIT : 0);
    VkQueueFamilyProperties families[32];
    uint32_t count = 32;
    vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families);
    for (uint32_t i = 0; i < count; i++)
        if ((families[i].queueFlags & wanted) == wanted)
            return i;
    return UINT32_MAX;
}

static const char *find_graphics_lack(VkPhysicalDevice device, const VkPhysicalDeviceProperties *properties) {
    if (properties->apiVersion < VK_API_VERSION_1_3)
        return "Vulkan 1.3";
    VkPhysicalDeviceVulkan13Features has13 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES };
    VkPhysicalDeviceFeatures2 has = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &has13 };
    vkGetPhysicalDeviceFeatures2(device, &has);
    if (!has13.dynamicRendering)
        return "dynamicRendering";
    if (!has13.synchronization2)
        return "synchronization2";
    if (!has.features.multiDrawIndirect || !has.features.drawIndirectFirstInstance)
        return "indirect draws of many instances";
    return NULL;
}

/* What the device lacks of what is needed; NULL when nothing. */
static const char *find_lack(VkPhysicalDevice device, const VkPhysicalDeviceProperties *properties, unsigned needs) {
    if (properties->apiVersion < VK_API_VERSION_1_2)
        return "Vulkan 1.2";
    VkPhysicalDeviceVulkan12Features has12 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES };
    VkPhysicalDeviceFeatures2 has = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &has12 };
    vkGetPhysicalDeviceFeatures2(device, &has);
    if (!has12.bufferDeviceAddress)
        return "bufferDeviceAddress";
    if (!has12.timelineSemaphore)
        return "timelineSemaphore";
    if (!has.features.shaderInt64)
        return "shaderInt64";
    if ((needs & EX_ATOMIC_INT64) && !has12.shaderBufferInt64Atomics)
        return "shaderBufferInt64Atomics";
    if (find_family(device, needs) == UINT32_MAX)
        return (needs & EX_GRAPHICS) ? "a graphics queue" : "a compute queue";
    return (needs & EX_GRAPHICS) ? find_graphics_lack(device, properties) : NULL;
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

/* BDA_DEVICE holds an index, or else a part of the name. */
static bool is_wanted(const char *wish, uint32_t index, const char *name) {
    char *end = NULL;
    unsigned long number = strtoul(wish, &end, 10);
    return *wish && *end == '\0' ? number == index : strstr(name, wish) != NULL;
}

static void choose_device(struct ex *ex, unsigned needs) {
    VkPhysicalDevice devices[16];
    uint32_t count = 16;
    VkResult result = vkEnumeratePhysicalDevices(ex->instance, &count, devices);
    if (result != VK_INCOMPLETE)
        EX_CHECK(result);
    const char *wish = getenv("BDA_DEVICE");
    const char *lack = NULL;
    int best = 0;
    for (uint32_t i = 0; i < count; i++) {
        VkPhysicalDeviceProperties properties;
        vkGetPhysicalDeviceProperties(devices[i], &properties);
        if (wish && !is_wanted(wish, i, properties.deviceName))
            continue;
        const char *lacks = find_lack(devices[i], &properties, needs);
        if (lacks) {
            lack = lacks;
        } else if (rank(properties.deviceType) > best) {
            best = rank(properties.deviceType);
            ex->physical_device = devices[i];
            ex->properties = properties;
        }
    }
    if (wish && best == 0 && !lack)
        ex_fail("no device has the index or a name with %s, which BDA_DEVICE asks for", wish);
    if (best == 0)
        skip("no device here has what this example needs, missing: ", lack ? lack : "any device");
}

static void start_device(struct ex *ex, const struct ex_wishes *wishes) {
    static const float priority = 1.0f;
    unsigned needs = wishes->features;
    ex->queue_family = find_family(ex->physical_device, needs);
    ex->queue_info = (VkDeviceQueueCreateInfo){ .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                                .queueFamilyIndex = ex->queue_family,
                                                .queueCount = 1,
                                                .pQueuePriorities = &priority };
    ex->features12 =
        (VkPhysicalDeviceVulkan12Features){ .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                            .shaderBufferInt64Atomics = (needs & EX_ATOMIC_INT64) ? VK_TRUE : VK_FALSE,
                                            .timelineSemaphore = VK_TRUE,
                                            .bufferDeviceAddress = VK_TRUE };
    ex->features = (VkPhysicalDeviceFeatures2){ .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                                .pNext = &ex->features12,
                                                .features = { .shaderInt64 = VK_TRUE } };
    if (needs & EX_GRAPHICS) {
        ex->features13 =
            (VkPhysicalDeviceVulkan13Features){ .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
                                                .synchronization2 = VK_TRUE,
                                                .dynamicRendering = VK_TRUE };
        ex->features12.pNext = &ex->features13;
        ex->features.features.multiDrawIndirect = VK_TRUE;
        ex->features.features.drawIndirectFirstInstance = VK_TRUE;
    }
    ex->device_info = (VkDeviceCreateInfo){ .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                            .pNext = &ex->features,
                                            .queueCreateInfoCount = 1,
                                            .pQueueCreateInfos = &ex->queue_info,
                                            .ppEnabledExtensionNames = ex->extensions };
    /* The library asks the driver for the budget where this is enabled. */
    uint32_t count = 0;
    EX_CHECK(vkEnumerateDeviceExtensionProperties(ex->physical_device, NULL, &count, NULL));
    VkExtensionProperties *list = calloc(count + 1, sizeof *list);
    if (!list)
        ex_fail("out of memory");
    EX_CHECK(vkEnumerateDeviceExtensionProperties(ex->physical_device, NULL, &count, list));
    if (has_extension(list, count, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME))
        ex->extensions[ex->device_info.enabledExtensionCount++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
    free(list);
    if (wishes->swapchain)
        ex->extensions[ex->device_info.enabledExtensionCount++] = VK_KHR_SWAPCHAIN_EXTENSION_NAME;
    EX_CHECK(vkCreateDevice(ex->physical_device, &ex->device_info, NULL, &ex->device));
#ifndef EXAMPLE_WITH_LOADER
    volkLoadDevice(ex->device);
#endif
    vkGetDeviceQueue(ex->device, ex->queue_family, 0, &ex->queue);
    VkCommandPoolCreateInfo pool_info = { .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .queueFamilyIndex = ex->queue_family };
    EX_CHECK(vkCreateCommandPool(ex->device, &pool_info, NULL, &ex->commands));
    VkFenceCreateInfo fence_info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    EX_CHECK(vkCreateFence(ex->device, &fence_info, NULL, &ex->fence));
}

void ex_start(struct ex *ex, const char *title, unsigned features) {
    ex_start_with(ex, title, &(struct ex_wishes){ .features = features });
}

void ex_start_with(struct ex *ex, const char *title, const struct ex_wishes *wishes) {
    memset(ex, 0, sizeof *ex);
    ex->api_version = (wishes->features & EX_GRAPHICS) ? VK_API_VERSION_1_3 : VK_API_VERSION_1_2;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* in a log, lines stay in order with those of stderr */
    printf("%s\n", title);
#ifndef EXAMPLE_WITH_LOADER
    if (volkInitialize() != VK_SUCCESS)
        skip("no Vulkan loader (libvulkan.so.1) is installed", "");
#endif
    start_instance(ex, title, wishes);
    choose_device(ex, wishes->features);
    start_device(ex, wishes);
    uint32_t version = ex->properties.apiVersion;
    printf("device     %s, Vulkan %u.%u.%u\n", ex->properties.deviceName, VK_API_VERSION_MAJOR(version),
           VK_API_VERSION_MINOR(version), VK_API_VERSION_PATCH(version));
}

int ex_finish(struct ex *ex, bool passed) {
    vkDestroyFence(ex->device, ex->fence, NULL);
    vkDestroyCommandPool(ex->device, ex->commands, NULL);
    vkDestroyDevice(ex->device, NULL);
    if (ex->messenger) {
        PFN_vkDestroyDebugUtilsMessengerEXT destroy =
            (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(ex->instance, "vkDestroyDebugUtilsMessengerEXT");
        destroy(ex->instance, ex->messenger, NULL);
    }
    vkDestroyInstance(ex->instance, NULL);
    if (ex->complaints > 0)
        printf("%u complaint(s) above from the validation layer or the library\n", ex->complaints);
    passed = passed && ex->complaints == 0;
    printf("%s\n", passed ? "passed" : "FAILED");
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- Checked variants ----------------------------------------------------------------------------------------- */

void ex_use_checks(struct ex *ex, BdaAllocator allocator) {
    VkDeviceAddress table;
    EX_CHECK(bda_get_check_table(allocator, &table));
    if (table)
        printf("checked    each pointer is looked up before it is followed\n");
    for (uint32_t i = 0; i < 2; i++) {
        ex->check_table[i] = (uint32_t)(table >> 32 * i);
        ex->check_entries[i] = (VkSpecializationMapEntry){ EX_CHECK_CONSTANTS + i, 4 * i, 4 };
    }
    ex->check_constants = (VkSpecializationInfo){ 2, ex->check_entries, sizeof ex->check_table, ex->check_table };
}

static void print_bad_access(void *user, const char *line) {
    (void)user;
    printf("bad access %s\n", line);
}

void ex_report_checks(struct ex *ex, BdaAllocator allocator) {
    uint64_t count;
    EX_CHECK(bda_report_checks(allocator, print_bad_access, NULL, &count));
    ex->complaints += count > 0;
}

/* ---- Work ----------------------------------------------------------------------------------------------------- */

void ex_create_pipeline(struct ex *ex, const uint32_t *code, size_t code_size, uint32_t push_size,
                        struct ex_pipeline *pipeline) {
    VkShaderModuleCreateInfo module_info = { .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                             .codeSize = code_size,
                                             .pCode = code };
    EX_CHECK(vkCreateShaderModule(ex->device, &module_info, NULL, &pipeline->module));
    VkPushConstantRange range = { .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = push_size };
    VkPipelineLayoutCreateInfo layout_info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &range };
    EX_CHECK(vkCreatePipelineLayout(ex->device, &layout_info, NULL, &pipeline->layout));
    VkComputePipelineCreateInfo info = { .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                         .stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                    .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                                    .module = pipeline->module,
                                                    .pName = "main",
                                                    .pSpecializationInfo = &ex->check_constants },
                                         .layout = pipeline->layout };
    EX_CHECK(vkCreateComputePipelines(ex->device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline->pipeline));
    pipeline->push_size = push_size;
}

void ex_destroy_pipeline(struct ex *ex, struct ex_pipeline *pipeline) {
    vkDestroyPipeline(ex->device, pipeline->pipeline, NULL);
    vkDestroyPipelineLayout(ex->device, pipeline->layout, NULL);
    vkDestroyShaderModule(ex->device, pipeline->module, NULL);
}

VkCommandBuffer ex_begin(struct ex *ex) {
    VkCommandBufferAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                         .commandPool = ex->commands,
                                         .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                         .commandBufferCount = 1 };
    VkCommandBuffer commands;
    EX_CHECK(vkAllocateCommandBuffers(ex->device, &info, &commands));
    VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                       .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT };
    EX_CHECK(vkBeginCommandBuffer(commands, &begin));
    return commands;
}

void ex_record_dispatch(VkCommandBuffer commands, const struct ex_pipeline *pipeline, const void *push,
                        uint32_t groups) {
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->pipeline);
    vkCmdPushConstants(commands, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, pipeline->push_size, push);
    vkCmdDispatch(commands, groups, 1, 1);
}

void ex_record_barrier(VkCommandBuffer commands) {
    VkMemoryBarrier barrier = { .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_SHADER_WRITE_BIT,
                                .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT |
                                                 VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                                                 VK_ACCESS_HOST_READ_BIT };
    VkPipelineStageFlags work = VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
    vkCmdPipelineBarrier(commands, work, work | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
}

void ex_end(struct ex *ex, VkCommandBuffer commands) {
    ex_record_barrier(commands);
    EX_CHECK(vkEndCommandBuffer(commands));
    VkSubmitInfo submit = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .commandBufferCount = 1,
                            .pCommandBuffers = &commands };
    EX_CHECK(vkQueueSubmit(ex->queue, 1, &submit, ex->fence));
    EX_CHECK(vkWaitForFences(ex->device, 1, &ex->fence, VK_TRUE, patience_ns));
    EX_CHECK(vkResetFences(ex->device, 1, &ex->fence));
    vkFreeCommandBuffers(ex->device, ex->commands, 1, &commands);
}

void ex_dispatch(struct ex *ex, const struct ex_pipeline *pipeline, const void *push, uint32_t groups) {
    VkCommandBuffer commands = ex_begin(ex);
    ex_record_dispatch(commands, pipeline, push, groups);
    ex_end(ex, commands);
}

/* ---- Timing --------------------------------------------------------------------------------------------------- */

enum { MOST_REPEATS = 1000 };

static uint64_t ticks_of_dispatch(struct ex *ex, VkQueryPool queries, const struct ex_pipeline *pipeline,
                                  const void *push, uint32_t groups) {
    uint64_t ticks[2];
    VkCommandBuffer commands = ex_begin(ex);
    vkCmdResetQueryPool(commands, queries, 0, 2);
    vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, queries, 0);
    ex_record_dispatch(commands, pipeline, push, groups);
    vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries, 1);
    ex_end(ex, commands);
    EX_CHECK(vkGetQueryPoolResults(ex->device, queries, 0, 2, sizeof ticks, ticks, sizeof ticks[0],
                                   VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    return ticks[1] - ticks[0];
}

static int compare_ticks(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

double ex_time_dispatch(struct ex *ex, const struct ex_pipeline *pipeline, const void *push, uint32_t groups) {
    static uint64_t ticks[MOST_REPEATS];
    const char *wish = getenv("BDA_REPEAT");
    long repeats = wish ? strtol(wish, NULL, 10) : 1;
    repeats = repeats < 1 ? 1 : repeats > MOST_REPEATS ? MOST_REPEATS : repeats;
    VkQueryPoolCreateInfo info = { .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                   .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                   .queryCount = 2 };
    VkQueryPool queries;
    if (!ex->properties.limits.timestampComputeAndGraphics) {
        for (long i = 0; i < repeats; i++)
            ex_dispatch(ex, pipeline, push, groups);
        return 0;
    }
    EX_CHECK(vkCreateQueryPool(ex->device, &info, NULL, &queries));
    for (long i = 0; i < repeats; i++)
        ticks[i] = ticks_of_dispatch(ex, queries, pipeline, push, groups);
    vkDestroyQueryPool(ex->device, queries, NULL);
    qsort(ticks, (size_t)repeats, sizeof ticks[0], compare_ticks);
    return (double)ticks[repeats / 2] * (double)ex->properties.limits.timestampPeriod * 1e-9;
}

double ex_seconds(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- Heap dumps ----------------------------------------------------------------------------------------------- */

/* A BdaWriteText. */
static VkBool32 write_to_file(void *user, const char *text, size_t size) {
    return fwrite(text, 1, size, user) == size ? VK_TRUE : VK_FALSE;
}

enum { DUMP_NUMBERS = 999 }; /* of three digits, which is how many a name has at least */

/* False where it is too long: cut off, it would be another file's. */
static bool name_dump(char *path, size_t size, const char *prefix, uint64_t number) {
    int length = snprintf(path, size, "%s-%03" PRIu64 ".json", prefix, number);
    return length >= 0 && (size_t)length < size;
}

static bool is_dump(const char *path) {
    static const char beginning[] = "{\"schema\":\"bdaalloc-heap\"";
    char read[sizeof beginning] = "";
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(read, 1, sizeof read - 1, file) : 0;
    if (file)
        (void)fclose(file);
    return length == sizeof read - 1 && memcmp(read, beginning, length) == 0;
}

static bool remove_other_dumps(const char *prefix, char *path, size_t size) {
    for (uint64_t number = 2; number <= DUMP_NUMBERS; number++) {
        if (name_dump(path, size, prefix, number) && is_dump(path) && remove(path) != 0)
            return false;
    }
    return true;
}

static void fail_dump(struct ex *ex, const char *what, const char *path) {
    (void)vkDeviceWaitIdle(ex->device); /* a driver that is unloaded with work in flight crashes */
    ex_fail("cannot %s %s", what, path);
}

void ex_dump_heap(struct ex *ex, BdaAllocator allocator, const char *prefix, uint64_t number, const char *label) {
    char path[1024];
    FILE *file = name_dump(path, sizeof path, prefix, number) ? fopen(path, "w") : NULL;
    bool written =
        file && bda_write_json(allocator, &(BdaJsonInfo){ .label = label }, write_to_file, file) == VK_SUCCESS;
    if (!file || fclose(file) != 0 || !written)
        fail_dump(ex, "write", path);
    if (number == 1 && !remove_other_dumps(prefix, path, sizeof path))
        fail_dump(ex, "remove the dump of an earlier run", path);
}
