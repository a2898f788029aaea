/* See prefixes.h. */
#include "alloc/prefixes.h"

#include "alloc/allocator.h"

#include <string.h>

#define SHARE_PREFIX ((UINT64_C(1) << BDA_SHARE_PREFIX_BITS) - 1)

_Static_assert(BDA_PREFIXES_MAX <= SHARE_PREFIX, "a record has room for each, and for none");

static size_t bytes_of(uint32_t count, const char *const *texts) {
    size_t bytes = sizeof(struct bda_prefixes) + count * sizeof(struct bda_prefix);
    for (uint32_t i = 0; i < count; i++)
        bytes += strlen(texts[i]) + 1;
    return bytes;
}

/* Places the last prefix of the table among those before it. */
static void sort_in(struct bda_prefixes *prefixes, uint32_t last) {
    uint32_t place = last;
    for (; place > 0; place--) {
        uint8_t before = prefixes->longest_first[place - 1];
        if (prefixes->all[before].length >= prefixes->all[last].length)
            break;
        prefixes->longest_first[place] = before;
    }
    prefixes->longest_first[place] = (uint8_t)last;
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
    return VK_SUCCESS;
}

void bda_prefixes_finish(BdaAllocator allocator) {
    if (allocator->prefixes != NULL)
        bda_host_release(&allocator->host, allocator->prefixes, allocator->prefixes->bytes);
    allocator->prefixes = NULL;
}

/* An empty name begins with none of them, since none is empty. */
uint32_t bda_prefixes_find(BdaAllocator allocator, const char *name) {
    const struct bda_prefixes *prefixes = allocator->prefixes;
    if (prefixes == NULL || name == NULL)
        return 0;
    for (uint32_t i = 0; i < prefixes->count; i++) {
        uint32_t number = prefixes->longest_first[i];
        const struct bda_prefix *prefix = &prefixes->all[number];
        if (prefix->text[0] == name[0] && strncmp(prefix->text, name, prefix->length) == 0)
            return number + 1;
    }
    return 0;
}

void bda_prefixes_enter(BdaAllocator allocator, struct bda_record *record, VkDeviceSize size) {
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
void bda_prefixes_leave(BdaAllocator allocator, struct bda_record *record) {
    uint64_t number = record->share & SHARE_PREFIX, size = record->share >> BDA_SHARE_PREFIX_BITS;
    record->share = 0;
    if (number == 0 || size == 0)
        return;
    struct bda_prefix *prefix = &allocator->prefixes->all[number - 1];
    atomic_fetch_sub_explicit(&prefix->allocation_count, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&prefix->used, size, memory_order_relaxed);
}

/* Off first, so that no sum is ever higher than what is live. */
void bda_prefixes_move(BdaAllocator allocator, struct bda_record *record, uint32_t prefix, VkDeviceSize size) {
    if ((record->share & SHARE_PREFIX) == prefix)
        return;
    bda_prefixes_leave(allocator, record);
    record->share = prefix;
    bda_prefixes_enter(allocator, record, size);
}
