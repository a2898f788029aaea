/*
 * The whole public API against a model that anybody can follow: an array of the allocations that there are. Operations
 * are made on several fake devices, with heaps that run full, memory that is not coherent and bases that are hardly
 * aligned; now and then the driver or the host allocator fails, or the caller asks for nonsense. After each step the
 * two must agree: no two allocations overlap, alignments hold, statistics add up, every byte is where it was, stale
 * handles are refused.
 *
 * A *plan* is a device and what is asked of it; within it each decision is one of the *choices*. A *thing* is one
 * allocation, from the moment it is made until its range may be somebody else's. A disagreement ends the test (cmocka's
 * way) with a text that begins with `run`.
 *
 *     api_model.c    things, bytes, a run from its beginning to its end
 *     api_plans.c    the devices
 *     api_alloc.c    what allocates, and when it may be refused
 *     api_free.c     what frees, now or later
 *     api_access.c   names, bytes, pools, and what others do to a heap
 *     api_misuse.c   stale, foreign and invented handles; requests that make no sense
 *     api_usage.c    requests that make sense and are seldom made
 *     api_agree.c    what must hold after each step
 */
#ifndef BDA_TESTS_MODEL_API_MODEL_H
#define BDA_TESTS_MODEL_API_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "choices.h"
#include "fake/fake_vulkan.h"

#define KIB(n)          ((VkDeviceSize)(n) << 10)
#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof(array)[0]))

enum {
    THINGS = 300, /* allocations at a time, pending ones included */
    POOLS = 4,
    TIMELINES = 3,
    STALE = 64,   /* handles that are remembered after their end */
    MANY = 24,    /* allocated or freed by one call, at most */
    KINDS = 4,    /* of requests among them */
    WARM = 40,    /* requests that a warm-up is for */
    CHUNK = 1024, /* bytes that are copied at a time */
    HEAPS = 3,    /* that any machine has, at most */
    PREFIXES = 4, /* of names, that are counted */
    API_PLANS = 9,
};

struct api_plan {
    const char *name;
    struct fake_config config;
    VkDeviceSize first_block, max_block;
    VkDeviceSize largest; /* sizes are below this, mostly far below */
    VkDeviceSize heap_limit;
    BdaAllocatorFlags flags;
    BdaCheckFlags checks;
};

extern const struct api_plan api_plans[API_PLANS];

/* Counted, and names that begin with one of them, with two, or with none. */
extern const char *const api_prefixes[PREFIXES];
extern const char *const api_names[8];

struct thing {
    BdaAllocationInfo info;
    VkDeviceSize alignment;
    char name[16];
    unsigned char seed;
    enum { ABSENT, LIVE, PENDING } state;
    uint32_t timeline; /* of a pending one */
    uint64_t value;
};

struct api_model {
    const struct api_plan *plan;
    char run[64];
    bool thrifty; /* of large things only the edges are written and compared */
    struct choices choices;
    uint32_t step;
    struct fake_driver *driver;
    struct fake_host host;
    VkAllocationCallbacks callbacks;
    BdaAllocator allocator;
    VkDeviceSize base_alignment; /* of its blocks */
    struct thing things[THINGS];
    BdaPool pools[POOLS];
    BdaPoolInfo pool_infos[POOLS];
    VkSemaphore timelines[TIMELINES];
    uint64_t signalled[TIMELINES];
    BdaHandle stale[STALE];
    uint32_t stale_count;
    BdaPool dead_pool; /* the last one that was destroyed */
    struct fake_driver *strange_driver;
    BdaAllocator stranger; /* another allocator, on another device, with one allocation and a pool */
    BdaHandle foreign;
    BdaPool foreign_pool;
    VkDeviceSize others[HEAPS];   /* what other processes use */
    VkDeviceSize external[HEAPS]; /* what the library was told that the caller uses */
    uint32_t external_count;      /* of memories, in the first heap */
    VkDeviceSize peaks[PREFIXES]; /* after any step */
    bool failing;                 /* the step runs under an injected failure */
    BdaAllocatorFlags more_flags; /* beside the plan's */
    VkDeviceSize whole;           /* at the last check: all bytes of what blocks are cut into, */
    bool whole_is_known;          /* unless dedicated memory was pending, */
    uint64_t blocks;              /* in so many blocks, */
    unsigned made;                /* of so many that there ever were */
    uint32_t allocated, refused, freed, waited;
};

#define promise(model, holds)                                                                                          \
    do {                                                                                                               \
        if (!(holds))                                                                                                  \
            api_broken(model, #holds, __FILE__, __LINE__);                                                             \
    } while (0)

/* ---- A run (api_model.c) ----------------------------------------------------------------------------------------- */

/* A driver and an allocator, which keeps ranges in caches or not. `run` says how to repeat it. */
void api_model_open(struct api_model *model, const struct api_plan *plan, struct choices choices, bool thrifty,
                    bool caches, const char *run);
/* One operation. */
void api_model_step(struct api_model *model);
/* Every invariant, and the statistics. */
void api_model_check(struct api_model *model);
/* Every byte of every live thing, and what is told of it. */
void api_model_look(struct api_model *model);
/* Frees all, by hand or by destroying, and finds nothing left. */
void api_model_close(struct api_model *model);

/* ---- What the parts of the model share ----------------------------------------------------------------------------
 */

void api_broken(struct api_model *model, const char *what, const char *file, int line);

/* Whether what is freed may be cached. */
bool api_keeps_ranges(const struct api_model *model);

uint64_t api_draw(struct api_model *model, uint64_t bound);
bool api_once_in(struct api_model *model, uint64_t times);

/* Now and then the call that follows meets a refusal, of the driver or of the host allocator. */
void api_arm(struct api_model *model);
/* What frees needs no host memory, whatever comes. */
void api_arm_for_good(struct api_model *model);
void api_disarm(struct api_model *model);

bool api_is_zero(const void *bytes, size_t size);
unsigned char api_pattern(unsigned char of, size_t i);
size_t api_chunk(const BdaAllocation *a, VkDeviceSize done);
void api_fill(struct api_model *model, struct thing *thing);
void api_require_bytes(struct api_model *model, const struct thing *thing);
void api_require_pattern(struct api_model *model, const struct thing *thing, const unsigned char *bytes,
                         VkDeviceSize from, size_t size);

/* Some thing in this state, or NULL. */
struct thing *api_find(struct api_model *model, int state);
uint32_t api_count(const struct api_model *model, int state);
bool api_is_due(const struct api_model *model, const struct thing *thing);
bool api_has_name(const struct thing *thing, const char *name);
bool api_same_allocation(const BdaAllocation *a, const BdaAllocation *b);
/* Takes in what was just handed out: nobody has its bytes, and it is as asked for. */
struct thing *api_admit(struct api_model *model, const BdaAllocInfo *asked, bool own, const BdaAllocation *a);
/* Nobody has these bytes, unless his free was due: then the library has collected it. */
void api_require_place(struct api_model *model, const BdaAllocation *a);
/* The last look at a thing before it is freed. */
void api_leave(struct api_model *model, struct thing *thing);
void api_remember_stale(struct api_model *model, BdaHandle handle);
/* Due frees may have been collected, in any call that found no room. */
void api_forget_due(struct api_model *model);

/* A request that makes sense. */
BdaAllocInfo api_request(struct api_model *model);

void api_alloc(struct api_model *model);
void api_alloc_buffer(struct api_model *model);
void api_alloc_many(struct api_model *model);
void api_warm_up(struct api_model *model);
void api_free(struct api_model *model);
void api_free_many(struct api_model *model);
void api_free_after(struct api_model *model);
void api_signal(struct api_model *model);
void api_collect(struct api_model *model);
void api_lose_device(struct api_model *model);
void api_trim(struct api_model *model);
void api_rename(struct api_model *model);
void api_set_user(struct api_model *model);
void api_write(struct api_model *model);
void api_read(struct api_model *model);
void api_refill(struct api_model *model);
void api_create_pool(struct api_model *model);
void api_destroy_pool(struct api_model *model);
void api_share_heap(struct api_model *model);
void api_stale(struct api_model *model);
void api_foreign(struct api_model *model);
void api_wild_alloc(struct api_model *model);
void api_wild_buffer(struct api_model *model);
void api_odd_usage(struct api_model *model);
void api_wild_pool(struct api_model *model);
void api_wild_access(struct api_model *model);
void api_nothing(struct api_model *model);

#endif
