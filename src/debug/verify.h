/* Looking on demand at all bytes that are nobody's and that the CPU reaches, see bda_verify. */
#ifndef BDA_DEBUG_VERIFY_H
#define BDA_DEBUG_VERIFY_H

#include "alloc/allocator.h"

/* Tells what is broken. */
void bda_verify_all(BdaAllocator allocator);

#endif
