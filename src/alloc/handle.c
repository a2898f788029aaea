/* What is wrong with a handle, see handle.h. */
#include "alloc/handle.h"

const char *bda_handle_fault(BdaAllocator allocator, BdaHandle handle) {
    if (handle == 0)
        return "the handle is 0";
    if ((handle ^ allocator->tag) >> 56 != 0)
        return "the handle belongs to another allocator";
    if (!bda_store_has(&allocator->nodes.store, bda_handle_index(handle)))
        return "the handle was never given out";
    return "the handle is stale: its allocation was freed";
}
