/* Every public call that may need host memory, with every host allocation under it failing once, or all from one on. */
#include "sweep_support.h"

#include "core/node.h"

#include <string.h>

/* How often one refusal is repeated until it is seen to cost no host memory: each time one more store may have grown.
 */
enum { REPETITIONS = 64 };

static bool met(struct sweep_world *world) {
    return world->host.failed != 0;
}

static VkResult call_under_failure(struct sweep_world *world, bool *failed) {
    fake_host_fail(&world->host, world->nth, world->kind[0] == 'e');
    VkResult result = world->sweep->call(world);
    *failed = met(world);
    fake_host_fail(&world->host, 0, false);
    return result;
}

/* What stores and pools grow by in a refused call they need not grow by again: refusals end by costing nothing, or
 * the call succeeds since there is nothing left to grow. */
static void require_no_growth(struct sweep_world *world, const struct sweep_snapshot *before) {
    uint64_t bytes = sweep_snap(world).stats.host_bytes, previous;
    uint32_t repetitions = 0;
    VkResult result;
    bool failed;
    do {
        previous = bytes;
        result = call_under_failure(world, &failed);
        bytes = sweep_snap(world).stats.host_bytes;
    } while (result != VK_SUCCESS && bytes != previous && ++repetitions < REPETITIONS);
    sweep_require(world, repetitions < REPETITIONS);
    sweep_judge(world, before, result, failed);
    sweep_finish(world, false);
}

static void begin(struct sweep_world *world, const struct sweep *sweep, const char *kind, unsigned nth) {
    sweep_open(world, sweep);
    sweep_require(world, bda_create_allocator(&world->info, &world->allocator) == VK_SUCCESS);
    if (sweep->prepare != NULL)
        sweep->prepare(world);
    world->kind = kind;
    world->nth = nth;
    world->injected = VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* Returns whether the failure was met; where it was not, the call has seen all its allocations fail once. */
static bool fail_once(const struct sweep *sweep, const char *kind, unsigned nth) {
    struct sweep_world world;
    bool failed;
    begin(&world, sweep, kind, nth);
    struct sweep_snapshot before = sweep_snap(&world);
    VkResult result = call_under_failure(&world, &failed);
    sweep_judge(&world, &before, result, failed);
    sweep_finish(&world, nth % 2 == 0);
    if (result != VK_SUCCESS) {
        begin(&world, sweep, kind, nth);
        before = sweep_snap(&world);
        require_no_growth(&world, &before);
    }
    return failed;
}

static void sweep_host(void **state) {
    const struct sweep *sweep = *state;
    const char *const kinds[] = { "one host allocation", "every host allocation from" };
    for (size_t i = 0; i < SWEEP_COUNT_OF(kinds); i++)
        for (unsigned nth = 1; fail_once(sweep, kinds[i], nth); nth++)
            ;
}

/* ---- A block that is there, and no nodes to join its pool with ---- */

enum { MOST_NEIGHBOURS = 2 << BDA_NODE_CHUNK_LOG2 };

struct crowd {
    BdaHandle handles[MOST_NEIGHBOURS];
    uint32_t count;
};

/* Small ranges until no node is left; then one goes, so that the next request just has its nodes, and a block not. */
static void use_up_nodes(struct sweep_world *world, struct crowd *crowd) {
    const BdaAllocInfo info = { .size = 64 };
    BdaAllocation a;
    while (bda_alloc(world->allocator, &info, &a) == VK_SUCCESS) {
        crowd->handles[crowd->count++] = a.handle;
        sweep_require(world, crowd->count < MOST_NEIGHBOURS);
        fake_host_fail(&world->host, 1, true);
    }
    fake_host_fail(&world->host, 0, false);
    sweep_require(world, bda_free(world->allocator, crowd->handles[--crowd->count]) == VK_SUCCESS);
}

static VkResult call_large(struct sweep_world *world) {
    const BdaAllocInfo info = { .size = SWEEP_KIB(60) };
    VkResult result = bda_alloc(world->allocator, &info, &world->out[0]);
    world->out_count = result == VK_SUCCESS ? 1 : 0;
    return result;
}

static const struct sweep large_range = { "range_in_a_crowd", .call = call_large };

static bool fail_in_a_crowd(unsigned nth) {
    struct sweep_world world;
    struct crowd crowd = { .count = 0 };
    bool failed;
    begin(&world, &large_range, "one host allocation", nth);
    use_up_nodes(&world, &crowd);
    struct sweep_snapshot before = sweep_snap(&world);
    VkResult result = call_under_failure(&world, &failed);
    sweep_judge(&world, &before, result, failed);
    sweep_require(&world, bda_free_many(world.allocator, crowd.count, crowd.handles) == VK_SUCCESS);
    sweep_finish(&world, false);
    return failed;
}

static void a_block_that_finds_no_nodes_is_given_back(void **state) {
    (void)state;
    for (unsigned nth = 1; fail_in_a_crowd(nth); nth++)
        ;
}

/* ---- Creating the allocator itself ---- */

static VkResult call_create(struct sweep_world *world) {
    memset(&world->allocator, 0xA5, sizeof world->allocator);
    VkResult result = bda_create_allocator(&world->info, &world->allocator);
    sweep_require(world, result == VK_SUCCESS || world->allocator == NULL);
    return result;
}

static const struct sweep create_allocator = { "create_allocator", .call = call_create,
                                               .config = { .with = FAKE_DEBUG_UTILS | FAKE_DESCRIPTOR_BUFFER } };

static void create_allocator_gives_back_what_it_took(void **state) {
    (void)state;
    bool failed = true;
    for (unsigned nth = 1; failed; nth++) {
        struct sweep_world world;
        sweep_open(&world, &create_allocator);
        world.kind = "one host allocation";
        world.nth = nth;
        world.injected = VK_ERROR_OUT_OF_HOST_MEMORY;
        struct sweep_snapshot before = sweep_snap(&world);
        VkResult result = call_under_failure(&world, &failed);
        sweep_require(&world, result == VK_SUCCESS || world.host.live_count == 0);
        sweep_judge(&world, &before, result, failed);
        sweep_finish(&world, false);
    }
}

int main(void) {
    const struct CMUnitTest more[] = {
        cmocka_unit_test(a_block_that_finds_no_nodes_is_given_back),
        cmocka_unit_test(create_allocator_gives_back_what_it_took),
    };
    return sweep_run("host memory refused", sweep_host, more, SWEEP_COUNT_OF(more));
}
