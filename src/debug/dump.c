/* The frame of a dump: what is one of a kind, heaps, memory types, history. See dump.h. */
#include "debug/dump.h"

#include "debug/heaps.h"
#include "debug/history.h"
#include "debug/prefix.h"
#include "debug/stats.h"

#include <stdio.h>

static void dump_peak(struct bda_json *json, const char *key, BdaPeak peak) {
    bda_json_open(json, key, '{');
    bda_json_number(json, "bytes", peak.bytes);
    bda_json_number(json, "frame", peak.frame);
    bda_json_close(json, '}');
}

void bda_dump_use(struct bda_json *json, const char *key, const BdaUse *use) {
    bda_json_open(json, key, '{');
    bda_json_number(json, "blocks", use->block_count);
    bda_json_number(json, "dedicated", use->dedicated_count);
    bda_json_number(json, "empty_blocks", use->empty_count);
    bda_json_number(json, "allocations", use->allocation_count);
    bda_json_number(json, "pending_frees", use->pending_count);
    bda_json_number(json, "quarantined_frees", use->quarantined_count);
    bda_json_number(json, "reserved", use->reserved);
    bda_json_number(json, "used", use->used);
    bda_json_number(json, "wasted", use->wasted);
    bda_json_number(json, "pending", use->pending);
    bda_json_number(json, "quarantined", use->quarantined);
    bda_json_number(json, "cached", use->cached);
    bda_json_number(json, "free", use->free);
    bda_json_number(json, "rest", use->rest);
    bda_json_number(json, "largest_free", use->largest_free);
    bda_json_number(json, "empty", use->empty);
    bda_json_number(json, "scattered", use->scattered);
    bda_json_fraction(json, "fragmentation", use->fragmentation);
    dump_peak(json, "peak_used", use->peak_used);
    bda_json_close(json, '}');
}

uint64_t bda_dump_frame(BdaAllocator allocator, uint32_t low) {
    uint64_t frame = atomic_load_explicit(&allocator->history.frame, memory_order_relaxed);
    return frame - (uint64_t)(int64_t)(int32_t)((uint32_t)frame - low);
}

/* ---- Heaps ---- */

static void dump_heap(struct bda_json *json, uint32_t index, const BdaHeapBudget *heap, const BdaUse *use) {
    bda_json_open_line(json, NULL, '{');
    bda_json_number(json, "index", index);
    bda_json_number(json, "size", heap->size);
    bda_json_number(json, "limit", heap->limit);
    bda_json_number(json, "budget", heap->budget);
    bda_json_number(json, "usage", heap->usage);
    bda_json_number(json, "left", heap->left);
    bda_json_bool(json, "told_by_driver", heap->told);
    bda_json_number(json, "external", heap->external);
    bda_json_number(json, "external_count", heap->external_count);
    bda_json_number(json, "trim_least", heap->trim_least);
    bda_json_number(json, "trim_most", heap->trim_most);
    dump_peak(json, "peak_reserved", heap->peak_reserved);
    bda_dump_use(json, "use", use);
    bda_json_close(json, '}');
}

static void dump_heaps(BdaAllocator allocator, struct bda_json *json) {
    BdaHeapBudget budgets[VK_MAX_MEMORY_HEAPS];
    BdaStats stats = { .next = NULL };
    bda_heaps_view(allocator, &stats, budgets);
    bda_dump_use(json, "total", &stats.total);
    dump_peak(json, "peak_reserved", bda_peak_of(&allocator->seen.reserved));
    bda_json_number(json, "host_bytes", stats.host_bytes);
    bda_json_open_line(json, "heaps", '[');
    for (uint32_t i = 0; i < stats.heap_count; i++)
        dump_heap(json, i, &budgets[i], &stats.heaps[i].use);
    bda_json_close(json, ']');
}

/* ---- Counted prefixes ---- */

static void dump_prefix(struct bda_json *json, const BdaCountedPrefix *counted) {
    bda_json_open_line(json, NULL, '{');
    bda_json_text(json, "prefix", counted->prefix);
    bda_json_number(json, "allocations", counted->allocation_count);
    bda_json_number(json, "used", counted->used);
    dump_peak(json, "peak_used", counted->peak_used);
    bda_json_close(json, '}');
}

static void dump_prefixes(BdaAllocator allocator, struct bda_json *json) {
    uint32_t count = bda_counted_prefix_count(allocator);
    bda_json_open_line(json, "prefixes", '[');
    for (uint32_t i = 0; i < count; i++) {
        BdaCountedPrefix counted;
        bda_counted_prefix(allocator, i, &counted);
        dump_prefix(json, &counted);
    }
    bda_json_close(json, ']');
}

/* ---- Memory types ---- */

static void dump_names(struct bda_json *json, const char *key, uint32_t bits, const char *const *names,
                       uint32_t count) {
    bda_json_open(json, key, '[');
    for (uint32_t i = 0; i < count; i++)
        if ((bits >> i & 1u) != 0)
            bda_json_text(json, NULL, names[i]);
    bda_json_close(json, ']');
}

static void dump_types(BdaAllocator allocator, struct bda_json *json) {
    static const char *const properties[] = { "device_local", "host_visible",     "host_coherent",
                                              "host_cached",  "lazily_allocated", "protected" };
    static const char *const intents[BDA_INTENT_COUNT] = { "device", "upload", "readback", "shared" };
    const VkPhysicalDeviceMemoryProperties *memory = &allocator->device.memory;
    bda_json_open_line(json, "memory_types", '[');
    for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
        bda_json_open_line(json, NULL, '{');
        bda_json_number(json, "index", i);
        bda_json_number(json, "heap", memory->memoryTypes[i].heapIndex);
        dump_names(json, "properties", memory->memoryTypes[i].propertyFlags, properties, 6);
        dump_names(json, "intents", bda_stats_intents_of(allocator, i), intents, BDA_INTENT_COUNT);
        bda_json_close(json, '}');
    }
    bda_json_close(json, ']');
}

/* ---- History ---- */

/* A bda_past_visitor. */
static void dump_past(void *context, const BdaPastOwner *owner, VkDeviceSize held) {
    struct bda_json *json = context;
    (void)held;
    bda_json_open_line(json, NULL, '{');
    bda_json_hex(json, "address", owner->range.address);
    bda_json_number(json, "size", owner->range.size);
    bda_json_hex(json, "handle", owner->range.handle);
    bda_json_text(json, "name", owner->range.name[0] != '\0' ? owner->range.name : NULL);
    bda_json_number(json, "frees_ago", owner->frees_ago);
    bda_json_number(json, "frame_freed", owner->frame_freed);
    bda_json_number(json, "frame_allocated", owner->frame_allocated);
    bda_json_bool(json, "deferred", owner->deferred);
    bda_json_close(json, '}');
}

static void dump_history(BdaAllocator allocator, struct bda_json *json) {
    BdaHistory history;
    bda_json_open_line(json, "history", '{');
    bda_json_open(json, "frees", '[');
    bda_history_each(allocator, dump_past, json, &history);
    bda_json_close(json, ']');
    bda_json_bool(json, "complete", history.complete);
    if (history.complete)
        bda_json_null(json, "reach");
    else
        bda_json_number(json, "reach", history.reach);
    bda_json_close(json, '}');
}

/* ---- All of it ---- */

void bda_dump(BdaAllocator allocator, const BdaJsonInfo *info, struct bda_json *json) {
    char version[32];
    (void)snprintf(version, sizeof version, "%d.%d.%d", BDA_VERSION_MAJOR, BDA_VERSION_MINOR, BDA_VERSION_PATCH);
    bda_json_open(json, NULL, '{');
    bda_json_text(json, "schema", "bdaalloc-heap");
    bda_json_number(json, "version", BDA_DUMP_VERSION);
    bda_json_text(json, "library", version);
    bda_json_text(json, "label", info->label);
    bda_json_number(json, "frame", atomic_load_explicit(&allocator->history.frame, memory_order_relaxed));
    bda_json_number(json, "granule", (uint64_t)1 << BDA_GRANULE_LOG2);
    dump_heaps(allocator, json);
    dump_prefixes(allocator, json);
    dump_types(allocator, json);
    bda_dump_pools(allocator, json);
    bda_dump_caches(allocator, json);
    bda_dump_blocks(allocator, json, (info->flags & BDA_JSON_NO_RANGES_BIT) == 0);
    if ((info->flags & BDA_JSON_NO_HISTORY_BIT) == 0)
        dump_history(allocator, json);
    bda_json_close(json, '}');
}
