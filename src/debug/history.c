/* See history.h. */
#include "debug/history.h"

#include "alloc/history.h"
#include "alloc/locate.h"
#include "debug/message.h"

#include <string.h>

struct search {
    bda_past_visitor *visit; /* is shown each event; NULL: those found are sorted into `owners` */
    void *context;
    VkDeviceAddress first, last; /* as the device writes them, and the same in the other form */
    VkDeviceAddress other_first, other_last;
    uint64_t now, frame; /* the clock, and the whole of the frame */
    uint64_t later;      /* what surely came after all that is in the ring that is read */
    uint32_t count, room;
    BdaPastOwner *owners;
    BdaHistory *history;
};

static uint32_t notes_of(const struct bda_ring_slot *event) {
    uint32_t count = (uint32_t)event->words[1] & BDA_PAST_NOTES;
    return count <= BDA_RING_NOTES ? count : BDA_RING_NOTES;
}

/* How long ago an event was: exactly as far as its own ring goes, the others by their turns since. */
static uint64_t frees_since(const struct search *search, const struct bda_ring_reader *reader, uint64_t newer,
                            uint64_t clock) {
    uint64_t turns = (uint32_t)((search->now >> 32) - (clock >> 32)), own = bda_ring_turns(reader);
    return newer + search->later + (turns > own ? (turns - own) << BDA_RING_TURN_LOG2 : 0);
}

static void describe(const struct search *search, const struct bda_ring_slot *event, const struct bda_ring_slot *notes,
                     uint64_t age, BdaPastOwner *owner) {
    uint64_t held = event->words[2] >> 32 << BDA_GRANULE_LOG2;
    memset(owner, 0, sizeof *owner);
    owner->range.handle = event->words[0];
    owner->range.address = event->words[1] & ~(VkDeviceAddress)15;
    owner->range.size = held - (uint32_t)event->words[2];
    owner->deferred = (event->words[1] & BDA_PAST_PENDING) != 0;
    owner->frees_ago = age;
    owner->frame_freed = bda_clock_whole_frame(search->frame, (uint32_t)event->words[3]);
    uint32_t count = notes_of(event);
    if (count > 0)
        owner->range.stack = (BdaStack)(notes[0].words[0] >> 32);
    if (count > 0 && (uint32_t)notes[0].words[0] != 0)
        owner->frame_allocated = bda_clock_whole_frame(search->frame, (uint32_t)notes[0].words[0]);
    size_t first = sizeof notes[0] - sizeof(uint64_t);
    if (count > 0)
        memcpy(owner->range.name, &notes[0].words[1], first);
    if (count > 1)
        memcpy(owner->range.name + first, notes[1].words, sizeof notes[1]);
    bda_make_one_line(owner->range.name, strlen(owner->range.name) == BDA_PAST_NAME);
}

/* Among those found, by its age. */
static void insert(struct search *search, const BdaPastOwner *owner) {
    uint32_t length = search->count < search->room ? search->count : search->room, at = length;
    search->count++;
    while (at > 0 && search->owners[at - 1].frees_ago > owner->frees_ago)
        at--;
    if (at == search->room)
        return;
    uint32_t moved = (length < search->room ? length : length - 1) - at;
    memmove(&search->owners[at + 1], &search->owners[at], moved * sizeof *owner);
    search->owners[at] = *owner;
}

static bool overlaps(const struct search *search, const struct bda_ring_slot *event) {
    VkDeviceAddress begin = event->words[1] & ~(VkDeviceAddress)15;
    VkDeviceAddress last = begin + (event->words[2] >> 32 << BDA_GRANULE_LOG2) - 1;
    return (begin <= search->last && last >= search->first) ||
           (begin <= search->other_last && last >= search->other_first);
}

/* Slots of the turn that a ring has begun. */
static uint64_t begun(struct bda_ring *ring) {
    uint64_t slots = atomic_load_explicit(&ring->head, memory_order_relaxed) >> BDA_RING_STEP_LOG2;
    return slots & (((uint64_t)1 << BDA_RING_TURN_LOG2) - 1);
}

static void read_ring(struct search *search, struct bda_ring *ring) {
    struct bda_ring_slot event, notes[BDA_RING_NOTES];
    struct bda_ring_reader reader;
    uint64_t newer = 0, age = 0;
    bda_ring_read(ring, &reader);
    for (; bda_ring_previous(&reader, notes_of, &event, notes); newer++) {
        age = frees_since(search, &reader, newer, event.words[3]);
        if (!overlaps(search, &event))
            continue;
        BdaPastOwner owner;
        describe(search, &event, notes, age, &owner);
        if (search->visit != NULL)
            search->visit(search->context, &owner);
        else
            insert(search, &owner);
    }
    if (!bda_ring_has_lost(ring))
        return;
    search->history->complete = VK_FALSE;
    search->history->reach = bda_min(search->history->reach, age);
}

static void read_all(BdaAllocator allocator, struct search *search) {
    search->now = bda_clock_now(allocator);
    search->frame = atomic_load_explicit(&allocator->history.frame, memory_order_relaxed);
    *search->history = (BdaHistory){ .complete = VK_TRUE, .reach = UINT64_MAX, .frame = search->frame };
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_acquire);
    uint64_t later = 0;
    for (; cache != NULL; cache = cache->older) {
        read_ring(search, &cache->ring);
        later += begun(&cache->ring);
    }
    search->later = later; /* a thread shares a ring before it has its own, not afterwards */
    read_ring(search, &allocator->history.shared);
}

uint32_t bda_history_find(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                          BdaPastOwner *owners, BdaHistory *history) {
    struct search search = { .first = first, .last = last, .room = room, .owners = owners, .history = history };
    search.other_first = bda_locate_other_form(first);
    search.other_last = bda_locate_other_form(last);
    if (search.other_last - search.other_first != last - first) { /* the other form would cut it in two */
        search.other_first = first;
        search.other_last = last;
    }
    read_all(allocator, &search);
    return search.count;
}

void bda_history_each(BdaAllocator allocator, bda_past_visitor *visit, void *context, BdaHistory *history) {
    struct search search = { .visit = visit, .context = context, .last = UINT64_MAX, .history = history };
    read_all(allocator, &search);
}
