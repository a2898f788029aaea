/*
 * Relief: what is done about a refusal, of whichever kind new memory it was. First what is kept, held, due or empty
 * goes back; in the end a request has a last resort (attempts.h).
 */
#ifndef BDA_ALLOC_RELIEF_H
#define BDA_ALLOC_RELIEF_H

#include "alloc/allocator.h"

/* Whether memory or objects ran out: other memory may still serve, or this memory later. */
static inline bool bda_is_exhaustion(VkResult result) {
    return result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_TOO_MANY_OBJECTS;
}

/* Whether this is a request's last resort: all others are out of its way. */
static inline bool bda_is_at_last(const struct bda_request *request) {
    return request->refused != VK_SUCCESS;
}

/* Whose empty blocks have been given back for a request so far, and of which call none is (0: of none). */
struct bda_relief {
    enum bda_scope scope;
    uint32_t spared_call;
};

/* Gives back what may go, unless that has been done as far as it helps: once a pool's limit has let a request through,
 * its heap may refuse it. Whether there is a reason to try again: at last there is one, since somebody else may have
 * been giving back what would have gone here. */
bool bda_relieve_once(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_request *request,
                      VkResult result, struct bda_relief *relief);

/* An attempt to get memory for a pool. */
struct bda_attempt bda_attempt_in(BdaAllocator allocator, const struct bda_pool *pool);

/* The last resort of a request that was refused with `result`: when nobody is in its way, and all has come back that
 * was on its way, it tries once more; and again where something else refuses then, whose attempts are more. `resort`:
 * of no scope before the first. False where that is no use: memory has not run out, or the request is larger than a
 * limit; or where nobody else can be in the library. */
bool bda_begin_at_last(BdaAllocator allocator, const struct bda_pool *pool, struct bda_request *request,
                       VkResult result, struct bda_attempt *resort);
void bda_end_at_last(BdaAllocator allocator, struct bda_request *request, struct bda_attempt *resort);

#endif
