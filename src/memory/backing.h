/*
 * A backing: the memory that a block stands on. Today that is one VkDeviceMemory; whoever holds a backing asks it for a
 * CPU pointer and for flushes through this header only, so that memory of another kind (sparse pages) can come in here.
 *
 * Host-visible memory is mapped once, when it is made, and stays mapped: a mapping costs more than it saves.
 */
#ifndef BDA_MEMORY_BACKING_H
#define BDA_MEMORY_BACKING_H

#include "memory/device.h"

struct bda_backing {
    VkDeviceMemory memory;
    VkDeviceSize size;
    unsigned char *mapped; /* NULL where the CPU cannot reach it */
    uint32_t type;
    struct bda_limit *limit; /* that it counts against, beside the heap's; or NULL */
};

struct bda_backing_info {
    VkDeviceSize size;
    uint32_t type;
    float priority;                               /* used where VK_EXT_memory_priority is enabled */
    VkBuffer dedicated_to;                        /* VK_NULL_HANDLE, or VkMemoryDedicatedAllocateInfo::buffer */
    VkExternalMemoryHandleTypeFlags handle_types; /* to export it as */
    bool capture_replay;
    bool within_budget;
    struct bda_limit *limit; /* must outlive the backing; NULL: none */
};

/* Takes memory from budget and driver, and maps it where that can be. What fails leaves nothing behind; `reason` says
 * what the budget said, and is left alone for the driver's own refusals. */
VkResult bda_backing_create(struct bda_device *device, const struct bda_backing_info *info, struct bda_backing *backing,
                            const char **reason);

/* Gives it back. The mapping ends with the memory (vkFreeMemory unmaps). */
void bda_backing_destroy(struct bda_device *device, struct bda_backing *backing);

/* Flushes or invalidates [offset, offset + size), widened to whole atoms; nothing to do where memory is coherent. */
enum bda_sync { BDA_SYNC_FLUSH, BDA_SYNC_INVALIDATE };
VkResult bda_backing_sync(struct bda_device *device, const struct bda_backing *backing, enum bda_sync sync,
                          VkDeviceSize offset, VkDeviceSize size);

#endif
