/*
 * Frame: what a frame's small pieces cost that all go at its end, 16 to 1024 bytes each.
 *
 *   arena          bda_alloc_from_arena for each, bda_reset_arena at the end of the frame
 *   public         bda_alloc for each, one bda_free_many at the end; the caller synchronises
 *   public-locked  the same, safe for threads
 *   none           the loop alone
 *
 * All on the same allocator, whose pool other allocations have brought to its lasting state. Each writes down what it
 * got, as a program would.
 */
#include "contenders.h"
#include "random.h"
#include "rounds.h"

#include <bdaalloc/bdaalloc.h>

#include <stdlib.h>

enum { STANDARD_ROUNDS = 5, STANDARD_PIECES = 1000000, LEAST = 16, MOST = 1024, LIVE = 10000 };

static const uint64_t standard_counts[] = { 100, 1000, 10000, 0 };

struct frame {
    BdaAllocator allocator;
    BdaArena arena;
    uint64_t count;
    uint32_t *sizes;
    BdaHandle *handles;
    VkDeviceAddress *addresses;
};

typedef void play(struct frame *frame);

static void play_arena(struct frame *frame) {
    for (uint64_t i = 0; i < frame->count; i++) {
        BdaPiece piece;
        if (bda_alloc_from_arena(frame->arena, frame->sizes[i], 0, &piece) != VK_SUCCESS)
            bench_fail("the arena has no room");
        frame->addresses[i] = piece.address;
    }
    if (bda_reset_arena(frame->arena, VK_NULL_HANDLE, 0) != VK_SUCCESS)
        bench_fail("the arena cannot be reset");
}

static void play_ranges(struct frame *frame) {
    for (uint64_t i = 0; i < frame->count; i++) {
        BdaAllocation a;
        if (bda_alloc(frame->allocator, &(BdaAllocInfo){ .size = frame->sizes[i] }, &a) != VK_SUCCESS)
            bench_fail("there is no room");
        frame->addresses[i] = a.address;
        frame->handles[i] = a.handle;
    }
    if (bda_free_many(frame->allocator, (uint32_t)frame->count, frame->handles) != VK_SUCCESS)
        bench_fail("a handle is not good");
}

static void play_nothing(struct frame *frame) {
    for (uint64_t i = 0; i < frame->count; i++)
        frame->addresses[i] = frame->sizes[i];
}

static double time_of(play *play_frame, struct frame *frame, uint64_t pieces) {
    uint64_t frames = pieces / frame->count + 1;
    play_frame(frame); /* chunks grow */
    double start = bench_seconds();
    for (uint64_t i = 0; i < frames; i++)
        play_frame(frame);
    return (bench_seconds() - start) * 1e9 / (double)(frames * frame->count);
}

static void make_frame(BdaAllocator allocator, uint64_t count, uint64_t seed, struct frame *frame) {
    struct bench_random random = { seed };
    *frame = (struct frame){ .allocator = allocator,
                             .count = count,
                             .sizes = bench_memory(count, sizeof *frame->sizes),
                             .handles = bench_memory(count, sizeof *frame->handles),
                             .addresses = bench_memory(count, sizeof *frame->addresses) };
    for (uint64_t i = 0; i < count; i++)
        frame->sizes[i] = LEAST + (uint32_t)bench_below(&random, MOST - LEAST + 1);
    if (bda_create_arena(allocator, &(BdaArenaInfo){ .max_chunk_size = 16 << 20 }, &frame->arena) != VK_SUCCESS)
        bench_fail("the arena could not be made");
}

static void release_frame(struct frame *frame) {
    bda_destroy_arena(frame->arena);
    free(frame->sizes);
    free(frame->handles);
    free(frame->addresses);
}

/* Who plays, and on which allocator. */
static const struct row {
    const char *name;
    const struct contender *contender;
    play *play_frame;
} rows[] = { { "arena", &bench_public_locked, play_arena },
             { "public", &bench_public, play_ranges },
             { "public-locked", &bench_public_locked, play_ranges },
             { "none", &bench_public, play_nothing } };

enum { ROWS = sizeof rows / sizeof *rows };

static void measure(const struct bench_settings *settings, uint64_t count, struct bench_results *results) {
    const struct bench_options options = { .device = NULL };
    uint64_t warm_up = bench_warm_up(LIVE), pieces = bench_pairs(settings, STANDARD_PIECES);
    struct bench_script script;
    struct bench_player players[ROWS];
    struct frame frames[ROWS];
    struct bench_times times = bench_times_make(bench_rounds(settings, STANDARD_ROUNDS));
    bench_script_make(&script, &bench_log_uniform, BENCH_RANDOM, LIVE, warm_up, settings->seed);
    for (uint32_t i = 0; i < ROWS; i++) {
        if (!bench_player_open(&players[i], rows[i].contender, &script, &options))
            bench_fail("%s could not be made", rows[i].name);
        bench_player_fill(&players[i], &script);
        bench_play(&players[i], &script, 0, warm_up);
        make_frame(bench_public_allocator(players[i].self), count, settings->seed, &frames[i]);
    }
    for (uint32_t round = 0; round < times.rounds; round++)
        for (uint32_t i = 0; i < ROWS; i++)
            *bench_times_at(&times, i, round) = time_of(rows[i].play_frame, &frames[i], pieces);
    for (uint32_t i = 0; i < ROWS; i++) {
        const struct bench_result result = { .command = "frame",
                                             .table = "frame: ns per piece, by pieces in a frame",
                                             .contender = rows[i].name,
                                             .unit = "ns",
                                             .live = count,
                                             .spread = bench_times_spread(&times, i) };
        bench_results_add(results, &result);
        release_frame(&frames[i]);
        bench_player_close(&players[i]);
    }
    bench_times_release(&times);
    bench_script_release(&script);
}

int bench_frame(const struct bench_settings *settings, struct bench_results *results) {
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    for (uint32_t i = 0; i < counts.count; i++)
        measure(settings, counts.all[i], results);
    bench_results_print(results);
    return EXIT_SUCCESS;
}
