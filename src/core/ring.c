/* See ring.h. */
#include "core/ring.h"

bool bda_ring_write_noted(struct bda_ring *ring, struct bda_ring_slot event, uint32_t count,
                          const struct bda_ring_slot *notes, bool counts) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t turn = atomic_load_explicit(&ring->turn, memory_order_relaxed);
    turn += (count + (counts ? 0 : 1)) * (uint64_t)BDA_RING_WORDS;
    atomic_store_explicit(&ring->turn, turn | 1, memory_order_release);
    for (uint32_t i = count; i-- > 0; head += BDA_RING_WORDS) {
        const uint64_t *w = notes[i].words;
        bda_ring_put(ring, head, w[0], w[1], w[2], w[3]);
    }
    bda_ring_put(ring, head, event.words[0], event.words[1], event.words[2], event.words[3]);
    head += BDA_RING_WORDS;
    atomic_store_explicit(&ring->head, head, memory_order_release);
    atomic_store_explicit(&ring->turn, turn, memory_order_release);
    return bda_ring_turns(ring, head);
}

/* Ahead of a writer who has lost its processor nobody waits: then the turn may be a few events off. */
enum { TRIES = 64 };

void bda_ring_read(struct bda_ring *ring, struct bda_ring_reader *reader) {
    uint64_t head, turn;
    uint32_t tries = 0;
    do {
        head = atomic_load_explicit(&ring->head, memory_order_acquire);
        turn = atomic_load_explicit(&ring->turn, memory_order_acquire);
    } while (((turn & 1) != 0 || atomic_load_explicit(&ring->head, memory_order_acquire) != head) && ++tries < TRIES);
    uint64_t left = (turn - head) >> BDA_RING_STEP_LOG2;
    *reader = (struct bda_ring_reader){ ring, head, head, (uint32_t)(0 - left) & ((1u << BDA_RING_TURN_LOG2) - 1) };
}

/* Slots that the writer may have begun to write over when the head was there: an event with all of its notes. */
enum { AHEAD = (BDA_RING_NOTES + 1) * BDA_RING_WORDS };

/* The words from `at` on, if the writer has not come near them. */
static bool stands(const struct bda_ring *ring, uint64_t at, uint64_t head) {
    return ring->mask >= BDA_RING_LEAST * BDA_RING_WORDS - 1 && head + AHEAD - at <= ring->mask + 1;
}

static void get(struct bda_ring *ring, uint64_t at, struct bda_ring_slot *slot) {
    const bda_ring_word *words = &ring->words[at & ring->mask];
    for (uint32_t i = 0; i < BDA_RING_WORDS; i++)
        slot->words[i] = atomic_load_explicit(&words[i], memory_order_acquire);
}

bool bda_ring_previous(struct bda_ring_reader *reader, uint32_t (*notes_of)(const struct bda_ring_slot *event),
                       struct bda_ring_slot *event, struct bda_ring_slot notes[BDA_RING_NOTES]) {
    struct bda_ring *ring = reader->ring;
    uint64_t at = reader->at;
    if (at == 0 || !stands(ring, at - BDA_RING_WORDS, reader->head))
        return false;
    at -= BDA_RING_WORDS;
    get(ring, at, event);
    uint32_t count = notes_of(event);
    for (uint32_t i = 0; i < count && i < BDA_RING_NOTES; i++) {
        if (at == 0)
            return false; /* what was read is no event: it has been written over */
        at -= BDA_RING_WORDS;
        get(ring, at, &notes[i]);
    }
    if (!stands(ring, at, atomic_load_explicit(&ring->head, memory_order_acquire)))
        return false;
    reader->at = at;
    return true;
}

bool bda_ring_find_birth(const struct bda_ring *ring, uint64_t key, uint64_t *time) {
    if (ring->births_mask < BDA_RING_LEAST / 2 * BDA_BIRTH_WORDS - 1)
        return false;
    for (uint64_t at = 0; at <= ring->births_mask; at += BDA_BIRTH_WORDS) {
        const bda_ring_word *words = &ring->births[at];
        if (atomic_load_explicit(&words[0], memory_order_acquire) != key)
            continue;
        *time = atomic_load_explicit(&words[1], memory_order_acquire);
        if (atomic_load_explicit(&words[0], memory_order_relaxed) == key)
            return true;
    }
    return false;
}

bool bda_ring_has_lost(struct bda_ring *ring) {
    return atomic_load_explicit(&ring->head, memory_order_acquire) != 0 &&
           !stands(ring, 0, atomic_load_explicit(&ring->head, memory_order_acquire));
}
