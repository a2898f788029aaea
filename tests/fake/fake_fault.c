/*
 * What the driver tells of faults and of its own ranges: VK_EXT_device_fault says what the test has put in its mouth,
 * VK_EXT_device_address_binding_report each VkDeviceMemory that comes and goes.
 */
#include "fake_internal.h"

/* ---- VK_EXT_device_fault ----------------------------------------------------------------------------------------- */

void fake_set_fault(struct fake_driver *driver, const char *description, uint32_t count,
                    const VkDeviceFaultAddressInfoEXT *addresses) {
    fake_take(driver);
    driver->lost = true;
    driver->fault.count = count < FAKE_MAX_FAULTS ? count : FAKE_MAX_FAULTS;
    memcpy(driver->fault.addresses, addresses, driver->fault.count * sizeof *addresses);
    (void)snprintf(driver->fault.description, sizeof driver->fault.description, "%s", description);
    fake_leave(driver);
}

static VkResult copy_fault(const struct fake_fault *fault, VkDeviceFaultCountsEXT *counts, VkDeviceFaultInfoEXT *info) {
    uint32_t room = info != NULL && info->pAddressInfos != NULL ? counts->addressInfoCount : fault->count;
    counts->addressInfoCount = room < fault->count ? room : fault->count;
    counts->vendorInfoCount = 0;
    counts->vendorBinarySize = 0;
    if (info == NULL) {
        return VK_SUCCESS;
    }
    memcpy(info->description, fault->description, sizeof fault->description);
    if (info->pAddressInfos != NULL) {
        memcpy(info->pAddressInfos, fault->addresses, counts->addressInfoCount * sizeof fault->addresses[0]);
    }
    return room < fault->count ? VK_INCOMPLETE : VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL fake_get_device_fault_info(VkDevice device, VkDeviceFaultCountsEXT *counts,
                                                          VkDeviceFaultInfoEXT *info) {
    struct fake_driver *driver =
        fake_enter(device, FAKE_LEVEL_DEVICE, FAKE_CALL_GET_DEVICE_FAULT_INFO, "vkGetDeviceFaultInfoEXT");
    VkResult result = fake_injected(driver, FAKE_CALL_GET_DEVICE_FAULT_INFO);
    fake_check_type(driver, counts->sType, VK_STRUCTURE_TYPE_DEVICE_FAULT_COUNTS_EXT, "VkDeviceFaultCountsEXT");
    if (!driver->lost) {
        fake_violate(driver, "VUID-vkGetDeviceFaultInfoEXT-device-07336", "the device is not lost");
    }
    if (result == VK_SUCCESS) {
        result = copy_fault(&driver->fault, counts, info);
    }
    fake_leave(driver);
    return result;
}

/* ---- VK_EXT_device_address_binding_report ------------------------------------------------------------------------ */

void fake_report_bindings(struct fake_driver *driver, PFN_vkDebugUtilsMessengerCallbackEXT callback, void *user) {
    fake_take(driver);
    driver->listener.callback = fake_enabled(driver, FAKE_ADDRESS_BINDING_REPORT) ? callback : NULL;
    driver->listener.user = user;
    fake_leave(driver);
}

struct fake_report fake_report_of(const struct fake_driver *driver, const struct fake_memory *memory, bool bound) {
    return (struct fake_report){ .listener = driver->listener,
                                 .memory = memory->object.handle,
                                 .base = memory->base,
                                 .size = memory->size,
                                 .bound = bound };
}

void fake_report(const struct fake_report *report) {
    if (report->listener.callback == NULL) {
        return;
    }
    VkDeviceAddressBindingCallbackDataEXT told = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_ADDRESS_BINDING_CALLBACK_DATA_EXT,
        .baseAddress = report->base,
        .size = report->size,
        .bindingType =
            report->bound ? VK_DEVICE_ADDRESS_BINDING_TYPE_BIND_EXT : VK_DEVICE_ADDRESS_BINDING_TYPE_UNBIND_EXT,
    };
    const VkDebugUtilsObjectNameInfoEXT object = { .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                                                   .objectType = VK_OBJECT_TYPE_DEVICE_MEMORY,
                                                   .objectHandle = report->memory };
    const VkDebugUtilsMessengerCallbackDataEXT data = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CALLBACK_DATA_EXT,
        .pNext = &told,
        .objectCount = 1,
        .pObjects = &object,
    };
    (void)report->listener.callback(VK_DEBUG_UTILS_MESSAGE_SEVERITY_INFO_BIT_EXT,
                                    VK_DEBUG_UTILS_MESSAGE_TYPE_DEVICE_ADDRESS_BINDING_BIT_EXT, &data,
                                    report->listener.user);
}
