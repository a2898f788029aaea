/* What lacks where memory was refused, in figures: the reason alone says which limit it was, and not how far that is.
 */
#ifndef BDA_DEBUG_SHORTAGE_H
#define BDA_DEBUG_SHORTAGE_H

#include "alloc/request.h"
#include "debug/text.h"

/* Adds what there is of the memory that a request was refused, and how much of that is taken; nothing where its reason
 * is another. The figures are those of now: other threads may have taken or given back some since. */
void bda_add_shortage(struct bda_text *text, BdaAllocator allocator, VkResult result,
                      const struct bda_request *request);

#endif
