/* What the driver says of its own ranges (VK_EXT_device_address_binding_report): the last ones, for fault reports. */
#ifndef BDA_DEBUG_BINDINGS_H
#define BDA_DEBUG_BINDINGS_H

#include "alloc/allocator.h"

enum { BDA_BINDINGS = 256, BDA_BINDING_NAME = 32 };

struct bda_binding {
    VkDeviceAddress address;
    VkDeviceSize size;
    uint64_t object;
    VkObjectType type;
    bool bound;    /* false: unbound */
    bool internal; /* the driver's own */
    uint64_t frame;
    char name[BDA_BINDING_NAME];
};

void bda_bindings_init(BdaAllocator allocator);
void bda_bindings_finish(BdaAllocator allocator);

/* Remembers one in place of the oldest; where host memory is refused, none. Takes a lock of its own alone. */
void bda_bindings_add(BdaAllocator allocator, const struct bda_binding *binding);

/* Copies those that touch [first, last], in either form of addresses, the newest first; returns how many. */
uint32_t bda_bindings_find(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                           struct bda_binding *found);

#endif
