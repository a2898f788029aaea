/* The allocator: what all floors from here up share. */
#ifndef BDA_ALLOC_ALLOCATOR_H
#define BDA_ALLOC_ALLOCATOR_H

#include "alloc/attempts.h"
#include "alloc/closing.h"
#include "alloc/hooks.h"
#include "alloc/pending.h"
#include "alloc/pool.h"
#include "alloc/record.h"
#include "alloc/seen.h"
#include "alloc/stacks.h"
#include "core/charts.h"
#include "core/ring.h"
#include "core/words.h"
#include "memory/block_map.h"
#include "memory/kinds.h"

/* Memory types in the order in which an intent tries them. */
struct bda_type_order {
    uint32_t count;
    uint32_t types[VK_MAX_MEMORY_TYPES];
};

enum { BDA_INTENT_COUNT = 4 };

/* Of a pool, at most. */
enum { BDA_SHARDS = 16 };

/* What was freed, see history.h. */
struct bda_history {
    /* Read by every allocation and every free, so it has a cache line of its own. */
    _Alignas(64) _Atomic uint64_t now;   /* the clock, see history.h: turns, and the lowest 32 bits of the frame */
    _Atomic uint64_t frame;              /* the caller's */
    _Alignas(64) _Atomic uint64_t turns; /* that the rings have made; written by each of them now and then */
    uint64_t slots;                      /* of each ring; 0: nothing is kept */
    struct bda_mutex lock;               /* who writes to the ring below; taken last */
    struct bda_ring shared;              /* of threads without a cache, its guests */
    _Atomic uint32_t guests;             /* requests of theirs so far */
    uint32_t guests_most;                /* whose frees it surely holds; UINT32_MAX: there are no other rings */
    _Atomic uint64_t frees; /* in that ring: more than guests have requested are of threads that only free */
};

struct bda_cache;

struct BdaAllocator_T {
    struct bda_host host;
    struct bda_device device;
    BdaHandle tag; /* in the highest byte, 1 to 255, of every handle */
    bool locks;    /* false: the caller synchronises */
    /* resolved defaults */
    VkDeviceSize first_block_size;
    VkDeviceSize max_block_size;
    VkDeviceSize max_host_visible_block_size;
    VkDeviceSize keep_empty;
    uint32_t keep_collects;
    VkDeviceSize low_water;
    struct bda_type_order order[BDA_INTENT_COUNT][2]; /* [1]: with host fallback */
    uint32_t range_type_bits[BDA_USAGE_CLASS_COUNT];  /* memory types that can carry a class's spanning buffers */
    uint64_t special_usage;                           /* all that ranges of the general class are not used for */
    VkDeviceSize usage_alignment[32];                 /* that each bit of a usage needs */
    struct bda_kinds kinds;                           /* of plain own buffers */
    /* messages and events */
    BdaMessageCallback message;
    void *message_user;
    bda_event_hook event;                  /* NULL: nobody listens */
    bda_release_hook releasing;            /* NULL: nobody walks through ranges and believes what he sees */
    bool logs;                             /* each event is a message */
    BdaCheckFlags checks;                  /* the checking modes that are on */
    const struct bda_hooks *hooks;         /* NULL: no mode cares for the bytes of ranges */
    struct bda_watch *watch;               /* what modes know; the annex's, NULL without hooks */
    VkBufferUsageFlags more_usage;         /* that modes add to own buffers, for commands that reach their bytes */
    VkDeviceSize red_zone;                 /* bytes behind each allocation that carry a pattern; 0: none */
    VkDeviceSize guard;                    /* bytes that each request holds behind what it asked for; the modes' */
    struct bda_pointers *pointers;         /* the annex's; NULL: BDA_CHECK_POINTERS_BIT is off */
    bool marks;                            /* a memory checker listens */
    bool sees_device;                      /* and sees what the device writes */
    struct bda_memory_names *memory_names; /* what it prints; the annex's, or NULL */
    _Atomic uint32_t last_call;            /* counts the public calls that opened a block */
    _Atomic bool some_want;                /* some pool has come below its low-water mark */
    /* under the store lock: growth and spare lists */
    struct bda_mutex store_lock;
    struct bda_nodes nodes;
    struct bda_records records;
    struct bda_stacks *stacks;    /* where allocations were made; NULL: that is not kept */
    struct bda_words own_buffers; /* the VkBuffer of each node that has its own */
    struct bda_store blocks;
    uint32_t spare_block;
    struct bda_block_map map; /* of the blocks that are a pool's; read without the lock */
    struct bda_charts charts; /* of look-ups; with a lock of their own */
    /* under the pools lock; read without, since they only grow */
    struct bda_mutex pools_lock;
    struct bda_closings closings; /* this and the next one with locks of their own */
    struct bda_attempts attempts;
    _Atomic(struct bda_pool *) newest_pool;
    _Atomic(BdaPool) newest_user_pool;
    BdaArena newest_arena;            /* not of a pool: the caller's, see api/arena.c */
    _Atomic uint32_t user_pool_count; /* of them, alive */
    /* the library's own pools of default priority, by memory type, class, and whether they hold own buffers */
    _Atomic(struct bda_pool *) pools[VK_MAX_MEMORY_TYPES][BDA_USAGE_CLASS_COUNT][2];
    /* of them, by intent, that a general range tries first; NULL also while somebody listens to events */
    _Atomic(struct bda_pool *) first_pools[BDA_INTENT_COUNT];
    /* with locks of their own, or none */
    struct bda_pending pending;
    struct bda_history history;
    struct bda_mutex bindings_lock;
    struct bda_bindings *bindings; /* what the driver told of its ranges; the annex's, NULL before the first */
    struct bda_seen seen;
    struct bda_prefixes *prefixes; /* of names, that are counted; NULL: none */
    _Atomic bool strays;           /* some own buffer did not lie where its block's base says */
    /* caches */
    uint64_t serial;              /* tells allocators apart for good */
    bool caches_off;              /* as told; always where the caller synchronises */
    bool barrier;                 /* claims rely on bda_barrier_everywhere */
    _Atomic uint32_t stock_count; /* of pools; grows under the pools lock */
    struct bda_mutex caches_lock;
    _Atomic bool wishes;          /* some free found no cache, or no stock in it: the next allocation may make them */
    bool wish_for_cache;          /* under the lock */
    _Atomic uint32_t cache_count; /* of them, in use by a thread */
    _Atomic(struct bda_cache *) newest_cache; /* read without the lock, since the list only grows */
    BdaAllocator registered_before;           /* under the lock of the registry, see caches.c */
};

#define BDA_DEFAULT_PRIORITY 0.5f

/* Fills a zeroed allocator whose `host` is set, from checked arguments; what it took before failing, it gives back. */
VkResult bda_allocator_init(BdaAllocator allocator, const BdaAllocatorInfo *info, const char **reason);

/* Releases what is pending and live, then everything else but the allocator's own memory. */
void bda_allocator_finish(BdaAllocator allocator);

BDA_INLINE struct bda_node *bda_node_of(BdaAllocator allocator, uint32_t index) {
    return bda_node_at(&allocator->nodes, index);
}

BDA_INLINE struct bda_block *bda_block_at(BdaAllocator allocator, uint32_t index) {
    return bda_store_element(&allocator->blocks, index, BDA_BLOCK_CHUNK_LOG2, sizeof(struct bda_block));
}

BDA_INLINE struct bda_block *bda_block_of(BdaAllocator allocator, struct bda_node *node) {
    return bda_block_at(allocator, bda_node_region(node));
}

/* The pool of a taken node. For its owner, or under that pool's lock: it stays what it is. */
BDA_INLINE struct bda_pool *bda_pool_of(BdaAllocator allocator, struct bda_node *node) {
    return atomic_load_explicit(&bda_block_of(allocator, node)->pool, memory_order_relaxed);
}

/* The memory types that an intent tries, the best first; by flags those of the host may follow. */
static inline const struct bda_type_order *bda_order_of(BdaAllocator allocator, BdaIntent intent, BdaAllocFlags flags) {
    return &allocator->order[intent][(flags & BDA_ALLOC_HOST_FALLBACK_BIT) != 0];
}

/* The first of them that is one of `types`, a bit each; VK_MAX_MEMORY_TYPES: none is. */
static inline uint32_t bda_first_type(const struct bda_type_order *order, uint32_t types) {
    for (uint32_t i = 0; i < order->count; i++)
        if ((types >> order->types[i] & 1u) != 0)
            return order->types[i];
    return VK_MAX_MEMORY_TYPES;
}

/* All pools by their heads, NULL after the last; a head leads to its shards (pool.h). */
static inline struct bda_pool *bda_pools_from(struct bda_pool *pool) {
    while (pool != NULL && pool->head != pool)
        pool = pool->older;
    return pool;
}

static inline struct bda_pool *bda_pools_first(BdaAllocator allocator) {
    return bda_pools_from(atomic_load_explicit(&allocator->newest_pool, memory_order_acquire));
}

static inline struct bda_pool *bda_pools_next(const struct bda_pool *head) {
    return bda_pools_from(head->older);
}

#endif
