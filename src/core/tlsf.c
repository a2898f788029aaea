/* Two-level segregated fit with zones, see tlsf.h. */
#include "core/tlsf.h"

#include <assert.h>
#include <string.h>

/* The list bits of one zone in a word of `lists`. */
#define ZONE_BITS (UINT64_MAX / ((1u << BDA_TLSF_ZONES) - 1))

_Static_assert(BDA_TLSF_WORDS <= 32, "half a word tells which words of a zone hold something");
_Static_assert(64 % BDA_TLSF_ZONES == 0, "the lists of a class share a word");
_Static_assert(BDA_TLSF_ZONES <= 1 << BDA_NODE_ZONE_BITS, "a node remembers its zone");

BDA_INLINE struct bda_region *region_at(struct bda_tlsf *tlsf, uint32_t index) {
    return bda_store_at(tlsf->regions, index);
}

BDA_INLINE struct bda_region *region_of(struct bda_tlsf *tlsf, const struct bda_node *node) {
    return region_at(tlsf, atomic_load_explicit(&node->region, memory_order_relaxed));
}

BDA_INLINE bool is_whole_region(const struct bda_node *node) {
    return (bda_node_previous_link(node) | bda_node_next_link(node)) == 0;
}

/* Written by who has the lock: no other instructions than those of a plain word. */
BDA_INLINE void count_empty(struct bda_tlsf *tlsf, uint32_t more) {
    atomic_store_explicit(&tlsf->empty_regions, bda_tlsf_empty_regions(tlsf) + more, memory_order_relaxed);
}

BDA_INLINE void uncount_empty(struct bda_tlsf *tlsf, uint32_t fewer) {
    atomic_store_explicit(&tlsf->empty_regions, bda_tlsf_empty_regions(tlsf) - fewer, memory_order_relaxed);
}

void bda_tlsf_init(struct bda_tlsf *tlsf, struct bda_nodes *nodes, struct bda_store *regions, uint32_t granule_log2) {
    memset(tlsf, 0, sizeof *tlsf);
    tlsf->nodes = nodes;
    tlsf->regions = regions;
    tlsf->granule_log2 = granule_log2;
}

/* ---- The lists of free ranges ---- */

/* The list of a class and zone; the multiplication of bda_tlsf_class_of written into it. */
BDA_INLINE uint32_t list_for(uint32_t size, uint32_t zone) {
    uint32_t shift = bda_floor_log2(size | BDA_TLSF_CLASSES) - BDA_TLSF_CLASSES_LOG2;
    return (shift << (BDA_TLSF_CLASSES_LOG2 + BDA_TLSF_ZONES_LOG2)) + (size >> shift) * BDA_TLSF_ZONES + zone;
}

BDA_INLINE uint32_t list_of(struct bda_node *node) {
    return list_for(bda_node_size(node), bda_node_zone(node));
}

/* 1 for index 0, else 0, as arithmetic: compilers make a branch of other ways to say it. */
BDA_INLINE uint32_t is_none(uint32_t index) {
    _Static_assert(BDA_NODES_MOST >> 31 == 0, "no index has the highest bit");
    return (index - 1) >> 31;
}

/* Whether a node has neighbours in its list cannot be predicted, so what they are to be told is written anyway: if need
 * be to the node itself, which holds nothing there that is still, or yet, of use. */
BDA_INLINE struct bda_node *in_list(bda_node_chunks chunks, uint32_t index, uint32_t itself) {
    return bda_node_in(chunks, index | (itself & (0 - is_none(index))));
}

/* A list's two words are written with something between them, or gcc makes a vector of them, for more than it saves. */
BDA_INLINE void link(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index, struct bda_node *node,
                     uint32_t size, uint32_t list) {
    struct bda_tlsf_list *head = &tlsf->lists[list];
    uint32_t next = head->first;
    head->first = index;
    bda_node_set_list_previous(in_list(chunks, next, index), index);
    bda_node_set_list_previous(node, 0);
    bda_node_set_list_next(node, next);
    head->size = size;
    tlsf->filled[list / 64] |= (uint64_t)1 << list % 64;
    tlsf->words_of_zone[list % BDA_TLSF_ZONES] |= (uint32_t)1 << list / 64;
}

/* The first range of a list goes. */
BDA_INLINE void unlink_first(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index, const struct bda_node *node,
                             uint32_t list) {
    uint32_t next = bda_node_list_next(node);
    struct bda_node *behind = in_list(chunks, next, index);
    tlsf->lists[list].first = next;
    bda_node_set_list_previous(behind, 0);
    tlsf->lists[list].size = bda_node_size(behind);
    tlsf->filled[list / 64] ^= (uint64_t)is_none(next) << list % 64;
}

BDA_INLINE void unlink(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index, const struct bda_node *node,
                       uint32_t list) {
    uint32_t previous = bda_node_list_previous(node), next = bda_node_list_next(node);
    if (previous == 0) {
        unlink_first(tlsf, chunks, index, node, list);
        return;
    }
    bda_node_set_list_previous(in_list(chunks, next, index), previous);
    bda_node_set_list_next(bda_node_in(chunks, previous), next);
}

/* A range in a list has `size` granules now, or begins elsewhere. It keeps its place where its list is still the same.
 * `first`: it is known to be the first there. */
BDA_INLINE void relink(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index, struct bda_node *node,
                       uint32_t size, uint32_t old, uint32_t list, bool first) {
    if (list != old) {
        if (first)
            unlink_first(tlsf, chunks, index, node, old);
        else
            unlink(tlsf, chunks, index, node, old);
        link(tlsf, chunks, index, node, size, list);
    } else if (first || bda_node_list_previous(node) == 0) {
        tlsf->lists[list].size = size;
    }
}

/* ---- Zones ---- */

/* The zone of a position: the first eighth, up to a quarter, up to a half, the rest (of all granules, rounded down to a
 * power of two). */
BDA_INLINE uint32_t zone_at(const struct bda_tlsf *tlsf, const struct bda_region *region, uint32_t offset) {
    uint64_t eighths = (region->start + offset) >> tlsf->zone_shift;
    return (uint32_t)bda_min(bda_floor_log2_64(eighths << 1 | 1), BDA_TLSF_ZONES - 1);
}

static void count_granules(struct bda_tlsf *tlsf, uint64_t granules) {
    const uint32_t halvings = BDA_TLSF_ZONES - 1;
    tlsf->granules = granules;
    tlsf->zone_shift = bda_floor_log2_64(granules | 1u << halvings) - halvings;
}

/* ---- The search ---- */

struct wanted {
    uint32_t size;  /* granules */
    uint64_t mask;  /* of the alignment, in granules */
    bool with_base; /* the alignment is larger than that of the bases */
};

/* A free range and the list it is in; index 0 is none. */
struct place {
    uint32_t index, list;
};

/* The first range of a list. */
BDA_INLINE struct place first_of(const struct bda_tlsf *tlsf, uint32_t list) {
    return (struct place){ tlsf->lists[list].first, list };
}

BDA_COLD uint64_t base_of(struct bda_tlsf *tlsf, struct bda_node *node) {
    return region_of(tlsf, node)->base >> tlsf->granule_log2;
}

/* Granules from the start of a free range to its first aligned address. */
BDA_INLINE uint64_t padding(struct bda_tlsf *tlsf, struct bda_node *node, const struct wanted *wanted) {
    uint64_t address = bda_node_offset(node);
    if (wanted->with_base)
        address += base_of(tlsf, node);
    return (0 - address) & wanted->mask;
}

BDA_INLINE bool fits(struct bda_tlsf *tlsf, struct bda_node *node, const struct wanted *wanted) {
    return padding(tlsf, node, wanted) + wanted->size <= bda_node_size(node);
}

/* Which lists from `from` on, within its word, are filled: those of its class, and of the classes above it that are
 * near, a range from which fits well. */
BDA_INLINE uint64_t near_lists(const struct bda_tlsf *tlsf, uint32_t from) {
    return tlsf->filled[from / 64] >> from % 64;
}

/* `among`: those lists of them that count. */
static struct place find_near(struct bda_tlsf *tlsf, bda_node_chunks chunks, const struct wanted *wanted,
                              uint64_t among) {
    uint32_t from = bda_tlsf_class_of(wanted->size) * BDA_TLSF_ZONES;
    uint64_t found = near_lists(tlsf, from) & among;
    for (uint32_t tries = BDA_TLSF_NEAR_TRIES; found != 0 && tries != 0; tries--) {
        uint32_t list = from + bda_lowest_bit64(found), index = tlsf->lists[list].first;
        if (fits(tlsf, bda_node_in(chunks, index), wanted))
            return (struct place){ index, list };
        found &= found - 1;
    }
    return (struct place){ 0, 0 };
}

/* The same where only the size matters, which lists know of their first ranges. */
BDA_INLINE struct place find_near_of_size(struct bda_tlsf *tlsf, uint32_t from, uint32_t size) {
    uint32_t tries = BDA_TLSF_NEAR_TRIES;
    for (uint64_t found = near_lists(tlsf, from); found != 0 && tries != 0; found &= found - 1, tries--) {
        uint32_t list = from + bda_lowest_bit64(found);
        if (tlsf->lists[list].size >= size)
            return first_of(tlsf, list);
    }
    return (struct place){ 0, 0 };
}

/* The words of a zone, and in the upper half those of the one after it. */
BDA_INLINE uint64_t words_of_two_zones(const struct bda_tlsf *tlsf, uint32_t zone) {
    return (uint64_t)tlsf->words_of_zone[zone + 1] << 32 | tlsf->words_of_zone[zone];
}

/* A range from the words that `among` names, from the zone `zone` or the one after it. Both are asked at once: which of
 * them it is would be a branch that cannot be predicted. A bit in `words_of_zone` may be out of date, which is found
 * out here, once for each time that it was set. */
BDA_INLINE struct place find_in_two_zones(struct bda_tlsf *tlsf, uint32_t zone, uint32_t among) {
    uint64_t both = (uint64_t)among << 32 | among;
    for (uint64_t words; (words = words_of_two_zones(tlsf, zone) & both) != 0;) {
        uint32_t bit = bda_lowest_bit64(words), upper = bit / 32, word = bit % 32;
        uint64_t found = tlsf->filled[word] & (ZONE_BITS << zone) << upper;
        if (found != 0)
            return first_of(tlsf, word * 64 + bda_lowest_bit64(found));
        tlsf->words_of_zone[zone + upper] ^= (uint32_t)1 << word;
    }
    return (struct place){ 0, 0 };
}

/* A range from a word above `word`, from the lowest zone that has one. */
BDA_INLINE struct place find_above(struct bda_tlsf *tlsf, uint32_t word) {
    _Static_assert(BDA_TLSF_ZONES == 4, "twice two");
    struct place place = find_in_two_zones(tlsf, 0, UINT32_MAX << word << 1);
    return place.index != 0 ? place : find_in_two_zones(tlsf, 2, UINT32_MAX << word << 1);
}

/* A range that surely holds `size` granules, from the lowest zone below `zones` that has one, whatever was looked at
 * before. */
static struct place find_low(struct bda_tlsf *tlsf, uint64_t size, uint32_t zones) {
    uint32_t from = size <= UINT32_MAX ? bda_tlsf_class_above((uint32_t)size) * BDA_TLSF_ZONES : BDA_TLSF_LISTS;
    if (from >= BDA_TLSF_LISTS)
        return (struct place){ 0, 0 };
    const uint64_t here = UINT64_MAX << from % 64;
    const uint32_t further = UINT32_MAX << from / 64 << 1;
    for (uint32_t zone = 0; zone < zones; zone++) {
        uint64_t found = tlsf->filled[from / 64] & here & ZONE_BITS << zone;
        uint32_t word = from / 64;
        for (uint32_t words = tlsf->words_of_zone[zone] & further; found == 0 && words != 0; words &= words - 1) {
            word = bda_lowest_bit(words);
            found = tlsf->filled[word] & ZONE_BITS << zone;
        }
        if (found != 0)
            return first_of(tlsf, word * 64 + bda_lowest_bit64(found));
    }
    return (struct place){ 0, 0 };
}

/* The last resort before a refusal: a few ranges from the class of `size` itself upwards. */
static struct place find_some(struct bda_tlsf *tlsf, bda_node_chunks chunks, const struct wanted *wanted) {
    uint32_t tries = BDA_TLSF_EXACT_TRIES;
    uint32_t from = bda_tlsf_class_of(wanted->size) * BDA_TLSF_ZONES;
    for (uint32_t word = from / 64; word < BDA_TLSF_WORDS; word++) {
        uint64_t found = tlsf->filled[word] & (word == from / 64 ? UINT64_MAX << from % 64 : UINT64_MAX);
        for (; found != 0; found &= found - 1) {
            uint32_t list = word * 64 + bda_lowest_bit64(found);
            for (uint32_t index = tlsf->lists[list].first; index != 0;) {
                struct bda_node *node = bda_node_in(chunks, index);
                if (fits(tlsf, node, wanted))
                    return (struct place){ index, list };
                if (--tries == 0)
                    return (struct place){ 0, 0 };
                index = bda_node_list_next(node);
            }
        }
    }
    return (struct place){ 0, 0 };
}

BDA_COLD struct place find(struct bda_tlsf *tlsf, bda_node_chunks chunks, const struct wanted *wanted) {
    struct place place = { 0, 0 };
    if (wanted->size <= BDA_TLSF_SMALL)
        place = find_near(tlsf, chunks, wanted, ZONE_BITS);
    if (place.index == 0 && wanted->size <= BDA_TLSF_SMALL)
        place = find_low(tlsf, wanted->size + wanted->mask, 1);
    if (place.index == 0)
        place = find_near(tlsf, chunks, wanted, UINT64_MAX);
    if (place.index == 0)
        place = find_low(tlsf, wanted->size + wanted->mask, BDA_TLSF_ZONES);
    if (place.index == 0)
        place = find_some(tlsf, chunks, wanted);
    return place;
}

/* The near lists of a request: of a small one only those of the lowest zone, as long as that may have a range for it.
 * Whether a request is small is chance, so it is a mask and no branch. */
BDA_INLINE uint64_t lists_to_ask(const struct bda_tlsf *tlsf, uint32_t from, uint32_t size) {
    uint64_t lists = near_lists(tlsf, from);
    uint64_t preferred = lists & (ZONE_BITS | (0 - (uint64_t)(size > BDA_TLSF_SMALL)));
    bool there = (preferred | tlsf->words_of_zone[0] >> from / 64 >> 1) != 0;
    return there ? preferred : lists;
}

/* The near lists that serve a request, a bit each from `from` on, the first list of the class of `size`: the lowest bit
 * is the one to take from; 0: none. Where the first range of the nearest list is too small, the lists of that class are
 * left out: any range of a higher class is large enough. A mask and no branch, which would be mispredicted every third
 * time. */
BDA_INLINE uint64_t find_fast(const struct bda_tlsf *tlsf, uint32_t from, uint32_t size) {
    const uint64_t own = ((uint64_t)1 << BDA_TLSF_ZONES) - 1;
    uint64_t found = lists_to_ask(tlsf, from, size);
    if (found == 0)
        return 0;
    uint64_t too_small = tlsf->lists[from + bda_lowest_bit64(found)].size < size;
    return found & ~((0 - too_small) & own);
}

/* ---- Cutting ---- */

/* Tells the neighbours of a range, which links lead to, that the node beside them is `index` now, and whether that is
 * free. `inner`: it is known not to be the first of its region, and the one before it to be taken. (The one behind
 * never is free, see tell_next.) */
BDA_INLINE void tell_previous(struct bda_tlsf *tlsf, bda_node_chunks chunks, bda_link previous,
                              const struct bda_node *node, uint32_t index, bool is_free, bool inner) {
    if (inner)
        bda_node_set_next(bda_node_behind(chunks, previous, false), bda_link_to(index, is_free));
    else if (previous != 0)
        bda_node_set_next(bda_node_in(chunks, bda_link_index(previous)), bda_link_to(index, is_free));
    else
        region_of(tlsf, node)->first = index;
}

BDA_INLINE void tell_next(bda_node_chunks chunks, bda_link next, uint32_t index, bool is_free) {
    if (next != 0)
        bda_node_set_previous(bda_node_behind(chunks, next, false), bda_link_to(index, is_free));
}

/* Cuts `size` granules off the front of a free range and returns their node, a spare one, in `state`. The rest keeps
 * its node, and often its list. The front is in the zone that the range was in. `inner`: see tell_previous; and it is
 * known to be the first of its list. */
BDA_INLINE struct bda_taken cut_front(struct bda_tlsf *tlsf, bda_node_chunks chunks, struct place place,
                                      struct bda_node *node, uint32_t size, enum bda_node_state state, bool inner) {
    uint32_t offset = bda_node_offset(node), rest = bda_node_size(node) - size, tag = bda_node_tag(node),
             region = bda_node_region(node);
    uint32_t zone = zone_at(tlsf, region_at(tlsf, region), offset + size);
    bda_node_set_size(node, rest);
    relink(tlsf, chunks, place.index, node, rest, place.list, list_for(rest, zone), inner);
    uint32_t front_index = tlsf->spare.first;
    struct bda_node *front = bda_node_in(chunks, front_index);
    bda_node_pop_first(&tlsf->spare, front);
    tell_previous(tlsf, chunks, bda_node_previous_link(node), node, front_index, state == BDA_NODE_FREE, inner);
    bda_node_set_offset(front, offset);
    bda_node_set_previous(front, bda_node_previous_link(node));
    bda_node_set_size(front, size);
    bda_node_set_next(front, bda_link_to(place.index, true));
    bda_node_set_region(front, region);
    if (state == BDA_NODE_LIVE)
        bda_node_set_slack(front, BDA_SLACK_UNKNOWN);
    bda_node_publish(front, bda_tag_of(bda_node_tag(front), tag, state));
    bda_node_set_offset(node, offset + size);
    bda_node_set_previous(node, bda_link_to(front_index, state == BDA_NODE_FREE));
    bda_node_set_tag(node, bda_tag_of(tag, zone << BDA_NODE_STATE_BITS, BDA_NODE_FREE));
    return (struct bda_taken){ front, front_index };
}

/* A free node whose generation is spent must not name another allocation: a fresh one takes its place for good. */
BDA_COLD struct bda_taken replace_spent(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index,
                                        struct bda_node *node) {
    uint32_t fresh_index = bda_node_pop(chunks, &tlsf->spare);
    struct bda_node *fresh = bda_node_in(chunks, fresh_index);
    bda_node_set_offset(fresh, bda_node_offset(node));
    bda_node_set_size(fresh, bda_node_size(node));
    bda_node_set_previous(fresh, bda_node_previous_link(node));
    bda_node_set_next(fresh, bda_node_next_link(node));
    bda_node_set_region(fresh, bda_node_region(node));
    bda_node_set_slack(fresh, BDA_SLACK_UNKNOWN);
    bda_node_publish(fresh, bda_tag_of(bda_node_tag(fresh), bda_node_tag(node), BDA_NODE_LIVE));
    tell_previous(tlsf, chunks, bda_node_previous_link(node), node, fresh_index, false, false);
    if (bda_node_next_link(node) != 0) /* which may be free: what it was cut from */
        bda_node_set_previous(bda_node_in(chunks, bda_node_next(node)), bda_link_to(fresh_index, false));
    bda_node_push(&tlsf->spare, index, node);
    return (struct bda_taken){ fresh, fresh_index };
}

/* Makes a free range live as it is. `inner`: it is known not to be the first of its region, and to be the first of its
 * list. */
BDA_INLINE struct bda_taken take_whole(struct bda_tlsf *tlsf, bda_node_chunks chunks, struct place place,
                                       struct bda_node *node, bool inner) {
    if (inner)
        unlink_first(tlsf, chunks, place.index, node, place.list);
    else
        unlink(tlsf, chunks, place.index, node, place.list);
    tell_previous(tlsf, chunks, bda_node_previous_link(node), node, place.index, false, inner);
    tell_next(chunks, bda_node_next_link(node), place.index, false);
    bda_node_set_slack(node, BDA_SLACK_UNKNOWN);
    bda_node_publish(node, bda_node_tag(node) - (uint32_t)BDA_NODE_FREE + (uint32_t)BDA_NODE_LIVE);
    return (struct bda_taken){ node, place.index };
}

/* Make a free range live as it lies, and the first `size` granules of a larger one. Both apart, as merging is, so that
 * the search, which ends in one of the two, saves no registers for them. */
BDA_APART struct bda_taken take_whole_apart(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index,
                                            uint32_t list, struct bda_node *node) {
    tlsf->free_granules -= bda_node_size(node);
    return take_whole(tlsf, chunks, (struct place){ index, list }, node, true);
}

BDA_APART struct bda_taken take_front_apart(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index,
                                            uint32_t list, struct bda_node *node, uint32_t size) {
    tlsf->free_granules -= size;
    return cut_front(tlsf, chunks, (struct place){ index, list }, node, size, BDA_NODE_LIVE, true);
}

/* The same of any free range, after `pad` granules. It learns its zone anew. */
static struct bda_taken take_any(struct bda_tlsf *tlsf, bda_node_chunks chunks, struct place place, uint32_t pad,
                                 uint32_t size) {
    struct bda_node *node = bda_node_in(chunks, place.index);
    uint32_t zone = zone_at(tlsf, region_of(tlsf, node), bda_node_offset(node)),
             list = list_for(bda_node_size(node), zone);
    uncount_empty(tlsf, is_whole_region(node));
    bda_node_set(node, BDA_NODE_FREE, zone);
    relink(tlsf, chunks, place.index, node, bda_node_size(node), place.list, list, false);
    place.list = list;
    if (pad != 0) {
        struct bda_taken front = cut_front(tlsf, chunks, place, node, pad, BDA_NODE_FREE, false);
        link(tlsf, chunks, (uint32_t)front.index, front.node, pad, list_of(front.node));
        place.list = list_of(node);
    }
    tlsf->free_granules -= size;
    struct bda_taken taken = bda_node_size(node) != size
                                 ? cut_front(tlsf, chunks, place, node, size, BDA_NODE_LIVE, false)
                                 : take_whole(tlsf, chunks, place, node, false);
    return bda_node_is_spent(taken.node) ? replace_spent(tlsf, chunks, (uint32_t)taken.index, taken.node) : taken;
}

/* ---- The operations ---- */

/* Zones lie elsewhere when regions come or go. Ranges learn that when they are cut; empty regions learn it here, or one
 * with an old zone would be broken before those that belong there. Of those alike the oldest is then the first. */
static void zone_empty_regions(struct bda_tlsf *tlsf) {
    bda_node_chunks chunks = bda_nodes_chunks(tlsf->nodes);
    for (uint32_t index = tlsf->newest_region; index != 0; index = region_at(tlsf, index)->older) {
        const struct bda_region *region = region_at(tlsf, index);
        struct bda_node *node = bda_node_in(chunks, region->first);
        if (!bda_tlsf_region_is_empty(tlsf, index))
            continue;
        unlink(tlsf, chunks, region->first, node, list_of(node));
        bda_node_set(node, BDA_NODE_FREE, zone_at(tlsf, region, 0));
        link(tlsf, chunks, region->first, node, bda_node_size(node), list_of(node));
    }
}

void bda_tlsf_add_region(struct bda_tlsf *tlsf, uint32_t region_index) {
    struct bda_region *region = region_at(tlsf, region_index);
    assert(region->size != 0 && tlsf->spare.count >= 1);
    region->start = tlsf->granules;
    region->older = tlsf->newest_region;
    tlsf->newest_region = region_index;
    region->first = bda_node_list_pop(tlsf->nodes, &tlsf->spare);
    count_granules(tlsf, tlsf->granules + region->size);
    tlsf->bases |= region->base;
    struct bda_node *node = bda_node_at(tlsf->nodes, region->first);
    bda_node_set_offset(node, 0);
    bda_node_set_size(node, region->size);
    bda_node_set_previous(node, 0);
    bda_node_set_next(node, 0);
    bda_node_set_region(node, region_index);
    bda_node_set(node, BDA_NODE_FREE, zone_at(tlsf, region, 0));
    link(tlsf, bda_nodes_chunks(tlsf->nodes), region->first, node, bda_node_size(node), list_of(node));
    tlsf->free_granules += region->size;
    count_empty(tlsf, 1);
    if (bda_tlsf_empty_regions(tlsf) > 1)
        zone_empty_regions(tlsf);
}

/* The younger ones move up. */
static void forget_region(struct bda_tlsf *tlsf, uint32_t region_index) {
    const struct bda_region *gone = region_at(tlsf, region_index);
    uint32_t *link = &tlsf->newest_region;
    while (*link != region_index) {
        struct bda_region *younger = region_at(tlsf, *link);
        younger->start -= gone->size;
        link = &younger->older;
    }
    *link = gone->older;
}

void bda_tlsf_remove_region(struct bda_tlsf *tlsf, uint32_t region_index) {
    struct bda_region *region = region_at(tlsf, region_index);
    assert(bda_tlsf_region_is_empty(tlsf, region_index));
    struct bda_node *node = bda_node_at(tlsf->nodes, region->first);
    unlink(tlsf, bda_nodes_chunks(tlsf->nodes), region->first, node, list_of(node));
    bda_node_list_push(tlsf->nodes, &tlsf->spare, region->first);
    forget_region(tlsf, region_index);
    count_granules(tlsf, tlsf->granules - region->size);
    tlsf->free_granules -= region->size;
    uncount_empty(tlsf, 1);
    region->first = 0;
    if (tlsf->granules == 0)
        tlsf->bases = 0;
    if (bda_tlsf_empty_regions(tlsf) != 0)
        zone_empty_regions(tlsf);
}

/* What the common case below leaves out: bases that are not aligned, what does not fit as it lies, first ranges of
 * regions, spent generations, and refusals. */
BDA_COLD struct bda_taken take_uncommon(struct bda_tlsf *tlsf, uint32_t size, uint64_t alignment) {
    bda_node_chunks chunks = bda_nodes_chunks(tlsf->nodes);
    const struct wanted wanted = { size, (alignment >> tlsf->granule_log2) - 1, (tlsf->bases & (alignment - 1)) != 0 };
    struct place place = find(tlsf, chunks, &wanted);
    if (place.index == 0)
        return (struct bda_taken){ NULL, 0 };
    uint64_t pad = padding(tlsf, bda_node_in(chunks, place.index), &wanted);
    return take_any(tlsf, chunks, place, (uint32_t)pad, size);
}

/* Takes what was found, the first range of its list, if it fits as it lies, has a neighbour in front (so is no whole
 * region) and a generation left. */
BDA_INLINE struct bda_taken take_found(struct bda_tlsf *tlsf, struct place place, uint32_t size, uint64_t alignment) {
    bda_node_chunks chunks = bda_nodes_chunks(tlsf->nodes);
    struct bda_node *node = bda_node_in(chunks, place.index);
    uint64_t beyond = (alignment - 1) >> tlsf->granule_log2 & bda_node_offset(node);
    bool inner = bda_node_previous_link(node) != 0; /* node 0, none, has no neighbours */
    if (beyond != 0 || !inner || bda_node_is_spent(node))
        return take_uncommon(tlsf, size, alignment);
    if (tlsf->lists[place.list].size - size <= bda_tlsf_sliver(size)) /* which is known before the node's own */
        return take_whole_apart(tlsf, chunks, place.index, place.list, node);
    return take_front_apart(tlsf, chunks, place.index, place.list, node, size);
}

/* Where the first two lists do not serve. Words above hold nothing but what does. For a small request that comes before
 * what is near, if it is in the lowest zone. */
BDA_APART struct bda_taken take_further(struct bda_tlsf *tlsf, uint32_t from, uint32_t size, uint64_t alignment) {
    struct place place = find_above(tlsf, from / 64);
    if (near_lists(tlsf, from) != 0) {
        bool gathers = size <= BDA_TLSF_SMALL && place.index != 0 && place.list % BDA_TLSF_ZONES == 0;
        struct place near = gathers ? place : find_near_of_size(tlsf, from, size);
        place = near.index != 0 ? near : place;
    }
    return take_found(tlsf, place, size, alignment);
}

/* What is rare, or every other time, leaves for functions of its own: the rest has fewer registers to save. */
struct bda_taken bda_tlsf_take(struct bda_tlsf *tlsf, uint32_t size, uint64_t alignment) {
    assert(size != 0 && bda_is_power_of_two(alignment) && tlsf->spare.count >= BDA_TLSF_NODES_PER_ALLOC);
    assert(alignment >> tlsf->granule_log2 != 0);
    if ((tlsf->bases & (alignment - 1)) != 0)
        return take_uncommon(tlsf, size, alignment);
    uint32_t from = list_for(size, 0);
    uint64_t found = find_fast(tlsf, from, size);
    if (found == 0)
        return take_further(tlsf, from, size, alignment);
    return take_found(tlsf, first_of(tlsf, from + bda_lowest_bit64(found)), size, alignment);
}

uint32_t bda_tlsf_alloc_at(struct bda_tlsf *tlsf, uint32_t region, uint32_t offset, uint32_t size) {
    assert(size != 0 && tlsf->spare.count >= BDA_TLSF_NODES_PER_ALLOC);
    bda_node_chunks chunks = bda_nodes_chunks(tlsf->nodes);
    uint32_t index = region_at(tlsf, region)->first;
    while (index != 0) {
        struct bda_node *node = bda_node_in(chunks, index);
        if (offset - bda_node_offset(node) < bda_node_size(node)) {
            uint32_t pad = offset - bda_node_offset(node);
            bool whole = bda_node_state(node) == BDA_NODE_FREE && size <= bda_node_size(node) - pad;
            struct place place = { index, list_of(node) };
            return whole ? (uint32_t)take_any(tlsf, chunks, place, pad, size).index : 0;
        }
        index = bda_node_next(node);
    }
    return 0;
}

/* ---- Giving back ---- */

/* A free range beside one that grows by it goes, its node becomes spare. Returns the node, which still says what it
 * was. */
BDA_INLINE struct bda_node *take_in(struct bda_tlsf *tlsf, bda_node_chunks chunks, bda_link link) {
    struct bda_node *node = bda_node_behind(chunks, link, true);
    unlink(tlsf, chunks, bda_link_index(link), node, list_of(node));
    bda_node_push(&tlsf->spare, bda_link_index(link), node);
    return node;
}

/* Merges a range that is given back into the free one before it, and into that the one behind it. */
BDA_APART void merge_into_previous(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index,
                                   struct bda_node *node) {
    bda_link before = bda_node_previous_link(node), next = bda_node_next_link(node);
    uint32_t size = bda_node_size(node);
    struct bda_node *previous = bda_node_behind(chunks, before, true);
    bda_node_push(&tlsf->spare, index, node);
    if (bda_link_is_free(next)) {
        const struct bda_node *behind = take_in(tlsf, chunks, next);
        size += bda_node_size(behind);
        next = bda_node_next_link(behind);
    }
    uint32_t old = list_of(previous);
    size += bda_node_size(previous);
    bda_node_set_size(previous, size);
    bda_node_set_next(previous, next);
    if (next != 0)
        bda_node_set_previous(bda_node_behind(chunks, next, false), before);
    else
        count_empty(tlsf, bda_node_previous_link(previous) == 0);
    relink(tlsf, chunks, bda_link_index(before), previous, size, old, list_for(size, old % BDA_TLSF_ZONES), false);
}

BDA_APART void merge_into_next(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index, struct bda_node *node) {
    bda_link before = bda_node_previous_link(node), behind = bda_node_next_link(node);
    uint32_t offset = bda_node_offset(node), size = bda_node_size(node), tag = bda_node_tag(node);
    struct bda_node *next = bda_node_behind(chunks, behind, true);
    bda_node_push(&tlsf->spare, index, node);
    if (before != 0)
        bda_node_set_next(bda_node_behind(chunks, before, false), behind);
    else {
        region_of(tlsf, next)->first = bda_link_index(behind);
        count_empty(tlsf, bda_node_next_link(next) == 0);
    }
    uint32_t old = list_of(next);
    size += bda_node_size(next);
    bda_node_set_offset(next, offset);
    bda_node_set_size(next, size);
    bda_node_set_previous(next, before);
    bda_node_set_tag(next, bda_tag_of(bda_node_tag(next), tag, BDA_NODE_FREE));
    relink(tlsf, chunks, bda_link_index(behind), next, size, old, list_for(size, bda_tag_zone(tag)), false);
}

BDA_INLINE void give(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index, struct bda_node *node, bool inner) {
    uint32_t size = bda_node_size(node), tag = bda_node_tag(node);
    bda_link previous = bda_node_previous_link(node), next = bda_node_next_link(node);
    tlsf->free_granules += size;
    if (bda_link_is_free(previous)) {
        merge_into_previous(tlsf, chunks, index, node);
        return;
    }
    if (bda_link_is_free(next)) {
        merge_into_next(tlsf, chunks, index, node);
        return;
    }
    bda_node_set_tag(node, (tag & ~BDA_NODE_STATE_MASK) | (uint32_t)BDA_NODE_FREE);
    tell_previous(tlsf, chunks, previous, node, index, true, inner);
    tell_next(chunks, next, index, true);
    if (!inner)
        count_empty(tlsf, (previous | next) == 0);
    link(tlsf, chunks, index, node, size, list_for(size, bda_tag_zone(tag)));
}

/* The first range of a region, whose zone was found when the region was the last of fewer. */
BDA_COLD void give_first(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index, struct bda_node *node) {
    bda_node_set(node, bda_node_state(node), zone_at(tlsf, region_of(tlsf, node), 0));
    give(tlsf, chunks, index, node, false);
}

void bda_tlsf_free_node(struct bda_tlsf *tlsf, uint32_t index, struct bda_node *node) {
    bda_node_chunks chunks = bda_nodes_chunks(tlsf->nodes);
    assert(node == bda_node_in(chunks, index));
    assert(bda_node_state(node) != BDA_NODE_FREE && bda_node_state(node) != BDA_NODE_UNUSED);
    if (bda_node_previous_link(node) == 0)
        give_first(tlsf, chunks, index, node);
    else
        give(tlsf, chunks, index, node, true);
}

/* ---- Many at once ---- */

/* How far ahead a node is asked for, then its neighbours, then the neighbours' neighbours in their lists. */
enum { AHEAD_NODE = 12, AHEAD_NEIGHBOURS = 8, AHEAD_LISTS = 4 };

/* So many nodes are in a cache of their own anyway: 1 MiB. */
enum { CACHED_NODES = 1 << 15 };

static void prefetch_neighbours(struct bda_tlsf *tlsf, bda_node_chunks chunks, uint32_t index) {
    struct bda_node *node = bda_node_in(chunks, index);
    bda_prefetch(bda_node_in(chunks, bda_node_previous(node)));
    bda_prefetch(bda_node_in(chunks, bda_node_next(node)));
    bda_prefetch(bda_node_in(chunks, tlsf->lists[list_of(node)].first));
}

/* The neighbours in its list of a free neighbour by address. */
static void prefetch_list(bda_node_chunks chunks, bda_link link) {
    if (!bda_link_is_free(link))
        return;
    const struct bda_node *node = bda_node_in(chunks, bda_link_index(link));
    bda_prefetch(bda_node_in(chunks, bda_node_list_previous(node)));
    bda_prefetch(bda_node_in(chunks, bda_node_list_next(node)));
}

static void prefetch_lists(bda_node_chunks chunks, uint32_t index) {
    const struct bda_node *node = bda_node_in(chunks, index);
    prefetch_list(chunks, bda_node_previous_link(node));
    prefetch_list(chunks, bda_node_next_link(node));
    bda_link both = bda_node_previous_link(node) & bda_node_next_link(node);
    if (bda_link_is_free(both)) /* which gets a new neighbour */
        bda_prefetch(bda_node_in(chunks, bda_node_next(bda_node_in(chunks, bda_node_next(node)))));
}

void bda_tlsf_free_many(struct bda_tlsf *tlsf, uint32_t count, const uint32_t *nodes) {
    if (atomic_load_explicit(&tlsf->nodes->store.length, memory_order_relaxed) < CACHED_NODES) {
        for (uint32_t i = 0; i < count; i++)
            bda_tlsf_free(tlsf, nodes[i]);
        return;
    }
    bda_node_chunks chunks = bda_nodes_chunks(tlsf->nodes);
    for (uint32_t i = 0; i < count; i++) {
        if (i + AHEAD_NODE < count)
            bda_prefetch(bda_node_in(chunks, nodes[i + AHEAD_NODE]));
        if (i + AHEAD_NEIGHBOURS < count)
            prefetch_neighbours(tlsf, chunks, nodes[i + AHEAD_NEIGHBOURS]);
        if (i + AHEAD_LISTS < count)
            prefetch_lists(chunks, nodes[i + AHEAD_LISTS]);
        bda_tlsf_free(tlsf, nodes[i]);
    }
}

bool bda_tlsf_region_is_empty(struct bda_tlsf *tlsf, uint32_t region_index) {
    struct bda_region *region = region_at(tlsf, region_index);
    struct bda_node *first = bda_node_at(tlsf->nodes, region->first);
    return bda_node_state(first) == BDA_NODE_FREE && bda_node_size(first) == region->size;
}

uint32_t bda_tlsf_largest_free(struct bda_tlsf *tlsf) {
    uint32_t word = BDA_TLSF_WORDS, largest = 0, tries = BDA_TLSF_LARGEST_TRIES;
    while (word != 0 && tlsf->filled[word - 1] == 0)
        word--;
    if (word-- == 0)
        return 0;
    uint32_t class = (word * 64 + bda_floor_log2_64(tlsf->filled[word])) / BDA_TLSF_ZONES;
    for (uint32_t list = class * BDA_TLSF_ZONES; list < (class + 1) * BDA_TLSF_ZONES; list++)
        for (uint32_t index = tlsf->lists[list].first; index != 0 && tries != 0; tries--) {
            const struct bda_node *node = bda_node_at(tlsf->nodes, index);
            largest = bda_node_size(node) > largest ? bda_node_size(node) : largest;
            index = bda_node_list_next(node);
        }
    return largest;
}
