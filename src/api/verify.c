/* Looking at the bytes that are nobody's. */
#include "debug/verify.h"

#include "api/check.h"
#include "debug/watch.h"

VkResult bda_verify(BdaAllocator allocator, uint64_t *broken) {
    if (broken != NULL)
        *broken = 0;
    if (allocator == NULL)
        return VK_ERROR_VALIDATION_FAILED_EXT;
    if (allocator->watch == NULL)
        return VK_SUCCESS;
    bda_verify_all(allocator);
    if (broken != NULL)
        *broken = atomic_load_explicit(&allocator->watch->broken.count, memory_order_relaxed);
    return VK_SUCCESS;
}
