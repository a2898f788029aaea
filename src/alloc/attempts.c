/* Attempts and last resorts, see attempts.h. */
#include "alloc/attempts.h"

void bda_attempts_init(struct bda_attempts *attempts, bool used) {
    bda_mutex_init(&attempts->lock, used);
    bda_condition_init(&attempts->changed, used);
    attempts->running = attempts->resorts = NULL;
}

void bda_attempts_destroy(struct bda_attempts *attempts) {
    bda_condition_destroy(&attempts->changed);
    bda_mutex_destroy(&attempts->lock);
}

/* Whether an attempt, or another last resort, is in the way of a last resort. */
static bool is_in_the_way(const struct bda_attempt *attempt, const struct bda_attempt *resort) {
    switch (resort->scope) {
    case BDA_SCOPE_POOL:
        return attempt->pool == resort->pool;
    case BDA_SCOPE_HEAP:
        return attempt->heap == resort->heap;
    default:
        return true;
    }
}

static void unlink_attempt(struct bda_attempt **list, struct bda_attempt *attempt) {
    while (*list != attempt)
        list = &(*list)->next;
    *list = attempt->next;
}

/* ---- Attempts ---- */

static bool may_run(const struct bda_attempts *attempts, const struct bda_attempt *attempt) {
    const struct bda_attempt *resort = attempts->resorts;
    while (resort != NULL && !is_in_the_way(attempt, resort))
        resort = resort->next;
    return resort == NULL;
}

static void run(struct bda_attempts *attempts, struct bda_attempt *attempt) {
    attempt->next = attempts->running;
    attempts->running = attempt;
}

void bda_attempt_begin(struct bda_attempts *attempts, struct bda_attempt *attempt) {
    bda_mutex_lock(&attempts->lock);
    while (!may_run(attempts, attempt))
        bda_condition_wait(&attempts->changed, &attempts->lock);
    run(attempts, attempt);
    bda_mutex_unlock(&attempts->lock);
}

bool bda_attempt_try_begin(struct bda_attempts *attempts, struct bda_attempt *attempt) {
    bda_mutex_lock(&attempts->lock);
    bool begins = may_run(attempts, attempt);
    if (begins)
        run(attempts, attempt);
    bda_mutex_unlock(&attempts->lock);
    return begins;
}

void bda_attempt_end(struct bda_attempts *attempts, struct bda_attempt *attempt) {
    bda_mutex_lock(&attempts->lock);
    unlink_attempt(&attempts->running, attempt);
    bda_condition_wake(&attempts->changed);
    bda_mutex_unlock(&attempts->lock);
}

/* ---- Last resorts ---- */

static bool is_alone(const struct bda_attempts *attempts, const struct bda_attempt *resort) {
    for (const struct bda_attempt *other = attempts->running; other != NULL; other = other->next)
        if (is_in_the_way(other, resort))
            return false;
    for (const struct bda_attempt *earlier = attempts->resorts; earlier != resort; earlier = earlier->next)
        if (is_in_the_way(earlier, resort) || is_in_the_way(resort, earlier))
            return false;
    return true;
}

void bda_last_resort_begin(struct bda_attempts *attempts, struct bda_attempt *resort) {
    bda_mutex_lock(&attempts->lock);
    struct bda_attempt **end = &attempts->resorts;
    while (*end != NULL)
        end = &(*end)->next;
    *end = resort;
    resort->next = NULL;
    while (!is_alone(attempts, resort))
        bda_condition_wait(&attempts->changed, &attempts->lock);
    bda_mutex_unlock(&attempts->lock);
}

void bda_last_resort_end(struct bda_attempts *attempts, struct bda_attempt *resort) {
    bda_mutex_lock(&attempts->lock);
    unlink_attempt(&attempts->resorts, resort);
    bda_condition_wake(&attempts->changed);
    bda_mutex_unlock(&attempts->lock);
}
