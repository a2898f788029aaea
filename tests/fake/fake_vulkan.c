/*
 * The fake driver's life, and what every entry point does first and last: enter, count, fail, record violations.
 */
#include "fake_internal.h"

#include <stdarg.h>

/* Stands in every dispatchable handle, so that a pointer to something else is told from one of ours. */
#define FAKE_MAGIC UINT64_C(0x66616B6564726976)

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static void make_dispatchable(struct fake_dispatchable *handle, enum fake_level level, struct fake_driver *driver) {
    handle->magic = FAKE_MAGIC;
    handle->level = level;
    handle->driver = driver;
}

struct fake_driver *fake_create(const struct fake_config *config) {
    struct fake_driver *driver = calloc(1, sizeof *driver);
    if (driver == NULL) {
        return NULL;
    }
    if (config != NULL) {
        driver->config = *config;
    }
    fake_lock_init(&driver->lock);
    make_dispatchable(&driver->instance, FAKE_LEVEL_INSTANCE, driver);
    make_dispatchable(&driver->physical_device, FAKE_LEVEL_PHYSICAL_DEVICE, driver);
    make_dispatchable(&driver->device, FAKE_LEVEL_DEVICE, driver);
    fake_resolve(driver);
    fake_make_setup(driver);
    return driver;
}

static VkDeviceSize size_of(const struct fake_object *object) {
    switch (object->kind) {
    case FAKE_KIND_MEMORY:
        return ((const struct fake_memory *)object)->size;
    case FAKE_KIND_BUFFER:
        return ((const struct fake_buffer *)object)->size;
    default:
        return 0;
    }
}

static bool is_leak(const struct fake_object *object) {
    return object->kind != FAKE_KIND_SEMAPHORE || !((const struct fake_semaphore *)object)->of_test;
}

static void print_leak(const struct fake_driver *driver, const struct fake_object *object) {
    if (!driver->config.quiet) {
        (void)fprintf(stderr, "fake: leaked %s 0x%" PRIx64 " of %" PRIu64 " bytes, name %s\n",
                      fake_kind_name(object->kind), object->handle, size_of(object),
                      object->name != NULL ? object->name : "(none)");
    }
}

static void free_object(struct fake_object *object) {
    if (object->kind == FAKE_KIND_MEMORY) {
        fake_bytes_drop((struct fake_memory *)object);
        free(((struct fake_memory *)object)->bound);
    }
    if (object->token != NULL) {
        object->callbacks.pfnFree(object->callbacks.pUserData, object->token);
    }
    free(object->name);
    free(object);
}

static unsigned free_leaks(struct fake_driver *driver) {
    unsigned leaks = 0;
    for (uint32_t i = 0; i < driver->slot_count; i++) {
        struct fake_object *object = driver->slots[i].object;
        if (object == NULL) {
            continue;
        }
        if (is_leak(object)) {
            print_leak(driver, object);
            leaks++;
        }
        free_object(object);
    }
    return leaks;
}

unsigned fake_destroy(struct fake_driver *driver) {
    if (driver == NULL) {
        return 0;
    }
    unsigned problems = driver->violation_count + free_leaks(driver);
    fake_clear_violations(driver);
    fake_lock_done(&driver->lock);
    free(driver->memories);
    free(driver->slots);
    driver->instance.magic = 0;
    driver->physical_device.magic = 0;
    driver->device.magic = 0;
    free(driver);
    return problems;
}

VkInstance fake_instance(struct fake_driver *driver) {
    return (VkInstance)(void *)&driver->instance;
}

VkPhysicalDevice fake_physical_device(struct fake_driver *driver) {
    return (VkPhysicalDevice)(void *)&driver->physical_device;
}

VkDevice fake_device(struct fake_driver *driver) {
    return (VkDevice)(void *)&driver->device;
}

/* ---- Entering and leaving ---------------------------------------------------------------------------------------- */

static const char *level_name(enum fake_level level) {
    static const char *const names[] = { "nothing", "VkInstance", "VkPhysicalDevice", "VkDevice", "VkCommandBuffer" };
    return names[level];
}

/* A handle that is none of ours leads to no driver that could record it: the test ends here. */
static struct fake_driver *driver_of(const void *handle, const char *name) {
    const struct fake_dispatchable *dispatchable = handle;
    if (dispatchable == NULL || dispatchable->magic != FAKE_MAGIC) {
        (void)fprintf(stderr, "fake: %s was called with the handle %p, which is of no living fake driver\n", name,
                      handle);
        abort();
    }
    return dispatchable->driver;
}

static void check_entry(struct fake_driver *driver, const void *handle, enum fake_level level, unsigned locks) {
    enum fake_level is = ((const struct fake_dispatchable *)handle)->level;
    if (is != level) {
        fake_violate(driver, "VUID-*-device-parameter", "the handle is a %s, not a %s", level_name(is),
                     level_name(level));
    }
    if (locks != 0) {
        fake_violate(driver, "FAKE-lock-held", "called while %u lock(s) of the library are held", locks);
    }
    if (!fake_offers(driver, driver->entry)) {
        fake_violate(driver, "FAKE-not-offered", "neither the api version nor an enabled extension offers it");
    }
}

struct fake_driver *fake_enter(const void *handle, enum fake_level level, enum fake_call call, const char *name) {
    struct fake_driver *driver = driver_of(handle, name);
    if (driver->config.on_call != NULL) {
        driver->config.on_call(driver->config.on_call_user, call);
    }
    unsigned locks = driver->config.locks_held != NULL ? driver->config.locks_held() : 0;
    fake_lock_take(&driver->lock);
    driver->entry = name;
    driver->calls[FAKE_CALL_ANY]++;
    driver->calls[call]++;
    check_entry(driver, handle, level, locks);
    return driver;
}

void fake_leave(struct fake_driver *driver) {
    driver->entry = NULL;
    fake_lock_leave(&driver->lock);
}

void fake_take(struct fake_driver *driver) {
    fake_lock_take(&driver->lock);
    driver->entry = "the test";
}

bool fake_enabled(const struct fake_driver *driver, uint32_t features) {
    return (driver->enabled & features) == features;
}

/* ---- Violations -------------------------------------------------------------------------------------------------- */

void fake_violate(struct fake_driver *driver, const char *rule, const char *format, ...) {
    char what[384];
    char text[768];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    (void)snprintf(text, sizeof text, "%s: %s, in %s", rule, what, driver->entry);
    if (driver->violation_count == 0 && !driver->config.quiet) {
        (void)fprintf(stderr, "fake: %s\n", text);
    }
    if (driver->violation_count < FAKE_MAX_TEXTS) {
        size_t size = strlen(text) + 1;
        char *copy = malloc(size);
        if (copy != NULL) {
            memcpy(copy, text, size);
        }
        driver->texts[driver->violation_count] = copy;
    }
    driver->violation_count++;
}

static unsigned text_count(const struct fake_driver *driver) {
    return driver->violation_count < FAKE_MAX_TEXTS ? driver->violation_count : FAKE_MAX_TEXTS;
}

unsigned fake_violation_count(struct fake_driver *driver) {
    fake_take(driver);
    unsigned count = driver->violation_count;
    fake_leave(driver);
    return count;
}

const char *fake_violation(struct fake_driver *driver, unsigned i) {
    fake_take(driver);
    const char *text = i < text_count(driver) ? driver->texts[i] : NULL;
    fake_leave(driver);
    return text;
}

bool fake_violated(struct fake_driver *driver, const char *part) {
    bool found = false;
    fake_take(driver);
    for (unsigned i = 0; i < text_count(driver) && !found; i++) {
        found = driver->texts[i] != NULL && strstr(driver->texts[i], part) != NULL;
    }
    fake_leave(driver);
    return found;
}

void fake_clear_violations(struct fake_driver *driver) {
    fake_take(driver);
    for (unsigned i = 0; i < text_count(driver); i++) {
        free(driver->texts[i]);
        driver->texts[i] = NULL;
    }
    driver->violation_count = 0;
    fake_leave(driver);
}

/* ---- Failures ---------------------------------------------------------------------------------------------------- */

unsigned fake_call_count(struct fake_driver *driver, enum fake_call call) {
    fake_take(driver);
    unsigned count = driver->calls[call];
    fake_leave(driver);
    return count;
}

static void set_failure(struct fake_driver *driver, enum fake_call call, struct fake_failure failure) {
    fake_take(driver);
    driver->failures[call] = failure;
    driver->failed = 0;
    fake_leave(driver);
}

void fake_fail(struct fake_driver *driver, enum fake_call call, unsigned nth, VkResult result) {
    set_failure(driver, call, (struct fake_failure){ .nth = nth, .result = result });
}

void fake_fail_from(struct fake_driver *driver, enum fake_call call, unsigned nth, VkResult result) {
    set_failure(driver, call, (struct fake_failure){ .nth = nth, .sticky = true, .result = result });
}

void fake_lose_device(struct fake_driver *driver) {
    fake_take(driver);
    driver->lost = true;
    fake_leave(driver);
}

unsigned fake_failed(struct fake_driver *driver) {
    fake_take(driver);
    unsigned failed = driver->failed;
    fake_leave(driver);
    return failed;
}

void fake_clear_failures(struct fake_driver *driver) {
    fake_take(driver);
    memset(driver->failures, 0, sizeof driver->failures);
    driver->failed = 0;
    driver->lost = false;
    driver->fault.count = 0;
    fake_leave(driver);
}

/* The return codes that the specification lists for each function; only they are met in a sweep over every call. */
static bool may_answer(enum fake_call call, VkResult result) {
    switch (call) {
    case FAKE_CALL_ALLOCATE_MEMORY:
        return result != VK_ERROR_DEVICE_LOST && result != VK_ERROR_MEMORY_MAP_FAILED;
    case FAKE_CALL_MAP_MEMORY:
        return result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
               result == VK_ERROR_MEMORY_MAP_FAILED || result == VK_ERROR_UNKNOWN;
    case FAKE_CALL_CREATE_BUFFER:
    case FAKE_CALL_BIND_BUFFER_MEMORY:
        return result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
               result == VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS || result == VK_ERROR_UNKNOWN;
    case FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE:
        return result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
               result == VK_ERROR_DEVICE_LOST || result == VK_ERROR_UNKNOWN;
    case FAKE_CALL_FLUSH:
    case FAKE_CALL_INVALIDATE:
    case FAKE_CALL_CREATE_SEMAPHORE:
    case FAKE_CALL_SET_OBJECT_NAME:
        return result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
               result == VK_ERROR_UNKNOWN;
    default:
        return false;
    }
}

static bool falls_due(struct fake_failure *failure) {
    if (failure->nth == 0) {
        return false;
    }
    if (failure->nth > 1) {
        failure->nth--;
        return false;
    }
    failure->nth = failure->sticky ? 1 : 0;
    return true;
}

VkResult fake_injected(struct fake_driver *driver, enum fake_call call) {
    struct fake_failure *one = &driver->failures[call];
    struct fake_failure *any = &driver->failures[FAKE_CALL_ANY];
    VkResult result = VK_SUCCESS;
    if (driver->lost && may_answer(call, VK_ERROR_DEVICE_LOST)) {
        result = VK_ERROR_DEVICE_LOST;
    }
    if (may_answer(call, any->result) && falls_due(any)) {
        result = any->result;
    }
    if (falls_due(one)) {
        result = one->result;
    }
    driver->failed += result != VK_SUCCESS;
    return result;
}
