/* Checked pointers: the table that shaders are given, foreign ranges in it, and what shaders reported. */
#include "debug/foreign.h"
#include "debug/refill.h"

#include "api/check.h"
#include "debug/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

VkResult bda_get_check_table(BdaAllocator allocator, VkDeviceAddress *table) {
    if (table == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "table is NULL");
    *table = 0;
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (allocator->pointers != NULL)
        *table = bda_shadow_address(&allocator->pointers->shadow);
    return VK_SUCCESS;
}

/* ---- Foreign ranges ---- */

/* Where plain addresses of 48 bits end, and where sign-extended ones begin. */
#define PLAIN_END      ((VkDeviceAddress)1 << 48)
#define EXTENDED_BEGIN (UINT64_MAX << 47)

static const char *fault_of(VkDeviceAddress address, VkDeviceSize size) {
    if (size == 0 || address + (size - 1) < address)
        return "the range is empty, or goes over the end of all addresses";
    if (address % (1 << BDA_SHADOW_GRANULE_LOG2) != 0)
        return "the address is no multiple of 16";
    if (address + (size - 1) >= PLAIN_END && address < EXTENDED_BEGIN)
        return "the range is not wholly where addresses of 48 bits are, plain or sign-extended";
    if (address < BDA_SHADOW_NULL_END || size > (VkDeviceSize)1 << 40)
        return "the range begins at a null pointer, or is larger than a TiB";
    return NULL;
}

static VkResult refuse_range(BdaAllocator allocator, const char *function, VkResult result, const char *fault,
                             VkDeviceAddress address, VkDeviceSize size) {
    char where[96];
    (void)snprintf(where, sizeof where, "%s, %" PRIu64 " %s at 0x%" PRIx64, function, (uint64_t)size,
                   bda_bytes_word(size), (uint64_t)address);
    return bda_refuse(allocator, where, result, fault);
}

VkResult bda_add_checked_range(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size) {
    const char *fault = fault_of(address, size);
    if (allocator == NULL || fault != NULL)
        return refuse_range(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, fault, address, size);
    if (allocator->pointers == NULL)
        return VK_SUCCESS;
    bda_refill(allocator);
    VkResult result = bda_foreign_add(allocator, address, size, &fault);
    return result == VK_SUCCESS ? result : refuse_range(allocator, __func__, result, fault, address, size);
}

VkResult bda_remove_checked_range(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size) {
    const char *fault = fault_of(address, size);
    if (allocator == NULL || fault != NULL)
        return refuse_range(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, fault, address, size);
    if (allocator->pointers == NULL)
        return VK_SUCCESS;
    VkResult result = bda_foreign_remove(allocator, address, size, &fault);
    return result == VK_SUCCESS ? result : refuse_range(allocator, __func__, result, fault, address, size);
}

/* ---- What came back ---- */

VkResult bda_take_bad_accesses(BdaAllocator allocator, uint32_t *count, BdaBadAccess *accesses, uint64_t *lost) {
    if (count == NULL || lost == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "count or lost is NULL");
    uint32_t room = accesses != NULL ? *count : 0, more;
    *count = 0;
    *lost = 0;
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (allocator->pointers == NULL)
        return VK_SUCCESS;
    if (accesses != NULL)
        bda_refill(allocator);
    VkResult result = bda_pointers_take(allocator->pointers, room, accesses, count, &more, lost);
    if (result != VK_SUCCESS)
        return bda_refuse(allocator, __func__, result, NULL);
    if (accesses == NULL) {
        *count = more;
        return VK_SUCCESS;
    }
    return more == 0 ? VK_SUCCESS : VK_INCOMPLETE;
}

VkResult bda_report_checks(BdaAllocator allocator, BdaReportLine line, void *user, uint64_t *count) {
    uint64_t found = 0;
    if (count != NULL)
        *count = 0;
    if (allocator == NULL || line == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "line is NULL");
    if (allocator->pointers == NULL)
        return VK_SUCCESS;
    const struct bda_report report = { allocator, line, user, .brief = false };
    bda_refill(allocator);
    VkResult result = bda_pointers_report(&report, &found);
    if (found != 0) {
        bda_pointers_say_gaps(&report);
        bda_report_end(&report);
    }
    if (count != NULL)
        *count = found;
    return result == VK_SUCCESS ? result : bda_refuse(allocator, __func__, result, NULL);
}
