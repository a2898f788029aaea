/* See quarantine.h. */
#include "debug/quarantine.h"

#include "debug/watch.h"

/* As much as the largest block of host-visible memory. */
#define DEFAULT_BYTES ((VkDeviceSize)64 << 20)
/* Some hundred frames of a busy renderer; and 32 bytes of host memory each. */
#define DEFAULT_FREES ((uint64_t)1 << 16)

static VkDeviceSize bytes_of(BdaAllocator allocator, uint32_t index) {
    struct bda_node *node = bda_node_of(allocator, index);
    const struct bda_block *block = bda_block_of(allocator, node);
    return block->dedicated_size != 0 ? block->backing.size : bda_node_held(node);
}

void bda_held_append(BdaAllocator allocator, struct bda_held *held, uint32_t index) {
    bda_node_set_link(bda_node_of(allocator, index), 0);
    if (held->last != 0)
        bda_node_set_link(bda_node_of(allocator, held->last), index);
    else
        held->first = index;
    held->last = index;
    held->count++;
    held->bytes += bytes_of(allocator, index);
}

uint32_t bda_held_pop(BdaAllocator allocator, struct bda_held *held) {
    uint32_t index = held->first;
    if (index == 0)
        return 0;
    held->first = bda_node_link(bda_node_of(allocator, index));
    held->last = held->first != 0 ? held->last : 0;
    held->count--;
    held->bytes -= bytes_of(allocator, index);
    return index;
}

void bda_held_move(BdaAllocator allocator, struct bda_held *from, const struct bda_pool *pool, struct bda_held *to) {
    struct bda_held stay = { .first = 0 };
    for (uint32_t index; (index = bda_held_pop(allocator, from)) != 0;) {
        const struct bda_block *block = bda_block_of(allocator, bda_node_of(allocator, index));
        const struct bda_pool *its = atomic_load_explicit(&block->pool, memory_order_relaxed);
        bda_held_append(allocator, pool == NULL || its->head == pool ? to : &stay, index);
    }
    *from = stay;
}

void bda_quarantine_init(BdaAllocator allocator, struct bda_quarantine *quarantine, VkDeviceSize bytes,
                         uint32_t frees) {
    bda_mutex_init(&quarantine->lock, allocator->locks);
    quarantine->most_bytes = bytes != 0 ? bytes : DEFAULT_BYTES;
    quarantine->most_frees = frees != 0 ? frees : DEFAULT_FREES;
}

void bda_quarantine_add(BdaAllocator allocator, uint32_t index, struct bda_held *due) {
    struct bda_quarantine *quarantine = &allocator->watch->quarantine;
    struct bda_held *held = &quarantine->held;
    bda_mutex_lock(&quarantine->lock);
    bda_held_append(allocator, held, index);
    while (held->bytes > quarantine->most_bytes || held->count > quarantine->most_frees)
        bda_held_append(allocator, due, bda_held_pop(allocator, held));
    bda_mutex_unlock(&quarantine->lock);
}

void bda_quarantine_take(BdaAllocator allocator, const struct bda_pool *pool, struct bda_held *due) {
    struct bda_quarantine *quarantine = &allocator->watch->quarantine;
    bda_mutex_lock(&quarantine->lock);
    bda_held_move(allocator, &quarantine->held, pool, due);
    bda_mutex_unlock(&quarantine->lock);
}
