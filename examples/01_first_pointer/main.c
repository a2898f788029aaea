/*
 * 01_first_pointer: the shortest whole program.
 *
 * bda_alloc answers with an address; the address goes into a push constant; a shader reads and writes what it points
 * at. There is no descriptor set, no VkBuffer to make, no memory type to choose and no vkBindBufferMemory.
 */
#include "example.h"
#include "first_pointer.h"

#include <inttypes.h>
#include <stdio.h>

enum { COUNT = 1000 };

struct push {
    VkDeviceAddress values;
    uint32_t count;
};

static bool is_doubled(BdaAllocator allocator, BdaHandle handle) {
    uint32_t values[COUNT];
    EX_CHECK(bda_read(allocator, handle, 0, values, sizeof values));
    for (uint32_t i = 0; i < COUNT; i++)
        if (values[i] != 2 * (i + 1))
            return false;
    return true;
}

int main(void) {
    struct ex ex;
    ex_start(&ex, "01_first_pointer: one device address in a push constant", 0);

    BdaAllocatorInfo allocator_info = { .api_version = VK_API_VERSION_1_2,
                                        .instance = ex.instance,
                                        .physical_device = ex.physical_device,
                                        .device = ex.device,
                                        .get_instance_proc_addr = vkGetInstanceProcAddr,
                                        .device_info = &ex.device_info,
                                        .message = ex_message,
                                        .message_user = &ex,
                                        .checks = EX_CHECKS };
    BdaAllocator allocator;
    EX_CHECK(bda_create_allocator(&allocator_info, &allocator));
    ex_use_checks(&ex, allocator);

    /* Memory that the CPU can read back; the shader reaches any kind. */
    BdaAllocation a;
    EX_CHECK(bda_alloc(
        allocator, &(BdaAllocInfo){ .size = COUNT * sizeof(uint32_t), .intent = BDA_INTENT_READBACK, .name = "values" },
        &a));
    printf("pointer    GPU 0x%016" PRIx64 ", CPU %p, %" PRIu64 " bytes\n", a.address, a.mapped, a.size);

    uint32_t values[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        values[i] = i + 1;
    EX_CHECK(bda_write(allocator, a.handle, 0, values, sizeof values));

    struct ex_pipeline pipeline;
    ex_create_pipeline(&ex, first_pointer_spv, sizeof first_pointer_spv, sizeof(struct push), &pipeline);
    ex_dispatch(&ex, &pipeline, &(struct push){ .values = a.address, .count = COUNT }, (COUNT + 63) / 64);
    ex_destroy_pipeline(&ex, &pipeline);

    bool doubled = is_doubled(allocator, a.handle);
    printf("proved     the shader %s all %d values through the pointer\n", doubled ? "doubled" : "did NOT double",
           COUNT);

    EX_CHECK(bda_free(allocator, a.handle));
    ex_report_checks(&ex, allocator);
    EX_CHECK(bda_destroy_allocator(allocator)); /* VK_INCOMPLETE if something were still live */
    return ex_finish(&ex, doubled);
}
