/* src/api/arena.c: pieces lie where they should, frames come and go with their semaphore, and a refusal changes
 * nothing. */
#include "alloc_support.h"

#include <pthread.h>

static BdaArena make_arena(BdaArenaInfo info) {
    BdaArena arena = NULL;
    assert_int_equal(bda_create_arena(bench.allocator, &info, &arena), VK_SUCCESS);
    assert_non_null(arena);
    return arena;
}

static BdaPiece piece_of(BdaArena arena, VkDeviceSize size, VkDeviceSize alignment) {
    BdaPiece piece;
    VkResult result = bda_alloc_from_arena(arena, size, alignment, &piece);
    if (result != VK_SUCCESS)
        fail_msg("refused: %s", bench.text);
    return piece;
}

static BdaArenaStats stats_of(BdaArena arena) {
    BdaArenaStats stats;
    assert_int_equal(bda_get_arena_stats(arena, &stats), VK_SUCCESS);
    return stats;
}

static void reset(BdaArena arena) {
    assert_int_equal(bda_reset_arena(arena, VK_NULL_HANDLE, 0), VK_SUCCESS);
}

/* Address, mapping, buffer and offset name the same bytes. */
static void assert_piece_is_sound(const BdaPiece *piece) {
    VkBuffer buffer;
    VkDeviceSize offset;
    assert_int_equal(bda_resolve(bench.allocator, piece->address, &buffer, &offset), VK_SUCCESS);
    assert_true(buffer == piece->buffer && offset == piece->offset);
    assert_ptr_equal(bda_mapped(bench.allocator, piece->address), piece->mapped);
}

/* ---- Where pieces lie ---- */

static void pieces_are_aligned_and_apart(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaArena arena = make_arena((BdaArenaInfo){ .chunk = { .intent = BDA_INTENT_UPLOAD, .name = "frame" } });
    VkDeviceAddress end = 0;
    VkDeviceSize used = 0;
    for (uint32_t i = 0; i < 400; i++) {
        VkDeviceSize size = 1 + i * 37 % 300, alignment = i % 3 == 0 ? 0 : (VkDeviceSize)1 << i % 9;
        BdaPiece piece = piece_of(arena, size, alignment);
        assert_piece_is_sound(&piece);
        assert_int_equal(piece.address % (alignment > 16 ? alignment : 16), 0);
        assert_true(piece.address >= end || piece.address + size <= end - KIB(64)); /* or in a new chunk */
        end = piece.address + size;
        used += size;
    }
    BdaArenaStats stats = stats_of(arena);
    assert_int_equal(stats.piece_count, 400);
    assert_int_equal(stats.used, used);
    assert_int_equal(stats.chunk_count, stats.total_chunks);
    assert_int_equal(stats.reserved, stats.chunk_count * KIB(64));
    assert_true(stats.wasted > 0 && stats.used + stats.wasted <= stats.reserved);
    assert_int_equal(bench_use().used, stats.reserved); /* chunks are allocations like others */
    bda_destroy_arena(arena);
    bench_close();
}

static void a_usage_brings_its_alignment(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .limits = { .minUniformBufferOffsetAlignment = 256 }, .base_alignment = 256 },
               NULL);
    BdaArena arena = make_arena(
        (BdaArenaInfo){ .chunk = { .intent = BDA_INTENT_UPLOAD, .usage = VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT } });
    for (uint32_t i = 0; i < 20; i++) {
        BdaPiece piece = piece_of(arena, 10, i % 2 == 0 ? 0 : 4);
        assert_true(piece.address % 256 == 0 && piece.offset % 256 == 0);
    }
    assert_int_equal(piece_of(arena, 10, 4096).address % 4096, 0);
    bda_destroy_arena(arena);
    bench_close();
}

static void a_large_piece_leaves_the_chunk_to_small_ones(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaArena arena = make_arena((BdaArenaInfo){ .chunk = { .size = KIB(4) } });
    BdaPiece small = piece_of(arena, 100, 0);
    BdaPiece large = piece_of(arena, MIB(1), 0), aligned = piece_of(arena, KIB(3), KIB(64));
    assert_piece_is_sound(&large);
    assert_int_equal(aligned.address % KIB(64), 0);
    assert_int_equal(piece_of(arena, 100, 0).address, small.address + 112);
    assert_int_equal(stats_of(arena).chunk_count, 3);
    assert_int_equal(stats_of(arena).reserved, KIB(4) + MIB(1) + KIB(3));
    assert_int_equal(stats_of(arena).wasted, 12);
    bda_destroy_arena(arena);
    bench_close();
}

static void a_chunk_is_used_to_its_last_byte(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaArena arena = make_arena((BdaArenaInfo){ .chunk = { .size = KIB(4) } });
    for (uint32_t i = 0; i < 8; i++)
        (void)piece_of(arena, 512, 512);
    assert_int_equal(stats_of(arena).chunk_count, 1);
    assert_int_equal(stats_of(arena).wasted, 0);
    (void)piece_of(arena, 1, 1);
    assert_int_equal(stats_of(arena).chunk_count, 2);
    (void)piece_of(arena, 2000, 1);
    (void)piece_of(arena, 2000, 1); /* 95 bytes are left: 80 fit, and so do 32 before them, but not both */
    (void)piece_of(arena, 80, 64);
    assert_int_equal(stats_of(arena).chunk_count, 3);
    bda_destroy_arena(arena);
    bench_close();
}

/* ---- Frames ---- */

static void a_chunk_grows_until_it_holds_a_frame_and_shrinks_again(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaArena arena = make_arena((BdaArenaInfo){ .chunk = { .size = KIB(4) }, .max_chunk_size = KIB(48) });
    const uint32_t pieces[] = { 20, 20, 200, 200 }; /* of a KiB */
    const uint32_t chunks[] = { 5, 1, 7, 5 };
    for (uint32_t frame = 0; frame < COUNT_OF(pieces); frame++) {
        for (uint32_t i = 0; i < pieces[frame]; i++)
            (void)piece_of(arena, KIB(1), 0);
        assert_int_equal(stats_of(arena).chunk_count, chunks[frame]);
        reset(arena);
        assert_int_equal(stats_of(arena).chunk_count, 0);
        assert_int_equal(bench_use().allocation_count, 0);
    }
    assert_int_equal(stats_of(arena).chunk_size, KIB(48));
    assert_int_equal(stats_of(arena).most_used, KIB(200));
    for (uint32_t frame = 0; frame < 16; frame++) {
        assert_int_equal(stats_of(arena).chunk_size, KIB(48));
        (void)piece_of(arena, KIB(5), 0);
        reset(arena);
    }
    assert_int_equal(stats_of(arena).chunk_size, KIB(8));
    assert_int_equal(stats_of(arena).reset_count, 20);
    assert_int_equal(stats_of(arena).total_pieces, 20 + 20 + 200 + 200 + 16);
    bda_destroy_arena(arena);
    bench_close();
}

static void where_no_large_chunk_is_to_be_had_a_small_one_serves(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool;
    const BdaPoolInfo info = { .first_block_size = MIB(1), .max_block_size = MIB(1), .limit = MIB(1) };
    assert_int_equal(bda_create_pool(bench.allocator, &info, &pool), VK_SUCCESS);
    BdaArena arena =
        make_arena((BdaArenaInfo){ .chunk = { .size = KIB(4), .pool = pool }, .max_chunk_size = KIB(256) });
    for (uint32_t i = 0; i < 200; i++)
        (void)piece_of(arena, KIB(1), 0);
    reset(arena);
    assert_true(stats_of(arena).chunk_size > KIB(128));
    BdaAllocation rest[8]; /* others leave 128 KiB */
    for (uint32_t i = 0; i < 7; i++)
        rest[i] = take((BdaAllocInfo){ .size = KIB(128), .pool = pool });
    for (uint32_t i = 0; i < 8; i++)
        (void)piece_of(arena, KIB(4), 0);
    bda_destroy_arena(arena);
    give_all(rest, 7);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_SUCCESS);
    bench_close();
}

static void a_frame_stays_until_its_semaphore_says_so(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore timeline = fake_make_semaphore(bench.driver, 0);
    BdaArena arena = make_arena((BdaArenaInfo){ .chunk = { .intent = BDA_INTENT_UPLOAD, .name = "uploads" } });
    BdaPiece frames[3];
    for (uint32_t i = 0; i < 3; i++) {
        frames[i] = piece_of(arena, 1000, 0);
        for (uint32_t k = 0; k < i; k++)
            assert_true(frames[k].address != frames[i].address);
        assert_int_equal(bda_reset_arena(arena, timeline, i + 1), VK_SUCCESS);
    }
    assert_int_equal(bench_use().pending_count, 3);
    fake_signal(bench.driver, timeline, 2);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bench_use().pending_count, 1);
    BdaFinding finding;
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, frames[2].address, 0, &count, &finding), VK_SUCCESS);
    assert_int_equal(finding.kind, BDA_FINDING_PENDING);
    assert_string_equal(finding.range.name, "uploads");
    bda_destroy_arena(arena);
    fake_signal(bench.driver, timeline, 3);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    fake_drop_semaphore(bench.driver, timeline);
    bench_close();
}

static void a_reset_without_a_place_changes_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    VkSemaphore semaphores[257];
    for (uint32_t i = 0; i < COUNT_OF(semaphores); i++)
        semaphores[i] = fake_make_semaphore(bench.driver, 0);
    for (uint32_t i = 0; i < 256; i++) {
        BdaAllocation a = take((BdaAllocInfo){ .size = 64 });
        assert_int_equal(bda_free_after(bench.allocator, a.handle, semaphores[i], 1), VK_SUCCESS);
    }
    BdaArena arena = make_arena((BdaArenaInfo){ .chunk = { .size = KIB(4) } });
    BdaPiece first = piece_of(arena, 100, 0);
    (void)piece_of(arena, KIB(10), 0);
    assert_int_equal(bda_reset_arena(arena, semaphores[256], 1), VK_ERROR_TOO_MANY_OBJECTS);
    assert_int_equal(stats_of(arena).chunk_count, 2);
    assert_int_equal(piece_of(arena, 100, 0).address, first.address + 112);
    assert_int_equal(bda_reset_arena(arena, semaphores[0], 2), VK_SUCCESS);
    bda_destroy_arena(arena);
    for (uint32_t i = 0; i < COUNT_OF(semaphores); i++)
        fake_signal(bench.driver, semaphores[i], 2);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    for (uint32_t i = 0; i < COUNT_OF(semaphores); i++)
        fake_drop_semaphore(bench.driver, semaphores[i]);
    bench_close();
}

/* ---- Memory that is not coherent ---- */

static void what_was_written_is_seen_after_a_flush(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT }, NULL);
    BdaArena arena = make_arena((BdaArenaInfo){ .chunk = { .size = KIB(4), .intent = BDA_INTENT_UPLOAD } });
    BdaPiece pieces[40];
    for (uint32_t i = 0; i < COUNT_OF(pieces); i++) {
        pieces[i] = piece_of(arena, 300, 4);
        memset(pieces[i].mapped, (int)i + 1, 300);
        if (i % 7 == 6)
            assert_int_equal(bda_flush_arena(arena), VK_SUCCESS);
    }
    assert_int_equal(bda_flush_arena(arena), VK_SUCCESS);
    for (uint32_t i = 0; i < COUNT_OF(pieces); i++) {
        unsigned char bytes[300];
        assert_true(fake_device_read(bench.driver, pieces[i].address, bytes, sizeof bytes));
        for (uint32_t k = 0; k < sizeof bytes; k++)
            assert_int_equal(bytes[k], i + 1);
    }
    unsigned char byte = 0; /* one that is written again, and one long after it was taken */
    memset(pieces[0].mapped, 99, 300);
    BdaPiece late = piece_of(arena, 300, 4);
    assert_int_equal(bda_flush_arena(arena), VK_SUCCESS);
    memset(late.mapped, 77, 300);
    assert_int_equal(bda_flush_arena(arena), VK_SUCCESS);
    assert_true(fake_device_read(bench.driver, pieces[0].address, &byte, 1));
    assert_int_equal(byte, 99);
    assert_true(fake_device_read(bench.driver, late.address + 299, &byte, 1));
    assert_int_equal(byte, 77);
    bda_destroy_arena(arena);
    arena = make_arena((BdaArenaInfo){ .chunk = { .intent = BDA_INTENT_DEVICE } });
    assert_null(piece_of(arena, 100, 0).mapped);
    assert_int_equal(bda_flush_arena(arena), VK_SUCCESS);
    bda_destroy_arena(arena);
    bench_close();
}

/* ---- Refusals ---- */

static void a_refused_chunk_changes_nothing(void **state) {
    (void)state;
    for (uint32_t of_driver = 0; of_driver < 2; of_driver++) {
        bench_open(NULL, NULL);
        BdaArena arena = make_arena((BdaArenaInfo){ .chunk = { .size = KIB(4), .name = "chunk" } });
        for (uint32_t i = 0; i < 8; i++) /* full, and its list of chunks, too */
            (void)piece_of(arena, KIB(2), 0);
        assert_int_equal(stats_of(arena).chunk_count, 4);
        VkResult result;
        uint32_t refusals = 0;
        do {
            struct bench_state before = bench_look();
            BdaArenaStats stats = stats_of(arena);
            BdaPiece piece = { .address = 1 };
            if (of_driver != 0)
                fake_fail(bench.driver, FAKE_CALL_ANY, refusals + 1, VK_ERROR_UNKNOWN);
            else
                fake_host_fail(&bench.host, refusals + 1, false);
            result = bda_alloc_from_arena(arena, MIB(2), 0, &piece);
            fake_host_fail(&bench.host, 0, false);
            fake_clear_failures(bench.driver);
            if (result == VK_SUCCESS)
                break;
            BdaArenaStats now = stats_of(arena);
            assert_memory_equal(&stats, &now, sizeof now);
            assert_true(piece.address == 0 && piece.buffer == VK_NULL_HANDLE);
            assert_as_before(&before);
            assert_int_equal(bench_heard("bda_alloc_from_arena 'chunk', 2097152 bytes: "), 1);
            bench_hush();
        } while (++refusals < 100);
        assert_true(refusals > 0 && refusals < 100);
        bda_destroy_arena(arena);
        bench_close();
    }
}

/* Who asked for 100 bytes does not know of 256 KiB. */
static void a_refused_piece_is_told_with_its_chunk(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .name = "bounded", .limit = KIB(64) });
    BdaArena arena = make_arena((BdaArenaInfo){ .chunk = { .size = KIB(256), .name = "fr", .pool = pool } });
    BdaPiece piece;
    assert_refusal(VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_alloc_from_arena(arena, 100, 0, &piece),
                   "bda_alloc_from_arena 'fr', 100 bytes in a new chunk of 262144, pool 'bounded': the pool's limit",
                   "");
    assert_refusal(VK_ERROR_OUT_OF_DEVICE_MEMORY, bda_alloc_from_arena(arena, KIB(200), 0, &piece),
                   "bda_alloc_from_arena 'fr', 204800 bytes, pool 'bounded': the pool's limit", "");
    bda_destroy_arena(arena);
    bench_close();
}

static void a_refused_arena_leaves_nothing(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    for (size_t nth = 1;; nth++) {
        BdaArena arena = (BdaArena)(uintptr_t)1;
        fake_host_fail(&bench.host, nth, false);
        VkResult result = bda_create_arena(bench.allocator, &(BdaArenaInfo){ .chunk = { .name = "arena" } }, &arena);
        fake_host_fail(&bench.host, 0, false);
        if (result == VK_SUCCESS) {
            assert_int_equal(nth, 4);
            bda_destroy_arena(arena);
            break;
        }
        assert_int_equal(result, VK_ERROR_OUT_OF_HOST_MEMORY);
        assert_null(arena);
    }
    bench_hush();
    bench_close();
}

static void an_arena_that_no_type_serves_is_refused(void **state) {
    (void)state;
    bench_open(&(struct fake_config){ .machine = FAKE_MACHINE_UNMAPPABLE }, NULL);
    const BdaAllocInfo never[] = { { .intent = BDA_INTENT_UPLOAD }, { .flags = BDA_ALLOC_ZERO_BIT } };
    for (uint32_t i = 0; i < COUNT_OF(never); i++) {
        BdaArena arena = (BdaArena)(uintptr_t)1;
        assert_refusal(VK_ERROR_FEATURE_NOT_PRESENT,
                       bda_create_arena(bench.allocator, &(BdaArenaInfo){ .chunk = never[i] }, &arena),
                       "bda_create_arena", "no memory type serves the intent");
        assert_null(arena);
    }
    bda_destroy_arena(make_arena((BdaArenaInfo){ .chunk = { .intent = BDA_INTENT_DEVICE } }));
    bench_close();
}

/* The first piece begins where its chunk does, which is an allocation like any other. */
static void a_chunk_freed_by_its_address_is_told_at_the_reset(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaArena arena = make_arena((BdaArenaInfo){ .chunk = { .size = KIB(4) } });
    BdaPiece first = piece_of(arena, 100, 0), second = piece_of(arena, 100, 0), other = piece_of(arena, KIB(4), 0);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_free_address(bench.allocator, second.address),
                   "bda_free_address", "");
    assert_int_equal(bda_free_address(bench.allocator, first.address), VK_SUCCESS);
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_reset_arena(arena, VK_NULL_HANDLE, 0), "bda_reset_arena",
                   ": a chunk was freed by its address, or with its pool: handle 0x");
    assert_int_equal(bench_use().allocation_count, 0);
    assert_int_equal(stats_of(arena).chunk_count, 0);
    assert_true(other.address != first.address);
    first = piece_of(arena, 100, 0);
    BdaFinding finding;
    uint32_t count = 1;
    assert_int_equal(bda_find(bench.allocator, first.address, 1, &count, &finding), VK_SUCCESS);
    assert_int_equal(bda_free_address(bench.allocator, first.address), VK_SUCCESS);
    bda_destroy_arena(arena);
    assert_int_equal(bench_heard("bda_destroy_arena: a chunk was freed by its address, or with its pool: handle 0x"),
                     1);
    bench_hush();
    bench_close();
}

static void misuse_is_refused(void **state) {
    (void)state;
    const VkResult bad = VK_ERROR_VALIDATION_FAILED_EXT;
    bench_open(NULL, NULL);
    BdaArena arena = NULL;
    BdaPiece piece;
    BdaArenaStats stats;
    const char *make = "bda_create_arena", *get = "bda_alloc_from_arena";
    const BdaArenaInfo plain = { .next = NULL };
    assert_refusal(bad, bda_create_arena(bench.allocator, &plain, NULL), make, "arena is NULL");
    assert_refusal(bad, bda_create_arena(bench.allocator, NULL, &arena), make, "info is NULL");
    assert_int_equal(bda_create_arena(NULL, &plain, &arena), bad);
    assert_refusal(bad, bda_create_arena(bench.allocator, &(BdaArenaInfo){ .next = &plain }, &arena), make, "next");
    assert_refusal(
        bad, bda_create_arena(bench.allocator, &(BdaArenaInfo){ .chunk = { .alignment = 3, .name = "odd" } }, &arena),
        make, "bda_create_arena 'odd': alignment is no power of two, 3 (");
    assert_refusal(bad,
                   bda_create_arena(bench.allocator, &(BdaArenaInfo){ .chunk = { .intent = (BdaIntent)9 } }, &arena),
                   make, "intent");
    assert_refusal(bad,
                   bda_create_arena(bench.allocator,
                                    &(BdaArenaInfo){ .chunk = { .size = KIB(8) }, .max_chunk_size = KIB(4) }, &arena),
                   make, "max_chunk_size");
    arena = make_arena(plain);
    assert_refusal(bad, bda_alloc_from_arena(arena, 0, 0, &piece), get, "size is 0");
    assert_refusal(bad, bda_alloc_from_arena(arena, 16, 24, &piece), get,
                   "bda_alloc_from_arena, 16 bytes: alignment is no power of two, 24 (");
    assert_refusal(bad, bda_alloc_from_arena(arena, 16, 0, NULL), get, "piece is NULL");
    assert_refusal(bad, bda_alloc_from_arena(arena, UINT64_MAX, 0, &piece), get, "larger than");
    assert_refusal(bad, bda_alloc_from_arena(arena, UINT64_MAX - 15, 1, &piece), get, "larger than");
    assert_refusal(bad, bda_alloc_from_arena(arena, 16, (VkDeviceSize)1 << 63, &piece), get, "alignment is larger");
    assert_int_equal(bda_alloc_from_arena(NULL, 16, 0, &piece), bad);
    assert_int_equal(piece.address, 0);
    assert_int_equal(bda_reset_arena(NULL, VK_NULL_HANDLE, 0), bad);
    assert_int_equal(bda_flush_arena(NULL), bad);
    assert_int_equal(bda_get_arena_stats(NULL, &stats), bad);
    assert_refusal(bad, bda_get_arena_stats(arena, NULL), "bda_get_arena_stats", "stats");
    bda_destroy_arena(NULL);
    bda_destroy_arena(arena);
    bench_close();
}

static void what_was_not_destroyed_is_told_of(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaArena first = make_arena((BdaArenaInfo){ .chunk = { .name = "first" } });
    BdaArena second = make_arena((BdaArenaInfo){ .chunk = { .name = "second" } });
    BdaArena third = make_arena((BdaArenaInfo){ .chunk = { .name = "third" } });
    (void)piece_of(first, 10, 0);
    (void)piece_of(second, 10, 0);
    bda_destroy_arena(second);
    (void)third;
    bench_end(VK_INCOMPLETE);
    assert_int_equal(bench_heard("an arena was not destroyed: 'first'"), 1);
    assert_int_equal(bench_heard("an arena was not destroyed: 'third'"), 1);
    assert_int_equal(bench_heard("still live: 'first', 65536 bytes"), 1);
    assert_int_equal(bench_heard("second"), 0);
}

static void chunks_that_went_with_their_pool_are_dropped(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    BdaPool pool = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD });
    BdaArena arena = make_arena((BdaArenaInfo){ .chunk = { .pool = pool, .intent = BDA_INTENT_UPLOAD } });
    (void)piece_of(arena, 100, 0);
    assert_int_equal(bda_destroy_pool(bench.allocator, pool), VK_INCOMPLETE);
    bench_hush();
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_flush_arena(arena), "bda_flush_arena",
                   ": a chunk was freed by its address, or with its pool: handle 0x");
    assert_refusal(VK_ERROR_VALIDATION_FAILED_EXT, bda_reset_arena(arena, VK_NULL_HANDLE, 0), "bda_reset_arena",
                   "is stale: an unnamed allocation (65536 bytes at 0x");
    assert_int_equal(stats_of(arena).chunk_count, 0);
    bda_destroy_arena(arena);
    bench_close();
}

/* ---- Threads ---- */

enum { THREADS = 4, FRAMES = 200 };

/* Each thread writes into its own arena; what another one wrote there would show. */
static void *work(void *number) {
    unsigned char mine = *(const unsigned char *)number;
    BdaArena arena;
    uintptr_t wrong = 0;
    const BdaArenaInfo info = { .chunk = { .size = KIB(4), .intent = BDA_INTENT_UPLOAD } };
    if (bda_create_arena(bench.allocator, &info, &arena) != VK_SUCCESS)
        return (void *)(uintptr_t)1;
    for (uint32_t frame = 0; frame < FRAMES; frame++) {
        BdaPiece pieces[20];
        for (uint32_t i = 0; i < COUNT_OF(pieces); i++) {
            wrong += bda_alloc_from_arena(arena, 100 + 10 * i, 0, &pieces[i]) != VK_SUCCESS;
            memset(pieces[i].mapped, mine, 100 + 10 * i);
        }
        for (uint32_t i = 0; i < COUNT_OF(pieces); i++)
            for (uint32_t k = 0; k < 100 + 10 * i; k++)
                wrong += ((unsigned char *)pieces[i].mapped)[k] != mine;
        wrong += bda_reset_arena(arena, VK_NULL_HANDLE, 0) != VK_SUCCESS;
    }
    bda_destroy_arena(arena);
    return (void *)wrong;
}

static void each_thread_has_its_own(void **state) {
    (void)state;
    bench_open(NULL, NULL);
    pthread_t threads[THREADS];
    unsigned char numbers[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        numbers[i] = (unsigned char)(i + 1);
        assert_int_equal(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    bench_close();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(a_usage_brings_its_alignment),
        cmocka_unit_test(a_large_piece_leaves_the_chunk_to_small_ones),
        cmocka_unit_test(a_chunk_is_used_to_its_last_byte),
        cmocka_unit_test(a_chunk_grows_until_it_holds_a_frame_and_shrinks_again),
        cmocka_unit_test(where_no_large_chunk_is_to_be_had_a_small_one_serves),
        cmocka_unit_test(a_frame_stays_until_its_semaphore_says_so),
        cmocka_unit_test(a_reset_without_a_place_changes_nothing),
        cmocka_unit_test(what_was_written_is_seen_after_a_flush),
        cmocka_unit_test(a_refused_chunk_changes_nothing),
        cmocka_unit_test(a_refused_piece_is_told_with_its_chunk),
        cmocka_unit_test(a_refused_arena_leaves_nothing),
        cmocka_unit_test(an_arena_that_no_type_serves_is_refused),
        cmocka_unit_test(a_chunk_freed_by_its_address_is_told_at_the_reset),
        cmocka_unit_test(misuse_is_refused),
        cmocka_unit_test(what_was_not_destroyed_is_told_of),
        cmocka_unit_test(chunks_that_went_with_their_pool_are_dropped),
        cmocka_unit_test(each_thread_has_its_own),
    };
    return cmocka_run_group_tests_name("api_arena", tests, NULL, NULL);
}
