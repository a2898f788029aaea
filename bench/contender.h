/*
 * Contenders: the allocators that a measurement sets side by side, behind one small interface, so that each pays the
 * same for being called.
 *
 * A contender is made for one address space (a *pool* of so many bytes) and hands out *ranges* of it. Those that know
 * no pool (malloc, mimalloc) ignore its size, and cannot be asked about occupancy.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a contender gives out: its own name for the range, and where it lies (0 where the contender does not say). */
struct bench_range {
    uint64_t handle; /* never 0 */
    uint64_t address;
};

struct bench_device;

struct bench_options {
    uint64_t pool_bytes;  /* a multiple of 64 KiB; all of it in one block unless that would pass BENCH_MOST_BLOCK */
    uint32_t blocks;      /* so many equal ones, as a pool of an engine has them; 0: as few as can be */
    uint32_t shrink_log2; /* for those that take memory: sizes are divided by two so often */
    bool fallback;        /* host memory serves where the device's is full; VMA's buffers may lie there anyway */
    bool no_history;      /* the library remembers no frees: its memory without that for it */
    const struct bench_device *device; /* NULL: none, and none is needed by those that make no buffers */
};

/* How many threads may be inside `alloc` and `free` of one contender at a time. */
enum bench_threads {
    BENCH_ONE_THREAD,
    BENCH_ANY_THREADS,
    BENCH_ONLY_THREADS /* the same, and only measurements with threads show it: by itself it says nothing new */
};

struct contender {
    const char *name;   /* as in tables and JSON: short, no spaces */
    const char *what;   /* one line for --list */
    bool has_pool;      /* false: occupancy and refusal mean nothing */
    bool takes_memory;  /* hands out the machine's own memory, and touches it */
    bool makes_buffers; /* a VkBuffer and an address each: only beside a driver */
    enum bench_threads threads;
    /* NULL: it could not be made (no driver, no memory). */
    void *(*create)(const struct bench_options *options);
    /* Whatever is still live goes too; but who takes memory or makes buffers wants it freed before. */
    void (*destroy)(void *self);
    /* `alignment` is a power of two. False: refused, `range` is not touched. */
    bool (*alloc)(void *self, uint64_t size, uint64_t alignment, struct bench_range *range);
    void (*free)(void *self, struct bench_range range);
    /* All or nothing; NULL: it has no batches. */
    bool (*alloc_many)(void *self, uint32_t count, const uint64_t *sizes, uint64_t alignment,
                       struct bench_range *ranges);
    void (*free_many)(void *self, uint32_t count, const struct bench_range *ranges);
    /* Host memory it holds now, in bytes; NULL: unknown. */
    uint64_t (*host_bytes)(void *self);
    /* Gives what is empty back to the driver; NULL: it does so by itself, or has no driver. */
    void (*trim)(void *self);
};

/* Every contender of this build, in the order of the tables; NULL ends it. */
extern const struct contender *const bench_contenders[];

/* The largest block that libbdaalloc makes; a larger pool is as many equal blocks as it takes. */
#define BENCH_MOST_BLOCK ((uint64_t)16 << 30)

#ifdef __cplusplus
}
#endif

#endif
