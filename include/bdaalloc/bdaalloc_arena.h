/*
 * libbdaalloc, the part of its header for what lives for a frame: arenas, linear allocators over the library's own
 * allocations. bdaalloc.h includes it; its words and conventions hold here, too.
 */
#ifndef BDAALLOC_BDAALLOC_ARENA_H
#define BDAALLOC_BDAALLOC_ARENA_H

#include "bdaalloc.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BdaArenaInfo {
    const void *next;
    /* What its chunks are: intent, usage, flags, priority, pool and name are those of bda_alloc. `alignment`, with what
     * the usage needs, is the least of all that comes from the arena. `size` is the first chunk's, and the least of
     * any; 0: 64 KiB. */
    BdaAllocInfo chunk;
    /* Chunks grow until one holds all that was taken between two resets, up to this size; 0: 4 MiB, or `chunk.size`
     * where that is more. */
    VkDeviceSize max_chunk_size;
} BdaArenaInfo;

/* A piece of an arena; it has no handle, and goes with the next reset. */
typedef struct BdaPiece {
    VkDeviceAddress address;
    void *mapped;
    VkBuffer buffer;
    VkDeviceSize offset;
} BdaPiece;

/*
 * An arena hands out pieces of chunks, one behind the other, and takes all of them back at once: for what a frame
 * uploads and forgets. One thread at a time may use an arena (most have one for each thread), so a piece takes neither
 * lock nor atomic; different arenas know nothing of each other. The chunks are ordinary allocations: bda_find explains
 * addresses in them, statistics count them, a leaked arena's are listed by the arena's name. Checking modes see chunks,
 * not pieces, between which there is nothing: a piece that runs into the next one is not found.
 * bda_create_arena makes no chunk yet. The struct and the name are copied. `chunk.pool` must outlive the arena.
 * Errors: VALIDATION_FAILED, FEATURE_NOT_PRESENT (as bda_alloc would answer), OUT_OF_HOST_MEMORY.
 */
BDA_API VkResult bda_create_arena(BdaAllocator allocator, const BdaArenaInfo *info, BdaArena *arena);

/* Frees what it holds and the arena itself. The GPU is done with all pieces, or bda_reset_arena has said when it will
 * be. NULL is allowed and does nothing. To be called before bda_destroy_allocator, which tells of the arenas that still
 * exist, frees them and answers VK_INCOMPLETE: to touch one afterwards is use after free. */
BDA_API void bda_destroy_arena(BdaArena arena);

/*
 * A piece of `size` bytes whose address is a multiple of `alignment` (0: the arena's) and of what the arena's usage
 * needs. Cost: a few additions while the chunk has room; else as bda_alloc, for a new one. A piece larger than half
 * a chunk may get one of its own.
 * Errors: VALIDATION_FAILED (NULL, size 0, an alignment that is no power of two); those of bda_alloc, where a new chunk
 * was wanted. Then `piece` is zeroed and the arena as it was.
 */
BDA_API VkResult bda_alloc_from_arena(BdaArena arena, VkDeviceSize size, VkDeviceSize alignment, BdaPiece *piece);

/* All pieces go: their chunks are freed once `timeline` has reached `value`, as with bda_free_after, or at once where
 * it is VK_NULL_HANDLE. The arena begins anew at once, in new chunks. Cost: as bda_free_after, for each chunk: mostly
 * one. Errors: those of bda_free_after, and then the arena is as it was; but VALIDATION_FAILED (of an arena,
 * not of NULL) means that a chunk was freed by somebody else, by its address or with its pool: the others are freed
 * then, and the arena begins anew. */
BDA_API VkResult bda_reset_arena(BdaArena arena, VkSemaphore timeline, uint64_t value);

/* Makes what the CPU has written into the pieces visible to the device, whenever it wrote that: before a submission.
 * Cost: a flush of each chunk, as far as it is filled; nothing where memory is coherent. Errors: VALIDATION_FAILED
 * (NULL; or a mapped chunk was freed by somebody else, by its address or with its pool: the chunks behind it are not
 * flushed then); what vkFlushMappedMemoryRanges answers. */
BDA_API VkResult bda_flush_arena(BdaArena arena);

typedef struct BdaArenaStats {
    void *next;
    uint64_t piece_count;    /* since the last reset */
    VkDeviceSize used;       /* bytes asked for since then */
    VkDeviceSize wasted;     /* bytes between the pieces, and behind the last of each chunk that is full */
    VkDeviceSize reserved;   /* bytes of the chunks that are held now */
    uint32_t chunk_count;    /* that are held now */
    VkDeviceSize chunk_size; /* of the next one */
    uint64_t reset_count;    /* since creation, like the following */
    VkDeviceSize most_used;  /* between two resets */
    uint64_t total_pieces;   /* handed out */
    uint64_t total_chunks;   /* taken */
} BdaArenaStats;

/* Costs a few additions. For the thread that uses the arena. Errors: VALIDATION_FAILED (NULL). */
BDA_API VkResult bda_get_arena_stats(BdaArena arena, BdaArenaStats *stats);

#ifdef __cplusplus
}
#endif

#endif
