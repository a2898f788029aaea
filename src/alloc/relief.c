/* What is done about a refusal, see relief.h. */
#include "alloc/relief.h"

#include "alloc/caches.h"
#include "alloc/free.h"
#include "alloc/reclaim.h"

/* What has refused a request: the limit of its pool, its heap, whose driver gives no reason, or the count. */
static enum bda_scope scope_of(VkResult result, const char *reason) {
    if (result == VK_ERROR_TOO_MANY_OBJECTS)
        return BDA_SCOPE_ALL;
    bool limit = reason == bda_pool_limit_is_reached || reason == bda_pool_limit_is_below_memory;
    return limit ? BDA_SCOPE_POOL : BDA_SCOPE_HEAP;
}

/* ---- What is given back ---- */

/* Gives empty blocks back; whether there were any. */
static bool close_empty(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_relief *relief) {
    if (relief->scope == BDA_SCOPE_ALL)
        return bda_reclaim_down_to(allocator, 0, relief->spared_call) != 0;
    if (relief->scope == BDA_SCOPE_POOL) {
        struct bda_pool *buffers = bda_pool_of_buffers(pool->user);
        bool any = bda_reclaim_pool(allocator, pool->user->ranges, relief->spared_call);
        return (buffers != NULL && bda_reclaim_pool(allocator, buffers, relief->spared_call)) || any;
    }
    uint32_t heap = bda_device_heap_of(&allocator->device, pool->key.memory_type);
    return bda_reclaim_heap(allocator, heap, relief->spared_call);
}

/* Frees that are due. While another thread asks semaphores for their values nobody else may, and what it takes out may
 * be ranges alone: at last this waits for its turn. (A lost device shows in the calls that follow.) */
static void collect_due(BdaAllocator allocator, const struct bda_request *request) {
    VkDeviceSize bytes;
    if (bda_is_at_last(request))
        (void)bda_pending_collect(allocator, &bytes);
    else
        (void)bda_pending_try_collect(allocator, false);
}

/* Memory or objects ran out: what is kept or held and frees that are due come first, then empty blocks. Whether
 * anything went back to the driver. */
static bool relieve(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_request *request,
                    const struct bda_relief *relief) {
    uint32_t count = atomic_load_explicit(&allocator->device.budget.count, memory_order_relaxed);
    bda_caches_drain(allocator, NULL);
    collect_due(allocator, request);
    bda_let_go(allocator, NULL);
    bool closed = close_empty(allocator, pool, relief);
    return closed || atomic_load_explicit(&allocator->device.budget.count, memory_order_relaxed) < count;
}

bool bda_relieve_once(BdaAllocator allocator, const struct bda_pool *pool, const struct bda_request *request,
                      VkResult result, struct bda_relief *relief) {
    enum bda_scope scope = scope_of(result, request->reason);
    if (relief->scope >= scope)
        return false;
    relief->scope = scope;
    bool any = relieve(allocator, pool, request, relief);
    if (!bda_is_at_last(request))
        return any;
    bda_closings_wait(&allocator->closings);
    return true;
}

/* ---- The last resort ---- */

struct bda_attempt bda_attempt_in(BdaAllocator allocator, const struct bda_pool *pool) {
    return (struct bda_attempt){ .pool = pool->user,
                                 .heap = bda_device_heap_of(&allocator->device, pool->key.memory_type) };
}

bool bda_begin_at_last(BdaAllocator allocator, const struct bda_pool *pool, struct bda_request *request,
                       VkResult result, struct bda_attempt *resort) {
    enum bda_scope scope = scope_of(result, request->reason);
    if (!allocator->locks || !bda_is_exhaustion(result) || bda_never_fits(request->reason) || scope <= resort->scope)
        return false;
    *resort = bda_attempt_in(allocator, pool);
    resort->scope = scope;
    bda_last_resort_begin(&allocator->attempts, resort);
    bda_closings_wait(&allocator->closings);
    request->refused = result;
    return true;
}

void bda_end_at_last(BdaAllocator allocator, struct bda_request *request, struct bda_attempt *resort) {
    request->refused = VK_SUCCESS;
    bda_last_resort_end(&allocator->attempts, resort);
}
