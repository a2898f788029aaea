/*
 * Every public call that uses the driver, with every driver call under it failing once, or all from one on, with each
 * result that the specification lets it answer; and with one that it does not list but drivers give, the lost device.
 */
#include "sweep_support.h"

#include <string.h>

struct failure {
    const char *kind;
    enum fake_call call;
    VkResult result;
    bool from_here_on;
};

static const struct failure failures[] = {
    { "one driver call", FAKE_CALL_ANY, VK_ERROR_OUT_OF_HOST_MEMORY, false },
    { "one driver call", FAKE_CALL_ANY, VK_ERROR_OUT_OF_DEVICE_MEMORY, false },
    { "one driver call", FAKE_CALL_ANY, VK_ERROR_DEVICE_LOST, false },
    { "one driver call", FAKE_CALL_ANY, VK_ERROR_TOO_MANY_OBJECTS, false },
    { "one driver call", FAKE_CALL_ANY, VK_ERROR_MEMORY_MAP_FAILED, false },
    { "one driver call", FAKE_CALL_ANY, VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS, false },
    { "one driver call", FAKE_CALL_ANY, VK_ERROR_UNKNOWN, false },
    { "every driver call from", FAKE_CALL_ANY, VK_ERROR_OUT_OF_HOST_MEMORY, true },
    { "every driver call from", FAKE_CALL_ANY, VK_ERROR_OUT_OF_DEVICE_MEMORY, true },
    { "every driver call from", FAKE_CALL_ANY, VK_ERROR_DEVICE_LOST, true },
    { "vkAllocateMemory", FAKE_CALL_ALLOCATE_MEMORY, VK_ERROR_DEVICE_LOST, false },
    { "every vkAllocateMemory from", FAKE_CALL_ALLOCATE_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY, true },
    { "every vkAllocateMemory from", FAKE_CALL_ALLOCATE_MEMORY, VK_ERROR_TOO_MANY_OBJECTS, true },
    { "vkCreateBuffer", FAKE_CALL_CREATE_BUFFER, VK_ERROR_DEVICE_LOST, false },
    { "vkBindBufferMemory", FAKE_CALL_BIND_BUFFER_MEMORY, VK_ERROR_DEVICE_LOST, false },
    { "vkMapMemory", FAKE_CALL_MAP_MEMORY, VK_ERROR_DEVICE_LOST, false },
};

static void set_failure(struct sweep_world *world, const struct failure *failure) {
    if (failure->from_here_on)
        fake_fail_from(world->driver, failure->call, world->nth, failure->result);
    else
        fake_fail(world->driver, failure->call, world->nth, failure->result);
}

static VkResult call_under_failure(struct sweep_world *world, const struct failure *failure, bool *failed) {
    set_failure(world, failure);
    VkResult result = world->sweep->call(world);
    *failed = fake_failed(world->driver) != 0;
    fake_clear_failures(world->driver);
    return result;
}

static void announce(struct sweep_world *world, const struct failure *failure, unsigned nth) {
    world->kind = failure->kind;
    world->nth = nth;
    world->injected = failure->result;
}

static bool fail_once(const struct sweep *sweep, const struct failure *failure, unsigned nth) {
    struct sweep_world world;
    bool failed;
    sweep_open(&world, sweep);
    sweep_require(&world, bda_create_allocator(&world.info, &world.allocator) == VK_SUCCESS);
    if (sweep->prepare != NULL)
        sweep->prepare(&world);
    announce(&world, failure, nth);
    struct sweep_snapshot before = sweep_snap(&world);
    VkResult result = call_under_failure(&world, failure, &failed);
    sweep_judge(&world, &before, result, failed);
    sweep_finish(&world, nth % 2 == 0);
    return failed;
}

static void sweep_driver(void **state) {
    const struct sweep *sweep = *state;
    for (size_t i = 0; i < SWEEP_COUNT_OF(failures); i++)
        for (unsigned nth = 1; fail_once(sweep, &failures[i], nth); nth++)
            ;
}

/* ---- Refused for a long time ---- */

/* Enough to use up a chunk of any store, if each refusal kept a record. */
enum { TRIES = 150 };

static void repeat_refusal(const struct sweep *sweep, const struct failure *failure) {
    struct sweep_world world;
    uint64_t bytes = 0;
    bool failed;
    sweep_open(&world, sweep);
    sweep_require(&world, bda_create_allocator(&world.info, &world.allocator) == VK_SUCCESS);
    if (sweep->prepare != NULL)
        sweep->prepare(&world);
    announce(&world, failure, 1);
    struct sweep_snapshot before = sweep_snap(&world);
    VkResult result = call_under_failure(&world, failure, &failed);
    for (int i = 0; i < TRIES && result != VK_SUCCESS; i++) {
        bytes = i < 2 ? sweep_snap(&world).stats.host_bytes : bytes;
        result = call_under_failure(&world, failure, &failed);
        sweep_require(&world, i < 2 || sweep_snap(&world).stats.host_bytes == bytes);
    }
    sweep_judge(&world, &before, result, failed);
    sweep_finish(&world, false);
}

static void refusals_cost_no_host_memory(void **state) {
    (void)state;
    const struct failure all[] = {
        { "every vkAllocateMemory from", FAKE_CALL_ALLOCATE_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY, true },
        { "every vkCreateBuffer from", FAKE_CALL_CREATE_BUFFER, VK_ERROR_OUT_OF_DEVICE_MEMORY, true },
        { "every vkBindBufferMemory from", FAKE_CALL_BIND_BUFFER_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY, true },
    };
    for (size_t i = 0; i < sweep_case_count; i++)
        for (size_t k = 0; k < SWEEP_COUNT_OF(all) && sweep_cases[i].refused == NULL; k++)
            repeat_refusal(&sweep_cases[i], &all[k]);
}

/* ---- Creating the allocator itself ---- */

static VkResult call_create(struct sweep_world *world) {
    memset(&world->allocator, 0xA5, sizeof world->allocator);
    VkResult result = bda_create_allocator(&world->info, &world->allocator);
    sweep_require(world, result == VK_SUCCESS || world->allocator == NULL);
    return result;
}

#define EVERY_FEATURE                                                                                                  \
    (FAKE_DEBUG_UTILS | FAKE_DESCRIPTOR_BUFFER | FAKE_MEMORY_BUDGET | FAKE_MEMORY_PRIORITY |                           \
     FAKE_ACCELERATION_STRUCTURE | FAKE_RAY_TRACING_PIPELINE)

static const struct sweep create_allocator = { "create_allocator", .call = call_create,
                                               .config = { .with = EVERY_FEATURE } };

static bool fail_create(const struct failure *failure, unsigned nth) {
    struct sweep_world world;
    bool failed;
    sweep_open(&world, &create_allocator);
    announce(&world, failure, nth);
    struct sweep_snapshot before = sweep_snap(&world);
    VkResult result = call_under_failure(&world, failure, &failed);
    sweep_require(&world, result == VK_SUCCESS || world.host.live_count == 0);
    sweep_judge(&world, &before, result, failed);
    sweep_finish(&world, false);
    return failed;
}

static void create_allocator_gives_back_what_it_took(void **state) {
    (void)state;
    for (size_t i = 0; i < SWEEP_COUNT_OF(failures); i++)
        for (unsigned nth = 1; fail_create(&failures[i], nth); nth++)
            ;
}

/* Some functions have two names, and some are for tools only: without one of them all may go well. */
static void create_allocator_does_without_a_function_or_says_which(void **state) {
    (void)state;
    const struct failure missing = { "entry point", FAKE_CALL_GET_PROC_ADDR, VK_ERROR_FEATURE_NOT_PRESENT, false };
    for (unsigned nth = 1; fail_create(&missing, nth); nth++)
        ;
}

/* ---- Warming up, where there is not so much memory ---- */

/* The blocks that the call itself has opened are no reserve that it could give back: it must come to an end. */
static void refuse_to_warm_up(struct sweep_world *world, BdaPool pool, VkResult expected) {
    const BdaAllocInfo like = { .size = SWEEP_KIB(10), .pool = pool };
    BdaStats before, after;
    sweep_require(world, bda_get_stats(world->allocator, &before) == VK_SUCCESS);
    sweep_require(world, bda_warm_up(world->allocator, &like, SWEEP_KIB(3000)) == expected);
    sweep_require(world, bda_get_stats(world->allocator, &after) == VK_SUCCESS);
    sweep_require(world, before.total.reserved == after.total.reserved);
    sweep_require(world, bda_warm_up(world->allocator, &like, SWEEP_KIB(100)) == VK_SUCCESS);
}

static void warm_up_beyond_the_memory_is_refused_and_keeps_nothing(void **state) {
    (void)state;
    const struct {
        struct sweep sweep;
        VkResult expected;
    } cases[] = {
        { { .name = "heap", .config = { .heap_size = SWEEP_KIB(2048) } }, VK_ERROR_OUT_OF_DEVICE_MEMORY },
        { { .name = "count", .config = { .limits = { .maxMemoryAllocationCount = 4 } } }, VK_ERROR_TOO_MANY_OBJECTS },
        { { .name = "limit", .in_pool = true, .pool = { .limit = SWEEP_KIB(1000) } }, VK_ERROR_OUT_OF_DEVICE_MEMORY },
    };
    for (size_t i = 0; i < SWEEP_COUNT_OF(cases); i++) {
        struct sweep_world world;
        sweep_open(&world, &cases[i].sweep);
        sweep_require(&world, bda_create_allocator(&world.info, &world.allocator) == VK_SUCCESS);
        if (cases[i].sweep.in_pool)
            sweep_require(&world, bda_create_pool(world.allocator, &cases[i].sweep.pool, &world.pool) == VK_SUCCESS);
        refuse_to_warm_up(&world, world.pool, cases[i].expected);
        sweep_finish(&world, false);
    }
}

/* ---- The end, with the device lost ---- */

static void settle_one(struct sweep_world *world, const BdaAllocInfo *info, const VkBufferCreateInfo *buffer_info) {
    BdaAllocation *a = &world->out[world->out_count++];
    VkResult result = buffer_info != NULL ? bda_alloc_buffer(world->allocator, buffer_info, info, a)
                                          : bda_alloc(world->allocator, info, a);
    sweep_require(world, result == VK_SUCCESS);
}

/* Live, pending and pooled allocations of every kind are left to the end. */
static void destroy_works_on_a_lost_device_without_host_memory(void **state) {
    (void)state;
    const struct sweep sweep = { .name = "destroy", .config = { .with = FAKE_DEBUG_UTILS } };
    const VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                        .size = 4000,
                                        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT };
    struct sweep_world world;
    sweep_open(&world, &sweep);
    sweep_require(&world, bda_create_allocator(&world.info, &world.allocator) == VK_SUCCESS);
    sweep_require(&world,
                  bda_create_pool(world.allocator, &(BdaPoolInfo){ .name = "pool" }, &world.pool) == VK_SUCCESS);
    for (int round = 0; round < 2; round++) {
        settle_one(&world, &(BdaAllocInfo){ .size = 100, .name = "range" }, NULL);
        settle_one(&world, &(BdaAllocInfo){ .flags = BDA_ALLOC_DEDICATED_BIT, .name = "dedicated" }, &buffer);
        settle_one(&world, &(BdaAllocInfo){ .pool = world.pool }, &buffer);
    }
    fake_host_fail(&world.host, 1, true);
    fake_lose_device(world.driver);
    for (uint32_t i = 0; i < 3; i++)
        sweep_require(&world,
                      bda_free_after(world.allocator, world.out[i].handle, world.timeline, i + 1) == VK_SUCCESS);
    sweep_require(&world, bda_destroy_allocator(world.allocator) == VK_INCOMPLETE);
    sweep_require(&world, world.host.failed == 0);
    world.allocator = NULL;
    sweep_close(&world);
}

int main(void) {
    const struct CMUnitTest more[] = {
        cmocka_unit_test(refusals_cost_no_host_memory),
        cmocka_unit_test(create_allocator_gives_back_what_it_took),
        cmocka_unit_test(create_allocator_does_without_a_function_or_says_which),
        cmocka_unit_test(warm_up_beyond_the_memory_is_refused_and_keeps_nothing),
        cmocka_unit_test(destroy_works_on_a_lost_device_without_host_memory),
    };
    return sweep_run("driver calls that fail", sweep_driver, more, SWEEP_COUNT_OF(more));
}
