/* The store of nodes and its spare list, see node.h. */
#include "core/node.h"

/* Nodes that a pool takes at once: enough that the store's lock is rarely taken, 2 KiB per pool at most. */
enum { TAKE_AT_ONCE = 64 };

void bda_nodes_init(struct bda_nodes *nodes, struct bda_host *host) {
    bda_store_init(&nodes->store, host, sizeof(struct bda_node), BDA_NODE_CHUNK_LOG2);
    nodes->spare = (struct bda_node_list){ 0, 0 };
}

void bda_nodes_destroy(struct bda_nodes *nodes) {
    bda_store_destroy(&nodes->store);
}

static void move(struct bda_nodes *nodes, struct bda_node_list *to, struct bda_node_list *from) {
    bda_node_list_push(nodes, to, bda_node_list_pop(nodes, from));
}

/* Adds up to `wanted` new nodes to the list, at least one. */
static bool make(struct bda_nodes *nodes, struct bda_node_list *list, uint32_t wanted) {
    uint64_t length = atomic_load_explicit(&nodes->store.length, memory_order_relaxed);
    if (length + wanted > BDA_NODES_MOST)
        return false;
    uint32_t first = 0;
    uint32_t added = bda_store_grow(&nodes->store, wanted, &first);
    for (uint32_t i = added; i-- > 0;) /* backwards: what was made together is popped in order */
        bda_node_list_push(nodes, list, first + i);
    return added != 0;
}

bool bda_nodes_take(struct bda_nodes *nodes, struct bda_node_list *list, uint32_t count) {
    if (list->count >= count)
        return true;
    uint32_t wanted = count > TAKE_AT_ONCE ? count : TAKE_AT_ONCE;
    while (list->count < wanted && nodes->spare.count != 0)
        move(nodes, list, &nodes->spare);
    while (list->count < wanted && make(nodes, list, wanted - list->count)) {}
    return list->count >= count;
}

/* They lose their region: where a node has one, it is one of the pool that holds it (see landmarks.h). */
void bda_nodes_give(struct bda_nodes *nodes, struct bda_node_list *list, uint32_t count) {
    for (; count != 0; count--) {
        bda_node_set_region(bda_node_at(nodes, list->first), 0);
        move(nodes, &nodes->spare, list);
    }
}
