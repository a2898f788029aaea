/*
 * The public functions: bda_alloc and bda_free (bda_alloc_many and bda_free_many for batches), and bda_alloc_buffer.
 *
 * Without a device the contender stands on the fake driver of the tests. Its blocks are made ahead, and requests may
 * take no new memory, so no call reaches that driver and its price is in no figure; the allocator's block size is the
 * contender's pool, so that occupancy is that of one block, or, for threads, a part of it. On a real device everything
 * is as by default. Requests go the default way, through no pool of the caller's.
 */
#include "bench.h"
#include "contenders.h"
#include "device.h"

#include "fake/fake_vulkan.h"

#include <stdlib.h>

enum { BASE_ALIGNMENT = 1 << 20, MOST_BLOCKS = 64, MOST_BATCH = 1024 };

struct public {
    struct fake_driver *driver; /* NULL: on a device that is not ours */
    BdaAllocator allocator;
    BdaAllocFlags flags; /* of every request */
    /* batches of requests, in the library's form; so those are for one thread at a time, all else is not */
    BdaAllocInfo infos[MOST_BATCH];
    BdaAllocation allocations[MOST_BATCH];
};

static void destroy(void *self) {
    struct public *public = self;
    if (public->allocator != NULL && bda_check(public->allocator) != VK_SUCCESS)
        bench_fail("bda_check found a defect after what was measured");
    (void)bda_destroy_allocator(public->allocator);
    if (fake_destroy(public->driver) != 0)
        bench_fail("the fake driver saw rules broken: the figures would be of something that no driver allows");
    free(public);
}

/* Takes NULL, as free does. */
static void *give_up(struct public *public) {
    if (public != NULL)
        destroy(public);
    return NULL;
}

/* ---- On the fake driver ---- */

/* So large that no default is derived from its end. */
static uint64_t heap_for(uint64_t pool_bytes) {
    uint64_t heap = (uint64_t)1 << 32;
    while (heap < 16 * pool_bytes)
        heap *= 2;
    return heap;
}

/* Two ranges of almost half a block each fill a block; freed, they leave it to what follows. */
static bool open_blocks(BdaAllocator allocator, uint64_t count, uint64_t each) {
    BdaHandle handles[2 * MOST_BLOCKS];
    uint32_t made = 0;
    while (made < 2 * count && made < 2 * MOST_BLOCKS) {
        const BdaAllocInfo info = { .size = each / 2 - 4096, .alignment = 256 };
        BdaAllocation a;
        if (bda_alloc(allocator, &info, &a) != VK_SUCCESS)
            return false;
        handles[made++] = a.handle;
    }
    BdaStats stats;
    return bda_free_many(allocator, made, handles) == VK_SUCCESS && bda_get_stats(allocator, &stats) == VK_SUCCESS &&
           stats.total.block_count == count;
}

static bool create_on_fake(struct public *public, const struct bench_options *options, BdaAllocatorFlags flags) {
    uint64_t count = (options->pool_bytes + BENCH_MOST_BLOCK - 1) / BENCH_MOST_BLOCK;
    if (count < options->blocks)
        count = options->blocks;
    uint64_t each = (options->pool_bytes / count + 0xFFFF) & ~(uint64_t)0xFFFF;
    const struct fake_config config = { .heap_size = heap_for(options->pool_bytes),
                                        .base_alignment = BASE_ALIGNMENT,
                                        .quiet = true };
    public->driver = fake_create(&config);
    if (public->driver == NULL)
        return false;
    BdaAllocatorInfo info = fake_allocator_info(public->driver);
    info.flags = flags;
    info.first_block_size = each;
    info.max_block_size = each;
    info.keep_empty = count * each;
    info.history_depth = options->no_history ? BDA_HISTORY_NONE : 0;
    public->flags = BDA_ALLOC_NO_NEW_MEMORY_BIT;
    return bda_create_allocator(&info, &public->allocator) == VK_SUCCESS && open_blocks(public->allocator, count, each);
}

/* ---- On a device ---- */

static bool create_on(struct public *public, const struct bench_device *device, BdaAllocatorFlags flags) {
    const BdaAllocatorInfo info = { .flags = flags,
                                    .api_version = device->api_version,
                                    .instance = device->instance,
                                    .physical_device = device->physical_device,
                                    .device = device->device,
                                    .get_instance_proc_addr = device->get_instance_proc_addr,
                                    .device_info = device->device_info };
    return bda_create_allocator(&info, &public->allocator) == VK_SUCCESS;
}

static void *create_with(const struct bench_options *options, BdaAllocatorFlags flags) {
    struct public *public = calloc(1, sizeof *public);
    if (public == NULL)
        return NULL;
    public->flags = options->fallback ? BDA_ALLOC_HOST_FALLBACK_BIT : 0;
    bool made =
        options->device != NULL ? create_on(public, options->device, flags) : create_on_fake(public, options, flags);
    return made ? public : give_up(public);
}

static void *create(const struct bench_options *options) {
    return create_with(options, BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT);
}

static void *create_locked(const struct bench_options *options) {
    return create_with(options, 0);
}

BdaAllocator bench_public_allocator(void *self) {
    const struct public *public = self;
    return public->allocator;
}

/* ---- Ranges ---- */

static const char name_of_all[] = "meshes/level 3";

static inline bool alloc_with(const struct public *public, uint64_t size, uint64_t alignment, const char *name,
                              struct bench_range *range) {
    const BdaAllocInfo info = { .size = size, .alignment = alignment, .flags = public->flags, .name = name };
    BdaAllocation a;
    if (bda_alloc(public->allocator, &info, &a) != VK_SUCCESS)
        return false;
    *range = (struct bench_range){ a.handle, a.address };
    return true;
}

static bool alloc(void *self, uint64_t size, uint64_t alignment, struct bench_range *range) {
    return alloc_with(self, size, alignment, NULL, range);
}

static bool alloc_named(void *self, uint64_t size, uint64_t alignment, struct bench_range *range) {
    return alloc_with(self, size, alignment, name_of_all, range);
}

static void free_range(void *self, struct bench_range range) {
    const struct public *public = self;
    if (bda_free(public->allocator, range.handle) != VK_SUCCESS)
        bench_fail("bda_free refused a live allocation");
}

static bool alloc_many_with(struct public *public, uint32_t count, const uint64_t *sizes, uint64_t alignment,
                            const char *name, struct bench_range *ranges) {
    if (count > MOST_BATCH)
        return false;
    for (uint32_t i = 0; i < count; i++)
    public->infos[i] = (BdaAllocInfo){ .size = sizes[i], .alignment = alignment, .flags = public->flags, .name = name };
    if (bda_alloc_many(public->allocator, count, public->infos, public->allocations) != VK_SUCCESS)
        return false;
    for (uint32_t i = 0; i < count; i++)
        ranges[i] = (struct bench_range){ public->allocations[i].handle, public->allocations[i].address };
    return true;
}

static bool alloc_many(void *self, uint32_t count, const uint64_t *sizes, uint64_t alignment,
                       struct bench_range *ranges) {
    return alloc_many_with(self, count, sizes, alignment, NULL, ranges);
}

static bool alloc_many_named(void *self, uint32_t count, const uint64_t *sizes, uint64_t alignment,
                             struct bench_range *ranges) {
    return alloc_many_with(self, count, sizes, alignment, name_of_all, ranges);
}

/* Of any thread, so it has no memory in common with others. */
static void free_many(void *self, uint32_t count, const struct bench_range *ranges) {
    const struct public *public = self;
    BdaHandle handles[MOST_BATCH];
    for (uint32_t i = 0; i < count; i++)
        handles[i] = ranges[i].handle;
    if (bda_free_many(public->allocator, count, handles) != VK_SUCCESS)
        bench_fail("bda_free_many refused live allocations");
}

static uint64_t host_bytes(void *self) {
    const struct public *public = self;
    BdaStats stats;
    return bda_get_stats(public->allocator, &stats) == VK_SUCCESS ? stats.host_bytes : 0;
}

static void trim(void *self) {
    const struct public *public = self;
    if (bda_trim(public->allocator, 0, NULL) != VK_SUCCESS)
        bench_fail("bda_trim failed");
}

/* ---- Own buffers ---- */

static void *create_for_buffers(const struct bench_options *options) {
    return options->device != NULL ? create(options) : NULL;
}

static void *create_locked_for_buffers(const struct bench_options *options) {
    return options->device != NULL ? create_locked(options) : NULL;
}

static bool alloc_buffer(void *self, uint64_t size, uint64_t alignment, struct bench_range *range) {
    const struct public *public = self;
    const VkBufferCreateInfo buffer_info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                             .size = size,
                                             .usage = BENCH_BUFFER_USAGE };
    const BdaAllocInfo info = { .alignment = alignment, .flags = public->flags };
    BdaAllocation a;
    if (bda_alloc_buffer(public->allocator, &buffer_info, &info, &a) != VK_SUCCESS)
        return false;
    *range = (struct bench_range){ a.handle, a.address };
    return true;
}

/* ---- The contenders ---- */

const struct contender bench_public = {
    .name = "public",
    .what = "bda_alloc and bda_free, externally synchronised",
    .has_pool = true,
    .create = create,
    .destroy = destroy,
    .alloc = alloc,
    .free = free_range,
    .alloc_many = alloc_many,
    .free_many = free_many,
    .host_bytes = host_bytes,
};

const struct contender bench_public_locked = {
    .name = "public-locked",
    .what = "bda_alloc and bda_free, safe for threads",
    .has_pool = true,
    .threads = BENCH_ANY_THREADS,
    .create = create_locked,
    .destroy = destroy,
    .alloc = alloc,
    .free = free_range,
    .alloc_many = alloc_many,
    .free_many = free_many,
    .host_bytes = host_bytes,
    .trim = trim,
};

const struct contender bench_public_named = {
    .name = "public-named",
    .what = "bda_alloc with a name, and bda_free, safe for threads",
    .has_pool = true,
    .threads = BENCH_ONLY_THREADS,
    .create = create_locked,
    .destroy = destroy,
    .alloc = alloc_named,
    .free = free_range,
    .alloc_many = alloc_many_named,
    .free_many = free_many,
    .host_bytes = host_bytes,
    .trim = trim,
};

const struct contender bench_public_buffer = {
    .name = "public-buffer",
    .what = "bda_alloc_buffer and bda_free, externally synchronised",
    .has_pool = true,
    .makes_buffers = true,
    .create = create_for_buffers,
    .destroy = destroy,
    .alloc = alloc_buffer,
    .free = free_range,
    .host_bytes = host_bytes,
};

const struct contender bench_public_buffer_locked = {
    .name = "public-buffer-locked",
    .what = "bda_alloc_buffer and bda_free, safe for threads",
    .has_pool = true,
    .makes_buffers = true,
    .threads = BENCH_ONLY_THREADS,
    .create = create_locked_for_buffers,
    .destroy = destroy,
    .alloc = alloc_buffer,
    .free = free_range,
    .host_bytes = host_bytes,
    .trim = trim,
};
