/* Which allocation a refusal is about, where the handle is good and something else is not. */
#ifndef BDA_DEBUG_LIVE_HANDLE_H
#define BDA_DEBUG_LIVE_HANDLE_H

#include "alloc/allocator.h"
#include "debug/text.h"

/* Adds the name, the size and the pool, as far as it has them, and the handle. Takes the pool's lock. */
void bda_add_live_handle(struct bda_text *text, BdaAllocator allocator, BdaHandle handle);

/* The same of an allocation that was freed and is still there, since it waits for its semaphore or is in quarantine:
 * whose bytes it holds, and where. False: nothing of it is. There is such a node as the handle says. */
bool bda_add_held_handle(struct bda_text *text, BdaAllocator allocator, BdaHandle handle);

#endif
