/* See broken.h. */
#include "debug/broken.h"

#include "debug/report.h"
#include "debug/text.h"
#include "debug/watch.h"

#include <inttypes.h>
#include <string.h>

void bda_broken_init(BdaAllocator allocator, struct bda_broken *broken) {
    bda_mutex_init(&broken->lock, allocator->locks);
}

/* ---- Words ---- */

static void add_owner(struct bda_text *text, const struct bda_breakage *b) {
    bool named = b->name[0] != '\0';
    if (b->owner_size == 0)
        bda_text_add(text, "nobody");
    else
        bda_text_add(text, "%s%s%s (%" PRIu64 " %s at 0x%" PRIx64 ")", named ? "'" : "an unnamed allocation",
                     named ? b->name : "", named ? "'" : "", (uint64_t)b->owner_size, bda_bytes_word(b->owner_size),
                     (uint64_t)b->owner);
}

static void add_place(struct bda_text *text, const struct bda_breakage *b) {
    VkDeviceSize before;
    switch (b->kind) {
    case BDA_BROKEN_BEHIND:
        bda_text_add(text, "red zone broken: %" PRIu64 " of %" PRIu64 " %s behind ", (uint64_t)b->damage.count,
                     (uint64_t)b->size, bda_bytes_word(b->size));
        add_owner(text, b);
        if (b->damage.first == 0)
            bda_text_add(text, ", the first right behind its end");
        else
            bda_text_add(text, ", the first %" PRIu64 " %s past its end", (uint64_t)b->damage.first,
                         bda_bytes_word(b->damage.first));
        break;
    case BDA_BROKEN_BEFORE:
        bda_text_add(text, "red zone broken: %" PRIu64 " of %" PRIu64 " %s in front of ", (uint64_t)b->damage.count,
                     (uint64_t)b->size, bda_bytes_word(b->size));
        add_owner(text, b);
        before = b->owner - b->address - b->damage.last;
        bda_text_add(text, ", the last %" PRIu64 " %s before its beginning", (uint64_t)before, bda_bytes_word(before));
        break;
    default:
        bda_text_add(text, "written after its free: %" PRIu64 " of %" PRIu64 " %s of ", (uint64_t)b->damage.count,
                     (uint64_t)b->size, bda_bytes_word(b->size));
        add_owner(text, b);
        bda_text_add(text, ", the first at byte %" PRIu64,
                     (uint64_t)(b->damage.first + (b->owner_size != 0 ? b->address - b->owner : 0)));
        break;
    }
}

static void add_bytes(struct bda_text *text, const struct bda_breakage *b) {
    VkDeviceSize most = bda_min(b->size - b->damage.first, BDA_DAMAGE_BYTES);
    bda_text_add(text, " (0x%" PRIx64 "):", (uint64_t)(b->address + b->damage.first));
    for (VkDeviceSize i = 0; i < most; i++)
        bda_text_add(text, " %02x", (unsigned)b->damage.bytes[i]);
    bda_text_add(text, ", not %02x; found %s", (unsigned)b->damage.wanted, b->when);
}

/* A brief report of one address is one line. */
static void add_line(void *user, const char *line) {
    bda_text_add(user, "; %s", line);
}

/* ---- Telling ---- */

static void remember(BdaAllocator allocator, const struct bda_breakage *b, const char *text) {
    struct bda_broken *broken = &allocator->watch->broken;
    bda_mutex_lock(&broken->lock);
    uint64_t number = atomic_fetch_add_explicit(&broken->count, 1, memory_order_relaxed);
    struct bda_broken_place *place = &broken->last[number % BDA_BROKEN_KEPT];
    place->first = b->address + b->damage.first;
    place->last = b->address + b->damage.last;
    struct bda_text copy;
    bda_text_begin(&copy, sizeof place->text, place->text);
    bda_text_add(&copy, "%s", text);
    (void)bda_text_end(&copy);
    bda_mutex_unlock(&broken->lock);
}

void bda_broken_tell(BdaAllocator allocator, const struct bda_breakage *breakage) {
    char line[BDA_REPORT_LINE_SIZE + BDA_BROKEN_TEXT];
    struct bda_text text;
    bda_text_begin(&text, sizeof line, line);
    add_place(&text, breakage);
    add_bytes(&text, breakage);
    remember(allocator, breakage, line);
    if (allocator->message == NULL)
        return;
    VkDeviceAddress address = breakage->address + breakage->damage.first;
    const struct bda_report report = { allocator, add_line, &text, .brief = true };
    const struct bda_suspect suspect = { .first = address, .last = address, .access = BDA_FAULT_ACCESS_WRITE };
    bda_report_explain(&report, &suspect);
    (void)bda_text_end(&text);
    allocator->message(allocator->message_user, BDA_MESSAGE_ERROR, line);
}

uint32_t bda_broken_find(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                         char texts[][BDA_BROKEN_TEXT]) {
    if (allocator->watch == NULL)
        return 0;
    struct bda_broken *broken = &allocator->watch->broken;
    uint32_t found = 0;
    bda_mutex_lock(&broken->lock);
    uint64_t count = atomic_load_explicit(&broken->count, memory_order_relaxed);
    for (uint64_t i = 1; i <= bda_min(count, BDA_BROKEN_KEPT) && found < room; i++) {
        const struct bda_broken_place *place = &broken->last[(count - i) % BDA_BROKEN_KEPT];
        if (place->first <= last && place->last >= first)
            memcpy(texts[found++], place->text, BDA_BROKEN_TEXT);
    }
    bda_mutex_unlock(&broken->lock);
    return found;
}
