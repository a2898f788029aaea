/* From addresses back to what they are. */
#include "debug/find.h"

#include "alloc/allocate.h"
#include "alloc/locate_live.h"
#include "alloc/own.h"
#include "api/check.h"
#include "api/inner.h"
#include "debug/describe.h"
#include "debug/history.h"

#include <inttypes.h>

/* ---- Whose it is ---- */

/* An address in a block, in whichever form; it becomes the device's own. */
BDA_INLINE bool locate(BdaAllocator allocator, VkDeviceAddress *address, struct bda_place *place) {
    if (bda_locate_block(allocator, *address, place))
        return true;
    VkDeviceAddress other = bda_locate_other_form(*address);
    if (other == *address || !bda_locate_block(allocator, other, place))
        return false;
    *address = other;
    return true;
}

/* What a bda_visitor finds of the live allocation that an address lies in. */
struct owner {
    VkDeviceAddress address;
    BdaAllocation allocation; /* handle 0: none */
};

static void find_owner(BdaAllocator allocator, const struct bda_live *live, void *context) {
    struct owner *owner = context;
    const struct bda_sight sight = bda_locate_look(allocator, live);
    if (sight.state != BDA_NODE_LIVE || owner->address - sight.begin >= sight.asked)
        return;
    bda_describe(allocator, live->index, &owner->allocation);
    owner->allocation.handle = sight.handle;
    owner->allocation.address = sight.begin;
    owner->allocation.size = sight.asked;
}

/* The live allocation that an address lies in, strays first. */
static bool owner_of(BdaAllocator allocator, VkDeviceAddress address, BdaAllocation *allocation) {
    struct owner owner = { .address = address };
    if (bda_locate_has_strays(allocator))
        (void)bda_locate_stray(allocator, address, find_owner, &owner);
    if (owner.allocation.handle == 0)
        (void)bda_locate_range(allocator, address, find_owner, &owner);
    *allocation = owner.allocation;
    return owner.allocation.handle != 0;
}

/* The own buffer of a live range, seen without a lock. False says nothing. */
BDA_INLINE bool see_own(BdaAllocator allocator, VkDeviceAddress address, VkBuffer *buffer, VkDeviceSize *offset) {
    struct bda_live_view view;
    if (bda_locate_has_strays(allocator) || !bda_locate_live(allocator, address, &view))
        return false;
    BDA_YIELD_POINT();
    VkBuffer own = bda_own_buffer(allocator, bda_handle_index(view.handle));
    if (own == VK_NULL_HANDLE || !bda_locate_lives_on(&view)) /* it is being made, or not that one any more */
        return false;
    *buffer = own;
    *offset = address - view.begin;
    return true;
}

/* ---- What is said of an address ---- */

/* Who had the bytes of what is not live. Not under the lock that it was found under: the two are of two moments. */
static void look_back(BdaAllocator allocator, BdaFinding *finding) {
    bda_history_date(allocator, finding);
    if (finding->kind != BDA_FINDING_LIVE)
        (void)bda_history_find(allocator, finding->address, finding->address + finding->extent - 1, 1, &finding->former,
                               &finding->history);
    bda_history_tell_untouched(finding);
}

/* Whether it names what is, or was, an allocation of this allocator's. */
static bool is_handle(BdaAllocator allocator, uint64_t value) {
    return bda_handle_index(value) != 0 && bda_handle_target(allocator, value) != NULL;
}

static void add_address(struct bda_text *text, BdaAllocator allocator, VkDeviceAddress address) {
    BdaFinding finding;
    (void)bda_find_all(allocator, address, address, 1, &finding);
    look_back(allocator, &finding);
    if (finding.kind == BDA_FINDING_FOREIGN && is_handle(allocator, address))
        bda_text_add(text, "0x%" PRIx64 " is a handle, not an address", (uint64_t)address);
    else
        bda_add_finding(text, &finding);
}

/* Says what is there in place of what should be: all of it, which is more than an ordinary message holds. */
BDA_COLD VkResult refuse_address(BdaAllocator allocator, const char *lacks, VkDeviceAddress address) {
    const VkResult result = VK_ERROR_VALIDATION_FAILED_EXT;
    char line[BDA_FINDING_TEXT_SIZE + 128], room[BDA_RESULT_ROOM];
    struct bda_text text;
    if (allocator->message == NULL)
        return result;
    bda_text_begin(&text, sizeof line, line);
    bda_text_add(&text, "%s; ", lacks);
    add_address(&text, allocator, address);
    bda_text_add(&text, " (%s)", bda_result_name(result, room));
    (void)bda_text_end(&text);
    allocator->message(allocator->message_user, BDA_MESSAGE_ERROR, line);
    return result;
}

/* ---- From pointer to buffer, and to the CPU's ---- */

/* Own buffers are found by their ranges. */
BDA_APART VkResult resolve_own(BdaAllocator allocator, VkDeviceAddress address, VkBuffer *buffer,
                               VkDeviceSize *offset) {
    BdaAllocation allocation;
    if (see_own(allocator, address, buffer, offset))
        return VK_SUCCESS;
    if (!owner_of(allocator, address, &allocation) || allocation.buffer == VK_NULL_HANDLE)
        return refuse_address(allocator, "bda_resolve: no buffer is at the address", address);
    *buffer = allocation.buffer;
    *offset = allocation.offset + (address - allocation.address);
    return VK_SUCCESS;
}

VkResult bda_resolve(BdaAllocator allocator, VkDeviceAddress address, VkBuffer *buffer, VkDeviceSize *offset) {
    if (buffer == NULL || offset == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT,
                          buffer == NULL ? "buffer is NULL" : "offset is NULL");
    *buffer = VK_NULL_HANDLE;
    *offset = 0;
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    struct bda_place place;
    bool found = locate(allocator, &address, &place);
    if (!found || address - place.base >= place.buffer_bytes || bda_locate_has_strays(allocator))
        return resolve_own(allocator, address, buffer, offset);
    *buffer = place.buffer;
    *offset = address - place.base;
    return VK_SUCCESS;
}

void *bda_mapped(BdaAllocator allocator, VkDeviceAddress address) {
    struct bda_place place;
    if (allocator == NULL)
        return NULL;
    bool found = locate(allocator, &address, &place);
    BdaAllocation allocation;
    if (bda_locate_has_strays(allocator) && owner_of(allocator, address, &allocation))
        return allocation.mapped != NULL ? (unsigned char *)allocation.mapped + (address - allocation.address) : NULL;
    return found && place.mapped != NULL ? place.mapped + (address - place.base) : NULL;
}

/* ---- Pointers alone ---- */

VkDeviceAddress bda_malloc(BdaAllocator allocator, VkDeviceSize size, BdaIntent intent) {
    const BdaAllocInfo info = { .size = size, .intent = intent };
    BdaAllocation allocation;
    return bda_alloc(allocator, &info, &allocation) == VK_SUCCESS ? allocation.address : 0;
}

VkResult bda_free_address(BdaAllocator allocator, VkDeviceAddress address) {
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (address == 0)
        return VK_SUCCESS;
    struct bda_live_view view;
    if (!bda_locate_has_strays(allocator) && bda_locate_live(allocator, address, &view) && view.begin == address)
        return bda_free_inner(allocator, view.handle, __func__); /* another thread may be faster */
    struct bda_place place;
    (void)locate(allocator, &address, &place);
    BdaAllocation allocation;
    if (!owner_of(allocator, address, &allocation) || allocation.address != address)
        return refuse_address(allocator, "bda_free_address: nothing live begins there", address);
    return bda_free_inner(allocator, allocation.handle, __func__);
}

/* ---- Findings ---- */

/* `count` is 0 by now. */
BDA_APART VkResult find_all(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize precision, uint32_t room,
                            uint32_t *count, BdaFinding *findings) {
    VkDeviceAddress first, last;
    char reason[BDA_REASON_ROOM];
    if ((precision & (precision - 1)) != 0)
        return bda_refuse(allocator, "bda_find", VK_ERROR_VALIDATION_FAILED_EXT,
                          bda_reason(reason, "precision is no power of two, %" PRIu64, (uint64_t)precision));
    bda_locate_stretch(allocator, address, precision, &first, &last);
    uint32_t found = bda_find_all(allocator, first, last, room, findings);
    *count = findings != NULL && found > room ? room : found;
    for (uint32_t i = 0; findings != NULL && i < *count; i++)
        look_back(allocator, &findings[i]);
    return *count == found ? VK_SUCCESS : VK_INCOMPLETE;
}

VkResult bda_find(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize precision, uint32_t *count,
                  BdaFinding *findings) {
    if (count == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "count is NULL");
    uint32_t room = findings != NULL ? *count : 0;
    *count = 0;
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (precision > 1 || room == 0 || !bda_find_live(allocator, address, findings))
        return find_all(allocator, address, precision, room, count, findings);
    bda_history_date(allocator, findings);
    *count = 1;
    return VK_SUCCESS;
}

VkResult bda_describe_finding(const BdaFinding *finding, size_t size, char *text) {
    if (finding == NULL || text == NULL || size == 0)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    return bda_put_in_words(finding, size, text) ? VK_SUCCESS : VK_INCOMPLETE;
}
