/* See depot.h. */
#include "alloc/depot.h"

static struct bda_list_sum sum_of(bda_node_chunks chunks, uint32_t list) {
    struct bda_list_sum sum = { 0, 0 };
    for (uint32_t index = list; index != 0; sum.count++) {
        const struct bda_node *node = bda_node_in(chunks, index);
        sum.granules += node->size;
        index = bda_node_link(node);
    }
    return sum;
}

static void count(struct bda_depot *depot, uint32_t shelf, uint32_t lists) {
    atomic_store_explicit(&depot->counts[shelf], (uint8_t)lists, memory_order_relaxed);
}

static uint32_t count_of(const struct bda_depot *depot, uint32_t shelf) {
    return atomic_load_explicit(&depot->counts[shelf], memory_order_relaxed);
}

bool bda_depot_give(struct bda_depot *depot, bda_node_chunks chunks, uint32_t shelf, uint32_t list, uint64_t most) {
    uint32_t lists = count_of(depot, shelf);
    struct bda_list_sum sum = sum_of(chunks, list);
    if (lists == BDA_DEPOT_LISTS || depot->granules + sum.granules > most)
        return false;
    bda_node_set_record(bda_node_in(chunks, list), depot->lists[shelf]); /* its home is known from the shelf */
    depot->lists[shelf] = list;
    depot->granules += sum.granules;
    depot->count += sum.count;
    depot->used = true;
    count(depot, shelf, lists + 1);
    return true;
}

uint32_t bda_depot_take(struct bda_depot *depot, bda_node_chunks chunks, uint32_t home, struct bda_list_sum *sum) {
    uint32_t shelf = bda_home_shelf(home);
    uint32_t lists = count_of(depot, shelf);
    if (lists == 0)
        return 0;
    uint32_t list = depot->lists[shelf];
    struct bda_node *first = bda_node_in(chunks, list);
    depot->lists[shelf] = bda_node_home(first);
    bda_node_set_record(first, home);
    *sum = sum_of(chunks, list);
    depot->granules -= sum->granules;
    depot->count -= sum->count;
    depot->used = true;
    count(depot, shelf, lists - 1);
    return list;
}
