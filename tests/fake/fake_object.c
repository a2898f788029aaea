/*
 * Objects with non-dispatchable handles, their names, and semaphores.
 *
 * A handle is a tag of the driver (8 bits), a generation (24) and a slot index plus one (32). It is never followed as a
 * pointer, so double frees and handles of other drivers are safe to report.
 */
#include "fake_internal.h"

#define GENERATION_MASK 0xFFFFFFu
/* What the fake asks of the caller's callbacks for one object; real drivers ask for their object structs. */
#define TOKEN_SIZE      64
#define TOKEN_ALIGNMENT 16

/* Never 0, and mostly different between drivers that live at the same time. */
static uint64_t tag_of(const struct fake_driver *driver) {
    uintptr_t place = (uintptr_t)driver;
    return ((place >> 6 ^ place >> 13 ^ place >> 21) & 0x7Fu) | 0x80u;
}

const char *fake_kind_name(enum fake_kind kind) {
    static const char *const names[] = { "nothing", "VkDeviceMemory", "VkBuffer", "VkSemaphore" };
    return names[kind];
}

/* ---- Slots ------------------------------------------------------------------------------------------------------- */

static bool grow_slots(struct fake_driver *driver) {
    uint32_t capacity = driver->slot_capacity == 0 ? 64 : driver->slot_capacity * 2;
    struct fake_slot *slots = realloc(driver->slots, capacity * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    driver->slots = slots;
    driver->slot_capacity = capacity;
    return true;
}

/* Index + 1 of a slot without an object; 0 for want of memory. */
static uint32_t take_slot(struct fake_driver *driver) {
    uint32_t place = driver->free_slot;
    if (place != 0) {
        driver->free_slot = driver->slots[place - 1].next_free;
        return place;
    }
    if (driver->slot_count == driver->slot_capacity && !grow_slots(driver)) {
        return 0;
    }
    driver->slots[driver->slot_count] = (struct fake_slot){ .generation = 1 };
    return ++driver->slot_count;
}

static void leave_slot(struct fake_driver *driver, uint32_t place) {
    struct fake_slot *slot = &driver->slots[place - 1];
    slot->object = NULL;
    slot->generation = (slot->generation + 1) & GENERATION_MASK;
    slot->next_free = driver->free_slot;
    driver->free_slot = place;
}

static uint64_t handle_of(const struct fake_driver *driver, uint32_t place) {
    return tag_of(driver) << 56 | (uint64_t)driver->slots[place - 1].generation << 32 | place;
}

/* ---- Tokens ------------------------------------------------------------------------------------------------------ */

static bool take_token(struct fake_object *object, const VkAllocationCallbacks *callbacks) {
    object->has_callbacks = callbacks != NULL;
    if (callbacks == NULL) {
        return true;
    }
    object->callbacks = *callbacks;
    object->token =
        callbacks->pfnAllocation(callbacks->pUserData, TOKEN_SIZE, TOKEN_ALIGNMENT, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
    return object->token != NULL;
}

static void leave_token(struct fake_object *object) {
    if (object->token != NULL) {
        object->callbacks.pfnFree(object->callbacks.pUserData, object->token);
        object->token = NULL;
    }
}

static const char *callback_rule(enum fake_kind kind, bool given) {
    switch (kind) {
    case FAKE_KIND_BUFFER:
        return given ? "VUID-vkDestroyBuffer-buffer-00923" : "VUID-vkDestroyBuffer-buffer-00924";
    case FAKE_KIND_SEMAPHORE:
        return given ? "VUID-vkDestroySemaphore-semaphore-01138" : "VUID-vkDestroySemaphore-semaphore-01139";
    default:
        return "FAKE-vkFreeMemory-callbacks"; /* the chapter "Host Memory" demands it, without a VUID */
    }
}

static void check_callbacks(struct fake_driver *driver, const struct fake_object *object,
                            const VkAllocationCallbacks *callbacks) {
    const char *rule = callback_rule(object->kind, object->has_callbacks);
    if (object->has_callbacks != (callbacks != NULL)) {
        fake_violate(driver, rule, "callbacks were %s at creation and %s now", object->has_callbacks ? "given" : "NULL",
                     callbacks != NULL ? "given" : "NULL");
    } else if (callbacks != NULL && (callbacks->pfnAllocation != object->callbacks.pfnAllocation ||
                                     callbacks->pfnFree != object->callbacks.pfnFree)) {
        fake_violate(driver, rule, "callbacks are not those of creation");
    }
}

/* ---- Objects ----------------------------------------------------------------------------------------------------- */

bool fake_object_add(struct fake_driver *driver, struct fake_object *object, enum fake_kind kind,
                     const VkAllocationCallbacks *callbacks) {
    if (!take_token(object, callbacks)) {
        return false;
    }
    uint32_t place = take_slot(driver);
    if (place == 0) {
        leave_token(object);
        return false;
    }
    object->kind = kind;
    object->handle = handle_of(driver, place);
    driver->slots[place - 1].object = object;
    return true;
}

void fake_object_remove(struct fake_driver *driver, struct fake_object *object,
                        const VkAllocationCallbacks *callbacks) {
    check_callbacks(driver, object, callbacks);
    leave_slot(driver, (uint32_t)object->handle);
    leave_token(object);
    free(object->name);
    object->name = NULL;
}

/* Why a handle names no object. */
static const char *reason(const struct fake_driver *driver, uint64_t handle) {
    uint32_t place = (uint32_t)handle;
    if (handle == 0) {
        return "VK_NULL_HANDLE";
    }
    if (handle >> 56 != tag_of(driver) || place == 0 || place > driver->slot_count) {
        return "never made by this device";
    }
    if (driver->slots[place - 1].object == NULL || driver->slots[place - 1].object->handle != handle) {
        return "destroyed already";
    }
    return "of another kind";
}

struct fake_object *fake_object_get(struct fake_driver *driver, uint64_t handle, enum fake_kind kind,
                                    const char *rule) {
    uint32_t place = (uint32_t)handle;
    if (place != 0 && place <= driver->slot_count) {
        struct fake_object *object = driver->slots[place - 1].object;
        if (object != NULL && object->handle == handle && (kind == FAKE_KIND_NONE || object->kind == kind)) {
            return object;
        }
    }
    if (rule != NULL) {
        fake_violate(driver, rule, "%s 0x%" PRIx64 " is %s", fake_kind_name(kind), handle, reason(driver, handle));
    }
    return NULL;
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

static enum fake_kind kind_of(VkObjectType type) {
    switch (type) {
    case VK_OBJECT_TYPE_DEVICE_MEMORY:
        return FAKE_KIND_MEMORY;
    case VK_OBJECT_TYPE_BUFFER:
        return FAKE_KIND_BUFFER;
    case VK_OBJECT_TYPE_SEMAPHORE:
        return FAKE_KIND_SEMAPHORE;
    default:
        return FAKE_KIND_NONE;
    }
}

static bool rename_object(struct fake_object *object, const char *name) {
    char *copy = NULL;
    if (name != NULL && name[0] != '\0') {
        size_t size = strlen(name) + 1;
        copy = malloc(size);
        if (copy == NULL) {
            return false;
        }
        memcpy(copy, name, size);
    }
    free(object->name);
    object->name = copy;
    return true;
}

/* Objects that the fake keeps; NULL for the instance and the device, and for what is no object at all. */
static struct fake_object *object_to_name(struct fake_driver *driver, const VkDebugUtilsObjectNameInfoEXT *info) {
    const char *rule = "VUID-VkDebugUtilsObjectNameInfoEXT-objectType-02590";
    enum fake_kind kind = kind_of(info->objectType);
    if (info->objectHandle == 0) {
        fake_violate(driver, "VUID-vkSetDebugUtilsObjectNameEXT-pNameInfo-02588", "objectHandle is VK_NULL_HANDLE");
    } else if (info->objectType == VK_OBJECT_TYPE_UNKNOWN) {
        fake_violate(driver, "VUID-vkSetDebugUtilsObjectNameEXT-pNameInfo-02587", "objectType is UNKNOWN");
    } else if (kind != FAKE_KIND_NONE) {
        return fake_object_get(driver, info->objectHandle, kind, rule);
    } else if (info->objectHandle != (uintptr_t)&driver->device &&
               info->objectHandle != (uintptr_t)&driver->physical_device &&
               info->objectHandle != (uintptr_t)&driver->instance) {
        fake_violate(driver, rule, "objectHandle 0x%" PRIx64 " is no object of type %d", info->objectHandle,
                     (int)info->objectType);
    }
    return NULL;
}

VKAPI_ATTR VkResult VKAPI_CALL fake_set_object_name(VkDevice device, const VkDebugUtilsObjectNameInfoEXT *info) {
    struct fake_driver *driver =
        fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_SET_OBJECT_NAME, "vkSetDebugUtilsObjectNameEXT");
    VkResult result = fake_injected(driver, FAKE_CALL_SET_OBJECT_NAME);
    if (result == VK_SUCCESS) {
        fake_check_type(driver, info->sType, VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                        "VkDebugUtilsObjectNameInfoEXT");
        fake_check_chain(driver, info->pNext, NULL, 0, "VkDebugUtilsObjectNameInfoEXT");
        struct fake_object *object = object_to_name(driver, info);
        if (object != NULL && !rename_object(object, info->pObjectName)) {
            result = VK_ERROR_OUT_OF_HOST_MEMORY;
        }
    }
    fake_leave(driver);
    return result;
}

const char *fake_name(struct fake_driver *driver, uint64_t handle) {
    fake_take(driver);
    struct fake_object *object = fake_object_get(driver, handle, FAKE_KIND_NONE, NULL);
    const char *name = object != NULL ? object->name : NULL;
    fake_leave(driver);
    return name;
}
