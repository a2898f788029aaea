/* See prefix.h. */
#include "debug/prefix.h"

#include "alloc/prefixes.h"
#include "debug/listing.h"
#include "debug/message.h"

#include <string.h>

struct table {
    char delimiter;
    bool full; /* something found no room */
    uint32_t room, count;
    BdaPrefixUse *uses;
};

static void cut_prefix(const struct table *table, const char *name, char prefix[BDA_PREFIX_SIZE]) {
    const char *end = strchr(name, table->delimiter);
    size_t length = end != NULL && end != name ? (size_t)(end - name) : strlen(name);
    bool fits = length < BDA_PREFIX_SIZE;
    length = fits ? length : BDA_PREFIX_SIZE - 1;
    memcpy(prefix, name, length);
    prefix[length] = '\0';
    if (!fits)
        bda_drop_cut_character(prefix);
}

/* The entry of a prefix; the first is that of no name, and of what finds no room. */
static BdaPrefixUse *entry_of(struct table *table, const char *prefix) {
    for (uint32_t i = 0; i < table->count; i++)
        if (strcmp(table->uses[i].prefix, prefix) == 0)
            return &table->uses[i];
    if (table->count == table->room) {
        table->full = true;
        return &table->uses[0];
    }
    BdaPrefixUse *use = &table->uses[table->count++];
    memset(use, 0, sizeof *use);
    memcpy(use->prefix, prefix, strlen(prefix) + 1); /* both have BDA_PREFIX_SIZE */
    return use;
}

static void add_range(struct table *table, const struct bda_listed_range *range) {
    char prefix[BDA_PREFIX_SIZE];
    if (range->gone || range->state != BDA_NODE_LIVE || range->cut != 0)
        return;
    cut_prefix(table, range->name, prefix);
    BdaPrefixUse *use = entry_of(table, prefix);
    use->allocation_count++;
    use->used += range->asked;
    use->held += range->size - range->behind;
}

/* By bytes; few, so one by one. What stands for several comes last. */
static void sort(BdaPrefixUse *uses, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        const BdaPrefixUse use = uses[i];
        uint32_t at = i;
        for (; at > 0 && uses[at - 1].held < use.held; at--)
            uses[at] = uses[at - 1];
        uses[at] = use;
    }
}

static void move_first_to_end(BdaPrefixUse *uses, uint32_t count) {
    const BdaPrefixUse first = uses[0];
    memmove(&uses[0], &uses[1], (count - 1) * sizeof *uses);
    uses[count - 1] = first;
}

bool bda_prefix_stats(BdaAllocator allocator, char delimiter, uint32_t room, BdaPrefixUse *uses, uint32_t *count) {
    struct table table = { .delimiter = delimiter, .room = room, .uses = uses };
    struct bda_listing listing;
    (void)entry_of(&table, "");
    bda_listing_begin(&listing, allocator);
    while (bda_listing_next(&listing))
        for (uint32_t i = 0; i < listing.count; i++)
            add_range(&table, &listing.ranges[i]);
    move_first_to_end(uses, table.count);
    if (uses[table.count - 1].allocation_count == 0) /* all have names */
        table.count--;
    sort(uses, table.full && table.count != 0 ? table.count - 1 : table.count);
    *count = table.count;
    return !table.full;
}

/* They have to be told apart: with ever more room, until it suffices. */
VkResult bda_prefix_count(BdaAllocator allocator, char delimiter, uint32_t *count) {
    for (uint32_t room = 64;; room *= 2) {
        BdaPrefixUse *uses = bda_host_allocate(&allocator->host, room * sizeof *uses, _Alignof(BdaPrefixUse));
        if (uses == NULL)
            return VK_ERROR_OUT_OF_HOST_MEMORY;
        bool all = bda_prefix_stats(allocator, delimiter, room, uses, count);
        bda_host_release(&allocator->host, uses, room * sizeof *uses);
        if (all)
            return VK_SUCCESS;
    }
}

/* ---- Counted ---- */

uint32_t bda_counted_prefix_count(BdaAllocator allocator) {
    return allocator->prefixes != NULL ? allocator->prefixes->count : 0;
}

void bda_counted_prefix(BdaAllocator allocator, uint32_t index, BdaCountedPrefix *counted) {
    const struct bda_prefix *prefix = &allocator->prefixes->all[index];
    *counted = (BdaCountedPrefix){
        .prefix = prefix->text,
        .allocation_count = atomic_load_explicit(&prefix->allocation_count, memory_order_relaxed),
        .used = atomic_load_explicit(&prefix->used, memory_order_relaxed),
    };
    counted->peak_used = bda_peak_or_more(allocator, &prefix->peak, counted->used);
}
