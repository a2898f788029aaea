/*
 * `bda_bench dump`: plays a trace on the library, which stands on the fake driver of the tests, and writes what is in
 * the heap now and then: what bda_view makes a page of, without the program that was recorded and without a GPU.
 */
#include "bench.h"
#include "trace.h"

#include "fake/fake_vulkan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STANDARD_DUMPS = 24, EVENTS_PER_FRAME = 50 };

int bench_dump(int argc, char **argv);

/* What a buffer is for, from its usage: the first of these that it has. (Who asks for both an index buffer and a
 * uniform one asks for everything, as zink does.) */
static const struct {
    uint64_t usage;
    const char *name;
} purposes[] = {
    { VK_BUFFER_USAGE_INDEX_BUFFER_BIT, "index" },
    { VK_BUFFER_USAGE_VERTEX_BUFFER_BIT, "vertex" },
    { VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, "uniform" },
    { VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT, "indirect" },
    { VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, "storage" },
    { VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT, "staging" },
};

static const char *purpose_of(uint64_t usage) {
    const uint64_t everything = VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT;
    if ((usage & everything) == everything)
        return "buffer";
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++)
        if ((usage & purposes[i].usage) != 0)
            return purposes[i].name;
    return "other";
}

static BdaHandle allocate(BdaAllocator allocator, const struct trace *trace, const struct trace_event *event) {
    char name[64];
    BdaAllocation a;
    (void)snprintf(name, sizeof name, "%s/%s/%" PRIu32, trace_intent_name((enum trace_intent)event->intent),
                   purpose_of(trace->usages[event->usage]), event->id);
    const BdaAllocInfo info = { .size = event->size,
                                .alignment = (VkDeviceSize)1 << event->alignment_log2,
                                .intent = (BdaIntent)event->intent,
                                .name = name };
    if (bda_alloc(allocator, &info, &a) != VK_SUCCESS)
        bench_fail("%s was refused", name);
    return a.handle;
}

/* A BdaWriteText. */
static VkBool32 write_to_file(void *user, const char *text, size_t size) {
    return fwrite(text, 1, size, user) == size ? VK_TRUE : VK_FALSE;
}

static void write_dump(BdaAllocator allocator, const char *prefix, uint32_t number, const char *label) {
    char path[1024];
    (void)snprintf(path, sizeof path, "%s-%03" PRIu32 ".json", prefix, number);
    FILE *file = fopen(path, "w");
    bool written =
        file != NULL && bda_write_json(allocator, &(BdaJsonInfo){ .label = label }, write_to_file, file) == VK_SUCCESS;
    if (file == NULL || fclose(file) != 0 || !written)
        bench_fail("cannot write %s", path);
}

static void play(BdaAllocator allocator, const struct trace *trace, const char *prefix, uint32_t dumps) {
    BdaHandle *handles = bench_memory(trace->id_count, sizeof *handles);
    for (uint32_t i = 0, written = 0; i < trace->event_count; i++) {
        const struct trace_event *event = &trace->events[i];
        if (event->size != 0)
            handles[event->id] = allocate(allocator, trace, event);
        else if (bda_free(allocator, handles[event->id]) != VK_SUCCESS)
            bench_fail("a free was refused");
        if (i % EVENTS_PER_FRAME == 0) {
            bda_set_frame(allocator, 1 + i / EVENTS_PER_FRAME);
            (void)bda_collect(allocator);
        }
        if ((uint64_t)(i + 1) * dumps / trace->event_count > written) {
            char label[64];
            (void)snprintf(label, sizeof label, "event %" PRIu32 " of %" PRIu32, i + 1, trace->event_count);
            write_dump(allocator, prefix, ++written, label);
        }
    }
    free(handles);
}

int bench_dump(int argc, char **argv) {
    char error[TRACE_ERROR_LENGTH];
    struct trace trace;
    if (argc < 3 || argc > 4) {
        (void)fputs(
            "usage: bda_bench dump TRACE PREFIX [COUNT]\n\nwrites PREFIX-001.json and so on, COUNT (24) in all\n",
            stderr);
        return EXIT_FAILURE;
    }
    uint32_t dumps = argc == 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : STANDARD_DUMPS;
    if (!trace_open(argv[1], &trace, error))
        bench_fail("%s", error);
    struct fake_driver *driver = fake_create(
        &(struct fake_config){ .heap_size = (VkDeviceSize)1 << 32, .base_alignment = 1 << 16, .quiet = true });
    if (driver == NULL)
        bench_fail("out of memory");
    /* Names begin with an intent. */
    static const char *const prefixes[] = { "device/", "upload/", "readback/", "shared/" };
    BdaAllocatorInfo info = fake_allocator_info(driver);
    info.prefix_count = sizeof prefixes / sizeof *prefixes;
    info.prefixes = prefixes;
    BdaAllocator allocator;
    if (bda_create_allocator(&info, &allocator) != VK_SUCCESS)
        bench_fail("no allocator could be made");
    play(allocator, &trace, argv[2], dumps);
    (void)bda_destroy_allocator(allocator); /* with what the trace left alive */
    trace_free(&trace);
    return fake_destroy(driver) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
