/* Attempts and last resorts, see attempts.h. */
#include "alloc/attempts.h"

void bda_attempts_init(struct bda_attempts *attempts, bool used) {
    bda_mutex_init(&attempts->lock, used);
    bda_condition_init(&attempts->changed, used);
    attempts->running = 0;
    attempts->asked_for = attempts->ended = 0;
}

void bda_attempts_destroy(struct bda_attempts *attempts) {
    bda_condition_destroy(&attempts->changed);
    bda_mutex_destroy(&attempts->lock);
}

void bda_attempt_begin(struct bda_attempts *attempts) {
    bda_mutex_lock(&attempts->lock);
    while (attempts->ended != attempts->asked_for)
        bda_condition_wait(&attempts->changed, &attempts->lock);
    attempts->running++;
    bda_mutex_unlock(&attempts->lock);
}

bool bda_attempt_try_begin(struct bda_attempts *attempts) {
    bda_mutex_lock(&attempts->lock);
    bool begins = attempts->ended == attempts->asked_for;
    attempts->running += begins;
    bda_mutex_unlock(&attempts->lock);
    return begins;
}

void bda_attempt_end(struct bda_attempts *attempts) {
    bda_mutex_lock(&attempts->lock);
    if (--attempts->running == 0)
        bda_condition_wake(&attempts->changed);
    bda_mutex_unlock(&attempts->lock);
}

void bda_last_resort_begin(struct bda_attempts *attempts) {
    bda_mutex_lock(&attempts->lock);
    uint64_t turn = attempts->asked_for++;
    while (attempts->ended != turn || attempts->running != 0)
        bda_condition_wait(&attempts->changed, &attempts->lock);
    bda_mutex_unlock(&attempts->lock);
}

void bda_last_resort_end(struct bda_attempts *attempts) {
    bda_mutex_lock(&attempts->lock);
    attempts->ended++;
    bda_condition_wake(&attempts->changed);
    bda_mutex_unlock(&attempts->lock);
}
