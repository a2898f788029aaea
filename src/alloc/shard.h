/*
 * Shards: parts of a pool, where threads are in each other's way (jemalloc's arenas; a BdaArena is another thing).
 *
 * A pool begins with one shard, the head. Once its lock goes from thread to thread often, each thread that comes again
 * gets a shard of its own (by the number of its cache, sixteen at most) if there is an empty block for it; otherwise it
 * shares one. A block made for a request of one of several threads always goes to that thread's own shard. From
 * there its cache takes; what it frees goes back to the shard that it came from. A shard has whole blocks: empty ones
 * of others that it takes over, and those that are made for requests of its thread. What one shard has no room for is
 * served by the others before anything is refused; and before a block is made, unless little is free in all of them
 * (bda_shard_wants_block). So a pool holds hardly more blocks for having shards; but what threads keep alive is spread
 * over more of them.
 *
 * Whoever looks through all shards, or moves a block between them, holds the head's lock, and takes those of the others
 * under it: one at a time, and all of them for a last look before a request is refused.
 */
#ifndef BDA_ALLOC_SHARD_H
#define BDA_ALLOC_SHARD_H

#include "alloc/caches.h"

/* Takes the lock of a shard and gives it back, where that of its head is held already; nothing to do for the head. */
void bda_shard_lock_beside_head(struct bda_pool *shard);
void bda_shard_unlock_beside_head(struct bda_pool *shard);

/* The shard of a pool that a thread takes from; `cache`: its, or NULL. */
BDA_INLINE struct bda_pool *bda_shard_of_cache(const struct bda_cache *cache, struct bda_pool *head) {
    const struct bda_stock *source = cache != NULL ? cache->sources[bda_pool_stock(head)] : NULL;
    return source != NULL ? source->pool : head;
}

BDA_INLINE struct bda_pool *bda_shard_of_thread(BdaAllocator allocator, struct bda_pool *head) {
    return bda_shard_of_cache(bda_cache_at_hand(allocator), head);
}

/* The shard that is the thread's own, by the number of its cache: not always the one it takes from. NULL: there is none
 * yet. */
struct bda_pool *bda_shard_own(BdaAllocator allocator, struct bda_pool *head);

/* Whether the pool has only its head. */
BDA_INLINE bool bda_shard_is_alone(const struct bda_pool *head) {
    return atomic_load_explicit(&head->next_shard, memory_order_relaxed) == NULL;
}

/* Whether caches leave all of the pool alone. (In this order: its owner writes the second each time.) */
BDA_INLINE bool bda_shard_rests_alone(const struct bda_pool *head) {
    return bda_shard_is_alone(head) && bda_pool_rests(head);
}

/* Gives the calling thread its shard of a pool that is crowded, if it has none yet, or that has no blocks any more: its
 * own, where that has blocks or an empty one comes to it; else it shares one, and asks again now and then. No lock is
 * held. It takes host memory; where that is refused the thread stays where it is. */
void bda_shard_settle(BdaAllocator allocator, struct bda_pool *head);

BDA_INLINE void bda_shard_settle_if_crowded(BdaAllocator allocator, struct bda_pool *head) {
    if (bda_pool_is_crowded(head))
        bda_shard_settle(allocator, head);
}

/* Where a thread borrows whose shard has no room: the one with most of it, mostly; NULL where it should rather see
 * whether its own gets a block, or there is no other. For the owner of the cache. */
struct bda_pool *bda_shard_lender(struct bda_cache *cache, struct bda_pool *head);

/* Whether the thread, which shares a shard, should ask for a block that it settles with; asked once. */
bool bda_shard_take_wish(BdaAllocator allocator, const struct bda_pool *head);

/* Whether a shard may get a block for such a request, although others have room. */
BDA_INLINE bool bda_shard_may_get_block(VkDeviceSize size, BdaAllocFlags flags) {
    return size <= BDA_SMALL_BYTES && (flags & BDA_ALLOC_NO_NEW_MEMORY_BIT) == 0;
}

BDA_INLINE bool bda_shard_is_guest(const struct bda_cache *cache, const struct bda_pool *head) {
    return cache != NULL && cache->settlings[bda_pool_stock(head)].is_guest;
}

/* The shard that a block goes to which is made for the calling thread: its own, where it settles with that, of a pool
 * that others take from, too, or that has shards already. No lock is held. */
struct bda_pool *bda_shard_for_block(BdaAllocator allocator, struct bda_pool *head);

/* Whether a thread whose shard has no room gets a block of this size, although other shards may have some: a thread
 * that has to look elsewhere each time waits for everybody. While at most a quarter of all blocks is free with it, or
 * as much as one of the largest size (unless the pool has a limit, or a mark that somebody sees to), that costs no more
 * than the growth of a pool does by itself. The head's lock is held. */
bool bda_shard_wants_block(struct bda_pool *head, VkDeviceSize size);

/* Takes a range from the blocks there are: from the thread's shard, or from an empty block of another one that comes to
 * it, or from wherever there is room. `kept`: it was refused, and threads keep something of the pool; of each shard
 * both are seen together, so what somebody gives back to it in between is not overlooked.
 * VK_ERROR_OUT_OF_DEVICE_MEMORY: no room; VK_ERROR_OUT_OF_HOST_MEMORY. The head's lock is held. */
VkResult bda_shards_take_locked(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                                struct bda_live *live, bool *kept);

/* The same with the lock, for who needs the node alone. `kept` may be NULL. */
VkResult bda_shards_take(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                         uint32_t *node, bool *kept);

/* The same from the thread's shard alone, also where an empty block has to come to it. */
VkResult bda_shard_take_mine(BdaAllocator allocator, struct bda_pool *head, const struct bda_request *request,
                             uint32_t *node);

/* What is free in all shards of a pool. The head's lock is held. */
uint64_t bda_shards_free_granules(struct bda_pool *head);

/* Room for so many granules was made ahead of time: until they are taken no shard gets a block where others have room.
 * The head's lock is held. */
void bda_shards_promise(struct bda_pool *head, uint64_t granules);

#endif
