/* Why a handle names no live allocation, in words. */
#ifndef BDA_DEBUG_DEAD_HANDLE_H
#define BDA_DEBUG_DEAD_HANDLE_H

#include "alloc/allocator.h"

enum { BDA_DEAD_HANDLE_TEXT = 384 };

/* One line: that it is none, another allocator's, an address, or was never given out; or who had it, and when that was
 * freed, as far as the history goes. Takes the pool's lock, or the pending one, for what is not released yet. */
void bda_dead_handle_in_words(BdaAllocator allocator, BdaHandle handle, size_t size, char *memory);

#endif
