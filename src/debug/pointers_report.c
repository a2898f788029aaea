/* Bad accesses in words, see pointers.h. A shader makes the same mistake in many invocations: of each kind the first is
 * told, and how many more there were. */
#include "debug/pointers.h"

#include "debug/describe.h"
#include "debug/find.h"
#include "debug/history.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    AT_ONCE = 16,
    KINDS = 32, /* that are told */
    TEXT = 256,
};

struct kind {
    BdaBadAccess first;
    uint64_t subject; /* the allocation that is concerned, as far as can be seen */
    uint64_t count;
};

struct kinds {
    uint32_t count;
    uint64_t untold; /* accesses of further kinds */
    struct kind all[KINDS];
};

/* ---- Sorting ---- */

static BdaFinding find(BdaAllocator allocator, VkDeviceAddress address) {
    BdaFinding finding;
    (void)bda_find_all(allocator, address, address, 1, &finding);
    return finding;
}

/* What an index was added to; else who had the bytes last; else whose end they are behind; else which MiB they are in.
 */
static uint64_t subject_of(BdaAllocator allocator, const BdaBadAccess *access) {
    VkDeviceAddress at = access->address + access->bad_offset;
    BdaPastOwner owner;
    BdaHistory history;
    if (access->reason == BDA_BAD_NULL)
        return 0;
    BdaFinding finding = find(allocator, access->base);
    if (finding.kind == BDA_FINDING_LIVE)
        return finding.range.handle;
    if (bda_history_find(allocator, at, at, 1, &owner, &history) != 0)
        return owner.range.handle;
    finding = find(allocator, at);
    if (finding.range.handle != 0)
        return finding.range.handle;
    return finding.before.handle != 0 ? finding.before.handle : at >> BDA_SHADOW_PAGE_LOG2;
}

static bool is_alike(const struct kind *kind, const BdaBadAccess *access, uint64_t subject) {
    return kind->subject == subject && kind->first.access == access->access && kind->first.reason == access->reason &&
           kind->first.tag == access->tag;
}

static void sort(BdaAllocator allocator, struct kinds *kinds, const BdaBadAccess *access) {
    uint64_t subject = subject_of(allocator, access);
    uint32_t at = 0;
    while (at < kinds->count && !is_alike(&kinds->all[at], access, subject))
        at++;
    if (at == KINDS) {
        kinds->untold++;
        return;
    }
    if (at == kinds->count)
        kinds->all[kinds->count++] = (struct kind){ *access, subject, 0 };
    kinds->all[at].count++;
}

/* ---- Telling ---- */

static const char *word_of(BdaFaultAccess access) {
    return access == BDA_FAULT_ACCESS_WRITE ? "write" : access == BDA_FAULT_ACCESS_ATOMIC ? "atomic access" : "read";
}

static void say_what(const struct bda_report *report, const BdaBadAccess *access) {
    char text[TEXT];
    const char *word = word_of(access->access), *bytes = bda_bytes_word(access->size);
    if (access->reason == BDA_BAD_NULL) {
        (void)snprintf(text, sizeof text,
                       "%s of %" PRIu32 " %s at 0x%" PRIx64 ": a null pointer, %" PRIu64 " %s from its beginning", word,
                       access->size, bytes, access->address, access->address, bda_bytes_word(access->address));
        bda_report_say(report, text);
        return;
    }
    if (access->bad_offset == 0)
        (void)snprintf(text, sizeof text, "%s of %" PRIu32 " %s at ", word, access->size, bytes);
    else
        (void)snprintf(text, sizeof text, "%s of %" PRIu32 " %s at 0x%" PRIx64 ", from its byte %" PRIu32 " on at ",
                       word, access->size, bytes, access->address, access->bad_offset);
    VkDeviceAddress at = access->address + access->bad_offset;
    bda_report_explain(report, &(struct bda_suspect){ at, at, access->access, NULL, text });
}

/* By then the bytes may have another owner than when they were accessed. */
static void say_who(const struct bda_report *report, const struct kind *kind) {
    static const char *const states[] = {
        [BDA_BAD_NULL] = "null",         [BDA_BAD_NOT_OURS] = "in no block",
        [BDA_BAD_NOT_LIVE] = "not live", [BDA_BAD_PAST_END] = "past an end",
        [BDA_BAD_OTHER] = "another's",   [BDA_BAD_ALIGNMENT] = "not aligned",
    };
    const BdaBadAccess *access = &kind->first;
    uint32_t reason = (uint32_t)access->reason;
    char text[TEXT], more[64] = "";
    if (kind->count > 1)
        (void)snprintf(more, sizeof more, "; %" PRIu64 " more like it", kind->count - 1);
    (void)snprintf(text, sizeof text,
                   "  %s when invocation (%" PRIu32 ", %" PRIu32 ", %" PRIu32 ") came, at tag %" PRIu32 "%s",
                   reason < sizeof states / sizeof states[0] ? states[reason] : "bad", access->invocation[0],
                   access->invocation[1], access->invocation[2], access->tag, more);
    bda_report_say(report, text);
}

/* What an index was added to, in words as long as it is live. */
static void say_base(const struct bda_report *report, const BdaBadAccess *access) {
    char text[BDA_FINDING_TEXT_SIZE], line[BDA_FINDING_TEXT_SIZE + TEXT];
    if (access->base == 0 || access->reason == BDA_BAD_NULL)
        return;
    const BdaFinding finding = find(report->allocator, access->base);
    if (finding.kind == BDA_FINDING_LIVE)
        (void)bda_put_in_words(&finding, sizeof text, text);
    else
        (void)snprintf(text, sizeof text, "0x%" PRIx64, (uint64_t)access->base);
    VkDeviceSize index = access->address - access->base;
    (void)snprintf(line, sizeof line, "  by an index of %" PRIu64 " %s from %s", (uint64_t)index, bda_bytes_word(index),
                   text);
    bda_report_say(report, line);
}

static void say(const struct bda_report *report, const struct kinds *kinds, uint64_t lost) {
    char text[TEXT];
    for (uint32_t i = 0; i < kinds->count; i++) {
        say_what(report, &kinds->all[i].first);
        say_base(report, &kinds->all[i].first);
        say_who(report, &kinds->all[i]);
    }
    if (kinds->untold != 0) {
        (void)snprintf(text, sizeof text, "and %" PRIu64 " bad accesses of further kinds", kinds->untold);
        bda_report_say(report, text);
    }
    if (lost != 0) {
        (void)snprintf(text, sizeof text, "and %" PRIu64 " bad accesses that found no room to be written down", lost);
        bda_report_say(report, text);
    }
}

void bda_pointers_say_gaps(const struct bda_report *report) {
    char text[TEXT];
    struct bda_shadow *shadow = &report->allocator->pointers->shadow;
    if (!bda_shadow_has_gaps(shadow))
        return;
    (void)snprintf(text, sizeof text,
                   "%" PRIu64
                   " bytes of blocks are not checked now: memory for the tables of checked pointers was refused",
                   (uint64_t)bda_shadow_unknown(shadow));
    bda_report_say(report, text);
}

VkResult bda_pointers_report(const struct bda_report *report, uint64_t *count) {
    struct kinds kinds;
    BdaBadAccess accesses[AT_ONCE];
    uint32_t taken, more = 0;
    uint64_t lost = 0;
    VkResult result;
    kinds.count = 0;
    kinds.untold = 0;
    *count = 0;
    do {
        result = bda_pointers_take(report->allocator->pointers, AT_ONCE, accesses, &taken, &more, &lost);
        if (result != VK_SUCCESS) /* what has been taken is told all the same */
            break;
        for (uint32_t i = 0; i < taken; i++)
            sort(report->allocator, &kinds, &accesses[i]);
        *count += taken;
    } while (more != 0);
    *count += lost;
    if (*count != 0)
        say(report, &kinds, lost);
    return result;
}
