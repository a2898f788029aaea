/* See describe.h. */
#include "debug/describe.h"

#include <inttypes.h>

/* Neighbours further away than this explain nothing. */
#define NEAR ((VkDeviceSize)16 << 20)

static void add_range(struct bda_text *text, const BdaFoundRange *range, const char *state) {
    bool named = range->name[0] != '\0';
    bda_text_add(text, "%s%s%s (%s, %" PRIu64 " %s at 0x%" PRIx64, named ? "'" : "an unnamed allocation",
                 named ? range->name : "", named ? "'" : "", state, (uint64_t)range->size, bda_bytes_word(range->size),
                 (uint64_t)range->address);
    if (range->frame != 0)
        bda_text_add(text, ", since frame %" PRIu64, range->frame);
    if (range->stack != 0)
        bda_text_add(text, ", stack %" PRIu32, range->stack);
    bda_text_add(text, ")");
}

static bool is_near(const BdaFoundRange *range, VkDeviceSize distance) {
    return range->handle != 0 && distance < NEAR;
}

static void add_past_end(struct bda_text *text, VkDeviceSize past) {
    if (past == 0)
        bda_text_add(text, "just past the end of ");
    else
        bda_text_add(text, "%" PRIu64 " %s past the end of ", (uint64_t)past, bda_bytes_word(past));
}

static void add_before(struct bda_text *text, const BdaFinding *finding) {
    add_past_end(text, finding->past_end);
    add_range(text, &finding->before, "live");
}

static void add_neighbours(struct bda_text *text, const BdaFinding *finding) {
    if (finding->kind != BDA_FINDING_SLACK && is_near(&finding->before, finding->past_end)) {
        bda_text_add(text, "; ");
        add_before(text, finding);
    }
    if (is_near(&finding->after, finding->before_begin)) {
        bda_text_add(text, "; %" PRIu64 " %s before the beginning of ", (uint64_t)finding->before_begin,
                     bda_bytes_word(finding->before_begin));
        add_range(text, &finding->after, "live");
    }
}

static void add_birth(struct bda_text *text, const BdaFinding *finding) {
    if (finding->dated && finding->frees_since == 0)
        bda_text_add(text, ", allocated since the last free");
    else if (finding->dated)
        bda_text_add(text, ", allocated about %" PRIu64 " %s ago", finding->frees_since,
                     finding->frees_since == 1 ? "free" : "frees");
}

/* What was freed and is held. It has its bytes still; how many of them were asked for, the history may know. */
static void add_held(struct bda_text *text, const BdaFinding *finding, const char *how) {
    BdaFoundRange range = finding->range;
    if (finding->former.range.handle == range.handle)
        range.size = finding->former.range.size;
    if (finding->offset < range.size)
        bda_text_add(text, "byte %" PRIu64 " of ", (uint64_t)finding->offset);
    else
        add_past_end(text, finding->offset - range.size);
    add_range(text, &range, how);
}

/* What lies behind what was asked for: watched, or a rest. */
static void add_slack(struct bda_text *text, const BdaFinding *finding) {
    if (finding->red_zone != 0)
        bda_text_add(text, ", in the red zone of %" PRIu64 " %s behind it", (uint64_t)finding->red_zone,
                     bda_bytes_word(finding->red_zone));
    else
        bda_text_add(text, ", in its padding");
}

static void add_kind(struct bda_text *text, const BdaFinding *finding) {
    const BdaFoundRange *range = &finding->range;
    switch (finding->kind) {
    case BDA_FINDING_LIVE:
        bda_text_add(text, "byte %" PRIu64 " of ", (uint64_t)finding->offset);
        add_range(text, range, "live");
        add_birth(text, finding);
        break;
    case BDA_FINDING_SLACK:
        add_before(text, finding);
        add_birth(text, finding);
        add_slack(text, finding);
        break;
    case BDA_FINDING_PENDING:
        add_held(text, finding, "freed, not collected yet");
        break;
    case BDA_FINDING_QUARANTINED:
        add_held(text, finding, "freed, in quarantine");
        break;
    case BDA_FINDING_KEPT:
        bda_text_add(text, "in no allocation, in a range of %" PRIu64 " bytes that is cached or on its way back",
                     (uint64_t)range->size);
        break;
    case BDA_FINDING_FREE:
        bda_text_add(text, "in a block, but in no allocation");
        break;
    case BDA_FINDING_UNTOUCHED:
        bda_text_add(text, "in a block, never handed out");
        break;
    default:
        bda_text_add(text, "in no memory of this allocator");
        break;
    }
}

/* ---- Former owners ---- */

/* When; `last`: what is said of the last free of all. */
static void add_time(struct bda_text *text, const BdaPastOwner *owner, const char *last) {
    if (owner->frees_ago == 0)
        bda_text_add(text, "%s", last);
    else
        bda_text_add(text, "about %" PRIu64 " %s ago", owner->frees_ago, owner->frees_ago == 1 ? "free" : "frees");
    if (owner->frame_freed != 0)
        bda_text_add(text, ", in frame %" PRIu64, owner->frame_freed);
}

static void add_owner(struct bda_text *text, const BdaPastOwner *owner) {
    const BdaFoundRange *range = &owner->range;
    bool named = range->name[0] != '\0';
    bda_text_add(text, "%s%s%s (%" PRIu64 " %s at 0x%" PRIx64, named ? "'" : "an unnamed allocation",
                 named ? range->name : "", named ? "'" : "", (uint64_t)range->size, bda_bytes_word(range->size),
                 (uint64_t)range->address);
    if (owner->frame_allocated != 0)
        bda_text_add(text, ", allocated in frame %" PRIu64, owner->frame_allocated);
    if (range->stack != 0)
        bda_text_add(text, ", stack %" PRIu32, range->stack);
    bda_text_add(text, ")");
}

void bda_add_former(struct bda_text *text, const BdaFinding *finding, const BdaPastOwner *owner, bool first) {
    bool waits = finding->kind == BDA_FINDING_PENDING || finding->kind == BDA_FINDING_QUARANTINED;
    if (waits && owner->range.handle == finding->range.handle) {
        bda_text_add(text, "; it was freed ");
        add_time(text, owner, "with the last free");
        return;
    }
    bda_text_add(text, first ? "; the range belonged to " : ", and before that to ");
    add_owner(text, owner);
    bda_text_add(text, " until ");
    add_time(text, owner, "the last free");
}

void bda_add_freed(struct bda_text *text, const BdaPastOwner *owner, bool waits) {
    add_owner(text, owner);
    bda_text_add(text, owner->deferred ? " was %sgiven to bda_free_after " : " was %sfreed ", waits ? "already " : "");
    add_time(text, owner, "with the last free");
}

/* ---- All of it ---- */

void bda_add_finding(struct bda_text *text, const BdaFinding *finding) {
    bda_text_add(text, "0x%" PRIx64, (uint64_t)finding->address);
    if (finding->extent > 1)
        bda_text_add(text, " to 0x%" PRIx64, (uint64_t)(finding->address + finding->extent - 1));
    bda_text_add(text, ": ");
    add_kind(text, finding);
    if (finding->kind != BDA_FINDING_LIVE)
        add_neighbours(text, finding);
    if (finding->former.range.handle != 0)
        bda_add_former(text, finding, &finding->former, true);
}

bool bda_put_in_words(const BdaFinding *finding, size_t size, char *text) {
    struct bda_text out;
    bda_text_begin(&out, size, text);
    bda_add_finding(&out, finding);
    return bda_text_end(&out);
}
