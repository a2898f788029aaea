/*
 * A claim: a lock with one owner, who takes it a million times, and others, who want it now and then.
 *
 * The owner never waits and writes nothing that other processors read meanwhile: it says that it is inside, then looks
 * whether somebody else is there, and if so does without. Others say that they are there, then wait until the owner is
 * out. Each side must have said its own before it looks at the other's (Dekker's hand-shake): the others
 * see to that for both with a barrier on every thread of the process, so that the owner pays for none. Where the system
 * has no such barrier, the claim is *fenced*: both sides use sequentially consistent atomics, and the owner pays one.
 *
 * Others come one at a time, under a lock of theirs (allocator.h: caches_lock; lock.h: the mutex).
 */
#ifndef BDA_ALLOC_CLAIM_H
#define BDA_ALLOC_CLAIM_H

#include "core/bits.h"
#include "platform/platform.h"

#include <stdatomic.h>

struct bda_claim {
    _Atomic uint32_t inside; /* 1 while the owner is, or tries to be; it alone writes that */
    _Atomic uint32_t taken;  /* 0: the owner may come in without more ado; else these: */
};

enum {
    BDA_CLAIM_TAKEN = 1,  /* somebody else is inside, or waits for the owner to leave */
    BDA_CLAIM_FENCED = 2, /* others bring no barrier; for good */
};

static inline void bda_claim_init(struct bda_claim *claim, bool barrier) {
    atomic_store_explicit(&claim->inside, 0, memory_order_relaxed);
    atomic_store_explicit(&claim->taken, barrier ? 0 : BDA_CLAIM_FENCED, memory_order_relaxed);
}

static inline uint32_t bda_claim_fenced(struct bda_claim *claim) {
    return atomic_load_explicit(&claim->taken, memory_order_relaxed) & BDA_CLAIM_FENCED;
}

/* ---- The owner ---- */

/* Whether the owner is inside now. */
BDA_INLINE bool bda_claim_enter(struct bda_claim *claim) {
    atomic_store_explicit(&claim->inside, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* for the compiler; who announces has the processor's half */
    BDA_YIELD_POINT();
    uint32_t taken = atomic_load_explicit(&claim->taken, memory_order_acquire);
    if (!BDA_LIKELY(taken == 0) && taken == BDA_CLAIM_FENCED) {
        atomic_store_explicit(&claim->inside, 1, memory_order_seq_cst);
        BDA_YIELD_POINT();
        taken = atomic_load_explicit(&claim->taken, memory_order_seq_cst) & BDA_CLAIM_TAKEN;
    }
    BDA_YIELD_POINT();
    if (BDA_LIKELY(taken == 0)) {
        BDA_COUNT_LOCK(1);
        return true;
    }
    atomic_store_explicit(&claim->inside, 0, memory_order_release);
    return false;
}

BDA_INLINE void bda_claim_leave(struct bda_claim *claim) {
    BDA_YIELD_POINT();
    BDA_COUNT_LOCK(-1);
    atomic_store_explicit(&claim->inside, 0, memory_order_release);
}

/* ---- The others: any number of claims are announced, then one barrier, then each is waited for ---- */

static inline void bda_claim_announce(struct bda_claim *claim) {
    atomic_store_explicit(&claim->taken, BDA_CLAIM_TAKEN | bda_claim_fenced(claim), memory_order_seq_cst);
    BDA_YIELD_POINT();
}

static inline void bda_claim_wait(struct bda_claim *claim) {
    for (uint32_t tries = 0; atomic_load_explicit(&claim->inside, memory_order_seq_cst) != 0; tries++)
        bda_let_others(tries);
    BDA_COUNT_LOCK(1);
}

/* In place of giving it back: the owner is kept out from now on. */
static inline void bda_claim_keep(struct bda_claim *claim) {
    (void)claim;
    BDA_COUNT_LOCK(-1);
}

/* Who was kept out for good may become the owner anew: it lets itself in, while nobody can announce himself. */
static inline void bda_claim_let_in(struct bda_claim *claim) {
    atomic_store_explicit(&claim->taken, bda_claim_fenced(claim), memory_order_release);
}

static inline void bda_claim_give_back(struct bda_claim *claim) {
    BDA_COUNT_LOCK(-1);
    atomic_store_explicit(&claim->taken, bda_claim_fenced(claim), memory_order_release);
}

#endif
