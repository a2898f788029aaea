/* Allocates, links and uploads; see world.h. */
#include "world.h"

#include <stdlib.h>

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory)
        ex_fail("out of memory");
    return memory;
}

static BdaAllocInfo describe(const struct records *records, uint32_t record) {
    enum record_kind kind = record_kind(records, record);
    return (BdaAllocInfo){ .size = record_size(records, record),
                           .alignment = record_alignment(kind),
                           .intent = BDA_INTENT_DEVICE,
                           .name = record_name(kind) };
}

static struct world make_world(BdaAllocator allocator, uint32_t allocation_count, const struct records *records) {
    return (struct world){ .allocator = allocator,
                           .allocations = allocate(allocation_count, sizeof(BdaAllocation)),
                           .count = allocation_count,
                           .places = allocate(records->count, sizeof(uint64_t)) };
}

/* All of them in one call. */
static void allocate_records(struct world *world, const struct records *records, const uint32_t *order) {
    BdaAllocInfo *infos = allocate(world->count, sizeof *infos);
    BdaAllocation *allocations = allocate(world->count, sizeof *allocations);
    for (uint32_t i = 0; i < world->count; i++)
        infos[i] = describe(records, order[i]);
    double before = ex_seconds();
    EX_CHECK(bda_alloc_many(world->allocator, world->count, infos, allocations));
    world->allocate_seconds = ex_seconds() - before;
    for (uint32_t i = 0; i < world->count; i++) {
        world->allocations[order[i]] = allocations[i];
        world->places[order[i]] = allocations[i].address;
    }
    free(infos);
    free(allocations);
}

void place_by_pointers(struct world *world, const struct records *records, const uint32_t *order,
                       struct upload *upload) {
    uint32_t words[RECORD_MAX_WORDS];
    *world = make_world(upload->allocator, records->count, records);
    allocate_records(world, records, order);
    for (uint32_t i = 0; i < records->count; i++) {
        size_t size = record_size(records, i);
        record_encode(records, i, world->places, words);
        upload_write(upload, &world->allocations[i], 0, words, size);
        world->bytes += size;
    }
    upload_flush(upload);
}

void flip_pointer(const struct world *world, const struct records *records, struct upload *upload) {
    uint32_t words[RECORD_MAX_WORDS];
    record_encode(records, 0, world->places, words);
    upload_write(upload, &world->allocations[0], 14 * sizeof *words, words + 12, 2 * sizeof *words);
    upload_flush(upload);
}

/* Where each record goes when one follows the other. Returns the size of them all. */
static uint64_t line_up(const struct records *records, const uint32_t *order, uint64_t *places) {
    uint64_t end = 0;
    for (uint32_t i = 0; i < records->count; i++) {
        uint64_t alignment = record_alignment(record_kind(records, order[i]));
        places[order[i]] = (end + alignment - 1) & ~(alignment - 1);
        end = places[order[i]] + record_size(records, order[i]);
    }
    return end;
}

void place_by_indices(struct world *world, const struct records *records, const uint32_t *order,
                      struct upload *upload) {
    *world = make_world(upload->allocator, 1, records);
    world->bytes = line_up(records, order, world->places);
    if (world->bytes > upload->ex->properties.limits.maxStorageBufferRange)
        ex_fail("the scene is larger than a storage buffer can be on this device; --pointers-only knows no such limit");
    /* The usage brings the alignment of minStorageBufferOffsetAlignment with it. */
    BdaAllocInfo info = { .size = world->bytes,
                          .alignment = record_alignment(RECORD_NODE),
                          .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                          .intent = BDA_INTENT_DEVICE,
                          .name = "all records" };
    EX_CHECK(bda_alloc(world->allocator, &info, world->allocations));
    uint32_t *words = allocate((size_t)world->bytes, 1);
    for (uint32_t i = 0; i < records->count; i++)
        record_encode(records, i, world->places, words + world->places[i] / sizeof *words);
    upload_write(upload, world->allocations, 0, words, (size_t)world->bytes);
    upload_flush(upload);
    free(words);
}

void free_world(struct world *world) {
    BdaHandle *handles = allocate(world->count, sizeof *handles);
    for (uint32_t i = 0; i < world->count; i++)
        handles[i] = world->allocations[i].handle;
    EX_CHECK(bda_free_many(world->allocator, world->count, handles));
    free(handles);
    free(world->allocations);
    free(world->places);
}
