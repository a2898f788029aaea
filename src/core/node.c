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

bool bda_nodes_take(struct bda_nodes *nodes, struct bda_node_list *list, uint32_t count) {
    if (list->count >= count)
        return true;
    uint32_t wanted = count > TAKE_AT_ONCE ? count : TAKE_AT_ONCE;
    while (list->count < wanted && nodes->spare.count != 0)
        bda_node_list_push(nodes, list, bda_node_list_pop(nodes, &nodes->spare));
    while (list->count < wanted) {
        uint32_t first = 0;
        uint32_t added = bda_store_grow(&nodes->store, wanted - list->count, &first);
        if (added == 0)
            break;
        for (uint32_t i = added; i-- > 0;) /* backwards: what was made together is popped in order */
            bda_node_list_push(nodes, list, first + i);
    }
    return list->count >= count;
}

void bda_nodes_give(struct bda_nodes *nodes, struct bda_node_list *list, uint32_t count) {
    while (count-- != 0)
        bda_node_list_push(nodes, &nodes->spare, bda_node_list_pop(nodes, list));
}
