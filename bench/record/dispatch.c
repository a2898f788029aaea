/* Instances and devices, and the functions below the layer; see dispatch.h. */
#include "dispatch.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct function {
    size_t offset; /* in struct rec_device */
    const char *name;
    const char *alias; /* before it was core; NULL: none */
};

#define FUNCTION(member, name, alias)                                                                                  \
    { offsetof(struct rec_device, member), name, alias }

static const struct function functions[] = {
    FUNCTION(destroy_device, "vkDestroyDevice", NULL),
    FUNCTION(allocate_memory, "vkAllocateMemory", NULL),
    FUNCTION(free_memory, "vkFreeMemory", NULL),
    FUNCTION(create_buffer, "vkCreateBuffer", NULL),
    FUNCTION(destroy_buffer, "vkDestroyBuffer", NULL),
    FUNCTION(bind_buffer_memory, "vkBindBufferMemory", NULL),
    FUNCTION(bind_buffer_memory2, "vkBindBufferMemory2", "vkBindBufferMemory2KHR"),
    FUNCTION(get_buffer_requirements, "vkGetBufferMemoryRequirements", NULL),
    FUNCTION(get_buffer_requirements2, "vkGetBufferMemoryRequirements2", "vkGetBufferMemoryRequirements2KHR"),
    FUNCTION(get_image_requirements, "vkGetImageMemoryRequirements", NULL),
    FUNCTION(get_image_requirements2, "vkGetImageMemoryRequirements2", "vkGetImageMemoryRequirements2KHR"),
    FUNCTION(get_device_buffer_requirements, "vkGetDeviceBufferMemoryRequirements",
             "vkGetDeviceBufferMemoryRequirementsKHR"),
    FUNCTION(get_device_image_requirements, "vkGetDeviceImageMemoryRequirements",
             "vkGetDeviceImageMemoryRequirementsKHR"),
    FUNCTION(get_memory_fd_properties, "vkGetMemoryFdPropertiesKHR", NULL),
    FUNCTION(get_memory_host_pointer_properties, "vkGetMemoryHostPointerPropertiesEXT", NULL),
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* covers both lists */
static struct rec_instance *instances;
static struct rec_device *devices;

static void *key_of(void *object) {
    return *(void **)object;
}

struct rec_instance *rec_add_instance(VkInstance instance, PFN_vkGetInstanceProcAddr get_proc_addr,
                                      PFN_GetPhysicalDeviceProcAddr get_physical_device_proc_addr) {
    struct rec_instance *new = calloc(1, sizeof *new);
    if (new == NULL)
        return NULL;
    new->key = key_of(instance);
    new->instance = instance;
    new->get_proc_addr = get_proc_addr;
    new->get_physical_device_proc_addr = get_physical_device_proc_addr;
    new->destroy_instance = (PFN_vkDestroyInstance)get_proc_addr(instance, "vkDestroyInstance");
    new->get_memory_properties =
        (PFN_vkGetPhysicalDeviceMemoryProperties)get_proc_addr(instance, "vkGetPhysicalDeviceMemoryProperties");
    new->get_memory_properties2 =
        (PFN_vkGetPhysicalDeviceMemoryProperties2)get_proc_addr(instance, "vkGetPhysicalDeviceMemoryProperties2");
    if (new->get_memory_properties2 == NULL)
        new->get_memory_properties2 = (PFN_vkGetPhysicalDeviceMemoryProperties2)get_proc_addr(
            instance, "vkGetPhysicalDeviceMemoryProperties2KHR");
    (void)pthread_mutex_lock(&lock);
    new->older = instances;
    instances = new;
    (void)pthread_mutex_unlock(&lock);
    return new;
}

/* Function pointers of every type have one representation wherever Vulkan is. */
static void load(struct rec_device *device, const struct function *function) {
    PFN_vkVoidFunction found = device->get_proc_addr(device->device, function->name);
    if (found == NULL && function->alias != NULL)
        found = device->get_proc_addr(device->device, function->alias);
    memcpy((unsigned char *)device + function->offset, &found, sizeof found);
}

struct rec_device *rec_add_device(VkDevice device, PFN_vkGetDeviceProcAddr get_proc_addr) {
    struct rec_device *new = calloc(1, sizeof *new);
    if (new == NULL)
        return NULL;
    new->key = key_of(device);
    new->device = device;
    new->get_proc_addr = get_proc_addr;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        load(new, &functions[i]);
    (void)pthread_mutex_lock(&lock);
    new->older = devices;
    devices = new;
    (void)pthread_mutex_unlock(&lock);
    return new;
}

/* The link that points to it, so that it can be taken out. The lock is held. */
static struct rec_instance **instance_link(void *object) {
    struct rec_instance **link = &instances;
    while (*link != NULL && (*link)->key != key_of(object))
        link = &(*link)->older;
    return link;
}

static struct rec_device **device_link(void *object) {
    struct rec_device **link = &devices;
    while (*link != NULL && (*link)->key != key_of(object))
        link = &(*link)->older;
    return link;
}

struct rec_instance *rec_find_instance(void *object) {
    (void)pthread_mutex_lock(&lock);
    struct rec_instance *found = *instance_link(object);
    (void)pthread_mutex_unlock(&lock);
    return found;
}

struct rec_device *rec_find_device(void *object) {
    (void)pthread_mutex_lock(&lock);
    struct rec_device *found = *device_link(object);
    (void)pthread_mutex_unlock(&lock);
    return found;
}

struct rec_instance *rec_take_instance(void *object) {
    (void)pthread_mutex_lock(&lock);
    struct rec_instance **link = instance_link(object), *found = *link;
    if (found != NULL)
        *link = found->older;
    (void)pthread_mutex_unlock(&lock);
    return found;
}

struct rec_device *rec_take_device(void *object) {
    (void)pthread_mutex_lock(&lock);
    struct rec_device **link = device_link(object), *found = *link;
    if (found != NULL)
        *link = found->older;
    (void)pthread_mutex_unlock(&lock);
    return found;
}
