/*
 * The whole public API against a model that anybody can follow: an array of the allocations that there are. Random
 * operations are made on several fake devices, with heaps that run full, memory that is not coherent and bases that are
 * hardly aligned; now and then the driver or the host allocator fails. After each step the two must agree: no two
 * allocations overlap, alignments hold, statistics add up, every byte is where it was, stale handles are refused.
 *
 * A *plan* is a device and what is asked of it. The seed is the first argument, or BDA_SEED, or 1, and BDA_STEPS the
 * steps of each plan; a failure prints seed, plan and step, so that a run can be repeated.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake/fake_vulkan.h"
#include "platform/platform.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB(n)          ((VkDeviceSize)(n) << 10)
#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof(array)[0]))

enum {
    THINGS = 300, /* allocations at a time, pending ones included */
    POOLS = 4,
    TIMELINES = 3,
    STALE = 64,      /* handles that are remembered after their end */
    LOOK_EVERY = 64, /* steps between two looks at every byte */
    STEPS = 2500,    /* of each plan, where BDA_STEPS says nothing */
    MANY = 5,
    WARM = 40, /* requests that a warm-up is for */
};

struct plan {
    const char *name;
    struct fake_config config;
    VkDeviceSize first_block, max_block;
    VkDeviceSize largest; /* sizes are below this, mostly far below */
    VkDeviceSize heap_limit;
    BdaAllocatorFlags flags;
};

static const struct plan plans[] = {
    { .name = "discrete",
      .config = { .machine = FAKE_MACHINE_DISCRETE, .heap_size = KIB(4096), .with = FAKE_DEBUG_UTILS },
      .largest = KIB(300) },
    { .name = "small_blocks_of_memory_that_is_not_coherent",
      .config = { .machine = FAKE_MACHINE_NON_COHERENT,
                  .heap_size = KIB(2048),
                  .base_alignment = 64,
                  .base_residue = 16,
                  .limits = { .nonCoherentAtomSize = 128, .minUniformBufferOffsetAlignment = 16 } },
      .first_block = KIB(64),
      .max_block = KIB(128),
      .largest = KIB(100) },
    { .name = "few_memories",
      .config = { .machine = FAKE_MACHINE_UNIFIED,
                  .heap_size = KIB(3072),
                  .queue_families = 3,
                  .limits = { .maxMemoryAllocationCount = 9 } },
      .first_block = KIB(128),
      .max_block = KIB(512),
      .largest = KIB(200),
      .heap_limit = KIB(1400) },
    { .name = "awkward_buffers",
      .config = { .machine = FAKE_MACHINE_REBAR,
                  .heap_size = KIB(4096),
                  .requirement_alignment = 256,
                  .base_alignment = 256,
                  .size_rounding = 4096,
                  .prefer_dedicated_from = KIB(30),
                  .budgets = { KIB(1800), KIB(1800) },
                  .foreign_use = { KIB(200), KIB(300) },
                  .with = FAKE_MEMORY_PRIORITY | FAKE_MEMORY_BUDGET | FAKE_ACCELERATION_STRUCTURE },
      .first_block = KIB(64),
      .max_block = KIB(512),
      .largest = KIB(80) },
    { .name = "limits_and_logs",
      .config = { .machine = FAKE_MACHINE_NON_COHERENT,
                  .heap_size = KIB(8192),
                  .base_alignment = 4096,
                  .first_address = FAKE_ADDRESS_SIGN_EXTENDED,
                  .size_rounding = 1,
                  .with = FAKE_MEMORY_BUDGET | FAKE_DEBUG_UTILS },
      .heap_limit = KIB(1500),
      .largest = KIB(120),
      .flags = BDA_ALLOCATOR_LOG_EVENTS_BIT | BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT },
    { .name = "nothing_is_mapped",
      .config = { .machine = FAKE_MACHINE_UNMAPPABLE,
                  .heap_size = KIB(2048),
                  .base_residue = 16,
                  .base_alignment = 32,
                  .limits = { .minUniformBufferOffsetAlignment = 16 } },
      .largest = KIB(60) },
};

/* One allocation, from the moment it is made until its range may be somebody else's. */
struct thing {
    BdaAllocationInfo info;
    VkDeviceSize alignment;
    char name[16];
    unsigned char seed;
    enum { ABSENT, LIVE, PENDING } state;
    uint32_t timeline; /* of a pending one */
    uint64_t value;
};

struct model {
    const struct plan *plan;
    uint64_t random;
    uint32_t step, steps;
    struct fake_driver *driver;
    struct fake_host host;
    VkAllocationCallbacks callbacks;
    BdaAllocator allocator;
    struct thing things[THINGS];
    BdaPool pools[POOLS];
    BdaPoolInfo pool_infos[POOLS];
    VkSemaphore timelines[TIMELINES];
    uint64_t signalled[TIMELINES];
    BdaHandle stale[STALE];
    uint32_t stale_count;
    bool failing; /* the step runs under an injected failure */
    uint32_t allocated, refused, freed, waited;
};

static uint64_t seed = 1;

#define promise(model, holds)                                                                                          \
    do {                                                                                                               \
        if (!(holds))                                                                                                  \
            broken(model, #holds, __LINE__);                                                                           \
    } while (0)

static void broken(struct model *model, const char *what, int line) {
    if (fake_violation_count(model->driver) != 0)
        print_error("first violation: %s\n", fake_violation(model->driver, 0));
    print_error("seed %" PRIu64 ", %s, step %u: broken: %s\n", seed, model->plan->name, model->step, what);
    _fail(__FILE__, line);
}

/* ---- Chance: splitmix64 ------------------------------------------------------------------------------------------ */

static uint64_t draw(struct model *model, uint64_t bound) {
    uint64_t z = model->random += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (z ^ z >> 31) % bound;
}

static bool once_in(struct model *model, uint64_t times) {
    return draw(model, times) == 0;
}

/* Small mostly: every power of two is as likely as the next. */
static VkDeviceSize draw_size(struct model *model) {
    VkDeviceSize bound = model->plan->largest >> draw(model, 14);
    return 1 + draw(model, bound > 16 ? bound : 16);
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

enum { CHUNK = 1024 };

static unsigned char pattern_at(unsigned char of, size_t i) {
    return (unsigned char)(of + i * 13 + (i >> 8) * 5);
}

static size_t chunk_at(const BdaAllocation *a, VkDeviceSize done) {
    return a->size - done < CHUNK ? (size_t)(a->size - done) : CHUNK;
}

static void require_pattern(struct model *model, const struct thing *thing, const unsigned char *bytes,
                            VkDeviceSize from, size_t size) {
    for (size_t i = 0; i < size; i++)
        promise(model, bytes[i] == pattern_at(thing->seed, (size_t)from + i));
}

static void require_bytes(struct model *model, const struct thing *thing) {
    unsigned char bytes[CHUNK];
    const BdaAllocation *a = &thing->info.allocation;
    for (VkDeviceSize done = 0; done < a->size; done += CHUNK) {
        promise(model, fake_device_read(model->driver, a->address + done, bytes, chunk_at(a, done)));
        require_pattern(model, thing, bytes, done, chunk_at(a, done));
    }
}

/* By the device, or by the CPU where it can. */
static void fill(struct model *model, struct thing *thing) {
    unsigned char bytes[CHUNK];
    const BdaAllocation *a = &thing->info.allocation;
    bool by_cpu = a->mapped != NULL && once_in(model, 2);
    thing->seed = (unsigned char)draw(model, 256);
    for (VkDeviceSize done = 0; done < a->size; done += CHUNK) {
        size_t size = chunk_at(a, done);
        for (size_t i = 0; i < size; i++)
            bytes[i] = pattern_at(thing->seed, (size_t)done + i);
        if (by_cpu)
            promise(model, bda_write(model->allocator, a->handle, done, bytes, size) == VK_SUCCESS);
        else
            promise(model, fake_device_write(model->driver, a->address + done, bytes, size));
    }
}

static void require_zeros(struct model *model, const BdaAllocation *a) {
    unsigned char bytes[CHUNK];
    for (VkDeviceSize done = 0; done < a->size; done += CHUNK) {
        promise(model, fake_device_read(model->driver, a->address + done, bytes, chunk_at(a, done)));
        for (size_t i = 0; i < chunk_at(a, done); i++)
            promise(model, bytes[i] == 0);
    }
}

/* ---- The model's side -------------------------------------------------------------------------------------------- */

static struct thing *find(struct model *model, int state) {
    uint32_t start = (uint32_t)draw(model, THINGS);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct thing *thing = &model->things[(start + i) % THINGS];
        if ((int)thing->state == state)
            return thing;
    }
    return NULL;
}

static uint32_t count(const struct model *model, int state) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < THINGS; i++)
        found += (int)model->things[i].state == state;
    return found;
}

static bool is_due(const struct model *model, const struct thing *thing) {
    return thing->state == PENDING && thing->value <= model->signalled[thing->timeline];
}

static void remember_stale(struct model *model, BdaHandle handle) {
    model->stale[model->stale_count++ % STALE] = handle;
}

static bool overlap(const BdaAllocation *a, const BdaAllocation *b) {
    return a->address < b->address + b->size && b->address < a->address + a->size;
}

/* Nobody has the new one's bytes, unless his free was due: then the library has collected it. */
static void require_place(struct model *model, const BdaAllocation *a) {
    for (uint32_t i = 0; i < THINGS; i++) {
        struct thing *other = &model->things[i];
        if (other->state == ABSENT || !overlap(a, &other->info.allocation))
            continue;
        promise(model, is_due(model, other));
        other->state = ABSENT;
    }
}

static bool serves(BdaIntent intent, BdaAllocFlags flags, VkMemoryPropertyFlags properties) {
    bool local = (properties & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) != 0 || (flags & BDA_ALLOC_HOST_FALLBACK_BIT) != 0;
    bool visible = (properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
    if (intent == BDA_INTENT_DEVICE)
        return local;
    return visible && (local || intent != BDA_INTENT_SHARED);
}

static bool same_allocation(const BdaAllocation *a, const BdaAllocation *b) {
    return a->handle == b->handle && a->address == b->address && a->mapped == b->mapped && a->buffer == b->buffer &&
           a->offset == b->offset && a->size == b->size;
}

static bool has_name(const struct thing *thing, const char *name) {
    return thing->name[0] == '\0' ? name == NULL : name != NULL && strcmp(name, thing->name) == 0;
}

/* What a handle tells is what was asked for, and where the driver says that it lies. */
static void require_information(struct model *model, const struct thing *thing, const BdaAllocInfo *asked, bool own) {
    const BdaAllocationInfo *info = &thing->info;
    const BdaAllocation *a = &info->allocation;
    VkDeviceMemory memory;
    VkDeviceSize offset;
    promise(model, a->handle != 0 && a->address % thing->alignment == 0 && a->size == asked->size);
    promise(model, serves(asked->intent, asked->flags, info->properties));
    promise(model, info->pool == asked->pool && info->user == asked->user && has_name(thing, info->name));
    promise(model, (info->own_buffer != VK_FALSE) == own && (!own || a->offset == 0));
    promise(model, info->dedicated || (asked->flags & BDA_ALLOC_DEDICATED_BIT) == 0);
    promise(model, ((info->properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0) == (a->mapped != NULL));
    promise(model, fake_binding(model->driver, a->buffer, &memory, &offset));
}

static struct thing *admit(struct model *model, const BdaAllocInfo *asked, bool own, const BdaAllocation *a) {
    require_place(model, a);
    struct thing *thing = find(model, ABSENT);
    promise(model, thing != NULL);
    *thing = (struct thing){ .state = LIVE, .alignment = asked->alignment > 16 ? asked->alignment : 16 };
    (void)snprintf(thing->name, sizeof thing->name, "%s", asked->name != NULL ? asked->name : "");
    promise(model, bda_get_info(model->allocator, a->handle, &thing->info) == VK_SUCCESS);
    promise(model, same_allocation(a, &thing->info.allocation));
    require_information(model, thing, asked, own);
    if ((asked->flags & BDA_ALLOC_ZERO_BIT) != 0)
        require_zeros(model, a);
    fill(model, thing);
    model->allocated++;
    return thing;
}

/* ---- Failures ---------------------------------------------------------------------------------------------------- */

/* Now and then the call that follows meets a refusal, of the driver or of the host allocator. */
static void arm(struct model *model) {
    static const VkResult results[] = { VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_UNKNOWN,
                                        VK_ERROR_TOO_MANY_OBJECTS };
    model->failing = once_in(model, 12);
    if (!model->failing)
        return;
    unsigned nth = 1 + (unsigned)draw(model, 8);
    uint32_t which = (uint32_t)draw(model, COUNT_OF(results) * 2);
    if (which < COUNT_OF(results))
        fake_fail(model->driver, FAKE_CALL_ANY, nth, results[which]);
    else
        fake_host_fail(&model->host, 1 + nth / 3, which % 2 != 0);
}

/* What frees needs no host memory, whatever comes. */
static void arm_for_good(struct model *model) {
    fake_host_fail(&model->host, 1, true);
}

static void disarm(struct model *model) {
    fake_host_fail(&model->host, 0, false);
    fake_clear_failures(model->driver);
}

/* ---- Asking ------------------------------------------------------------------------------------------------------ */

static BdaAllocFlags draw_flags(struct model *model) {
    BdaAllocFlags flags = 0;
    flags |= once_in(model, 12) ? BDA_ALLOC_DEDICATED_BIT : 0;
    flags |= once_in(model, 12) ? BDA_ALLOC_WITHIN_BUDGET_BIT : 0;
    flags |= once_in(model, 12) ? BDA_ALLOC_NO_NEW_MEMORY_BIT : 0;
    flags |= once_in(model, 4) ? BDA_ALLOC_HOST_FALLBACK_BIT : 0;
    flags |= once_in(model, 8) ? BDA_ALLOC_ZERO_BIT : 0;
    return flags;
}

/* Into a pool, which brings its intent, or into the library's own. */
static void draw_home(struct model *model, BdaAllocInfo *info) {
    uint32_t i = (uint32_t)draw(model, POOLS * 3);
    info->intent = (BdaIntent)draw(model, 4);
    if (i >= POOLS || model->pools[i] == NULL)
        return;
    info->pool = model->pools[i];
    info->intent = model->pool_infos[i].intent;
    info->flags |= model->pool_infos[i].flags;
}

static BdaAllocInfo draw_request(struct model *model) {
    static const char *const names[] = { NULL, NULL, NULL, "mesh", "a longer name" };
    BdaAllocInfo info = { .size = draw_size(model) };
    info.flags = draw_flags(model);
    info.alignment = once_in(model, 2) ? (VkDeviceSize)1 << draw(model, 14) : 0;
    info.user = once_in(model, 3) ? draw(model, UINT64_MAX) : 0;
    info.name = names[draw(model, COUNT_OF(names))];
    draw_home(model, &info);
    if (info.pool == NULL && once_in(model, 8))
        info.priority = 0.25f;
    return info;
}

/* The answers that a well-formed request may get; under an injected failure also the injected ones. */
static bool may_be_refused(const struct model *model, const BdaAllocInfo *asked, VkResult result) {
    switch (result) {
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return true;
    case VK_ERROR_TOO_MANY_OBJECTS:
        return model->plan->config.limits.maxMemoryAllocationCount != 0 || model->failing;
    case VK_ERROR_FEATURE_NOT_PRESENT: /* zeros where nothing is mapped, or no such memory */
        return (asked->flags & BDA_ALLOC_ZERO_BIT) != 0 || model->plan->config.machine == FAKE_MACHINE_UNMAPPABLE;
    default:
        return model->failing;
    }
}

/* Bytes of a heap that are neither taken nor forbidden. */
static VkDeviceSize left_in_heap(struct model *model, const BdaHeapStats *heap, uint32_t index) {
    VkDeviceSize most = heap->limit != 0 && heap->limit < heap->size ? heap->limit : heap->size;
    VkDeviceSize used = fake_heap_used(model->driver, index) + model->plan->config.foreign_use[index];
    return used < most ? most - used : 0;
}

/* Bytes that any memory of the request's kind has left: the pool's limit, and the heap that has the least. */
static VkDeviceSize left_for(struct model *model, const BdaAllocInfo *asked, const BdaStats *stats) {
    VkDeviceSize left = left_in_heap(model, &stats->heaps[0], 0);
    for (uint32_t i = 1; i < stats->heap_count && (asked->pool != NULL || asked->intent != BDA_INTENT_DEVICE); i++) {
        VkDeviceSize here = left_in_heap(model, &stats->heaps[i], i);
        left = here < left ? here : left;
    }
    for (uint32_t i = 0; i < POOLS && asked->pool != NULL; i++) {
        BdaUse use;
        if (model->pools[i] != asked->pool || model->pool_infos[i].limit == 0)
            continue;
        promise(model, bda_get_pool_stats(model->allocator, asked->pool, &use) == VK_SUCCESS);
        VkDeviceSize here = model->pool_infos[i].limit - use.reserved;
        left = here < left ? here : left;
    }
    return left;
}

/* Nobody is refused while there is much more memory than he needs: a heap runs full, never nearly full; and the last
 * VkDeviceMemory may be had. */
static void require_honest_refusal(struct model *model, const BdaAllocInfo *asked, VkResult result) {
    const BdaAllocFlags narrow = BDA_ALLOC_WITHIN_BUDGET_BIT | BDA_ALLOC_NO_NEW_MEMORY_BIT | BDA_ALLOC_ZERO_BIT;
    BdaStats stats;
    if (model->failing || (asked->flags & narrow) != 0)
        return;
    promise(model, bda_get_stats(model->allocator, &stats) == VK_SUCCESS);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
        promise(model, left_for(model, asked, &stats) < asked->size + 3 * asked->alignment + KIB(72));
    if (result == VK_ERROR_TOO_MANY_OBJECTS)
        promise(model, fake_memory_count(model->driver) == model->plan->config.limits.maxMemoryAllocationCount);
}

/* A request within budget takes no memory beyond it; one that takes none may lie where the budget is passed. */
static void require_within_budget(struct model *model, const BdaAllocInfo *asked, const BdaAllocationInfo *info,
                                  unsigned memories) {
    BdaStats stats;
    if ((asked->flags & BDA_ALLOC_WITHIN_BUDGET_BIT) == 0 || fake_memory_count(model->driver) <= memories)
        return;
    promise(model, bda_get_stats(model->allocator, &stats) == VK_SUCCESS);
    promise(model, stats.heaps[info->heap].usage <= stats.heaps[info->heap].budget);
}

static bool is_zero(const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)bytes)[i] != 0)
            return false;
    return true;
}

static void note_refusal(struct model *model, const BdaAllocInfo *asked, VkResult result, const BdaAllocation *a) {
    promise(model, may_be_refused(model, asked, result));
    promise(model, is_zero(a, sizeof *a));
    require_honest_refusal(model, asked, result);
    model->refused++;
}

static bool is_full(const struct model *model, uint32_t wanted) {
    return count(model, ABSENT) < wanted;
}

/* ---- Operations -------------------------------------------------------------------------------------------------- */

static void op_alloc(struct model *model) {
    const BdaAllocInfo info = draw_request(model);
    BdaAllocation a;
    unsigned memories = fake_memory_count(model->driver);
    if (is_full(model, 1))
        return;
    memset(&a, 0xA5, sizeof a);
    arm(model);
    VkResult result = bda_alloc(model->allocator, &info, &a);
    disarm(model);
    if (result == VK_SUCCESS)
        require_within_budget(model, &info, &admit(model, &info, false, &a)->info, memories);
    else
        note_refusal(model, &info, result, &a);
}

static void op_alloc_buffer(struct model *model) {
    BdaAllocInfo info = draw_request(model);
    BdaAllocation a;
    if (is_full(model, 1))
        return;
    const VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                        .size = info.size,
                                        .usage = once_in(model, 2) ? VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT
                                                                   : VK_BUFFER_USAGE_TRANSFER_DST_BIT };
    unsigned memories = fake_memory_count(model->driver);
    memset(&a, 0xA5, sizeof a);
    arm(model);
    VkResult result = bda_alloc_buffer(model->allocator, &buffer, &info, &a);
    disarm(model);
    if (result == VK_SUCCESS)
        require_within_budget(model, &info, &admit(model, &info, true, &a)->info, memories);
    else
        note_refusal(model, &info, result, &a);
}

static void op_alloc_many(struct model *model) {
    BdaAllocInfo infos[MANY];
    BdaAllocation a[MANY];
    if (is_full(model, MANY))
        return;
    for (uint32_t i = 0; i < MANY; i++) {
        infos[i] = draw_request(model);
        infos[i].flags &= ~(BdaAllocFlags)BDA_ALLOC_ZERO_BIT;
    }
    memset(a, 0xA5, sizeof a);
    arm(model);
    VkResult result = bda_alloc_many(model->allocator, MANY, infos, a);
    disarm(model);
    if (result != VK_SUCCESS) {
        promise(model, is_zero(a, sizeof a));
        model->refused++;
        return;
    }
    for (uint32_t i = 0; i < MANY; i++)
        (void)admit(model, &infos[i], false, &a[i]);
}

static void leave(struct model *model, struct thing *thing) {
    require_bytes(model, thing);
    remember_stale(model, thing->info.allocation.handle);
    thing->state = ABSENT;
    model->freed++;
}

static void op_free(struct model *model) {
    struct thing *thing = find(model, LIVE);
    if (thing == NULL)
        return;
    leave(model, thing);
    arm_for_good(model);
    promise(model, bda_free(model->allocator, thing->info.allocation.handle) == VK_SUCCESS);
    disarm(model);
}

/* With a bad handle among them none is freed. */
static void op_free_many(struct model *model) {
    BdaHandle handles[MANY + 2] = { 0 };
    struct thing *things[MANY];
    uint32_t found = 0;
    while (found < MANY && (things[found] = find(model, LIVE)) != NULL) {
        handles[found + 1] = things[found]->info.allocation.handle;
        leave(model, things[found++]); /* so that it is not found twice */
    }
    for (uint32_t i = 0; i < found; i++)
        things[i]->state = LIVE;
    if (found != 0 && once_in(model, 3)) {
        handles[found + 1] = handles[1 + draw(model, found)];
        promise(model, bda_free_many(model->allocator, found + 2, handles) == VK_ERROR_VALIDATION_FAILED_EXT);
        model->stale_count = 0; /* they are not stale after all */
        return;
    }
    arm_for_good(model);
    promise(model, bda_free_many(model->allocator, found + 1, handles) == VK_SUCCESS);
    disarm(model);
    for (uint32_t i = 0; i < found; i++)
        things[i]->state = ABSENT;
}

/* Waste is what live allocations hold too much, whatever waits. */
static void op_free_after(struct model *model) {
    struct thing *thing = find(model, LIVE);
    BdaStats before, after;
    if (thing == NULL)
        return;
    thing->timeline = (uint32_t)draw(model, TIMELINES);
    thing->value = model->signalled[thing->timeline] + draw(model, 6);
    require_bytes(model, thing);
    promise(model, bda_get_stats(model->allocator, &before) == VK_SUCCESS);
    promise(model, bda_free_after(model->allocator, thing->info.allocation.handle, model->timelines[thing->timeline],
                                  thing->value) == VK_SUCCESS);
    promise(model, bda_get_stats(model->allocator, &after) == VK_SUCCESS);
    promise(model, after.total.pending_count == before.total.pending_count + 1);
    promise(model, after.total.wasted <= before.total.wasted);
    promise(model, !thing->info.dedicated || after.total.wasted == before.total.wasted);
    remember_stale(model, thing->info.allocation.handle);
    thing->state = PENDING;
    model->waited++;
}

static void op_signal(struct model *model) {
    uint32_t i = (uint32_t)draw(model, TIMELINES);
    model->signalled[i] += 1 + draw(model, 3);
    fake_signal(model->driver, model->timelines[i], model->signalled[i]);
}

static void forget_due(struct model *model) {
    for (uint32_t i = 0; i < THINGS; i++)
        if (is_due(model, &model->things[i]))
            model->things[i].state = ABSENT;
}

static void forget_pending(struct model *model) {
    for (uint32_t i = 0; i < THINGS; i++)
        if (model->things[i].state == PENDING)
            model->things[i].state = ABSENT;
}

/* A lost device counts as finished, and the caller is told, if there was anything to wait for. */
static void op_lose_device(struct model *model) {
    struct thing *thing = find(model, LIVE);
    BdaStats stats;
    if (thing == NULL || !once_in(model, 8))
        return;
    promise(model, bda_get_stats(model->allocator, &stats) == VK_SUCCESS);
    leave(model, thing);
    fake_lose_device(model->driver);
    promise(model, bda_free(model->allocator, thing->info.allocation.handle) == VK_SUCCESS);
    VkResult expected = stats.total.pending_count != 0 ? VK_ERROR_DEVICE_LOST : VK_SUCCESS;
    promise(model, bda_collect(model->allocator) == expected);
    disarm(model);
    forget_pending(model);
}

static void op_collect(struct model *model) {
    BdaStats stats;
    arm(model);
    VkResult result = bda_collect(model->allocator);
    disarm(model);
    promise(model, result == VK_SUCCESS || model->failing);
    if (result != VK_SUCCESS)
        return;
    forget_due(model);
    promise(model, bda_get_stats(model->allocator, &stats) == VK_SUCCESS);
    promise(model, stats.total.pending_count == count(model, PENDING));
}

static void op_trim(struct model *model) {
    VkDeviceSize keep = once_in(model, 2) ? 0 : draw(model, KIB(512)), released = 77;
    BdaStats before, after;
    promise(model, bda_get_stats(model->allocator, &before) == VK_SUCCESS);
    arm(model);
    VkResult result = bda_trim(model->allocator, keep, &released);
    disarm(model);
    promise(model, bda_get_stats(model->allocator, &after) == VK_SUCCESS);
    promise(model, result == VK_SUCCESS || model->failing);
    promise(model, before.total.reserved - after.total.reserved >= released);
    if (result != VK_SUCCESS)
        return;
    forget_due(model);
    promise(model, keep != 0 || after.total.empty_count == 0);
}

/* As many requests as were announced find room at once, and the driver is left alone. */
static void require_room(struct model *model, const BdaAllocInfo *like, VkDeviceSize bytes) {
    BdaAllocInfo info = *like;
    BdaHandle handles[WARM] = { 0 };
    unsigned calls = fake_call_count(model->driver, FAKE_CALL_ALLOCATE_MEMORY);
    info.flags |= BDA_ALLOC_NO_NEW_MEMORY_BIT;
    for (uint32_t i = 0; i < WARM && (i + 1) * info.size <= bytes; i++) {
        BdaAllocation a;
        promise(model, bda_alloc(model->allocator, &info, &a) == VK_SUCCESS);
        require_place(model, &a);
        handles[i] = a.handle;
    }
    promise(model, bda_free_many(model->allocator, WARM, handles) == VK_SUCCESS);
    promise(model, fake_call_count(model->driver, FAKE_CALL_ALLOCATE_MEMORY) == calls);
}

static void op_warm_up(struct model *model) {
    BdaAllocInfo like = draw_request(model);
    like.flags &= BDA_ALLOC_WITHIN_BUDGET_BIT | BDA_ALLOC_HOST_FALLBACK_BIT;
    like.size = 1 + like.size % KIB(16);
    VkDeviceSize bytes = draw(model, like.size * WARM);
    unsigned before = fake_memory_count(model->driver);
    arm(model);
    VkResult result = bda_warm_up(model->allocator, &like, bytes);
    disarm(model);
    if (result == VK_SUCCESS)
        require_room(model, &like, bytes);
    else
        promise(model, fake_memory_count(model->driver) <= before);
}

static void op_rename(struct model *model) {
    struct thing *thing = find(model, LIVE);
    const char *name = once_in(model, 3) ? NULL : "renamed";
    if (thing == NULL)
        return;
    arm(model);
    VkResult result = bda_set_name(model->allocator, thing->info.allocation.handle, name);
    disarm(model);
    promise(model, result == VK_SUCCESS || model->failing);
    if (result == VK_SUCCESS)
        (void)snprintf(thing->name, sizeof thing->name, "%s", name != NULL ? name : "");
    BdaAllocationInfo now;
    promise(model, bda_get_info(model->allocator, thing->info.allocation.handle, &now) == VK_SUCCESS);
    promise(model, has_name(thing, now.name));
}

static void op_set_user(struct model *model) {
    struct thing *thing = find(model, LIVE);
    uint64_t user = draw(model, 100);
    if (thing == NULL)
        return;
    arm(model);
    VkResult result = bda_set_user(model->allocator, thing->info.allocation.handle, user);
    disarm(model);
    promise(model, result == VK_SUCCESS || model->failing);
    if (result == VK_SUCCESS)
        thing->info.user = user;
}

/* Any part of any allocation, by the CPU, which must know its own atoms; neighbours keep what the device wrote. */
static void op_write(struct model *model) {
    unsigned char bytes[CHUNK];
    struct thing *thing = find(model, LIVE);
    if (thing == NULL)
        return;
    const BdaAllocation *a = &thing->info.allocation;
    VkDeviceSize from = draw(model, a->size);
    size_t size = chunk_at(a, from);
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern_at(thing->seed, (size_t)from + i);
    if (a->mapped != NULL)
        promise(model, bda_invalidate(model->allocator, a->handle, 0, VK_WHOLE_SIZE) == VK_SUCCESS);
    arm(model);
    VkResult result = bda_write(model->allocator, a->handle, from, bytes, size);
    disarm(model);
    promise(model, result == (a->mapped != NULL ? VK_SUCCESS : VK_ERROR_VALIDATION_FAILED_EXT) || model->failing);
    require_bytes(model, thing);
}

static void op_read(struct model *model) {
    unsigned char bytes[CHUNK];
    struct thing *thing = find(model, LIVE);
    if (thing == NULL)
        return;
    const BdaAllocation *a = &thing->info.allocation;
    VkDeviceSize from = draw(model, a->size);
    arm(model);
    VkResult result = bda_read(model->allocator, a->handle, from, bytes, chunk_at(a, from));
    disarm(model);
    promise(model, result == (a->mapped != NULL ? VK_SUCCESS : VK_ERROR_VALIDATION_FAILED_EXT) || model->failing);
    if (result == VK_SUCCESS)
        require_pattern(model, thing, bytes, from, chunk_at(a, from));
}

/* Written anew through the mapping or by the device, and told of. */
static void op_refill(struct model *model) {
    struct thing *thing = find(model, LIVE);
    if (thing == NULL || model->failing)
        return;
    const BdaAllocation *a = &thing->info.allocation;
    if (a->mapped == NULL || once_in(model, 2)) {
        fill(model, thing);
        return;
    }
    thing->seed = (unsigned char)draw(model, 256);
    for (size_t i = 0; i < a->size; i++)
        ((unsigned char *)a->mapped)[i] = pattern_at(thing->seed, i);
    promise(model, bda_flush(model->allocator, a->handle, 0, VK_WHOLE_SIZE) == VK_SUCCESS);
    promise(model, bda_invalidate(model->allocator, a->handle, a->size / 2, VK_WHOLE_SIZE) == VK_SUCCESS);
    require_bytes(model, thing);
}

static void op_stale(struct model *model) {
    if (model->stale_count == 0)
        return;
    uint32_t known = model->stale_count < STALE ? model->stale_count : STALE;
    BdaHandle handle = model->stale[draw(model, known)];
    BdaAllocationInfo info;
    const VkResult stale = VK_ERROR_VALIDATION_FAILED_EXT;
    promise(model, bda_free(model->allocator, handle) == stale);
    promise(model, bda_free_after(model->allocator, handle, model->timelines[0], 1) == stale);
    promise(model, bda_get_info(model->allocator, handle, &info) == stale && is_zero(&info, sizeof info));
    promise(model, bda_write(model->allocator, handle, 0, "x", 1) == stale);
    promise(model, bda_set_user(model->allocator, handle, 1) == stale || model->failing);
}

static void op_create_pool(struct model *model) {
    uint32_t i = (uint32_t)draw(model, POOLS);
    if (model->pools[i] != NULL)
        return;
    BdaPoolInfo info = { .intent = (BdaIntent)draw(model, 4) };
    info.name = once_in(model, 2) ? "pool" : NULL;
    info.limit = once_in(model, 2) ? KIB(128) + draw(model, KIB(512)) : 0;
    info.first_block_size = once_in(model, 3) ? KIB(64) : 0;
    info.max_block_size = info.first_block_size != 0 ? KIB(256) : 0;
    info.flags = once_in(model, 3) ? BDA_ALLOC_HOST_FALLBACK_BIT : 0;
    arm(model);
    VkResult result = bda_create_pool(model->allocator, &info, &model->pools[i]);
    disarm(model);
    bool possible = model->plan->config.machine != FAKE_MACHINE_UNMAPPABLE || info.intent == BDA_INTENT_DEVICE;
    promise(model, result == (possible ? VK_SUCCESS : VK_ERROR_FEATURE_NOT_PRESENT) || model->failing);
    promise(model, (result == VK_SUCCESS) == (model->pools[i] != NULL));
    model->pool_infos[i] = info;
}

/* Empty, or with what is in it, which goes then. */
static void op_destroy_pool(struct model *model) {
    uint32_t i = (uint32_t)draw(model, POOLS), live = 0;
    BdaPool pool = model->pools[i];
    if (pool == NULL)
        return;
    for (uint32_t k = 0; k < THINGS; k++) {
        struct thing *thing = &model->things[k];
        if (thing->state == ABSENT || thing->info.pool != pool)
            continue;
        if (thing->state == LIVE) {
            leave(model, thing);
            live++;
        }
        thing->state = ABSENT;
    }
    promise(model, bda_destroy_pool(model->allocator, pool) == (live == 0 ? VK_SUCCESS : VK_INCOMPLETE));
    promise(model, bda_destroy_pool(model->allocator, pool) == VK_ERROR_VALIDATION_FAILED_EXT);
    model->pools[i] = NULL;
}

static const struct operation {
    uint32_t weight; /* in a hundred */
    void (*run)(struct model *model);
} operations[] = {
    { 24, op_alloc },     { 12, op_alloc_buffer }, { 2, op_alloc_many },  { 17, op_free },        { 3, op_free_many },
    { 8, op_free_after }, { 4, op_signal },        { 2, op_collect },     { 1, op_lose_device },  { 2, op_trim },
    { 2, op_warm_up },    { 3, op_rename },        { 2, op_set_user },    { 5, op_write },        { 4, op_read },
    { 3, op_refill },     { 3, op_stale },         { 2, op_create_pool }, { 1, op_destroy_pool },
};

/* ---- Agreement --------------------------------------------------------------------------------------------------- */

static void require_use(struct model *model, const BdaUse *use, BdaPool pool, bool all) {
    uint64_t live = 0, dedicated = 0;
    VkDeviceSize used = 0;
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct thing *thing = &model->things[i];
        if (thing->state != LIVE || (!all && thing->info.pool != pool))
            continue;
        live++;
        used += thing->info.allocation.size;
        dedicated += thing->info.dedicated != VK_FALSE;
    }
    promise(model, use->allocation_count == live && use->used == used);
    promise(model, use->dedicated_count >= dedicated);
    promise(model, use->dedicated_count + use->empty_count <= use->block_count);
    promise(model, use->largest_free <= use->free);
    promise(model, use->used + use->wasted + use->free <= use->reserved);
}

/* Frees that are due may have been collected in an allocation that found no room, all of them at once. */
static void require_pending(struct model *model, const BdaStats *stats) {
    uint64_t waiting = count(model, PENDING), due = 0;
    for (uint32_t i = 0; i < THINGS; i++)
        due += is_due(model, &model->things[i]);
    promise(model, stats->total.pending_count <= waiting && stats->total.pending_count >= waiting - due);
}

static void require_heaps(struct model *model, const BdaStats *stats) {
    VkDeviceSize reserved = 0;
    uint64_t blocks = 0;
    for (uint32_t i = 0; i < stats->heap_count; i++) {
        const BdaHeapStats *heap = &stats->heaps[i];
        promise(model, heap->use.reserved == fake_heap_used(model->driver, i));
        promise(model, heap->limit == 0 || heap->use.reserved <= heap->limit);
        promise(model, heap->usage == heap->use.reserved + model->plan->config.foreign_use[i]);
        reserved += heap->use.reserved;
        blocks += heap->use.block_count;
    }
    promise(model, reserved == stats->total.reserved && blocks == stats->total.block_count);
    promise(model, stats->total.block_count == fake_memory_count(model->driver));
}

static void require_pools(struct model *model, const BdaStats *stats) {
    uint32_t pools = 0;
    for (uint32_t i = 0; i < POOLS; i++) {
        BdaUse use;
        if (model->pools[i] == NULL)
            continue;
        pools++;
        promise(model, bda_get_pool_stats(model->allocator, model->pools[i], &use) == VK_SUCCESS);
        require_use(model, &use, model->pools[i], false);
        promise(model, model->pool_infos[i].limit == 0 || use.reserved <= model->pool_infos[i].limit);
    }
    promise(model, stats->pool_count == pools);
}

static void require_agreement(struct model *model) {
    BdaStats stats;
    promise(model, fake_violation_count(model->driver) == 0);
    promise(model, bda_check(model->allocator) == VK_SUCCESS);
    promise(model, bda_get_stats(model->allocator, &stats) == VK_SUCCESS);
    require_use(model, &stats.total, NULL, true);
    require_pending(model, &stats);
    require_heaps(model, &stats);
    require_pools(model, &stats);
    promise(model, stats.host_bytes <= model->host.live_bytes);
}

/* Nothing of any live one has changed, nor what is told of it. */
static void look_at_everything(struct model *model) {
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct thing *thing = &model->things[i];
        BdaAllocationInfo now;
        if (thing->state != LIVE)
            continue;
        promise(model, bda_get_info(model->allocator, thing->info.allocation.handle, &now) == VK_SUCCESS);
        promise(model, same_allocation(&now.allocation, &thing->info.allocation));
        promise(model, now.user == thing->info.user && now.pool == thing->info.pool && has_name(thing, now.name));
        require_bytes(model, thing);
    }
}

/* ---- A run ------------------------------------------------------------------------------------------------------- */

static void run_operation(struct model *model) {
    uint32_t choice = (uint32_t)draw(model, 100), i = 0;
    while (choice >= operations[i].weight)
        choice -= operations[i++].weight;
    operations[i].run(model);
}

static void run_steps(struct model *model) {
    for (model->step = 1; model->step <= model->steps; model->step++) {
        model->failing = false;
        run_operation(model);
        require_agreement(model);
        if (model->step % LOOK_EVERY == 0)
            look_at_everything(model);
    }
}

static void drop_message(void *user, BdaMessageSeverity severity, const char *text) {
    (void)user;
    (void)severity;
    (void)text;
}

static unsigned locks_held(void) {
    return bda_locks_held;
}

static void open_model(struct model *model) {
    const struct plan *plan = model->plan;
    struct fake_config config = plan->config;
    VkDeviceSize limits[VK_MAX_MEMORY_HEAPS] = { plan->heap_limit, plan->heap_limit };
    config.locks_held = locks_held;
    model->driver = fake_create(&config);
    assert_non_null(model->driver);
    fake_host_init(&model->host);
    model->callbacks = fake_host_callbacks(&model->host);
    for (uint32_t i = 0; i < TIMELINES; i++)
        model->timelines[i] = fake_make_semaphore(model->driver, 0);
    BdaAllocatorInfo info = fake_allocator_info(model->driver);
    info.callbacks = &model->callbacks;
    info.flags = plan->flags;
    info.message = drop_message;
    info.first_block_size = plan->first_block;
    info.max_block_size = plan->max_block;
    info.heap_limit_count = plan->heap_limit != 0 ? 2 : 0;
    info.heap_limits = limits;
    promise(model, bda_create_allocator(&info, &model->allocator) == VK_SUCCESS);
}

/* By hand what one half of the runs frees, all that is left by destroying in the other. */
static void close_model(struct model *model) {
    bool by_hand = once_in(model, 2);
    uint32_t live = 0;
    look_at_everything(model);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct thing *thing = &model->things[i];
        if (thing->state == LIVE && by_hand)
            promise(model, bda_free(model->allocator, thing->info.allocation.handle) == VK_SUCCESS);
        live += thing->state == LIVE && !by_hand;
    }
    promise(model, bda_check(model->allocator) == VK_SUCCESS);
    promise(model, bda_destroy_allocator(model->allocator) == (live == 0 ? VK_SUCCESS : VK_INCOMPLETE));
    promise(model, fake_violation_count(model->driver) == 0);
    assert_int_equal(fake_host_done(&model->host), 0);
    assert_int_equal(fake_destroy(model->driver), 0);
}

static uint64_t number_from(const char *text, uint64_t otherwise) {
    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static void the_api_agrees_with_the_model(void **state) {
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->plan = *state;
    model->random = seed;
    model->steps = (uint32_t)number_from(getenv("BDA_STEPS"), STEPS);
    open_model(model);
    run_steps(model);
    close_model(model);
    print_message("             %u allocated, %u refused, %u freed, %u of them later\n", model->allocated,
                  model->refused, model->freed, model->waited);
    free(model);
}

int main(int count_of_arguments, char **arguments) {
    struct CMUnitTest tests[COUNT_OF(plans)];
    seed = number_from(count_of_arguments > 1 ? arguments[1] : getenv("BDA_SEED"), seed);
    print_message("seed %" PRIu64 "\n", seed);
    memset(tests, 0, sizeof tests);
    for (uint32_t i = 0; i < COUNT_OF(plans); i++)
        tests[i] = (struct CMUnitTest){ .name = plans[i].name,
                                        .test_func = the_api_agrees_with_the_model,
                                        .initial_state = (void *)(uintptr_t)&plans[i] };
    return _cmocka_run_group_tests("model of the api", tests, COUNT_OF(tests), NULL, NULL);
}
