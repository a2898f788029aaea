/*
 * A heap no larger than it must be: all threads together may have what is left of it, each in a way of its own, by
 * dedicated memory, blocks, batches and pools that come and go; another one makes blocks ahead and gives back what is
 * empty, and the last one asks in vain, for more than there is. Nobody else is refused anything, nor waits for ever.
 *
 *     schedule_shortage [STEPS [SEED]]      of each thread
 */
#include "schedule/chance.h"
#include "unit/alloc_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "platform/platform.h"

static uint64_t steps = 150, seed = 1;

static BdaPool ranges, batches;
static const VkDeviceSize too_much = MIB(40);

/* Results of each: what it should not hear. */
struct worker {
    pthread_t thread;
    const char *name;
    void (*step)(struct worker *worker);
    VkDeviceSize share; /* that it has at most */
    uint64_t seed;
    unsigned done, refused;
};

/* ---- The driver ---- */

static _Thread_local bool dawdles;

static void dawdle(void *user, enum fake_call call) {
    (void)user;
    bool slow = call == FAKE_CALL_ALLOCATE_MEMORY || call == FAKE_CALL_FREE_MEMORY || call == FAKE_CALL_CREATE_BUFFER;
    if (!dawdles || !slow || below(4) != 0)
        return;
    const struct timespec moment = { .tv_nsec = 1000 * (1 + below(200)) };
    (void)nanosleep(&moment, NULL);
}

/* ---- What each does ---- */

static void hear(struct worker *worker, VkResult result) {
    worker->done += result == VK_SUCCESS;
    worker->refused += result != VK_SUCCESS;
}

static void free_one(struct worker *worker, BdaHandle handle) {
    hear(worker, bda_free(bench.allocator, handle));
}

static void take_and_free(struct worker *worker, BdaAllocInfo info) {
    BdaAllocation a;
    VkResult result = bda_alloc(bench.allocator, &info, &a);
    hear(worker, result);
    if (result == VK_SUCCESS)
        free_one(worker, a.handle);
}

static void have_dedicated(struct worker *worker) {
    VkDeviceSize size = 1 + below((uint32_t)worker->share);
    take_and_free(worker, (BdaAllocInfo){ .size = size, .flags = BDA_ALLOC_DEDICATED_BIT });
}

/* In blocks of 1 MiB, of which the pool may have one. */
static void have_ranges(struct worker *worker) {
    BdaAllocation all[4];
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        hear(worker, bda_alloc(bench.allocator, &(BdaAllocInfo){ .size = 1 + below(100000), .pool = ranges }, &all[i]));
    for (uint32_t i = 0; i < COUNT_OF(all); i++)
        free_one(worker, all[i].handle);
}

/* No more than three blocks of 2 MiB, which is what the pool may have. */
static void have_batches(struct worker *worker) {
    BdaAllocInfo infos[3];
    BdaAllocation all[COUNT_OF(infos)];
    for (uint32_t i = 0; i < COUNT_OF(infos); i++)
        infos[i] = (BdaAllocInfo){ .size = 1 + below(MIB(1)),
                                   .pool = batches,
                                   .flags = below(2) != 0 ? BDA_ALLOC_DEDICATED_BIT : 0 };
    VkResult result = bda_alloc_many(bench.allocator, COUNT_OF(infos), infos, all);
    hear(worker, result);
    for (uint32_t i = 0; result == VK_SUCCESS && i < COUNT_OF(all); i++)
        free_one(worker, all[i].handle);
}

static void have_pools(struct worker *worker) {
    BdaPool pool =
        make_pool((BdaPoolInfo){ .first_block_size = KIB(64), .max_block_size = KIB(256), .low_water = KIB(32) });
    take_and_free(worker, (BdaAllocInfo){ .size = 1000, .pool = pool });
    hear(worker, bda_destroy_pool(bench.allocator, pool));
}

/* Nothing of it is anybody's. It may be refused: it wants no more than there happens to be. */
static void look_after_blocks(struct worker *worker) {
    VkResult result = bda_warm_up(bench.allocator, &(BdaAllocInfo){ .size = KIB(4) }, KIB(300));
    hear(worker, result == VK_ERROR_OUT_OF_DEVICE_MEMORY ? VK_SUCCESS : result);
    result = bda_prepare(bench.allocator);
    hear(worker, result == VK_INCOMPLETE ? VK_SUCCESS : result);
    hear(worker, below(2) != 0 ? bda_collect(bench.allocator) : bda_trim(bench.allocator, 0, NULL));
}

/* The limit lets it through now and then, the driver never does; meanwhile there is half as much left for others. */
static void ask_in_vain(struct worker *worker) {
    BdaAllocation a;
    const BdaAllocInfo info = { .size = too_much, .flags = BDA_ALLOC_DEDICATED_BIT };
    VkResult result = bda_alloc(bench.allocator, &info, &a);
    hear(worker, result == VK_ERROR_OUT_OF_DEVICE_MEMORY ? VK_SUCCESS : VK_ERROR_UNKNOWN);
}

static struct worker workers[] = {
    { .name = "dedicated", .step = have_dedicated, .share = MIB(4) },
    { .name = "dedicated", .step = have_dedicated, .share = MIB(4) },
    { .name = "large", .step = have_dedicated, .share = MIB(8) },
    { .name = "ranges", .step = have_ranges, .share = MIB(1) },
    { .name = "batches", .step = have_batches, .share = MIB(6) },
    { .name = "pools", .step = have_pools, .share = KIB(256) },
    { .name = "ahead", .step = look_after_blocks },
    { .name = "in vain", .step = ask_in_vain },
};

static void *work(void *context) {
    struct worker *worker = context;
    chance = worker->seed;
    dawdles = true;
    for (uint64_t step = 0; step < steps; step++)
        worker->step(worker);
    return NULL;
}

/* ---- The heap ---- */

static void nobody_is_refused_who_keeps_to_his_share(void **state) {
    (void)state;
    const VkDeviceSize heap = MIB(64);
    VkDeviceSize left = 0;
    for (uint32_t i = 0; i < COUNT_OF(workers); i++)
        left += workers[i].share;
    const VkDeviceSize limit = too_much + left / 2;
    bench_prepare(&(struct fake_config){
        .machine = FAKE_MACHINE_UNIFIED, .heap_size = heap, .foreign_use = { heap - left }, .on_call = dawdle });
    bench.info.message = NULL;
    bench.info.heap_limit_count = 1;
    bench.info.heap_limits = &limit;
    bench_start();
    ranges = make_pool((BdaPoolInfo){ .first_block_size = MIB(1), .max_block_size = MIB(1), .limit = MIB(1) });
    batches = make_pool((BdaPoolInfo){ .first_block_size = MIB(2), .max_block_size = MIB(2), .limit = MIB(6) });
    bda_yield_hook = stop_at_times;
    for (uint32_t i = 0; i < COUNT_OF(workers); i++) {
        workers[i].seed = seed * 1000003 + i * 7919;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    unsigned refused = 0;
    for (uint32_t i = 0; i < COUNT_OF(workers); i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        if (workers[i].refused != 0)
            print_message("             %s: %u calls good, %u refused\n", workers[i].name, workers[i].done,
                          workers[i].refused);
        refused += workers[i].refused;
    }
    bda_yield_hook = NULL;
    assert_int_equal(bda_destroy_pool(bench.allocator, ranges), VK_SUCCESS);
    assert_int_equal(bda_destroy_pool(bench.allocator, batches), VK_SUCCESS);
    bench_close();
    assert_int_equal(refused, 0);
}

int main(int count, char **arguments) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(nobody_is_refused_who_keeps_to_his_share) };
    steps = count > 1 ? strtoull(arguments[1], NULL, 0) : steps;
    seed = count > 2 ? strtoull(arguments[2], NULL, 0) : seed;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
