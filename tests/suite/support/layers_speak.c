/*
 * Breaks one rule of Vulkan on purpose: the test passes when the validation layers say so. Without it, their silence
 * in the other tests would prove nothing: they might not be there at all.
 *
 *     layers_speak core               a buffer of no bytes (VUID-VkBufferCreateInfo-size-00912)
 *     layers_speak synchronization    two fills of the same bytes without a barrier (SYNC-HAZARD-WRITE-AFTER-WRITE)
 */
#include <volk.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(VkResult result, const char *what) {
    if (result != VK_SUCCESS) {
        printf("%s: %d\n", what, (int)result);
        exit(1);
    }
}

static VkPhysicalDevice make_instance(VkInstance *instance) {
    check(volkInitialize(), "volkInitialize");
    const VkApplicationInfo application = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                            .apiVersion = VK_API_VERSION_1_2 };
    const VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                        .pApplicationInfo = &application };
    check(vkCreateInstance(&info, NULL, instance), "vkCreateInstance");
    volkLoadInstance(*instance);
    uint32_t count = 1;
    VkPhysicalDevice physical = VK_NULL_HANDLE;
    VkResult result = vkEnumeratePhysicalDevices(*instance, &count, &physical);
    check(result == VK_INCOMPLETE ? VK_SUCCESS : result, "vkEnumeratePhysicalDevices");
    return physical;
}

static VkDevice make_device(VkPhysicalDevice physical) {
    const float priority = 1.0f;
    const VkDeviceQueueCreateInfo queue = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                            .queueCount = 1,
                                            .pQueuePriorities = &priority };
    const VkDeviceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                      .queueCreateInfoCount = 1,
                                      .pQueueCreateInfos = &queue };
    VkDevice device = VK_NULL_HANDLE;
    check(vkCreateDevice(physical, &info, NULL, &device), "vkCreateDevice");
    volkLoadDevice(device);
    return device;
}

static void break_core(VkDevice device) {
    const VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                      .size = 0,
                                      .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT };
    VkBuffer buffer = VK_NULL_HANDLE;
    if (vkCreateBuffer(device, &info, NULL, &buffer) == VK_SUCCESS)
        vkDestroyBuffer(device, buffer, NULL);
}

static void break_synchronization(VkDevice device) {
    const VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                      .size = 64,
                                      .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT };
    VkBuffer buffer = VK_NULL_HANDLE;
    check(vkCreateBuffer(device, &info, NULL, &buffer), "vkCreateBuffer");
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(device, buffer, &needs);
    uint32_t type = 0;
    while ((needs.memoryTypeBits & (1u << type)) == 0)
        type++;
    const VkMemoryAllocateInfo allocate = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                            .allocationSize = needs.size,
                                            .memoryTypeIndex = type };
    VkDeviceMemory memory = VK_NULL_HANDLE;
    check(vkAllocateMemory(device, &allocate, NULL, &memory), "vkAllocateMemory");
    check(vkBindBufferMemory(device, buffer, memory, 0), "vkBindBufferMemory");

    const VkCommandPoolCreateInfo pool_info = { .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO };
    VkCommandPool pool = VK_NULL_HANDLE;
    check(vkCreateCommandPool(device, &pool_info, NULL, &pool), "vkCreateCommandPool");
    const VkCommandBufferAllocateInfo commands_info = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                        .commandPool = pool,
                                                        .commandBufferCount = 1 };
    VkCommandBuffer commands = VK_NULL_HANDLE;
    check(vkAllocateCommandBuffers(device, &commands_info, &commands), "vkAllocateCommandBuffers");
    const VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
    check(vkBeginCommandBuffer(commands, &begin), "vkBeginCommandBuffer");
    vkCmdFillBuffer(commands, buffer, 0, 64, 1);
    vkCmdFillBuffer(commands, buffer, 0, 64, 2);
    (void)vkEndCommandBuffer(commands);

    vkDestroyCommandPool(device, pool, NULL);
    vkDestroyBuffer(device, buffer, NULL);
    vkFreeMemory(device, memory, NULL);
}

int main(int argument_count, char **arguments) {
    VkInstance instance = VK_NULL_HANDLE;
    VkPhysicalDevice physical = make_instance(&instance);
    VkDevice device = make_device(physical);
    if (argument_count == 2 && strcmp(arguments[1], "synchronization") == 0)
        break_synchronization(device);
    else
        break_core(device);
    vkDestroyDevice(device, NULL);
    vkDestroyInstance(instance, NULL);
    return 0;
}
