/* See seen.h. */
#include "alloc/allocator.h"

static uint64_t frame_of(BdaAllocator allocator) {
    return atomic_load_explicit(&allocator->history.frame, memory_order_relaxed);
}

static void raise(_Atomic uint64_t *word, uint64_t reached) {
    bda_budget_raise(word, reached);
    BDA_YIELD_POINT();
}

/* Who is overtaken by a higher one raises both frames all the same: his is no later than the moment of that one. */
void bda_peak_raise(struct bda_peak *peak, uint64_t reached, uint64_t frame) {
    if (atomic_load_explicit(&peak->bytes, memory_order_relaxed) >= reached)
        return;
    BDA_YIELD_POINT();
    raise(&peak->coming, frame);
    raise(&peak->bytes, reached);
    raise(&peak->frame, frame);
}

/* A raise takes far less time than so many tries: who is at it has lost its processor. Then the frame is that in which
 * it began. */
enum { TRIES = 64 };

BdaPeak bda_peak_of(const struct bda_peak *peak) {
    BdaPeak seen;
    uint64_t frame;
    uint32_t tries = 0;
    do {
        frame = atomic_load_explicit(&peak->frame, memory_order_acquire);
        seen.bytes = atomic_load_explicit(&peak->bytes, memory_order_acquire);
        seen.frame = atomic_load_explicit(&peak->coming, memory_order_acquire);
    } while (seen.frame != frame && ++tries < TRIES);
    return seen;
}

BdaPeak bda_peak_or_more(BdaAllocator allocator, const struct bda_peak *peak, VkDeviceSize now) {
    const BdaPeak noted = bda_peak_of(peak);
    return now > noted.bytes ? (BdaPeak){ now, frame_of(allocator) } : noted;
}

BdaPeak bda_peak_see(BdaAllocator allocator, struct bda_peak *peak, VkDeviceSize now) {
    bda_peak_raise(peak, now, frame_of(allocator));
    return bda_peak_of(peak);
}

void bda_look_begin(BdaAllocator allocator, struct bda_look *look) {
    struct bda_seen *seen = &allocator->seen;
    look->notes = !atomic_exchange_explicit(&seen->noting, true, memory_order_acquire);
    if (!look->notes)
        return;
    look->number = ++seen->looks;
    look->frame = frame_of(allocator);
    for (uint32_t i = 0; i < allocator->device.memory.memoryTypeCount; i++)
        look->of_type[i] = 0;
}

/* The first part that the look comes to begins the sum, the second one adds to it. */
static void note_pool(const struct bda_look *look, struct bda_pool_peak *peak, VkDeviceSize used) {
    uint64_t sum = used;
    if (atomic_load_explicit(&peak->look, memory_order_relaxed) == look->number)
        sum += atomic_load_explicit(&peak->sum, memory_order_relaxed);
    atomic_store_explicit(&peak->look, look->number, memory_order_relaxed);
    atomic_store_explicit(&peak->sum, sum, memory_order_relaxed);
    bda_peak_raise(&peak->peak, sum, look->frame);
}

void bda_look_at(struct bda_look *look, struct bda_pool *head, VkDeviceSize used) {
    if (!look->notes)
        return;
    look->of_type[head->key.memory_type] += used;
    note_pool(look, head->user != NULL ? &head->user->peak : &head->peak, used);
}

static void note_sums(BdaAllocator allocator, const struct bda_look *look) {
    struct bda_seen *seen = &allocator->seen;
    VkDeviceSize total = 0, of_heap[VK_MAX_MEMORY_HEAPS] = { 0 };
    for (uint32_t i = 0; i < allocator->device.memory.memoryTypeCount; i++) {
        if (look->of_type[i] == 0)
            continue;
        total += look->of_type[i];
        of_heap[bda_device_heap_of(&allocator->device, i)] += look->of_type[i];
        bda_peak_raise(&seen->used_of_type[i], look->of_type[i], look->frame);
    }
    for (uint32_t i = 0; i < allocator->device.budget.heap_count; i++)
        bda_peak_raise(&seen->used_of_heap[i], of_heap[i], look->frame);
    bda_peak_raise(&seen->used, total, look->frame);
}

void bda_look_end(BdaAllocator allocator, struct bda_look *look) {
    if (!look->notes)
        return;
    note_sums(allocator, look);
    bda_seen_date_reserved(allocator);
    atomic_store_explicit(&allocator->seen.noting, false, memory_order_release);
}

void bda_seen_date_reserved(BdaAllocator allocator) {
    struct bda_budget *budget = &allocator->device.budget;
    struct bda_seen *seen = &allocator->seen;
    uint64_t frame = frame_of(allocator);
    bda_peak_raise(&seen->reserved, atomic_load_explicit(&budget->peak, memory_order_relaxed), frame);
    for (uint32_t i = 0; i < budget->heap_count; i++)
        bda_peak_raise(&seen->reserved_of_heap[i], atomic_load_explicit(&budget->heaps[i].peak, memory_order_relaxed),
                       frame);
}
