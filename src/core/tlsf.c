/* Two-level segregated fit, see tlsf.h. */
#include "core/tlsf.h"

#include <assert.h>
#include <string.h>

#define NO_CLASS UINT32_MAX

static struct bda_node *node_at(struct bda_tlsf *tlsf, uint32_t index) {
    return bda_node_at(tlsf->nodes, index);
}

static struct bda_region *region_of(struct bda_tlsf *tlsf, struct bda_node *node) {
    return bda_store_at(tlsf->regions, bda_node_region(node));
}

static bool is_free(struct bda_tlsf *tlsf, uint32_t index) {
    return index != 0 && bda_node_state(node_at(tlsf, index)) == BDA_NODE_FREE;
}

void bda_tlsf_init(struct bda_tlsf *tlsf, struct bda_nodes *nodes, struct bda_store *regions, uint32_t granule_log2) {
    memset(tlsf, 0, sizeof *tlsf);
    tlsf->nodes = nodes;
    tlsf->regions = regions;
    tlsf->granule_log2 = granule_log2;
}

/* ---- The lists of free ranges ---- */

static void insert_free(struct bda_tlsf *tlsf, uint32_t index, struct bda_node *node) {
    uint32_t class = bda_tlsf_class_of(node->size);
    uint32_t next = tlsf->first[class];
    node->as.list.previous = 0;
    node->as.list.next = next;
    if (next != 0)
        node_at(tlsf, next)->as.list.previous = index;
    tlsf->first[class] = index;
    tlsf->class_map[class / BDA_TLSF_CLASSES] |= 1u << class % BDA_TLSF_CLASSES;
    tlsf->level_map |= 1u << class / BDA_TLSF_CLASSES;
    bda_node_set_state(node, BDA_NODE_FREE);
}

static void remove_free(struct bda_tlsf *tlsf, struct bda_node *node) {
    uint32_t previous = node->as.list.previous, next = node->as.list.next;
    if (next != 0)
        node_at(tlsf, next)->as.list.previous = previous;
    if (previous != 0) {
        node_at(tlsf, previous)->as.list.next = next;
        return;
    }
    uint32_t class = bda_tlsf_class_of(node->size);
    tlsf->first[class] = next;
    if (next != 0)
        return;
    uint32_t level = class / BDA_TLSF_CLASSES;
    tlsf->class_map[level] &= ~(1u << class % BDA_TLSF_CLASSES);
    if (tlsf->class_map[level] == 0)
        tlsf->level_map &= ~(1u << level);
}

/* The lowest class from `class` up that is not empty. */
static uint32_t find_class(const struct bda_tlsf *tlsf, uint32_t class) {
    uint32_t level = class / BDA_TLSF_CLASSES;
    if (level >= BDA_TLSF_LEVELS)
        return NO_CLASS;
    uint32_t classes = tlsf->class_map[level] & (UINT32_MAX << class % BDA_TLSF_CLASSES);
    if (classes == 0) {
        uint32_t levels = tlsf->level_map & (UINT32_MAX << level << 1);
        if (levels == 0)
            return NO_CLASS;
        level = bda_lowest_bit(levels);
        classes = tlsf->class_map[level];
    }
    return level * BDA_TLSF_CLASSES + bda_lowest_bit(classes);
}

/* ---- The search ---- */

/* Granules from the start of a free range to its first aligned address. */
static uint64_t padding(struct bda_tlsf *tlsf, struct bda_node *node, uint64_t alignment) {
    uint64_t address = region_of(tlsf, node)->base + ((uint64_t)node->offset << tlsf->granule_log2);
    return ((0 - address) & (alignment - 1)) >> tlsf->granule_log2;
}

static bool fits(struct bda_tlsf *tlsf, struct bda_node *node, uint32_t size, uint64_t alignment) {
    return padding(tlsf, node, alignment) + size <= node->size;
}

/* The last resort before a refusal: a few ranges from the class of `size` itself upwards. */
static uint32_t try_some(struct bda_tlsf *tlsf, uint32_t size, uint64_t alignment) {
    uint32_t tries = BDA_TLSF_EXACT_TRIES;
    for (uint32_t class = find_class(tlsf, bda_tlsf_class_of(size)); class != NO_CLASS;
         class = find_class(tlsf, class + 1)) {
        for (uint32_t index = tlsf->first[class]; index != 0; index = node_at(tlsf, index)->as.list.next) {
            if (fits(tlsf, node_at(tlsf, index), size, alignment))
                return index;
            if (--tries == 0)
                return 0;
        }
    }
    return 0;
}

static uint32_t find_free(struct bda_tlsf *tlsf, uint32_t size, uint64_t alignment) {
    uint64_t granule = (uint64_t)1 << tlsf->granule_log2;
    uint32_t class = find_class(tlsf, bda_tlsf_class_above(size));
    if (class != NO_CLASS) {
        uint32_t index = tlsf->first[class];
        if (alignment <= granule || fits(tlsf, node_at(tlsf, index), size, alignment))
            return index;
        uint64_t padded = size + (alignment >> tlsf->granule_log2) - 1;
        class = padded <= UINT32_MAX ? find_class(tlsf, bda_tlsf_class_above((uint32_t)padded)) : NO_CLASS;
        if (class != NO_CLASS)
            return tlsf->first[class];
    }
    return try_some(tlsf, size, alignment);
}

/* ---- Cutting and merging ---- */

/* Cuts a node in two after `size` granules; returns the rest, a spare node that lies behind it by address. */
static uint32_t cut(struct bda_tlsf *tlsf, uint32_t index, struct bda_node *node, uint32_t size) {
    uint32_t rest_index = bda_node_list_pop(tlsf->nodes, &tlsf->spare);
    struct bda_node *rest = node_at(tlsf, rest_index);
    rest->offset = node->offset + size;
    rest->size = node->size - size;
    rest->previous = index;
    rest->next = node->next;
    atomic_store_explicit(&rest->region, bda_node_region(node), memory_order_relaxed);
    if (node->next != 0)
        node_at(tlsf, node->next)->previous = rest_index;
    node->next = rest_index;
    node->size = size;
    return rest_index;
}

/* Lets the node behind `node` go and adds its granules to it. */
static void absorb_next(struct bda_tlsf *tlsf, uint32_t index, struct bda_node *node) {
    uint32_t gone_index = node->next;
    struct bda_node *gone = node_at(tlsf, gone_index);
    node->size += gone->size;
    node->next = gone->next;
    if (gone->next != 0)
        node_at(tlsf, gone->next)->previous = index;
    bda_node_list_push(tlsf->nodes, &tlsf->spare, gone_index);
}

/* A free node whose generation is spent must not name another allocation: a fresh one takes its place for good. */
static uint32_t replace_spent(struct bda_tlsf *tlsf, uint32_t index, struct bda_node *node) {
    uint32_t fresh_index = bda_node_list_pop(tlsf->nodes, &tlsf->spare);
    struct bda_node *fresh = node_at(tlsf, fresh_index);
    fresh->offset = node->offset;
    fresh->size = node->size;
    fresh->previous = node->previous;
    fresh->next = node->next;
    atomic_store_explicit(&fresh->region, bda_node_region(node), memory_order_relaxed);
    if (node->previous != 0)
        node_at(tlsf, node->previous)->next = fresh_index;
    else
        region_of(tlsf, node)->first = fresh_index;
    if (node->next != 0)
        node_at(tlsf, node->next)->previous = fresh_index;
    bda_node_list_push(tlsf->nodes, &tlsf->spare, index);
    return fresh_index;
}

/* Makes the range of `size` granules that begins `pad` granules into a free range live. */
static uint32_t take(struct bda_tlsf *tlsf, uint32_t index, uint32_t pad, uint32_t size) {
    struct bda_node *node = node_at(tlsf, index);
    if (node->size == region_of(tlsf, node)->size)
        tlsf->empty_regions--;
    remove_free(tlsf, node);
    if (pad != 0) {
        uint32_t taken = cut(tlsf, index, node, pad);
        insert_free(tlsf, index, node);
        index = taken;
        node = node_at(tlsf, index);
    } else if (bda_node_is_spent(node)) {
        index = replace_spent(tlsf, index, node);
        node = node_at(tlsf, index);
    }
    if (node->size > size) {
        uint32_t rest = cut(tlsf, index, node, size);
        insert_free(tlsf, rest, node_at(tlsf, rest));
    }
    tlsf->free_granules -= size;
    node->as.live.slack = 0;
    node->as.live.record = 0;
    bda_node_set_state(node, BDA_NODE_LIVE);
    return index;
}

/* ---- The operations ---- */

void bda_tlsf_add_region(struct bda_tlsf *tlsf, uint32_t region_index) {
    struct bda_region *region = bda_store_at(tlsf->regions, region_index);
    assert(region->size != 0 && tlsf->spare.count >= 1);
    region->first = bda_node_list_pop(tlsf->nodes, &tlsf->spare);
    struct bda_node *node = node_at(tlsf, region->first);
    node->offset = 0;
    node->size = region->size;
    node->previous = 0;
    node->next = 0;
    atomic_store_explicit(&node->region, region_index, memory_order_relaxed);
    insert_free(tlsf, region->first, node);
    tlsf->free_granules += region->size;
    tlsf->empty_regions++;
}

void bda_tlsf_remove_region(struct bda_tlsf *tlsf, uint32_t region_index) {
    struct bda_region *region = bda_store_at(tlsf->regions, region_index);
    assert(bda_tlsf_region_is_empty(tlsf, region_index));
    remove_free(tlsf, node_at(tlsf, region->first));
    bda_node_list_push(tlsf->nodes, &tlsf->spare, region->first);
    tlsf->free_granules -= region->size;
    tlsf->empty_regions--;
    region->first = 0;
}

uint32_t bda_tlsf_alloc(struct bda_tlsf *tlsf, uint32_t size, uint64_t alignment) {
    assert(size != 0 && bda_is_power_of_two(alignment) && tlsf->spare.count >= BDA_TLSF_NODES_PER_ALLOC);
    uint32_t index = find_free(tlsf, size, alignment);
    if (index == 0)
        return 0;
    return take(tlsf, index, (uint32_t)padding(tlsf, node_at(tlsf, index), alignment), size);
}

uint32_t bda_tlsf_alloc_at(struct bda_tlsf *tlsf, uint32_t region, uint32_t offset, uint32_t size) {
    assert(size != 0 && tlsf->spare.count >= BDA_TLSF_NODES_PER_ALLOC);
    uint32_t index = ((struct bda_region *)bda_store_at(tlsf->regions, region))->first;
    while (index != 0) {
        struct bda_node *node = node_at(tlsf, index);
        if (offset - node->offset < node->size) {
            uint32_t pad = offset - node->offset;
            bool whole = bda_node_state(node) == BDA_NODE_FREE && size <= node->size - pad;
            return whole ? take(tlsf, index, pad, size) : 0;
        }
        index = node->next;
    }
    return 0;
}

void bda_tlsf_free(struct bda_tlsf *tlsf, uint32_t index) {
    struct bda_node *node = node_at(tlsf, index);
    assert(bda_node_state(node) != BDA_NODE_FREE && bda_node_state(node) != BDA_NODE_UNUSED);
    tlsf->free_granules += node->size;
    if (is_free(tlsf, node->next)) {
        remove_free(tlsf, node_at(tlsf, node->next));
        absorb_next(tlsf, index, node);
    }
    if (is_free(tlsf, node->previous)) {
        index = node->previous;
        node = node_at(tlsf, index);
        remove_free(tlsf, node);
        absorb_next(tlsf, index, node);
    }
    if (node->size == region_of(tlsf, node)->size)
        tlsf->empty_regions++;
    insert_free(tlsf, index, node);
}

bool bda_tlsf_region_is_empty(struct bda_tlsf *tlsf, uint32_t region_index) {
    struct bda_region *region = bda_store_at(tlsf->regions, region_index);
    struct bda_node *first = node_at(tlsf, region->first);
    return bda_node_state(first) == BDA_NODE_FREE && first->size == region->size;
}

uint32_t bda_tlsf_largest_free(struct bda_tlsf *tlsf) {
    if (tlsf->level_map == 0)
        return 0;
    uint32_t level = bda_floor_log2(tlsf->level_map);
    uint32_t class = level * BDA_TLSF_CLASSES + bda_floor_log2(tlsf->class_map[level]);
    uint32_t largest = 0;
    for (uint32_t index = tlsf->first[class]; index != 0; index = node_at(tlsf, index)->as.list.next)
        largest = node_at(tlsf, index)->size > largest ? node_at(tlsf, index)->size : largest;
    return largest;
}
