/*
 * 07_fault: two faults that no driver and no layer sees, explained.
 *
 * A shader writes past the end of its array, and through a pointer whose memory was freed. Both writes land in memory
 * that belongs to a block of the library, so the hardware has nothing to complain of: the bytes just are wrong
 * afterwards. The program notices by patterns which bytes; bda_report_fault says what is there, which allocation the
 * write came out of, and who had the bytes before. After VK_ERROR_DEVICE_LOST the addresses would come from
 * vkGetDeviceFaultInfoEXT, or from the kernel's log; the call is the same.
 *
 * With checking modes (BDA_DEBUG=redzones, poison, all ...) the library notices by itself, and says so in messages; the
 * program looks that it does, by the right names, and that the reports still fit.
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

/* Looks for a sentence; one that is missing is told. */
static bool says(const char *text, const char *wanted) {
    bool found = strstr(text, wanted) != NULL;
    if (!found)
        printf("nobody says \"%s\"\n", wanted);
    return found;
}

/* ---- The report, printed and kept ---- */

struct report {
    char text[32768];
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

/* ---- What checking modes find ---- */

struct program {
    struct ex ex;
    BdaAllocator allocator;
    struct ex_pipeline update;
    BdaCheckFlags checks;
    struct report findings; /* of the modes */
};

/* These are what the program is about; whatever else is said is a complaint. */
static void take_message(void *user, BdaMessageSeverity severity, const char *text) {
    struct program *program = user;
    if (strstr(text, "red zone broken: ") == text || strstr(text, "written after its free: ") == text)
        take_line(&program->findings, text);
    else
        ex_message(&program->ex, severity, text);
}

static bool has(const struct program *program, BdaCheckFlags checks) {
    return (program->checks & checks) != 0;
}

/* Whether somebody looks at the bytes behind an allocation: its red zone, or what was freed, if that lies there. */
static bool ends_are_watched(const struct program *program) {
    const BdaCheckFlags gaps = BDA_CHECK_ISOLATE_BIT | BDA_CHECK_MEMORY_BIT;
    return has(program, BDA_CHECK_RED_ZONES_BIT) || (has(program, BDA_CHECK_POISON_BIT) && !has(program, gaps));
}

/* What was freed has a pattern in either mode. */
static bool freed_bytes_are_watched(const struct program *program) {
    return has(program, BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT);
}

/* To a memory checker bytes of nobody are forbidden, and this program's look at them would be the finding. (Valgrind
 * reports the shader's, on a software driver.) */
static bool may_look(const struct program *program) {
    return !has(program, BDA_CHECK_MEMORY_BIT);
}

/* Whether what was freed there is in nobody's hands yet. How long a quarantine holds is the user's to set
 * (BDA_DEBUG=quarantine=4K, or frees=2), so the library is asked and not the mode. */
static bool is_held_back(const struct program *program, VkDeviceAddress address) {
    uint32_t count = 1;
    BdaFinding finding;
    EX_CHECK(bda_find(program->allocator, address, 0, &count, &finding));
    return finding.kind == BDA_FINDING_QUARANTINED;
}

/* The same at the end of a story. With a quarantine a range that it could not hold so long is told. */
static bool is_held_still(const struct program *program, VkDeviceAddress address, const char *name) {
    bool held = is_held_back(program, address);
    if (!held && has(program, BDA_CHECK_QUARANTINE_BIT))
        printf("the quarantine is too small to hold '%s' until now: history alone knows it\n", name);
    return held;
}

static void verify(struct program *program, const char *what) {
    printf("%s\n", what);
    program->findings.text[0] = '\0';
    EX_CHECK(bda_verify(program->allocator, NULL));
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

/* The first or the last byte in a range that is not as it was; 0: all are. */
static VkDeviceAddress find_damage(BdaAllocator allocator, VkDeviceAddress address, const unsigned char *before,
                                   VkDeviceSize size, bool last) {
    const unsigned char *bytes = bda_mapped(allocator, address);
    for (VkDeviceSize i = 0; i < size; i++) {
        VkDeviceSize at = last ? size - 1 - i : i;
        if (bytes[at] != before[at])
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

/* ---- A write out of bounds ---- */

enum { PAST = (PARTICLES + GROUP - 1) / GROUP * GROUP * 4 - PARTICLES * 4, LOOKED_AT = PAST + 32 };

/* The first and the last byte behind the array that the shader changed, found by a mode, or by a look of our own. */
static bool overrun(struct program *program, const BdaAllocation *particles, BdaFaultAddress damage[2]) {
    BdaAllocator allocator = program->allocator;
    VkDeviceAddress end = particles->address + particles->size;
    bool watched = ends_are_watched(program);
    unsigned char before[LOOKED_AT];
    if (!watched && may_look(program))
        memcpy(before, bda_mapped(allocator, end), sizeof before);
    ex_dispatch(&program->ex, &program->update, &(struct push){ particles->address, WRITTEN },
                (PARTICLES + GROUP - 1) / GROUP);
    for (int last = 0; last < 2; last++)
        damage[last] = (BdaFaultAddress){ .address = end + (last ? PAST - 1 : 0), .access = BDA_FAULT_ACCESS_WRITE };
    if (!watched)
        return !may_look(program) || (find_damage(allocator, end, before, sizeof before, false) == damage[0].address &&
                                      find_damage(allocator, end, before, sizeof before, true) == damage[1].address);
    verify(program, "bda_verify finds it:");
    const char *found = program->findings.text;
    if (!has(program, BDA_CHECK_RED_ZONES_BIT))
        return says(found, "of 'tmp sort' (1024 bytes at 0x") && says(found, "found by bda_verify");
    return says(found, "behind 'particles' (4000 bytes at 0x") && says(found, ", the first right behind its end");
}

/* `reached`: the last byte that was written is one of what was 'tmp sort'; `held`: which nobody may have yet. */
static bool is_explained(const struct report *report, bool reached, bool held) {
    bool right = says(report->text, "write at 0x") &&
                 says(report->text, "just past the end of 'particles' (live, 4000 bytes at 0x") &&
                 says(report->text, "95 bytes past the end of 'particles' (live, 4000 bytes at 0x") &&
                 says(report->text, "the history is complete");
    if (!right || !reached)
        return right;
    if (held)
        return says(report->text, "of 'tmp sort' (freed, in quarantine, 1024 bytes at 0x") &&
               says(report->text, "it was freed about 3 frees ago, in frame 1");
    return says(report->text, "the range belonged to 'tmp sort' (1024 bytes at 0x") &&
           says(report->text, "allocated in frame 1") && says(report->text, ") until about 3 frees ago, in frame 1");
}

static bool write_out_of_bounds(struct program *program) {
    BdaAllocator allocator = program->allocator;
    bda_set_frame(allocator, 1);
    BdaAllocation particles = allocate(allocator, PARTICLES * sizeof(uint32_t), "particles");
    BdaAllocation tmp = allocate(allocator, 1024, "tmp sort");
    BdaAllocation lights = allocate(allocator, 1024, "lights");
    VkDeviceSize gap = tmp.address - (particles.address + particles.size);
    if (gap >= (program->checks == 0 ? 1 : 0x20000)) /* a red zone is 64 KiB at most */
        ex_fail("the allocations do not lie side by side");
    EX_CHECK(bda_free(allocator, tmp.handle));
    bda_set_frame(allocator, 2);
    free_something(allocator, 3);

    BdaFaultAddress damage[2];
    if (!overrun(program, &particles, damage))
        ex_fail("what was written past the end was not found");
    struct report report;
    explain(allocator, "bytes have changed behind 'particles', the first and the last of them:", 2, damage, &report);
    bool held = is_held_still(program, tmp.address, "tmp sort");
    EX_CHECK(bda_free(allocator, particles.handle));
    EX_CHECK(bda_free(allocator, lights.handle));
    return is_explained(&report, gap < PAST, held);
}

/* ---- A use after free ---- */

/* The first byte that changed of what was 'old bones': of whoever has it now, or of nobody. */
static VkDeviceAddress find_use(struct program *program, VkDeviceAddress kept, bool reused) {
    bool watched = freed_bytes_are_watched(program);
    if (!reused && !watched && !may_look(program))
        return kept + 256;
    if (reused || !watched) {
        unsigned char before[1024];
        memset(before, PATTERN, sizeof before);
        return find_damage(program->allocator, kept, before, sizeof before, false);
    }
    verify(program, "bda_verify finds it:");
    const char *found = program->findings.text;
    return says(found, "written after its free: 256 of ") && says(found, " of 'old bones' (1024 bytes at 0x") &&
                   says(found, ", the first at byte 256 ")
               ? kept + 256
               : 0;
}

/* The range was in nobody else's hands, so nobody was harmed; `held`: nor can anybody be yet. */
static bool is_kept_apart(struct program *program, const BdaAllocation *mesh, const struct report *report, bool held) {
    unsigned char before[1024];
    memset(before, PATTERN, sizeof before);
    if (find_damage(program->allocator, mesh->address, before, sizeof before, false) != 0)
        return false;
    if (!held)
        return says(report->text, "the range belonged to 'old bones' (1024 bytes at 0x") &&
               says(report->text, ") until about 3 frees ago, in frame 3");
    return says(report->text, "byte 256 of 'old bones' (freed, in quarantine, 1024 bytes at 0x") &&
           says(report->text, "it was freed about 3 frees ago, in frame 3");
}

static bool use_after_free(struct program *program) {
    BdaAllocator allocator = program->allocator;
    bda_set_frame(allocator, 3);
    BdaAllocation bones = allocate(allocator, 1024, "old bones");
    VkDeviceAddress kept = bones.address; /* in some table that nobody clears */
    EX_CHECK(bda_free(allocator, bones.handle));
    bda_set_frame(allocator, 4);
    bool held = is_held_back(program, kept);
    BdaAllocation mesh = allocate(allocator, 1024, "new mesh");
    bool reused = mesh.address == kept;
    if (reused == held)
        ex_fail("the range was %shanded out again", reused ? "" : "not ");
    free_something(allocator, 3);

    ex_dispatch(&program->ex, &program->update, &(struct push){ kept + 256, WRITTEN }, 1);

    const BdaFaultAddress damage = { .address = find_use(program, kept, reused), .access = BDA_FAULT_ACCESS_WRITE };
    if (damage.address != kept + 256)
        ex_fail("what was written through the old pointer was not found");
    struct report report;
    explain(allocator, "bytes have changed, and nobody was to write there; the first:", 1, &damage, &report);
    bool right = reused ? says(report.text, "byte 256 of 'new mesh' (live, 1024 bytes at 0x") &&
                              says(report.text, "the range belonged to 'old bones' (1024 bytes at 0x") &&
                              says(report.text, "allocated in frame 3") &&
                              says(report.text, ") until about 3 frees ago, in frame 3")
                        : is_kept_apart(program, &mesh, &report, is_held_still(program, kept, "old bones"));
    EX_CHECK(bda_free(allocator, mesh.handle));
    return right;
}

/* ---- Both ---- */

static BdaCheckFlags checks_of(BdaAllocator allocator) {
    BdaProperties properties;
    EX_CHECK(bda_get_properties(allocator, &properties));
    return properties.checks;
}

int main(void) {
    static struct program program;
    ex_start(&program.ex, "07_fault: a write out of bounds and a use after free, explained", 0);

    BdaAllocatorInfo allocator_info = ex_allocator_info(&program.ex);
    allocator_info.message = take_message;
    allocator_info.message_user = &program;
    EX_CHECK(bda_create_allocator(&allocator_info, &program.allocator));
    program.checks = checks_of(program.allocator);
    ex_create_pipeline(&program.ex, update_spv, sizeof update_spv, sizeof(struct push), &program.update);

    bool explained = write_out_of_bounds(&program);
    explained = use_after_free(&program) && explained;
    printf("proved     both faults %s explained by name, byte and history\n", explained ? "were" : "were NOT");

    ex_destroy_pipeline(&program.ex, &program.update);
    EX_CHECK(bda_destroy_allocator(program.allocator));
    return ex_finish(&program.ex, explained);
}
