/* The invariants of TLSF, see bda_tlsf_check in tlsf.h. */
#include "core/tlsf.h"

struct totals {
    uint64_t granules;
    uint64_t free_granules;
    uint64_t free_ranges;
    uint32_t empty_regions;
};

static const char *check_region(struct bda_tlsf *tlsf, uint32_t region_index, struct totals *totals) {
    struct bda_region *region = bda_store_at(tlsf->regions, region_index);
    if ((region->base & (((uint64_t)1 << tlsf->granule_log2) - 1)) != 0)
        return "a region does not begin on a granule";
    if ((region->base & ~tlsf->bases) != 0)
        return "the bits of a region's base are not known";
    totals->granules += region->size;
    uint64_t expected_offset = 0;
    uint32_t previous = 0;
    bool previous_free = false, announced = false;
    for (uint32_t index = region->first; index != 0; index = bda_node_next(bda_node_at(tlsf->nodes, index))) {
        if (!bda_store_has(&tlsf->nodes->store, index))
            return "a link leads to no node";
        struct bda_node *node = bda_node_at(tlsf->nodes, index);
        enum bda_node_state state = bda_node_state(node);
        if (bda_node_region(node) != region_index)
            return "a node names another region than the one it is linked in";
        if (bda_node_offset(node) != expected_offset || bda_node_size(node) == 0 || bda_node_previous(node) != previous)
            return "ranges do not tile their region";
        if (bda_link_is_free(node->previous) != previous_free || (announced && state != BDA_NODE_FREE) ||
            (!announced && state == BDA_NODE_FREE && previous != 0))
            return "a link is wrong about a neighbour being free";
        if (state == BDA_NODE_UNUSED || state > BDA_NODE_QUARANTINED)
            return "a range has no valid state";
        if (bda_node_zone(node) >= BDA_TLSF_ZONES)
            return "a range has no valid zone";
        if (state == BDA_NODE_LIVE && bda_node_is_spent(node))
            return "an allocation has a generation that no handle can name";
        if (state == BDA_NODE_FREE) {
            if (previous_free)
                return "two free ranges lie side by side";
            totals->free_granules += bda_node_size(node);
            totals->free_ranges++;
            totals->empty_regions += bda_node_size(node) == region->size;
        }
        previous_free = state == BDA_NODE_FREE;
        announced = bda_link_is_free(bda_node_next_link(node));
        previous = index;
        expected_offset += bda_node_size(node);
        if (expected_offset > region->size)
            return "ranges reach past their region";
    }
    if (announced)
        return "a link is wrong about a neighbour being free";
    return expected_offset == region->size ? NULL : "ranges do not fill their region";
}

/* Walks one list. The links back rule out a cycle; more nodes than free ranges were found means one that no region
 * has. */
static const char *check_list(struct bda_tlsf *tlsf, uint32_t list, struct totals *found, uint64_t most) {
    uint32_t previous = 0;
    for (uint32_t index = tlsf->lists[list].first; index != 0;
         index = bda_node_list_next(bda_node_at(tlsf->nodes, index))) {
        if (!bda_store_has(&tlsf->nodes->store, index))
            return "a link leads to no node";
        struct bda_node *node = bda_node_at(tlsf->nodes, index);
        if (bda_node_state(node) != BDA_NODE_FREE)
            return "a range that is not free is in a list of free ranges";
        if (bda_tlsf_class_of(bda_node_size(node)) * BDA_TLSF_ZONES + bda_node_zone(node) != list)
            return "a free range is in the list of another class or zone";
        if (bda_node_list_previous(node) != previous)
            return "the links of a list of free ranges disagree";
        found->free_granules += bda_node_size(node);
        if (++found->free_ranges > most)
            return "a list of free ranges holds more than there are";
        previous = index;
    }
    uint32_t first = tlsf->lists[list].first;
    if (first != 0 && tlsf->lists[list].size != bda_node_at(tlsf->nodes, first)->size)
        return "a list is wrong about the size of its first range";
    bool mapped = (tlsf->filled[list / 64] >> list % 64 & 1u) != 0;
    return mapped == (tlsf->lists[list].first != 0) ? NULL : "the bitmap of lists lies";
}

static const char *check_lists(struct bda_tlsf *tlsf, const struct totals *expected) {
    struct totals found = { 0, 0, 0, 0 };
    uint64_t words_of_zone[BDA_TLSF_ZONES] = { 0 };
    for (uint32_t list = 0; list < BDA_TLSF_LISTS; list++) {
        const char *broken = check_list(tlsf, list, &found, expected->free_ranges);
        if (broken != NULL)
            return broken;
        if (tlsf->lists[list].first != 0)
            words_of_zone[list % BDA_TLSF_ZONES] |= (uint64_t)1 << list / 64;
    }
    for (uint32_t zone = 0; zone < BDA_TLSF_ZONES; zone++)
        if ((words_of_zone[zone] & ~tlsf->words_of_zone[zone]) != 0 ||
            (tlsf->words_of_zone[zone] & ~(UINT64_MAX >> (64 - BDA_TLSF_WORDS))) != 0)
            return "the bitmap of a zone lies";
    if (found.free_ranges != expected->free_ranges || found.free_granules != expected->free_granules)
        return "a free range is in no list";
    return NULL;
}

/* Regions follow each other from position 0, the oldest first. */
static const char *check_positions(struct bda_tlsf *tlsf, uint32_t count) {
    uint64_t end = tlsf->granules;
    uint32_t index = tlsf->newest_region;
    for (uint32_t i = 0; i < count; i++) {
        if (!bda_store_has(tlsf->regions, index))
            return "there are fewer regions than counted";
        const struct bda_region *region = bda_store_at(tlsf->regions, index);
        if (region->start + region->size != end)
            return "the positions of regions do not follow each other";
        end = region->start;
        index = region->older;
    }
    return index == 0 && end == 0 ? NULL : "there are more regions than counted";
}

static const char *check_spare(struct bda_tlsf *tlsf) {
    uint32_t index = tlsf->spare.first;
    for (uint32_t i = 0; i < tlsf->spare.count; i++) {
        if (!bda_store_has(&tlsf->nodes->store, index))
            return "there are fewer spare nodes than counted";
        if (bda_node_state(bda_node_at(tlsf->nodes, index)) != BDA_NODE_UNUSED)
            return "a spare node is in use";
        if (bda_node_is_spent(bda_node_at(tlsf->nodes, index)))
            return "a spare node has no generation left";
        index = bda_node_at(tlsf->nodes, index)->as.spare;
    }
    return index == 0 ? NULL : "there are more spare nodes than counted";
}

const char *bda_tlsf_check(struct bda_tlsf *tlsf, const uint32_t *regions, uint32_t count) {
    struct totals totals = { 0, 0, 0, 0 };
    for (uint32_t i = 0; i < count; i++) {
        const char *broken = check_region(tlsf, regions[i], &totals);
        if (broken != NULL)
            return broken;
    }
    const char *broken = check_lists(tlsf, &totals);
    if (broken != NULL)
        return broken;
    if (tlsf->granules != totals.granules)
        return "the count of granules is wrong";
    broken = check_positions(tlsf, count);
    if (broken != NULL)
        return broken;
    if (tlsf->free_granules != totals.free_granules)
        return "the count of free granules is wrong";
    if (bda_tlsf_empty_regions(tlsf) != totals.empty_regions)
        return "the count of empty regions is wrong";
    return check_spare(tlsf);
}
