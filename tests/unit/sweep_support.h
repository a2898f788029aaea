/*
 * Sweeps: one public call in one situation, in which every host allocation and every driver call fails once.
 *
 * Words
 *   sweep      the situation, the call, how its result is looked at and undone.
 *   world      a driver, counting host memory and an allocator, made anew for every failure that is tried.
 *   resident   an allocation made before the call: it must be there afterwards, byte for byte.
 *   refusal    the call answered an error; then nothing may have changed, and the same call succeeds later.
 *
 * A call may also succeed in spite of a failure, by another way: then its result must be as good as any.
 */
#ifndef BDA_TESTS_UNIT_SWEEP_SUPPORT_H
#define BDA_TESTS_UNIT_SWEEP_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake/fake_vulkan.h"

#define SWEEP_KIB(n)          ((VkDeviceSize)(n) << 10)
#define SWEEP_COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

enum { SWEEP_OUTPUTS = 8, SWEEP_RESIDENTS = 8, SWEEP_PREFIXES = 4 };

struct sweep_world;

struct sweep {
    const char *name;
    /* What stands before the call; NULL: nothing at all. Runs without failures. */
    void (*prepare)(struct sweep_world *world);
    VkResult (*call)(struct sweep_world *world);
    /* After a success: is the result good? */
    void (*verify)(struct sweep_world *world);
    /* Takes back what the call did, while every host allocation fails. NULL: frees the outputs. */
    void (*undo)(struct sweep_world *world);
    /* After a refusal, in place of "nothing has changed"; for the calls that promise something else. */
    void (*refused)(struct sweep_world *world, VkResult result);
    /* What the call asks for; `request` for ranges and own buffers, where buffer.sType says which. */
    BdaAllocInfo request;
    VkBufferCreateInfo buffer;
    BdaPoolInfo pool;
    VkDeviceSize bytes;
    bool in_pool;            /* the request goes to world->pool, which `prepare` made */
    bool takes_back;         /* items that came before the refused one have been there, for the peaks */
    bool gives_empties_back; /* under pressure empty blocks go, even where that does not help in the end */
    /* The world: a driver, and what the allocator is told. */
    struct fake_config config;
    BdaAllocatorFlags flags;
    BdaCheckFlags checks;
};

struct sweep_resident {
    BdaAllocationInfo info;
    char name[128];
    unsigned char seed;
};

struct sweep_snapshot {
    BdaStats stats;
    BdaUse pool_use;
    BdaCountedPrefix prefixes[SWEEP_PREFIXES];
    unsigned memories;
    unsigned buffers;
};

struct sweep_world {
    const struct sweep *sweep;
    struct fake_driver *driver;
    struct fake_host host;
    VkAllocationCallbacks callbacks;
    BdaAllocatorInfo info;
    BdaAllocator allocator;
    BdaPool pool;
    VkSemaphore timeline;
    struct sweep_resident residents[SWEEP_RESIDENTS];
    uint32_t resident_count;
    /* outputs of the call */
    BdaAllocation out[SWEEP_OUTPUTS];
    uint32_t out_count;
    BdaPool out_pool;
    VkDeviceSize out_bytes;
    unsigned char data[256];
    /* the failure that is tried, for messages: "host allocation", 3, VK_ERROR_OUT_OF_HOST_MEMORY */
    const char *kind;
    unsigned nth;
    VkResult injected;
};

/* Fails the test with the sweep, the failure that was tried, and the promise that was broken. */
void sweep_require_at(const struct sweep_world *world, bool holds, const char *promise, const char *file, int line);
#define sweep_require(world, holds) sweep_require_at(world, holds, #holds, __FILE__, __LINE__)

/* A world and its end; the end requires that nothing leaked and no rule was broken. */
void sweep_open(struct sweep_world *world, const struct sweep *sweep);
void sweep_close(struct sweep_world *world);

/* Sees to it that one try under a failure kept its promises. `failed` says whether the failure was met at all. */
struct sweep_snapshot sweep_snap(struct sweep_world *world);
void sweep_judge(struct sweep_world *world, const struct sweep_snapshot *before, VkResult result, bool failed);
void sweep_finish(struct sweep_world *world, bool lose_device);

/* ---- The cases that both programs sweep -------------------------------------------------------------------------- */

extern const struct sweep sweep_cases[];
extern const size_t sweep_case_count;

/* One cmocka test for each case, its state the case; and `more`, of this program's own. */
int sweep_run(const char *group, CMUnitTestFunction test, const struct CMUnitTest *more, size_t more_count);

#endif
