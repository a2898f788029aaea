/*
 * Threads: what a pair costs when several threads share one allocator, in time on the wall; and how many times the
 * throughput of one thread that is.
 *
 *   private    each thread frees and allocates among ranges of its own, as in steady and fixed; with few blocks, the
 *              pool of the library has less than one for each thread, and they are all in use
 *   hand-over  threads in twos: one allocates, the other is handed the range through a bounded queue, puts it into a
 *              random slot and frees what was there. A thread alone does both in turn, through the queue too.
 *   lists      the same, but what was there is gathered, and freed by one call for each LIST of them, as a frame's
 *              garbage is; by who has no such call one by one
 *
 * A *crew* is a team of threads with an allocator of each contender; there is one for each number of threads, and all
 * of them live at the same time. Rounds go around contenders and crews, so that a machine that gets slower for a while
 * does not look like one that does not scale, and each ratio is of two figures of the same round. Threads sleep between
 * rounds, and others have used the caches of their processors meanwhile; so a round is long, and its first tenth is not
 * counted. Who is slow plays fewer pairs: a round takes ROUND_MS at most.
 */
#include "threads.h"

#include "check.h"
#include "queue.h"
#include "team.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STANDARD_PAIRS = 600000,
    STANDARD_ROUNDS = 5,
    ROUND_MS = 60,
    LEAST_PAIRS = 10000,
    MOST_STANDARD_THREADS = 16,
    QUEUE_SHARE = 16,
    BLOCKS_EACH = 4,
    LIST = 64
};

static const uint64_t standard_counts[] = { 10000, 0 };

static const struct bench_threads_workload workloads[] = {
    { "threads", "private", &bench_small, false, false, BLOCKS_EACH, NULL },
    { "threads", "private", &bench_log_uniform, false, false, BLOCKS_EACH, NULL },
    { "threads", "private", &bench_fixed, false, false, BLOCKS_EACH, NULL },
    { "threads", "private, few blocks", &bench_small, false, false, 0, NULL },
    { "threads", "hand-over", &bench_small, true, false, BLOCKS_EACH, NULL },
    { "threads", "hand-over, lists", &bench_small, true, true, BLOCKS_EACH, NULL },
};

enum { WORKLOAD_COUNT = sizeof workloads / sizeof *workloads };

/* One contender of one crew. */
struct stand {
    const struct bench_script *scripts; /* of each player */
    struct bench_player *players;       /* of one allocator; NULL: it could not be made */
    struct bench_queue *queues;         /* of each player, where ranges are handed over */
    uint32_t player_count;
    uint32_t threads;
    uint64_t most;   /* pairs that it can play in the time of a round */
    uint64_t played; /* so far, by each player */
    bool in_lists;
    uint64_t from, warm_up, count; /* what the next run plays: pairs that are not counted, pairs that are */
};

struct crew {
    struct bench_team *team;
    struct stand stands[BENCH_MOST_CONTENDERS]; /* as in the field */
    struct bench_times times;                   /* wall ns per pair */
};

/* All that a table is made from. */
struct trial {
    const struct bench_threads_workload *workload;
    const struct bench_field *field;
    uint64_t live;
    struct bench_counts threads;
    struct crew crews[BENCH_MOST_COUNTS];
    struct bench_script *scripts;
    uint32_t script_count;
};

/* ---- What threads do ---- */

static void fill(void *task, uint32_t thread) {
    struct stand *stand = task;
    if (thread < stand->player_count)
        bench_player_fill(&stand->players[thread], &stand->scripts[thread]);
}

static void warm_up_private(void *task, uint32_t thread) {
    struct stand *stand = task;
    bench_play(&stand->players[thread], &stand->scripts[thread], stand->from, stand->warm_up);
}

static void play_private(void *task, uint32_t thread) {
    struct stand *stand = task;
    bench_play(&stand->players[thread], &stand->scripts[thread], stand->from + stand->warm_up, stand->count);
}

static inline void produce(struct bench_player *player, struct bench_queue *queue, uint32_t size, uint64_t alignment) {
    struct bench_range range = { 0, 0 };
    if (!player->contender->alloc(player->self, size, alignment, &range))
        player->refused++;
    bench_queue_push(queue, range);
}

/* What is to be freed by one call. */
struct list {
    uint32_t count;
    struct bench_range ranges[LIST];
};

static void free_list(struct bench_player *player, struct list *list) {
    if (list->count != 0)
        player->contender->free_many(player->self, list->count, list->ranges);
    list->count = 0;
}

/* `list` NULL: one by one. */
static inline void consume(struct bench_player *player, struct bench_queue *queue, uint32_t slot, struct list *list) {
    struct bench_range range = bench_queue_pop(queue), gone = player->ranges[slot];
    player->ranges[slot] = range;
    if (gone.handle == 0)
        return;
    if (list == NULL) {
        player->contender->free(player->self, gone);
        return;
    }
    list->ranges[list->count++] = gone;
    if (list->count == LIST)
        free_list(player, list);
}

/* The first threads produce, the last ones consume. */
static void hand_over(struct stand *stand, uint32_t thread, uint64_t from, uint64_t count) {
    uint32_t which = thread % stand->player_count;
    struct bench_player *player = &stand->players[which];
    struct bench_queue *queue = &stand->queues[which];
    const struct bench_script *script = &stand->scripts[which];
    bool produces = thread < stand->player_count;
    bool consumes = thread >= stand->player_count || stand->threads == stand->player_count;
    struct list list = { .count = 0 };
    bool in_lists = stand->in_lists && player->contender->free_many != NULL;
    for (const struct bench_pair *pair = script->pairs + from; count != 0; pair++, count--) {
        if (produces)
            produce(player, queue, pair->size, script->mix->alignment);
        if (produces && consumes)
            bench_queue_tell(queue);
        if (consumes)
            consume(player, queue, pair->slot, in_lists ? &list : NULL);
    }
    free_list(player, &list);
    if (produces)
        bench_queue_tell(queue);
}

static void warm_up_hand_over(void *task, uint32_t thread) {
    struct stand *stand = task;
    hand_over(stand, thread, stand->from, stand->warm_up);
}

static void play_hand_over(void *task, uint32_t thread) {
    struct stand *stand = task;
    hand_over(stand, thread, stand->from + stand->warm_up, stand->count);
}

/* Plays the script from `from` on; nanoseconds per counted pair. */
static double run(const struct bench_threads_workload *workload, struct crew *crew, struct stand *stand, uint64_t from,
                  uint64_t warm_up, uint64_t count) {
    stand->from = from;
    stand->warm_up = warm_up;
    stand->count = count;
    double seconds = bench_team_run(crew->team, workload->hands_over ? warm_up_hand_over : warm_up_private,
                                    workload->hands_over ? play_hand_over : play_private, stand);
    return seconds * 1e9 / ((double)count * stand->player_count);
}

/* ---- Crews ---- */

/* How many players so many threads make; 0: they do not go up in twos. */
static uint32_t players_of(const struct bench_threads_workload *workload, uint64_t threads) {
    if (!workload->hands_over || threads == 1)
        return (uint32_t)threads;
    return threads % 2 == 0 ? (uint32_t)threads / 2 : 0;
}

/* What waits in a queue is live beside the slots, and must not crowd the pool. */
static uint64_t queue_room(uint64_t live) {
    uint64_t room = 1;
    while (room < BENCH_QUEUE_MOST && 2 * room <= live / QUEUE_SHARE)
        room *= 2;
    return room;
}

static void open_stand(struct stand *stand, const struct contender *contender, const struct trial *trial,
                       uint32_t players, uint32_t threads) {
    const struct bench_options options = { .blocks = trial->workload->blocks_each * players,
                                           .device = trial->workload->device };
    const struct bench_script *scripts = trial->scripts;
    struct bench_script common = scripts[0];
    struct bench_player first;
    common.pool_bytes *= players;
    *stand = (struct stand){
        .scripts = scripts, .player_count = players, .threads = threads, .in_lists = trial->workload->in_lists
    };
    if (!bench_player_open(&first, contender, &common, &options))
        return;
    stand->players = bench_line_memory(players, sizeof *stand->players);
    stand->queues = bench_line_memory(players, sizeof *stand->queues);
    for (uint32_t i = 0; i < players; i++) {
        stand->players[i] = i == 0 ? first : bench_player_beside(&first);
        stand->queues[i].room = queue_room(scripts[0].live);
    }
}

static void open_crew(struct crew *crew, const struct trial *trial, uint32_t threads, uint32_t rounds) {
    uint32_t players = players_of(trial->workload, threads);
    uint64_t warm_up = bench_warm_up(trial->live);
    crew->team = bench_team_make(threads);
    crew->times = bench_times_make(rounds);
    for (uint32_t i = 0; i < trial->field->count; i++) {
        struct stand *stand = &crew->stands[i];
        open_stand(stand, trial->field->all[i], trial, players, threads);
        if (stand->players == NULL)
            continue;
        (void)bench_team_run(crew->team, NULL, fill, stand);
        double ns = run(trial->workload, crew, stand, 0, 0, warm_up) * players; /* of a pair of each player */
        double most = ROUND_MS * 1e6 / (ns > 1 ? ns : 1);
        stand->most = most < LEAST_PAIRS ? LEAST_PAIRS : (uint64_t)most;
        stand->played = warm_up;
    }
}

/* All that threads hold at the end, together: they shared one pool. */
static void check_stand(const struct stand *stand, const struct contender *contender) {
    struct bench_check check = { .who = contender->name };
    for (uint32_t i = 0; contender->has_pool && i < stand->player_count; i++) {
        struct bench_script played = stand->scripts[i];
        played.count = stand->played;
        bench_check_holdings(&check, &stand->players[i], &played);
    }
    bench_check_release(&check);
}

static void close_stand(struct stand *stand) {
    for (uint32_t i = stand->player_count; i-- > 1;)
        bench_player_drop(&stand->players[i]);
    bench_player_close(&stand->players[0]);
    free(stand->players);
    free(stand->queues);
}

/* The threads end first, as in a program that ends: caches that belong to them come back. */
static void close_crew(struct crew *crew, const struct bench_field *field) {
    bench_team_release(crew->team);
    for (uint32_t i = 0; i < field->count; i++) {
        if (crew->stands[i].players == NULL)
            continue;
        check_stand(&crew->stands[i], field->all[i]);
        close_stand(&crew->stands[i]);
    }
    bench_times_release(&crew->times);
}

/* ---- Tables ---- */

static uint64_t refusals(const struct stand *stand) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < stand->player_count; i++)
        sum += stand->players[i].refused;
    return sum;
}

static void add(struct bench_results *results, const struct trial *trial, uint32_t crew, uint32_t contender,
                const char *what, const char *unit, struct bench_spread spread) {
    char table[128], column[32];
    uint64_t threads = trial->threads.all[crew], refused = refusals(&trial->crews[crew].stands[contender]);
    const char *name = trial->field->all[contender]->name;
    (void)snprintf(table, sizeof table, "threads: %s, %s, %s, %" PRIu64 " live each", what, trial->workload->name,
                   trial->workload->mix->what, trial->live);
    (void)snprintf(column, sizeof column, "%" PRIu64 " thread%s", threads, threads == 1 ? "" : "s");
    const struct bench_result result = { .command = trial->workload->command,
                                         .table = table,
                                         .column = column,
                                         .contender = name,
                                         .unit = unit,
                                         .live = trial->live,
                                         .refused = refused,
                                         .spread = spread };
    bench_results_add(results, &result);
    if (refused != 0 && unit[0] == 'n')
        printf("%s refused %" PRIu64 " requests of %" PRIu64 " threads\n", name, refused, threads);
}

/* Leaves the rounds in their order, which a ratio is taken in. */
static struct bench_spread spread_of_rounds(const struct bench_times *times, uint32_t contender) {
    double *copy = bench_memory(times->rounds, sizeof *copy);
    memcpy(copy, bench_times_at(times, contender, 0), times->rounds * sizeof *copy);
    struct bench_spread spread = bench_spread_of(copy, times->rounds);
    free(copy);
    return spread;
}

static void add_times(struct bench_results *results, const struct trial *trial) {
    for (uint32_t c = 0; c < trial->threads.count; c++)
        for (uint32_t i = 0; i < trial->field->count; i++)
            if (trial->crews[c].stands[i].players != NULL)
                add(results, trial, c, i, "wall ns per pair", "ns", spread_of_rounds(&trial->crews[c].times, i));
}

/* The ratios are taken round by round. */
static void add_scaling(struct bench_results *results, const struct trial *trial) {
    const struct crew *one = &trial->crews[0];
    double *ratios = bench_memory(one->times.rounds, sizeof *ratios);
    for (uint32_t c = 1; c < trial->threads.count && trial->threads.all[0] == 1; c++)
        for (uint32_t i = 0; i < trial->field->count; i++) {
            const struct crew *many = &trial->crews[c];
            if (one->stands[i].players == NULL || many->stands[i].players == NULL)
                continue;
            for (uint32_t r = 0; r < one->times.rounds; r++)
                ratios[r] = *bench_times_at(&one->times, i, r) / *bench_times_at(&many->times, i, r);
            add(results, trial, c, i, "throughput over that of one thread", "x",
                bench_spread_of(ratios, one->times.rounds));
        }
    free(ratios);
}

/* ---- Measuring ---- */

/* A pair of the script for all that is played; the same scripts serve every crew and contender. */
static void make_scripts(struct trial *trial, uint64_t pairs, uint64_t seed) {
    for (uint32_t c = 0; c < trial->threads.count; c++) {
        uint32_t players = players_of(trial->workload, trial->threads.all[c]);
        trial->script_count = players > trial->script_count ? players : trial->script_count;
    }
    trial->scripts = bench_memory(trial->script_count, sizeof *trial->scripts);
    for (uint32_t i = 0; i < trial->script_count; i++)
        bench_script_make(&trial->scripts[i], trial->workload->mix, BENCH_RANDOM, trial->live, pairs, seed + i);
}

/* Goes on in the script where the round before ended. */
static double play_round(const struct trial *trial, struct crew *crew, struct stand *stand, uint64_t pairs) {
    uint64_t count = pairs < stand->most ? pairs : stand->most, uncounted = count / 10, from = stand->played;
    stand->played += uncounted + count;
    return run(trial->workload, crew, stand, from, uncounted, count);
}

static void play_rounds(struct trial *trial, uint64_t pairs, uint32_t rounds) {
    for (uint32_t r = 0; r < rounds; r++)
        for (uint32_t i = 0; i < trial->field->count; i++)
            for (uint32_t c = 0; c < trial->threads.count; c++) {
                struct crew *crew = &trial->crews[c];
                if (crew->stands[i].players != NULL)
                    *bench_times_at(&crew->times, i, r) = play_round(trial, crew, &crew->stands[i], pairs);
            }
}

static void measure(const struct bench_settings *settings, struct trial *trial, struct bench_results *results) {
    uint64_t pairs = bench_pairs(settings, STANDARD_PAIRS);
    uint32_t rounds = bench_rounds(settings, STANDARD_ROUNDS);
    make_scripts(trial, bench_warm_up(trial->live) + (pairs / 10 + pairs) * rounds, settings->seed);
    for (uint32_t c = 0; c < trial->threads.count; c++)
        open_crew(&trial->crews[c], trial, (uint32_t)trial->threads.all[c], rounds);
    play_rounds(trial, pairs, rounds);
    add_times(results, trial);
    add_scaling(results, trial);
    for (uint32_t c = 0; c < trial->threads.count; c++)
        close_crew(&trial->crews[c], trial->field);
    for (uint32_t i = 0; i < trial->script_count; i++)
        bench_script_release(&trial->scripts[i]);
    free(trial->scripts);
}

/* Powers of two up to the number of processors, but one and two in any case. */
static struct bench_counts standard_threads(void) {
    struct bench_counts counts = { .all = { 1, 2 }, .count = 2 };
    for (uint64_t n = 4; n <= bench_processors() && n <= MOST_STANDARD_THREADS; n *= 2)
        counts.all[counts.count++] = n;
    return counts;
}

/* What --threads says, or these; without those that the workload has no use for. */
static struct bench_counts threads_for(const struct bench_settings *settings,
                                       const struct bench_threads_workload *workload) {
    struct bench_counts asked = settings->threads.count != 0 ? settings->threads : standard_threads();
    struct bench_counts counts = { .count = 0 };
    for (uint32_t i = 0; i < asked.count; i++)
        if (players_of(workload, asked.all[i]) != 0)
            counts.all[counts.count++] = asked.all[i];
        else
            printf("%s is left out with %" PRIu64 " threads, which go up in no twos\n", workload->name, asked.all[i]);
    return counts;
}

void bench_time_threads(const struct bench_settings *settings, const struct bench_threads_workload *workload,
                        const struct bench_field *field, uint64_t live, struct bench_results *results) {
    struct trial trial = { .workload = workload, .field = field, .live = live };
    trial.threads = threads_for(settings, workload);
    if (trial.threads.count != 0)
        measure(settings, &trial, results);
}

void bench_say_processors(void) {
    printf("threads: %" PRIu32 " processors; where there are more threads, they take turns. What `none` does not gain, "
           "the machine does not give\n",
           bench_processors());
}

static bool takes_threads(const struct contender *contender) {
    return contender->threads != BENCH_ONE_THREAD && !contender->makes_buffers;
}

int bench_threads(const struct bench_settings *settings, struct bench_results *results) {
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, takes_threads);
    bench_say_processors();
    for (uint32_t c = 0; c < counts.count; c++)
        for (uint32_t w = 0; w < WORKLOAD_COUNT; w++)
            bench_time_threads(settings, &workloads[w], &field, counts.all[c], results);
    bench_results_print(results);
    return EXIT_SUCCESS;
}
