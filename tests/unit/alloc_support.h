/*
 * What the tests of the allocation floor, the annex and the roof share: a bench, which is a fake driver, counting host
 * memory and an allocator on both, with everything that the allocator says written down.
 *
 * A test opens the bench, works on it, frees what it took and closes it. Closing is half of every test: all invariants
 * hold, nothing is live, the driver saw no rule broken and no object leak, no host byte is left, and no message came
 * under a lock or in more than one line.
 */
#ifndef BDA_TESTS_UNIT_ALLOC_SUPPORT_H
#define BDA_TESTS_UNIT_ALLOC_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "fake/fake_vulkan.h"
#include "long_name.h"

#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof(array)[0]))
#define KIB(n)          ((VkDeviceSize)(n) << 10)
#define MIB(n)          ((VkDeviceSize)(n) << 20)
#define GIB(n)          ((VkDeviceSize)(n) << 30)

/* Every use that the library's own pools of pointers serve on any device. */
#define PLAIN_USAGE ((VkBufferUsageFlags)0x1FF)

struct bench {
    struct fake_driver *driver;
    struct fake_host host;
    VkAllocationCallbacks callbacks;
    BdaAllocatorInfo info; /* as the allocator is made */
    BdaAllocator allocator;
    /* what was told, since bench_hush */
    unsigned told[3]; /* by severity */
    char text[32768]; /* a line each */
    size_t length;
    unsigned ill_told; /* under a lock, not of one line, or of no known severity; since bench_open */
    /* with bench_watch: what the driver was given last, without its chain */
    VkBufferCreateInfo made_buffer;
    VkMemoryAllocateInfo made_memory;
    unsigned linked_flags; /* VkMemoryAllocateFlagsInfo structs in that chain */
};

extern struct bench bench;

/* ---- Opening and closing ---- */

/* A driver and `bench.info`, but no allocator yet. NULL: the default machine. */
void bench_prepare(const struct fake_config *config);
/* Lets `made_buffer` and `made_memory` be filled. Between bench_prepare and bench_start; for one thread. */
void bench_watch(void);
/* The allocator, from `bench.info`. */
void bench_start(void);
/* All of it. Of `wishes` (may be NULL) the flags, sizes, families, limits, checks and prefixes count. */
void bench_open(const struct fake_config *config, const BdaAllocatorInfo *wishes);

/* Destroys the allocator, which answers `destroyed`, and looks at what is left. */
void bench_end(VkResult destroyed);
void bench_close(void);

/* ---- Asking ---- */

unsigned bench_calls(enum fake_call call);
BdaStats bench_stats(void);
BdaUse bench_use(void);
BdaUse bench_pool_use(BdaPool pool);
BdaProperties bench_properties(void);
BdaAllocationInfo info_of(BdaHandle handle);
/* Of the memory that a buffer is bound to. */
struct fake_memory_info memory_of(VkBuffer buffer);
VkDeviceMemory memory_handle_of(VkBuffer buffer);
VkDeviceSize memory_offset_of(VkBuffer buffer);

/* Forgets what was told. */
void bench_hush(void);
/* How many lines were told that contain `part`. */
unsigned bench_heard(const char *part);

/* ---- Doing ---- */

/* These succeed. */
BdaAllocation take(BdaAllocInfo info);
BdaAllocation take_bytes(VkDeviceSize size, BdaIntent intent);
BdaAllocation take_buffer(VkDeviceSize size, VkBufferUsageFlags usage, BdaAllocInfo info);
void give(BdaAllocation allocation);
BdaPool make_pool(BdaPoolInfo info);

/* These are refused with this result, and the output is zeroed. */
void refuse(VkResult wanted, BdaAllocInfo info);
void refuse_buffer(VkResult wanted, const VkBufferCreateInfo *buffer_info, BdaAllocInfo info);

VkBufferCreateInfo buffer_info(VkDeviceSize size, VkBufferUsageFlags usage);

/* Takes ranges of `size` bytes until there is no more or `most` are taken; answers how many, and why it ended. */
uint32_t take_until_refused(BdaAllocInfo info, BdaAllocation *taken, uint32_t most, VkResult *end);
void give_all(const BdaAllocation *taken, uint32_t count);

/* ---- Saying what must be ---- */

/* The result is as wanted, and one line was told that begins with `function` and contains `reason`. Hushes. */
void assert_refusal(VkResult wanted, VkResult result, const char *function, const char *reason);

/* Address, buffer, offset and mapping name the same bytes, and those hold what is written to them from either side. */
void assert_is_sound(const BdaAllocation *allocation);

void assert_is_zeroed(const void *bytes, size_t size);

struct bench_state {
    BdaStats stats;
    unsigned calls, memories, buffers;
    size_t host_count;
};
/* Everything that a call could have changed, calls of the driver included. Not for drivers with a budget to ask for. */
struct bench_state bench_look(void);
void assert_unchanged(const struct bench_state *before);
/* The same, but the driver may have been called and host memory taken. */
void assert_as_before(const struct bench_state *before);

#endif
