/* See depot.h. */
#include "alloc/depot.h"

static uint64_t granules_of(bda_node_chunks chunks, uint32_t list) {
    uint64_t granules = 0;
    for (uint32_t index = list; index != 0;) {
        const struct bda_node *node = bda_node_in(chunks, index);
        granules += node->size;
        index = bda_node_link(node);
    }
    return granules;
}

static void count(struct bda_depot *depot, uint32_t shelf, uint32_t lists) {
    atomic_store_explicit(&depot->counts[shelf], (uint8_t)lists, memory_order_relaxed);
}

static uint32_t count_of(const struct bda_depot *depot, uint32_t shelf) {
    return atomic_load_explicit(&depot->counts[shelf], memory_order_relaxed);
}

uint64_t bda_depot_count(const struct bda_depot *depot) {
    uint64_t count = 0;
    if (depot->granules == 0)
        return 0;
    for (uint32_t shelf = 0; shelf < BDA_SHELVES; shelf++)
        count += (uint64_t)count_of(depot, shelf) * bda_list_length(shelf);
    return count;
}

bool bda_depot_give(struct bda_depot *depot, bda_node_chunks chunks, uint32_t shelf, uint32_t list, uint64_t most) {
    uint32_t lists = count_of(depot, shelf);
    uint64_t granules = granules_of(chunks, list);
    if (lists == BDA_DEPOT_LISTS || depot->granules + granules > most)
        return false;
    bda_node_set_record(bda_node_in(chunks, list), depot->lists[shelf]); /* its home is known from the shelf */
    depot->lists[shelf] = list;
    depot->granules += granules;
    depot->used = true;
    count(depot, shelf, lists + 1);
    return true;
}

uint32_t bda_depot_take(struct bda_depot *depot, bda_node_chunks chunks, uint32_t home, uint64_t *granules) {
    uint32_t shelf = bda_home_shelf(home);
    uint32_t lists = count_of(depot, shelf);
    if (lists == 0)
        return 0;
    uint32_t list = depot->lists[shelf];
    struct bda_node *first = bda_node_in(chunks, list);
    depot->lists[shelf] = bda_node_home(first);
    bda_node_set_record(first, home);
    *granules = granules_of(chunks, list);
    depot->granules -= *granules;
    depot->used = true;
    count(depot, shelf, lists - 1);
    return list;
}
