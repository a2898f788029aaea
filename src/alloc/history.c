/* See history.h. */
#include "alloc/history.h"

#include "alloc/cache.h"

#include <string.h>

enum {
    DEPTH = 512,        /* 20 KiB for each thread, */
    DEPTH_ALONE = 256,  /* 10 for all: an empty allocator holds less than 64 */
    SHARED_DEPTH = 128, /* of threads that will soon have their own, where the caller names none */
    GUESTS = 42,        /* requests of theirs, before that */
};

static size_t shared_bytes(const struct bda_history *history) {
    return (size_t)(history->shared.mask + 1 + history->shared.births_mask + 1) * sizeof history->shared.words[0];
}

VkResult bda_history_init(BdaAllocator allocator, uint32_t depth, bool caches) {
    struct bda_history *history = &allocator->history;
    if (depth != BDA_HISTORY_NONE)
        history->slots = depth != 0 ? depth : caches ? DEPTH : DEPTH_ALONE;
    uint64_t slots = depth == 0 && caches ? SHARED_DEPTH : history->slots;
    size_t size = bda_ring_bytes(slots);
    void *words = bda_host_allocate(&allocator->host, size, 64);
    if (words == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    memset(words, 0, size);
    bda_ring_init(&history->shared, slots, words);
    bool others = caches && history->slots != 0;
    uint64_t surely = bda_ring_slots(slots) / (BDA_RING_NOTES + 1);
    history->guests_most = others ? (uint32_t)bda_min(surely, GUESTS) : UINT32_MAX;
    bda_mutex_init(&history->lock, allocator->locks);
    return VK_SUCCESS;
}

void bda_history_finish(BdaAllocator allocator) {
    struct bda_history *history = &allocator->history;
    bda_host_release(&allocator->host, history->shared.words, shared_bytes(history));
    bda_mutex_destroy(&history->lock);
}

static uint64_t word_of_name(const struct bda_record *record, uint32_t word) {
    return atomic_load_explicit(&record->text[word], memory_order_relaxed);
}

/* What stands beside the event of an allocation with a record; returns how many notes. The name by whole words, behind
 * whose end there are zeros. */
static uint32_t note(const struct bda_record *record, struct bda_ring_slot *notes) {
    const size_t length = atomic_load_explicit(&record->length, memory_order_relaxed);
    uint64_t *first = notes[0].words, *second = notes[1].words;
    first[0] = (uint64_t)record->stack << 32 | record->frame;
    for (uint32_t i = 0; i < 3; i++)
        first[1 + i] = word_of_name(record, i);
    if (length <= 3 * sizeof(uint64_t))
        return 1;
    const uint32_t words = length < BDA_NAME_NEAR ? BDA_NAME_WORDS_NEAR : BDA_NAME_WORDS; /* the others are old */
    for (uint32_t i = 0; i < BDA_RING_WORDS; i++)
        second[i] = 3 + i < words ? word_of_name(record, 3 + i) : 0;
    return 2;
}

static struct bda_ring_slot event_of(BdaAllocator allocator, BdaHandle handle, struct bda_node *node) {
    const struct bda_block *block = bda_block_of(allocator, node);
    uint64_t granules = bda_node_size(node), slack = bda_node_slack(node);
    if (block->dedicated_size != 0) {
        granules = bda_align_up(block->dedicated_size, (VkDeviceSize)1 << BDA_GRANULE_LOG2) >> BDA_GRANULE_LOG2;
        slack = (granules << BDA_GRANULE_LOG2) - block->dedicated_size;
    }
    uint64_t extent = granules < BDA_PAST_LARGE >> 32 ? granules << 32 | slack : BDA_PAST_LARGE | block->dedicated_size;
    VkDeviceAddress address = block->region.base + bda_node_start(node);
    return (struct bda_ring_slot){ { handle, address, extent, bda_clock_now(allocator) } };
}

void bda_history_tell(BdaAllocator allocator, BdaHandle handle, struct bda_node *node, uint32_t flags) {
    struct bda_ring_slot event = event_of(allocator, handle, node), notes[BDA_RING_NOTES];
    uint32_t record = bda_node_record(node), count = 0;
    if (record != 0) {
        VkDeviceAddress address = bda_record_at(allocator, record)->address;
        count = note(bda_record_at(allocator, record), notes);
        event.words[1] = address != 0 ? address : event.words[1];
    }
    event.words[1] |= count | flags;
    struct bda_history *history = &allocator->history;
    struct bda_cache *own = bda_cache_if_any(allocator);
    if (own == NULL)
        bda_mutex_lock(&history->lock);
    bool counts = (flags & BDA_PAST_ALLOCATED) == 0;
    struct bda_ring *ring = own != NULL ? &own->ring : &history->shared;
    if (bda_ring_write_noted(ring, event, count, notes, counts))
        bda_clock_advance(allocator, ring);
    if (own == NULL) {
        uint64_t frees = atomic_load_explicit(&history->frees, memory_order_relaxed) + counts;
        atomic_store_explicit(&history->frees, frees, memory_order_relaxed);
        bda_mutex_unlock(&history->lock);
    }
}

void bda_history_tell_made(BdaAllocator allocator, BdaHandle handle) {
    struct bda_history *history = &allocator->history;
    struct bda_cache *own = bda_cache_if_any(allocator);
    if (own != NULL) {
        bda_history_made(allocator, &own->ring, handle);
        return;
    }
    bda_mutex_lock(&history->lock);
    bda_history_made(allocator, &history->shared, handle);
    bda_mutex_unlock(&history->lock);
}
