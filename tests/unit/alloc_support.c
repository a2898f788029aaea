/* The bench, see alloc_support.h. */
#include "alloc_support.h"

#include "platform/platform.h"

#include <pthread.h>

struct bench bench;

/* ---- What is told ---- */

static unsigned locks_held(void) {
    return bda_locks_held;
}

/* Written down and looked at later: a failing assertion here would jump out of the library. */
static void note(struct bench *b, BdaMessageSeverity severity, const char *text) {
    size_t size = text != NULL ? strlen(text) : 0;
    bool known = (unsigned)severity < COUNT_OF(b->told);
    if (bda_locks_held != 0 || size == 0 || memchr(text, '\n', size) != NULL || !known) {
        b->ill_told++;
        return;
    }
    b->told[severity]++;
    if (b->length + size + 2 > sizeof b->text)
        return;
    memcpy(b->text + b->length, text, size);
    b->length += size;
    b->text[b->length++] = '\n';
    b->text[b->length] = '\0';
}

/* Several threads may be refused something at once. */
static void hear(void *user, BdaMessageSeverity severity, const char *text) {
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&one_at_a_time);
    note(user, severity, text);
    (void)pthread_mutex_unlock(&one_at_a_time);
}

void bench_hush(void) {
    memset(bench.told, 0, sizeof bench.told);
    bench.length = 0;
    bench.text[0] = '\0';
}

unsigned bench_heard(const char *part) {
    unsigned count = 0;
    const char *line = bench.text;
    while (*line != '\0') {
        const char *end = strchr(line, '\n');
        const char *found = strstr(line, part);
        count += found != NULL && found < end ? 1u : 0u;
        line = end + 1;
    }
    return count;
}

/* ---- Watching what the driver is given ---- */

static PFN_vkGetDeviceProcAddr real_get_device_proc_addr;
static PFN_vkCreateBuffer real_create_buffer;
static PFN_vkAllocateMemory real_allocate_memory;

static VKAPI_ATTR VkResult VKAPI_CALL watch_create_buffer(VkDevice device, const VkBufferCreateInfo *info,
                                                          const VkAllocationCallbacks *callbacks, VkBuffer *buffer) {
    bench.made_buffer = *info;
    bench.made_buffer.pNext = NULL;
    return real_create_buffer(device, info, callbacks, buffer);
}

static VKAPI_ATTR VkResult VKAPI_CALL watch_allocate_memory(VkDevice device, const VkMemoryAllocateInfo *info,
                                                            const VkAllocationCallbacks *callbacks,
                                                            VkDeviceMemory *memory) {
    bench.made_memory = *info;
    bench.made_memory.pNext = NULL;
    bench.linked_flags = 0;
    for (const VkBaseInStructure *link = info->pNext; link != NULL; link = link->pNext)
        bench.linked_flags += link->sType == VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO ? 1u : 0u;
    return real_allocate_memory(device, info, callbacks, memory);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL watch_device_proc_addr(VkDevice device, const char *name) {
    PFN_vkVoidFunction real = real_get_device_proc_addr(device, name);
    if (strcmp(name, "vkCreateBuffer") == 0) {
        real_create_buffer = (PFN_vkCreateBuffer)real;
        return (PFN_vkVoidFunction)watch_create_buffer;
    }
    if (strcmp(name, "vkAllocateMemory") == 0) {
        real_allocate_memory = (PFN_vkAllocateMemory)real;
        return (PFN_vkVoidFunction)watch_allocate_memory;
    }
    return real;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL watch_instance_proc_addr(VkInstance instance, const char *name) {
    PFN_vkVoidFunction real = fake_get_instance_proc_addr(instance, name);
    if (strcmp(name, "vkGetDeviceProcAddr") != 0)
        return real;
    real_get_device_proc_addr = (PFN_vkGetDeviceProcAddr)real;
    return (PFN_vkVoidFunction)watch_device_proc_addr;
}

void bench_watch(void) {
    bench.info.get_instance_proc_addr = watch_instance_proc_addr;
}

/* ---- Opening and closing ---- */

void bench_prepare(const struct fake_config *config) {
    struct fake_config checked = config != NULL ? *config : (struct fake_config){ .machine = FAKE_MACHINE_DISCRETE };
    checked.locks_held = locks_held;
    memset(&bench, 0, sizeof bench);
    bench.driver = fake_create(&checked);
    assert_non_null(bench.driver);
    fake_host_init(&bench.host);
    bench.callbacks = fake_host_callbacks(&bench.host);
    bench.info = fake_allocator_info(bench.driver);
    bench.info.callbacks = &bench.callbacks;
    bench.info.message = hear;
    bench.info.message_user = &bench;
}

void bench_start(void) {
    assert_int_equal(bda_create_allocator(&bench.info, &bench.allocator), VK_SUCCESS);
    assert_non_null(bench.allocator);
}

static void adopt(const BdaAllocatorInfo *wishes) {
    bench.info.flags = wishes->flags;
    bench.info.first_block_size = wishes->first_block_size;
    bench.info.max_block_size = wishes->max_block_size;
    bench.info.max_host_visible_block_size = wishes->max_host_visible_block_size;
    bench.info.keep_empty = wishes->keep_empty;
    bench.info.keep_collects = wishes->keep_collects;
    bench.info.low_water = wishes->low_water;
    bench.info.queue_family_count = wishes->queue_family_count;
    bench.info.queue_families = wishes->queue_families;
    bench.info.heap_limit_count = wishes->heap_limit_count;
    bench.info.heap_limits = wishes->heap_limits;
    bench.info.checks = wishes->checks;
    bench.info.quarantine_bytes = wishes->quarantine_bytes;
    bench.info.quarantine_frees = wishes->quarantine_frees;
    bench.info.red_zone = wishes->red_zone;
    bench.info.prefix_count = wishes->prefix_count;
    bench.info.prefixes = wishes->prefixes;
}

void bench_open(const struct fake_config *config, const BdaAllocatorInfo *wishes) {
    bench_prepare(config);
    if (wishes != NULL)
        adopt(wishes);
    bench_start();
}

void bench_end(VkResult destroyed) {
    assert_int_equal(bda_check(bench.allocator), VK_SUCCESS);
    assert_int_equal(bda_destroy_allocator(bench.allocator), destroyed);
    bench.allocator = NULL;
    assert_int_equal(fake_destroy(bench.driver), 0);
    bench.driver = NULL;
    assert_int_equal(bench.host.live_bytes, 0);
    assert_int_equal(fake_host_done(&bench.host), 0);
    assert_int_equal(bench.ill_told, 0);
}

void bench_close(void) {
    bench_end(VK_SUCCESS);
}

/* ---- Asking ---- */

unsigned bench_calls(enum fake_call call) {
    return fake_call_count(bench.driver, call);
}

BdaStats bench_stats(void) {
    BdaStats stats;
    assert_int_equal(bda_get_stats(bench.allocator, &stats), VK_SUCCESS);
    return stats;
}

BdaUse bench_use(void) {
    return bench_stats().total;
}

BdaUse bench_pool_use(BdaPool pool) {
    BdaUse use;
    assert_int_equal(bda_get_pool_stats(bench.allocator, pool, &use), VK_SUCCESS);
    return use;
}

BdaProperties bench_properties(void) {
    BdaProperties properties;
    assert_int_equal(bda_get_properties(bench.allocator, &properties), VK_SUCCESS);
    return properties;
}

BdaAllocationInfo info_of(BdaHandle handle) {
    BdaAllocationInfo info;
    assert_int_equal(bda_get_info(bench.allocator, handle, &info), VK_SUCCESS);
    return info;
}

VkDeviceMemory memory_handle_of(VkBuffer buffer) {
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkDeviceSize offset = 0;
    assert_true(fake_binding(bench.driver, buffer, &memory, &offset));
    return memory;
}

VkDeviceSize memory_offset_of(VkBuffer buffer) {
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkDeviceSize offset = 0;
    assert_true(fake_binding(bench.driver, buffer, &memory, &offset));
    return offset;
}

struct fake_memory_info memory_of(VkBuffer buffer) {
    struct fake_memory_info info;
    assert_true(fake_memory_info(bench.driver, memory_handle_of(buffer), &info));
    return info;
}

/* ---- Doing ---- */

BdaAllocation take(BdaAllocInfo info) {
    BdaAllocation allocation;
    assert_int_equal(bda_alloc(bench.allocator, &info, &allocation), VK_SUCCESS);
    assert_int_not_equal(allocation.handle, 0);
    assert_int_equal(allocation.size, info.size);
    return allocation;
}

BdaAllocation take_bytes(VkDeviceSize size, BdaIntent intent) {
    return take((BdaAllocInfo){ .size = size, .intent = intent });
}

VkBufferCreateInfo buffer_info(VkDeviceSize size, VkBufferUsageFlags usage) {
    return (VkBufferCreateInfo){ .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = usage };
}

BdaAllocation take_buffer(VkDeviceSize size, VkBufferUsageFlags usage, BdaAllocInfo info) {
    const VkBufferCreateInfo made = buffer_info(size, usage);
    BdaAllocation allocation;
    assert_int_equal(bda_alloc_buffer(bench.allocator, &made, &info, &allocation), VK_SUCCESS);
    assert_int_not_equal(allocation.handle, 0);
    assert_int_equal(allocation.size, size);
    assert_int_equal(allocation.offset, 0);
    return allocation;
}

void give(BdaAllocation allocation) {
    assert_int_equal(bda_free(bench.allocator, allocation.handle), VK_SUCCESS);
}

BdaPool make_pool(BdaPoolInfo info) {
    BdaPool pool = NULL;
    assert_int_equal(bda_create_pool(bench.allocator, &info, &pool), VK_SUCCESS);
    assert_non_null(pool);
    return pool;
}

void refuse(VkResult wanted, BdaAllocInfo info) {
    BdaAllocation allocation;
    memset(&allocation, 0x77, sizeof allocation);
    assert_int_equal(bda_alloc(bench.allocator, &info, &allocation), wanted);
    assert_is_zeroed(&allocation, sizeof allocation);
}

void refuse_buffer(VkResult wanted, const VkBufferCreateInfo *made, BdaAllocInfo info) {
    BdaAllocation allocation;
    memset(&allocation, 0x77, sizeof allocation);
    assert_int_equal(bda_alloc_buffer(bench.allocator, made, &info, &allocation), wanted);
    assert_is_zeroed(&allocation, sizeof allocation);
}

uint32_t take_until_refused(BdaAllocInfo info, BdaAllocation *taken, uint32_t most, VkResult *end) {
    uint32_t count = 0;
    *end = VK_SUCCESS;
    while (count < most && (*end = bda_alloc(bench.allocator, &info, &taken[count])) == VK_SUCCESS)
        count++;
    return count;
}

void give_all(const BdaAllocation *taken, uint32_t count) {
    while (count-- > 0)
        give(taken[count]);
}

/* ---- Saying what must be ---- */

void assert_is_zeroed(const void *bytes, size_t size) {
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < size; i++)
        assert_int_equal(byte[i], 0);
}

/* A line that begins with the function's name and contains the reason. */
static bool was_told(const char *function, const char *reason) {
    size_t size = strlen(function);
    for (const char *line = bench.text; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n');
        const char *found = strstr(line, reason);
        bool named = strncmp(line, function, size) == 0 && strchr(":, ", line[size]) != NULL;
        if (named && found != NULL && found < end)
            return true;
    }
    return false;
}

void assert_refusal(VkResult wanted, VkResult result, const char *function, const char *reason) {
    if (result != wanted)
        fail_msg("%s answered %d, wanted %d; told: %s", function, (int)result, (int)wanted, bench.text);
    if (!was_told(function, reason))
        fail_msg("%s was not said to refuse because of '%s'; told: %s", function, reason, bench.text);
    bench_hush();
}

static void assert_same_bytes(const BdaAllocation *allocation, VkDeviceSize offset, size_t size) {
    unsigned char written[64], seen[64];
    for (size_t i = 0; i < size; i++)
        written[i] = (unsigned char)(i * 7 + offset + allocation->handle);
    memcpy((unsigned char *)allocation->mapped + offset, written, size);
    assert_int_equal(bda_flush(bench.allocator, allocation->handle, offset, size), VK_SUCCESS);
    assert_true(fake_device_read(bench.driver, allocation->address + offset, seen, size));
    assert_memory_equal(seen, written, size);
    for (size_t i = 0; i < size; i++)
        written[i] = (unsigned char)~written[i];
    assert_true(fake_device_write(bench.driver, allocation->address + offset, written, size));
    assert_int_equal(bda_invalidate(bench.allocator, allocation->handle, offset, size), VK_SUCCESS);
    assert_memory_equal((unsigned char *)allocation->mapped + offset, written, size);
}

void assert_is_sound(const BdaAllocation *allocation) {
    const BdaAllocationInfo info = info_of(allocation->handle);
    assert_memory_equal(&info.allocation, allocation, sizeof *allocation);
    const struct fake_memory_info memory = memory_of(allocation->buffer);
    VkDeviceSize offset = memory_offset_of(allocation->buffer) + allocation->offset;
    assert_int_equal(allocation->address, memory.base + offset);
    assert_true(offset + allocation->size <= memory.size);
    assert_int_equal(info.memory_type, memory.type);
    bool visible = (info.properties & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
    assert_int_equal(allocation->mapped != NULL, visible);
    if (!visible)
        return;
    size_t piece = (size_t)(allocation->size < 64 ? allocation->size : 64);
    assert_same_bytes(allocation, 0, piece);
    assert_same_bytes(allocation, allocation->size - piece, piece);
}

struct bench_state bench_look(void) {
    struct bench_state state = { .stats = bench_stats(),
                                 .calls = bench_calls(FAKE_CALL_ANY),
                                 .memories = fake_memory_count(bench.driver),
                                 .buffers = fake_buffer_count(bench.driver),
                                 .host_count = bench.host.live_count };
    return state;
}

static void assert_same_use(const BdaUse *use, const BdaUse *before) {
    assert_int_equal(use->block_count, before->block_count);
    assert_int_equal(use->dedicated_count, before->dedicated_count);
    assert_int_equal(use->empty_count, before->empty_count);
    assert_int_equal(use->reserved, before->reserved);
    assert_int_equal(use->allocation_count, before->allocation_count);
    assert_int_equal(use->used, before->used);
    assert_int_equal(use->wasted, before->wasted);
    assert_int_equal(use->pending_count, before->pending_count);
    assert_int_equal(use->pending, before->pending);
    assert_int_equal(use->free, before->free);
    assert_int_equal(use->largest_free, before->largest_free);
}

void assert_as_before(const struct bench_state *before) {
    const struct bench_state now = bench_look();
    assert_same_use(&now.stats.total, &before->stats.total);
    for (uint32_t i = 0; i < now.stats.heap_count; i++)
        assert_same_use(&now.stats.heaps[i].use, &before->stats.heaps[i].use);
    assert_int_equal(now.stats.pool_count, before->stats.pool_count);
    assert_int_equal(now.memories, before->memories);
    assert_int_equal(now.buffers, before->buffers);
}

void assert_unchanged(const struct bench_state *before) {
    assert_as_before(before);
    const struct bench_state now = bench_look();
    assert_int_equal(now.calls, before->calls);
    assert_int_equal(now.stats.host_bytes, before->stats.host_bytes);
    assert_int_equal(now.host_count, before->host_count);
}
