/*
 * A ring: the last events that one writer wrote, read by anybody meanwhile, without a lock; and beside it the last
 * *births* in a ring of their own, half as many as it has slots.
 *
 * An event takes one slot of four words, or up to three where notes belong to it; those come in front of it, so that
 * a reader goes from the newest event back to the oldest and never meets a note unawares.
 *
 * A turn is so many events of the counted kind, however many slots they and others take: the writer keeps where the
 * head will be when it is complete, and moves that further with each slot that does not count.
 *
 * The writer fills slots, then moves the head past them. A reader looks at the head again after he has read: what the
 * writer may have been at by then he throws away. Each store of a word is a release and each load an acquire, so
 * who has read a word of a later event finds a head that says so. There are no fences.
 *
 * A birth is two words, a key that never comes again and a time. The key is written first, so who finds it before and
 * after he has read the time has the right one, unless it is being written at that moment.
 */
#ifndef BDA_CORE_RING_H
#define BDA_CORE_RING_H

#include "core/bits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BDA_RING_WORDS = 4,     /* in a slot: half a cache line */
    BDA_RING_NOTES = 2,     /* slots in front of an event, at most */
    BDA_RING_LEAST = 8,     /* slots of a ring that keeps anything; one with a single slot keeps nothing */
    BDA_RING_TURN_LOG2 = 8, /* counted events to a turn: the writer hears of each */
    BDA_RING_STEP_LOG2 = 2, /* the head counts words */
    BDA_BIRTH_WORDS = 2,
};

typedef _Atomic uint64_t bda_ring_word;

struct bda_ring {
    bda_ring_word head; /* words written since the beginning; the writer alone writes it */
    uint64_t mask;      /* words, less one */
    bda_ring_word *words;
    bda_ring_word turn; /* where the head completes a turn, if only single slots come; odd while that is changed */
    bda_ring_word *births;
    uint64_t births_mask; /* words, less one */
    bda_ring_word born;   /* words written since the beginning; the writer alone writes it */
    uint32_t clock_seen;  /* the writer's: the turns of all rings, as it saw them last (history.h) */
};

struct bda_ring_slot {
    uint64_t words[BDA_RING_WORDS];
};

/* So many bytes for a ring of at least so many slots; 0 slots: of one that keeps nothing. */
static inline uint64_t bda_ring_slots(uint64_t slots) {
    uint64_t count = BDA_RING_LEAST;
    if (slots == 0)
        return 1;
    while (count < slots)
        count *= 2;
    return count;
}

static inline uint64_t bda_ring_birth_words(uint64_t slots) {
    uint64_t births = bda_ring_slots(slots) / 2;
    return (births != 0 ? births : 1) * BDA_BIRTH_WORDS;
}

static inline size_t bda_ring_bytes(uint64_t slots) {
    return (size_t)bda_ring_slots(slots) * sizeof(struct bda_ring_slot) +
           (size_t)bda_ring_birth_words(slots) * sizeof(bda_ring_word);
}

/* Words of a turn. */
#define BDA_RING_TURN ((uint64_t)BDA_RING_WORDS << BDA_RING_TURN_LOG2)

/* `words` has bda_ring_bytes(slots) bytes, zeroed. */
static inline void bda_ring_init(struct bda_ring *ring, uint64_t slots, void *words) {
    atomic_init(&ring->head, 0);
    ring->mask = (bda_ring_slots(slots) << BDA_RING_STEP_LOG2) - 1;
    ring->words = words;
    atomic_init(&ring->turn, BDA_RING_TURN);
    ring->births = ring->words + ring->mask + 1;
    ring->births_mask = bda_ring_birth_words(slots) - 1;
    atomic_init(&ring->born, 0);
    ring->clock_seen = 0;
}

/* ---- The writer ---- */

BDA_INLINE void bda_ring_put(struct bda_ring *ring, uint64_t at, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    bda_ring_word *words = &ring->words[at & ring->mask];
    atomic_store_explicit(&words[0], a, memory_order_release);
    atomic_store_explicit(&words[1], b, memory_order_release);
    atomic_store_explicit(&words[2], c, memory_order_release);
    atomic_store_explicit(&words[3], d, memory_order_release);
}

/* Whether a turn is complete with this head; then the next one begins. */
BDA_INLINE bool bda_ring_turns(struct bda_ring *ring, uint64_t head) {
    if (head != atomic_load_explicit(&ring->turn, memory_order_relaxed))
        return false;
    atomic_store_explicit(&ring->turn, head + BDA_RING_TURN, memory_order_release);
    return true;
}

/* Counts up with each event and each birth: where it has not changed, there was none. */
static inline uint64_t bda_ring_written(struct bda_ring *ring) {
    return atomic_load_explicit(&ring->head, memory_order_relaxed) +
           atomic_load_explicit(&ring->born, memory_order_relaxed);
}

/* One event without notes, which counts. True: a turn is complete. No calls. */
BDA_INLINE bool bda_ring_write(struct bda_ring *ring, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    bda_ring_put(ring, head, a, b, c, d);
    head += BDA_RING_WORDS;
    atomic_store_explicit(&ring->head, head, memory_order_release);
    return bda_ring_turns(ring, head);
}

/* One with its notes, the one that comes last in the ring first; whether it counts. True: a turn is complete. */
bool bda_ring_write_noted(struct bda_ring *ring, struct bda_ring_slot event, uint32_t count,
                          const struct bda_ring_slot *notes, bool counts);

/* A birth that nobody will ask for: it counts, and leaves what stands in its place, which may be an old one. No calls.
 */
BDA_INLINE void bda_ring_count_birth(struct bda_ring *ring) {
    uint64_t born = atomic_load_explicit(&ring->born, memory_order_relaxed);
    atomic_store_explicit(&ring->born, born + BDA_BIRTH_WORDS, memory_order_release);
}

/* No calls. */
BDA_INLINE void bda_ring_write_birth(struct bda_ring *ring, uint64_t key, uint64_t time) {
    uint64_t born = atomic_load_explicit(&ring->born, memory_order_relaxed);
    bda_ring_word *words = &ring->births[born & ring->births_mask];
    atomic_store_explicit(&words[0], key, memory_order_release);
    atomic_store_explicit(&words[1], time, memory_order_release);
    bda_ring_count_birth(ring);
}

/* ---- Readers ---- */

struct bda_ring_reader {
    struct bda_ring *ring;
    uint64_t head;  /* as it was at the beginning */
    uint64_t at;    /* the end of what comes next */
    uint32_t begun; /* counted events of the turn that it was in */
};

void bda_ring_read(struct bda_ring *ring, struct bda_ring_reader *reader);

/* The event before the one that was read last, and in `notes` as many slots before it as notes_of says of it; false:
 * there is none, or it has been written over. */
bool bda_ring_previous(struct bda_ring_reader *reader, uint32_t (*notes_of)(const struct bda_ring_slot *event),
                       struct bda_ring_slot *event, struct bda_ring_slot notes[BDA_RING_NOTES]);

/* The time of the birth with this key, which is not 0; false: it is not remembered. */
bool bda_ring_find_birth(const struct bda_ring *ring, uint64_t key, uint64_t *time);

/* Whether anything that was written is no longer there. */
bool bda_ring_has_lost(struct bda_ring *ring);

/* Turns that were complete with the last `counted` events of the counted kind. */
static inline uint64_t bda_ring_turns_in(const struct bda_ring_reader *reader, uint64_t counted) {
    const uint64_t turn = (uint64_t)1 << BDA_RING_TURN_LOG2;
    return counted > reader->begun ? (counted - reader->begun + turn - 1) / turn : 0;
}

#endif
