/* bda_report_fault, and what the driver tells beforehand. */
#include "debug/report.h"

#include "alloc/locate.h"
#include "api/check.h"
#include "debug/bindings.h"
#include "debug/message.h"
#include "debug/pointers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- Faults ---- */

static BdaFaultAccess access_of(VkDeviceFaultAddressTypeEXT type) {
    switch (type) {
    case VK_DEVICE_FAULT_ADDRESS_TYPE_READ_INVALID_EXT:
        return BDA_FAULT_ACCESS_READ;
    case VK_DEVICE_FAULT_ADDRESS_TYPE_WRITE_INVALID_EXT:
        return BDA_FAULT_ACCESS_WRITE;
    case VK_DEVICE_FAULT_ADDRESS_TYPE_EXECUTE_INVALID_EXT:
        return BDA_FAULT_ACCESS_EXECUTE;
    case VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_UNKNOWN_EXT:
    case VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_INVALID_EXT:
    case VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_FAULT_EXT:
        return BDA_FAULT_ACCESS_INSTRUCTION;
    default:
        return BDA_FAULT_ACCESS_UNKNOWN;
    }
}

static void explain(const struct bda_report *report, BdaFaultAddress address) {
    struct bda_suspect suspect = { .access = address.access, .source = address.source };
    bda_locate_stretch(report->allocator, address.address, address.precision, &suspect.first, &suspect.last);
    bda_report_explain(report, &suspect);
}

/* Drivers are not trusted with the power of two that they promise. */
static VkDeviceSize precision_of(VkDeviceSize precision) {
    VkDeviceSize power = 1;
    while (power < precision && power << 1 != 0)
        power <<= 1;
    return power;
}

static const char *fault_of(const BdaFaultInfo *info, char room[BDA_REASON_ROOM]) {
    if (info->next != NULL)
        return "next must be NULL";
    if ((info->device_address_count != 0 && info->device_addresses == NULL) ||
        (info->address_count != 0 && info->addresses == NULL))
        return "addresses or device_addresses is NULL";
    for (uint32_t i = 0; i < info->address_count; i++)
        if ((info->addresses[i].precision & (info->addresses[i].precision - 1)) != 0)
            return bda_reason(room, "the precision of addresses[%" PRIu32 "] is no power of two, %" PRIu64, i,
                              (uint64_t)info->addresses[i].precision);
    return NULL;
}

#define UNREAD "what checked shaders wrote down could not be read, and stays"

/* `count` becomes how many there were. */
static VkResult say_records(const struct bda_report *report, uint64_t *count) {
    char text[128], room[BDA_RESULT_ROOM];
    if (report->allocator->pointers == NULL)
        return VK_SUCCESS;
    VkResult result = bda_pointers_report(report, count);
    if (result != VK_SUCCESS) {
        (void)snprintf(text, sizeof text, UNREAD ": %s", bda_result_name(result, room));
        bda_report_say(report, text);
    }
    bda_pointers_say_gaps(report);
    return result;
}

VkResult bda_report_fault(BdaAllocator allocator, const BdaFaultInfo *info, BdaReportLine line, void *user) {
    if (allocator == NULL || info == NULL || line == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT,
                          info == NULL ? "info is NULL" : "line is NULL");
    char room[BDA_REASON_ROOM];
    const char *fault = fault_of(info, room);
    if (fault != NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, fault);
    const struct bda_report report = { allocator, line, user, .brief = false };
    char text[BDA_REPORT_LINE_SIZE];
    if (info->description != NULL && info->description[0] != '\0') {
        (void)snprintf(text, sizeof text, "the driver says: %s", info->description);
        bda_report_say(&report, text);
    }
    for (uint32_t i = 0; i < info->device_address_count; i++) {
        const VkDeviceFaultAddressInfoEXT *told = &info->device_addresses[i];
        if (told->addressType != VK_DEVICE_FAULT_ADDRESS_TYPE_NONE_EXT)
            explain(&report, (BdaFaultAddress){ told->reportedAddress, precision_of(told->addressPrecision),
                                                access_of(told->addressType), "the driver" });
    }
    for (uint32_t i = 0; i < info->address_count; i++)
        explain(&report, info->addresses[i]);
    uint64_t records = 0;
    VkResult result = say_records(&report, &records);
    if (info->device_address_count + info->address_count == 0) {
        bda_report_say(&report, records != 0 ? "no further address was reported"
                                             : "no address was reported, so none can be explained");
        bda_report_broken(&report, 0, UINT64_MAX);
    }
    bda_report_end(&report);
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, UNREAD);
}

/* ---- The driver's own ranges ---- */

VKAPI_ATTR VkBool32 VKAPI_CALL bda_address_binding_callback(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                            VkDebugUtilsMessageTypeFlagsEXT types,
                                                            const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                            void *user) {
    (void)severity;
    (void)types;
    BdaAllocator allocator = user;
    const VkBaseInStructure *next = data != NULL ? data->pNext : NULL;
    while (next != NULL && next->sType != VK_STRUCTURE_TYPE_DEVICE_ADDRESS_BINDING_CALLBACK_DATA_EXT)
        next = next->pNext;
    if (allocator == NULL || next == NULL)
        return VK_FALSE;
    const VkDeviceAddressBindingCallbackDataEXT *told = (const void *)next;
    struct bda_binding binding = {
        .address = told->baseAddress,
        .size = told->size,
        .bound = told->bindingType == VK_DEVICE_ADDRESS_BINDING_TYPE_BIND_EXT,
        .internal = (told->flags & VK_DEVICE_ADDRESS_BINDING_INTERNAL_OBJECT_BIT_EXT) != 0,
        .frame = atomic_load_explicit(&allocator->history.frame, memory_order_relaxed),
    };
    if (data->objectCount != 0 && data->pObjects != NULL) {
        binding.object = data->pObjects[0].objectHandle;
        binding.type = data->pObjects[0].objectType;
        if (data->pObjects[0].pObjectName != NULL)
            bda_copy_text(binding.name, sizeof binding.name, data->pObjects[0].pObjectName);
    }
    bda_bindings_add(allocator, &binding);
    return VK_FALSE;
}
