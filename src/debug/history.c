/* See history.h. */
#include "debug/history.h"

#include "alloc/caches.h"
#include "alloc/history.h"
#include "alloc/locate.h"
#include "debug/message.h"

#include <string.h>

struct search {
    bda_past_visitor *visit; /* is shown each event; NULL: those found are sorted into `owners` */
    void *context;
    VkDeviceAddress first, last; /* as the device writes them, and the same in the other form */
    VkDeviceAddress other_first, other_last;
    uint64_t turns, frame; /* that the rings have made; the whole of the present frame */
    uint64_t later;        /* what surely came after all that is in the ring that is read */
    uint32_t count, room;
    BdaPastOwner *owners;
    BdaHistory *history;
    BdaAllocator allocator;
    bool lives; /* what lives is wanted, too */
};

static uint32_t notes_of(const struct bda_ring_slot *event) {
    uint32_t count = (uint32_t)event->words[1] & BDA_PAST_NOTES;
    return count <= BDA_RING_NOTES ? count : BDA_RING_NOTES;
}

static bool is_made(const struct bda_ring_slot *event) {
    return (event->words[1] & BDA_PAST_ALLOCATED) != 0;
}

/* Bytes from its address on that were asked for, and that it held. */
static uint64_t asked_of(const struct bda_ring_slot *event) {
    uint64_t extent = event->words[2];
    if ((extent & BDA_PAST_LARGE) != 0)
        return extent & ~BDA_PAST_LARGE;
    return (extent >> 32 << BDA_GRANULE_LOG2) - (uint32_t)extent;
}

static uint64_t held_of(const struct bda_ring_slot *event) {
    uint64_t extent = event->words[2];
    if ((extent & BDA_PAST_LARGE) != 0)
        return bda_align_up(extent & ~BDA_PAST_LARGE, (uint64_t)1 << BDA_GRANULE_LOG2);
    return extent >> 32 << BDA_GRANULE_LOG2;
}

/* More turns than can be completed while a search is under way. */
#define BDA_TURNS_OF_A_SEARCH ((uint32_t)1 << 24)

/* Turns since an event; none since one that came while the search was under way. */
static uint32_t turns_since(const struct search *search, const struct bda_ring_slot *event) {
    uint32_t begin = (uint32_t)search->turns, then = bda_clock_turns(event->words[3]);
    return then - begin < BDA_TURNS_OF_A_SEARCH ? 0 : begin - then;
}

/* How long ago an event was, with so many frees in its own ring since: exactly as far as that goes, the others by their
 * turns. An event's clock is that of before the turn that it completes. */
static uint64_t frees_since(const struct search *search, const struct bda_ring_reader *reader, uint64_t newer,
                            const struct bda_ring_slot *event) {
    uint64_t turns = turns_since(search, event);
    uint64_t own = bda_ring_turns_in(reader, newer + !is_made(event));
    return newer + search->later + (turns > own ? (turns - own) << BDA_RING_TURN_LOG2 : 0);
}

static void describe(const struct search *search, const struct bda_ring_slot *event, const struct bda_ring_slot *notes,
                     uint64_t age, BdaPastOwner *owner) {
    memset(owner, 0, sizeof *owner);
    owner->range.handle = event->words[0];
    owner->generation = bda_handle_generation(owner->range.handle);
    owner->range.address = event->words[1] & ~(VkDeviceAddress)15;
    owner->range.size = asked_of(event);
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

/* Whether `a` was made after `b` of the same node, whose generation counts its allocations. */
static bool follows(const BdaPastOwner *a, const BdaPastOwner *b) {
    bool same = bda_handle_index(a->range.handle) == bda_handle_index(b->range.handle);
    return same && bda_handle_generation(a->range.handle) > bda_handle_generation(b->range.handle);
}

/* Where it belongs among those found: by its age, which is exact within a ring only; and of one node by generation,
 * which mends the age. */
static uint32_t place_of(const struct search *search, uint32_t length, BdaPastOwner *owner) {
    uint32_t at = length;
    while (at > 0 && search->owners[at - 1].frees_ago > owner->frees_ago)
        at--;
    for (uint32_t i = 0; i < at; i++)
        if (follows(owner, &search->owners[i])) {
            owner->frees_ago = search->owners[i].frees_ago;
            return i;
        }
    for (uint32_t i = length; i > at; i--)
        if (follows(&search->owners[i - 1], owner)) {
            owner->frees_ago = search->owners[i - 1].frees_ago;
            return i;
        }
    return at;
}

static void insert(struct search *search, BdaPastOwner *owner) {
    uint32_t length = search->count < search->room ? search->count : search->room;
    uint32_t at = place_of(search, length, owner);
    search->count++;
    if (at == search->room)
        return;
    uint32_t moved = (length < search->room ? length : length - 1) - at;
    memmove(&search->owners[at + 1], &search->owners[at], moved * sizeof *owner);
    search->owners[at] = *owner;
}

static bool overlaps(const struct search *search, const struct bda_ring_slot *event) {
    VkDeviceAddress begin = event->words[1] & ~(VkDeviceAddress)15;
    VkDeviceAddress last = begin + held_of(event) - 1;
    return (begin <= search->last && last >= search->first) ||
           (begin <= search->other_last && last >= search->other_first);
}

/* Frees of the turn that a ring has begun. */
static uint64_t begun(struct bda_ring *ring) {
    struct bda_ring_reader reader;
    bda_ring_read(ring, &reader);
    return reader.begun;
}

/* Frees are, and the making of what lives, where that is wanted. */
static bool is_wanted(const struct search *search, const struct bda_ring_slot *event) {
    if (!overlaps(search, event))
        return false;
    return !is_made(event) || (search->lives && bda_handle_node(search->allocator, event->words[0]) != NULL);
}

static void add(struct search *search, const struct bda_ring_slot *event, const struct bda_ring_slot *notes,
                uint64_t age) {
    BdaPastOwner owner;
    describe(search, event, notes, age, &owner);
    owner.live = is_made(event);
    if (owner.live) {
        owner.frame_allocated = owner.frame_freed;
        owner.frame_freed = 0;
    }
    if (search->visit != NULL)
        search->visit(search->context, &owner, held_of(event));
    else
        insert(search, &owner);
}

static void read_ring(struct search *search, struct bda_ring *ring) {
    struct bda_ring_slot event, notes[BDA_RING_NOTES];
    struct bda_ring_reader reader;
    uint64_t newer = 0, age = 0;
    bda_ring_read(ring, &reader);
    for (; bda_ring_previous(&reader, notes_of, &event, notes); newer += !is_made(&event)) {
        age = frees_since(search, &reader, newer, &event);
        if (is_wanted(search, &event))
            add(search, &event, notes, age);
    }
    if (!bda_ring_has_lost(ring))
        return;
    search->history->complete = VK_FALSE;
    search->history->reach = bda_min(search->history->reach, age);
}

/* Has a search read every ring. */
static void read_all(struct search *search, void (*read)(struct search *search, struct bda_ring *ring)) {
    BdaAllocator allocator = search->allocator;
    search->turns = atomic_load_explicit(&allocator->history.turns, memory_order_relaxed);
    search->frame = atomic_load_explicit(&allocator->history.frame, memory_order_relaxed);
    struct bda_cache *cache = atomic_load_explicit(&allocator->newest_cache, memory_order_acquire);
    uint64_t later = 0;
    for (; cache != NULL; cache = cache->older) {
        read(search, &cache->ring);
        later += begun(&cache->ring);
    }
    search->later = later; /* a thread shares a ring before it has its own, not afterwards */
    read(search, &allocator->history.shared);
}

/* ---- When it was made ---- */

struct birth {
    struct search search; /* first of all members, see read_birth */
    BdaHandle handle;
    bool found;
    uint64_t frees_since, frame;
};

static void read_birth(struct search *search, struct bda_ring *ring) {
    struct birth *birth = (struct birth *)search;
    struct bda_ring_slot event, notes[BDA_RING_NOTES];
    struct bda_ring_reader reader;
    uint64_t newer = 0;
    bda_ring_read(ring, &reader);
    for (; !birth->found && bda_ring_previous(&reader, notes_of, &event, notes); newer += !is_made(&event)) {
        if (!is_made(&event) || event.words[0] != birth->handle)
            continue;
        birth->found = true;
        birth->frees_since = frees_since(search, &reader, newer, &event);
        birth->frame = bda_clock_whole_frame(search->frame, (uint32_t)event.words[3]);
    }
}

/* By its event, with that bit. */
static struct birth birth_of(BdaAllocator allocator, BdaHandle handle) {
    struct birth birth = { .search = { .allocator = allocator }, .handle = handle };
    if ((allocator->checks & BDA_CHECK_HISTORY_BIT) != 0 && handle != 0)
        read_all(&birth.search, read_birth);
    return birth;
}

/* By the words that each allocation leaves. */
static void read_frame(struct search *search, struct bda_ring *ring) {
    struct birth *birth = (struct birth *)search;
    uint64_t clock;
    if (birth->found || !bda_ring_find_birth(ring, birth->handle, &clock))
        return;
    birth->found = true;
    if ((uint32_t)clock != 0)
        birth->frame = bda_clock_whole_frame(search->frame, (uint32_t)clock);
}

/* In which frame an allocation was made; 0: that is not remembered. */
static uint64_t frame_of(BdaAllocator allocator, BdaHandle handle) {
    struct birth birth = birth_of(allocator, handle);
    if (!birth.found && handle != 0)
        read_all(&birth.search, read_frame);
    return birth.frame;
}

static void date_range(BdaAllocator allocator, BdaFoundRange *range) {
    if (range->frame == 0)
        range->frame = frame_of(allocator, range->handle);
}

void bda_history_date_frames(BdaAllocator allocator, BdaFinding *finding) {
    date_range(allocator, &finding->before);
    date_range(allocator, &finding->after);
    if (finding->kind == BDA_FINDING_LIVE || finding->kind == BDA_FINDING_SLACK)
        date_range(allocator, &finding->range);
}

void bda_history_date(BdaAllocator allocator, BdaFinding *finding) {
    if ((allocator->checks & BDA_CHECK_HISTORY_BIT) == 0)
        return;
    bda_history_date_frames(allocator, finding);
    if (finding->kind != BDA_FINDING_LIVE && finding->kind != BDA_FINDING_SLACK)
        return;
    const struct birth birth = birth_of(allocator, finding->range.handle);
    finding->dated = birth.found;
    finding->frees_since = birth.frees_since;
}

void bda_history_tell_untouched(BdaFinding *finding) {
    if (finding->kind == BDA_FINDING_FREE && finding->history.complete && finding->former.range.handle == 0)
        finding->kind = BDA_FINDING_UNTOUCHED;
}

/* ---- All of it ---- */

static void read_events(struct search *search) {
    *search->history = (BdaHistory){ .complete = VK_TRUE, .reach = UINT64_MAX };
    read_all(search, read_ring);
    search->history->frame = search->frame;
}

static uint32_t find(struct search *search) {
    search->other_first = bda_locate_other_form(search->first);
    search->other_last = bda_locate_other_form(search->last);
    if (search->other_last - search->other_first != search->last - search->first) { /* that would cut it in two */
        search->other_first = search->first;
        search->other_last = search->last;
    }
    read_events(search);
    for (uint32_t i = 0; i < search->count && i < search->room; i++)
        if (search->owners[i].frame_allocated == 0)
            search->owners[i].frame_allocated = frame_of(search->allocator, search->owners[i].range.handle);
    return search->count;
}

uint32_t bda_history_find(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                          BdaPastOwner *owners, BdaHistory *history) {
    return find(&(struct search){
        .first = first, .last = last, .room = room, .owners = owners, .history = history, .allocator = allocator });
}

uint32_t bda_history_find_all(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                              BdaPastOwner *owners, BdaHistory *history) {
    return find(&(struct search){ .first = first,
                                  .last = last,
                                  .room = room,
                                  .owners = owners,
                                  .history = history,
                                  .allocator = allocator,
                                  .lives = true });
}

void bda_history_each(BdaAllocator allocator, bda_past_visitor *visit, void *context, BdaHistory *history) {
    struct search search = {
        .visit = visit, .context = context, .last = UINT64_MAX, .history = history, .allocator = allocator
    };
    read_events(&search);
}

/* ---- By its handle ---- */

struct by_handle {
    BdaHandle handle;
    BdaPastOwner *owner;
    bool found;
};

static void see_handle(void *context, const BdaPastOwner *owner, VkDeviceSize held) {
    struct by_handle *wanted = context;
    (void)held;
    if (owner->range.handle != wanted->handle)
        return;
    *wanted->owner = *owner;
    wanted->found = true;
}

bool bda_history_find_handle(BdaAllocator allocator, BdaHandle handle, BdaPastOwner *owner) {
    struct by_handle wanted = { .handle = handle, .owner = owner };
    BdaHistory history;
    bda_history_each(allocator, see_handle, &wanted, &history);
    if (wanted.found && owner->frame_allocated == 0)
        owner->frame_allocated = frame_of(allocator, handle);
    return wanted.found;
}

/* ---- Where one owner's bytes end ---- */

struct until {
    VkDeviceAddress first, last;
    const BdaPastOwner *owner; /* of the first byte; NULL: none */
};

/* Where somebody's bytes begin who came after the owner, or where the owner's end. */
static void bound(void *context, const BdaPastOwner *other, VkDeviceSize held) {
    struct until *until = context;
    const BdaPastOwner *owner = until->owner;
    VkDeviceAddress begin = other->range.address;
    if (owner != NULL && other->range.handle == owner->range.handle)
        until->last = bda_min(until->last, begin + held - 1);
    else if (begin > until->first && (owner == NULL || other->frees_ago <= owner->frees_ago))
        until->last = bda_min(until->last, begin - 1);
}

bool bda_history_find_last(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, BdaPastOwner *owner,
                           VkDeviceAddress *until) {
    BdaHistory history;
    bool found = bda_history_find(allocator, first, first, 1, owner, &history) != 0;
    struct until bounds = { first, last, found ? owner : NULL };
    struct search search = { .visit = bound,
                             .context = &bounds,
                             .first = first,
                             .last = last,
                             .other_first = first,
                             .other_last = last,
                             .history = &history,
                             .allocator = allocator };
    read_events(&search);
    *until = bounds.last;
    return found;
}
