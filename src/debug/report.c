/*
 * See report.h. An address with a precision is a stretch with many ranges in it. Each becomes a candidate with a
 * score, and the best of them are told, the likeliest first:
 *
 *   unmapped bytes      nothing else makes a device fault
 *   bytes of nobody     that had an owner not long ago: a use after free
 *   a pending free      the same, in its last frames
 *   bytes of nobody     close behind the end of an allocation, or in its padding: an access out of bounds
 *   a live allocation   that has its bytes since not long ago: a use after free, hidden; else it is all right
 */
#include "debug/report.h"

#include "core/bits.h"
#include "debug/bindings.h"
#include "debug/describe.h"
#include "debug/find.h"
#include "debug/history.h"
#include "debug/message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    AT_ONCE = 4,    /* findings, at half a kilobyte each */
    CANDIDATES = 6, /* that are told */
    PAST = 2,       /* owners before that are told of each */
    BOUND = 3,      /* of the driver's ranges */
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
    const BdaFinding *finding = &candidate->finding;
    BdaHistory history;
    uint32_t found = bda_history_find(report->allocator, finding->address, finding->address + finding->extent - 1, PAST,
                                      candidate->past, &history);
    candidate->past_count = found < PAST ? found : PAST;
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
    static const char *const words[] = { "access", "read", "write", "execution", "instruction" };
    return (uint32_t)access < sizeof words / sizeof words[0] ? words[access] : words[0];
}

static void add(char *line, const char *format, ...) BDA_PRINTF(2, 3);

static void add(char *line, const char *format, ...) {
    size_t length = strlen(line);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line + length, LINE - length, format, arguments);
    va_end(arguments);
}

static void add_time(char *line, const BdaPastOwner *owner) {
    if (owner->frees_ago == 0)
        add(line, "the last free");
    else
        add(line, "about %" PRIu64 " %s ago", owner->frees_ago, owner->frees_ago == 1 ? "free" : "frees");
    if (owner->frame_freed != 0)
        add(line, ", in frame %" PRIu64, owner->frame_freed);
}

static void add_owner(char *line, const BdaPastOwner *owner) {
    bool named = owner->range.name[0] != '\0';
    add(line, "%s%s%s (%" PRIu64 " bytes at 0x%" PRIx64, named ? "'" : "an unnamed allocation",
        named ? owner->range.name : "", named ? "'" : "", (uint64_t)owner->range.size, (uint64_t)owner->range.address);
    if (owner->frame_allocated != 0)
        add(line, ", allocated in frame %" PRIu64, owner->frame_allocated);
    if (owner->range.stack != 0)
        add(line, ", stack %" PRIu32, owner->range.stack);
    add(line, ")");
}

static void add_past(char *line, const BdaFinding *finding, const BdaPastOwner *owner, bool first) {
    if (finding->kind == BDA_FINDING_PENDING && owner->range.handle == finding->range.handle) {
        add(line, "; it was freed with ");
        add_time(line, owner);
        return;
    }
    add(line, first ? "; the range belonged to " : ", and before that to ");
    add_owner(line, owner);
    add(line, " until ");
    add_time(line, owner);
}

static void say_candidate(const struct bda_report *report, const struct candidate *candidate, const char *lead) {
    char line[LINE] = "", text[BDA_FINDING_TEXT_SIZE];
    (void)bda_put_in_words(&candidate->finding, sizeof text, text);
    add(line, "%s%s", lead, text);
    for (uint32_t i = 0; i < candidate->past_count; i++)
        add_past(line, &candidate->finding, &candidate->past[i], i == 0);
    bda_report_say(report, line);
}

/* ---- Where they were allocated ---- */

/* A line for each frame. */
static void say_stack(const struct bda_report *report, BdaStack stack) {
    void *frames[BDA_STACK_DEPTH];
    char line[LINE] = "", text[LINE - 64];
    uint32_t depth = bda_stack_copy(report->allocator, stack, BDA_STACK_DEPTH, frames);
    add(line, "  stack %" PRIu32 ", which allocated:", stack);
    bda_report_say(report, line);
    for (uint32_t i = 0; i < depth; i++) {
        line[0] = '\0';
        bda_stack_describe(report->allocator, frames[i], sizeof text, text);
        add(line, "    %s", text);
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
    uint32_t count = bda_bindings_find(report->allocator, suspect->first, suspect->last, BOUND, found);
    for (uint32_t i = 0; i < count; i++) {
        const struct bda_binding *b = &found[i];
        char line[LINE] = "";
        add(line, "  the driver %s %" PRIu64 " bytes at 0x%" PRIx64 ": ", b->bound ? "bound" : "unbound",
            (uint64_t)b->size, (uint64_t)b->address);
        if (b->internal)
            add(line, "its own");
        else
            add(line, "%s 0x%" PRIx64, object_word(b->type), b->object);
        if (b->name[0] != '\0')
            add(line, " '%s'", b->name);
        if (b->frame != 0)
            add(line, ", in frame %" PRIu64, b->frame);
        bda_report_say(report, line);
    }
}

/* ---- All of it ---- */

void bda_report_explain(const struct bda_report *report, const struct bda_suspect *suspect) {
    struct candidates all;
    char line[LINE] = "", lead[64];
    bool exact = suspect->first == suspect->last;
    gather(report, suspect, &all);
    if (!exact) {
        add(line, "%s somewhere from 0x%" PRIx64 " to 0x%" PRIx64, access_of(suspect->access), suspect->first,
            suspect->last);
        if (suspect->source != NULL)
            add(line, " (%s)", suspect->source);
        add(line, ", the likeliest first:");
        bda_report_say(report, line);
    }
    (void)snprintf(lead, sizeof lead, "%s at ", access_of(suspect->access));
    for (uint32_t i = 0; i < all.count && i < CANDIDATES; i++)
        say_candidate(report, &all.best[i], exact ? lead : "  ");
    if (exact && suspect->source != NULL) {
        line[0] = '\0';
        add(line, "  as told by %s", suspect->source);
        bda_report_say(report, line);
    }
    if (all.count > CANDIDATES) {
        line[0] = '\0';
        add(line, "  and %" PRIu32 " further ranges", all.count - CANDIDATES);
        bda_report_say(report, line);
    }
    say_stacks(report, &all);
    say_bindings(report, suspect);
}

void bda_report_end(const struct bda_report *report) {
    char line[LINE] = "";
    BdaHistory history;
    (void)bda_history_find(report->allocator, 0, 0, 0, NULL, &history);
    if (history.complete)
        add(line, "the history is complete: no free was forgotten");
    else
        add(line, "the history reaches back about %" PRIu64 " frees; owners before that may be missing", history.reach);
    bda_report_say(report, line);
}
