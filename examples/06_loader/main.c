/*
 * 06_loader: the first pointer again, without volk.
 *
 * The library links to no Vulkan at all: it takes vkGetInstanceProcAddr in its create info. Here that is the function
 * which libvulkan exports, because this program is linked to the loader (Vulkan::Vulkan) and includes <vulkan/vulkan.h>
 * with its prototypes; in the other examples it is a function pointer that volk fetched. The shared helper is compiled
 * once for each, with EXAMPLE_WITH_LOADER here.
 */
#include "example.h"
#include "first_pointer.h"

#include <inttypes.h>
#include <stdio.h>

#ifdef VK_NO_PROTOTYPES
#error "this example shows the loader's own prototypes"
#endif

enum { COUNT = 1000 };

struct push {
    VkDeviceAddress values;
    uint32_t count;
};

int main(void) {
    struct ex ex;
    ex_start(&ex, "06_loader: the first pointer with the plain Vulkan loader", 0);

    BdaAllocatorInfo allocator_info = { .api_version = VK_API_VERSION_1_2,
                                        .instance = ex.instance,
                                        .physical_device = ex.physical_device,
                                        .device = ex.device,
                                        .get_instance_proc_addr = vkGetInstanceProcAddr, /* libvulkan's export */
                                        .device_info = &ex.device_info,
                                        .message = ex_message,
                                        .message_user = &ex };
    BdaAllocator allocator;
    EX_CHECK(bda_create_allocator(&allocator_info, &allocator));

    BdaAllocation a;
    EX_CHECK(bda_alloc(
        allocator, &(BdaAllocInfo){ .size = COUNT * sizeof(uint32_t), .intent = BDA_INTENT_READBACK, .name = "values" },
        &a));
    printf("pointer    GPU 0x%016" PRIx64 ", CPU %p, %" PRIu64 " bytes\n", a.address, a.mapped, a.size);

    /* This time through the CPU's pointer itself: then flush after writing, invalidate before reading. */
    uint32_t *values = a.mapped;
    for (uint32_t i = 0; i < COUNT; i++)
        values[i] = i + 1;
    EX_CHECK(bda_flush(allocator, a.handle, 0, VK_WHOLE_SIZE));

    struct ex_pipeline pipeline;
    ex_create_pipeline(&ex, first_pointer_spv, sizeof first_pointer_spv, sizeof(struct push), &pipeline);
    ex_dispatch(&ex, &pipeline, &(struct push){ .values = a.address, .count = COUNT }, (COUNT + 63) / 64);
    ex_destroy_pipeline(&ex, &pipeline);

    EX_CHECK(bda_invalidate(allocator, a.handle, 0, VK_WHOLE_SIZE));
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < COUNT; i++)
        wrong += values[i] != 2 * (i + 1);
    printf("proved     %u of %d values are doubled, and no volk is linked\n", COUNT - wrong, COUNT);

    EX_CHECK(bda_free(allocator, a.handle));
    EX_CHECK(bda_destroy_allocator(allocator));
    return ex_finish(&ex, wrong == 0);
}
