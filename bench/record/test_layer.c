/*
 * The recording layer, by a program that knows what the trace must say. CMake starts it with the layer on, once as the
 * driver's memory is and once with the layer's discrete memory types.
 *
 * A first part makes and destroys buffers in every way that matters, one after another, and each of its lines is
 * known; a second makes many at a time from several threads, where only the sums are known.
 */
#include "trace.h"

#include <volk.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SKIPPED = 77, THREADS = 4, BUFFERS_PER_THREAD = 200, MOST_TYPES = 8 };

static struct {
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkPhysicalDeviceMemoryProperties memory;
    uint32_t types[MOST_TYPES]; /* those that serve our buffers */
    uint32_t type_count;
    VkDeviceSize alignment; /* what our buffers require */
} vk;

static void check(VkResult result, const char *what) {
    if (result == VK_SUCCESS)
        return;
    print_message("%s: VkResult %d\n", what, (int)result);
    exit(EXIT_FAILURE);
}

/* ---- A device, twice ---- */

static void open_instance(void) {
    const VkApplicationInfo application = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                            .apiVersion = VK_API_VERSION_1_1 };
    const VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                        .pApplicationInfo = &application };
    uint32_t count = 1;
    check(vkCreateInstance(&info, NULL, &vk.instance), "vkCreateInstance");
    volkLoadInstance(vk.instance);
    VkResult result = vkEnumeratePhysicalDevices(vk.instance, &count, &vk.physical);
    check(result == VK_INCOMPLETE ? VK_SUCCESS : result, "vkEnumeratePhysicalDevices");
    vkGetPhysicalDeviceMemoryProperties(vk.physical, &vk.memory);
}

static void open_device(void) {
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                            .queueCount = 1,
                                            .pQueuePriorities = &priority };
    const VkDeviceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                      .queueCreateInfoCount = 1,
                                      .pQueueCreateInfos = &queue };
    check(vkCreateDevice(vk.physical, &info, NULL, &vk.device), "vkCreateDevice");
    volkLoadDevice(vk.device);
}

static void close_device(void) {
    vkDestroyDevice(vk.device, NULL);
    vkDestroyInstance(vk.instance, NULL);
}

/* ---- Buffers ---- */

static VkBuffer make_buffer(VkDeviceSize size, VkBufferUsageFlags usage) {
    const VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = usage };
    VkBuffer buffer;
    check(vkCreateBuffer(vk.device, &info, NULL, &buffer), "vkCreateBuffer");
    return buffer;
}

static VkDeviceMemory make_memory(VkDeviceSize size, uint32_t type) {
    const VkMemoryAllocateInfo info = { .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                        .allocationSize = size,
                                        .memoryTypeIndex = type };
    VkDeviceMemory memory;
    check(vkAllocateMemory(vk.device, &info, NULL, &memory), "vkAllocateMemory");
    return memory;
}

/* A program asks before it binds; the answer must offer the memory type that it is going to use. */
static void ask(VkBuffer buffer, uint32_t type) {
    VkMemoryRequirements requirements;
    vkGetBufferMemoryRequirements(vk.device, buffer, &requirements);
    if ((requirements.memoryTypeBits >> type & 1) == 0)
        check(VK_ERROR_FEATURE_NOT_PRESENT, "memory type bits");
}

static void bind(VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset, uint32_t type) {
    ask(buffer, type);
    check(vkBindBufferMemory(vk.device, buffer, memory, offset), "vkBindBufferMemory");
}

/* ---- The first part ---- */

/* Before anything else, by a buffer that is never bound and so no event. */
static void find_types(void) {
    VkMemoryRequirements requirements;
    VkBuffer buffer = make_buffer(1000, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    vkGetBufferMemoryRequirements(vk.device, buffer, &requirements);
    vkDestroyBuffer(vk.device, buffer, NULL);
    vk.alignment = requirements.alignment;
    vk.type_count = 0;
    for (uint32_t type = 0; type < vk.memory.memoryTypeCount && vk.type_count < MOST_TYPES; type++)
        if ((requirements.memoryTypeBits >> type & 1) != 0)
            vk.types[vk.type_count++] = type;
}

/* One buffer per memory type, with a usage and size of its own. */
static void use_each_type(void) {
    VkBuffer buffers[MOST_TYPES];
    VkDeviceMemory memories[MOST_TYPES];
    for (uint32_t i = 0; i < vk.type_count; i++) {
        buffers[i] = make_buffer(1000 + i, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
        memories[i] = make_memory(1 << 16, vk.types[i]);
        bind(buffers[i], memories[i], 0, vk.types[i]);
    }
    for (uint32_t i = 0; i < vk.type_count; i++) {
        vkDestroyBuffer(vk.device, buffers[i], NULL);
        vkFreeMemory(vk.device, memories[i], NULL);
    }
}

/* One that is never bound, and VK_NULL_HANDLE, are no events. Two in one place are one, until the second is gone. */
static void use_odd_ways(void) {
    VkDeviceMemory memory = make_memory(1 << 16, vk.types[0]);
    VkBuffer unbound = make_buffer(77, VK_BUFFER_USAGE_INDEX_BUFFER_BIT);
    VkBuffer first = make_buffer(2000, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
    VkBuffer second = make_buffer(2000, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    VkBuffer other = make_buffer(3000, VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    bind(first, memory, 0, vk.types[0]);
    bind(second, memory, 0, vk.types[0]);
    ask(other, vk.types[0]);
    const VkBindBufferMemoryInfo info = {
        .sType = VK_STRUCTURE_TYPE_BIND_BUFFER_MEMORY_INFO, .buffer = other, .memory = memory, .memoryOffset = 1 << 15
    };
    check(vkBindBufferMemory2(vk.device, 1, &info), "vkBindBufferMemory2");
    vkDestroyBuffer(vk.device, first, NULL);
    vkDestroyBuffer(vk.device, other, NULL);
    vkDestroyBuffer(vk.device, second, NULL);
    vkDestroyBuffer(vk.device, unbound, NULL);
    vkDestroyBuffer(vk.device, VK_NULL_HANDLE, NULL);
    vkFreeMemory(vk.device, memory, NULL);
    vkFreeMemory(vk.device, VK_NULL_HANDLE, NULL);
}

/* ---- The second part ---- */

static void *use_many(void *argument) {
    const VkDeviceSize size = *(const VkDeviceSize *)argument;
    VkDeviceMemory memory = make_memory(1 << 20, vk.types[0]);
    VkBuffer buffers[BUFFERS_PER_THREAD];
    for (uint32_t i = 0; i < BUFFERS_PER_THREAD; i++) {
        buffers[i] = make_buffer(size, VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT);
        bind(buffers[i], memory, (VkDeviceSize)i << 12, vk.types[0]);
    }
    for (uint32_t i = 0; i < BUFFERS_PER_THREAD; i++)
        vkDestroyBuffer(vk.device, buffers[i], NULL);
    vkFreeMemory(vk.device, memory, NULL);
    return NULL;
}

static void use_threads(void) {
    pthread_t threads[THREADS];
    VkDeviceSize sizes[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        sizes[i] = 100 + i;
        if (pthread_create(&threads[i], NULL, use_many, &sizes[i]) != 0)
            check(VK_ERROR_OUT_OF_HOST_MEMORY, "pthread_create");
    }
    for (uint32_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

/* ---- What the trace must say ---- */

static struct trace trace;
static uint32_t at; /* the next event to look at */

static bool is_discrete(void) {
    return strcmp(getenv("BDA_RECORD_MEMORY"), "discrete") == 0;
}

static enum trace_intent intent_of(uint32_t type) {
    VkMemoryPropertyFlags flags = vk.memory.memoryTypes[type].propertyFlags;
    if ((flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) == 0)
        return TRACE_DEVICE;
    if ((flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) != 0)
        return TRACE_SHARED;
    return (flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT) != 0 ? TRACE_READBACK : TRACE_UPLOAD;
}

static uint32_t expect_alloc(uint64_t size, uint32_t type, uint64_t usage) {
    const struct trace_event *event = &trace.events[at++];
    assert_int_equal(event->size, size);
    assert_int_equal(event->intent, intent_of(type));
    assert_int_equal(trace.usages[event->usage], usage);
    assert_int_equal((uint64_t)1 << event->alignment_log2, vk.alignment);
    return event->id;
}

static void expect_free(uint32_t id) {
    const struct trace_event *event = &trace.events[at++];
    assert_int_equal(event->size, 0);
    assert_int_equal(event->id, id);
}

static void first_part_stands_in_the_trace(void **state) {
    (void)state;
    uint32_t ids[MOST_TYPES];
    for (uint32_t i = 0; i < vk.type_count; i++)
        ids[i] = expect_alloc(1000 + i, vk.types[i], VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    for (uint32_t i = 0; i < vk.type_count; i++)
        expect_free(ids[i]);
    uint32_t shared = expect_alloc(2000, vk.types[0], VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
    uint32_t other =
        expect_alloc(3000, vk.types[0], VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT);
    expect_free(other);
    expect_free(shared);
}

static void threads_lose_nothing(void **state) {
    (void)state;
    uint32_t counts[THREADS] = { 0 }, frees = 0, end = at + 2 * THREADS * BUFFERS_PER_THREAD;
    assert_true(trace.event_count >= end);
    for (; at < end; at++) {
        const struct trace_event *event = &trace.events[at];
        if (event->size == 0) {
            frees++;
            continue;
        }
        assert_in_range(event->size, 100, 100 + THREADS - 1);
        counts[event->size - 100]++;
    }
    for (uint32_t i = 0; i < THREADS; i++)
        assert_int_equal(counts[i], BUFFERS_PER_THREAD);
    assert_int_equal(frees, THREADS * BUFFERS_PER_THREAD);
}

/* The layer is unloaded with its last instance, its trace must go on all the same. */
static void a_second_instance_goes_on_in_the_same_trace(void **state) {
    (void)state;
    for (uint32_t i = 0; i < vk.type_count; i++)
        (void)expect_alloc(1000 + i, vk.types[i], VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
    at += vk.type_count;
    assert_int_equal(at, trace.event_count);
}

static void memory_types_are_as_asked(void **state) {
    (void)state;
    if (!is_discrete())
        return;
    bool seen[TRACE_INTENT_COUNT] = { false };
    for (uint32_t i = 0; i < vk.type_count; i++)
        seen[intent_of(vk.types[i])] = true;
    assert_true(seen[TRACE_DEVICE] && seen[TRACE_UPLOAD] && seen[TRACE_READBACK] && seen[TRACE_SHARED]);
}

/* ---- The program that is recorded ---- */

static void run_program(void) {
    open_instance();
    open_device();
    find_types();
    use_each_type();
    use_odd_ways();
    use_threads();
    close_device();
    open_instance();
    open_device();
    use_each_type();
    close_device();
}

int main(void) {
    const char *path = getenv("BDA_RECORD_FILE");
    char error[TRACE_ERROR_LENGTH];
    if (volkInitialize() != VK_SUCCESS)
        return SKIPPED;
    if (path == NULL || getenv("BDA_RECORD_MEMORY") == NULL) {
        print_message("start me through ctest, which turns the layer on\n");
        return EXIT_FAILURE;
    }
    (void)remove(path);
    run_program();
    if (!trace_open(path, &trace, error)) {
        print_message("%s\n", error);
        return EXIT_FAILURE;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_types_are_as_asked),
        cmocka_unit_test(first_part_stands_in_the_trace),
        cmocka_unit_test(threads_lose_nothing),
        cmocka_unit_test(a_second_instance_goes_on_in_the_same_trace),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    trace_free(&trace);
    return failed;
}
