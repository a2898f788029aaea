/*
 * Replays of recorded traces (trace.h): what the sources behind `bda_bench replay` share.
 *
 * Two kinds of allocators play a trace. *Pool* contenders sub-allocate one address space and know nothing of memory:
 * they are timed, and asked for the smallest pool in which the trace fits. *Full* allocators take memory from a driver
 * by the intent and the usage of each buffer: they are timed, and what they take is counted.
 */
#ifndef BENCH_REPLAY_H
#define BENCH_REPLAY_H

#include "bench.h"
#include "device.h"
#include "trace.h"

struct replay_options {
    const char *only; /* names with commas between; NULL: every one */
    const char *json;
    uint32_t rounds;
    bool real_device; /* times full allocators on the machine's device, not on the fake one */
};

/* One trace and where its figures go. */
struct replay {
    const char *name;
    struct trace trace;
    const struct replay_options *options;
    struct bench_results *results;
};

/* Each returns how many allocators played. */
uint32_t replay_pools(const struct replay *replay);
uint32_t replay_full(const struct replay *replay);

/* A figure into the table `what` of this trace. */
void replay_add(const struct replay *replay, const char *what, const char *who, const char *column, const char *unit,
                struct bench_spread spread);

/* How much more is held than the program needed at its peak, in percent of that. */
double replay_waste(const struct trace *trace, uint64_t held);

bool replay_wants(const struct replay_options *options, const char *name);

/* ---- Full allocators ---- */

/* Enough for what an allocator wants to have back: a handle, or a buffer and an allocation. */
struct replay_held {
    uint64_t first; /* never 0 */
    uint64_t second;
};

struct replay_full_allocator {
    const char *name;
    /* NULL: it could not be made. */
    void *(*create)(const struct bench_device *device);
    void (*destroy)(void *self);
    /* `usage` is the event's. The address is asked for too, as a program on pointers does. */
    bool (*alloc)(void *self, const struct trace_event *event, VkBufferUsageFlags usage, struct replay_held *held);
    void (*free)(void *self, const struct replay_held *held);
};

extern const struct replay_full_allocator replay_bda_ranges;  /* bda_alloc */
extern const struct replay_full_allocator replay_bda_buffers; /* bda_alloc_buffer */
extern const struct replay_full_allocator replay_vma_buffers; /* vmaCreateBuffer, where the build has VMA */

#endif
