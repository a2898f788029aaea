/*
 * What is seen in passing: bda_collect comes to every pool once a frame, with its lock held, and statistics do. What is
 * used then is noted for the peaks. Allocations and frees know nothing of it, so a peak within a frame is missed. What
 * was told as a peak is noted as well, or the next one told might be lower.
 *
 * A *look* goes through all pools once. One at a time notes what it sees; another that begins meanwhile notes nothing,
 * or the two parts of a caller's pool might be added up from both.
 */
#ifndef BDA_ALLOC_SEEN_H
#define BDA_ALLOC_SEEN_H

#include <bdaalloc/bdaalloc.h>

#include <stdatomic.h>
#include <stdbool.h>

struct bda_pool;

/*
 * The most that there was of something, and in which frame that was seen. Several threads may raise one at once, and
 * the words only grow, as frames do: `coming` before `bytes`, `frame` after. So who finds both frames the same has read
 * bytes that were reached then: not before the frame of who raised them, and not after he was done.
 */
struct bda_peak {
    _Atomic uint64_t coming, bytes, frame;
};

/* The same of what a pool uses. The two parts of a BdaPool share one: `sum` is of those that look number `look` has
 * come to. For the look that notes. */
struct bda_pool_peak {
    struct bda_peak peak;
    _Atomic uint64_t look, sum;
};

/* As somebody has seen it last; each field by itself. */
struct bda_seen {
    _Atomic bool noting; /* by a look that is on its way */
    uint64_t looks;      /* that have noted, its own included: what pools' sums belong to */
    struct bda_peak used, used_of_type[VK_MAX_MEMORY_TYPES], used_of_heap[VK_MAX_MEMORY_HEAPS];
    struct bda_peak reserved, reserved_of_heap[VK_MAX_MEMORY_HEAPS]; /* the budget's, and their frames */
    /* for bda_get_quick_stats (debug/stats.h): */
    _Atomic bool asked; /* since bda_collect looked last: it is to look again */
    _Atomic bool fresh; /* no bda_collect has come by without looking */
    struct {
        _Atomic uint64_t frame, allocation_count, used, wasted, pending, cached, free, scattered;
    } quick;
};

struct bda_look {
    bool notes;
    uint64_t number, frame;
    VkDeviceSize of_type[VK_MAX_MEMORY_TYPES]; /* used, of the pools that it has come to */
};

/* Every look is ended, and comes to each pool once: to its head, whose lock is held. `used`: by all of its shards. */
void bda_look_begin(BdaAllocator allocator, struct bda_look *look);
void bda_look_at(struct bda_look *look, struct bda_pool *head, VkDeviceSize used);
void bda_look_end(BdaAllocator allocator, struct bda_look *look);

/* Peaks of what is reserved are the budget's, exact; they get the present frame here if they are new. */
void bda_seen_date_reserved(BdaAllocator allocator);

/* Mostly it is not reached: a load, then. `frame`: the one of this moment, or one before it. */
void bda_peak_raise(struct bda_peak *peak, uint64_t reached, uint64_t frame);
BdaPeak bda_peak_of(const struct bda_peak *peak);

/* The same where so much is seen now: it is noted, and told. */
BdaPeak bda_peak_see(BdaAllocator allocator, struct bda_peak *peak, VkDeviceSize now);

/* For who may not note it, since it is of a part only. */
BdaPeak bda_peak_or_more(BdaAllocator allocator, const struct bda_peak *peak, VkDeviceSize now);

#endif
