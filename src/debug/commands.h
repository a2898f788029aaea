/*
 * Patterns by commands, for memory that the CPU does not reach: recorded into a command buffer of the caller's, who
 * says when they are complete.
 *
 *   ticket    one recording: what it fills and what it copies, until it is complete.
 *   waiting   a range that was freed and that the next recording fills.
 *   parting   a range on its way out of the quarantine, whose edges the next recording copies.
 *
 * A range that commands may write to is in one of these lists, so that nobody has it before they are complete.
 */
#ifndef BDA_DEBUG_COMMANDS_H
#define BDA_DEBUG_COMMANDS_H

#include "debug/quarantine.h"

struct bda_ticket;

struct bda_commands {
    atomic_flag recording; /* one thread records at a time; nobody waits for it */
    _Atomic bool begun;    /* somebody has recorded: from now on what is freed waits for it */
    /* under the quarantine's lock: */
    struct bda_held waiting, parting;
    struct bda_ticket *tickets; /* that are not complete, the newest first */
    uint64_t last_ticket;
    uint64_t looked; /* the recorder's: so many live red zones this round has seen */
};

void bda_commands_init(struct bda_commands *commands);

/* Whether commands, complete or not, have concerned a retired allocation while it lived. */
bool bda_commands_touch(BdaAllocator allocator, uint32_t node);

/* Whether a freed allocation, whose note says so, waits for a recording; then it is held. */
bool bda_commands_hold(BdaAllocator allocator, uint32_t node);

/* Whether a held one that leaves the quarantine waits once more, for its edges. */
bool bda_commands_part(BdaAllocator allocator, uint32_t node);

/* Those of a pool go into `due`; NULL: all that no outstanding command may still write to. */
void bda_commands_let_go(BdaAllocator allocator, const struct bda_pool *pool, struct bda_held *due);

/* Records; `number` becomes the ticket, 0 where there was nothing to record, or another thread is at it. On an error
 * nothing was recorded. */
VkResult bda_commands_record(BdaAllocator allocator, VkCommandBuffer buffer, uint64_t *number);

/* Compares what a ticket copied. What it filled goes into `filled`, and what parts into `due`.
 * VK_ERROR_VALIDATION_FAILED_EXT: there is no such ticket; another error: the driver's, who did not let its copies be
 * read, and the ticket can be completed again. */
VkResult bda_commands_complete(BdaAllocator allocator, uint64_t number, struct bda_held *filled, struct bda_held *due);

/* Forgets all tickets; what they hold waits. */
void bda_commands_stop(BdaAllocator allocator);

#endif
