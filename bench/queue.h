/*
 * A bounded queue from one thread to one other, without a lock (Lamport 1977; each side keeps its own copy of where the
 * other stands, and so seldom reads a line that the other writes). It is in the time of every contender, `none` shows
 * what it costs.
 */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#include "contender.h"

#include <sched.h>
#include <stdatomic.h>

enum { BENCH_QUEUE_MOST = 512, BENCH_QUEUE_SPINS = 256 };

/* Zeroed but for `room`: empty. */
struct bench_queue {
    uint64_t room;                         /* a power of two, BENCH_QUEUE_MOST at most */
    _Alignas(64) _Atomic uint64_t written; /* by the producer */
    uint64_t seen_read;
    _Alignas(64) _Atomic uint64_t read; /* by the consumer */
    uint64_t seen_written;
    _Alignas(64) struct bench_range ranges[BENCH_QUEUE_MOST];
};

/* Where there are fewer processors than threads, the other side may be waiting for this one's. */
static inline void bench_queue_wait(uint32_t *spins) {
    if (++*spins % BENCH_QUEUE_SPINS == 0)
        (void)sched_yield();
}

/* Waits for room. */
static inline void bench_queue_push(struct bench_queue *queue, struct bench_range range) {
    uint64_t at = atomic_load_explicit(&queue->written, memory_order_relaxed);
    for (uint32_t spins = 0; at - queue->seen_read == queue->room; bench_queue_wait(&spins))
        queue->seen_read = atomic_load_explicit(&queue->read, memory_order_acquire);
    queue->ranges[at & (queue->room - 1)] = range;
    atomic_store_explicit(&queue->written, at + 1, memory_order_release);
}

/* Waits for a range. */
static inline struct bench_range bench_queue_pop(struct bench_queue *queue) {
    uint64_t at = atomic_load_explicit(&queue->read, memory_order_relaxed);
    for (uint32_t spins = 0; at == queue->seen_written; bench_queue_wait(&spins))
        queue->seen_written = atomic_load_explicit(&queue->written, memory_order_acquire);
    struct bench_range range = queue->ranges[at & (queue->room - 1)];
    atomic_store_explicit(&queue->read, at + 1, memory_order_release);
    return range;
}

#endif
