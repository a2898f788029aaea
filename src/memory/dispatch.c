/* Filling the dispatch table, see dispatch.h. */
#include "memory/dispatch.h"

#include <stddef.h>
#include <string.h>

struct function {
    size_t offset; /* in struct bda_dispatch */
    const char *name;
    uint32_t since;             /* the Vulkan version whose core has it */
    const char *extension_name; /* before that */
    bool wanted;                /* its feature is enabled; what is not wanted is not asked for */
};

/* Function pointers of every type have one representation wherever Vulkan is. */
static bool store(struct bda_dispatch *dispatch, size_t offset, PFN_vkVoidFunction function) {
    memcpy((unsigned char *)dispatch + offset, &function, sizeof function);
    return function != NULL;
}

static const char *load_instance_functions(struct bda_dispatch *dispatch, PFN_vkGetInstanceProcAddr get,
                                           VkInstance instance) {
    static const struct {
        size_t offset;
        const char *name;
        bool required;
    } functions[] = {
        { offsetof(struct bda_dispatch, get_device_proc_addr), "vkGetDeviceProcAddr", true },
        { offsetof(struct bda_dispatch, get_properties), "vkGetPhysicalDeviceProperties2", true },
        { offsetof(struct bda_dispatch, get_memory_properties), "vkGetPhysicalDeviceMemoryProperties2", true },
        { offsetof(struct bda_dispatch, set_object_name), "vkSetDebugUtilsObjectNameEXT", false },
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (!store(dispatch, functions[i].offset, get(instance, functions[i].name)) && functions[i].required)
            return functions[i].name;
    return NULL;
}

const char *bda_dispatch_load(struct bda_dispatch *dispatch, PFN_vkGetInstanceProcAddr get_instance_proc_addr,
                              VkInstance instance, VkDevice device, uint32_t api_version,
                              const struct bda_features *features) {
    memset(dispatch, 0, sizeof *dispatch);
    const char *missing = load_instance_functions(dispatch, get_instance_proc_addr, instance);
    if (missing != NULL)
        return missing;
    const struct function functions[] = {
        { offsetof(struct bda_dispatch, allocate_memory), "vkAllocateMemory", VK_API_VERSION_1_0, NULL, true },
        { offsetof(struct bda_dispatch, free_memory), "vkFreeMemory", VK_API_VERSION_1_0, NULL, true },
        { offsetof(struct bda_dispatch, map_memory), "vkMapMemory", VK_API_VERSION_1_0, NULL, true },
        { offsetof(struct bda_dispatch, flush_mapped_ranges), "vkFlushMappedMemoryRanges", VK_API_VERSION_1_0, NULL,
          true },
        { offsetof(struct bda_dispatch, invalidate_mapped_ranges), "vkInvalidateMappedMemoryRanges", VK_API_VERSION_1_0,
          NULL, true },
        { offsetof(struct bda_dispatch, create_buffer), "vkCreateBuffer", VK_API_VERSION_1_0, NULL, true },
        { offsetof(struct bda_dispatch, destroy_buffer), "vkDestroyBuffer", VK_API_VERSION_1_0, NULL, true },
        { offsetof(struct bda_dispatch, get_buffer_requirements), "vkGetBufferMemoryRequirements2", VK_API_VERSION_1_1,
          NULL, true },
        { offsetof(struct bda_dispatch, bind_buffer_memory), "vkBindBufferMemory", VK_API_VERSION_1_0, NULL, true },
        { offsetof(struct bda_dispatch, get_buffer_address), "vkGetBufferDeviceAddress", VK_API_VERSION_1_2,
          "vkGetBufferDeviceAddressKHR", features->buffer_device_address },
        { offsetof(struct bda_dispatch, get_semaphore_value), "vkGetSemaphoreCounterValue", VK_API_VERSION_1_2,
          "vkGetSemaphoreCounterValueKHR", features->timeline_semaphore },
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const struct function *f = &functions[i];
        const char *name = api_version >= f->since ? f->name : f->extension_name;
        PFN_vkVoidFunction found = f->wanted && name != NULL ? dispatch->get_device_proc_addr(device, name) : NULL;
        if (!store(dispatch, f->offset, found) && f->wanted)
            return f->name;
    }
    return NULL;
}

const char *bda_dispatch_load_commands(struct bda_dispatch *dispatch, VkDevice device) {
    static const struct {
        size_t offset;
        const char *name;
    } commands[] = {
        { offsetof(struct bda_dispatch, cmd_fill_buffer), "vkCmdFillBuffer" },
        { offsetof(struct bda_dispatch, cmd_copy_buffer), "vkCmdCopyBuffer" },
        { offsetof(struct bda_dispatch, cmd_pipeline_barrier), "vkCmdPipelineBarrier" },
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (!store(dispatch, commands[i].offset, dispatch->get_device_proc_addr(device, commands[i].name)))
            return commands[i].name;
    return NULL;
}
