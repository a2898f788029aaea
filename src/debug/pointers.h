/*
 * Checked pointers, BDA_CHECK_POINTERS_BIT: keeps the shadow that shaders look addresses up in, and takes the records
 * of bad accesses that they wrote (docs/design.md, "Checked pointers").
 */
#ifndef BDA_DEBUG_POINTERS_H
#define BDA_DEBUG_POINTERS_H

#include "debug/report.h"
#include "debug/shadow.h"

struct bda_pointers {
    struct bda_shadow shadow;
    _Atomic uint32_t colours; /* counts them */
    _Atomic uint32_t events;  /* that are being written down, see refill.h */
    _Atomic bool filling;     /* somebody fills gaps */
    /* under the shadow's lock: ranges of others (foreign.h); records are numbered modulo 2^32; [base, end) have been
     * looked at, those before `next` are taken, and the device is told of it when all are */
    struct bda_foreign *foreign;
    uint32_t base, next, end;
};

/* Makes what allocator->pointers is from then on; what fails leaves nothing behind. */
VkResult bda_pointers_init(BdaAllocator allocator, const char **reason);
void bda_pointers_finish(BdaAllocator allocator);

/* An event of the allocation floor. No lock is held. */
void bda_pointers_hear(BdaAllocator allocator, const struct bda_event *event);

/* A colour for what becomes live. */
uint32_t bda_pointers_next_colour(struct bda_pointers *pointers);

/* Copies up to `room` records, the oldest first, which are gone then; `more` says how many are left. What was lost
 * before them is added to `lost`. */
VkResult bda_pointers_take(struct bda_pointers *pointers, uint32_t room, BdaBadAccess *accesses, uint32_t *taken,
                           uint32_t *more, uint64_t *lost);

/* Takes all, and explains each kind of them in two lines; `count` becomes how many there were, lost ones included.
 * Where reading fails those that were taken before are told. The report's end is the caller's. */
VkResult bda_pointers_report(const struct bda_report *report, uint64_t *count);

/* A line, where anything is not checked now for want of memory. */
void bda_pointers_say_gaps(const struct bda_report *report);

#endif
