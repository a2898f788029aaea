/*
 * Several threads on one allocator. What is proven is not left to timing: where one thread must be inside the driver
 * while another works, the driver's callback holds the first one there until the second is done. The storm is for the
 * thread sanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake/fake_vulkan.h"
#include "platform/platform.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KIB(n)          ((VkDeviceSize)(n) << 10)
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Long enough for any machine; only a defect waits so long. */
enum { PATIENCE_SECONDS = 20 };

/* cmocka's assertions belong to the main thread; all others note what broke. */
static _Atomic(const char *) broken;

static void note(bool holds, const char *promise) {
    if (!holds)
        atomic_store(&broken, promise);
}
#define NOTE(holds) note(holds, #holds)

static void assert_nothing_broken(void) {
    const char *promise = atomic_exchange(&broken, NULL);
    if (promise != NULL)
        fail_msg("broken: %s", promise);
}

static unsigned locks_held(void) {
    return bda_locks_held;
}

/* ---- A gate in the driver ---------------------------------------------------------------------------------------- */

enum gate_state { GATE_IDLE, GATE_ARMED, GATE_HOLDS, GATE_OPEN };

/* The first thread to make the armed call stays inside it until the gate is opened. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum fake_call call;
    enum gate_state state;
};

static struct timespec deadline(void) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_SECONDS;
    return until;
}

static bool wait_for(struct gate *gate, enum gate_state state) {
    const struct timespec until = deadline();
    int result = 0;
    while (gate->state != state && result == 0)
        result = pthread_cond_timedwait(&gate->changed, &gate->lock, &until);
    return result == 0;
}

static void on_call(void *user, enum fake_call call) {
    struct gate *gate = user;
    (void)pthread_mutex_lock(&gate->lock);
    if (gate->state == GATE_ARMED && gate->call == call) {
        gate->state = GATE_HOLDS;
        (void)pthread_cond_broadcast(&gate->changed);
        NOTE(wait_for(gate, GATE_OPEN)); /* else the other thread waits for a lock of ours */
    }
    (void)pthread_mutex_unlock(&gate->lock);
}

static void set_gate(struct gate *gate, enum fake_call call, enum gate_state state) {
    (void)pthread_mutex_lock(&gate->lock);
    gate->call = call;
    gate->state = state;
    (void)pthread_cond_broadcast(&gate->changed);
    (void)pthread_mutex_unlock(&gate->lock);
}

/* Whether a thread came to the gate. */
static bool await_holding(struct gate *gate) {
    (void)pthread_mutex_lock(&gate->lock);
    bool holds = wait_for(gate, GATE_HOLDS);
    (void)pthread_mutex_unlock(&gate->lock);
    return holds;
}

/* ---- A stage: driver, allocator, gate ---------------------------------------------------------------------------- */

struct stage {
    struct gate gate;
    struct fake_driver *driver;
    struct fake_host host;
    VkAllocationCallbacks callbacks;
    BdaAllocator allocator;
    VkSemaphore timeline;
    /* for the thread that is held */
    void (*act)(struct stage *stage);
    BdaAllocation held;
    BdaAllocation resident; /* stays */
    BdaPool pool;
};

static void raise_stage(struct stage *stage, struct fake_config config) {
    memset(stage, 0, sizeof *stage);
    (void)pthread_mutex_init(&stage->gate.lock, NULL);
    (void)pthread_cond_init(&stage->gate.changed, NULL);
    config.locks_held = locks_held;
    config.on_call = on_call;
    config.on_call_user = &stage->gate;
    config.dirty_bytes = 256;
    stage->driver = fake_create(&config);
    assert_non_null(stage->driver);
    fake_host_init(&stage->host);
    stage->callbacks = fake_host_callbacks(&stage->host);
    stage->timeline = fake_make_semaphore(stage->driver, 0);
    BdaAllocatorInfo info = fake_allocator_info(stage->driver);
    info.callbacks = &stage->callbacks;
    info.first_block_size = KIB(64);
    info.max_block_size = KIB(256);
    assert_int_equal(bda_create_allocator(&info, &stage->allocator), VK_SUCCESS);
}

static void strike_stage(struct stage *stage) {
    assert_nothing_broken();
    assert_int_equal(bda_check(stage->allocator), VK_SUCCESS);
    assert_int_equal(bda_destroy_allocator(stage->allocator), VK_SUCCESS);
    assert_int_equal(fake_violation_count(stage->driver), 0);
    assert_int_equal(fake_host_done(&stage->host), 0);
    assert_int_equal(fake_destroy(stage->driver), 0);
    (void)pthread_cond_destroy(&stage->gate.changed);
    (void)pthread_mutex_destroy(&stage->gate.lock);
}

static BdaAllocation allocate(struct stage *stage, const BdaAllocInfo *info) {
    BdaAllocation a;
    assert_int_equal(bda_alloc(stage->allocator, info, &a), VK_SUCCESS);
    return a;
}

static VkBufferCreateInfo buffer_of(VkDeviceSize size) {
    return (VkBufferCreateInfo){ .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                 .size = size,
                                 .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT };
}

static BdaAllocation allocate_buffer(struct stage *stage, const BdaAllocInfo *info) {
    BdaAllocation a;
    const VkBufferCreateInfo buffer = buffer_of(1000);
    assert_int_equal(bda_alloc_buffer(stage->allocator, &buffer, info, &a), VK_SUCCESS);
    return a;
}

/* ---- One thread inside the driver, another at work --------------------------------------------------------------- */

/* What the held thread does; each makes the gate's call. All leave nothing behind but stage->held. */
static void act_new_block(struct stage *stage) {
    const BdaAllocInfo info = { .size = KIB(60), .name = "needs a block" };
    NOTE(bda_alloc(stage->allocator, &info, &stage->held) == VK_SUCCESS);
}

static void act_new_upload_block(struct stage *stage) {
    const BdaAllocInfo info = { .size = KIB(60), .intent = BDA_INTENT_UPLOAD };
    NOTE(bda_alloc(stage->allocator, &info, &stage->held) == VK_SUCCESS);
}

static void act_dedicated(struct stage *stage) {
    const BdaAllocInfo info = { .size = KIB(500), .name = "large" };
    NOTE(bda_alloc(stage->allocator, &info, &stage->held) == VK_SUCCESS);
}

static void act_own_buffer(struct stage *stage) {
    const VkBufferCreateInfo buffer = buffer_of(2000);
    NOTE(bda_alloc_buffer(stage->allocator, &buffer, NULL, &stage->held) == VK_SUCCESS);
}

static void act_free_own_buffer(struct stage *stage) {
    NOTE(bda_free(stage->allocator, stage->held.handle) == VK_SUCCESS);
    stage->held.handle = 0;
}

static void act_trim(struct stage *stage) {
    VkDeviceSize released;
    NOTE(bda_trim(stage->allocator, 0, &released) == VK_SUCCESS);
    NOTE(released != 0);
}

static void act_collect(struct stage *stage) {
    NOTE(bda_free_after(stage->allocator, stage->held.handle, stage->timeline, 1) == VK_SUCCESS);
    stage->held.handle = 0;
    NOTE(bda_collect(stage->allocator) == VK_SUCCESS);
}

static void act_write(struct stage *stage) {
    NOTE(bda_write(stage->allocator, stage->held.handle, 0, "written", 8) == VK_SUCCESS);
}

static void act_read(struct stage *stage) {
    char bytes[8];
    NOTE(bda_read(stage->allocator, stage->held.handle, 0, bytes, 8) == VK_SUCCESS);
}

static void act_rename(struct stage *stage) {
    NOTE(bda_set_name(stage->allocator, stage->held.handle, "another name") == VK_SUCCESS);
}

static void act_stats(struct stage *stage) {
    BdaStats stats;
    NOTE(bda_get_stats(stage->allocator, &stats) == VK_SUCCESS);
}

static void act_warm_up(struct stage *stage) {
    const BdaAllocInfo like = { .size = KIB(4) };
    NOTE(bda_warm_up(stage->allocator, &like, KIB(200)) == VK_SUCCESS);
}

/* What stands before: `held` is what the held thread will work on. */
static void before_nothing(struct stage *stage) {
    (void)stage;
}

static void before_own_buffer(struct stage *stage) {
    stage->held = allocate_buffer(stage, &(BdaAllocInfo){ .name = "a buffer" });
}

static void before_room_for_a_buffer(struct stage *stage) {
    stage->resident = allocate_buffer(stage, &(BdaAllocInfo){ .name = "a buffer" });
}

static void before_dedicated(struct stage *stage) {
    stage->held = allocate(stage, &(BdaAllocInfo){ .size = 5000, .flags = BDA_ALLOC_DEDICATED_BIT });
}

static void before_upload(struct stage *stage) {
    stage->held = allocate(stage, &(BdaAllocInfo){ .size = 5000, .intent = BDA_INTENT_UPLOAD });
}

static void before_empty_block(struct stage *stage) {
    BdaAllocation a = allocate(stage, &(BdaAllocInfo){ .size = 5000, .intent = BDA_INTENT_READBACK });
    assert_int_equal(bda_free(stage->allocator, a.handle), VK_SUCCESS);
}

static const struct held_call {
    const char *name;
    enum fake_call call;
    void (*before)(struct stage *stage);
    void (*act)(struct stage *stage);
} held_calls[] = {
    { "memory_for_a_block", FAKE_CALL_ALLOCATE_MEMORY, before_nothing, act_new_block },
    { "memory_for_one_request", FAKE_CALL_ALLOCATE_MEMORY, before_nothing, act_dedicated },
    { "buffer_over_a_block", FAKE_CALL_CREATE_BUFFER, before_nothing, act_new_block },
    { "bind_of_a_block", FAKE_CALL_BIND_BUFFER_MEMORY, before_nothing, act_new_block },
    { "address_of_a_block", FAKE_CALL_GET_BUFFER_DEVICE_ADDRESS, before_nothing, act_new_block },
    { "mapping_of_a_block", FAKE_CALL_MAP_MEMORY, before_nothing, act_new_upload_block },
    { "name_of_a_block", FAKE_CALL_SET_OBJECT_NAME, before_nothing, act_new_block },
    { "budget_before_a_block", FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, before_nothing, act_new_block },
    { "own_buffer", FAKE_CALL_CREATE_BUFFER, before_nothing, act_own_buffer },
    { "requirements_of_an_own_buffer", FAKE_CALL_GET_BUFFER_MEMORY_REQUIREMENTS, before_nothing, act_own_buffer },
    { "bind_of_an_own_buffer", FAKE_CALL_BIND_BUFFER_MEMORY, before_room_for_a_buffer, act_own_buffer },
    { "end_of_an_own_buffer", FAKE_CALL_DESTROY_BUFFER, before_own_buffer, act_free_own_buffer },
    { "end_of_dedicated_memory", FAKE_CALL_FREE_MEMORY, before_dedicated, act_free_own_buffer },
    { "end_of_a_block", FAKE_CALL_FREE_MEMORY, before_empty_block, act_trim },
    { "value_of_a_semaphore", FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE, before_dedicated, act_collect },
    { "release_of_a_pending_buffer", FAKE_CALL_DESTROY_BUFFER, before_own_buffer, act_collect },
    { "flush", FAKE_CALL_FLUSH, before_upload, act_write },
    { "invalidate", FAKE_CALL_INVALIDATE, before_upload, act_read },
    { "renaming", FAKE_CALL_SET_OBJECT_NAME, before_own_buffer, act_rename },
    { "budget_for_statistics", FAKE_CALL_GET_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, before_nothing, act_stats },
    { "memory_ahead_of_time", FAKE_CALL_ALLOCATE_MEMORY, before_nothing, act_warm_up },
};

static void *run_act(void *user) {
    struct stage *stage = user;
    stage->act(stage);
    return NULL;
}

/* Everything that finds room, in the pool that the held thread is busy with and in others. Only who takes pending frees
 * out waits for a thread that is asking a semaphore for its value. */
static void work_meanwhile(struct stage *stage, enum fake_call held) {
    bool collects = held != FAKE_CALL_GET_SEMAPHORE_COUNTER_VALUE;
    BdaAllocator allocator = stage->allocator;
    BdaAllocationInfo info;
    BdaStats stats;
    BdaPool pool;
    BdaAllocation a = allocate(stage, &(BdaAllocInfo){ .size = 500, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT });
    BdaAllocation b = allocate(stage, &(BdaAllocInfo){ .size = 500, .intent = BDA_INTENT_UPLOAD, .name = "b" });
    BdaAllocation c = allocate_buffer(stage, &(BdaAllocInfo){ .name = "c" });
    assert_int_equal(bda_get_info(allocator, a.handle, &info), VK_SUCCESS);
    assert_int_equal(bda_get_stats(allocator, &stats), VK_SUCCESS);
    assert_int_equal(bda_write(allocator, b.handle, 0, "bytes", 5), VK_SUCCESS);
    assert_int_equal(bda_set_name(allocator, c.handle, "renamed"), VK_SUCCESS);
    assert_int_equal(bda_set_user(allocator, a.handle, 5), VK_SUCCESS);
    assert_int_equal(bda_free_after(allocator, b.handle, stage->timeline, 1), VK_SUCCESS);
    if (collects)
        assert_int_equal(bda_collect(allocator), VK_SUCCESS);
    assert_int_equal(bda_create_pool(allocator, &(BdaPoolInfo){ .name = "meanwhile" }, &pool), VK_SUCCESS);
    BdaAllocation d = allocate(stage, &(BdaAllocInfo){ .size = 300, .pool = pool });
    assert_int_equal(bda_free_many(allocator, 3, (BdaHandle[]){ a.handle, c.handle, d.handle }), VK_SUCCESS);
    if (collects)
        assert_int_equal(bda_destroy_pool(allocator, pool), VK_SUCCESS);
    assert_int_equal(bda_check(allocator), VK_SUCCESS);
}

static void others_work_while_one_is_inside_the_driver(void **state) {
    const struct held_call *held = *state;
    struct stage stage;
    pthread_t thread;
    raise_stage(&stage, (struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT,
                                              .with = FAKE_DEBUG_UTILS | FAKE_MEMORY_BUDGET });
    BdaAllocation resident = allocate(&stage, &(BdaAllocInfo){ .size = KIB(33) });
    BdaAllocation visible = allocate(&stage, &(BdaAllocInfo){ .size = KIB(33), .intent = BDA_INTENT_UPLOAD });
    fake_signal(stage.driver, stage.timeline, 1);
    held->before(&stage);
    stage.act = held->act;
    set_gate(&stage.gate, held->call, GATE_ARMED);
    assert_int_equal(pthread_create(&thread, NULL, run_act, &stage), 0);
    assert_true(await_holding(&stage.gate));
    work_meanwhile(&stage, held->call);
    set_gate(&stage.gate, held->call, GATE_OPEN);
    assert_int_equal(pthread_join(thread, NULL), 0);
    const BdaHandle handles[] = { resident.handle, visible.handle, stage.held.handle, stage.resident.handle };
    assert_int_equal(bda_free_many(stage.allocator, COUNT_OF(handles), handles), VK_SUCCESS);
    strike_stage(&stage);
}

/* ---- A pool ends while another thread still gives its memory back ------------------------------------------------ */

/* A pool like the first but for its limit and its memory must have nothing of the first one's. */
static void use_another_pool(struct stage *stage, BdaPool *pool) {
    const BdaPoolInfo info = { .intent = BDA_INTENT_UPLOAD, .limit = KIB(128) };
    assert_int_equal(bda_create_pool(stage->allocator, &info, pool), VK_SUCCESS);
}

static void require_pool_is_whole(struct stage *stage, BdaPool pool) {
    BdaUse use;
    BdaAllocationInfo info;
    assert_int_equal(bda_get_pool_stats(stage->allocator, pool, &use), VK_SUCCESS);
    assert_int_equal(use.block_count, 0);
    assert_int_equal(use.pending_count, 0);
    assert_int_equal(bda_check(stage->allocator), VK_SUCCESS);
    BdaAllocation a = allocate(stage, &(BdaAllocInfo){ .size = KIB(20), .pool = pool });
    BdaAllocation b = allocate_buffer(stage, &(BdaAllocInfo){ .pool = pool });
    assert_int_equal(bda_get_info(stage->allocator, a.handle, &info), VK_SUCCESS);
    assert_true((info.properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0);
    assert_int_equal(bda_get_info(stage->allocator, b.handle, &info), VK_SUCCESS);
    assert_true((info.properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0);
    assert_int_equal(bda_free_many(stage->allocator, 2, (BdaHandle[]){ a.handle, b.handle }), VK_SUCCESS);
    assert_int_equal(bda_destroy_pool(stage->allocator, pool), VK_SUCCESS);
}

/* `stage->act` is inside `call` for something of stage->pool, which is destroyed meanwhile, and another one is made. */
static void destroy_pool_under(struct stage *stage, enum fake_call call, void (*act)(struct stage *stage)) {
    pthread_t thread;
    BdaPool other;
    stage->act = act;
    set_gate(&stage->gate, call, GATE_ARMED);
    assert_int_equal(pthread_create(&thread, NULL, run_act, stage), 0);
    assert_true(await_holding(&stage->gate));
    assert_int_equal(bda_destroy_pool(stage->allocator, stage->pool), VK_SUCCESS);
    use_another_pool(stage, &other);
    set_gate(&stage->gate, call, GATE_OPEN);
    assert_int_equal(pthread_join(thread, NULL), 0);
    require_pool_is_whole(stage, other);
    VkDeviceSize released;
    BdaStats stats;
    assert_int_equal(fake_memory_count(stage->driver), 0); /* what nobody will use again waits for no trim */
    assert_int_equal(bda_trim(stage->allocator, 0, &released), VK_SUCCESS);
    assert_int_equal(bda_get_stats(stage->allocator, &stats), VK_SUCCESS);
    assert_int_equal(stats.total.reserved, 0);
    assert_int_equal(fake_memory_count(stage->driver), 0);
    strike_stage(stage);
}

static void raise_stage_with_pool(struct stage *stage) {
    raise_stage(stage, (struct fake_config){ .machine = FAKE_MACHINE_DISCRETE });
    const BdaPoolInfo info = { .name = "ends", .limit = KIB(1024) };
    assert_int_equal(bda_create_pool(stage->allocator, &info, &stage->pool), VK_SUCCESS);
    fake_signal(stage->driver, stage->timeline, 1);
}

static void a_pool_may_end_while_its_block_is_trimmed(void **state) {
    (void)state;
    struct stage stage;
    raise_stage_with_pool(&stage);
    BdaAllocation a = allocate(&stage, &(BdaAllocInfo){ .size = 100, .pool = stage.pool });
    assert_int_equal(bda_free(stage.allocator, a.handle), VK_SUCCESS);
    destroy_pool_under(&stage, FAKE_CALL_FREE_MEMORY, act_trim);
}

static void a_pool_may_end_while_its_pending_buffer_is_collected(void **state) {
    (void)state;
    struct stage stage;
    raise_stage_with_pool(&stage);
    stage.held = allocate_buffer(&stage, &(BdaAllocInfo){ .pool = stage.pool });
    destroy_pool_under(&stage, FAKE_CALL_DESTROY_BUFFER, act_collect);
}

static void a_pool_may_end_while_its_pending_memory_is_collected(void **state) {
    (void)state;
    struct stage stage;
    raise_stage_with_pool(&stage);
    stage.held = allocate(&stage, &(BdaAllocInfo){ .size = 100, .pool = stage.pool, .flags = BDA_ALLOC_DEDICATED_BIT });
    destroy_pool_under(&stage, FAKE_CALL_FREE_MEMORY, act_collect);
}

/* ---- Two threads free the same ----------------------------------------------------------------------------------- */

enum { DUELS = 300 };

enum weapon { FREE, FREE_AFTER, FREE_MANY, WEAPONS };

struct duel {
    struct stage *stage;
    pthread_barrier_t barrier;
    BdaHandle handles[DUELS];
    VkResult results[2][DUELS];
};

struct duellist {
    struct duel *duel;
    enum weapon weapon;
    int side;
};

static VkResult strike(const struct duel *duel, enum weapon weapon, BdaHandle handle) {
    switch (weapon) {
    case FREE_AFTER:
        return bda_free_after(duel->stage->allocator, handle, duel->stage->timeline, 1);
    case FREE_MANY:
        return bda_free_many(duel->stage->allocator, 1, &handle);
    default:
        return bda_free(duel->stage->allocator, handle);
    }
}

static void *fight(void *user) {
    const struct duellist *duellist = user;
    struct duel *duel = duellist->duel;
    for (uint32_t i = 0; i < DUELS; i++) {
        (void)pthread_barrier_wait(&duel->barrier);
        duel->results[duellist->side][i] = strike(duel, duellist->weapon, duel->handles[i]);
    }
    return NULL;
}

static BdaHandle allocate_for_duel(struct stage *stage, uint32_t i) {
    switch (i % 3) {
    case 0:
        return allocate(stage, &(BdaAllocInfo){ .size = 100 + i }).handle;
    case 1:
        return allocate_buffer(stage, &(BdaAllocInfo){ .name = "a name" }).handle;
    default:
        return allocate(stage, &(BdaAllocInfo){ .size = 100, .flags = BDA_ALLOC_DEDICATED_BIT }).handle;
    }
}

static void let_them_fight(struct duel *duel, enum weapon first, enum weapon second) {
    struct duellist sides[2] = { { duel, first, 0 }, { duel, second, 1 } };
    pthread_t threads[2];
    for (uint32_t i = 0; i < DUELS; i++)
        duel->handles[i] = allocate_for_duel(duel->stage, i);
    (void)pthread_barrier_init(&duel->barrier, NULL, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fight, &sides[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&duel->barrier);
    for (uint32_t i = 0; i < DUELS; i++) {
        VkResult loser = duel->results[0][i] == VK_SUCCESS ? duel->results[1][i] : duel->results[0][i];
        VkResult winner = duel->results[0][i] == VK_SUCCESS ? VK_SUCCESS : duel->results[1][i];
        assert_int_equal(winner, VK_SUCCESS);
        assert_int_equal(loser, VK_ERROR_VALIDATION_FAILED_EXT);
    }
}

static void of_two_who_free_the_same_exactly_one_succeeds(void **state) {
    (void)state;
    struct stage stage;
    struct duel duel = { .stage = &stage };
    raise_stage(&stage, (struct fake_config){ .machine = FAKE_MACHINE_REBAR });
    fake_signal(stage.driver, stage.timeline, 1);
    for (int first = FREE; first < WEAPONS; first++)
        for (int second = first; second < WEAPONS; second++)
            let_them_fight(&duel, (enum weapon)first, (enum weapon)second);
    BdaStats stats;
    assert_int_equal(bda_collect(stage.allocator), VK_SUCCESS);
    assert_int_equal(bda_get_stats(stage.allocator, &stats), VK_SUCCESS);
    assert_int_equal(stats.total.allocation_count, 0);
    assert_int_equal(stats.total.pending_count, 0);
    strike_stage(&stage);
}

/* ---- Four threads and the last VkDeviceMemory ---------------------------------------------------------------------
 */

static void *allocate_and_note(void *user) {
    struct stage *stage = user;
    BdaAllocation a;
    const BdaAllocInfo info = { .size = KIB(100), .flags = BDA_ALLOC_DEDICATED_BIT };
    VkResult result = bda_alloc(stage->allocator, &info, &a);
    if (result == VK_SUCCESS)
        result = bda_free(stage->allocator, a.handle);
    NOTE(result == VK_SUCCESS || result == VK_ERROR_TOO_MANY_OBJECTS);
    return NULL;
}

/* The fake driver complains of one VkDeviceMemory too many. */
static void the_count_of_memories_is_never_passed(void **state) {
    (void)state;
    struct stage stage;
    pthread_t threads[4];
    raise_stage(&stage, (struct fake_config){ .limits = { .maxMemoryAllocationCount = 2 } });
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < COUNT_OF(threads); i++)
            assert_int_equal(pthread_create(&threads[i], NULL, allocate_and_note, &stage), 0);
        for (size_t i = 0; i < COUNT_OF(threads); i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    strike_stage(&stage);
}

/* ---- The storm --------------------------------------------------------------------------------------------------- */

enum { STORM_THREADS = 4, STORM_STEPS = 3000, SLOTS = 64 };

/* An allocation on its way from one thread to another. `mark` is written to its bytes. */
struct parcel {
    BdaHandle handle;
    uint64_t mark;
    VkDeviceSize size;
    bool mapped;
};

struct storm {
    struct stage stage;
    BdaPool pool;
    _Atomic(struct parcel *) slots[SLOTS];
    pthread_mutex_t clock_lock; /* values only grow, and the fake minds */
    _Atomic uint64_t clock;
    _Atomic uint64_t refused;
};

struct sailor {
    struct storm *storm;
    uint64_t random;
};

static uint64_t draw(struct sailor *sailor, uint64_t bound) {
    uint64_t z = sailor->random += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return (z ^ z >> 31) % bound;
}

/* The mark comes back from the bytes: nobody else had the range meanwhile. */
static void open_parcel(struct sailor *sailor, struct parcel *parcel) {
    BdaAllocator allocator = sailor->storm->stage.allocator;
    uint64_t read = 0;
    BdaAllocationInfo info;
    NOTE(bda_get_info(allocator, parcel->handle, &info) == VK_SUCCESS);
    NOTE(info.user == parcel->mark && info.allocation.size == parcel->size);
    if (parcel->mapped) {
        NOTE(bda_read(allocator, parcel->handle, parcel->size - sizeof read, &read, sizeof read) == VK_SUCCESS);
        NOTE(read == parcel->mark);
    }
}

static void free_parcel(struct sailor *sailor, struct parcel *parcel) {
    struct stage *stage = &sailor->storm->stage;
    if (parcel == NULL)
        return;
    open_parcel(sailor, parcel);
    uint64_t now = atomic_load(&sailor->storm->clock);
    VkResult result = draw(sailor, 3) == 0
                          ? bda_free_after(stage->allocator, parcel->handle, stage->timeline, now + draw(sailor, 4))
                          : bda_free(stage->allocator, parcel->handle);
    NOTE(result == VK_SUCCESS);
    NOTE(bda_free(stage->allocator, parcel->handle) == VK_ERROR_VALIDATION_FAILED_EXT);
    free(parcel);
}

static BdaAllocInfo draw_request(struct sailor *sailor, uint64_t mark) {
    static const BdaIntent intents[] = { BDA_INTENT_DEVICE, BDA_INTENT_UPLOAD, BDA_INTENT_READBACK };
    BdaAllocInfo info = { .size = 8 + draw(sailor, draw(sailor, 8) == 0 ? KIB(100) : KIB(4)), .user = mark };
    info.intent = intents[draw(sailor, COUNT_OF(intents))];
    info.name = draw(sailor, 4) == 0 ? "in the storm" : NULL;
    info.flags = draw(sailor, 16) == 0 ? BDA_ALLOC_DEDICATED_BIT : 0;
    if (info.intent == BDA_INTENT_UPLOAD && draw(sailor, 2) == 0)
        info.pool = sailor->storm->pool;
    return info;
}

static VkResult allocate_parcel(struct sailor *sailor, struct parcel *parcel) {
    BdaAllocator allocator = sailor->storm->stage.allocator;
    BdaAllocInfo info = draw_request(sailor, parcel->mark);
    BdaAllocation a;
    VkResult result;
    if (draw(sailor, 3) == 0) {
        const VkBufferCreateInfo buffer = buffer_of(info.size);
        result = bda_alloc_buffer(allocator, &buffer, &info, &a);
    } else {
        result = bda_alloc(allocator, &info, &a);
    }
    parcel->handle = a.handle;
    parcel->size = a.size;
    parcel->mapped = a.mapped != NULL;
    if (parcel->mapped)
        NOTE(bda_write(allocator, a.handle, a.size - sizeof parcel->mark, &parcel->mark, sizeof parcel->mark) ==
             VK_SUCCESS);
    return result;
}

/* Makes an allocation and leaves it for whoever comes; what lay there before is freed, whoever made it. */
static void exchange_parcel(struct sailor *sailor) {
    struct parcel *parcel = malloc(sizeof *parcel);
    if (parcel == NULL)
        return;
    *parcel = (struct parcel){ .mark = draw(sailor, UINT64_MAX) | 1 };
    VkResult result = allocate_parcel(sailor, parcel);
    if (result == VK_SUCCESS) {
        free_parcel(sailor, atomic_exchange(&sailor->storm->slots[draw(sailor, SLOTS)], parcel));
        return;
    }
    NOTE(result == VK_ERROR_OUT_OF_DEVICE_MEMORY);
    atomic_fetch_add(&sailor->storm->refused, 1);
    free(parcel);
    free_parcel(sailor, atomic_exchange(&sailor->storm->slots[draw(sailor, SLOTS)], NULL));
}

static void own_pool(struct sailor *sailor) {
    BdaAllocator allocator = sailor->storm->stage.allocator;
    const BdaPoolInfo info = {
        .name = "short-lived", .intent = (BdaIntent)draw(sailor, 3), .limit = KIB(512), .low_water = KIB(70)
    };
    BdaPool pool;
    BdaAllocation a;
    NOTE(bda_create_pool(allocator, &info, &pool) == VK_SUCCESS);
    VkResult result = bda_alloc(allocator, &(BdaAllocInfo){ .size = 700, .pool = pool }, &a);
    NOTE(result == VK_SUCCESS || result == VK_ERROR_OUT_OF_DEVICE_MEMORY);
    if (result == VK_SUCCESS)
        NOTE(bda_free(allocator, a.handle) == VK_SUCCESS);
    NOTE(bda_destroy_pool(allocator, pool) == VK_SUCCESS);
}

static void allocate_several(struct sailor *sailor) {
    BdaAllocator allocator = sailor->storm->stage.allocator;
    const BdaAllocInfo infos[3] = { { .size = 50 }, { .size = 500, .name = "one of three" }, { .size = 5000 } };
    BdaAllocation a[3];
    VkResult result = bda_alloc_many(allocator, 3, infos, a);
    NOTE(result == VK_SUCCESS || result == VK_ERROR_OUT_OF_DEVICE_MEMORY);
    if (result == VK_SUCCESS)
        NOTE(bda_set_name(allocator, a[0].handle, "renamed") == VK_SUCCESS);
    const BdaHandle handles[3] = { a[0].handle, a[1].handle, a[2].handle };
    NOTE(bda_free_many(allocator, 3, handles) == VK_SUCCESS);
}

static void look_around(struct sailor *sailor) {
    BdaAllocator allocator = sailor->storm->stage.allocator;
    BdaStats stats;
    BdaUse use;
    BdaAllocationInfo info;
    NOTE(bda_get_stats(allocator, &stats) == VK_SUCCESS);
    NOTE(bda_get_pool_stats(allocator, sailor->storm->pool, &use) == VK_SUCCESS);
    NOTE(bda_check(allocator) == VK_SUCCESS);
    /* Anything at all may be asked for by a handle out of thin air. */
    (void)bda_get_info(allocator, draw(sailor, UINT64_MAX), &info);
}

static void tidy_up(struct sailor *sailor) {
    struct storm *storm = sailor->storm;
    VkDeviceSize released;
    (void)pthread_mutex_lock(&storm->clock_lock);
    fake_signal(storm->stage.driver, storm->stage.timeline, atomic_fetch_add(&storm->clock, 1) + 1);
    (void)pthread_mutex_unlock(&storm->clock_lock);
    NOTE(bda_collect(storm->stage.allocator) == VK_SUCCESS);
    if (bda_wants_block(storm->stage.allocator)) {
        VkResult result = bda_prepare(storm->stage.allocator);
        NOTE(result == VK_SUCCESS || result == VK_INCOMPLETE);
    }
    if (draw(sailor, 4) == 0)
        NOTE(bda_trim(storm->stage.allocator, KIB(64), &released) == VK_SUCCESS);
    if (draw(sailor, 4) == 0) {
        const BdaAllocInfo like = { .size = 500, .intent = (BdaIntent)draw(sailor, 3) };
        VkResult result = bda_warm_up(storm->stage.allocator, &like, KIB(100));
        NOTE(result == VK_SUCCESS || result == VK_ERROR_OUT_OF_DEVICE_MEMORY);
    }
}

static void *sail(void *user) {
    struct sailor *sailor = user;
    for (uint32_t step = 0; step < STORM_STEPS && atomic_load(&broken) == NULL; step++) {
        uint64_t choice = draw(sailor, 200);
        if (choice < 160)
            exchange_parcel(sailor);
        else if (choice < 175)
            allocate_several(sailor);
        else if (choice < 185)
            tidy_up(sailor);
        else if (choice < 192)
            own_pool(sailor);
        else
            look_around(sailor);
    }
    return NULL;
}

static void a_storm_leaves_everything_in_order(void **state) {
    (void)state;
    struct storm *storm = calloc(1, sizeof *storm);
    struct sailor sailors[STORM_THREADS];
    pthread_t threads[STORM_THREADS];
    assert_non_null(storm);
    (void)pthread_mutex_init(&storm->clock_lock, NULL);
    raise_stage(&storm->stage, (struct fake_config){ .machine = FAKE_MACHINE_NON_COHERENT, .heap_size = KIB(1024) });
    const BdaPoolInfo info = { .intent = BDA_INTENT_UPLOAD, .limit = KIB(256), .low_water = KIB(16) };
    assert_int_equal(bda_create_pool(storm->stage.allocator, &info, &storm->pool), VK_SUCCESS);
    for (uint32_t i = 0; i < STORM_THREADS; i++) {
        sailors[i] = (struct sailor){ storm, i + 1 };
        assert_int_equal(pthread_create(&threads[i], NULL, sail, &sailors[i]), 0);
    }
    for (uint32_t i = 0; i < STORM_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_nothing_broken();
    for (uint32_t i = 0; i < SLOTS; i++)
        free_parcel(&sailors[0], atomic_exchange(&storm->slots[i], NULL));
    assert_int_equal(bda_destroy_pool(storm->stage.allocator, storm->pool), VK_SUCCESS);
    assert_true(atomic_load(&storm->refused) != 0); /* the heap was full at times */
    strike_stage(&storm->stage);
    (void)pthread_mutex_destroy(&storm->clock_lock);
    free(storm);
}

int main(void) {
    struct CMUnitTest tests[COUNT_OF(held_calls) + 6];
    memset(tests, 0, sizeof tests);
    size_t count = 0;
    for (; count < COUNT_OF(held_calls); count++)
        tests[count] = (struct CMUnitTest){ .name = held_calls[count].name,
                                            .test_func = others_work_while_one_is_inside_the_driver,
                                            .initial_state = (void *)(uintptr_t)&held_calls[count] };
    const struct CMUnitTest others[] = {
        cmocka_unit_test(a_pool_may_end_while_its_block_is_trimmed),
        cmocka_unit_test(a_pool_may_end_while_its_pending_buffer_is_collected),
        cmocka_unit_test(a_pool_may_end_while_its_pending_memory_is_collected),
        cmocka_unit_test(of_two_who_free_the_same_exactly_one_succeeds),
        cmocka_unit_test(the_count_of_memories_is_never_passed),
        cmocka_unit_test(a_storm_leaves_everything_in_order),
    };
    memcpy(tests + count, others, sizeof others);
    return _cmocka_run_group_tests("threads", tests, COUNT_OF(tests), NULL, NULL);
}
