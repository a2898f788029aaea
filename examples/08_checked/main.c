/*
 * 08_checked: a shader that looks each pointer up before it follows it.
 *
 * The shader writes past the end of its array, reads through a pointer whose memory was freed, and follows a null
 * pointer. It is compiled with BDA_CHECKED and the allocator keeps the table of what is live, so none of that happens:
 * neighbours keep their bytes, and bda_report_checks names each mistake, by allocation, byte, history, and the place in
 * the shader. The program looks that exactly these are found, and none in a run without mistakes. With further checking
 * modes (BDA_DEBUG) the same is found, in other words; bytes of nobody are not broken, since no bad store happens.
 */
#include "example.h"
#include "step.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PARTICLES = 1000, GROUP = 64, GROUPS = (PARTICLES + GROUP - 1) / GROUP, PATTERN = 0x5A };
enum { TAG_PARTICLES = 1, TAG_SUM, TAG_BONES, TAG_NULL }; /* as in the shader */

struct particle {
    float position[4], velocity[4];
};

struct push {
    VkDeviceAddress checks;
    VkDeviceAddress particles;
    VkDeviceAddress table;
    uint32_t mistakes;
    uint32_t count;
};

/* ---- What is there ---- */

struct scene {
    BdaAllocation particles, lights, sum, table, bones;
};

static BdaAllocation allocate(BdaAllocator allocator, VkDeviceSize size, BdaIntent intent, const char *name) {
    BdaAllocation a;
    EX_CHECK(bda_alloc(allocator, &(BdaAllocInfo){ .size = size, .intent = intent, .name = name }, &a));
    return a;
}

static void make_scene(BdaAllocator allocator, struct scene *scene) {
    bda_set_frame(allocator, 1);
    scene->particles = allocate(allocator, PARTICLES * sizeof(struct particle), BDA_INTENT_READBACK, "particles");
    scene->lights = allocate(allocator, 1024, BDA_INTENT_READBACK, "lights");
    scene->bones = allocate(allocator, 256, BDA_INTENT_READBACK, "bones");
    scene->sum = allocate(allocator, sizeof(uint32_t), BDA_INTENT_READBACK, "sum");
    scene->table = allocate(allocator, 3 * sizeof(VkDeviceAddress), BDA_INTENT_UPLOAD, "table");
    memset(scene->lights.mapped, PATTERN, 1024);
    memset(scene->sum.mapped, 0, sizeof(uint32_t));
    EX_CHECK(bda_flush(allocator, scene->lights.handle, 0, VK_WHOLE_SIZE));
    EX_CHECK(bda_flush(allocator, scene->sum.handle, 0, VK_WHOLE_SIZE));
    const VkDeviceAddress pointers[] = { scene->sum.address, scene->bones.address, 0 };
    EX_CHECK(bda_write(allocator, scene->table.handle, 0, pointers, sizeof pointers));
}

static void free_scene(BdaAllocator allocator, const struct scene *scene) {
    const BdaHandle handles[] = { scene->particles.handle, scene->lights.handle, scene->sum.handle,
                                  scene->table.handle };
    EX_CHECK(bda_free_many(allocator, 4, handles));
}

/* Every particle was written and counted, and no light was touched. */
static bool is_right(BdaAllocator allocator, const struct scene *scene, uint32_t sum) {
    struct particle last;
    uint32_t counted;
    unsigned char light[1024];
    EX_CHECK(bda_read(allocator, scene->particles.handle, (PARTICLES - 1) * sizeof last, &last, sizeof last));
    EX_CHECK(bda_read(allocator, scene->sum.handle, 0, &counted, sizeof counted));
    EX_CHECK(bda_read(allocator, scene->lights.handle, 0, light, sizeof light));
    bool lights_kept = true;
    for (size_t i = 0; i < sizeof light; i++)
        lights_kept = lights_kept && light[i] == PATTERN;
    return (int)last.position[0] == PARTICLES - 1 && counted == sum && lights_kept;
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

static bool says(const struct report *report, const char *wanted) {
    bool found = strstr(report->text, wanted) != NULL;
    if (!found)
        printf("the report does NOT say \"%s\"\n", wanted);
    return found;
}

/* What went over the end came into the gap behind the array, then into 'lights'; checking modes make the gap wider. Of
 * each kind one is told, whichever invocation was first to write its record, and how many were like it. */
enum { PAST = GROUPS * GROUP - PARTICLES };

static bool says_how_many(const struct report *report, const char *what, uint32_t count) {
    char wanted[96], more[32] = "";
    if (count > 1)
        (void)snprintf(more, sizeof more, "; %u more like it", (unsigned)count - 1);
    for (uint32_t invocation = PARTICLES; invocation < PARTICLES + PAST; invocation++) {
        (void)snprintf(wanted, sizeof wanted, "%s when invocation (%u, 0, 0) came, at tag 1%s\n", what,
                       (unsigned)invocation, more);
        if (strstr(report->text, wanted) != NULL)
            return true;
    }
    printf("the report does NOT say that %u were %s\n", (unsigned)count, what);
    return false;
}

static bool explains_overrun(const struct report *report, const struct scene *scene) {
    VkDeviceSize gap = scene->lights.address - (scene->particles.address + scene->particles.size);
    VkDeviceSize step = sizeof(struct particle), begun = (gap + step - 1) / step;
    uint32_t in_gap = begun < PAST ? (uint32_t)begun : PAST;
    bool explained = says(report, "write of 32 bytes at 0x") && says(report, "by an index of 32") &&
                     says(report, ": byte 0 of 'particles' (live, 32000 bytes at 0x") &&
                     says(report, "past the end of 'particles' (live, 32000 bytes at 0x") &&
                     says_how_many(report, "not live", in_gap);
    return explained && (in_gap == PAST || (says(report, " of 'lights' (live, 1024 bytes at 0x") &&
                                            says_how_many(report, "another's", PAST - in_gap)));
}

/* In quarantine the range is its former owner's still. */
static bool explains_use_after_free(const struct report *report, bool held) {
    return says(report, "read of 16 bytes at 0x") &&
           says(report, held ? "byte 64 of 'bones' (freed, in quarantine, 256 bytes at 0x"
                             : "the range belonged to 'bones' (256 bytes at 0x") &&
           (held || says(report, "allocated in frame 1")) &&
           says(report, held ? "it was freed with the last free, in frame 2" : ") until the last free, in frame 2") &&
           says(report, "not live when invocation (7, 0, 0) came, at tag 3");
}

static bool explains_null(const struct report *report) {
    return says(report, "write of 4 bytes at 0x8: a null pointer, 8 bytes from its beginning") &&
           says(report, "null when invocation (7, 0, 0) came, at tag 4");
}

/* Whether BDA_DEBUG has a quarantine beside our mode, which is large enough to hold what was freed there. */
static bool is_held(BdaAllocator allocator, VkDeviceAddress address) {
    uint32_t count = 1;
    BdaFinding finding;
    EX_CHECK(bda_find(allocator, address, 0, &count, &finding));
    return finding.kind == BDA_FINDING_QUARANTINED;
}

/* ---- Runs ---- */

static bool run_without_mistakes(struct ex *ex, BdaAllocator allocator, const struct ex_pipeline *step,
                                 struct push push, const struct scene *scene) {
    struct report report = { "" };
    uint64_t count;
    ex_dispatch(ex, step, &push, GROUPS);
    EX_CHECK(bda_report_checks(allocator, take_line, &report, &count));
    bool right = count == 0 && is_right(allocator, scene, PARTICLES);
    printf("without    mistakes: %" PRIu64 " reports, the result is %s\n", count, right ? "right" : "WRONG");
    return right;
}

static bool run_with_mistakes(struct ex *ex, BdaAllocator allocator, const struct ex_pipeline *step, struct push push,
                              const struct scene *scene) {
    struct report report = { "" };
    uint64_t count;
    bda_set_frame(allocator, 2);
    EX_CHECK(bda_free(allocator, scene->bones.handle)); /* too early: the table still has the pointer */
    push.mistakes = 1;
    printf("with       mistakes:\n");
    ex_dispatch(ex, step, &push, GROUPS);
    EX_CHECK(bda_report_checks(allocator, take_line, &report, &count));
    bool exact = count == PAST + 2;
    if (!exact)
        printf("%" PRIu64 " bad accesses were reported, and %d were made\n", count, PAST + 2);
    return explains_overrun(&report, scene) &&
           explains_use_after_free(&report, is_held(allocator, scene->bones.address)) && explains_null(&report) &&
           exact && is_right(allocator, scene, 2 * PARTICLES);
}

int main(void) {
    struct ex ex;
    ex_start(&ex, "08_checked: a write out of bounds, a use after free and a null pointer, caught in the shader", 0);

    BdaAllocatorInfo allocator_info = ex_allocator_info(&ex);
    allocator_info.checks = BDA_CHECK_POINTERS_BIT;
    BdaAllocator allocator;
    EX_CHECK(bda_create_allocator(&allocator_info, &allocator));
    struct ex_pipeline step;
    ex_create_pipeline(&ex, step_spv, sizeof step_spv, sizeof(struct push), &step);

    struct scene scene;
    make_scene(allocator, &scene);
    struct push push = { .particles = scene.particles.address, .table = scene.table.address, .count = PARTICLES };
    EX_CHECK(bda_get_check_table(allocator, &push.checks));
    bool caught = run_without_mistakes(&ex, allocator, &step, push, &scene);
    caught = run_with_mistakes(&ex, allocator, &step, push, &scene) && caught;
    printf("proved     the three mistakes, and no other, %s caught and explained, and nothing else was harmed\n",
           caught ? "were" : "were NOT");
    free_scene(allocator, &scene);

    ex_destroy_pipeline(&ex, &step);
    EX_CHECK(bda_destroy_allocator(allocator));
    return ex_finish(&ex, caught);
}
