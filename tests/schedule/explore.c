/* See explore.h. */
#include "explore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/platform.h"

enum { STEPS = 72, BUFFERED = 8, PIECES = 2, NOT_INSIDE = 0xFF, STATES_LOG2 = 18 };

struct entry {
    uint8_t place, value, release, consistent;
};

/* Bytes only, so that states can be compared. */
struct actor {
    uint8_t done, finished, inside, buffered;
    uint8_t answers[STEPS];
    struct entry buffer[BUFFERED];
};

struct state {
    uint8_t memory[EXPLORE_PLACES];
    uint8_t written[PIECES]; /* how often each piece of data was written, in whatever buffer that is */
    uint8_t broken, padding[3];
    struct actor actors[EXPLORE_ACTORS];
};

enum { SOUND, BOTH_INSIDE, OLD_DATA, CLAIM_FAILS, STUCK, TOO_LARGE };

static const char *const names[] = { NULL,
                                     "two are inside at once",
                                     "what was written before is not seen",
                                     "a claim does not hold",
                                     "nobody can go on",
                                     "there are too many states, or steps" };

static struct {
    const struct explore_actor *actors;
    uint32_t count;
    enum explore_stores stores;
    uint64_t *seen; /* by hash; 0: free */
    uint64_t states, ends;
    uint8_t broken;
    /* the step that is being made */
    struct state *now;
    uint32_t self, position;
    bool made;
    jmp_buf out;
} run;

/* ---- Steps ---- */

static struct actor *self(void) {
    return &run.now->actors[run.self];
}

static _Noreturn void stop(void) {
    longjmp(run.out, 1);
}

static void breaks(uint8_t how) {
    if (run.now->broken == SOUND)
        run.now->broken = how;
}

/* Whether this step was made before; then `answer` is what it got. Else it is to be made now, unless one was. */
static bool was_made(uint8_t *answer) {
    if (run.position < self()->done) {
        *answer = self()->answers[run.position++];
        return true;
    }
    if (run.made)
        stop();
    run.made = true;
    return false;
}

static uint8_t make(uint8_t answer) {
    struct actor *actor = self();
    if (actor->done == STEPS) {
        breaks(TOO_LARGE);
        stop();
    }
    actor->answers[actor->done++] = answer;
    run.position++;
    return answer;
}

/* No step: it follows from the answers, so it is seen with the last of them. */
void explore_claim(bool holds) {
    if (!holds)
        breaks(CLAIM_FAILS);
}

static bool has_consistent(const struct actor *actor) {
    for (uint32_t i = 0; i < actor->buffered; i++)
        if (actor->buffer[i].consistent)
            return true;
    return false;
}

/* An actor sees its own stores first. */
static uint8_t visible(const struct actor *actor, uint32_t place) {
    for (uint32_t i = actor->buffered; i-- > 0;)
        if (actor->buffer[i].place == place)
            return actor->buffer[i].value;
    return run.now->memory[place];
}

uint32_t explore_load(uint32_t place, memory_order order) {
    uint8_t answer;
    if (was_made(&answer))
        return answer;
    if (order == memory_order_seq_cst && has_consistent(self()))
        stop();
    return make(visible(self(), place));
}

static void put(uint32_t place, uint8_t value, memory_order order) {
    struct actor *actor = self();
    if (actor->buffered == BUFFERED)
        stop();
    actor->buffer[actor->buffered++] = (struct entry){ .place = (uint8_t)place,
                                                       .value = value,
                                                       .release = order != memory_order_relaxed,
                                                       .consistent = order == memory_order_seq_cst };
}

void explore_store(uint32_t place, uint32_t value, memory_order order) {
    uint8_t answer;
    if (was_made(&answer))
        return;
    put(place, (uint8_t)value, order);
    (void)make(0);
}

void explore_spin(void) {
    self()->done--;
    stop();
}

/* Takes the entry out of the buffer. */
static void flush(struct state *state, struct actor *actor, uint32_t i) {
    state->memory[actor->buffer[i].place] = actor->buffer[i].value;
    actor->buffered--;
    memmove(&actor->buffer[i], &actor->buffer[i + 1], (actor->buffered - i) * sizeof actor->buffer[0]);
    memset(&actor->buffer[actor->buffered], 0, sizeof actor->buffer[0]);
}

static void reach(uint32_t index) {
    uint8_t answer;
    if (was_made(&answer))
        return;
    struct actor *actor = &run.now->actors[index];
    while (actor->buffered != 0)
        flush(run.now, actor, 0);
    (void)make(0);
}

/* The caller's own stores are out before anybody else is reached. */
void explore_barrier(void) {
    reach(run.self);
    for (uint32_t i = 0; i < run.count; i++)
        if (i != run.self)
            reach(i);
}

void explore_lock(void) {
    uint8_t answer;
    if (was_made(&answer))
        return;
    if (self()->buffered != 0 || run.now->memory[EXPLORE_LOCK] != 0)
        stop();
    run.now->memory[EXPLORE_LOCK] = 1;
    (void)make(0);
}

void explore_unlock(void) {
    explore_store(EXPLORE_LOCK, 0, memory_order_release);
}

void explore_inside(uint32_t piece) {
    uint8_t answer, value;
    self()->inside = (uint8_t)piece;
    if (!was_made(&value)) {
        value = make(visible(self(), EXPLORE_DATA + piece));
        if (value != run.now->written[piece])
            breaks(OLD_DATA);
    }
    if (was_made(&answer))
        return;
    put(EXPLORE_DATA + piece, (uint8_t)(value + 1), memory_order_relaxed);
    run.now->written[piece]++;
    (void)make(0);
}

void explore_leave(uint32_t piece) {
    (void)piece;
    self()->inside = NOT_INSIDE;
}

/* ---- Moves ---- */

static void look_inside(struct state *state) {
    for (uint32_t a = 0; a < run.count; a++)
        for (uint32_t b = a + 1; b < run.count; b++)
            if (state->actors[a].inside != NOT_INSIDE && state->actors[a].inside == state->actors[b].inside)
                state->broken = state->broken == SOUND ? BOTH_INSIDE : state->broken;
}

/* The actor's next step, if it can make one; what it does between two steps goes with the first of them. */
static void step(struct state *state, uint32_t index) {
    run.now = state;
    run.self = index;
    run.position = 0;
    run.made = false;
    state->actors[index].inside = NOT_INSIDE;
    if (setjmp(run.out) == 0) {
        run.actors[index].run();
        state->actors[index].finished = 1;
    }
    look_inside(state);
}

static bool may_flush(const struct actor *actor, uint32_t i) {
    if (i == 0)
        return true;
    if (run.stores == EXPLORE_TOTAL || actor->buffer[i].release)
        return false;
    for (uint32_t earlier = 0; earlier < i; earlier++)
        if (actor->buffer[earlier].place == actor->buffer[i].place)
            return false;
    return true;
}

/* ---- All of them ---- */

static uint64_t hash(const struct state *state) {
    const unsigned char *bytes = (const unsigned char *)state;
    uint64_t h = 0x9E3779B97F4A7C15;
    for (size_t i = 0; i < sizeof *state; i += 4) {
        uint32_t word;
        memcpy(&word, bytes + i, sizeof word);
        h = (h ^ word) * 0xBF58476D1CE4E5B9;
        h ^= h >> 29;
    }
    return h | 1;
}

/* Whether it is seen for the first time. Two states with one hash would be taken for one: a chance of 1 in 10^6 for
 * millions of states. */
static bool is_new(const struct state *state) {
    uint64_t h = hash(state), mask = ((uint64_t)1 << STATES_LOG2) - 1, i = h >> 20;
    for (;; i++) {
        if (run.seen[i & mask] == h)
            return false;
        if (run.seen[i & mask] == 0)
            break;
    }
    run.seen[i & mask] = h;
    run.states++;
    return true;
}

static void visit(const struct state *state);

/* Goes on from where a move has led; answers whether it led anywhere. */
static bool follow(const struct state *from, const struct state *to) {
    if (memcmp(from, to, sizeof *from) == 0)
        return false;
    if (run.broken == SOUND && is_new(to))
        visit(to);
    return true;
}

static bool is_end(const struct state *state) {
    for (uint32_t i = 0; i < run.count; i++)
        if (!state->actors[i].finished || state->actors[i].buffered != 0)
            return false;
    return true;
}

static void visit(const struct state *state) {
    bool moved = false;
    run.broken = run.states > (uint64_t)3 << (STATES_LOG2 - 2) ? TOO_LARGE : state->broken;
    for (uint32_t i = 0; i < run.count && run.broken == SOUND; i++) {
        struct state next;
        for (uint32_t k = 0; k < state->actors[i].buffered; k++) {
            if (!may_flush(&state->actors[i], k))
                continue;
            next = *state;
            flush(&next, &next.actors[i], k);
            moved = follow(state, &next) || moved;
        }
        if (state->actors[i].finished)
            continue;
        next = *state;
        step(&next, i);
        moved = follow(state, &next) || moved;
    }
    if (run.broken != SOUND)
        return;
    if (is_end(state))
        run.ends++;
    else if (!moved)
        run.broken = STUCK;
}

struct explore_result explore(const struct explore_actor *actors, uint32_t count, enum explore_stores stores) {
    struct state first;
    memset(&first, 0, sizeof first);
    memset(&run, 0, sizeof run);
    for (uint32_t i = 0; i < EXPLORE_ACTORS; i++)
        first.actors[i].inside = NOT_INSIDE;
    run.actors = actors;
    run.count = count;
    run.stores = stores;
    run.seen = calloc((size_t)1 << STATES_LOG2, sizeof run.seen[0]);
    if (run.seen == NULL)
        return (struct explore_result){ .broken = "no memory" };
    (void)is_new(&first);
    visit(&first);
    free(run.seen);
    return (struct explore_result){ names[run.broken], run.states, run.ends };
}

/* ---- In a test ---- */

struct explore_result explore_and_tell(const struct explore_actor *actors, uint32_t count, enum explore_stores stores) {
    struct explore_result result = explore(actors, count, stores);
    bda_locks_held = 0; /* runs are left in the middle */
    print_message("             %s: %llu states, %llu ends\n", result.broken != NULL ? result.broken : "sound",
                  (unsigned long long)result.states, (unsigned long long)result.ends);
    return result;
}

void assert_sound(const struct explore_actor *actors, uint32_t count) {
    for (int stores = EXPLORE_TOTAL; stores <= EXPLORE_PARTIAL; stores++) {
        const struct explore_result result = explore_and_tell(actors, count, (enum explore_stores)stores);
        if (result.broken != NULL)
            fail_msg("%s", result.broken);
        assert_true(result.ends != 0);
    }
}

void assert_found(const struct explore_actor *actors, uint32_t count, enum explore_stores stores, const char *what) {
    const struct explore_result result = explore_and_tell(actors, count, stores);
    assert_non_null(result.broken);
    assert_non_null(strstr(what, result.broken));
}
