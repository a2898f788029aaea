/* Gates in the fake driver: a thread is held inside of a call while another one asks. */
#ifndef TEST_GATE_SUPPORT_H
#define TEST_GATE_SUPPORT_H

#include "helper_support.h"

/* For fake_config::on_call. */
void hold_in_driver(void *user, enum fake_call call);

/* Has a thread do something, and comes back when that is inside of the first of so many calls of a kind, which are all
 * held. */
uint32_t begin_and_hold(struct helper *helper, enum fake_call call, int count, void (*what)(struct helper *));

/* Comes back when so many are held, or have been. */
void wait_at_gate(int number);

/* Lets the next one go on. */
void open_gate(void);

/* Long enough for a refusal, which nothing delays; who waits is not done by then. */
void give_it_time(struct helper *helper, uint32_t round);

/* bda_alloc of the helper's wish; what came of it is its result and its first slot. */
void take_wish(struct helper *helper);

#endif
