/* Sweeps over failures, see sweep_support.h: first the frame, then the cases. */
#include "sweep_support.h"

#include "long_name.h"
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

/* ---- Worlds ------------------------------------------------------------------------------------------------------ */

static unsigned locks_held(void) {
    return bda_locks_held;
}

void sweep_require_at(const struct sweep_world *world, bool holds, const char *promise, const char *file, int line) {
    if (holds)
        return;
    print_error("%s, %s %u, VkResult %d: broken: %s\n", world->sweep->name, world->kind, world->nth,
                (int)world->injected, promise);
    if (fake_violation_count(world->driver) != 0)
        print_error("first violation: %s\n", fake_violation(world->driver, 0));
    _fail(file, line);
}

/* Beginnings of names here: of one resident and of nearly all that is asked for. */
static const char *const prefixes[SWEEP_PREFIXES] = { "resi", "a", "due", "vertices" };

/* Small blocks and little dirt: a world is made some thousand times. */
void sweep_open(struct sweep_world *world, const struct sweep *sweep) {
    struct fake_config config = sweep->config;
    *world = (struct sweep_world){ .sweep = sweep, .kind = "no failure" };
    config.locks_held = locks_held;
    config.dirty_bytes = 256;
    config.heap_size = config.heap_size != 0 ? config.heap_size : SWEEP_KIB(16 << 10);
    world->driver = fake_create(&config);
    assert_non_null(world->driver);
    fake_host_init(&world->host);
    world->callbacks = fake_host_callbacks(&world->host);
    world->timeline = fake_make_semaphore(world->driver, 0);
    world->info = fake_allocator_info(world->driver);
    world->info.callbacks = &world->callbacks;
    world->info.flags = sweep->flags;
    world->info.checks = sweep->checks;
    world->info.first_block_size = SWEEP_KIB(64);
    world->info.max_block_size = SWEEP_KIB(256);
    world->info.prefix_count = SWEEP_PREFIXES;
    world->info.prefixes = prefixes;
}

void sweep_close(struct sweep_world *world) {
    VkResult result = bda_destroy_allocator(world->allocator);
    sweep_require(world, result == VK_SUCCESS);
    sweep_require(world, fake_violation_count(world->driver) == 0);
    sweep_require(world, fake_memory_count(world->driver) == 0 && fake_buffer_count(world->driver) == 0);
    sweep_require(world, world->host.live_count == 0 && world->host.problems == 0);
    assert_int_equal(fake_host_done(&world->host), 0);
    assert_int_equal(fake_destroy(world->driver), 0);
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

enum { CHUNK = 512 };

static unsigned char pattern_at(unsigned char seed, size_t i) {
    return (unsigned char)(seed + i * 7 + (i >> 8));
}

static bool is_all(const void *bytes, unsigned char value, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)bytes)[i] != value)
            return false;
    return true;
}

/* As the device sees them. */
static bool device_holds(struct sweep_world *world, const BdaAllocation *a, unsigned char seed) {
    unsigned char bytes[CHUNK];
    for (size_t done = 0; done < a->size; done += CHUNK) {
        size_t size = a->size - done < CHUNK ? (size_t)a->size - done : CHUNK;
        if (!fake_device_read(world->driver, a->address + done, bytes, size))
            return false;
        for (size_t i = 0; i < size; i++)
            if (bytes[i] != pattern_at(seed, done + i))
                return false;
    }
    return true;
}

static void device_fill(struct sweep_world *world, const BdaAllocation *a, unsigned char seed) {
    unsigned char bytes[CHUNK];
    for (size_t done = 0; done < a->size; done += CHUNK) {
        size_t size = a->size - done < CHUNK ? (size_t)a->size - done : CHUNK;
        for (size_t i = 0; i < size; i++)
            bytes[i] = pattern_at(seed, done + i);
        sweep_require(world, fake_device_write(world->driver, a->address + done, bytes, size));
    }
}

static bool device_is_zero(struct sweep_world *world, const BdaAllocation *a) {
    unsigned char bytes[CHUNK];
    for (size_t done = 0; done < a->size; done += CHUNK) {
        size_t size = a->size - done < CHUNK ? (size_t)a->size - done : CHUNK;
        if (!fake_device_read(world->driver, a->address + done, bytes, size) || !is_all(bytes, 0, size))
            return false;
    }
    return true;
}

/* ---- Whole allocations ------------------------------------------------------------------------------------------- */

static bool same_allocation(const BdaAllocation *a, const BdaAllocation *b) {
    return a->handle == b->handle && a->address == b->address && a->mapped == b->mapped && a->buffer == b->buffer &&
           a->offset == b->offset && a->size == b->size;
}

static bool same_text(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool serves(BdaIntent intent, BdaAllocFlags flags, VkMemoryPropertyFlags properties) {
    bool local = (properties & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) != 0 || (flags & BDA_ALLOC_HOST_FALLBACK_BIT) != 0;
    bool visible = (properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
    switch (intent) {
    case BDA_INTENT_DEVICE:
        return local;
    case BDA_INTENT_SHARED:
        return local && visible;
    default:
        return visible;
    }
}

static bool overlap(const BdaAllocation *a, const BdaAllocation *b) {
    return a->address < b->address + b->size && b->address < a->address + a->size;
}

/* Ranges are own buffers then. */
static bool is_isolated(const struct sweep_world *world) {
    return (world->sweep->checks & BDA_CHECK_ISOLATE_BIT) != 0;
}

static void check_information(struct sweep_world *world, const BdaAllocInfo *asked, const BdaAllocation *a, bool own) {
    BdaAllocationInfo info;
    BdaIntent intent = asked->pool != NULL ? world->sweep->pool.intent : asked->intent;
    sweep_require(world, bda_get_info(world->allocator, a->handle, &info) == VK_SUCCESS);
    sweep_require(world, same_allocation(&info.allocation, a));
    sweep_require(world, info.pool == asked->pool && info.user == asked->user && same_text(info.name, asked->name));
    sweep_require(world, serves(intent, asked->flags | world->sweep->pool.flags, info.properties));
    sweep_require(world, (info.own_buffer != VK_FALSE) == (own || is_isolated(world)));
    sweep_require(world, info.dedicated || (asked->flags & BDA_ALLOC_DEDICATED_BIT) == 0);
    sweep_require(world, (info.properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) == 0 || a->mapped != NULL);
}

static void check_place(struct sweep_world *world, const BdaAllocation *a, bool own) {
    VkDeviceMemory memory;
    VkDeviceSize offset;
    struct fake_memory_info memory_info;
    sweep_require(world, fake_binding(world->driver, a->buffer, &memory, &offset));
    sweep_require(world, fake_memory_info(world->driver, memory, &memory_info));
    sweep_require(world, memory_info.base + offset + a->offset == a->address);
    sweep_require(world, !own || a->offset == 0);
    for (uint32_t i = 0; i < world->resident_count; i++)
        sweep_require(world, !overlap(a, &world->residents[i].info.allocation));
}

static void check_bytes(struct sweep_world *world, const BdaAllocInfo *asked, const BdaAllocation *a) {
    unsigned char copy[CHUNK];
    sweep_require(world, (asked->flags & BDA_ALLOC_ZERO_BIT) == 0 || device_is_zero(world, a));
    device_fill(world, a, 0x31);
    sweep_require(world, device_holds(world, a, 0x31));
    if (a->mapped == NULL)
        return;
    size_t size = a->size < CHUNK ? (size_t)a->size : CHUNK;
    sweep_require(world, bda_read(world->allocator, a->handle, 0, copy, size) == VK_SUCCESS);
    for (size_t i = 0; i < size; i++)
        sweep_require(world, copy[i] == pattern_at(0x31, i));
    sweep_require(world, bda_write(world->allocator, a->handle, 0, copy, size) == VK_SUCCESS);
    sweep_require(world, device_holds(world, a, 0x31));
}

static void check_allocation(struct sweep_world *world, const BdaAllocInfo *asked, VkDeviceSize size, bool own,
                             const BdaAllocation *a) {
    VkDeviceSize alignment = asked->alignment > 16 ? asked->alignment : 16;
    sweep_require(world, a->handle != 0 && a->size == size && a->address % alignment == 0);
    check_information(world, asked, a, own);
    check_place(world, a, own);
    check_bytes(world, asked, a);
}

/* ---- Residents --------------------------------------------------------------------------------------------------- */

/* An allocation of either kind, filled with a pattern of its own. */
static void settle(struct sweep_world *world, const BdaAllocInfo *info, const VkBufferCreateInfo *buffer_info) {
    struct sweep_resident *resident = &world->residents[world->resident_count];
    BdaAllocation a;
    VkResult result = buffer_info != NULL ? bda_alloc_buffer(world->allocator, buffer_info, info, &a)
                                          : bda_alloc(world->allocator, info, &a);
    sweep_require(world, result == VK_SUCCESS);
    sweep_require(world, bda_get_info(world->allocator, a.handle, &resident->info) == VK_SUCCESS);
    if (resident->info.name != NULL)
        (void)snprintf(resident->name, sizeof resident->name, "%s", resident->info.name);
    resident->seed = (unsigned char)(17 * ++world->resident_count);
    device_fill(world, &a, resident->seed);
}

static void check_resident(struct sweep_world *world, const struct sweep_resident *resident) {
    BdaAllocationInfo now;
    const BdaAllocationInfo *then = &resident->info;
    sweep_require(world, bda_get_info(world->allocator, then->allocation.handle, &now) == VK_SUCCESS);
    sweep_require(world, same_allocation(&now.allocation, &then->allocation));
    sweep_require(world, now.pool == then->pool && now.memory_type == then->memory_type && now.user == then->user);
    sweep_require(world, now.dedicated == then->dedicated && now.own_buffer == then->own_buffer);
    sweep_require(world, same_text(now.name, then->name != NULL ? resident->name : NULL));
    sweep_require(world, device_holds(world, &then->allocation, resident->seed));
}

static void check_residents(struct sweep_world *world) {
    for (uint32_t i = 0; i < world->resident_count; i++)
        check_resident(world, &world->residents[i]);
}

/* ---- Snapshots --------------------------------------------------------------------------------------------------- */

struct sweep_snapshot sweep_snap(struct sweep_world *world) {
    struct sweep_snapshot snapshot;
    memset(&snapshot, 0, sizeof snapshot);
    if (world->allocator != NULL)
        sweep_require(world, bda_get_stats(world->allocator, &snapshot.stats) == VK_SUCCESS);
    if (world->pool != NULL)
        sweep_require(world, bda_get_pool_stats(world->allocator, world->pool, &snapshot.pool_use) == VK_SUCCESS);
    uint32_t count = SWEEP_PREFIXES;
    if (world->allocator != NULL)
        sweep_require(world, bda_get_counted_prefixes(world->allocator, &count, snapshot.prefixes) == VK_SUCCESS);
    snapshot.memories = fake_memory_count(world->driver);
    snapshot.buffers = fake_buffer_count(world->driver);
    return snapshot;
}

/* Without what empty blocks add to it. */
static bool same_allocations(const BdaUse *a, const BdaUse *b) {
    return a->dedicated_count == b->dedicated_count && a->allocation_count == b->allocation_count &&
           a->used == b->used && a->wasted == b->wasted && a->pending_count == b->pending_count &&
           a->pending == b->pending;
}

static bool same_blocks(const BdaUse *a, const BdaUse *b) {
    return a->block_count == b->block_count && a->empty_count == b->empty_count && a->reserved == b->reserved &&
           a->free == b->free && a->largest_free == b->largest_free;
}

static void require_same_prefixes(struct sweep_world *world, const struct sweep_snapshot *before,
                                  const struct sweep_snapshot *after) {
    for (uint32_t i = 0; i < SWEEP_PREFIXES; i++) {
        const BdaCountedPrefix *a = &before->prefixes[i], *b = &after->prefixes[i];
        sweep_require(world, a->allocation_count == b->allocation_count && a->used == b->used);
        sweep_require(world, world->sweep->takes_back || a->peak_used.bytes == b->peak_used.bytes);
    }
}

static void require_same_heaps(struct sweep_world *world, const BdaStats *before, const BdaStats *after) {
    for (uint32_t i = 0; i < before->heap_count; i++) {
        const BdaHeapStats *a = &before->heaps[i], *b = &after->heaps[i];
        sweep_require(world, a->limit == b->limit && a->budget == b->budget && a->external == b->external);
        sweep_require(world, same_allocations(&a->use, &b->use));
        if (world->sweep->gives_empties_back)
            continue;
        sweep_require(world, a->usage == b->usage);
        sweep_require(world, same_blocks(&a->use, &b->use));
    }
}

/* Host memory is not compared: what a store or a pool has grown to serves the next call (see require_no_growth). */
static void require_same(struct sweep_world *world, const struct sweep_snapshot *before,
                         const struct sweep_snapshot *after) {
    const BdaUse *a = &before->stats.total, *b = &after->stats.total;
    sweep_require(world, before->stats.pool_count == after->stats.pool_count);
    sweep_require(world, same_allocations(a, b) && same_allocations(&before->pool_use, &after->pool_use));
    if (!world->sweep->gives_empties_back) {
        sweep_require(world, same_blocks(a, b) && same_blocks(&before->pool_use, &after->pool_use));
        sweep_require(world, before->memories == after->memories && before->buffers == after->buffers);
    }
    unsigned chunks = after->stats.check_memory != 0 ? 1 : 0; /* no sweep wants a second one */
    sweep_require(world, after->stats.total.block_count + chunks == after->memories);
    require_same_heaps(world, &before->stats, &after->stats);
    require_same_prefixes(world, before, after);
}

/* ---- Judging one try --------------------------------------------------------------------------------------------- */

static void check_refusal(struct sweep_world *world, const struct sweep_snapshot *before, VkResult result) {
    if (world->sweep->refused != NULL) {
        world->sweep->refused(world, result);
        return;
    }
    struct sweep_snapshot after = sweep_snap(world);
    sweep_require(world, result == world->injected);
    require_same(world, before, &after);
}

/* Failures are lifted already. */
void sweep_judge(struct sweep_world *world, const struct sweep_snapshot *before, VkResult result, bool failed) {
    const struct sweep *sweep = world->sweep;
    sweep_require(world, fake_violation_count(world->driver) == 0);
    if (result != VK_SUCCESS) {
        sweep_require(world, failed);
        check_refusal(world, before, result);
        check_residents(world);
        sweep_require(world, world->allocator == NULL || bda_check(world->allocator) == VK_SUCCESS);
        result = sweep->call(world);
        sweep_require(world, result == VK_SUCCESS);
    }
    if (sweep->verify != NULL)
        sweep->verify(world);
    check_residents(world);
    sweep_require(world, bda_check(world->allocator) == VK_SUCCESS);
    sweep_require(world, fake_violation_count(world->driver) == 0);
}

static void undo(struct sweep_world *world) {
    if (world->sweep->undo != NULL) {
        world->sweep->undo(world);
        return;
    }
    for (uint32_t i = 0; i < world->out_count; i++)
        sweep_require(world, bda_free(world->allocator, world->out[i].handle) == VK_SUCCESS);
}

/* What was allocated goes, while no host memory is to be had; with the device lost, too. */
void sweep_finish(struct sweep_world *world, bool lose_device) {
    fake_host_fail(&world->host, 1, true);
    if (lose_device)
        fake_lose_device(world->driver);
    undo(world);
    for (uint32_t i = 0; i < world->resident_count; i++)
        sweep_require(world, bda_free(world->allocator, world->residents[i].info.allocation.handle) == VK_SUCCESS);
    sweep_require(world, bda_destroy_pool(world->allocator, world->pool) == VK_SUCCESS);
    world->pool = NULL;
    sweep_require(world, world->host.failed == 0);
    fake_host_fail(&world->host, 0, false);
    struct sweep_snapshot end = sweep_snap(world);
    sweep_require(world, end.stats.total.allocation_count == 0 && end.stats.total.used == 0);
    for (uint32_t i = 0; i < SWEEP_PREFIXES; i++)
        sweep_require(world, end.prefixes[i].allocation_count == 0 && end.prefixes[i].used == 0);
    sweep_require(world, bda_check(world->allocator) == VK_SUCCESS);
    sweep_close(world);
}

/* ---- Situations -------------------------------------------------------------------------------------------------- */

static VkBufferCreateInfo buffer_of(VkDeviceSize size) {
    return (VkBufferCreateInfo){ .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                 .size = size,
                                 .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT };
}

/* One of each kind: ranges with and without a name, an own buffer, dedicated memory. Every block keeps some room. */
static void prepare_residents(struct sweep_world *world) {
    const VkBufferCreateInfo buffer = buffer_of(3000);
    settle(world, &(BdaAllocInfo){ .size = SWEEP_KIB(33), .name = "resident", .user = 7 }, NULL);
    settle(world, &(BdaAllocInfo){ .size = 100, .intent = BDA_INTENT_UPLOAD }, NULL);
    settle(world, &(BdaAllocInfo){ .intent = BDA_INTENT_UPLOAD, .name = "vertices" }, &buffer);
    settle(world, &(BdaAllocInfo){ .size = SWEEP_KIB(20), .flags = BDA_ALLOC_DEDICATED_BIT }, NULL);
}

static void prepare_pool(struct sweep_world *world) {
    BdaPoolInfo info = world->sweep->pool;
    prepare_residents(world);
    sweep_require(world, bda_create_pool(world->allocator, &info, &world->pool) == VK_SUCCESS);
    settle(world, &(BdaAllocInfo){ .size = SWEEP_KIB(33), .pool = world->pool }, NULL);
}

/* Leaves an empty block behind. */
static void come_and_go(struct sweep_world *world, const BdaAllocInfo *info) {
    BdaAllocation a;
    sweep_require(world, bda_alloc(world->allocator, info, &a) == VK_SUCCESS);
    sweep_require(world, bda_free(world->allocator, a.handle) == VK_SUCCESS);
}

/* 16 KiB are left of the heap, and an empty block of another pool: it must go before the request can be served. */
static void prepare_full_heap(struct sweep_world *world) {
    settle(world, &(BdaAllocInfo){ .size = SWEEP_KIB(40) }, NULL);
    come_and_go(world, &(BdaAllocInfo){ .size = 1000, .priority = 0.9f });
    settle(world, &(BdaAllocInfo){ .size = SWEEP_KIB(880), .flags = BDA_ALLOC_DEDICATED_BIT }, NULL);
    sweep_require(world, fake_heap_used(world->driver, 0) == SWEEP_KIB(1008));
    sweep_require(world, sweep_snap(world).stats.total.empty_count == 1);
}

/* Frees wait, some of them in vain; their residents are gone from the list. */
static void prepare_pending(struct sweep_world *world) {
    prepare_residents(world);
    come_and_go(world, &(BdaAllocInfo){ .size = SWEEP_KIB(60), .intent = BDA_INTENT_READBACK });
    const VkBufferCreateInfo buffer = buffer_of(1000);
    settle(world, &(BdaAllocInfo){ .size = 5000, .name = "due" }, NULL);
    settle(world, &(BdaAllocInfo){ .name = "due buffer" }, &buffer);
    settle(world, &(BdaAllocInfo){ .size = 70000, .flags = BDA_ALLOC_DEDICATED_BIT, .name = "due memory" }, NULL);
    settle(world, &(BdaAllocInfo){ .size = 5000, .name = "not due" }, NULL);
    for (uint64_t value = 4; value != 0; value--) {
        BdaHandle handle = world->residents[--world->resident_count].info.allocation.handle;
        sweep_require(world, bda_free_after(world->allocator, handle, world->timeline, value) == VK_SUCCESS);
    }
    fake_signal(world->driver, world->timeline, 3);
}

/* The heap is full of memory whose free is due; nobody has collected it. */
static void prepare_due_heap(struct sweep_world *world) {
    settle(world, &(BdaAllocInfo){ .size = 100 }, NULL);
    settle(world, &(BdaAllocInfo){ .size = SWEEP_KIB(800), .flags = BDA_ALLOC_DEDICATED_BIT }, NULL);
    BdaHandle handle = world->residents[--world->resident_count].info.allocation.handle;
    sweep_require(world, bda_free_after(world->allocator, handle, world->timeline, 1) == VK_SUCCESS);
    fake_signal(world->driver, world->timeline, 1);
}

/* ---- Calls: rubbish goes into the outputs first, and a refusal must zero them ------------------------------------ */

static BdaAllocInfo request_of(const struct sweep_world *world) {
    BdaAllocInfo info = world->sweep->request;
    info.pool = world->sweep->in_pool ? world->pool : NULL;
    return info;
}

static void require_outputs(struct sweep_world *world, VkResult result, uint32_t count) {
    world->out_count = result == VK_SUCCESS ? count : 0;
    if (result != VK_SUCCESS)
        sweep_require(world, is_all(world->out, 0, count * sizeof world->out[0]));
}

static VkResult call_alloc(struct sweep_world *world) {
    const struct sweep *sweep = world->sweep;
    const BdaAllocInfo info = request_of(world);
    memset(world->out, 0xA5, sizeof world->out);
    VkResult result = sweep->buffer.sType != 0
                          ? bda_alloc_buffer(world->allocator, &sweep->buffer, &info, &world->out[0])
                          : bda_alloc(world->allocator, &info, &world->out[0]);
    require_outputs(world, result, 1);
    return result;
}

static void verify_alloc(struct sweep_world *world) {
    const struct sweep *sweep = world->sweep;
    const BdaAllocInfo info = request_of(world);
    bool own = sweep->buffer.sType != 0;
    check_allocation(world, &info, own ? sweep->buffer.size : info.size, own, &world->out[0]);
}

enum { MANY = 6 };

/* All ways at once: room, room, a new block, dedicated, upload with a name, zeroed readback. */
static void fill_many(BdaAllocInfo infos[MANY]) {
    const BdaAllocInfo all[MANY] = {
        { .size = 64 },
        { .size = 300, .alignment = 256, .user = 3 },
        { .size = SWEEP_KIB(50) },
        { .size = SWEEP_KIB(200) },
        { .size = 77, .intent = BDA_INTENT_UPLOAD, .name = "a one of many" },
        { .size = 500, .intent = BDA_INTENT_READBACK, .flags = BDA_ALLOC_ZERO_BIT },
    };
    memcpy(infos, all, sizeof all);
}

static VkResult call_alloc_many(struct sweep_world *world) {
    BdaAllocInfo infos[MANY];
    fill_many(infos);
    memset(world->out, 0xA5, sizeof world->out);
    VkResult result = bda_alloc_many(world->allocator, MANY, infos, world->out);
    require_outputs(world, result, MANY);
    return result;
}

static void verify_many(struct sweep_world *world) {
    BdaAllocInfo infos[MANY];
    fill_many(infos);
    for (uint32_t i = 0; i < MANY; i++) {
        check_allocation(world, &infos[i], infos[i].size, false, &world->out[i]);
        for (uint32_t k = 0; k < i; k++)
            sweep_require(world, !overlap(&world->out[i], &world->out[k]));
    }
}

static void undo_many(struct sweep_world *world) {
    BdaHandle handles[MANY];
    for (uint32_t i = 0; i < MANY; i++)
        handles[i] = world->out[i].handle;
    sweep_require(world, bda_free_many(world->allocator, MANY, handles) == VK_SUCCESS);
    sweep_require(world, bda_free_many(world->allocator, MANY, handles) == VK_ERROR_VALIDATION_FAILED_EXT);
}

static VkResult call_create_pool(struct sweep_world *world) {
    memset(&world->out_pool, 0xA5, sizeof world->out_pool);
    VkResult result = bda_create_pool(world->allocator, &world->sweep->pool, &world->out_pool);
    sweep_require(world, result == VK_SUCCESS || world->out_pool == NULL);
    return result;
}

static void verify_pool(struct sweep_world *world) {
    BdaPoolInfo info;
    BdaAllocation a;
    const BdaAllocInfo request = { .size = 1000, .pool = world->out_pool };
    sweep_require(world, bda_get_pool_info(world->allocator, world->out_pool, &info) == VK_SUCCESS);
    sweep_require(world, same_text(info.name, world->sweep->pool.name));
    sweep_require(world, bda_alloc(world->allocator, &request, &a) == VK_SUCCESS);
    check_allocation(world, &request, request.size, false, &a);
    sweep_require(world, bda_free(world->allocator, a.handle) == VK_SUCCESS);
}

static void undo_pool(struct sweep_world *world) {
    sweep_require(world, bda_destroy_pool(world->allocator, world->out_pool) == VK_SUCCESS);
}

static VkResult call_warm_up(struct sweep_world *world) {
    const BdaAllocInfo like = request_of(world);
    return bda_warm_up(world->allocator, &like, world->sweep->bytes);
}

/* The room is there: as many requests as were announced find it, and the driver is left alone. */
static void verify_warm(struct sweep_world *world) {
    BdaAllocInfo info = request_of(world);
    BdaHandle handles[64];
    uint32_t count = (uint32_t)(world->sweep->bytes / info.size);
    info.flags |= BDA_ALLOC_NO_NEW_MEMORY_BIT;
    for (uint32_t i = 0; i < count; i++) {
        BdaAllocation a;
        sweep_require(world, bda_alloc(world->allocator, &info, &a) == VK_SUCCESS);
        handles[i] = a.handle;
    }
    sweep_require(world, bda_free_many(world->allocator, count, handles) == VK_SUCCESS);
}

static void undo_nothing(struct sweep_world *world) {
    (void)world;
}

/* The first resident is renamed; when that has happened it counts as having had the name all along. */
static VkResult call_set_name(struct sweep_world *world) {
    struct sweep_resident *resident = &world->residents[world->sweep->bytes];
    VkResult result = bda_set_name(world->allocator, resident->info.allocation.handle, world->sweep->request.name);
    if (result == VK_SUCCESS) {
        resident->info.name = world->sweep->request.name;
        if (resident->info.name != NULL)
            (void)snprintf(resident->name, sizeof resident->name, "%s", resident->info.name);
    }
    return result;
}

static VkResult call_set_user(struct sweep_world *world) {
    struct sweep_resident *resident = &world->residents[world->sweep->bytes];
    VkResult result = bda_set_user(world->allocator, resident->info.allocation.handle, 99);
    if (result == VK_SUCCESS)
        resident->info.user = 99;
    return result;
}

/* A call that cannot fail frees the residents; they are made again by nobody, so the sweep ends after one round. */
static VkResult call_free_many(struct sweep_world *world) {
    BdaHandle handles[SWEEP_RESIDENTS + 1] = { 0 };
    for (uint32_t i = 0; i < world->resident_count; i++)
        handles[i] = world->residents[i].info.allocation.handle;
    VkResult result = bda_free_many(world->allocator, world->resident_count + 1, handles);
    world->resident_count = 0;
    return result;
}

static VkResult call_free(struct sweep_world *world) {
    VkResult result = VK_SUCCESS;
    while (result == VK_SUCCESS && world->resident_count != 0)
        result = bda_free(world->allocator, world->residents[--world->resident_count].info.allocation.handle);
    return result;
}

static VkResult call_free_after(struct sweep_world *world) {
    unsigned calls = fake_call_count(world->driver, FAKE_CALL_ANY);
    VkResult result = VK_SUCCESS;
    for (uint64_t value = 1; result == VK_SUCCESS && world->resident_count != 0; value++) {
        BdaHandle handle = world->residents[--world->resident_count].info.allocation.handle;
        result = bda_free_after(world->allocator, handle, world->timeline, value);
    }
    sweep_require(world, fake_call_count(world->driver, FAKE_CALL_ANY) == calls);
    return result;
}

static void verify_everything_gone(struct sweep_world *world) {
    struct sweep_snapshot now = sweep_snap(world);
    sweep_require(world, now.stats.total.allocation_count == 0 && now.stats.total.used == 0);
}

static VkResult call_destroy_pool(struct sweep_world *world) {
    uint32_t last = world->resident_count - 1;
    VkResult result = bda_free(world->allocator, world->residents[last].info.allocation.handle);
    if (result == VK_SUCCESS)
        result = bda_destroy_pool(world->allocator, world->pool);
    world->resident_count = last;
    world->pool = NULL;
    return result;
}

/* ---- The low-water mark ---- */

static VkResult call_prepare(struct sweep_world *world) {
    world->out_bytes = sweep_snap(world).stats.total.reserved;
    sweep_require(world, bda_wants_block(world->allocator));
    return bda_prepare(world->allocator);
}

/* Memory that ran out is no error: what is wanted is asked for again by the next allocation. */
static void refused_prepare(struct sweep_world *world, VkResult result) {
    const struct sweep_snapshot now = sweep_snap(world);
    bool full = world->injected == VK_ERROR_OUT_OF_DEVICE_MEMORY || world->injected == VK_ERROR_TOO_MANY_OBJECTS;
    sweep_require(world, result == (full ? VK_INCOMPLETE : world->injected));
    sweep_require(world, bda_wants_block(world->allocator) == (full ? VK_FALSE : VK_TRUE));
    sweep_require(world, now.stats.total.reserved == world->out_bytes || full);
    sweep_require(world, now.stats.total.allocation_count == world->resident_count);
    if (full)
        come_and_go(world, &(BdaAllocInfo){ .size = 5000, .pool = world->pool });
}

static void verify_prepared(struct sweep_world *world) {
    BdaHandle handles[32];
    const uint32_t count = (uint32_t)(world->sweep->pool.low_water / 4096);
    sweep_require(world, !bda_wants_block(world->allocator));
    sweep_require(world, sweep_snap(world).pool_use.free >= world->sweep->pool.low_water);
    const BdaAllocInfo info = { .size = 4096, .pool = world->pool, .flags = BDA_ALLOC_NO_NEW_MEMORY_BIT };
    for (uint32_t i = 0; i < count; i++) {
        BdaAllocation a;
        sweep_require(world, bda_alloc(world->allocator, &info, &a) == VK_SUCCESS);
        handles[i] = a.handle;
    }
    sweep_require(world, bda_free_many(world->allocator, count, handles) == VK_SUCCESS);
}

/* ---- Pending frees ---- */

static VkResult call_collect(struct sweep_world *world) {
    return bda_collect(world->allocator);
}

static void undo_collect(struct sweep_world *world) {
    fake_clear_failures(world->driver); /* a lost device knows no values, but ends every wait: see refused_collect */
    fake_signal(world->driver, world->timeline, 4);
    sweep_require(world, bda_collect(world->allocator) == VK_SUCCESS);
    sweep_require(world, sweep_snap(world).stats.total.pending_count == 0);
}

/* What was due may be gone, since it goes before new memory is asked for; what was not still waits. */
static void refused_after_collecting(struct sweep_world *world, VkResult result) {
    struct sweep_snapshot now = sweep_snap(world);
    sweep_require(world, result == world->injected);
    sweep_require(world, now.stats.total.pending_count == 4 || now.stats.total.pending_count == 1);
    sweep_require(world, now.stats.total.allocation_count == world->resident_count);
}

/* When it is the semaphore that cannot be asked, the heap is simply full. */
static void refused_beside_due_memory(struct sweep_world *world, VkResult result) {
    struct sweep_snapshot now = sweep_snap(world);
    sweep_require(world, result == world->injected || result == VK_ERROR_OUT_OF_DEVICE_MEMORY);
    sweep_require(world, now.stats.total.pending_count <= 1);
    sweep_require(world, now.stats.total.allocation_count == world->resident_count);
}

/* Everything waits on, unless the device is lost: then nothing can be in use, and the caller is told. */
static void refused_collect(struct sweep_world *world, VkResult result) {
    struct sweep_snapshot now = sweep_snap(world);
    sweep_require(world, result == world->injected);
    sweep_require(world, now.stats.total.pending_count == (result == VK_ERROR_DEVICE_LOST ? 0u : 4u));
    sweep_require(world, now.stats.total.allocation_count == world->resident_count);
}

static void verify_collected(struct sweep_world *world) {
    struct sweep_snapshot now = sweep_snap(world);
    sweep_require(world, now.stats.total.pending_count <= 1);
    sweep_require(world, now.stats.total.pending_count == 1 || world->injected == VK_ERROR_DEVICE_LOST);
}

static VkResult call_trim(struct sweep_world *world) {
    world->out_bytes = 0xA5A5;
    VkDeviceSize before = sweep_snap(world).stats.total.reserved;
    VkResult result = bda_trim(world->allocator, 0, &world->out_bytes);
    VkDeviceSize after = sweep_snap(world).stats.total.reserved;
    if (result != VK_SUCCESS && result != VK_ERROR_DEVICE_LOST)
        sweep_require(world, world->out_bytes == 0);
    sweep_require(world, before - after >= world->out_bytes);
    return result;
}

static void verify_trimmed(struct sweep_world *world) {
    verify_collected(world);
    sweep_require(world, sweep_snap(world).stats.total.empty_count == 0);
}

/* ---- Bytes of a resident in memory that is not coherent ---- */

static BdaHandle visible_resident(const struct sweep_world *world) {
    return world->residents[1].info.allocation.handle;
}

static VkResult call_write(struct sweep_world *world) {
    for (size_t i = 0; i < 100; i++)
        world->data[i] = pattern_at(world->residents[1].seed, i);
    return bda_write(world->allocator, visible_resident(world), 0, world->data, 100);
}

static VkResult call_read(struct sweep_world *world) {
    memset(world->data, 0xA5, sizeof world->data);
    return bda_read(world->allocator, visible_resident(world), 0, world->data, 100);
}

static void verify_read(struct sweep_world *world) {
    for (size_t i = 0; i < 100; i++)
        sweep_require(world, world->data[i] == pattern_at(world->residents[1].seed, i));
}

/* What stands in the mapping is what the device has, so that nothing changes but by a defect. */
static VkResult call_flush(struct sweep_world *world) {
    for (size_t i = 0; i < 100; i++)
        ((unsigned char *)world->residents[1].info.allocation.mapped)[i] = pattern_at(world->residents[1].seed, i);
    return bda_flush(world->allocator, visible_resident(world), 0, VK_WHOLE_SIZE);
}

static VkResult call_invalidate(struct sweep_world *world) {
    return bda_invalidate(world->allocator, visible_resident(world), 10, 20);
}

static VkResult call_check(struct sweep_world *world) {
    return bda_check(world->allocator);
}

/* ---- The cases --------------------------------------------------------------------------------------------------- */

/* Modes that hold nothing back: what is taken back is as it was. */
#define CHECKS     (BDA_CHECK_POISON_BIT | BDA_CHECK_RED_ZONES_BIT)
#define RANGE(...) .call = call_alloc, .verify = verify_alloc, .request = { __VA_ARGS__ }
#define BUFFER(...)                                                                                                    \
    .call = call_alloc, .verify = verify_alloc,                                                                        \
    .buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,                                                         \
                .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,                                                           \
                __VA_ARGS__ }

#define FULL_HEAP                                                                                                      \
    .gives_empties_back = true,                                                                                        \
    .config = { .machine = FAKE_MACHINE_UNIFIED, .heap_size = SWEEP_KIB(1024), .with = FAKE_MEMORY_PRIORITY }

static const VkExternalMemoryBufferCreateInfo exported = {
    .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
    .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
};

const struct sweep sweep_cases[] = {
    /* what fits exactly into what is left of a limit */
    { "exact_range", .prepare = prepare_pool, RANGE(.size = SWEEP_KIB(100), .name = "exact", .user = 12),
      .in_pool = true, .pool = { .limit = SWEEP_KIB(164), .name = "pool" }, .config = { .with = FAKE_DEBUG_UTILS } },
    { "exact_range_zeroed", .prepare = prepare_pool, RANGE(.size = SWEEP_KIB(100), .flags = BDA_ALLOC_ZERO_BIT),
      .in_pool = true, .pool = { .limit = SWEEP_KIB(164), .intent = BDA_INTENT_READBACK },
      .config = { .machine = FAKE_MACHINE_NON_COHERENT } },
    { "exact_range_of_a_budget", .prepare = prepare_residents,
      RANGE(.size = SWEEP_KIB(100), .flags = BDA_ALLOC_HOST_FALLBACK_BIT | BDA_ALLOC_WITHIN_BUDGET_BIT),
      .config = { .machine = FAKE_MACHINE_REBAR,
                  .with = FAKE_MEMORY_BUDGET,
                  .budgets = { SWEEP_KIB(64 + 20 + 100) } } },
    { "exact_buffer", .prepare = prepare_pool, RANGE(.name = "own"),
      .buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                  .size = SWEEP_KIB(100),
                  .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT },
      .in_pool = true, .pool = { .limit = SWEEP_KIB(164), .name = "pool" }, .config = { .with = FAKE_DEBUG_UTILS } },
    { "exact_buffer_checked", .prepare = prepare_pool, RANGE(.name = "own"),
      .buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                  .size = SWEEP_KIB(100),
                  .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT },
      .in_pool = true, .pool = { .limit = SWEEP_KIB(164) + 1024 }, .checks = CHECKS },
    /* ranges */
    { "first_range_of_all", RANGE(.size = 1000) },
    { "range_where_there_is_room", .prepare = prepare_residents, RANGE(.size = 1000, .alignment = 512) },
    { "range_that_needs_a_block", .prepare = prepare_residents, RANGE(.size = SWEEP_KIB(50)) },
    { "dedicated_range", .prepare = prepare_residents, RANGE(.size = 999, .flags = BDA_ALLOC_DEDICATED_BIT) },
    { "range_over_half_a_block", .prepare = prepare_residents, RANGE(.size = SWEEP_KIB(300)) },
    { "over_aligned_dedicated_range", .prepare = prepare_residents,
      RANGE(.size = 5000, .alignment = 4096, .flags = BDA_ALLOC_DEDICATED_BIT) },
    { "zeroed_range_where_there_is_room", .prepare = prepare_residents,
      RANGE(.size = 1000, .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_ZERO_BIT),
      .config = { .machine = FAKE_MACHINE_NON_COHERENT } },
    { "zeroed_range_that_needs_a_block", .prepare = prepare_residents,
      RANGE(.size = 1000, .intent = BDA_INTENT_READBACK, .flags = BDA_ALLOC_ZERO_BIT),
      .config = { .machine = FAKE_MACHINE_NON_COHERENT } },
    { "zeroed_dedicated_range", .prepare = prepare_residents,
      RANGE(.size = SWEEP_KIB(200), .intent = BDA_INTENT_READBACK, .flags = BDA_ALLOC_ZERO_BIT),
      .config = { .machine = FAKE_MACHINE_NON_COHERENT } },
    { "named_range", .prepare = prepare_residents, RANGE(.size = 1000, .name = "a name", .user = 12),
      .config = { .with = FAKE_DEBUG_UTILS } },
    { "range_with_a_long_name", .prepare = prepare_residents, RANGE(.size = 1000, .name = LONG_NAME),
      .config = { .with = FAKE_DEBUG_UTILS } },
    { "named_dedicated_range", RANGE(.size = 1000, .name = "a name", .flags = BDA_ALLOC_DEDICATED_BIT),
      .config = { .with = FAKE_DEBUG_UTILS } },
    { "range_with_a_user_value", RANGE(.size = 1000, .user = 12) },
    { "range_of_another_priority", .prepare = prepare_residents, RANGE(.size = 1000, .priority = 0.75f),
      .config = { .with = FAKE_MEMORY_PRIORITY | FAKE_MEMORY_BUDGET } },
    { "range_within_budget", .prepare = prepare_residents,
      RANGE(.size = SWEEP_KIB(50), .flags = BDA_ALLOC_WITHIN_BUDGET_BIT), .config = { .with = FAKE_MEMORY_BUDGET } },
    { "range_that_may_fall_back_to_the_host", .prepare = prepare_residents,
      RANGE(.size = SWEEP_KIB(50), .flags = BDA_ALLOC_HOST_FALLBACK_BIT) },
    { "shared_range_that_may_fall_back", .prepare = prepare_residents,
      RANGE(.size = SWEEP_KIB(300), .intent = BDA_INTENT_SHARED, .flags = BDA_ALLOC_HOST_FALLBACK_BIT) },
    { "upload_range_of_several_types", RANGE(.size = 70000, .intent = BDA_INTENT_UPLOAD),
      .config = { .machine = FAKE_MACHINE_REBAR } },
    { "range_in_a_pool_with_room", .prepare = prepare_pool, RANGE(.size = 1000, .name = "in a pool"), .in_pool = true,
      .pool = { .name = "pool", .intent = BDA_INTENT_UPLOAD, .limit = SWEEP_KIB(512) } },
    { "range_in_a_pool_that_needs_a_block", .prepare = prepare_pool, RANGE(.size = SWEEP_KIB(40)), .in_pool = true,
      .pool = { .limit = SWEEP_KIB(512) } },
    { "dedicated_range_in_a_pool", .prepare = prepare_pool,
      RANGE(.size = 5000, .alignment = 8192, .flags = BDA_ALLOC_DEDICATED_BIT), .in_pool = true,
      .pool = { .limit = SWEEP_KIB(512), .name = "pool" }, .config = { .with = FAKE_DEBUG_UTILS } },
    { "range_after_an_empty_block_went", .prepare = prepare_full_heap, RANGE(.size = SWEEP_KIB(31)), FULL_HEAP },
    { "dedicated_range_after_an_empty_block_went", .prepare = prepare_full_heap,
      RANGE(.size = SWEEP_KIB(60), .flags = BDA_ALLOC_DEDICATED_BIT), FULL_HEAP },
    { "range_after_pending_frees", .prepare = prepare_pending, RANGE(.size = SWEEP_KIB(40)),
      .refused = refused_after_collecting },
    { "dedicated_range_after_pending_frees", .prepare = prepare_due_heap, RANGE(.size = SWEEP_KIB(700)),
      .refused = refused_beside_due_memory,
      .config = { .machine = FAKE_MACHINE_UNIFIED, .heap_size = SWEEP_KIB(1024) } },
    { "range_where_events_are_logged", RANGE(.size = 1000, .name = "told"), .flags = BDA_ALLOCATOR_LOG_EVENTS_BIT },
    { "range_under_checks", .prepare = prepare_residents, RANGE(.size = SWEEP_KIB(50), .name = "checked"),
      .checks = CHECKS },
    { "range_under_checks_in_memory_that_is_not_coherent", .prepare = prepare_residents,
      RANGE(.size = SWEEP_KIB(50), .intent = BDA_INTENT_UPLOAD), .config = { .machine = FAKE_MACHINE_NON_COHERENT },
      .checks = CHECKS },
    { "dedicated_range_under_checks", .prepare = prepare_residents,
      RANGE(.size = 999, .intent = BDA_INTENT_READBACK, .flags = BDA_ALLOC_DEDICATED_BIT), .checks = CHECKS },
    { "range_with_checked_pointers", .prepare = prepare_residents, RANGE(.size = 1000),
      .checks = BDA_CHECK_POINTERS_BIT },
    { "range_with_checked_pointers_that_needs_a_block", .prepare = prepare_residents, RANGE(.size = SWEEP_KIB(50)),
      .checks = BDA_CHECK_POINTERS_BIT, .config = { .machine = FAKE_MACHINE_NON_COHERENT } },
    { "dedicated_range_with_checked_pointers", RANGE(.size = SWEEP_KIB(60), .flags = BDA_ALLOC_DEDICATED_BIT),
      .checks = BDA_CHECK_POINTERS_BIT },
    { "range_of_one_thread", RANGE(.size = 1000), .flags = BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT },
    { "isolated_range_where_there_is_room", .prepare = prepare_residents,
      RANGE(.size = 1000, .intent = BDA_INTENT_UPLOAD, .name = "alone", .flags = BDA_ALLOC_ZERO_BIT),
      .config = { .with = FAKE_DEBUG_UTILS }, .checks = BDA_CHECK_ISOLATE_BIT },
    { "isolated_range_that_needs_a_block", .prepare = prepare_residents, RANGE(.size = SWEEP_KIB(50)),
      .checks = BDA_CHECK_ISOLATE_BIT },
    { "isolated_range_in_a_pool", .prepare = prepare_pool, RANGE(.size = 1000), .in_pool = true,
      .pool = { .limit = SWEEP_KIB(512) }, .checks = BDA_CHECK_ISOLATE_BIT },
    { "watched_range_where_there_is_room", .prepare = prepare_residents,
      RANGE(.size = 1000, .intent = BDA_INTENT_UPLOAD, .name = "watched", .flags = BDA_ALLOC_ZERO_BIT),
      .checks = BDA_CHECK_MEMORY_BIT },
    { "watched_dedicated_range", .prepare = prepare_residents, RANGE(.size = SWEEP_KIB(300)),
      .checks = BDA_CHECK_MEMORY_BIT },
    { "range_with_a_stack", .prepare = prepare_residents, RANGE(.size = 1000), .checks = BDA_CHECK_STACKS_BIT },
    { "named_range_with_a_stack", .prepare = prepare_residents, RANGE(.size = SWEEP_KIB(50), .name = "a name"),
      .checks = BDA_CHECK_STACKS_BIT },
    { "range_with_all_of_it", .prepare = prepare_residents,
      RANGE(.size = 1000, .intent = BDA_INTENT_READBACK, .name = "all", .flags = BDA_ALLOC_ZERO_BIT),
      .checks = BDA_CHECK_ISOLATE_BIT | BDA_CHECK_MEMORY_BIT | BDA_CHECK_STACKS_BIT },

    /* own buffers */
    { "first_buffer_of_all", BUFFER(.size = 1000) },
    { "buffer_where_there_is_room", .prepare = prepare_residents, BUFFER(.size = 1000),
      .request = { .intent = BDA_INTENT_UPLOAD, .name = "buffer", .user = 5 }, .config = { .with = FAKE_DEBUG_UTILS } },
    { "buffer_with_checked_pointers", .prepare = prepare_residents, BUFFER(.size = 1000),
      .checks = BDA_CHECK_POINTERS_BIT },
    { "buffer_that_needs_a_block", .prepare = prepare_residents, BUFFER(.size = 1000) },
    { "buffer_over_half_a_block", .prepare = prepare_residents, BUFFER(.size = SWEEP_KIB(200)),
      .request = { .name = "large" }, .config = { .with = FAKE_DEBUG_UTILS } },
    { "buffer_that_the_driver_prefers_dedicated", .prepare = prepare_residents, BUFFER(.size = 1000),
      .config = { .prefer_dedicated_from = 500 } },
    { "buffer_that_the_driver_wants_dedicated", .prepare = prepare_residents, BUFFER(.size = 90000),
      .config = { .require_dedicated_from = 80000 } },
    { "over_aligned_dedicated_buffer", .prepare = prepare_residents, BUFFER(.size = 1000),
      .request = { .alignment = 4096, .flags = BDA_ALLOC_DEDICATED_BIT } },
    { "zeroed_buffer", .prepare = prepare_residents, BUFFER(.size = 1000),
      .request = { .intent = BDA_INTENT_UPLOAD, .flags = BDA_ALLOC_ZERO_BIT },
      .config = { .machine = FAKE_MACHINE_NON_COHERENT } },
    { "buffer_under_checks", .prepare = prepare_residents, BUFFER(.size = 1000), .checks = CHECKS },
    { "exported_buffer", .prepare = prepare_residents, BUFFER(.size = 1000, .pNext = &exported),
      .config = { .with = FAKE_EXTERNAL_MEMORY_FD } },
    { "buffer_for_capture_and_replay", .prepare = prepare_residents,
      BUFFER(.size = 1000, .flags = VK_BUFFER_CREATE_DEVICE_ADDRESS_CAPTURE_REPLAY_BIT),
      .config = { .with = FAKE_CAPTURE_REPLAY } },
    { "buffer_in_a_pool", .prepare = prepare_pool, BUFFER(.size = 1000), .in_pool = true,
      .pool = { .intent = BDA_INTENT_UPLOAD, .limit = SWEEP_KIB(512) } },
    { "buffer_that_may_fall_back_to_the_host", .prepare = prepare_residents, BUFFER(.size = SWEEP_KIB(140)),
      .request = { .flags = BDA_ALLOC_HOST_FALLBACK_BIT } },

    /* several at once, ahead of time, pools */
    { "many_ranges", .prepare = prepare_residents, .call = call_alloc_many, .verify = verify_many, .undo = undo_many,
      .takes_back = true, .config = { .machine = FAKE_MACHINE_NON_COHERENT } },
    { "many_first_ranges", .call = call_alloc_many, .verify = verify_many, .undo = undo_many, .takes_back = true,
      .config = { .machine = FAKE_MACHINE_REBAR } },
    { "warm_up", .call = call_warm_up, .verify = verify_warm, .undo = undo_nothing, .request = { .size = 1000 },
      .bytes = 60000 },
    { "warm_up_of_several_blocks", .prepare = prepare_residents, .call = call_warm_up, .verify = verify_warm,
      .undo = undo_nothing, .request = { .size = SWEEP_KIB(16) }, .bytes = SWEEP_KIB(1000) },
    { "warm_up_of_a_pool", .prepare = prepare_pool, .call = call_warm_up, .verify = verify_warm, .undo = undo_nothing,
      .request = { .size = 4000 }, .bytes = SWEEP_KIB(200), .in_pool = true, .pool = { .limit = SWEEP_KIB(600) } },
    { "prepare", .prepare = prepare_pool, .call = call_prepare, .verify = verify_prepared, .undo = undo_nothing,
      .refused = refused_prepare, .pool = { .low_water = SWEEP_KIB(100) }, .config = { .with = FAKE_DEBUG_UTILS } },
    { "prepare_within_a_limit", .prepare = prepare_pool, .call = call_prepare, .verify = verify_prepared,
      .undo = undo_nothing, .refused = refused_prepare,
      .pool = { .low_water = SWEEP_KIB(90), .limit = SWEEP_KIB(256), .intent = BDA_INTENT_UPLOAD } },
    { "create_pool", .call = call_create_pool, .verify = verify_pool, .undo = undo_pool, .pool = { .name = "pool" } },
    { "create_second_pool", .prepare = prepare_pool, .call = call_create_pool, .verify = verify_pool, .undo = undo_pool,
      .pool = { .intent = BDA_INTENT_UPLOAD } },

    /* names, values, bytes */
    { "set_first_name", .prepare = prepare_residents, .call = call_set_name, .undo = undo_nothing,
      .request = { .name = "new" }, .bytes = 1 },
    { "set_another_name", .prepare = prepare_residents, .call = call_set_name, .undo = undo_nothing,
      .request = { .name = LONG_NAME }, .bytes = 2, .config = { .with = FAKE_DEBUG_UTILS } },
    { "take_name_away", .prepare = prepare_residents, .call = call_set_name, .undo = undo_nothing },
    { "set_first_user_value", .prepare = prepare_residents, .call = call_set_user, .undo = undo_nothing, .bytes = 1 },
    { "set_another_user_value", .prepare = prepare_residents, .call = call_set_user, .undo = undo_nothing },
    { "write", .prepare = prepare_residents, .call = call_write, .undo = undo_nothing,
      .config = { .machine = FAKE_MACHINE_NON_COHERENT } },
    { "read", .prepare = prepare_residents, .call = call_read, .verify = verify_read, .undo = undo_nothing,
      .config = { .machine = FAKE_MACHINE_NON_COHERENT } },
    { "flush", .prepare = prepare_residents, .call = call_flush, .undo = undo_nothing,
      .config = { .machine = FAKE_MACHINE_NON_COHERENT } },
    { "invalidate", .prepare = prepare_residents, .call = call_invalidate, .undo = undo_nothing,
      .config = { .machine = FAKE_MACHINE_NON_COHERENT } },
    { "check", .prepare = prepare_pool, .call = call_check, .undo = undo_nothing },

    /* freeing */
    { "free", .prepare = prepare_residents, .call = call_free, .verify = verify_everything_gone, .undo = undo_nothing },
    { "free_many", .prepare = prepare_residents, .call = call_free_many, .verify = verify_everything_gone,
      .undo = undo_nothing },
    { "free_after", .prepare = prepare_residents, .call = call_free_after, .verify = verify_everything_gone,
      .undo = undo_nothing },
    { "destroy_pool", .prepare = prepare_pool, .call = call_destroy_pool, .undo = undo_nothing },
    { "collect", .prepare = prepare_pending, .call = call_collect, .verify = verify_collected, .undo = undo_collect,
      .refused = refused_collect },
    { "trim", .prepare = prepare_pending, .call = call_trim, .verify = verify_trimmed, .undo = undo_collect,
      .refused = refused_collect },
};

const size_t sweep_case_count = SWEEP_COUNT_OF(sweep_cases);

int sweep_run(const char *group, CMUnitTestFunction test, const struct CMUnitTest *more, size_t more_count) {
    struct CMUnitTest tests[SWEEP_COUNT_OF(sweep_cases) + 32];
    memset(tests, 0, sizeof tests);
    assert_in_range(more_count, 0, 32);
    for (size_t i = 0; i < sweep_case_count; i++)
        tests[i] = (struct CMUnitTest){ .name = sweep_cases[i].name,
                                        .test_func = test,
                                        .initial_state = (void *)(uintptr_t)&sweep_cases[i] };
    memcpy(tests + sweep_case_count, more, more_count * sizeof *more);
    return _cmocka_run_group_tests(group, tests, sweep_case_count + more_count, NULL, NULL);
}
