/* See pointers.h. */
#include "debug/pointers.h"

#include "alloc/locate.h"
#include "debug/foreign.h"
#include "debug/message.h"
#include "debug/refill.h"

#include <inttypes.h>
#include <string.h>

/* Behind each allocation, so that going over its end is seen. */
enum { GUARD = 1 << BDA_SHADOW_GRANULE_LOG2 };

VkResult bda_pointers_init(BdaAllocator allocator, const char **reason) {
    struct bda_pointers *pointers =
        bda_host_allocate(&allocator->host, sizeof *pointers, _Alignof(struct bda_pointers));
    if (pointers == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    memset(pointers, 0, sizeof *pointers);
    VkResult result = bda_shadow_init(&pointers->shadow, allocator, reason);
    if (result != VK_SUCCESS) {
        bda_host_release(&allocator->host, pointers, sizeof *pointers);
        return result;
    }
    allocator->pointers = pointers;
    allocator->releasing = bda_refill_hear_release;
    allocator->guard = bda_max(allocator->guard, GUARD);
    return VK_SUCCESS;
}

void bda_pointers_finish(BdaAllocator allocator) {
    struct bda_pointers *pointers = allocator->pointers;
    if (pointers == NULL)
        return;
    bda_foreign_finish(allocator);
    allocator->releasing = NULL;
    allocator->pointers = NULL;
    bda_shadow_finish(&pointers->shadow);
    bda_host_release(&allocator->host, pointers, sizeof *pointers);
}

/* ---- What the allocation floor tells ---- */

static void cover(BdaAllocator allocator, VkDeviceAddress address, VkDeviceSize size) {
    bda_refill(allocator);
    if (bda_shadow_cover(&allocator->pointers->shadow, address, size) == VK_SUCCESS)
        return;
    bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_WARNING,
                "checked pointers: memory for the tables was refused; of %" PRIu64 " bytes at 0x%" PRIx64
                " some go unchecked until there is some",
                (uint64_t)size, (uint64_t)address);
}

/* A stray lies in no block that was told of; its pages stay. */
static void cover_stray(BdaAllocator allocator, const struct bda_event *event) {
    struct bda_place place;
    if (bda_locate_has_strays(allocator) && !bda_locate_block(allocator, event->address, &place))
        cover(allocator, event->address, event->size);
}

/* What is allocated one after the other, and so perhaps lies side by side, has different ones. */
uint32_t bda_pointers_next_colour(struct bda_pointers *pointers) {
    return atomic_fetch_add_explicit(&pointers->colours, 1, memory_order_relaxed);
}

void bda_pointers_hear(BdaAllocator allocator, const struct bda_event *event) {
    struct bda_shadow *shadow = &allocator->pointers->shadow;
    switch (event->kind) {
    case BDA_EVENT_BLOCK_OPENED:
        cover(allocator, event->address, event->size);
        break;
    case BDA_EVENT_ALLOCATED:
        cover_stray(allocator, event);
        bda_refill_keep_out(allocator->pointers);
        bda_shadow_set(shadow, event->address, event->size, bda_pointers_next_colour(allocator->pointers));
        bda_refill_let_in(allocator->pointers);
        break;
    case BDA_EVENT_FREED:
        bda_refill_keep_out(allocator->pointers);
        bda_shadow_clear(shadow, event->address, event->size);
        bda_refill_let_in(allocator->pointers);
        break;
    case BDA_EVENT_BLOCK_CLOSED:
        bda_refill_keep_out(allocator->pointers); /* its pages' pieces may become others' */
        bda_shadow_uncover(shadow, event->address, event->size);
        bda_refill_let_in(allocator->pointers);
        break;
    }
}

/* ---- Records ---- */

static uint32_t word_of(struct bda_shadow *shadow, uint32_t piece, uint32_t word) {
    return atomic_load_explicit(bda_piece_word(shadow, piece, word), memory_order_acquire);
}

/* False: a shader had no room for it, or is still writing. */
static bool read_record(struct bda_shadow *shadow, uint32_t number, BdaBadAccess *access) {
    uint32_t words[BDA_RECORD_WORDS], at = number % BDA_RECORDS * BDA_RECORD_WORDS;
    uint32_t sum = 0;
    for (uint32_t i = 0; i <= BDA_RECORD_SUM; i++) {
        words[i] = word_of(shadow, shadow->records, at + i);
        sum += i < BDA_RECORD_SUM ? words[i] : 0;
    }
    *access = (BdaBadAccess){
        .address = words[BDA_RECORD_ADDRESS] | (VkDeviceAddress)words[BDA_RECORD_ADDRESS + 1] << 32,
        .size = words[BDA_RECORD_BYTES],
        .bad_offset = words[BDA_RECORD_BAD],
        .access = (BdaFaultAccess)words[BDA_RECORD_KIND],
        .reason = (BdaBadReason)words[BDA_RECORD_REASON],
        .tag = words[BDA_RECORD_TAG],
        .invocation = { words[BDA_RECORD_INVOCATION], words[BDA_RECORD_INVOCATION + 1],
                        words[BDA_RECORD_INVOCATION + 2] },
        .base = words[BDA_RECORD_BASE] | (VkDeviceAddress)words[BDA_RECORD_BASE + 1] << 32,
    };
    return words[BDA_RECORD_NUMBER] == number + 1 && words[BDA_RECORD_SUM] == sum;
}

static uint32_t slots_looked_at(const struct bda_pointers *pointers) {
    uint32_t count = pointers->end - pointers->base;
    return count < BDA_RECORDS ? count : BDA_RECORDS;
}

/* The lock is held. */
static uint32_t take_locked(struct bda_pointers *pointers, uint32_t room, BdaBadAccess *accesses, uint64_t *lost) {
    uint32_t taken = 0;
    if (pointers->base == pointers->end)
        pointers->end = word_of(&pointers->shadow, pointers->shadow.front, BDA_FRONT_WRITTEN);
    uint32_t limit = pointers->base + slots_looked_at(pointers);
    for (; pointers->next != limit && taken < room; pointers->next++) {
        if (read_record(&pointers->shadow, pointers->next, &accesses[taken]))
            taken++;
        else
            ++*lost;
    }
    if (pointers->next == limit) { /* shaders may have the slots again */
        *lost += pointers->end - limit;
        pointers->base = pointers->next = pointers->end;
        atomic_store_explicit(bda_piece_word(&pointers->shadow, pointers->shadow.front, BDA_FRONT_TAKEN), pointers->end,
                              memory_order_release);
    }
    return taken;
}

VkResult bda_pointers_take(struct bda_pointers *pointers, uint32_t room, BdaBadAccess *accesses, uint32_t *taken,
                           uint32_t *more, uint64_t *lost) {
    struct bda_shadow *shadow = &pointers->shadow;
    VkResult result = bda_shadow_invalidate(shadow, shadow->front, BDA_FRONT_WRITTEN, 1);
    if (result == VK_SUCCESS)
        result = bda_shadow_invalidate(shadow, shadow->records, 0, BDA_PIECE_WORDS);
    if (result != VK_SUCCESS)
        return result;
    bda_mutex_lock(&shadow->lock);
    *taken = take_locked(pointers, room, accesses, lost);
    *more = pointers->base + slots_looked_at(pointers) - pointers->next;
    bda_mutex_unlock(&shadow->lock);
    bda_shadow_flush(shadow, shadow->front, BDA_FRONT_TAKEN, 1);
    return VK_SUCCESS;
}
