/*
 * Arenas of the caller's: pieces of chunks, one behind the other, that all go at once.
 *
 * The chunks are ordinary allocations, so nothing below the roof knows of arenas. An arena is one thread's: nothing of
 * it is under a lock but its place in the list of all arenas.
 */
#include "api/arena.h"

#include "alloc/allocate.h"
#include "alloc/caches.h"
#include "alloc/handle.h"
#include "api/check.h"
#include "api/inner.h"
#include "api/request.h"
#include "debug/message.h"

#include <string.h>

enum {
    CHUNK = 64 << 10,
    CHUNK_MOST = 4 << 20,
    CHUNKS_AT_FIRST = 4, /* in the list of those that are held */
    SMALLER = 16,        /* resets in a row that wanted less than the chunk they had, before chunks get smaller */
};

/* A chunk that is held. */
struct chunk {
    BdaHandle handle;
    VkDeviceSize filled; /* bytes that pieces may lie in; of the one that pieces come from, see filled_of */
    bool mapped;
};

struct BdaArena_T {
    VkDeviceAddress at, end; /* what is left of the chunk that pieces come from; the same: nothing */
    BdaAllocation current;   /* that chunk; zeros: there is none */
    VkDeviceSize least_mask; /* the least alignment, less one */
    VkDeviceSize used;       /* bytes asked for since the last reset */
    uint64_t pieces;         /* since then */
    /* seldom looked at: */
    BdaAllocator allocator;
    BdaAllocInfo like; /* what chunks are like; its name is the arena's own copy */
    VkDeviceSize least_size, most_size, next_size;
    struct chunk *held; /* all of them since the last reset */
    uint32_t count, room;
    uint32_t smaller; /* see SMALLER */
    VkDeviceSize reserved;
    VkDeviceSize most_used; /* before the last reset, like those below */
    uint64_t resets, total_pieces, total_chunks;
    BdaArena newer, older; /* under the pools lock */
};

/* ---- Life ---- */

static void add_to_list(BdaAllocator allocator, BdaArena arena) {
    bda_mutex_lock(&allocator->pools_lock);
    arena->older = allocator->newest_arena;
    if (arena->older != NULL)
        arena->older->newer = arena;
    allocator->newest_arena = arena;
    bda_mutex_unlock(&allocator->pools_lock);
}

static void take_from_list(BdaAllocator allocator, BdaArena arena) {
    bda_mutex_lock(&allocator->pools_lock);
    if (arena->older != NULL)
        arena->older->newer = arena->newer;
    if (arena->newer != NULL)
        arena->newer->older = arena->older;
    else
        allocator->newest_arena = arena->older;
    bda_mutex_unlock(&allocator->pools_lock);
}

/* Its own memory; the chunks are gone, or somebody else's to free. */
static void release_memory(BdaAllocator allocator, BdaArena arena) {
    bda_host_release_text(&allocator->host, (char *)(uintptr_t)arena->like.name);
    bda_host_release(&allocator->host, arena->held, arena->room * sizeof arena->held[0]);
    bda_host_release(&allocator->host, arena, sizeof *arena);
}

/* Whether chunks can be had at all, as far as that can be said without taking one; the alignment of all pieces. */
static VkResult check(BdaAllocator allocator, const BdaArenaInfo *info, BdaArena arena, struct bda_request *request) {
    VkBufferCreateInfo own;
    request->name = bda_name_or_none(info->chunk.name);
    if (info->next != NULL)
        return bda_invalid(request, "next must be NULL");
    arena->like = info->chunk;
    arena->least_size = info->chunk.size != 0 ? info->chunk.size : CHUNK;
    arena->most_size = bda_max(info->max_chunk_size != 0 ? info->max_chunk_size : CHUNK_MOST, arena->least_size);
    arena->next_size = arena->like.size = arena->least_size;
    VkResult result = bda_check_range(allocator, &arena->like, &own, request);
    arena->like.name = NULL; /* until there is a copy */
    if (result == VK_SUCCESS && info->max_chunk_size != 0 && info->max_chunk_size < arena->least_size)
        result = bda_invalid_value(request, "max_chunk_size is smaller than the first chunk", info->max_chunk_size,
                                   BDA_WRONG_VALUE);
    if (result == VK_SUCCESS)
        result = bda_check_types(allocator, request);
    arena->least_mask = request->alignment - 1;
    request->buffer_info = NULL; /* `own` ends here */
    return result;
}

static VkResult make_memory(BdaAllocator allocator, const BdaArenaInfo *info, BdaArena arena) {
    arena->allocator = allocator;
    arena->held = bda_host_allocate(&allocator->host, CHUNKS_AT_FIRST * sizeof arena->held[0], _Alignof(struct chunk));
    if (arena->held == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    arena->room = CHUNKS_AT_FIRST;
    const char *name = bda_name_or_none(info->chunk.name);
    if (name != NULL)
        arena->like.name = bda_host_copy_text(&allocator->host, name);
    return name == NULL || arena->like.name != NULL ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

VkResult bda_create_arena(BdaAllocator allocator, const BdaArenaInfo *info, BdaArena *arena) {
    if (arena == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "arena is NULL");
    *arena = NULL;
    if (allocator == NULL || info == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "info is NULL");
    BdaArena created = bda_host_allocate(&allocator->host, sizeof *created, _Alignof(struct BdaArena_T));
    if (created == NULL)
        return bda_refuse(allocator, __func__, VK_ERROR_OUT_OF_HOST_MEMORY, NULL);
    memset(created, 0, sizeof *created);
    struct bda_request request = { .reason = NULL };
    VkResult result = check(allocator, info, created, &request);
    if (result == VK_SUCCESS)
        result = make_memory(allocator, info, created);
    if (result != VK_SUCCESS) {
        release_memory(allocator, created);
        return bda_refuse_request(allocator, __func__, result, &request);
    }
    add_to_list(allocator, created);
    *arena = created;
    return VK_SUCCESS;
}

uint64_t bda_arenas_finish(BdaAllocator allocator) {
    uint64_t count = 0;
    for (BdaArena arena = allocator->newest_arena; arena != NULL; count++) {
        BdaArena older = arena->older;
        const char *name = arena->like.name;
        bda_message(allocator->message, allocator->message_user, BDA_MESSAGE_WARNING,
                    "an arena was not destroyed: %s%s%s", name != NULL ? "'" : "", name != NULL ? name : "unnamed",
                    name != NULL ? "'" : "");
        release_memory(allocator, arena);
        arena = older;
    }
    allocator->newest_arena = NULL;
    return count;
}

/* ---- Pieces ---- */

/* What stands in for a chunk's filled bytes while pieces come from it. */
static VkDeviceSize filled_of(BdaArena arena, const struct chunk *chunk) {
    return chunk->handle == arena->current.handle ? arena->at - arena->current.address : chunk->filled;
}

static void put_piece(const BdaAllocation *chunk, VkDeviceAddress address, BdaPiece *piece) {
    VkDeviceSize offset = address - chunk->address;
    piece->address = address;
    piece->mapped = chunk->mapped != NULL ? (unsigned char *)chunk->mapped + offset : NULL;
    piece->buffer = chunk->buffer;
    piece->offset = chunk->offset + offset;
}

static bool secure_place(BdaArena arena) {
    if (arena->count < arena->room)
        return true;
    struct bda_host *host = &arena->allocator->host;
    size_t size = arena->room * sizeof arena->held[0];
    struct chunk *longer = bda_host_allocate(host, 2 * size, _Alignof(struct chunk));
    if (longer == NULL)
        return false;
    memcpy(longer, arena->held, size);
    bda_host_release(host, arena->held, size);
    arena->held = longer;
    arena->room *= 2;
    return true;
}

/* One more chunk, which is not yet the one that pieces come from. */
static VkResult take_chunk(BdaArena arena, VkDeviceSize size, VkDeviceSize alignment, BdaAllocation *chunk,
                           struct bda_request *request) {
    *request = (struct bda_request){ .name = arena->like.name, .size = size };
    if (!secure_place(arena))
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    BdaAllocInfo info = arena->like;
    info.size = size;
    info.alignment = bda_max(info.alignment, alignment);
    VkBufferCreateInfo own;
    VkResult result = bda_check_range(arena->allocator, &info, &own, request);
    if (result == VK_SUCCESS)
        result = bda_fulfil(arena->allocator, request, chunk);
    if (result != VK_SUCCESS)
        return result;
    arena->held[arena->count++] =
        (struct chunk){ .handle = chunk->handle, .filled = size, .mapped = chunk->mapped != NULL };
    arena->reserved += size;
    arena->total_chunks++;
    return VK_SUCCESS;
}

/* In a new chunk: what is large for one gets its own, and leaves the one that pieces come from as it is. */
BDA_APART VkResult alloc_in_new_chunk(BdaArena arena, VkDeviceSize size, VkDeviceSize alignment, BdaPiece *piece) {
    struct bda_request request;
    bool alone = size > arena->next_size / 2;
    BdaAllocation chunk;
    VkDeviceSize least = bda_max(arena->least_size, size);
    VkResult result = take_chunk(arena, alone ? size : arena->next_size, alignment, &chunk, &request);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY && !alone && least < arena->next_size) /* a smaller one may fit */
        result = take_chunk(arena, least, alignment, &chunk, &request);
    if (result != VK_SUCCESS)
        return bda_refuse_new_chunk(arena->allocator, "bda_alloc_from_arena", result, &request, size);
    bda_caches_after_requests(arena->allocator, 1);
    put_piece(&chunk, chunk.address, piece);
    arena->used += size;
    arena->pieces++;
    if (!alone) {
        arena->current = chunk;
        arena->at = chunk.address + size;
        arena->end = chunk.address + chunk.size;
    }
    return VK_SUCCESS;
}

BDA_COLD VkResult refuse_piece(BdaArena arena, VkDeviceSize size, VkDeviceSize alignment, const BdaPiece *piece) {
    if (arena == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    struct bda_request refused = { .name = arena->like.name, .size = size, .pool = arena->like.pool };
    VkResult result = bda_invalid(&refused, piece == NULL ? "piece is NULL" : "size is 0");
    if (piece != NULL && size != 0)
        result = bda_invalid_value(&refused, "alignment is no power of two", alignment, BDA_WRONG_VALUE);
    return bda_refuse_request(arena->allocator, "bda_alloc_from_arena", result, &refused);
}

VkResult bda_alloc_from_arena(BdaArena arena, VkDeviceSize size, VkDeviceSize alignment, BdaPiece *piece) {
    if (piece != NULL)
        *piece = (BdaPiece){ .address = 0 };
    if (arena == NULL || piece == NULL || size == 0 || (alignment & (alignment - 1)) != 0)
        return refuse_piece(arena, size, alignment, piece);
    VkDeviceSize mask = (alignment - (alignment != 0)) | arena->least_mask;
    VkDeviceSize room = arena->end - arena->at;
    VkDeviceSize padding = (0 - arena->at) & mask;
    if (size > room || padding > room - size)
        return alloc_in_new_chunk(arena, size, alignment, piece);
    put_piece(&arena->current, arena->at + padding, piece);
    arena->at += padding + size;
    arena->used += size;
    arena->pieces++;
    return VK_SUCCESS;
}

/* What is said where a chunk's handle is dead. */
#define GONE ": a chunk was freed by its address, or with its pool"

static VkResult refuse_chunk(BdaArena arena, const char *function, const char *gone, VkResult result,
                             const char *reason, BdaHandle chunk) {
    return bda_refuse_handle(arena->allocator, reason == bda_handle_is_dead ? gone : function, result, reason, chunk);
}

VkResult bda_flush_arena(BdaArena arena) {
    if (arena == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    for (uint32_t i = 0; i < arena->count; i++) {
        const struct chunk *chunk = &arena->held[i];
        VkDeviceSize filled = filled_of(arena, chunk);
        const char *reason = NULL;
        VkResult result = VK_SUCCESS;
        if (chunk->mapped && filled != 0) /* all of it: a piece may be written long after it was taken, or again */
            result = bda_flush_inner(arena->allocator, chunk->handle, 0, filled, &reason);
        if (result != VK_SUCCESS)
            return refuse_chunk(arena, __func__, "bda_flush_arena" GONE, result, reason, chunk->handle);
    }
    return VK_SUCCESS;
}

/* ---- Resets ---- */

/* Frees a chunk, now or when the semaphore says so. */
static VkResult free_chunk(BdaArena arena, const char *gone, BdaHandle handle, VkSemaphore timeline, uint64_t value) {
    if (timeline == VK_NULL_HANDLE)
        return bda_free_inner(arena->allocator, handle, gone);
    const char *reason = NULL;
    VkResult result = bda_free_after_inner(arena->allocator, handle, timeline, value, &reason);
    return result == VK_SUCCESS ? result : refuse_chunk(arena, "bda_reset_arena", gone, result, reason, handle);
}

/* Frees all of them. The first says whether there is a place for the semaphore, and all others join it there; one that
 * is stale was freed with its pool, and is no longer held either. */
static VkResult free_chunks(BdaArena arena, const char *gone, VkSemaphore timeline, uint64_t value) {
    VkResult answer = VK_SUCCESS;
    for (uint32_t i = 0; i < arena->count; i++) {
        VkResult result = free_chunk(arena, gone, arena->held[i].handle, timeline, value);
        if (result != VK_SUCCESS && result != VK_ERROR_VALIDATION_FAILED_EXT)
            return result;
        answer = result != VK_SUCCESS ? result : answer;
    }
    return answer;
}

/* The next chunk holds what was taken since the last reset: at once where that was more, after a while where less. */
static void choose_size(BdaArena arena) {
    VkDeviceSize filled = arena->reserved - (arena->end - arena->at), wanted = arena->least_size;
    while (wanted < filled && wanted < arena->most_size)
        wanted = bda_min(2 * wanted, arena->most_size);
    arena->smaller = wanted < arena->next_size ? arena->smaller + 1 : 0;
    if (wanted > arena->next_size || arena->smaller == SMALLER) {
        arena->next_size = wanted;
        arena->smaller = 0;
    }
}

static void begin_anew(BdaArena arena) {
    arena->most_used = bda_max(arena->most_used, arena->used);
    arena->total_pieces += arena->pieces;
    arena->resets++;
    arena->current = (BdaAllocation){ .handle = 0 };
    arena->at = arena->end = 0;
    arena->used = arena->pieces = 0;
    arena->count = 0;
    arena->reserved = 0;
}

VkResult bda_reset_arena(BdaArena arena, VkSemaphore timeline, uint64_t value) {
    if (arena == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    VkResult result = free_chunks(arena, "bda_reset_arena" GONE, timeline, value);
    if (result != VK_SUCCESS && result != VK_ERROR_VALIDATION_FAILED_EXT)
        return result;
    choose_size(arena);
    begin_anew(arena);
    return result;
}

void bda_destroy_arena(BdaArena arena) {
    if (arena == NULL)
        return;
    BdaAllocator allocator = arena->allocator;
    (void)free_chunks(arena, "bda_destroy_arena" GONE, VK_NULL_HANDLE, 0);
    take_from_list(allocator, arena);
    release_memory(allocator, arena);
}

VkResult bda_get_arena_stats(BdaArena arena, BdaArenaStats *stats) {
    if (stats == NULL)
        return arena == NULL ? VK_ERROR_VALIDATION_FAILED_EXT
                             : bda_refuse(arena->allocator, __func__, VK_ERROR_VALIDATION_FAILED_EXT, "stats is NULL");
    memset(stats, 0, sizeof *stats);
    if (arena == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    *stats = (BdaArenaStats){
        .piece_count = arena->pieces,
        .used = arena->used,
        .wasted = arena->reserved - (arena->end - arena->at) - arena->used,
        .reserved = arena->reserved,
        .chunk_count = arena->count,
        .chunk_size = arena->next_size,
        .reset_count = arena->resets,
        .most_used = bda_max(arena->most_used, arena->used),
        .total_pieces = arena->total_pieces + arena->pieces,
        .total_chunks = arena->total_chunks,
    };
    return VK_SUCCESS;
}
