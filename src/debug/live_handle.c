/* See live_handle.h. */
#include "debug/live_handle.h"

#include "alloc/handle.h"
#include "alloc/locate.h"
#include "core/names.h"

#include <inttypes.h>

/* What was seen of it under the lock: names are others' to change and to free. */
struct seen {
    struct bda_sight sight;
    char name[124], pool[BDA_POOL_NAME_ROOM]; /* empty: none */
};

/* The pool's lock is held. */
static void see(BdaAllocator allocator, const struct bda_live *live, struct seen *seen) {
    seen->sight = bda_locate_look(allocator, live);
    uint32_t record = seen->sight.record;
    const char *name = record != 0 ? bda_record_name(bda_record_at(allocator, record)) : NULL;
    bda_copy_text(seen->name, sizeof seen->name, name != NULL ? name : "");
    bda_pool_copy_name(live->pool, sizeof seen->pool, seen->pool);
}

static bool see_live(BdaAllocator allocator, BdaHandle handle, struct seen *seen) {
    struct bda_live live;
    if (!bda_handle_find(allocator, handle, &live))
        return false;
    bda_lock(&live.pool->lock);
    bool holds = bda_handle_holds(allocator, handle, &live);
    if (holds)
        see(allocator, &live, seen);
    bda_unlock(&live.pool->lock);
    return holds && seen->sight.state == BDA_NODE_LIVE && seen->sight.handle == handle;
}

static void add_seen(struct bda_text *text, const struct seen *seen) {
    if (seen->name[0] != '\0')
        bda_text_add(text, " '%s'", seen->name);
    bda_text_add(text, ", %" PRIu64 " %s", (uint64_t)seen->sight.asked, bda_bytes_word(seen->sight.asked));
    if (seen->pool[0] != '\0')
        bda_text_add(text, ", pool '%s'", seen->pool);
}

void bda_add_live_handle(struct bda_text *text, BdaAllocator allocator, BdaHandle handle) {
    struct seen seen;
    if (see_live(allocator, handle, &seen))
        add_seen(text, &seen);
    bda_text_add(text, ", handle 0x%" PRIx64, (uint64_t)handle);
}

/* What others have to do with no more: where it lies stands still until it is released. */
static bool is_held(uint32_t state) {
    return state == BDA_NODE_PENDING || state == BDA_NODE_QUARANTINED;
}

/* Its generation has moved on by one. */
static bool see_held(BdaAllocator allocator, BdaHandle handle, struct seen *seen) {
    uint32_t index = bda_handle_index(handle);
    struct bda_node *node = bda_node_of(allocator, index);
    if (!is_held(bda_node_state(node)))
        return false;
    struct bda_block *block = bda_block_of(allocator, node);
    struct bda_pool *pool = atomic_load_explicit(&block->pool, memory_order_acquire);
    if (pool == NULL)
        return false;
    bda_lock(&pool->lock);
    bool same =
        bda_block_of(allocator, node) == block && atomic_load_explicit(&block->pool, memory_order_relaxed) == pool;
    if (same)
        see(allocator, &(struct bda_live){ index, node, block, pool }, seen);
    bda_unlock(&pool->lock);
    return same && is_held(seen->sight.state) && seen->sight.handle == handle + ((BdaHandle)1 << 32);
}

bool bda_add_held_handle(struct bda_text *text, BdaAllocator allocator, BdaHandle handle) {
    struct seen seen;
    if (!see_held(allocator, handle, &seen))
        return false;
    bda_text_add(text, seen.name[0] != '\0' ? "'%s'" : "an unnamed allocation", seen.name);
    bda_text_add(text, " (%" PRIu64 " %s held at 0x%" PRIx64 ")", (uint64_t)seen.sight.held,
                 bda_bytes_word(seen.sight.held), (uint64_t)seen.sight.begin);
    return true;
}
