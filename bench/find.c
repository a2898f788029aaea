/*
 * Find: time per look-up of addresses, in a pool that many pairs have brought to its lasting state.
 *
 *   find          bda_find of the first byte of a random live allocation
 *   find-inside   of a random byte of it
 *   find-named    likewise, once each allocation has a name
 *   resolve       bda_resolve, likewise
 *   mapped        bda_mapped, likewise
 *   info          bda_get_info by the handle: what a look-up costs where nothing has to be found
 *   tree          the ordered tree of the C library (tfind, a red-black tree of all live ranges, as a std::map would
 *                 be), without a lock: what a program that keeps its own index pays for a look-up; keeping it up to
 *                 date comes on top, with every allocation and free
 *   sorted        bisection of a sorted array of them, which nobody could keep
 *
 * Three tables: once everything has been looked up; again after so many pairs as there are live allocations, each of
 * which may have made landmarks worthless; and the very first look-ups. And the host memory that landmarks take, of an
 * allocator with its history and of one without.
 */
#include "contenders.h"
#include "random.h"
#include "rounds.h"

#include <bdaalloc/bdaalloc.h>

#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

enum { STANDARD_ROUNDS = 5, STANDARD_LOOKUPS = 1000000 };

static const uint64_t standard_counts[] = { 10000, 100000, 1000000, 0 };

/* What is looked up: distinct live ranges in random order, again and again. */
struct target {
    uint64_t handle, address, inside, size;
};

struct targets {
    BdaAllocator allocator;
    struct target *all;
    struct target **sorted;
    void *tree;
    uint64_t count;
};

/* ---- Who looks up ---- */

typedef void lookup(const struct targets *targets, const struct target *target);

static void fail(const char *name, const struct target *target) {
    bench_fail("%s does not find 0x%" PRIx64 " where it is", name, target->address);
}

static void find_at(const struct targets *targets, const struct target *target, uint64_t address) {
    BdaFinding finding;
    uint32_t count = 1;
    if (bda_find(targets->allocator, address, 0, &count, &finding) != VK_SUCCESS ||
        finding.range.handle != target->handle)
        fail("bda_find", target);
}

static void find(const struct targets *targets, const struct target *target) {
    find_at(targets, target, target->address);
}

static void find_inside(const struct targets *targets, const struct target *target) {
    find_at(targets, target, target->inside);
}

static void resolve(const struct targets *targets, const struct target *target) {
    VkBuffer buffer;
    VkDeviceSize offset;
    if (bda_resolve(targets->allocator, target->inside, &buffer, &offset) != VK_SUCCESS)
        fail("bda_resolve", target);
}

static void mapped(const struct targets *targets, const struct target *target) {
    (void)bda_mapped(targets->allocator, target->inside); /* nothing is: these pools are the device's own */
}

static void info(const struct targets *targets, const struct target *target) {
    BdaAllocationInfo answer;
    if (bda_get_info(targets->allocator, target->handle, &answer) != VK_SUCCESS ||
        answer.allocation.address != target->address)
        fail("bda_get_info", target);
}

/* Of a range and a byte, whichever comes first; the byte is a range without a size. */
static int compare(const void *a, const void *b) {
    const struct target *x = a, *y = b;
    if (x->address + x->size <= y->address)
        return -1;
    return y->address + y->size <= x->address ? 1 : 0;
}

static void find_in_tree(const struct targets *targets, const struct target *target) {
    const struct target byte = { .address = target->inside, .size = 1 };
    struct target *const *found = tfind(&byte, &targets->tree, compare);
    if (found == NULL || *found != target)
        fail("the tree", target);
}

static void find_in_array(const struct targets *targets, const struct target *target) {
    uint64_t low = 0;
    for (uint64_t left = targets->count; left > 1; left -= left / 2)
        low += targets->sorted[low + left / 2]->address <= target->inside ? left / 2 : 0;
    if (targets->sorted[low] != target)
        fail("the array", target);
}

static const struct looker {
    const char *name;
    lookup *look;
    bool has_landmarks;
} lookers[] = { { "find", find, true },
                { "find-inside", find_inside, true },
                { "resolve", resolve, false },
                { "mapped", mapped, false },
                { "info", info, false },
                { "tree", find_in_tree, false },
                { "sorted", find_in_array, false } };

enum { LOOKERS = sizeof lookers / sizeof *lookers };

/* ---- Targets ---- */

static int compare_places(const void *a, const void *b) {
    return compare(*(struct target *const *)a, *(struct target *const *)b);
}

/* All live ranges, in random order. */
static void take_targets(const struct bench_player *player, const uint32_t *order, uint64_t seed,
                         struct targets *targets) {
    struct bench_random random = { seed };
    targets->allocator = bench_public_allocator(player->self);
    targets->count = 0;
    for (uint32_t i = 0; i < player->slots; i++) {
        const struct bench_range range = player->ranges[order[i]];
        BdaAllocationInfo answer;
        if (range.handle == 0 || bda_get_info(targets->allocator, range.handle, &answer) != VK_SUCCESS)
            continue;
        uint64_t size = answer.allocation.size, inside = range.address + bench_below(&random, (uint32_t)size);
        targets->all[targets->count++] = (struct target){ range.handle, range.address, inside, size };
    }
}

static void index_targets(struct targets *targets) {
    for (uint64_t i = 0; i < targets->count; i++) {
        targets->sorted[i] = &targets->all[i];
        if (tsearch(&targets->all[i], &targets->tree, compare) == NULL)
            bench_fail("out of memory");
    }
    qsort(targets->sorted, targets->count, sizeof(void *), compare_places);
}

static void drop_tree(struct targets *targets) {
    for (uint64_t i = 0; i < targets->count; i++)
        (void)tdelete(&targets->all[i], &targets->tree, compare);
}

/* ---- Measuring ---- */

static double time_of(const struct looker *looker, const struct targets *targets, uint64_t count) {
    double start = bench_seconds();
    for (uint64_t i = 0, at = 0; i < count; i++) {
        looker->look(targets, &targets->all[at]);
        at = at + 1 < targets->count ? at + 1 : 0;
    }
    return (bench_seconds() - start) * 1e9 / (double)count;
}

static void add(struct bench_results *results, const char *name, const char *table, uint64_t live, const char *unit,
                struct bench_spread spread) {
    const struct bench_result result = {
        .command = "find", .table = table, .contender = name, .unit = unit, .live = live, .spread = spread
    };
    bench_results_add(results, &result);
}

static void add_times(struct bench_results *results, const char *table, uint64_t live, const struct bench_times *times,
                      bool stale) {
    for (uint32_t i = 0; i < LOOKERS; i++)
        if (!stale || lookers[i].has_landmarks)
            add(results, lookers[i].name, table, live, "ns", bench_times_spread(times, i));
}

/* A round for each in turn. */
static void measure_rounds(const struct targets *targets, uint64_t count, const struct bench_times *times) {
    for (uint32_t round = 0; round < times->rounds; round++)
        for (uint32_t i = 0; i < LOOKERS; i++)
            *bench_times_at(times, i, round) = time_of(&lookers[i], targets, count);
}

/* The same with pairs before each, so that landmarks are out of date. */
static void measure_stale(struct bench_player *player, const struct bench_script *script, const uint32_t *order,
                          struct targets *targets, const struct bench_times *times, uint64_t seed) {
    uint64_t from = script->count - (uint64_t)times->rounds * LOOKERS * script->live;
    for (uint32_t round = 0; round < times->rounds; round++)
        for (uint32_t i = 0; i < LOOKERS; i++) {
            if (!lookers[i].has_landmarks)
                continue;
            bench_play(player, script, from, script->live);
            from += script->live;
            take_targets(player, order, seed, targets);
            *bench_times_at(times, i, round) = time_of(&lookers[i], targets, targets->count);
        }
}

static double bytes_per_live(const struct contender *contender, const struct bench_player *player,
                             const struct targets *targets) {
    return (double)contender->host_bytes(player->self) / (double)targets->count;
}

/* Of each of the targets, in numbers as long as a name of somebody's. */
static void name_targets(const struct targets *targets) {
    for (uint64_t i = 0; i < targets->count; i++) {
        char name[48];
        (void)snprintf(name, sizeof name, "vertices of mesh %" PRIu64, i);
        if (bda_set_name(targets->allocator, targets->all[i].handle, name) != VK_SUCCESS)
            bench_fail("an allocation could not be named");
    }
}

/* Last of all: the names stay. */
static void measure_named(const struct targets *targets, uint64_t count, const struct bench_times *times) {
    const struct looker *looker = &lookers[1];
    name_targets(targets);
    (void)time_of(looker, targets, targets->count);
    for (uint32_t round = 0; round < times->rounds; round++)
        *bench_times_at(times, 0, round) = time_of(looker, targets, count);
}

/* A player whose pool has come to its lasting state. */
static void open_player(struct bench_player *player, const struct contender *contender,
                        const struct bench_script *script, bool no_history) {
    const struct bench_options options = { .device = NULL, .no_history = no_history };
    if (!bench_player_open(player, contender, script, &options))
        bench_fail("%s could not be made", contender->name);
    bench_player_fill(player, script);
    bench_play(player, script, 0, bench_warm_up(script->live));
}

/* The same host memory without the history's. */
static void measure_bytes_alone(const struct contender *contender, const struct bench_script *script,
                                const uint32_t *order, uint64_t seed, struct targets *targets,
                                struct bench_results *results) {
    struct bench_player player;
    open_player(&player, contender, script, true);
    take_targets(&player, order, seed, targets);
    (void)time_of(&lookers[0], targets, targets->count);
    (void)time_of(&lookers[1], targets, targets->count);
    add(results, "without history", "find: host bytes per live allocation, after all were looked up", script->live, "B",
        bench_exactly(bytes_per_live(contender, &player, targets)));
    bench_player_close(&player);
}

static void measure(const struct bench_settings *settings, const struct contender *contender, uint64_t live,
                    struct bench_results *results) {
    uint32_t rounds = bench_rounds(settings, STANDARD_ROUNDS);
    uint64_t lookups = bench_pairs(settings, STANDARD_LOOKUPS), warm_up = bench_warm_up(live);
    struct bench_script script;
    struct bench_player player;
    bench_script_make(&script, &bench_log_uniform, BENCH_RANDOM, live, warm_up + (uint64_t)rounds * LOOKERS * live,
                      settings->seed);
    open_player(&player, contender, &script, false);
    uint32_t *order = bench_shuffled(script.live, settings->seed + 1);
    struct targets targets = { .all = bench_memory(live, sizeof *targets.all),
                               .sorted = bench_memory(live, sizeof(void *)),
                               .tree = NULL };
    struct bench_times again = bench_times_make(rounds), stale = bench_times_make(rounds),
                       named = bench_times_make(rounds);
    take_targets(&player, order, settings->seed, &targets);
    index_targets(&targets);
    add(results, "find", "find: host bytes per live allocation, before the first look-up", live, "B",
        bench_exactly(bytes_per_live(contender, &player, &targets)));
    add(results, "find", "find: ns per look-up, the very first of each range", live, "ns",
        bench_exactly(time_of(&lookers[0], &targets, targets.count)));
    measure_rounds(&targets, lookups, &again);
    drop_tree(&targets);
    add(results, "find", "find: host bytes per live allocation, after all were looked up", live, "B",
        bench_exactly(bytes_per_live(contender, &player, &targets)));
    add_times(results, "find: ns per look-up", live, &again, false);
    measure_stale(&player, &script, order, &targets, &stale, settings->seed);
    measure_named(&targets, lookups, &named);
    add(results, "find-named", "find: ns per look-up", live, "ns", bench_times_spread(&named, 0));
    add_times(results, "find: ns per look-up, as many pairs after the last", live, &stale, true);
    bench_times_release(&again);
    bench_times_release(&stale);
    bench_times_release(&named);
    bench_player_close(&player);
    measure_bytes_alone(contender, &script, order, settings->seed, &targets, results);
    free(targets.all);
    free(targets.sorted);
    free(order);
    bench_script_release(&script);
}

int bench_find(const struct bench_settings *settings, struct bench_results *results) {
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    for (uint32_t i = 0; i < counts.count; i++)
        measure(settings, &bench_public_locked, counts.all[i], results);
    bench_results_print(results);
    return EXIT_SUCCESS;
}
