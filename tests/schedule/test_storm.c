/*
 * Threads do everything at once, at random, and stop at random where another one may come between (BDA_YIELD_POINT):
 * they allocate, free, hand ranges to each other, free one and the same handle together, use dead ones, collect, trim,
 * check, look, ask for a fault's story, come and go, and hear why they were refused. Nothing is lost, nothing is handed
 * out twice, every second free is refused.
 *
 *     schedule_storm [STEPS [SEED]]        of each thread
 */
#include "schedule/chance.h"
#include "unit/alloc_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "alloc/allocator.h"

enum { THREADS = 4, LIVES = 4, OWN = 64, SHELF = 16, HOT = 4, HOT_SIZE = 272, STALE = 16, MANY = 12 };

static uint64_t steps = 2500, seed = 1;

/* ---- What is wrong is counted: assertions are for the main thread ---- */

static _Atomic unsigned wrong;
static _Atomic int first_wrong; /* line */

static void expect_at(bool holds, int line) {
    int none = 0;
    if (holds)
        return;
    atomic_fetch_add(&wrong, 1);
    (void)atomic_compare_exchange_strong(&first_wrong, &none, line);
}

#define expect(holds) expect_at(holds, __LINE__)

/* What is told, by whichever thread, is one line. */
static void hear(void *user, BdaMessageSeverity severity, const char *text) {
    (void)user;
    (void)severity;
    expect(text[0] != '\0' && strchr(text, '\n') == NULL);
}

static void read_line(void *user, const char *text) {
    hear(user, BDA_MESSAGE_INFO, text);
}

/* ---- Ranges ---- */

/* A range bears a stamp at both of its ends while it is somebody's. */
struct piece {
    BdaAllocation a;
    unsigned char stamp;
};

static size_t edge_of(const struct piece *piece) {
    return piece->a.size < 8 ? (size_t)piece->a.size : 8;
}

static void stamp(struct piece *piece) {
    unsigned char *bytes = piece->a.mapped;
    piece->stamp = (unsigned char)below(256);
    memset(bytes, piece->stamp, edge_of(piece));
    memset(bytes + piece->a.size - edge_of(piece), piece->stamp, edge_of(piece));
}

static void look(const struct piece *piece) {
    const unsigned char *bytes = piece->a.mapped;
    for (size_t i = 0; i < edge_of(piece); i++)
        expect(bytes[i] == piece->stamp && bytes[piece->a.size - 1 - i] == piece->stamp);
}

/* ---- A thread ---- */

struct worker {
    pthread_t thread;
    uint64_t seed;
    struct piece own[OWN];
    BdaHandle stale[STALE];
    uint32_t stale_count;
    BdaPool pool; /* of its own, now and then */
};

static struct worker workers[THREADS];
static BdaPool common;
static VkSemaphore timeline;

/* Whose anybody may take, and leave others instead. */
static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;
static struct piece shelf[SHELF];

/* What everybody frees, names and looks at. */
static struct {
    _Atomic BdaHandle handle;
    _Atomic unsigned shown, freed;
} hot[HOT];

static BdaAllocInfo some_request(struct worker *w) {
    BdaAllocInfo info = { .size = 1 + below(1u << (4 + below(11))), .intent = BDA_INTENT_UPLOAD };
    if (below(8) == 0)
        info.size = KIB(60) + below(KIB(16));
    if (below(6) == 0)
        info.alignment = (VkDeviceSize)1 << below(12);
    if (below(12) == 0)
        info.name = "storm";
    if (below(4) == 0)
        info.pool = below(2) == 0 && w->pool != NULL ? w->pool : common;
    return info;
}

static void remember(struct worker *w, BdaHandle handle) {
    w->stale[w->stale_count++ % STALE] = handle;
}

static void take_piece(struct worker *w, struct piece *piece) {
    const BdaAllocInfo info = some_request(w);
    BdaAllocationInfo seen;
    if (bda_alloc(bench.allocator, &info, &piece->a) != VK_SUCCESS) {
        expect(false);
        piece->a.handle = 0;
        return;
    }
    expect(info.alignment == 0 || piece->a.address % info.alignment == 0);
    expect(bda_get_info(bench.allocator, piece->a.handle, &seen) == VK_SUCCESS);
    expect(seen.allocation.size == info.size && seen.pool == info.pool && seen.user == 0);
    expect((seen.name != NULL) == (info.name != NULL));
    stamp(piece);
}

static void give_piece(struct worker *w, struct piece *piece) {
    look(piece);
    BdaHandle handle = piece->a.handle;
    piece->a.handle = 0;
    if (below(16) == 0)
        expect(bda_free_after(bench.allocator, handle, timeline, 0) == VK_SUCCESS);
    else if (below(16) == 0)
        expect(bda_free_many(bench.allocator, 1, &handle) == VK_SUCCESS);
    else
        expect(bda_free(bench.allocator, handle) == VK_SUCCESS);
    remember(w, handle);
}

static void take_or_give(struct worker *w) {
    struct piece *piece = &w->own[below(OWN)];
    if (piece->a.handle == 0)
        take_piece(w, piece);
    else
        give_piece(w, piece);
}

/* Pieces of a pool of one's own stay one's own. */
static void hand_over(struct worker *w) {
    struct piece *mine = &w->own[below(OWN)], *there = &shelf[below(SHELF)], other;
    BdaAllocationInfo info;
    if (mine->a.handle != 0 && w->pool != NULL) {
        expect(bda_get_info(bench.allocator, mine->a.handle, &info) == VK_SUCCESS);
        if (info.pool == w->pool)
            return;
    }
    (void)pthread_mutex_lock(&shelf_lock);
    other = *there;
    *there = *mine;
    *mine = other;
    (void)pthread_mutex_unlock(&shelf_lock);
}

static void take_many(struct worker *w) {
    BdaAllocInfo infos[MANY];
    BdaAllocation a[MANY];
    BdaHandle handles[MANY];
    for (uint32_t i = 0; i < MANY; i++)
        infos[i] = some_request(w);
    expect(bda_alloc_many(bench.allocator, MANY, infos, a) == VK_SUCCESS);
    for (uint32_t i = 0; i < MANY; i++)
        handles[i] = a[i].handle;
    expect(bda_free_many(bench.allocator, MANY, handles) == VK_SUCCESS);
    remember(w, handles[0]);
}

static void use_stale(struct worker *w) {
    BdaAllocationInfo info;
    BdaHandle handle = w->stale[below(STALE)];
    if (handle == 0)
        return;
    expect(bda_free(bench.allocator, handle) == VK_ERROR_VALIDATION_FAILED_EXT);
    expect(bda_get_info(bench.allocator, handle, &info) == VK_ERROR_VALIDATION_FAILED_EXT);
    expect(bda_set_user(bench.allocator, handle, 1) == VK_ERROR_VALIDATION_FAILED_EXT);
}

/* One shows an allocation, all may free it, one can. */
static void play_with_fire(struct worker *w) {
    uint32_t i = below(HOT);
    BdaAllocationInfo info;
    BdaAllocation a;
    BdaHandle handle = atomic_load(&hot[i].handle);
    (void)w;
    if (handle == 0) {
        const BdaAllocInfo wish = { .size = HOT_SIZE, .intent = BDA_INTENT_UPLOAD };
        expect(bda_alloc(bench.allocator, &wish, &a) == VK_SUCCESS);
        if (atomic_compare_exchange_strong(&hot[i].handle, &handle, a.handle))
            atomic_fetch_add(&hot[i].shown, 1);
        else
            expect(bda_free(bench.allocator, a.handle) == VK_SUCCESS);
        return;
    }
    const unsigned char byte = 0;
    switch (below(7)) {
    case 0:
        (void)bda_set_name(bench.allocator, handle, below(2) != 0 ? "hot" : LONG_NAME);
        break;
    case 3: /* whose end that is past is told, though it may go at this moment */
        expect(bda_write(bench.allocator, handle, HOT_SIZE, &byte, 1) == VK_ERROR_VALIDATION_FAILED_EXT);
        break;
    case 1:
        (void)bda_set_user(bench.allocator, handle, 5);
        break;
    case 2:
        if (bda_get_info(bench.allocator, handle, &info) == VK_SUCCESS)
            expect(info.allocation.size == HOT_SIZE && info.allocation.handle == handle);
        break;
    default:
        if (bda_free(bench.allocator, handle) != VK_SUCCESS)
            break;
        atomic_fetch_add(&hot[i].freed, 1);
        atomic_store(&hot[i].handle, 0);
        break;
    }
}

static void look_at_all(struct worker *w) {
    BdaStats stats;
    BdaUse use;
    (void)w;
    expect(bda_get_stats(bench.allocator, &stats) == VK_SUCCESS);
    expect(stats.total.allocation_count < 10000 && stats.total.used <= stats.total.reserved);
    expect(stats.total.cached <= stats.total.reserved);
    expect(bda_get_pool_stats(bench.allocator, common, &use) == VK_SUCCESS);
}

/* Whose byte it is, or was, and what the driver has said of it. */
static void ask_for_a_story(struct worker *w) {
    const struct piece *piece = &w->own[below(OWN)];
    const BdaFaultAddress address = { .address = piece->a.address + 1, .access = BDA_FAULT_ACCESS_WRITE };
    const BdaFaultInfo info = { .address_count = 1, .addresses = &address };
    expect(bda_report_fault(bench.allocator, &info, read_line, NULL) == VK_SUCCESS);
}

/* Every pool takes itself for one whose lock is waited for, if shards are wanted. */
static bool crowded;

static void crowd_all(void) {
    struct bda_pool *pool = atomic_load(&bench.allocator->newest_pool);
    for (; pool != NULL && crowded; pool = pool->older)
        atomic_store(&pool->head->crowded, true);
}

static void have_a_pool(struct worker *w) {
    crowd_all();
    if (w->pool == NULL) {
        const BdaPoolInfo info = {
            .intent = BDA_INTENT_UPLOAD, .first_block_size = KIB(64), .max_block_size = MIB(1), .name = "a worker's"
        };
        expect(bda_create_pool(bench.allocator, &info, &w->pool) == VK_SUCCESS);
        return;
    }
    BdaAllocationInfo info;
    for (uint32_t i = 0; i < OWN; i++) {
        if (w->own[i].a.handle == 0)
            continue;
        expect(bda_get_info(bench.allocator, w->own[i].a.handle, &info) == VK_SUCCESS);
        if (info.pool == w->pool) {
            expect(bda_free(bench.allocator, w->own[i].a.handle) == VK_SUCCESS);
            w->own[i].a.handle = 0;
        }
    }
    expect(bda_collect(bench.allocator) == VK_SUCCESS);
    expect(bda_destroy_pool(bench.allocator, w->pool) == VK_SUCCESS);
    w->pool = NULL;
}

static void tidy(struct worker *w) {
    (void)w;
    switch (below(8)) {
    case 0:
        expect(bda_trim(bench.allocator, below(2) * MIB(1), NULL) == VK_SUCCESS);
        break;
    case 1:
    case 2:
        expect(bda_check(bench.allocator) == VK_SUCCESS);
        break;
    default:
        expect(bda_collect(bench.allocator) == VK_SUCCESS);
        break;
    }
}

static void one_step(struct worker *w) {
    static const struct {
        uint32_t weight; /* in 256 */
        void (*make)(struct worker *w);
    } doings[] = { { 150, take_or_give }, { 30, hand_over },  { 36, play_with_fire }, { 10, use_stale }, { 10, tidy },
                   { 8, take_many },      { 4, look_at_all }, { 4, ask_for_a_story }, { 4, have_a_pool } };
    uint32_t dice = below(256), i = 0;
    while (dice >= doings[i].weight)
        dice -= doings[i++].weight;
    doings[i].make(w);
}

/* What one life leaves, the next one has. */
static void *live_on(void *context) {
    struct worker *w = context;
    chance = w->seed;
    for (uint64_t i = 0; i < steps / LIVES; i++)
        one_step(w);
    return NULL;
}

/* ---- All of it ---- */

static void start(struct worker *w) {
    w->seed++;
    assert_int_equal(pthread_create(&w->thread, NULL, live_on, w), 0);
}

static void end_of_all(void) {
    for (uint32_t i = 0; i < THREADS; i++) {
        if (workers[i].pool != NULL)
            have_a_pool(&workers[i]);
        for (uint32_t k = 0; k < OWN; k++)
            assert_int_equal(bda_free(bench.allocator, workers[i].own[k].a.handle), VK_SUCCESS);
    }
    for (uint32_t i = 0; i < SHELF; i++)
        assert_int_equal(bda_free(bench.allocator, shelf[i].a.handle), VK_SUCCESS);
    for (uint32_t i = 0; i < HOT; i++) {
        BdaHandle left = atomic_load(&hot[i].handle);
        hot[i].freed += left != 0 && bda_free(bench.allocator, left) == VK_SUCCESS ? 1u : 0u;
        assert_int_equal(hot[i].freed, hot[i].shown);
    }
}

static void a_storm_leaves_nothing_behind(const BdaAllocatorInfo *wishes) {
    memset(workers, 0, sizeof workers);
    memset(shelf, 0, sizeof shelf);
    memset(hot, 0, sizeof hot);
    bench_prepare(
        &(struct fake_config){ .machine = FAKE_MACHINE_REBAR, .with = FAKE_ADDRESS_BINDING_REPORT | FAKE_DEBUG_UTILS });
    bench.info.message = hear; /* thousands of refusals, from several threads */
    bench.info.flags = wishes->flags;
    bench.info.first_block_size = wishes->first_block_size;
    bench_start();
    fake_report_bindings(bench.driver, bda_address_binding_callback, bench.allocator);
    common = make_pool((BdaPoolInfo){ .intent = BDA_INTENT_UPLOAD, .first_block_size = KIB(64) });
    timeline = fake_make_semaphore(bench.driver, 0);
    bda_yield_hook = stop_at_times;
    for (uint32_t i = 0; i < THREADS; i++)
        workers[i].seed = seed * 1000003 + i * 7919;
    for (uint32_t life = 0; life < LIVES; life++) {
        crowd_all();
        for (uint32_t i = 0; i < THREADS; i++)
            start(&workers[i]);
        for (uint32_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    }
    bda_yield_hook = NULL;
    end_of_all();
    if (wrong != 0)
        fail_msg("seed %u: %u times wrong, first in line %d", (unsigned)seed, wrong, first_wrong);
    assert_int_equal(bda_collect(bench.allocator), VK_SUCCESS);
    assert_int_equal(bda_destroy_pool(bench.allocator, common), VK_SUCCESS);
    BdaUse use = bench_use();
    assert_int_equal(use.allocation_count, 0);
    assert_int_equal(use.used + use.wasted + use.pending, 0);
    assert_int_equal(bda_trim(bench.allocator, 0, NULL), VK_SUCCESS);
    assert_int_equal(bench_use().cached, 0);
    assert_int_equal(fake_memory_count(bench.driver), 0);
    bench_close();
}

static void with_caches(void **state) {
    (void)state;
    a_storm_leaves_nothing_behind(&(BdaAllocatorInfo){ .flags = 0 });
}

static void in_small_blocks(void **state) {
    (void)state;
    a_storm_leaves_nothing_behind(&(BdaAllocatorInfo){ .first_block_size = KIB(64) });
}

static void with_shards(void **state) {
    (void)state;
    crowded = true;
    a_storm_leaves_nothing_behind(&(BdaAllocatorInfo){ .first_block_size = KIB(256) });
    crowded = false;
}

static void without_caches(void **state) {
    (void)state;
    a_storm_leaves_nothing_behind(&(BdaAllocatorInfo){ .flags = BDA_ALLOCATOR_NO_CACHES_BIT });
}

int main(int count, char **arguments) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_caches),
        cmocka_unit_test(in_small_blocks),
        cmocka_unit_test(with_shards),
        cmocka_unit_test(without_caches),
    };
    steps = count > 1 ? strtoull(arguments[1], NULL, 0) : steps;
    seed = count > 2 ? strtoull(arguments[2], NULL, 0) : seed;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
