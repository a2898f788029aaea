/* Names, user values and unforeseen addresses, see record.h. */
#include "alloc/record.h"

#include "alloc/allocator.h"
#include "alloc/prefixes.h"

void bda_records_init(struct bda_records *records, struct bda_host *host) {
    bda_store_init(&records->store, host, sizeof(struct bda_record), BDA_RECORD_CHUNK_LOG2);
    records->spare = 0;
}

void bda_records_destroy(struct bda_records *records) {
    bda_store_destroy(&records->store);
}

struct bda_record *bda_record_at(BdaAllocator allocator, uint32_t index) {
    return bda_store_element(&allocator->records.store, index, BDA_RECORD_CHUNK_LOG2, sizeof(struct bda_record));
}

static uint32_t take_slot(BdaAllocator allocator) {
    struct bda_records *records = &allocator->records;
    uint32_t index = 0;
    bda_mutex_lock(&allocator->store_lock);
    if (records->spare != 0) {
        index = records->spare;
        records->spare = bda_record_at(allocator, index)->spare;
    } else if (bda_store_grow(&records->store, 1, &index) == 0) {
        index = 0;
    }
    bda_mutex_unlock(&allocator->store_lock);
    return index;
}

VkResult bda_record_create(BdaAllocator allocator, uint64_t user, const char *name, uint32_t *index) {
    char *copy = NULL;
    if (name != NULL && (copy = bda_host_copy_text(&allocator->host, name)) == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    *index = take_slot(allocator);
    if (*index == 0) {
        bda_host_release_text(&allocator->host, copy);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    *bda_record_at(allocator, *index) =
        (struct bda_record){ .user = user,
                             .name = copy,
                             .frame = (uint32_t)atomic_load_explicit(&allocator->history.now, memory_order_relaxed) };
    if (allocator->prefixes != NULL)
        bda_record_at(allocator, *index)->share = bda_prefixes_find(allocator, name); /* nothing is counted yet */
    return VK_SUCCESS;
}

void bda_record_destroy(BdaAllocator allocator, uint32_t index) {
    if (index == 0)
        return;
    struct bda_record *record = bda_record_at(allocator, index);
    bda_prefixes_leave(allocator, record);
    bda_host_release_text(&allocator->host, record->name);
    record->name = NULL;
    bda_mutex_lock(&allocator->store_lock);
    record->spare = allocator->records.spare;
    allocator->records.spare = index;
    bda_mutex_unlock(&allocator->store_lock);
}
