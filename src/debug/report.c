/*
 * See report.h. An address with a precision is a stretch with many ranges in it. Each becomes a candidate with a
 * score, and the best of them are told, the likeliest first:
 *
 *   unmapped bytes      nothing else makes a device fault
 *   bytes of nobody     that had an owner not long ago: a use after free
 *   a pending free      the same, in its last frames; or in quarantine
 *   bytes of nobody     close behind the end of an allocation, its red zone or padding too: an access out of bounds
 *   a live allocation   that has its bytes since not long ago: a use after free, hidden; else it is all right
 */
#include "debug/report.h"

#include "core/bits.h"
#include "debug/bindings.h"
#include "debug/broken.h"
#include "debug/describe.h"
#include "debug/find.h"
#include "debug/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    AT_ONCE = 4,    /* findings, at half a kilobyte each */
    CANDIDATES = 6, /* that are told */
    PAST = 2,       /* owners before that are told of each */
    BOUND = 3,      /* of the driver's ranges */
    BROKEN = 3,     /* of what checking modes found */
    LINE = BDA_REPORT_LINE_SIZE,
    SOON = 4096, /* bytes behind an end, or frees ago */
};

struct candidate {
    uint32_t score;
    BdaFinding finding;
    uint32_t past_count;
    BdaPastOwner past[PAST];
};

struct candidates {
    uint32_t count; /* all that there were */
    struct candidate best[CANDIDATES];
};

void bda_report_say(const struct bda_report *report, const char *text) {
    char line[LINE];
    (void)snprintf(line, sizeof line, "%s", text);
    bda_make_one_line(line, strlen(text) >= sizeof line);
    report->line(report->user, line);
}

/* ---- Likelihood ---- */

/* The nearer the likelier: `base` at 0, a point less each time that `distance` doubles. */
static uint32_t points(uint32_t base, uint64_t distance) {
    return base - bda_floor_log2((uint32_t)bda_min(distance, UINT32_MAX >> 1) + 1);
}

static uint32_t score_of(const struct candidate *candidate) {
    const BdaFinding *finding = &candidate->finding;
    uint64_t age = candidate->past_count != 0 ? candidate->past[0].frees_ago : UINT64_MAX;
    bool close = finding->before.handle != 0 && finding->past_end < SOON;
    switch (finding->kind) {
    case BDA_FINDING_FOREIGN:
        return 400;
    case BDA_FINDING_PENDING:
    case BDA_FINDING_QUARANTINED:
        return points(300, candidate->past_count != 0 ? age : 0);
    case BDA_FINDING_SLACK:
        return points(250, finding->past_end);
    case BDA_FINDING_LIVE:
        return candidate->past_count != 0 ? points(100, age) : 50;
    default:
        if (age < SOON)
            return points(300, age);
        return close ? points(250, finding->past_end) : candidate->past_count != 0 ? 200 : 150;
    }
}

static void keep_best(struct candidates *all, const struct candidate *candidate) {
    uint32_t length = all->count < CANDIDATES ? all->count : CANDIDATES, at = length;
    all->count++;
    while (at > 0 && all->best[at - 1].score < candidate->score)
        at--;
    if (at == CANDIDATES)
        return;
    uint32_t moved = (length < CANDIDATES ? length : length - 1) - at;
    memmove(&all->best[at + 1], &all->best[at], moved * sizeof *candidate);
    all->best[at] = *candidate;
}

/* Those before the present owner; of a pending free, the first is its own. */
static void look_back(const struct bda_report *report, struct candidate *candidate) {
    BdaFinding *finding = &candidate->finding;
    uint32_t found = bda_history_find(report->allocator, finding->address, finding->address + finding->extent - 1, PAST,
                                      candidate->past, &finding->history);
    candidate->past_count = found < PAST ? found : PAST;
    bda_history_date(report->allocator, finding);
    bda_history_date_frames(report->allocator, finding);
    if (found != 0)
        finding->former = candidate->past[0];
    bda_history_tell_untouched(finding);
}

static void gather(const struct bda_report *report, const struct bda_suspect *suspect, struct candidates *all) {
    BdaFinding findings[AT_ONCE];
    VkDeviceAddress at = suspect->first;
    bool more = true;
    all->count = 0;
    while (more) {
        uint32_t count = bda_find_all(report->allocator, at, suspect->last, AT_ONCE, findings);
        more = count > AT_ONCE;
        count = more ? AT_ONCE : count;
        for (uint32_t i = 0; i < count; i++) {
            struct candidate candidate = { .finding = findings[i] };
            look_back(report, &candidate);
            candidate.score = score_of(&candidate);
            keep_best(all, &candidate);
        }
        at = findings[count - 1].address + findings[count - 1].extent;
    }
}

/* ---- Words ---- */

static const char *access_of(BdaFaultAccess access) {
    static const char *const words[] = { "access", "read", "write", "execution", "instruction", "atomic access" };
    return (uint32_t)access < sizeof words / sizeof words[0] ? words[access] : words[0];
}

/* What was put together is one line of the report. */
static void say(const struct bda_report *report, struct bda_text *text) {
    (void)bda_text_end(text);
    report->line(report->user, text->begin);
}

static void say_candidate(const struct bda_report *report, const struct candidate *candidate, const char *lead) {
    char line[LINE];
    struct bda_text text;
    bda_text_begin(&text, sizeof line, line);
    bda_text_add(&text, "%s", lead);
    bda_add_finding(&text, &candidate->finding);
    for (uint32_t i = 1; i < candidate->past_count; i++)
        bda_add_former(&text, &candidate->finding, &candidate->past[i], false);
    say(report, &text);
}

/* ---- Where they were allocated ---- */

/* A line for each frame. */
static void say_stack(const struct bda_report *report, BdaStack stack) {
    void *frames[BDA_STACK_DEPTH];
    char line[LINE], text[LINE - 64];
    uint32_t depth = bda_stack_copy(report->allocator, stack, BDA_STACK_DEPTH, frames);
    (void)snprintf(line, sizeof line, "  stack %" PRIu32 ", which allocated:", stack);
    bda_report_say(report, line);
    for (uint32_t i = 0; i < depth; i++) {
        bda_stack_describe(report->allocator, frames[i], sizeof text, text);
        (void)snprintf(line, sizeof line, "    %s", text);
        bda_report_say(report, line);
    }
}

/* The stacks that lines of the report have named, each once. */
struct stacks {
    uint32_t count;
    BdaStack all[CANDIDATES * (3 + PAST)];
};

static void note_stack(struct stacks *stacks, BdaStack stack) {
    uint32_t i = 0;
    while (i < stacks->count && stacks->all[i] != stack)
        i++;
    if (stack != 0 && i == stacks->count)
        stacks->all[stacks->count++] = stack;
}

static void say_stacks(const struct bda_report *report, const struct candidates *all) {
    struct stacks stacks = { .count = 0 };
    for (uint32_t i = 0; i < all->count && i < CANDIDATES; i++) {
        const struct candidate *candidate = &all->best[i];
        bool live = candidate->finding.kind == BDA_FINDING_LIVE; /* its neighbours are not told of */
        note_stack(&stacks, candidate->finding.range.stack);
        note_stack(&stacks, live ? 0 : candidate->finding.before.stack);
        note_stack(&stacks, live ? 0 : candidate->finding.after.stack);
        for (uint32_t k = 0; k < candidate->past_count; k++)
            note_stack(&stacks, candidate->past[k].range.stack);
    }
    for (uint32_t i = 0; i < stacks.count; i++)
        say_stack(report, stacks.all[i]);
}

/* ---- The driver's own ---- */

static const char *object_word(VkObjectType type) {
    switch (type) {
    case VK_OBJECT_TYPE_DEVICE_MEMORY:
        return "VkDeviceMemory";
    case VK_OBJECT_TYPE_BUFFER:
        return "VkBuffer";
    case VK_OBJECT_TYPE_IMAGE:
        return "VkImage";
    default:
        return "an object";
    }
}

static void say_bindings(const struct bda_report *report, const struct bda_suspect *suspect) {
    struct bda_binding found[BOUND];
    char line[LINE];
    struct bda_text text;
    uint32_t count = bda_bindings_find(report->allocator, suspect->first, suspect->last, BOUND, found);
    for (uint32_t i = 0; i < count; i++) {
        const struct bda_binding *b = &found[i];
        bda_text_begin(&text, sizeof line, line);
        bda_text_add(&text, "  the driver %s %" PRIu64 " %s at 0x%" PRIx64 ": ", b->bound ? "bound" : "unbound",
                     (uint64_t)b->size, bda_bytes_word(b->size), (uint64_t)b->address);
        if (b->internal)
            bda_text_add(&text, "its own");
        else
            bda_text_add(&text, "%s 0x%" PRIx64, object_word(b->type), b->object);
        if (b->name[0] != '\0')
            bda_text_add(&text, " '%s'", b->name);
        if (b->frame != 0)
            bda_text_add(&text, ", in frame %" PRIu64, b->frame);
        say(report, &text);
    }
}

/* ---- What checking modes found ---- */

void bda_report_broken(const struct bda_report *report, VkDeviceAddress first, VkDeviceAddress last) {
    char found[BROKEN][BDA_BROKEN_TEXT], line[LINE];
    uint32_t count = bda_broken_find(report->allocator, first, last, BROKEN, found);
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(line, sizeof line, "  %s", found[i]);
        bda_report_say(report, line);
    }
}

/* ---- All of it ---- */

static void say_stretch(const struct bda_report *report, const struct bda_suspect *suspect) {
    char line[LINE];
    struct bda_text text;
    bda_text_begin(&text, sizeof line, line);
    bda_text_add(&text, "%s somewhere from 0x%" PRIx64 " to 0x%" PRIx64, access_of(suspect->access), suspect->first,
                 suspect->last);
    if (suspect->source != NULL)
        bda_text_add(&text, " (%s)", suspect->source);
    bda_text_add(&text, ", the likeliest first:");
    say(report, &text);
}

void bda_report_explain(const struct bda_report *report, const struct bda_suspect *suspect) {
    struct candidates all;
    char line[LINE], lead[128];
    bool exact = suspect->first == suspect->last;
    gather(report, suspect, &all);
    if (!exact)
        say_stretch(report, suspect);
    (void)snprintf(lead, sizeof lead, "%s", suspect->lead != NULL ? suspect->lead : "");
    if (suspect->lead == NULL)
        (void)snprintf(lead, sizeof lead, "%s at ", access_of(suspect->access));
    for (uint32_t i = 0; i < all.count && i < CANDIDATES; i++)
        say_candidate(report, &all.best[i], exact ? lead : "  ");
    if (exact && suspect->source != NULL) {
        (void)snprintf(line, sizeof line, "  as told by %s", suspect->source);
        bda_report_say(report, line);
    }
    if (all.count > CANDIDATES) {
        (void)snprintf(line, sizeof line, "  and %" PRIu32 " further %s", all.count - CANDIDATES,
                       all.count - CANDIDATES == 1 ? "range" : "ranges");
        bda_report_say(report, line);
    }
    if (report->brief)
        return;
    say_stacks(report, &all);
    bda_report_broken(report, suspect->first, suspect->last);
    say_bindings(report, suspect);
}

void bda_report_end(const struct bda_report *report) {
    char line[LINE] = "the history is complete: no free was forgotten";
    BdaHistory history;
    (void)bda_history_find(report->allocator, 0, 0, 0, NULL, &history);
    if (!history.complete)
        (void)snprintf(line, sizeof line,
                       "the history reaches back about %" PRIu64 " %s; owners before that may be missing",
                       history.reach, history.reach == 1 ? "free" : "frees");
    bda_report_say(report, line);
}
