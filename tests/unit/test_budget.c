/*
 * The budget: sums that agree with what was reserved, committed, cancelled and released; limits that hold, whoever
 * else takes memory and however many threads ask.
 */
#include "memory_support.h"

#include <pthread.h>
#include <string.h>

#include "memory/backing.h"

/* ---- Words of these tests ---- */

enum { HEAPS = 3 };

/* A budget over heaps of 1000, 2000 and 3000 MiB, at most 8 objects. */
static void open_budget(struct bda_budget *budget, uint32_t limit_count, const VkDeviceSize *limits) {
    VkPhysicalDeviceMemoryProperties properties;
    memset(&properties, 0, sizeof properties);
    properties.memoryHeapCount = HEAPS;
    for (uint32_t i = 0; i < HEAPS; i++)
        properties.memoryHeaps[i].size = (i + 1) * 1000 * MIB;
    memset(budget, 0xA5, sizeof *budget);
    bda_budget_init(budget, &properties, 8, limit_count, limits);
}

static void open_limited(struct bda_budget *budget, VkDeviceSize limit) {
    open_budget(budget, 1, &limit);
}

static void assert_heap(struct bda_budget *budget, uint32_t heap, uint64_t reserved, uint64_t allocated) {
    assert_int_equal(atomic_load(&budget->heaps[heap].reserved), reserved);
    assert_int_equal(atomic_load(&budget->heaps[heap].allocated), allocated);
}

static void assert_nothing_held(struct bda_budget *budget) {
    for (uint32_t i = 0; i < HEAPS; i++)
        assert_heap(budget, i, 0, 0);
    assert_int_equal(atomic_load(&budget->count), 0);
}

static VkResult reserve(struct bda_budget *budget, uint32_t heap, VkDeviceSize size) {
    const char *reason = NULL;
    VkResult result = bda_budget_reserve(budget, heap, size, false, &reason);
    assert_int_equal(reason != NULL, result != VK_SUCCESS);
    return result;
}

static VkResult reserve_within(struct bda_budget *budget, uint32_t heap, VkDeviceSize size) {
    const char *reason = NULL;
    VkResult result = bda_budget_reserve(budget, heap, size, true, &reason);
    assert_int_equal(reason != NULL, result != VK_SUCCESS);
    return result;
}

/* The largest request that stays within the budget is `room`. */
static void assert_room_within(struct bda_budget *budget, uint32_t heap, VkDeviceSize room) {
    assert_int_equal(reserve_within(budget, heap, room + 1), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    if (room != 0) {
        assert_int_equal(reserve_within(budget, heap, room), VK_SUCCESS);
        bda_budget_cancel(budget, heap, room);
    }
}

static void assert_room(struct bda_budget *budget, uint32_t heap, VkDeviceSize room) {
    assert_int_equal(reserve(budget, heap, room + 1), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(reserve(budget, heap, room), VK_SUCCESS);
    bda_budget_cancel(budget, heap, room);
}

/* The driver's answer, the same for all heaps. */
static void answer(struct bda_budget *budget, VkDeviceSize driver_budget, VkDeviceSize usage) {
    uint64_t ours[VK_MAX_MEMORY_HEAPS];
    VkPhysicalDeviceMemoryBudgetPropertiesEXT told = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT
    };
    for (uint32_t i = 0; i < HEAPS; i++) {
        told.heapBudget[i] = driver_budget;
        told.heapUsage[i] = usage;
    }
    bda_budget_note_ours(budget, ours);
    bda_budget_refresh(budget, ours, &told);
}

/* ---- Sums ---- */

static void a_new_budget_holds_nothing_and_knows_its_heaps(void **state) {
    (void)state;
    struct bda_budget budget;
    const VkDeviceSize limits[] = { 5, 0 };
    open_budget(&budget, COUNT(limits), limits);
    assert_nothing_held(&budget);
    assert_int_equal(budget.heap_count, HEAPS);
    assert_int_equal(budget.max_count, 8);
    for (uint32_t i = 0; i < HEAPS; i++) {
        assert_int_equal(budget.heaps[i].size, (i + 1) * 1000 * MIB);
        assert_int_equal(budget.heaps[i].limit, i == 0 ? 5 : 0);
        assert_int_equal(bda_budget_usage(&budget.heaps[i]), 0);
    }
}

static void what_is_reserved_and_committed_adds_up_until_it_is_released(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    assert_int_equal(reserve(&budget, 1, 100), VK_SUCCESS);
    assert_heap(&budget, 1, 100, 0);
    assert_int_equal(reserve(&budget, 1, 30), VK_SUCCESS);
    bda_budget_commit(&budget, 1, 100);
    assert_heap(&budget, 1, 130, 100);
    assert_int_equal(atomic_load(&budget.count), 2);
    assert_int_equal(bda_budget_usage(&budget.heaps[1]), 130);
    bda_budget_cancel(&budget, 1, 30);
    assert_heap(&budget, 1, 100, 100);
    assert_int_equal(atomic_load(&budget.count), 1);
    bda_budget_uncommit(&budget, 1, 100);
    bda_budget_cancel(&budget, 1, 100);
    assert_nothing_held(&budget);
}

static void heaps_are_counted_apart(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    for (uint32_t i = 0; i < HEAPS; i++) {
        assert_int_equal(reserve(&budget, i, i + 1), VK_SUCCESS);
        bda_budget_commit(&budget, i, i + 1);
    }
    for (uint32_t i = 0; i < HEAPS; i++)
        assert_heap(&budget, i, i + 1, i + 1);
    for (uint32_t i = 0; i < HEAPS; i++) {
        bda_budget_uncommit(&budget, i, i + 1);
        bda_budget_cancel(&budget, i, i + 1);
    }
    assert_nothing_held(&budget);
}

/* ---- The count ---- */

static void fill_count(struct bda_budget *budget, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(reserve(budget, i % HEAPS, 1), VK_SUCCESS);
}

static void no_more_objects_are_reserved_than_there_may_be(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    fill_count(&budget, 8);
    uint64_t before = atomic_load(&budget.heaps[0].reserved);
    assert_int_equal(reserve(&budget, 0, 1), VK_ERROR_TOO_MANY_OBJECTS);
    assert_int_equal(atomic_load(&budget.heaps[0].reserved), before);
    assert_int_equal(atomic_load(&budget.count), 8);
    bda_budget_cancel(&budget, 0, 1);
    assert_int_equal(reserve(&budget, 2, 1), VK_SUCCESS);
}

static void objects_that_the_caller_makes_elsewhere_count_whatever_their_heap(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    atomic_store(&budget.heaps[0].external_count, 2);
    atomic_store(&budget.heaps[2].external_count, 3);
    fill_count(&budget, 3);
    assert_int_equal(reserve(&budget, 1, 1), VK_ERROR_TOO_MANY_OBJECTS);
    atomic_store(&budget.heaps[0].external_count, 1);
    assert_int_equal(reserve(&budget, 1, 1), VK_SUCCESS);
    atomic_store(&budget.heaps[0].external_count, 4000);
    assert_int_equal(reserve(&budget, 1, 1), VK_ERROR_TOO_MANY_OBJECTS);
}

/* Two heaps with 2^31 objects each are 2^32 of them, which is not 0. */
static void counts_told_by_the_caller_do_not_wrap(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    atomic_store(&budget.heaps[0].external_count, 0x80000000u);
    atomic_store(&budget.heaps[1].external_count, 0x80000000u);
    assert_int_equal(reserve(&budget, 0, 1), VK_ERROR_TOO_MANY_OBJECTS);
}

/* ---- The caller's limits ---- */

static void a_limit_holds_to_the_byte(void **state) {
    (void)state;
    struct bda_budget budget;
    open_limited(&budget, 1000);
    assert_room(&budget, 0, 1000);
    assert_int_equal(reserve(&budget, 0, 600), VK_SUCCESS);
    assert_room(&budget, 0, 400);
    bda_budget_commit(&budget, 0, 600);
    assert_room(&budget, 0, 400);
    assert_heap(&budget, 0, 600, 600);
    assert_int_equal(atomic_load(&budget.count), 1);
    bda_budget_uncommit(&budget, 0, 600);
    bda_budget_cancel(&budget, 0, 600);
    assert_nothing_held(&budget);
}

static void what_the_caller_takes_elsewhere_counts_against_the_limit(void **state) {
    (void)state;
    struct bda_budget budget;
    open_limited(&budget, 1000);
    atomic_store(&budget.heaps[0].external, 300);
    assert_room(&budget, 0, 700);
    answer(&budget, 500 * MIB, 0); /* the driver's word changes nothing about the limit */
    assert_room(&budget, 0, 700);
    atomic_store(&budget.heaps[0].external, 2000);
    assert_int_equal(reserve(&budget, 0, 1), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_nothing_held(&budget);
}

static void heaps_without_a_limit_have_none(void **state) {
    (void)state;
    struct bda_budget budget;
    const VkDeviceSize limits[] = { 0, 10 };
    open_budget(&budget, COUNT(limits), limits);
    assert_int_equal(reserve(&budget, 0, 1000 * MIB), VK_SUCCESS);
    assert_int_equal(reserve(&budget, 1, 11), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(reserve(&budget, 2, 3000 * MIB), VK_SUCCESS);
}

/* VUID-vkAllocateMemory-pAllocateInfo-01713 */
static void nothing_larger_than_its_heap_is_reserved(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    for (uint32_t i = 0; i < HEAPS; i++)
        assert_room(&budget, i, budget.heaps[i].size);
    assert_int_equal(reserve(&budget, 0, UINT64_MAX), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_nothing_held(&budget);
}

/* bda_set_external_use takes any number. */
static void bytes_told_by_the_caller_do_not_wrap_past_the_limit(void **state) {
    (void)state;
    struct bda_budget budget;
    open_limited(&budget, 1000);
    assert_int_equal(reserve(&budget, 0, 10), VK_SUCCESS);
    atomic_store(&budget.heaps[0].external, UINT64_MAX);
    assert_int_equal(reserve(&budget, 0, 10), VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

static void bytes_told_by_the_caller_do_not_wrap_past_the_budget(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    atomic_store(&budget.heaps[1].external, UINT64_MAX);
    assert_int_equal(reserve_within(&budget, 1, 10), VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

/* ---- Within budget ---- */

static void without_a_driver_that_tells_the_budget_is_four_fifths_of_the_heap(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    for (uint32_t i = 0; i < HEAPS; i++) {
        assert_int_equal(bda_budget_of(&budget.heaps[i]), (i + 1) * 800 * MIB);
        assert_room_within(&budget, i, (i + 1) * 800 * MIB);
    }
    assert_int_equal(reserve(&budget, 0, 900 * MIB), VK_SUCCESS); /* nobody asked to stay within it */
    assert_room_within(&budget, 0, 0);
    assert_room_within(&budget, 1, 1600 * MIB);
}

static void without_a_driver_that_tells_the_callers_use_counts(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    assert_int_equal(reserve(&budget, 0, 100 * MIB), VK_SUCCESS);
    atomic_store(&budget.heaps[0].external, 200 * MIB);
    assert_int_equal(bda_budget_usage(&budget.heaps[0]), 300 * MIB);
    assert_room_within(&budget, 0, 500 * MIB);
}

static void a_limit_below_the_budget_is_the_budget(void **state) {
    (void)state;
    struct bda_budget budget;
    open_limited(&budget, 100 * MIB);
    assert_int_equal(bda_budget_of(&budget.heaps[0]), 100 * MIB);
    answer(&budget, 50 * MIB, 0);
    assert_int_equal(bda_budget_of(&budget.heaps[0]), 50 * MIB);
    answer(&budget, 500 * MIB, 0);
    assert_int_equal(bda_budget_of(&budget.heaps[0]), 100 * MIB);
}

/* Whatever the driver says of the whole process. */
static void a_limit_is_for_what_is_ours_and_told_of(void **state) {
    (void)state;
    struct bda_budget budget;
    open_limited(&budget, 64 * MIB);
    answer(&budget, 900 * MIB, 200 * MIB); /* others' */
    assert_int_equal(bda_budget_left(&budget.heaps[0]), 64 * MIB);
    assert_int_equal(reserve_within(&budget, 0, 64 * MIB), VK_SUCCESS);
    assert_int_equal(bda_budget_left(&budget.heaps[0]), 0);
    bda_budget_cancel(&budget, 0, 64 * MIB);
    atomic_store(&budget.heaps[0].external, 60 * MIB); /* of which the driver sees nothing */
    answer(&budget, 900 * MIB, 0);
    assert_int_equal(bda_budget_left(&budget.heaps[0]), 4 * MIB);
    assert_room_within(&budget, 0, 4 * MIB);
    answer(&budget, 900 * MIB, 899 * MIB);
    assert_int_equal(bda_budget_left(&budget.heaps[0]), 1 * MIB);
    assert_room_within(&budget, 0, 1 * MIB);
    assert_nothing_held(&budget);
}

static void the_drivers_word_takes_the_place_of_guesses(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    atomic_store(&budget.heaps[0].external, 200 * MIB); /* the driver sees these bytes itself */
    answer(&budget, 900 * MIB, 250 * MIB);
    assert_int_equal(bda_budget_of(&budget.heaps[0]), 900 * MIB);
    assert_int_equal(bda_budget_usage(&budget.heaps[0]), 250 * MIB);
    assert_room_within(&budget, 0, 650 * MIB);
    answer(&budget, 900 * MIB, 900 * MIB);
    assert_room_within(&budget, 0, 0);
    answer(&budget, 900 * MIB, 1000 * MIB); /* over it already */
    assert_int_equal(reserve_within(&budget, 0, 1), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_nothing_held(&budget);
}

static void what_the_driver_counts_of_ours_is_counted_once(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    assert_int_equal(reserve(&budget, 0, 100 * MIB), VK_SUCCESS);
    bda_budget_commit(&budget, 0, 100 * MIB);
    assert_int_equal(reserve(&budget, 0, 50 * MIB), VK_SUCCESS); /* not the driver's yet */
    answer(&budget, 900 * MIB, 130 * MIB);                       /* ours, and 30 of others */
    assert_int_equal(bda_budget_usage(&budget.heaps[0]), 180 * MIB);
    assert_room_within(&budget, 0, 720 * MIB);
    bda_budget_commit(&budget, 0, 50 * MIB);
    assert_int_equal(bda_budget_usage(&budget.heaps[0]), 180 * MIB);
    bda_budget_uncommit(&budget, 0, 100 * MIB);
    bda_budget_cancel(&budget, 0, 100 * MIB);
    assert_int_equal(bda_budget_usage(&budget.heaps[0]), 80 * MIB);
}

/* Some drivers count what was written, not what was allocated. */
static void a_driver_that_counts_less_than_we_do_does_not_wrap(void **state) {
    (void)state;
    struct bda_budget budget;
    open_budget(&budget, 0, NULL);
    assert_int_equal(reserve(&budget, 0, 100 * MIB), VK_SUCCESS);
    bda_budget_commit(&budget, 0, 100 * MIB);
    answer(&budget, 900 * MIB, 0);
    assert_true(bda_budget_usage(&budget.heaps[0]) <= 100 * MIB);
    assert_int_equal(reserve_within(&budget, 0, 700 * MIB), VK_SUCCESS);
    bda_budget_cancel(&budget, 0, 700 * MIB);
    bda_budget_uncommit(&budget, 0, 100 * MIB);
    bda_budget_cancel(&budget, 0, 100 * MIB);
    assert_int_equal(bda_budget_usage(&budget.heaps[0]), 0);
    assert_room_within(&budget, 0, 900 * MIB);
}

static void every_refusal_says_why(void **state) {
    (void)state;
    const char *reason = NULL;
    struct bda_budget budget;
    open_limited(&budget, 10);
    (void)bda_budget_reserve(&budget, 0, 11, false, &reason);
    assert_non_null(strstr(reason, "heap_limits"));
    (void)bda_budget_reserve(&budget, 1, 1700 * MIB, true, &reason);
    assert_non_null(strstr(reason, "budget"));
    fill_count(&budget, 8);
    (void)bda_budget_reserve(&budget, 1, 1, false, &reason);
    assert_non_null(strstr(reason, "maxMemoryAllocationCount"));
}

/* ---- Limits of pools ---- */

static void no_limit_is_always_kept(void **state) {
    (void)state;
    struct bda_limit counts = { .most = 0 };
    assert_true(bda_limit_reserve(NULL, UINT64_MAX));
    bda_limit_release(NULL, UINT64_MAX);
    assert_true(bda_limit_reserve(&counts, 3000 * MIB));
    assert_true(bda_limit_reserve(&counts, 1));
    assert_int_equal(counts.reserved, 3000 * MIB + 1);
    bda_limit_release(&counts, 3000 * MIB);
    assert_int_equal(counts.reserved, 1);
}

static void a_pools_limit_holds_to_the_byte(void **state) {
    (void)state;
    struct bda_limit limit = { .most = 1000 };
    assert_false(bda_limit_reserve(&limit, 1001));
    assert_false(bda_limit_reserve(&limit, UINT64_MAX));
    assert_true(bda_limit_reserve(&limit, 600));
    assert_false(bda_limit_reserve(&limit, 401));
    assert_true(bda_limit_reserve(&limit, 400));
    assert_false(bda_limit_reserve(&limit, 1));
    assert_int_equal(limit.reserved, 1000);
    bda_limit_release(&limit, 600);
    bda_limit_release(&limit, 400);
    assert_int_equal(limit.reserved, 0);
}

/* ---- Races ---- */

enum { THREADS = 4, ROUNDS = 20000 };

struct contest {
    struct bda_budget budget;
    _Atomic uint64_t held; /* never more than what is reserved */
    _Atomic uint32_t objects;
    uint64_t most;
    uint32_t most_objects;
    bool within;
    struct bda_limit limit;
    _Atomic bool broken;
};

static void hold(struct contest *contest, VkDeviceSize size) {
    if (atomic_fetch_add(&contest->held, size) + size > contest->most)
        atomic_store(&contest->broken, true);
    if (atomic_fetch_add(&contest->objects, 1) + 1 > contest->most_objects)
        atomic_store(&contest->broken, true);
    bda_budget_commit(&contest->budget, 0, size);
    atomic_fetch_sub(&contest->objects, 1);
    atomic_fetch_sub(&contest->held, size);
    bda_budget_uncommit(&contest->budget, 0, size);
    bda_budget_cancel(&contest->budget, 0, size);
}

static void *compete(void *argument) {
    struct contest *contest = argument;
    const char *reason = NULL;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        VkDeviceSize size = 1 + i % 400;
        if (bda_budget_reserve(&contest->budget, 0, size, contest->within, &reason) != VK_SUCCESS)
            continue;
        if (i % 3 == 0)
            bda_budget_cancel(&contest->budget, 0, size);
        else
            hold(contest, size);
    }
    return NULL;
}

static void run_contest(struct contest *contest) {
    pthread_t threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compete, contest), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(atomic_load(&contest->broken));
    assert_nothing_held(&contest->budget);
}

static void threads_never_reserve_more_bytes_than_the_limit(void **state) {
    (void)state;
    struct contest contest = { .most = 700, .most_objects = 8 };
    open_limited(&contest.budget, 1000);
    atomic_store(&contest.budget.heaps[0].external, 300);
    run_contest(&contest);
}

static void threads_never_reserve_more_objects_than_there_may_be(void **state) {
    (void)state;
    struct contest contest = { .most = UINT64_MAX, .most_objects = 2 };
    open_budget(&contest.budget, 0, NULL);
    atomic_store(&contest.budget.heaps[2].external_count, 6);
    run_contest(&contest);
}

static void threads_never_reserve_more_bytes_than_the_budget(void **state) {
    (void)state;
    struct contest contest = { .most = 700, .most_objects = 8, .within = true };
    open_budget(&contest.budget, 0, NULL);
    answer(&contest.budget, 1000, 300);
    run_contest(&contest);
}

static void *compete_for_the_limit(void *argument) {
    struct contest *contest = argument;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        VkDeviceSize size = 1 + i % 400;
        if (!bda_limit_reserve(&contest->limit, size))
            continue;
        if (atomic_fetch_add(&contest->held, size) + size > contest->limit.most)
            atomic_store(&contest->broken, true);
        atomic_fetch_sub(&contest->held, size);
        bda_limit_release(&contest->limit, size);
    }
    return NULL;
}

static void threads_never_take_more_than_a_pools_limit(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    struct contest contest = { .limit = { .most = 700 } };
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compete_for_the_limit, &contest), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(atomic_load(&contest.broken));
    assert_int_equal(contest.limit.reserved, 0);
}

/* ---- With a driver ---- */

static void *come_and_go(void *argument) {
    struct rig *rig = argument;
    const char *reason = NULL;
    for (uint32_t i = 0; i < 300; i++) {
        const struct bda_backing_info info = { .size = 4 * KIB, .type = 1, .within_budget = i % 2 != 0 };
        struct bda_backing backing;
        if (bda_backing_create(&rig->device, &info, &backing, &reason) == VK_SUCCESS)
            bda_backing_destroy(&rig->device, &backing);
    }
    return NULL;
}

/* The fake driver objects to one VkDeviceMemory too many. */
static void threads_never_ask_the_driver_for_more_than_its_count(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    struct rig rig;
    rig_open(&rig, (struct fake_config){ .with = FAKE_MEMORY_BUDGET, .limits = { .maxMemoryAllocationCount = 2 } });
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &rig), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    rig_close(&rig);
}

/* Stands for another thread, which takes or gives back 600 KiB while this one asks the driver. */
static struct {
    struct rig *rig;
    struct bda_backing backing;
    bool gives_before_the_answer;
    bool takes_after_it;
} rival;

static const struct bda_backing_info rival_info = { .size = 600 * KIB, .type = 1, .within_budget = true };

static void rival_takes(void) {
    const char *reason = NULL;
    rival.takes_after_it = false; /* it asks the driver, too */
    assert_int_equal(bda_backing_create(&rival.rig->device, &rival_info, &rival.backing, &reason), VK_SUCCESS);
}

static void rival_gives(void) {
    rival.gives_before_the_answer = false;
    bda_backing_destroy(&rival.rig->device, &rival.backing);
}

static VKAPI_ATTR void VKAPI_CALL answer_slowly(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties2 *out) {
    PFN_vkVoidFunction real =
        fake_get_instance_proc_addr(fake_instance(rival.rig->driver), "vkGetPhysicalDeviceMemoryProperties2");
    if (rival.gives_before_the_answer)
        rival_gives();
    ((PFN_vkGetPhysicalDeviceMemoryProperties2)real)(device, out);
    if (rival.takes_after_it)
        rival_takes();
}

/* A budget of 1 MiB, of which others use 200 KiB. */
static void meet_rival(struct rig *rig) {
    memset(&rival, 0, sizeof rival);
    rival.rig = rig;
    rig_open(rig,
             (struct fake_config){ .with = FAKE_MEMORY_BUDGET, .budgets = { 1 * MIB }, .foreign_use = { 200 * KIB } });
    rig->device.vk.get_memory_properties = answer_slowly;
}

/* The most that was used of the heap when `size` more was asked for. */
static VkDeviceSize use_with(struct rig *rig, VkDeviceSize size) {
    const struct bda_backing_info info = { .size = size, .type = 1, .within_budget = true };
    struct bda_backing backing;
    const char *reason = NULL;
    VkResult result = bda_backing_create(&rig->device, &info, &backing, &reason);
    VkDeviceSize used = fake_heap_used(rig->driver, 0) + 200 * KIB;
    if (result == VK_SUCCESS)
        bda_backing_destroy(&rig->device, &backing);
    return used;
}

/* Guards against a budget of 1 MiB that held 1.1 MiB: the late answer made the rival's bytes look like -400 KiB of
 * others. */
static void memory_taken_while_the_driver_answers_counts(void **state) {
    (void)state;
    struct rig rig;
    meet_rival(&rig);
    rival.takes_after_it = true;
    assert_true(use_with(&rig, 300 * KIB) <= 1 * MIB);
    rival_gives();
    rig_close(&rig);
}

/* Guards against the same with bytes that were noted as ours and were gone when the driver counted: they hid as many
 * bytes of others. */
static void memory_given_back_while_the_driver_is_asked_hides_nobody_elses(void **state) {
    (void)state;
    struct rig rig;
    meet_rival(&rig);
    rival_takes();
    rival.gives_before_the_answer = true;
    assert_true(use_with(&rig, 900 * KIB) <= 1 * MIB);
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_budget_holds_nothing_and_knows_its_heaps),
        cmocka_unit_test(what_is_reserved_and_committed_adds_up_until_it_is_released),
        cmocka_unit_test(heaps_are_counted_apart),
        cmocka_unit_test(no_more_objects_are_reserved_than_there_may_be),
        cmocka_unit_test(objects_that_the_caller_makes_elsewhere_count_whatever_their_heap),
        cmocka_unit_test(counts_told_by_the_caller_do_not_wrap),
        cmocka_unit_test(a_limit_holds_to_the_byte),
        cmocka_unit_test(what_the_caller_takes_elsewhere_counts_against_the_limit),
        cmocka_unit_test(heaps_without_a_limit_have_none),
        cmocka_unit_test(nothing_larger_than_its_heap_is_reserved),
        cmocka_unit_test(bytes_told_by_the_caller_do_not_wrap_past_the_limit),
        cmocka_unit_test(bytes_told_by_the_caller_do_not_wrap_past_the_budget),
        cmocka_unit_test(without_a_driver_that_tells_the_budget_is_four_fifths_of_the_heap),
        cmocka_unit_test(without_a_driver_that_tells_the_callers_use_counts),
        cmocka_unit_test(a_limit_below_the_budget_is_the_budget),
        cmocka_unit_test(a_limit_is_for_what_is_ours_and_told_of),
        cmocka_unit_test(the_drivers_word_takes_the_place_of_guesses),
        cmocka_unit_test(what_the_driver_counts_of_ours_is_counted_once),
        cmocka_unit_test(a_driver_that_counts_less_than_we_do_does_not_wrap),
        cmocka_unit_test(every_refusal_says_why),
        cmocka_unit_test(no_limit_is_always_kept),
        cmocka_unit_test(a_pools_limit_holds_to_the_byte),
        cmocka_unit_test(threads_never_take_more_than_a_pools_limit),
        cmocka_unit_test(threads_never_reserve_more_bytes_than_the_limit),
        cmocka_unit_test(threads_never_reserve_more_objects_than_there_may_be),
        cmocka_unit_test(threads_never_reserve_more_bytes_than_the_budget),
        cmocka_unit_test(threads_never_ask_the_driver_for_more_than_its_count),
        cmocka_unit_test(memory_taken_while_the_driver_answers_counts),
        cmocka_unit_test(memory_given_back_while_the_driver_is_asked_hides_nobody_elses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
