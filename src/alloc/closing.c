/* Blocks on their way back, see closing.h. */
#include "alloc/closing.h"

void bda_closings_init(struct bda_closings *closings, bool used) {
    bda_mutex_init(&closings->lock, used);
    bda_condition_init(&closings->ended, used);
    closings->count = 0;
    closings->arrived = 0;
}

void bda_closings_destroy(struct bda_closings *closings) {
    bda_condition_destroy(&closings->ended);
    bda_mutex_destroy(&closings->lock);
}

void bda_closing_begin(struct bda_closings *closings) {
    bda_mutex_lock(&closings->lock);
    closings->count++;
    bda_mutex_unlock(&closings->lock);
}

void bda_closing_end(struct bda_closings *closings) {
    bda_mutex_lock(&closings->lock);
    closings->count--;
    closings->arrived++;
    bda_condition_wake(&closings->ended);
    bda_mutex_unlock(&closings->lock);
}

uint64_t bda_closings_arrived(struct bda_closings *closings) {
    bda_mutex_lock(&closings->lock);
    uint64_t arrived = closings->arrived;
    bda_mutex_unlock(&closings->lock);
    return arrived;
}

bool bda_closing_wait(struct bda_closings *closings, uint64_t *seen) {
    bda_mutex_lock(&closings->lock);
    while (closings->arrived == *seen && closings->count != 0)
        bda_condition_wait(&closings->ended, &closings->lock);
    bool more = closings->arrived != *seen;
    *seen = closings->arrived;
    bda_mutex_unlock(&closings->lock);
    return more;
}
