/* See patterns.h. */
#include "debug/patterns.h"

#include "alloc/allocate.h"
#include "debug/history.h"
#include "debug/message.h"
#include "debug/notes.h"
#include "debug/watch.h"
#include "platform/marks.h"

#include <string.h>

#define FILLS ((BdaCheckFlags)(BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT))

/* Bytes of a block, and what they should be. */
struct stretch {
    struct bda_block *block;
    VkDeviceSize start, size;
    enum bda_pattern pattern;
};

static struct bda_notes *notes_of(BdaAllocator allocator) {
    return &allocator->watch->notes;
}

struct bda_watched bda_watched_at(BdaAllocator allocator, uint32_t index) {
    const struct bda_live live = bda_range_at(allocator, NULL, index);
    VkDeviceSize held = live.block->dedicated_size != 0 ? live.block->backing.size - live.block->memory_offset
                                                        : bda_node_held(live.node);
    if (live.block->mapped == NULL && live.block->reach != VK_NULL_HANDLE) /* fills are of words */
        held = bda_min(held, bda_align_down(live.block->reach_size, 4) - bda_node_start(live.node));
    return (struct bda_watched){ live, bda_node_start(live.node), held, bda_note_read(notes_of(allocator), index) };
}

static struct stretch all_of(const struct bda_watched *watched, enum bda_pattern pattern) {
    return (struct stretch){ watched->live.block, watched->start, watched->held, pattern };
}

static struct stretch red_zone_of(const struct bda_watched *watched) {
    VkDeviceSize asked = bda_min(watched->note & BDA_NOTE_SIZE, watched->held);
    return (struct stretch){ watched->live.block, watched->start + asked, watched->held - asked, BDA_PATTERN_RED_ZONE };
}

static bool is_patterned(const struct bda_block *block) {
    return atomic_load_explicit(&block->patterned, memory_order_relaxed);
}

/* Nothing is known of a block's bytes any more: some did not reach the memory. */
static void give_up(struct bda_block *block) {
    atomic_store_explicit(&block->patterned, false, memory_order_relaxed);
}

/* ---- Bytes ---- */

static VkResult sync(BdaAllocator allocator, const struct stretch *s, enum bda_sync direction) {
    return bda_backing_sync(&allocator->device, &s->block->backing, direction, s->block->memory_offset + s->start,
                            s->size);
}

/* The bytes that are looked at here and filled are nobody's, so where a memory checker listens it has been told to
 * forbid them (or is, right after). */
static unsigned char *begin(BdaAllocator allocator, const struct stretch *s) {
    unsigned char *bytes = s->block->mapped + s->start;
    if (allocator->marks)
        bda_marks_pause(bytes, (size_t)s->size);
    return bytes;
}

static void end(BdaAllocator allocator, const struct stretch *s) {
    if (allocator->marks)
        bda_marks_resume(s->block->mapped + s->start, (size_t)s->size);
}

static void write(BdaAllocator allocator, const struct stretch *s) {
    memset(begin(allocator, s), (int)s->pattern, (size_t)s->size);
    end(allocator, s);
}

/* Whether all bytes are as wanted; most are, so that is found out first, and fast. */
static bool is_whole(const unsigned char *bytes, VkDeviceSize size, enum bda_pattern pattern) {
    return size == 0 || (bytes[0] == (unsigned char)pattern && memcmp(bytes, bytes + 1, (size_t)size - 1) == 0);
}

bool bda_patterns_examine(const unsigned char *bytes, VkDeviceSize size, enum bda_pattern pattern,
                          struct bda_damage *damage) {
    if (is_whole(bytes, size, pattern))
        return false;
    *damage = (struct bda_damage){ .wanted = (unsigned char)pattern };
    for (VkDeviceSize i = 0; i < size; i++) {
        if (bytes[i] == damage->wanted)
            continue;
        damage->first = damage->count == 0 ? i : damage->first;
        damage->last = i;
        damage->count++;
    }
    memcpy(damage->bytes, bytes + damage->first, (size_t)bda_min(size - damage->first, BDA_DAMAGE_BYTES));
    return true;
}

/* What is wrong, if anything is; it is mended, so that it is told once. As the CPU sees it. */
static bool find_damage(BdaAllocator allocator, const struct stretch *s, struct bda_breakage *breakage) {
    bool damaged = bda_patterns_examine(begin(allocator, s), s->size, s->pattern, &breakage->damage);
    end(allocator, s);
    if (!damaged)
        return false;
    breakage->address = s->block->region.base + s->start;
    breakage->size = s->size;
    write(allocator, s);
    return true;
}

/* The same as either side sees it, of a range that nobody else has: what the CPU wrote may not have been flushed, what
 * the device wrote is not seen before. */
static bool find_damage_of_either(BdaAllocator allocator, const struct stretch *s, struct bda_breakage *breakage) {
    if (find_damage(allocator, s, breakage))
        return true;
    return bda_device_needs_atoms(&allocator->device, s->block->backing.type) &&
           sync(allocator, s, BDA_SYNC_INVALIDATE) == VK_SUCCESS && find_damage(allocator, s, breakage);
}

/* ---- Owners ---- */

/* Its record is still there, and nobody renames what is not live; else the pool's lock is held. */
static void name_owner(BdaAllocator allocator, const struct bda_watched *watched, struct bda_breakage *breakage) {
    uint32_t record = bda_node_record(watched->live.node);
    const char *name = record != 0 ? bda_record_name(bda_record_at(allocator, record)) : NULL;
    breakage->owner = watched->live.block->region.base + watched->start;
    breakage->owner_size = watched->note & BDA_NOTE_SIZE;
    breakage->name[0] = '\0';
    if (name != NULL)
        bda_copy_text(breakage->name, sizeof breakage->name, name);
}

/* Of bytes that nobody has: who had the first that are damaged last, and which of the stretch were that one's. */
static struct stretch part_of_owner(BdaAllocator allocator, const struct stretch *s, const struct bda_damage *damage,
                                    struct bda_breakage *breakage) {
    VkDeviceAddress begin = s->block->region.base + s->start, until;
    BdaPastOwner owner;
    breakage->owner_size = 0;
    breakage->name[0] = '\0';
    if (bda_history_find_last(allocator, begin + damage->first, begin + s->size - 1, &owner, &until)) {
        breakage->owner = owner.range.address;
        breakage->owner_size = owner.range.size;
        memcpy(breakage->name, owner.range.name, sizeof breakage->name);
        begin = bda_max(begin, owner.range.address);
    }
    VkDeviceSize start = begin - s->block->region.base;
    return (struct stretch){ s->block, start, until + 1 - begin, s->pattern };
}

/* As find_damage, in bytes that nobody has. They may have been several owners', and grown into one range since: what
 * was the first one's is told of and mended, and the others' is left, for who asks again. */
static bool find_write_after_free(BdaAllocator allocator, struct stretch *left, struct bda_breakage *breakage) {
    struct bda_damage damage;
    bool damaged = bda_patterns_examine(begin(allocator, left), left->size, left->pattern, &damage);
    end(allocator, left);
    if (!damaged)
        return false;
    const struct stretch part = part_of_owner(allocator, left, &damage, breakage);
    left->size -= part.start + part.size - left->start;
    left->start = part.start + part.size;
    return find_damage(allocator, &part, breakage);
}

/* ---- A block ---- */

/* Bases that miss the atoms (no driver's does) would have ranges share some. */
static bool misses_atoms(BdaAllocator allocator, const struct bda_block *block) {
    VkDeviceSize atom = allocator->device.limits.non_coherent_atom;
    return bda_device_needs_atoms(&allocator->device, block->backing.type) && block->memory_offset % atom != 0;
}

void bda_patterns_opened(BdaAllocator allocator, uint32_t index) {
    struct bda_block *block = bda_block_at(allocator, index);
    if ((allocator->checks & FILLS) == 0 || block->mapped == NULL || misses_atoms(allocator, block))
        return;
    VkDeviceSize size = (VkDeviceSize)block->region.size << BDA_GRANULE_LOG2; /* none, of a dedicated one */
    const struct stretch all = { block, 0, size, BDA_PATTERN_FREED };
    write(allocator, &all);
    if (sync(allocator, &all, BDA_SYNC_FLUSH) == VK_SUCCESS)
        atomic_store_explicit(&block->patterned, true, memory_order_relaxed);
}

/* ---- An allocation ---- */

/* Where host memory is refused an allocation goes without its note, and so without its checks: that is said once. */
static void note(BdaAllocator allocator, uint32_t index, uint64_t note) {
    if (bda_note_make(notes_of(allocator), index, note))
        return;
    if (!atomic_exchange_explicit(&notes_of(allocator)->refused, true, memory_order_relaxed))
        bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_WARNING,
                    "checking modes: host memory for notes was refused, some allocations go unchecked");
}

/* Tells of all writes to a range that nobody had; whether there were any. */
static bool tell_of_writes(BdaAllocator allocator, struct stretch left) {
    struct bda_breakage breakage = { .kind = BDA_BROKEN_FREED, .when = "as it was handed out again" };
    bool any = false;
    for (; find_write_after_free(allocator, &left, &breakage); any = true)
        bda_broken_tell(allocator, &breakage);
    return any;
}

/* As either side sees them, see find_damage_of_either. */
static void check_fresh(BdaAllocator allocator, const struct stretch *all) {
    if (!tell_of_writes(allocator, *all) && bda_device_needs_atoms(&allocator->device, all->block->backing.type) &&
        sync(allocator, all, BDA_SYNC_INVALIDATE) == VK_SUCCESS)
        (void)tell_of_writes(allocator, *all);
}

void bda_patterns_taken(BdaAllocator allocator, uint32_t index) {
    struct bda_watched watched = bda_watched_at(allocator, index);
    struct bda_block *block = watched.live.block;
    watched.note = bda_asked(allocator, watched.live.node);
    if (!is_patterned(block)) {
        note(allocator, index, watched.note);
        return;
    }
    const struct stretch all = all_of(&watched, BDA_PATTERN_FREED), red_zone = red_zone_of(&watched);
    if (block->dedicated_size == 0)
        check_fresh(allocator, &all);
    const struct stretch fresh = { block, watched.start, watched.note, BDA_PATTERN_FRESH };
    if ((allocator->checks & BDA_CHECK_POISON_BIT) != 0)
        write(allocator, &fresh);
    if ((allocator->checks & BDA_CHECK_RED_ZONES_BIT) != 0)
        write(allocator, &red_zone);
    bool armed = sync(allocator, &all, BDA_SYNC_FLUSH) == VK_SUCCESS && allocator->red_zone != 0;
    note(allocator, index, watched.note | (armed ? BDA_NOTE_ARMED : 0));
}

/* What should be in front of a range in one that lies before it; false: nothing is known of that. The lock of the pool
 * is held. */
static bool pattern_before(BdaAllocator allocator, uint32_t index, struct stretch *s) {
    struct bda_watched watched = bda_watched_at(allocator, index);
    switch (bda_node_state(watched.live.node)) {
    case BDA_NODE_LIVE:
        *s = red_zone_of(&watched);
        return (watched.note & BDA_NOTE_ARMED) != 0;
    case BDA_NODE_QUARANTINED:
        *s = all_of(&watched, BDA_PATTERN_FREED);
        return (watched.note & BDA_NOTE_FILLED) != 0;
    case BDA_NODE_FREE:
        *s = all_of(&watched, BDA_PATTERN_FREED);
        return is_patterned(watched.live.block);
    default:
        return false;
    }
}

/* Looks at the red zone's width of bytes in front of a range, as far as they are nobody's. */
static bool find_damage_before(BdaAllocator allocator, const struct bda_watched *watched,
                               struct bda_breakage *breakage) {
    struct bda_pool *pool = atomic_load_explicit(&watched->live.block->pool, memory_order_relaxed);
    VkDeviceSize left = allocator->red_zone;
    bool found = false;
    bda_lock(&pool->lock);
    uint32_t index = bda_node_previous(watched->live.node);
    struct stretch s;
    while (index != 0 && left != 0 && !found && pattern_before(allocator, index, &s)) {
        VkDeviceSize size = bda_min(s.size, left);
        s.start += s.size - size;
        s.size = size;
        found = find_damage(allocator, &s, breakage);
        left = s.pattern == BDA_PATTERN_FREED ? left - size : 0; /* before a red zone, somebody lives */
        index = bda_node_previous(bda_node_of(allocator, index));
    }
    bda_unlock(&pool->lock);
    return found;
}

/* ---- A free ---- */

static void check_red_zones(BdaAllocator allocator, const struct bda_watched *watched) {
    struct bda_breakage breakage = { .when = "as it was freed" };
    name_owner(allocator, watched, &breakage);
    if ((watched->note & BDA_NOTE_ARMED) != 0) {
        const struct stretch red_zone = red_zone_of(watched);
        breakage.kind = BDA_BROKEN_BEHIND;
        if (find_damage_of_either(allocator, &red_zone, &breakage))
            bda_broken_tell(allocator, &breakage);
    }
    breakage.kind = BDA_BROKEN_BEFORE;
    if (allocator->red_zone != 0 && find_damage_before(allocator, watched, &breakage))
        bda_broken_tell(allocator, &breakage);
}

static bool fill_freed(BdaAllocator allocator, const struct bda_watched *watched) {
    const struct stretch all = all_of(watched, BDA_PATTERN_FREED);
    write(allocator, &all);
    bool filled = sync(allocator, &all, BDA_SYNC_FLUSH) == VK_SUCCESS;
    if (!filled)
        give_up(watched->live.block);
    return filled;
}

void bda_patterns_freed(BdaAllocator allocator, uint32_t index) {
    const struct bda_watched watched = bda_watched_at(allocator, index);
    if (!is_patterned(watched.live.block)) {
        bda_note_change(notes_of(allocator), index, watched.note & (BDA_NOTE_SIZE | BDA_NOTE_DEVICE));
        return;
    }
    check_red_zones(allocator, &watched);
    if (watched.live.block->dedicated_size != 0 && (allocator->checks & BDA_CHECK_QUARANTINE_BIT) == 0)
        return; /* its memory goes with it */
    bool filled = fill_freed(allocator, &watched);
    bda_note_change(notes_of(allocator), index, (watched.note & BDA_NOTE_SIZE) | (filled ? BDA_NOTE_FILLED : 0));
}

/* From here on nobody else looks at its bytes, or mends them. */
static void claim(BdaAllocator allocator, const struct bda_watched *watched) {
    struct bda_pool *pool = atomic_load_explicit(&watched->live.block->pool, memory_order_relaxed);
    bda_lock(&pool->lock);
    bda_note_change(notes_of(allocator), watched->live.index, watched->note & BDA_NOTE_SIZE);
    bda_unlock(&pool->lock);
}

void bda_patterns_leave(BdaAllocator allocator, uint32_t index) {
    const struct bda_watched watched = bda_watched_at(allocator, index);
    if (!is_patterned(watched.live.block) || (watched.note & BDA_NOTE_FILLED) == 0)
        return;
    claim(allocator, &watched);
    const struct stretch all = all_of(&watched, BDA_PATTERN_FREED);
    struct bda_breakage breakage = { .kind = BDA_BROKEN_FREED, .when = "as it left the quarantine" };
    if (!find_damage_of_either(allocator, &all, &breakage))
        return;
    (void)fill_freed(allocator, &watched);
    name_owner(allocator, &watched, &breakage);
    bda_broken_tell(allocator, &breakage);
}

/* ---- On demand ---- */

/* Of what is free, a breakage for each owner that it had. */
static uint32_t look_at_free(BdaAllocator allocator, struct stretch left, uint32_t room, struct bda_breakage *all) {
    uint32_t count = 0;
    while (count < room && find_write_after_free(allocator, &left, &all[count]))
        count++;
    for (uint32_t i = 0; i < count; i++)
        all[i].kind = BDA_BROKEN_FREED;
    return count;
}

static uint32_t look_at_held(BdaAllocator allocator, const struct bda_watched *watched, const struct stretch *s,
                             struct bda_breakage *breakage) {
    breakage->kind = s->pattern == BDA_PATTERN_FREED ? BDA_BROKEN_FREED : BDA_BROKEN_BEHIND;
    if (!find_damage(allocator, s, breakage))
        return 0;
    name_owner(allocator, watched, breakage);
    return 1;
}

uint32_t bda_patterns_look(BdaAllocator allocator, uint32_t index, uint32_t room, struct bda_breakage *breakages) {
    const struct bda_watched watched = bda_watched_at(allocator, index);
    struct stretch s;
    if (room == 0 || watched.live.block->mapped == NULL || !pattern_before(allocator, index, &s))
        return 0;
    uint32_t count = bda_node_state(watched.live.node) == BDA_NODE_FREE
                         ? look_at_free(allocator, s, room, breakages)
                         : look_at_held(allocator, &watched, &s, breakages);
    for (uint32_t i = 0; i < count; i++)
        breakages[i].when = "by bda_verify";
    return count;
}
