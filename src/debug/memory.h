/*
 * BDA_CHECK_MEMORY_BIT: memory checkers are told what may be touched of mapped memory (platform/marks.h). All of it is
 * forbidden but the bytes of live allocations; behind each of those a gap stays (BDA_WATCH_GAP).
 *
 * Where the checker prints names, live ranges have theirs, the gap included, and so have the last ones that were freed.
 */
#ifndef BDA_DEBUG_MEMORY_H
#define BDA_DEBUG_MEMORY_H

#include "alloc/allocator.h"

/* Begins, where a checker listens; says so where the library cannot speak to any. VK_ERROR_OUT_OF_HOST_MEMORY. */
VkResult bda_memory_init(BdaAllocator allocator);
void bda_memory_finish(BdaAllocator allocator);

/* What an event makes of the bytes: what begins is allowed, what ends forbidden. The patterns of the other modes are
 * written and looked at while bytes are forbidden, between bda_marks_pause and bda_marks_resume. */
void bda_memory_hear(BdaAllocator allocator, const struct bda_event *event);

#endif
