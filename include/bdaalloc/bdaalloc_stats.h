/*
 * libbdaalloc, the part of its header that tells how memory is used: figures for overlays and panels, budgets, and heap
 * dumps for tools. bdaalloc.h includes it; its words and conventions hold here, too.
 *
 *     bda_get_quick_stats         each frame           O(1)
 *     bda_get_counted_prefixes    each frame           linear in the prefixes that are counted
 *     bda_get_stats               now and then         linear in pools, blocks and threads; so are bda_get_pool_stats,
 *     bda_get_budget                                   bda_get_intent_stats
 *     bda_get_prefix_stats        in a debugger        linear in ranges
 *     bda_write_json
 */
#ifndef BDAALLOC_BDAALLOC_STATS_H
#define BDAALLOC_BDAALLOC_STATS_H

#include "bdaalloc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Statistics ----------------------------------------------------------------------------------------------- */

/* The most that there was of something, and in which frame that was seen (bda_set_frame; 0: none was told). */
typedef struct BdaPeak {
    VkDeviceSize bytes;
    uint64_t frame;
} BdaPeak;

/* What some part of the memory is used for: all of it, a heap, a pool, a memory type. */
typedef struct BdaUse {
    uint64_t block_count;      /* VkDeviceMemory objects, dedicated ones included */
    uint64_t dedicated_count;  /* of them, dedicated to one allocation */
    uint64_t empty_count;      /* of them, with nothing in them; what threads keep counts as something */
    VkDeviceSize reserved;     /* bytes of all blocks: used, wasted, pending, cached, free, quarantined and rest */
    uint64_t allocation_count; /* live allocations */
    VkDeviceSize used;         /* bytes asked for by live allocations */
    VkDeviceSize wasted;       /* bytes they hold in blocks beyond that: alignment, atoms, rests too small to cut off */
    uint64_t pending_count;    /* freed by bda_free_after and not collected yet */
    VkDeviceSize pending;      /* bytes they hold */
    VkDeviceSize cached;       /* bytes that threads keep for their next requests: neither used nor free */
    VkDeviceSize free;         /* bytes in blocks that no allocation holds */
    /* The longest free piece (within a sixteenth where there are hundreds of about its size). */
    VkDeviceSize largest_free;
    uint64_t quarantined_count; /* freed, and held back by a checking mode */
    VkDeviceSize quarantined;   /* bytes they hold */
    /* Bytes of blocks that nobody can have: in front of the first aligned address, behind the last whole granule, and
     * of dedicated memory beyond what was asked for. Some bytes a block, but for alignments beyond the driver's. */
    VkDeviceSize rest;
    VkDeviceSize empty; /* bytes of the empty blocks, their rest included */
    /* Free bytes beyond the longest piece of each pool. Empty blocks but the largest one do not count, since bda_trim
     * gives them back (where threads have parts of a pool, each part by itself). */
    VkDeviceSize scattered;
    double fragmentation; /* 0 to 1: scattered / free */
    /* The most of `used` that was ever seen here: by bda_collect, which sees all of the memory, by bda_get_stats,
     * bda_get_budget and dumps, which do, and by whoever asked for this part. So it never falls, it is no less than
     * `used`, and with bda_collect once a frame it misses nothing but what came and went between two of them. As exact
     * as bda_get_stats is while others allocate. */
    BdaPeak peak_used;
} BdaUse;

typedef struct BdaHeapStats {
    VkDeviceSize size;     /* of the heap, from VkMemoryHeap */
    VkDeviceSize limit;    /* the caller's heap_limits entry; 0 is none */
    VkDeviceSize budget;   /* what may be used: VK_EXT_memory_budget, else 80 % of the size; the limit counted in */
    VkDeviceSize usage;    /* what is used by the whole process, as far as is known */
    VkDeviceSize external; /* told by bda_set_external_use */
    uint32_t external_count;
    BdaUse use;
} BdaHeapStats;

typedef struct BdaStats {
    void *next;
    BdaUse total;
    uint32_t heap_count;
    BdaHeapStats heaps[VK_MAX_MEMORY_HEAPS];
    uint32_t pool_count;       /* the caller's pools */
    uint64_t host_bytes;       /* host memory that the library holds now */
    VkDeviceSize check_memory; /* device memory of BDA_CHECK_POINTERS_BIT, of the figures above only in `usage` */
    VkDeviceSize unchecked;    /* bytes of blocks that it lets pass now, since memory for its tables was refused */
} BdaStats;

/* The state of the whole allocator, per heap and in total. Each pool's blocks are read together, none missed or
 * counted twice, one pool after another; what threads take and free meanwhile is seen in part, and all figures agree
 * exactly once they rest. Cost: linear in pools, blocks and threads, not in allocations; one
 * vkGetPhysicalDeviceMemoryProperties2 where VK_EXT_memory_budget is enabled. Errors: VALIDATION_FAILED (NULL). */
BDA_API VkResult bda_get_stats(BdaAllocator allocator, BdaStats *stats);

/* The same for one of the caller's pools. */
BDA_API VkResult bda_get_pool_stats(BdaAllocator allocator, BdaPool pool, BdaUse *use);

/* What an overlay shows every frame. */
typedef struct BdaQuickStats {
    void *next;
    uint64_t frame; /* the present one */
    /* as it is now */
    VkDeviceSize reserved; /* bytes of all VkDeviceMemory of the library, tables of checked pointers included */
    uint64_t block_count;  /* how many of them there are, and those on their way */
    uint64_t host_bytes;   /* host memory that the library holds */
    BdaPeak peak_reserved; /* the most that was reserved ever; its frame is that in which it was seen */
    /* as it was when it was looked at last */
    uint64_t seen_frame;
    uint64_t allocation_count;
    VkDeviceSize used;
    VkDeviceSize wasted;
    VkDeviceSize pending;
    VkDeviceSize cached;
    VkDeviceSize free;
    double fragmentation;
    BdaPeak peak_used; /* as BdaUse, of the whole allocator */
} BdaQuickStats;

/*
 * The figures of an overlay, each frame. What is used is spread over pools and threads, so somebody has to ask them
 * all: bda_collect does, once in each frame in which somebody called this function since the one before, and the
 * figures from `seen_frame` on are what it saw last. Peaks are kept whether anybody asks or not.
 * Cost: some twenty loads, whatever there is of pools, threads and allocations; no lock, no driver call. bda_collect
 *   then costs two to three times as much. Only the first call, and one after frames in which nobody asked, looks
 * itself, at the cost of bda_get_stats without the driver. For any thread. Each figure is of one moment, but not all of
 * the same. Errors: VALIDATION_FAILED (NULL).
 */
BDA_API VkResult bda_get_quick_stats(BdaAllocator allocator, BdaQuickStats *stats);

/* An allocation does not keep its intent; memory types tell intents apart, where they differ. */
typedef struct BdaIntentUse {
    void *next;
    VkBool32 served;      /* some memory type serves the intent; else all is zero */
    uint32_t memory_type; /* that it takes first */
    /* 1 << BdaIntent of each intent that takes this type first: `use` is theirs together. On integrated GPUs that is
     * all four. */
    uint32_t intents;
    BdaUse use; /* of that memory type: the library's own pools, and the caller's that were made for these intents */
} BdaIntentUse;

/* What an intent uses. Cost: as bda_get_stats, without the driver. Errors: VALIDATION_FAILED (NULL, unknown intent). */
BDA_API VkResult bda_get_intent_stats(BdaAllocator allocator, BdaIntent intent, BdaIntentUse *use);

/* The live allocations whose names begin with one of BdaAllocatorInfo::prefixes. */
typedef struct BdaCountedPrefix {
    const char *prefix; /* valid as long as the allocator is */
    uint64_t allocation_count;
    VkDeviceSize used; /* bytes asked for */
    /* The most of `used` that there was ever, to the byte. A request that was refused is not in it, but what a batch
     * had made before one of its items was refused is. */
    BdaPeak peak_used;
} BdaCountedPrefix;

/*
 * What is used under the prefixes that the allocator was created with, in the order of that. An allocation belongs to
 * the longest one that its name begins with, from the moment when it is made or named until it is freed, also where its
 * memory waits (bda_free_after) or is held in quarantine then; bda_set_name moves it. `count` says how many `prefixes`
 * has room for, and becomes how many were written (VK_INCOMPLETE: there are more), or with NULL how many there are.
 * Cost: four loads for each; no lock, no driver call. For any thread. Each figure is of one moment, but not all of the
 *   same; they agree once other threads rest. What has a name pays for it, with 300 to 450 instructions for an
 *   allocation and its free, by the number of prefixes; what has none pays nothing.
 * Errors: VALIDATION_FAILED (NULL).
 */
BDA_API VkResult bda_get_counted_prefixes(BdaAllocator allocator, uint32_t *count, BdaCountedPrefix *prefixes);

#define BDA_PREFIX_SIZE 64

/* The allocations whose names begin alike. */
typedef struct BdaPrefixUse {
    char prefix[BDA_PREFIX_SIZE]; /* the name up to the delimiter, without it; all of a name that has none; cut to fit.
                                     Empty: of those without a name, and last of what fitted nowhere */
    uint64_t allocation_count;
    VkDeviceSize used; /* bytes asked for */
    VkDeviceSize held; /* bytes taken for them */
} BdaPrefixUse;

/*
 * What is used by the allocations of each prefix: "mesh" of "mesh/rock" and "mesh/tree", with the delimiter '/' (0
 * stands for that one, too). `count` says how many `uses` has room for, at least one, and becomes how many were
 * written, the most bytes first; where `uses` is NULL, how many there are, which takes host memory meanwhile. A name
 * that begins with the delimiter is its own prefix. VK_INCOMPLETE: there are more prefixes; those met first have
 * entries, and what found no room is in the last one, whose prefix is empty. Cost: goes through every range, as
 * bda_write_json, and compares each name with the prefixes found before. For a debugger's panel, not for each frame. No
 * driver call; some 16 KiB of stack. Errors: VALIDATION_FAILED (NULL, no room); OUT_OF_HOST_MEMORY where they are only
 * counted.
 */
BDA_API VkResult bda_get_prefix_stats(BdaAllocator allocator, char delimiter, uint32_t *count, BdaPrefixUse *uses);

/* ---- Budget, in one view -------------------------------------------------------------------------------------- */

/* A heap: what may be used, who uses it, what could be given back. */
typedef struct BdaHeapBudget {
    VkDeviceSize size;   /* of the heap, from VkMemoryHeap */
    VkDeviceSize limit;  /* the caller's heap_limits entry; 0 is none */
    VkDeviceSize budget; /* as BdaHeapStats */
    VkDeviceSize usage;  /* of the whole process, as far as is known */
    /* What may still be taken: of the process's budget beside its usage, and of the limit beside what is ours or told
     * by bda_set_external_use; the smaller of the two. */
    VkDeviceSize left;
    VkBool32 told; /* by the driver just now; else the budget is 80 % of the heap, the usage what is known here */
    VkDeviceSize external; /* told by bda_set_external_use */
    uint32_t external_count;
    /* ours */
    VkDeviceSize reserved;
    VkDeviceSize used;
    VkDeviceSize cached;
    VkDeviceSize pending;
    BdaPeak peak_reserved;
    /* What bda_trim(0) would give back: at least the blocks that are empty now; at most those in which nothing is live
     * or quarantined, should all that threads keep go back, and all that is pending be due. While something is pending,
     * what is quarantined counts as going, too: the one pushes the other out. Blocks in which the first 256 ranges are
     * neither count as that without a look at the others. */
    VkDeviceSize trim_least;
    VkDeviceSize trim_most;
} BdaHeapBudget;

/*
 * The heaps. `budgets` has room for `count` of them, which becomes how many were written (VK_INCOMPLETE: there are
 * more), or with NULL how many there are. VK_MAX_MEMORY_HEAPS always suffices.
 * Cost: as bda_get_stats, and up to 256 ranges of each block are looked at, mostly one or two; one
 *   vkGetPhysicalDeviceMemoryProperties2 where VK_EXT_memory_budget is enabled. Errors: VALIDATION_FAILED (NULL).
 */
BDA_API VkResult bda_get_budget(BdaAllocator allocator, uint32_t *count, BdaHeapBudget *budgets);

/* ---- Heap dumps ----------------------------------------------------------------------------------------------- */

/* Takes a piece of text, which need not end where a line or a character does; no terminating zero. VK_FALSE: no more is
 * wanted. No lock of the library is held, but it must not call back into the allocator. */
typedef VkBool32 (*BdaWriteText)(void *user, const char *text, size_t size);

typedef enum BdaJsonFlagBits {
    BDA_JSON_NO_RANGES_BIT = 0x1,  /* blocks without what is in them: short, and linear in blocks */
    BDA_JSON_NO_HISTORY_BIT = 0x2, /* without who had the memory before */
    BDA_JSON_FLAG_BITS_MAX_ENUM = 0x7FFFFFFF
} BdaJsonFlagBits;
typedef VkFlags BdaJsonFlags;

typedef struct BdaJsonInfo {
    const void *next;
    BdaJsonFlags flags;
    /* What is shown as the dump's title: "level 3, after loading". NULL: none. */
    const char *label;
} BdaJsonInfo;

/*
 * Writes all that is known of the heap as one JSON text: heaps and budgets, pools, caches, each block with its address
 * and every range in it (name, state, owner, frame), and the frees that are remembered. The schema is
 * docs/heap-dump.md; bda_view makes a page of it. `info` may be NULL.
 * Others may allocate and free meanwhile. The ranges of a block tile it, none missed and none overlapping; 64 at a time
 * are of one moment, and what came to lie across the end of those listed before is listed from there on. A block that
 * goes back to the driver meanwhile is listed as gone from there on.
 * Cost: linear in ranges, some 0.5 µs for each; a pool's lock is held for 64 of them at a time, and never while text is
 *   written. Host memory: none but the landmarks of look-ups (bda_find), some eight bytes a range. Some 20 KiB of
 *   stack. Driver: one vkGetPhysicalDeviceMemoryProperties2 where VK_EXT_memory_budget is enabled. Works after
 *   VK_ERROR_DEVICE_LOST.
 * VK_INCOMPLETE: `write` answered VK_FALSE. Errors: VALIDATION_FAILED (NULL, unknown flags), and nothing was written.
 */
BDA_API VkResult bda_write_json(BdaAllocator allocator, const BdaJsonInfo *info, BdaWriteText write, void *user);

#ifdef __cplusplus
}
#endif

#endif
