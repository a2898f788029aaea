/* Who complained, and about what. Messages may come from any thread. */
#include "suite.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct suite_layer_message from_layers;
static struct suite_message from_library;
static bool layers_expected;
static bool complained;

static void list_objects(const VkDebugUtilsMessengerCallbackDataEXT *data, char *list, size_t size) {
    list[0] = '\0';
    for (uint32_t i = 0; i < data->objectCount; i++) {
        const char *name = data->pObjects[i].pObjectName;
        size_t length = strlen(list);
        if (name != NULL)
            (void)snprintf(list + length, size - length, "[%s]", name);
    }
}

static VKAPI_ATTR VkBool32 VKAPI_CALL on_layer_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                       VkDebugUtilsMessageTypeFlagsEXT types,
                                                       const VkDebugUtilsMessengerCallbackDataEXT *data, void *user) {
    (void)severity;
    (void)types;
    (void)user;
    pthread_mutex_lock(&mutex);
    from_layers.count++;
    (void)snprintf(from_layers.text, sizeof from_layers.text, "%s", data->pMessage);
    list_objects(data, from_layers.objects, sizeof from_layers.objects);
    if (!layers_expected) {
        complained = true;
        fprintf(stderr, "layers: %s\n", data->pMessage);
    }
    pthread_mutex_unlock(&mutex);
    return VK_FALSE;
}

struct suite_layer_message suite_layer_messages(void) {
    pthread_mutex_lock(&mutex);
    struct suite_layer_message message = from_layers;
    pthread_mutex_unlock(&mutex);
    return message;
}

void suite_expect_layer_messages(bool expected) {
    pthread_mutex_lock(&mutex);
    layers_expected = expected;
    pthread_mutex_unlock(&mutex);
}

void suite_message(void *user, BdaMessageSeverity severity, const char *text) {
    (void)user;
    bool refusal = strncmp(text, "bda_", 4) == 0; /* and not an event, which some tests ask for */
    if (severity == BDA_MESSAGE_INFO && !refusal)
        return;
    pthread_mutex_lock(&mutex);
    from_library.count++;
    (void)snprintf(from_library.text, sizeof from_library.text, "%s", text);
    pthread_mutex_unlock(&mutex);
}

struct suite_message suite_take_message(void) {
    pthread_mutex_lock(&mutex);
    struct suite_message message = from_library;
    from_library = (struct suite_message){ .count = 0 };
    pthread_mutex_unlock(&mutex);
    return message;
}

bool suite_complaints(void) {
    struct suite_message message = suite_take_message();
    if (message.count != 0)
        fprintf(stderr, "bdaalloc: %u message(s) that nobody expected, the last: %s\n", message.count, message.text);
    pthread_mutex_lock(&mutex);
    bool any = complained || message.count != 0;
    complained = false;
    pthread_mutex_unlock(&mutex);
    return any;
}

void suite_create_messenger(struct suite *s, VkDebugUtilsMessengerCreateInfoEXT *info) {
    *info = (VkDebugUtilsMessengerCreateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_layer_message,
    };
    if (s->instance != VK_NULL_HANDLE) /* before that, the instance takes it in its chain */
        assert_vk(vkCreateDebugUtilsMessengerEXT(s->instance, info, NULL, &s->messenger));
}
