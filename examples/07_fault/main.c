/*
 * 07_fault: two faults that no driver and no layer sees, explained.
 *
 * A shader writes past the end of its array, and through a pointer whose memory was freed. Both writes land in memory
 * that belongs to a block of the library, so the hardware has nothing to complain of: the bytes just are wrong
 * afterwards. The program notices by patterns which bytes; bda_report_fault says what is there, which allocation the
 * write came out of, and who had the bytes before. After VK_ERROR_DEVICE_LOST the addresses would come from
 * vkGetDeviceFaultInfoEXT, or from the kernel's log; the call is the same.
 */
#include "example.h"
#include "update.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PARTICLES = 1000, GROUP = 64, PATTERN = 0x5A, WRITTEN = 0x01020304 };

struct push {
    VkDeviceAddress values;
    uint32_t value;
};

/* ---- The report, printed and kept ---- */

struct report {
    char text[8192];
};

static void take_line(void *user, const char *line) {
    struct report *report = user;
    size_t length = strlen(report->text);
    printf("  | %s\n", line);
    (void)snprintf(report->text + length, sizeof report->text - length, "%s\n", line);
}

static void explain(BdaAllocator allocator, const char *what, uint32_t count, const BdaFaultAddress *addresses,
                    struct report *report) {
    printf("%s\n", what);
    report->text[0] = '\0';
    const BdaFaultInfo info = { .address_count = count, .addresses = addresses };
    EX_CHECK(bda_report_fault(allocator, &info, take_line, report));
}

static bool says(const struct report *report, const char *wanted) {
    bool found = strstr(report->text, wanted) != NULL;
    if (!found)
        printf("the report does NOT say \"%s\"\n", wanted);
    return found;
}

/* ---- Patterns ----
 *
 * BDA_INTENT_UPLOAD is coherent memory: what a finished shader wrote is what the CPU reads, by address, also where
 * nothing is allocated any more. */

static BdaAllocation allocate(BdaAllocator allocator, VkDeviceSize size, const char *name) {
    BdaAllocation a;
    EX_CHECK(bda_alloc(allocator, &(BdaAllocInfo){ .size = size, .intent = BDA_INTENT_UPLOAD, .name = name }, &a));
    memset(a.mapped, PATTERN, size);
    return a;
}

/* The first or the last byte in a range that is not as it was left; 0: all are. */
static VkDeviceAddress find_damage(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size, bool last) {
    const unsigned char *bytes = bda_mapped(allocator, address);
    for (VkDeviceSize i = 0; i < size; i++) {
        VkDeviceSize at = last ? size - 1 - i : i;
        if (bytes[at] != PATTERN)
            return address + at;
    }
    return 0;
}

/* What a frame does otherwise. */
static void free_something(BdaAllocator allocator, uint32_t count) {
    while (count-- > 0) {
        BdaAllocation a = allocate(allocator, 20000, "frame scratch");
        EX_CHECK(bda_free(allocator, a.handle));
    }
}

/* ---- The two faults ---- */

static bool write_out_of_bounds(struct ex *ex, BdaAllocator allocator, const struct ex_pipeline *update) {
    bda_set_frame(allocator, 1);
    BdaAllocation particles = allocate(allocator, PARTICLES * sizeof(uint32_t), "particles");
    BdaAllocation tmp = allocate(allocator, 1024, "tmp sort");
    BdaAllocation lights = allocate(allocator, 1024, "lights");
    if (tmp.address != particles.address + particles.size)
        ex_fail("the allocations do not lie side by side");
    EX_CHECK(bda_free(allocator, tmp.handle));
    bda_set_frame(allocator, 2);
    free_something(allocator, 3);

    ex_dispatch(ex, update, &(struct push){ particles.address, WRITTEN }, (PARTICLES + GROUP - 1) / GROUP);

    const BdaFaultAddress damage[] = {
        { .address = find_damage(allocator, tmp.address, tmp.size, false), .access = BDA_FAULT_ACCESS_WRITE },
        { .address = find_damage(allocator, tmp.address, tmp.size, true), .access = BDA_FAULT_ACCESS_WRITE },
    };
    if (damage[0].address == 0)
        ex_fail("nothing was written past the end");
    struct report report;
    explain(allocator, "bytes have changed behind 'particles', the first and the last of them:", 2, damage, &report);
    EX_CHECK(bda_free(allocator, particles.handle));
    EX_CHECK(bda_free(allocator, lights.handle));
    return says(&report, "write at 0x") && says(&report, "just past the end of 'particles' (live, 4000 bytes at 0x") &&
           says(&report, "95 bytes past the end of 'particles' (live, 4000 bytes at 0x") &&
           says(&report, "the range belonged to 'tmp sort' (1024 bytes at 0x") &&
           says(&report, "allocated in frame 1) until about 3 frees ago, in frame 1") &&
           says(&report, "the history is complete");
}

static bool use_after_free(struct ex *ex, BdaAllocator allocator, const struct ex_pipeline *update) {
    bda_set_frame(allocator, 3);
    BdaAllocation bones = allocate(allocator, 1024, "old bones");
    VkDeviceAddress kept = bones.address; /* in some table that nobody clears */
    EX_CHECK(bda_free(allocator, bones.handle));
    bda_set_frame(allocator, 4);
    BdaAllocation mesh = allocate(allocator, 1024, "new mesh");
    if (mesh.address != kept)
        ex_fail("the range was not handed out again");
    free_something(allocator, 3);

    ex_dispatch(ex, update, &(struct push){ kept + 256, WRITTEN }, 1);

    const BdaFaultAddress damage = { .address = find_damage(allocator, mesh.address, mesh.size, false),
                                     .access = BDA_FAULT_ACCESS_WRITE };
    if (damage.address == 0)
        ex_fail("nothing was written through the old pointer");
    struct report report;
    explain(allocator, "bytes of 'new mesh' have changed, and nobody was to write there; the first:", 1, &damage,
            &report);
    EX_CHECK(bda_free(allocator, mesh.handle));
    return says(&report, "byte 256 of 'new mesh' (live, 1024 bytes at 0x") &&
           says(&report, "the range belonged to 'old bones' (1024 bytes at 0x") &&
           says(&report, "allocated in frame 3) until about 3 frees ago, in frame 3");
}

int main(void) {
    struct ex ex;
    ex_start(&ex, "07_fault: a write out of bounds and a use after free, explained", 0);

    BdaAllocatorInfo allocator_info = ex_allocator_info(&ex);
    BdaAllocator allocator;
    EX_CHECK(bda_create_allocator(&allocator_info, &allocator));
    struct ex_pipeline update;
    ex_create_pipeline(&ex, update_spv, sizeof update_spv, sizeof(struct push), &update);

    bool explained = write_out_of_bounds(&ex, allocator, &update);
    explained = use_after_free(&ex, allocator, &update) && explained;
    printf("proved     both faults %s explained by name, byte and history\n", explained ? "were" : "were NOT");

    ex_destroy_pipeline(&ex, &update);
    EX_CHECK(bda_destroy_allocator(allocator));
    return ex_finish(&ex, explained);
}
