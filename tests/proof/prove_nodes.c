/*
 * core/node.c: nodes go from list to list and none is lost or in two places; a refusal of host memory leaves a list
 * with what it held. A batch is three nodes here, see prove.sh.
 */
#include "nodes.h"

#include "core/node.c"

static struct bda_nodes nodes_of_all;
static struct bda_node_list list;
static uint32_t made; /* indices below it are in use */

/* In the place of the store: as many as it likes, at least one, or none. */
uint32_t proof_store_grow(struct bda_store *store, uint32_t wanted, uint32_t *first) {
    (void)store;
    uint32_t added = any_below(PROOF_NODES);
    ENSURE(wanted != 0);
    GIVEN(added <= wanted && added <= PROOF_NODES - made);
    *first = made;
    made += added;
    return added;
}

/* Makes a list of the nodes from `first` up to `end`. */
static struct bda_node_list list_of_nodes(uint32_t first, uint32_t end) {
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        if (i >= first && i < end)
            nodes[i]->as.spare = i + 1 < end ? i + 1 : 0;
    return (struct bda_node_list){ first < end ? first : 0, end - first };
}

/* Marks the members; the list ends where its count says. */
static void mark(const struct bda_node_list *members, bool *seen) {
    uint32_t index = members->first;
    for (uint32_t i = 0; i < PROOF_NODES; i++)
        if (i < members->count) {
            ENSURE(index != 0 && index < PROOF_NODES && !seen[index]);
            ENSURE(bda_node_state(at(index)) == BDA_NODE_UNUSED && !bda_node_is_spent(at(index)));
            seen[index] = true;
            index = at(index)->as.spare;
        }
    ENSURE(index == 0 && members->count < PROOF_NODES);
}

static void ensure_none_is_lost(void) {
    bool seen[PROOF_NODES] = { false };
    mark(&list, seen);
    mark(&nodes_of_all.spare, seen);
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        ENSURE(seen[i] == (i < made));
}

static void any_lists(void) {
    uint32_t end_of_list = any_below(PROOF_NODES) + 1;
    made = any_below(PROOF_NODES) + 1;
    GIVEN(end_of_list <= made);
    for (uint32_t i = 1; i < PROOF_NODES; i++)
        bda_node_set(nodes[i], BDA_NODE_UNUSED, any_below(4));
    list = list_of_nodes(1, end_of_list);
    nodes_of_all.spare = list_of_nodes(end_of_list, made);
}

void taking_nodes_loses_none(void) {
    any_lists();
    uint32_t held = list.count, count = any_below(PROOF_NODES);
    bool enough = bda_nodes_take(&nodes_of_all, &list, count);
    ensure_none_is_lost();
    ENSURE(enough == (list.count >= count) && list.count >= held);
    REACHES(!enough && list.count > held);
    REACHES(enough && held == 0 && count > 1);
}

void giving_nodes_back_loses_none(void) {
    any_lists();
    uint32_t held = list.count, count = any_below(PROOF_NODES);
    GIVEN(count <= held);
    bda_nodes_give(&nodes_of_all, &list, count);
    ensure_none_is_lost();
    ENSURE(list.count == held - count);
}
