/*
 * The annex's watch: the one listener of the allocation floor's events (alloc/hooks.h), which passes each on to
 * whatever is switched on: the log, the checking modes. While nothing is, there is no listener, and allocations take
 * the short ways (alloc/plain.h); while something is, all of them take the long way and no thread keeps ranges.
 */
#ifndef BDA_DEBUG_WATCH_H
#define BDA_DEBUG_WATCH_H

#include "debug/broken.h"
#include "debug/commands.h"
#include "debug/notes.h"
#include "debug/quarantine.h"

/* The checking modes that there are (BdaCheckFlagBits). */
enum {
    BDA_WATCH_CHECKS = BDA_CHECK_QUARANTINE_BIT | BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT |
                       BDA_CHECK_ISOLATE_BIT | BDA_CHECK_MEMORY_BIT | BDA_CHECK_POINTERS_BIT | BDA_CHECK_STACKS_BIT |
                       BDA_CHECK_HISTORY_BIT,
};

/* Bytes that stay free behind each allocation where a mode wants it: no two touch, and an index that is a few elements
 * too large does not reach the next one. */
enum { BDA_WATCH_GAP = 256 };

/* What the modes know that care for bytes. */
struct bda_watch {
    struct bda_notes notes;
    struct bda_quarantine quarantine;
    struct bda_commands commands;
    struct bda_broken broken;
};

/* Begins to listen, if `info` asks for anything to listen for; errors with their reason. To be finished in any case,
 * when nothing is allocated any more. */
VkResult bda_watch_init(BdaAllocator allocator, const BdaAllocatorInfo *info, const char **reason);

/* A ticket is complete; answers as bda_commands_complete does. */
VkResult bda_watch_complete(BdaAllocator allocator, uint64_t ticket);

/* The end, before leaks are listed; and when nothing is held any more. */
void bda_watch_stop(BdaAllocator allocator);
void bda_watch_finish(BdaAllocator allocator);

#endif
