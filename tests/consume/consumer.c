/*
 * What a stranger's first program can do without any driver: ask for the version, and be refused with the documented
 * error. Compiled as C11 and as C++14, and once for each order of includes that the public header promises to bear.
 */
/* The order is the point. */
/* clang-format off */
#if defined(CONSUMER_VOLK_FIRST)
#include <volk.h>
#include <bdaalloc/bdaalloc.h>
#elif defined(CONSUMER_NO_PROTOTYPES)
#define VK_NO_PROTOTYPES
#include <bdaalloc/bdaalloc.h>
#include <volk.h>
#elif defined(CONSUMER_LOADER)
#include <bdaalloc/bdaalloc.h>
#include <vulkan/vulkan.h>
#else
#include <bdaalloc/bdaalloc.h>
#endif
/* clang-format on */

#include <stdio.h>

/* Takes the loader's entry point from wherever this order of includes has it, so that a clash would not go unseen. */
static PFN_vkGetInstanceProcAddr entry_point(void) {
#if defined(CONSUMER_VOLK_FIRST) || defined(CONSUMER_NO_PROTOTYPES) || defined(CONSUMER_LOADER)
    return vkGetInstanceProcAddr;
#else
    return NULL;
#endif
}

int main(void) {
    if (bda_get_version() != BDA_VERSION) {
        printf("header %u, library %u\n", (unsigned)BDA_VERSION, (unsigned)bda_get_version());
        return 1;
    }

    static BdaAllocatorInfo nothing_given; /* zeroed, in either language */
    nothing_given.get_instance_proc_addr = entry_point();
    BdaAllocator allocator = NULL;
    VkResult result = bda_create_allocator(&nothing_given, &allocator);
    if (result != VK_ERROR_VALIDATION_FAILED_EXT || allocator != NULL) {
        printf("expected VK_ERROR_VALIDATION_FAILED_EXT, got %d\n", (int)result);
        return 1;
    }
    printf("bdaalloc %u.%u.%u\n", VK_API_VERSION_MAJOR(bda_get_version()), VK_API_VERSION_MINOR(bda_get_version()),
           VK_API_VERSION_PATCH(bda_get_version()));
    return 0;
}
