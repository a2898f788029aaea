/* See gate_support.h. */
#include "gate_support.h"

#include "platform/platform.h"

#include <time.h>

static _Atomic int held_call, gates; /* so many calls of a kind are held */
static _Atomic int reached, opened;  /* gates, since then */

void hold_in_driver(void *user, enum fake_call call) {
    (void)user;
    if ((int)call != atomic_load(&held_call) || atomic_fetch_sub(&gates, 1) <= 0)
        return;
    int mine = atomic_fetch_add(&reached, 1) + 1;
    while (atomic_load(&opened) < mine)
        bda_native_yield();
}

void wait_at_gate(int number) {
    while (atomic_load(&reached) < number)
        bda_native_yield();
}

void open_gate(void) {
    (void)atomic_fetch_add(&opened, 1);
}

uint32_t begin_and_hold(struct helper *helper, enum fake_call call, int count, void (*what)(struct helper *)) {
    atomic_store(&held_call, (int)call);
    atomic_store(&reached, 0);
    atomic_store(&opened, 0);
    atomic_store(&gates, count);
    uint32_t round = begin(helper, what);
    wait_at_gate(1);
    return round;
}

void give_it_time(struct helper *helper, uint32_t round) {
    const struct timespec moment = { .tv_nsec = 1000000 };
    for (uint32_t i = 0; i < 200 && atomic_load(&helper->done) < round; i++)
        (void)nanosleep(&moment, NULL);
}

void take_wish(struct helper *helper) {
    helper->result = bda_alloc(helper->allocator, &helper->wish, &helper->slots[0]);
}
