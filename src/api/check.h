/*
 * What every public function does with a refusal: one line to the caller's callback, naming the function and the
 * reason, and the result passed through. Misuse is an error; memory that ran out is a warning, since callers live with
 * it, and no more than information where they have asked whether there is any.
 */
#ifndef BDA_API_CHECK_H
#define BDA_API_CHECK_H

#include "alloc/allocator.h"

/* Tells and returns `result`, which is not VK_SUCCESS; `reason` NULL: the text of the result. Without an allocator
 * nobody can be told. */
VkResult bda_refuse(BdaAllocator allocator, const char *function, VkResult result, const char *reason);

/* The same where the caller has asked for no more than that: it is told as BDA_MESSAGE_INFO. */
VkResult bda_refuse_expected(BdaAllocator allocator, const char *function, VkResult result, const char *reason);

/* The same of a handle: of what lives it says which that is, and where the reason is bda_handle_is_dead, what the
 * handle is, or was. Then all that the history remembers is read, if there is a message callback. */
VkResult bda_refuse_handle(BdaAllocator allocator, const char *function, VkResult result, const char *reason,
                           BdaHandle handle);

/* The same of a pool, for a reason that bda_pool_fault gave. */
VkResult bda_refuse_pool(BdaAllocator allocator, const char *function, BdaPool pool, const char *fault);

/* The same before there is an allocator. */
VkResult bda_refuse_to(BdaMessageCallback message, void *user, const char *function, VkResult result,
                       const char *reason);

/* The reason of a result that has none of its own. */
const char *bda_text_of_result(VkResult result);

/* Why a pool is none of this allocator's that is alive; NULL: it is one. */
const char *bda_pool_fault(BdaAllocator allocator, BdaPool pool);

#endif
