/* The invariants of TLSF, see bda_tlsf_check in tlsf.h. */
#include "core/tlsf.h"

struct totals {
    uint64_t free_granules;
    uint64_t free_ranges;
    uint32_t empty_regions;
};

static const char *check_region(struct bda_tlsf *tlsf, uint32_t region_index, struct totals *totals) {
    struct bda_region *region = bda_store_at(tlsf->regions, region_index);
    if ((region->base & (((uint64_t)1 << tlsf->granule_log2) - 1)) != 0)
        return "a region does not begin on a granule";
    uint64_t expected_offset = 0;
    uint32_t previous = 0;
    bool previous_free = false;
    for (uint32_t index = region->first; index != 0; index = bda_node_at(tlsf->nodes, index)->next) {
        if (!bda_store_has(&tlsf->nodes->store, index))
            return "a link leads to no node";
        struct bda_node *node = bda_node_at(tlsf->nodes, index);
        enum bda_node_state state = bda_node_state(node);
        if (bda_node_region(node) != region_index)
            return "a node names another region than the one it is linked in";
        if (node->offset != expected_offset || node->size == 0 || node->previous != previous)
            return "ranges do not tile their region";
        if (state == BDA_NODE_UNUSED || state > BDA_NODE_QUARANTINED)
            return "a range has no valid state";
        if (state == BDA_NODE_LIVE && bda_node_is_spent(node))
            return "an allocation has a generation that no handle can name";
        if (state == BDA_NODE_FREE) {
            if (previous_free)
                return "two free ranges lie side by side";
            totals->free_granules += node->size;
            totals->free_ranges++;
            totals->empty_regions += node->size == region->size;
        }
        previous_free = state == BDA_NODE_FREE;
        previous = index;
        expected_offset += node->size;
        if (expected_offset > region->size)
            return "ranges reach past their region";
    }
    return expected_offset == region->size ? NULL : "ranges do not fill their region";
}

/* Walks one class. The links back rule out a cycle; more nodes than free ranges were found means one that no region
 * has. */
static const char *check_class(struct bda_tlsf *tlsf, uint32_t class, struct totals *found, uint64_t most) {
    uint32_t previous = 0;
    for (uint32_t index = tlsf->first[class]; index != 0; index = bda_node_at(tlsf->nodes, index)->as.list.next) {
        if (!bda_store_has(&tlsf->nodes->store, index))
            return "a link leads to no node";
        struct bda_node *node = bda_node_at(tlsf->nodes, index);
        if (bda_node_state(node) != BDA_NODE_FREE)
            return "a range that is not free is in a list of free ranges";
        if (bda_tlsf_class_of(node->size) != class)
            return "a free range is in the list of another class";
        if (node->as.list.previous != previous)
            return "the links of a list of free ranges disagree";
        found->free_granules += node->size;
        if (++found->free_ranges > most)
            return "a list of free ranges holds more than there are";
        previous = index;
    }
    bool mapped = (tlsf->class_map[class / BDA_TLSF_CLASSES] >> class % BDA_TLSF_CLASSES & 1u) != 0;
    return mapped == (tlsf->first[class] != 0) ? NULL : "a class bitmap lies";
}

static const char *check_classes(struct bda_tlsf *tlsf, const struct totals *expected) {
    struct totals found = { 0, 0, 0 };
    for (uint32_t class = 0; class < BDA_TLSF_LEVELS * BDA_TLSF_CLASSES; class ++) {
        const char *broken = check_class(tlsf, class, &found, expected->free_ranges);
        if (broken != NULL)
            return broken;
    }
    if (tlsf->level_map >> BDA_TLSF_LEVELS != 0)
        return "the level bitmap lies";
    for (uint32_t level = 0; level < BDA_TLSF_LEVELS; level++)
        if ((tlsf->level_map >> level & 1u) != (tlsf->class_map[level] != 0))
            return "the level bitmap lies";
    if (found.free_ranges != expected->free_ranges || found.free_granules != expected->free_granules)
        return "a free range is in no list";
    return NULL;
}

static const char *check_spare(struct bda_tlsf *tlsf) {
    uint32_t index = tlsf->spare.first;
    for (uint32_t i = 0; i < tlsf->spare.count; i++) {
        if (!bda_store_has(&tlsf->nodes->store, index))
            return "there are fewer spare nodes than counted";
        if (bda_node_state(bda_node_at(tlsf->nodes, index)) != BDA_NODE_UNUSED)
            return "a spare node is in use";
        index = bda_node_at(tlsf->nodes, index)->as.spare;
    }
    return index == 0 ? NULL : "there are more spare nodes than counted";
}

const char *bda_tlsf_check(struct bda_tlsf *tlsf, const uint32_t *regions, uint32_t count) {
    struct totals totals = { 0, 0, 0 };
    for (uint32_t i = 0; i < count; i++) {
        const char *broken = check_region(tlsf, regions[i], &totals);
        if (broken != NULL)
            return broken;
    }
    const char *broken = check_classes(tlsf, &totals);
    if (broken != NULL)
        return broken;
    if (tlsf->free_granules != totals.free_granules)
        return "the count of free granules is wrong";
    if (tlsf->empty_regions != totals.empty_regions)
        return "the count of empty regions is wrong";
    return check_spare(tlsf);
}
