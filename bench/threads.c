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
 * rounds, and others have used the caches of their processors meanwhile; so a round is long, and what stands before it
 * is not counted.
 *
 * A round is over when the first thread has played all of its pairs, and what each of them has played until then
 * counts: processors of one machine differ at times by a factor of three, and the sum of what they do is what there is
 * to be had, not what the slowest would take for an equal part. Each round is on other processors than the one before,
 * or a fast one would be what all are compared with. Who is slow plays fewer pairs: a round takes ROUND_MS at most.
 */
#include "threads.h"

#include "check.h"
#include "clock.h"
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
    CHUNK = 500, /* pairs between two looks at whether the round is over: some 20 us */
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

/* How far a player has come in its script, and what it did last. Where ranges are handed over, the beginning is noted
 * by one thread and the end by another. */
struct progress {
    _Alignas(64) uint64_t played; /* in all, when the last run ended */
    uint64_t counted;             /* in the last run */
    double begin, end;            /* of that, seconds on the wall */
};

/* One contender of one crew. */
struct stand {
    const struct bench_script *scripts; /* of each player */
    struct bench_player *players;       /* of one allocator; NULL: it could not be made */
    struct progress *progress;          /* of each player */
    struct bench_queue *queues;         /* of each player, where ranges are handed over */
    uint32_t player_count;
    uint32_t threads;
    uint64_t most; /* pairs that it can play in the time of a round */
    bool in_lists;
    uint64_t warm_up, count; /* what each plays in the next run: pairs that are not counted, then so many at most */
    _Atomic bool over;       /* somebody has played all of them */
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

static bool is_over(const struct stand *stand) {
    return atomic_load_explicit(&stand->over, memory_order_relaxed);
}

static void warm_up_private(void *task, uint32_t thread) {
    struct stand *stand = task;
    bench_play(&stand->players[thread], &stand->scripts[thread], stand->progress[thread].played, stand->warm_up);
}

static void play_private(void *task, uint32_t thread) {
    struct stand *stand = task;
    struct progress *progress = &stand->progress[thread];
    uint64_t from = progress->played + stand->warm_up, done = 0;
    double begin = bench_wall_seconds();
    while (done < stand->count && !is_over(stand)) {
        uint64_t left = stand->count - done, chunk = left < CHUNK ? left : CHUNK;
        bench_play(&stand->players[thread], &stand->scripts[thread], from + done, chunk);
        done += chunk;
    }
    atomic_store_explicit(&stand->over, true, memory_order_relaxed);
    progress->begin = begin;
    progress->end = bench_wall_seconds();
    progress->counted = done;
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

/* Handed over after the last range. */
static const struct bench_range no_more = { UINT64_MAX, 0 };

/* False: there was no more. `list` NULL: one by one. */
static inline bool consume(struct bench_player *player, struct bench_queue *queue, const struct bench_pair *pair,
                           struct list *list) {
    struct bench_range range = bench_queue_pop(queue), gone;
    if (range.handle == no_more.handle)
        return false;
    gone = player->ranges[pair->slot];
    player->ranges[pair->slot] = range;
    if (gone.handle == 0)
        return true;
    if (list == NULL) {
        player->contender->free(player->self, gone);
        return true;
    }
    list->ranges[list->count++] = gone;
    if (list->count == LIST)
        free_list(player, list);
    return true;
}

/* The first threads produce, the last ones consume, and one alone does both. */
static bool produces(const struct stand *stand, uint32_t thread) {
    return thread < stand->player_count;
}

static bool consumes(const struct stand *stand, uint32_t thread) {
    return thread >= stand->player_count || stand->threads == stand->player_count;
}

/* Until the producer has done so many, or the round is over; how many there were. */
static uint64_t hand_over(struct stand *stand, uint32_t thread, uint64_t from, uint64_t count) {
    uint32_t which = thread % stand->player_count;
    struct bench_player *player = &stand->players[which];
    struct bench_queue *queue = &stand->queues[which];
    const struct bench_script *script = &stand->scripts[which];
    const struct bench_pair *pairs = script->pairs + from;
    bool does_produce = produces(stand, thread), does_consume = consumes(stand, thread);
    struct list list = { .count = 0 }, *in_lists = NULL;
    uint64_t done = 0;
    if (stand->in_lists && player->contender->free_many != NULL)
        in_lists = &list;
    for (;; done++) {
        if (does_produce && (done == count || (done % CHUNK == 0 && is_over(stand))))
            break;
        if (does_produce)
            produce(player, queue, pairs[done].size, script->mix->alignment);
        if (does_produce && does_consume)
            bench_queue_tell(queue);
        if (does_consume && !consume(player, queue, &pairs[done], in_lists))
            break;
    }
    free_list(player, &list);
    if (!does_consume) {
        bench_queue_push(queue, no_more);
        bench_queue_tell(queue);
    }
    return done;
}

static void warm_up_hand_over(void *task, uint32_t thread) {
    struct stand *stand = task;
    (void)hand_over(stand, thread, stand->progress[thread % stand->player_count].played, stand->warm_up);
}

static void play_hand_over(void *task, uint32_t thread) {
    struct stand *stand = task;
    struct progress *progress = &stand->progress[thread % stand->player_count];
    double begin = bench_wall_seconds();
    uint64_t done = hand_over(stand, thread, progress->played + stand->warm_up, stand->count);
    if (consumes(stand, thread))
        progress->end = bench_wall_seconds();
    if (!produces(stand, thread))
        return;
    atomic_store_explicit(&stand->over, true, memory_order_relaxed);
    progress->begin = begin;
    progress->counted = done;
}

/* Each plays on where it stands in its script; nanoseconds per counted pair, of all of them together. */
static double run(const struct bench_threads_workload *workload, struct crew *crew, struct stand *stand,
                  uint64_t warm_up, uint64_t count) {
    double pairs_a_second = 0;
    stand->warm_up = warm_up;
    stand->count = count;
    atomic_store_explicit(&stand->over, false, memory_order_relaxed);
    bench_team_run(crew->team, workload->hands_over ? warm_up_hand_over : warm_up_private,
                   workload->hands_over ? play_hand_over : play_private, stand);
    for (uint32_t i = 0; i < stand->player_count; i++) {
        struct progress *progress = &stand->progress[i];
        progress->played += warm_up + progress->counted;
        if (progress->counted != 0)
            pairs_a_second += (double)progress->counted / (progress->end - progress->begin);
    }
    return 1e9 / pairs_a_second;
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
    uint64_t room = 2; /* a thread alone has one in it when the next one comes */
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
    stand->progress = bench_line_memory(players, sizeof *stand->progress);
    stand->queues = bench_line_memory(players, sizeof *stand->queues);
    for (uint32_t i = 0; i < players; i++) {
        stand->players[i] = i == 0 ? first : bench_player_beside(&first);
        stand->queues[i].room = queue_room(scripts[0].live);
    }
}

/* The first run, which nothing is known of yet: what a pair costs. */
static uint64_t first_pairs(uint64_t pairs) {
    return pairs < LEAST_PAIRS ? pairs : LEAST_PAIRS;
}

static void open_crew(struct crew *crew, const struct trial *trial, uint32_t threads, uint64_t pairs, uint32_t rounds) {
    uint32_t players = players_of(trial->workload, threads);
    crew->team = bench_team_make(threads);
    crew->times = bench_times_make(rounds);
    for (uint32_t i = 0; i < trial->field->count; i++) {
        struct stand *stand = &crew->stands[i];
        open_stand(stand, trial->field->all[i], trial, players, threads);
        if (stand->players == NULL)
            continue;
        bench_team_run(crew->team, NULL, fill, stand);
        double ns = run(trial->workload, crew, stand, bench_warm_up(trial->live), first_pairs(pairs));
        double most = ROUND_MS * 1e6 / (ns * players > 1 ? ns * players : 1); /* of a pair of each player */
        stand->most = most < LEAST_PAIRS ? LEAST_PAIRS : (uint64_t)most;
    }
}

/* All that threads hold at the end, together: they shared one pool. */
static void check_stand(const struct stand *stand, const struct contender *contender) {
    struct bench_check check = { .who = contender->name };
    for (uint32_t i = 0; contender->has_pool && i < stand->player_count; i++) {
        struct bench_script played = stand->scripts[i];
        played.count = stand->progress[i].played;
        bench_check_holdings(&check, &stand->players[i], &played);
    }
    bench_check_release(&check);
}

static void close_stand(struct stand *stand) {
    for (uint32_t i = stand->player_count; i-- > 1;)
        bench_player_drop(&stand->players[i]);
    bench_player_close(&stand->players[0]);
    free(stand->players);
    free(stand->progress);
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

static double play_round(const struct trial *trial, struct crew *crew, struct stand *stand, uint64_t pairs) {
    uint64_t count = pairs < stand->most ? pairs : stand->most;
    return run(trial->workload, crew, stand, count / 10, count);
}

static void move_crews(const struct trial *trial) {
    for (uint32_t c = 0; c < trial->threads.count; c++)
        bench_team_move(trial->crews[c].team);
}

static void play_rounds(struct trial *trial, uint64_t pairs, uint32_t rounds) {
    for (uint32_t r = 0; r < rounds; r++, move_crews(trial))
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
    make_scripts(trial, bench_warm_up(trial->live) + first_pairs(pairs) + (pairs / 10 + pairs) * rounds,
                 settings->seed);
    for (uint32_t c = 0; c < trial->threads.count; c++)
        open_crew(&trial->crews[c], trial, (uint32_t)trial->threads.all[c], pairs, rounds);
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

static bool is_asked_for(const struct bench_settings *settings, const struct bench_threads_workload *workload) {
    return settings->workload == NULL || strcmp(settings->workload, workload->name) == 0;
}

static void check_workload(const struct bench_settings *settings) {
    for (uint32_t w = 0; w < WORKLOAD_COUNT; w++)
        if (is_asked_for(settings, &workloads[w]))
            return;
    bench_fail("no workload '%s': there are private, 'private, few blocks', hand-over and 'hand-over, lists'",
               settings->workload);
}

int bench_threads(const struct bench_settings *settings, struct bench_results *results) {
    check_workload(settings);
    struct bench_counts counts = bench_counts_of(settings, standard_counts);
    struct bench_field field = bench_choose(settings, takes_threads);
    bench_say_processors();
    for (uint32_t c = 0; c < counts.count; c++)
        for (uint32_t w = 0; w < WORKLOAD_COUNT; w++)
            if (is_asked_for(settings, &workloads[w]))
                bench_time_threads(settings, &workloads[w], &field, counts.all[c], results);
    bench_results_print(results);
    return EXIT_SUCCESS;
}
