/*
 * Arenas: several of a pool, where threads are in each other's way.
 *
 * A pool begins with one arena, the head. Once its lock goes from thread to thread often, each thread that comes again
 * gets an arena of its own (by the number of its cache, sixteen at most) if there is an empty block for it, and shares
 * one else; and the block that is made for a request of one of several threads is its own arena's in any case. From
 * there its cache takes; what it frees goes back to the arena that it came from. An arena has whole blocks: empty ones
 * of others that it takes over, and those that are made for requests of its thread. What one arena has no room for is
 * served by the others before anything is refused; and before a block is made, unless little is free in all of them
 * (bda_arena_wants_block). So a pool holds hardly more blocks for having arenas; but what threads keep alive is spread
 * over more of them.
 *
 * Whoever looks through all arenas, or moves a block between them, holds the head's lock, and takes those of the others
 * under it: one at a time, and all of them for a last look before a request is refused.
 */
#ifndef BDA_ALLOC_ARENA_H
#define BDA_ALLOC_ARENA_H

#include "alloc/caches.h"

/* The arena of a pool that a thread takes from; `cache`: its, or NULL. */
BDA_INLINE struct bda_pool *bda_arena_of_cache(const struct bda_cache *cache, struct bda_pool *head) {
    const struct bda_stock *source = cache != NULL ? cache->sources[bda_pool_stock(head)] : NULL;
    return source != NULL ? source->pool : head;
}

BDA_INLINE struct bda_pool *bda_arena_of_thread(BdaAllocator allocator, struct bda_pool *head) {
    return bda_arena_of_cache(bda_cache_at_hand(allocator), head);
}

/* The arena that is the thread's own, by the number of its cache: not always the one it takes from. NULL: there is none
 * yet. */
struct bda_pool *bda_arena_own(BdaAllocator allocator, struct bda_pool *head);

/* Whether the pool has but its head. */
BDA_INLINE bool bda_arena_is_alone(const struct bda_pool *head) {
    return atomic_load_explicit(&head->next_arena, memory_order_relaxed) == NULL;
}

/* Gives the calling thread its arena of a pool that is crowded, if it has none yet, or that has no blocks any more: its
 * own, where that has blocks or an empty one comes to it; else it shares one, and asks again now and then. No lock is
 * held. It takes host memory; where that is refused the thread stays where it is. */
void bda_arena_settle(BdaAllocator allocator, struct bda_pool *head);

BDA_INLINE void bda_arena_settle_if_crowded(BdaAllocator allocator, struct bda_pool *head) {
    if (bda_pool_is_crowded(head))
        bda_arena_settle(allocator, head);
}

/* Where a thread borrows whose arena has no room: the one with most of it, mostly; NULL where it should rather see
 * whether its own gets a block, or there is no other. For the owner of the cache. */
struct bda_pool *bda_arena_lender(struct bda_cache *cache, struct bda_pool *head);

/* Whether the thread, which shares an arena, should ask for a block that it settles with; asked once. */
bool bda_arena_take_wish(BdaAllocator allocator, const struct bda_pool *head);

/* Whether an arena may get a block for such a request, although others have room. */
BDA_INLINE bool bda_arena_may_get_block(VkDeviceSize size, BdaAllocFlags flags) {
    return size <= BDA_SMALL_BYTES && (flags & BDA_ALLOC_NO_NEW_MEMORY_BIT) == 0;
}

BDA_INLINE bool bda_arena_is_guest(const struct bda_cache *cache, const struct bda_pool *head) {
    return cache != NULL && cache->settlings[bda_pool_stock(head)].is_guest;
}

/* The arena that a block goes to which is made for the calling thread: its own, where it settles with that, of a pool
 * that others take from, too, or that has arenas already. No lock is held. */
struct bda_pool *bda_arena_for_block(BdaAllocator allocator, struct bda_pool *head);

/* Whether a thread whose arena has no room gets a block of this size, although other arenas may have some: a thread
 * that has to look elsewhere each time waits for everybody. While at most a quarter of all blocks is free with it, or
 * as much as one of the largest size (unless the pool has a limit, or a mark that somebody sees to), that costs no more
 * than the growth of a pool does by itself. The head's lock is held. */
bool bda_arena_wants_block(struct bda_pool *head, VkDeviceSize size);

/* Takes a range from the blocks there are: from the thread's arena, or from an empty block of another one that comes to
 * it, or from wherever there is room. `kept`: it was refused, and threads keep something of the pool; of each arena
 * both are seen together, so what somebody gives back to it in between is not overlooked.
 * VK_ERROR_OUT_OF_DEVICE_MEMORY: no room; VK_ERROR_OUT_OF_HOST_MEMORY. The head's lock is held. */
VkResult bda_arenas_take_locked(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                                struct bda_live *live, bool *kept);

/* The same with the lock, for who needs the node alone. `kept` may be NULL. */
VkResult bda_arenas_take(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                         uint32_t *node, bool *kept);

/* Takes the lock of an arena and gives it back, where that of its head is held already; nothing to do for the head. */
void bda_arena_lock_beside_head(struct bda_pool *arena);
void bda_arena_unlock_beside_head(struct bda_pool *arena);

/* The same from the thread's arena alone, also where an empty block has to come to it. */
VkResult bda_arena_take(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                        uint32_t *node);

/* What is free in all arenas of a pool. The head's lock is held. */
uint64_t bda_arenas_free_granules(struct bda_pool *head);

/* Room for so many granules was made ahead of time: until they are taken no arena gets a block where others have room.
 * The head's lock is held. */
void bda_arenas_promise(struct bda_pool *head, uint64_t granules);

#endif
