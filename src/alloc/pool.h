/*
 * Pools: the blocks of one key, one TLSF over all of them, one lock.
 *
 * Pools are immortal while their allocator lives, so that a stale handle can always take the lock it finds. The lock
 * covers the fields from `cached_most` on, except the depot, which has its own; and also the nodes in the pool's
 * blocks, and the blocks' places in its lists.
 *
 * A pool whose lock is in demand gets further shards (shard.h): each is a struct bda_pool, too, with blocks, a TLSF and
 * a lock of its own. The first shard, the head, is what everybody else means by the pool: it alone grows.
 */
#ifndef BDA_ALLOC_POOL_H
#define BDA_ALLOC_POOL_H

#include "alloc/depot.h"
#include "alloc/lock.h"
#include "alloc/refusal.h"
#include "alloc/request.h"
#include "alloc/seen.h"
#include "memory/block.h"
#include "memory/usage.h"
#include "platform/platform.h"

enum {
    BDA_CACHED_SHARE = 8,    /* the part of what is free that all caches may keep of small ranges; and the depot, see
                                BDA_DEPOT_SHARES */
    BDA_LARGER_SHARE = 4,    /* of larger ones, while there is much room, */
    BDA_LARGER_OF_TAKEN = 8, /* but not more than this part of what is taken: where little is, that lies together, and
                                what is kept would lie in between */
    BDA_CACHED_STEP = 16,    /* what may be kept is told anew when it has changed by this part of it */
    BDA_ROOMY_SHARE = 8,     /* there is much room as long as more than this part of a shard is free */
    BDA_POOL_NAME_ROOM = 84, /* bytes of a pool's name that are told, and an end */
    BDA_LEAST_BLOCK = 64 << 10, /* blocks do not shrink below this near a full heap: the driver's own page */
};

/* What blocks must agree on to share a pool. Queue families and device mask are the allocator's; exported memory is
 * always dedicated, its handle types stand here so that nothing else comes to lie with it. */
struct bda_pool_key {
    uint32_t memory_type;
    enum bda_usage_class usage_class;
    bool own_buffers;
    bool capture_replay;
    float priority;
    VkExternalMemoryHandleTypeFlags handle_types;
};

struct bda_pool {
    struct bda_lock lock;
    struct bda_condition opened;           /* a block on its way has come, or has failed to */
    _Alignas(64) struct bda_pool *older;   /* in the allocator's list */
    struct bda_pool *head;                 /* the first shard of the pool; itself, where it is that */
    _Atomic(struct bda_pool *) next_shard; /* of the same pool; they only grow in number */
    uint32_t shard_number;                 /* 0: the head */
    _Atomic uint32_t shard_count;          /* the head's: of all, itself included */
    _Atomic bool crowded;                  /* the head's: threads meet here so often that they want shards */
    _Atomic bool has_blocks;               /* that are cut into pieces; written under the lock, like the next one */
    _Atomic uint32_t shards_in_use;        /* the head's: of those that have blocks */
    _Atomic uint32_t takers;               /* threads whose requests come from here */
    /* set under the lock, and that of the pools, when the pool is made or used again: */
    BdaPool user; /* the caller's pool it is part of, or NULL */
    bool retired; /* its BdaPool was destroyed; once it holds no block it may be used again */
    struct bda_pool_key key;
    VkBufferUsageFlags usage; /* of spanning buffers */
    VkDeviceSize first_block_size;
    VkDeviceSize max_block_size;
    VkDeviceSize keep_empty;
    uint32_t keep_collects;         /* an empty block is surplus once so many bda_collect have found it so */
    VkDeviceSize least_alignment;   /* of ranges; not below the atom, where they must own whole ones */
    VkDeviceSize most_rounding;     /* alignments up to it are rounded up to in size, too */
    _Atomic uint32_t stock;         /* place in every cache; BDA_STOCKS: none is kept of its ranges */
    VkDeviceSize most_plain;        /* sizes and alignments up to it break no limit and want no memory of their own */
    _Atomic VkDeviceSize atom_skew; /* read without the lock: bytes by which aligned addresses miss the atoms of the
                                       memory; 0 on known drivers */
    /* written under the lock, and read without it with every free of another thread's: a cache line of their own */
    _Alignas(64) _Atomic uint64_t cached_most[BDA_KEPT_COUNT]; /* granules that caches may keep of it */
    _Atomic bool roomy;                                        /* there is much room */
    _Atomic uint32_t kept_zones;                               /* the lowest of them whose small ranges may be kept */
    _Atomic uint32_t rest; /* so many more ranges are taken past the caches (cache.h) */
    /* under the lock, and written so often that what everybody reads must not lie in the same cache line: */
    _Alignas(64) struct bda_pool_counters {
        uint64_t live_count, pending_count;
        VkDeviceSize used, pending, reserved;
        uint64_t block_count, dedicated_count;
        VkDeviceSize dedicated_used, dedicated_pending; /* of them, in dedicated blocks */
        uint64_t quarantined_count;                     /* held back by a checking mode */
        VkDeviceSize quarantined, dedicated_quarantined;
        VkDeviceSize region_bytes; /* of the blocks that are cut */
    } counters;
    struct bda_tlsf tlsf;
    uint64_t low_granules;   /* of free ones: below it the pool wants another block; 0: it never does */
    uint32_t strain;         /* how much its lock was in demand of late */
    const void *last_thread; /* that took it, as a wish for a range or a free */
    bool wants;              /* an allocation has left less, and nobody has seen to it since */
    bool lacked;             /* the head's: the same of a request that was refused for want of room */
    bool drained;            /* the head's: what threads keep came back for the mark, since the last block was made */
    _Atomic bool *some_want; /* the allocator's */
    uint64_t large;          /* granules in ranges that are not small */
    VkDeviceSize next_block_size;
    struct bda_opening *openings;   /* blocks on their way */
    uint32_t refused;               /* the head's: requests that are not to ask for a block of their shard's own */
    struct bda_refusal refusals[2]; /* the head's: of new memory; of what is to stay within the budget */
    uint64_t promised; /* the head's: until so many granules are taken in all, room was made ahead of time */
    uint64_t last_opening;
    struct bda_pool_peak peak; /* the head's, of the library's own pools */
    uint32_t first_block;      /* cut into pieces */
    uint32_t first_dedicated;
    _Alignas(64) struct bda_depot depot; /* with a lock of its own */
};

/* A pool of the caller's: one pool for ranges, one for own buffers (there once it is used), and what they share. Its
 * memory lives as long as the allocator, so that a destroyed pool is recognised. */
struct BdaPool_T {
    BdaAllocator allocator;
    BdaPool older;
    _Atomic bool alive;
    struct bda_pool *ranges;
    _Atomic(struct bda_pool *) own_buffers; /* NULL until its first use: most pools never hold any */
    uint64_t usage;
    BdaIntent intent;
    BdaAllocFlags flags;
    struct bda_limit limit;
    struct bda_pool_peak peak;
    char *name;
};

/* The library's own pool of a key, made at its first use. VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult bda_pool_get(BdaAllocator allocator, const struct bda_pool_key *key, struct bda_pool **pool);

/* A pool of a key for a pool of the caller's; not shared, and used again after bda_pool_retire, once the last thread
 * that was releasing something in it is done. */
VkResult bda_pool_create(BdaAllocator allocator, const struct bda_pool_key *key, BdaPool user, struct bda_pool **pool);
void bda_pool_retire(BdaAllocator allocator, struct bda_pool *pool);

/* The part of a pool of the caller's that holds own buffers, made at its first use like the part for ranges.
 * VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult bda_pool_for_buffers(BdaAllocator allocator, BdaPool user, struct bda_pool **pool);

/* The same if it is there, else NULL. */
static inline struct bda_pool *bda_pool_of_buffers(BdaPool user) {
    return atomic_load_explicit(&user->own_buffers, memory_order_acquire);
}

/* The pool's own memory goes; its blocks are gone already. */
void bda_pool_destroy(BdaAllocator allocator, struct bda_pool *pool);

/* The low-water mark, in bytes. */
static inline VkDeviceSize bda_pool_low_water(const struct bda_pool *pool) {
    return (VkDeviceSize)pool->low_granules << BDA_GRANULE_LOG2;
}
void bda_pool_set_low_water(struct bda_pool *pool, VkDeviceSize bytes);

/* Sets block sizes, 0 meaning the allocator's; cut to what the heap bears. */
void bda_pool_set_sizes(BdaAllocator allocator, struct bda_pool *pool, VkDeviceSize first, VkDeviceSize most);

static inline void bda_pool_bound(_Atomic uint64_t *bound, uint64_t most) {
    uint64_t before = atomic_load_explicit(bound, memory_order_relaxed);
    if (most < before - before / BDA_CACHED_STEP || most > before + before / BDA_CACHED_STEP)
        atomic_store_explicit(bound, most, memory_order_relaxed);
}

/* What may be kept of the pool's ranges, now that more or less of it is free. A small range that is kept where large
 * ones live breaks their space up, so where those hold half of what is taken, only ranges of the lowest zone are kept,
 * which is where small ones gather. Threads that free read these words without the lock, so they are written only when
 * they have changed, and what may be kept when it has by a sixteenth. The pool's lock is held. */
static inline void bda_pool_bound_caches(struct bda_pool *pool) {
    uint64_t free = pool->tlsf.free_granules, taken = pool->tlsf.granules - free;
    bool roomy = free > pool->tlsf.granules / BDA_ROOMY_SHARE;
    uint32_t zones = pool->large > taken / 2 ? 1 : BDA_TLSF_ZONES; /* mostly large ones */
    bda_pool_bound(&pool->cached_most[BDA_KEPT_SMALL], free / BDA_CACHED_SHARE);
    bda_pool_bound(&pool->cached_most[BDA_KEPT_LARGER], bda_min(free / BDA_LARGER_SHARE, taken / BDA_LARGER_OF_TAKEN));
    if (roomy != atomic_load_explicit(&pool->roomy, memory_order_relaxed))
        atomic_store_explicit(&pool->roomy, roomy, memory_order_relaxed);
    if (zones != atomic_load_explicit(&pool->kept_zones, memory_order_relaxed))
        atomic_store_explicit(&pool->kept_zones, zones, memory_order_relaxed);
}

/* Whether caches leave its ranges alone. */
BDA_INLINE bool bda_pool_rests(const struct bda_pool *pool) {
    return atomic_load_explicit(&pool->rest, memory_order_relaxed) != 0;
}

BDA_INLINE bool bda_pool_is_roomy(const struct bda_pool *pool) {
    return atomic_load_explicit(&pool->roomy, memory_order_relaxed);
}

/* Whether a request of so many bytes is looked for in caches, as things are. */
BDA_INLINE bool bda_pool_is_cached(const struct bda_pool *pool, VkDeviceSize size) {
    return size <= BDA_CACHED_BYTES && (size <= BDA_SMALL_BYTES || bda_pool_is_roomy(pool)) && !bda_pool_rests(pool);
}

/* The pool's lock is held. */
static inline void bda_pool_end_rest(struct bda_pool *pool) {
    atomic_store_explicit(&pool->rest, 0, memory_order_relaxed);
    bda_pool_bound_caches(pool);
}

/* One range more was taken. While caches leave them alone, it is asked now and then what may be kept, which tells
 * others how much is free. The pool's lock is held. */
enum { BDA_REST_LOOKS = 256 };
BDA_INLINE void bda_pool_bound_or_rest(struct bda_pool *pool) {
    uint32_t rest = atomic_load_explicit(&pool->rest, memory_order_relaxed);
    if (rest != 0)
        atomic_store_explicit(&pool->rest, rest - 1, memory_order_relaxed);
    if (rest % BDA_REST_LOOKS <= 1) /* at its end, too */
        bda_pool_bound_caches(pool);
}

/* May be asked of any pool at any time. */
static inline uint32_t bda_pool_stock(const struct bda_pool *pool) {
    return atomic_load_explicit(&pool->stock, memory_order_relaxed);
}

/* Whether caches keep its ranges, as far as it is the pool that decides. */
BDA_INLINE bool bda_pool_has_stock(const struct bda_pool *pool) {
    return bda_pool_stock(pool) != BDA_STOCKS;
}

/* Notes that an allocation has left less free than the low-water mark; in one of several shards, than its share of that
 * mark: the pool is above it as long as all of them are. The pool's lock is held. */
static inline void bda_pool_watch_level(struct bda_pool *pool) {
    uint64_t free = pool->tlsf.free_granules;
    if (free >= pool->low_granules || pool->wants ||
        free * atomic_load_explicit(&pool->head->shards_in_use, memory_order_relaxed) >= pool->low_granules)
        return;
    pool->wants = true;
    atomic_store_explicit(pool->some_want, true, memory_order_relaxed);
}

/* The name of the caller's pool that it is part of, empty where there is none. The pool's lock is held: until then the
 * name stays, whoever destroys that pool. */
void bda_pool_copy_name(const struct bda_pool *pool, size_t size, char *name);

/* Notes that a pool has refused a request that may take no new memory: where it has a low-water mark, it wants a block,
 * also when it has none at all. No lock is held. */
void bda_pool_lack(struct bda_pool *head);

/* Read by every thread, so it is written once. */
static inline bool bda_pool_is_crowded(const struct bda_pool *head) {
    return atomic_load_explicit(&head->crowded, memory_order_relaxed);
}

/* Whether it is one of several shards, and one thread takes from it: who else comes frees something, or looks. */
static inline bool bda_pool_is_apart(const struct bda_pool *pool) {
    return atomic_load_explicit(&pool->head->next_shard, memory_order_relaxed) != NULL &&
           atomic_load_explicit(&pool->takers, memory_order_relaxed) == 1;
}

/* The pool's lock, where those who want a range, or give one back, meet. Once it is not one thread's any more it is
 * noted how much it is in demand: how often somebody waits for it, and how often it goes from one thread to another,
 * since all that it covers then goes from one processor's cache to another's, which costs more than the wait. Where a
 * block is empty, meeting once is enough: it might as well be a thread's own, before everybody's ranges lie in it. */
enum { BDA_STRAIN_WAIT = 32, BDA_STRAIN_TURN = 8, BDA_STRAIN_MOST = 1024 };
BDA_INLINE void bda_pool_lock(struct bda_pool *pool) {
    if (bda_lock_try_as_owner(&pool->lock))
        return;
    const void *thread = bda_this_thread(), *alone = bda_lock_owner(&pool->lock);
    bool waits = !bda_lock_try(&pool->lock);
    if (waits && !bda_lock_spin(&pool->lock))
        bda_lock_wait(&pool->lock);
    const void *before = alone != NULL ? alone : pool->last_thread;
    pool->last_thread = thread;
    pool->strain -= pool->strain != 0;
    bool again = !waits && before == thread;
    bda_lock_count(&pool->lock, again);
    if (again)
        return;
    if (bda_pool_rests(pool) && !bda_pool_is_apart(pool)) /* its thread is not alone any more */
        bda_pool_end_rest(pool);
    pool->strain = (uint32_t)bda_min(pool->strain + (waits ? BDA_STRAIN_WAIT : BDA_STRAIN_TURN), BDA_STRAIN_MOST);
    bool meets = before != NULL && before != thread && bda_tlsf_empty_regions(&pool->tlsf) != 0;
    if ((meets || pool->strain == BDA_STRAIN_MOST) && !bda_pool_is_crowded(pool->head))
        atomic_store_explicit(&pool->head->crowded, true, memory_order_relaxed);
}

/* The same where it is known whether there are `caches`. Where there are none there are no shards either, and it is all
 * one how much in demand it is. */
BDA_INLINE void bda_pool_lock_as(struct bda_pool *pool, bool caches) {
    if (caches)
        bda_pool_lock(pool);
    else
        bda_lock(&pool->lock);
}

/* A block comes to the pool with all that it has, or leaves it, empty. One spare node is secured for it to come. The
 * pool's lock is held. */
void bda_pool_add_block(BdaAllocator allocator, struct bda_pool *pool, uint32_t index);
void bda_pool_remove_block(BdaAllocator allocator, struct bda_pool *pool, uint32_t index);

/* The same of a dedicated block, whose node its maker and its releaser see to. */
void bda_pool_add_dedicated(BdaAllocator allocator, struct bda_pool *pool, uint32_t index);
void bda_pool_remove_dedicated(BdaAllocator allocator, struct bda_pool *pool, uint32_t index);

/* The shards of a pool, from its head on, in no particular order; NULL after the last. */
static inline struct bda_pool *bda_pool_next_shard(const struct bda_pool *shard) {
    return atomic_load_explicit(&shard->next_shard, memory_order_acquire);
}

/* The shard of a number, NULL where there is none. */
struct bda_pool *bda_pool_find_shard(struct bda_pool *head, uint32_t number);

/* The same; one that is not there yet is made, and has no blocks. NULL when host memory is refused, or
 * caches have no place for its ranges. */
struct bda_pool *bda_pool_shard(BdaAllocator allocator, struct bda_pool *head, uint32_t number);

/* Takes `count` spare nodes and more from the store for the pool's TLSF. The pool's lock is held; see
 * bda_range_secure_nodes. */
bool bda_pool_fetch_nodes(BdaAllocator allocator, struct bda_pool *pool, uint32_t count);

/* Gives spare nodes that the pool does not need back to the store, for other pools. Linear in them; no lock is held by
 * the caller, and none for long. */
void bda_pool_give_nodes(BdaAllocator allocator, struct bda_pool *pool);

/* Where a range begins in its region, in bytes; the bytes that TLSF holds for it, and how many of them were asked for.
 */
static inline VkDeviceSize bda_node_start(const struct bda_node *node) {
    return (VkDeviceSize)bda_node_offset(node) << BDA_GRANULE_LOG2;
}

static inline VkDeviceSize bda_node_held(const struct bda_node *node) {
    return (VkDeviceSize)bda_node_size(node) << BDA_GRANULE_LOG2;
}

static inline VkDeviceSize bda_node_asked(const struct bda_node *node) {
    return bda_node_held(node) - bda_node_slack(node);
}

#endif
