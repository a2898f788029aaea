/*
 * Traces: what buffers a program created and destroyed, as text, so that an allocator can be measured on real life.
 * The format stands in traces/README.md; record/ writes it, this reads it.
 *
 * A trace that was read is checked: every line is well formed, an id is live from its `a` to its `f`, so whoever
 * replays it checks nothing.
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TRACE_VERSION_LINE "bdaalloc-trace 1"

enum {
    TRACE_MAX_IDS = 1 << 24,       /* ids are below; they index a table */
    TRACE_MAX_USAGES = 1 << 16,    /* distinct usages of one trace */
    TRACE_MAX_USAGE_TEXT = 512,    /* room for any usage as text, see trace_print_usage */
    TRACE_MAX_ALIGNMENT_LOG2 = 32, /* no alignment asked of a buffer comes near it */
    TRACE_MAX_SIZE_LOG2 = 40,      /* nor a size; the sum of all ids then fits into 64 bits */
};

/* Where memory lives; the values are those of BdaIntent. */
enum trace_intent { TRACE_DEVICE, TRACE_UPLOAD, TRACE_READBACK, TRACE_SHARED, TRACE_INTENT_COUNT };

/* 16 bytes: reading events must not push what is measured out of the caches. */
struct trace_event {
    uint64_t size;          /* 0: `id` is freed */
    uint32_t id;            /* below id_count of the trace */
    uint16_t usage;         /* index into usages of the trace */
    uint8_t alignment_log2; /* of the memory required */
    uint8_t intent;         /* enum trace_intent */
};

struct trace {
    struct trace_event *events;
    uint32_t event_count;
    uint32_t alloc_count; /* of the events; the others are frees */
    uint32_t id_count;    /* every id is below */
    uint64_t *usages;     /* VkBufferUsageFlags, as 64 bits */
    uint32_t usage_count;
    uint32_t peak_count; /* most buffers alive at a time */
    uint64_t peak_bytes; /* most bytes alive at a time */
};

enum { TRACE_ERROR_LENGTH = 256 };

/* Reads a whole trace. False: `error` says why, with the number of the line ("line 7: size is 0"), and `trace` is
 * empty. Memory that runs out is told the same way. */
bool trace_read(FILE *file, struct trace *trace, char error[TRACE_ERROR_LENGTH]);

/* The same from a file's name, which the error then begins with. */
bool trace_open(const char *path, struct trace *trace, char error[TRACE_ERROR_LENGTH]);

/* Leaves it empty; an empty trace may be freed too. */
void trace_free(struct trace *trace);

const char *trace_intent_name(enum trace_intent intent);

/* Writes a usage as names joined by '|', what has no name as hexadecimal, nothing at all as 0. */
void trace_print_usage(uint64_t usage, char text[TRACE_MAX_USAGE_TEXT]);

#endif
