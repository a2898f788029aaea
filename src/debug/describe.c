/* See describe.h. */
#include "debug/describe.h"

#include "debug/message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Neighbours further away than this explain nothing. */
#define NEAR ((VkDeviceSize)16 << 20)

struct text {
    char *at;
    size_t room; /* the terminating zero included */
    bool cut;
};

static void add(struct text *text, const char *format, ...) BDA_PRINTF(2, 3);

static void add(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text->at, text->room, format, arguments);
    va_end(arguments);
    size_t written = wanted < 0 ? 0 : (size_t)wanted;
    if (written >= text->room) {
        written = text->room - 1;
        text->cut = true;
    }
    text->at += written;
    text->room -= written;
}

static void add_range(struct text *text, const BdaFoundRange *range, const char *state) {
    bool named = range->name[0] != '\0';
    add(text, "%s%s%s (%s, %" PRIu64 " bytes at 0x%" PRIx64, named ? "'" : "an unnamed allocation",
        named ? range->name : "", named ? "'" : "", state, (uint64_t)range->size, (uint64_t)range->address);
    if (range->stack != 0)
        add(text, ", stack %" PRIu32, range->stack);
    add(text, ")");
}

static bool is_near(const BdaFoundRange *range, VkDeviceSize distance) {
    return range->handle != 0 && distance < NEAR;
}

static void add_before(struct text *text, const BdaFinding *finding) {
    if (finding->past_end == 0)
        add(text, "just past the end of ");
    else
        add(text, "%" PRIu64 " bytes past the end of ", (uint64_t)finding->past_end);
    add_range(text, &finding->before, "live");
}

static void add_neighbours(struct text *text, const BdaFinding *finding) {
    if (finding->kind != BDA_FINDING_SLACK && is_near(&finding->before, finding->past_end)) {
        add(text, "; ");
        add_before(text, finding);
    }
    if (is_near(&finding->after, finding->before_begin)) {
        add(text, "; %" PRIu64 " bytes before the beginning of ", (uint64_t)finding->before_begin);
        add_range(text, &finding->after, "live");
    }
}

static void add_kind(struct text *text, const BdaFinding *finding) {
    const BdaFoundRange *range = &finding->range;
    switch (finding->kind) {
    case BDA_FINDING_LIVE:
        add(text, "byte %" PRIu64 " of ", (uint64_t)finding->offset);
        add_range(text, range, "live");
        break;
    case BDA_FINDING_SLACK:
        add_before(text, finding);
        add(text, ", in its padding");
        break;
    case BDA_FINDING_PENDING:
        add(text, "byte %" PRIu64 " of ", (uint64_t)finding->offset);
        add_range(text, range, "freed, not collected yet");
        break;
    case BDA_FINDING_KEPT:
        add(text, "in no allocation, in a range of %" PRIu64 " bytes that is cached or on its way back",
            (uint64_t)range->size);
        break;
    case BDA_FINDING_FREE:
        add(text, "in a block, but in no allocation");
        break;
    default:
        add(text, "in no memory of this allocator");
        break;
    }
}

bool bda_put_in_words(const BdaFinding *finding, size_t size, char *text) {
    struct text out = { text, size, false };
    *text = '\0';
    add(&out, "0x%" PRIx64, (uint64_t)finding->address);
    if (finding->extent > 1)
        add(&out, " to 0x%" PRIx64, (uint64_t)(finding->address + finding->extent - 1));
    add(&out, ": ");
    add_kind(&out, finding);
    if (finding->kind != BDA_FINDING_LIVE)
        add_neighbours(&out, finding);
    bda_make_one_line(text, out.cut);
    return !out.cut;
}
