#include <bdaalloc/bdaalloc.h>

/* `dispatch` puts the address into a push constant, submits, and waits. */
VkResult double_on_gpu(BdaAllocator allocator, float *values, VkDeviceSize size, void (*dispatch)(VkDeviceAddress)) {
    BdaAllocInfo info = { .size = size, .intent = BDA_INTENT_READBACK, .name = "values" };
    BdaAllocation a; /* handle, address, mapped, buffer, offset, size */
    VkResult result = bda_alloc(allocator, &info, &a);
    if (result == VK_SUCCESS)
        result = bda_write(allocator, a.handle, 0, values, size);
    if (result == VK_SUCCESS)
        dispatch(a.address);
    if (result == VK_SUCCESS)
        result = bda_read(allocator, a.handle, 0, values, size);
    (void)bda_free(allocator, a.handle); /* after a failure the handle is 0, and freeing it does nothing */
    return result;
}
