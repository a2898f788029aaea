/* See verify.h. What is found is mended under the pool's lock and told without it, a few at a time, and then the search
 * begins again: it finds no more than what was broken since. */
#include "debug/verify.h"

#include "debug/patterns.h"

enum { AT_A_TIME = 8 };

struct found {
    uint32_t count;
    struct bda_breakage all[AT_A_TIME];
};

/* The pool's lock is held. */
static void look_through(BdaAllocator allocator, uint32_t block, struct found *found) {
    for (; block != 0; block = bda_block_at(allocator, block)->next) {
        uint32_t index = bda_block_at(allocator, block)->region.first;
        for (; index != 0 && found->count < AT_A_TIME; index = bda_node_next(bda_node_of(allocator, index)))
            found->count += bda_patterns_look(allocator, index, AT_A_TIME - found->count, &found->all[found->count]);
    }
}

static void verify_pool(BdaAllocator allocator, struct bda_pool *pool) {
    struct found found;
    do {
        found.count = 0;
        bda_lock(&pool->lock);
        look_through(allocator, pool->first_block, &found);
        look_through(allocator, pool->first_dedicated, &found);
        bda_unlock(&pool->lock);
        for (uint32_t i = 0; i < found.count; i++)
            bda_broken_tell(allocator, &found.all[i]);
    } while (found.count == AT_A_TIME);
}

void bda_verify_all(BdaAllocator allocator) {
    struct bda_pool *pool = atomic_load_explicit(&allocator->newest_pool, memory_order_acquire);
    for (; pool != NULL; pool = pool->older)
        verify_pool(allocator, pool);
}
