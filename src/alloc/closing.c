/* Memory on its way back, see closing.h. */
#include "alloc/closing.h"

#include <stddef.h>

void bda_closings_init(struct bda_closings *closings, bool used) {
    bda_mutex_init(&closings->lock, used);
    bda_condition_init(&closings->ended, used);
    closings->first = NULL;
    closings->begun = 0;
}

void bda_closings_destroy(struct bda_closings *closings) {
    bda_condition_destroy(&closings->ended);
    bda_mutex_destroy(&closings->lock);
}

void bda_closing_begin(struct bda_closings *closings, struct bda_closing *closing) {
    bda_mutex_lock(&closings->lock);
    *closing = (struct bda_closing){ closings->first, ++closings->begun };
    closings->first = closing;
    bda_mutex_unlock(&closings->lock);
}

void bda_closing_end(struct bda_closings *closings, struct bda_closing *closing) {
    bda_mutex_lock(&closings->lock);
    struct bda_closing **link = &closings->first;
    while (*link != closing)
        link = &(*link)->next;
    *link = closing->next;
    bda_condition_wake(&closings->ended);
    bda_mutex_unlock(&closings->lock);
}

/* Whether one up to this number is on its way; the later ones stand in front. */
static bool is_on_its_way(const struct bda_closings *closings, uint64_t number) {
    const struct bda_closing *closing = closings->first;
    while (closing != NULL && closing->number > number)
        closing = closing->next;
    return closing != NULL;
}

void bda_closings_wait(struct bda_closings *closings) {
    bda_mutex_lock(&closings->lock);
    uint64_t last = closings->begun;
    while (is_on_its_way(closings, last))
        bda_condition_wait(&closings->ended, &closings->lock);
    bda_mutex_unlock(&closings->lock);
}
