/* Names, user values and unforeseen addresses, see record.h. */
#include "alloc/record.h"

#include "alloc/cache.h"
#include "alloc/prefixes.h"
#include "core/names.h"

#include <string.h>

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

/* ---- Names ---- */

VkResult bda_record_name_prepare(BdaAllocator allocator, const char *text, struct bda_record_name *name) {
    *name = (struct bda_record_name){ .text = text };
    if (text == NULL || strlen(text) < BDA_NAME_BYTES)
        return VK_SUCCESS;
    name->copy = bda_host_copy_text(&allocator->host, text);
    return name->copy != NULL ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

void bda_record_name_release(BdaAllocator allocator, struct bda_record_name *name) {
    bda_host_release_text(&allocator->host, name->copy);
}

static void write32(_Atomic uint32_t *word, uint32_t value) {
    atomic_store_explicit(word, value, memory_order_release);
}

static void write64(_Atomic uint64_t *word, uint64_t value) {
    atomic_store_explicit(word, value, memory_order_release);
}

/* Writes the words of the first line, and where the text goes on those of the second, with zeros behind it. */
static void write_text(struct bda_record *record, const char *text) {
    const size_t length = strlen(text), words = length < BDA_NAME_NEAR ? BDA_NAME_WORDS_NEAR : BDA_NAME_WORDS;
    uint64_t bytes[BDA_NAME_WORDS] = { 0 };
    memcpy(bytes, text, (size_t)bda_min(length, sizeof bytes));
    atomic_store_explicit(&record->length, (uint8_t)bda_min(length, BDA_NAME_BYTES - 1), memory_order_release);
    for (size_t i = 0; i < words; i++)
        write64(&record->text[i], bytes[i]);
}

void bda_record_set_name(struct bda_record *record, struct bda_record_name *name) {
    uint32_t changes = atomic_load_explicit(&record->changes, memory_order_relaxed);
    char *old = record->long_name;
    write32(&record->changes, changes + 1);
    record->named = name->text != NULL;
    record->long_name = name->copy;
    write_text(record, name->text != NULL ? name->text : "");
    write32(&record->changes, changes + 2);
    name->copy = old;
}

/* ---- Spare ones ----
 *
 * A thread comes for the store lock when it has none left, or too many: with half of what it may keep. */

/* The list of all; the store lock is held. */
static uint32_t pop(BdaAllocator allocator) {
    struct bda_records *records = &allocator->records;
    uint32_t index = records->spare;
    if (index != 0)
        records->spare = (uint32_t)atomic_load_explicit(&bda_record_at(allocator, index)->user, memory_order_relaxed);
    return index;
}

static void push(BdaAllocator allocator, uint32_t index) {
    write64(&bda_record_at(allocator, index)->user, allocator->records.spare);
    allocator->records.spare = index;
}

/* The calling thread's, or NULL. */
static struct bda_spare_records *spare_of_thread(BdaAllocator allocator) {
    struct bda_cache *cache = bda_cache_if_any(allocator);
    return cache != NULL ? &cache->records : NULL;
}

/* One from the list of all, or a new one, and some for the thread. 0: host memory is refused. */
static uint32_t fetch(BdaAllocator allocator, struct bda_spare_records *spare) {
    bda_mutex_lock(&allocator->store_lock);
    uint32_t index = pop(allocator);
    if (index == 0 && bda_store_grow(&allocator->records.store, 1, &index) == 0)
        index = 0;
    while (spare != NULL && spare->count < BDA_SPARE_RECORDS / 2 && allocator->records.spare != 0)
        spare->all[spare->count++] = pop(allocator);
    bda_mutex_unlock(&allocator->store_lock);
    return index;
}

/* The first ones, which have lain there longest. */
static void give_back(BdaAllocator allocator, struct bda_spare_records *spare, uint32_t count) {
    bda_mutex_lock(&allocator->store_lock);
    for (uint32_t i = 0; i < count; i++)
        push(allocator, spare->all[i]);
    bda_mutex_unlock(&allocator->store_lock);
    spare->count -= count;
    memmove(spare->all, spare->all + count, spare->count * sizeof spare->all[0]);
}

void bda_records_return(BdaAllocator allocator, struct bda_spare_records *spare) {
    if (spare->count != 0)
        give_back(allocator, spare, spare->count);
}

static uint32_t take_slot(BdaAllocator allocator) {
    struct bda_spare_records *spare = spare_of_thread(allocator);
    if (spare != NULL && spare->count != 0)
        return spare->all[--spare->count];
    return fetch(allocator, spare);
}

static void give_slot(BdaAllocator allocator, uint32_t index) {
    struct bda_spare_records *spare = spare_of_thread(allocator);
    if (spare == NULL) {
        bda_mutex_lock(&allocator->store_lock);
        push(allocator, index);
        bda_mutex_unlock(&allocator->store_lock);
        return;
    }
    if (spare->count == BDA_SPARE_RECORDS)
        give_back(allocator, spare, BDA_SPARE_RECORDS / 2);
    spare->all[spare->count++] = index;
}

/* ---- Taking and giving back ---- */

VkResult bda_record_create(BdaAllocator allocator, uint64_t user, const char *name, uint32_t *index) {
    struct bda_record_name own;
    name = bda_name_or_none(name);
    VkResult result = bda_record_name_prepare(allocator, name, &own);
    if (result != VK_SUCCESS)
        return result;
    *index = take_slot(allocator);
    if (*index == 0) {
        bda_record_name_release(allocator, &own);
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    }
    struct bda_record *record = bda_record_at(allocator, *index);
    write64(&record->user, user);
    write32(&record->stack, 0);
    write32(&record->frame, (uint32_t)bda_clock_now(allocator));
    record->address = 0;
    record->share = bda_prefixes_find(allocator, name); /* nothing is counted yet */
    bda_record_set_name(record, &own);
    return VK_SUCCESS;
}

void bda_record_destroy(BdaAllocator allocator, uint32_t index) {
    if (index == 0)
        return;
    struct bda_record *record = bda_record_at(allocator, index);
    bda_prefixes_leave(allocator, record);
    bda_host_release_text(&allocator->host, record->long_name);
    record->long_name = NULL;
    give_slot(allocator, index);
}
