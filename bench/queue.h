/*
 * A bounded queue from one thread to one other, without a lock (Lamport 1977; each side keeps its own copy of where the
 * other stands, and so seldom reads a line that the other writes). Each side asks for the lines that it comes to next
 * as soon as the other is done with them: waited for one by one, they would take longer than most allocators do. It is
 * in the time of every contender, `none` shows what is left of it.
 */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#include "contender.h"
#include "core/bits.h"

#include <sched.h>
#include <stdatomic.h>

enum { BENCH_QUEUE_MOST = 512, BENCH_QUEUE_SPINS = 256 };

/* Zeroed but for `room`: empty. Either side tells the other of every BENCH_QUEUE_TOLD ranges at once: told of each,
 * they would spend more time on each other's lines than on allocators. */
enum { BENCH_QUEUE_TOLD = 32, BENCH_QUEUE_LINE = 64 / sizeof(struct bench_range) };
struct bench_queue {
    uint64_t room;                         /* a power of two, BENCH_QUEUE_MOST at most */
    _Alignas(64) _Atomic uint64_t written; /* by the producer, as far as it has told */
    uint64_t filled, seen_read;            /* the producer's own */
    _Alignas(64) _Atomic uint64_t read;    /* by the consumer, as far as it has told */
    uint64_t emptied, seen_written;        /* the consumer's own */
    _Alignas(64) struct bench_range ranges[BENCH_QUEUE_MOST];
};

/* Where there are fewer processors than threads, the other side may be waiting for this one's. */
static inline void bench_queue_wait(uint32_t *spins) {
    if (++*spins % BENCH_QUEUE_SPINS == 0)
        (void)sched_yield();
}

/* The producer comes to a line of ranges. */
static inline void bench_queue_prefetch_free(struct bench_queue *queue) {
    uint64_t ahead = queue->filled + BENCH_QUEUE_TOLD;
    if (ahead - queue->seen_read < queue->room)
        bda_prefetch(&queue->ranges[ahead & (queue->room - 1)]);
}

/* The consumer has been told of more. */
static inline void bench_queue_prefetch_filled(const struct bench_queue *queue) {
#if defined(__GNUC__)
    uint64_t end = queue->seen_written;
    for (uint64_t at = queue->emptied; at < end && at < queue->emptied + BENCH_QUEUE_TOLD; at += BENCH_QUEUE_LINE)
        __builtin_prefetch(&queue->ranges[at & (queue->room - 1)]);
#endif
}

/* What was pushed so far can be popped. */
static inline void bench_queue_tell(struct bench_queue *queue) {
    atomic_store_explicit(&queue->written, queue->filled, memory_order_release);
}

/* Waits for room. */
static inline void bench_queue_push(struct bench_queue *queue, struct bench_range range) {
    if (queue->filled - queue->seen_read == queue->room) {
        bench_queue_tell(queue);
        for (uint32_t spins = 0; queue->filled - queue->seen_read == queue->room; bench_queue_wait(&spins))
            queue->seen_read = atomic_load_explicit(&queue->read, memory_order_acquire);
    }
    if (queue->filled % BENCH_QUEUE_LINE == 0)
        bench_queue_prefetch_free(queue);
    queue->ranges[queue->filled++ & (queue->room - 1)] = range;
    if (queue->filled % BENCH_QUEUE_TOLD == 0)
        bench_queue_tell(queue);
}

/* Waits for a range. */
static inline struct bench_range bench_queue_pop(struct bench_queue *queue) {
    if (queue->emptied == queue->seen_written) {
        atomic_store_explicit(&queue->read, queue->emptied, memory_order_release);
        for (uint32_t spins = 0; queue->emptied == queue->seen_written; bench_queue_wait(&spins))
            queue->seen_written = atomic_load_explicit(&queue->written, memory_order_acquire);
    }
    if (queue->emptied % BENCH_QUEUE_TOLD == 0)
        bench_queue_prefetch_filled(queue);
    struct bench_range range = queue->ranges[queue->emptied++ & (queue->room - 1)];
    if (queue->emptied % BENCH_QUEUE_TOLD == 0)
        atomic_store_explicit(&queue->read, queue->emptied, memory_order_release);
    return range;
}

#endif
