/*
 * The driver's own share of a buffer: vkCreateBuffer, its requirements, vkBindBufferMemory at a place that is known
 * beforehand, the address, vkDestroyBuffer. No allocator is at work: the memory is one VkDeviceMemory, cut into places
 * of the largest size.
 */
#include "contenders.h"
#include "device.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE = 1 << 16 };

struct functions {
    PFN_vkCreateBuffer create_buffer;
    PFN_vkDestroyBuffer destroy_buffer;
    PFN_vkGetBufferMemoryRequirements get_requirements;
    PFN_vkAllocateMemory allocate_memory;
    PFN_vkFreeMemory free_memory;
    PFN_vkBindBufferMemory bind;
    PFN_vkGetBufferDeviceAddress get_address;
};

struct share {
    struct functions vk;
    VkDevice device;
    VkDeviceMemory memory;
    uint64_t serial;
    VkBuffer *buffers;       /* of each place */
    uint32_t *behind;        /* of each place without one: the next in its list, plus one */
    _Atomic uint32_t unused; /* the first place that never had a buffer */
    uint32_t place_count;
};

/* Places that the thread has freed: a list of its own, so that no thread waits for another but in the driver. */
static _Thread_local struct {
    uint64_t serial; /* of the share it belongs to */
    uint32_t first;  /* plus one */
} mine;

/* ---- Beginning and end ---- */

static bool load(struct functions *vk, const struct bench_device *device) {
    static const char *const names[] = { "vkCreateBuffer",          "vkDestroyBuffer", "vkGetBufferMemoryRequirements",
                                         "vkAllocateMemory",        "vkFreeMemory",    "vkBindBufferMemory",
                                         "vkGetBufferDeviceAddress" };
    PFN_vkVoidFunction found[sizeof names / sizeof *names];
    _Static_assert(sizeof found == sizeof *vk, "one name for each function");
    PFN_vkGetDeviceProcAddr get =
        (PFN_vkGetDeviceProcAddr)device->get_instance_proc_addr(device->instance, "vkGetDeviceProcAddr");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        found[i] = get != NULL ? get(device->device, names[i]) : NULL;
        if (found[i] == NULL)
            return false;
    }
    memcpy(vk, found, sizeof *vk);
    return true;
}

static VkResult create_buffer(const struct share *share, uint64_t size, VkBuffer *buffer) {
    const VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                      .size = size,
                                      .usage = BENCH_BUFFER_USAGE };
    return share->vk.create_buffer(share->device, &info, NULL, buffer);
}

/* The lowest memory type that takes such buffers: which one does not matter, nobody writes to it. */
static uint32_t memory_type_for(const struct share *share) {
    VkBuffer buffer;
    VkMemoryRequirements requirements = { .memoryTypeBits = 1 };
    uint32_t type = 0;
    if (create_buffer(share, PLACE, &buffer) != VK_SUCCESS)
        return 0;
    share->vk.get_requirements(share->device, buffer, &requirements);
    share->vk.destroy_buffer(share->device, buffer, NULL);
    while (type < 31 && (requirements.memoryTypeBits >> type & 1u) == 0)
        type++;
    return type;
}

static bool allocate_memory(struct share *share) {
    const VkMemoryAllocateFlagsInfo flags = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
                                              .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT };
    const VkMemoryAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                        .pNext = &flags,
                                        .allocationSize = (VkDeviceSize)share->place_count * PLACE,
                                        .memoryTypeIndex = memory_type_for(share) };
    return share->vk.allocate_memory(share->device, &info, NULL, &share->memory) == VK_SUCCESS;
}

static void destroy(void *self) {
    struct share *share = self;
    for (uint32_t i = 0; i < share->place_count; i++)
        if (share->buffers != NULL && share->buffers[i] != VK_NULL_HANDLE)
            share->vk.destroy_buffer(share->device, share->buffers[i], NULL);
    if (share->memory != VK_NULL_HANDLE)
        share->vk.free_memory(share->device, share->memory, NULL);
    free(share->buffers);
    free(share->behind);
    free(share);
}

/* As many places as the pool holds of the mean size, twice over: more than are ever live. */
static uint32_t places_for(uint64_t pool_bytes) {
    return (uint32_t)(pool_bytes / (PLACE / 8) + 2);
}

static void *create(const struct bench_options *options) {
    struct share *share = options->device != NULL ? calloc(1, sizeof *share) : NULL;
    if (share == NULL)
        return NULL;
    share->device = options->device->device;
    share->place_count = places_for(options->pool_bytes);
    share->buffers = calloc(share->place_count, sizeof *share->buffers);
    share->behind = calloc(share->place_count, sizeof *share->behind);
    if (share->buffers == NULL || share->behind == NULL || !load(&share->vk, options->device) ||
        !allocate_memory(share)) {
        destroy(share);
        return NULL;
    }
    static uint64_t last;
    share->serial = ++last;
    return share;
}

/* ---- The calls ---- */

/* A place without a buffer, or place_count. */
static uint32_t take_place(struct share *share) {
    if (mine.serial == share->serial && mine.first != 0) {
        uint32_t place = mine.first - 1;
        mine.first = share->behind[place];
        return place;
    }
    if (atomic_load_explicit(&share->unused, memory_order_relaxed) >= share->place_count)
        return share->place_count;
    uint32_t place = atomic_fetch_add_explicit(&share->unused, 1, memory_order_relaxed);
    return place < share->place_count ? place : share->place_count;
}

static void give_place(struct share *share, uint32_t place) {
    share->behind[place] = mine.serial == share->serial ? mine.first : 0;
    mine.serial = share->serial;
    mine.first = place + 1;
}

static bool alloc(void *self, uint64_t size, uint64_t alignment, struct bench_range *range) {
    struct share *share = self;
    VkBuffer buffer;
    VkMemoryRequirements requirements;
    (void)alignment; /* places are aligned to more */
    uint32_t place = size <= PLACE ? take_place(share) : share->place_count;
    if (place == share->place_count)
        return false;
    if (create_buffer(share, size, &buffer) != VK_SUCCESS) {
        give_place(share, place);
        return false;
    }
    share->vk.get_requirements(share->device, buffer, &requirements);
    if (share->vk.bind(share->device, buffer, share->memory, (VkDeviceSize)place * PLACE) != VK_SUCCESS) {
        share->vk.destroy_buffer(share->device, buffer, NULL);
        give_place(share, place);
        return false;
    }
    share->buffers[place] = buffer;
    const VkBufferDeviceAddressInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, .buffer = buffer };
    *range = (struct bench_range){ place + 1, share->vk.get_address(share->device, &info) };
    return true;
}

static void free_range(void *self, struct bench_range range) {
    struct share *share = self;
    uint32_t place = (uint32_t)range.handle - 1;
    share->vk.destroy_buffer(share->device, share->buffers[place], NULL);
    share->buffers[place] = VK_NULL_HANDLE;
    give_place(share, place);
}

const struct contender bench_driver_share = {
    .name = "driver-share",
    .what = "the driver's own part of a buffer, with no allocator",
    .makes_buffers = true,
    .threads = BENCH_ANY_THREADS,
    .create = create,
    .destroy = destroy,
    .alloc = alloc,
    .free = free_range,
};
