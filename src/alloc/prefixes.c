/* See prefixes.h. */
#include "alloc/prefixes.h"

#include <string.h>

#define SHARE_PREFIX ((UINT64_C(1) << BDA_SHARE_PREFIX_BITS) - 1)

_Static_assert(BDA_PREFIXES_MAX <= SHARE_PREFIX, "a record has room for each, and for none");

static size_t bytes_of(uint32_t count, const char *const *texts) {
    size_t bytes = sizeof(struct bda_prefixes) + count * sizeof(struct bda_prefix);
    for (uint32_t i = 0; i < count; i++)
        bytes += strlen(texts[i]) + 1;
    return bytes;
}

/* Whether `text`, which may end before, begins with a prefix. */
static bool begins_with(const char *text, const struct bda_prefix *prefix) {
    return strncmp(text, prefix->text, prefix->length) == 0;
}

/* Places the last prefix of the table among those before it, in the order of strcmp. */
static void sort_in(struct bda_prefixes *prefixes, uint32_t last) {
    uint32_t place = last;
    for (; place > 0; place--) {
        uint8_t before = prefixes->sorted[place - 1];
        if (strcmp(prefixes->all[before].text, prefixes->all[last].text) < 0)
            break;
        prefixes->sorted[place] = before;
    }
    prefixes->sorted[place] = (uint8_t)last;
}

VkResult bda_prefixes_init(BdaAllocator allocator, uint32_t count, const char *const *texts) {
    if (count == 0)
        return VK_SUCCESS;
    size_t bytes = bytes_of(count, texts);
    struct bda_prefixes *prefixes = bda_host_allocate(&allocator->host, bytes, _Alignof(struct bda_prefixes));
    if (prefixes == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    memset(prefixes, 0, bytes);
    prefixes->bytes = bytes;
    prefixes->count = count;
    char *copy = (char *)&prefixes->all[count];
    for (uint32_t i = 0; i < count; i++) {
        struct bda_prefix *prefix = &prefixes->all[i];
        prefix->text = copy;
        prefix->length = strlen(texts[i]);
        memcpy(copy, texts[i], prefix->length + 1);
        copy += prefix->length + 1;
        sort_in(prefixes, i);
    }
    allocator->prefixes = prefixes;
    for (uint32_t i = 1; i < count; i++) { /* those before have theirs already */
        struct bda_prefix *prefix = &prefixes->all[prefixes->sorted[i]];
        uint32_t shorter = prefixes->sorted[i - 1] + 1u;
        while (shorter != 0 && !begins_with(prefix->text, &prefixes->all[shorter - 1]))
            shorter = prefixes->all[shorter - 1].shorter;
        prefix->shorter = shorter;
    }
    return VK_SUCCESS;
}

void bda_prefixes_finish(BdaAllocator allocator) {
    if (allocator->prefixes != NULL)
        bda_host_release(&allocator->host, allocator->prefixes, allocator->prefixes->bytes);
    allocator->prefixes = NULL;
}

/* The last of the sorted ones that does not come after a name; its number, 0: all do. */
static uint32_t last_before(const struct bda_prefixes *prefixes, const char *name) {
    uint32_t low = 0, high = prefixes->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(prefixes->all[prefixes->sorted[middle]].text, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low != 0 ? prefixes->sorted[low - 1] + 1u : 0;
}

/* What comes between a prefix and a name that begins with it begins with that prefix, too: so the name's own prefix is
 * the one right before it, or a beginning of that. */
uint32_t bda_prefixes_find(BdaAllocator allocator, const char *name) {
    const struct bda_prefixes *prefixes = allocator->prefixes;
    if (prefixes == NULL || name == NULL)
        return 0;
    uint32_t number = last_before(prefixes, name);
    while (number != 0 && !begins_with(name, &prefixes->all[number - 1]))
        number = prefixes->all[number - 1].shorter;
    return number;
}

void bda_prefixes_add(BdaAllocator allocator, uint32_t index, VkDeviceSize size) {
    struct bda_record *record = bda_record_at(allocator, index);
    uint64_t number = record->share & SHARE_PREFIX;
    if (number == 0 || record->share != number)
        return;
    struct bda_prefix *prefix = &allocator->prefixes->all[number - 1];
    record->share = size << BDA_SHARE_PREFIX_BITS | number;
    atomic_fetch_add_explicit(&prefix->allocation_count, 1, memory_order_relaxed);
    uint64_t before = atomic_fetch_add_explicit(&prefix->used, size, memory_order_relaxed);
    bda_peak_raise(&prefix->peak, before + size, atomic_load_explicit(&allocator->history.frame, memory_order_relaxed));
}

/* What a record without a prefix has in its share is a slack. */
void bda_prefixes_take_off(BdaAllocator allocator, struct bda_record *record) {
    uint64_t number = record->share & SHARE_PREFIX, size = record->share >> BDA_SHARE_PREFIX_BITS;
    record->share = 0;
    if (number == 0 || size == 0)
        return;
    struct bda_prefix *prefix = &allocator->prefixes->all[number - 1];
    atomic_fetch_sub_explicit(&prefix->allocation_count, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&prefix->used, size, memory_order_relaxed);
}

/* Off first, so that no sum is ever higher than what is live. */
void bda_prefixes_move(BdaAllocator allocator, uint32_t index, uint32_t prefix, VkDeviceSize size) {
    struct bda_record *record = bda_record_at(allocator, index);
    if ((record->share & SHARE_PREFIX) == prefix)
        return;
    bda_prefixes_leave(allocator, record);
    record->share = prefix;
    bda_prefixes_add(allocator, index, size);
}
