/*
 * Full allocators play a trace: each buffer with its own intent and usage, in memory taken from a driver.
 *
 * - memory: on the fake driver of the tests, which counts the most bytes of VkDeviceMemory at a time, and the calls of
 *   vkAllocateMemory. Its machine is a discrete GPU of which the CPU can reach a part.
 * - time: a new allocator each round, so that the making of its blocks is in the figure; on the machine's own driver,
 * or on the fake one, whose calls cost more than a real driver's (it checks what it is told).
 *
 * Usage bits of extensions are left out, since not every device has them and memory is the same without.
 */
#include "replay.h"

#include "fake/fake_vulkan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAKE_BASE_ALIGNMENT = 1 << 16, MOST_ALLOCATORS = 3 };

#define FAKE_HEAP_SIZE ((VkDeviceSize)16 << 30)

/* Of core Vulkan, and the address that everything has here. */
static const uint64_t kept_usage = 0x1FF;

struct full_player {
    const struct replay_full_allocator *allocator;
    void *self;
    struct replay_held *held; /* by id; first 0: not alive */
    double *times;
    uint64_t peak; /* bytes of VkDeviceMemory */
};

/* ---- libbdaalloc ---- */

static void *create(const struct bench_device *device) {
    const BdaAllocatorInfo info = { .flags = BDA_ALLOCATOR_EXTERNALLY_SYNCHRONIZED_BIT,
                                    .api_version = device->api_version,
                                    .instance = device->instance,
                                    .physical_device = device->physical_device,
                                    .device = device->device,
                                    .get_instance_proc_addr = device->get_instance_proc_addr,
                                    .device_info = device->device_info };
    BdaAllocator allocator;
    return bda_create_allocator(&info, &allocator) == VK_SUCCESS ? allocator : NULL;
}

static void destroy(void *self) {
    (void)bda_destroy_allocator(self);
}

static BdaAllocInfo info_of(const struct trace_event *event) {
    static const BdaIntent intents[TRACE_INTENT_COUNT] = { BDA_INTENT_DEVICE, BDA_INTENT_UPLOAD, BDA_INTENT_READBACK,
                                                           BDA_INTENT_SHARED };
    return (BdaAllocInfo){ .size = event->size,
                           .alignment = (VkDeviceSize)1 << event->alignment_log2,
                           .intent = intents[event->intent] };
}

static bool alloc_range(void *self, const struct trace_event *event, VkBufferUsageFlags usage,
                        struct replay_held *held) {
    BdaAllocInfo info = info_of(event);
    BdaAllocation a;
    info.usage = usage;
    if (bda_alloc(self, &info, &a) != VK_SUCCESS)
        return false;
    held->first = a.handle;
    return true;
}

static bool alloc_buffer(void *self, const struct trace_event *event, VkBufferUsageFlags usage,
                         struct replay_held *held) {
    const VkBufferCreateInfo buffer_info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                             .size = event->size,
                                             .usage = usage };
    const BdaAllocInfo info = info_of(event);
    BdaAllocation a;
    if (bda_alloc_buffer(self, &buffer_info, &info, &a) != VK_SUCCESS)
        return false;
    held->first = a.handle;
    return true;
}

static void free_one(void *self, const struct replay_held *held) {
    (void)bda_free(self, held->first);
}

const struct replay_full_allocator replay_bda_ranges = { "bda_alloc", create, destroy, alloc_range, free_one };
const struct replay_full_allocator replay_bda_buffers = { "bda_alloc_buffer", create, destroy, alloc_buffer, free_one };

/* ---- One play ---- */

/* The bytes of VkDeviceMemory there are. */
static uint64_t taken(struct fake_driver *fake) {
    uint64_t sum = 0;
    for (uint32_t heap = 0; heap < VK_MAX_MEMORY_HEAPS; heap++)
        sum += fake_heap_used(fake, heap);
    return sum;
}

/* With `fake` its memory is watched, which takes time. */
static void play(struct full_player *player, const struct trace *trace, struct fake_driver *fake) {
    const struct replay_full_allocator *allocator = player->allocator;
    for (uint32_t i = 0; i < trace->event_count; i++) {
        const struct trace_event *event = &trace->events[i];
        struct replay_held *held = &player->held[event->id];
        if (event->size == 0) {
            allocator->free(player->self, held);
            held->first = 0;
            continue;
        }
        VkBufferUsageFlags usage = (VkBufferUsageFlags)(trace->usages[event->usage] & kept_usage);
        usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
        if (!allocator->alloc(player->self, event, usage, held))
            bench_fail("%s refused a buffer of %llu bytes", allocator->name, (unsigned long long)event->size);
        uint64_t now = fake != NULL ? taken(fake) : 0;
        player->peak = now > player->peak ? now : player->peak;
    }
}

static void start(struct full_player *player, const struct bench_device *device) {
    player->self = player->allocator->create(device);
    if (player->self == NULL)
        bench_fail("%s could not be made on %s", player->allocator->name, device->name);
}

static void finish(struct full_player *player, const struct trace *trace) {
    for (uint32_t id = 0; id < trace->id_count; id++)
        if (player->held[id].first != 0)
            player->allocator->free(player->self, &player->held[id]);
    memset(player->held, 0, trace->id_count * sizeof *player->held);
    player->allocator->destroy(player->self);
}

/* ---- The driver that counts ---- */

static struct bench_device device_of(struct fake_driver *fake) {
    const BdaAllocatorInfo info = fake_allocator_info(fake);
    return (struct bench_device){ .name = "the fake driver",
                                  .instance = info.instance,
                                  .physical_device = info.physical_device,
                                  .device = info.device,
                                  .get_instance_proc_addr = info.get_instance_proc_addr,
                                  .device_info = info.device_info,
                                  .api_version = info.api_version };
}

static struct fake_driver *open_fake(void) {
    const struct fake_config config = { .machine = FAKE_MACHINE_DISCRETE,
                                        .heap_size = FAKE_HEAP_SIZE,
                                        .base_alignment = FAKE_BASE_ALIGNMENT,
                                        .dirty_bytes = 1,
                                        .quiet = true };
    struct fake_driver *fake = fake_create(&config);
    if (fake == NULL)
        bench_fail("out of memory");
    return fake;
}

/* ---- Figures ---- */

static void report_memory(const struct replay *replay, const struct full_player *player, unsigned calls) {
    static const char what[] = "memory taken from the fake driver";
    const char *who = player->allocator->name;
    replay_add(replay, what, who, "peak, MiB", "MiB", bench_exactly((double)player->peak / (1 << 20)));
    replay_add(replay, what, who, "waste, %", "%", bench_exactly(replay_waste(&replay->trace, player->peak)));
    replay_add(replay, what, who, "vkAllocateMemory", "calls", bench_exactly(calls));
}

/* A driver of its own, so that its counts are this allocator's. */
static void count_memory(const struct replay *replay, struct full_player *player) {
    struct fake_driver *fake = open_fake();
    const struct bench_device device = device_of(fake);
    start(player, &device);
    play(player, &replay->trace, fake);
    report_memory(replay, player, fake_call_count(fake, FAKE_CALL_ALLOCATE_MEMORY));
    finish(player, &replay->trace);
    unsigned broken = fake_violation_count(fake);
    if (broken != 0)
        printf("%s broke a rule of Vulkan %u times, first: %s\n", player->allocator->name, broken,
               fake_violation(fake, 0));
    (void)fake_destroy(fake);
}

static void time_round(struct full_player *player, const struct trace *trace, const struct bench_device *device,
                       double *ns) {
    start(player, device);
    double begin = bench_seconds();
    play(player, trace, NULL);
    *ns = (bench_seconds() - begin) * 1e9 / trace->event_count;
    finish(player, trace);
}

static void time_on(const struct replay *replay, struct full_player *players, uint32_t count,
                    const struct bench_device *device) {
    char what[80];
    (void)snprintf(what, sizeof what, "time with %.60s", device->name);
    for (uint32_t round = 0; round < replay->options->rounds; round++)
        for (uint32_t i = 0; i < count; i++)
            time_round(&players[i], &replay->trace, device, &players[i].times[round]);
    for (uint32_t i = 0; i < count; i++)
        replay_add(replay, what, players[i].allocator->name, "ns per event", "ns",
                   bench_spread_of(players[i].times, replay->options->rounds));
}

static void time_all(const struct replay *replay, struct full_player *players, uint32_t count) {
    if (replay->options->real_device) {
        const struct bench_device *device = bench_device_open();
        if (device != NULL)
            time_on(replay, players, count, device);
        bench_device_close();
        return;
    }
    struct fake_driver *fake = open_fake();
    const struct bench_device device = device_of(fake);
    time_on(replay, players, count, &device);
    (void)fake_destroy(fake);
}

/* ---- The field ---- */

static const struct replay_full_allocator *const allocators[] = {
    &replay_bda_ranges,
    &replay_bda_buffers,
#ifdef BENCH_HAS_VMA
    &replay_vma_buffers,
#endif
};

uint32_t replay_full(const struct replay *replay) {
    struct full_player players[MOST_ALLOCATORS];
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof allocators / sizeof allocators[0]; i++)
        if (replay_wants(replay->options, allocators[i]->name))
            players[count++] =
                (struct full_player){ .allocator = allocators[i],
                                      .held = bench_memory(replay->trace.id_count, sizeof(struct replay_held)),
                                      .times = bench_memory(replay->options->rounds, sizeof(double)) };
    for (uint32_t i = 0; i < count; i++)
        count_memory(replay, &players[i]);
    if (count != 0)
        time_all(replay, players, count);
    for (uint32_t i = 0; i < count; i++) {
        free(players[i].held);
        free(players[i].times);
    }
    return count;
}
