/*
 * Semaphores: the driver's side of bda_free_after, and what tests need to stand in for a queue that signals them.
 */
#include "fake_internal.h"

static struct fake_semaphore *semaphore_get(struct fake_driver *driver, VkSemaphore handle, const char *rule) {
    return (struct fake_semaphore *)fake_object_get(driver, FAKE_HANDLE(handle), FAKE_KIND_SEMAPHORE, rule);
}

static struct fake_semaphore *semaphore_make(struct fake_driver *driver, bool timeline, uint64_t value,
                                             const VkAllocationCallbacks *callbacks) {
    struct fake_semaphore *semaphore = calloc(1, sizeof *semaphore);
    if (semaphore == NULL || !fake_object_add(driver, &semaphore->object, FAKE_KIND_SEMAPHORE, callbacks)) {
        free(semaphore);
        return NULL;
    }
    semaphore->timeline = timeline;
    semaphore->value = value;
    return semaphore;
}

static const VkSemaphoreTypeCreateInfo *checked_type(struct fake_driver *driver, const VkSemaphoreCreateInfo *info) {
    const struct fake_link links[] = { { VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, true } };
    fake_check_type(driver, info->sType, VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, "VkSemaphoreCreateInfo");
    fake_check_chain(driver, info->pNext, links, 1, "VkSemaphoreCreateInfo");
    const VkSemaphoreTypeCreateInfo *type = fake_find(info->pNext, VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
    if (type == NULL) {
        return NULL;
    }
    if (type->semaphoreType == VK_SEMAPHORE_TYPE_TIMELINE && !fake_enabled(driver, FAKE_TIMELINE_SEMAPHORE)) {
        fake_violate(driver, "VUID-VkSemaphoreTypeCreateInfo-timelineSemaphore-03252",
                     "timelineSemaphore is not enabled");
    }
    if (type->semaphoreType == VK_SEMAPHORE_TYPE_BINARY && type->initialValue != 0) {
        fake_violate(driver, "VUID-VkSemaphoreTypeCreateInfo-semaphoreType-03279",
                     "a binary semaphore begins at %" PRIu64, type->initialValue);
    }
    return type;
}

VKAPI_ATTR VkResult VKAPI_CALL fake_create_semaphore(VkDevice device, const VkSemaphoreCreateInfo *info,
                                                     const VkAllocationCallbacks *callbacks, VkSemaphore *out) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_CREATE_SEMAPHORE, "vkCreateSemaphore");
    VkResult result = fake_injected(driver, FAKE_CALL_CREATE_SEMAPHORE);
    *out = VK_NULL_HANDLE;
    if (result == VK_SUCCESS) {
        const VkSemaphoreTypeCreateInfo *type = checked_type(driver, info);
        bool timeline = type != NULL && type->semaphoreType == VK_SEMAPHORE_TYPE_TIMELINE;
        struct fake_semaphore *semaphore =
            semaphore_make(driver, timeline, type != NULL ? type->initialValue : 0, callbacks);
        if (semaphore != NULL) {
            *out = FAKE_TO_HANDLE(VkSemaphore, semaphore->object.handle);
        } else {
            result = VK_ERROR_OUT_OF_HOST_MEMORY;
        }
    }
    fake_leave(driver);
    return result;
}

VKAPI_ATTR void VKAPI_CALL fake_destroy_semaphore(VkDevice device, VkSemaphore handle,
                                                  const VkAllocationCallbacks *callbacks) {
    struct fake_driver *driver =
        fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_DESTROY_SEMAPHORE, "vkDestroySemaphore");
    if (handle != VK_NULL_HANDLE) {
        struct fake_semaphore *semaphore = semaphore_get(driver, handle, "VUID-vkDestroySemaphore-semaphore-parameter");
        if (semaphore != NULL) {
            fake_object_remove(driver, &semaphore->object, callbacks);
            free(semaphore);
        }
    }
    fake_leave(driver);
}

static VkResult semaphore_value(struct fake_driver *driver, VkSemaphore handle, uint64_t *out) {
    struct fake_semaphore *semaphore =
        semaphore_get(driver, handle, "VUID-vkGetSemaphoreCounterValue-semaphore-parameter");
    if (semaphore == NULL) {
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    if (!semaphore->timeline) {
        fake_violate(driver, "VUID-vkGetSemaphoreCounterValue-semaphore-03255", "the semaphore is binary");
        return VK_ERROR_VALIDATION_FAILED_EXT;
    }
    VkResult result = fake_injected(driver, FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE);
    if (result == VK_SUCCESS) {
        *out = semaphore->value;
    }
    return result;
}

static VkResult get_value(VkDevice device, VkSemaphore semaphore, uint64_t *out, const char *name) {
    struct fake_driver *driver = fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE, name);
    if (!fake_enabled(driver, FAKE_TIMELINE_SEMAPHORE)) {
        fake_violate(driver, "FAKE-timelineSemaphore", "timelineSemaphore is not enabled");
    }
    VkResult result = semaphore_value(driver, semaphore, out);
    fake_leave(driver);
    return result;
}

VKAPI_ATTR VkResult VKAPI_CALL fake_get_semaphore_value(VkDevice device, VkSemaphore semaphore, uint64_t *out) {
    return get_value(device, semaphore, out, "vkGetSemaphoreCounterValue");
}

VKAPI_ATTR VkResult VKAPI_CALL fake_get_semaphore_value_khr(VkDevice device, VkSemaphore semaphore, uint64_t *out) {
    return get_value(device, semaphore, out, "vkGetSemaphoreCounterValueKHR");
}

/* ---- The tests' own ---------------------------------------------------------------------------------------------- */

VkSemaphore fake_make_semaphore(struct fake_driver *driver, uint64_t value) {
    fake_take(driver);
    struct fake_semaphore *semaphore = semaphore_make(driver, true, value, NULL);
    VkSemaphore handle = VK_NULL_HANDLE;
    if (semaphore != NULL) {
        semaphore->of_test = true;
        handle = FAKE_TO_HANDLE(VkSemaphore, semaphore->object.handle);
    }
    fake_leave(driver);
    return handle;
}

void fake_signal(struct fake_driver *driver, VkSemaphore handle, uint64_t value) {
    fake_take(driver);
    struct fake_semaphore *semaphore = semaphore_get(driver, handle, "FAKE-fake_signal");
    if (semaphore != NULL && value <= semaphore->value) {
        fake_violate(driver, "VUID-VkSemaphoreSignalInfo-value-03258", "%" PRIu64 " is not above %" PRIu64, value,
                     semaphore->value);
    } else if (semaphore != NULL) {
        semaphore->value = value;
    }
    fake_leave(driver);
}

void fake_drop_semaphore(struct fake_driver *driver, VkSemaphore handle) {
    fake_take(driver);
    struct fake_semaphore *semaphore = semaphore_get(driver, handle, "FAKE-fake_drop_semaphore");
    if (semaphore != NULL) {
        fake_object_remove(driver, &semaphore->object, NULL);
        free(semaphore);
    }
    fake_leave(driver);
}
